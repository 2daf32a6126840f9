//! Every file of the reference folder, read without flags: its format, its rows, its totals to the
//! last digit, its GPU-hours and its demand. Each number was worked out from the raw file by hand;
//! the comment beside it says how.

use std::path::Path;

use gpuadvise::units::{Currency, Money};
use serde_json::Value;

use crate::account::{at, demand, gpu_hours, holds, parts, read, text, totals};
use crate::support::{Bench, reference};

/// What a file must give. Money in decimal text, `-` where nothing is known.
struct Row {
    file: &'static str,
    format: &'static str,
    /// Rows in, kept, rejected.
    rows: [u64; 3],
    /// Billed, effective, list.
    totals: &'static str,
    /// Assigned, unassigned, excluded.
    parts: &'static str,
    gpu_hours: &'static str,
    workloads: &'static str,
    /// Requests, prompt tokens, completion tokens.
    demand: &'static str,
}

/// Bills.
const BILLS: &[Row] = &[
    // Billed 55.04 + 27.52 + 0.62 + 10 + 10 - 25 - 55.04 + 4.81 + 0.8064 = 28.7564; effective 55.04
    // + 27.52 + 7 + 2 + 7 + 1 + 3 + 0.62 - 25 - 55.04 + 4.81 + 0.8064 = 28.7564; list 57.7404 of all
    // rows less the two purchases of 10. Assigned 55.04 + 27.52 + 0.62 - 55.04 = 28.14. GPUs: p5
    // 8 x 1.5 h + g6e.12xlarge 4 x 2 h + g6e.4xlarge 1 h + g5 1 h = 22; the hour that the correction
    // takes back is of April, which this file does not hold.
    Row {
        file: "focus_1_0_gpu.csv",
        format: "FOCUS 1.0",
        rows: [14, 14, 0],
        totals: "28.7564 28.7564 37.7404",
        parts: "28.14 0.00 0.6164",
        gpu_hours: "22.000000",
        workloads: "chat-70b",
        demand: "- - -",
    },
    // Billed 350400 + 88.152 + 4.79778 + 2.248105 + 13.44096 + 1920; effective without the purchase,
    // with 720 used and 240 unused; list 354198.3988449999998 - 350400. Assigned: all but the
    // purchase. GPUs: ND 8 x 18 h + NC 24 h + L4 24 h + H100 192 h = 384.
    Row {
        file: "focus_1_2_gpu.csv",
        format: "FOCUS 1.2",
        rows: [8, 8, 0],
        totals: "352428.638845 2988.638845 3798.3988449999998",
        parts: "2028.638845 0.00 350400.00",
        gpu_hours: "384.000000",
        workloads: "bm-h100 g2-a nc1 nd1",
        demand: "- - -",
    },
    // Billed 1.624 + 0.480884264 + 1.110635736 + 1.624 + 0.012; effective 2 + 0 + 1 + 2 + 0. One
    // g5.4xlarge is tagged, three are not, the fifth row is memory of a CPU machine. GPUs 1 +
    // 0.296111 + 0.683889 + 1 = 2.98.
    Row {
        file: "focus_1_0_dirty_sample_style.csv",
        format: "FOCUS 1.0",
        rows: [5, 5, 0],
        totals: "4.85152 5.00 4.85152",
        parts: "1.624 3.21552 0.012",
        gpu_hours: "2.980000",
        workloads: "x",
        demand: "- - -",
    },
    // Unblended 55.04 + 0.62 + 10.49 - 10.49 + 10 + 0 + 14000 + 84000 - 25 - 55.04 + 4.81 + 0;
    // amortized 55.04 + 0.62 + 7 + (10 - 7) + 19.22 + (12.5 + 25) - 25 - 55.04 + 4.81; public 55.04 +
    // 1.624 + 10.49 + 32.77. GPUs without a workload 55.04 + 0.62 + 10.49 - 10.49. GPU-hours 8 + 1 +
    // 4 + 8 = 21.
    Row {
        file: "aws_cur2_selected_columns.csv",
        format: "AWS CUR 2.0",
        rows: [12, 12, 0],
        totals: "97990.43 47.15 99.924",
        parts: "0.00 55.66 97934.77",
        gpu_hours: "21.000000",
        workloads: "",
        demand: "- - -",
    },
    // Billed 88.152 + 0 + 350400 - 100000 - 0.01. In an actual export nothing says what the
    // reservation costs per hour: effective 88.152 - 0.01. List 24 x 3.673 + 18 x 98.32 - 0.01.
    // GPU-hours 24 x 1 + 18 x 8 = 168.
    Row {
        file: "azure_cost_details_actual.csv",
        format: "Azure cost details (actual)",
        rows: [5, 5, 0],
        totals: "250488.142 88.142 1857.902",
        parts: "88.152 0.00 250399.99",
        gpu_hours: "168.000000",
        workloads: "nc1 nd1",
        demand: "- - -",
    },
    // 0.56 + 0.2 + 0.0937 - 0.04 of one machine; tax 0.07, adjustment -1.5. One L4 for an hour.
    Row {
        file: "gcp_billing_export_detailed.jsonl",
        format: "Google Cloud billing export (detailed)",
        rows: [5, 5, 0],
        totals: "-0.6163 -0.6163 -",
        parts: "0.8137 0.00 -1.43",
        gpu_hours: "1.000000",
        workloads: "g2-a",
        demand: "- - -",
    },
    // 0.5709989242022857 + 1.9 + 12.402 + 0 + 3.1. One row names its GPU: 5588 s = 1.552222 h.
    Row {
        file: "runpod_v1_billing_endpoints.json",
        format: "RunPod billing v1 (endpoints, by day)",
        rows: [5, 5, 0],
        totals: "17.9729989242022857 17.9729989242022857 -",
        parts: "17.9729989242022857 0.00 0.00",
        gpu_hours: "1.552222",
        workloads: "abc123 jpnw0v75y3qoql",
        demand: "- - -",
    },
    // 59.76 + 31.125 + 8.16 + 0 of pods; 59.76 of a GPU type, which names no pod, for 24 h. What GPU
    // the pods had nothing says, so that their hours are hours of nothing known.
    Row {
        file: "runpod_v1_billing_pods.json",
        format: "RunPod billing v1 (mixed groupings, by day)",
        rows: [5, 5, 0],
        totals: "158.805 158.805 -",
        parts: "99.045 59.76 0.00",
        gpu_hours: "24.000000",
        workloads: "qqq111 xedezhzb9la3ye",
        demand: "- - -",
    },
    // 12.34 + 61 + 1.24 + 31.24 + 61; this version states no hours.
    Row {
        file: "runpod_v2_billing_pods.json",
        format: "RunPod billing v2 (pods)",
        rows: [5, 5, 0],
        totals: "166.82 166.82 -",
        parts: "166.82 0.00 0.00",
        gpu_hours: "-",
        workloads: "pod_9",
        demand: "- - -",
    },
    // 3.95 + 0.2194444444 + 0.41 + 0 + 11.2; this report states no hours.
    Row {
        file: "modal_billing_report.csv",
        format: "Modal billing report (by hour)",
        rows: [5, 5, 0],
        totals: "15.7794444444 15.7794444444 -",
        parts: "15.7794444444 0.00 0.00",
        gpu_hours: "-",
        workloads: "batch chat-70b embed",
        demand: "- - -",
    },
    // 774 + 101.2 idle; 8 GPUs for a day.
    Row {
        file: "opencost_allocation.json",
        format: "OpenCost allocation (JSON; shares of a cluster's cost, not an invoice)",
        rows: [2, 2, 0],
        totals: "875.20 875.20 -",
        parts: "774.00 0.00 101.20",
        gpu_hours: "192.000000",
        workloads: "vllm",
        demand: "- - -",
    },
    // One row. 8 GPUs are the mean while the pod ran; how long it ran the export does not say.
    Row {
        file: "opencost_csv_export.csv",
        format: "OpenCost allocation (CSV export; shares of a cluster's cost, not an invoice)",
        rows: [1, 1, 0],
        totals: "774.00 774.00 -",
        parts: "774.00 0.00 0.00",
        gpu_hours: "-",
        workloads: "vllm",
        demand: "- - -",
    },
];

