//! Guards in front of the JSON parser: a small body must not become a large tree, nor a deep one.

use dlcs_api::{Faults, ProblemKind};
use serde_json::Value;

use crate::Problem;

/// How deep objects and arrays may nest.
const MAX_DEPTH: usize = 32;
/// Values in one body: 10,000 images with a hundred values each fit twice; a tree of them stays under half a gigabyte.
const MAX_VALUES: usize = 2_000_000;

/// Reads a body as JSON, whatever its declared type.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(malformed("the body is empty; JSON is needed"));
    }
    check_shape(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))
}

fn malformed(detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    Problem::from(Faults::one("malformed-json", "", detail)).as_kind(ProblemKind::MalformedJson)
}

/// One pass over the bytes; it need not be exact for what is no JSON, which the parser refuses after it.
fn check_shape(bytes: &[u8]) -> Result<(), Problem> {
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
            b',' => values += 1,
            _ => {}
        }
    }
    if values > MAX_VALUES {
        let detail = format!("the body holds more than {MAX_VALUES} values");
        return Err(Problem::new(ProblemKind::TooLarge, detail));
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
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!("{{\"a\\\"\": \"{}\"}}", "[,".repeat(100));
        assert!(parse(text.as_bytes()).is_ok());
        assert!(parse(b"\xEF\xBB\xBF{}").is_ok());
    }
}
