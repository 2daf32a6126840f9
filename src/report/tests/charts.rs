//! What must hold of every chart: its bytes, what odd data do to it, and that nothing of the data acts.

use serde_json::json;

use super::fixture::{self, usd};
use crate::report::commitments::{CommitmentCase, InstanceReport, PointReport};
use crate::report::model::*;
use crate::report::{ChartFile, Theme, chart_files};
use crate::units::{Currency, Money};

/// What no chart may hold as markup.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "=cmd|'/C calc'!A0",
    "../../etc/passwd",
    "\u{1f680}\u{1f525} \u{202e}gnp.exe",
    "\"/><image href=\"file:///etc/passwd\"/>",
    "مرحبا بالعالم",
];

/// The fixture with everything that charts show.
fn charted() -> ReportModel {
    let mut report = fixture::report();
    for (at, it) in report.workloads.iter_mut().take(3).enumerate() {
        it.demand_by_hour = Some(hours(744));
        it.cost_by_day = days(usd(["600", "42.96", "26.16"][at]));
        it.baseline.effective_cost = Some(usd(["18600", "1331.76", "810.96"][at]));
        for (at, plan) in it.plans.iter_mut().enumerate() {
            plan.ttft_p95_s = Some([0.31, 0.62, 0.55, 4.5, 0.2, 3.0][at]);
            plan.meets_slo = plan.ttft_p95_s < Some(2.0);
        }
    }
    report.workloads[0].busiest_day = Some(busiest_day());
    report.workloads[3].cost_by_day.clear();
    report.commitment.commitments = vec![case(8), case(1)];
    report.previous = Some(previous());
    report
}

/// Hours that rise and fall, with a change, an outage and hours nobody measured.
fn hours(n: u32) -> DemandByHour {
    let value = |at: u32| match at {
        100..130 => None,
        _ if at % 24 < 7 => Some(12.0),
        _ => Some(f64::from(900 + (at % 24) * 20 + if at > 400 { 500 } else { 0 })),
    };
    DemandByHour {
        start: "2026-10-01T00:00:00Z".to_owned(),
        relative: false,
        spread: false,
        hours: (0..n).map(value).collect(),
        changes: vec![ChangeOfDemand {
            at: "2026-10-17T16:00:00Z".to_owned(),
            sentence: "Demand rose by half on 17 Oct.".to_owned(),
        }],
        silent: vec![SilentReport {
            start: "2026-10-05T04:00:00Z".to_owned(),
            end: "2026-10-06T10:00:00Z".to_owned(),
        }],
    }
}

/// 31 days that cost the same, the last a credit.
fn days(each: Money) -> Vec<CostOfDay> {
    let cost = |day: u32| if day == 31 { usd("-5") } else { each };
    (1..=31).map(|day| CostOfDay { date: format!("2026-10-{day:02}"), cost: cost(day) }).collect()
}

fn busiest_day() -> BusiestDayReport {
    let parts = 0..96_u32;
    let ready = |at: u32| f64::from(1 + (at / 16) % 4);
    BusiestDayReport {
        plan_id: "reserved".to_owned(),
        start: "2026-10-14T00:00:00Z".to_owned(),
        relative: false,
        requests: 201_455,
        part_s: 900.0,
        busy: parts.clone().map(|at| 0.7 * ready(at)).collect(),
        ready: parts.clone().map(ready).collect(),
        starting: parts.clone().map(|at| if at % 16 == 15 { 0.5 } else { 0.0 }).collect(),
        queue: parts.clone().map(|at| f64::from(at % 16) / 4.0).collect(),
        queue_max: parts.map(|at| u64::from(at % 16)).collect(),
    }
}

