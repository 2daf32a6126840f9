//! A code per row, in as few bytes as the largest needs.

/// The codes of a column.
#[derive(Clone, Debug)]
pub(super) enum Codes {
    /// One code in so many rows.
    Same(u32, usize),
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Default for Codes {
    fn default() -> Codes {
        Codes::Same(0, 0)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`widen` made room for the largest code")]
impl Codes {
    pub(super) fn len(&self) -> usize {
        match self {
            Codes::Same(_, n) => *n,
            Codes::One(codes) => codes.len(),
            Codes::Two(codes) => codes.len(),
            Codes::Four(codes) => codes.len(),
        }
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<u32> {
        match self {
            Codes::Same(code, n) => (row < *n).then_some(*code),
            Codes::One(codes) => codes.get(row).copied().map(u32::from),
            Codes::Two(codes) => codes.get(row).copied().map(u32::from),
            Codes::Four(codes) => codes.get(row).copied(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, code: u32) {
        match self {
            Codes::Same(same, n) if *n == 0 || *same == code => {
                *same = code;
                *n += 1;
            }
            Codes::One(codes) if u8::try_from(code).is_ok() => codes.push(code as u8),
            Codes::Two(codes) if u16::try_from(code).is_ok() => codes.push(code as u16),
            Codes::Four(codes) => codes.push(code),
            _ => {
                self.widen(code);
                self.push(code);
            }
        }
    }

    /// Gives back what was kept for more rows.
    pub(super) fn shrink_to_fit(&mut self) {
        match self {
            Codes::Same(..) => {}
            Codes::One(codes) => codes.shrink_to_fit(),
            Codes::Two(codes) => codes.shrink_to_fit(),
            Codes::Four(codes) => codes.shrink_to_fit(),
        }
    }

    /// The largest code; nothing without rows.
    pub(super) fn most(&self) -> Option<u32> {
        match self {
            Codes::Same(code, n) => (*n > 0).then_some(*code),
            Codes::One(codes) => codes.iter().max().copied().map(u32::from),
            Codes::Two(codes) => codes.iter().max().copied().map(u32::from),
            Codes::Four(codes) => codes.iter().max().copied(),
        }
    }

    /// Appends the codes of another column by what they are called here.
    pub(super) fn append(&mut self, other: &Codes, map: &[u32]) {
        let of = |code: u32| map.get(code as usize).copied().unwrap_or(0);
        if let Codes::Same(code, n) = other {
            return self.push_n(of(*code), *n);
        }
        self.widen(map.iter().copied().max().unwrap_or(0));
        match self {
            Codes::Same(..) => {}
            Codes::One(codes) => other.each(|code| codes.push(of(code) as u8)),
            Codes::Two(codes) => other.each(|code| codes.push(of(code) as u16)),
            Codes::Four(codes) => other.each(|code| codes.push(of(code))),
        }
    }

    /// Keeps the rows that are marked.
    pub(super) fn keep(&mut self, rows: &[bool]) {
        fn retain<T>(codes: &mut Vec<T>, rows: &[bool]) {
            let mut rows = rows.iter();
            codes.retain(|_| rows.next().copied().unwrap_or(false));
            codes.shrink_to_fit();
        }
        match self {
            Codes::Same(_, n) => *n = rows.iter().take(*n).filter(|it| **it).count(),
            Codes::One(codes) => retain(codes, rows),
            Codes::Two(codes) => retain(codes, rows),
            Codes::Four(codes) => retain(codes, rows),
        }
    }

    fn push_n(&mut self, code: u32, n: usize) {
        if n == 0 {
            return;
        }
        self.push(code);
        match self {
            Codes::Same(_, rows) => *rows += n - 1,
            Codes::One(codes) => codes.resize(codes.len() + n - 1, code as u8),
            Codes::Two(codes) => codes.resize(codes.len() + n - 1, code as u16),
            Codes::Four(codes) => codes.resize(codes.len() + n - 1, code),
        }
    }

    fn each(&self, mut take: impl FnMut(u32)) {
        match self {
            Codes::Same(code, n) => (0..*n).for_each(|_| take(*code)),
            Codes::One(codes) => codes.iter().for_each(|it| take(u32::from(*it))),
            Codes::Two(codes) => codes.iter().for_each(|it| take(u32::from(*it))),
            Codes::Four(codes) => codes.iter().for_each(|it| take(*it)),
        }
    }

    /// Makes room for a code beside those that are there, one list entry per row.
    fn widen(&mut self, code: u32) {
        let largest = match self {
            Codes::Same(same, _) => code.max(*same),
            _ => code,
        };
        if u8::try_from(largest).is_ok() {
            if let Codes::Same(same, n) = self {
                *self = Codes::One(vec![*same as u8; *n]);
            }
        } else if u16::try_from(largest).is_ok() {
            match self {
                Codes::Same(same, n) => *self = Codes::Two(vec![*same as u16; *n]),
                Codes::One(codes) => {
                    *self = Codes::Two(codes.iter().map(|it| (*it).into()).collect());
                }
                Codes::Two(_) | Codes::Four(_) => {}
            }
        } else if !matches!(self, Codes::Four(_)) {
            let mut codes = Vec::with_capacity(self.len());
            self.each(|it| codes.push(it));
            *self = Codes::Four(codes);
        }
    }
}
