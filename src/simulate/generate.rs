//! Requests made by chance: arrivals of a renewal process, each with a service time.

use super::outcome::Impossible;
use super::plan::{Delay, HORIZON_US};
use super::random::{Random, seed_of, whole_us};
use super::service::{Request, Source};

/// The gaps between arrivals, all with the mean 1 / rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gaps {
    /// Exponential: a Poisson process.
    Poisson,
    /// Gamma with this coefficient of variation.
    Gamma {
        /// Standard deviation over mean.
        cv: f64,
    },
    /// Weibull with this shape; below 1 burstier than Poisson.
    Weibull {
        /// The shape k: the mean is `scale x Gamma(1 + 1/k)`.
        shape: f64,
    },
    /// All the same.
    Even,
}

/// Requests by chance; the window ends one microsecond after the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    gaps: Gaps,
    rate_per_s: f64,
    n: u64,
    service: Delay,
    seed: u64,
    window_us: u64,
}

impl Generator {
    /// `n` arrivals at `rate_per_s` with these gaps and service times. Goes through the arrivals
    /// once, to know when the window ends.
    pub fn new(
        gaps: Gaps,
        rate_per_s: f64,
        n: u64,
        service: Delay,
        seed: u64,
    ) -> Result<Generator, Impossible> {
        Generator::new_while(gaps, rate_per_s, n, service, seed, || true)
    }

    /// As [`Generator::new`]; every 65,536 arrivals `go_on` is asked, and where it says no the window
    /// ends there and the generator is of no use.
    pub fn new_while(
        gaps: Gaps,
        rate_per_s: f64,
        n: u64,
        service: Delay,
        seed: u64,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Generator, Impossible> {
        let positive = |it: f64| it.is_finite() && it > 0.0;
        let valid = match gaps {
            Gaps::Poisson | Gaps::Even => true,
            Gaps::Gamma { cv } => positive(cv) && cv <= 1e3,
            Gaps::Weibull { shape } => positive(shape) && shape >= 1e-2,
        };
        if !positive(rate_per_s) || !valid {
            return Err(Impossible::BadArrivals);
        }
        if !service.is_time() {
            return Err(Impossible::BadServiceTime);
        }
        if n as f64 / rate_per_s * 1e6 >= HORIZON_US as f64 {
            return Err(Impossible::BeyondHorizon);
        }
        let mut made = Generator { gaps, rate_per_s, n, service, seed, window_us: 0 };
        let goes_on = |it: &(u64, u64)| !it.0.is_multiple_of(1 << 16) || go_on();
        let last = (1..).zip(made.arrivals()).take_while(goes_on).last();
        made.window_us = last.map_or(0, |it| it.1.saturating_add(1));
        Ok(made)
    }

    /// Arrival times in order.
    fn arrivals(&self) -> impl Iterator<Item = u64> + use<> {
        let mut random = Random::new(seed_of(self.seed, "arrivals", 0));
        let mean_us = 1e6 / self.rate_per_s;
        let gaps = self.gaps;
        let scale = match gaps {
            Gaps::Poisson | Gaps::Even => mean_us,
            Gaps::Gamma { cv } => mean_us * cv * cv,
            Gaps::Weibull { shape } => mean_us / libm::tgamma(1.0 + 1.0 / shape),
        };
        let mut now = 0.0;
        (0..self.n).map(move |_| {
            now += scale
                * match gaps {
                    Gaps::Poisson => random.exponential(),
                    Gaps::Gamma { cv } => libm::exp(random.ln_gamma(1.0 / (cv * cv))),
                    Gaps::Weibull { shape } => libm::pow(random.exponential(), 1.0 / shape),
                    Gaps::Even => 1.0,
                };
            whole_us(now)
        })
    }
}

impl Source for Generator {
    fn window_us(&self) -> u64 {
        self.window_us
    }

    fn len(&self) -> u64 {
        self.n
    }

    fn check(&self) -> Result<(), Impossible> {
        Ok(())
    }

    fn requests(&self) -> impl Iterator<Item = Request> + '_ {
        let mut random = Random::new(seed_of(self.seed, "service", 0));
        let service = self.service;
        self.arrivals().map(move |at_us| Request {
            at_us,
            service_us: service.draw(&mut random),
            prefill_us: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variation of the gaps, 20,000 of them, by the formulas of the distributions.
    #[test]
    fn gaps_have_their_moments() {
        let weibull_cv = |k: f64| {
            let first = libm::tgamma(1.0 + 1.0 / k);
            libm::sqrt(libm::tgamma(1.0 + 2.0 / k) / (first * first) - 1.0)
        };
        for (gaps, cv) in [
            (Gaps::Poisson, 1.0),
            (Gaps::Gamma { cv: 2.0 }, 2.0),
            (Gaps::Gamma { cv: 0.5 }, 0.5),
            (Gaps::Weibull { shape: 0.7 }, weibull_cv(0.7)),
            (Gaps::Weibull { shape: 2.0 }, weibull_cv(2.0)),
            (Gaps::Even, 0.0),
        ] {
            let made = Generator::new(gaps, 4.0, 20_000, Delay::Constant(1), 3).unwrap();
            let at: Vec<u64> = made.requests().map(|it| it.at_us).collect();
            let gaps_s: Vec<f64> = at.windows(2).map(|w| (w[1] - w[0]) as f64 / 1e6).collect();
            let n = gaps_s.len() as f64;
            let mean = gaps_s.iter().sum::<f64>() / n;
            let square = gaps_s.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>() / n;
            let found = libm::sqrt(square) / mean;
            assert!(
                (mean - 0.25).abs() < 0.25 * 5.0 * cv.max(1e-9) / libm::sqrt(n),
                "{gaps:?}: {mean}"
            );
            assert!((found - cv).abs() < 0.1 * cv.max(0.01), "{gaps:?}: {found} for {cv}");
            assert_eq!(made.window_us(), at[at.len() - 1] + 1);
        }
    }

    #[test]
    fn what_is_no_process_says_so() {
        let make = |gaps, rate, n, service| Generator::new(gaps, rate, n, service, 0).err();
        let second = Delay::Constant(1_000_000);
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(make(Gaps::Poisson, rate, 1, second), Some(Impossible::BadArrivals));
        }
        for cv in [0.0, -1.0, f64::NAN] {
            assert_eq!(make(Gaps::Gamma { cv }, 1.0, 1, second), Some(Impossible::BadArrivals));
        }
        let endless = Delay::Exponential { mean_us: f64::INFINITY };
        assert_eq!(make(Gaps::Poisson, 1.0, 1, endless), Some(Impossible::BadServiceTime));
        assert_eq!(make(Gaps::Even, 1e-6, u64::MAX, second), Some(Impossible::BeyondHorizon));
        assert_eq!(make(Gaps::Even, 1.0, 0, second), None);
    }
}
