//! One number: what it means, what it was made of, and whether it comes out again.

use std::borrow::Cow;

use serde_json::Value;

use super::Evidence;
use super::definitions::{Definition, Kind, Origin, Rule, definition};
use super::place::{Place, Step, inside, pattern, places, written};
use super::recompute::recompute;
use super::unit::{Number, Unit};
use crate::report::number::{DASH, Medium};
use crate::units::Currency;

/// A number of a report with all that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Derivation {
    /// Where it stands.
    pub(super) path: String,
    /// As the report has it.
    pub(super) raw: Value,
    /// The same as a number; nothing where it is not known.
    pub(super) number: Option<Number>,
    /// What it counts.
    pub(super) unit: Unit,
    /// The currency of its amounts.
    pub(super) currency: Currency,
    /// What it means.
    pub(super) meaning: Cow<'static, str>,
    /// How it comes about, in words.
    pub(super) words: &'static str,
    /// What it is computed with.
    pub(super) inputs: Vec<Input>,
    /// Whether it comes out again.
    pub(super) outcome: Outcome,
    /// Formula and kind.
    kind: Option<Kind>,
}

/// What a number is computed with.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// Where it stands.
    pub(super) path: String,
    /// As the report has it.
    pub(super) raw: Value,
    /// The same as a number; instants and texts are none.
    pub(super) number: Option<Number>,
    unit: Unit,
    currency: Currency,
}

/// Whether a number comes out again.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It does.
    Agrees,
    /// It does not: the report was changed, or its parts were.
    Differs(Number),
    /// It does not, and need not.
    MayDiffer(Number, &'static str),
    /// It is not made of numbers of the report.
    From(Origin),
    /// It is not known, or of no kind this program knows.
    Unknown,
}

/// Why a cost per unit may differ.
const OTHER_TIME: &str =
    "the report divides only the cost of the time in which both cost and units are known";
/// Why months to come may differ.
const AHEAD: &str = "a forecast counts the latest whole weeks, each hour as its weekday, with its trend or growth and \
     what is paid already, and the month is of the whole window";
/// Why a saving may differ.
const COMMITTED: &str = "what commitments cover of today's cost goes on and is no saving";

impl Derivation {
    /// Of a place that holds a number, or text that is explained like one.
    pub(super) fn of(evidence: &Evidence, place: &Place<'_>) -> Derivation {
        let root = &evidence.root;
        let found = definition(&pattern(&place.steps));
        let currency = currency_at(evidence, &place.steps);
        let unit = unit_of(found.as_ref(), place.value);
        let mut it = Derivation {
            path: written(root, &place.steps),
            raw: place.value.clone(),
            number: unit.read(place.value, currency),
            unit,
            currency,
            meaning: found.map_or("this program has no definition of it", |it| it.meaning).into(),
            words: "",
            inputs: Vec::new(),
            outcome: Outcome::Unknown,
            kind: None,
        };
        if let Some(definition) = found {
            it.follow(evidence, place, &definition);
        }
        it
    }

    /// Takes the first rule that has its inputs, and computes by it.
    fn follow(&mut self, evidence: &Evidence, place: &Place<'_>, definition: &Definition) {
        for rule in definition.rules {
            if !applies(evidence, place, rule) {
                continue;
            }
            let inputs = inputs(evidence, &place.steps, rule);
            self.words = rule.words;
            self.kind = Some(rule.kind);
            if let Kind::From(origin) = rule.kind {
                self.outcome = Outcome::From(origin);
                return;
            }
            let Some(again) = recompute(rule.kind, &inputs, self.unit, self.currency) else {
                continue;
            };
            self.inputs = inputs;
            self.outcome = match &self.number {
                Some(number) if agree(rule.kind, number, &again) => Outcome::Agrees,
                _ => match excuse(evidence, place, rule.kind) {
                    Some(why) => Outcome::MayDiffer(again, why),
                    None => Outcome::Differs(again),
                },
            };
            return;
        }
        (self.words, self.kind) = ("", None);
    }

    /// The number with its unit, or a dash.
    pub(super) fn shown(&self, medium: Medium) -> String {
        match &self.number {
            Some(it) => self.unit.show(it, self.currency, medium),
            None => DASH.to_owned(),
        }
    }

    /// Another number as this one is shown.
    pub(super) fn shown_as(&self, number: &Number, medium: Medium) -> String {
        self.unit.show(number, self.currency, medium)
    }

