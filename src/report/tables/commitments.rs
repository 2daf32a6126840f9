//! What can be committed to, what that means, what is held, and why something has no case.

use std::collections::BTreeMap;

use super::{ahead, money_in};
use crate::report::commitments::{
    CommitmentCase, HeldReport, InstanceReport, NoCaseReport, SpendReport, UnusedHoursReport,
};
use crate::report::html::range_in_words;
use crate::report::model::ReportModel;
use crate::report::number::{DASH, Medium, date};
use crate::report::table::Table;
use crate::report::words::{plain, purchase, shown, used};
use crate::units::{Currency, Money};

/// What must be said wherever these savings stand.
pub(crate) const NOT_ADDED: &str =
    "No saving here is added to a total: what is in the advice is counted there.";

/// Whether the terminal says anything of commitments.
pub(crate) fn has_commitments(report: &ReportModel) -> bool {
    let all = &report.commitment;
    let in_money = !spend_cases(report, Medium::Terminal).is_empty();
    let is_any = !all.held_commitments.is_empty() || !all.committed_first.is_empty();
    in_money || is_any || all.commitments.iter().any(|it| it.best)
}

/// The tables of commitments; none is empty.
pub(crate) fn commitment_tables(report: &ReportModel, medium: Medium) -> Vec<Table> {
    let all = [
        offers(report, medium),
        signing(report, medium),
        held(report, medium),
        ahead::renewals(report, medium),
        ahead::committed_first(report, medium),
        spend(report, medium),
        covered(report),
        absent(report, medium),
    ];
    all.into_iter().filter(|it| !it.is_empty()).collect()
}

/// `4-GPU H100 SXM5 in us-central1, gcp`.
pub(super) fn instance(it: &InstanceReport) -> String {
    let gpu = shown(&it.gpu);
    let gpu = if it.gpu_count == 1 { gpu } else { format!("{}-GPU {gpu}", it.gpu_count) };
    format!("{gpu} in {}, {}", shown(&it.region), shown(&it.provider))
}

/// An amount, with its currency where the report has another.
pub(super) fn amount(report: &ReportModel, amount: Money, medium: Medium) -> String {
    own(report.currency, amount.currency(), medium.money(amount))
}

fn own(of_report: Currency, it: Currency, text: String) -> String {
    if it == of_report { text } else { format!("{text} {it}") }
}

/// `12 months`, marked where the policy does not allow it.
fn term(it: &CommitmentCase) -> String {
    let months = months(it.term_months);
    match (&it.not_allowed, it.best) {
        (Some(why), _) => format!("{months}: not allowed, {}", plain(why)),
        (None, true) => format!("{months}, saves the most"),
        (None, false) => months,
    }
}

pub(super) fn months(n: u32) -> String {
    format!("{n} month{}", if n == 1 { "" } else { "s" })
}

/// What each term saves.
fn offers(report: &ReportModel, medium: Medium) -> Table {
    let saves = format!("Saves {}/month#", report.currency);
    let heads = ["Commitment", "Term", "Per hour#", "By use#", "Stable#", "Chosen#", "Optimal#"];
    let heads: Vec<&str> = heads.into_iter().chain([saves.as_str(), "Range", "Used#"]).collect();
    let mut table = Table::new("What could be committed to", &heads);
    for it in &report.commitment.commitments {
        let range = range_in_words(medium, it.interval.as_ref(), it.probability_of_loss);
        table.push_strong(
            it.best,
            vec![
                instance(&it.instance),
                term(it),
                money_in(it.rate_per_hour, medium),
                money_in(it.by_use_rate_per_hour, medium),
                medium.count(it.stable_n.into()),
                medium.count(it.chosen_n.into()),
                medium.count(it.optimal_n.into()),
                amount(report, it.monthly_savings, medium),
                range.filter(|_| it.chosen_n > 0).unwrap_or_else(|| DASH.to_owned()),
                it.utilization.map_or_else(|| DASH.to_owned(), |it| medium.percent(it)),
            ],
        );
    }
    table.note = Some(note(report, medium));
    table
}

