//! The steps of a bridge, substituted in one fixed order so that their sum telescopes.

use super::Moved;
use super::month::{Deployment, Month, Spend};
use crate::units::{Currency, Money, MoneyError};

/// Milliseconds of an hour: GPU-hours are compared in whole GPU-milliseconds.
const MS: f64 = 3_600_000.0;

/// Why spend moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The window is longer or shorter.
    Days,
    /// The workload was not there before.
    New,
    /// It is not there any more.
    Ended,
    /// More or fewer GPU-hours, at the old rate.
    Volume,
    /// Another rate for the same GPU, provider, region and way of buying, at the new GPU-hours.
    Price,
    /// Another rate where one of these changed.
    Mix,
    /// Advice that was followed.
    Actions,
    /// What the data cannot attribute.
    Rest,
}

impl Step {
    /// All, in the order in which they are substituted and shown.
    pub const ALL: [Step; 8] = [
        Step::Days,
        Step::New,
        Step::Ended,
        Step::Volume,
        Step::Price,
        Step::Mix,
        Step::Actions,
        Step::Rest,
    ];

    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Step::Days => "days",
            Step::New => "new",
            Step::Ended => "ended",
            Step::Volume => "volume",
            Step::Price => "price",
            Step::Mix => "mix",
            Step::Actions => "actions",
            Step::Rest => "rest",
        }
    }
}

/// An amount for each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps([Money; Step::ALL.len()]);

impl Steps {
    /// Nothing.
    pub fn none(currency: Currency) -> Steps {
        Steps([Money::zero(currency); Step::ALL.len()])
    }

    /// The amount of one step.
    pub const fn of(&self, step: Step) -> Money {
        self.0[step as usize]
    }

    /// Every step with its amount.
    pub fn parts(&self) -> impl Iterator<Item = (Step, Money)> {
        Step::ALL.into_iter().zip(self.0)
    }

    /// Their sum.
    pub fn sum(&self) -> Result<Money, MoneyError> {
        Money::sum(self.0, self.0[0].currency())
    }

    /// Step by step.
    pub(super) fn plus(mut self, other: &Steps) -> Result<Steps, MoneyError> {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.checked_add(theirs)?;
        }
        Ok(self)
    }

    fn set(&mut self, step: Step, amount: Money) {
        self.0[step as usize] = amount;
    }
}

/// The steps of one workload; `followed` where its advice was.
pub(super) fn of(
    name: &str,
    (old, new): (&Month, &Month),
    followed: bool,
) -> Result<Moved, MoneyError> {
    let zero = Money::zero(old.currency);
    let (before, after) = (old.workloads.get(name), new.workloads.get(name));
    let cost = |it: Option<&Spend>| it.and_then(|it| it.cost);
    let mut it = Moved {
        name: name.to_owned(),
        old: cost(before),
        new: cost(after),
        difference: cost(after).unwrap_or(zero).checked_sub(cost(before).unwrap_or(zero))?,
        steps: Steps::none(old.currency),
        rest_because: None,
    };
    let whole = match (before, after) {
        (None, _) => Some(Step::New),
        (_, None) if followed => Some(Step::Actions),
        (_, None) => Some(Step::Ended),
        (Some(before), Some(after)) => match (before.cost, after.cost) {
            (Some(from), Some(to)) if from.is_negative() || to.is_negative() => {
                it.rest_because = Some("credits exceed its charges in one of the months");
                Some(Step::Rest)
            }
            (Some(_), Some(_)) => None,
            (None, None) => Some(Step::Rest),
            _ => {
                it.rest_because = Some("its cost is known in one of the months only");
                Some(Step::Rest)
            }
        },
    };
    match (whole, before, after) {
        (Some(step), ..) => it.steps.set(step, it.difference),
        (None, Some(before), Some(after)) => {
            let lengths = (length_us(old), length_us(new));
            it.rest_because = substitute(&mut it.steps, (before, after), lengths, followed)?;
        }
        (None, ..) => {}
    }
    Ok(it)
}

fn length_us(month: &Month) -> u64 {
    u64::try_from(month.window.len_us()).unwrap_or(0)
}

/// Both costs known and not negative. In this order, C0 and C1 being the costs, W the lengths of the
/// windows, H the GPU-hours:
///
/// - days = C0 x W1/W0 - C0
/// - volume = C0 x H1/H0 - C0 x W1/W0
/// - price or mix = C1 - C0 x H1/H0
///
/// 720 USD for 720 h become 1,230 USD for 820 h: in 744 hours instead of 720 the days are 24 USD,
/// the volume 820 - 744 = 76 USD, and 0.50 more for each of the 820 hours is a price of 410 USD.
fn substitute(
    steps: &mut Steps,
    (before, after): (&Spend, &Spend),
    (w0, w1): (u64, u64),
    followed: bool,
) -> Result<Option<&'static str>, MoneyError> {
    let (Some(c0), Some(c1)) = (before.cost, after.cost) else { return Ok(None) };
    let longer = scaled(c0, w1, w0)?;
    steps.set(Step::Days, longer.checked_sub(c0)?);
    let left = c1.checked_sub(longer)?;
    if followed {
        steps.set(Step::Actions, left);
        return Ok(None);
    }
    let hours = |it: &Spend| it.gpu_hours.and_then(whole_ms);
    let Some((h0, h1)) = hours(before).zip(hours(after)).filter(|it| it.0 > 0) else {
        steps.set(Step::Rest, left);
        let known = left.is_zero();
        return Ok((!known).then_some("its GPU-hours are not known in one of the months"));
    };
    let busier = scaled(c0, h1, h0)?;
    steps.set(Step::Volume, busier.checked_sub(longer)?);
    let rate = c1.checked_sub(busier)?;
    if h1 == 0 && !rate.is_zero() {
        steps.set(Step::Rest, rate);
        return Ok(Some("it is billed without GPU-hours"));
    }
    let step =
        if same_goods(&before.deployment, &after.deployment) { Step::Price } else { Step::Mix };
    steps.set(step, rate);
    Ok(None)
}

/// Whether a GPU-hour is the same thing to buy.
fn same_goods(a: &Deployment, b: &Deployment) -> bool {
    !a.mixed
        && !b.mixed
        && (&a.provider, &a.region, &a.gpu, a.purchase)
            == (&b.provider, &b.region, &b.gpu, b.purchase)
}

/// `amount x numerator / denominator`, rounded once to 10^-9; exactly the amount where they are the
/// same, so that equal months differ by nothing.
pub(super) fn scaled(amount: Money, numerator: u64, denominator: u64) -> Result<Money, MoneyError> {
    if numerator == denominator { Ok(amount) } else { amount.scale(numerator, denominator) }
}

/// GPU-hours in whole GPU-milliseconds; nothing below zero.
fn whole_ms(hours: f64) -> Option<u64> {
    let ms = (hours * MS).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    (ms >= 0.0).then_some(ms as u64)
}
