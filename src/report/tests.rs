//! What must hold of every format, on one report.

pub(super) mod charts;
mod decisions;
pub(super) mod fixture;
mod machine;
mod schema;
mod weeks;

use super::model::{PreviousReport, ReportModel, SignedReport, SinceReport, SinceWorkload};
use super::number::Medium;
use super::*;

fn style() -> TerminalStyle {
    TerminalStyle { bold: false, columns: 80, next: Some("open reports/x/report.html".to_owned()) }
}

fn text(report: &ReportModel, format: Format) -> String {
    render(report, format, &style()).unwrap()
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |it| it.1)
}

/// Every opening tag is closed in order; void elements of HTML excepted, and cells and rows, which end
/// where the next begins or their table ends.
fn check_balanced(name: &str, markup: &str) {
    let void = ["input", "meta", "br", "wbr", "link", "img", "!DOCTYPE"];
    let mut open: Vec<String> = Vec::new();
    // What stands between the style tags is no markup.
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').unwrap_or_else(|| panic!("{name}: open tag at the end"));
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        let word = tag.split_whitespace().next().unwrap_or_default();
        let ended: &[&str] = match word {
            "th" | "td" => &["th", "td"],
            "tr" | "/tbody" | "/thead" => &["th", "td", "tr"],
            _ => &[],
        };
        while open.last().is_some_and(|it| ended.contains(&it.as_str())) {
            open.pop();
        }
        if let Some(closing) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closing), "{name}: {tag}");
        } else if !tag.ends_with('/') {
            if word == "style" {
                rest = &rest[rest.find("</style>").unwrap()..];
            }
            if !void.contains(&word) {
                open.push(word.to_owned());
            }
        }
    }
    assert!(open.is_empty(), "{name}: {open:?} left open");
}

/// All files of the report folder.
pub(super) fn files(report: &ReportModel) -> Result<Files, RenderError> {
    let parts = WRITERS.iter().map(|it| it(report)).collect::<Result<Vec<Files>, _>>()?;
    Ok(parts.into_iter().flatten().collect())
}

#[test]
fn nothing_from_the_data_is_markup() {
    let report = fixture::report();
    let html = text(&report, Format::Html);
    let markdown = text(&report, Format::Markdown);
    assert_eq!(html.matches("<script").count(), 1, "the page's own");
    assert!(!markdown.contains("<script"), "{markdown}");
    for it in [&html, &markdown] {
        assert!(!it.contains("<b>12,50"));
    }
    assert!(html.contains("&#60;script&#62;alert(1)") || html.contains("&lt;script&gt;alert(1)"));
    for (path, bytes) in files(&report).unwrap() {
        let content = String::from_utf8_lossy(&bytes);
        // Data, which no reader takes for markup.
        let is_markup = ["html", "md", "svg"].contains(&extension(&path));
        let own = usize::from(path == "report.html");
        assert!(!is_markup || content.matches("<script").count() == own, "{path}");
        assert!(!path.contains("..") && !path.starts_with('/'), "{path}");
    }
}

#[test]
fn no_missing_number_leaks() {
    let report = fixture::report();
    for format in [Format::Html, Format::Markdown, Format::Table, Format::Csv] {
        let shown = text(&report, format);
        for bad in ["NaN", "inf,", " inf ", "None", "Some(", "null"] {
            assert!(!shown.contains(bad), "{format:?} shows {bad}");
        }
    }
}

#[test]
fn json_has_the_names_scripts_rely_on() {
    let report = fixture::report();
    let json = text(&report, Format::Json);
    assert!(json.ends_with("}\n"));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    for path in [
        "/schema_version",
        "/totals/window_start",
        "/totals/window_hours",
        "/totals/projected_monthly_cost",
        "/totals/cost_per_million_tokens",
        "/totals/recommended_monthly_cost",
        "/totals/monthly_savings",
        "/reconciliation/rows_kept",
        "/reconciliation/by_charge_category",
        "/reconciliation/by_commitment",
        "/workloads/0/baseline/unit_cost",
        "/workloads/0/candidates/0/usable_bytes",
        "/workloads/0/plans/0/cost_parts/committed_unused",
        "/workloads/0/plans/0/policy",
        "/workloads/0/advice/interval/level",
        "/workloads/0/advice/probability_of_loss",
        "/workloads/0/waste",
        "/portfolio",
        "/blanks/0/worth",
        "/commitments",
        "/forecast",
        "/provenance/assumptions",
        "/provenance/seed",
    ] {
        assert!(value.pointer(path).is_some(), "{path}");
    }
    assert_eq!(value["totals"]["monthly_savings"], "13161.75");
    assert_eq!(value["workloads"][0]["kind"], "real_time_inference");
    assert!(value["totals"]["list_cost"].is_null());
}

