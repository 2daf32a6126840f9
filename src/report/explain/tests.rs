//! The committed report explained: no number without a definition, no formula that does not agree.

use std::collections::BTreeSet;

use serde_json::Value;

use super::definitions::sections::has_row;
use super::definitions::{Kind, Origin, definition};
use super::derive::{Derivation, Outcome};
use super::place::{Place, Step, inside, pattern, written};
use super::sheet::OWN_LINES;
use super::{Evidence, explained};
use crate::report::{Format, TerminalStyle};

/// The report of the sample month.
const REPORT: &str = include_str!("../../../reports/usage/report.json");

fn evidence() -> Evidence {
    Evidence::read(REPORT).unwrap()
}

/// Every value that is no list and no object.
fn leaves(root: &Value) -> Vec<Place<'_>> {
    let mut found = Vec::new();
    let mut open = vec![Place { steps: Vec::new(), value: root }];
    while let Some(place) = open.pop() {
        let on = |step: Step| Place {
            value: inside(place.value, &step).unwrap(),
            steps: [&place.steps[..], &[step]].concat(),
        };
        match place.value {
            Value::Object(map) => open.extend(map.keys().cloned().map(|it| on(Step::Key(it)))),
            Value::Array(list) => open.extend((0..list.len()).map(|it| on(Step::At(it)))),
            _ => found.push(place),
        }
    }
    found
}

/// Numbers, and texts that are decimal amounts; the version of the shape is neither.
fn is_numeric(place: &Place<'_>) -> bool {
    let is_amount =
        |it: &str| it.contains('.') && it.trim_start_matches('-').parse::<f64>().is_ok();
    match place.value {
        Value::Number(_) => true,
        Value::String(it) => is_amount(it) && pattern(&place.steps) != "schema_version",
        _ => false,
    }
}

#[test]
fn every_number_has_a_definition() {
    let evidence = evidence();
    let numeric: Vec<Place<'_>> = leaves(&evidence.root).into_iter().filter(is_numeric).collect();
    assert!(numeric.len() > 20_000, "{}", numeric.len());
    let patterns: BTreeSet<String> = numeric.iter().map(|it| pattern(&it.steps)).collect();
    let undefined: Vec<&String> = patterns.iter().filter(|it| definition(it).is_none()).collect();
    assert!(undefined.is_empty(), "add a row to definitions/table.rs for {undefined:#?}");
    for it in &numeric {
        let found = Derivation::of(&evidence, it);
        assert!(found.number.is_some(), "{} is not read by its unit", found.path);
    }
}

/// The paths of all numbers that the schema allows below a part of it.
fn allowed(root: &Value, part: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(to) = part["$ref"].as_str() {
        return allowed(root, root.pointer(&to[1..]).unwrap(), path, found);
    }
    for it in part["anyOf"].as_array().into_iter().flatten() {
        allowed(root, it, path, found);
    }
    for (key, it) in part["properties"].as_object().into_iter().flatten() {
        allowed(root, it, &format!("{path}.{key}"), found);
    }
    if part["items"].is_object() {
        allowed(root, &part["items"], &format!("{path}[]"), found);
    }
    let kinds =
        part["type"].as_array().map_or_else(|| vec![&part["type"]], |it| it.iter().collect());
    let is_amount = part["pattern"].as_str().is_some_and(|it| it.starts_with("^-?[0-9]+"));
    if is_amount || kinds.iter().any(|it| *it == "integer" || *it == "number") {
        found.insert(path.to_owned());
    }
}

