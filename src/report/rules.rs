//! The rules of thumb printed beside our own result, each with what was measured against it.
//!
//! They are those of a widely read guide to choosing GPUs. They are shown because readers know them,
//! and because where they and the prices disagree the reader should see why.

use super::build::Analysed;
use crate::catalog::{Catalog, Classify, Offer, Purchase};
use crate::classify::{BusyHours, RuleOfThumb, rule_of_thumb, rule_sentence};
use crate::recommend::{Action, Plan, Way};
use crate::units::Money;
use crate::workload::{Kind, PricingCategory};

/// Hours of every day from which the best reserved offer of the catalog costs less than pay as you
/// go: 24 x r / p at the least r / p. A rate of 38.86 against 88.49 breaks even at 10.5 hours a day.
pub(super) fn least_break_even_hours(catalog: &Catalog) -> Option<f64> {
    let is_reserved = |it: &&Offer| matches!(it.purchase, Purchase::Reserved { .. });
    let twin = |reserved: &Offer| {
        catalog.offers.iter().find(|it| {
            it.purchase == Purchase::PayAsYouGo
                && (&it.provider, &it.instance_type, &it.region, it.gpu_count)
                    == (
                        &reserved.provider,
                        &reserved.instance_type,
                        &reserved.region,
                        reserved.gpu_count,
                    )
        })
    };
    catalog
        .offers
        .iter()
        .filter(is_reserved)
        .filter_map(|it| Some(24.0 * it.rate.to_f64() / twin(it)?.rate.to_f64()))
        .reduce(f64::min)
}

/// Hours a day a replica is busy by the simulation of today's fleet.
fn simulated_hours(it: &Analysed) -> Option<f64> {
    it.recommendation.today_busy.map(|share| 24.0 * share)
}

/// Hours a day a replica is busy, else the busy hours of the demand.
fn busy_hours(it: &Analysed) -> Option<f64> {
    let of_replica = simulated_hours(it).or(it.description.class.replica_busy_hours_per_day);
    of_replica.or(it.description.features.busy_hours_per_day)
}

/// The rule on hours, applied to what the simulation found where it ran.
fn by_hours(it: &Analysed, limits: &Classify) -> String {
    match simulated_hours(it) {
        Some(hours) => {
            rule_sentence(it.description.class.shape, BusyHours::OfReplica(hours), limits)
        }
        None => it.description.class.rule_of_thumb.clone(),
    }
}

/// What the rule says of a workload.
fn verdict(it: &Analysed, limits: &Classify) -> Option<RuleOfThumb> {
    rule_of_thumb(it.description.class.shape, busy_hours(it), limits)
}

/// Whether a way of buying is one that the rule names.
fn is_named(rule: RuleOfThumb, way: &Way) -> bool {
    let payg = matches!(
        way,
        Way::PaygFixed
            | Way::PaygAutoscaled
            | Way::PaygScheduled
            | Way::PaygFollowing
            | Way::Shared { .. }
    );
    let reserved = matches!(way, Way::Reserved { .. } | Way::ReservedServerless { .. });
    match rule {
        RuleOfThumb::PayAsYouGo => payg,
        RuleOfThumb::Either => payg || reserved,
        RuleOfThumb::Reserved => reserved,
        RuleOfThumb::Serverless => matches!(way, Way::Serverless),
    }
}

/// The plan that is advised.
fn advised(it: &Analysed) -> Option<&Plan> {
    let id = it.recommendation.advice.plan_id.as_ref()?;
    it.recommendation.plans.iter().find(|plan| plan.id == *id)
}

/// Whether the rule names the way of buying that is kept.
fn names_today(rule: RuleOfThumb, today: PricingCategory) -> bool {
    match rule {
        RuleOfThumb::PayAsYouGo => today == PricingCategory::Standard,
        RuleOfThumb::Either => {
            matches!(today, PricingCategory::Standard | PricingCategory::Committed)
        }
        RuleOfThumb::Reserved => today == PricingCategory::Committed,
        RuleOfThumb::Serverless => today == PricingCategory::Serverless,
    }
}

/// How it is bought today, where the advice is to keep that.
fn kept(it: &Analysed) -> Option<PricingCategory> {
    let is_kept = it.recommendation.advice.action == Action::Keep;
    is_kept.then_some(it.workload.deployment.pricing_category)
}

/// Whether the advised way of buying, or the one that is kept, is one that the rule names; nothing where the
/// rule or the advice names none.
pub(super) fn agrees(it: &Analysed, catalog: &Catalog) -> Option<bool> {
    let rule = verdict(it, &catalog.assumptions.classify)?;
    match kept(it) {
        Some(today) => Some(names_today(rule, today)),
        None => Some(is_named(rule, &advised(it)?.way)),
    }
}

