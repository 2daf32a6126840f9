//! What a request takes on one of today's replicas: the model, the lengths of its requests and the
//! precision it is served in, and the time that follows from them.
//!
//! Here and nowhere else is decided which model a workload runs and how long its requests are.

use crate::catalog::{Catalog, ModelArch};
use crate::size::{
    Architecture, Constants, Deployment, Fit, Precision, Replica, TokenProfile, fit, splits,
};
use crate::units::{RequestTokens, whole_us};
use crate::workload::{self, Demand, Workload};

/// What tells how long a request takes.
#[derive(Clone, Debug)]
pub enum Timing<'a> {
    /// A model of known architecture and requests of known length.
    Model {
        /// The model.
        arch: &'a ModelArch,
        /// How long its requests are.
        profile: TokenProfile,
        /// The format its weights are served in.
        precision: Precision,
    },
    /// A time the user measured on today's GPUs.
    Measured {
        /// Microseconds a request holds its slot.
        service_us: u64,
        /// Requests a replica serves at once.
        slots: u32,
    },
}

/// How long requests take, or why nobody can say. What was assumed on the way is added to `notices`.
pub fn timing<'a>(
    workload: &Workload,
    catalog: &'a Catalog,
    notices: &mut Vec<String>,
) -> Result<Timing<'a>, String> {
    let measured = workload.settings.service_time_s.map(|seconds| Timing::Measured {
        service_us: whole_us(seconds),
        slots: workload.settings.max_num_seqs.unwrap_or(1),
    });
    let model = match &workload.deployment.model {
        Some(id) => catalog.model(id).ok_or_else(|| {
            format!("the model {id} is not in the catalog: set service_time_s in the config")
        }),
        None => Err("the model is not known: set model in the config".to_owned()),
    };
    // Nobody has to look at each of many requests where the model is not known.
    if let (Demand::Arrivals(trace), Err(why)) = (&workload.demand, &model)
        && !trace.tokens.is_empty()
    {
        return measured.ok_or_else(|| why.clone());
    }
    let Some(profile) = profile(workload, catalog, notices) else {
        return measured.ok_or_else(|| {
            "the requests have no token counts: set service_time_s in the config".to_owned()
        });
    };
    let arch = match model {
        Ok(arch) => arch,
        Err(why) => return measured.ok_or(why),
    };
    let served =
        workload.deployment.quantization.as_deref().or(workload.deployment.dtype.as_deref());
    let known = served.map(|word| (word, Precision::parse(word)));
    if let Some((word, None)) = known {
        notices.push(format!("the precision `{word}` is not known, so bf16 is assumed today"));
    }
    let precision = known.and_then(|(_, it)| it).unwrap_or(Precision::Bf16);
    Ok(Timing::Model { arch, profile, precision })
}

/// Lengths of requests: of each request where a log has them, else sums over periods.
fn profile(
    workload: &Workload,
    catalog: &Catalog,
    notices: &mut Vec<String>,
) -> Option<TokenProfile> {
    let longest = workload.deployment.max_model_len;
    match &workload.demand {
        Demand::Arrivals(trace) if !trace.tokens.is_empty() => {
            let n = trace.tokens.len() as f64;
            let (prompt, completion) = RequestTokens::sum(&trace.tokens);
            // Nearest rank: the least value that 95 % of the requests do not exceed.
            let rank = (trace.tokens.len() * 95).div_ceil(100).max(1);
            let p95 = nth_total(&trace.tokens, rank - 1);
            TokenProfile::new(p95, prompt as f64 / n, completion as f64 / n)
        }
        Demand::Counts(series) => {
            let counted = series
                .bins
                .iter()
                .filter_map(|bin| Some((bin.requests, bin.prompt_tokens?, bin.completion_tokens?)));
            let (n, prompt, completion) = counted
                .fold((0_u64, 0_u64, 0_u64), |sum, it| (sum.0 + it.0, sum.1 + it.1, sum.2 + it.2));
            if n == 0 {
                return None;
            }
            let (prompt, completion) = (prompt as f64 / n as f64, completion as f64 / n as f64);
            let ratio = catalog.assumptions.simulate.tokens_p95_to_mean;
            let p95 = whole_us((prompt + completion) * ratio / 1e6);
            let p95 = longest.map_or(p95, |longest| p95.min(longest));
            notices.push(format!(
                "request lengths are known as sums: the 95th percentile is taken as {ratio} times the mean"
            ));
            TokenProfile::new(p95, prompt, completion)
        }
        _ => None,
    }
}

