//! One picture as one kind of source: our derivative, and that of `vips` of the same bytes, against pristine pixels.

use std::collections::BTreeMap;
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

/// What one side made of a level: its bytes and those of the whole file, PSNR and SSIM.
#[derive(Clone, Copy)]
struct Made {
    bytes: u64,
    file: f64,
    psnr: f64,
    ssim: f64,
}

pub const HEADING: &str = "picture                        source     | ours KB file/vips vips Q | level 0: PSNR ours, \
    vips, difference; SSIM ours, vips, difference | level 1: PSNR ours, differences | level 2: the same";

/// Both sides.
pub struct Compared {
    name: &'static str,
    source: Source,
    /// Ours and theirs, of each level.
    levels: [(Made, Made); LEVELS],
    quality: u32,
}

/// The bytes of all tiles of each of the first directories of a TIFF.
fn tile_bytes(file: &str) -> [u64; LEVELS] {
    const TILE_BYTE_COUNTS: u32 = 325;
    let bytes = std::fs::read(file).unwrap();
    let number = |at: usize, width: usize| {
        let bytes = bytes[at..at + width].iter().rev();
        bytes.fold(0, |sum, byte| sum << 8 | u32::from(*byte))
    };
    let mut link = 4;
    std::array::from_fn(|_| {
        let directory = number(link, 4) as usize;
        let entries = number(directory, 2) as usize;
        link = directory + 2 + entries * 12;
        let mut entries = (0..entries).map(|n| directory + 2 + n * 12);
        let entry = entries.find(|at| number(*at, 2) == TILE_BYTE_COUNTS).unwrap();
        let (count, width) = (number(entry + 4, 4) as usize, if number(entry + 2, 2) == 3 { 2 } else { 4 });
        let start = if count * width <= 4 { entry + 8 } else { number(entry + 8, 4) as usize };
        (0..count).map(|n| u64::from(number(start + n * width, width))).sum()
    })
}

impl Made {
    fn of(work: &Folder, file: &str, level: usize, pristine: &Pixels) -> Self {
        let found = work.pixels(&format!("{file}[page={level}]"));
        let path = work.file(file);
        let (bytes, length) = (tile_bytes(&path)[level], std::fs::metadata(&path).unwrap().len());
        Self { bytes, file: length as f64, psnr: psnr(&found, pristine), ssim: ssim(&found, pristine) }
    }

    /// What would lie between two files, at `bytes`: figures grow about as the logarithm of bytes does.
    fn between(low: Self, high: Self, bytes: u64) -> Self {
        let log = |bytes: u64| (bytes as f64).ln();
        let share = (log(bytes) - log(low.bytes)) / (log(high.bytes) - log(low.bytes));
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        let mix = |a: f64, b: f64| a + (b - a) * share;
        let file = mix(low.file, high.file);
        Self { bytes, file, psnr: mix(low.psnr, high.psnr), ssim: mix(low.ssim, high.ssim) }
    }
}

/// The files of `vips` for one source, by their quality.
struct Peer<'a> {
    work: &'a Folder,
    made: BTreeMap<u32, [u64; LEVELS]>,
}

impl Peer<'_> {
    fn file(quality: u32) -> String {
        format!("vips{quality}.tif")
    }

    fn bytes(&mut self, quality: u32) -> [u64; LEVELS] {
        let (work, file) = (self.work, Self::file(quality));
        let make = || {
            let tiles = "--tile --pyramid --tile-width 512 --tile-height 512";
            work.vips(&format!("tiffsave source.v {file} --compression jpeg --Q {quality} {tiles}"));
            tile_bytes(&work.file(&file))
        };
        *self.made.entry(quality).or_insert_with(make)
    }

    /// The first quality whose `level` has at least these bytes, and what that level is like at just these.
    fn at(&mut self, level: usize, bytes: u64, pristine: &Pixels) -> (u32, Made) {
        let (mut low, mut high) = (1, 100);
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            if self.bytes(middle)[level] < bytes { low = middle } else { high = middle }
        }
        let [below, above] = [low, high].map(|quality| {
            self.bytes(quality);
            Made::of(self.work, &Self::file(quality), level, pristine)
        });
        (high, Made::between(below, above, bytes))
    }
}

/// Derives both, and measures.
pub fn compare(work: &Folder, picture: &Picture, source: Source) -> Compared {
    let pristine: Vec<Pixels> = (0..LEVELS).map(|level| picture.pixels.reduced(1 << level)).collect();
    let file = source.make(work, picture);
    let outputs = Outputs::create(&work.path().join("ours.tif"), work.path()).unwrap();
    derive::open(File::open(work.file(file)).unwrap(), &Limits::default()).unwrap().derive(&outputs, None).unwrap();
    work.vips(&format!("copy {file} source.v"));
    let mut peer = Peer { work, made: BTreeMap::new() };
    let mut qualities = [0; LEVELS];
    let levels = std::array::from_fn(|level| {
        let ours = Made::of(work, "ours.tif", level, &pristine[level]);
        let (quality, theirs) = peer.at(level, ours.bytes, &pristine[level]);
        qualities[level] = quality;
        (ours, theirs)
    });
    Compared { name: picture.name, source, levels, quality: qualities[0] }
}

impl Compared {
    /// What is worse than the peer by more than can be seen in a table.
    pub fn verdicts(&self) -> Vec<String> {
        let levels = self.levels.iter().map(|(ours, vips)| (ours.psnr - vips.psnr, ours.ssim - vips.ssim)).enumerate();
        let worse = levels.filter(|(_, (psnr, ssim))| *psnr < -0.1 || *ssim < -0.002);
        let line = |(level, (psnr, ssim))| {
            format!("{}, {}, level {level}: {psnr:+.2} dB, {ssim:+.4} SSIM", self.name, self.source.name())
        };
        worse.map(line).collect()
    }
}

impl Display for Compared {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { name, source, levels, quality } = self;
        let (kb, ratio) = (levels[0].0.bytes / 1024, levels[0].0.file / levels[0].1.file);
        write!(f, "{name:<30} {:<10} | {kb:>6} {ratio:.3} {quality:>3} |", source.name())?;
        for (level, (ours, vips)) in levels.iter().enumerate() {
            if level == 0 {
                let (psnr, ssim) = (vips.psnr, vips.ssim);
                write!(f, " {:.2} {psnr:.2} {:+.2}; {:.4} {ssim:.4}", ours.psnr, ours.psnr - psnr, ours.ssim)?;
            } else {
                write!(f, " {:.2} {:+.2};", ours.psnr, ours.psnr - vips.psnr)?;
            }
            write!(f, " {:+.4} |", ours.ssim - vips.ssim)?;
        }
        Ok(())
    }
}
