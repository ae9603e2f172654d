//! A portal user as it is described and as it is read; its password goes in and never comes out.

use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use crate::resource::Body;
use crate::{Faults, Given, Reader, Timestamp};

/// The fields of a portal user.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PortalUser {
    /// How it logs in.
    pub email: String,
    /// Whether it may log in.
    pub enabled: bool,
    /// When it was created.
    pub created: Timestamp,
}

impl Body for PortalUser {
    const NAME: &'static str = "PortalUser";
    const TYPE: &'static str = "vocab:PortalUser";
}

/// What a request says about a portal user.
#[derive(Debug, Clone, Default)]
pub struct PortalUserInput {
    /// How it logs in.
    pub email: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// Whether it may log in.
    pub enabled: Option<bool>,
}

impl PortalUserInput {
    /// The longest address that mail systems carry.
    pub const MAX_EMAIL: usize = 254;
    /// The shortest password, in characters: shorter ones are guessed.
    pub const MIN_PASSWORD: usize = 8;
    /// The longest password, in characters: a sentence and more.
    pub const MAX_PASSWORD: usize = 200;

    /// Reads a user; `new` ones must have an address and a password.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(body: &Value, new: bool) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(mut reader) = Reader::root(body, &mut faults) else { return Err(faults) };
        let input = Self {
            email: read_email(&mut reader, new),
            password: read_password(&mut reader, new),
            enabled: match reader.boolean("enabled") {
                Given::Absent => None,
                Given::Null => Some(true),
                Given::Value(enabled) => Some(enabled),
            },
        };
        faults.check(input)
    }
}

fn read_email(reader: &mut Reader<'_, '_>, new: bool) -> Option<String> {
    match reader.text("email", PortalUserInput::MAX_EMAIL) {
        Given::Value(email) if is_address(&email) => Some(email),
        Given::Value(_) => {
            reader.fault("email", "invalid-email", || "this is no e-mail address".to_owned());
            None
        }
        Given::Absent if !new || reader.has("email") => None,
        Given::Absent | Given::Null => {
            reader.fault("email", "missing-email", || "a portal user must have an e-mail address".to_owned());
            None
        }
    }
}

fn read_password(reader: &mut Reader<'_, '_>, new: bool) -> Option<SecretString> {
    const MIN: usize = PortalUserInput::MIN_PASSWORD;
    match reader.text("password", PortalUserInput::MAX_PASSWORD) {
        Given::Value(password) if password.chars().count() >= MIN => Some(password.into()),
        Given::Value(_) => {
            reader.fault("password", "too-short", || format!("a password has at least {MIN} characters"));
            None
        }
        Given::Absent if !new || reader.has("password") => None,
        Given::Absent | Given::Null => {
            reader.fault("password", "missing-password", || "a portal user must have a password".to_owned());
            None
        }
    }
}

/// Whether a text can be an address: one `@`, something before it, a name with a dot behind it, nothing that breaks a
/// mail's header. Whether it exists is found out by writing to it.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let label = |label: &str| {
        let ends = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && !ends && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let readable = |c: char| !c.is_control() && !c.is_whitespace() && !"@<>()[]\\,;:\"".contains(c);
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    (1..=64).contains(&local.len())
        && !dots
        && local.chars().all(readable)
        && domain.contains('.')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    fn faults(body: &Value, new: bool) -> Vec<String> {
        let faults = PortalUserInput::read(body, new).err().map(Faults::into_listed).unwrap_or_default();
        faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["a@b.org", "Ann.Other+dlcs@mail.example.co.uk", "jürgen@müller.example", "o'neill@x-y.ie"] {
            assert_eq!(faults(&json!({"email": good}), false), Vec::<String>::new(), "{good}");
        }
        let long = format!("{}@b.org", "x".repeat(65));
        for bad in [
            "",
            "a",
            "@b.org",
            "a@",
            "a@b",
            "a b@c.org",
            "a@b@c.org",
            "a@b..org",
            ".a@b.org",
            "a.@b.org",
            "a@-b.org",
            "a@b.org\n",
            "a@b.org, c@d.org",
            "<a@b.org>",
            "a..b@c.org",
            "a@b_c.org",
            "a@[127.0.0.1]",
            &long,
        ] {
            assert_eq!(faults(&json!({"email": bad}), false), ["/email invalid-email"], "{bad:?}");
        }
    }

    #[test]
    fn a_new_user_needs_an_address_and_a_password() {
        assert_eq!(faults(&json!({}), true), ["/email missing-email", "/password missing-password"]);
        assert_eq!(faults(&json!({}), false), Vec::<String>::new());
        let nulls = json!({"email": null, "password": null, "enabled": null});
        assert_eq!(faults(&nulls, false), ["/email missing-email", "/password missing-password"]);
        let wrong = json!({"email": 3, "password": "short", "enabled": "yes"});
        assert_eq!(faults(&wrong, true), ["/email wrong-type", "/password too-short", "/enabled wrong-type"]);
        let long = json!({"password": "x".repeat(201)});
        assert_eq!(faults(&long, false), ["/password too-long"]);
        let input = PortalUserInput::read(&json!({"password": "äöüßäöüß", "enabled": false}), false).unwrap();
        assert_eq!((input.password.unwrap().expose_secret(), input.enabled), ("äöüßäöüß", Some(false)));
    }
}
