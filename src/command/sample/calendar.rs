//! The hours of October 2026 and the rhythms demand follows through them.

use crate::units::Timestamp;

/// Hours of the month: 31 days of UTC, which has no clock changes.
pub(super) const HOURS: u32 = 744;
/// 2026-10-01T00:00:00Z.
const START_S: i64 = 1_790_812_800;
/// Days after Monday of 1 October 2026, a Thursday.
const FIRST_WEEKDAY: u32 = 3;
/// The day of the launch, counted from 0: Tuesday 13 October.
pub(super) const LAUNCH_DAY: u32 = 12;

/// One hour of the month, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hour(pub(super) u32);

impl Hour {
    /// Its first instant.
    pub(super) fn start(self) -> Timestamp {
        Timestamp::from_s(START_S + 3_600 * i64::from(self.0))
    }

    /// The first instant after it.
    pub(super) fn end(self) -> Timestamp {
        Hour(self.0 + 1).start()
    }

    /// The day of the month, from 0.
    pub(super) const fn day(self) -> u32 {
        self.0 / 24
    }

    /// The clock hour, 0 to 23.
    pub(super) const fn of_day(self) -> u32 {
        self.0 % 24
    }

    /// Saturday or Sunday.
    pub(super) const fn is_weekend(self) -> bool {
        (self.day() + FIRST_WEEKDAY) % 7 >= 5
    }

    /// How much of the month is over, 0 to 1.
    fn elapsed(self) -> f64 {
        f64::from(self.0) / f64::from(HOURS)
    }
}

/// How the mean demand of an hour depends on when it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rhythm {
    /// Users in every time zone: 4 % up in the afternoon, 4 % down at night.
    RoundTheClock,
    /// Weekdays from seven to seven, with a lunch dip; weekends nearly nothing.
    Office,
    /// A mild day, and one launch day at twenty times that, fading over four days.
    Launch,
    /// From one to five, with a tail; two thirds of it at weekends.
    Night,
    /// Afternoons and evenings, more at weekends.
    Leisure,
    /// A working day that grows by 60 % through the month.
    Growing,
    /// Nine full hours every day of the week, and a few requests outside them.
    NineHours,
    /// Nobody.
    Never,
}

/// Share of the busiest clock hour, weekdays, for people at work.
const OFFICE_DAY: [f64; 24] = [
    0.01, 0.01, 0.01, 0.01, 0.01, 0.02, 0.08, 0.32, 0.68, 0.92, 1.00, 0.97, 0.74, 0.82, 0.96, 0.93,
    0.78, 0.52, 0.24, 0.11, 0.05, 0.03, 0.02, 0.01,
];
/// The same for people at leisure.
const LEISURE_DAY: [f64; 24] = [
    0.30, 0.20, 0.13, 0.09, 0.08, 0.09, 0.12, 0.18, 0.26, 0.34, 0.42, 0.48, 0.55, 0.58, 0.60, 0.64,
    0.70, 0.80, 0.92, 1.00, 0.99, 0.86, 0.66, 0.45,
];
/// The same for a service used over two continents.
const WORKING_DAY: [f64; 24] = [
    0.34, 0.28, 0.25, 0.24, 0.25, 0.30, 0.40, 0.55, 0.72, 0.86, 0.93, 0.95, 0.92, 0.96, 1.00, 0.99,
    0.94, 0.86, 0.76, 0.66, 0.58, 0.52, 0.46, 0.40,
];

impl Rhythm {
    /// The factor on the mean demand of an hour.
    pub(super) fn factor(self, hour: Hour) -> f64 {
        match self {
            Rhythm::RoundTheClock => {
                let turn = (f64::from(hour.of_day()) - 15.0) / 24.0;
                1.0 + 0.04 * libm::cos(core::f64::consts::TAU * turn)
            }
            Rhythm::Office => at(&OFFICE_DAY, hour) * if hour.is_weekend() { 0.04 } else { 1.0 },
            Rhythm::Launch => 0.5 * (0.5 + at(&WORKING_DAY, hour)) * after_launch(hour.day()),
            Rhythm::Night => {
                let share = match hour.of_day() {
                    1..=4 => 1.0,
                    5 => 0.25,
                    _ => 0.0,
                };
                share * if hour.is_weekend() { 0.65 } else { 1.0 }
            }
            Rhythm::Leisure => at(&LEISURE_DAY, hour) * if hour.is_weekend() { 1.25 } else { 1.0 },
            Rhythm::Growing => {
                let week = if hour.is_weekend() { 0.7 } else { 1.0 };
                at(&WORKING_DAY, hour) * week * (1.0 + 0.6 * hour.elapsed())
            }
            Rhythm::NineHours => {
                if (8..17).contains(&hour.of_day()) {
                    1.0
                } else {
                    0.0
                }
            }
            Rhythm::Never => 0.0,
        }
    }
}

/// The factor of a day on a launch: twenty on the day, then what stays of the attention.
fn after_launch(day: u32) -> f64 {
    match day.checked_sub(LAUNCH_DAY) {
        Some(0) => 20.0,
        Some(1) => 3.5,
        Some(2) => 2.2,
        Some(3) => 1.6,
        Some(4) => 1.3,
        _ => 1.0,
    }
}

/// The entry of an hour in a table of the day.
fn at(day: &[f64; 24], hour: Hour) -> f64 {
    day[hour.of_day() as usize % 24]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_is_october_2026() {
        assert_eq!(Hour(0).start().to_rfc3339(), "2026-10-01T00:00:00Z");
        assert_eq!(Hour(HOURS - 1).end().to_rfc3339(), "2026-11-01T00:00:00Z");
        let weekend: Vec<u32> =
            (0..31).filter(|day| Hour(day * 24).is_weekend()).map(|day| day + 1).collect();
        assert_eq!(weekend, [3, 4, 10, 11, 17, 18, 24, 25, 31]);
    }

    #[test]
    fn rhythms_keep_their_promises() {
        let day = |rhythm: Rhythm, day: u32| -> f64 {
            (0..24).map(|hour| rhythm.factor(Hour(day * 24 + hour))).sum()
        };
        let ratio = |rhythm, first, second| day(rhythm, second) / day(rhythm, first);
        assert!((ratio(Rhythm::Launch, 4, LAUNCH_DAY) - 20.0).abs() < 1e-9);
        assert!((ratio(Rhythm::Growing, 0, 28) - 1.53).abs() < 0.02);
        assert!(ratio(Rhythm::Office, 1, 2) < 0.05);
        assert!((ratio(Rhythm::RoundTheClock, 0, 30) - 1.0).abs() < 1e-9);
        let busy = (0..24).filter(|hour| Rhythm::NineHours.factor(Hour(*hour)) >= 0.1).count();
        assert_eq!(busy, 9);
    }
}
