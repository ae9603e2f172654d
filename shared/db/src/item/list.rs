//! Listings of what was submitted: the members of a batch, and what a customer still waits for.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::{BatchId, CustomerId, ImageField, ImageFilter, Key, Progress};

use super::{Asset, OUTCOME};
use crate::DbError;
use crate::image::list::{image_column, narrow, narrow_tags};
use crate::image::{COLUMNS, NEVER};
use crate::page::{Column, Kind, Listing, Slice, Walk};
use crate::sql::Number;
use crate::statement::{Bind, Statement};

/// Which items of a batch to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those whose image still has this batch as its latest.
    Current,
    /// All that were submitted.
    Submitted,
    /// Those that finished well.
    Completed,
    /// Those that finished badly.
    Failed,
}

/// Whose items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// A batch's.
    Of(BatchId, Which),
    /// All that a customer still waits for in batches.
    Open,
}

const IMAGE: &str = "JOIN image m ON m.customer = i.customer AND m.space = i.space AND m.id = i.image ";

/// The same, looked up item by item (which `OFFSET 0` makes sure of): in the order of the items, a page needs no more than
/// its own. Postgres, which believes that few images have the batch of their item, would join a million of them first.
const IMAGE_OF_EACH: &str = "CROSS JOIN LATERAL (SELECT m.* FROM image m \
     WHERE m.customer = i.customer AND m.space = i.space AND m.id = i.image OFFSET 0) m ";

/// Items, unless told otherwise by their places, those of the oldest batch first.
///
/// # Errors
/// If the slice begins at a place of another order, or the database fails.
pub async fn list(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    members: Members,
    filter: &ImageFilter,
    slice: &Slice<ImageField>,
) -> Result<Listing<Asset>, DbError> {
    let order = slice.order;
    let columns = sorted_by(members, order.map(|order| order.by));
    let walk = Walk::new(columns, order.is_some_and(|order| order.descending), slice);
    if walk.is_empty() {
        return Ok(walk.listing(Vec::new()));
    }
    // First which they are, then what there is to say of them: what is passed over is not looked at.
    let mut statement = Statement::new(&format!("SELECT {COLUMNS}, {OUTCOME} FROM (SELECT i.batch, i.ordinal FROM "));
    let sorted = order.is_some();
    let join = Join { always: sorted, sql: if sorted { IMAGE } else { IMAGE_OF_EACH } };
    scope(&mut statement, customer, members, filter, join);
    walk.beyond(&mut statement)?;
    walk.sort(&mut statement);
    walk.cut(&mut statement);
    statement.push(") k JOIN item i ON i.batch = k.batch AND i.ordinal = k.ordinal ").push(IMAGE);
    statement.push("LEFT JOIN item now ON now.batch = m.batch AND now.ordinal = m.ordinal ");
    walk.sort(&mut statement);
    Ok(walk.listing(statement.query().load(conn).await?))
}

/// How many there are; from the counters, if nothing is left out.
///
/// # Errors
/// If the database fails.
pub async fn count(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    members: Members,
    filter: &ImageFilter,
) -> Result<i64, DbError> {
    let mut statement = Statement::default();
    if *filter == ImageFilter::default() {
        counters(&mut statement, customer, members);
    } else {
        statement.push("SELECT count(*) AS n FROM ");
        scope(&mut statement, customer, members, filter, Join { always: false, sql: IMAGE });
    }
    let total: Number = statement.query().get_result(conn).await?;
    Ok(total.n)
}

/// The roller's counters, and what still waits for the roller.
fn counters(statement: &mut Statement, customer: CustomerId, members: Members) {
    let (counted, waiting) = match members {
        Members::Of(_, Which::Submitted) => ("b.count", "0"),
        Members::Of(_, Which::Current) => ("b.count - b.gone", "-d.gone"),
        Members::Of(_, Which::Completed) => ("b.completed", "d.completed"),
        Members::Of(_, Which::Failed) => ("b.errors", "d.errors"),
        Members::Open => ("b.count - b.completed - b.errors", "-d.completed - d.errors"),
    };
    let batches = |statement: &mut Statement| {
        statement.push("b.customer = ").bind(Bind::Number(customer.0.into()));
        match members {
            Members::Of(batch, _) => statement.push(" AND b.id = ").bind(Bind::Number(batch.0)),
            Members::Open => statement.push(" AND b.finished IS NULL AND NOT b.immediate"),
        };
    };
    statement.push(&format!("SELECT ((SELECT coalesce(sum({counted}), 0) FROM batch b WHERE "));
    batches(statement);
    statement.push(&format!(
        ") + (SELECT coalesce(sum({waiting}), 0) FROM batch_delta d JOIN batch b ON b.id = d.batch WHERE "
    ));
    batches(statement);
    statement.push("))::bigint AS n");
}

/// How an item's image is found, and whether it is wanted though the filter does not ask for it.
struct Join {
    always: bool,
    sql: &'static str,
}

/// `item i … WHERE …`: the items that agree with the filter; with their images only if these are asked for.
fn scope(statement: &mut Statement, customer: CustomerId, members: Members, filter: &ImageFilter, join: Join) {
    let outcome_only = ImageFilter { state: None, error: None, ..filter.clone() } == ImageFilter::default();
    let current = matches!(members, Members::Of(_, Which::Current));
    statement.push("item i ").push(if join.always || current || !outcome_only { join.sql } else { "" });
    statement.push("WHERE i.customer = ").bind(Bind::Number(customer.0.into())).push(" ");
    match members {
        Members::Of(batch, which) => statement.push("AND i.batch = ").bind(Bind::Number(batch.0)).push(match which {
            Which::Current => " AND m.batch = i.batch AND m.ordinal = i.ordinal AND m.deleted_at IS NULL ",
            Which::Submitted => " ",
            Which::Completed => " AND i.state = 'completed' ",
            Which::Failed => " AND i.state = 'error' ",
        }),
        Members::Open => statement.push("AND i.state IN ('ready', 'queued', 'running') AND NOT i.immediate "),
    };
    narrow(statement, filter);
    if let Some(space) = filter.space {
        statement.push("AND i.space = ").bind(Bind::Number(space.0.into())).push(" ");
    }
    if !filter.tags.is_empty() {
        narrow_tags(statement, filter);
    }
    statement.push(match filter.state {
        None => "",
        Some(Progress::Waiting) => "AND i.state IN ('ready', 'queued') ",
        Some(Progress::Ingesting) => "AND i.state = 'running' ",
        Some(Progress::Ready) => "AND i.state = 'completed' ",
        Some(Progress::Error) => "AND i.state = 'error' ",
    });
    if let Some(error) = filter.error {
        statement.push("AND i.error_code = ").bind(Bind::Text(error.as_str().to_owned())).push(" ");
    }
}

fn sorted_by(members: Members, field: Option<ImageField>) -> Vec<Column<Asset>> {
    let column = image_column!(
        Asset,
        a in a.image,
        "coalesce(i.finished, '9999-12-31 00:00:00+00')",
        |a| a.outcome.item_finished.unwrap_or(NEVER).into()
    );
    // An item that is still open is the latest of its image.
    let batch = Column { sql: "i.batch", kind: Kind::Number, of: |a: &Asset| Key::from(a.image.batch.0) };
    let ordinal = Column { sql: "i.ordinal", kind: Kind::Number, of: |a: &Asset| a.outcome.item_ordinal.into() };
    let place = match members {
        Members::Of(..) => vec![ordinal],
        Members::Open => vec![batch, ordinal],
    };
    field.map(column).into_iter().chain(place).collect()
}