/// Logs and telemetry.
const OTHERS: &[Row] = &[
    // Five of six reached the GPU; syn3 came from a cache, syn1 failed after its prompt. Prompt 812 +
    // 1204 + 96 + 20031 + 733, completion 143 + 0 + 511 + 88 + 902.
    log("litellm_spendlogs.csv", "LiteLLM spend log", 6, "chat-70b", "5 22876 1644"),
    log("litellm_spendlogs.json", "LiteLLM spend log", 6, "chat-70b", "5 22876 1644"),
    // 4808 + 3180 + 110 + 7433 + 2107; 10 + 8 + 27 + 14 + 11.
    log("azure_llm_trace.csv", "Azure LLM trace", 5, "azure_llm_trace", "5 17638 70"),
    // 472 + 1087 + 417 + 1360 + 185; 18 + 230 + 276 + 0 + 215. The fourth failed and was offered.
    log("burstgpt_v1.csv", "BurstGPT trace", 5, "ChatGPT GPT-4", "5 3521 739"),
    log("burstgpt_v2_session.csv", "BurstGPT trace", 5, "ChatGPT GPT-4", "5 3521 739"),
    // 6758 + 7322 + 40160 + 812 + 1201; 500 + 490 + 6 + 77 + 0.
    log("mooncake.jsonl", "Mooncake trace", 5, "mooncake", "5 56253 1073"),
    // Counters fall once, between 10:20 and 10:25: requests 133 + 90, prompts 99100 + 71000,
    // generated 41000 + 27453. Samples: six series of ten, one of three.
    log(
        "prometheus_query_range_vllm.json",
        "Prometheus query answer (JSON)",
        63,
        "meta-llama/Llama-3.1-70B-Instruct",
        "223 170100 68453",
    ),
    // Samples: 10 + 8 + 10 + 10 + 10 + 10.
    log("prometheus_query_range_dcgm.json", "Prometheus query answer (JSON)", 58, "vllm", "- - -"),
    // One scrape, no time: 3 values and 4 of a histogram.
    log("vllm_metrics_exposition.txt", "Prometheus text exposition", 7, "", "- - -"),
    log("nvidia_smi_dmon_s_u.txt", "nvidia-smi dmon", 7, "", "- - -"),
    log("nvidia_smi_dmon_s_u_o_DT_olddriver.txt", "nvidia-smi dmon", 8, "", "- - -"),
    log("nvidia_smi_query_gpu.csv", "nvidia-smi --query-gpu (CSV)", 6, "", "- - -"),
];

