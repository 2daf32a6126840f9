//! `gpuadvise topo`: how the GPUs of a host are connected, in plain words.

use std::process::Command;

use serde_json::json;

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, inputs, output, pasted};
use crate::cli::{Format, Global, TopoArgs};
use crate::deploy::{exchange, topo};

/// What is asked of this host, each by itself: one that is missing says nothing.
const ASKED: [(&str, &[&str]); 5] = [
    ("nvidia-smi", &["topo", "-m"]),
    ("nvidia-smi", &["topo", "-p2p", "r"]),
    ("nvidia-smi", &["-q"]),
    ("rocm-smi", &["--showtopo"]),
    ("amd-smi", &["topology"]),
];

pub(super) fn run(args: &TopoArgs, global: &Global, talk: Talk) -> CommandResult {
    let (name, text) = match args.file.as_deref() {
        None => ("this host".to_owned(), of_this_host(talk)?),
        Some(path) => pasted::read(
            path,
            "name a file with what nvidia-smi, rocm-smi or NCCL printed, or - for stdin",
            "ssh node 'nvidia-smi topo -m; nvidia-smi -q' | gpuadvise topo -",
        )?,
    };
    let reading = topo::read(&text).map_err(|error| {
        let hint = error.hint();
        Failure::new(ExitStatus::Input, anyhow::Error::new(error).context(name.clone()))
            .with_hint(hint)
    })?;
    let catalog = inputs::read_catalog(global.pricing.as_deref())?;
    let verdict = topo::judge(&reading);
    let exchange = exchange(&verdict, &catalog);
    let text = match global.format {
        Format::Table => {
            let mut text = String::new();
            for block in verdict.blocks_with("all-reduce", &exchange.sentences()) {
                text.push_str(&block.wrapped(talk.columns));
            }
            text
        }
        Format::Json => {
            let all = json!({ "verdict": verdict, "all_reduce": exchange.groups });
            format!("{all:#}\n")
        }
        Format::Csv | Format::Md | Format::Html => {
            return Err(Failure::usage("topo has a text and JSON", "use --format table or json"));
        }
    };
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// What the tools of the drivers say here.
fn of_this_host(talk: Talk) -> Result<String, Failure> {
    let mut text = String::new();
    for (program, words) in ASKED {
        match Command::new(program).args(words).output() {
            Ok(ran) if ran.status.success() => {
                text.push_str(&String::from_utf8_lossy(&ran.stdout));
                text.push('\n');
            }
            Ok(ran) => talk.note(&format!("{program} {}: {}", words.join(" "), ran.status)),
            Err(error) => talk.note(&format!("{program}: {error}")),
        }
    }
    if text.is_empty() {
        return Err(Failure::usage(
            "neither nvidia-smi nor rocm-smi answers on this host",
            "name a file with what they printed on another, or pipe it in: gpuadvise topo -",
        ));
    }
    Ok(text)
}
