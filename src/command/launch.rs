//! `gpuadvise launch`: the launch plan of an advice, or what changes in a file that runs today.

use std::path::Path;

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, inputs, output, past_report};
use crate::cli::{Format, Global, LaunchArgs};
use crate::deploy::{Advised, AdvisedError, Launch, LaunchError, Options, Target, against};

pub(super) fn run(args: &LaunchArgs, global: &Global, talk: Talk) -> CommandResult {
    if global.format != Format::Table {
        return Err(Failure::usage(
            "launch writes the format of its target, and no other",
            "drop --format; --target chooses",
        ));
    }
    if global.redact {
        return Err(Failure::usage(
            "a launch plan needs the names themselves",
            "drop --redact, or name a report of analyze --redact",
        ));
    }
    output::free(global.output.as_deref(), args.force)?;
    let advised = advised(&args.report, &args.subject)?;
    let catalog = inputs::read_catalog(global.pricing.as_deref())?;
    let options = Options {
        image: args.image.clone(),
        checkpoint: args.checkpoint.clone(),
        program: args.program.clone(),
        port: args.port,
    };
    // What is compared is the command, which is the same for every target but that of Ray.
    let target = if args.against.is_some() { Target::Shell } else { args.target };
    let launch = Launch::of(advised, &catalog, &options, target).map_err(failed)?;
    let text = match &args.against {
        Some(path) => {
            let old = text_of(path)?;
            against(&launch, &old, &path.display().to_string()).map_err(failed)?
        }
        None => launch.text(target).map_err(failed)?,
    };
    for note in launch.notes(target) {
        talk.warn(&note);
    }
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// The advice of a report.
pub(super) fn advised(report: &Path, subject: &str) -> Result<Advised, Failure> {
    let file = if report.is_dir() { report.join("report.json") } else { report.to_owned() };
    let text = past_report::text(&file)?;
    Advised::read(&text, subject).map_err(|error| {
        let status = match error {
            AdvisedError::Unknown { .. } => ExitStatus::Usage,
            AdvisedError::Report(_) | AdvisedError::NoPlan { .. } => ExitStatus::Input,
        };
        let hint = error.hint();
        let error = anyhow::Error::new(error).context(file.display().to_string());
        Failure::new(status, error).with_hint(hint)
    })
}

pub(super) fn failed(error: LaunchError) -> Failure {
    let status = match error {
        LaunchError::UnknownGpu { .. } => ExitStatus::Catalog,
        LaunchError::DoesNotFit { .. }
        | LaunchError::Schedule { .. }
        | LaunchError::Against { .. } => ExitStatus::Input,
        _ => ExitStatus::Usage,
    };
    let hint = error.hint();
    Failure::new(status, error).with_hint(hint)
}

fn text_of(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{} cannot be read", path.display()));
        Failure::new(ExitStatus::Input, error)
            .with_hint("name a text file in UTF-8 with what runs today")
    })
}
