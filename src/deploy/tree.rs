//! Four questions for whoever has no logs: what runs, which model, how much at once, how many hours a day.
//!
//! Each answer leads to the next with the numbers behind it: the thresholds of the rule of thumb, the memory of the
//! model, what the GPUs that hold it cost today, and what every way of buying them comes to. It is a first guess: what
//! has logs is simulated by `analyze`.

use std::num::{NonZeroU32, NonZeroU64};

use serde::Serialize;

use crate::catalog::{Catalog, GpuSpec, ModelArch, Offer, Purchase};
use crate::report::duration;
use crate::size::{
    Adapter, Architecture, Carried, Constants, Deployment, LoraTarget, Method, Precision, Slo,
    TokenProfile, TrainingQuestion, ZeroStage, fit, splits, training,
};
use crate::units::{HOURS_PER_MONTH, Money, MoneyPerHour};

/// Tokens of a request where nobody says: prompt and answer together at most, and both on average.
const CONTEXT: u64 = 4_096;
const MEAN_TOKENS: (f64, f64) = (1_000.0, 300.0);
/// Limits where nobody says: seconds to the first token, and for each after it.
const ASSUMED: Slo = Slo { ttft_p95_s: Some(2.0), tpot_p95_s: Some(0.2) };
/// GPUs that are shown.
const SHOWN: usize = 5;
/// Days of a month of 730 hours.
const DAYS: f64 = 730.0 / 24.0;

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Somebody waits for the answer.
    RealTime,
    /// Nobody waits.
    Batch,
    /// An adapter is trained.
    FineTuning,
    /// All weights are trained.
    Training,
}

impl Work {
    /// Every kind, in the order of the question.
    pub const ALL: [Work; 4] = [Work::RealTime, Work::Batch, Work::FineTuning, Work::Training];

    /// The word that answers the question.
    pub const fn word(self) -> &'static str {
        match self {
            Work::RealTime => "real-time",
            Work::Batch => "batch",
            Work::FineTuning => "fine-tuning",
            Work::Training => "training",
        }
    }

    /// The kind of a word, or of its first letters where they are of no other.
    pub fn parse(text: &str) -> Option<Work> {
        let text = text.trim().to_lowercase();
        let mut found =
            Work::ALL.into_iter().filter(|it| !text.is_empty() && it.word().starts_with(&text));
        found.next().filter(|_| found.next().is_none())
    }

    const fn serves(self) -> bool {
        matches!(self, Work::RealTime | Work::Batch)
    }
}

/// How many hours a day there is work, and whether it comes in bursts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hours {
    /// From 0 to 24.
    pub per_day: f64,
    /// Whether quiet and busy minutes follow each other.
    pub bursts: bool,
}

impl Hours {
    /// `9`, `9.5`, or `3 bursts`.
    pub fn parse(text: &str) -> Option<Hours> {
        let mut words = text.split_whitespace();
        let per_day: f64 = words.next()?.trim_end_matches('h').parse().ok()?;
        let bursts = match words.next() {
            None => false,
            Some(word) if "bursts".starts_with(&word.to_lowercase()) => true,
            Some(_) => return None,
        };
        ((0.0..=24.0).contains(&per_day) && per_day > 0.0 && words.next().is_none())
            .then_some(Hours { per_day, bursts })
    }
}

/// A way to hold the model, at the lowest price on offer.
#[derive(Clone, Debug, Serialize)]
pub struct Holds {
    /// GPU of the catalog.
    pub gpu: String,
    /// GPUs of one replica.
    pub gpus: u32,
    /// Format of the weights.
    pub precision: &'static str,
    /// Requests that one replica holds at once; nothing for training.
    pub slots: Option<u32>,
    /// Instances for the load.
    pub instances: u32,
    /// What one costs an hour.
    pub rate: MoneyPerHour,
    /// The price row.
    pub offer_id: String,
    /// When it was seen.
    pub as_of: String,
    /// Time per output token with the slots full.
    pub tpot_s: Option<f64>,
}

/// What a way of buying costs in a month of 730 hours.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// In words.
    pub way: String,
    /// What it costs.
    pub monthly_cost: Money,
    /// Why, in numbers.
    pub because: String,
}

