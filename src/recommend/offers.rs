//! Which price rows a candidate may be bought at.

use super::Context;
use super::baseline::{self, Baseline};
use super::commit::{self, Instance};
use super::demand::Question;
use super::term;
use crate::catalog::{Catalog, GpuSpec, Offer, Purchase};
use crate::classify;
use crate::ingest::HeldCommitment;
use crate::units::MoneyPerHour;
use crate::workload::Workload;

/// The instance type of what the bill shows and the catalog does not list.
pub(super) const AS_BILLED: &str = "as billed";

/// Ways to buy instances of one GPU for replicas of one size.
#[derive(Clone, Debug, Default)]
pub(super) struct Buyable {
    /// Pay as you go: the cheapest instance of each size.
    pub(super) payg: Vec<Offer>,
    /// Reserved, each with the pay-as-you-go row of the same instance for the overflow.
    pub(super) reserved: Vec<(Offer, Offer)>,
    /// Spot, each with the pay-as-you-go row of the same instance for its outages.
    pub(super) spot: Vec<(Offer, Offer)>,
    /// Serverless workers, each with the price of the same worker always on where one is listed: of
    /// each platform and size the cheapest of either kind.
    pub(super) serverless: Vec<(Offer, Option<Offer>)>,
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
    let longest = max_term(&question.context);
    let left = term::months_left(question.described.workload, &question.context);
    let months = left.map_or(longest, |it| it.min(longest));
    let mut found = Buyable::default();
    for offer in &allowed {
        match offer.purchase {
            Purchase::PayAsYouGo => keep_cheapest(question, &mut found.payg, offer),
            // The cheapest of each size in each place.
            Purchase::Spot => {
                let kind = |it: &Offer| (it.gpu_count, place(question, it));
                if let Some(fallback) = twin(&allowed, offer)
                    && found.spot.iter().all(|(it, _)| kind(it) != kind(offer))
                {
                    found.spot.push((offer.clone(), fallback.clone()));
                }
            }
            Purchase::ServerlessFlex if catalog.is_simulated(offer) => {
                found.serverless.push((offer.clone(), always_on(catalog, offer).cloned()));
            }
            Purchase::Reserved { months: term } | Purchase::FlexCommitment { months: term }
                if term <= months && held_already(question, offer, gpu).is_empty() =>
            {
                if let Some(overflow) = twin(&allowed, offer) {
                    found.reserved.push((offer.clone(), overflow.clone()));
                }
            }
            _ => {}
        }
    }
    keep_best_reserved(question, &mut found.reserved);
    keep_finest(catalog, &mut found.serverless);
    found
}

/// The commitments that are held of the instance of an offer and still run. No workload is advised to
/// commit to more of it: what more would pay is asked of all workloads together.
pub(super) fn held_already<'a>(
    question: &Question<'a>,
    offer: &Offer,
    gpu: &GpuSpec,
) -> Vec<&'a HeldCommitment> {
    let context = question.context;
    let instance = Instance {
        provider: offer.provider.clone(),
        region: offer.region.clone(),
        instance_type: offer.instance_type.clone(),
        gpu: gpu.name.clone(),
        gpu_count: offer.gpu_count,
    };
    let all = context.policy.held.iter().filter(|it| it.term.end() > context.as_of);
    all.filter(|it| {
        commit::is_held(it, &instance, context.catalog)
            || commit::covers(it, offer, context.catalog)
    })
    .collect()
}

/// Longest term that may be advised, months.
pub(super) fn max_term(context: &Context<'_>) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let assumed = context.catalog.assumptions.advice.max_term_months as u32;
    context.policy.max_term_months.unwrap_or(assumed)
}

/// What keeps an offer out of the plans, or out of the advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barrier {
    /// `policy.providers` does not name its provider.
    Providers,
    /// `policy.regions` does not name its region.
    Regions,
    /// It is a quote whose last day is over.
    Expired,
    /// It is of a community cloud.
    Community,
    /// Today's provider sells it in another region than today's, to which the policy does not move.
    TodaysRegion,
    /// Its term is longer than may be planned.
    Term,
    /// It is sold by another provider than today's.
    Provider,
}

impl Barrier {
    /// Those behind which an offer is in no plan.
    const TO_PLANS: [Barrier; 4] =
        [Barrier::Providers, Barrier::Regions, Barrier::Expired, Barrier::Community];
    /// Those behind which a plan is shown and not advised.
    const TO_ADVICE: [Barrier; 2] = [Barrier::Provider, Barrier::TodaysRegion];
    /// Those behind which it is in no advice.
    pub(super) const ALL: [Barrier; 7] = [
        Barrier::Providers,
        Barrier::Regions,
        Barrier::Community,
        Barrier::Provider,
        Barrier::TodaysRegion,
        Barrier::Term,
        Barrier::Expired,
    ];