const fn log(
    file: &'static str,
    format: &'static str,
    rows: u64,
    workloads: &'static str,
    demand: &'static str,
) -> Row {
    let (totals, parts) = ("- - -", "- - -");
    Row { file, format, rows: [rows, rows, 0], totals, parts, gpu_hours: "-", workloads, demand }
}

fn check(folder: &Path, row: &Row) {
    let found = read(&[at(folder, row.file)]).unwrap();
    holds(&found, &row.file);
    let it = &found.reconciliation;
    let (workloads, demand) = demand(&found);
    let told = [
        found.files[0].format.clone(),
        format!("{:?}", [it.rows_in, it.rows_kept, it.rows_rejected]),
        totals(it),
        parts(it),
        gpu_hours(&found),
        workloads,
        demand,
    ];
    let expected = [
        row.format.to_owned(),
        format!("{:?}", row.rows),
        row.totals.to_owned(),
        row.parts.to_owned(),
        row.gpu_hours.to_owned(),
        row.workloads.to_owned(),
        row.demand.to_owned(),
    ];
    assert_eq!(told, expected, "{}", row.file);
}

#[test]
fn every_file_of_the_reference_folder_gives_its_totals() {
    let Some(folder) = reference() else { return };
    let folder = folder.join("formats");
    let rows = || BILLS.iter().chain(OTHERS);
    rows().for_each(|row| check(&folder, row));
    // No file is left out.
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let told = ["README.md", "EXPECTED.json"].contains(&name.as_str());
        assert!(told || rows().any(|it| it.file == name), "{name} has no row here");
    }
}