/// What follows of the first answer.
pub fn of_work(work: Work, catalog: &Catalog) -> Vec<String> {
    let limits = &catalog.assumptions.classify;
    let rule = format!(
        "the rule of thumb: below {} busy hours a day pay as you go, above {} reserved, bursts serverless",
        limits.rule_payg_hours, limits.rule_reserved_hours
    );
    let how = match work {
        Work::RealTime => {
            "somebody waits: capacity is planned for the peak, a start must be short, spot is out"
        }
        Work::Batch => {
            "nobody waits: it can run when capacity is cheap, also on spot, if it starts again where it ended"
        }
        Work::FineTuning => "jobs of hours: pay while they run, and nothing between them",
        Work::Training => {
            "long jobs on many GPUs: how they are connected counts as much as their number, and checkpoints allow spot"
        }
    };
    vec![how.to_owned(), rule]
}

/// What follows of the model: its memory by the rule of thumb and in each format.
pub fn of_model(work: Work, model: &ModelArch, catalog: &Catalog) -> Result<Vec<String>, String> {
    let architecture = Architecture::of(model).map_err(|why| format!("{}: {why}", model.id))?;
    let params = architecture.params();
    let mut lines = vec![format!("{}: {:.1} billion parameters", model.id, params / 1e9)];
    if work.serves() {
        let overhead = catalog.assumptions.sizing.overhead_fraction;
        for precision in [Precision::Bf16, Precision::Fp8, Precision::Int4] {
            let weights = params * precision.rule_of_thumb_bytes() / 1e9;
            lines.push(format!(
                "{precision}: {weights:.1} GB of weights (parameters x {} B), {:.1} GB with {:.0} % on top, and the KV cache beside it",
                precision.rule_of_thumb_bytes(),
                weights * (1.0 + overhead),
                overhead * 100.0
            ));
        }
    } else {
        let memory = training(
            &architecture,
            &question(work, NonZeroU32::MIN),
            &catalog.assumptions.training,
        );
        lines.push(format!(
            "one GPU alone would need {:.0} GB: weights, gradients, optimizer, activations of 2,048 tokens",
            memory.total.to_f64() / 1e9
        ));
    }
    Ok(lines)
}

/// A usual run: `LoRA` of rank 16, or all weights shared out over the GPUs.
fn question(work: Work, gpus: NonZeroU32) -> TrainingQuestion {
    let seq_len = NonZeroU64::new(2_048).unwrap_or(NonZeroU64::MIN);
    let rank = NonZeroU32::new(16).unwrap_or(NonZeroU32::MIN);
    let targets = vec![LoraTarget::Q, LoraTarget::V];
    let method = match work {
        Work::FineTuning => Method::Lora(Adapter { rank, targets, trains_embeddings: false }),
        Work::RealTime | Work::Batch | Work::Training => Method::Full,
    };
    let zero = if gpus.get() > 1 { ZeroStage::Three } else { ZeroStage::Zero };
    TrainingQuestion { gpu_count: gpus, zero, ..TrainingQuestion::new(method, seq_len) }
}

/// The cheapest deployments that carry so many requests at once; of training the cheapest that hold it.
pub fn of_load(
    work: Work,
    model: &ModelArch,
    at_once: u32,
    catalog: &Catalog,
) -> Result<Vec<Holds>, String> {
    let architecture = Architecture::of(model).map_err(|why| format!("{}: {why}", model.id))?;
    let mut all: Vec<Holds> = Vec::new();
    for gpu in catalog.gpus.iter().filter(|it| it.datacenter_license) {
        let of_gpu = if work.serves() {
            serving(work, &architecture, gpu, (at_once, catalog))
        } else {
            trained(work, &architecture, gpu, catalog)
        };
        // Of one GPU the cheapest.
        all.extend(of_gpu.into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b))));
    }
    all.sort_by(|a, b| cost(a).total_cmp(&cost(b)).then_with(|| a.gpu.cmp(&b.gpu)));
    all.truncate(SHOWN);
    if all.is_empty() {
        return Err(format!("no GPU on offer holds {}: it needs several nodes", model.id));
    }
    Ok(all)
}

