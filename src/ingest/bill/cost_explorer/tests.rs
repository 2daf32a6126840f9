//! Answers of Cost Explorer with totals worked by hand.

use serde_json::{Value, json};

use super::super::charge::{ChargeCategory, QuantityUnit, Use};
use super::super::columns::fixtures::{Read, read};
use super::{FORMAT, estimated, is_own, is_unfinished, table};
use crate::units::Currency;
use crate::usage::PricingCategory;

fn metrics(unblended: &str, amortized: &str, usage: &str, unit: &str) -> Value {
    json!({
        "UnblendedCost": {"Amount": unblended, "Unit": "USD"},
        "AmortizedCost": {"Amount": amortized, "Unit": "USD"},
        "BlendedCost": {"Amount": "999", "Unit": "USD"},
        "UsageQuantity": {"Amount": usage, "Unit": unit},
    })
}

fn day(day: u8, estimated: bool, groups: &Value) -> Value {
    json!({
        "TimePeriod": {"Start": format!("2026-06-{day:02}"), "End": format!("2026-06-{:02}",
         day + 1)},
        "Total": {}, "Groups": groups, "Estimated": estimated
    })
}

fn by(definitions: &[(&str, &str)], results: &Value) -> Value {
    let definitions: Vec<Value> =
        definitions.iter().map(|(kind, key)| json!({"Type": kind, "Key": key})).collect();
    json!({"ResultsByTime": results, "GroupDefinitions": definitions,
           "DimensionValueAttributes": []})
}

fn answer() -> Value {
    let group = |instance: &str, team: &str, metrics: Value| {
        json!({"Keys": [instance,
     format!("team${team}")], "Metrics": metrics})
    };
    by(
        &[("DIMENSION", "INSTANCE_TYPE"), ("TAG", "team")],
        &json!([
            day(
                1,
                false,
                &json!([
                    group(
                        "p5.48xlarge",
                        "search",
                        metrics("1321.0000000001", "900.5", "24", "Hrs")
                    ),
                    group("NoInstanceType", "", metrics("12.34", "12.34", "5011.2", "N/A")),
                ])
            ),
            day(
                2,
                true,
                &json!([group("p5.48xlarge", "search", metrics("-21", "0E-10", "-0.5", "Hrs")),])
            ),
            // A day without any cost.
            day(3, true, &json!([])),
        ]),
    )
}

fn read_answer(document: Value) -> Read {
    read(&FORMAT, &table(document, "bill").unwrap().unwrap())
}

#[test]
fn groups_are_rows() {
    let found = read_answer(answer());
    // 1321.0000000001 + 12.34 - 21, and 900.5 + 12.34 + 0.
    assert_eq!(found.sums(), ("1312.3400000001".to_owned(), "912.84".to_owned()));
    assert_eq!(found.n_floats(), 0);
    // Hours are negative in a correction; what is not hours is none.
    assert_eq!(found.quantities(), [Some(24.0), None, Some(-0.5)]);
    assert_eq!(found.period(2), ("2026-06-02T00:00:00Z".to_owned(), 24.0));
    assert_eq!(found.faults(), [""; 0]);
    assert_eq!(found.format, "AWS Cost Explorer (by INSTANCE_TYPE and team)");
    let line = &found.rows[0].line;
    assert_eq!((line.provider.as_deref(), line.currency), (Some("aws"), Some(Currency::USD)));
    assert_eq!(line.instance_type.as_deref(), Some("p5.48xlarge"));
    assert_eq!((line.unit, &line.resource_id), (QuantityUnit::Hours(1.0), &None));
    assert_eq!(line.tags["team"], "search");
    let other = &found.rows[1].line;
    assert_eq!((&other.instance_type, other.unit), (&None, QuantityUnit::None));
    assert_eq!(other.tags.len(), 0);
}

