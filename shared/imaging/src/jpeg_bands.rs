//! The short way for most JPEGs: their own planes become those of the derivative, without a detour through RGB.

use std::fs::File;
use std::io::{Read, Seek};

use dlcs_jpeg::{Colour, Decoder, Header, PlaneMut, Raw, Sampling, Steps};
use dlcs_model::{Failure, SourceFormat};

use crate::bands::{Band, BandInfo, BandSource};
use crate::orientation::{self, Orientation};
use crate::planes::Planes;
use crate::source::Limits;
use crate::source::jpeg::{failure, memory};
use crate::source::native::truncated;
use crate::{color, failures};

/// A JPEG that is decoded to its planes.
pub(crate) struct JpegBands {
    planes: StoredPlanes,
    info: BandInfo,
    layout: Layout,
    memory: u64,
    /// The colour planes of a band that cannot be decoded in place.
    scratch: Vec<Vec<u8>>,
}

/// The planes of the source: a header until the first rows are asked for.
struct StoredPlanes {
    decoder: Option<Decoder<'static>>,
    raw: Option<Raw<'static>>,
}

impl StoredPlanes {
    /// Reads the next rows. A progressive JPEG is read to its end by the first call.
    fn read(&mut self, planes: &mut [PlaneMut<'_>]) -> Result<u32, Failure> {
        if let Some(decoder) = self.decoder.take() {
            self.raw = Some(decoder.raw().map_err(failure)?);
        }
        let raw = self.raw.as_mut().ok_or_else(|| truncated(SourceFormat::Jpeg))?;
        raw.read(planes).map_err(failure)
    }
}

/// How the planes of the source map to those of the derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// They are the same.
    Same(Sampling),
    /// Colour is shared by two pixels side by side (4:2:2): pairs of its rows are averaged.
    Wide,
}

impl JpegBands {
    /// Opens a JPEG; `None` when it is none, or one that has to be read as pixels: turned, in another colour space, or sampled
    /// in an unusual way.
    pub fn open(mut file: File, limits: &Limits) -> Result<Option<Self>, Failure> {
        let ours = |error| failures::file(&error, "open a source file");
        let mut head = Vec::new();
        file.by_ref().take(SourceFormat::SNIFF_BYTES as u64).read_to_end(&mut head).map_err(ours)?;
        if SourceFormat::sniff(&head) != Some(SourceFormat::Jpeg) {
            return Ok(None);
        }
        file.rewind().map_err(ours)?;
        let mut decoder = Decoder::open(file).map_err(failure)?;
        let header = decoder.header().clone();
        limits.admit(header.width, header.height, header.whole)?;
        let profile = decoder.icc_profile().map_err(failure)?;
        let turned = decoder.exif().map(orientation::of_exif).is_some_and(|o| o != Orientation::Upright);
        let Some(layout) = layout(&header).filter(|_| !turned && profile.is_none_or(|icc| color::is_srgb(&icc))) else {
            return Ok(None);
        };
        let planes = StoredPlanes { decoder: Some(decoder), raw: None };
        let (info, scratch) = (info(&header, layout), scratch(&header, layout));
        Ok(Some(Self { planes, info, layout, memory: memory(&header), scratch }))
    }

    /// Two bands of 4:2:2, 8 rows each, make one of 4:2:0: luma is decoded in place, and of colour pairs of rows are averaged.
    fn read_wide(&mut self, band: &mut Planes) -> Result<u32, Failure> {
        let stride = self.scratch[0].len() / 8;
        let mut total = 0;
        for half in 0..2 {
            let mut planes = band.targets();
            planes.truncate(1);
            for luma in &mut planes {
                luma.data = &mut std::mem::take(&mut luma.data)[half * 8 * luma.stride..];
            }
            planes.extend(self.scratch.iter_mut().map(|data| PlaneMut { data, stride }));
            let rows = self.planes.read(&mut planes)?;
            total += rows;
            for (component, colour) in (1..).zip(&self.scratch) {
                let lines: Vec<&[u8]> = colour.chunks_exact(stride).take(rows as usize).collect();
                for (row, pair) in lines.chunks(2).enumerate() {
                    let target = band.row_mut(component, half * 4 + row);
                    for ((to, a), b) in target.iter_mut().zip(pair[0]).zip(pair[pair.len() - 1]) {
                        *to = (u16::from(*a) + u16::from(*b)).div_ceil(2) as u8;
                    }
                }
            }
        }
        Ok(total)
    }
}

impl BandSource for JpegBands {
    fn info(&self) -> &BandInfo {
        &self.info
    }

    fn memory(&self) -> u64 {
        self.memory
    }

    fn read(&mut self, band: &mut Band) -> Result<(), Failure> {
        band.rows = match self.layout {
            Layout::Same(_) => self.planes.read(&mut band.planes.targets())?,
            Layout::Wide => self.read_wide(&mut band.planes)?,
        };
        Ok(())
    }
}

/// How the planes can be taken over, if they can.
fn layout(header: &Header) -> Option<Layout> {
    match (header.lossless, header.colour, header.sampling.as_slice()) {
        (false, Colour::Gray, [(1, 1)]) => Some(Layout::Same(Sampling::Gray)),
        (false, Colour::YCbCr, [(1, 1), (1, 1), (1, 1)]) => Some(Layout::Same(Sampling::Full)),
        (false, Colour::YCbCr, [(2, 2), (1, 1), (1, 1)]) => Some(Layout::Same(Sampling::Half)),
        (false, Colour::YCbCr, [(2, 1), (1, 1), (1, 1)]) => Some(Layout::Wide),
        _ => None,
    }
}

fn info(header: &Header, layout: Layout) -> BandInfo {
    let (sampling, quality) = match layout {
        Layout::Same(Sampling::Full) => (Sampling::Full, BandInfo::DETAILED),
        Layout::Same(sampling @ (Sampling::Gray | Sampling::Half)) => (sampling, BandInfo::LOSSY),
        Layout::Wide => (Sampling::Half, BandInfo::LOSSY),
    };
    let Header { width, height, steps, .. } = *header;
    let steps = match layout {
        Layout::Same(_) => steps,
        Layout::Wide => Steps { luma: steps.luma, ..Steps::UNKNOWN },
    };
    BandInfo { format: SourceFormat::Jpeg, width, height, alpha: false, sampling, quality, steps }
}

/// Room for the colour planes of a band that cannot be decoded in place.
fn scratch(header: &Header, layout: Layout) -> Vec<Vec<u8>> {
    match layout {
        Layout::Same(_) => Vec::new(),
        Layout::Wide => vec![vec![0; header.width.div_ceil(2).next_multiple_of(8) as usize * 8]; 2],
    }
}
