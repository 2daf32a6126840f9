//! Totals of whole recordings, worked by hand.

use super::aggregate::Aggregated;
use super::bin::ActivitySource;
use super::tests::{matrix, parsed};
use super::*;
use crate::units::Timestamp;

const HOUR_US: i64 = 3_600_000_000;
/// 2026-09-21T14:00:00Z.
const T0: i64 = 1_789_999_200;

/// Reads files and adds them up in hours.
fn total(files: &[(&str, &str)]) -> Aggregated {
    total_in(HOUR_US, files)
}

fn total_in(bin_us: i64, files: &[(&str, &str)]) -> Aggregated {
    let series = files.iter().flat_map(|(file, text)| parsed(file, text).series).collect();
    aggregate(series, bin_us)
}

/// Samples every `step` seconds from `start` seconds after [`T0`]; an empty text is a lost scrape.
fn every(step: i64, start: i64, values: &[&str]) -> String {
    let at = |n: usize| T0 + start + step * i64::try_from(n).unwrap();
    let samples = values.iter().enumerate().filter(|it| !it.1.is_empty());
    let texts: Vec<String> = samples.map(|(n, it)| format!("[{},\"{it}\"]", at(n))).collect();
    texts.join(",")
}

fn engine(name: &str, more: &str) -> String {
    format!(r#""__name__":"vllm:{name}","instance":"10.1.0.4:8000","model_name":"m"{more}"#)
}

fn gpu(name: &str, more: &str) -> String {
    format!(r#""__name__":"DCGM_FI_{name}","UUID":"GPU-a","gpu":"0","Hostname":"n1"{more}"#)
}

fn only(found: &Aggregated) -> &Observed {
    assert_eq!(found.observed.len(), 1, "{found:#?}");
    &found.observed[0]
}

fn close(found: Option<f64>, expected: f64) {
    let found = found.expect("measured");
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn tokens_and_requests_survive_a_restart() {
    let tokens = every(300, 0, &["100", "1100", "4100", "50", "950"]);
    let stop = every(300, 0, &["10", "14", "26", "2", "7"]);
    let length = every(300, 0, &["0", "1", "1", "3", "4"]);
    let files = matrix(&[
        (&engine("generation_tokens_total", r#","engine":"0""#), &tokens),
        (&engine("request_success_total", r#","engine":"0","finished_reason":"stop""#), &stop),
        (&engine("request_success_total", r#","engine":"0","finished_reason":"length""#), &length),
    ]);
    let found = total(&[("f", &files)]);
    let it = only(&found);
    assert_eq!(it.restarts, 1);
    // 1000 + 3000 + restart 50 + 900.
    assert_eq!(it.bins[0].completion_tokens, Some(4950));
    // stop 4 + 12 + 2 + 5 = 23; length 1 + 0 + restart 3 + 1 = 5 (not 3 - 1).
    assert_eq!(it.bins[0].requests, Some(28));
    assert_eq!(it.bins[0].prompt_tokens, None);
    assert!(found.notices[0].ends_with("is not known; times: 1"), "{:?}", found.notices);
}

#[test]
fn a_rise_is_split_over_the_bins_it_crosses() {
    // Every 40 min: 0, 40, 80, 120 min; bins of an hour. The second rise, 100 over 40..80, is half
    // in hour 0 and half in hour 1: 30 + 50 | 50 + 7.
    let values = every(2400, 0, &["0", "30", "130", "137"]);
    let found = total(&[("f", &matrix(&[(&engine("prompt_tokens_total", ""), &values)]))]);
    let tokens: Vec<_> = only(&found).bins.iter().map(|it| it.prompt_tokens).collect();
    assert_eq!(tokens, [Some(80), Some(57)]);
    let starts: Vec<_> = only(&found).bins.iter().map(|it| it.period.start()).collect();
    assert_eq!(starts, [Timestamp::from_s(T0), Timestamp::from_s(T0 + 3600)]);
}

#[test]
fn a_gap_is_not_idle_and_its_tokens_are_not_lost() {
    // Minutes 0..2, then nothing until minute 70.
    let late = every(60, 4200, &["7", "9"]);
    let running = format!("{},{}", every(60, 0, &["4", "4", "1"]), every(60, 4200, &["2", "2"]));
    let tokens = format!("{},{late}", every(60, 0, &["0", "1", "2"]));
    let files = matrix(&[
        (&engine("num_requests_running", ""), &running),
        (&engine("generation_tokens_total", ""), &tokens),
    ]);
    let found = total(&[("f", &files)]);
    let it = only(&found);
    // Hour 0: 4, 4 and 1 for a minute each. Hour 1: two minutes of 2.
    close(it.bins[0].running_mean, 3.0);
    close(it.bins[1].running_mean, 2.0);
    assert_eq!((it.bins[0].measured_us, it.bins[1].measured_us), (180_000_000, 120_000_000));
    assert_eq!((it.bins[0].samples, it.bins[1].samples), (3, 2));
    // The rise from 2 to 7 is booked at minute 70, with the 2 after it.
    assert_eq!(it.bins[0].completion_tokens, Some(2));
    assert_eq!(it.bins[1].completion_tokens, Some(7));
    let gap = (it.gaps[0].start().us() - T0 * 1_000_000, it.gaps[0].len_us());
    assert_eq!((it.gaps.len(), gap), (1, (180_000_000, 4_020_000_000)));
    assert!(found.notices[0].ends_with("where the recording goes on; times: 1"));
}

#[test]
fn overlapping_files_count_once() {
    let label = engine("request_success_total", r#","finished_reason":"stop""#);
    let first = matrix(&[(&label, &every(60, 0, &["0", "5", "9", "12"]))]);
    let second = matrix(&[(&label, &every(60, 120, &["9", "12", "20", "21"]))]);
    let found = total(&[("a", &first), ("b", &second)]);
    assert_eq!(only(&found).bins[0].requests, Some(21));
    assert!(found.notices[0].ends_with("counts once; samples: 2"), "{:?}", found.notices);
    // The same instant with another value: the first file's stays, and the difference is told.
    let wrong = matrix(&[(&label, &every(60, 120, &["9", "500", "20", "21"]))]);
    let found = total(&[("a", &first), ("b", &wrong)]);
    assert_eq!(only(&found).bins[0].requests, Some(21));
    assert!(found.notices[1].ends_with("the first was kept; samples: 1"), "{:?}", found.notices);
}

#[test]
fn the_old_name_fills_where_the_new_one_is_silent() {
    let files = matrix(&[
        (&engine("gpu_cache_usage_perc", ""), &every(60, 0, &["0.2", "0.4", "0.9"])),
        (&engine("kv_cache_usage_perc", r#","engine":"0""#), &every(60, 120, &["0.6", "0.8"])),
        (&engine("gpu_prefix_cache_hits_total", ""), &every(60, 0, &["0", "1", "2"])),
        (
            &engine("prefix_cache_hits_total", r#","engine":"0""#),
            &every(60, 3600, &["0", "160", "320"]),
        ),
    ]);
    let found = total(&[("f", &files)]);
    let it = only(&found);
    // 0.2, 0.4 by the old name, 0.6 (not 0.9), 0.8 by the new.
    close(it.bins[0].kv_cache_usage_mean, 0.5);
    close(it.bins[0].kv_cache_usage, 0.8);
    // Blocks in hour 0, tokens in hour 1, never mixed.
    assert_eq!((it.bins[0].prefix_hits, it.bins[1].prefix_hits), (Some(2), Some(320)));
    assert!(found.notices.is_empty(), "{:?}", found.notices);
}

#[test]
fn nan_is_not_zero_and_a_blank_of_the_driver_neither() {
    let values = every(60, 0, &["80", "NaN", "40", "2147483634", "60"]);
    let found = total(&[("f", &matrix(&[(&gpu("DEV_GPU_UTIL", ""), &values)]))]);
    let bin = &only(&found).bins[0];
    // 80 and 40 speak two minutes each (one lost scrape), 60 one: (160 + 80 + 60) / 5.
    close(bin.gpu_active, 0.6);
    assert_eq!((bin.measured_us, bin.samples), (300_000_000, 3));
    assert_eq!(bin.vram_used_mib, None);
}

#[test]
fn pods_on_one_gpu_share_it_and_pods_after_each_other_do_not() {
    let pod = |it: &str| {
        gpu(
            "DEV_GPU_UTIL",
            &format!(r#","exported_pod":"{it}","exported_namespace":"ml","pod":"exp-1""#),
        )
    };
    let shared = matrix(&[
        (&pod("a"), &every(60, 0, &["50", "70"])),
        (&pod("b"), &every(60, 0, &["50", "70"])),
    ]);
    let found = total(&[("f", &shared)]);
    let it = only(&found);
    close(it.bins[0].gpu_active, 0.6);
    assert_eq!(it.entity.pods_sharing, ["a", "b"]);
    assert_eq!((it.entity.pod.clone(), it.entity.namespace.as_deref()), (None, Some("ml")));
    assert!(found.notices.iter().any(|it| it.ends_with("cannot be split by pod: 1")));
    // Pod b follows pod a; in between the labels vanish and only the exporter's are left.
    let successive = matrix(&[
        (&pod("a"), &every(60, 0, &["50", "50"])),
        (
            &gpu("DEV_GPU_UTIL", r#","pod":"exp-1","namespace":"monitoring""#),
            &every(60, 120, &["0"]),
        ),
        (&pod("b"), &every(60, 180, &["100"])),
    ]);
    let found = total(&[("f", &successive)]);
    let it = only(&found);
    close(it.bins[0].gpu_active, 0.5);
    let pods: Vec<_> = it.entity.holders.iter().map(|it| it.place.pod.clone().unwrap()).collect();
    assert_eq!((pods, it.entity.pods_sharing.len()), (vec!["a".to_owned(), "b".to_owned()], 0));
}

#[test]
fn a_gpu_is_its_uuid_else_its_host_and_index() {
    let named = |labels: &str| format!(r#""__name__":"DCGM_FI_DEV_GPU_UTIL",{labels}"#);
    let one = every(60, 0, &["10", "10"]);
    let files = matrix(&[
        (&named(r#""UUID":"GPU-a","Hostname":"n1","gpu":"0""#), &one),
        (&named(r#""UUID":"GPU-a","kubernetes_node":"n1","device":"nvidia0""#), &one),
        (&named(r#""hostname":"n2","gpu":"0""#), &one),
        (&named(r#""node":"n2","device":"nvidia1""#), &one),
        (&named(r#""instance":"10.0.0.1:9400","gpu":"0""#), &one),
        (&named(r#""Hostname":"n3""#), &one),
    ]);
    let found = total(&[("f", &files)]);
    assert_eq!(found.observed.len(), 4);
    assert!(found.notices[0].ends_with("without sum() or avg(); series: 1"));
    // The first GPUs of two machines without names.
    let dmon = "# gpu sm\n# Idx %\n 0 90\n";
    assert_eq!(total(&[("a.txt", dmon), ("b.txt", dmon)]).observed.len(), 2);
}

#[test]
fn mig_slices_are_judged_by_the_engine_and_belong_to_their_gpu() {
    let slice = |id: &str| format!(r#","GPU_I_ID":"{id}","GPU_I_PROFILE":"3g.40gb""#);
    let files = matrix(&[
        (&gpu("DEV_GPU_UTIL", ""), &every(60, 0, &["0", "0"])),
        (&gpu("DEV_GPU_UTIL", &slice("1")), &every(60, 0, &["0", "0"])),
        (&gpu("PROF_GR_ENGINE_ACTIVE", &slice("1")), &every(60, 0, &["0.5", "0.7"])),
        (&gpu("PROF_GR_ENGINE_ACTIVE", &slice("2")), &every(60, 0, &["0.1", "0.1"])),
    ]);
    let found = total(&[("f", &files)]);
    // The GPU itself, of which nothing that holds was measured, and two slices.
    assert_eq!(found.observed.len(), 3);
    assert!(found.observed[0].bins.is_empty());
    close(found.observed[1].bins[0].gpu_active, 0.6);
    close(found.observed[2].bins[0].gpu_active, 0.1);
    assert_eq!(found.observed[1].bins[0].active_by, Some(ActivitySource::GrEngineActive));
    for it in &found.observed {
        let EntityKey::Gpu { device, .. } = &it.entity.key else { panic!("{it:?}") };
        assert_eq!(*device, Device::Uuid("GPU-a".to_owned()));
    }
    assert!(found.notices[0].ends_with("tells their activity: 1"));
}

#[test]
fn two_scrapes_without_a_clock_are_facts_and_no_bins() {
    let scrape = |used: u32| {
        let labels = "{UUID=\"GPU-a\",modelName=\"NVIDIA L4\",Hostname=\"n1\"}";
        format!(
            "DCGM_FI_DEV_GPU_UTIL{labels} 30\nDCGM_FI_DEV_FB_USED{labels} {used}\n\
             DCGM_FI_DEV_FB_FREE{labels} {}\nDCGM_FI_DEV_FB_RESERVED{labels} 434\n",
            22_600 - used
        )
    };
    let found = total(&[("m.prom", &format!("{}{}", scrape(600), scrape(800)))]);
    let it = only(&found);
    assert!(it.bins.is_empty() && it.step_us.is_none());
    assert_eq!(it.entity.gpu_name.as_deref(), Some("NVIDIA L4"));
    // 800 + 21800 + 434.
    assert_eq!(it.entity.memory_total_mib, Some(23_034.0));
    let untimed = it.untimed.clone().unwrap();
    assert_eq!((untimed.samples, untimed.vram_used_mib), (2, Some(800.0)));
    close(untimed.gpu_active, 0.3);
}

#[test]
fn scrapes_under_times_are_a_recording() {
    let scrape = |(at, n): (i64, u32)| {
        let labels = "{finished_reason=\"stop\",model_name=\"m\"}";
        format!("# {}\nvllm:request_success_total{labels} {n}\n", T0 + at)
    };
    let text = [(0, 5), (60, 9), (120, 9), (180, 1)].map(scrape).concat();
    let found = total(&[("m.prom", &text)]);
    // 4 + 0 + restart 1.
    assert_eq!(only(&found).bins[0].requests, Some(5));
}

#[test]
fn memory_power_and_latency_are_what_was_recorded() {
    let files = matrix(&[
        (&gpu("DEV_FB_USED", ""), &every(60, 0, &["1000", "3000", "2000"])),
        (&gpu("DEV_FB_FREE", ""), &every(60, 0, &["6500", "4500", "5500"])),
        (&gpu("DEV_FB_RESERVED", ""), &every(60, 0, &["500", "500", "500"])),
        // 6 kJ in 60 s and 12 kJ in 60 s: 18000 J / 120 s = 150 W.
        (&gpu("DEV_TOTAL_ENERGY_CONSUMPTION", ""), &every(60, 0, &["1000", "6001000", "18001000"])),
    ]);
    let bin = &only(&total(&[("f", &files)])).bins[0].clone();
    close(bin.vram_used_mib, 3000.0);
    close(bin.memory_fraction, 0.375);
    close(bin.power_w, 150.0);
    assert_eq!(bin.gpu_active, None);
    let ttft = |it: &str| format!("time_to_first_token_seconds_{it}");
    let files = matrix(&[
        (&engine(&ttft("sum"), ""), &every(60, 0, &["1.5", "4", "9.5"])),
        (&engine(&ttft("count"), ""), &every(60, 0, &["2", "7", "18"])),
        (&engine(&ttft("bucket"), r#","le":"+Inf""#), &every(60, 0, &["2", "7", "18"])),
        (&engine(&ttft("bucket"), r#","le":"0.5""#), &every(60, 0, &["1", "4", "11"])),
    ]);
    let found = total(&[("f", &files)]);
    let it = only(&found);
    let latency = it.bins[0].ttft.unwrap();
    close(Some(latency.sum_s), 8.0);
    assert_eq!(latency.count, 16);
    assert_eq!(it.ttft_buckets, [(0.5, 10), (f64::INFINITY, 16)]);
}

#[test]
fn the_metric_that_covers_more_of_the_bin_tells_activity() {
    let files = matrix(&[
        (&gpu("DEV_GPU_UTIL", ""), &every(60, 0, &["90", "90", "90"])),
        (&gpu("PROF_GR_ENGINE_ACTIVE", ""), &every(60, 0, &["0.5", "0.5", "0.2", "0.2"])),
    ]);
    let found = total_in(120_000_000, &[("f", &files)]);
    let by: Vec<_> = only(&found).bins.iter().map(|it| it.active_by).collect();
    assert_eq!(by, [Some(ActivitySource::GpuUtil), Some(ActivitySource::GrEngineActive)]);
}

#[test]
fn the_cache_belongs_to_the_engine_and_late_engines_are_told() {
    let stop = r#","engine":"0","finished_reason":"stop""#;
    let config = r#""__name__":"vllm:cache_config_info","instance":"10.1.0.4:8000","engine":"0""#;
    let config = &format!(r#"{config},"num_gpu_blocks":"1000","block_size":"16""#);
    let late = &engine("request_success_total", stop).replace("10.1.0.4", "10.1.0.5");
    let files = matrix(&[
        (
            &engine("request_success_total", r#","finished_reason":"stop""#),
            &every(60, 0, &["3", "4"]),
        ),
        (config, &every(60, 0, &["1"])),
        (late, &every(60, 1200, &["40", "45"])),
    ]);
    let found = total(&[("f", &files)]);
    assert_eq!(found.observed.len(), 2);
    assert_eq!(found.observed[0].entity.num_gpu_blocks, Some(1000));
    assert_eq!(found.observed[0].entity.block_size, Some(16));
    assert_eq!(found.observed[1].bins[0].requests, Some(5));
    assert!(found.notices[0].contains("began: 1; the 40 requests"), "{:?}", found.notices);
}

#[test]
fn samples_far_apart_speak_for_one_hour_only() {
    let values = every(6 * 3600, 0, &["100", "100", "100"]);
    let text = matrix(&[(&gpu("DEV_GPU_UTIL", ""), &values)]);
    assert!(parsed("f", &text).notices[0].contains("the samples are 6.0 h apart"));
    let found = total(&[("f", &text)]);
    let measured: i64 = only(&found).bins.iter().map(|it| it.measured_us).sum();
    assert_eq!(measured, 3 * HOUR_US);
    assert_eq!(only(&found).gaps.len(), 2);
}

#[test]
fn every_source_says_what_it_proves_and_what_not() {
    for it in proves() {
        assert!(!it.proves.ends_with('.') && !it.not.ends_with('.'), "{}", it.source);
        assert!(it.proves.len() > 20 && it.not.len() > 10, "{}", it.source);
    }
    let of = |source: &str| proves().iter().find(|it| it.source == source).unwrap();
    assert!(of("GPU_UTIL").not.contains("MIG"));
    assert!(of("FB_USED").not.contains("activity"));
}
