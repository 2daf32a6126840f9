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
    /// Rows of the largest stretch that must be put in order, about.
    pub(super) most_sorted: usize,
}

/// Divides the time of all parts.
pub(super) fn plan(mut parts: Vec<Part>) -> Plan {
    parts.sort_by_key(|it| (it.first_us, it.last_us, it.place));
    let mut cuts: Vec<i64> = Vec::new();
    let mut rows = 0;
    for part in &parts {
        let cut = part.first_us.saturating_add(MINUTE_US - 1).div_euclid(MINUTE_US) * MINUTE_US;
        if rows >= ROWS && cuts.last().is_none_or(|it| *it < cut) {
            cuts.push(cut);
            rows = 0;
        }
        rows += part.rows;
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
    let sorted = stretches.iter().filter(|it| !it.in_order).map(Stretch::rows);
    let most_sorted = sorted.max().unwrap_or(0);
    Plan { stretches, rows_read, most_sorted }
}

impl Stretch {
    /// Its rows, were those of each part spread evenly over its time.
    fn rows(&self) -> usize {
        let len = |from_us: i64, to_us: i64| (i128::from(to_us) - i128::from(from_us)).max(0);
        let of = |part: &Part| {
            let whole = len(part.first_us, part.last_us);
            let own = len(part.first_us.max(self.from_us), part.last_us.min(self.to_us));
            let rows = (part.rows as i128 * own).checked_div(whole);
            rows.and_then(|it| usize::try_from(it).ok()).unwrap_or(part.rows)
        };
        self.parts.iter().map(|it| of(&it.0)).sum()
    }
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

    /// Parts of as many rows each, from a second to another.
    fn parts(n: usize, rows: usize, span: impl Fn(i64) -> (i64, i64)) -> Vec<Part> {
        let part = |at: usize| {
            let (first_s, last_s) = span(i64::try_from(at).unwrap());
            let (first_us, last_us) = (first_s * 1_000_000, last_s * 1_000_000);
            Part { first_us, last_us, rows, place: (0, at) }
        };
        (0..n).map(part).collect()
    }

    #[test]
    fn how_many_rows_are_sorted_at_once_is_known() {
        // In no order: small parts that all begin alike, of which the first minute is cut off.
        let plan_of_all = plan(parts(80, ROWS / 8, |_| (5, 3605)));
        assert_eq!(plan_of_all.most_sorted, 80 * (ROWS / 8 * 3545 / 3600));
        assert!(plan_of_all.rows_read <= 2 * 80 * (ROWS / 8));
        // In order, however large the parts are: nothing is sorted.
        let ordered = plan(parts(4, 20 * ROWS, |at| (at * 600, (at + 1) * 600)));
        assert_eq!((ordered.most_sorted, ordered.rows_read), (0, 7 * 20 * ROWS));
        // Neighbours that reach into each other.
        let seams = plan(parts(20, ROWS / 4, |at| (at * 60, at * 60 + 90)));
        assert!((1..2 * ROWS).contains(&seams.most_sorted), "{}", seams.most_sorted);
    }
}
