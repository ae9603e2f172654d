//! Colours as files mean them, turned into sRGB or plain grey of 8 bits.

mod cmyk;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dlcs_model::Failure;
use moxcms::{
    Chromaticity, CmsError, ColorPrimaries, ColorProfile, DataColorSpace, InterpolationMethod, Layout, RenderingIntent,
    ToneReprCurve, Transform8BitExecutor, Transform16BitExecutor, TransformOptions,
};

use crate::source::native::{Model, Native, Row};

/// Reads an ICC profile. One that is broken counts as absent: colours slightly off beat no image at all.
pub(crate) fn parse(icc: &[u8]) -> Option<Box<ColorProfile>> {
    catch_unwind(|| ColorProfile::new_from_slice(icc)).ok()?.ok().map(Box::new)
}

/// Whether the colours of this ICC profile are those of sRGB, so that converting them would change nothing visible.
/// False for anything else: other colour spaces, broken profiles.
#[must_use]
pub fn is_srgb(icc: &[u8]) -> bool {
    parse(icc).is_some_and(|profile| behaves_as_srgb(&profile))
}

/// A profile's name proves nothing, so its numbers are asked: a lattice of colours must come out as it went in.
fn behaves_as_srgb(profile: &ColorProfile) -> bool {
    const STEPS: [u8; 9] = [0, 16, 48, 80, 112, 144, 176, 216, 255];
    /// What rounding in a profile's curves and in two conversions may add up to.
    const ROUNDING: u8 = 2;
    if profile.color_space != DataColorSpace::Rgb {
        return false;
    }
    let lattice: Vec<u8> = STEPS
        .iter()
        .flat_map(|r| STEPS.iter().flat_map(move |g| STEPS.iter().flat_map(move |b| [*r, *g, *b])))
        .collect();
    let mut out = vec![0; lattice.len()];
    let Some(transform) = eight(profile, Layout::Rgb, Layout::Rgb) else { return false };
    transform.transform(&lattice, &mut out).is_ok() && lattice.iter().zip(&out).all(|(a, b)| a.abs_diff(*b) <= ROUNDING)
}

/// The profile of samples encoded with `gamma` (the exponent of encoding, 1/2.2 say) and, where the file says so, with the
/// chromaticities of white, red, green and blue. None where that is sRGB, or nonsense.
pub(crate) fn of_gamma(model: Model, gamma: f32, primaries: Option<[(f32, f32); 4]>) -> Option<Box<ColorProfile>> {
    /// What real files that mean sRGB write, give or take.
    const USUAL: std::ops::RangeInclusive<f32> = 0.43..=0.48;
    if !(0.1..=10.0).contains(&gamma) {
        return None;
    }
    match model {
        Model::Gray if USUAL.contains(&gamma) => None,
        Model::Gray => Some(Box::new(ColorProfile::new_gray_with_gamma(1.0 / gamma))),
        Model::Cmyk => None,
        Model::Rgb => {
            let mut profile = ColorProfile::new_srgb();
            profile.cicp = None;
            if !USUAL.contains(&gamma) {
                let curve = ToneReprCurve::Parametric(vec![1.0 / gamma]);
                profile.red_trc = Some(curve.clone());
                profile.green_trc = Some(curve.clone());
                profile.blue_trc = Some(curve);
            }
            if let Some(points) = primaries {
                let valid = |(x, y): (f32, f32)| (0.0..=1.0).contains(&x) && (0.001..=1.0).contains(&y);
                if !points.into_iter().all(valid) {
                    return None;
                }
                let [white, red, green, blue] = points.map(|(x, y)| Chromaticity::new(x, y));
                profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
            }
            Some(Box::new(profile))
        }
    }
}

/// How colours outside sRGB are brought in, best first: not every profile has a table for the first.
const INTENTS: [RenderingIntent; 2] = [RenderingIntent::RelativeColorimetric, RenderingIntent::Perceptual];

/// Sets up a conversion with the first intent that works. A profile that cannot be used counts as absent, even one that
/// makes the library panic.
fn first_intent<T>(build: impl Fn(TransformOptions) -> Result<T, CmsError>) -> Option<T> {
    INTENTS.into_iter().find_map(|rendering_intent| {
        let options = TransformOptions {
            rendering_intent,
            interpolation_method: InterpolationMethod::Tetrahedral,
            ..TransformOptions::default()
        };
        catch_unwind(AssertUnwindSafe(|| build(options))).ok()?.ok()
    })
}

fn eight(profile: &ColorProfile, from: Layout, to: Layout) -> Option<Arc<Transform8BitExecutor>> {
    first_intent(|options| profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, options))
}

