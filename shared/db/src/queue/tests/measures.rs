//! What the large ones cost. The figures are printed; only correctness is asserted.

use std::time::Instant;

use dlcs_model::Stage;

use crate::queue::*;
use crate::testing::*;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_members() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let mut new = batch_of(customer, &names("page-of-some-volume-", 10_000));
    for member in &mut new.members {
        member.string1 = Some("b12345678".into());
        member.tags = Some(vec!["ocr".into(), "manuscript".into()]);
    }
    for what in ["new", "again"] {
        let start = Instant::now();
        let accepted = accept(conn, &new).await.unwrap();
        println!("accept of 10,000 members, {what}: {:?}", start.elapsed());
        assert_eq!(accepted.members.len(), 10_000);
    }
    accept(conn, &batch_of(customer, &names("more-", 10_000))).await.unwrap();
    let start = Instant::now();
    let mut handed = 0;
    for _ in 0..100 {
        let out = dispatch(conn, Stage::Fetch, &DispatchLimits { depth: 32, process_backlog: 1000 }).await.unwrap();
        handed += out.len();
        for hint in &out {
            claim(conn, &hint.hint, "w").await.unwrap().unwrap();
        }
    }
    println!("100 dispatches of 32 with their claims, 20,000 waiting: {:?}", start.elapsed());
    assert_eq!(handed, 3200);
    let start = Instant::now();
    let out = dispatch(conn, Stage::Fetch, &DispatchLimits { depth: 32, process_backlog: 1000 }).await.unwrap();
    println!("one dispatch of 32: {:?}", start.elapsed());
    assert_eq!(out.len(), 32);
    let batch = out[0].hint.batch;
    let start = Instant::now();
    for _ in 0..1000 {
        read(conn, customer, batch).await;
    }
    println!("poll of a batch: {:?}", start.elapsed() / 1000);
    let start = Instant::now();
    settle(conn).await;
    println!("roll of 10,000 superseded: {:?}", start.elapsed());
    audit(conn).await;
}
