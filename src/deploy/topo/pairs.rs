//! A value for each unordered pair of GPUs; asking (a, b) or (b, a) is the same question.

use serde::Serialize;

/// One value per unordered pair out of `n`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pairs<T> {
    n: usize,
    /// Row after row of the upper triangle.
    cells: Vec<T>,
}

impl<T: Clone> Pairs<T> {
    /// A table in which each pair has `value`.
    pub fn new(n: usize, value: T) -> Self {
        Self { n, cells: vec![value; n * n.saturating_sub(1) / 2] }
    }

    /// How many things are paired.
    pub fn len(&self) -> usize {
        self.n
    }

    /// True where there is nothing to pair.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The value of a pair; none for a thing with itself or for one that is not there.
    pub fn get(&self, a: usize, b: usize) -> Option<&T> {
        self.place(a, b).map(|it| &self.cells[it])
    }

    /// Sets the value of a pair; nothing happens for a pair that is not there.
    pub fn set(&mut self, a: usize, b: usize, value: T) {
        if let Some(it) = self.place(a, b) {
            self.cells[it] = value;
        }
    }

    /// Every pair once, the smaller position first.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, &T)> {
        let pairs = (0..self.n).flat_map(|a| (a + 1..self.n).map(move |b| (a, b)));
        pairs.zip(&self.cells).map(|((a, b), it)| (a, b, it))
    }

    fn place(&self, a: usize, b: usize) -> Option<usize> {
        let (a, b) = (a.min(b), a.max(b));
        (a != b && b < self.n).then(|| a * (2 * self.n - a - 1) / 2 + b - a - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_are_one_pair() {
        let mut it = Pairs::new(4, 0);
        for (at, (a, b)) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)].iter().enumerate() {
            it.set(*b, *a, at);
        }
        assert_eq!(it.get(2, 1), Some(&3));
        assert_eq!(it.get(1, 1), None);
        assert_eq!(it.get(0, 4), None);
        let order: Vec<_> = it.iter().map(|(a, b, at)| (a, b, *at)).collect();
        assert_eq!(order, [(0, 1, 0), (0, 2, 1), (0, 3, 2), (1, 2, 3), (1, 3, 4), (2, 3, 5)]);
        assert!(Pairs::new(0, ()).is_empty());
    }
}
