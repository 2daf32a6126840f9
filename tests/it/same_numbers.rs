//! The numbers of `report.json` stand in the page, in Markdown and in the terminal, each at its place.
//! What is asked for stands in the workbook, the metrics, the log line, the chart and the mail too, also
//! where decisions take some of the advice out of it.
//!
//! What is expected is rounded here by its own few lines, so that a fault of the program's rounding
//! shows as well.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

use mail_parser::MessageParser;
use serde_json::Value;

use crate::shown_page::{Page, Section, html, markdown, row, table, ungrouped};
use crate::support::{Bench, root};

/// What one run wrote, with numbers in plain digits: `20420.61`, `-390`, `29 %`.
struct Run {
    json: Value,
    html: Page,
    markdown: Page,
    terminal: String,
    /// The first sheet: the number of each row by what it is.
    summary: BTreeMap<String, f64>,
    metrics: String,
    /// The line that `--log-format json` ends with.
    log: Value,
    /// The texts of the chart from today's cost to that with the advice.
    chart: String,
    mail: String,
}

/// The samples without decisions.
static RUN: LazyLock<Run> = LazyLock::new(|| run(""));

/// With one accepted, one rejected and one put off.
static DECIDED: LazyLock<Run> = LazyLock::new(|| {
    let all = RUN.json["workloads"].as_array().unwrap();
    let decision = |name: &str, state: &str| {
        let workload = all.iter().find(|it| it["name"] == name).unwrap();
        let id = workload["advice"]["id"].as_str().unwrap();
        format!("[[decision]]\nadvice = \"{id}\"\nworkload = \"{name}\"\nstate = {state}\n\n")
    };
    run(&[
        decision("old-demo", "\"accepted\"\nowner = \"Mara\""),
        decision("chat-prod", "\"rejected\"\nreason = \"contract until March\""),
        decision("img-gen", "\"snoozed\"\nuntil = 2027-01-15"),
    ]
    .concat())
});

const MAIL: &str = "[email]\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]\n";

