//! Guards in front of the JSON parser: a small body must not become a large tree, nor a deep one.

use dlcs_api::{Faults, ProblemKind};
use serde_json::Value;

use crate::Problem;

/// How deep objects and arrays may nest.
const MAX_DEPTH: usize = 32;
/// Values in a body that becomes a tree, or in one member of a collection that is read member by member: a thousand
/// images with two hundred values each fit; the tree of so many stays under 30 MB.
const MAX_VALUES: usize = 250_000;

/// Reads bytes as JSON.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let bytes = check(bytes, Counted::InAll)?;
    serde_json::from_slice(bytes).map_err(malformed)
}

/// What [`MAX_VALUES`] is the limit of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// The whole body.
    InAll,
    /// Each element of an array that stands in the outermost object.
    InMembers,
}

/// The body as a parser may have it.
pub(crate) fn check(bytes: &[u8], counted: Counted) -> Result<&[u8], Problem> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(malformed("the body is empty; JSON is needed"));
    }
    check_shape(bytes, counted)?;
    Ok(bytes)
}

/// 400 for a body that is no JSON.
pub(crate) fn malformed(detail: impl std::fmt::Display) -> Problem {
    Problem::from(Faults::one("malformed-json", "", detail.to_string())).as_kind(ProblemKind::MalformedJson)
}

/// One pass over the bytes; it need not be exact for what is no JSON, which the parser refuses after it.
fn check_shape(bytes: &[u8], counted: Counted) -> Result<(), Problem> {
    let (mut depth, mut values) = (0_usize, 1_usize);
    let (mut in_string, mut escaped) = (false, false);
    for (position, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                values += 1;
                if depth > MAX_DEPTH {
                    let detail = format!("nested deeper than {MAX_DEPTH} levels at {}", place(bytes, position));
                    return Err(malformed(detail));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 2 && counted == Counted::InMembers => values = 1,
            b',' => values += 1,
            _ => continue,
        }
        if values > MAX_VALUES {
            let detail = format!("more than {MAX_VALUES} values at {}", place(bytes, position));
            return Err(Problem::new(ProblemKind::TooLarge, detail));
        }
    }
    Ok(())
}

/// Where a byte stands, in the parser's words.
fn place(bytes: &[u8], position: usize) -> String {
    let before = &bytes[..position];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    format!("line {line} column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_place_of_what_is_wrong() {
        for (body, expected) in [
            ("{\"a\": 1,\n  oops}", "line 2 column 3"),
            ("", "empty"),
            (" \n", "empty"),
            ("{\"a\": 1} x", "trailing characters at line 1 column 10"),
        ] {
            let problem = parse(body.as_bytes()).unwrap_err();
            assert_eq!(problem.kind(), ProblemKind::MalformedJson);
            assert!(problem.to_string().contains(expected), "{problem}");
        }
        assert!(parse(b"\xFF\xFE{\0}\0").is_err());
    }

    #[test]
    fn depth_and_number_of_values_are_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        let problem = parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err();
        assert!(problem.to_string().contains("line 1 column 33"), "{problem}");
        let wide = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert_eq!(parse(wide.as_bytes()).unwrap_err().kind(), ProblemKind::TooLarge);
        let members = |count: usize| format!("{{\"member\": [{}{{}}]}}", "{\"a\": [1, 2]}, ".repeat(count));
        assert!(check(members(MAX_VALUES).as_bytes(), Counted::InMembers).is_ok());
        assert!(check(members(MAX_VALUES).as_bytes(), Counted::InAll).is_err());
        let heavy = format!("{{\"member\": [{{\"a\": {wide}}}]}}");
        assert!(check(heavy.as_bytes(), Counted::InMembers).is_err());
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!("{{\"a\\\"\": \"{}\"}}", "[,".repeat(100));
        assert!(parse(text.as_bytes()).is_ok());
        assert!(parse(b"\xEF\xBB\xBF{}").is_ok());
    }
}
