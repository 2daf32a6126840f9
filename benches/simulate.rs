//! How many requests per second the simulator replays on one core, and that the rate does not fall
//! as the trace grows. `cargo bench --bench simulate`; `-- --long` goes to 10^8 requests.

#![expect(clippy::print_stdout, reason = "a benchmark talks")]

use gpuadvise::catalog::ScalerRule;
use gpuadvise::simulate::{
    Billing, Delay, FleetSpec, Gaps, Generator, Replay, Scaler, ServiceModel, Source, Trace, run,
};
use gpuadvise::units::{Currency, MoneyPerHour};

const SECOND: u64 = 1_000_000;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let after = |flag: &str| args.iter().position(|it| it == flag).and_then(|at| args.get(at + 1));
    if let Some(path) = after("--trace") {
        let seconds =
            |flag| after(flag).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0) * SECOND;
        one_trace(path, [seconds("--service"), seconds("--cold-start"), seconds("--idle-timeout")]);
        return;
    }
    let long = std::env::args().any(|it| it == "--long");
    let sizes: &[u64] =
        if long { &[100_000, 1_000_000, 10_000_000, 100_000_000] } else { &[100_000, 1_000_000] };
    let billing = Billing::by_the_microsecond(MoneyPerHour::from_nano(1_000_000, Currency::USD));
    println!("requests, fleet, million requests per second of processor time: best, median of 5");
    for (name, fleet) in fleets() {
        for n in sizes {
            // 80 % of 64 slots, services of 10 s.
            let service = Delay::Exponential { mean_us: 10e6 };
            let Ok(source) = Generator::new(Gaps::Poisson, 5.12, *n, service, 1) else { return };
            let made = rates(*n, || source.requests().map(|it| it.service_us & 1).sum());
            let replayed = rates(*n, || match run(&source, &fleet, &billing, None) {
                Replay::Done(outcome) => outcome.requests,
                Replay::Impossible(_) => 0,
            });
            println!(
                "{n:>11}  {name:<28} {:>6.1} {:>6.1}   only making them {:>6.1}",
                replayed.0, replayed.1, made.0
            );
        }
    }
    println!("peak memory {}", peak_memory());
}

/// Arrivals in microseconds, one a line, on one request per replica: what a script compares with a
/// peer. The time is the mean over half a second.
fn one_trace(path: &str, [service_us, cold_start_us, idle_us]: [u64; 3]) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let at_us: Vec<u64> = text.lines().filter_map(|it| it.parse().ok()).collect();
    let window_us = at_us.last().map_or(1, |last| last + service_us + cold_start_us + idle_us + 1);
    let trace = Trace::new(at_us, window_us);
    let service = ServiceModel::Fixed { service_us };
    let fleet = FleetSpec {
        max_replicas: 1_000,
        scaler: Scaler::PerRequest,
        idle_timeout: Delay::Constant(idle_us),
        cold_start: Delay::Constant(cold_start_us),
        ..FleetSpec::fixed(0, 1)
    };
    let billing = Billing::by_the_microsecond(MoneyPerHour::from_nano(1_000_000, Currency::USD));
    let (mut n_runs, mut cold_starts) = (0_u32, 0);
    let start = processor_s();
    while processor_s() - start < 0.5 {
        if let Replay::Done(outcome) = run(&trace.served_by(&service), &fleet, &billing, None) {
            cold_starts = outcome.cold_starts;
        }
        n_runs += 1;
    }
    let each_s = (processor_s() - start) / f64::from(n_runs);
    println!("{{\"cold_starts\": {cold_starts}, \"processor_s\": {each_s:e}}}");
}

fn fleets() -> Vec<(&'static str, FleetSpec)> {
    let elastic = |rule| FleetSpec {
        max_replicas: 128,
        scaler: Scaler::Rule(rule),
        idle_timeout: Delay::Constant(5 * SECOND),
        cold_start: Delay::Constant(30 * SECOND),
        ..FleetSpec::fixed(0, 1)
    };
    vec![
        ("fixed, 1 replica x 64 slots", FleetSpec::fixed(1, 64)),
        ("fixed, 64 replicas x 1 slot", FleetSpec::fixed(64, 1)),
        ("fixed, 8 replicas x 8 slots", FleetSpec::fixed(8, 8)),
        ("queue delay 4 s", elastic(ScalerRule::QueueDelay { threshold_us: 4 * SECOND })),
        ("request count 1", elastic(ScalerRule::RequestCount { requests: 1 })),
        (
            "one request per replica",
            FleetSpec {
                max_replicas: 1_000,
                scaler: Scaler::PerRequest,
                ..elastic(ScalerRule::RequestCount { requests: 1 })
            },
        ),
    ]
}

/// Best and median of five measurements, in millions per second; each at least four million
/// requests, so that the clock is fine enough.
fn rates(n: u64, mut work: impl FnMut() -> u64) -> (f64, f64) {
    let repeats = (4_000_000 / n).max(1);
    let mut found: Vec<f64> = (0..5)
        .map(|_| {
            let start = processor_s();
            for _ in 0..repeats {
                std::hint::black_box(work());
            }
            (n * repeats) as f64 / (processor_s() - start) / 1e6
        })
        .collect();
    found.sort_by(f64::total_cmp);
    (found[4], found[2])
}

/// Time this thread has run, so that others on the machine do not count.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = stat.split(' ').next().and_then(|it| it.parse::<f64>().ok());
    ns.unwrap_or(f64::NAN) / 1e9
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|it| it.starts_with("VmHWM")).unwrap_or("not known here");
    line.trim_start_matches("VmHWM:").trim().to_owned()
}