fn cost(it: &Holds) -> f64 {
    it.rate.to_f64() * f64::from(it.instances)
}

fn serving(
    work: Work,
    model: &Architecture,
    gpu: &GpuSpec,
    (at_once, catalog): (u32, &Catalog),
) -> Vec<Holds> {
    let constants = Constants::from(&catalog.assumptions);
    let Some(profile) = TokenProfile::new(CONTEXT, MEAN_TOKENS.0, MEAN_TOKENS.1) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (tensor, stages) in splits(gpu) {
        // Formats that need no checkpoint of their own and lose no quality that is measured.
        for precision in [Precision::Bf16, Precision::Fp8] {
            let deployment = Deployment {
                pipeline_parallel_size: stages,
                max_model_len: Some(CONTEXT),
                ..Deployment::new(precision, tensor)
            };
            let fitted = fit(model, gpu, &deployment, &profile, constants);
            let Some(replica) = fitted.replica() else { continue };
            let most = replica.max_num_seqs();
            let slots = match (work, replica.within(&ASSUMED, most)) {
                (Work::RealTime, Carried::UpTo(it)) => it.concurrency,
                (Work::RealTime, Carried::Saturated { .. }) => continue,
                _ => replica.slots(most),
            };
            let replicas = at_once.div_ceil(slots.max(1)).max(1);
            let Some((offer, hosted)) = cheapest(catalog, gpu, deployment.gpu_count()) else {
                continue;
            };
            found.push(Holds {
                gpu: gpu.name.clone(),
                gpus: deployment.gpu_count(),
                precision: precision.as_str(),
                slots: Some(slots),
                instances: replicas.div_ceil(hosted.get()),
                rate: offer.rate,
                offer_id: offer.id.clone(),
                as_of: offer.as_of.clone(),
                tpot_s: Some(replica.tpot_s(slots.min(at_once.max(1)))),
            });
        }
    }
    found
}

fn trained(work: Work, model: &Architecture, gpu: &GpuSpec, catalog: &Catalog) -> Vec<Holds> {
    let counts = [1, 2, 4, 8].into_iter().filter_map(NonZeroU32::new);
    let holds = |gpus: &NonZeroU32| {
        let memory = training(model, &question(work, *gpus), &catalog.assumptions.training);
        memory.total <= gpu.cuda_total
    };
    let hosts = |gpus: NonZeroU32| {
        let (offer, _) = cheapest(catalog, gpu, gpus.get())?;
        Some(Holds {
            gpu: gpu.name.clone(),
            gpus: gpus.get(),
            precision: if work == Work::FineTuning { "LoRA" } else { "bf16" },
            slots: None,
            instances: 1,
            rate: offer.rate,
            offer_id: offer.id.clone(),
            as_of: offer.as_of.clone(),
            tpot_s: None,
        })
    };
    counts.filter(holds).filter_map(hosts).collect()
}

/// The cheapest instance that hosts a replica, by its price for each of those it hosts.
fn cheapest<'a>(catalog: &'a Catalog, gpu: &GpuSpec, gpus: u32) -> Option<(&'a Offer, NonZeroU32)> {
    let each = |it: &(&Offer, NonZeroU32)| it.0.rate.to_f64() / f64::from(it.1.get());
    catalog
        .payg_hosts(&gpu.name, NonZeroU32::new(gpus)?)
        .min_by(|a, b| each(a).total_cmp(&each(b)).then_with(|| a.0.id.cmp(&b.0.id)))
}

/// What the ways of buying a deployment cost, cheapest first.
pub fn of_hours(work: Work, holds: &Holds, hours: Hours, catalog: &Catalog) -> Vec<Way> {
    let mut ways = vec![always(holds)];
    ways.extend(while_busy(work, holds, hours));
    if let Some(offer) = catalog.offer(&holds.offer_id) {
        ways.extend(reserved(holds, offer, hours, catalog));
        ways.extend(spot(work, holds, offer, hours, catalog));
    }
    ways.extend(serverless(work, holds, hours, catalog));
    ways.sort_by(|a, b| {
        a.monthly_cost.atto().cmp(&b.monthly_cost.atto()).then_with(|| a.way.cmp(&b.way))
    });
    ways
}

