//! `gpuadvise decide`: writes down what was decided about a piece of advice.

mod tree;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, output, past_report};
use crate::cli::{DecideArgs, Format, Global, Verdict};
use crate::ingest::{self, Decision, DecisionState, Decisions, Promise};
use crate::report::{self, WrittenAdvice, WrittenReport};

/// The file name of the decisions.
const DECISIONS_NAME: &str = "decisions.toml";

pub(super) fn run(args: &DecideArgs, global: &Global, talk: Talk) -> CommandResult {
    let (Some(path), Some(asked), Some(verdict)) = (&args.report, &args.advice, &args.verdict)
    else {
        return tree::run(&args.answers, global, talk);
    };
    refuse(global)?;
    let report = past_report::read(path, WrittenReport::read)?;
    let beside = global.config.as_deref().map(|it| it.with_file_name(DECISIONS_NAME));
    let path = args.decisions.clone().or(beside).unwrap_or_else(|| PathBuf::from(DECISIONS_NAME));
    let text = if path.exists() { text_of(&path)? } else { String::new() };
    let decisions = parse(&text, &path)?;
    let decided = global.as_of.map_or(report.as_of, |it| it.in_zone(Tz::UTC).date());
    let decision = decision((args, asked, verdict), &report, &decisions, decided)?;
    for it in past_days(&decision, decided) {
        talk.warn(&it);
    }
    let place = decisions.place(&decision.advice);
    let new = write::changed(&text, place, &decision);
    let mut expected = decisions;
    match place.and_then(|it| expected.list.get_mut(it)) {
        Some(entry) => *entry = decision.clone(),
        None => expected.list.push(decision.clone()),
    }
    // Whatever form the file has: nothing is written that does not read back as it is meant.
    if parse(&new, &path).ok().as_ref() != Some(&expected) {
        let message = anyhow::anyhow!("{}: the form of this file is not known", path.display());
        return Err(Failure::new(ExitStatus::Input, message).with_hint(
            "write each decision as a [[decision]] with one key a line; docs/decisions.md has an example",
        ));
    }
    output::to_file_or_stdout(Some(&path), new.as_bytes())?;
    output::to_stdout(said(&decision, &path).as_bytes())?;
    Ok(ExitStatus::Done)
}

/// Days that are over when they are decided on: most likely a slip of the pen.
fn past_days(decision: &Decision, decided: NaiveDate) -> Vec<String> {
    let until = match decision.state {
        DecisionState::Snoozed(until) => Some(("until", until)),
        _ => None,
    };
    let due = decision.due.filter(|_| decision.state == DecisionState::Accepted);
    let days = due.map(|due| ("due", due)).into_iter().chain(until);
    let over = days.filter(|it| it.1 < decided);
    over.map(|(what, day)| format!("{what} {day} is before {decided}, the day of the report"))
        .collect()
}

/// Flags that decide has no use for: saying nothing of them would mislead.
fn refuse(global: &Global) -> Result<(), Failure> {
    if global.output.is_some() {
        return Err(Failure::usage(
            "decide writes the decisions file, and nothing else",
            "drop --output; --decisions names the file",
        ));
    }
    if global.format != Format::Table {
        return Err(Failure::usage("decide writes TOML, and no other format", "drop --format"));
    }
    if global.redact {
        return Err(Failure::usage("a decision needs the names themselves", "drop --redact"));
    }
    Ok(())
}

/// The file that `analyze` keeps to: the one named, else the one beside another, if there.
pub(super) fn decisions_file(named: Option<&Path>, beside: Option<&Path>) -> Option<PathBuf> {
    let found = beside.map(|it| it.with_file_name(DECISIONS_NAME)).filter(|it| it.is_file());
    named.map(Path::to_owned).or(found)
}

/// What was decided, from a file.
pub(super) fn read_decisions(path: &Path) -> Result<Decisions, Failure> {
    parse(&text_of(path)?, path)
}

