//! What a caller demands of a row before it changes it.

/// Decides on the row as it is, or its absence, under the lock of the transaction that would change it.
pub type Condition<'c, T> = &'c (dyn Fn(Option<&T>) -> bool + Send + Sync);

/// No demand.
#[must_use]
pub fn always<T>(_: Option<&T>) -> bool {
    true
}
