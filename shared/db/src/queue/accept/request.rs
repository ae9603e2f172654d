//! What a registration says, and what becomes of it.

use dlcs_model::{BatchId, CustomerId, ImageId, Lane, SpaceId, Stage};
use serde::Serialize;

use crate::DbError;
use crate::queue::{Dispatched, OverQuota, Staged};

/// An image to register. What is `None` keeps its value if the image exists, or has the default (of the space or of
/// the API) if it is new.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the API's Image, under the same names")]
pub struct NewImage {
    pub space: SpaceId,
    pub id: ImageId,
    pub origin: Option<String>,
    pub initial_origin: Option<String>,
    pub media_type: Option<String>,
    pub string1: Option<String>,
    pub string2: Option<String>,
    pub string3: Option<String>,
    pub number1: Option<i64>,
    pub number2: Option<i64>,
    pub number3: Option<i64>,
    pub tags: Option<Vec<String>>,
    pub roles: Option<Vec<String>>,
    pub max_unauthorised: Option<i32>,
    pub metadata: Option<serde_json::Value>,
    /// Fields that a known image gets the default of, as if it were new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resets: Vec<Resettable>,
    /// Its bytes, which came with the registration: nothing is fetched. See [`Self::with_bytes`].
    #[serde(skip)]
    pub upload: Option<Staged>,
}

/// A field that has a default to go back to; its word is the column's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields of the API's Image, under the same names")]
pub enum Resettable {
    InitialOrigin,
    MediaType,
    String1,
    String2,
    String3,
    Number1,
    Number2,
    Number3,
    Tags,
    Roles,
    MaxUnauthorised,
    Metadata,
}

impl NewImage {
    /// An image of which only its name is said: a known one is registered again as it is.
    #[must_use]
    pub fn named(space: SpaceId, id: ImageId) -> Self {
        Self {
            space,
            id,
            origin: None,
            initial_origin: None,
            media_type: None,
            string1: None,
            string2: None,
            string3: None,
            number1: None,
            number2: None,
            number3: None,
            tags: None,
            roles: None,
            max_unauthorised: None,
            metadata: None,
            resets: Vec::new(),
            upload: None,
        }
    }

    /// The same with its bytes, which are in the store already. They take the place of the origins: what the image
    /// was fetched from before is not what it shows any more.
    #[must_use]
    pub fn with_bytes(mut self, staged: Staged) -> Self {
        self.origin = Some(String::new());
        self.initial_origin = None;
        self.resets.push(Resettable::InitialOrigin);
        self.upload = Some(staged);
        self
    }

    /// What has to be done first.
    pub(super) fn stage(&self) -> Stage {
        if self.upload.is_some() { Stage::Process } else { Stage::Fetch }
    }

    /// Whether it says anything of who may see the image.
    #[must_use]
    pub fn says_access(&self) -> bool {
        let reset = |field: &Resettable| matches!(field, Resettable::Roles | Resettable::MaxUnauthorised);
        self.roles.is_some() || self.max_unauthorised.is_some() || self.resets.iter().any(reset)
    }
}

/// What makes a repeated request recognisable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key.
    pub key: String,
    /// A hash of the request.
    pub request_hash: Vec<u8>,
}

/// A registration of one or more images. No two members name the same image.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Who registers.
    pub customer: CustomerId,
    /// Which way through the queues.
    pub lane: Lane,
    /// The client's name for it.
    pub label: Option<String>,
    /// A single registration that someone waits for: hidden from listings, its hint is given out by this very call.
    pub immediate: bool,
    /// Refuse images that exist.
    pub only_new: bool,
    /// The images; at least one.
    pub members: Vec<NewImage>,
    /// For requests that may come again.
    pub idempotency: Option<Idempotency>,
}

/// One accepted member; its index is its ordinal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The image's space.
    pub space: SpaceId,
    /// The image.
    pub id: ImageId,
    /// Which registration of it this is.
    pub generation: i64,
    /// Whether the image did not exist before.
    pub created: bool,
}

/// A registration that is durable now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The batch.
    pub batch: BatchId,
    /// Its members by ordinal.
    pub members: Vec<Member>,
    /// The hints to publish at once; only of an immediate registration.
    pub hints: Vec<Dispatched>,
}

/// A registration was not accepted; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Members whose space does not exist, by ordinal.
    #[error("{} members name a space that does not exist", .0.len())]
    UnknownSpaces(Vec<usize>),
    /// New images without an origin, by ordinal.
    #[error("{} new images have no origin", .0.len())]
    MissingOrigins(Vec<usize>),
    /// Known images whose bytes were sent, and that are to be fetched without an origin, by ordinal.
    #[error("{} images were registered by their bytes and have no origin", .0.len())]
    BytesOnly(Vec<usize>),
    /// With [`NewBatch::only_new`]: images that exist, by ordinal.
    #[error("{} images exist", .0.len())]
    Exists(Vec<usize>),
    /// Two members name the same image: the later ones, by ordinal.
    #[error("{} members repeat another", .0.len())]
    Duplicates(Vec<usize>),
    /// No members.
    #[error("no members")]
    Empty,
    /// The customer's storage would be over its quota.
    #[error(transparent)]
    OverQuota(OverQuota),
    /// The caller's condition does not hold.
    #[error("the condition does not hold")]
    Refused,
    /// This very request was accepted before, as this batch.
    #[error("accepted before as batch {0}")]
    Replay(BatchId),
    /// The idempotency key was used for another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}
