//! An HTTP origin that tests control: good files, and every way in which a server can be bad.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a path is answered.
#[derive(Clone)]
pub enum Answer {
    /// 200 with the bytes.
    Bytes(Arc<Vec<u8>>),
    /// 200 with the bytes, after a while.
    Slow(Arc<Vec<u8>>, Duration),
    /// A status without a body.
    Status(u16),
    /// A redirect to a location.
    Redirect(String),
    /// 200 that announces all the bytes and sends only the first half.
    Short(Arc<Vec<u8>>),
    /// 200 that announces so many bytes.
    Announced(u64),
    /// The status line, then nothing for ever.
    Stall,
    /// 200 without a length, bytes that never end.
    Endless,
    /// Fails this many times with 503, then the bytes.
    Flaky(Arc<Vec<u8>>, usize),
    /// The bytes for who sends this `Authorization`, else 401.
    Protected(Arc<Vec<u8>>, String),
}

/// A running origin on loopback; ends when dropped.
pub struct Origin {
    /// `http://127.0.0.1:port`
    pub root: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    answers: Mutex<HashMap<String, Answer>>,
    hits: Mutex<HashMap<String, usize>>,
}

impl Origin {
    /// Starts an origin that knows no path yet.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let root = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State::default());
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::spawn(async move {
                    // A client that leaves in the middle is part of the game.
                    let _ = serve(socket, &state).await;
                });
            }
        });
        Ok(Self { root, state, task })
    }

    /// Lets `path` (with its `/`) answer so; returns its URL.
    pub fn set(&self, path: &str, answer: Answer) -> String {
        lock(&self.state.answers).insert(path.to_owned(), answer);
        format!("{}{path}", self.root)
    }

    /// How often a path was asked for.
    pub fn hits(&self, path: &str) -> usize {
        lock(&self.state.hits).get(path).copied().unwrap_or_default()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn serve(socket: TcpStream, state: &State) -> anyhow::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let mut request = String::new();
        if socket.read_line(&mut request).await? == 0 {
            return Ok(());
        }
        let (mut header, mut authorization) = (String::from("-"), String::new());
        while !header.trim().is_empty() {
            header.clear();
            socket.read_line(&mut header).await?;
            if let Some((_, value)) =
                header.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            {
                value.trim().clone_into(&mut authorization);
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let seen = {
            let mut hits = lock(&state.hits);
            let hits = hits.entry(path.clone()).or_default();
            *hits += 1;
            *hits
        };
        let answer = match lock(&state.answers).get(&path).cloned().unwrap_or(Answer::Status(404)) {
            Answer::Protected(bytes, wanted) if authorization == wanted => Answer::Bytes(bytes),
            Answer::Protected(..) => Answer::Status(401),
            answer => answer,
        };
        if !send(socket.get_mut(), answer, seen).await? {
            return Ok(());
        }
    }
}

/// Sends one answer; says whether the connection may be used again.
async fn send(socket: &mut TcpStream, answer: Answer, seen: usize) -> anyhow::Result<bool> {
    match answer {
        Answer::Bytes(bytes) => ok(socket, &bytes).await?,
        Answer::Slow(bytes, wait) => {
            tokio::time::sleep(wait).await;
            ok(socket, &bytes).await?;
        }
        Answer::Flaky(bytes, failures) if seen > failures => ok(socket, &bytes).await?,
        Answer::Protected(..) => status(socket, 401, "").await?,
        Answer::Flaky(..) => status(socket, 503, "Retry-After: 1\r\n").await?,
        Answer::Status(code) => status(socket, code, "").await?,
        Answer::Redirect(location) => status(socket, 302, &format!("Location: {location}\r\n")).await?,
        Answer::Short(bytes) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(&bytes[..bytes.len() / 2]).await?;
            return Ok(false);
        }
        Answer::Announced(length) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            socket.write_all(head.as_bytes()).await?;
            return Ok(false);
        }
        Answer::Stall => {
            socket.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            tokio::time::sleep(Duration::from_secs(600)).await;
            return Ok(false);
        }
        Answer::Endless => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
            loop {
                socket.write_all(&[0xFF; 65_536]).await?;
            }
        }
    }
    Ok(true)
}

async fn ok(socket: &mut TcpStream, bytes: &[u8]) -> anyhow::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: image/jpeg\r\n\r\n", bytes.len());
    socket.write_all(head.as_bytes()).await?;
    Ok(socket.write_all(bytes).await?)
}

async fn status(socket: &mut TcpStream, code: u16, headers: &str) -> anyhow::Result<()> {
    let head = format!("HTTP/1.1 {code} Status\r\n{headers}Content-Length: 0\r\n\r\n");
    Ok(socket.write_all(head.as_bytes()).await?)
}
