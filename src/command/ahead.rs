//! What `analyze` says beyond its window: months to come, the budget, an earlier report.

use std::path::Path;

use super::diff::comparable;
use super::failure::{ExitStatus, Failure};
use super::past_report;
use super::talk::Talk;
use crate::cli::Global;
use crate::ingest::Budget;
use crate::report::{self, Format, ReportModel, RunFacts, TerminalStyle};
use crate::units::Currency;

/// The budget of the config in the currency of the report; without its owners where names are replaced.
pub(super) fn budget(
    budget: &Budget,
    currency: Currency,
    (global, talk): (&Global, Talk),
) -> Result<Budget, Failure> {
    budget.in_currency(currency)?;
    if global.redact && budget.owners().next().is_some() {
        talk.warn("budgets name their owners: a redacted report leaves those out");
        return Ok(budget.without_owners());
    }
    Ok(budget.clone())
}

/// Sets the report beside an earlier one.
pub(super) fn look_back(
    report: &mut ReportModel,
    previous: &Path,
    run: RunFacts<'_>,
    (global, talk): (&Global, Talk),
) -> Result<(), Failure> {
    if global.redact {
        talk.warn("an earlier report may have names: a redacted report leaves it out");
        return Ok(());
    }
    if !report.provenance.what_if.is_empty() {
        return Err(Failure::usage(
            "--previous and --what-if exclude each other",
            "an earlier month is compared with what was, not with what might be",
        ));
    }
    let old = past_report::read(previous, report::read_report)?;
    let text = report::render(report, Format::Json, &TerminalStyle::default())?;
    let new = report::read_report(&text)
        .map_err(|error| Failure::new(ExitStatus::Bug, anyhow::Error::new(error)))?;
    comparable((&old, "the report of --previous"), (&new, "this report"))?;
    report::look_back(report, (old, new), run)?;
    Ok(())
}
