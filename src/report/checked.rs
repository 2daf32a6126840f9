//! How good the advice was on data it had not seen: the figures of docs/backtest.md, read from it as it was
//! when the program was made. They are of other series than the report's own.

use super::table::{Narrow, Table};

/// What a test measured and holds to.
const MEASURED: &str = include_str!("../../docs/backtest.md");

/// The bars with what was found, and the regret against hindsight.
pub(crate) fn checked() -> Table {
    let heads = ["On the second half of a series, advised from its first", "Found#"];
    let mut table = Table::new("How this advice was checked", &heads).narrow(Narrow::Table);
    for [bar, found] in bars() {
        table.push(vec![bar.to_owned(), minus(found)]);
    }
    for of in ["Helios", "ServeGen"] {
        if let Some(regret) = regret(of) {
            table.push(vec![
                format!("{of}: dearer than the best in hindsight, where limits are kept"),
                minus(regret),
            ]);
        }
    }
    table.note = Some(
        "Not of this report's data: 8 clusters of Helios and 30 clients of ServeGen, every series in \
         docs/backtest.md, to which a test holds this version. (a) is pay as you go that follows demand, (b) the peak reserved, (c) the \
         rule of thumb, (d) the best single plan in hindsight."
            .to_owned(),
    );
    table
}

/// With the minus sign of a page.
fn minus(text: &str) -> String {
    text.replacen('-', "\u{2212}", usize::from(text.starts_with('-')))
}

/// A section of the document without its title.
fn section(title: &str) -> Option<&'static str> {
    let (_, rest) = MEASURED.split_once(&format!("\n## {title}\n"))?;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

/// The rows of the table of bars, its head and rule left out.
fn bars() -> Vec<[&'static str; 2]> {
    let rows = section("Bars").unwrap_or_default().lines().filter(|it| it.starts_with('|'));
    let cells = |row: &'static str| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        Some([cells.next()?, cells.next()?])
    };
    rows.skip(2).filter_map(cells).collect()
}

/// `+7.3 %` of `+7.3 % regret`.
fn regret(of: &str) -> Option<&'static str> {
    let (before, _) = section(of)?.split_once(" regret,")?;
    let number = before.strip_suffix(" %")?;
    let start = number.rfind([' ', '\n']).map_or(0, |at| at + 1);
    before.get(start..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_the_document() {
        let all = bars();
        assert!(all.len() >= 10, "{all:?}");
        for [bar, found] in &all {
            assert!(MEASURED.contains(&format!("| {bar} | {found} | ")), "{bar}");
        }
        for of in ["Helios", "ServeGen"] {
            let regret = regret(of).unwrap();
            assert!(regret.ends_with(" %") && regret.len() < 10, "{regret}");
            assert!(MEASURED.contains(&format!("{regret} regret")));
        }
        assert_eq!(checked().rows.len(), all.len() + 2);
    }
}
