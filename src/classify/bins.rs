//! Demand in windows of one width, kept sparse: a window nobody used takes no memory.

use chrono_tz::Tz;

use crate::workload::{CountSeries, LevelSeries};

use super::calendar;

/// Microseconds in a second.
pub(super) const SECOND_US: i64 = 1_000_000;
/// Microseconds in a minute.
pub(super) const MINUTE_US: i64 = 60 * SECOND_US;
/// Microseconds in ten minutes.
pub(super) const TEN_MINUTES_US: i64 = 10 * MINUTE_US;
/// Microseconds in an hour.
pub(super) const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds in a day of 24 hours.
pub(super) const DAY_US: i64 = 24 * HOUR_US;
/// Windows in the longest series that is laid out densely: two centuries of hours.
const MAX_DENSE: i64 = 200 * 366 * 24;

/// Windows of one width. A zone's clock shifts them by its offset; where the offset changes in the
/// data by a part of the width (half-hour daylight saving), the first offset is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) width_us: i64,
    phase_us: i64,
}

impl Grid {
    /// Windows that start at multiples of the width since the epoch.
    pub(super) const fn utc(width_us: i64) -> Grid {
        Grid { width_us, phase_us: 0 }
    }

    /// Windows on the clock of `zone` at the instant `at_us`.
    pub(super) fn on_clock(width_us: i64, zone: Tz, at_us: i64) -> Grid {
        Grid { width_us, phase_us: calendar::offset_us(zone, at_us).rem_euclid(width_us) }
    }

    /// The window of an instant.
    pub(super) const fn index(self, at_us: i64) -> i64 {
        at_us.saturating_add(self.phase_us).div_euclid(self.width_us)
    }

    /// Whether every window is a union of windows of `finer`.
    pub(super) const fn is_made_of(self, finer: Grid) -> bool {
        self.width_us % finer.width_us == 0
            && (self.phase_us - finer.phase_us) % finer.width_us == 0
    }

    /// The first instant of a window.
    pub(super) const fn start_us(self, index: i64) -> i64 {
        index.saturating_mul(self.width_us).saturating_sub(self.phase_us)
    }
}

/// Values of the windows from the first to the last that the data touch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bins {
    /// The windows.
    pub(super) grid: Grid,
    /// Number of the first window.
    pub(super) first: i64,
    /// Number of the last window.
    pub(super) last: i64,
    /// Number and value, in order.
    pub(super) filled: Vec<(i64, f64)>,
    /// True when a window without a value counts as zero, false when it is unknown.
    pub(super) absent_is_zero: bool,
}

