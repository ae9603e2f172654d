//! Answers that are no resources.

use serde::Serialize;

/// Whether all is well.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"success": true})))]
pub struct Success {
    /// Always true.
    pub success: bool,
}

/// How much was deleted.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"deleted": 2})))]
pub struct Deleted {
    /// So many images.
    #[schema(minimum = 1)]
    pub deleted: usize,
}
