//! Listings of images: a page costs what its rows cost, however many images there are and however deep it lies.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::{CustomerId, ImageField, ImageFilter, Key, Order, Progress, SpaceId};

use super::{COLUMNS, Image, NEVER};
use crate::DbError;
use crate::page::{Column, Kind, Listing, Slice, Walk};
use crate::sql::Number;
use crate::statement::{Bind, Statement};

/// Whose images: those of one space, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within {
    /// The customer.
    pub customer: CustomerId,
    /// The space.
    pub space: Option<SpaceId>,
}

/// Tags that an index is asked for; of an image that has them, more are looked at.
const JOINED_TAGS: usize = 3;

/// Images, unless told otherwise in the order of their registration.
///
/// # Errors
/// If the slice begins at a place of another order, or the database fails.
pub async fn list(
    conn: &mut AsyncPgConnection,
    within: Within,
    filter: &ImageFilter,
    slice: &Slice<ImageField>,
) -> Result<Listing<Image>, DbError> {
    let order = slice.order.or(own_order(filter));
    let walk = Walk::new(columns(order.map(|order| order.by)), order.is_some_and(|order| order.descending), slice);
    let Some(within) = narrowed(within, filter).filter(|_| !walk.is_empty()) else {
        return Ok(walk.listing(Vec::new()));
    };
    // First which they are, then what there is to say of them: what is passed over is not looked at.
    let mut statement = Statement::new(&format!("SELECT {COLUMNS} FROM ("));
    match within.space {
        Some(_) => {
            statement.push("SELECT m.space, m.serial FROM ");
            scope(&mut statement, within, filter);
            walk.beyond(&mut statement)?;
            walk.sort(&mut statement);
        }
        // The indexes are by space; the first rows of all are among the first rows of each.
        None => {
            statement.push("SELECT p.space, p.serial FROM space s CROSS JOIN LATERAL (SELECT m.space, m.serial, ");
            statement.push(&walk.named()).push(" FROM ");
            scope(&mut statement, within, filter);
            walk.beyond(&mut statement)?;
            walk.sort(&mut statement);
            walk.cut_part(&mut statement);
            statement.push(") p WHERE s.customer = ").bind(Bind::Number(within.customer.0.into())).push(" ");
            walk.sort_named(&mut statement);
        }
    }
    walk.cut(&mut statement);
    statement.push(") k JOIN image m ON m.customer = ").bind(Bind::Number(within.customer.0.into()));
    statement.push(" AND m.space = k.space AND m.serial = k.serial AND m.deleted_at IS NULL ");
    statement.push("LEFT JOIN item now ON now.batch = m.batch AND now.ordinal = m.ordinal ");
    walk.sort(&mut statement);
    Ok(walk.listing(statement.query().load(conn).await?))
}

/// How many there are.
///
/// # Errors
/// If the database fails.
pub async fn count(conn: &mut AsyncPgConnection, within: Within, filter: &ImageFilter) -> Result<i64, DbError> {
    let Some(within) = narrowed(within, filter) else { return Ok(0) };
    let mut statement = Statement::default();
    let counted = if is_tags_only(filter) { scope_of_tags } else { scope };
    if (ImageFilter { space: None, ..filter.clone() }) == ImageFilter::default() {
        sums(&mut statement, within);
    } else if within.space.is_some() {
        statement.push("SELECT count(*) AS n FROM ");
        counted(&mut statement, within, filter);
    } else {
        statement.push(
            "SELECT coalesce(sum(c.n), 0)::bigint AS n FROM space s CROSS JOIN LATERAL (SELECT count(*) AS n FROM ",
        );
        counted(&mut statement, within, filter);
        statement.push(") c WHERE s.customer = ").bind(Bind::Number(within.customer.0.into()));
    }
    let total: Number = statement.query().get_result(conn).await?;
    Ok(total.n)
}

/// The maintained sums: what is folded into the spaces, and what still waits for that.
fn sums(statement: &mut Statement, Within { customer, space }: Within) {
    let part = |statement: &mut Statement, sql: &str, column: &str| {
        statement.push(sql).bind(Bind::Number(customer.0.into()));
        if let Some(space) = space {
            statement.push(" AND ").push(column).push(" = ").bind(Bind::Number(space.0.into()));
        }
    };
    part(statement, "SELECT ((SELECT coalesce(sum(images), 0) FROM space WHERE customer = ", "id");
    part(statement, ") + (SELECT coalesce(sum(images), 0) FROM usage_delta WHERE customer = ", "space");
    statement.push("))::bigint AS n");
}

