//! Two months compared, end to end: every amount worked by hand, and what cannot be compared.

use serde_json::Value;

use crate::support::{Bench, Ran};

const HEADER: &str = "period_start,period_end,workload,provider,region,gpu,gpu_count,gpu_hours,\
effective_cost,requests,prompt_tokens,completion_tokens,model,pricing_category,gpu_util";

/// What the chat runs on in October: GPU, GPU-hours' rate and pricing category.
type Chat<'a> = Option<(&'a str, &'a str)>;

/// A month of 2026 from its first day. Days are rows of the jobs, hours rows of the two services:
///
/// - `steady` 1 L40S at 1.00 all the time; `grower` 1 of them, in October 2
/// - `dearer` 1 A100 at 1.59, in October 1.79; `mover` 1 L40S at 1.00, in October 1 A40 at 0.50
/// - `gone` at 0.50 in September only; `fresh` at 0.25 in October only
/// - `demo` 1 A100 at 1.50 that nobody uses, in September only
/// - `chat` 1 A100 at 5.00 all the time, 600 requests in each of 8 office hours; in October what was
///   advised at 4.00 in these hours only, with 750 requests in each
fn usage(month: u32, days: u32, chat: Chat<'_>) -> String {
    let mut rows = vec![HEADER.to_owned()];
    let is_old = month == 9;
    for day in 1..=days {
        let midnight = |day: u32| {
            let (month, day) = if day > days { (month + 1, 1) } else { (month, day) };
            format!("2026-{month:02}-{day:02}T00:00:00Z")
        };
        let (start, end) = (midnight(day), midnight(day + 1));
        let mut job = |name: &str, gpu: &str, count: u32, cost: &str| {
            let hours = 24 * count;
            rows.push(format!(
                "{start},{end},{name},runpod,global,{gpu},{count},{hours},{cost},,,,,Standard,"
            ));
        };
        job("steady", "L40S", 1, "24");
        if is_old {
            job("grower", "L40S", 1, "24");
            job("dearer", "A100 80GB PCIe", 1, "38.16");
            job("mover", "L40S", 1, "24");
            job("gone", "L40S", 1, "12");
        } else {
            job("grower", "L40S", 2, "48");
            job("dearer", "A100 80GB PCIe", 1, "42.96");
            job("mover", "A40", 1, "12");
            job("fresh", "L40S", 1, "6");
        }
        for hour in 0..24 {
            rows.extend(services((month, day, hour), chat));
        }
    }
    rows.join("\n") + "\n"
}

/// The rows of an hour. 1 September 2026 is a Tuesday, 1 October a Thursday.
fn services((month, day, hour): (u32, u32, u32), chat: Chat<'_>) -> Vec<String> {
    let start = format!("2026-{month:02}-{day:02}T{hour:02}:00:00Z");
    let end = format!("2026-{month:02}-{day:02}T{hour:02}:59:59.999999Z");
    let weekday = (day - 1 + if month == 9 { 1 } else { 3 }) % 7;
    let works = weekday < 5 && (9..17).contains(&hour);
    let of = |requests: u32| {
        format!("{requests},{},{},meta-llama/Meta-Llama-3.1-8B", requests * 700, requests * 150)
    };
    match chat {
        None => {
            let (n, util) = if works { (600, 0.4) } else { (0, 0.0) };
            vec![
                format!(
                    "{start},{end},demo,runpod,global,A100 80GB PCIe,1,1,1.5,0,0,0,,Standard,0.0"
                ),
                format!(
                    "{start},{end},chat,gcp,us-central1,A100 80GB SXM4,1,1,5,{},Standard,{util}",
                    of(n)
                ),
            ]
        }
        Some((gpu, category)) if works => vec![format!(
            "{start},{end},chat,gcp,us-central1,{gpu},1,1,4,{},{category},0.4",
            of(750)
        )],
        Some(_) => Vec::new(),
    }
}

fn analyze(bench: &Bench, name: &str, usage: &str) -> Value {
    let file = bench.write(&format!("{name}.csv"), usage);
    let ran = bench.run(&["analyze", &file, "--format", "json", "--output", name]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn named<'a>(all: &'a Value, key: &str, name: &str) -> &'a Value {
    all.as_array().unwrap().iter().find(|it| it[key] == name).unwrap()
}

/// Two months; in October the chat runs as September's report advised.
fn months() -> Bench {
    let bench = Bench::new();
    let old = analyze(&bench, "sep", &usage(9, 30, None));
    let chat = named(&old["workloads"], "name", "chat");
    assert_eq!(chat["advice"]["action"], "schedule", "{}", chat["advice"]);
    let plan = named(&chat["plans"], "id", chat["advice"]["plan_id"].as_str().unwrap());
    assert_eq!(plan["provider"], "gcp");
    let category = match plan["purchase"].as_str().unwrap() {
        it if it.starts_with("reserved") => "Committed",
        it if it.starts_with("spot") => "Dynamic",
        _ => "Standard",
    };
    let gpu = plan["gpu"].as_str().unwrap();
    analyze(&bench, "oct", &usage(10, 31, Some((gpu, category))));
    bench
}

