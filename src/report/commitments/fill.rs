//! From what was found about commitments to what is shown.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CommitmentCase, CommitmentsReport, CommittedFirstReport, EarlyRuleReport, HeldReport,
    HindsightReport, InstanceReport, LadderReport, NoCaseReport, PointReport, PurchaseReport,
    RenewalReport, SpendPointReport, SpendReport, TrancheReport, UnusedHoursReport,
};
use crate::catalog::{Catalog, near_names};
use crate::commitment::Tranche;
use crate::ingest::{AskedCommitment, HeldOf};
use crate::recommend::{
    AskedIdle, CasePoint, CommitmentGroup, Commitments, CommittedFirst, EarlyRule, HeldInUse,
    Hindsight, Instance, LadderSteps, NoCase, Renewal, SpendCase, SpendCasePoint, TermCase,
    UnusedHours,
};
use crate::report::build_advice::interval;
use crate::report::build_workload::rounded;
use crate::report::model::ReportModel;
use crate::units::{Currency, Fraction, Money, MoneyError, MoneyPerHour};

/// Microseconds in an hour.
const HOUR_US: f64 = 3_600e6;

impl CommitmentsReport {
    /// What was found, in the form that is shown.
    fn of(found: &Commitments) -> CommitmentsReport {
        let cases = found.groups.iter().flat_map(|group| {
            let of_term = move |term| case(group, term);
            group.terms.iter().map(of_term)
        });
        CommitmentsReport {
            commitments: cases.collect(),
            spend_commitments: found.spend.iter().map(spend).collect(),
            held_commitments: found.held.iter().map(held).collect(),
            commitments_absent: found.absent.iter().map(no_case).collect(),
            committed_first: found.first.iter().map(committed_first).collect(),
        }
    }
}

/// Puts what was found about commitments into the report.
pub fn commit(report: &mut ReportModel, found: &Commitments) -> Result<(), MoneyError> {
    report.commitment = CommitmentsReport::of(found);
    report.totals.left_on_the_table =
        left_on_the_table(&report.commitment.commitments, report.currency)?;
    Ok(())
}

/// The terms of an instance are to choose one of, so of each instance the largest amount counts: 10.00 of
/// 12 months and 15.00 of 36 of one, and 5.00 of another, are 20.00. Amounts in another currency are left out.
fn left_on_the_table(
    cases: &[CommitmentCase],
    currency: Currency,
) -> Result<Option<Money>, MoneyError> {
    let mut most: BTreeMap<[&str; 3], Money> = BTreeMap::new();
    for it in cases.iter().filter(|it| it.allowed && it.currency == currency) {
        let Some(left) = it.hindsight.as_ref().map(|it| it.left_on_the_table) else { continue };
        let of = &it.instance;
        let key = [of.provider.as_str(), of.region.as_str(), of.instance_type.as_str()];
        let known = most.entry(key).or_insert(left);
        if left.atto() > known.atto() {
            *known = left;
        }
    }
    if most.is_empty() { Ok(None) } else { Money::sum(most.into_values(), currency).map(Some) }
}

fn case(group: &CommitmentGroup, it: &TermCase) -> CommitmentCase {
    let chosen = &it.chosen;
    CommitmentCase {
        id: it.offer.id.clone(),
        instance: instance(&group.instance),
        purchase: it.offer.purchase.to_string(),
        term_months: it.months,
        allowed: it.not_allowed.is_none(),
        not_allowed: it.not_allowed.clone(),
        best: it.best,
        currency: it.offer.rate.currency(),
        rate_per_hour: an_hour(it.offer.rate),
        by_use_rate_per_hour: an_hour(group.by_use),
        by_use_offer_ids: group.by_use_offers.clone(),
        price_as_of: it.offer.as_of.clone(),
        price_source: it.offer.source.clone(),
        workloads: group.workloads.clone(),
        without: group.without.clone(),
        unused_hours: group.unused_hours.iter().map(unused_hours).collect(),
        presumes: group.presumes.clone(),
        days: rounded(group.days),
        mean_instances: rounded(group.mean_instances),
        held_instances: group.held_instances,
        risk_setting: it.risk_setting.get(),
        stable_n: it.stable_n,
        chosen_n: it.chosen_n,
        optimal_n: it.optimal_n,
        max_n: it.max_n,
        monthly_cost: chosen.monthly_cost,
        monthly_savings: chosen.saving,
        interval: chosen.risk.as_ref().map(interval),
        probability_of_loss: chosen.risk.map(|it| rounded(it.probability_of_loss)),
        utilization: chosen.utilization.map(|it| rounded(it.get())),
        coverage: chosen.coverage.map(|it| rounded(it.get())),
        included_in_advice: it.included_in_advice,
        beyond_advice: it.beyond_advice,
        cash_payback_months: it.cash_payback_months.map(rounded),
        regret_months: it.regret_months.map(rounded),
        upfront: it.upfront,
        liability: it.liability,
        end: it.end.to_date_string(),
        ladder: it.ladder.as_ref().map(ladder),
        hindsight: it.hindsight.as_ref().map(hindsight),
        notes: group.notes.clone(),
        asked: it.asked.iter().map(point).collect(),
        curve: it.points.iter().map(point).collect(),
    }
}

