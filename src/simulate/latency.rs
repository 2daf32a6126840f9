//! Waits and times to the first token, ranked exactly.

use super::plan::SloLimits;
use super::pool::Pool;
use super::service::{Request, Source};
use super::sketch::Sketch;
use crate::units::Fraction;

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
    /// Whether the quantiles are exact; of more than 8 million values they are within 0.05 %.
    pub is_exact: bool,
}

/// Values kept one by one, at most; the rest of a run goes into a [`Sketch`]. At four bytes each
/// this is 32 MiB.
const MAX_EXACT: usize = 1 << 23;

/// Times kept for ranking. Zeros, which are most waits of a plan that works, take no room, and
/// times below 71 minutes take four bytes.
#[derive(Debug, Default)]
struct Ranked {
    n_zero: u64,
    small: Vec<u32>,
    large: Vec<u64>,
    /// All values but the zeros, once there are too many.
    sketch: Option<Sketch>,
    n_sketched: u64,
    sum_us: u128,
}

impl Ranked {
    fn with_room_for(n: u64) -> Ranked {
        let room = usize::try_from(n).unwrap_or(MAX_EXACT).min(MAX_EXACT);
        Ranked { small: Vec::with_capacity(room), ..Ranked::default() }
    }

    #[inline]
    fn record(&mut self, us: u64) {
        if us == 0 {
            self.n_zero += 1;
            return;
        }
        self.sum_us += u128::from(us);
        match u32::try_from(us) {
            Ok(small) if self.small.len() < MAX_EXACT => self.small.push(small),
            _ => self.record_large(us),
        }
    }

    #[cold]
    fn record_large(&mut self, us: u64) {
        if self.sketch.is_none() && self.small.len() + self.large.len() < MAX_EXACT {
            self.large.push(us);
            return;
        }
        self.sketch.get_or_insert_default().record(us);
        self.n_sketched += 1;
    }

    fn len(&self) -> u64 {
        self.n_zero + self.small.len() as u64 + self.large.len() as u64 + self.n_sketched
    }

    /// Puts all values into the sketch, if there is one.
    fn settle(&mut self) {
        if let Some(sketch) = &mut self.sketch {
            self.n_sketched += self.small.len() as u64 + self.large.len() as u64;
            self.small.drain(..).map(u64::from).for_each(|us| sketch.record(us));
            self.large.drain(..).for_each(|us| sketch.record(us));
        }
    }

    /// Nearest rank: the value at place ceil(percent x n / 100), counted from 1. Asked for in rising order,
    /// `from` is the place of the one before, below which nothing is larger any more.
    fn quantile(&mut self, percent: u64, from: &mut usize) -> u64 {
        let rank = u128::from(self.len()) * u128::from(percent);
        let rank = u64::try_from(rank.div_ceil(100)).unwrap_or(u64::MAX);
        let Some(place) = rank.checked_sub(self.n_zero + 1) else { return 0 };
        if let Some(sketch) = &self.sketch {
            return sketch.at(place);
        }
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if place < self.small.len() {
            let start = (*from).min(place);
            *from = place;
            u64::from(*self.small[start..].select_nth_unstable(place - start).1)
        } else {
            let place = place - self.small.len();
            if place < self.large.len() { *self.large.select_nth_unstable(place).1 } else { 0 }
        }
    }

    fn summary(&mut self) -> Option<Latency> {
        self.settle();
        let mut from = 0;
        (self.len() > 0).then(|| Latency {
            mean_us: self.sum_us as f64 / self.len() as f64,
            p50_us: self.quantile(50, &mut from),
            p95_us: self.quantile(95, &mut from),
            p99_us: self.quantile(99, &mut from),
            is_exact: self.sketch.is_none(),
        })
    }
}

/// What is measured of each request when it starts to be served, in order of arrival.
pub(super) trait Measure {
    /// One request waited `wait_us` and has `prefill_us` of service before its first token, or
    /// [`Request::ENDED`].
    fn record(&mut self, wait_us: u64, prefill_us: u64);

    /// Until `now` the pool was as it is, with so many requests in the queue.
    #[inline]
    fn until(&mut self, _now: u64, _pool: &Pool, _n_queued: usize) {}

    /// Whether too many requests have missed the limits already for the run to be of use.
    #[inline]
    fn is_hopeless(&self) -> bool {
        false
    }
}

