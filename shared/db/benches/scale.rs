//! What listings, polls and accepting cost with ten million images in a space. Rows only, made by Postgres itself.
//!
//! `DLCS_BENCH_DATABASE_URL=postgres://… cargo bench -p dlcs-db --bench scale` on an empty database of its own, as a user
//! who may read and write files on the server; `DLCS_BENCH_IMAGES` makes it smaller,
//! `DLCS_BENCH_PART` (`images` or `batches`) the run shorter. The rows stay for the next run.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers: it prints figures and stops at the first failure"
)]

use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use dlcs_db::image::{self, Within};
use dlcs_db::item::{self, Members, Which};
use dlcs_db::page::{From, Slice};
use dlcs_db::queue::{NewBatch, NewImage, accept};
use dlcs_db::{Database, DatabaseSettings, batch};
use dlcs_model::{
    BatchField, BatchFilter, BatchId, CustomerId, ImageField, ImageFilter, ImageId, Lane, Order, Progress, SpaceId,
};

const CUSTOMER: CustomerId = CustomerId(1);
const SPACE: Within = Within { customer: CUSTOMER, space: Some(SpaceId(1)) };
const ALL: Within = Within { customer: CUSTOMER, space: None };
const PAGE: i64 = 100;
/// Images of a book.
const BOOK: i64 = 300;
const LARGE: BatchId = BatchId(1);
const SMALL: BatchId = BatchId(2);

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

async fn number(conn: &mut AsyncPgConnection, sql: &str) -> i64 {
    sql_query(sql).get_result::<Number>(conn).await.unwrap().n
}

/// The rows, unless they are there; the indexes afterwards, which is faster.
async fn prepare(conn: &mut AsyncPgConnection, images: i64) {
    if number(conn, "SELECT count(*) AS n FROM customer").await > 0 {
        return;
    }
    let started = Instant::now();
    conn.batch_execute(
        "INSERT INTO customer (name, display_name) VALUES ('bench', 'Bench'); \
        INSERT INTO space (customer, id, name) VALUES (1, 1, 'large'), (1, 2, 'small')",
    )
    .await
    .unwrap();
    let indexes = "SELECT indexname::text AS name, indexdef AS definition FROM pg_indexes \
                   WHERE tablename = 'image' AND indexname <> 'image_pkey'";
    let indexes: Vec<Index> = sql_query(indexes).load(conn).await.unwrap();
    for index in &indexes {
        conn.batch_execute(&format!("DROP INDEX {}", index.name)).await.unwrap();
    }
    let chunk = 500_000;
    for first in (0..images).step_by(chunk as usize) {
        let last = (first + chunk).min(images) - 1;
        conn.batch_execute(&rows(first, last, images)).await.unwrap();
    }
    conn.batch_execute("SET maintenance_work_mem = '1GB'").await.unwrap();
    for index in &indexes {
        conn.batch_execute(&index.definition).await.unwrap();
    }
    conn.batch_execute(&batches(images)).await.unwrap();
    for table in ["image", "image_tag", "item", "batch"] {
        conn.batch_execute(&format!("VACUUM ANALYZE {table}")).await.unwrap();
    }
    println!("{images} images and their indexes made in {:.0?}", started.elapsed());
}

fn rows(first: i64, last: i64, images: i64) -> String {
    format!(
        "INSERT INTO image (customer, space, id, origin, string1, string2, number1, number2, tags, created, queued, finished, \
             error_code, batch, ordinal, immediate, ready_generation, ready_token, derivative, width, height, size, \
             thumbnail_size) \
         SELECT 1, CASE WHEN n % 1000 = 999 THEN 2 ELSE 1 END, 'page-' || lpad(n::text, 9, '0'), \
             'https://origin.example/books/' || n / {BOOK} || '/' || n || '.jpg', 'b' || n / {BOOK}, 'c' || n % 10, \
             n % {BOOK}, (n * 7919) % 1000003, \
             ARRAY['page', 'shelf' || n % 100] || CASE WHEN n % {BOOK} = 0 THEN ARRAY['cover'] ELSE '{{}}' END \
                 || CASE WHEN n >= {images} - {images} / 100 THEN ARRAY['recent'] ELSE '{{}}' END, \
             t.at, t.at, t.at + interval '1 minute', CASE WHEN bad THEN 'too-large' END, \
             CASE WHEN n < 1000000 THEN 1 ELSE 3 + n / 10000 END, n, false, CASE WHEN NOT bad THEN 1 END, \
             CASE WHEN NOT bad THEN gen_random_uuid() END, CASE WHEN NOT bad THEN 'images/' || n END, \
             CASE WHEN NOT bad THEN 1000 + n % 4000 END, CASE WHEN NOT bad THEN 1000 + n % 3000 END, \
             CASE WHEN NOT bad THEN 1000 END, CASE WHEN NOT bad THEN 100 END \
         FROM generate_series({first}::bigint, {last}) AS g (n), \
             LATERAL (SELECT n % 1000 = 7 AS bad, timestamptz '2026-01-01' + n * interval '100 ms' AS at) t"
    )
}

