//! A small file of every other format, written here, with its totals worked out by hand: what
//! `formats.rs` compares with the reference folder, the product compares with itself.

use gpuadvise::ingest::WindowCut;

use crate::account::{demand, gpu_hours, holds, parts, read, read_with, totals};
use crate::support::Bench;

/// A file and what it must give; amounts and counts as in `formats.rs`.
struct Own {
    name: &'static str,
    text: String,
    format: &'static str,
    rows: u64,
    /// Billed, effective, list; assigned, unassigned, excluded.
    money: [&'static str; 2],
    gpu_hours: &'static str,
    workloads: &'static str,
    demand: &'static str,
}

fn check(own: &Own) {
    let bench = Bench::new();
    bench.write(own.name, &own.text);
    let found = read(&[bench.path(own.name)]).unwrap();
    holds(&found, &own.name);
    let it = &found.reconciliation;
    assert_eq!(
        [it.rows_in, it.rows_kept, it.rows_rejected],
        [own.rows, own.rows, 0],
        "{}",
        own.name
    );
    let (workloads, demand) = demand(&found);
    let told = [
        found.files[0].format.as_str(),
        &totals(it),
        &parts(it),
        &gpu_hours(&found),
        &workloads,
        &demand,
    ];
    let [totals, parts] = own.money;
    let expected = [own.format, totals, parts, own.gpu_hours, own.workloads, own.demand];
    assert_eq!(told, expected, "{}", own.name);
}

fn bill(
    (name, format): (&'static str, &'static str),
    text: impl Into<String>,
    rows: u64,
    money: [&'static str; 2],
    (gpu_hours, workloads): (&'static str, &'static str),
) -> Own {
    Own { name, text: text.into(), format, rows, money, gpu_hours, workloads, demand: "- - -" }
}

fn log(
    (name, format): (&'static str, &'static str),
    text: impl Into<String>,
    rows: u64,
    (workloads, demand): (&'static str, &'static str),
) -> Own {
    let money = ["- - -", "- - -"];
    Own { name, text: text.into(), format, rows, money, gpu_hours: "-", workloads, demand }
}

/// Legacy headers. 3 h of g6.xlarge (one L4) at 0.8048 = 2.4144; an hour of p5.48xlarge (8 H100)
/// for 55.04 that a savings plan covers for 40 and takes off again; the plan's 50 of which 10 are
/// unused; tax 1.5, credit -2.
///
/// Billed 2.4144 + 55.04 - 55.04 + 50 + 1.5 - 2 = 51.9144; effective 2.4144 + 40 + 10 + 1.5 - 2 =
/// 51.9144; public 2.4144 + 55.04 = 57.4544. Assigned, as billed, 2.4144 + 55.04 - 55.04.
const LEGACY_CUR: &str = "\
identity/LineItemId,bill/BillingPeriodStartDate,lineItem/UsageAccountId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,lineItem/Operation,lineItem/ResourceId,lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedCost,pricing/unit,pricing/publicOnDemandCost,product/instanceType,savingsPlan/SavingsPlanARN,savingsPlan/SavingsPlanEffectiveCost,savingsPlan/TotalCommitmentToDate,savingsPlan/UsedCommitment,resourceTags/user:team,resourceTags/user:workload
a,2026-06-01T00:00:00Z,77,Usage,2026-06-10T08:00:00Z,2026-06-10T11:00:00Z,AmazonEC2,BoxUsage:g6.xlarge,RunInstances,i-1,3.0,USD,2.4144,Hrs,2.4144,g6.xlarge,,,,,search,embed
b,2026-06-01T00:00:00Z,77,SavingsPlanCoveredUsage,2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,AmazonEC2,BoxUsage:p5.48xlarge,RunInstances,i-2,1,USD,55.04,Hrs,55.04,p5.48xlarge,sp-1,40.0,,,search,chat
c,2026-06-01T00:00:00Z,77,SavingsPlanNegation,2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,AmazonEC2,BoxUsage:p5.48xlarge,,i-2,,USD,-55.04,,,,sp-1,,,,search,chat
d,2026-06-01T00:00:00Z,77,SavingsPlanRecurringFee,2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,ComputeSavingsPlans,ComputeSP:1yrNoUpfront,,,1,USD,50.0,,,,sp-1,,50.0,40.0,,
e,2026-06-01T00:00:00Z,77,Tax,2026-06-01T00:00:00Z,2026-07-01T00:00:00Z,AmazonEC2,,,,,USD,1.5,,,,,,,,,
f,2026-06-01T00:00:00Z,77,Credit,2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,AmazonEC2,,,,,USD,-2,,,,,,,,,
";

#[test]
fn bills_of_amazon() {
    let told = ("cur.csv", "AWS CUR (legacy)");
    let money = ["51.9144 51.9144 57.4544", "2.4144 0.00 49.50"];
    check(&bill(told, LEGACY_CUR, 6, money, ("11.000000", "chat embed")));
    // The same rows under the names of CUR 2.0, whose tags are one column.
    let (header, rows) = LEGACY_CUR.split_once('\n').unwrap();
    let mut renamed = String::new();
    for name in header.split(',').take(20) {
        for c in name.chars() {
            match c {
                '/' => renamed.push('_'),
                c if c.is_ascii_uppercase() => renamed.extend(['_', c.to_ascii_lowercase()]),
                c => renamed.push(c),
            }
        }
        renamed.push(',');
    }
    let renamed = renamed.replace("__", "_").replace("a_r_n", "savings_plan_a_r_n");
    let renamed =
        renamed.replace("savings_plan_savings_plan_savings_plan_", "savings_plan_savings_plan_");
    let tagged = |row: &str| {
        let cells: Vec<&str> = row.split(',').collect();
        let (team, workload) = (cells[20], cells[21]);
        let tags = if workload.is_empty() {
            String::new()
        } else {
            format!(
                "\"{{\"\"user_team\"\":\"\"{team}\"\",\"\"user_workload\"\":\"\"{workload}\"\"}}\""
            )
        };
        format!("{},{tags}\n", cells[..20].join(","))
    };
    let text = format!("{renamed}resource_tags\n{}", rows.lines().map(tagged).collect::<String>());
    check(&bill(("cur2.csv", "AWS CUR 2.0"), text, 6, money, ("11.000000", "chat embed")));
    // Cost Explorer: 1320.96 for 24 h of p5.48xlarge, amortized 900.5; 12.34 of no instance.
    let text = r#"{"GroupDefinitions":[{"Type":"DIMENSION","Key":"INSTANCE_TYPE"}],"ResultsByTime":[
{"TimePeriod":{"Start":"2026-06-10","End":"2026-06-11"},"Total":{},"Estimated":false,"Groups":[
{"Keys":["p5.48xlarge"],"Metrics":{"UnblendedCost":{"Amount":"1320.96","Unit":"USD"},"AmortizedCost":{"Amount":"900.5","Unit":"USD"},"UsageQuantity":{"Amount":"24","Unit":"Hrs"}}},
{"Keys":["NoInstanceType"],"Metrics":{"UnblendedCost":{"Amount":"12.34","Unit":"USD"},"AmortizedCost":{"Amount":"12.34","Unit":"USD"},"UsageQuantity":{"Amount":"5011.2","Unit":"N/A"}}}]}]}"#;
    let told = ("ce.json", "AWS Cost Explorer (by INSTANCE_TYPE)");
    let money = ["1333.30 912.84 -", "0.00 1320.96 12.34"];
    check(&bill(told, text, 2, money, ("192.000000", "")));
}

