//! Every tunable number, by name, with the reason it stands at its value.
//!
//! `pricing/assumptions.toml` holds one table per number; the macro below is the list of names, so
//! a missing, unknown or doubled number is an error that names it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One number as the file gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAssumption {
    pub(super) value: f64,
    pub(super) unit: String,
    pub(super) reason: String,
    pub(super) source: String,
    pub(super) as_of: String,
}

/// One number as the report prints it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumption {
    /// `section.name`.
    pub key: String,
    /// The number.
    pub value: f64,
    /// Its unit, `1` for none.
    pub unit: String,
    /// Why it stands.
    pub reason: String,
    /// Where it comes from.
    pub source: String,
    /// When.
    pub as_of: String,
}

/// The file: section, then name.
pub(super) type RawAssumptions = BTreeMap<String, BTreeMap<String, RawAssumption>>;

macro_rules! assumptions {
    ($($(#[$section_doc:meta])* $section:ident: $Section:ident { $($(#[$doc:meta])* $field:ident,)* })*) => {
        /// All numbers, typed by section.
        #[derive(Clone, Debug)]
        pub struct Assumptions {
            $($(#[$section_doc])* pub $section: $Section,)*
            /// The same numbers with their reasons, in the order of their keys.
            pub entries: Vec<Assumption>,
        }

        $($(#[$section_doc])*
        #[derive(Clone, Debug)]
        pub struct $Section { $($(#[$doc])* pub $field: f64,)* })*

        impl Assumptions {
            /// Checks that the file has every number and no other; the error says which.
            pub(super) fn from_raw(mut raw: RawAssumptions) -> Result<Assumptions, String> {
                let entries = raw.iter().flat_map(|(section, numbers)| {
                    numbers.iter().map(move |(name, it)| Assumption {
                        key: format!("{section}.{name}"),
                        value: it.value,
                        unit: it.unit.clone(),
                        reason: it.reason.clone(),
                        source: it.source.clone(),
                        as_of: it.as_of.clone(),
                    })
                }).collect();
                $(let mut numbers = raw.remove(stringify!($section)).unwrap_or_default();
                let $section = $Section {
                    $($field: numbers.remove(stringify!($field)).map(|it| it.value).ok_or(
                        concat!("`", stringify!($section), ".", stringify!($field), "` is missing"))?,)*
                };
                if let Some(name) = numbers.keys().next() {
                    return Err(format!("`{}.{name}` is not a known assumption", stringify!($section)));
                })*
                if let Some(section) = raw.keys().next() {
                    return Err(format!("`{section}` is not a known section of assumptions"));
                }
                Ok(Assumptions { $($section,)* entries })
            }
        }
    };
}

assumptions! {
    /// Memory of a model.
    sizing: Sizing {
        /// Overhead of the rule of thumb, as a share of the weights.
        overhead_fraction,
        /// Overhead of the quickest estimate, as a share of the bf16 weights.
        quick_overhead_fraction,
        /// Memory the rule of thumb adds for `LoRA` of rank 16, in GB; linear in the rank.
        lora_rank_16_gb,
        /// CUDA total as a share of the driver total where it was not measured.
        cuda_share_of_driver,
        /// Driver total as a share of the vendor's GB, counted as GiB, where neither is known.
        driver_share_of_vendor,
    }
    /// Memory an engine needs beside weights and KV cache.
    engine: EngineMemory {
        /// Share of the memory vLLM uses by default, up to 0.20.
        vllm_share,
        /// The same since 0.21, which counts CUDA graphs inside.
        vllm_share_since_0_21,
        /// Share of what is left that TensorRT-LLM gives to the KV cache by default.
        trtllm_share,
        /// Bytes per sequence and word of the vocabulary while vLLM samples, since 0.17.
        logits_bytes,
        /// The same up to 0.16, which sorted the logits.
        logits_bytes_sorted,
        /// The same for a model in fp32.
        logits_bytes_fp32,
        /// Copies of the hidden states beside the logits.
        hidden_copies,
        /// What the compiled step keeps beside its widest layer, GiB.
        compiled_gib,
        /// CUDA graph memory per layer and graph, MiB.
        graph_layer_mib,
        /// Graphs captured at most.
        most_graphs,
        /// Memory outside `PyTorch` on one GPU, GiB.
        non_torch_gib,
        /// The same where layers are split over GPUs.
        non_torch_parallel_gib,
        /// The same on one GPU before vLLM 0.18.
        non_torch_before_0_18_gib,
        /// The same where layers are split over GPUs before vLLM 0.18.
        non_torch_parallel_before_0_18_gib,
        /// The same for a pipeline stage of one GPU.
        non_torch_stage_gib,
        /// The CUDA context of an engine on one GPU, outside its share, GiB.
        context_gib,
        /// The same where layers are split over GPUs, H100 and later.
        context_parallel_gib,
        /// Caches of states to caches of keys and values in `SGLang`'s pool, for models with both.
        sglang_state_ratio,
        /// Everything beside weights, activations, NCCL and KV cache, where only one sum is known, GB.
        other_gb,
        /// NCCL on 2 GPUs, GB.
        nccl_2_gb,
        /// NCCL on 4 GPUs and more, GB.
        nccl_4_gb,
    }
    /// Memory of training and of image pipelines.
    training: Training {
        /// Bytes a token leaves in a layer for every unit of its width, beside queries, keys, values
        /// and the feed-forward part.
        layer_bytes,
        /// What `torch.compile` leaves of the activations, as a share.
        compiled_share,
        /// CUDA context, libraries and what fragmentation costs at least, GB per GPU.
        context_gb,
        /// NCCL where GPUs talk, GB per GPU.
        nccl_gb,
        /// What the caching allocator reserves beyond what is allocated, as a share of it.
        reserved_share,
        /// Gradients and parameters in the buckets of `ZeRO`.
        bucket_elements,
        /// Parameters `ZeRO` stage 3 gathers at once.
        live_params,
        /// Bytes a `UNet` needs for a pixel of a latent and a channel of its finest resolution.
        unet_bytes,
        /// CUDA context and libraries of a process that does not train, GB per GPU.
        process_context_gb,
    }
    /// Speed of a model.
    capacity: Capacity {
        /// Share of the memory bandwidth that reading weights reaches.
        mbu,
        /// The same for the KV cache.
        kv_mbu,
        /// The same for the KV cache of latent attention.
        latent_kv_mbu,
        /// The same for 4-bit weights with 4-bit products.
        fp4_mbu,
        /// Share of the peak compute rate that 16-bit products reach.
        mfu,
        /// How much more of their halved 16-bit and fp8 rates `GeForce` GPUs reach.
        geforce_gain,
        /// The same for fp8, of its rate.
        fp8_mfu,
        /// The same for int8.
        int8_mfu,
        /// The same for fp4.
        fp4_mfu,
        /// Rate of products of routed experts, as a share of that of dense ones.
        experts_mfu,
        /// Share of the 16-bit rate that the attention of a prompt with itself reaches.
        attention_mfu,
        /// Share of its 16-bit peak that large products of an H100 reach.
        gemm_ceiling,
        /// Rate of products of weight-only formats, as a share of the 16-bit rate.
        weight_only_mfu,
        /// What unpacking one 8-bit weight is worth, in bytes read.
        unpack_8_bit_bytes,
        /// The same on GPUs of compute capability 8.6.
        unpack_8_bit_bytes_sm86,
        /// The same for a 4-bit weight.
        unpack_4_bit_bytes,
        /// Tokens of a step from which unpacking takes that long.
        unpack_tokens,
        /// Launches and small kernels per layer and step, microseconds.
        layer_us,
        /// The same, added by routed experts.
        expert_layer_us,
        /// Scheduling, sampling and streaming per sequence and step, microseconds.
        sequence_us,
        /// The same in TensorRT-LLM.
        sequence_us_tensorrt_llm,
        /// The same in vLLM before 0.12.
        sequence_us_before_0_12,
        /// Share of the others' prompts computed before one's own first token.
        prompt_wait,
        /// The same in `SGLang`.
        prompt_wait_sglang,
        /// Time per request outside the engine, seconds.
        request_overhead_s,
        /// Measured over predicted time per output token, lower end of the range.
        tpot_low,
        /// Measured over predicted time per output token, upper end of the range.
        tpot_high,
        /// Measured over predicted time to the first token, lower end of the range.
        ttft_low,
        /// Measured over predicted time to the first token, upper end of the range.
        ttft_high,
        /// Measured over predicted tokens and requests a second, lower end of the range.
        rate_low,
        /// Measured over predicted tokens and requests a second, upper end of the range.
        rate_high,
        /// Measured over predicted time per output token, lower end of the range, where nothing like it was measured.
        tpot_low_uncovered,
        /// Measured over predicted time per output token, upper end of the range, where nothing like it was measured.
        tpot_high_uncovered,
        /// Measured over predicted time to the first token, lower end of the range, where nothing like it was measured.
        ttft_low_uncovered,
        /// Measured over predicted time to the first token, upper end of the range, where nothing like it was measured.
        ttft_high_uncovered,
        /// Measured over predicted tokens and requests a second, lower end of the range, where nothing like it was measured.
        rate_low_uncovered,
        /// Measured over predicted tokens and requests a second, upper end of the range, where nothing like it was measured.
        rate_high_uncovered,
        /// Capacity a downgrade must keep free, as a share of the load.
        downgrade_headroom,
    }
    /// Exchanging data between GPUs.
    interconnect: Interconnect {
        /// The rule of thumb: least loss without peer-to-peer, as a share.
        rule_no_p2p_loss_low,
        /// The rule of thumb: most loss without it.
        rule_no_p2p_loss_high,
        /// Loss of an all-reduce without it on a host where both were measured.
        measured_no_p2p_loss,
    }
    /// Starting an engine.
    cold_start: ColdStart {
        /// Framework bootstrap, seconds.
        framework_s,
        /// Storage to GPU, GB/s.
        weight_bandwidth_gb_s,
        /// Engine start, seconds.
        engine_s,
        /// Engine start per layer, seconds.
        engine_per_layer_s,
        /// A start when the model is unknown, seconds.
        unknown_model_s,
        /// Allocating and booting a rented instance before the engine can start, seconds.
        instance_boot_s,
        /// Tracing the model, seconds.
        tracing_s,
        /// The same, per layer.
        tracing_per_layer_s,
        /// Loading compiled code, seconds.
        cached_code_s,
        /// The same, per layer.
        cached_code_per_layer_s,
        /// Compiling, seconds.
        compile_s,
        /// The same, per layer.
        compile_per_layer_s,
        /// Capturing CUDA graphs, seconds.
        graphs_s,
        /// The same, per layer.
        graphs_per_layer_s,
        /// Garbage collection between captures before vLLM 0.10, seconds.
        old_graphs_s,
        /// Checking one ordered pair of GPUs before vLLM 0.10, seconds.
        p2p_pair_s,
        /// Allocating a GPU with its driver, seconds.
        allocation_s,
        /// Pulling and unpacking an image, GB/s.
        image_bandwidth_gb_s,
        /// A network volume, GB/s.
        network_volume_gb_s,
        /// An SSD of the node, GB/s.
        ssd_gb_s,
        /// An object store, GB/s.
        object_store_gb_s,
        /// An `NVMe` disk by safetensors, GB/s.
        nvme_gb_s,
        /// The page cache, GB/s.
        page_cache_gb_s,
        /// `NVMe` by a loader around the page cache, GB/s.
        direct_nvme_gb_s,
        /// Pinned memory of the node, GB/s.
        host_memory_gb_s,
        /// Measured over predicted work of a host, lower end of the range.
        host_low,
        /// The same, upper end.
        host_high,
        /// The same where no such start was measured.
        host_high_uncovered,
        /// Measured over predicted on a calibrated host, lower end of the range.
        calibrated_low,
        /// The same, upper end.
        calibrated_high,
        /// Measured over predicted time of weights from a named storage, lower end of the range.
        storage_low,
        /// The same, upper end.
        storage_high,
        /// The same from a storage that is not named, lower end.
        unnamed_storage_low,
        /// The same, upper end.
        unnamed_storage_high,
        /// Restoring process and GPU memory, seconds.
        memory_image_s,
        /// Measured over predicted restore, lower end of the range.
        memory_image_low,
        /// The same, upper end.
        memory_image_high,
        /// Bringing back a worker that was put aside, seconds.
        warm_worker_s,
        /// Measured over predicted, lower end of the range.
        warm_worker_low,
        /// The same, upper end.
        warm_worker_high,
        /// Share of starts that a snapshot shortens.
        snapshot_share,
    }
    /// Describing demand.
    classify: Classify {
        /// Share of time a GPU was active below which it did nothing.
        idle_gpu_active,
        /// Active hours a day below which demand is sporadic.
        sporadic_active_hours,
        /// Most hours holding 90 % of a day for demand that does not repeat to count as sporadic.
        sporadic_h90,
        /// Variation of the hours about the level of their day above which demand is bursty.
        bursty_variation,
        /// Share of the demand in peaks above which demand is bursty.
        bursty_peak_share,
        /// Peak to mean above which less than a day of demand is bursty.
        bursty_peak_to_mean,
        /// Share of the variation that the hour of the day must explain for demand to count as diurnal.
        diurnal_strength,
        /// Most hours holding 90 % of a day for less than three days to count as diurnal.
        diurnal_h90,
        /// Trend per 30 days beyond which demand grows or declines.
        trend_per_30d,
        /// The rule of thumb: at most this many busy hours a day for pay as you go.
        rule_payg_hours,
        /// The rule of thumb: more than this many for reserved.
        rule_reserved_hours,
        /// Most hours holding 90 % of a day for demand that repeats by the day to count as diurnal.
        diurnal_h90_repeating,
        /// Variance to mean of the requests per hour above which peaks are more than chance.
        bursty_idc_1h,
        /// Most hours of the day, the same every day, that hold 90 % of the requests of a batch.
        batch_hours,
        /// Active hours a day from which requests with tokens look like users.
        real_time_active_hours,
        /// Variation of the gaps from which requests are not sent by a timer.
        real_time_interarrival_cv,
        /// Longest run of GPUs in use from which it counts as training, below as fine-tuning.
        training_run_hours,
        /// Confidence of a kind inferred from one sign.
        kind_confidence_one_sign,
        /// Confidence of a kind inferred from two signs.
        kind_confidence_two_signs,
        /// Confidence of a shape on too little data or at its threshold.
        confidence_floor,
        /// Confidence of a shape on enough data and far from every threshold.
        confidence_ceiling,
        /// Days of data from which more do not add confidence in a shape.
        confidence_days,
        /// Distance from a threshold, as a share of it, from which a class is clear.
        confidence_margin,
        /// Strength from which the peak hour, the quiet hours and the weekdays are named.
        season_strength,
        /// What a cut into another level costs, in variances of the noise times the logarithm of the days.
        change_penalty,
        /// Ratio of the levels before and after from which a change is told.
        change_ratio,
        /// Share of the other level below which a level is nothing, so that a change is a launch or an end.
        change_nothing_share,
        /// Chance of a common silence below which it is an outage.
        outage_chance,
        /// The rule of thumb: GPU active share of a healthy GPU.
        rule_healthy_gpu_active,
        /// The rule of thumb: peak memory share below which a GPU is over-provisioned.
        rule_memory_fraction,
    }
    /// Demand in the unit that is bought, and whether today's capacity cut it off.
    demand: DemandLimits {
        /// GPUs active in an hour from which the hour counts as active.
        active_gpus,
        /// Share of the demand window two sources must share for one to contradict the other.
        comparable_share,
        /// Times one source must exceed the other for a contradiction.
        contradiction_ratio,
        /// Active share of the GPUs below which what they do is not asked about.
        contradiction_active,
        /// Requests waiting in one engine from which an hour has a queue.
        queue_requests,
        /// Share of the measured hours from which a full cache or a queue limits demand.
        limited_hours_share,
        /// Share of the offered requests refused from which demand was cut off.
        throttled_share,
        /// Sequences evicted per 1,000 requests from which the cache limits demand.
        preemptions_per_1000,
        /// KV-cache use from which it is at its limit.
        kv_cache_limit,
    }
    /// What a launch plan allows a server that starts or stops.
    launch: LaunchRules {
        /// Tokens a request in progress may still write after a stop.
        drain_tokens,
        /// Times the simulated start after which a start has failed.
        start_factor,
        /// Seconds before which none has.
        start_least_s,
        /// Hours of new data from which a promise is judged for good.
        verify_hours,
        /// Share of the requests that may fail.
        verify_errors,
        /// Share of the KV cache or of the requests at once that a peak must fill.
        verify_peak,
        /// Share of the time GPUs must be active.
        verify_active,
        /// Share of every score that must be kept.
        verify_quality,
        /// Days that a price must be older to be compared with the newest.
        price_days,
    }
    /// Finding what is paid and not used, and what could share.
    waste: Waste {
        /// Mean share of time over an hour below which GPUs count as not active.
        idle_gpu_active,
        /// Days two signals must agree for waste to be confirmed.
        cycle_days,
        /// Share of an hour, of GPUs or of hours that must be measured to speak for the whole.
        covered_share,
        /// Days of silence up to the end of the window from which a workload looks forgotten.
        forgotten_days,
        /// Weeks a weekly pattern must be seen to be confirmed.
        schedule_weeks,
        /// Hours of the shortest silent block worth a schedule.
        schedule_block_hours,
        /// Largest chance that a silent block is an accident.
        schedule_chance,
        /// Share of one replica below which its peak may fit a smaller GPU.
        small_need,
        /// Requests of a second environment over those of production below which it has little use.
        duplicate_use_share,
        /// Share of time active below which a second environment has little use.
        duplicate_gpu_active,
        /// Days in common from which demands are pooled.
        pool_days,
    }
    /// Costs that history does not predict.
    anomaly: AnomalyRules {
        /// Days at the end of a window that are judged where no data lie before it.
        judged_days,
        /// Latest weeks before the judged time that say what is usual.
        history_weeks,
        /// Weeks from which a weekday and hour is judged by itself.
        min_weeks,
        /// Days from which an hour is judged by the same hour of all days.
        min_days,
        /// Distance from the usual cost, in spreads, from which a cost is over.
        deviations,
        /// Least spread, as a share of the usual cost.
        floor_share,
        /// Share of the hours of a past week that may have been further over.
        history_share,
        /// Hours between two costs over that still belong to one event.
        gap_hours,
        /// Least size of an event, as a share of the cost of a day.
        min_day_share,
        /// Least size of an event, in the currency of the bill.
        min_amount,
        /// Share of the usual cost that must be missing for a cost to be below.
        fall_share,
    }
    /// Simulating a plan.
    simulate: Simulate {
        /// Assumed limit of the time to the first token at the 95th percentile, seconds.
        slo_ttft_p95_s,
        /// Assumed limit of the time per output token at the 95th percentile, seconds.
        slo_tpot_p95_s,
        /// Assumed share of requests that must meet both.
        slo_attainment,
        /// Idle time before an autoscaled pay-as-you-go replica stops, seconds.
        autoscale_idle_timeout_s,
        /// Share of a replica's slots the autoscaler aims at.
        autoscale_target,
        /// Most replicas a fixed fleet is tried with.
        max_replicas,
        /// Longest wait of a request in work nobody waits for, seconds.
        batch_wait_s,
        /// 95th percentile of the tokens of a request over their mean, where only sums are known.
        tokens_p95_to_mean,
        /// Least number of requests an autoscaler aims at per replica.
        autoscale_least_target,
        /// How many times what an instance serves at once may wait for it, where the limit leaves time.
        autoscale_most_waiting,
    }
    /// Capacity that its owner takes back.
    spot: SpotMarket {
        /// Interruptions per instance and hour of the plan that is shown.
        interruptions_per_hour,
        /// The least of the range that is shown beside it.
        low_interruptions_per_hour,
        /// The most of that range.
        high_interruptions_per_hour,
        /// Mean time without spot capacity after an interruption, hours.
        outage_h,
        /// From being told to being Off, seconds.
        notice_s,
        /// Time to write a checkpoint, seconds.
        checkpoint_write_s,
    }
    /// Giving advice.
    advice: Advice {
        /// Days of data below which there is no Switch or Schedule.
        min_days_switch,
        /// Days of data below which no commitment is advised.
        min_days_commitment,
        /// Hours of data below which there are only facts.
        min_hours_facts,
        /// Least monthly saving worth an action, in the currency of the catalog.
        min_monthly_savings,
        /// Least share of the cost worth an action.
        min_savings_share,
        /// Longest term considered, months.
        max_term_months,
        /// Age of a price in days that caps the grade.
        stale_price_days,
        /// Candidates of each workload whose plans are simulated.
        simulated_candidates,
        /// Requests above which plans are ranked on hourly levels first.
        ranked_above_requests,
        /// Plans replayed of those ranked.
        ranked_plans,
        /// Plans replayed of each way to buy, at least.
        ranked_plans_of_a_kind,
        /// Days on which the ranked plans are rehearsed before the cheapest are replayed on all.
        rehearsal_days,
        /// Days of data for each of those, at least.
        rehearsal_days_of_data,
        /// Plans replayed of those rehearsed.
        rehearsed_plans,
        /// Plans replayed of each way to buy, at least, after a rehearsal.
        rehearsed_plans_of_a_kind,
        /// Workloads above which only the dearest are searched in full.
        many_workloads,
        /// Workloads searched in full where there are more.
        full_searches,
        /// Requests beyond which a workload is not among those.
        full_search_requests,
        /// Requests above which no break-even is sought by replays.
        break_even_requests,
        /// How much of demand commitments cover where the user does not say: 0 what is always in use,
        /// 1 what costs the least.
        commitment_risk,
    }
    /// What a change takes.
    change: ChangeRules {
        /// An hour of an engineer.
        engineer_usd_per_hour,
        /// Hours to stop something.
        stop_h,
        /// Hours to set up a weekly schedule.
        schedule_h,
        /// Hours to buy a commitment.
        purchase_h,
        /// Hours to change the number of instances or what decides it.
        scale_h,
        /// Hours to move to serverless workers or an API.
        platform_h,
        /// Hours to live with spot.
        spot_h,
        /// Hours more for another GPU.
        gpu_h,
        /// Hours more for another precision.
        precision_h,
        /// Hours more for another provider.
        provider_h,
        /// Hours more for another region of the same provider.
        region_h,
        /// Hours in which old and new run side by side.
        side_by_side_h,
        /// Months to earn back a change above which it is not advised.
        most_pay_back_months,
        /// Hours of work a week that the plan by week fills.
        hours_per_week,
        /// Days after which a change is verified.
        verify_days,
    }
    /// What may happen to a plan.
    shock: ShockRules {
        /// Share by which demand falls.
        demand_down,
        /// Share by which prices by use fall.
        price_down,
        /// Share of the term after which the workload leaves.
        migration_share,
    }
    /// The range of a saving.
    risk: RiskRules {
        /// Standard deviation of weeks over that of weeks made of days that know nothing of each other.
        week_to_week_ratio,
        /// Standard deviation of the logarithm of demand from what was seen to what comes, where less than
        /// four weeks were seen.
        level_change,
        /// Months drawn for a range where there are less than four weeks.
        n_months,
        /// Share of months with a loss above which the grade is D.
        most_loss,
    }
    /// What months to come cost.
    forecast: ForecastRules {
        /// Days of cost below which there is none.
        min_days,
        /// Latest whole weeks whose mean is the level.
        level_weeks,
        /// Share of a week's surprise that stays.
        surprise_kept,
        /// Error of a month's forecast up to which the practice is mature.
        mature_error,
    }
}
