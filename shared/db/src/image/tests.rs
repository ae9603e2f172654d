//! Random questions about random rows: each listing, walked to its end, is what a plain sort in memory gives.

use std::collections::BTreeSet;

use diesel::sql_query;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use dlcs_model::{BatchId, CustomerId, FailureCode, ImageField, ImageFilter, Key, Order, Progress, SpaceId};
use serde_json::{Value, json};

use super::{NEVER_MICROS, Within};
use crate::image;
use crate::item::{self, Members, Which};
use crate::page::{From, Listing, Slice};
use crate::testing::*;

/// Small random numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % sides
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())].clone()
    }

    fn maybe<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (self.roll(5) == 0).then(|| self.pick(all))
    }
}

const NUMBERS: [i64; 4] = [-1, 0, 1, i64::MAX];
const ROWS: usize = 400;
const CUSTOMER: CustomerId = CustomerId(1);

fn texts() -> Vec<String> {
    let long = "ü".repeat(199);
    ["", "a", "B", "é", "a b"]
        .into_iter()
        .map(str::to_owned)
        .chain(["x", "y", "yz"].map(|end| format!("{long}{end}")))
        .collect()
}

fn tags() -> Vec<String> {
    ["map", "a,b", ""].into_iter().map(str::to_owned).chain(["x", "y"].map(|end| "t".repeat(200) + end)).collect()
}

/// What the test knows of a row; its serial is its place in the list of rows.
#[derive(Debug, Clone)]
struct Row {
    space: i32,
    id: String,
    strings: [String; 3],
    numbers: [i64; 3],
    tags: BTreeSet<String>,
    origin: String,
    created: i64,
    finished: Option<i64>,
    size: Option<[i32; 2]>,
    progress: Progress,
    error: Option<FailureCode>,
    batch: i64,
    immediate: bool,
    deleted: bool,
}

fn random_row(dice: &mut Dice, index: usize) -> Row {
    let progress = dice.pick(Progress::ALL);
    let texts = texts();
    let done = matches!(progress, Progress::Ready | Progress::Error);
    let (strings, numbers) = ([(); 3].map(|()| dice.pick(&texts)), [(); 3].map(|()| dice.pick(&NUMBERS)));
    let deleted = done && dice.roll(10) == 0;
    Row {
        space: 1 + dice.roll(3) as i32,
        id: format!("{}-{index}", dice.pick(&["p", "P", "q"])),
        strings,
        numbers,
        tags: tags().into_iter().filter(|_| dice.roll(3) == 0).collect(),
        origin: format!("https://{}", dice.pick(&texts)),
        created: 1_700_000_000_000_000 + dice.roll(5) as i64,
        finished: done.then(|| 1_800_000_000_000_000 + dice.roll(3) as i64),
        size: (progress == Progress::Ready && !deleted).then(|| [1 + dice.roll(3) as i32, 1 + dice.roll(3) as i32]),
        progress,
        error: (progress == Progress::Error).then(|| dice.pick(&[FailureCode::TooLarge, FailureCode::Internal])),
        batch: 1 + dice.roll(3) as i64,
        immediate: dice.roll(8) == 0,
        deleted,
    }
}

