//! `gpuadvise explain`: how a number of a report came about, and whether it comes out again.

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, output, past_report};
use crate::cli::{ExplainArgs, Format, Global};
use crate::report::{self, Evidence, TerminalStyle};

pub(super) fn run(args: &ExplainArgs, global: &Global, talk: Talk) -> CommandResult {
    let hint = "use --format table, json or md";
    let format = output::text_format(global.format, "explain", hint)?;
    if global.format == Format::Csv {
        return Err(Failure::usage("explain has no CSV", hint));
    }
    if global.redact {
        return Err(Failure::usage(
            "explain cannot replace names that are in its report",
            "run analyze --redact, then explain that report",
        ));
    }
    let evidence = past_report::read(&args.report, Evidence::read)?;
    let subject = evidence.subject(&args.subject).map_err(|error| {
        let hint = error.hint();
        let name = args.report.display().to_string();
        Failure::new(ExitStatus::Input, anyhow::Error::new(error).context(name)).with_hint(hint)
    })?;
    let style = TerminalStyle { bold: talk.styled_stdout, columns: talk.columns, next: None };
    let found = report::explained(&evidence, &subject, format, &style)?;
    let text = output::shortened(found.text, global, output::AGAIN)?;
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    match found.differs.as_slice() {
        [] => Ok(ExitStatus::Done),
        [first, others @ ..] => {
            let more = if others.is_empty() {
                String::new()
            } else {
                format!(" and {} more", others.len())
            };
            let message = anyhow::anyhow!(
                "{}: the parts of {first}{more} do not give the number reported",
                args.report.display()
            );
            Err(Failure::new(ExitStatus::NotReconciled, message).with_hint(
                "the file was changed or cut: run analyze again on the files of that month",
            ))
        }
    }
}
