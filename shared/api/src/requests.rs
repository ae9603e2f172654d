//! The forms of request bodies, for the documentation only: JSON is read by hand (see [`crate::read`]), so that every
//! fault is found at once. Tests hold them against the readers: what these allow is taken, and nothing else is.

use serde::Serialize;
use serde_json::Value;

use crate::scalars::{Origin, PixelLimit, SpaceNumber, StrategyName, Texts, Whole};

/// A customer to create.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"name": "wellcome", "displayName": "Wellcome Collection"})))]
pub struct CustomerRequest {
    /// Letters, digits and `_ . -`; usable in place of the number in public image URLs, so neither a number nor `v` and
    /// a number.
    #[schema(
        min_length = 1,
        max_length = 60,
        pattern = r"^(?![vV]?[0-9]+$|[aA][dD][mM][iI][nN]$|\.+$)[A-Za-z0-9_.-]{1,60}$"
    )]
    pub name: String,
    /// Its name for people; the name unless another is given.
    #[schema(max_length = 255, pattern = r"^[^\u0000]*$")]
    pub display_name: Option<String>,
}

/// A space as it is changed. What is absent keeps its value, `null` resets it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"defaultTags": ["digitised"], "defaultMaxUnauthorised": 400})))]
pub struct SpaceRequest {
    /// Unique among the customer's; a new space needs one.
    #[schema(max_length = 255, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$", nullable = false)]
    pub name: Option<String>,
    /// Tags that every new image gets besides its own.
    pub default_tags: Option<Texts>,
    /// Roles that every new image gets besides its own.
    pub default_roles: Option<Texts>,
    /// What a new image gets that does not say.
    pub default_max_unauthorised: Option<PixelLimit>,
    /// The same under its newer name.
    pub max_unauthorised: Option<PixelLimit>,
}

/// A space to create.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"name": "bibliography", "defaultTags": ["digitised"]})))]
pub struct NewSpaceRequest {
    /// Unique among the customer's.
    #[schema(max_length = 255, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$")]
    pub name: String,
    /// Tags that every new image gets besides its own.
    pub default_tags: Option<Texts>,
    /// Roles that every new image gets besides its own.
    pub default_roles: Option<Texts>,
    /// What a new image gets that does not say.
    pub default_max_unauthorised: Option<PixelLimit>,
    /// The same under its newer name.
    pub max_unauthorised: Option<PixelLimit>,
}

/// An image. What is absent keeps its value, `null` resets it; what only we write is ignored, so what was read can be
/// sent back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"origin": "https://example.org/1.jpg", "string1": "bib343434", "number1": 1, "tags": ["cover"]})))]
pub struct ImageRequest {
    /// Where it is fetched from; a new image needs one.
    #[schema(nullable = false)]
    pub origin: Option<Origin>,
    /// Where it is fetched from the first time.
    pub initial_origin: Option<Origin>,
    /// What you believe the bytes to be; they are looked at all the same.
    #[schema(max_length = 255, pattern = r"^[^\u0000]*$")]
    pub media_type: Option<String>,
    /// Free text.
    #[schema(max_length = 4000, pattern = r"^[^\u0000]*$")]
    pub string1: Option<String>,
    /// Free text.
    #[schema(max_length = 4000, pattern = r"^[^\u0000]*$")]
    pub string2: Option<String>,
    /// Free text.
    #[schema(max_length = 4000, pattern = r"^[^\u0000]*$")]
    pub string3: Option<String>,
    /// Free number.
    pub number1: Option<Whole>,
    /// Free number.
    pub number2: Option<Whole>,
    /// Free number.
    pub number3: Option<Whole>,
    /// Free words.
    pub tags: Option<Texts>,
    /// Who may see it without limits.
    pub roles: Option<Texts>,
    /// Pixels on the long edge that anyone may see; -1, the default, for all.
    pub max_unauthorised: Option<PixelLimit>,
    /// Free JSON up to 8 KB, returned as it came.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// The bytes of an image; the fields of the image, but its origins, as query parameters. `application/octet-stream` will do.
#[derive(Debug, utoipa::ToSchema)]
#[schema(value_type = String, format = Binary, min_length = 1)]
pub struct RawImage(#[expect(dead_code, reason = "only described")] Vec<u8>);

/// An image with its bytes. The image before the file is better: what is wrong with it is then told before the file is sent.
#[derive(Debug, utoipa::ToSchema)]
pub struct ImageForm {
    /// The image as JSON, without origins.
    #[schema(example = r#"{"string1": "bib343434"}"#)]
    pub image: Option<String>,
    /// Its bytes.
    #[schema(value_type = String, format = Binary, min_length = 1)]
    pub file: Vec<u8>,
}

/// A new image in a space.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"id": "page-1", "origin": "https://example.org/1.jpg", "string1": "bib343434", "number1": 1})))]
pub struct NewImageRequest {
    /// Its id in its space, also as `{customer}/{space}/{id}`, as `modelId` or as the URL in `@id`. Without one we
    /// assign a UUID.
    #[schema(max_length = 200, pattern = r"^(?!\.{1,2}$)[A-Za-z0-9._~!$&'()*+,;=:@-]{0,200}$")]
    pub id: Option<String>,
    /// Where it is fetched from.
    pub origin: Origin,
    /// Everything else.
    #[serde(flatten)]
    pub rest: ImageRequest,
}

/// An image in a batch.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MemberRequest {
    /// A space that exists.
    pub space: SpaceNumber,
    /// Its id in its space, also as `{customer}/{space}/{id}`, as `modelId` or as the URL in `@id`. Without one we
    /// assign a UUID.
    #[schema(max_length = 200, pattern = r"^(?!\.{1,2}$)[A-Za-z0-9._~!$&'()*+,;=:@-]{0,200}$")]
    pub id: Option<String>,
    /// Where it is fetched from.
    pub origin: Origin,
    /// Everything else.
    #[serde(flatten)]
    pub rest: ImageRequest,
}

/// A collection of images to register, all or none.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({
    "@type": "Collection", "label": "bib343434",
    "member": [
        {"space": 1, "id": "page-1", "origin": "https://example.org/1.jpg", "string1": "bib343434", "number1": 1},
        {"space": 1, "id": "page-2", "origin": "https://example.org/2.jpg", "string1": "bib343434", "number1": 2}
    ]
})))]
pub struct BatchRequest {
    /// `Collection`, if it is said.
    #[serde(rename = "@type")]
    pub kind: Option<CollectionType>,
    /// A name for the batch, to find it again.
    #[schema(max_length = 255, pattern = r"^[^\u0000]*$")]
    pub label: Option<String>,
    /// The images; also as `hydra:member` or `members`.
    #[schema(min_items = 1, max_items = 10_000)]
    pub member: Vec<MemberRequest>,
}

