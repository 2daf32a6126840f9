//! Whether the answers are as good as before: results of lm-evaluation-harness, after the change and before it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::check::Check;
use crate::catalog::LaunchRules;
use crate::deploy::Advised;

/// The name of the check.
pub(super) const NAME: &str = "quality";

/// Scores by task and metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// After the change.
    after: BTreeMap<String, f64>,
    /// Before it; nothing where no such file was named.
    before: Option<BTreeMap<String, f64>>,
}

/// Why a file is no result.
#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    /// No JSON.
    #[error("it is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON of something else.
    #[error("it has no scores under `results`, as lm-evaluation-harness writes them")]
    NoScores,
    /// Two results without a task in common.
    #[error("the results before and after have no score in common")]
    Nothing,
}

impl QualityError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            QualityError::NotJson(_) | QualityError::NoScores => {
                "name the results_*.json that `lm_eval --output_path` wrote"
            }
            QualityError::Nothing => "run the same tasks on both",
        }
    }
}

impl Quality {
    /// From the texts of one result or of two.
    pub fn read(after: &str, before: Option<&str>) -> Result<Quality, QualityError> {
        let after = scores(after)?;
        let before = before.map(scores).transpose()?;
        if before.as_ref().is_some_and(|it| !it.keys().any(|key| after.contains_key(key))) {
            return Err(QualityError::Nothing);
        }
        Ok(Quality { after, before })
    }

    /// The score that fell most, as a share of what it was, with its name.
    fn worst(&self) -> Option<(&str, f64)> {
        let before = self.before.as_ref()?;
        let kept = self.after.iter().filter_map(|(name, after)| {
            let was = before.get(name).filter(|it| **it > 0.0)?;
            Some((name.as_str(), after / was))
        });
        kept.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Metrics that are better the lower they are.
const LOWER: [&str; 7] =
    ["perplexity", "bits_per_byte", "brier_score", "wer", "cer", "ter", "loss"];

/// `results.TASK.METRIC` where it is a score: errors and texts are left out.
fn scores(text: &str) -> Result<BTreeMap<String, f64>, QualityError> {
    let value: Value = serde_json::from_str(text).map_err(QualityError::NotJson)?;
    let results = value.get("results").and_then(Value::as_object).ok_or(QualityError::NoScores)?;
    // The lower the better is no share of what was kept; newer versions say which way a metric is better.
    let higher =
        |task: &str, name: &str| value.get("higher_is_better")?.get(task)?.get(name)?.as_bool();
    let is_other = |task: &str, name: &str| {
        name.ends_with("_stderr")
            || ["alias", "sample_len", "name", "sample_count"].contains(&name)
            || higher(task, name).map_or_else(|| LOWER.iter().any(|it| name.contains(it)), |it| !it)
    };
    let mut found = BTreeMap::new();
    for (task, metrics) in results {
        let Some(metrics) = metrics.as_object() else { continue };
        for (metric, score) in metrics {
            let name = metric.split(',').next().unwrap_or_default();
            // The filter is part of the name: gsm8k has `exact_match` by `strict-match` and by `flexible-extract`.
            let key = match metric.split_once(',') {
                Some((name, filter)) if filter != "none" => format!("{task}/{name}/{filter}"),
                _ => format!("{task}/{name}"),
            };
            if let (Some(score), false) = (score.as_f64(), is_other(task, name)) {
                found.insert(key, score);
            }
        }
    }
    if found.is_empty() { Err(QualityError::NoScores) } else { Ok(found) }
}

/// The check: asked for where the plan changes the precision of today.
pub(super) fn check(advised: &Advised, quality: Option<&Quality>, rules: &LaunchRules) -> Check {
    let precision = |text: &str| crate::size::Precision::parse(text);
    let today = advised.workload.baseline.precision.as_deref().and_then(precision);
    let changes = today.is_none() || today != precision(&advised.plan.precision);
    let needed = format!("at least {:.0} % of before", rules.verify_quality * 100.0);
    let Some(quality) = quality else {
        if !changes {
            return Check::pass(NAME, "same precision as before", "no other answers");
        }
        let command = advised.workload.advice.steps.iter().find(|it| it.contains("lm_eval"));
        let how = command.map_or("run lm_eval on both checkpoints", String::as_str);
        return Check::unknown(NAME, needed)
            .because(format!("name its result with --quality: {how}"));
    };
    match quality.worst() {
        None => Check::pass(NAME, format!("{} scores", quality.after.len()), needed)
            .warn("there is a result and nothing to compare it with: name that of before with --quality-before"),
        Some((name, kept)) => {
            let check = Check::pass(NAME, format!("{:.1} % kept, least in {name}", kept * 100.0), needed);
            if kept < rules.verify_quality {
                check.fail("the answers got worse: back to the precision of before, or another checkpoint")
            } else {
                check
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: &str = r#"{"results": {"ifeval": {"alias": "ifeval", "prompt_level_strict_acc,none": 0.76,
        "prompt_level_strict_acc_stderr,none": 0.02}, "wikitext": {"word_perplexity,none": 9.1}}}"#;

    #[test]
    fn scores_are_read_and_compared() {
        let before = AFTER.replace("0.76", "0.80");
        let it = Quality::read(AFTER, Some(&before)).unwrap();
        let (name, kept) = it.worst().unwrap();
        assert_eq!((name, (kept * 1e4).round()), ("ifeval/prompt_level_strict_acc", 9_500.0));
        assert_eq!(Quality::read(AFTER, None).unwrap().worst(), None);
        for (text, message) in [
            ("{", "it is not JSON"),
            ("{}", "it has no scores"),
            (r#"{"results": {}}"#, "it has no scores"),
        ] {
            assert!(
                Quality::read(text, None).unwrap_err().to_string().starts_with(message),
                "{text}"
            );
        }
        let gsm8k = r#"{"results": {"gsm8k": {"exact_match,strict-match": 0.5, "exact_match,flexible-extract": 0.8,
            "sample_len": 1319, "mc,none": 0.2}}, "higher_is_better": {"gsm8k": {"exact_match": true, "mc": false}}}"#;
        let worse = gsm8k.replace("0.5", "0.4");
        let it = Quality::read(&worse, Some(gsm8k)).unwrap();
        assert_eq!(it.after.len(), 2);
        let (name, kept) = it.worst().unwrap();
        assert_eq!((name, (kept * 1e4).round()), ("gsm8k/exact_match/strict-match", 8_000.0));
        let other = AFTER.replace("ifeval", "mmlu");
        assert!(matches!(Quality::read(AFTER, Some(&other)), Err(QualityError::Nothing)));
    }
}