#[test]
fn bills_of_other_clouds() {
    // Amortized: 24 h of ND96isr (8 H100) for 960 of a reservation, of which 40 more are unused; 3 h of
    // NC24ads (one A100) at 3.673 = 11.019. Invoiced is what no reservation covers; effective 960 + 40 +
    // 11.019; public 24 x 98.32 + 11.019.
    let text = "\u{feff}SubscriptionId,ResourceLocation,Date,MeterCategory,MeterSubCategory,MeterName,UnitOfMeasure,Quantity,CostInBillingCurrency,ConsumedService,ResourceId,Tags,AdditionalInfo,ReservationId,UnitPrice,ChargeType,PricingModel,BillingCurrencyCode,BillingPeriodStartDate,PayGPrice
s1,EastUS,06/15/2026,Virtual Machines,NDsr H100 v5 Series,ND96isr H100 v5,1 Hour,24,960,Microsoft.Compute,/s/vm/nd1,\"\"\"workload\"\": \"\"chat\"\"\",,r-9,40,Usage,Reservation,USD,06/01/2026,98.32
s1,EastUS,06/15/2026,Virtual Machines,NDsr H100 v5 Series,ND96isr H100 v5,1 Hour,1,40,Microsoft.Capacity,,,,r-9,40,UnusedReservation,Reservation,USD,06/01/2026,0
s1,EastUS,06/15/2026,Virtual Machines,NCadsA100v4 Series,NC24ads A100 v4,1 Hour,3,11.019,Microsoft.Compute,/s/vm/nc1,,,,3.673,Usage,OnDemand,USD,06/01/2026,3.673
";
    check(&bill(
        ("azure.csv", "Azure cost details (amortized)"),
        text,
        3,
        ["11.019 1011.019 2370.699", "11.019 0.00 0.00"],
        ("195.000000", "chat nc1"),
    ));
    // One L4 machine in two SKUs: 2 h of the GPU 1.12 less a credit of 0.22, its cores 0.4; a tax 0.1.
    let row = |sku: &str, cost: &str, unit: &str, credits: &str, kind: &str| {
        format!(
            r#"{{"billing_account_id":"A","service":{{"id":"6F81-5844-456A","description":"Compute Engine"}},"sku":{{"id":"{sku}","description":"{sku}"}},"usage_start_time":"2026-06-10 08:00:00 UTC","usage_end_time":"2026-06-10 10:00:00 UTC","project":{{"id":"lab"}},"labels":[{{"key":"workload","value":"embed"}}],"system_labels":[{{"key":"compute.googleapis.com/machine_spec","value":"g2-standard-8"}}],"location":{{"region":"us-central1"}},"cost":{cost},"currency":"USD","usage":{{"amount":7200,"unit":"seconds","amount_in_pricing_units":2,"pricing_unit":"{unit}"}},"credits":[{credits}],"invoice":{{"month":"202606"}},"cost_type":"{kind}","resource":{{"name":"g2","global_name":"//compute.googleapis.com/projects/lab/zones/z/instances/4"}}}}"#
        )
    };
    let text = [
        row(
            "Nvidia L4 GPU attached to VMs running in Americas",
            "1.12",
            "hour",
            r#"{"name":"CUD","amount":-0.22,"type":"COMMITTED_USAGE_DISCOUNT"}"#,
            "regular",
        ),
        row("G2 Instance Core running in Americas", "0.4", "hour", "", "regular"),
        row("Tax", "0.1", "", "", "tax"),
    ];
    check(&bill(
        ("gcp.jsonl", "Google Cloud billing export (detailed)"),
        text.join("\n"),
        3,
        ["1.40 1.40 -", "1.30 0.00 0.10"],
        ("2.000000", "embed"),
    ));
    // 8 GPU-hours of H100 at 10 = 80, memory of the same machine 1.28, a correction of 2 hours.
    let row = |quantity: &str, what: &str, cost: &str, unit: &str, correction: &str| {
        format!(
            "t,2026-06-15T08:00Z,2026-06-15T09:00Z,COMPUTE,ml,us-ashburn-1,ocid1.instance.1,{quantity},B1,{what},{cost},USD,{unit},{correction},llm\n"
        )
    };
    let gpu = "Oracle Cloud Infrastructure - Compute - GPU - H100";
    let text = [
        "lineItem/tenantId,lineItem/intervalUsageStart,lineItem/intervalUsageEnd,product/service,product/compartmentName,product/region,product/resourceId,usage/billedQuantity,cost/productSku,product/Description,cost/myCost,cost/currencyCode,cost/skuUnitDescription,lineItem/isCorrection,tags/Finance.costs\n".to_owned(),
        row("8", gpu, "80", "GPU Per Hour", ""),
        row("2048", "Compute - Standard - E5 - Memory", "1.28", "Gigabyte Per Hour", "false"),
        row("-2", gpu, "-20", "GPU Per Hour", "true"),
    ];
    check(&bill(
        ("oci.csv", "OCI cost report"),
        text.concat(),
        3,
        ["61.28 61.28 -", "0.00 61.28 0.00"],
        ("6.000000", ""),
    ));
}

