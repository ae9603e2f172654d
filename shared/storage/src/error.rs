//! What can go wrong with a store.

/// A store's failure. Anything but [`StoreError::NotFound`] is our own trouble and worth another try.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("no object {0}")]
    NotFound(String),
    /// The object is shorter than the range that was asked for.
    #[error("object {key} ends before byte {end}")]
    Short {
        /// Which object.
        key: String,
        /// One past the last byte wanted.
        end: u64,
    },
    /// The file system failed.
    #[error("{key}: {source}")]
    Io {
        /// Which object.
        key: String,
        /// How.
        source: std::io::Error,
    },
    /// The S3 service failed or could not be reached.
    #[error("{key}: {message}")]
    S3 {
        /// Which object.
        key: String,
        /// The chain of causes.
        message: String,
    },
    /// The settings name no usable store.
    #[error("{0}")]
    Settings(String),
}

impl StoreError {
    pub(crate) fn io(key: &str, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound(key.to_owned()),
            _ => Self::Io { key: key.to_owned(), source },
        }
    }

    pub(crate) fn s3(key: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self::S3 { key: key.to_owned(), message }
    }

    /// Whether the object simply is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}
