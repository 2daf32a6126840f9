//! Logs as Parquet: what is read by columns and side by side is what is read row by row.

use polars::prelude::{Column, DataFrame, DataType, ParquetWriter, TimeUnit};

use super::super::super::Source;
use super::super::super::raw::{self, Opened};
use super::*;

const ROWS: i64 = 3000;

/// Requests of three workloads, some at one instant, some late, some without tokens or a name, and
/// some that are refused: no time, one after the year 2100, tokens below 0.
fn rows() -> Vec<[Option<i64>; 4]> {
    let row = |at: i64| {
        let late_us = if at % 70 == 0 { 400_000 } else { 0 };
        let far_us = if at % 911 == 0 { 5_000_000_000_000_000 } else { 0 };
        let at_us = 1_790_000_000_000_000 + at / 3 * 1_000_000 - late_us + far_us;
        let prompt = if at % 401 == 0 { -1 } else { at * at % 700 };
        [
            (at % 499 != 0).then_some(at_us),
            (at % 7 != 0).then_some(at % 3),
            (at % 499 != 1).then_some(prompt),
            Some(at % 13),
        ]
    };
    (0..ROWS).map(row).collect()
}

fn name_of(workload: i64) -> &'static str {
    ["chat", " chat ", "embed"][usize::try_from(workload).unwrap()]
}

fn parquet(group_rows: usize) -> Vec<u8> {
    let rows = rows();
    let column = |name: &str, at: usize| {
        Column::new(name.into(), rows.iter().map(|it| it[at]).collect::<Vec<_>>())
    };
    let name = |it: &[Option<i64>; 4]| it[1].map(name_of);
    let us = DataType::Datetime(TimeUnit::Microseconds, None);
    let columns = vec![
        column("timestamp", 0).cast(&us).unwrap(),
        Column::new("workload".into(), rows.iter().map(name).collect::<Vec<_>>()),
        column("prompt_tokens", 2).cast(&DataType::Int32).unwrap(),
        column("completion_tokens", 3),
    ];
    let mut bytes = Vec::new();
    let writer = ParquetWriter::new(&mut bytes).with_row_group_size(Some(group_rows));
    writer.finish(&mut DataFrame::new_infer_height(columns).unwrap()).unwrap();
    bytes
}

/// What comes of a file, as text; nothing where it has to be read in its order.
fn read_file(bytes: &[u8], zone: Tz, by_side: bool) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    std::fs::write(&path, bytes).unwrap();
    let Ok(Opened::Table(input)) = raw::open(&Source::Path(path)) else { panic!("it is a table") };
    let format = detect(&input.headers, "log.parquet", &[]).unwrap();
    let source = LogSource { file: "log.parquet", format, mappings: &[], rules: &no_rules, zone };
    let mut builder = RequestBuilder::default();
    if by_side {
        let (facts, used) = add_side_by_side(&mut builder, &input, source).unwrap()?;
        assert_eq!((facts.rows_in, used.len()), (ROWS.cast_unsigned(), 4));
    } else {
        let mut add = |table: RawTable| builder.add(&table, source).map(|_| ());
        input.batches(&|it| format.wants(it, &[]), 1 << 16, &mut add).unwrap();
    }
    let found = builder.finish();
    Some(format!("{:?} {:?} {:?}", found.logs, found.rejected, found.account))
}

#[test]
fn pieces_make_the_log() {
    let whole = read_file(&parquet(10_000), Tz::UTC, false).unwrap();
    for group_rows in [1000, 999, 64] {
        let bytes = parquet(group_rows);
        assert_eq!(read_file(&bytes, Tz::UTC, false).as_ref(), Some(&whole));
        assert_eq!(read_file(&bytes, Tz::UTC, true).as_ref(), Some(&whole));
        // A wall clock of Berlin shows an hour twice: its rows need those before them.
        assert_eq!(read_file(&bytes, Tz::Europe__Berlin, true), None);
    }
}

/// Adds a file side by side, or in its order; fails where an earlier one has the same requests.
fn add_file(
    builder: &mut RequestBuilder,
    bytes: &[u8],
    (name, by_side): (&str, bool),
) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let Ok(Opened::Table(input)) = raw::open(&Source::Path(path)) else { panic!("it is a table") };
    let format = detect(&input.headers, name, &[]).unwrap();
    let zone = Tz::UTC;
    let source = LogSource { file: name, format, mappings: &[], rules: &no_rules, zone };
    if by_side {
        assert!(add_side_by_side(builder, &input, source).unwrap().is_some());
    } else {
        let mut add = |table: RawTable| builder.add(&table, source).map(|_| ());
        input.batches(&|it| format.wants(it, &[]), 1 << 16, &mut add).unwrap();
    }
    builder.close(name, format).map_err(|it| it.to_string())
}

#[test]
fn a_copy_is_told_however_it_is_read() {
    for ways in [(true, true), (true, false), (false, true)] {
        let mut builder = RequestBuilder::default();
        add_file(&mut builder, &parquet(1000), ("first.parquet", ways.0)).unwrap();
        let again = add_file(&mut builder, &parquet(500), ("second.parquet", ways.1));
        let error = again.unwrap_err();
        assert!(error.contains("first.parquet") && error.contains("second.parquet"), "{error}");
        let mut alone = RequestBuilder::of_files(1);
        add_file(&mut alone, &parquet(1000), ("first.parquet", ways.0)).unwrap();
    }
}

#[test]
fn more_tokens_than_a_request_can_have_are_none() {
    let header = "timestamp,workload,prompt_tokens,completion_tokens\n";
    let row = |second: u32, tokens: u64| format!("2026-10-01T00:00:{second:02}Z,chat,{tokens},1\n");
    let rows: String = (0..3).map(|it| row(it, if it == 0 { 7 } else { 5_000_000_000 })).collect();
    let found = read(&[("log.csv", &format!("{header}{rows}"))]);
    let log = log(&found, "chat");
    assert_eq!((log.trace.len(), log.trace.tokens.len(), log.facts.without_tokens), (3, 0, 2));
}

#[test]
fn columns_are_read_as_rows_are() {
    let number = |it: Option<i64>| it.map_or(String::new(), |it| it.to_string());
    let line = |[at_us, workload, prompt, completion]: [Option<i64>; 4]| {
        let time = at_us.map(|it| crate::units::Timestamp::from_us(it).to_rfc3339());
        let workload = workload.map_or("", name_of);
        let (prompt, completion) = (number(prompt), number(completion));
        format!("{},{workload},{prompt},{completion}\n", time.unwrap_or_default())
    };
    let header = "timestamp,workload,prompt_tokens,completion_tokens\n".to_owned();
    let text: String = std::iter::once(header).chain(rows().into_iter().map(line)).collect();
    let as_csv = read(&[("log.csv", &text)]);
    assert_eq!(as_csv.logs.len(), 3);
    // The reason of a time that cannot be names it as the file writes it.
    let as_csv = format!("{:?} {:?}", as_csv.logs, as_csv.account);
    let as_parquet = read_file(&parquet(500), Tz::UTC, true).unwrap();
    let (logs, rest) = as_parquet.split_once("] [Rejected").unwrap();
    assert!(as_csv.starts_with(logs), "the same logs");
    let account = &rest[rest.find("RequestAccount").unwrap()..];
    assert!(as_csv.ends_with(account), "the same account");
}
