//! What is asked: flags, and the platform where they leave something open, as fleet and billing.

use std::sync::Arc;

use super::super::failure::Failure;
use super::platform::{PlatformDefaults, platform_defaults};
use super::policy::{Chosen, Clock};
use crate::catalog::{Catalog, ScalerRule};
use crate::cli::{Policy, SimulateArgs};
use crate::report::PlatformUsed;
use crate::simulate::{Billing, Delay, FleetSpec, SloLimits, Spot};

/// After so long without a request, at most so many replicas.
type Caps = Arc<[(u64, u32)]>;

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
        let stated = stated.and_then(|it| Some((it.scaler?, it.slots.unwrap_or(1))));
        let chosen = match (&args.fleet.policy, stated) {
            (Some(policy), _) => Chosen::Flag(policy),
            (None, Some((rule, slots))) => Chosen::Platform(rule, slots),
            (None, None) => {
                let name = args.fleet.platform.as_deref().unwrap_or("the platform");
                let message = format!("no source states how {name} scales");
                return Err(Failure::usage(message, "give --policy"));
            }
        };
        let without_effect = chosen.refuse(args)?;
        let slots = if matches!(args.fleet.policy, Some(Policy::PerRequest)) {
            Some(1)
        } else {
            taken.or("slots", args.fleet.slots, |it| it.slots, ToString::to_string)
        };
        if let Chosen::Platform(rule, stated_for) = chosen {
            let rule = rule.for_concurrency(stated_for, slots.unwrap_or(stated_for));
            taken.note("policy", rule_in_words(rule));
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
            notes: notes(&without_effect),
            platform: taken.used,
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

/// Says which flags change nothing.
fn notes(without_effect: &[&str]) -> Vec<String> {
    match without_effect {
        [] => Vec::new(),
        [flag] => vec![format!("a fixed fleet never changes: {flag} has no effect")],
        flags => {
            vec![format!("a fixed fleet never changes: {} have no effect", flags.join(", "))]
        }
    }
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
    let free_start = bill.bill_start.map(|it| if it { 0 } else { u64::MAX });
    let start_words = |us: u64| match us {
        0 => "true".to_owned(),
        u64::MAX => "false".to_owned(),
        us => format!("after {}", seconds(us)),
    };
    Billing {
        rate: bill.price,
        base_rate: bill.reserved_price.unwrap_or(bill.price),
        free_start_us: taken
            .or("bill start", free_start, |it| it.free_start_us, |it| start_words(*it))
            .unwrap_or(0),
        granularity_us: taken
            .or("granularity", bill.granularity, |it| it.granularity_us, |it| seconds(*it))
            .unwrap_or(0),
        minimum_us: taken
            .or("minimum", bill.minimum, |it| it.minimum_us, |it| seconds(*it))
            .unwrap_or(0),
    }
}

fn fleet(
    args: &SimulateArgs,
    chosen: Chosen<'_>,
    catalog: &Catalog,
    taken: &mut Taken,
) -> Result<FleetSpec, Failure> {
    let queue_timeout_us = taken.or(
        "queue timeout",
        args.demand.queue_timeout,
        |it| it.queue_timeout_us.filter(|_| !matches!(args.fleet.policy, Some(Policy::PerRequest))),
        |it| seconds(*it),
    );
    if let Some(n) = chosen.fixed() {
        return Ok(FleetSpec { queue_timeout_us, ..FleetSpec::fixed(n, 1) });
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
    let idle_timeout = if chosen.leaves_by_idle_timeout() {
        let given = args.fleet.idle_timeout;
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
    Ok(FleetSpec {
        min_replicas: min,
        max_replicas: max,
        idle_timeout,
        cold_start,
        cancel_starts: args.fleet.cancel_starts,
        queue_timeout_us,
        holds_requests: taken
            .or("holds requests", None, |it| it.holds_requests, ToString::to_string)
            .unwrap_or(true),
        idle_caps: taken
            .or("idle caps", None, |it| some_caps(&it.idle_caps), caps_in_words)
            .unwrap_or_default(),
        ..FleetSpec::fixed(min, 1)
    })
}

fn some_caps(caps: &Caps) -> Option<Caps> {
    (!caps.is_empty()).then(|| Arc::clone(caps))
}

/// `2 after 3 days, 0 after 7 days`.
fn caps_in_words(caps: &Caps) -> String {
    let days = |us: u64| us / 86_400_000_000;
    let each = caps.iter().map(|(us, n)| format!("{n} after {} days", days(*us)));
    each.collect::<Vec<_>>().join(", ")
}

/// The most replicas there may be.
fn most(
    args: &SimulateArgs,
    min: u32,
    catalog: &Catalog,
    taken: &mut Taken,
) -> Result<u32, Failure> {
    let given = args.fleet.max;
    if given == Some(0) || given.is_some_and(|it| it < min) {
        let (message, hint) = if given == Some(0) {
            ("a fleet of at most 0 replicas can never serve".to_owned(), "give --max 1 or more")
        } else {
            (format!("--min {min} is above --max {}", given.unwrap_or(0)), "raise --max")
        };
        return Err(Failure::usage(message, hint));
    }
    if let (None, Some(Policy::Schedule(week))) = (given, &args.fleet.policy) {
        let most = week.most().max(min);
        return if most > 0 {
            Ok(most)
        } else {
            let message = "a schedule without a replica can never serve";
            Err(Failure::usage(message, "give a range with replicas, or --min"))
        };
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let assumed = catalog.assumptions.simulate.max_replicas as u32;
    let cap = taken.or("max", given, |it| it.max_replicas, ToString::to_string);
    Ok(cap.unwrap_or(assumed).max(min))
}

/// The platform and what was taken from it.
struct Taken {
    defaults: Option<PlatformDefaults>,
    used: Option<PlatformUsed>,
}

impl Taken {
    fn of(args: &SimulateArgs, catalog: &Catalog) -> Result<Taken, Failure> {
        let Some(name) = &args.fleet.platform else {
            return Ok(Taken { defaults: None, used: None });
        };
        let Some(platform) = catalog.platform(name) else {
            let all: Vec<&str> = catalog.platforms.iter().map(|it| it.provider.as_str()).collect();
            let near = catalog.suggest_platform(name).into_iter().next();
            let near = near.map(|it| format!("did you mean {it}? ")).unwrap_or_default();
            return Err(Failure::usage(
                format!("no platform `{name}` in the catalog"),
                format!("{near}Known are {}", all.join(", ")),
            ));
        };
        Ok(Taken {
            defaults: Some(platform_defaults(platform)),
            used: Some(PlatformUsed {
                provider: platform.provider.clone(),
                taken: Vec::new(),
                assumed: platform.assumed.clone(),
                source: platform.source.clone(),
                as_of: platform.as_of.clone(),
            }),
        })
    }

    fn note(&mut self, what: &'static str, value: String) {
        if let Some(used) = &mut self.used {
            used.taken.push((what, value));
        }
    }

    /// What the flag says, else the platform.
    fn or<T>(
        &mut self,
        what: &'static str,
        given: Option<T>,
        of: impl FnOnce(&PlatformDefaults) -> Option<T>,
        words: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        if given.is_some() {
            return given;
        }
        let found = self.defaults.as_ref().and_then(of)?;
        self.note(what, words(&found));
        Some(found)
    }
}

fn rule_in_words(rule: ScalerRule) -> String {
    match rule {
        ScalerRule::QueueDelay { threshold_us } => {
            format!("queue-delay:{}", threshold_us as f64 / 1e6)
        }
        ScalerRule::RequestCount { requests } => format!("request-count:{requests}"),
        rule => match rule.target() {
            Some(target) => format!("{} {target}", rule.as_word()),
            None => rule.as_word().to_owned(),
        },
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
    fn several_rates_are_compared_with_none() {
        assert_eq!(rates(&[]), [None]);
        assert_eq!(rates(&[0.1]), [Some(0.1)]);
        assert_eq!(rates(&[0.1, 0.05]), [Some(0.0), Some(0.05), Some(0.1)]);
        assert_eq!(rates(&[0.1, 0.0]), [Some(0.0), Some(0.1)]);
    }
}
