//! A report of four workloads: a switch, a stop, a keep, and one with too little data.

use std::collections::BTreeMap;

use serde_json::json;

use crate::report::BlankKey;
use crate::report::model::*;
use crate::units::{Currency, Money};
use crate::workload::{Direction, Kind, Shape};

/// An amount in dollars.
pub(super) fn usd(text: &str) -> Money {
    Money::parse(text, Currency::USD).unwrap()
}

/// Demand of an office: hours of a weekday high, nights and weekends low.
fn office() -> Vec<Vec<Option<f64>>> {
    (0..7_u32)
        .map(|day| {
            (0..24_u32)
                .map(|hour| {
                    let open = day < 5 && (8..19).contains(&hour);
                    let height = f64::from(hour.abs_diff(13));
                    Some(if open {
                        1230.0 - 90.0 * height
                    } else {
                        35.0 + f64::from(day * hour) / 4.0
                    })
                })
                .collect()
        })
        .collect()
}

/// 744 falling hours.
fn falling() -> Vec<f64> {
    (0..744_u32).map(|at| (8.4 - f64::from(at) / 60.0).max(0.3)).collect()
}

/// A plan whose parts add up.
fn plan(id: &str, label: &str, purchase: &str, parts: [&str; 4]) -> PlanReport {
    let [busy, idle, starting, committed_unused] = parts.map(usd);
    let total = Money::sum([busy, idle, starting, committed_unused], Currency::USD);
    PlanReport {
        id: id.to_owned(),
        candidate_id: Some("h100-sxm5-x1-fp8".to_owned()),
        offer_ids: vec!["runpod-h100-payg".to_owned()],
        label: label.to_owned(),
        provider: "runpod".to_owned(),
        region: "any".to_owned(),
        instance_type: Some("h100-pod".to_owned()),
        gpu: "H100 SXM5".to_owned(),
        gpu_count: 1,
        precision: "fp8".to_owned(),
        tensor_parallel_size: 1,
        pipeline_parallel_size: 1,
        purchase: purchase.to_owned(),
        monthly_cost: total.unwrap(),
        cost_parts: CostParts { busy, idle, starting, committed_unused, storage: None },
        ttft_p50_s: Some(0.21),
        ttft_p95_s: Some(0.62),
        ttft_p99_s: Some(1.4),
        slo_attainment: Some(0.994),
        meets_slo: purchase != "spot",
        allowed: true,
        needs: None,
        conditions: Vec::new(),
        spot_range: Vec::new(),
        remarks: Vec::new(),
        cold_starts: Some(31),
        delayed_requests: Some(112),
        max_num_seqs: Some(64),
        max_model_len: Some(8192),
        gpu_memory_utilization: Some(0.9),
        engine: Some("vllm@0.19".to_owned()),
        kv_cache_dtype: Some("auto".to_owned()),
        policy: BTreeMap::from([("kind".to_owned(), json!("fixed"))]),
        min_replicas: Some(1),
        max_replicas: Some(4),
        idle_timeout_s: Some(300.0),
        cold_start_s: Some(38.0),
        price_as_of: vec!["2026-10-10".to_owned()],
        price_sources: vec!["runpod.io/pricing".to_owned()],
    }
}

