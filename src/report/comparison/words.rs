//! The sentences of a comparison, in one medium.

use super::Comparison;
use crate::bridge::{Finding, Moved, Outcome, PriceMoved, Promise, Step};
use crate::report::number::{DASH, Medium, by_rounding};
use crate::report::previous::{SinceReport, SinceStep, SinceWorkload};
use crate::report::words::{plain, shown, waste};
use crate::report::{account, number};
use crate::units::Money;

/// The step of what no workload claims.
pub(in crate::report) const UNCLAIMED: &str = "unclaimed";
/// The words for it.
pub(super) const OF_NO_WORKLOAD: &str = "GPUs of no workload";

/// An amount that is a change: `+12.30`, `-4.00`.
pub(in crate::report) fn signed(amount: Money, medium: Medium) -> String {
    let text = medium.money(amount);
    if amount.atto() > 0 { format!("+{text}") } else { text }
}

/// Whether an amount is nothing in cents.
fn shows(amount: Money, medium: Medium) -> bool {
    medium.money(amount) != medium.money(Money::zero(amount.currency()))
}

/// What the two months are called: `Sep` and `Oct`, else `OLD` and `NEW`.
pub(super) fn names(it: &Comparison) -> [String; 2] {
    let short = |label: &str| {
        let (month, year) = label.split_once(' ')?;
        let is_month = year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit());
        is_month.then(|| month.chars().take(3).collect::<String>())
    };
    match (short(&it.old.period_label), short(&it.new.period_label)) {
        (Some(old), Some(new)) if old != new => [old, new],
        _ => ["OLD".to_owned(), "NEW".to_owned()],
    }
}

/// `October 2026 against September 2026 · 744 h against 720 h`.
pub(super) fn title(it: &Comparison, medium: Medium) -> String {
    let hours = |month: &crate::bridge::Month| medium.measure(month.window.hours());
    format!(
        "{} against {} · {} h against {} h",
        plain(&it.new.period_label),
        plain(&it.old.period_label),
        hours(&it.new.month),
        hours(&it.old.month)
    )
}

/// `78,621.94 USD effective · was 75,795.02`; what of each no workload claims is said.
pub(super) fn spend(it: &Comparison, medium: Medium) -> String {
    let [old, new] = it.spend;
    let of = |cost: Money, from: &super::PastReport| match from.unclaimed {
        Some(other) => {
            format!("{} ({} of no workload)", medium.money(cost), medium.money(other))
        }
        None => medium.money(cost),
    };
    let currency = new.currency();
    format!("{} {currency} effective · was {}", of(new, &it.new), of(old, &it.old))
}

/// The bridge in one line, as data.
pub(in crate::report) fn line(it: &Comparison) -> SinceReport {
    let steps = it.bridge.steps.parts();
    let steps =
        steps.map(|(step, amount)| SinceStep { step: step.as_str(), name: name(it, step), amount });
    let unclaimed =
        SinceStep { step: UNCLAIMED, name: OF_NO_WORKLOAD.to_owned(), amount: it.unclaimed };
    let steps = steps.chain([unclaimed]).filter(|it| !it.amount.is_zero());
    let [label, _] = names(it);
    let [old, new] = it.spend;
    let moved_ones = it.bridge.workloads.iter().filter(|it| !it.difference.is_zero());
    SinceReport {
        label,
        old,
        new,
        difference: it.difference,
        steps: steps.collect(),
        workloads: moved_ones.map(moved).collect(),
    }
}

/// What a workload cost in both windows, and which step moved it most.
fn moved(it: &Moved) -> SinceWorkload {
    let most = it.steps.parts().max_by_key(|(_, amount)| amount.atto().unsigned_abs());
    SinceWorkload {
        workload: it.name.clone(),
        old: it.old,
        new: it.new,
        difference: it.difference,
        most: most.map_or(Step::Rest, |it| it.0).as_str(),
    }
}

/// The word for the step of its name.
pub(in crate::report) fn step_in_words(name: &str) -> &'static str {
    Step::ALL.into_iter().find(|it| it.as_str() == name).map_or("", word)
}