fn run(decisions: &str) -> Run {
    let bench = Bench::new();
    let samples = root().join("samples/usage.parquet").display().to_string();
    let decisions = bench.write("decisions.toml", decisions);
    let words = ["analyze", &samples, "--output", "report", "--decisions", &decisions];
    let ran = bench.run(&[&words[..], &["--log-format", "json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let config = bench.write("gpuadvise.toml", MAIL);
    let mailed = bench.run(&["email", "report", "--dry-run", "--config", &config]);
    assert_eq!(mailed.code, 0, "{}", mailed.stderr);
    let mail = std::fs::read(bench.path(mailed.stdout.trim())).unwrap();
    let mail = MessageParser::default().parse(&mail).unwrap().body_text(0).unwrap().into_owned();
    let read = |name: &str| std::fs::read_to_string(bench.path("report").join(name)).unwrap();
    let is_last = |it: &Value| it["message"] == "report written";
    let lines = ran.stderr.lines().map(|it| serde_json::from_str(it).unwrap());
    Run {
        json: serde_json::from_str(&read("report.json")).unwrap(),
        html: html(&read("report.html")),
        markdown: markdown(&read("report.md")),
        terminal: ungrouped(&ran.stdout, ','),
        summary: summary(&std::fs::read(bench.path("report/report.xlsx")).unwrap()),
        metrics: read("gpuadvise.prom"),
        log: lines.into_iter().find(is_last).unwrap(),
        chart: texts(&read("charts/report-savings.svg")),
        mail: ungrouped(&mail, ','),
    }
}

/// What stands between each `open` and the next `close`.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|it| it.split_once(close)).map(|it| it.0).collect()
}

/// The texts of a drawing, one a line.
fn texts(svg: &str) -> String {
    let all = between(svg, "<text", "</text>").into_iter();
    let all: Vec<&str> = all.filter_map(|it| Some(it.split_once('>')?.1)).collect();
    ungrouped(&all.join("\n"), '\u{202f}')
}

/// The numbers in column B of the first sheet by the text in column A.
fn summary(workbook: &[u8]) -> BTreeMap<String, f64> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(workbook)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let (strings, sheet) = (part("xl/sharedStrings.xml"), part("xl/worksheets/sheet1.xml"));
    let strings: Vec<&str> = between(&strings, "<si>", "</si>")
        .into_iter()
        .map(|it| between(it, "<t", "</t>").first().copied().unwrap_or_default())
        .map(|it| it.split_once('>').map_or(it, |it| it.1))
        .collect();
    let mut found = BTreeMap::new();
    for row in between(&sheet, "<row", "</row>") {
        let cells = between(row, "<c ", "</c>");
        let value = |it: &str| between(it, "<v>", "</v>")[0].to_owned();
        let [what, number, ..] = cells[..] else { continue };
        if number.starts_with("r=\"B") && !number.contains("t=\"s\"") {
            let at: usize = value(what).parse().unwrap();
            found.insert(strings[at].to_owned(), value(number).parse().unwrap());
        }
    }
    found
}

/// 10^-18 of an amount as JSON has it.
fn atto(amount: &str) -> i128 {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    format!("{whole}{fraction:0<18}").parse().unwrap()
}

/// With two decimals, half to even: 25180.745 is 25180.74; a dash where nothing is known.
fn money(amount: &Value) -> String {
    const CENT: i128 = 10_i128.pow(16);
    let Some(text) = amount.as_str() else { return "–".to_owned() };
    let exact = atto(text);
    let (cents, rest) = (exact.abs() / CENT, exact.abs() % CENT);
    let cents = cents + i128::from(rest * 2 > CENT || (rest * 2 == CENT && cents % 2 == 1));
    let sign = if exact < 0 && cents != 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

/// With three significant digits: 27862.95 is 27900, 0.01956 is 0.0196, 743.5 is 744, 744.0 is 744.
fn three(value: f64) -> String {
    let rounded: f64 = format!("{value:.2e}").parse().unwrap();
    let places = if rounded == 0.0 { 0 } else { (2 - rounded.abs().log10().floor() as i32).max(0) };
    format!("{rounded:.*}", usize::try_from(places).unwrap())
}

fn number(amount: &Value) -> f64 {
    amount.as_f64().or_else(|| amount.as_str()?.parse().ok()).unwrap()
}

/// A cost of a unit: two decimals from 1 up, else three significant digits.
fn unit_cost(workload: &Value, with_own: bool) -> String {
    let costs = &workload["baseline"]["unit_cost"];
    let (cost, unit) = match (&costs["per_unit"], &costs["per_million_tokens"]) {
        (Value::Object(own), _) if with_own => (&own["cost"], own["name"].as_str().unwrap()),
        (_, Value::String(_)) => (&costs["per_million_tokens"], "1M"),
        _ => (&costs["per_thousand_requests"], "1k"),
    };
    match cost {
        Value::Null => "–".to_owned(),
        cost if number(cost) >= 1.0 => format!("{}/{unit}", money(cost)),
        cost => format!("{}/{unit}", three(number(cost))),
    }
}

/// What does not stand where it should.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn is(&mut self, place: &str, found: Option<&str>, expected: &str) {
        if found != Some(expected) {
            self.0.push(format!("{place}: {found:?} instead of {expected}"));
        }
    }

    /// Whether a text has a number or a phrase, and not as a part of a longer number.
    fn has(&mut self, place: &str, text: &str, expected: &str) {
        let bounds = |at: usize| {
            let (before, after) = (&text[..at], &text[at + expected.len()..]);
            let digit_before =
                before.ends_with(|it: char| it.is_ascii_digit() || it == '.' || it == '-');
            let after = after.strip_prefix('.').unwrap_or(after);
            let digit_after = after.starts_with(|it: char| it.is_ascii_digit());
            !digit_before && !digit_after
        };
        if !text.match_indices(expected).any(|it| bounds(it.0)) {
            self.0.push(format!("{place}: {expected} is not in {:.300}", text.trim()));
        }
    }

    /// The range and the chance of a loss, in words.
    fn range(&mut self, place: &str, text: &str, advice: &Value) {
        let chance = &advice["probability_of_loss"];
        let Value::Object(range) = &advice["interval"] else { return };
        let (low, high) = (number(&range["low"]), number(&range["high"]));
        if text.contains("the same in each of the") {
            self.has(place, &three(low), &three(high));
        } else {
            self.has(place, text, &format!("80 % range {} to {}", three(low), three(high)));
        }
        match number(chance) {
            // Of one that was the same in all weeks it need not be said.
            0.0 if text.contains("the same in") => {}
            0.0 => self.has(place, text, "no loss seen"),
            it if it < 0.01 => self.has(place, text, "loss under 1 %"),
            it => self.has(place, text, &format!("loss {:.0} %", it * 100.0)),
        }
    }
}

