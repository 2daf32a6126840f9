//! The requests of one workload: the trace of its demand, and facts that have no place in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::super::window;
use super::outcome::{Outcome, Tells};
use super::{RequestFate, RequestRow};
use crate::units::{Period, RequestTokens, Timestamp, TokenCounts};
use crate::usage::{UsageRow, UsageTable};
use crate::workload::{ArrivalTrace, Offered};

/// Most names of models a log lists.
const MOST_MODELS: usize = 5;
/// Share of served requests in percent that may lack token counts: up to it they are left out of
/// the demand and the others keep their tokens; above it the log counts as one without tokens.
const MOST_WITHOUT_TOKENS_PERCENT: u64 = 1;

/// The requests of one workload.
#[derive(Clone, Debug)]
pub struct RequestLog {
    /// The workload.
    pub workload: String,
    /// The team that sent them, where the log names one team only.
    pub owner: Option<String>,
    /// Its requests in order of arrival: those that were served, and those that failed. Its
    /// [`crate::workload::Workload`] shares them.
    pub trace: Arc<ArrivalTrace>,
    /// What else the log says of them.
    pub facts: RequestFacts,
    samples: Samples,
}

/// What a log says beside arrivals and tokens, over the same time as the trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestFacts {
    /// Requests that were offered and not answered. They are part of the trace, but for those
    /// without token counts in a log that has them.
    pub failed: u64,
    /// Requests refused for a limit; not in the trace.
    pub throttled: u64,
    /// Requests answered from a cache of answers; not in the trace.
    pub cached: u64,
    /// Served requests whose tokens are not known.
    pub without_tokens: u64,
    /// How much the log tells of what became of a request.
    pub tells: Tells,
    /// Requests that asked for an image.
    pub images: u64,
    /// Prompt tokens that the engine had in its prefix cache, where the log tells.
    pub cached_prompt_tokens: Option<u64>,
    /// Mean time to the full answer, seconds, of served requests that have one.
    pub latency_mean_s: Option<f64>,
    /// Its median, by nearest rank.
    pub latency_p50_s: Option<f64>,
    /// Its 95th percentile, by nearest rank.
    pub latency_p95_s: Option<f64>,
    /// Median time to the first token, seconds, of served requests that have one.
    pub ttft_p50_s: Option<f64>,
    /// Its 95th percentile, by nearest rank.
    pub ttft_p95_s: Option<f64>,
    /// Models of the requests, the most frequent first, at most five.
    pub models: Vec<String>,
}

/// One request as a row or a span tells it.
#[derive(Clone, Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) at_us: i64,
    pub(super) tokens: Option<TokenCounts>,
    pub(super) outcome: Outcome,
    pub(super) tells: Tells,
    pub(super) asks_for_image: bool,
    pub(super) latency_us: Option<u64>,
    pub(super) ttft_us: Option<u64>,
    pub(super) cached_prompt_tokens: Option<u64>,
    pub(super) model: Option<&'a str>,
    pub(super) team: Option<&'a str>,
}

impl Record<'_> {
    /// The request as a rollup needs it.
    pub(super) fn row(&self, log: usize) -> RequestRow {
        let failed = self.outcome == Outcome::Failed;
        RequestRow {
            // There are never as many workloads.
            workload: u32::try_from(log).unwrap_or(u32::MAX),
            at_us: self.at_us,
            // No request has an empty prompt: zeros of a failure mean that nobody counted.
            tokens: self.tokens.filter(|it| !failed || it.total() > 0),
            fate: RequestFate::of(self.outcome, self.tells),
        }
    }
}

/// Values with the arrival of their request, in order, so that they can be cut to a window.
type Series = Vec<(i64, u64)>;

/// What the facts are made of.
#[derive(Clone, Debug, Default, PartialEq)]
struct Samples {
    failed: Vec<i64>,
    throttled: Vec<i64>,
    cached: Vec<i64>,
    without_tokens: Vec<i64>,
    images: Vec<i64>,
    tells: Tells,
    latency_us: Series,
    ttft_us: Series,
    cached_prompt_tokens: Series,
    models: BTreeMap<String, Vec<i64>>,
    teams: BTreeMap<String, Vec<i64>>,
}

