//! The answer to a question that has only one.

use serde::Serialize;

/// Whether all is well.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"success": true})))]
pub struct Success {
    /// Always true.
    pub success: bool,
}
