//! The ways to buy that are weighed, end to end: schedules, spot with its range, an API by the token,
//! the same bytes on any number of threads.

use serde_json::Value;

use crate::support::Bench;

const HEADER: &str = "period_start,period_end,workload,provider,region,gpu,gpu_count,gpu_hours,\
effective_cost,requests,prompt_tokens,completion_tokens,model,gpu_util";

/// Four weeks from Monday 2026-10-05: a chat that works office hours on a GPU that is always on, and
/// a training job of 30 hours each week on 8 of them.
fn usage() -> String {
    let mut rows = vec![HEADER.to_owned()];
    for hour in 0..(28 * 24) {
        let (day, of_day) = (hour / 24, hour % 24);
        let start = format!(
            "2026-{:02}-{:02}T{of_day:02}:00:00Z",
            10 + (day + 5 - 1) / 31,
            (day + 4) % 31 + 1
        );
        let end = format!(
            "2026-{:02}-{:02}T{of_day:02}:59:59.999999Z",
            10 + (day + 5 - 1) / 31,
            (day + 4) % 31 + 1
        );
        let works = day % 7 < 5 && (9..17).contains(&of_day);
        let (n, util) = if works { (600, 0.4) } else { (0, 0.0) };
        rows.push(format!(
            "{start},{end},chat,gcp,us-central1,A100 80GB SXM4,1,1,5.07,{n},{},{},meta-llama/Meta-Llama-3.1-8B,{util}",
            n * 700,
            n * 150
        ));
        if (12..42).contains(&(hour % 168)) {
            rows.push(format!(
                "{start},{end},train,gcp,us-central1,A100 80GB SXM4,8,8,40.56,,,,,0.95"
            ));
        }
    }
    rows.join("\n") + "\n"
}

const CONFIG: &str = "[workload.train]\nkind = \"training\"\ncheckpoint_interval_s = 1800.0\n\
[workload.chat]\nkind = \"real_time_inference\"\napi_price = { prompt = \"0.15\", completion = \"0.60\" }\n";

fn report(config: &str, words: &[&str]) -> (Value, String) {
    let bench = Bench::new();
    let file = bench.write("usage.csv", usage());
    bench.write("gpuadvise.toml", config);
    let mut all = vec!["analyze", &file, "--format", "json", "--as-of", "2026-11-02"];
    all.extend(words);
    let ran = bench.run(&all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (serde_json::from_str(&ran.stdout).unwrap(), ran.stdout)
}

fn workload<'a>(report: &'a Value, name: &str) -> &'a Value {
    let all = report["workloads"].as_array().unwrap();
    all.iter().find(|it| it["name"] == name).unwrap()
}

fn plans<'a>(workload: &'a Value, purchase: &str) -> Vec<&'a Value> {
    let all = workload["plans"].as_array().unwrap();
    all.iter().filter(|it| it["purchase"] == purchase).collect()
}

fn cost(plan: &Value) -> f64 {
    plan["monthly_cost"].as_str().unwrap().parse().unwrap()
}

#[test]
fn every_way_is_weighed_and_threads_do_not_matter() {
    let (report, bytes) = report(CONFIG, &["--threads", "1"]);
    assert_eq!(bytes, self::report(CONFIG, &["--threads", "2"]).1);
    let chat = workload(&report, "chat");
    // Eight hours of five days and a start before each: a quarter of the week.
    let scheduled = plans(chat, "payg_scheduled");
    let home = scheduled.iter().find(|it| it["allowed"] == true).unwrap();
    let fixed = plans(chat, "payg_fixed");
    let same = fixed.iter().find(|it| it["offer_ids"] == home["offer_ids"]).unwrap();
    let share = cost(home) / cost(same);
    assert!((0.23..0.27).contains(&share), "{share}");
    assert_eq!(home["policy"]["name"], "schedule");
    // 160 office hours x 600 requests of 700 and 150 tokens at 0.15 and 0.60 a million, for 730 h.
    let api = plans(chat, "api")[0];
    let expected = 160.0 * 600.0 * (700.0 * 0.15 + 150.0 * 0.6) / 1e6 * 730.0 / 672.0;
    assert!((cost(api) - expected).abs() < 1e-6, "{} for {expected}", cost(api));
    assert_eq!((&api["allowed"], api["needs"].is_string()), (&Value::Bool(false), true));
    // Nobody said that the chat may be interrupted.
    for plan in plans(chat, "spot_with_fallback") {
        assert_eq!((&plan["allowed"], plan["needs"].is_string()), (&Value::Bool(false), true));
    }
}

