//! Commitments to resources in the Google export: fees are spread over what they cover, and the parts
//! add up, whatever is covered and however the rows come.

use gpuadvise::ingest::{Ingested, WindowCut};
use gpuadvise::units::Money;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::account::{holds, read_with, text};
use crate::bill_laws::told;
use crate::support::Bench;

const L4: &str = "Nvidia L4 GPU running in Iowa";
const L4_FEE: &str = "Commitment v1: Nvidia L4 GPU running in Iowa for 1 Year";
const CORE: &str = "G2 Instance Core running in Iowa";
const CORE_FEE: &str = "Commitment v1: G2 Cpu in Iowa for 1 Year";

/// An hour of a machine on a day of June: the SKU, the machine, its cost, what a commitment takes off,
/// and the quantity.
fn row(sku: &str, machine: &str, day: u32, cost: &str, off: &str, quantity: &str) -> String {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let credits = match off {
        "" => json!([]),
        off => json!([{"amount": number(off), "type": "COMMITTED_USAGE_DISCOUNT"}]),
    };
    let resource = match machine {
        "" => Value::Null,
        it => json!({"name": it, "global_name": format!("//compute/instances/{it}")}),
    };
    let row = json!({
        "service": {"description": "Compute Engine"},
        "sku": {"id": "S", "description": sku},
        "usage_start_time": format!("2026-06-{day:02} 08:00:00 UTC"),
        "usage_end_time": format!("2026-06-{day:02} 09:00:00 UTC"),
        "project": {"id": "lab"},
        "location": {"region": "us-central1"},
        "cost": number(cost),
        "currency": "USD",
        "usage": {"amount_in_pricing_units": number(quantity), "pricing_unit": "hour"},
        "credits": credits,
        "invoice": {"month": "202606"},
        "cost_type": "regular",
        "resource": resource,
    });
    format!("{row}\n")
}

/// 10 L4-hours of `embed` at 0.56, all covered, with 80 hours of its cores for 2.00, all covered; 4
/// L4-hours of `chat` for 2.24, of which 0.56 are covered, a quarter.
fn uses() -> Vec<String> {
    vec![
        row(L4, "embed", 10, "5.6", "-5.6", "10"),
        row(CORE, "embed", 10, "2", "-2", "80"),
        row(L4, "chat", 11, "2.24", "-0.56", "4"),
    ]
}

/// 22 L4-hours for 7.70 and 80 core-hours for 1.25.
fn fees() -> Vec<String> {
    vec![row(L4_FEE, "", 10, "7.7", "", "22"), row(CORE_FEE, "", 10, "1.25", "", "80")]
}

fn read(files: &[&[String]]) -> Ingested {
    let bench = Bench::new();
    let paths: Vec<_> = (0..)
        .zip(files)
        .map(|(at, rows)| {
            bench.write(&format!("{at}.jsonl"), rows.concat());
            bench.path(&format!("{at}.jsonl"))
        })
        .collect();
    let found = read_with(&paths, "", &WindowCut::default()).unwrap();
    holds(&found, &"google");
    found
}

/// Workload, pricing, GPU-hours and effective cost of every row of the table.
fn rows_of(found: &Ingested) -> Vec<String> {
    let table = &found.usage;
    let told = |at: usize| {
        let row = table.row(at)?;
        let hours = row.gpu_hours.map_or("-".to_owned(), |it| it.to_string());
        let (who, how) = (row.workload?, row.pricing_category.as_str());
        Some(format!("{who} {how} {hours} {}", text(row.effective_cost)))
    };
    let mut rows: Vec<String> = (0..table.len()).filter_map(told).collect();
    rows.sort();
    rows
}

fn commitments(found: &Ingested) -> Vec<String> {
    let table = found.reconciliation.by_commitment.iter();
    table
        .map(|it| {
            let amounts = [it.purchased, it.effective_used, it.effective_unused, it.difference];
            let cause = it.cause.unwrap_or_default();
            format!("{}: {} {cause}", it.id, amounts.map(text).join(" ")).trim_end().to_owned()
        })
        .collect()
}

