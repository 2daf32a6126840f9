//! Months to come, the budget and the report of the month before, end to end.

use serde_json::Value;

use crate::support::Bench;

/// September and October 2026 by the day: chat costs 24 a day and from October on 26, old 12 and nobody
/// asks for it.
fn usage() -> String {
    let mut rows =
        "period_start,period_end,workload,owner,gpu,gpu_count,billed_cost,requests,gpu_util\n"
            .to_owned();
    let date = |day: u32| match day {
        0..30 => format!("2026-09-{:02}", day + 1),
        30..61 => format!("2026-10-{:02}", day - 29),
        _ => format!("2026-11-{:02}", day - 60),
    };
    for day in 0..61 {
        let [start, end] = [day, day + 1].map(|it| date(it) + "T00:00:00Z");
        let cost = if day < 30 { 24 } else { 26 };
        rows += &format!("{start},{end},chat,Product,A100 80GB SXM4,1,{cost},900,0.9\n");
        rows += &format!("{start},{end},old,,A100 80GB SXM4,1,12,0,0\n");
    }
    rows
}

const BUDGET: &str = "[budget]\nmonthly = 1200\n\"2026-12\" = \"1000.50\"\n\
                      [budget.owner.Product]\nmonthly = 700\n";

fn bench(config: &str) -> Bench {
    let bench = Bench::new();
    bench.write("usage.csv", usage());
    bench.write("gpuadvise.toml", config);
    bench
}

/// What stdout shows of a month, and the report of it.
fn analyze(bench: &Bench, month: &str, words: &[&str]) -> (String, Value) {
    let all = [&["analyze", "usage.csv", "--output", month, "--month", month], words].concat();
    let ran = bench.run(&all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = std::fs::read_to_string(bench.path(month).join("report.json")).unwrap();
    (ran.stdout, serde_json::from_str(&report).unwrap())
}

fn span<'a>(report: &'a Value, label: &str) -> &'a Value {
    let spans = report["forecast"]["spans"].as_array().unwrap();
    spans.iter().find(|it| it["label"] == label).unwrap_or_else(|| panic!("{label}: {spans:#?}"))
}

