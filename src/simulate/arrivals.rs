//! The requests a plan must serve: taken from a log, or made from counts by a seeded process.

use crate::units::{Period, Timestamp};
use crate::workload::{ArrivalTrace, CountBin, CountSeries};

use super::random::{Random, seed_of};

/// Most requests a trace may hold; beyond, memory rather than arithmetic is the limit.
const MAX_REQUESTS: u64 = 100_000_000;

/// Requests of one window in order of arrival.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Microseconds since the window start, not falling, all inside the window.
    at_us: Vec<u64>,
    /// Prompt and completion tokens, if the data have them; as long as `at_us`.
    tokens: Option<(Vec<u32>, Vec<u32>)>,
    window_us: u64,
    n_tokens_imputed: u64,
}

/// The counts ask for more requests than can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{requests} requests are too many to replay one by one (at most {MAX_REQUESTS})")]
pub struct TooManyRequests {
    /// Requests asked for.
    pub requests: u64,
}

impl Trace {
    /// Arrival times since the window start, without tokens. Sorted if need be; times at or after
    /// the end of the window are left out.
    pub fn new(at_us: Vec<u64>, window_us: u64) -> Trace {
        Trace { at_us, tokens: None, window_us, n_tokens_imputed: 0 }.proven()
    }

    /// As [`Trace::new`], each arrival with its prompt and completion tokens.
    pub fn with_tokens(requests: &[(u64, u32, u32)], window_us: u64) -> Trace {
        let prompt = requests.iter().map(|it| it.1).collect();
        let completion = requests.iter().map(|it| it.2).collect();
        let at_us = requests.iter().map(|it| it.0).collect();
        let tokens = Some((prompt, completion));
        Trace { at_us, tokens, window_us, n_tokens_imputed: 0 }.proven()
    }

    /// The requests of a log that arrived inside the window.
    pub fn from_arrivals(log: &ArrivalTrace, window: Period) -> Trace {
        let has_tokens = log.tokens.len() == log.at_us.len() && !log.tokens.is_empty();
        let inside = || {
            log.at_us
                .iter()
                .enumerate()
                .filter_map(|(i, at)| offset_in(window, *at).map(|at| (i, at)))
        };
        let at_us = inside().map(|(_, at)| at).collect();
        let tokens = has_tokens.then(|| {
            inside().map(|(i, _)| (log.tokens[i].prompt, log.tokens[i].completion)).unzip()
        });
        Trace { at_us, tokens, window_us: length(window), n_tokens_imputed: 0 }.proven()
    }

