//! What is usual at a weekday and hour, and how far from it costs have been.

use std::collections::BTreeMap;

use super::cells::Cell;
use crate::catalog::AnomalyRules;
use crate::classify::bins::{DAY_US, median, nth};
use crate::units::{Currency, Money};

/// Median distance to standard deviation of normal values.
const MAD_TO_SD: f64 = 1.4826;

/// What a cell usually costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) cost: Money,
    pub(super) gpu_hours: Option<f64>,
    pub(super) by_weekday: bool,
}

/// Past cells that are alike, their values in order: what is usual for one of them is what the others
/// say, and there are many.
#[derive(Default)]
struct Past {
    atto: Vec<i128>,
    gpu_hours: Vec<f64>,
}

impl Past {
    fn of(cells: &[&Cell]) -> Past {
        let mut atto: Vec<i128> = cells.iter().map(|it| it.cost.atto()).collect();
        atto.sort_unstable();
        let mut gpu_hours: Vec<f64> = cells.iter().filter_map(|it| it.gpu_hours).collect();
        gpu_hours.sort_unstable_by(f64::total_cmp);
        Past { atto, gpu_hours }
    }

    /// The exact median: of two middle amounts their mean, cut to 10^-18.
    fn median_atto(&self, without: Option<&Cell>) -> Option<i128> {
        let hole = without.and_then(|it| self.atto.binary_search(&it.cost.atto()).ok());
        let rest = Rest { sorted: &self.atto, hole };
        let n = rest.len();
        Some(rest.nth(n.checked_sub(1)? / 2)?.midpoint(rest.nth(n / 2)?))
    }

    /// The median of the GPU-hours; nothing where one of the cells has none.
    fn median_gpu_hours(&self, without: Option<&Cell>) -> Option<f64> {
        let own = without.and_then(|it| it.gpu_hours);
        let unknown = self.atto.len() - self.gpu_hours.len();
        if unknown > usize::from(without.is_some() && own.is_none()) {
            return None;
        }
        let place = |it: f64| self.gpu_hours.binary_search_by(|a| a.total_cmp(&it)).ok();
        let rest = Rest { sorted: &self.gpu_hours, hole: own.and_then(place) };
        let last = rest.len().checked_sub(1)?;
        let (low, high) = (rest.nth(last / 2)?, rest.nth(last.div_ceil(2))?);
        Some(low + (high - low) * if last.is_multiple_of(2) { 0.0 } else { 0.5 })
    }
}

/// Values in order, without the one at a place.
struct Rest<'a, T> {
    sorted: &'a [T],
    hole: Option<usize>,
}

impl<T: Copy> Rest<'_, T> {
    fn len(&self) -> usize {
        self.sorted.len() - usize::from(self.hole.is_some())
    }

    fn nth(&self, rank: usize) -> Option<T> {
        self.sorted.get(rank + usize::from(self.hole.is_some_and(|it| it <= rank))).copied()
    }
}

/// The cells before the judged time.
pub(super) struct Usual {
    pub(super) currency: Currency,
    /// Whole cells.
    pub(super) history: usize,
    /// Mean cost of 24 hours.
    pub(super) cost_per_day: f64,
    cells: Vec<Cell>,
    by_weekday: BTreeMap<(usize, usize), Past>,
    by_hour: BTreeMap<usize, Past>,
    /// By hour: the spread of past costs around what was expected of them.
    spread: BTreeMap<usize, f64>,
    /// The least spread as a share of what is usual.
    spread_share: f64,
    /// In the median past week all but `history_share` of the costs were not further over and below.
    reach: [f64; 2],
    /// No past cost was.
    furthest: [f64; 2],
    min_weeks: f64,
    min_days: f64,
}

impl Usual {
    pub(super) fn of(cells: &[Cell], rules: &AnomalyRules) -> Usual {
        let mut usual = Usual {
            currency: cells.first().map_or(Currency::USD, |it| it.cost.currency()),
            history: 0,
            cost_per_day: 0.0,
            cells: cells.to_vec(),
            by_weekday: BTreeMap::new(),
            by_hour: BTreeMap::new(),
            spread: BTreeMap::new(),
            spread_share: 0.0,
            reach: [0.0; 2],
            furthest: [0.0; 2],
            min_weeks: rules.min_weeks,
            min_days: rules.min_days,
        };
        let (mut cost, mut hours) = (0.0, 0.0);
        let mut by_weekday: BTreeMap<(usize, usize), Vec<&Cell>> = BTreeMap::new();
        let mut by_hour: BTreeMap<usize, Vec<&Cell>> = BTreeMap::new();
        for cell in cells.iter().filter(|it| it.is_whole()) {
            by_weekday.entry((cell.weekday, cell.hour)).or_default().push(cell);
            by_hour.entry(cell.hour).or_default().push(cell);
            usual.history += 1;
            cost += cell.cost.to_f64();
            hours += cell.period.hours();
        }
        usual.cost_per_day = if hours > 0.0 { cost * 24.0 / hours } else { 0.0 };
        usual.by_weekday = by_weekday.iter().map(|(key, it)| (*key, Past::of(it))).collect();
        usual.by_hour = by_hour.iter().map(|(key, it)| (*key, Past::of(it))).collect();
        usual.measure(rules);
        usual
    }

