//! What months to come will cost: workload by workload, as it is and with advice that is followed.
//!
//! A day costs what its weekday cost in the latest whole weeks, by the hour, so that months have their
//! own hours. A trend counts where it is certain, a growth where it is declared; an end or a migration
//! cuts what is bought by use. What commitments cover goes on. The forecast of all workloads is the sum
//! of theirs, to the last digit; its range is that of the sums of their weeks, so that what moves
//! together stays together.

mod level;
mod range;
mod spans;
#[cfg(test)]
mod tests;

use chrono_tz::Tz;

use self::level::{Level, Rate};
use self::range::{Ahead, Spread, WEEK};
use super::risk::{Basis, Risk};
use super::term;
use crate::catalog::{Assumptions, ForecastRules, RiskRules};
use crate::classify::{cost_history, costs_known_from, data_end, day_start, days_of, paid_between};
use crate::units::{Currency, HOURS_PER_MONTH, Money, MoneyError, Period, Timestamp};
use crate::workload::{CostBin, Future, PricingCategory, Workload};

pub use range::Backtest;
pub use spans::{Span, SpanKind, spans};

const DAY_US: f64 = 86_400e6;
const HOUR_US: u64 = 3_600_000_000;
/// Days that a growth is given per.
const GROWTH_DAYS: f64 = 30.0;

/// What is known of the cost of a workload to come.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// Its name.
    pub workload: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why nothing is forecast; nothing where something is.
    pub not_known: Option<String>,
    level: Option<Level>,
    future: Future,
    zone: Tz,
    /// The end of the data.
    from: Timestamp,
    /// The first instant its costs are known from.
    known_from: Timestamp,
    /// What was paid, for months that lie behind: rows of one month as one.
    costs: Vec<CostBin>,
}

/// What an action saves from a day on.
#[derive(Clone, Copy, Debug)]
pub struct Saving {
    /// In a month of 730 hours.
    pub monthly: Money,
    /// Half of its 80 % range.
    pub half: Option<f64>,
    /// When it begins.
    pub from: Timestamp,
}

/// An expected cost and its 80 % range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// The mean.
    pub mean: Money,
    /// One of ten costs less.
    pub low: Money,
    /// One of ten costs more.
    pub high: Money,
}

/// The forecast of a span.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// Of all workloads that have one; nothing without any.
    pub all: Option<Expected>,
    /// Of each, in the order asked for.
    pub each: Vec<Option<Expected>>,
}

/// What a workload is expected to cost in a span, part by part.
#[derive(Clone, Copy, Debug)]
struct Parts {
    by_use: Money,
    committed: Money,
    saved: Money,
    /// Where the time it is bought by use in lies.
    ahead: Ahead,
    /// Growth over the level, as a factor.
    growth: f64,
    /// Standard deviation of what the trend adds.
    trend_error: f64,
    /// Half of the range of what is saved.
    saved_half: f64,
}

impl Outlook {
    /// Of a workload; fails only where amounts do not fit their type.
    pub fn of(workload: &Workload, zone: Tz, assumed: &Assumptions) -> Result<Outlook, MoneyError> {
        let future = workload.settings.future.clone();
        let level = match cost_history(workload, zone, &assumed.classify)? {
            None => Err("no cost in the data".to_owned()),
            Some(_) if hides_weeks(workload) => {
                Err("most of its cost is in rows longer than a week".to_owned())
            }
            Some(mut history) => {
                if term::silent_since(workload).is_some() {
                    history.end();
                }
                Level::of(&history, future.growth.is_some(), assumed)?
            }
        };
        let (level, not_known) = match level {
            Ok(level) => (Some(level), None),
            Err(why) => (None, Some(why)),
        };
        let from = data_end(workload.window.end(), zone);
        Ok(Outlook {
            workload: workload.name.clone(),
            owner: workload.owner.clone(),
            not_known,
            level,
            future,
            zone,
            from,
            known_from: costs_known_from(workload),
            costs: by_month(workload, &[workload.window.start(), from], zone)?,
        })
    }

    /// Whether anything was paid for it.
    pub const fn has_costs(&self) -> bool {
        !self.costs.is_empty()
    }

