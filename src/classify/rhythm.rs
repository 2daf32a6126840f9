//! How the hours of a workload vary: by the clock, about the level of their day, in rare peaks.

use super::hourly::HourlySeries;

/// Hours of a day.
const DAY: usize = 24;
/// Fewest hours in which the hour of the day can be told from chance.
const LEAST_HOURS: usize = 3 * DAY;
/// Share of the hours whose demand is usual; what stands above them is a peak.
const USUAL: f64 = 0.95;

/// What varies in hourly demand. Peaks are cut at the 95th percentile of the hours before the first
/// two are taken, so that one launch does not hide a pattern of weeks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rhythm {
    /// Share of the variation about the level of the day that the hour of the day explains, 0 to 1,
    /// with the degrees of freedom taken off so that chance gives about 0 (adjusted R²). Nothing
    /// below three days, for rows longer than an hour and without variation.
    pub(super) day_strength: Option<f64>,
    /// Standard deviation about the level of the day (mean of the 25 hours around) / mean.
    pub(super) variation: f64,
    /// Share of the demand above the 95th percentile of the hours.
    pub(super) peak_share: f64,
}

impl Rhythm {
    /// Of a series with demand; nothing without.
    pub(super) fn of(series: &HourlySeries) -> Option<Rhythm> {
        let total: f64 = series.values.iter().flatten().sum();
        let usual = capped(&series.values);
        let kept: f64 = usual.iter().flatten().sum();
        let n = usual.iter().flatten().count();
        if total <= 0.0 {
            return None;
        }
        let around = about_local_level(&usual, DAY / 2);
        let squares: f64 = around.iter().flatten().map(|it| it * it).sum();
        Some(Rhythm {
            day_strength: (!series.spread && !series.relative)
                .then(|| explained_by_hour(&around))
                .flatten(),
            variation: (squares / n as f64).sqrt() / (kept / n as f64),
            peak_share: 1.0 - kept / total,
        })
    }
}

/// The hours cut at the value that 95 % of them do not exceed, by nearest rank; uncut where that
/// is zero.
fn capped(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (USUAL * sorted.len() as f64).ceil() - 1.0;
    let cap = super::bins::nth(&sorted, rank.max(0.0));
    if cap <= 0.0 {
        return values.to_vec();
    }
    values.iter().map(|it| it.map(|it| it.min(cap))).collect()
}

/// Each hour less the mean of the known hours up to `reach` before and after it.
fn about_local_level(values: &[Option<f64>], reach: usize) -> Vec<Option<f64>> {
    let around = |at: usize| {
        let near = &values[at.saturating_sub(reach)..(at + reach + 1).min(values.len())];
        near.iter().flatten().sum::<f64>() / near.iter().flatten().count() as f64
    };
    values.iter().enumerate().map(|(at, it)| it.map(|it| it - around(at))).collect()
}

/// Adjusted R² of the hour of the day: 1 - (within / (n - 24)) / (all / (n - 1)), where `within` are
/// the squares about the means of the 24 hours and `all` those about the mean. Three days of
/// 1 0 1 0 ... have 1.
fn explained_by_hour(values: &[Option<f64>]) -> Option<f64> {
    let n = values.iter().flatten().count();
    if n < LEAST_HOURS {
        return None;
    }
    let mean = values.iter().flatten().sum::<f64>() / n as f64;
    let mut by_hour = [(0.0, 0.0); DAY];
    let mut all = 0.0;
    for (at, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let hour = &mut by_hour[at % DAY];
        *hour = (hour.0 + value - mean, hour.1 + 1.0);
        all += (value - mean) * (value - mean);
    }
    let between: f64 = by_hour.iter().filter(|it| it.1 > 0.0).map(|it| it.0 * it.0 / it.1).sum();
    let largest = values.iter().flatten().map(|it| it.abs()).fold(0.0, f64::max);
    let varies = all > 1e-18 * largest * largest * n as f64;
    let unexplained = ((all - between) / (n - DAY) as f64) / (all / (n - 1) as f64);
    varies.then(|| (1.0 - unexplained).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = f64>) -> Rhythm {
        let values = values.map(Some).collect();
        Rhythm::of(&HourlySeries { values, ..HourlySeries::default() }).unwrap()
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
        assert_eq!(Rhythm::of(&none), None);
        let values = (0..96).map(|at| Some(f64::from(at % 24))).collect();
        let spread = HourlySeries { values, spread: true, ..HourlySeries::default() };
        assert_eq!(Rhythm::of(&spread).unwrap().day_strength, None);
    }
}
