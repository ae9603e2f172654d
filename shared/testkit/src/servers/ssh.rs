//! OpenSSH's server, with nothing but SFTP.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use super::{HOST, Server, free_ports, user};

/// A running sshd, for the test's user with the password or the key.
#[derive(Debug)]
pub struct Sshd {
    /// Where it listens.
    pub port: u16,
    folder: PathBuf,
    server: Option<Server>,
}

impl Sshd {
    /// Starts it with keys of its own; the whole file system is there to be read.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        // Where sshd keeps what has no rights; it insists on the place.
        std::fs::create_dir_all("/run/sshd")?;
        let mut sshd = Self { port: free_ports(1)?, folder: folder.to_owned(), server: None };
        sshd.make_key("user", "")?;
        sshd.make_key("locked", "open sesame")?;
        let public = ["user.pub", "locked.pub"].map(|name| std::fs::read_to_string(folder.join(name)));
        let [user, locked] = public;
        std::fs::write(folder.join("authorized"), user? + &locked?)?;
        sshd.change_host_key().await?;
        Ok(sshd)
    }

    /// Starts it anew, as another host would be.
    ///
    /// # Errors
    /// It does not start.
    pub async fn change_host_key(&mut self) -> anyhow::Result<()> {
        self.server = None;
        let folder = &self.folder;
        self.make_key("host", "")?;
        let configuration = format!(
            "ListenAddress {HOST}:{}\nHostKey {host}\nPidFile none\nStrictModes no\nUsePAM no\n\
             AuthorizedKeysFile {keys}\nPasswordAuthentication yes\nSubsystem sftp internal-sftp\nMaxStartups 200\n\
             PerSourceMaxStartups none\n",
            self.port,
            host = folder.join("host").display(),
            keys = folder.join("authorized").display(),
        );
        let file = folder.join("sshd.conf");
        std::fs::write(&file, configuration)?;
        let mut command = user::command(folder, "/usr/sbin/sshd")?;
        command.args(["-D", "-e", "-f"]).arg(&file);
        let address = (Ipv4Addr::LOCALHOST, self.port).into();
        self.server = Some(Server::start(&mut command, address, &folder.join("sshd.log")).await?);
        Ok(())
    }

    /// The private key of the test's user, `locked` by the passphrase "open sesame" or not.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn private_key(&self, locked: bool) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.folder.join(if locked { "locked" } else { "user" }))?)
    }

    /// The host's public key: `type base64`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn host_key(&self) -> anyhow::Result<String> {
        let text = std::fs::read_to_string(self.folder.join("host.pub"))?;
        Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    }

    /// The fingerprint of that key: `SHA256:…`.
    ///
    /// # Errors
    /// There is no ssh-keygen, or it fails.
    pub fn fingerprint(&self) -> anyhow::Result<String> {
        let output = Command::new("ssh-keygen").arg("-lf").arg(self.folder.join("host.pub")).output()?;
        let text = String::from_utf8(output.stdout)?;
        Ok(text.split_whitespace().nth(1).unwrap_or_default().to_owned())
    }

    fn make_key(&self, name: &str, passphrase: &str) -> anyhow::Result<()> {
        let file = self.folder.join(name);
        let _ = std::fs::remove_file(&file);
        let mut command = Command::new("ssh-keygen");
        let output = command.args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(&file).output()?;
        ensure!(output.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}
