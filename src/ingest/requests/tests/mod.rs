//! Tests of all formats on small logs, with the totals worked by hand.

mod gateways;
mod laws;
mod parquet;
mod spans;
mod traces;

use super::super::raw::{Column, MixedRows, RawTable, RowNumbers, Texts, flatten};
use super::*;

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
        let source = LogSource { file, format, mappings, rules, zone: Tz::Europe__Berlin };
        builder.add(&raw, source).unwrap();
        builder.close(file, format).unwrap();
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
    log.trace.tokens.iter().map(|it| (it.prompt.into(), it.completion.into())).collect()
}

fn mapping(text: &str) -> Result<Vec<LogMapping>, String> {
    #[derive(serde::Deserialize)]
    struct Config {
        mapping: RawLogMappings,
    }
    let config: Config = toml::from_str(text).map_err(|it| it.to_string())?;
    config.mapping.into_list().into_iter().map(|(_, raw)| LogMapping::check(raw)).collect()
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