/// What was asked with `--commitment`: its case in one sentence for each term, or why there is none.
pub fn judged(found: &Commitments, asked: &[AskedCommitment], catalog: &Catalog) -> Vec<String> {
    let mut said = Vec::new();
    for ask in asked {
        let cases = found.groups.iter().flat_map(|it| &it.terms);
        let cases: Vec<&TermCase> = cases
            .filter(|it| {
                it.offer.provider == ask.provider && it.offer.instance_type == ask.instance_type
            })
            .collect();
        said.extend(cases.iter().filter_map(|it| verdict(ask, it)));
        let idle = found.idle.iter().filter(|it| it.ask == *ask);
        let idle: Vec<String> = idle.filter_map(stranded).collect();
        if cases.is_empty() && idle.is_empty() {
            said.push(format!("{ask} cannot be judged: {}", no_case_of(ask, found, catalog)));
        }
        said.extend(idle);
    }
    said
}

/// What is missing for a case of what was asked.
fn no_case_of(ask: &AskedCommitment, found: &Commitments, catalog: &Catalog) -> String {
    let of_provider = || catalog.offers.iter().filter(|it| it.provider == ask.provider);
    let mut here = of_provider().filter(|it| it.instance_type == ask.instance_type).peekable();
    if here.peek().is_none() {
        let names: BTreeSet<&str> = of_provider().map(|it| it.instance_type.as_str()).collect();
        let near = near_names(&ask.instance_type, names.into_iter());
        return format!(
            "no price list has {} of {}{near}; `gpuadvise prices list` shows all",
            ask.instance_type, ask.provider
        );
    }
    if !here.any(|it| it.purchase.is_commitment()) {
        return "no price list has a commitment for it; give its price as a [[quote]]".to_owned();
    }
    let is_it =
        |it: &Instance| it.provider == ask.provider && it.instance_type == ask.instance_type;
    if let Some(why) = found.absent.iter().find(|it| is_it(&it.instance)) {
        return why.reason.clone();
    }
    "after their advice no workload runs on it, or it costs no less than what is paid by use"
        .to_owned()
}

/// What nobody runs on after the advice is paid for nothing; today's demand says what it would be now.
fn stranded(it: &AskedIdle) -> Option<String> {
    let today = &it.today;
    let verb = if today.saving.is_negative() { "would not pay: it saves" } else { "saves" };
    Some(format!(
        "{} at {} an hour for {} months would be stranded: after the advice nobody runs on it, so 0 % of it is in use \
         and {} over the term, {} a month, is paid for nothing; on the demand of today, as measured ({}), it {verb} \
         {} a month, {:.0} % of it in use",
        it.ask,
        an_hour(it.rate)?,
        it.months,
        it.of_term,
        it.monthly,
        it.workloads.join(", "),
        today.saving,
        today.utilization.map_or(0.0, Fraction::percent)
    ))
}

