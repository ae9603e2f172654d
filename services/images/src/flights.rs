//! Work that many may want at once and that is done once, for as long as anybody wants it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};

/// Pieces of work from which on those are looked for that everybody has left.
const SWEPT: usize = 64;

type Work<V> = BoxFuture<'static, V>;

/// What is being worked on now. Those who want the same share one piece of work; when the last of them stops waiting, the
/// work is dropped where it stands.
pub(crate) struct Flights<K, V: Clone>(Mutex<HashMap<K, WeakShared<Work<V>>>>);

impl<K: Eq + Hash + Clone, V: Clone> Flights<K, V> {
    pub fn new() -> Self {
        Self(Mutex::default())
    }

    /// The result of `work`, or of the work for `key` that somebody has begun.
    pub async fn join(&self, key: &K, work: impl FnOnce() -> Work<V>) -> V {
        let Ok(result) = self.try_join(key, || Ok::<_, Infallible>(work())).await;
        result
    }

    /// The same, where beginning the work may be refused; joining it is not.
    pub async fn try_join<E>(&self, key: &K, work: impl FnOnce() -> Result<Work<V>, E>) -> Result<V, E> {
        let flight = self.board(key, work)?;
        let result = flight.await;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        Ok(result)
    }

    fn board<E>(&self, key: &K, work: impl FnOnce() -> Result<Work<V>, E>) -> Result<Shared<Work<V>>, E> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(key).and_then(WeakShared::upgrade) {
            return Ok(flight);
        }
        if flights.len() >= SWEPT {
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        let flight = work()?.shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key.clone(), weak);
        }
        Ok(flight)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::poll_immediate;
    use tokio::sync::Notify;

    use super::*;

    /// Work that waits for the bell, and how often it has begun and ended.
    fn work(bell: &Arc<Notify>, counts: &Arc<[AtomicU32; 2]>) -> Work<u32> {
        let (bell, counts) = (bell.clone(), counts.clone());
        async move {
            counts[0].fetch_add(1, Ordering::Relaxed);
            bell.notified().await;
            counts[1].fetch_add(1, Ordering::Relaxed);
            7
        }
        .boxed()
    }

    #[tokio::test]
    async fn work_is_shared_and_ends_with_the_last_who_waits() {
        let (flights, bell, counts) = (Flights::new(), Arc::new(Notify::new()), Arc::default());
        let wait = || flights.join(&"key", || work(&bell, &counts));
        let counted = || [0, 1].map(|i: usize| AtomicU32::load(&counts[i], Ordering::Relaxed));
        let (mut first, mut second) = (Box::pin(wait()), Box::pin(wait()));
        assert_eq!((poll_immediate(&mut first).await, poll_immediate(&mut second).await), (None, None));
        drop(first);
        bell.notify_one();
        assert_eq!((second.await, counted()), (7, [1, 1]), "it goes on for the second");
        let mut left = Box::pin(wait());
        assert_eq!(poll_immediate(&mut left).await, None);
        drop(left);
        let (mut third, mut fourth) = (Box::pin(wait()), Box::pin(wait()));
        assert_eq!((poll_immediate(&mut third).await, poll_immediate(&mut fourth).await), (None, None));
        bell.notify_one();
        assert_eq!((third.await, fourth.await, counted()), (7, 7, [3, 2]), "nobody waited for the one between");
    }

    #[tokio::test]
    async fn what_was_left_is_forgotten() {
        let (flights, bell, counts) = (Flights::new(), Arc::new(Notify::new()), Arc::default());
        for key in 0..1000 {
            let mut left = Box::pin(flights.join(&key, || work(&bell, &counts)));
            assert_eq!(poll_immediate(&mut left).await, None);
        }
        assert!(flights.0.lock().unwrap().len() <= SWEPT);
    }
}
