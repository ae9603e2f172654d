//! Failures that are our own: told to the log where they happen, while the public sentence stays constant.

use dlcs_model::Failure;
use std::fmt::Display;

/// A file of ours that cannot be read or written.
pub(crate) fn file(error: &std::io::Error, doing: &str) -> Failure {
    ours(error, doing)
}

/// The encoder refused what we gave it, or there is no memory.
pub(crate) fn encoder(error: &dlcs_jpeg::Error) -> Failure {
    ours(error, "encode a JPEG")
}

/// Anything else that should not happen.
pub(crate) fn ours(error: &dyn Display, doing: &str) -> Failure {
    tracing::error!(%error, "cannot {doing}");
    Failure::internal()
}
