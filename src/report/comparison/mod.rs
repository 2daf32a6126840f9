//! What `gpuadvise diff` tells: why the GPU spend of one month differs from that of another, what
//! became of the advice, what waste is new, which prices of the catalog moved.
//!
//! Comes in: two reports and the bridge between them. Goes out: a table, JSON, CSV or Markdown.
//! Savings and cost avoidance are never one sum.

mod csv;
mod json;
mod shown;
mod words;

pub(super) use words::{UNCLAIMED, line, signed, signed_percent, since, step_in_words};

use super::past::PastReport;
use super::{Format, RenderError, TerminalStyle};
use crate::bridge::{self, Bridge, Finding, PriceMoved, Promise};
use crate::units::{Money, MoneyError};

/// All that `diff` tells.
#[derive(Clone, Debug)]
pub struct Comparison {
    old: PastReport,
    new: PastReport,
    /// Of the workloads.
    bridge: Bridge,
    /// What GPUs cost, those that no workload claims included: then and now, as each headline says.
    spend: [Money; 2],
    /// Now less then.
    difference: Money,
    /// The step of that which is of GPUs that no workload claims; those of the bridge are the others.
    unclaimed: Money,
    waste_new: Vec<Finding>,
    waste_gone: Vec<Finding>,
    prices: Option<Vec<PriceMoved>>,
}

impl Comparison {
    /// Of two reports in one currency. Fails only where amounts do not fit their type.
    pub fn of(old: PastReport, new: PastReport) -> Result<Comparison, MoneyError> {
        let bridge = bridge::between(&old.month, &new.month)?;
        let with = |of_workloads: Money, it: &PastReport| match it.unclaimed {
            Some(other) => of_workloads.checked_add(other),
            None => Ok(of_workloads),
        };
        let spend = [with(bridge.old, &old)?, with(bridge.new, &new)?];
        let difference = spend[1].checked_sub(spend[0])?;
        Ok(Comparison {
            unclaimed: difference.checked_sub(bridge.difference)?,
            difference,
            spend,
            bridge,
            waste_new: bridge::findings_moved(&new.month, &old.month)?,
            waste_gone: bridge::findings_moved(&old.month, &new.month)?,
            prices: bridge::prices_moved(&old.month, &new.month),
            old,
            new,
        })
    }

    /// The earlier report.
    pub(super) const fn old(&self) -> &PastReport {
        &self.old
    }

    /// What became of its advice.
    pub(super) fn promises(&self) -> &[Promise] {
        &self.bridge.promises
    }
}

/// The comparison in one format; there is no page.
pub fn comparison(
    it: &Comparison,
    format: Format,
    style: &TerminalStyle,
) -> Result<String, RenderError> {
    match format {
        Format::Json => json::render(it),
        Format::Csv => Ok(csv::render(it)),
        Format::Markdown => Ok(shown::markdown(it)),
        Format::Table | Format::Html => Ok(shown::terminal(it, style)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::read_report;
    use crate::units::Currency;

    /// The report of the sample month.
    const REPORT: &str = include_str!("../../../reports/usage/report.json");

    #[test]
    fn what_no_workload_claims_is_in_the_spend_and_a_step_of_it() {
        let mut new = read_report(REPORT).unwrap();
        let usd = |text: &str| Money::parse(text, Currency::USD).unwrap();
        let mut old = new.clone();
        (old.unclaimed, old.period_label) = (Some(usd("60.00")), "September 2026".to_owned());
        new.unclaimed = Some(usd("100.00"));
        let found = Comparison::of(old, new).unwrap();
        let since = line(&found);
        let steps = Money::sum(since.steps.iter().map(|it| it.amount), since.old.currency());
        assert_eq!(steps, Ok(since.difference));
        assert_eq!(since.old.checked_add(since.difference), Ok(since.new));
        let said: Vec<(&str, Money)> = since.steps.iter().map(|it| (it.step, it.amount)).collect();
        assert_eq!(said, [("unclaimed", usd("40.00"))]);
        let style = TerminalStyle { bold: false, columns: 100, next: None };
        let text = comparison(&found, Format::Table, &style).unwrap();
        assert!(text.contains("(100.00 of no workload)"), "{text}");
        assert!(text.contains("GPUs of no workload"), "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&comparison(&found, Format::Json, &style).unwrap()).unwrap();
        assert_eq!(json["steps"]["unclaimed"], "40.00");
        assert_eq!(json["old"]["unclaimed_cost"], "60.00");
        assert_eq!(json["difference"], "40.00");
    }
}
