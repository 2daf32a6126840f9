//! Mails of the committed report as files, read with another library, and what ends a run.
//! What a server does is in `tests/e2e/mail.py`.

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use crate::support::{Bench, Ran, root};

const CONFIG: &str = "\
[email]
from = \"GPU reports <reports@example.com>\"
to = [\"Ann <ann@example.com>\", \"bob@example.com\", \"BOB@example.com\"]
cc = [\"eve@example.com\"]

[email.owners]
Search = [\"search@example.com\"]

[email.smtp]
host = \"localhost\"
port = 1
tls = \"none\"
retry_s = 0
";

/// A folder `october` with the committed report and a config beside it.
fn bench(config: &str) -> Bench {
    let bench = Bench::new();
    for name in ["report.json", "report.html"] {
        let bytes = std::fs::read(root().join("reports/usage").join(name)).unwrap();
        bench.write(&format!("october/{name}"), bytes);
    }
    bench.write("gpuadvise.toml", config);
    bench
}

fn check(ran: &Ran, code: i32, says: &str) {
    assert_eq!(ran.code, code, "stdout: {}\nstderr: {}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
}

/// The type of each leaf, and its name.
fn leaves(message: &Message<'_>) -> Vec<String> {
    let leaf = |it: &&mail_parser::MessagePart<'_>| !matches!(it.body, PartType::Multipart(_));
    let parts = message.parts.iter().filter(leaf).map(|it| {
        let kind = it.content_type().unwrap();
        let name = it.attachment_name().or(it.content_id()).unwrap_or_default();
        format!("{}/{} {name}", kind.ctype(), kind.subtype().unwrap_or_default())
    });
    parts.collect()
}

#[test]
fn a_dry_run_writes_one_whole_mail_for_each() {
    let bench = bench(CONFIG);
    let ran = bench.run(&["email", "october", "--dry-run"]);
    check(&ran, 0, "");
    let files: Vec<&str> = ran.stdout.lines().collect();
    let expected = ["01-ann-", "02-bob-", "03-eve-", "04-search-"];
    assert_eq!(files, expected.map(|it| format!("october/mail/{it}example.com.eml")));
    let html = std::fs::read(bench.path("october/report.html")).unwrap();
    for (at, file) in files.iter().enumerate() {
        let bytes = std::fs::read(bench.path(file)).unwrap();
        assert!(bytes.is_ascii(), "{file}");
        assert!(bytes.split(|it| *it == b'\n').all(|it| it.len() < 999), "{file}: a long line");
        let message = MessageParser::default().parse(&bytes).unwrap();
        let subject = message.subject().unwrap();
        assert_eq!(message.date().unwrap().to_rfc3339(), "2026-11-01T00:00:00Z");
        let mut expected =
            vec!["text/plain ", "text/html ", "image/png actions.png", "image/png costs.png"];
        if at < 3 {
            assert_eq!(subject, "GPU spend October 2026: 54,992 USD, 28,433 a month can be saved");
            expected.push("text/html report.html");
            assert_eq!(message.to().unwrap().iter().count(), 3);
            assert_eq!(message.attachments().last().unwrap().contents(), html);
        } else {
            assert!(subject.starts_with("GPU spend of Search, October 2026: "), "{subject}");
        }
        assert_eq!(leaves(&message), expected);
    }
    assert!(!bench.path("october/mail.json").exists());
}

#[test]
fn what_lacks_is_said_before_anything_is_sent() {
    let to_nobody = CONFIG.lines().filter(|it| !it.contains("@example.com\"]")).collect::<Vec<_>>();
    let without_server = CONFIG.split("[email.smtp]").next().unwrap();
    for (config, words, code, says) in [
        ("", &["email", "october"][..], 2, "no config with an [email] table"),
        (&to_nobody.join("\n"), &["email", "october"], 2, "nobody is to get the mail"),
        (without_server, &["email", "october"], 2, "no [email.smtp]"),
        (CONFIG, &["email", "october", "--redact"], 2, "cannot replace names"),
        (CONFIG, &["email", "october", "--to", "nobody"], 2, "not an address"),
        (CONFIG, &["email", "october", "--to", "a@b.c\r\nBcc: d@e.f"], 2, "not an address"),
        (CONFIG, &["email", "september"], 3, "report.json cannot be read"),
        (&CONFIG.replace("port = 1", "pot = 1"), &["email", "october"], 3, "unknown field `pot`"),
        (
            &CONFIG.replace("port = 1", "password = \"hunter2\""),
            &["email", "october"],
            3,
            "password",
        ),
        (CONFIG, &["email", "october"], 8, "4 of 4 mails not known to have arrived"),
    ] {
        let bench = bench(config);
        let ran = bench.run(words);
        check(&ran, code, says);
        assert!(!ran.stderr.contains("hunter2") && ran.stdout.is_empty(), "{}", ran.stdout);
    }
    let ran = Bench::new().run(&["analyze", "a.csv", "--email"]);
    check(&ran, 3, "a.csv");
}

#[test]
fn a_report_that_is_none_is_an_input_error() {
    let bench = bench(CONFIG);
    bench.write("october/report.json", "{}");
    check(&bench.run(&["email", "october"]), 3, "no report of analyze");
}

#[test]
fn markdown_keeps_to_its_limit() {
    let bench = bench(CONFIG);
    let words = ["explain", "october", "S1", "--format", "md"];
    let whole = bench.run(&words).stdout;
    for most in ["400", "900", "3000"] {
        let ran = bench.run(&[&words[..], &["--max-length", most]].concat());
        check(&ran, 0, "");
        assert!(ran.stdout.chars().count() <= most.parse().unwrap(), "{}", ran.stdout);
        for word in ran.stdout.split_whitespace().filter(|it| it.contains(|c: char| c.is_numeric()))
        {
            assert!(whole.contains(word.trim_matches(['*', ':'])), "{word}");
        }
    }
    check(&bench.run(&[&words[..], &["--max-length", "10"]].concat()), 2, "use --max-length");
    let without = ["explain", "october", "S1", "--max-length", "900"];
    check(&bench.run(&without), 2, "for Markdown only");
    check(&bench.run(&["prices", "check", "--max-length", "900"]), 2, "for Markdown only");
}