/// An amount of so many instance-hours; nothing where it does not fit an amount.
fn amount(rate: MoneyPerHour, hours: f64) -> Option<Money> {
    Money::from_float(rate.to_f64() * hours, rate.currency()).ok()
}

fn always(holds: &Holds) -> Way {
    let hours = f64::from(holds.instances) * HOURS_PER_MONTH as f64;
    Way {
        way: "pay as you go, always on".to_owned(),
        monthly_cost: amount(holds.rate, hours).unwrap_or(Money::zero(holds.rate.currency())),
        because: format!("{} x 730 h x {}", holds.instances, price(holds.rate)),
    }
}

fn while_busy(work: Work, holds: &Holds, hours: Hours) -> Option<Way> {
    // No clock knows when a burst comes, and a request does not wait for an instance to start.
    if hours.per_day >= 24.0 || (hours.bursts && work.serves()) {
        return None;
    }
    let way = if work.serves() {
        "pay as you go, switched by the clock"
    } else {
        "pay as you go, while a job runs"
    };
    let on = f64::from(holds.instances) * hours.per_day * DAYS;
    Some(Way {
        way: way.to_owned(),
        monthly_cost: amount(holds.rate, on)?,
        because: format!(
            "{} x {} h a day x 30.4 days x {}",
            holds.instances,
            hours.per_day,
            price(holds.rate)
        ),
    })
}

/// The cheapest term of the same instance in the same place.
fn reserved(holds: &Holds, offer: &Offer, hours: Hours, catalog: &Catalog) -> Option<Way> {
    let of_instance = |it: &&Offer| {
        matches!(it.purchase, Purchase::Reserved { .. })
            && (&it.provider, &it.instance_type, &it.region, it.gpu_count)
                == (&offer.provider, &offer.instance_type, &offer.region, offer.gpu_count)
    };
    let term = catalog
        .offers
        .iter()
        .filter(of_instance)
        .min_by(|a, b| a.rate.to_f64().total_cmp(&b.rate.to_f64()))?;
    let break_even = 24.0 * term.rate.to_f64() / offer.rate.to_f64();
    let pays = if hours.per_day >= break_even { "reached" } else { "not reached" };
    Some(Way {
        way: format!("reserved ({})", term.purchase),
        monthly_cost: amount(term.rate, f64::from(holds.instances) * HOURS_PER_MONTH as f64)?,
        because: format!(
            "{} x 730 h x {}, used or not; it breaks even at {break_even:.1} hours a day (24 x {} / {}), {pays}",
            holds.instances,
            price(term.rate),
            price(term.rate),
            price(offer.rate)
        ),
    })
}

/// Spot of the same instance, for work that may be interrupted.
fn spot(work: Work, holds: &Holds, offer: &Offer, hours: Hours, catalog: &Catalog) -> Option<Way> {
    if work == Work::RealTime {
        return None;
    }
    let is_it = |it: &&Offer| {
        it.purchase == Purchase::Spot
            && (&it.provider, &it.instance_type, it.gpu_count)
                == (&offer.provider, &offer.instance_type, offer.gpu_count)
    };
    let found = catalog
        .offers
        .iter()
        .filter(is_it)
        .min_by(|a, b| a.rate.to_f64().total_cmp(&b.rate.to_f64()))?;
    Some(Way {
        way: "spot, if it goes on from checkpoints".to_owned(),
        monthly_cost: amount(found.rate, f64::from(holds.instances) * hours.per_day * DAYS)?,
        because: format!(
            "{} h a day x 30.4 days x {} in {}, interruptions come on top",
            hours.per_day,
            price(found.rate),
            found.region
        ),
    })
}