/// Covered are 10 + 4 x 0.56 / 2.24 = 11 of 22 L4-hours: 3.85 of 7.70 are used, 0.35 an hour, 3.85 not.
/// `embed` costs 3.50 and its cores 1.25, `chat` 0.35 beside the 2.24 - 0.56 = 1.68 that are not covered.
/// 3.50 + 1.25 + 0.35 + 1.68 + 3.85 = 10.63, which is billed: 1.68 + 7.70 + 1.25.
#[test]
fn fees_are_costs_of_what_they_cover() {
    let found = read(&[&[uses(), fees()].concat()]);
    let expected = [
        "chat Committed 1 0.35",
        "chat Standard 3 1.68",
        "embed Committed - 1.25",
        "embed Committed 10 3.50",
    ];
    assert_eq!(rows_of(&found), expected);
    let expected =
        ["G2 Core in Iowa: 1.25 1.25 - 0.00", "Nvidia L4 GPU in Iowa: 7.70 3.85 3.85 0.00"];
    assert_eq!(commitments(&found), expected);
    let line = &found.reconciliation.line;
    assert_eq!([line.totals.billed, line.totals.effective].map(text), ["10.63", "10.63"]);
    assert_eq!([line.assigned, line.excluded].map(text), ["1.68", "8.95"]);
    let categories = found.reconciliation.by_charge_category.iter();
    let categories: Vec<_> = categories
        .map(|it| (it.charge_category, text(it.line.totals.billed), text(it.line.totals.effective)))
        .collect();
    let of = |name, billed: &str, effective: &str| (name, billed.to_owned(), effective.to_owned());
    assert_eq!(categories, [of("Purchase", "8.95", "0.00"), of("Usage", "1.68", "10.63")]);
    assert!(!found.notices.iter().any(|it| it.contains("commitment")), "{:?}", found.notices);
}

#[test]
fn the_order_of_files_changes_nothing() {
    let (uses, fees) = (uses(), fees());
    let whole = told(&read(&[&[uses.clone(), fees.clone()].concat()]));
    assert_eq!(told(&read(&[&uses, &fees])), whole);
    assert_eq!(told(&read(&[&fees, &uses])), whole);
}

/// Without the fees nothing says what 11 L4-hours and the cores cost; 1.68 is what is billed.
#[test]
fn what_is_covered_by_a_fee_elsewhere_has_no_known_cost() {
    let found = read(&[&uses()]);
    let expected = [
        "chat Committed 1 -",
        "chat Standard 3 1.68",
        "embed Committed - -",
        "embed Committed 10 -",
    ];
    assert_eq!(rows_of(&found), expected);
    let cause = "its fee is in none of these files: its cost is not known";
    let expected =
        ["G2 Core in Iowa", "Nvidia L4 GPU in Iowa"].map(|it| format!("{it}: - - - - {cause}"));
    assert_eq!(commitments(&found), expected);
    let told: Vec<_> = found.notices.iter().filter(|it| it.contains("commitments")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("commitments cover 11.00 GPU-hours"), "{told:?}");
    assert!(told[0].ends_with("is not known: 2 commitments"), "{told:?}");
    assert!(!found.notices.iter().any(|it| it.contains("stands in")), "{:?}", found.notices);
}

/// The fees, and a GPU that they do not cover.
#[test]
fn fees_that_cover_nothing_are_unused() {
    let rows = [fees(), vec![row(L4, "chat", 11, "2.24", "", "4")]].concat();
    let found = read(&[&rows]);
    assert_eq!(rows_of(&found), ["chat Standard 4 2.24"]);
    let expected = ["G2 Core in Iowa: 1.25 - 1.25 0.00", "Nvidia L4 GPU in Iowa: 7.70 - 7.70 0.00"];
    assert_eq!(commitments(&found), expected);
}

