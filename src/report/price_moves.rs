//! How the prices behind the workloads moved since they were looked at before, and whether that turns a
//! commitment from a loss into a saving.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::build::Analysed;
use super::build_workload::rounded;
use super::number::Medium;
use crate::catalog::{Catalog, Offer, PastPrice, Purchase};
use crate::units::{Money, MoneyPerHour};
use crate::workload::PricingCategory;

/// The least move that is told: less is rounding.
const LEAST_MOVE: f64 = 0.02;

/// The price of an offer, now and before.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PriceMoveReport {
    /// The offer.
    pub offer_id: String,
    /// Its GPU as the catalog names it.
    pub gpu: String,
    /// Workloads that run on it today, or would by their advice.
    pub workloads: Vec<String>,
    /// What an instance cost an hour when it was looked at before.
    pub old: Money,
    /// On this day.
    pub old_as_of: String,
    /// What it costs now.
    pub new: Money,
    /// On this day.
    pub as_of: String,
    /// New over old, less 1.
    pub change: f64,
    /// Hours a day from which the cheapest term of the same instance pays, at the old price: 24 x term / old.
    /// Nothing where no term is on offer.
    pub break_even_before_h: Option<f64>,
    /// The same at the new price.
    pub break_even_now_h: Option<f64>,
    /// Both in words.
    pub sentence: String,
}

/// The prices that moved of the instances in use and of those advised, the largest move first.
pub(super) fn moves(analysed: &[Analysed], catalog: &Catalog) -> Vec<PriceMoveReport> {
    let limits = &catalog.assumptions.launch;
    let mut users: BTreeMap<&str, (&Offer, Vec<&Analysed>)> = BTreeMap::new();
    for it in analysed {
        for offer in offers_of(it, catalog) {
            let (_, of_offer) = users.entry(&offer.id).or_insert((offer, Vec::new()));
            if !of_offer.iter().any(|other| other.workload.name == it.workload.name) {
                of_offer.push(it);
            }
        }
    }
    let mut found: Vec<PriceMoveReport> = users
        .into_values()
        .filter_map(|(offer, users)| {
            let before =
                before(catalog.earlier_prices(&offer.id), &offer.as_of, limits.price_days)?;
            moved(offer, before, &users, catalog)
        })
        .collect();
    found.sort_by(|a, b| {
        b.change.abs().total_cmp(&a.change.abs()).then_with(|| a.offer_id.cmp(&b.offer_id))
    });
    found
}

/// What runs today by the hour, at its seller's public price; and what is advised.
fn offers_of<'a>(it: &'a Analysed, catalog: &'a Catalog) -> Vec<&'a Offer> {
    let deployment = &it.workload.deployment;
    let today = |offer: &&Offer| {
        offer.purchase == Purchase::PayAsYouGo
            && !offer.community
            && deployment.pricing_category == PricingCategory::Standard
            && deployment.provider.as_deref() == Some(offer.provider.as_str())
            && deployment.region.as_deref().is_none_or(|region| region == offer.region)
    };
    let of_today = deployment.gpu.iter().flat_map(|gpu| catalog.offers_for(gpu)).filter(today);
    let found = &it.recommendation;
    let is_advised =
        |plan: &&crate::recommend::Plan| Some(&plan.id) == found.advice.plan_id.as_ref();
    let plan = found.plans.iter().find(is_advised);
    let advised = plan.into_iter().flat_map(|it| &it.offers).filter_map(|it| catalog.offer(&it.id));
    of_today.chain(advised).collect()
}

/// The price to compare with: the last one seen at least so many days before the newest; the oldest where all
/// are younger.
fn before<'a>(earlier: &'a [PastPrice], newest: &str, days: f64) -> Option<&'a PastPrice> {
    let day = crate::catalog::first_day(newest)?;
    #[expect(clippy::cast_possible_truncation, reason = "a number of days; `as` saturates")]
    let latest = day - days as i64;
    let is_old =
        |it: &&PastPrice| crate::catalog::first_day(&it.as_of).is_some_and(|it| it <= latest);
    earlier.iter().rev().find(is_old).or_else(|| earlier.first())
}

fn moved(
    offer: &Offer,
    before: &PastPrice,
    users: &[&Analysed],
    catalog: &Catalog,
) -> Option<PriceMoveReport> {
    if before.rate.currency() != offer.rate.currency() || before.rate.nano() <= 0 {
        return None;
    }
    let change = offer.rate.to_f64() / before.rate.to_f64() - 1.0;
    if change.abs() < LEAST_MOVE {
        return None;
    }
    let term = term(offer, catalog);
    let hours = |rate: MoneyPerHour| term.map(|it| 24.0 * it.rate.to_f64() / rate.to_f64());
    let (then, now) = (hours(before.rate), hours(offer.rate));
    let names: Vec<String> = users.iter().map(|it| it.workload.name.clone()).collect();
    let gpu = offer.gpus.first().cloned().unwrap_or_else(|| offer.gpu_label.clone());
    let sentence = sentence(offer, (&gpu, before, change), (then, now), users);
    Some(PriceMoveReport {
        offer_id: offer.id.clone(),
        gpu,
        workloads: names,
        old: per_hour(before.rate)?,
        old_as_of: before.as_of.clone(),
        new: per_hour(offer.rate)?,
        as_of: offer.as_of.clone(),
        change: rounded(change),
        break_even_before_h: then.map(rounded),
        break_even_now_h: now.map(rounded),
        sentence,
    })
}