fn advice(
    id: &str,
    action: &str,
    plan_id: Option<&str>,
    saves: &str,
    summary: &str,
) -> AdviceReport {
    AdviceReport {
        id: id.to_owned(),
        action: action.to_owned(),
        plan_id: plan_id.map(str::to_owned),
        summary: summary.to_owned(),
        monthly_savings: usd(saves),
        interval: None,
        commitment: None,
        probability_of_loss: None,
        savings_by_price: Some(SavingsByPriceReport {
            at_list: Some(usd("900.50")),
            at_own_rate: usd(saves),
            in_cash: None,
        }),
        change: plan_id.map(|_| ChangeReport {
            effort_hours: 24.0,
            restart: "replaced",
            cost: usd("2418.75"),
            pay_back_days: Some(12.4),
        }),
        live: plan_id.map(|_| LiveReport {
            from: "2026-11-12".to_owned(),
            year_end: "2026-12-31".to_owned(),
            savings_by_year_end: usd("1999.99"),
        }),
        grade: "B".to_owned(),
        confidence: Some(0.8),
        reasons: vec![
            "The fleet serves for 31 % of the hours it is paid for.".to_owned(),
            "The latency limits are assumed, which caps the grade at C.".to_owned(),
        ],
        steps: vec![
            "Deploy one replica beside the present one.".to_owned(),
            "Move 10 % of the traffic for a day.".to_owned(),
        ],
        undo: "point the traffic back; takes minutes".to_owned(),
        verify: vec![CheckReport {
            metric: "TTFT p95 of the week".to_owned(),
            threshold: "at most 2 s; 0.62 s was simulated".to_owned(),
            date: "2026-11-12".to_owned(),
        }],
        wrong_if: vec!["traffic grows by more than 40 %".to_owned()],
        shocks: vec![ShockReport {
            name: "price_down",
            monthly_savings: usd("-12.5"),
            sentence: "if prices by use fall by 25 %, it loses 12.50 USD a month".to_owned(),
        }],
        break_evens: vec![BreakEvenReport {
            of: "plan_price",
            value: 0.31,
            unit: "1",
            sentence: "the prices of the plan rise by 31 %".to_owned(),
        }],
        together_with: Vec::new(),
        agrees_with_rule_of_thumb: Some(false),
        decision: None,
    }
}

#[expect(clippy::too_many_lines, reason = "one literal")]
fn workload(name: &str, slug: &str, advice: AdviceReport) -> WorkloadReport {
    WorkloadReport {
        name: name.to_owned(),
        slug: slug.to_owned(),
        owner: Some("Product".to_owned()),
        environment: Some("production".to_owned()),
        kind: Kind::RealTimeInference,
        shape: Shape::Diurnal,
        direction: Some(Direction::Flat),
        class_confidence: 0.85,
        evidence: vec!["The day profile repeats with a correlation of 0.91.".to_owned()],
        rule_of_thumb: "over 8 busy hours a day: reserved".to_owned(),
        verdict: format!("Real-time traffic in office hours on GPUs that are paid round the clock: {}.", advice.summary),
        features: json!({"mean_rate": 412.5, "acf_24h": 0.91, "idc_1m": null, "gaps_over": {"300": 12, "3600": 1}})
            .as_object()
            .unwrap()
            .clone(),
        baseline: Baseline {
            monthly_cost: Some(usd("20036.12")),
            effective_cost: Some(usd("20420.61")),
            billed_cost: Some(usd("20420.61")),
            gpu_hours: Some(5952.0),
            rate_per_gpu_hour: Some(usd("3.430882")),
            priced_from_catalog: false,
            unit_cost: UnitCost {
                per_million_tokens: Some(usd("1.5312")),
                per_thousand_requests: Some(usd("3.9")),
                ..UnitCost::default()
            },
            provider: Some("aws".to_owned()),
            region: Some("us-east-1".to_owned()),
            gpu: Some("A100 80GB SXM4".to_owned()),
            gpu_count: Some(8.0),
            pricing_category: "Standard".to_owned(),
            mixed: false,
            model: Some("meta-llama/Llama-3.1-70B".to_owned()),
            precision: Some("bf16".to_owned()),
            requests: Some(5_236_120),
            prompt_tokens: Some(11_204_377_000),
            completion_tokens: Some(2_132_400_000),
            busy_fraction: Some(0.31),
            busy_source: Some("model".to_owned()),
        },
        slo: SloReport { ttft_p95_s: Some(2.0), tpot_p95_s: Some(0.2), attainment: 0.95, assumed: true },
        candidates: vec![
            CandidateReport {
                id: "h100-sxm5-x1-fp8".to_owned(),
                gpu: "H100 SXM5".to_owned(),
                gpu_count: 1,
                tensor_parallel_size: 1,
                pipeline_parallel_size: 1,
                precision: "fp8".to_owned(),
                fits: true,
                reason: None,
                total_bytes: Some(80_000_000_000),
                usable_bytes: Some(76_000_000_000),
                memory: Some(MemoryReport {
                    gpu_bytes: 84_000_000_000,
                    weights_bytes: 38_000_000_000,
                    kv_cache_bytes: 34_000_000_000,
                    kv_cache_planned_bytes: Some(11_000_000_000),
                    activation_bytes: 4_000_000_000,
                    overhead_bytes: 2_500_000_000,
                    free_bytes: 5_500_000_000,
                }),
                kv_cache_tokens: Some(120_000),
                slots: Some(58),
                tpot_s: Some(0.024),
                output_tokens_per_s: Some(1812.0),
                cost_estimate: Some(usd("1650.4")),
            },
            CandidateReport {
                id: "l4-x1-bf16".to_owned(),
                gpu: "L4".to_owned(),
                gpu_count: 1,
                tensor_parallel_size: 1,
                pipeline_parallel_size: 1,
                precision: "bf16".to_owned(),
                fits: false,
                reason: Some("weights need 131.5 GiB, one L4 has 20.2 GiB for them".to_owned()),
                total_bytes: Some(141_200_000_000),
                usable_bytes: Some(21_700_000_000),
                memory: None,
                kv_cache_tokens: None,
                slots: None,
                tpot_s: None,
                output_tokens_per_s: None,
                cost_estimate: None,
            },
        ],
        plans: vec![
            plan("today", "8 × A100 80GB, pay as you go, aws", "today", ["6211.20", "13824.92", "0", "0"]),
            plan("reserved", "3 × H100 reserved 12 months, overflow pay as you go, lambda", "reserved_12mo", ["5120.4", "2100.07", "40.5", "900.1"]),
            plan("auto", "1 to 4 × H100 autoscaled, runpod", "payg_autoscaled", ["6900", "1650.3", "410.1", "0"]),
            plan("flex", "0 to 6 × H100 serverless, runpod", "serverless_flex", ["9800", "300", "1200", "0"]),
            plan("fixed", "4 × H100 fixed, runpod", "payg_fixed", ["6900", "8800", "0", "0"]),
            plan("spot", "4 × H100 spot, runpod", "spot", ["3100", "800", "500", "0"]),
        ],
        advice,
        waste: Vec::new(),
        demand_by_weekday_hour: office(),
        demand_unit: "requests/h".to_owned(),
        duration_curve: Some(DurationCurve {
            unit: "GPUs".to_owned(),
            hours_sorted: falling(),
            break_even_share: Some(0.62),
            break_even_label: Some("lambda H100 12 months against runpod H100 pay as you go".to_owned()),
            reserved_units: Some(3),
        }),
        demand_by_hour: None,
        cost_by_day: Vec::new(),
        busiest_day: None,
        hours_left_out: false,
    }
}

