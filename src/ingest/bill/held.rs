//! Amounts that may belong to a machine with GPUs, kept until all bills are read.
//!
//! Whether a resource is such a machine is known only then, and a month of a large company has
//! millions of rows whose resource could be one. Most of them repeat the row of the hour before, so
//! what is kept of a resource is runs of equal rows.

use super::charge::Costs;
use super::sums::Sums;

/// From the start to the end in microseconds.
type Span = (i64, i64);

/// What is held, by the number of its hold.
#[derive(Default)]
pub(super) struct Held {
    runs: Vec<Vec<Run>>,
    /// What no run can hold.
    others: Vec<(u32, Span, Sums)>,
}

/// Rows of the same costs, each as long as the first and beginning where the one before ends.
struct Run {
    start: i64,
    len: i64,
    /// The costs that are known, else 0.
    costs: [i64; 4],
    /// As in [`Sums`].
    nano_committed: i64,
    /// Which are known, a bit each.
    known: u8,
    /// Rows that each counts.
    rows: u8,
    times: u32,
}

impl Run {
    /// Nothing for amounts that are too large.
    fn of((start, end): Span, sums: &Sums) -> Option<Run> {
        let mut known = 0;
        let mut costs = [0; 4];
        for (at, (slot, cost)) in costs.iter_mut().zip(sums.costs.each()).enumerate() {
            if let Some(cost) = cost {
                *slot = i64::try_from(cost).ok()?;
                known |= 1 << at;
            }
        }
        let rows = u8::try_from(sums.rows).ok()?;
        let len = end.checked_sub(start)?;
        let is_whole = sums.nano_gpu_hours.is_none();
        let nano_committed = sums.nano_committed;
        is_whole.then_some(Run { start, len, costs, nano_committed, known, rows, times: 1 })
    }

    /// Whether the other is the row after its last.
    fn goes_on(&self, next: &Run) -> bool {
        let end = self.len.checked_mul(i64::from(self.times)).map(|it| self.start + it);
        end == Some(next.start)
            && (self.len, self.costs, self.known) == (next.len, next.costs, next.known)
            && (self.rows, self.nano_committed) == (next.rows, next.nano_committed)
            && self.times < u32::MAX
    }

    fn sums(&self) -> Sums {
        let cost = |at: usize| (self.known & (1 << at) != 0).then_some(i128::from(self.costs[at]));
        let costs =
            Costs { billed: cost(0), effective: cost(1), list: cost(2), contracted: cost(3) };
        let nano_committed = self.nano_committed;
        Sums { costs, nano_gpu_hours: None, nano_committed, rows: u64::from(self.rows) }
    }
}

impl Held {
    /// Keeps a row.
    pub(super) fn add(&mut self, hold: u32, span: Span, sums: &Sums) {
        let Some(run) = Run::of(span, sums) else {
            self.others.push((hold, span, *sums));
            return;
        };
        let runs = self.of(hold);
        match runs.last_mut() {
            Some(last) if last.goes_on(&run) => last.times += 1,
            _ => runs.push(run),
        }
    }

    fn of(&mut self, hold: u32) -> &mut Vec<Run> {
        let at = hold as usize;
        if at >= self.runs.len() {
            self.runs.resize_with(at + 1, Vec::new);
        }
        &mut self.runs[at]
    }

    /// Takes what another holds, whose holds have these numbers here.
    pub(super) fn absorb(&mut self, other: Held, number: impl Fn(u32) -> u32) {
        for (hold, runs) in (0..).zip(other.runs) {
            if !runs.is_empty() {
                self.of(number(hold)).extend(runs);
            }
        }
        self.others.extend(other.others.into_iter().map(|it| (number(it.0), it.1, it.2)));
    }

    /// Gives back what is held: the hold, the first period, how often it repeats, the sums of each.
    pub(super) fn release<E>(
        self,
        mut visit: impl FnMut(u32, Span, u32, &Sums) -> Result<(), E>,
    ) -> Result<(), E> {
        for (hold, runs) in (0..).zip(self.runs) {
            for run in runs {
                visit(hold, (run.start, run.start + run.len), run.times, &run.sums())?;
            }
        }
        self.others.iter().try_for_each(|(hold, span, sums)| visit(*hold, *span, 1, sums))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    /// What comes out is what went in, row by row; `runs` is how many it took to hold them.
    fn check(rows: &[(i64, i64, Option<i128>, Option<i128>)], runs: usize) {
        let mut held = Held::default();
        let of =
            |billed, effective| Sums::of(Costs { billed, effective, ..Costs::default() }, None);
        for (start, end, billed, effective) in rows {
            held.add(3, (start * HOUR, end * HOUR), &of(*billed, *effective));
        }
        let mut all = Held::default();
        all.absorb(held, |hold| hold + 4);
        assert_eq!(all.runs.iter().map(Vec::len).sum::<usize>(), runs);
        let mut found = Vec::new();
        all.release(|hold, (start, end), times, sums| {
            assert_eq!((hold, sums.rows), (7, 1));
            for at in 0..i64::from(times) {
                let shift = at * (end - start);
                let costs = (sums.costs.billed, sums.costs.effective);
                found.push(((start + shift) / HOUR, (end + shift) / HOUR, costs.0, costs.1));
            }
            Ok::<(), ()>(())
        })
        .unwrap();
        assert_eq!(found, rows);
    }

    #[test]
    fn equal_hours_are_one_run() {
        check(&[(0, 1, Some(5), None), (1, 2, Some(5), None), (2, 3, Some(5), None)], 1);
        // A gap, another cost, another length, a cost that is not known: each begins a run.
        check(&[(0, 1, Some(5), None), (2, 3, Some(5), None)], 2);
        check(&[(0, 1, Some(5), None), (1, 2, Some(6), None)], 2);
        check(&[(0, 1, Some(5), None), (1, 3, Some(5), None)], 2);
        check(&[(0, 1, Some(0), None), (1, 2, None, Some(0)), (2, 3, None, None)], 3);
        check(&[(0, 1, Some(-5), Some(7)), (1, 2, Some(-5), Some(7))], 1);
    }

    #[test]
    fn rows_of_a_run_have_one_quantity() {
        let costs = Costs { billed: Some(0), ..Costs::default() };
        let of = |nano_committed| Sums { nano_committed, ..Sums::of(costs, None) };
        let mut held = Held::default();
        for (hour, quantity) in [(0, 7), (1, 7), (2, 8)] {
            held.add(0, (hour * HOUR, (hour + 1) * HOUR), &of(quantity));
        }
        let mut found = Vec::new();
        held.release(|_, (start, _), times, sums| {
            found.push((start / HOUR, times, sums.nano_committed));
            Ok::<(), ()>(())
        })
        .unwrap();
        assert_eq!(found, [(0, 2, 7), (2, 1, 8)]);
    }

    #[test]
    fn large_amounts_are_kept_whole() {
        // 9.3 units of a currency are more than 2^63 of 10^-18.
        let large = Some(9_300_000_000_000_000_000);
        check(&[(0, 1, large, None), (1, 2, large, Some(1))], 0);
    }
}
