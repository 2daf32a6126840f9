//! Where every row and span of the request logs went, and the sentences that say so.

use std::collections::BTreeMap;

use super::log::{Kept, RequestLog};
use super::outcome::Outcome;
use crate::units::{Money, MoneyError};

/// Most words of unknown statuses that are remembered.
const MOST_STATUSES: usize = 8;

/// Where a row or span went that is not part of the demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) enum Fate {
    /// Answered from a cache of answers.
    Cached,
    /// Refused for a limit.
    Throttled,
    /// Failed, and nobody counted its tokens, in a log that has tokens.
    FailedWithoutTokens,
    /// Served, and nobody counted its tokens, in a log where that is rare.
    ServedWithoutTokens,
    /// A span of something else.
    OtherSpan,
    /// An agent, a tool or a search: no model answered.
    OtherOperation,
    /// A span that reports a call another span reports too.
    Nested,
    /// A row of a daily table that counts requests another table counts too.
    OtherRollup,
    /// Counts of a day, which go to the usage table.
    Day,
    /// Refused.
    Rejected,
    /// Refused because it was there before.
    Duplicate,
}

impl Fate {
    /// The word for scripts.
    pub(in crate::ingest) const fn as_str(self) -> &'static str {
        match self {
            Fate::Cached => "cached",
            Fate::Throttled => "throttled",
            Fate::FailedWithoutTokens => "failed_without_tokens",
            Fate::ServedWithoutTokens => "served_without_tokens",
            Fate::OtherSpan => "other_spans",
            Fate::OtherOperation => "other_operations",
            Fate::Nested => "nested_spans",
            Fate::OtherRollup => "counted_in_another_table",
            Fate::Day => "counts_of_days",
            Fate::Rejected => "rejected",
            Fate::Duplicate => "duplicates",
        }
    }
}

/// Every row or span of the request logs by its fate:
/// `read` = `in_demand` + the sum of `by_fate`.
#[derive(Clone, Debug, Default)]
pub(in crate::ingest) struct RequestAccount {
    /// Rows, or spans where a row holds several.
    pub(in crate::ingest) read: u64,
    /// Requests in the traces.
    pub(in crate::ingest) in_demand: u64,
    /// All others.
    pub(in crate::ingest) by_fate: BTreeMap<Fate, u64>,
    /// Failed requests, in the traces or not.
    pub(in crate::ingest) failed: u64,
    /// Sum of what a gateway says its requests cost; exact.
    pub(in crate::ingest) spend: Option<Money>,
    /// Rows that came with an id of another row and differ from it.
    pub(super) reused_ids: u64,
    statuses: BTreeMap<String, u64>,
    /// Workloads whose tokens are given up, with served requests without tokens.
    given_up: Vec<(String, u64)>,
}

impl RequestAccount {
    pub(super) fn count(&mut self, fate: Fate) {
        self.count_many(fate, 1);
    }

    pub(super) fn count_many(&mut self, fate: Fate, n: u64) {
        if n > 0 {
            *self.by_fate.entry(fate).or_default() += n;
        }
    }

    /// Counts a request by what became of it; those of the traces are counted with their log.
    pub(super) fn count_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Cached => self.count(Fate::Cached),
            Outcome::Throttled => self.count(Fate::Throttled),
            Outcome::Served | Outcome::Failed => {}
        }
    }

    pub(super) fn count_status(&mut self, word: String) {
        if self.statuses.len() < MOST_STATUSES || self.statuses.contains_key(&word) {
            *self.statuses.entry(word).or_default() += 1;
        }
    }

    pub(super) fn add_spend(&mut self, spend: Money) -> Result<(), MoneyError> {
        self.spend = Some(match self.spend {
            None => spend,
            Some(sum) => sum.checked_add(spend)?,
        });
        Ok(())
    }

    /// Adds the account of a later part of the file, whose statuses are all known.
    pub(super) fn absorb(&mut self, other: RequestAccount) -> Result<(), MoneyError> {
        self.read += other.read;
        for (fate, n) in other.by_fate {
            self.count_many(fate, n);
        }
        other.spend.map_or(Ok(()), |it| self.add_spend(it))
    }

    pub(super) fn add_log(&mut self, log: &RequestLog, kept: Kept) {
        self.in_demand += kept.in_trace;
        self.failed += log.facts.failed;
        self.count_many(Fate::FailedWithoutTokens, kept.failed_left_out);
        self.count_many(Fate::ServedWithoutTokens, kept.served_left_out);
        if kept.tokens_given_up {
            self.given_up.push((log.workload.clone(), log.facts.without_tokens));
        }
    }

    /// Requests with a fate.
    pub(in crate::ingest) fn n(&self, fate: Fate) -> u64 {
        self.by_fate.get(&fate).copied().unwrap_or(0)
    }

    /// What the reader must know.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices: Vec<String> = self
            .by_fate
            .iter()
            .filter_map(|(fate, n)| Some(format!("requests: {n} {}", fate.words()?)))
            .collect();
        let failed_in_demand = self.failed.saturating_sub(self.n(Fate::FailedWithoutTokens));
        if failed_in_demand > 0 {
            notices.push(format!(
                "requests: {failed_in_demand} failed; they were offered, so they stay in the demand"
            ));
        }
        for (workload, n) in &self.given_up {
            notices.push(format!(
                "{workload}: {n} served requests have no token counts, more than 1 %, so the \
                 tokens of this log are not used"
            ));
        }
        if self.reused_ids > 0 {
            notices.push(format!(
                "{} rows have the id of another row and differ from it: all of them count",
                self.reused_ids
            ));
        }
        for (status, n) in &self.statuses {
            notices.push(format!(
                "{n} requests have the status `{status}`, which is not known: they count as served"
            ));
        }
        notices.extend(self.spend.map(|it| {
            format!(
                "the gateway logged a spend of {} {}: its own estimate, 0 for servers of one's \
                 own; not used as a cost",
                it.to_decimal_string(),
                it.currency()
            )
        }));
        notices
    }
}

impl Fate {
    /// What a notice says after the number; nothing for what is said elsewhere.
    const fn words(self) -> Option<&'static str> {
        Some(match self {
            Fate::Cached => "answered from a cache, so no GPU saw them; left out of the demand",
            Fate::Throttled => {
                "refused for a rate limit; left out of the demand, which may be larger by as many"
            }
            Fate::FailedWithoutTokens => "failed without token counts; left out of the demand",
            Fate::ServedWithoutTokens => {
                "served without token counts (streams without usage); left out of the demand, \
                 which is larger by as many"
            }
            Fate::OtherSpan => "spans of other things than calls of a model; skipped",
            Fate::OtherOperation => {
                "agents, tools or other operations without a call of a model; left out"
            }
            Fate::Nested => {
                "spans of calls that a span around or inside them reports too; each call counts \
                 once"
            }
            Fate::OtherRollup => {
                "rows of daily spend tables that count requests of another table, or one request \
                 per tag; left out"
            }
            Fate::Day | Fate::Rejected | Fate::Duplicate => return None,
        })
    }
}
