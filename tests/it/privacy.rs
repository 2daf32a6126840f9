//! What no user wants to see elsewhere stays where it is: keys, prompts, end users, environment
//! values and headers of requests, planted in every input and in its broken rows, are in no output.

use crate::support::Bench;

/// Texts that may leave no file of the user's.
const SECRETS: [&str; 9] = [
    "sk-planted-1",
    "Bearer planted-2",
    "planted-3@example.com",
    "tell me planted-4",
    "the answer is planted-5",
    "hf_planted6",
    "10.99.77.7",
    "planted-8-of-a-secret",
    "planted-9-in-annotations",
];

/// Rows without fault, and one whose numbers are broken.
fn litellm_csv() -> String {
    let row = |id: &str, prompt: &str| {
        format!(
            "{id},acompletion,sk-planted-1,0,{prompt},20,2026-06-10T08:00:00Z,2026-06-10T08:00:02Z,hosted_vllm/m,chat,planted-3@example.com,\"{{\"\"headers\"\":\"\"Bearer planted-2\"\"}}\",False,success,planted-3@example.com,10.99.77.7,tell me planted-4,the answer is planted-5\n"
        )
    };
    let header = "request_id,call_type,api_key,spend,prompt_tokens,completion_tokens,startTime,endTime,model,model_group,user,metadata,cache_hit,status,end_user,requester_ip_address,messages,response\n";
    format!(
        "{header}{}{}{}sk-planted-1,tell me planted-4\n",
        row("r1", "100"),
        row("r2", "300"),
        row("r3", "many")
    )
}

fn litellm_json() -> String {
    let row = |id: &str, prompt: &str| {
        format!(
            r#"{{"request_id":"{id}","call_type":"acompletion","api_key":"sk-planted-1","spend":0,"prompt_tokens":{prompt},"completion_tokens":20,"startTime":"2026-06-10T08:00:00Z","endTime":"2026-06-10T08:00:02Z","model":"hosted_vllm/m","model_group":"chat","user":"planted-3@example.com","metadata":{{"user_api_key":"sk-planted-1","headers":{{"authorization":"Bearer planted-2"}}}},"cache_hit":"False","status":"success","end_user":"planted-3@example.com","requester_ip_address":"10.99.77.7","messages":[{{"role":"user","content":"tell me planted-4"}}],"response":{{"content":"the answer is planted-5"}}}}"#
        )
    };
    format!(
        "[{},{},{},\"sk-planted-1\"]",
        row("r1", "100"),
        row("r2", "300"),
        row("r3", "\"tell\"")
    )
}

/// Spans with prompts, answers and headers in attributes and events; the last line is no JSON.
fn spans() -> String {
    let text = |key: &str, value: &str| {
        format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
    };
    let span = |id: &str, tokens: &str| {
        let attributes = [
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.request.model", "m"),
            text("gen_ai.input.messages", "tell me planted-4"),
            text("gen_ai.output.messages", "the answer is planted-5"),
            text("http.request.header.authorization", "Bearer planted-2"),
            text("enduser.id", "planted-3@example.com"),
            text("client.address", "10.99.77.7"),
            format!(r#"{{"key":"gen_ai.usage.input_tokens","value":{{"intValue":"{tokens}"}}}}"#),
            r#"{"key":"gen_ai.usage.output_tokens","value":{"intValue":"20"}}"#.to_owned(),
        ];
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"spans":[{{"traceId":"t{id}","spanId":"{id}","name":"tell me planted-4","startTimeUnixNano":"1781078400000000000","endTimeUnixNano":"1781078402000000000","attributes":[{}],"events":[{{"name":"e","attributes":[{}]}}],"status":{{"code":1,"message":"sk-planted-1"}}}}]}}]}}]}}"#,
            text("process.command_args", "--api-key sk-planted-1"),
            attributes.join(","),
            text("gen_ai.prompt", "tell me planted-4"),
        )
    };
    let broken = "{\"resourceSpans\": tell me planted-4 sk-planted-1";
    [span("1", "100"), span("2", "300"), span("3", "many"), broken.to_owned()].join("\n")
}

/// Columns of the user's own, and tags that hold a key by mistake but belong to nobody's rules.
fn focus() -> String {
    let header = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingQuantity,PricingUnit,ChargeDescription,ResourceId,ServiceCategory,ProviderName,BillingAccountName,x_Owner,x_ApiKey,Tags\n";
    let row = |hour: u32, cost: &str| {
        format!(
            "{cost},1.5,USD,Usage,2026-06-10T{hour:02}:00:00Z,2026-06-10T{:02}:00:00Z,1,Hours,p5.48xlarge,i-1,Compute,AWS,planted-3@example.com,planted-3@example.com,sk-planted-1,\"{{\"\"workload\"\":\"\"chat\"\",\"\"note\"\":\"\"Bearer planted-2\"\"}}\"\n",
            hour + 1
        )
    };
    format!("{header}{}{}{}1.5,sk-planted-1\n", row(8, "1.5"), row(9, "1.5"), row(10, "soon"))
}

