//! Demand in instances by the hour of the clock, so that the demand of several workloads can be added.

use std::sync::Arc;

use chrono_tz::Tz;

use super::super::savings::{Daily, Following};
use crate::classify::whole_days;
use crate::simulate::DemandStep;
use crate::units::{MoneyPerHour, Period, Timestamp};
use crate::usage::Repeated;

const HOUR_US: i64 = 3_600_000_000;

/// Demand of each hour of the clock from `start` on; what nobody measured has no length.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hours {
    pub(super) start: Timestamp,
    pub(super) steps: Steps,
}

/// A step per hour, each different one kept once: a year of hours of ten thousand workloads is 88
/// million, most of them like others.
#[derive(Clone, Debug)]
pub(super) struct Steps(Arc<Repeated<DemandStep>>);

impl Steps {
    pub(super) fn iter(&self) -> impl Iterator<Item = DemandStep> {
        self.0.iter()
    }

    pub(super) fn get(&self, at: usize) -> Option<DemandStep> {
        self.0.get(at)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Written out.
    pub(super) fn to_vec(&self) -> Vec<DemandStep> {
        self.iter().collect()
    }
}

impl FromIterator<DemandStep> for Steps {
    fn from_iter<I: IntoIterator<Item = DemandStep>>(steps: I) -> Steps {
        let mut column = Repeated::default();
        for step in steps {
            column.push(step);
        }
        column.shrink_to_fit();
        Steps(Arc::new(column))
    }
}

impl PartialEq for Steps {
    fn eq(&self, other: &Steps) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.iter().eq(other.iter())
    }
}

impl Hours {
    /// From steps of an hour each that begin at `start`. Where that is within an hour of the clock,
    /// each step is cut there, its demand taken to be even: steps from half past on with a demand
    /// of 1 and 3 are 1 for half an hour, 2 for a whole one and 3 for half of one.
    pub(super) fn new(start: Timestamp, steps: Vec<DemandStep>) -> Hours {
        let first = start.floor_to(HOUR_US);
        let late_us = u64::try_from(start.us() - first.us()).unwrap_or(0);
        if late_us == 0 {
            return Hours { start, steps: steps.into_iter().collect() };
        }
        let room_us = HOUR_US.unsigned_abs() - late_us;
        let mut cut = vec![DemandStep { len_us: 0, on_us: 0 }; steps.len() + 1];
        for (at, step) in steps.into_iter().enumerate() {
            let len_us = step.len_us.min(room_us);
            let on_us = share(step.on_us, len_us, step.len_us);
            cut[at].len_us += len_us;
            cut[at].on_us += on_us;
            cut[at + 1].len_us += step.len_us - len_us;
            cut[at + 1].on_us += step.on_us - on_us;
        }
        Hours { start: first, steps: cut.into_iter().collect() }
    }

    /// Those from an instant on, the hour that holds it left out.
    pub(super) fn since(self, at: Timestamp) -> Hours {
        let before_us = (at.us() - self.start.us()).max(0);
        let n = (before_us + HOUR_US - 1) / HOUR_US;
        let n = usize::try_from(n).unwrap_or(usize::MAX).min(self.steps.len());
        if n == 0 {
            return self;
        }
        let start = self.start.plus_us(HOUR_US.saturating_mul(i64::try_from(n).unwrap_or(0)));
        Hours { start, steps: self.steps.iter().skip(n).collect() }
    }

    /// From the first to after the last hour.
    pub(super) fn span(&self) -> Option<Period> {
        let hours = i64::try_from(self.steps.len()).ok()?;
        Period::new(self.start, self.start.plus_us(hours.checked_mul(HOUR_US)?))
    }

