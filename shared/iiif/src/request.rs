//! A whole image request: its parameters, its meaning for one image, its canonical form.

use std::fmt::Write as _;

use crate::size::{largest, proportional};
use crate::{Form, Format, Quality, Rect, Region, RequestError, Rotation, Size, Subject, Version};

/// The parameters of an image request, in the order of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageRequest {
    /// The part of the image.
    pub region: Region,
    /// The size it is scaled to.
    pub size: Size,
    /// How it is turned.
    pub rotation: Rotation,
    /// Its colours.
    pub quality: Quality,
    /// Its encoding.
    pub format: Format,
}

/// An image request applied to one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The region in pixels of the full size.
    pub region: Rect,
    /// Pixels across before rotation.
    pub width: u32,
    /// Pixels down before rotation.
    pub height: u32,
    /// How it is turned.
    pub rotation: Rotation,
    /// Its colours; [`Quality::Color`] has become [`Quality::Default`].
    pub quality: Quality,
    /// Its encoding.
    pub format: Format,
    /// The canonical `region/size/rotation/quality.format`: one text for all requests that mean the same answer.
    pub canonical: String,
}

impl ImageRequest {
    /// Reads the decoded path segments `region`, `size`, `rotation` and `quality.format`.
    ///
    /// # Errors
    /// The first parameter that is malformed.
    pub fn parse(version: Version, [region, size, rotation, last]: [&str; 4]) -> Result<Self, RequestError> {
        let (quality, format) = last.rsplit_once('.').unwrap_or((last, ""));
        Ok(Self {
            region: Region::parse(region)?,
            size: Size::parse(version, size)?,
            rotation: Rotation::parse(rotation)?,
            quality: Quality::parse(quality)?,
            format: Format::parse(format)?,
        })
    }

    /// What the request means for `subject`.
    ///
    /// # Errors
    /// It is outside the image, empty, over a limit or not open.
    pub fn resolve(&self, version: Version, subject: &Subject) -> Result<Resolved, RequestError> {
        let region = self.region.resolve(subject.width, subject.height)?;
        let (width, height) = self.size.resolve(region, subject)?;
        let quality = match self.quality {
            Quality::Default | Quality::Color => Quality::Default,
            Quality::Gray => Quality::Gray,
            Quality::Bitonal => Quality::Bitonal,
        };
        let mut canonical = String::with_capacity(64);
        write_region(&mut canonical, region, subject);
        canonical.push('/');
        match version {
            Version::V2 => write_size_2(&mut canonical, region, (width, height), subject),
            Version::V3 => write_size_3(&mut canonical, region, (width, height), subject),
        }
        // Writing to a string cannot fail.
        let _ = write!(canonical, "/{}/{}.{}", self.rotation, quality.name(), self.format.extension());
        Ok(Resolved { region, width, height, rotation: self.rotation, quality, format: self.format, canonical })
    }
}

fn write_region(text: &mut String, region: Rect, subject: &Subject) {
    if (region.width, region.height) == (subject.width, subject.height) {
        text.push_str("full");
    } else {
        let _ = write!(text, "{region}");
    }
}

/// 3.0 §4.8: `max`, `^max`, `w,h` or `^w,h`.
fn write_size_3(text: &mut String, region: Rect, size: (u32, u32), subject: &Subject) {
    let (width, height) = size;
    let upscaled = width > region.width || height > region.height;
    let _ = match upscaled {
        false if size == largest(region, subject, false) => write!(text, "max"),
        true if size == largest(region, subject, true) => write!(text, "^max"),
        false => write!(text, "{width},{height}"),
        true => write!(text, "^{width},{height}"),
    };
}

/// 2.1 §4.7: `full`, `w,` where the shape is kept, or `w,h`.
fn write_size_2(text: &mut String, region: Rect, size: (u32, u32), subject: &Subject) {
    let (width, height) = size;
    let by_width = || {
        let size = Size { upscale: true, form: Form::Width(width) };
        size.resolve(region, subject).map_or(proportional(width, region.width, region.height), |(_, h)| h)
    };
    let _ = if size == (region.width, region.height) {
        write!(text, "full")
    } else if height == by_width() {
        write!(text, "{width},")
    } else {
        write!(text, "{width},{height}")
    };
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
