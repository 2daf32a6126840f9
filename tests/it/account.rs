//! Files read by the library, and their account as texts that a table test can compare.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chrono_tz::Tz;
use gpuadvise::catalog::Catalog;
use gpuadvise::ingest::{
    self, Config, IngestError, Ingested, ReadOptions, Reconciliation, Source, WindowCut,
};
use gpuadvise::units::Money;

/// Reads files without flags, as `gpuadvise ingest FILE...` does.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Ingested, IngestError> {
    read_with(paths, "", &WindowCut::default())
}

/// Reads files with a config and a window; every row may be rejected.
pub(crate) fn read_with(
    paths: &[PathBuf],
    config: &str,
    cut: &WindowCut,
) -> Result<Ingested, IngestError> {
    let sources: Vec<Source> = paths.iter().cloned().map(Source::Path).collect();
    let options = ReadOptions {
        zone: Tz::UTC,
        max_rejected_percent: 100.0,
        cut: cut.clone(),
        facts_will_do: true,
        aside: None,
        hashes: true,
    };
    ingest::read(&sources, &config_of(config), catalog(), &options)
}

/// The built-in catalog, read once.
fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::embedded().unwrap())
}

pub(crate) fn config_of(text: &str) -> Config {
    ingest::parse_config(text, "gpuadvise.toml").unwrap()
}

/// An amount as decimal text; `-` where it is not known.
pub(crate) fn text(amount: Option<Money>) -> String {
    amount.map_or_else(|| "-".to_owned(), Money::to_decimal_string)
}

/// GPU-hours of all rows of the usage table to six decimals; `-` where no row has any.
pub(crate) fn gpu_hours(found: &Ingested) -> String {
    let table = &found.usage;
    let hours: Vec<f64> = (0..table.len()).filter_map(|at| table.gpu_hours_of(at)).collect();
    if hours.is_empty() { "-".to_owned() } else { format!("{:.6}", hours.iter().sum::<f64>()) }
}

/// Names of all workloads, requests, prompt and completion tokens; `-` where none is known.
pub(crate) fn demand(found: &Ingested) -> (String, String) {
    let workloads = ingest::assemble(found, &Config::default(), catalog()).unwrap();
    let names: Vec<&str> = workloads.iter().map(|it| it.name.as_str()).collect();
    let sum = |pick: &dyn Fn(&gpuadvise::workload::UsageTotals) -> Option<u64>| {
        let known: Vec<u64> = workloads.iter().filter_map(|it| pick(&it.totals)).collect();
        if known.is_empty() { "-".to_owned() } else { known.iter().sum::<u64>().to_string() }
    };
    let counts =
        [sum(&|it| it.requests), sum(&|it| it.prompt_tokens), sum(&|it| it.completion_tokens)];
    (names.join(" "), counts.join(" "))
}

/// Billed, effective and list total.
pub(crate) fn totals(account: &Reconciliation) -> String {
    let it = &account.line.totals;
    [text(it.billed), text(it.effective), text(it.list)].join(" ")
}

/// Assigned, unassigned and excluded billed cost.
pub(crate) fn parts(account: &Reconciliation) -> String {
    let it = &account.line;
    [text(it.assigned), text(it.unassigned), text(it.excluded)].join(" ")
}

/// What any account must obey, whatever was read.
pub(crate) fn holds(found: &Ingested, what: &dyn std::fmt::Debug) {
    let it = &found.reconciliation;
    assert!(it.is_closed(), "{what:?}: the account is open");
    assert_eq!(it.rows_in, it.rows_kept + it.rows_rejected, "{what:?}");
    assert_eq!(it.rows_in, found.files.iter().map(|it| it.rows).sum::<u64>(), "{what:?}");
    let atto = |it: Option<Money>| it.map_or(0, Money::atto);
    let line = &it.line;
    let parts = [line.assigned, line.unassigned, line.excluded, line.difference].map(atto);
    assert_eq!(parts.iter().sum::<i128>(), atto(line.totals.billed), "{what:?}");
    // What the analysis gets is what the account calls GPU cost.
    assert_eq!(of_rows(found), [line.assigned, line.unassigned].map(atto), "{what:?}");
    for pick in [
        |it: &ingest::CostTotals| it.billed,
        |it: &ingest::CostTotals| it.effective,
        |it: &ingest::CostTotals| it.list,
        |it: &ingest::CostTotals| it.contracted,
    ] {
        let of_parts: i128 = it.parts.iter().map(|it| atto(pick(&it.totals))).sum();
        assert_eq!(of_parts, atto(pick(&line.totals)), "{what:?}: {:?}", it.parts);
        let of_kinds: i128 =
            it.by_charge_category.iter().map(|it| atto(pick(&it.line.totals))).sum();
        assert_eq!(of_kinds, atto(pick(&line.totals)), "{what:?}");
    }
}

/// What the rows of the usage table that a workload has, and those that none has, add up to.
pub(crate) fn of_rows(found: &Ingested) -> [i128; 2] {
    let usage = &found.usage;
    let mut sums = [0, 0];
    for at in 0..usage.len() {
        let which = usize::from(usage.workload.get(at).is_none());
        sums[which] += usage.billed_cost.get(at).unwrap_or(0);
    }
    sums
}

/// The path of a file in a folder.
pub(crate) fn at(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}
