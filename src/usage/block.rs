//! Some rows of a table as bytes, for where a table does not fit memory: the columns one after another,
//! each with the values that its rows have and, where they repeat, a code per row. Bytes that end early
//! or name a code that is not there are no block.

use super::codes::Codes;
use super::column::{Form, Interned, Number, Written};
use super::{Column, PricingCategory, Repeated, TextColumn, UsageTable};
use crate::units::{Currency, Period, Timestamp};

/// Rows that a code saves too little on: with more than this share of them different, they are written
/// out.
const CODED_SHARE: usize = 4;

/// Something with bytes of its own.
trait Word: Sized {
    /// Appends its bytes.
    fn put(&self, to: &mut Vec<u8>);
    /// Takes it from the front.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

macro_rules! number_words {
    ($($number:ty)*) => {
        $(impl Word for $number {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            fn take(from: &mut &[u8]) -> Option<$number> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(<$number>::from_le_bytes(*bytes))
            }
        })*
    };
}

number_words!(u8 u16 u32 u64 i64 i128 f64);

impl Word for String {
    fn put(&self, to: &mut Vec<u8>) {
        (self.len() as u64).put(to);
        to.extend_from_slice(self.as_bytes());
    }

    fn take(from: &mut &[u8]) -> Option<String> {
        let len = usize::try_from(u64::take(from)?).ok()?;
        let (bytes, rest) = from.split_at_checked(len)?;
        *from = rest;
        String::from_utf8(bytes.to_vec()).ok()
    }
}

impl Word for Period {
    fn put(&self, to: &mut Vec<u8>) {
        self.start().us().put(to);
        self.end().us().put(to);
    }

    fn take(from: &mut &[u8]) -> Option<Period> {
        let (start, end) = (i64::take(from)?, i64::take(from)?);
        Period::new(Timestamp::from_us(start), Timestamp::from_us(end))
    }
}

impl Word for PricingCategory {
    fn put(&self, to: &mut Vec<u8>) {
        self.as_str().to_owned().put(to);
    }

    fn take(from: &mut &[u8]) -> Option<PricingCategory> {
        PricingCategory::parse(&String::take(from)?)
    }
}

fn put_all<W: Word>(words: &[W], to: &mut Vec<u8>) {
    for it in words {
        it.put(to);
    }
}

fn take_all<W: Word>(n: usize, from: &mut &[u8]) -> Option<Vec<W>> {
    (0..n).map(|_| W::take(from)).collect()
}

/// The codes of some rows, counted anew in the order of first sight.
struct Recoded {
    /// The codes as they were, by what they are now.
    used: Vec<u32>,
    codes: Codes,
}

/// Room to find codes in again; cleared between two columns.
#[derive(Debug, Default)]
pub struct Scratch(Vec<u32>);

const UNSEEN: u32 = u32::MAX;

impl Recoded {
    fn of(codes: &Codes, n_codes: usize, rows: &[u32], scratch: &mut Scratch) -> Recoded {
        if let Codes::Same(code, _) = codes {
            return Recoded { used: vec![*code], codes: Codes::Same(0, rows.len()) };
        }
        let now = &mut scratch.0;
        if now.len() < n_codes {
            now.resize(n_codes, UNSEEN);
        }
        let (mut used, mut found) = (Vec::new(), Codes::default());
        for row in rows {
            let code = codes.get(*row as usize).unwrap_or(0);
            let place = &mut now[code as usize];
            if *place == UNSEEN {
                #[expect(clippy::cast_possible_truncation, reason = "no more than rows")]
                let next = used.len() as u32;
                *place = next;
                used.push(code);
            }
            found.push(*place);
        }
        for code in &used {
            now[*code as usize] = UNSEEN;
        }
        Recoded { used, codes: found }
    }
}

fn put_codes(codes: &Codes, to: &mut Vec<u8>) {
    match codes {
        Codes::Same(code, _) => {
            0_u8.put(to);
            code.put(to);
        }
        Codes::One(codes) => {
            1_u8.put(to);
            to.extend_from_slice(codes);
        }
        Codes::Two(codes) => {
            2_u8.put(to);
            put_all(codes, to);
        }
        Codes::Four(codes) => {
            4_u8.put(to);
            put_all(codes, to);
        }
    }
}

/// Codes below `n_codes`.
fn take_codes(n: usize, n_codes: usize, from: &mut &[u8]) -> Option<Codes> {
    let codes = match u8::take(from)? {
        0 => Codes::Same(u32::take(from)?, n),
        1 => {
            let (codes, rest) = from.split_at_checked(n)?;
            *from = rest;
            Codes::One(codes.to_vec())
        }
        2 => Codes::Two(take_all(n, from)?),
        4 => Codes::Four(take_all(n, from)?),
        _ => return None,
    };
    (codes.most().is_none_or(|it| (it as usize) < n_codes)).then_some(codes)
}

