//! `gpuadvise ingest`: the account of what was read, and the usage table it gave.

use std::path::Path;

use serde_json::json;

use super::failure::{ExitStatus, Failure};
use super::inputs::Inputs;
use super::output;
use super::talk::Talk;
use super::{CommandResult, reconciled};
use crate::cli::{Format, Global, IngestArgs};
use crate::ingest::{self, Coverage, Ingested, InputFile, SourceKind};
use crate::report::{self, Line, Reconciliation};
use crate::units::Money;
use crate::usage::frame;

/// Lines of spend without a workload that the table shows.
const MOST_UNMATCHED: usize = 12;
/// Days of the coverage matrix that fit a line.
const MOST_DAYS: usize = 56;
/// Columns that lines take; names of files and commitments may be longer.
const COLUMNS: usize = 80;

pub(super) fn run(args: &IngestArgs, global: &Global, talk: Talk) -> CommandResult {
    if let Some(path) = &global.output
        && path.extension().is_none_or(|it| !it.eq_ignore_ascii_case("parquet"))
    {
        return Err(Failure::usage(
            format!("the usage table is written as Parquet, and {} is no .parquet", path.display()),
            "name the file usage.parquet, or use --format json for the account",
        ));
    }
    let inputs = Inputs::read_facts(&args.input, global, talk)?;
    let ingested = &inputs.ingested;
    let account = Reconciliation::of(ingested);
    if let Some(path) = &global.output {
        write_usage(ingested, path, talk)?;
    }
    let text = match global.format {
        Format::Json => as_json(ingested, &account)?,
        Format::Table => as_table(ingested, &account, args.explain),
        Format::Csv | Format::Md | Format::Html => {
            return Err(Failure::usage(
                "ingest shows a table or JSON",
                "use --format table or json; --output FILE writes the usage table as Parquet",
            ));
        }
    };
    output::to_stdout(text.as_bytes())?;
    reconciled(ingested.reconciliation.is_closed(), account.line.difference)?;
    Ok(ExitStatus::Done)
}

/// Writes the usage table; of request logs the counts of each hour.
fn write_usage(ingested: &Ingested, path: &Path, talk: Talk) -> Result<(), Failure> {
    let mut table = ingested.usage.clone();
    if ingested.relative {
        talk.warn("the requests have no dates: they are not in the usage table");
    } else if ingest::push_requests(&mut table, &ingested.requests) {
        talk.note("requests stand in the usage table by the hour: give the logs for what is finer");
    }
    let mut bytes = Vec::new();
    frame::write_parquet(&table, &mut bytes)
        .map_err(|error| Failure::new(ExitStatus::Bug, anyhow::anyhow!("{error}")))?;
    output::to_file_or_stdout(Some(path), &bytes)?;
    talk.note(&format!("{} in {}", report::counted(table.len() as u64, "row"), path.display()));
    Ok(())
}

fn as_json(ingested: &Ingested, account: &Reconciliation) -> Result<String, Failure> {
    let files: Vec<serde_json::Value> = ingested
        .files
        .iter()
        .map(|it| {
            json!({
                "file": it.name,
                "sha256": it.sha256,
                "format": it.format,
                "rows": it.rows,
                "rows_rejected": it.rejected,
                "columns_used": it.columns_used,
                "columns_ignored": it.columns_ignored,
            })
        })
        .collect();
    let rules: Vec<serde_json::Value> =
        ingested.rules.iter().map(|it| json!({ "rule": it.rule, "matched": it.matched })).collect();
    let coverage = &ingested.coverage;
    let sources: Vec<serde_json::Value> =
        coverage.rows.iter().map(|it| json!({ "source": it.source, "hours": it.hours })).collect();
    let counts = &ingested.request_counts;
    let left_out: serde_json::Map<String, serde_json::Value> =
        counts.left_out.iter().map(|(reason, n)| ((*reason).to_owned(), (*n).into())).collect();
    let requests = json!({
        "read": counts.read,
        "in_demand": counts.in_demand,
        "failed": counts.failed,
        "left_out": left_out,
    });
    let window = |at: crate::units::Timestamp| ingested.dated.then(|| at.to_rfc3339());
    let days: Vec<String> = coverage.days.iter().map(ToString::to_string).collect();
    let value = json!({
        "currency": ingested.reconciliation.currency,
        "window_start": window(ingested.window.start()),
        "window_end": window(ingested.window.end()),
        "invoice_state": ingested.invoice.as_str(),
        "requests": requests,
        "reconciliation": account,
        "files": files,
        "rules": rules,
        "coverage": { "days": days, "day_hours": coverage.day_hours, "sources": sources },
        "usage_rows": ingested.usage.len(),
        "notices": ingested.notices,
    });
    let mut text = serde_json::to_string_pretty(&value)
        .map_err(|error| Failure::new(ExitStatus::Bug, error))?;
    text.push('\n');
    Ok(text)
}