#[test]
fn bills_of_gpu_platforms() {
    // Two days of 24 h at 2.49 and 12 h: 59.76 + 29.88 = 89.64.
    let text = r#"[{"amount":59.76,"time":"2026-06-10T00:00:00Z","gpuTypeId":"NVIDIA H100 80GB HBM3","timeBilledMs":86400000},
{"amount":29.88,"time":"2026-06-11T00:00:00Z","gpuTypeId":"NVIDIA H100 80GB HBM3","timeBilledMs":43200000}]"#;
    check(&bill(
        ("runpod.json", "RunPod billing v1 (GPU types of pods, assumed, by day)"),
        text,
        2,
        ["89.64 89.64 -", "0.00 89.64 0.00"],
        ("36.000000", ""),
    ));
    let text = r#"{"records":[{"podId":"p1","startTime":"2026-06-10T00:00:00Z","endTime":"2026-06-11T00:00:00Z","totalAmount":7.25,"gpuAmount":7.0,"cpuAmount":0,"diskAmount":0.25}],"metadata":{"recordCount":1,"totals":{"totalAmount":7.25,"gpuAmount":7.0,"cpuAmount":0,"diskAmount":0.25}}}"#;
    check(&bill(
        ("runpod2.json", "RunPod billing v2 (pods)"),
        text,
        1,
        ["7.25 7.25 -", "7.25 0.00 0.00"],
        ("-", "p1"),
    ));
    let csv = "Object ID,Description,Environment,Interval Start,Cost,Tags\nap-1,embed,main,2026-06-10T08:00:00+00:00,1.2500000001,\"{\"\"team\"\":\"\"search\"\"}\"\nap-1,embed,main,2026-06-10T09:00:00+00:00,0E-10,{}\n";
    let money = ["1.2500000001 1.2500000001 -", "1.2500000001 0.00 0.00"];
    let told = ("modal.csv", "Modal billing report (by hour)");
    check(&bill(told, csv, 2, money, ("-", "embed")));
    let json = r#"[{"object_id":"ap-1","description":"embed","environment":"main","interval_start":"2026-06-10T08:00:00+00:00","cost":"1.2500000001","tags":{}},{"object_id":"ap-1","description":"embed","environment":"main","interval_start":"2026-06-10T09:00:00+00:00","cost":"0","tags":{}}]"#;
    check(&bill(("modal.json", told.1), json, 2, money, ("-", "embed")));
    // 4 GPUs for a day: 96 GPU-hours of 200 plus 12.5 of the pod's processors; idle 31.25.
    let text = r#"{"code":200,"data":[{"ml/chat":{"name":"ml/chat","properties":{"namespace":"ml","controller":"chat"},"window":{"start":"2026-06-10T00:00:00Z","end":"2026-06-11T00:00:00Z"},"start":"2026-06-10T00:00:00Z","end":"2026-06-11T00:00:00Z","minutes":1440,"cpuCost":12.5,"gpuCount":4,"gpuHours":96,"gpuCost":200,"totalCost":212.5},
