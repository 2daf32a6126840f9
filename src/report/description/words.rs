//! A workload in one paragraph that a person can repeat in a meeting.

use chrono_tz::Tz;

use super::{DescriptionReport, Told};
use crate::classify::{Anomalies, Anomaly, Censoring, Counted, Pool, UnitCosts, Waste, WasteKind};
use crate::report::number::Medium;
use crate::report::waste;
use crate::report::words::shown;
use crate::units::{Money, Timestamp};
use crate::workload::{Demand, Direction, Kind, Modality, Shape, Workload};

/// Changes that a paragraph tells, the latest.
const MOST_CHANGES: usize = 2;

/// The paragraph: what it is, when it is used, where it goes, what was bought for it, what it and a
/// unit cost, what is wasted, and how well all of that is known.
pub(super) fn paragraph(told: &Told<'_>, report: &DescriptionReport<'_>, medium: Medium) -> String {
    let class = &told.description.class;
    let is_known = !matches!(class.shape, Shape::Idle | Shape::Unknown);
    let of_demand = [
        hours(told, medium),
        class.evidence.first().filter(|_| class.shape == Shape::Bursty).cloned(),
        clock(told),
        direction(told, report.zone, medium),
    ];
    let sentences = [Some(what(told))]
        .into_iter()
        .chain(of_demand.into_iter().filter(|_| is_known))
        .chain(bought(told).into_iter().map(Some))
        .chain([cost(told, medium), wasted(told, medium), Some(known(told, report.zone, medium))]);
    sentences.flatten().collect::<Vec<_>>().join(" ")
}

/// What each source says and by how much they differ, what cannot be, and whether demand was cut off.
fn bought(told: &Told<'_>) -> Vec<String> {
    let it = told.description;
    let last = it.bought.sentences.last().filter(|_| it.bought.contradiction.is_some());
    let is_cut = matches!(it.censored.verdict, Censoring::Censored { .. });
    let cut = it.censored.sentences.first().filter(|_| is_cut);
    it.bought.sentences.iter().take(2).chain(last).chain(cut).cloned().collect()
}

/// `chat-prod is real-time inference on text whose demand follows the clock.`
fn what(told: &Told<'_>) -> String {
    let (name, class) = (shown(&told.workload.name), &told.description.class);
    let kind = match class.kind {
        Kind::Unknown => "a workload of unknown use".to_owned(),
        kind => kind.as_str().to_owned(),
    };
    let modality = match told.description.modality.modality {
        _ if class.kind == Kind::Unknown => "",
        Modality::Text => " on text",
        Modality::Image => " of images",
        Modality::Multimodal => " on text and images",
        Modality::Unknown => "",
    };
    let shape = match class.shape {
        Shape::Idle => {
            return format!("{name} is idle. {}", class.evidence.first().map_or("", |it| it));
        }
        Shape::Unknown => {
            let why = class.evidence.first().map_or("", |it| it);
            return format!("The demand of {name} is not known. {why}");
        }
        Shape::Sporadic => "that is used now and then",
        Shape::Bursty => "whose demand comes in bursts",
        Shape::Diurnal => "whose demand follows the clock",
        Shape::Steady
            if told.description.features.days_active < told.description.features.full_days =>
        {
            "whose demand is much the same while it is in use"
        }
        Shape::Steady => "whose demand is much the same all the time",
    };
    format!("{name} is {kind}{modality} {shape}.")
}

