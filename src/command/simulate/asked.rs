//! What is asked: flags, and the platform where they leave something open, as fleet and billing.

use std::sync::Arc;

use super::super::failure::Failure;
use super::policy::{Chosen, Clock};
use super::taken::{Rule, Taken};
use super::workers::most;
use crate::catalog::{
    Catalog, ConcurrencyRule, HorizontalRule, InFlightRule, ScalerRule, ServerlessPlatform,
    StepwiseRule,
};
use crate::cli::{Policy, SimulateArgs};
use crate::report::PlatformUsed;
use crate::simulate::{Billing, Delay, FleetSpec, SloLimits, Spot};

/// After so long without a request, at most so many replicas.
type Caps = Arc<[(u64, u32)]>;

const BILL_START: Rule = Rule {
    what: "bill start",
    key: "bill_start",
    otherwise: "starts are billed",
    is_of_bill: true,
};
const GRANULARITY: Rule = Rule {
    what: "granularity",
    key: "granularity_s",
    otherwise: "nothing is rounded up",
    is_of_bill: true,
};
const MINIMUM: Rule =
    Rule { what: "minimum", key: "minimum_s", otherwise: "there is none", is_of_bill: true };
const QUEUE_TIMEOUT: Rule = Rule {
    what: "queue timeout",
    key: "queue_timeout_s",
    otherwise: "requests wait as long as it takes",
    is_of_bill: false,
};
const EXECUTION_TIMEOUT: Rule = Rule {
    what: "execution timeout",
    key: "execution_timeout_s",
    otherwise: "no request is ended in service",
    is_of_bill: false,
};
const HOLDS_REQUESTS: Rule = Rule {
    what: "holds requests",
    key: "holds_requests",
    otherwise: "requests wait while no replica is ready",
    is_of_bill: false,
};

/// The plan, but for what depends on the workload.
pub(super) struct Asked<'a> {
    pub(super) chosen: Chosen<'a>,
    /// Slots by flag, else by platform.
    pub(super) slots: Option<u32>,
    fleet: FleetSpec,
    pub(super) billing: Billing,
    pub(super) slo: Option<SloLimits>,
    /// Rates of interruptions to compare; one `None` without spot.
    pub(super) rates: Vec<Option<f64>>,
    spot: Spot,
    /// What to say about the flags.
    pub(super) notes: Vec<String>,
    /// What was taken from a platform.
    pub(super) platform: Option<PlatformUsed>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(args: &'a SimulateArgs, catalog: &Catalog) -> Result<Asked<'a>, Failure> {
        let mut taken = Taken::of(args, catalog)?;
        let stated = taken.defaults.as_ref();
        let stated = stated.and_then(|it| Some((it.scaler?, it.stated_for)));
        let chosen = match (&args.fleet.policy, stated) {
            (Some(policy), _) => {
                taken.leave("scaler");
                Chosen::Flag(policy)
            }
            (None, Some((rule, stated_for))) => Chosen::Platform(rule, stated_for),
            (None, None) => {
                return Err(Failure::usage("nothing says how the fleet scales", "give --policy"));
            }
        };
        let without_effect = chosen.refuse(args)?;
        let one_each = chosen.is_per_request().then_some(1);
        let slots =
            taken.or("slots", args.fleet.slots.or(one_each), |it| it.slots, ToString::to_string);
        if args.fleet.slots.or(one_each).is_some() {
            taken.leave("concurrency_per_worker");
        }
        if let Chosen::Platform(rule, stated_for) = chosen {
            let for_slots = slots.map_or(rule, |it| rule.for_concurrency(stated_for, it));
            let stated_for = stated_for.or(slots).unwrap_or(1);
            let words = rule_in_words(for_slots, slots.unwrap_or(stated_for));
            let published = rule_in_words(rule, stated_for);
            let differs = words != published && for_slots != rule;
            taken.note(
                "policy",
                if differs { format!("{words} (published: {published})") } else { words },
            );
        }
        let billing = billing(args, &mut taken);
        let fleet = fleet(args, chosen, catalog, &mut taken)?;
        let slo = args.demand.slo_ttft.map(|us| SloLimits { ttft_us: Some(us), tpot_us: None });
        let spot = Spot {
            interruptions_per_hour: 0.0,
            notice_us: args.spot.spot_notice.unwrap_or(0),
            outage_us: args.spot.spot_outage.unwrap_or(0),
            fallback: args.spot.spot_fallback,
        };
        Ok(Asked {
            chosen,
            slots,
            fleet,
            billing,
            slo,
            rates: rates(&args.spot.spot_rate),
            spot,
            notes: notes(args, chosen, &without_effect, taken.platform.as_ref()),
            platform: taken.used(chosen.fixed().is_some()),
        })
    }

    /// The fleet for replicas of so many slots.
    pub(super) fn fleet(
        &self,
        slots: u32,
        clock: Clock,
        rate: Option<f64>,
        seed: u64,
    ) -> FleetSpec {
        FleetSpec {
            slots_per_replica: slots,
            scaler: self.chosen.scaler(slots, clock),
            spot: rate.map(|it| Spot { interruptions_per_hour: it, ..self.spot }),
            seed,
            ..self.fleet.clone()
        }
    }
}

