//! Tables of requests and what they mean, and properties that hold for any request.

use proptest::prelude::*;

use super::*;
use crate::{Limits, Version};

fn subject(width: u32, height: u32) -> Subject {
    let limits = Limits { max_width: 5000, max_area: 25_000_000 };
    Subject { width, height, tile: 512, limits, open_edge: None }
}

fn ask(version: Version, path: &str, subject: &Subject) -> Result<Resolved, RequestError> {
    let parts: Vec<&str> = path.split('/').collect();
    ImageRequest::parse(version, [parts[0], parts[1], parts[2], parts[3]])?.resolve(version, subject)
}

/// `WxH canonical size` of a size for the full image, or the status of the refusal.
fn size(version: Version, text: &str, subject: &Subject) -> String {
    match ask(version, &format!("full/{text}/0/default.jpg"), subject) {
        Ok(r) => format!("{}x{} {}", r.width, r.height, r.canonical.split('/').nth(1).unwrap()),
        Err(error) => error.status().to_string(),
    }
}

#[test]
fn sizes_of_version_3() {
    let image = subject(2000, 1000);
    let table = [
        ("max", "2000x1000 max"),
        ("^max", "5000x2500 ^max"),
        ("500,", "500x250 500,250"),
        (",500", "1000x500 1000,500"),
        ("pct:50", "1000x500 1000,500"),
        ("pct:100", "2000x1000 max"),
        ("pct:33.33", "667x333 667,333"),
        ("500,500", "500x500 500,500"),
        ("!500,500", "500x250 500,250"),
        ("!5000,500", "1000x500 1000,500"),
        ("!2000,2000", "2000x1000 max"),
        ("^3000,", "3000x1500 ^3000,1500"),
        ("^,1500", "3000x1500 ^3000,1500"),
        ("^pct:150", "3000x1500 ^3000,1500"),
        ("^3000,100", "3000x100 ^3000,100"),
        ("^500,", "500x250 500,250"),
        ("^!3000,3000", "3000x1500 ^3000,1500"),
        ("^!9000,9000", "5000x2500 ^max"),
        ("3000,", "400"),
        (",1500", "400"),
        ("pct:101", "400"),
        ("3000,100", "400"),
        ("!3000,3000", "400"),
        ("^6000,", "400"),
        ("0,", "400"),
        (",0", "400"),
        ("pct:0.001", "400"),
        ("full", "400"),
        ("^full", "400"),
        ("500", "400"),
        (",", "400"),
        ("!500,", "400"),
        ("500,^500", "400"),
        ("pct:-1", "400"),
        ("12345678901,", "400"),
    ];
    for (text, expected) in table {
        assert_eq!(size(Version::V3, text, &image), expected, "{text}");
    }
}

#[test]
fn sizes_of_version_2() {
    let image = subject(2000, 1000);
    let table = [
        ("full", "2000x1000 full"),
        ("max", "2000x1000 full"),
        ("500,", "500x250 500,"),
        (",500", "1000x500 1000,"),
        ("pct:50", "1000x500 1000,"),
        ("500,500", "500x500 500,500"),
        ("!500,500", "500x250 500,"),
        ("3000,", "3000x1500 3000,"),
        ("pct:200", "4000x2000 4000,"),
        ("!9000,9000", "5000x2500 5000,"),
        ("6000,", "400"),
        ("^max", "400"),
        ("^500,", "400"),
        ("0,0", "400"),
    ];
    for (text, expected) in table {
        assert_eq!(size(Version::V2, text, &image), expected, "{text}");
    }
}

#[test]
fn large_images_are_cut_to_the_limits() {
    let page = subject(6000, 8000);
    assert_eq!(size(Version::V3, "max", &page), "3750x5000 max");
    assert_eq!(size(Version::V2, "max", &page), "3750x5000 3750,");
    assert_eq!(size(Version::V2, "full", &page), "400");
    let square = Subject { limits: Limits { max_width: 5000, max_area: 1_000_000 }, ..subject(6000, 6000) };
    assert_eq!(size(Version::V3, "max", &square), "1000x1000 max");
    assert_eq!(size(Version::V3, "!3000,2000", &square), "1000x1000 max");
    let scroll = subject(60_000, 3);
    assert_eq!(size(Version::V3, "!100,100", &scroll), "100x1 100,1");
    assert_eq!(size(Version::V3, "100,", &scroll), "100x1 100,1");
}