/// `+2,826.92 (+4 %): longer month +2,311.51 · agents-beta (new) +2,010.96 · ...`; what rounding each
/// amount to cents leaves is said, so that the line adds up as it is printed.
pub(in crate::report) fn since(it: &SinceReport, medium: Medium) -> String {
    let shown = it.steps.iter().filter(|it| shows(it.amount, medium));
    let mut parts: Vec<String> =
        shown.map(|it| format!("{} {}", it.name, signed(it.amount, medium))).collect();
    let amounts: Vec<Money> = it.steps.iter().map(|it| it.amount).collect();
    if let Some(left) = by_rounding(it.difference, &amounts) {
        parts.push(format!("rounding {}", signed(left, medium)));
    }
    let share = share(it.difference, it.old).map(|it| format!(" ({})", signed_percent(it, medium)));
    let lead = format!("{}{}", signed(it.difference, medium), share.unwrap_or_default());
    if parts.is_empty() { lead } else { format!("{lead}: {}", parts.join(" · ")) }
}

/// A share that is a change: `+4 %`.
pub(in crate::report) fn signed_percent(share: f64, medium: Medium) -> String {
    let plus = if share > 0.0 { "+" } else { "" };
    format!("{plus}{}", medium.percent(share))
}

fn share(part: Money, whole: Money) -> Option<f64> {
    (whole.atto() > 0).then(|| part.to_f64() / whole.to_f64())
}

/// The words for a step of the whole bridge; a single new or ended workload is named.
fn name(it: &Comparison, step: Step) -> String {
    let moved: Vec<&Moved> =
        it.bridge.workloads.iter().filter(|it| !it.steps.of(step).is_zero()).collect();
    match (step, moved.as_slice()) {
        (Step::Days, _) => longer(it).to_owned(),
        (Step::New | Step::Ended, [one]) => format!("{} ({})", shown(&one.name), step.as_str()),
        (Step::New | Step::Ended, all) => format!("{} {}", all.len(), step.as_str()),
        (Step::Actions, [one]) => format!("advice on {} done", shown(&one.name)),
        (step, _) => word(step).to_owned(),
    }
}

fn longer(it: &Comparison) -> &'static str {
    let (old, new) = (it.old.month.window, it.new.month.window);
    let of_months = names(it)[0] != "OLD";
    match (new.len_us() > old.len_us(), of_months) {
        (true, true) => "longer month",
        (false, true) => "shorter month",
        (true, false) => "longer window",
        (false, false) => "shorter window",
    }
}

/// The word for a step of one workload.
pub(super) const fn word(step: Step) -> &'static str {
    match step {
        Step::Actions => "advice done",
        Step::Rest => "not attributed",
        other => other.as_str(),
    }
}

/// Why a workload moved: `days +24.00 · volume +76.00`.
pub(super) fn why(it: &Moved, medium: Medium) -> String {
    let parts = it.steps.parts().filter(|(_, amount)| shows(*amount, medium));
    let mut parts: Vec<String> = match it.steps.parts().filter(|it| !it.1.is_zero()).count() {
        // A single step is the whole change, which stands beside it.
        1 => parts.map(|(step, _)| word(step).to_owned()).collect(),
        _ => parts.map(|(step, it)| format!("{} {}", word(step), signed(it, medium))).collect(),
    };
    parts.extend(it.rest_because.map(|why| format!("({why})")));
    parts.join(" · ").replace(" · (", " (")
}

/// `2.14 USD/1M tokens · was 2.21`, where one of them is known.
pub(super) fn unit_cost(it: &Comparison, medium: Medium) -> Option<String> {
    let (old, new) = (it.old.cost_per_million_tokens, it.new.cost_per_million_tokens);
    let text = |it: Option<Money>| it.map_or_else(|| DASH.to_owned(), |it| medium.unit_cost(it));
    let currency = old.or(new)?.currency();
    Some(format!("{} {currency}/1M tokens, idle included · was {}", text(new), text(old)))
}

