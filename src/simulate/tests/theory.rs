//! The engine against exact queueing theory: 30 independent replications at fixed seeds, a tenth of
//! each left out as warm-up, at most four standard errors from the exact value.

use super::Waits;
use crate::catalog::ScalerRule;
use crate::simulate::random::Random;
use crate::simulate::run::{Way, replay};
use crate::simulate::*;
use crate::units::{Currency, MoneyPerHour};

const N_REPLICATIONS: u64 = 30;
const N_REQUESTS: usize = 4_000;
const S: f64 = 1e6;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "test times are small")]
fn us(seconds: f64) -> u64 {
    (seconds * S).round() as u64
}

/// Poisson arrivals at `rate` per second, each with a service time.
fn poisson(
    seed: u64,
    rate: f64,
    mut service_s: impl FnMut(&mut Random) -> f64,
) -> (Trace, ServiceModel) {
    let mut random = Random::new(seed);
    let mut now = 0.0;
    let (mut at, mut service) = (Vec::new(), Vec::new());
    for _ in 0..N_REQUESTS {
        now += random.exponential() / rate;
        at.push(us(now));
        service.push(us(service_s(&mut random)));
    }
    let window_us = at.last().unwrap() + 1;
    (Trace::new(at, window_us), ServiceModel::PerRequest(service))
}

/// The values of all replications lie around the exact one.
fn check(name: &str, exact: f64, mut value: impl FnMut(u64) -> f64) {
    let values: Vec<f64> = (0..N_REPLICATIONS).map(&mut value).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square: f64 = values.iter().map(|it| (it - mean) * (it - mean)).sum();
    let z = (mean - exact) / (square / (n - 1.0) / n).sqrt();
    assert!(z.abs() <= 4.0, "{name}: {mean} against {exact}, z = {z:.2}");
    assert!((mean / exact - 1.0).abs() < 0.2, "{name}: {mean} against {exact}");
}

/// Mean sojourn in seconds after the warm-up.
fn sojourn(trace: &Trace, service: &ServiceModel, fleet: &FleetSpec, way: Way) -> f64 {
    let billing = Billing::by_the_microsecond(MoneyPerHour::from_nano(1, Currency::USD));
    let mut waits = Waits::default();
    assert!(replay(&trace.served_by(service), (fleet, &billing), way, &mut waits).is_ok());
    let ServiceModel::PerRequest(times) = service else { return f64::NAN };
    let from = times.len() / 10;
    let total: u64 =
        waits.0[from..].iter().zip(&times[from..]).map(|(wait, time)| wait + time).sum();
    total as f64 / S / (times.len() - from) as f64
}

/// `C = B / (1 - rho (1 - B))`, `E[T] = 1/mu + C / (c mu - lambda)`.
fn erlang_c_sojourn(lambda: f64, mu: f64, c: u32) -> f64 {
    let load = lambda / mu;
    let b = (1..=c).fold(1.0, |b, m| load * b / (f64::from(m) + load * b));
    let rho = load / f64::from(c);
    let waits = b / (1.0 - rho * (1.0 - b));
    1.0 / mu + waits / (f64::from(c) * mu - lambda)
}

#[test]
fn erlang_c() {
    for (c, lambda, published) in
        [(1, 0.5, 2.0), (2, 1.2, 1.5625), (8, 6.0, 1.178_490_5), (16, 13.0, 1.111_419_1)]
    {
        let exact = erlang_c_sojourn(lambda, 1.0, c);
        assert!((exact - published).abs() < 1e-6, "{c}: {exact}");
        for (way, fleet) in [
            (Way::FreeSlots, FleetSpec::fixed(c, 1)),
            (Way::FreeSlots, FleetSpec::fixed(1, c)),
            (Way::Events, FleetSpec::fixed(c, 1)),
        ] {
            check("M/M/c", exact, |seed| {
                let (trace, service) = poisson(seed, lambda, Random::exponential);
                sojourn(&trace, &service, &fleet, way)
            });
        }
    }
}