/// The rows of a table of plans, each as a plan of the report has it, today's and the advised among them.
fn check_plans(faults: &mut Faults, place: &str, section: &Section, workload: &Value) {
    let plans = workload["plans"].as_array().unwrap();
    let rows = table(section, &["Plan", "Busy", "Unused"]).map_or(&[][..], |it| it.rows.as_slice());
    let cells = |it: &Value| {
        let parts = ["busy", "idle", "starting", "committed_unused"];
        let parts = parts.map(|part| money(&it["cost_parts"][part]));
        [[money(&it["monthly_cost"])].as_slice(), &parts].concat()
    };
    let marked = |id: &Value, mark: &str| {
        let plan = plans.iter().find(|it| it["id"] == *id);
        plan.map(|it| (format!("{} {mark}", it["label"].as_str().unwrap()), cells(it)))
    };
    let named = [
        marked(&"today".into(), "(today)"),
        marked(&workload["advice"]["plan_id"], "(recommended)"),
    ];
    for (label, cells) in named.into_iter().flatten() {
        let found = rows.iter().find(|it| it[0] == label).map(|it| it[1..6].join(" "));
        faults.is(&format!("{place}, {label}"), found.as_deref(), &cells.join(" "));
    }
    for row in rows {
        let label = row[0].split(" (").next().unwrap();
        let same = |it: &&Value| it["label"] == label && cells(it) == row[1..6];
        if !plans.iter().any(|it| same(&it)) {
            faults.0.push(format!("{place}: no plan of the report is {row:?}"));
        }
    }
}

/// The parts that the page and Markdown share.
fn check_page(faults: &mut Faults, medium: &str, page: &Page, json: &Value) {
    let empty = Section::default();
    let section = |name: &str| page.get(name).unwrap_or(&empty);
    let (totals, account, top) = (&json["totals"], &json["reconciliation"], &section("top").text);
    let asked = &json["portfolio"]["savings_by_decision"];
    for (name, number) in [
        ("spend", money(&totals["effective_cost"])),
        ("month", money(&totals["baseline_monthly_cost"])),
        ("saved", money(&asked["asked_for"])),
        ("leaving", money(&asked["monthly_cost_after"])),
        ("tokens", money(&totals["cost_per_million_tokens"])),
        ("waste", money(&json["portfolio"]["confirmed_waste"])),
        ("waste", format!("{} to investigate", money(&json["portfolio"]["to_investigate"]))),
        ("billed", format!("billed {} USD", money(&account["billed_total"]))),
        ("assigned", format!("workloads {}", money(&account["assigned"]))),
        ("excluded", money(&account["excluded"])),
        ("difference", format!("difference {}", money(&account["difference"]))),
        (
            "year end",
            format!("{} by 31 Dec 2026", money(&json["portfolio"]["savings_by_year_end"])),
        ),
        (
            "rows",
            format!(
                "{} rows read = {} kept + {} rejected",
                account["rows_in"], account["rows_kept"], account["rows_rejected"]
            ),
        ),
    ] {
        faults.has(&format!("{medium}, top, {name}"), top, &number);
    }
    let all = top.split("With the advice").nth(1).unwrap_or_default();
    // The range is that of all advice.
    if asked["asked_for"] == asked["identified"] {
        faults.range(&format!("{medium}, all savings"), all, &json["portfolio"]);
    }
    let overview = table(section("workloads"), &["Workload", "Cost, USD"]);
    for workload in json["workloads"].as_array().unwrap() {
        let name = workload["name"].as_str().unwrap();
        let (baseline, advice) = (&workload["baseline"], &workload["advice"]);
        let place = format!("{medium}, {name}");
        let row = row(overview, name);
        let cell = |head: &str| row.get(head).copied();
        faults.is(
            &format!("{place}, cost"),
            cell("Cost, USD"),
            &money(&baseline["effective_cost"]),
        );
        let unit = cell("Unit cost").map(|it| it.replace(" tok", "").replace(" req", ""));
        faults.is(&format!("{place}, unit"), unit.as_deref(), &unit_cost(workload, true));
        let busy = &baseline["busy_fraction"];
        let busy =
            busy.as_f64().map_or_else(|| "–".to_owned(), |it| format!("{:.0} %", it * 100.0));
        faults.is(&format!("{place}, busy"), cell("Busy"), &busy);
        let saves = match money(&advice["monthly_savings"]).as_str() {
            "0.00" => "–".to_owned(),
            saves => saves.to_owned(),
        };
        faults.is(&format!("{place}, saves"), cell("Saves, USD/month"), &saves);
        check_plans(faults, &place, section(name), workload);
        for found in workload["waste"].as_array().unwrap() {
            if let (Value::String(_), Some(hours)) = (&found["cost"], found["gpu_hours"].as_f64()) {
                let hours = if hours < 1000.0 { three(hours) } else { format!("{hours:.0}") };
                let said =
                    format!("{} USD in the window, {hours} GPU-hours", money(&found["cost"]));
                faults.has(&format!("{place}, waste"), &section(name).text, &said);
            }
        }
    }
}

