//! What is wrong with a request: every fault with its place, a stable word and a sentence.

use serde::Serialize;

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901) into the body; for a query parameter `?name`, for a path segment its name.
    pub pointer: String,
    /// What, as a stable word.
    pub code: &'static str,
    /// What, for a person.
    pub detail: String,
}

/// The faults found so far. The first [`Faults::LISTED`] are kept, all are counted.
#[derive(Debug, Default)]
pub struct Faults {
    listed: Vec<Fault>,
    total: usize,
}

impl Faults {
    /// So many faults are listed in an answer.
    pub const LISTED: usize = 100;

    /// Notes a fault. The texts are made only if it will be listed.
    pub fn add(&mut self, code: &'static str, pointer: impl FnOnce() -> String, detail: impl FnOnce() -> String) {
        self.total += 1;
        if self.listed.len() < Self::LISTED {
            self.listed.push(Fault { pointer: pointer(), code, detail: detail() });
        }
    }

    /// Notes further faults after these.
    pub fn append(&mut self, more: Self) {
        let room = Self::LISTED.saturating_sub(self.listed.len());
        self.total += more.total;
        self.listed.extend(more.listed.into_iter().take(room));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many there are, listed or not.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Those that are listed.
    #[must_use]
    pub fn into_listed(self) -> Vec<Fault> {
        self.listed
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// The faults, if there are any.
    pub fn check<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// A single fault.
    #[must_use]
    pub fn one(code: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(code, || pointer.into(), || detail.into());
        faults
    }
}
