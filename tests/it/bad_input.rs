//! A fault of a file is one error line, one hint and exit code 3; a fault of a row is a rejection
//! with the same words. Nothing panics, nothing is half-written.

use crate::support::{Bench, Ran};

const HEADER: &str = "period_start,period_end,workload,gpu,gpu_count,billed_cost,requests\n";

fn row(hour: u32, rest: &str) -> String {
    format!("2026-10-01T{hour:02}:00:00Z,2026-10-01T{:02}:00:00Z,{rest}\n", hour + 1)
}

fn good(n: u32) -> String {
    (0..n).map(|hour| row(hour, "chat,L40S,1,1.09,5")).collect()
}

/// One error line that names `says`, one hint, and no report.
fn fails(bench: &Bench, ran: &Ran, code: i32, says: &str) {
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let errors: Vec<&&str> = lines.iter().filter(|it| it.starts_with("error: ")).collect();
    let hints = lines.iter().filter(|it| it.starts_with("hint: ")).count();
    assert_eq!((ran.code, errors.len(), hints), (code, 1, 1), "{}", ran.stderr);
    assert!(errors[0].contains(says), "`{says}` is not in {}", errors[0]);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(!bench.path("reports").exists(), "a report was written all the same");
}

fn check_file(name: &str, bytes: impl AsRef<[u8]>, says: &str) {
    let bench = Bench::new();
    let file = bench.write(name, bytes);
    fails(&bench, &bench.run(&["analyze", &file]), 3, says);
}

#[test]
fn faults_of_a_file() {
    check_file("usage.csv", "", "the file is empty");
    check_file("usage.csv", HEADER, "no row to analyse");
    check_file("usage.csv", "a,b,c\n1,2,3\n", "no known format has these columns: a, b, c");
    check_file(
        "usage.csv",
        "workload,billed_cost\nchat,1.09\n",
        "the column `period_start` is missing",
    );
    check_file(
        "usage.csv",
        "date,timestamp,cost\n2026-10-01,2026-10-01,1\n",
        "both mean `period_start`",
    );
    check_file("usage.csv", "date,cost,cost\n2026-10-01,1,2\n", "both mean `cost`");
    check_file("usage.parquet", "period_start,cost\n2026-10-01,1\n", "the name says Parquet");
    check_file("usage.xlsx", b"PK\x03\x04rest", "Excel workbook");
    check_file("usage.json", "[{\"a\": 1}]", "no known format has these columns: a");
    check_file("usage.jsonl", "{broken\n", "no line is a JSON object");
    check_file("usage.csv", b"\xff\xfep\0e\0", "neither text in UTF-8 nor Parquet");
    check_file("usage.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0", "cannot be unpacked");
}

#[test]
fn a_truncated_parquet_is_named() {
    let bench = Bench::new();
    let whole = std::fs::read(crate::support::root().join("samples/usage.parquet")).unwrap();
    for length in [4, 5, 100, whole.len() / 2, whole.len() - 1] {
        let file = bench.write("usage.parquet", &whole[..length]);
        fails(&bench, &bench.run(&["analyze", &file]), 3, "usage.parquet: ");
    }
    // Damaged in the middle: an error or a clean read, never a panic.
    for at in (8..whole.len() - 8).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        let file = bench.write("usage.parquet", damaged);
        let ran = bench.run(&["describe", &file]);
        assert!([0, 3].contains(&ran.code), "byte {at}: {} {}", ran.code, ran.stderr);
    }
}

#[test]
fn faults_outside_the_files() {
    let bench = Bench::new();
    fails(&bench, &bench.run(&["analyze", "nowhere.csv"]), 3, "nowhere.csv: no such file");
    fails(&bench, &bench.run(&["analyze", "logs/*.csv"]), 3, "no file matches");
    let folder = bench.path("folder");
    std::fs::create_dir(&folder).unwrap();
    fails(
        &bench,
        &bench.run(&["analyze", &folder.display().to_string()]),
        3,
        "the folder has no file",
    );
    let file = bench.write("usage.csv", format!("{HEADER}{}", good(3)));
    fails(&bench, &bench.run(&["analyze", &file, "--config", "no.toml"]), 3, "no.toml");
    let config = bench.write("bad.toml", "[workload.chat]\nkind = 7\n");
    fails(&bench, &bench.run(&["analyze", &file, "--config", &config]), 3, "bad.toml:2");
    fails(&bench, &bench.run(&["analyze", &file, "--since", "2027-01-01"]), 3, "window");
    fails(&bench, &bench.run(&["analyze", &file, "--month=2025-01"]), 3, "no row lies between");
    fails(&bench, &bench.run(&["analyze", &file, "--pricing", "nowhere"]), 4, "nowhere");
    let taken = bench.write("taken", "x");
    fails(&bench, &bench.run(&["analyze", &file, "--output", &taken]), 2, "is a file");
    fails(&bench, &bench.run(&["analyze", &file, "--output", "taken/inside"]), 8, "cannot be");
}

