//! `gpuadvise collect`: prints, and never runs, the commands that export the user's data.

mod chunk;
mod recipe;
mod show;
#[cfg(test)]
mod tests;
mod window;

use std::time::{Duration, UNIX_EPOCH};

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::json;

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, output};
use crate::cli::{CollectArgs, Format, Global};
use crate::units::Timestamp;
use window::Window;

pub(super) fn run(args: &CollectArgs, global: &Global, _talk: Talk) -> CommandResult {
    let window = window(args, global.as_of)?;
    let text = match &args.source {
        None => list(global.format)?,
        Some(name) => commands(name, window, global.format)?,
    };
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// The days asked for, else the month that ended last before `--as-of` or today.
fn window(args: &CollectArgs, as_of: Option<Timestamp>) -> Result<Window, Failure> {
    if let (Some(start), Some(end)) = (args.start, args.end) {
        return Window::new(start, end, args.step).map_err(|message| {
            Failure::usage(message, "give --start and --end as dates; the end is excluded")
        });
    }
    let as_of = as_of.map_or_else(today, |it| it.in_zone(Tz::UTC).date());
    Ok(Window::last_full_month(as_of, args.step))
}

/// The one look at the clock of this command: a bill is wanted for the month just over.
#[expect(clippy::disallowed_methods, reason = "the shell may read the clock; --as-of replaces it")]
pub(in crate::command) fn today() -> NaiveDate {
    // A clock before 1970 is broken; any month is as good as another then.
    let since_epoch: Duration =
        std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or_default();
    Timestamp::from_s(seconds).in_zone(Tz::UTC).date()
}

/// The sources there are.
fn list(format: Format) -> Result<String, Failure> {
    let topics = recipe::topics();
    match format {
        Format::Table => Ok(show::list(&topics)),
        Format::Md => Ok(show::list_md(&topics)),
        Format::Json => {
            let sources: Vec<_> = topics
                .iter()
                .flat_map(|topic| topic.recipes.iter().map(|it| (topic.question, it)))
                .map(|(question, it)| {
                    json!({
                        "name": it.name, "question": question, "gives": it.gives,
                        "who": it.who, "takes": it.takes,
                    })
                })
                .collect();
            as_json(&json!(sources))
        }
        Format::Csv | Format::Html => Err(no_such_format()),
    }
}

/// The recipe of one source.
fn commands(name: &str, window: Window, format: Format) -> Result<String, Failure> {
    let recipe = recipe::recipe(name, window).map_err(|near| {
        let hint = if near.is_empty() {
            "`gpuadvise collect` lists the sources".to_owned()
        } else {
            format!("did you mean {}? `gpuadvise collect` lists all", near.join(", "))
        };
        Failure::usage(format!("no source `{name}`"), hint)
    })?;
    match format {
        Format::Table => Ok(show::script(&recipe, window)),
        Format::Md => Ok(show::section(&recipe)),
        Format::Json => {
            let days = json!({
                "start": window.start().to_string(),
                "end": window.end().to_string(),
            });
            as_json(&json!({"window": recipe.windowed.then_some(days), "recipe": recipe}))
        }
        Format::Csv | Format::Html => Err(no_such_format()),
    }
}

fn as_json(value: &serde_json::Value) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(ExitStatus::Bug, error))?;
    text.push('\n');
    Ok(text)
}

fn no_such_format() -> Failure {
    Failure::usage("commands have no such format", "use --format table, md or json")
}