/// The scope with the filter's space; `None` if they contradict each other.
fn narrowed(within: Within, filter: &ImageFilter) -> Option<Within> {
    match (within.space, filter.space) {
        (Some(space), Some(wanted)) if space != wanted => None,
        (space, wanted) => Some(Within { space: space.or(wanted), ..within }),
    }
}

/// Who asks for a time gets the images in its order, which is the only one that leads there without a search.
fn own_order(filter: &ImageFilter) -> Option<Order<ImageField>> {
    let timed = filter.created_after.is_some() || filter.created_before.is_some();
    timed.then_some(Order { by: ImageField::Created, descending: false })
}

/// The column of an order by a field of an image, for rows that an image is found in.
macro_rules! image_column {
    ($row:ty, $image:ident in $path:expr, $finished:expr, $finished_of:expr) => {
        |field: ImageField| -> Column<$row> {
            let (sql, kind, of): (_, _, fn(&$row) -> Key) = match field {
                ImageField::Id => ("m.id", Kind::Text, |$image| Key::from($path.id.as_str())),
                ImageField::Created => ("m.created", Kind::Time, |$image| $path.created.into()),
                ImageField::Finished => ($finished, Kind::Time, $finished_of),
                ImageField::Width => {
                    ("coalesce(m.width, 2147483647)", Kind::Number, |$image| $path.width.unwrap_or(i32::MAX).into())
                }
                ImageField::Height => {
                    ("coalesce(m.height, 2147483647)", Kind::Number, |$image| $path.height.unwrap_or(i32::MAX).into())
                }
                ImageField::String1 => {
                    ("left(m.string1, 200)", Kind::Text, |$image| $crate::image::list::head(&$path.string1))
                }
                ImageField::String2 => {
                    ("left(m.string2, 200)", Kind::Text, |$image| $crate::image::list::head(&$path.string2))
                }
                ImageField::String3 => {
                    ("left(m.string3, 200)", Kind::Text, |$image| $crate::image::list::head(&$path.string3))
                }
                ImageField::Number1 => ("m.number1", Kind::Number, |$image| $path.number1.into()),
                ImageField::Number2 => ("m.number2", Kind::Number, |$image| $path.number2.into()),
                ImageField::Number3 => ("m.number3", Kind::Number, |$image| $path.number3.into()),
                ImageField::Origin => {
                    ("left(m.origin, 200)", Kind::Text, |$image| $crate::image::list::head(&$path.origin))
                }
            };
            Column { sql, kind, of }
        }
    };
}
pub(crate) use image_column;

fn columns(field: Option<ImageField>) -> Vec<Column<Image>> {
    let column = image_column!(Image, m in m, "coalesce(m.finished, '9999-12-31 00:00:00+00')", |m| m.finished.unwrap_or(NEVER).into());
    let serial = Column { sql: "m.serial", kind: Kind::Number, of: |m: &Image| m.serial.into() };
    field.map(column).into_iter().chain([serial]).collect()
}

/// What an index holds of a text, as `left(…, 200)` does in SQL.
const INDEXED_CHARS: usize = 200;

fn first_chars(text: &str) -> String {
    text.chars().take(INDEXED_CHARS).collect()
}

pub(crate) fn head(text: &str) -> Key {
    Key::Text(first_chars(text))
}

/// Whether the table of tags alone can tell which images agree.
fn is_tags_only(filter: &ImageFilter) -> bool {
    let tags = &filter.tags;
    let told = (1..=JOINED_TAGS).contains(&tags.len()) && tags.iter().all(|tag| tag.len() < INDEXED_CHARS);
    told && ImageFilter { space: None, tags: Vec::new(), ..filter.clone() } == ImageFilter::default()
}

/// `image_tag t0 … WHERE …`: the same by the table of tags, which has nothing of images that are deleted.
fn scope_of_tags(statement: &mut Statement, within: Within, filter: &ImageFilter) {
    let Some((first, others)) = filter.tags.split_first() else { return };
    statement.push("image_tag t0 ");
    for (index, tag) in others.iter().enumerate() {
        let t = format!("t{}", index + 1);
        statement.push(&format!(
            "JOIN image_tag {t} ON {t}.customer = t0.customer AND {t}.space = t0.space AND {t}.serial = t0.serial AND {t}.tag = "
        ));
        statement.bind(Bind::Text(tag.clone())).push(" ");
    }
    match within.space {
        Some(space) => {
            statement.push("WHERE t0.customer = ").bind(Bind::Number(within.customer.0.into()));
            statement.push(" AND t0.space = ").bind(Bind::Number(space.0.into()));
        }
        None => {
            statement.push("WHERE t0.customer = s.customer AND t0.space = s.id");
        }
    }
    statement.push(" AND t0.tag = ").bind(Bind::Text(first.clone())).push(" ");
}