#[test]
fn faults_of_a_row_are_rejections_with_file_row_column_and_reason() {
    for (rest, says) in [
        ("chat,L40S,1,abc,5", "`billed_cost`: `abc` is not a decimal amount"),
        ("chat,L40S,1,\"1,234.56\",5", "`billed_cost`: `1,234.56` is not a decimal amount"),
        ("chat,L40S,1,1.09,-5", "`requests`: `-5` is negative"),
        ("chat,L40S,1,1.09,NaN", "`requests`: `NaN` is not a finite number"),
        ("chat,L40S,1,1.09,5.5", "`requests`: `5.5` is not a whole number"),
        ("chat,L40S,-1,1.09,5", "`gpu_count`: `-1` is negative"),
        ("chat,L40S,1,0.1234567890123456789,5", "more than 18 decimals"),
        ("chat,L40S,1,1.09", "the row has 6 fields, but the header has 7"),
        ("chat,L40S,1,1,09,5", "the row has 8 fields, but the header has 7"),
    ] {
        let bench = Bench::new();
        let text = format!("{HEADER}{}{}", good(3), row(4, rest));
        let file = bench.write("usage.csv", text);
        let ran = bench.run(&["analyze", &file, "--max-rejected", "30", "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("usage.csv: row 4"), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "`{says}` is not in {}", ran.stderr);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let account = &report["reconciliation"];
        assert_eq!(
            (&account["rows_in"], &account["rows_kept"], &account["rows_rejected"]),
            (&4.into(), &3.into(), &1.into())
        );
        assert_eq!(account["difference"], "0.00");
        let bench = Bench::new();
        let file = bench.write("usage.csv", format!("{HEADER}{}{}", good(3), row(4, rest)));
        fails(&bench, &bench.run(&["analyze", &file]), 3, "1 of 4 rows were rejected");
    }
}

#[test]
fn times_that_cannot_be_are_rejected() {
    for (times, says) in [
        ("yesterday,2026-10-01T01:00:00Z", "`period_start`"),
        ("2026-10-01T05:00:00Z,2026-10-01T04:00:00Z", "not after its start"),
        ("0001-01-01T00:00:00Z,2026-10-01T04:00:00Z", "outside the years"),
        ("2024-01-01T00:00:00Z,2026-10-01T04:00:00Z", "longer than 400 days"),
        (",2026-10-01T04:00:00Z", "the start is missing"),
    ] {
        let bench = Bench::new();
        let text = format!("{HEADER}{}{times},chat,L40S,1,1.09,5\n", good(3));
        let file = bench.write("usage.csv", text);
        let ran = bench.run(&["describe", &file, "--max-rejected", "30"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "`{says}` is not in {}", ran.stderr);
    }
}

#[test]
fn order_extra_columns_and_duplicates_do_no_harm() {
    let bench = Bench::new();
    let shuffled = format!(
        "{HEADER}{}{}{}",
        row(2, "chat,L40S,1,1.09,7"),
        row(0, "chat,L40S,1,1.09,5"),
        row(1, "chat,L40S,1,1.09,6")
    );
    let sorted = format!(
        "{HEADER}{}{}{}",
        row(0, "chat,L40S,1,1.09,5"),
        row(1, "chat,L40S,1,1.09,6"),
        row(2, "chat,L40S,1,1.09,7")
    );
    let describe = |name: &str, text: &str| {
        let file = bench.write(name, text);
        bench.run(&["describe", &file, "--format", "json"]).stdout
    };
    let expected = describe("sorted.csv", &sorted);
    assert_eq!(describe("shuffled.csv", &shuffled), expected);
    let extra = sorted
        .replace("requests\n", "requests,api_key\n")
        .replace(",5\n", ",5,secret-1\n")
        .replace(",6\n", ",6,secret-2\n")
        .replace(",7\n", ",7,secret-3\n");
    assert_eq!(describe("extra.csv", &extra), expected);
    let file = bench.write("twice.csv", format!("{sorted}{}", row(1, "chat,L40S,1,1.09,6")));
    let ran = bench.run(&["analyze", &file, "--format", "json", "--output", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["reconciliation"]["duplicates"], 1);
    assert_eq!(report["workloads"][0]["baseline"]["requests"], 18);
    assert!(!ran.stdout.contains("secret"));
}

#[test]
fn a_misspelt_column_is_pointed_out() {
    let bench = Bench::new();
    let file =
        bench.write("usage.csv", format!("{HEADER}{}", good(3)).replace("requests", "reqests"));
    let ran = bench.run(&["analyze", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("`reqests` is ignored; did you mean `requests`?"), "{}", ran.stdout);
}

#[test]
fn two_hours_of_idleness_stop_nothing() {
    let bench = Bench::new();
    let rows = good(2).replace(",5\n", ",0\n");
    let file = bench.write("usage.csv", format!("{HEADER}{rows}"));
    let ran = bench.run(&["analyze", &file, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["workloads"][0]["advice"]["action"], "not_enough_data");
}

#[test]
fn what_a_commitment_covers_is_never_saved() {
    let bench = Bench::new();
    let mut text =
        "period_start,workload,provider,gpu,gpu_count,pricing_category,cost,requests,gpu_util\n"
            .to_owned();
    for hour in 0..24 * 10 {
        let (day, hour) = (1 + hour / 24, hour % 24);
        let start = format!("2026-10-{day:02}T{hour:02}:00:00Z");
        text.push_str(&format!(
            "{start},demo,aws,L40S,1,Standard,6.88,0,0\n{start},demo,aws,L40S,1,Committed,3.00,,0\n"
        ));
    }
    let file = bench.write("usage.csv", text);
    let ran = bench.run(&["analyze", &file, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let advice = &report["workloads"][0]["advice"];
    assert_eq!(advice["action"], "stop");
    // 6.88 x 730, not 9.88 x 730.
    assert_eq!(advice["monthly_savings"], "5022.40");
}

#[test]
fn an_unknown_gpu_is_listed_and_not_simulated() {
    let bench = Bench::new();
    let rows: String = (1..=9)
        .flat_map(|day| {
            (0..24).map(move |hour| format!("2026-10-{day:02}T{hour:02}:00:00Z,odd,Z9000,1,1.09\n"))
        })
        .collect();
    let file =
        bench.write("usage.csv", format!("period_start,workload,gpu,gpu_count,cost\n{rows}"));
    let ran = bench.run(&["analyze", &file, "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let odd = &report["workloads"][0];
    assert_eq!(odd["baseline"]["gpu"], "Z9000");
    assert_eq!(odd["plans"].as_array().unwrap().len(), 1, "only today");
    assert_eq!(odd["advice"]["monthly_savings"], "0.00");
}

#[test]
fn mixed_currencies_are_an_error() {
    let text =
        "period_start,workload,cost,billing_currency\n2026-10-01,a,1,USD\n2026-10-02,a,1,EUR\n";
    check_file("usage.csv", text, "row 2: the currency is EUR, but earlier rows are in USD");
}

#[test]
fn odd_names_stay_inside_their_folder_and_harmless() {
    let bench = Bench::new();
    let names = ["<script>alert(1)</script>", "../../etc/passwd", "=cmd|'/C calc'!A0", "🚀", "a b"];
    let mut text = "period_start,workload,gpu,gpu_count,cost,requests\n".to_owned();
    for name in names {
        for hour in 0..4 {
            text.push_str(&format!("2026-10-01T{hour:02}:00:00Z,\"{name}\",L40S,1,1.09,3\n"));
        }
    }
    let file = bench.write("usage.csv", text);
    let ran = bench.run(&["analyze", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let html = std::fs::read_to_string(bench.path("reports/usage/report.html")).unwrap();
    assert!(!html.contains("<script>alert"), "markup from the data");
    let charts = std::fs::read_dir(bench.path("reports/usage/charts")).unwrap().count();
    assert_eq!(charts, names.len() * 7 + 2);
}

#[test]
fn a_platform_that_lacks_a_rule_is_told() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", HEADER.to_owned() + &good(23));
    let own = "[[platform]]\nprovider = \"ours\"\nbill_start = true\ngranularity_s = 60\n\n\
               [[platform]]\nprovider = \"modal\"\nidle_timeout_s = 300\n";
    let config = bench.write("own.toml", own);
    let ran = bench.run(&["analyze", &file, "--config", &config]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let says = "platform `ours` is not simulated: nothing states scaler, idle_timeout_s, \
                concurrency_per_worker";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    assert!(!ran.stderr.contains("`modal`"), "{}", ran.stderr);
    let spoiled = bench.write("spoiled.toml", own.replace("60", "0"));
    let ran = bench.run(&["ingest", &file, "--config", &spoiled]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let says = "spoiled.toml:4: `granularity_s` is 0, expected a positive number";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
}
