//! Bands on their way from a source to the derivative built of them, on one thread or on two.

use std::sync::mpsc::{Receiver, Sender, channel};

use dlcs_model::Failure;

use super::build::{Build, Built};
use crate::bands::{Band, BandSource};
use crate::{Helper, failures};

/// How many bands there are for two threads: one in the hands of each, and one for the faster of them to go on with.
const BANDS: usize = 3;

/// Reads and builds in turn.
pub(super) fn one(source: &mut dyn BandSource, mut build: Build) -> Result<Built, Failure> {
    let mut band = build.band();
    for _ in 0..bands(source) {
        source.read(&mut band)?;
        build.push(&mut band)?;
    }
    build.finish()
}

/// Reads here while the helper builds.
pub(super) fn two(source: &mut dyn BandSource, build: Build, helper: &Helper) -> Result<Built, Failure> {
    let (full, bands) = channel();
    let (empty, again) = channel();
    (0..BANDS).for_each(|_| drop(empty.send(build.band())));
    let built = helper.give(move || take(build, &bands, &empty));
    let read = give(source, &again, &full);
    drop(full);
    // Waited for in any case: nobody writes to an image's files after this.
    let built = built.recv().map_err(|error| failures::ours(&error, "build a derivative on a second thread"))?;
    // Of a source that ends early the derivative is too short as well, and knows less of it.
    read.and(built)
}

/// Builds out of what comes, until nothing does.
fn take(mut build: Build, bands: &Receiver<Band>, again: &Sender<Band>) -> Result<Built, Failure> {
    for mut band in bands {
        build.push(&mut band)?;
        // After the last band nobody wants it.
        let _ = again.send(band);
    }
    build.finish()
}

/// Reads until the end, or until nobody takes bands any more, who then knows why.
fn give(source: &mut dyn BandSource, empty: &Receiver<Band>, full: &Sender<Band>) -> Result<(), Failure> {
    for _ in 0..bands(source) {
        let Ok(mut band) = empty.recv() else { break };
        source.read(&mut band)?;
        let _ = full.send(band);
    }
    Ok(())
}

fn bands(source: &dyn BandSource) -> u32 {
    let info = source.info();
    info.height.div_ceil(info.sampling.mcu())
}