#[test]
fn one_saving_in_every_format() {
    let report = fixture::report();
    let paper = "13\u{202f}161.75";
    assert!(text(&report, Format::Html).contains(paper));
    assert!(text(&report, Format::Markdown).contains(paper));
    assert!(text(&report, Format::Table).contains("13,161.75"));
    assert!(text(&report, Format::Json).contains("\"13161.75\""));
    assert!(text(&report, Format::Csv).contains(",11875.05,"));
}

#[test]
fn the_terminal_is_never_wider_than_asked() {
    let mut report = fixture::report();
    report.workloads[0].name = "模型-\u{1f600}-".repeat(40);
    report.workloads[1].baseline.effective_cost = Some(fixture::usd("123456789012.34"));
    for columns in [0, 80, 100] {
        let shown = render(&report, Format::Table, &TerminalStyle { columns, ..style() }).unwrap();
        for line in shown.lines() {
            assert!(terminal::line_width(line) <= columns.max(80), "{line}");
        }
        assert_eq!(shown.lines().last(), Some("open reports/x/report.html"));
        assert!(!shown.contains('\u{1b}'));
    }
    let bold = TerminalStyle { bold: true, ..style() };
    assert!(render(&report, Format::Table, &bold).unwrap().contains("\u{1b}[1mWORKLOAD"));
}

