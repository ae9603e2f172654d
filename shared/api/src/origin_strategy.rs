//! A customer's origin strategy as it is described and as it is read; its credentials go in and never come out.

use dlcs_model::{Credentials, OriginStrategy, Pattern, SftpLogin};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::resource::Body;
use crate::{Faults, Given, Links, Reader, Timestamp};

/// What is shown in place of credentials, and means "as they are" in a request.
const HIDDEN: &str = "xxx";

/// The longest user, password or key, in characters.
const MAX_SECRET: usize = 16_000;

/// How a customer's images are fetched from certain origins.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerOriginStrategy {
    /// Matches `scheme://host[:port]/path` of the origins it is for, as a whole.
    pub regex: String,
    /// How they are talked to.
    #[schema(format = "uri")]
    pub strategy: String,
    /// The same under its older name.
    #[schema(format = "uri")]
    pub origin_strategy: String,
    /// `xxx` if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^xxx$")]
    pub credentials: Option<&'static str>,
    /// Of several that match, the one with the lowest applies.
    pub order: i32,
    /// When it was created.
    pub created: Timestamp,
}

impl CustomerOriginStrategy {
    /// A strategy, without its secrets.
    #[must_use]
    pub fn new(links: &Links, regex: String, strategy: OriginStrategy, order: i32, created: Timestamp) -> Self {
        let url = links.built_in_origin_strategy(strategy);
        let credentials = strategy.requires_credentials().then_some(HIDDEN);
        Self { regex, strategy: url.clone(), origin_strategy: url, credentials, order, created }
    }
}

impl Body for CustomerOriginStrategy {
    const NAME: &'static str = "CustomerOriginStrategy";
    const TYPE: &'static str = "vocab:CustomerOriginStrategy";
}

/// Whether an origin can be read, and how.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OriginTest {
    /// The origin in question.
    #[schema(format = "uri")]
    pub origin: String,
    /// The customer's strategy that applies, or a built-in one.
    #[schema(format = "uri")]
    pub strategy: String,
    /// Whether its first bytes could be read.
    pub readable: bool,
    /// How many there are, if the origin says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What the origin says they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Why they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub error_code: Option<dlcs_model::FailureCode>,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Body for OriginTest {
    const NAME: &'static str = "OriginTest";
    const TYPE: &'static str = "vocab:OriginTest";
}

/// The strategy that a merged one was before.
#[derive(Debug, Clone)]
pub struct Before<'b> {
    /// See [`CustomerOriginStrategy::regex`].
    pub regex: &'b str,
    /// How.
    pub strategy: OriginStrategy,
    /// See [`CustomerOriginStrategy::order`].
    pub order: i32,
}

/// What a strategy is to be.
#[derive(Debug, Clone)]
pub struct OriginStrategyInput {
    /// See [`CustomerOriginStrategy::regex`].
    pub regex: String,
    /// How.
    pub strategy: OriginStrategy,
    /// See [`CustomerOriginStrategy::order`].
    pub order: i32,
    /// What becomes of its credentials.
    pub credentials: GivenCredentials,
}

/// What a request says of credentials.
#[derive(Debug, Clone)]
pub enum GivenCredentials {
    /// The strategy has none.
    None,
    /// They stay as they are: for the same origins, by the same strategy.
    Kept,
    /// These.
    New(Credentials),
}

impl OriginStrategyInput {
    /// Reads a strategy; what is not said is as it was `before`, if there was one.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(body: &Value, before: Option<&Before<'_>>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(mut reader) = Reader::root(body, &mut faults) else { return Err(faults) };
        let regex = read_regex(&mut reader, before);
        let strategy = read_strategy(&mut reader, before);
        let order = match reader.integer("order", i64::from(i32::MIN)..=i64::from(i32::MAX)) {
            Given::Value(order) => i32::try_from(order).unwrap_or_default(),
            Given::Absent => before.map_or(0, |before| before.order),
            Given::Null => {
                reader.fault("order", "wrong-type", || "an order is a whole number".to_owned());
                0
            }
        };
        // Whoever may change where credentials are sent, and could keep them, could have them sent to a host of their own.
        let stored = before.filter(|before| regex.as_deref() == Some(before.regex)).map(|before| before.strategy);
        let credentials = strategy.and_then(|strategy| read_credentials(&mut reader, strategy, stored));
        let input = match (regex, strategy, credentials) {
            (Some(regex), Some(strategy), Some(credentials)) => Some(Self { regex, strategy, order, credentials }),
            _ => None,
        };
        // One that is lacking has left a fault.
        faults.check(())?;
        input.ok_or_else(Faults::default)
    }
}

