//! Mirroring and rotation. Quarter turns move pixels and change none.

use dlcs_iiif::Rotation;

use super::Picture;
use super::canvas::Canvas;

/// Side of the blocks in which quarter turns go through memory.
const BLOCK: u32 = 32;

/// Turns a picture. Corners that an odd angle uncovers become transparent where the format can say so, white otherwise.
pub(super) fn turn(picture: Picture, rotation: Rotation, transparent: bool) -> Picture {
    let Picture { mut colour, alpha, sampling } = picture;
    let mut alpha = alpha;
    if rotation.mirror {
        mirror(&mut colour);
        alpha.iter_mut().for_each(mirror);
    }
    if let Some(degrees) = rotation.degrees.as_whole().filter(|d| d.is_multiple_of(90)) {
        let quarter = |canvas| quarter_turns(canvas, degrees / 90);
        return Picture { colour: quarter(colour), alpha: alpha.map(quarter), sampling };
    }
    if transparent && alpha.is_none() {
        let mut opaque = Canvas::of_size(colour.width, colour.height, 1);
        opaque.data.fill(255);
        alpha = Some(opaque);
    }
    let radians = rotation.degrees.to_f64().to_radians();
    Picture { colour: turn_by(&colour, radians, 255), alpha: alpha.map(|a| turn_by(&a, radians, 0)), sampling }
}

fn mirror(canvas: &mut Canvas) {
    let (row_bytes, channels) = (canvas.row_bytes(), canvas.channels);
    for row in canvas.data.chunks_exact_mut(row_bytes) {
        reverse_pixels(row, channels);
    }
}

fn reverse_pixels(samples: &mut [u8], channels: usize) {
    samples.reverse();
    if channels > 1 {
        samples.chunks_exact_mut(channels).for_each(<[u8]>::reverse);
    }
}

fn quarter_turns(mut canvas: Canvas, turns: u32) -> Canvas {
    match turns % 4 {
        1 => transpose(&canvas, |x, y, _, height| (height - 1 - y, x)),
        2 => {
            reverse_pixels(&mut canvas.data, canvas.channels);
            canvas
        }
        3 => transpose(&canvas, |x, y, width, _| (y, width - 1 - x)),
        _ => canvas,
    }
}

/// Moves the pixel at (x, y) to `target(x, y, width, height)`, where width and height have changed places.
fn transpose(source: &Canvas, target: impl Fn(u32, u32, u32, u32) -> (u32, u32)) -> Canvas {
    let (width, height, channels) = (source.width, source.height, source.channels);
    let mut turned = Canvas::of_size(height, width, channels);
    let stride = turned.row_bytes();
    for top in (0..height).step_by(BLOCK as usize) {
        for left in (0..width).step_by(BLOCK as usize) {
            for y in top..(top + BLOCK).min(height) {
                for x in left..(left + BLOCK).min(width) {
                    let (tx, ty) = target(x, y, width, height);
                    let from = (y as usize * width as usize + x as usize) * channels;
                    let to = ty as usize * stride + tx as usize * channels;
                    turned.data[to..to + channels].copy_from_slice(&source.data[from..from + channels]);
                }
            }
        }
    }
    turned
}

/// Turns clockwise about the centre, with bilinear interpolation, into the box that the turned corners span.
fn turn_by(source: &Canvas, radians: f64, background: u8) -> Canvas {
    let (sin, cos) = radians.sin_cos();
    let (w, h) = (f64::from(source.width), f64::from(source.height));
    // A hair less, so that rounding errors do not add an empty row.
    let side = |length: f64| ((length - 1e-6).ceil() as u32).max(1);
    let width = side((w * cos).abs() + (h * sin).abs());
    let height = side((w * sin).abs() + (h * cos).abs());
    let channels = source.channels;
    let mut turned = Canvas::of_size(width, height, channels);
    turned.data.fill(background);
    let stride = turned.row_bytes();
    for (y, row) in turned.data.chunks_exact_mut(stride).enumerate() {
        let dy = y as f64 + 0.5 - f64::from(height) / 2.0;
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let dx = x as f64 + 0.5 - f64::from(width) / 2.0;
            let sx = dx * cos + dy * sin + w / 2.0 - 0.5;
            let sy = dy * cos - dx * sin + h / 2.0 - 0.5;
            if sx > -1.0 && sy > -1.0 && sx < w && sy < h {
                sample(source, sx, sy, background, pixel);
            }
        }
    }
    turned
}

