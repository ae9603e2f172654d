//! The parameters of a request's query, decoded.

use dlcs_model::{Field, Order};

use crate::links::percent_decode_bytes;
use crate::{Cursor, Faults, Page};

/// Named values, in the order they came.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
}

/// Where a page begins that was reached by a link from its neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Behind the row of this place.
    After(Cursor),
    /// Before it.
    Before(Cursor),
}

impl Parameters {
    /// Decodes a query string; what is no text of UTF-8 is a fault.
    #[must_use]
    pub fn read(query: &str, faults: &mut Faults) -> Self {
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => pairs.push((name, value)),
                (name, _) => faults.add(
                    "invalid-encoding",
                    || format!("?{}", name.unwrap_or_default()),
                    || "this is not UTF-8, percent-encoded".to_owned(),
                ),
            }
        }
        Self { pairs }
    }

    /// The value of a parameter; saying it twice is a fault.
    pub fn one(&self, name: &str, faults: &mut Faults) -> Option<&str> {
        let mut values = self.pairs.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            faults.add("repeated", || format!("?{name}"), || "this is said more than once".to_owned());
        }
        first
    }

    /// `page` and `pageSize`.
    pub fn page(&self, faults: &mut Faults) -> Page {
        let number = self.one("page", faults);
        Page::read(number, self.one("pageSize", faults))
    }

    /// `orderBy` or `orderByDescending`.
    pub fn order<F: Field>(&self, faults: &mut Faults) -> Option<Order<F>> {
        let [ascending, descending] = ["orderBy", "orderByDescending"].map(|name| (name, self.one(name, faults)));
        if ascending.1.is_some() && descending.1.is_some() {
            let detail = || "either orderBy or orderByDescending".to_owned();
            faults.add("contradiction", || "?orderByDescending".to_owned(), detail);
        }
        let ((name, Some(field)), descending) =
            (if descending.1.is_some() { (descending, true) } else { (ascending, false) })
        else {
            return None;
        };
        let by = F::FIELDS.iter().copied().find(|known| known.name() == field);
        if by.is_none() {
            let known = || F::FIELDS.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ");
            let detail = || match F::FIELDS {
                [] => "this collection has one order only".to_owned(),
                _ => format!("this collection can be ordered by {}", known()),
            };
            faults.add("unknown-field", || format!("?{name}"), detail);
        }
        by.map(|by| Order { by, descending })
    }

    /// Where a neighbour's link says that the page begins, in this order.
    pub fn place<F: Field>(&self, order: Option<Order<F>>, faults: &mut Faults) -> Option<Place> {
        let name = order.map_or("", |order| order.by.name());
        let mut read = |parameter: &str| {
            let text = self.one(parameter, faults)?;
            let cursor = Cursor::read(text, name);
            if cursor.is_none() {
                let detail = || "this comes from no link of this collection in this order".to_owned();
                faults.add("invalid-cursor", || format!("?{parameter}"), detail);
            }
            cursor
        };
        let (after, before) = (read("after"), read("before"));
        after.map(Place::After).or(before.map(Place::Before))
    }
}

/// Form encoding: `+` is a space.
fn decode(text: &str) -> Option<String> {
    String::from_utf8(percent_decode_bytes(&text.replace('+', " "))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlcs_model::{SpaceField, Unordered};

    fn faults_of(query: &str) -> Vec<String> {
        let mut faults = Faults::default();
        let parameters = Parameters::read(query, &mut faults);
        parameters.page(&mut faults);
        let order = parameters.order::<SpaceField>(&mut faults);
        parameters.place(order, &mut faults);
        faults.into_listed().into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn names_and_values_are_decoded_once() {
        let mut faults = Faults::default();
        let parameters = Parameters::read("a=1&&b%20c=%C3%A9+%2B%2541&d", &mut faults);
        assert_eq!(parameters.one("b c", &mut faults), Some("é +%41"));
        assert_eq!(parameters.one("d", &mut faults), Some(""));
        assert_eq!(parameters.one("x", &mut faults), None);
        assert!(faults.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, expected) in [
            ("page=2&pageSize=-1&orderBy=name&unknown=%20", vec![]),
            ("a=%FF", vec!["?a invalid-encoding"]),
            ("page=1&page=2", vec!["?page repeated"]),
            ("orderBy=size", vec!["?orderBy unknown-field"]),
            ("orderBy=Name", vec!["?orderBy unknown-field"]),
            ("orderBy=", vec!["?orderBy unknown-field"]),
            ("orderBy=id&orderByDescending=id", vec!["?orderByDescending contradiction"]),
            ("after=x&before=WyIi", vec!["?after invalid-cursor", "?before invalid-cursor"]),
        ] {
            assert_eq!(faults_of(query), expected, "{query}");
        }
        let mut faults = Faults::default();
        Parameters::read("orderBy=id", &mut faults).order::<Unordered>(&mut faults);
        assert_eq!(faults.into_listed()[0].detail, "this collection has one order only");
    }
}
