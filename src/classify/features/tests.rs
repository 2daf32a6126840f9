//! Hand-worked series, and the laws every series keeps.

use proptest::prelude::*;

use super::*;
use crate::workload::{CountBin, LevelBin};

const HOUR: i64 = 3600;

fn period(from_s: i64, len_s: i64) -> Period {
    Period::new(Timestamp::from_s(from_s), Timestamp::from_s(from_s + len_s)).unwrap()
}

fn counts(rows: &[(i64, u64)], width_s: i64) -> Demand {
    let bin = |(from_s, requests): &(i64, u64)| CountBin {
        period: period(*from_s, width_s),
        requests: *requests,
        prompt_tokens: None,
        completion_tokens: None,
        interarrival_cv: Some(2.0),
    };
    let bins = rows.iter().map(bin).collect();
    Demand::Counts(CountSeries { bins, width_us: width_s * SECOND_US })
}

fn log(at_us: Vec<i64>, relative: bool) -> Demand {
    Demand::Arrivals(ArrivalTrace { at_us, tokens: Vec::new(), relative }.into())
}

fn hourly_rows(values: &[u64]) -> Demand {
    let rows: Vec<(i64, u64)> = (0..).step_by(3600).zip(values.iter().copied()).collect();
    counts(&rows, HOUR)
}

/// Four days: 10 requests an hour from 8 to 12 o'clock, 1 at 20 o'clock.
fn office() -> Vec<u64> {
    (0..96)
        .map(|at| match at % 24 {
            8..12 => 10,
            20 => 1,
            _ => 0,
        })
        .collect()
}

#[test]
fn a_series_worked_by_hand() {
    let found = features(&hourly_rows(&office()), Tz::UTC);
    assert_eq!((found.n, found.span_s), (164, 4.0 * 86_400.0));
    assert_eq!(found.mean_rate, Some(164.0 / 345_600.0));
    // Peak 10, mean 41 / 24; the hour with one request has exactly a tenth of the peak.
    assert!((found.peak_to_mean_1h.unwrap() - 240.0 / 41.0).abs() < 1e-12);
    assert_eq!(found.active_hours_per_day, Some(5.0));
    assert_eq!(found.busy_hours_per_day, Some(5.0));
    assert_eq!(found.h90, Some(4.0));
    // From 21 o'clock to 8 o'clock.
    assert_eq!(found.longest_idle_gap_s, Some(11.0 * 3600.0));
    // Three of four days overlap with themselves.
    assert!((found.acf_24h.unwrap() - 0.75).abs() < 1e-12);
    assert_eq!(found.interarrival_cv, Some(2.0));
    let finer = [found.peak_to_mean_1m, found.peak_to_mean_10m, found.idc_1s, found.idc_1m];
    assert_eq!(finer, [None; 4]);
    assert_eq!((found.burstiness, found.warm_fraction, found.gaps_over), (None, None, None));
    assert_eq!((found.acf_168h, found.trend_per_30d, found.mean), (None, None, None));
}

#[test]
fn hours_and_days_are_those_of_the_zone() {
    let rows: Vec<u64> = (0..72).map(|at| u64::from(at % 24 < 3) * 5).collect();
    let tokyo = features(&hourly_rows(&rows), Tz::Asia__Tokyo);
    let utc = features(&hourly_rows(&rows), Tz::UTC);
    // 72 hours from 09:00 in Tokyo hold two full days.
    assert_eq!((utc.active_hours_per_day, tokyo.active_hours_per_day), (Some(3.0), Some(3.0)));
    assert_eq!(utc.acf_24h, tokyo.acf_24h);
    let rows: Vec<u64> = (0..47).map(|at| u64::from(at < 15)).collect();
    // Only the first day is full in UTC; in Tokyo only the one from hour 15 to 38, all at zero.
    assert_eq!(features(&hourly_rows(&rows), Tz::UTC).active_hours_per_day, Some(15.0));
    let tokyo = features(&hourly_rows(&rows), Tz::Asia__Tokyo);
    assert_eq!((tokyo.active_hours_per_day, tokyo.h90), (Some(0.0), None));
    // Relative times know no zone.
    let at_us: Vec<i64> = (0..30).map(|h| h * HOUR_US).collect();
    let found = features(&log(at_us.clone(), true), Tz::Asia__Tokyo);
    assert_eq!(found, features(&log(at_us, false), Tz::UTC));
}

#[test]
fn too_little_data_is_null() {
    for demand in [
        Demand::Unknown,
        log(Vec::new(), false),
        log(vec![7], false),
        log(vec![7, 7, 7], true),
        counts(&[], 600),
        counts(&[(0, 0)], 600),
        counts(&[(0, 5)], 86_400),
        Demand::Level(LevelSeries::default()),
        log(vec![i64::MIN, 0, i64::MAX], false),
        log(vec![i64::MIN, i64::MAX], true),
    ] {
        let found = features(&demand, Tz::Asia__Kathmandu);
        let json = found.to_json();
        assert_eq!(json["peak_to_mean_1h"].as_f64().filter(|it| !it.is_finite()), None);
        assert_eq!((found.active_hours_per_day, found.acf_24h), (None, None), "{demand:?}");
        let nulls: Vec<&String> = json.iter().filter(|it| it.1.is_null()).map(|it| it.0).collect();
        let reasons = found.null_because();
        assert_eq!(nulls, reasons.keys().collect::<Vec<_>>());
    }
}

