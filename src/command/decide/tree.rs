//! `gpuadvise decide` without a report: four questions in a terminal, each answered with the numbers behind it.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write as _};

use serde_json::json;

use super::super::failure::{ExitStatus, Failure};
use super::super::talk::Talk;
use super::super::{CommandResult, inputs, output};
use crate::catalog::{Catalog, ModelArch};
use crate::cli::{AnswerArgs, Format, Global};
use crate::deploy::lines;
use crate::deploy::tree::{self, Holds, Hours, Way, Work};
use crate::report;

/// How often a question is put before it is given up.
const TRIES: usize = 3;

pub(super) fn run(args: &AnswerArgs, global: &Global, talk: Talk) -> CommandResult {
    if !matches!(global.format, Format::Table | Format::Json) {
        return Err(Failure::usage("decide has a text and JSON", "use --format table or json"));
    }
    let catalog = inputs::read_catalog(global.pricing.as_deref())?;
    let shown = Shown { live: global.format == Format::Table && global.output.is_none(), talk };
    let mut text = String::new();

    let work = shown.ask(
        "1. What runs? real-time, batch, fine-tuning or training",
        ("--work", args.work.as_deref()),
        |it| {
            Work::parse(it)
                .ok_or_else(|| "one of real-time, batch, fine-tuning, training".to_owned())
        },
    )?;
    shown.say(&mut text, &format!("1. {}", work.word()), &tree::of_work(work, &catalog))?;

    let model = shown.ask(
        "2. Which model? a Hugging Face id, such as meta-llama/Meta-Llama-3.1-8B",
        ("--model", args.model.as_deref()),
        |it| known(&catalog, it),
    )?;
    let facts = tree::of_model(work, model, &catalog).map_err(unsized_model)?;
    shown.say(&mut text, &format!("2. {}", model.id), &facts)?;

    let at_once = if matches!(work, Work::RealTime | Work::Batch) {
        shown.ask(
            "3. How many requests at once, at the peak?",
            ("--at-once", args.at_once.as_deref()),
            |it| match it.trim().parse::<u32>() {
                Ok(n) if (1..=1_000_000).contains(&n) => Ok(n),
                _ => Err("a whole number from 1".to_owned()),
            },
        )?
    } else {
        1
    };
    let all = tree::of_load(work, model, at_once, &catalog).map_err(unsized_model)?;
    let title = match work {
        Work::RealTime | Work::Batch => {
            format!(
                "3. {at_once} at once; requests of 4,096 tokens at most, 2 s to the first and 0.2 s for each further token where somebody waits"
            )
        }
        Work::FineTuning | Work::Training => "3. the GPUs that hold it, cheapest first".to_owned(),
    };
    shown.say(&mut text, &title, &holds_table(&all))?;
    let Some(best) = all.first() else { return Ok(ExitStatus::Done) };

    let hours = shown.ask(
        "4. How many hours a day is there work? such as 9, or '3 bursts' where quiet and busy minutes mix",
        ("--hours", args.hours.as_deref()),
        |it| Hours::parse(it).ok_or_else(|| "hours from 0 to 24, with `bursts` after them where it comes so".to_owned()),
    )?;
    let ways = tree::of_hours(work, best, hours, &catalog);
    let bursts = if hours.bursts { ", in bursts" } else { "" };
    let title = format!("4. {} hours a day{bursts}, on {}", hours.per_day, best.sentence());
    shown.say(&mut text, &title, &ways_table(&ways))?;
    let end = end(hours, &ways, &catalog);
    shown.say(&mut text, "so", &end)?;

    if global.format == Format::Json {
        let all = json!({
            "work": work, "model": model.id, "at_once": at_once, "hours": hours,
            "deployments": all, "ways": ways, "rule_of_thumb": tree::by_the_rule(hours, &catalog),
        });
        text = format!("{all:#}\n");
    }
    if !shown.live {
        output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    }
    Ok(ExitStatus::Done)
}

