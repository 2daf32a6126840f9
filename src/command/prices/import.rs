//! `prices import`: a price table becomes offers with source and date, and every row is accounted for.

use std::path::{Path, PathBuf};

use super::super::failure::{ExitStatus, Failure};
use super::super::talk::Talk;
use super::super::{CommandResult, output};
use crate::catalog::Catalog;
use crate::catalog::import::{Format, ImportContext, Imported, read, to_toml};
use crate::cli::{self, Global, ImportArgs};

/// Faulty rows that are said one by one.
const SAID: usize = 10;

pub(super) fn run(args: &ImportArgs, global: &Global, talk: Talk) -> CommandResult {
    if global.format != cli::Format::Table {
        return Err(Failure::usage(
            "prices import writes TOML, and no other format",
            "drop --format",
        ));
    }
    let name = args.file.display().to_string();
    let text = std::fs::read_to_string(&args.file).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{name} cannot be read"));
        Failure::new(ExitStatus::Input, error).with_hint("name a CSV file in UTF-8")
    })?;
    let file =
        args.file.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    let context = ImportContext {
        file: name.clone(),
        provider: args.provider.clone(),
        as_of: super::day(global),
        source: args.source.clone().unwrap_or(file),
    };
    let found = read(args.kind, &text, &context).map_err(super::unreadable)?;
    account(&found, talk);
    if found.offers.is_empty() {
        let error = anyhow::anyhow!("{name}: none of its {} rows is an offer of GPUs", found.rows);
        return Err(Failure::new(ExitStatus::Input, error).with_hint(match args.kind {
            Format::Skypilot => {
                "Google's GPUs are priced apart from their hosts there, so they make no offers"
            }
            Format::Gpuhunt | Format::Csv => "the lines above say why",
        }));
    }
    let files = to_toml(&found.offers);
    check(&files)?;
    write(args, global, talk, files)
}

/// Rows in = used + left out, on one line; what is wrong row by row.
fn account(found: &Imported, talk: Talk) {
    let left: Vec<String> =
        found.headings().iter().map(|(what, n)| format!("{n} {what}")).collect();
    let left = if left.is_empty() { "nothing left out".to_owned() } else { left.join(", ") };
    talk.say(&format!(
        "{} rows: {} make {} offers; {left}",
        found.rows,
        found.used,
        found.offers.len()
    ));
    let n = found.faults().count();
    for it in found.faults().take(SAID) {
        talk.warn(&format!("row {}: {}; {}", it.row, it.reason, it.reason.hint()));
    }
    if n > SAID {
        talk.warn(&format!("{} more rows are faulty", n - SAID));
    }
    if let [first, ..] = found.rounded.as_slice() {
        talk.warn(&format!(
            "{} prices have more than 9 decimals and were rounded, the first in row {first}",
            found.rounded.len()
        ));
    }
}

/// Nothing is written that the catalog does not take.
fn check(files: &std::collections::BTreeMap<String, String>) -> Result<(), Failure> {
    let all: Vec<(String, String)> = files
        .iter()
        .map(|(provider, text)| (format!("offers/{provider}.toml"), text.clone()))
        .collect();
    Catalog::overlaid(&all).map(|_| ()).map_err(Failure::from)
}

fn write(
    args: &ImportArgs,
    global: &Global,
    talk: Talk,
    files: std::collections::BTreeMap<String, String>,
) -> CommandResult {
    let Some(path) = global.output.as_deref() else {
        let several = files.len() > 1;
        let mut text = String::new();
        for (provider, file) in &files {
            if several {
                text.push_str(&format_file(provider));
            }
            text.push_str(file);
        }
        output::to_stdout(text.as_bytes())?;
        return Ok(ExitStatus::Done);
    };
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    if path.extension().is_some_and(|it| it == "toml") {
        let mut all = files.into_iter();
        let (Some((provider, text)), None) = (all.next(), all.next()) else {
            return Err(Failure::usage(
                "the table has several providers, and a file of offers has one",
                "name a folder with --output",
            ));
        };
        let stem = path.file_stem().map(|it| it.to_string_lossy().into_owned());
        if stem.as_deref() != Some(provider.as_str()) {
            return Err(Failure::usage(
                format!(
                    "the file of the offers of {provider} is {provider}.toml: its name says whose they are"
                ),
                "name it so, or name a folder with --output",
            ));
        }
        texts.push((path.to_owned(), text));
    } else {
        let named = |(provider, text)| (path.join(format!("{provider}.toml")), text);
        texts.extend(files.into_iter().map(named));
    }
    for (path, text) in &mut texts {
        if path.exists() && args.append {
            *text = appended(path, text)?;
        } else {
            output::free(Some(path), args.force)?;
        }
    }
    for (path, text) in &texts {
        output::to_file_or_stdout(Some(path), text.as_bytes())?;
        talk.note(&format!("{} written", path.display()));
    }
    Ok(ExitStatus::Done)
}

fn format_file(provider: &str) -> String {
    format!("# offers/{provider}.toml\n")
}

/// The rows of a file with those of the import that it does not have: the earlier ones stay as history.
fn appended(path: &Path, new: &str) -> Result<String, Failure> {
    let old = std::fs::read_to_string(path).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{} cannot be read", path.display()));
        Failure::new(ExitStatus::Input, error).with_hint("name a file of offers in UTF-8")
    })?;
    let mut text = old.trim_end().to_owned();
    text.push('\n');
    let is_there = |block: &str| old.contains(block.trim_end());
    for block in new.split("[[offer]]\n").skip(1).filter(|it| !is_there(it)) {
        text.push_str("\n[[offer]]\n");
        text.push_str(block.trim_end());
        text.push('\n');
    }
    let stem = path.file_stem().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    Catalog::overlaid(&[(format!("offers/{stem}.toml"), text.clone())])?;
    Ok(text)
}
