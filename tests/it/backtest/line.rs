//! One series: advised on its first half, charged on its second.

use gpuadvise::recommend::Risk;
use gpuadvise::workload::Workload;

use super::data::{Client, Cluster, Half, Setting};
use super::ways::{Charged, Shop, Sizing, best, held, level, monthly, today};

/// What became of one series; money in USD a month of 730 hours, of the second half unless it says
/// otherwise.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// Today's cost in the first half.
    pub(super) today: f64,
    /// What was advised.
    pub(super) ours: Charged,
    /// The same with commitments from the first day.
    pub(super) early: Charged,
    /// Pay as you go that follows each hour.
    pub(super) follow: f64,
    /// The peak of the first half reserved, the rest pay as you go.
    pub(super) reserve: f64,
    /// The article's rule, and what it says.
    pub(super) rule: (&'static str, f64),
    /// The best plan in hindsight.
    pub(super) hindsight: f64,
    /// Pay as you go that the simulation scales, within the limits of the first half.
    pub(super) scaled: Charged,
    /// What the advice said it would save, with its range; nothing where it saves nothing.
    pub(super) promise: Option<Promise>,
}

/// A saving as it was promised and as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) saving: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) realised: f64,
}

impl Promise {
    /// Whether what came is in the range, to the cent.
    pub(super) fn is_kept(&self) -> bool {
        (self.low - 0.01..=self.high + 0.01).contains(&self.realised)
    }

    /// Whether the range is one number.
    pub(super) fn is_certain(&self) -> bool {
        self.high - self.low < 0.01
    }
}

/// Whole weeks in so many hours, at least one.
fn whole_weeks(hours: f64) -> usize {
    (1..52).filter(|n| f64::from(*n) * 168.0 <= hours).count().max(1)
}

fn line(
    name: &str,
    (first, second): (&Workload, &Workload),
    // (a) and (b) in the second half, and in the first where the rule has to choose.
    ((follow, reserve), before): ((f64, f64), impl Fn() -> (f64, f64)),
    (shop, free): (&Shop, &Shop),
) -> Line {
    let (then, now) = (shop.describe(first), shop.describe(second));
    let advised = shop.advise(first, &then);
    let ours = shop.follow(&advised, (second, &now));
    let rule = shop.rule((&advised, &then), (second, &now), ((follow, reserve), before));
    let kept = shop.charge(today(&advised), &advised, (second, &now)).usd;
    let early = free.follow(&free.advise(first, &then), (second, &now));
    // The range of as many weeks as come.
    let n_weeks = whole_weeks(second.window.hours());
    let saving = advised.advice.monthly_savings;
    let rules = &shop.catalog.assumptions.risk;
    let range = advised.saved_by_day.as_ref();
    let range = range.and_then(|it| Risk::over(n_weeks, (saving, it), rules, 0));
    let promise = range.map(|it| Promise {
        saving: saving.to_f64(),
        low: it.low.to_f64(),
        high: it.high.to_f64(),
        realised: kept - ours.usd,
    });
    Line {
        name: name.to_owned(),
        today: today(&advised).monthly_cost.to_f64(),
        scaled: shop.scaled(&advised, (second, &now)),
        ours,
        early,
        follow,
        reserve,
        rule,
        hindsight: best(&free.in_hindsight(second, &now)).monthly_cost.to_f64(),
        promise,
    }
}

pub(super) fn of_cluster(cluster: &Cluster, setting: &Setting, shops: (&Shop, &Shop)) -> Line {
    let catalog = &shops.0.catalog;
    let first = cluster.workload(Half::First, setting, catalog);
    let second = cluster.workload(Half::Second, setting, catalog);
    let (before, peak) = level(&first, 0, setting, catalog);
    let reserved = |half: &Workload| level(half, peak, setting, catalog).0;
    let after = (level(&second, 0, setting, catalog).0, reserved(&second));
    line(&cluster.name, (&first, &second), (after, || (before, reserved(&first))), shops)
}

pub(super) fn of_client(client: &Client, setting: &Setting, shops: (&Shop, &Shop)) -> Line {
    let catalog = &shops.0.catalog;
    let of = |half, hours: &[u32]| client.workload(half, (setting, hours), catalog);
    let sizing = |half| Sizing::of(of(half, &vec![1; client.n_hours(half)]), catalog);
    let (first, second) = (sizing(Half::First), sizing(Half::Second));
    let (peak, before, after) = (first.fixed(), first.by_hour(), second.by_hour());
    let (payg, reserved) = (setting.payg(catalog).rate, setting.reserved(catalog).rate);
    let both = |hours: &[u32]| {
        (monthly(hours, 0, payg), held(peak, reserved) + monthly(hours, peak, payg))
    };
    let halves = (&of(Half::First, &before), &of(Half::Second, &after));
    line(&client.name, halves, (both(&after), || both(&before)), shops)
}
