//! How many members a filtered collection has, without counting millions of rows for every page of it.

use std::time::{Duration, Instant};

use dlcs_db::DbError;
use moka::Expiry;
use moka::future::Cache;

/// A count that is had faster than this is made each time.
const QUICK: Duration = Duration::from_millis(200);
/// A slower one is believed in for so many times as long as it took.
const WORTH: u32 = 100;
/// But never longer than this.
const LONGEST: Duration = Duration::from_secs(300);
/// Counts that are remembered.
const REMEMBERED: u64 = 10_000;

/// Counts that took long, for a while: whoever pages through a large listing causes one per cent of the work of
/// counting, and sees what has changed a little later.
#[derive(Debug, Clone)]
pub(crate) struct Totals(Cache<String, (i64, Duration)>);

impl Default for Totals {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).expire_after(Freshness).build())
    }
}

impl Totals {
    /// The total known under `name`, or a fresh one.
    pub async fn get(&self, name: String, count: impl Future<Output = Result<i64, DbError>>) -> Result<i64, DbError> {
        if let Some((total, _)) = self.0.get(&name).await {
            return Ok(total);
        }
        let started = Instant::now();
        let total = count.await?;
        let took = started.elapsed();
        if took > QUICK {
            self.0.insert(name, (total, (took * WORTH).min(LONGEST))).await;
        }
        Ok(total)
    }
}

struct Freshness;

impl Expiry<String, (i64, Duration)> for Freshness {
    fn expire_after_create(&self, _: &String, (_, kept): &(i64, Duration), _: Instant) -> Option<Duration> {
        Some(*kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_was_slow_is_remembered() {
        let totals = Totals::default();
        let ask = async |name: &str, answer: i64, millis: u64| {
            let count = async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(answer)
            };
            totals.get(name.to_owned(), count).await.unwrap()
        };
        assert_eq!((ask("slow", 1, 250).await, ask("slow", 2, 0).await, ask("other", 3, 0).await), (1, 1, 3));
        assert_eq!((ask("quick", 1, 0).await, ask("quick", 2, 0).await), (1, 2));
    }
}