    /// Whole weeks of the level, or days where they are too few; nothing where nothing is forecast.
    pub fn basis(&self) -> Option<Basis> {
        self.level.as_ref().map(|it| it.spread.basis)
    }

    /// The trend that is carried on, per 30 days as a share of the level.
    pub fn trend_per_30d(&self) -> Option<f64> {
        Some(self.level.as_ref()?.slope?.per_day * GROWTH_DAYS)
    }

    /// What the user says of it.
    pub const fn future(&self) -> &Future {
        &self.future
    }

    /// How far such forecasts were off in the past.
    pub fn backtest(&self) -> Option<Backtest> {
        self.level.as_ref()?.backtest
    }

    /// The first instant its costs are known from.
    pub const fn known_from(&self) -> Timestamp {
        self.known_from
    }

    /// What was paid between instants in order, each the start of a month or an end of the window.
    pub fn paid(&self, edges: &[Timestamp], currency: Currency) -> Result<Vec<Money>, MoneyError> {
        paid_between(&self.costs, edges, currency)
    }

    /// The first instant without it.
    fn until(&self) -> Option<Timestamp> {
        day_start(self.zone, self.future.until()?)
    }

    /// Declared growth over the level at an instant: of 10 % after 15 days 1.1^0.5 = 1.0488.
    fn grown(&self, at_us: f64) -> f64 {
        let Some(growth) = self.future.growth else { return 1.0 };
        let from = growth.from.and_then(|it| day_start(self.zone, it)).unwrap_or(self.from);
        let days = (at_us - from.max(self.from).us() as f64) / DAY_US;
        (1.0 + growth.per_30d).powf(days.max(0.0) / GROWTH_DAYS)
    }

    /// The parts of a span's cost; nothing where nothing is forecast.
    fn parts(&self, span: Period, saving: Option<Saving>) -> Result<Option<Parts>, MoneyError> {
        let Some(level) = &self.level else { return Ok(None) };
        let until = self.until();
        // Of each weekday: the time, that with demand, and the latter moved by growth and trend.
        let mut times = [(0_u64, 0.0_f64); WEEK];
        let (mut active_us, mut moved_us, mut trend_days) = (0.0, 0.0, 0.0);
        let mut first = None;
        for (day, weekday) in days_of(span, self.zone) {
            let (us, middle) =
                (day.len_us() as f64, day.start().us() as f64 + day.len_us() as f64 / 2.0);
            let time = &mut times[weekday % WEEK];
            time.0 += u64::try_from(day.len_us()).unwrap_or(0);
            if until.is_some_and(|until| day.start() >= until) {
                continue;
            }
            first = first.or(Some(day.start()));
            let days =
                level.slope.map_or(0.0, |it| it.days((middle - self.from.us() as f64) / DAY_US));
            let trend = level.slope.map_or(1.0, |it| (1.0 + it.per_day * days).max(0.0));
            let factor = trend * self.grown(middle);
            time.1 += us * factor;
            active_us += us;
            moved_us += us * factor;
            trend_days += us * days;
        }
        let weighted = |rates: &[Rate; WEEK], of: fn(&(u64, f64)) -> u64| {
            let zero = Money::zero(rates[0].cost.currency());
            rates.iter().zip(&times).try_fold(zero, |sum, (rate, time)| {
                sum.checked_add(rate.cost.scale(of(time), rate.us)?)
            })
        };
        let by_use = weighted(&level.by_use, |it| whole(it.1))?;
        let committed = weighted(&level.committed, |it| it.0)?;
        let (saved, saved_half) = self.saved(span, saving, by_use)?;
        let a_week = level.by_use.iter().map(|it| it.cost.to_f64()).sum::<f64>()
            / (level.residuals.len() / WEEK) as f64;
        let us_per_week = WEEK as f64 * DAY_US;
        Ok(Some(Parts {
            by_use,
            committed,
            saved,
            ahead: Ahead {
                gap: first.map_or(0.0, |it| (it.us() - self.from.us()) as f64 / us_per_week),
                len: active_us / us_per_week,
            },
            growth: if active_us > 0.0 { moved_us / active_us } else { 0.0 },
            trend_error: level.slope.map_or(0.0, |it| it.error * a_week * trend_days / us_per_week),
            saved_half,
        }))
    }

