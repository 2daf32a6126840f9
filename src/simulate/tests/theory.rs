//! The engine against exact queueing theory: 30 independent replications at fixed seeds, a million
//! requests a model, a tenth of each left out as warm-up. Every figure is at most four standard
//! errors from its exact value, and at most 2 % of them are more than three away.

use rayon::prelude::*;

use super::Waits;
use crate::catalog::ScalerRule;
use crate::simulate::run::{Way, replay, settle};
use crate::simulate::*;
use crate::units::{Currency, Fraction, MoneyPerHour};

const N_REPLICATIONS: u64 = 30;
const N_REQUESTS: u64 = 33_334;
const S: f64 = 1e6;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "test times are small")]
fn us(seconds: f64) -> u64 {
    (seconds * S).round() as u64
}

fn constant(seconds: f64) -> Delay {
    Delay::Constant(us(seconds))
}

fn exponential(seconds: f64) -> Delay {
    Delay::Exponential { mean_us: seconds * S }
}

fn two_point(share: f64, short_s: f64, long_s: f64) -> Delay {
    Delay::Mixture { share, short_us: us(short_s), long_us: us(long_s) }
}

/// Mean and mean square in seconds.
fn moments(delay: Delay) -> (f64, f64) {
    let mean = delay.mean_us() / S;
    match delay {
        Delay::Constant(_) => (mean, mean * mean),
        Delay::Exponential { .. } => (mean, 2.0 * mean * mean),
        Delay::Mixture { share, short_us, long_us } => {
            let (short, long) = (short_us as f64 / S, long_us as f64 / S);
            (mean, share * short * short + (1.0 - share) * long * long)
        }
    }
}

/// Mean of `exp(-lambda x delay)`: the probability that nothing arrives in that time.
fn nothing_arrives(lambda: f64, delay: Delay) -> f64 {
    let within = |us: u64| libm::exp(-lambda * us as f64 / S);
    match delay {
        Delay::Constant(us) => within(us),
        Delay::Exponential { mean_us } => 1.0 / (1.0 + lambda * mean_us / S),
        Delay::Mixture { share, short_us, long_us } => {
            share * within(short_us) + (1.0 - share) * within(long_us)
        }
    }
}

/// What one replication measures after its warm-up, times in seconds, the rest means over time or
/// over requests.
#[derive(Clone, Copy, Debug)]
enum Figure {
    Sojourn,
    InSystem,
    Ready,
    Busy,
    Starting,
    Idle,
    Billed,
    StartsPerRequest,
    WaitShare,
    RefusedShare,
}

struct Model {
    name: String,
    lambda: f64,
    service: Delay,
    fleet: FleetSpec,
    exact: Vec<(Figure, f64)>,
}

/// The outcome and the waits of a run.
fn replayed(trace: &Trace, service: &ServiceModel, fleet: &FleetSpec) -> (Outcome, Vec<u64>) {
    let billing = Billing::by_the_microsecond(MoneyPerHour::from_nano(1, Currency::USD));
    let way = match fleet.scaler {
        Scaler::PerRequest => Way::PerRequest,
        Scaler::Fixed => Way::FreeSlots,
        _ => Way::Events,
    };
    let mut waits = Waits::default();
    let books = replay(&trace.served_by(service), (fleet, &billing), way, &mut waits);
    (settle(trace.window_us(), fleet, books.ok().unwrap()).unwrap(), waits.0)
}

/// One replication. What happened up to the end of the warm-up is what the run over those requests
/// alone finds; the run over all of them goes through the same states, so the rest is a difference.
fn measure(model: &Model, seed: u64) -> Vec<f64> {
    let fleet = FleetSpec { seed, ..model.fleet.clone() };
    let made = Generator::new(Gaps::Poisson, model.lambda, N_REQUESTS, model.service, seed);
    let made = made.unwrap();
    let (at, times): (Vec<u64>, Vec<u64>) =
        made.requests().map(|it| (it.at_us, it.service_us)).unzip();
    let n_warm = at.len() / 10;
    let (from, until) = (at[n_warm], made.window_us());
    let warm = Trace::new(at[..n_warm].to_vec(), from);
    let n = (at.len() - warm.len()) as f64;
    let (before, _) =
        replayed(&warm, &ServiceModel::PerRequest(times[..warm.len()].to_vec()), &fleet);
    let trace = Trace::new(at.clone(), until);
    let (all, waits) = replayed(&trace, &ServiceModel::PerRequest(times.clone()), &fleet);
    let time =
        |of: fn(&Usage) -> u64| (all.all(of) - before.all(of)) as f64 / (until - from) as f64;
    let leaves = |i: usize| at[i] + waits[i] + times[i];
    let value = |figure| match figure {
        Figure::Sojourn => {
            (n_warm..at.len()).map(|i| leaves(i) - at[i]).sum::<u64>() as f64 / n / S
        }
        Figure::InSystem => {
            let inside = |i| leaves(i).min(until).saturating_sub(at[i].max(from));
            (0..at.len()).map(inside).sum::<u64>() as f64 / (until - from) as f64
        }
        Figure::Ready => time(|it| it.busy_us + it.idle_us),
        Figure::Busy => time(|it| it.busy_us),
        Figure::Starting => time(|it| it.starting_us),
        Figure::Idle => time(|it| it.idle_us),
        Figure::Billed => time(|it| it.billed_us),
        Figure::StartsPerRequest => (all.cold_starts - before.cold_starts) as f64 / n,
        Figure::WaitShare => waits[n_warm..].iter().filter(|it| **it > 0).count() as f64 / n,
        Figure::RefusedShare => (all.refused - before.refused) as f64 / n,
    };
    model.exact.iter().map(|(figure, _)| value(*figure)).collect()
}

