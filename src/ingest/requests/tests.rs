//! Tests of all formats on small logs, with the totals worked by hand.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::raw::{Column, MixedRows, RawTable, RowNumbers, Texts, flatten};
use super::*;
use crate::ingest::RejectedKind;
use crate::units::{Period, Timestamp};

/// A file of a test: name, text.
type File<'a> = (&'a str, &'a str);

/// CSV, or JSON lines where the text starts with a brace; only wanted columns are read.
fn table(text: &str, wants: &dyn Fn(&str) -> bool) -> RawTable {
    if text.trim_start().starts_with('{') {
        let mut rows = MixedRows::default();
        for (number, line) in (1..).zip(text.lines().filter(|it| !it.trim().is_empty())) {
            rows.push(number, flatten(serde_json::from_str(line).unwrap(), wants));
        }
        return rows.finish();
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut columns: Vec<Texts> = headers.iter().map(|_| Texts::default()).collect();
    let mut rows = 0;
    for record in reader.records() {
        columns.iter_mut().zip(&record.unwrap()).for_each(|(column, cell)| column.push(cell));
        rows += 1;
    }
    let typed = headers.iter().zip(columns).map(|(header, texts)| {
        if wants(header) { Column::Text(texts) } else { Column::Other("not read".to_owned()) }
    });
    RawTable::new(headers.clone(), typed.collect(), RowNumbers::From(1, rows))
}

fn no_rules(_: &RequestSubject<'_>) -> Option<String> {
    None
}

fn read_with(files: &[File<'_>], mappings: &[LogMapping], rules: Rules<'_>) -> Requests {
    let mut builder = RequestBuilder::default();
    for (file, text) in files {
        let headers = table(text, &|_| false).headers;
        let format = detect(&headers, file, mappings).unwrap_or_else(|| panic!("{file}: no log"));
        let raw = table(text, &|header| format.wants(header, mappings));
        let source = LogSource { file, format, mappings, rules, zone: Tz::UTC };
        builder.add(&raw, source).unwrap();
    }
    let requests = builder.finish();
    let fates: u64 = requests.account.by_fate.values().sum();
    assert_eq!(requests.account.read, requests.account.in_demand + fates, "every row has a fate");
    requests
}

fn read(files: &[File<'_>]) -> Requests {
    read_with(files, &[], &no_rules)
}

fn log<'a>(requests: &'a Requests, workload: &str) -> &'a RequestLog {
    let found = requests.logs.iter().find(|it| it.workload == workload);
    found.unwrap_or_else(|| {
        let names: Vec<&str> = requests.logs.iter().map(|it| it.workload.as_str()).collect();
        panic!("no log of {workload} among {names:?}")
    })
}

fn pairs(log: &RequestLog) -> Vec<(u64, u64)> {
    log.trace.tokens.iter().map(|it| (it.prompt, it.completion)).collect()
}

fn mapping(text: &str) -> Result<Vec<LogMapping>, String> {
    #[derive(serde::Deserialize)]
    struct Config {
        mapping: RawLogMappings,
    }
    let config: Config = toml::from_str(text).map_err(|it| it.to_string())?;
    config.mapping.into_list().into_iter().map(|(_, raw)| LogMapping::check(raw)).collect()
}

const LITELLM: &str = r#"request_id,call_type,api_key,spend,prompt_tokens,completion_tokens,startTime,endTime,completionStartTime,model,model_group,custom_llm_provider,api_base,user,metadata,cache_hit,request_tags,team_id,end_user,requester_ip_address,messages,response,status
r1,acompletion,sk-secret-1,0.0,900,100,2026-03-02T08:00:00.000Z,2026-03-02T08:00:04.000Z,2026-03-02T08:00:00.250Z,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,"{""user_api_key"":""sk-secret-1""}",False,"[""app:search""]",search,bob,10.1.2.3,"[{""content"":""tell me a secret""}]",{},success
r2,acompletion,sk-secret-1,0.0000125,500,0,2026-03-02 08:00:10,2026-03-02 08:00:11,2026-03-02 08:00:11,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},False,"[""app:search""]",search,bob,10.1.2.3,{},{},failure
r3,acompletion,sk-secret-1,0.1,40,60,2026-03-02T08:00:20Z,2026-03-02T08:00:20Z,,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},True,[],search,bob,10.1.2.3,{},{},success
r4,acompletion,sk-secret-1,1.2345678901234567e-05,70,30,2026-03-02T08:00:30Z,2026-03-02T08:00:32Z,2026-03-02T08:00:32Z,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},None,[],search,bob,10.1.2.3,{},{},success
r5,acompletion,sk-secret-1,0,0,0,2026-03-02T08:00:40Z,2026-03-02T08:00:41Z,,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},False,[],search,bob,10.1.2.3,{},{},failure
r6,call_mcp_tool,sk-secret-1,0,0,0,2026-03-02T08:00:50Z,2026-03-02T08:00:51Z,,MCP: find,,,,alice,{},False,[],search,bob,10.1.2.3,{},{},success
r1,acompletion,sk-secret-1,0.0,900,100,2026-03-02T08:00:00.000Z,2026-03-02T08:00:04.000Z,2026-03-02T08:00:00.250Z,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},False,"[""app:search""]",search,bob,10.1.2.3,{},{},success
r7,aembedding,sk-secret-1,0,300,0,2026-03-02T08:01:00Z,2026-03-02T08:00:59Z,,e5,,hosted_vllm,,alice,{},False,[],ops,bob,10.1.2.3,{},{},success
r8,aembedding,sk-secret-1,0,300,0,2026-03-02T08:01:00Z,2026-03-02T08:01:01Z,,e5,,hosted_vllm,,alice,{},False,[],ops,bob,10.1.2.3,{},{},success
"#;

