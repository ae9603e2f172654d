//! Threads that render. They are few and always the same: an allocator keeps memory for each thread that ever held large
//! pictures, which adds up where any thread of a large pool may be the next to render.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use dlcs_imaging::render::{RenderError, Renderer};
use tokio::sync::oneshot;

use crate::refusal::Refusal;

/// What a thread does with its renderer, which it makes when it needs one.
type Job = Box<dyn FnOnce(&mut Option<Renderer>) + Send>;

/// The threads; they end with this value.
pub(crate) struct Renderers(Sender<Job>);

impl Renderers {
    pub fn new(count: usize) -> std::io::Result<Self> {
        let (sender, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..count {
            let jobs = jobs.clone();
            std::thread::Builder::new().name("renderer".to_owned()).spawn(move || work(&jobs))?;
        }
        Ok(Self(sender))
    }

    /// Renders on the next thread that is free.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Renderer) -> Result<T, RenderError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let job = move |own: &mut Option<Renderer>| {
            let renderer = match own {
                Some(renderer) => Ok(renderer),
                None => Renderer::new().map(|new| own.insert(new)),
            };
            // Nobody waits for it any more if it cannot be sent.
            let _ = answer.send(renderer.and_then(work));
        };
        // A job that is lost, here or by a panic, takes its end of the channel along.
        let _ = self.0.send(Box::new(job));
        let answer = answered.await.map_err(|_| Refusal::Damaged("the rendering broke off".to_owned()))?;
        answer.map_err(|e| Refusal::Damaged(e.to_string()))
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    let mut renderer = None;
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if catch_unwind(AssertUnwindSafe(|| job(&mut renderer))).is_err() {
            renderer = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_costs_one_answer() {
        let renderers = Renderers::new(1).unwrap();
        let name = |_: &mut Renderer| Ok(std::thread::current().name().map(str::to_owned));
        assert_eq!(renderers.run(name).await.unwrap().as_deref(), Some("renderer"));
        let broken = renderers.run(|_| -> Result<(), RenderError> { panic!("as a decoder might") }).await;
        assert!(matches!(broken, Err(Refusal::Damaged(_))));
        assert!(renderers.run(name).await.is_ok());
    }
}
