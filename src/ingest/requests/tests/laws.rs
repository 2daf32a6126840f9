//! What holds of every log: nothing private is kept, and no order matters.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::gateways::LITELLM;
use super::spans::{chat, line, otlp, text};
use super::*;

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
            let parent = if parent < span { parent + 1 } else { 0 };
            line(&[otlp(
                (&format!("f{trace}"), &format!("{:02x}", span + 1), &format!("{parent:02x}")),
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
                file: "a",
                format: RequestFormat::OtelGenAi,
                mappings: &[],
                rules: &no_rules,
                zone: Tz::Europe__Berlin,
            };
            split.add(&raw, source).unwrap();
        }
        prop_assert_eq!(shown(&whole), shown(&split.finish()));
    }
}
