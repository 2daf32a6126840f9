//! `decisions.toml`: what people decided about the advice, one `[[decision]]` for each.

use chrono::NaiveDate;
use serde::Deserialize;

use super::ConfigError;
use crate::units::{Currency, Money, whole_months};

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionState {
    /// It is to be done.
    Accepted,
    /// It is not to be done.
    Rejected,
    /// It is asked again from this day on.
    Snoozed(NaiveDate),
    /// It was done.
    Done,
}

impl DecisionState {
    /// The word in the file and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            DecisionState::Accepted => "accepted",
            DecisionState::Rejected => "rejected",
            DecisionState::Snoozed(_) => "snoozed",
            DecisionState::Done => "done",
        }
    }

    /// Whether nobody is asked for it on that day: it was rejected, or its snooze still lasts.
    pub fn is_put_aside(self, today: NaiveDate) -> bool {
        match self {
            DecisionState::Rejected => true,
            DecisionState::Snoozed(until) => today < until,
            DecisionState::Accepted | DecisionState::Done => false,
        }
    }
}

/// The cost of a unit when something was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitThen {
    /// The unit, such as `1M tokens`.
    pub unit: String,
    /// What one cost, idle included; above zero.
    pub cost: Money,
}

/// What was promised, and what it is measured against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// What the advice was to save in a month of 730 hours.
    pub monthly_savings: Money,
    /// What such a month cost then.
    pub monthly_cost: Option<Money>,
    /// What a unit cost then.
    pub unit: Option<UnitThen>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The stable id of the advice.
    pub advice: String,
    /// The workload it is about.
    pub workload: String,
    /// What was decided.
    pub state: DecisionState,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When it is to be done.
    pub due: Option<NaiveDate>,
    /// Why.
    pub reason: Option<String>,
    /// When it was decided.
    pub decided: Option<NaiveDate>,
    /// What was promised with it.
    pub promise: Option<Promise>,
}

/// All decisions, in the order of the file. No two are about the same advice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// The decisions.
    pub list: Vec<Decision>,
}

impl Decisions {
    /// Place in the file of the decision about a piece of advice.
    pub fn place(&self, advice: &str) -> Option<usize> {
        self.list.iter().position(|it| it.advice == advice)
    }

    /// Whole months from that day to the end of the snooze of a piece of advice; nothing where there is none.
    pub fn months_put_off(&self, advice: &str, today: NaiveDate) -> Option<u32> {
        let state = self.list.iter().find(|it| it.advice == advice)?.state;
        let DecisionState::Snoozed(until) = state else { return None };
        state.is_put_aside(today).then(|| whole_months(today, until))
    }

