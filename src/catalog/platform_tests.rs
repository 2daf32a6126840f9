//! The platforms as they ship, the ways to spoil one, and the user's own.

use super::*;

fn shipped() -> Catalog {
    Catalog::embedded().unwrap()
}

fn own(rows: &str) -> Result<Catalog, CatalogError> {
    shipped().with_platforms(&OwnPlatform::read(rows, "gpuadvise.toml")?)
}

/// The rule that `scaler` describes.
fn rule(scaler: &str) -> Result<ScalerRule, CatalogError> {
    let rows = format!("[[platform]]\nprovider = \"own\"\nscaler = {scaler}\n");
    Ok(own(&rows)?.platform("own").unwrap().scalers[0])
}

#[test]
fn what_each_platform_bills() {
    let catalog = shipped();
    let check = |name: &str, start, granularity, minimum, idle, free: &[StartPhase]| {
        let it = catalog.platform(name).unwrap();
        let found = (it.bill_start, it.granularity_s, it.minimum_s, it.idle_timeout_s);
        assert_eq!(found, (start, granularity, minimum, idle), "{name}");
        assert_eq!(it.free_start_phases, free, "{name}");
        assert!(!it.source.is_empty() && !it.as_of.is_empty(), "{name}");
    };
    let pulled = &[StartPhase::Allocation, StartPhase::Image];
    check("runpod-serverless", Some(true), Some(1.0), Some(0.0), Some(5.0), pulled);
    check("modal", Some(true), Some(1.0), Some(0.0), Some(60.0), &[]);
    check("baseten", Some(true), Some(60.0), None, None, pulled);
    check("hf-endpoints", Some(true), Some(60.0), None, None, &[]);
    check("replicate", Some(true), Some(1.0), None, None, &[]);
    check("gcp-cloud-run", Some(true), Some(0.1), None, Some(600.0), &[]);
    check("sagemaker", None, Some(1.0), None, None, &[]);
    check("vast-serverless", Some(true), Some(1.0), None, None, &[StartPhase::Allocation]);
    check("knative", None, None, None, None, &[]);
    check("keda", None, None, None, None, &[]);
    assert_eq!(catalog.platforms.len(), 10);
}

#[test]
fn how_each_platform_scales_and_what_is_not_stated() {
    let catalog = shipped();
    let check = |name: &str, scalers: &[ScalerRule], missing: &[&str]| {
        let it = catalog.platform(name).unwrap();
        assert_eq!((it.scalers.as_slice(), it.missing().as_slice()), (scalers, missing), "{name}");
        assert_eq!(it.is_complete(), missing.is_empty(), "{name}");
    };
    let queue_delay = ScalerRule::QueueDelay { threshold_us: 4_000_000 };
    let count = |requests| ScalerRule::RequestCount { requests };
    check("runpod-serverless", &[queue_delay, count(4)], &[]);
    check("modal", &[count(1)], &[]);
    check("baseten", &[ScalerRule::InFlight(InFlightRule::published(0.7))], &[]);
    let step = |metric| ScalerRule::Stepwise(StepwiseRule::published(metric));
    check("hf-endpoints", &[step(StepMetric::BusyShare), step(StepMetric::Pending)], &[]);
    check("replicate", &[], &["scaler", "idle_timeout_s", "concurrency_per_worker"]);
    check("gcp-cloud-run", &[], &["scaler"]);
    check("sagemaker", &[], &["bill_start", "scaler", "idle_timeout_s"]);
    check("vast-serverless", &[], &["scaler", "idle_timeout_s", "concurrency_per_worker"]);
    check("knative", &[ScalerRule::Concurrency(ConcurrencyRule::published(100.0))], &[]);
    check("keda", &[ScalerRule::Horizontal(HorizontalRule::published(100.0))], &[]);
}

