//! Seeded chance with the same bits on every machine: integer generator, `libm` logarithms.

/// 2^-52: the step of a number drawn from 52 random bits.
const STEP: f64 = 1.0 / 4_503_599_627_370_496.0;

/// The xoshiro256++ generator of Blackman and Vigna, seeded by `SplitMix64`.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: [u64; 4],
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
pub(super) fn seed_of(seed: u64, workload: &str, period_start_us: i64) -> u64 {
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
    (us + 0.5) as u64
}

impl Random {
    /// A generator whose stream depends on `seed` alone.
    pub(super) fn new(seed: u64) -> Random {
        let mut state = seed;
        let words = [(); 4].map(|()| {
            let (next, word) = split_mix(state);
            state = next;
            word
        });
        Random { state: words, spare: None }
    }

    /// 64 random bits.
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
    pub(super) fn unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) * STEP
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -libm::log(self.unit())
    }

    /// Standard normal, by the polar method of Marsaglia.
    fn normal(&mut self) -> f64 {
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
        let mut random = Random { state: [1, 2, 3, 4], spare: None };
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
