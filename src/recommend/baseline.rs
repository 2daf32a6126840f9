//! What the workload costs today.

use std::collections::BTreeMap;

use super::demand::Question;
use super::{money, what_if};
use crate::catalog::{Offer, Purchase};
use crate::units::{Money, MoneyPerHour};
use crate::workload::PricingCategory;

/// Today's cost.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// Cost of the window x 730 / its hours.
    pub monthly_cost: Option<Money>,
    /// What of it could fall: without the part that commitments cover.
    pub avoidable: Option<Money>,
    /// Effective cost of the window, where a bill has it.
    pub effective_cost: Option<Money>,
    /// What a GPU-hour cost.
    pub rate_per_gpu_hour: Option<MoneyPerHour>,
    /// True when a catalog price stands in for a bill.
    pub priced_from_catalog: bool,
    /// Where that price comes from.
    pub note: Option<String>,
}

/// From the bill, else from the newest on-demand price of the configured GPU and provider, else
/// from the median over providers.
pub(super) fn baseline(question: &Question<'_>) -> Baseline {
    let found = as_billed(question);
    let Some(ratio) = question.described.workload.settings.asked.rate_ratio else { return found };
    let times = |cost: Money| Money::from_float(cost.to_f64() * ratio, cost.currency()).ok();
    // What a commitment covers keeps its price.
    let avoidable = found.avoidable.and_then(times);
    let monthly_cost = || {
        let stays = found.monthly_cost?.checked_sub(found.avoidable?).ok()?;
        stays.checked_add(avoidable?).ok()
    };
    Baseline {
        monthly_cost: monthly_cost(),
        avoidable,
        rate_per_gpu_hour: found.rate_per_gpu_hour.map(|it| what_if::times(it, ratio)),
        ..found
    }
}

fn as_billed(question: &Question<'_>) -> Baseline {
    let workload = question.described.workload;
    let window_us = u64::try_from(workload.window.len_us()).unwrap_or(0);
    let totals = &workload.totals;
    if let Some(cost) = totals.effective_cost {
        return Baseline {
            monthly_cost: money::monthly(cost, window_us),
            avoidable: totals
                .committed_cost
                .map_or(Some(cost), |it| cost.checked_sub(it).ok())
                .and_then(|it| money::monthly(it, window_us)),
            effective_cost: Some(cost),
            rate_per_gpu_hour: totals
                .gpu_hours
                .and_then(|hours| MoneyPerHour::from_bill(cost, hours)),
            priced_from_catalog: false,
            note: None,
        };
    }
    from_catalog(question).unwrap_or_else(|| Baseline {
        monthly_cost: None,
        avoidable: None,
        effective_cost: None,
        rate_per_gpu_hour: None,
        priced_from_catalog: false,
        note: Some(unknown_cost(question)),
    })
}

/// What is missing where neither a bill nor the catalog tells the cost.
fn unknown_cost(question: &Question<'_>) -> String {
    let deployment = &question.described.workload.deployment;
    let missing = match (&deployment.gpu, &deployment.gpu_label, deployment.gpu_count) {
        // Less than one GPU has no price of its own.
        (Some(_), _, Some(count)) if count < 1.0 => {
            "gpu_count of the workload in gpuadvise.toml, at least 1".to_owned()
        }
        (Some(gpu), _, Some(_)) => {
            format!("a [[quote]] for {gpu}, of which the catalog has no price by the hour")
        }
        (Some(_), ..) => "gpu_count of the workload in gpuadvise.toml".to_owned(),
        (None, Some(label), _) => {
            format!("a GPU of the catalog in gpuadvise.toml: it does not know `{label}`")
        }
        (None, None, count) => {
            // What the files say already is not asked for.
            let provider = deployment.provider.is_none();
            let keys = [("gpu", true), ("gpu_count", count.is_none()), ("provider", provider)];
            let keys = keys.into_iter().filter(|it| it.1).map(|it| it.0).collect::<Vec<_>>();
            format!("{} of the workload in gpuadvise.toml", in_a_row(&keys))
        }
    };
    format!("today's cost is not known: give the bill, or {missing}")
}