fn diff(bench: &Bench, words: &[&str]) -> String {
    let ran = bench.run(&[&["diff", "sep/report.json", "oct"], words].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout
}

/// The amounts of the steps, in their order.
fn steps(it: &Value) -> Vec<String> {
    let words = ["days", "new", "ended", "volume", "price", "mix", "actions", "rest"];
    let mut all = it["steps"].as_object().unwrap().clone();
    // In total only: here every GPU is of a workload.
    assert!(all.remove("unclaimed").is_none_or(|it| it == "0.00"));
    assert_eq!(all.keys().collect::<Vec<_>>(), words);
    all.values().map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_step_is_worked_by_hand() {
    let bench = months();
    let found: Value = serde_json::from_str(&diff(&bench, &["--format", "json"])).unwrap();
    let check = |name: &str, costs: [Option<&str>; 2], expected: [&str; 8]| {
        let it = named(&found["workloads"], "name", name);
        assert_eq!([it["old_cost"].as_str(), it["new_cost"].as_str()], costs, "{name}");
        assert_eq!(steps(it), expected, "{name}");
        assert_eq!(it["rest_because"], Value::Null);
    };
    let z = "0.00";
    check("steady", [Some("720.00"), Some("744.00")], ["24.00", z, z, z, z, z, z, z]);
    // 1,488 GPU-hours at 1.00 instead of the 744 that 720 are in a month of 31 days.
    check("grower", [Some("720.00"), Some("1488.00")], ["24.00", z, z, "744.00", z, z, z, z]);
    // 1,144.80 x 31/30, then 0.20 for each of 744 hours.
    check("dearer", [Some("1144.80"), Some("1331.76")], ["38.16", z, z, z, "148.80", z, z, z]);
    // -0.50 for each of 744 hours, of another GPU.
    check("mover", [Some("720.00"), Some("372.00")], ["24.00", z, z, z, z, "-372.00", z, z]);
    check("gone", [Some("360.00"), None], [z, z, "-360.00", z, z, z, z, z]);
    check("fresh", [None, Some("186.00")], [z, "186.00", z, z, z, z, z, z]);
    // Its advice was to stop.
    check("demo", [Some("1080.00"), None], [z, z, z, z, z, z, "-1080.00", z]);
    // 22 days of 8 hours at 4.00 instead of 3,600 x 31/30.
    check("chat", [Some("3600.00"), Some("704.00")], ["120.00", z, z, z, z, z, "-3016.00", z]);
    let whole = ["230.16", "186.00", "-360.00", "744.00", "148.80", "-372.00", "-4096.00", z];
    assert_eq!(steps(&found), whole);
    let spend = |month: &str| found[month]["effective_cost"].as_str().unwrap().to_owned();
    assert_eq!([spend("old"), spend("new")], ["8344.80", "4825.76"]);
    assert_eq!(found["difference"], "-3519.04");
    assert_eq!(found["notices"], Value::Array(Vec::new()));
}

#[test]
fn promises_waste_and_ids_are_held_against_the_new_month() {
    let bench = months();
    let found: Value = serde_json::from_str(&diff(&bench, &["--format", "json"])).unwrap();
    // 22 x 8 x 600 requests in September, 22 x 8 x 750 in October, of 850 tokens: 3,600 - 704 x 0.8
    // in 720 h are 3,036.80, so x 730/720 a month. At October's traffic (3,600 x 1.25 - 704) x
    // 730/744 are 3,724.569892473: what is more than the saving is cost avoidance.
    let chat = named(&found["advice"], "workload", "chat");
    assert_eq!((&chat["outcome"], &chat["traffic_unit"]), (&"followed".into(), &"tokens".into()));
    assert_eq!(chat["realised_monthly_savings"], "3078.977777778");
    assert_eq!(chat["monthly_cost_avoidance"], "645.592114695");
    let demo = named(&found["advice"], "workload", "demo");
    assert_eq!((&demo["outcome"], &demo["action"]), (&"followed".into(), &"stop".into()));
    assert_eq!(demo["promised_monthly_savings"], "1095.00");
    assert_eq!(demo["realised_monthly_savings"], "1095.00");
    assert_eq!(demo["monthly_cost_avoidance"], Value::Null);
    assert_eq!(found["advice"].as_array().unwrap().len(), 2);
    let same: Vec<&Value> = found["same_advice"].as_array().unwrap().iter().collect();
    assert_eq!(same, ["dearer", "grower", "mover", "steady"]);
    let idle = named(&found["waste_gone"], "workload", "demo");
    assert_eq!((&idle["finding"], &idle["cost"]), (&"idle".into(), &"1080.00".into()));
    assert_eq!(found["waste_new"], Value::Array(Vec::new()));
    assert_eq!(found["catalog_prices_changed"], Value::Array(Vec::new()));
}

#[test]
fn a_price_of_the_catalog_is_told_apart_from_the_bridge() {
    let bench = months();
    let text = std::fs::read_to_string(bench.path("sep/report.json")).unwrap();
    let mut old: Value = serde_json::from_str(&text).unwrap();
    let new = std::fs::read_to_string(bench.path("oct/report.json")).unwrap();
    let new: Value = serde_json::from_str(&new).unwrap();
    let listed = |it: &Value| it["provenance"]["prices"].as_array().unwrap().clone();
    let both = listed(&old).into_iter().position(|it| listed(&new).contains(&it)).unwrap();
    old["provenance"]["prices"][both]["price_per_hour"] = "77.00".into();
    bench.write("sep/report.json", old.to_string());
    let found: Value = serde_json::from_str(&diff(&bench, &["--format", "json"])).unwrap();
    let [row] = found["catalog_prices_changed"].as_array().unwrap().as_slice() else {
        panic!("{found}")
    };
    assert_eq!(row["old_price_per_hour"], "77.00");
    assert_eq!(found["difference"], "-3519.04");
    assert!(diff(&bench, &[]).contains(": 77.00 → "));
}

#[test]
fn the_formats_show_the_same_bridge() {
    let bench = months();
    let table = diff(&bench, &[]);
    let head: Vec<&str> = table.lines().take(5).collect();
    assert_eq!(
        head,
        [
            "October 2026 against September 2026 · 744 h against 720 h",
            "GPU spend    4,825.76 USD effective · was 8,344.80",
            "since Sep    -3,519.04 (-42 %): longer month +230.16 · fresh (new) +186.00 ·",
            "             gone (ended) -360.00 · volume +744.00 · price +148.80 · mix -372.00",
            "             · advice done -4,096.00",
        ]
    );
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let promise = "stop demo                      followed         1,095.00       1,095.00 (100 %)";
    assert!(table.lines().any(|it| it == promise), "{table}");
    let page = diff(&bench, &["--format", "md"]);
    let row = "| mover | 720.00 | 372.00 | −348.00 | +24.00 | 0.00 | 0.00 | 0.00 | 0.00 | −372.00 | 0.00 | 0.00 |";
    assert!(page.lines().any(|it| it == row), "{page}");
    let csv = diff(&bench, &["--format", "csv"]);
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 9);
    let moved =
        "mover,USD,720.00,372.00,-348.00,24.00,0.00,0.00,0.00,0.00,-372.00,0.00,0.00,,,,,,,";
    assert!(rows.contains(&moved), "{csv}");
}

/// One error line that names `says`, one hint, nothing on stdout.
fn fails(ran: &Ran, code: i32, says: &str) {
    let lines = |word: &str| ran.stderr.lines().filter(|it| it.starts_with(word)).count();
    assert_eq!((ran.code, lines("error: "), lines("hint: ")), (code, 1, 1), "{}", ran.stderr);
    assert!(ran.stderr.contains(says), "`{says}` is not in {}", ran.stderr);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let bench = months();
    let text = std::fs::read_to_string(bench.path("oct/report.json")).unwrap();
    bench.write(
        "old.json",
        text.replace("\"schema_version\": \"1.0\"", "\"schema_version\": \"0.9\""),
    );
    bench.write("euro.json", text.replace("\"currency\": \"USD\"", "\"currency\": \"EUR\""));
    let cost = "\"effective_cost\": \"1488.00\"";
    assert!(text.contains(cost));
    bench.write("edited.json", text.replace(cost, "\"effective_cost\": \"1.00\""));
    bench.write("cut.json", &text[..text.len() / 2]);
    let check = |words: [&str; 2], code, says| {
        fails(&bench.run(&[&["diff"], &words[..]].concat()), code, says);
    };
    check(["sep", "none.json"], 3, "none.json cannot be read");
    check(["sep", "oct.csv"], 3, "oct.csv: it is not JSON");
    check(["sep", "cut.json"], 3, "cut.json: it is not JSON");
    check(["sep", "old.json"], 3, "its schema_version is 0.9, this program reads 1.0");
    check(["sep", "euro.json"], 3, "OLD is in USD and NEW in EUR");
    check(["sep", "edited.json"], 3, "its workloads cost 3338.76 USD together");
    check(["sep", "sep/report.json"], 2, "both reports are of the same window, September 2026");
    check(["oct", "sep"], 2, "OLD, October 2026, is later than NEW, September 2026");
    let html = bench.run(&["diff", "sep", "oct", "--format", "html"]);
    fails(&html, 2, "diff has no HTML");
    fails(&bench.run(&["diff", "sep", "oct", "--redact"]), 2, "diff cannot replace names");
}
