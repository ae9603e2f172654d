//! Which origins a strategy is for.

use regex::{Regex, RegexBuilder};
use url::Url;

use crate::{Origin, Scheme};

/// A regular expression over `scheme://host[:port]/path`, which it has to match as a whole. Matching takes time linear
/// in the origin, whatever the expression.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

impl Pattern {
    /// The longest expression, in characters.
    pub const MAX_CHARS: usize = 1000;

    /// Bytes that a compiled expression may take.
    const COMPILED_BYTES: usize = 1 << 18;

    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let compile = |text: &str| {
            let mut regex = RegexBuilder::new(text);
            regex.size_limit(Self::COMPILED_BYTES).dfa_size_limit(Self::COMPILED_BYTES);
            regex.build().map_err(|error| PatternError(in_a_line(&error)))
        };
        // By itself first: it must not end the group that is put around it.
        compile(text)?;
        compile(&format!(r"\A(?:{text})\z")).map(Self)
    }

    /// Whether it is for this origin. User information, query and fragment are not looked at.
    #[must_use]
    pub fn matches(&self, origin: &Origin) -> bool {
        self.0.is_match(&place(origin))
    }
}

/// What an expression is held against. The port is there if it is not the usual one.
fn place(origin: &Origin) -> String {
    let url: &Url = origin.url();
    let usual = match origin.scheme() {
        Scheme::Http => 80,
        Scheme::Https | Scheme::S3 => 443,
        Scheme::Ftp | Scheme::Ftps => 21,
        Scheme::Sftp => 22,
    };
    let port = url.port().filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
    let path = if url.path().is_empty() { "/" } else { url.path() };
    let host = url.host_str().unwrap_or_default();
    // Upper and lower case are one in a host, which URL parsers know of the web's only; not in a bucket.
    let host = if origin.scheme() == Scheme::S3 { host.to_owned() } else { host.to_ascii_lowercase() };
    format!("{}://{host}{port}{path}", origin.scheme())
}

/// The last line of the parser's drawing says what is wrong.
fn in_a_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(&Origin::parse(origin).unwrap())
    }

    #[test]
    fn it_is_held_against_scheme_host_port_and_path() {
        let good = r"https://good\.org/masters/.*";
        for origin in [
            "https://good.org/masters/a.tif",
            "https://GOOD.org:443/masters/a.tif?version=2#page",
            "https://good.org/masters/",
        ] {
            assert!(matches(good, origin), "{origin}");
        }
        assert!(matches(r"https://good\.org:8443/.*", "https://good.org:8443/a"));
        assert!(matches(r"sftp://good\.org/.*", "sftp://good.org:22/a"));
        assert!(matches(r"ftps://good\.org/.*", "ftps://Good.ORG/a"));
        assert!(matches(r"s3://masters/.*", "s3://masters/a/b.tif"));
        assert!(matches(r"(?i)HTTPS?://.*\.org/.*", "http://good.org/"));
        assert!(matches(r"https://a\.org/.*|https://b\.org/.*", "https://b.org/x"));
    }

    #[test]
    fn nothing_that_only_looks_alike_matches() {
        let mut tried = 0;
        for pattern in
            [r"https://good\.org/.*", r"https://good\.org/masters/.*\.tif", r"https://([a-z]+\.)?good\.org/.*"]
        {
            for host in [
                "evil.org",
                "good.org.evil.org",
                "evilgood.org",
                "good-org.evil",
                "goodxorg",
                "good.orgevil.com",
                "g00d.org",
                "good.org.",
                "ｇood.org.evil",
                "good.org:8443",
                "xn--good-x.org",
                "127.0.0.1",
                "[::1]",
            ] {
                for tail in [
                    "/good.org/a.tif",
                    "/?https://good.org/masters/a.tif",
                    "/#https://good.org/masters/a.tif",
                    "/https://good.org/masters/a.tif",
                    "//good.org/masters/a.tif",
                    "/%68ttps://good.org/masters/a.tif",
                ] {
                    let Ok(origin) = Origin::parse(&format!("https://{host}{tail}")) else { continue };
                    assert!(!Pattern::new(pattern).unwrap().matches(&origin), "{pattern} {origin}");
                    tried += 1;
                }
            }
            for origin in
                ["http://good.org/masters/a.tif", "ftp://good.org/masters/a.tif", "s3://good.org/masters/a.tif"]
            {
                assert!(!matches(pattern, origin), "{pattern} {origin}");
                tried += 1;
            }
        }
        assert!(tried >= 100, "{tried}");
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let error = |text: &str| Pattern::new(text).unwrap_err().to_string();
        assert_eq!(error("https://(a"), "unclosed group");
        for bad in
            ["a)|(?:.*", "[", "(?P<x", "a{99999999}", "(?x) a #", "\\", "(.{100}){100}{100}", r"(?<=x)a", r"(a)\1"]
        {
            let sentence = error(bad);
            assert!(!sentence.is_empty() && !sentence.contains('\n'), "{bad}: {sentence}");
        }
    }
}