/// How a collection may call itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub enum CollectionType {
    /// As we write it.
    Collection,
    /// With its prefix.
    #[serde(rename = "hydra:Collection")]
    Hydra,
    /// In full.
    #[serde(rename = "http://www.w3.org/ns/hydra/core#Collection")]
    Full,
}

/// A customer as it is changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"displayName": "Wellcome Collection"})))]
pub struct CustomerChange {
    /// Its name for people; `null` makes that its name.
    #[schema(max_length = 255, pattern = r"^[^\u0000]*$")]
    pub display_name: Option<String>,
}

/// A portal user to create.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"email": "ann@example.org", "password": "correct horse battery staple"})))]
pub struct NewPortalUserRequest {
    /// How it logs in, unique among the customer's.
    #[schema(
        format = "email",
        max_length = 254,
        pattern = r"^[A-Za-z0-9_+-]{1,64}@([a-z0-9]{1,20}\.){1,5}[a-z]{2,20}$"
    )]
    pub email: String,
    /// Never shown again.
    #[schema(min_length = 8, max_length = 200, pattern = r"^[^\u0000]*$")]
    pub password: String,
    /// Whether it may log in; true unless something else is said.
    pub enabled: Option<bool>,
}

/// A portal user as it is changed. What is absent keeps its value.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"enabled": false})))]
pub struct PortalUserRequest {
    /// How it logs in, unique among the customer's.
    #[schema(
        format = "email",
        max_length = 254,
        pattern = r"^[A-Za-z0-9_+-]{1,64}@([a-z0-9]{1,20}\.){1,5}[a-z]{2,20}$",
        nullable = false
    )]
    pub email: Option<String>,
    /// Never shown again.
    #[schema(min_length = 8, max_length = 200, pattern = r"^[^\u0000]*$", nullable = false)]
    pub password: Option<String>,
    /// Whether it may log in.
    pub enabled: Option<bool>,
}

/// An origin strategy to create.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "regex": r"ftp://masters\.example\.org/.*", "strategy": "ftp", "order": 10,
    "credentials": {"user": "dlcs", "password": "correct horse battery staple"}
})))]
pub struct NewOriginStrategyRequest {
    /// Has to match `scheme://host[:port]/path` of an origin as a whole.
    #[schema(max_length = 1000, pattern = r"^[^\u0000]*$")]
    pub regex: String,
    /// One of the built-in strategies, by its name or its URI; also as `originStrategy`.
    pub strategy: StrategyName,
    /// What the strategy needs: `user` and `password`; for S3 `accessKeyId`, `secretAccessKey` and perhaps `sessionToken`,
    /// `region`, `endpoint`; for SFTP `user` with `password`, or with `privateKey` and perhaps `passphrase`, and perhaps
    /// `hostKey`. Never shown again.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Value>,
    /// Of several that match, the one with the lowest applies.
    #[schema(nullable = false)]
    pub order: Option<i32>,
}

