//! Statistics of the gaps between requests.

use super::bins::SECOND_US;
use super::features::IDLE_TIMEOUTS_S;

/// What the gaps of a request log say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gaps {
    /// Population standard deviation / mean.
    pub(super) cv: Option<f64>,
    /// Goh and Barabasi's burstiness.
    pub(super) burstiness: Option<f64>,
    /// Kim and Jo's burstiness for a finite number of events.
    pub(super) burstiness_finite: Option<f64>,
    /// The longest.
    pub(super) longest_s: Option<f64>,
    /// Share of the span a server with each idle timeout would be up.
    pub(super) warm_fraction: Option<[f64; IDLE_TIMEOUTS_S.len()]>,
    /// Gaps longer than each idle timeout.
    pub(super) n_over: Option<[u64; IDLE_TIMEOUTS_S.len()]>,
    /// Resolution of the clock where it is visibly coarse, else zero: more than half of the gaps
    /// are zero and none is between zero and this.
    pub(super) clock_us: i64,
}

impl Gaps {
    /// Of arrivals that do not fall.
    pub(super) fn of(at_us: &[i64]) -> Gaps {
        let (Some(first), Some(last)) = (at_us.first(), at_us.last()) else {
            return Gaps::default();
        };
        let n = at_us.len() - 1;
        if n == 0 {
            return Gaps::default();
        }
        let span_us = last.saturating_sub(*first);
        let limits = IDLE_TIMEOUTS_S.map(|s| i64::from(s) * SECOND_US);
        let mut warm_us = [0_i64; IDLE_TIMEOUTS_S.len()];
        let mut over = [0_u64; IDLE_TIMEOUTS_S.len()];
        let (mut longest, mut shortest, mut ties) = (0, i64::MAX, 0_usize);
        // Gaps that are warm at every timeout.
        let mut short_us = 0_i64;
        let (mean, mut squares) = (span_us as f64 / n as f64, 0.0);
        for gap in gaps(at_us) {
            squares += (gap as f64 - mean) * (gap as f64 - mean);
            longest = gap.max(longest);
            if gap == 0 {
                ties += 1;
                continue;
            }
            shortest = gap.min(shortest);
            if gap <= limits[0] {
                short_us = short_us.saturating_add(gap);
                continue;
            }
            for ((limit, warm), over) in limits.iter().zip(&mut warm_us).zip(&mut over) {
                *warm = warm.saturating_add(gap.min(*limit));
                *over += u64::from(gap > *limit);
            }
        }
        let cv = variation(n, mean, squares);
        let known = span_us > 0;
        Gaps {
            cv,
            burstiness: cv.map(burstiness),
            burstiness_finite: cv.map(|cv| burstiness_finite(cv, at_us.len() as f64)),
            longest_s: Some(longest as f64 / 1e6),
            warm_fraction: known
                .then(|| warm_us.map(|us| us.saturating_add(short_us) as f64 / span_us as f64)),
            n_over: Some(over),
            clock_us: if 2 * ties > n && known { shortest } else { 0 },
        }
    }
}

fn gaps(at_us: &[i64]) -> impl Iterator<Item = i64> {
    at_us.windows(2).map(|pair| pair[1].saturating_sub(pair[0]))
}

/// Coefficient of variation of `n` gaps from the squares of their distance to the mean; nothing for fewer
/// than two gaps or no time between them. Gaps of 1 s and 3 s: standard deviation 1 s, mean 2 s, 0.5.
fn variation(n: usize, mean: f64, squares: f64) -> Option<f64> {
    (n > 1 && mean > 0.0).then(|| (squares / n as f64).sqrt() / mean)
}

/// B = (cv - 1) / (cv + 1): -1 for a timer, 0 for a Poisson process (Goh and Barabasi,
/// Europhysics Letters 81, 48002, 2008). cv 3 gives 0.5.
fn burstiness(cv: f64) -> f64 {
    (cv - 1.0) / (cv + 1.0)
}

/// The same, corrected for n events: (sqrt(n+1) cv - sqrt(n-1)) / ((sqrt(n+1) - 2) cv + sqrt(n-1))
/// (Kim and Jo, Physical Review E 94, 032311, 2016). cv 2 of 8 events:
/// (6 - sqrt 7) / (2 + sqrt 7) = 0.722.
fn burstiness_finite(cv: f64, n: f64) -> f64 {
    let (above, below) = ((n + 1.0).sqrt(), (n - 1.0).sqrt());
    (above * cv - below) / ((above - 2.0) * cv + below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_numbers_of_the_formulas() {
        let found = Gaps::of(&[0, 1_000_000, 4_000_000]);
        assert_eq!(found.cv, Some(0.5));
        assert_eq!(found.longest_s, Some(3.0));
        assert!((burstiness(3.0) - 0.5).abs() < 1e-12);
        assert!((burstiness_finite(2.0, 8.0) - 0.722).abs() < 1e-3);
    }

    #[test]
    fn a_gap_of_the_timeout_itself_is_warm() {
        // Gaps of 10 s and 40 s: warm 10 + 10 of 50 s at a timeout of 10 s, always at 60 s.
        let found = Gaps::of(&[0, 10_000_000, 50_000_000]);
        assert_eq!(found.warm_fraction.unwrap()[..2], [0.4, 1.0]);
        assert_eq!(found.n_over.unwrap()[..2], [1, 0]);
    }

    #[test]
    fn too_few_requests_say_nothing() {
        assert_eq!(Gaps::of(&[]), Gaps::default());
        assert_eq!(Gaps::of(&[5]), Gaps::default());
        let tied = Gaps::of(&[5, 5, 5]);
        assert_eq!((tied.cv, tied.warm_fraction, tied.clock_us), (None, None, 0));
    }

    #[test]
    fn a_coarse_clock_is_seen() {
        let ticks: Vec<i64> = (0..30).map(|i| i / 3 * 3_000_000).collect();
        assert_eq!(Gaps::of(&ticks).clock_us, 3_000_000);
        let steady: Vec<i64> = (0..30).map(|i| i * 3_000_000).collect();
        assert_eq!(Gaps::of(&steady).clock_us, 0);
    }
}
