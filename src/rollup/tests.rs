//! Laws of the table: it is what a slow twin counts, whatever the order and the split of the rows.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of a test are small"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use polars::prelude::*;
use proptest::prelude::*;

use super::bucket::bucket;
use super::cells::{Cells, NONE_32, NONE_64};
use super::columns::{DayTimes, Number};
use super::{Detail, Part, Rollup, RollupError, Summary, merge};
use crate::ingest::{PlainColumns, PlainLog, RequestFate, RequestRow};
use crate::units::TokenCounts;

const NAMES: [&str; 4] = ["b", "a", "zz", "\u{e9}"];

/// A request: when it came, whose it is, its tokens.
type Request = (i64, usize, Option<(i32, i32)>);

/// What the table says of a minute and a workload.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    requests: u32,
    errors: Option<u32>,
    with_tokens: u32,
    sums: Option<[i64; 4]>,
    arrivals: (i64, i64),
    gaps: (i64, Option<i64>),
    /// Non-empty seconds, their squares, requests of the first and of the last.
    seconds: Option<[i64; 4]>,
    histograms: [Vec<(u32, u32)>; 2],
}

type Table = BTreeMap<(i64, String), Told>;

fn requests() -> impl Strategy<Value = Vec<Request>> {
    // Three minutes with crowded seconds, and some far away.
    let at = prop_oneof![8 => 0i64..180_000_000, 2 => (0i64..200).prop_map(|it| it * 1_000_000),
        1 => 0i64..20_000_000_000];
    let tokens = prop_oneof![9 => (0i32..5000, 0i32..70).prop_map(Some), 1 => Just(None)];
    let request = (at, 0..NAMES.len(), tokens);
    prop::collection::vec(request, 1..300).prop_map(|mut all| {
        for it in &mut all {
            it.0 += 1_780_000_000_000_000;
        }
        all.sort_by_key(|it| it.0);
        all
    })
}

/// The table as one counts by hand.
fn twin(requests: &[Request]) -> Table {
    let mut cells: BTreeMap<(i64, String), Vec<Request>> = BTreeMap::new();
    for it in requests {
        let minute = it.0.div_euclid(60_000_000) * 60_000_000;
        cells.entry((minute, NAMES[it.1].to_owned())).or_default().push(*it);
    }
    let told = |mut all: Vec<Request>| {
        all.sort_by_key(|it| it.0);
        let at: Vec<i64> = all.iter().map(|it| it.0).collect();
        let tokens: Vec<[i64; 2]> =
            all.iter().filter_map(|it| it.2).map(|it| [it.0.into(), it.1.into()]).collect();
        let sum = |of: &dyn Fn(&[i64; 2]) -> i64| tokens.iter().map(of).sum::<i64>();
        let mut seconds: BTreeMap<i64, i64> = BTreeMap::new();
        for at in &at {
            *seconds.entry(at / 1_000_000).or_default() += 1;
        }
        let histogram = |which: usize| {
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            for it in &tokens {
                *counts.entry(bucket(u32::try_from(it[which]).unwrap())).or_default() += 1;
            }
            counts.into_iter().collect()
        };
        let (first, last) = (at[0], at[at.len() - 1]);
        Told {
            requests: u32::try_from(at.len()).unwrap(),
            errors: None,
            with_tokens: u32::try_from(tokens.len()).unwrap(),
            sums: (!tokens.is_empty()).then(|| {
                [
                    sum(&|it| it[0]),
                    sum(&|it| it[1]),
                    sum(&|it| it[0] * it[0]),
                    sum(&|it| it[1] * it[1]),
                ]
            }),
            arrivals: (first, last),
            gaps: (last - first, Some(at.windows(2).map(|it| (it[1] - it[0]).pow(2)).sum())),
            seconds: Some([
                i64::try_from(seconds.len()).unwrap(),
                seconds.values().map(|it| it * it).sum(),
                *seconds.values().next().unwrap(),
                *seconds.values().last().unwrap(),
            ]),
            histograms: [histogram(0), histogram(1)],
        }
    };
    cells.into_iter().map(|(key, all)| (key, told(all))).collect()
}

/// The table that a file holds.
fn read(path: &Path) -> Table {
    let part = Part::open(path, "table").unwrap().unwrap();
    let names: Vec<String> = part.workloads().unwrap().into_iter().collect();
    let mut table = Table::new();
    let mut last = None;
    for group in 0..part.n_groups() {
        let cells = part.cells(group, &names).unwrap();
        for at in 0..cells.len() {
            let key = (cells.minute_us[at], names[cells.workload[at] as usize].clone());
            assert!(last.replace(key.clone()) < Some(key.clone()), "{key:?} is not in order");
            table.insert(key, told(&cells, at));
        }
    }
    table
}

