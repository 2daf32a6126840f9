//! What is read column by column and side by side is what is read row by row.

use std::io::Write;

use polars::prelude::{DataFrame, ParquetWriter, TimeUnit, TimeZone};
use proptest::prelude::*;

use super::super::Source;
use super::super::raw::{self, Coded, Column, Opened, RowNumbers, Texts, Value};
use super::*;

#[test]
fn spacing_is_the_most_frequent_one() {
    assert_eq!(modal_spacing(vec![0, 60, 120, 300, 360]), Some(60));
    assert_eq!(modal_spacing(vec![0, 60, 180]), Some(60));
    assert_eq!(modal_spacing(vec![5, 5]), None);
    assert_eq!(modal_spacing(vec![]), None);
}

/// The headers of a random table with the cells that they may have: some are faults.
const COLUMNS: &[(&str, &[&str])] = &[
    ("period_start", &["2026-10-05T00:00:00Z", "2026-10-05T01:00:00Z", "1790000000", "", "soon"]),
    ("period_end", &["2026-10-05T02:00:00Z", "2026-10-05T03:00:00Z", "2026-10-05", "", "x"]),
    ("workload", &["chat", " chat", "embed", "", "7"]),
    ("provider", &["aws", "gcp", "n/a"]),
    ("gpu", &["H100", "NULL", "8"]),
    ("gpu_count", &["1", "2.5", "-1", "", "many"]),
    ("gpu_hours", &["0.25", "-0", "inf", "", "3"]),
    ("pricing_category", &["Standard", "committed", "", "cheap"]),
    ("cost", &["0.1", "2", "-3.50", "", "1,5", "1e40"]),
    ("list_cost", &["7.25", "9", "", "x"]),
    ("requests", &["10", "0", "9007199254740993", "1.5", "", "-2"]),
    ("prompt_tokens", &["100", "5000000000", "", "x"]),
    ("gpu_util_percent", &["37", "101", "", "0.5"]),
    ("memory_fraction", &["0.5", "1.5", ""]),
    ("tensor_parallel_size", &["1", "4294967296", ""]),
];

/// One of the forms that a file can give a column.
fn column(form: u8, cells: &[&str], choices: &[u8]) -> Option<Column> {
    let rows: Vec<&str> = choices.iter().map(|it| cells[usize::from(*it) % cells.len()]).collect();
    let numbers =
        |rows: &[&str]| -> Vec<Option<f64>> { rows.iter().map(|it| it.parse().ok()).collect() };
    #[expect(clippy::cast_possible_truncation, reason = "numbers of a test")]
    let whole = |rows: &[&str]| -> Vec<Option<i64>> {
        numbers(rows).into_iter().map(|it| it.map(|it| it as i64)).collect()
    };
    Some(match form % 10 {
        0 => return None,
        1 => {
            let mut texts = Texts::default();
            for text in &rows {
                texts.push(text);
            }
            Column::Text(texts)
        }
        2 | 3 => Column::Coded(Coded {
            codes: choices
                .iter()
                .map(|it| u32::from(*it) % (u32::try_from(cells.len()).unwrap() + 1))
                .collect(),
            values: cells.iter().map(|it| (*it).to_owned()).collect(),
        }),
        4 => Column::Float(numbers(&rows)),
        5 => Column::Int(whole(&rows)),
        6 => Column::UInt(whole(&rows).into_iter().map(|it| it.map(i64::unsigned_abs)).collect()),
        7 => Column::Decimal(whole(&rows).into_iter().map(|it| it.map(i128::from)).collect(), 3),
        8 => Column::Bool(choices.iter().map(|it| it.is_multiple_of(3).then_some(true)).collect()),
        _ => Column::Mixed(
            rows.iter()
                .map(|it| match it.parse::<f64>() {
                    Ok(value) if it.len() > 2 => Value::Float(value),
                    Ok(_) => Value::Int(2),
                    Err(_) if it.is_empty() => Value::Null,
                    Err(_) => Value::Text((*it).to_owned()),
                })
                .collect(),
        ),
    })
}