/// What was paid and not used beside the spend: `unused commitments 748.46, was 0.00`.
pub(super) fn outside(it: &Comparison, medium: Medium) -> Option<String> {
    let zero = Money::zero(it.new.month.currency);
    let mut parts = it.old.outside.keys().chain(it.new.outside.keys()).collect::<Vec<_>>();
    parts.sort();
    parts.dedup();
    let parts = parts.into_iter().map(|part| {
        let amount = |from: &super::PastReport| {
            medium.money(from.outside.get(part).copied().unwrap_or(zero))
        };
        let what = account::part_in_words(part);
        format!("{what} {}, was {}", amount(&it.new), amount(&it.old))
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// What became of an advice, in words.
pub(super) const fn outcome(it: Outcome) -> &'static str {
    match it {
        Outcome::Followed => "followed",
        Outcome::Open => "still open",
        Outcome::NotSeen => "not seen",
        Outcome::Ended => "ended",
    }
}

/// `93 % of the promise`, with the unit traffic was counted in.
pub(super) fn realised(it: &Promise, medium: Medium) -> String {
    let Some(saving) = it.realised else { return DASH.to_owned() };
    let share = share(saving, it.promised).map(|it| format!(" ({})", medium.percent(it)));
    format!("{}{}", medium.money(saving), share.unwrap_or_default())
}

/// Why an outcome is believed, and what was avoided beside the saving.
pub(super) fn evidence(it: &Promise, medium: Medium) -> String {
    let basis = match (it.realised, it.unit) {
        (Some(_), Some(unit)) => format!("; realised at the old number of {}", unit.as_str()),
        (Some(_), None) => {
            "; no unit of traffic: realised is cost before less cost after".to_owned()
        }
        (None, _) => String::new(),
    };
    let avoided = it.avoided.map(|avoided| {
        let amount = medium.money(avoided);
        format!("; beside it {amount} of cost avoidance on the traffic that came on top")
    });
    format!("{}{basis}{}", it.evidence, avoided.unwrap_or_default())
}

/// `old-demo: Idle, 1,331.76, confirmed`.
pub(super) fn finding(it: &Finding, medium: Medium) -> String {
    let state = if it.confirmed { "confirmed" } else { "to investigate" };
    let who = it.workload.as_deref().map(|it| format!("{}: ", shown(it))).unwrap_or_default();
    let cost = it.cost.map(|it| format!(", {} {}", medium.money(it), it.currency()));
    format!("{who}{}{}, {state}", waste(&it.finding), cost.unwrap_or_default())
}

/// `aws/p5...: 4.00 → 4.40 USD/h (10 Oct 2026)`.
pub(super) fn price(it: &PriceMoved, medium: Medium) -> String {
    let rate = |amount| medium.unit_cost(amount);
    format!(
        "{}: {} → {} {}/h (seen {}, before {})",
        plain(&it.id),
        rate(it.old.per_hour),
        rate(it.new.per_hour),
        it.new.per_hour.currency(),
        number::date(&it.new.as_of),
        number::date(&it.old.as_of)
    )
}

/// What the reader must know of the two windows and of amounts that are in neither total.
pub(super) fn notices(it: &Comparison) -> Vec<String> {
    let (old, new) = (it.old.month.window, it.new.month.window);
    let hours = |us: i64| Medium::Terminal.measure(us as f64 / 3_600e6);
    let apart = new.start().us() - old.end().us();
    let mut said = Vec::new();
    if apart > 0 {
        said.push(format!("{} h between the two windows are in neither", hours(apart)));
    }
    if apart < 0 {
        said.push(format!("the windows overlap by {} h, whose cost is in both", hours(-apart)));
    }
    let unknown = |month: &crate::bridge::Month| {
        month.workloads.iter().filter(|it| it.1.cost.is_none()).map(|it| it.0.clone()).collect()
    };
    for (name, month) in names(it).iter().zip([&it.old.month, &it.new.month]) {
        let without: Vec<String> = unknown(month);
        if !without.is_empty() {
            said.push(format!("no cost of {name} is known of: {}", without.join(", ")));
        }
    }
    if it.prices.is_none() {
        said.push("catalog prices are not compared: one report does not list them".to_owned());
    }
    said
}
