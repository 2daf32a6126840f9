//! What the user knows of the months to come and no data show.

use chrono::NaiveDate;

/// What will become of a workload; everything is optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Future {
    /// The first day on which it no longer runs.
    pub ends: Option<NaiveDate>,
    /// The first day on which it runs elsewhere.
    pub migrates: Option<NaiveDate>,
    /// Where to.
    pub migrates_to: Option<String>,
    /// Growth of its demand per 30 days, as a share.
    pub growth: Option<Growth>,
    /// The first day on which it may be changed.
    pub freeze: Option<NaiveDate>,
}

/// Growth that is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Per 30 days, as a share: 0.10 is ten per cent more; above -1.
    pub per_30d: f64,
    /// The first day it shows; from the end of the data on where none is named.
    pub from: Option<NaiveDate>,
}

impl Future {
    /// The first day without it where it runs today: the earlier of its end and its migration.
    pub fn until(&self) -> Option<NaiveDate> {
        self.ends.into_iter().chain(self.migrates).min()
    }

    /// `it ends on 31 Mar 2027`, or that it moves; nothing where neither is known.
    pub fn until_in_words(&self) -> Option<String> {
        let until = self.until()?;
        let date = until.format("%-d %b %Y");
        Some(match (self.ends == Some(until), &self.migrates_to) {
            (true, _) => format!("it ends on {date}"),
            (false, Some(to)) => format!("it moves to {to} on {date}"),
            (false, None) => format!("it moves on {date}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_day_counts() {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let check = |ends: &str, migrates: &str, expected: Option<&str>| {
            let to = Some("Azure".to_owned());
            let it = Future {
                ends: day(ends),
                migrates: day(migrates),
                migrates_to: to,
                ..Future::default()
            };
            assert_eq!(it.until_in_words().as_deref(), expected);
        };
        check("2027-03-31", "", Some("it ends on 31 Mar 2027"));
        check("2027-03-31", "2027-01-01", Some("it moves to Azure on 1 Jan 2027"));
        check("2027-03-31", "2027-04-01", Some("it ends on 31 Mar 2027"));
        check("", "", None);
    }
}
