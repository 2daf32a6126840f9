//! A table that `gpuadvise rollup` wrote: each row is a usage row of one minute.
//!
//! The table knows every gap between requests: those inside a minute by their sums, those between two
//! minutes by the last and the first arrival. So the variation of gaps is that of the hour, exactly,
//! and every minute of the hour has it: few requests of one minute alone would tell little.

use std::collections::BTreeMap;

use super::IngestError;
use super::cell::Cell;
use super::raw::{Column, RawTable, RowNumbers};
use crate::usage::schema;

/// Columns that are read, by their places in [`Places`].
const COLUMNS: [&str; 10] = [
    "minute",
    schema::WORKLOAD,
    schema::REQUESTS,
    schema::PROMPT_TOKENS,
    schema::COMPLETION_TOKENS,
    "errors",
    "first_arrival",
    "last_arrival",
    "gap_sum_us",
    "gap_sum_sq_us2",
];
const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 3_600_000_000;

/// Whether headers are those of such a table.
pub(super) fn fits(headers: &[String]) -> bool {
    COLUMNS.iter().all(|it| headers.iter().any(|header| header == it))
}

/// Whether a column is read.
pub(super) fn wants(header: &str) -> bool {
    COLUMNS.contains(&header)
}

/// The rows as a usage table, and what the reader must know.
pub(super) fn usage(raw: &RawTable, file: &str) -> Result<(RawTable, Vec<String>), IngestError> {
    let places = COLUMNS.map(|it| raw.find(it).unwrap_or(usize::MAX));
    for at in places {
        raw.check_type(at, file)?;
    }
    let [minute, workload, requests, prompt, completion, errors, first, last, gaps, gaps_sq] =
        places;
    let rows = 0..raw.len();
    let starts: Vec<Option<i64>> = rows.clone().map(|row| time(raw.cell(minute, row))).collect();
    let ends = starts.iter().map(|it| it.map(|us| us + MINUTE_US)).collect();
    let counts = |at: usize| rows.clone().map(|row| whole(raw.cell(at, row))).collect();
    let requests: Vec<Option<i64>> = counts(requests);
    let names = raw.coded(workload).into_owned();
    let mut hours: BTreeMap<(i64, u32), Gaps> = BTreeMap::new();
    let hour = |row: usize| {
        let start = starts.get(row).copied().flatten()?;
        Some((start.div_euclid(HOUR_US), names.codes.get(row).copied()?))
    };
    for row in rows.clone() {
        let Some(key) = hour(row) else { continue };
        let of_minute = || {
            Some(Minute {
                first_us: time(raw.cell(first, row))?,
                last_us: time(raw.cell(last, row))?,
                requests: requests.get(row).copied().flatten()?,
                gap_sum: whole(raw.cell(gaps, row))?,
                gap_sum_sq: whole(raw.cell(gaps_sq, row))?,
            })
        };
        hours.entry(key).or_default().add(of_minute());
    }
    let variations: Vec<Option<f64>> =
        rows.clone().map(|row| hours.get(&hour(row)?).and_then(Gaps::variation)).collect();
    let (mut failed, mut told) = (0, 0);
    for row in rows.clone() {
        if let Some(n) = whole(raw.cell(errors, row)) {
            failed += n;
            told += requests.get(row).copied().flatten().unwrap_or(0);
        }
    }
    let mut notices = Vec::new();
    if failed > 0 {
        notices.push(format!(
            "{file}: {failed} of {told} requests failed; they were offered, so they stay in the demand"
        ));
    }
    let columns = vec![
        Column::Time(starts.clone(), true),
        Column::Time(ends, true),
        Column::Coded(names),
        Column::Int(requests),
        Column::Int(counts(prompt)),
        Column::Int(counts(completion)),
        Column::Float(variations),
    ];
    let headers = [
        schema::PERIOD_START,
        schema::PERIOD_END,
        schema::WORKLOAD,
        schema::REQUESTS,
        schema::PROMPT_TOKENS,
        schema::COMPLETION_TOKENS,
        "interarrival_cv",
    ];
    let headers = headers.map(str::to_owned).to_vec();
    let first_row = if raw.len() == 0 { 1 } else { raw.row_number(0) };
    let table = RawTable::new(headers, columns, RowNumbers::From(first_row, raw.len()));
    Ok((table, notices))
}

fn time(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Time(us, _) => Some(us),
        _ => None,
    }
}

fn whole(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Int(value) => i64::try_from(value).ok(),
        _ => None,
    }
}

/// The requests of a minute.
struct Minute {
    first_us: i64,
    last_us: i64,
    requests: i64,
    gap_sum: i64,
    gap_sum_sq: i64,
}

/// The gaps of a workload in an hour.
#[derive(Default)]
struct Gaps {
    n: i64,
    sum: i64,
    sum_sq: i128,
    last_us: Option<i64>,
    /// Of a minute the gaps are not known.
    unknown: bool,
}

impl Gaps {
    fn add(&mut self, minute: Option<Minute>) {
        let Some(it) = minute.filter(|it| self.last_us.is_none_or(|last| last <= it.first_us))
        else {
            self.unknown = true;
            return;
        };
        self.n += it.requests - 1;
        self.sum += it.gap_sum;
        self.sum_sq += i128::from(it.gap_sum_sq);
        if let Some(last_us) = self.last_us {
            let gap = it.first_us - last_us;
            self.n += 1;
            self.sum += gap;
            self.sum_sq += i128::from(gap) * i128::from(gap);
        }
        self.last_us = Some(it.last_us);
    }

    /// Standard deviation over mean, where there are three gaps to tell.
    fn variation(&self) -> Option<f64> {
        if self.unknown || self.n < 3 || self.sum <= 0 {
            return None;
        }
        // n x sum of squares - square of the sum, in whole numbers: nothing cancels out.
        let (n, sum) = (i128::from(self.n), i128::from(self.sum));
        let spread = n.checked_mul(self.sum_sq)? - sum.checked_mul(sum)?;
        Some((spread.max(0) as f64).sqrt() / sum as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaps_of_an_hour_are_those_of_its_requests() {
        // Requests at 0, 10, 70, 75 and 130 s: gaps of 10, 60, 5 and 55 s.
        let minute = |first: i64, last: i64, requests: i64, squares: i64| {
            let us = 1_000_000;
            Some(Minute {
                first_us: first * us,
                last_us: last * us,
                requests,
                gap_sum: (last - first) * us,
                gap_sum_sq: squares * us * us,
            })
        };
        let mut gaps = Gaps::default();
        for it in [minute(0, 10, 2, 100), minute(70, 75, 2, 25), minute(130, 130, 1, 0)] {
            gaps.add(it);
        }
        let all = [10.0, 60.0, 5.0, 55.0f64];
        let mean = all.iter().sum::<f64>() / 4.0;
        let spread = all.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / 4.0;
        let found = gaps.variation().unwrap();
        assert!((found - spread.sqrt() / mean).abs() < 1e-12, "{found}");
        gaps.add(None);
        assert_eq!(gaps.variation(), None);
    }
}
