//! Rows of the database as clients see them. A new column does not compile until it is shown here or named as hidden.

use chrono::{DateTime, Utc};
use dlcs_api::batch::BatchLinks;
use dlcs_api::{Batch, BatchMember, Image, Links, Queue};
use dlcs_db::batch::QueueSize;
use dlcs_db::item::{Asset, Outcome};
use dlcs_db::{batch, image};
use dlcs_model::{BatchId, CustomerId, FailureCode};

/// The thumbnail that is shown by a link of its own.
const THUMBNAIL: i32 = 400;

/// An image.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one line a field")]
pub fn image(links: &Links, row: image::Image) -> Image {
    let key = row.key();
    let (ingesting, error_code) = (row.ingesting(), row.failure_code());
    let image::Image {
        customer,
        space,
        id,
        serial: _,
        generation: _,
        origin,
        initial_origin,
        media_type,
        string1,
        string2,
        string3,
        number1,
        number2,
        number3,
        tags,
        roles,
        max_unauthorised,
        metadata,
        created,
        batch,
        ordinal: _,
        immediate,
        queued,
        dequeued,
        finished,
        error_code: _,
        error,
        attempts,
        ready_generation: _,
        derivative: _,
        width,
        height,
        size,
        thumbnail_size: _,
    } = row;
    let has_thumbnail = width.max(height).is_some_and(|long| long >= THUMBNAIL);
    let thumbs = links.thumbs(&key);
    Image {
        id,
        space,
        origin: Some(origin).filter(|origin| !origin.is_empty()),
        initial_origin,
        media_type,
        string1,
        string2,
        string3,
        number1,
        number2,
        number3,
        tags,
        roles,
        max_unauthorised,
        metadata,
        width,
        height,
        size,
        created: created.into(),
        queued: Some(queued.into()),
        dequeued: dequeued.map(Into::into),
        finished: finished.map(Into::into),
        ingesting,
        error,
        error_code,
        attempts,
        batch: (!immediate).then(|| links.batch(customer, batch)),
        info_json: format!("{}/info.json", links.image_service(&key)),
        image_service: links.image_service(&key),
        thumbnail400: has_thumbnail.then(|| format!("{thumbs}/full/!{THUMBNAIL},{THUMBNAIL}/0/default.jpg")),
        thumbnail_image_service: thumbs,
        storage: links.image_storage(&key),
    }
}

/// An image with its outcome in `batch`.
#[must_use]
pub fn member(links: &Links, batch: BatchId, row: Asset) -> BatchMember {
    let Asset { image: now, outcome } = row;
    let error_code: Option<FailureCode> = outcome.failure_code();
    let Outcome {
        item_ordinal: _,
        item_generation: _,
        item_stage: _,
        item_state: state,
        item_attempts: attempts,
        item_queued: queued,
        item_dequeued: dequeued,
        item_finished: finished,
        item_error_code: _,
        item_error: error,
    } = outcome;
    let customer = now.customer;
    let image = Image {
        queued: Some(queued.into()),
        dequeued: dequeued.map(Into::into),
        finished: finished.map(Into::into),
        ingesting: !state.is_final(),
        error,
        error_code,
        attempts,
        batch: Some(links.batch(customer, batch)),
        ..image(links, now)
    };
    BatchMember { state: state.into(), image }
}

