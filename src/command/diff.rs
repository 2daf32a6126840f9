//! `gpuadvise diff`: why spend moved between two reports, and what became of the advice.

use std::path::Path;

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, output};
use crate::cli::{DiffArgs, Global};
use crate::report::{self, Comparison, PastReport, TerminalStyle};

pub(super) fn run(args: &DiffArgs, global: &Global, talk: Talk) -> CommandResult {
    let hint = "use --format table, json, csv or md";
    let format = output::text_format(global.format, "diff", hint)?;
    if global.redact {
        return Err(Failure::usage(
            "diff cannot replace names that are in its reports",
            "run analyze --redact for both months with one redact_key, then compare those reports",
        ));
    }
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    comparable(&old, &new)?;
    let comparison = Comparison::of(old, new)?;
    let style = TerminalStyle { bold: talk.styled_stdout, columns: talk.columns, next: None };
    let text = report::comparison(&comparison, format, &style)?;
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// A report, by its `report.json` or its folder.
fn read(path: &Path) -> Result<PastReport, Failure> {
    let path = if path.is_dir() { path.join("report.json") } else { path.to_owned() };
    let name = path.display();
    let bytes = std::fs::read(&path).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{name} cannot be read"));
        Failure::new(ExitStatus::Input, error)
            .with_hint("name a report.json that analyze wrote into its report folder")
    })?;
    report::read_report(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        let hint = error.hint();
        Failure::new(ExitStatus::Input, anyhow::Error::new(error).context(name.to_string()))
            .with_hint(hint)
    })
}

/// Two reports of one currency, of windows that follow each other.
fn comparable(old: &PastReport, new: &PastReport) -> Result<(), Failure> {
    let (a, b) = (&old.month, &new.month);
    if a.currency != b.currency {
        let message = format!("OLD is in {} and NEW in {}", a.currency, b.currency);
        return Err(Failure::new(ExitStatus::Input, anyhow::Error::msg(message)).with_hint(
            "run analyze for both months with the same report.currency, and [fx] rates if needed",
        ));
    }
    if a.window == b.window {
        return Err(Failure::usage(
            format!("both reports are of the same window, {}", old.period_label),
            "name the reports of two months, the earlier one first",
        ));
    }
    if a.window.start() > b.window.start() {
        return Err(Failure::usage(
            format!("OLD, {}, is later than NEW, {}", old.period_label, new.period_label),
            "name the earlier report first: gpuadvise diff OLD.json NEW.json",
        ));
    }
    Ok(())
}