/// How many hours a day, of those days that have any, and how far the busiest hour stands out.
fn hours(told: &Told<'_>, medium: Medium) -> Option<String> {
    /// Below, the busiest hour is like the mean one.
    const STANDS_OUT: f64 = 1.05;
    let features = &told.description.features;
    let number = |it: f64| medium.measure(it);
    // A day on which clocks go back has 25 hours.
    let active = features.active_hours_per_active_day?.min(24.0);
    let days = features.days_active?;
    let of_days = match features.full_days {
        Some(all) if all > days => format!(" on {days} of {all} days, none on the others"),
        _ => String::new(),
    };
    let all_days = of_days.is_empty();
    let busy = features.busy_hours_per_day.filter(|it| all_days && *it < active && *it >= 1.0);
    let busy = busy.map_or(String::new(), |it| {
        format!(", {} of them with at least a tenth of its busiest", number(it))
    });
    let peak = features.peak_to_mean_1h.filter(|it| *it >= STANDS_OUT);
    let peak = peak.map_or(String::new(), |it| {
        format!("; its busiest hour has {} times the demand of the mean hour", number(it))
    });
    Some(format!("It is in use {} of 24 hours{of_days}{busy}{peak}.", number(active)))
}

/// When it is busiest and quiet.
fn clock(told: &Told<'_>) -> Option<String> {
    let told = &told.description.seasonality.words;
    (!told.is_empty()).then(|| told.join(" "))
}

/// Where it is going: the last changes for good, else the trend.
fn direction(told: &Told<'_>, zone: Tz, medium: Medium) -> Option<String> {
    /// An interval wider than this says nothing.
    const WIDEST: f64 = 2.0;
    let description = told.description;
    let changes = &description.changes;
    let latest = changes.all.len().saturating_sub(MOST_CHANGES);
    let change = changes.all[latest..].iter().map(|it| it.words(zone));
    // Of demand now and then a trend says nothing.
    let has_trend = description.class.shape != Shape::Sporadic;
    let trend = changes
        .trend_since_change
        .filter(|it| has_trend && it.high - it.low <= WIDEST)
        .map(|trend| {
            let percent = |share: f64| medium.percent(share);
            let range = format!("{} to {}", percent(trend.low), percent(trend.high));
            match description.class.direction {
                Some(Direction::Growing) => {
                    format!("It grows by {} in 30 days ({range}).", percent(trend.value))
                }
                Some(Direction::Declining) => {
                    format!("It falls by {} in 30 days ({range}).", percent(-trend.value))
                }
                Some(Direction::Flat) | None if trend.low > 0.0 || trend.high < 0.0 => {
                    format!("It changes little: {range} in 30 days.")
                }
                Some(Direction::Flat) | None => format!("No clear trend: {range} in 30 days."),
            }
        });
    let said: Vec<String> = change.chain(trend).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// What it cost, and what a unit costs.
fn cost(told: &Told<'_>, medium: Medium) -> Option<String> {
    let costs = &told.description.unit_costs;
    let all = told.workload.totals.effective_cost?;
    let mut said = format!("It cost {} {}", medium.money(all), all.currency());
    let amount = |it: Money| format!("{} {}", medium.unit_cost(it), it.currency());
    let unit = if let Some(named) = costs.per_unit.first() {
        named.each.amount.map(|it| format!("one {} costs {}", shown(&named.name), amount(it)))
    } else if let Some(tokens) = costs.per_million_tokens {
        tokens.amount.map(|it| format!("a million tokens cost {}", amount(it)))
    } else {
        let requests = costs.per_thousand_requests.and_then(|it| it.amount);
        requests.map(|it| format!("a thousand requests cost {}", amount(it)))
    };
    if let Some(unit) = unit {
        said = format!("{said}; {unit}, idle time included");
        let trend = costs.trend_per_30d.filter(|it| it.low > 0.0 || it.high < 0.0);
        if let Some(trend) = trend {
            let (word, by) = if trend.value > 0.0 { ("up", 1.0) } else { ("down", -1.0) };
            said = format!("{said}, {word} by {} in 30 days", medium.percent(by * trend.value));
        }
    }
    Some(said + ".")
}

/// What the weeks of unit costs count.
pub(super) fn counted(costs: &UnitCosts) -> String {
    match (costs.counted, costs.per_unit.first()) {
        (Some(Counted::Named), Some(named)) => format!("per {}", shown(&named.name)),
        (Some(Counted::ThousandRequests), _) => "per thousand requests".to_owned(),
        _ => "per million tokens".to_owned(),
    }
}

/// What findings cost together: confirmed, and to investigate.
pub(super) fn totals<'a>(all: &(impl Iterator<Item = &'a Waste> + Clone)) -> [Option<Money>; 2] {
    let total = |of: &dyn Fn(&Waste) -> bool| waste::total(all.clone(), of).ok().flatten();
    [total(&|it| it.confirmed), total(&waste::is_open)]
}

