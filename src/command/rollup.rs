//! `gpuadvise rollup`: request logs to a small table.

use std::path::Path;

use chrono_tz::Tz;
use serde_json::json;

use super::CommandResult;
use super::failure::{ExitStatus, Failure};
use super::inputs::{read_config, refuse_overwriting};
use super::output;
use super::progress::Progress;
use super::remote::{self, Found};
use super::talk::Talk;
use crate::cli::{Engine, Format, Global, RollupArgs};
use crate::ingest::{self, Config, IngestError, RowsRead, Source};
use crate::report;
use crate::rollup::{self, Detail, Dialect, LogFile, Part, Rollup, RollupError, Summary};

pub(super) fn run(args: &RollupArgs, global: &Global, talk: Talk) -> CommandResult {
    if let Some(engine) = args.emit_sql {
        let query = rollup::query(dialect(engine));
        output::to_file_or_stdout(global.output.as_deref(), query.as_bytes())?;
        return Ok(ExitStatus::Done);
    }
    let path = output_path(global)?;
    let (here, there) = remote::split(&args.files);
    let mut sources = ingest::expand(&here)?;
    refuse_overwriting(&sources, Some(path))?;
    let config = read_config(global.config.as_deref(), &sources, talk)?;
    let zone = global.time_zone.or(config.reporting.time_zone).unwrap_or(Tz::UTC);
    let detail = if args.simple { Detail::Simple } else { Detail::Full };
    let began = std::time::Instant::now();
    let Found { tables, logs, copies } = remote::find(&there, (&config, zone), talk)?;
    sources.extend(copies);
    let tables = all_tables(tables, logs.len(), &sources)?;
    let (summary, read) = output::stream_to_file(path, |folder, file| {
        let progress = Progress::rows(talk, "rolling up");
        let watch = |n: u64| {
            progress.steps(n);
            !output::is_interrupted()
        };
        if !tables.is_empty() {
            let (summary, file) = rollup::merge(&tables, file, &watch)?;
            return Ok(((summary, RowsRead::default()), file));
        }
        let (rollup, read) = gather((logs, &sources), (&config, zone), folder)?;
        let (summary, file) = match rollup.write(file, detail, &watch) {
            // Where every row was rejected, that is what there is to say.
            Err(RollupError::Empty) => {
                limit(args, &Summary::default(), &read)?;
                return Err(RollupError::Empty.into());
            }
            written => written?,
        };
        limit(args, &summary, &read)?;
        Ok(((summary, read), file))
    })?;
    say(&read, &summary, talk);
    let seconds = began.elapsed().as_secs_f64();
    let per_s = summary.rows as f64 / seconds.max(1e-3) / 1e6;
    talk.done(&format!("{seconds:.1} s, {per_s:.1} million rows/s"));
    output::to_stdout(shown(&summary, &read, path, global)?.as_bytes())?;
    Ok(ExitStatus::Done)
}

const fn dialect(engine: Engine) -> Dialect {
    match engine {
        Engine::Duckdb => Dialect::DuckDb,
        Engine::Spark => Dialect::Spark,
        Engine::Trino => Dialect::Trino,
        Engine::Bigquery => Dialect::BigQuery,
        Engine::Clickhouse => Dialect::ClickHouse,
    }
}

fn output_path(global: &Global) -> Result<&Path, Failure> {
    let hint = "name the table with --output, for example --output rollup.parquet";
    let Some(path) = global.output.as_deref() else {
        return Err(Failure::usage("rollup writes a table and needs a file for it", hint));
    };
    if path.extension().is_none_or(|it| !it.eq_ignore_ascii_case("parquet")) {
        let message =
            format!("the table is written as Parquet, and {} is no .parquet", path.display());
        return Err(Failure::usage(message, hint));
    }
    Ok(path)
}

