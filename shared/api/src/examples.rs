//! One example of each resource, made from the types themselves.

use chrono::{DateTime, Utc};
use dlcs_model::{BatchId, CustomerId, FailureCode, ImageId, ImageKey, SpaceId};
use serde_json::{Value, json};

use crate::batch::BatchLinks;
use crate::policy::{ImageOptimisationPolicy, OriginStrategy, Policy, ThumbnailPolicy};
use crate::resource::Body;
use crate::{
    Batch, BatchMember, Customer, CustomerInput, CustomerOriginStrategy, EntryPoint, Image, ImageStorage, Key, Links,
    MemberState, OriginTest, PortalUser, Queue, Resource, Space, Storage, StoragePolicy, Timestamp,
};

/// The root of all URLs in examples.
pub const ROOT: &str = "https://dlcs.example";

const CUSTOMER: CustomerId = CustomerId(2);
const SPACE: SpaceId = SpaceId(1);
const BATCH: BatchId = BatchId(7);

/// The example for a schema.
#[must_use]
pub fn of(schema: &str, links: &Links) -> Option<Value> {
    let value = match schema {
        "EntryPoint" => resource(links, links.entry_point(), EntryPoint::new(links)),
        "Customer" => resource(links, links.customer(CUSTOMER), customer(links)),
        "Key" => resource(links, links.key(CUSTOMER, "a1b2c3"), key()),
        "Space" => resource(links, links.space(CUSTOMER, SPACE), space(links)),
        "Image" => resource(links, image_url(links)?, image(links)?),
        "Queue" => resource(links, links.queue(CUSTOMER), Queue::new(links, CUSTOMER, 120, 2, 80)),
        "Batch" => resource(links, links.batch(CUSTOMER, BATCH), batch(links)),
        "BatchMember" => resource(links, image_url(links)?, member(links)?),
        "PortalUser" => resource(links, links.portal_user(CUSTOMER, uuid::Uuid::nil()), portal_user()),
        "CustomerOriginStrategy" => {
            let url = links.origin_strategy(CUSTOMER, uuid::Uuid::nil());
            resource(links, url, origin_strategy(links))
        }
        "OriginTest" => resource(links, links.origin_test(CUSTOMER), origin_test(links)),
        "Storage" => {
            let body = Storage::new(links, CUSTOMER, 2, 4_690_000, 180_000);
            resource(links, links.storage(CUSTOMER), body)
        }
        "ImageStorage" => {
            let body = ImageStorage { size: 2_345_678, thumbnail_size: 90_000 };
            resource(links, links.image_storage(&image_key()?), body)
        }
        "StoragePolicy" => resource(links, links.storage_policy(CUSTOMER), storage_policy()),
        "OriginStrategy" => built_in(links.built_in_origin_strategies(), links, OriginStrategy::all()),
        "ImageOptimisationPolicy" => {
            built_in(links.image_optimisation_policies(), links, ImageOptimisationPolicy::all())
        }
        "ThumbnailPolicy" => built_in(links.thumbnail_policies(), links, ThumbnailPolicy::all()),
        _ => return None,
    };
    Some(value)
}

fn resource<T: Body>(links: &Links, id: String, body: T) -> Value {
    json!(Resource::top(links, id, body))
}

fn built_in<T: Policy>(url: String, links: &Links, all: Vec<T>) -> Value {
    let first = all.into_iter().next();
    first.map_or(Value::Null, |policy| resource(links, format!("{url}/{}", policy.name()), policy))
}

fn at(second: i64) -> Timestamp {
    let start = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::seconds(1_795_413_600 + second);
    Timestamp(start)
}

fn customer(links: &Links) -> Customer {
    let input = CustomerInput { name: "wellcome".to_owned(), display_name: "Wellcome Collection".to_owned() };
    Customer::new(links, CUSTOMER, input, false, at(0))
}

fn key() -> Key {
    Key { key: "a1b2c3".to_owned(), secret: None, created: Some(at(0)), last_used: Some(at(3600)) }
}

