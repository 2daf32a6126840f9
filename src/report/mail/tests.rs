//! Laws of the mail, on the committed report and on hostile ones.

use serde_json::Value;

use super::{Audience, Mail, MailReport, mail};

const REPORT: &str = include_str!("../../../reports/usage/report.json");

fn read(change: impl FnOnce(&mut Value)) -> MailReport {
    let mut value: Value = serde_json::from_str(REPORT).unwrap();
    change(&mut value);
    MailReport::read(&value.to_string()).unwrap()
}

fn all(report: &MailReport) -> Mail {
    let attached = ["Attached: report.html.".to_owned()];
    mail(report, Audience::All, &attached, &[]).unwrap().unwrap()
}

/// Names that want to be more than names, in every place of the report that a mail shows.
fn hostile(name: &str) -> MailReport {
    read(|it| {
        it["period_label"] = name.into();
        it["notices"] = vec![name; 5].into();
        for workload in it["workloads"].as_array_mut().unwrap() {
            let own = format!("{name}{}", workload["slug"].as_str().unwrap());
            workload["name"] = own.into();
            workload["owner"] = name.into();
            workload["advice"]["grade"] = name.into();
            workload["advice"]["live"] = serde_json::json!({
                "from": name, "year_end": name, "savings_by_year_end": "10"
            });
            workload["advice"]["commitment"] = serde_json::json!({
                "term_months": 36, "end": name, "owed": "33819.00"
            });
            workload["advice"]["decision"] = serde_json::json!({
                "counts_as": "open", "owner": name, "due": name, "overdue": true
            });
        }
        it["portfolio"]["promises"] = serde_json::json!([{
            "workload": name, "currency": "USD", "promised_monthly_savings": "1.5",
            "realised_monthly_savings": null
        }]);
        it["held_commitments"] = serde_json::json!([{
            "id": name, "currency": "EUR", "end": name, "utilization": 0.5, "liability": "7022.40",
            "has_ended": false
        }]);
        it["previous"] = serde_json::json!({
            "period_label": name,
            "forecast_error": {"label": name, "share": 0.017, "word": "low"},
            "since": {"old": "50000", "difference": "4992.15",
                      "steps": [{"name": name, "amount": "4992.154"}]}
        });
        it["budget"] = serde_json::json!({"months": [{
            "label": name, "pro_rata": false, "owners": [],
            "total": {"budget": "50000", "variance": "4992.15", "share": 0.0998, "word": "unfavorable"}
        }]});
        it["provenance"]["version"] = name.into();
    })
}

#[test]
fn what_is_signed_stands_with_its_action() {
    let report = read(|it| {
        let id = it["portfolio"]["ranking"][0].clone();
        let all = it["workloads"].as_array_mut().unwrap();
        let first = all.iter_mut().find(|it| it["advice"]["id"] == id).unwrap();
        first["advice"]["commitment"] = serde_json::json!({
            "instances": 1, "term_months": 36, "end": "2029-11-01", "owed": "33819.0048"
        });
    });
    let text = all(&report).text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "commits for 36 months, to 1 Nov 2029: 33,819.00 USD owed in all";
    assert_eq!(text.matches(said).count(), 1, "{text}");
}

/// Advice that is mostly a guess is in the total and told apart from it.
#[test]
fn weak_advice_stands_apart() {
    let report = read(|it| {
        let id = it["portfolio"]["ranking"][6].clone();
        let all = it["workloads"].as_array_mut().unwrap();
        let last = all.iter_mut().find(|it| it["advice"]["id"] == id).unwrap();
        last["advice"]["grade"] = "D".into();
    });
    let text = all(&report).text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("can be saved, 720.54 of it by weak advice."), "{text}");
    assert!(text.contains("Look closer before a test, S7 enrich-nightly: 720.54 USD"), "{text}");
}

#[test]
fn the_subject_says_spend_and_saving() {
    let report = read(|_| {});
    assert_eq!(
        all(&report).subject,
        "GPU spend October 2026: 54,992 USD, 28,433 a month can be saved"
    );
    let silent = read(|it| {
        it["totals"]["effective_cost"] = Value::Null;
        it["portfolio"]["savings_by_decision"]["asked_for"] = "0".into();
        it["portfolio"]["ranking"] = Value::Array(Vec::new());
    });
    assert_eq!(
        all(&silent).subject,
        "GPU spend October 2026: cost not measured, nothing to save found"
    );
}