/// Requests or instants between two looks at whether a run is still of use.
pub(super) const BETWEEN_LOOKS: u64 = 1 << 12;

/// All latencies of a run and how many requests kept the limits.
#[derive(Debug)]
pub(super) struct Latencies {
    waits: Ranked,
    /// Nothing when ttft is the wait.
    ttfts: Option<Ranked>,
    /// The longest ttft that attains; nothing when no request can.
    limit_us: Option<u64>,
    n_attained: u64,
    n_ended: u64,
    /// Requests that may miss the limits.
    most_missed: u64,
}

impl Latencies {
    /// For the requests of a source: all the room is taken before the first.
    pub(super) fn new(source: &impl Source, slo: Option<SloLimits>) -> Latencies {
        let ttfts = source.has_prefill().then(|| Ranked::with_room_for(source.len()));
        let waits = Ranked::with_room_for(source.len());
        let limits = slo.unwrap_or_default();
        let tpot_kept = match (limits.tpot_us, source.tpot_us()) {
            (Some(limit), Some(tpot)) => tpot <= limit,
            _ => true,
        };
        let limit_us = tpot_kept.then(|| limits.ttft_us.unwrap_or(u64::MAX));
        Latencies { waits, ttfts, limit_us, n_attained: 0, n_ended: 0, most_missed: u64::MAX }
    }

    /// The same, of use only while this share of the `n` requests can still keep the limits: of 100 at
    /// 0.95 six may miss, one more than are left, so that no rounding decides.
    pub(super) fn while_attained(self, n: u64, share: Fraction) -> Latencies {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let most_missed = (n as f64 * (1.0 - share.get())).ceil() as u64;
        Latencies { most_missed: most_missed.saturating_add(1), ..self }
    }

    /// Requests that kept the limits.
    pub(super) const fn n_attained(&self) -> u64 {
        self.n_attained
    }

    /// Requests ended in service.
    pub(super) const fn n_ended(&self) -> u64 {
        self.n_ended
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
        if prefill_us == Request::ENDED {
            self.n_ended += 1;
            return;
        }
        let ttft = wait_us.saturating_add(prefill_us);
        if let Some(ttfts) = &mut self.ttfts {
            ttfts.record(ttft);
        }
        self.n_attained += u64::from(self.limit_us.is_some_and(|limit| ttft <= limit));
    }

    fn is_hopeless(&self) -> bool {
        self.waits.len() - self.n_attained > self.most_missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{ServiceModel, Trace};

    #[test]
    fn beyond_the_room_the_quantiles_are_close() {
        let mut ranked = Ranked::default();
        let n = MAX_EXACT as u64 + 1000;
        for us in 1..=n {
            ranked.record(us);
        }
        let found = ranked.summary().unwrap();
        assert!(!found.is_exact);
        for (percent, value) in [(50, found.p50_us), (95, found.p95_us), (99, found.p99_us)] {
            let exact = (n * percent).div_ceil(100);
            assert!(value.abs_diff(exact) <= exact >> 11, "{percent}: {value} for {exact}");
        }
        assert!((found.mean_us - (n + 1) as f64 / 2.0).abs() < 1e-3);
    }

    #[test]
    fn nearest_rank_over_zero_small_and_large() {
        let mut ranked = Ranked::default();
        for us in [0, 0, 3, 1, u64::from(u32::MAX) + 9, 2] {
            ranked.record(us);
        }
        let expected = [(0, 0), (33, 0), (34, 1), (50, 1), (51, 2), (83, 3), (84, 4_294_967_304)];
        for (percent, value) in expected {
            assert_eq!(ranked.quantile(percent, &mut 0), value, "{percent}");
        }
        assert_eq!(Ranked::default().summary(), None);
    }

    #[test]
    fn attainment_counts_ttft_and_tpot() {
        let check = |limit_us, tpot_us, expected| {
            let service = ServiceModel::Tokens { prefill_us_per_token: 1.0, tpot_us: 20.0 };
            let slo = SloLimits { ttft_us: Some(limit_us), tpot_us };
            let trace = Trace::with_tokens(&[(0, 1, 1); 3], 10);
            let mut latencies = Latencies::new(&trace.served_by(&service), Some(slo));
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
