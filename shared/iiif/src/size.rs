//! Size (3.0 §4.2, 2.1 §4.2).

use crate::error::pixels;
use crate::{Decimal, Rect, RequestError, Subject, Version};

/// The size that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Whether the region may be enlarged: `^` in 3.0, always in 2.1.
    pub upscale: bool,
    /// The form.
    pub form: Form,
}

/// The forms of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `full` of 2.1: not scaled.
    Full,
    /// `max`.
    Max,
    /// `w,`.
    Width(u32),
    /// `,h`.
    Height(u32),
    /// `pct:n`.
    Percent(Decimal),
    /// `w,h`.
    Exact(u32, u32),
    /// `!w,h`.
    Within(u32, u32),
}

impl Size {
    /// # Errors
    /// `text` is in none of the version's forms.
    pub fn parse(version: Version, text: &str) -> Result<Self, RequestError> {
        match version {
            Version::V2 => {
                let form = if text == "full" { Some(Form::Full) } else { form(text) };
                let expected = "full, max, w,  ,h  pct:n, w,h  !w,h";
                // `max` of 2.1 is never larger than the region.
                form.map(|form| Self { upscale: form != Form::Max, form })
                    .ok_or_else(|| RequestError::malformed("size", text, expected))
            }
            Version::V3 => {
                let (upscale, rest) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
                let expected = "max, w,  ,h  pct:n, w,h  !w,h, each with ^ in front to enlarge";
                form(rest)
                    .map(|form| Self { upscale, form })
                    .ok_or_else(|| RequestError::malformed("size", text, expected))
            }
        }
    }

    /// The pixels of the answer for `region`, before any rotation.
    ///
    /// In 3.0 a box of `!w,h` that is larger than the region in both directions is refused like any other enlarging
    /// without `^`; the IIIF validator asks for this reading.
    ///
    /// # Errors
    /// Empty, enlarged without permission, over a limit, or not open.
    pub fn resolve(&self, region: Rect, subject: &Subject) -> Result<(u32, u32), RequestError> {
        let Rect { width: rw, height: rh, .. } = region;
        let (width, height) = match self.form {
            Form::Full => (rw, rh),
            Form::Max => largest(region, subject, self.upscale),
            Form::Width(w) => match subject.tile_of_width(region, w) {
                Some(tile) => tile,
                None => (w, proportional(w, rw, rh)),
            },
            Form::Height(h) => match subject.tile_of_height(region, h) {
                Some(tile) => tile,
                None => (proportional(h, rh, rw), h),
            },
            Form::Percent(n) => (n.percent_of(rw), n.percent_of(rh)),
            Form::Exact(w, h) => (w, h),
            Form::Within(w, h) if !self.upscale && w > rw && h > rh => (w, h),
            Form::Within(w, h) => within(region, subject, w, h),
        };
        self.check((width, height), region, subject)
    }

    fn check(&self, (width, height): (u32, u32), region: Rect, subject: &Subject) -> Result<(u32, u32), RequestError> {
        let Rect { width: region_width, height: region_height, .. } = region;
        let limits = subject.limits;
        if !self.upscale && (width > region_width || height > region_height) {
            return Err(RequestError::Upscaling { width, height, region_width, region_height });
        }
        if let (Some(open_edge), (w, h)) = (subject.open_edge, subject.open_size(region))
            && (open_edge == 0 || width > w || height > h)
        {
            return Err(RequestError::NotOpen { open_edge });
        }
        if width == 0 || height == 0 {
            return Err(RequestError::Empty { width, height });
        }
        if width.max(height) > limits.max_width || u64::from(width) * u64::from(height) > limits.max_area {
            let (max_width, max_area) = (limits.max_width, limits.max_area);
            return Err(RequestError::TooLarge { width, height, max_width, max_area });
        }
        Ok((width, height))
    }
}

/// The size that `max` or `^max` means for `region`.
pub(crate) fn largest(region: Rect, subject: &Subject, upscale: bool) -> (u32, u32) {
    let side = |length: u32| if upscale { u32::MAX } else { length };
    within(region, subject, side(region.width), side(region.height))
}

/// The largest size of the region's shape in a box, within the limits and what is open.
fn within(region: Rect, subject: &Subject, width: u32, height: u32) -> (u32, u32) {
    let Rect { width: rw, height: rh, .. } = region;
    let (open_width, open_height) = subject.open_size(region);
    let bw = width.min(open_width).min(subject.limits.max_width);
    let bh = height.min(open_height).min(subject.limits.max_width);
    if bw == rw && bh == rh && u64::from(rw) * u64::from(rh) <= subject.limits.max_area {
        return (rw, rh);
    }
    if bw == 0 || bh == 0 {
        return (bw, bh);
    }
    let fitted = if u64::from(bw) * u64::from(rh) <= u64::from(bh) * u64::from(rw) {
        (bw, proportional(bw, rw, rh).min(bh))
    } else {
        (proportional(bh, rh, rw).min(bw), bh)
    };
    within_area(fitted, (rw, rh), subject.limits.max_area)
}

fn within_area(fitted: (u32, u32), (rw, rh): (u32, u32), area: u64) -> (u32, u32) {
    let fits = |(w, h): (u32, u32)| u64::from(w) * u64::from(h) <= area;
    if fits(fitted) {
        return fitted;
    }
    let root = (u128::from(area) * u128::from(rw) / u128::from(rh)).isqrt();
    let width = u32::try_from(root).unwrap_or(u32::MAX).clamp(1, fitted.0);
    let mut size = (width, proportional(width, rw, rh));
    while !fits(size) && size.0 > 1 {
        size = (size.0 - 1, proportional(size.0 - 1, rw, rh));
    }
    if fits(size) { size } else { (1, u32::try_from(area).unwrap_or(u32::MAX).min(size.1)) }
}

/// `to * length / from`, rounded half up, at least 1.
pub(crate) fn proportional(to: u32, from: u32, length: u32) -> u32 {
    let (to, from, length) = (u128::from(to), u128::from(from), u128::from(length));
    u32::try_from((to * length * 2 + from) / (from * 2)).unwrap_or(u32::MAX).max(1)
}

/// The forms that both versions share, without any `^`.
fn form(text: &str) -> Option<Form> {
    if text == "max" {
        return Some(Form::Max);
    }
    if let Some(percent) = text.strip_prefix("pct:") {
        return Decimal::parse(percent).map(Form::Percent);
    }
    if let Some(sides) = text.strip_prefix('!') {
        let (w, h) = sides.split_once(',')?;
        return Some(Form::Within(pixels(w)?, pixels(h)?));
    }
    match text.split_once(',')? {
        ("", h) => pixels(h).map(Form::Height),
        (w, "") => pixels(w).map(Form::Width),
        (w, h) => Some(Form::Exact(pixels(w)?, pixels(h)?)),
    }
}