"__idle__":{"name":"__idle__","properties":{},"window":{"start":"2026-06-10T00:00:00Z","end":"2026-06-11T00:00:00Z"},"start":"2026-06-10T00:00:00Z","end":"2026-06-11T00:00:00Z","minutes":1440,"cpuCost":1.25,"gpuCount":0,"gpuHours":0,"gpuCost":30,"totalCost":31.25}}]}"#;
    check(&bill(
        ("opencost.json", "OpenCost allocation (JSON; shares of a cluster's cost, not an invoice)"),
        text,
        2,
        ["243.75 243.75 -", "212.50 0.00 31.25"],
        ("96.000000", "chat"),
    ));
}

#[test]
fn logs_of_requests() {
    // Two served, one from the cache: 100 + 300 prompt tokens, 20 + 40 answered.
    let csv = "request_id,call_type,spend,prompt_tokens,completion_tokens,startTime,endTime,model,model_group,status,cache_hit,request_tags\nr1,acompletion,0,100,20,2026-06-10T08:00:00Z,2026-06-10T08:00:02Z,hosted_vllm/m,chat,success,False,[]\nr2,acompletion,0,300,40,2026-06-10T08:01:00Z,2026-06-10T08:01:02Z,hosted_vllm/m,chat,success,False,[]\nr3,acompletion,0,300,40,2026-06-10T08:02:00Z,2026-06-10T08:02:01Z,hosted_vllm/m,chat,success,True,[]\n";
    check(&log(("litellm.csv", "LiteLLM spend log"), csv, 3, ("chat", "2 400 60")));
    let span = |id: &str, names: [&str; 2], tokens: [u32; 2]| {
        format!(
            r#"{{"traceId":"t{id}","spanId":"{id}","name":"chat","startTimeUnixNano":"178100000000000000{id}","endTimeUnixNano":"178100000200000000{id}","attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},{{"key":"gen_ai.request.model","value":{{"stringValue":"m"}}}},{{"key":"{}","value":{{"intValue":"{}"}}}},{{"key":"{}","value":{{"intValue":"{}"}}}}]}}"#,
            names[0], tokens[0], names[1], tokens[1]
        )
    };
    let new = ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"];
    let old = ["gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens"];
    let spans = [span("1", new, [100, 20]), span("2", old, [300, 40])];
    let lines =
        spans.map(|it| format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{it}]}}]}}]}}"#));
    let told = ("spans.jsonl", "OpenTelemetry GenAI spans");
    check(&log(told, lines.join("\n"), 2, ("m", "2 400 60")));
    let text = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2026-06-10 08:00:00.5000000,100,20\r\n2026-06-10 08:00:01.0000000,300,40";
    check(&log(("azure.csv", "Azure LLM trace"), text, 2, ("azure", "2 400 60")));
    let text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,m,100,20,120,API log\n6.5,m,300,40,340,API log\n";
    check(&log(("burst.csv", "BurstGPT trace"), text, 2, ("m", "2 400 60")));
    let text = "{\"timestamp\":0,\"input_length\":100,\"output_length\":20,\"hash_ids\":[1]}\n{\"timestamp\":7,\"input_length\":300,\"output_length\":40,\"hash_ids\":[1]}\n";
    check(&log(("moon.jsonl", "Mooncake trace"), text, 2, ("moon", "2 400 60")));
    let text = "timestamp,workload,prompt_tokens,completion_tokens\n2026-06-10T08:00:00Z,chat,100,20\n2026-06-10T08:01:00Z,chat,300,40\n";
    check(&log(("own.csv", "request log"), text, 2, ("chat", "2 400 60")));
}

