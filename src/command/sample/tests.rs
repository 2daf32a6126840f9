//! The month as a whole: what it sums to, that it repeats, and that its GPUs carry its load.

use std::collections::BTreeMap;

use super::*;
use crate::units::Currency;

const SEED: u64 = 42;

/// The sums of one workload.
#[derive(Clone, Debug, Default)]
struct Sums {
    rows: u32,
    cost: Option<Money>,
    gpu_hours: f64,
    requests: Option<u64>,
    tokens: u64,
    peak: u64,
    busy_hours: u32,
}

impl Sums {
    /// The nearest float to the exact sum.
    fn usd(&self) -> f64 {
        self.cost.map_or(f64::NAN, Money::to_f64)
    }
}

fn sums(rows: &[SampleRow]) -> BTreeMap<&'static str, Sums> {
    let mut all: BTreeMap<&str, Sums> = BTreeMap::new();
    for row in rows {
        let sums = all.entry(row.workload).or_default();
        sums.rows += 1;
        let before = sums.cost.unwrap_or(Money::zero(Currency::USD));
        sums.cost = before.checked_add(row.effective_cost).ok();
        sums.gpu_hours += row.gpu_hours;
        if let Some(n) = row.requests {
            *sums.requests.get_or_insert(0) += n;
            sums.peak = sums.peak.max(n);
        }
        sums.tokens += row.prompt_tokens.unwrap_or(0) + row.completion_tokens.unwrap_or(0);
    }
    for row in rows {
        if let Some(sums) = all.get_mut(row.workload) {
            let busy = row.requests.is_some_and(|n| n > 0 && n * 10 >= sums.peak);
            sums.busy_hours += u32::from(busy);
        }
    }
    all
}

#[test]
fn same_seed_same_month() {
    assert_eq!(month(SEED), month(SEED));
    assert_ne!(month(SEED), month(SEED + 1));
    let bill = |seed| Money::sum(month(seed).iter().map(|it| it.billed_cost), Currency::USD);
    assert!(bill(SEED).is_ok());
}

#[test]
fn sums_are_those_of_a_real_month() {
    let rows = month(SEED);
    let all = sums(&rows);
    println!(
        "{:17} {:>5} {:>10} {:>8} {:>8} {:>7} {:>6} {:>6} {:>8}",
        "workload", "rows", "USD", "GPU-h", "requests", "mean/s", "peak/s", "busy h", "USD/1M"
    );
    for (name, it) in &all {
        let requests = it.requests.unwrap_or(0) as f64;
        println!(
            "{name:17} {:>5} {:>10.2} {:>8.1} {:>8} {:>7.3} {:>6.3} {:>6.1} {:>8.2}",
            it.rows,
            it.usd(),
            it.gpu_hours,
            it.requests.map_or("-".to_owned(), |n| n.to_string()),
            requests / (744.0 * 3600.0),
            it.peak as f64 / 3600.0,
            f64::from(it.busy_hours) / 31.0,
            it.usd() * 1e6 / it.tokens as f64,
        );
    }
    let cost: f64 = all.values().map(Sums::usd).sum();
    let requests: u64 = all.values().filter_map(|it| it.requests).sum();
    println!("{:17} {:>5} {cost:>10.2} {requests:>26}", "all", rows.len());
    assert_eq!(all.len(), 12);
    assert!((6_500..9_500).contains(&rows.len()), "{} rows", rows.len());
    assert!((2_000_000..4_000_000).contains(&requests), "{requests} requests");
    assert!((45_000.0..75_000.0).contains(&cost), "{cost} USD");
}

/// One workload against what it was made to be: USD, requests and busy hours a day, each a range.
fn check(name: &str, usd: (f64, f64), requests: Option<(u64, u64)>, busy: (f64, f64)) {
    let all = sums(&month(SEED));
    let it = all.get(name).expect("the workload is in the fleet");
    assert!((usd.0..=usd.1).contains(&it.usd()), "{name}: {} USD", it.usd());
    let within = match (requests, it.requests) {
        (Some((low, high)), Some(n)) => (low..=high).contains(&n),
        (None, None) => true,
        _ => false,
    };
    assert!(within, "{name}: {:?} requests", it.requests);
    let hours = f64::from(it.busy_hours) / 31.0;
    assert!((busy.0..=busy.1).contains(&hours), "{name}: {hours} busy hours a day");
}

