//! A table as text cells, drawn by HTML and Markdown alike.

/// A column: its head with the unit, and whether its cells are numbers.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// What stands above.
    pub(crate) head: String,
    /// Numbers are right-aligned.
    pub(crate) numeric: bool,
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
    /// An empty table; a head that ends in `#` is a column of numbers.
    pub(crate) fn new(caption: impl Into<String>, heads: &[&str]) -> Table {
        let columns = heads
            .iter()
            .map(|head| match head.strip_suffix('#') {
                Some(head) => Column { head: head.to_owned(), numeric: true },
                None => Column { head: (*head).to_owned(), numeric: false },
            })
            .collect();
        Table { caption: caption.into(), columns, rows: Vec::new(), note: None }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "{}", self.caption);
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
