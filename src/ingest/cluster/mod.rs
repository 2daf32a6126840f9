//! What `kubectl get ... -o json` says about who used which GPU, how, and in whose name.
//!
//! Comes in: one list of Kubernetes objects per file. Goes out: a [`Snapshot`] per file, with the
//! items it could not read as [`Rejected`], and a [`ClusterView`] of all snapshots of a run, which
//! joins billed machines, nodes, pods and workloads over time. Environment values, annotations and
//! the contents of secrets and config maps are skipped as text; of command lines only named options
//! are kept.

mod engine;
mod facts;
mod gpu;
mod hold;
mod join;
mod notices;
mod owner;
mod raw;
mod read;
mod resource;
mod scan;
mod shell;
mod view;

use std::collections::BTreeMap;

use super::error::IngestError;
use super::rejected::Rejected;
use crate::units::Timestamp;
pub(crate) use engine::TOKENS;
use raw::{Labels, Meta, PodShape, Resources};
use read::Reader;

pub(crate) use facts::{KindHint, ScalerFacts, WorkloadFacts};
pub(crate) use gpu::GPU_PARTS;
pub(crate) use hold::{Claim, Life};
pub(crate) use view::ClusterView;

/// Bytes of a file that tell a Kubernetes list from other JSON.
const SNIFFED: usize = 4096;
/// One file: the objects of one cluster at one time.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Its name in messages.
    pub(crate) file: String,
    /// When it was taken: as the caller said, else the latest instant in it, which is at most a
    /// node heartbeat (5 minutes) earlier.
    pub(crate) at: Option<Timestamp>,
    /// True when the caller did not say.
    pub(crate) at_inferred: bool,
    /// Items of the list.
    pub(crate) items: u64,
    /// Items that were read, by kind, those of kinds we do not use included.
    pub(crate) counts: BTreeMap<String, u64>,
    /// Items that were refused; the row is the item's place in the list, from 1.
    pub(crate) rejected: Vec<Rejected>,
    /// True when it lists pods, if only none.
    lists_pods: bool,
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    namespaces: Vec<Meta>,
    work: Vec<Work>,
    scalers: Vec<Scaler>,
}

#[derive(Clone, Debug)]
struct Node {
    meta: Meta,
    provider_id: Option<String>,
    resources: Resources,
}

impl Node {
    fn labels(&self) -> Labels {
        self.meta.labels.clone().unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
struct Pod {
    meta: Meta,
    shape: PodShape,
    phase: String,
    start: Option<Timestamp>,
    finish: Option<Timestamp>,
}

/// A controller of pods.
#[derive(Clone, Debug)]
struct Work {
    kind: String,
    meta: Meta,
    /// What its pods are labelled with.
    pod_meta: Meta,
    /// Its pods: each shape and how many of it one replica has.
    shapes: Vec<(PodShape, u64)>,
    replicas: Option<u64>,
    ready: Option<u64>,
}

#[derive(Clone, Debug)]
struct Scaler {
    namespace: String,
    target_kind: String,
    target: String,
    facts: ScalerFacts,
}

/// True for what `kubectl get ... -o json` prints, judged by the first bytes.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = String::from_utf8_lossy(bytes.get(..SNIFFED).unwrap_or(bytes));
    let Some(inside) = head.trim_start().strip_prefix('{') else { return false };
    let first = inside.trim_start();
    let outer = ["\"apiVersion\"", "\"kind\"", "\"items\""];
    let is_list = head.contains("List\"") || head.contains("\"items\"");
    outer.iter().any(|it| first.starts_with(it)) && head.contains("\"apiVersion\"") && is_list
}

/// Reads a list; `at` is when it was taken, if the caller knows. A file that is no complete list is
/// an error; an item that cannot be read is rejected and the others are kept.
pub(super) fn parse(
    bytes: &[u8],
    file: &str,
    at: Option<Timestamp>,
) -> Result<Snapshot, IngestError> {
    let unreadable = |reason: String, hint: &str| IngestError::Unreadable {
        file: file.to_owned(),
        reason,
        hint: hint.to_owned(),
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let list = scan::list(bytes).map_err(|broken| match broken {
        scan::Broken::Truncated => unreadable(
            "the JSON ends in the middle of the list".to_owned(),
            "export it again; the copy is cut off",
        ),
        scan::Broken::Syntax(line) => {
            unreadable(format!("line {line} is not JSON"), "export it again with -o json")
        }
        scan::Broken::Trailing(line) => unreadable(
            format!("a second document starts on line {line}"),
            "give each snapshot a file of its own",
        ),
    })?;
    let kind = list.kind.unwrap_or_default();
    let items = list.items.filter(|it| !it.is_empty()).ok_or_else(|| {
        let hint = "export with `-A`, as a user that may read nodes and pods";
        unreadable("the list has no items".to_owned(), hint)
    })?;
    let mut snapshot = Snapshot {
        file: file.to_owned(),
        at,
        at_inferred: at.is_none(),
        items: items.len() as u64,
        counts: BTreeMap::new(),
        rejected: Vec::new(),
        lists_pods: kind == "PodList",
        nodes: Vec::new(),
        pods: Vec::new(),
        namespaces: Vec::new(),
        work: Vec::new(),
        scalers: Vec::new(),
    };
    let mut reader = Reader::default();
    // The items of a list of one kind need not repeat it.
    let item_kind = kind.strip_suffix("List").filter(|it| !it.is_empty());
    for (at, (text, line)) in items.into_iter().enumerate() {
        if let Err(refusal) = reader.item(&mut snapshot, text, item_kind) {
            let reason = format!("line {}: {}", line + refusal.lines_below, refusal.reason);
            let (file, row, kind) = (file.to_owned(), at as u64 + 1, refusal.kind);
            snapshot.rejected.push(Rejected { file, row, column: None, reason, kind });
        }
    }
    snapshot.at = at.or(reader.latest);
    Ok(snapshot)
}

#[cfg(test)]
mod tests;
