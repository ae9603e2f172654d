//! The information document, `info.json` (3.0 §5, 2.1 §5).

use serde_json::{Value, json};

use crate::{Format, Quality, Subject, Version};

const PROTOCOL: &str = "http://iiif.io/api/image";

/// What level 2 of 3.0 does not already promise.
const EXTRA_FEATURES_3: [&str; 5] =
    ["canonicalLinkHeader", "mirroring", "profileLinkHeader", "rotationArbitrary", "sizeUpscaling"];
/// What level 2 of 2.1 does not already promise.
const SUPPORTS_2: [&str; 8] = [
    "canonicalLinkHeader",
    "mirroring",
    "profileLinkHeader",
    "regionSquare",
    "rotationArbitrary",
    "sizeAboveFull",
    "sizeByDistortedWh",
    "sizeByForcedWh",
];
/// The formats that level 2 promises.
const LEVEL_2_FORMATS: [Format; 2] = [Format::Jpg, Format::Png];

/// Which service of an image is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Every request of level 2 and more.
    Image,
    /// Level 0: the stored sizes and nothing else.
    Thumbnails,
}

impl Service {
    /// URI of the compliance level's document, for the `Link` header.
    #[must_use]
    pub fn profile(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Image, Version::V2) => "http://iiif.io/api/image/2/level2.json",
            (Self::Image, Version::V3) => "http://iiif.io/api/image/3/level2.json",
            (Self::Thumbnails, Version::V2) => "http://iiif.io/api/image/2/level0.json",
            (Self::Thumbnails, Version::V3) => "http://iiif.io/api/image/3/level0.json",
        }
    }
}

/// The information document of the image `subject` at `id`, with the stored `sizes` (width, height), smallest first: as many of
/// them as viewers do not mistake for something else. Where only a part is open to anyone, the document describes that part.
#[must_use]
pub fn information(version: Version, service: Service, id: &str, subject: &Subject, sizes: &[(u32, u32)]) -> Value {
    let open = subject.open_edge.unwrap_or(u32::MAX);
    let area = |w: u32, h: u32| u64::from(w) * u64::from(h);
    let offered = |w: u32, h: u32| {
        let limits = subject.limits;
        w.max(h) <= open.min(limits.max_width) && area(w, h) <= limits.max_area
    };
    let sizes: Vec<_> = sizes.iter().copied().filter(|(w, h)| offered(*w, *h)).collect();
    let factors: Vec<u32> = subject.scale_factors().filter(|s| subject.long_edge().div_ceil(*s) <= open).collect();
    let sizes = if service == Service::Image { unmistakable(&sizes, &factors) } else { &sizes };
    let sizes: Vec<Value> = sizes.iter().map(|(w, h)| json!({ "width": w, "height": h })).collect();
    let mut document = match version {
        Version::V2 => head_2(service, id, subject),
        Version::V3 => head_3(service, id, subject, open),
    };
    if !sizes.is_empty() || service == Service::Thumbnails {
        document["sizes"] = Value::Array(sizes);
    }
    if service == Service::Image && !factors.is_empty() {
        document["tiles"] = json!([{ "width": subject.tile, "height": subject.tile, "scaleFactors": factors }]);
    }
    document
}

/// As many of the largest sizes as cannot be mistaken for the levels of the tiles. OpenSeadragon 4.1 to 5 takes any list for
/// these that has as many entries as there are levels, with the image's own size or without, and then shows nothing right.
fn unmistakable<'a>(sizes: &'a [(u32, u32)], factors: &[u32]) -> &'a [(u32, u32)] {
    let Some(halvings) = factors.iter().max().map(|factor| factor.ilog2() as usize) else { return sizes };
    let mistaken = |count: usize| count == halvings || count == halvings + 1;
    let left_out = (0..sizes.len()).find(|out| !mistaken(sizes.len() - out)).unwrap_or(sizes.len());
    &sizes[left_out..]
}

fn head_3(service: Service, id: &str, subject: &Subject, open: u32) -> Value {
    let mut document = json!({
        "@context": Version::V3.context(),
        "id": id,
        "type": "ImageService3",
        "protocol": PROTOCOL,
        "profile": "level0",
        "width": subject.width,
        "height": subject.height,
    });
    // Without anything open there is no level to promise.
    if service == Service::Image && open > 0 {
        document["profile"] = json!("level2");
        document["maxWidth"] = json!(subject.limits.max_width.min(open));
        document["maxArea"] = json!(subject.limits.max_area);
        document["extraQualities"] = json!(extra_qualities());
        document["extraFormats"] = json!(extra_formats());
        document["extraFeatures"] = json!(EXTRA_FEATURES_3);
    }
    document
}

