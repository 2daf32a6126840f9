//! An advice as a ticket: at most 15 lines of Markdown to paste.

use serde_json::Value;

use super::Evidence;
use super::place::{Step, places};
use super::recompute::cap;
use super::rows;
use super::sheet::title;
use super::unit::Unit;
use crate::report::html::range_in_words;
use crate::report::markdown::escape;
use crate::report::model::Interval;
use crate::report::number::{DASH, Medium, date};
use crate::report::{clip, plain};
use crate::units::Money;

/// Numbers in a document.
const PAGE: Medium = Medium::Page;
/// Longest text of a bullet.
const LONGEST: usize = 600;
/// Input files named.
const MOST_FILES: usize = 4;
/// Digits of a hash.
const HASH: usize = 12;

/// The ticket: what changes, what it saves, what it risks, and how to check it.
pub(super) fn ticket(evidence: &Evidence, at: usize) -> String {
    let it = Ticket { evidence, at };
    let mut lines =
        vec![format!("**{}**: {}", escape(&title(evidence, at, PAGE)), it.text("summary"))];
    let changes = it.amount("advice.monthly_savings").is_some_and(|it| !it.is_zero());
    if changes {
        lines.push(String::new());
        lines.extend(it.table());
        lines.push(String::new());
        lines.push(it.saving());
    } else {
        lines.push(String::new());
        lines.extend(bullet("why", &it.list("reasons")));
    }
    lines.extend(bullet("takes", &it.takes()));
    lines.extend(it.steps());
    lines.extend(bullet("right if", &it.checks()));
    lines.extend(bullet("undo", &[it.text("undo")]));
    let wrong = [it.list("wrong_if"), it.sentences("break_evens")].concat();
    lines.extend(bullet("wrong if", &wrong));
    lines.push(format!("- again: `{}`{}", command(evidence), hashes(evidence)));
    lines.join("\n") + "\n"
}

/// One line; nothing where there is nothing to say.
fn bullet(label: &str, texts: &[String]) -> Option<String> {
    let said: Vec<&str> = texts.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    (!said.is_empty()).then(|| format!("- {label}: {}", clip(&said.join("; "), LONGEST)))
}

struct Ticket<'a> {
    evidence: &'a Evidence,
    at: usize,
}

