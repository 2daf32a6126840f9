//! Columns that cost what they say: nothing where all rows say the same, a byte or two where values
//! repeat, the values themselves where they do not.
//!
//! A year of hours of ten thousand workloads is 88 million rows. Most columns of such a table are
//! empty or repeat a few values, so a column keeps each value once and a code per row; one whose
//! values turn out not to repeat is written out. Which form it has is never seen from outside.

use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Index;

use foldhash::fast::FixedState;
use indexmap::IndexSet;

use super::codes::Codes;

/// Most distinct numbers that a column keeps as codes, so that a code fits two bytes.
const MOST_CODED: usize = 65_534;
/// Distinct numbers after which a column must repeat them to keep them as codes.
const PROBE: usize = 4096;
/// 10^9: a nano-unit in the finest unit of an amount.
const NANO: i128 = 1_000_000_000;

/// Values in the order of first sight, each with its place.
pub(super) type Interned<T> = IndexSet<T, FixedState>;

/// The place of a value, as a code.
#[expect(clippy::cast_possible_truncation, reason = "four billion distinct values fit no memory")]
fn code(at: usize) -> u32 {
    at as u32
}

/// A column in which every row has a value, and values repeat.
#[derive(Clone, Debug)]
pub struct Repeated<T> {
    pub(super) codes: Codes,
    pub(super) values: Interned<T>,
}

impl<T> Default for Repeated<T> {
    fn default() -> Repeated<T> {
        Repeated { codes: Codes::default(), values: Interned::default() }
    }
}

impl<T: Copy + Eq + Hash> Repeated<T> {
    /// So many rows with one value.
    pub fn same(value: T, n: usize) -> Repeated<T> {
        let mut column = Repeated::default();
        column.codes = Codes::Same(code(column.values.insert_full(value).0), n);
        column
    }

    /// Appends a value.
    pub fn push(&mut self, value: T) {
        let last = self.len().checked_sub(1).and_then(|row| self.codes.get(row));
        let again = last.filter(|it| self.values.get_index(*it as usize) == Some(&value));
        let code = again.unwrap_or_else(|| code(self.values.insert_full(value).0));
        self.codes.push(code);
    }

    /// Gives back what was kept for more rows.
    pub fn shrink_to_fit(&mut self) {
        self.codes.shrink_to_fit();
        self.values.shrink_to_fit();
    }

    /// The value of a row.
    pub fn get(&self, row: usize) -> Option<T> {
        self.values.get_index(self.codes.get(row)? as usize).copied()
    }

    /// The values of all rows.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        (0..self.len()).filter_map(|row| self.get(row))
    }

    /// A number that is equal for equal values of this column.
    pub fn code(&self, row: usize) -> u32 {
        self.codes.get(row).unwrap_or(0)
    }

    /// One more than the largest code.
    pub fn n_codes(&self) -> usize {
        self.values.len()
    }

    /// The values in the order of their codes; a row need not have each of them.
    pub fn values(&self) -> impl Iterator<Item = T> {
        self.values.iter().copied()
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn append(&mut self, other: &Repeated<T>) {
        let map: Vec<u32> =
            other.values.iter().map(|it| code(self.values.insert_full(*it).0)).collect();
        self.codes.append(&other.codes, &map);
    }

    pub(super) fn keep(&mut self, rows: &[bool]) {
        self.codes.keep(rows);
    }
}

impl<T: Copy + Eq + Hash> Index<usize> for Repeated<T> {
    type Output = T;

    fn index(&self, row: usize) -> &T {
        &self.values[self.code(row) as usize]
    }
}

/// A column of texts that repeat, or are missing.
#[derive(Clone, Debug, Default)]
pub struct TextColumn {
    /// 0 for none, else one more than the place of the text.
    pub(super) codes: Codes,
    values: Interned<String>,
}

impl TextColumn {
    /// Appends a text or nothing.
    pub fn push(&mut self, value: Option<&str>) {
        let code = value.map_or(0, |it| self.intern(it));
        self.codes.push(code);
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.text_of(self.code(row))
    }

    /// A number that is equal for equal texts of this column; 0 for none.
    pub fn code(&self, row: usize) -> u32 {
        self.codes.get(row).unwrap_or(0)
    }

    /// The text of a code.
    pub fn text_of(&self, code: u32) -> Option<&str> {
        (code as usize).checked_sub(1).and_then(|at| self.values.get_index(at)).map(String::as_str)
    }

