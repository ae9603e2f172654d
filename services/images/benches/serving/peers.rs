//! The servers: ours, nginx with files, iipsrv behind nginx. Each is left out where it is not installed.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load::Connection;
use crate::{Published, floor};

const NGINX: &str = "/usr/sbin/nginx";
const IIPSRV: &str = "/usr/lib/iipimage-server/iipsrv.fcgi";

/// A running server; it ends with this value.
pub struct Server {
    pub name: &'static str,
    pub port: u16,
    /// What its paths begin with.
    pub root: &'static str,
    processes: Vec<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // nginx's workers end with their master when it is asked to, not when it is killed.
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            let _ = process.wait();
        }
    }
}

impl Server {
    fn start(name: &'static str, port: u16, root: &'static str, commands: Vec<Command>) -> Self {
        let spawn = |mut command: Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let server = Self { name, port, root, processes: commands.into_iter().map(spawn).collect() };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "{name} does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Our own, with further arguments.
    pub fn ours(name: &'static str, program: &str, storage_url: &str, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--storage-url", storage_url]).args(arguments);
        command.args(["--access-log", "problems"]).env("DLCS_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()));
        Self::start(name, port, "", vec![command])
    }

    /// Resident memory now and at its peak, of its first process.
    pub fn memory(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.processes[0].id())).unwrap();
        let line = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or("?").trim().to_owned();
        format!("{}, at most {}", line("VmRSS:"), line("VmHWM:"))
    }

    /// Processor time so far, of children too.
    pub fn processor_seconds(&self) -> f64 {
        let own: Vec<u32> = self.processes.iter().map(Child::id).collect();
        let stats = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let path = entry.ok()?.path();
            let pid = path.file_name()?.to_str()?.parse::<u32>().ok()?;
            let stat = std::fs::read_to_string(path.join("stat")).ok()?;
            let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
            let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
            (own.contains(&pid) || own.contains(&fields[1].parse().ok()?)).then_some(ticks)
        });
        stats.sum::<u64>() as f64 / 100.0
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// nginx with a configuration inside `server { }` and outside of it.
fn nginx_with(
    name: &'static str,
    root: &'static str,
    folder: &Path,
    texts: (&str, &str),
    more: Vec<Command>,
) -> Server {
    let (port, state) = (free_port(), folder.join(name));
    std::fs::create_dir_all(&state).unwrap();
    let mut temporary = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(temporary, "{kind}_temp_path {}/{kind};", state.display());
    }
    let configuration = format!(
        "daemon off; user root; worker_processes 2; pid {0}/pid; error_log {0}/log crit; events {{ }}\nhttp {{ {temporary}\
         access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; types {{ image/jpeg jpg; }} {1}\n\
         server {{ listen 127.0.0.1:{port}; {2} }} }}\n",
        state.display(),
        texts.0,
        texts.1,
    );
    let file = state.join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(NGINX);
    command.arg("-c").arg(&file);
    let mut commands = more;
    commands.push(command);
    Server::start(name, port, root, commands)
}

/// nginx with the folder that [`store_answers`] fills.
pub fn nginx(folder: &Path) -> Option<Server> {
    let files = folder.join("files");
    let server = format!("root {};", files.display());
    Path::new(NGINX).exists().then(|| nginx_with("nginx", "", folder, ("", &server), Vec::new()))
}

/// Stores what is answered to each path in a file of that name.
pub fn store_answers(ours: &Server, folder: &Path, groups: &[Vec<String>]) {
    let mut connection = Connection::new(ours);
    for path in groups.iter().flatten() {
        let file = folder.join("files").join(path.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, connection.get(path)).unwrap();
    }
}

/// The server alone, over the files that [`store_answers`] made.
pub fn floor(folder: &Path) -> Server {
    let port = free_port();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(floor::FOLDER, folder.join("files")).env(floor::PORT, port.to_string());
    Server::start("actix", port, "", vec![command])
}

/// Links to our derivatives under the names by which iipsrv is asked for them.
pub fn link(folder: &Path, published: &[Published]) {
    let links = folder.join("links/iiif-img/2/3");
    std::fs::create_dir_all(&links).unwrap();
    for image in published {
        let derivative = folder.join("store").join(&image.descriptor.derivative);
        std::os::unix::fs::symlink(derivative, links.join(&image.id)).unwrap();
    }
}

/// Two processes of iipsrv, each with a cache of some megabytes, over the links.
pub fn iipsrv(name: &'static str, folder: &Path, cache: &str) -> Option<Server> {
    if !Path::new(IIPSRV).exists() || !Path::new(NGINX).exists() {
        return None;
    }
    let ports = [free_port(), free_port()];
    let start = |port: u16| {
        let mut command = Command::new(IIPSRV);
        command.args(["--bind", &format!("127.0.0.1:{port}")]).env("FILESYSTEM_PREFIX", folder.join("links/"));
        command.envs([("MAX_IMAGE_CACHE_SIZE", cache), ("JPEG_QUALITY", "85"), ("URI_MAP", "iiif=>IIIF")]);
        command.envs([("VERBOSITY", "0"), ("OMP_NUM_THREADS", "1"), ("MAX_CVT", "20000"), ("LOGFILE", "/dev/null")]);
        command
    };
    let upstream = format!("upstream iip {{ server 127.0.0.1:{}; server 127.0.0.1:{}; }}", ports[0], ports[1]);
    let names = ["REQUEST_METHOD", "QUERY_STRING", "REQUEST_URI", "SERVER_PROTOCOL", "HTTP_HOST", "SERVER_PORT"];
    let parameter = |name: &str| format!("fastcgi_param {name} ${};\n", name.to_lowercase());
    let parameters: String = names.iter().map(|name| parameter(name)).collect();
    let server = format!(
        "location / {{ fastcgi_pass iip; fastcgi_buffers 64 64k; fastcgi_buffer_size 64k; {parameters}\
         fastcgi_param SCRIPT_NAME $fastcgi_script_name; }}"
    );
    Some(nginx_with(name, "/iiif", folder, (&upstream, &server), ports.map(start).into()))
}