/// What the cases presume and what must be known of them, each sentence once.
fn note(report: &ReportModel, medium: Medium) -> String {
    let mut said = vec![NOT_ADDED.to_owned()];
    for it in &report.commitment.commitments {
        let sentence = format!("{}: {}.", instance(&it.instance), presumed(report, it, medium));
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    said.join(" ")
}

/// Whose demand it is and what must be known.
fn presumed(report: &ReportModel, it: &CommitmentCase, medium: Medium) -> String {
    let all = it.presumes.iter().map(|it| plain(it)).chain(without(&it.without));
    let all = all.chain(unused(report, &it.unused_hours, "commit", medium));
    all.chain(it.notes.iter().map(|it| plain(it))).collect::<Vec<_>>().join("; ")
}

/// That the demand holds hours in which nobody used what is paid for, and what to do before it is bought.
pub(super) fn unused(
    report: &ReportModel,
    all: &[UnusedHoursReport],
    what: &str,
    medium: Medium,
) -> Option<String> {
    let named = all.iter().map(|it| {
        format!("{} pays {} in the window", shown(&it.workload), amount(report, it.cost, medium))
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| {
        format!(
            "{} for hours in which nobody used it, and they are in this demand: switch it off then before you \
             {what}",
            named.join(", ")
        )
    })
}

/// `without s1, which ends on 1 Feb 2027`; nothing where all count.
pub(super) fn without(names: &[String]) -> Option<String> {
    const MOST_NAMED: usize = 5;
    let more = names.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named: Vec<String> = names.iter().take(MOST_NAMED).map(|it| plain(it)).collect();
    (!names.is_empty()).then(|| format!("without {}{more}", named.join("; ")))
}

/// What signing for it means.
fn signing(report: &ReportModel, medium: Medium) -> Table {
    let heads = [
        "Commitment",
        "Term",
        "In the advice#",
        "Beyond it#",
        "Upfront#",
        "Owed over the term#",
        "Ends",
        "Cash pay-back, months#",
        "Regret point, months#",
        "Left on the table#",
    ];
    let mut table = Table::new("What it would mean, bought on the day of the report", &heads);
    let number = |it: Option<f64>| it.map_or_else(|| DASH.to_owned(), |it| medium.quantity(it));
    let may_be_signed = |it: &&CommitmentCase| it.chosen_n > 0 && it.allowed;
    for it in report.commitment.commitments.iter().filter(may_be_signed) {
        table.push_strong(
            it.best,
            vec![
                format!("{} x {}", medium.count(it.chosen_n.into()), instance(&it.instance)),
                months(it.term_months),
                amount(report, it.included_in_advice, medium),
                amount(report, it.beyond_advice, medium),
                money_in(it.upfront, medium),
                amount(report, it.liability, medium),
                date(&it.end),
                number(it.cash_payback_months),
                number(it.regret_months),
                money_in(it.hindsight.as_ref().map(|it| it.left_on_the_table), medium),
            ],
        );
    }
    let ladders = report.commitment.commitments.iter().filter_map(|it| {
        Some(format!("{} {}.", instance(&it.instance), in_steps(report, it, medium)?))
    });
    let bought = report.commitment.commitments.iter().filter_map(when_bought);
    let hindsight =
        "Left on the table: what the cheapest purchases of hindsight would have saved in \
                     the window."
            .to_owned();
    let said = [hindsight].into_iter().chain(bought).chain(ladders);
    table.note = Some(said.collect::<Vec<_>>().join(" "));
    table
}

/// `in steps: 1 in 2026-11, 1 in 2027-03; waiting costs 7,010.71`, of the case that saves the most.
fn in_steps(report: &ReportModel, it: &CommitmentCase, medium: Medium) -> Option<String> {
    let ladder = it.ladder.as_ref().filter(|_| it.best)?;
    let waiting = amount(report, ladder.waiting_cost, medium);
    Some(format!("in steps: {}; waiting costs {waiting}", ladder.in_words()))
}

/// When hindsight would have bought, of the case that saves the most.
fn when_bought(it: &CommitmentCase) -> Option<String> {
    const MOST_NAMED: usize = 4;
    let all = &it.hindsight.as_ref().filter(|_| it.best)?.purchases;
    let named = all.iter().take(MOST_NAMED).map(|it| format!("{} on {}", it.n, date(&it.at)));
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match all.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        n => format!(" and {n} times more"),
    };
    (!all.is_empty())
        .then(|| format!("{}: hindsight would have bought {named}{more}.", instance(&it.instance)))
}

/// Commitments in money per hour.
fn spend(report: &ReportModel, medium: Medium) -> Table {
    let saves = format!("Saves {}/month#", report.currency);
    let heads = ["Plan", "Per hour#", saves.as_str(), "Range", "Used#", "Covers#"];
    let more = ["In the advice#", "Beyond it#", "Owed over the term#", "Ends"];
    let heads: Vec<&str> = heads.into_iter().chain(more).collect();
    let mut table = Table::new("Commitments in money per hour", &heads);
    let share = |it: Option<f64>| it.map_or_else(|| DASH.to_owned(), |it| medium.percent(it));
    for it in &report.commitment.spend_commitments {
        let range = range_in_words(medium, it.interval.as_ref(), it.probability_of_loss);
        let over = if it.allowed { "" } else { ", over the policy's longest" };
        table.push(vec![
            format!(
                "{}, {}{over}{}",
                shown(&it.provider),
                purchase(&it.purchase),
                on_top_of(it, medium)
            ),
            money_in(it.per_hour, medium),
            amount(report, it.monthly_savings, medium),
            range.unwrap_or_else(|| DASH.to_owned()),
            share(it.utilization),
            share(it.coverage),
            amount(report, it.included_in_advice, medium),
            amount(report, it.beyond_advice, medium),
            amount(report, it.liability, medium),
            date(&it.end),
        ]);
    }
    let limited = report.commitment.spend_commitments.iter().filter_map(|it| {
        let without = without(&it.without)?;
        Some(format!("{}, {}: {without}.", shown(&it.provider), purchase(&it.purchase)))
    });
    let limited: Vec<String> = limited.collect();
    table.note = (!limited.is_empty()).then(|| limited.join(" "));
    table
}

/// What a commitment in money per hour comes on top of.
fn on_top_of(it: &SpendReport, medium: Medium) -> String {
    let held = it.held_per_hour.filter(|it| !it.is_zero());
    held.map_or_else(String::new, |it| format!(", beyond the {} held", medium.money(it)))
}

/// What is held, and what of it nobody uses.
fn held(report: &ReportModel, medium: Medium) -> Table {
    let heads = [
        "Held",
        "Of",
        "Used today#",
        "Used after the advice#",
        "Stranded then#",
        "Owed#",
        "Paid ahead#",
        "Ends",
    ];
    let share = |it: Option<f64>| it.map_or_else(|| DASH.to_owned(), |it| medium.percent(it));
    let mut table = Table::new("Commitments held", &heads);
    for it in &report.commitment.held_commitments {
        table.push(vec![
            plain(&it.id),
            held_of(report, it, medium),
            share(it.utilization_today),
            share(it.utilization),
            stranded(report, it, medium),
            amount(report, it.liability, medium),
            amount(report, it.prepaid_left, medium),
            ends(it),
        ]);
    }
    let held = &report.commitment.held_commitments;
    let not_known = held.iter().filter_map(|it| {
        Some(format!("{}: use not known, {}", plain(&it.id), plain(it.use_not_known.as_ref()?)))
    });
    let said = held.iter().filter_map(|it| could_carry(it, medium)).chain(not_known);
    let said: Vec<String> = said.collect();
    table.note = (!said.is_empty()).then(|| format!("{}.", said.join("; ")));
    table
}

fn stranded(report: &ReportModel, it: &HeldReport, medium: Medium) -> String {
    it.stranded_cost.map_or_else(|| DASH.to_owned(), |it| amount(report, it, medium))
}

/// What else a commitment could carry that is not used up.
fn could_carry(it: &HeldReport, medium: Medium) -> Option<String> {
    const MOST_NAMED: usize = 5;
    let more = it.could_carry.len().saturating_sub(MOST_NAMED);
    let names: Vec<String> = it.could_carry.iter().take(MOST_NAMED).map(|it| shown(it)).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| {
        format!(
            "{} is paid for and used {}: by size a replica of {}{more} fits on one of its instances; whether it \
             pays there is not computed",
            plain(&it.id),
            it.utilization.map_or_else(|| DASH.to_owned(), |it| medium.percent(it)),
            names.join(", ")
        )
    })
}