#[test]
fn litellm_spend_logs() {
    let found = read(&[("spend.csv", LITELLM)]);
    let qwen = log(&found, "qwen");
    // r1, r2 (failed with its prompt), r4; r3 is cached, r5 failed without tokens, r6 is a tool.
    assert_eq!(pairs(qwen), [(900, 100), (500, 0), (70, 30)]);
    // 2 March 2026 08:00 UTC is 1772438400 s; the clock of r2 without a zone is UTC too.
    let seconds: Vec<i64> = qwen.trace.at_us.iter().map(|us| us / 1_000_000).collect();
    assert_eq!(seconds, [1_772_438_400, 1_772_438_410, 1_772_438_430]);
    assert_eq!(qwen.owner.as_deref(), Some("search"));
    assert_eq!(
        qwen.facts,
        RequestFacts {
            failed: 2,
            cached: 1,
            // Served: r1 4 s, r4 2 s.
            latency_mean_s: Some(3.0),
            latency_p50_s: Some(2.0),
            latency_p95_s: Some(4.0),
            // Only r1 streamed.
            ttft_p50_s: Some(0.25),
            ttft_p95_s: Some(0.25),
            models: vec!["hosted_vllm/q".to_owned()],
            ..RequestFacts::default()
        }
    );
    // No model group: the model.
    assert_eq!(pairs(log(&found, "e5")), [(300, 0)]);
    // 0.0000125 + 0.1 + 0.000012345678901235 (a double of 21 decimals, half-even at 18) of r2, r3,
    // r4; the second r1 does not count again.
    let spend = found.account.spend.unwrap().to_decimal_string();
    assert_eq!(spend, "0.100024845678901235");
    let fates = [
        (Fate::Cached, 1),
        (Fate::FailedWithoutTokens, 1),
        (Fate::OtherOperation, 1),
        (Fate::Duplicate, 1),
        (Fate::Rejected, 1),
    ];
    assert_eq!(found.account.by_fate, BTreeMap::from(fates));
    let kinds: Vec<_> = found.rejected.iter().map(|it| (it.row, it.kind)).collect();
    assert_eq!(kinds, [(7, RejectedKind::Duplicate), (8, RejectedKind::Faulty)]);
    assert_eq!(
        found.rejected[1].to_string(),
        "spend.csv: row 8: `endTime`: the request ends before it starts"
    );
}

#[test]
fn streams_without_usage_are_unknown_not_zero() {
    let row = |n: usize, tokens: &str| {
        format!("r{n},{tokens},2026-03-02T08:00:{:02}Z,2026-03-02T09:00:00Z,m,success\n", n % 60)
    };
    let text = |n: usize| {
        let head =
            "request_id,prompt_tokens,completion_tokens,startTime,endTime,model_group,status\n";
        let rows: String = (1..n).map(|it| row(it, "10,5")).collect();
        format!("{head}{rows}{}", row(n, "0,0"))
    };
    // One of 100 is rare enough to leave out; one of 99 is not, and no token is used.
    let found = read(&[("a.csv", &text(100))]);
    let rare = log(&found, "m");
    assert_eq!((rare.trace.len(), rare.trace.tokens.len(), rare.facts.without_tokens), (99, 99, 1));
    assert_eq!(found.account.n(Fate::ServedWithoutTokens), 1);
    let found = read(&[("a.csv", &text(99))]);
    let often = log(&found, "m");
    assert_eq!(
        (often.trace.len(), often.trace.tokens.len(), often.facts.without_tokens),
        (99, 0, 1)
    );
    assert!(found.notices.iter().any(|it| it.contains("m: 1 served requests have no token")));
}