impl Ticket<'_> {
    /// A value of the workload by its path.
    fn value(&self, path: &str) -> Option<&Value> {
        let own = [Step::Key("workloads".to_owned()), Step::At(self.at)];
        let found = places(&self.evidence.root, &own, &format!("workloads[].{path}"));
        found.first().map(|it| it.value).filter(|it| !it.is_null())
    }

    fn amount(&self, path: &str) -> Option<Money> {
        Unit::Money.read(self.value(path)?, self.evidence.currency)?.money()
    }

    fn prose(&self, text: &str) -> String {
        escape(&PAGE.prose(&plain(text), self.evidence.currency))
    }

    /// A text of the advice.
    fn text(&self, key: &str) -> String {
        let found = self.value(&format!("advice.{key}")).and_then(Value::as_str);
        found.map(|it| self.prose(it)).unwrap_or_default()
    }

    fn list(&self, key: &str) -> Vec<String> {
        let found = self.value(&format!("advice.{key}")).and_then(Value::as_array);
        found.into_iter().flatten().filter_map(Value::as_str).map(|it| self.prose(it)).collect()
    }

    /// The work, its cost, and when it is earned back.
    fn takes(&self) -> Vec<String> {
        let number =
            |key: &str| self.value(&format!("advice.change.{key}")).and_then(Value::as_f64);
        let work =
            number("effort_hours").map(|it| format!("{} of work", PAGE.duration(it * 3600.0)));
        // Only what takes the place of another runs beside it for a trial.
        let replaced = self.value("advice.change.restart").and_then(Value::as_str);
        let trial = if replaced == Some("replaced") { " with the trial" } else { "" };
        let cost = self
            .amount("advice.change.cost")
            .map(|it| format!("{} {}{trial}", PAGE.money(it), self.evidence.currency));
        let back = number("pay_back_days")
            .map(|it| format!("earned back in {}", PAGE.duration_in_days(it)));
        work.into_iter().chain(cost).chain(back).collect()
    }

    /// What to measure, against what, from when on.
    fn checks(&self) -> Vec<String> {
        let checks = self.value("advice.verify").and_then(Value::as_array);
        let text =
            |it: &Value, key: &str| it.get(key).and_then(Value::as_str).map(|it| self.prose(it));
        let checks = checks.into_iter().flatten().filter_map(|it| {
            let date = it.get("date").and_then(Value::as_str).map(date)?;
            Some(format!("{} {}, from {date}", text(it, "metric")?, text(it, "threshold")?))
        });
        checks.collect()
    }

    /// The sentences of a list of objects.
    fn sentences(&self, key: &str) -> Vec<String> {
        let all = self.value(&format!("advice.{key}")).and_then(Value::as_array);
        let all = all.into_iter().flatten();
        all.filter_map(|it| Some(self.prose(it.get("sentence")?.as_str()?))).collect()
    }

    /// Today and the advised plan side by side; a stop has no plan.
    fn table(&self) -> Vec<String> {
        let label = |plan: &str| {
            let found = self.value(&format!("plans[{plan}].label")).and_then(Value::as_str);
            found.map(|it| self.prose(it))
        };
        let dash = || DASH.to_owned();
        let saved = self.amount("advice.monthly_savings");
        let month = self.amount("baseline.monthly_cost");
        let after = self.amount("plans[advised].monthly_cost");
        // Without a plan what is left of the month is what was not saved.
        let after = after.or_else(|| month?.checked_sub(saved?).ok());
        let money = |it: Option<Money>| it.map_or_else(dash, |it| PAGE.money(it));
        let seconds =
            |path: &str| self.value(path).and_then(Value::as_f64).map(|it| PAGE.duration(it));
        // The label of a plan has how many replicas it runs, that of today has not.
        let count = self.value("baseline.gpu_count").and_then(Value::as_f64);
        let today = label("today").map(|it| match count {
            Some(count) => {
                let plural = if count.to_bits() == 1.0_f64.to_bits() { "" } else { "s" };
                format!("{} GPU{plural}: {it}", PAGE.quantity(count))
            }
            None => it,
        });
        let advised = label("advised").unwrap_or_else(|| self.text("action"));
        let mut lines = vec![
            "| | today | advised |".to_owned(),
            "| --- | --- | --- |".to_owned(),
            format!("| runs as | {} | {advised} |", today.unwrap_or_else(dash)),
            format!(
                "| {} a month of 730 h | {} | {} |",
                self.evidence.currency,
                money(month),
                money(after)
            ),
        ];
        let waits = ["today", "advised"].map(|it| seconds(&format!("plans[{it}].ttft_p95_s")));
        if let [Some(now), Some(then)] = waits {
            let assumed = self.value("slo.assumed") == Some(&Value::Bool(true));
            let limit = seconds("slo.ttft_p95_s")
                .map(|it| format!(", limit {it}{}", if assumed { " (assumed)" } else { "" }));
            lines.push(format!("| TTFT p95 | {now} | {then}{} |", limit.unwrap_or_default()));
        }
        lines
    }

    /// The saving with its range, the grade and its caps.
    fn saving(&self) -> String {
        let saved = self.amount("advice.monthly_savings").map(|it| PAGE.money(it));
        let share = |path: &str| self.value(path).and_then(Value::as_f64);
        let loss = share("advice.probability_of_loss");
        let range = range_in_words(PAGE, self.interval().as_ref(), loss);
        let range = range.unwrap_or_else(|| "no range known".to_owned());
        let reasons = self.list("reasons");
        let caps = reasons.iter().filter(|it| cap(it).is_some());
        // What follows the reason repeats the grade.
        let caps: Vec<&str> =
            caps.map(|it| it.rsplit_once(": grade").map_or(it.as_str(), |it| it.0)).collect();
        let caps = if caps.is_empty() { String::new() } else { format!(" ({})", caps.join("; ")) };
        let line = format!(
            "- saves: {} {} a month, {range}; grade {}{caps}",
            saved.unwrap_or_default(),
            self.evidence.currency,
            self.text("grade")
        );
        clip(&line, LONGEST)
    }

    /// How many steps there are and who tells them: they do not fit a ticket.
    fn steps(&self) -> Option<String> {
        let n = self.list("steps").len();
        let id = self.value("advice.id").and_then(Value::as_str)?;
        let command = format!("gpuadvise explain REPORT.json {}", quoted(&plain(id)));
        (n > 0).then(|| format!("- how: {}, told by `{command}`", PAGE.counted(n as u64, "step")))
    }

    fn interval(&self) -> Option<Interval> {
        Some(Interval {
            low: self.amount("advice.interval.low")?,
            high: self.amount("advice.interval.high")?,
            level: self.value("advice.interval.level")?.as_f64()?,
            cvar: self.amount("advice.interval.cvar")?,
            basis: match self.value("advice.interval.basis")?.as_str()? {
                "weeks" => "weeks",
                _ => "days",
            },
            n: self.value("advice.interval.n")?.as_u64()?,
        })
    }
}

/// The command that makes the report again, of the files as they are called in it.
pub(super) fn command(evidence: &Evidence) -> String {
    let files = rows::inputs(evidence);
    let named: Vec<String> =
        files.iter().take(MOST_FILES).map(|it| quoted(&rows::text(it, "file"))).collect();
    let more = if files.len() > MOST_FILES { " ..." } else { "" };
    let seed = evidence.root.pointer("/provenance/seed").and_then(Value::as_u64);
    let seed = seed.map(|it| format!(" --seed {it}")).unwrap_or_default();
    let provenance = evidence.root.get("provenance").unwrap_or(&Value::Null);
    let day = rows::text(provenance, "as_of");
    let words = provenance.get("arguments").and_then(Value::as_array).into_iter().flatten();
    let words = words.filter_map(Value::as_str).map(|it| format!(" {}", quoted(&plain(it))));
    format!(
        "gpuadvise analyze {}{more}{seed} --as-of {}{}",
        named.join(" "),
        quoted(&day),
        words.collect::<String>()
    )
}

/// A word of a command; what a shell would read otherwise is in quotes.
fn quoted(word: &str) -> String {
    let safe = |it: char| it.is_ascii_alphanumeric() || "-_./+".contains(it);
    // A backtick would end the code of Markdown.
    let word = word.replace('`', "");
    if word.chars().all(safe) && !word.is_empty() {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Version, and the first digits of the hash of each file.
fn hashes(evidence: &Evidence) -> String {
    let files = rows::inputs(evidence);
    let named = files
        .iter()
        .take(MOST_FILES)
        .map(|it| format!("{} sha256 {}", escape(&rows::text(it, "file")), rows::hash(it, HASH)));
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match files.len().saturating_sub(MOST_FILES) {
        0 => String::new(),
        n => format!(", {n} more with --format json"),
    };
    let provenance = evidence.root.get("provenance").unwrap_or(&Value::Null);
    let version = rows::text(provenance, "version");
    format!(" of {named}{more}, gpuadvise {version}")
}
