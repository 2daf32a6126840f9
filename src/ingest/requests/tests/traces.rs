//! Tests of public traces, generic logs and mappings.

use super::*;

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
                 2026-09-21 16:13:20.1234567,400,10\r\n2026-09-21 16:13:20,30,8";
    let found = read(&[("azure_code.csv", azure)]);
    // The wall clock of Berlin, the zone of these tests, is two hours ahead in September.
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
                2026-09-21T14:13:26Z,,70,7,1,,200,n\n\
                2026-09-21T14:13:27Z,chat,0,0,1,,500,m\n";
    let found = read(&[("gateway.log.csv", text)]);
    let chat = log(&found, "chat");
    assert_eq!(pairs(chat), [(10, 1), (20, 2), (50, 5)]);
    let facts = &chat.facts;
    assert_eq!((facts.failed, facts.throttled, facts.without_tokens), (2, 1, 0));
    assert_eq!((facts.latency_mean_s, facts.latency_p50_s), (Some(2.0), Some(2.0)));
    assert_eq!((facts.ttft_p50_s, facts.ttft_p95_s), (Some(0.1), Some(0.3)));
    // m: two served and two failed, which have no tokens or zeros; n: one.
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
fn a_faulty_mapping_is_found_in_the_text() {
    #[derive(serde::Deserialize)]
    struct Config {
        mapping: toml::Spanned<RawLogMappings>,
    }
    let text = "x = 1\n[[mapping]]\nfile = \"a\"\nworkload = \"a\"\n[[mapping]]\nfile = \"[\"\n";
    let config: Config = toml::from_str(text).unwrap();
    let places = config.mapping.into_inner().into_list().into_iter().map(|(at, _)| at.unwrap());
    let lines: Vec<usize> = places.map(|at| text[..at].matches('\n').count() + 1).collect();
    assert_eq!(lines, [2, 5]);
    let text = "\n\n[mapping]\ntimestamp = \"t\"\n";
    let config: Config = toml::from_str(text).unwrap();
    let line = text[..config.mapping.span().start].matches('\n').count() + 1;
    assert_eq!(line, 3);
}

#[test]
fn ids_tell_equal_rows_apart_and_copies_of_one() {
    let row = |id: &str| format!("2026-09-21T14:13:20Z,10,1,{id}\n");
    let head = "timestamp,prompt_tokens,completion_tokens,request_id\n";
    // Without an id a row is a row.
    let text = format!("{head}{}{}{}{}{}", row("a"), row("b"), row("a"), row(""), row(""));
    let found = read(&[("chat.csv", &text)]);
    assert_eq!((log(&found, "chat").trace.len(), found.account.n(Fate::Duplicate)), (4, 1));
    assert_eq!(found.rejected[0].row, 3);
    let by_name =
        mapping("[mapping]\ntimestamp = \"timestamp\"\nrequest_id = \"trace id\"").unwrap();
    let text = text.replace("request_id", "Trace-ID");
    let found = read_with(&[("chat.csv", &text), ("again.csv", &text)], &by_name, &no_rules);
    let n: usize = found.logs.iter().map(|it| it.trace.len()).sum();
    assert_eq!((n, found.account.n(Fate::Duplicate)), (6, 4));
}

/// Reads a log in batches of two rows; returns its times in minutes from midnight UTC of 25 October
/// 2026, and notices.
fn in_batches(text: &str) -> (Vec<i64>, Vec<String>) {
    let mappings = mapping("[mapping]\ntimestamp = \"at\"").unwrap();
    let mut builder = RequestBuilder::default();
    let (file, format) = ("log.csv", RequestFormat::Mapped(0));
    let source =
        LogSource { file, format, mappings: &mappings, rules: &no_rules, zone: Tz::Europe__Berlin };
    let (head, rows) = text.split_once('\n').unwrap();
    for batch in rows.lines().collect::<Vec<_>>().chunks(2) {
        let raw = table(&format!("{head}\n{}", batch.join("\n")), &|_| true);
        builder.add(&raw, source).unwrap();
    }
    builder.close(file, format).unwrap();
    let found = builder.finish();
    let midnight_us = 1_792_886_400_000_000;
    let trace = &log(&found, "log").trace;
    let minutes = trace.at_us.iter().map(|it| (it - midnight_us) / 60_000_000).collect();
    (minutes, found.notices)
}

#[test]
fn the_second_pass_of_an_hour_is_told_over_batches() {
    let times = |times: &[&str]| {
        let rows: Vec<String> = times.iter().map(|it| format!("2026-10-25 {it}\n")).collect();
        format!("at\n{}", rows.concat())
    };
    let whole = times(&["01:50", "02:10", "02:50", "02:10", "02:50", "03:10"]);
    assert_eq!(in_batches(&whole).0, [-10, 10, 50, 70, 110, 130]);
    // With offsets, whatever came before, and with counts there is nothing to tell.
    let own = times(&["01:50", "02:50", "02:10+02:00", "02:50+01:00", "02:10+02:00", "03:10"]);
    assert_eq!(in_batches(&own).0, [-10, 10, 10, 50, 110, 130]);
    let newest_first = times(&["03:40", "02:50", "02:10", "02:50", "02:10", "01:50"]);
    let (minutes, notices) = in_batches(&newest_first);
    assert_eq!(minutes, [-10, 10, 10, 50, 50, 160]);
    assert_eq!(notices.len(), 1);
    assert!(notices[0].starts_with("log.csv: 4 requests lie in an hour"), "{notices:?}");
}