fn wasted(told: &Told<'_>, medium: Medium) -> Option<String> {
    let [sure, open] = totals(&told.description.waste.iter());
    let amount = |it: Money| format!("{} {}", medium.money(it), it.currency());
    match (sure, open) {
        (Some(sure), Some(open)) => Some(format!(
            "{} of it is confirmed waste, {} more to investigate.",
            amount(sure),
            amount(open)
        )),
        (Some(sure), None) => Some(format!("{} of it is confirmed waste.", amount(sure))),
        (None, Some(open)) => Some(format!("{} of it may be waste: to investigate.", amount(open))),
        (None, None) => None,
    }
}

/// The heading of all findings, with their sums.
pub(super) fn waste_heading(report: &DescriptionReport<'_>, medium: Medium) -> String {
    let own = report.workloads.iter().flat_map(|it| &it.description.waste);
    let [sure, open] = totals(&own.chain(&report.fleet.waste)).map(|sum| {
        sum.map_or("0".to_owned(), |it| format!("{} {}", medium.money(it), it.currency()))
    });
    format!("WASTE in this window: {sure} confirmed, {open} to investigate")
}

/// Missing data is a finding, and no waste.
pub(super) fn is_waste(waste: &Waste) -> bool {
    waste.kind != WasteKind::DataMissing
}

/// A span in hours, from two days on in days.
fn span(seconds: f64, medium: Medium) -> String {
    match seconds / 86_400.0 {
        days if days >= 2.0 => format!("{} days", medium.measure(days)),
        _ => medium.duration(seconds),
    }
}

/// How well all of it is known, and which part of the window the data reach.
fn known(told: &Told<'_>, zone: Tz, medium: Medium) -> String {
    /// Less than this missing at an end is an edge, not a gap.
    const DAY_US: i64 = 86_400_000_000;
    let description = told.description;
    let span = span(description.features.span_s, medium);
    let source = match &told.workload.demand {
        Demand::Arrivals(_) => "a log of single requests",
        Demand::Counts(_) => "counts of requests",
        Demand::Level(_) => "GPU-hours, without requests",
        Demand::Unknown if told.workload.activity.is_empty() => "its cost alone",
        Demand::Unknown => "GPU metrics, without requests",
    };
    let class = &description.class;
    let confidence = medium.percent(class.confidence.get());
    let of = if class.kind == Kind::Unknown { "the shape" } else { "shape and kind" };
    let (seen, window) = (told.workload.seen_window(), told.workload.window);
    let date = |at: Timestamp| at.in_zone(zone).format("%-d %b");
    let mut said = String::new();
    if seen.start().us() - window.start().us() >= DAY_US {
        said = format!(" Its data begin on {}.", date(seen.start()));
    }
    if window.end().us() - seen.end().us() >= DAY_US {
        said = format!("{said} Its data end on {}.", date(seen.end().plus_us(-1)));
    }
    if class.shape == Shape::Unknown {
        return said.trim_start().to_owned();
    }
    format!("This rests on {span} of {source}; confidence in {of} {confidence}.{said}")
}

/// A finding in one sentence: whose, what, how much, why, what to do.
pub(super) fn finding(told: Option<&Told<'_>>, it: &Waste, medium: Medium) -> String {
    let name = told.map(|it| &it.workload.name).or(it.workload.as_ref());
    let name = name.map_or(String::new(), |it| format!("{}: ", shown(it)));
    let amount = it
        .cost
        .map_or(String::new(), |cost| format!(", {} {}", medium.money(cost), cost.currency()));
    let state = match (it.kind, it.confirmed) {
        (WasteKind::DataMissing, _) => "",
        (_, true) => ", confirmed",
        (_, false) => ", to investigate",
    };
    let kind = it.kind.as_str().replace('_', " ");
    format!("{name}{kind}{state}{amount}. {} {}", it.evidence, it.action)
}

