//! The recipes as data: which sources there are, and what each takes.

use serde::{Deserialize, Serialize};

use super::window::Window;
use crate::catalog::edit_distance;

/// The questions data answer, and the files with the sources that answer them.
const TOPICS: [(&str, &[&str]); 4] = [
    ("What does it cost?", &[include_str!("cost.toml"), include_str!("aws.toml")]),
    ("Who asks for it?", &[include_str!("demand.toml")]),
    ("What do the GPUs do?", &[include_str!("gpus.toml")]),
    ("What runs where?", &[include_str!("cluster.toml")]),
];

/// The sources that answer one question.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Topic {
    pub(super) question: &'static str,
    pub(super) recipes: Vec<Recipe>,
}

/// How to get the data of one source.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    /// What `gpuadvise collect NAME` calls it.
    pub(super) name: String,
    /// What is in the data, in a few words.
    pub(super) gives: String,
    /// Who can run it: you, or whoever owns the bill.
    pub(super) who: String,
    /// How long it takes, in words.
    pub(super) takes: String,
    /// How much comes out, in words.
    pub(super) size: String,
    /// What must be allowed or at hand.
    pub(super) permission: String,
    /// The commands, in their order.
    #[serde(rename(deserialize = "step", serialize = "steps"))]
    pub(super) steps: Vec<Step>,
    /// What goes wrong or misleads, one sentence or two each.
    pub(super) pitfalls: Vec<String>,
    /// The `gpuadvise analyze` line for the result.
    pub(super) reads_with: String,
    /// Whether a window cuts the data; known once filled.
    #[serde(skip)]
    pub(super) windowed: bool,
}

/// One block to paste.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// What it does.
    pub(super) title: String,
    /// What it is written in.
    #[serde(default)]
    pub(super) lang: Lang,
    /// The lines, without a comment among them: zsh runs a pasted `#` as a command.
    pub(super) text: String,
}

/// The language of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Lang {
    /// For any POSIX shell.
    #[default]
    Sh,
    /// For `gpuadvise.toml`.
    Toml,
}

/// One file of sources.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    source: Vec<Recipe>,
}

/// Every source under its question, with the marks in place.
pub(super) fn topics() -> Vec<Topic> {
    let recipes = |text: &&str| {
        let file: File = toml::from_str(text).expect("the files are ours, and a test reads them");
        file.source
    };
    TOPICS
        .into_iter()
        .map(|(question, files)| Topic {
            question,
            recipes: files.iter().flat_map(recipes).collect(),
        })
        .collect()
}

/// The recipe of that name for the window; without one the names that are close, best first.
pub(super) fn recipe(name: &str, window: Window) -> Result<Recipe, Vec<String>> {
    let all: Vec<Recipe> = topics().into_iter().flat_map(|it| it.recipes).collect();
    match all.iter().find(|it| it.name == name) {
        Some(found) => Ok(found.filled(window)),
        None => Err(near(&name.to_lowercase(), &all)),
    }
}

impl Recipe {
    /// The recipe with every mark replaced.
    pub(super) fn filled(&self, window: Window) -> Recipe {
        let fill = |text: &String| window.fill(text);
        let step = |it: &Step| Step {
            title: fill(&it.title),
            lang: it.lang,
            text: fill(&it.text).trim_matches('\n').to_owned(),
        };
        Recipe {
            windowed: self.steps.iter().any(|it| window.fill(&it.text) != it.text),
            steps: self.steps.iter().map(step).collect(),
            pitfalls: self.pitfalls.iter().map(fill).collect(),
            reads_with: fill(&self.reads_with),
            ..self.clone()
        }
    }
}

/// At most three names one part of which is the word, or a few letters away from it, or whose
/// description has the word.
fn near(word: &str, all: &[Recipe]) -> Vec<String> {
    let reach = (word.chars().count() / 3).max(1);
    let distance = |recipe: &Recipe| {
        let parts = recipe.name.split('-').chain([recipe.name.as_str()]);
        let least = parts.map(|it| edit_distance(word, it)).min()?;
        let described = word.len() > 2
            && (recipe.name.contains(word) || recipe.gives.to_lowercase().contains(word));
        (described || least <= reach).then_some(least)
    };
    let mut found: Vec<(usize, &str)> =
        all.iter().filter_map(|it| Some((distance(it)?, it.name.as_str()))).collect();
    // Stable: names equally near stay in the order of the list.
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, name)| name.to_owned()).take(3).collect()
}