/// Serverless workers with this GPU, billed while they are busy.
fn serverless(work: Work, holds: &Holds, hours: Hours, catalog: &Catalog) -> Option<Way> {
    if !work.serves() {
        return None;
    }
    let is_it = |it: &&Offer| it.purchase == Purchase::ServerlessFlex && it.gpu_count == holds.gpus;
    let found = catalog
        .offers_for(&holds.gpu)
        .filter(is_it)
        .min_by(|a, b| a.rate.to_f64().total_cmp(&b.rate.to_f64()).then_with(|| a.id.cmp(&b.id)))?;
    let workers = holds.instances;
    let bursts = if hours.bursts {
        "starts and idle tails come on top"
    } else {
        "even traffic gains nothing by it"
    };
    Some(Way {
        way: format!("serverless ({})", found.provider),
        monthly_cost: amount(found.rate, f64::from(workers) * hours.per_day * DAYS)?,
        because: format!(
            "{workers} workers x {} busy hours a day x 30.4 days x {}; {bursts}",
            hours.per_day,
            price(found.rate)
        ),
    })
}

fn price(rate: MoneyPerHour) -> String {
    format!("{:.4}", rate.to_f64()).trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What the rule of thumb would say of the hours.
pub fn by_the_rule(hours: Hours, catalog: &Catalog) -> &'static str {
    let limits = &catalog.assumptions.classify;
    match hours.per_day {
        _ if hours.bursts => "serverless, because it comes in bursts",
        h if h < limits.rule_payg_hours => "pay as you go, because it is busy for so few hours",
        h if h > limits.rule_reserved_hours => "reserved, because it is busy for so many hours",
        _ => "either pay as you go or reserved",
    }
}

impl Holds {
    /// `1 x L40S, fp8: 57 requests at once, 2 instances`.
    pub fn sentence(&self) -> String {
        let slots = self.slots.map_or_else(String::new, |it| format!(", {it} requests at once"));
        let tpot = self.tpot_s.map_or_else(String::new, |it| format!(", {} a token", duration(it)));
        format!("{} x {}, {}{slots}{tpot}", self.gpus, self.gpu, self.precision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood_or_not() {
        for (text, expected) in [
            ("real-time", Some(Work::RealTime)),
            ("R", Some(Work::RealTime)),
            ("fine", Some(Work::FineTuning)),
            ("t", Some(Work::Training)),
            ("", None),
            ("web", None),
        ] {
            assert_eq!(Work::parse(text), expected, "{text}");
        }
        assert_eq!(Hours::parse("9"), Some(Hours { per_day: 9.0, bursts: false }));
        assert_eq!(Hours::parse("2.5h bursts"), Some(Hours { per_day: 2.5, bursts: true }));
        for wrong in ["", "0", "25", "nine", "9 often", "9 bursts more", "-1"] {
            assert_eq!(Hours::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_work_has_a_path_to_its_end() {
        let catalog = Catalog::embedded().unwrap();
        let model = catalog.model("meta-llama/Meta-Llama-3.1-8B").unwrap();
        for work in Work::ALL {
            assert!(!of_work(work, &catalog).is_empty());
            assert!(of_model(work, model, &catalog).unwrap().len() >= 2);
            let holds = of_load(work, model, 16, &catalog).unwrap();
            let ways = of_hours(work, &holds[0], Hours { per_day: 6.0, bursts: true }, &catalog);
            assert!(ways.len() >= 2, "{work:?}");
            assert!(
                ways.windows(2).all(|it| it[0].monthly_cost.atto() <= it[1].monthly_cost.atto())
            );
            let is_spot = |it: &Way| it.way.starts_with("spot");
            assert!(work != Work::RealTime || !ways.iter().any(is_spot));
        }
    }

    /// One instance at 2 an hour: 1,460 always on, 365 in 6 of 24 hours.
    #[test]
    fn costs_by_hand() {
        let catalog = Catalog::embedded().unwrap();
        let rate = MoneyPerHour::parse("2", crate::units::Currency::USD).unwrap();
        let holds = Holds {
            gpu: "none".to_owned(),
            gpus: 1,
            precision: "bf16",
            slots: Some(8),
            instances: 1,
            rate,
            offer_id: String::new(),
            as_of: String::new(),
            tpot_s: None,
        };
        let hours = Hours { per_day: 6.0, bursts: false };
        let ways = of_hours(Work::RealTime, &holds, hours, &catalog);
        let costs: Vec<String> =
            ways.iter().map(|it| it.monthly_cost.to_decimal_string()).collect();
        assert_eq!(costs, ["365.00", "1460.00"]);
    }
}