/// Times as a file of Parquet has them.
fn times(choices: &[u8], hours: i64, aware: bool) -> Column {
    let at = |it: &u8| match it % 8 {
        7 => None,
        6 => Some(-5),
        it => Some((497_000 + i64::from(it) + hours) * 3_600_000_000),
    };
    Column::Time(choices.iter().map(at).collect(), aware)
}

/// What a builder made of tables, in words.
fn told(read: Result<UsageBuilder, IngestError>) -> String {
    let builder = match read {
        Ok(builder) => builder,
        Err(error) => return error.to_string(),
    };
    let rows = match builder.finish() {
        Ok(rows) => rows,
        Err(error) => return error.to_string(),
    };
    let kept = (0..rows.table.len()).map(|at| format!("{:?}\n", rows.table.row(at)));
    let rejected = rows.rejected.iter().map(|it| format!("{it} {:?}\n", it.kind));
    let text: String = kept.chain(rejected).collect::<Vec<_>>().concat();
    let sums = (rows.file_totals, rows.rejected_totals);
    text + &format!(
        "{sums:?} {} {:?} {}",
        rows.amounts_from_floats, rows.notices, rows.table.currency
    )
}

fn by_columns(tables: &[RawTable], zone: Tz) -> Result<UsageBuilder, IngestError> {
    let mut builder = UsageBuilder::default();
    for table in tables {
        builder.add(table, "usage.csv", zone)?;
    }
    Ok(builder)
}

fn by_rows(tables: &[RawTable], zone: Tz) -> Result<UsageBuilder, IngestError> {
    let mut builder = UsageBuilder::default();
    for table in tables {
        let mapping = Mapping::of(table, "usage.csv")?;
        builder.files.push("usage.csv".to_owned());
        builder.add_rows(table, &mapping, "usage.csv", zone)?;
    }
    Ok(builder)
}

/// A random table: its forms, its choices of cells by column, how faulty it is, its currencies.
fn table(forms: &[u8], choices: &[Vec<u8>], clean: u8, currencies: u8) -> RawTable {
    let rows = choices[0].len();
    let (mut headers, mut columns) = (Vec::new(), Vec::new());
    for (at, (header, cells)) in COLUMNS.iter().enumerate() {
        // Mostly the first two cells, which have no fault: else no row of a table were kept.
        let picked: Vec<u8> =
            choices[at].iter().map(|it| if it % 16 < clean { it % 2 } else { it / 16 }).collect();
        let found = match (*header, forms[at] % 10) {
            ("period_start", 4..) => Some(times(&picked, 0, forms[at].is_multiple_of(2))),
            ("period_end", 4..) => Some(times(&picked, 3, forms[at].is_multiple_of(2))),
            ("workload", 4..7) => column(2, cells, &picked),
            ("period_start", 0) => column(1, cells, &picked),
            (_, form) => column(form, cells, &picked),
        };
        if let Some(column) = found {
            headers.push((*header).to_owned());
            columns.push(column);
        }
    }
    if currencies > 0 {
        let texts = ["USD", "usd ", "EUR", "money", ""];
        let n = [1, 1, 2, 5, 3][usize::from(currencies) % 5];
        let codes = choices[1].iter().map(|it| u32::from(*it) / 7 % (n + 1));
        let first = usize::from(currencies) / 100;
        let values = texts[first..].iter().map(|it| (*it).to_owned()).collect();
        let codes = codes.map(|it| if currencies > 60 { it.max(1) } else { it }).collect();
        headers.push("billing_currency".to_owned());
        columns.push(Column::Coded(Coded { codes, values }));
    }
    RawTable::new(headers, columns, RowNumbers::From(1, rows))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn columns_say_what_rows_say(
        forms in proptest::collection::vec(any::<u8>(), 15),
        choices in (1_usize..40).prop_flat_map(|rows| {
            proptest::collection::vec(proptest::collection::vec(any::<u8>(), rows), 15)
        }),
        clean in 0_u8..17,
        currencies in prop_oneof![3 => Just(0), 2 => 0_u8..200],
        in_berlin in any::<bool>(),
        twice in any::<bool>(),
    ) {
        let zone = if in_berlin { chrono_tz::Europe::Berlin } else { Tz::UTC };
        let mut tables = vec![table(&forms, &choices, clean, currencies)];
        if twice {
            tables.push(table(&forms, &choices, 16, currencies / 2));
        }
        prop_assert_eq!(told(by_columns(&tables, zone)), told(by_rows(&tables, zone)));
    }
}

