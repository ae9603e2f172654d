//! Connections that ask without a pause.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::peers::Server;
use crate::requests::Random;

/// How a server is asked.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub connections: u64,
    pub seconds: u64,
    pub seed: u64,
}

/// What a request took, on average of a run.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Processor time of the server.
    pub cpu_ms: f64,
    pub per_second: f64,
    pub p99_ms: f64,
    pub bytes: usize,
}

impl Load {
    /// Asks for random paths of random groups for some seconds.
    pub fn run(self, server: &Server, groups: &[Vec<String>]) -> Cost {
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let before = server.processor_seconds();
        let results: Vec<(Vec<f64>, usize)> = std::thread::scope(|scope| {
            let start =
                |number| scope.spawn(move || client(server, groups, self.seed * self.connections + number, end));
            let running: Vec<_> = (0..self.connections).map(start).collect();
            running.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let cpu = server.processor_seconds() - before;
        let mut times: Vec<f64> = results.iter().flat_map(|(times, _)| times.iter().copied()).collect();
        times.sort_by(f64::total_cmp);
        let count = times.len();
        let bytes = results.iter().map(|(_, bytes)| bytes).sum::<usize>() / count;
        let per_second = count as f64 / self.seconds as f64;
        Cost { cpu_ms: cpu * 1000.0 / count as f64, per_second, p99_ms: times[count * 99 / 100] * 1000.0, bytes }
    }
}

fn client(server: &Server, groups: &[Vec<String>], seed: u64, end: Instant) -> (Vec<f64>, usize) {
    let mut random = Random(seed);
    let mut connection = Connection::new(server);
    let (mut times, mut bytes) = (Vec::new(), 0);
    while Instant::now() < end {
        let group = &groups[random.below(groups.len())];
        let path = &group[random.below(group.len())];
        let started = Instant::now();
        bytes += connection.get(path).len();
        times.push(started.elapsed().as_secs_f64());
    }
    (times, bytes)
}

/// A connection that is used again.
pub struct Connection<'a> {
    server: &'a Server,
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Further lines of the heads of requests.
    lines: &'static str,
}

impl<'a> Connection<'a> {
    pub fn new(server: &'a Server) -> Self {
        Self::with(server, "")
    }

    /// With a header line, end of line included.
    pub fn with(server: &'a Server, lines: &'static str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { server, stream, buffer: vec![0; 1 << 20], lines }
    }

    /// The body of an answer that must be 200.
    pub fn get(&mut self, path: &str) -> &[u8] {
        let name = self.server.name;
        let (status, body) = self.ask(path);
        assert!(status == 200, "{name}: {path}: {status}");
        body
    }

    /// The status and the body of any answer.
    pub fn ask(&mut self, path: &str) -> (u16, &[u8]) {
        let Self { server, lines, .. } = self;
        let request = format!("GET {}{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{lines}\r\n", server.root, server.port);
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut have = 0;
        loop {
            have += match self.stream.read(&mut self.buffer[have..]).unwrap() {
                0 => panic!("{} closed the connection", self.server.name),
                read => read,
            };
            let Some(end) = self.buffer[..have].windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&self.buffer[..end]).unwrap().to_ascii_lowercase();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let whole = match length {
                Some(length) => end + 4 + length.trim().parse::<usize>().unwrap(),
                // In chunks, of which the last is empty; iipsrv does not say how long its answers are.
                None if self.buffer[..have].ends_with(b"\r\n0\r\n\r\n") => have,
                None => continue,
            };
            if self.buffer.len() < whole {
                self.buffer.resize(whole, 0);
            }
            self.stream.read_exact(&mut self.buffer[have..whole]).unwrap();
            return (status, &self.buffer[end + 4..whole]);
        }
    }
}
