//! Patterns of demand over time, for the JSON of `describe`: seasons, changes, silences, clocks.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::describe::Description;
use super::inputs::Inputs;
use crate::classify::{self, Changes, Holes, Outage, Seasonality};
use crate::units::Period;
use crate::workload::{Demand, Workload};

/// Holes that are listed one by one.
const MAX_LISTED: usize = 20;

/// One object per workload, in their order.
pub(super) fn of_all(described: &[(&Workload, Description)], inputs: &Inputs) -> Vec<Value> {
    let (zone, limits) = (inputs.zone, &inputs.catalog.assumptions.classify);
    let demands: Vec<(&str, &Demand)> =
        described.iter().map(|(it, _)| (it.name.as_str(), &it.demand)).collect();
    let outages = classify::outages(&demands, zone, limits);
    let rows = periods(inputs);
    let of = |(workload, it): &(&Workload, Description)| {
        let own: Vec<&Outage> =
            outages.iter().filter(|outage| outage.workloads.contains(&workload.name)).collect();
        let periods: Vec<Period> = own.iter().map(|it| it.period).collect();
        let outside = if own.is_empty() {
            it.features.longest_idle_gap_s
        } else {
            classify::longest_idle_outside(&workload.demand, &periods)
        };
        let own_rows = rows.get(workload.name.as_str()).map_or(&[][..], Vec::as_slice);
        json!({
            "row_s": it.features.basis.finest_us as f64 / 1e6,
            "seasonality": of_season(&classify::seasonality(&it.hourly, zone, limits)),
            "changes": of_changes(&classify::changes(&it.hourly, zone, limits)),
            "holes": classify::holes(&workload.demand).as_ref().map(of_holes),
            "outages": own.into_iter().map(of_outage).collect::<Vec<Value>>(),
            "longest_idle_gap_outside_outages_s": outside,
            "clock_changes": of_clocks(own_rows, zone),
        })
    };
    described.iter().map(of).collect()
}

/// Periods of the rows with demand, by workload.
fn periods(inputs: &Inputs) -> BTreeMap<&str, Vec<Period>> {
    let table = &inputs.ingested.usage;
    let mut rows: BTreeMap<&str, Vec<Period>> = BTreeMap::new();
    for at in 0..table.len() {
        let has_demand = table.requests[at].is_some() || table.gpu_hours_of(at).is_some();
        if let Some(name) = table.workload.get(at).filter(|_| has_demand) {
            rows.entry(name).or_default().push(table.period[at]);
        }
    }
    rows
}

fn of_period(it: Period) -> Value {
    json!({"start": it.start().to_rfc3339(), "end": it.end().to_rfc3339()})
}

fn of_season(it: &Seasonality) -> Value {
    json!({
        "hour_of_day": it.hour_of_day,
        "hour_of_day_null_because": it.hour_of_day_null,
        "peak_hour": it.peak_hour,
        "quiet_hours": it.quiet_hours,
        "weekday": it.weekday,
        "weekday_null_because": it.weekday_null,
        "busiest_weekday": it.busiest_weekday,
        "quietest_weekday": it.quietest_weekday,
        "words": it.words,
    })
}

fn of_changes(it: &Changes) -> Value {
    let one = |it: &classify::Change| {
        json!({
            "at": it.at.to_rfc3339(),
            "kind": it.kind.as_str(),
            "before": it.before,
            "after": it.after,
            "words": it.words(),
        })
    };
    json!({
        "all": it.all.iter().map(one).collect::<Vec<Value>>(),
        "null_because": it.null_because,
        "trend_since_change": it.trend_since_change.map(classify::Trend::to_json),
        "trend_null_because": it.trend_null_because,
    })
}

fn of_holes(it: &Holes) -> Value {
    json!({
        "without_row_s": it.without_row_s(),
        "n": it.without_row.len(),
        "first": it.without_row.iter().take(MAX_LISTED).copied().map(of_period).collect::<Vec<Value>>(),
        "meaning": it.meaning.as_str(),
        "measured_zero_s": it.measured_zero_s,
    })
}

fn of_outage(it: &Outage) -> Value {
    let mut value = of_period(it.period);
    value["workloads"] = json!(it.workloads.len());
    value["chance"] = json!(it.chance);
    value
}

fn of_clocks(rows: &[Period], zone: Tz) -> Vec<Value> {
    let one = |it: classify::ClockChange| {
        json!({
            "first": it.first.to_rfc3339(),
            "last": it.last.to_rfc3339(),
            "rows": it.n_rows,
            "left_out": it.left_out.map(of_period),
            "words": it.words(zone),
        })
    };
    classify::clock_changes(rows).into_iter().map(one).collect()
}