/// Rows by workload and hour, as Parquet in row groups of a size.
fn parquet(rows: i64, group_rows: usize, has_ends: bool) -> Vec<u8> {
    use polars::prelude::{Column, DataType};
    let of = |value: &dyn Fn(i64) -> i64| -> Vec<i64> { (0..rows).map(value).collect() };
    let hour_us = 3_600_000_000;
    let time = |name: &str, hours: i64| {
        let us = of(&|at| 1_790_000_000_000_000 + (at / 5 + hours) * hour_us);
        // Some rows have none, some are from before 1970.
        let cell = |(at, us): (usize, i64)| match at % 97 {
            13 if hours == 0 => None,
            17 => Some(-us),
            _ => Some(us),
        };
        let us: Vec<Option<i64>> = us.into_iter().enumerate().map(cell).collect();
        let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        Column::new(name.into(), us).cast(&utc).unwrap()
    };
    let names: Vec<String> = of(&|at| at % 5).iter().map(|it| format!("w{it}")).collect();
    let costs: Vec<f64> = of(&|at| at % 7).iter().map(|it| *it as f64 / 10.0).collect();
    let requests: Vec<Option<i64>> = of(&|at| at % 50 - 1).into_iter().map(Some).collect();
    let mut columns = vec![
        time("period_start", 0),
        Column::new("workload".into(), names),
        Column::new("billed_cost".into(), costs),
        Column::new("requests".into(), requests),
    ];
    if has_ends {
        columns.push(time("period_end", 1));
    }
    let mut frame = DataFrame::new_infer_height(columns).unwrap();
    let mut bytes = Vec::new();
    let writer = ParquetWriter::new(&mut bytes).with_row_group_size(Some(group_rows));
    writer.finish(&mut frame).unwrap();
    bytes
}

#[test]
fn parts_say_what_the_whole_says() {
    for (group_rows, has_ends) in [(100, true), (1000, true), (7, true), (100, false)] {
        let mut file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        file.write_all(&parquet(1000, group_rows, has_ends)).unwrap();
        let source = Source::Path(file.path().to_owned());
        let open = || match raw::open(&source).unwrap() {
            Opened::Table(input) => input,
            _ => panic!("it is a table"),
        };
        let name = source.name();
        let (whole, facts) = open().whole(&|_| true).unwrap();
        let mut by_parts = UsageBuilder::default();
        let read = by_parts.add_parts(&open(), &|_| true, (name, Tz::UTC)).unwrap();
        if let Some((read, used)) = read {
            assert_eq!((read.rows_in, &read.sha256), (facts.rows_in, &facts.sha256));
            let mut expected = UsageBuilder::default();
            assert_eq!(used, expected.add(&whole, name, Tz::UTC).unwrap());
            let mut by_rows = UsageBuilder::default();
            by_rows.files.push(name.to_owned());
            let mapping = Mapping::of(&whole, name).unwrap();
            by_rows.add_rows(&whole, &mapping, name, Tz::UTC).unwrap();
            let by_rows = told(Ok(by_rows));
            assert!(by_rows.contains("Faulty") && by_rows.len() > 100_000);
            assert_eq!(told(Ok(by_parts)), by_rows);
            assert_eq!(told(Ok(expected)), by_rows);
        } else {
            panic!("its starts rise");
        }
    }
}

#[test]
fn a_file_whose_starts_fall_is_read_whole_where_ends_are_missing() {
    let steps: Vec<i64> = (0..90).map(|row| if row == 50 { -400 } else { 1 }).collect();
    let file = rising(&steps, 20);
    let source = Source::Path(file.path().to_owned());
    let Opened::Table(input) = raw::open(&source).unwrap() else { panic!("it is a table") };
    let mut by_parts = UsageBuilder::default();
    let read = by_parts.add_parts(&input, &|_| true, (source.name(), Tz::UTC)).unwrap();
    assert!(read.is_none());
    assert_eq!(told(Ok(by_parts)), told(Ok(UsageBuilder::default())));
}