#[test]
fn every_dimension_goes_to_its_place() {
    let line = |key: &str, text: &str| {
        let groups = json!([{"Keys": [text], "Metrics": metrics("1", "1", "2", "Hrs")}]);
        let mut found = read_answer(by(&[("DIMENSION", key)], &json!([day(1, false, &groups)])));
        found.rows.remove(0).line
    };
    let usage = line("USAGE_TYPE", "USW2-SpotUsage:g5.xlarge");
    assert_eq!(usage.sku_texts, ["USW2-SpotUsage:g5.xlarge"]);
    assert_eq!(usage.pricing, PricingCategory::Dynamic);
    let service = line("SERVICE", "Amazon Elastic Compute Cloud - Compute");
    assert_eq!(service.service.as_deref(), Some("Amazon Elastic Compute Cloud - Compute"));
    assert_eq!(line("SERVICE", "Tax").category, Some(ChargeCategory::Tax));
    assert_eq!(line("LINKED_ACCOUNT", "111122223333").sub_account.as_deref(), Some("111122223333"));
    assert_eq!(line("REGION", "us-east-1").region.as_deref(), Some("us-east-1"));
    assert_eq!(line("REGION", "NoRegion").region, None);
    assert_eq!(line("PURCHASE_TYPE", "Savings Plans").pricing, PricingCategory::Committed);
    for (text, category, covered, unit) in [
        ("Tax", ChargeCategory::Tax, None, QuantityUnit::None),
        ("Credit", ChargeCategory::Credit, None, QuantityUnit::None),
        ("Refund", ChargeCategory::Adjustment, None, QuantityUnit::None),
        ("RIFee", ChargeCategory::Purchase, None, QuantityUnit::None),
        ("Savings Plan Recurring Fee", ChargeCategory::Purchase, None, QuantityUnit::None),
        // Its hours are those of the covered usage, which has its own row.
        ("SavingsPlanNegation", ChargeCategory::Usage, None, QuantityUnit::None),
        (
            "SavingsPlanCoveredUsage",
            ChargeCategory::Usage,
            Some(Use::Used),
            QuantityUnit::Hours(1.0),
        ),
        ("Usage", ChargeCategory::Usage, None, QuantityUnit::Hours(1.0)),
        ("EdpDiscount", ChargeCategory::Credit, None, QuantityUnit::None),
    ] {
        let found = line("RECORD_TYPE", text);
        assert_eq!(found.category, Some(category), "{text}");
        assert_eq!((found.commitment_use, found.unit), (covered, unit), "{text}");
    }
}

#[test]
fn an_ungrouped_answer_has_totals() {
    let total = |day: u8, cost: &str| {
        json!({"TimePeriod": {"Start": format!("2026-{day:02}-01"),
         "End": format!("2026-{:02}-01", day + 1)},
               "Total": {"NetUnblendedCost": {"Amount": cost, "Unit": "EUR"}}, "Groups": [],
                "Estimated": false})
    };
    let found = read_answer(json!({"ResultsByTime": [total(6, "100.25"), total(7, "0.75")]}));
    // Amortized cost was not asked for, and is not known.
    assert_eq!(found.sums(), ("101.00".to_owned(), "0.00".to_owned()));
    assert!(found.rows.iter().all(|it| it.parts[0].costs.effective.is_none()));
    assert_eq!(found.rows[0].line.currency.map(|it| it.to_string()).as_deref(), Some("EUR"));
    // June has 30 days.
    assert_eq!(found.period(0), ("2026-06-01T00:00:00Z".to_owned(), 720.0));
    assert_eq!(found.format, "AWS Cost Explorer (ungrouped)");
}

