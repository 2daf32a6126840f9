//! Every number of a report: its unit, what it means, and the formula it follows. The only place.
//!
//! A pattern is the path of a number with each entry of a list as `[]`. Inputs of a formula are
//! written as `place.rs` reads them. The first rule whose inputs are there is used.

pub(super) mod sections;
mod table;

use super::unit::Unit;
use crate::classify::STATISTICS;
use sections::{SECTIONS, section};
use table::{DEFINITIONS, DEMAND};

/// What a number is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Definition {
    pattern: &'static str,
    /// What it counts.
    pub(super) unit: Unit,
    /// What it means, in one sentence without its end.
    pub(super) meaning: &'static str,
    /// How it comes about.
    pub(super) rules: &'static [Rule],
}

impl Definition {
    /// Whether only its section is defined, while its fields may still change.
    pub(super) fn is_section(&self) -> bool {
        SECTIONS.iter().any(|it| it.0 == self.pattern)
    }
}

/// One way a number comes about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The formula in words.
    pub(super) words: &'static str,
    /// What it is computed with.
    pub(super) inputs: &'static [&'static str],
    /// How.
    pub(super) kind: Kind,
    /// A place and the word that must stand there.
    pub(super) when: Option<(&'static str, &'static str)>,
}

/// How a number is computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All inputs added up, those not known left out; there must be one.
    Sum,
    /// The same, and zero without any.
    Total,
    /// How many inputs there are.
    Number,
    /// The first input less the others; all must be known.
    Less,
    /// The same, those not known left out.
    Rest,
    /// A saving: [`Kind::Less`], but what commitments cover is no saving.
    Saving,
    /// Zero.
    Zero,
    /// The input.
    Same,
    /// Cost x 730 / hours.
    Month,
    /// Rate x GPUs x 730.
    CatalogMonth,
    /// Cost / hours, to the nano-unit.
    Rate,
    /// Cost x so many / units, which may be of a shorter time than both are known for.
    Per(u64),
    /// From one instant to another.
    Hours,
    /// Twice the first input less the second.
    Opposite,
    /// By Student's distribution: the mean of the worst tenth.
    WorstTenth,
    /// By Student's distribution: the chance of a loss.
    Loss,
    /// Cost of a month x hours / 730, in months to come.
    Ahead,
    /// 1 - (1 - level) / 2.
    Confidence,
    /// No better than the worst cap in the reasons.
    Grade,
    /// Not from numbers of the report.
    From(Origin),
}

/// Where a number comes from that is not made of others in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Read from the input files.
    Files,
    /// Computed from the demand in the input files.
    Demand,
    /// Computed from model and GPU.
    Sizing,
    /// The outcome of a simulation.
    Replay,
    /// Said in the config.
    Config,
    /// The method.
    Method,
    /// A row of the catalog.
    Catalog,
}

/// Patterns whose fields are defined where others are.
const ALIASES: [(&str, &str); 10] = [
    ("reconciliation.by_currency[].", "reconciliation."),
    ("reconciliation.by_charge_category[].", "reconciliation."),
    ("portfolio.waste[].", "workloads[].waste[]."),
    ("portfolio.interval.", "workloads[].advice.interval."),
    ("portfolio.probability_of_loss", "workloads[].advice.probability_of_loss"),
    ("forecast.spans[].with_approved.", "forecast.spans[].as_is."),
    ("forecast.spans[].with_advice.", "forecast.spans[].as_is."),
    ("forecast.spans[].workloads[].as_is.", "forecast.spans[].as_is."),
    ("forecast.spans[].workloads[].with_approved.", "forecast.spans[].as_is."),
    ("forecast.spans[].workloads[].with_advice.", "forecast.spans[].as_is."),
];

/// The definition of a number by the pattern of its path.
pub(super) fn definition(pattern: &str) -> Option<Definition> {
    let exact = |pattern: &str| DEFINITIONS.iter().find(|it| it.pattern == pattern).copied();
    let alias = || {
        let (to, rest) =
            ALIASES.iter().find_map(|(from, to)| Some((to, pattern.strip_prefix(from)?)))?;
        exact(&format!("{to}{rest}"))
    };
    exact(pattern).or_else(alias).or_else(|| statistic(pattern)).or_else(|| section(pattern))
}

/// A statistic of demand, defined where `describe` has it.
fn statistic(pattern: &str) -> Option<Definition> {
    let name = pattern.strip_prefix("workloads[].features.")?;
    let (name, part) = name.split_once('.').map_or((name, ""), |(name, part)| (name, part));
    let found = STATISTICS.iter().find(|it| it.name == name)?;
    let (unit, meaning) = match (found.unit, part) {
        (_, "low") => (Unit::Ratio, "lower end of the 95 % interval of the change in 30 days"),
        (_, "high") => (Unit::Ratio, "upper end of the 95 % interval of the change in 30 days"),
        ("h", _) => (Unit::Hours, found.meaning),
        ("s", _) => (Unit::Seconds, found.meaning),
        ("1", _) => (Unit::Ratio, found.meaning),
        (unit, _) => (Unit::Of(unit), found.meaning),
    };
    Some(Definition { pattern: "workloads[].features", unit, meaning, rules: DEMAND })
}
