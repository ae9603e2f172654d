//! Which version and media type of the information document an `Accept` header asks for (3.0 §5.1, 2.1 §5).

use crate::Version;

/// How the information document is labelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`.
    Json,
    /// `application/ld+json`, with the version's profile.
    JsonLd,
}

impl MediaType {
    /// What `accept` prefers. Without a header, or if anything will do, 3.0 answers JSON-LD and 2.1 plain JSON;
    /// browsers, which name `text/html`, get what they can show.
    #[must_use]
    pub fn negotiate(version: Version, accept: Option<&str>) -> Self {
        let unnamed = match version {
            Version::V2 => Self::Json,
            Version::V3 => Self::JsonLd,
        };
        let weight = |name: &str| entries(accept.unwrap_or("")).filter(|e| e.name == name).map(|e| e.weight).max();
        match (weight("application/ld+json"), weight("application/json")) {
            (Some(ld), json) if ld > 0 && ld >= json.unwrap_or(0) => Self::JsonLd,
            (_, Some(json)) if json > 0 => Self::Json,
            _ if weight("text/html").is_some() => Self::Json,
            _ => unnamed,
        }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub fn name(self, version: Version) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLd => version.json_ld(),
        }
    }
}

/// The version whose context `accept` names as a profile with the most weight; 3.0 if it names none.
#[must_use]
pub fn negotiate_version(accept: Option<&str>) -> Version {
    let named = |version: Version| {
        let wanted = entries(accept.unwrap_or("")).filter(|e| e.profile.contains(version.context()));
        wanted.map(|e| e.weight).max().unwrap_or(0)
    };
    if named(Version::V2) > named(Version::V3) { Version::V2 } else { Version::V3 }
}

struct Entry<'a> {
    name: &'a str,
    profile: &'a str,
    /// Thousandths.
    weight: u32,
}

/// The entries of an `Accept` header. Commas in quoted strings do not occur in the profiles that matter here.
fn entries(accept: &str) -> impl Iterator<Item = Entry<'_>> {
    accept.split(',').map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let mut found = Entry { name: parts.next().unwrap_or(""), profile: "", weight: 1000 };
        for (key, value) in parts.filter_map(|p| p.split_once('=')) {
            match key.trim() {
                "profile" => found.profile = value.trim(),
                "q" => found.weight = value.trim().parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u32),
                _ => {}
            }
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "application/ld+json;profile=\"http://iiif.io/api/image/2/context.json\"";
    const V3: &str = "application/ld+json; profile=\"http://iiif.io/api/image/3/context.json\"";

    #[test]
    fn the_profile_chooses_the_version() {
        assert_eq!(negotiate_version(None), Version::V3);
        assert_eq!(negotiate_version(Some("*/*")), Version::V3);
        assert_eq!(negotiate_version(Some(V2)), Version::V2);
        assert_eq!(negotiate_version(Some(V3)), Version::V3);
        assert_eq!(negotiate_version(Some(&format!("{V2};q=0.5, {V3};q=0.9"))), Version::V3);
        assert_eq!(negotiate_version(Some(&format!("{V3};q=0.5, {V2};q=0.9, */*"))), Version::V2);
        assert_eq!(negotiate_version(Some(&format!("{V2};q=0"))), Version::V3);
    }

    #[test]
    fn the_media_type_follows_the_header() {
        let table = [
            (Version::V3, None, MediaType::JsonLd),
            (Version::V2, None, MediaType::Json),
            (Version::V3, Some("*/*"), MediaType::JsonLd),
            (Version::V3, Some("application/json"), MediaType::Json),
            (Version::V2, Some("application/ld+json"), MediaType::JsonLd),
            (Version::V2, Some("application/json, application/ld+json;q=0.5"), MediaType::Json),
            (Version::V2, Some("application/json;q=0.5, application/ld+json"), MediaType::JsonLd),
            (Version::V3, Some("text/html,application/xhtml+xml,*/*;q=0.8"), MediaType::Json),
            (Version::V3, Some("application/ld+json;q=0, application/json"), MediaType::Json),
        ];
        for (version, accept, expected) in table {
            assert_eq!(MediaType::negotiate(version, accept), expected, "{accept:?}");
        }
    }
}
