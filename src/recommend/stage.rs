//! One candidate on instances of one size: its service rates, its fleets, its plans.

use super::candidates::{self, Entry};
use super::demand::{Question, RequestLoad, Timing};
use super::money;
use super::offers::may_advise;
use super::plan::{Plan, PlanParts, Scaling, Way};
use crate::catalog::Offer;
use crate::simulate::{
    Billing, FleetAnswer, FleetSpec, Outcome, ServiceModel, Source, least_fleet, least_fleet_near,
    run, run_while_attained,
};
use crate::units::Money;

/// One candidate on instances that host `hosted` replicas each.
pub(super) struct Stage<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) load: &'a RequestLoad<'a>,
    pub(super) entry: &'a Entry,
    pub(super) hosted: u32,
    /// What the fleet must carry over the load of the data; 1 for today's.
    pub(super) load_factor: f64,
}

/// The least fixed fleet that meets the limits, with what it found.
pub(super) struct Fixed {
    pub(super) n: u32,
    pub(super) batch: u32,
    pub(super) outcome: Outcome,
}

impl Stage<'_> {
    /// Whether an offer is an instance of this size.
    pub(super) fn hosts(&self, offer: &Offer) -> bool {
        offer.gpu_count / self.entry.candidate.gpu_count == self.hosted
    }

    /// Everything on offer in this size.
    pub(super) fn offers(&self) -> impl Iterator<Item = &Offer> {
        candidates::all_offers(&self.entry.buyable).filter(|it| self.hosts(it))
    }

    /// Requests one replica may serve at once.
    pub(super) fn slots(&self) -> u32 {
        self.entry.candidate.slots.unwrap_or(1)
    }

    /// Service rates of a fleet of `instances`, and the batch they hold for; nothing when saturated
    /// or when a token takes longer than the limit.
    pub(super) fn service(&self, instances: u32) -> Option<(ServiceModel, u32)> {
        match (&self.load.timing, &self.entry.candidate.replica) {
            (Timing::Measured { slots, .. }, _) => self.at_batch(*slots).map(|it| (it, *slots)),
            (Timing::Model { .. }, Some(replica)) => {
                let replicas = instances.saturating_mul(self.hosted);
                let busiest = self.load.busiest_rps * self.load_factor;
                let planned = replica.planning_batch(busiest, replicas, self.slots());
                // Work nobody waits for may queue: full batches then.
                let batch = planned.or_else(|| self.is_patient().then(|| self.slots()))?;
                self.at_batch(batch).map(|service| (service, batch))
            }
            _ => None,
        }
    }

    /// Service rates with `batch` sequences running, where a token keeps its limit.
    pub(super) fn at_batch(&self, batch: u32) -> Option<ServiceModel> {
        self.speed(batch).filter(|it| match (it, self.load.limits.tpot_us) {
            (ServiceModel::Tokens { tpot_us, .. }, Some(limit)) => *tpot_us <= limit,
            _ => true,
        })
    }

    /// Service rates with `batch` sequences running.
    pub(super) fn speed(&self, batch: u32) -> Option<ServiceModel> {
        match (&self.load.timing, &self.entry.candidate.replica) {
            (Timing::Measured { service_us, .. }, _) => {
                Some(ServiceModel::Fixed { service_us: scaled(*service_us, self.entry.slowdown) })
            }
            (Timing::Model { .. }, Some(replica)) => {
                let tpot_us = replica.tpot_s(batch) * 1e6;
                let prefill_us_per_token = 1e6 / replica.prefill_tokens_per_s(batch);
                Some(ServiceModel::Tokens { prefill_us_per_token, tpot_us })
            }
            _ => None,
        }
    }

    /// Seconds the mean request holds a slot with `batch` running.
    pub(super) fn mean_service_s(&self, batch: u32) -> Option<f64> {
        match (&self.load.timing, &self.entry.candidate.replica) {
            (Timing::Measured { service_us, .. }, _) => {
                Some(*service_us as f64 / 1e6 * self.entry.slowdown)
            }
            (Timing::Model { .. }, Some(replica)) => Some(replica.mean_service_time_s(batch)),
            _ => None,
        }
    }

    /// Whether nobody waits for the answer.
    pub(super) fn is_patient(&self) -> bool {
        self.question.slo.ttft_p95_s.is_none()
    }

    /// `n` instances of this size, to be changed where a plan differs.
    pub(super) fn fleet(&self, n: u32) -> FleetSpec {
        FleetSpec::fixed(n, self.slots().saturating_mul(self.hosted))
    }

    pub(super) fn replay(
        &self,
        service: &ServiceModel,
        fleet: &FleetSpec,
        billing: &Billing,
    ) -> Option<Outcome> {
        run(&self.load.trace.served_by(service), fleet, billing, Some(self.load.limits)).outcome()
    }

    /// The same where it meets the limits, given up as soon as it cannot.
    pub(super) fn replay_to_meet(
        &self,
        service: &ServiceModel,
        fleet: &FleetSpec,
        billing: &Billing,
    ) -> Option<Outcome> {
        self.trial(&self.load.trace.served_by(service), fleet, billing)
    }

    /// The same on any requests.
    pub(super) fn trial(
        &self,
        source: &impl Source,
        fleet: &FleetSpec,
        billing: &Billing,
    ) -> Option<Outcome> {
        let (limits, attainment) = (self.load.limits, self.question.slo.attainment);
        let run = run_while_attained(source, (fleet, billing), limits, attainment);
        run.outcome().filter(|it| self.meets(it))
    }

    pub(super) fn meets(&self, outcome: &Outcome) -> bool {
        outcome.meets(self.question.slo.attainment) && !outcome.unstable
    }

    /// The least fixed fleet that meets the limits, of at most so many GPUs where `gpus` says so; `likely`
    /// instances are tried first, then fewer or more.
    pub(super) fn least_fixed(&self, likely: Option<u32>, gpus: Option<u32>) -> Option<Fixed> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let max = self.question.context.catalog.assumptions.simulate.max_replicas as u32;
        let most = max.div_ceil(self.hosted);
        let of_one = self.hosted.saturating_mul(self.entry.candidate.gpu_count).max(1);
        let most = gpus.map_or(most, |it| most.min(it / of_one));
        let lower = self.least_by_mean_rates(most)?;
        // The rate does not matter here: only who waits how long.
        let buyable = &self.entry.buyable;
        let rate = buyable.payg.first().or(buyable.serverless.first().map(|it| &it.0))?.rate;
        let trial = |n: u32| {
            let (service, batch) = self.service(n)?;
            let fleet = self.fleet(n);
            let billing = Billing::by_the_microsecond(rate);
            // A measured time has no model to add headroom to, so the trial takes longer instead.
            if let ServiceModel::Fixed { service_us } = &service {
                let service_us = scaled(*service_us, self.load_factor);
                self.replay_to_meet(&ServiceModel::Fixed { service_us }, &fleet, &billing)?;
            }
            self.replay_to_meet(&service, &fleet, &billing).map(|it| (batch, it))
        };
        let answer = match likely {
            Some(likely) => least_fleet_near(likely, (lower, most), trial),
            None => least_fleet(lower, most, trial),
        };
        match answer {
            FleetAnswer::Fleet { n, outcome: (batch, outcome) } => {
                Some(Fixed { n, batch, outcome })
            }
            FleetAnswer::Saturated => None,
        }
    }

    /// Instances below which no fixed fleet up to `most` can do, told without a replay: it has no batch for
    /// the busiest hour, or its slots are all taken on average. Nothing, or more than `most`, where not even
    /// `most` can.
    ///
    /// 20 requests a minute of 6 s each hold 2 slots, which an instance of 2 does not outlast: 2 instances.
    fn least_by_mean_rates(&self, most: u32) -> Option<u32> {
        let FleetAnswer::Fleet { n, outcome: (service, _) } =
            least_fleet(1, most, |n| self.service(n))
        else {
            return None;
        };
        let ServiceModel::Fixed { service_us } = service else { return Some(n) };
        let slots = u64::from(self.slots()) * u64::from(self.hosted);
        let (len, window_us) = (self.load.trace.len() as u64, self.load.trace.window_us());
        Some(n.max(least_stable((len, service_us), window_us, slots)))
    }

    /// `fixed.n` instances of one offer all the time.
    pub(super) fn fixed_plan(&self, offer: &Offer, way: Way, fixed: &Fixed) -> Option<Plan> {
        let total = money::month_of(offer.rate, fixed.n)?;
        let busy = portion(total, fixed.outcome.busy_share().unwrap_or(0.0))?;
        let idle = total.checked_sub(busy).ok()?;
        let zero = Money::zero(total.currency());
        let committed = matches!(way, Way::Reserved { .. });
        let parts = PlanParts {
            busy,
            idle: if committed { zero } else { idle },
            starting: zero,
            committed_unused: if committed { idle } else { zero },
        };
        let scaling = Scaling {
            policy: "fixed",
            value: None,
            min: fixed.n,
            max: fixed.n,
            idle_timeout_s: None,
            cold_start_s: None,
            slots: Some(self.slots()),
            schedule: None,
        };
        Some(self.plan(way, vec![offer.clone()], (total, parts), (&fixed.outcome, scaling)))
    }

    /// Requests per replica an autoscaler aims at: the batch of the fixed fleet, at least a few, at
    /// most the target share of the slots, and never so many that tokens miss their limit.
    pub(super) fn target_batch(&self, fixed: &Fixed) -> u32 {
        let assumed = &self.question.context.catalog.assumptions.simulate;
        if matches!(self.load.timing, Timing::Measured { .. }) {
            return self.slots();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let (least, most) = (
            assumed.autoscale_least_target as u32,
            (f64::from(self.slots()) * assumed.autoscale_target).floor() as u32,
        );
        // Work nobody waits for fills its replicas before it asks for more.
        let wanted = if self.is_patient() { most } else { fixed.batch.max(least) };
        self.within_tpot(wanted.min(most.max(1)))
    }

    /// So many requests in service at once, or fewer where tokens would miss their limit.
    pub(super) fn within_tpot(&self, mut batch: u32) -> u32 {
        while batch > 1 && self.at_batch(batch).is_none() {
            batch -= batch.div_ceil(8);
        }
        batch.max(1)
    }

    pub(super) fn cold_start_s(&self) -> f64 {
        let workload = self.question.described.workload;
        let assumed = &self.question.context.catalog.assumptions.cold_start;
        workload.settings.cold_start_s.unwrap_or_else(|| match &self.entry.candidate.replica {
            Some(replica) => replica.cold_start_s(assumed),
            None => assumed.unknown_model_s,
        })
    }

    /// A start on a rented instance: its boot comes first, unless the user measured the whole.
    pub(super) fn rented_start_s(&self) -> f64 {
        match self.question.described.workload.settings.cold_start_s {
            Some(measured) => measured,
            None => {
                self.cold_start_s()
                    + self.question.context.catalog.assumptions.cold_start.instance_boot_s
            }
        }
    }

    pub(super) fn plan(
        &self,
        way: Way,
        offers: Vec<Offer>,
        (monthly_cost, parts): (Money, PlanParts),
        (outcome, scaling): (&Outcome, Scaling),
    ) -> Plan {
        let candidate = &self.entry.candidate;
        let offer_ids: Vec<&str> = offers.iter().map(|it| it.id.as_str()).collect();
        Plan {
            id: format!(
                "{}:{}:{}:min{}",
                way.as_word(),
                candidate.id,
                offer_ids.join("+"),
                scaling.min
            ),
            candidate_id: Some(candidate.id.clone()),
            gpu: candidate.gpu.clone(),
            gpu_count: candidate.gpu_count,
            pipeline_parallel_size: candidate.pipeline_parallel_size,
            precision: candidate.precision.clone(),
            monthly_cost,
            parts,
            elastic: None,
            latencies: Plan::latencies_of(outcome),
            attainment: outcome.attainment(),
            meets_slo: self.meets(outcome),
            allowed: offers.iter().all(|it| may_advise(self.question, it)),
            needs: None,
            conditions: Vec::new(),
            spot_range: Vec::new(),
            remarks: Vec::new(),
            cold_starts: Some(outcome.cold_starts),
            delayed_requests: Some(outcome.delayed_requests),
            scaling,
            way,
            offers,
        }
    }
}

