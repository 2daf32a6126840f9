//! The words of `decide`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;

use super::parse_date;
use crate::ingest::DecisionState;

/// Arguments of `decide`
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The report.json that analyze wrote, or its folder; without it four questions lead to a first guess
    #[arg(value_name = "REPORT.json", requires = "advice")]
    pub report: Option<PathBuf>,
    /// The advice: its id, its label such as S3, or the name of its workload
    #[arg(requires = "Verdict")]
    pub advice: Option<String>,
    /// What was decided
    #[command(flatten)]
    pub verdict: Option<Verdict>,
    /// Answers that are known already
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// Who answers for it
    #[arg(long, value_name = "NAME", value_parser = parse_words)]
    pub owner: Option<String>,
    /// When it is to be done
    #[arg(long, value_name = "DATE", value_parser = parse_date,
        conflicts_with_all = ["reject", "snooze", "done"])]
    pub due: Option<NaiveDate>,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = parse_words)]
    pub reason: Option<String>,
    /// Decisions file [default: decisions.toml beside --config, else in this folder]
    #[arg(long, value_name = "FILE")]
    pub decisions: Option<PathBuf>,
}

/// Answers to the four questions; what is not answered here is asked
#[derive(Debug, Args)]
#[command(next_help_heading = "Without a report")]
pub struct AnswerArgs {
    /// What runs: real-time, batch, fine-tuning or training
    #[arg(long, value_name = "WORD", conflicts_with = "report")]
    pub work: Option<String>,
    /// The model: a Hugging Face id of the catalog
    #[arg(long, value_name = "ID", conflicts_with = "report")]
    pub model: Option<String>,
    /// Requests at once at the peak; for training 1
    #[arg(long, value_name = "N", conflicts_with = "report")]
    pub at_once: Option<String>,
    /// Hours a day with work, such as 9 or '3 bursts'
    #[arg(long, value_name = "HOURS", conflicts_with = "report")]
    pub hours: Option<String>,
}

/// What was decided: one of these
#[derive(Debug, Args)]
#[group(id = "Verdict", required = false, multiple = false)]
pub struct Verdict {
    /// It is to be done
    #[arg(long)]
    accept: bool,
    /// It is not to be done
    #[arg(long)]
    reject: bool,
    /// Ask again from this day on
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    snooze: Option<NaiveDate>,
    /// It was done
    #[arg(long)]
    done: bool,
}

impl Verdict {
    /// The one that was named.
    pub fn state(&self) -> DecisionState {
        match (self.snooze, self.accept, self.reject) {
            (Some(until), _, _) => DecisionState::Snoozed(until),
            (None, true, _) => DecisionState::Accepted,
            (None, false, true) => DecisionState::Rejected,
            (None, false, false) => DecisionState::Done,
        }
    }
}

fn parse_words(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Command};
    use crate::ingest::DecisionState;

    #[test]
    fn one_verdict_is_named() {
        let parse = |words: &[&str]| {
            let all = [&["gpuadvise", "decide", "report.json", "S3"], words].concat();
            Cli::try_parse_from(all).ok().and_then(|it| match it.command {
                Command::Decide(args) => args.verdict.map(|it| it.state()),
                _ => None,
            })
        };
        assert_eq!(parse(&["--accept", "--due", "2026-12-01"]), Some(DecisionState::Accepted));
        assert_eq!(parse(&["--reject"]), Some(DecisionState::Rejected));
        assert_eq!(parse(&["--done"]), Some(DecisionState::Done));
        let day = "2026-12-01".parse().unwrap();
        assert_eq!(parse(&["--snooze", "2026-12-01"]), Some(DecisionState::Snoozed(day)));
        for words in [
            &[][..],
            &["--accept", "--reject"],
            &["--reject", "--due", "2026-12-01"],
            &["--snooze", "soon"],
            &["--accept", "--owner", " "],
        ] {
            assert_eq!(parse(words), None, "{words:?}");
        }
    }
}