    /// The formula with its numbers: `20,420.61 x 730 h / 744 h`; nothing where there is none.
    pub(super) fn worked(&self, medium: Medium) -> Option<String> {
        let kind = self.kind.filter(|it| *it != Kind::Grade && !self.inputs.is_empty())?;
        let bare: Vec<String> = self.inputs.iter().map(|it| it.bare(medium)).collect();
        let known: Vec<String> = self
            .inputs
            .iter()
            .zip(&bare)
            .filter(|it| it.0.is_known())
            .map(|it| it.1.clone())
            .collect();
        let first = bare.first()?;
        Some(match (kind, bare.as_slice()) {
            (Kind::Sum | Kind::Total, _) if known.len() > 6 => {
                format!("the sum of {} numbers", known.len())
            }
            (Kind::Sum | Kind::Total, _) => known.join(" + "),
            (Kind::Number, all) => format!("{} counted", all.len()),
            (Kind::Less | Kind::Saving | Kind::Rest, _) => known.join(" - "),
            (Kind::Month, [cost, hours]) => format!("{cost} x 730 h / {hours} h"),
            (Kind::Ahead, [cost, hours, trend, growth]) => {
                let of = |what: &str, it: &str, at: usize| {
                    let is_known = self.inputs.get(at).is_some_and(Input::is_known);
                    if is_known { format!(", {what} {it} in 30 days") } else { String::new() }
                };
                let (trend, growth) = (of("trend", trend, 2), of("growth", growth, 3));
                format!("{cost} a month x {hours} h / 730 h{trend}{growth}")
            }
            (Kind::CatalogMonth, [rate, gpus]) => format!("{rate} x {gpus} GPUs x 730 h"),
            (Kind::Rate, [cost, hours]) => format!("{cost} / {hours} GPU-hours"),
            (Kind::Per(n), _) => self.per(n, medium),
            (Kind::Hours, [start, end]) => format!("{end} - {start}"),
            (Kind::Opposite, [saving, end]) => format!("2 x {saving} - {end}"),
            (Kind::WorstTenth, [saving, low, n]) => {
                format!("{saving} less the mean of the tail, from low end {low} and {n} weeks")
            }
            (Kind::Loss, [saving, low, n]) => {
                format!("Student's t of saving {saving}, low end {low} and {n} weeks")
            }
            (Kind::Confidence, [level]) => format!("1 - (1 - {level}) / 2"),
            _ => first.clone(),
        })
    }

    /// Cost and units may be sums over workloads.
    fn per(&self, n: u64, medium: Medium) -> String {
        let (costs, units): (Vec<&Input>, Vec<&Input>) = self
            .inputs
            .iter()
            .partition(|it| it.number.as_ref().is_some_and(|it| it.money().is_some()));
        let list = |of: &[&Input], noun: &str| {
            let words: Vec<String> = of.iter().map(|it| it.bare(medium)).collect();
            match words.as_slice() {
                [one] => one.clone(),
                many if many.len() > 3 => format!("the sum of {} {noun}", many.len()),
                many => format!("({})", many.join(" + ")),
            }
        };
        format!("{} x {} / {}", list(&costs, "costs"), medium.count(n), list(&units, "counts"))
    }

    /// What became of it: `as reported`, what it would be, or where it comes from.
    pub(super) fn verdict(&self, medium: Medium) -> String {
        match &self.outcome {
            Outcome::Agrees if self.kind == Some(Kind::Grade) => "no cap is worse".to_owned(),
            Outcome::Agrees => "as reported".to_owned(),
            Outcome::Differs(Number::Grade(worst)) => {
                format!("DIFFERS: its reasons cap it at {worst}")
            }
            Outcome::Differs(again) => {
                format!("DIFFERS: its parts give {}", self.full(again, medium))
            }
            Outcome::MayDiffer(again, why) => {
                format!("the window gives {}; {why}", self.full(again, medium))
            }
            Outcome::From(_) => self.words.to_owned(),
            Outcome::Unknown => "not known".to_owned(),
        }
    }

    /// With so many digits that a difference is seen.
    fn full(&self, again: &Number, medium: Medium) -> String {
        let shown = self.shown_as(again, medium);
        match again {
            Number::Money(it) if shown == self.shown(medium) => {
                format!("{} {}", it.to_decimal_string(), self.currency)
            }
            Number::Real(it) if shown == self.shown(medium) => it.to_string(),
            _ => shown,
        }
    }

    /// With what it is of: `12,492.17 USD a month = 20,036.35 - 7,544.18, as reported`.
    pub(super) fn sentence(&self, what: &str, medium: Medium) -> String {
        let worked = self.worked(medium).map(|it| format!(" = {it}")).unwrap_or_default();
        format!("{}{what}{worked}, {}", self.shown(medium), self.verdict(medium))
    }

