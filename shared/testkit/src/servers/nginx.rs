//! nginx with a folder of files, plain and with TLS.

use std::path::Path;
use std::process::Command;

use super::{Authority, HOST, PASSWORD, Server, USER, free_ports};

/// A running nginx. Below `/private/` it asks for the test's user.
#[derive(Debug)]
pub struct Nginx {
    /// Where it speaks HTTP.
    pub http: u16,
    /// Where it speaks HTTPS.
    pub https: u16,
    _server: Server,
}

impl Nginx {
    /// Serves the files of `root`; its own state goes to `folder`.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub async fn start(folder: &Path, root: &Path, authority: &Authority) -> anyhow::Result<Self> {
        let http = free_ports(2)?;
        let https = http + 1;
        std::fs::write(folder.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n"))?;
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
            .collect();
        let (folder, root) = (folder.display(), root.display());
        let Authority { server_certificate, server_key, .. } = authority;
        let configuration = format!(
            "daemon off; pid {folder}/nginx.pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n{temporary}\
             server {{ listen {HOST}:{http}; listen {HOST}:{https} ssl; root {root};\n\
             ssl_certificate {}; ssl_certificate_key {};\n\
             location /private/ {{ auth_basic private; auth_basic_user_file {folder}/users; }} }} }}\n",
            server_certificate.display(),
            server_key.display(),
        );
        let file = format!("{folder}/nginx.conf");
        std::fs::write(&file, configuration)?;
        let mut command = Command::new("/usr/sbin/nginx");
        command.args(["-c", &file]);
        let log = format!("{folder}/nginx.log");
        let server = Server::start(&mut command, (std::net::Ipv4Addr::LOCALHOST, http).into(), Path::new(&log)).await?;
        Ok(Self { http, https, _server: server })
    }
}
