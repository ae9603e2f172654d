//! Image files put together by hand: PNG, GIF, WebP, JPEG and JPEG 2000.

use std::io::Write;

const PNG: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// One of the good images that mutants are made of.
pub fn seed(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/hostile_images/seeds/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What zlib makes of `count` zeros.
pub fn zeros(count: usize) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let piece = vec![0; 1 << 20];
    for _ in 0..count >> 20 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.write_all(&piece[..count % (1 << 20)]).unwrap();
    encoder.finish().unwrap()
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_be_bytes()
}

/// A chunk of a PNG.
pub fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [kind, body].concat();
    [&(body.len() as u32).to_be_bytes()[..], &named, &crc(&named)].concat()
}

/// A PNG's header; `kind` is depth, colour type and interlacing.
pub fn png_head(width: u32, height: u32, [depth, color, interlaced]: [u8; 3]) -> Vec<u8> {
    let mut body = [width.to_be_bytes(), height.to_be_bytes()].concat();
    body.extend([depth, color, 0, 0, interlaced]);
    [&PNG[..], &chunk(b"IHDR", &body)].concat()
}

/// A PNG of these chunks between its header and its end.
pub fn png(width: u32, height: u32, kind: [u8; 3], chunks: &[Vec<u8>]) -> Vec<u8> {
    [png_head(width, height, kind), chunks.concat(), chunk(b"IEND", &[])].concat()
}

/// Makes the checksums of a PNG right as far as its chunks can be followed; leaves other files alone.
pub fn mend_png(bytes: &mut [u8]) {
    if !bytes.starts_with(PNG) {
        return;
    }
    let mut at = PNG.len();
    while let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let length = u32::from_be_bytes(*length) as usize;
        let Some(named) = bytes.get(at + 4..at + 8 + length) else { return };
        let sum = crc(named);
        let Some(place) = bytes.get_mut(at + 8 + length..at + 12 + length) else { return };
        place.copy_from_slice(&sum);
        at += 12 + length;
    }
}

/// A GIF of a screen and what follows it; two colours.
pub fn gif(width: u16, height: u16, rest: &[u8]) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    file.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    file.extend(rest);
    file
}

/// A frame of a GIF with these bytes of LZW.
pub fn gif_frame(width: u16, height: u16, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![b',', 0, 0, 0, 0];
    frame.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    frame.extend([0, 2]);
    for block in data.chunks(255) {
        frame.push(block.len() as u8);
        frame.extend(block);
    }
    frame.push(0);
    frame
}

/// A WebP of these chunks.
pub fn webp(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, data) in chunks {
        body.extend(*kind);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

/// The extended header of a WebP: flags, and a canvas.
pub fn webp_canvas(flags: u8, width: u32, height: u32) -> (&'static [u8; 4], Vec<u8>) {
    let [width, height] = [width, height].map(|side| (side - 1).to_le_bytes());
    (b"VP8X", [&[flags, 0, 0, 0], &width[..3], &height[..3]].concat())
}

/// The start of a lossless picture, up to 16384 pixels a side, and its data.
pub fn webp_lossless(width: u32, height: u32, data: &[u8]) -> (&'static [u8; 4], Vec<u8>) {
    let sizes = (width - 1) | (height - 1) << 14;
    (b"VP8L", [&[0x2F], &sizes.to_le_bytes()[..], data].concat())
}

/// The start of a lossy picture, up to 16383 pixels a side, and its data.
pub fn webp_lossy(width: u16, height: u16, data: &[u8]) -> (&'static [u8; 4], Vec<u8>) {
    let sides = [width.to_le_bytes(), height.to_le_bytes()].concat();
    (b"VP8 ", [&[0x10, 0xFF, 0, 0x9D, 1, 0x2A], &sides[..], data].concat())
}

/// A segment of a JPEG.
pub fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    [&[0xFF, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
}

/// A JPEG's frame header: `marker` says which kind, three components with full colour.
pub fn frame(marker: u8, width: u16, height: u16) -> Vec<u8> {
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    segment(marker, &[&[8], &sides[..], &[3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]].concat())
}

/// A JPEG with this frame: tables of one bit a code, and what follows them.
pub fn jpeg(frame: &[u8], rest: &[u8]) -> Vec<u8> {
    let quantisation = segment(0xDB, &[&[0][..], &[1; 64]].concat());
    let table = |class: u8| segment(0xC4, &[&[class, 1][..], &[0; 15], &[0]].concat());
    [&[0xFF, 0xD8][..], &quantisation, frame, &table(0), &table(0x10), rest].concat()
}

/// A scan of all three components with these bytes; zeros are blocks of grey. Of a progressive JPEG it is the first.
pub fn scan(progressive: bool, data: &[u8]) -> Vec<u8> {
    let end = if progressive { 0 } else { 63 };
    [segment(0xDA, &[3, 1, 0, 2, 0, 3, 0, 0, end, 0]), data.to_vec()].concat()
}

/// A codestream of JPEG 2000, the seed's, with the SIZ segment changed by `change`.
pub fn codestream(change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut bytes = seed("tiles.j2k");
    // SOC, then SIZ: its marker, its length, its fields.
    let length = usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
    change(&mut bytes[6..4 + length]);
    bytes
}

/// A codestream that ends after its first tile.
pub fn first_tile(bytes: &[u8]) -> Vec<u8> {
    let at = bytes.windows(2).position(|pair| pair == [0xFF, 0x90]).unwrap();
    let length = u32::from_be_bytes(*bytes[at + 6..].first_chunk().unwrap()) as usize;
    [&bytes[..at + length], &[0xFF, 0xD9]].concat()
}

/// Changes numbers of 4 bytes: places and values.
pub fn set(body: &mut [u8], numbers: &[(usize, u32)]) {
    for (at, value) in numbers {
        body[*at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
}

/// A codestream with another coding style: the bytes after COD's marker and length.
pub fn coding(bytes: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let at = bytes.windows(2).position(|pair| pair == [0xFF, 0x52]).unwrap();
    let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    let mut body = bytes[at + 4..at + 2 + length].to_vec();
    change(&mut body);
    [&bytes[..at], &segment(0x52, &body), &bytes[at + 2 + length..]].concat()
}

/// A box of a JP2.
pub fn jp2_box(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

/// A JP2 with these boxes before the codestream.
pub fn jp2(boxes: &[Vec<u8>], codestream: &[u8]) -> Vec<u8> {
    let start = b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 ";
    [&start[..], &boxes.concat(), &jp2_box(b"jp2c", codestream)].concat()
}

/// The header box of the seed's image: its size, its colours, and more.
pub fn jp2_head(width: u32, height: u32, more: &[Vec<u8>]) -> Vec<u8> {
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    let size = jp2_box(b"ihdr", &[&sides[..], &[0, 3, 7, 7, 0, 0]].concat());
    let colours = jp2_box(b"colr", &[1, 0, 0, 0, 0, 0, 16]);
    jp2_box(b"jp2h", &[size, colours, more.concat()].concat())
}
