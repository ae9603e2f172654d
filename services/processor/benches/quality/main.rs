//! How good derivatives are beside those of `vips` of the same size, and whether their colours are those of the source.
//!
//! `DLCS_BENCH_PHOTOS=folder cargo bench -p processor --bench quality` with JPEG photographs in the folder, four at least;
//! words behind `--` choose pictures by a part of their names, `colour` the colours alone. The peer is the program `vips`
//! of libvips; profiles of colour are those of libvips and of Ghostscript, as far as they are installed.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool for developers: it prints figures and stops at the first failure"
)]

mod chart;
mod colour;
mod drawings;
mod levels;
mod measure;
mod photographs;
mod pictures;
mod vips;

use levels::Source;
use photographs::photographs;

fn main() {
    if !vips::is_installed() {
        println!("vips is not installed (package libvips-tools): there is nothing to compare with");
        return;
    }
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let folder = tempfile::tempdir().unwrap();
    let work = vips::Folder::new(folder.path());
    if words.iter().all(|word| word != "colour") {
        let mut worse = Vec::new();
        println!("{}", levels::HEADING);
        for picture in pictures::all(&work, &photographs()).into_iter().filter(|picture| chosen(picture.name)) {
            for source in Source::of(&picture) {
                let compared = levels::compare(&work, &picture, source);
                println!("{compared}");
                worse.extend(compared.verdicts());
            }
        }
        println!("worse than vips at the same bytes: {}", if worse.is_empty() { "nothing" } else { "" });
        worse.iter().for_each(|line| println!("  {line}"));
    }
    if chosen("colour") {
        colour::compare(&work);
    }
}