/// `gpu`, `gpu and provider`, `gpu, gpu_count and provider`.
fn in_a_row(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What to give for a price of its own: who is known is not asked for again.
fn price_wanted(own: Option<&str>) -> String {
    match own {
        Some(own) => {
            format!("or a [[quote]] of {own}, of which the catalog has no price by the hour")
        }
        None => "or provider in gpuadvise.toml".to_owned(),
    }
}

fn from_catalog(question: &Question<'_>) -> Option<Baseline> {
    let deployment = &question.described.workload.deployment;
    let gpu = deployment.gpu.as_deref()?;
    let count = deployment.gpu_count.filter(|it| *it >= 1.0)?;
    let offers: Vec<&Offer> = question
        .context
        .catalog
        .offers_for(gpu)
        .filter(|it| it.purchase == Purchase::PayAsYouGo && !it.community)
        .collect();
    let own = deployment.provider.as_deref();
    let mut of_provider: Vec<&&Offer> =
        offers.iter().filter(|it| own.is_some_and(|own| it.provider == own)).collect();
    of_provider.sort_by(|a, b| b.as_of.cmp(&a.as_of).then_with(|| a.id.cmp(&b.id)));
    let (nano, note) = if let Some(offer) = of_provider.first() {
        let note = format!(
            "no cost is given: priced from the catalog, {} of {}; give the bill for what is paid",
            offer.id, offer.as_of
        );
        (per_gpu(offer), note)
    } else {
        // One price for each provider, its newest, the cheapest of equals.
        let mut newest: BTreeMap<&str, &Offer> = BTreeMap::new();
        for offer in &offers {
            let best = newest.entry(&offer.provider).or_insert(offer);
            let newer = offer.as_of > best.as_of;
            if newer || (offer.as_of == best.as_of && per_gpu(offer) < per_gpu(best)) {
                *best = offer;
            }
        }
        let mut rates: Vec<i128> = newest.values().map(|it| per_gpu(it)).collect();
        rates.sort_unstable();
        let median = *rates.get(rates.len().checked_sub(1)? / 2)?;
        (
            median,
            format!(
                "no cost is given: priced from the catalog, the median of {} providers of {gpu}; give the bill \
                 for what is paid, {}",
                rates.len(),
                price_wanted(own)
            ),
        )
    };
    let currency = offers.first()?.rate.currency();
    let rate = MoneyPerHour::from_nano(nano, currency);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1; `as` saturates"
    )]
    let monthly_cost = money::month_of(rate, count.round() as u32)?;
    Some(Baseline {
        monthly_cost: Some(monthly_cost),
        avoidable: Some(monthly_cost),
        effective_cost: None,
        rate_per_gpu_hour: Some(rate),
        priced_from_catalog: true,
        note: Some(note),
    })
}

fn per_gpu(offer: &Offer) -> i128 {
    offer.rate.nano() / i128::from(offer.gpu_count.max(1))
}

/// The rate per GPU-hour the user pays on demand, where the bill says so.
pub(super) fn own_rate(question: &Question<'_>, baseline: &Baseline) -> Option<MoneyPerHour> {
    let standard =
        question.described.workload.deployment.pricing_category == PricingCategory::Standard;
    let deployment = &question.described.workload.deployment;
    (standard && !baseline.priced_from_catalog && !deployment.mixed)
        .then_some(baseline.rate_per_gpu_hour)
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_asked_for() {
        assert_eq!(in_a_row(&["gpu"]), "gpu");
        assert_eq!(in_a_row(&["gpu", "gpu_count", "provider"]), "gpu, gpu_count and provider");
        assert_eq!(price_wanted(None), "or provider in gpuadvise.toml");
        let known = price_wanted(Some("aws"));
        assert!(known.starts_with("or a [[quote]] of aws,"), "{known}");
    }
}
