//! Connections that wait for the next file of the same origin: for most files logging in takes longer than reading.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

/// How long a connection waits.
const IDLE: Duration = Duration::from_secs(15);

/// Of whom, with what, to where. A digest, as secrets are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// Made of everything that two uses of a connection must have in common.
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// Connections that nobody uses at the moment.
pub(super) struct Idle<C> {
    most: usize,
    waiting: Arc<Mutex<Waiting<C>>>,
}

type Waiting<C> = HashMap<Key, Vec<(Instant, C)>>;

impl<C> Clone for Idle<C> {
    fn clone(&self) -> Self {
        Self { most: self.most, waiting: self.waiting.clone() }
    }
}

impl<C: Send + 'static> Idle<C> {
    /// Keeps at most so many for one key.
    pub(super) fn new(most: u16) -> Self {
        Self { most: most.into(), waiting: Arc::default() }
    }

    /// The one that waits for the shortest time, as it is the most likely to be open still.
    pub(super) fn take(&self, key: &Key) -> Option<C> {
        let mut waiting = lock(&self.waiting);
        let (since, connection) = waiting.get_mut(key)?.pop()?;
        (since.elapsed() < IDLE).then_some(connection)
    }

    /// Keeps a connection for a while.
    pub(super) fn put(&self, key: Key, connection: C) {
        let mut waiting = lock(&self.waiting);
        let alike = waiting.entry(key).or_default();
        if alike.len() < self.most {
            alike.push((Instant::now(), connection));
        }
        drop(waiting);
        let waiting = Arc::downgrade(&self.waiting);
        tokio::spawn(async move {
            sleep(IDLE).await;
            if let Some(waiting) = waiting.upgrade() {
                lock(&waiting).retain(|_, alike| {
                    alike.retain(|(since, _)| since.elapsed() < IDLE);
                    !alike.is_empty()
                });
            }
        });
    }
}

fn lock<C>(waiting: &Mutex<Waiting<C>>) -> MutexGuard<'_, Waiting<C>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_wait_for_their_own_kind_and_not_for_long() {
        let (idle, key) = (Idle::new(2), Key::of(&["a", "bc"]));
        for connection in 1..=3 {
            idle.put(key, connection);
        }
        assert_eq!(idle.take(&Key::of(&["ab", "c"])), None);
        assert_eq!((idle.take(&key), idle.take(&key), idle.take(&key)), (Some(2), Some(1), None));
        lock(&idle.waiting).insert(key, vec![(Instant::now() - IDLE, 4)]);
        assert_eq!(idle.take(&key), None);
    }
}