/// The requests of a workload while its files are read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Arrivals of the requests with token counts.
    at_us: Vec<i64>,
    /// Their tokens.
    tokens: Vec<RequestTokens>,
    /// Arrivals of those without, failed ones among them.
    without_tokens: Vec<i64>,
    samples: Samples,
}

/// Requests of a workload by whether the trace has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) in_trace: u64,
    pub(super) failed_left_out: u64,
    pub(super) served_left_out: u64,
    /// True when served requests without token counts made the whole log one without.
    pub(super) tokens_given_up: bool,
}

impl Gathered {
    /// Adds a request.
    pub(super) fn add(&mut self, record: &Record<'_>) {
        let samples = &mut self.samples;
        let at = record.at_us;
        let tokens = record.tokens.and_then(RequestTokens::new);
        samples.tells = samples.tells.max(record.tells);
        match record.outcome {
            Outcome::Cached => return samples.cached.push(at),
            Outcome::Throttled => return samples.throttled.push(at),
            Outcome::Failed => samples.failed.push(at),
            Outcome::Served => {
                if tokens.is_none() {
                    samples.without_tokens.push(at);
                }
                samples.latency_us.extend(record.latency_us.map(|it| (at, it)));
                samples.ttft_us.extend(record.ttft_us.map(|it| (at, it)));
                let cached = record.cached_prompt_tokens.map(|it| (at, it));
                samples.cached_prompt_tokens.extend(cached);
            }
        }
        samples.images.extend(record.asks_for_image.then_some(at));
        count(&mut samples.models, record.model, at);
        count(&mut samples.teams, record.team, at);
        let failed = record.outcome == Outcome::Failed;
        // No request has an empty prompt: zeros of a failure mean that nobody counted.
        match tokens.filter(|it| !failed || it.total() > 0) {
            Some(tokens) => {
                self.at_us.push(at);
                self.tokens.push(tokens);
            }
            None => self.without_tokens.push(at),
        }
    }

    /// Requests of which nothing is known but when they came and their tokens.
    pub(super) fn plain(at_us: Vec<i64>, tokens: Vec<RequestTokens>) -> Gathered {
        Gathered { at_us, tokens, ..Gathered::default() }
    }

    /// Adds the requests of a later part of the file.
    pub(super) fn absorb(&mut self, other: Gathered) {
        if self.at_us.is_empty()
            && self.without_tokens.is_empty()
            && self.samples == Samples::default()
        {
            *self = other;
            return;
        }
        self.at_us.extend(other.at_us);
        self.tokens.extend(other.tokens);
        self.without_tokens.extend(other.without_tokens);
        self.samples.absorb(other.samples);
    }

    /// The log, in order of arrival; the tokens decide between requests at one instant, so that no
    /// order of files matters.
    pub(super) fn finish(mut self, workload: String, relative: bool) -> (RequestLog, Kept) {
        let failed = self.samples.failed.len() as u64;
        let served = (self.at_us.len() + self.without_tokens.len()) as u64 - failed;
        let without = self.samples.without_tokens.len() as u64;
        let few = without * 100 <= served * MOST_WITHOUT_TOKENS_PERCENT;
        let some = !self.at_us.is_empty();
        let mut kept = Kept { tokens_given_up: some && !few, ..Kept::default() };
        if some && few {
            kept.served_left_out = without;
            kept.failed_left_out = self.without_tokens.len() as u64 - without;
            sort_by_arrival(&mut self.at_us, &mut self.tokens);
        } else {
            self.at_us.append(&mut self.without_tokens);
            self.at_us.sort_unstable();
            self.tokens.clear();
        }
        kept.in_trace = self.at_us.len() as u64;
        let trace = ArrivalTrace { at_us: self.at_us, tokens: self.tokens, relative }.into();
        self.samples.sort();
        let (owner, facts) = (self.samples.owner(), self.samples.facts());
        (RequestLog { workload, owner, trace, facts, samples: self.samples }, kept)
    }
}

/// Sorts requests by arrival, then by tokens. Most logs are in the order of time already.
fn sort_by_arrival(at_us: &mut Vec<i64>, tokens: &mut Vec<RequestTokens>) {
    if at_us.is_sorted() {
        let mut rest = tokens.as_mut_slice();
        for same in at_us.chunk_by(|a, b| a == b) {
            let (tied, after) = rest.split_at_mut(same.len());
            tied.sort_unstable();
            rest = after;
        }
        return;
    }
    let mut both: Vec<_> = at_us.drain(..).zip(tokens.drain(..)).collect();
    both.sort();
    (*at_us, *tokens) = both.into_iter().unzip();
}

