//! Findings that one workload does not show: a second environment, and commitments nothing used.

use chrono_tz::Tz;

use super::super::evidence::number;
use super::ledger::{Hour, Ledger};
use super::{Waste, WasteKind, ask};
use crate::catalog::{Assumptions, Waste as Limits};
use crate::units::{Fraction, Money};
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

/// What is looked at of a workload beside the others.
#[derive(Clone, Debug)]
pub struct Examined {
    name: String,
    owner: Option<String>,
    /// Model and GPU, where both are known.
    runs: Option<(String, String)>,
    is_production: bool,
    requests: Option<u64>,
    gpu_active: Option<Fraction>,
    /// Set where it may be a second environment: paid around the clock, and used.
    around_the_clock: Option<Around>,
}

/// What is paid around the clock.
#[derive(Clone, Copy, Debug)]
struct Around {
    paid_hours: usize,
    hours: usize,
    /// What could be stopped and no finding has claimed.
    left: Money,
}

impl Examined {
    /// Whose it is.
    pub(in crate::classify) fn name(&self) -> &str {
        &self.name
    }

    /// A workload with what [`super::waste`] found in it.
    pub fn of(
        workload: &Workload,
        waste: &[Waste],
        zone: Tz,
        assumptions: &Assumptions,
    ) -> Examined {
        let deployment = &workload.deployment;
        let runs = deployment.model.clone().zip(deployment.gpu.clone());
        let is_production = is_production(workload);
        let may_be_second = runs.is_some() && !is_production && !workload.settings.standby;
        let limits = &assumptions.waste;
        Examined {
            name: workload.name.clone(),
            owner: workload.owner.clone(),
            runs,
            is_production,
            requests: workload.totals.requests,
            gpu_active: workload.totals.gpu_util,
            around_the_clock: may_be_second
                .then(|| around_the_clock(workload, waste, zone, limits))
                .flatten(),
        }
    }
}

/// Nothing where it is not paid in nearly all hours, or never used, or where nothing is left to stop.
fn around_the_clock(
    workload: &Workload,
    waste: &[Waste],
    zone: Tz,
    limits: &Limits,
) -> Option<Around> {
    let ledger = Ledger::of(workload, zone, limits)?;
    let paid_hours = ledger.hours.iter().filter(|it| it.is_paid()).count();
    let hours = ledger.hours.len();
    let is_covered = paid_hours as f64 >= limits.covered_share * hours as f64;
    let is_used = ledger.hours.iter().any(Hour::is_used);
    let left = if is_covered && is_used { left(workload, waste)? } else { return None };
    Some(Around { paid_hours, hours, left })
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
    examined: &[Examined],
    unused: &[Unused],
    assumptions: &Assumptions,
) -> Vec<Waste> {
    let limits = &assumptions.waste;
    let duplicates = examined.iter().filter_map(|it| duplicated(it, examined, limits));
    duplicates.chain(unused.iter().filter_map(unused_commitment)).collect()
}

/// A non-production workload paid around the clock with little use, beside production of the same
/// model on the same GPU.
fn duplicated(it: &Examined, all: &[Examined], limits: &Limits) -> Option<Waste> {
    let around = it.around_the_clock?;
    let (model, gpu) = it.runs.as_ref()?;
    let same = |other: &&Examined| other.is_production && other.runs == it.runs;
    let (production, use_in_words) = all
        .iter()
        .filter(same)
        .find_map(|other| little_use(it, other, limits).map(|words| (&other.name, words)))?;
    let evidence = format!(
        "{model} on {gpu} as in {production}, paid in {} of {} hours: {use_in_words}.",
        around.paid_hours, around.hours
    );
    let action = format!(
        "{} whether it must run around the clock: start it for tests, or scale it to zero between them.",
        ask(it.owner.as_deref())
    );
    Some(Waste {
        kind: WasteKind::DuplicatedEnvironment,
        workload: Some(it.name.clone()),
        confirmed: false,
        cost: Some(around.left),
        gpu_hours: None,
        evidence,
        action,
        owner: it.owner.clone(),
    })
}

/// Requests against those of production, else GPUs active, where they are few.
fn little_use(own: &Examined, production: &Examined, limits: &Limits) -> Option<String> {
    if let (Some(few), Some(many)) = (own.requests, production.requests) {
        let share = few as f64 / many.max(1) as f64;
        return (many > 0 && share <= limits.duplicate_use_share)
            .then(|| format!("{few} requests against {many}, {} %", number(share * 100.0)));
    }
    let active = own.gpu_active?;
    (active.get() <= limits.duplicate_gpu_active)
        .then(|| format!("its GPUs {} % active", number(active.percent())))
}

/// What could be stopped and no finding has claimed.
fn left(workload: &Workload, waste: &[Waste]) -> Option<Money> {
    let currency = workload.costs.first()?.cost.currency();
    let sum = |committed: bool| {
        let costs = workload.costs.iter();
        let of = costs.filter(|it| (it.category == PricingCategory::Committed) == committed);
        Money::sum(of.map(|it| it.cost), currency).ok()
    };
    let claimed = |committed: bool| {
        let of = waste
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
