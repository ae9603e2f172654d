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
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"deleted": 2, "message": "2 images were deleted."})))]
pub struct Deleted {
    /// So many images.
    #[schema(minimum = 1)]
    pub deleted: usize,
    /// The same in a sentence.
    pub message: String,
}

impl Deleted {
    /// So many.
    #[must_use]
    pub fn images(deleted: usize) -> Self {
        let what = if deleted == 1 { "image was" } else { "images were" };
        Self { deleted, message: format!("{deleted} {what} deleted.") }
    }
}
