//! Which stretch of time is rolled up when, and which parts of the input it needs.
//!
//! A stretch is a number of whole minutes with about a million requests. It needs every part of the
//! input with a row in it, so no cell is ever made of two stretches, and stretches can be done side
//! by side. In a log in the order of time a stretch shares one row group with its neighbour.

use super::kernel::MINUTE_US;

/// Rows of a stretch, about. Tests have few rows and want many stretches.
const ROWS: usize = if cfg!(test) { 1 << 6 } else { 1 << 20 };

/// A part of the input that is read as one, with the time of its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    pub(super) rows: usize,
    /// Its file and its place in it.
    pub(super) place: (usize, usize),
}

/// Whole minutes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    /// The parts with rows in it, in the order of time, and whether no later stretch needs the part.
    pub(super) parts: Vec<(Part, bool)>,
    /// Whether no part begins before the one before it has ended.
    pub(super) in_order: bool,
}

/// All stretches.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) stretches: Vec<Stretch>,
    /// Rows of all parts, each as often as it is read.
    pub(super) rows_read: usize,
}

/// Where the rows of a part lie in time, a quarter of a stretch at a time, were they spread evenly. Parts
/// that all begin alike are in no order, and a stretch must not hold all of them.
fn instants(part: &Part) -> impl Iterator<Item = (i64, usize)> {
    let Part { first_us, last_us, rows, .. } = *part;
    let n = rows.div_ceil(ROWS / 4).max(1);
    let len_us = i128::from(last_us) - i128::from(first_us);
    (0..n).map(move |at| {
        let after_us = len_us * at as i128 / n as i128;
        let at_us = i64::try_from(i128::from(first_us) + after_us).unwrap_or(i64::MAX);
        (at_us, rows * (at + 1) / n - rows * at / n)
    })
}

/// Divides the time of all parts.
pub(super) fn plan(mut parts: Vec<Part>) -> Plan {
    parts.sort_by_key(|it| (it.first_us, it.last_us, it.place));
    let mut instants: Vec<(i64, usize)> = parts.iter().flat_map(instants).collect();
    instants.sort_unstable();
    let mut cuts: Vec<i64> = Vec::new();
    let mut rows = 0;
    for (at_us, n) in instants {
        let cut = at_us.saturating_add(MINUTE_US - 1).div_euclid(MINUTE_US) * MINUTE_US;
        if rows >= ROWS && cuts.last().is_none_or(|it| *it < cut) {
            cuts.push(cut);
            rows = 0;
        }
        rows += n;
    }
    let starts = std::iter::once(i64::MIN).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([i64::MAX]);
    let mut stretches: Vec<Stretch> = starts
        .zip(ends)
        .map(|(from_us, to_us)| Stretch { from_us, to_us, parts: Vec::new(), in_order: true })
        .collect();
    let mut rows_read = 0;
    for part in parts {
        let first = cuts.partition_point(|it| *it <= part.first_us);
        let last = cuts.partition_point(|it| *it <= part.last_us).max(first);
        for (at, stretch) in (first..).zip(&mut stretches[first..=last]) {
            let before = stretch.parts.iter().map(|it| it.0.last_us).max();
            stretch.in_order &= before.is_none_or(|it| it <= part.first_us);
            stretch.parts.push((part, at == last));
            rows_read += part.rows;
        }
    }
    stretches.retain(|it| !it.parts.is_empty());
    Plan { stretches, rows_read }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_by_every_stretch_that_needs_them() {
        let part = |at: usize, first_s: i64, last_s: i64| Part {
            first_us: first_s * 1_000_000,
            last_us: last_s * 1_000_000,
            rows: ROWS / 2,
            place: (0, at),
        };
        let parts = vec![part(0, 0, 90), part(2, 200, 300), part(1, 90, 200), part(3, 300, 301)];
        let plan = plan(parts);
        let shown: Vec<_> = plan
            .stretches
            .iter()
            .map(|it| {
                let places: Vec<_> =
                    it.parts.iter().map(|(part, last)| (part.place.1, *last)).collect();
                (it.to_us / 1_000_000, places, it.in_order)
            })
            .collect();
        assert_eq!(
            shown,
            [
                (240, vec![(0, true), (1, true), (2, false)], true),
                (i64::MAX / 1_000_000, vec![(2, true), (3, true)], true),
            ]
        );
        assert_eq!(plan.rows_read, 5 * (ROWS / 2));
    }

    #[test]
    fn a_log_in_no_order_is_in_as_many_stretches_as_any() {
        let part =
            |at: usize| Part { first_us: 0, last_us: 3_600_000_000, rows: ROWS, place: (0, at) };
        let plan = plan((0..4).map(part).collect());
        assert_eq!(plan.stretches.len(), 4);
        assert_eq!(plan.rows_read, 4 * 4 * ROWS);
    }
}