#[test]
fn telemetry() {
    // Counters at 08:00, 08:05, 08:10; the engine starts anew in between: 7 + 2, 700 + 50, 70 + 5.
    let series = |name: &str, values: [&str; 3]| {
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(at, value)| format!("[{},\"{value}\"]", 1_781_078_400 + 300 * at))
            .collect();
        format!(
            r#"{{"metric":{{"__name__":"{name}","instance":"10.0.0.1:8000","model_name":"m"}},"values":[{}]}}"#,
            points.join(",")
        )
    };
    let all = [
        series("vllm:request_success_total", ["0", "7", "2"]),
        series("vllm:prompt_tokens_total", ["0", "700", "50"]),
        series("vllm:generation_tokens_total", ["0", "70", "5"]),
    ];
    let text = format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}}"#,
        all.join(",")
    );
    let told = ("vllm.json", "Prometheus query answer (JSON)");
    check(&log(told, text, 9, ("m", "9 750 75")));
    let text = "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization.\n# TYPE DCGM_FI_DEV_GPU_UTIL gauge\nDCGM_FI_DEV_GPU_UTIL{gpu=\"0\",UUID=\"GPU-1\",modelName=\"NVIDIA L4\",Hostname=\"n1\"} 91\n";
    check(&log(("scrape.prom", "Prometheus text exposition"), text, 1, ("", "- - -")));
    let text = "#Date       Time        gpu     sm    mem\n#YYYYMMDD   HH:MM:SS    Idx      %      %\n 20260610   08:00:00      0     97     44\n 20260610   08:01:00      0      -      -\n";
    check(&log(("dmon.txt", "nvidia-smi dmon"), text, 2, ("", "- - -")));
    let text = "timestamp, index, uuid, name, utilization.gpu [%], memory.used [MiB]\n2026/06/10 08:00:00.120, 0, GPU-1, NVIDIA L4, 97 %, 20000 MiB\n2026/06/10 08:01:00.120, 0, GPU-1, NVIDIA L4, [N/A], 20000 MiB\n";
    check(&log(("smi.csv", "nvidia-smi --query-gpu (CSV)"), text, 2, ("", "- - -")));
}

