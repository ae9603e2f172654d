//! GIF: the first frame on its canvas.

use std::fs::File;
use std::io::BufReader;

use dlcs_model::{Failure, SourceFormat};
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, MemoryLimit};

use super::native::{Model, Native, NativeRows, Row, corrupt, truncated, unreadable};
use super::{Chroma, Limits};
use crate::orientation::Orientation;

struct Gif {
    native: Native,
    /// Four samples for each of 256 indices.
    colors: Vec<[u8; 4]>,
    frame: Frame,
    next: usize,
    row: Vec<u8>,
}

/// The first frame: colour indices and where they are on the canvas.
struct Frame {
    indices: Vec<u8>,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// Opens a GIF and decodes its first frame.
pub(super) fn open(file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The sizes are checked here, before the decoder allocates.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(BufReader::new(file)).map_err(failure)?;
    let (width, height) = (decoder.width(), decoder.height());
    limits.admit(width.into(), height.into(), true)?;
    let head = decoder.next_frame_info().map_err(failure)?;
    let head = head.ok_or_else(|| corrupt(SourceFormat::Gif, "it has no frame"))?;
    limits.admit(head.width.into(), head.height.into(), true)?;
    let transparent = head.transparent;
    let (left, top) = (usize::from(head.left), usize::from(head.top));
    let mut frame = Frame { indices: Vec::new(), left, top, width: head.width.into(), height: head.height.into() };
    frame.indices.resize(decoder.buffer_size(), 0);
    decoder.read_into_buffer(&mut frame.indices).map_err(failure)?;
    let colors = palette(&decoder, transparent)?;
    if let Some(index) = frame.indices.iter().find(|index| usize::from(**index) >= colors.len()) {
        return Err(corrupt(SourceFormat::Gif, format!("a pixel has color {index} of {}", colors.len())));
    }
    let canvas = (usize::from(width), usize::from(height));
    let covers = left == 0 && top == 0 && frame.width >= canvas.0 && frame.height >= canvas.1;
    let native = Native {
        format: SourceFormat::Gif,
        width: width.into(),
        height: height.into(),
        model: if colors.iter().all(|[r, g, b, _]| r == g && g == b) { Model::Gray } else { Model::Rgb },
        alpha: !covers || transparent.is_some_and(|index| frame.indices.contains(&index)),
        sixteen: false,
        chroma: Chroma::Full,
        lossless: true,
        orientation: Orientation::Upright,
        profile: None,
    };
    Ok(Box::new(Gif { native, colors, frame, next: 0, row: Vec::new() }))
}

fn palette(decoder: &Decoder<BufReader<File>>, transparent: Option<u8>) -> Result<Vec<[u8; 4]>, Failure> {
    let colors = decoder.palette().map_err(failure)?.as_chunks().0;
    let mut colors: Vec<[u8; 4]> = colors.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect();
    if let Some(index) = transparent.map(usize::from) {
        // Some files name a color beyond their palette to say "transparent".
        if index >= colors.len() {
            colors.resize(index + 1, [0, 0, 0, 255]);
        }
        colors[index] = [0; 4];
    }
    Ok(colors)
}

impl NativeRows for Gif {
    fn native(&self) -> &Native {
        &self.native
    }

    fn next_row(&mut self) -> Result<Row<'_>, Failure> {
        let Frame { indices, left, top, width, height } = &self.frame;
        let line = self.next.checked_sub(*top).filter(|line| line < height);
        let line = match line {
            Some(line) => indices.get(line * width..(line + 1) * width).ok_or_else(|| truncated(SourceFormat::Gif))?,
            None => &[],
        };
        self.next += 1;
        self.row.clear();
        for x in 0..self.native.width as usize {
            let index = x.checked_sub(*left).and_then(|x| line.get(x));
            let [r, g, b, alpha] = index.map_or([0; 4], |index| self.colors[usize::from(*index)]);
            match self.native.model {
                Model::Gray => self.row.push(g),
                Model::Rgb | Model::Cmyk => self.row.extend([r, g, b]),
            }
            if self.native.alpha {
                self.row.push(alpha);
            }
        }
        Ok(Row::Eight(&self.row))
    }
}

fn failure(error: DecodingError) -> Failure {
    match error {
        DecodingError::Io(error) => unreadable(SourceFormat::Gif, &error),
        other => corrupt(SourceFormat::Gif, other),
    }
}
