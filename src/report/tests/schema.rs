//! `docs/report.schema.json` is what the types of the model say, their comments the descriptions.
//!
//! With `INSTA_UPDATE=always` it is written again.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::{Format, fixture, text};
use crate::classify::STATISTICS;
use crate::report::explain::unit_word;
use crate::report::model::{ReportModel, SCHEMA_VERSION};
use crate::units::{Currency, Money, Timestamp};

macro_rules! text_schema {
    ($type:ty, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_schema!(Money, { "type": "string", "pattern": "^-?[0-9]+\\.[0-9]{2,18}$" });
text_schema!(Currency, { "type": "string", "pattern": "^[A-Z]{3}$" });
text_schema!(Timestamp, { "type": "string", "format": "date-time" });

/// Fields that are texts in Rust and take few values: the type, the field, and the values.
const CLOSED: [(&str, &str, &[&str]); 23] = [
    ("ReportModel", "schema_version", &[SCHEMA_VERSION]),
    ("ReportModel", "invoice_state", INVOICE),
    ("AdviceReport", "action", &["switch", "stop", "schedule", "keep", "not_enough_data"]),
    ("AdviceReport", "grade", &["A", "B", "C", "D", "F"]),
    ("Interval", "basis", &["weeks", "days"]),
    ("OutlookReport", "basis", &["weeks", "days"]),
    (
        "WasteReport",
        "finding",
        &[
            "idle",
            "forgotten",
            "off_hours",
            "over_provisioned",
            "duplicated_environment",
            "unused_commitment",
            "data_missing",
        ],
    ),
    ("ChangeReport", "restart", &["none", "stopped", "replaced"]),
    ("ShockReport", "name", &["demand_down", "price_down", "migration"]),
    (
        "BreakEvenReport",
        "of",
        &["plan_price", "demand_up", "demand_down", "ttft_p95", "cold_start"],
    ),
    ("BreakEvenReport", "unit", &["1", "s"]),
    ("Part", "part", PARTS),
    ("Spend", "part", &["unassigned", "other_cloud"]),
    ("SourceCoverage", "source", &["cost", "requests", "gpu_metrics", "configuration"]),
    ("DecisionReport", "state", DECISIONS),
    ("PromiseReport", "state", DECISIONS),
    ("SpanReport", "kind", &["month", "quarter", "year"]),
    ("Variance", "word", VARIANCE),
    ("OwnerVariance", "word", VARIANCE),
    ("ForecastError", "word", &["low", "high", "exact"]),
    (
        "SinceStep",
        "step",
        &["days", "new", "ended", "volume", "price", "mix", "actions", "rest", "unclaimed"],
    ),
    ("Baseline", "busy_source", &["telemetry", "model"]),
    ("WorkloadReport", "demand_unit", &["requests/h", "GPUs"]),
];
const INVOICE: &[&str] = &[
    "do not say whether they are final",
    "estimated: not all on an invoice yet",
    "final",
    "final, with corrections of earlier months",
];
const DECISIONS: &[&str] = &["accepted", "rejected", "snoozed", "done"];
const VARIANCE: &[&str] = &["favorable", "unfavorable", "on budget"];
const PARTS: &[&str] = &[
    "assigned",
    "unassigned",
    "commitment_unused",
    "capacity_unused",
    "other_cloud",
    "purchases",
    "tax",
    "credits",
    "adjustments",
    "outside_window",
    "rejected",
];

/// The schema as a document.
fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut root = generator.into_root_schema_for::<ReportModel>().to_value();
    statistics(&mut root);
    closed(&mut root);
    annotate(&mut root, "", "", &mut BTreeSet::new());
    strict(&mut root);
    let head = json!({
        "$schema": root["$schema"],
        "$id": format!("urn:gpuadvise:report:{SCHEMA_VERSION}"),
        "title": "report.json of gpuadvise",
    });
    let Value::Object(mut document) = head else { unreachable!() };
    document.extend(
        root.as_object()
            .unwrap()
            .clone()
            .into_iter()
            .filter(|it| it.0 != "title" && it.0 != "$schema"),
    );
    Value::Object(document)
}

/// The statistics of demand have names that the types do not have.
fn statistics(root: &mut Value) {
    let number = json!({"type": ["number", "null"]});
    let of = |name: &str| match name {
        "gaps_over" | "warm_fraction" | "idle_runs" => {
            json!({"type": ["object", "null"], "additionalProperties": number})
        }
        "trend_per_30d" => json!({
            "type": ["object", "null"],
            "properties": {
                "value": {"type": ["number", "null"], "description": "The change in 30 days."},
                "low": {"type": ["number", "null"], "description": "Lower end of its 95 % interval."},
                "high": {"type": ["number", "null"], "description": "Upper end of its 95 % interval."},
            },
            "required": ["value", "low", "high"],
        }),
        _ => number.clone(),
    };
    let mut properties = Map::new();
    for it in STATISTICS {
        let mut schema = of(it.name);
        schema["description"] = format!("{}.", it.meaning).into();
        schema["x-unit"] = it.unit.into();
        properties.insert(it.name.to_owned(), schema);
    }
    let features = &mut root["$defs"]["WorkloadReport"]["properties"]["features"];
    let description = features["description"].clone();
    *features = json!({"description": description, "type": "object", "properties": properties});
}

fn closed(root: &mut Value) {
    for (of, field, values) in CLOSED {
        let place = if of == "ReportModel" { &mut *root } else { &mut root["$defs"][of] };
        let field = place.pointer_mut(&format!("/properties/{field}"));
        let field = field.unwrap_or_else(|| panic!("{of} has no such field"));
        let mut values: Vec<Value> = values.iter().map(|it| (*it).into()).collect();
        if field["type"].as_array().is_some_and(|it| it.contains(&"null".into())) {
            values.push(Value::Null);
        }
        field["enum"] = values.into();
    }
}

/// Units of the numbers, by the path at which `explain` defines them.
fn annotate(root: &mut Value, at: &str, path: &str, seen: &mut BTreeSet<String>) {
    let node = root.pointer(at).unwrap().clone();
    for target in ["$ref", "anyOf", "items"] {
        match &node[target] {
            Value::String(to) if seen.insert(to.clone()) => annotate(root, &to[1..], path, seen),
            Value::Array(cases) => {
                for case in 0..cases.len() {
                    annotate(root, &format!("{at}/{target}/{case}"), path, seen);
                }
            }
            Value::Object(_) => {
                annotate(root, &format!("{at}/{target}"), &format!("{path}[]"), seen);
            }
            _ => {}
        }
    }
    for name in node["properties"].as_object().into_iter().flatten().map(|it| it.0) {
        let inside = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let place = format!("{at}/properties/{name}");
        if let Some(unit) = unit_word(&inside) {
            root.pointer_mut(&place).unwrap()["x-unit"] = unit.into();
        }
        annotate(root, &place, &inside, seen);
    }
}

/// An object has the properties that are named, and each of them.
fn strict(node: &mut Value) {
    match node {
        Value::Object(map) => {
            if map.contains_key("properties") {
                map.insert("additionalProperties".to_owned(), false.into());
            }
            map.values_mut().for_each(strict);
        }
        Value::Array(list) => list.iter_mut().for_each(strict),
        _ => {}
    }
}

#[test]
fn the_published_schema_is_that_of_the_model() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");
    let fresh = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("INSTA_UPDATE").is_some_and(|it| it == "always") {
        std::fs::write(path, &fresh).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        fresh == published,
        "write docs/report.schema.json again: INSTA_UPDATE=always cargo test --release published_schema"
    );
}

