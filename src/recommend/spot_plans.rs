//! Plans on spot capacity, with the range of interruptions nobody knows.

use super::demand::Question;
use super::plan::{Plan, SpotPoint};
use super::stage::{Fixed, Stage};
use crate::catalog::{Offer, SpotMarket};
use crate::simulate::{Job, Spot, expected_stretch, replay_job};
use crate::units::{Fraction, Money, MoneyPerHour, whole_us};
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
/// costs at the ends of the range; nothing where it costs a month's `limit`.
pub(super) fn for_requests(
    stage: &Stage<'_>,
    (spot, on_demand): (&Offer, &Offer),
    fixed: &Fixed,
    limit: f64,
) -> Option<Plan> {
    let assumed = &stage.question.context.catalog.assumptions.spot;
    let at = |rate| stage.on_spot(spot, on_demand, fixed, market(assumed, rate, on_demand.rate));
    let [middle, ends @ ..] = rates(assumed);
    let mut plan = at(middle)?;
    if plan.monthly_cost.to_f64() >= limit {
        return None;
    }
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

/// What a job on spot comes to at one rate of interruptions.
pub(super) struct Stretch {
    rate: f64,
    /// Its cost over that of its hours at the spot price.
    pub(super) factor: f64,
    /// Share of its runs that end after the deadline; zero without one.
    late_share: f64,
}

/// A job with checkpoints at each rate, the one that is advised first: by the closed form, or with a
/// deadline by many runs of the longest time in use, which move on demand when they would be late.
/// Checkpoints come on top of the hours of the bill. Nothing where no interval is declared: the job
/// would begin again from nothing.
pub(super) fn stretches(
    question: &Question<'_>,
    longest_us: u64,
    (spot, on_demand): (&Offer, &Offer),
    restart_s: f64,
) -> Option<Vec<Stretch>> {
    /// Runs of a job at each rate.
    const N_RUNS: u32 = 1_000;
    let assumed = &question.context.catalog.assumptions.spot;
    let Interruptible { checkpoint_interval_s, checkpoint_write_s, deadline_h } =
        question.described.workload.settings.interruptible?;
    let job = Job {
        work_us: longest_us,
        interval_us: whole_us(checkpoint_interval_s?).max(1),
        write_us: whole_us(checkpoint_write_s.unwrap_or(assumed.checkpoint_write_s)),
        restart_us: whole_us(restart_s),
        deadline_us: deadline_h.map(|hours| whole_us(hours * 3600.0)),
    };
    let mut found = Vec::new();
    for rate in rates(assumed) {
        let (factor, late_share) = if job.deadline_us.is_none() {
            (expected_stretch(&job, rate), 0.0)
        } else {
            let market = market(assumed, rate, on_demand.rate);
            let it = replay_job(&job, &market, N_RUNS, question.context.seed)?;
            let dearer = on_demand.rate.to_f64() / spot.rate.to_f64();
            let paid = it.spot_us + it.on_demand_us * dearer;
            (paid / longest_us as f64, it.late_share)
        };
        found.push(Stretch { rate, factor, late_share });
    }
    Some(found)
}

/// A cost made longer by a factor, to the nano-unit.
pub(super) fn stretched(cost: Money, factor: f64) -> Option<Money> {
    const PARTS: u64 = 1_000_000_000;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let numerator = (factor * PARTS as f64).round() as u64;
    cost.scale(numerator, PARTS).ok()
}

/// The month of a level on spot at each rate: its hours at the spot price, stretched; the attainment
/// is the share of jobs in time.
pub(super) fn range_of(monthly: Money, stretches: &[Stretch]) -> Option<Vec<SpotPoint>> {
    let mut range = Vec::with_capacity(stretches.len());
    for it in stretches {
        range.push(SpotPoint {
            interruptions_per_hour: it.rate,
            monthly_cost: stretched(monthly, it.factor)?,
            attainment: Fraction::try_from(1.0 - it.late_share).ok(),
        });
    }
    range.sort_by(|a, b| a.interruptions_per_hour.total_cmp(&b.interruptions_per_hour));
    Some(range)
}
