//! What a unit delivered costs, with everything that was paid meanwhile.
//!
//! Cost and units are those of one time: the demand window as far as it was billed. What was paid
//! while nothing was delivered is in the cost, so an idle GPU makes every unit dearer.

use chrono_tz::Tz;
use serde::Serialize;

use super::costs::{days_after, span, spread};
use super::trend::{Trend, trend_per_30d};
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::workload::{CountBin, Demand, Workload};

/// Days of the trend and the weeks: about ten years.
const MAX_DAYS: i64 = 3660;
/// Days of a week.
const WEEK: usize = 7;

/// A cost per unit, with what it was divided from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UnitCost {
    /// Effective cost, idle included, of the time the units were counted in.
    pub cost: Money,
    /// Units delivered in that time.
    pub units: u64,
    /// Cost of as many units as the name of the figure says; nothing where none was delivered.
    pub amount: Option<Money>,
}

/// A cost per unit that the user named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedUnitCost {
    /// The unit, such as `image`.
    pub name: String,
    /// Cost of one; the units are whole, rounded once from the requests.
    pub each: UnitCost,
}

/// A week of the demand window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UnitCostWeek {
    /// Seven days of the zone's clock.
    pub period: Period,
    /// What was paid in it, days without a unit included.
    pub cost: Money,
    /// Units of [`UnitCosts::counted`] delivered in it.
    pub units: u64,
    /// Cost of as many units as the name says; nothing in a week without a unit.
    pub amount: Option<Money>,
}

/// What weeks and trend count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Millions of tokens, prompt and completion together.
    MillionTokens,
    /// Thousands of requests.
    ThousandRequests,
    /// The unit the user named.
    Named,
}

/// The unit costs of a workload or, without weeks and trend, of several. `None` where the units or
/// their cost are not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UnitCosts {
    /// Per million tokens, prompt and completion together.
    pub per_million_tokens: Option<UnitCost>,
    /// The whole cost per million prompt tokens.
    ///
    /// Prompt and completion share GPUs and batches; which part of the bill each caused is not on the
    /// bill. So this figure and the next each carry the whole cost and must not be added.
    pub per_million_input_tokens: Option<UnitCost>,
    /// The whole cost per million completion tokens.
    pub per_million_output_tokens: Option<UnitCost>,
    /// Per thousand requests.
    pub per_thousand_requests: Option<UnitCost>,
    /// Per unit that the user named; of a portfolio each name once, in order.
    pub per_unit: Vec<NamedUnitCost>,
    /// What weeks and trend count: the named unit, else tokens, else requests.
    pub counted: Option<Counted>,
    /// Whole weeks back from the end of the time, the earliest first.
    pub weeks: Vec<UnitCostWeek>,
    /// Change of the daily unit cost per 30 days as a share of its mean (14 days with units and more).
    pub trend_per_30d: Option<Trend>,
    /// Why there is no unit cost, where there is none.
    pub reason: Option<String>,
}

/// The unit costs of a workload: its effective cost inside the demand window over the units of the
/// same time. Days and weeks are those of the zone's clock, back from the end of that time. A day
/// without a unit has no unit cost, but its cost is in its week.
///
/// 24.00 a day for two days, 3 million tokens on the first and none on the second, are 16.00 per
/// million tokens.
pub fn unit_costs(workload: &Workload, zone: Tz) -> Result<UnitCosts, MoneyError> {
    let none = |why: &str| UnitCosts { reason: Some(why.to_owned()), ..UnitCosts::default() };
    let (Some(first), Some(billed)) = (workload.costs.first(), span(&workload.costs)) else {
        return Ok(none("no cost is known"));
    };
    let Some(time) = billed.intersect(workload.demand_window) else {
        return Ok(none("costs and demand are of different times"));
    };
    let currency = first.cost.currency();
    let paid = spread(&workload.costs, &[time.start(), time.end()], currency)?;
    let paid = paid.first().map_or(Money::zero(currency), |it| it.cost);
    let from = Source { workload, time, currency, paid };
    let named = workload.settings.unit.as_ref();
    let mut found = UnitCosts {
        per_million_tokens: from.total(Unit::Tokens, 1_000_000)?,
        per_million_input_tokens: from.total(Unit::Input, 1_000_000)?,
        per_million_output_tokens: from.total(Unit::Output, 1_000_000)?,
        per_thousand_requests: from.total(Unit::Requests, 1000)?,
        ..UnitCosts::default()
    };
    if let Some(unit) = named
        && let Some(each) = from.total(Unit::Named(unit.per_request), 1)?
    {
        found.per_unit.push(NamedUnitCost { name: unit.name.clone(), each });
    }
    let delivered = |it: Option<UnitCost>| it.is_some_and(|it| it.units > 0);
    let each = found.per_unit.first().map(|it| it.each);
    let counted = if let (Some(unit), true) = (named, delivered(each)) {
        (Counted::Named, Unit::Named(unit.per_request), 1)
    } else if delivered(found.per_million_tokens) {
        (Counted::MillionTokens, Unit::Tokens, 1_000_000)
    } else if delivered(found.per_thousand_requests) {
        (Counted::ThousandRequests, Unit::Requests, 1000)
    } else {
        found.reason =
            Some("nothing was delivered, or counted, in the time that was billed".into());
        return Ok(found);
    };
    found.counted = Some(counted.0);
    from.over_time(&mut found, zone, counted.1, counted.2)?;
    Ok(found)
}

