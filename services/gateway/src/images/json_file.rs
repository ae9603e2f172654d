//! JSON that may hold the bytes of an image in base64, as `file`: the bytes are decoded as they come, the rest is kept.

use std::mem::take;

use actix_web::web::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dlcs_api::ProblemKind;
use dlcs_http::Problem;

/// Bytes of an image that may come in base64.
pub const LIMIT: u64 = 100 * 1000 * 1000;
/// Bytes of the JSON beside a file, whichever way it comes.
pub const REST: usize = 1024 * 1024;
/// Bytes of a name that may be `file`, written with escapes.
const NAME: usize = 32;

/// Takes a body piece by piece, and the outermost object's `file` out of it.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The body with an empty text in place of the file's.
    rest: Vec<u8>,
    depth: usize,
    place: Place,
    /// What was said last in the outermost object, if it can be a name: with its quotes.
    name: Vec<u8>,
    /// A colon came after it.
    named: bool,
    file: FileText,
}

/// Where in the text of JSON the next byte stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Between,
    Text {
        escaped: bool,
    },
    File,
}

/// The text of the file.
#[derive(Debug, Default)]
struct FileText {
    begun: bool,
    /// An escape that has not come whole.
    escape: Vec<u8>,
    /// Base64 that is not decoded yet.
    base64: Vec<u8>,
    /// Padding was decoded, behind which nothing comes.
    padded: bool,
}

impl Splitter {
    /// Takes a piece of the body, and gives what of the file can be decoded with it.
    ///
    /// # Errors
    /// 400 if that is no base64 or there are two files, 413 if the rest is too much.
    pub fn split(&mut self, piece: &[u8]) -> Result<Bytes, Problem> {
        let mut left = piece;
        while let Some((byte, behind)) = left.split_first() {
            if self.place == Place::File {
                left = self.file_text(left)?;
                continue;
            }
            self.json(*byte)?;
            left = behind;
        }
        if self.rest.len() > REST {
            let detail = format!("what describes an image is larger than the limit of {REST} bytes");
            return Err(Problem::new(ProblemKind::TooLarge, detail));
        }
        self.file.decoded(self.place != Place::File)
    }

    /// Whether the next byte belongs to the file.
    pub fn in_file(&self) -> bool {
        self.place == Place::File
    }

    /// Whether there is a file.
    pub fn has_file(&self) -> bool {
        self.file.begun
    }

    /// The JSON beside the file.
    pub fn rest(self) -> Vec<u8> {
        self.rest
    }

    /// One byte that is not the file's.
    fn json(&mut self, byte: u8) -> Result<(), Problem> {
        self.rest.push(byte);
        match (self.place, byte) {
            (Place::Text { escaped }, _) => {
                if self.depth == 1 && self.name.len() < NAME {
                    self.name.push(byte);
                }
                let escapes = !escaped && byte == b'\\';
                let ends = !escaped && byte == b'"';
                self.place = if ends { Place::Between } else { Place::Text { escaped: escapes } };
            }
            (_, b'"') if self.named && self.is_file() => {
                if self.file.begun {
                    return Err(Problem::fault("repeated", "/file", "there are two files"));
                }
                (self.file.begun, self.place) = (true, Place::File);
            }
            (_, b'"') => {
                self.place = Place::Text { escaped: false };
                self.name = vec![byte];
            }
            (_, b'{' | b'[') => {
                self.depth += 1;
                self.named = false;
            }
            (_, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            (_, b':') => self.named = self.depth == 1,
            (_, b',') => self.named = false,
            _ => {}
        }
        Ok(())
    }

    fn is_file(&self) -> bool {
        serde_json::from_slice::<String>(&self.name).is_ok_and(|name| name == "file")
    }

    /// Takes what belongs to the file's text, and gives what comes behind it.
    fn file_text<'p>(&mut self, piece: &'p [u8]) -> Result<&'p [u8], Problem> {
        if !self.file.escape.is_empty() {
            self.file.escaped(piece[0])?;
            return Ok(&piece[1..]);
        }
        let plain = piece.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(piece.len());
        self.file.base64.extend_from_slice(&piece[..plain]);
        match piece.get(plain) {
            None => {}
            Some(b'"') => {
                self.rest.push(b'"');
                (self.place, self.named) = (Place::Between, false);
            }
            Some(_) => self.file.escape.push(b'\\'),
        }
        Ok(piece.get(plain + 1..).unwrap_or_default())
    }
}