#[test]
fn rules_come_before_what_a_row_says() {
    let rules = |subject: &RequestSubject<'_>| {
        let tagged = subject.tags.iter().any(|it| it == "app:search");
        tagged.then(|| format!("tagged-{}", subject.team.unwrap_or("nobody")))
    };
    let mappings = mapping("[[mapping]]\nfile = \"spend*\"\nworkload = \"all\"").unwrap();
    let found = read_with(&[("spend.csv", LITELLM)], &mappings, &rules);
    assert_eq!(pairs(log(&found, "tagged-search")), [(900, 100), (500, 0)]);
    // The rule on the file's name is more than the group of a gateway.
    assert_eq!(pairs(log(&found, "all")), [(70, 30), (300, 0)]);
}

/// A span of OTLP/JSON: trace, span, parent, start and end in seconds after 1790000000.
fn otlp(ids: (&str, &str, &str), at: (u64, u64), attributes: &str, status: u8) -> String {
    let (trace, span, parent) = ids;
    let ns = |s: u64| (1_790_000_000 + s) * 1_000_000_000;
    format!(
        r#"{{"traceId":"{trace}","spanId":"{span}","parentSpanId":"{parent}","name":"x","startTimeUnixNano":"{}","endTimeUnixNano":{},"attributes":[{attributes}],"events":[{{"name":"gen_ai.content.prompt","attributes":[{{"key":"gen_ai.prompt","value":{{"stringValue":"tell me a secret"}}}}]}}],"status":{{"code":{status}}}}}"#,
        ns(at.0),
        ns(at.1)
    )
}

fn text(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}

fn int(key: &str, value: u64) -> String {
    format!(r#"{{"key":"{key}","value":{{"intValue":"{value}"}}}}"#)
}

/// A line of the collector's file exporter.
fn line(spans: &[String]) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{},{}]}},"scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{}]}}]}}]}}"#,
        text("service.name", "gateway"),
        text("process.command_args", "--api-key sk-secret-1"),
        spans.join(",")
    )
}

fn chat(model: &str, input: u64, output: u64) -> String {
    [
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.input.messages", "tell me a secret"),
        text("gen_ai.provider.name", "vllm"),
        text("gen_ai.request.model", model),
        int("gen_ai.usage.input_tokens", input),
        int("gen_ai.usage.output_tokens", output),
        int("gen_ai.usage.cache_read.input_tokens", input / 2),
    ]
    .join(",")
}

