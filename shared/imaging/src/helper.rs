//! A second thread for one image: it takes over what can be done beside decoding.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

type Task = Box<dyn FnOnce() + Send>;

/// A thread that waits for work; it ends with this value, after what it was given.
#[derive(Debug)]
pub struct Helper {
    tasks: Sender<Task>,
}

impl Helper {
    /// Starts the thread, which prepares itself first; returns what came of that.
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn start<T: Send + 'static>(prepare: impl FnOnce() -> T + Send + 'static) -> io::Result<(Self, T)> {
        let (tasks, given) = channel::<Task>();
        let (prepared, ready) = channel();
        thread::Builder::new().name("helper".to_owned()).spawn(move || {
            let _ = prepared.send(prepare());
            drop(prepared);
            given.into_iter().for_each(|task| task());
        })?;
        Ok((Self { tasks }, ready.recv().map_err(io::Error::other)?))
    }

    /// Gives it a task, of which the result will be received; none comes from a task that panicked.
    pub fn give<T: Send + 'static>(&self, task: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
        let (done, result) = channel();
        // Without a thread nothing will come, which the receiver finds out.
        let _ = self.tasks.send(Box::new(move || drop(done.send(task()))));
        result
    }
}
