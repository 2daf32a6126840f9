//! One saving at three prices: the public list, the user's own rate, and the cash of the invoice.

use super::demand::Question;
use super::money;
use super::plan::Plan;
use crate::catalog::{Offer, Purchase};
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

/// The cost of a plan at public prices: an offer at the rate on the bill by the rate of its list.
/// Nothing where the list does not have it.
fn plan_at_list(question: &Question<'_>, plan: &Plan) -> Option<Money> {
    let own: Vec<&Offer> = plan.offers.iter().filter(|it| it.id.starts_with("bill:")).collect();
    let [own] = own.as_slice() else {
        return own.is_empty().then_some(plan.monthly_cost);
    };
    let listed = question.context.catalog.offer(own.id.strip_prefix("bill:")?)?;
    let at_list = |cost: Money| {
        let ratio = listed.rate.to_f64() / own.rate.to_f64();
        Money::from_float(cost.to_f64() * ratio, cost.currency()).ok()
    };
    let by_use = match (&plan.elastic, plan.is_committed()) {
        (Some(elastic), true) => elastic.monthly,
        _ => plan.monthly_cost,
    };
    let is_by_use = own.purchase == Purchase::PayAsYouGo;
    let rest = plan.monthly_cost.checked_sub(by_use).ok()?;
    if is_by_use { rest.checked_add(at_list(by_use)?).ok() } else { Some(plan.monthly_cost) }
}
