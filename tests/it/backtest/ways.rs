//! Our sizing of a stretch of requests, and what others would have paid in the second half.

use std::sync::atomic::AtomicBool;

use gpuadvise::catalog::Catalog;
use gpuadvise::classify::{
    Description, RuleOfThumb, Timing, describe, rule_of_thumb, timing, todays_fit,
};
use gpuadvise::ingest::Policy;
use gpuadvise::recommend::{self, Action, Context, Described, Plan, Recommendation, Search, Way};
use gpuadvise::simulate::{
    Billing, FleetAnswer, FleetSpec, LevelDemand, Replay, ServiceModel, SloLimits, Trace,
    least_fleet, run,
};
use gpuadvise::size::Replica;
use gpuadvise::units::{Currency, HOURS_PER_MONTH, MoneyPerHour, Period, Timestamp, whole_us};
use gpuadvise::workload::{CountSeries, Demand, Workload};

use super::data::Setting;

const SEED: u64 = 0;
const HOUR_US: i64 = 3_600_000_000;
/// A month over an hour.
const HOURS: f64 = HOURS_PER_MONTH as f64;

/// Prices and rules of a run.
pub(super) struct Shop {
    pub(super) catalog: Catalog,
    policy: Policy,
    stop: AtomicBool,
}

impl Shop {
    /// As shipped, for the hardware that runs today: what is compared is how it is bought.
    pub(super) fn new(setting: &Setting) -> Shop {
        let mut catalog = Catalog::embedded().unwrap();
        catalog.assumptions.advice.simulated_candidates = 1.0;
        catalog.gpus.retain(|it| it.name == setting.gpu);
        catalog.offers.retain(|it| it.gpu_count == setting.gpus);
        let providers = std::iter::once(setting.provider).chain(setting.serverless);
        let policy = Policy {
            providers: providers.map(str::to_owned).collect(),
            switch_provider: setting.serverless.is_some(),
            ..Policy::default()
        };
        Shop { catalog, policy, stop: AtomicBool::new(false) }
    }

    /// The same with commitments from the first day.
    pub(super) fn without_minimum(setting: &Setting) -> Shop {
        let mut shop = Shop::new(setting);
        shop.catalog.assumptions.advice.min_days_commitment = 0.0;
        shop
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context {
            catalog: &self.catalog,
            policy: &self.policy,
            seed: SEED,
            as_of: Timestamp::parse("2026-11-26T00:00:00Z", chrono_tz::Tz::UTC).unwrap(),
            zone: chrono_tz::Tz::UTC,
            search: Search::default(),
            stop: &self.stop,
        }
    }

    pub(super) fn describe(&self, workload: &Workload) -> Description {
        describe(workload, &self.catalog, (chrono_tz::Tz::UTC, workload.window.end())).unwrap()
    }

    pub(super) fn advise(&self, workload: &Workload, description: &Description) -> Recommendation {
        recommend::advise(Described::of(workload, description), self.context())
    }

    /// The same in hindsight, where a change of demand is no reason to wait with a commitment.
    pub(super) fn in_hindsight(
        &self,
        workload: &Workload,
        description: &Description,
    ) -> Recommendation {
        let described = Described { changed_at: None, ..Described::of(workload, description) };
        recommend::advise(described, self.context())
    }

    /// What following an advice costs on other demand.
    pub(super) fn follow(
        &self,
        advised: &Recommendation,
        (workload, description): (&Workload, &Description),
    ) -> Charged {
        let advice = &advised.advice;
        if advice.action == Action::Stop {
            let meets = description.features.n == 0;
            return Charged { usd: 0.0, meets, share: None, plan: "stop".to_owned() };
        }
        let is_advised = |it: &&Plan| match &advice.plan_id {
            Some(id) => it.id == *id,
            None => it.way == Way::Today,
        };
        let plan = advised.plans.iter().find(is_advised).unwrap();
        self.charge(plan, advised, (workload, description))
    }

