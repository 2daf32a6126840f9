//! Laws of ingestion on random tables: every row is kept or rejected, every digit is accounted for.

use chrono_tz::Tz;
use gpuadvise::catalog::Catalog;
use gpuadvise::ingest::{self, Config, ReadOptions, Source, WindowCut};
use gpuadvise::units::{Currency, Money};
use proptest::prelude::*;

/// A row of a random table: hour, workload, billed cost text, requests text.
#[derive(Clone, Debug)]
struct Row {
    hour: u32,
    workload: &'static str,
    cost: String,
    requests: String,
}

fn row() -> impl Strategy<Value = Row> {
    let workload = prop::sample::select(vec!["a", "b", "c", ""]);
    let cost = prop_oneof![
        8 => (-1_000_000_i64..1_000_000, 0_usize..12).prop_map(|(units, places)| {
            let sign = if units < 0 { "-" } else { "" };
            let digits = format!("{:0>width$}", units.unsigned_abs(), width = places + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places);
            format!("{sign}{whole}.{fraction}")
        }),
        1 => Just(String::new()),
        1 => Just("twelve".to_owned()),
    ];
    let requests = prop_oneof![
        8 => (0_u32..1000).prop_map(|it| it.to_string()),
        1 => Just(String::new()),
        1 => Just("-3".to_owned()),
    ];
    (0_u32..72, workload, cost, requests).prop_map(|(hour, workload, cost, requests)| Row {
        hour,
        workload,
        cost,
        requests,
    })
}

fn csv(rows: &[Row]) -> String {
    let mut text = "period_start,period_end,workload,billed_cost,requests\n".to_owned();
    for it in rows {
        let time = |hour: u32| format!("2026-10-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
        text.push_str(&format!(
            "{},{},{},{},{}\n",
            time(it.hour),
            time(it.hour + 1),
            it.workload,
            it.cost,
            it.requests
        ));
    }
    text
}

fn read(folder: &tempfile::TempDir, texts: &[String], cut: WindowCut) -> Option<ingest::Ingested> {
    let mut sources = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let path = folder.path().join(format!("{at}.csv"));
        std::fs::write(&path, text).unwrap();
        sources.push(Source::Path(path));
    }
    let options = ReadOptions {
        zone: Tz::UTC,
        max_rejected_percent: 100.0,
        cut,
        facts_will_do: false,
        aside: None,
        hashes: true,
    };
    ingest::read(&sources, &Config::default(), &Catalog::embedded().unwrap(), &options).ok()
}

/// One file alone has no hash unless it is asked for, and of two the copy is still told.
#[test]
fn a_hash_that_nobody_asks_for_changes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let sample = crate::support::root().join("samples/usage.parquet");
    let copy = folder.path().join("copy.parquet");
    std::fs::copy(&sample, &copy).unwrap();
    let catalog = Catalog::embedded().unwrap();
    let read = |paths: &[&std::path::PathBuf], hashes: bool| {
        let sources: Vec<Source> = paths.iter().map(|it| Source::Path((*it).clone())).collect();
        let options = ReadOptions {
            zone: Tz::UTC,
            max_rejected_percent: 100.0,
            cut: WindowCut::default(),
            facts_will_do: false,
            aside: None,
            hashes,
        };
        ingest::read(&sources, &Config::default(), &catalog, &options)
    };
    let (with, without) = (read(&[&sample], true).unwrap(), read(&[&sample], false).unwrap());
    assert_eq!(with.files[0].sha256.as_ref().map(String::len), Some(64));
    assert_eq!(without.files[0].sha256, None);
    assert_eq!((with.window, with.files[0].rows), (without.window, without.files[0].rows));
    let account = |it: &ingest::Ingested| format!("{:?}", it.reconciliation);
    assert_eq!(account(&with), account(&without));
    let twice = read(&[&sample, &copy], false).unwrap_err().to_string();
    assert!(twice.contains("one is a copy of the other"), "{twice}");
}

fn atto(amount: Option<Money>) -> i128 {
    amount.map_or(0, Money::atto)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn rows_and_amounts_are_all_accounted_for(rows in prop::collection::vec(row(), 1..60), cut in 0_u32..48) {
        let folder = tempfile::tempdir().unwrap();
        let since = (cut > 0).then(|| format!("2026-10-{:02}T{:02}:00:00Z", 1 + cut / 24, cut % 24));
        let window = WindowCut { since, ..WindowCut::default() };
        let Some(found) = read(&folder, &[csv(&rows)], window) else { return Ok(()) };
        let account = &found.reconciliation;
        prop_assert_eq!(account.rows_in, rows.len() as u64);
        prop_assert_eq!(account.rows_in, account.rows_kept + account.rows_rejected);
        prop_assert_eq!(account.rows_kept, found.usage.len() as u64 + account.rows_outside_window);
        // The total by another way: every readable cost in the text.
        let expected: i128 = rows
            .iter()
            .filter_map(|it| Money::parse(&it.cost, Currency::USD).ok())
            .map(Money::atto)
            .sum();
        prop_assert_eq!(atto(account.line.totals.billed), expected);
        let parts = [account.line.assigned, account.line.unassigned, account.line.excluded, account.line.difference];
        prop_assert_eq!(parts.map(atto).iter().sum::<i128>(), expected);
        prop_assert!(account.is_closed());
        // And what reached the workloads is what the account calls assigned.
        let workloads = ingest::assemble(&found, &Config::default(), &Catalog::embedded().unwrap()).unwrap();
        let assigned: i128 = workloads.iter().map(|it| atto(it.totals.billed_cost)).sum();
        prop_assert_eq!(assigned, atto(account.line.assigned));
    }

    #[test]
    fn splitting_a_file_or_shuffling_its_rows_changes_nothing(
        rows in prop::collection::vec(row(), 2..40),
        seed in any::<u64>(),
        at in 1_usize..39,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::embedded().unwrap();
        let totals = |texts: &[String]| {
            let found = read(&folder, texts, WindowCut::default())?;
            let workloads = ingest::assemble(&found, &Config::default(), &catalog).unwrap();
            let each: Vec<(String, i128, Option<u64>)> = workloads
                .iter()
                .map(|it| (it.name.clone(), atto(it.totals.billed_cost), it.totals.requests))
                .collect();
            Some((each, found.window, found.reconciliation.rows_rejected))
        };
        let whole = totals(&[csv(&rows)]);
        let at = at.min(rows.len() - 1);
        prop_assert_eq!(totals(&[csv(&rows[..at]), csv(&rows[at..])]), whole.clone());
        let mut shuffled = rows.clone();
        let len = shuffled.len();
        for i in 0..len {
            let j = (seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i as u64) >> 33) as usize % len;
            shuffled.swap(i, j);
        }
        prop_assert_eq!(totals(&[csv(&shuffled)]), whole);
    }
}
