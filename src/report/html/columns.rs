//! The parts below the actions in two columns, so that the first printed page holds all of them.

use crate::report::mail::Section;

/// Characters of a note in one line of a column.
const LINE: usize = 44;
/// Lines that a heading takes.
const HEADING: usize = 3;

/// In the order they are read, split where the higher column is the lowest.
pub(super) fn in_two(mut parts: Vec<Section>) -> [Vec<Section>; 2] {
    let heights: Vec<usize> = parts.iter().map(height).collect();
    let sum = |some: &[usize]| some.iter().sum::<usize>();
    let higher = |at: &usize| sum(&heights[..*at]).max(sum(&heights[*at..]));
    // Of equals the one that leaves most on the left.
    let at = (0..=parts.len()).rev().min_by_key(higher).unwrap_or(0);
    let right = parts.split_off(at);
    [parts, right]
}

/// Lines that a part takes, about.
fn height(part: &Section) -> usize {
    let row = |note: &str| 1 + note.chars().count().div_ceil(LINE);
    HEADING + part.rows.iter().map(|it| row(&it.note)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::mail::Row;

    #[test]
    fn the_higher_column_is_as_low_as_it_can_be() {
        let part = |title: &str, n: usize| {
            let mut part = Section::default();
            title.clone_into(&mut part.title);
            part.rows = vec![Row::new("a", "", "1".to_owned()); n];
            part
        };
        let check = |parts: &[(&str, usize)], expected: [&[&str]; 2]| {
            let parts = parts.iter().map(|it| part(it.0, it.1)).collect();
            let found = in_two(parts);
            let titles = |it: &Vec<Section>| -> Vec<String> {
                it.iter().map(|it| it.title.clone()).collect()
            };
            let found = found.each_ref().map(titles);
            assert_eq!(
                found,
                expected.map(|it| it.iter().map(ToString::to_string).collect::<Vec<_>>())
            );
        };
        check(&[], [&[], &[]]);
        check(&[("a", 5)], [&["a"], &[]]);
        check(&[("a", 9), ("b", 4), ("c", 7), ("d", 1)], [&["a", "b"], &["c", "d"]]);
        check(&[("a", 20), ("b", 4), ("c", 7)], [&["a"], &["b", "c"]]);
    }
}
