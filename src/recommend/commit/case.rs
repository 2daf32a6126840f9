//! One term of one instance: the savings curve with its band, the number chosen on it, and what
//! signing for it means.

use std::collections::BTreeSet;

use chrono::{Datelike, Months};
use chrono_tz::Tz;

use super::hours::{Days, Hours};
use super::{CasePoint, Hindsight, LadderSteps, TermCase};
use crate::catalog::Offer;
use crate::commitment::{
    Ladder, LadderPlan, SavingsCurve, TermOffer, cash_payback_months, cheapest_purchases, ladder,
    liability_left, regret_months,
};
use crate::ingest::AskedCommitment;
use crate::recommend::offers::max_term;
use crate::recommend::{Context, Risk, money};
use crate::simulate::seed_of;
use crate::units::{Fraction, HOURS_PER_MONTH, Money, MoneyPerHour, Period, Timestamp};

/// Most points of a curve that are kept beside those with a name.
const MOST_POINTS: u32 = 95;
/// Months of a calendar quarter.
const QUARTER: u32 = 3;
/// Most instance hours of a window in which the purchases of hindsight are sought.
const MOST_INSTANCE_HOURS: u64 = 1_000_000;

/// What all terms of one instance share.
pub(super) struct Ground<'a> {
    /// Demand that no commitment covers yet.
    pub(super) hours: &'a Hours,
    pub(super) by_use: MoneyPerHour,
    pub(super) days: Option<Days<'a>>,
    pub(super) context: Context<'a>,
    /// Why nobody is left for the term, where that is so.
    pub(super) nobody_left: Option<String>,
    /// Saving that the workloads' own advice claims by commitments already.
    pub(super) included: Money,
    /// When held commitments end, months since the year 0, and their instances.
    pub(super) held_ends: Vec<(u32, u32)>,
}

impl Ground<'_> {
    fn not_allowed(&self, months: u32) -> Option<String> {
        let longest = max_term(&self.context);
        if months > longest {
            return Some(format!(
                "longer than the {longest} months that policy.max_term_months allows"
            ));
        }
        self.nobody_left.clone()
    }
}

/// A curve at the rates of one offer.
struct AtRate<'a> {
    ground: &'a Ground<'a>,
    curve: SavingsCurve,
    committed: MoneyPerHour,
    seed: u64,
    /// A month of all demand by use.
    by_use_monthly: Money,
}

/// The case of one offer; nothing where it is no cheaper than by use or an amount does not fit.
pub(super) fn term(ground: &Ground<'_>, offer: &Offer, months: u32) -> Option<TermCase> {
    let context = &ground.context;
    if offer.rate.nano() >= ground.by_use.nano() {
        return None;
    }
    let curve = AtRate::new(ground, offer)?;
    let risk = context
        .policy
        .risk
        .or_else(|| Fraction::try_from(context.catalog.assumptions.advice.commitment_risk).ok())?;
    let (stable_n, chosen_n) = (curve.curve.stable_n(), curve.curve.n_at_risk(risk));
    let (optimal_n, max_n) = (curve.curve.best_n(), curve.curve.max_n());
    let is_asked = |it: &&AskedCommitment| {
        it.provider == offer.provider && it.instance_type == offer.instance_type
    };
    let asked = context.policy.asked.iter().filter(is_asked);
    let points = shown(max_n, [stable_n, chosen_n, optimal_n]);
    let points: Option<Vec<CasePoint>> = points.into_iter().map(|n| curve.point(n)).collect();
    let points = points?;
    let chosen = points.iter().find(|it| it.n == chosen_n)?.clone();
    let end = months_after(context.as_of, months)?;
    let whole = Period::new(context.as_of, end)?;
    let term_cost = liability_left(offer.rate, chosen_n, whole, context.as_of)?;
    let zero = Money::zero(term_cost.currency());
    let prepaid = prepaid(&offer.upfront);
    let upfront = prepaid.map(|it| if it { term_cost } else { zero });
    let by_use = curve.by_use_monthly.checked_sub(chosen.by_use).ok()?;
    let recurring = money::month_of(offer.rate, chosen_n)?;
    let recurring = if prepaid == Some(true) { zero } else { recurring };
    let cap = context.policy.max_expiring_share_per_quarter.filter(|_| chosen_n >= 2);
    Some(TermCase {
        offer: offer.clone(),
        months,
        not_allowed: ground.not_allowed(months),
        best: false,
        risk_setting: risk,
        stable_n,
        chosen_n,
        optimal_n,
        max_n,
        cash_payback_months: upfront
            .filter(|_| chosen_n > 0)
            .and_then(|it| cash_payback_months(it, by_use, recurring)),
        regret_months: regret_months(months, ground.by_use, offer.rate),
        liability: upfront.map_or(Some(term_cost), |it| term_cost.checked_sub(it).ok())?,
        upfront,
        end,
        ladder: cap.and_then(|cap| curve.laddered(chosen_n, months, cap)),
        included_in_advice: ground.included,
        beyond_advice: chosen.saving.checked_sub(ground.included).ok()?,
        hindsight: hindsight(ground, offer, months),
        asked: asked.filter_map(|it| curve.point(it.n)).collect(),
        points,
        chosen,
    })
}

