//! Which of nested spans is the request: a client, a gateway and the engine each report one call.

use std::collections::BTreeMap;

/// Deepest nesting that is followed.
const MOST_LEVELS: usize = 256;

/// Which span is part of which, over all files.
#[derive(Debug, Default)]
pub(in super::super) struct Nesting {
    parents: BTreeMap<u128, u128>,
}

impl Nesting {
    /// Notes that a span is part of another.
    pub(in super::super) fn note(&mut self, span: u128, parent: u128) {
        self.parents.insert(span, parent);
    }

    /// Whether each call is a request of its own, given its span and whether its tokens are known.
    ///
    /// Of calls inside a call the inner ones are the requests where any of them knows its tokens:
    /// they are what reached an engine, retries included. Else the outer one is.
    pub(in super::super) fn requests(&self, calls: &[(Option<u128>, bool)]) -> Vec<bool> {
        let mut at_key: BTreeMap<u128, usize> = BTreeMap::new();
        for (at, (key, _)) in calls.iter().enumerate() {
            if let Some(key) = key {
                at_key.entry(*key).or_insert(at);
            }
        }
        let mut outer: Vec<Option<usize>> =
            calls.iter().map(|(key, _)| self.nearest(*key, &at_key)).collect();
        let mut order: Vec<(usize, usize)> =
            (0..calls.len()).map(|at| (depth(&outer, at), at)).collect();
        order.sort_unstable();
        // Spans that lie in each other are broken: each counts for itself.
        for (_, at) in order.iter().filter(|(depth, _)| *depth == MOST_LEVELS) {
            outer[*at] = None;
        }
        // From the innermost: whether anything inside a call knows tokens makes it a wrapper.
        let mut inside_knows = vec![false; calls.len()];
        for (_, at) in order.iter().rev() {
            let knows = inside_knows[*at] || calls[*at].1;
            if let (true, Some(outer)) = (knows, outer[*at]) {
                inside_knows[outer] = true;
            }
        }
        // From the outermost: a call that is no wrapper stands for all inside it.
        let mut covered = vec![false; calls.len()];
        for (_, at) in &order {
            if let Some(outer) = outer[*at] {
                covered[*at] = covered[outer] || !inside_knows[outer];
            }
        }
        inside_knows.into_iter().zip(covered).map(|(wraps, covered)| !wraps && !covered).collect()
    }

    /// The call that a span is inside of, through spans of other kinds.
    fn nearest(&self, key: Option<u128>, at_key: &BTreeMap<u128, usize>) -> Option<usize> {
        let mut key = key?;
        let own = key;
        for _ in 0..MOST_LEVELS {
            key = *self.parents.get(&key)?;
            if key == own {
                return None;
            }
            if let Some(at) = at_key.get(&key) {
                return Some(*at);
            }
        }
        None
    }
}

/// Calls around a call.
fn depth(outer: &[Option<usize>], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(next) = outer[at].filter(|_| depth < MOST_LEVELS) {
        at = next;
        depth += 1;
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls as (span, tokens known); pairs of span and parent.
    #[track_caller]
    fn check(calls: &[(u128, bool)], parents: &[(u128, u128)], expected: &[bool]) {
        let mut nesting = Nesting::default();
        for (span, parent) in parents {
            nesting.note(*span, *parent);
        }
        let calls: Vec<_> = calls.iter().map(|(span, knows)| (Some(*span), *knows)).collect();
        assert_eq!(nesting.requests(&calls), expected);
    }

    #[test]
    fn one_call_seen_by_many_counts_once() {
        // Apart.
        check(&[(1, true), (2, true)], &[], &[true, true]);
        // A client (1), its HTTP span (9), the engine (2).
        check(&[(1, true), (2, true)], &[(9, 1), (2, 9)], &[false, true]);
        // The engine tells no tokens: the client's span stands for it.
        check(&[(1, true), (2, false)], &[(2, 1)], &[true, false]);
        // Nobody tells tokens: one request all the same.
        check(&[(1, false), (2, false), (3, false)], &[(2, 1), (3, 2)], &[true, false, false]);
        // A gateway that tries twice: the engine was asked twice.
        check(&[(1, true), (2, false), (3, true)], &[(2, 1), (3, 1)], &[false, true, true]);
        // Client, gateway, engine.
        check(&[(3, true), (2, true), (1, true)], &[(3, 2), (2, 1)], &[true, false, false]);
        // The tokens are in the middle.
        check(&[(1, true), (2, true), (3, false)], &[(2, 1), (3, 2)], &[false, true, false]);
    }

    #[test]
    fn a_circle_ends() {
        let mut nesting = Nesting::default();
        nesting.note(1, 2);
        nesting.note(2, 1);
        nesting.note(3, 3);
        let kept = nesting.requests(&[(Some(1), true), (Some(2), true), (Some(3), true)]);
        assert_eq!(kept, [true, true, true]);
    }
}