fn text_of(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::new(ExitStatus::Input, anyhow::anyhow!("{}: {error}", path.display()))
            .with_hint("check the path given to --decisions, and that it is text in UTF-8")
    })
}

fn parse(text: &str, path: &Path) -> Result<Decisions, Failure> {
    ingest::parse_decisions(text, &path.display().to_string()).map_err(|error| {
        Failure::new(ExitStatus::Input, error)
            .with_hint("mend the line; docs/decisions.md lists every key with an example")
    })
}

/// The decision as it will stand in the file. What was promised stays as it was promised.
fn decision(
    (args, asked, verdict): (&DecideArgs, &str, &Verdict),
    report: &WrittenReport,
    decisions: &Decisions,
    decided: NaiveDate,
) -> Result<Decision, Failure> {
    let state = verdict.state();
    let (advice, workload, fresh) = match report.find(asked) {
        Some(found) => {
            let found = decidable(found)?;
            (found.id.clone(), found.workload.clone(), Some(promise(found)))
        }
        // Done is told when the advice is gone from the reports.
        None => match decisions.place(asked).and_then(|it| decisions.list.get(it)) {
            Some(old) => (old.advice.clone(), old.workload.clone(), None),
            None => return Err(unknown(asked, report)),
        },
    };
    let old = decisions.place(&advice).and_then(|it| decisions.list.get(it));
    let promises = matches!(state, DecisionState::Accepted | DecisionState::Done);
    let same = old.filter(|it| it.state == state);
    Ok(Decision {
        advice,
        workload,
        state,
        owner: args.owner.clone().or_else(|| old?.owner.clone()),
        due: args.due.or_else(|| old?.due).filter(|_| promises),
        reason: args.reason.clone().or_else(|| same?.reason.clone()),
        decided: Some(decided),
        promise: old.and_then(|it| it.promise.clone()).or(fresh).filter(|_| promises),
    })
}

fn promise(advice: &WrittenAdvice) -> Promise {
    Promise {
        monthly_savings: advice.monthly_savings,
        monthly_cost: advice.monthly_cost,
        unit: advice.unit.clone(),
    }
}

fn decidable(advice: &WrittenAdvice) -> Result<&WrittenAdvice, Failure> {
    if advice.label.is_some() {
        return Ok(advice);
    }
    let message = match advice.action.as_str() {
        "keep" => format!("the advice for {} is to keep it as it is", advice.workload),
        _ => format!("there is too little data to advise anything for {}", advice.workload),
    };
    Err(Failure::new(ExitStatus::Input, anyhow::Error::msg(message))
        .with_hint("decide on advice that saves something: S1, S2, ... in the report"))
}

fn unknown(words: &str, report: &WrittenReport) -> Failure {
    let hint = match report.nearest(words) {
        Some(near) => format!(
            "the nearest is {}, {} in the report, for {}",
            near.id,
            near.label.as_deref().unwrap_or_default(),
            near.workload
        ),
        None => "the report advises nothing that could be decided".to_owned(),
    };
    let message = anyhow::anyhow!("the report has no advice `{words}`");
    Failure::new(ExitStatus::Input, message).with_hint(hint)
}

/// What was written and where, and how analyze finds it.
fn said(decision: &Decision, path: &Path) -> String {
    let state = match decision.state {
        DecisionState::Snoozed(until) => format!("snoozed until {until}"),
        other => other.as_str().to_owned(),
    };
    let promised = decision.promise.as_ref().map(|it| {
        let amount = report::money(it.monthly_savings);
        format!(", promised {amount} {} a month", it.monthly_savings.currency())
    });
    format!(
        "{} for {}: {state}{}, in {}\nanalyze reads the file with --decisions, or by itself where it lies beside \
         the config or the first input\n",
        decision.advice,
        report::plain(&decision.workload),
        promised.unwrap_or_default(),
        path.display()
    )
}