fn batches(images: i64) -> String {
    let large = images.min(1_000_000);
    format!(
        "INSERT INTO batch (id, customer, lane, label, immediate, count, completed, errors, submitted, started, finished) \
             VALUES (1, 1, 'normal', 'large', false, {large}, {large} - {large} / 1000, {large} / 1000, now(), now(), now()), \
                    (2, 1, 'normal', 'small', false, 100, 100, 0, now(), now(), now()); \
         INSERT INTO batch (id, customer, lane, label, immediate, count, completed, submitted, started, finished) \
             SELECT n, 1, 'normal', 'l' || n % 1000, false, 10000, 10000, now(), now(), now() \
             FROM generate_series(3, 100000) AS g (n); \
         SELECT setval('batch_id_seq', 200000); \
         INSERT INTO item (batch, ordinal, customer, space, image, generation, immediate, lane, stage, state, finished, \
             error_code, done_token) \
             SELECT b.n, m.ordinal, 1, m.space, m.id, 1, false, 'normal', 'fetch', \
                 CASE WHEN m.error_code IS NULL THEN 'completed' ELSE 'error' END, m.finished, m.error_code, gen_random_uuid() \
             FROM (VALUES (1, {large}), (2, 100)) AS b (n, count) JOIN image m ON m.batch = 1 AND m.ordinal < b.count; \
         UPDATE space s SET images = (SELECT count(*) FROM image m WHERE m.customer = 1 AND m.space = s.id); \
         DELETE FROM usage_delta"
    )
}

/// Figures of what was done many times.
struct Figures(Vec<Duration>);

impl Figures {
    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1000.0
    }

    fn print(&self, what: &str) {
        println!("{what:<66} p50 {:8.2} ms   p99 {:8.2} ms", self.percentile(50), self.percentile(99));
    }
}

async fn measure(what: &str, times: usize, mut work: impl AsyncFnMut(usize)) {
    work(times).await;
    let mut figures = Figures(Vec::with_capacity(times));
    for round in 0..times {
        let started = Instant::now();
        work(round).await;
        figures.0.push(started.elapsed());
    }
    figures.print(what);
}

async fn page(
    conn: &mut AsyncPgConnection,
    within: Within,
    filter: &ImageFilter,
    order: Option<Order<ImageField>>,
    from: From,
) -> Option<From> {
    let slice = Slice { order, from, limit: PAGE };
    image::list(conn, within, filter, &slice).await.unwrap().after.map(From::After)
}

