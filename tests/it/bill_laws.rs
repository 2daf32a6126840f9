//! Laws of bills on random valid files: the parts add up to the whole in every currency and charge
//! category, whatever holds the rows, however they are split, cut, shared among pods or spoiled.

use std::collections::BTreeMap;

use gpuadvise::ingest::{CostTotals, Ingested, WindowCut};
use gpuadvise::report;
use gpuadvise::units::Money;
use proptest::prelude::*;

use crate::account::{holds, read_with};
use crate::charges::{
    Charge, HEADERS, Kind, Sums, add, charge, csv_of, expected, instant, jsonl_of, parquet_of,
};
use crate::cur_items::{self, Item, Row};
use crate::support::Bench;

const CONFIG: &str = "[fx]\nEUR = \"1.0812\"\nGBP = \"1.270000000001\"\n[[rule]]\ntags = { app = \
                      \"batch\" }\nworkload = \"{tag:app}\"\nowner = \"ops\"\n";

/// What makes a row one that is refused: a column, and the text in it; `=start` is the cell before.
const SPOILS: [(&str, &str); 13] = [
    ("BilledCost", "1,234.56"),
    ("BilledCost", "(12.00)"),
    ("BilledCost", "+5"),
    ("BilledCost", "1E+7"),
    ("BilledCost", ""),
    ("BilledCost", "0.1234567890123456789"),
    ("ListCost", "twelve"),
    ("BillingCurrency", "EURO"),
    ("BillingCurrency", ""),
    ("ChargeCategory", "Usagee"),
    ("CommitmentDiscountStatus", "Partly"),
    ("ChargePeriodStart", "yesterday"),
    ("ChargePeriodEnd", "=start"),
];

/// Reads texts, each a file of its own.
fn read(files: &[(String, Vec<u8>)], cut: &WindowCut) -> Option<Ingested> {
    let bench = Bench::new();
    let paths: Vec<_> = files
        .iter()
        .map(|(name, bytes)| {
            bench.write(name, bytes);
            bench.path(name)
        })
        .collect();
    read_with(&paths, CONFIG, cut).ok()
}

fn csv_files(parts: &[&[Charge]]) -> Vec<(String, Vec<u8>)> {
    let rows = |part: &[Charge]| part.iter().map(Charge::cells).collect::<Vec<_>>();
    let files = parts.iter().filter(|it| !it.is_empty()).enumerate();
    files.map(|(at, it)| (format!("{at}.csv"), csv_of(&HEADERS, &rows(it)))).collect()
}

fn sums(totals: &CostTotals) -> Sums {
    let it = totals;
    [it.billed, it.effective, it.list, it.contracted].map(|it| it.map(Money::atto))
}

fn by_currency(found: &Ingested) -> BTreeMap<String, Sums> {
    let lines = found.reconciliation.by_currency.iter();
    lines.map(|it| (it.currency.to_string(), sums(&it.line.totals))).collect()
}

fn by_category(found: &Ingested) -> BTreeMap<String, Sums> {
    let lines = found.reconciliation.by_charge_category.iter();
    lines.map(|it| (it.charge_category.to_owned(), sums(&it.line.totals))).collect()
}

/// Sums of the rows of the usage table, and GPU-hours in 10^-9.
fn of_table(found: &Ingested, only_gpus: bool) -> (Sums, i128) {
    let usage = &found.usage;
    let (mut total, mut nano) = (Sums::default(), 0);
    for at in (0..usage.len()).filter(|at| !only_gpus || usage.gpu.get(*at).is_some()) {
        let costs = [
            usage.billed_cost.get(at),
            usage.effective_cost.get(at),
            usage.list_cost.get(at),
            usage.contracted_cost.get(at),
        ];
        add(&mut total, costs);
        #[expect(clippy::cast_possible_truncation, reason = "a few thousand hours")]
        let hours = usage.gpu_hours.get(at).map_or(0, |it| (it * 1e9).round() as i128);
        nano += hours;
    }
    (total, nano)
}

/// Everything that must not depend on how the rows came: the account, the rows of the table, the
/// window, what is said.
pub(crate) fn told(found: &Ingested) -> (String, Vec<String>, String) {
    let mut account = report::Reconciliation::of(found);
    account.rejected.clear();
    let usage = &found.usage;
    let rows = (0..usage.len()).map(|at| format!("{:?}", usage.row(at))).collect();
    let more = format!("{:?} {:?}", found.window, found.notices);
    (serde_json::to_string_pretty(&account).unwrap(), rows, more)
}