    /// Requests made from counts per period.
    ///
    /// The n requests of a period are n gaps of a Gamma distribution with the period's coefficient
    /// of variation (1 where it was not measured, even spacing at 0), scaled to fill the period and
    /// shifted by a uniform phase, so that no gap is cut or doubled at the edge. At 1 they are n
    /// independent uniform instants: a Poisson process given its count. Then the rate inside a period
    /// is bent to meet those of its neighbours half way, so that a rise between two periods has no
    /// step. Seeded from (`seed`,
    /// `workload`, start of the period). Tokens are spread so that the totals match exactly: request
    /// i of n gets floor((i+1)T/n) - floor(iT/n). Where a period has no token count and others
    /// have, it gets the mean per request of those; [`Trace::n_tokens_imputed`] says how many.
    pub fn from_counts(
        series: &CountSeries,
        window: Period,
        workload: &str,
        seed: u64,
    ) -> Result<Trace, TooManyRequests> {
        let bins: Vec<&CountBin> = series
            .bins
            .iter()
            .filter(|bin| bin.requests > 0 && bin.period.intersect(window).is_some())
            .collect();
        let requests = bins.iter().fold(0_u64, |sum, bin| sum.saturating_add(bin.requests));
        if requests > MAX_REQUESTS {
            return Err(TooManyRequests { requests });
        }
        let prompt_mean = MeanTokens::over(&bins, |bin| bin.prompt_tokens);
        let completion_mean = MeanTokens::over(&bins, |bin| bin.completion_tokens);
        let means = prompt_mean.zip(completion_mean);
        let mut trace = Trace {
            at_us: Vec::new(),
            tokens: means.map(|_| (Vec::new(), Vec::new())),
            window_us: length(window),
            n_tokens_imputed: 0,
        };
        let mut offsets = Vec::new();
        for (i, bin) in bins.iter().enumerate() {
            fill_offsets(bin, seed_of(seed, workload, bin.period.start().us()), &mut offsets);
            Profile::of(&bins, i, window).bend(&mut offsets, length(bin.period));
            let start = bin.period.start();
            let totals = means.map(|(prompt, completion)| {
                (
                    prompt.total_of(bin.prompt_tokens, bin),
                    completion.total_of(bin.completion_tokens, bin),
                )
            });
            let imputed = bin.prompt_tokens.is_none() || bin.completion_tokens.is_none();
            for (i, offset) in (0_u64..).zip(&offsets) {
                let at = start.plus_us(i64::try_from(*offset).unwrap_or(i64::MAX));
                let Some(at) = offset_in(window, at.us()) else { continue };
                trace.at_us.push(at);
                if let (Some((prompt, completion)), Some(totals)) = (&mut trace.tokens, totals) {
                    prompt.push(share(totals.0, i, bin.requests));
                    completion.push(share(totals.1, i, bin.requests));
                    trace.n_tokens_imputed += u64::from(imputed);
                }
            }
        }
        Ok(trace.proven())
    }

    /// What arrives from `from_us` on, in a window that begins there.
    #[must_use]
    pub fn since(&self, from_us: u64) -> Trace {
        self.between(from_us, self.window_us)
    }

    /// What arrives from `from_us` to before `to_us`, in a window of that time.
    #[must_use]
    pub fn between(&self, from_us: u64, to_us: u64) -> Trace {
        let to_us = to_us.min(self.window_us);
        let first = self.at_us.partition_point(|at| *at < from_us);
        let end = self.at_us.partition_point(|at| *at < to_us).max(first);
        let tail = |tokens: &[u32]| tokens.get(first..end).unwrap_or_default().to_vec();
        Trace {
            at_us: self.at_us[first..end].iter().map(|at| at - from_us).collect(),
            tokens: self
                .tokens
                .as_ref()
                .map(|(prompt, completion)| (tail(prompt), tail(completion))),
            window_us: to_us.saturating_sub(from_us),
            n_tokens_imputed: self.n_tokens_imputed,
        }
    }

    /// Some spans of the window, one after another as if they were neighbours: of spans of a minute the
    /// second begins at 60 s.
    #[must_use]
    pub fn joined(&self, spans: &[(u64, u64)]) -> Trace {
        let tokens = self.tokens.as_ref().map(|_| (Vec::new(), Vec::new()));
        let mut joined = Trace { tokens, ..Trace::default() };
        for (from_us, to_us) in spans {
            let span = self.between(*from_us, *to_us);
            let before_us = joined.window_us;
            joined.at_us.extend(span.at_us.iter().map(|at| before_us + at));
            if let (Some(all), Some(new)) = (&mut joined.tokens, span.tokens) {
                all.0.extend(new.0);
                all.1.extend(new.1);
            }
            joined.window_us += span.window_us;
        }
        joined
    }

    /// Requests in the trace.
    pub fn len(&self) -> usize {
        self.at_us.len()
    }

    /// True for no request.
    pub fn is_empty(&self) -> bool {
        self.at_us.is_empty()
    }

    /// Length of the window, microseconds.
    pub const fn window_us(&self) -> u64 {
        self.window_us
    }

    /// Arrivals, microseconds since the window start.
    pub fn at_us(&self) -> &[u64] {
        &self.at_us
    }

