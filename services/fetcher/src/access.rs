//! As whom an origin is approached.

use dlcs_model::Credentials;

/// What the customer's strategy for an origin says, opened.
#[derive(Debug, Clone)]
pub enum Access {
    /// As anyone could.
    Open,
    /// S3 as whoever runs the system.
    S3Ambient,
    /// With these.
    With(Credentials),
}
