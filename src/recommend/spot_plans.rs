//! Plans on spot capacity, with the range of interruptions nobody knows.

use super::demand::Question;
use super::plan::{Plan, SpotPoint};
use super::stage::{Fixed, Stage};
use crate::catalog::{Offer, SpotMarket};
use crate::classify::whole_us;
use crate::simulate::{Job, Spot, expected_stretch};
use crate::units::{Money, MoneyPerHour};
use crate::workload::Interruptible;

/// What a workload must declare before spot is advised.
pub(super) const DECLARED: &str = "interruptible = true in the config of the workload";

/// The rates a plan on spot is shown at, the one that is advised first.
pub(super) fn rates(assumed: &SpotMarket) -> [f64; 3] {
    [
        assumed.interruptions_per_hour,
        assumed.low_interruptions_per_hour,
        assumed.high_interruptions_per_hour,
    ]
}

/// The market at one rate.
pub(super) fn market(assumed: &SpotMarket, rate: f64, fallback: MoneyPerHour) -> Spot {
    Spot {
        interruptions_per_hour: rate,
        notice_us: whole_us(assumed.notice_s),
        outage_us: whole_us(assumed.outage_h * 3600.0),
        fallback: Some(fallback),
    }
}

/// The fixed fleet on spot with on demand in its outages: the plan at the assumed rate, with what it
/// costs at the ends of the range.
pub(super) fn for_requests(
    stage: &Stage<'_>,
    spot: &Offer,
    on_demand: &Offer,
    fixed: &Fixed,
) -> Option<Plan> {
    let assumed = &stage.question.context.catalog.assumptions.spot;
    let at = |rate| stage.on_spot(spot, on_demand, fixed, market(assumed, rate, on_demand.rate));
    let [middle, ends @ ..] = rates(assumed);
    let mut plan = at(middle)?;
    let point = |rate, plan: &Plan| SpotPoint {
        interruptions_per_hour: rate,
        monthly_cost: plan.monthly_cost,
        attainment: plan.attainment,
    };
    let mut range = vec![point(middle, &plan)];
    for rate in ends {
        range.push(point(rate, &at(rate)?));
    }
    range.sort_by(|a, b| a.interruptions_per_hour.total_cmp(&b.interruptions_per_hour));
    // One that keeps its limits only while nobody takes anything back does not keep them.
    plan.meets_slo &= range
        .iter()
        .all(|it| it.attainment.is_none_or(|share| share >= stage.question.slo.attainment));
    plan.spot_range = range;
    declared(stage.question, &mut plan);
    Some(plan)
}

/// Spot is not advised where nobody said that the workload may be interrupted.
pub(super) fn declared(question: &Question<'_>, plan: &mut Plan) {
    if question.described.workload.settings.interruptible.is_none() {
        plan.allowed = false;
        plan.needs = Some(DECLARED);
    }
}

/// How much longer a job with checkpoints runs at each rate, beside the rate; without a declared
/// interval it would begin again from nothing, so nothing can be said.
pub(super) fn stretches(question: &Question<'_>, restart_s: f64) -> Option<Vec<(f64, f64)>> {
    let assumed = &question.context.catalog.assumptions.spot;
    let Interruptible { checkpoint_interval_s, checkpoint_write_s, .. } =
        question.described.workload.settings.interruptible?;
    let job = Job {
        work_us: 0,
        interval_us: whole_us(checkpoint_interval_s?).max(1),
        write_us: whole_us(checkpoint_write_s.unwrap_or(assumed.checkpoint_write_s)),
        restart_us: whole_us(restart_s),
        deadline_us: None,
    };
    // The bill of today holds its checkpoints already.
    let today = expected_stretch(&job, 0.0);
    Some(rates(assumed).map(|rate| (rate, expected_stretch(&job, rate) / today)).to_vec())
}

/// A cost made longer by a factor, to the nano-unit.
pub(super) fn stretched(cost: Money, factor: f64) -> Option<Money> {
    const PARTS: u64 = 1_000_000_000;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let numerator = (factor * PARTS as f64).round() as u64;
    cost.scale(numerator, PARTS).ok()
}

/// The months' cost of a level on spot at each rate: its hours at the spot rate, stretched.
pub(super) fn range_of(monthly: Money, stretches: &[(f64, f64)]) -> Option<Vec<SpotPoint>> {
    let mut range = Vec::with_capacity(stretches.len());
    for (rate, stretch) in stretches {
        range.push(SpotPoint {
            interruptions_per_hour: *rate,
            monthly_cost: stretched(monthly, *stretch)?,
            attainment: None,
        });
    }
    range.sort_by(|a, b| a.interruptions_per_hour.total_cmp(&b.interruptions_per_hour));
    Some(range)
}
