//! Bad input to the advice: each case ends in a sentence that names the thing, what is missing and the
//! next step, in the terminal and not only in a file.

use serde_json::Value;

use crate::support::{Bench, root};

const HEADER: [&str; 14] = [
    "period_start",
    "period_end",
    "workload",
    "provider",
    "region",
    "gpu",
    "gpu_count",
    "gpu_hours",
    "effective_cost",
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "model",
    "gpu_util",
];

/// So many hours from Monday 2026-10-05 of a chat that works office hours on an A100 that is always on,
/// with some columns left out or set to another text.
pub(crate) fn usage(hours: u32, without: &[&str], set: &[(&str, &str)]) -> String {
    let columns: Vec<&str> = HEADER.into_iter().filter(|it| !without.contains(it)).collect();
    let at = |hour: u32| format!("2026-10-{:02}T{:02}:00:00Z", 5 + hour / 24, hour % 24);
    let mut text = columns.join(",") + "\n";
    for hour in 0..hours {
        let works = hour / 24 % 7 < 5 && (9..17).contains(&(hour % 24));
        let n: u32 = if works { 600 } else { 30 };
        let cell = |column: &&str| match *column {
            it if set.iter().any(|own| own.0 == it) => {
                set.iter().find(|own| own.0 == it).unwrap().1.to_owned()
            }
            "period_start" => at(hour),
            "period_end" => at(hour + 1),
            "workload" => "chat".to_owned(),
            "provider" => "gcp".to_owned(),
            "region" => "us-central1".to_owned(),
            "gpu" => "A100 80GB SXM4".to_owned(),
            "effective_cost" => "5.07".to_owned(),
            "requests" => n.to_string(),
            "prompt_tokens" => (n * 700).to_string(),
            "completion_tokens" => (n * 150).to_string(),
            "model" => "meta-llama/Meta-Llama-3.1-8B".to_owned(),
            "gpu_util" => (if works { "0.4" } else { "0.02" }).to_owned(),
            _ => "1".to_owned(),
        };
        text += &(columns.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

const TWO_WEEKS: u32 = 14 * 24;
/// What counts requests and says what serves them.
const ASKED: [&str; 5] = ["requests", "prompt_tokens", "completion_tokens", "model", "gpu_util"];

/// Files beside each other: the config, and others by name.
struct Input<'a> {
    usage: String,
    config: &'a str,
    files: &'a [(&'a str, String)],
}

fn of(usage: String) -> Input<'static> {
    Input { usage, config: "", files: &[] }
}

/// Two weeks of the chat under a config.
fn under(config: &str) -> Input<'_> {
    Input { config, ..of(usage(TWO_WEEKS, &[], &[])) }
}

/// Runs analyze: its exit code, and all of `says` in what the terminal shows, whatever the line breaks.
fn check(input: &Input<'_>, words: &[&str], code: i32, says: &[&str]) -> Bench {
    let bench = Bench::new();
    bench.write("usage.csv", &input.usage);
    bench.write("gpuadvise.toml", input.config);
    for (name, text) in input.files {
        bench.write(name, text);
    }
    let all =
        [&["analyze", "usage.csv", "--output", "out", "--as-of", "2026-10-19"], words].concat();
    let ran = bench.run(&all);
    let shown = format!("{}\n{}", ran.stderr, ran.stdout);
    assert_eq!(ran.code, code, "{shown}");
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for it in says {
        assert!(flat.contains(it), "`{it}` is not in {shown}");
    }
    bench
}