#[test]
fn limits_of_a_platform() {
    let catalog = shipped();
    let runpod = catalog.platform("runpod-serverless").unwrap();
    assert_eq!((runpod.max_workers, runpod.default_max_workers), (Some(60), Some(3)));
    let ladder: Vec<(u32, u32)> =
        runpod.account_caps.iter().map(|it| (it.balance_usd, it.max_workers)).collect();
    let expected = [(0, 5), (100, 10), (200, 20), (300, 30), (500, 40), (700, 50), (900, 60)];
    assert_eq!(ladder, expected);
    let idle: Vec<(u32, u32)> =
        runpod.idle_caps.iter().map(|it| (it.after_days, it.max_workers)).collect();
    assert_eq!(idle, [(3, 2), (7, 0)]);
    assert_eq!((runpod.queue_timeout_s, runpod.sells), (Some(86_400.0), true));
    let ends = |name: &str| {
        let it = catalog.platform(name).unwrap();
        (it.execution_timeout_s, it.execution_timeout_max_s)
    };
    assert_eq!(ends("runpod-serverless"), (Some(600.0), Some(604_800.0)));
    assert_eq!(ends("modal"), (Some(300.0), Some(86_400.0)));
    assert_eq!(ends("gcp-cloud-run"), (Some(300.0), Some(3_600.0)));
    assert_eq!(ends("baseten"), (None, None));
    let holds = |name: &str| catalog.platform(name).unwrap().holds_requests;
    assert_eq!((holds("baseten"), holds("hf-endpoints")), (Some(true), Some(false)));
    assert_eq!((holds("vast-serverless"), holds("sagemaker")), (None, Some(false)));
    assert!(!catalog.platform("keda").unwrap().sells);
}

#[test]
fn what_a_balance_allows() {
    let catalog = shipped();
    let runpod = catalog.platform("runpod-serverless").unwrap();
    for (balance, workers) in [(0, 5), (99, 5), (100, 10), (250, 20), (1_000_000, 60)] {
        assert_eq!(runpod.workers_with(balance), Some(workers), "{balance}");
    }
    for (workers, balance) in [(5, None), (6, Some(100)), (12, Some(200)), (60, Some(900))] {
        assert_eq!(runpod.balance_for(workers), balance, "{workers}");
    }
    assert_eq!(runpod.balance_for(61), None);
    let modal = catalog.platform("modal").unwrap();
    assert_eq!((modal.workers_with(100), modal.balance_for(100)), (None, None));
}

#[test]
fn only_complete_platforms_are_simulated() {
    let catalog = shipped();
    let simulated = |name: &str| {
        let flex = |it: &&Offer| it.provider == name && it.purchase == Purchase::ServerlessFlex;
        catalog.offers.iter().filter(flex).filter(|it| catalog.is_simulated(it)).count()
    };
    for name in ["runpod-serverless", "modal", "hf-endpoints"] {
        assert!(simulated(name) > 0, "{name}");
    }
    for name in ["replicate", "gcp-cloud-run"] {
        assert_eq!(simulated(name), 0, "{name}");
    }
}

#[test]
fn a_rule_left_out_is_the_published_one() {
    let queue_delay = |threshold_us| ScalerRule::QueueDelay { threshold_us };
    let concurrency = ConcurrencyRule::published(100.0);
    let horizontal = HorizontalRule::published(8.0);
    let stepwise = StepwiseRule::published(StepMetric::Pending);
    for (scaler, expected) in [
        ("{ kind = \"queue_delay\" }", queue_delay(4_000_000)),
        ("{ kind = \"queue_delay\", threshold_s = 0.25 }", queue_delay(250_000)),
        ("{ kind = \"request_count\" }", ScalerRule::RequestCount { requests: 4 }),
        ("{ kind = \"concurrency\" }", ScalerRule::Concurrency(concurrency)),
        (
            "{ kind = \"concurrency\", utilization = 0.5, interval_s = 1, max_scale_down_rate = 3 }",
            ScalerRule::Concurrency(ConcurrencyRule {
                target: 50.0,
                interval_us: 1_000_000,
                max_scale_down_rate: 3.0,
                ..concurrency
            }),
        ),
        (
            "{ kind = \"in_flight\", concurrency = 8, utilization = 0.5, scale_down_delay_s = 0 }",
            ScalerRule::InFlight(InFlightRule {
                scale_down_delay_us: 0,
                ..InFlightRule::published(4.0)
            }),
        ),
        (
            "{ kind = \"horizontal\", target = 8, polling_s = 45, tolerance = 0 }",
            ScalerRule::Horizontal(HorizontalRule {
                polling_us: 45_000_000,
                tolerance: 0.0,
                ..horizontal
            }),
        ),
        (
            "{ kind = \"stepwise\", metric = \"pending\", to_zero_after_s = 900 }",
            ScalerRule::Stepwise(StepwiseRule { to_zero_after_us: 900_000_000, ..stepwise }),
        ),
    ] {
        assert_eq!(rule(scaler).unwrap(), expected, "{scaler}");
    }
}

