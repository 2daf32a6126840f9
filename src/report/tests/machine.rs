//! The workbook, the table of recommendations and the metrics, on one report.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use polars::prelude::*;

use super::files;
use super::fixture;
use crate::report::model::ReportModel;
use crate::report::{prometheus, recommendations, workbook};

/// The columns of AWS Data Exports' `COST_OPTIMIZATION_RECOMMENDATIONS`, in the order of its
/// dictionary.
const AWS: [&str; 26] = [
    "account_id",
    "account_name",
    "action_type",
    "currency_code",
    "current_resource_details",
    "current_resource_summary",
    "current_resource_type",
    "estimated_monthly_cost_after_discount",
    "estimated_monthly_cost_before_discount",
    "estimated_monthly_savings_after_discount",
    "estimated_monthly_savings_before_discount",
    "estimated_savings_percentage_after_discount",
    "estimated_savings_percentage_before_discount",
    "implementation_effort",
    "last_refresh_timestamp",
    "recommendation_id",
    "recommendation_lookback_period_in_days",
    "recommendation_source",
    "recommended_resource_details",
    "recommended_resource_summary",
    "recommended_resource_type",
    "region",
    "resource_arn",
    "restart_needed",
    "rollback_possible",
    "tags",
];

/// The parts of a workbook by their path in it.
pub(super) fn parts(report: &ReportModel) -> BTreeMap<String, String> {
    let bytes = workbook::render(report).unwrap();
    let mut archive = ::zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|at| {
            let mut part = archive.by_index(at).unwrap();
            let mut text = String::new();
            part.read_to_string(&mut text).unwrap();
            (part.name().unwrap().into_owned(), text)
        })
        .collect()
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|it| it.split_once(close)).map(|it| it.0).collect()
}

#[test]
fn a_workbook_has_its_sheets_and_its_day() {
    let parts = parts(&fixture::report());
    let names = between(&parts["xl/workbook.xml"], "<sheet name=\"", "\"");
    let expected = [
        "Summary",
        "Workloads",
        "Plans",
        "Advice",
        "Hourly demand",
        "Reconciliation",
        "Assumptions",
    ];
    assert_eq!(names, expected);
    let core = &parts["docProps/core.xml"];
    assert_eq!(core.matches("2026-11-05T00:00:00Z").count(), 2, "{core}");
    for sheet in 1..=7 {
        let sheet = &parts[&format!("xl/worksheets/sheet{sheet}.xml")];
        assert!(sheet.contains("state=\"frozen\"") && sheet.contains("<autoFilter"), "{sheet}");
        assert!(!sheet.contains("mergeCell"));
    }
    let charts = parts.keys().filter(|it| it.starts_with("xl/charts/chart")).count();
    assert_eq!(charts, 3);
}

#[test]
fn text_of_the_data_is_never_a_formula() {
    let mut report = fixture::report();
    let bad = ["=cmd|'/C calc'!A0", "+1+1", "-2", "@SUM(A1)", "Plans!$A$1", "'", "<x>&\"]]>"];
    for (at, name) in bad.into_iter().enumerate() {
        let mut it = report.workloads[0].clone();
        it.name = name.to_owned();
        it.slug = format!("w{at}");
        it.owner = Some(name.to_owned());
        it.demand_unit = name.to_owned();
        it.baseline.pricing_category = name.to_owned();
        it.advice.summary = name.to_owned();
        it.advice.id = format!("w{at}");
        it.plans.truncate(1);
        report.workloads.push(it);
    }
    report.period_label = "=1+1".to_owned();
    report.notices = vec!["=1+1".to_owned(), "\u{0}x".repeat(40_000)];
    let parts = parts(&report);
    let is_ours = |formula: &str| {
        formula.starts_with("SUBTOTAL(109,") || formula.starts_with("SUM(") || formula.len() < 12
    };
    let mut n_formulas = 0;
    for (path, part) in parts.iter().filter(|it| it.0.contains("sheets/sheet")) {
        for formula in between(part, "<f>", "</f>") {
            n_formulas += 1;
            assert!(is_ours(formula) && !formula.contains("cmd"), "{path}: {formula}");
        }
        assert!(!part.contains("t=\"e\"") && !part.contains("hyperlink"), "{path}");
    }
    assert!(n_formulas > 20, "{n_formulas}");
    for (path, part) in parts.iter().filter(|it| it.0.starts_with("xl/charts/chart")) {
        for title in between(part, "<a:t>", "</a:t>") {
            assert!(bad.iter().all(|it| !title.contains(it)), "{path}: {title}");
        }
    }
    assert!(parts["xl/sharedStrings.xml"].contains("=cmd|'/C calc'!A0"));
}