    /// Each demand on the hours that all have, as long as each is in the one that measured the least
    /// of it: 1 in a whole hour and 3 in half of one are 1 and 3 in half an hour.
    pub(super) fn in_common(all: &[&Hours]) -> Option<Vec<Hours>> {
        let spans: Option<Vec<Period>> = all.iter().map(|it| it.span()).collect();
        let both = spans?.into_iter().map(Some).reduce(|a, b| a?.intersect(b?))??;
        let place = |from: Timestamp, to: Timestamp| {
            usize::try_from((to.us() - from.us()) / HOUR_US).unwrap_or(0)
        };
        let n_hours = place(both.start(), both.end());
        let first = |it: &Hours| place(it.start, both.start());
        let mut lens = vec![u64::MAX; n_hours];
        for it in all {
            for (least, step) in lens.iter_mut().zip(it.steps.iter().skip(first(it))) {
                *least = (*least).min(step.len_us);
            }
        }
        let cut = |it: &&Hours| {
            let is_whole = it.start == both.start()
                && it.steps.len() == n_hours
                && it.steps.iter().zip(&lens).all(|(own, len_us)| own.len_us == *len_us);
            if is_whole {
                return (*it).clone();
            }
            let steps = it.steps.iter().skip(first(it)).zip(&lens).map(|(own, len_us)| {
                DemandStep { len_us: *len_us, on_us: share(own.on_us, *len_us, own.len_us) }
            });
            Hours { start: both.start(), steps: steps.collect() }
        };
        Some(all.iter().map(cut).collect())
    }

    /// The sum of demands on the same hours; nothing without any.
    pub(super) fn sum(parts: &[Hours]) -> Option<Hours> {
        let (first, rest) = parts.split_first()?;
        let mut sum = first.steps.to_vec();
        for part in rest {
            for (all, one) in sum.iter_mut().zip(part.steps.iter()) {
                all.on_us = all.on_us.saturating_add(one.on_us);
            }
        }
        Some(Hours { start: first.start, steps: sum.into_iter().collect() })
    }

    /// What of it the first `n` instances carry.
    pub(super) fn capped(self, n: u32) -> Hours {
        let cap = |step: DemandStep| DemandStep {
            on_us: step.on_us.min(u64::from(n).saturating_mul(step.len_us)),
            ..step
        };
        Hours { start: self.start, steps: self.steps.iter().map(cap).collect() }
    }

    /// Time that was measured, microseconds.
    pub(super) fn len_us(&self) -> u64 {
        self.steps.iter().map(|it| it.len_us).sum()
    }

    /// The same in days.
    pub(super) fn days(&self) -> f64 {
        self.len_us() as f64 / (24 * HOUR_US) as f64
    }

    /// Instance time asked for, microseconds.
    pub(super) fn on_us(&self) -> u128 {
        self.steps.iter().map(|it| u128::from(it.on_us)).sum()
    }

    /// When each measured hour begins.
    pub(super) fn measured(&self) -> impl Iterator<Item = Timestamp> {
        let starts = (0_i64..).map(|at| self.start.plus_us(at.saturating_mul(HOUR_US)));
        starts.zip(self.steps.iter()).filter(|it| it.1.len_us > 0).map(|it| it.0)
    }

    /// Instances in each measured hour, to the nearest whole one.
    pub(super) fn whole(&self) -> Vec<u32> {
        let measured = self.steps.iter().filter(|it| it.len_us > 0);
        let nearest = |it: DemandStep| (it.on_us + it.len_us / 2) / it.len_us;
        measured.map(|it| u32::try_from(nearest(it)).unwrap_or(u32::MAX)).collect()
    }
}

/// The hours that some demands have in common, and how much of each all of them measured.
#[derive(Clone, Debug)]
pub(super) struct Common {
    start: Timestamp,
    lens_us: Vec<u64>,
}

impl Common {
    /// Those of one demand; nothing where it has none.
    pub(super) fn of(one: &Hours) -> Option<Common> {
        one.span()?;
        let lens_us = one.steps.iter().map(|it| it.len_us).collect();
        Some(Common { start: one.start, lens_us })
    }

    /// Those that another demand has too; nothing where it has none of them.
    pub(super) fn with(&self, other: &Hours) -> Option<Common> {
        let start = self.start.max(other.start);
        let from = |first: Timestamp| usize::try_from((start.us() - first.us()) / HOUR_US).ok();
        let own = self.lens_us.get(from(self.start)?..)?;
        let others = other.steps.iter().skip(from(other.start)?);
        let least = own.iter().zip(others).map(|(own, other)| (*own).min(other.len_us));
        let lens_us: Vec<u64> = least.collect();
        (!lens_us.is_empty()).then_some(Common { start, lens_us })
    }