    /// One more than the largest code.
    pub fn n_codes(&self) -> usize {
        self.values.len() + 1
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So many rows without a text.
    pub fn missing(n: usize) -> TextColumn {
        TextColumn { codes: Codes::Same(0, n), values: Interned::default() }
    }

    /// Rows by the codes of a list of texts: 0 for none, else one more than its place.
    pub fn of_codes(texts: &[Option<String>], codes: impl Iterator<Item = u32>) -> TextColumn {
        let mut column = TextColumn::default();
        let map: Vec<u32> = std::iter::once(0)
            .chain(texts.iter().map(|it| it.as_deref().map_or(0, |it| column.intern(it))))
            .collect();
        for code in codes {
            column.codes.push(map.get(code as usize).copied().unwrap_or(0));
        }
        column
    }

    /// The column with every text replaced.
    #[must_use]
    pub fn mapped(&self, of: impl Fn(&str) -> String) -> TextColumn {
        let texts: Vec<Option<String>> = self.values.iter().map(|it| Some(of(it))).collect();
        TextColumn::of_codes(&texts, (0..self.len()).map(|row| self.code(row)))
    }

    pub(super) fn intern(&mut self, value: &str) -> u32 {
        let at = match self.values.get_index_of(value) {
            Some(at) => at,
            None => self.values.insert_full(value.to_owned()).0,
        };
        code(at + 1)
    }

    pub(super) fn append(&mut self, other: &TextColumn) {
        let map: Vec<u32> =
            std::iter::once(0).chain(other.values.iter().map(|it| self.intern(it))).collect();
        self.codes.append(&other.codes, &map);
    }

    pub(super) fn keep(&mut self, rows: &[bool]) {
        self.codes.keep(rows);
    }
}

/// A number that a column can hold.
pub trait Number: Copy + PartialEq + Debug {
    /// What tells two of them apart, bit by bit.
    type Key: Copy + Eq + Hash + Debug;
    /// A shorter form that most of them have.
    type Short: Copy + Debug;
    /// The number as its key.
    fn key(self) -> Self::Key;
    /// The number of a key.
    fn of_key(key: Self::Key) -> Self;
    /// The short form, if there is one.
    fn short(self) -> Option<Self::Short>;
    /// The number of a short form.
    fn of_short(short: Self::Short) -> Self;
    /// What stands where there is no number.
    const NOTHING: Self::Short;
}

impl Number for f64 {
    type Key = u64;
    type Short = f64;
    const NOTHING: f64 = 0.0;

    fn key(self) -> u64 {
        self.to_bits()
    }

    fn of_key(key: u64) -> f64 {
        f64::from_bits(key)
    }

    fn short(self) -> Option<f64> {
        Some(self)
    }

    fn of_short(short: f64) -> f64 {
        short
    }
}

impl Number for u64 {
    type Key = u64;
    type Short = u32;
    const NOTHING: u32 = 0;

    fn key(self) -> u64 {
        self
    }

    fn of_key(key: u64) -> u64 {
        key
    }

    fn short(self) -> Option<u32> {
        u32::try_from(self).ok()
    }

    fn of_short(short: u32) -> u64 {
        u64::from(short)
    }
}

impl Number for u32 {
    type Key = u32;
    type Short = u32;
    const NOTHING: u32 = 0;

    fn key(self) -> u32 {
        self
    }

    fn of_key(key: u32) -> u32 {
        key
    }

    fn short(self) -> Option<u32> {
        Some(self)
    }

    fn of_short(short: u32) -> u32 {
        short
    }
}

/// An amount in 10^-18; most are whole in 10^-9.
impl Number for i128 {
    type Key = i128;
    type Short = i64;
    const NOTHING: i64 = 0;

    fn key(self) -> i128 {
        self
    }

    fn of_key(key: i128) -> i128 {
        key
    }

    fn short(self) -> Option<i64> {
        (self % NANO == 0).then(|| i64::try_from(self / NANO).ok()).flatten()
    }

    fn of_short(short: i64) -> i128 {
        i128::from(short) * NANO
    }
}

/// Numbers one by one, and which rows have one.
#[derive(Clone, Debug)]
pub(super) struct Written<V> {
    values: Vec<V>,
    present: Vec<u64>,
}

impl<V: Copy> Written<V> {
    pub(super) fn new() -> Written<V> {
        Written { values: Vec::new(), present: Vec::new() }
    }

    fn shrink_to_fit(&mut self) {
        self.values.shrink_to_fit();
        self.present.shrink_to_fit();
    }