/// The interpolated pixel at (x, y); outside the source is the background.
fn sample(source: &Canvas, x: f64, y: f64, background: u8, pixel: &mut [u8]) {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = ((x - left) as f32, (y - top) as f32);
    let (left, top) = (left as i64, top as i64);
    let corners = [
        (left, top, (1.0 - fx) * (1.0 - fy)),
        (left + 1, top, fx * (1.0 - fy)),
        (left, top + 1, (1.0 - fx) * fy),
        (left + 1, top + 1, fx * fy),
    ];
    let at = corners.map(|(x, y, weight)| {
        let inside = (0..i64::from(source.width)).contains(&x) && (0..i64::from(source.height)).contains(&y);
        let index = inside.then(|| (y as usize * source.width as usize + x as usize) * source.channels);
        (index, weight)
    });
    for (channel, value) in pixel.iter_mut().enumerate() {
        let sum: f32 = at
            .iter()
            .map(|(index, weight)| weight * f32::from(index.map_or(background, |i| source.data[i + channel])))
            .sum();
        *value = sum.round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlcs_jpeg::Sampling;

    fn turned(text: &str) -> (u32, u32, Vec<u8>) {
        let colour = Canvas { width: 3, height: 2, channels: 1, data: vec![1, 2, 3, 4, 5, 6] };
        let picture = Picture { colour, alpha: None, sampling: Sampling::Gray };
        let Canvas { width, height, data, .. } = turn(picture, Rotation::parse(text).unwrap(), false).colour;
        (width, height, data)
    }

    #[test]
    fn quarter_turns_move_every_pixel() {
        assert_eq!(turned("0"), (3, 2, vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(turned("90"), (2, 3, vec![4, 1, 5, 2, 6, 3]));
        assert_eq!(turned("180"), (3, 2, vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(turned("270"), (2, 3, vec![3, 6, 2, 5, 1, 4]));
        assert_eq!(turned("!0"), (3, 2, vec![3, 2, 1, 6, 5, 4]));
        assert_eq!(turned("!90"), (2, 3, vec![6, 3, 5, 2, 4, 1]));
    }

    #[test]
    fn an_odd_angle_that_is_none_changes_nothing() {
        let colour = Canvas { width: 3, height: 2, channels: 3, data: (0..18).collect() };
        let same = turn_by(&colour, 0.0, 255);
        assert_eq!((same.width, same.height, same.data), (3, 2, (0..18).collect()));
    }

    #[test]
    fn odd_angles_keep_all_of_the_picture() {
        let colour = Canvas { width: 100, height: 50, channels: 1, data: vec![0; 5000] };
        let picture = Picture { colour, alpha: None, sampling: Sampling::Gray };
        let Picture { colour, alpha, .. } = turn(picture, Rotation::parse("22.5").unwrap(), true);
        assert_eq!((colour.width, colour.height), (112, 85));
        let alpha = alpha.unwrap();
        assert_eq!((alpha.data[0], colour.data[0]), (0, 255), "corners are empty");
        let middle = 42 * 112 + 56;
        assert_eq!((alpha.data[middle], colour.data[middle]), (255, 0));
        let covered: f64 = alpha.data.iter().map(|v| f64::from(*v) / 255.0).sum();
        assert!((covered - 5000.0).abs() < 10.0, "{covered}");
    }
}