/// What only the page has: the cards' figures and the small print.
fn check_html(faults: &mut Faults, page: &Page, json: &Value) {
    for workload in json["workloads"].as_array().unwrap() {
        let name = workload["name"].as_str().unwrap();
        let Some(card) = page.get(name) else { continue };
        let (baseline, advice) = (&workload["baseline"], &workload["advice"]);
        let figures = card.text.split("USD a month of 730 hours").next().unwrap();
        faults.has(&format!("{name}, card"), figures, &money(&baseline["monthly_cost"]));
        faults.has(
            &format!("{name}, card"),
            figures,
            &format!("grade {}", advice["grade"].as_str().unwrap()),
        );
        if number(&advice["monthly_savings"]) > 0.0 {
            faults.has(&format!("{name}, card"), figures, &money(&advice["monthly_savings"]));
            faults.range(&format!("{name}, card"), figures, advice);
        }
        let facts = table(card, &["What", "Value"]);
        let hours = baseline["gpu_hours"].as_f64().unwrap();
        let hours = if hours < 1000.0 { three(hours) } else { format!("{hours:.0}") };
        for (what, expected) in [
            ("Effective cost of the window, USD", money(&baseline["effective_cost"])),
            ("Billed cost of the window, USD", money(&baseline["billed_cost"])),
            ("A month of 730 h, USD", money(&baseline["monthly_cost"])),
            ("GPU-hours paid", hours),
        ] {
            let row = row(facts, what);
            faults.is(
                &format!("{name}, small print, {what}"),
                row.get("Value").copied(),
                &expected,
            );
        }
    }
    let proof = table(&page["proof"], &["Amount", "USD"]);
    for (what, key) in [
        ("Billed cost in the files", "billed_total"),
        ("Effective cost in the files", "effective_total"),
        ("List cost in the files", "list_total"),
        ("difference", "difference"),
    ] {
        let expected = money(&json["reconciliation"][key]);
        faults.is(&format!("proof, {what}"), row(proof, what).get("USD").copied(), &expected);
    }
}

/// Whether advice is open or approved.
fn is_asked(advice: &Value) -> bool {
    let counts_as = advice["decision"]["counts_as"].as_str();
    matches!(counts_as, None | Some("open" | "approved"))
}

/// The actions in order, with amount, grade where it is said, and range.
fn check_actions(faults: &mut Faults, run: &Run, json: &Value) {
    let all = json["workloads"].as_array().unwrap();
    for (at, id) in json["portfolio"]["ranking"].as_array().unwrap().iter().enumerate() {
        let Some(workload) = all.iter().find(|it| it["advice"]["id"] == *id) else { continue };
        let advice = &workload["advice"];
        if !is_asked(advice) {
            continue;
        }
        let (saves, grade) = (money(&advice["monthly_savings"]), advice["grade"].as_str().unwrap());
        let start = format!("{}. ", at + 1);
        let line = run.markdown["top"].text.lines().find(|it| it.starts_with(&start));
        let place = format!("Markdown, decision {}", at + 1);
        let live = &advice["live"]["savings_by_year_end"];
        let live = format!("{} by 31 Dec 2026", money(live));
        for expected in [format!("{saves} USD a month"), format!("grade {grade}"), live] {
            faults.has(&place, line.unwrap_or_default(), &expected);
        }
        faults.range(&place, line.unwrap_or_default(), advice);
        let next = run.terminal.split("DO NEXT").nth(1).unwrap_or_default();
        let own = next.split(&format!("\nS{} ", at + 1)).nth(1).unwrap_or_default();
        let own =
            own.split(&format!("\nS{} ", at + 2)).next().unwrap().split("\nNOTE").next().unwrap();
        let place = format!("terminal, S{}", at + 1);
        faults.has(&place, own, &saves);
        faults.has(&place, own, &format!("[{grade}]"));
        faults.range(&place, &own.split_whitespace().collect::<Vec<_>>().join(" "), advice);
    }
}

