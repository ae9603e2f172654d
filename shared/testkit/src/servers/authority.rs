//! A certificate authority for tests, and a certificate for loopback that it signed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

/// An authority that nobody but a test trusts.
#[derive(Debug)]
pub struct Authority {
    /// Its own certificate.
    pub certificate: PathBuf,
    /// The certificate of a server on loopback, with its chain.
    pub server_certificate: PathBuf,
    /// The server's key.
    pub server_key: PathBuf,
    /// Both in one file.
    pub server_both: PathBuf,
}

impl Authority {
    /// Makes one in a folder.
    ///
    /// # Errors
    /// There is no openssl, or it fails.
    pub fn create(folder: &Path) -> anyhow::Result<Self> {
        let file = |name: &str| folder.join(name);
        let extensions = "basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1,IP:127.0.0.2,IP:::1,DNS:localhost\n";
        std::fs::write(file("extensions"), extensions)?;
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
        openssl(folder, &[&["req", "-x509"], &key[..], &["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test"]])?;
        openssl(folder, &[&["req"], &key[..5], &["-keyout", "key.pem", "-out", "request", "-subj", "/CN=localhost"]])?;
        let sign = ["x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        openssl(folder, &[&sign[..], &["-days", "30", "-extfile", "extensions", "-out", "cert.pem"]])?;
        let both = [std::fs::read(file("cert.pem"))?, std::fs::read(file("key.pem"))?].concat();
        std::fs::write(file("both.pem"), both)?;
        Ok(Self {
            certificate: file("ca.pem"),
            server_certificate: file("cert.pem"),
            server_key: file("key.pem"),
            server_both: file("both.pem"),
        })
    }
}

fn openssl(folder: &Path, arguments: &[&[&str]]) -> anyhow::Result<()> {
    let output = Command::new("openssl").current_dir(folder).args(arguments.concat()).output()?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
