//! The advice against what was decided about it, and what was promised against what came of it.

use chrono::NaiveDate;
use serde::Serialize;

use super::ledger::{self, ToDateReport};
use super::model::{ReportModel, UnitCost, WorkloadReport};
use super::{number, weeks};
use crate::catalog::near_names;
use crate::ingest::{Decision, DecisionState, Decisions, Promise};
use crate::units::{Currency, Money, MoneyError, Timestamp};

/// The unit of a cost per million tokens.
pub(super) const MILLION_TOKENS: &str = "1M tokens";
/// The unit of a cost per thousand requests.
pub(super) const THOUSAND_REQUESTS: &str = "1k requests";

/// Which of the four sums a saving is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CountsAs {
    /// Nobody decided, a snooze is over, or it was done and still comes up.
    Open,
    /// Accepted, and not done yet.
    Approved,
    /// Rejected.
    Rejected,
    /// Put off until a later day.
    Snoozed,
}

impl CountsAs {
    /// `due` and `owner` change nothing: an overdue saving is still approved.
    fn of(state: DecisionState, today: NaiveDate) -> CountsAs {
        match state {
            DecisionState::Rejected => CountsAs::Rejected,
            DecisionState::Snoozed(_) if state.is_put_aside(today) => CountsAs::Snoozed,
            DecisionState::Accepted => CountsAs::Approved,
            DecisionState::Snoozed(_) | DecisionState::Done => CountsAs::Open,
        }
    }
}

/// What was decided about a piece of advice that still comes up.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DecisionReport {
    /// `accepted`, `rejected`, `snoozed` or `done`, as the file says.
    pub state: &'static str,
    /// The sum its saving is in.
    pub counts_as: CountsAs,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The day it is asked again.
    pub until: Option<String>,
    /// When it is to be done.
    pub due: Option<String>,
    /// True when it was accepted and that day is over.
    pub overdue: bool,
    /// Why.
    pub reason: Option<String>,
    /// When it was decided.
    pub decided: Option<String>,
}

impl DecisionReport {
    fn of(decision: &Decision, today: NaiveDate) -> DecisionReport {
        let counts_as = CountsAs::of(decision.state, today);
        let is_late = decision.due.is_some_and(|due| due < today);
        let until = match decision.state {
            DecisionState::Snoozed(until) => Some(until),
            _ => None,
        };
        let text = |it: Option<NaiveDate>| it.map(|it| it.to_string());
        DecisionReport {
            state: decision.state.as_str(),
            counts_as,
            owner: decision.owner.clone(),
            until: text(until),
            due: text(decision.due),
            overdue: counts_as == CountsAs::Approved && is_late,
            reason: decision.reason.clone(),
            decided: text(decision.decided),
        }
    }
}

/// The savings of the advice by what was decided: identified = open + approved + rejected + snoozed,
/// to the last digit. 10 open, 3 approved, 2 rejected and 1 snoozed are 16 identified, 13 asked for.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SavingsByDecision {
    /// All, equal to `totals.monthly_savings`.
    pub identified: Money,
    /// Undecided, or asked again.
    pub open: Money,
    /// Accepted.
    pub approved: Money,
    /// Rejected.
    pub rejected: Money,
    /// Snoozed.
    pub snoozed: Money,
    /// Open + approved: the total a reader is asked to go for.
    pub asked_for: Money,
    /// The baseline of all workloads less what is asked for.
    pub monthly_cost_after: Option<Money>,
}

impl SavingsByDecision {
    /// Without any decision: everything is open.
    pub(super) fn all_open(identified: Money, after: Option<Money>) -> SavingsByDecision {
        let zero = Money::zero(identified.currency());
        SavingsByDecision {
            identified,
            open: identified,
            approved: zero,
            rejected: zero,
            snoozed: zero,
            asked_for: identified,
            monthly_cost_after: after,
        }
    }

    fn of(report: &ReportModel) -> Result<SavingsByDecision, MoneyError> {
        let sum = |wanted: CountsAs| {
            let counted = |it: &&WorkloadReport| counts_as(it) == wanted;
            let savings =
                report.workloads.iter().filter(counted).map(|it| it.advice.monthly_savings);
            Money::sum(savings, report.currency)
        };
        let (open, approved) = (sum(CountsAs::Open)?, sum(CountsAs::Approved)?);
        let asked_for = open.checked_add(approved)?;
        let baseline = report.totals.baseline_monthly_cost;
        Ok(SavingsByDecision {
            identified: report.totals.monthly_savings,
            open,
            approved,
            rejected: sum(CountsAs::Rejected)?,
            snoozed: sum(CountsAs::Snoozed)?,
            asked_for,
            monthly_cost_after: baseline.map(|it| it.checked_sub(asked_for)).transpose()?,
        })
    }
}