async fn store(conn: &mut AsyncPgConnection, rows: &[Row]) {
    const READ: &str = "FROM json_to_recordset($1::json) AS r (ordinal integer, space integer, id text, strings text[], \
        numbers bigint[], tags text[], origin text, created bigint, finished bigint, width integer, height integer, \
        state text, error text, batch bigint, immediate boolean, deleted boolean) ORDER BY ordinal";
    let state = |row: &Row| match row.progress {
        Progress::Waiting => "ready",
        Progress::Ingesting => "running",
        Progress::Ready => "completed",
        Progress::Error => "error",
    };
    let json: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(ordinal, row)| {
            json!({"ordinal": ordinal, "space": row.space, "id": row.id, "strings": row.strings, "numbers": row.numbers,
               "tags": row.tags, "origin": row.origin, "created": row.created, "finished": row.finished,
               "width": row.size.map(|size| size[0]), "height": row.size.map(|size| size[1]), "state": state(row),
               "error": row.error.map(FailureCode::as_str), "batch": row.batch, "immediate": row.immediate,
               "deleted": row.deleted})
        })
        .collect();
    let json = Value::from(json).to_string();
    let time = |name: &str| format!("timestamptz 'epoch' + {name} * interval '1 microsecond'");
    let (created, finished) = (time("created"), time("finished"));
    for sql in [
        format!(
            "INSERT INTO image (customer, space, id, origin, string1, string2, string3, number1, number2, number3, tags, \
                 created, finished, error_code, batch, ordinal, immediate, ready_generation, ready_token, derivative, \
                 width, height, size, thumbnail_size, deleted_at) \
                 SELECT 1, space, id, origin, strings[1], strings[2], strings[3], numbers[1], numbers[2], numbers[3], tags, \
                 {created}, {finished}, error, batch, ordinal, immediate, width / width, \
                 CASE WHEN width > 0 THEN gen_random_uuid() END, 'd' || width, width, height, width, width, \
                 CASE WHEN deleted THEN now() END {READ}"
        ),
        format!(
            "INSERT INTO item (batch, ordinal, customer, space, image, generation, immediate, lane, stage, state, \
                 finished, error_code, done_token) SELECT batch, ordinal, 1, space, id, 1, immediate, 'normal', 'fetch', \
                 state, {finished}, error, CASE WHEN state = 'completed' THEN gen_random_uuid() END {READ}"
        ),
    ] {
        sql_query(sql).bind::<Text, _>(&json).execute(conn).await.unwrap();
    }
    let rest = "INSERT INTO lease SELECT batch, ordinal, customer, immediate, gen_random_uuid(), 'w', now() + interval '1 h' \
                FROM item WHERE state = 'running'; \
                INSERT INTO usage_delta (customer, space, images) \
                SELECT 1, space, count(*) FROM image WHERE deleted_at IS NULL GROUP BY space; ANALYZE image, image_tag";
    conn.batch_execute(rest).await.unwrap();
}

fn random_filter(dice: &mut Dice) -> ImageFilter {
    let (texts, times) =
        (texts(), [0, 2, 4].map(|n| chrono::DateTime::from_timestamp_micros(1_700_000_000_000_000 + n).unwrap()));
    ImageFilter {
        strings: [(); 3].map(|()| dice.maybe(&texts)),
        numbers: [(); 3].map(|()| dice.maybe(&NUMBERS)),
        space: dice.maybe(&[SpaceId(1), SpaceId(2)]),
        tags: tags().into_iter().filter(|_| dice.roll(8) == 0).collect(),
        id: dice.maybe(&["p-1", "P-2"]).filter(|_| dice.roll(4) == 0).map(str::to_owned),
        batch: dice.maybe(&[BatchId(1), BatchId(3)]),
        state: dice.maybe(Progress::ALL),
        error: dice.maybe(&[FailureCode::TooLarge]).filter(|_| dice.roll(2) == 0),
        created_after: dice.maybe(&times),
        created_before: dice.maybe(&times),
    }
}

fn agrees(row: &Row, filter: &ImageFilter) -> bool {
    let ImageFilter { strings, numbers, space, tags, id, batch, state, error, created_after, created_before } = filter;
    strings.iter().zip(&row.strings).all(|(wanted, text)| wanted.as_ref().is_none_or(|wanted| wanted == text))
        && numbers.iter().zip(row.numbers).all(|(wanted, number)| wanted.is_none_or(|wanted| wanted == number))
        && space.is_none_or(|space| space.0 == row.space)
        && tags.iter().all(|tag| row.tags.contains(tag))
        && id.as_ref().is_none_or(|id| *id == row.id)
        && batch.is_none_or(|batch| batch.0 == row.batch && !row.immediate)
        && state.is_none_or(|state| state == row.progress)
        && error.is_none_or(|error| Some(error) == row.error)
        && created_after.is_none_or(|time| row.created > time.timestamp_micros())
        && created_before.is_none_or(|time| row.created < time.timestamp_micros())
}