#[test]
fn the_text_is_complete_by_itself() {
    let text = all(&read(|_| {})).text;
    for line in text.lines() {
        assert!(line.chars().count() <= 78, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn both_forms_say_the_same_numbers() {
    for report in [read(|_| {}), hostile("chat")] {
        let mail = all(&report);
        let html = mail.html.replace("&#39;", "'");
        let numbers = |text: &str| -> Vec<String> {
            let words = text.split(|it: char| !(it.is_ascii_digit() || ",.".contains(it)));
            let trimmed = words.map(|it| it.trim_matches(['.', ',']).to_owned());
            trimmed
                .filter(|it| it.contains('.') && it.contains(|c: char| c.is_ascii_digit()))
                .collect()
        };
        let shown = numbers(&html);
        let told = numbers(&mail.text);
        assert!(told.len() > 20, "{told:?}");
        for number in told {
            assert!(shown.contains(&number), "{number} is only in the text");
        }
    }
}

#[test]
fn hostile_names_stay_text() {
    let long = "x".repeat(10_000);
    for name in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "a\r\nBcc: victim@example.com\r\n\r\nbody",
        "=cmd|'/C calc'!A0",
        "../../etc/passwd",
        "\u{202e}gnp.exe",
        "{{ 7 * 7 }}",
        "🚀 模型",
        long.as_str(),
    ] {
        let mail = all(&hostile(name));
        assert!(!mail.subject.contains(char::is_control), "{}", mail.subject);
        assert!(mail.subject.chars().count() <= 160, "{}", mail.subject);
        for open in ["<script", "<img src=x", "onerror=\"", "\u{202e}"] {
            assert!(!mail.html.contains(open), "{open} of {name}");
        }
        // Three elements that this crate writes hold all there is of these.
        assert_eq!(mail.html.matches("<img ").count(), mail.pictures.len(), "{name}");
        assert!(mail.html.len() < 60_000, "{} bytes for {}", mail.html.len(), &name[..3]);
        for line in mail.text.lines() {
            assert!(line.chars().count() <= 78, "{line}");
        }
    }
}

#[test]
fn mail_programs_show_all_of_it() {
    let mail = all(&read(|_| {}));
    for gone in ["<style", "<script", "<svg", "class=", "http:", "https:", "var("] {
        assert!(!mail.html.contains(gone), "{gone}");
    }
    // Gmail cuts a message off at 102 KB of HTML.
    assert!(mail.html.len() < 80_000, "{}", mail.html.len());
    assert_eq!(mail.pictures.len(), 2);
    for it in &mail.pictures {
        assert!(mail.html.contains(&format!("src=\"cid:{}\"", it.name)));
        assert!(mail.html.contains(&format!("alt=\"{}", &it.alt[..20])), "{}", it.alt);
        assert!(it.png.starts_with(b"\x89PNG") && it.png.len() < 200_000);
    }
}

#[test]
fn the_same_report_gives_the_same_mail() {
    let (a, b) = (all(&read(|_| {})), all(&read(|_| {})));
    assert_eq!((a.subject, a.text, a.html), (b.subject, b.text, b.html));
    assert!(a.pictures.iter().zip(&b.pictures).all(|(a, b)| a.png == b.png));
}

#[test]
fn an_owner_sees_only_their_own() {
    let report = read(|_| {});
    let owners = report.owners();
    assert!(owners.len() > 3, "{owners:?}");
    for owner in &owners {
        let mail = mail(&report, Audience::Owner(owner), &[], &[]).unwrap().unwrap();
        for it in &report.file.workloads {
            let seen = mail.text.contains(&it.name) || mail.html.contains(&it.name);
            let alt = mail.pictures.iter().any(|picture| picture.alt.contains(&it.name));
            let own = it.owner.as_deref() == Some(owner);
            assert_eq!(seen, own, "{} in the mail of {owner}", it.name);
            assert!(own || !alt, "{}", it.name);
        }
        // The whole is none of their business either.
        assert!(!mail.text.contains("54,992") && !mail.subject.contains("54,992"));
    }
    assert!(mail(&report, Audience::Owner("nobody"), &[], &[]).unwrap().is_none());
}

#[test]
fn parts_add_up_in_cents() {
    let mail = all(&read(|_| {}));
    for title in ["WHAT TO DO", "WHO"] {
        let section = mail.text.split(&format!("\n{title}")).nth(1).unwrap();
        let section = section.split("\n\n").next().unwrap();
        let amounts: Vec<i64> = section
            .lines()
            .skip(1)
            .filter(|it| !it.starts_with("  ") && !it.trim_start().starts_with('-'))
            .filter_map(|it| it.split_whitespace().next_back())
            .filter_map(|it| it.replace([',', '.'], "").parse().ok())
            .collect();
        let (sum, parts) = amounts.split_last().unwrap();
        assert_eq!(parts.iter().sum::<i64>(), *sum, "{section}");
    }
}

#[test]
fn what_is_done_or_not_done_is_told_apart() {
    let report = read(|it| {
        let ids: Vec<Value> = it["portfolio"]["ranking"].as_array().unwrap()[..2].to_vec();
        for (id, state, counts_as) in [(&ids[0], "done", "open"), (&ids[1], "accepted", "approved")]
        {
            let all = it["workloads"].as_array_mut().unwrap();
            let of = all.iter_mut().find(|it| it["advice"]["id"] == *id).unwrap();
            of["advice"]["decision"] = serde_json::json!({
                "state": state, "counts_as": counts_as, "owner": null, "due": null, "overdue": false
            });
        }
        let promise = |advice: &Value, workload: &str| {
            serde_json::json!({
                "advice": advice, "workload": workload, "currency": "USD",
                "promised_monthly_savings": "1.5", "realised_monthly_savings": null
            })
        };
        it["portfolio"]["promises"] = serde_json::json!([
            promise(&ids[0], "first"),
            promise(&ids[1], "second"),
            promise(&"a-gone".into(), "third")
        ]);
    });
    let text = all(&report).text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Look at what is done, not yet seen, S1 "), "{text}");
    // What is done is not asked for again.
    let test = text.find("Approve a test").unwrap();
    let asked: String = text[test..].chars().take(40).collect();
    assert!(!asked.contains("S1"), "{asked}");
    let of = text.find("Promises and what was realised").or_else(|| text.find("PROMISES")).unwrap();
    let promises = &text[of..];
    let [done, left, gone] =
        ["done, not yet seen", "not done", "not measured"].map(|it| promises.find(it).unwrap());
    assert!(done < left && left < gone, "{promises}");
}
