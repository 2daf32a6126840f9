//! What would change an advice: shocks a plan must survive, and the points at which it saves nothing.

use super::baseline::Baseline;
use super::candidates::Candidate;
use super::demand::{Load, Question};
use super::plan::{Plan, Scaling, Way};
use super::replay::replay;
use super::scaled::at_demand;
use super::{Described, DurationCurve, money};
use crate::catalog::{Offer, Purchase};
use crate::units::Money;
use crate::workload::{PricingCategory, Workload};

/// What a plan saves when something else happens than in the window.
#[derive(Clone, Debug, PartialEq)]
pub struct Shock {
    /// `demand_down`, `price_down`, `migration`.
    pub name: &'static str,
    /// What happens, in words.
    pub what: String,
    /// The saving of a month then, over a commitment the mean of its term.
    pub monthly_savings: Money,
}

/// How far one thing may go before the plan saves nothing, or misses its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakEven {
    /// `plan_price`, `demand_up`, `demand_down`, `ttft_p95`, `cold_start`.
    pub of: &'static str,
    /// Where it lies.
    pub value: f64,
    /// `1` for a share or a ratio, else `s`.
    pub unit: &'static str,
    /// The same in words.
    pub sentence: String,
}

/// Both, for one advice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doubt {
    /// Shocks.
    pub shocks: Vec<Shock>,
    /// Break-even points.
    pub break_evens: Vec<BreakEven>,
}

/// What would change the advice to go over to `plan`.
pub(super) fn doubt(
    question: &Question<'_>,
    baseline: &Baseline,
    (plan, candidates, curve): (&Plan, &[Candidate], Option<&DurationCurve>),
    saving: Money,
) -> Doubt {
    let parts = Parts::of(plan);
    let candidate = candidates.iter().find(|it| Some(&it.id) == plan.candidate_id.as_ref());
    let trial = Trial { question, plan, candidate, saving };
    let points = [
        plan_price(plan, saving),
        demand_up(question, baseline, parts),
        least_demand_of(question, plan, curve),
        ttft(question, plan),
        trial.cold_start(),
    ];
    let shocks = [
        trial.demand_down(),
        price_down(question, parts, saving),
        migration(question, plan, parts, saving),
    ];
    Doubt {
        shocks: shocks.into_iter().flatten().collect(),
        break_evens: points.into_iter().flatten().collect(),
    }
}

/// The plan, set up as it is and replayed on something else.
#[derive(Clone, Copy)]
struct Trial<'a> {
    question: &'a Question<'a>,
    plan: &'a Plan,
    candidate: Option<&'a Candidate>,
    saving: Money,
}

impl Trial<'_> {
    fn on(&self, plan: &Plan, workload: &Workload) -> Option<Plan> {
        let described = Described { workload, ..self.question.described };
        replay(plan, self.candidate, described, self.question.context)
    }

    /// Less demand of the same shape. A fleet for requests costs today what it costs; GPUs that are
    /// rented while they are in use, and workers, cost less too.
    fn demand_down(&self) -> Option<Shock> {
        let down = self.question.context.catalog.assumptions.shock.demand_down;
        let workload = self.question.described.workload;
        let then = self.on(self.plan, &at_demand(workload, 1.0 - down))?;
        let today = self.saving.checked_add(self.plan.monthly_cost).ok()?;
        let follows = match self.question.load {
            Load::Requests(_) => {
                workload.deployment.pricing_category == PricingCategory::Serverless
            }
            _ => true,
        };
        let kept = if follows { 1.0 - down } else { 1.0 };
        let today = Money::from_float(today.to_f64() * kept, today.currency()).ok()?;
        Some(Shock {
            name: "demand_down",
            what: format!("demand falls by {:.0} %", down * 100.0),
            monthly_savings: today.checked_sub(then.monthly_cost).ok()?,
        })
    }

    /// How long a start may take before the plan misses its limits or saves nothing: found by doubling
    /// the time three times, and half way to the last that fails.
    fn cold_start(&self) -> Option<BreakEven> {
        let simulated = self.plan.scaling.cold_start_s.filter(|it| *it > 0.0)?;
        let starts = matches!(
            self.plan.way,
            Way::PaygAutoscaled | Way::Serverless | Way::ReservedServerless { .. }
        );
        if !starts || !self.question.is_interactive() || self.is_large() {
            return None;
        }
        let mut longest = 1.0;
        for factor in [2.0, 4.0, 8.0] {
            if !self.stands(simulated * factor) {
                let middle = f64::midpoint(longest, factor);
                longest = if self.stands(simulated * middle) { middle } else { longest };
                break;
            }
            longest = factor;
        }
        let value = simulated * longest;
        Some(BreakEven {
            of: "cold_start",
            value,
            unit: "s",
            sentence: if longest > 1.0 {
                format!("a start takes longer than {value:.0} s, not {simulated:.0} s")
            } else {
                format!("a start takes longer than the {simulated:.0} s simulated")
            },
        })
    }

    /// Whether a handful of replays take long.
    fn is_large(&self) -> bool {
        let most = self.question.context.catalog.assumptions.advice.break_even_requests;
        match &self.question.load {
            Load::Requests(load) => load.trace.len() as f64 > most,
            _ => false,
        }
    }

    /// Whether the plan keeps its limits and saves with starts of so many seconds.
    fn stands(&self, start_s: f64) -> bool {
        let mut workload = self.question.described.workload.clone();
        workload.settings.cold_start_s = Some(start_s);
        let scaling = Scaling { cold_start_s: Some(start_s), ..self.plan.scaling.clone() };
        let plan = Plan { scaling, ..self.plan.clone() };
        self.on(&plan, &workload).is_some_and(|it| {
            let more = it.monthly_cost.checked_sub(self.plan.monthly_cost);
            it.meets_slo && more.is_ok_and(|more| more < self.saving)
        })
    }
}

