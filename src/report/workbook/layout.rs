//! A table and how it becomes a sheet.

use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Formula, Worksheet, XlsxError};

use super::day;
use crate::report::model::ReportModel;
use crate::report::number::Medium;
use crate::report::words;
use crate::units::Money;

/// Rows and characters that a spreadsheet takes.
const MOST_ROWS: usize = 1_048_576;
const LONGEST_TEXT: usize = 32_767;
/// Widths of columns in characters; what is longer than the last wraps.
const NARROWEST: usize = 8;
const WIDEST: usize = 60;
/// Room for the button of the filter.
const BUTTON: usize = 3;
/// Rows that decide how wide a column is: the first are the dearest, and like the others.
const MEASURED: usize = 500;
/// Points above and below a text of several lines: what stands above is drawn over its edge in print.
const SPACE: f64 = 4.0;
/// Number formats. A price of a token or an hour keeps its digits.
const MONEY: &str = "#,##0.00";
const RATE: &str = "#,##0.00####";

/// What stands in a cell.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    /// Nothing: not measured, or does not apply.
    Empty,
    Text(String),
    Money(Money),
    /// A cost per unit.
    Rate(Money),
    Number(f64),
    Whole(u64),
    /// A share of 1.
    Share(f64),
    /// A day.
    Day(String),
    /// A formula of ours and what it comes to.
    Formula(String, Money),
    /// The same of a number.
    Count(String, f64),
}

impl Cell {
    pub(super) fn text(text: impl AsRef<str>) -> Cell {
        Cell::Text(text.as_ref().to_owned())
    }

    /// A sentence of the model: amounts are rounded to cents and grouped, as in the cells beside it.
    pub(super) fn prose(report: &ReportModel, text: &str) -> Cell {
        Cell::Text(Medium::Terminal.prose(&words::plain(text), report.currency))
    }

    pub(super) fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
        value.map_or(Cell::Empty, cell)
    }

    pub(super) fn yes(flag: bool) -> Cell {
        Cell::text(if flag { "yes" } else { "no" })
    }

    /// Characters it takes on the screen.
    fn width(&self) -> usize {
        let money = |it: &Money| format!("{:.2}", it.to_f64()).len() * 4 / 3;
        match self {
            Cell::Empty => 0,
            Cell::Text(it) => it.chars().take(WIDEST + 1).count(),
            Cell::Money(it) | Cell::Formula(_, it) | Cell::Rate(it) => money(it),
            Cell::Number(it) | Cell::Count(_, it) => format!("{it:.2}").len() * 4 / 3,
            Cell::Whole(it) => it.to_string().len() * 4 / 3,
            Cell::Share(_) => 7,
            Cell::Day(_) => 11,
        }
    }
}

/// A sheet: a header, rows, and below them the totals of some columns.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Column and sum of the rows; nothing where no row has a number.
    pub(super) totals: Vec<(usize, Cell)>,
    /// Columns that stay when the sheet is moved to the right.
    pub(super) frozen: u16,
}

impl Table {
    /// As many rows as a spreadsheet takes with header and totals.
    pub(super) fn shown(&self) -> &[Vec<Cell>] {
        &self.rows[..self.rows.len().min(MOST_ROWS - 2)]
    }

    /// Where in the workbook the cells of a column are: `Plans!$K$2:$K$9`.
    pub(super) fn range(&self, column: usize) -> String {
        let letters = letters(column);
        let last = self.shown().len().max(1) + 1;
        format!("'{}'!${letters}$2:${letters}${last}", self.name)
    }

    /// Adds the total of a column, which is known to be `sum`.
    pub(super) fn total(&mut self, column: usize, sum: Option<Money>) {
        let formula = self.sum(column);
        self.totals.extend(sum.map(|it| (column, Cell::Formula(formula, it))));
    }

    /// The same of numbers.
    pub(super) fn count(&mut self, column: usize, sum: Option<f64>) {
        let formula = self.sum(column);
        self.totals.extend(sum.map(|it| (column, Cell::Count(formula, it))));
    }

    /// The sum of the rows that a filter leaves.
    fn sum(&self, column: usize) -> String {
        let letters = letters(column);
        format!("=SUBTOTAL(109,{letters}2:{letters}{})", self.shown().len().max(1) + 1)
    }
}