fn sixteen(profile: &ColorProfile, from: Layout, to: Layout) -> Option<Arc<Transform16BitExecutor>> {
    first_intent(|options| profile.create_transform_16bit(from, &ColorProfile::new_srgb(), to, options))
}

/// Turns stored rows of one kind into rows of 8 bit sRGB or grey.
pub(crate) struct Converter {
    step: Step,
    wide: Vec<u16>,
}

enum Step {
    /// Nothing to change, except that 16 bits become 8.
    Keep,
    /// Grey levels by table, one entry for each of the 256 or 65,536; `stride` samples a pixel of which the first is grey.
    Gray { table: Vec<u8>, stride: usize },
    /// 8 bit colours.
    Eight(Arc<Transform8BitExecutor>),
    /// 16 bit colours to 16 bit sRGB of `samples` a row's pixel, then to 8.
    Sixteen { transform: Arc<Transform16BitExecutor>, from: usize, to: usize },
}

impl Converter {
    /// The conversion that a file's rows need.
    pub(crate) fn new(native: &Native) -> Self {
        let profile = native.profile.as_deref();
        let step = match native.model {
            Model::Gray => profile.and_then(|p| gray(p, native)),
            Model::Rgb => {
                profile.filter(|p| p.color_space == DataColorSpace::Rgb && !behaves_as_srgb(p)).and_then(|p| {
                    let layout = if native.alpha { Layout::Rgba } else { Layout::Rgb };
                    transform(p, layout, layout, native.sixteen)
                })
            }
            Model::Cmyk => profile
                .filter(|p| p.color_space == DataColorSpace::Cmyk)
                .and_then(|p| transform(p, Layout::Rgba, Layout::Rgb, native.sixteen))
                .or_else(|| transform(&cmyk::OFFSET, Layout::Rgba, Layout::Rgb, native.sixteen)),
        };
        Self { step: step.unwrap_or(Step::Keep), wide: Vec::new() }
    }

    /// Converts one row.
    pub(crate) fn convert(&mut self, row: Row<'_>, out: &mut [u8]) -> Result<(), Failure> {
        match (&self.step, row) {
            (Step::Keep, Row::Eight(row)) => copy(row, out),
            (Step::Keep, Row::Sixteen(row)) => narrow(row, out),
            (Step::Gray { table, stride }, Row::Eight(row)) => {
                copy(row, out)?;
                out.iter_mut().step_by(*stride).for_each(|gray| *gray = table[usize::from(*gray)]);
                Ok(())
            }
            (Step::Gray { table, stride }, Row::Sixteen(row)) => {
                narrow(row, out)?;
                let levels = out.iter_mut().zip(row).step_by(*stride);
                levels.for_each(|(gray, level)| *gray = table[usize::from(*level)]);
                Ok(())
            }
            (Step::Eight(transform), Row::Eight(row)) => transform.transform(row, out).map_err(|error| broken(&error)),
            (Step::Sixteen { transform, from, to }, Row::Sixteen(row)) => {
                self.wide.resize(row.len() / from * to, 0);
                transform.transform(row, &mut self.wide).map_err(|error| broken(&error))?;
                narrow(&self.wide, out)
            }
            (Step::Eight(_), Row::Sixteen(_)) | (Step::Sixteen { .. }, Row::Eight(_)) => {
                Err(broken(&"rows of another depth than announced"))
            }
        }
    }
}

fn transform(profile: &ColorProfile, from: Layout, to: Layout, wide: bool) -> Option<Step> {
    if wide {
        let transform = sixteen(profile, from, to)?;
        return Some(Step::Sixteen { transform, from: from.channels(), to: to.channels() });
    }
    eight(profile, from, to).map(Step::Eight)
}

/// Grey stays grey: its profile is only a curve, asked once for each level.
fn gray(profile: &ColorProfile, native: &Native) -> Option<Step> {
    if profile.color_space != DataColorSpace::Gray {
        return None;
    }
    let luminous = if profile.pcs == DataColorSpace::Lab { by_luminance(profile) } else { None };
    let profile = luminous.as_ref().unwrap_or(profile);
    let stride = native.samples();
    let table = if native.sixteen {
        let levels: Vec<u16> = (0..=u16::MAX).collect();
        let mut colors = vec![0; levels.len() * 3];
        sixteen(profile, Layout::Gray, Layout::Rgb)?.transform(&levels, &mut colors).ok()?;
        colors.chunks_exact(3).map(|rgb| round(rgb[1])).collect()
    } else {
        let levels: Vec<u8> = (0..=u8::MAX).collect();
        let mut colors = vec![0; levels.len() * 3];
        eight(profile, Layout::Gray, Layout::Rgb)?.transform(&levels, &mut colors).ok()?;
        colors.chunks_exact(3).map(|rgb| rgb[1]).collect()
    };
    Some(Step::Gray { table, stride })
}