fn check_terminal(faults: &mut Faults, terminal: &str, json: &Value) {
    let (head, rest) = terminal.split_once("\nWORKLOAD").unwrap();
    let head = head.split_whitespace().collect::<Vec<_>>().join(" ");
    let (totals, account) = (&json["totals"], &json["reconciliation"]);
    let asked = &json["portfolio"]["savings_by_decision"];
    for expected in [
        format!("{} USD effective", money(&totals["effective_cost"])),
        format!("{} a month of 730 h", money(&totals["baseline_monthly_cost"])),
        format!("{} USD/1M tokens", money(&totals["cost_per_million_tokens"])),
        format!("{} USD per 730-h month", money(&asked["asked_for"])),
        format!("leaving {}", money(&asked["monthly_cost_after"])),
        format!("{} USD confirmed", money(&json["portfolio"]["confirmed_waste"])),
        format!("billed {}", money(&account["billed_total"])),
        format!("workloads {}", money(&account["assigned"])),
        format!("difference {}", money(&account["difference"])),
    ] {
        faults.has("terminal, top", &head, &expected);
    }
    for workload in json["workloads"].as_array().unwrap() {
        let name = workload["name"].as_str().unwrap();
        let line = rest.lines().find(|it| it.split(' ').next() == Some(name)).unwrap_or_default();
        let place = format!("terminal, {name}");
        faults.has(&place, line, &money(&workload["baseline"]["effective_cost"]));
        // A terminal has no room for a unit of one's own.
        faults.has(&place, line, &unit_cost(workload, false));
        if number(&workload["advice"]["monthly_savings"]) > 0.0 {
            faults.has(&place, line, &money(&workload["advice"]["monthly_savings"]));
        }
    }
}

/// What is asked for, in what programs read, in the chart and in the mail.
fn check_others(faults: &mut Faults, run: &Run, json: &Value) {
    let asked = &json["portfolio"]["savings_by_decision"];
    for (what, key) in [
        ("Saving found", "identified"),
        ("Saving asked for", "asked_for"),
        ("Month with the advice", "monthly_cost_after"),
        ("Saving rejected", "rejected"),
    ] {
        let found = run.summary.get(what).map(|it| format!("{it:.6}"));
        let expected = format!("{:.6}", number(&asked[key]));
        faults.is(&format!("workbook, {what}"), found.as_deref(), &expected);
    }
    for (name, key) in [
        ("gpuadvise_recommended_monthly_cost_usd", "monthly_cost_after"),
        ("gpuadvise_monthly_savings_usd{decision=\"open\"}", "open"),
        ("gpuadvise_monthly_savings_usd{decision=\"snoozed\"}", "snoozed"),
    ] {
        let line = run.metrics.lines().find_map(|it| it.strip_prefix(name));
        faults.is(&format!("metrics, {name}"), line.map(str::trim), asked[key].as_str().unwrap());
    }
    for (name, key) in [("monthly_savings", "asked_for"), ("monthly_savings_found", "identified")] {
        faults.is("log", run.log[name].as_str(), asked[key].as_str().unwrap());
    }
    let after = &asked["monthly_cost_after"];
    faults.has("chart", &run.chart, &three(number(after)));
    let ranking = json["portfolio"]["ranking"].as_array().unwrap();
    for (at, id) in ranking.iter().enumerate() {
        let all = json["workloads"].as_array().unwrap();
        let Some(workload) = all.iter().find(|it| it["advice"]["id"] == *id) else { continue };
        let step = format!("S{} {}:", at + 1, workload["name"].as_str().unwrap());
        let has_step = run.chart.contains(&step).to_string();
        faults.is(
            &format!("chart, {step}"),
            Some(&has_step),
            &is_asked(&workload["advice"]).to_string(),
        );
    }
    faults.has("mail", &run.mail, &money(&asked["asked_for"]));
    faults.has("mail", &run.mail, &money(after));
}