fn told(cells: &Cells, at: usize) -> Told {
    let wide = |of: i64| (of != NONE_64).then_some(of);
    let narrow = |of: u32| (of != NONE_32).then_some(of);
    let sums = [&cells.prompt, &cells.completion, &cells.prompt_sq, &cells.completion_sq];
    let seconds = || {
        let n = |of: u32| narrow(of).map(i64::from);
        let squares = wide(cells.second_sq[at])?;
        let (first, last) = (n(cells.first_second[at])?, n(cells.last_second[at])?);
        Some([n(cells.seconds[at])?, squares, first, last])
    };
    let histogram = |(buckets, counts): (&[u32], &[u32])| {
        buckets.iter().copied().zip(counts.iter().copied()).collect()
    };
    Told {
        requests: cells.requests[at],
        errors: narrow(cells.errors[at]),
        with_tokens: cells.with_tokens[at],
        sums: sums.iter().all(|it| it[at] != NONE_64).then(|| sums.map(|it| it[at])),
        arrivals: (cells.first_us[at], cells.last_us[at]),
        gaps: (cells.gap_sum[at], wide(cells.gap_sq[at])),
        seconds: seconds(),
        histograms: [histogram(cells.prompts.of(at)), histogram(cells.completions.of(at))],
    }
}

/// Writes a log in row groups of so many rows.
fn write_log(path: &Path, requests: &[Request], group_rows: usize) {
    let at = requests.iter().map(|it| it.0).collect::<Vec<_>>();
    let names = requests.iter().map(|it| NAMES[it.1]).collect::<Vec<_>>();
    let prompt = requests.iter().map(|it| it.2.map(|it| it.0)).collect::<Vec<_>>();
    let completion = requests.iter().map(|it| it.2.map(|it| i64::from(it.1))).collect::<Vec<_>>();
    let time = DataType::Datetime(TimeUnit::Microseconds, None);
    let columns = vec![
        Column::new("timestamp".into(), at).cast(&time).unwrap(),
        Column::new("workload".into(), names),
        Column::new("prompt_tokens".into(), prompt),
        Column::new("completion_tokens".into(), completion),
    ];
    let mut frame = DataFrame::new_infer_height(columns).unwrap();
    let writer = ParquetWriter::new(File::create(path).unwrap());
    writer.with_row_group_size(Some(group_rows)).finish(&mut frame).unwrap();
}

/// Logs in files that are about to be rolled up.
fn logs<'a>(folder: &'a Path, logs: &[&Path], status: bool) -> Result<Rollup<'a>, RollupError> {
    let mut rollup = Rollup::new(folder);
    for path in logs {
        let name = |it: &str| it.to_owned();
        let columns = PlainColumns {
            time: name("timestamp"),
            workload: Some(name("workload")),
            prompt: name("prompt_tokens"),
            completion: name("completion_tokens"),
            status: status.then(|| name("status")),
        };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(rollup.add_log(&PlainLog { path: (*path).to_owned(), name, columns })?);
    }
    Ok(rollup)
}

/// Rolls up logs in files into a file.
fn roll_up(folder: &Path, paths: &[&Path], to: &Path) -> Result<Summary, RollupError> {
    let rollup = logs(folder, paths, false)?;
    let (summary, _) = rollup.write(File::create(to).unwrap(), Detail::Full, &|_| true)?;
    Ok(summary)
}

