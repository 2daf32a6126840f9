//! `gpuadvise size`: memory and speed of a model on a GPU, in training, as a picture maker, or by
//! the rule of thumb.

mod asked;
mod deployment;
mod downsizes;
mod image;
mod numbers;
mod rule;
mod shown;
mod start;
mod table;
mod training;
mod weights;
mod wires;

use serde_json::{Value, json};

use super::failure::{ExitStatus, Failure};
use super::size_source::{ModelSource, model_source};
use super::talk::Talk;
use super::{CommandResult, inputs, output};
use crate::catalog::{Catalog, ModelArch};
use crate::cli::{Format, Global, Method, SizeArgs};
use crate::report;
use crate::size::Architecture;

pub(super) fn run(args: &SizeArgs, global: &Global, _talk: Talk) -> CommandResult {
    let catalog = inputs::read_catalog(global.pricing.as_deref())?;
    let source = args.model.as_deref().map(|word| model_source(word, &catalog)).transpose()?;
    let answer = answer(args, &catalog, source.as_ref())?;
    let text = match global.format {
        Format::Json => in_json(&answer)?,
        Format::Table | Format::Md | Format::Html | Format::Csv => folded(&answer.text),
    };
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// The text with every line that is too long for a terminal in several, under its own indent.
fn folded(text: &str) -> String {
    const COLUMNS: usize = 80;
    let mut page = String::with_capacity(text.len());
    for line in text.lines() {
        // A command to paste is broken where the shell allows it, and nowhere else.
        if line.chars().count() <= COLUMNS || line.ends_with('\\') {
            page.push_str(line);
            page.push('\n');
        } else {
            let words = line.trim_start();
            page.push_str(&report::hanging(&line[..line.len() - words.len()], words, COLUMNS));
        }
    }
    page
}

/// The same answer twice: to read, and for programs.
struct Answer {
    text: String,
    json: Value,
}

/// What is asked decides who answers.
fn answer(
    args: &SizeArgs,
    catalog: &Catalog,
    source: Option<&ModelSource>,
) -> Result<Answer, Failure> {
    let Some(source) = source else { return rule::of_numbers(args, catalog) };
    let Some(arch) = &source.arch else { return Ok(weights::alone(source)) };
    if let Some(pipeline) = &arch.diffusion {
        return image::answer(args, catalog, (arch, pipeline));
    }
    if args.method == Some(Method::RuleOfThumb) {
        if args.serving.engine.is_some() {
            return Err(Failure::usage(
                "the rule of thumb knows no engine",
                "leave out --engine or --method rule-of-thumb",
            ));
        }
        return rule::of_model(args, catalog, source, arch);
    }
    let mut model = architecture(arch)?;
    if args.serving.quantization.is_none() && args.serving.dtype.is_none() {
        model.checkpoint = source.checkpoint();
    }
    if args.training.train.is_some() {
        return training::answer(args, catalog, &model);
    }
    let asked = asked::Asked::of(args, &model)?;
    let mut answer = match &args.serving.gpu {
        Some(gpu) => deployment::answer(args, catalog, source, (&model, gpu), &asked)?,
        None => table::answer(args, catalog, source, (arch, &model), &asked)?,
    };
    if let Some(sums) = &source.weights {
        answer.text.push_str(&weights::in_words(sums));
        answer.json["weights"] = weights::in_json(sums);
    }
    Ok(answer)
}

fn architecture(arch: &ModelArch) -> Result<Architecture, Failure> {
    Architecture::of(arch).map_err(|why| {
        Failure::new(ExitStatus::Input, anyhow::anyhow!("{}: {why}", arch.id)).with_hint(
            "give a config.json that has the fields, or --params with --layers, --kv-heads and --head-dim",
        )
    })
}

fn in_json(answer: &Answer) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(&answer.json)
        .map_err(|error| Failure::new(ExitStatus::Bug, error))?;
    text.push('\n');
    Ok(text)
}

/// The head of every JSON answer.
fn head(model: &str, method: &str) -> Value {
    json!({ "model": model, "method": method })
}