impl FileText {
    /// The next byte of an escape. Line breaks are passed over; some clients write `/` and `+` as escapes.
    fn escaped(&mut self, byte: u8) -> Result<(), Problem> {
        self.escape.push(byte);
        let length = if self.escape[1] == b'u' { 6 } else { 2 };
        if self.escape.len() < length {
            return Ok(());
        }
        let text = [b"\"", take(&mut self.escape).as_slice(), b"\""].concat();
        match serde_json::from_slice::<String>(&text) {
            Ok(text) => self.base64.extend(text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r'))),
            Err(_) => return Err(no_base64()),
        }
        Ok(())
    }

    /// Decodes as much as can be.
    fn decoded(&mut self, whole: bool) -> Result<Bytes, Problem> {
        let length = if whole { self.base64.len() } else { self.base64.len() / 4 * 4 };
        let later = self.base64.split_off(length);
        if self.padded && length > 0 {
            return Err(no_base64());
        }
        let decoded = STANDARD.decode(&self.base64).map_err(|_| no_base64())?;
        self.padded = self.base64.last().map_or(self.padded, |last| *last == b'=');
        self.base64 = later;
        Ok(decoded.into())
    }
}

fn no_base64() -> Problem {
    Problem::fault("invalid-base64", "/file", "this is no base64 (RFC 4648, section 4)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The file, if there is one, and the rest; the same in pieces of every size.
    fn split(text: &str) -> Result<(Option<Vec<u8>>, Value), String> {
        let of = |size: usize| {
            let (mut splitter, mut file) = (Splitter::default(), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                file.extend_from_slice(&splitter.split(piece).map_err(|problem| problem.to_string())?);
            }
            let file = splitter.has_file().then_some(file);
            Ok((file, serde_json::from_slice(&splitter.rest()).unwrap_or(Value::Null)))
        };
        let whole = of(text.len().max(1));
        for size in 1..9 {
            assert_eq!(of(size), whole, "in pieces of {size}: {text}");
        }
        whole
    }

    #[test]
    fn the_file_is_taken_out_wherever_it_stands() {
        let text = "\u{ff}\u{fe}?>\u{0}\u{1}end".as_bytes().to_vec();
        let base64 = STANDARD.encode(&text);
        let slashes = base64.replace('/', "\\/").replace('+', "\\u002B");
        for (body, rest) in [
            (format!("{{\"file\":\"{base64}\"}}"), json!({"file": ""})),
            (
                format!("{{\"id\": \"a\", \"file\" : \"{base64}\", \"x\": [1]}}"),
                json!({"id": "a", "file": "", "x": [1]}),
            ),
            (format!("{{\"f\\u0069le\": \"{slashes}\", \"a\": \"file\"}}"), json!({"file": "", "a": "file"})),
            (format!("{{\"file\": \"{}\\r\\n{}\"}}", &base64[..6], &base64[6..]), json!({"file": ""})),
        ] {
            assert_eq!(split(&body), Ok((Some(text.clone()), rest)), "{body}");
        }
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        for body in [
            json!({"metadata": {"file": "AAAA"}, "a": "file"}),
            json!(["file", "AAAA"]),
            json!({"file": 7, "string1": "\"file\":\"AAAA\""}),
            json!({"file": {"file": "AAAA"}}),
            json!({"file": ["AAAA"], "files": "AAAA"}),
            json!("file"),
        ] {
            assert_eq!(split(&body.to_string()), Ok((None, body)));
        }
        assert_eq!(split(""), Ok((None, Value::Null)));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["@@@@", "AAA", "AA==AAAA", "A\\\"AA", "\\uD800AAA", "AAAA="] {
            assert!(split(&format!("{{\"file\": \"{text}\"}}")).is_err(), "{text}");
        }
        assert!(split(r#"{"file": "AAAA", "file": "AAAA"}"#).is_err());
    }
}