/// `image m … WHERE …`: the images that agree with the filter; of `s.customer` and `s.id` if no space is named.
fn scope(statement: &mut Statement, within: Within, filter: &ImageFilter) {
    statement.push("image m ");
    for (index, tag) in filter.tags.iter().take(JOINED_TAGS).enumerate() {
        let t = format!("t{index}");
        statement.push(&format!(
            "JOIN image_tag {t} ON {t}.customer = m.customer AND {t}.space = m.space AND {t}.serial = m.serial AND {t}.tag = "
        ));
        statement.bind(Bind::Text(first_chars(tag))).push(" ");
    }
    match within.space {
        Some(space) => {
            statement.push("WHERE m.customer = ").bind(Bind::Number(within.customer.0.into()));
            statement.push(" AND m.space = ").bind(Bind::Number(space.0.into()));
        }
        None => {
            statement.push("WHERE m.customer = s.customer AND m.space = s.id");
        }
    }
    statement.push(" AND m.deleted_at IS NULL ");
    narrow(statement, filter);
    if filter.tags.len() > JOINED_TAGS || filter.tags.iter().any(|tag| tag.len() >= INDEXED_CHARS) {
        narrow_tags(statement, filter);
    }
    if let Some(state) = filter.state {
        narrow_state(statement, within.customer, state);
    }
    if let Some(error) = filter.error {
        statement.push("AND m.error_code = ").bind(Bind::Text(error.as_str().to_owned())).push(" ");
    }
}

/// What a filter says of an image itself; its tags, its state and its error are said elsewhere.
pub(crate) fn narrow(statement: &mut Statement, filter: &ImageFilter) {
    let ImageFilter {
        strings,
        numbers,
        tags: _,
        space: _,
        id,
        batch,
        state: _,
        error: _,
        created_after,
        created_before,
    } = filter;
    for (name, text) in ["m.string1", "m.string2", "m.string3"].into_iter().zip(strings) {
        let Some(text) = text else { continue };
        statement.push(&format!("AND {name} = ")).bind(Bind::Text(text.clone()));
        // The index leads there; the rest is looked up in the row.
        statement.push(&format!(" AND left({name}, 200) = ")).bind(Bind::Text(first_chars(text))).push(" ");
    }
    for (name, number) in ["m.number1", "m.number2", "m.number3"].into_iter().zip(numbers) {
        let Some(number) = number else { continue };
        statement.push(&format!("AND {name} = ")).bind(Bind::Number(*number)).push(" ");
    }
    if let Some(id) = id {
        statement.push("AND m.id = ").bind(Bind::Text(id.clone())).push(" ");
    }
    if let Some(batch) = batch {
        statement.push("AND NOT m.immediate AND m.batch = ").bind(Bind::Number(batch.0)).push(" ");
    }
    for (comparison, time) in [(">", created_after), ("<", created_before)] {
        let Some(time) = time else { continue };
        statement.push(&format!("AND m.created {comparison} ")).bind(Bind::Time(*time)).push(" ");
    }
}

pub(crate) fn narrow_tags(statement: &mut Statement, filter: &ImageFilter) {
    statement.push("AND m.tags @> ").bind(Bind::Texts(filter.tags.clone())).push(" ");
}

/// Whoever is worked on has a lease, of which there are few.
fn narrow_state(statement: &mut Statement, customer: CustomerId, state: Progress) {
    const OPEN: &str = "AND coalesce(m.finished, '9999-12-31 00:00:00+00') = '9999-12-31 00:00:00+00' ";
    const LEASE: &str = "EXISTS (SELECT FROM lease l WHERE l.batch = m.batch AND l.ordinal = m.ordinal) ";
    match state {
        Progress::Waiting => statement.push(OPEN).push("AND NOT ").push(LEASE),
        Progress::Ingesting => statement
            .push(OPEN)
            .push("AND ")
            .push(LEASE)
            .push("AND m.id IN (SELECT i.image FROM lease l JOIN item i USING (batch, ordinal) WHERE l.customer = ")
            .bind(Bind::Number(customer.0.into()))
            .push(") "),
        Progress::Ready => statement.push("AND m.finished IS NOT NULL AND m.error_code IS NULL "),
        Progress::Error => statement.push("AND m.error_code IS NOT NULL "),
    };
}
