//! The bytes of one strip or tile, decompressed as a stream.

use std::fs::File;
use std::io::{BufReader, Cursor, Error, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use dlcs_jpeg::{Decoder, Output, Scale};
use dlcs_model::{Failure, SourceFormat};
use flate2::read::ZlibDecoder;
use weezl::{BitOrder, LzwStatus};

use super::ccitt::Fax;
use super::layout::{Compression, Layout, Photometric};
use crate::source::Limits;
use crate::source::jpeg;
use crate::source::native::{corrupt, unreadable};

/// Opens chunk `index`, which has `rows` rows of pixels inside the image. The stream gives rows as they were before
/// compression, all of the chunk's width, and ends early only if the file is damaged.
pub(super) fn open(
    file: &Arc<File>,
    layout: &Layout,
    index: usize,
    rows: u32,
    limits: &Limits,
) -> Result<Box<dyn Read + Send>, Failure> {
    let (offset, length) = layout.chunks[index];
    let section = Section { file: Arc::clone(file), offset, left: length, reversed: layout.reversed };
    let width = layout.chunk_width;
    Ok(match layout.compression {
        Compression::None => Box::new(buffered(section)),
        // These two define their own order of bits.
        Compression::Deflate => Box::new(ZlibDecoder::new(buffered(Section { reversed: false, ..section }))),
        Compression::Lzw => Box::new(Lzw::new(Section { reversed: false, ..section })),
        Compression::PackBits => Box::new(PackBits { input: buffered(section), run: Run::Literal, left: 0 }),
        Compression::Rle | Compression::Group3 { .. } | Compression::Group4 => {
            Box::new(Fax::new(buffered(section), width, layout.compression))
        }
        Compression::Jpeg => Box::new(Cursor::new(jpeg_pixels(section, layout, rows, limits)?)),
    })
}

fn buffered(section: Section) -> BufReader<Section> {
    /// Bytes read from the file at once.
    const BUFFER: u64 = 32 * 1024;
    BufReader::with_capacity(section.left.clamp(1, BUFFER) as usize, section)
}

/// A part of the file, read by position so that many can be open at once.
pub(super) struct Section {
    file: Arc<File>,
    offset: u64,
    left: u64,
    /// Turn the bits of each byte around.
    reversed: bool,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.file.read_at(&mut buffer[..want], self.offset)?;
        self.offset += count as u64;
        self.left -= count as u64;
        if self.reversed {
            buffer[..count].iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        Ok(count)
    }
}

/// LZW of TIFF 6.0: highest bit first, codes grow one entry early.
struct Lzw {
    input: BufReader<Section>,
    decoder: weezl::decode::Decoder,
}

impl Lzw {
    fn new(section: Section) -> Self {
        let configuration = weezl::decode::Configuration::with_tiff_size_switch(BitOrder::Msb, 8);
        Self { input: buffered(section), decoder: configuration.with_yield_on_full_buffer(true).build() }
    }
}

impl Read for Lzw {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        use std::io::BufRead;
        loop {
            let result = self.decoder.decode_bytes(self.input.fill_buf()?, buffer);
            self.input.consume(result.consumed_in);
            match result.status {
                Ok(LzwStatus::Ok) if result.consumed_out == 0 => {}
                Ok(LzwStatus::NoProgress) if result.consumed_out == 0 => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(LzwStatus::Ok | LzwStatus::Done | LzwStatus::NoProgress) => return Ok(result.consumed_out),
                Err(error) => return Err(Error::new(ErrorKind::InvalidData, error)),
            }
        }
    }
}

/// Apple's run lengths.
struct PackBits<R> {
    input: R,
    run: Run,
    left: usize,
}

enum Run {
    Literal,
    Repeat(u8),
}