#[test]
fn spans_of_the_collector() {
    let old = [
        text("gen_ai.system", "openai"),
        text("gen_ai.request.model", "m"),
        int("gen_ai.usage.prompt_tokens", 20),
        int("gen_ai.usage.completion_tokens", 2),
        text("gen_ai.prompt.0.content", "tell me a secret"),
    ];
    let embeds = [
        text("gen_ai.operation.name", "embeddings"),
        text("gen_ai.request.model", "e"),
        int("gen_ai.usage.input_tokens", 7),
    ];
    let agent =
        [text("gen_ai.operation.name", "invoke_agent"), int("gen_ai.usage.input_tokens", 99)];
    let stamped = [text("http.route", "/v1/chat"), text("gen_ai.request.model", "m")];
    let failing = [
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "m"),
        text("error.type", "timeout"),
    ];
    let limited = [
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "m"),
        text("error.type", "429"),
    ];
    let lines = [
        line(&[
            otlp(("a1", "01", ""), (0, 9), &agent.join(","), 0),
            otlp(("a1", "02", "01"), (1, 3), &chat("m", 10, 1), 1),
            // An identical span of another exporter.
            otlp(("a1", "02", "01"), (1, 3), &chat("m", 10, 1), 1),
            otlp(("a2", "01", ""), (4, 5), &old.join(","), 0),
        ]),
        line(&[
            otlp(("a3", "01", ""), (5, 6), &embeds.join(","), 0),
            otlp(("a4", "01", ""), (5, 6), &stamped.join(","), 0),
            otlp(("a5", "01", ""), (5, 6), &text("db.system", "redis"), 2),
            otlp(("a6", "01", ""), (6, 7), &failing.join(","), 2),
            otlp(("a7", "01", ""), (6, 7), &limited.join(","), 2),
            otlp(("a8", "01", ""), (9, 8), &chat("m", 10, 1), 1),
        ]),
    ];
    let found = read(&[("spans.jsonl", &lines.join("\n"))]);
    let model = log(&found, "m");
    assert_eq!(pairs(model), [(10, 1), (20, 2)]);
    assert_eq!(model.trace.at_us, [1_790_000_001_000_000, 1_790_000_004_000_000]);
    assert_eq!(
        model.facts,
        RequestFacts {
            failed: 1,
            throttled: 1,
            cached_prompt_tokens: Some(5),
            // 2 s and 1 s.
            latency_mean_s: Some(1.5),
            latency_p50_s: Some(1.0),
            latency_p95_s: Some(2.0),
            models: vec!["m".to_owned()],
            ..RequestFacts::default()
        }
    );
    assert_eq!(pairs(log(&found, "e")), [(7, 0)]);
    let fates = [
        (Fate::Throttled, 1),
        (Fate::FailedWithoutTokens, 1),
        (Fate::OtherSpan, 2),
        (Fate::OtherOperation, 1),
        (Fate::Rejected, 1),
        (Fate::Duplicate, 1),
    ];
    assert_eq!(found.account.by_fate, BTreeMap::from(fates));
    assert_eq!(found.account.read, 10);
    assert!(found.rejected.iter().any(|it| it.row == 2 && it.reason.contains("ends before")));
}

#[test]
fn a_call_that_three_services_report_counts_once_in_any_order_of_files() {
    let client = otlp(("b", "01", ""), (0, 5), &chat("m", 100, 9), 0);
    let http = otlp(("b", "02", "01"), (0, 5), &text("http.route", "/v1"), 0);
    // vLLM's own span: no operation, the model as answered.
    let engine = [
        text("gen_ai.response.model", "meta-llama/L"),
        int("gen_ai.usage.prompt_tokens", 104),
        int("gen_ai.usage.completion_tokens", 9),
        r#"{"key":"gen_ai.latency.time_to_first_token","value":{"doubleValue":0.125}}"#.to_owned(),
    ];
    let engine = otlp(("b", "03", "02"), (1, 5), &engine.join(","), 0);
    let (app, server) = (line(&[client, http]), line(&[engine]));
    for files in [[("app", &app), ("vllm", &server)], [("vllm", &server), ("app", &app)]] {
        let files = files.map(|(name, text)| (name, text.as_str()));
        let found = read(&files);
        assert_eq!(found.logs.len(), 1);
        let engine = log(&found, "meta-llama/L");
        assert_eq!(pairs(engine), [(104, 9)]);
        assert_eq!(engine.facts.ttft_p50_s, Some(0.125));
        assert_eq!(found.account.n(Fate::Nested), 1);
    }
}

#[test]
fn spans_one_a_line() {
    // The shapes: an SDK's console exporter, OTLP spans taken out of their resources, columns with
    // the names of attributes.
    let console = r#"{"name":"chat","context":{"trace_id":"0xb1","span_id":"0x01"},"parent_id":null,"start_time":"2026-09-21T14:13:20.500000Z","end_time":"2026-09-21T14:13:21.500000Z","status":{"status_code":"OK"},"attributes":{"gen_ai.system":"openai","gen_ai.request.model":"m","gen_ai.prompt.0.content":"tell me a secret","gen_ai.usage.prompt_tokens":11,"gen_ai.usage.completion_tokens":3},"resource":{"attributes":{"service.name":"app"}}}"#;
    let bare = otlp(("b2", "01", ""), (2, 3), &chat("m", 12, 4), 0);
    let flat = r#"{"trace_id":"b3","span_id":"01","timestamp":"2026-09-21 14:13:24","gen_ai.request.model":"m","gen_ai.usage.input_tokens":13,"gen_ai.usage.output_tokens":5,"gen_ai.usage.prompt_tokens":999,"status_code":"STATUS_CODE_UNSET"}"#;
    let expected = [(500_000, (11, 3)), (2_000_000, (12, 4)), (4_000_000, (13, 5))];
    for (text, (us, tokens)) in [console, &bare, flat].into_iter().zip(expected) {
        let found = read(&[("spans.jsonl", text)]);
        let one = log(&found, "m");
        assert_eq!(one.trace.at_us, [1_790_000_000_000_000 + us], "{text}");
        assert_eq!(pairs(one), [tokens], "{text}");
    }
}

