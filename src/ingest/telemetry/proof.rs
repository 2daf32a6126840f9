//! What each telemetry source can prove, and what it cannot.

/// A source and the limits of its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Proof {
    /// The metric as people know it.
    pub(in crate::ingest) source: &'static str,
    /// What it proves.
    pub(in crate::ingest) proves: &'static str,
    /// What it does not.
    pub(in crate::ingest) not: &'static str,
}

const PROOFS: &[Proof] = &[
    Proof {
        source: "GPU_UTIL",
        proves: "some kernel ran during that share of the time; 0 over a long time is an idle \
                     GPU",
        not: "how loaded the GPU was: one small kernel at a time reads 100 %; under MIG it \
                  reads 0 or nothing",
    },
    Proof {
        source: "GR_ENGINE_ACTIVE",
        proves: "the compute engine had work during that share of the time, also in a MIG \
                     slice",
        not: "how much of the engine the work filled",
    },
    Proof {
        source: "SM_ACTIVE, SM_OCCUPANCY",
        proves: "how many multiprocessors had work, and how full of warps they were",
        not: "that the work was useful: warps that wait for memory count",
    },
    Proof {
        source: "PIPE_TENSOR_ACTIVE",
        proves: "how much of the time the tensor cores computed; a high value is real load",
        not: "idleness: decoding small batches is bound by memory and leaves it near 0",
    },
    Proof {
        source: "DRAM_ACTIVE, MEM_COPY_UTIL",
        proves: "how much of the time memory moved data; high while decoding",
        not: "how much memory is in use",
    },
    Proof {
        source: "FB_USED",
        proves: "how much memory was reserved; an upper bound of what was needed",
        not: "activity or need: serving engines reserve most of the memory at their start and \
                  keep it while idle",
    },
    Proof {
        source: "POWER_USAGE, TOTAL_ENERGY_CONSUMPTION",
        proves: "the power drawn; far above the idle level something ran",
        not: "what ran, or for whom",
    },
    Proof {
        source: "nvidia-smi dmon, --query-gpu",
        proves: "the same as GPU_UTIL and FB_USED, for the samples taken",
        not: "which pod or container it was; without a clock, when it was",
    },
    Proof {
        source: "kv_cache_usage_perc",
        proves: "how much of the engine's KV cache its running requests hold: its load in \
                     memory",
        not: "whether the GPU computed; peaks between two samples are not seen",
    },
    Proof {
        source: "num_requests_running, num_requests_waiting",
        proves: "requests in the batch and in the queue at each sample; waiting above 0 again \
                     and again is saturation",
        not: "arrivals: what came and went between two samples is not seen",
    },
    Proof {
        source: "request_success, prompt_tokens, generation_tokens",
        proves: "requests and tokens served between two samples, exactly, up to a restart",
        not: "when in between, how long each request was, or what was served between the last \
                  sample and a restart",
    },
    Proof {
        source: "prefix_cache_hits, prefix_cache_queries",
        proves: "the share of prompt tokens found in the cache of this engine",
        not: "that a smaller cache, or requests spread over more engines, would keep it",
    },
    Proof {
        source: "time_to_first_token_seconds, request_queue_time_seconds",
        proves: "latencies as the engine saw them: their mean, and bounds from the buckets",
        not: "what users saw: gateway, network and refused requests are not in it",
    },
];

/// The sources, those of the GPU first.
pub(in crate::ingest) const fn proves() -> &'static [Proof] {
    PROOFS
}
