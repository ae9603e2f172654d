//! What is derived: mosaics of photographs, with grain, for what is enlarged has too little to encode.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One kind of source.
pub struct Kind {
    pub name: &'static str,
    /// Sides in pixels, and photographs side by side and one upon the other.
    size: (u32, u32, u32),
    extension: &'static str,
    options: &'static [&'static str],
}

const JPEG: &[&str] = &["--Q", "90", "--subsample-mode", "on"];

/// All kinds. What comes after the first four are the first again in another form.
pub const KINDS: [Kind; 9] = [
    Kind { name: "8.75 MP, JPEG 4:2:0", size: (2500, 3500, 1), extension: "jpg", options: JPEG },
    Kind { name: "48 MP, JPEG 4:2:0", size: (6000, 8000, 2), extension: "jpg", options: JPEG },
    Kind { name: "96 MP: twice the height", size: (6000, 16_000, 2), extension: "jpg", options: JPEG },
    Kind { name: "120 MP, JPEG 4:2:0", size: (12_000, 10_000, 4), extension: "jpg", options: JPEG },
    Kind {
        name: "8.75 MP, JPEG 4:4:4",
        size: (2500, 3500, 1),
        extension: "jpg",
        options: &["--Q", "90", "--subsample-mode", "off"],
    },
    Kind {
        name: "8.75 MP, progressive",
        size: (2500, 3500, 1),
        extension: "jpg",
        options: &["--Q", "90", "--subsample-mode", "on", "--interlace"],
    },
    Kind { name: "8.75 MP, PNG", size: (2500, 3500, 1), extension: "png", options: &[] },
    Kind { name: "8.75 MP, TIFF", size: (2500, 3500, 1), extension: "tif", options: &[] },
    Kind {
        name: "8.75 MP, TIFF LZW",
        size: (2500, 3500, 1),
        extension: "tif",
        options: &["--compression", "lzw", "--predictor", "horizontal"],
    },
];

/// Makes the source of this kind in `folder`.
pub fn make(kind: &Kind, photos: &[PathBuf], folder: &Path) -> PathBuf {
    let path = |name: &str| folder.join(name).display().to_string();
    let (width, height, across) = kind.size;
    let count = across * across * height.div_ceil(width * 2);
    let (w, h) = (width / across, height / (count / across));
    // TIFF, for joining several files of its own format crashes libvips 8.14.
    let parts: Vec<_> = (0..count).map(|number| path(&format!("part{number}.tif"))).collect();
    for (part, photo) in parts.iter().zip(photos.iter().cycle()) {
        let photo = photo.display().to_string();
        vips(&["thumbnail", &photo, part, &w.to_string(), "--height", &h.to_string(), "--crop", "centre"]);
    }
    let [whole, noise, sum, grained] = ["whole.v", "noise.v", "sum.v", "grained.v"].map(path);
    vips(&["arrayjoin", &parts.join(" "), &whole, "--across", &across.to_string()]);
    vips(&[
        "gaussnoise",
        &noise,
        &width.to_string(),
        &height.to_string(),
        "--sigma",
        "3",
        "--mean",
        "0",
        "--seed",
        "7",
    ]);
    vips(&["add", &whole, &noise, &sum]);
    vips(&["cast", &sum, &grained, "uchar"]);
    let source = folder.join(format!("source.{}", kind.extension));
    let saver = match kind.extension {
        "png" => "pngsave",
        "tif" => "tiffsave",
        _ => "jpegsave",
    };
    let source_text = source.display().to_string();
    vips(&[&[saver, &grained, &source_text, "--strip"], kind.options].concat());
    for file in parts.iter().chain([&whole, &noise, &sum, &grained]) {
        std::fs::remove_file(file).unwrap();
    }
    source
}

fn vips(arguments: &[&str]) {
    let done = Command::new("vips").args(arguments).output().unwrap();
    assert!(done.status.success(), "vips {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}