/// The bottom right tile of the second level is 226 x 214 although its shape would give 226 x 213.
#[test]
fn a_width_alone_names_the_stored_tile() {
    let page = subject(2499, 3499);
    let tile = ask(Version::V2, "2048,3072,451,427/226,/0/default.jpg", &page).unwrap();
    assert_eq!((tile.width, tile.height), (226, 214));
    assert_eq!(tile.canonical, "2048,3072,451,427/226,/0/default.jpg");
    let same = ask(Version::V2, "2048,3072,451,427/,214/0/default.jpg", &page).unwrap();
    assert_eq!(same, tile);
    let other = ask(Version::V2, "2047,3072,451,427/226,/0/default.jpg", &page).unwrap();
    assert_eq!((other.width, other.height), (226, 214));
    assert_eq!(ask(Version::V3, "2048,3072,451,427/226,214/0/default.jpg", &page).unwrap().height, 214);
}

#[test]
fn the_canonical_form_is_one_for_all_spellings() {
    let image = subject(300, 200);
    let table = [
        (Version::V3, "square/max/0/color.jpg", "50,0,200,200/max/0/default.jpg"),
        (Version::V3, "0,0,300,200/300,/360/default.png", "full/max/0/default.png"),
        (Version::V3, "pct:0,0,100,100/150,/!22.50/gray.webp", "full/150,100/!22.5/gray.webp"),
        (Version::V3, "0,0,900,900/^600,400/0/bitonal.gif", "full/^600,400/0/bitonal.gif"),
        (Version::V2, "0,0,900,900/150,100/0/color.tif", "full/150,/0/default.tif"),
        (Version::V2, "10,10,20,20/pct:100/.50/default.jpg", "10,10,20,20/full/0.5/default.jpg"),
    ];
    for (version, path, expected) in table {
        assert_eq!(ask(version, path, &image).unwrap().canonical, expected, "{path}");
    }
    assert_eq!(
        ask(Version::V3, "square/max/0/default.jpg", &subject(9, 9)).unwrap().canonical,
        "full/max/0/default.jpg"
    );
}

#[test]
fn qualities_and_formats_are_exact() {
    let image = subject(300, 200);
    for last in [
        "default",
        "default.",
        ".jpg",
        "default.jpeg",
        "Default.jpg",
        "native.jpg",
        "grey.jpg",
        "default.pdf",
        "a.b.jpg",
    ] {
        let error = ask(Version::V3, &format!("full/max/0/{last}"), &image).unwrap_err();
        assert_eq!(error.status(), 400, "{last}");
    }
}

#[test]
fn what_is_not_open_is_refused() {
    let part = Subject { open_edge: Some(400), ..subject(2500, 3500) };
    let status =
        |path: &str| ask(Version::V3, path, &part).map_or_else(|e| i64::from(e.status()), |r| i64::from(r.height));
    assert_eq!(status("full/max/0/default.jpg"), 400, "max is the open size");
    assert_eq!(status("full/286,400/0/default.jpg"), 400);
    assert_eq!(status("full/!200,200/0/default.jpg"), 200);
    assert_eq!(status("full/,401/0/default.jpg"), 401);
    assert_eq!(status("0,0,512,512/512,512/0/default.jpg"), 401, "a tile may not show more than the whole");
    assert_eq!(status("0,0,1,1/1,1/0/default.jpg"), 401);
    assert_eq!(status("0,0,1024,1024/100,100/0/default.jpg"), 100);
    let nothing = Subject { open_edge: Some(0), ..part };
    for size in ["max", "1,1", "!100,100", "1,", "^max"] {
        let error = ask(Version::V3, &format!("full/{size}/0/default.jpg"), &nothing).unwrap_err();
        assert_eq!(error.status(), 401, "{size}");
    }
}

