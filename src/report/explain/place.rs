//! Where a value stands in a report, written as people write it, and found again.

use serde_json::Value;

use super::super::{clip, plain};
use crate::catalog::suggest;

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A field of an object.
    Key(String),
    /// An entry of a list.
    At(usize),
}

/// A value and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// The way from the top.
    pub(super) steps: Vec<Step>,
    /// What stands there.
    pub(super) value: &'a Value,
}

/// What a path names that the report does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// As far as there is something; empty at the top.
    pub(super) inside: String,
    /// The word that is not there.
    pub(super) wanted: String,
    /// Whole paths near to it.
    pub(super) near: Vec<String>,
}

/// Fields that name an entry of a list, the first that is there.
const NAMES: [&str; 10] = [
    "name",
    "id",
    "offer_id",
    "key",
    "part",
    "file",
    "charge_category",
    "currency",
    "source",
    "finding",
];
/// Longest name that stands for an index in a written path.
const LONGEST_NAME: usize = 32;
/// The word for the plan that the advice names.
const ADVISED: &str = "advised";

/// Looks up `workloads[chat].plans[today].monthly_cost`. Brackets hold the name, the slug or the
/// number of an entry, from 0; dots do as well.
pub(super) fn find<'a>(root: &'a Value, text: &str) -> Result<Place<'a>, Missing> {
    let mut here = Place { steps: Vec::new(), value: root };
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = next_word(here.value, rest);
        let step = match here.value {
            Value::Array(list) => pick(root, &here.steps, list, word).map(Step::At),
            Value::Object(map) => map.contains_key(word).then(|| Step::Key(word.to_owned())),
            _ => None,
        };
        let next = step.and_then(|step| Some((inside(here.value, &step)?, step)));
        let Some((value, step)) = next else { return Err(missing(root, &here, word)) };
        here.steps.push(step);
        here.value = value;
        rest = after;
    }
    Ok(here)
}

/// The next word of a path, without its brackets or its dot, and what follows.
fn next_word<'t>(here: &Value, text: &'t str) -> (&'t str, &'t str) {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    if let Some(opened) = text.strip_prefix('[') {
        let close = opened.match_indices(']').find(|it| ends(&opened[it.0 + 1..]));
        if let Some((at, _)) = close {
            return (&opened[..at], &opened[at + 1..]);
        }
    }
    let text = text.strip_prefix('.').unwrap_or(text);
    // A name may hold dots itself: the longest that fits is meant.
    let named = here.as_array().into_iter().flatten().flat_map(names);
    let fits = |it: &&str| text.strip_prefix(it).is_some_and(ends);
    if let Some(name) = named.filter(fits).max_by_key(|it| it.len()) {
        return text.split_at(name.len());
    }
    text.split_at(text.find(['.', '[']).unwrap_or(text.len()))
}

fn names(entry: &Value) -> impl Iterator<Item = &str> {
    NAMES.into_iter().chain(["slug"]).filter_map(|key| entry.get(key)?.as_str())
}

/// The entry by its name, by what the advice calls it, or by its number.
fn pick(root: &Value, steps: &[Step], list: &[Value], word: &str) -> Option<usize> {
    let by_name = |word: &str| list.iter().position(|it| names(it).any(|name| name == word));
    by_name(word).or_else(|| {
        if word == ADVISED
            && let Some(id) = advised_plan(root, steps)
        {
            return by_name(id);
        }
        word.parse().ok().filter(|at| *at < list.len())
    })
}

/// The plan that the workload's advice names, where its plans are listed.
fn advised_plan<'a>(root: &'a Value, steps: &[Step]) -> Option<&'a str> {
    let [Step::Key(_), Step::At(at), .., Step::Key(list)] = steps else { return None };
    if list != "plans" {
        return None;
    }
    root.get("workloads")?.get(at)?.pointer("/advice/plan_id")?.as_str()
}

pub(super) fn inside<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match step {
        Step::Key(key) => value.get(key),
        Step::At(at) => value.get(at),
    }
}

fn missing(root: &Value, here: &Place<'_>, word: &str) -> Missing {
    let mut candidates: Vec<&str> = match here.value {
        Value::Object(map) => map.keys().map(String::as_str).collect(),
        Value::Array(list) => list.iter().filter_map(|it| names(it).next()).collect(),
        _ => Vec::new(),
    };
    if advised_plan(root, &here.steps).is_some() {
        candidates.push(ADVISED);
    }
    let found = suggest(&word.to_lowercase(), candidates.into_iter(), str::to_lowercase);
    let whole = |name: &str| {
        let step = match here.value {
            Value::Array(list) => Step::At(pick(root, &here.steps, list, name)?),
            _ => Step::Key(name.to_owned()),
        };
        Some(written(root, &[&here.steps[..], &[step]].concat()))
    };
    Missing {
        inside: written(root, &here.steps),
        wanted: clip(&plain(word), 60),
        near: found.into_iter().filter_map(whole).collect(),
    }
}