#[test]
fn a_spoiled_rule_is_found_by_file_and_line() {
    for (scaler, expected) in [
        ("{ kind = \"magic\" }", "unknown variant `magic`"),
        ("{ threshold_s = 4 }", "missing field `kind`"),
        ("{ kind = \"queue_delay\", value = 4 }", "unknown field `value`"),
        ("{ kind = \"queue_delay\", threshold_s = 0 }", "`threshold_s` is 0, expected more than"),
        ("{ kind = \"queue_delay\", threshold_s = -4 }", "`threshold_s` is -4, expected from 0"),
        ("{ kind = \"queue_delay\", threshold_s = inf }", "`threshold_s` is inf"),
        ("{ kind = \"queue_delay\", threshold_s = nan }", "`threshold_s` is NaN"),
        ("{ kind = \"queue_delay\", threshold_s = 1e-9 }", "`threshold_s` is 0.000000001"),
        ("{ kind = \"request_count\", value = 0 }", "`value` is 0, expected a positive number"),
        ("{ kind = \"request_count\", value = -1 }", "invalid value: integer `-1`"),
        ("{ kind = \"concurrency\", concurrency = 0 }", "`concurrency` is 0"),
        ("{ kind = \"concurrency\", utilization = 1.5 }", "`utilization` is 1.5, expected above 0"),
        ("{ kind = \"concurrency\", panic_window_s = 61 }", "expected at most `stable_window_s`"),
        ("{ kind = \"concurrency\", max_scale_up_rate = 1 }", "expected more than 1"),
        ("{ kind = \"concurrency\", panic_threshold = inf }", "expected more than 1"),
        ("{ kind = \"concurrency\", target = 7 }", "unknown field `target`"),
        ("{ kind = \"in_flight\", interval_s = 0.001 }", "expected at least 0.1 seconds"),
        ("{ kind = \"concurrency\", interval_s = 0 }", "`interval_s` is 0, expected more than 0"),
        ("{ kind = \"concurrency\", interval_s = nan }", "`interval_s` is NaN, expected from 0"),
        ("{ kind = \"horizontal\", target = 1, interval_s = 1e-9 }", "`interval_s` is 0.000000001"),
        (
            "{ kind = \"stepwise\", metric = \"pending\", interval_s = 0.05 }",
            "`interval_s` is 0.05, expected at least 0.1 seconds",
        ),
        ("{ kind = \"in_flight\", scale_down_share = 0 }", "`scale_down_share` is 0"),
        ("{ kind = \"horizontal\" }", "missing field `target`"),
        ("{ kind = \"horizontal\", target = inf }", "`target` is inf"),
        ("{ kind = \"horizontal\", target = 1, tolerance = 1 }", "`tolerance` is 1"),
        (
            "{ kind = \"horizontal\", target = 1, polling_s = 20 }",
            "`polling_s` is 20, expected a multiple of `interval_s`",
        ),
        ("{ kind = \"stepwise\" }", "missing field `metric`"),
        ("{ kind = \"stepwise\", metric = \"gpu\" }", "unknown variant `gpu`"),
        ("{ kind = \"stepwise\", metric = \"busy_share\", threshold = 80 }", "`threshold` is 80"),
        (
            "{ kind = \"stepwise\", metric = \"pending\", window_s = 30 }",
            "`window_s` is 30, expected a multiple of `interval_s`",
        ),
    ] {
        let found = rule(scaler).unwrap_err().to_string();
        assert!(found.starts_with("gpuadvise.toml:3: "), "{scaler}: {found}");
        assert!(found.contains(expected), "{scaler}: {found}");
    }
}