    /// Prompt tokens and completion tokens, one of each per request, if the data have them.
    pub fn tokens(&self) -> Option<(&[u32], &[u32])> {
        self.tokens.as_ref().map(|(prompt, completion)| (prompt.as_slice(), completion.as_slice()))
    }

    /// Requests whose tokens are the mean of other periods because theirs had no count.
    pub const fn n_tokens_imputed(&self) -> u64 {
        self.n_tokens_imputed
    }

    /// Requests of the busiest hour on the clock of the window; zero without requests.
    pub fn busiest_hour(&self) -> u64 {
        let hour = |at: &u64| at / super::plan::US_PER_HOUR;
        let runs = self.at_us.chunk_by(|a, b| hour(a) == hour(b));
        runs.map(|run| run.len() as u64).max().unwrap_or(0)
    }

    /// Restores the invariants that the engine relies on; does nothing to a trace that has them.
    fn proven(mut self) -> Trace {
        let end = self.window_us;
        let sorted = self.at_us.is_sorted();
        if sorted && self.at_us.last().is_none_or(|last| *last < end) {
            return self;
        }
        let mut order: Vec<usize> =
            (0..self.at_us.len()).filter(|i| self.at_us[*i] < end).collect();
        order.sort_by_key(|i| self.at_us[*i]);
        self.at_us = order.iter().map(|i| self.at_us[*i]).collect();
        self.tokens = self
            .tokens
            .map(|(prompt, completion)| order.iter().map(|i| (prompt[*i], completion[*i])).unzip());
        self
    }
}

/// Tokens and requests of the periods that counted both.
#[derive(Clone, Copy)]
struct MeanTokens {
    tokens: u128,
    requests: u128,
}

impl MeanTokens {
    /// Over the periods for which `column` has a value; nothing when none has.
    fn over(bins: &[&CountBin], column: impl Fn(&CountBin) -> Option<u64>) -> Option<MeanTokens> {
        let measured =
            bins.iter().filter_map(|bin| column(bin).map(|tokens| (tokens, bin.requests)));
        let mean =
            measured.fold(MeanTokens { tokens: 0, requests: 0 }, |sum, (tokens, requests)| {
                MeanTokens {
                    tokens: sum.tokens + u128::from(tokens),
                    requests: sum.requests + u128::from(requests),
                }
            });
        (mean.requests > 0).then_some(mean)
    }

    /// The count of the period, or the mean times its requests.
    fn total_of(self, counted: Option<u64>, bin: &CountBin) -> u64 {
        counted.unwrap_or_else(|| {
            let total = self.tokens * u128::from(bin.requests) / self.requests;
            u64::try_from(total).unwrap_or(u64::MAX)
        })
    }
}

/// What request `i` of `n` gets of a total: floor((i+1)T/n) - floor(iT/n).
fn share(total: u64, i: u64, n: u64) -> u32 {
    let upto = |i: u64| u128::from(total) * u128::from(i) / u128::from(n);
    u32::try_from(upto(i + 1) - upto(i)).unwrap_or(u32::MAX)
}

/// The arrivals of one period, microseconds since its start, in order.
fn fill_offsets(bin: &CountBin, seed: u64, offsets: &mut Vec<u64>) {
    offsets.clear();
    let length_us = length(bin.period);
    let n = bin.requests;
    let cv = bin.interarrival_cv.filter(|cv| cv.is_finite() && *cv >= 0.0).unwrap_or(1.0);
    // Below this the gaps differ by less than the clock can show and the shape overflows.
    if cv < 1e-6 {
        let even = |i: u64| u128::from(2 * i + 1) * u128::from(length_us) / (2 * u128::from(n));
        offsets.extend((0..n).map(|i| u64::try_from(even(i)).unwrap_or(length_us)));
        return;
    }
    let mut random = Random::new(seed);
    let mut gaps = draw_gaps(&mut random, n, cv);
    let mut sum = 0.0;
    for gap in &mut gaps {
        sum += *gap;
        *gap = sum;
    }
    // A point on the circle of gaps becomes the start of the period.
    let phase = random.unit() * sum;
    let first = gaps.partition_point(|end| *end < phase);
    let scale = length_us as f64 / sum;
    let last_us = length_us.saturating_sub(1);
    let after = gaps[first..].iter().map(|end| end - phase);
    let wrapped = gaps[..first].iter().map(|end| end - phase + sum);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the length of the period; the cut to whole microseconds is meant"
    )]
    offsets.extend(after.chain(wrapped).map(|at| ((at * scale) as u64).min(last_us)));
}