#[test]
fn what_is_computed_is_not_said_to_be_read() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    let mut patterns = BTreeSet::new();
    for section in [
        "commitments",
        "spend_commitments",
        "held_commitments",
        "committed_first",
        "commitments_absent",
        "forecast",
        "budget",
        "previous",
    ] {
        let part = schema.pointer(&format!("/properties/{section}")).unwrap();
        allowed(&schema, part, section, &mut patterns);
    }
    assert!(patterns.len() > 120, "{patterns:#?}");
    for pattern in &patterns {
        let found = definition(pattern).unwrap();
        let read = |kind: Kind| kind == Kind::From(Origin::Files);
        let is_read = found.rules.iter().any(|it| read(it.kind));
        assert!(!is_read || pattern == "forecast.spans[].spent", "{pattern} is computed");
    }
    let bare = |it: &&String| definition(it).is_some_and(|it| it.is_section()) && !has_row(it);
    let without: Vec<&String> = patterns.iter().filter(bare).collect();
    assert!(without.is_empty(), "add a row to definitions/sections.rs for {without:#?}");
}

#[test]
fn every_formula_agrees() {
    let evidence = evidence();
    let mut agreed = BTreeSet::new();
    for it in leaves(&evidence.root) {
        let pattern = pattern(&it.steps);
        if definition(&pattern).is_none() {
            continue;
        }
        let found = Derivation::of(&evidence, &it);
        match found.outcome {
            Outcome::Agrees => drop(agreed.insert(pattern)),
            // What is to come is of the latest whole weeks, not of the window.
            Outcome::MayDiffer(..) if pattern.starts_with("forecast.spans[].workloads[]") => {}
            Outcome::Differs(_) | Outcome::MayDiffer(..) => panic!("{found:#?}"),
            Outcome::From(_) => assert!(!found.words.is_empty(), "{}", found.path),
            Outcome::Unknown => assert!(it.value.is_null(), "{found:#?}"),
        }
    }
    for pattern in [
        "totals.window_hours",
        "totals.effective_cost",
        "totals.cost_per_million_tokens",
        "totals.recommended_monthly_cost",
        "totals.monthly_savings",
        "reconciliation.difference",
        "reconciliation.by_currency[].difference",
        "workloads[].baseline.monthly_cost",
        "workloads[].baseline.rate_per_gpu_hour",
        "workloads[].baseline.unit_cost.per_million_tokens",
        "workloads[].plans[].monthly_cost",
        "workloads[].advice.monthly_savings",
        "workloads[].advice.interval.low",
        "workloads[].advice.interval.cvar",
        "workloads[].advice.probability_of_loss",
        "workloads[].advice.confidence",
        "workloads[].advice.grade",
        "portfolio.interval.high",
        "portfolio.savings_by_decision.open",
        "portfolio.confirmed_waste",
        "portfolio.plans_simulated",
        "forecast.spans[].as_is.mean",
        "forecast.spans[].with_advice.mean",
        "forecast.spans[].workloads[].as_is.mean",
    ] {
        assert!(agreed.contains(pattern), "{pattern} is not computed again");
    }
}

#[test]
fn a_written_path_is_read_back() {
    let evidence = evidence();
    for it in leaves(&evidence.root).into_iter().step_by(37) {
        let path = written(&evidence.root, &it.steps);
        let found = super::place::find(&evidence.root, &path);
        assert_eq!(found.map(|it| it.steps), Ok(it.steps), "{path}");
    }
}