/// From 0 to `k` replicas, a start as soon as a request waits.
fn setup(k: u32, cold_start: Delay, idle_timeout: Delay, cancel_starts: bool) -> FleetSpec {
    FleetSpec {
        max_replicas: k,
        scaler: Scaler::Rule(ScalerRule::QueueDelay { threshold_us: 0 }),
        idle_timeout,
        cold_start,
        cancel_starts,
        ..FleetSpec::fixed(0, 1)
    }
}

/// The rows of `tests/data/queue_reference.csv`. `E_on` counts Ready replicas.
fn reference() -> Vec<Model> {
    let text = include_str!("../../../tests/data/queue_reference.csv");
    let mut lines = text.lines().map(|it| it.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let rows = lines.map(|row| {
        let cell = |name| row[names.iter().position(|it| *it == name).unwrap()];
        let number = |name| cell(name).parse::<f64>().ok();
        let rate = |name| number(name).unwrap();
        let k: u32 = cell("k").parse().unwrap();
        let off = number("beta_idleoff_rate");
        let idle_timeout = off.map_or(constant(0.0), |beta| exponential(1.0 / beta));
        let fleet = match number("alpha_setup_rate") {
            None => FleetSpec::fixed(k, 1),
            Some(alpha) => {
                let cancels = !cell("model").contains("no-cancel");
                setup(k, exponential(1.0 / alpha), idle_timeout, cancels)
            }
        };
        let columns = [
            ("E_T", Figure::Sojourn),
            ("E_N", Figure::InSystem),
            ("E_on", Figure::Ready),
            ("E_busy", Figure::Busy),
            ("E_setup", Figure::Starting),
            ("E_idle", Figure::Idle),
        ];
        let given = columns.into_iter().filter_map(|(name, it)| Some((it, number(name)?)));
        // The replicas of a fixed fleet are always Ready; without a timeout none is ever idle.
        let mut exact: Vec<(Figure, f64)> = given
            .filter(|(it, value)| match it {
                Figure::Ready => fleet.scaler != Scaler::Fixed,
                Figure::Idle => *value > 0.0,
                _ => true,
            })
            .collect();
        if let Some((_, rest)) = cell("note").split_once("P_wait(C)=") {
            let waits = rest.split(';').next().unwrap().parse().unwrap();
            exact.push((Figure::WaitShare, waits));
        }
        Model {
            name: format!("{} {k} {} {}", cell("model"), cell("lambda"), cell("alpha_setup_rate")),
            lambda: rate("lambda"),
            service: exponential(1.0 / rate("mu")),
            fleet,
            exact,
        }
    });
    rows.collect()
}

/// With so many replicas that none ever lacks, the jobs that wait are
/// `P(j) ~ prod(lambda / (lambda + l alpha), l = 1..j)` (Gandhi et al., product form), each with a
/// start of its own: at lambda = 2 and alpha = 0.1 there are 2 + 3.353904 jobs. And M/M/4/setup.
fn setup_without_a_limit() -> Vec<Model> {
    let jobs_waiting = |lambda: f64, alpha: f64| {
        let (mut weight, mut total, mut sum) = (1.0, 0.0, 0.0);
        for j in 0..10_000 {
            total += weight;
            sum += f64::from(j) * weight;
            weight *= lambda / (lambda + f64::from(j + 1) * alpha);
        }
        sum / total
    };
    assert!((jobs_waiting(2.0, 0.1) - 3.353_904).abs() < 1e-6);
    let mut models = Vec::new();
    for (lambda, alpha) in [(2.0, 0.1), (5.0, 0.05)] {
        let waiting = jobs_waiting(lambda, alpha);
        models.push(Model {
            name: format!("M/M/inf/setup {lambda} {alpha}"),
            lambda,
            service: exponential(1.0),
            fleet: setup(500, exponential(1.0 / alpha), constant(0.0), true),
            exact: vec![
                (Figure::InSystem, lambda + waiting),
                (Figure::Starting, waiting),
                (Figure::Ready, lambda),
            ],
        });
    }
    models.push(Model {
        name: "M/M/4/setup 2 0.1".to_owned(),
        lambda: 2.0,
        service: exponential(1.0),
        fleet: setup(4, exponential(10.0), constant(0.0), true),
        exact: vec![(Figure::Sojourn, 4.462_136_7)],
    });
    models
}

/// `E[T] = E[S] + lambda E[S^2] / (2 (1 - rho))` (Pollaczek and Khinchine): at rho = 0.7 and S = 1
/// it is 2.1667. The share that waits is rho.
fn one_server() -> Vec<Model> {
    let rows = [
        (0.7, constant(1.0)),
        (0.9, constant(1.0)),
        (0.5, two_point(0.8, 0.5, 4.0)),
        (0.3, two_point(0.5, 0.0, 4.0)),
        (0.6, exponential(1.0)),
    ];
    let models = rows.into_iter().map(|(lambda, service)| {
        let (mean, square) = moments(service);
        let rho = lambda * mean;
        let sojourn = mean + lambda * square / (2.0 * (1.0 - rho));
        Model {
            name: format!("M/G/1 {lambda} {service:?}"),
            lambda,
            service,
            fleet: FleetSpec::fixed(1, 1),
            exact: vec![
                (Figure::Sojourn, sojourn),
                (Figure::InSystem, lambda * sojourn),
                (Figure::Busy, rho),
                (Figure::WaitShare, rho),
            ],
        }
    });
    models.collect()
}

/// One worker that starts when a request waits and leaves after an idle time. With p the
/// probability that nothing arrives in the idle time and I the start,
/// `E[T] = E[S] + lambda E[S^2] / (2 (1 - rho)) + p (E[I] + lambda E[I^2] / 2) / (1 + lambda p E[I])`
/// (Fuhrmann and Cooper), cycle `C = (1/lambda + p E[I]) / (1 - rho)`, billed share
/// `rho + (p E[I] + (1 - p) / lambda) / C` and `p / (lambda C)` starts per request.
fn one_worker() -> Vec<Model> {
    let published = [
        (0.05, exponential(4.0), constant(20.0), constant(5.0), Some(18.13)),
        (0.01, exponential(4.0), constant(30.0), constant(60.0), Some(20.42)),
        (0.1, exponential(6.0), constant(45.0), constant(10.0), Some(35.26)),
        (0.05, constant(4.0), constant(20.0), constant(5.0), None),
        (0.05, two_point(0.75, 1.0, 13.0), constant(20.0), constant(5.0), None),
        (0.05, two_point(0.75, 1.0, 13.0), two_point(0.9, 2.0, 60.0), constant(30.0), None),
        (0.1, exponential(2.0), exponential(10.0), two_point(0.5, 0.0, 20.0), None),
        (0.1, constant(3.0), two_point(0.5, 1.0, 40.0), exponential(8.0), None),
    ];
    let models = published.into_iter().map(|(lambda, service, start, tau, published)| {
        let ((mean, square), (i, i_square)) = (moments(service), moments(start));
        let rho = lambda * mean;
        let p = nothing_arrives(lambda, tau);
        let sojourn = mean
            + lambda * square / (2.0 * (1.0 - rho))
            + p * (i + lambda * i_square / 2.0) / (1.0 + lambda * p * i);
        assert!(published.is_none_or(|it| (sojourn - it).abs() < 0.02), "{sojourn}");
        let cycle = (1.0 / lambda + p * i) / (1.0 - rho);
        let idle = (1.0 - p) / lambda / cycle;
        Model {
            name: format!("M/G/1/setup {lambda} {service:?} {start:?} {tau:?}"),
            lambda,
            service,
            fleet: setup(1, start, tau, false),
            exact: vec![
                (Figure::Sojourn, sojourn),
                (Figure::Busy, rho),
                (Figure::Starting, p * i / cycle),
                (Figure::Idle, idle),
                (Figure::Billed, rho + p * i / cycle + idle),
                (Figure::StartsPerRequest, p / (lambda * cycle)),
            ],
        }
    });
    models.collect()
}

/// One request per replica and no queue is a loss system: with `m` replicas Ready the share
/// refused is Erlang's B, whatever the service. One replica at a low rate is cold when nothing
/// arrived in its timeout.
fn per_request() -> Vec<Model> {
    let b = |load: f64, m: u32| (1..=m).fold(1.0, |b, m| load * b / (f64::from(m) + load * b));
    let mut models = Vec::new();
    for (lambda, m, service) in
        [(1.2, 2, exponential(1.0)), (6.0, 8, constant(1.0)), (13.0, 16, two_point(0.9, 0.5, 5.5))]
    {
        let fleet = FleetSpec { scaler: Scaler::PerRequest, ..FleetSpec::fixed(m, 1) };
        let refused = b(lambda, m);
        models.push(Model {
            name: format!("M/G/{m}/{m} {lambda} {service:?}"),
            lambda,
            service,
            fleet,
            exact: vec![(Figure::RefusedShare, refused), (Figure::Busy, lambda * (1.0 - refused))],
        });
    }
    // One replica, service and start of no time: a gap longer than the timeout is a cold start.
    models.push(Model {
        name: "gaps".to_owned(),
        lambda: 0.1,
        service: constant(0.0),
        fleet: FleetSpec {
            scaler: Scaler::PerRequest,
            idle_timeout: constant(10.0),
            max_replicas: 1,
            ..FleetSpec::fixed(0, 1)
        },
        exact: vec![
            (Figure::StartsPerRequest, libm::exp(-1.0)),
            (Figure::Billed, 1.0 - libm::exp(-1.0)),
        ],
    });
    models
}

#[test]
fn every_figure_is_within_four_standard_errors() {
    let models: Vec<Model> =
        [reference(), setup_without_a_limit(), one_server(), one_worker(), per_request()]
            .into_iter()
            .flatten()
            .collect();
    let runs: Vec<(u64, u64)> = (0..models.len() as u64)
        .flat_map(|model| (0..N_REPLICATIONS).map(move |i| (model, i)))
        .collect();
    let values: Vec<Vec<f64>> = runs
        .par_iter()
        .map(|(model, i)| measure(&models[usize::try_from(*model).unwrap()], 1000 * model + i))
        .collect();
    let mut scores = Vec::new();
    for (model, values) in models.iter().zip(values.chunks(30)) {
        for (place, (figure, exact)) in model.exact.iter().enumerate() {
            let n = values.len() as f64;
            let mean = values.iter().map(|it| it[place]).sum::<f64>() / n;
            let square: f64 = values.iter().map(|it| (it[place] - mean) * (it[place] - mean)).sum();
            let error = (square / (n - 1.0) / n).sqrt();
            let z = (mean - exact) / error;
            let line =
                format!("{:<64.64} {figure:<16?} {exact:>11.6} {mean:>11.6} {z:>6.2}", model.name);
            // A figure that scatters by more than a tenth proves little.
            assert!(error < 0.1 * exact, "{line}");
            scores.push((z, line));
        }
    }
    let beyond =
        |limit: f64| scores.iter().filter(|it| it.0.is_nan() || it.0.abs() > limit).count();
    let table: Vec<&str> = scores.iter().map(|it| it.1.as_str()).collect();
    let table = table.join("\n");
    let most = scores.iter().map(|it| it.0.abs()).fold(0.0, f64::max);
    let summary = format!("{} figures, {} beyond 3, largest {most:.2}", scores.len(), beyond(3.0));
    assert!(beyond(4.0) == 0 && 50 * beyond(3.0) <= scores.len(), "{table}\n{summary}");
    assert!(scores.len() > 130, "{summary}");
    println!("{table}\n{summary}");
}

#[test]
fn the_least_fleet_of_erlang_c() {
    // 6 erlangs: 95 % start within half a mean service from 9 servers on.
    let source = Generator::new(Gaps::Poisson, 6.0, 4_000, exponential(1.0), 3).unwrap();
    let billing = Billing::by_the_microsecond(MoneyPerHour::from_nano(1, Currency::USD));
    let slo = SloLimits { ttft_us: Some(us(0.5)), tpot_us: None };
    let target = Fraction::try_from(0.95).unwrap();
    let share = |n| run(&source, &FleetSpec::fixed(n, 1), &billing, Some(slo)).outcome();
    let found = least_fleet(1, 64, |n| share(n).filter(|it| it.meets(target)));
    let FleetAnswer::Fleet { n, outcome } = found else { panic!("saturated") };
    assert!((8..=10).contains(&n), "{n}");
    assert!(outcome.meets(target) && !share(n - 1).unwrap().meets(target));
    assert!(matches!(
        least_fleet(1, 5, |n| share(n).filter(|it| it.meets(target))),
        FleetAnswer::Saturated
    ));
}