fn any_size() -> impl Strategy<Value = String> {
    let n = || 0_u32..7000;
    prop_oneof![
        Just("max".to_owned()),
        Just("full".to_owned()),
        n().prop_map(|w| format!("{w},")),
        n().prop_map(|h| format!(",{h}")),
        (n(), n()).prop_map(|(w, h)| format!("{w},{h}")),
        (n(), n()).prop_map(|(w, h)| format!("!{w},{h}")),
        (0.0..300.0).prop_map(|p: f64| format!("pct:{p}")),
    ]
}

fn any_region() -> impl Strategy<Value = String> {
    let n = || 0_u32..9000;
    prop_oneof![
        Just("full".to_owned()),
        Just("square".to_owned()),
        (n(), n(), n(), n()).prop_map(|(x, y, w, h)| format!("{x},{y},{w},{h}")),
        (0.0..110.0, 0.0..110.0, 0.0..110.0, 0.0..110.0)
            .prop_map(|(x, y, w, h): (f64, f64, f64, f64)| format!("pct:{x},{y},{w},{h}")),
        (0_u32..10, 0_u32..10, 0_u32..4).prop_map(|(c, r, k)| {
            let side = 512 << k;
            format!("{},{},{side},{side}", c * side, r * side)
        }),
    ]
}

/// Numbers as no client writes them, well formed or nearly.
fn odd_number() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "0",
        "1",
        "007",
        "+1",
        "-1",
        "1e3",
        ".",
        "1.",
        ".5",
        "0.0000001",
        "99.9999999999",
        "100",
        "65500",
        "4294967295",
        "4294967296",
        "9223372036854775808",
        "99999999999999999999999999",
        "1\u{660}",
        "\0",
        "NaN",
    ])
}

fn odd_list() -> impl Strategy<Value = String> {
    let prefix = prop::sample::select(vec!["", "^", "!", "^!", "!^", "pct:", "^pct:", "pct:pct:", "full", "max"]);
    (prefix, prop::collection::vec(odd_number(), 1..6))
        .prop_map(|(prefix, numbers)| prefix.to_owned() + &numbers.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn odd_numbers_do_no_harm(
        region in prop_oneof![odd_list(), any_region()],
        size in prop_oneof![odd_list(), any_size()],
        turn in odd_list(),
        straight in any::<bool>(),
        (w, h) in (1_u32..=u32::MAX, 1_u32..=u32::MAX),
    ) {
        let image = subject(w, h);
        let turn = if straight { "0" } else { &turn };
        for version in [Version::V2, Version::V3] {
            let Ok(first) = ask(version, &format!("{region}/{size}/{turn}/default.jpg"), &image) else { continue };
            prop_assert!(first.width >= 1 && first.height >= 1);
            prop_assert!(first.region.width >= 1 && first.region.x.checked_add(first.region.width).is_some_and(|end| end <= w));
            prop_assert!(first.region.height >= 1 && first.region.y.checked_add(first.region.height).is_some_and(|end| end <= h));
            prop_assert_eq!(ask(version, &first.canonical, &image), Ok(first));
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(parts in prop::array::uniform4("\\PC{0,30}"), open in prop::option::of(0_u32..9000)) {
        let image = Subject { open_edge: open, ..subject(3000, 2000) };
        for version in [Version::V2, Version::V3] {
            let parts = parts.each_ref().map(String::as_str);
            if let Ok(request) = ImageRequest::parse(version, parts) {
                let _ = request.resolve(version, &image);
            }
        }
    }

    #[test]
    fn the_canonical_form_means_the_same(
        region in any_region(),
        size in any_size(),
        up in any::<bool>(),
        turn in 0.0..360.0_f64,
        (w, h) in (1_u32..9000, 1_u32..9000),
        open in prop::option::of(1_u32..9000),
    ) {
        let image = Subject { open_edge: open, ..subject(w, h) };
        for version in [Version::V2, Version::V3] {
            let caret = if up && version == Version::V3 { "^" } else { "" };
            let Ok(first) = ask(version, &format!("{region}/{caret}{size}/{turn}/color.png"), &image) else { continue };
            prop_assert!(first.width >= 1 && first.height >= 1);
            prop_assert!(first.width.max(first.height) <= 5000);
            prop_assert!(u64::from(first.width) * u64::from(first.height) <= 25_000_000);
            let second = ask(version, &first.canonical, &image);
            prop_assert_eq!(second.as_ref(), Ok(&first));
        }
    }
}
