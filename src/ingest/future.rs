//! `[workload.NAME.future]`: what will become of a workload.

use serde::Deserialize;

use super::decisions::{date, full};
use crate::workload::{Future, Growth};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFuture {
    ends: Option<toml::Value>,
    migrates: Option<toml::Value>,
    migrates_to: Option<String>,
    growth: Option<f64>,
    growth_from: Option<toml::Value>,
    freeze: Option<toml::Value>,
}

impl RawFuture {
    /// The table checked; a fault comes with its place in the text.
    pub(super) fn checked(
        raw: Option<toml::Spanned<RawFuture>>,
    ) -> Result<Future, (usize, String)> {
        let Some(spanned) = raw else { return Ok(Future::default()) };
        let offset = spanned.span().start;
        spanned.into_inner().check().map_err(|message| (offset, format!("future: {message}")))
    }

    fn check(self) -> Result<Future, String> {
        let migrates = date("migrates", self.migrates.as_ref())?;
        let migrates_to = self.migrates_to.map(|it| full("migrates_to", it)).transpose()?;
        if migrates_to.is_some() && migrates.is_none() {
            return Err("migrates_to needs migrates, the day of the move".to_owned());
        }
        let from = date("growth_from", self.growth_from.as_ref())?;
        let growth = match (self.growth, from) {
            (None, None) => None,
            (None, Some(_)) => return Err("growth_from needs growth".to_owned()),
            (Some(it), _) if !(it.is_finite() && it > -1.0 && it <= MOST_GROWTH) => {
                return Err(format!(
                    "growth is {it}, which is not a share per 30 days above -1 and up to {MOST_GROWTH}, such as 0.10"
                ));
            }
            (Some(per_30d), from) => Some(Growth { per_30d, from }),
        };
        Ok(Future {
            ends: date("ends", self.ends.as_ref())?,
            migrates,
            migrates_to,
            growth,
            freeze: date("freeze", self.freeze.as_ref())?,
        })
    }
}

/// Growth per 30 days above which a share was surely meant as a percentage.
const MOST_GROWTH: f64 = 5.0;

#[cfg(test)]
mod tests {
    use crate::ingest::parse_config;

    #[test]
    fn a_future_reads() {
        let text = "[workload.chat.future]\nends = 2027-03-31\nmigrates = \"2027-01-15\"\n\
                    migrates_to = \"Azure\"\ngrowth = 0.10\ngrowth_from = 2026-12-01\nfreeze = 2027-01-10\n";
        let config = parse_config(text, "gpuadvise.toml").unwrap();
        let future = &config.workloads["chat"].settings.future;
        assert_eq!(future.until_in_words().as_deref(), Some("it moves to Azure on 15 Jan 2027"));
        let growth = future.growth.unwrap();
        assert!((growth.per_30d - 0.10).abs() < 1e-12);
        assert_eq!(growth.from.map(|it| it.to_string()).as_deref(), Some("2026-12-01"));
        assert_eq!(future.freeze.map(|it| it.to_string()).as_deref(), Some("2027-01-10"));
    }

    #[test]
    fn a_fault_names_its_line() {
        let check = |rest: &str, expected: &str| {
            let text = format!("[workload.a]\ngpu = \"L4\"\n[workload.a.future]\n{rest}\n");
            let error = parse_config(&text, "c.toml").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            "ends = \"soon\"",
            "c.toml:3: workload `a`: future: `ends` is `soon`, which is not a date",
        );
        check("migrates_to = \"x\"", "c.toml:3: workload `a`: future: migrates_to needs migrates");
        check("growth_from = 2026-12-01", "growth_from needs growth");
        check("growth = 10.0", "growth is 10, which is not a share per 30 days");
        check("growth = -1.0", "growth is -1");
        check("end = 2026-12-01", "c.toml:4: unknown field `end`");
    }
}
