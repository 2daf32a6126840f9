//! The daily tables of LiteLLM, `LiteLLM_Daily{User,Team,...}Spend`: requests and tokens by day.
//!
//! Each of these tables counts the same requests along another dimension, so only one of them may
//! count; and a table by tag counts a request once per tag, so it never does.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::super::cell::{self, Cell};
use super::super::raw::RawTable;
use super::account::{Fate, RequestAccount};
use super::clock::TimeFormat;
use super::columns::Labels;
use super::{Fault, otel};
use crate::units::{Period, Timestamp};
use crate::usage::schema;

/// A day in microseconds; the days of these tables are UTC.
const DAY_US: i64 = 86_400_000_000;

/// Requests of a workload on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct DayCounts {
    /// The workload.
    pub(in crate::ingest) workload: String,
    /// The day, in UTC.
    pub(in crate::ingest) period: Period,
    /// Requests, failed ones included.
    pub(in crate::ingest) requests: u64,
    /// Those that failed, where the table tells.
    pub(in crate::ingest) failed: Option<u64>,
    /// Prompt tokens.
    pub(in crate::ingest) prompt_tokens: u64,
    /// Completion tokens.
    pub(in crate::ingest) completion_tokens: u64,
}

/// Which of the tables; the earlier ones are the more complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Whole,
    User,
    Organization,
    Team,
    EndUser,
    Agent,
    Tag,
}

impl Kind {
    fn of(names: &BTreeSet<String>) -> Kind {
        let marks = [
            ("tag", Kind::Tag),
            ("agent_id", Kind::Agent),
            ("end_user_id", Kind::EndUser),
            ("organization_id", Kind::Organization),
            ("team_id", Kind::Team),
            ("user_id", Kind::User),
        ];
        let mark = marks.iter().find(|(name, _)| names.contains(*name));
        mark.map_or(Kind::Whole, |(_, kind)| *kind)
    }
}

/// Columns that are read, in the order of their places; users and keys are not among them.
const COLUMNS: &[&str] = &[
    "id",
    "date",
    "model_group",
    "model",
    "custom_llm_provider",
    "team_id",
    "tag",
    "mcp_namespaced_tool_name",
    "api_requests",
    "failed_requests",
    "prompt_tokens",
    "completion_tokens",
];

/// Whether a column is read.
pub(super) fn wants(header: &str) -> bool {
    COLUMNS.contains(&schema::normalized(header).as_str())
}

/// Whether headers, without case and punctuation, are those of a daily table.
pub(super) fn fits(names: &BTreeSet<String>) -> bool {
    ["date", "api_requests", "prompt_tokens", "completion_tokens"]
        .iter()
        .all(|it| names.contains(*it))
}

/// The columns bound to the headers of a batch.
pub(super) struct DayColumns<'a> {
    raw: &'a RawTable,
    kind: Kind,
}

/// What a row says.
pub(super) struct DayRow<'a> {
    kind: Kind,
    id: Option<u128>,
    pub(super) labels: Labels<'a>,
    /// True for calls of tools, which no model answers.
    pub(super) of_tool: bool,
    day_us: i64,
    counts: Counts,
}

/// Sums of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Counts {
    requests: u64,
    failed: Option<u64>,
    prompt: u64,
    completion: u64,
}