fn held_of(report: &ReportModel, it: &HeldReport, medium: Medium) -> String {
    let Some(what) = it.instance_type.as_ref().or(it.gpu.as_ref()) else {
        let rate = it.rate_per_hour.map(|it| amount(report, it, medium)).unwrap_or_default();
        return format!("{rate} an hour of all that its plan covers, {}", shown(&it.provider));
    };
    let what = shown(what);
    format!("{} x {what} in {}, {}", it.instances, shown(&it.region), shown(&it.provider))
}

/// When it ends, and whether that is soon.
fn ends(it: &HeldReport) -> String {
    let day = date(&it.end);
    match (it.has_ended, it.ends_within_term) {
        (true, _) => format!("{day}, over"),
        (false, true) => format!("{day}, within the next term"),
        (false, false) => day,
    }
}

/// What a commitment covers already.
fn covered(report: &ReportModel) -> Table {
    let heads = ["Covered already", "Workloads", "By what"];
    let mut table = Table::new("What a commitment covers already", &heads);
    for it in report.commitment.commitments_absent.iter().filter(|it| it.covered) {
        let names = it.workloads.iter().map(|it| shown(it)).collect::<Vec<_>>().join(", ");
        table.push(vec![instance(&it.instance), names, plain(&it.reason)]);
    }
    table
}

