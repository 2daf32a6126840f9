//! Series worked by hand, and noise.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::units::Timestamp;

fn limits() -> &'static Classify {
    static ALL: LazyLock<Classify> =
        LazyLock::new(|| Catalog::embedded().unwrap().assumptions.classify);
    &ALL
}

/// Hours from Monday 2026-10-05 on.
fn hours(n: usize, value: impl Fn(usize) -> f64) -> HourlySeries {
    let start = Timestamp::parse("2026-10-05", Tz::UTC).unwrap();
    let values = (0..n).map(|at| Some(value(at))).collect();
    HourlySeries { start, values, ..HourlySeries::default() }
}

/// Numbers from 0 to 1 without a pattern, by splitmix64.
pub(in crate::classify) fn noise(seed: u64, at: usize) -> f64 {
    let mut x = (seed << 32).wrapping_add(at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn a_day_that_repeats_has_strength_one() {
    let series = hours(24 * 5, |at| f64::from(u8::from((8..20).contains(&(at % 24)))));
    let found = seasonality(&series, Tz::UTC, limits());
    assert!((found.hour_of_day.unwrap() - 1.0).abs() < 1e-9, "{found:?}");
    assert_eq!(found.peak_hour, Some(8));
    assert_eq!(found.quiet_hours, [20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(
        found.words,
        ["Busiest from 08:00 to 20:00, with up to 2 times the mean, quiet from 20:00 to 08:00."]
    );
    assert_eq!(found.weekday_null.as_deref(), Some("needs 15 full days, has 5"));
    // On the clock of another zone.
    let tokyo = seasonality(&series, Tz::Asia__Tokyo, limits());
    assert_eq!(tokyo.quiet_hours, (5..17).collect::<Vec<usize>>());
}

#[test]
fn a_week_that_repeats_is_told_by_weekday() {
    let series = hours(24 * 28, |at| if at / 24 % 7 < 5 { 10.0 } else { 2.0 });
    let found = seasonality(&series, Tz::UTC, limits());
    assert!(found.weekday.unwrap() > 0.99, "{found:?}");
    assert_eq!((found.busiest_weekday, found.quietest_weekday), (Some("Monday"), Some("Saturday")));
    assert!(found.hour_of_day.unwrap() < 0.05 && found.peak_hour.is_none(), "{found:?}");
}

#[test]
fn a_step_is_no_season_and_what_is_missing_is_said() {
    let step = hours(24 * 10, |at| if at < 100 { 1.0 } else { 9.0 });
    let found = seasonality(&step, Tz::UTC, limits());
    assert!(found.hour_of_day.unwrap() < 0.2 && found.peak_hour.is_none(), "{found:?}");
    let check = |series: HourlySeries, expected: &str| {
        let found = seasonality(&series, Tz::UTC, limits());
        assert_eq!((found.hour_of_day, found.hour_of_day_null.as_deref()), (None, Some(expected)));
    };
    check(hours(48, |at| at as f64), "needs 3 full days, has 2");
    check(hours(96, |_| 5.0), "demand does not vary");
    check(HourlySeries::default(), "the data have no demand over time");
    check(HourlySeries { spread: true, ..hours(96, |_| 5.0) }, "rows are longer than an hour");
    let relative = HourlySeries { relative: true, ..hours(96, |_| 5.0) };
    check(relative, "the times of the log count from its start");
}

#[test]
fn worked_numbers_of_the_formulas() {
    assert!((normal_of_f(5.39, 6.0, 10.0) - 2.31).abs() < 0.01);
    assert!((kept_by_detrending(7.0) - 6.0 / 7.0).abs() < 1e-12);
    assert!((kept_by_detrending(24.0) - (1.0 - 1.0 / 12.0 + 23.5 / 576.0)).abs() < 1e-12);
}

/// Of 400 series of noise the mean strength is near 0 and few are told.
#[test]
fn noise_has_no_season() {
    for days in [3, 7, 28] {
        let (mut sum, mut told) = (0.0, 0);
        for seed in 0..400 {
            let series = hours(24 * days, |at| -noise(seed, at).ln());
            let found = seasonality(&series, Tz::UTC, limits());
            sum += found.hour_of_day.unwrap();
            told += usize::from(found.peak_hour.is_some());
        }
        assert!(sum / 400.0 < 0.12, "{days} days: mean {}", sum / 400.0);
        assert!(told <= 12, "{days} days: {told} of 400 told");
    }
    let mut told = 0;
    for seed in 0..400 {
        let series = hours(24 * 21, |at| -noise(seed, at / 24).ln());
        told += usize::from(seasonality(&series, Tz::UTC, limits()).busiest_weekday.is_some());
    }
    assert!(told <= 12, "{told} of 400 weekdays told");
}

proptest! {
    #[test]
    fn scale_and_level_are_no_matter(seed in any::<u32>(), scale in 0.1_f64..100.0, level in 0.0_f64..50.0) {
        let of = |scale: f64, level: f64| {
            let series = hours(24 * 16, |at| (noise(seed.into(), at) + (at % 24) as f64 / 24.0) * scale + level);
            let found = seasonality(&series, Tz::UTC, limits());
            (found.hour_of_day.unwrap(), found.weekday.unwrap(), found.peak_hour)
        };
        let (one, other) = (of(1.0, 0.0), of(scale, level));
        prop_assert!((one.0 - other.0).abs() < 1e-9 && (one.1 - other.1).abs() < 1e-6);
        prop_assert_eq!(one.2, other.2);
    }
}