fn faults(run: &Run, json: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    check_page(&mut faults, "page", &run.html, json);
    check_page(&mut faults, "Markdown", &run.markdown, json);
    check_html(&mut faults, &run.html, json);
    check_actions(&mut faults, run, json);
    check_terminal(&mut faults, &run.terminal, json);
    check_others(&mut faults, run, json);
    faults.0
}

#[test]
fn every_format_has_the_numbers_of_json_at_their_places() {
    let found = faults(&RUN, &RUN.json);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Of 28,433.36 found, what was rejected and put off is asked for nowhere.
#[test]
fn what_is_asked_for_is_the_same_in_every_format_after_decisions() {
    let sums = &DECIDED.json["portfolio"]["savings_by_decision"];
    for part in ["open", "approved", "rejected", "snoozed"] {
        assert!(number(&sums[part]) > 0.0, "{part}: {sums}");
    }
    let found = faults(&DECIDED, &DECIDED.json);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Any other number in JSON is told by each format that has its place.
#[test]
fn a_number_that_differs_is_found() {
    let check = |path: &str, media: &[&str]| {
        let mut json = RUN.json.clone();
        let value = json.pointer_mut(path).unwrap_or_else(|| panic!("{path}"));
        *value = match &*value {
            Value::String(grade) if grade.len() == 1 => "E".into(),
            Value::String(amount) => {
                format!("{:.4}", amount.parse::<f64>().unwrap() * 1.5 + 7.0).into()
            }
            count => (count.as_f64().unwrap() / 3.0 + 5.0).into(),
        };
        let found = faults(&RUN, &json);
        for medium in media {
            assert!(found.iter().any(|it| it.contains(medium)), "{path}, {medium}: {found:?}");
        }
    };
    let (every, pages) = (["page, ", "Markdown, ", "terminal, "], ["page, ", "Markdown, "]);
    for total in ["effective_cost", "baseline_monthly_cost"] {
        check(&format!("/totals/{total}"), &every);
    }
    let others = ["workbook, ", "chart: ", "mail: "];
    for sum in ["asked_for", "monthly_cost_after"] {
        check(&format!("/portfolio/savings_by_decision/{sum}"), &every);
    }
    check("/portfolio/savings_by_decision/monthly_cost_after", &others);
    check("/portfolio/savings_by_decision/monthly_cost_after", &["metrics, "]);
    check("/portfolio/savings_by_decision/asked_for", &["log: "]);
    for part in ["billed_total", "assigned", "difference"] {
        check(&format!("/reconciliation/{part}"), &every);
    }
    check("/reconciliation/effective_total", &["proof, "]);
    check("/portfolio/confirmed_waste", &every);
    check("/portfolio/interval/high", &pages);
    let all = RUN.json["workloads"].as_array().unwrap();
    let planned = |at: &usize| all[*at]["advice"]["plan_id"].is_string();
    let planned: Vec<usize> = (0..all.len()).filter(planned).collect();
    for at in [planned[0], planned[planned.len() / 2], planned[planned.len() - 1]] {
        let path = |it: &str| format!("/workloads/{at}/{it}");
        check(&path("baseline/effective_cost"), &every);
        if all[at]["baseline"]["unit_cost"]["per_million_tokens"].is_string() {
            check(&path("baseline/unit_cost/per_million_tokens"), &every);
        }
        check(&path("baseline/monthly_cost"), &["card", "small print"]);
        check(&path("baseline/gpu_hours"), &["small print"]);
        check(&path("advice/monthly_savings"), &every);
        check(&path("advice/grade"), &["card", "Markdown, decision", "terminal, S"]);
        check(&path("advice/probability_of_loss"), &["card", "Markdown, decision", "terminal, S"]);
        let plans = all[at]["plans"].as_array().unwrap();
        let advised = &all[at]["advice"]["plan_id"];
        for plan in [advised, &"today".into()] {
            let place = plans.iter().position(|it| it["id"] == *plan).unwrap();
            check(&path(&format!("plans/{place}/monthly_cost")), &pages);
            check(&path(&format!("plans/{place}/cost_parts/idle")), &pages);
        }
    }
    let idle =
        RUN.json["workloads"].as_array().unwrap().iter().position(|it| it["name"] == "old-demo");
    check(&format!("/workloads/{}/waste/0/cost", idle.unwrap()), &pages);
}
