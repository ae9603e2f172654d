//! What can go wrong with a JPEG.

use std::ffi::{CStr, c_char, c_int};

/// The kinds of failure that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes do not start like a JPEG.
    NotJpeg,
    /// A JPEG with missing or damaged data.
    Corrupt,
    /// A JPEG of a kind that is not read: 12 bit, hierarchical, an unknown colour space.
    Unsupported,
    /// A side is longer than 65,500 pixels.
    TooBig,
    /// The file cannot be read.
    Io,
    /// No memory.
    Memory,
    /// A call in the wrong order or with a buffer that is too small.
    Misuse,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// libjpeg's own words, or ours.
    pub message: String,
}

impl Error {
    pub(crate) fn misuse(message: &str) -> Self {
        Self { kind: ErrorKind::Misuse, message: message.to_owned() }
    }

    pub(crate) fn memory() -> Self {
        Self { kind: ErrorKind::Memory, message: "no memory for the codec".to_owned() }
    }
}

/// Turns a status of the shim into a result. The numbers are those of `enum dj_status`.
pub(crate) fn check(status: c_int, message: impl FnOnce() -> *const c_char) -> Result<(), Error> {
    let kind = match status {
        0 => return Ok(()),
        1 => ErrorKind::NotJpeg,
        2 => ErrorKind::Corrupt,
        3 => ErrorKind::Unsupported,
        4 => ErrorKind::TooBig,
        5 => ErrorKind::Io,
        6 => ErrorKind::Memory,
        _ => ErrorKind::Misuse,
    };
    // SAFETY: the shim's message is a NUL-terminated array inside the codec, which lives longer than this borrow.
    let text = unsafe { CStr::from_ptr(message()) };
    Err(Error { kind, message: text.to_string_lossy().into_owned() })
}