#[test]
fn months_to_come_stand_in_every_format() {
    let bench = bench(BUDGET);
    let (table, report) = analyze(&bench, "2026-10", &[]);
    let spans = report["forecast"]["spans"].as_array().unwrap();
    let labels: Vec<&str> = spans.iter().map(|it| it["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["Nov 2026", "Dec 2026", "Q4 2026", "rest of 2026"]);
    // 30 days of 26 and 12; October is paid: 31 x 38, December is forecast.
    let november = span(&report, "Nov 2026");
    assert_eq!(november["as_is"]["mean"], "1140.00");
    assert_eq!(november["with_approved"]["mean"], "1140.00");
    // What is stopped is stopped after a week of work: 7 days of 12 are still paid.
    assert_eq!(november["with_advice"]["mean"], "864.00");
    assert_eq!(november["hours"], 720.0);
    let quarter = span(&report, "Q4 2026");
    assert_eq!(quarter["spent"], "1178.00");
    assert_eq!(quarter["as_is"]["mean"], "3496.00");
    let parts = november["workloads"].as_array().unwrap();
    let means: Vec<&str> = parts.iter().map(|it| it["as_is"]["mean"].as_str().unwrap()).collect();
    assert_eq!(means, ["780.00", "360.00"]);

    let october = &report["budget"]["months"][0];
    assert_eq!((&october["label"], &october["pro_rata"]), (&"Oct 2026".into(), &false.into()));
    assert_eq!(october["total"]["variance"], "-22.00");
    assert_eq!(october["total"]["word"], "favorable");
    assert_eq!(october["owners"][0]["owner"], "Product");
    assert_eq!(october["owners"][0]["variance"], "106.00");
    assert_eq!(october["owners"][0]["word"], "unfavorable");
    assert!(october["owners"][1]["owner"].is_null());
    assert_eq!(october["owners"][1]["amount"], "372.00");
    let december = &report["budget"]["coming"][1];
    assert_eq!(december["as_is"]["variance"], "177.50");
    assert_eq!(december["with_advice"]["word"], "favorable");

    for line in [
        "budget       Oct 2026 1,178.00 of 1,200.00, -22.00 (-2 %), favorable",
        "             Nov 2026 forecast 1,140.00 of 1,200.00, -60.00 (-5 %), favorable",
        "forecast     Nov 2026 1,140.00 as is · 864.00 with advice · 80 % 1,050 to 1,230",
    ] {
        assert!(table.contains(line), "{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    for name in ["report.md", "report.html"] {
        let page = std::fs::read_to_string(bench.path("2026-10").join(name)).unwrap();
        for number in ["1\u{202f}140.00", "3\u{202f}496.00", "favorable", "unfavorable"] {
            assert!(page.contains(number), "{name} lacks {number}");
        }
    }
}

#[test]
fn the_last_forecast_is_checked() {
    let bench = bench(BUDGET);
    analyze(&bench, "2026-09", &[]);
    let (table, report) = analyze(&bench, "2026-10", &["--previous", "2026-09"]);
    let error = &report["previous"]["forecast_error"];
    // 31 days of 24 and 12 were forecast, 26 and 12 came.
    assert_eq!(error["forecast"], "1116.00");
    assert_eq!(error["actual"], "1178.00");
    assert_eq!((&error["error"], &error["word"]), (&"-62.00".into(), &"low".into()));
    assert_eq!(error["share"], 0.052_632);
    let since = &report["previous"]["since"];
    assert_eq!((&since["label"], &since["difference"]), (&"Sep".into(), &"98.00".into()));
    let steps = since["steps"].as_array().unwrap();
    let sum: f64 =
        steps.iter().map(|it| it["amount"].as_str().unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(sum, 98.0);
    for words in [
        "since Sep    +98.00 (+9 %): longer month +36.00 · price +62.00",
        "was forecast 1,116.00 for Oct 2026: 5 % low (-62.00 of 1,178.00)",
        "12 %: Run",
    ] {
        assert!(table.contains(words), "{table}");
    }

    // September says nothing of September.
    let ran = bench.run(&["analyze", "usage.csv", "--month", "2026-09", "--previous", "2026-10"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("is later than this report"), "{}", ran.stderr);
    // A report from before forecasts.
    let path = bench.path("2026-09").join("report.json");
    let mut old: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    // What was forecast of other months says nothing of this one, and that is said.
    let mut other = old.clone();
    other["forecast"]["spans"].as_array_mut().unwrap().retain(|it| it["label"] != "Oct 2026");
    bench.write("other.json", other.to_string());
    let (table, report) = analyze(&bench, "2026-10", &["--previous", "other.json"]);
    let why = report["previous"]["not_known"].as_str().unwrap();
    assert!(why.starts_with("cannot be compared: the report of September 2026 forecast"), "{why}");
    assert!(why.ends_with("and this one is of October 2026"), "{why}");
    assert!(table.contains("was forecast cannot be compared"), "{table}");
    old["forecast"] = Value::Null;
    bench.write("old.json", old.to_string());
    let (table, report) = analyze(&bench, "2026-10", &["--previous", "old.json"]);
    assert_eq!(report["previous"]["not_known"], "the report of September 2026 forecast nothing");
    assert!(
        table.contains("was forecast the report of September 2026 forecast nothing"),
        "{table}"
    );
}

#[test]
fn a_future_cuts_the_forecast_and_defers_advice() {
    let bench = bench(
        "[workload.chat.future]\nmigrates = 2026-11-11\nmigrates_to = \"Azure\"\n\
         [workload.old.future]\nfreeze = 2027-01-10\n",
    );
    let (_, report) = analyze(&bench, "2026-10", &[]);
    assert_eq!(span(&report, "Nov 2026")["as_is"]["mean"], "620.00");
    assert_eq!(span(&report, "Nov 2026")["with_advice"]["mean"], "620.00");
    assert_eq!(span(&report, "Dec 2026")["as_is"]["mean"], "372.00");
    assert!(report["budget"].is_null());
    let workloads = report["workloads"].as_array().unwrap();
    let advice = |name: &str| &workloads.iter().find(|it| it["name"] == name).unwrap()["advice"];
    assert_eq!(advice("old")["action"], "keep");
    let reasons = advice("old")["reasons"].to_string();
    assert!(reasons.contains("no change before 10 Jan 2027"), "{reasons}");
    assert!(reasons.contains("from 10 Jan 2027 on: Stop it"), "{reasons}");
    let page = std::fs::read_to_string(bench.path("2026-10").join("report.md")).unwrap();
    assert!(page.contains("chat: moves to Azure on 11 Nov 2026"), "{page}");
}

#[test]
fn approved_advice_saves_from_the_day_it_is_due() {
    let bench = bench("");
    analyze(&bench, "2026-10", &[]);
    let decided = ["decide", "2026-10/report.json", "old", "--accept", "--due", "2026-11-16"];
    assert_eq!(bench.run(&decided).code, 0);
    let from = bench.path("2026-10").join("decisions.toml");
    let path = if from.is_file() { from } else { bench.path("decisions.toml") };
    let (_, report) = analyze(&bench, "2026-10", &["--decisions", &path.display().to_string()]);
    assert_eq!(span(&report, "Nov 2026")["as_is"]["mean"], "1140.00");
    // Fifteen days of 12 less.
    assert_eq!(span(&report, "Nov 2026")["with_approved"]["mean"], "960.00");
    assert_eq!(span(&report, "Dec 2026")["with_approved"]["mean"], "806.00");
}

#[test]
fn too_few_days_and_another_currency_say_so() {
    let bench = bench("[budget]\ncurrency = \"EUR\"\nmonthly = 5\n");
    let ran = bench.run(&["analyze", "usage.csv"]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("gpuadvise.toml:1: the budget is in EUR and the report in USD"),
        "{}",
        ran.stderr
    );
    bench.write("gpuadvise.toml", "");
    let few: Vec<String> = usage().lines().take(7).map(str::to_owned).collect();
    bench.write("few.csv", few.join("\n") + "\n");
    let ran = bench.run(&["analyze", "few.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("forecast     none: 3 whole days of cost, 7 are needed"),
        "{}",
        ran.stdout
    );
}

/// The days of a month that the data have are held against as large a part of the budget, and the rest
/// of the month is forecast beside what is paid.
#[test]
fn a_part_of_a_month_is_pro_rata() {
    let bench = bench(BUDGET);
    let ran = bench.run(&["analyze", "usage.csv", "--output", "r", "--until", "2026-10-16"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = std::fs::read_to_string(bench.path("r").join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let months = report["budget"]["months"].as_array().unwrap();
    let part = &months[1];
    assert_eq!((&part["label"], &part["pro_rata"]), (&"Oct 2026".into(), &true.into()));
    // 15 of 31 days.
    assert_eq!(part["total"]["amount"], "570.00");
    assert_eq!(part["total"]["budget"], "580.64516129");
    let october = span(&report, "Oct 2026");
    assert_eq!(october["spent"], "570.00");
    assert_eq!(october["whole"], true);
}
