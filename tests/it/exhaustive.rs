//! What is skipped for its lower bound could not have won: on random small price lists the search finds
//! the same best plan of every kind as one that simulates everything.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Bench;

/// Numbers that look random and are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let at = self.below(all.len() as u64);
        all[usize::try_from(at).unwrap()]
    }
}

/// Hours of some days, most of them with few requests or none.
fn usage(dice: &mut Dice) -> String {
    let mut rows = "period_start,period_end,workload,provider,region,gpu,gpu_count,gpu_hours,\
        effective_cost,requests\n"
        .to_owned();
    let days = dice.one_of(&[4_u64, 9, 21]);
    let works = dice.one_of(&[1_u64, 8, 24]);
    let most = dice.one_of(&[3_u64, 40, 400]);
    // All of it at the end of the window, where work that may wait is done after it.
    let burst = dice.below(4) == 0;
    for hour in 0..(days * 24) {
        let (day, of_day) = (hour / 24, hour % 24);
        let n = match (burst, hour + 2 >= days * 24, of_day >= 24 - works) {
            (true, true, _) => most,
            (false, _, true) => dice.below(most),
            _ => 0,
        };
        rows.push_str(&format!(
            "2026-10-{:02}T{of_day:02}:00:00Z,2026-10-{:02}T{of_day:02}:59:59.999999Z,chat,own,here,A100 80GB PCIe,8,8,13.12,{n}\n",
            day + 1,
            day + 1
        ));
    }
    rows
}

/// Some rows of a price list: each size at a price of its own, spot and reserved below it.
fn offers(dice: &mut Dice) -> String {
    let mut rows = String::new();
    for gpu in ["A100-80GB", "H100-80GB", "H200-NVL-143GB", "B200"] {
        for gpus in [1_u64, 2, 4, 8] {
            if dice.below(3) == 0 {
                continue;
            }
            let cents = gpus * (80 + dice.below(200));
            let mut row = |purchase: &str, cents: u64| {
                rows.push_str(&format!(
                    "[[offer]]\ninstance_type = \"i{gpus}\"\ngpu = \"{gpu}\"\ngpu_count = {gpus}\nregion = \"here\"\n\
                     purchase = \"{purchase}\"\nprice_per_hour = \"{}.{:02}\"\nas_of = \"2026-10-01\"\nsource = \"a quote\"\n",
                    cents / 100,
                    cents % 100
                ));
            };
            row("payg", cents);
            if dice.below(2) == 0 {
                row("spot", cents * (20 + dice.below(75)) / 100);
            }
            for term in ["reserved_1mo", "reserved_12mo"] {
                if dice.below(2) == 0 {
                    row(term, cents * (30 + dice.below(65)) / 100);
                }
            }
        }
    }
    rows
}

/// The least cost of each way to buy among the plans that meet the limits.
fn best(report: &Value) -> BTreeMap<String, f64> {
    let mut best = BTreeMap::new();
    for plan in report["workloads"][0]["plans"].as_array().unwrap() {
        if plan["meets_slo"] == true {
            let cost = plan["monthly_cost"].as_str().unwrap().parse::<f64>().unwrap();
            let way = plan["purchase"].as_str().unwrap().to_owned();
            let least = best.entry(way).or_insert(f64::INFINITY);
            *least = f64::min(*least, cost);
        }
    }
    best
}

/// The cost of the best plan that may be advised.
fn best_of_all(report: &Value) -> f64 {
    let plans = report["workloads"][0]["plans"].as_array().unwrap().iter();
    let advised = plans.filter(|it| it["meets_slo"] == true && it["allowed"] == true);
    let cost = |it: &Value| it["monthly_cost"].as_str().unwrap().parse::<f64>().unwrap();
    advised.filter(|it| it["purchase"] != "today").map(cost).fold(f64::INFINITY, f64::min)
}

#[test]
fn nothing_that_could_win_is_skipped() {
    let (mut n_skipped, mut n_left) = (0, 0);
    // One candidate beside today's is simulated for its own sake; the others only if they could win.
    let twelve = "[advice.simulated_candidates]\nvalue = 12.0";
    let assumptions = include_str!("../../pricing/assumptions.toml");
    let one = assumptions.replace(twelve, &twelve.replace("12.0", "1.0"));
    assert_ne!(one, assumptions);
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let bench = Bench::new();
        let file = bench.write("usage.csv", usage(&mut dice));
        let offers = offers(&mut dice);
        bench.write("pricing/offers/own.toml", offers.clone());
        bench.write("few/offers/own.toml", offers);
        bench.write("few/assumptions.toml", one.clone());
        let config = format!(
            "[policy]\nproviders = [\"own\"]\n[workload.chat]\nservice_time_s = {}.0\nmax_num_seqs = {}\n\
             interruptible = true\nkind = \"{}\"\n",
            dice.one_of(&[20, 600, 7200]),
            dice.one_of(&[1, 4, 32]),
            dice.one_of(&["real_time_inference", "batch_inference"])
        );
        bench.write("gpuadvise.toml", config);
        let run = |pricing: &str, more: &[&str]| -> Value {
            let words = ["analyze", &file, "--format", "json", "--as-of", "2026-10-26"];
            let ran = bench.run(&[&words[..], &["--pricing", pricing], more].concat());
            assert_eq!(ran.code, 0, "{seed}: {}", ran.stderr);
            serde_json::from_str(&ran.stdout).unwrap()
        };
        let [some, all, few] =
            [("pricing", None), ("pricing", Some("--exhaustive")), ("few", None)]
                .map(|(pricing, more)| run(pricing, &more.into_iter().collect::<Vec<_>>()));
        let n = |it: &Value| it["workloads"][0]["plans"].as_array().unwrap().len();
        n_skipped += n(&all) - n(&some);
        assert_eq!(best(&some), best(&all), "{seed}");
        assert_eq!(some["workloads"][0]["advice"], all["workloads"][0]["advice"], "{seed}");
        n_left += few["portfolio"]["candidates_pruned"].as_u64().unwrap();
        assert_eq!(best_of_all(&few).to_bits(), best_of_all(&all).to_bits(), "{seed}");
        let saving = |it: &Value| it["totals"]["monthly_savings"].clone();
        assert_eq!(saving(&few), saving(&all), "{seed}");
    }
    assert!(n_skipped > 200, "{n_skipped} plans were skipped: the test shows little");
    assert!(n_left > 20, "{n_left} candidates were left out: the test shows little");
}
