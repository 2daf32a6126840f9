//! What it takes to follow an advice, and when the work is earned back.

use super::demand::Question;
use super::offers;
use super::plan::{Plan, Way};
use super::switch::changes_precision;
use crate::catalog::ChangeRules;
use crate::units::{HOURS_PER_MONTH, Money};

/// Days of a month of 730 hours.
const DAYS_PER_MONTH: f64 = HOURS_PER_MONTH as f64 / 24.0;

/// What happens to what runs today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// It goes on: only its number or its price changes.
    None,
    /// It is stopped and can be started again.
    Stopped,
    /// A new deployment takes its place.
    Replaced,
}

impl Restart {
    /// The word in output.
    pub const fn as_word(self) -> &'static str {
        match self {
            Restart::None => "none",
            Restart::Stopped => "stopped",
            Restart::Replaced => "replaced",
        }
    }
}

/// The work behind an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Hours of an engineer.
    pub effort_hours: f64,
    /// What happens to what runs today.
    pub restart: Restart,
    /// Those hours, and both deployments side by side for the time of the trial.
    pub cost: Money,
    /// Days until the saving has paid for it.
    pub pay_back_days: Option<f64>,
}

impl Change {
    /// To stop what runs.
    pub(super) fn stop(saving: Money, rules: &ChangeRules) -> Option<Change> {
        Change::of(rules.stop_h, Restart::Stopped, Money::zero(saving.currency()), saving, rules)
    }

    /// To go over to a plan. Another GPU, another precision and another provider each add their work.
    pub(super) fn switch(question: &Question<'_>, plan: &Plan, saving: Money) -> Option<Change> {
        let rules = &question.context.catalog.assumptions.change;
        let [gpu, precision, provider, region] = Change::moves(question, plan);
        let of_way = match plan.way {
            Way::PaygScheduled => rules.schedule_h,
            Way::Reserved { .. } | Way::ReservedServerless { .. } => {
                rules.purchase_h
                    + if plan.scaling.max > plan.scaling.min { rules.scale_h } else { 0.0 }
            }
            Way::Serverless | Way::Api => rules.platform_h,
            Way::Spot => rules.spot_h,
            Way::Today
            | Way::PaygFixed
            | Way::PaygAutoscaled
            | Way::PaygFollowing
            | Way::Shared { .. } => rules.scale_h,
        };
        let more = [
            (gpu, rules.gpu_h),
            (precision, rules.precision_h),
            (provider, rules.provider_h),
            (region, rules.region_h),
        ];
        let hours = of_way + more.iter().filter(|it| it.0).map(|it| it.1).sum::<f64>();
        let replaced = Change::is_replaced(question, plan);
        let restart = if replaced { Restart::Replaced } else { Restart::None };
        let trial = trial(plan, restart, rules)?;
        Change::of(hours, restart, trial, saving, rules)
    }

    /// Whether the GPU, the precision, the provider and the region are others than today's.
    fn moves(question: &Question<'_>, plan: &Plan) -> [bool; 4] {
        let gpu = question.described.workload.deployment.gpu.as_deref();
        [
            gpu != Some(plan.gpu.as_str()),
            changes_precision(question, plan),
            !plan.offers.iter().all(|it| offers::is_at_home(question, it)),
            plan.offers.iter().any(|it| offers::is_elsewhere(question, it)),
        ]
    }

    /// Whether a new deployment takes the place of today's.
    pub(super) fn is_replaced(question: &Question<'_>, plan: &Plan) -> bool {
        Change::moves(question, plan).contains(&true)
            || matches!(
                plan.way,
                Way::Serverless
                    | Way::ReservedServerless { .. }
                    | Way::Spot
                    | Way::Shared { .. }
                    | Way::Api
            )
    }

    fn of(
        effort_hours: f64,
        restart: Restart,
        trial: Money,
        saving: Money,
        rules: &ChangeRules,
    ) -> Option<Change> {
        let currency = saving.currency();
        let work = Money::from_float(effort_hours * rules.engineer_usd_per_hour, currency).ok()?;
        let cost = work.checked_add(trial).ok()?;
        Some(Change { effort_hours, restart, cost, pay_back_days: pay_back_days(cost, saving) })
    }

    /// Whether it takes longer to earn back than is worth waiting for.
    pub(super) fn is_never_worth_it(&self, rules: &ChangeRules) -> bool {
        self.pay_back_days.is_none_or(|it| it > rules.most_pay_back_months * DAYS_PER_MONTH)
    }
}

/// Whether what a saving takes at several workloads is earned back in time.
pub(super) fn all_worth_it(changes: &[Change], saving: Money, rules: &ChangeRules) -> bool {
    let cost = Money::sum(changes.iter().map(|it| it.cost), saving.currency());
    let days = cost.ok().and_then(|cost| pay_back_days(cost, saving));
    days.is_some_and(|it| it <= rules.most_pay_back_months * DAYS_PER_MONTH)
}

/// What the new deployment costs while the old one still serves; nothing where nothing is replaced.
fn trial(plan: &Plan, restart: Restart, rules: &ChangeRules) -> Option<Money> {
    let zero = Money::zero(plan.monthly_cost.currency());
    if restart != Restart::Replaced {
        return Some(zero);
    }
    let share = rules.side_by_side_h / HOURS_PER_MONTH as f64;
    Money::from_float(plan.monthly_cost.to_f64() * share, plan.monthly_cost.currency()).ok()
}

/// Days until savings of so much a month have paid a cost: 600 at 1,200 a month are 15.2 days.
fn pay_back_days(cost: Money, saving: Money) -> Option<f64> {
    let monthly = saving.to_f64();
    (monthly > 0.0).then(|| cost.to_f64() / monthly * DAYS_PER_MONTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::units::Currency;

    fn usd(text: &str) -> Money {
        Money::parse(text, Currency::USD).unwrap()
    }

    #[test]
    fn the_worked_example() {
        let days = pay_back_days(usd("600"), usd("1200")).unwrap();
        assert!((days - 15.208_333).abs() < 1e-6);
        assert_eq!(pay_back_days(usd("600"), usd("0")), None);
    }

    #[test]
    fn a_stop_is_a_quarter_of_an_hour() {
        let rules = Catalog::embedded().unwrap().assumptions.change;
        let change = Change::stop(usd("730"), &rules).unwrap();
        assert_eq!((change.cost, change.restart), (usd("25"), Restart::Stopped));
        assert!(!change.is_never_worth_it(&rules));
        assert!(Change::stop(usd("1"), &rules).unwrap().is_never_worth_it(&rules));
    }
}