    pub(super) fn push(&mut self, value: V, is_there: bool) {
        let row = self.values.len();
        if row.is_multiple_of(64) {
            self.present.push(0);
        }
        if let Some(word) = self.present.last_mut().filter(|_| is_there) {
            *word |= 1 << (row % 64);
        }
        self.values.push(value);
    }

    fn get(&self, row: usize) -> Option<V> {
        let is_there = self.present.get(row / 64)? >> (row % 64) & 1 == 1;
        self.values.get(row).copied().filter(|_| is_there)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Form<T: Number> {
    /// 0 for none, else one more than the place of the number.
    Coded(Codes, Interned<T::Key>),
    Short(Written<T::Short>),
    Long(Written<T>),
}

/// A column of numbers, of which any may be missing.
#[derive(Clone, Debug)]
pub struct Column<T: Number>(pub(super) Form<T>);

impl<T: Number> Default for Column<T> {
    fn default() -> Column<T> {
        Column(Form::Coded(Codes::default(), Interned::default()))
    }
}

impl<T: Number> Column<T> {
    /// So many rows without a number.
    pub fn missing(n: usize) -> Column<T> {
        Column(Form::Coded(Codes::Same(0, n), Interned::default()))
    }

    /// Appends a number or nothing.
    pub fn push(&mut self, value: Option<T>) {
        match &mut self.0 {
            Form::Coded(codes, values) => {
                let Some(value) = value else { return codes.push(0) };
                let (at, is_new) = values.insert_full(value.key());
                codes.push(code(at + 1));
                let n = values.len();
                if is_new && (n >= MOST_CODED || n > PROBE && n * 2 > codes.len()) {
                    self.write_out();
                }
            }
            Form::Short(written) => match value.map(T::short) {
                Some(None) => {
                    self.write_long();
                    self.push(value);
                }
                Some(Some(short)) => written.push(short, true),
                None => written.push(T::NOTHING, false),
            },
            Form::Long(written) => {
                written.push(value.unwrap_or(T::of_short(T::NOTHING)), value.is_some());
            }
        }
    }

    /// The number of a row; nothing past the end.
    pub fn get(&self, row: usize) -> Option<T> {
        match &self.0 {
            Form::Coded(codes, values) => {
                let at = (codes.get(row)? as usize).checked_sub(1)?;
                values.get_index(at).copied().map(T::of_key)
            }
            Form::Short(written) => written.get(row).map(T::of_short),
            Form::Long(written) => written.get(row),
        }
    }

    /// Whether a row has a number.
    pub fn has(&self, row: usize) -> bool {
        match &self.0 {
            Form::Coded(codes, _) => codes.get(row).is_some_and(|it| it != 0),
            Form::Short(written) => written.get(row).is_some(),
            Form::Long(written) => written.get(row).is_some(),
        }
    }

    /// Gives back what was kept for more rows.
    pub fn shrink_to_fit(&mut self) {
        match &mut self.0 {
            Form::Coded(codes, values) => {
                codes.shrink_to_fit();
                values.shrink_to_fit();
            }
            Form::Short(written) => written.shrink_to_fit(),
            Form::Long(written) => written.shrink_to_fit(),
        }
    }

    /// The numbers of all rows.
    pub fn iter(&self) -> impl Iterator<Item = Option<T>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Rows.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Coded(codes, _) => codes.len(),
            Form::Short(written) => written.values.len(),
            Form::Long(written) => written.values.len(),
        }
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The column with every number replaced, each distinct one once.
    pub fn try_mapped<E>(&self, of: impl Fn(T) -> Result<T, E>) -> Result<Column<T>, E> {
        let mut mapped = Column::default();
        let mut last: Option<(T, T)> = None;
        for value in self.iter() {
            let Some(value) = value else {
                mapped.push(None);
                continue;
            };
            let new = match last {
                Some((from, to)) if from == value => to,
                _ => of(value)?,
            };
            last = Some((value, new));
            mapped.push(Some(new));
        }
        Ok(mapped)
    }

    pub(super) fn append(&mut self, other: Column<T>) {
        if self.is_empty() {
            *self = other;
            return;
        }
        if let (Form::Coded(codes, values), Form::Coded(more, new)) = (&mut self.0, &other.0)
            && values.len() + new.len() < MOST_CODED
        {
            let places = new.iter().map(|it| code(values.insert_full(*it).0 + 1));
            let map: Vec<u32> = std::iter::once(0).chain(places).collect();
            codes.append(more, &map);
            return;
        }
        for value in other.iter() {
            self.push(value);
        }
    }

    pub(super) fn keep(&mut self, rows: &[bool]) {
        if let Form::Coded(codes, _) = &mut self.0 {
            return codes.keep(rows);
        }
        let mut kept = Column::default();
        for (value, _) in self.iter().zip(rows).filter(|it| *it.1) {
            kept.push(value);
        }
        *self = kept;
    }

    /// Writes the numbers out, short where all of them are.
    fn write_out(&mut self) {
        let mut written = Written::new();
        for row in 0..self.len() {
            match self.get(row).map(T::short) {
                Some(None) => return self.write_long(),
                Some(Some(short)) => written.push(short, true),
                None => written.push(T::NOTHING, false),
            }
        }
        self.0 = Form::Short(written);
    }

    fn write_long(&mut self) {
        let mut written = Written::new();
        for value in self.iter() {
            written.push(value.unwrap_or(T::of_short(T::NOTHING)), value.is_some());
        }
        self.0 = Form::Long(written);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A column holds what a plain list holds, whatever form it takes.
    fn check<T: Number>(values: &[Option<T>], more: &[Option<T>]) {
        let of = |values: &[Option<T>]| {
            let mut column = Column::default();
            for value in values {
                column.push(*value);
            }
            column
        };
        let mut column = of(values);
        assert_eq!(column.iter().collect::<Vec<_>>(), values);
        assert!((0..values.len()).all(|row| column.has(row) == values[row].is_some()));
        assert_eq!(column.get(values.len()), None);
        column.append(of(more));
        let mut all = [values, more].concat();
        assert_eq!(column.iter().collect::<Vec<_>>(), all);
        let rows: Vec<bool> = (0..all.len()).map(|it| it % 3 != 1).collect();
        column.keep(&rows);
        let mut flags = rows.iter();
        all.retain(|_| flags.next() == Some(&true));
        assert_eq!(column.iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn numbers_come_back_in_every_form() {
        let all = |n: u64, of: &dyn Fn(u64) -> u64| -> Vec<Option<u64>> {
            (0..n).map(|it| (it % 7 != 3).then(|| of(it))).collect()
        };
        let same = all(1000, &|_| 5);
        let few = all(1000, &|it| it % 300);
        let short = all(20_000, &|it| it * 3);
        let long = all(20_000, &|it| it << 30);
        for a in [&same, &few, &short, &long] {
            for b in [&same, &few, &short, &long] {
                check(a, b);
                let amounts = |it: &[Option<u64>]| -> Vec<Option<i128>> {
                    it.iter().map(|it| it.map(|it| -i128::from(it) * 500_000_000)).collect()
                };
                check(&amounts(a), &amounts(b));
                let floats = |it: &[Option<u64>]| -> Vec<Option<f64>> {
                    it.iter().map(|it| it.map(|it| it as f64 / 7.0)).collect()
                };
                check(&floats(a), &floats(b));
            }
        }
    }

    #[test]
    fn texts_and_periods_come_back() {
        let words = |n: usize| -> Vec<Option<String>> {
            (0..n * 2).map(|it| (it % 5 != 4).then(|| format!("w{}", it % n))).collect()
        };
        for (n, more) in [(1, 1), (3, 300), (300, 3), (70_000, 2)] {
            let (first, second) = (words(n), words(more));
            let of = |texts: &[Option<String>]| {
                let mut column = TextColumn::default();
                for text in texts {
                    column.push(text.as_deref());
                }
                column
            };
            let mut column = of(&first);
            column.append(&of(&second));
            let mut all = [first, second].concat();
            let rows: Vec<bool> = (0..all.len()).map(|it| it % 3 != 1).collect();
            column.keep(&rows);
            let mut flags = rows.iter();
            all.retain(|_| flags.next() == Some(&true));
            let found: Vec<_> = (0..column.len()).map(|row| column.get(row)).collect();
            assert_eq!(found, all.iter().map(Option::as_deref).collect::<Vec<_>>());
            let mapped = column.mapped(|_| "x".to_owned());
            assert!((0..all.len()).all(|row| mapped.get(row).is_some() == all[row].is_some()));
            let mut numbers: Repeated<usize> = Repeated::default();
            (0..n).for_each(|it| numbers.push(it));
            let copy = numbers.clone();
            numbers.append(&copy);
            assert!(numbers.iter().eq((0..n).chain(0..n)));
            assert_eq!(numbers[n - 1], n - 1);
        }
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(
            a in proptest::collection::vec(proptest::option::of(any::<u64>()), 0..300),
            b in proptest::collection::vec(proptest::option::of(0_u64..3), 0..300),
        ) {
            check(&a, &b);
            check(&b, &a);
        }
    }
}