/// The sum that the saving of a workload's advice is in.
pub(super) fn counts_as(workload: &WorkloadReport) -> CountsAs {
    workload.advice.decision.as_ref().map_or(CountsAs::Open, |it| it.counts_as)
}

/// Whether a reader is asked to follow the advice: it is open or approved.
pub(super) fn is_asked(workload: &WorkloadReport) -> bool {
    matches!(counts_as(workload), CountsAs::Open | CountsAs::Approved)
}

/// What was promised with a decision, and what came of it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PromiseReport {
    /// The advice.
    pub advice: String,
    /// The workload.
    pub workload: String,
    /// What was decided.
    pub state: &'static str,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When it was decided.
    pub decided: Option<String>,
    /// The currency of the promise.
    pub currency: Currency,
    /// What was to be saved in a month of 730 hours.
    pub promised_monthly_savings: Money,
    /// What is saved at the traffic of then: (cost of a unit then - now) x the units of a month then.
    pub realised_monthly_savings: Option<Money>,
    /// The unit.
    pub unit: Option<String>,
    /// What a unit cost then.
    pub unit_cost_then: Option<Money>,
    /// What it costs now.
    pub unit_cost_now: Option<Money>,
    /// Why the realised saving is not known.
    pub not_known: Option<String>,
    /// By how much traffic moved the bill of a month, which is in neither saving.
    pub bill_moved_by_traffic: Option<Money>,
    /// Why promised and realised differ, as far as it is known.
    pub why: Option<String>,
    /// Both from the first day on; nothing for what was not agreed to or has no day.
    pub to_date: Option<ToDateReport>,
}

/// Marks the advice with the decisions, splits the savings by them, and says what to look at.
/// `as_of` is the clock: its day in the zone of the report is today. The plan by week is made again, for
/// what was rejected or put off takes no hours.
pub fn respect(
    report: &mut ReportModel,
    decisions: &Decisions,
    (as_of, hours_per_week): (Timestamp, f64),
) -> Result<(), MoneyError> {
    let today = weeks::today(report, as_of);
    let mut notices = Vec::new();
    for decision in &decisions.list {
        match report.workloads.iter_mut().find(|it| it.advice.id == decision.advice) {
            Some(workload) => {
                notices.extend(still_up(decision, workload, today));
                workload.advice.decision = Some(DecisionReport::of(decision, today));
            }
            None => notices.extend(no_longer_up(decision, report)),
        }
    }
    notices.append(&mut report.notices);
    report.notices = notices;
    report.portfolio.savings_by_decision = SavingsByDecision::of(report)?;
    weeks::plan(report, as_of, hours_per_week)?;
    let promised = |it: &Decision| Some(promise(it, it.promise.as_ref()?, report));
    let promises = decisions.list.iter().filter_map(promised);
    report.portfolio.promises = promises.collect::<Result<_, _>>()?;
    Ok(())
}

fn in_words(day: NaiveDate) -> String {
    number::date(&day.to_string())
}

/// What the reader must know of advice that was decided and comes up again.
fn still_up(decision: &Decision, workload: &WorkloadReport, today: NaiveDate) -> Option<String> {
    let (id, name) = (&decision.advice, &workload.name);
    match decision.state {
        DecisionState::Accepted => {
            let due = decision.due.filter(|due| *due < today)?;
            let whose = decision.owner.as_ref().map_or_else(String::new, |it| format!(" of {it}"));
            Some(format!(
                "{name}: the approved saving of {}{whose} was due on {}, and its advice {id} still comes up",
                workload.advice.monthly_savings,
                in_words(due)
            ))
        }
        DecisionState::Snoozed(until) if until <= today => Some(format!(
            "{name}: the snooze of {id} ended on {}, so it is asked for again",
            in_words(until)
        )),
        DecisionState::Done => Some(format!(
            "{name}: {id} is marked done, and still comes up: the change is not in the data, or it was undone"
        )),
        DecisionState::Snoozed(_) | DecisionState::Rejected => None,
    }
}

/// What to do about a decision whose advice does not come up; nothing where that is the aim.
fn no_longer_up(decision: &Decision, report: &ReportModel) -> Option<String> {
    if decision.state == DecisionState::Done {
        return None;
    }
    let (id, name) = (&decision.advice, &decision.workload);
    let state = decision.state.as_str();
    if let Some(now) = report.workloads.iter().find(|it| it.name == *name) {
        let is_to_do = now.advice.plan_id.is_some() || now.advice.action == "stop";
        let (then, action) = (&now.advice.id, now.advice.action.replace('_', " "));
        return Some(if is_to_do {
            format!(
                "{name}: the advice {id}, which was {state}, no longer comes up; it is now {then} ({action}): decide \
                 on that one, and mark {id} done or take it out of the decisions"
            )
        } else {
            format!(
                "{name}: the advice {id}, which was {state}, no longer comes up; it is now to {action}, of which \
                 nothing is to be decided: mark {id} done or take it out of the decisions"
            )
        });
    }
    let known = report.workloads.iter().map(|it| it.name.as_str());
    let near = near_names(name, known);
    Some(format!(
        "the data have no workload {name}{near}, whose advice {id} was {state}: mark it done if that is why, or \
         take it out of the decisions"
    ))
}

