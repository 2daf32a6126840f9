//! Instances that run by use and for which no price list has a price for a term: nothing can be computed of
//! them, and their absence from the list of commitments must not read as "not worth it".

use std::collections::{BTreeMap, BTreeSet};

use super::{InstanceReport, NoCaseReport};
use crate::catalog::{Catalog, Offer};
use crate::report::decisions::is_asked;
use crate::report::model::{PlanReport, ReportModel, WorkloadReport};
use crate::report::words::recommended;

/// After the decisions: says of every instance by use that no list of commitments has why that is, where it is
/// for want of a price.
pub fn say_unpriced(report: &mut ReportModel, catalog: &Catalog) {
    let mut missing: BTreeMap<[String; 4], NoCaseReport> = BTreeMap::new();
    let told = told(report);
    for workload in report.workloads.iter().filter(|it| !told.contains(&it.name)) {
        let Some(plan) = by_use(workload) else { continue };
        let Some(reason) = reason(plan, catalog) else { continue };
        let it = instance(plan, catalog);
        let size = it.gpu_count.to_string();
        let key = [plan.provider.clone(), plan.region.clone(), it.instance_type.clone(), size];
        let absent = missing.entry(key).or_insert_with(|| NoCaseReport {
            covered: false,
            instance: it,
            workloads: Vec::new(),
            reason,
            rule: None,
        });
        absent.workloads.push(workload.name.clone());
    }
    report.commitment.commitments_absent.extend(missing.into_values());
}

/// Workloads of which something is said already.
fn told(report: &ReportModel) -> BTreeSet<String> {
    let all = &report.commitment;
    let cases = all.commitments.iter().flat_map(|it| &it.workloads);
    let spend = all.spend_commitments.iter().flat_map(|it| &it.workloads);
    let absent = all.commitments_absent.iter().flat_map(|it| &it.workloads);
    cases.chain(spend).chain(absent).cloned().collect()
}

/// The plan a workload runs on after its advice, today's where that was rejected or put off, where it is an
/// instance by use.
fn by_use(workload: &WorkloadReport) -> Option<&PlanReport> {
    let is_followed = is_asked(workload);
    if is_followed && workload.advice.action == "stop" {
        return None;
    }
    let today = || workload.plans.iter().find(|it| it.purchase == "today");
    let plan = recommended(workload).filter(|_| is_followed).or_else(today)?;
    let is_standard = workload.baseline.pricing_category == "Standard";
    let by_use = plan.purchase.starts_with("payg") || plan.purchase == "today" && is_standard;
    (by_use && plan.instance_type.is_some()).then_some(plan)
}

/// What price is missing; nothing where there is one.
fn reason(plan: &PlanReport, catalog: &Catalog) -> Option<String> {
    let (gpu, provider, region) = (&plan.gpu, &plan.provider, &plan.region);
    let size = instance(plan, catalog).gpu_count;
    let for_a_term = |it: &&Offer| {
        it.purchase.is_commitment() && it.provider == *provider && it.gpu_count == size
    };
    let gpu = if size == 1 { gpu.clone() } else { format!("{size} x {gpu} in one instance") };
    let regions: BTreeSet<&str> =
        catalog.offers_for(&plan.gpu).filter(for_a_term).map(|it| it.region.as_str()).collect();
    let ask = "ask for one and write it as a [[quote]] into gpuadvise.toml";
    if regions.is_empty() {
        return Some(format!("no price list has a price of {gpu} at {provider} for a term: {ask}"));
    }
    (!regions.contains(region.as_str())).then(|| {
        let all: Vec<&str> = regions.into_iter().collect();
        format!(
            "no price list has a price of {gpu} at {provider} for a term in {region}, only in {}: {ask}",
            all.join(", ")
        )
    })
}

fn instance(plan: &PlanReport, catalog: &Catalog) -> InstanceReport {
    let offer = plan.offer_ids.iter().find_map(|it| catalog.offer(it));
    InstanceReport {
        provider: plan.provider.clone(),
        region: plan.region.clone(),
        instance_type: plan.instance_type.clone().unwrap_or_default(),
        gpu: plan.gpu.clone(),
        gpu_count: offer.map_or(plan.gpu_count, |it| it.gpu_count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::fixture;

    #[test]
    fn an_instance_without_a_price_for_a_term_says_so() {
        let catalog = Catalog::embedded().unwrap();
        let mut report = fixture::report();
        report.commitment = crate::report::CommitmentsReport::default();
        report.workloads.truncate(1);
        let workload = &mut report.workloads[0];
        let plan = &mut workload.plans[0];
        plan.purchase = "payg_fixed".to_owned();
        plan.instance_type = Some("one".to_owned());
        (plan.provider, plan.region) = ("runpod".to_owned(), "global".to_owned());
        plan.gpu = "A40".to_owned();
        (workload.advice.action, workload.advice.plan_id) =
            ("switch".to_owned(), Some(plan.id.clone()));
        let name = workload.name.clone();
        say_unpriced(&mut report, &catalog);
        let [it] = report.commitment.commitments_absent.as_slice() else { panic!("none") };
        assert_eq!(it.workloads, [name]);
        assert!(it.reason.starts_with("no price list has a price of A40 at runpod for a term: "));
        // What is said is not said twice.
        say_unpriced(&mut report, &catalog);
        assert_eq!(report.commitment.commitments_absent.len(), 1);
        report.commitment.commitments_absent.clear();
        report.workloads[0].advice.action = "stop".to_owned();
        say_unpriced(&mut report, &catalog);
        assert!(report.commitment.commitments_absent.is_empty());
    }
}
