//! What CMYK without a profile means: ordinary coated offset print, by the physics of halftones.
//!
//! Dots of the inks overlap at random, so paper shows 16 colours whose areas follow from the inks' coverages (Neugebauer);
//! dots print larger than asked (dot gain), and light wanders in the paper (Yule-Nielsen's exponent).

use std::sync::LazyLock;

use moxcms::{ColorProfile, DataColorSpace, LutDataType, LutStore, LutType, LutWarehouse, Matrix3d, ProfileClass};

/// Grid points on each ink's axis of the table: enough that interpolation between them is not seen.
const GRID: u8 = 9;

/// Yule-Nielsen's exponent. So large a one says that overlapping inks act almost as filters in line.
const WANDER: f64 = 7.0;

/// X, Y and Z relative to the paper's, to the power 1 / [`WANDER`], where the inks of the index's bits overlap
/// (1 cyan, 2 magenta, 4 yellow, 8 black): fitted to coated offset print.
const OVERLAPS: [[f64; 3]; 16] = [
    [1.0000, 1.0000, 1.0000],
    [0.7648, 0.8165, 0.9482],
    [0.8732, 0.7852, 0.8051],
    [0.6584, 0.6233, 0.7893],
    [0.9662, 0.9663, 0.7011],
    [0.6967, 0.7914, 0.6910],
    [0.8715, 0.7856, 0.6265],
    [0.6073, 0.5976, 0.6211],
    [0.5661, 0.5599, 0.5777],
    [0.5450, 0.5543, 0.5929],
    [0.5648, 0.5402, 0.5759],
    [0.5138, 0.5062, 0.5608],
    [0.5780, 0.5764, 0.5597],
    [0.5281, 0.5341, 0.5534],
    [0.5455, 0.5223, 0.5510],
    [0.5330, 0.5278, 0.5539],
];

/// How much the dots of cyan, magenta, yellow and black grow, as X, Y and Z see them: at half coverage, how much more
/// below it than above, and how much more far from it.
const GAIN: [[[f64; 3]; 4]; 3] = [
    [[-0.02, 0.04, 0.025], [0.04, 0.0, 0.04], [0.08, -0.025, 0.0], [-0.115, 0.08, -0.03]],
    [[0.015, 0.03, 0.03], [-0.01, 0.01, 0.035], [0.065, -0.05, -0.005], [-0.125, 0.08, -0.025]],
    [[0.06, 0.02, 0.075], [0.005, -0.01, 0.03], [-0.055, 0.005, 0.03], [-0.105, 0.06, -0.025]],
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
            let (c, [gain, skew, ends]) = (inks[ink], GAIN[axis][ink]);
            let off = 1.0 - 2.0 * c;
            (c + 4.0 * c * (1.0 - c) * (gain + off * (skew + off * ends))).clamp(0.0, 1.0)
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
