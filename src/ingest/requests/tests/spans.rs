//! Tests of OpenTelemetry spans.

use std::collections::BTreeMap;

use super::*;
use crate::ingest::Tells;

/// A span of OTLP/JSON: trace, span, parent, start and end in seconds after 1790000000.
pub(super) fn otlp(
    ids: (&str, &str, &str),
    at: (u64, u64),
    attributes: &str,
    status: u8,
) -> String {
    let (trace, span, parent) = ids;
    let ns = |s: u64| (1_790_000_000 + s) * 1_000_000_000;
    format!(
        r#"{{"traceId":"{trace}","spanId":"{span}","parentSpanId":"{parent}","name":"x","startTimeUnixNano":"{}","endTimeUnixNano":{},"attributes":[{attributes}],"events":[{{"name":"gen_ai.content.prompt","attributes":[{{"key":"gen_ai.prompt","value":{{"stringValue":"tell me a secret"}}}}]}}],"status":{{"code":{status}}}}}"#,
        ns(at.0),
        ns(at.1)
    )
}

pub(super) fn text(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}

fn int(key: &str, value: u64) -> String {
    format!(r#"{{"key":"{key}","value":{{"intValue":"{value}"}}}}"#)
}

/// A line of the collector's file exporter.
pub(super) fn line(spans: &[String]) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{},{}]}},"scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{}]}}]}}]}}"#,
        text("service.name", "gateway"),
        text("process.command_args", "--api-key sk-secret-1"),
        spans.join(",")
    )
}

pub(super) fn chat(model: &str, input: u64, output: u64) -> String {
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
    let ended = |why| {
        let operation = text("gen_ai.operation.name", "chat");
        [operation, text("gen_ai.request.model", "m"), text("error.type", why)]
    };
    let (failing, limited) = (ended("timeout"), ended("429"));
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
            tells: Tells::Refusals,
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