    /// What an action saves in a span, at most what is bought by use, and half of its range: it begins
    /// when it is done and stops where the workload does.
    fn saved(
        &self,
        span: Period,
        saving: Option<Saving>,
        by_use: Money,
    ) -> Result<(Money, f64), MoneyError> {
        let nothing = (Money::zero(by_use.currency()), 0.0);
        let Some(saving) = saving else { return Ok(nothing) };
        let end = self.until().map_or(span.end(), |it| it.min(span.end()));
        let Some(active) = Period::new(saving.from.max(span.start()), end) else {
            return Ok(nothing);
        };
        let us = u64::try_from(active.len_us()).unwrap_or(0);
        let month_us = HOURS_PER_MONTH * HOUR_US;
        let saved = saving.monthly.scale(us, month_us)?;
        let half = saving.half.unwrap_or(0.0) * us as f64 / month_us as f64;
        Ok((if saved > by_use { by_use } else { saved }, half))
    }
}

/// The costs of a workload, rows within one month of the zone and on one side of each of the `cuts` added
/// up.
fn by_month(workload: &Workload, cuts: &[Timestamp], zone: Tz) -> Result<Vec<CostBin>, MoneyError> {
    let all = || workload.costs_before.iter().chain(&workload.costs);
    let Some(span) = all().map(|it| it.period).reduce(Period::cover) else { return Ok(Vec::new()) };
    let months = Span::months_of(span, zone).into_iter().map(|it| it.whole.start());
    let mut edges: Vec<Timestamp> = months.chain(cuts.iter().copied()).collect();
    edges.sort_unstable();
    let place = |at: Timestamp| edges.partition_point(|it| *it <= at);
    let mut found: Vec<(Option<usize>, CostBin)> = Vec::new();
    for bin in all() {
        let start = place(bin.period.start());
        let of = (start == place(bin.period.end().plus_us(-1))).then_some(start);
        match found.last_mut().filter(|it| of.is_some() && it.0 == of) {
            Some((_, sum)) => {
                sum.period = sum.period.cover(bin.period);
                sum.cost = sum.cost.checked_add(bin.cost)?;
            }
            None => found.push((of, CostBin { gpu_hours: None, ..*bin })),
        }
    }
    Ok(found.into_iter().map(|it| it.1).collect())
}

/// Whether rows that no week can be told from hold most of the cost.
fn hides_weeks(workload: &Workload) -> bool {
    // A day more than a week: an hour for clocks that change, and rows that end at 23:59:59.
    let is_long = |it: &&CostBin| it.period.len_us() as f64 > 8.0 * DAY_US;
    let usd = |bins: &mut dyn Iterator<Item = &CostBin>| -> f64 {
        bins.map(|it| it.cost.to_f64().abs()).sum()
    };
    let is_by_use = |it: &&CostBin| it.category != PricingCategory::Committed;
    let all = || workload.costs_before.iter().chain(&workload.costs).filter(is_by_use);
    usd(&mut all().filter(is_long)) * 2.0 > usd(&mut all())
}

fn whole(us: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let us = us.round() as u64;
    us
}

/// The forecast of a span that lies ahead of the data, with what actions save: one place for each
/// outlook. Fails only where amounts do not fit their type.
pub fn foresee(
    outlooks: &[Outlook],
    savings: &[Option<Saving>],
    span: Period,
    (assumed, currency): (&Assumptions, Currency),
) -> Result<Foreseen, MoneyError> {
    let savings = savings.iter().copied().chain(std::iter::repeat(None));
    let parts = outlooks.iter().zip(savings).map(|(it, saving)| it.parts(span, saving));
    let parts: Vec<Option<Parts>> = parts.collect::<Result<_, _>>()?;
    let known: Vec<(&Level, Parts)> = outlooks
        .iter()
        .zip(&parts)
        .filter_map(|(it, parts)| Some((it.level.as_ref()?, (*parts)?)))
        .collect();
    let rules = (&assumed.forecast, &assumed.risk);
    let each = known.iter().map(|it| expected(std::slice::from_ref(it), rules, currency));
    let mut each = each.collect::<Result<Vec<_>, _>>()?.into_iter();
    let all = if known.is_empty() { None } else { expected(&known, rules, currency)? };
    let each = parts.iter().map(|it| it.and_then(|_| each.next().flatten())).collect();
    Ok(Foreseen { all, each })
}