#[test]
fn a_changed_number_is_seen() {
    let check = |pointer: &str, value: Value, subject: &str, paths: &[&str]| {
        let mut changed = evidence();
        let at = changed.root.pointer_mut(pointer).unwrap();
        assert_ne!(*at, value);
        *at = value;
        let subject = changed.subject(subject).unwrap();
        let style = TerminalStyle { bold: false, columns: 80, next: None };
        let found = explained(&changed, &subject, Format::Table, &style).unwrap();
        assert_eq!(found.differs, paths, "{}", found.text);
        assert!(found.text.contains("DIFFERS"), "{}", found.text);
    };
    let one = || Value::from("1.00");
    let saving = "workloads[office-assistant].advice.monthly_savings";
    check("/totals/monthly_savings", one(), "totals.monthly_savings", &["totals.monthly_savings"]);
    check("/totals/window_hours", 743.0.into(), "totals.window_hours", &["totals.window_hours"]);
    check("/workloads/0/advice/monthly_savings", one(), saving, &[saving]);
    check(
        "/workloads/0/advice/grade",
        "A".into(),
        "workloads[0].advice.grade",
        &["workloads[office-assistant].advice.grade"],
    );
    check(
        "/reconciliation/assigned",
        one(),
        "reconciliation.difference",
        &["reconciliation.difference"],
    );
    check(
        "/workloads/0/baseline/effective_cost",
        one(),
        "office-assistant",
        &[
            "workloads[office-assistant].baseline.monthly_cost",
            "workloads[office-assistant].baseline.rate_per_gpu_hour",
        ],
    );
    check(
        "/workloads/0/advice/probability_of_loss",
        0.1.into(),
        "office-assistant",
        &["workloads[office-assistant].advice.probability_of_loss"],
    );
}

#[test]
fn what_commitments_cover_is_no_saving_and_a_shorter_time_no_fault() {
    let check = |changes: &[(&str, Value)], path: &str, says: &str| {
        let mut changed = evidence();
        for (pointer, value) in changes {
            *changed.root.pointer_mut(pointer).unwrap() = value.clone();
        }
        let subject = changed.subject(path).unwrap();
        let style = TerminalStyle { bold: false, columns: 80, next: None };
        let found = explained(&changed, &subject, Format::Markdown, &style).unwrap();
        assert!(found.differs.is_empty(), "{}", found.text);
        assert!(found.text.contains(says), "{}", found.text);
    };
    check(
        &[
            ("/workloads/0/advice/monthly_savings", "1.00".into()),
            ("/workloads/0/baseline/mixed", true.into()),
        ],
        "workloads[0].advice.monthly_savings",
        "what commitments cover",
    );
    check(
        &[("/workloads/0/baseline/unit_cost/per_million_tokens", "1.00".into())],
        "workloads[0].baseline.unit_cost.per_million_tokens",
        "both cost and units are known",
    );
}

#[test]
fn a_field_of_the_advice_that_is_new_is_shown() {
    let mut changed = evidence();
    let advice = changed.root.pointer_mut("/workloads/0/advice").unwrap().as_object_mut().unwrap();
    advice.insert("effort".to_owned(), "1 day".into());
    advice.insert("verify".to_owned(), serde_json::json!({"metric": "TTFT p95", "below": 2.0}));
    advice.insert("restart".to_owned(), true.into());
    advice.insert("later".to_owned(), Value::Null);
    let subject = changed.subject("S1").unwrap();
    let style = TerminalStyle { bold: false, columns: 80, next: None };
    let text = explained(&changed, &subject, Format::Table, &style).unwrap().text;
    for says in ["effort: 1 day", "restart: yes", "TTFT p95"] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert!(!text.contains("later"), "{text}");
    assert!(
        OWN_LINES.iter().all(|it| evidence()
            .root
            .pointer("/workloads/0/advice")
            .unwrap()
            .get(it)
            .is_some())
    );
}

#[test]
fn what_else_an_advice_has_is_told_in_words() {
    let mut changed = evidence();
    changed.root["workloads"][0]["advice"]["decision"] =
        serde_json::json!({"state": "accepted", "due": "2026-12-01", "reason": null});
    let style = TerminalStyle { bold: false, columns: 300, next: None };
    let subject = changed.subject("S1").unwrap();
    let text = explained(&changed, &subject, Format::Table, &style).unwrap().text;
    let from = text.find("ALSO").unwrap();
    let also = &text[from..text.find("WRONG IF").unwrap()];
    for says in [
        "savings by price: at list 12,492.17 USD, at own rate 12,492.17 USD",
        "effort 26 h, restart replaced, cost 2,848.03 USD, pay back 6.93 days",
        "live: from 15 Nov 2026",
        "shocks: if demand falls by 30 %, it saves 12,492.31 USD a month",
        "break evens: the prices of the plan rise by 166 %; demand grows",
        "TTFT p95 of the week at most 2 s; 1.30 s was simulated, from 22 Nov 2026",
    ] {
        assert!(also.contains(says), "{says}: {also}");
    }
    for raw in ["12492", "demand_down", "plan_price", "threshold", "2026-11"] {
        assert!(!also.contains(raw), "{raw}: {also}");
    }
    assert!(text.contains("state accepted, due 1 Dec 2026"), "{text}");
}