#[test]
fn every_workload_is_what_it_says() {
    check("chat-prod", (10_237.44, 10_237.44), Some((850_000, 1_000_000)), (24.0, 24.0));
    check("office-assistant", (20_420.60, 20_420.61), Some((350_000, 600_000)), (8.0, 11.0));
    check("launch-api", (300.0, 1_200.0), Some((90_000, 250_000)), (0.5, 3.0));
    check("enrich-nightly", (810.96, 810.96), Some((250_000, 400_000)), (4.0, 5.0));
    check("finetune-adhoc", (300.0, 600.0), None, (0.0, 0.0));
    check("train-ranker", (8_000.0, 11_000.0), None, (0.0, 0.0));
    // One row of 4.36 is there twice.
    check("img-gen", (3_248.19, 3_248.21), Some((120_000, 220_000)), (17.0, 24.0));
    check("old-demo", (1_331.76, 1_331.76), Some((0, 0)), (0.0, 0.0));
    check("agents-beta", (2_968.56, 2_968.56), Some((350_000, 500_000)), (22.0, 24.0));
    check("support-desk", (3_771.18, 3_771.19), Some((680_000, 800_000)), (9.0, 9.0));
    check("whisper-stt", (1_993.92, 1_993.92), Some((580_000, 700_000)), (24.0, 24.0));
    check("notebooks", (5.0, 40.0), None, (0.0, 0.0));
}

#[test]
fn order_dirt_and_sums_of_rows_hold() {
    let rows = month(SEED);
    let key = |it: &SampleRow| (it.period_start, it.workload);
    assert!(rows.is_sorted_by_key(key));
    let twice: Vec<&SampleRow> =
        rows.windows(2).filter(|it| key(&it[0]) == key(&it[1])).map(|it| &it[0]).collect();
    assert_eq!(twice.len(), 1);
    assert_eq!(twice[0].workload, "img-gen");
    assert_eq!(rows.iter().filter(|it| it.gpu == "RTX2080Ti-11GB").count(), 1);
    for row in &rows {
        assert!(row.gpu_hours > 0.0 && row.gpu_hours <= f64::from(row.gpu_count), "{row:?}");
        assert!(row.list_cost.is_some_and(|list| row.effective_cost <= list), "{row:?}");
        let committed = row.pricing_category == PricingCategory::Committed;
        assert_eq!(row.billed_cost != row.effective_cost, committed, "{row:?}");
        for share in [row.gpu_util, row.memory_fraction, row.kv_cache_usage].into_iter().flatten() {
            assert!((0.0..=1.0).contains(&share), "{row:?}");
        }
        let n = row.requests.unwrap_or(0);
        assert!(row.prompt_tokens.is_none_or(|tokens| tokens >= n), "{row:?}");
        if row.workload == "old-demo" {
            assert_eq!((row.requests, row.gpu_util), (Some(0), Some(0.0)));
        }
    }
}

/// Autocorrelation of the hourly requests at 24 h, of a workload with a row for every hour.
fn acf_24h(rows: &[SampleRow], name: &str) -> f64 {
    let mine = rows.iter().filter(|it| it.workload == name);
    let hourly: Vec<f64> = mine.map(|it| it.requests.unwrap_or(0) as f64).collect();
    let mean = hourly.iter().sum::<f64>() / hourly.len() as f64;
    let product = |(a, b): (&f64, &f64)| (a - mean) * (b - mean);
    let lagged: f64 = hourly.iter().zip(hourly.iter().skip(24)).map(product).sum();
    lagged / hourly.iter().zip(&hourly).map(product).sum::<f64>()
}