    /// Their time in days.
    pub(super) fn days(&self) -> f64 {
        self.lens_us.iter().sum::<u64>() as f64 / (24 * HOUR_US) as f64
    }
}

/// `whole x part / of`, rounded down; all of it where `of` is nothing.
fn share(whole: u64, part: u64, of: u64) -> u64 {
    let product = u128::from(whole) * u128::from(part);
    product.checked_div(u128::from(of)).map_or(whole, |it| u64::try_from(it).unwrap_or(u64::MAX))
}

/// The whole days of a zone in demand by the hour, for what a commitment saves on each.
#[derive(Clone, Debug)]
pub(super) struct Days<'a> {
    hours: &'a Hours,
    start: Timestamp,
    first_weekday: usize,
    /// For each day its hours by place, and the share of each that is in the day.
    parts: Vec<Vec<(usize, f64)>>,
}

impl<'a> Days<'a> {
    /// Nothing without a whole day, or where a day has hours nobody measured.
    pub(super) fn of(hours: &'a Hours, zone: Tz) -> Option<Days<'a>> {
        let days = whole_days(hours.span()?, zone);
        let (first, first_weekday) = *days.first()?;
        let parts = days.iter().map(|(day, _)| {
            let from = day.start().us() - hours.start.us();
            let to = day.end().us() - hours.start.us();
            (from.div_euclid(HOUR_US)..=(to - 1).div_euclid(HOUR_US))
                .map(|hour| {
                    let at = usize::try_from(hour).ok()?;
                    hours.steps.get(at).filter(|it| it.len_us > 0)?;
                    let inside = to.min((hour + 1) * HOUR_US) - from.max(hour * HOUR_US);
                    Some((at, inside as f64 / HOUR_US as f64))
                })
                .collect::<Option<Vec<_>>>()
        });
        let parts = parts.collect::<Option<Vec<_>>>()?;
        Some(Days { hours, start: first.start(), first_weekday, parts })
    }

    /// What `n` committed instances save on each day: the use they carry at the rate by use, less their
    /// own cost. Demand of 1 and 3 in half a day each, p = 4 and r = 2: the second instance carries 12
    /// hours, saves 48 and costs 48.
    pub(super) fn saved(&self, n: u32, by_use: MoneyPerHour, committed: MoneyPerHour) -> Daily {
        let n = f64::from(n);
        let hours: f64 = self.parts.iter().flatten().map(|it| it.1).sum();
        let day = |parts: &Vec<(usize, f64)>| {
            let carried =
                parts.iter().filter_map(|(at, share)| Some((self.hours.steps.get(*at)?, share)));
            let carried = carried.map(|(step, share)| {
                share * (step.on_us as f64 / step.len_us as f64).min(n) * by_use.to_f64()
            });
            let of_day: f64 = parts.iter().map(|it| it.1).sum();
            (carried.sum::<f64>(), of_day * n * committed.to_f64())
        };
        let days: Vec<(f64, f64)> = self.parts.iter().map(day).collect();
        let n_days = days.len() as f64;
        Daily {
            start: self.start,
            first_weekday: self.first_weekday,
            usd: days.iter().map(|(carried, cost)| carried - cost).collect(),
            following: Following {
                usd: days.iter().map(|it| it.0).sum::<f64>() / n_days,
                most: n * by_use.to_f64() * hours / n_days,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;
    use proptest::prelude::*;

    const HOUR: u64 = HOUR_US.unsigned_abs();

    fn at(us: i64) -> Timestamp {
        Timestamp::from_us(us)
    }

    fn step(len_us: u64, on_us: u64) -> DemandStep {
        DemandStep { len_us, on_us }
    }

    #[test]
    fn hours_are_those_of_the_clock() {
        let steps = vec![step(HOUR, HOUR), step(HOUR, 3 * HOUR)];
        let hours = Hours::new(at(HOUR_US + HOUR_US / 2), steps.clone());
        let half = HOUR / 2;
        let expected = vec![step(half, half), step(HOUR, 2 * HOUR), step(half, 3 * half)];
        assert_eq!(hours, Hours { start: at(HOUR_US), steps: expected.into_iter().collect() });
        assert_eq!(Hours::new(at(HOUR_US), steps.clone()).steps.to_vec(), steps);
    }

    #[test]
    fn demand_is_added_on_the_common_hours() {
        let a = Hours::new(at(0), vec![step(HOUR, 9), step(HOUR, HOUR), step(HOUR, HOUR)]);
        let b = Hours::new(at(HOUR_US), vec![step(HOUR / 2, 3 * HOUR / 2), step(0, 0)]);
        let parts = Hours::in_common(&[&a, &b]).unwrap();
        let both = Hours::sum(&parts).unwrap();
        assert_eq!(both.start, at(HOUR_US));
        assert_eq!(both.steps.to_vec(), [step(HOUR / 2, 2 * HOUR), step(0, 0)]);
        let later = Hours::new(at(9 * HOUR_US), vec![step(HOUR, 1)]);
        assert_eq!(Hours::in_common(&[&a, &later]), None);
        assert_eq!(Hours::in_common(&[]), None);
        assert_eq!(a.capped(0).on_us(), 0);
    }

    #[test]
    fn what_a_day_saves() {
        let demand = (0..48).map(|hour| if hour % 24 < 12 { HOUR } else { 3 * HOUR });
        let hours = Hours::new(at(0), demand.map(|on_us| step(HOUR, on_us)).collect());
        let rate = |usd: i128| MoneyPerHour::from_nano(usd * 1_000_000_000, Currency::USD);
        let check = |zone: Tz, n, expected: &[f64]| {
            let found = Days::of(&hours, zone).unwrap().saved(n, rate(4), rate(2));
            assert_eq!(found.usd, expected, "{zone} {n}");
        };
        check(Tz::UTC, 0, &[0.0, 0.0]);
        check(Tz::UTC, 1, &[48.0, 48.0]);
        check(Tz::UTC, 2, &[48.0, 48.0]);
        check(Tz::UTC, 3, &[48.0, 48.0]);
        check(Tz::UTC, 4, &[0.0, 0.0]);
        // Half past five hours ahead, one whole day is left.
        check(Tz::Asia__Kolkata, 4, &[0.0]);
        let mut holes = hours.clone();
        let with_hole = |(at, it)| if at == 30 { step(0, 0) } else { it };
        holes.steps = hours.steps.iter().enumerate().map(with_hole).collect();
        assert!(Days::of(&holes, Tz::UTC).is_none());
    }

    proptest! {
        #[test]
        fn what_is_common_one_by_one_is_common_to_all(
            all in prop::collection::vec(
                (0_i64..6, prop::collection::vec(0_u64..5, 1..9)), 1..6),
        ) {
            let hours = |(start, lens): &(i64, Vec<u64>)| {
                Hours::new(at(start * HOUR_US), lens.iter().map(|it| step(it * HOUR / 4, 1)).collect())
            };
            let all: Vec<Hours> = all.iter().map(hours).collect();
            let mut common = Common::of(&all[0]);
            for it in &all[1..] {
                common = common.and_then(|common| common.with(it));
            }
            let together = Hours::in_common(&all.iter().collect::<Vec<_>>());
            prop_assert_eq!(common.map(|it| it.days()), together.map(|it| it[0].days()));
        }

        #[test]
        fn the_clock_changes_no_amount(
            late_us in 0_i64..HOUR_US,
            steps in proptest::collection::vec((0..=HOUR, 0_u64..9), 1..20),
        ) {
            let steps: Vec<DemandStep> = steps.iter().map(|it| step(it.0, it.0 * it.1)).collect();
            let len_us: u64 = steps.iter().map(|it| it.len_us).sum();
            let on_us: u128 = steps.iter().map(|it| u128::from(it.on_us)).sum();
            let hours = Hours::new(at(late_us), steps);
            prop_assert_eq!((hours.len_us(), hours.on_us()), (len_us, on_us));
            prop_assert!(hours.steps.iter().all(|it| it.len_us <= HOUR));
            prop_assert_eq!(hours.start.us() % HOUR_US, 0);
        }
    }
}
