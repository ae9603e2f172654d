//! Readiness of a service that needs Postgres and nothing else to answer requests.

use std::time::Duration;

use dlcs_db::Database;
use dlcs_service::{Context, pause};

const INTERVAL: Duration = Duration::from_secs(2);

/// Says that the service is ready while Postgres answers, until the service is told to stop.
pub async fn watch_database(database: Database, context: Context) {
    let mut known = None;
    loop {
        let answer = database.ready().await;
        let ready = answer.is_ok();
        context.ready(ready);
        if known != Some(ready) {
            let error = answer.err().map(|error| error.to_string());
            tracing::info!(ready, error, "readiness");
            known = Some(ready);
        }
        if !pause(INTERVAL, &context.shutdown).await {
            return;
        }
    }
}
