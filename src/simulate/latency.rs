//! Waits and times to the first token, ranked exactly.

use super::plan::SloLimits;
use super::service::ServiceModel;

/// Mean and nearest-rank quantiles of a latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// The mean, microseconds.
    pub mean_us: f64,
    /// Half of the requests had at most this.
    pub p50_us: u64,
    /// 95 % had at most this.
    pub p95_us: u64,
    /// 99 % had at most this.
    pub p99_us: u64,
}

/// Times kept for ranking. Zeros, which are most waits of a plan that works, take no room, and
/// times below 71 minutes take four bytes.
#[derive(Debug, Default)]
struct Ranked {
    n_zero: u64,
    small: Vec<u32>,
    large: Vec<u64>,
    sum_us: u128,
}

impl Ranked {
    #[inline]
    fn record(&mut self, us: u64) {
        if us == 0 {
            self.n_zero += 1;
            return;
        }
        self.sum_us += u128::from(us);
        match u32::try_from(us) {
            Ok(small) => self.small.push(small),
            Err(_) => self.large.push(us),
        }
    }

    fn len(&self) -> u64 {
        self.n_zero + self.small.len() as u64 + self.large.len() as u64
    }

    /// Nearest rank: the value at place ceil(percent x n / 100), counted from 1.
    fn quantile(&mut self, percent: u64) -> u64 {
        let rank = u128::from(self.len()) * u128::from(percent);
        let rank = u64::try_from(rank.div_ceil(100)).unwrap_or(u64::MAX);
        let Some(place) = rank.checked_sub(self.n_zero + 1) else { return 0 };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if place < self.small.len() {
            u64::from(*self.small.select_nth_unstable(place).1)
        } else {
            let place = place - self.small.len();
            if place < self.large.len() { *self.large.select_nth_unstable(place).1 } else { 0 }
        }
    }

    fn summary(&mut self) -> Option<Latency> {
        (self.len() > 0).then(|| Latency {
            mean_us: self.sum_us as f64 / self.len() as f64,
            p50_us: self.quantile(50),
            p95_us: self.quantile(95),
            p99_us: self.quantile(99),
        })
    }
}

/// What is measured of each request when it starts to be served, in order of arrival.
pub(super) trait Measure {
    /// One request waited `wait_us` and has `prefill_us` of service before its first token.
    fn record(&mut self, wait_us: u64, prefill_us: u64);
}

/// All latencies of a run and how many requests kept the limits.
#[derive(Debug)]
pub(super) struct Latencies {
    waits: Ranked,
    /// Nothing when ttft is the wait.
    ttfts: Option<Ranked>,
    /// The longest ttft that attains; nothing when no request can.
    limit_us: Option<u64>,
    n_attained: u64,
}

impl Latencies {
    /// For `n` requests: all the room is taken before the first.
    pub(super) fn new(n: usize, service: &ServiceModel, slo: Option<SloLimits>) -> Latencies {
        let ttfts = service
            .has_prefill()
            .then(|| Ranked { small: Vec::with_capacity(n), ..Ranked::default() });
        let waits = Ranked { small: Vec::with_capacity(n), ..Ranked::default() };
        let limits = slo.unwrap_or_default();
        let tpot_kept = match (limits.tpot_us, service.tpot_us()) {
            (Some(limit), Some(tpot)) => tpot <= limit,
            _ => true,
        };
        let limit_us = tpot_kept.then(|| limits.ttft_us.unwrap_or(u64::MAX));
        Latencies { waits, ttfts, limit_us, n_attained: 0 }
    }

    /// Requests that kept the limits.
    pub(super) const fn n_attained(&self) -> u64 {
        self.n_attained
    }

    /// Wait and ttft; nothing without requests.
    pub(super) fn summaries(&mut self) -> (Option<Latency>, Option<Latency>) {
        let wait = self.waits.summary();
        let ttft = match &mut self.ttfts {
            Some(ttfts) => ttfts.summary(),
            None => wait,
        };
        (wait, ttft)
    }
}

impl Measure for Latencies {
    #[inline]
    fn record(&mut self, wait_us: u64, prefill_us: u64) {
        self.waits.record(wait_us);
        let ttft = wait_us.saturating_add(prefill_us);
        if let Some(ttfts) = &mut self.ttfts {
            ttfts.record(ttft);
        }
        self.n_attained += u64::from(self.limit_us.is_some_and(|limit| ttft <= limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_over_zero_small_and_large() {
        let mut ranked = Ranked::default();
        for us in [0, 0, 3, 1, u64::from(u32::MAX) + 9, 2] {
            ranked.record(us);
        }
        let expected = [(0, 0), (33, 0), (34, 1), (50, 1), (51, 2), (83, 3), (84, 4_294_967_304)];
        for (percent, value) in expected {
            assert_eq!(ranked.quantile(percent), value, "{percent}");
        }
        assert_eq!(Ranked::default().summary(), None);
    }

    #[test]
    fn attainment_counts_ttft_and_tpot() {
        let check = |limit_us, tpot_us, expected| {
            let service = ServiceModel::Tokens { prefill_us_per_token: 1.0, tpot_us: 20.0 };
            let slo = SloLimits { ttft_us: Some(limit_us), tpot_us };
            let mut latencies = Latencies::new(3, &service, Some(slo));
            for (wait, prefill) in [(0, 10), (5, 5), (6, 5)] {
                latencies.record(wait, prefill);
            }
            assert_eq!(latencies.n_attained(), expected);
        };
        check(10, None, 2);
        check(11, Some(20.0), 3);
        check(11, Some(19.9), 0);
    }
}
