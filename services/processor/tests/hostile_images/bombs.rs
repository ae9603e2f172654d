//! Small files that want much memory or time: each is refused by name, or does no harm, at once and within its memory.

use std::time::{Duration, Instant};

use dlcs_imaging::source::Limits;

use crate::files::{
    chunk, codestream, coding, first_tile, frame, gif, gif_frame, jp2, jp2_box, jp2_head, jpeg, png, png_head, scan,
    segment, set, webp, webp_canvas, webp_lossless, webp_lossy, zeros,
};
use crate::lab::Lab;
use crate::tiffs::Tiff;

/// The goal is 2 s; a busy machine may take longer.
const AT_ONCE: Duration = Duration::from_secs(20);
/// The default of the setting.
const BUDGET_MB: u32 = 4096;
/// The address space of a decoder that has not asked for more.
const PEAK_MB: u64 = 512;

const MEGABYTE: usize = 1 << 20;
const RGBA: [u8; 3] = [8, 6, 0];
const INTERLACED: [u8; 3] = [8, 6, 1];
const GRAY: [u8; 3] = [8, 0, 0];

/// How a bomb ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With an error that names what is wrong.
    Refused,
    /// As the small image that it also is: what would have been large is not looked at.
    Harmless,
}
use End::{Harmless, Refused};

