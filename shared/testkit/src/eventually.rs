//! Waiting for something that happens elsewhere.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Asks `probe` every 50 ms until it gives a value, which is returned.
///
/// # Errors
/// `within` has passed without one; the message names `what` was waited for.
pub async fn eventually<T, F, Fut>(what: &str, within: Duration, mut probe: F) -> anyhow::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return Ok(value);
        }
        if start.elapsed() >= within {
            bail!("waited {} s in vain for {what}", within.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_until_there_is_a_value_and_not_longer_than_told() {
        let mut asked = 0;
        let value = eventually("the third time", Duration::from_secs(5), || {
            asked += 1;
            std::future::ready((asked == 3).then_some(asked))
        });
        assert_eq!(value.await.unwrap(), 3);
        let never = eventually("a miracle", Duration::ZERO, || std::future::ready(None::<()>)).await;
        assert_eq!(never.unwrap_err().to_string(), "waited 0 s in vain for a miracle");
    }
}