/// RunPod bills neither finding a worker nor its image; of a start from a snapshot nobody says so.
#[test]
fn starts_that_are_billed_although_they_may_be_free_are_said() {
    let said = |more: &str| {
        let (report, _) = report(&format!("{CONFIG}{more}"), &["--exhaustive"]);
        let all = plans(workload(&report, "chat"), "serverless_flex").into_iter();
        let of = |name: &str, it: &Value| it["provider"] == name;
        let all: Vec<_> = all
            .filter(|it| of("runpod-serverless", it) || of("modal", it))
            .map(|it| (of("modal", it), it["remarks"].to_string().contains("billed in full")))
            .collect();
        assert!(!all.is_empty());
        all
    };
    assert!(said("").iter().all(|it| !it.1));
    let snapshot = said("cold_start_snapshot_s = 2.0\n");
    assert!(snapshot.iter().all(|(modal, said)| *said != *modal), "{snapshot:?}");
    assert!(snapshot.iter().any(|it| it.1), "{snapshot:?}");
}

#[test]
fn a_job_with_checkpoints_may_run_on_spot() {
    let (report, _) = report(CONFIG, &[]);
    let train = workload(&report, "train");
    let spot = plans(train, "spot_with_fallback");
    let home = spot.iter().find(|it| it["provider"] == "gcp").unwrap();
    assert_eq!((&home["allowed"], &home["needs"]), (&Value::Bool(true), &Value::Null));
    let range = home["spot_range"].as_array().unwrap();
    let costs: Vec<f64> = range.iter().map(cost).collect();
    assert_eq!(costs.len(), 3);
    assert!(costs[0] < costs[1] && costs[1] < costs[2] && costs[1] == cost(home), "{costs:?}");
    let rates: Vec<f64> =
        range.iter().map(|it| it["interruptions_per_hour"].as_f64().unwrap()).collect();
    assert_eq!(rates, [0.000_14, 0.1, 1.4]);
    // 1,800 s of work, 60 s to write, 180 s to start, 0.1 an hour: exp(0.005) x expm1(0.05167) /
    // 0.05167, beside the least rate.
    let stretch =
        (0.1_f64 * 0.05).exp() * (0.1_f64 * 1860.0 / 3600.0).exp_m1() / (0.1 * 1860.0 / 3600.0);
    assert!((costs[1] / costs[0] - stretch).abs() < 1e-3, "{} for {stretch}", costs[1] / costs[0]);

    let undeclared = CONFIG.replace("checkpoint_interval_s = 1800.0\n", "");
    let (report, _) = self::report(&undeclared, &[]);
    assert!(plans(workload(&report, "train"), "spot_with_fallback").is_empty());
}

#[test]
fn a_deadline_moves_the_job_on_demand() {
    let late = |deadline: &str| {
        let config = CONFIG.replace("1800.0\n", &format!("1800.0\ndeadline_h = {deadline}\n"));
        let (report, _) = report(&config, &[]);
        let spot = plans(workload(&report, "train"), "spot_with_fallback");
        let plan = spot.iter().find(|it| it["provider"] == "gcp").unwrap();
        (plan["meets_slo"] == true, cost(plan), plan["remarks"].to_string())
    };
    // 30 hours of work: 60 leave room for outages, 40 for some, 30.5 for none, 29.5 not for the work.
    let (roomy, tight, none) = (late("60.0"), late("40.0"), late("30.5"));
    assert!(roomy.0 && tight.0 && none.0, "{roomy:?} {tight:?} {none:?}");
    assert!(roomy.1 < tight.1 && tight.1 < none.1, "{roomy:?} {tight:?} {none:?}");
    let late = late("29.5");
    assert!(
        !late.0 && late.2.contains("100 % of the runs miss the deadline of 29.5 h"),
        "{late:?}"
    );
    assert!(tight.2.contains("of its hours are on demand at 0.1 interruptions"), "{tight:?}");
}

#[test]
fn a_spent_budget_of_time_is_said() {
    let (report, _) = report(CONFIG, &["--time-budget", "0"]);
    let chat = workload(&report, "chat");
    assert!(plans(chat, "payg_fixed").is_empty());
    let notices = report["notices"].to_string();
    assert!(notices.contains("the time for the search was up"), "{notices}");
}
