//! The path of a file that an origin names, for protocols in which a path is text.

use dlcs_model::{Failure, FailureCode};
use percent_encoding::percent_decode_str;
use url::Url;

/// The decoded path behind the first slash.
///
/// # Errors
/// If it is empty or not UTF-8, or has a control character, by which a line would end in the middle of a command.
pub(super) fn of(url: &Url) -> Result<String, Failure> {
    let encoded = url.path().strip_prefix('/').unwrap_or_default();
    let refused = |why| Failure::new(FailureCode::OriginStatus, why);
    let path = percent_decode_str(encoded).decode_utf8().map_err(|_| refused("the origin's path is not UTF-8"))?;
    if path.chars().any(char::is_control) {
        return Err(refused("the origin's path has a control character"));
    }
    if path.split('/').any(|segment| segment == "..") {
        return Err(refused("the origin's path leads upwards"));
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(directory());
    }
    Ok(path.into_owned())
}

/// What the origin names is no file.
pub(super) fn directory() -> Failure {
    Failure::new(FailureCode::OriginStatus, "the origin is a directory, not a file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Result<String, String> {
        of(&Url::parse(text).unwrap()).map_err(|failure| failure.detail)
    }

    #[test]
    fn paths_are_decoded_once() {
        assert_eq!(path("ftp://h/a%20b/c%2520.tif").unwrap(), "a b/c%20.tif");
        assert_eq!(path("sftp://h/%2Fetc/%C3%BC%23%3F.jpg").unwrap(), "/etc/ü#?.jpg");
        assert_eq!(path("ftps://h/a?b#c").unwrap(), "a");
    }

    #[test]
    fn what_could_end_a_command_is_refused() {
        for bad in ["a%0D%0ADELE%20b", "a%0A", "a%00b", "a%7F", "a%C2%85"] {
            assert!(path(&format!("ftp://h/{bad}")).unwrap_err().contains("control"), "{bad}");
        }
        assert!(path("sftp://h/a%2F..%2F..%2Fetc").unwrap_err().contains("upwards"));
        assert!(path("ftp://h/%FF").unwrap_err().contains("UTF-8"));
        for directory in ["", "/", "/a/"] {
            assert!(path(&format!("sftp://h{directory}")).unwrap_err().contains("directory"), "{directory}");
        }
    }
}
