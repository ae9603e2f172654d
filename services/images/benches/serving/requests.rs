//! What is asked for: lists of paths, in groups that weigh the same.

use dlcs_imaging::geometry::levels;
use dlcs_model::limits::TILE_SIDE;

use crate::Published;

/// A kind of request.
#[derive(Clone, Copy)]
pub enum Kind {
    Tile,
    Thumbnail,
    Information,
    /// All of an image in a square of 400 pixels, which is stored.
    Fit400,
    /// The same with 500, which is not.
    Fit500,
    Region,
}

pub const KINDS: [Kind; 6] = [Kind::Tile, Kind::Thumbnail, Kind::Information, Kind::Fit400, Kind::Fit500, Kind::Region];

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tile => "tile",
            Self::Thumbnail => "thumbnail",
            Self::Information => "info.json",
            Self::Fit400 => "!400,400",
            Self::Fit500 => "!500,500",
            Self::Region => "region",
        }
    }
}

/// Paths below the root of a server. For tiles a group is a level of an image, as a screen shows about as many tiles of
/// each; else it is an image.
pub fn paths(kind: Kind, published: &[Published]) -> Vec<Vec<String>> {
    let of_image = |image: &Published| match kind {
        Kind::Tile => tiles(image),
        Kind::Thumbnail => {
            let size = |t: &dlcs_storage::Thumbnail| format!("full/{},{}/0/default.jpg", t.width, t.height);
            vec![image.descriptor.thumbnails.iter().map(size).collect()]
        }
        Kind::Information => vec![vec!["info.json".to_owned()]],
        Kind::Fit400 => vec![vec!["full/!400,400/0/default.jpg".to_owned()]],
        Kind::Fit500 => vec![vec!["full/!500,500/0/default.jpg".to_owned()]],
        Kind::Region => vec![regions(image)],
    };
    let groups = published.iter().flat_map(|image| {
        let below = format!("/iiif-img/2/3/{}", image.id);
        of_image(image).into_iter().map(move |group| group.iter().map(|path| format!("{below}/{path}")).collect())
    });
    groups.collect()
}

/// Those of each level.
pub fn tiles(image: &Published) -> Vec<Vec<String>> {
    let (width, height) = (image.descriptor.width, image.descriptor.height);
    let of_level = |level: dlcs_imaging::geometry::Level| {
        let side = TILE_SIDE << level.index;
        let places = (0..level.rows()).flat_map(|row| (0..level.columns()).map(move |column| (column, row)));
        let path = |(column, row): (u32, u32)| {
            let ((x, y), (tw, th)) = ((column * side, row * side), level.tile_size(column, row));
            format!("{x},{y},{},{}/{tw},{th}/0/default.jpg", (width - x).min(side), (height - y).min(side))
        };
        places.map(path).collect()
    };
    levels(width, height).into_iter().map(of_level).collect()
}

/// 1500 x 1000 pixels anywhere, at 40 %.
fn regions(image: &Published) -> Vec<String> {
    let (width, height) = (image.descriptor.width, image.descriptor.height);
    let mut random = Random(u64::from(width) << 32 | u64::from(height));
    let mut upto = |most: u32| random.below(most as usize);
    (0..200).map(|_| format!("{},{},1500,1000/pct:40/0/default.jpg", upto(width - 1500), upto(height - 1000))).collect()
}

/// Numbers that are the same in each run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % most.max(1)
    }
}