/// The printed parts: billed 1.68 + 8.95, and effective, workloads 3.50 + 1.25 + 0.35 + 1.68 = 6.78 and
/// unused 3.85, are 10.63 both.
#[test]
fn the_printed_parts_add_up() {
    let bench = Bench::new();
    let file = bench.write("bill.jsonl", [uses(), fees()].concat().concat());
    let ran = bench.run(&["ingest", &file, "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let printed: Value = serde_json::from_str(&ran.stdout).unwrap();
    let account = &printed["reconciliation"];
    let expected = json!([
        {"part": "assigned", "rows": 3, "billed": "1.68", "effective": "6.78"},
        {"part": "commitment_unused", "rows": 0, "billed": null, "effective": "3.85"},
        {"part": "purchases", "rows": 2, "billed": "8.95", "effective": "0.00"},
    ]);
    assert_eq!(account["parts"], expected);
    let l4 = &account["by_commitment"][1];
    let amounts = ["purchased", "effective_used", "effective_unused", "difference"];
    assert_eq!(amounts.map(|it| l4[it].as_str().unwrap()), ["7.70", "3.85", "3.85", "0.00"]);
}

/// A random use: GPU or cores, machine, day, cost in 10^-6, thousandths covered, quantity in 10^-3.
type Use = (bool, u8, u32, u32, u32, u32);

fn random_row((is_gpu, machine, day, cost, covered, quantity): Use) -> String {
    let cost_text = format!("{}.{:06}", cost / 1_000_000, cost % 1_000_000);
    let off = u64::from(cost) * u64::from(covered) / 1000;
    let off = if off == 0 {
        String::new()
    } else {
        format!("-{}.{:06}", off / 1_000_000, off % 1_000_000)
    };
    let quantity = format!("{}.{:03}", quantity / 1000, quantity % 1000);
    let sku = if is_gpu { L4 } else { CORE };
    row(sku, &format!("m{machine}"), day, &cost_text, &off, &quantity)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn effective_costs_of_any_use_add_up_to_what_is_billed(
        uses in prop::collection::vec(
            (any::<bool>(), 0..3_u8, 1..29_u32, 1..90_000_000_u32, 0..=1000_u32, 1..50_000_u32),
            1..20,
        ),
        fees in prop::collection::vec((1..29_u32, 1..900_u32, 1..200_u32), 1..5),
        at in 0..20_usize,
    ) {
        let uses: Vec<String> = uses.into_iter().map(random_row).collect();
        let mut rows = uses.clone();
        for (day, cost, quantity) in fees {
            for fee in [L4_FEE, CORE_FEE] {
                rows.push(row(fee, "", day, &format!("{cost}.37"), "", &quantity.to_string()));
            }
        }
        let found = read(&[&rows]);
        let line = &found.reconciliation.line;
        prop_assert_eq!(line.totals.effective, line.totals.billed);
        let is_open = |it: Option<Money>| !it.is_none_or(Money::is_zero);
        prop_assert!(!found.reconciliation.by_commitment.iter().any(|it| is_open(it.difference)));
        let n_parts: u64 = found.reconciliation.parts.iter().map(|it| it.rows).sum();
        prop_assert_eq!(n_parts, rows.len() as u64);
        let (first, second) = rows.split_at(at.clamp(1, rows.len() - 1));
        prop_assert_eq!(told(&read(&[second, first])), told(&found));
    }
}

/// A machine whose label changes from `embed` to `chat` after a day: each has its own hour of the GPU
/// and of the cores, 0.56 + 0.20 and 0.84 + 0.30.
#[test]
fn cores_go_to_whom_the_machine_belonged_at_the_time() {
    let labelled = |row: String, workload: &str| {
        let mut row: Value = serde_json::from_str(&row).unwrap();
        row["labels"] = json!([{"key": "workload", "value": workload}]);
        format!("{row}\n")
    };
    let rows = [
        labelled(row(L4, "m", 10, "0.56", "", "1"), "embed"),
        labelled(row(CORE, "m", 10, "0.2", "", "8"), "embed"),
        labelled(row(L4, "m", 11, "0.84", "", "1"), "chat"),
        labelled(row(CORE, "m", 11, "0.3", "", "8"), "chat"),
    ];
    let found = read(&[&rows]);
    assert_eq!(rows_of(&found), ["chat Standard 1 1.14", "embed Standard 1 0.76"]);
}