fn verdict(ask: &AskedCommitment, case: &TermCase) -> Option<String> {
    let it = case.asked.iter().find(|it| it.n == ask.n)?;
    let used = it.utilization.map_or(0.0, Fraction::percent);
    let range = it.risk.filter(|risk| risk.low != risk.high).map_or_else(String::new, |risk| {
        format!(
            " (80 % range {} to {}, loss in {:.0} of 100 months)",
            risk.low,
            risk.high,
            risk.probability_of_loss * 100.0
        )
    });
    let rate = an_hour(case.offer.rate)?;
    let over = case.not_allowed.as_ref().map_or_else(String::new, |why| format!("; {why}"));
    let verb = if it.saving.is_negative() { "would not pay: it saves" } else { "saves" };
    Some(format!(
        "{ask} at {} an hour for {} months {verb} {} a month{range}, {used:.0} % of it in use; {} would cost \
         the least{over}",
        rate, case.months, it.saving, case.optimal_n
    ))
}

fn point(it: &CasePoint) -> PointReport {
    PointReport {
        n: it.n,
        monthly_cost: it.monthly_cost,
        committed_used: it.committed_used,
        committed_unused: it.committed_unused,
        by_use: it.by_use,
        utilization: it.utilization.map(|it| rounded(it.get())),
        coverage: it.coverage.map(|it| rounded(it.get())),
        monthly_savings: it.saving,
        low: it.risk.map(|it| it.low),
        high: it.risk.map(|it| it.high),
    }
}

fn spend(it: &SpendCase) -> SpendReport {
    let chosen = &it.chosen;
    SpendReport {
        provider: it.provider.clone(),
        purchase: it.purchase.to_string(),
        term_months: it.months,
        allowed: it.allowed,
        offer_ids: it.offer_ids.clone(),
        workloads: it.workloads.clone(),
        without: it.without.clone(),
        held_per_hour: an_hour(it.held),
        per_hour: an_hour(chosen.per_hour),
        monthly_cost: chosen.monthly_cost,
        monthly_savings: chosen.saving,
        interval: chosen.risk.as_ref().map(interval),
        probability_of_loss: chosen.risk.map(|it| rounded(it.probability_of_loss)),
        utilization: chosen.utilization.map(|it| rounded(it.get())),
        coverage: chosen.coverage.map(|it| rounded(it.get())),
        included_in_advice: it.included_in_advice,
        beyond_advice: it.beyond_advice,
        liability: it.liability,
        end: it.end.to_date_string(),
        curve: it.points.iter().map(spend_point).collect(),
    }
}

fn spend_point(it: &SpendCasePoint) -> SpendPointReport {
    SpendPointReport {
        per_hour: an_hour(it.per_hour),
        monthly_cost: it.monthly_cost,
        committed: it.committed,
        by_use: it.by_use,
        utilization: it.utilization.map(|it| rounded(it.get())),
        coverage: it.coverage.map(|it| rounded(it.get())),
        monthly_savings: it.saving,
        low: it.risk.map(|it| it.low),
        high: it.risk.map(|it| it.high),
    }
}

fn ladder(it: &LadderSteps) -> LadderReport {
    let month = |month: u32| format!("{:04}-{:02}", month / 12, month % 12 + 1);
    let tranche = |it: &Tranche| TrancheReport {
        n: it.n,
        bought: month(it.bought_month),
        end: month(it.end_month),
    };
    LadderReport {
        at_once: it.at_once,
        tranches: it.ladder.tranches.iter().map(tranche).collect(),
        unplaced: it.ladder.unplaced,
        waiting_cost: it.waiting_cost,
    }
}

fn hindsight(it: &Hindsight) -> HindsightReport {
    HindsightReport {
        by_use: it.by_use,
        cheapest: it.cheapest,
        left_on_the_table: it.left_on_the_table,
        bought: it.bought,
        purchases: it
            .purchases
            .iter()
            .map(|(at, n)| PurchaseReport { at: at.to_string(), n: *n })
            .collect(),
    }
}

fn committed_first(it: &CommittedFirst) -> CommittedFirstReport {
    CommittedFirstReport {
        instance: instance(&it.instance),
        offer_id: it.offer_id.clone(),
        term_months: it.months,
        instances: it.n,
        currency: it.saving_today.currency(),
        monthly_savings_today: it.saving_today,
        used_today: rounded(it.used_today.get()),
        used_after: rounded(it.used_after.get()),
        monthly_unused_after: it.unused_after,
        liability: it.liability,
    }
}

fn unused_hours(it: &UnusedHours) -> UnusedHoursReport {
    UnusedHoursReport { workload: it.workload.clone(), cost: it.cost }
}

