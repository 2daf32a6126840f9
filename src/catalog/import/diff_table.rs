//! A comparison of two price lists as text of at most 80 columns.

use std::fmt::Write;

use super::diff::{Change, Diff};

/// The groups that moved, and of the offers that rose and fell the first `most` each.
pub fn render(diff: &Diff, most: usize) -> String {
    let mut text = format!(
        "{:<24} {:<17} {:>8} {:>5} {:>5} {:>5} {:>4} {:>4}\n",
        "GPU", "PURCHASE", "MEDIAN", "ROSE", "FELL", "SAME", "NEW", "GONE"
    );
    let moved = |it: &&super::diff::GroupChange| it.rose + it.fell + it.new + it.gone > 0;
    for it in diff.groups.iter().filter(moved) {
        let purchase = cut(&it.purchase.to_string(), 17);
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "{:<24} {purchase:<17} {:>8} {:>5} {:>5} {:>5} {:>4} {:>4}",
            cut(&it.gpu, 24),
            percent(it.median_percent),
            it.rose,
            it.fell,
            it.same,
            it.new,
            it.gone
        );
    }
    for (title, changes) in [
        ("DEARER", &diff.rose),
        ("CHEAPER", &diff.fell),
        ("IN ANOTHER CURRENCY", &diff.other_currency),
    ] {
        list(&mut text, title, changes, most);
    }
    let _ = writeln!(
        text,
        "{} rose, {} fell, {} the same, {} new, {} gone",
        diff.rose.len(),
        diff.fell.len(),
        diff.same,
        diff.new.len(),
        diff.gone.len()
    );
    text
}

fn list(text: &mut String, title: &str, changes: &[Change], most: usize) {
    if changes.is_empty() {
        return;
    }
    let _ =
        writeln!(text, "\n{title:<34} {:<15} {:>9} {:>9} {:>8}", "REGION", "OLD", "NEW", "CHANGE");
    for it in changes.iter().take(most) {
        let name = format!("{} {} {}", it.key.provider, it.key.instance_type, it.key.purchase);
        let _ = writeln!(
            text,
            "{:<34} {:<15} {:>9.4} {:>9.4} {:>8}",
            cut(&name, 34),
            cut(&it.key.region, 15),
            it.old.to_f64(),
            it.new.to_f64(),
            percent(it.percent)
        );
    }
    if let Some(more) = changes.len().checked_sub(most).filter(|it| *it > 0) {
        let _ = writeln!(text, "and {more} more");
    }
}

/// A change with its sign, `+48.3 %`; a dash where there is none.
fn percent(value: Option<f64>) -> String {
    match value {
        // No minus before a zero that is only rounded to one.
        Some(value) if value.abs() < 0.05 => "0.0 %".to_owned(),
        Some(value) if value >= 10_000.0 => ">9999 %".to_owned(),
        Some(value) => format!("{value:+.1} %"),
        None => "-".to_owned(),
    }
}

fn cut(text: &str, width: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(width).collect()
}
