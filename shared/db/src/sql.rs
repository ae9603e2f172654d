//! Raw SQL whose prepared statement is kept, one per connection: diesel forgets those of `sql_query` after each use,
//! which costs a round trip and a plan per call.

use diesel::QueryResult;
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Integer, Text, Untyped};
use dlcs_model::{CustomerId, ImageId, ImageKey, ItemState, Lane, OriginStrategy, SpaceId, Stage};

/// A raw query with constant text.
pub(crate) struct Prepared<Q>(Q);

/// Marks a query whose text is constant, so that its statement is worth keeping.
pub(crate) trait Prepare: Sized {
    fn prepared(self) -> Prepared<Self> {
        Prepared(self)
    }
}

impl<Q: Query<SqlType = Untyped>> Prepare for Q {}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> Query for Prepared<Q> {
    type SqlType = Untyped;
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// One number under the name `n`.
#[derive(diesel::QueryableByName)]
pub(crate) struct Number {
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// The place of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, diesel::QueryableByName)]
pub(crate) struct Place {
    #[diesel(sql_type = BigInt)]
    pub batch: i64,
    #[diesel(sql_type = Integer)]
    pub ordinal: i32,
}

/// An image, in the columns `customer`, `space` and `image`.
#[derive(Debug, diesel::QueryableByName)]
pub(crate) struct ImageColumns {
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    customer: CustomerId,
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    space: SpaceId,
    #[diesel(sql_type = Text, deserialize_as = Word<ImageId>)]
    image: ImageId,
}

impl From<ImageColumns> for ImageKey {
    fn from(ImageColumns { customer, space, image }: ImageColumns) -> Self {
        Self { customer, space, id: image }
    }
}

/// A text that is read as a word of the domain.
#[derive(Debug, diesel::deserialize::FromSqlRow)]
pub struct Word<T>(T);

impl<T> FromSql<Text, Pg> for Word<T>
where
    T: TryFrom<String>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Pg>>::from_sql(bytes)?;
        Ok(Self(T::try_from(text)?))
    }
}

macro_rules! words {
    ($($name:ident)*) => { $(
        impl From<Word<Self>> for $name {
            fn from(word: Word<Self>) -> Self {
                word.0
            }
        }
    )* };
}
words!(ImageId ItemState Lane OriginStrategy Stage);
