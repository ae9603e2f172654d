//! What a protocol has to offer: a place that can be opened, again and further on if a transfer broke off. Time, rate,
//! size and checksum are [`super::transfer`]'s.

use async_trait::async_trait;
use bytes::Bytes;
use dlcs_model::Failure;

/// A place that bytes come from.
#[async_trait]
pub(super) trait Source: Send {
    /// Opens it at an offset; 0 the first time. What cannot begin there may begin at 0 instead.
    ///
    /// # Errors
    /// Why it cannot be opened, with the class of retry.
    async fn open(&mut self, from: u64) -> Result<Opened, Failure>;

    /// Whether the origin has led us to another host, which then is to blame for what happens.
    fn is_elsewhere(&self) -> bool {
        false
    }
}

/// A place that was opened.
pub(super) struct Opened {
    /// The bytes from `from` on.
    pub(super) body: Box<dyn Body>,
    /// Where the body really begins.
    pub(super) from: u64,
    /// How many bytes there are from 0 to the end, if that was said.
    pub(super) total: Option<u64>,
    /// Names these very bytes: what broke off is continued only if the name is still the same. Without one it is not.
    pub(super) version: Option<String>,
    /// What the origin says they are.
    pub(super) media_type: Option<String>,
}

/// Bytes on their way.
#[async_trait]
pub(super) trait Body: Send {
    /// The next of them; `None` if the protocol says that this was all. The future may be dropped and asked for again,
    /// without anything being lost.
    ///
    /// # Errors
    /// `origin-incomplete` if the transfer broke off (how far, is known to the caller); anything else ends it for good.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure>;
}
