//! How the hours of a workload vary: by the clock, about the level of their day, in rare peaks.

use chrono_tz::Tz;

use super::calendar;
use super::hourly::HourlySeries;
use super::season::{detrended, strength};

/// Hours of a day.
const DAY: usize = 24;
/// Fewest hours in which the hour of the day can be told from chance.
const LEAST_HOURS: f64 = 72.0;
/// Share of the hours whose demand is usual; what stands above them is a peak.
const USUAL: f64 = 0.95;

/// What varies in hourly demand. Peaks are cut at the 95th percentile of the hours before the first
/// two are taken, so that one launch does not hide a pattern of weeks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rhythm {
    /// Strength of the hour of the day, as [`super::Seasonality::hour_of_day`] defines it. Nothing
    /// below three days, for rows longer than an hour and without variation.
    pub(super) day_strength: Option<f64>,
    /// Standard deviation about the level of the day (centred moving mean) / mean.
    pub(super) variation: f64,
    /// Share of the demand above the 95th percentile of the hours.
    pub(super) peak_share: f64,
}

impl Rhythm {
    /// Of a series with demand, on the clock of `zone`; nothing without.
    pub(super) fn of(series: &HourlySeries, zone: Tz) -> Option<Rhythm> {
        let total: f64 = series.values.iter().flatten().sum();
        if total <= 0.0 {
            return None;
        }
        let usual = capped(&series.values);
        let kept: f64 = usual.iter().flatten().sum();
        let n = usual.iter().flatten().count() as f64;
        let around = about_the_day(&usual, kept / n);
        let squares: f64 = around.iter().map(|it| it * it).sum();
        let clock = |at: usize| calendar::hour_and_weekday(zone, series.hour_start(at).us());
        let has_hours = !series.spread && !series.relative && n >= LEAST_HOURS;
        Some(Rhythm {
            day_strength: has_hours
                .then(|| strength::<DAY>(&usual, |at| Some(clock(at)?.0)))
                .flatten()
                .map(|it| it.value),
            variation: (squares / around.len() as f64).sqrt() / (kept / n),
            peak_share: 1.0 - kept / total,
        })
    }
}

/// The hours cut at the value that 95 % of them do not exceed, by nearest rank; uncut where that
/// is zero.
fn capped(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut known: Vec<f64> = values.iter().flatten().copied().collect();
    let rank = (USUAL * known.len() as f64).ceil() - 1.0;
    let cap = super::bins::nth_least(&mut known, rank.max(0.0));
    if cap <= 0.0 {
        return values.to_vec();
    }
    values.iter().map(|it| it.map(|it| it.min(cap))).collect()
}

/// The hours less the level of their day; less the mean where no day has all of its hours.
fn about_the_day(values: &[Option<f64>], mean: f64) -> Vec<f64> {
    let around: Vec<f64> = detrended(values, DAY).into_iter().map(|it| it.1).collect();
    if around.is_empty() { values.iter().flatten().map(|it| it - mean).collect() } else { around }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = f64>) -> Rhythm {
        let values = values.map(Some).collect();
        Rhythm::of(&HourlySeries { values, ..HourlySeries::default() }, Tz::UTC).unwrap()
    }

    #[test]
    fn worked_numbers() {
        let alternating = of((0..72).map(|at| f64::from(at % 2)));
        assert!((alternating.day_strength.unwrap() - 1.0).abs() < 0.02, "{alternating:?}");
        assert!((alternating.variation - 1.0).abs() < 0.05, "{alternating:?}");
        // Nineteen hours of 1 and one of 20: 19 above the usual of 39 in all.
        let peak = of((0..20).map(|at| if at == 7 { 20.0 } else { 1.0 }));
        assert!((peak.peak_share - 19.0 / 39.0).abs() < 1e-12, "{peak:?}");
        assert_eq!((peak.day_strength, peak.variation), (None, 0.0));
    }

    #[test]
    fn a_long_run_has_no_rhythm_and_a_launch_hides_none() {
        let run = of((0..720).map(|at| f64::from(u8::from((100..340).contains(&at)))));
        assert!(run.day_strength.unwrap() < 0.1, "{run:?}");
        let office = |at: i32| f64::from(u8::from((9..18).contains(&(at % 24))));
        let launch = |at: i32| if (400..404).contains(&at) { 500.0 } else { office(at) };
        let (plain, launched) = (of((0..720).map(office)), of((0..720).map(launch)));
        assert!(plain.day_strength.unwrap() > 0.9, "{plain:?}");
        assert!(launched.day_strength.unwrap() > 0.9 && launched.peak_share > 0.8, "{launched:?}");
    }

    #[test]
    fn nothing_without_demand_and_no_strength_without_hours() {
        let none = HourlySeries { values: vec![Some(0.0); 99], ..HourlySeries::default() };
        assert_eq!(Rhythm::of(&none, Tz::UTC), None);
        let values = (0..96).map(|at| Some(f64::from(at % 24))).collect();
        let spread = HourlySeries { values, spread: true, ..HourlySeries::default() };
        assert_eq!(Rhythm::of(&spread, Tz::UTC).unwrap().day_strength, None);
    }
}