#[test]
fn burstgpt_of_both_versions() {
    let v1 = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
              3,GPT-4,100,20,120,Conversation log\n\
              86400.5,GPT-4,50,0,50,API log\n\
              7,ChatGPT,9,1,10,API log\n";
    let found = read(&[("burst.csv", v1)]);
    let gpt = log(&found, "GPT-4");
    assert!(gpt.trace.relative);
    assert_eq!(gpt.trace.at_us, [3_000_000, 86_400_500_000]);
    // No answer is a failure that was offered.
    assert_eq!((pairs(gpt), gpt.facts.failed), (vec![(100, 20), (50, 0)], 1));
    assert_eq!(gpt.facts.latency_mean_s, None);
    assert_eq!(pairs(log(&found, "ChatGPT")), [(9, 1)]);
    let v2 = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
              3,1,2.5,GPT-4,100,20,120,Conversation log\n\
              4,,0.5,GPT-4,100,0,100,API log\n";
    let found = read(&[("burst.csv", v2)]);
    // The failed request took 0.5 s, which is no latency of an answer.
    assert_eq!(log(&found, "GPT-4").facts.latency_mean_s, Some(2.5));
}

#[test]
fn azure_and_mooncake_traces_read_as_before() {
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n\
                 2026-09-21 14:13:20.1234567,400,10\r\n2026-09-21 14:13:20,30,8";
    let found = read(&[("azure_code.csv", azure)]);
    let code = log(&found, "azure_code");
    assert_eq!(code.trace.at_us, [1_790_000_000_000_000, 1_790_000_000_123_456]);
    assert_eq!(pairs(code), [(30, 8), (400, 10)]);
    let mooncake = "{\"timestamp\":3000,\"input_length\":5,\"output_length\":0,\"hash_ids\":[1]}\n\
                    {\"timestamp\":0,\"input_length\":6,\"output_length\":2,\"hash_ids\":[1]}";
    let found = read(&[("mooncake.jsonl", mooncake)]);
    let trace = &log(&found, "mooncake").trace;
    assert_eq!((trace.relative, trace.at_us.as_slice()), (true, &[0, 3_000_000][..]));
    assert_eq!(pairs(log(&found, "mooncake")), [(6, 2), (5, 0)]);
}

#[test]
fn generic_logs_use_latency_and_status() {
    let text = "ts,workload,input_tokens,output_tokens,latency_s,ttft_s,status,model\n\
                2026-09-21T14:13:20Z,chat,10,1,1.0,0.1,200,m\n\
                2026-09-21T14:13:21Z,chat,20,2,3.0,0.3,ok,m\n\
                2026-09-21T14:13:22Z,chat,30,,9.0,,500,m\n\
                2026-09-21T14:13:23Z,chat,40,,,,429,m\n\
                2026-09-21T14:13:24Z,chat,50,5,2.0,,odd,n\n\
                2026-09-21T14:13:25Z,,60,6,-1,,200,n\n\
                2026-09-21T14:13:26Z,,70,7,1,,200,n\n";
    let found = read(&[("gateway.log.csv", text)]);
    let chat = log(&found, "chat");
    assert_eq!(pairs(chat), [(10, 1), (20, 2), (50, 5)]);
    let facts = &chat.facts;
    assert_eq!((facts.failed, facts.throttled, facts.without_tokens), (1, 1, 0));
    assert_eq!((facts.latency_mean_s, facts.latency_p50_s), (Some(2.0), Some(2.0)));
    assert_eq!((facts.ttft_p50_s, facts.ttft_p95_s), (Some(0.1), Some(0.3)));
    // m: two served and one failed; n: one.
    assert_eq!(facts.models, ["m", "n"]);
    assert_eq!(pairs(log(&found, "gateway")), [(70, 7)]);
    assert_eq!(
        found.rejected[0].to_string(),
        "gateway.log.csv: row 6: `latency_s`: `-1` is negative"
    );
    assert!(found.notices.iter().any(|it| it.contains("1 requests have the status `odd`")));
}

