//! Seeded chance with the same bits on every machine: integer generator, `libm` logarithms.

use std::sync::LazyLock;

/// 2^-52: the step of a number drawn from 52 random bits.
const STEP: f64 = 1.0 / 4_503_599_627_370_496.0;

/// Layers of the ziggurat, where its tail begins, and the area of each layer.
const N_LAYERS: usize = 256;
const TAIL: f64 = 7.697_117_470_131_05;
const LAYER_AREA: f64 = 0.003_949_659_822_581_557;

/// The layers under exp(-x): layer i reaches from 0 to `x[i]` and from `f[i]` up to `f[i + 1]`, with
/// `f[i] = exp(-x[i])`; `x[0]` is the width that gives the lowest layer with the tail its area.
#[derive(Debug)]
struct Layers {
    x: [f64; N_LAYERS + 1],
    f: [f64; N_LAYERS + 1],
}

static LAYERS: LazyLock<Layers> = LazyLock::new(|| {
    let mut layers = Layers { x: [0.0; N_LAYERS + 1], f: [1.0; N_LAYERS + 1] };
    layers.x[0] = LAYER_AREA * libm::exp(TAIL);
    layers.f[0] = libm::exp(-layers.x[0]);
    layers.x[1] = TAIL;
    layers.f[1] = libm::exp(-TAIL);
    for i in 2..N_LAYERS {
        layers.f[i] = layers.f[i - 1] + LAYER_AREA / layers.x[i - 1];
        layers.x[i] = -libm::log(layers.f[i]);
    }
    layers
});

/// The xoshiro256++ generator of Blackman and Vigna, seeded by `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: [u64; 4],
    layers: &'static Layers,
    /// The second normal deviate of the last pair.
    spare: Option<f64>,
}

/// One step of `SplitMix64` (Steele, Lea and Flood): the next state and its output.
fn split_mix(state: u64) -> (u64, u64) {
    let next = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = next;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (next, mixed ^ (mixed >> 31))
}

/// The seed of one period of one workload, so that every plan sees the same requests: FNV-1a over
/// the seed, the name and the start, then mixed.
pub(crate) fn seed_of(seed: u64, workload: &str, period_start_us: i64) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(workload.bytes());
    let hash =
        bytes.chain(period_start_us.to_le_bytes()).fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
    split_mix(hash).1
}

/// The nearest whole microsecond of a time that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates; a time past the type is past the horizon of the engine too"
)]
#[inline]
pub(super) fn whole_us(us: f64) -> u64 {
    // Half the instructions of a cast to u64; the range is far beyond the horizon all the same.
    ((us + 0.5) as i64) as u64
}

impl Random {
    /// A generator whose stream depends on `seed` alone.
    pub(crate) fn new(seed: u64) -> Random {
        let mut state = seed;
        let words = [(); 4].map(|()| {
            let (next, word) = split_mix(state);
            state = next;
            word
        });
        Random { state: words, layers: &LAYERS, spare: None }
    }

    /// 64 random bits.
    #[inline]
    pub(super) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Uniform in the open interval (0, 1).
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) * STEP
    }

    /// Exponential with mean 1, by the ziggurat of Marsaglia and Tsang (2000): 98.9 % of the draws
    /// are one multiplication and one comparison.
    #[inline]
    pub(super) fn exponential(&mut self) -> f64 {
        let bits = self.bits();
        let layer = (bits & 0xFF) as usize;
        let x = ((bits >> 12) as f64 + 0.5) * STEP * self.layers.x[layer];
        if x < self.layers.x[layer + 1] { x } else { self.outside(layer, x) }
    }

    /// A point of a layer that may lie above the density.
    #[cold]
    fn outside(&mut self, mut layer: usize, mut x: f64) -> f64 {
        loop {
            if layer == 0 {
                return TAIL - libm::log(self.unit());
            }
            let Layers { f, .. } = self.layers;
            if f[layer] + (f[layer + 1] - f[layer]) * self.unit() < libm::exp(-x) {
                return x;
            }
            let bits = self.bits();
            layer = (bits & 0xFF) as usize;
            x = ((bits >> 12) as f64 + 0.5) * STEP * self.layers.x[layer];
            if x < self.layers.x[layer + 1] {
                return x;
            }
        }
    }

    /// Standard normal, by the polar method of Marsaglia.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.unit() - 1.0;
            let y = 2.0 * self.unit() - 1.0;
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = libm::sqrt(-2.0 * libm::log(square) / square);
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }

    /// The logarithm of a Gamma deviate of this `shape` and scale 1 (Marsaglia and Tsang 2000;
    /// below shape 1 boosted by `ln(U) / shape`, which as a logarithm cannot underflow).
    pub(super) fn ln_gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.ln_gamma(shape + 1.0) + libm::log(self.unit()) / shape;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let cube_root = 1.0 + c * x;
            if cube_root <= 0.0 {
                continue;
            }
            let ln_cube = 3.0 * libm::log(cube_root);
            let cube = cube_root * cube_root * cube_root;
            if libm::log(self.unit()) < 0.5 * x * x + d - d * cube + d * ln_cube {
                return libm::log(d) + ln_cube;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // SplitMix64 from state 0: the first output of the reference implementation.
        assert_eq!(split_mix(0).1, 0xE220_A839_7B1D_CDAF);
        // xoshiro256++ from the state 1, 2, 3, 4: the first two outputs of the reference.
        let mut random = Random { state: [1, 2, 3, 4], layers: &LAYERS, spare: None };
        assert_eq!([random.bits(), random.bits()], [41_943_041, 58_720_359]);
    }

    #[test]
    fn seeds_differ_by_each_part() {
        let seeds =
            [seed_of(1, "a", 0), seed_of(2, "a", 0), seed_of(1, "b", 0), seed_of(1, "a", 1)];
        for (i, seed) in seeds.iter().enumerate() {
            assert!(!seeds[..i].contains(seed));
        }
    }

    /// The distribution function at points in every part of the ziggurat: P(X > x) = exp(-x), five
    /// standard errors.
    #[test]
    fn the_exponential_is_exponential() {
        let mut random = Random::new(11);
        let n = 400_000_u32;
        let draws: Vec<f64> = (0..n).map(|_| random.exponential()).collect();
        for x in [0.001, 0.01, 0.1, 0.7, 2.0, 5.0, 7.5, 8.0, 9.0] {
            let above = draws.iter().filter(|it| **it > x).count() as f64 / f64::from(n);
            let exact = libm::exp(-x);
            let error = libm::sqrt(exact * (1.0 - exact) / f64::from(n));
            assert!((above - exact).abs() < 5.0 * error, "{x}: {above} for {exact}");
        }
        assert!((LAYERS.f[N_LAYERS - 1] + LAYER_AREA / LAYERS.x[N_LAYERS - 1] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn moments_of_gamma() {
        // Mean and variance of Gamma(shape, 1) both equal the shape; 5 standard errors.
        for shape in [0.25, 1.0, 4.0, 100.0] {
            let mut random = Random::new(7);
            let n = 20_000.0;
            let draws: Vec<f64> = (0..20_000).map(|_| libm::exp(random.ln_gamma(shape))).collect();
            let mean = draws.iter().sum::<f64>() / n;
            let variance = draws.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>() / n;
            assert!((mean - shape).abs() < 5.0 * libm::sqrt(shape / n), "{shape}: {mean}");
            let spread = shape * libm::sqrt((2.0 + 6.0 / shape) / n);
            assert!((variance - shape).abs() < 5.0 * spread, "{shape}: {variance}");
        }
    }
}
