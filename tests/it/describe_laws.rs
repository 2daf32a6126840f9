//! Laws of the statistics on random tables and logs, read as files are.

use chrono_tz::Tz;
use gpuadvise::catalog::Catalog;
use gpuadvise::classify::{Changes, Features, Seasonality, changes, features, hourly, seasonality};
use gpuadvise::ingest::{self, Config, ReadOptions, Source, WindowCut};
use gpuadvise::units::Timestamp;
use proptest::prelude::*;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());

/// All that is said of the workload of some files.
type Said = (Features, Seasonality, Changes);

fn describe(texts: &[String], zone: Tz) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let path = folder.path().join(format!("{at}.csv"));
        std::fs::write(&path, text).unwrap();
        sources.push(Source::Path(path));
    }
    let options = ReadOptions {
        zone: Tz::UTC,
        max_rejected_percent: 0.0,
        cut: WindowCut::default(),
        facts_will_do: false,
        aside: None,
        hashes: true,
    };
    let config = Config::default();
    let found = ingest::read(&sources, &config, &CATALOG, &options).unwrap();
    let workloads = ingest::assemble(&found, &config, &CATALOG).unwrap();
    let it = &workloads[0];
    let limits = &CATALOG.assumptions.classify;
    let series = hourly(&it.demand, it.demand_window, zone);
    (features(&it.demand, zone), seasonality(&series, zone, limits), changes(&series, zone, limits))
}

fn time(s: i64) -> String {
    Timestamp::from_s(1_790_000_000 / 3600 * 3600 + s).to_rfc3339()
}

/// Rows of half an hour: requests and the variation of their gaps.
fn counts(rows: &[(i64, u64)], factor: u64) -> String {
    let mut text = "period_start,period_end,workload,requests,interarrival_cv\n".to_owned();
    for (at, requests) in rows {
        let cv = if *requests > 1 { (1 + requests % 3).to_string() } else { String::new() };
        let (from, to) = (time(at * 1800), time(at * 1800 + 1800));
        text.push_str(&format!("{from},{to},chat,{},{cv}\n", requests * factor));
    }
    text
}

fn log(at_s: &[i64]) -> String {
    let rows = at_s.iter().map(|it| format!("{},chat,7,9\n", time(*it)));
    "timestamp,workload,prompt_tokens,completion_tokens\n".to_owned() + &rows.collect::<String>()
}

fn shuffled<T: Clone>(rows: &[T], seed: u64) -> Vec<T> {
    let mut rows = rows.to_vec();
    let n = rows.len();
    for at in 0..n {
        let mixed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(at as u64);
        rows.swap(at, (mixed >> 33) as usize % n);
    }
    rows
}

/// Three days to 20 of half hours, with a night; none is missing.
fn half_hours() -> impl Strategy<Value = Vec<(i64, u64)>> {
    prop::collection::vec(0_u64..60, 150..960).prop_map(|values| {
        let of = |(at, value): (i64, u64)| (at, if at % 48 < 14 { value / 50 } else { value });
        (0..).zip(values).map(of).collect()
    })
}

/// Instants of a log over some days, each once.
fn instants() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::btree_set(0_i64..5 * 86_400, 5..200).prop_map(|it| it.into_iter().collect())
}

/// The features without those of the days of a zone.
fn without_days(mut it: Features) -> Features {
    it.active_hours_per_day = None;
    it.busy_hours_per_day = None;
    it.h90 = None;
    it.full_days = None;
    it.days_active = None;
    it.active_hours_per_active_day = None;
    it.trend_per_30d = None;
    it.basis.known_days = 0;
    it
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs()),
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scaling_counts_changes_only_their_size(rows in half_hours(), factor in 2_u64..500) {
        // The column of the gaps is about the gaps, whatever the size.
        let (one, season, _) = describe(&[counts(&rows, 1)], Tz::UTC);
        let (many, scaled_season, _) = describe(&[counts(&rows, factor)], Tz::UTC);
        let kept = |it: &Features| [
            it.interarrival_cv, it.burstiness, it.burstiness_finite, it.acf_24h, it.acf_168h,
            it.active_hours_per_day, it.busy_hours_per_day, it.h90, it.active_hours_per_active_day,
            it.peak_to_mean_1h, it.peak_to_mean_native, it.p99_to_mean_1h, it.share_zero,
            it.longest_idle_gap_s, it.trend_per_30d.map(|it| it.value),
        ];
        for (at, (a, b)) in kept(&one).into_iter().zip(kept(&many)).enumerate() {
            prop_assert!(near(a, b), "{at}: {a:?} {b:?}");
        }
        prop_assert!(near(season.hour_of_day, scaled_season.hour_of_day));
        let grown = one.idc_1h.map(|it| it * factor as f64);
        prop_assert!(near(grown.map(|_| 1.0), many.idc_1h.zip(grown).map(|(a, b)| a / b)));
    }

    #[test]
    fn another_zone_moves_only_the_days(rows in half_hours(), at_s in instants(), zone in 0_usize..4) {
        let zone = [Tz::Asia__Tokyo, Tz::America__Phoenix, Tz::Africa__Lagos, Tz::Asia__Dubai][zone];
        for text in [counts(&rows, 1), log(&at_s)] {
            let here = describe(std::slice::from_ref(&text), Tz::UTC).0;
            let there = describe(&[text], zone).0;
            prop_assert_eq!(without_days(here), without_days(there));
        }
    }

    #[test]
    fn order_and_splitting_change_nothing(
        rows in half_hours(), at_s in instants(), seed in any::<u64>(), share in 0.01_f64..0.99,
    ) {
        let cut = |n: usize| ((n as f64 * share) as usize).clamp(1, n - 1);
        let whole = describe(&[counts(&rows, 1)], Tz::Europe__Berlin);
        let mixed = shuffled(&rows, seed);
        prop_assert_eq!(&describe(&[counts(&mixed, 1)], Tz::Europe__Berlin), &whole);
        let (first, second) = mixed.split_at(cut(rows.len()));
        let parts = [counts(first, 1), counts(second, 1)];
        prop_assert_eq!(&describe(&parts, Tz::Europe__Berlin), &whole);
        let whole = describe(&[log(&at_s)], Tz::Europe__Berlin);
        prop_assert_eq!(&describe(&[log(&shuffled(&at_s, seed))], Tz::Europe__Berlin), &whole);
        let (first, second) = at_s.split_at(cut(at_s.len()));
        prop_assert_eq!(&describe(&[log(second), log(first)], Tz::Europe__Berlin), &whole);
    }
}
