//! The 256 colours that a picture needs most, for GIF.

/// Entries of a palette, at most.
const COLOURS: usize = 256;
/// Colours are counted with this many bits of each component.
const BITS: u32 = 5;

/// Pixels of nearly one colour.
#[derive(Clone, Copy, Default)]
struct Bin {
    count: f64,
    sum: [f64; 3],
}

impl Bin {
    fn mean(&self) -> [f64; 3] {
        self.sum.map(|sum| sum / self.count)
    }
}

/// Bins that will share an entry: their place in the list, and what splitting them would gain.
struct Group {
    from: usize,
    to: usize,
    axis: usize,
    mean: [f64; 3],
    error: f64,
}

/// A palette (red, green, blue of each entry) and each pixel's entry, for interleaved RGB. The group of colours that errs
/// most is split at its mean until the palette is full; so a large flat area always keeps its colour.
pub(super) fn reduce(pixels: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let place = |pixel: &[u8]| pixel.iter().fold(0, |place, v| (place << BITS) | usize::from(v >> (8 - BITS)));
    let mut bins = vec![Bin::default(); 1 << (3 * BITS)];
    for pixel in pixels.chunks_exact(3) {
        let bin = &mut bins[place(pixel)];
        bin.count += 1.0;
        (0..3).for_each(|i| bin.sum[i] += f64::from(pixel[i]));
    }
    let mut used: Vec<usize> = (0..bins.len()).filter(|i| bins[*i].count > 0.0).collect();
    let mut groups = vec![group(&bins, &used, 0, used.len())];
    while groups.len() < COLOURS {
        let worst = (0..groups.len()).max_by(|a, b| groups[*a].error.total_cmp(&groups[*b].error)).unwrap_or(0);
        let Group { from, to, axis, mean, error } = groups[worst];
        if error <= 0.0 {
            break;
        }
        let members = &mut used[from..to];
        members.sort_unstable_by(|a, b| bins[*a].mean()[axis].total_cmp(&bins[*b].mean()[axis]));
        let below = members.partition_point(|i| bins[*i].mean()[axis] < mean[axis]);
        let middle = from + below.clamp(1, to - from - 1);
        groups[worst] = group(&bins, &used, from, middle);
        groups.push(group(&bins, &used, middle, to));
    }
    let mut entries = vec![0; bins.len()];
    for (entry, group) in groups.iter().enumerate() {
        used[group.from..group.to].iter().for_each(|bin| entries[*bin] = entry as u8);
    }
    let palette = groups.iter().flat_map(|g| g.mean.map(|v| v.round() as u8)).collect();
    (palette, pixels.chunks_exact(3).map(|pixel| entries[place(pixel)]).collect())
}

fn group(bins: &[Bin], used: &[usize], from: usize, to: usize) -> Group {
    let members = || used[from..to].iter().map(|i| &bins[*i]);
    let mut whole = Bin::default();
    for bin in members() {
        whole.count += bin.count;
        (0..3).for_each(|i| whole.sum[i] += bin.sum[i]);
    }
    let mean = if whole.count > 0.0 { whole.mean() } else { [0.0; 3] };
    let error = |axis: usize| members().map(|b| b.count * (b.mean()[axis] - mean[axis]).powi(2)).sum::<f64>();
    let errors = [error(0), error(1), error(2)];
    let axis = (0..3).max_by(|a, b| errors[*a].total_cmp(&errors[*b])).unwrap_or(0);
    // One bin cannot be split, whatever rounding says.
    Group { from, to, axis, mean, error: if to - from > 1 { errors[axis] } else { 0.0 } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_are_kept() {
        let colours = [[0_u8, 0, 0], [255, 255, 255], [200, 10, 90], [0, 120, 0]];
        let pixels: Vec<u8> = (0..4000).flat_map(|i| colours[i % 4]).collect();
        let (palette, entries) = reduce(&pixels);
        let shown: Vec<u8> = entries.iter().flat_map(|e| palette[usize::from(*e) * 3..][..3].to_vec()).collect();
        assert!(shown == pixels);
    }

    #[test]
    fn many_colours_stay_near() {
        let slope = |i: u32| [(i >> 8) as u8, i as u8, (((i >> 8) + (i & 0xff)) / 2) as u8];
        let pixels: Vec<u8> = (0..65_536).flat_map(slope).collect();
        let (palette, entries) = reduce(&pixels);
        assert!(palette.len() <= 768 && entries.len() == 65_536);
        let off = |(i, e): (usize, &u8)| {
            (0..3).map(|c| u64::from(palette[usize::from(*e) * 3 + c].abs_diff(pixels[i * 3 + c]))).sum::<u64>()
        };
        let mean = entries.iter().enumerate().map(off).sum::<u64>() as f64 / entries.len() as f64;
        assert!(mean < 20.0, "{mean} levels off on average");
    }

    #[test]
    fn one_pixel_is_enough() {
        assert_eq!(reduce(&[1, 2, 3]), (vec![1, 2, 3], vec![0]));
    }
}
