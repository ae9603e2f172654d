//! What a path asks for. Pure: no image is looked at.

use std::borrow::Cow;

use dlcs_iiif::{Service, Version};

/// Bytes of a path that are read at all.
const LONGEST: usize = 2048;

/// A request for something of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The full service or the thumbnails.
    pub service: Service,
    /// The version that the path names, if it names one.
    pub version: Option<Version>,
    /// The customer's number or name.
    pub customer: Cow<'a, str>,
    /// The space.
    pub space: &'a str,
    /// The id, decoded once.
    pub id: Cow<'a, str>,
    /// What of it.
    pub part: Part<'a>,
}

/// What is wanted of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The base URI.
    Base,
    /// The information document.
    Information,
    /// Region, size, rotation, and quality with format.
    Picture([Cow<'a, str>; 4]),
}

/// Why a path names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPath {
    /// No service is here.
    Unknown,
    /// Not decodable.
    Encoding,
}

/// Reads the raw path of a request, percent-encoded as it came. `%2F` is a slash in a segment, never between two.
pub(crate) fn parse(path: &str) -> Result<Target<'_>, BadPath> {
    if path.len() > LONGEST {
        return Err(BadPath::Unknown);
    }
    let mut segments = path.split('/').skip(1).peekable();
    let service = match segments.next() {
        Some("iiif-img") => Service::Image,
        Some("thumbs") => Service::Thumbnails,
        _ => return Err(BadPath::Unknown),
    };
    let version = match segments.peek() {
        Some(&"v2") => Some(Version::V2),
        Some(&"v3") => Some(Version::V3),
        _ => None,
    };
    let mut segments = segments.skip(usize::from(version.is_some()));
    let mut next = || segments.next().ok_or(BadPath::Unknown);
    let (customer, space, id) = (decode(next()?)?, next()?, decode(next()?)?);
    let rest = [segments.next(), segments.next(), segments.next(), segments.next(), segments.next()];
    let part = match rest {
        [None, ..] | [Some(""), None, ..] => Part::Base,
        [Some("info.json"), None, ..] => Part::Information,
        [Some(region), Some(size), Some(rotation), Some(last), None] => {
            Part::Picture([decode(region)?, decode(size)?, decode(rotation)?, decode(last)?])
        }
        _ => return Err(BadPath::Unknown),
    };
    Ok(Target { service, version, customer, space, id, part })
}

fn decode(segment: &str) -> Result<Cow<'_, str>, BadPath> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment));
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let byte = if *first == b'%' {
            let (code, tail) = rest.split_at_checked(2).ok_or(BadPath::Encoding)?;
            rest = tail;
            let digit = |b: u8| char::from(b).to_digit(16).ok_or(BadPath::Encoding);
            (digit(code[0])? * 16 + digit(code[1])?) as u8
        } else {
            *first
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| BadPath::Encoding)
}

impl Target<'_> {
    /// The URL of the image's service in `version` below `root`, without a slash at its end. An allowed id needs no
    /// encoding.
    pub fn base(&self, mut root: String, version: Option<Version>) -> String {
        let service = match self.service {
            Service::Image => "/iiif-img/",
            Service::Thumbnails => "/thumbs/",
        };
        let version = match version {
            None => "",
            Some(Version::V2) => "v2/",
            Some(Version::V3) => "v3/",
        };
        let parts = [service, version, &self.customer, "/", self.space, "/", &self.id];
        parts.into_iter().for_each(|part| root.push_str(part));
        root
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_parts() {
        let target = parse("/iiif-img/v2/2/3/a%2Db/full/%5Emax/%210/default.jpg").unwrap();
        assert_eq!((target.service, target.version), (Service::Image, Some(Version::V2)));
        assert_eq!((&*target.customer, target.space, &*target.id), ("2", "3", "a-b"));
        assert_eq!(target.part, Part::Picture(["full", "^max", "!0", "default.jpg"].map(Cow::Borrowed)));
        assert_eq!(target.base("http://x".to_owned(), Some(Version::V2)), "http://x/iiif-img/v2/2/3/a-b");
        assert_eq!(parse("/thumbs/name/3/x/info.json").unwrap().part, Part::Information);
        assert_eq!(parse("/iiif-img/2/3/x").unwrap().part, Part::Base);
        assert_eq!(parse("/iiif-img/2/3/x/").unwrap().part, Part::Base);
    }

    #[test]
    fn a_slash_in_an_id_stays_data() {
        assert_eq!(parse("/iiif-img/2/3/a%2Fb/info.json").unwrap().id, "a/b");
        assert_eq!(parse("/iiif-img/2/3/a%252Fb/info.json").unwrap().id, "a%2Fb");
        assert_eq!(parse("/iiif-img/2/3/a/b/full/max/0/default.jpg"), Err(BadPath::Unknown));
    }

    #[test]
    fn other_paths_are_unknown() {
        for path in ["", "/", "/iiif-img", "/iiif-img/", "/iiif-img/2/3", "/other/2/3/x", "/iiif-img/2/3/x/full", "//"]
        {
            assert_eq!(parse(path), Err(BadPath::Unknown), "{path}");
        }
        assert_eq!(parse(&format!("/iiif-img/2/3/{}", "x".repeat(3000))), Err(BadPath::Unknown));
        for id in ["%", "%4", "%zz", "%ff", "%c0%af"] {
            assert_eq!(parse(&format!("/iiif-img/2/3/{id}/info.json")), Err(BadPath::Encoding), "{id}");
        }
    }

    /// The segment with each of its bytes encoded.
    fn encoded(segment: &str) -> String {
        segment.bytes().map(|byte| format!("%{byte:02x}")).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_path_does_harm(path in "\\PC{0,60}", tail in "(/|%|[0-9a-f]{2}|%[0-9a-fA-F]{2}|%c3%a4|.){0,40}") {
            let _ = (parse(&path), parse(&tail));
            for start in ["/iiif-img/2/3/", "/thumbs/v2/", "/iiif-img/v3/a/1/x/full/max/0/"] {
                let path = format!("{start}{tail}");
                if let Ok(target) = parse(&path) {
                    // Whatever it means, it means it by its segments: one more would be another path.
                    let longer = path.clone() + "/more/and/more/and/more";
                    prop_assert!(parse(&longer).is_err());
                    prop_assert!(target.id.len() <= path.len());
                }
            }
        }

        #[test]
        fn what_is_encoded_comes_back(segments in prop::array::uniform6("\\PC{0,12}")) {
            let [customer, id, picture @ ..] = segments.each_ref().map(|segment| encoded(segment));
            let path = format!("/iiif-img/v3/{customer}/3/{id}/{}", picture.join("/"));
            let target = parse(&path).unwrap();
            prop_assert_eq!((&*target.customer, &*target.id), (segments[0].as_str(), segments[1].as_str()));
            let picture = segments[2..].iter().map(|segment| Cow::Borrowed(segment.as_str())).collect::<Vec<_>>();
            prop_assert_eq!(target.part, Part::Picture(picture.try_into().unwrap()));
        }
    }
}
