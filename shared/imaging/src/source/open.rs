//! Opens a file of any known format, and keeps whatever its decoder does inside.

use std::fs::File;
use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use dlcs_model::{Failure, FailureCode, SourceFormat};

use super::native::{NativeRows, name};
use super::upright::Upright;
use super::{Limits, RowSource, SourceInfo};

/// Opens an image, whatever its format: reads its header, checks `limits`, and hands out its rows upright in sRGB or grey.
///
/// # Errors
/// `not-an-image` for unknown bytes, `unsupported-format` for kinds we do not read, `too-many-pixels` over a limit,
/// `corrupt-image` for damage in the header, `decoder-crash` when the decoder died, `internal` when the file is unreadable.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn RowSource>, Failure> {
    let mut file = File::open(path).map_err(|error| ours(&error))?;
    let format = sniff(&mut file)?;
    let opened = guard(format, || open_format(format, file, limits).and_then(|rows| Upright::new(rows, limits)))?;
    Ok(Box::new(Guarded { inner: opened, failed: None }))
}

fn open_format(format: SourceFormat, file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    match format {
        SourceFormat::Jpeg => super::jpeg::open(file, limits),
        SourceFormat::Png => super::png::open(file, limits),
        SourceFormat::Webp => super::webp::open(file, limits),
        SourceFormat::Gif => super::gif::open(file, limits),
        SourceFormat::Tiff => super::tiff::open(file, limits),
        SourceFormat::Jpeg2000 => {
            let detail = "the image is a JPEG 2000, a format that is recognised but not read";
            Err(Failure::new(FailureCode::UnsupportedFormat, detail))
        }
    }
}

/// Recognises the format and leaves the file at its start.
fn sniff(file: &mut File) -> Result<SourceFormat, Failure> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| ours(&error))?;
    file.rewind().map_err(|error| ours(&error))?;
    SourceFormat::sniff(&head).ok_or_else(|| Failure::new(FailureCode::NotAnImage, unknown(&head)))
}

/// Enough to recognise every format, and text where an image should be.
const HEAD_BYTES: u64 = 512;

/// What the unknown bytes look like.
fn unknown(head: &[u8]) -> String {
    if head.is_empty() {
        return "the origin sent no bytes".into();
    }
    let start: String = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let looks = if start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head") {
        "the bytes are HTML, not an image: the origin may have answered with a page"
    } else if start.starts_with("<?xml") || start.starts_with("<svg") {
        "the bytes are XML, not an image of a known format"
    } else if start.starts_with("%pdf-") {
        "the bytes are a PDF, not an image"
    } else if start.starts_with('{') || start.starts_with('[') {
        "the bytes look like JSON, not an image"
    } else {
        "the bytes are no image of a known format"
    };
    looks.into()
}

/// A file of ours that cannot be read.
fn ours(error: &std::io::Error) -> Failure {
    tracing::error!(%error, "cannot open a source file");
    Failure::internal()
}

/// Runs a decoder; one that panics has failed, and nothing else has.
fn guard<T>(format: SourceFormat, run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let detail = format!("the decoder died on this {} file", name(format));
        Err(Failure::new(FailureCode::DecoderCrash, detail))
    })
}

/// A source whose decoder may panic, and which stays failed once it failed.
struct Guarded {
    inner: Upright,
    failed: Option<Failure>,
}

impl RowSource for Guarded {
    fn info(&self) -> &SourceInfo {
        self.inner.info()
    }

    fn read_rows(&mut self, rows: &mut [u8]) -> Result<usize, Failure> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        let format = self.inner.info().format;
        guard(format, || self.inner.read_rows(rows)).inspect_err(|failure| self.failed = Some(failure.clone()))
    }
}
