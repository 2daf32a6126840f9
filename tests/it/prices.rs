//! Prices imported, compared and checked for their age, as the command does it.

use crate::support::{Bench, root};

fn data(name: &str) -> String {
    root().join("tests/data/prices").join(name).display().to_string()
}

#[test]
fn every_row_of_a_table_is_accounted_for() {
    let bench = Bench::new();
    for (format, file, provider, said) in [
        ("skypilot", "skypilot_runpod.csv", Some("runpod"), "13 rows: 13 make 16 offers"),
        ("skypilot", "skypilot_lambda.csv", Some("lambda"), "9 rows: 7 make 7 offers; 2 CPU only"),
        ("gpuhunt", "gpuhunt_lambdalabs.csv", Some("lambda"), "offers"),
        ("csv", "history.csv", None, "401 rows: 401 make 401 offers"),
    ] {
        let file = data(file);
        let mut words =
            vec!["prices", "import", format, &file, "--as-of", "2026-11-28", "--source", "a test"];
        if let Some(provider) = provider {
            words.extend(["--provider", provider]);
        }
        let ran = bench.run(&words);
        assert_eq!(ran.code, 0, "{file}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{file}: {}", ran.stderr);
        assert!(ran.stdout.contains("[[offer]]") && ran.stdout.contains("source = \""), "{file}");
    }
}

/// What is imported is a catalog, what is listed is imported again without a loss, and nothing is written over.
#[test]
fn lists_and_files_go_round() {
    let bench = Bench::new();
    let list = bench.run(&["prices", "list", "--format", "csv"]);
    let table = bench.write("list.csv", &list.stdout);
    let folder = bench.path("pricing/offers");
    let out = folder.to_str().unwrap();
    let import = ["prices", "import", "csv", &table, "--output", out];
    let ran = bench.run(&import);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let again = bench.run(&["prices", "list", "--format", "csv", "--pricing", "pricing"]);
    assert_eq!(again.stdout, list.stdout);
    let ran = bench.run(&["prices", "diff", "built-in", "pricing"]);
    assert!(
        ran.stdout.ends_with("0 rose, 0 fell, 506 the same, 0 new, 0 gone\n"),
        "{}",
        ran.stdout
    );
    let ran = bench.run(&import);
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    assert!(ran.stderr.contains("is there already"), "{}", ran.stderr);
}

/// Next month's prices beside this month's: the newest counts, the others are history.
#[test]
fn months_are_appended() {
    let bench = Bench::new();
    let row = |price: &str| {
        format!(
            "provider,instance_type,gpu,gpu_count,region,purchase,price_per_hour\nacme,one,L40S,1,x,payg,{price}\n"
        )
    };
    let (old, new) = (bench.write("old.csv", row("1.00")), bench.write("new.csv", row("1.50")));
    let out = bench.path("pricing/offers/acme.toml").display().to_string();
    let import = |file: &str, day: &str, how: &str| {
        bench.run(&["prices", "import", "csv", file, "--as-of", day, "--output", &out, how])
    };
    assert_eq!(import(&old, "2026-08-01", "--append").code, 0);
    for _ in 0..2 {
        let ran = import(&new, "2026-11-01", "--append");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(text.matches("[[offer]]").count(), 2, "{text}");
    let list = bench.run(&[
        "prices",
        "list",
        "--provider",
        "acme",
        "--format",
        "csv",
        "--pricing",
        "pricing",
    ]);
    assert!(list.stdout.contains(",1.5") && !list.stdout.contains(",1.00"), "{}", list.stdout);
    let ran = bench.run(&["prices", "diff", &old, &new]);
    assert!(ran.stdout.contains("+50") && ran.stdout.contains("1 rose"), "{}", ran.stdout);
}

#[test]
fn old_prices_fail_the_check() {
    let bench = Bench::new();
    let check =
        |days: &str, day: &str| bench.run(&["prices", "check", "--max-age", days, "--as-of", day]);
    let ran = check("30d", "2027-06-01");
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(ran.stdout.contains("are older than 30 days on 2027-06-01"), "{}", ran.stdout);
    let ran = check("3000d", "2026-11-28");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("no price is older"), "{}", ran.stdout);
}

#[test]
fn wrong_tables_are_named() {
    let bench = Bench::new();
    let table = bench.write("t.csv", "a,b\n1,2\n");
    let sky = data("skypilot_runpod.csv");
    for (words, code, message) in [
        (vec!["prices", "import", "csv", &table], 3, "the header lacks"),
        (
            vec!["prices", "import", "gpuhunt", &sky, "--provider", "runpod"],
            3,
            "looks like a SkyPilot catalog",
        ),
        (vec!["prices", "import", "skypilot", &sky], 3, "does not say whose prices"),
        (vec!["prices", "import", "toml", &table], 2, "not one of skypilot, gpuhunt, csv"),
        (vec!["prices", "diff", "built-in", "/nowhere.csv"], 3, "cannot be read"),
    ] {
        let ran = bench.run(&words);
        assert_eq!(ran.code, code, "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
}

/// A price that doubled: a term that never paid now does, for a workload that is paid for 16 hours a day.
#[test]
fn a_commitment_that_now_pays_is_told() {
    let bench = Bench::new();
    let offer = |purchase: &str, price: &str, as_of: &str| {
        format!(
            "[[offer]]\ninstance_type = \"one\"\ngpu = \"L40S\"\ngpu_count = 1\nregion = \"x\"\npurchase = \"{purchase}\"\n\
             price_per_hour = \"{price}\"\nas_of = \"{as_of}\"\nsource = \"a test\"\n\n"
        )
    };
    let offers = [
        offer("payg", "2.00", "2026-06-01"),
        offer("payg", "4.00", "2026-10-01"),
        offer("reserved_12mo", "2.20", "2026-10-01"),
    ];
    bench.write("pricing/offers/acme.toml", offers.concat());
    let mut usage =
        "period_start,workload,provider,region,gpu,gpu_count,effective_cost\n".to_owned();
    for day in 1..=28 {
        for hour in 4..20 {
            usage.push_str(&format!(
                "2026-10-{day:02}T{hour:02}:00:00Z,ranker,acme,x,L40S,1,4.00\n"
            ));
        }
    }
    let usage = bench.write("usage.csv", usage);
    let ran =
        bench.run(&["analyze", &usage, "--pricing", "pricing", "--output", "report", "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = std::fs::read_to_string(bench.path("report/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let moved = &report["price_moves"][0];
    assert_eq!(moved["change"], 1.0, "{moved}");
    assert_eq!((&moved["old"], &moved["new"]), (&"2.00".into(), &"4.00".into()));
    let sentence = moved["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("ranker: L40S pay as you go at acme rose 100 % from 1 Jun 2026 to 1 Oct 2026 (2.00 to 4.00 USD an hour)"),
        "{sentence}"
    );
    assert!(sentence.contains("pays from 13.2 hours a day, it was 26.4"), "{sentence}");
    assert!(sentence.contains("the commitment now pays for ranker, on 16"), "{sentence}");
    assert!(report["notices"].as_array().unwrap().iter().any(|it| it == sentence));
}
