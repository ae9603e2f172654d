//! Limits that more than one service must agree on, each with its reason. What operators may change is a setting;
//! these are the defaults and the hard ends.

/// Members of one batch: a request of this size is accepted within a second and stays under 64 MB of JSON.
pub const BATCH_MEMBERS: usize = 10_000;

/// Bytes of one request body: 10,000 members with generous metadata.
pub const BODY_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of one source: larger masters exist, but not ones that a single job should carry.
pub const SOURCE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Pixels of a source that can be decoded in strips, so that memory stays flat.
pub const STREAMED_PIXELS: u64 = 1_000_000_000;

/// Pixels of a source that must be decoded as a whole, which bounds the memory of one job to about 1 GiB.
pub const WHOLE_PIXELS: u64 = 250_000_000;

/// The longest side of a source: JPEG's own limit.
pub const SIDE_PIXELS: u32 = 65_500;

/// Characters of one string field (`string1`, a tag, a role).
pub const STRING_CHARS: usize = 4_000;

/// Entries of one list field (tags, roles).
pub const LIST_ENTRIES: usize = 200;

/// Characters of a batch's label, of an idempotency key and of other names.
pub const NAME_CHARS: usize = 255;

/// Bytes of the free `metadata` object of an image.
pub const METADATA_BYTES: usize = 8 * 1024;

/// The fixed thumbnails, in pixels on the long edge.
pub const THUMBNAILS: [u32; 4] = [100, 200, 400, 1024];

/// The side of a derivative's tile, in pixels.
pub const TILE_SIDE: u32 = 512;

/// Tries of a fetch before a transient failure ends the item; with full jitter they span about an hour.
pub const FETCH_ATTEMPTS: u32 = 6;

/// Tries of processing.
pub const PROCESS_ATTEMPTS: u32 = 3;

/// Interruptions (worker died, lease expired) before an item ends as `decoder-crash`.
pub const INTERRUPTS: u32 = 10;

/// Days for which the events of batches can be read again.
pub const STEP_DAYS: i32 = 7;