    /// Whether nobody is asked for a piece of advice on that day.
    pub fn is_put_aside(&self, advice: &str, today: NaiveDate) -> bool {
        self.list.iter().any(|it| it.advice == advice && it.state.is_put_aside(today))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDecisions {
    #[serde(default)]
    decision: Vec<toml::Spanned<RawDecision>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDecision {
    advice: String,
    workload: String,
    state: String,
    until: Option<toml::Value>,
    owner: Option<String>,
    due: Option<toml::Value>,
    reason: Option<String>,
    decided: Option<toml::Value>,
    promised_monthly_savings: Option<toml::Value>,
    currency: Option<String>,
    baseline_monthly_cost: Option<toml::Value>,
    baseline_unit_cost: Option<toml::Value>,
    baseline_unit: Option<String>,
}

/// Reads the text of a decisions file; `file` is its name in messages.
pub fn parse_decisions(text: &str, file: &str) -> Result<Decisions, ConfigError> {
    let line_of = |offset: usize| text.get(..offset).map_or(1, |it| it.matches('\n').count() + 1);
    let at = |offset: usize, message: String| ConfigError {
        file: file.to_owned(),
        line: line_of(offset),
        message,
    };
    let raw: RawDecisions = toml::from_str(text).map_err(|error| {
        let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
        at(error.span().map_or(0, |it| it.start), message)
    })?;
    let mut decisions = Decisions::default();
    let mut lines = Vec::new();
    for spanned in raw.decision {
        let offset = spanned.span().start;
        let decision = check(spanned.into_inner()).map_err(|message| at(offset, message))?;
        if let Some(line) = decisions.place(&decision.advice).and_then(|it| lines.get(it)) {
            let advice = &decision.advice;
            return Err(at(offset, format!("`{advice}` is decided twice, first in line {line}")));
        }
        lines.push(line_of(offset));
        decisions.list.push(decision);
    }
    Ok(decisions)
}

fn check(raw: RawDecision) -> Result<Decision, String> {
    let until = date("until", raw.until.as_ref())?;
    let due = date("due", raw.due.as_ref())?;
    let state = match (raw.state.as_str(), until) {
        ("snoozed", Some(until)) => DecisionState::Snoozed(until),
        ("snoozed", None) => return Err("snoozed until when? add until = 2026-12-01".to_owned()),
        (_, Some(_)) => return Err(format!("`until` says nothing of `{}`", raw.state)),
        ("accepted", None) => DecisionState::Accepted,
        ("rejected", None) => DecisionState::Rejected,
        ("done", None) => DecisionState::Done,
        (other, None) => {
            return Err(format!("state `{other}` is not one of accepted, rejected, snoozed, done"));
        }
    };
    if due.is_some() && !matches!(state, DecisionState::Accepted | DecisionState::Done) {
        return Err(format!("`due` says nothing of what is {}", state.as_str()));
    }
    let amounts = [
        ("promised_monthly_savings", raw.promised_monthly_savings),
        ("baseline_monthly_cost", raw.baseline_monthly_cost),
        ("baseline_unit_cost", raw.baseline_unit_cost),
    ];
    Ok(Decision {
        advice: full("advice", raw.advice)?,
        workload: full("workload", raw.workload)?,
        state,
        owner: raw.owner.map(|it| full("owner", it)).transpose()?,
        due,
        reason: raw.reason.map(|it| full("reason", it)).transpose()?,
        decided: date("decided", raw.decided.as_ref())?,
        promise: promise(amounts, raw.currency.as_deref(), raw.baseline_unit)?,
    })
}

/// The promise, where there is one; amounts without a currency, or beside no promise, are a fault.
fn promise(
    amounts: [(&str, Option<toml::Value>); 3],
    currency: Option<&str>,
    unit: Option<String>,
) -> Result<Option<Promise>, String> {
    if amounts.iter().all(|it| it.1.is_none()) && unit.is_none() && currency.is_none() {
        return Ok(None);
    }
    let code = currency.ok_or("amounts need a currency, such as currency = \"USD\"")?;
    let currency = Currency::parse(code)
        .map_err(|_| format!("`{code}` is not a three-letter currency code"))?;
    let [savings, cost, unit_cost] =
        amounts.map(|(key, value)| value.map(|it| amount(key, &it, currency)).transpose());
    let monthly_savings =
        savings?.ok_or("a baseline is of a promise: add promised_monthly_savings")?;
    let unit = match (unit, unit_cost?) {
        (Some(unit), Some(cost)) if !cost.is_zero() => {
            Some(UnitThen { unit: full("baseline_unit", unit)?, cost })
        }
        (Some(_), Some(_)) => return Err("baseline_unit_cost is 0: leave it out".to_owned()),
        (None, None) => None,
        _ => return Err("baseline_unit and baseline_unit_cost need each other".to_owned()),
    };
    Ok(Some(Promise { monthly_savings, monthly_cost: cost?, unit }))
}

pub(super) fn full(key: &str, text: String) -> Result<String, String> {
    if text.trim().is_empty() { Err(format!("`{key}` is empty")) } else { Ok(text) }
}

/// A value as it was written.
pub(super) fn text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(whole) => whole.to_string(),
        toml::Value::Float(float) => float.to_string(),
        toml::Value::Datetime(date) => date.to_string(),
        other => format!("a {}", other.type_str()),
    }
}

/// A date of TOML, or the same as text.
pub(super) fn date(key: &str, value: Option<&toml::Value>) -> Result<Option<NaiveDate>, String> {
    let Some(value) = value else { return Ok(None) };
    let text = text(value);
    let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d");
    date.map(Some)
        .map_err(|_| format!("`{key}` is `{text}`, which is not a date such as 2026-12-01"))
}

/// An amount as text, which is exact, or as a number by its shortest form.
fn amount(key: &str, value: &toml::Value, currency: Currency) -> Result<Money, String> {
    let text = text(value);
    match Money::parse(&text, currency) {
        Ok(amount) if !amount.is_negative() => Ok(amount),
        _ => Err(format!("`{key}` is `{text}`, which is not an amount such as \"1306.70\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[decision]]\nadvice = \"a-1\"\nworkload = \"chat\"\n";

    #[test]
    fn a_decision_is_read_with_its_promise() {
        let text = format!(
            "# kept by hand\n{ONE}state = \"accepted\"\nowner = \"Mara\"\ndue = 2026-11-15\n\
             decided = \"2026-11-01\"\npromised_monthly_savings = \"1306.70\"\ncurrency = \"USD\"\n\
             baseline_monthly_cost = 1306.7\nbaseline_unit_cost = \"6.43\"\n\
             baseline_unit = \"1M tokens\"\n"
        );
        let usd = |text| Money::parse(text, Currency::USD).unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let expected = Decision {
            advice: "a-1".to_owned(),
            workload: "chat".to_owned(),
            state: DecisionState::Accepted,
            owner: Some("Mara".to_owned()),
            due: day("2026-11-15"),
            reason: None,
            decided: day("2026-11-01"),
            promise: Some(Promise {
                monthly_savings: usd("1306.70"),
                monthly_cost: Some(usd("1306.7")),
                unit: Some(UnitThen { unit: "1M tokens".to_owned(), cost: usd("6.43") }),
            }),
        };
        assert_eq!(parse_decisions(&text, "d.toml").unwrap().list, [expected]);
        assert_eq!(parse_decisions("", "d.toml").unwrap(), Decisions::default());
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
        let check = |rest: &str, expected: &str| {
            let error = parse_decisions(&format!("\n{ONE}{rest}"), "d.toml").unwrap_err();
            assert_eq!(error.to_string(), expected, "{rest}");
        };
        check(
            "state = \"maybe\"\n",
            "d.toml:2: state `maybe` is not one of accepted, rejected, snoozed, done",
        );
        check("state = \"snoozed\"\n", "d.toml:2: snoozed until when? add until = 2026-12-01");
        check(
            "state = \"snoozed\"\nuntil = 2026-13-01\n",
            "d.toml:6: invalid date, expected month between 01 and 12",
        );
        check(
            "state = \"snoozed\"\nuntil = \"soon\"\n",
            "d.toml:2: `until` is `soon`, which is not a date such as 2026-12-01",
        );
        check("state = \"done\"\nuntil = 2026-12-01\n", "d.toml:2: `until` says nothing of `done`");
        check(
            "state = \"rejected\"\ndue = 2026-12-01\n",
            "d.toml:2: `due` says nothing of what is rejected",
        );
        check("state = \"done\"\nowner = \" \"\n", "d.toml:2: `owner` is empty");
        check(
            "state = \"done\"\npromised_monthly_savings = \"5\"\n",
            "d.toml:2: amounts need a currency, such as currency = \"USD\"",
        );
        check(
            "state = \"done\"\ncurrency = \"USD\"\nbaseline_monthly_cost = \"5\"\n",
            "d.toml:2: a baseline is of a promise: add promised_monthly_savings",
        );
        check(
            "state = \"done\"\ncurrency = \"USD\"\npromised_monthly_savings = -5\n",
            "d.toml:2: `promised_monthly_savings` is `-5`, which is not an amount such as \"1306.70\"",
        );
        check(
            &format!("state = \"done\"\n{ONE}state = \"done\"\n"),
            "d.toml:6: `a-1` is decided twice, first in line 2",
        );
        let wrong = parse_decisions("[[decision]]\nadvise = \"a-1\"\n", "d.toml").unwrap_err();
        assert!(wrong.to_string().starts_with("d.toml:2: unknown field `advise`"), "{wrong}");
    }
}
