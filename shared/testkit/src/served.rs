//! A service in the process of its test.

use std::net::TcpListener;
use std::thread::JoinHandle;

/// A service on a port of its own; stopped with the value, which fails the test if the service failed.
pub struct Served {
    root: String,
    stop: Box<dyn Fn() + Send + Sync>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Served {
    /// Starts the service that `run` makes for a port, as a process would: the system's own runtime, and the loops on
    /// it. `stop` tells it to end.
    ///
    /// # Errors
    /// There is no port.
    pub fn start<F>(
        run: impl FnOnce(TcpListener) -> F + Send + 'static,
        stop: impl Fn() + Send + Sync + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let root = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let thread = std::thread::spawn(|| actix_web::rt::System::with_tokio_rt(|| runtime).block_on(run(listener)));
        Ok(Self { root, stop: Box::new(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }
}

impl Drop for Served {
    #[expect(clippy::panic, reason = "a service that failed fails its test")]
    fn drop(&mut self) {
        (self.stop)();
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(Err(error))) if !std::thread::panicking() => panic!("the service failed: {error:#}"),
            Some(Err(_)) if !std::thread::panicking() => panic!("the service panicked"),
            _ => {}
        }
    }
}
