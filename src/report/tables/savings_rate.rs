//! What is saved already: the Effective Savings Rate in both published forms, and what better terms would
//! have saved.

use super::money_in;
use crate::report::model::ReportModel;
use crate::report::number::{DASH, Medium};
use crate::report::table::{Narrow, Table};
use crate::units::Money;

/// The two rates and what was left on the table, each with its meaning; nothing without a cost.
pub(crate) fn savings_rate(report: &ReportModel, medium: Medium) -> Table {
    let totals = &report.totals;
    let mut table = Table::new(
        "Effective Savings Rate: what discounts and commitments save already",
        &["What", "Value#", "Means"],
    )
    .narrow(Narrow::Stack);
    if totals.effective_cost.is_none() {
        return table;
    }
    let rates = &totals.effective_savings_rate;
    let percent = |it: Option<f64>| it.map_or_else(|| DASH.to_owned(), |it| medium.percent(it));
    table.push(vec![
        "Against list prices".to_owned(),
        percent(rates.over_list),
        means(rates.over_list, totals.list_cost, ("public", "list"), medium),
    ]);
    table.push(vec![
        "Against contracted prices".to_owned(),
        percent(rates.over_contracted),
        means(rates.over_contracted, totals.contracted_cost, ("negotiated", "contracted"), medium),
    ]);
    let left = match totals.left_on_the_table {
        Some(_) => {
            "what terms bought at the best time would have saved in the window, had demand been known; of \
             demand after the advice, and in no other sum"
        }
        None => {
            "not known: no commitment has a case here, or its demand is too large to look back on"
        }
    };
    table.push(vec![
        format!("Left on the table, {}", report.currency),
        money_in(totals.left_on_the_table, medium),
        left.to_owned(),
    ]);
    table
}

/// What a rate says, or why there is none.
fn means(
    rate: Option<f64>,
    price: Option<Money>,
    (which, name): (&str, &str),
    medium: Medium,
) -> String {
    let Some(rate) = rate else { return format!("not known: the data have no {name} cost") };
    let less = if rate < 0.0 { "more" } else { "less" };
    let of = price.map(|it| format!(" of {}", medium.money(it))).unwrap_or_default();
    format!(
        "paid {less} than the same use costs at {which} prices{of}, after what of commitments nobody used"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::fixture;

    #[test]
    fn both_rates_have_words_also_where_one_is_not_known() {
        let mut report = fixture::report();
        report.totals.effective_savings_rate.over_list = Some(0.37);
        report.totals.effective_savings_rate.over_contracted = None;
        let table = savings_rate(&report, Medium::Terminal);
        let cells: Vec<_> = table.rows.iter().map(|it| it.cells[1].as_str()).collect();
        assert_eq!(cells[..2], ["37 %", "–"]);
        assert!(table.rows[0].cells[2].starts_with("paid less than the same use costs at public"));
        assert_eq!(table.rows[1].cells[2], "not known: the data have no contracted cost");
        report.totals.effective_savings_rate.over_list = Some(-0.02);
        let table = savings_rate(&report, Medium::Terminal);
        assert!(table.rows[0].cells[2].starts_with("paid more than"));
        let page = crate::report::render(
            &report,
            crate::report::Format::Html,
            &crate::report::TerminalStyle::default(),
        );
        assert!(page.unwrap().contains("Against contracted prices"));
    }
}