/// A path as [`find`] reads it: entries by name where one is short and theirs alone.
pub(super) fn written(root: &Value, steps: &[Step]) -> String {
    let mut text = String::new();
    let mut here = Some(root);
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Key(key) if text.is_empty() => text.clone_from(key),
            Step::Key(key) => text = format!("{text}.{key}"),
            Step::At(index) => {
                let list = here.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                text = format!("{text}[{}]", entry(root, &steps[..at], list, *index));
            }
        }
        here = here.and_then(|it| inside(it, step));
    }
    text
}

fn entry(root: &Value, steps: &[Step], list: &[Value], index: usize) -> String {
    let name = list.get(index).and_then(|it| names(it).next());
    if name.is_some() && name == advised_plan(root, steps) {
        return ADVISED.to_owned();
    }
    let plain = |it: &&str| {
        !it.is_empty()
            && it.chars().count() <= LONGEST_NAME
            && !it.contains(['[', ']'])
            && !it.chars().any(char::is_control)
            && pick(root, steps, list, it) == Some(index)
    };
    name.filter(plain).map_or_else(|| index.to_string(), str::to_owned)
}

/// A path with every entry of a list as `[]`: the form of the definitions.
pub(super) fn pattern(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if text.is_empty() => text.clone_from(key),
            Step::Key(key) => text = format!("{text}.{key}"),
            Step::At(_) => text.push_str("[]"),
        }
    }
    text
}

/// The places that a pattern of a definition means, seen from `subject`.
///
/// `.x` is beside the subject, `^.x` beside what it stands in. From the top, `[]` is the entry that
/// the subject is in, `[*]` is each, `[*word]` each that [`keeps`] the word, `[name]` that one, and `[*same]`
/// that of the workload that the subject is of.
pub(super) fn places<'a>(root: &'a Value, subject: &[Step], pattern: &str) -> Vec<Place<'a>> {
    let up = pattern.len() - pattern.trim_start_matches('^').len();
    let (mut found, words) = if let Some(rest) = pattern.trim_start_matches('^').strip_prefix('.') {
        let keep = subject.len().saturating_sub(1 + up);
        let base = subject[..keep].iter().try_fold(root, inside);
        let base = base.map(|value| Place { steps: subject[..keep].to_vec(), value });
        (base.into_iter().collect::<Vec<_>>(), rest)
    } else {
        (vec![Place { steps: Vec::new(), value: root }], pattern)
    };
    let same = workload_of(root, subject);
    let mut bound = subject.iter().filter(|it| matches!(it, Step::At(_)));
    let mut rest = words;
    while !rest.is_empty() {
        let in_brackets = rest.starts_with('[');
        let (word, after) = next_word(&Value::Null, rest);
        let own = if in_brackets && word.is_empty() { bound.next() } else { None };
        let next = |place: &Place<'a>| -> Vec<Place<'a>> {
            let steps: Vec<Step> = match (place.value, own, word.strip_prefix('*')) {
                (_, Some(step), _) => vec![step.clone()],
                (Value::Array(list), None, Some(filter)) => {
                    let is_kept = |it: &Value| match filter {
                        "same" => same.is_some_and(|name| names_workload(it) == Some(name)),
                        _ => keeps(filter, it),
                    };
                    let kept = list.iter().enumerate().filter(|it| is_kept(it.1));
                    kept.map(|it| Step::At(it.0)).collect()
                }
                (Value::Array(list), None, None) => {
                    pick(root, &place.steps, list, word).map(Step::At).into_iter().collect()
                }
                _ => vec![Step::Key(word.to_owned())],
            };
            let on = |step: Step| {
                let value = inside(place.value, &step)?;
                Some(Place { steps: [&place.steps[..], &[step]].concat(), value })
            };
            steps.into_iter().filter_map(on).collect()
        };
        found = found.iter().flat_map(next).collect();
        rest = after;
    }
    found
}

/// The workload that the nearest object around a place names.
fn workload_of<'a>(root: &'a Value, steps: &[Step]) -> Option<&'a str> {
    let mut here = Some(root);
    let around = steps.iter().map(|step| {
        here = here.and_then(|it| inside(it, step));
        here.and_then(|it| it.get("workload")?.as_str())
    });
    around.flatten().last()
}

/// The workload that an entry is, or is of.
fn names_workload(entry: &Value) -> Option<&str> {
    entry.get("name").or_else(|| entry.get("workload"))?.as_str()
}