/// The unit costs of several workloads: for each unit the cost of those that report it, idle ones
/// included, over their units. Weeks and trend stay with the workloads.
///
/// 16.00 for 1 million tokens, 7.00 for 3 million and 1.00 for none are 6.00 per million.
pub fn portfolio_unit_cost(all: &[UnitCosts]) -> Result<UnitCosts, MoneyError> {
    let sum = |per, pick: &dyn Fn(&UnitCosts) -> Option<UnitCost>| {
        let mut sum: Option<(Money, u64)> = None;
        for it in all.iter().filter_map(pick) {
            sum = Some(match sum {
                None => (it.cost, it.units),
                Some((cost, n)) => (cost.checked_add(it.cost)?, n.saturating_add(it.units)),
            });
        }
        sum.map(|(cost, units)| unit_cost(cost, units, per)).transpose()
    };
    let mut names: Vec<&str> =
        all.iter().flat_map(|it| &it.per_unit).map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut per_unit = Vec::new();
    for name in names {
        let of_name = |it: &UnitCosts| {
            it.per_unit.iter().find(|unit| unit.name == name).map(|unit| unit.each)
        };
        if let Some(each) = sum(1, &of_name)? {
            per_unit.push(NamedUnitCost { name: name.to_owned(), each });
        }
    }
    Ok(UnitCosts {
        per_million_tokens: sum(1_000_000, &|it| it.per_million_tokens)?,
        per_million_input_tokens: sum(1_000_000, &|it| it.per_million_input_tokens)?,
        per_million_output_tokens: sum(1_000_000, &|it| it.per_million_output_tokens)?,
        per_thousand_requests: sum(1000, &|it| it.per_thousand_requests)?,
        per_unit,
        ..UnitCosts::default()
    })
}

fn unit_cost(cost: Money, units: u64, per: u64) -> Result<UnitCost, MoneyError> {
    let amount = if units == 0 { None } else { Some(cost.scale(per, units)?) };
    Ok(UnitCost { cost, units, amount })
}

/// What can be counted.
#[derive(Clone, Copy)]
enum Unit {
    Requests,
    Input,
    Output,
    Tokens,
    /// So many of it a request.
    Named(f64),
}

impl Unit {
    /// Of a period; nothing where it served requests and this was not counted.
    fn of(self, bin: &CountBin) -> Option<u64> {
        let idle = (bin.requests == 0).then_some(0);
        let (input, output) = (bin.prompt_tokens.or(idle), bin.completion_tokens.or(idle));
        match self {
            Unit::Requests | Unit::Named(_) => Some(bin.requests),
            Unit::Input => input,
            Unit::Output => output,
            Unit::Tokens => Some(input?.saturating_add(output?)),
        }
    }

    /// Whether a period says how many there were, be it none.
    fn is_reported(self, bin: &CountBin) -> bool {
        let (input, output) = (bin.prompt_tokens.is_some(), bin.completion_tokens.is_some());
        match self {
            Unit::Requests | Unit::Named(_) => true,
            Unit::Input => input,
            Unit::Output => output,
            Unit::Tokens => input && output,
        }
    }

    /// Whole units, from what [`Unit::of`] counted.
    fn whole(self, counted: u64) -> u64 {
        match self {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a positive number; `as` saturates"
            )]
            Unit::Named(per_request) => (counted as f64 * per_request).round() as u64,
            Unit::Requests | Unit::Input | Unit::Output | Unit::Tokens => counted,
        }
    }
}

/// A workload in the time that was billed and whose demand is known.
struct Source<'a> {
    workload: &'a Workload,
    time: Period,
    currency: Currency,
    /// What it cost in that time.
    paid: Money,
}

/// Cost and units of a stretch of time.
#[derive(Clone, Copy)]
struct Stretch {
    cost: Money,
    units: u64,
}