fn renewal(it: &Renewal) -> RenewalReport {
    RenewalReport {
        instances: it.n,
        term_months: it.months,
        offer_id: it.offer_id.clone(),
        monthly_savings: it.saving,
        without: it.without.clone(),
        unused_hours: it.unused_hours.iter().map(unused_hours).collect(),
        not_allowed: it.not_allowed.clone(),
    }
}

fn held(it: &HeldInUse) -> HeldReport {
    let held = &it.held;
    let (instance_type, gpu) = match &held.of {
        HeldOf::Spend => (None, None),
        HeldOf::InstanceType(name) => (Some(name.clone()), None),
        HeldOf::Gpu { gpu, count: 1 } => (None, Some(gpu.clone())),
        HeldOf::Gpu { gpu, count } => (None, Some(format!("{count}-GPU {gpu}"))),
    };
    let paid = it.paid_us as f64;
    let used = it.used.map(|it| it.0 as f64);
    HeldReport {
        id: held.id.clone(),
        provider: held.provider.clone(),
        region: held.region.clone(),
        instance_type,
        gpu,
        instances: held.instances,
        currency: held.rate.currency(),
        rate_per_hour: an_hour(held.rate),
        start: held.term.start().to_date_string(),
        end: held.term.end().to_date_string(),
        paid_hours: rounded(paid / HOUR_US),
        used_hours: used.map(|it| rounded(it / HOUR_US)),
        use_not_known: it.not_known.clone(),
        utilization: used.filter(|_| paid > 0.0).map(|it| rounded(it / paid)),
        utilization_today: it
            .used_today_us
            .filter(|_| paid > 0.0)
            .map(|used| rounded(used as f64 / paid)),
        stranded_cost: it.used.map(|it| it.1),
        liability: it.liability,
        prepaid_left: it.prepaid_left,
        could_carry: it.could_carry.clone(),
        has_ended: it.has_ended,
        ends_within_term: it.ends_within_term,
        renewal: it.renewal.as_ref().map(renewal),
    }
}

fn no_case(it: &NoCase) -> NoCaseReport {
    let rule = |it: &EarlyRule| EarlyRuleReport {
        offer_id: it.offer_id.clone(),
        term_months: it.months,
        fee: it.fee,
        bought: it.bought,
        spent_on_next: it.spent_on_next,
        most_times_the_least: it.most_times_the_least,
    };
    NoCaseReport {
        instance: instance(&it.instance),
        workloads: it.workloads.clone(),
        covered: it.covered,
        reason: it.reason.clone(),
        rule: it.rule.as_ref().map(rule),
    }
}

fn instance(it: &Instance) -> InstanceReport {
    InstanceReport {
        provider: it.provider.clone(),
        region: it.region.clone(),
        instance_type: it.instance_type.clone(),
        gpu: it.gpu.clone(),
        gpu_count: it.gpu_count,
    }
}

/// What an hour costs.
fn an_hour(rate: MoneyPerHour) -> Option<Money> {
    Money::from_nano(rate.nano(), rate.currency()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_will_run_on_is_judged_all_the_same() {
        let usd = |text: &str| Money::parse(text, Currency::USD).unwrap();
        let ask: AskedCommitment = "gcp/a2-ultragpu-1g/2".parse().unwrap();
        let today = CasePoint {
            n: 2,
            monthly_cost: usd("3650"),
            committed_used: usd("912.5"),
            committed_unused: usd("2737.5"),
            by_use: usd("0"),
            utilization: Fraction::try_from(0.25).ok(),
            coverage: None,
            saving: usd("-2190"),
            risk: None,
        };
        let idle = AskedIdle {
            ask: ask.clone(),
            months: 12,
            rate: MoneyPerHour::parse("2.5", Currency::USD).unwrap(),
            today,
            workloads: vec!["chat".to_owned()],
            of_term: usd("43800"),
            monthly: usd("3650"),
        };
        let found = Commitments { idle: vec![idle], ..Commitments::default() };
        let said = judged(&found, &[ask], &Catalog::embedded().unwrap());
        let [said] = said.as_slice() else { panic!("{said:?}") };
        for words in [
            "would be stranded: after the advice nobody runs on it, so 0 % of it is in use",
            "43800.00 USD over the term, 3650.00 USD a month, is paid for nothing",
            "on the demand of today, as measured (chat), it would not pay: it saves -2190.00 USD a month, 25 %",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}