/// The text that is being written; names from data are made plain.
struct Page(String);

impl Page {
    /// A text behind a lead, broken where it is wider than 80 columns.
    fn hanging(&mut self, lead: &str, text: &str) {
        self.0.push_str(&report::hanging(lead, text, COLUMNS));
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(&report::plain(text));
        self.0.push('\n');
    }

    /// A text and an amount on the right of 80 columns.
    fn amount(&mut self, what: &str, amount: Option<Money>) {
        let shown = amount.map_or_else(|| "–".to_owned(), report::money);
        let room = COLUMNS.saturating_sub(shown.chars().count() + 1);
        let what = report::clip(&report::plain(what), room);
        self.line(&format!("{what:<room$} {shown}"));
    }
}

fn as_table(ingested: &Ingested, account: &Reconciliation, explain: bool) -> String {
    let mut page = Page(String::new());
    let it = account;
    if ingested.dated {
        let said = format!(
            "{} to {} · {} · bills {}",
            ingested.window.start(),
            ingested.window.end(),
            ingested.reconciliation.currency,
            ingested.invoice.as_str()
        );
        page.hanging("", &said);
    } else {
        page.line("nothing in these files has a time: facts only");
    }
    for file in &ingested.files {
        page.line(&file.name);
        let rows = format!(
            "{}, {} = {} kept + {} rejected",
            file.format,
            report::counted(file.rows, "row"),
            report::count(file.rows.saturating_sub(file.rejected)),
            report::count(file.rejected)
        );
        page.hanging("  ", &rows);
        if explain {
            explain_file(&mut page, file);
        }
    }
    statement(&mut page, &it.line, it);
    breakdown(&mut page, it);
    if !it.unmatched.is_empty() {
        page.line("NOT IN ANY WORKLOAD, LARGEST FIRST");
        for spend in it.unmatched.iter().take(MOST_UNMATCHED) {
            let what = spend.what.as_deref().unwrap_or("no resource named");
            let provider = spend.provider.as_deref().unwrap_or("unknown provider");
            let gpu = spend.gpu.as_deref().unwrap_or("no GPU");
            page.amount(
                &format!("  {provider} {what}, {gpu}, {}", report::counted(spend.rows, "row")),
                spend.effective.or(spend.billed),
            );
        }
        if it.unmatched.len() > MOST_UNMATCHED {
            let more = it.unmatched.len() - MOST_UNMATCHED;
            page.line(&format!("  and {more} more with --format json"));
        }
    }
    if explain {
        for rule in &ingested.rules {
            page.line(&format!("rule {}: decided {} distinct lines", rule.rule, rule.matched));
        }
        for rejected in &it.rejected {
            let column = rejected.column.as_ref().map(|it| format!(" `{it}`:")).unwrap_or_default();
            let why = format!("row {}:{column} {}", rejected.row, rejected.reason);
            page.hanging(&format!("rejected {}: ", report::plain(&rejected.file)), &why);
        }
    }
    requests(&mut page, ingested);
    if ingested.dated {
        coverage(&mut page, &ingested.coverage);
    }
    if explain && ingested.files.iter().any(|it| it.kind == SourceKind::Telemetry) {
        page.line("WHAT TELEMETRY CAN PROVE");
        for [source, proves, not] in ingest::telemetry_proofs() {
            page.hanging("  ", &format!("{source}: {proves}; not {not}"));
        }
    }
    for notice in &ingested.notices {
        page.hanging("note: ", notice);
    }
    page.0
}

