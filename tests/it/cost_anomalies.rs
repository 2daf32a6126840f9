//! A weekly run judges the week by the rows before it, and its unit costs are of its own rows.

use chrono_tz::Tz;
use gpuadvise::catalog::Catalog;
use gpuadvise::classify::{anomalies, unit_costs};
use gpuadvise::ingest::{self, WindowCut};
use gpuadvise::units::{Currency, Money, Timestamp};

use crate::account::{config_of, read_with};
use crate::support::Bench;

/// Five weeks from Monday, 28 September 2026: 10.00 an hour, in office hours 20.00, for as many GPUs;
/// on Thursday, 29 October from 2 to 6 o'clock 50.00 for 50 GPUs.
fn five_weeks() -> String {
    let mut csv = "period_start,period_end,workload,gpu_hours,cost,requests\n".to_owned();
    let start = Timestamp::parse("2026-09-28", Tz::UTC).unwrap();
    for hour in 0..5 * 168_i64 {
        let at = |hour: i64| start.plus_us(hour * 3_600_000_000);
        let usual = if (8..18).contains(&(hour % 24)) && hour / 24 % 7 < 5 { 20 } else { 10 };
        let paid = if (31 * 24 + 2..31 * 24 + 6).contains(&hour) { 50 } else { usual };
        csv += &format!("{},{},draw,{paid},{paid},100\n", at(hour), at(hour + 1));
    }
    csv
}

#[test]
fn a_spike_of_the_last_week_is_found_from_the_weeks_before() {
    let bench = Bench::new();
    let path = bench.write("usage.csv", five_weeks());
    let config = "[workload.draw]\nowner = \"Studio\"\nunit = \"image\"\nunits_per_request = 4\n";
    let catalog = Catalog::embedded().unwrap();
    let usd = |text| Money::parse(text, Currency::USD).unwrap();
    for since in [Some("7d"), None] {
        let cut = WindowCut { since: since.map(str::to_owned), ..WindowCut::default() };
        let found = read_with(&[path.clone().into()], config, &cut).unwrap();
        let workloads = ingest::assemble(&found, &config_of(config), &catalog).unwrap();
        let [workload] = &workloads[..] else { panic!("{}", workloads.len()) };
        let found =
            anomalies(workload, (Tz::UTC, workload.window.end()), &catalog.assumptions.anomaly)
                .unwrap();
        let [spike] = &found.over[..] else { panic!("{found:?}") };
        assert_eq!(found.history, 672);
        assert_eq!(spike.since.to_rfc3339(), "2026-10-29T02:00:00Z");
        assert_eq!(spike.period.end().to_rfc3339(), "2026-10-29T06:00:00Z");
        assert_eq!((spike.actual, spike.expected, spike.over), (usd("200"), usd("40"), usd("160")));
        assert_eq!(spike.moved.map(|it| it.by_gpu_hours), Some(usd("160")));
        assert_eq!((spike.running, spike.owner.as_deref()), (false, Some("Studio")));
        assert!(found.below.is_empty());
        // A week costs 1680.00 and 500.00 for office hours, the last 160.00 more.
        let units = unit_costs(workload, Tz::UTC).unwrap();
        let each = units.per_unit[0].each;
        let cost = if since.is_some() { usd("2340") } else { usd("11060") };
        assert_eq!((each.cost, units.per_unit[0].name.as_str()), (cost, "image"));
        assert_eq!(each.units, if since.is_some() { 67_200 } else { 336_000 });
        assert_eq!(units.weeks.len(), if since.is_some() { 1 } else { 5 });
    }
}