#[test]
fn logs_read_by_a_mapping() {
    let mappings = mapping(
        r#"
        [[mapping]]
        file = "*.ndjson"
        workload = "search"
        workload_column = "svc"
        timestamp = "req.at"
        timestamp_format = "%d/%b/%Y:%H:%M:%S %z"
        prompt_tokens = "usage.in"
        completion_tokens = "usage.out"
        latency_ms = "ms"
        ttft_ms = "first ms"
        status = "http status"
        model = "req.model"
        "#,
    )
    .unwrap();
    let text = r#"{"req":{"at":"21/Sep/2026:16:13:20 +0200","model":"m"},"usage":{"in":5,"out":7},"ms":1500,"first ms":200,"http status":200,"prompt":"tell me a secret"}
{"req":{"at":"21/Sep/2026:16:13:21 +0200"},"usage":{"in":6,"out":8},"svc":"chat","http status":200}
{"req":{"at":"yesterday"},"usage":{"in":6,"out":8},"http status":200}"#;
    let found = read_with(&[("edge.ndjson", text)], &mappings, &no_rules);
    let search = log(&found, "search");
    assert_eq!(
        (search.trace.at_us.as_slice(), pairs(search)),
        (&[1_790_000_000_000_000][..], vec![(5, 7)])
    );
    assert_eq!((search.facts.latency_p50_s, search.facts.ttft_p50_s), (Some(1.5), Some(0.2)));
    assert_eq!(search.facts.models, ["m"]);
    assert_eq!(pairs(log(&found, "chat")), [(6, 8)]);
    assert_eq!(
        found.rejected[0].to_string(),
        "edge.ndjson: row 3: `req.at`: `yesterday` is not a time as `%d/%b/%Y:%H:%M:%S %z` writes it"
    );
    // A file without the columns is not the mapping's, and the user can be told why.
    let headers = ["ts".to_owned(), "usage.in".to_owned()];
    assert_eq!(detect(&headers, "edge.ndjson", &mappings), None);
    let why = near_miss(&headers, "edge.ndjson", &mappings).unwrap();
    assert!(why.contains("`req.at`"), "{why}");
    assert_eq!(near_miss(&headers, "edge.csv", &mappings), None);
}

