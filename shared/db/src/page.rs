//! Which part of a listing is wanted.

/// A slice of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows to leave out first.
    pub offset: i64,
    /// Rows wanted at most.
    pub limit: i64,
}

impl Page {
    /// The page of this number, counted from 1.
    #[must_use]
    pub fn number(page: u32, size: u32) -> Self {
        Self { offset: (i64::from(page) - 1).max(0) * i64::from(size), limit: i64::from(size) }
    }
}

/// A slice of a listing, and how long the whole is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The rows of the slice.
    pub rows: Vec<T>,
    /// How many rows the listing has, exactly.
    pub total: i64,
}
