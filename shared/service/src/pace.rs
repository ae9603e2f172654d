//! Pauses of loops that never give up.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Pauses that double with each failure in a row, from 100 ms to 5 s: a server that comes back is noticed within that.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(5);

    /// No failure so far.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a backoff is begun, not defaulted")]
    pub fn new() -> Self {
        Self(Self::FIRST)
    }

    /// Something went well.
    pub fn reset(&mut self) {
        self.0 = Self::FIRST;
    }

    /// The pause after a failure.
    pub fn failed(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Self::LONGEST);
        pause
    }
}

/// Pauses unless the service is told to stop; whether to go on.
pub async fn pause(duration: Duration, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(duration) => true,
        () = shutdown.cancelled() => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_make_longer_pauses() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..8).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.failed().as_millis(), 100);
    }
}
