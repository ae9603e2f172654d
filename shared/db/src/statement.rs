//! SQL that is put together from parts, each value bound where it is said. Such a statement is planned each time, with
//! its values in view: what is a good way to a rare string is a bad one to a common one.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind {
    Number(i64),
    Text(String),
    Texts(Vec<String>),
    Time(DateTime<Utc>),
}

/// A statement in the making.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    text: String,
    binds: Vec<Bind>,
}

impl Statement {
    /// Begins with this text.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), binds: Vec::new() }
    }

    /// Adds text, which never comes from outside.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub fn bind(&mut self, bind: Bind) -> &mut Self {
        self.binds.push(bind);
        let position = self.binds.len();
        self.push(&format!("${position}"))
    }

    /// The query.
    pub fn query(self) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
        let Self { text, binds } = self;
        binds.into_iter().fold(sql_query(text).into_boxed(), |query, bind| match bind {
            Bind::Number(number) => query.bind::<BigInt, _>(number),
            Bind::Text(text) => query.bind::<Text, _>(text),
            Bind::Texts(texts) => query.bind::<Array<Text>, _>(texts),
            Bind::Time(time) => query.bind::<Timestamptz, _>(time),
        })
    }
}