fn read_regex(reader: &mut Reader<'_, '_>, before: Option<&Before<'_>>) -> Option<String> {
    let known = reader.has("regex");
    match (reader.text("regex", Pattern::MAX_CHARS), before) {
        (Given::Value(regex), _) => match Pattern::new(&regex) {
            Ok(_) => Some(regex),
            Err(error) => {
                reader.fault("regex", "invalid-regex", || format!("this is no regular expression: {error}"));
                None
            }
        },
        (Given::Absent, Some(before)) if !known => Some(before.regex.to_owned()),
        (Given::Absent, _) if known => None,
        (Given::Absent | Given::Null, _) => {
            reader.fault("regex", "missing-regex", || "a strategy must say which origins it is for".to_owned());
            None
        }
    }
}

fn read_strategy(reader: &mut Reader<'_, '_>, before: Option<&Before<'_>>) -> Option<OriginStrategy> {
    let name = if reader.has("strategy") { "strategy" } else { "originStrategy" };
    let known = reader.has(name);
    match (reader.text(name, MAX_SECRET), before) {
        (Given::Value(text), _) => {
            // Its URI ends with its name.
            let word = text.rsplit('/').next().and_then(OriginStrategy::from_word);
            if word.is_none() {
                let words = OriginStrategy::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", ");
                reader.fault(name, "unknown-strategy", || format!("a strategy is one of {words}"));
            }
            word
        }
        (Given::Absent, Some(before)) if !known => Some(before.strategy),
        (Given::Absent, _) if known => None,
        (Given::Absent | Given::Null, _) => {
            reader.fault("strategy", "missing-strategy", || "a strategy must say how origins are talked to".to_owned());
            None
        }
    }
}

fn read_credentials(
    reader: &mut Reader<'_, '_>,
    strategy: OriginStrategy,
    stored: Option<OriginStrategy>,
) -> Option<GivenCredentials> {
    let kept = stored == Some(strategy);
    let (value, text) = match reader.value("credentials") {
        None | Some(Value::Null) => (None, None),
        Some(Value::String(text)) if text == HIDDEN => (None, Some(HIDDEN)),
        Some(Value::String(text)) if text.trim().is_empty() => (None, None),
        Some(Value::String(text)) => (serde_json::from_str::<Value>(text).ok(), Some(text.as_str())),
        Some(value) => (Some(value.clone()), None),
    };
    match (strategy.requires_credentials(), value, text) {
        (false, None, None | Some(HIDDEN)) => Some(GivenCredentials::None),
        (false, _, _) => {
            let detail = format!("{strategy} uses no credentials");
            reader.fault("credentials", "unexpected-credentials", || detail);
            None
        }
        (true, Some(value @ Value::Object(_)), _) => {
            let mut inner = Reader::nested(&value, "/credentials", reader.faults)?;
            read_fields(&mut inner, strategy).map(GivenCredentials::New)
        }
        (true, None, None | Some(HIDDEN)) if kept => Some(GivenCredentials::Kept),
        (true, None, None | Some(HIDDEN)) => {
            let detail = format!("{strategy} needs credentials, and so does a change of where they are sent");
            reader.fault("credentials", "missing-credentials", || detail);
            None
        }
        (true, _, _) => {
            let detail = || "credentials are an object, or a string with an object in JSON".to_owned();
            reader.fault("credentials", "wrong-type", detail);
            None
        }
    }
}