#[test]
fn json_has_the_agreed_names_in_order() {
    let json = features(&log(vec![0, 10_000_000, 50_000_000], true), Tz::UTC).to_json();
    let names: Vec<&str> = json.keys().map(String::as_str).collect();
    assert_eq!(
        names.join(" "),
        "mean_rate peak_to_mean_1m peak_to_mean_10m peak_to_mean_1h p99_to_mean_1m p99_to_mean_1h \
         interarrival_cv burstiness burstiness_finite idc_1s idc_1m idc_10m idc_1h \
         active_hours_per_day busy_hours_per_day h90 longest_idle_gap_s warm_fraction gaps_over \
         acf_24h acf_168h trend_per_30d share_zero full_days days_active \
         active_hours_per_active_day peak_to_mean_native idc_native idle_runs"
    );
    assert_eq!(
        json["gaps_over"].to_string(),
        r#"{"10":1,"60":0,"300":0,"600":0,"900":0,"1800":0,"3600":0}"#
    );
    let bins = vec![LevelBin { period: period(0, 60), gpus: 2.0 }];
    let level = LevelSeries { bins, width_us: 60 * SECOND_US, absent_is_zero: false };
    let json = features(&Demand::Level(level), Tz::UTC).to_json();
    assert_eq!((json["mean"].as_f64(), json["share_zero"].as_f64()), (Some(2.0), Some(0.0)));
    assert!(json["mean_rate"].is_null() && json["idc_1h"].is_null());
}

#[test]
fn daily_rows_have_a_trend_and_no_hours() {
    let rows: Vec<(i64, u64)> =
        (0..14_u32).map(|d| (i64::from(d) * 86_400, 2400 + 24 * u64::from(d))).collect();
    let found = features(&counts(&rows, 86_400), Tz::UTC);
    assert_eq!((found.peak_to_mean_1h, found.active_hours_per_day), (None, None));
    let trend = found.trend_per_30d.unwrap();
    assert!((trend.value - 30.0 / 106.5).abs() < 1e-9, "{trend:?}");
}

/// Two lists of optional numbers, equal but for the last digits.
fn same(a: &[Option<f64>], b: &[Option<f64>]) -> bool {
    a.iter().zip(b).all(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs()),
        (a, b) => a == b,
    })
}

fn scale_free(of: &Features) -> [Option<f64>; 9] {
    [
        of.peak_to_mean_1h,
        of.p99_to_mean_1h,
        of.interarrival_cv,
        of.active_hours_per_day,
        of.busy_hours_per_day,
        of.h90,
        of.longest_idle_gap_s,
        of.acf_24h,
        of.trend_per_30d.map(|it| it.value),
    ]
}

proptest! {
    #[test]
    fn scaling_demand_changes_only_its_size(
        values in proptest::collection::vec(0_u64..50, 80..500),
        factor in 2_u64..1000,
    ) {
        let scaled: Vec<u64> = values.iter().map(|it| it * factor).collect();
        let (one, many) = (features(&hourly_rows(&values), Tz::UTC), features(&hourly_rows(&scaled), Tz::UTC));
        prop_assert!(same(&scale_free(&one), &scale_free(&many)), "{one:?} {many:?}");
        if let (Some(one), Some(many)) = (one.idc_1h, many.idc_1h) {
            prop_assert!((many - one * factor as f64).abs() <= 1e-9 * many);
        }
    }

    #[test]
    fn the_order_of_rows_is_no_matter(
        values in proptest::collection::vec(0_u64..50, 30..200),
        order in proptest::collection::vec(0_usize..1000, 200),
    ) {
        let mut rows: Vec<(i64, u64)> = (0..).step_by(3600).zip(values).collect();
        let expected = features(&counts(&rows, HOUR), Tz::Europe__Berlin);
        for (at, to) in order.iter().enumerate() {
            let n = rows.len();
            rows.swap(at % n, to % n);
        }
        rows.sort_by_key(|it| it.0);
        prop_assert_eq!(features(&counts(&rows, HOUR), Tz::Europe__Berlin), expected);
    }

    #[test]
    fn a_log_and_its_counts_agree(mut at_us in proptest::collection::vec(0_i64..6 * DAY_US, 2..300)) {
        at_us.extend([0, 6 * DAY_US - 1]);
        at_us.sort_unstable();
        let minutes: Vec<(i64, u64)> = at_us
            .chunk_by(|a, b| a.div_euclid(MINUTE_US) == b.div_euclid(MINUTE_US))
            .map(|minute| (minute[0].div_euclid(MINUTE_US) * 60, minute.len() as u64))
            .collect();
        let (log, counts) = (features(&log(at_us, false), Tz::UTC), features(&counts(&minutes, 60), Tz::UTC));
        let windows = |it: &Features| [
            it.peak_to_mean_1m, it.peak_to_mean_10m, it.peak_to_mean_1h, it.p99_to_mean_1m,
            it.p99_to_mean_1h, it.idc_1m, it.idc_10m, it.idc_1h, it.active_hours_per_day,
            it.busy_hours_per_day, it.h90, it.acf_24h,
        ];
        prop_assert!(same(&windows(&log), &windows(&counts)), "{log:?} {counts:?}");
    }

    #[test]
    fn warm_time_grows_with_the_timeout(mut at_us in proptest::collection::vec(0_i64..DAY_US, 3..200)) {
        at_us.sort_unstable();
        let found = features(&log(at_us, true), Tz::UTC);
        if let (Some(warm), Some(over)) = (found.warm_fraction, found.gaps_over) {
            prop_assert!(warm.windows(2).all(|it| it[0] <= it[1]) && warm[6] <= 1.0);
            prop_assert!(over.windows(2).all(|it| it[0] >= it[1]));
            prop_assert_eq!(over[6] == 0, warm[6] >= 1.0);
        }
    }
}
