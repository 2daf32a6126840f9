//! A workload in one paragraph that a person can repeat in a meeting.

use chrono_tz::Tz;

use super::{DescriptionReport, Told};
use crate::classify::{Change, Counted, Pool, UnitCosts, Waste, WasteKind};
use crate::report::number::Medium;
use crate::report::words::shown;
use crate::units::Money;
use crate::workload::{Demand, Direction, Kind, Modality, Shape};

/// The paragraph: what it is, when it is used, where it goes, what was bought for it, what a unit
/// costs, what is wasted, and how well all of that is known.
pub(super) fn paragraph(told: &Told<'_>, medium: Medium) -> String {
    let sentences = [
        Some(what(told)),
        hours(told, medium),
        clock(told),
        direction(told, medium),
        told.description.bought.sentences.first().cloned(),
        unit_cost(told, medium),
        waste(told, medium),
        Some(known(told, medium)),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// `chat-prod is real-time inference on text whose demand follows the clock.`
fn what(told: &Told<'_>) -> String {
    let class = &told.description.class;
    let kind = match class.kind {
        Kind::Unknown => "a workload of unknown use".to_owned(),
        kind => kind.as_str().to_owned(),
    };
    let modality = match told.description.modality.modality {
        Modality::Text => " on text",
        Modality::Image => " of images",
        Modality::Multimodal => " on text and images",
        Modality::Unknown => "",
    };
    let shape = match class.shape {
        Shape::Idle => "that nobody used",
        Shape::Sporadic => "that is used now and then",
        Shape::Bursty => "whose demand comes in bursts",
        Shape::Diurnal => "whose demand follows the clock",
        Shape::Steady => "whose demand is much the same all the time",
        Shape::Unknown => "whose demand is not known",
    };
    format!("{} is {kind}{modality} {shape}.", shown(&told.workload.name))
}

/// How many hours a day, and how far the busiest stands out.
fn hours(told: &Told<'_>, medium: Medium) -> Option<String> {
    let features = &told.description.features;
    let active = features.active_hours_per_day?;
    if told.description.class.shape == Shape::Idle {
        return None;
    }
    let number = |it: f64| medium.measure(it);
    let busy = features.busy_hours_per_day.filter(|it| *it < active).map_or(String::new(), |it| {
        format!(", with at least a tenth of its peak in {} of them", number(it))
    });
    let peak = features.peak_to_mean_1h.map_or(String::new(), |it| {
        format!("; its busiest hour has {} times the demand of the mean hour", number(it))
    });
    Some(format!("It is in use {} of 24 hours a day{busy}{peak}.", number(active)))
}

/// When it is busiest and quiet.
fn clock(told: &Told<'_>) -> Option<String> {
    let told = &told.description.seasonality.words;
    (!told.is_empty()).then(|| told.join(" "))
}

/// Where it is going: the last change for good, else the trend.
fn direction(told: &Told<'_>, medium: Medium) -> Option<String> {
    let description = told.description;
    let changes = &description.changes;
    let change = changes.all.last().map(Change::words);
    let trend = changes.trend_since_change.map(|trend| {
        let percent = |share: f64| medium.percent(share);
        let range = format!("95\u{a0}% interval {} to {}", percent(trend.low), percent(trend.high));
        match description.class.direction {
            Some(Direction::Growing) => {
                format!("It grows by {} in 30 days ({range}).", percent(trend.value))
            }
            Some(Direction::Declining) => {
                format!("It falls by {} in 30 days ({range}).", percent(-trend.value))
            }
            Some(Direction::Flat) | None => {
                format!("No growth can be told from chance ({range} in 30 days).")
            }
        }
    });
    let said: Vec<String> = change.into_iter().chain(trend).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

fn unit_cost(told: &Told<'_>, medium: Medium) -> Option<String> {
    let costs = &told.description.unit_costs;
    let amount = |it: Money| format!("{} {}", medium.unit_cost(it), it.currency());
    if let Some(named) = costs.per_unit.first() {
        let cost = amount(named.each.amount?);
        return Some(format!("One {} costs {cost}, idle time included.", shown(&named.name)));
    }
    let (units, cost) = match (costs.per_million_tokens, costs.per_thousand_requests) {
        (Some(tokens), _) => ("A million tokens", tokens.amount?),
        (None, requests) => ("A thousand requests", requests?.amount?),
    };
    Some(format!("{units} cost {}, idle time included.", amount(cost)))
}

/// What the weeks of unit costs count.
pub(super) fn counted(costs: &UnitCosts) -> String {
    match (costs.counted, costs.per_unit.first()) {
        (Some(Counted::Named), Some(named)) => format!("per {}", shown(&named.name)),
        (Some(Counted::ThousandRequests), _) => "per thousand requests".to_owned(),
        _ => "per million tokens".to_owned(),
    }
}

fn waste(told: &Told<'_>, medium: Medium) -> Option<String> {
    let total = |confirmed: bool| {
        let costs =
            told.description.waste.iter().filter(|it| is_waste(it) && it.confirmed == confirmed);
        let costs: Vec<Money> = costs.filter_map(|it| it.cost).collect();
        let currency = costs.first()?.currency();
        Money::sum(costs, currency).ok()
    };
    let amount = |it: Money| format!("{} {}", medium.money(it), it.currency());
    match (total(true), total(false)) {
        (Some(sure), Some(open)) => Some(format!(
            "{} of its cost is confirmed waste, {} more to investigate.",
            amount(sure),
            amount(open)
        )),
        (Some(sure), None) => Some(format!("{} of its cost is confirmed waste.", amount(sure))),
        (None, Some(open)) => {
            Some(format!("{} of its cost may be waste: to investigate.", amount(open)))
        }
        (None, None) => None,
    }
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

/// How well all of it is known.
fn known(told: &Told<'_>, medium: Medium) -> String {
    let description = told.description;
    let span = span(description.features.span_s, medium);
    let source = match &told.workload.demand {
        Demand::Arrivals(_) => "a log of single requests",
        Demand::Counts(_) => "counts of requests",
        Demand::Level(_) => "GPU-hours, without requests",
        Demand::Unknown if told.workload.activity.is_empty() => {
            return "Nothing but its cost was measured.".to_owned();
        }
        Demand::Unknown => "GPU metrics, without requests",
    };
    let confidence = medium.percent(description.class.confidence.get());
    format!("This rests on {span} of {source}; confidence in the class {confidence}.")
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
pub(super) fn anomalies(told: &Told<'_>, zone: Tz, medium: Medium) -> Vec<String> {
    let name = shown(&told.workload.name);
    let found = &told.description.anomalies;
    let over = found.over.iter().map(|it| (it, "over"));
    let all = over.chain(found.below.iter().map(|it| (it, "below")));
    all.map(|(it, side)| {
        let since = it.since.in_zone(zone).format("%-d %b %H:%M");
        let until = if it.running {
            "still running".to_owned()
        } else {
            format!("to {}", it.period.end().in_zone(zone).format("%-d %b %H:%M"))
        };
        let amount = if it.over.is_negative() {
            Money::zero(it.over.currency()).checked_sub(it.over).unwrap_or(it.over)
        } else {
            it.over
        };
        let moved = it.moved.map_or(String::new(), |moved| {
            format!(
                ": {} by GPU-hours, {} by their price",
                medium.money(moved.by_gpu_hours),
                medium.money(moved.by_rate)
            )
        });
        format!(
            "{name}: {} {} {side} expected since {since}, {until}{moved}; {} were paid, {} are usual.",
            medium.money(amount),
            amount.currency(),
            medium.money(it.actual),
            medium.money(it.expected)
        )
    })
    .collect()
}

/// What workloads would need together.
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
            it if it < 1.0 => " (no whole GPU fewer)".to_owned(),
            it if it < 2.0 => " (1 whole GPU fewer)".to_owned(),
            it => format!(" ({} whole GPUs fewer)", medium.measure(it)),
        });
        let pair = it.pairs.first().and_then(|pair| {
            let how = pair.correlation?;
            let [a, b] = pair.names.each_ref().map(|it| shown(it));
            Some(format!("{a} and {b} complement each other best, correlation {how:.2}"))
        });
        let said: Vec<String> =
            peaks.map(|it| it + &saved.unwrap_or_default()).into_iter().chain(pair).collect();
        let gpu = it.gpu.as_ref().map_or(String::new(), |it| format!(" on {}", shown(it)));
        format!("{names}{gpu}: {}.", said.join("; "))
    };
    report.fleet.pools.iter().map(pool).collect()
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
