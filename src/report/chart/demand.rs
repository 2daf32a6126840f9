//! The demand of a workload over time, as the model has it.

use chrono_tz::Tz;

use crate::classify::{HourlySeries, HourlyUnit};
use crate::report::model::{DemandByHour, ReportModel, WorkloadReport};
use crate::report::number::{self, DASH, Medium};
use crate::report::table::Table;
use crate::report::words;
use crate::units::{Period, Timestamp};

/// Days in the table.
const MOST_ROWS: usize = 93;

/// Hours, changes and times without data.
pub(super) struct Course {
    pub(super) series: HourlySeries,
    pub(super) changes: Vec<(Timestamp, String)>,
    pub(super) holes: Vec<Period>,
}

impl Course {
    /// Those of a workload; no hour where none was measured.
    pub(super) fn of(workload: &WorkloadReport, zone: Tz) -> Course {
        let unit =
            if workload.demand_unit == "GPUs" { HourlyUnit::Gpus } else { HourlyUnit::Requests };
        let at = |text: &str| Timestamp::parse(text, zone).ok();
        let Some(it) = &workload.demand_by_hour else {
            let series = HourlySeries {
                start: Timestamp::default(),
                values: Vec::new(),
                unit,
                spread: false,
                relative: false,
            };
            return Course { series, changes: Vec::new(), holes: Vec::new() };
        };
        let changes = it.changes.iter().filter_map(|it| Some((at(&it.at)?, it.sentence.clone())));
        let holes = it.silent.iter().filter_map(|it| Period::new(at(&it.start)?, at(&it.end)?));
        Course {
            series: HourlySeries {
                start: at(&it.start).unwrap_or_default(),
                values: it.hours.clone(),
                unit,
                spread: it.spread,
                relative: it.relative,
            },
            changes: changes.collect(),
            holes: holes.collect(),
        }
    }
}

/// A row per day: the mean of its known hours, and the most.
pub(crate) fn data(report: &ReportModel, workload: &WorkloadReport) -> Table {
    let unit = words::shown(&workload.demand_unit);
    let mean = format!("Mean {unit}#");
    let mut table = Table::new("Demand by day", &["Day", &mean, "Busiest hour#", "Hours known#"]);
    let zone: Tz = report.time_zone.parse().unwrap_or(Tz::UTC);
    let Some(it) = &workload.demand_by_hour else { return table };
    let days = days(it, zone);
    for (day, hours) in days.iter().take(MOST_ROWS) {
        let known: Vec<f64> = hours.iter().flatten().copied().collect();
        let number = |value: f64| {
            if known.is_empty() { DASH.to_owned() } else { Medium::Page.quantity(value) }
        };
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let most = known.iter().copied().fold(0.0, f64::max);
        let n = Medium::Page.count(known.len() as u64);
        table.push(vec![day.clone(), number(mean), number(most), n]);
    }
    let left = days.len().saturating_sub(MOST_ROWS);
    table.note = (left > 0).then(|| format!("{left} more days are in the JSON"));
    table
}

/// The hours of each day on the clock of the report, or of each 24 of a log without dates.
fn days(it: &DemandByHour, zone: Tz) -> Vec<(String, &[Option<f64>])> {
    const HOUR_US: i64 = 3_600_000_000;
    let start = Timestamp::parse(&it.start, zone).unwrap_or_default();
    let name = |at: usize| {
        if it.relative {
            return format!("Day {}", at / 24 + 1);
        }
        let us = i64::try_from(at).unwrap_or(0).saturating_mul(HOUR_US);
        number::date(&start.plus_us(us).in_zone(zone).format("%Y-%m-%d").to_string())
    };
    let mut found: Vec<(String, &[Option<f64>])> = Vec::new();
    let mut from = 0;
    for at in 1..=it.hours.len() {
        if at == it.hours.len() || name(at) != name(from) {
            found.push((name(from), &it.hours[from..at]));
            from = at;
        }
    }
    found
}