#[test]
fn pages_are_one_bill() {
    let page = |number: u8| {
        let groups = json!([{"Keys": ["g5.xlarge"], "Metrics": metrics("2.5", "2.5", "1", "Hrs")}]);
        by(&[("DIMENSION", "INSTANCE_TYPE")], &json!([day(number, false, &groups)]))
    };
    let mut first = page(1);
    first["NextPageToken"] = json!("opaque");
    let whole = json!([first.clone(), page(2)]);
    assert!(is_unfinished(&first));
    assert!(!is_unfinished(&whole));
    assert_eq!(read_answer(whole).sums().0, "5.00");
    // The token of a page goes nowhere.
    assert!(
        table(first.clone(), "bill")
            .unwrap()
            .unwrap()
            .headers
            .iter()
            .all(|it| !it.contains("Token"))
    );
    let error = |document: Value| table(document, "bill").unwrap().err().unwrap().to_string();
    assert_eq!(error(json!([first, page(1)])), "bill: group 2 came before for the same period");
    let by_service = by(&[("DIMENSION", "SERVICE")], &json!([]));
    assert_eq!(
        error(json!([page(1), by_service])),
        "bill: its pages are grouped in different ways"
    );
}

#[test]
fn estimates_are_told() {
    assert_eq!(estimated(&answer()), Some(true));
    assert_eq!(estimated(&json!([answer()])), Some(true));
    assert_eq!(estimated(&by(&[], &json!([day(1, false, &json!([]))]))), Some(false));
    assert_eq!(estimated(&json!({"Estimated": true})), None);
}

#[test]
fn faulty_groups_are_refused() {
    let mut document = answer();
    let groups = &mut document["ResultsByTime"][0]["Groups"];
    groups[0]["Metrics"]["UnblendedCost"]["Amount"] = json!("1,321.00");
    groups[1]["Metrics"]["UsageQuantity"]["Amount"] = json!("lots");
    document["ResultsByTime"][1]["TimePeriod"]["End"] = json!("2026-06-02");
    let mut found = read_answer(document);
    assert_eq!(
        found.faults(),
        [
            "1 Metrics.UnblendedCost.Amount: `1,321.00` is not a decimal amount",
            "2 Metrics.UsageQuantity.Amount: `lots` is not a number",
            "3 TimePeriod.End: the period ends at 2026-06-02T00:00:00Z, not after its start",
        ]
    );
    let mut document = answer();
    let groups = &mut document["ResultsByTime"][0]["Groups"];
    groups[0]["Metrics"]["AmortizedCost"]["Unit"] = json!("EUR");
    groups[1]["Metrics"] = json!("none");
    found = read_answer(document);
    assert_eq!(
        found.faults(),
        [
            "1 Metrics.AmortizedCost.Unit: the costs of one row are in two currencies",
            "2 Metrics.UnblendedCost.Amount: the cost is empty; an unknown cost is not zero",
        ]
    );
}

#[test]
fn broken_documents_are_errors() {
    let error = |document: Value| table(document, "bill").unwrap().err().unwrap().to_string();
    assert_eq!(error(by(&[], &json!([]))), "bill: no row to analyse");
    let mut document = answer();
    document["ResultsByTime"][0]["Groups"][1]["Keys"] = json!(["NoInstanceType"]);
    assert_eq!(error(document), "bill: group 2 does not have 2 keys");
    // Without its definitions nobody knows what the keys mean.
    let mut document = answer();
    document.as_object_mut().unwrap().remove("GroupDefinitions");
    assert_eq!(error(document), "bill: group 1 does not have 0 keys");
    let groups =
        json!([{"Keys": ["a"], "Metrics": {"BlendedCost": {"Amount": "1", "Unit": "USD"}}}]);
    let blended = by(&[("DIMENSION", "SERVICE")], &json!([day(1, false, &groups)]));
    let blended = table(blended, "bill").unwrap().unwrap();
    assert!((FORMAT.fits)(&blended.headers));
    let error = (FORMAT.bind)(&blended, "bill").err().unwrap();
    assert_eq!(error.to_string(), "bill: the column `UnblendedCost` is missing");
    for document in [json!([]), json!({}), json!([answer(), {}]), json!({"ResultsByTime": {}})] {
        assert!(!is_own(&document), "{document}");
        assert!(table(document, "bill").is_none());
    }
}