#[test]
fn limits_that_nothing_keeps() {
    let slo = |limits: &str| format!("[workload.chat.slo]\n{limits}\n");
    let both = "tpot_p95 = \"1ms\"\nttft_p95 = \"1ms\"";
    let bench = check(
        &under(&slo(both)),
        &[],
        0,
        &[
            "chat: Keep as it is: no plan meets the limits: 1 ms per token cannot be kept: the fastest of",
            "H200 SXM in fp8, takes 2.4 ms with one request running; raise slo.tpot_p95",
            "1 ms to the first token cannot be kept",
            "chat: today's fleet misses its limits: a token takes",
            // At the top too, where the advice of others would come before it.
            "chat: no plan meets the limits: 1 ms per token cannot be kept",
            "raise slo.ttft_p95 of the workload in gpuadvise.toml, or serve a smaller model",
        ],
    );
    for file in ["out/report.md", "out/report.html"] {
        let page = std::fs::read_to_string(bench.path(file)).unwrap();
        assert!(page.matches("1 ms to the first token cannot be kept").count() > 1, "{file}");
    }
    // Today's fleet cannot keep them either, so it is not shown as one that does.
    let text = std::fs::read_to_string(bench.path("out/report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let today = report["workloads"][0]["plans"].as_array().unwrap();
    assert_eq!(
        (today.len(), &today[0]["id"], &today[0]["meets_slo"]),
        (1, &"today".into(), &false.into())
    );
    let asked = ["--what-if", "slo.ttft_p95=1ms"];
    check(&under(""), &asked, 0, &["1 ms to the first token cannot be kept", "raise slo.ttft_p95"]);
    // One request alone keeps them, so many at once do not.
    let busy =
        [("requests", "60000"), ("prompt_tokens", "42000000"), ("completion_tokens", "9000000")];
    let config = slo("ttft_p95 = \"4.2ms\"\nattainment = 1.0");
    let says =
        ["no plan meets the limits: one request alone takes 4.1 ms", "or lower slo.attainment"];
    check(&Input { config: &config, ..of(usage(49, &[], &busy)) }, &[], 0, &says);
    let many = [
        ("requests", "60000000"),
        ("prompt_tokens", "60000000"),
        ("completion_tokens", "60000000"),
    ];
    let says = ["too many to replay one by one", "cut the window with --since or --month"];
    check(&of(usage(TWO_WEEKS, &[], &many)), &[], 0, &says);
}

#[test]
fn a_policy_that_forbids_everything() {
    let providers = "[policy]\nproviders = [\"nobody\"]\n";
    let bench = check(
        &under(providers),
        &[],
        0,
        &[
            "no catalog has an offer of `nobody`",
            "chat: Keep as it is: only today's own rate was compared: of the catalog's",
            "none may be advised: policy.providers = [\"nobody\"] leaves out",
            "without policy.providers = [\"nobody\"]",
            "would be left: change that in gpuadvise.toml",
        ],
    );
    // Today's own way at today's own price is no alternative that costs not less.
    let text = std::fs::read_to_string(bench.path("out/report.json")).unwrap();
    assert!(text.contains(
        "no plan is worth a change: the cheapest of those compared costs 3,678.45 USD a month"
    ));
    assert!(!text.contains("the cheapest alternative costs"));
    let regions = "[policy]\nregions = [\"mars-\"]\n";
    check(&under(regions), &[], 0, &["without policy.regions = [\"mars-\"]", "would be left"]);
    // Without a bill there is no rate of one's own to compare.
    let level = usage(TWO_WEEKS, &[&ASKED[..4], &["effective_cost"]].concat(), &[]);
    let two = "[policy]\nproviders = [\"lambda\"]\nregions = [\"eu-\"]\n";
    check(
        &Input { config: two, ..of(level) },
        &[],
        0,
        &[
            "offers of A100 80GB SXM4 none may be advised: policy.regions = [\"eu-\"] leaves out",
            "policy.providers = [\"lambda\"] leaves out",
            "each is left out by more than one of them: change that in gpuadvise.toml",
        ],
    );
}

#[test]
fn a_catalog_without_an_offer() {
    let names = std::fs::read_dir(root().join("pricing/offers")).unwrap();
    let none: Vec<(String, String)> = names
        .map(|it| format!("empty/offers/{}", it.unwrap().file_name().display()))
        .map(|name| (name, "# none\n".to_owned()))
        .collect();
    let none: Vec<(&str, String)> = none.iter().map(|it| (it.0.as_str(), it.1.clone())).collect();
    let pricing = ["--pricing", "empty"];
    let give = "give a [[quote]] in gpuadvise.toml, or offers/PROVIDER.toml in a --pricing folder";
    let with = |usage| Input { usage, config: "", files: &none };
    check(
        &with(usage(TWO_WEEKS, &[], &[])),
        &pricing,
        0,
        &["only today's own rate was compared: the catalog has no offer of the", give],
    );
    check(
        &with(usage(TWO_WEEKS, &["effective_cost"], &[])),
        &pricing,
        0,
        &["today's cost is not known: give the bill, or a [[quote]] for A100 80GB SXM4"],
    );
    let unknown = usage(TWO_WEEKS, &["model"], &[("gpu", "XG-900 Ultra")]);
    check(
        &of(unknown),
        &[],
        0,
        &["the catalog knows no GPU `XG-900 Ultra`", "set gpu of the workload in gpuadvise.toml"],
    );
}

#[test]
fn too_little_data() {
    let hour = "1.0 h of data carry no advice: stopping or switching needs 2 days, 47 h more, a commitment 8 days";
    check(&of(usage(1, &[], &[])), &[], 0, &["chat: No advice yet:", hour, "give a longer export"]);
    let minutes = usage(1, &[], &[]).replace("T01:00", "T00:20");
    check(&of(minutes), &[], 0, &["20 minutes of data carry facts only", "48 h more"]);
    let bench = check(&of(usage(72, &[], &[])), &[], 0, &[]);
    let page = std::fs::read_to_string(bench.path("out/report.md")).unwrap();
    let later = "no commitment is weighed: that needs 8 days of data, 5.0 more than there are";
    assert!(page.contains(later), "{page}");
}

#[test]
fn cost_or_usage_alone() {
    let only_money = usage(TWO_WEEKS, &[&ASKED[..], &["gpu_hours", "gpu_count"]].concat(), &[]);
    check(
        &of(only_money),
        &[],
        0,
        &[
            "chat: No advice yet: only its cost is known",
            "give gpu_count or gpu_hours with the cost",
        ],
    );
    // A bill with its GPUs and nothing that measures them.
    let told = "chat: its cost is known and its use is not: give GPU metrics or a request log";
    let bench = check(&of(usage(TWO_WEEKS, &ASKED, &[])), &[], 0, &["12 months", "[C]", told]);
    let page = std::fs::read_to_string(bench.path("out/report.md")).unwrap();
    assert!(
        page.contains("nothing measures its use, so all that is billed counts as used"),
        "{page}"
    );
    let free =
        |without: &[&str]| of(usage(TWO_WEEKS, &[without, &["effective_cost"]].concat(), &[]));
    check(
        &free(&[]),
        &[],
        0,
        &["no cost is given: priced from the catalog, gcp/", "give the bill for what is paid"],
    );
    check(
        &free(&["provider", "region"]),
        &[],
        0,
        &["the median of", "give the bill for what is paid, or provider in gpuadvise.toml"],
    );
    // What is given is not asked for.
    for (without, missing) in [
        (&["gpu", "gpu_count", "gpu_hours"][..], "gpu and gpu_count of the workload"),
        (&["gpu", "gpu_count"], "gpu of the workload"),
        (&["gpu"], "gpu of the workload"),
        (&["gpu", "provider", "region"], "gpu and provider of the workload"),
    ] {
        let says = format!("today's cost is not known: give the bill, or {missing}");
        check(&free(without), &[], 0, &[&says]);
    }
}

const QUOTE: &str = "[[quote]]\nprovider = \"gcp\"\ninstance_type = \"a2\"\ngpu = \"A100-SXM-80GB\"\n\
    gpu_count = 1\nregion = \"us-central1\"\npurchase = \"reserved_12mo\"\nprice_per_hour = \"2.10\"\n\
    valid_until = \"2026-12-31\"\nas_of = \"2026-01-20\"\nsource = \"offer 4711\"\n";

#[test]
fn a_price_of_zero_and_quotes() {
    let nothing = usage(TWO_WEEKS, &[], &[("effective_cost", "0")]);
    check(
        &of(nothing),
        &[],
        0,
        &[
            "chat: Keep as it is: its cost is 0.00, so nothing can be saved",
            "give that cost as effective_cost",
        ],
    );
    let offers = QUOTE.replace("[[quote]]\nprovider = \"gcp\"", "[[offer]]");
    let offers = offers.replace("valid_until = \"2026-12-31\"\n", "").replace("2.10", "0");
    let files = [("zero/offers/gcp.toml", offers)];
    check(
        &Input { files: &files, ..under("") },
        &["--pricing", "zero"],
        4,
        &["offers/gcp.toml:7: `price_per_hour` is 0, which needs a `reason` when zero"],
    );
    let quote = |old: &str, new: &str| QUOTE.replace(old, new);
    for (config, code, says) in [
        (quote("2.10", "0"), 3, "gpuadvise.toml:8: `price_per_hour` is 0, which needs a `reason`"),
        (quote("2026-12-31", "2026-12"), 3, "`valid_until` is \"2026-12\", expected a day such as"),
        (
            quote("A100-SXM-80GB", "B999"),
            0,
            "the [[quote]] of `gcp` is not used: no catalog has the gpu `B999`",
        ),
        (
            quote("2026-12-31", "2026-02-01"),
            0,
            "your quote of gcp for a2 (reserved_12mo) held until 2026-02-01 and is not used: ask for a new one and \
             write its last day into valid_until",
        ),
    ] {
        check(&under(&config), &[], code, &[says]);
    }
}

#[test]
fn questions_about_what_is_not_there() {
    for (question, says) in [
        ("chatt:demand=x2", ["the data have no workload `chatt`", "hint: name chat"]),
        (
            "model=meta-llama/Meta-Lama-3.1-8B",
            ["the catalog has no model", "ask about meta-llama/Meta-Llama-3.1-8B"],
        ),
        (
            "model=foo",
            ["the catalog has no model `foo`", "models.toml of a --pricing folder adds others"],
        ),
        ("price:gpc/A100=-20%", ["no price list has a provider `gpc`", "hint: name gcp"]),
        (
            "price:gcp/B999=-20%",
            ["gcp has no offer of `B999`", "hint: it has one of A100 40GB SXM4, A100 80GB SXM4"],
        ),
    ] {
        check(&under(""), &["--what-if", question], 2, &says);
    }
}

#[test]
fn decisions_and_reports_that_do_not_fit() {
    let decided = "[[decision]]\nadvice = \"a-00000000\"\nworkload = \"chatt\"\nstate = \"accepted\"\n\
        [[decision]]\nadvice = \"a-11111111\"\nworkload = \"chat\"\nstate = \"rejected\"\n";
    let files = [("decided.toml", decided.to_owned())];
    let bench = check(
        &Input { files: &files, ..under("") },
        &["--decisions", "decided.toml"],
        0,
        &[
            "the data have no workload chatt (near are chat), whose advice a-00000000 was accepted",
            "chat: the advice a-11111111, which was rejected, no longer comes up; it is now a-",
            "or take it out of the decisions",
        ],
    );
    let report = std::fs::read_to_string(bench.path("out/report.json")).unwrap();
    let old = report.replace("\"schema_version\": \"1.0\"", "\"schema_version\": \"0.9\"");
    assert_ne!(old, report);
    bench.write("old.json", old);
    let words = ["analyze", "usage.csv", "--what-if", "demand=x2", "--output", "asked"];
    let ran = bench.run(&words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let asked = ["it answers `--what-if demand=x2`", "name the report of a run without --what-if"];
    let unit_cost = |folder: &str| {
        let text = std::fs::read_to_string(bench.path(folder).join("report.json")).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        report["workloads"][0]["baseline"]["unit_cost"]["per_million_tokens"].clone()
    };
    assert_eq!(unit_cost("asked"), unit_cost("out"), "the bill and what it paid for stay");
    let version = [
        "old.json: its schema_version is 0.9, this program reads 1.0",
        "run analyze again on the files",
    ];
    for (words, says) in [
        (&["diff", "old.json", "out"][..], version),
        (&["explain", "old.json", "chat"], version),
        (&["decide", "old.json", "S1", "--accept"], version),
        (&["diff", "asked", "out"], asked),
        (&["decide", "asked", "S1", "--accept"], asked),
        (&["explain", "out", "chatt"], ["the report has no `chatt`", "did you mean chat?"]),
        (
            &["explain", "out", "S9"],
            ["the report has no `S9`", "name a workload, an advice such as S1"],
        ),
        (
            &["diff", "out", "nowhere.json"],
            ["nowhere.json cannot be read", "name a report.json that analyze wrote"],
        ),
    ] {
        let ran = bench.run(words);
        assert_eq!(ran.code, 3, "{words:?}: {}", ran.stderr);
        for it in says {
            assert!(ran.stderr.contains(it), "`{it}` is not in {}", ran.stderr);
        }
    }
}

#[test]
fn a_critical_path_that_nobody_asks_is_not_stopped() {
    let silent = [
        ("requests", "0"),
        ("prompt_tokens", "0"),
        ("completion_tokens", "0"),
        ("gpu_util", "0.0"),
    ];
    let idle = || usage(TWO_WEEKS, &[], &silent);
    check(&of(idle()), &[], 0, &["Stop it and keep the disk"]);
    let config = "[workload.chat]\npurpose = \"critical\"\n";
    let critical = Input { usage: idle(), ..under(config) };
    check(&critical, &[], 0, &["it is declared critical"]);
}

#[test]
fn a_workload_that_ends_before_the_work_is_earned_back_is_kept() {
    let config = "[workload.chat.future]\nends = 2026-10-21\n";
    check(&under(config), &[], 0, &["earns its work of"]);
}

/// Of what nothing is paid for any more nothing is left to save, and no month to come costs anything; a
/// term is nothing to sign for it.
#[test]
fn what_is_over_is_kept_and_not_forecast() {
    let idle =
        [("requests", "0"), ("prompt_tokens", "0"), ("completion_tokens", "0"), ("gpu_util", "0")];
    over(&usage(10 * 24, &[], &[]));
    // Nobody asked for it at all: it is over all the same, and there is nothing to stop.
    over(&usage(10 * 24, &[], &idle));
}

fn over(gone: &str) {
    let gone = gone.replace("chat", "gone");
    let all = usage(21 * 24, &[], &[]) + gone.split_once('\n').unwrap().1;
    let says = [
        "gone: keep, its rows end on 14 Oct 2026 and nothing was paid for it since: nothing is left to save",
        "gone: its rows end on 14 Oct 2026 and nothing was paid for it since: unless it runs again",
    ];
    let bench = check(&of(all), &[], 0, &says);
    let report = std::fs::read_to_string(bench.path("out/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let of = |span: &serde_json::Value, name: &str| {
        let all = span["workloads"].as_array().unwrap();
        let it = all.iter().find(|it| it["workload"] == name).unwrap();
        it["as_is"]["mean"].as_str().unwrap().parse::<f64>().unwrap()
    };
    let spans = report["forecast"]["spans"].as_array().unwrap();
    let ahead: Vec<_> = spans.iter().filter(|it| it["spent"].is_null()).collect();
    assert!(!ahead.is_empty());
    for span in ahead {
        assert!(of(span, "gone") == 0.0 && of(span, "chat") > 700.0, "{span}");
    }
}

/// Credits that exceed the charges are no price to save against.
#[test]
fn a_negative_cost_is_kept() {
    let credited = usage(TWO_WEEKS, &[], &[("effective_cost", "-1")]);
    check(&of(credited), &[], 0, &["chat: Keep as it is: its cost is negative by credits"]);
}

/// The bill says nothing of other demand or other prices, so there is no forecast of them.
#[test]
fn a_question_about_the_bill_has_no_forecast() {
    for (question, is_forecast) in
        [("demand=x2", false), ("price:gcp/A100=-10%", false), ("cold-start=30s", true)]
    {
        let bench =
            check(&under(""), &["--what-if", question], 0, &["this is no report of what was"]);
        let report = std::fs::read_to_string(bench.path("out/report.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["forecast"].is_object(), is_forecast, "{question}");
        let said = report["notices"].to_string().contains("no forecast and no budget");
        assert_eq!(said, !is_forecast, "{question}");
    }
}