/// The tokens of the request at a place, counted from 0, were they in the order of their tokens. Of many
/// requests each length is counted, which is faster than to look for the place.
fn nth_total(tokens: &[RequestTokens], place: usize) -> u64 {
    let totals = || tokens.iter().map(|it| it.total());
    let most = totals().max().unwrap_or(0);
    let n_lengths = usize::try_from(most).ok().filter(|it| *it < tokens.len() / 4);
    let Some(n_lengths) = n_lengths else {
        let mut totals: Vec<u64> = totals().collect();
        return *totals.select_nth_unstable(place).1;
    };
    let mut counts = vec![0_usize; n_lengths + 1];
    for total in totals().filter_map(|it| usize::try_from(it).ok()) {
        counts[total] += 1;
    }
    let mut before = 0;
    let is_there = |n: &usize| {
        before += n;
        before > place
    };
    counts.iter().position(is_there).map_or(most, |it| it as u64)
}

/// GPUs one of today's replicas spans; one where nobody says.
pub fn gpus_per_replica(today: &workload::Deployment) -> u32 {
    today.tensor_parallel_size.unwrap_or(1).max(1)
}

/// Replicas of today's fleet at its largest: 8 GPUs in replicas of 2 are 4. At least one.
pub fn replicas(today: &workload::Deployment) -> Option<u32> {
    let gpus = today.gpu_count?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let n = (gpus / f64::from(gpus_per_replica(today))).floor() as u32;
    Some(n.max(1))
}

/// How an engine serves the workload on one GPU: its defaults, and the limits that are declared.
pub fn engine_deployment(workload: &Workload, precision: Precision) -> Deployment {
    Deployment { max_num_seqs: workload.settings.max_num_seqs, ..Deployment::new(precision, 1) }
}

/// Seconds a request holds its slot: fixed + prompt x one rate + completion x another, with at least
/// one step. 1,000 tokens in at 0.1 ms and 200 out at 10 ms are 2.1 s.
#[expect(clippy::struct_field_names, reason = "the postfix is the unit")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RequestTime {
    pub(super) fixed_s: f64,
    pub(super) prompt_token_s: f64,
    pub(super) completion_token_s: f64,
}

impl RequestTime {
    /// The time of one request.
    pub(super) fn of(&self, prompt: f64, completion: f64) -> f64 {
        self.fixed_s + prompt * self.prompt_token_s + completion.max(1.0) * self.completion_token_s
    }

    /// The time of a request of a log; of the mean one where it has no tokens.
    pub(super) fn of_tokens(&self, tokens: Option<&RequestTokens>, mean_s: f64) -> f64 {
        tokens.map_or(mean_s, |it| self.of(f64::from(it.prompt), f64::from(it.completion)))
    }

    fn on(replica: &Replica, batch: u32) -> RequestTime {
        RequestTime {
            fixed_s: 0.0,
            prompt_token_s: 1.0 / replica.prefill_tokens_per_s(batch),
            completion_token_s: replica.tpot_s(batch),
        }
    }
}

/// One of today's replicas as the service-time model sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TodaysReplica {
    /// False where the time is the user's own.
    pub(super) by_model: bool,
    /// GPUs it spans.
    pub(super) gpus: u32,
    /// Requests it serves at once, at most.
    pub(super) slots: u32,
    /// Requests in progress in the busiest hour; the slots where it is saturated.
    pub(super) batch: u32,
    /// A request at that batch.
    pub(super) at_batch: RequestTime,
    /// Seconds of the mean request alone, at that batch, and with every slot taken.
    pub(super) mean_s: [f64; 3],
}

