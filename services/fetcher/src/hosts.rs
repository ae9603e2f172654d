//! Fairness to origins: so many fetches from one host at a time, a pause for a host that asks for one or does not answer.
//!
//! An item whose host has no room goes back to wait in the database at no charge, so that a slow host holds few of our
//! slots, and the images of others go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dlcs_model::{Failure, FailureCode, RetryClass};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How long a fetch waits for its turn before it gives its slot to images of other hosts. A host that has given no turn
/// for so long stands still: one fetch waits for it, and all others come back later.
const PATIENCE: Duration = Duration::from_secs(1);

/// The shortest and the longest time after which an image comes back to a host that stands still.
const LATER: (u64, u64) = (2, 120);

/// Failures in a row after which a host is left alone for a while.
const STRIKES: u32 = 5;

/// The first and the longest pause of a host that does not answer.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));

/// From so many pauses in a row on, images are charged for what they meet: a host that is gone for good ends them.
const PAUSES_FREE: u32 = 6;

/// Hosts that are remembered; idle ones without a failure are forgotten first.
const REMEMBERED: usize = 10_000;

/// All hosts.
pub(crate) struct Hosts {
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

struct Host {
    slots: Arc<Semaphore>,
    /// Who may wait for a host that stands still.
    waiting: Semaphore,
    health: Mutex<Health>,
    line: Mutex<Line>,
}

/// How a host answers.
#[derive(Debug, Default)]
struct Health {
    strikes: u32,
    pauses: u32,
    /// It is left alone until then, and what it said last.
    paused: Option<(Instant, Failure)>,
}

/// Who comes and goes at a host.
#[derive(Debug, Default)]
struct Line {
    /// When a slot was given last.
    moved: Option<Instant>,
    /// Images that were sent away since.
    sent_away: u64,
}

/// The right to fetch from a host, until it is dropped.
pub(crate) struct Visit {
    host: Arc<Host>,
    _slot: OwnedSemaphorePermit,
}

impl Hosts {
    pub(crate) fn new(per_host: u16) -> Self {
        Self { per_host: usize::from(per_host.max(1)), hosts: Mutex::default() }
    }

    /// Waits a moment for a slot of a host.
    ///
    /// # Errors
    /// If there is none, or the host is to be left alone: a failure of the class `Waits`, or what the host said last
    /// if it has not answered for long.
    pub(crate) async fn visit(&self, name: &str) -> Result<Visit, Failure> {
        let host = self.host(name);
        lock(&host.health).check(Instant::now())?;
        let Some(slot) = host.slot().await else {
            let later = lock(&host.line).later(self.per_host);
            return Err(waits(FailureCode::OriginUnreachable, "other images of its host come first", later));
        };
        lock(&host.line).moves(Instant::now());
        Ok(Visit { host, _slot: slot })
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        if let Some(host) = hosts.get(name) {
            return host.clone();
        }
        if hosts.len() >= REMEMBERED {
            hosts.retain(|_, host| Arc::strong_count(host) > 1 || lock(&host.health).strikes > 0);
        }
        if hosts.len() >= REMEMBERED {
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let host = Arc::new(Host {
            slots: Arc::new(Semaphore::new(self.per_host)),
            waiting: Semaphore::new(1),
            health: Mutex::default(),
            line: Mutex::default(),
        });
        hosts.insert(name.to_owned(), host.clone());
        host
    }
}

impl Host {
    /// A slot, at once or after some patience.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Some(slot);
        }
        let stands = lock(&self.line).stands(Instant::now());
        let _place = if stands { Some(self.waiting.try_acquire().ok()?) } else { None };
        // The semaphore is never closed.
        timeout(PATIENCE, self.slots.clone().acquire_owned()).await.ok()?.ok()
    }
}

impl Line {
    fn moves(&mut self, now: Instant) {
        (self.moved, self.sent_away) = (Some(now), 0);
    }

    fn stands(&self, now: Instant) -> bool {
        self.moved.is_some_and(|moved| now.saturating_duration_since(moved) > PATIENCE)
    }

    /// When one more image may come back: those before it go first.
    fn later(&mut self, slots: usize) -> Duration {
        self.sent_away += 1;
        Duration::from_secs((self.sent_away / slots as u64).clamp(LATER.0, LATER.1))
    }
}

impl Visit {
    /// Notes how the visit went.
    pub(crate) fn ended(self, failure: Option<&Failure>) {
        let mut health = lock(&self.host.health);
        match failure.filter(|failure| blames_host(failure)) {
            None => *health = Health::default(),
            Some(failure) => health.strike(failure, Instant::now()),
        }
    }
}

impl Health {
    /// Whether the host may be visited.
    fn check(&mut self, now: Instant) -> Result<(), Failure> {
        let Some((until, last)) = &self.paused else { return Ok(()) };
        let left = until.saturating_duration_since(now);
        if left.is_zero() {
            self.paused = None;
            return Ok(());
        }
        if self.pauses > PAUSES_FREE {
            return Err(last.clone().transient(Some(left)));
        }
        Err(waits(last.code, &last.detail, left))
    }

    fn strike(&mut self, failure: &Failure, now: Instant) {
        self.strikes += 1;
        let asked = failure.retry_after;
        // After a pause the first failure is enough for the next.
        if asked.is_none() && self.strikes < STRIKES && self.pauses == 0 {
            return;
        }
        match &self.paused {
            // One of several that were under way together: they have failed for the same reason.
            Some((until, _)) if asked.is_none_or(|asked| now + asked <= *until) => {}
            Some(_) => self.paused = Some((now + asked.unwrap_or_default(), failure.clone())),
            None => {
                self.paused = Some((now + asked.unwrap_or_else(|| pause(self.pauses)), failure.clone()));
                self.pauses += 1;
            }
        }
    }
}

