//! A value of a report explained: as lines for a terminal, and as Markdown.

use std::fmt::Write;

use serde_json::Value;

use super::Evidence;
use super::definitions::definition;
use super::derive::{Derivation, Outcome};
use super::place::{Place, Step, inside, pattern, written};
use super::rows;
use super::unit::Unit;
use crate::report::markdown::escape;
use crate::report::number::{DASH, Medium};
use crate::report::terminal::cell::{pad_right, width};
use crate::report::{TerminalStyle, clip, hanging, plain};

/// Columns of a label.
pub(super) const LABEL: usize = 13;
/// Inputs and fields listed; JSON has all.
const MOST: usize = 30;
/// Lines of Markdown.
const MOST_LINES: usize = 15;
/// Longest text shown.
const LONGEST: usize = 400;

/// The first line.
pub(super) fn head(title: &str, style: &TerminalStyle) -> String {
    let text = hanging("", title, style.columns.max(80));
    if style.bold { format!("\u{1b}[1m{}\u{1b}[0m\n", text.trim_end()) } else { text }
}

/// A value explained.
#[derive(Clone, Debug)]
pub(super) struct PathSheet<'a> {
    evidence: &'a Evidence,
    place: Place<'a>,
    /// The number; nothing where there is a text, a list or an object.
    pub(super) number: Option<Derivation>,
    /// What it holds.
    pub(super) fields: Vec<Derivation>,
    /// Texts beside it in a row.
    beside: Vec<(String, String)>,
}

impl<'a> PathSheet<'a> {
    pub(super) fn of(evidence: &'a Evidence, steps: &[Step]) -> PathSheet<'a> {
        let value = steps.iter().try_fold(&evidence.root, inside).unwrap_or(&Value::Null);
        let place = Place { steps: steps.to_vec(), value };
        let number = is_number(&place).then(|| Derivation::of(evidence, &place));
        let fields = children(&place).into_iter().filter(is_number);
        let fields = fields.map(|it| Derivation::of(evidence, &it)).collect();
        PathSheet { evidence, fields, number, beside: beside(evidence, &place), place }
    }

    pub(super) fn path(&self) -> String {
        written(&self.evidence.root, &self.place.steps)
    }

    pub(super) const fn value(&self) -> &Value {
        self.place.value
    }

    pub(super) fn differs(&self) -> Vec<String> {
        let all = self.number.iter().chain(&self.fields);
        all.filter(|it| it.differs()).map(|it| it.path.clone()).collect()
    }

    /// What the number rests on that is not made of others.
    pub(super) fn behind(&self, medium: Medium) -> Vec<String> {
        match self.number.as_ref().map(|it| &it.outcome) {
            Some(Outcome::From(origin)) => {
                rows::behind(self.evidence, &self.place.steps, *origin, medium)
            }
            _ => Vec::new(),
        }
    }

    /// Label and text of each line.
    fn lines(&self, medium: Medium) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        match &self.number {
            Some(it) => {
                let full =
                    it.raw.as_str().filter(|raw| it.number.is_some() && *raw != it.shown(medium));
                let full = full.filter(|_| it.unit != Unit::Grade);
                let full = full.map(|raw| format!(", in full {}", plain(raw))).unwrap_or_default();
                lines.push(("value", format!("{}{full}", it.shown(medium))));
                lines.push(("is", it.meaning.to_string()));
                if let Outcome::From(_) = it.outcome {
                    lines.push(("comes from", it.words.to_owned()));
                } else if it.outcome != Outcome::Unknown {
                    let worked = it.worked(medium).map(|it| format!(": {it}")).unwrap_or_default();
                    lines.push(("formula", format!("{}{worked}", it.words)));
                    lines.push(("check", format!("{}, {}", it.shown(medium), it.verdict(medium))));
                }
            }
            None => lines.push(("value", shown(self.place.value))),
        }
        lines.extend(self.behind(medium).into_iter().map(|it| ("rests on", it)));
        lines.extend(self.beside.iter().map(|(key, text)| ("beside it", format!("{key}: {text}"))));
        lines
    }

    /// Paths to explain next with their values.
    fn next(&self, medium: Medium) -> Vec<[String; 2]> {
        let inputs = self.number.iter().flat_map(|it| &it.inputs);
        let inputs = inputs.map(|it| [it.path.clone(), it.shown(medium)]);
        let fields = self.fields.iter().map(|it| [it.path.clone(), it.sentence_or_value(medium)]);
        let others = children(&self.place).into_iter().filter(|it| !is_number(it));
        let root = &self.evidence.root;
        let others = others.map(|it| [written(root, &it.steps), shown(it.value)]);
        inputs.chain(fields).chain(others).collect()
    }