#[test]
fn a_spoiled_platform_is_found_by_file_and_line() {
    let caps = "account_caps = [{ balance_usd = 9, max_workers = 5 }, { balance_usd = 9, max_workers = 6 }]";
    for (line, expected) in [
        ("granularity_s = inf", "gpuadvise.toml:3: `granularity_s` is inf"),
        ("minimum_s = -1", "gpuadvise.toml:3: `minimum_s` is -1, expected zero or more seconds"),
        ("idle_timeout_s = nan", "gpuadvise.toml:3: `idle_timeout_s` is NaN"),
        ("queue_timeout_s = 0", "gpuadvise.toml:3: `queue_timeout_s` is 0"),
        ("execution_timeout_s = 0", "gpuadvise.toml:3: `execution_timeout_s` is 0"),
        ("execution_timeout_max_s = inf", "gpuadvise.toml:3: `execution_timeout_max_s` is inf"),
        ("concurrency_per_worker = 0", "gpuadvise.toml:3: `concurrency_per_worker` is 0"),
        ("max_workers = 0", "gpuadvise.toml:3: `max_workers` is 0"),
        ("default_max_workers = 0", "gpuadvise.toml:3: `default_max_workers` is 0"),
        ("spend_limit_usd_per_hour = 0", "gpuadvise.toml:3: `spend_limit_usd_per_hour` is 0"),
        ("bill_start = 1", "gpuadvise.toml:3: invalid type: integer `1`, expected a boolean"),
        ("free_start_phases = [\"boot\"]", "gpuadvise.toml:3: unknown variant `boot`"),
        (caps, "gpuadvise.toml:3: `account_caps` is 9 USD after 9 USD"),
        (
            "account_caps = [{ balance_usd = 9, max_workers = 5 }]",
            "`account_caps` is from 9 USD on, expected an empty account first",
        ),
        ("idle_caps = [{ after_days = 0, max_workers = 0 }]", "`idle_caps` is after 0 days"),
        (
            "idle_caps = [{ after_days = 3, max_workers = 1 }, { after_days = 7, max_workers = 2 }]",
            "`idle_caps` is 7 days after 3 days",
        ),
        ("other_scalers = [{ kind = \"queue_delay\" }]", "gpuadvise.toml:1: `scaler` is empty"),
        ("as_of = \"2026-11-26\"", "`source` is empty"),
        ("source = \"x\"", "`as_of` is empty"),
        (
            "[[platform]]\nprovider = \"own\"",
            "gpuadvise.toml:4: the platform \"own\" is there twice",
        ),
    ] {
        let rows = format!("[[platform]]\nprovider = \"own\"\n{line}\n");
        let found = own(&rows).unwrap_err().to_string();
        assert!(found.contains(expected), "{line}: {found}");
    }
    let empty = own("[[platform]]\nprovider = \" \"\n").unwrap_err().to_string();
    assert_eq!(empty, "gpuadvise.toml:2: `provider` is empty");
}