impl<'a> AtRate<'a> {
    fn new(ground: &'a Ground<'a>, offer: &Offer) -> Option<AtRate<'a>> {
        let curve = SavingsCurve::new(ground.hours.steps.to_vec(), ground.by_use, offer.rate)?;
        let by_use_monthly = money::monthly(curve.cost(0)?, ground.hours.len_us())?;
        let seed = seed_of(ground.context.seed, &offer.id, 0);
        Some(AtRate { ground, curve, committed: offer.rate, seed, by_use_monthly })
    }

    /// A month with `n` committed: `r n 730 + p x overflow`, the committed part as far as it is used and
    /// as far as it is not.
    fn point(&self, n: u32) -> Option<CasePoint> {
        let len_us = self.ground.hours.len_us();
        let at = self.curve.point(n)?;
        let committed = money::month_of(self.committed, n)?;
        let by_use = money::monthly(at.overflow_cost, len_us)?;
        let (asked_us, open_us) = (self.curve.overflow_us(0), self.curve.overflow_us(n));
        let used = self.committed.cost_of_us(u64::try_from(asked_us - open_us).ok()?).ok()?;
        let used = money::monthly(used, len_us)?;
        let used = if used > committed { committed } else { used };
        let monthly_cost = committed.checked_add(by_use).ok()?;
        let saving = self.by_use_monthly.checked_sub(monthly_cost).ok()?;
        let days = self.ground.days.as_ref();
        let days = days.map(|it| it.saved(n, self.ground.by_use, self.committed));
        let rules = &self.ground.context.catalog.assumptions.risk;
        Some(CasePoint {
            n,
            monthly_cost,
            committed_used: used,
            committed_unused: committed.checked_sub(used).ok()?,
            by_use,
            utilization: at.utilization,
            coverage: Fraction::try_from((asked_us - open_us) as f64 / asked_us as f64).ok(),
            saving,
            risk: days.and_then(|it| Risk::of(saving, &it, rules, self.seed)),
        })
    }

    /// The fewest tranches that keep the cap, at most one a quarter; where none do, the most.
    fn laddered(&self, n: u32, months: u32, cap: Fraction) -> Option<LadderSteps> {
        let first_month = month_of(self.ground.context.as_of);
        let most = n.min(months / QUARTER).max(1);
        let in_tranches = |n_tranches| {
            let plan = LadderPlan { n, n_tranches, term_months: months, first_month, cap };
            ladder(&plan, &self.ground.held_ends)
        };
        let found = (1..=most).map(in_tranches).find(|it| it.unplaced == 0);
        let ladder = found.unwrap_or_else(|| in_tranches(most));
        let at_once = n.saturating_sub(in_tranches(1).unplaced);
        Some(LadderSteps { waiting_cost: self.waiting_cost(&ladder)?, ladder, at_once })
    }

    /// What the tranches save less than all of them bought at once: of each month between two purchases
    /// the saving of all less the saving of those bought so far. Ten that save 50, 30 while only three are
    /// bought for three months: 60.
    fn waiting_cost(&self, ladder: &Ladder) -> Option<Money> {
        let bought: Vec<(u32, u32)> = ladder
            .tranches
            .iter()
            .scan(0, |n, it| {
                *n += it.n;
                Some((it.bought_month, *n))
            })
            .collect();
        let all = self.saving(bought.last()?.1)?;
        let gaps = bought.windows(2).map(|pair| {
            let months = pair[1].0 - pair[0].0;
            let missed = all.checked_sub(self.saving(pair[0].1)?).ok()?;
            missed.scale(u64::from(months), 1).ok()
        });
        money::sum(&gaps.collect::<Option<Vec<_>>>()?, all.currency())
    }

    /// What `n` committed save a month.
    fn saving(&self, n: u32) -> Option<Money> {
        Some(self.point(n)?.saving)
    }
}