/// The rate inside a period as two straight lines, relative to its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Profile {
    begin: f64,
    middle: f64,
    end: f64,
}

impl Profile {
    /// At each end the mean of the period's own rate and its neighbour's, in the middle what keeps the
    /// count: between counts of 20 and 40, 30 in periods of one length go from 25 over 30 to 35. A
    /// period without a row beside it has a neighbour of zero, one at the edge of the window its own
    /// rate.
    fn of(bins: &[&CountBin], at: usize, window: Period) -> Profile {
        let own = bins[at].period;
        let rate = |bin: &CountBin| bin.requests as f64 / length(bin.period).max(1) as f64;
        let before = at.checked_sub(1).map(|it| bins[it]);
        let after = bins.get(at + 1).copied();
        let mean = rate(bins[at]);
        let half_way = |beside: Option<&CountBin>, is_edge: bool| match beside {
            Some(bin) => f64::midpoint(mean, rate(bin)) / mean,
            None if is_edge => 1.0,
            None => 0.5,
        };
        // Rows that end at 09:59:59 touch the next.
        let near = |end: Timestamp, start: Timestamp| {
            start.us() - end.us() <= i64::try_from(length(own) / 100).unwrap_or(0)
        };
        let touching = before.filter(|it| near(it.period.end(), own.start()));
        let begin = half_way(touching, near(window.start(), own.start()));
        let touching = after.filter(|it| near(own.end(), it.period.start()));
        let end = half_way(touching, near(own.end(), window.end()));
        Profile { begin, middle: (2.0 - f64::midpoint(begin, end)).max(0.0), end }
    }

    /// Moves arrivals of a constant rate to where the same share of this one has arrived.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the length of the period"
    )]
    fn bend(self, offsets: &mut [u64], length_us: u64) {
        if self == (Profile { begin: 1.0, middle: 1.0, end: 1.0 }) {
            return;
        }
        let last_us = length_us.saturating_sub(1);
        for offset in offsets {
            let share = (*offset as f64 + 0.5) / length_us as f64;
            *offset = ((self.place_of(share) * length_us as f64) as u64).min(last_us);
        }
    }

    /// The place, as a share of the period, up to which this share of the requests has arrived.
    fn place_of(self, share: f64) -> f64 {
        let first_half = (self.begin + self.middle) / 4.0;
        let all = first_half + (self.middle + self.end) / 4.0;
        let (area, from, to, start) = if share * all < first_half {
            (share * all, self.begin, self.middle, 0.0)
        } else {
            (share * all - first_half, self.middle, self.end, 0.5)
        };
        // area = from x + (to - from) x^2, solved without the difference of near equals.
        let root = libm::sqrt((from * from + 4.0 * (to - from) * area).max(0.0));
        let divisor = from + root;
        start + if divisor > 0.0 { (2.0 * area / divisor).min(0.5) } else { 0.0 }
    }
}

/// `n` Gamma gaps with this coefficient of variation, in units of their own; their sum is positive.
fn draw_gaps(random: &mut Random, n: u64, cv: f64) -> Vec<f64> {
    #[expect(clippy::float_cmp, reason = "exactly 1 is the default and has a shorter way")]
    if cv == 1.0 {
        return (0..n).map(|_| random.exponential()).collect();
    }
    // Scaled by the largest, so that an extreme shape cannot make every gap vanish.
    let shape = 1.0 / (cv * cv);
    let logs: Vec<f64> = (0..n).map(|_| random.ln_gamma(shape.max(1e-9))).collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logs.iter().map(|log| libm::exp(log - largest)).collect()
}

