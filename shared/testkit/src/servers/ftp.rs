//! FTP servers: vsftpd, which libraries run, and pyftpdlib, which can also speak implicit TLS, listen on IPv6 and lie.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use super::{Authority, HOST, PASSWORD, Server, USER, free_ports, user};

/// Ports for data, after the one for control.
const DATA_PORTS: u16 = 30;

/// How a server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FtpMode {
    /// Not at all.
    Plain,
    /// After AUTH TLS, which it demands.
    Explicit,
    /// From the first byte on.
    Implicit,
}

/// A running vsftpd: anonymous users and the test's user see `root`.
#[derive(Debug)]
pub struct Vsftpd {
    /// Where it listens.
    pub port: u16,
    _server: Server,
}

impl Vsftpd {
    /// The port for control and those for data.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        (self.port..=self.port + DATA_PORTS).collect()
    }

    /// Serves the files of `root`; its own state goes to `folder`.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub async fn start(folder: &Path, root: &Path, tls: Option<&Authority>) -> anyhow::Result<Self> {
        let port = free_ports(DATA_PORTS + 1)?;
        let empty = folder.join("empty");
        std::fs::create_dir_all(&empty)?;
        let tls = tls.map_or_else(String::new, |authority| {
            format!(
                "ssl_enable=YES\nallow_anon_ssl=YES\nforce_local_logins_ssl=YES\nforce_local_data_ssl=YES\n\
                 force_anon_logins_ssl=YES\nforce_anon_data_ssl=YES\nrequire_ssl_reuse=YES\nssl_ciphers=HIGH\n\
                 rsa_cert_file={}\nrsa_private_key_file={}\n",
                authority.server_certificate.display(),
                authority.server_key.display()
            )
        });
        let configuration = format!(
            "listen=YES\nlisten_address={HOST}\nlisten_port={port}\nbackground=NO\nseccomp_sandbox=NO\n\
             anonymous_enable=YES\nno_anon_password=NO\nanon_root={root}\nftp_username={USER}\nanon_world_readable_only=NO\n\
             local_enable=YES\nlocal_root={root}\nchroot_local_user=YES\nallow_writeable_chroot=YES\nuserlist_enable=NO\n\
             pam_service_name=other\nwrite_enable=NO\ndelay_failed_login=0\n\
             secure_chroot_dir={empty}\npasv_min_port={first}\npasv_max_port={last}\nxferlog_enable=NO\n{tls}",
            root = root.display(),
            empty = empty.display(),
            first = port + 1,
            last = port + DATA_PORTS,
        );
        let file = folder.join("vsftpd.conf");
        std::fs::write(&file, configuration)?;
        let mut command = user::command(folder, "/usr/sbin/vsftpd")?;
        command.arg(&file);
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Ok(Self { port, _server: Server::start(&mut command, address, &folder.join("vsftpd.log")).await? })
    }
}

/// A running pyftpdlib: anonymous users and the test's user see `root`.
#[derive(Debug)]
pub struct PyFtp {
    /// Where it listens.
    pub port: u16,
    _server: Server,
}

impl PyFtp {
    /// The port for control and those for data.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        (self.port..=self.port + DATA_PORTS).collect()
    }

    /// Serves the files of `root` on a loopback address. A file whose name begins with `lies` is said to be larger than it
    /// is. `named` is where it says that data is to be fetched from, if not from itself.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub async fn start(
        folder: &Path,
        root: &Path,
        (address, mode): (IpAddr, FtpMode),
        authority: &Authority,
        named: Option<Ipv4Addr>,
    ) -> anyhow::Result<Self> {
        let port = free_ports(DATA_PORTS + 1)?;
        let script = folder.join("ftp_server.py");
        std::fs::write(&script, include_str!("ftp_server.py"))?;
        let mode = match mode {
            FtpMode::Plain => "plain",
            FtpMode::Explicit => "explicit",
            FtpMode::Implicit => "implicit",
        };
        let mut command = Command::new("python3");
        command.arg(&script).arg(root).arg(&authority.server_both).args([address.to_string(), port.to_string()]);
        command.args([DATA_PORTS.to_string(), mode.to_owned(), USER.to_owned(), PASSWORD.to_owned()]);
        command.args(named.map(|named| named.to_string()));
        let log = folder.join("pyftpdlib.log");
        Ok(Self { port, _server: Server::start(&mut command, (address, port).into(), &log).await? })
    }
}