/// A column whose rows go to bytes and come back.
trait Stored: Sized {
    fn put(&self, rows: &[u32], scratch: &mut Scratch, to: &mut Vec<u8>);
    fn take(n: usize, from: &mut &[u8]) -> Option<Self>;
}

impl Stored for TextColumn {
    fn put(&self, rows: &[u32], scratch: &mut Scratch, to: &mut Vec<u8>) {
        let it = Recoded::of(&self.codes, self.n_codes(), rows, scratch);
        (it.used.len() as u64).put(to);
        for code in &it.used {
            let text = self.text_of(*code);
            u8::from(text.is_some()).put(to);
            text.unwrap_or_default().to_owned().put(to);
        }
        put_codes(&it.codes, to);
    }

    fn take(n: usize, from: &mut &[u8]) -> Option<TextColumn> {
        let n_texts = usize::try_from(u64::take(from)?).ok()?;
        let text = |from: &mut &[u8]| {
            let is_there = u8::take(from)? == 1;
            Some((is_there, String::take(from)?))
        };
        let (mut column, mut map) = (TextColumn::default(), Vec::new());
        for _ in 0..n_texts {
            let (is_there, text) = text(from)?;
            map.push(if is_there { column.intern(&text) } else { 0 });
        }
        column.codes.append(&take_codes(n, n_texts, from)?, &map);
        Some(column)
    }
}

impl<T: Word + Copy + Eq + std::hash::Hash> Stored for Repeated<T> {
    fn put(&self, rows: &[u32], scratch: &mut Scratch, to: &mut Vec<u8>) {
        let it = Recoded::of(&self.codes, self.n_codes(), rows, scratch);
        let value = |code: &u32| self.values.get_index(*code as usize).copied();
        let values: Vec<T> = it.used.iter().filter_map(value).collect();
        (values.len() as u64).put(to);
        put_all(&values, to);
        put_codes(&it.codes, to);
    }

    fn take(n: usize, from: &mut &[u8]) -> Option<Repeated<T>> {
        let n_values = usize::try_from(u64::take(from)?).ok()?;
        let values: Interned<T> = take_all(n_values, from)?.into_iter().collect();
        // Values that are not different would shift the codes.
        let codes = take_codes(n, n_values, from).filter(|_| values.len() == n_values)?;
        Some(Repeated { codes, values })
    }
}

impl<T: Number + Word> Stored for Column<T>
where
    T::Key: Word,
    T::Short: Word,
{
    fn put(&self, rows: &[u32], scratch: &mut Scratch, to: &mut Vec<u8>) {
        if let Form::Coded(codes, values) = &self.0 {
            let it = Recoded::of(codes, values.len() + 1, rows, scratch);
            if it.used.len() <= 1 || it.used.len() * CODED_SHARE < rows.len() {
                0_u8.put(to);
                (it.used.len() as u64).put(to);
                for code in &it.used {
                    u8::from(*code != 0).put(to);
                    let key = (*code as usize).checked_sub(1).and_then(|at| values.get_index(at));
                    if let Some(key) = key {
                        key.put(to);
                    }
                }
                return put_codes(&it.codes, to);
            }
        }
        let of = |row: &u32| self.get(*row as usize);
        let is_short = rows.iter().filter_map(of).all(|it| it.short().is_some());
        u8::from(!is_short).saturating_add(1).put(to);
        for at_once in rows.chunks(64) {
            let present = at_once.iter().enumerate().filter(|it| self.has(*it.1 as usize));
            present.fold(0_u64, |word, (at, _)| word | 1 << at).put(to);
            for value in at_once.iter().map(of) {
                if is_short {
                    value.and_then(T::short).unwrap_or(T::NOTHING).put(to);
                } else {
                    value.unwrap_or(T::of_short(T::NOTHING)).put(to);
                }
            }
        }
    }

    fn take(n: usize, from: &mut &[u8]) -> Option<Column<T>> {
        match u8::take(from)? {
            0 => {
                let n_used = usize::try_from(u64::take(from)?).ok()?;
                let (mut values, mut map) = (Interned::default(), Vec::new());
                for _ in 0..n_used {
                    let is_there = u8::take(from)? == 1;
                    let place =
                        if is_there { values.insert_full(T::Key::take(from)?).0 + 1 } else { 0 };
                    map.push(u32::try_from(place).ok()?);
                }
                let mut codes = Codes::default();
                codes.append(&take_codes(n, n_used, from)?, &map);
                Some(Column(Form::Coded(codes, values)))
            }
            1 => Some(Column(Form::Short(taken(n, from)?))),
            2 => Some(Column(Form::Long(taken(n, from)?))),
            _ => None,
        }
    }
}

/// Values written out, 64 of them after the bits that say which are there.
fn taken<V: Word + Copy>(n: usize, from: &mut &[u8]) -> Option<Written<V>> {
    let mut written = Written::new();
    let mut left = n;
    while left > 0 {
        let present = u64::take(from)?;
        for at in 0..left.min(64) {
            written.push(V::take(from)?, present >> at & 1 == 1);
        }
        left = left.saturating_sub(64);
    }
    Some(written)
}