/// The table of logs with these requests.
fn table(logs: &[&[Request]], group_rows: usize) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> =
        (0..logs.len()).map(|it| folder.path().join(format!("{it}.parquet"))).collect();
    for (log, path) in logs.iter().zip(&paths) {
        write_log(path, log, group_rows);
    }
    let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
    let to = folder.path().join("table");
    let summary = roll_up(folder.path(), &paths, &to).unwrap();
    let all: usize = logs.iter().map(|it| it.len()).sum();
    assert_eq!(summary.rows, all as u64);
    let table = read(&to);
    assert_eq!(summary.cells, table.len() as u64);
    table
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_table_is_what_one_counts_by_hand(all in requests(), group_rows in 1usize..100) {
        prop_assert_eq!(table(&[&all], group_rows), twin(&all));
    }

    #[test]
    fn no_order_of_rows_or_files_matters(
        all in requests().prop_flat_map(|it| Just(it).prop_shuffle()),
        at in 0.0..1.0f64,
        group_rows in 1usize..100,
    ) {
        let (a, b) = all.split_at((all.len() as f64 * at) as usize);
        let logs: Vec<&[Request]> = [a, b].into_iter().filter(|it| !it.is_empty()).collect();
        prop_assert_eq!(table(&logs, group_rows), twin(&all));
    }

    #[test]
    fn parts_merged_are_the_whole(all in requests(), cuts in prop::collection::vec(0.0..1.0f64, 0..4)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|it| (all.len() as f64 * it) as usize).collect();
        cuts.sort_unstable();
        let folder = tempfile::tempdir().unwrap();
        let mut parts = Vec::new();
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        for (start, end) in starts.zip(cuts.iter().copied().chain([all.len()])) {
            if start == end {
                continue;
            }
            let log = folder.path().join(format!("{start}.parquet"));
            let to = folder.path().join(format!("{start}.table"));
            write_log(&log, &all[start..end], 50);
            roll_up(folder.path(), &[&log], &to).unwrap();
            parts.push(Part::open(&to, "part").unwrap().unwrap());
        }
        // Whatever the order in which they are named.
        parts.reverse();
        let to = folder.path().join("merged");
        let (summary, _) = merge(&parts, File::create(&to).unwrap(), &|_| true).unwrap();
        prop_assert_eq!(summary.in_turns, 0);
        prop_assert_eq!(read(&to), twin(&all));
    }

    #[test]
    fn parts_in_turns_keep_what_is_known(all in requests(), of in prop::collection::vec(any::<bool>(), 300)) {
        let folder = tempfile::tempdir().unwrap();
        let mut parts = Vec::new();
        for side in [true, false] {
            let some: Vec<Request> =
                all.iter().zip(&of).filter(|it| *it.1 == side).map(|it| *it.0).collect();
            if some.is_empty() {
                continue;
            }
            let log = folder.path().join(format!("{side}.parquet"));
            let to = folder.path().join(format!("{side}.table"));
            write_log(&log, &some, 50);
            roll_up(folder.path(), &[&log], &to).unwrap();
            parts.push(Part::open(&to, "part").unwrap().unwrap());
        }
        let to = folder.path().join("merged");
        let (summary, _) = merge(&parts, File::create(&to).unwrap(), &|_| true).unwrap();
        let mut unknown = 0;
        let found = read(&to);
        let mut expected = twin(&all);
        for (key, told) in &mut expected {
            if found[key].seconds.is_none() {
                unknown += 1;
                (told.seconds, told.gaps.1) = (None, None);
            }
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(summary.in_turns, unknown);
    }
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.parquet");
    let all: Vec<Request> = (0..3_000_000i64)
        .map(|it| (1_780_000_000_000_000 + it * 10_000, (it * it % 7 % 4) as usize, Some((5, 7))))
        .collect();
    write_log(&log, &all, 100_000);
    let bytes = [1, 2, 8].map(|threads| {
        let to = folder.path().join(format!("{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| roll_up(folder.path(), &[&log], &to)).unwrap();
        std::fs::read(to).unwrap()
    });
    assert!(bytes[0] == bytes[1] && bytes[1] == bytes[2]);
}

#[test]
fn a_log_in_order_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.parquet");
    let all: Vec<Request> =
        (0..5000).map(|it| (1_780_000_000_000_000 + it * 1_000_003, 0, Some((5, 7)))).collect();
    write_log(&log, &all, 100);
    let read = std::sync::atomic::AtomicU64::new(0);
    let watch = |n: u64| {
        read.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
        true
    };
    logs(folder.path(), &[&log], false)
        .unwrap()
        .write(std::io::sink(), Detail::Full, &watch)
        .map(|_| ())
        .unwrap();
    // Rows that had to be taken in another way are told twice.
    assert_eq!(read.into_inner(), 5000);
}

#[test]
fn what_became_of_requests_is_told_where_it_is_known() {
    use RequestFate::{Failed, LeftOut, Served, Untold};

    let folder = tempfile::tempdir().unwrap();
    let mut rollup = Rollup::new(folder.path());
    let row = |minute: i64, fate: RequestFate| RequestRow {
        workload: 0,
        at_us: minute * 60_000_000,
        tokens: Some(TokenCounts { prompt: 1, completion: 1 }),
        fate,
    };
    rollup.add_rows(&[row(3, LeftOut), row(2, Untold), row(1, Served), row(1, Failed)]).unwrap();
    rollup.add_rows(&[row(0, Served)]).unwrap();
    rollup.name(vec!["a".to_owned()]).unwrap();
    let to = folder.path().join("table");
    let (summary, _) = rollup.write(File::create(&to).unwrap(), Detail::Full, &|_| true).unwrap();
    assert_eq!((summary.rows, summary.left_out, summary.cells), (5, 1, 3));
    let errors: Vec<_> = read(&to).into_values().map(|it| (it.requests, it.errors)).collect();
    assert_eq!(errors, [(1, Some(0)), (2, Some(1)), (1, None)]);
}

#[test]
fn a_fault_of_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let all: Vec<Request> = (0..5000i64)
        .map(|it| (1_780_000_000_000_000 + it * 1_000_003, 0, Some((it as i32, 7))))
        .collect();
    write_log(&path("log.parquet"), &all, 1000);
    let whole = std::fs::read(path("log.parquet")).unwrap();
    // Pages overwritten in the middle of the file: its end still says what should be there.
    let mut damaged = whole.clone();
    let middle = damaged.len() / 3;
    damaged[middle..middle + 4000].fill(0xff);
    std::fs::write(path("damaged.parquet"), damaged).unwrap();
    let fault = |name: &str| {
        roll_up(folder.path(), &[&path(name)], &path("table")).unwrap_err().to_string()
    };
    let said = fault("damaged.parquet");
    assert!(said.starts_with("damaged.parquet: row group "), "{said}");
    std::fs::write(path("cut.parquet"), &whole[..whole.len() / 2]).unwrap();
    assert!(fault("cut.parquet").starts_with("cut.parquet: "));
    let log = path("log.parquet");
    let rollup = logs(folder.path(), &[&log], false).unwrap();
    let interrupted = rollup.write(std::io::sink(), Detail::Full, &|_| false).map(|_| ());
    assert!(matches!(interrupted, Err(RollupError::Interrupted)));
}

