//! The days to export, and what the marks of a recipe such as `@START@` become for them.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime};

use super::chunk::chunks;

/// Whole days in UTC, the end excluded, and the step of range queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    start: NaiveDate,
    end: NaiveDate,
    step_s: u32,
}

/// Days that one export may span, as many as a period of the data.
const MAX_DAYS: i64 = 400;

impl Window {
    /// The days from `start` up to, not including, `end`; what is wrong with them otherwise.
    pub(super) fn new(start: NaiveDate, end: NaiveDate, step_s: u32) -> Result<Window, String> {
        let n_days = (end - start).num_days();
        if n_days < 1 {
            Err(format!("--start {start} is not before --end {end}"))
        } else if n_days > MAX_DAYS {
            Err(format!("{start} to {end} are {n_days} days, at most {MAX_DAYS} are exported"))
        } else {
            Ok(Window { start, end, step_s })
        }
    }

    /// The calendar month that ended last on the day `as_of`: October on 1 November.
    pub(super) fn last_full_month(as_of: NaiveDate, step_s: u32) -> Window {
        let end = first_of_month(as_of);
        // Only the first month chrono can hold has none before it.
        let start = end.checked_sub_months(Months::new(1)).unwrap_or(end);
        Window { start, end, step_s }
    }

    pub(super) const fn start(self) -> NaiveDate {
        self.start
    }

    pub(super) const fn end(self) -> NaiveDate {
        self.end
    }

    /// The text with every mark replaced.
    pub(super) fn fill(self, text: &str) -> String {
        let last_month = self.month_starts().last().copied().unwrap_or(self.start);
        // Oracle delivers late rows in folders of the month after.
        let oci =
            self.month_starts().into_iter().chain(last_month.checked_add_months(Months::new(1)));
        let marks = [
            ("@START@", self.start.to_string()),
            ("@END@", self.end.to_string()),
            ("@LAST_DAY@", self.last_day().to_string()),
            ("@STEP@", self.step_s.to_string()),
            ("@WINDOW@", self.flags()),
            ("@MONTHS@", joined(self.month_starts(), "%Y-%m", "\n")),
            ("@SQL_MONTHS@", joined(self.month_starts(), "'%Y-%m'", ", ")),
            ("@INVOICE_MONTHS@", joined(self.month_starts(), "'%Y%m'", ", ")),
            ("@OCI_MONTHS@", joined(oci, "%Y/%m", "\n")),
            ("@DAYS@", self.day_lines()),
            ("@CHUNKS@", self.chunk_lines()),
        ];
        marks.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }

    /// The flags of `analyze` that cut the same window.
    fn flags(self) -> String {
        let next_month = self.start.checked_add_months(Months::new(1));
        if self.start.day() == 1 && next_month == Some(self.end) {
            format!("--month={}", self.start.format("%Y-%m"))
        } else {
            format!("--since={} --until={}", self.start, self.end)
        }
    }

    fn last_day(self) -> NaiveDate {
        self.end.pred_opt().unwrap_or(self.start)
    }

    /// The first day of every month the window touches.
    fn month_starts(self) -> Vec<NaiveDate> {
        let first = first_of_month(self.start);
        std::iter::successors(Some(first), |it| it.checked_add_months(Months::new(1)))
            .take_while(|it| *it < self.end)
            .collect()
    }

    /// One line per day: the day and the next.
    fn day_lines(self) -> String {
        let days: Vec<_> = self
            .start
            .iter_days()
            .take_while(|it| *it < self.end)
            .map(|it| format!("{it} {}", it.checked_add_days(Days::new(1)).unwrap_or(it)))
            .collect();
        days.join("\n")
    }

    /// One line per range query: the name of the part, its first and its last instant.
    fn chunk_lines(self) -> String {
        let lines: Vec<_> = chunks(seconds(self.start), seconds(self.end), self.step_s.into())
            .into_iter()
            .filter_map(|it| {
                let first = DateTime::from_timestamp(it.first_s, 0)?;
                let last = DateTime::from_timestamp(it.last_s, 0)?;
                Some(format!(
                    "{} {} {}",
                    first.format("%Y%m%dT%H%M%SZ"),
                    first.format("%Y-%m-%dT%H:%M:%SZ"),
                    last.format("%Y-%m-%dT%H:%M:%SZ")
                ))
            })
            .collect();
        lines.join("\n")
    }
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    // Every month has a first day.
    day.with_day(1).unwrap_or(day)
}

fn seconds(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp()
}

fn joined(days: impl IntoIterator<Item = NaiveDate>, format: &str, between: &str) -> String {
    days.into_iter().map(|it| it.format(format).to_string()).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn window(start: &str, end: &str) -> Window {
        Window::new(day(start), day(end), 60).unwrap()
    }

    fn check(window: Window, marks: &str, expected: &str) {
        assert_eq!(window.fill(marks), expected, "{marks}");
    }

    #[test]
    fn the_month_that_ended_last() {
        for (as_of, start, end) in [
            ("2026-11-01", "2026-10-01", "2026-11-01"),
            ("2026-10-31", "2026-09-01", "2026-10-01"),
            ("2027-01-15", "2026-12-01", "2027-01-01"),
            ("2028-03-01", "2028-02-01", "2028-03-01"),
        ] {
            assert_eq!(Window::last_full_month(day(as_of), 60), window(start, end), "{as_of}");
        }
    }

    #[test]
    fn marks_of_a_month() {
        let october = window("2026-10-01", "2026-11-01");
        check(october, "@START@..@END@ @LAST_DAY@ @STEP@", "2026-10-01..2026-11-01 2026-10-31 60");
        check(october, "@WINDOW@", "--month=2026-10");
        check(october, "@MONTHS@|@SQL_MONTHS@|@INVOICE_MONTHS@", "2026-10|'2026-10'|'202610'");
        check(october, "@OCI_MONTHS@", "2026/10\n2026/11");
        let days = october.fill("@DAYS@");
        assert_eq!(days.lines().count(), 31);
        assert_eq!(days.lines().last(), Some("2026-10-31 2026-11-01"));
        // 31 days of a point a minute: 4 weeks and 3 days.
        check(
            october,
            "@CHUNKS@",
            "20261001T000000Z 2026-10-01T00:00:00Z 2026-10-07T23:59:00Z\n\
             20261008T000000Z 2026-10-08T00:00:00Z 2026-10-14T23:59:00Z\n\
             20261015T000000Z 2026-10-15T00:00:00Z 2026-10-21T23:59:00Z\n\
             20261022T000000Z 2026-10-22T00:00:00Z 2026-10-28T23:59:00Z\n\
             20261029T000000Z 2026-10-29T00:00:00Z 2026-10-31T23:59:00Z",
        );
    }

    #[test]
    fn marks_of_days_across_a_year() {
        let days = window("2026-12-30", "2027-01-02");
        check(days, "@WINDOW@", "--since=2026-12-30 --until=2027-01-02");
        check(days, "@SQL_MONTHS@", "'2026-12', '2027-01'");
        check(days, "@OCI_MONTHS@", "2026/12\n2027/01\n2027/02");
    }

    #[test]
    fn what_is_no_window_says_so() {
        for (start, end, words) in [
            ("2026-10-01", "2026-10-01", "not before"),
            ("2026-10-02", "2026-10-01", "not before"),
            ("2020-01-01", "2026-10-01", "at most 400"),
        ] {
            let error = Window::new(day(start), day(end), 60).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