fn portal_user() -> PortalUser {
    PortalUser { email: "ann@example.org".to_owned(), enabled: true, created: at(0) }
}

fn origin_strategy(links: &Links) -> CustomerOriginStrategy {
    let regex = r"sftp://masters\.example\.org/.*".to_owned();
    CustomerOriginStrategy::new(links, regex, dlcs_model::OriginStrategy::Sftp, 10, at(0))
}

fn origin_test(links: &Links) -> OriginTest {
    OriginTest {
        origin: "sftp://masters.example.org/1.tif".to_owned(),
        strategy: links.origin_strategy(CUSTOMER, uuid::Uuid::nil()),
        readable: true,
        size: Some(48_000_000),
        media_type: None,
        error_code: None,
        error: None,
    }
}

fn storage_policy() -> StoragePolicy {
    StoragePolicy {
        maximum_number_of_stored_images: Some(1_000_000),
        maximum_total_size_of_stored_images: Some(5_000_000_000_000),
    }
}

fn space(links: &Links) -> Space {
    Space {
        id: SPACE.0,
        name: "bibliography".to_owned(),
        created: at(60),
        default_tags: vec!["digitised".to_owned()],
        default_roles: vec![],
        default_max_unauthorised: -1,
        max_unauthorised: -1,
        number_of_images: Some(2),
        approximate_number_of_images: Some(2),
        images: links.images(CUSTOMER, SPACE),
        storage: links.space_storage(CUSTOMER, SPACE),
    }
}

fn image_key() -> Option<ImageKey> {
    Some(ImageKey { customer: CUSTOMER, space: SPACE, id: ImageId::new("page-1").ok()? })
}

fn image_url(links: &Links) -> Option<String> {
    Some(links.image(&image_key()?))
}

fn image(links: &Links) -> Option<Image> {
    let key = image_key()?;
    let (service, thumbs) = (links.image_service(&key), links.thumbs(&key));
    Some(Image {
        storage: links.image_storage(&key),
        id: key.id,
        space: SPACE,
        origin: Some("https://example.org/1.jpg".to_owned()),
        initial_origin: None,
        media_type: Some("image/jpeg".to_owned()),
        string1: "bib343434".to_owned(),
        string2: String::new(),
        string3: String::new(),
        number1: 1,
        number2: 0,
        number3: 0,
        tags: vec!["cover".to_owned(), "digitised".to_owned()],
        roles: vec![],
        max_unauthorised: -1,
        metadata: None,
        width: Some(4000),
        height: Some(3000),
        size: Some(2_345_678),
        created: at(90),
        queued: Some(at(90)),
        dequeued: Some(at(91)),
        finished: Some(at(93)),
        ingesting: false,
        error: None,
        error_code: None,
        attempts: 1,
        batch: Some(links.batch(CUSTOMER, BATCH)),
        info_json: format!("{service}/info.json"),
        image_service: service,
        thumbnail400: Some(format!("{thumbs}/full/!400,400/0/default.jpg")),
        thumbnail_image_service: thumbs,
    })
}

fn batch(links: &Links) -> Batch {
    Batch {
        submitted: at(90),
        label: Some("bib343434".to_owned()),
        count: 300,
        completed: 98,
        errors: 2,
        finished: None,
        superseded: false,
        cancelled: false,
        percent: 33.33,
        queued_for: 1.25,
        images_per_second: Some(12.5),
        est_completion: Some(at(107)),
        links: BatchLinks::new(links, CUSTOMER, BATCH),
    }
}

fn member(links: &Links) -> Option<BatchMember> {
    let image = Image {
        width: None,
        height: None,
        size: None,
        thumbnail400: None,
        media_type: None,
        error: Some("the origin answered 404 Not Found".to_owned()),
        error_code: Some(FailureCode::OriginNotFound),
        ..image(links)?
    };
    Some(BatchMember { state: MemberState::Error, image })
}
