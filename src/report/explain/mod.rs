//! What `gpuadvise explain` tells: how a number of a report came about, and whether it comes out
//! again from its parts, down to the rows of the inputs and of the price catalog.
//!
//! Comes in: a `report.json` and a workload, an advice or the path of a number. Goes out: a sheet, a
//! ticket or JSON. A report that was changed by hand shows where its numbers no longer agree.

mod definitions;
mod derive;
mod json;
mod place;
mod recompute;
mod rows;
mod sheet;
mod shown;
#[cfg(test)]
mod tests;
mod ticket;
mod unit;

use serde_json::Value;

use super::past::{PastError, code, of_this_schema};
use super::{Format, RenderError, TerminalStyle, clip, plain};
use crate::catalog::suggest;
use crate::units::Currency;
use place::{Missing, Step};

/// The unit of a number by its path with each entry of a list as `[]`, for the published schema.
#[cfg(test)]
pub(super) fn unit_word(pattern: &str) -> Option<&'static str> {
    let found = definitions::definition(pattern).filter(|it| !it.is_section())?;
    Some(found.unit.schema_word()).filter(|it| !it.is_empty())
}

/// A report that can be asked for its numbers.
#[derive(Clone, Debug)]
pub struct Evidence {
    root: Value,
    currency: Currency,
}

/// What is explained.
#[derive(Clone, Debug)]
pub struct Subject(What);

#[derive(Clone, Debug)]
enum What {
    /// The workload of this place in the report.
    Workload(usize),
    /// Its advice.
    Advice(usize),
    /// A value.
    Path(Vec<Step>),
}

/// What the report does not have.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the report has no `{wanted}`{inside}")]
pub struct UnknownSubject {
    wanted: String,
    inside: String,
    near: Vec<String>,
}

impl UnknownSubject {
    /// What may have been meant.
    pub fn hint(&self) -> String {
        if self.near.is_empty() {
            "name a workload, an advice such as S1, or a path such as totals.monthly_savings"
                .to_owned()
        } else {
            format!("did you mean {}?", self.near.join(", "))
        }
    }
}

/// An explanation, and what in it cannot be right.
#[derive(Clone, Debug)]
pub struct Explained {
    /// In the format asked for.
    pub text: String,
    /// Paths of the numbers that do not come out again.
    pub differs: Vec<String>,
}

impl Evidence {
    /// Reads the text of a `report.json`.
    pub fn read(text: &str) -> Result<Evidence, PastError> {
        let root = of_this_schema(text)?;
        let currency = code(root.get("currency").and_then(Value::as_str).unwrap_or_default())?;
        Ok(Evidence { root, currency })
    }

    /// An advice by its id or its label, a workload by its name or its slug, or a path, tried in this
    /// order.
    pub fn subject(&self, words: &str) -> Result<Subject, UnknownSubject> {
        let by = |is: &dyn Fn(&Value) -> bool| self.workloads().iter().position(is);
        let id = self.labelled(words).unwrap_or(words);
        let named = |it: &Value, key: &str| it.get(key).and_then(Value::as_str) == Some(words);
        let advice = by(&|it| it.pointer("/advice/id").and_then(Value::as_str) == Some(id));
        let workload = || {
            by(&|it| named(it, "name")).or_else(|| by(&|it| named(it, "slug"))).map(What::Workload)
        };
        if let Some(found) = advice.map(What::Advice).or_else(workload) {
            return Ok(Subject(found));
        }
        let found = place::find(&self.root, words).map_err(|it| self.unknown(words, it))?;
        let is = |at: usize, name: &str| found.steps.get(at) == Some(&Step::Key(name.to_owned()));
        Ok(Subject(match found.steps.as_slice() {
            [_, Step::At(at)] if is(0, "workloads") => What::Workload(*at),
            [_, Step::At(at), _] if is(0, "workloads") && is(2, "advice") => What::Advice(*at),
            _ => What::Path(found.steps),
        }))
    }

    fn workloads(&self) -> &[Value] {
        self.root.get("workloads").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn ranking(&self) -> impl Iterator<Item = &str> {
        let ranking = self.root.pointer("/portfolio/ranking").and_then(Value::as_array);
        ranking.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The advice id behind `S3`.
    fn labelled(&self, words: &str) -> Option<&str> {
        let place: usize = words.strip_prefix(['S', 's'])?.parse().ok()?;
        self.ranking().nth(place.checked_sub(1)?)
    }

    /// `S3` of a workload whose advice is in the ranking.
    fn label(&self, at: usize) -> Option<String> {
        let id = self.workloads().get(at)?.pointer("/advice/id")?.as_str()?;
        self.ranking().position(|it| it == id).map(|it| format!("S{}", it + 1))
    }

    fn unknown(&self, words: &str, missing: Missing) -> UnknownSubject {
        if !missing.inside.is_empty() {
            let inside = format!(" in {}", missing.inside);
            return UnknownSubject { wanted: missing.wanted, inside, near: missing.near };
        }
        let all = self.workloads().iter().flat_map(|it| {
            [it.get("name"), it.pointer("/advice/id")]
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
        });
        let near = suggest(&words.to_lowercase(), all, str::to_lowercase);
        let near = near.into_iter().map(|it| clip(&plain(it), 60)).chain(missing.near);
        let wanted = clip(&plain(words), 60);
        UnknownSubject { wanted, inside: String::new(), near: near.take(3).collect() }
    }
}

/// The explanation in one format; there is no page and no CSV.
pub fn explained(
    evidence: &Evidence,
    subject: &Subject,
    format: Format,
    style: &TerminalStyle,
) -> Result<Explained, RenderError> {
    match &subject.0 {
        What::Path(steps) => {
            let path = shown::PathSheet::of(evidence, steps);
            let text = match format {
                Format::Json => json::path(&path)?,
                Format::Markdown => path.markdown(),
                _ => path.terminal(style),
            };
            Ok(Explained { text, differs: path.differs() })
        }
        What::Workload(at) | What::Advice(at) => {
            let about_advice = matches!(subject.0, What::Advice(_));
            let sheet = sheet::Sheet::of(evidence, *at, about_advice);
            let text = match format {
                Format::Json => json::workload(evidence, *at, &sheet)?,
                Format::Markdown => ticket::ticket(evidence, *at),
                _ => sheet.terminal(style),
            };
            Ok(Explained { text, differs: sheet.differs() })
        }
    }
}