#[test]
fn only_what_is_replaced_has_a_trial() {
    let evidence = evidence();
    let style = TerminalStyle { bold: false, columns: 80, next: None };
    for it in evidence.workloads() {
        let advice = &it["advice"];
        let subject = evidence.subject(advice["id"].as_str().unwrap()).unwrap();
        let text = explained(&evidence, &subject, Format::Markdown, &style).unwrap().text;
        let replaced = advice["change"]["restart"] == "replaced";
        assert_eq!(text.contains("with the trial"), replaced, "{text}");
    }
    assert!(evidence.workloads().iter().any(|it| it["advice"]["action"] == "stop"));
}

#[test]
fn the_command_that_makes_it_again_has_all_it_was_told() {
    let mut changed = evidence();
    let told = ["--month", "2026-10", "--config", "my prod.toml", "--what-if", "demand=+50%"];
    changed.root["provenance"]["arguments"] = told.iter().map(|it| Value::from(*it)).collect();
    let subject = changed.subject("S1").unwrap();
    let style = TerminalStyle { bold: false, columns: 80, next: None };
    let text = explained(&changed, &subject, Format::Markdown, &style).unwrap().text;
    let says = "--seed 1 --as-of 2026-11-01 --month 2026-10 --config 'my prod.toml' --what-if 'demand=+50%'`";
    assert!(text.contains(says), "{text}");
}

#[test]
fn a_forecast_is_derived_and_a_pure_number_has_no_unit() {
    let evidence = evidence();
    let style = TerminalStyle { bold: false, columns: 200, next: None };
    let check = |path: &str, format: Format, says: &str| {
        let subject = evidence.subject(path).unwrap();
        let text = explained(&evidence, &subject, format, &style).unwrap().text;
        assert!(text.contains(says), "{says}: {text}");
    };
    check(
        "forecast.spans[0].workloads[1].as_is.mean",
        Format::Table,
        "10,044.80 a month x 720 h / 730 h",
    );
    check("forecast.spans[0].as_is.mean", Format::Table, "as reported");
    check("provenance.seed", Format::Json, "\"unit\": null");
    check("forecast.spans[0].hours", Format::Json, "\"unit\": \"h\"");
}

#[test]
fn nothing_is_wider_than_a_terminal_and_a_ticket_has_15_lines() {
    let evidence = evidence();
    let style = TerminalStyle { bold: false, columns: 80, next: None };
    let ids = evidence.workloads().iter().map(|it| it["advice"]["id"].as_str().unwrap());
    let names = evidence.workloads().iter().map(|it| it["name"].as_str().unwrap());
    let paths = [
        "totals",
        "workloads",
        "workloads[0].plans[3]",
        "provenance.prices[0].price_per_hour",
        "workloads[0].duration_curve.hours_sorted",
        "commitments",
        "forecast",
        "period_label",
    ];
    for words in ids.chain(names).chain(paths) {
        let subject = evidence.subject(words).unwrap();
        let table = explained(&evidence, &subject, Format::Table, &style).unwrap();
        for line in table.text.lines() {
            assert!(line.chars().count() <= 80, "{words}: {line}");
        }
        assert!(table.differs.is_empty(), "{words}: {:?}", table.differs);
        let ticket = explained(&evidence, &subject, Format::Markdown, &style).unwrap().text;
        assert!(ticket.lines().count() <= 15, "{words}: {ticket}");
    }
}
