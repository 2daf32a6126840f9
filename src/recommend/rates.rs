//! One saving at three prices: the public list, the user's own rate, and the cash of the invoice.

use super::demand::Question;
use super::money;
use super::plan::Plan;
use crate::catalog::Offer;
use crate::units::Money;

/// A monthly saving by what is counted as today's cost. Own rate is the one every total counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavingsByPrice {
    /// Today and the plan at public prices; nothing where the bill has none.
    pub at_list: Option<Money>,
    /// At the user's own rate: amortized cost.
    pub at_own_rate: Money,
    /// By the invoice, after credits; nothing without a bill.
    pub in_cash: Option<Money>,
}

/// The three savings of going over to a plan, or of stopping where there is none.
///
/// Today 100 by use at a list price of 125 with credits of 30; a plan of 60 at the list: 65, 40 and 10.
pub(super) fn savings_by_price(
    question: &Question<'_>,
    plan: Option<&Plan>,
    saving: Money,
) -> SavingsByPrice {
    let totals = &question.described.workload.totals;
    let window_us = u64::try_from(question.described.workload.window.len_us()).unwrap_or(0);
    let month_of = |cost: Option<Money>| cost.and_then(|it| money::monthly(it, window_us));
    let zero = Money::zero(saving.currency());
    // What a commitment covers is paid anyway and stays, each at its own price.
    let off = |today: Option<Money>, stays: Option<Money>, then: Option<Money>| {
        let left = today?.checked_sub(stays.unwrap_or(zero)).ok()?;
        left.checked_sub(then?).ok()
    };
    let then = plan.map_or(zero, |it| it.monthly_cost);
    let at_list = plan.map_or(Some(zero), |it| plan_at_list(question, it));
    SavingsByPrice {
        at_list: off(month_of(totals.list_cost), month_of(totals.committed_list_cost), at_list),
        at_own_rate: saving,
        in_cash: off(
            month_of(totals.billed_cost),
            month_of(totals.committed_billed_cost),
            Some(then),
        ),
    }
}

/// The cost of a plan at public prices: what is bought at the rate on the bill, or at a price quoted to the
/// user, by the rates of the list. Nothing where the list does not have it.
///
/// A reservation quoted at 2 an hour and listed at 3, all of a plan of 1,460 a month: 2,190.
fn plan_at_list(question: &Question<'_>, plan: &Plan) -> Option<Money> {
    let by_use = match (&plan.elastic, plan.is_committed()) {
        (Some(elastic), true) => elastic.monthly,
        (None, true) => Money::zero(plan.monthly_cost.currency()),
        (_, false) => plan.monthly_cost,
    };
    let committed = plan.monthly_cost.checked_sub(by_use).ok()?;
    let (terms, others): (Vec<&Offer>, Vec<&Offer>) =
        plan.offers.iter().partition(|it| it.purchase.is_commitment());
    let at_list = |cost: Money, offers: &[&Offer]| {
        if cost.is_zero() || offers.iter().all(|it| it.listed_id().is_none()) {
            return Some(cost);
        }
        let ratios: Vec<f64> =
            offers.iter().map(|it| list_ratio(question, it)).collect::<Option<_>>()?;
        // How much of each was bought is not known, so they must agree.
        let (first, rest) = ratios.split_first()?;
        let agree = rest.iter().all(|it| (it / first - 1.0).abs() < 1e-9);
        Money::from_float(cost.to_f64() * first, cost.currency()).ok().filter(|_| agree)
    };
    at_list(by_use, &others)?.checked_add(at_list(committed, &terms)?).ok()
}

/// The rate of the list over the rate of an offer: 1 for a public price.
fn list_ratio(question: &Question<'_>, offer: &Offer) -> Option<f64> {
    let Some(id) = offer.listed_id() else { return Some(1.0) };
    let listed = question.context.catalog.offer(id)?;
    let ratio = listed.rate.to_f64() / offer.rate.to_f64();
    ratio.is_finite().then_some(ratio)
}
