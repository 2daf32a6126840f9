//! `gpuadvise diff`: why spend moved between two reports, and what became of the advice.

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, output, past_report};
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
    let old = past_report::read(&args.old, report::read_report)?;
    let new = past_report::read(&args.new, report::read_report)?;
    comparable((&old, "OLD"), (&new, "NEW"))?;
    let comparison = Comparison::of(old, new)?;
    let style = TerminalStyle { bold: talk.styled_stdout, columns: talk.columns, next: None };
    let text = report::comparison(&comparison, format, &style)?;
    let text = output::shortened(text, global, output::AGAIN)?;
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// Two reports of one currency, of windows that follow each other, each with what it is called.
pub(super) fn comparable(
    (old, old_name): (&PastReport, &str),
    (new, new_name): (&PastReport, &str),
) -> Result<(), Failure> {
    let (a, b) = (&old.month, &new.month);
    if a.currency != b.currency {
        let message = format!("{old_name} is in {} and {new_name} in {}", a.currency, b.currency);
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
            format!(
                "{old_name}, {}, is later than {new_name}, {}",
                old.period_label, new.period_label
            ),
            "name the earlier report first: gpuadvise diff OLD.json NEW.json",
        ));
    }
    Ok(())
}