/// The fields of credentials. Faults name a field and never what stands in it.
fn read_fields(reader: &mut Reader<'_, '_>, strategy: OriginStrategy) -> Option<Credentials> {
    match strategy {
        OriginStrategy::Default | OriginStrategy::S3Ambient => None,
        OriginStrategy::BasicHttpAuthentication => {
            let (user, password) = (required(reader, "user"), secret(reader, "password"));
            if user.as_ref().is_some_and(|user| user.contains(':')) {
                reader.fault("user", "invalid-character", || "HTTP Basic allows no colon in a user's name".to_owned());
                return None;
            }
            Some(Credentials::Basic { user: user?, password: password? })
        }
        OriginStrategy::Ftp => {
            let (user, password) = (required(reader, "user"), secret(reader, "password"));
            Some(Credentials::Ftp { user: user?, password: password? })
        }
        OriginStrategy::S3Credentials => read_s3(reader),
        OriginStrategy::Sftp => read_sftp(reader),
    }
}

fn read_s3(reader: &mut Reader<'_, '_>) -> Option<Credentials> {
    let (access_key_id, secret_access_key) = (required(reader, "accessKeyId"), secret(reader, "secretAccessKey"));
    let session_token = optional(reader, "sessionToken").map(SecretString::from);
    let (region, endpoint) = (optional(reader, "region"), optional(reader, "endpoint"));
    let plain = |region: &String| region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !region.as_ref().is_none_or(plain) {
        reader.fault("region", "invalid-region", || "a region has letters, digits and hyphens".to_owned());
    }
    let base = |text: &String| {
        let url = Url::parse(text).ok();
        url.is_some_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.query().is_none()
        })
    };
    if !endpoint.as_ref().is_none_or(base) {
        reader.fault("endpoint", "invalid-uri", || "an endpoint is the http or https URL of an S3 service".to_owned());
    }
    let (access_key_id, secret_access_key) = (access_key_id?, secret_access_key?);
    Some(Credentials::S3 { access_key_id, secret_access_key, session_token, region, endpoint })
}

fn read_sftp(reader: &mut Reader<'_, '_>) -> Option<Credentials> {
    let user = required(reader, "user");
    let (password, key) = (optional(reader, "password"), optional(reader, "privateKey"));
    let (passphrase, host_key) = (optional(reader, "passphrase"), optional(reader, "hostKey"));
    let login = match (password, key) {
        (Some(password), None) => Some(SftpLogin::Password(password.into())),
        (None, Some(key)) => {
            Some(SftpLogin::PrivateKey { key: key.into(), passphrase: passphrase.map(SecretString::from) })
        }
        _ => {
            reader.fault("password", "missing-login", || "one of password and privateKey is needed".to_owned());
            None
        }
    };
    let known = |key: &String| {
        let mut words = key.split_whitespace();
        let (kind, rest) = (words.next().unwrap_or_default(), words.next());
        kind.starts_with("SHA256:") || (kind.contains('-') && rest.is_some_and(|rest| rest.starts_with("AAAA")))
    };
    if !host_key.as_ref().is_none_or(known) {
        let detail = || "a host key is \"ssh-ed25519 AAAA…\", or its fingerprint \"SHA256:…\"".to_owned();
        reader.fault("hostKey", "invalid-host-key", detail);
    }
    Some(Credentials::Sftp { user: user?, login: login?, host_key })
}

fn required(reader: &mut Reader<'_, '_>, name: &str) -> Option<String> {
    match reader.text(name, MAX_SECRET) {
        Given::Value(text) if !text.is_empty() && !text.contains(['\r', '\n']) => Some(text),
        Given::Value(text) if !text.is_empty() => {
            reader.fault(name, "invalid-character", || "there must be no line break in it".to_owned());
            None
        }
        Given::Absent if reader.has(name) => None,
        Given::Value(_) | Given::Absent | Given::Null => {
            reader.fault(name, "missing-field", || "these credentials need it".to_owned());
            None
        }
    }
}

fn secret(reader: &mut Reader<'_, '_>, name: &str) -> Option<SecretString> {
    required(reader, name).map(SecretString::from)
}