/// Every property says what it is, every object is closed, and no amount is a float.
#[test]
fn the_schema_says_what_each_property_is() {
    fn check(node: &Value, at: &str) {
        if let Some(properties) = node["properties"].as_object() {
            assert_eq!(node["additionalProperties"], false, "{at}");
            for (name, it) in properties {
                let described = it["description"].as_str().is_some_and(|it| !it.contains("[`"));
                assert!(described, "{at}.{name} has no description: {it}");
            }
        }
        match node {
            Value::Object(map) => {
                map.iter().for_each(|(key, it)| check(it, &format!("{at}/{key}")));
            }
            Value::Array(list) => list.iter().for_each(|it| check(it, at)),
            _ => {}
        }
    }
    let schema = schema();
    check(&schema, "");
    let text = schema.to_string();
    assert!(text.contains("\"x-unit\":\"s\"") && text.contains("\"x-unit\":\"report currency\""));
}

#[test]
fn a_report_fits_its_schema_and_a_spoiled_one_does_not() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let report: Value = serde_json::from_str(&text(&fixture::report(), Format::Json)).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&report).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    for (place, bad) in [
        ("/totals/monthly_savings", json!(13161.75)),
        ("/totals/monthly_savings", json!("13161.7")),
        ("/workloads/0/advice/action", json!("think")),
        ("/workloads/0/kind", json!("training run")),
        ("/totals/window_hours", Value::Null),
        ("/totals", json!({})),
        ("/workloads/0/features/new_statistic", json!(1)),
        ("/surprise", json!(1)),
    ] {
        let mut spoiled = report.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        spoiled.pointer_mut(parent).unwrap()[name] = bad;
        assert!(!validator.is_valid(&spoiled), "{place}");
    }
}
