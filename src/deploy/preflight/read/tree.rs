//! Walks the tree of `nvidia-smi -q` and `amd-smi`: keys and values by indentation.

/// A value and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leaf<'a> {
    /// Names of the parts it is in, outermost first.
    pub(super) path: Vec<&'a str>,
    /// Its name.
    pub(super) key: &'a str,
    /// Its value.
    pub(super) value: &'a str,
}

impl Leaf<'_> {
    /// The part it stands in directly.
    pub(super) fn part(&self) -> &str {
        self.path.last().copied().unwrap_or_default()
    }

    /// True in a part of this name, at any depth.
    pub(super) fn is_in(&self, part: &str) -> bool {
        self.path.contains(&part)
    }
}

/// The state between two lines.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    path: Vec<(usize, &'a str)>,
}

impl<'a> Tree<'a> {
    /// Forgets where it is, at the start of a GPU.
    pub(super) fn reset(&mut self) {
        self.path.clear();
    }

    /// A value, or none for the name of a part, which is entered.
    pub(super) fn line(&mut self, line: &'a str) -> Option<Leaf<'a>> {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        self.path.retain(|it| it.0 < indent);
        let Some((key, value)) = text.split_once(" : ").or_else(|| text.split_once(": ")) else {
            if !text.is_empty() {
                self.path.push((indent, text.trim_end_matches(':')));
            }
            return None;
        };
        let path = self.path.iter().map(|it| it.1).collect();
        let leaf = Leaf { path, key: key.trim(), value: value.trim() };
        // Reasons of a slowdown are listed below the answer to it.
        self.path.push((indent, leaf.key));
        Some(leaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let text = "    ECC Errors\n        Volatile\n            DRAM : 2\n        Aggregate\n\
                    \x20           DRAM : 3\n    Compute Mode : Default\n";
        let mut tree = Tree::default();
        let leaves: Vec<Leaf<'_>> = text.lines().filter_map(|it| tree.line(it)).collect();
        let check = |at: usize, path: &[&str], value: &str| {
            assert_eq!((leaves[at].path.as_slice(), leaves[at].value), (path, value));
        };
        check(0, &["ECC Errors", "Volatile"], "2");
        check(1, &["ECC Errors", "Aggregate"], "3");
        check(2, &[], "Default");
        assert!(leaves[0].is_in("ECC Errors") && leaves[1].part() == "Aggregate");
    }
}