/// An origin strategy as it is changed. What is absent keeps its value.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"order": 20})))]
pub struct OriginStrategyRequest {
    /// Has to match `scheme://host[:port]/path` of an origin as a whole.
    #[schema(max_length = 1000, pattern = r"^[^\u0000]*$", nullable = false)]
    pub regex: Option<String>,
    /// One of the built-in strategies, by its name or its URI; also as `originStrategy`.
    #[schema(nullable = false)]
    pub strategy: Option<StrategyName>,
    /// As when it is created; `xxx` keeps what is stored.
    #[schema(value_type = Option<Object>)]
    pub credentials: Option<Value>,
    /// Of several that match, the one with the lowest applies.
    #[schema(nullable = false)]
    pub order: Option<i32>,
}

/// An origin to try out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"origin": "ftp://masters.example.org/1.tif"})))]
pub struct OriginTestRequest {
    /// Where to read from.
    pub origin: Origin,
}

/// How much a customer may store. What is absent keeps its value, `null` is no limit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"maximumNumberOfStoredImages": 1_000_000})))]
pub struct StoragePolicyRequest {
    /// Images.
    #[schema(minimum = 0)]
    pub maximum_number_of_stored_images: Option<i64>,
    /// Bytes of derivatives.
    #[schema(minimum = 0)]
    pub maximum_total_size_of_stored_images: Option<i64>,
}

/// The name of an image: its id and its space, or both in one text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NameRequest {
    /// The space, unless the id says it.
    pub space: SpaceNumber,
    /// Its id in its space, also as `{customer}/{space}/{id}`, as `modelId` or as the URL in `@id`.
    #[schema(min_length = 1, max_length = 200, pattern = r"^(?!\.{1,2}$)[A-Za-z0-9._~!$&'()*+,;=:@-]{1,200}$")]
    pub id: String,
}

/// A collection that names images.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"@type": "Collection", "member": [{"space": 1, "id": "page-1"}, {"space": 1, "id": "page-2"}]})))]
pub struct NamesRequest {
    /// `Collection`, if it is said.
    #[serde(rename = "@type")]
    pub kind: Option<CollectionType>,
    /// The images; also as `hydra:member` or `members`.
    #[schema(min_items = 1, max_items = 1000)]
    pub member: Vec<NameRequest>,
}

/// A change of one image of many.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRequest {
    /// Its id in its space, also as `{customer}/{space}/{id}`, as `modelId` or as the URL in `@id`.
    #[schema(min_length = 1, max_length = 200, pattern = r"^(?!\.{1,2}$)[A-Za-z0-9._~!$&'()*+,;=:@-]{1,200}$")]
    pub id: String,
    /// Free text.
    #[schema(max_length = 4000, pattern = r"^[^\u0000]*$")]
    pub string1: Option<String>,
    /// Free text.
    #[schema(max_length = 4000, pattern = r"^[^\u0000]*$")]
    pub string2: Option<String>,
    /// Free text.
    #[schema(max_length = 4000, pattern = r"^[^\u0000]*$")]
    pub string3: Option<String>,
    /// Free number.
    pub number1: Option<Whole>,
    /// Free number.
    pub number2: Option<Whole>,
    /// Free number.
    pub number3: Option<Whole>,
    /// Free words.
    pub tags: Option<Texts>,
    /// Who may see it without limits.
    pub roles: Option<Texts>,
    /// Pixels on the long edge that anyone may see; -1 for all.
    pub max_unauthorised: Option<PixelLimit>,
    /// Free JSON up to 8 KB, returned as it came.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// A collection of changes of images, all made or none.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({"@type": "Collection", "member": [{"id": "page-1", "string3": "checked"}]})))]
pub struct ChangesRequest {
    /// `Collection`, if it is said.
    #[serde(rename = "@type")]
    pub kind: Option<CollectionType>,
    /// The changes; also as `hydra:member` or `members`.
    #[schema(min_items = 1, max_items = 1000)]
    pub member: Vec<ChangeRequest>,
}

/// What a client says about repeating a POST.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Repeatable {
    /// Makes the request safe to repeat for 24 hours: the same key and body give the same batch again.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        example = "5f0c1c1e-8f0d-4c39-a3a5-3c8b4f1f2a77"
    )]
    pub idempotency_key: Option<String>,
}

/// How long a client is willing to wait (RFC 7240).
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Patience {
    /// `wait=n`: an answer within n seconds, 202 if the image is not ready by then; `respond-async`: at once.
    #[param(rename = "Prefer", example = "respond-async")]
    pub prefer: Option<String>,
}