macro_rules! put_columns {
    ($table:expr, $to:expr, text: $($text:ident)*; repeated: $($repeated:ident)*;
     plain: $($plain:ident)*; money: $($money:ident)*) => {{
        let (rows, scratch, to) = $to;
        $($table.$text.put(rows, scratch, to);)*
        $($table.$repeated.put(rows, scratch, to);)*
        $($table.$plain.put(rows, scratch, to);)*
        $($table.$money.put(rows, scratch, to);)*
    }};
}

macro_rules! take_columns {
    ($table:expr, $from:expr, text: $($text:ident)*; repeated: $($repeated:ident)*;
     plain: $($plain:ident)*; money: $($money:ident)*) => {{
        let (n, from) = $from;
        $($table.$text = TextColumn::take(n, from)?;)*
        $($table.$repeated = Repeated::take(n, from)?;)*
        $($table.$plain = Column::take(n, from)?;)*
        $($table.$money = Column::take(n, from)?;)*
    }};
}

impl UsageTable {
    /// Some rows as bytes, in the order given.
    pub fn put_rows(&self, rows: &[u32], scratch: &mut Scratch, to: &mut Vec<u8>) {
        (rows.len() as u64).put(to);
        self.period.put(rows, scratch, to);
        super::table::each_column!(self, (rows, &mut *scratch, &mut *to), put_columns);
    }

    /// The rows that bytes hold, whose amounts are in a currency; nothing where they are no such bytes.
    pub fn take_rows(currency: Currency, from: &mut &[u8]) -> Option<UsageTable> {
        let n = usize::try_from(u64::take(from)?).ok()?;
        let mut table = UsageTable::new(currency);
        table.period = Repeated::take(n, from)?;
        super::table::each_column!(table, (n, &mut *from), take_columns);
        Some(table)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Money;
    use crate::usage::UsageRow;

    /// A table of so many rows with every form of column.
    fn table(n: i64, of: impl Fn(i64) -> u64) -> UsageTable {
        let mut table = UsageTable::new(Currency::USD);
        for at in 0..n {
            let start = Timestamp::from_s(at / 7 * 3600);
            let name = format!("w{}", at % 300);
            table.push(&UsageRow {
                period: Period::new(start, start.plus_us(1 + at % 3)),
                workload: (at % 11 != 0).then_some(name.as_str()),
                gpu: Some("L4"),
                gpu_count: Some(4.0),
                gpu_hours: (at % 3 != 1).then_some(of(at) as f64 / 3.0),
                pricing_category: if at % 2 == 0 {
                    PricingCategory::Standard
                } else {
                    PricingCategory::Committed
                },
                billed_cost: Some(Money::from_atto(i128::from(of(at)) << 40, Currency::USD)),
                requests: (at % 5 != 0).then(|| of(at)),
                prompt_tokens: Some(of(at) << 30),
                tensor_parallel_size: Some(2),
                ..UsageRow::default()
            });
        }
        table
    }

    fn check(table: &UsageTable, rows: &[u32]) {
        let mut bytes = Vec::new();
        table.put_rows(rows, &mut Scratch::default(), &mut bytes);
        let mut from = bytes.as_slice();
        let found = UsageTable::take_rows(Currency::USD, &mut from).unwrap();
        assert!(from.is_empty());
        assert_eq!(found.len(), rows.len());
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(found.row(at), table.row(*row as usize));
        }
        for len in 0..bytes.len().min(200) {
            assert!(UsageTable::take_rows(Currency::USD, &mut &bytes[..len]).is_none());
        }
    }

    #[test]
    fn rows_come_back_in_every_form() {
        let all: Vec<u32> = (0..20_000).collect();
        let some: Vec<u32> = all.iter().copied().filter(|it| it % 64 == 3).collect();
        let short = |it: i64| it.unsigned_abs() * 3;
        let long = |it: i64| it.unsigned_abs() << 35;
        let few = |it: i64| it.unsigned_abs() % 5;
        for table in [table(20_000, short), table(20_000, long), table(20_000, few)] {
            check(&table, &all);
            check(&table, &some);
            check(&table, &[]);
            check(&table, &[7, 3, 3]);
        }
    }

    proptest! {
        #[test]
        fn any_rows_come_back(
            n in 1_i64..200,
            rows in proptest::collection::vec(any::<u16>(), 0..100),
            seed in any::<u64>(),
        ) {
            let table = table(n, |at| seed.rotate_left(u32::try_from(at % 64).unwrap()) >> (at % 40));
            let rows: Vec<u32> =
                rows.iter().map(|it| u32::from(*it) % u32::try_from(n).unwrap()).collect();
            check(&table, &rows);
        }

        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = UsageTable::take_rows(Currency::USD, &mut bytes.as_slice());
        }
    }
}