/// Why something has no case, and what to do until then.
fn absent(report: &ReportModel, medium: Medium) -> Table {
    let heads = ["No commitment yet", "Workloads", "Why", "Until then"];
    let mut table = Table::new("What cannot be committed to yet", &heads);
    for it in report.commitment.commitments_absent.iter().filter(|it| !it.covered) {
        let names = it.workloads.iter().map(|it| shown(it)).collect::<Vec<_>>().join(", ");
        let until = rule(report, it, medium).unwrap_or_else(|| DASH.to_owned());
        table.push(vec![instance(&it.instance), names, plain(&it.reason), until]);
    }
    table
}

fn rule(report: &ReportModel, it: &NoCaseReport, medium: Medium) -> Option<String> {
    let it = it.rule.as_ref()?;
    let bought = match it.bought {
        0 => String::new(),
        n => format!("buy {n} now, and "),
    };
    Some(format!(
        "{bought}buy {} for {} when it has cost {} by use, its whole fee; so far {}. That costs at most \
         {} times the least possible",
        if it.bought == 0 { "one" } else { "the next" },
        months(it.term_months),
        amount(report, it.fee, medium),
        amount(report, it.spent_on_next, medium),
        medium.quantity(it.most_times_the_least)
    ))
}

/// A best case for the terminal: what, what it saves, and what is behind it.
pub(crate) fn best_cases(report: &ReportModel, medium: Medium) -> Vec<(String, String, String)> {
    let best = report.commitment.commitments.iter().filter(|it| it.best);
    let told = best.map(|it| {
        let what = format!(
            "{} x {}, {} (stable {}, optimal {})",
            it.chosen_n,
            instance(&it.instance),
            months(it.term_months),
            it.stable_n,
            it.optimal_n
        );
        let behind = Behind {
            range: range_in_words(medium, it.interval.as_ref(), it.probability_of_loss),
            included: it.included_in_advice,
            beyond: it.beyond_advice,
            owed: it.liability,
            end: &it.end,
            without: &it.without,
        };
        let behind = behind.in_words(report, medium);
        let steps = in_steps(report, it, medium);
        let steps = steps.map(|it| format!("by the policy {it}"));
        let more = steps.into_iter().chain(unused(report, &it.unused_hours, "commit", medium));
        let behind = [behind].into_iter().chain(more).collect::<Vec<_>>().join(" · ");
        (what, amount(report, it.monthly_savings, medium), behind)
    });
    told.collect()
}

