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
    let least = stage.question.slo.attainment;
    let missed = range.iter().find(|it| it.attainment.is_some_and(|share| share < least));
    plan.meets_slo &= missed.is_none();
    if let Some((it, share)) = missed.and_then(|it| Some((it, it.attainment?))) {
        plan.remarks.push(format!(
            "at {} interruptions an hour {:.0} % of requests keep the limits, {:.0} % should",
            it.interruptions_per_hour,
            share.percent(),
            least.percent()
        ));
    }
    plan.spot_range = range;
    declared(stage.question, &mut plan);
    Some(plan)
}

/// Whether somebody said that the workload may be interrupted.
pub(super) fn may_be_advised(question: &Question<'_>) -> bool {
    question.described.workload.settings.interruptible.is_some()
}

/// Spot is not advised where nobody said that the workload may be interrupted.
pub(super) fn declared(question: &Question<'_>, plan: &mut Plan) {
    if !may_be_advised(question) {
        plan.allowed = false;
        plan.needs = Some(DECLARED);
    }
}

/// What a job on spot comes to at one rate of interruptions.
pub(super) struct Stretch {
    rate: f64,
    /// Its cost over that of its hours at the spot price.
    pub(super) factor: f64,
    /// How it keeps its deadline, where it has one.
    deadline: Option<Deadline>,
}

/// Many runs of the longest job against its deadline, in hours.
#[derive(Clone, Copy)]
struct Deadline {
    allowed_h: f64,
    work_h: f64,
    /// 95 % of the runs end by then.
    p95_h: f64,
    /// Share of the runs that end later than the deadline.
    late_share: f64,
    /// Share of the time paid that is on demand.
    on_demand_share: f64,
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
        let Some(deadline_h) = deadline_h else {
            found.push(Stretch { rate, factor: expected_stretch(&job, rate), deadline: None });
            continue;
        };
        let market = market(assumed, rate, on_demand.rate);
        let it = replay_job(&job, &market, N_RUNS, question.context.seed)?;
        let dearer = on_demand.rate.to_f64() / spot.rate.to_f64();
        let paid = it.spot_us + it.on_demand_us * dearer;
        let deadline = Some(Deadline {
            allowed_h: deadline_h,
            work_h: longest_us as f64 / 3.6e9,
            p95_h: it.finished_p95_us as f64 / 3.6e9,
            late_share: it.late_share,
            on_demand_share: it.on_demand_us / (it.spot_us + it.on_demand_us),
        });
        found.push(Stretch { rate, factor: paid / longest_us as f64, deadline });
    }
    Some(found)
}

/// Share of the runs in time at the rate that is advised; nothing without a deadline.
pub(super) fn in_time(stretches: &[Stretch]) -> Option<Fraction> {
    let late_share = stretches.first()?.deadline?.late_share;
    Fraction::try_from(1.0 - late_share).ok()
}

/// By how much a deadline is missed, or how much of the work moves on demand so that it is kept, at the
/// first rate at which that is so.
pub(super) fn deadline_in_words(stretches: &[Stretch]) -> Option<String> {
    let known = || stretches.iter().filter_map(|it| Some((it.rate, it.deadline?)));
    if let Some((rate, it)) = known().find(|it| it.1.late_share > 0.0) {
        let text = format!(
            "at {rate} interruptions an hour {} % of the runs miss the deadline of {} h: the work alone takes \
             {:.1} h, and 95 of 100 runs end within {:.1} h",
            (it.late_share * 1000.0).round() / 10.0,
            it.allowed_h,
            it.work_h,
            it.p95_h
        );
        return Some(text);
    }
    let (rate, it) = known().find(|it| it.1.on_demand_share >= 0.005)?;
    Some(format!(
        "to keep the deadline of {} h, {:.0} % of its hours are on demand at {rate} interruptions an hour",
        it.allowed_h,
        it.on_demand_share * 100.0
    ))
}

/// A cost made longer by a factor, to the nano-unit.
pub(super) fn stretched(cost: Money, factor: f64) -> Option<Money> {
    const PARTS: u64 = 1_000_000_000;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let numerator = (factor * PARTS as f64).round() as u64;
    cost.scale(numerator, PARTS).ok()
}

/// The month of a level on spot at each rate: its hours at the spot price, stretched; the attainment
/// is the share of jobs in time, where they have a deadline.
pub(super) fn range_of(monthly: Money, stretches: &[Stretch]) -> Option<Vec<SpotPoint>> {
    let mut range = Vec::with_capacity(stretches.len());
    for it in stretches {
        range.push(SpotPoint {
            interruptions_per_hour: it.rate,
            monthly_cost: stretched(monthly, it.factor)?,
            attainment: it.deadline.and_then(|it| Fraction::try_from(1.0 - it.late_share).ok()),
        });
    }
    range.sort_by(|a, b| a.interruptions_per_hour.total_cmp(&b.interruptions_per_hour));
    Some(range)
}
