//! A customer as it is described and as it is read.

use dlcs_model::CustomerId;
use dlcs_model::limits::NAME_CHARS;
use serde::Serialize;
use serde_json::Value;

use crate::resource::Body;
use crate::{Faults, Given, Links, Reader, Timestamp};

/// The fields of a customer.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Its name, usable in place of its number in public image URLs.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// Whether its keys may call everything.
    pub administrator: bool,
    /// When it was created.
    pub created: Timestamp,
    /// Its API keys.
    #[schema(format = "uri")]
    pub keys: String,
    /// Its spaces.
    #[schema(format = "uri")]
    pub spaces: String,
    /// Its queue.
    #[schema(format = "uri")]
    pub queue: String,
    /// All its images.
    #[schema(format = "uri")]
    pub all_images: String,
    /// How its images are fetched.
    #[schema(format = "uri")]
    pub origin_strategies: String,
    /// Who uses the portal for it.
    #[schema(format = "uri")]
    pub portal_users: String,
    /// Its named queries.
    #[schema(format = "uri")]
    pub named_queries: String,
    /// What is stored for it.
    #[schema(format = "uri")]
    pub storage: String,
}

impl Customer {
    /// A customer with its links.
    #[must_use]
    pub fn new(
        links: &Links,
        customer: CustomerId,
        input: CustomerInput,
        administrator: bool,
        created: Timestamp,
    ) -> Self {
        let CustomerInput { name, display_name } = input;
        Self {
            name,
            display_name,
            administrator,
            created,
            keys: links.keys(customer),
            spaces: links.spaces(customer),
            queue: links.queue(customer),
            all_images: links.all_images(customer),
            origin_strategies: links.origin_strategies(customer),
            portal_users: links.portal_users(customer),
            named_queries: links.named_queries(customer),
            storage: links.storage(customer),
        }
    }
}

impl Body for Customer {
    const NAME: &'static str = "Customer";
    const TYPE: &'static str = "vocab:Customer";
}

/// A customer to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerInput {
    /// Its name.
    pub name: String,
    /// Its name for people; the name unless another is given.
    pub display_name: String,
}

impl CustomerInput {
    /// The longest name, in characters.
    pub const MAX_NAME: usize = 60;

    /// Reads a customer to create.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(body: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(mut reader) = Reader::root(body, &mut faults) else { return Err(faults) };
        let name = match reader.text("name", Self::MAX_NAME) {
            Given::Value(name) => name,
            Given::Absent if reader.has("name") => String::new(),
            Given::Absent | Given::Null => {
                reader.fault("name", "missing-name", || "a customer must have a name".to_owned());
                String::new()
            }
        };
        if reader.faults.is_empty()
            && let Some(fault) = name_fault(&name)
        {
            reader.fault("name", "invalid-name", || fault.to_owned());
        }
        let display_name = reader.text("displayName", NAME_CHARS).value().unwrap_or_else(|| name.clone());
        faults.check(Self { name, display_name })
    }
}

/// Reads what changes of a customer: its name for people, if it is given. `null` makes that its name.
///
/// # Errors
/// Every fault.
pub fn read_display_name(body: &Value) -> Result<Given<String>, Faults> {
    let mut faults = Faults::default();
    let Some(mut reader) = Reader::root(body, &mut faults) else { return Err(faults) };
    let name = reader.text("displayName", NAME_CHARS);
    faults.check(name)
}

/// A name stands in URLs beside numbers and versions, and must not be taken for either.
fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        return Some("a name has letters, digits and _ . - only, at least one");
    }
    if name.eq_ignore_ascii_case("admin") || name.chars().all(|c| c == '.') {
        return Some("this name is reserved");
    }
    let digits = name.strip_prefix(['v', 'V']).unwrap_or(name);
    let numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    numeric.then_some("a number, or v and a number, would be taken for something else in URLs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_usable_in_urls() {
        for good in ["wellcome", "a.b-c_d", "v", "version2", &"x".repeat(60)] {
            assert!(CustomerInput::read(&json!({"name": good})).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "é", "admin", "Admin", "v2", "V10", "42", ".", "..", &"x".repeat(61)] {
            let faults = CustomerInput::read(&json!({"name": bad})).unwrap_err().into_listed();
            assert_eq!((faults.len(), faults[0].pointer.as_str()), (1, "/name"), "{bad}");
        }
    }
}