/// Whether an entry is one of those that a word of a pattern means; without a word each is.
fn keeps(filter: &str, entry: &Value) -> bool {
    let confirmed = entry.get("confirmed").and_then(Value::as_bool) == Some(true);
    let missing = entry.get("finding").and_then(Value::as_str) == Some("data_missing");
    match filter {
        "confirmed" => confirmed,
        "to_investigate" => !confirmed && !missing,
        "data_missing" => missing,
        "tokens" => ["prompt_tokens", "completion_tokens"]
            .iter()
            .all(|it| entry.pointer("/baseline").is_some_and(|of| of[*it].is_u64())),
        "open" | "approved" | "rejected" | "snoozed" => {
            let decided = entry.pointer("/advice/decision/counts_as").and_then(Value::as_str);
            decided.unwrap_or("open") == filter
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn report() -> Value {
        json!({
            "totals": {"monthly_savings": "1.00"},
            "workloads": [
                {"name": "chat.prod", "slug": "chat-prod", "cost": 1,
                 "advice": {"plan_id": "b/1.2]x"},
                 "plans": [{"id": "today", "cost": 2}, {"id": "b/1.2]x", "cost": 3}]},
                {"name": "chat", "cost": 4, "advice": {"plan_id": null}, "plans": [],
                 "waste": [{"finding": "idle", "confirmed": true, "cost": 5},
                           {"finding": "data_missing", "confirmed": false, "cost": 6},
                           {"finding": "off_hours", "confirmed": false, "cost": 7}]},
            ],
        })
    }

    #[test]
    fn names_slugs_numbers_and_dots_find_the_same() {
        let root = report();
        let check = |text: &str, value: u64, shown: &str| {
            let found = find(&root, text).unwrap();
            assert_eq!(found.value, &json!(value), "{text}");
            assert_eq!(written(&root, &found.steps), shown, "{text}");
            assert_eq!(find(&root, shown).unwrap().steps, found.steps, "{shown}");
        };
        check("workloads[chat.prod].cost", 1, "workloads[chat.prod].cost");
        check("workloads[chat-prod].cost", 1, "workloads[chat.prod].cost");
        check("workloads.chat.prod.cost", 1, "workloads[chat.prod].cost");
        check("workloads.1.cost", 4, "workloads[chat].cost");
        check("workloads[0].plans[today].cost", 2, "workloads[chat.prod].plans[today].cost");
        check("workloads[0].plans[b/1.2]x].cost", 3, "workloads[chat.prod].plans[advised].cost");
        check("workloads[0].plans.advised.cost", 3, "workloads[chat.prod].plans[advised].cost");
        check("workloads[chat].waste[idle].cost", 5, "workloads[chat].waste[idle].cost");
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is_near() {
        let root = report();
        let check = |text: &str, inside: &str, wanted: &str, near: &[&str]| {
            let missing = find(&root, text).unwrap_err();
            assert_eq!((missing.inside.as_str(), missing.wanted.as_str()), (inside, wanted));
            assert_eq!(missing.near, near, "{text}");
        };
        check("totals.monthly_saving", "totals", "monthly_saving", &["totals.monthly_savings"]);
        check("workloads[chta].cost", "workloads", "chta", &["workloads[chat]"]);
        check("total", "", "total", &["totals"]);
        check("workloads[1].plans[advised]", "workloads[chat].plans", "advised", &[]);
        check(
            "workloads[0].plans[advise]",
            "workloads[chat.prod].plans",
            "advise",
            &["workloads[chat.prod].plans[advised]"],
        );
        check("totals.monthly_savings.x", "totals.monthly_savings", "x", &[]);
        check("workloads[9]", "workloads", "9", &[]);
    }

    #[test]
    fn a_pattern_means_what_is_beside_above_or_everywhere() {
        let root = report();
        let subject = find(&root, "workloads[0].plans[today].cost").unwrap().steps;
        let check = |pattern: &str, expected: &[u64]| {
            let found: Vec<u64> = places(&root, &subject, pattern)
                .iter()
                .filter_map(|it| it.value.as_u64())
                .collect();
            assert_eq!(found, expected, "{pattern}");
        };
        check(".cost", &[2]);
        check("^^.cost", &[1]);
        check("workloads[].cost", &[1]);
        check("workloads[].plans[].cost", &[2]);
        check("workloads[].plans[advised].cost", &[3]);
        check("workloads[*].cost", &[1, 4]);
        check("workloads[*].waste[*].cost", &[5, 6, 7]);
        check("workloads[*].waste[*confirmed].cost", &[5]);
        check("workloads[*].waste[*data_missing].cost", &[6]);
        check("workloads[*].waste[*to_investigate].cost", &[7]);
        check("workloads[*approved].cost", &[]);
        check("workloads[*open].cost", &[1, 4]);
        check("nowhere[*].cost", &[]);
    }

    proptest! {
        #[test]
        fn no_path_panics(text in "[a-z.\\[\\]0-9ä ]{0,40}", tail in "\\PC*") {
            let root = report();
            for text in [&text, &format!("workloads[0]{tail}"), &format!("workloads{text}")] {
                if let Ok(found) = find(&root, text) {
                    let shown = written(&root, &found.steps);
                    prop_assert_eq!(find(&root, &shown).map(|it| it.steps), Ok(found.steps));
                }
            }
        }
    }
}