#[test]
fn the_terminal_reads_as_agreed() {
    let shown = text(&fixture::report(), Format::Table);
    insta::assert_snapshot!(shown, @r#"
    October 2026 · 744 h · as of 5 Nov 2026
    GPU spend    79,370.40 USD effective = workloads 78,621.94 + 748.46 that no
                 workload claims · the workloads 77,142.49 a month of 730 h
    unit cost    2.14 USD/1M tokens, idle included
    can save     13,161.75 USD per 730-h month of 77,142.49, leaving 63,980.74
    not used     1,331.76 USD confirmed · in the window, not added to the savings
    reconciled   workloads 77,843.72 + unassigned GPUs 748.46 + unused commitments
                 29.76 = billed 78,621.94 · difference 0.00
    data         1,204,377 rows = 1,204,336 kept + 41 rejected (3 duplicates) · 0
                 outside the window
    coverage     bills final · cost 2/2, GPU metrics 1/2 days
    WORKLOAD               DEMAND  GPUS   BUSY       USD    UNIT ADVICE    USD/MONTH
    rag-prod               diurnal 8 A100 31 % 20,420.61 1.53/1M S1 switch 11,875.05
    =old-demo 🚀 مرحبا     idle    1 A100  0 %  1,331.76       – S2 stop    1,286.70
    a-workload-with-quite… diurnal 8 A100 31 %    810.96 1.53/1M keep
    <script>alert(1)</scr… unknown –         –         –       – more data
    DO NEXT                                                                USD/MONTH
    S1  rag-prod: Reserve 3 × H100 for 12 months and serve the peaks by    11,875.05
        the hour [B]
        24 h of work and a day of trial, 2,418.75 USD, earned back in 13 days
    S2  =old-demo 🚀 مرحبا: Stop it and keep the disk: no request for 29    1,286.70
        days [B]
    –   Find who uses the GPUs that no workload claims, 748.46 USD in the window:
        i-0c41d9 748.46
    KEEP AS IT IS, OR TOO LITTLE DATA
    –   a-workload-with-quite-a-long-name-in-staging: keep, The fleet serves for 31
        % of the hours it is paid for. [B]
    –   <script>alert(1)</script>: too little data, The fleet serves for 31 % of the
        hours it is paid for. [B]
    NOTE         Latency limits were assumed for 4 workloads; set them in
                 gpuadvise.toml.
    best blank   to fill in gpuadvise.toml: [workload."rag <b>|prod"] slo touches
                 20,036.12 USD a month: no latency limit is set, so 2 s to the first
                 token are assumed
    open reports/x/report.html
    "#);
}

#[test]
fn a_spreadsheet_runs_nothing() {
    let csv = text(&fixture::report(), Format::Csv);
    assert!(csv.contains("\n'=old-demo"), "{csv}");
    assert_eq!(csv.lines().count(), 5);
}

#[test]
fn markup_is_well_formed_and_repeats() {
    let report = fixture::report();
    let first = files(&report).unwrap();
    assert_eq!(first, files(&report).unwrap());
    assert_eq!(first.len(), 7 + 2 + 7 * 4);
    for (path, bytes) in first {
        let content = String::from_utf8_lossy(&bytes);
        if path.starts_with("charts/") || path == "report.html" {
            check_balanced(&path, &content);
        }
        let network = ["src=\"http", "href=\"http", "url(http", "@import"];
        let is_binary = ["xlsx", "parquet"].contains(&extension(&path));
        assert!(is_binary || !network.iter().any(|it| content.contains(it)), "{path}");
    }
}

#[test]
fn what_is_signed_stands_with_its_action() {
    let mut report = fixture::report();
    report.workloads[0].advice.commitment = Some(SignedReport {
        instances: 1,
        term_months: 36,
        end: "2029-11-01".to_owned(),
        owed: fixture::usd("33819.0048"),
    });
    for (format, amount) in
        [(Format::Html, "33 819.00"), (Format::Markdown, "33 819.00"), (Format::Table, "33,819.00")]
    {
        let text = text(&report, format).replace('\u{202f}', " ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = format!("ommits for 36 months, to 1 Nov 2029: {amount} USD owed in all");
        assert_eq!(text.matches(&said).count(), 1, "{text}");
    }
}

/// 13 workloads moved by 1 to 13: the largest twelve stand there, and the rest, so that all add up.
#[test]
fn what_each_workload_cost_then_and_now_adds_up() {
    let mut report = fixture::report();
    let moved = (1..=13).rev().map(|it| SinceWorkload {
        workload: format!("w{it}"),
        old: (it > 1).then(|| fixture::usd("100")),
        new: Some(fixture::usd(&(100 + it).to_string())),
        difference: fixture::usd(&it.to_string()),
        most: "volume",
    });
    report.previous = Some(PreviousReport {
        period_label: "September 2026".to_owned(),
        forecast_error: None,
        not_known: None,
        since: SinceReport {
            label: "Sep".to_owned(),
            old: fixture::usd("1200"),
            new: fixture::usd("1291"),
            difference: fixture::usd("91"),
            steps: Vec::new(),
            workloads: moved.collect(),
        },
    });
    let table = crate::report::tables::moved(&report, Medium::Terminal);
    let cells: Vec<String> = table.rows.iter().map(|it| it.cells.join(" ")).collect();
    assert_eq!(cells.len(), 14);
    assert_eq!(cells[0], "w13 100.00 113.00 +13.00 volume");
    assert_eq!(cells[12], "1 other \u{2013} \u{2013} +1.00 ");
    assert_eq!(cells[13], "All 1,200.00 1,291.00 +91.00 ");
    for format in [Format::Html, Format::Markdown] {
        let text = text(&report, format);
        assert!(text.contains("Month over month") && text.contains("+13.00"), "{text}");
    }
    report.previous = None;
    assert!(!text(&report, Format::Html).contains("Month over month"));
}

#[test]
fn fifty_workloads_stay_small() {
    let mut report = fixture::report();
    let model = report.workloads[0].clone();
    report.workloads = (0..50)
        .map(|at| {
            let mut it = model.clone();
            it.slug = format!("w{at}");
            it.advice.id = format!("advice{at}");
            it.plans = (0..300).map(|_| model.plans[1].clone()).collect();
            // Demand without a pattern, so that no two neighbours look alike.
            let noise = |at: u32| Some(f64::from(at * 7919 % 997));
            it.demand_by_weekday_hour =
                (0..7).map(|day| (0..24).map(|hour| noise(day * 24 + hour)).collect()).collect();
            it
        })
        .collect();
    report.portfolio.ranking = (0..50).map(|at| format!("advice{at}")).collect();
    let html = text(&report, Format::Html);
    println!("{} bytes for 50 workloads", html.len());
    assert!(html.len() < 1_800_000, "{} bytes", html.len());
    assert!(html.contains("45 more in the table of workloads"));
    // What no workload of ours has: the cheaper go without charts and small print before the page is too
    // large for a mail, the dearest never.
    for it in &mut report.workloads {
        for plan in &mut it.plans {
            plan.label = "x".repeat(4000);
            plan.remarks = vec!["y".repeat(4000)];
        }
    }
    let html = text(&report, Format::Html);
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    let cards: Vec<&str> = html.split("<article").skip(1).collect();
    assert!(cards[0].contains("<svg"));
}

#[test]
fn odd_numbers_break_nothing() {
    let mut report = fixture::report();
    let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e308, f64::MIN_POSITIVE];
    for value in odd {
        let it = &mut report.workloads[0];
        it.demand_by_weekday_hour = vec![vec![Some(value); 30], vec![]];
        it.baseline.busy_fraction = Some(value);
        it.slo.attainment = value;
        it.features.insert("odd".to_owned(), serde_json::json!(value));
        if let Some(curve) = it.duration_curve.as_mut() {
            curve.hours_sorted = vec![value, 1.0];
            curve.break_even_share = Some(value);
            curve.reserved_units = Some(u32::MAX);
        }
        for (path, bytes) in files(&report).unwrap() {
            let Ok(content) = String::from_utf8(bytes) else { continue };
            for bad in ["NaN", "\"inf", "-inf"] {
                assert!(!content.contains(bad), "{path} shows {bad} for {value}");
            }
        }
        assert!(!text(&report, Format::Table).contains("NaN"));
    }
}

#[test]
fn the_first_page_names_no_gpu() {
    let html = text(&fixture::report(), Format::Html);
    let first = html.split_once("<header").unwrap().1.split_once("</header>").unwrap().0;
    for gpu in ["H100", "A100", "L4"] {
        assert!(!first.contains(gpu), "{gpu}");
    }
    assert!(first.contains("difference 0.00"));
}

/// Of the plan that is advised: a table on pages, one text in a terminal.
#[test]
fn a_schedule_is_shown_where_it_is_advised() {
    let mut report = fixture::report();
    let it = &mut report.workloads[0];
    let plan = it.plans.iter_mut().find(|plan| Some(&plan.id) == it.advice.plan_id.as_ref());
    let plan = plan.unwrap();
    plan.min_replicas = Some(0);
    let schedule = serde_json::json!("mon-fri 08:00-19:00=2;sat 09:00-12:00=1");
    plan.policy.insert("schedule".to_owned(), schedule);
    let table = text(&report, Format::Table);
    assert!(table.contains("Mon-Fri 08:00-19:00 = 2; Sat 09:00-12:00 = 1; else 0"), "{table}");
    let markdown = text(&report, Format::Markdown);
    assert!(markdown.contains("| Mon-Fri | 08:00-19:00 = 2 |\n| Sat |"), "{markdown}");
    assert!(text(&report, Format::Html).contains("Instances ready, on the clock of"));
}

/// A plan that needs something declared, and one on spot that misses a limit, have a row that says so.
#[test]
fn what_is_not_advised_says_why() {
    let mut report = fixture::report();
    let it = &mut report.workloads[0];
    let mut plan = it.plans.last().unwrap().clone();
    it.plans.extend(std::iter::repeat_n(plan.clone(), 20));
    (plan.id, plan.purchase) = ("api".to_owned(), "api".to_owned());
    (plan.allowed, plan.needs) = (false, Some("a comparison of the answers".to_owned()));
    it.plans.push(plan.clone());
    (plan.id, plan.purchase) = ("spot".to_owned(), "spot_with_fallback".to_owned());
    (plan.meets_slo, plan.allowed, plan.needs) = (false, true, None);
    let point = |rate, cost| model::SpotPointReport {
        interruptions_per_hour: rate,
        monthly_cost: fixture::usd(cost),
        slo_attainment: Some(0.9),
    };
    plan.spot_range = vec![point(0.1, "1000"), point(1.4, "2000")];
    plan.remarks = vec!["10 % of the runs miss the deadline of 9 h".to_owned()];
    it.plans.push(plan);
    let markdown = text(&report, Format::Markdown);
    for expected in [
        "not advised: it needs a comparison of the answers",
        "1\u{202f}000.00 to 2\u{202f}000.00 at 0.1 to 1.4 interruptions an hour; 10 % of the runs miss",
    ] {
        assert!(markdown.contains(expected), "{expected}: {markdown}");
    }
}

#[test]
fn an_empty_report_says_so() {
    let mut report = fixture::report();
    report.workloads.clear();
    report.portfolio.ranking.clear();
    report.totals.effective_cost = None;
    report.totals.cost_per_million_tokens = None;
    report.reconciliation.line.billed_total = None;
    report.totals.monthly_savings = fixture::usd("0");
    report.portfolio.savings_by_decision =
        model::SavingsByDecision::all_open(fixture::usd("0"), None);
    assert!(text(&report, Format::Table).contains("that no workload claims"));
    report.reconciliation.parts.clear();
    assert!(text(&report, Format::Html).contains("was not measured"));
    assert!(text(&report, Format::Table).contains("no cost"));
    assert!(text(&report, Format::Markdown).contains("Nothing to save was found"));
}

#[test]
fn a_report_reads_back() {
    let mut report = fixture::report();
    let costs = report.workloads.iter().filter_map(|it| it.baseline.effective_cost);
    report.totals.effective_cost = Some(crate::units::Money::sum(costs, report.currency).unwrap());
    let past = read_report(&text(&report, Format::Json)).unwrap();
    assert_eq!(past.month.workloads.len(), report.workloads.len());
    assert_eq!(past.month.prices.map(|it| it.len()), Some(report.provenance.prices.len()));
    report.totals.effective_cost = None;
    let cut = read_report(&text(&report, Format::Json)).unwrap_err();
    assert!(cut.to_string().contains("its total says 0.00 USD"));
}