#[test]
fn demand_has_its_shape() {
    let rows = month(SEED);
    let by_day = |name: &str| -> Vec<u64> {
        let mut days = vec![0; 31];
        for row in rows.iter().filter(|it| it.workload == name) {
            let since = row.period_start.us() - calendar::Hour(0).start().us();
            let day =
                usize::try_from(since / 86_400_000_000).expect("the month is not before itself");
            days[day] += row.requests.unwrap_or(0);
        }
        days
    };
    let sum = |days: &[u64]| days.iter().sum::<u64>() as f64;
    let agents = by_day("agents-beta");
    let growth = sum(&agents[24..31]) / sum(&agents[0..7]);
    assert!((1.3..1.7).contains(&growth), "agents-beta grew {growth}-fold in 24 days");
    let launch = by_day("launch-api");
    let ratio = launch[12] as f64 / (sum(&launch[0..12]) / 12.0);
    assert!((12.0..30.0).contains(&ratio), "the launch day is {ratio} usual days");
    let chat = by_day("chat-prod");
    let trend = sum(&chat[24..31]) / sum(&chat[0..7]);
    assert!((0.93..1.07).contains(&trend), "chat-prod moved {trend}-fold");
    for (name, low, high) in [
        ("chat-prod", -0.25, 0.38),
        ("whisper-stt", -0.25, 0.38),
        ("launch-api", -0.25, 0.38),
        ("office-assistant", 0.5, 1.0),
        ("support-desk", 0.8, 1.0),
        ("enrich-nightly", 0.7, 1.0),
    ] {
        let found = acf_24h(&rows, name);
        assert!((low..=high).contains(&found), "{name}: autocorrelation {found} at 24 h");
    }
    let office = by_day("office-assistant");
    assert!(office[2] * 10 < office[1], "a Saturday is not an office day");
}

/// What formula and GPU say about one replica: parameters and bytes per weight, layers, bytes of
/// the KV cache per token; GPUs, memory and bandwidth in GB and compute in TFLOP/s of each.
struct Replica {
    name: &'static str,
    replicas: f64,
    params: f64,
    bytes: f64,
    layers: f64,
    kv_bytes: f64,
    gpus: f64,
    memory_gb: f64,
    bandwidth_gb_s: f64,
    tflops: f64,
}

impl Replica {
    /// Time per output token at batch `b`: reading weights and KV cache at 0.85 of the bandwidth,
    /// the prompts of the same step at 0.6 of the compute, 40 us per layer and 30 more when split.
    fn tpot_s(&self, b: f64, prompt: f64, completion: f64) -> f64 {
        let context = prompt + completion / 2.0;
        let read = self.params * self.bytes + b * context * self.kv_bytes;
        let memory = read / (self.gpus * self.bandwidth_gb_s * 1e9 * 0.85);
        let flops = 2.0 * self.params / (self.gpus * self.tflops * 1e12 * 0.6);
        let fixed = self.layers * if self.gpus > 1.0 { 70e-6 } else { 40e-6 };
        memory.max(flops * b) + flops * b * prompt / completion + fixed
    }

    /// Sequences the KV cache holds in 0.9 of the memory less weights and 3.5 GB per GPU.
    fn slots(&self, prompt: f64, completion: f64) -> f64 {
        let room = self.gpus * (0.9 * self.memory_gb - 3.5) * 1e9 - self.params * self.bytes;
        (room / (self.kv_bytes * (prompt + completion))).floor()
    }

    /// The batch at which the busiest hour is in balance stays under 60 % of the slots.
    fn check(&self, rows: &[SampleRow]) {
        let mine = || rows.iter().filter(|it| it.workload == self.name);
        let peak = mine().filter_map(|it| it.requests).max().unwrap_or(0) as f64;
        let requests = mine().filter_map(|it| it.requests).sum::<u64>() as f64;
        let prompt = mine().filter_map(|it| it.prompt_tokens).sum::<u64>() as f64 / requests;
        let completion =
            mine().filter_map(|it| it.completion_tokens).sum::<u64>() as f64 / requests;
        let rate = peak / 3600.0 / self.replicas;
        let slots = self.slots(prompt, completion);
        let needed = |b: f64| rate * completion * self.tpot_s(b, prompt, completion);
        let balanced = (1..=256).map(f64::from).find(|b| needed(*b) <= *b);
        let tpot = balanced.map(|b| self.tpot_s(b, prompt, completion));
        println!("{}: {rate:.3} a second, batch {balanced:?} of {slots}, {tpot:?} s", self.name);
        assert!(balanced.is_some_and(|b| b <= 0.6 * slots), "{} is saturated", self.name);
        assert!(tpot.is_some_and(|it| it < 0.08), "{} is too slow", self.name);
    }
}