fn promise(
    decision: &Decision,
    promise: &Promise,
    report: &ReportModel,
) -> Result<PromiseReport, MoneyError> {
    let workload = report.workloads.iter().find(|it| it.name == decision.workload);
    let now =
        workload.and_then(|it| unit_cost(&it.baseline.unit_cost, &promise.unit.as_ref()?.unit));
    // A saving that is still up was not carried out: what moved its unit cost is not of the action.
    let is_up = workload.is_some_and(|it| it.advice.id == decision.advice);
    let found = if is_up { Err(STILL_UP.to_owned()) } else { realised(promise, workload, now) };
    let saved = found.as_ref().ok().copied();
    let mut it = PromiseReport {
        advice: decision.advice.clone(),
        workload: decision.workload.clone(),
        state: decision.state.as_str(),
        owner: decision.owner.clone(),
        decided: decision.decided.map(|it| it.to_string()),
        currency: promise.monthly_savings.currency(),
        promised_monthly_savings: promise.monthly_savings,
        realised_monthly_savings: saved,
        unit: promise.unit.as_ref().map(|it| it.unit.clone()),
        unit_cost_then: promise.unit.as_ref().map(|it| it.cost),
        unit_cost_now: now,
        not_known: found.err(),
        bill_moved_by_traffic: ledger::moved_by_traffic(promise, saved, workload)?,
        why: None,
        to_date: ledger::to_date(decision, (promise.monthly_savings, saved), report)?,
    };
    it.why = ledger::why(decision, &it, workload);
    Ok(it)
}

/// Why nothing is said of what came of a promise.
const STILL_UP: &str = "its advice still comes up: what moved its unit cost is not of the action";

/// The cost of one `unit` by its name.
fn unit_cost(costs: &UnitCost, unit: &str) -> Option<Money> {
    match (&costs.per_unit, unit) {
        (Some(own), unit) if own.name == unit => Some(own.cost),
        (_, MILLION_TOKENS) => costs.per_million_tokens,
        (_, THOUSAND_REQUESTS) => costs.per_thousand_requests,
        _ => None,
    }
}

/// What is saved at the traffic of then, or why that is not known. A month of 1,000.00 at 4.00 a unit
/// was 250 units; at 3.00 a unit they cost 750.00, so 250.00 are saved.
fn realised(
    promise: &Promise,
    workload: Option<&WorkloadReport>,
    now: Option<Money>,
) -> Result<Money, String> {
    let Some(cost) = promise.monthly_cost else {
        return Err("its cost was not known when it was decided".to_owned());
    };
    let too_large = |_| "the amounts are too large to compare".to_owned();
    // What saved all of its cost was stopped, and what is gone costs nothing.
    let is_stop = promise.monthly_savings == cost;
    let (Some(_), Some(then)) = (workload, promise.unit.as_ref().filter(|_| !is_stop)) else {
        return match workload {
            None if is_stop => Ok(cost),
            None => Err("the data no longer have the workload".to_owned()),
            // Nothing tells traffic, so it counts as unchanged.
            Some(workload) => workload
                .baseline
                .monthly_cost
                .ok_or_else(|| "what it costs now is not known".to_owned())
                .and_then(|now| cost.checked_sub(now).map_err(too_large)),
        };
    };
    let Some(now) = now else {
        return Err(format!("what {} costs now is not known", then.unit));
    };
    if now.currency() != cost.currency() {
        return Err(format!("it was promised in {}", cost.currency()));
    }
    if now.is_negative() {
        return Err("credits exceed what it costs now".to_owned());
    }
    let (numerator, denominator) = ratio(now, then.cost);
    let same_traffic = cost.scale(numerator, denominator).map_err(too_large)?;
    cost.checked_sub(same_traffic).map_err(too_large)
}

/// Two amounts as whole numbers of one small part of the currency: the smallest in which both fit.
fn ratio(numerator: Money, denominator: Money) -> (u64, u64) {
    let mut part = 1_u128;
    loop {
        let whole = |it: Money| u64::try_from(it.atto().unsigned_abs() / part);
        match (whole(numerator), whole(denominator)) {
            (Ok(numerator), Ok(denominator)) => return (numerator, denominator),
            _ => part *= 10,
        }
    }
}