/// That advice and rule agree, or what following the rule would cost.
fn beside_advice(it: &Analysed, limits: &Classify) -> Option<String> {
    let rule = verdict(it, limits)?;
    let (named, stands) = if let Some(today) = kept(it) {
        let cost = it.recommendation.baseline.monthly_cost;
        (names_today(rule, today), cost.map(|it| ("today", it)))
    } else {
        let advised = advised(it)?;
        (is_named(rule, &advised.way), Some(("the advised one", advised.monthly_cost)))
    };
    if named {
        return Some("The advice agrees with it.".to_owned());
    }
    let mut of_rule = it.recommendation.plans.iter().filter(|it| is_named(rule, &it.way));
    let cheapest = of_rule.clone().find(|it| it.meets_slo).or_else(|| of_rule.next());
    Some(match cheapest {
        Some(plan) => differs(plan, stands),
        None => "The advice differs: no offer here is of the kind the rule names.".to_owned(),
    })
}

/// What following the rule would cost, beside what is advised or kept.
fn differs(of_rule: &Plan, stands: Option<(&str, Money)>) -> String {
    let misses = if of_rule.meets_slo { "" } else { "misses the limits and " };
    let cost = of_rule.monthly_cost;
    let beside = stands.map(|(what, other)| {
        let is_dearer = other.atto() > cost.atto();
        let why = if what == "today" && is_dearer {
            "; the reasons say why it is not advised"
        } else {
            ""
        };
        format!(", {what} {other}{why}")
    });
    format!(
        "The advice differs: its cheapest plan {misses}costs {cost} a month{}.",
        beside.unwrap_or_default()
    )
}

/// The sentences for one workload.
pub(super) fn sentences(it: &Analysed, catalog: &Catalog, break_even: Option<f64>) -> String {
    let limits = &catalog.assumptions.classify;
    let mut said = vec![by_hours(it, limits)];
    said.extend(beside_advice(it, limits));
    let hours = busy_hours(it);
    let curve = it.recommendation.duration_curve.as_ref();
    let own = curve.and_then(|curve| curve.break_even_share).map(|share| 24.0 * share);
    let (at, whose) = match own {
        Some(hours) => (Some(hours), "the reserved offer here"),
        None => (break_even, "the best reserved offer of the catalog"),
    };
    if let (Some(hours), Some(at)) = (hours, at) {
        let between = hours > limits.rule_reserved_hours && hours < at;
        let verdict = if between { "The prices disagree:" } else { "By the prices" };
        said.push(format!("{verdict} {whose} breaks even at {at:.1} hours of every day."));
    }
    if break_even.is_some_and(|it| it > limits.rule_reserved_hours) {
        said.push(format!(
            "No reserved offer of the catalog breaks even by {:.0} hours.",
            limits.rule_reserved_hours
        ));
    }
    if let Some(util) = it.workload.totals.gpu_util {
        let healthy = limits.rule_healthy_gpu_active;
        let verdict = if util.get() >= healthy { "are" } else { "are not" };
        said.push(format!(
            "By the rule healthy GPUs are active above {:.0} % of the time; these {verdict}, at {:.0} %.",
            healthy * 100.0,
            util.percent()
        ));
    }
    if let Some(memory) = it.workload.totals.memory_fraction_max
        && memory.get() < limits.rule_memory_fraction
    {
        said.push(format!(
            "By the rule a peak memory use under {:.0} % is over-provisioned; here it is {:.0} %. It does \
             not hold for engines that allocate all memory at the start.",
            limits.rule_memory_fraction * 100.0,
            memory.percent()
        ));
    }
    let serverless = it.recommendation.plans.iter().find(|plan| plan.way == Way::Serverless);
    if let Some(plan) = serverless.filter(|_| it.description.class.kind == Kind::RealTimeInference)
    {
        said.push(format!(
            "By the rule serverless for users keeps one worker on; the cheapest serverless plan here keeps {}.",
            plan.scaling.min
        ));
    }
    said.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_held_against_the_rule_too() {
        use PricingCategory::{Committed, Dynamic, Serverless, Standard};
        let check = |rule, named: &[PricingCategory]| {
            for today in [Standard, Committed, Dynamic, Serverless] {
                assert_eq!(names_today(rule, today), named.contains(&today), "{today:?}");
            }
        };
        check(RuleOfThumb::PayAsYouGo, &[Standard]);
        check(RuleOfThumb::Either, &[Standard, Committed]);
        check(RuleOfThumb::Reserved, &[Committed]);
        check(RuleOfThumb::Serverless, &[Serverless]);
    }

    #[test]
    fn no_reserved_offer_breaks_even_by_eight_hours_a_day() {
        let catalog = Catalog::embedded().unwrap();
        let hours = least_break_even_hours(&catalog).unwrap();
        assert!((8.0..24.0).contains(&hours), "{hours}");
    }
}