#[test]
fn the_bad_file_among_thirty_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |at: i64| folder.path().join(format!("{at:02}.parquet"));
    for at in 0..30 {
        let start = 1_780_000_000_000_000 + at * 3_600_000_000;
        let all: Vec<Request> =
            (0..900).map(|it| (start + it * 1_000_003, 0, Some((it as i32, 7)))).collect();
        write_log(&path(at), &all, 300);
    }
    let mut damaged = std::fs::read(path(17)).unwrap();
    damaged[1000..3000].fill(0xff);
    std::fs::write(path(17), damaged).unwrap();
    let paths: Vec<_> = (0..30).map(path).collect();
    let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
    let error = roll_up(folder.path(), &paths, &folder.path().join("table")).unwrap_err();
    assert!(error.to_string().starts_with("17.parquet: row group "), "{error}");
}

#[test]
fn a_file_that_changes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    let all: Vec<Request> = (0..900)
        .map(|it| (1_780_000_000_000_000 + it * 1_000_003, 0, Some((it as i32, 7))))
        .collect();
    write_log(&path, &all, 300);
    let changed = |change: &(dyn Fn() + Sync)| {
        let rollup = logs(folder.path(), &[&path], false).unwrap();
        let changes = std::sync::Once::new();
        let watch = |_| {
            changes.call_once(change);
            true
        };
        rollup.write(std::io::sink(), Detail::Full, &watch).map(|_| ()).unwrap_err().to_string()
    };
    // Longer, cut short, and gone.
    let whole = std::fs::read(&path).unwrap();
    let longer = [whole.as_slice(), b"more"].concat();
    let says = "log.parquet: the file changed while it was read";
    assert_eq!(changed(&|| std::fs::write(&path, &longer).unwrap()), says);
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(changed(&|| std::fs::write(&path, &whole[..900]).unwrap()), says);
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(changed(&|| std::fs::remove_file(&path).unwrap()), says);
}

/// A log in no order at all, over an hour and forty minutes.
fn scattered(path: &Path) -> Vec<Request> {
    let all: Vec<Request> = (0..5000i64)
        .map(|it| {
            let mixed = (it as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20;
            let at = (mixed % 6_000_000_000).cast_signed();
            (1_780_000_000_000_000 + at, (it % 4) as usize, Some((it as i32 % 900, 7)))
        })
        .collect();
    write_log(path, &all, 100);
    all
}

#[test]
fn a_log_in_no_order_is_sorted_through_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    let all = scattered(&path);
    let to = folder.path().join("table");
    let summary = roll_up(folder.path(), &[&path], &to).unwrap();
    assert_eq!(summary.rows, 5000);
    // Whole runs are written, the rest stays in memory.
    let sorted = std::fs::metadata(folder.path().join("sorted")).unwrap();
    assert!((4000 * 21..5000 * 21).contains(&sorted.len()), "{}", sorted.len());
    assert_eq!(read(&to), twin(&all));
}