/// `A`, `Z`, `AA` for 0, 25, 26.
pub(super) fn letters(column: usize) -> String {
    let mut rest = column + 1;
    let mut letters = Vec::new();
    while rest > 0 {
        letters.push(char::from(b'A' + u8::try_from((rest - 1) % 26).unwrap_or(0)));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

/// The formats of a workbook.
pub(super) struct Formats {
    head: Format,
    text: Format,
    money: Format,
    rate: Format,
    number: Format,
    whole: Format,
    share: Format,
    day: Format,
    total: Format,
    total_money: Format,
    total_number: Format,
}

impl Formats {
    pub(super) fn new() -> Formats {
        let cell = || Format::new().set_align(FormatAlign::VerticalCenter);
        let total = || cell().set_bold().set_border_top(FormatBorder::Thin);
        Formats {
            head: cell()
                .set_bold()
                .set_text_wrap()
                .set_background_color(0x00E3_E7EB)
                .set_font_color(0x0017_202A)
                .set_border_bottom(FormatBorder::Thin),
            text: cell().set_text_wrap(),
            money: cell().set_num_format(MONEY),
            rate: cell().set_num_format(RATE),
            number: cell().set_num_format("#,##0.###"),
            whole: cell().set_num_format("#,##0"),
            share: cell().set_num_format("0.0%"),
            day: cell().set_num_format("d mmm yyyy").set_align(FormatAlign::Right),
            total: total(),
            total_money: total().set_num_format(MONEY),
            total_number: total().set_num_format("#,##0.##"),
        }
    }
}

/// Writes a table to a new sheet.
pub(super) fn write(
    sheet: &mut Worksheet,
    table: &Table,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let rows = table.shown();
    sheet.set_name(table.name)?;
    let widths: Vec<f64> = (0..table.heads.len()).map(|it| width(table, it)).collect();
    let heads =
        table.heads.iter().zip(&widths).map(|(head, width)| lines(head, *width - BUTTON as f64));
    sheet.set_row_height(0, height(heads.max().unwrap_or(1)))?;
    for (column, head) in (0..).zip(&table.heads) {
        sheet.write_string_with_format(0, column, head, &formats.head)?;
        sheet.set_column_width(column, widths[usize::from(column)])?;
    }
    for (row, cells) in (1..).zip(rows) {
        let texts = cells.iter().zip(&widths).filter_map(|(cell, width)| match cell {
            // Another program has other letters: a tenth of a line is left free.
            Cell::Text(it) => Some(lines(it, *width * 0.9)),
            _ => None,
        });
        if let Some(n) = texts.max().filter(|it| *it > 1) {
            sheet.set_row_height(row, height(n) + SPACE)?;
        }
        for (column, cell) in (0..).zip(cells) {
            put(sheet, (row, column), cell, formats)?;
        }
    }
    let last_column = u16::try_from(table.heads.len().saturating_sub(1)).unwrap_or(0);
    let last_row = u32::try_from(rows.len()).unwrap_or(0);
    sheet.autofilter(0, 0, last_row.max(1), last_column)?;
    sheet.set_freeze_panes(1, table.frozen)?;
    if !table.totals.is_empty() {
        let row = last_row.max(1) + 1;
        for column in 0..=last_column {
            sheet.write_blank(row, column, &formats.total)?;
        }
        sheet.write_string_with_format(row, 0, "Total of the rows shown", &formats.total)?;
        for (column, cell) in &table.totals {
            let column = u16::try_from(*column).unwrap_or(0);
            put_total(sheet, (row, column), cell, formats)?;
        }
    }
    page(sheet, table.name)
}

/// How it prints: A4 across, all columns on one page, the header on each.
fn page(sheet: &mut Worksheet, name: &str) -> Result<(), XlsxError> {
    const A4: u8 = 9;
    sheet.set_landscape().set_paper_size(A4).set_print_fit_to_pages(1, 0);
    sheet.set_repeat_rows(0, 0)?;
    sheet.set_footer(format!("&L{name}&RPage &P of &N"));
    Ok(())
}

/// A cell of the table.
fn put(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &Cell,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let mut number = |value: f64, format: &Format| -> Result<(), XlsxError> {
        if value.is_finite() {
            sheet.write_number_with_format(row, column, value, format)?;
        }
        Ok(())
    };
    match cell {
        Cell::Empty => Ok(()),
        Cell::Money(it) => number(it.nearest_f64(), &formats.money),
        Cell::Rate(it) => number(it.nearest_f64(), &formats.rate),
        Cell::Number(it) => number(*it, &formats.number),
        Cell::Share(it) => number(*it, &formats.share),
        #[expect(clippy::cast_precision_loss, reason = "a spreadsheet has doubles only")]
        Cell::Whole(it) => number(*it as f64, &formats.whole),
        Cell::Text(it) => {
            sheet.write_string_with_format(row, column, fitted(it), &formats.text)?;
            Ok(())
        }
        Cell::Day(it) => {
            match day(it) {
                Some(day) => sheet.write_datetime_with_format(row, column, day, &formats.day)?,
                None => sheet.write_string_with_format(row, column, fitted(it), &formats.text)?,
            };
            Ok(())
        }
        Cell::Formula(formula, result) => {
            formula_at(sheet, (row, column), (formula, result.nearest_f64()), &formats.money)
        }
        Cell::Count(formula, result) => {
            formula_at(sheet, (row, column), (formula, *result), &formats.number)
        }
    }
}

/// A cell of the totals.
fn put_total(
    sheet: &mut Worksheet,
    at: (u32, u16),
    cell: &Cell,
    formats: &Formats,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Formula(formula, sum) => {
            formula_at(sheet, at, (formula, sum.nearest_f64()), &formats.total_money)
        }
        Cell::Count(formula, sum) => formula_at(sheet, at, (formula, *sum), &formats.total_number),
        _ => Ok(()),
    }
}

fn formula_at(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    (formula, result): (&str, f64),
    format: &Format,
) -> Result<(), XlsxError> {
    let formula = Formula::new(formula).set_result(result.to_string());
    sheet.write_formula_with_format(row, column, formula, format)?;
    Ok(())
}

/// Text without control characters that a cell can hold; what is longer ends in an ellipsis.
fn fitted(text: &str) -> String {
    let text = words::plain(text);
    if text.len() <= LONGEST_TEXT || text.encode_utf16().count() <= LONGEST_TEXT {
        return text;
    }
    // The limit counts UTF-16, so a letter beyond the first plane counts twice.
    let mut room = LONGEST_TEXT - 1;
    let mut kept: String = text
        .chars()
        .take_while(|it| {
            let fits = room >= it.len_utf16();
            room = room.saturating_sub(it.len_utf16());
            fits
        })
        .collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    kept
}

/// Lines of a text that breaks between words: not every program makes room for them by itself.
fn lines(text: &str, width: f64) -> u32 {
    let width = width.max(1.0);
    let (mut n, mut used) = (1_u32, 0.0);
    for word in text.split_whitespace() {
        let letters = word.chars().take(LONGEST_TEXT).count() as f64;
        if used > 0.0 && used + 1.0 + letters <= width {
            used += 1.0 + letters;
            continue;
        }
        n += u32::from(used > 0.0);
        used = letters;
        while used > width {
            n += 1;
            used -= width;
        }
    }
    n
}

/// Points of so many lines; a text of a whole page is cut.
fn height(lines: u32) -> f64 {
    const MOST: u32 = 12;
    15.0 * f64::from(lines.min(MOST))
}

/// As wide as its longest cell; of the header the longest word, since it wraps.
#[expect(clippy::cast_precision_loss, reason = "a few dozen characters")]
fn width(table: &Table, column: usize) -> f64 {
    let words = table.heads[column].split(' ').map(|it| it.chars().count());
    let head = words.max().unwrap_or(0) + BUTTON;
    let cells = table.rows.iter().take(MEASURED).filter_map(|row| row.get(column));
    let totals = table.totals.iter().filter(|it| it.0 == column).map(|it| &it.1);
    let widest = cells.chain(totals).map(Cell::width).max().unwrap_or(0) + 1;
    widest.max(head).clamp(NARROWEST, WIDEST) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_their_letters() {
        for (column, expected) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")]
        {
            assert_eq!(letters(column), expected);
        }
    }

    #[test]
    fn texts_break_between_words() {
        for (text, width, expected) in [
            ("", 10.0, 1),
            ("one", 10.0, 1),
            ("one two", 7.0, 1),
            ("one two", 6.0, 2),
            ("one two three", 7.0, 2),
            ("abcdefghij", 4.0, 3),
        ] {
            assert_eq!(lines(text, width), expected, "{text:?} {width}");
        }
        assert_eq!(height(lines(&"x".repeat(10_000), 40.0)).to_bits(), 180.0_f64.to_bits());
    }

    #[test]
    fn a_text_fits_a_cell() {
        for text in ["x".repeat(40_000), "\u{1f680}".repeat(20_000), "é".repeat(32_768)] {
            let fitted = fitted(&text);
            assert!(fitted.encode_utf16().count() <= LONGEST_TEXT);
            assert!(fitted.ends_with('…'));
        }
        assert_eq!(fitted("a\u{0}\u{202e}b"), "a b");
        assert_eq!(fitted(&"é".repeat(32_767)).chars().last(), Some('é'));
    }
}