/// A batch at a moment.
#[must_use]
pub fn batch(links: &Links, row: batch::Batch, now: DateTime<Utc>) -> Batch {
    let (superseded, rate) = (row.superseded(), row.rate(now));
    let batch::Batch {
        id,
        customer,
        lane: _,
        label,
        immediate: _,
        count,
        completed,
        errors,
        gone: _,
        worked: _,
        pace: _,
        paced: _,
        submitted,
        started,
        finished,
        cancelled,
    } = row;
    let done = completed + errors;
    let waited = (started.or(finished).unwrap_or(now) - submitted).as_seconds_f64().max(0.0);
    let left = rate.filter(|_| finished.is_none()).map(|rate| f64::from(count - done) / rate);
    let estimate = left.and_then(|left| now.checked_add_signed(chrono::Duration::try_seconds(left.round() as i64)?));
    Batch {
        submitted: submitted.into(),
        label,
        count,
        completed,
        errors,
        finished: finished.map(Into::into),
        superseded,
        cancelled: cancelled.is_some(),
        percent: rounded(100.0 * f64::from(done) / f64::from(count.max(1))),
        queued_for: rounded(waited),
        images_per_second: rate.map(|rate| (rate * 100.0).round() / 100.0),
        est_completion: estimate.map(Into::into),
        links: BatchLinks::new(links, customer, id),
    }
}

/// Two digits are enough for figures that people read; 100 is only reached by 100.
fn rounded(number: f64) -> f64 {
    (number * 100.0).floor() / 100.0
}

/// What tells one state of a batch from another, however the figures that depend on the time of asking move.
#[must_use]
pub fn batch_version(row: &batch::Batch) -> String {
    let batch::Batch { id, completed, errors, gone, started, finished, cancelled, .. } = row;
    format!("{id} {completed} {errors} {gone} {started:?} {finished:?} {cancelled:?}")
}

/// A queue.
#[must_use]
pub fn queue(links: &Links, customer: CustomerId, row: QueueSize) -> Queue {
    let QueueSize { size, batches_waiting, images_waiting } = row;
    Queue::new(links, customer, size, batches_waiting, images_waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlcs_model::Lane;
    use serde_json::json;

    fn row(completed: i32, errors: i32) -> batch::Batch {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        batch::Batch {
            id: BatchId(9),
            customer: CustomerId(2),
            lane: Lane::Normal,
            label: None,
            immediate: false,
            count: 300,
            completed,
            errors,
            gone: 0,
            worked: completed + errors,
            // As after ten seconds at ten images a second.
            pace: 10.0 * batch::RECENT * (1.0 - (-10.0 / batch::RECENT).exp()),
            paced: Some(at("2026-11-23T05:00:20Z")),
            submitted: at("2026-11-23T05:00:00Z"),
            started: Some(at("2026-11-23T05:00:10Z")),
            finished: None,
            cancelled: None,
        }
    }

    #[test]
    fn a_batch_tells_its_progress() {
        let now = "2026-11-23T05:00:20Z".parse().unwrap();
        let shown = serde_json::to_value(batch(&Links::new("http://x"), row(80, 20), now)).unwrap();
        let expected = json!({
            "submitted": "2026-11-23T05:00:00.000000Z", "count": 300, "completed": 80, "errors": 20,
            "superseded": false, "cancelled": false, "percent": 33.33, "queuedFor": 10.0, "imagesPerSecond": 10.0,
            "estCompletion": "2026-11-23T05:00:40.000000Z",
            "images": "http://x/customers/2/queue/batches/9/images",
            "completedImages": "http://x/customers/2/queue/batches/9/completedImages",
            "errorImages": "http://x/customers/2/queue/batches/9/errorImages",
            "assets": "http://x/customers/2/queue/batches/9/assets",
            "test": "http://x/customers/2/queue/batches/9/test",
            "retry": "http://x/customers/2/queue/batches/9/retry",
            "cancel": "http://x/customers/2/queue/batches/9/cancel",
            "events": "http://x/customers/2/queue/batches/9/events"
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_batch_that_has_not_begun_promises_nothing() {
        let now = "2026-11-23T05:00:20Z".parse().unwrap();
        let idle = batch::Batch { started: None, pace: 0.0, paced: None, ..row(0, 0) };
        let shown = batch(&Links::new("http://x"), idle, now);
        assert_eq!((shown.queued_for, shown.images_per_second, shown.est_completion), (20.0, None, None));
    }
}
