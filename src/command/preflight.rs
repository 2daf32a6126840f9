//! `gpuadvise preflight`: whether a host can start what a launch plan asks of it.

use std::io::Write;
use std::process::{Command, Stdio};

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, inputs, output, pasted};
use crate::cli::{Format, Global, PreflightArgs};
use crate::deploy::preflight::{self, SCRIPT};
use crate::deploy::{Launch, Options, Target};

pub(super) fn run(args: &PreflightArgs, global: &Global, talk: Talk) -> CommandResult {
    if args.script {
        output::to_file_or_stdout(global.output.as_deref(), SCRIPT.as_bytes())?;
        return Ok(ExitStatus::Done);
    }
    if !matches!(global.format, Format::Table | Format::Json) {
        return Err(Failure::usage("preflight has a table and JSON", "use --format table or json"));
    }
    let (Some(report), Some(subject)) = (&args.report, &args.subject) else {
        return Err(Failure::usage(
            "no report is named",
            "gpuadvise preflight REPORT.json WORKLOAD",
        ));
    };
    let advised = super::launch::advised(report, subject)?;
    let catalog = inputs::read_catalog(global.pricing.as_deref())?;
    let options = Options {
        image: args.image.clone(),
        checkpoint: args.checkpoint.clone(),
        port: args.port,
        ..Options::default()
    };
    let launch =
        Launch::of(advised, &catalog, &options, Target::Docker).map_err(super::launch::failed)?;
    let needs = launch.needs();
    let (name, text) = match args.from.as_deref() {
        None => ("this host".to_owned(), of_this_host(args, launch.download(), talk)?),
        Some(path) => pasted::read(
            path,
            "name a file with what the script of `gpuadvise preflight --script` printed, or - for stdin",
            "gpuadvise preflight --script | ssh HOST bash | gpuadvise preflight REPORT.json WORKLOAD --from -",
        )?,
    };
    let facts = preflight::read(&text).map_err(|error| {
        let hint = error.hint();
        Failure::new(ExitStatus::Input, anyhow::Error::new(error).context(name)).with_hint(hint)
    })?;
    let checks = preflight::check(&facts, &needs);
    let text = match global.format {
        Format::Json => {
            let mut text = serde_json::to_string_pretty(&checks).unwrap_or_default();
            text.push('\n');
            text
        }
        _ => crate::deploy::table(&checks),
    };
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(if preflight::failed(&checks) { ExitStatus::CheckFailed } else { ExitStatus::Done })
}

/// What the script prints here. It gets the environment of this program, and hides the token from all it starts.
fn of_this_host(args: &PreflightArgs, model: Option<&str>, talk: Talk) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(ExitStatus::Input, anyhow::Error::new(error).context("sh cannot be run")).with_hint(
            "run the script of `gpuadvise preflight --script` on the host, and name what it prints with --from",
        )
    };
    talk.say("measuring this host, which takes up to a minute");
    let mut command = Command::new("sh");
    command
        .arg("-s")
        .env("PORT", args.port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(model) = model {
        command.env("MODEL", model);
    }
    if args.offline {
        command.env("OFFLINE", "1");
    }
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A shell that ends early is told by what it printed.
        let _ = stdin.write_all(SCRIPT.as_bytes());
    }
    let done = child.wait_with_output().map_err(failed)?;
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
