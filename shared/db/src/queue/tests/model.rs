//! Random sequences of everything that can happen, compared with a model that fits on a page.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};

use dlcs_messages::Hint;
use dlcs_model::{BatchId, FailureCode, Stage};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::queue::*;
use crate::testing::*;
use crate::{AsyncPgConnection, image as images};

#[derive(Debug, Clone)]
enum Step {
    /// Register these images in one batch.
    Accept(Vec<u8>),
    /// Register an image with its bytes; the hint is kept.
    Upload(u8),
    /// Whatever can be dispatched is, and the hints are kept.
    Dispatch,
    /// Deliver a hint ever published, perhaps for the second time.
    Deliver(prop::sample::Index),
    /// A worker ends its work, perhaps one that lost its lease long ago or has ended it already.
    Work(prop::sample::Index, How),
    /// All leases and hints run out.
    Expire,
    Delete(u8),
    Cancel(prop::sample::Index),
}

/// How a worker's work goes.
#[derive(Debug, Clone, Copy)]
enum How {
    Well,
    Badly,
    /// Fresh bytes might help.
    Doubtfully,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        2 => prop::collection::btree_set(0..5_u8, 1..4).prop_map(|set| Step::Accept(set.into_iter().collect())),
        1 => (0..5_u8).prop_map(Step::Upload),
        3 => Just(Step::Dispatch),
        6 => index().prop_map(Step::Deliver),
        6 => (index(), how()).prop_map(|(i, how)| Step::Work(i, how)),
        1 => Just(Step::Expire),
        1 => (0..5_u8).prop_map(Step::Delete),
        1 => index().prop_map(Step::Cancel),
    ]
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![8 => Just(How::Well), 1 => Just(How::Badly), 1 => Just(How::Doubtfully)]
}

type Item = (BatchId, i32);

/// What the system should be in, with no thought for stages, leases or messages: only who is open, and how it ended.
#[derive(Debug, Default)]
struct Model {
    latest: HashMap<u8, (Item, bool)>,
    ends: HashMap<Item, Option<Option<FailureCode>>>,
    ready: HashMap<u8, Item>,
    holder: HashMap<Item, uuid::Uuid>,
}

impl Model {
    fn open(&self, item: Item) -> bool {
        self.ends.get(&item) == Some(&None)
    }

    fn end(&mut self, item: Item, how: Option<FailureCode>) {
        if self.open(item) {
            self.ends.insert(item, Some(how));
            self.holder.remove(&item);
        }
    }

    fn accept(&mut self, image: u8, item: Item) {
        if let Some((older, _)) = self.latest.insert(image, (item, true)) {
            self.end(older, Some(FailureCode::Superseded));
        }
        self.ends.insert(item, None);
    }

    fn delete(&mut self, image: u8) -> bool {
        let Some((item, alive)) = self.latest.get_mut(&image) else { return false };
        let (item, was_alive) = (*item, std::mem::replace(alive, false));
        self.end(item, Some(FailureCode::Deleted));
        self.ready.remove(&image);
        was_alive
    }
}

struct World<'a> {
    conn: &'a mut AsyncPgConnection,
    customer: dlcs_model::CustomerId,
    model: Model,
    batches: Vec<BatchId>,
    hints: Vec<Hint>,
    claims: Vec<Claim>,
}

fn name(image: u8) -> String {
    format!("i{image}")
}