/// A month of a plan: what is paid in any case, and what comes and goes with demand.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Parts {
    always: f64,
    elastic: f64,
    /// What of it is committed for a term.
    committed: f64,
}

impl Parts {
    fn of(plan: &Plan) -> Parts {
        let elastic = plan.elastic.as_ref().map_or(0.0, |it| it.monthly.to_f64());
        let always = plan.monthly_cost.to_f64() - elastic;
        Parts { always, elastic, committed: if plan.is_committed() { always } else { 0.0 } }
    }
}

/// The plan's price may rise by the saving over its cost: 50 saved at a cost of 200 are 25 %.
fn plan_price(plan: &Plan, saving: Money) -> Option<BreakEven> {
    let cost = plan.monthly_cost.to_f64();
    let value = saving.to_f64() / cost;
    (cost > 0.0 && value.is_finite()).then(|| BreakEven {
        of: "plan_price",
        value,
        unit: "1",
        sentence: format!("the prices of the plan rise by {:.0} %", value * 100.0),
    })
}

/// Demand at which the part that follows it has used up the saving, today's fleet staying as it is.
/// Today 100 against 20 always and 40 by demand: at 2 times the demand. Only for requests: GPUs in
/// use cost more today too when more are in use.
fn demand_up(question: &Question<'_>, baseline: &Baseline, parts: Parts) -> Option<BreakEven> {
    let today = baseline.avoidable.or(baseline.monthly_cost)?.to_f64();
    let value = (today - parts.always) / parts.elastic;
    let counts = matches!(question.load, Load::Requests(_)) && parts.elastic > 0.0 && value > 1.0;
    counts.then(|| BreakEven {
        of: "demand_up",
        value,
        unit: "1",
        sentence: format!(
            "demand grows to about {value:.1} times today's and today's fleet would still carry it"
        ),
    })
}

/// The fall of demand from which pay as you go that follows it costs less than the commitment.
fn least_demand_of(
    question: &Question<'_>,
    plan: &Plan,
    curve: Option<&DurationCurve>,
) -> Option<BreakEven> {
    let reserved = plan.offers.first().filter(|_| plan.is_committed())?;
    let by_use = twin(question, reserved)?.rate.to_f64();
    let hours = &curve?.hours_sorted;
    let kept = least_demand(hours, plan.scaling.min, (reserved.rate.to_f64(), by_use))?;
    let value = 1.0 - kept;
    Some(BreakEven {
        of: "demand_down",
        value,
        unit: "1",
        sentence: format!(
            "demand falls by more than {:.0} % for good: pay as you go would cost less",
            value * 100.0
        ),
    })
}

/// The pay-as-you-go row of the same instance.
fn twin<'a>(question: &Question<'a>, reserved: &Offer) -> Option<&'a Offer> {
    question.context.catalog.offers.iter().find(|it| {
        it.purchase == Purchase::PayAsYouGo
            && it.provider == reserved.provider
            && it.instance_type == reserved.instance_type
            && it.region == reserved.region
            && it.gpu_count == reserved.gpu_count
    })
}