fn key(row: &Row, field: ImageField) -> Key {
    let head = |text: &str| Key::Text(text.chars().take(200).collect());
    match field {
        ImageField::Id => Key::from(row.id.as_str()),
        ImageField::Created => row.created.into(),
        ImageField::Finished => row.finished.unwrap_or(NEVER_MICROS).into(),
        ImageField::Width => row.size.map_or(i32::MAX, |size| size[0]).into(),
        ImageField::Height => row.size.map_or(i32::MAX, |size| size[1]).into(),
        ImageField::String1 => head(&row.strings[0]),
        ImageField::String2 => head(&row.strings[1]),
        ImageField::String3 => head(&row.strings[2]),
        ImageField::Number1 => row.numbers[0].into(),
        ImageField::Number2 => row.numbers[1].into(),
        ImageField::Number3 => row.numbers[2].into(),
        ImageField::Origin => head(&row.origin),
    }
}

/// Where a question is asked.
#[derive(Debug, Clone, Copy)]
enum Place {
    Images(Option<SpaceId>),
    Members(Members),
}

#[derive(Debug)]
struct Question {
    place: Place,
    filter: ImageFilter,
    order: Option<Order<ImageField>>,
    size: i64,
}

impl Question {
    fn random(dice: &mut Dice) -> Self {
        let which = dice.pick(&[Which::Current, Which::Submitted, Which::Completed, Which::Failed]);
        let place = match dice.roll(5) {
            0 => Place::Images(None),
            1 | 2 => Place::Images(Some(SpaceId(1 + dice.roll(4) as i32))),
            3 => Place::Members(Members::Of(BatchId(1 + dice.roll(3) as i64), which)),
            _ => Place::Members(Members::Open),
        };
        let by = dice.pick(ImageField::ALL);
        let order = (dice.roll(6) > 0).then(|| Order { by, descending: dice.roll(2) == 0 });
        Self { place, filter: random_filter(dice), order, size: dice.pick(&[1, 2, 7, 1000]) }
    }

    /// The ids in their order, found by looking at every row.
    fn answer(&self, rows: &[Row]) -> Vec<String> {
        let shown = |row: &Row| match self.place {
            Place::Images(space) => !row.deleted && space.is_none_or(|space| space.0 == row.space),
            Place::Members(Members::Open) => {
                matches!(row.progress, Progress::Waiting | Progress::Ingesting) && !row.immediate
            }
            Place::Members(Members::Of(batch, which)) => {
                row.batch == batch.0
                    && match which {
                        Which::Current => !row.deleted,
                        Which::Submitted => true,
                        Which::Completed => row.progress == Progress::Ready,
                        Which::Failed => row.progress == Progress::Error,
                    }
            }
        };
        let timed = self.filter.created_after.is_some() || self.filter.created_before.is_some();
        let own = matches!(self.place, Place::Images(_)) && timed;
        let order = self.order.or(own.then_some(Order { by: ImageField::Created, descending: false }));
        let found = rows.iter().enumerate().filter(|(_, row)| shown(row) && agrees(row, &self.filter));
        let tie = |serial: usize, row: &Row| match self.place {
            Place::Members(Members::Open) => (row.batch, serial),
            _ => (0, serial),
        };
        let mut found: Vec<_> =
            found.map(|(serial, row)| (order.map(|order| key(row, order.by)), tie(serial, row), &row.id)).collect();
        found.sort();
        if order.is_some_and(|order| order.descending) {
            found.reverse();
        }
        found.into_iter().map(|(_, _, id)| id.clone()).collect()
    }