/// What the cheapest purchases would have cost, had demand been known: what nobody can do, and what
/// every other way is held to.
fn hindsight(ground: &Ground<'_>, offer: &Offer, months: u32) -> Option<Hindsight> {
    let hours = ground.hours.whole();
    let peak = u64::from(*hours.iter().max()?);
    if peak.saturating_mul(hours.len() as u64) > MOST_INSTANCE_HOURS {
        return None;
    }
    let term_hours = u64::from(months).checked_mul(HOURS_PER_MONTH)?;
    let of_hours =
        |rate: MoneyPerHour, n: u64| rate.cost_of_us(n.checked_mul(money::US_PER_HOUR)?).ok();
    let term = TermOffer {
        term_steps: u32::try_from(term_hours).ok()?,
        fee: of_hours(offer.rate, term_hours)?,
        by_use: of_hours(ground.by_use, 1)?,
        while_covered: Money::zero(offer.rate.currency()),
    };
    let best = cheapest_purchases(&hours, &term)?;
    let by_use = of_hours(ground.by_use, hours.iter().map(|it| u64::from(*it)).sum())?;
    let starts = ground.hours.measured();
    let purchases = starts.zip(&best.bought).filter(|it| *it.1 > 0).map(|(at, n)| (at, *n));
    Some(Hindsight {
        purchases: purchases.collect(),
        bought: best.bought.iter().sum(),
        left_on_the_table: by_use.checked_sub(best.cost).ok()?,
        by_use,
        cheapest: best.cost,
    })
}

/// So many points that a chart is smooth: all of a short curve, of a long one evenly placed ones; those
/// with a name, none and all always.
fn shown(max: u32, named: [u32; 3]) -> BTreeSet<u32> {
    let places = max.min(MOST_POINTS - 1);
    let place = |at: u32| u64::from(at) * u64::from(max) / u64::from(places.max(1));
    let even = (0..=places).filter_map(|at| u32::try_from(place(at)).ok());
    even.chain(named).chain([0, max]).collect()
}

/// Whether all of a term is paid when it is bought, by the words of the price list; nothing where they
/// are not known.
fn prepaid(words: &str) -> Option<bool> {
    match words {
        "" => Some(false),
        "100% of term" | "prepaid full term" => Some(true),
        _ => None,
    }
}

/// The same time of the day so many months later, by the calendar of UTC.
pub(in crate::recommend) fn months_after(at: Timestamp, months: u32) -> Option<Timestamp> {
    let later = at.in_zone(Tz::UTC).checked_add_months(Months::new(months))?;
    Some(Timestamp::from_us(later.and_utc().timestamp_micros()))
}

/// Months since January of the year 0, as [`LadderPlan`] counts them.
pub(super) fn month_of(at: Timestamp) -> u32 {
    let at = at.in_zone(Tz::UTC);
    u32::try_from(at.year()).unwrap_or(0).saturating_mul(12).saturating_add(at.month0())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_the_points_with_a_name() {
        assert!(shown(0, [0, 0, 0]).into_iter().eq([0]));
        assert!(shown(3, [1, 2, 2]).into_iter().eq(0..=3));
        let long = shown(100_000, [7, 12_345, 99_999]);
        assert!([0, 7, 12_345, 99_999, 100_000].iter().all(|it| long.contains(it)));
        assert!(long.len() <= 100, "{}", long.len());
        assert!(shown(94, [1, 2, 3]).into_iter().eq(0..=94));
    }

    #[test]
    fn terms_end_by_the_calendar() {
        let at = |text| Timestamp::parse(text, Tz::UTC).unwrap();
        assert_eq!(months_after(at("2026-11-30"), 3), Some(at("2027-02-28")));
        assert_eq!(months_after(at("2026-11-02T06:00"), 12), Some(at("2027-11-02T06:00")));
        assert_eq!(month_of(at("2026-11-30")), 24_322);
    }

    #[test]
    fn every_wording_of_the_price_list_is_known() {
        let catalog = crate::catalog::Catalog::embedded().unwrap();
        for offer in &catalog.offers {
            assert!(prepaid(&offer.upfront).is_some(), "{}: {}", offer.id, offer.upfront);
        }
        assert_eq!(prepaid("half of it"), None);
    }
}
