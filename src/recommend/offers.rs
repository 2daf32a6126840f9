//! Which price rows a candidate may be bought at.

use std::collections::BTreeMap;

use super::baseline::{self, Baseline};
use super::demand::Question;
use crate::catalog::{GpuSpec, Offer, Purchase};
use crate::units::MoneyPerHour;

/// Ways to buy instances of one GPU for replicas of one size.
#[derive(Clone, Debug, Default)]
pub(super) struct Buyable {
    /// Pay as you go: the cheapest instance of each size.
    pub(super) payg: Vec<Offer>,
    /// Reserved, each with the pay-as-you-go row of the same instance for the overflow.
    pub(super) reserved: Vec<(Offer, Offer)>,
    /// Spot, each with the pay-as-you-go row of the same instance for its outages.
    pub(super) spot: Vec<(Offer, Offer)>,
    /// Serverless workers, the cheapest of each platform and size.
    pub(super) serverless: Vec<Offer>,
}

/// Offers of `gpu` whose instances host at least one replica of `gpus_per_replica`.
pub(super) fn buyable(
    question: &Question<'_>,
    baseline: &Baseline,
    gpu: &GpuSpec,
    gpus_per_replica: u32,
) -> Buyable {
    let catalog = question.context.catalog;
    let mut allowed: Vec<Offer> = catalog
        .offers_for(&gpu.name)
        .filter(|offer| offer.gpu_count >= gpus_per_replica)
        .filter(|offer| is_allowed(question, offer))
        .map(|offer| at_own_rate(question, baseline, offer, gpu))
        .collect();
    add_own_instance(question, baseline, gpu, gpus_per_replica, &mut allowed);
    allowed.sort_by(|a, b| per_gpu(a).cmp(&per_gpu(b)).then_with(|| a.id.cmp(&b.id)));
    let months = max_term(question);
    let mut found = Buyable::default();
    for offer in &allowed {
        match offer.purchase {
            Purchase::PayAsYouGo => keep_cheapest(question, &mut found.payg, offer),
            // The cheapest GPUs, at home and elsewhere: what hosts the fewest replicas of equals.
            Purchase::Spot => {
                let at_home = is_at_home(question, offer);
                let fallback = twin(&allowed, offer);
                if let Some(fallback) = fallback
                    && found.spot.iter().all(|(it, _)| is_at_home(question, it) != at_home)
                {
                    found.spot.push((offer.clone(), fallback.clone()));
                }
            }
            Purchase::ServerlessFlex if catalog.is_simulated(offer) => {
                keep_cheapest_of_platform(&mut found.serverless, offer);
            }
            Purchase::Reserved { months: term } | Purchase::FlexCommitment { months: term }
                if term <= months =>
            {
                if let Some(overflow) = twin(&allowed, offer) {
                    found.reserved.push((offer.clone(), overflow.clone()));
                }
            }
            _ => {}
        }
    }
    keep_best_reserved(question, &mut found.reserved);
    keep_finest(&mut found.serverless);
    found
}

/// Longest term that may be advised, months.
fn max_term(question: &Question<'_>) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let assumed = question.context.catalog.assumptions.advice.max_term_months as u32;
    question.context.policy.max_term_months.unwrap_or(assumed)
}

/// The policy, and for today's provider today's region.
fn is_allowed(question: &Question<'_>, offer: &Offer) -> bool {
    let policy = question.context.policy;
    let deployment = &question.described.workload.deployment;
    let listed = |list: &[String], word: &str, starts: bool| {
        list.is_empty()
            || list.iter().any(|it| if starts { word.starts_with(it.as_str()) } else { word == it })
    };
    if !listed(&policy.providers, &offer.provider, false)
        || !listed(&policy.regions, &offer.region, true)
    {
        return false;
    }
    let today = deployment.provider.as_deref();
    if offer.community && !policy.community {
        return false;
    }
    let same = today.is_some_and(|it| it == offer.provider);
    match (&deployment.region, same) {
        (Some(region), true) => {
            let sold_there = question
                .context
                .catalog
                .offers
                .iter()
                .any(|it| it.provider == offer.provider && it.region == *region);
            !sold_there || offer.region == *region
        }
        _ => true,
    }
}

/// An offer already in use costs what the bill says, not what the list says.
fn at_own_rate(
    question: &Question<'_>,
    baseline: &Baseline,
    offer: &Offer,
    gpu: &GpuSpec,
) -> Offer {
    let deployment = &question.described.workload.deployment;
    let in_use = offer.purchase == Purchase::PayAsYouGo
        && deployment.gpu.as_deref() == Some(gpu.name.as_str())
        && deployment.provider.as_deref() == Some(offer.provider.as_str());
    match baseline::own_rate(question, baseline) {
        Some(rate) if in_use => with_rate(question, offer, rate),
        _ => offer.clone(),
    }
}

