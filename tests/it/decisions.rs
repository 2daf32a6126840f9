//! Decisions, end to end: written by `decide`, kept to by every later `analyze`.

use std::fs;

use serde_json::Value;

use crate::support::{Bench, Ran};

/// Three forgotten GPUs, one of each size of saving, and one in use; 10 days of hours.
fn usage() -> String {
    let mut rows =
        "period_start,period_end,workload,gpu,gpu_count,billed_cost,requests,gpu_util\n".to_owned();
    for hour in 0..240 {
        let start = format!("2026-10-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
        let end = format!("2026-10-{:02}T{:02}:59:59.999999Z", 1 + hour / 24, hour % 24);
        for (name, count, cost) in
            [("large", 4, "12.00"), ("middle", 2, "6.10"), ("small", 1, "3.05")]
        {
            rows += &format!("{start},{end},{name},A100 80GB SXM4,{count},{cost},0,0\n");
        }
        rows += &format!("{start},{end},used,A100 80GB SXM4,1,0.20,900,0.9\n");
    }
    rows
}

/// A bench with its usage and the report of it.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("usage.csv", usage());
    analyze(&bench, &[]);
    bench
}

fn analyze(bench: &Bench, words: &[&str]) -> Value {
    let all = [&["analyze", "usage.csv", "--output", "report", "--format", "json"], words].concat();
    let ran = bench.run(&all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn decide(bench: &Bench, words: &[&str]) -> Ran {
    bench.run(&[&["decide", "report/report.json"], words].concat())
}

fn done(bench: &Bench, words: &[&str]) -> String {
    let ran = decide(bench, words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout
}

fn advice<'a>(report: &'a Value, name: &str) -> &'a Value {
    let all = report["workloads"].as_array().unwrap();
    &all.iter().find(|it| it["name"] == name).unwrap()["advice"]
}

/// The sums by decision in 10^-18: open, approved, rejected, snoozed, identified, asked for.
fn sums(report: &Value) -> [i128; 6] {
    let sums = &report["portfolio"]["savings_by_decision"];
    ["open", "approved", "rejected", "snoozed", "identified", "asked_for"].map(|it| atto(&sums[it]))
}

fn atto(amount: &Value) -> i128 {
    let (whole, fraction) = amount.as_str().unwrap().split_once('.').unwrap();
    format!("{whole}{fraction:0<18}").parse().unwrap()
}

fn notices(report: &Value) -> String {
    let all = report["notices"].as_array().unwrap().iter();
    all.map(|it| it.as_str().unwrap().to_owned() + "\n").collect()
}

#[test]
fn every_decision_is_kept_to_and_the_sums_add_up() {
    let bench = bench();
    let before = analyze(&bench, &[]);
    let saving = |name: &str| atto(&advice(&before, name)["monthly_savings"]);
    let (large, middle, small) = (saving("large"), saving("middle"), saving("small"));
    assert!(large > middle && middle > small && small > 0);
    let all = large + middle + small;
    assert_eq!(sums(&before), [all, 0, 0, 0, all, all]);

    done(&bench, &["S1", "--accept", "--owner", "Mara", "--due", "2026-10-20"]);
    done(&bench, &["middle", "--reject", "--reason", "kept for the audit"]);
    let id = advice(&before, "small")["id"].as_str().unwrap();
    done(&bench, &[id, "--snooze", "2026-12-01", "--owner", "Jo"]);
    let report = analyze(&bench, &["--as-of", "2026-11-01"]);
    assert_eq!(sums(&report), [0, large, middle, small, all, large]);
    assert_eq!(report["totals"], before["totals"]);
    let decision = |name: &str| advice(&report, name)["decision"].clone();
    assert_eq!(decision("large")["state"], "accepted");
    assert_eq!(
        (&decision("large")["owner"], &decision("large")["overdue"]),
        (&"Mara".into(), &true.into())
    );
    assert_eq!(decision("middle")["reason"], "kept for the audit");
    assert_eq!(decision("small")["until"], "2026-12-01");
    assert!(decision("used").is_null());
    assert!(notices(&report).contains("of Mara was due on 20 Oct 2026"), "{}", notices(&report));
    // Nothing is promised of what is not to be done.
    let promises = report["portfolio"]["promises"].as_array().unwrap();
    assert_eq!(promises.len(), 1);
    assert_eq!(
        promises[0]["promised_monthly_savings"],
        advice(&before, "large")["monthly_savings"]
    );

    // The snooze ends, and the clock is --as-of.
    let later = analyze(&bench, &["--as-of", "2026-12-01"]);
    assert_eq!(sums(&later), [small, large, middle, 0, all, large + small]);
    assert!(notices(&later).contains(&format!("small: the snooze of {id} ended on 1 Dec 2026")));

    // What is done and still comes up is open, and said.
    done(&bench, &["large", "--done"]);
    let after = analyze(&bench, &["--as-of", "2026-11-01"]);
    assert_eq!(sums(&after), [large, 0, middle, small, all, large]);
    assert!(notices(&after).contains("is marked done, and still comes up"), "{}", notices(&after));
    assert_eq!(after["portfolio"]["promises"][0]["state"], "done");
}

#[test]
fn the_formats_ask_only_for_what_is_asked_for() {
    let bench = bench();
    done(&bench, &["large", "--reject", "--reason", "<b>no</b>"]);
    done(&bench, &["small", "--accept", "--owner", "Mara"]);
    let ran = bench.run(&["analyze", "usage.csv", "--output", "report"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (_, next) = ran.stdout.split_once("DO NEXT").unwrap();
    let (next, decided) = next.split_once("ADVICE").unwrap();
    assert!(next.contains("S2  ") && next.contains("S3  ") && !next.contains("S1  "), "{next}");
    assert!(next.contains("Approved, owner Mara"), "{next}");
    assert!(decided.contains("S1     large    rejected"), "{decided}");
    assert!(ran.stdout.lines().all(|it| it.chars().count() <= 80), "{}", ran.stdout);
    let page = |name: &str| fs::read_to_string(bench.path("report").join(name)).unwrap();
    let (html, markdown) = (page("report.html"), page("report.md"));
    let asked = html.split("id=\"decisions\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(!asked.contains("Stop large") && asked.contains("Stop middle"), "{asked}");
    assert!(asked.contains("<li value=\"2\" style=\"counter-set: d 2\">"), "{asked}");
    assert!(!html.contains("<b>no</b>") && !markdown.contains("<b>no</b>"));
    for (name, text) in [("html", &html), ("md", &markdown)] {
        assert!(text.contains("Decided") && text.contains("Promises"), "{name}");
    }
    // Without --decisions, from another folder, and redacted, nobody is named.
    let redacted =
        bench.run(&["analyze", "usage.csv", "--output", "r", "--redact", "--format", "json"]);
    assert!(redacted.stderr.contains("a redacted report leaves them out"), "{}", redacted.stderr);
    assert!(!redacted.stdout.contains("Mara"));
}

#[test]
fn two_runs_write_the_same_and_what_others_wrote_stays() {
    let bench = bench();
    let words =
        ["S2", "--accept", "--owner", "Mara", "--due", "2026-12-01", "--decisions", "d.toml"];
    let hand = "# Kept by Mara.\n\n[[decision]]\nadvice = 'a-00000000' # gone\nworkload = \"gone\"\n\
                state = \"rejected\"\n# the end\n";
    bench.write("d.toml", hand);
    done(&bench, &words);
    let first = fs::read_to_string(bench.path("d.toml")).unwrap();
    assert!(first.starts_with(hand), "{first}");
    done(&bench, &words);
    assert_eq!(fs::read_to_string(bench.path("d.toml")).unwrap(), first);
    // The entry changes where it stands, with the comments around it.
    let commented = first.replace("owner = \"Mara\"\n", "owner = \"Mara\" # hers\n# ask first\n");
    bench.write("d.toml", &commented);
    done(&bench, &["S2", "--reject", "--owner", "Jo", "--decisions", "d.toml"]);
    let new = fs::read_to_string(bench.path("d.toml")).unwrap();
    assert!(new.starts_with(hand) && new.contains("owner = \"Jo\" # hers\n# ask first\n"), "{new}");
    assert!(!new.contains("due =") && !new.contains("promised"), "{new}");
    // An unknown id is a sentence, and the reports are the same twice.
    let words = ["--decisions", "d.toml"];
    let (one, two) = (analyze(&bench, &words), analyze(&bench, &words));
    assert_eq!(one, two);
    let said = notices(&one);
    assert!(
        said.contains("the data have no workload gone, whose advice a-00000000 was rejected"),
        "{said}"
    );
}

#[test]
fn advice_that_changed_is_named_by_its_new_id() {
    let bench = bench();
    let id = advice(&analyze(&bench, &[]), "small")["id"].as_str().unwrap().to_owned();
    let entry = |state: &str| {
        format!("[[decision]]\nadvice = \"a-0\"\nworkload = \"small\"\nstate = \"{state}\"\n")
    };
    bench.write("decisions.toml", entry("accepted"));
    let said = notices(&analyze(&bench, &[]));
    assert!(said.contains(&format!("no longer comes up; it is now {id} (stop)")), "{said}");
    // Done is done: its advice is meant to be gone, and it may be told after that.
    done(&bench, &["a-0", "--done"]);
    let text = fs::read_to_string(bench.path("decisions.toml")).unwrap();
    assert!(text.contains("state = \"done\""), "{text}");
    assert!(!notices(&analyze(&bench, &[])).contains("a-0"));
}

/// One error line that names `says`, one hint that names `hint`.
fn fails(ran: &Ran, code: i32, says: &str, hint: &str) {
    let line = |word: &str| {
        let found: Vec<&str> = ran.stderr.lines().filter(|it| it.starts_with(word)).collect();
        assert_eq!(found.len(), 1, "{}", ran.stderr);
        found[0].to_owned()
    };
    assert_eq!(ran.code, code, "{}", ran.stderr);
    assert!(line("error: ").contains(says), "`{says}` is not in {}", ran.stderr);
    assert!(line("hint: ").contains(hint), "`{hint}` is not in {}", ran.stderr);
}

#[test]
fn faults_are_one_error_and_one_hint() {
    let bench = bench();
    fails(
        &decide(&bench, &["smal", "--accept"]),
        3,
        "has no advice `smal`",
        "S3 in the report, for small",
    );
    fails(&decide(&bench, &["S4", "--accept"]), 3, "has no advice `S4`", "the nearest is a-");
    fails(&decide(&bench, &["used", "--accept"]), 3, "for used is to keep it", "S1, S2");
    fails(
        &decide(&bench, &["S1", "--accept", "--output", "x"]),
        2,
        "and nothing else",
        "--decisions",
    );
    fails(
        &bench.run(&["decide", "no.json", "S1", "--accept"]),
        3,
        "no.json cannot be read",
        "report.json",
    );
    bench.write("list.json", "[]");
    fails(
        &bench.run(&["decide", "list.json", "S1", "--done"]),
        3,
        "`schema_version` or `workloads` is missing",
        "report.json",
    );
    bench.write("old.json", "{\"schema_version\": \"0.9\", \"workloads\": []}");
    fails(&bench.run(&["decide", "old.json", "S1", "--done"]), 3, "schema_version is 0.9", "again");
    assert!(!bench.path("decisions.toml").exists());

    let check = |text: &str, says: &str| {
        bench.write("decisions.toml", text);
        for ran in [decide(&bench, &["S1", "--accept"]), bench.run(&["analyze", "usage.csv"])] {
            fails(&ran, 3, says, "docs/decisions.md");
        }
        assert_eq!(fs::read_to_string(bench.path("decisions.toml")).unwrap(), text);
    };
    check("[[decision]]\nadvise = \"a-1\"\n", "decisions.toml:2: unknown field `advise`");
    check("[decision\n", "decisions.toml:1: ");
    check(
        "[[decision]]\nadvice = \"a\"\nworkload = \"b\"\nstate = \"no\"\n",
        "decisions.toml:1: state `no`",
    );
    let id = advice(
        &analyze(
            &bench,
            &["--decisions", "empty.toml"].map(|it| {
                bench.write("empty.toml", "");
                it
            }),
        ),
        "large",
    )["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let inline =
        format!("decision = [{{ advice = \"{id}\", workload = \"large\", state = \"done\" }}]\n");
    bench.write("decisions.toml", &inline);
    fails(&decide(&bench, &["S1", "--accept"]), 3, "the form of this file", "[[decision]]");
    let missing = bench.run(&["analyze", "usage.csv", "--decisions", "no.toml"]);
    fails(&missing, 3, "no.toml: ", "--decisions");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_keeps_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench();
    let text = "# as it was\n";
    bench.write("closed/decisions.toml", text);
    let closed = |mode| fs::set_permissions(bench.path("closed"), fs::Permissions::from_mode(mode));
    closed(0o555).unwrap();
    let is_open = fs::write(bench.path("closed/probe"), "").is_ok();
    let ran = decide(&bench, &["S1", "--accept", "--decisions", "closed/decisions.toml"]);
    closed(0o755).unwrap();
    if is_open {
        eprintln!("skipped: this user may write where nobody may");
        return;
    }
    fails(&ran, 8, "", "rights on the folder");
    assert_eq!(fs::read_to_string(bench.path("closed/decisions.toml")).unwrap(), text);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_output_error() {
    let bench = bench();
    bench.write("taken", "a file");
    let ran = decide(&bench, &["S1", "--accept", "--decisions", "taken/decisions.toml"]);
    fails(&ran, 8, "", "choose another folder");
    assert_eq!(fs::read_to_string(bench.path("taken")).unwrap(), "a file");
}