/// The sum of workloads and its range.
fn expected(
    known: &[(&Level, Parts)],
    (rules, risk): (&ForecastRules, &RiskRules),
    currency: Currency,
) -> Result<Option<Expected>, MoneyError> {
    let sum = |pick: fn(&Parts) -> Money| Money::sum(known.iter().map(|it| pick(&it.1)), currency);
    let (by_use, committed, saved) =
        (sum(|it| it.by_use)?, sum(|it| it.committed)?, sum(|it| it.saved)?);
    let left = by_use.checked_sub(saved)?;
    let mean = left.checked_add(committed)?;
    // After an action what is left moves as much for its size as before.
    let share = if by_use.is_zero() { 1.0 } else { left.to_f64() / by_use.to_f64() };
    let saved_half = known.iter().map(|it| it.1.saved_half.powi(2)).sum::<f64>();
    let half = ((half(known, rules, risk) * share).powi(2) + saved_half).sqrt();
    if !half.is_finite() {
        return Ok(None);
    }
    let half = Money::from_float((half * 1e6).round() / 1e6, currency)?;
    let low = mean.checked_sub(half)?;
    // Nothing costs less than what is paid either way.
    let low = if low < committed && !left.is_negative() { committed } else { low };
    Ok(Some(Expected { mean, low, high: mean.checked_add(half)? }))
}

/// Half of the range of several workloads: that of the sum of their days where they have the most weeks
/// of all, and what the others add, each by itself.
fn half(known: &[(&Level, Parts)], rules: &ForecastRules, risk: &RiskRules) -> f64 {
    let active: Vec<&(&Level, Parts)> = known.iter().filter(|it| it.1.growth > 0.0).collect();
    let most = active.iter().map(|it| it.0.residuals.len()).max().unwrap_or(0);
    let (together, single): (Vec<_>, Vec<_>) =
        active.iter().copied().partition(|it| it.0.residuals.len() == most);
    let of_single = single.iter().map(|it| half_together(&[*it], rules, risk).powi(2));
    let of_all = half_together(&together, rules, risk).powi(2);
    (of_single.sum::<f64>() + of_all).sqrt()
}

/// Of workloads whose levels have as many weeks.
fn half_together(known: &[&(&Level, Parts)], rules: &ForecastRules, risk: &RiskRules) -> f64 {
    let sum = |days: fn(&Level) -> &[f64], n: usize| -> Vec<f64> {
        let at_the_end = |it: &&(&Level, Parts), at: usize| {
            let days = days(it.0);
            days[days.len() - n + at] * it.1.growth
        };
        (0..n).map(|at| known.iter().map(|it| at_the_end(it, at)).sum()).collect()
    };
    let n_residuals = known.first().map_or(0, |it| it.0.residuals.len());
    let residuals = sum(|it| &it.residuals, n_residuals);
    let Some(spread) = Spread::of(&residuals, risk) else { return 0.0 };
    let n_days = known.iter().map(|it| it.0.days.len()).min().unwrap_or(0);
    let is_tried = known.iter().all(|it| it.0.backtest.is_some());
    let tried = if is_tried { range::backtest(&sum(|it| &it.days, n_days), rules) } else { None };
    let spread = Spread { sigma: spread.sigma.max(tried.map_or(0.0, |it| it.sigma)), ..spread };
    let of = |pick: fn(&Ahead) -> f64| known.iter().map(move |it| pick(&it.1.ahead));
    let ahead = Ahead {
        gap: of(|it| it.gap).fold(f64::INFINITY, f64::min),
        len: of(|it| it.len).fold(0.0, f64::max),
    };
    let trend = known.iter().map(|it| it.1.trend_error.powi(2)).sum::<f64>();
    let t = Risk::CONFIDENCE_Z;
    (spread.half(ahead, rules.surprise_kept).powi(2) + t * t * trend).sqrt()
}
