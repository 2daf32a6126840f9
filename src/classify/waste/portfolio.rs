//! Findings that one workload does not show: a second environment, and commitments nothing used.

use chrono_tz::Tz;

use super::super::evidence::number;
use super::ledger::{Hour, Ledger};
use super::{Case, Claim, Waste, WasteKind};
use crate::catalog::{Assumptions, Waste as Limits};
use crate::units::Money;
use crate::workload::{PricingCategory, Workload};

/// Words of environments and names that are not production.
const NOT_PRODUCTION: [&str; 11] = [
    "dev",
    "development",
    "test",
    "testing",
    "qa",
    "uat",
    "stage",
    "staging",
    "stg",
    "preprod",
    "sandbox",
];
/// Commitments named in a sentence.
const MOST_NAMED: usize = 5;

/// A workload with its own findings.
#[derive(Clone, Copy, Debug)]
pub struct Examined<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// What [`super::waste`] found.
    pub waste: &'a [Waste],
}

/// Capacity the bill itself calls unused, in no workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Unused {
    /// `commitments` or `reserved capacity`.
    pub what: &'static str,
    /// Effective cost.
    pub cost: Money,
    /// The part of single commitments, where the bill names them.
    pub by_id: Vec<(String, Money)>,
}

/// The findings across workloads: duplicated environments, each claiming what the workload's own
/// findings left, then unused commitments and reservations.
pub fn portfolio_waste(
    examined: &[Examined<'_>],
    unused: &[Unused],
    zone: Tz,
    assumptions: &Assumptions,
) -> Vec<Waste> {
    let limits = &assumptions.waste;
    let duplicates = examined.iter().filter_map(|it| duplicated(it, examined, zone, limits));
    duplicates.chain(unused.iter().filter_map(unused_commitment)).collect()
}

/// A non-production workload paid around the clock with little use, beside production of the same
/// model on the same GPU.
fn duplicated(it: &Examined<'_>, all: &[Examined<'_>], zone: Tz, limits: &Limits) -> Option<Waste> {
    let workload = it.workload;
    let (model, gpu) = (workload.deployment.model.as_ref()?, workload.deployment.gpu.as_ref()?);
    if is_production(workload) || workload.settings.standby {
        return None;
    }
    let ledger = Ledger::of(workload, zone, limits)?;
    let paid = ledger.hours.iter().filter(|it| it.is_paid()).count();
    let n = ledger.hours.len();
    if (paid as f64) < limits.covered_share * n as f64 || !ledger.hours.iter().any(Hour::is_used) {
        return None;
    }
    let same = |other: &&Examined<'_>| {
        let deployment = &other.workload.deployment;
        is_production(other.workload)
            && deployment.model.as_ref() == Some(model)
            && deployment.gpu.as_ref() == Some(gpu)
    };
    let (production, use_in_words) = all.iter().filter(same).find_map(|other| {
        little_use(workload, other.workload, limits).map(|words| (other.workload, words))
    })?;
    let cost = left(it)?;
    let case = Case { workload, zone, limits };
    let evidence = format!(
        "{model} on {gpu} as in {}, paid in {paid} of {n} hours: {use_in_words}.",
        production.name
    );
    let action = format!(
        "{} whether it must run around the clock: start it for tests, or scale it to zero between them.",
        case.ask()
    );
    let claim = Claim { cost, gpu_hours: None };
    let said = (evidence, action);
    Some(case.finding(WasteKind::DuplicatedEnvironment, false, Some(claim), said))
}

/// Requests against those of production, else GPUs active, where they are few.
fn little_use(own: &Workload, production: &Workload, limits: &Limits) -> Option<String> {
    if let (Some(few), Some(many)) = (own.totals.requests, production.totals.requests) {
        let share = few as f64 / many.max(1) as f64;
        return (many > 0 && share <= limits.duplicate_use_share)
            .then(|| format!("{few} requests against {many}, {} %", number(share * 100.0)));
    }
    let active = own.totals.gpu_util?;
    (active.get() <= limits.duplicate_gpu_active)
        .then(|| format!("its GPUs {} % active", number(active.percent())))
}

/// What could be stopped and no finding has claimed.
fn left(it: &Examined<'_>) -> Option<Money> {
    let currency = it.workload.costs.first()?.cost.currency();
    let sum = |committed: bool| {
        let costs = it.workload.costs.iter();
        let of = costs.filter(|it| (it.category == PricingCategory::Committed) == committed);
        Money::sum(of.map(|it| it.cost), currency).ok()
    };
    let claimed = |committed: bool| {
        let of = it
            .waste
            .iter()
            .filter(|it| (it.kind == WasteKind::UnusedCommitment) == committed)
            .filter_map(|it| it.cost);
        Money::sum(of, currency).ok()
    };
    let stoppable = sum(false)?.checked_sub(claimed(false)?).ok()?;
    // A credit on the committed part lowers what may be claimed in all.
    let committed = sum(true)?.checked_sub(claimed(true)?).ok()?;
    let all = stoppable.checked_add(committed).ok()?;
    let left = if all < stoppable { all } else { stoppable };
    (left.atto() > 0).then_some(left)
}

/// Neither its environment nor, where none is given, a word of its name says otherwise.
fn is_production(workload: &Workload) -> bool {
    let text = workload.environment.as_ref().unwrap_or(&workload.name).to_ascii_lowercase();
    let mut words = text.split(|it: char| !it.is_ascii_alphanumeric());
    !words.any(|it| NOT_PRODUCTION.contains(&it))
}

/// What the bill says was paid and covered nothing.
fn unused_commitment(unused: &Unused) -> Option<Waste> {
    let Unused { what, cost, by_id } = unused;
    if cost.atto() <= 0 {
        return None;
    }
    let named: Vec<String> =
        by_id.iter().take(MOST_NAMED).map(|(id, cost)| format!("{id} {cost}")).collect();
    let more = match by_id.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let ids =
        if named.is_empty() { String::new() } else { format!(": {}{more}", named.join(", ")) };
    Some(Waste {
        kind: WasteKind::UnusedCommitment,
        workload: None,
        confirmed: true,
        cost: Some(*cost),
        gpu_hours: None,
        evidence: format!(
            "The bill counts this as unused {what}, which may be for more than GPUs{ids}."
        ),
        action: "Paid either way: move pay-as-you-go workloads that it covers onto it, and do not renew what stays unused.".to_owned(),
        owner: None,
    })
}
