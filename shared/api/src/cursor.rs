//! A place in an order, as text for links: opaque to clients, free of anything that a URL would have to escape.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use dlcs_model::Key;

/// A row's place in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<Key>);

/// No order has more parts.
const LONGEST: usize = 4;

impl Cursor {
    /// The text, which remembers the order's name.
    #[must_use]
    pub fn text(&self, order: &str) -> String {
        let json = serde_json::to_vec(&(order, &self.0)).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }

    /// Reads a text; only one that was written for this order.
    #[must_use]
    pub fn read(text: &str, order: &str) -> Option<Self> {
        let json = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (name, keys): (String, Vec<Key>) = serde_json::from_slice(&json).ok()?;
        let storable = |key: &Key| !matches!(key, Key::Text(text) if text.contains('\0'));
        (name == order && (1..=LONGEST).contains(&keys.len()) && keys.iter().all(storable)).then_some(Self(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_order_reads_it() {
        let cursor = Cursor(vec![Key::from("b é/1"), Key::from(i64::MIN)]);
        let text = cursor.text("string1");
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
        assert_eq!(Cursor::read(&text, "string1"), Some(cursor));
        assert_eq!(Cursor::read(&text, "string2"), None);
    }

    #[test]
    fn anything_else_is_refused() {
        let forged = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
        for text in [
            String::new(),
            "!".to_owned(),
            forged("[]"),
            forged("[\"id\",[]]"),
            forged("[\"id\",[1.5]]"),
            forged("[\"id\",[null]]"),
            forged("[\"id\",[99999999999999999999]]"),
            forged("[\"id\",[\"a\\u0000\"]]"),
            forged("[\"id\",[1,2,3,4,5]]"),
        ] {
            assert_eq!(Cursor::read(&text, "id"), None, "{text}");
        }
    }
}
