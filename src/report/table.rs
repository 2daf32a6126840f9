//! A table as text cells, drawn by HTML and Markdown alike.

use super::words;

/// Characters of a name that fit a line of any screen.
const LONGEST_UNCUT: usize = 32;

/// A column: its head with the unit, and whether its cells are numbers.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// What stands above.
    pub(crate) head: String,
    /// Numbers are right-aligned.
    pub(crate) numeric: bool,
}

/// What becomes of a table on a screen too narrow for its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Narrow {
    /// It stays a table: two columns, or many small numbers.
    Table,
    /// Each row becomes a list of heads and cells.
    Stack,
    /// The first cell takes a line of its own, the others stand below it in columns: for many rows
    /// of short cells that would be too long as lists.
    Lines,
}

/// Cells under heads. Every row has as many cells as there are columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// What the table shows.
    pub(crate) caption: String,
    /// The columns.
    pub(crate) columns: Vec<Column>,
    /// The rows; the first cell names the row.
    pub(crate) rows: Vec<Row>,
    /// What the reader must know about it, such as how many rows were left out.
    pub(crate) note: Option<String>,
    /// What becomes of it on a narrow screen.
    pub(crate) narrow: Narrow,
}

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Id of the part of the page that the first cell links to.
    pub(crate) anchor: Option<String>,
    /// True for the row to look at: the recommended plan.
    pub(crate) strong: bool,
    /// The cells.
    pub(crate) cells: Vec<String>,
}

impl Table {
    /// An empty table; a head that ends in `#` is a column of numbers. More than two columns do not
    /// fit a phone, so their rows are stacked there.
    pub(crate) fn new(caption: impl Into<String>, heads: &[&str]) -> Table {
        let columns = heads
            .iter()
            .map(|head| match head.strip_suffix('#') {
                Some(head) => Column { head: head.to_owned(), numeric: true },
                None => Column { head: (*head).to_owned(), numeric: false },
            })
            .collect();
        let narrow = if heads.len() > 2 { Narrow::Stack } else { Narrow::Table };
        Table { caption: caption.into(), columns, rows: Vec::new(), note: None, narrow }
    }

    /// The table with another form for narrow screens.
    pub(crate) fn narrow(mut self, narrow: Narrow) -> Table {
        self.narrow = narrow;
        self
    }

    /// Whether all cells but the first of a row are numbers.
    pub(crate) fn is_numeric(&self) -> bool {
        self.columns.iter().skip(1).all(|it| it.numeric)
    }

    /// The heads as properties of the style sheet, which stand before the cells of stacked rows. Whatever
    /// could end a text there is escaped.
    pub(crate) fn labels(&self) -> String {
        let heads = (1..).zip(&self.columns).skip(1);
        let labels = heads.map(|(at, it)| format!("--l{at}:'{}';", css_string(&it.head)));
        labels.collect::<Vec<_>>().concat()
    }

    /// Whether the rows are stacked on a narrow screen, so that cells must carry their heads.
    pub(crate) fn stacks(&self) -> bool {
        self.narrow == Narrow::Stack
    }

    /// The class of the style sheet for narrow screens, behind another class.
    pub(crate) fn narrow_class(&self) -> String {
        match self.narrow {
            Narrow::Table => String::new(),
            Narrow::Stack => " stack".to_owned(),
            Narrow::Lines => format!(" lines below{}", self.columns.len().saturating_sub(1)),
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "{}", self.caption);
        self.rows.push(Row { anchor: None, strong: false, cells });
    }

    /// Adds a row whose first cell links to `anchor`.
    pub(crate) fn push_linked(&mut self, anchor: String, cells: Vec<String>) {
        self.push(cells);
        if let Some(row) = self.rows.last_mut() {
            row.anchor = Some(anchor);
        }
    }

    /// Adds a row that stands out where `strong`.
    pub(crate) fn push_strong(&mut self, strong: bool, cells: Vec<String>) {
        self.push(cells);
        if let Some(row) = self.rows.last_mut() {
            row.strong = strong;
        }
    }

    /// The cells of a row with their columns.
    pub(crate) fn cells<'a>(&'a self, row: &'a Row) -> Vec<(&'a Column, &'a String)> {
        self.columns.iter().zip(&row.cells).collect()
    }

    /// Whether there is anything to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// A cell in the pieces between which a line may end: after the marks that part a long id, so that
/// `arn:aws:savingsplans::1:savingsplan/0877432` is not cut inside its last part.
pub(crate) fn pieces(cell: &str) -> Vec<&str> {
    if cell.chars().count() <= LONGEST_UNCUT {
        return vec![cell];
    }
    cell.split_inclusive(['/', ':']).collect()
}

/// A text inside the quotes of a style, itself inside those of an attribute.
fn css_string(text: &str) -> String {
    let plain = words::plain(text);
    let escaped = plain.chars().map(|it| match it {
        ' ' => it.to_string(),
        it if it.is_alphanumeric() => it.to_string(),
        it => format!("\\{:x} ", u32::from(it)),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ids_end_a_line_at_their_marks() {
        assert_eq!(pieces("offers/aws.toml"), ["offers/aws.toml"]);
        assert_eq!(
            pieces("arn:aws:savingsplans::10:savingsplan/0877432"),
            ["arn:", "aws:", "savingsplans:", ":", "10:", "savingsplan/", "0877432"]
        );
        assert_eq!(pieces(""), [""]);
    }

    #[test]
    fn a_head_stays_a_text_in_a_style() {
        let table = Table::new("", &["Plan", "USD/month#", "\"'};</style>é\\"]);
        let expected =
            "--l2:'USD\\2f month';--l3:'\\22 \\27 \\7d \\3b \\3c \\2f style\\3e é\\5c ';";
        assert_eq!(table.labels(), expected);
        assert!(Table::new("", &["What", "Value#"]).is_numeric() && !table.is_numeric());
    }
}