/// A curve over so many instances that rises, then falls below zero.
pub(in crate::report) fn case(n: u32) -> CommitmentCase {
    let amount = |at: u32| {
        let at = f64::from(at) / f64::from(n);
        Money::from_float((4000.0 * at * (1.4 - 1.7 * at)).round(), Currency::USD).unwrap()
    };
    let shifted = |at: u32, by: &str| amount(at).checked_add(usd(by)).unwrap();
    let point = |at: u32| PointReport {
        n: at,
        monthly_cost: usd("9000"),
        committed_used: usd("5000"),
        committed_unused: usd("1000"),
        by_use: usd("3000"),
        utilization: (at > 0).then_some(0.83),
        coverage: Some(0.6),
        monthly_savings: amount(at),
        low: (at > 0).then(|| shifted(at, "-320")),
        high: (at > 0).then(|| shifted(at, "260")),
    };
    CommitmentCase {
        id: "lambda-h100-12".to_owned(),
        instance: InstanceReport {
            provider: "lambda".to_owned(),
            region: "us-east".to_owned(),
            instance_type: "gpu_1x_h100".to_owned(),
            gpu: "H100 SXM5".to_owned(),
            gpu_count: 1,
        },
        purchase: "reserved_12mo".to_owned(),
        term_months: 12,
        not_allowed: None,
        allowed: true,
        best: true,
        currency: Currency::USD,
        rate_per_hour: Some(usd("1.89")),
        by_use_rate_per_hour: Some(usd("2.99")),
        by_use_offer_ids: Vec::new(),
        price_as_of: "2026-10-10".to_owned(),
        price_source: "the price list".to_owned(),
        workloads: vec!["rag-prod".to_owned()],
        without: Vec::new(),
        unused_hours: Vec::new(),
        presumes: Vec::new(),
        days: 31.0,
        mean_instances: 3.4,
        held_instances: 0,
        risk_setting: 0.5,
        stable_n: n / 8,
        chosen_n: n / 4,
        optimal_n: n / 2,
        max_n: n,
        monthly_cost: usd("8000"),
        monthly_savings: amount(n / 4),
        interval: None,
        probability_of_loss: None,
        utilization: None,
        coverage: None,
        included_in_advice: usd("0"),
        beyond_advice: usd("0"),
        cash_payback_months: None,
        regret_months: None,
        upfront: None,
        liability: usd("0"),
        end: "2027-11-05".to_owned(),
        ladder: None,
        hindsight: None,
        notes: Vec::new(),
        asked: Vec::new(),
        curve: (0..=n).map(point).collect(),
    }
}

fn previous() -> PreviousReport {
    let step = |step, name: &str, amount: &str| SinceStep {
        step,
        name: name.to_owned(),
        amount: usd(amount),
    };
    PreviousReport {
        period_label: "September 2026".to_owned(),
        forecast_error: None,
        not_known: None,
        since: SinceReport {
            label: "Sep".to_owned(),
            old: usd("75795.02"),
            new: usd("78621.94"),
            difference: usd("2826.92"),
            steps: vec![
                step("days", "longer month", "2311.51"),
                step("new", "agents-beta", "2010.96"),
                step("volume", "other use", "341.47"),
                step("price", "price", "148.80"),
                step("actions", "actions done", "-1985.82"),
            ],
            workloads: vec![SinceWorkload {
                workload: "rag-prod".to_owned(),
                old: Some(usd("17593.08")),
                new: Some(usd("20420")),
                difference: usd("2826.92"),
                most: "days",
            }],
        },
    }
}

/// Every picture decodes, is as large as it says, and shows more than its ground.
fn check_pictures(report: &ReportModel) {
    for it in chart_files(report).unwrap() {
        for theme in [Theme::Light, Theme::Dark] {
            let bytes = it.png(1.0, theme).unwrap();
            let mut reader =
                png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let frame = reader.next_frame(&mut pixels).unwrap();
            assert_eq!(frame.width, 512, "{}", it.stem);
            let ground = pixels[..3].to_vec();
            let other = pixels.chunks_exact(3).filter(|it| **it != ground).count();
            assert!(other > 400, "{} {theme:?} is blank: {other}", it.stem);
        }
    }
}

fn svg_of<'a>(files: &'a [ChartFile], stem: &str) -> (&'a ChartFile, String) {
    let it = files.iter().find(|it| it.stem == stem);
    let it = it.unwrap_or_else(|| panic!("{stem}"));
    (it, it.svg())
}

#[test]
fn charts_are_as_agreed() {
    let files = chart_files(&charted()).unwrap();
    for stem in [
        "report-savings",
        "report-spend",
        "report-since",
        "report-commitment-1",
        "rag-prod-frontier",
        "rag-prod-demand",
        "rag-prod-busiest-day",
        "rag-prod-memory",
        "script-alert-1-script-memory",
    ] {
        let (it, svg) = svg_of(&files, stem);
        // What follows the style sheet, which is the same in all.
        let picture = svg.split_once("</defs>").unwrap().1;
        insta::assert_snapshot!(stem, format!("{}\n{picture}", it.says));
    }
}

#[test]
fn every_chart_has_its_numbers() {
    let report = charted();
    let mut all = crate::report::chart::report_charts(&report).unwrap();
    all.extend(crate::report::chart::workload_charts(&report, &report.workloads[0]).unwrap());
    assert_eq!(all.len(), 5 + 7);
    for it in all {
        assert!(!it.data.is_empty(), "{:?}", it.kind);
        assert!(it.data.rows.len() <= 100, "{:?}", it.kind);
        assert!(it.alternative_text().starts_with(it.kind.words()));
    }
}

