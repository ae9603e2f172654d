//! The broker's promises against a real RabbitMQ.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dlcs_broker::{Broker, BrokerError, BrokerSettings, Heard, Publisher, Slots, Verdict, answer_probes, consume};
use dlcs_messages::topology::queue;
use dlcs_messages::{Event, Found, Hint, Probe, Probed};
use dlcs_model::{BatchId, CustomerId, Lane, Stage};
use dlcs_service::Context;
use dlcs_testkit::{TestVhost, eventually};
use futures::StreamExt;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

const SOON: Duration = Duration::from_secs(20);
const FETCH: &str = "dlcs.fetch";

struct Bench {
    vhost: TestVhost,
    context: Context,
    broker: Broker,
    publisher: Publisher,
}

impl Bench {
    async fn new() -> Self {
        let vhost = TestVhost::create().await.unwrap();
        let context = Context::detached("test");
        let broker = Broker::start(&BrokerSettings { url: vhost.url().parse().unwrap() }, &context).unwrap();
        tokio::time::timeout(SOON, broker.connected()).await.unwrap();
        let publisher = Publisher::new(&broker);
        Self { vhost, context, broker, publisher }
    }

    /// A channel of the test's own, to look and to meddle.
    async fn meddle(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.vhost.url(), ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    async fn wait_empty(&self, queue: &str) {
        let (_connection, channel) = self.meddle().await;
        eventually(&format!("{queue} to be empty"), SOON, || async {
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let found = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap();
            (found.message_count() == 0).then_some(())
        })
        .await
        .unwrap();
    }

    async fn break_connections(&self) {
        eventually("the server to list the connections", SOON, || async {
            (self.vhost.close_connections().await.unwrap() > 0).then_some(())
        })
        .await
        .unwrap();
    }

    fn consume<H, F>(&self, slots: Slots, handler: H) -> tokio::task::JoinHandle<()>
    where
        H: Fn(Hint) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Verdict> + Send + 'static,
    {
        let (broker, shutdown) = (self.broker.clone(), self.context.shutdown.clone());
        tokio::spawn(async move { consume(&broker, Stage::Fetch, slots, handler, shutdown).await })
    }
}

fn hint(ordinal: i32) -> Hint {
    Hint { batch: BatchId(1), ordinal, generation: 1, stage: Stage::Fetch }
}

fn hints(ordinals: std::ops::Range<i32>) -> Vec<(Lane, Hint)> {
    ordinals.map(|n| (if n % 10 == 0 { Lane::Priority } else { Lane::Normal }, hint(n))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hint_is_confirmed_and_handled() {
    let bench = Bench::new().await;
    let stored = bench.publisher.publish_hints(&hints(0..1200)).await.unwrap();
    assert_eq!(stored, vec![true; 1200]);
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let (seen, running, most) = (seen.clone(), running.clone(), most.clone());
        move |hint: Hint| {
            let (seen, running, most) = (seen.clone(), running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                seen.lock().unwrap().insert(hint.ordinal);
                running.fetch_sub(1, Ordering::SeqCst);
                Verdict::Done
            }
        }
    };
    let consumer = bench.consume(Slots { normal: 8, priority: 2 }, handler);
    eventually("all hints", SOON, || async { (seen.lock().unwrap().len() == 1200).then_some(()) }).await.unwrap();
    bench.wait_empty(FETCH).await;
    bench.context.shutdown.cancel();
    consumer.await.unwrap();
    assert!(most.load(Ordering::SeqCst) <= 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_that_no_queue_took_is_not_stored() {
    let bench = Bench::new().await;
    let (_connection, channel) = bench.meddle().await;
    channel.queue_delete(queue(Stage::Process, Lane::Normal).into(), QueueDeleteOptions::default()).await.unwrap();
    let lost = (Lane::Normal, Hint { stage: Stage::Process, ..hint(2) });
    let stored =
        bench.publisher.publish_hints(&[(Lane::Normal, hint(1)), lost, (Lane::Normal, hint(3))]).await.unwrap();
    assert_eq!(stored, [true, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_at_its_fuse_refuses() {
    let bench = Bench::new().await;
    let stored = bench.publisher.publish_hints(&hints(0..25_000)).await.unwrap();
    let good = stored.iter().filter(|stored| **stored).count();
    assert!((21_000..23_500).contains(&good), "{good} stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_publishing_fails_at_once() {
    let context = Context::detached("test");
    let settings = BrokerSettings { url: "amqp://guest:guest@127.0.0.1:1".parse().unwrap() };
    let broker = Broker::start(&settings, &context).unwrap();
    let publisher = Publisher::new(&broker);
    let start = Instant::now();
    assert!(matches!(publisher.publish_hints(&hints(0..5)).await, Err(BrokerError::Down)));
    let event = Event::BatchFinished { batch: BatchId(1) };
    assert!(matches!(publisher.publish_event(&event).await, Err(BrokerError::Down)));
    assert!(start.elapsed() < Duration::from_secs(1) && !broker.is_connected());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_messages_and_panics_stop_nothing_and_a_released_hint_comes_again() {
    let bench = Bench::new().await;
    let (_connection, channel) = bench.meddle().await;
    for body in [&b"nonsense"[..], br#"{"v":"1","batch":1,"ordinal":1,"generation":1,"stage":"process"}"#] {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        channel.basic_publish("".into(), FETCH.into(), options, body, properties).await.unwrap().await.unwrap();
    }
    bench.publisher.publish_hints(&[(Lane::Normal, hint(13)), (Lane::Normal, hint(7))]).await.unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let consumer = bench.consume(Slots { normal: 1, priority: 0 }, {
        let calls = calls.clone();
        move |hint: Hint| {
            let calls = calls.clone();
            async move {
                calls.lock().unwrap().push(hint.ordinal);
                let tries = calls.lock().unwrap().iter().filter(|n| **n == hint.ordinal).count();
                assert_ne!(hint.ordinal, 13, "the unlucky one");
                if tries == 1 { Verdict::Release } else { Verdict::Done }
            }
        }
    });
    eventually("both hints", SOON, || async { (calls.lock().unwrap().len() >= 3).then_some(()) }).await.unwrap();
    bench.wait_empty(FETCH).await;
    bench.context.shutdown.cancel();
    consumer.await.unwrap();
    assert_eq!(*calls.lock().unwrap(), [13, 7, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_priority_lane_has_slots_of_its_own() {
    let bench = Bench::new().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let consumer = bench.consume(Slots::with_reserve(2), {
        let (seen, shutdown) = (seen.clone(), bench.context.shutdown.clone());
        move |hint: Hint| {
            let (seen, shutdown) = (seen.clone(), shutdown.clone());
            async move {
                seen.lock().unwrap().push(hint.ordinal);
                if hint.ordinal < 100 {
                    shutdown.cancelled().await;
                }
                Verdict::Done
            }
        }
    });
    let backlog: Vec<_> = (0..50).map(|n| (Lane::Normal, hint(n))).collect();
    bench.publisher.publish_hints(&backlog).await.unwrap();
    eventually("a full house", SOON, || async { (seen.lock().unwrap().len() == 2).then_some(()) }).await.unwrap();
    bench.publisher.publish_hints(&[(Lane::Priority, hint(100))]).await.unwrap();
    let quickly = Duration::from_secs(5);
    eventually("the urgent one", quickly, || async { seen.lock().unwrap().contains(&100).then_some(()) })
        .await
        .unwrap();
    bench.context.shutdown.cancel();
    consumer.await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 3, "nothing new is begun at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_costs_time_and_nothing_else() {
    let bench = Bench::new().await;
    let mut heard = bench.broker.subscribe_events(&["batch.finished"]);
    assert_eq!(heard.next().await, Some(Heard::Gap));
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let consumer = bench.consume(Slots { normal: 4, priority: 1 }, {
        let (seen, running, most) = (seen.clone(), running.clone(), most.clone());
        move |hint: Hint| {
            let (seen, running, most) = (seen.clone(), running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(100)).await;
                seen.lock().unwrap().insert(hint.ordinal);
                running.fetch_sub(1, Ordering::SeqCst);
                Verdict::Done
            }
        }
    });
    let stored = bench.publisher.publish_hints(&hints(0..200)).await.unwrap();
    assert_eq!(stored, vec![true; 200]);
    bench.break_connections().await;
    eventually("an end of the connection", SOON, || async { (!bench.broker.is_connected()).then_some(()) })
        .await
        .unwrap();
    tokio::time::timeout(SOON, bench.broker.connected()).await.unwrap();
    let stored = bench.publisher.publish_hints(&hints(200..220)).await.unwrap();
    assert_eq!(stored, vec![true; 20]);
    eventually("all hints", SOON, || async { (seen.lock().unwrap().len() == 220).then_some(()) }).await.unwrap();
    bench.wait_empty(FETCH).await;
    assert!(most.load(Ordering::SeqCst) <= 5, "slots hold across connections");
    assert_eq!(tokio::time::timeout(SOON, heard.next()).await.unwrap(), Some(Heard::Gap));
    let event = Event::BatchFinished { batch: BatchId(9) };
    bench.publisher.publish_event(&event).await.unwrap();
    assert_eq!(tokio::time::timeout(SOON, heard.next()).await.unwrap(), Some(Heard::Event(event)));
    bench.context.shutdown.cancel();
    consumer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_at_the_end_is_finished_and_acknowledged() {
    let bench = Bench::new().await;
    let (started, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let consumer = bench.consume(Slots { normal: 3, priority: 0 }, {
        let (started, finished) = (started.clone(), finished.clone());
        move |_| {
            let (started, finished) = (started.clone(), finished.clone());
            async move {
                started.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(700)).await;
                finished.fetch_add(1, Ordering::SeqCst);
                Verdict::Done
            }
        }
    });
    bench.publisher.publish_hints(&[(Lane::Normal, hint(1)), (Lane::Normal, hint(2))]).await.unwrap();
    eventually("the start", SOON, || async { (started.load(Ordering::SeqCst) == 2).then_some(()) }).await.unwrap();
    bench.context.shutdown.cancel();
    consumer.await.unwrap();
    assert_eq!(finished.load(Ordering::SeqCst), 2);
    bench.wait_empty(FETCH).await;
}

fn probe(origin: &str) -> Probe {
    Probe { customer: CustomerId(1), origin: origin.to_owned() }
}

/// Finds that each origin has as many bytes as its name.
async fn measure(probe: Probe) -> Probed {
    let bytes = Some(probe.origin.len() as u64);
    Probed { strategy: None, found: Found::Readable { bytes, media_type: None } }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_finds_its_answer_and_no_other() {
    let bench = Bench::new().await;
    let (broker, shutdown) = (bench.broker.clone(), bench.context.shutdown.clone());
    let answering = tokio::spawn(async move { answer_probes(&broker, 4, measure, shutdown).await });
    let asked = (0..40).map(|length| {
        let broker = bench.broker.clone();
        async move { (length, broker.probe(&probe(&"x".repeat(length)), SOON).await.unwrap()) }
    });
    for (length, probed) in futures::future::join_all(asked).await {
        assert_eq!(probed.found, Found::Readable { bytes: Some(length as u64), media_type: None });
    }
    bench.break_connections().await;
    let again = eventually("an answer after a reconnect", SOON, || async {
        bench.broker.probe(&probe("four"), Duration::from_secs(2)).await.ok()
    });
    again.await.unwrap();
    bench.context.shutdown.cancel();
    answering.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_answers_ends() {
    let bench = Bench::new().await;
    let asked = bench.broker.probe(&probe("x"), Duration::from_millis(300)).await;
    assert!(matches!(asked, Err(BrokerError::Timeout)), "{asked:?}");
    // It has gone with its time, so that it is not answered to nobody later.
    bench.wait_empty("dlcs.probe").await;
}