    /// Whether the number cannot be right.
    pub(super) const fn differs(&self) -> bool {
        matches!(self.outcome, Outcome::Differs(_))
    }
}

impl Input {
    fn of(evidence: &Evidence, place: &Place<'_>) -> Input {
        let currency = currency_at(evidence, &place.steps);
        let found = definition(&pattern(&place.steps));
        let unit = unit_of(found.as_ref(), place.value);
        Input {
            path: written(&evidence.root, &place.steps),
            raw: place.value.clone(),
            // A text is a number only where it is said to be one.
            number: found.and_then(|_| unit.read(place.value, currency)),
            unit,
            currency,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        !self.raw.is_null()
    }

    fn bare(&self, medium: Medium) -> String {
        self.number.as_ref().map_or_else(|| text(&self.raw), |it| self.unit.bare(it, medium))
    }

    /// With its unit, or the text it is.
    pub(super) fn shown(&self, medium: Medium) -> String {
        let number = self.number.as_ref();
        number.map_or_else(|| text(&self.raw), |it| self.unit.show(it, self.currency, medium))
    }
}

/// A value that is no number.
fn text(value: &Value) -> String {
    match value {
        Value::Null => DASH.to_owned(),
        Value::String(it) => crate::report::plain(it),
        other => other.to_string(),
    }
}

fn applies(evidence: &Evidence, place: &Place<'_>, rule: &Rule) -> bool {
    rule.when.is_none_or(|(at, word)| {
        places(&evidence.root, &place.steps, at).iter().any(|it| it.value.as_str() == Some(word))
    })
}

fn inputs(evidence: &Evidence, subject: &[Step], rule: &Rule) -> Vec<Input> {
    let found = rule.inputs.iter().flat_map(|it| places(&evidence.root, subject, it));
    found.map(|it| Input::of(evidence, &it)).collect()
}

/// Why the numbers of the report need not give this one; nothing where they must.
fn excuse(evidence: &Evidence, place: &Place<'_>, kind: Kind) -> Option<&'static str> {
    let has = |at: &str, is: &dyn Fn(&Value) -> bool| {
        places(&evidence.root, &place.steps, at).iter().any(|it| is(it.value))
    };
    match kind {
        Kind::Per(_) => Some(OTHER_TIME),
        Kind::Ahead => Some(AHEAD),
        Kind::Saving => {
            let committed = has("reconciliation.by_commitment[*]", &|_| true)
                || has("workloads[].baseline.mixed", &|it| *it == Value::Bool(true))
                || has("workloads[].baseline.pricing_category", &|it| it == "Committed");
            committed.then_some(COMMITTED)
        }
        _ => None,
    }
}

/// Exact for money and whole numbers; what passed through floats to nine digits, shares rounded to
/// six decimals to those.
fn agree(kind: Kind, reported: &Number, again: &Number) -> bool {
    if let (Number::Grade(reported), Number::Grade(worst)) = (reported, again) {
        return reported >= worst;
    }
    let by_float = matches!(kind, Kind::Opposite | Kind::WorstTenth | Kind::Loss | Kind::Ahead);
    match (reported, again) {
        (Number::Money(a), Number::Money(b)) if !by_float => a == b,
        (Number::Whole(a), Number::Whole(b)) => a == b,
        (a, b) => a.real().zip(b.real()).is_some_and(|(a, b)| {
            let least = if kind == Kind::Loss { 2e-6 } else { 0.0 };
            (a - b).abs() <= (a.abs().max(b.abs()) * 1e-9).max(least)
        }),
    }
}

/// The currency of an amount: of the nearest object around it that names one.
fn currency_at(evidence: &Evidence, steps: &[Step]) -> Currency {
    let mut currency = evidence.currency;
    let mut here = Some(&evidence.root);
    for step in steps {
        here = here.and_then(|it| inside(it, step));
        let named = here.and_then(|it| it.get("currency")).and_then(Value::as_str);
        currency = named.and_then(|it| Currency::parse(it).ok()).unwrap_or(currency);
    }
    currency
}

/// The unit of a value: in a section that is defined as a whole, amounts are the texts.
fn unit_of(found: Option<&Definition>, value: &Value) -> Unit {
    match found {
        Some(it) if it.is_section() && value.is_string() => Unit::Money,
        Some(it) => it.unit,
        None => guessed(value),
    }
}

/// The unit of a number without a definition.
fn guessed(value: &Value) -> Unit {
    if value.is_string() { Unit::Money } else { Unit::Ratio }
}