/// Doubles with each pause that went before.
fn pause(before: u32) -> Duration {
    PAUSES.0.saturating_mul(2_u32.saturating_pow(before.min(16))).min(PAUSES.1)
}

/// Whether a failure says something of the host, rather than of one image.
fn blames_host(failure: &Failure) -> bool {
    failure.class == RetryClass::Transient && failure.code != FailureCode::OriginIncomplete
}

fn waits(code: FailureCode, why: &str, at_least: Duration) -> Failure {
    let mut failure = Failure::new(code, format!("the image waits: {why}"));
    (failure.class, failure.retry_after) = (RetryClass::Waits, Some(at_least));
    failure
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    fn silent() -> Failure {
        Failure::new(FailureCode::OriginTimeout, "silent")
    }

    #[tokio::test]
    async fn a_host_has_so_many_slots_and_another_host_its_own() {
        let hosts = Hosts::new(2);
        let first = hosts.visit("a").await.unwrap();
        let _second = hosts.visit("a").await.unwrap();
        assert_eq!(hosts.visit("a").await.err().unwrap().class, RetryClass::Waits);
        let _other = hosts.visit("b").await.unwrap();
        first.ended(None);
        assert!(hosts.visit("a").await.is_ok());
    }

    #[tokio::test]
    async fn a_host_that_stands_still_keeps_one_waiting_and_sends_others_away() {
        let hosts = Arc::new(Hosts::new(1));
        let visit = hosts.visit("a").await.unwrap();
        lock(&hosts.host("a").line).moved = Instant::now().checked_sub(2 * PATIENCE);
        let waiting = hosts.visit("a");
        tokio::pin!(waiting);
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        let others: Vec<_> = (0..200).map(|_| Box::pin(hosts.visit("a"))).collect();
        let mut waits = Vec::new();
        for mut other in others {
            let Poll::Ready(refused) = futures::poll!(other.as_mut()) else { panic!("it waits too") };
            waits.push(refused.err().unwrap().retry_after.unwrap().as_secs());
        }
        assert_eq!((waits[0], waits[60], waits[199]), (2, 61, 120));
        drop(visit);
        drop(waiting.await.unwrap());
        assert!(hosts.visit("a").await.is_ok(), "it moves again");
        assert_eq!(lock(&hosts.host("a").line).sent_away, 0);
    }

    #[tokio::test]
    async fn a_visit_that_is_broken_off_gives_its_slot_back() {
        let hosts = Hosts::new(1);
        drop(hosts.visit("a").await.unwrap());
        assert!(hosts.visit("a").await.is_ok());
    }

    #[test]
    fn a_host_that_does_not_answer_is_left_alone_for_longer_and_longer() {
        let (mut health, mut now) = (Health::default(), Instant::now());
        for _ in 0..STRIKES {
            health.check(now).unwrap();
            health.strike(&silent(), now);
        }
        let mut waits = Vec::new();
        for _ in 0..10 {
            let failure = health.check(now).unwrap_err();
            waits.push((failure.class, failure.retry_after.unwrap().as_secs()));
            now += failure.retry_after.unwrap();
            health.check(now).unwrap();
            health.strike(&silent(), now);
        }
        use RetryClass::{Transient, Waits};
        let free = [2, 4, 8, 16, 32, 64].map(|wait| (Waits, wait));
        assert_eq!(waits, [&free[..], &[(Transient, 120); 4]].concat());
    }

    #[test]
    fn failures_at_the_same_time_are_one_pause() {
        let (mut health, now) = (Health::default(), Instant::now());
        for _ in 0..STRIKES + 8 {
            health.strike(&silent(), now);
        }
        assert_eq!((health.pauses, health.check(now).unwrap_err().retry_after), (1, Some(PAUSES.0)));
    }

    #[test]
    fn a_host_that_asks_for_a_pause_gets_it_at_once() {
        let (mut health, now) = (Health::default(), Instant::now());
        let busy = Failure::new(FailureCode::OriginStatus, "429").transient(Some(Duration::from_secs(30)));
        health.strike(&busy, now);
        assert_eq!(health.check(now).unwrap_err().class, RetryClass::Waits);
        assert!(health.check(now + Duration::from_secs(30)).is_ok());
    }

    #[tokio::test]
    async fn what_is_wrong_with_one_image_is_not_the_hosts_fault() {
        let hosts = Hosts::new(1);
        for code in [FailureCode::OriginNotFound, FailureCode::OriginIncomplete, FailureCode::TooLarge] {
            for _ in 0..2 * STRIKES {
                hosts.visit("a").await.unwrap().ended(Some(&Failure::new(code, "")));
            }
        }
        assert!(hosts.visit("a").await.is_ok());
    }

    #[tokio::test]
    async fn one_good_answer_is_enough_to_be_trusted_again() {
        let hosts = Hosts::new(1);
        for _ in 1..STRIKES {
            hosts.visit("a").await.unwrap().ended(Some(&silent()));
        }
        hosts.visit("a").await.unwrap().ended(None);
        hosts.visit("a").await.unwrap().ended(Some(&silent()));
        assert!(hosts.visit("a").await.is_ok());
    }
}