    /// Holds every past cell against what the others said of it.
    fn measure(&mut self, rules: &AnomalyRules) {
        let mut by_hour: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        let mut by_week: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        let mut shares = Vec::new();
        let end_us = self.cells.last().map_or(0, |it| it.period.end().us());
        for (at, cell) in self.cells.iter().enumerate().filter(|it| it.1.is_whole()) {
            let Some(expected) = self.of_cell(cell, Some(at)) else { continue };
            let usual = expected.cost.to_f64();
            let off = cell.cost.to_f64() - usual;
            by_hour.entry(cell.hour).or_default().push(off.abs());
            let week = (end_us - cell.period.end().us()) / (7 * DAY_US);
            by_week.entry(week).or_default().push(off);
            if usual > 0.0 {
                shares.push(off.abs() / usual);
            }
        }
        let mut reach: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        for week in by_week.values_mut() {
            week.sort_unstable_by(f64::total_cmp);
            let last = week.len() as f64 - 1.0;
            let out = (week.len() as f64 * rules.history_share).floor();
            reach[0].push(nth(week, last - out).max(0.0));
            reach[1].push(-nth(week, out).min(0.0));
            let [over, below] = &mut self.furthest;
            *over = over.max(nth(week, last));
            *below = below.max(-nth(week, 0.0));
        }
        self.reach = reach.map(median);
        self.spread_share = (MAD_TO_SD * median(shares)).max(rules.floor_share);
        self.spread =
            by_hour.into_iter().map(|(hour, all)| (hour, MAD_TO_SD * median(all))).collect();
    }

    /// The median of the same weekday and hour, else of the same hour; without one past cell, where
    /// that is the one that is asked about.
    pub(super) fn of_cell(&self, cell: &Cell, without: Option<usize>) -> Option<Expected> {
        let own = self.by_weekday.get(&(cell.weekday, cell.hour));
        let (past, by_weekday) =
            if let Some(weeks) = own.filter(|it| it.atto.len() as f64 >= self.min_weeks) {
                (weeks, true)
            } else {
                let days = self.by_hour.get(&cell.hour);
                (days.filter(|it| it.atto.len() as f64 >= self.min_days)?, false)
            };
        let without = without.and_then(|at| self.cells.get(at)).filter(|it| it.is_whole());
        let cost = past.median_atto(without)?;
        Some(Expected {
            cost: Money::from_atto(cost.max(0), self.currency),
            gpu_hours: past.median_gpu_hours(without),
            by_weekday,
        })
    }

    /// 1 where a cell is over what is expected of it, -1 where it is far below, else 0. Without weeks
    /// a weekday may be unlike the others, so nothing past may have been further off.
    pub(super) fn sign(&self, cell: &Cell, expected: &Expected, rules: &AnomalyRules) -> i8 {
        let usual = expected.cost.to_f64() * cell.share();
        let off_by = cell.cost.to_f64() - usual;
        let spread = self.spread.get(&cell.hour).copied().unwrap_or(0.0) * cell.share();
        let clear = rules.deviations * spread.max(self.spread_share * usual);
        let reach = if expected.by_weekday { self.reach } else { self.furthest };
        let [over, below] = reach.map(|it| it * cell.share());
        if off_by > clear.max(over) {
            1
        } else if -off_by > clear.max(below) && -off_by >= rules.fall_share * usual {
            -1
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Period, Timestamp};
    use proptest::prelude::*;

    fn cell(cost: i128, gpu_hours: Option<f64>) -> Cell {
        let period = Period::new(Timestamp::from_s(0), Timestamp::from_s(3600)).unwrap();
        let cost = Money::from_atto(cost, Currency::USD);
        Cell { period, hour: 0, weekday: 0, cost, gpu_hours, whole_us: period.len_us() }
    }

    proptest! {
        #[test]
        fn what_the_others_say_is_their_median(
            values in proptest::collection::vec((0_i128..9, proptest::option::weighted(0.9, 0_u8..5)), 1..20),
            without in proptest::option::of(0_usize..20),
        ) {
            let cells: Vec<Cell> =
                values.iter().map(|it| cell(it.0, it.1.map(|it| f64::from(it) / 3.0))).collect();
            let without = without.filter(|it| *it < cells.len());
            let past = Past::of(&cells.iter().collect::<Vec<_>>());
            let others = || cells.iter().enumerate().filter(|it| Some(it.0) != without);
            let mut atto: Vec<i128> = others().map(|it| it.1.cost.atto()).collect();
            atto.sort_unstable();
            let found = past.median_atto(without.map(|it| &cells[it]));
            let n = atto.len();
            prop_assert_eq!(found, (n > 0).then(|| atto[(n.max(1) - 1) / 2].midpoint(atto[n / 2])));
            let hours: Option<Vec<f64>> = others().map(|it| it.1.gpu_hours).collect();
            let found = past.median_gpu_hours(without.map(|it| &cells[it]));
            prop_assert_eq!(found, hours.filter(|it| !it.is_empty()).map(median));
        }
    }
}