fn with_rate(question: &Question<'_>, offer: &Offer, per_gpu: MoneyPerHour) -> Offer {
    let mut own = offer.clone();
    if let Ok(rate) = per_gpu.times(u64::from(offer.gpu_count)) {
        own.rate = rate;
        own.id = format!("bill:{}", offer.id);
        "the rate on your bill".clone_into(&mut own.source);
        own.as_of = question.context.as_of.to_date_string();
        own.derived = false;
    }
    own
}

/// What runs today, where the catalog does not list it at all.
fn add_own_instance(
    question: &Question<'_>,
    baseline: &Baseline,
    gpu: &GpuSpec,
    gpus_per_replica: u32,
    allowed: &mut Vec<Offer>,
) {
    let deployment = &question.described.workload.deployment;
    let (Some(provider), Some(rate)) =
        (deployment.provider.as_deref(), baseline::own_rate(question, baseline))
    else {
        return;
    };
    let listed = allowed.iter().any(|it| it.id.starts_with("bill:"));
    if listed || deployment.gpu.as_deref() != Some(gpu.name.as_str()) {
        return;
    }
    let region = deployment.region.clone().unwrap_or_else(|| "as today".to_owned());
    let template = Offer {
        id: format!("{provider}/as-billed/{}/{gpus_per_replica}/{region}/payg", gpu.name),
        provider: provider.to_owned(),
        instance_type: "as billed".to_owned(),
        gpu_label: deployment.gpu_label.clone().unwrap_or_else(|| gpu.name.clone()),
        gpus: vec![gpu.name.clone()],
        gpu_count: gpus_per_replica,
        region,
        purchase: Purchase::PayAsYouGo,
        rate,
        billing_granularity_s: None,
        derived: false,
        community: false,
        upfront: String::new(),
        as_of: String::new(),
        source: String::new(),
    };
    allowed.push(with_rate(question, &template, rate));
}

/// Price of one GPU of the instance, in nano-units.
pub(super) fn per_gpu(offer: &Offer) -> i128 {
    offer.rate.nano() / i128::from(offer.gpu_count.max(1))
}

/// Offers come cheapest first, so the first of each size stays; the user's own always does.
fn keep_cheapest(question: &Question<'_>, kept: &mut Vec<Offer>, offer: &Offer) {
    let kind = |it: &Offer| (it.gpu_count, is_at_home(question, it), it.id.starts_with("bill:"));
    if kept.iter().all(|it| kind(it) != kind(offer)) {
        kept.push(offer.clone());
    }
}

/// Whether an offer is sold by today's provider, or by a platform of the same name
/// (`runpod-serverless` beside `runpod`). Where today's provider is not known, every offer is.
pub(super) fn is_at_home(question: &Question<'_>, offer: &Offer) -> bool {
    let today = question.described.workload.deployment.provider.as_deref();
    today.is_none_or(|it| family(it) == family(&offer.provider))
}

/// Whether it may be advised: at home, or anywhere when the policy allows to move.
pub(super) fn may_advise(question: &Question<'_>, offer: &Offer) -> bool {
    question.context.policy.switch_provider || is_at_home(question, offer)
}

/// A provider without the product: `runpod-serverless` is `runpod`.
pub(super) fn family(provider: &str) -> String {
    provider.split('-').next().unwrap_or(provider).to_ascii_lowercase()
}

fn keep_cheapest_of_platform(kept: &mut Vec<Offer>, offer: &Offer) {
    if kept.iter().all(|it| (&it.provider, it.gpu_count) != (&offer.provider, offer.gpu_count)) {
        kept.push(offer.clone());
    }
}

/// Of one platform a larger worker stays only where its GPUs are cheaper than those of every smaller
/// one: at the same price per GPU the smaller follows the load more closely.
fn keep_finest(kept: &mut Vec<Offer>) {
    kept.sort_by(|a, b| a.gpu_count.cmp(&b.gpu_count).then_with(|| a.id.cmp(&b.id)));
    let mut least: BTreeMap<String, i128> = BTreeMap::new();
    kept.retain(|offer| {
        let least = least.entry(offer.provider.clone()).or_insert(i128::MAX);
        let cheaper = per_gpu(offer) < *least;
        *least = per_gpu(offer).min(*least);
        cheaper
    });
}

/// The pay-as-you-go row of the same instance in the same region.
fn twin<'a>(offers: &'a [Offer], reserved: &Offer) -> Option<&'a Offer> {
    offers.iter().find(|it| {
        it.purchase == Purchase::PayAsYouGo
            && it.provider == reserved.provider
            && it.gpu_count == reserved.gpu_count
            && it.region == reserved.region
            && (it.instance_type == reserved.instance_type || it.gpu_label == reserved.gpu_label)
            && it.rate.nano() > reserved.rate.nano()
    })
}

/// The cheapest reserved offer of each size and term, at home and elsewhere.
fn keep_best_reserved(question: &Question<'_>, reserved: &mut Vec<(Offer, Offer)>) {
    let mut seen = std::collections::BTreeSet::new();
    reserved.retain(|(offer, _)| {
        seen.insert((offer.gpu_count, offer.purchase, is_at_home(question, offer)))
    });
}