#[test]
fn no_space_and_an_interrupt_end_the_sorting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    scattered(&path);
    let rollup = logs(folder.path(), &[&path], false).unwrap();
    let interrupted = rollup.write(std::io::sink(), Detail::Full, &|_| false).map(|_| ());
    assert!(matches!(interrupted, Err(RollupError::Interrupted)));
    // Where nothing can be written.
    let nowhere = folder.path().join("nowhere");
    let rollup = logs(&nowhere, &[&path], false).unwrap();
    let error = rollup.write(std::io::sink(), Detail::Full, &|_| true).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the rows put aside cannot be written");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    scattered(&path);
    let rollup = logs(folder.path(), &[&path], false).unwrap();
    let into = File::options().write(true).open("/dev/full").unwrap();
    let error = rollup.write(into, Detail::Full, &|_| true).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the table cannot be written");
}

#[test]
fn a_status_is_read_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let codes: Vec<Option<i64>> = [Some(200), Some(500), Some(429), None, Some(7)].to_vec();
    let words: Vec<_> = codes.iter().map(|it| it.map(|it| it.to_string())).collect();
    let at: Vec<i64> = (0..5).map(|it| 1_780_000_020_000 + it).collect();
    let tokens = Column::new("prompt_tokens".into(), [5.0, 0.0, 5.0, 2.5, 5.0]);
    let status = Column::new("status".into(), &codes);
    let mut found = Vec::new();
    for status in
        [status.cast(&DataType::Int32).unwrap(), status, Column::new("status".into(), words)]
    {
        let columns = vec![
            Column::new("timestamp".into(), &at)
                .cast(&DataType::Datetime(TimeUnit::Milliseconds, None))
                .unwrap(),
            Column::new("workload".into(), ["a"; 5]),
            tokens.clone(),
            tokens.clone().with_name("completion_tokens".into()),
            status,
        ];
        let path = folder.path().join("log.parquet");
        let mut frame = DataFrame::new_infer_height(columns).unwrap();
        ParquetWriter::new(File::create(&path).unwrap()).finish(&mut frame).unwrap();
        let rollup = logs(folder.path(), &[&path], true).unwrap();
        let to = folder.path().join("table");
        let into = File::create(&to).unwrap();
        let (summary, _) = rollup.write(into, Detail::Full, &|_| true).unwrap();
        let Summary { rows, left_out, rejected, .. } = summary;
        found.push(((rows, left_out, rejected), read(&to).into_values().next().unwrap()));
    }
    let (account, told) = &found[0];
    // The failure of no tokens counts as one whose tokens nobody counted.
    assert_eq!(*account, (5, 1, 1));
    assert_eq!((told.requests, told.errors, told.with_tokens), (3, Some(1), 2));
    assert!(found.iter().all(|it| *it == found[0]), "{found:?}");
}

#[test]
fn a_copy_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let all: Vec<Request> = (0..1000).map(|it| (1_780_000_000_000_000 + it, 0, None)).collect();
    write_log(&path("a.parquet"), &all, 100);
    std::fs::copy(path("a.parquet"), path("b.parquet")).unwrap();
    let logs = [path("a.parquet"), path("b.parquet")];
    let error = roll_up(folder.path(), &[&logs[0], &logs[1]], &path("table")).unwrap_err();
    assert_eq!(error.to_string(), "a.parquet and b.parquet hold the same requests");
}

#[test]
fn a_row_that_is_no_request_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    let at = 1_780_000_000_000_000;
    write_log(&path, &[(at, 0, Some((1, 1))), (at, 0, Some((-1, 1))), (-5, 0, Some((1, 1)))], 2);
    let to = folder.path().join("table");
    let summary = roll_up(folder.path(), &[&path], &to).unwrap();
    assert_eq!((summary.rows, summary.rejected, summary.cells), (3, 2, 1));
    let first = summary.first_rejected.unwrap();
    assert_eq!(first, "log.parquet: row 2: the tokens are no count below 2147483648");
}

#[test]
fn times_of_12_bytes_are_nanoseconds_of_a_day_of_4713_bc() {
    let at = |day: i32, ns: i64| {
        let bytes = [ns.to_le_bytes().as_slice(), day.to_le_bytes().as_slice()].concat();
        let mut us = Vec::new();
        DayTimes.take(&bytes, 1, &mut us).map(|_| us)
    };
    assert_eq!(at(2_440_588, 0), Some(vec![0]));
    assert_eq!(at(2_440_587, 86_399_999_999_999), Some(vec![-1]));
    // 1 November 2026, 05:00:00.123456.
    assert_eq!(at(2_461_346, 18_000_123_456_000), Some(vec![1_793_509_200_123_456]));
    assert_eq!(DayTimes.take(&[0; 11], 1, &mut Vec::new()), None);
}