#[test]
fn totals_are_formulas_with_the_sums_of_the_report() {
    let parts = parts(&fixture::report());
    let sheet = &parts["xl/worksheets/sheet2.xml"];
    for (formula, sum) in [
        ("SUBTOTAL(109,X2:X5)", "13161.75"),
        ("SUBTOTAL(109,W2:W5)", "77142.49"),
        ("SUBTOTAL(109,Y2:Y5)", "13161.75"),
        ("SUBTOTAL(109,Z2:Z5)", "63980.74"),
    ] {
        assert!(sheet.contains(&format!("<f>{formula}</f><v>{sum}</v>")), "{formula}: {sheet}");
    }
    let account = &parts["xl/worksheets/sheet6.xml"];
    assert!(account.contains("<f>SUBTOTAL(109,C2:C5)</f><v>78621.94</v>"), "{account}");
    let summary = &parts["xl/worksheets/sheet1.xml"];
    assert!(summary.contains("<f>SUM('Workloads'!$X$2:$X$5)</f><v>13161.75</v>"), "{summary}");
}

/// Names stand on the axis that is turned round, so that the dearest is on top and amounts grow to the
/// right.
#[test]
fn bars_begin_at_the_left_with_the_dearest_on_top() {
    let parts = parts(&fixture::report());
    for chart in ["xl/charts/chart1.xml", "xl/charts/chart2.xml"] {
        let text = &parts[chart];
        let names = between(text, "<c:catAx>", "</c:catAx>")[0];
        let amounts = between(text, "<c:valAx>", "</c:valAx>")[0];
        assert!(names.contains("<c:orientation val=\"maxMin\"/>"), "{chart}: {names}");
        assert!(amounts.contains("<c:orientation val=\"minMax\"/>"), "{chart}: {amounts}");
        assert!(amounts.contains("USD a month of 730 h"), "{chart}: {amounts}");
        assert!(amounts.contains("<c:crosses val=\"max\"/>"), "{chart}: {amounts}");
    }
}

/// Batch has no latency limits, so it neither assumes them nor does not; amounts in texts are as in
/// cells.
#[test]
fn texts_of_the_workbook_say_no_more_than_they_know() {
    let mut report = fixture::report();
    for it in &mut report.workloads {
        it.slo.assumed = true;
    }
    report.workloads[1].slo.ttft_p95_s = None;
    report.workloads[1].slo.tpot_p95_s = None;
    report.notices = vec!["a budget of 1489.6312 USD".to_owned()];
    report.workloads[0].advice.summary = "Saves 12345.678 USD.".to_owned();
    let parts = parts(&report);
    let rows = between(&parts["xl/worksheets/sheet2.xml"], "<row ", "</row>");
    assert!(rows[1].contains("r=\"AC2\"") && !rows[2].contains("r=\"AC3\""), "{rows:?}");
    let strings = &parts["xl/sharedStrings.xml"];
    assert!(strings.contains("a budget of 1,489.63 USD"), "{strings}");
    assert!(strings.contains("Saves 12,345.68 USD."), "{strings}");
}

/// Not measured is an empty cell: the nameless workload has no cost, and no zero.
#[test]
fn what_was_not_measured_is_an_empty_cell() {
    let parts = parts(&fixture::report());
    let sheet = &parts["xl/worksheets/sheet2.xml"];
    let row = between(sheet, "<row r=\"5\"", "</row>")[0];
    for column in ["N", "O", "P", "S", "T", "U", "W", "Z"] {
        assert!(!row.contains(&format!("r=\"{column}5\"")), "{column}: {row}");
    }
}

#[test]
fn an_empty_report_is_a_workbook_too() {
    let mut report = fixture::report();
    report.workloads.clear();
    report.portfolio.ranking.clear();
    report.reconciliation.parts.clear();
    report.provenance.as_of = "soon".to_owned();
    assert!(parts(&report).contains_key("xl/worksheets/sheet7.xml"));
    assert_eq!(recommendations::render_csv(&report).unwrap().lines().count(), 1);
    assert!(!recommendations::render_parquet(&report).unwrap().is_empty());
}

