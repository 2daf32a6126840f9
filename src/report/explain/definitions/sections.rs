//! The numbers of the sections that are computed as a whole: commitments, forecast, budget, the month before.

use super::super::unit::Unit;
use super::table::{CATALOG, CONFIG, DEMAND, METHOD, from, rule};
use super::{Definition, Kind, Origin, Rule};

/// What is defined by the name of its section alone, while its fields may still change.
pub(super) const SECTIONS: [(&str, &str); 8] = [
    ("commitments", "of what can be committed to"),
    ("spend_commitments", "of a commitment in money per hour"),
    ("held_commitments", "of a commitment held"),
    ("committed_first", "of a commitment bought before the advice is followed"),
    ("commitments_absent", "of an instance without a case for a commitment"),
    ("forecast", "of the forecast of the months to come"),
    ("budget", "of spend and forecast against the budget"),
    ("previous", "of this report beside an earlier one"),
];

/// A number without a row here is still computed.
const COMPUTED: &[Rule] = &[from(
    Origin::Demand,
    "computed from demand, costs and prices of this report, as docs/method.md says",
)];
const CURVE: &[Rule] = &[from(
    Origin::Demand,
    "the demand on this instance after the advice, less what is held, at the committed rate for what is committed and at \
     the rate by use for the rest",
)];
const CASE_COST: &[Rule] = &[rule(
    Kind::Sum,
    "committed and used + committed and unused + by use",
    &[".committed_used", ".committed_unused", ".by_use"],
)];
const SPEND_COST: &[Rule] =
    &[rule(Kind::Sum, "commitment + usage it does not cover", &[".committed", ".by_use"])];
const SAVED: &[Rule] =
    &[from(Origin::Demand, "cost of a month without more commitment - cost with this one")];
const BEYOND: &[Rule] = &[rule(
    Kind::Less,
    "saving - what of it the advice counts already",
    &[".monthly_savings", ".included_in_advice"],
)];
const INCLUDED: &[Rule] = &[from(
    Origin::Demand,
    "what the advised plans of its workloads save on terms of their own against running by use, added up",
)];
const MONTHS: &[Rule] = &[from(
    Origin::Demand,
    "months of 730 hours drawn by chance from the days seen, or by Student's distribution of the whole weeks",
)];
const USED: &[Rule] =
    &[from(Origin::Demand, "committed hours in use / committed hours, over the window")];
const COVERED: &[Rule] =
    &[from(Origin::Demand, "demand that the commitment carries / all demand, over the window")];
const OWED: &[Rule] =
    &[from(Origin::Catalog, "instances x rate x hours of the term, less what is paid upfront")];
const UPFRONT: &[Rule] = &[from(
    Origin::Catalog,
    "instances x rate x hours of the term, for what the price list sells so",
)];
const PAY_BACK: &[Rule] = &[from(
    Origin::Catalog,
    "paid upfront / what a month saves in cash: cost by use less what is paid by the month",
)];
const REGRET: &[Rule] = &[from(Origin::Catalog, "term x committed rate / rate by use")];
const BY_USE: &[Rule] = &[from(
    Origin::Catalog,
    "the rate by use of its price rows, of several their mean by time in use",
)];
const LADDER: &[Rule] = &[from(
    Origin::Config,
    "as many in each quarter as the cap of gpuadvise.toml has room for, soonest first",
)];
const UNUSED_HOURS: &[Rule] = &[from(
    Origin::Demand,
    "the confirmed findings of the workload that name hours without any use, added up",
)];
const HINDSIGHT: &[Rule] = &[from(
    Origin::Demand,
    "the cheapest terms to buy had the demand of the window been known, whole instances in each hour",
)];
const HELD_USE: &[Rule] = &[from(
    Origin::Demand,
    "hours of the window in which it runs, and what of them the demand after the advice uses, the lowest rate first",
)];
const HELD_OWED: &[Rule] = &[from(
    Origin::Config,
    "instances x rate x hours from the day of the report to the end in gpuadvise.toml",
)];
const FIRST: &[Rule] = &[from(
    Origin::Demand,
    "the commitment that would be chosen for today's demand, then held against the demand after the advice",
)];
const EARLY: &[Rule] = &[from(
    Origin::Demand,
    "the rule without a forecast on the demand seen so far, docs/method.md",
)];
const SPENT: &[Rule] =
    &[from(Origin::Demand, "effective cost of the window, or the forecast of the span, added up")];
const BUDGETED: &[Rule] = &[from(
    Origin::Config,
    "[budget] of gpuadvise.toml, as large a part as the data have of the month",
)];
const VARIANCE: &[Rule] = &[rule(Kind::Less, "amount - budget", &[".amount", ".budget"])];
const OF_BUDGET: &[Rule] = &[from(Origin::Config, "variance / budget")];
const EARLIER: &[Rule] = &[from(Origin::Method, "read from the report of --previous")];
const THIS_MONTH: &[Rule] =
    &[from(Origin::Demand, "effective cost in this report, of what the forecast is of")];
