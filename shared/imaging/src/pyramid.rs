//! Builds the levels of a pyramid in one pass from top to bottom: each band is encoded into the tiles it crosses and halved
//! into the band of the next level. Memory is a band and a row of encoders for each level, whatever the image's height.

use dlcs_jpeg::{Encoder, Plane, Sampling, Steps};
use dlcs_model::Failure;
use dlcs_model::limits::TILE_SIDE;

use crate::failures;
use crate::geometry::{self, Level};
use crate::head::{LevelIndex, TileRange};
use crate::planes::Planes;
use crate::thumbnails::Kept;

/// Where finished JPEGs go.
pub(crate) trait Sink {
    /// Appends a JPEG and says where it lies.
    fn append(&mut self, jpeg: &[u8]) -> Result<TileRange, Failure>;
}

/// A pyramid being built.
pub(crate) struct Pyramid {
    levels: Vec<Stage>,
}

/// One level being built.
struct Stage {
    band: Planes,
    /// Pixel rows of `band` that the level above has filled.
    filled: u32,
    /// Pixel rows that are encoded.
    done: u32,
    quality: u8,
    /// Those of the source, when this is its full size.
    steps: Steps,
    columns: Vec<Column>,
    index: LevelIndex,
    kept: Option<Kept>,
}

/// The tile of one column that is being encoded.
struct Column {
    tile: Encoder,
    /// The exact-size twin of a tile that the edge cuts.
    twin: Option<Encoder>,
    cut: bool,
}

impl Pyramid {
    /// A pyramid for an image of this size; levels with a size in `keep` also keep their samples.
    pub fn new(
        width: u32,
        height: u32,
        sampling: Sampling,
        quality: u8,
        keep: impl Fn(&Level) -> bool,
    ) -> Result<Self, Failure> {
        let stage = |level: Level| Stage::new(level, sampling, quality, keep(&level));
        Ok(Self { levels: geometry::levels(width, height).into_iter().map(stage).collect::<Result<_, _>>()? })
    }

    /// Says in what steps the planes of the full size were stored before.
    pub fn set_steps(&mut self, steps: Steps) {
        self.levels[0].steps = steps;
    }

    /// The band of the full size, to be filled before [`Self::push`].
    pub fn band(&mut self) -> &mut Planes {
        &mut self.levels[0].band
    }

    /// Takes the first `rows` pixel rows of [`Self::band`]: a whole band, or what is left of the image.
    pub fn push(&mut self, rows: u32, sink: &mut impl Sink) -> Result<(), Failure> {
        let mut rows = rows;
        for at in 0..self.levels.len() {
            let (stages, below) = self.levels.split_at_mut(at + 1);
            let stage = &mut stages[at];
            stage.encode(rows, sink)?;
            let Some(next) = below.first_mut() else { break };
            stage.band.halve_into(rows, &mut next.band, next.filled);
            next.filled += rows.div_ceil(2);
            if next.filled < next.band.sampling().mcu() && stage.done < stage.index.level.height {
                break;
            }
            rows = std::mem::take(&mut next.filled);
        }
        Ok(())
    }

    /// Where the tiles are, and the samples of the levels that were to be kept, largest first.
    pub fn finish(self) -> (Vec<LevelIndex>, Vec<Kept>) {
        let (indexes, kept): (Vec<_>, Vec<_>) = self.levels.into_iter().map(|stage| (stage.index, stage.kept)).unzip();
        (indexes, kept.into_iter().flatten().collect())
    }
}

impl Stage {
    fn new(level: Level, sampling: Sampling, quality: u8, keep: bool) -> Result<Self, Failure> {
        let column = |_| Ok(Column { tile: Encoder::new()?, twin: None, cut: false });
        Ok(Self {
            band: Planes::new(level.width, sampling),
            filled: 0,
            done: 0,
            quality,
            steps: Steps::UNKNOWN,
            columns: (0..level.columns()).map(column).collect::<Result<_, _>>().map_err(|e| failures::encoder(&e))?,
            index: LevelIndex::empty(level),
            kept: keep.then(|| Kept::new(level.width, level.height, sampling)),
        })
    }

    /// Encodes the first `rows` rows of the band.
    fn encode(&mut self, rows: u32, sink: &mut impl Sink) -> Result<(), Failure> {
        self.band.pad(rows);
        if let Some(kept) = &mut self.kept {
            kept.push(&self.band, rows);
        }
        let row = self.done / TILE_SIDE;
        if self.done.is_multiple_of(TILE_SIDE) {
            self.start_tiles(row).map_err(|e| failures::encoder(&e))?;
        }
        self.encode_band().map_err(|e| failures::encoder(&e))?;
        self.done += rows;
        if self.done.is_multiple_of(TILE_SIDE) || self.done == self.index.level.height {
            self.finish_tiles(row, sink)?;
        }
        Ok(())
    }

    fn start_tiles(&mut self, row: u32) -> Result<(), dlcs_jpeg::Error> {
        let sampling = self.band.sampling();
        for (number, column) in (0..).zip(&mut self.columns) {
            let (width, height) = self.index.level.tile_size(number, row);
            column.tile.start_like(TILE_SIDE, TILE_SIDE, sampling, self.quality, &self.steps)?;
            column.cut = (width, height) != (TILE_SIDE, TILE_SIDE);
            if column.cut {
                if column.twin.is_none() {
                    column.twin = Some(Encoder::new()?);
                }
                if let Some(twin) = &mut column.twin {
                    twin.start_like(width, height, sampling, self.quality, &self.steps)?;
                }
            }
        }
        Ok(())
    }

    fn encode_band(&mut self) -> Result<(), dlcs_jpeg::Error> {
        let components = self.band.sampling().components();
        for (number, column) in (0..).zip(&mut self.columns) {
            let planes = self.band.tile(number);
            column.tile.write(&planes[..components])?;
            if let (Some(twin), true) = (&mut column.twin, column.cut) {
                twin.write(&planes[..components])?;
            }
        }
        Ok(())
    }

    fn finish_tiles(&mut self, row: u32, sink: &mut impl Sink) -> Result<(), Failure> {
        let missing = ((row + 1) * TILE_SIDE - self.done) / self.band.sampling().mcu();
        for (number, column) in (0..).zip(&mut self.columns) {
            fill(&mut column.tile, self.band.sampling(), missing).map_err(|e| failures::encoder(&e))?;
            let tile = sink.append(column.tile.finish().map_err(|e| failures::encoder(&e))?)?;
            let exact = match &mut column.twin {
                Some(twin) if column.cut => sink.append(twin.finish().map_err(|e| failures::encoder(&e))?)?,
                _ => tile,
            };
            let place = row as usize * self.index.level.columns() as usize + number as usize;
            self.index.tiles[place] = tile;
            if let Some(place) = self.index.twin(number, row) {
                self.index.twins[place] = exact;
            }
        }
        Ok(())
    }
}

/// Fills the rest of a padded tile with bands that cost next to nothing.
fn fill(tile: &mut Encoder, sampling: Sampling, bands: u32) -> Result<(), dlcs_jpeg::Error> {
    const NEUTRAL_ROW: [u8; TILE_SIDE as usize] = [128; TILE_SIDE as usize];
    let planes = [Plane { data: &NEUTRAL_ROW, stride: 0 }; 3];
    (0..bands).try_for_each(|_| tile.write(&planes[..sampling.components()]))
}