    /// What a plan of a recommendation costs on other demand.
    pub(super) fn charge(
        &self,
        plan: &Plan,
        advised: &Recommendation,
        (workload, description): (&Workload, &Description),
    ) -> Charged {
        let is_run = |id: &String| advised.candidates.iter().find(|it| it.id == *id);
        let candidate = plan.candidate_id.as_ref().and_then(is_run);
        let described = Described::of(workload, description);
        let again = recommend::replay(plan, candidate, described, self.context()).unwrap();
        Charged {
            usd: again.monthly_cost.to_f64(),
            meets: again.meets_slo,
            share: again.attainment.map(gpuadvise::units::Fraction::get),
            plan: again.label(),
        }
    }

    /// Pay as you go that follows demand, as it was cheapest in the first half.
    pub(super) fn scaled(
        &self,
        advised: &Recommendation,
        second: (&Workload, &Description),
    ) -> Charged {
        let is = |it: &&Plan| it.way == Way::PaygAutoscaled && it.meets_slo;
        let plan = advised.plans.iter().find(is).unwrap_or(today(advised));
        self.charge(plan, advised, second)
    }

    /// The article's rule, applied to the first half and charged on the second. Between its limits it
    /// takes what was cheaper in the first half.
    pub(super) fn rule(
        &self,
        (advised, first): (&Recommendation, &Description),
        second: (&Workload, &Description),
        ((following, reserving), before): ((f64, f64), impl Fn() -> (f64, f64)),
    ) -> (&'static str, f64) {
        let class = &first.class;
        let busy = class.replica_busy_hours_per_day.or(first.features.busy_hours_per_day);
        match rule_of_thumb(class.shape, busy, &self.catalog.assumptions.classify) {
            Some(RuleOfThumb::PayAsYouGo) => ("pay as you go", following),
            Some(RuleOfThumb::Reserved) => ("reserved", reserving),
            Some(RuleOfThumb::Either) => {
                let (followed, reserved) = before();
                ("either", if followed <= reserved { following } else { reserving })
            }
            Some(RuleOfThumb::Serverless) => {
                let is_serverless = |it: &&Plan| it.way == Way::Serverless && it.meets_slo;
                // Nobody sells serverless nodes for training: by use is what comes nearest.
                match advised.plans.iter().find(is_serverless) {
                    Some(plan) => ("serverless", self.charge(plan, advised, second).usd),
                    None => ("serverless", following),
                }
            }
            None => ("none", self.charge(today(advised), advised, second).usd),
        }
    }
}

/// Today's plan of a recommendation.
pub(super) fn today(advised: &Recommendation) -> &Plan {
    advised.plans.iter().find(|it| it.way == Way::Today).unwrap()
}

/// The cheapest plan that keeps its limits and may be had.
pub(super) fn best(advised: &Recommendation) -> &Plan {
    let able = advised.plans.iter().filter(|it| it.meets_slo && it.allowed);
    able.min_by(|a, b| a.monthly_cost.to_f64().total_cmp(&b.monthly_cost.to_f64())).unwrap()
}

/// What a plan cost on the second half.
#[derive(Clone, Debug)]
pub(super) struct Charged {
    /// In a month of 730 hours.
    pub(super) usd: f64,
    /// Whether it kept the limits.
    pub(super) meets: bool,
    /// Share of the requests that did.
    pub(super) share: Option<f64>,
    /// In words.
    pub(super) plan: String,
}

/// Instances in each hour at a rate, as a month.
pub(super) fn monthly(instances: &[u32], above: u32, rate: MoneyPerHour) -> f64 {
    let hours: u32 = instances.iter().map(|it| it.saturating_sub(above)).sum();
    f64::from(hours) * rate.to_f64() * HOURS / instances.len() as f64
}

/// `n` instances for a month.
pub(super) fn held(n: u32, rate: MoneyPerHour) -> f64 {
    f64::from(n) * rate.to_f64() * HOURS
}