const BESIDE: &[Rule] = &[from(
    Origin::Demand,
    "computed from this report and the one of --previous, as docs/diff.md says",
)];
const ERROR: &[Rule] = &[rule(Kind::Less, "forecast - actual", &[".forecast", ".actual"])];
const OWN_ERROR: &[Rule] =
    &[rule(Kind::Less, "error - what of it is of actions", &[".error", ".of_actions"])];
const NOW_LESS_THEN: &[Rule] = &[rule(Kind::Less, "now - then", &[".new", ".old"])];

type Row = (&'static str, &'static str, &'static [Rule]);

/// Path, meaning and rules; units are by the last word.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("commitments[].gpu_count", "GPUs of an instance", CATALOG),
    ("commitments[].term_months", "length of the term", CATALOG),
    ("commitments[].rate_per_hour", "price of a committed instance and an hour", CATALOG),
    ("commitments[].by_use_rate_per_hour", "price of an instance by use and an hour", BY_USE),
    ("commitments[].days", "days of demand that all its workloads have in common", DEMAND),
    ("commitments[].mean_instances", "instances that its workloads use in the mean hour, before what is held", DEMAND),
    ("commitments[].held_instances", "instances that are held already", CONFIG),
    ("commitments[].risk_setting", "where between stable (0) and optimal (1) the number was chosen", CONFIG),
    ("commitments[].stable_n", "instances in use in every hour", CURVE),
    ("commitments[].chosen_n", "instances at the setting between stable and optimal", CURVE),
    ("commitments[].optimal_n", "instances that cost the least", CURVE),
    ("commitments[].max_n", "instances that cover all demand", CURVE),
    ("commitments[].monthly_cost", "cost of a month of 730 hours with the chosen number", CURVE),
    ("commitments[].monthly_savings", "what the chosen number saves in a month against none", SAVED),
    ("commitments[].interval.low", "nine of ten months save at least this", MONTHS),
    ("commitments[].interval.high", "nine of ten months save at most this", MONTHS),
    ("commitments[].interval.cvar", "mean saving of the worst tenth of the months", MONTHS),
    ("commitments[].interval.level", "share of the months that save an amount in the range", METHOD),
    ("commitments[].interval.n", "whole weeks, or days, that the range rests on", DEMAND),
    ("commitments[].probability_of_loss", "chance that it costs more than it saves in months like those seen", MONTHS),
    ("commitments[].utilization", "share of the commitment in use", USED),
    ("commitments[].coverage", "share of the demand covered", COVERED),
    ("commitments[].included_in_advice", "of the saving, what the advice of the workloads counts already", INCLUDED),
    ("commitments[].beyond_advice", "what it saves above that", BEYOND),
    ("commitments[].cash_payback_months", "months until what is paid upfront has come back", PAY_BACK),
    ("commitments[].regret_months", "months of full use after which walking away has cost nothing", REGRET),
    ("commitments[].upfront", "paid when it is bought, for the whole term", UPFRONT),
    ("commitments[].liability", "owed over the term after that", OWED),
    ("commitments[].unused_hours[].cost", "what a workload pays in the window for hours of this demand in which nobody used it", UNUSED_HOURS),
    ("commitments[].ladder.at_once", "instances that may be bought at once under the cap", LADDER),
    ("commitments[].ladder.tranches[].n", "instances bought in one step", LADDER),
    ("commitments[].ladder.unplaced", "instances that no quarter has room for", LADDER),
    ("commitments[].ladder.waiting_cost", "what is not saved while the later steps wait", LADDER),
    ("commitments[].hindsight.by_use", "cost of the window all by use", HINDSIGHT),
    ("commitments[].hindsight.cheapest", "the least that the window could have cost with terms of this offer", HINDSIGHT),
    ("commitments[].hindsight.left_on_the_table", "what the cheapest purchases of hindsight would have saved in the window", &[rule(Kind::Less, "all by use - the cheapest", &[".by_use", ".cheapest"])]),
    ("commitments[].hindsight.bought", "terms that the cheapest way buys", HINDSIGHT),
    ("commitments[].hindsight.purchases[].n", "terms that begin in this hour", HINDSIGHT),
    ("commitments[].curve[].n", "instances committed", METHOD),
    ("commitments[].curve[].monthly_cost", "cost of a month of 730 hours with so many", CASE_COST),
    ("commitments[].curve[].committed_used", "of that, committed and in use", CURVE),
    ("commitments[].curve[].committed_unused", "of that, committed and not in use", CURVE),
    ("commitments[].curve[].by_use", "of that, what exceeds the commitment", CURVE),
    ("commitments[].curve[].utilization", "share of the commitment in use", USED),
    ("commitments[].curve[].coverage", "share of the demand covered", COVERED),
    ("commitments[].curve[].monthly_savings", "what so many save in a month against none", SAVED),
    ("commitments[].curve[].low", "nine of ten months save at least this", MONTHS),
    ("commitments[].curve[].high", "nine of ten months save at most this", MONTHS),
    ("spend_commitments[].term_months", "length of the term", CATALOG),
    ("spend_commitments[].held_per_hour", "what is held already", CONFIG),
    ("spend_commitments[].per_hour", "the cheapest commitment on top of what is held", CURVE),
    ("spend_commitments[].monthly_cost", "cost of a month of 730 hours with it", CURVE),
    ("spend_commitments[].monthly_savings", "what it saves in a month against what is held alone", SAVED),
    ("spend_commitments[].interval.low", "nine of ten months save at least this", MONTHS),
    ("spend_commitments[].interval.high", "nine of ten months save at most this", MONTHS),
    ("spend_commitments[].interval.cvar", "mean saving of the worst tenth of the months", MONTHS),
    ("spend_commitments[].interval.level", "share of the months that save an amount in the range", METHOD),
    ("spend_commitments[].interval.n", "whole weeks, or days, that the range rests on", DEMAND),
    ("spend_commitments[].probability_of_loss", "chance that it costs more than it saves in months like those seen", MONTHS),
    ("spend_commitments[].utilization", "share of the commitment in use", USED),
    ("spend_commitments[].coverage", "share of the usage covered, by what it costs by use", COVERED),
    ("spend_commitments[].included_in_advice", "of the saving, what the advice of the workloads counts already", INCLUDED),
    ("spend_commitments[].beyond_advice", "what it saves above that", BEYOND),
    ("spend_commitments[].liability", "owed over the term", &[from(Origin::Demand, "commitment per hour x hours of the term")]),
    ("spend_commitments[].curve[].per_hour", "the commitment, on top of what is held", METHOD),
    ("spend_commitments[].curve[].monthly_cost", "cost of a month of 730 hours with it", SPEND_COST),
    ("spend_commitments[].curve[].committed", "of that, the commitment and what is held, used or not", CURVE),
    ("spend_commitments[].curve[].by_use", "of that, usage it does not cover", CURVE),
    ("spend_commitments[].curve[].utilization", "share of the commitment in use", USED),
    ("spend_commitments[].curve[].coverage", "share of the usage covered", COVERED),
    ("spend_commitments[].curve[].monthly_savings", "what it saves in a month against what is held alone", SAVED),
    ("spend_commitments[].curve[].low", "nine of ten months save at least this", MONTHS),
    ("spend_commitments[].curve[].high", "nine of ten months save at most this", MONTHS),
    ("held_commitments[].instances", "instances that are held", CONFIG),
    ("held_commitments[].rate_per_hour", "price of each and an hour", CONFIG),
    ("held_commitments[].paid_hours", "instance hours paid for in the window", HELD_USE),
    ("held_commitments[].used_hours", "what of them the demand after the advice uses", HELD_USE),
    ("held_commitments[].utilization_today", "share of the paid hours that is used while all runs as today", &[from(Origin::Demand, "used hours / paid hours, with no advice followed")]),
    ("held_commitments[].utilization", "share of the paid hours that is used", &[from(Origin::Demand, "used hours / paid hours")]),
    ("held_commitments[].stranded_cost", "what the hours that nobody uses cost in the window", &[from(Origin::Demand, "(paid hours - used hours) x rate")]),
    ("held_commitments[].liability", "owed until it ends", HELD_OWED),
    ("held_commitments[].prepaid_left", "paid and not used yet", HELD_OWED),
    ("held_commitments[].renewal.instances", "instances to buy again when it ends", CURVE),
    ("held_commitments[].renewal.term_months", "term that saves the most of those allowed", CATALOG),
    ("held_commitments[].renewal.unused_hours[].cost", "what a workload pays in the window for hours of this demand in which nobody used it", UNUSED_HOURS),
    ("held_commitments[].renewal.monthly_savings", "what they save in a month of 730 hours against running by use", SAVED),
    ("committed_first[].gpu_count", "GPUs of an instance", CATALOG),
    ("committed_first[].term_months", "length of the term", CATALOG),
    ("committed_first[].instances", "instances that would be chosen for today's demand", FIRST),
    ("committed_first[].monthly_savings_today", "what they save in a month of 730 hours while all runs as today", FIRST),
    ("committed_first[].used_today", "share of them in use today", FIRST),
    ("committed_first[].used_after", "share of them in use once the advice is followed", FIRST),
    ("committed_first[].monthly_unused_after", "what the rest costs in a month then", FIRST),
    ("committed_first[].liability", "paid and owed over the term", &[from(Origin::Catalog, "instances x rate x hours of the term")]),
    ("commitments_absent[].gpu_count", "GPUs of an instance", CATALOG),
    ("commitments_absent[].rule.term_months", "length of the term", CATALOG),
    ("commitments_absent[].rule.fee", "price of a whole term of one instance", &[from(Origin::Catalog, "rate x hours of the term")]),
    ("commitments_absent[].rule.bought", "instances that the rule would have bought by now", EARLY),
    ("commitments_absent[].rule.spent_on_next", "what the next instance has cost by use so far", EARLY),
    ("commitments_absent[].rule.most_times_the_least", "so many times the least possible is the most that the rule costs", &[from(Origin::Catalog, "2 - committed rate / rate by use")]),
    ("previous.forecast_error.forecast", "what was expected then, with the advice approved then", EARLIER),
    ("previous.forecast_error.low", "low end of its range", EARLIER),
    ("previous.forecast_error.high", "high end of its range", EARLIER),
    ("previous.forecast_error.actual", "effective cost of the workloads that the forecast is of", THIS_MONTH),
    ("previous.forecast_error.error", "how much more was forecast than came", ERROR),
    ("previous.forecast_error.share", "that as a share of the actual, without its sign", BESIDE),
    ("previous.forecast_error.of_actions", "what of the error is that approved actions were not carried out", BESIDE),
    ("previous.forecast_error.of_forecast", "what of the error is the forecast's own", OWN_ERROR),
    ("previous.forecast_error.share_of_forecast", "that as a share of the actual, without its sign", BESIDE),
    ("previous.forecast_error.mature_within", "share up to which the practice is mature", METHOD),
    ("previous.since.old", "what GPUs cost in the earlier window, those that no workload claims included", EARLIER),
    ("previous.since.new", "what GPUs cost in this window, those that no workload claims included", THIS_MONTH),
    ("previous.since.difference", "now less then", NOW_LESS_THEN),
    ("previous.since.steps[].amount", "how much of the difference is of this step", BESIDE),
    ("previous.since.workloads[].old", "effective cost of the workload then", EARLIER),
    ("previous.since.workloads[].new", "effective cost of the workload now", THIS_MONTH),
    ("previous.since.workloads[].difference", "now less then", BESIDE),
];