/// Requests in progress on each of so many replicas, of all that are in service on average; at least
/// one and at most the slots. 2.5 in service on 2 replicas: 2.
fn in_progress(in_service: f64, replicas: u32, slots: u32) -> u32 {
    let each = (in_service / f64::from(replicas.max(1))).ceil();
    (1..slots.max(1)).find(|it| f64::from(*it) >= each).unwrap_or(slots.max(1))
}

/// The model on the GPUs of one of today's replicas, and the requests that one serves at once; or why
/// nobody can say.
pub fn todays_fit(
    workload: &Workload,
    catalog: &Catalog,
    (arch, profile, precision): (&ModelArch, &TokenProfile, Precision),
) -> Result<(Replica, u32), String> {
    let today = &workload.deployment;
    let gpus = gpus_per_replica(today);
    let name = today.gpu.as_deref().ok_or("today's GPU is not known: set gpu")?;
    let gpu = catalog.gpu(name).ok_or_else(|| format!("{name} is not in the catalog"))?;
    let (tensor, stages) =
        splits(gpu).find(|(tensor, stages)| tensor * stages == gpus).unwrap_or((gpus, 1));
    let deployment = Deployment {
        tensor_parallel_size: tensor,
        pipeline_parallel_size: stages,
        ..engine_deployment(workload, precision)
    };
    let model = Architecture::of(arch).map_err(|what| format!("{}: {what}", arch.id))?;
    let constants = Constants::from(&catalog.assumptions);
    match fit(&model, gpu, &deployment, profile, constants) {
        Fit::Fits(replica) => {
            let limit = workload.settings.max_num_seqs.unwrap_or(replica.max_num_seqs());
            let slots = replica.slots(limit);
            Ok((*replica, slots))
        }
        other => Err(format!("{} on {gpus} x {name}: {other}", arch.id)),
    }
}

/// Today's replica at the batch of the busiest hour, by the same formulas as the plans; or why nobody
/// can say how long a request takes on it.
pub(super) fn todays_replica(
    workload: &Workload,
    catalog: &Catalog,
    busiest_rps: f64,
) -> Result<TodaysReplica, String> {
    let today = &workload.deployment;
    let gpus = gpus_per_replica(today);
    match timing(workload, catalog, &mut Vec::new())? {
        Timing::Measured { service_us, slots } => {
            let seconds = service_us as f64 / 1e6;
            let fixed =
                RequestTime { fixed_s: seconds, prompt_token_s: 0.0, completion_token_s: 0.0 };
            Ok(TodaysReplica {
                by_model: false,
                gpus,
                slots,
                batch: in_progress(busiest_rps * seconds, replicas(today).unwrap_or(1), slots),
                at_batch: fixed,
                mean_s: [seconds; 3],
            })
        }
        Timing::Model { arch, profile, precision } => {
            let (replica, slots) = todays_fit(workload, catalog, (arch, &profile, precision))?;
            let n = replicas(today).unwrap_or(1);
            let batch = replica.planning_batch(busiest_rps, n, slots).unwrap_or(slots);
            Ok(TodaysReplica {
                by_model: true,
                gpus,
                slots,
                batch,
                at_batch: RequestTime::on(&replica, batch),
                mean_s: [1, batch, slots].map(|it| replica.mean_service_time_s(it)),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(totals: &[u32]) -> Vec<RequestTokens> {
        let tokens = |it: &u32| RequestTokens { prompt: it / 3, completion: it - it / 3 };
        totals.iter().map(tokens).collect()
    }

    #[test]
    fn the_third_of_five() {
        assert_eq!(nth_total(&of(&[9, 1, 5, 7, 3]), 2), 5);
        // Lengths that are counted: 20 times 1, then 20 times 2.
        let many: Vec<u32> = (0..40).map(|it| 1 + it % 2).collect();
        assert_eq!([0, 19, 20, 39].map(|place| nth_total(&of(&many), place)), [1, 1, 2, 2]);
    }

    proptest! {
        #[test]
        fn counting_finds_what_sorting_finds(
            mut totals in prop::collection::vec(0_u32..40, 1..400),
            place in 0.0..1.0_f64,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
            let place = (place * totals.len() as f64) as usize;
            let found = nth_total(&of(&totals), place);
            totals.sort_unstable();
            prop_assert_eq!(found, u64::from(totals[place]));
        }
    }
}