#[test]
fn the_gpus_of_today_carry_the_peak_hour() {
    for seed in [SEED, 0, 1, 7, 2026] {
        check_capacity(&month(seed));
    }
}

fn check_capacity(rows: &[SampleRow]) {
    let h100 = Replica {
        name: "agents-beta",
        replicas: 1.0,
        params: 14.77e9,
        bytes: 2.0,
        layers: 40.0,
        kv_bytes: 163_840.0,
        gpus: 1.0,
        memory_gb: 83.8,
        bandwidth_gb_s: 3_350.0,
        tflops: 989.0,
    };
    let a100 = Replica { bandwidth_gb_s: 2_039.0, tflops: 312.0, ..h100 };
    let llama_8b = Replica { params: 8.03e9, layers: 32.0, kv_bytes: 131_072.0, ..h100 };
    Replica {
        params: 32.76e9,
        layers: 64.0,
        kv_bytes: 262_144.0,
        replicas: 2.0,
        name: "chat-prod",
        ..h100
    }
    .check(rows);
    Replica { name: "launch-api", bytes: 1.0, tflops: 756.0, bandwidth_gb_s: 2_000.0, ..llama_8b }
        .check(rows);
    Replica { name: "support-desk", bandwidth_gb_s: 2_039.0, tflops: 312.0, ..llama_8b }
        .check(rows);
    Replica {
        params: 70.55e9,
        layers: 80.0,
        kv_bytes: 327_680.0,
        gpus: 4.0,
        replicas: 2.0,
        name: "office-assistant",
        ..a100
    }
    .check(rows);
    Replica {
        params: 7.62e9,
        layers: 28.0,
        kv_bytes: 57_344.0,
        memory_gb: 47.3,
        bandwidth_gb_s: 864.0,
        tflops: 362.0,
        name: "enrich-nightly",
        ..h100
    }
    .check(rows);
    h100.check(rows);
    // Images and audio: requests at once in the busiest hour against the places of the config.
    for (name, service_s, places) in [("img-gen", 14.0, 4.0), ("whisper-stt", 6.0, 8.0)] {
        let peak = rows.iter().filter(|it| it.workload == name).filter_map(|it| it.requests).max();
        let at_once = peak.unwrap_or(0) as f64 * service_s / 3600.0;
        println!("{name}: {at_once:.2} at once of {places}");
        assert!(at_once < 0.8 * places, "{name} is saturated");
    }
}

#[test]
fn the_config_is_about_this_month() {
    let config: toml::Table = config().parse().expect("the config is TOML");
    let tables = config["workload"].as_table().expect("workload is a table");
    let rows = month(SEED);
    let known = [
        "kind",
        "task",
        "purpose",
        "max_num_seqs",
        "service_time_s",
        "cold_start_s",
        "unit",
        "slo",
        "model",
        "dtype",
        "quantization",
        "tensor_parallel_size",
        "max_model_len",
        "owner",
        "environment",
    ];
    for (name, settings) in tables {
        assert!(rows.iter().any(|it| it.workload == name), "{name} is not in the month");
        let settings = settings.as_table().expect("a workload is a table");
        for key in settings.keys() {
            assert!(known.contains(&key.as_str()), "{name}: {key}");
        }
        let slo = settings.get("slo").and_then(toml::Value::as_table);
        for limit in ["ttft_p95", "tpot_p95"] {
            let text = slo.and_then(|it| it.get(limit)).and_then(toml::Value::as_str);
            assert!(text.is_none_or(|it| crate::units::parse_span_us(it).is_ok()), "{name}");
        }
        let kind = settings.get("kind").and_then(toml::Value::as_str);
        assert!(kind.is_none_or(|it| crate::workload::Kind::parse(it).is_some()), "{name}");
        // A model is named in one place: the rows or the config.
        let in_rows = rows.iter().any(|it| it.workload == name && it.model.is_some());
        assert!(!(in_rows && settings.contains_key("model")), "{name} names its model twice");
    }
    assert_eq!(tables.len(), 11, "all but the notebooks");
}