#[test]
fn mappings_are_checked() {
    let one = mapping("[mapping]\ntimestamp = \"t\"\ntimestamp_format = \"unix_ms\"").unwrap();
    assert_eq!(detect(&["t".to_owned()], "any.csv", &one), Some(RequestFormat::Mapped(0)));
    let found = read_with(&[("any.csv", "t,x\n1790000000500,1\n")], &one, &no_rules);
    let trace = &log(&found, "any").trace;
    assert_eq!((trace.at_us.as_slice(), trace.tokens.len()), (&[1_790_000_000_500_000][..], 0));
    // A rule on file names only, as ever.
    let rule = mapping("[[mapping]]\nfile = \"azure*.csv\"\nworkload = \"chat\"").unwrap();
    assert_eq!(workload_of_file("azure_2023.csv", &rule), Some("chat"));
    assert_eq!(workload_of_file("other.csv.gz", &rule), None);
    for (text, reason) in [
        ("file = \"[\"\nworkload = \"a\"", "is not a pattern"),
        ("file = \"*.csv\"", "needs `file` and `workload`, or `timestamp`"),
        ("workload = \"a\"", "needs `file` and `workload`, or `timestamp`"),
        ("prompt_tokens = \"p\"", "`prompt_tokens` needs `timestamp`"),
        ("file = \"*\"\nworkload = \"a\"\ntimestamp_format = \"iso\"", "needs `timestamp`"),
        ("timestamp = \"t\"\nlatency_s = \"a\"\nlatency_ms = \"b\"", "exclude each other"),
        ("timestamp = \"t\"\nttft_s = \"a\"\nttft_ms = \"b\"", "exclude each other"),
        ("timestamp = \" \"", "`timestamp` names no column"),
        ("timestamp = \"t\"\ntimestamp_format = \"unix\"", "is none of unix_s"),
        ("timestamp = \"t\"\nuser = \"u\"", "unknown field `user`"),
    ] {
        let found = mapping(&format!("[[mapping]]\n{text}")).unwrap_err();
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn daily_tables_count_once() {
    let user = "id,user_id,date,api_key,model,model_group,prompt_tokens,completion_tokens,spend,api_requests,successful_requests,failed_requests\n\
                u1,alice,2026-03-02,sk-secret-1,q,qwen,1000,100,0,10,9,1\n\
                u2,bob,2026-03-02,sk-secret-1,q,qwen,500,50,0,5,5,0\n\
                u2,bob,2026-03-02,sk-secret-1,q,qwen,400,40,0,4,4,0\n\
                u3,bob,2026-03-03,sk-secret-1,q,,7,7,0,1,1,0\n";
    let tag = "id,tag,date,model,prompt_tokens,completion_tokens,api_requests\n\
               t1,app:search,2026-03-02,q,1500,150,15\n";
    let found = read(&[("tag.csv", tag), ("user.csv", user)]);
    let days: Vec<_> = found
        .days
        .iter()
        .map(|it| {
            (it.workload.as_str(), it.requests, it.failed, it.prompt_tokens, it.completion_tokens)
        })
        .collect();
    // The u2 of 4 requests is the u2 of 5, exported earlier.
    assert_eq!(days, [("q", 1, Some(0), 7, 7), ("qwen", 15, Some(1), 1500, 150)]);
    let second = Timestamp::parse("2026-03-02", Tz::UTC).unwrap();
    assert_eq!(Period::new(second, second.plus_us(86_400_000_000)), Some(found.days[1].period));
    let fates = [(Fate::OtherRollup, 1), (Fate::Day, 3), (Fate::Duplicate, 1)];
    assert_eq!(found.account.by_fate, BTreeMap::from(fates));
}

#[test]
fn headers_tell_the_format() {
    let check = |headers: &str, expected: Option<RequestFormat>| {
        let headers: Vec<String> = headers.split(',').map(str::to_owned).collect();
        assert_eq!(detect(&headers, "x.csv", &[]), expected, "{headers:?}");
    };
    check("timestamp,prompt_tokens,completion_tokens", Some(RequestFormat::Generic));
    check("time,latency_s", Some(RequestFormat::Generic));
    check("timestamp,workload,model,input_tokens,status", Some(RequestFormat::Generic));
    check("TIMESTAMP,ContextTokens,GeneratedTokens", Some(RequestFormat::AzureLlm));
    check("timestamp,input_length,output_length,hash_ids", Some(RequestFormat::Mooncake));
    check("resourceSpans", Some(RequestFormat::OtelGenAi));
    check("traceId,spanId,name,attributes", Some(RequestFormat::OtelGenAi));
    check("start_time,attributes.gen_ai.system", Some(RequestFormat::OtelGenAi));
    // Usage tables and others are not ours.
    check("timestamp,workload,gpu_count,prompt_tokens", None);
    check("timestamp,cost,prompt_tokens", None);
    check("period_start,requests,prompt_tokens,completion_tokens", None);
    check("timestamp,workload", None);
    check("prompt_tokens,completion_tokens", None);
}

#[test]
fn nothing_private_is_wanted_or_kept() {
    let private = [
        "api_key",
        "user",
        "end_user",
        "metadata",
        "messages",
        "response",
        "cache_key",
        "requester_ip_address",
        "proxy_server_request",
        "user_id",
        "prompt",
        "events",
        "attributes.gen_ai.prompt.0.content",
        "gen_ai.input.messages",
        "gen_ai.completion",
        "attributes.gen_ai.output.messages",
        "attributes.enduser.id",
    ];
    let formats = [
        RequestFormat::Generic,
        RequestFormat::AzureLlm,
        RequestFormat::Mooncake,
        RequestFormat::LiteLlm,
        RequestFormat::LiteLlmDaily,
        RequestFormat::BurstGpt,
        RequestFormat::OtelGenAi,
        RequestFormat::Mapped(0),
    ];
    for format in formats {
        for header in private {
            assert!(!format.wants(header, &[]), "{format:?} {header}");
        }
    }
    let span = otlp(("c", "01", ""), (0, 1), &chat("m", 1, 1), 0);
    let broken = otlp(("d", "01", ""), (0, 1), &chat("m", 1, 1).replace("\"1\"", "\"x\""), 0);
    // The list of spans is cut short inside the prompt: the reason must not show it.
    let cut = r#"{"resourceSpans":"[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"key\":\"gen_ai.prompt\",\"value\":\"tell me a secret"}"#;
    let spans = [line(&[span, broken]), cut.to_owned()].join("\n");
    let found = read(&[("a.csv", LITELLM), ("b.jsonl", &spans)]);
    assert_eq!(found.rejected.len(), 4);
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        found.logs, found.days, found.rejected, found.account, found.notices
    );
    for secret in ["secret", "alice", "bob", "10.1.2.3", "r1", "gpu-1"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn a_window_cuts_the_facts_too() {
    let found = read(&[("spend.csv", LITELLM)]);
    let at = |text: &str| Timestamp::parse(text, Tz::UTC).unwrap();
    let window = Period::new(at("2026-03-02T08:00:10"), at("2026-03-02T08:00:30")).unwrap();
    let cut = log(&found, "qwen").clone().cut_to(window);
    // r2 (failed) and r3 (cached) are inside; r4 starts at the end, which is outside.
    assert_eq!(pairs(&cut), [(500, 0)]);
    let expected = RequestFacts {
        failed: 1,
        cached: 1,
        models: vec!["hosted_vllm/q".to_owned()],
        ..RequestFacts::default()
    };
    assert_eq!(cut.facts, expected);
}

/// All of a result that must not depend on the order of rows.
fn shown(found: &Requests) -> String {
    let fates = &found.account.by_fate;
    format!("{:?} {:?} {:?} {:?}", found.logs, fates, found.account.spend, found.notices)
}

fn row_of(n: usize, (second, tokens, status, group): (u8, u8, u8, u8)) -> String {
    let status = ["success", "success", "failure", "429"][usize::from(status % 4)];
    let cached = if tokens % 7 == 0 { "True" } else { "False" };
    // Every fourth id is that of the row before, now and then with the same content.
    let id = if n % 4 == 3 { n - 1 } else { n };
    format!(
        "r{id},0.00{tokens},{tokens},{tokens},2026-03-02T08:00:{second:02}Z,2026-03-02T08:01:{second:02}Z,g{group},{status},{cached}"
    )
}

proptest! {
    #[test]
    fn order_and_splitting_of_files_change_nothing(
        rows in prop::collection::vec((0_u8..60, 0_u8..9, any::<u8>(), 0_u8..3), 1..40),
        keys in prop::collection::vec(any::<u32>(), 40),
        at in 0_usize..40,
    ) {
        let head = "request_id,spend,prompt_tokens,completion_tokens,startTime,endTime,model_group,status,cache_hit\n";
        let rows: Vec<String> = rows.into_iter().enumerate().map(|(n, it)| row_of(n, it)).collect();
        let whole = read(&[("a.csv", &format!("{head}{}", rows.join("\n")))]);
        let mut mixed: Vec<(u32, String)> = keys.into_iter().zip(rows).collect();
        mixed.sort();
        let mixed: Vec<String> = mixed.into_iter().map(|(_, row)| row).collect();
        let (one, two) = mixed.split_at(at.min(mixed.len()));
        let parts = [one, two].map(|it| format!("{head}{}", it.join("\n")));
        let split = read(&[("b.csv", &parts[0]), ("c.csv", &parts[1])]);
        prop_assert_eq!(shown(&whole), shown(&split));
    }

    #[test]
    fn order_of_spans_changes_nothing(
        spans in prop::collection::vec((0_u8..3, 0_u8..6, 0_u8..6, 0_u64..4, 0_u8..4), 1..25),
        keys in prop::collection::vec(any::<u32>(), 25),
    ) {
        let span = |(trace, span, parent, start, kind): (u8, u8, u8, u64, u8)| {
            let attributes = match kind {
                0 => chat("m", start, 1),
                1 => text("gen_ai.operation.name", "chat"),
                2 => text("gen_ai.operation.name", "invoke_agent"),
                _ => text("db.system", "redis"),
            };
            // A span id comes with one parent, as in a real trace.
            let parent = parent.min(span);
            line(&[otlp(
                (&format!("f{trace}"), &format!("{:02x}", span + 1), &format!("{:02x}", parent * u8::from(parent < span))),
                (start, start + 1),
                &attributes,
                0,
            )])
        };
        let mut by_id = BTreeMap::new();
        for one in spans {
            by_id.entry((one.0, one.1)).or_insert(one);
        }
        let lines: Vec<String> = by_id.into_values().map(span).collect();
        let whole = read(&[("a", &lines.join("\n"))]);
        let mut mixed: Vec<(u32, String)> = keys.into_iter().zip(lines).collect();
        mixed.sort();
        let mut split = RequestBuilder::default();
        for (_, text) in &mixed {
            let raw = table(text, &otel::wants);
            let source = LogSource {
                file: "a", format: RequestFormat::OtelGenAi, mappings: &[], rules: &no_rules, zone: Tz::UTC,
            };
            split.add(&raw, source).unwrap();
        }
        prop_assert_eq!(shown(&whole), shown(&split.finish()));
    }
}
