//! What CMYK without a profile means: ordinary coated offset print, by the physics of halftones.
//!
//! Dots of the inks overlap at random, so paper shows 16 colours whose areas follow from the inks' coverages (Neugebauer);
//! dots print larger than asked (dot gain), and light wanders in the paper (Yule-Nielsen's exponent).

use std::sync::LazyLock;

use moxcms::{ColorProfile, DataColorSpace, LutDataType, LutStore, LutType, LutWarehouse, Matrix3d, ProfileClass};

/// Grid points on each ink's axis of the table: enough that interpolation between them is not seen.
const GRID: u8 = 9;

/// Yule-Nielsen's exponent.
const WANDER: f64 = 2.4;

/// X, Y and Z relative to the paper's, to the power 1 / [`WANDER`], where the inks of the index's bits overlap
/// (1 cyan, 2 magenta, 4 yellow, 8 black): fitted to coated offset print.
const OVERLAPS: [[f64; 3]; 16] = [
    [1.0, 1.0, 1.0],
    [0.4618, 0.5571, 0.8633],
    [0.6796, 0.4984, 0.5329],
    [0.3055, 0.2639, 0.5122],
    [0.9117, 0.9198, 0.3523],
    [0.3509, 0.5086, 0.3479],
    [0.6692, 0.4987, 0.2682],
    [0.2361, 0.2271, 0.2548],
    [0.1669, 0.1614, 0.1745],
    [0.1920, 0.2009, 0.2203],
    [0.2027, 0.1868, 0.2227],
    [0.1510, 0.1430, 0.1914],
    [0.1960, 0.1960, 0.2053],
    [0.1693, 0.1718, 0.1847],
    [0.1717, 0.1573, 0.1751],
    [0.1817, 0.1780, 0.1954],
];

/// How much the dots of cyan, magenta, yellow and black grow, as X, Y and Z see them: at half coverage, and how much more
/// below it than above.
const GAIN: [[[f64; 2]; 4]; 3] = [
    [[0.06, 0.04], [0.1, 0.01], [0.11, 0.0], [-0.01, 0.05]],
    [[0.08, 0.035], [0.07, 0.015], [0.075, -0.02], [-0.015, 0.05]],
    [[0.1, -0.015], [0.065, 0.0], [0.03, 0.01], [-0.01, 0.04]],
];

/// The profile of unnamed CMYK.
pub(super) static OFFSET: LazyLock<ColorProfile> = LazyLock::new(profile);

fn profile() -> ColorProfile {
    let steps = || (0..GRID).map(|step| f64::from(step) / f64::from(GRID - 1));
    let mut clut = Vec::with_capacity(usize::from(GRID).pow(4) * 3);
    for cyan in steps() {
        for magenta in steps() {
            for yellow in steps() {
                for black in steps() {
                    let [l, a, b] = lab([cyan, magenta, yellow, black]);
                    clut.extend([l / 100.0, (a + 128.0) / 255.0, (b + 128.0) / 255.0].map(sample));
                }
            }
        }
    }
    let straight = |channels: usize| LutStore::Store16([0, u16::MAX].repeat(channels));
    let table = LutWarehouse::Lut(LutDataType {
        num_input_channels: 4,
        num_output_channels: 3,
        num_clut_grid_points: GRID,
        matrix: Matrix3d::IDENTITY,
        num_input_table_entries: 2,
        num_output_table_entries: 2,
        input_table: straight(4),
        clut_table: LutStore::Store16(clut),
        output_table: straight(3),
        lut_type: LutType::Lut16,
    });
    let mut profile = ColorProfile::default();
    profile.profile_class = ProfileClass::OutputDevice;
    profile.color_space = DataColorSpace::Cmyk;
    profile.pcs = DataColorSpace::Lab;
    profile.lut_a_to_b_perceptual = Some(table.clone());
    profile.lut_a_to_b_colorimetric = Some(table);
    profile
}

fn sample(value: f64) -> u16 {
    (value * 65_535.0).round().clamp(0.0, 65_535.0) as u16
}

/// CIE L*a*b*, relative to the paper, of ink coverages from 0 to 1.
fn lab(inks: [f64; 4]) -> [f64; 3] {
    let seen = |axis: usize| {
        let covered: [f64; 4] = std::array::from_fn(|ink| {
            let (c, [gain, skew]) = (inks[ink], GAIN[axis][ink]);
            (c + 4.0 * c * (1.0 - c) * (gain + skew * (1.0 - 2.0 * c))).clamp(0.0, 1.0)
        });
        let area = |overlap: usize| -> f64 {
            let share = |ink: usize| if overlap >> ink & 1 == 1 { covered[ink] } else { 1.0 - covered[ink] };
            (0..4).map(share).product()
        };
        OVERLAPS.iter().enumerate().map(|(n, overlap)| area(n) * overlap[axis]).sum::<f64>().powf(WANDER)
    };
    let [x, y, z] = [seen(0), seen(1), seen(2)]
        .map(|t: f64| if t > 216.0 / 24_389.0 { t.cbrt() } else { (t * 24_389.0 / 27.0 + 16.0) / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}
