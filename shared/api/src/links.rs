//! THE layout of public URLs. Nobody formats one elsewhere.

use dlcs_model::{BatchId, CustomerId, ImageId, ImageKey, SpaceId};

/// Builds URLs on one public root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    root: String,
}

impl Links {
    /// URLs below `root`, given with or without a slash at its end.
    #[must_use]
    pub fn new(root: &str) -> Self {
        Self { root: root.trim_end_matches('/').to_owned() }
    }

    /// The public root itself, without a slash at its end.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The JSON-LD context of a type.
    #[must_use]
    pub fn context(&self, name: &str) -> String {
        format!("{}/contexts/{name}.jsonld", self.root)
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> String {
        format!("{}/vocab", self.root)
    }

    /// A term of the vocabulary.
    #[must_use]
    pub fn vocabulary_term(&self, name: &str) -> String {
        format!("{}#{name}", self.vocabulary())
    }

    /// The entry point.
    #[must_use]
    pub fn entry_point(&self) -> String {
        format!("{}/", self.root)
    }

    /// The built-in ways to talk to an origin.
    #[must_use]
    pub fn built_in_origin_strategies(&self) -> String {
        format!("{}/originStrategies", self.root)
    }

    /// The built-in ways to derive what is served.
    #[must_use]
    pub fn image_optimisation_policies(&self) -> String {
        format!("{}/imageOptimisationPolicies", self.root)
    }

    /// The built-in sets of thumbnails.
    #[must_use]
    pub fn thumbnail_policies(&self) -> String {
        format!("{}/thumbnailPolicies", self.root)
    }

    /// All customers.
    #[must_use]
    pub fn customers(&self) -> String {
        format!("{}/customers", self.root)
    }

    /// A customer.
    #[must_use]
    pub fn customer(&self, customer: CustomerId) -> String {
        format!("{}/customers/{customer}", self.root)
    }

    /// A customer's API keys.
    #[must_use]
    pub fn keys(&self, customer: CustomerId) -> String {
        format!("{}/keys", self.customer(customer))
    }

    /// One API key.
    #[must_use]
    pub fn key(&self, customer: CustomerId, key: &str) -> String {
        format!("{}/{key}", self.keys(customer))
    }

    /// A customer's spaces.
    #[must_use]
    pub fn spaces(&self, customer: CustomerId) -> String {
        format!("{}/spaces", self.customer(customer))
    }

    /// A space.
    #[must_use]
    pub fn space(&self, customer: CustomerId, space: SpaceId) -> String {
        format!("{}/{space}", self.spaces(customer))
    }

    /// A space's images.
    #[must_use]
    pub fn images(&self, customer: CustomerId, space: SpaceId) -> String {
        format!("{}/images", self.space(customer, space))
    }

    /// All images of a customer.
    #[must_use]
    pub fn all_images(&self, customer: CustomerId) -> String {
        format!("{}/allImages", self.customer(customer))
    }

    /// An image. Every character an id may have stands for itself in a path.
    #[must_use]
    pub fn image(&self, image: &ImageKey) -> String {
        let ImageKey { customer, space, id } = image;
        format!("{}/{id}", self.images(*customer, *space))
    }

    /// A customer's portal users.
    #[must_use]
    pub fn portal_users(&self, customer: CustomerId) -> String {
        format!("{}/portalUsers", self.customer(customer))
    }

    /// A portal user.
    #[must_use]
    pub fn portal_user(&self, customer: CustomerId, user: uuid::Uuid) -> String {
        format!("{}/{user}", self.portal_users(customer))
    }

    /// A customer's origin strategies.
    #[must_use]
    pub fn origin_strategies(&self, customer: CustomerId) -> String {
        format!("{}/originStrategies", self.customer(customer))
    }

    /// One of them.
    #[must_use]
    pub fn origin_strategy(&self, customer: CustomerId, strategy: uuid::Uuid) -> String {
        format!("{}/{strategy}", self.origin_strategies(customer))
    }

    /// Where origins are tried out.
    #[must_use]
    pub fn origin_test(&self, customer: CustomerId) -> String {
        format!("{}/test", self.origin_strategies(customer))
    }

    /// A built-in origin strategy.
    #[must_use]
    pub fn built_in_origin_strategy(&self, strategy: dlcs_model::OriginStrategy) -> String {
        format!("{}/{strategy}", self.built_in_origin_strategies())
    }

    /// A customer's named queries.
    #[must_use]
    pub fn named_queries(&self, customer: CustomerId) -> String {
        format!("{}/namedQueries", self.customer(customer))
    }

    /// What is stored for a customer.
    #[must_use]
    pub fn storage(&self, customer: CustomerId) -> String {
        format!("{}/storage", self.customer(customer))
    }

    /// How much a customer may store.
    #[must_use]
    pub fn storage_policy(&self, customer: CustomerId) -> String {
        format!("{}/storagePolicy", self.customer(customer))
    }

    /// What is stored for a space.
    #[must_use]
    pub fn space_storage(&self, customer: CustomerId, space: SpaceId) -> String {
        format!("{}/storage", self.space(customer, space))
    }

    /// What is stored for an image.
    #[must_use]
    pub fn image_storage(&self, image: &ImageKey) -> String {
        format!("{}/storage", self.image(image))
    }

    /// A customer's queue.
    #[must_use]
    pub fn queue(&self, customer: CustomerId) -> String {
        format!("{}/queue", self.customer(customer))
    }

    /// A customer's batches.
    #[must_use]
    pub fn batches(&self, customer: CustomerId) -> String {
        format!("{}/batches", self.queue(customer))
    }

    /// A batch.
    #[must_use]
    pub fn batch(&self, customer: CustomerId, batch: BatchId) -> String {
        format!("{}/{batch}", self.batches(customer))
    }

    /// An image's IIIF service.
    #[must_use]
    pub fn image_service(&self, image: &ImageKey) -> String {
        let ImageKey { customer, space, id } = image;
        format!("{}/iiif-img/{customer}/{space}/{id}", self.root)
    }

    /// An image's service of fixed thumbnails.
    #[must_use]
    pub fn thumbs(&self, image: &ImageKey) -> String {
        let ImageKey { customer, space, id } = image;
        format!("{}/thumbs/{customer}/{space}/{id}", self.root)
    }
}

/// Why a text is no full id of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FullIdError {
    /// Neither a URL of an image nor `customer/space/id`.
    #[error("neither the URL of an image nor customer/space/id")]
    Form,
    /// Of someone else.
    #[error("this names an image of another customer")]
    Customer,
    /// Its last part is no id.
    #[error(transparent)]
    Id(#[from] dlcs_model::InvalidImageId),
}

/// Reads `…/customers/{c}/spaces/{s}/images/{id}` or `{c}/{s}/{id}`, whatever the host.
///
/// # Errors
/// If it is neither, names another customer, or ends in something that is no id.
pub fn parse_full_id(text: &str, customer: CustomerId) -> Result<(SpaceId, ImageId), FullIdError> {
    let parts: Vec<&str> = text.split('/').collect();
    let (owner, space, id, percent) = match parts.as_slice() {
        [.., "customers", owner, "spaces", space, "images", id] => (owner, space, id, true),
        [owner, space, id] => (owner, space, id, false),
        _ => return Err(FullIdError::Form),
    };
    let (Ok(owner), Ok(space)) = (owner.parse::<CustomerId>(), space.parse::<SpaceId>()) else {
        return Err(FullIdError::Form);
    };
    if owner != customer {
        return Err(FullIdError::Customer);
    }
    let id = if percent { percent_decode(id) } else { (*id).to_owned() };
    Ok((space, ImageId::new(id)?))
}

/// Decodes `%XX` once. What is no such escape stays, and is then refused as a character of an id.
#[must_use]
pub fn percent_decode(text: &str) -> String {
    String::from_utf8_lossy(&percent_decode_bytes(text)).into_owned()
}

/// The same, whatever the bytes mean.
pub(crate) fn percent_decode_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) * 16 + hex(*low));
                after
            }
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    bytes
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_ids_come_in_two_forms() {
        let me = CustomerId(2);
        let expected = Ok((SpaceId(3), ImageId::new("a-b").unwrap()));
        for text in ["2/3/a-b", "https://x/customers/2/spaces/3/images/a%2Db", "/customers/2/spaces/3/images/a-b"] {
            assert_eq!(parse_full_id(text, me), expected, "{text}");
        }
        assert_eq!(parse_full_id("4/3/a-b", me), Err(FullIdError::Customer));
        for text in ["a-b", "x/3/a", "2/3/4/5", "_:b0"] {
            assert_eq!(parse_full_id(text, me), Err(FullIdError::Form), "{text}");
        }
        for text in ["2/3/a%2Db", "/customers/2/spaces/3/images/a%2Fb", "/customers/2/spaces/3/images/%252F"] {
            assert!(matches!(parse_full_id(text, me), Err(FullIdError::Id(_))), "{text}");
        }
    }

    #[test]
    fn urls_are_below_the_root() {
        let links = Links::new("https://dlcs.example/");
        let image = ImageKey { customer: CustomerId(2), space: SpaceId(3), id: ImageId::new("a:b@c").unwrap() };
        assert_eq!(links.image(&image), "https://dlcs.example/customers/2/spaces/3/images/a:b@c");
        assert_eq!(links.batch(CustomerId(2), BatchId(9)), "https://dlcs.example/customers/2/queue/batches/9");
    }
}