#[test]
fn recommendations_have_the_columns_of_aws_first() {
    let report = fixture::report();
    let csv = recommendations::render_csv(&report).unwrap();
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<String> = reader.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    assert_eq!(names[..AWS.len()], AWS);
    let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| &rows[row][names.iter().position(|it| it == name).unwrap()];
    assert_eq!(rows.len(), 2, "a switch and a stop; keep and too little data have no row");
    assert_eq!((cell(0, "action_type"), cell(1, "action_type")), ("Switch", "Stop"));
    assert_eq!(cell(0, "estimated_monthly_savings_after_discount"), "11875.05");
    assert_eq!(cell(0, "estimated_monthly_cost_before_discount"), "");
    assert_eq!(cell(0, "rollback_possible"), "false", "a term is paid to its end");
    assert_eq!(cell(0, "last_refresh_timestamp"), "2026-11-05T00:00:00Z");
    assert_eq!(cell(0, "recommendation_lookback_period_in_days"), "31");
    assert_eq!(cell(1, "workload"), "'=old-demo 🚀 مرحبا");
    assert_eq!(cell(1, "recommended_resource_summary"), "");

    let parquet = recommendations::render_parquet(&report).unwrap();
    let frame = ParquetReader::new(Cursor::new(parquet)).finish().unwrap();
    let columns: Vec<&str> = frame.get_column_names().iter().map(|it| it.as_str()).collect();
    assert_eq!(columns, names);
    let dtype = |name: &str| frame.column(name).unwrap().dtype().clone();
    assert_eq!(dtype("estimated_monthly_savings_after_discount"), DataType::Float64);
    assert_eq!(dtype("restart_needed"), DataType::Boolean);
    assert_eq!(dtype("account_id"), DataType::String);
    assert_eq!(dtype("recommendation_lookback_period_in_days"), DataType::Int32);
    let saves = frame.column("estimated_monthly_savings_after_discount").unwrap();
    assert_eq!(saves.f64().unwrap().get(0), Some(11875.05));
    assert_eq!(frame.column("account_id").unwrap().null_count(), 2);
    let workloads = frame.column("workload").unwrap();
    assert_eq!(workloads.str().unwrap().get(1), Some("=old-demo 🚀 مرحبا"), "as it is");
}

#[test]
fn metrics_are_lines_that_a_scraper_reads() {
    let mut report = fixture::report();
    report.workloads[2].name = "a\"} 1\nup 2\\".to_owned();
    report.workloads[3].name = report.workloads[0].name.clone();
    let text = prometheus::render(&report);
    let mut seen = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            assert!(rest.starts_with("HELP gpuadvise_") || rest.starts_with("TYPE gpuadvise_"));
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(series.starts_with("gpuadvise_") && value.parse::<f64>().is_ok(), "{line}");
        assert!(seen.insert(series.to_owned()), "twice: {series}");
    }
    for line in [
        "gpuadvise_report_timestamp_seconds 1793836800",
        "gpuadvise_monthly_savings_usd{decision=\"open\"} 13161.75",
        "gpuadvise_reconciliation_difference_usd 0.00",
        "gpuadvise_workload_monthly_savings_usd{workload=\"rag-prod\",owner=\"Product\"} 11875.05",
        "gpuadvise_price_age_seconds 2246400",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("workload=\"a\\\"} 1 up 2\\\\\""), "{text}");
    assert!(!text.contains("gpuadvise_workload_effective_cost_usd{workload=\"script"), "{text}");
}

/// Twice the workloads are at most about twice the bytes: nothing is written once per pair.
#[test]
fn size_grows_with_the_workloads() {
    let of = |count: usize| {
        let mut report = fixture::report();
        let model = report.workloads[0].clone();
        report.workloads = (0..count)
            .map(|at| {
                let mut it = model.clone();
                it.name = format!("workload-{at}");
                it.slug = it.name.clone();
                it.advice.id = it.name.clone();
                it.plans = (0..40).map(|at| model.plans[at % model.plans.len()].clone()).collect();
                it
            })
            .collect();
        report.portfolio.ranking = report.workloads.iter().map(|it| it.slug.clone()).collect();
        let sizes = files(&report).unwrap().into_iter().filter(|it| !it.0.contains('/'));
        sizes.map(|(name, bytes)| (name, bytes.len())).collect::<BTreeMap<_, _>>()
    };
    let (some, twice) = (of(20), of(40));
    for (name, size) in &some {
        assert!(twice[name] < size * 2 + size / 5, "{name}: {size} and {}", twice[name]);
    }
}
