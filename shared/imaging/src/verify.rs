//! Looks at a finished derivative with a reader's eyes, before anyone is told of it.

use std::fmt::Display;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use dlcs_jpeg::{Decoder, Output, Scale};
use dlcs_model::Failure;

use crate::derive::Derived;
use crate::failures;
use crate::geometry;
use crate::head::{Head, TileRange};

/// Checks that the head parses and says what `derived` says, that every tile lies within the file, and that one tile of
/// each level, of colour and of alpha, decodes to its exact size.
///
/// # Errors
/// `internal`: what is wrong goes to the log.
pub fn verify(derivative: &File, derived: &Derived) -> Result<(), Failure> {
    check(derivative, derived).map_err(|error| failures::ours(&error, "verify a derivative"))
}

fn check(mut file: &File, derived: &Derived) -> Result<(), String> {
    let bytes = file.seek(SeekFrom::End(0)).map_err(text)?;
    let head = Head::parse(&read(file, 0, derived.head_length)?).map_err(text)?;
    if (head.width(), head.height(), head.levels(), bytes)
        != (derived.width, derived.height, derived.levels, derived.bytes)
    {
        return Err("its sizes are not those that were made".to_owned());
    }
    if head.ranges().any(|tile| tile.offset < derived.head_length || tile.offset + u64::from(tile.length) > bytes) {
        return Err("a tile lies outside the file".to_owned());
    }
    for level in geometry::levels(derived.width, derived.height) {
        let (column, row) = (level.columns() - 1, level.rows() - 1);
        let size = level.tile_size(column, row);
        let tile = head.tile(level.index, column, row).ok_or("a tile is missing")?;
        decode(file, tile, size, head.is_gray())?;
        if let Some(tile) = head.alpha_tile(level.index, column, row) {
            decode(file, tile, size, true)?;
        }
    }
    Ok(())
}

fn decode(file: &File, tile: TileRange, size: (u32, u32), gray: bool) -> Result<(), String> {
    let jpeg = read(file, tile.offset, u64::from(tile.length))?;
    let output = if gray { Output::Gray } else { Output::Rgb };
    let mut rows = Decoder::from_bytes(&jpeg).and_then(|decoder| decoder.rows(output, Scale::Full)).map_err(text)?;
    if (rows.width(), rows.height()) != size {
        return Err(format!(
            "a tile is {} x {} pixels instead of {} x {}",
            rows.width(),
            rows.height(),
            size.0,
            size.1
        ));
    }
    let mut pixels = vec![0; size.0 as usize * size.1 as usize * output.samples()];
    let got = rows.read(&mut pixels).map_err(text)?;
    if got == size.1 as usize { Ok(()) } else { Err(format!("a tile ends after {got} rows")) }
}

fn read(file: &File, offset: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; usize::try_from(length).map_err(text)?];
    file.read_exact_at(&mut bytes, offset).map_err(text)?;
    Ok(bytes)
}

fn text(error: impl Display) -> String {
    error.to_string()
}