/// What stands behind the saving of a commitment.
struct Behind<'a> {
    range: Option<String>,
    included: Money,
    beyond: Money,
    owed: Money,
    end: &'a str,
    without: &'a [String],
}

impl Behind<'_> {
    fn in_words(self, report: &ReportModel, medium: Medium) -> String {
        let amount = |it| amount(report, it, medium);
        let range = self.range.unwrap_or_else(|| "range not known".to_owned());
        let without = without(self.without).map_or_else(String::new, |it| format!(" · {it}"));
        format!(
            "{range} · against the same by use · {} of it in the advice, {} beyond · owed {} to {}{without}",
            amount(self.included),
            amount(self.beyond),
            amount(self.owed),
            date(self.end)
        )
    }
}

/// The same of commitments in money per hour: of each provider the allowed one that saves the most.
pub(crate) fn spend_cases(report: &ReportModel, medium: Medium) -> Vec<(String, String, String)> {
    let mut best: BTreeMap<&str, &SpendReport> = BTreeMap::new();
    let saves = |it: &&SpendReport| it.allowed && it.monthly_savings.atto() > 0;
    for it in report.commitment.spend_commitments.iter().filter(saves) {
        let known = best.entry(&it.provider).or_insert(it);
        if it.monthly_savings.atto() > known.monthly_savings.atto() {
            *known = it;
        }
    }
    let told = best.into_values().map(|it| {
        let what = format!(
            "{} an hour at {}, {}{}",
            money_in(it.per_hour, medium),
            shown(&it.provider),
            purchase(&it.purchase),
            on_top_of(it, medium)
        );
        let behind = Behind {
            range: range_in_words(medium, it.interval.as_ref(), it.probability_of_loss),
            included: it.included_in_advice,
            beyond: it.beyond_advice,
            owed: it.liability,
            end: &it.end,
            without: &it.without,
        };
        (what, amount(report, it.monthly_savings, medium), behind.in_words(report, medium))
    });
    told.collect()
}

/// The held ones for the terminal, one line each.
pub(crate) fn held_in_words(report: &ReportModel, medium: Medium) -> Vec<String> {
    let told = report.commitment.held_commitments.iter().map(|it| {
        let used = it.utilization.map_or_else(
            || {
                let why = it.use_not_known.as_ref();
                let why = why.map_or_else(String::new, |it| format!(" ({})", plain(it)));
                let is_known = it.stranded_cost.is_some();
                if is_known {
                    "not paid for in the window".to_owned()
                } else {
                    format!("use not known{why}")
                }
            },
            |share| used(share, it.utilization_today, medium),
        );
        format!(
            "held {}: {used}, stranded {}, owed {}, ends {}",
            plain(&it.id),
            stranded(report, it, medium),
            amount(report, it.liability, medium),
            ends(it)
        )
    });
    let held = report.commitment.held_commitments.iter();
    let free = held.clone().filter_map(|it| could_carry(it, medium));
    let again = held.filter_map(|it| ahead::renewal_in_words(report, it, medium));
    told.chain(free).chain(again).chain(ahead::committed_first_in_words(report, medium)).collect()
}
