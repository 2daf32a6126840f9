//! Tests of LiteLLM: spend logs and daily tables.

use std::collections::BTreeMap;

use super::*;
use crate::ingest::{RejectedKind, Tells};
use crate::units::{Period, Timestamp};

/// Eight requests and what surrounds them, with everything private that such a log has.
pub(super) const LITELLM: &str = r#"request_id,call_type,api_key,spend,prompt_tokens,completion_tokens,startTime,endTime,completionStartTime,model,model_group,custom_llm_provider,api_base,user,metadata,cache_hit,request_tags,team_id,end_user,requester_ip_address,messages,response,status
r1,acompletion,sk-secret-1,0.0,900,100,2026-03-02T08:00:00.000Z,2026-03-02T08:00:04.000Z,2026-03-02T08:00:00.250Z,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,"{""user_api_key"":""sk-secret-1""}",False,"[""app:search""]",search,bob,10.1.2.3,"[{""content"":""tell me a secret""}]",{},success
r2,acompletion,sk-secret-1,0.0000125,500,0,2026-03-02 08:00:10,2026-03-02 08:00:11,2026-03-02 08:00:11,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},False,"[""app:search""]",search,bob,10.1.2.3,{},{},failure
r3,acompletion,sk-secret-1,0.1,40,60,2026-03-02T08:00:20Z,2026-03-02T08:00:20Z,,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},True,[],search,bob,10.1.2.3,{},{},success
r4,acompletion,sk-secret-1,1.2345678901234567e-05,70,30,2026-03-02T08:00:30Z,2026-03-02T08:00:32Z,2026-03-02T08:00:32Z,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},None,[],search,bob,10.1.2.3,{},{},success
r5,acompletion,sk-secret-1,0,0,0,2026-03-02T08:00:40Z,2026-03-02T08:00:41Z,,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},False,[],search,bob,10.1.2.3,{},{},failure
r6,call_mcp_tool,sk-secret-1,0,0,0,2026-03-02T08:00:50Z,2026-03-02T08:00:51Z,,MCP: find,,,,alice,{},False,[],search,bob,10.1.2.3,{},{},success
r1,acompletion,sk-secret-1,0.0,900,100,2026-03-02T08:00:00.000Z,2026-03-02T08:00:04.000Z,2026-03-02T08:00:00.250Z,hosted_vllm/q,qwen,hosted_vllm,http://gpu-1:8000/v1,alice,{},False,"[""app:search""]",search,bob,10.1.2.3,{},{},success
r7,aembedding,sk-secret-1,0,300,0,2026-03-02T08:01:00Z,2026-03-02T08:00:59Z,,e5,,hosted_vllm,,alice,{},False,[],ops,bob,10.1.2.3,{},{},success
r8,aembedding,sk-secret-1,0,300,0,2026-03-02T08:01:00Z,2026-03-02T08:01:01Z,2026-03-02T08:01:00Z,e5,,hosted_vllm,,alice,{},False,[],ops,bob,10.1.2.3,{},{},success
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
            tells: Tells::Failures,
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
    let e5 = log(&found, "e5");
    assert_eq!(pairs(e5), [(300, 0)]);
    // A first token at the very start was not measured.
    assert_eq!((e5.facts.ttft_p50_s, e5.facts.latency_p50_s), (None, Some(1.0)));
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
    // By tag alone, a request with two tags would count twice: it is not used.
    let found = read(&[("tag.csv", tag)]);
    assert_eq!((found.days.len(), found.account.n(Fate::OtherRollup)), (0, 1));
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
        tells: Tells::Failures,
        models: vec!["hosted_vllm/q".to_owned()],
        ..RequestFacts::default()
    };
    assert_eq!(cut.facts, expected);
}

#[test]
fn an_export_in_another_container_counts_once() {
    let head = "request_id,prompt_tokens,completion_tokens,startTime,endTime,model,model_group,request_tags,status,spend,cache_hit\n";
    let csv = format!(
        "{head}a,10,5,2026-03-02T08:00:00.123Z,,q,qwen,\"[\"\"x:1\"\", \"\"y\"\"]\",success,1.2345678901234567e-05,False\n\
         b,20,5,2026-03-02T08:00:01Z,,q,,[],,0.1,\n"
    );
    // Times as counts and in microseconds, no blanks, nulls and floats.
    let json = r#"{"request_id":"a","prompt_tokens":10,"completion_tokens":5,"startTime":"2026-03-02 08:00:00.123456","endTime":null,"model":"q","model_group":"qwen","request_tags":["x:1","y"],"status":"success","spend":1.2345678901234567e-05,"cache_hit":"None"}
{"request_id":"b","prompt_tokens":20,"completion_tokens":5,"startTime":1772438401000,"model":"q","model_group":null,"request_tags":null,"status":"success","spend":null,"cache_hit":null}
{"request_id":"c","prompt_tokens":30,"completion_tokens":5,"startTime":"2026-03-02T08:00:02Z","model":"q","model_group":"qwen","status":"success","call_type":"completion"}"#;
    let found = read(&[("spend.csv", &csv), ("spend.jsonl", json)]);
    assert_eq!(pairs(log(&found, "qwen")), [(10, 5), (30, 5)]);
    assert_eq!(pairs(log(&found, "q")), [(20, 5)]);
    let refused: Vec<String> = found.rejected.iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [1, 2].map(|it| format!("spend.jsonl: row {it}: the same request, by its id, came before"))
    );
    assert!(found.rejected.iter().all(|it| it.kind == RejectedKind::Duplicate));
    assert_eq!(found.account.n(Fate::Duplicate), 2);
}

#[test]
fn calls_that_share_an_id_and_differ_all_count() {
    let head =
        "request_id,prompt_tokens,completion_tokens,startTime,endTime,model,model_group,status\n";
    // A call that failed, its retry a second later, and a fallback to another model.
    let rows = "a,10,0,2026-03-02T08:00:00Z,,q,qwen,failure\n\
                a,10,5,2026-03-02T08:00:01Z,,q,qwen,success\n\
                a,10,5,2026-03-02T08:00:01Z,,r,rest,success\n";
    let text = format!("{head}{rows}");
    let found = read(&[
        ("one.csv", &text),
        ("two.csv", &format!("{text}b,1,1,2026-03-02T08:00:02Z,,q,qwen,\n")),
    ]);
    assert_eq!(pairs(log(&found, "qwen")), [(10, 0), (10, 5), (1, 1)]);
    assert_eq!(pairs(log(&found, "rest")), [(10, 5)]);
    assert_eq!(found.account.n(Fate::Duplicate), 3);
    let said = "2 rows have the id of another row and differ from it: all of them count";
    assert!(found.notices.iter().any(|it| it == said), "{:?}", found.notices);
}

#[test]
fn very_many_duplicates_are_counted_and_not_all_listed() {
    let mut text =
        "request_id,prompt_tokens,completion_tokens,startTime,endTime,model_group\n".to_owned();
    for _ in 0..100_004 {
        text.push_str("a,10,5,2026-03-02T08:00:00Z,,q\n");
    }
    let found = read(&[("spend.csv", &text)]);
    assert_eq!(found.account.n(Fate::Duplicate), 100_003);
    assert_eq!((found.rejected.len(), found.unlisted), (100_000, 3));
}
