//! At most two charts: from today's month to that of the advice, and what each workload costs.

use super::Picture;
use super::page::{MAIL, Months, Page};
use crate::report::RenderError;
use crate::report::chart::{Chart, MonthBar, Paid, Theme, months};
use crate::units::Money;

/// The name of the chart of the actions.
pub(super) const ACTIONS: &str = "actions";
/// The name of the chart of the costs.
pub(super) const COSTS: &str = "costs";
/// Pixels to a pixel of the drawing: sharp at 600 px on screens of twice the density.
const SCALE: f32 = 2.0;
/// Most bars of one sort.
const MOST: usize = 8;

/// The charts there is something to show for.
pub(super) fn pictures(page: &Page) -> Result<Vec<Picture>, RenderError> {
    let it = &page.months;
    let mut pictures = Vec::new();
    if let (Some(today), Some(after), false) = (it.today, it.after, it.actions.is_empty()) {
        pictures.push(picture(
            ACTIONS,
            &actions(page, today, after)?,
            alt_of_actions(page, today, after),
            page,
        )?);
    }
    if it.workloads.len() > 1 {
        pictures.push(picture(COSTS, &costs(page)?, alt_of_costs(page), page)?);
    }
    Ok(pictures)
}

fn picture(
    name: &'static str,
    chart: &Chart,
    alt: String,
    page: &Page,
) -> Result<Picture, RenderError> {
    let png = chart.png(&page.months.period, SCALE, Theme::Light)?;
    Ok(Picture { name, alt, png })
}

/// The first of a list, and how many and how much the others are.
fn first<T: Clone>(all: &[T]) -> (Vec<T>, &[T]) {
    // One more alone is shown as itself.
    let n = if all.len() > MOST { MOST - 1 } else { all.len() };
    (all[..n].to_vec(), &all[n..])
}

/// Today, what each action takes off, and what is left.
fn actions(page: &Page, today: Money, after: Money) -> Result<Chart, RenderError> {
    let (shown, others) = first(&page.months.actions);
    let rest: f64 = others.iter().map(|it| it.1.to_f64()).sum();
    let mut bars = vec![MonthBar {
        label: "A month today".to_owned(),
        amount: MAIL.money(today),
        start: 0.0,
        parts: vec![(today.to_f64(), Paid::Today)],
        strong: true,
    }];
    let mut left = today.to_f64();
    let mut take = |label: String, saved: f64, amount: String| {
        left -= saved;
        bars.push(MonthBar {
            label,
            amount,
            start: left.max(0.0),
            parts: vec![(saved, Paid::Saved)],
            strong: false,
        });
    };
    for (label, saved) in &shown {
        take(label.clone(), saved.to_f64(), format!("{} less", MAIL.money(*saved)));
    }
    if !others.is_empty() {
        take(format!("{} more", others.len()), rest, format!("{} less", MAIL.measure(rest)));
    }
    bars.push(MonthBar {
        label: "With the advice".to_owned(),
        amount: MAIL.money(after),
        start: 0.0,
        parts: vec![(after.to_f64(), Paid::After)],
        strong: true,
    });
    months(title_of_actions(page, today, after), subtitle(page), &bars)
}

fn title_of_actions(page: &Page, today: Money, after: Money) -> String {
    let n = page.months.actions.len();
    format!(
        "{} a month from {} to {} {}",
        if n == 1 { "1 action takes".to_owned() } else { format!("{n} actions take") },
        MAIL.money_whole(today),
        MAIL.money_whole(after),
        today.currency()
    )
}

fn subtitle(page: &Page) -> String {
    let currency = page.months.today.map(|it| it.currency().to_string()).unwrap_or_default();
    format!("{currency} in a month of 730 h at the traffic of {}", page.months.period)
}

fn alt_of_actions(page: &Page, today: Money, after: Money) -> String {
    let steps = page.months.actions.iter().take(MOST);
    let steps: Vec<String> =
        steps.map(|(label, saved)| format!("{label} saves {}", MAIL.money(*saved))).collect();
    format!("{}: {}.", title_of_actions(page, today, after), steps.join("; "))
}

/// What each workload costs, and what of it can be saved.
fn costs(page: &Page) -> Result<Chart, RenderError> {
    let (shown, others) = first(&page.months.workloads);
    let mut bars: Vec<MonthBar> = shown
        .iter()
        .map(|(name, month, saves)| {
            cost(name.clone(), month.to_f64(), saves.to_f64(), beside(*month, *saves))
        })
        .collect();
    if !others.is_empty() {
        let sum = |of: &dyn Fn(&(String, Money, Money)) -> Money| -> f64 {
            others.iter().map(|it| of(it).to_f64()).sum()
        };
        let (month, saves) = (sum(&|it| it.1), sum(&|it| it.2));
        bars.push(cost(format!("{} more", others.len()), month, saves, MAIL.measure(month)));
    }
    months(
        title_of_costs(&page.months),
        format!("{}; the pale part can be saved", subtitle(page)),
        &bars,
    )
}

fn cost(label: String, month: f64, saves: f64, amount: String) -> MonthBar {
    let saves = saves.clamp(0.0, month.max(0.0));
    let parts = vec![(month - saves, Paid::After), (saves, Paid::Savable)];
    MonthBar { label, amount, start: 0.0, parts, strong: false }
}

fn beside(month: Money, saves: Money) -> String {
    if saves.is_zero() {
        return MAIL.money(month);
    }
    format!("{}, less {}", MAIL.money_whole(month), MAIL.money_whole(saves))
}

fn title_of_costs(it: &Months) -> String {
    let Some((name, month, _)) = it.workloads.first() else { return String::new() };
    format!("{name} costs the most, {} {} a month", MAIL.money_whole(*month), month.currency())
}

fn alt_of_costs(page: &Page) -> String {
    let rows = page.months.workloads.iter().take(MOST).map(|(name, month, saves)| {
        let saved = if saves.is_zero() {
            String::new()
        } else {
            format!(", {} can be saved", MAIL.money(*saves))
        };
        format!("{name} {}{saved}", MAIL.money(*month))
    });
    format!("{}: {}.", title_of_costs(&page.months), rows.collect::<Vec<_>>().join("; "))
}