#[test]
fn the_expected_totals_are_reached_to_the_last_digit() {
    let Some(folder) = reference() else { return };
    let folder = folder.join("formats");
    let expected = std::fs::read_to_string(folder.join("EXPECTED.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let mut compared = 0;
    for (file, numbers) in expected.as_object().unwrap() {
        let found = read(&[at(&folder, file)]).unwrap();
        let it = &found.reconciliation;
        let totals = &it.line.totals;
        let plus = |a: Option<Money>, b: Option<Money>| Some(a?.checked_add(b?).unwrap());
        for (name, value) in numbers.as_object().unwrap() {
            // The shortest form of the number is its text in the file.
            let value = value.to_string();
            if name == "rows" {
                assert_eq!(it.rows_in.to_string(), value, "{file}");
                compared += 1;
                continue;
            }
            let ours = match name.as_str() {
                "sum_BilledCost" | "sum_unblended" => totals.billed,
                "sum_EffectiveCost" | "sum_amortized" => totals.effective,
                "sp_effective_used" => it.by_commitment[0].effective_used,
                "sp_effective_unused" => it.by_commitment[0].effective_unused,
                "naive_sum_ListCost" => plus(totals.list, it.purchases_left_out.list),
                "accrual_ListCost_excl_purchase" => totals.list,
                other => panic!("{file}: nothing compares {other}"),
            };
            assert_eq!(ours, Money::parse(&value, Currency::USD).ok(), "{file}: {name}");
            compared += 1;
        }
    }
    assert_eq!(compared, 10, "two files, seven numbers and three");
}

#[test]
fn the_official_focus_sample_is_read_whole() {
    let Some(folder) = reference() else { return };
    let found = read(&[folder.join("traces/billing_focus_sample/focus_sample.csv")]).unwrap();
    holds(&found, &"focus_sample.csv");
    let it = &found.reconciliation;
    assert_eq!([it.rows_in, it.rows_kept, it.rows_rejected], [1000, 1000, 0]);
    // Sums of the columns as the file has them.
    assert_eq!(totals(it), "20.52022672899 14.97651418586 20.39090575119");
    // Eight g5.4xlarge: 5 x 1.624 + 0.480884264 + 1.110635736 + 0.492162944 = 10.203682944, and two
    // hours of g3.4xlarge (one Tesla M60 each) at 1.14: 1.14 + 0.78280038. Together 12.126483324.
    let usage = &found.usage;
    let gpu = |name: &str| {
        let rows = (0..usage.len()).filter(|at| usage.gpu.get(*at) == Some(name));
        let billed: i128 = rows.clone().filter_map(|at| usage.billed_cost.get(at)).sum();
        let hours: f64 = rows.clone().filter_map(|at| usage.gpu_hours_of(at)).sum();
        (rows.count(), text(Some(Money::from_atto(billed, Currency::USD))), format!("{hours:.6}"))
    };
    assert_eq!(gpu("A10G"), (8, "10.203682944".to_owned(), "6.283056".to_owned()));
    assert_eq!(gpu("M60"), (2, "1.92280038".to_owned(), "1.686667".to_owned()));
    assert_eq!(parts(it), "12.126483324 0.00 8.39374340499");
    // Effective costs of AWS are whole dollars: the analysis uses what was billed.
    let rounded = found.notices.iter().any(|it| it.starts_with("aws") && it.contains("rounded"));
    assert!(rounded, "{:?}", found.notices);
    assert!((0..usage.len()).all(|at| usage.effective_cost.get(at) == usage.billed_cost.get(at)));
}

#[test]
fn the_azure_export_and_the_scrapes_are_read() {
    let Some(folder) = reference() else { return };
    let traces = folder.join("traces");
    let name = "billing_azure_ea/sample-anonymous-ea-export-dataset.csv";
    let found = read(&[traces.join(name)]).unwrap();
    holds(&found, &name);
    let it = &found.reconciliation;
    assert_eq!([it.rows_in, it.rows_kept, it.rows_rejected], [27, 27, 0]);
    // 27 costs in Canadian dollars; list is quantity x PayGPrice, row by row. `L4s Spot` is a
    // machine of the LS series, not an L4.
    assert_eq!(it.currency.as_str(), "CAD");
    assert_eq!(totals(it), "1.26136926505726 1.26136926505726 0.59159663244747928");
    assert_eq!(parts(it), "0.00 0.00 1.26136926505726");
    let bench = Bench::new();
    for (scrape, samples) in [
        ("v1.35_kops_tests_TestObservability_AcceleratorMetrics_ViaDCGM_output.prom", 46),
        ("v1.35_kops_tests_Test_SchedulingOrchestration_PodAutoscaling_output.prom", 329),
        ("v1.35_rafay_accelator_metrics.prom", 17),
    ] {
        let path = traces.join("dcgm_scrapes_cncf/extracted").join(scrape);
        let lines = std::fs::read_to_string(&path).unwrap();
        let n = lines.lines().filter(|it| !it.starts_with('#') && !it.trim().is_empty()).count();
        assert_eq!(n, samples, "{scrape}");
        let ran = bench.run(&["ingest", &path.display().to_string(), "--format", "json"]);
        assert_eq!(ran.code, 0, "{scrape}: {}", ran.stderr);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(told["reconciliation"]["rows_in"], samples, "{scrape}");
        assert_eq!(told["reconciliation"]["rows_rejected"], 0, "{scrape}");
        assert!(told["notices"].to_string().contains("the scrape has no time"), "{scrape}");
    }
}