/// The first three, and how many more.
fn named(names: &[&str]) -> String {
    match names {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        all => all.join(", "),
    }
}

/// The price of one hour as an amount.
fn per_hour(rate: MoneyPerHour) -> Option<Money> {
    Money::from_nano(rate.nano(), rate.currency()).ok()
}

/// The cheapest term of the same instance in the same place.
fn term<'a>(offer: &Offer, catalog: &'a Catalog) -> Option<&'a Offer> {
    let same = |it: &&Offer| {
        matches!(it.purchase, Purchase::Reserved { .. })
            && catalog.is_sold(it)
            && it.rate.currency() == offer.rate.currency()
            && (&it.provider, &it.instance_type, &it.region, it.gpu_count)
                == (&offer.provider, &offer.instance_type, &offer.region, offer.gpu_count)
    };
    catalog.offers.iter().filter(same).min_by(|a, b| a.rate.nano().cmp(&b.rate.nano()))
}

/// `agents-beta: H100 SXM5 pay as you go at runpod rose 48 % from 2 Apr 2026 to 10 Oct 2026 (2.69 to 3.99 USD an hour): a term of
/// the same instance pays from 13.2 hours a day, it was 19.6; the commitment now pays for agents-beta, on 15.1.`
fn sentence(
    offer: &Offer,
    (gpu, before, change): (&str, &PastPrice, f64),
    (then, now): (Option<f64>, Option<f64>),
    users: &[&Analysed],
) -> String {
    let medium = Medium::Terminal;
    let verb = if change > 0.0 { "rose" } else { "fell" };
    let day = super::number::date;
    let purchase = match offer.purchase {
        Purchase::PayAsYouGo => "pay as you go".to_owned(),
        other => other.to_string(),
    };
    let price = |rate: MoneyPerHour| {
        per_hour(rate).map_or_else(|| rate.to_decimal_string(), |it| medium.money(it))
    };
    let names: Vec<&str> = users.iter().map(|it| it.workload.name.as_str()).collect();
    let mut text = format!(
        "{}: {gpu} {purchase} at {} {verb} {:.0} % from {} to {} ({} to {} {} an hour)",
        named(&names),
        offer.provider,
        change.abs() * 100.0,
        day(&before.as_of),
        day(&offer.as_of),
        price(before.rate),
        price(offer.rate),
        offer.rate.currency()
    );
    let (Some(then), Some(now)) = (then, now) else { return text };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        ": a term of the same instance pays from {now:.1} hours a day, it was {then:.1}"
    );
    let turned: Vec<String> = users
        .iter()
        .filter_map(|it| {
            let hours = hours_a_day(it)?;
            let name = &it.workload.name;
            let (before, after) = (hours >= then.min(24.0), hours >= now.min(24.0));
            match (before, after) {
                (false, true) => {
                    Some(format!("the commitment now pays for {name}, on {hours:.1} hours a day"))
                }
                (true, false) => Some(format!(
                    "the commitment no longer pays for {name}, on {hours:.1} hours a day"
                )),
                _ => None,
            }
        })
        .collect();
    if !turned.is_empty() {
        text.push_str("; ");
        text.push_str(&turned.join("; "));
    }
    text
}

/// Hours a day the GPUs of a workload are paid for, of those it has at its most.
fn hours_a_day(it: &Analysed) -> Option<f64> {
    let hours = it.workload.totals.gpu_hours?;
    let gpus = it.workload.deployment.gpu_count.filter(|it| *it > 0.0)?;
    let window = it.workload.window.len_us() as f64 / 3.6e9;
    (window > 0.0).then(|| (24.0 * hours / gpus / window).min(24.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;

    #[test]
    fn the_price_of_about_so_many_days_ago_is_compared() {
        let past = |as_of: &str, rate: &str| PastPrice {
            offer_id: "a".to_owned(),
            rate: MoneyPerHour::parse(rate, Currency::USD).unwrap(),
            as_of: as_of.to_owned(),
            source: "s".to_owned(),
        };
        let all =
            [past("2026-04-02", "2.69"), past("2026-08-03", "2.99"), past("2026-09-28", "3.49")];
        let of = |newest, days| before(&all, newest, days).map(|it| it.as_of.as_str());
        assert_eq!(of("2026-10-10", 60.0), Some("2026-08-03"));
        assert_eq!(of("2026-10-10", 90.0), Some("2026-04-02"));
        assert_eq!(of("2026-05-01", 90.0), Some("2026-04-02"));
        assert_eq!(before(&[], "2026-10-10", 90.0), None);
    }
}
