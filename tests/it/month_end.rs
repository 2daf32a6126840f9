//! What goes wrong at the end of a month: files cut short, empty answers, months of other zones,
//! corrections, an output that would overwrite its input, a usage table that is read again.

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

const FOCUS: &str = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingQuantity,PricingUnit,SkuPriceDetails,ResourceId,ServiceCategory,ProviderName,Tags\n";

/// An hour of a p5.48xlarge of a workload on 10 June.
fn hour(hour: u32, cost: &str) -> String {
    format!(
        "{cost},{cost},USD,Usage,2026-06-10T{hour:02}:00:00Z,2026-06-10T{:02}:00:00Z,1,Hours,\"{{\"\"InstanceType\"\":\"\"p5.48xlarge\"\"}}\",i-1,Compute,AWS,\"{{\"\"workload\"\":\"\"chat\"\"}}\"\n",
        hour + 1
    )
}

fn focus(costs: &[&str]) -> String {
    let rows: String = (0..).zip(costs).map(|(at, cost)| hour(at, cost)).collect();
    format!("{FOCUS}{rows}")
}

fn told(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn refused(ran: &Ran, code: i32, says: &str) {
    assert_eq!(ran.code, code, "{}", ran.stderr);
    assert!(ran.stderr.contains(says), "`{says}` is not in {}", ran.stderr);
}

#[test]
fn an_input_is_not_overwritten() {
    let bench = Bench::new();
    let text = focus(&["1", "2"]);
    let file = bench.write("bill.parquet", &text);
    let other = bench.write("bill.csv", &text);
    refused(&bench.run(&["ingest", &other, "--output", &other]), 2, "no .parquet");
    let linked = bench.path("link.parquet");
    std::os::unix::fs::symlink(bench.path("bill.csv"), &linked).unwrap();
    let linked = linked.display().to_string();
    refused(&bench.run(&["ingest", &other, "--output", &linked]), 2, "would be overwritten");
    drop(file);
    assert_eq!(std::fs::read_to_string(bench.path("bill.csv")).unwrap(), text);
}

#[test]
fn a_text_that_ends_in_the_middle_is_no_whole_file() {
    let bench = Bench::new();
    let costs: Vec<&str> = std::iter::repeat_n("1", 20).collect();
    let text = focus(&costs);
    let cut = bench.write("cut.csv", &text[..text.len() - 90]);
    refused(&bench.run(&["ingest", &cut]), 3, "cut.csv: row 20, the last: the row has");
    let row = json!({"BilledCost": 1, "EffectiveCost": 1, "BillingCurrency": "USD", "ChargeCategory": "Usage",
        "ChargePeriodStart": "2026-06-10T08:00:00Z", "ChargePeriodEnd": "2026-06-10T09:00:00Z", "ProviderName": "AWS",
        "ServiceCategory": "Compute"});
    let lines = format!("{row}\n").repeat(200);
    let cut = bench.write("cut.jsonl", &lines[..lines.len() - 20]);
    refused(&bench.run(&["ingest", &cut]), 3, "cut.jsonl: line 200: ");
    // Without its last line end a file is whole.
    let whole = bench.write("whole.jsonl", lines.trim_end());
    assert_eq!(bench.run(&["ingest", &whole]).code, 0);
    let whole = bench.write("whole.csv", text.trim_end());
    assert_eq!(bench.run(&["ingest", &whole]).code, 0);
}

#[test]
fn an_answer_without_rows_is_told_beside_others() {
    let bench = Bench::new();
    let bill = bench.write("bill.csv", focus(&["1"]));
    let endpoints = bench.write("endpoints.json", "[]");
    let ran = bench.run(&["ingest", &bill, &endpoints]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("endpoints.json has no rows"), "{}", ran.stdout);
    refused(&bench.run(&["ingest", &endpoints]), 3, "endpoints.json");
}

/// An L4 for all of May in Pacific time, 744 hours of 0.56, as the invoice of May has it: the month is
/// that of the invoice, and every hour has its money.
#[test]
fn the_month_of_google_is_whole() {
    let bench = Bench::new();
    let first = chrono::DateTime::parse_from_rfc3339("2026-05-01T07:00:00Z").unwrap();
    let rows: String = (0..744)
        .map(|at| {
            let start = first + chrono::Duration::hours(at);
            let end = start + chrono::Duration::hours(1);
            let row = json!({
                "service": {"description": "Compute Engine"},
                "sku": {"id": "S", "description": "Nvidia L4 GPU running in Iowa"},
                "usage_start_time": start.to_rfc3339(), "usage_end_time": end.to_rfc3339(),
                "project": {"id": "lab"}, "labels": [{"key": "workload", "value": "embed"}],
                "location": {"region": "us-central1"}, "cost": 0.56, "currency": "USD",
                "usage": {"amount_in_pricing_units": 1, "pricing_unit": "hour"},
                "credits": [], "invoice": {"month": "202605"}, "cost_type": "regular",
            });
            format!("{row}\n")
        })
        .collect();
    let file = bench.write("gcp.jsonl", rows);
    for month in [&[][..], &["--month", "2026-05"], &["--month"]] {
        let words = [&["analyze", file.as_str(), "--format", "json"], month].concat();
        let report = told(&bench.run(&words));
        let (totals, workload) = (&report["totals"], &report["workloads"][0]);
        assert_eq!(totals["window_hours"], 744.0, "{month:?}");
        assert_eq!(workload["baseline"]["gpu_hours"], 744.0);
        assert_eq!(totals["effective_cost"], "416.64");
        // 416.64 x 730 / 744.
        assert_eq!(totals["baseline_monthly_cost"], "408.80");
    }
}

/// A correction of April in the bill of June: its money counts, and June stays as long as it was.
#[test]
fn a_correction_makes_no_bill_longer() {
    let bench = Bench::new();
    let header = "lineItem/tenantId,lineItem/intervalUsageStart,lineItem/intervalUsageEnd,product/service,product/region,product/resourceId,usage/billedQuantity,cost/productSku,product/Description,cost/myCost,cost/currencyCode,cost/skuUnitDescription,lineItem/isCorrection\n";
    let gpu = "Oracle Cloud Infrastructure - Compute - GPU - H100";
    let row = |day: &str, hour: u32, cost: &str, correction: bool| {
        format!(
            "t,{day}T{hour:02}:00Z,{day}T{:02}:00Z,COMPUTE,us-ashburn-1,i,8,B1,{gpu},{cost},USD,GPU Per Hour,{correction}\n",
            hour + 1
        )
    };
    let hours: String = (0..10).map(|it| row("2026-06-10", it, "80", false)).collect();
    let file =
        bench.write("oci.csv", format!("{header}{hours}{}", row("2026-04-01", 8, "-10", true)));
    let found = told(&bench.run(&["ingest", &file, "--format", "json"]));
    assert_eq!(found["window_start"], "2026-06-10T00:00:00Z");
    assert_eq!(found["reconciliation"]["billed_total"], "790.00");
}

/// The usage table is read as the files it was made of: requests by the hour, idle GPUs one by one.
#[test]
fn a_usage_table_says_what_its_files_said() {
    let bench = Bench::new();
    let bill = bench.write("bill.csv", focus(&["10", "10", "10"]));
    let log: String = (0..90)
        .map(|at| format!("2026-06-10T{:02}:{:02}:30Z,chat,100,{at}\n", at / 30, at % 30 * 2))
        .collect();
    let log = bench
        .write("log.csv", format!("timestamp,workload,prompt_tokens,completion_tokens\n{log}"));
    let point = |gpu: u32| {
        let values: Vec<Value> = (0..180)
            .map(|it| json!([1_781_049_600 + it * 60, if gpu == 0 { "100" } else { "0" }]))
            .collect();
        json!({"metric": {"__name__": "DCGM_FI_DEV_GPU_UTIL", "UUID": format!("GPU-{gpu}"), "pod": "chat-0"}, "values": values})
    };
    let result: Vec<Value> = (0..8).map(point).collect();
    let metrics = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
    let metrics = bench.write("dcgm.json", metrics.to_string());
    let table = bench.path("usage.parquet").display().to_string();
    let made = bench.run(&["ingest", &bill, &log, &metrics, "--output", &table]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let analyze = |files: &[&str]| {
        let report = told(&bench.run(&[&["analyze", "--format", "json"], files].concat()));
        let workload = report["workloads"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["name"] == "chat")
            .unwrap()
            .clone();
        ["effective_cost", "requests", "prompt_tokens", "completion_tokens", "busy_fraction"]
            .map(|key| workload["baseline"][key].to_string())
    };
    let of_files = analyze(&[&bill, &log, &metrics]);
    assert_eq!(of_files, analyze(&[&table]));
    assert_eq!(&of_files[..4], ["\"30.00\"", "90", "9000", "4005"]);
    // Beside one of its bills it is refused.
    refused(&bench.run(&["analyze", &table, &bill]), 3, "same money");
}

#[test]
fn what_cannot_be_used_is_told() {
    let bench = Bench::new();
    let text = focus(&["1", "2"]).replacen("\"{\"\"workload\"\"", "\"{broken \"\"workload\"\"", 1);
    let bill = bench.write("bill.csv", text);
    let log = bench.write(
        "log.csv",
        "timestamp,workload,prompt_tokens,completion_tokens\n2026-06-10T00:10:30Z,llama,1,2\n2026-06-10T01:10:30Z,llama,3,4\n",
    );
    let config =
        "[workload.chat]\ngpu = \"H900\"\nmodel = \"no/such\"\n[policy]\nproviders = [\"gogle\"]\n";
    let config = bench.write("own.toml", config);
    let ran = bench.run(&["ingest", &bill, &log, "--config", &config]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for said in ["the gpu `H900`", "the model `no/such`", "an offer of `gogle`"] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    let notes = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "the tags of 1 distinct lines",
        "llama has requests and no cost, chat a cost and no requests",
    ] {
        assert!(notes.contains(said), "{notes}");
    }
    let comma = bench.write("comma.csv", focus(&["\"1,5\""]));
    refused(&bench.run(&["ingest", &comma]), 3, "write a point, not a comma");
}

/// Two workloads on the same GPU at the same price are two: one from a table, one from a bill.
#[test]
fn equal_prices_make_no_copy() {
    let bench = Bench::new();
    let rows = |head: &str, row: &dyn Fn(u32) -> String| {
        head.to_owned() + &(0..12).map(row).collect::<String>()
    };
    let bill = rows(FOCUS, &|it| hour(it, "1.5"));
    let bill = bench.write("bill.csv", bill);
    let table =
        rows("period_start,period_end,workload,provider,gpu,gpu_count,effective_cost\n", &|it| {
            format!(
                "2026-06-10T{it:02}:00:00Z,2026-06-10T{:02}:00:00Z,other,aws,H100-SXM-80GB,8,1.5\n",
                it + 1
            )
        });
    let table = bench.write("table.csv", table);
    let ran = bench.run(&["ingest", &bill, &table, "--format", "json"]);
    assert_eq!(told(&ran)["reconciliation"]["effective_total"], "36.00");
}
