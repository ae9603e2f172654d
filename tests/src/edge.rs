//! The edge in front of the services, as it is deployed: nginx with the project's own template.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::ports;

/// A running nginx and the ports it expects the services at; ends when dropped.
pub struct Edge {
    /// The public root.
    pub root: String,
    /// The image service's port.
    pub images: u16,
    gateway: u16,
    status: u16,
    nginx: Child,
}

impl Edge {
    /// Starts nginx in a folder of its own; the services may come later.
    ///
    /// # Errors
    /// nginx is not installed or the template is not there.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let (edge, gateway, status, images) = (ports::free()?, ports::free()?, ports::free()?, ports::free()?);
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nginx/dlcs.conf.template");
        let template = std::fs::read_to_string(&template).with_context(|| format!("{}", template.display()))?;
        let server = template
            .replace("${DLCS_EDGE_LISTEN}", &format!("127.0.0.1:{edge}"))
            .replace("${DLCS_GATEWAY}", &format!("127.0.0.1:{gateway}"))
            .replace("${DLCS_STATUS}", &format!("127.0.0.1:{status}"))
            .replace("${DLCS_IMAGES}", &format!("127.0.0.1:{images}"));
        let prefix = folder.join("edge");
        std::fs::create_dir_all(&prefix)?;
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", prefix.display()))
            .collect();
        let main = "daemon off; worker_processes 1; pid nginx.pid; events { worker_connections 1024; }";
        let user = if is_root() { "user root;" } else { "" };
        let conf = format!("{user} {main}\nhttp {{ access_log off;\n{temporary}\n{server}\n}}\n");
        std::fs::write(prefix.join("nginx.conf"), conf)?;
        let log = std::fs::File::create(prefix.join("error.log"))?;
        let nginx = Command::new("nginx")
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(&prefix)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("nginx cannot be started")?;
        Ok(Self { root: format!("http://127.0.0.1:{edge}"), images, gateway, status, nginx })
    }

    /// The port a service listens at; workers have none.
    #[must_use]
    pub fn port_of(&self, service: &str) -> Option<u16> {
        match service {
            "gateway" => Some(self.gateway),
            "status" => Some(self.status),
            "images" => Some(self.images),
            _ => None,
        }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // TERM, so that nginx ends its workers too.
        let _ = Command::new("kill").arg(self.nginx.id().to_string()).status();
        let _ = self.nginx.wait();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