fn optional(reader: &mut Reader<'_, '_>, name: &str) -> Option<String> {
    reader.text(name, MAX_SECRET).value().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(body: &Value, before: Option<&Before<'_>>) -> Vec<String> {
        let faults = OriginStrategyInput::read(body, before).err().map(Faults::into_listed).unwrap_or_default();
        faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    fn strategy(strategy: &str, credentials: &Value) -> Value {
        json!({"regex": "https://a/.*", "strategy": strategy, "credentials": credentials})
    }

    #[test]
    fn credentials_come_as_an_object_or_as_its_text() {
        let object = json!({"user": "u", "password": "p"});
        for given in [object.clone(), json!(object.to_string())] {
            for name in ["basic-http-authentication", "https://dlcs.example/originStrategies/basic-http-authentication"]
            {
                let read = OriginStrategyInput::read(&strategy(name, &given), None).unwrap();
                assert!(
                    matches!(read.credentials, GivenCredentials::New(Credentials::Basic { user, .. }) if user == "u")
                );
            }
        }
        let older = json!({"regex": "ftp://a/.*", "originStrategy": "ftp", "credentials": object, "order": "3"});
        let read = OriginStrategyInput::read(&older, None).unwrap();
        assert_eq!((read.strategy, read.order), (OriginStrategy::Ftp, 3));
    }

    #[test]
    fn what_is_lacking_or_wrong_is_named_and_never_shown() {
        assert_eq!(faults(&json!({}), None), ["/regex missing-regex", "/strategy missing-strategy"]);
        let wrong = json!({"regex": "(", "strategy": "magic", "order": "first"});
        assert_eq!(faults(&wrong, None), ["/regex invalid-regex", "/strategy unknown-strategy", "/order wrong-type"]);
        let cases = [
            ("ftp", json!(null), vec!["/credentials missing-credentials"]),
            ("ftp", json!("xxx"), vec!["/credentials missing-credentials"]),
            ("ftp", json!(7), vec!["/credentials wrong-type"]),
            ("ftp", json!("not json"), vec!["/credentials wrong-type"]),
            ("ftp", json!({}), vec!["/credentials/user missing-field", "/credentials/password missing-field"]),
            ("ftp", json!({"user": "u\r\nDELE x", "password": "p"}), vec!["/credentials/user invalid-character"]),
            (
                "basic-http-authentication",
                json!({"user": "a:b", "password": "p"}),
                vec!["/credentials/user invalid-character"],
            ),
            ("s3-ambient", json!({"user": "u"}), vec!["/credentials unexpected-credentials"]),
            ("sftp", json!({"user": "u"}), vec!["/credentials/password missing-login"]),
            (
                "sftp",
                json!({"user": "u", "password": "p", "hostKey": "?"}),
                vec!["/credentials/hostKey invalid-host-key"],
            ),
            (
                "s3-credentials",
                json!({"accessKeyId": "a", "secretAccessKey": "s", "region": "a/b", "endpoint": "ftp://x"}),
                vec!["/credentials/region invalid-region", "/credentials/endpoint invalid-uri"],
            ),
        ];
        for (name, credentials, expected) in cases {
            assert_eq!(faults(&strategy(name, &credentials), None), expected, "{name} {credentials}");
        }
        let leak = OriginStrategyInput::read(&strategy("ftp", &json!({"user": ["hidden"], "password": 1})), None);
        assert!(!format!("{leak:?}").contains("hidden"));
    }

    #[test]
    fn a_change_keeps_what_it_does_not_say() {
        let before = Before { regex: "ftp://a/.*", strategy: OriginStrategy::Ftp, order: 5 };
        for body in [json!({}), json!({"credentials": "xxx"}), json!({"credentials": null})] {
            let kept = OriginStrategyInput::read(&body, Some(&before)).unwrap();
            assert_eq!((kept.regex.as_str(), kept.strategy, kept.order), ("ftp://a/.*", OriginStrategy::Ftp, 5));
            assert!(matches!(kept.credentials, GivenCredentials::Kept));
        }
        let other = json!({"strategy": "sftp", "credentials": "xxx"});
        assert_eq!(faults(&other, Some(&before)), ["/credentials missing-credentials"]);
        let elsewhere = json!({"regex": "ftp://evil/.*", "credentials": "xxx"});
        assert_eq!(faults(&elsewhere, Some(&before)), ["/credentials missing-credentials"]);
        let none = OriginStrategyInput::read(&json!({"strategy": "default"}), Some(&before)).unwrap();
        assert!(matches!(none.credentials, GivenCredentials::None));
    }
}
