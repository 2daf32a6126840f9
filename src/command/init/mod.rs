//! `gpuadvise init`: writes a commented `gpuadvise.toml` for the user's own data.
//!
//! The file holds what every run infers by itself as comments, so that nothing in it goes stale, and
//! the blanks that the report would like filled, numbered by the spend they touch. A run with the
//! file as it was written says the same as a run without it.

mod found;
mod offset;
mod reading;
mod summary;
#[cfg(test)]
mod tests;
mod unmapped;
mod write;

use std::path::{Path, PathBuf};

use std::sync::atomic::AtomicBool;

use chrono_tz::Tz;

use super::advise::{Judged, advise_all};
use super::describe;
use super::failure::{ExitStatus, Failure};
use super::inputs::{CONFIG_NAME, read_catalog};
use super::remote;
use super::talk::Talk;
use super::{CommandResult, output, reconciled};
use crate::catalog::Catalog;
use crate::cli::{Format, Global, InputArgs};
use crate::ingest::{self, Config, ReadOptions, Source, WindowCut};
use crate::recommend::{Context, Search};
use crate::report::{self, Analysed, Blank, RunFacts};
use crate::units::Money;
use reading::Reading;

/// What the file is written from.
struct Draft<'a> {
    reading: &'a Reading,
    /// By effective cost, the dearest first.
    workloads: Vec<Analysed>,
    /// Those that touch the most spend first.
    blanks: Vec<Blank>,
    /// The zone named on the command line.
    zone: Option<Tz>,
    /// The zone that the times in the files carry.
    offset: Option<offset::Carried>,
}

/// Where the file goes.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Stdout,
    /// A file; whether later runs find it without being told.
    File {
        path: PathBuf,
        is_found: bool,
    },
}

pub(super) fn run(args: &InputArgs, global: &Global, talk: Talk) -> CommandResult {
    refuse(global)?;
    let sources = remote::expand(&args.files, talk)?;
    let target = target(global.output.as_deref(), &sources)?;
    let catalog = read_catalog(global.pricing.as_deref())?;
    let options = ReadOptions {
        zone: global.time_zone.unwrap_or(Tz::UTC),
        max_rejected_percent: args.part.max_rejected,
        cut: WindowCut {
            since: args.part.since.clone(),
            until: args.part.until.clone(),
            month: args.part.month.clone(),
        },
        facts_will_do: false,
        aside: None,
        hashes: false,
    };
    let offset = offset::carried(&sources);
    let reading = reading::read(sources, &catalog, &options)?;
    let draft = draft(&reading, offset, &catalog, (global, talk))?;
    let text = write::text(&draft);
    match &target {
        Target::Stdout => output::to_stdout(text.as_bytes())?,
        Target::File { path, is_found } => {
            output::to_file_or_stdout(Some(path), text.as_bytes())?;
            let config = (!is_found).then_some(path.as_path());
            let said = summary::text(&draft, path, &summary::next_command(&args.files, config));
            output::to_stdout(said.as_bytes())?;
        }
    }
    if let Some(ingested) = &reading.ingested {
        let account = &ingested.reconciliation;
        reconciled(account.is_closed(), account.line.difference)?;
    }
    Ok(ExitStatus::Done)
}

/// Flags that init has no use for: saying nothing of them would mislead.
fn refuse(global: &Global) -> Result<(), Failure> {
    if global.format != Format::Table {
        return Err(Failure::usage("init writes TOML, and no other format", "drop --format"));
    }
    if global.redact {
        return Err(Failure::usage(
            "a config needs the names themselves",
            "drop --redact; gpuadvise analyze --redact hides names in the report",
        ));
    }
    if global.config.is_some() {
        return Err(Failure::usage(
            "init looks at the data alone, and reads no config",
            "drop --config; a config you have is checked by any run that uses it",
        ));
    }
    Ok(())
}

/// `--output`, else the name that a run looks for beside the first input. What is there stays.
fn target(output: Option<&Path>, sources: &[Source]) -> Result<Target, Failure> {
    if output == Some(Path::new("-")) {
        return Ok(Target::Stdout);
    }
    let beside = sources.iter().find_map(|it| it.beside(CONFIG_NAME));
    // Where everything comes from standard input no run finds a config by itself.
    let found = beside.clone();
    let default = beside.unwrap_or_else(|| PathBuf::from(CONFIG_NAME));
    let path = output.map_or(default, Path::to_owned);
    if path.symlink_metadata().is_ok() {
        let message =
            anyhow::anyhow!("{} is there already, and is not overwritten", path.display());
        return Err(Failure::new(ExitStatus::Output, message)
            .with_hint("name another file with --output, or - for stdout"));
    }
    let is_found = found.as_ref() == Some(&path);
    Ok(Target::File { path, is_found })
}

/// Analyses what was read, as `analyze` does without a config.
fn draft<'a>(
    reading: &'a Reading,
    offset: Option<offset::Carried>,
    catalog: &Catalog,
    (global, talk): (&Global, Talk),
) -> Result<Draft<'a>, Failure> {
    let (mut workloads, mut blanks) = (Vec::new(), Vec::new());
    if let Some(ingested) = &reading.ingested {
        let config = Config::default();
        let zone = global.time_zone.unwrap_or(Tz::UTC);
        let as_of = global.as_of.unwrap_or(ingested.window.end());
        let context = Context {
            catalog,
            policy: &config.policy,
            seed: global.seed,
            as_of,
            zone,
            search: Search::default(),
            stop: &AtomicBool::new(false),
        };
        let assembled = ingest::assemble(ingested, &config, catalog)?;
        let searches = vec![Search::Full; assembled.len()];
        let judged = Judged {
            context,
            decisions: None,
            billed_until: describe::billed_until(&assembled, ingested),
            keeps_all_hours: true,
        };
        workloads = advise_all(assembled, &searches, ingested, (&judged, talk))?.analysed;
        let run = RunFacts { ingested, catalog, zone, seed: global.seed, as_of };
        blanks = report::blanks(&workloads, run);
    }
    if !reading.unrated.is_empty() {
        reading::forget_amounts(&mut workloads, &mut blanks);
    }
    workloads.sort_by(|a, b| {
        let weight = |it: &Analysed| {
            let totals = &it.workload.totals;
            let hours = totals.gpu_hours.unwrap_or(0.0);
            (totals.effective_cost.map(Money::atto), hours, totals.requests)
        };
        let (a_weight, b_weight) = (weight(a), weight(b));
        (b_weight.0.cmp(&a_weight.0))
            .then(b_weight.1.total_cmp(&a_weight.1))
            .then(b_weight.2.cmp(&a_weight.2))
            .then_with(|| a.workload.name.cmp(&b.workload.name))
    });
    Ok(Draft { reading, workloads, blanks, zone: global.time_zone, offset })
}
