//! Durations as engines count them: so many up to each bound.

/// A histogram of seconds, cumulative as Prometheus has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Upper bound in seconds, ascending, and how many were at most that long. The last bound is infinite.
    bounds: Vec<(f64, u64)>,
}

impl Histogram {
    /// From bounds with cumulative counts, of any order; nothing without an infinite bound or without
    /// anything counted.
    pub fn new(mut bounds: Vec<(f64, u64)>) -> Option<Histogram> {
        bounds.retain(|it| !it.0.is_nan());
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Counters that were read at different instants can run backwards by a few.
        let mut most = 0;
        for it in &mut bounds {
            most = most.max(it.1);
            it.1 = most;
        }
        bounds
            .last()
            .is_some_and(|it| it.0 == f64::INFINITY && it.1 > 0)
            .then_some(Histogram { bounds })
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.bounds.last().map_or(0, |it| it.1)
    }

    /// Both together, where they have the same bounds.
    #[must_use]
    pub fn merged(&self, other: &Histogram) -> Option<Histogram> {
        let same = self.bounds.len() == other.bounds.len()
            && self.bounds.iter().zip(&other.bounds).all(|(a, b)| a.0.total_cmp(&b.0).is_eq());
        let sum = |(a, b): (&(f64, u64), &(f64, u64))| (a.0, a.1.saturating_add(b.1));
        same.then(|| Histogram { bounds: self.bounds.iter().zip(&other.bounds).map(sum).collect() })
    }

    /// The share that took at most `limit_s`, by straight lines between the bounds. Of 10 up to 0.5 s and 16 up
    /// to 1 s of 16, 13 of 16 took at most 0.75 s.
    pub fn share_within(&self, limit_s: f64) -> f64 {
        let total = self.count().max(1) as f64;
        let (mut low, mut below) = (0.0, 0_u64);
        for (bound, n) in &self.bounds {
            if limit_s < *bound {
                // Beyond the last finite bound nobody knows how long they took.
                let part = if bound.is_finite() { (limit_s - low) / (bound - low) } else { 0.0 };
                return (below as f64 + part * (n - below) as f64) / total;
            }
            (low, below) = (*bound, *n);
        }
        1.0
    }

    /// The time that a share of them keep, by straight lines between the bounds; nothing where it lies beyond
    /// the last finite one.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share.clamp(0.0, 1.0) * self.count() as f64;
        let (mut low, mut below) = (0.0, 0_u64);
        for (bound, n) in &self.bounds {
            if *n as f64 >= rank && *n > below {
                let part = (rank - below as f64) / (n - below) as f64;
                return bound.is_finite().then(|| low + part * (bound - low));
            }
            (low, below) = (*bound, *n);
        }
        None
    }
}

/// What the engines of a workload counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineLatencies {
    /// Time to the first token.
    pub ttft: Option<Histogram>,
    /// Time per output token: of whole requests where the engine has it, else the gaps between tokens.
    pub tpot: Option<Histogram>,
}

impl EngineLatencies {
    /// Counts another engine in. Where its bounds are others, what has counted more stays.
    pub fn add(&mut self, other: &EngineLatencies) {
        add(&mut self.ttft, other.ttft.as_ref());
        add(&mut self.tpot, other.tpot.as_ref());
    }
}

fn add(sum: &mut Option<Histogram>, other: Option<&Histogram>) {
    let Some(other) = other else { return };
    *sum = match sum.take() {
        None => Some(other.clone()),
        Some(it) => Some(
            it.merged(other)
                .unwrap_or_else(|| if other.count() > it.count() { other.clone() } else { it }),
        ),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_quantiles_by_hand() {
        let it = Histogram::new(vec![(f64::INFINITY, 20), (0.5, 10), (1.0, 16)]).unwrap();
        assert_eq!(it.count(), 20);
        for (limit, share) in [(0.25, 0.25), (0.5, 0.5), (0.75, 0.65), (1.0, 0.8), (9.0, 0.8)] {
            assert!((it.share_within(limit) - share).abs() < 1e-12, "{limit}");
        }
        assert_eq!(it.quantile(0.5), Some(0.5));
        assert_eq!(it.quantile(0.65), Some(0.75));
        assert_eq!(it.quantile(0.95), None);
        let twice = it.merged(&it).unwrap();
        assert_eq!((twice.count(), twice.quantile(0.65)), (40, Some(0.75)));
        assert_eq!(Histogram::new(vec![(0.5, 10)]), None);
        assert_eq!(Histogram::new(vec![(f64::INFINITY, 0)]), None);
    }
}