/// The same for every amount against a budget.
const AGAINST: &[Row] = &[
    ("amount", "spent, or forecast", SPENT),
    ("budget", "what may be spent", BUDGETED),
    ("variance", "amount less budget", VARIANCE),
    ("share", "variance as a share of the budget", OF_BUDGET),
];

/// The number of a section.
pub(super) fn section(pattern: &str) -> Option<Definition> {
    let is_inside = |name: &str| {
        pattern
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let (name, meaning) = *SECTIONS.iter().find(|it| is_inside(it.0))?;
    let row = row(name, pattern);
    let (meaning, rules) = row.map_or((meaning, COMPUTED), |it| (it.1, it.2));
    Some(Definition { pattern: name, unit: by_name(pattern), meaning, rules })
}

fn row(section: &str, pattern: &str) -> Option<&'static Row> {
    if section == "budget" {
        let word = pattern.rsplit('.').next()?;
        return AGAINST.iter().find(|it| it.0 == word);
    }
    // What was asked about is a point like those of the curve.
    let pattern = pattern.replace(".asked[].", ".curve[].");
    ROWS.iter().find(|it| it.0 == pattern)
}

/// Whether a number of a section has a row of its own.
#[cfg(test)]
pub(in crate::report::explain) fn has_row(pattern: &str) -> bool {
    SECTIONS.iter().any(|it| row(it.0, pattern).is_some())
}

/// The unit of a number of a section by the last word of its path; amounts are texts and need none.
fn by_name(pattern: &str) -> Unit {
    let word = pattern.rsplit(['.', ']']).next().unwrap_or_default();
    match word {
        "level"
        | "share"
        | "used_today"
        | "used_after"
        | "share_of_forecast"
        | "mature_within"
        | "utilization"
        | "utilization_today"
        | "coverage"
        | "probability_of_loss"
        | "risk_setting" => Unit::Share,
        "paid_hours" | "used_hours" => Unit::Hours,
        "days" => Unit::Of("days"),
        "term_months" | "cash_payback_months" | "regret_months" => Unit::Of("months"),
        "gpu_count" => Unit::Of("GPUs"),
        "n" | "instances" | "mean_instances" | "held_instances" | "stable_n" | "chosen_n"
        | "optimal_n" | "max_n" | "at_once" | "unplaced" | "bought" => Unit::Of("instances"),
        _ => Unit::Ratio,
    }
}