impl Source<'_> {
    fn total(&self, unit: Unit, per: u64) -> Result<Option<UnitCost>, MoneyError> {
        let Some(all) = self.between(unit, &[self.time.start(), self.time.end()])? else {
            return Ok(None);
        };
        all.first().map(|it| unit_cost(it.cost, unit.whole(it.units), per)).transpose()
    }

    /// Cost and units between neighbouring instants; nothing where the unit was never counted. Time
    /// with requests whose unit was not counted is left out of both.
    fn between(&self, unit: Unit, edges: &[Timestamp]) -> Result<Option<Vec<Stretch>>, MoneyError> {
        let mut uncounted: Vec<Period> = Vec::new();
        let mut counts = vec![0_u64; edges.len().saturating_sub(1)];
        let mut any = false;
        match &self.workload.demand {
            Demand::Arrivals(trace) => {
                for (at, at_us) in trace.at_us.iter().enumerate() {
                    let tokens = trace.tokens.get(at);
                    let n = match unit {
                        Unit::Requests | Unit::Named(_) => Some(1),
                        Unit::Input => tokens.map(|it| it.prompt.into()),
                        Unit::Output => tokens.map(|it| it.completion.into()),
                        Unit::Tokens => tokens.map(|it| it.total()),
                    };
                    let Some(n) = n else { break };
                    any = true;
                    let after = edges.partition_point(|it| it.us() <= *at_us);
                    if let Some(cell) = after.checked_sub(1).and_then(|at| counts.get_mut(at)) {
                        *cell = cell.saturating_add(n);
                    }
                }
            }
            Demand::Counts(series) => {
                for bin in &series.bins {
                    match unit.of(bin) {
                        Some(n) => {
                            any |= unit.is_reported(bin);
                            add_spread(&mut counts, edges, bin.period, n);
                        }
                        None => uncounted.push(bin.period),
                    }
                }
            }
            Demand::Level(_) | Demand::Unknown => {}
        }
        if !any {
            return Ok(None);
        }
        let costs = self.costs(edges, &uncounted)?;
        let stretch = |(cost, units)| Stretch { cost, units };
        Ok(Some(costs.into_iter().zip(counts).map(stretch).collect()))
    }

    /// The cost between neighbouring instants, without that of some periods.
    fn costs(&self, edges: &[Timestamp], without: &[Period]) -> Result<Vec<Money>, MoneyError> {
        if without.is_empty() && edges == [self.time.start(), self.time.end()] {
            return Ok(vec![self.paid]);
        }
        let mut all: Vec<Timestamp> = edges.to_vec();
        if let (Some(first), Some(last)) = (edges.first(), edges.last()) {
            let cuts = without.iter().flat_map(|it| [it.start(), it.end()]);
            all.extend(cuts.filter(|it| first < it && it < last));
        }
        all.sort_unstable();
        all.dedup();
        let mut sums = vec![Money::zero(self.currency); edges.len().saturating_sub(1)];
        let mut left_out = 0;
        let parts = spread(&self.workload.costs, &all, self.currency)?;
        for (pair, part) in all.windows(2).zip(parts) {
            while without.get(left_out).is_some_and(|it| it.end() <= pair[0]) {
                left_out += 1;
            }
            let at = edges.partition_point(|it| *it <= pair[0]).saturating_sub(1);
            if !without.get(left_out).is_some_and(|it| it.contains(pair[0])) {
                sums[at] = sums[at].checked_add(part.cost)?;
            }
        }
        Ok(sums)
    }

    /// Fills weeks and trend.
    fn over_time(
        &self,
        found: &mut UnitCosts,
        zone: Tz,
        unit: Unit,
        per: u64,
    ) -> Result<(), MoneyError> {
        let mut edges: Vec<Timestamp> = (0..=MAX_DAYS)
            .map(|days| days_after(zone, self.time.end(), -days))
            .take_while(|it| *it >= self.time.start())
            .collect();
        edges.reverse();
        let Some(days) = self.between(unit, &edges)? else { return Ok(()) };
        let daily: Vec<Option<f64>> = days
            .iter()
            // A day that is not on the bill has no known cost.
            .map(|it| {
                (it.units > 0 && !it.cost.is_zero()).then(|| it.cost.to_f64() / it.units as f64)
            })
            .collect();
        found.trend_per_30d = trend_per_30d(&daily);
        let rest = days.len() % WEEK;
        for (week, ends) in
            days[rest..].chunks(WEEK).zip(edges[rest..].windows(WEEK + 1).step_by(WEEK))
        {
            let Some(period) = Period::new(ends[0], ends[WEEK]) else { continue };
            let cost = Money::sum(week.iter().map(|it| it.cost), self.currency)?;
            let counted = week.iter().fold(0_u64, |sum, it| sum.saturating_add(it.units));
            let units = unit.whole(counted);
            let amount = unit_cost(cost, units, per)?.amount;
            found.weeks.push(UnitCostWeek { period, cost, units, amount });
        }
        Ok(())
    }
}

/// Adds a count to the stretches its period covers, in proportion to time: whole, and in sum what
/// lies inside.
fn add_spread(counts: &mut [u64], edges: &[Timestamp], period: Period, n: u64) {
    let up_to = |at: Timestamp| {
        let len_us = u128::try_from(period.len_us()).unwrap_or(1);
        let past_us = u128::try_from(at.us().saturating_sub(period.start().us())).unwrap_or(0);
        u64::try_from(u128::from(n) * past_us.min(len_us) / len_us).unwrap_or(n)
    };
    let first = edges.partition_point(|it| *it <= period.start()).saturating_sub(1);
    for (count, pair) in counts.iter_mut().zip(edges.windows(2)).skip(first) {
        if pair[0] >= period.end() {
            break;
        }
        if pair[0] <= period.start() && period.end() <= pair[1] {
            *count = count.saturating_add(n);
            break;
        }
        *count = count.saturating_add(up_to(pair[1]).saturating_sub(up_to(pair[0])));
    }
}

#[cfg(test)]
mod tests;