/// GPUs in use with `base` instances reserved and the rest by use, as a month; and the most
/// instances in use at once.
pub(super) fn level(
    workload: &Workload,
    base: u32,
    setting: &Setting,
    catalog: &Catalog,
) -> (f64, u32) {
    let Demand::Level(series) = &workload.demand else { panic!("no level") };
    let demand = LevelDemand::new(series, workload.demand_window, setting.gpus).unwrap();
    let (payg, reserved) = (setting.payg(catalog).rate, setting.reserved(catalog).rate);
    let cost = demand.cost(base, payg, reserved).unwrap();
    let usd = cost.elastic_cost.to_f64() + cost.base_cost.to_f64();
    (usd * HOURS / workload.demand_window.hours(), demand.max_instances())
}

/// How many instances requests need by our sizing, of today's deployment.
///
/// As `analyze` sizes a fleet: the planning batch leaves the headroom of a change.
pub(super) struct Sizing {
    headroom: f64,
    replica: Replica,
    slots: u32,
    limits: SloLimits,
    workload: Workload,
}

impl Sizing {
    pub(super) fn of(workload: Workload, catalog: &Catalog) -> Sizing {
        let Ok(Timing::Model { arch, profile, precision }) =
            timing(&workload, catalog, &mut Vec::new())
        else {
            panic!("no model")
        };
        let (replica, slots) = todays_fit(&workload, catalog, (arch, &profile, precision)).unwrap();
        let slo = workload.settings.slo.unwrap();
        let limits = SloLimits {
            ttft_us: slo.ttft_p95_s.map(whole_us),
            tpot_us: slo.tpot_p95_s.map(|it| it * 1e6),
        };
        let headroom = catalog.assumptions.capacity.downgrade_headroom;
        Sizing { headroom, replica, slots, limits, workload }
    }

    fn series(&self) -> &CountSeries {
        let Demand::Counts(series) = &self.workload.demand else { panic!("no counts") };
        series
    }

    /// The fewest instances that keep the limits all the time.
    pub(super) fn fixed(&self) -> u32 {
        self.least(self.workload.demand_window)
    }

    /// The fewest of each hour.
    pub(super) fn by_hour(&self) -> Vec<u32> {
        let window = self.workload.demand_window;
        let hour = |at: i64| {
            let start = window.start().plus_us(at * HOUR_US);
            self.least(Period::new(start, start.plus_us(HOUR_US)).unwrap())
        };
        (0..window.len_us() / HOUR_US).map(hour).collect()
    }

    fn least(&self, window: Period) -> u32 {
        let name = &self.workload.seed_name;
        let trace = Trace::from_counts(self.series(), window, name, SEED).unwrap();
        if trace.is_empty() {
            return 0;
        }
        let busiest_rps = trace.busiest_hour() as f64 / 3600.0 / (1.0 - self.headroom);
        let answer = least_fleet(1, 512, |n| {
            let batch = self.replica.planning_batch(busiest_rps, n, self.slots)?;
            let tpot_us = self.replica.tpot_s(batch) * 1e6;
            let prefill_us_per_token = 1e6 / self.replica.prefill_tokens_per_s(batch);
            let service = ServiceModel::Tokens { prefill_us_per_token, tpot_us };
            let fleet = FleetSpec::fixed(n, self.slots);
            let free = MoneyPerHour::from_nano(0, Currency::USD);
            let billing = Billing::by_the_microsecond(free);
            let slo = Some(self.limits);
            match run(&trace.served_by(&service), &fleet, &billing, slo) {
                Replay::Done(outcome) => {
                    let attainment = self.workload.settings.slo.unwrap().attainment;
                    (outcome.meets(attainment) && !outcome.unstable).then_some(())
                }
                Replay::Impossible(why) => panic!("{why}"),
            }
        });
        match answer {
            FleetAnswer::Fleet { n, .. } => n,
            FleetAnswer::Saturated => panic!("{name}: more than 512 instances"),
        }
    }
}