    async fn slice(&self, conn: &mut AsyncPgConnection, from: From, limit: i64) -> Listing<String> {
        let slice = Slice { order: self.order, from, limit };
        let (filter, slice) = (&self.filter, &slice);
        fn ids<T>(listing: Listing<T>, id: impl Fn(T) -> String) -> Listing<String> {
            let Listing { rows, before, after } = listing;
            Listing { rows: rows.into_iter().map(id).collect(), before, after }
        }
        match self.place {
            Place::Images(space) => {
                let within = Within { customer: CUSTOMER, space };
                ids(image::list(conn, within, filter, slice).await.unwrap(), |row| row.id.to_string())
            }
            Place::Members(members) => {
                let listed = item::list(conn, CUSTOMER, members, filter, slice).await.unwrap();
                ids(listed, |row| row.image.id.to_string())
            }
        }
    }

    async fn count(&self, conn: &mut AsyncPgConnection) -> i64 {
        match self.place {
            Place::Images(space) => {
                image::count(conn, Within { customer: CUSTOMER, space }, &self.filter).await.unwrap()
            }
            Place::Members(members) => item::count(conn, CUSTOMER, members, &self.filter).await.unwrap(),
        }
    }

    /// All pages, from the first to the last or the other way round.
    async fn walk(&self, conn: &mut AsyncPgConnection, forwards: bool) -> Vec<String> {
        let mut pages = Vec::new();
        let mut from = if forwards { From::Start(0) } else { From::End(0) };
        loop {
            let Listing { rows, before, after } = self.slice(conn, from, self.size).await;
            let end = rows.is_empty();
            pages.push(rows);
            let next = if forwards { after.map(From::After) } else { before.map(From::Before) };
            match next {
                Some(next) if !end => from = next,
                _ => break,
            }
        }
        if !forwards {
            pages.reverse();
        }
        pages.concat()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listing_is_a_sort_in_memory() {
    let seed = rand::random();
    let mut dice = Dice(seed);
    let test = TestDb::new().await;
    test.customer("a").await;
    let conn = &mut test.conn().await;
    for space in 2..=4 {
        conn.batch_execute(&format!("INSERT INTO space (customer, id, name) VALUES (1, {space}, 's{space}')"))
            .await
            .unwrap();
    }
    // The counters of what is submitted are the queue's business; here they are what the rows say.
    let rows: Vec<Row> = (0..ROWS).map(|index| random_row(&mut dice, index)).collect();
    store(conn, &rows).await;
    let batches = "INSERT INTO batch (id, customer, lane, immediate, count, completed, errors, gone) \
        SELECT batch, 1, 'normal', false, count(*), count(*) FILTER (WHERE state = 'completed'), \
        count(*) FILTER (WHERE state = 'error'), \
        (SELECT count(*) FROM image m WHERE m.batch = i.batch AND deleted_at IS NOT NULL) FROM item i GROUP BY batch";
    conn.batch_execute(batches).await.unwrap();
    let mut answered = 0;
    for _ in 0..400 {
        let question = Question::random(&mut dice);
        let expected = question.answer(&rows);
        let total = question.count(conn).await;
        // Immediate registrations are in no list of batches, so their counters are none of this test's.
        let counted =
            matches!(question.place, Place::Members(Members::Open)) && question.filter == ImageFilter::default();
        assert!(counted || total == expected.len() as i64, "seed {seed}: {total} of {}: {question:?}", expected.len());
        let size = if expected.len() > 60 { 50 } else { question.size };
        let question = Question { size, ..question };
        for forwards in [true, false] {
            assert_eq!(question.walk(conn, forwards).await, expected, "seed {seed}, {forwards}: {question:?}");
        }
        let skipped = dice.roll(expected.len() + 1);
        let jumped = question.slice(conn, From::Start(skipped as i64), 3).await.rows;
        assert_eq!(
            jumped,
            expected[skipped..].iter().take(3).cloned().collect::<Vec<_>>(),
            "seed {seed}: {question:?}"
        );
        answered += expected.len();
    }
    assert!(answered > 1000, "the questions are about something");
}
