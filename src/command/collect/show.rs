//! Shows the list of sources and a recipe, as a shell script with comments or as Markdown.

use std::fmt::Write;

use super::recipe::{Lang, Recipe, Step, Topic};
use super::window::Window;

/// Columns of prose.
const COLUMNS: usize = 78;

/// The sources under their questions, 80 columns wide.
pub(super) fn list(topics: &[Topic]) -> String {
    let mut text = format!("{:<16} {:<6} {:<11} {}\n", "SOURCE", "WHO", "TAKES", "GIVES");
    for topic in topics {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{}", topic.question);
        for it in &topic.recipes {
            let _ = writeln!(text, "{:<16} {:<6} {:<11} {}", it.name, it.who, it.takes, it.gives);
        }
    }
    text.push_str(
        "`gpuadvise collect SOURCE` prints its commands. None is run, nothing is sent.\n\
         A bill is enough to begin; requests and GPU activity make the advice firm.\n",
    );
    text
}

/// The sources as a Markdown table.
pub(super) fn list_md(topics: &[Topic]) -> String {
    let mut text = "| source | who | takes | gives |\n| --- | --- | --- | --- |\n".to_owned();
    for topic in topics {
        let _ = writeln!(text, "| **{}** | | | |", topic.question);
        for it in &topic.recipes {
            let _ = writeln!(text, "| `{}` | {} | {} | {} |", it.name, it.who, it.takes, it.gives);
        }
    }
    text
}

/// A script for any POSIX shell: all that is no command is a comment.
pub(super) fn script(recipe: &Recipe, window: Window) -> String {
    let mut text = String::new();
    comment(&mut text, &format!("{}: {}", recipe.name, recipe.gives), "");
    if recipe.windowed {
        comment(&mut text, &format!("Window: {}", days(window)), "");
    }
    comment(&mut text, &format!("Who: {}, {}", recipe.who, recipe.takes), "");
    comment(&mut text, &format!("Size: {}", recipe.size), "");
    comment(&mut text, &format!("Needs: {}", recipe.permission), "");
    let how = "Nothing was run. Keep it as a file for sh, or paste the lines without a #.";
    comment(&mut text, how, "");
    for (number, step) in (1..).zip(&recipe.steps) {
        text.push('\n');
        comment(&mut text, &format!("{number}. {}", step.title), "   ");
        block(&mut text, step);
    }
    text.push_str("\n# Beware:\n");
    for pitfall in &recipe.pitfalls {
        comment(&mut text, &format!("- {pitfall}"), "  ");
    }
    text.push_str("\n# Then:\n");
    let command = wrapped(&recipe.reads_with, COLUMNS - 4, "  ").join(" \\\n#   ");
    let _ = writeln!(text, "#   {command}");
    text
}

/// A section of Markdown.
pub(super) fn section(recipe: &Recipe) -> String {
    let mut text = format!("### `{}`\n\n", recipe.name);
    let _ = writeln!(text, "Gives {}. {}, {}.", recipe.gives, capital(&recipe.who), recipe.takes);
    let _ = writeln!(text, "Size: {}.\nNeeds: {}.", recipe.size, recipe.permission);
    for step in &recipe.steps {
        let lang = match step.lang {
            Lang::Sh => "sh",
            Lang::Toml => "toml",
        };
        let _ = writeln!(text, "\n{}:\n\n```{lang}\n{}\n```", step.title, step.text);
    }
    text.push_str("\nBeware:\n\n");
    for pitfall in &recipe.pitfalls {
        let _ = writeln!(text, "{}", wrapped(&format!("- {pitfall}"), 118, "  ").join("\n"));
    }
    let _ = writeln!(text, "\nThen: `{}`", recipe.reads_with);
    text
}

/// The window in words.
fn days(window: Window) -> String {
    format!("{} to {}, end excluded, UTC (--start, --end)", window.start(), window.end())
}

fn block(text: &mut String, step: &Step) {
    for line in step.text.lines() {
        let _ = match step.lang {
            Lang::Sh => writeln!(text, "{line}"),
            Lang::Toml => writeln!(text, "#   {line}"),
        };
    }
}

fn comment(text: &mut String, words: &str, indent: &str) {
    for line in wrapped(words, COLUMNS - 2, indent) {
        let _ = writeln!(text, "# {line}");
    }
}

/// The words on lines of at most `columns`, all but the first indented; a longer word has its own.
fn wrapped(words: &str, columns: usize, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{indent}{word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
}
