//! What is paid and not used, over all workloads.

use super::build::{Analysed, RunFacts};
use super::model::{PortfolioWaste, Reconciliation, WasteReport};
use crate::classify::{self, Examined, Unused, Waste, WasteKind};
use crate::ingest::Fate;
use crate::units::{Currency, Money, MoneyError};

/// Why the amounts are no savings.
const BASIS: &str = "effective cost of the window, no hour twice; not added to the savings, of which the advice already claims a part";

/// Gives each workload the findings that only show beside others, and sums all of them.
pub(super) fn portfolio(
    analysed: &mut [Analysed],
    account: &Reconciliation,
    run: RunFacts<'_>,
) -> Result<PortfolioWaste, MoneyError> {
    let examined: Vec<Examined<'_>> =
        analysed.iter().map(|it| Examined { workload: &it.workload, waste: &it.waste }).collect();
    let unused = unused(account);
    let across = classify::portfolio_waste(&examined, &unused, run.zone, &run.catalog.assumptions);
    let mut findings = Vec::new();
    for waste in across {
        match analysed.iter_mut().find(|it| Some(&it.workload.name) == waste.workload.as_ref()) {
            Some(owner) => owner.waste.push(waste),
            None => findings.push(waste),
        }
    }
    let all: Vec<&Waste> = analysed.iter().flat_map(|it| &it.waste).chain(&findings).collect();
    let currency = run.ingested.reconciliation.currency;
    let standby = analysed.iter().filter(|it| it.workload.settings.standby);
    Ok(PortfolioWaste {
        confirmed_waste: sum(&all, currency, |it| it.confirmed)?,
        to_investigate: sum(&all, currency, |it| {
            !it.confirmed && it.kind != WasteKind::DataMissing
        })?,
        not_measured: sum(&all, currency, |it| it.kind == WasteKind::DataMissing)?,
        waste_basis: BASIS,
        waste: findings.iter().map(report).collect(),
        standby: standby.map(|it| it.workload.name.clone()).collect(),
    })
}

fn sum(
    all: &[&Waste],
    currency: Currency,
    of: impl Fn(&Waste) -> bool,
) -> Result<Money, MoneyError> {
    Money::sum(all.iter().filter(|it| of(it)).filter_map(|it| it.cost), currency)
}

/// What the bill says nothing used.
fn unused(account: &Reconciliation) -> Vec<Unused> {
    let by_id = account
        .by_commitment
        .iter()
        .filter_map(|it| Some((it.id.clone(), it.effective_unused?)))
        .filter(|it| it.1.atto() > 0)
        .collect();
    let commitments = account.cost_of(Fate::CommitmentUnused);
    let capacity = account.cost_of(Fate::CapacityUnused);
    let commitments = commitments.map(|cost| Unused { what: "commitments", cost, by_id });
    let capacity =
        capacity.map(|cost| Unused { what: "reserved capacity", cost, by_id: Vec::new() });
    commitments.into_iter().chain(capacity).collect()
}

/// A finding as the report holds it.
pub(super) fn report(waste: &Waste) -> WasteReport {
    WasteReport {
        finding: waste.kind.as_str().to_owned(),
        confirmed: waste.confirmed,
        cost: waste.cost,
        gpu_hours: waste.gpu_hours,
        evidence: waste.evidence.clone(),
        action: waste.action.clone(),
    }
}
