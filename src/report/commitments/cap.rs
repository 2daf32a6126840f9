//! Actions that each reserve for themselves know nothing of each other. Where what they reserve ends in one quarter
//! and is more than the policy lets end in one, the reader must know before signing.

use super::{CommitmentCase, LadderReport};
use crate::report::decisions::is_asked;
use crate::report::model::{ReportModel, WorkloadReport};
use crate::report::words::{plain, rank, ranked, recommended};
use crate::units::Fraction;

/// After the decisions: says at the top which actions together break the cap, and the steps to follow instead.
pub fn say_over_cap(report: &mut ReportModel, cap: Fraction) {
    let over = report.commitment.commitments.iter().filter_map(|it| over_cap(report, it, cap));
    let over: Vec<String> = over.collect();
    report.notices.splice(0..0, over);
}

/// The sentence about one instance and term; nothing where the actions keep the cap.
fn over_cap(report: &ReportModel, case: &CommitmentCase, cap: Fraction) -> Option<String> {
    let ladder = case.ladder.as_ref()?;
    let signs = |it: &&WorkloadReport| is_asked(it) && is_of(case, it);
    let signing: Vec<&WorkloadReport> = ranked(report).into_iter().filter(signs).collect();
    let signed = signing.iter().filter_map(|it| it.advice.commitment.as_ref());
    let n: u32 = signed.map(|it| it.instances).sum();
    if n <= ladder.at_once {
        return None;
    }
    let named =
        signing.iter().filter_map(|it| Some(format!("{} {}", rank(report, it)?, plain(&it.name))));
    let names: Vec<String> = named.collect();
    let each = if names.len() == 1 { "alone reserves" } else { "together reserve" };
    let of = &case.instance;
    Some(format!(
        "{} {each} {n} x {}{} in {}, {}, that all end in {}; \
         policy.max_expiring_share_per_quarter lets {:.0} % of the commitments end in one quarter, {} of them: \
         buy {} instead, waiting costs {}",
        names.join(", "),
        if of.gpu_count == 1 { String::new() } else { format!("{}-GPU ", of.gpu_count) },
        plain(&of.gpu),
        plain(&of.region),
        plain(&of.provider),
        quarter(&case.end)?,
        cap.percent(),
        ladder.at_once,
        ladder.in_words(),
        ladder.waiting_cost
    ))
}

/// Whether an action signs for the instance and the term of a case.
fn is_of(case: &CommitmentCase, workload: &WorkloadReport) -> bool {
    let signed = workload.advice.commitment.as_ref();
    let of = &case.instance;
    signed.is_some_and(|it| it.term_months == case.term_months)
        && recommended(workload).is_some_and(|it| {
            let place = it.provider == of.provider && it.region == of.region;
            place && it.instance_type.as_ref() == Some(&of.instance_type)
        })
}

/// `Q4 2027` of `2027-11-01`.
fn quarter(day: &str) -> Option<String> {
    let (year, rest) = day.split_once('-')?;
    let month: u32 = rest.get(..2)?.parse().ok()?;
    Some(format!("Q{} {year}", month.checked_sub(1)? / 3 + 1))
}

impl LadderReport {
    /// `1 in 2026-11, 1 in 2027-03`, and what no quarter has room for.
    pub(in crate::report) fn in_words(&self) -> String {
        let steps = self.tranches.iter().map(|it| format!("{} in {}", it.n, it.bought));
        let left = match self.unplaced {
            0 => None,
            n => Some(format!("{n} by use: no quarter has room for them")),
        };
        steps.chain(left).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::commitments::TrancheReport;
    use crate::report::model::SignedReport;
    use crate::report::tests::{charts, fixture};
    use crate::units::{Currency, Money};

    #[test]
    fn actions_that_break_the_cap_together_are_told_with_the_steps() {
        let cap = Fraction::try_from(0.34).unwrap();
        let usd = |text: &str| Money::parse(text, Currency::USD).unwrap();
        let step = |bought: &str, end: &str| TrancheReport {
            n: 1,
            bought: bought.to_owned(),
            end: end.to_owned(),
        };
        let mut report = fixture::report();
        let mut case = charts::case(2);
        case.end = "2027-11-02".to_owned();
        case.ladder = Some(LadderReport {
            at_once: 1,
            tranches: vec![step("2026-11", "2027-11"), step("2027-05", "2028-05")],
            unplaced: 0,
            waiting_cost: usd("7010.71"),
        });
        let at = report.workloads.iter().position(|it| it.advice.id == report.portfolio.ranking[0]);
        let workload = &mut report.workloads[at.unwrap()];
        let plan_id = workload.advice.plan_id.clone();
        let plan = workload.plans.iter_mut().find(|it| Some(&it.id) == plan_id.as_ref()).unwrap();
        plan.provider.clone_from(&case.instance.provider);
        plan.region.clone_from(&case.instance.region);
        plan.instance_type = Some(case.instance.instance_type.clone());
        let name = workload.name.clone();
        let mut check = |instances: u32, term_months: u32, expected: usize| {
            report.workloads[at.unwrap()].advice.commitment = Some(SignedReport {
                instances,
                term_months,
                end: "2027-11-02".to_owned(),
                owed: usd("1"),
            });
            report.commitment.commitments = vec![case.clone()];
            report.notices.clear();
            say_over_cap(&mut report, cap);
            assert_eq!(report.notices.len(), expected, "{:?}", report.notices);
            report.notices.first().cloned()
        };
        check(1, 12, 0);
        check(2, 36, 0);
        let said = check(2, 12, 1).unwrap();
        assert!(
            said.starts_with(&format!("S1 {name} alone reserves 2 x H100 SXM5 in us-east")),
            "{said}"
        );
        let steps = "34 % of the commitments end in one quarter, 1 of them: buy 1 in 2026-11, 1 in 2027-05 instead, \
                     waiting costs 7010.71 USD";
        assert!(said.contains("all end in Q4 2027") && said.ends_with(steps), "{said}");
    }

    #[test]
    fn a_day_is_in_its_quarter() {
        let check = |day: &str, expected: Option<&str>| {
            assert_eq!(quarter(day).as_deref(), expected, "{day}");
        };
        check("2027-01-01", Some("Q1 2027"));
        check("2027-03-31", Some("Q1 2027"));
        check("2027-11-01", Some("Q4 2027"));
        check("2027", None);
    }
}