impl Bins {
    /// Sums of parts in time order; windows between the parts are zero.
    pub(super) fn of_parts(grid: Grid, parts: impl Iterator<Item = (i64, f64)>) -> Option<Bins> {
        let mut filled: Vec<(i64, f64)> = Vec::new();
        let mut in_order = true;
        // The instants of the last window, so that most parts need no division.
        let mut last_us = 0..0;
        for (at_us, amount) in parts {
            match filled.last_mut() {
                Some((_, sum)) if last_us.contains(&at_us) => *sum += amount,
                last => {
                    let index = grid.index(at_us);
                    last_us = grid.start_us(index)..grid.start_us(index.saturating_add(1));
                    in_order &= last.is_none_or(|it| it.0 < index);
                    filled.push((index, amount));
                }
            }
        }
        if !in_order {
            // Overlapping rows: a long one reached into windows that later rows also fill.
            filled.sort_by_key(|it| it.0);
            filled.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                kept.1 += if same { later.1 } else { 0.0 };
                same
            });
        }
        let (first, last) = (filled.first()?.0, filled.last()?.0);
        Some(Bins { grid, first, last, filled, absent_is_zero: true })
    }

    /// The sums of these windows per window of a grid that is made of them.
    pub(super) fn joined(&self, grid: Grid) -> Option<Bins> {
        Bins::of_parts(grid, self.filled.iter().map(|it| (self.grid.start_us(it.0), it.1)))
    }

    /// Requests per window. A row goes to the window it starts in; a row longer than a window is
    /// spread evenly.
    pub(super) fn of_counts(grid: Grid, series: &CountSeries) -> Option<Bins> {
        let parts = series.bins.iter().flat_map(move |bin| {
            let requests = bin.requests as f64;
            pieces(grid, bin.period.start().us(), bin.period.len_us())
                .map(move |(at_us, share)| (at_us, requests * share))
        });
        Bins::of_parts(grid, parts)
    }

    /// Mean level per window, over the part of the window that has rows; with `absent_is_zero` over
    /// the part between the first and the last row.
    pub(super) fn of_level(grid: Grid, series: &LevelSeries) -> Option<Bins> {
        let start_us = series.bins.first()?.period.start().us();
        let end_us = series.bins.last()?.period.end().us();
        let pieces = |weighed: bool| {
            let parts = series.bins.iter().flat_map(move |bin| {
                let len_us = bin.period.len_us();
                let each = if weighed { bin.gpus } else { 1.0 } * len_us as f64;
                pieces(grid, bin.period.start().us(), len_us)
                    .map(move |(at_us, share)| (at_us, each * share))
            });
            Bins::of_parts(grid, parts)
        };
        let mut sums = pieces(true)?;
        let lengths = pieces(false)?;
        sums.absent_is_zero = series.absent_is_zero;
        for ((index, sum), (_, length)) in sums.filled.iter_mut().zip(&lengths.filled) {
            let mut weight = *length;
            if series.absent_is_zero {
                let from = grid.start_us(*index).max(start_us);
                let to = grid.start_us(index.saturating_add(1)).min(end_us);
                weight = weight.max(to.saturating_sub(from) as f64);
            }
            *sum /= weight;
        }
        Some(sums)
    }

    /// Windows that have a known value.
    pub(super) fn n_bins(&self) -> f64 {
        if self.absent_is_zero {
            self.last.saturating_sub(self.first) as f64 + 1.0
        } else {
            self.filled.len() as f64
        }
    }

    fn mean(&self) -> f64 {
        self.filled.iter().map(|it| it.1).sum::<f64>() / self.n_bins()
    }

    /// Largest window / mean window: 6 requests in one of three windows, 3 and 0 in the others,
    /// give 6 / 3 = 2. Nothing for one window or no demand.
    pub(super) fn peak_to_mean(&self) -> Option<f64> {
        let peak = self.filled.iter().map(|it| it.1).fold(0.0, f64::max);
        self.to_mean(peak)
    }

    /// 99th percentile of the windows, interpolated linearly, / mean window.
    pub(super) fn p99_to_mean(&self) -> Option<f64> {
        let mut values: Vec<f64> = self.filled.iter().map(|it| it.1).collect();
        let zeros = self.n_bins() - values.len() as f64;
        let mut at = |rank: f64| {
            if rank < zeros { 0.0 } else { nth_least(&mut values, rank - zeros) }
        };
        let position = 0.99 * (self.n_bins() - 1.0);
        let low = at(position.floor());
        self.to_mean(low + (at(position.ceil()) - low) * position.fract())
    }

    fn to_mean(&self, value: f64) -> Option<f64> {
        let mean = self.mean();
        (self.n_bins() >= 2.0 && mean > 0.0).then(|| value / mean)
    }

    /// Index of dispersion: population variance / mean of the counts. Requests that come
    /// independently at a constant rate have 1; counts 0, 0, 6 have 8 / 2 = 4.
    pub(super) fn index_of_dispersion(&self) -> Option<f64> {
        dispersion(self.n_bins(), self.mean(), self.filled.iter().map(|it| it.1))
    }

    /// One entry per window from the first to the last; nothing when that would not fit in memory.
    pub(super) fn dense(&self) -> Option<Vec<Option<f64>>> {
        let n = self.last.saturating_sub(self.first).saturating_add(1);
        if n > MAX_DENSE {
            return None;
        }
        let absent = self.absent_is_zero.then_some(0.0);
        let mut dense = vec![absent; usize::try_from(n).ok()?];
        for (index, value) in &self.filled {
            let at = usize::try_from(index - self.first).ok()?;
            *dense.get_mut(at)? = Some(*value);
        }
        Some(dense)
    }
}

/// Variance / mean of `n` windows, given those that are not empty.
fn dispersion(n: f64, mean: f64, filled: impl Iterator<Item = f64>) -> Option<f64> {
    if n < 2.0 || mean <= 0.0 {
        return None;
    }
    let (mut n_filled, mut squares) = (0.0, 0.0);
    for value in filled {
        n_filled += 1.0;
        squares += (value - mean) * (value - mean);
    }
    Some(((n - n_filled) * mean * mean + squares) / n / mean)
}

/// [`Bins::index_of_dispersion`] of the arrivals per second, whose windows are too many to keep. The
/// offsets of zones are whole seconds, so these are the same in every zone.
pub(super) fn dispersion_of_seconds(at_us: &[i64]) -> Option<f64> {
    let second = |us: &i64| us.div_euclid(SECOND_US);
    let n = second(at_us.last()?).saturating_sub(second(at_us.first()?)) as f64 + 1.0;
    let mut rest = at_us;
    let seconds = std::iter::from_fn(|| {
        let end_us = second(rest.first()?).saturating_add(1).saturating_mul(SECOND_US);
        let n = rest.iter().take_while(|it| **it < end_us).count().max(1);
        rest = &rest[n..];
        Some(n as f64)
    });
    dispersion(n, at_us.len() as f64 / n, seconds)
}