#[test]
fn what_the_user_states_is_laid_over_rule_by_rule() {
    let rows = r#"
        [workload.chat]
        owner = "Product"
        [[platform]]
        provider = "modal"
        idle_timeout_s = 300
        [[platform]]
        provider = "gcp-cloud-run"
        scaler = { kind = "in_flight", concurrency = 80, utilization = 0.6, interval_s = 5 }
        [[platform]]
        provider = "ours"
        bill_start = false
        granularity_s = 3600
        idle_timeout_s = 0
        scaler = { kind = "queue_delay", threshold_s = 10 }
        concurrency_per_worker = 4
    "#;
    let catalog = own(rows).unwrap();
    let before = shipped();
    let modal = before.platform("modal").unwrap();
    let expected = ServerlessPlatform {
        idle_timeout_s: Some(300.0),
        source: format!("gpuadvise.toml; all else: {}", modal.source),
        assumed: modal.assumed.replace(
            "idle_timeout_s: 60 s is the longest idle time by default, containers may leave earlier; ",
            "",
        ),
        ..modal.clone()
    };
    assert_ne!(expected.assumed, modal.assumed);
    assert_eq!(catalog.platform("modal"), Some(&expected));
    assert!(!before.platform("gcp-cloud-run").unwrap().is_complete());
    assert!(catalog.platform("gcp-cloud-run").unwrap().is_complete());
    let ours = catalog.platform("ours").unwrap();
    assert!(ours.is_complete() && ours.sells);
    assert_eq!((ours.bill_start, ours.granularity_s), (Some(false), Some(3600.0)));
    assert_eq!((ours.source.as_str(), ours.as_of.as_str()), ("gpuadvise.toml", ""));
    assert_eq!(catalog.platforms.len(), before.platforms.len() + 1);
}

/// Values of the catalog stand for the requests a worker serves that it states, those of the user
/// for any number.
#[test]
fn what_the_values_of_a_scaler_stand_for() {
    let rows = r#"
        [[platform]]
        provider = "runpod-serverless"
        concurrency_per_worker = 16
        [[platform]]
        provider = "modal"
        scaler = { kind = "request_count", value = 2 }
    "#;
    let (shipped, own) = (shipped(), own(rows).unwrap());
    let check = |catalog: &Catalog, name: &str, expected| {
        let it = catalog.platform(name).unwrap();
        assert_eq!((it.scalers_stated_for, it.scaler_follows_concurrency), expected, "{name}");
    };
    check(&shipped, "runpod-serverless", (Some(1), false));
    check(&shipped, "modal", (Some(1), true));
    check(&shipped, "hf-endpoints", (None, false));
    check(&own, "runpod-serverless", (Some(1), false));
    check(&own, "modal", (None, false));
}

#[test]
fn limits_hold_each_other() {
    let check = |rows: &str, expected: &str| {
        let error = own(&format!("\n[[platform]]\n{rows}")).unwrap_err().to_string();
        assert_eq!(error, format!("gpuadvise.toml:2: {expected}, expected no more than that"));
    };
    check(
        "provider = \"ours\"\nmax_workers = 2\ndefault_max_workers = 3",
        "`default_max_workers` is 3 where `max_workers` is 2",
    );
    check(
        "provider = \"runpod-serverless\"\nmax_workers = 2",
        "`default_max_workers` is 3 where `max_workers` is 2",
    );
    check(
        "provider = \"modal\"\nexecution_timeout_max_s = 60",
        "`execution_timeout_s` is 300 where `execution_timeout_max_s` is 60",
    );
    assert!(own("[[platform]]\nprovider = \"modal\"\nexecution_timeout_s = 86400").is_ok());
}

#[test]
fn an_unknown_platform_is_named_with_those_near_to_it() {
    let catalog = shipped();
    for (name, near) in [("runpod", "runpod-serverless"), ("model", "modal"), ("knativ", "knative")]
    {
        let error = catalog.known_platform(name).unwrap_err();
        let expected = format!("no platform is called {name:?}; near are: {near}");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(error.place().is_none() && error.hint().contains("[[platform]]"));
    }
    let far = catalog.known_platform("zzzzzzzzzz").unwrap_err().to_string();
    assert!(far.contains("there are: runpod-serverless, modal, baseten, hf-endpoints"), "{far}");
    assert!(far.ends_with("knative, keda"), "{far}");
    assert_eq!(catalog.known_platform("keda").unwrap().provider, "keda");
}
