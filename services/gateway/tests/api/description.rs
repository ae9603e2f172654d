//! What the API says about itself: open to all, whole, and true to the root it is seen at.

use crate::support::{PUBLIC, World};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// What anyone gets at a path.
async fn open(world: &World, path: &str) -> (StatusCode, String, String) {
    let response = world.http.get(format!("{}{path}", world.root)).send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let (status, kind) = (response.status(), header("content-type"));
    (status, kind, response.text().await.unwrap())
}

async fn open_json(world: &World, path: &str) -> Value {
    let (status, _, text) = open(world, path).await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_stands_on_the_root_that_is_seen() {
    let world = World::start(&[]).await;
    let (status, kind, text) = open(&world, "/openapi.json").await;
    assert_eq!((status.as_u16(), kind.as_str()), (200, "application/json"));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&document["openapi"], &document["servers"][0]["url"]), (&json!("3.1.0"), &json!(PUBLIC)));
    let (status, kind, page) = open(&world, "/docs").await;
    assert_eq!((status.as_u16(), kind.as_str()), (200, "text/html; charset=utf-8"));
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    for operation in operations {
        let id = operation["operationId"].as_str().unwrap();
        assert_eq!(page.matches(&format!("<h3 id=\"{id}\">")).count(), 1, "{id} is not on the page");
    }
    assert!(page.contains(&format!("{PUBLIC}/customers/2/queue")), "examples stand on the root");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_proxy_that_is_trusted_says_where_the_root_is() {
    let rfc = [("Forwarded", "for=192.0.2.7;proto=https;host=iiif.example")];
    let usual = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "iiif.example")];
    for (trust, root) in [("true", "https://iiif.example"), ("false", PUBLIC)] {
        let world = World::start(&["--trust-forwarded", trust]).await;
        for headers in [rfc.as_slice(), usual.as_slice()] {
            let request = world.request(reqwest::Method::GET, "/spaces/1", &world.key);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let space = world.send(request).await.json;
            assert_eq!(space["@id"], format!("{root}{}", world.path("/spaces/1")), "{headers:?}, trusted: {trust}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_and_runs_nothing() {
    let world = World::start(&[]).await;
    let response = world.http.get(format!("{}/docs", world.root)).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let page = response.text().await.unwrap();
    for foreign in ["<script", "<link", "<img", "<iframe", " style=", " onclick", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // Every link leads to something on the page or to what else we say about ourselves.
    for target in page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let known = match target.strip_prefix('#') {
            Some(id) => page.contains(&format!("id=\"{id}\"")),
            None => ["openapi.json", "vocab"].contains(&target),
        };
        assert!(known, "{target} leads nowhere");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_has_a_context_and_every_property_a_term() {
    let world = World::start(&[]).await;
    let vocabulary = open_json(&world, "/vocab").await;
    assert_eq!(
        (&vocabulary["@type"], &vocabulary["@id"]),
        (&json!("ApiDocumentation"), &json!(format!("{PUBLIC}/vocab")))
    );
    let classes = vocabulary["supportedClass"].as_array().unwrap();
    assert!(classes.len() >= 9, "{}", classes.len());
    for class in classes {
        let name = class["title"].as_str().unwrap();
        let context = open_json(&world, &format!("/contexts/{name}.jsonld")).await;
        for property in class["supportedProperty"].as_array().unwrap() {
            let term = property["title"].as_str().unwrap();
            let meaning = &context["@context"][term];
            let id = meaning.as_str().or(meaning["@id"].as_str());
            assert_eq!(id, property["property"]["@id"].as_str(), "{name}.{term}");
            assert!(property["description"].is_string(), "{name}.{term} is not described");
        }
    }
    let image = classes.iter().find(|class| class["title"] == "Image").unwrap();
    let writeable = |name: &str| {
        let properties = image["supportedProperty"].as_array().unwrap();
        properties.iter().find(|property| property["title"] == name).unwrap()["writeable"].clone()
    };
    assert_eq!((writeable("origin"), writeable("width")), (json!(true), json!(false)));
    let methods: Vec<_> =
        image["supportedOperation"].as_array().unwrap().iter().map(|o| o["method"].as_str().unwrap()).collect();
    for method in ["GET", "PUT", "DELETE"] {
        assert!(methods.contains(&method), "{methods:?}");
    }
    assert_eq!(open(&world, "/contexts/Nothing.jsonld").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_policies_are_open_and_each_can_be_read() {
    let world = World::start(&[]).await;
    let entry = open_json(&world, "/").await;
    for (link, names) in [
        ("originStrategies", "default basic-http-authentication s3-ambient s3-credentials ftp sftp"),
        ("imageOptimisationPolicies", "default"),
        ("thumbnailPolicies", "default"),
    ] {
        let path = entry[link].as_str().unwrap().strip_prefix(PUBLIC).unwrap();
        let list = open_json(&world, path).await;
        let members = list["member"].as_array().unwrap();
        let found: Vec<_> = members.iter().map(|member| member["name"].as_str().unwrap()).collect();
        assert_eq!((found.join(" ").as_str(), &list["totalItems"]), (names, &json!(found.len())));
        for member in members {
            let one = open_json(&world, member["@id"].as_str().unwrap().strip_prefix(PUBLIC).unwrap()).await;
            assert_eq!((&one["@id"], &one["name"]), (&member["@id"], &member["name"]));
        }
        assert_eq!(open(&world, &format!("{path}/nothing")).await.0, 404);
    }
    let thumbnails = open_json(&world, "/thumbnailPolicies/default").await;
    assert_eq!(thumbnails["sizes"], json!([1024, 400, 200, 100]));
}