    /// Whether it keeps an offer out.
    pub(super) fn holds(self, question: &Question<'_>, offer: &Offer) -> bool {
        let policy = question.context.policy;
        match self {
            Barrier::Providers => !policy.allows_provider(&offer.provider),
            Barrier::Regions => !policy.allows_region(&offer.region),
            Barrier::Expired => !offer.holds_on(&question.context.as_of.to_date_string()),
            Barrier::Community => offer.community && !policy.community,
            Barrier::TodaysRegion => !policy.switch_region && is_elsewhere(question, offer),
            Barrier::Term => match offer.purchase {
                Purchase::Reserved { months } | Purchase::FlexCommitment { months } => {
                    months > max_term(&question.context)
                }
                _ => false,
            },
            Barrier::Provider => !policy.switch_provider && !is_at_home(question, offer),
        }
    }
}

/// Whether it may be in a plan.
fn is_allowed(question: &Question<'_>, offer: &Offer) -> bool {
    !Barrier::TO_PLANS.into_iter().any(|it| it.holds(question, offer))
}

/// Whether today's provider sells it outside today's region, where it sells anything there.
pub(super) fn is_elsewhere(question: &Question<'_>, offer: &Offer) -> bool {
    is_moved(question.described.workload, offer, question.context.catalog)
}

/// The same of a workload alone.
pub(super) fn is_moved(workload: &Workload, offer: &Offer, catalog: &Catalog) -> bool {
    let deployment = &workload.deployment;
    let same = deployment.provider.as_ref() == Some(&offer.provider);
    let Some(region) = deployment.region.as_ref().filter(|it| same && **it != offer.region) else {
        return false;
    };
    let mut sold = catalog.offers.iter();
    sold.any(|it| it.provider == offer.provider && it.region == *region)
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
        && !offer.is_quote()
        && deployment.gpu.as_deref() == Some(gpu.name.as_str())
        && deployment.provider.as_deref() == Some(offer.provider.as_str())
        && !is_elsewhere(question, offer);
    match baseline::own_rate(question, baseline) {
        Some(rate) if in_use => with_rate(question, offer, rate),
        _ => offer.clone(),
    }
}

fn with_rate(question: &Question<'_>, offer: &Offer, per_gpu: MoneyPerHour) -> Offer {
    let as_of = question.context.as_of.to_date_string();
    let rate = per_gpu.times(u64::from(offer.gpu_count));
    rate.map_or_else(|_| offer.clone(), |rate| offer.at_own_rate(rate, as_of))
}

/// What runs today, where the catalog does not list it; no other size of what it lists.
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
    let mut sold = question.context.catalog.offers_for(&gpu.name);
    let is_sold = sold.any(|it| it.provider == provider && it.purchase == Purchase::PayAsYouGo);
    let as_today = classify::gpus_per_replica(deployment) == gpus_per_replica;
    let listed = allowed.iter().any(Offer::is_own_rate);
    if listed || is_sold && !as_today || deployment.gpu.as_deref() != Some(gpu.name.as_str()) {
        return;
    }
    let region = deployment.region.clone().unwrap_or_else(|| "as today".to_owned());
    let template = Offer {
        id: format!("{provider}/as-billed/{}/{gpus_per_replica}/{region}/payg", gpu.name),
        provider: provider.to_owned(),
        instance_type: AS_BILLED.to_owned(),
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
        valid_until: None,
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
    let kind = |it: &Offer| (it.gpu_count, place(question, it), it.is_own_rate());
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

/// Whether it may be advised: where it runs today, and wherever the policy allows to move.
pub(super) fn may_advise(question: &Question<'_>, offer: &Offer) -> bool {
    !Barrier::TO_ADVICE.into_iter().any(|it| it.holds(question, offer))
}

/// Whether it is at today's provider, and whether in another region of it: of each place the cheapest is
/// kept.
pub(super) fn place(question: &Question<'_>, offer: &Offer) -> (bool, bool) {
    (is_at_home(question, offer), is_elsewhere(question, offer))
}

/// The keys of the policy that would allow what keeps some offers out of the advice; nothing where nothing
/// does.
pub(super) fn keys_to_allow(question: &Question<'_>, offers: &[Offer]) -> Option<String> {
    let holds = |barrier: &Barrier| offers.iter().any(|it| barrier.holds(question, it));
    let key = |barrier: Barrier| match barrier {
        Barrier::TodaysRegion => "policy.switch_region = true",
        _ => "policy.switch_provider = true",
    };
    let keys: Vec<&str> = Barrier::TO_ADVICE.into_iter().filter(holds).map(key).collect();
    (!keys.is_empty()).then(|| keys.join(" and "))
}

/// A provider without the product: `runpod-serverless` is `runpod`.
pub(crate) fn family(provider: &str) -> String {
    provider.split('-').next().unwrap_or(provider).to_ascii_lowercase()
}

/// The price of the same worker when it is always on, where one is listed and stands.
fn always_on<'a>(catalog: &'a Catalog, flex: &Offer) -> Option<&'a Offer> {
    let key = |it: &Offer| {
        (it.provider.clone(), it.instance_type.clone(), it.region.clone(), it.gpu_count)
    };
    catalog.offers.iter().find(|it| {
        it.purchase == Purchase::ServerlessActive
            && key(it) == key(flex)
            && it.gpus == flex.gpus
            && it.rate.currency() == flex.rate.currency()
            && catalog.is_simulated(it)
    })
}

