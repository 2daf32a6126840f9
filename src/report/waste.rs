//! What is paid and not used, over all workloads.

use super::build::Analysed;
use super::model::{PortfolioWaste, Reconciliation, WasteReport};
use crate::classify::{Fleet, Unused, Waste, WasteKind};
use crate::ingest::Fate;
use crate::units::{Currency, Money, MoneyError};

/// Why the amounts are no savings.
const BASIS: &str = "effective cost of the window, no hour twice; not added to the savings, of which the advice already claims a part";

/// Sums the findings of the workloads and those across them.
pub(super) fn portfolio(
    analysed: &[Analysed],
    fleet: &Fleet,
    currency: Currency,
) -> Result<PortfolioWaste, MoneyError> {
    let sum = |of: &dyn Fn(&Waste) -> bool| {
        let own = analysed.iter().flat_map(|it| &it.description.waste);
        Ok::<_, MoneyError>(total(own.chain(&fleet.waste), of)?.unwrap_or(Money::zero(currency)))
    };
    let standby = analysed.iter().filter(|it| it.workload.settings.standby);
    Ok(PortfolioWaste {
        confirmed_waste: sum(&|it| it.confirmed)?,
        to_investigate: sum(&is_open)?,
        not_measured: sum(&|it| it.kind == WasteKind::DataMissing)?,
        waste_basis: BASIS,
        waste: fleet.waste.iter().map(report).collect(),
        standby: standby.map(|it| it.workload.name.clone()).collect(),
    })
}

/// What some findings cost together; nothing where none has an amount.
pub(super) fn total<'a>(
    all: impl Iterator<Item = &'a Waste>,
    of: impl Fn(&Waste) -> bool,
) -> Result<Option<Money>, MoneyError> {
    let costs: Vec<Money> = all.filter(|it| of(it)).filter_map(|it| it.cost).collect();
    costs.first().map(|it| it.currency()).map(|it| Money::sum(costs, it)).transpose()
}

/// Whether a finding is to investigate. Missing data is no waste.
pub(super) fn is_open(it: &Waste) -> bool {
    !it.confirmed && it.kind != WasteKind::DataMissing
}

/// What the bill says nothing used.
pub fn unused(account: &Reconciliation) -> Vec<Unused> {
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
