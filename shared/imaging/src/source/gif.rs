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

    /// The frame, which is decoded when the file is opened.
    fn memory(&self) -> u64 {
        self.frame.indices.len() as u64
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

#[cfg(test)]
mod tests {
    use crate::source::Channels;
    use crate::source::fixtures::{decode, fails, torture};
    use dlcs_model::FailureCode;

    fn encode(canvas: (u16, u16), palette: &[u8], frame: gif::Frame<'_>) -> Vec<u8> {
        let mut file = Vec::new();
        gif::Encoder::new(&mut file, canvas.0, canvas.1, palette).unwrap().write_frame(&frame).unwrap();
        file
    }

    fn frame(width: u16, height: u16, indices: &[u8]) -> gif::Frame<'_> {
        gif::Frame { width, height, buffer: indices.into(), ..gif::Frame::default() }
    }

    const COLORS: [u8; 12] = [1, 2, 3, 40, 50, 60, 70, 80, 90, 200, 210, 220];

    #[test]
    fn colors_are_exact() {
        let (info, pixels) = decode(&encode((3, 2), &COLORS, frame(3, 2, &[0, 1, 2, 3, 2, 1]))).unwrap();
        assert_eq!((info.width, info.height, info.alpha, info.channels), (3, 2, false, Channels::Rgb));
        let wanted = [1, 2, 3, 40, 50, 60, 70, 80, 90, 200, 210, 220, 70, 80, 90, 40, 50, 60];
        assert_eq!(pixels, wanted);
    }

    #[test]
    fn a_frame_stands_on_its_canvas() {
        let plan = gif::Frame { left: 1, top: 1, ..frame(2, 1, &[3, 1]) };
        let (info, pixels) = decode(&encode((3, 3), &COLORS, plan)).unwrap();
        assert!(info.alpha);
        let mut wanted = [0; 36];
        wanted[16..24].copy_from_slice(&[200, 210, 220, 255, 40, 50, 60, 255]);
        assert_eq!(pixels, wanted);
    }

    #[test]
    fn transparency_counts_where_it_is_used() {
        let used = gif::Frame { transparent: Some(1), ..frame(2, 1, &[0, 1]) };
        assert_eq!(decode(&encode((2, 1), &COLORS, used)).unwrap().1, [1, 2, 3, 255, 0, 0, 0, 0]);
        let unused = gif::Frame { transparent: Some(3), ..frame(2, 1, &[0, 1]) };
        assert_eq!(decode(&encode((2, 1), &COLORS, unused)).unwrap().1, [1, 2, 3, 40, 50, 60]);
    }

    #[test]
    fn gray_stays_gray_and_interlacing_is_undone() {
        let indices: Vec<u8> = (0..16).map(|n| n % 4).collect();
        let plan = gif::Frame { interlaced: true, ..frame(1, 16, &indices) };
        let (info, pixels) = decode(&encode((1, 16), &[0, 0, 0, 9, 9, 9, 99, 99, 99, 255, 255, 255], plan)).unwrap();
        assert_eq!(info.channels, Channels::Gray);
        // The encoder writes rows as it gets them; interlaced, they are rows 0, 8, 4, 12, 2, 6, ...
        let order = [0, 8, 4, 12, 2, 6, 10, 14, 1, 3, 5, 7, 9, 11, 13, 15];
        let mut wanted = [0; 16];
        for (stored, row) in order.into_iter().enumerate() {
            wanted[row] = [0, 9, 99, 255][stored % 4];
        }
        assert_eq!(pixels, wanted);
    }

    #[test]
    fn damage_is_found() {
        let indices: Vec<u8> = (0..4000u32).map(|n| (n * n / 7 % 4) as u8).collect();
        let file = encode((80, 50), &COLORS, frame(80, 50, &indices));
        torture(&file, file.len() - 8);
        assert_eq!(fails(&file[..file.len() / 2]), Some(FailureCode::CorruptImage));
        assert_eq!(fails(&encode((2, 1), &COLORS[..6], frame(2, 1, &[0, 3]))), Some(FailureCode::CorruptImage));
    }
}
