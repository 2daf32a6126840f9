//! What `analyze` was told besides its files, as far as it changes a number: the words that make the
//! report again.

use std::path::Path;

use crate::cli::{AnalyzeArgs, Global, MAX_REJECTED_PERCENT};

/// The words in the order of the help, without the seed and the day, which a report always has. Files are
/// named without their folder, as the inputs are, and not at all where names are replaced.
pub(super) fn arguments(args: &AnalyzeArgs, global: &Global) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut say = |flag: &str, value: Option<String>| {
        words.push(flag.to_owned());
        words.extend(value);
    };
    let part = &args.input.part;
    for (flag, value) in [("--since", &part.since), ("--until", &part.until)] {
        if let Some(value) = value {
            say(flag, Some(value.clone()));
        }
    }
    if let Some(month) = &part.month {
        say("--month", Some(month.clone()).filter(|it| !it.is_empty()));
    }
    if (part.max_rejected - MAX_REJECTED_PERCENT).abs() > f64::EPSILON {
        say("--max-rejected", Some(part.max_rejected.to_string()));
    }
    // A redacted report leaves decisions and an earlier report out.
    let named = |it: &Option<_>| it.as_deref().filter(|_| !global.redact).map(name);
    let files = [
        ("--config", global.config.as_deref().map(|it| hidden("CONFIG", it, global.redact))),
        ("--pricing", global.pricing.as_deref().map(|it| hidden("DIR", it, global.redact))),
        ("--decisions", named(&args.decisions)),
        ("--previous", named(&args.previous)),
    ];
    for (flag, file) in files {
        if let Some(file) = file {
            say(flag, Some(file));
        }
    }
    if let Some(zone) = global.time_zone {
        say("--time-zone", Some(zone.name().to_owned()));
    }
    if global.redact {
        say("--redact", None);
    }
    if let Some(seconds) = args.time_budget {
        say("--time-budget", Some(seconds.to_string()));
    }
    if args.exhaustive {
        say("--exhaustive", None);
    }
    if let Some(n) = args.full_search {
        say("--full-search", Some(n.to_string()));
    }
    for it in &args.commitment {
        say("--commitment", Some(format!("{}/{}/{}", it.provider, it.instance_type, it.n)));
    }
    for it in &args.what_if {
        say("--what-if", Some(it.to_string()));
    }
    words
}

/// A file without its folder; a report with the folder that tells it from others.
fn name(path: &Path) -> String {
    let last = |it: &Path| it.file_name().map(|it| it.to_string_lossy().into_owned());
    let file = last(path).unwrap_or_default();
    match path.parent().and_then(last).filter(|_| file == "report.json") {
        Some(folder) => format!("{folder}/{file}"),
        None => file,
    }
}

fn hidden(word: &str, path: &Path, redact: bool) -> String {
    if redact { word.to_owned() } else { name(path) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn of(words: &str) -> String {
        let all = ["gpuadvise", "analyze", "usage.csv"].into_iter().chain(words.split_whitespace());
        let cli = Cli::parse_from(all);
        let Command::Analyze(args) = &cli.command else { unreachable!() };
        arguments(args, &cli.global).join(" ")
    }

    #[test]
    fn all_that_changes_a_number_is_said() {
        assert_eq!(of(""), "");
        assert_eq!(of("--threads 2 --quiet --seed 7 --as-of 2026-11-01 --output x"), "");
        for words in [
            "--since 7d --until 2026-11-01",
            "--month 2026-10",
            "--month --exhaustive",
            "--max-rejected 2.5",
            "--config prod.toml --pricing prices --decisions d.toml --previous september",
            "--time-zone Europe/Berlin",
            "--time-budget 9",
            "--commitment aws/p5.48xlarge/2 --what-if chat:demand=+50% --what-if cold-start=30s",
        ] {
            assert_eq!(of(words), words);
        }
    }

    #[test]
    fn no_folder_is_told_and_no_file_of_a_redacted_report() {
        assert_eq!(
            of("--config /home/ann/prod.toml --previous reports/september/report.json"),
            "--config prod.toml --previous september/report.json"
        );
        assert_eq!(
            of("--redact --config /home/ann/prod.toml --pricing acme --decisions ann.toml"),
            "--config CONFIG --pricing DIR --redact"
        );
    }
}