/// The workload that has nothing but a name.
fn nameless_demand() -> WorkloadReport {
    let mut it = workload(
        "<script>alert(1)</script>",
        "script-alert-1-script",
        advice("a4", "not_enough_data", None, "0", "Collect seven days of requests first"),
    );
    it.kind = Kind::Unknown;
    it.shape = Shape::Unknown;
    it.owner = None;
    it.environment = None;
    it.plans.clear();
    it.candidates.clear();
    it.evidence.clear();
    it.duration_curve = None;
    it.demand_by_weekday_hour = vec![vec![None; 24]; 7];
    it.advice.steps.clear();
    it.baseline = Baseline {
        monthly_cost: None,
        effective_cost: None,
        billed_cost: None,
        gpu_hours: None,
        rate_per_gpu_hour: None,
        priced_from_catalog: false,
        unit_cost: UnitCost::default(),
        provider: None,
        region: None,
        gpu: None,
        gpu_count: None,
        pricing_category: "Other".to_owned(),
        mixed: false,
        model: None,
        precision: None,
        requests: None,
        prompt_tokens: None,
        completion_tokens: None,
        busy_fraction: None,
        busy_source: None,
    };
    it
}

/// The forgotten pod.
fn idle() -> WorkloadReport {
    let mut it = workload(
        "=old-demo 🚀 مرحبا",
        "old-demo",
        advice("a2", "stop", None, "1286.70", "Stop it and keep the disk: no request for 29 days"),
    );
    it.shape = Shape::Idle;
    it.plans.truncate(1);
    it.baseline.effective_cost = Some(usd("1331.76"));
    it.baseline.monthly_cost = Some(usd("1306.70"));
    it.baseline.unit_cost = UnitCost::default();
    it.baseline.busy_fraction = Some(0.0);
    it.baseline.gpu_count = Some(1.0);
    it.plans[0] =
        plan("today", "1 × A100 80GB, pay as you go, runpod", "today", ["0", "1306.70", "0", "0"]);
    it.demand_by_weekday_hour = vec![vec![Some(0.0); 24]; 7];
    it.duration_curve = Some(DurationCurve {
        unit: "instances".to_owned(),
        hours_sorted: vec![0.0; 744],
        break_even_share: Some(1.2),
        break_even_label: None,
        reserved_units: Some(0),
    });
    it.waste = vec![WasteReport {
        finding: "idle".to_owned(),
        confirmed: true,
        cost: Some(usd("1331.76")),
        gpu_hours: Some(744.0),
        evidence: "744 paid hours over 31 days: no request counted in 744 of them, GPUs 0 % active in 744.".to_owned(),
        action: "Ask Sales, then stop it or scale it to zero, and keep its disk.".to_owned(),
    }];
    it
}