/// nvidia-smi names neither host nor pod: the file is what a rule can go by.
#[test]
fn a_rule_claims_telemetry_by_its_file() {
    let bench = Bench::new();
    let dmon = "#Date       Time        gpu     sm    mem\n#YYYYMMDD   HH:MM:SS    Idx      %      %\n 20260610   08:00:00      0     97     44\n 20260610   08:01:00      0     95     44\n";
    let smi = |hour: &str| {
        format!(
            "timestamp, index, uuid, name, utilization.gpu [%]\n2026/06/10 {hour}:00:00.120, 0, GPU-1, NVIDIA L4, 97 %\n2026/06/10 {hour}:01:00.120, 0, GPU-1, NVIDIA L4, 96 %\n"
        )
    };
    bench.write("dmon.txt", dmon);
    bench.write("smi-a.csv", smi("08"));
    bench.write("smi-b.csv", smi("09"));
    let names = |files: &[&str], config: &str| {
        let paths: Vec<_> = files.iter().map(|it| bench.path(it)).collect();
        let found = read_with(&paths, config, &WindowCut::default()).unwrap();
        let names: Vec<String> = (0..found.usage.len())
            .map(|at| found.usage.workload.get(at).unwrap_or("nobody").to_owned())
            .collect();
        (names.join(" "), found.rules.iter().map(|it| it.matched).collect::<Vec<_>>())
    };
    let chat = "[[rule]]\nfile = \"dm*\"\nworkload = \"chat\"\n";
    assert_eq!(names(&["dmon.txt"], chat), ("chat".to_owned(), vec![1]));
    let both = format!("{chat}[[rule]]\nfile = \"smi-b.csv\"\nworkload = \"rag\"\n");
    // One GPU in two files, one hour in each: the second file claims it, in both hours.
    let found = names(&["dmon.txt", "smi-a.csv", "smi-b.csv"], &both);
    assert_eq!(found, ("rag rag chat".to_owned(), vec![1, 2]));
    assert_eq!(names(&["smi-a.csv"], &both), ("nobody".to_owned(), vec![0, 0]));
}

/// GPU clouds call a GPU by its name: hours count machines, GPU-hours GPUs.
#[test]
fn plain_names_of_gpus_in_focus() {
    let bench = Bench::new();
    let head = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingCategory,PricingQuantity,PricingUnit,ChargeDescription,ProviderName,ResourceId,ServiceCategory\n";
    for (unit, text, gpu, hours) in [
        ("Hours", "8x HGX H100", "H100 SXM5", "16.000000"),
        ("GPU-Hours", "8x HGX H100", "H100 SXM5", "2.000000"),
        ("Hours", "NVIDIA HGX H100", "H100 SXM5", "2.000000"),
        ("GPU-Hours", "NVIDIA H200 NVLink", "H200 SXM", "2.000000"),
        ("GPU-Hours", "H100 GPU hour", "H100", "2.000000"),
        ("Hours", "H100 support plan", "", "-"),
    ] {
        let row = format!(
            "10,10,10,10,USD,2026-06-01T00:00:00Z,2026-07-01T00:00:00Z,Usage,2026-06-10T08:00:00Z,2026-06-10T10:00:00Z,Standard,2,{unit},{text},CoreWeave,n-1,Compute\n"
        );
        bench.write("focus.csv", format!("{head}{row}"));
        let found = read_with(&[bench.path("focus.csv")], "", &WindowCut::default()).unwrap();
        let gpus: Vec<&str> =
            (0..found.usage.len()).filter_map(|at| found.usage.gpu.get(at)).collect();
        assert_eq!((gpus.join(" ").as_str(), gpu_hours(&found).as_str()), (gpu, hours), "{text}");
    }
}

/// Any discount of AWS lowers the cost of usage; a type that is none is refused by its name.
#[test]
fn line_item_types_of_aws() {
    let bench = Bench::new();
    let head = "line_item_line_item_type,line_item_usage_start_date,line_item_usage_end_date,line_item_unblended_cost,line_item_currency_code\n";
    let row = |word: &str, cost: &str| {
        format!("{word},2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,{cost},USD\n")
    };
    let rows = [
        row("Usage", "100"),
        row("SppDiscount", "-3"),
        row("DistributorDiscount", "-2"),
        row("RiVolumeDiscount", "-1"),
        row("FlatRateSubscription", "15"),
        row("Barter", "0"),
    ];
    bench.write("cur.csv", format!("{head}{}", rows.concat()));
    let found = read_with(&[bench.path("cur.csv")], "", &WindowCut::default()).unwrap();
    let account = &found.reconciliation;
    assert_eq!(totals(account).split(' ').nth(1), Some("109.00"));
    let reasons: Vec<&str> = found.rejected.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!(reasons, ["`Barter` is none of the line item types of AWS"]);
}
