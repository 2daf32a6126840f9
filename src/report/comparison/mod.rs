//! What `gpuadvise diff` tells: why the GPU spend of one month differs from that of another, what
//! became of the advice, what waste is new, which prices of the catalog moved.
//!
//! Comes in: two reports and the bridge between them. Goes out: a table, JSON, CSV or Markdown.
//! Savings and cost avoidance are never one sum.

mod csv;
mod json;
mod shown;
mod words;

pub(super) use words::{line, signed, signed_percent, since, step_in_words};

use super::past::PastReport;
use super::{Format, RenderError, TerminalStyle};
use crate::bridge::{self, Bridge, Finding, PriceMoved};
use crate::units::MoneyError;

/// All that `diff` tells.
#[derive(Clone, Debug)]
pub struct Comparison {
    old: PastReport,
    new: PastReport,
    bridge: Bridge,
    waste_new: Vec<Finding>,
    waste_gone: Vec<Finding>,
    prices: Option<Vec<PriceMoved>>,
}

impl Comparison {
    /// Of two reports in one currency. Fails only where amounts do not fit their type.
    pub fn of(old: PastReport, new: PastReport) -> Result<Comparison, MoneyError> {
        Ok(Comparison {
            bridge: bridge::between(&old.month, &new.month)?,
            waste_new: bridge::findings_moved(&new.month, &old.month)?,
            waste_gone: bridge::findings_moved(&old.month, &new.month)?,
            prices: bridge::prices_moved(&old.month, &new.month),
            old,
            new,
        })
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