impl<'a> DayColumns<'a> {
    /// Finds the columns.
    pub(super) fn bind(raw: &'a RawTable) -> DayColumns<'a> {
        let names = raw.headers.iter().map(|it| schema::normalized(it)).collect();
        DayColumns { raw, kind: Kind::of(&names) }
    }

    /// The places of all columns that are used.
    pub(super) fn used(&self) -> impl Iterator<Item = usize> {
        COLUMNS.iter().filter_map(|it| self.raw.find(it))
    }

    /// What a row says, or the column at fault and why.
    pub(super) fn row(&self, row: usize) -> Result<DayRow<'a>, Fault> {
        let day = TimeFormat::Auto.read(self.cell("date", row), Tz::UTC);
        let missing = || (Some("date".to_owned()), "the day is missing".to_owned());
        let day_us = day.map_err(|it| (Some("date".to_owned()), it))?.ok_or_else(missing)?;
        let count = |name: &str| {
            let found = cell::count(self.cell(name, row));
            found.map_err(|it| (Some(name.to_owned()), it))
        };
        let counted = |name: &str| {
            let missing = || (Some(name.to_owned()), "the count is missing".to_owned());
            count(name)?.ok_or_else(missing)
        };
        let text = |name: &str| match self.cell(name, row) {
            Cell::Text(text) => Some(text.into()),
            _ => None,
        };
        let id = text("id").map(|it: std::borrow::Cow<'_, str>| otel::hash_of(it.as_bytes()));
        Ok(DayRow {
            kind: self.kind,
            id,
            of_tool: text("mcp_namespaced_tool_name").is_some(),
            labels: Labels {
                model: text("model"),
                model_group: text("model_group"),
                provider: text("custom_llm_provider"),
                team: text("team_id"),
                ..Labels::default()
            },
            day_us: Timestamp::from_us(day_us).floor_to(DAY_US).us(),
            counts: Counts {
                requests: counted("api_requests")?,
                failed: count("failed_requests")?,
                prompt: counted("prompt_tokens")?,
                completion: counted("completion_tokens")?,
            },
        })
    }

    fn cell(&self, name: &str, row: usize) -> Cell<'a> {
        self.raw.find(name).map_or(Cell::Null, |at| self.raw.cell(at, row).trimmed())
    }
}

/// Whether a row was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    Yes,
    No,
}

/// The rows of all daily tables.
#[derive(Debug, Default)]
pub(super) struct Rollups {
    rows: BTreeMap<Kind, Vec<(String, i64, Counts)>>,
    by_id: BTreeMap<(Kind, u128), usize>,
}

impl Rollups {
    /// Adds a row. The tables grow during a day, so of two rows with one id the larger counts.
    pub(super) fn add(&mut self, workload: String, row: &DayRow<'_>) -> Repeat {
        let rows = self.rows.entry(row.kind).or_default();
        if let Some(id) = row.id {
            let at = *self.by_id.entry((row.kind, id)).or_insert(rows.len());
            if let Some((_, _, counts)) = rows.get_mut(at) {
                *counts = (*counts).max(row.counts);
                return Repeat::Yes;
            }
        }
        rows.push((workload, row.day_us, row.counts));
        Repeat::No
    }

    /// The days of the most complete table, summed by workload.
    pub(super) fn finish(self, account: &mut RequestAccount) -> Vec<DayCounts> {
        let best = self.rows.keys().next().copied().filter(|it| *it != Kind::Tag);
        let mut days: BTreeMap<(String, i64), Counts> = BTreeMap::new();
        for (kind, rows) in self.rows {
            if Some(kind) != best {
                account.count_many(Fate::OtherRollup, rows.len() as u64);
                continue;
            }
            account.count_many(Fate::Day, rows.len() as u64);
            for (workload, day_us, counts) in rows {
                let sum = days.entry((workload, day_us)).or_default();
                sum.requests = sum.requests.saturating_add(counts.requests);
                sum.prompt = sum.prompt.saturating_add(counts.prompt);
                sum.completion = sum.completion.saturating_add(counts.completion);
                sum.failed = match (sum.failed, counts.failed) {
                    (Some(a), Some(b)) => Some(a.saturating_add(b)),
                    (a, b) => a.or(b),
                };
            }
        }
        let days = days.into_iter().filter_map(|((workload, day_us), counts)| {
            let start = Timestamp::from_us(day_us);
            Some(DayCounts {
                workload,
                period: Period::new(start, start.plus_us(DAY_US))?,
                requests: counts.requests,
                failed: counts.failed,
                prompt_tokens: counts.prompt,
                completion_tokens: counts.completion,
            })
        });
        days.collect()
    }
}