/// The fewest instances of so many slots that `n` requests of a time each do not hold all the time of a
/// window, which would be unstable.
fn least_stable((n, service_us): (u64, u64), window_us: u64, slots: u64) -> u32 {
    let held_us = u128::from(service_us) * u128::from(n);
    let of_one_us = u128::from(window_us) * u128::from(slots);
    u32::try_from(held_us / of_one_us.max(1)).unwrap_or(u32::MAX).saturating_add(1)
}

/// A time made longer by a factor.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn scaled(us: u64, factor: f64) -> u64 {
    (us as f64 * factor).round() as u64
}

/// A share of an amount, to the nano-unit.
pub(super) fn portion(total: Money, share: f64) -> Option<Money> {
    const PARTS: u64 = 1_000_000_000;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1")]
    let numerator = (share.clamp(0.0, 1.0) * PARTS as f64).round() as u64;
    total.scale(numerator, PARTS).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simulate::Trace;
    use crate::units::{Currency, MoneyPerHour};

    /// 20 requests of 6 s in a minute hold two slots all the time.
    #[test]
    fn what_is_held_all_the_time_is_too_few() {
        assert_eq!(least_stable((20, 6_000_000), 60_000_000, 2), 2);
        assert_eq!(least_stable((19, 6_000_000), 60_000_000, 2), 1);
        assert_eq!(least_stable((20, 0), 60_000_000, 2), 1);
        assert_eq!(least_stable((0, 6_000_000), 0, 0), 1);
    }

    proptest! {
        #[test]
        fn fewer_are_unstable_and_so_many_are_not(
            n in 1_u64..60,
            service_us in prop_oneof![Just(0_u64), 1_u64..200, Just(100_u64)],
            window_us in prop_oneof![Just(100_u64), 60_u64..500],
            slots in 1_u32..5,
        ) {
            let trace = Trace::new((0..n).collect(), window_us);
            let rate = MoneyPerHour::parse("1", Currency::USD).unwrap();
            let is_unstable = |instances: u32| {
                let service = ServiceModel::Fixed { service_us };
                let fleet = FleetSpec::fixed(instances, slots);
                let billing = Billing::by_the_microsecond(rate);
                run(&trace.served_by(&service), &fleet, &billing, None).outcome().unwrap().unstable
            };
            let least = least_stable((n, service_us), window_us, u64::from(slots));
            prop_assert!((1..least).all(is_unstable));
            prop_assert!(!is_unstable(least));
        }
    }
}
