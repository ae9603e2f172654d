//! One picture as one kind of source: our derivative, and that of `vips` of the same bytes, against pristine pixels.

use std::fmt::{Display, Formatter};
use std::fs::File;

use dlcs_imaging::derive::{self, Outputs};
use dlcs_imaging::source::Limits;

use crate::measure::{Pixels, psnr, ssim};
use crate::pictures::Picture;
use crate::vips::Folder;

/// How many levels are compared.
const LEVELS: usize = 3;

/// What both are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The pixels themselves.
    Png,
    /// A JPEG of quality 92, colours shared by four pixels.
    Half,
    /// A JPEG of quality 95 with colour in every pixel.
    Full,
}

impl Source {
    /// The sources that are tried of a picture.
    pub fn of(picture: &Picture) -> Vec<Self> {
        let sources = [Self::Png, Self::Half, Self::Full];
        sources.into_iter().filter(|source| *source != Self::Full || picture.coloured).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Half => "JPEG 4:2:0",
            Self::Full => "JPEG 4:4:4",
        }
    }

    fn make(self, work: &Folder, picture: &Picture) -> &'static str {
        picture.pixels.write(&work.file("source.png"));
        match self {
            Self::Png => "source.png",
            Self::Half => {
                work.vips("jpegsave source.png source.jpg --Q 92 --subsample-mode on");
                "source.jpg"
            }
            Self::Full => {
                work.vips("jpegsave source.png source.jpg --Q 95 --subsample-mode off");
                "source.jpg"
            }
        }
    }
}

/// What one side made: PSNR and SSIM of each level.
struct Made {
    bytes: u64,
    file: u64,
    close: [(f64, f64); LEVELS],
}

pub const HEADING: &str = "picture                        source     | ours KB file/vips vips Q | level 0: PSNR ours, \
    vips, difference; SSIM ours, vips, difference | level 1: differences | level 2: differences";

/// Both sides.
pub struct Compared {
    name: &'static str,
    source: Source,
    ours: Made,
    vips: Made,
    quality: u32,
}

/// The bytes of all tiles of a TIFF's first directory.
fn tile_bytes(file: &str) -> u64 {
    const TILE_BYTE_COUNTS: u32 = 325;
    let bytes = std::fs::read(file).unwrap();
    let number = |at: usize, width: usize| {
        let bytes = bytes[at..at + width].iter().rev();
        bytes.fold(0, |sum, byte| sum << 8 | u32::from(*byte))
    };
    let first = number(4, 4) as usize;
    let entries = (0..number(first, 2) as usize).map(|n| first + 2 + n * 12);
    let entry = entries.into_iter().find(|at| number(*at, 2) == TILE_BYTE_COUNTS).unwrap();
    let (count, width) = (number(entry + 4, 4) as usize, if number(entry + 2, 2) == 3 { 2 } else { 4 });
    let start = if count * width <= 4 { entry + 8 } else { number(entry + 8, 4) as usize };
    (0..count).map(|n| u64::from(number(start + n * width, width))).sum()
}

impl Made {
    fn of(work: &Folder, file: &str, pristine: &[Pixels]) -> Self {
        let level = |n: usize| {
            let found = work.pixels(&format!("{file}[page={n}]"));
            (psnr(&found, &pristine[n]), ssim(&found, &pristine[n]))
        };
        let path = work.file(file);
        let whole = std::fs::metadata(&path).unwrap().len();
        Self { bytes: tile_bytes(&path), file: whole, close: std::array::from_fn(level) }
    }

    /// What would lie between two files, at `bytes`: figures grow about as the logarithm of bytes does.
    fn between(low: &Self, high: &Self, bytes: u64) -> Self {
        let log = |bytes: u64| (bytes as f64).ln();
        let share = (log(bytes) - log(low.bytes)) / (log(high.bytes) - log(low.bytes));
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        let mix = |a: f64, b: f64| a + (b - a) * share;
        let close =
            std::array::from_fn(|n| (mix(low.close[n].0, high.close[n].0), mix(low.close[n].1, high.close[n].1)));
        Self { bytes, file: mix(low.file as f64, high.file as f64) as u64, close }
    }
}

fn derive_with_vips(work: &Folder, quality: u32, more: &str) -> u64 {
    work.vips(&format!(
        "tiffsave source.v vips{quality}.tif --tile --compression jpeg --tile-width 512 --tile-height 512 --Q {quality} {more}"
    ));
    tile_bytes(&work.file(&format!("vips{quality}.tif")))
}

/// Derives both, and measures.
pub fn compare(work: &Folder, picture: &Picture, source: Source) -> Compared {
    let pristine: Vec<Pixels> = (0..LEVELS).map(|level| picture.pixels.reduced(1 << level)).collect();
    let file = source.make(work, picture);
    let outputs = Outputs::create(&work.path().join("ours.tif"), work.path()).unwrap();
    derive::open(File::open(work.file(file)).unwrap(), &Limits::default()).unwrap().derive(&outputs).unwrap();
    let ours = Made::of(work, "ours.tif", &pristine);
    work.vips(&format!("copy {file} source.v"));
    let (mut low, mut high) = (1, 100);
    while high - low > 1 {
        let middle = u32::midpoint(low, high);
        let bytes = derive_with_vips(work, middle, "");
        if bytes < ours.bytes { low = middle } else { high = middle }
    }
    let [below, above] = [low, high].map(|quality| {
        derive_with_vips(work, quality, "--pyramid");
        Made::of(work, &format!("vips{quality}.tif"), &pristine)
    });
    let vips = Made::between(&below, &above, ours.bytes);
    Compared { name: picture.name, source, ours, vips, quality: high }
}

impl Compared {
    /// What is worse than the peer by more than can be seen in a table.
    pub fn verdicts(&self) -> Vec<String> {
        let levels = self.ours.close.iter().zip(&self.vips.close).enumerate();
        let worse = levels.filter(|(_, (ours, vips))| ours.0 < vips.0 - 0.1 || ours.1 < vips.1 - 0.002);
        let line = |(level, (ours, vips)): (usize, (&(f64, f64), &(f64, f64)))| {
            let (psnr, ssim) = (ours.0 - vips.0, ours.1 - vips.1);
            format!("{}, {}, level {level}: {psnr:+.2} dB, {ssim:+.4} SSIM", self.name, self.source.name())
        };
        worse.map(line).collect()
    }
}

impl Display for Compared {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { name, source, ours, vips, quality } = self;
        let (kb, ratio) = (ours.bytes / 1024, ours.file as f64 / vips.file as f64);
        write!(f, "{name:<30} {:<10} | {kb:>6} {ratio:.3} {quality:>3} |", source.name())?;
        for (level, (ours, vips)) in ours.close.iter().zip(&vips.close).enumerate() {
            if level == 0 {
                write!(f, " {:.2} {:.2} {:+.2}; {:.4} {:.4}", ours.0, vips.0, ours.0 - vips.0, ours.1, vips.1)?;
            } else {
                write!(f, " {:.2} {:+.2};", ours.0, ours.0 - vips.0)?;
            }
            write!(f, " {:+.4} |", ours.1 - vips.1)?;
        }
        Ok(())
    }
}