    pub(super) fn terminal(&self, style: &TerminalStyle) -> String {
        let columns = style.columns.max(80);
        let mut text = head(&self.path(), style);
        let mut last = "";
        for (label, said) in self.lines(Medium::Terminal) {
            let lead = if label == last { "" } else { label };
            text += &hanging(&pad_right(lead, LABEL), &said, columns);
            last = label;
        }
        let next = self.next(Medium::Terminal);
        for (at, [path, value]) in next.iter().take(MOST).enumerate() {
            let label = if at > 0 { "" } else { "made of" };
            let lead = pad_right(label, LABEL);
            if LABEL + width(path) + 2 + width(value) <= columns {
                let gap = columns - LABEL - width(path) - width(value);
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{lead}{path}{}{value}", " ".repeat(gap));
            } else {
                text += &hanging(&lead, path, columns);
                text += &hanging(&" ".repeat(LABEL + 2), value, columns);
            }
        }
        if next.len() > MOST {
            let _ = writeln!(text, "{:LABEL$}{} more with --format json", "", next.len() - MOST);
        }
        text
    }

    /// At most 15 lines.
    pub(super) fn markdown(&self) -> String {
        let mut lines = vec![format!("**{}**", escape(&self.path())), String::new()];
        for (label, said) in self.lines(Medium::Page) {
            lines.push(format!("- {label}: {}", escape(&said)));
        }
        for [path, value] in self.next(Medium::Page) {
            lines.push(format!("- {}: {}", escape(&path), escape(&value)));
        }
        if lines.len() > MOST_LINES {
            let left = lines.len() - MOST_LINES + 1;
            lines.truncate(MOST_LINES - 1);
            lines.push(format!("- {left} more with --format json"));
        }
        lines.join("\n") + "\n"
    }
}

impl Derivation {
    /// In a list of fields: what differs is said, and nothing else.
    fn sentence_or_value(&self, medium: Medium) -> String {
        if self.differs() {
            format!("{}, {}", self.shown(medium), self.verdict(medium))
        } else {
            self.shown(medium)
        }
    }
}

/// Whether a value is explained as a number: by being one, else by its definition.
fn is_number(place: &Place<'_>) -> bool {
    match place.value {
        Value::Number(_) => true,
        Value::String(text) => {
            let is_amount = text.contains('.') && text.parse::<f64>().is_ok();
            definition(&pattern(&place.steps)).is_some_and(|it| is_amount || !it.is_section())
        }
        Value::Null => definition(&pattern(&place.steps)).is_some_and(|it| !it.is_section()),
        _ => false,
    }
}

/// What a list or an object holds.
fn children<'a>(place: &Place<'a>) -> Vec<Place<'a>> {
    let steps: Vec<Step> = match place.value {
        Value::Object(map) => map.keys().cloned().map(Step::Key).collect(),
        Value::Array(list) => (0..list.len()).map(Step::At).collect(),
        _ => Vec::new(),
    };
    let on = |step: Step| {
        let value = inside(place.value, &step)?;
        Some(Place { steps: [&place.steps[..], &[step]].concat(), value })
    };
    steps.into_iter().filter_map(on).collect()
}

/// The texts of the row that a value stands in; a workload and a plan are no rows.
fn beside(evidence: &Evidence, place: &Place<'_>) -> Vec<(String, String)> {
    let Some((_, around)) = place.steps.split_last() else { return Vec::new() };
    let around_pattern = pattern(around);
    let is_row = around_pattern.ends_with("[]")
        && !["workloads[]", "workloads[].plans[]", "workloads[].candidates[]"]
            .contains(&around_pattern.as_str());
    let row = around.iter().try_fold(&evidence.root, inside).and_then(Value::as_object);
    let texts = row.into_iter().flatten().filter_map(|(key, it)| Some((key, it.as_str()?)));
    let own = place.steps.last();
    let others = texts.filter(|it| is_row && own != Some(&Step::Key(it.0.clone())));
    others.map(|(key, it)| (key.replace('_', " "), clip(&plain(it), LONGEST))).collect()
}

/// A value that is no number, in a few words.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => DASH.to_owned(),
        Value::String(it) => clip(&plain(it), LONGEST),
        Value::Array(list) => match list.len() {
            1 => "1 entry".to_owned(),
            n => format!("{n} entries"),
        },
        Value::Object(map) => match map.len() {
            _ if map.contains_key("label") => shown(&map["label"]),
            1 => "1 field".to_owned(),
            n => format!("{n} fields"),
        },
        other => other.to_string(),
    }
}
