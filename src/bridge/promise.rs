//! What became of the advice of the earlier month, and what it saved.

use super::month::{Advised, Deployment, Month, PlanAdvised, Spend};
use super::steps::scaled;
use crate::size::Precision;
use crate::units::{Money, MoneyError};
use crate::workload::PricingCategory;

/// Microseconds of the month that savings are told for.
const MONTH_US: u64 = 730 * 3_600_000_000;

/// Advice to change something, a month later.
#[derive(Clone, Debug)]
pub struct Promise {
    /// The workload.
    pub workload: String,
    /// The id of the advice.
    pub id: String,
    /// What it was.
    pub action: String,
    /// What it was to save in 730 hours.
    pub promised: Money,
    /// What became of it.
    pub outcome: Outcome,
    /// What shows that.
    pub evidence: String,
    /// What it saves in 730 hours at the traffic of the earlier month; only where it was followed
    /// and both costs are known.
    pub realised: Option<Money>,
    /// What traffic was counted in; nothing where no unit is known, so that traffic counts as
    /// unchanged.
    pub unit: Option<Unit>,
    /// What the traffic that came on top would have cost more at the old unit cost, in 730 hours.
    /// It is cost avoidance: the bill grows less, it does not fall.
    pub avoided: Option<Money>,
}

/// What became of an advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The deployment or the cost moved to what was advised.
    Followed,
    /// The later report gives the same advice.
    Open,
    /// The later report does not repeat it, and nothing shows that it was followed.
    NotSeen,
    /// The workload ended, which was not advised.
    Ended,
}

impl Outcome {
    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Followed => "followed",
            Outcome::Open => "open",
            Outcome::NotSeen => "not_seen",
            Outcome::Ended => "ended",
        }
    }
}

/// What traffic is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Prompt and completion tokens.
    Tokens,
    /// Requests.
    Requests,
}

impl Unit {
    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Tokens => "tokens",
            Unit::Requests => "requests",
        }
    }
}

/// What a workload cost over a window, and what it did for it.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Effective cost.
    pub cost: Option<Money>,
    /// Tokens, prompt and completion.
    pub tokens: Option<u64>,
    /// Requests.
    pub requests: Option<u64>,
    /// Length of the window.
    pub window_us: u64,
}

impl Traffic {
    fn of(spend: &Spend, month: &Month) -> Traffic {
        Traffic {
            cost: spend.cost,
            tokens: spend.tokens,
            requests: spend.requests,
            window_us: u64::try_from(month.window.len_us()).unwrap_or(0),
        }
    }
}

/// A saving at constant traffic, and what was avoided beside it.
#[derive(Clone, Copy, Debug)]
pub struct Realised {
    /// What is saved in 730 hours at the traffic of before.
    pub saving: Money,
    /// What traffic was counted in; nothing where it is taken as unchanged.
    pub unit: Option<Unit>,
    /// What the traffic that came on top would have cost more before, in 730 hours.
    pub avoided: Option<Money>,
}

/// All advice of `old` to change something, the largest promise first.
pub(super) fn promises(old: &Month, new: &Month) -> Result<Vec<Promise>, MoneyError> {
    let mut all = Vec::new();
    for (name, before) in &old.workloads {
        let is_change = matches!(before.advice.action.as_str(), "switch" | "stop" | "schedule");
        if is_change {
            all.push(promise(name, before, (old, new))?);
        }
    }
    all.sort_by(|a: &Promise, b| {
        b.promised.atto().cmp(&a.promised.atto()).then_with(|| a.workload.cmp(&b.workload))
    });
    Ok(all)
}

fn promise(
    name: &str,
    before: &Spend,
    (old, new): (&Month, &Month),
) -> Result<Promise, MoneyError> {
    let advice = &before.advice;
    let after = new.workloads.get(name);
    let then = after.map(|it| Traffic::of(it, new));
    let found = realised(Traffic::of(before, old), then, before.advice.action == "stop")?;
    let (outcome, evidence) = observed(before, after, found.as_ref());
    let found = found.filter(|_| outcome == Outcome::Followed);
    Ok(Promise {
        workload: name.to_owned(),
        id: advice.id.clone(),
        action: advice.action.clone(),
        promised: advice.monthly_savings,
        outcome,
        evidence,
        realised: found.map(|it| it.saving),
        unit: found.and_then(|it| it.unit),
        avoided: found.and_then(|it| it.avoided),
    })
}