/// The whole report.
#[expect(clippy::too_many_lines, reason = "one literal")]
pub(in crate::report) fn report() -> ReportModel {
    let mut switch = workload(
        "rag-prod",
        "rag-prod",
        advice(
            "a1",
            "switch",
            Some("reserved"),
            "11875.05",
            "Reserve 3 × H100 for 12 months and serve the peaks by the hour",
        ),
    );
    switch.advice.interval = Some(Interval {
        low: usd("10300"),
        high: usd("12100.5"),
        level: 0.8,
        cvar: usd("9900"),
        basis: "weeks",
        n: 4,
    });
    let mut keep = workload(
        "a-workload-with-quite-a-long-name-in-staging",
        "long-name",
        advice("a3", "keep", None, "0", "Keep it: nothing within the limits is cheaper"),
    );
    keep.demand_by_weekday_hour[6] = vec![None; 24];
    keep.baseline.effective_cost = Some(usd("810.96"));
    let total = usd("13161.75");
    ReportModel {
        schema_version: SCHEMA_VERSION,
        period_label: "October 2026".to_owned(),
        currency: Currency::USD,
        time_zone: "UTC".to_owned(),
        totals: Totals {
            window_start: "2026-10-01T00:00:00Z".to_owned(),
            window_end: "2026-11-01T00:00:00Z".to_owned(),
            window_hours: 744.0,
            billed_cost: Some(usd("78621.94")),
            effective_cost: Some(usd("78621.94")),
            list_cost: None,
            contracted_cost: None,
            effective_savings_rate: SavingsRate { over_list: Some(0.37), over_contracted: None },
            left_on_the_table: None,
            gpu_hours: Some(18_000.0),
            requests: Some(9_000_000),
            prompt_tokens: Some(20_000_000_000),
            completion_tokens: Some(4_000_000_000),
            cost_per_million_tokens: Some(usd("2.1437")),
            projected_monthly_cost: None,
            baseline_monthly_cost: Some(usd("77142.49")),
            recommended_monthly_cost: Some(usd("63980.74")),
            monthly_savings: total,
        },
        reconciliation: Reconciliation {
            rows_in: 1_204_377,
            rows_kept: 1_204_336,
            rows_rejected: 41,
            duplicates: 3,
            rows_outside_window: 0,
            line: line(),
            list_of_purchases: None,
            contracted_of_purchases: None,
            parts: vec![
                part("assigned", "77843.72"),
                part("unassigned", "748.46"),
                part("commitment_unused", "29.76"),
            ],
            by_currency: vec![CurrencyLine { currency: Currency::USD, rate: None, line: line() }],
            by_charge_category: vec![CategoryLine {
                charge_category: "Usage".to_owned(),
                line: line(),
            }],
            by_commitment: Vec::new(),
            unmatched: vec![Spend {
                part: "unassigned",
                provider: Some("aws".to_owned()),
                what: Some("i-0c41d9".to_owned()),
                gpu: Some("A10G".to_owned()),
                owner: None,
                billed: Some(usd("748.46")),
                effective: Some(usd("748.46")),
                rows: 744,
            }],
            rejected: vec![RejectedRow {
                file: "usage.csv".to_owned(),
                row: 17,
                column: Some("billed_cost".to_owned()),
                reason: "`<b>12,50</b>` is not a decimal amount".to_owned(),
            }],
            amounts_from_floats: 0,
        },
        invoice_state: Some("final"),
        coverage: CoverageReport {
            days: vec!["2026-10-01".to_owned(), "2026-10-02".to_owned()],
            day_hours: vec![24, 24],
            sources: vec![
                SourceCoverage { source: "cost", hours: vec![24, 24] },
                SourceCoverage { source: "gpu_metrics", hours: vec![0, 12] },
            ],
        },
        workloads: vec![switch, idle(), keep, nameless_demand()],
        portfolio: Portfolio {
            ranking: vec!["a1".to_owned(), "a2".to_owned()],
            all_advice: vec!["a1".to_owned(), "a2".to_owned()],
            n_that_matter: 2,
            plan: vec![WeekReport {
                number: 1,
                from: "2026-11-05".to_owned(),
                advice_ids: vec!["a2".to_owned(), "a1".to_owned()],
                goes_on: None,
                effort_hours: 19.5,
                monthly_savings: total,
            }],
            savings_by_year_end: usd("1999.99"),
            monthly_savings: total,
            interval: None,
            probability_of_loss: None,
            savings_by_decision: SavingsByDecision::all_open(total, Some(usd("63980.74"))),
            promises: Vec::new(),
            waste: PortfolioWaste {
                confirmed_waste: usd("1331.76"),
                to_investigate: usd("0"),
                not_measured: usd("0"),
                waste_basis: "effective cost of the window, no hour twice",
                waste: Vec::new(),
                standby: Vec::new(),
            },
            pools: Vec::new(),
            outages: Vec::new(),
            cost_by_day_of_others: Vec::new(),
            candidates_sized: 164,
            plans_simulated: 1208,
            candidates_pruned: 77,
            plans_ranked: 0,
        },
        blanks: vec![Blank {
            key: BlankKey::Slo,
            workload: Some("rag <b>|prod".to_owned()),
            resource: None,
            worth: Some(usd("20036.12")),
            why: "no latency limit is set, so 2 s to the first token are assumed".to_owned(),
        }],
        commitment: CommitmentsReport::default(),
        price_moves: Vec::new(),
        forecast: None,
        budget: None,
        previous: None,
        notices: vec![
            "Latency limits were assumed for 4 workloads; set them in gpuadvise.toml.".to_owned(),
        ],
        provenance: Provenance {
            inputs: vec![InputReport {
                file: "usage.csv".to_owned(),
                sha256: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
                    .to_owned(),
                format: "usage table (csv)".to_owned(),
                rows: 1_204_377,
                columns_used: vec!["workload".to_owned(), "billed_cost".to_owned()],
                columns_ignored: vec!["notes".to_owned()],
            }],
            catalog: vec![CatalogReport {
                file: "offers/aws.toml".to_owned(),
                rows: 61,
                newest_as_of: "2026-10-10".to_owned(),
                sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
                    .to_owned(),
            }],
            prices: vec![PriceReport {
                offer_id: "runpod-h100-payg".to_owned(),
                price_per_hour: usd("2.99"),
                currency: Currency::USD,
                as_of: "2026-10-10".to_owned(),
                source: "the price list of RunPod".to_owned(),
            }],
            assumptions: vec![AssumptionReport {
                key: "sizing.gpu_memory_utilization".to_owned(),
                value: 0.9,
                unit: "1".to_owned(),
                reason: "the default of the engine".to_owned(),
                source: "vLLM engine arguments".to_owned(),
            }],
            what_if: Vec::new(),
            arguments: Vec::new(),
            seed: 42,
            as_of: "2026-11-05".to_owned(),
            version: "0.1.0",
        },
    }
}

fn line() -> Line {
    Line {
        billed_total: Some(usd("78621.94")),
        effective_total: Some(usd("78621.94")),
        list_total: None,
        contracted_total: None,
        assigned: Some(usd("77843.72")),
        unassigned: Some(usd("748.46")),
        excluded: Some(usd("29.76")),
        difference: Some(usd("0")),
    }
}

fn part(part: &'static str, amount: &str) -> Part {
    Part { part, rows: 1, billed: Some(usd(amount)), effective: Some(usd(amount)) }
}
