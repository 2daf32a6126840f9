//! What the reader of a joined view must know: what could not be told, and how exact the rest is.

use std::collections::{BTreeMap, BTreeSet};

use super::Snapshot;
use super::join::{Joined, JoinedPod};
use crate::units::Timestamp;

/// What went wrong or is less than exact.
#[derive(Default)]
pub(super) struct Notices {
    /// Pods on nodes no snapshot lists.
    pub nowhere: Vec<String>,
    /// Nodes and pods whose GPUs cannot be told, and why.
    pub unread: Vec<(String, &'static str)>,
    /// Pods that ask for more than their node had free.
    pub crowded: Vec<String>,
    /// Pods that ended between two snapshots, and the longest such gap, microseconds.
    ended: u64,
    longest_us: i64,
}

impl Notices {
    /// Notes a pod of which only the snapshot without it says that it has ended.
    pub(super) fn uncertain(&mut self, pod: &JoinedPod<'_>) {
        if let (false, Some(to), Some(seen)) = (pod.end_known, pod.to, pod.last_seen) {
            self.ended += 1;
            self.longest_us = self.longest_us.max(to.us() - seen.us());
        }
    }

    /// Everything, one sentence each.
    pub(super) fn sentences(self, joined: &Joined<'_>) -> Vec<String> {
        let mut all = of_snapshots(joined);
        if let Some(first) = self.nowhere.first() {
            let n = self.nowhere.len();
            all.push(format!(
                "{n} GPU pods are on nodes that no snapshot lists, so their machines are not \
                 known; the first is `{first}`"
            ));
        }
        let mut reasons: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
        for (what, why) in &self.unread {
            reasons.entry(why).or_insert((0, what)).0 += 1;
        }
        for (why, (n, first)) in reasons {
            all.push(format!("`{first}`: {why}, so its GPUs are left unassigned ({n} such)"));
        }
        if let Some(first) = self.crowded.first() {
            let n = self.crowded.len();
            all.push(format!(
                "{n} pods ask for more GPUs than their node had free and count for what was \
                 free; the first is `{first}`"
            ));
        }
        if self.ended > 0 {
            let hours = self.longest_us as f64 / 3.6e9;
            all.push(format!(
                "{} GPU pods ended between two snapshots: each counts until the later one or \
                 until another pod needed its GPUs, at most {hours:.1} h too long",
                self.ended
            ));
        }
        all
    }
}

fn of_snapshots(joined: &Joined<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let snapshots = &joined.snapshots;
    if joined.n_clusters > 1 {
        all.push(format!(
            "the {} snapshots share no object across {} groups, taken for as many clusters; \
             workloads of one name are one workload",
            snapshots.len(),
            joined.n_clusters
        ));
    }
    let files = |at: &dyn Fn(&Snapshot) -> bool| {
        let found: Vec<&str> =
            snapshots.iter().filter(|it| at(it)).map(|it| it.file.as_str()).collect();
        let first = (*found.first()?).to_owned();
        Some(if found.len() > 1 {
            format!("{} files, the first {first}", found.len())
        } else {
            first
        })
    };
    if let Some(files) = files(&|it| it.at.is_none()) {
        all.push(format!("{files}: nothing says when it was taken, so no pod ends by it"));
    }
    if let Some(files) = files(&|it| it.at_inferred && it.at.is_some()) {
        all.push(format!(
            "{files}: taken when its latest time says, or some minutes later; nothing else dates it"
        ));
    }
    let times: BTreeSet<Timestamp> = snapshots.iter().filter_map(|it| it.at).collect();
    if times.len() == 1 && joined.pods.iter().any(|it| it.ran) {
        all.push(
            "one snapshot in time: pods that had ended before it are not known, and those in \
             it are taken to run on"
                .to_owned(),
        );
    }
    let claims = joined.pods.iter().filter(|it| it.pod.shape.uses_claims).count();
    if claims > 0 {
        all.push(format!(
            "{claims} pods ask for devices through resource claims, which are not read, so \
             their GPUs are left unassigned"
        ));
    }
    all
}