/// The unexpected costs of a workload, one sentence each.
pub(in crate::report) fn anomalies(
    workload: &Workload,
    found: &Anomalies,
    zone: Tz,
    medium: Medium,
) -> Vec<String> {
    let name = shown(&workload.name);
    let owner = workload.owner.as_deref().map_or("its owner".to_owned(), shown);
    let sentence = |it: &Anomaly| {
        let at = |at: Timestamp| at.in_zone(zone).format("%-d %b %H:%M");
        let until = if it.running {
            "still running".to_owned()
        } else {
            format!("to {}", at(it.period.end()))
        };
        let size = Money::zero(it.over.currency()).checked_sub(it.over);
        let (size, side) = match size {
            Ok(size) if it.over.is_negative() => (size, "less than"),
            _ => (it.over, "over"),
        };
        let moved = it.moved.map_or(String::new(), |moved| {
            format!(
                " ({} by GPU-hours, {} by their price)",
                medium.money(moved.by_gpu_hours),
                medium.money(moved.by_rate)
            )
        });
        format!(
            "{name}: {} {} {side} what is usual{moved}, from {}, {until}: {} paid, {} usual. Ask {owner}.",
            medium.money(size),
            size.currency(),
            at(it.since),
            medium.money(it.actual),
            medium.money(it.expected)
        )
    };
    found.over.iter().chain(&found.below).map(sentence).collect()
}

/// What workloads would need together, where a pool would need fewer whole GPUs or nobody can say.
pub(super) fn pools(report: &DescriptionReport<'_>, medium: Medium) -> Vec<String> {
    let pool = |it: &Pool| {
        let names: Vec<String> = it.peaks.iter().map(|it| shown(&it.name)).collect();
        let names = match names.as_slice() {
            [first, second, third, rest @ ..] if rest.len() > 1 => {
                format!("{first}, {second}, {third} and {} more", rest.len())
            }
            names => names.join(", "),
        };
        let peaks = it.sum_of_peaks.zip(it.peak_of_sum).map(|(alone, together)| {
            format!(
                "their peaks add up to {} GPUs, the peak of their sum is {}",
                medium.measure(alone),
                medium.measure(together)
            )
        });
        let saved = it.gpus_saved.map(|it| match it {
            it if it < 2.0 => " (1 whole GPU fewer)".to_owned(),
            it => format!(" ({} whole GPUs fewer)", medium.measure(it)),
        });
        let pair = it.pairs.first().and_then(|pair| {
            let how = pair.correlation.filter(|it| *it < 0.0)?;
            let [a, b] = pair.names.each_ref().map(|it| shown(it));
            Some(match it.peaks.len() {
                2 => format!("the correlation of their hours is {how:.2}"),
                _ => format!("{a} and {b} complement each other best, correlation {how:.2}"),
            })
        });
        let said: Vec<String> =
            peaks.map(|it| it + &saved.unwrap_or_default()).into_iter().chain(pair).collect();
        let gpu = it.gpu.as_ref().map_or(String::new(), |it| format!(" on {}", shown(it)));
        format!("{names}{gpu}: {}.", said.join("; "))
    };
    let worth = |it: &&Pool| it.gpus_saved.is_none_or(|it| it >= 1.0);
    report.fleet.pools.iter().filter(worth).map(pool).collect()
}

/// Times in which all were silent at once.
pub(super) fn outages(report: &DescriptionReport<'_>) -> Vec<String> {
    let outages = report.fleet.outages.iter();
    outages
        .map(|it| {
            let [from, to] = [it.period.start(), it.period.end()]
                .map(|at| at.in_zone(report.zone).format("%-d %b %H:%M"));
            format!(
                "{from} to {to}: {} workloads were silent at once, which chance does not explain: \
                 an outage or a hole in the data, no idleness.",
                it.workloads.len()
            )
        })
        .collect()
}