/// The saving at constant traffic, u being the cost of a unit and q0 the units of the earlier month:
/// `(u0 - u1) x q0 = C0 - C1 x q0/q1`, for 730 hours instead of the earlier window. Without a unit,
/// and for a stop, the cost of 730 hours before less that after.
///
/// 720 USD for 1,000 requests in 720 h become 372 USD for 1,200 in 744 h: 720 - 372 x 1000/1200 =
/// 410 USD in 720 h, 415.694444444 a month. At 730/744 x 1,200 requests a month the old unit cost
/// comes to 482.741935484 more than the new one: 67.047491040 of that is cost avoidance.
pub fn realised(
    before: Traffic,
    after: Option<Traffic>,
    is_stop: bool,
) -> Result<Option<Realised>, MoneyError> {
    let (w0, w1) = (before.window_us, after.map_or(1, |it| it.window_us));
    let Some(c0) = before.cost else { return Ok(None) };
    let monthly = scaled(c0, MONTH_US, w0)?;
    let Some(after) = after else {
        return Ok(Some(Realised { saving: monthly, unit: None, avoided: None }));
    };
    let Some(c1) = after.cost else { return Ok(None) };
    let Some((unit, q0, q1)) = traffic(&before, &after).filter(|_| !is_stop) else {
        let saving = monthly.checked_sub(scaled(c1, MONTH_US, w1)?)?;
        return Ok(Some(Realised { saving, unit: None, avoided: None }));
    };
    let saving = scaled(c0.checked_sub(scaled(c1, q0, q1)?)?, MONTH_US, w0)?;
    let at_new_traffic = scaled(scaled(c0, q1, q0)?.checked_sub(c1)?, MONTH_US, w1)?;
    let more = at_new_traffic.checked_sub(saving)?;
    let avoided = (saving.atto() > 0 && more.atto() > 0).then_some(more);
    Ok(Some(Realised { saving, unit: Some(unit), avoided }))
}

/// Tokens, else requests, where both months have some.
fn traffic(before: &Traffic, after: &Traffic) -> Option<(Unit, u64, u64)> {
    let both = |a: Option<u64>, b: Option<u64>| a.zip(b).filter(|it| it.0 > 0 && it.1 > 0);
    let tokens = both(before.tokens, after.tokens).map(|(a, b)| (Unit::Tokens, a, b));
    tokens.or_else(|| both(before.requests, after.requests).map(|(a, b)| (Unit::Requests, a, b)))
}

fn observed(before: &Spend, after: Option<&Spend>, found: Option<&Realised>) -> (Outcome, String) {
    let advice = &before.advice;
    let Some(after) = after else {
        return match advice.action.as_str() {
            "stop" => (Outcome::Followed, "it has no cost and no use any more".to_owned()),
            _ => (Outcome::Ended, "the workload is not there any more".to_owned()),
        };
    };
    if after.advice.id == advice.id {
        return (Outcome::Open, "the same advice stands in the later report".to_owned());
    }
    let asked = advice.plan.as_ref().map(|plan| changes(plan, &before.deployment));
    let asked = asked.filter(|it| !it.is_empty());
    if let (Some(plan), Some(asked)) = (&advice.plan, asked) {
        let left = changes(plan, &after.deployment);
        let (open, done): (Vec<_>, Vec<_>) = asked.into_iter().partition(|it| left.contains(it));
        return match (open.as_slice(), done.as_slice()) {
            ([], done) => (Outcome::Followed, format!("{} as advised", done.join(", "))),
            (open, []) => (Outcome::NotSeen, format!("{} not as advised", open.join(", "))),
            (open, done) => {
                let text = format!("{} as advised, {} not", done.join(", "), open.join(", "));
                (Outcome::NotSeen, text)
            }
        };
    }
    by_cost(advice, found)
}

/// Where the bill cannot show the change itself, its cost must be nearer to the promise than to
/// nothing saved.
fn by_cost(advice: &Advised, found: Option<&Realised>) -> (Outcome, String) {
    let Some(found) = found else {
        return (Outcome::NotSeen, "its cost is not known in both months".to_owned());
    };
    let saved = found.saving.atto().saturating_mul(2);
    let basis = match found.unit {
        Some(_) => "its cost at constant traffic",
        None => "its cost",
    };
    if saved > 0 && saved >= advice.monthly_savings.atto() {
        (Outcome::Followed, format!("{basis} is nearer to the advised than to the old one"))
    } else {
        (Outcome::NotSeen, format!("{basis} is nearer to the old than to the advised one"))
    }
}

/// In what a plan differs from a deployment, as far as the deployment is known.
fn changes(plan: &PlanAdvised, now: &Deployment) -> Vec<&'static str> {
    let seller = |name: &str| name.trim_end_matches("-serverless").to_owned();
    let provider = now.provider.as_deref().map(seller);
    let precision = now.precision.as_deref().and_then(Precision::parse);
    let is_other = [
        ("provider", provider.is_some_and(|it| it != seller(&plan.provider))),
        ("GPU", now.gpu.as_ref().is_some_and(|it| *it != plan.gpu)),
        ("purchase", category(&plan.purchase).is_some_and(|it| it != now.purchase)),
        (
            "precision",
            precision.zip(Precision::parse(&plan.precision)).is_some_and(|(a, b)| a != b),
        ),
    ];
    is_other.into_iter().filter(|it| it.1).map(|it| it.0).collect()
}

/// The pricing category by which a bill shows a way to buy.
fn category(purchase: &str) -> Option<PricingCategory> {
    Some(match purchase {
        it if it.starts_with("payg") || it == "shared" => PricingCategory::Standard,
        it if it.starts_with("reserved") => PricingCategory::Committed,
        it if it.starts_with("spot") => PricingCategory::Dynamic,
        it if it.starts_with("serverless") => PricingCategory::Serverless,
        _ => return None,
    })
}
