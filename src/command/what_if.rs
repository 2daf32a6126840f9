//! The questions of `--what-if` put to the catalog and the workloads.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::describe;
use super::failure::Failure;
use crate::catalog::{Catalog, Offer, suggest};
use crate::classify::{Fleet, UnitCosts, portfolio_unit_cost};
use crate::ingest::Ingested;
use crate::recommend::{WhatIf, family};
use crate::report::Analysed;
use crate::workload::Workload;

/// Names that a hint lists where none is near.
const MOST_NAMES: usize = 8;

/// What a unit cost each workload before other demand is asked about, for the bill stays as it is.
pub(super) fn unit_costs(
    what_if: &[WhatIf],
    workloads: &[Workload],
    catalog: &Catalog,
    (ingested, zone): (&Ingested, Tz),
) -> Result<BTreeMap<String, UnitCosts>, Failure> {
    if !what_if.iter().any(WhatIf::is_of_demand) {
        return Ok(BTreeMap::new());
    }
    let (described, _) = describe::describe_all(workloads, ingested, catalog, zone)?;
    Ok(described.into_iter().map(|(it, found)| (it.name.clone(), found.unit_costs)).collect())
}

/// Puts those unit costs back: the bill is of the demand that was, so no other demand divides it, neither
/// of a workload nor of all together.
pub(super) fn keep_unit_costs(
    analysed: &mut [Analysed],
    fleet: &mut Fleet,
    before: &BTreeMap<String, UnitCosts>,
) -> Result<(), Failure> {
    if before.is_empty() {
        return Ok(());
    }
    for it in analysed.iter_mut() {
        if let Some(costs) = before.get(&it.workload.name) {
            it.description.unit_costs.clone_from(costs);
        }
    }
    let all: Vec<UnitCosts> = analysed.iter().map(|it| it.description.unit_costs.clone()).collect();
    fleet.unit_costs = portfolio_unit_cost(&all)?;
    Ok(())
}

/// Changes what is asked about; an error where there is no such workload, model or offer.
pub(super) fn ask(
    what_if: &[WhatIf],
    catalog: &mut Catalog,
    workloads: &mut [Workload],
) -> Result<(), Failure> {
    for question in what_if {
        if question.change_prices(catalog) == Some(0) {
            return Err(no_offer(question, catalog));
        }
        if let Some(model) = question.model().filter(|it| catalog.model(it).is_none()) {
            let all = catalog.models.iter().map(|it| it.id.as_str());
            let near = one_of(&catalog.suggest_model(model), all);
            return Err(Failure::usage(
                format!("--what-if {question}: the catalog has no model `{model}`"),
                format!("ask about {near}; models.toml of a --pricing folder adds others"),
            ));
        }
        let changed: Vec<bool> =
            workloads.iter_mut().map(|it| question.change_workload(it)).collect();
        if let Some(name) = question.workload().filter(|_| !changed.contains(&true)) {
            let names = || workloads.iter().map(|it| it.name.as_str());
            let near = suggest(&name.to_lowercase(), names(), str::to_lowercase);
            return Err(Failure::usage(
                format!("--what-if {question}: the data have no workload `{name}`"),
                format!("name {}", one_of(&near, names())),
            ));
        }
    }
    Ok(())
}

/// Whether it is the provider or its GPU that no price list has.
fn no_offer(question: &WhatIf, catalog: &Catalog) -> Failure {
    let (provider, gpu) = question.offer().unwrap_or_default();
    let sold_by = |it: &&Offer| it.provider == provider || family(&it.provider) == provider;
    let gpus: BTreeSet<&str> = catalog
        .offers
        .iter()
        .filter(sold_by)
        .flat_map(|it| it.gpus.iter().map(String::as_str))
        .collect();
    if gpus.is_empty() {
        let all: BTreeSet<&str> = catalog.offers.iter().map(|it| it.provider.as_str()).collect();
        let near = suggest(&provider.to_lowercase(), all.iter().copied(), str::to_lowercase);
        return Failure::usage(
            format!("--what-if {question}: no price list has a provider `{provider}`"),
            format!("name {}; `gpuadvise prices list` shows all", one_of(&near, all.into_iter())),
        );
    }
    let near = suggest(&gpu.to_lowercase(), gpus.iter().copied(), str::to_lowercase);
    Failure::usage(
        format!("--what-if {question}: {provider} has no offer of `{gpu}`"),
        format!("it has {}; `gpuadvise prices list` shows all", one_of(&near, gpus.into_iter())),
    )
}

/// The near names, else the first of all.
fn one_of<'a>(near: &[&'a str], all: impl Iterator<Item = &'a str>) -> String {
    if !near.is_empty() {
        return near.join(" or ");
    }
    let mut all: Vec<&str> = all.collect();
    let more = all.len().saturating_sub(MOST_NAMES);
    all.truncate(MOST_NAMES);
    let more = if more > 0 { format!(" or one of {more} more") } else { String::new() };
    format!("one of {}{more}", all.join(", "))
}
