//! Chance from integers and `libm` alone, so that a seed means the same bytes on every machine.

/// A stream of pseudo-random numbers: `SplitMix64` (Steele, Lea and Flood 2014), whose state is
/// one counter.
#[derive(Clone, Debug)]
pub(super) struct Rng {
    state: u64,
}

/// The increment of `SplitMix64`, the odd integer nearest to 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
/// Largest mean the product of uniforms is taken to at once: e^-20 keeps 15 digits.
const POISSON_CHUNK: f64 = 20.0;

impl Rng {
    /// The stream of one name under one seed; the name enters by its FNV-1a hash.
    pub(super) fn new(seed: u64, name: &str) -> Rng {
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let mut rng = Rng { state: hash };
        rng.state = rng.next_u64() ^ seed;
        rng.state = rng.next_u64();
        rng
    }

    /// The next 64 bits.
    pub(super) fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Uniform in (0, 1): 52 bits, centred so that neither end is reached.
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// One of `0..n`, or 0 when `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next_u64().checked_rem(n).unwrap_or(0)
    }

    /// Standard normal (Box and Muller 1958): sqrt(-2 ln u) cos(2 pi v).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.uniform()));
        radius * libm::cos(core::f64::consts::TAU * self.uniform())
    }

    /// Gamma with mean 1 and variance `variance` (Marsaglia and Tsang 2000); 1 for no variance.
    pub(super) fn gamma_of_mean_one(&mut self, variance: f64) -> f64 {
        if variance <= 0.0 {
            return 1.0;
        }
        let shape = 1.0 / variance;
        // Below shape 1 the method draws at shape + 1 and scales by u^(1/shape).
        let boost = if shape < 1.0 { libm::pow(self.uniform(), 1.0 / shape) } else { 1.0 };
        let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            if libm::log(self.uniform()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return boost * d * v * variance;
            }
        }
    }

    /// Poisson with mean `mean`: how many products of uniforms stay above e^-mean, taken in chunks
    /// because a sum of Poisson counts is Poisson. Exact; its time grows with the mean.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        let mut rest = mean;
        let mut count = 0;
        while rest > 0.0 {
            let floor = libm::exp(-rest.min(POISSON_CHUNK));
            let mut product = self.uniform();
            while product > floor {
                product *= self.uniform();
                count += 1;
            }
            rest -= POISSON_CHUNK;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draws: &[f64]) -> (f64, f64) {
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        (mean, draws.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>() / n)
    }

    /// 20,000 draws: the standard error of the mean is sd/141, and five of them are allowed.
    fn check(name: &str, draw: impl Fn(&mut Rng) -> f64, mean: f64, variance: f64) {
        let mut rng = Rng::new(7, name);
        let draws: Vec<f64> = (0..20_000).map(|_| draw(&mut rng)).collect();
        let (found_mean, found_variance) = moments(&draws);
        let allowed = 5.0 * libm::sqrt(variance) / 141.0;
        assert!((found_mean - mean).abs() < allowed, "{name}: mean {found_mean}");
        assert!(
            (found_variance / variance - 1.0).abs() < 0.12,
            "{name}: variance {found_variance}"
        );
    }

    #[test]
    fn draws_have_their_moments() {
        check("uniform", Rng::uniform, 0.5, 1.0 / 12.0);
        check("normal", Rng::normal, 0.0, 1.0);
        check("gamma, shape 4", |rng| rng.gamma_of_mean_one(0.25), 1.0, 0.25);
        check("gamma, shape 1/2", |rng| rng.gamma_of_mean_one(2.0), 1.0, 2.0);
        check("poisson 3", |rng| rng.poisson(3.0) as f64, 3.0, 3.0);
        check("poisson 47", |rng| rng.poisson(47.0) as f64, 47.0, 47.0);
    }

    #[test]
    fn the_ends_are_harmless() {
        let mut rng = Rng::new(0, "");
        assert_eq!((rng.poisson(0.0), rng.poisson(-1.0), rng.poisson(f64::NAN)), (0, 0, 0));
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
        assert!((rng.gamma_of_mean_one(0.0) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn split_mix_is_the_published_one() {
        // The first output from state 0 of the reference implementation.
        assert_eq!(Rng { state: 0 }.next_u64(), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn name_and_seed_both_matter() {
        let first = |seed, name| Rng::new(seed, name).next_u64();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }
}