impl RequestLog {
    /// True for no request.
    pub fn is_empty(&self) -> bool {
        self.trace.is_empty()
    }

    /// From the first to the last arrival, rounded outward to whole minutes.
    pub fn span(&self) -> Option<Period> {
        window::minutes_around(*self.trace.at_us.first()?, *self.trace.at_us.last()?)
    }

    /// What became of the requests. A log that tells failures and has none had no refusal either.
    pub(in crate::ingest) fn offered(&self) -> Offered {
        let facts = &self.facts;
        let tells_refusals = match facts.tells {
            Tells::Nothing => false,
            Tells::Failures => facts.failed == 0,
            Tells::Refusals => true,
        };
        let seen = |n: u64| (n > 0).then_some(n);
        Offered {
            requests: self.trace.len() as u64,
            failed: (facts.tells > Tells::Nothing).then_some(facts.failed),
            throttled: tells_refusals.then_some(facts.throttled),
            cached: seen(facts.cached),
            cached_prompt_tokens: facts.cached_prompt_tokens,
            images: seen(facts.images),
            latency_mean_s: facts.latency_mean_s,
            latency_p50_s: facts.latency_p50_s,
            latency_p95_s: facts.latency_p95_s,
            ttft_p50_s: facts.ttft_p50_s,
            ttft_p95_s: facts.ttft_p95_s,
        }
    }

    /// The requests inside `window`.
    pub(in crate::ingest) fn cut_to(self, window: Period) -> RequestLog {
        let ArrivalTrace { at_us, tokens, relative } = Arc::unwrap_or_clone(self.trace);
        let range = within(window, at_us.len(), |it| at_us[it]);
        let tokens = if tokens.is_empty() { tokens } else { part(tokens, range.clone()) };
        let trace = ArrivalTrace { at_us: part(at_us, range), tokens, relative }.into();
        let samples = self.samples.cut_to(window);
        let (owner, facts) = (samples.owner(), samples.facts());
        RequestLog { owner, trace, facts, samples, ..self }
    }
}

impl Samples {
    fn absorb(&mut self, other: Samples) {
        self.failed.extend(other.failed);
        self.throttled.extend(other.throttled);
        self.cached.extend(other.cached);
        self.without_tokens.extend(other.without_tokens);
        self.images.extend(other.images);
        self.tells = self.tells.max(other.tells);
        self.latency_us.extend(other.latency_us);
        self.ttft_us.extend(other.ttft_us);
        self.cached_prompt_tokens.extend(other.cached_prompt_tokens);
        for (into, from) in [(&mut self.models, other.models), (&mut self.teams, other.teams)] {
            for (name, times) in from {
                into.entry(name).or_default().extend(times);
            }
        }
    }

    fn sort(&mut self) {
        let lists = [
            &mut self.failed,
            &mut self.throttled,
            &mut self.cached,
            &mut self.without_tokens,
            &mut self.images,
        ];
        let named = self.models.values_mut().chain(self.teams.values_mut());
        lists.into_iter().chain(named).for_each(|it| it.sort_unstable());
        for series in [&mut self.latency_us, &mut self.ttft_us, &mut self.cached_prompt_tokens] {
            series.sort_unstable();
        }
    }

    fn cut_to(self, window: Period) -> Samples {
        let times = |it: Vec<i64>| {
            let range = within(window, it.len(), |at| it[at]);
            part(it, range)
        };
        let series = |it: Series| {
            let range = within(window, it.len(), |at| it[at].0);
            part(it, range)
        };
        let named = |it: BTreeMap<String, Vec<i64>>| {
            let cut = it.into_iter().map(|(name, at)| (name, times(at)));
            cut.filter(|(_, at)| !at.is_empty()).collect()
        };
        Samples {
            models: named(self.models),
            teams: named(self.teams),
            failed: times(self.failed),
            throttled: times(self.throttled),
            cached: times(self.cached),
            without_tokens: times(self.without_tokens),
            images: times(self.images),
            tells: self.tells,
            latency_us: series(self.latency_us),
            ttft_us: series(self.ttft_us),
            cached_prompt_tokens: series(self.cached_prompt_tokens),
        }
    }

