//! Prices of the user's own, what is held, and GPUs of nobody: what is said of them.

use serde_json::Value;

use crate::bad_advice::usage;
use crate::support::{Bench, Ran};

const TWO_WEEKS: u32 = 14 * 24;
const QUOTE: &str = "[[quote]]\nprovider = \"gcp\"\ninstance_type = \"a2-ultragpu-1g\"\n\
gpu = \"A100 80GB\"\ngpu_count = 1\nregion = \"us-central1\"\npurchase = \"reserved_12mo\"\n\
price_per_hour = \"0.50\"\nvalid_until = \"2026-12-15\"\nas_of = \"2026-10-10\"\n\
source = \"our account manager\"\n";
const HELD: &str = "[[commitment]]\nid = \"deal-9\"\nprovider = \"gcp\"\nregion = \"us-central1\"\n\
gpu = \"H100 SXM5\"\ninstances = 1\nrate_per_hour = \"4.00\"\nstart = \"2026-06-01\"\n\
end = \"2027-06-01\"\n";

fn analyze(usage: &str, config: &str, words: &[&str]) -> Ran {
    let bench = Bench::new();
    bench.write("usage.csv", usage);
    bench.write("gpuadvise.toml", config);
    let all = [&["analyze", "usage.csv", "--as-of", "2026-10-19"], words].concat();
    let ran = bench.run(&all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

fn json(usage: &str, config: &str) -> Value {
    serde_json::from_str(&analyze(usage, config, &["--format", "json"]).stdout).unwrap()
}

fn usd(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn chat() -> String {
    usage(TWO_WEEKS, &[], &[])
}

/// The quote is 0.50 an hour against 4.199690411 on the list.
#[test]
fn a_quote_is_no_list_price_and_has_a_last_day() {
    let report = json(&chat(), QUOTE);
    let advice = &report["workloads"][0]["advice"];
    let plan = report["workloads"][0]["plans"].as_array().unwrap();
    let plan = plan.iter().find(|it| it["id"] == advice["plan_id"]).unwrap();
    assert_eq!(plan["offer_ids"].as_array().unwrap().len(), 1, "{plan}");
    assert!(plan["offer_ids"][0].as_str().unwrap().ends_with("/quote"), "{plan}");
    let prices = &advice["savings_by_price"];
    assert_eq!(prices["at_own_rate"], advice["monthly_savings"]);
    // No list price is on this bill, so what is saved by list prices is not known.
    assert_eq!(prices["at_list"], Value::Null, "{prices}");
    let said = [&advice["wrong_if"], &advice["reasons"]].map(ToString::to_string);
    for it in said {
        assert!(it.contains("2026-12-15"), "{it}");
    }
    let with_list: String = chat()
        .lines()
        .enumerate()
        .map(|(at, line)| format!("{line},{}\n", if at == 0 { "list_cost" } else { "5.07" }))
        .collect();
    let report = json(&with_list, QUOTE);
    let prices = &report["workloads"][0]["advice"]["savings_by_price"];
    let (list, own) = (usd(&prices["at_list"]), usd(&prices["at_own_rate"]));
    assert!((own - list - (4.199_690_411 - 0.5) * 730.0).abs() < 0.05, "{prices}");
}

#[test]
fn what_is_held_and_not_used_says_what_would_fit_on_it() {
    let report = json(&chat(), HELD);
    assert_eq!(report["held_commitments"][0]["could_carry"], serde_json::json!(["chat"]));
    let shown = analyze(&chat(), HELD, &[]).stdout;
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("deal-9 is paid for and used 0 %: by size a replica of chat fits on one of its instances"), "{shown}");
}

#[test]
fn a_commitment_that_ends_in_the_forecast_is_told() {
    let check = |end: &str, told: bool| {
        let report = json(&chat(), &HELD.replace("2027-06-01", end));
        let said = report["notices"].to_string();
        assert_eq!(said.contains("the forecast goes on at today's rates"), told, "{said}");
    };
    check("2026-12-01", true);
    check("2027-06-01", false);
}

#[test]
fn a_place_that_nobody_knows_is_told() {
    let check = |config: &str, says: &str| {
        let said = analyze(&chat(), config, &[]).stderr;
        assert!(said.contains(says), "{says} is not in {said}");
    };
    check(&QUOTE.replace("gcp", "gcpp"), "a [[quote]] names the provider `gcpp` (near are gcp");
    check(
        &HELD.replace("us-central1", "us-centrl1"),
        "a [[commitment]] names the region `us-centrl1` (near are us-central1",
    );
    check(&QUOTE.replace("A100 80GB", "H100"), "for a2-ultragpu-1g says H100, the price list A100");
    let plan = "[[commitment]]\nid = \"plan\"\nprovider = \"aws\"\nspend_per_hour = 3\n\
start = 2026-01-01\nend = 2027-01-01\n";
    check(
        plan,
        "commitment `plan` is not weighed: no price list has a plan in money per hour of aws",
    );
    assert!(!analyze(&chat(), &[QUOTE, HELD].concat(), &[]).stderr.contains("names the"));
}

/// GPUs of nobody are spend, and somebody is to be found for them.
#[test]
fn gpus_of_nobody_are_in_the_spend_and_on_the_list() {
    let nobody = usage(TWO_WEEKS, &[], &[("workload", ""), ("effective_cost", "30.00")]);
    let rows = nobody.split_once('\n').unwrap().1.to_owned();
    let shown = analyze(&(chat() + &rows), "", &[]).stdout;
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    // 336 hours at 5.07 and at 30.00.
    for says in [
        "GPU spend 11,783.52 USD effective = workloads 1,703.52 + 10,080.00 that no workload claims",
        "Find who uses the GPUs that no workload claims, 10,080.00 USD in the window",
    ] {
        assert!(flat.contains(says), "{says} is not in {shown}");
    }
    let page = analyze(&(chat() + &rows), "", &["--format", "md"]).stdout;
    assert!(page.contains("GPUs cost 11\u{202f}783.52 USD"), "{page}");
    assert!(page.contains("Find who uses the GPUs"), "{page}");
}

/// What the forecast saves begins when the action can be live: one start for all numbers.
#[test]
fn the_forecast_saves_from_the_day_an_action_is_live() {
    let report = json(&chat(), "");
    let advice = &report["workloads"][0]["advice"];
    let live = advice["live"]["from"].as_str().unwrap();
    assert!(live > "2026-10-19", "{live}");
    let spans = report["forecast"]["spans"].as_array().unwrap();
    let year = spans.last().unwrap();
    assert_eq!(year["end"], "2027-01-01");
    let saved = usd(&year["as_is"]["mean"]) - usd(&year["with_advice"]["mean"]);
    let by_year_end = usd(&report["portfolio"]["savings_by_year_end"]);
    assert!(by_year_end > 0.0 && (saved / by_year_end - 1.0).abs() < 0.02, "{saved} {by_year_end}");
}

/// Half a dollar an hour at home, in another region.
const ELSEWHERE: &str = "[[quote]]\nprovider = \"gcp\"\ninstance_type = \"a2-ultragpu-1g\"\n\
gpu = \"A100 80GB\"\ngpu_count = 1\nregion = \"us-east5\"\npurchase = \"payg\"\n\
price_per_hour = \"0.10\"\nvalid_until = \"2026-12-15\"\nas_of = \"2026-10-10\"\n\
source = \"our account manager\"\n";

#[test]
fn another_region_is_shown_and_advised_only_with_its_key() {
    let regions = |report: &Value| -> Vec<String> {
        let advice = &report["workloads"][0]["advice"];
        let plans = report["workloads"][0]["plans"].as_array().unwrap();
        let plan = plans.iter().find(|it| it["id"] == advice["plan_id"]).unwrap();
        let ids = plan["offer_ids"].as_array().unwrap();
        ids.iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let reasons = |report: &Value| report["workloads"][0]["advice"]["reasons"].to_string();
    let stays = json(&chat(), ELSEWHERE);
    assert!(regions(&stays).iter().all(|it| !it.contains("us-east5")), "{:?}", regions(&stays));
    assert!(reasons(&stays).contains("policy.switch_region = true"), "{}", reasons(&stays));
    let moves = json(&chat(), &format!("[policy]\nswitch_region = true\n{ELSEWHERE}"));
    assert!(regions(&moves).iter().any(|it| it.contains("us-east5")), "{:?}", regions(&moves));
    assert!(reasons(&moves).contains("another region"), "{}", reasons(&moves));
}

#[test]
fn no_weights_below_the_quality_floor_are_weighed() {
    let bits = |config: &str| -> Vec<String> {
        let report = json(&chat(), config);
        let all = report["workloads"][0]["candidates"].as_array().unwrap();
        let mut found: Vec<String> =
            all.iter().map(|it| it["precision"].as_str().unwrap().to_owned()).collect();
        found.sort();
        found.dedup();
        found
    };
    assert!(bits("").contains(&"fp8".to_owned()), "{:?}", bits(""));
    let floor = |n: u32| format!("[workload.chat]\nquality_floor_bits = {n}\n");
    assert_eq!(bits(&floor(16)), ["bf16"]);
    let eight = bits(&floor(8));
    assert!(eight.contains(&"fp8".to_owned()) && !eight.contains(&"int4".to_owned()), "{eight:?}");
}
