//! Drawings, as SVG that `vips` renders.

use std::fmt::Write as _;

use crate::measure::Pixels;
use crate::pictures::noise;
use crate::vips::Folder;

/// Width and height of each drawing.
const SIZE: (usize, usize) = (2400, 2000);

const WORDS: [&str; 16] = [
    "archive", "of", "the", "library", "shelf", "page", "and", "printed", "letters", "in", "a", "volume", "with",
    "plates", "1786", "folio",
];

/// A number from 0 to `below`, as random as the noise.
fn dice(n: usize, which: usize, below: f64) -> f64 {
    (noise(n, which, 3) * 1e4).rem_euclid(1.0) * below
}

fn words(line: usize, count: usize) -> String {
    let pick = |n: usize| WORDS[dice(line * 100 + n, 1, WORDS.len() as f64) as usize];
    (0..count).map(pick).collect::<Vec<_>>().join(" ")
}

fn render(work: &Folder, background: &str, content: &str) -> Pixels {
    let (width, height) = SIZE;
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>\
         <rect width='100%' height='100%' fill='{background}'/>{content}</svg>"
    );
    std::fs::write(work.file("drawing.svg"), svg).unwrap();
    work.vips("flatten drawing.svg drawing.v");
    work.pixels("drawing.v")
}

/// A printed page, brown on cream, with a heading and an initial in red.
pub fn page(work: &Folder) -> Pixels {
    let mut svg = "<g font-family='Liberation Serif, serif' fill='#2a2018'>\
        <text x='300' y='200' font-size='96'>Of Shelves and Folios</text>"
        .to_owned();
    for line in 0..38 {
        let text = words(line, 16);
        write!(svg, "<text x='220' y='{}' font-size='{}'>{text}</text>", 300 + line * 43, 26 + line % 3 * 4).unwrap();
    }
    svg.push_str("<text x='80' y='400' font-size='180' fill='#b01818'>A</text></g>");
    render(work, "#efe6d2", &svg)
}

fn curve(n: usize) -> String {
    let point = |step: usize| {
        let (x, y) = (step as f64 * 300.0 + dice(n, step, 200.0) - 100.0, n as f64 * 24.0 + dice(n, step + 50, 160.0));
        format!("{x:.1},{y:.1}")
    };
    (0..10).map(point).collect::<Vec<_>>().join(" ")
}

/// Flat fills, thin lines in colours, small lettering.
pub fn map(work: &Folder) -> Pixels {
    const FILLS: [&str; 5] = ["#cfe8b8", "#f4e4b0", "#b8d8f0", "#e8c8d8", "#ffffff"];
    const LINES: [&str; 5] = ["#c02020", "#2040c0", "#208030", "#a06010", "#404040"];
    let mut svg = String::new();
    for n in 0..60 {
        let (x, y) = (dice(n, 20, 2400.0) - 200.0, dice(n, 21, 2000.0) - 200.0);
        let (width, height) = (150.0 + dice(n, 22, 500.0), 150.0 + dice(n, 23, 400.0));
        let fill = FILLS[n % FILLS.len()];
        write!(svg, "<ellipse cx='{x:.0}' cy='{y:.0}' rx='{width:.0}' ry='{height:.0}' fill='{fill}'/>").unwrap();
    }
    for n in 0..90 {
        let (width, stroke) = (1.0 + (n % 4) as f64 * 0.6, LINES[n % LINES.len()]);
        write!(svg, "<polyline points='{}' fill='none' stroke='{stroke}' stroke-width='{width}'/>", curve(n)).unwrap();
    }
    for n in 0..500 {
        let (x, y) = (dice(n, 30, 2300.0), dice(n, 31, 1990.0));
        let (size, fill) = (13 + n % 4 * 3, LINES[n % LINES.len()]);
        let text = words(n, 2);
        write!(
            svg,
            "<text x='{x:.0}' y='{y:.0}' font-size='{size}' fill='{fill}' font-family='sans-serif'>{text}</text>"
        )
        .unwrap();
    }
    render(work, "#f8f4e8", &svg)
}

/// Black lines on white, with hatching.
pub fn lines(work: &Folder) -> Pixels {
    let mut svg = String::new();
    for n in 0..90 {
        let width = 1.0 + (n % 5) as f64;
        write!(svg, "<polyline points='{}' fill='none' stroke='black' stroke-width='{width}'/>", curve(n)).unwrap();
    }
    for n in 0..300 {
        let (x, y) = (400 + n * 5, 700 + dice(n, 40, 60.0) as usize);
        write!(svg, "<path d='M{x} {y}l90 420' stroke='black' stroke-width='1.4'/>").unwrap();
    }
    for n in 0..60 {
        let (x, y) = (dice(n, 41, 2000.0), dice(n, 42, 1900.0));
        let text = words(n, 3);
        write!(svg, "<text x='{x:.0}' y='{y:.0}' font-size='30' font-family='sans-serif'>{text}</text>").unwrap();
    }
    render(work, "white", &svg)
}

/// Saturated colours beside each other: lettering in red on blue, green on magenta, and back.
pub fn signs(work: &Folder) -> Pixels {
    const COLOURS: [[&str; 2]; 4] =
        [["#0000d0", "#f01010"], ["#d000c0", "#00c020"], ["#e01010", "#10e0e0"], ["#107010", "#f0e000"]];
    let mut svg = "<g font-family='Liberation Sans, sans-serif' font-weight='bold'>".to_owned();
    for line in 0..40 {
        let ([ground, letters], size) = (COLOURS[line / 10], 22 + line % 5 * 6);
        let (y, text) = (line * 50, words(line, 14));
        write!(svg, "<rect y='{y}' width='2400' height='50' fill='{ground}'/>").unwrap();
        write!(svg, "<text x='60' y='{}' font-size='{size}' fill='{letters}'>{text}</text>", y + 40).unwrap();
    }
    svg.push_str("</g>");
    render(work, "#0000d0", &svg)
}
