//! A sealed secret.

/// What is stored of a secret. None of it helps without the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The id of the master key.
    pub key_id: String,
    /// The secret's own key, encrypted with the master key.
    pub wrapped_key: Vec<u8>,
    /// The secret, encrypted with its own key.
    pub secret: Vec<u8>,
}