/// The same grey profile by luminance, of one whose curve gives lightness (L*), which the library does not take.
fn by_luminance(profile: &ColorProfile) -> Option<ColorProfile> {
    let curve = profile.gray_trc.as_ref()?.make_linear_evaluator().ok()?;
    let luminance = |step: u16| {
        let lightness = curve.evaluate_value(f32::from(step) / 4095.0) * 100.0;
        let f = (lightness + 16.0) / 116.0;
        let y = if lightness > 8.0 { f.powi(3) } else { lightness * 27.0 / 24_389.0 };
        (y * 65_535.0).round().clamp(0.0, 65_535.0) as u16
    };
    let mut same = profile.clone();
    same.pcs = DataColorSpace::Xyz;
    same.gray_trc = Some(ToneReprCurve::Lut((0..4096).map(luminance).collect()));
    Some(same)
}

/// 16 bits to the nearest of 8.
fn round(sample: u16) -> u8 {
    // 65,535 / 255 is 257: the nearest of 8 bits is (sample + 128) / 257, and this shift equals that division.
    ((u32::from(sample) * 255 + 32_895) >> 16) as u8
}

fn narrow(row: &[u16], out: &mut [u8]) -> Result<(), Failure> {
    if row.len() != out.len() {
        return Err(broken(&"a row of another length than announced"));
    }
    out.iter_mut().zip(row).for_each(|(out, sample)| *out = round(*sample));
    Ok(())
}

fn copy(row: &[u8], out: &mut [u8]) -> Result<(), Failure> {
    if row.len() != out.len() {
        return Err(broken(&"a row of another length than announced"));
    }
    out.copy_from_slice(row);
    Ok(())
}