impl<R: Read> PackBits<R> {
    /// Goes to the next run; false at the end of the input.
    fn start_run(&mut self) -> std::io::Result<bool> {
        let mut byte = [0];
        if self.input.read(&mut byte)? == 0 {
            return Ok(false);
        }
        match byte[0] {
            // Defined to mean nothing.
            128 => {}
            literal @ 0..=127 => (self.run, self.left) = (Run::Literal, usize::from(literal) + 1),
            repeat => {
                self.input.read_exact(&mut byte)?;
                (self.run, self.left) = (Run::Repeat(byte[0]), 257 - usize::from(repeat));
            }
        }
        Ok(true)
    }
}

impl<R: Read> Read for PackBits<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            if self.left == 0 {
                if !self.start_run()? {
                    break;
                }
                continue;
            }
            let count = self.left.min(buffer.len() - done);
            let part = &mut buffer[done..done + count];
            match self.run {
                Run::Literal => self.input.read_exact(part)?,
                Run::Repeat(byte) => part.fill(byte),
            }
            self.left -= count;
            done += count;
        }
        Ok(done)
    }
}

/// Decodes a chunk that is a JPEG, with the file's common tables or its own.
fn jpeg_pixels(mut section: Section, layout: &Layout, rows: u32, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    section.read_to_end(&mut bytes).map_err(|error| unreadable(SourceFormat::Tiff, &error))?;
    let bytes = joined(&layout.jpeg_tables, &bytes, layout);
    let decoder = Decoder::from_bytes(&bytes).map_err(damaged)?;
    let header = decoder.header();
    let (width, height) = (header.width, header.height);
    // All rows, or for the last strip only those inside the image.
    if width != layout.chunk_width || height < rows || (height > rows && height > layout.chunk_height) {
        let detail = format!("a JPEG of {width} x {height} pixels is in a place for {} x {rows}", layout.chunk_width);
        return Err(corrupt(SourceFormat::Tiff, detail));
    }
    limits.admit(width, height, true)?;
    let output = match (layout.chunk_samples(), &layout.photometric) {
        (1, _) => Output::Gray,
        (_, Photometric::Rgb | Photometric::YCbCr { .. }) => Output::Rgb,
        (4, Photometric::Cmyk) => Output::Cmyk,
        _ => return Err(corrupt(SourceFormat::Tiff, "its JPEGs have other samples than announced")),
    };
    if output.samples() != layout.chunk_samples() || header.sampling.len() != output.samples() {
        return Err(corrupt(SourceFormat::Tiff, "its JPEGs have other samples than announced"));
    }
    let mut pixels = vec![0; width as usize * height as usize * output.samples()];
    let mut decoder = decoder.rows(output, Scale::Full).map_err(damaged)?;
    let mut done = 0;
    while done < pixels.len() {
        let count = decoder.read(&mut pixels[done..]).map_err(damaged)?;
        if count == 0 {
            return Err(corrupt(SourceFormat::Tiff, "a JPEG in it ends early"));
        }
        done += count * width as usize * output.samples();
    }
    Ok(pixels)
}

/// One JPEG of the common tables and a chunk's own data. A marker tells how its colours are stored, which JPEGs inside
/// a TIFF leave to the TIFF.
fn joined(tables: &[u8], data: &[u8], layout: &Layout) -> Vec<u8> {
    /// An Adobe marker up to its last byte, the colour transform.
    const ADOBE: &[u8] = b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0";
    const START: &[u8] = b"\xFF\xD8";
    const END: &[u8] = b"\xFF\xD9";
    let transform = u8::from(matches!(layout.photometric, Photometric::YCbCr { .. }));
    let tables = tables.strip_prefix(START).unwrap_or(tables);
    let tables = tables.strip_suffix(END).unwrap_or(tables);
    let mut bytes = [START, ADOBE, &[transform], tables].concat();
    bytes.extend(data.strip_prefix(START).unwrap_or(data));
    bytes
}

/// A failure of a JPEG inside: the TIFF's damage, unless it is something else altogether.
fn damaged(error: dlcs_jpeg::Error) -> Failure {
    match error.kind {
        dlcs_jpeg::ErrorKind::NotJpeg | dlcs_jpeg::ErrorKind::Corrupt => corrupt(SourceFormat::Tiff, error),
        _ => jpeg::failure(error),
    }
}