    fn owner(&self) -> Option<String> {
        let mut teams = self.teams.keys();
        teams.next().filter(|_| self.teams.len() == 1).cloned()
    }

    fn facts(&self) -> RequestFacts {
        let values = |series: &Series| {
            let mut values: Vec<u64> = series.iter().map(|(_, value)| *value).collect();
            values.sort_unstable();
            values
        };
        let (latency, ttft) = (values(&self.latency_us), values(&self.ttft_us));
        let seconds = |us: u64| us as f64 / 1e6;
        let sum = |values: &[u64]| values.iter().map(|it| u128::from(*it)).sum::<u128>();
        let mean = (!latency.is_empty()).then(|| sum(&latency) as f64 / latency.len() as f64 / 1e6);
        let cached: Vec<u64> = self.cached_prompt_tokens.iter().map(|it| it.1).collect();
        let mut models: Vec<(&String, usize)> =
            self.models.iter().map(|(name, at)| (name, at.len())).collect();
        models.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        RequestFacts {
            failed: self.failed.len() as u64,
            throttled: self.throttled.len() as u64,
            cached: self.cached.len() as u64,
            without_tokens: self.without_tokens.len() as u64,
            tells: self.tells,
            images: self.images.len() as u64,
            cached_prompt_tokens: (!cached.is_empty())
                .then(|| u64::try_from(sum(&cached)).unwrap_or(u64::MAX)),
            latency_mean_s: mean,
            latency_p50_s: nearest_rank(&latency, 50).map(seconds),
            latency_p95_s: nearest_rank(&latency, 95).map(seconds),
            ttft_p50_s: nearest_rank(&ttft, 50).map(seconds),
            ttft_p95_s: nearest_rank(&ttft, 95).map(seconds),
            models: models.into_iter().take(MOST_MODELS).map(|(name, _)| name.clone()).collect(),
        }
    }
}

/// What a list has in a range.
fn part<T>(mut list: Vec<T>, range: Range<usize>) -> Vec<T> {
    list.truncate(range.end);
    list.drain(..range.start);
    list
}

/// The places inside a window of times that do not fall.
fn within(window: Period, len: usize, at: impl Fn(usize) -> i64) -> Range<usize> {
    let first_not_before = |us: i64| {
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = low.midpoint(high);
            if at(middle) < us { low = middle + 1 } else { high = middle }
        }
        low
    };
    first_not_before(window.start().us())..first_not_before(window.end().us())
}

fn count(names: &mut BTreeMap<String, Vec<i64>>, name: Option<&str>, at: i64) {
    let Some(name) = name else { return };
    match names.get_mut(name) {
        Some(times) => times.push(at),
        None => {
            names.insert(name.to_owned(), vec![at]);
        }
    }
}

/// The smallest value that at least `percent` % of all do not exceed: of ten values the 95th
/// percentile is the tenth, of twenty the nineteenth.
fn nearest_rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// Appends the requests of logs to a table, a row per workload and hour, where the table does not
/// count that workload's requests already. Returns whether there were any.
pub fn push_requests(table: &mut UsageTable, logs: &[RequestLog]) -> bool {
    const HOUR_US: i64 = 3_600_000_000;
    let before = table.len();
    let counted: BTreeSet<String> =
        table.counted_workloads().into_iter().map(str::to_owned).collect();
    for log in logs.iter().filter(|it| !counted.contains(&it.workload)) {
        let trace = &log.trace;
        let mut first = 0;
        for hour in trace.at_us.chunk_by(|a, b| a.div_euclid(HOUR_US) == b.div_euclid(HOUR_US)) {
            let tokens = trace.tokens.get(first..first + hour.len());
            let sum = |of: &dyn Fn(&RequestTokens) -> u64| tokens.map(|it| it.iter().map(of).sum());
            first += hour.len();
            let start = Timestamp::from_us(hour[0].div_euclid(HOUR_US) * HOUR_US);
            table.push(&UsageRow {
                period: Period::new(start, start.plus_us(HOUR_US)),
                workload: Some(&log.workload),
                owner: log.owner.as_deref(),
                requests: Some(hour.len() as u64),
                prompt_tokens: sum(&|it| it.prompt.into()),
                completion_tokens: sum(&|it| it.completion.into()),
                ..UsageRow::default()
            });
        }
    }
    table.len() > before
}