fn head_2(service: Service, id: &str, subject: &Subject) -> Value {
    let open = subject.open_edge.unwrap_or(u32::MAX);
    let mut profile = vec![json!(service.profile(Version::V2))];
    if service == Service::Image && open > 0 {
        profile.push(json!({
            "formats": extra_formats(),
            "qualities": extra_qualities(),
            "supports": SUPPORTS_2,
            "maxWidth": subject.limits.max_width.min(open),
            "maxArea": subject.limits.max_area,
        }));
    }
    json!({
        "@context": Version::V2.context(),
        "@id": id,
        "@type": "iiif:Image",
        "protocol": PROTOCOL,
        "width": subject.width,
        "height": subject.height,
        "profile": profile,
    })
}

fn extra_formats() -> Vec<&'static str> {
    Format::ALL.into_iter().filter(|f| !LEVEL_2_FORMATS.contains(f)).map(Format::extension).collect()
}

fn extra_qualities() -> Vec<&'static str> {
    Quality::ALL.into_iter().filter(|q| *q != Quality::Default).map(Quality::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    const SIZES: [(u32, u32); 4] = [(71, 100), (143, 200), (286, 400), (731, 1024)];

    fn page(open_edge: Option<u32>) -> Subject {
        let limits = Limits { max_width: 5000, max_area: 25_000_000 };
        Subject { width: 2500, height: 3500, tile: 512, limits, open_edge }
    }

    #[test]
    fn version_3_describes_level_2() {
        let info = information(Version::V3, Service::Image, "http://x/i", &page(None), &SIZES);
        assert_eq!(info.as_object().unwrap().keys().next().unwrap(), "@context");
        assert_eq!(info["profile"], "level2");
        assert_eq!(info["type"], "ImageService3");
        assert_eq!(info["maxWidth"], 5000);
        assert_eq!(info["tiles"][0]["scaleFactors"], json!([1, 2, 4, 8]));
        assert_eq!(info["sizes"], json!([{ "width": 286, "height": 400 }, { "width": 731, "height": 1024 }]));
        assert_eq!(info["extraFormats"], json!(["webp", "tif", "gif"]));
    }

    #[test]
    fn version_2_has_a_list_of_profiles() {
        let info = information(Version::V2, Service::Image, "http://x/i", &page(None), &SIZES);
        assert_eq!(info["@id"], "http://x/i");
        assert_eq!(info["profile"][0], "http://iiif.io/api/image/2/level2.json");
        assert_eq!(info["profile"][1]["maxArea"], 25_000_000);
    }

    #[test]
    fn only_what_is_open_is_described() {
        let info = information(Version::V3, Service::Image, "http://x/i", &page(Some(450)), &SIZES);
        assert_eq!(info["maxWidth"], 450);
        assert_eq!(info["sizes"].as_array().unwrap().len(), 2);
        assert_eq!(info["tiles"][0]["scaleFactors"], json!([8]));
        let shut = information(Version::V3, Service::Image, "http://x/i", &page(Some(0)), &SIZES);
        assert!(shut.get("sizes").is_none() && shut.get("tiles").is_none() && shut.get("maxWidth").is_none());
    }

    #[test]
    fn sizes_are_never_as_many_as_levels() {
        for edge in 1..70_000 {
            let subject = Subject { width: edge, height: edge.div_ceil(3), ..page(None) };
            let stored: Vec<_> =
                [100, 200, 400, 1024].into_iter().filter(|s| *s < edge).map(|s| (s, s.div_ceil(3))).collect();
            let info = information(Version::V3, Service::Image, "http://x/i", &subject, &stored);
            let levels = info["tiles"][0]["scaleFactors"].as_array().unwrap().len();
            let sizes = info["sizes"].as_array().map_or(0, Vec::len);
            assert!(sizes == 0 || (sizes != levels && sizes + 1 != levels), "{edge}: {sizes} sizes, {levels} levels");
            assert!(edge <= 200 || sizes >= 2, "{edge}: {sizes} sizes");
        }
    }

    #[test]
    fn thumbnails_are_level_0() {
        let info = information(Version::V3, Service::Thumbnails, "http://x/i", &page(None), &SIZES);
        assert_eq!(info["profile"], "level0");
        assert!(info.get("tiles").is_none());
        let small = Subject { width: 40, height: 30, ..page(None) };
        let info = information(Version::V3, Service::Image, "http://x/i", &small, &[]);
        assert_eq!(info["tiles"][0]["scaleFactors"], json!([1]));
    }
}