/// The least share k of the demand D at which n committed instances pay: r n H + p sum(max(kD - n, 0))
/// is at most p k sum(D); nothing where they do not even at all of it.
///
/// One instance at r = 2 against p = 4 and two hours of 1 and 1: k is 0.5.
fn least_demand(hours: &[f64], n: u32, (committed, by_use): (f64, f64)) -> Option<f64> {
    /// Halvings of the unit interval: the result is exact to a millionth.
    const HALVINGS: u32 = 20;
    let n = f64::from(n);
    let pays = |share: f64| {
        let covered: f64 = hours.iter().map(|it| (it * share).min(n)).sum();
        committed * n * hours.len() as f64 <= by_use * covered
    };
    if hours.is_empty() || !pays(1.0) {
        return None;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if pays(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// The strictest limit of the time to the first token that the plan still keeps.
fn ttft(question: &Question<'_>, plan: &Plan) -> Option<BreakEven> {
    let limit = question.slo.ttft_p95_s?;
    let value = plan.latencies?.ttft_p95_s;
    (value <= limit).then(|| BreakEven {
        of: "ttft_p95",
        value,
        unit: "s",
        sentence: format!("the limit of TTFT p95 is below {value:.2} s, not {limit} s"),
    })
}

/// Prices by use fall: today's and the plan's by-use part fall with them, a commitment does not. Today
/// 100, a plan of 50 committed and 10 by use, 20 % down: 80 - 50 - 8 = 22.
fn price_down(question: &Question<'_>, parts: Parts, saving: Money) -> Option<Shock> {
    let down = question.context.catalog.assumptions.shock.price_down;
    let plan = parts.always + parts.elastic;
    let today = saving.to_f64() + plan;
    let then = today * (1.0 - down) - parts.committed - (plan - parts.committed) * (1.0 - down);
    (parts.committed > 0.0).then_some(())?;
    Some(Shock {
        name: "price_down",
        what: format!("prices by use fall by {:.0} %", down * 100.0),
        monthly_savings: Money::from_float(then, saving.currency()).ok()?,
    })
}

/// The workload leaves within the term: until then it saves, afterwards the commitment is paid for
/// nothing. 40 a month on 60 committed, gone at half of the term: (40 - 60) / 2 = -10.
fn migration(question: &Question<'_>, plan: &Plan, parts: Parts, saving: Money) -> Option<Shock> {
    let (Way::Reserved { months } | Way::ReservedServerless { months }) = plan.way else {
        return None;
    };
    let share = question.context.catalog.assumptions.shock.migration_share;
    let mean = saving.to_f64() * share - parts.committed * (1.0 - share);
    let at = f64::from(months) * share;
    Some(Shock {
        name: "migration",
        what: format!("it moves away after {at:.0} of {months} months"),
        monthly_savings: Money::from_float(mean, saving.currency()).ok()?,
    })
}

impl Shock {
    /// One line for people.
    pub fn sentence(&self) -> String {
        let verb = if self.monthly_savings.is_negative() { "it loses" } else { "it saves" };
        let zero = Money::zero(self.monthly_savings.currency());
        let amount = if self.monthly_savings.is_negative() {
            zero.checked_sub(self.monthly_savings).unwrap_or(zero)
        } else {
            self.monthly_savings
        };
        format!("if {}, {verb} {} a month", self.what, money::for_prose(amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;

    #[test]
    fn a_commitment_pays_down_to_its_break_even_share() {
        let check = |hours: &[f64], n, expected: Option<f64>| {
            let found = least_demand(hours, n, (2.0, 4.0));
            match (found, expected) {
                (Some(a), Some(b)) => assert!((a - b).abs() < 1e-5, "{hours:?}: {a} {b}"),
                (a, b) => assert_eq!(a, b, "{hours:?}"),
            }
        };
        check(&[1.0, 1.0], 1, Some(0.5));
        check(&[3.0, 3.0], 1, Some(1.0 / 6.0));
        check(&[1.0, 0.0, 0.0], 1, None);
        check(&[], 1, None);
    }

    #[test]
    fn a_loss_is_told_as_one() {
        let shock = |text| Shock {
            name: "migration",
            what: "it moves away after 6 of 12 months".to_owned(),
            monthly_savings: Money::parse(text, Currency::USD).unwrap(),
        };
        let loss = "if it moves away after 6 of 12 months, it loses 10.00 USD a month";
        assert_eq!(shock("-10").sentence(), loss);
        assert!(shock("5").sentence().ends_with("it saves 5.00 USD a month"));
    }
}