fn explain_file(page: &mut Page, file: &InputFile) {
    page.hanging("  uses     ", &file.columns_used.join(", "));
    if !file.columns_ignored.is_empty() {
        page.hanging("  ignores  ", &file.columns_ignored.join(", "));
    }
}

/// Billed total = parts + difference, one to a line.
fn statement(page: &mut Page, line: &Line, account: &Reconciliation) {
    page.line("RECONCILIATION, BILLED COST");
    for part in &account.parts {
        let rows = report::counted(part.rows, "row");
        let words = format!("  {}, {rows}", report::part_in_words(part.part));
        page.amount(&words, part.billed);
    }
    page.amount("  difference", line.difference);
    page.amount("= billed in the files", line.billed_total);
    page.amount("  effective cost in the files", line.effective_total);
    page.amount("  list cost, without purchases that later rows carry", line.list_total);
    page.amount("  contracted cost, likewise", line.contracted_total);
    page.amount("  GPUs, effective", account.gpu_effective());
}

fn breakdown(page: &mut Page, account: &Reconciliation) {
    if account.by_currency.len() > 1 {
        for it in &account.by_currency {
            let rate = it.rate.as_ref().map(|it| format!(" at {it}")).unwrap_or_default();
            let difference = it.line.difference.map_or_else(|| "–".to_owned(), report::money);
            page.amount(
                &format!("  billed in {}{rate}, difference {difference}", it.currency),
                it.line.billed_total,
            );
        }
    }
    for it in &account.by_charge_category {
        page.amount(&format!("  of category {}", it.charge_category), it.line.billed_total);
    }
    for it in &account.by_commitment {
        let shown = |amount: Option<Money>| amount.map_or_else(|| "–".to_owned(), report::money);
        page.line(&format!("commitment {}", it.id));
        let sum = format!(
            "bought {} = used {} + unused {} + difference {}{}",
            shown(it.purchased),
            shown(it.effective_used),
            shown(it.effective_unused),
            shown(it.difference),
            it.cause.map(|it| format!(" ({it})")).unwrap_or_default()
        );
        page.hanging("  ", &sum);
    }
}

/// What became of every request.
fn requests(page: &mut Page, ingested: &Ingested) {
    let counts = &ingested.request_counts;
    if counts.read == 0 {
        return;
    }
    page.line(&format!(
        "REQUESTS {} read = {} of the demand ({} of them failed) + {} left out",
        counts.read,
        counts.in_demand,
        counts.failed,
        counts.left_out.iter().map(|it| it.1).sum::<u64>()
    ));
    for (reason, n) in &counts.left_out {
        page.line(&format!("  {n} {}", reason.replace('_', " ")));
    }
}

/// One mark per day and kind of source: whole, part, none.
fn coverage(page: &mut Page, coverage: &Coverage) {
    let from = coverage.days.len().saturating_sub(MOST_DAYS);
    let (Some(first), Some(last)) = (coverage.days.get(from), coverage.days.last()) else {
        return;
    };
    page.line(&format!("COVERAGE {first} to {last}: # whole day, + part of it, . nothing"));
    for row in &coverage.rows {
        let marks: String = row
            .hours
            .iter()
            .zip(&coverage.day_hours)
            .skip(from)
            .map(|(hours, whole)| match hours {
                0 => '.',
                hours if hours >= whole => '#',
                _ => '+',
            })
            .collect();
        page.line(&format!("  {:<14} {marks}", row.source.replace('_', " ")));
    }
}