/// Rows of three workloads whose starts rise and that have no ends, as a file of Parquet.
fn rising(steps: &[i64], group_rows: usize) -> tempfile::NamedTempFile {
    use polars::prelude::{Column, DataType};
    let (mut at_us, mut starts, mut names, mut requests) =
        (1_790_000_000_000_000, Vec::new(), Vec::new(), Vec::new());
    for (row, step) in (0_i64..).zip(steps) {
        at_us += step * 60_000_000;
        starts.push(at_us);
        names.push(format!("w{}", row * step % 3));
        requests.push((row % 11 != 10).then_some(row));
    }
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let starts = Column::new("timestamp".into(), starts).cast(&utc).unwrap();
    let others = [Column::new("workload".into(), names), Column::new("requests".into(), requests)];
    let mut frame = DataFrame::new_infer_height([vec![starts], others.into()].concat()).unwrap();
    let mut file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    let writer = ParquetWriter::new(&mut file).with_row_group_size(Some(group_rows));
    writer.finish(&mut frame).unwrap();
    file
}

/// What parts of a file say, with rows put aside beyond so many, and what the whole of it says.
fn parts_and_whole(file: &tempfile::NamedTempFile, most_rows: usize) -> [String; 2] {
    let source = Source::Path(file.path().to_owned());
    let open = || match raw::open(&source).unwrap() {
        Opened::Table(input) => input,
        _ => panic!("it is a table"),
    };
    let name = source.name();
    let folder = AsideFolder { folder: std::env::temp_dir(), most_rows };
    let mut by_parts = UsageBuilder::with_aside(Some(folder));
    let read = by_parts.add_parts(&open(), &|_| true, (name, Tz::UTC)).unwrap();
    assert!(read.is_some(), "its starts rise");
    if let Some(aside) = by_parts.take_aside().unwrap() {
        assert!(by_parts.table.as_ref().is_none_or(UsageTable::is_empty));
        by_parts.take_back(&aside).unwrap();
    } else {
        assert!(by_parts.table.as_ref().is_none_or(|it| it.len() <= most_rows));
    }
    let mut expected = UsageBuilder::default();
    expected.add(&open().whole(&|_| true).unwrap().0, name, Tz::UTC).unwrap();
    [by_parts, expected].map(|it| told(Ok(it)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rising_starts_tell_the_ends_part_by_part(
        steps in proptest::collection::vec(0_i64..3, 1..120),
        group_rows in 1_usize..50,
        most_rows in 1_usize..150,
    ) {
        let [parts, whole] = parts_and_whole(&rising(&steps, group_rows), most_rows);
        prop_assert_eq!(parts, whole);
    }
}

#[test]
fn a_part_whose_starts_are_spaced_otherwise_is_read_again() {
    // Each part of 30 rows has minutes, and between the parts the hours of the file.
    let steps: Vec<i64> = (0..300).map(|row| if row < 30 { 1 } else { 60 }).collect();
    let [parts, whole] = parts_and_whole(&rising(&steps, 30), 1_000_000);
    assert_eq!(parts, whole);
    assert!(whole.len() > 10_000, "{}", whole.len());
}

#[test]
fn a_second_currency_stops_the_run_at_its_row() {
    let text = |cells: &[&str]| {
        let mut texts = Texts::default();
        for text in cells {
            texts.push(text);
        }
        Column::Text(texts)
    };
    let table = |currency: &str| {
        let headers = ["period_start", "period_end", "cost", "billing_currency"];
        let columns =
            vec![text(&["2026-10-05"]), text(&["2026-10-06"]), text(&["1"]), text(&[currency])];
        let headers = headers.map(str::to_owned).to_vec();
        RawTable::new(headers, columns, RowNumbers::From(1, 1))
    };
    let tables = [table("USD"), table("EUR")];
    let error = told(by_columns(&tables, Tz::UTC));
    assert_eq!(error, told(by_rows(&tables, Tz::UTC)));
    assert!(error.contains("EUR"), "{error}");
    assert!(told(by_columns(&[table("USD"), table("")], Tz::UTC)).ends_with("USD"));
}