/// `E[T] = S + rho S / (2 (1 - rho))`: at rho = 0.7 and S = 1 it is 2.1667.
#[test]
fn one_server_with_constant_service() {
    check("M/D/1", 1.0 + 0.7 / 0.6, |seed| {
        let (trace, service) = poisson(seed, 0.7, |_| 1.0);
        sojourn(&trace, &service, &FleetSpec::fixed(1, 1), Way::FreeSlots)
    });
}

/// One worker that starts when a request waits and leaves after a fixed idle time: with
/// `p = exp(-lambda tau)`, `E[T] = E[S] + lambda E[S^2] / (2 (1 - rho)) + p (I + lambda I^2 / 2) / (1 + lambda p I)`
/// (Fuhrmann and Cooper), cycle `C = (1/lambda + p I) / (1 - rho)`, billed share
/// `rho + (p I + (1 - p) / lambda) / C` and `p / (lambda C)` starts per request.
#[test]
fn one_worker_with_setup_and_idle_timeout() {
    for (lambda, mean, setup, tau, published) in [
        (0.05, 4.0, 20.0, 5.0, 18.13),
        (0.01, 4.0, 30.0, 60.0, 20.42),
        (0.1, 6.0, 45.0, 10.0, 35.26),
    ] {
        let rho = lambda * mean;
        let p = libm::exp(-lambda * tau);
        let exact = mean
            + lambda * 2.0 * mean * mean / (2.0 * (1.0 - rho))
            + p * (setup + lambda * setup * setup / 2.0) / (1.0 + lambda * p * setup);
        assert!((exact - published).abs() < 0.1, "{exact}");
        let cycle = (1.0 / lambda + p * setup) / (1.0 - rho);
        let billed = rho + (p * setup + (1.0 - p) / lambda) / cycle;
        let fleet = FleetSpec {
            max_replicas: 1,
            scaler: Scaler::Rule(ScalerRule::QueueDelay { threshold_us: 0 }),
            idle_timeout: Delay::Constant(us(tau)),
            cold_start: Delay::Constant(us(setup)),
            ..FleetSpec::fixed(0, 1)
        };
        let make = |seed| poisson(seed, lambda, |random| mean * random.exponential());
        let billing = Billing::by_the_microsecond(MoneyPerHour::from_nano(1, Currency::USD));
        check("E[T]", exact, |seed| {
            let (trace, service) = make(seed);
            sojourn(&trace, &service, &fleet, Way::Events)
        });
        check("billed share", billed, |seed| {
            let (trace, service) = make(seed);
            let it = run(&trace.served_by(&service), &fleet, &billing, None).outcome().unwrap();
            it.elastic.billed_us as f64 / trace.window_us() as f64
        });
        check("starts per request", p / (lambda * cycle), |seed| {
            let (trace, service) = make(seed);
            let it = run(&trace.served_by(&service), &fleet, &billing, None).outcome().unwrap();
            it.cold_starts as f64 / it.requests as f64
        });
    }
}

#[test]
fn the_least_fleet_of_erlang_c() {
    // 6 erlangs: 95 % start within half a mean service from 9 servers on.
    let (trace, service) = poisson(3, 6.0, Random::exponential);
    let billing = Billing::by_the_microsecond(MoneyPerHour::from_nano(1, Currency::USD));
    let slo = SloLimits { ttft_us: Some(us(0.5)), tpot_us: None };
    let target = crate::units::Fraction::try_from(0.95).unwrap();
    let share = |n| {
        let fleet = FleetSpec::fixed(n, 1);
        run(&trace.served_by(&service), &fleet, &billing, Some(slo)).outcome()
    };
    let found = least_fleet(1, 64, |n| share(n).filter(|it| it.meets(target)));
    let FleetAnswer::Fleet { n, outcome } = found else { panic!("saturated") };
    assert!((8..=10).contains(&n), "{n}");
    assert!(outcome.meets(target) && !share(n - 1).unwrap().meets(target));
    assert!(matches!(
        least_fleet(1, 5, |n| share(n).filter(|it| it.meets(target))),
        FleetAnswer::Saturated
    ));
}