/// Microseconds from the start of the window, if inside.
fn offset_in(window: Period, at_us: i64) -> Option<u64> {
    let offset = u64::try_from(at_us.checked_sub(window.start().us())?).ok()?;
    (offset < length(window)).then_some(offset)
}

fn length(period: Period) -> u64 {
    u64::try_from(period.len_us()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::RequestTokens;
    use proptest::prelude::*;

    fn period(start: i64, end: i64) -> Period {
        Period::new(Timestamp::from_us(start), Timestamp::from_us(end)).unwrap()
    }

    fn bin(start: i64, requests: u64, tokens: Option<u64>, cv: Option<f64>) -> CountBin {
        CountBin {
            period: period(start, start + 60_000_000),
            requests,
            prompt_tokens: tokens,
            completion_tokens: tokens,
            interarrival_cv: cv,
        }
    }

    fn from(bins: Vec<CountBin>, window: Period) -> Trace {
        let series = CountSeries { bins, width_us: 60_000_000 };
        Trace::from_counts(&series, window, "chat", 42).unwrap()
    }

    #[test]
    fn even_gaps_and_exact_tokens() {
        let trace = from(vec![bin(0, 3, Some(10), Some(0.0))], period(0, 60_000_000));
        assert_eq!(trace.at_us(), [10_000_000, 30_000_000, 50_000_000]);
        assert_eq!(trace.tokens(), Some(([3, 3, 4].as_slice(), [3, 3, 4].as_slice())));
    }

    /// From 25 over 30 to 35: 27.5 of 60 have come by the middle.
    #[test]
    fn the_rate_meets_its_neighbours_half_way() {
        let (before, own, after) = (
            bin(0, 20, None, None),
            bin(60_000_000, 30, None, None),
            bin(120_000_000, 40, None, None),
        );
        let window = period(0, 180_000_000);
        let profile = Profile::of(&[&before, &own, &after], 1, window);
        let expected = Profile { begin: 25.0 / 30.0, middle: 1.0, end: 35.0 / 30.0 };
        assert!((profile.begin - expected.begin).abs() < 1e-12);
        assert!((profile.middle - 1.0).abs() < 1e-12 && (profile.end - expected.end).abs() < 1e-12);
        for (share, place) in [(0.0, 0.0), (27.5 / 60.0, 0.5), (1.0, 1.0)] {
            assert!((profile.place_of(share) - place).abs() < 1e-12, "{share}");
        }
        let alone = Profile::of(&[&own], 0, own.period);
        assert_eq!(alone, Profile { begin: 1.0, middle: 1.0, end: 1.0 });
        let early = CountBin { period: period(60_000_000, 119_999_999), ..own };
        let same = Profile::of(&[&before, &early, &after], 1, window);
        assert!((same.end - expected.end).abs() < 1e-6, "{same:?}");
        let between_nothing = Profile::of(&[&own], 0, window);
        assert_eq!(between_nothing, Profile { begin: 0.5, middle: 1.5, end: 0.5 });
        let after_many = Profile::of(&[&bin(0, 900, None, None), &own], 1, period(0, 120_000_000));
        assert!(after_many.middle == 0.0 && (after_many.place_of(1.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_log_is_clipped_to_the_window() {
        let log = ArrivalTrace {
            at_us: vec![5, 10, 19, 20],
            tokens: (1..=4).map(|n| RequestTokens { prompt: n, completion: 2 * n }).collect(),
            relative: false,
        };
        let trace = Trace::from_arrivals(&log, period(10, 20));
        assert_eq!(trace, Trace::with_tokens(&[(0, 2, 4), (9, 3, 6)], 10));
    }

    #[test]
    fn the_end_of_a_trace_begins_at_zero() {
        let trace = Trace::with_tokens(&[(0, 2, 4), (9, 3, 6), (9, 1, 1)], 12);
        assert_eq!(trace.since(9), Trace::with_tokens(&[(0, 3, 6), (0, 1, 1)], 3));
        assert_eq!(trace.since(0), trace);
        assert!(trace.since(10).is_empty());
    }

    #[test]
    fn tokens_not_counted_are_the_mean_of_the_others() {
        let bins = vec![bin(0, 2, Some(100), None), bin(60_000_000, 4, None, None)];
        let trace = from(bins, period(0, 120_000_000));
        assert_eq!(trace.tokens().unwrap().0, [50; 6]);
        assert_eq!(trace.n_tokens_imputed(), 4);
        assert_eq!(from(vec![bin(0, 2, None, None)], period(0, 60_000_000)).tokens(), None);
    }

    #[test]
    fn the_gaps_have_the_variation_asked_for() {
        for (cv, tolerance) in [(0.2, 0.02), (1.0, 0.05), (3.0, 0.3)] {
            let mut all = vec![bin(0, 4000, None, Some(cv))];
            all.push(bin(60_000_000, 4000, None, Some(cv)));
            let trace = from(all, period(0, 120_000_000));
            let gaps: Vec<f64> = trace.at_us().windows(2).map(|w| (w[1] - w[0]) as f64).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let square = gaps.iter().map(|gap| gap * gap).sum::<f64>() / gaps.len() as f64;
            let found = libm::sqrt(square - mean * mean) / mean;
            assert!((found - cv).abs() < tolerance, "{cv}: {found}");
        }
    }

    #[test]
    fn more_requests_than_memory_are_an_answer() {
        let series = CountSeries { bins: vec![bin(0, u64::MAX, None, None)], width_us: 60_000_000 };
        let found = Trace::from_counts(&series, period(0, 60_000_000), "x", 0);
        assert_eq!(found, Err(TooManyRequests { requests: u64::MAX }));
    }

    #[test]
    fn extreme_variation_still_gives_every_request() {
        for cv in [1e-9, 1e-4, 1e3, 1e9, f64::NAN, f64::INFINITY, -1.0] {
            let trace = from(vec![bin(0, 50, None, Some(cv))], period(0, 60_000_000));
            assert_eq!(trace.len(), 50, "{cv}");
        }
    }

    proptest! {
        #[test]
        fn counts_are_kept_inside_their_period(
            counts in proptest::collection::vec((0_u64..40, 0_u64..5000, 0.0_f64..4.0), 1..8),
            seed in any::<u64>(),
        ) {
            let bins: Vec<CountBin> = (0_i64..).zip(&counts)
                .map(|(i, (n, tokens, cv))| bin(i * 60_000_000, *n, Some(*tokens), Some(*cv)))
                .collect();
            let end = 60_000_000 * i64::try_from(counts.len()).unwrap();
            let series = CountSeries { bins, width_us: 60_000_000 };
            let trace = Trace::from_counts(&series, period(0, end), "w", seed).unwrap();
            prop_assert!(trace.at_us().is_sorted());
            for (i, (n, tokens, _)) in counts.iter().enumerate() {
                let inside = |at: u64| at / 60_000_000 == i as u64;
                let found = trace.at_us().iter().filter(|at| inside(**at)).count() as u64;
                prop_assert_eq!(found, *n);
                if let Some((prompt, _)) = trace.tokens() {
                    let sum: u64 = trace.at_us().iter().zip(prompt)
                        .filter(|(at, _)| inside(**at)).map(|(_, it)| u64::from(*it)).sum();
                    prop_assert_eq!(sum, if *n == 0 { 0 } else { *tokens });
                }
            }
        }
    }
}
