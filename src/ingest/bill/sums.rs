//! Sums of the four costs and of GPU-hours, exact in any order.

use super::charge::Costs;
use crate::units::MoneyError;

/// Nano-hours in an hour.
const NANO: f64 = 1e9;

/// What was added up. All of it is whole numbers, so that the order cannot matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ingest) struct Sums {
    /// The costs; `None` where no row had one.
    pub(in crate::ingest) costs: Costs,
    /// GPU-hours in 10^-9; `None` where no row had any.
    pub(in crate::ingest) nano_gpu_hours: Option<i128>,
    /// Of commitments whose fee is spread when the books close: 10^-9 of what was bought or is
    /// covered, in the commitment's unit.
    pub(in crate::ingest) nano_committed: i64,
    /// Rows behind it.
    pub(in crate::ingest) rows: u64,
}

fn plus(a: Option<i128>, b: Option<i128>) -> Result<Option<i128>, MoneyError> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b).map(Some).ok_or(MoneyError::Overflow),
        (a, b) => Ok(a.or(b)),
    }
}

impl Costs {
    /// Adds other costs; unknown only where both are.
    pub(in crate::ingest) fn add(&mut self, other: &Costs) -> Result<(), MoneyError> {
        self.billed = plus(self.billed, other.billed)?;
        self.effective = plus(self.effective, other.effective)?;
        self.list = plus(self.list, other.list)?;
        self.contracted = plus(self.contracted, other.contracted)?;
        Ok(())
    }

    /// Billed, effective, list and contracted cost.
    pub(in crate::ingest) fn each(&self) -> [Option<i128>; 4] {
        [self.billed, self.effective, self.list, self.contracted]
    }

    /// Takes other costs away.
    pub(in crate::ingest) fn less(&self, other: &Costs) -> Result<Costs, MoneyError> {
        let mut rest = *self;
        rest.add(&other.map(|it| -it))?;
        Ok(rest)
    }

    /// Each cost changed alike.
    pub(in crate::ingest) fn map(&self, change: impl Fn(i128) -> i128) -> Costs {
        Costs {
            billed: self.billed.map(&change),
            effective: self.effective.map(&change),
            list: self.list.map(&change),
            contracted: self.contracted.map(&change),
        }
    }

    /// `numerator / denominator` of each cost, rounded down to 10^-18; what is left over goes to
    /// whoever takes the rest. 100 in thirds is 33.333...3, 33.333...3 and 33.333...4.
    pub(in crate::ingest) fn share(&self, numerator: u64, denominator: u64) -> Costs {
        let (numerator, denominator) = (i128::from(numerator), i128::from(denominator.max(1)));
        self.map(|atto| {
            let (whole, rest) = (atto.div_euclid(denominator), atto.rem_euclid(denominator));
            whole.saturating_mul(numerator) + rest * numerator / denominator
        })
    }
}

impl Sums {
    /// One row.
    pub(in crate::ingest) fn of(costs: Costs, gpu_hours: Option<f64>) -> Sums {
        Sums { costs, nano_gpu_hours: gpu_hours.and_then(nano), nano_committed: 0, rows: 1 }
    }

    /// Adds other sums.
    pub(in crate::ingest) fn add(&mut self, other: &Sums) -> Result<(), MoneyError> {
        self.costs.add(&other.costs)?;
        self.nano_gpu_hours = plus(self.nano_gpu_hours, other.nano_gpu_hours)?;
        // 9 x 10^9 hours of one machine and hour do not occur, and only such are compared.
        self.nano_committed = self.nano_committed.saturating_add(other.nano_committed);
        self.rows += other.rows;
        Ok(())
    }

    /// `numerator / denominator` of it and no row, rounded as [`Costs::share`] does.
    pub(in crate::ingest) fn share(&self, numerator: u64, denominator: u64) -> Sums {
        let (by, of) = (i128::from(numerator), i128::from(denominator.max(1)));
        let committed = i128::from(self.nano_committed) * by / of;
        Sums {
            costs: self.costs.share(numerator, denominator),
            nano_gpu_hours: self.nano_gpu_hours.map(|it| it * by / of),
            nano_committed: i64::try_from(committed).unwrap_or(0),
            rows: 0,
        }
    }

    /// Takes a share of it away.
    pub(in crate::ingest) fn less(&self, share: &Sums) -> Result<Sums, MoneyError> {
        let hours = self.nano_gpu_hours.zip(share.nano_gpu_hours);
        Ok(Sums {
            costs: self.costs.less(&share.costs)?,
            nano_gpu_hours: hours.map(|(a, b)| a - b),
            nano_committed: self.nano_committed - share.nano_committed,
            rows: self.rows.saturating_sub(share.rows),
        })
    }

    /// Whether nothing is in it but zeros.
    pub(in crate::ingest) fn is_nothing(&self) -> bool {
        let is_nothing = |it: Option<i128>| it.is_none_or(|it| it == 0);
        self.costs.each().into_iter().all(is_nothing)
            && is_nothing(self.nano_gpu_hours)
            && self.nano_committed == 0
    }

    /// GPU-hours.
    pub(in crate::ingest) fn gpu_hours(&self) -> Option<f64> {
        self.nano_gpu_hours.map(from_nano)
    }
}

/// A quantity from 10^-9 of it.
pub(super) fn from_nano(nano: i128) -> f64 {
    nano as f64 / NANO
}

/// A quantity as whole 10^-9, to the nearest.
pub(super) fn nano(quantity: f64) -> Option<i128> {
    let nano = (quantity * NANO).round_ties_even();
    #[expect(clippy::cast_possible_truncation, reason = "range checked in the condition")]
    (nano.abs() < 1e30).then_some(nano as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_the_rest_are_the_whole() {
        let costs = Costs { billed: Some(-100), effective: Some(100), ..Costs::default() };
        let third = costs.share(1, 3);
        assert_eq!((third.billed, third.effective, third.list), (Some(-34), Some(33), None));
        let rest = costs.less(&third).unwrap().less(&third).unwrap();
        assert_eq!((rest.billed, rest.effective), (Some(-32), Some(34)));
        assert_eq!(costs.share(3, 3), costs);
    }

    #[test]
    fn hours_add_up_in_any_order() {
        let rows: Vec<Sums> =
            [0.1, 0.2, 0.7].map(|it| Sums::of(Costs::default(), Some(it))).to_vec();
        let total = |rows: &mut dyn Iterator<Item = &Sums>| {
            let mut sum = Sums::default();
            for row in rows {
                sum.add(row).unwrap();
            }
            sum
        };
        assert_eq!(total(&mut rows.iter()), total(&mut rows.iter().rev()));
        assert_eq!(total(&mut rows.iter()).gpu_hours(), Some(1.0));
        assert_eq!(Sums::of(Costs::default(), None).gpu_hours(), None);
    }
}