fn end(hours: Hours, ways: &[Way], catalog: &Catalog) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(way) = ways.first() {
        all.push(format!(
            "the cheapest is {}: {} a month",
            way.way,
            report::money(way.monthly_cost)
        ));
    }
    all.push(format!("the rule of thumb says {}", tree::by_the_rule(hours, catalog)));
    all.push(
        "this is a first guess: with a request log or a bill, `gpuadvise analyze` replays every request, waits and starts included"
            .to_owned(),
    );
    all
}

fn known<'a>(catalog: &'a Catalog, id: &str) -> Result<&'a ModelArch, String> {
    catalog.model(id.trim()).ok_or_else(|| match catalog.suggest_model(id.trim()).as_slice() {
        [] => "an id of the catalog; `gpuadvise size config.json` sizes any other".to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    })
}

fn unsized_model(why: String) -> Failure {
    Failure::usage(why, "choose a smaller model, or size it with `gpuadvise size`")
}

fn holds_table(all: &[Holds]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<20} {:>4} {:<5} {:>6} {:>5} {:>9} {:>10}  {}",
        "GPU", "GPUS", "FORM", "SLOTS", "INST", "USD/H", "USD/MONTH", "PRICE OF"
    )];
    for it in all {
        let rate = it.rate.to_f64();
        let slots = it.slots.map_or_else(|| "-".to_owned(), |it| it.to_string());
        lines.push(format!(
            "{:<20} {:>4} {:<5} {slots:>6} {:>5} {rate:>9.4} {:>10.2}  {}",
            it.gpu.chars().take(20).collect::<String>(),
            it.gpus,
            it.precision,
            it.instances,
            rate * f64::from(it.instances) * 730.0,
            it.as_of
        ));
    }
    if let Some(first) = all.first() {
        lines.push(format!("the first by {}", first.offer_id));
    }
    lines
}

fn ways_table(ways: &[Way]) -> Vec<String> {
    let mut lines = Vec::new();
    for it in ways {
        lines.push(format!("{:>12} a month  {}", report::money(it.monthly_cost), it.way));
        // Beside the columns of the amounts, so that they stay apart.
        lines.extend(
            crate::deploy::lines(&it.because, 54).iter().map(|line| format!("{:24}{line}", "")),
        );
    }
    lines
}

/// Where questions go and answers come from.
struct Shown {
    /// Whether each answer is followed by its numbers at once.
    live: bool,
    talk: Talk,
}

impl Shown {
    /// The answer of the command line, else of the next line of standard input.
    fn ask<T>(
        &self,
        question: &str,
        (flag, given): (&str, Option<&str>),
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        if let Some(given) = given {
            return parse(given)
                .map_err(|how| Failure::usage(format!("`{given}` does not answer {flag}"), how));
        }
        let stdin = std::io::stdin();
        for _ in 0..TRIES {
            if stdin.is_terminal() {
                Talk::prompt(question);
            }
            let mut line = String::new();
            let n = stdin.lock().read_line(&mut line).unwrap_or(0);
            if n == 0 {
                return Err(Failure::usage(
                    format!("no answer to: {question}"),
                    format!("answer it in a terminal, or with {flag}"),
                ));
            }
            match parse(line.trim()) {
                Ok(answer) => return Ok(answer),
                Err(how) if stdin.is_terminal() => self.talk.warn(&how),
                Err(how) => {
                    let line: String = line.trim().chars().take(40).collect();
                    return Err(Failure::usage(
                        format!("`{line}` does not answer: {question}"),
                        how,
                    ));
                }
            }
        }
        Err(Failure::usage(format!("no answer to: {question}"), format!("or give it with {flag}")))
    }

    /// The answer with its numbers: at once in a terminal, else kept for the end.
    fn say(&self, text: &mut String, title: &str, facts: &[String]) -> Result<(), Failure> {
        let mut block = String::new();
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(block, "{title}");
        for fact in facts {
            // Tables keep their columns.
            let wide = fact.contains("  ");
            let shown = if wide { vec![fact.clone()] } else { lines(fact, 76) };
            for (at, line) in shown.iter().enumerate() {
                let _ = writeln!(block, "{}{line}", if at == 0 { "  " } else { "    " });
            }
        }
        text.push_str(&block);
        if self.live {
            output::to_stdout(block.as_bytes())?;
            let _ = std::io::stdout().flush();
        }
        Ok(())
    }
}