/// Of one platform a worker stays unless the GPUs of one of its size or smaller are as cheap by use
/// and always on: at the same prices per GPU the smaller follows the load more closely. Of one at 1.80
/// and one at 4.00, always on 0.50, both stay. Where a platform caps its workers a larger one stays
/// beside the smaller: only so many of those may carry too little.
fn keep_finest(catalog: &Catalog, kept: &mut Vec<(Offer, Option<Offer>)>) {
    kept.sort_by(|(a, _), (b, _)| {
        (a.gpu_count, per_gpu(a), &a.id).cmp(&(b.gpu_count, per_gpu(b), &b.id))
    });
    let is_capped = |it: &Offer| {
        catalog.platform(&it.provider).is_some_and(|platform| platform.max_workers.is_some())
    };
    let mut stay: Vec<(String, u32, i128, i128)> = Vec::new();
    kept.retain(|(flex, always_on)| {
        let (by_use, on) = (per_gpu(flex), per_gpu(always_on.as_ref().unwrap_or(flex)));
        let covered = stay.iter().any(|(provider, gpus, other_by_use, other_on)| {
            *provider == flex.provider
                && (*gpus == flex.gpu_count || !is_capped(flex))
                && *other_by_use <= by_use
                && *other_on <= on
        });
        if !covered {
            stay.push((flex.provider.clone(), flex.gpu_count, by_use, on));
        }
        !covered
    });
}

/// The pay-as-you-go row of the same instance in the same region.
fn twin<'a>(offers: &'a [Offer], reserved: &Offer) -> Option<&'a Offer> {
    offers.iter().find(|it| {
        it.purchase == Purchase::PayAsYouGo
            && is_same_instance(it, reserved)
            && it.rate.nano() > reserved.rate.nano()
    })
}

/// Whether two offers are of one instance in one region, bought in different ways.
pub(super) fn is_same_instance(a: &Offer, b: &Offer) -> bool {
    a.provider == b.provider
        && a.gpu_count == b.gpu_count
        && a.region == b.region
        && (a.instance_type == b.instance_type || a.gpu_label == b.gpu_label)
}

/// The cheapest reserved offer of each size and term, in each place.
fn keep_best_reserved(question: &Question<'_>, reserved: &mut Vec<(Offer, Offer)>) {
    let mut seen = std::collections::BTreeSet::new();
    reserved.retain(|(offer, _)| {
        seen.insert((offer.gpu_count, offer.purchase, place(question, offer)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of some workers stay: provider, GPUs, price by use and always on, in cents an hour.
    #[test]
    fn a_worker_stays_for_either_of_its_prices() {
        let catalog = Catalog::embedded().unwrap();
        let template = catalog.offers.first().unwrap();
        let check = |rows: &[(&str, u32, u32, Option<u32>)], expected: &[usize]| {
            let offer = |at: usize, cents: u32| {
                let (provider, gpu_count, ..) = rows[at];
                let rate = MoneyPerHour::from_nano(
                    i128::from(cents) * 10_000_000,
                    crate::units::Currency::USD,
                );
                let (id, provider) = (at.to_string(), provider.to_owned());
                Offer { id, provider, gpu_count, rate, ..template.clone() }
            };
            let all = rows.iter().enumerate();
            let mut kept: Vec<_> =
                all.map(|(at, it)| (offer(at, it.2), it.3.map(|cents| offer(at, cents)))).collect();
            keep_finest(&catalog, &mut kept);
            let kept: Vec<usize> = kept.iter().map(|it| it.0.id.parse().unwrap()).collect();
            assert_eq!(kept, expected, "{rows:?}");
        };
        check(&[("a", 1, 180, None), ("a", 1, 400, Some(50))], &[0, 1]);
        check(&[("a", 1, 400, Some(50)), ("a", 1, 180, None)], &[1, 0]);
        check(&[("a", 1, 180, None), ("a", 1, 400, None)], &[0]);
        check(&[("a", 1, 180, Some(40)), ("a", 1, 400, Some(50))], &[0]);
        check(&[("a", 1, 180, None), ("b", 1, 400, None)], &[0, 1]);
        // Two GPUs at 3.60 are as dear as one at 1.80; always on they are cheaper.
        check(&[("a", 1, 180, None), ("a", 2, 360, None), ("a", 4, 720, Some(400))], &[0, 2]);
        // Neither of the first two is as cheap as the third in both.
        check(
            &[("a", 1, 180, None), ("a", 1, 400, Some(50)), ("a", 2, 400, Some(120))],
            &[0, 1, 2],
        );
        // RunPod runs at most 60 workers.
        let runpod = "runpod-serverless";
        check(&[(runpod, 1, 180, None), (runpod, 2, 360, None), (runpod, 2, 380, None)], &[0, 1]);
    }
}
