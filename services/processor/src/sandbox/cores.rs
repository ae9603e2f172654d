//! Whether an image gets a second thread: only where a core would be idle without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::wire::Threads;

/// The cores, and how many images are being worked on.
#[derive(Debug, Clone)]
pub(super) struct Cores {
    cores: usize,
    images: Arc<AtomicUsize>,
}

/// An image that is being worked on.
pub(super) struct Working(Arc<AtomicUsize>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cores {
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cores, images: Arc::default() }
    }

    /// Begins an image. Those begun before it keep the threads that they have.
    pub fn take(&self) -> (Working, Threads) {
        let images = self.images.fetch_add(1, Ordering::Relaxed) + 1;
        let threads = if images * 2 <= self.cores { Threads::Two } else { Threads::One };
        (Working(self.images.clone()), threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_thread_is_for_idle_cores() {
        let cores = Cores { cores: 5, images: Arc::default() };
        let (first, two) = cores.take();
        let (second, also) = cores.take();
        let (_third, one) = cores.take();
        assert_eq!([two, also, one], [Threads::Two, Threads::Two, Threads::One]);
        drop((first, second));
        assert_eq!(cores.take().1, Threads::Two);
    }
}