type Bomb = (&'static str, End, Vec<u8>);

fn pngs() -> Vec<Bomb> {
    let idat = |bytes: &[u8]| chunk(b"IDAT", bytes);
    let small = idat(&zeros(11 * 10));
    let named = |kind, name: &[u8], bytes| chunk(kind, &[name, &zeros(bytes)].concat());
    let profile = named(b"iCCP", b"p\0\0", 600 * MEGABYTE);
    let text = named(b"zTXt", b"t\0\0", 600 * MEGABYTE);
    let international = named(b"iTXt", b"t\0\x01\0\0\0", 600 * MEGABYTE);
    let animation = chunk(b"acTL", &[0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);
    let many = |kind, count| vec![chunk(kind, b"a\0b"); count].concat();
    let claims = |length: u32, kind: &[u8; 4]| [&length.to_be_bytes()[..], kind].concat();
    vec![
        ("png: largest sides", Refused, png_head(i32::MAX as u32, i32::MAX as u32, RGBA)),
        ("png: beyond the pixels", Refused, png(65_500, 65_500, RGBA, &[idat(&zeros(MEGABYTE))])),
        ("png: interlaced", Refused, png(30_000, 30_000, INTERLACED, &[idat(&zeros(MEGABYTE))])),
        ("png: one row", Refused, png(i32::MAX as u32, 1, [1, 0, 0], &[idat(&zeros(MEGABYTE))])),
        ("png: one column", Refused, png(1, i32::MAX as u32, GRAY, &[idat(&zeros(MEGABYTE))])),
        ("png: few rows of many", Refused, png(30_000, 30_000, GRAY, &[idat(&zeros(MEGABYTE))])),
        ("png: interlaced, few rows", Refused, png(11_000, 11_000, [16, 0, 1], &[idat(&zeros(MEGABYTE))])),
        ("png: no size", Refused, png(0, 0, RGBA, std::slice::from_ref(&small))),
        ("png: profile of 600 MB", Harmless, png(10, 10, GRAY, &[profile, small.clone()])),
        ("png: text of 600 MB", Harmless, png(10, 10, GRAY, &[text, small.clone()])),
        ("png: other text of 600 MB", Harmless, png(10, 10, GRAY, &[international, small.clone()])),
        ("png: rows of 600 MB", Harmless, png(10, 10, GRAY, &[idat(&zeros(600 * MEGABYTE))])),
        ("png: two thousand million frames", Harmless, png(10, 10, GRAY, &[animation, small.clone()])),
        ("png: a million texts", Harmless, png(10, 10, GRAY, &[many(b"tEXt", 1_000_000), small.clone()])),
        ("png: a chunk of 4 GB", Refused, [png_head(10, 10, GRAY), claims(u32::MAX, b"IDAT")].concat()),
        ("png: a profile of 2 GB", Refused, [png_head(10, 10, GRAY), claims(u32::MAX >> 1, b"iCCP")].concat()),
        ("png: a million empty chunks", Refused, png(10, 10, GRAY, &[vec![idat(&[]); 1_000_000].concat()])),
    ]
}

fn gifs() -> Vec<Bomb> {
    let dot = gif_frame(1, 1, &[0x44, 1]);
    let end = b";";
    let comments = b"!\xFE\x01a\0".repeat(1_000_000);
    let frames = dot.repeat(500_000);
    // Clear codes alone: there is never a pixel.
    let nothing = gif_frame(15_000, 15_000, &[0x24, 0x49, 0x92].repeat(MEGABYTE));
    vec![
        ("gif: largest screen", Refused, gif(65_535, 65_535, &[&dot[..], end].concat())),
        ("gif: largest frame", Refused, gif(1, 1, &gif_frame(65_535, 65_535, &[0x44, 1]))),
        ("gif: few pixels of a large frame", Refused, gif(15_000, 15_000, &gif_frame(15_000, 15_000, &[0x44, 1]))),
        ("gif: codes without pixels", Refused, gif(15_000, 15_000, &nothing)),
        ("gif: a million comments and no frame", Refused, gif(10, 10, &[&comments[..], end].concat())),
        ("gif: half a million frames", Harmless, gif(1, 1, &[&frames[..], end].concat())),
        ("gif: no size", Refused, gif(0, 0, &[&dot[..], end].concat())),
    ]
}

fn webps() -> Vec<Bomb> {
    let junk = vec![(b"JUNK", Vec::new()); 1_000_000];
    let animation = [webp_canvas(2, 1 << 24, 1 << 24), (b"ANIM", vec![0; 6]), (b"ANMF", vec![0; 64])];
    let mut long = webp(&[webp_canvas(0x20, 10, 10), (b"ICCP", vec![0; 8])]);
    long[34..38].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut metadata = webp(&[webp_canvas(8, 10, 10), webp_lossless(10, 10, &[0; 9]), (b"EXIF", vec![0; 8])]);
    let at = metadata.len() - 12;
    metadata[at..at + 4].copy_from_slice(&2_000_000_000_u32.to_le_bytes());
    // One colour: no tables, and five codes of one symbol each.
    let single = [0x88, 0x88, 0x08, 0, 0, 0, 0, 0];
    vec![
        ("webp: lossless, largest", Refused, webp(&[webp_lossless(16_384, 16_384, &single)])),
        ("webp: lossless, few bits", Refused, webp(&[webp_lossless(15_000, 15_000, &[0xFF; 9])])),
        ("webp: lossless, one bit", Refused, webp(&[webp_lossless(15_000, 15_000, &[0])])),
        ("webp: lossy, largest", Refused, webp(&[webp_lossy(16_383, 16_383, &[0; 64])])),
        ("webp: lossy, few blocks", Refused, webp(&[webp_lossy(15_000, 15_000, &[0; 64])])),
        ("webp: canvas", Refused, webp(&[webp_canvas(0, 1 << 24, 1 << 24), webp_lossy(10, 10, &[0; 64])])),
        ("webp: animated canvas", Refused, webp(&animation)),
        ("webp: a profile of 4 GB", Refused, long),
        ("webp: metadata of 2 GB", Refused, metadata),
        ("webp: a million chunks", Refused, webp(&junk)),
    ]
}

fn jpegs() -> Vec<Bomb> {
    let zeros = vec![0; MEGABYTE / 4];
    let eoi: &[u8] = &[0xFF, 0xD9];
    let large = |marker| frame(marker, 65_535, 65_535);
    let scans = [scan(true, &[0; 542]).repeat(5_000), eoi.to_vec()].concat();
    let components = segment(0xC0, &[&[8, 0, 10, 0, 10, 255][..], &[1, 0x11, 0].repeat(255)].concat());
    let fills = [&[0xFF; MEGABYTE][..], eoi].concat();
    let metadata = segment(0xE1, &[b'x'; 65_000]).repeat(1_200);
    let restarts = [segment(0xDD, &[0, 1]), scan(false, &[0xFF, 0xD0, 0xFF, 0xD1].repeat(MEGABYTE))].concat();
    vec![
        ("jpeg: largest sides", Refused, jpeg(&large(0xC0), &scan(false, &zeros))),
        ("jpeg: progressive, largest", Refused, jpeg(&large(0xC2), &scan(true, &zeros))),
        ("jpeg: beyond the pixels", Refused, jpeg(&frame(0xC0, 65_500, 65_500), &scan(false, &zeros))),
        ("jpeg: progressive, beyond", Refused, jpeg(&frame(0xC2, 30_000, 30_000), &scan(true, &zeros))),
        ("jpeg: few blocks of many", Refused, jpeg(&frame(0xC0, 30_000, 30_000), &scan(false, &zeros))),
        ("jpeg: progressive, few blocks", Refused, jpeg(&frame(0xC2, 15_000, 15_000), &scan(true, &zeros))),
        ("jpeg: thousands of scans", Refused, jpeg(&frame(0xC2, 300, 300), &scans)),
        ("jpeg: height to come", Refused, jpeg(&frame(0xC0, 65_500, 0), &scan(false, &zeros))),
        ("jpeg: 255 components", Refused, jpeg(&components, eoi)),
        ("jpeg: fill bytes", Refused, jpeg(&frame(0xC0, 100, 100), &fills)),
        ("jpeg: 78 MB of metadata", Refused, jpeg(&[metadata, frame(0xC0, 9, 9)].concat(), eoi)),
        ("jpeg: restarts alone", Refused, jpeg(&frame(0xC0, 15_000, 15_000), &restarts)),
    ]
}

fn tiffs() -> Vec<Bomb> {
    let small = || Tiff::new(10, 10, 1, vec![0; 100]);
    let deflated = |bytes| Tiff::new(10, 10, 8, zeros(bytes));
    let packed = |rows| Tiff::new(10, rows, 32_773, [0x81, 0].repeat(MEGABYTE / 2));
    let lzw =
        weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&vec![0; 64 * MEGABYTE]).unwrap();
    let reduced = small().with(254, 4, 1, 1);
    let itself = reduced.directory();
    let inner = jpeg(&frame(0xC0, 65_500, 65_500), &scan(false, &[0; 99]));
    let progressive = jpeg(&frame(0xC2, 15_000, 15_000), &scan(true, &[0; 99]));
    vec![
        ("tiff: largest sides", Refused, Tiff::new(u32::MAX, u32::MAX, 1, vec![0; 9]).bytes()),
        ("tiff: one row", Refused, Tiff::new(u32::MAX, 1, 1, vec![0; 9]).bytes()),
        ("tiff: beyond the pixels", Refused, Tiff::new(60_000, 60_000, 8, zeros(MEGABYTE)).bytes()),
        ("tiff: few rows of many", Refused, Tiff::new(30_000, 30_000, 8, zeros(MEGABYTE)).bytes()),
        ("tiff: all rows a strip", Refused, Tiff::new(30_000, 30_000, 8, zeros(9)).with(278, 4, 1, !0).bytes()),
        ("tiff: turned", Refused, Tiff::new(30_000, 30_000, 8, zeros(9)).with(274, 3, 1, 6).bytes()),
        ("tiff: strip of 1 GB", Harmless, deflated(1024 * MEGABYTE).bytes()),
        ("tiff: LZW of 64 MB", Harmless, Tiff::new(10, 10, 5, lzw.clone()).bytes()),
        ("tiff: LZW, few rows", Refused, Tiff::new(30_000, 30_000, 5, lzw).bytes()),
        ("tiff: runs", Harmless, packed(10).bytes()),
        ("tiff: runs, few rows", Refused, packed(60_000_000).bytes()),
        (
            "tiff: fax without end",
            Refused,
            Tiff::new(60_000, 60_000, 4, vec![0xFF; MEGABYTE]).with(258, 3, 1, 1).bytes(),
        ),
        ("tiff: fax, few rows", Refused, Tiff::new(60_000, 10_000, 4, vec![0; 99]).with(258, 3, 1, 1).bytes()),
        ("tiff: largest tiles", Refused, small().tiles(!0, !0).bytes()),
        ("tiff: wide tiles", Refused, Tiff::new(60_000, 10, 1, vec![0; 9]).tiles(65_000, 65_000).bytes()),
        ("tiff: tiny tiles", Refused, Tiff::new(30_000, 30_000, 1, vec![0; 9]).tiles(1, 1).bytes()),
        ("tiff: no rows a strip", Refused, small().with(278, 4, 1, 0).bytes()),
        ("tiff: samples", Refused, small().with(277, 4, 1, !0).bytes()),
        ("tiff: bits", Refused, small().with(258, 4, 1, !0).bytes()),
        ("tiff: offsets without end", Refused, small().with(273, 4, u32::MAX.into(), 0).bytes()),
        ("tiff: profile without end", Refused, small().with(34_675, 7, u32::MAX.into(), 8).bytes()),
        ("tiff: big numbers", Refused, small().big().with(273, 16, u64::MAX, u64::MAX).bytes()),
        ("tiff: directory far away", Harmless, small().big().next(u64::MAX).bytes()),
        ("tiff: directories in a circle", Harmless, reduced.next(itself).bytes()),
        ("tiff: JPEG larger than its tile", Refused, Tiff::new(16, 16, 7, inner).tiles(16, 16).bytes()),
        ("tiff: progressive JPEG", Refused, Tiff::new(15_000, 15_000, 7, progressive).bytes()),
        ("tiff: thousands of tags", Refused, [&b"II*\0\x08\0\0\0"[..], &[0xFF; 12 * 65_535]].concat()),
    ]
}

fn jpeg_2000s() -> Vec<Bomb> {
    // Fields of SIZ: the image's sides, its offset, the tiles' sides, their offset, how many components.
    let sized = |numbers: &[(usize, u32)]| codestream(|body| set(body, numbers));
    let components = codestream(|body| body[34..36].copy_from_slice(&16_384_u16.to_be_bytes()));
    let shared = codestream(|body| body[36..45].copy_from_slice(&[7, 255, 255, 7, 255, 255, 7, 255, 255]));
    let tiny = |width, height| [(2, width), (6, height), (18, width), (22, height)];
    let one = first_tile(&sized(&tiny(6_000, 6_000)));
    let blocks = coding(&one, |body| body[6..8].fill(0));
    let layers = coding(&one, |body| {
        body[3] = 32;
        body[6..8].fill(0);
    });
    let palette = jp2_box(b"pclr", &[&[4, 0, 255][..], &[7; 255], &[0; 400]].concat());
    let good = codestream(|_| ());
    // Precincts of 1 x 1 and 2 x 2 pixels, at every resolution.
    let precincts = |bytes: &[u8], size: u8| {
        coding(bytes, |body| {
            body[0] |= 1;
            body.extend(vec![size; usize::from(body[5]) + 1]);
        })
    };
    let nested = (0..20_000).fold(Vec::new(), |inner, _| jp2_box(b"jp2h", &inner[..inner.len().min(60_000)]));
    vec![
        ("jp2: largest sides", Refused, sized(&tiny(!0, !0))),
        ("jp2: beyond the memory", Refused, sized(&tiny(15_000, 15_000))),
        ("jp2: few bytes of many", Refused, first_tile(&sized(&tiny(6_000, 6_000)))),
        ("jp2: tiles without end", Refused, sized(&[(2, 65_000), (6, 65_000), (18, 1), (22, 1)])),
        ("jp2: millions of tiles", Refused, sized(&[(2, 4_000), (6, 4_000), (18, 1), (22, 1)])),
        ("jp2: no tiles", Refused, sized(&[(18, 0), (22, 0)])),
        ("jp2: offset", Refused, sized(&[(10, !0), (14, !0)])),
        ("jp2: offset of tiles", Refused, sized(&[(26, !0), (30, !0)])),
        ("jp2: 16384 components", Refused, components),
        ("jp2: shared samples", Refused, shared),
        ("jp2: precincts of a pixel", Refused, precincts(&good, 0)),
        ("jp2: millions of precincts", Refused, precincts(&one, 0x11)),
        ("jp2: more precincts than pixels", Refused, precincts(&one, 0)),
        ("jp2: wide precincts", Refused, precincts(&first_tile(&sized(&tiny(65_000, 1_000))), 0x1F)),
        ("jp2: millions of blocks", Refused, blocks),
        ("jp2: millions of blocks in layers", Refused, layers),
        ("jp2: 60000 tiles", Refused, sized(&[(2, 60_000), (6, 1_000), (18, 1_000), (22, 1)])),
        ("jp2: 65535 layers", Refused, coding(&good, |body| body[2..4].fill(0xFF))),
        ("jp2: 255 levels", Refused, coding(&good, |body| body[5] = 255)),
        ("jp2: 32 levels", Refused, coding(&good, |body| body[5] = 32)),
        ("jp2: blocks", Refused, coding(&good, |body| body[6..8].fill(0xFF))),
        ("jp2: palette", Harmless, jp2(&[jp2_head(120, 90, &[palette])], &good)),
        ("jp2: boxes in boxes", Harmless, jp2(&[nested], &good)),
        ("jp2: a million boxes", Refused, jp2(&[jp2_box(b"free", &[]).repeat(1_000_000)], &good)),
        ("jp2: no codestream", Refused, jp2(&[jp2_head(120, 90, &[])], &[])),
    ]
}

/// Sets off a bomb and says what is wrong with how it ended; prints how long it took and what it held.
async fn defuse((name, end, bytes): Bomb) -> (Duration, Option<String>) {
    let lab = Lab::new(&name.replace(' ', "-"), BUDGET_MB, Limits::default(), AT_ONCE);
    let start = Instant::now();
    let verdict = lab.derive(0, &bytes).await;
    let took = start.elapsed();
    let peak = lab.peak_mb();
    let said = verdict.result.as_ref().map_or_else(ToString::to_string, |_| "right".to_owned());
    let size = bytes.len().div_ceil(1024);
    println!(
        "{name}: {size} KB, {:.2} s, {} MB, {said}",
        took.as_secs_f64(),
        peak.map_or_else(|| "?".into(), |mb| mb.to_string())
    );
    let ended = if verdict.is_refused() { Some(Refused) } else { verdict.result.is_ok().then_some(Harmless) };
    let fault = if ended != Some(end) {
        Some(format!("{name} is not {end:?}: {said}"))
    } else if took > AT_ONCE {
        Some(format!("{name} takes {took:?}"))
    } else {
        peak.filter(|peak| *peak > PEAK_MB).map(|peak| format!("{name} holds {peak} MB"))
    };
    (took, fault)
}

#[tokio::test]
async fn bombs_do_not_go_off() {
    let bombs = [pngs(), gifs(), webps(), jpegs(), tiffs(), jpeg_2000s()].concat();
    assert!(bombs.len() >= 60, "only {} bombs", bombs.len());
    let (count, mut slowest, mut faults) = (bombs.len(), Duration::ZERO, Vec::new());
    for bomb in bombs {
        let (took, fault) = defuse(bomb).await;
        slowest = slowest.max(took);
        faults.extend(fault);
    }
    println!("{count} bombs, the slowest {:.2} s", slowest.as_secs_f64());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