async fn filters(conn: &mut AsyncPgConnection, images: i64) {
    let book = |round: usize| {
        let string1 = Some(format!("b{}", round as i64 * 7919 % (images / BOOK)));
        ImageFilter { strings: [string1, None, None], ..ImageFilter::default() }
    };
    let by_number = Some(Order { by: ImageField::Number1, descending: false });
    measure("a page by string1 ordered by number1, with its total", 1000, async |round| {
        image::count(conn, SPACE, &book(round)).await.unwrap();
        page(conn, SPACE, &book(round), by_number, From::Start(0)).await;
    })
    .await;
    measure("the same of all spaces", 1000, async |round| {
        image::count(conn, ALL, &book(round)).await.unwrap();
        page(conn, ALL, &book(round), by_number, From::Start(0)).await;
    })
    .await;
    let tagged = |tags: &[&str]| ImageFilter {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..ImageFilter::default()
    };
    let state = |state| ImageFilter { state: Some(state), ..ImageFilter::default() };
    let text = |index: usize, text: &str| {
        let mut filter = ImageFilter::default();
        filter.strings[index] = Some(text.to_owned());
        filter
    };
    let after = |time: &str| ImageFilter { created_after: time.parse().ok(), ..ImageFilter::default() };
    let cases = [
        ("a tag of all images", tagged(&["page"]), None),
        ("a tag of 1 in 100", tagged(&["shelf7"]), None),
        ("a tag of 1 in 300", tagged(&["cover"]), None),
        ("a tag of the last 1 in 100", tagged(&["recent"]), None),
        ("two tags, 1 in 300 and the last 1 in 100", tagged(&["cover", "recent"]), None),
        ("a tag of 1 in 300, ordered by number2", tagged(&["cover"]), Some(ImageField::Number2)),
        ("a tag of all images, ordered by number2", tagged(&["page"]), Some(ImageField::Number2)),
        ("a tag nobody has", tagged(&["none"]), None),
        ("string2 of 1 in 10", text(1, "c3"), None),
        ("string2 of 1 in 10, ordered by number2", text(1, "c3"), Some(ImageField::Number2)),
        ("state ready", state(Progress::Ready), None),
        ("state error", state(Progress::Error), None),
        ("state waiting", state(Progress::Waiting), None),
        ("state ingesting", state(Progress::Ingesting), None),
        ("created after a time", after("2026-01-05T00:00:00Z"), None),
    ];
    for (what, filter, by) in cases {
        let order = by.map(|by| Order { by, descending: false });
        measure(&format!("a page by {what}"), 100, async |_| {
            page(conn, SPACE, &filter, order, From::Start(0)).await;
        })
        .await;
        let started = Instant::now();
        let total = image::count(conn, SPACE, &filter).await.unwrap();
        println!("    its total, {total}: {:.1?}", started.elapsed());
    }
}

async fn depth(conn: &mut AsyncPgConnection) {
    let any = ImageFilter::default();
    let orders = [None].into_iter().chain(ImageField::ALL.iter().copied().map(Some));
    for (within, name) in [(SPACE, "a space"), (ALL, "all spaces")] {
        for by in orders.clone() {
            let order = by.map(|by| Order { by, descending: by == ImageField::Finished });
            let (mut from, mut figures) = (From::Start(0), Figures(Vec::new()));
            for _ in 0..1000 {
                let started = Instant::now();
                let next = page(conn, within, &any, order, from).await;
                figures.0.push(started.elapsed());
                let Some(next) = next else { break };
                from = next;
            }
            let by = by.map_or("registration", |by| by.as_str());
            figures.print(&format!("1,000 times next, {name} by {by}"));
            let (first, last) = figures.0.split_at(figures.0.len() / 2);
            let [first, last] = [first, last].map(|half| Figures(half.to_vec()).percentile(50));
            println!("    the first half {first:.2} ms, the second {last:.2} ms");
        }
    }
    let total = image::count(conn, SPACE, &any).await.unwrap();
    measure("the last page by its number", 20, async |_| {
        page(conn, SPACE, &any, None, From::End(0)).await;
    })
    .await;
    measure("a page in the middle by its number", 3, async |_| {
        page(conn, SPACE, &any, None, From::Start(total / 2)).await;
    })
    .await;
}

async fn batch_pages(conn: &mut AsyncPgConnection) {
    let (any, none) = (ImageFilter::default(), BatchFilter::default());
    for (name, which) in [
        ("images", Which::Current),
        ("assets", Which::Submitted),
        ("completedImages", Which::Completed),
        ("errorImages", Which::Failed),
    ] {
        let members = Members::Of(LARGE, which);
        let mut from = From::Start(0);
        measure(&format!("{name} of a batch of a million, following next, with the total"), 200, async |_| {
            item::count(conn, CUSTOMER, members, &any).await.unwrap();
            let slice = Slice { order: None, from: from.clone(), limit: PAGE };
            let listing = item::list(conn, CUSTOMER, members, &any, &slice).await.unwrap();
            from = listing.after.map_or(From::Start(0), From::After);
        })
        .await;
    }
    for (name, which) in [("batches", batch::Which::All), ("recent", batch::Which::Recent)] {
        measure(&format!("a page of {name}, of 100,000, with the total"), 200, async |_| {
            batch::count(conn, CUSTOMER, which, &none).await.unwrap();
            batch::list(conn, CUSTOMER, which, &none, &Slice::<BatchField>::first(PAGE)).await.unwrap();
        })
        .await;
    }
    for (name, batch) in [("a million", LARGE), ("100", SMALL)] {
        measure(&format!("a poll of a batch of {name}"), 2000, async |_| {
            batch::get(conn, CUSTOMER, batch).await.unwrap().unwrap();
        })
        .await;
    }
}