/// The inputs as tables that were rolled up before; none where they are logs.
fn all_tables(
    mut tables: Vec<Part>,
    n_logs: usize,
    sources: &[Source],
) -> Result<Vec<Part>, Failure> {
    let n = tables.len() + n_logs + sources.len();
    for source in sources {
        if let Some(path) = source.path() {
            tables.extend(Part::open(path, source.name())?);
        }
    }
    if tables.is_empty() || tables.len() == n {
        return Ok(tables);
    }
    Err(Failure::usage(
        "some of the files are logs and some are tables that were rolled up before",
        "roll up the logs first, then all tables together",
    ))
}

/// Opens all logs: those with plain columns as they are, the others row by row.
fn gather<'a>(
    (logs, sources): (Vec<LogFile>, &[Source]),
    (config, zone): (&Config, Tz),
    folder: &'a Path,
) -> Result<(Rollup<'a>, RowsRead), Failure> {
    let mut rollup = Rollup::new(folder);
    for log in logs {
        rollup.add(log);
    }
    let mut others = Vec::new();
    for source in sources {
        let is_taken = match ingest::plain_log(source, config, zone)? {
            Some(log) => rollup.add_log(&log)?,
            None => false,
        };
        if !is_taken {
            others.push(source.clone());
        }
    }
    if others.is_empty() {
        return Ok((rollup, RowsRead::default()));
    }
    let mut fault = None;
    let read = ingest::read_rows(&others, config, zone, &mut |rows| {
        let added = if output::is_interrupted() {
            Err(RollupError::Interrupted)
        } else {
            rollup.add_rows(&rows)
        };
        // The reader knows no such fault: it ends, and the fault is told below.
        added.map_err(|error| {
            fault = Some(error);
            IngestError::NoRows { file: String::new() }
        })
    });
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let read = read?;
    rollup.name(read.names.clone())?;
    Ok((rollup, read))
}

/// Fails where more rows were rejected than may be.
fn limit(args: &RollupArgs, summary: &Summary, read: &RowsRead) -> Result<(), RollupError> {
    let listed = read.rejected.len() as u64 + read.unlisted;
    let n = summary.rejected + listed;
    let rows = summary.rows + listed;
    if n as f64 * 100.0 <= args.max_rejected * rows as f64 {
        return Ok(());
    }
    let first = summary.first_rejected.clone();
    let first = first.or_else(|| read.rejected.first().map(ToString::to_string));
    let first = first.unwrap_or_default();
    Err(RollupError::TooManyRejected { n, rows, percent: args.max_rejected, first })
}

fn say(read: &RowsRead, summary: &Summary, talk: Talk) {
    if summary.in_turns > 0 {
        talk.warn(&format!(
            "in {} of the tables requests came in turns: their gaps and seconds are not known; roll up the logs \
             together to know them",
            report::counted(summary.in_turns, "row")
        ));
    }
    for notice in &read.notices {
        talk.note(notice);
    }
    let first = summary.first_rejected.clone();
    for rejected in first.into_iter().chain(read.rejected.iter().take(5).map(ToString::to_string)) {
        talk.warn(&format!("rejected: {rejected}"));
    }
}

fn shown(
    summary: &Summary,
    read: &RowsRead,
    path: &Path,
    global: &Global,
) -> Result<String, Failure> {
    let rejected = summary.rejected + read.rejected.len() as u64 + read.unlisted;
    let rows = summary.rows + read.rejected.len() as u64 + read.unlisted;
    match global.format {
        Format::Table => Ok(format!(
            "{} = {} requests + {} that no GPU saw + {} rejected, in {} of {}\n",
            report::counted(rows, "row"),
            report::count(rows - rejected - summary.left_out),
            report::count(summary.left_out),
            report::count(rejected),
            report::counted(summary.cells, "row"),
            path.display()
        )),
        Format::Json => Ok(format!(
            "{}\n",
            json!({
                "rows": rows,
                "rows_rejected": rejected,
                "rows_left_out": summary.left_out,
                "cells": summary.cells,
            })
        )),
        Format::Csv | Format::Md | Format::Html => {
            Err(Failure::usage("rollup shows a table or JSON", "use --format table or json"))
        }
    }
}