/// Says which flags and rules change nothing, and which prices are odd.
fn notes(
    args: &SimulateArgs,
    chosen: Chosen<'_>,
    without_effect: &[&str],
    platform: Option<&ServerlessPlatform>,
) -> Vec<String> {
    let mut notes = Vec::new();
    match without_effect {
        [] => {}
        [flag] => notes.push(format!("a fixed fleet never changes: {flag} has no effect")),
        flags => {
            let flags = flags.join(", ");
            notes.push(format!("a fixed fleet never changes: {flags} have no effect"));
        }
    }
    let queue_rules = platform.filter(|_| chosen.is_per_request()).map_or_else(Vec::new, |it| {
        let stated = [
            (QUEUE_TIMEOUT.key, it.queue_timeout_s.is_some()),
            (HOLDS_REQUESTS.key, it.holds_requests.is_some()),
            ("idle_caps", !it.idle_caps.is_empty()),
        ];
        stated.iter().filter(|it| it.1).map(|it| it.0).collect()
    });
    if !queue_rules.is_empty() {
        notes.push(format!(
            "each request has a replica and none waits in a queue: without effect is {} of the platform",
            queue_rules.join(", ")
        ));
    }
    if args.spot.spot_fallback.is_some_and(|it| it.nano() < args.bill.price.nano()) {
        notes.push(
            "--spot-fallback is below --price: on demand would cost less than spot".to_owned(),
        );
    }
    notes
}

/// The rates to compare: none first where several are asked for.
fn rates(asked: &[f64]) -> Vec<Option<f64>> {
    match asked {
        [] => vec![None],
        [rate] => vec![Some(*rate)],
        several => {
            let mut all = several.to_vec();
            all.push(0.0);
            all.sort_by(f64::total_cmp);
            all.dedup();
            all.into_iter().map(Some).collect()
        }
    }
}

fn billing(args: &SimulateArgs, taken: &mut Taken) -> Billing {
    let bill = &args.bill;
    if args.fleet.policy.as_ref().is_some_and(|it| matches!(it, Policy::Fixed(_))) {
        let base_rate = bill.reserved_price.unwrap_or(bill.price);
        return Billing { base_rate, ..Billing::by_the_microsecond(bill.price) };
    }
    let free_start = bill.free_start.or(bill.bill_start.map(|it| if it { 0 } else { u64::MAX }));
    if free_start.is_some() {
        taken.leave("free_start_phases");
    } else {
        taken.assume_free_phases();
    }
    let is_billed = |us: &u64| (*us == 0).to_string();
    let of_platform = taken.defaults.as_ref().and_then(|it| it.free_start_us);
    // Its start is billed all the same, but for the part that the flag frees.
    if let Some(us) = of_platform.filter(|us| bill.free_start.is_some() && *us == 0) {
        taken.note(BILL_START.what, is_billed(&us));
    }
    Billing {
        rate: bill.price,
        base_rate: bill.reserved_price.unwrap_or(bill.price),
        free_start_us: taken
            .or_assumed(BILL_START, free_start, |it| it.free_start_us, is_billed)
            .unwrap_or(0),
        granularity_us: taken
            .or_assumed(GRANULARITY, bill.granularity, |it| it.granularity_us, |it| seconds(*it))
            .unwrap_or(0),
        minimum_us: taken
            .or_assumed(MINIMUM, bill.minimum, |it| it.minimum_us, |it| seconds(*it))
            .unwrap_or(0),
    }
}