/// The value at a rank that is a whole number.
pub(super) fn nth(sorted: &[f64], rank: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to integer cast saturates, and `get` checks the result"
    )]
    let at = rank as usize;
    sorted.get(at).or(sorted.last()).copied().unwrap_or(0.0)
}

/// The value that would be at a rank, a whole number, if the values were sorted.
pub(super) fn nth_least(values: &mut [f64], rank: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to integer cast saturates"
    )]
    let at = (rank as usize).min(last);
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Quantile of sorted values, interpolated linearly between the two around position q (n - 1). Of 0, 1,
/// ..., 200 at 0.99: 198.
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() as f64 - 1.0).max(0.0);
    let low = nth(sorted, position.floor());
    low + (nth(sorted, position.ceil()) - low) * position.fract()
}

/// The same of values in any order.
pub(super) fn quantile_of(values: &mut [f64], q: f64) -> f64 {
    let position = q * (values.len() as f64 - 1.0).max(0.0);
    let low = nth_least(values, position.floor());
    let high = nth_least(values, position.ceil());
    low + (high - low) * position.fract()
}

/// The middle value, of an even number the mean of the two; 0 of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// Whether a period of this length fits densely in windows of this width.
pub(super) fn fits_densely(len_us: i64, width_us: i64) -> bool {
    len_us / width_us < MAX_DENSE
}

/// A row in pieces, each with an instant in its window and its share of the row.
fn pieces(grid: Grid, start_us: i64, len_us: i64) -> impl Iterator<Item = (i64, f64)> {
    let long = len_us > grid.width_us && fits_densely(len_us, grid.width_us);
    let end_us = start_us.saturating_add(len_us);
    let first = grid.index(start_us);
    let last = if long { grid.index(end_us.saturating_sub(1)) } else { first };
    (first..=last).map(move |index| {
        if !long {
            return (start_us, 1.0);
        }
        let from = grid.start_us(index).max(start_us);
        let to = grid.start_us(index + 1).min(end_us);
        (from, to.saturating_sub(from) as f64 / len_us as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(counts: &[(i64, f64)]) -> Bins {
        let grid = Grid::utc(SECOND_US);
        Bins::of_parts(grid, counts.iter().map(|(s, n)| (s * SECOND_US, *n))).unwrap()
    }

    #[test]
    fn worked_numbers_of_the_formulas() {
        assert_eq!(bins(&[(0, 3.0), (1, 6.0), (2, 0.0)]).peak_to_mean(), Some(2.0));
        assert_eq!(bins(&[(0, 0.0), (2, 6.0)]).index_of_dispersion(), Some(4.0));
        assert_eq!(bins(&[(0, 6.0)]).peak_to_mean(), None);
        assert_eq!(bins(&[(0, 0.0), (5, 0.0)]).index_of_dispersion(), None);
        // Seconds with 1, 0 and 5 arrivals: mean 2, variance (1 + 4 + 9) / 3.
        let found =
            dispersion_of_seconds(&[0, 2_000_000, 2_000_001, 2_400_000, 2_999_998, 2_999_999]);
        assert!((found.unwrap() - 14.0 / 6.0).abs() < 1e-12);
        // Windows 0 0 0 10: position 2.97, value 9.7, mean 2.5.
        let p99 = bins(&[(0, 0.0), (3, 10.0)]).p99_to_mean().unwrap();
        assert!((p99 - 9.7 / 2.5).abs() < 1e-12, "{p99}");
    }

    #[test]
    fn a_clock_with_a_half_hour_offset_shifts_hours_only() {
        let kolkata: Tz = "Asia/Kolkata".parse().unwrap();
        assert_eq!(Grid::on_clock(MINUTE_US, kolkata, 0), Grid::utc(MINUTE_US));
        let hour = Grid::on_clock(HOUR_US, kolkata, 0);
        assert_eq!(hour.index(30 * MINUTE_US - 1), 0);
        assert_eq!(hour.index(30 * MINUTE_US), 1);
        assert_eq!(hour.start_us(1), 30 * MINUTE_US);
    }

    #[test]
    fn a_row_longer_than_a_window_is_spread() {
        let shares: Vec<f64> =
            pieces(Grid::utc(HOUR_US), HOUR_US / 2, 2 * HOUR_US).map(|it| it.1).collect();
        assert_eq!(shares, [0.25, 0.5, 0.25]);
    }
}