fn dollars(charges: &[Charge]) -> Vec<Charge> {
    charges.iter().map(|it| Charge { currency: 0, ..it.clone() }).collect()
}

fn shuffled(charges: &[Charge], mut seed: u64) -> Vec<Charge> {
    let mut rows = charges.to_vec();
    for at in (1..rows.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
    }
    rows
}

fn charges() -> impl Strategy<Value = Vec<Charge>> {
    prop::collection::vec(charge(), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_parts_of_focus_add_up(rows in charges(), one_currency in any::<bool>()) {
        let rows = if one_currency { dollars(&rows) } else { rows };
        let Some(found) = read(&csv_files(&[&rows]), &WindowCut::default()) else {
            // Only taxes, credits and the like: nothing says when anything was used.
            prop_assert!(rows.iter().all(|it| it.category() != "Usage" || matches!(it.kind, Kind::Correction(_))));
            return Ok(());
        };
        holds(&found, &"focus");
        prop_assert_eq!((found.reconciliation.rows_in, found.rejected.len()), (rows.len() as u64, 0));
        let n_parts: u64 = found.reconciliation.parts.iter().map(|it| it.rows).sum();
        prop_assert_eq!(n_parts, rows.len() as u64);
        let (currencies, categories) = expected(&rows);
        prop_assert_eq!(by_currency(&found), currencies);
        if one_currency {
            prop_assert_eq!(by_category(&found), categories);
        }
        if one_currency {
            let told = found.reconciliation.by_commitment.first();
            let told = told.map_or([None; 3], |it| [it.purchased, it.effective_used, it.effective_unused]);
            prop_assert_eq!(told.map(|it| it.map(Money::atto)), of_commitment(&rows));
        }
        let corrected = rows.iter().any(|it| matches!(it.kind, Kind::Correction(_)));
        if !corrected {
            let hours: i128 = rows.iter().map(Charge::nano_gpu_hours).sum();
            prop_assert_eq!(of_table(&found, false).1, hours);
        }
    }

    #[test]
    fn the_parts_of_a_cost_and_usage_report_add_up(
        rows in prop::collection::vec(cur_items::row(), 1..40),
        one_currency in any::<bool>(),
        legacy in any::<bool>(),
    ) {
        let mut rows = rows;
        if one_currency {
            for it in &mut rows {
                it.currency = 0;
            }
        }
        let cells: Vec<Vec<String>> = rows.iter().map(|it| it.cells(legacy)).collect();
        let headers = if legacy { &cur_items::LEGACY } else { &cur_items::HEADERS };
        let of = |name: &str, bytes: Vec<u8>| {
            read(&[(name.to_owned(), bytes)], &WindowCut::default())
        };
        let Some(found) = of("cur.csv", csv_of(headers, &cells)) else {
            prop_assert!(rows.iter().all(|it| it.item == Item::Split));
            return Ok(());
        };
        holds(&found, &"cur");
        prop_assert_eq!((found.reconciliation.rows_in, found.rejected.len()), (rows.len() as u64, 0));
        let (currencies, categories) = cur_items::expected(&rows);
        prop_assert_eq!(by_currency(&found), currencies);
        if one_currency {
            prop_assert_eq!(by_category(&found), categories);
        }
        let hours: i128 = rows.iter().map(Row::nano_gpu_hours).sum();
        prop_assert_eq!(of_table(&found, false).1, hours);
        let parquet = of("cur.parquet", parquet_of(headers, &cells)).map(|it| told(&it));
        prop_assert_eq!(parquet, Some(told(&found)));
    }

    #[test]
    fn rejected_rows_keep_their_readable_amounts(
        rows in charges(),
        spoils in prop::collection::vec(prop::option::weighted(0.4, 0_usize..SPOILS.len()), 40),
    ) {
        let rows = dollars(&rows);
        // In one currency that is not the dollar, so that nothing may be taken for dollars.
        let rows: Vec<Charge> = rows.into_iter().map(|it| Charge { currency: 1, ..it }).collect();
        let mut cells: Vec<Vec<String>> = rows.iter().map(Charge::cells).collect();
        let mut total = Sums::default();
        let mut n_bad = 0;
        for ((row, cells), spoil) in rows.iter().zip(&mut cells).zip(&spoils) {
            let Some((header, text)) = spoil.map(|it| SPOILS[it]) else {
                add(&mut total, expected(std::slice::from_ref(row)).0["EUR"]);
                continue;
            };
            n_bad += 1;
            let at = HEADERS.iter().position(|it| *it == header).unwrap();
            text.clone_into(&mut cells[at]);
            if text == "=start" {
                cells[at] = cells[at - 1].clone();
            }
            let atto = |it: Option<crate::charges::Amount>| it.map(|it| it.atto);
            let mut readable = [Some(row.billed), Some(row.effective), row.list, row.contracted].map(atto);
            match header {
                "BilledCost" => readable[0] = None,
                "ListCost" => readable[2] = None,
                "BillingCurrency" => readable = Sums::default(),
                _ => {}
            }
            add(&mut total, readable);
        }
        let Some(found) = read(&[("a.csv".to_owned(), csv_of(&HEADERS, &cells))], &WindowCut::default()) else {
            return Ok(());
        };
        holds(&found, &"spoiled");
        let it = &found.reconciliation;
        prop_assert_eq!((it.rows_rejected, found.rejected.len() as u64), (n_bad, n_bad));
        prop_assert_eq!(it.currency.as_str(), "EUR");
        prop_assert_eq!(sums(&it.line.totals), total);
        for refused in &found.rejected {
            prop_assert!(refused.column.is_some(), "{}", refused);
        }
    }

    #[test]
    fn splitting_and_shuffling_change_nothing(rows in charges(), seed in any::<u64>(), cuts in (0_usize..40, 0_usize..40)) {
        let whole = read(&csv_files(&[&rows]), &WindowCut::default()).map(|it| told(&it));
        let mixed = shuffled(&rows, seed);
        let (a, b) = (cuts.0.min(cuts.1).min(rows.len()), cuts.0.max(cuts.1).min(rows.len()));
        let parts = [&mixed[b..], &mixed[..a], &mixed[a..b]];
        let split = read(&csv_files(&parts), &WindowCut::default()).map(|it| told(&it));
        prop_assert_eq!(split, whole);
    }

    #[test]
    fn every_container_gives_one_account(rows in charges()) {
        let cells: Vec<Vec<String>> = rows.iter().map(Charge::cells).collect();
        let of = |name: &str, bytes: Vec<u8>| {
            read(&[(name.to_owned(), bytes)], &WindowCut::default()).map(|it| told(&it))
        };
        let csv = of("a.csv", csv_of(&HEADERS, &cells));
        prop_assert_eq!(of("a.jsonl", jsonl_of(&HEADERS, &cells)), csv.clone());
        prop_assert_eq!(of("a.parquet", parquet_of(&HEADERS, &cells)), csv);
    }

    #[test]
    fn a_window_moves_amounts_and_loses_none(rows in charges(), since in 0_u32..96, length in 1_u32..60) {
        let rows = dollars(&rows);
        let cut = WindowCut {
            since: Some(instant(since)),
            until: Some(instant(since + length)),
            month: None,
        };
        let files = csv_files(&[&rows]);
        let Some(whole) = read(&files, &WindowCut::default()) else { return Ok(()) };
        let Some(found) = read(&files, &cut) else { return Ok(()) };
        holds(&found, &cut);
        prop_assert_eq!(by_currency(&found), by_currency(&whole));
        prop_assert_eq!(by_category(&found), by_category(&whole));
        let n_parts: u64 = found.reconciliation.parts.iter().map(|it| it.rows).sum();
        prop_assert_eq!(n_parts, rows.len() as u64);
    }

    #[test]
    fn a_window_holds_every_charge_that_starts_in_it(rows in charges(), since in 0_u32..96, length in 1_u32..60) {
        let rows = dollars(&rows);
        let (start, end) = (instant(since), instant(since + length));
        let cut = WindowCut { since: Some(start.clone()), until: Some(end.clone()), month: None };
        let Some(found) = read(&csv_files(&[&rows]), &cut) else { return Ok(()) };
        let inside = |it: &&Charge| {
            let at = instant(if matches!(it.kind, Kind::Correction(_)) { 0 } else { it.hours.0 });
            start <= at && at < end
        };
        let n_outside = rows.len() - rows.iter().filter(inside).count();
        prop_assert_eq!(found.reconciliation.rows_outside_window, n_outside as u64);
    }

    #[test]
    fn pods_share_a_machine_to_the_last_digit(
        rows in charges(),
        pods in prop::collection::vec((0_usize..4, 0_u32..96, prop::option::of(1_u32..96), 1_u32..9, 0_usize..3), 0..12),
    ) {
        let rows: Vec<Charge> = dollars(&rows)
            .into_iter()
            .filter(|it| matches!(it.kind, Kind::Gpu(_) | Kind::Flat(_) | Kind::Used(_) | Kind::Cpu))
            .collect();
        let gpus: Vec<Charge> = rows.iter().filter(|it| it.kind != Kind::Cpu).cloned().collect();
        if gpus.is_empty() {
            return Ok(());
        }
        let snapshot = ("cluster.json".to_owned(), cluster(&pods).into_bytes());
        let read_all = |rows: &[Charge], shared: bool| {
            let mut files = csv_files(&[rows]);
            files.extend(shared.then(|| snapshot.clone()));
            let found = read(&files, &WindowCut::default()).unwrap();
            holds(&found, &pods);
            found
        };
        read_all(&rows, true);
        let (without, shared) = (read_all(&gpus, false), read_all(&gpus, true));
        prop_assert_eq!(of_table(&shared, true), of_table(&without, true));
        let hours: i128 = rows.iter().map(Charge::nano_gpu_hours).sum();
        prop_assert_eq!(of_table(&shared, true).1, hours);
    }
}

/// What was bought of the one commitment, used and not used.
fn of_commitment(rows: &[Charge]) -> [Option<i128>; 3] {
    let sum = |amounts: Vec<i128>| (!amounts.is_empty()).then(|| amounts.iter().sum());
    let of = |is: &dyn Fn(Kind) -> bool| rows.iter().filter(|it| is(it.kind)).collect::<Vec<_>>();
    let effective =
        |rows: Vec<&Charge>| sum(rows.iter().map(|it| it.effective.atto).collect::<Vec<_>>());
    let bought = of(&|it| matches!(it, Kind::PurchaseForLater | Kind::PurchaseOnce));
    [
        sum(bought.iter().map(|it| it.billed.atto).collect()),
        effective(of(&|it| matches!(it, Kind::Used(_)))),
        effective(of(&|it| it == Kind::Unused)),
    ]
}

/// A snapshot of four machines of eight GPUs, and pods: machine, start, end, GPUs, workload.
fn cluster(pods: &[(usize, u32, Option<u32>, u32, usize)]) -> String {
    let mut items: Vec<String> = (0..4)
        .map(|at| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n{at}","labels":{{"nvidia.com/gpu.product":"NVIDIA-H100-80GB-HBM3"}}}},"spec":{{"providerID":"aws:///us-east-1a/i-0c41d{at}"}},"status":{{"capacity":{{"nvidia.com/gpu":"8"}},"allocatable":{{"nvidia.com/gpu":"8"}}}}}}"#
            )
        })
        .collect();
    for (at, (machine, start, length, gpus, workload)) in pods.iter().enumerate() {
        let from = instant(*start);
        let status = match length {
            None => format!(r#""phase":"Running","startTime":"{from}""#),
            Some(length) => format!(
                r#""phase":"Succeeded","startTime":"{from}","containerStatuses":[{{"name":"c","state":{{"terminated":{{"startedAt":"{from}","finishedAt":"{}"}}}}}}]"#,
                instant(start + length)
            ),
        };
        items.push(format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"w{workload}-{at}","namespace":"ml","creationTimestamp":"{from}","ownerReferences":[{{"kind":"StatefulSet","name":"w{workload}","controller":true}}]}},"spec":{{"nodeName":"n{machine}","containers":[{{"name":"c","resources":{{"limits":{{"nvidia.com/gpu":"{gpus}"}},"requests":{{"nvidia.com/gpu":"{gpus}"}}}}}}]}},"status":{{{status}}}}}"#
        ));
    }
    format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, items.join(","))
}