/// A snapshot with everything that `kubectl get -o json` shows and nobody should read.
fn cluster() -> String {
    r#"{"apiVersion":"v1","kind":"List","items":[
{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","annotations":{"note":"planted-9-in-annotations"}},"spec":{"providerID":"aws:///us-east-1a/i-1"},"status":{"capacity":{"nvidia.com/gpu":"8"},"allocatable":{"nvidia.com/gpu":"8"}}},
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"vllm-0","namespace":"ml","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"planted-9-in-annotations"},"ownerReferences":[{"kind":"StatefulSet","name":"vllm","controller":true}]},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"vllm/vllm-openai:v0.9","command":["vllm","serve","meta-llama/Llama-3.1-8B-Instruct"],"args":["--api-key","sk-planted-1","--hf-token=hf_planted6","--max-model-len","8192"],"env":[{"name":"HF_TOKEN","value":"hf_planted6"},{"name":"PROMPT","value":"tell me planted-4"}],"resources":{"limits":{"nvidia.com/gpu":"8"}}}]},"status":{"phase":"Running","startTime":"2026-06-10T00:00:00Z"}},
{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"ml"},"data":{"token":"planted-8-of-a-secret"}},
{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"s","namespace":"ml"},"data":{"config":"planted-8-of-a-secret"}},
{"apiVersion":"v1","kind":"Pod","metadata":{"name":7,"annotations":{"a":"planted-9-in-annotations"}},"spec":{"containers":[{"env":[{"name":"HF_TOKEN","value":"hf_planted6"}]}]}}
]}"#
        .to_owned()
}

/// Every file below a folder as bytes.
fn everything(folder: &std::path::Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            everything(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// Runs every command that reads, with what shows most, and looks for the secrets in all of it.
fn check(files: &[(&str, String)]) {
    let bench = Bench::new();
    let paths: Vec<String> =
        files.iter().map(|(name, text)| bench.write(&format!("in/{name}"), text)).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let lax = ["--max-rejected", "90", "--verbose"];
    let mut outputs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut run = |words: &[&str], codes: &[i32]| {
        let ran = bench.run(words);
        assert!(codes.contains(&ran.code), "{words:?}: {}", ran.stderr);
        outputs.push((format!("{words:?} stdout"), ran.stdout.into_bytes()));
        outputs.push((format!("{words:?} stderr"), ran.stderr.into_bytes()));
    };
    let with = |words: &[&'static str]| [words, &lax[..], &paths[..]].concat();
    run(&with(&["ingest", "--explain"]), &[0]);
    run(&with(&["ingest", "--format", "json", "--output", "out/usage.parquet"]), &[0]);
    run(&with(&["analyze", "--format", "json", "--output", "out/report"]), &[0]);
    run(&with(&["analyze", "--output", "out/shown"]), &[0]);
    run(&with(&["describe"]), &[0]);
    // Above the limit the first refused row is shown; a snapshot may end the run.
    run(&[&["ingest", "--max-rejected", "0"], &paths[..]].concat(), &[0, 3]);
    everything(&bench.path("out"), &mut outputs);
    for name in ["usage.parquet", "report.json", "report.html", "report.md"] {
        assert!(outputs.iter().any(|it| it.0.ends_with(name)), "{name} was not written");
    }
    for (what, bytes) in &outputs {
        for secret in SECRETS {
            let found = bytes.windows(secret.len()).any(|it| it == secret.as_bytes());
            assert!(!found, "`{secret}` is in {what} of {}", files[0].0);
        }
    }
}

#[test]
fn secrets_in_logs_reach_no_output() {
    check(&[("litellm.csv", litellm_csv())]);
    check(&[("litellm.json", litellm_json())]);
    check(&[("spans.jsonl", spans())]);
}

#[test]
fn secrets_in_bills_and_clusters_reach_no_output() {
    check(&[("focus.csv", focus())]);
    check(&[("focus.csv", focus()), ("cluster.json", cluster())]);
}

#[test]
fn all_inputs_together_keep_their_secrets() {
    let files = [
        ("focus.csv", focus()),
        ("cluster.json", cluster()),
        ("litellm.csv", litellm_csv()),
        ("spans.jsonl", spans()),
    ];
    for secret in SECRETS {
        assert!(files.iter().any(|it| it.1.contains(secret)), "`{secret}` is planted nowhere");
    }
    check(&files);
}

/// Errors and warnings of a redacted run name no file, no cell, no workload of the config, and an
/// environment that is no common stage is a name.
#[test]
fn a_redacted_run_names_nothing_where_it_fails_either() {
    let bench = Bench::new();
    let header = "period_start,workload,environment,gpu,gpu_count,billed_cost\n";
    let row = |hour: u32, environment: &str, cost: &str| {
        format!("2026-10-01T{hour:02}:00:00Z,zebra,{environment},L40S,1,{cost}\n")
    };
    let good = [row(0, "production", "1.5"), row(1, "okapi", "1.5")].concat();
    let good = bench.write("antelope.csv", format!("{header}{good}"));
    let bad = bench.write("gnu.csv", format!("{header}{}", row(0, "production", "impala-9")));
    let config = bench.write("own.toml", "[workload.kudu]\nmodel = \"m\"\n");
    let names = ["zebra", "okapi", "antelope", "gnu", "impala", "kudu"];
    for (words, code) in [
        (
            vec![
                "analyze",
                good.as_str(),
                "--format",
                "csv",
                "--config",
                &config,
                "--redact",
                "--verbose",
            ],
            0,
        ),
        (vec!["describe", good.as_str(), "--redact"], 0),
        (vec!["analyze", bad.as_str(), "--redact"], 3),
        (vec!["ingest", good.as_str(), good.as_str(), "--redact"], 3),
    ] {
        let ran = bench.run(&words);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        for name in names {
            let said = [&ran.stdout, &ran.stderr].into_iter().find(|it| it.contains(name));
            assert_eq!(said, None, "{name} in {words:?}");
        }
    }
    assert!(bench.path("reports/redacted").is_dir());
}
