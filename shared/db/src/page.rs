//! Which part of a listing is wanted, and how a part of a listing is found without walking to it: by the place of a row
//! in the order, which an index leads to at once.

use chrono::DateTime;
use dlcs_model::{Key, Order};

use crate::DbError;
use crate::statement::{Bind, Statement};

/// A slice of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<F> {
    /// The order; `None` is the listing's own.
    pub order: Option<Order<F>>,
    /// Where it begins, or ends.
    pub from: From,
    /// Rows wanted at most.
    pub limit: i64,
}

/// Where a slice is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// After so many rows.
    Start(i64),
    /// Before so many rows at the end.
    End(i64),
    /// Behind the row of this place.
    After(Vec<Key>),
    /// Before the row of this place.
    Before(Vec<Key>),
}

impl<F> Slice<F> {
    /// The first rows.
    #[must_use]
    pub fn first(limit: i64) -> Self {
        Self { order: None, from: From::Start(0), limit }
    }

    /// The rows behind a place.
    #[must_use]
    pub fn after(place: Vec<Key>, limit: i64) -> Self {
        Self { order: None, from: From::After(place), limit }
    }

    /// The same in this order.
    #[must_use]
    pub fn by(self, by: F, descending: bool) -> Self {
        Self { order: Some(Order { by, descending }), ..self }
    }
}

/// A slice of a listing, with the places where its neighbours begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The place of the first row; there may be rows before it.
    pub before: Option<Vec<Key>>,
    /// The place of the last row, if there are rows behind it.
    pub after: Option<Vec<Key>>,
}

/// What a column of an order holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Text,
    Time,
}

/// A column of an order: an expression that is never null, and the same of a row that was read.
pub(crate) struct Column<R> {
    pub sql: &'static str,
    pub kind: Kind,
    pub of: fn(&R) -> Key,
}

impl<R> Clone for Column<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Column<R> {}

/// The way through a listing: an order in which no two rows are equal, and a slice of it.
pub(crate) struct Walk<'s, R> {
    columns: Vec<Column<R>>,
    ascending: bool,
    from: &'s From,
    limit: i64,
}

impl<'s, R> Walk<'s, R> {
    pub fn new<F>(columns: Vec<Column<R>>, descending: bool, slice: &'s Slice<F>) -> Self {
        let backwards = matches!(slice.from, From::End(_) | From::Before(_));
        Self { columns, ascending: descending == backwards, from: &slice.from, limit: slice.limit }
    }

    /// Nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.limit < 1
    }

    /// One row more than wanted shows whether there are more.
    fn rows(&self) -> i64 {
        self.limit.saturating_add(1)
    }

    fn skipped(&self) -> i64 {
        match self.from {
            From::Start(skipped) | From::End(skipped) => *skipped,
            From::After(_) | From::Before(_) => 0,
        }
    }

    /// `AND (a, b) > (…)`: the rows behind the place, seen in the direction of the walk.
    pub fn beyond(&self, statement: &mut Statement) -> Result<(), DbError> {
        let (From::After(place) | From::Before(place)) = self.from else { return Ok(()) };
        if place.len() != self.columns.len() {
            return Err(DbError::Cursor);
        }
        let list = self.columns.iter().map(|column| column.sql).collect::<Vec<_>>().join(", ");
        statement.push("AND (").push(&list).push(if self.ascending { ") > (" } else { ") < (" });
        for (index, (column, key)) in self.columns.iter().zip(place).enumerate() {
            if index > 0 {
                statement.push(", ");
            }
            statement.bind(bound(column.kind, key)?);
        }
        statement.push(") ");
        Ok(())
    }

    /// `ORDER BY a, b`.
    pub fn sort(&self, statement: &mut Statement) {
        self.order_by(statement, |_, column| column.sql.to_owned());
    }

    /// `a AS k0, b AS k1`, for a part that the whole is merged from.
    pub fn named(&self) -> String {
        let named = self.columns.iter().enumerate().map(|(index, column)| format!("{} AS k{index}", column.sql));
        named.collect::<Vec<_>>().join(", ")
    }

    /// `ORDER BY k0, k1`.
    pub fn sort_named(&self, statement: &mut Statement) {
        self.order_by(statement, |index, _| format!("k{index}"));
    }

    fn order_by(&self, statement: &mut Statement, name: impl Fn(usize, &Column<R>) -> String) {
        let direction = if self.ascending { "" } else { " DESC" };
        let list = self.columns.iter().enumerate().map(|(index, column)| name(index, column) + direction);
        statement.push("ORDER BY ").push(&list.collect::<Vec<_>>().join(", ")).push(" ");
    }

    /// `LIMIT n OFFSET m`.
    pub fn cut(&self, statement: &mut Statement) {
        statement.push("LIMIT ").bind(Bind::Number(self.rows()));
        if self.skipped() > 0 {
            statement.push(" OFFSET ").bind(Bind::Number(self.skipped()));
        }
        statement.push(" ");
    }

    /// `LIMIT n`, of a part that the whole is merged from.
    pub fn cut_part(&self, statement: &mut Statement) {
        statement.push("LIMIT ").bind(Bind::Number(self.rows().saturating_add(self.skipped()))).push(" ");
    }

    /// The rows in the order of the listing, whatever the direction they were read in.
    pub fn listing(&self, mut rows: Vec<R>) -> Listing<R> {
        let wanted = usize::try_from(self.limit).unwrap_or(0);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let behind = match self.from {
            From::Start(_) | From::After(_) => more,
            From::End(skipped) => *skipped > 0,
            From::Before(_) => true,
        };
        if matches!(self.from, From::End(_) | From::Before(_)) {
            rows.reverse();
        }
        let place = |row: &R| self.columns.iter().map(|column| (column.of)(row)).collect();
        let (before, after) = (rows.first().map(place), rows.last().filter(|_| behind).map(place));
        Listing { rows, before, after }
    }
}

fn bound(kind: Kind, key: &Key) -> Result<Bind, DbError> {
    match (kind, key) {
        (Kind::Number, Key::Number(number)) => Ok(Bind::Number(*number)),
        (Kind::Text, Key::Text(text)) => Ok(Bind::Text(text.clone())),
        (Kind::Time, Key::Number(micros)) => {
            let time = DateTime::from_timestamp_micros(*micros).ok_or(DbError::Cursor)?;
            // Postgres knows fewer years than this, and nothing here is older than it.
            let storable = (0..=super::image::NEVER_MICROS).contains(micros);
            storable.then_some(Bind::Time(time)).ok_or(DbError::Cursor)
        }
        (Kind::Number | Kind::Time, Key::Text(_)) | (Kind::Text, Key::Number(_)) => Err(DbError::Cursor),
    }
}