#[test]
fn pictures_are_the_same_in_every_run() {
    let report = charted();
    let draw = || -> Vec<Vec<u8>> {
        let files = chart_files(&report).unwrap();
        files.iter().map(|it| it.png(1.0, Theme::Light).unwrap()).collect()
    };
    let first = draw();
    std::thread::scope(|scope| {
        let others = [scope.spawn(draw), scope.spawn(draw)];
        for other in others {
            assert!(first == other.join().unwrap());
        }
    });
}

#[test]
fn every_picture_shows_something() {
    check_pictures(&charted());
}

#[test]
fn hostile_names_stay_text() {
    for name in HOSTILE.into_iter().map(str::to_owned).chain(["x".repeat(10_000)]) {
        let mut report = charted();
        for it in &mut report.workloads {
            it.name.clone_from(&name);
            it.baseline.model = Some(name.clone());
            it.plans.iter_mut().for_each(|it| it.label.clone_from(&name));
            it.candidates.iter_mut().for_each(|it| it.gpu.clone_from(&name));
        }
        report.commitment.commitments[0].instance.instance_type.clone_from(&name);
        report.previous.as_mut().unwrap().since.steps[0].name.clone_from(&name);
        for it in chart_files(&report).unwrap() {
            let svg = it.svg();
            super::check_balanced(&it.stem, &svg);
            for bad in ["<script", "<image", "<foreignObject", "\u{202e}"] {
                assert!(!svg.contains(bad), "{} holds {bad}", it.stem);
            }
            assert!(svg.len() < 40_000, "{} has {} bytes", it.stem, svg.len());
            assert!(it.stem.chars().all(|it| it.is_ascii_alphanumeric() || it == '-'));
        }
        check_pictures(&report);
    }
}

/// Nothing, one, zero, and a great deal.
#[test]
fn odd_data_are_drawn_or_said() {
    let mut one = charted();
    one.workloads.truncate(1);
    one.portfolio.ranking.truncate(1);
    let mut hour = charted();
    for it in &mut hour.workloads {
        it.demand_by_hour = Some(hours(1));
        it.cost_by_day.truncate(1);
        it.plans.truncate(1);
    }
    let mut none = charted();
    none.workloads.clear();
    none.portfolio.ranking.clear();
    none.totals.baseline_monthly_cost = None;
    let mut huge = charted();
    for it in &mut huge.workloads {
        it.plans.iter_mut().for_each(|it| it.ttft_p95_s = Some(1e9));
        it.cost_by_day.iter_mut().for_each(|it| it.cost = usd("123456789012345"));
        let hours = it.demand_by_hour.iter_mut().flat_map(|it| &mut it.hours);
        hours.for_each(|it| *it = Some(1e9));
        it.demand_by_weekday_hour = vec![vec![Some(1e9); 24]; 7];
    }
    let mut nothing = charted();
    for it in &mut nothing.workloads {
        it.plans.iter_mut().for_each(|it| it.ttft_p95_s = Some(0.0));
        it.cost_by_day.iter_mut().for_each(|it| it.cost = usd("0"));
        it.demand_by_hour.iter_mut().flat_map(|it| &mut it.hours).for_each(|it| *it = Some(0.0));
    }
    for report in [one, hour, none].into_iter().chain([huge, nothing]) {
        for it in chart_files(&report).unwrap() {
            let svg = it.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf<"), "{}", it.stem);
        }
        check_pictures(&report);
    }
}

/// The page stops adding charts beyond a budget; one workload takes a small part of it.
#[test]
fn charts_in_a_page_are_small() {
    let report = charted();
    let charts = crate::report::chart::workload_charts(&report, &report.workloads[0]).unwrap();
    let bytes: usize = charts.iter().map(|it| it.chart.inline().len()).sum();
    assert!(bytes < 32_000, "{bytes} bytes for the charts of one workload");
}

#[test]
fn the_model_writes_what_charts_show() {
    let value = serde_json::to_value(charted()).unwrap();
    let it = &value["workloads"][0];
    assert_eq!(it["demand_by_hour"]["hours"][100], json!(null));
    assert_eq!(it["cost_by_day"][30], json!({"date": "2026-10-31", "cost": "-5.00"}));
    let memory = it["candidates"][0]["memory"].as_object().unwrap();
    let part = |name: &str| memory[name].as_u64().unwrap();
    let parts = ["weights", "kv_cache", "activation", "overhead", "free"];
    let sum: u64 = parts.iter().map(|it| part(&format!("{it}_bytes"))).sum();
    assert_eq!(sum, part("gpu_bytes"));
}