impl World<'_> {
    async fn take(&mut self, step: &Step) {
        match step {
            Step::Accept(images) => {
                let names: Vec<_> = images.iter().map(|i| name(*i)).collect();
                let accepted = accept(self.conn, &batch_of(self.customer, &names)).await.unwrap();
                for (ordinal, image) in (0..).zip(images) {
                    self.model.accept(*image, (accepted.batch, ordinal));
                }
                self.batches.push(accepted.batch);
            }
            Step::Upload(image) => {
                let accepted = accept(self.conn, &upload_of(self.customer, &name(*image))).await.unwrap();
                self.model.accept(*image, (accepted.batch, 0));
                self.hints.extend(accepted.hints.iter().map(|d| d.hint));
            }
            Step::Dispatch => self.hints.extend(dispatch_all(self.conn).await.iter().map(|d| d.hint)),
            Step::Deliver(index) if !self.hints.is_empty() => self.deliver(*index.get(&self.hints)).await,
            Step::Work(index, how) if !self.claims.is_empty() => {
                let claim = index.get(&self.claims).clone();
                self.work(&claim, *how).await;
            }
            Step::Expire => {
                pass_time(self.conn).await;
                sweep(self.conn).await.unwrap();
                pass_time(self.conn).await;
                self.model.holder.clear();
            }
            Step::Delete(image) => {
                let deleted = delete(self.conn, &key(self.customer, &name(*image))).await;
                assert_eq!(deleted, self.model.delete(*image));
            }
            Step::Cancel(index) if !self.batches.is_empty() => {
                let batch = *index.get(&self.batches);
                cancel_batch(self.conn, self.customer, batch).await.unwrap().unwrap();
                let items: Vec<_> = self.model.ends.keys().filter(|item| item.0 == batch).copied().collect();
                items.into_iter().for_each(|item| self.model.end(item, Some(FailureCode::Cancelled)));
            }
            Step::Deliver(_) | Step::Work(..) | Step::Cancel(_) => {}
        }
    }

    async fn deliver(&mut self, hint: Hint) {
        let Some(claim) = claim(self.conn, &hint, "w").await.unwrap() else { return };
        let item = (hint.batch, hint.ordinal);
        assert!(self.model.open(item), "claimed what has ended");
        let before = self.model.holder.insert(item, claim.token);
        assert_eq!(before, None, "claimed what another worker has");
        self.claims.push(claim);
    }

    async fn work(&mut self, claim: &Claim, how: How) {
        let item = (claim.batch, claim.ordinal);
        let holds = self.model.holder.get(&item) == Some(&claim.token);
        assert_eq!(heartbeat(self.conn, claim).await.unwrap(), holds);
        match (claim.stage, how) {
            (_, How::Doubtfully) => self.doubt(claim, holds).await,
            (_, How::Badly) => {
                let failed = fail(self.conn, claim, &bad(FailureCode::NotAnImage)).await.unwrap();
                assert_eq!(failed == Failed::Ended, holds);
                if holds {
                    self.model.end(item, Some(FailureCode::NotAnImage));
                }
            }
            (Stage::Fetch, How::Well) => {
                let next = fetched(self.conn, claim, &staged(claim)).await.unwrap();
                assert!(next.is_some() || !holds);
                self.model.holder.retain(|_, token| *token != claim.token);
                self.hints.extend(next.map(|next| next.hint));
            }
            (Stage::Process, How::Well) => {
                let done = finish(self.conn, claim).await;
                assert_eq!(done == Outcome::Done, holds);
                if holds {
                    let image = claim.image.id.as_str()[1..].parse().unwrap();
                    self.model.end(item, None);
                    self.model.ready.insert(image, item);
                }
            }
        }
    }

    /// What was fetched is fetched afresh, once; what was sent cannot be.
    async fn doubt(&mut self, claim: &Claim, holds: bool) {
        let item = (claim.batch, claim.ordinal);
        match fail(self.conn, claim, &bad(FailureCode::CorruptImage)).await.unwrap() {
            Failed::Retry { stage, .. } => {
                assert!(holds && !claim.origin.is_empty(), "sent bytes are to be fetched");
                assert_eq!(stage, Stage::Fetch);
                self.model.holder.remove(&item);
            }
            Failed::Ended => {
                assert!(holds);
                self.model.end(item, Some(FailureCode::CorruptImage));
            }
            Failed::Fenced => assert!(!holds),
        }
    }

    /// Everything that a client can see agrees with the model, and nothing is stored that nobody knows of.
    async fn compare(&mut self) {
        audit(self.conn).await;
        for claim in self.claims.iter().filter(|claim| claim.stage == Stage::Process) {
            assert_eq!(whereabouts(self.conn, claim).await.len(), 1, "{claim:?}");
        }
        for (item, end) in &self.model.ends {
            let outcome = outcome_of(self.conn, item.0, item.1).await;
            let seen = outcome.item_state.is_final().then(|| outcome.failure_code());
            assert_eq!(seen, *end, "{item:?}");
        }
        for (image, (item, alive)) in &self.model.latest {
            let seen = images::get(self.conn, &key(self.customer, &name(*image))).await.unwrap();
            assert_eq!(seen.is_some(), *alive, "{image}");
            let Some(seen) = seen else { continue };
            assert_eq!((seen.batch, seen.ordinal), *item);
            assert_eq!(seen.ready_generation.is_some(), self.model.ready.contains_key(image), "{image}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_sequence_agrees_with_the_model() {
    let test = TestDb::new().await;
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut runner =
        TestRunner::new(Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() });
    let handle = tokio::runtime::Handle::current();
    let number = AtomicU32::new(0);
    let result = tokio::task::block_in_place(|| {
        runner.run(&prop::collection::vec(step(), 1..60), |steps| {
            let run = run(&test, number.fetch_add(1, Ordering::Relaxed), &steps);
            std::panic::catch_unwind(AssertUnwindSafe(|| handle.block_on(run))).map_err(|panic| {
                TestCaseError::fail(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "panicked".into()))
            })
        })
    });
    result.unwrap();
}

async fn run(test: &TestDb, number: u32, steps: &[Step]) {
    let customer = test.customer(&format!("c{number}")).await;
    let conn = &mut test.conn().await;
    let (model, batches, hints, claims) = Default::default();
    let mut world = World { conn, customer, model, batches, hints, claims };
    for step in steps {
        world.take(step).await;
    }
    world.compare().await;
    let leftover: Vec<_> = world.batches.clone();
    for batch in leftover {
        cancel_batch(world.conn, customer, batch).await.unwrap();
    }
    for image in 0..5 {
        delete(world.conn, &key(customer, &name(image))).await;
    }
}
