//! Lines about the graph: rings, trees and the ways NCCL measured between GPUs.

use super::super::model::Link;
use super::super::text::{clip, number};
use super::{Path, Tree};

/// Most ranks of one ring kept.
const MOST_RANKS: usize = 8192;

/// `Channel 00/04 :    0   1   2   3`: the channel and its ranks in order.
pub(super) fn ring(text: &str) -> Option<(u32, Vec<u32>)> {
    let (channel, rest) = number(text.strip_prefix("Channel ")?)?;
    let (_, ranks) = rest.split_once(':')?;
    let rank = |it: &str| match number(it) {
        Some((it, "")) => Some(it),
        _ => None,
    };
    let ranks = ranks.split_whitespace().map(rank).collect::<Option<Vec<u32>>>()?;
    (!ranks.is_empty() && ranks.len() <= MOST_RANKS).then_some((channel, ranks))
}

/// `Trees [0] 1/-1/-1->0->-1 [1] ...`; before 2.6 the parent stood first.
pub(super) fn trees(text: &str) -> Vec<Tree> {
    let Some(rest) = text.strip_prefix("Trees ") else { return Vec::new() };
    let mut out = Vec::new();
    let mut channel = None;
    for word in rest.split_whitespace() {
        if let Some(it) = word.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            channel = it.parse::<u32>().ok();
        } else if let Some(channel) = channel.take() {
            out.extend(tree(channel, word));
        }
    }
    out
}

fn tree(channel: u32, word: &str) -> Option<Tree> {
    // 2.7 prints the way up and the way down, each whole.
    let word = word.split('|').next()?;
    let mut parts = word.split("->");
    let (first, rank, last) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    let parent_first = !first.contains('/') && last.contains('/');
    let (down, up) = if parent_first { (last, first) } else { (first, last) };
    let down = down.split('/').filter_map(|it| it.parse().ok()).collect();
    Some(Tree { channel, rank, up: up.parse().ok(), down })
}

/// `GPU/0-3000 :GPU/0-3000 (0/5000.0/LOC) GPU/0-d000 (6/6.0/PHB) CPU/0-0 (2/24.0/PHB)`
pub(super) fn paths(text: &str, host: Option<usize>) -> Option<Vec<Path>> {
    let (from, rest) = text.strip_prefix("GPU/")?.split_once(" :")?;
    let from = address(from)?;
    let mut out = Vec::new();
    let mut words = rest.split_whitespace();
    while let (Some(node), Some(way)) = (words.next(), words.next()) {
        let Some(to) = node.strip_prefix("GPU/").and_then(address) else { continue };
        let kind = way.strip_suffix(')').and_then(|it| it.rsplit_once('/'));
        if let Some(link) = kind.and_then(|it| Link::from_nccl(it.1)) {
            out.push(Path { from: from.clone(), to, link, host });
        }
    }
    Some(out)
}

/// `0-4e000`, `4E000`: the number before the dash is that of the system.
fn address(text: &str) -> Option<String> {
    let it = text.rsplit_once('-').map_or(text, |it| it.1).to_ascii_lowercase();
    (!it.is_empty() && it.bytes().all(|b| b.is_ascii_hexdigit())).then(|| clip(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_and_trees() {
        assert_eq!(ring("Channel 01/04 :    0   2   1"), Some((1, vec![0, 2, 1])));
        assert_eq!(ring("Channel 01/0 : 0[0] -> 1[1] via P2P/IPC"), None);
        let check = |text: &str, expected: &[(u32, u32, Option<u32>, &[u32])]| {
            let found = trees(text);
            let found: Vec<_> =
                found.iter().map(|it| (it.channel, it.rank, it.up, it.down.as_slice())).collect();
            assert_eq!(found, expected, "{text}");
        };
        check(
            "Trees [0] 1/-1/-1->0->-1 [1] -1/-1/-1->0->1",
            &[(0, 0, None, &[1]), (1, 0, Some(1), &[])],
        );
        check("Trees [0] 2/-1/-1->1->0|0->1->2/-1/-1", &[(0, 1, Some(0), &[2])]);
        check("Trees [0] 4->5->6/-1/-1", &[(0, 5, Some(4), &[6])]);
        check("Trees [0] [1] x", &[]);
    }

    #[test]
    fn ways_between_gpus() {
        let text =
            "GPU/4E000 :GPU/0-4e000 (0/5000.0/LOC) GPU/0-4f000 (4/24.0/PHB) CPU/0-0 (2/24.0/PHB)";
        let it = paths(text, None).unwrap();
        assert_eq!(it.len(), 1);
        assert_eq!(
            (it[0].from.as_str(), it[0].to.as_str(), it[0].link),
            ("4e000", "4f000", Link::Phb)
        );
    }
}