fn fleet(
    args: &SimulateArgs,
    chosen: Chosen<'_>,
    catalog: &Catalog,
    taken: &mut Taken,
) -> Result<FleetSpec, Failure> {
    let has_queue = !chosen.is_per_request();
    let queue_timeout_us = has_queue.then(|| {
        let given = args.demand.queue_timeout;
        taken.or_assumed(QUEUE_TIMEOUT, given, |it| it.queue_timeout_us, |it| seconds(*it))
    });
    let execution_timeout_us = taken.or_assumed(
        EXECUTION_TIMEOUT,
        args.demand.execution_timeout,
        |it| it.execution_timeout_us,
        |it| seconds(*it),
    );
    let timed = |fleet: FleetSpec| FleetSpec {
        queue_timeout_us: queue_timeout_us.flatten(),
        execution_timeout_us,
        ..fleet
    };
    if let Some(n) = chosen.fixed() {
        return Ok(timed(FleetSpec::fixed(n, 1)));
    }
    let min = args.fleet.min.unwrap_or(0);
    let max = most(args, min, catalog, taken)?;
    if args.bill.reserved_price.is_some() && min == 0 {
        return Err(Failure::usage(
            "--reserved-price is the price of the replicas that are always on, and there are none",
            "give --min, or leave --reserved-price out",
        ));
    }
    let Some(cold_start) = args.fleet.cold_start else {
        return Err(Failure::usage(
            "nothing says how long a replica takes to start",
            "give --cold-start: const:S, exp:MEAN or mix:P:S1:S2, in seconds",
        ));
    };
    let given = args.fleet.idle_timeout;
    if given.is_some() || !chosen.leaves_by_idle_timeout() {
        taken.leave("idle_timeout_s");
    }
    let idle_timeout = if chosen.leaves_by_idle_timeout() {
        let found = taken.or("idle timeout", given, |it| it.idle_timeout, delay_in_words);
        found.ok_or_else(|| {
            Failure::usage(
                "nothing says how long an idle replica stays, and under this policy none leaves otherwise",
                "give --idle-timeout: const:S or exp:MEAN, in seconds",
            )
        })?
    } else {
        Delay::Constant(0)
    };
    let fleet = timed(FleetSpec {
        min_replicas: min,
        max_replicas: max,
        idle_timeout,
        cold_start,
        cancel_starts: args.fleet.cancel_starts,
        ..FleetSpec::fixed(min, 1)
    });
    if !has_queue {
        taken.leave(QUEUE_TIMEOUT.key);
        taken.leave(HOLDS_REQUESTS.key);
        return Ok(fleet);
    }
    Ok(FleetSpec {
        holds_requests: taken
            .or_assumed(HOLDS_REQUESTS, None, |it| it.holds_requests, ToString::to_string)
            .unwrap_or(true),
        idle_caps: taken
            .or("idle caps", None, |it| effective_caps(&it.idle_caps, min, max), caps_in_words)
            .unwrap_or_default(),
        ..fleet
    })
}

/// The caps that leave fewer replicas than there may be: those that are always on stay.
fn effective_caps(caps: &[(u64, u32)], min: u32, max: u32) -> Option<Caps> {
    let held = caps.iter().map(|(us, n)| (*us, (*n).max(min)));
    let caps: Caps = held.filter(|it| it.1 < max).collect();
    (!caps.is_empty()).then_some(caps)
}

/// `2 after 3 days, 0 after 7 days`.
fn caps_in_words(caps: &Caps) -> String {
    let days = |us: u64| us / 86_400_000_000;
    let each = caps.iter().map(|(us, n)| format!("{n} after {} days", days(*us)));
    each.collect::<Vec<_>>().join(", ")
}

/// The rule as `--policy` takes it for replicas of so many slots; in words of its own where its other
/// values are not the published ones, which the flag has.
fn rule_in_words(rule: ScalerRule, slots: u32) -> String {
    // What the product with a share was, without what the product rounded.
    let over = |value: f64, by: f64| (value / by * 1e9).round() / 1e9;
    match rule {
        ScalerRule::QueueDelay { threshold_us } => {
            return format!("queue-delay:{}", threshold_us as f64 / 1e6);
        }
        ScalerRule::RequestCount { requests } => return format!("request-count:{requests}"),
        ScalerRule::Concurrency(it) => {
            let concurrency = over(it.target, ConcurrencyRule::published(1.0).target);
            let published = ConcurrencyRule::published(concurrency);
            if it == (ConcurrencyRule { target: it.target, ..published }) {
                return format!("knative:{concurrency}");
            }
        }
        ScalerRule::InFlight(it) => {
            let share = over(it.target, f64::from(slots));
            if it == InFlightRule::published(it.target) && share <= 1.0 {
                return format!("utilization:{share}");
            }
        }
        ScalerRule::Horizontal(it) => {
            let target = over(it.target, 1.0);
            if it == HorizontalRule::published(it.target) {
                return format!("keda:{target}");
            }
        }
        ScalerRule::Stepwise(it) => {
            if it == StepwiseRule::published(it.metric) {
                return it.metric.as_word().replace('_', "-");
            }
        }
    }
    match rule.target() {
        Some(target) => format!("{} {target}", rule.as_word()),
        None => rule.as_word().to_owned(),
    }
}

fn seconds(us: u64) -> String {
    format!("{} s", us as f64 / 1e6)
}

fn delay_in_words(delay: &Delay) -> String {
    format!("{} s", delay.mean_us() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_a_platform_is_told_as_the_flag_takes_it() {
        let check = |name: &str, slots: u32, expected: &str| {
            let catalog = Catalog::embedded().unwrap();
            let rule = *catalog.platform(name).unwrap().scalers.first().unwrap();
            assert_eq!(rule_in_words(rule, slots), expected, "{name}");
        };
        check("runpod-serverless", 1, "queue-delay:4");
        check("knative", 100, "knative:100");
        check("keda", 1, "keda:100");
        check("baseten", 1, "utilization:0.7");
        check("hf-endpoints", 1, "busy-share");
    }

    #[test]
    fn several_rates_are_compared_with_none() {
        assert_eq!(rates(&[]), [None]);
        assert_eq!(rates(&[0.1]), [Some(0.1)]);
        assert_eq!(rates(&[0.1, 0.05]), [Some(0.0), Some(0.05), Some(0.1)]);
        assert_eq!(rates(&[0.1, 0.0]), [Some(0.0), Some(0.1)]);
    }
}