/// A conversion that fails although it was set up for these rows: our own fault.
fn broken(error: &dyn std::fmt::Display) -> Failure {
    tracing::error!(%error, "cannot convert colours");
    Failure::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_round_to_the_nearest() {
        for sample in 0..=u16::MAX {
            assert_eq!(f64::from(round(sample)), (f64::from(sample) / 257.0).round(), "{sample}");
        }
    }

    #[test]
    fn knows_srgb_by_its_numbers() {
        let encoded = |profile: ColorProfile| profile.encode().unwrap();
        assert!(is_srgb(&encoded(ColorProfile::new_srgb())));
        assert!(!is_srgb(&encoded(ColorProfile::new_adobe_rgb())));
        assert!(!is_srgb(&encoded(ColorProfile::new_display_p3())));
        assert!(!is_srgb(&encoded(ColorProfile::new_gray_with_gamma(2.2))));
        let mut liar = ColorProfile::new_adobe_rgb();
        liar.description = ColorProfile::new_srgb().description;
        assert!(!is_srgb(&encoded(liar)));
        assert!(!is_srgb(b"") && !is_srgb(&[0; 200]));
    }

    fn convert(model: Model, profile: Option<ColorProfile>, pixels: &[u8]) -> Vec<u8> {
        let native = Native {
            format: dlcs_model::SourceFormat::Tiff,
            width: (pixels.len() / model.samples()) as u32,
            height: 1,
            model,
            alpha: false,
            sixteen: false,
            chroma: crate::source::Chroma::Full,
            lossless: true,
            orientation: crate::orientation::Orientation::Upright,
            profile: profile.map(Box::new),
        };
        let samples = if model == Model::Gray { 1 } else { 3 };
        let mut eight = vec![0; native.width as usize * samples];
        Converter::new(&native).convert(Row::Eight(pixels), &mut eight).unwrap();
        // The same in 16 bits must agree, but for what 8 bits round away.
        let wide: Vec<u16> = pixels.iter().map(|v| u16::from(*v) * 257).collect();
        let mut sixteen = vec![0; eight.len()];
        let native = Native { sixteen: true, ..native };
        Converter::new(&native).convert(Row::Sixteen(&wide), &mut sixteen).unwrap();
        near(&eight, &sixteen, 2);
        eight
    }

    fn near(got: &[u8], wanted: &[u8], most: u8) {
        let close = got.len() == wanted.len() && got.iter().zip(wanted).all(|(a, b)| a.abs_diff(*b) <= most);
        assert!(close, "{got:?} instead of {wanted:?}");
    }

    const COLORS: [u8; 12] = [200, 100, 50, 32, 180, 64, 30, 60, 200, 128, 128, 128];

    /// Wanted colours here and below are those of another colour engine.
    #[test]
    fn rgb_profiles() {
        let adobe = convert(Model::Rgb, Some(ColorProfile::new_adobe_rgb()), &COLORS);
        near(&adobe, &[227, 100, 42, 0, 181, 48, 0, 57, 205, 129, 129, 129], 1);
        let p3 = convert(Model::Rgb, Some(ColorProfile::new_display_p3()), &COLORS);
        near(&p3, &[215, 93, 32, 0, 183, 39, 18, 61, 208, 128, 128, 128], 1);
        assert_eq!(convert(Model::Rgb, Some(ColorProfile::new_srgb()), &COLORS), COLORS);
    }

    #[test]
    fn profiles_of_another_kind_are_ignored() {
        assert_eq!(convert(Model::Rgb, Some(ColorProfile::new_gray_with_gamma(1.0)), &COLORS), COLORS);
        assert_eq!(convert(Model::Gray, Some(ColorProfile::new_adobe_rgb()), &COLORS), COLORS);
        let mut broken = ColorProfile::new_adobe_rgb();
        broken.red_trc = None;
        assert_eq!(convert(Model::Rgb, Some(broken), &COLORS), COLORS);
    }

    #[test]
    fn gray_profiles() {
        let linear = convert(Model::Gray, Some(ColorProfile::new_gray_with_gamma(1.0)), &[0, 10, 55, 128, 255]);
        near(&linear, &[0, 56, 128, 188, 255], 1);
        let mut lightness = ColorProfile::new_gray_with_gamma(1.0);
        lightness.pcs = DataColorSpace::Lab;
        near(&convert(Model::Gray, Some(lightness), &[0, 128, 255]), &[0, 119, 255], 1);
    }

    #[test]
    fn cmyk_without_a_profile_is_print() {
        let check = |inks: &[[u8; 4]], print: &[[u8; 3]], most| {
            near(&convert(Model::Cmyk, None, inks.as_flattened()), print.as_flattened(), most);
        };
        check(&[[0; 4]], &[[255; 3]], 0);
        let mixed = [[128, 64, 32, 16], [0, 200, 100, 0], [32, 32, 32, 128], [0, 0, 0, 255]];
        check(&mixed, &[[0x72, 0x95, 0xB0], [0xEF, 0x53, 0x71], [0x80, 0x7D, 0x7D], [0x28, 0x23, 0x2B]], 12);
        // Pure inks lie outside sRGB, where engines clip in their own ways.
        let pure = [[255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [255, 255, 0, 0]];
        check(&pure, &[[0, 0x9D, 0xE4], [0xEB, 0x1E, 0x84], [0xFF, 0xEE, 0], [0x1A, 0x27, 0x7B]], 32);
    }

    #[test]
    fn cmyk_profiles_are_used() {
        // A profile in which ink is what RGB lacks.
        let mut clut = Vec::new();
        for index in 0..16u16 {
            let ink = |bit: u16| index >> bit & 1 == 1;
            let lightness = if ink(0) || (ink(1) && ink(2) && ink(3)) { 0 } else { u16::MAX };
            clut.extend([lightness, 0x8080, 0x8080]);
        }
        let mut profile = cmyk::OFFSET.clone();
        let Some(moxcms::LutWarehouse::Lut(table)) = &mut profile.lut_a_to_b_perceptual else { panic!("a table") };
        (table.num_clut_grid_points, table.clut_table) = (2, moxcms::LutStore::Store16(clut));
        profile.lut_a_to_b_colorimetric = None;
        let colors = convert(Model::Cmyk, Some(profile), &[0, 0, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 0, 0, 128]);
        near(&colors, &[255, 255, 255, 0, 0, 0, 0, 0, 0, 118, 118, 118], 3);
    }

    #[test]
    fn gamma_and_primaries_of_png() {
        assert!(of_gamma(Model::Gray, 0.45455, None).is_none());
        assert!(of_gamma(Model::Rgb, 0.0, None).is_none());
        assert!(of_gamma(Model::Rgb, 0.5, Some([(0.3, 0.0); 4])).is_none());
        let gray = of_gamma(Model::Gray, 1.0, None).map(|p| *p);
        near(&convert(Model::Gray, gray, &[0, 55, 255]), &[0, 128, 255], 1);
        let rgb = of_gamma(Model::Rgb, 1.0, None).map(|p| *p);
        near(&convert(Model::Rgb, rgb, &[0, 55, 255]), &[0, 128, 255], 1);
        let usual = [(0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)];
        let same = of_gamma(Model::Rgb, 0.45455, Some(usual)).map(|p| *p);
        near(&convert(Model::Rgb, same, &COLORS), &COLORS, 1);
        let adobe = [(0.3127, 0.3290), (0.64, 0.33), (0.21, 0.71), (0.15, 0.06)];
        let wide = of_gamma(Model::Rgb, 0.45455, Some(adobe)).map(|p| *p);
        near(&convert(Model::Rgb, wide, &COLORS[..3]), &[226, 100, 42], 4);
    }
}
