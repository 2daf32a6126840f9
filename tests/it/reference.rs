//! The program whole against a real trace, where it is at hand; `traces/` holds the statistics.

use serde_json::Value;

use crate::support::{Bench, reference};

#[test]
fn the_azure_trace_is_analysed_whole() {
    let Some(folder) = reference() else { return };
    let bench = Bench::new();
    let name = "AzureLLMInferenceTrace_conv";
    let config = bench.write(
        "azure.toml",
        format!(
            "[workload.{name}]\nmodel = \"meta-llama/Meta-Llama-3.1-8B\"\ngpu = \"A100 80GB SXM4\"\n\
             gpu_count = 1\nkind = \"real_time_inference\"\n"
        ),
    );
    let file = folder.join(format!("traces/azure_llm_2023_conv/{name}.csv")).display().to_string();
    let ran =
        bench.run(&["analyze", &file, "--config", &config, "--format", "json", "--output", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["reconciliation"]["rows_kept"], 19_366);
    let workload = &report["workloads"][0];
    assert_eq!(workload["baseline"]["requests"], 19_366);
    assert_eq!(workload["baseline"]["priced_from_catalog"], true);
    assert_eq!(workload["advice"]["action"], "not_enough_data", "an hour carries no switch");
    assert!(workload["plans"].as_array().unwrap().len() > 10);
}
