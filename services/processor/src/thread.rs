//! Decoding and encoding on threads of their own: a decoder that panics or never ends must not take the service along.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dlcs_model::{Failure, FailureCode};
use tokio::sync::oneshot;

/// Runs `work` on a new thread. If the answer is no longer awaited, the thread still runs to its end.
///
/// # Errors
/// What `work` says; `decoder-crash` if it panics; our own trouble if there is no thread to be had.
pub async fn run<T, F>(work: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Failure> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    // Not one of the runtime's blocking threads: the process must be able to end while a decoder does not.
    let thread = std::thread::Builder::new().name("derive".to_owned()).spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(crash()));
        let _ = sender.send(result);
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread to work on");
        return Err(Failure::internal());
    }
    receiver.await.unwrap_or_else(|_| Err(crash()))
}

fn crash() -> Failure {
    Failure::new(FailureCode::DecoderCrash, "the decoder broke off on this image")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_the_images_failure() {
        assert_eq!(run(|| Ok(7)).await, Ok(7));
        let failure = run::<(), _>(|| panic!("on purpose")).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::DecoderCrash);
        assert_eq!(run::<(), _>(|| Err(Failure::internal())).await, Err(Failure::internal()));
    }
}
