//! What is stored for a customer, a space or an image, and how much may be.

use dlcs_model::CustomerId;
use serde::Serialize;
use serde_json::Value;

use crate::resource::Body;
use crate::{Faults, Given, Links, Reader};

/// What is stored for all images of a customer or of a space.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Images that are stored.
    pub number_of_stored_images: i64,
    /// Bytes of their derivatives.
    pub total_size_of_stored_images: i64,
    /// Bytes of their thumbnails.
    pub total_size_of_thumbnails: i64,
    /// How much the customer may store.
    #[schema(format = "uri")]
    pub storage_policy: String,
}

impl Storage {
    /// These sums, with the customer's policy.
    #[must_use]
    pub fn new(links: &Links, customer: CustomerId, images: i64, size: i64, thumbnails: i64) -> Self {
        Self {
            number_of_stored_images: images,
            total_size_of_stored_images: size,
            total_size_of_thumbnails: thumbnails,
            storage_policy: links.storage_policy(customer),
        }
    }
}

impl Body for Storage {
    const NAME: &'static str = "Storage";
    const TYPE: &'static str = "vocab:Storage";
}

/// What is stored for one image; nothing as long as it is not served.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageStorage {
    /// Bytes of its derivative.
    pub size: i64,
    /// Bytes of its thumbnails.
    pub thumbnail_size: i64,
}

impl Body for ImageStorage {
    const NAME: &'static str = "ImageStorage";
    const TYPE: &'static str = "vocab:ImageStorage";
}

/// How much a customer may store; what is absent has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoragePolicy {
    /// Images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_number_of_stored_images: Option<i64>,
    /// Bytes of derivatives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_total_size_of_stored_images: Option<i64>,
}

impl Body for StoragePolicy {
    const NAME: &'static str = "StoragePolicy";
    const TYPE: &'static str = "vocab:StoragePolicy";
}

/// What a request says about a storage policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePolicyInput {
    /// Images.
    pub maximum_number: Given<i64>,
    /// Bytes of derivatives.
    pub maximum_size: Given<i64>,
}

impl StoragePolicyInput {
    /// Reads a policy.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(body: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(mut reader) = Reader::root(body, &mut faults) else { return Err(faults) };
        let input = Self {
            maximum_number: reader.integer("maximumNumberOfStoredImages", 0..=i64::MAX),
            maximum_size: reader.integer("maximumTotalSizeOfStoredImages", 0..=i64::MAX),
        };
        faults.check(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_says_numbers_or_null_for_no_limit() {
        let body = json!({"maximumNumberOfStoredImages": "10", "maximumTotalSizeOfStoredImages": null});
        let input = StoragePolicyInput::read(&body).unwrap();
        assert_eq!((input.maximum_number, input.maximum_size), (Given::Value(10), Given::Null));
        let body = json!({"maximumNumberOfStoredImages": -1, "maximumTotalSizeOfStoredImages": "much"});
        let found: Vec<_> = StoragePolicyInput::read(&body).unwrap_err().into_listed();
        let found: Vec<_> = found.iter().map(|f| (f.pointer.as_str(), f.code)).collect();
        let expected =
            [("/maximumNumberOfStoredImages", "out-of-range"), ("/maximumTotalSizeOfStoredImages", "wrong-type")];
        assert_eq!(found, expected);
    }
}