/// Accepting, and Postgres' own fastest way of writing the same rows.
async fn accepting(conn: &mut AsyncPgConnection) {
    let (mut accepts, mut copies) = (Figures(Vec::new()), Figures(Vec::new()));
    for _ in 0..5 {
        let run: u32 = rand::random();
        let image = |n: i64| NewImage {
            origin: Some(format!("https://origin.example/new/{run}/{n}.jpg")),
            string1: Some(format!("n{run}")),
            number1: Some(n),
            tags: Some(vec!["page".to_owned(), "new".to_owned()]),
            ..NewImage::named(SpaceId(1), ImageId::new(format!("new-{run}-{n:05}")).unwrap())
        };
        let members = (0..10_000).map(image).collect();
        let new = NewBatch {
            customer: CUSTOMER,
            lane: Lane::Normal,
            label: None,
            immediate: false,
            only_new: false,
            members,
            idempotency: None,
        };
        let started = Instant::now();
        let batch = accept(conn, &new).await.unwrap().batch;
        accepts.0.push(started.elapsed());
        let image = "customer, space, id, origin, string1, number1, tags, batch, ordinal, immediate";
        let item = "batch, ordinal, customer, space, image, generation, immediate, lane, stage, state";
        conn.batch_execute(&format!(
            "COPY (SELECT customer, space, 'copy-' || id, origin, string1, number1, tags, -batch, ordinal, immediate FROM image \
                   WHERE batch = {batch} ORDER BY id) TO '/tmp/dlcs-bench-image'; \
             COPY (SELECT -batch, ordinal, customer, space, 'copy-' || image, generation, immediate, lane, stage, state \
                   FROM item WHERE batch = {batch} ORDER BY ordinal) TO '/tmp/dlcs-bench-item'"
        )).await.unwrap();
        let copy = format!(
            "BEGIN; COPY image ({image}) FROM '/tmp/dlcs-bench-image'; COPY item ({item}) FROM '/tmp/dlcs-bench-item'; COMMIT"
        );
        let started = Instant::now();
        conn.batch_execute(&copy).await.unwrap();
        copies.0.push(started.elapsed());
    }
    accepts.print("accepting 10,000 new images");
    copies.print("COPY of the same rows");
    println!("    speed against COPY: {:.2}", copies.percentile(50) / accepts.percentile(50));
    conn.batch_execute(
        "DELETE FROM item WHERE batch < 0; DELETE FROM image_tag t USING image m WHERE m.batch < 0 AND \
        m.customer = t.customer AND m.space = t.space AND m.serial = t.serial; DELETE FROM image WHERE batch < 0",
    )
    .await
    .unwrap();
}

#[tokio::main]
async fn main() {
    let Ok(url) = std::env::var("DLCS_BENCH_DATABASE_URL") else {
        println!("DLCS_BENCH_DATABASE_URL names no database: nothing to measure on");
        return;
    };
    let images = std::env::var("DLCS_BENCH_IMAGES").map_or(10_000_000, |n| n.parse().unwrap());
    let mut settings = DatabaseSettings::at(&url);
    settings.database_statement_timeout = 0;
    let database = Database::connect(&settings).unwrap();
    database.migrate().await.unwrap();
    let conn = &mut database.get().await.unwrap();
    prepare(conn, images).await;
    let part = std::env::var("DLCS_BENCH_PART").unwrap_or_default();
    if part.is_empty() || part == "images" {
        filters(conn, images).await;
        depth(conn).await;
    }
    if part.is_empty() || part == "batches" {
        batch_pages(conn).await;
        accepting(conn).await;
    }
}
