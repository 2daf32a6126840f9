//! Every file of `data/` against what was read from its source by eye.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use gpuadvise::deploy::topo::{Peer, Reading, Topology, judge, read};
use serde::Deserialize;

#[derive(Deserialize)]
struct Sources {
    topology: Vec<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    file: String,
    what: String,
    source: String,
    as_of: String,
    gpus: u32,
    #[serde(default)]
    labels: Vec<u32>,
    #[serde(default)]
    nics: usize,
    pairs: String,
    #[serde(default)]
    islands: String,
    #[serde(default)]
    sockets: String,
    #[serde(default)]
    peers: String,
    #[serde(default)]
    channels: String,
    #[serde(default)]
    rings: usize,
    #[serde(default)]
    trees: usize,
    nccl: Option<String>,
    #[serde(default)]
    mig: String,
    name: Option<String>,
    memory_mib: Option<u64>,
    width: Option<String>,
}

fn data() -> PathBuf {
    crate::support::root().join("tests/data/topologies")
}

fn sources() -> Vec<Expect> {
    let text = fs::read_to_string(data().join("sources.toml")).unwrap();
    toml::from_str::<Sources>(&text).unwrap().topology
}

fn reading(file: &str) -> Reading {
    let text = fs::read_to_string(data().join(file)).unwrap();
    read(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

impl Expect {
    fn labels(&self) -> Vec<u32> {
        if self.labels.is_empty() { (0..self.gpus).collect() } else { self.labels.clone() }
    }

    fn all_pairs(&self) -> Vec<(u32, u32)> {
        let labels = self.labels();
        let pair = |&a: &u32| labels.iter().filter(move |&&b| a < b).map(move |&b| (a, b));
        labels.iter().flat_map(pair).collect()
    }

    /// Items "PAIRS WORD" between semicolons.
    fn by_pair(&self, text: &str) -> BTreeMap<(u32, u32), String> {
        let mut out = BTreeMap::new();
        for item in text.split(';').map(str::trim).filter(|it| !it.is_empty()) {
            let (pairs, word) = item.rsplit_once(' ').unwrap();
            let named: Vec<(u32, u32)> = match pairs {
                "all" | "rest" => self.all_pairs(),
                _ => pairs.split(',').map(pair).collect(),
            };
            for it in named {
                let known = out.contains_key(&it);
                assert!(pairs == "rest" || !known, "{}: {it:?} twice", self.file);
                out.entry(it).or_insert_with(|| word.to_owned());
            }
        }
        out
    }
}

fn pair(text: &str) -> (u32, u32) {
    let (a, b) = text.trim().split_once('-').unwrap();
    (a.parse().unwrap(), b.parse().unwrap())
}

/// "0-3" or "0,2".
fn group(text: &str) -> BTreeSet<u32> {
    let part = |it: &str| match it.trim().split_once('-') {
        Some((a, b)) => a.parse().unwrap()..=b.parse().unwrap(),
        None => it.trim().parse::<u32>().unwrap()..=it.trim().parse().unwrap(),
    };
    text.split(',').flat_map(part).collect()
}

fn indexed<'a, T: 'a>(
    topology: &'a Topology,
    pairs: impl Iterator<Item = (usize, usize, &'a T)>,
) -> impl Iterator<Item = ((u32, u32), &'a T)> {
    let index = |it: usize| topology.gpus[it].index;
    pairs.map(move |(a, b, it)| ((index(a), index(b)), it))
}

#[test]
fn connections_of_every_file() {
    for it in sources() {
        let reading = reading(&it.file);
        let topology = &reading.topology;
        let labels: Vec<u32> = topology.gpus.iter().map(|it| it.index).collect();
        assert_eq!(labels, it.labels(), "{}: GPUs", it.file);
        assert_eq!(topology.nics.len(), it.nics, "{}: network cards", it.file);
        let found: BTreeMap<_, _> = indexed(topology, topology.links.iter())
            .map(|(pair, link)| (pair, link.to_string()))
            .collect();
        let expected = it.by_pair(&it.pairs);
        assert_eq!(expected.len(), it.all_pairs().len(), "{}: pairs named", it.file);
        assert_eq!(found, expected, "{}: links", it.file);
        let peers: BTreeMap<_, _> = indexed(topology, topology.peers.iter())
            .filter_map(|(pair, peer)| match peer {
                Peer::Works(_) => Some((pair, "works".to_owned())),
                Peer::Fails(_) => Some((pair, "fails".to_owned())),
                Peer::Unknown => None,
            })
            .collect();
        assert_eq!(peers, it.by_pair(&it.peers), "{}: peer access", it.file);
    }
}

#[test]
fn groups_of_every_file() {
    for it in sources() {
        let reading = reading(&it.file);
        let verdict = judge(&reading);
        let parts = |text: &str| -> BTreeSet<BTreeSet<u32>> {
            text.split(';').filter(|it| !it.trim().is_empty()).map(group).collect()
        };
        let islands: BTreeSet<BTreeSet<u32>> =
            verdict.islands.iter().map(|it| it.gpus.iter().copied().collect()).collect();
        assert_eq!(islands, parts(&it.islands), "{}: islands", it.file);
        let sockets: BTreeSet<(String, BTreeSet<u32>)> = verdict
            .sockets
            .iter()
            .map(|it| (it.numa.clone(), it.gpus.iter().copied().collect()))
            .collect();
        let socket = |text: &str| {
            let (numa, gpus) = text.split_once(": ").unwrap();
            (numa.trim().to_owned(), group(gpus))
        };
        let expected: BTreeSet<_> =
            it.sockets.split(';').filter(|it| !it.is_empty()).map(socket).collect();
        assert_eq!(sockets, expected, "{}: sockets", it.file);
    }
}

#[test]
fn logs_and_facts_of_every_file() {
    for it in sources() {
        let reading = reading(&it.file);
        let nccl = reading.nccl.clone().unwrap_or_default();
        let count = |text: &str| {
            let (name, n) = text.trim().rsplit_once(' ').unwrap();
            (name.to_owned(), n.parse::<usize>().unwrap())
        };
        let channels: BTreeMap<_, _> =
            it.channels.split(';').filter(|it| !it.is_empty()).map(count).collect();
        assert_eq!(nccl.counts(), channels, "{}: channels", it.file);
        assert_eq!(nccl.rings.len(), it.rings, "{}: rings", it.file);
        assert_eq!(nccl.trees.len(), it.trees, "{}: trees", it.file);
        assert_eq!(nccl.version, it.nccl, "{}: version of NCCL", it.file);
        let Some(first) = reading.topology.gpus.first().map(|it| &it.facts) else { continue };
        assert_eq!(first.name, it.name, "{}: name", it.file);
        if it.memory_mib.is_some() {
            assert_eq!(first.memory.total, it.memory_mib, "{}: memory", it.file);
        }
        if let Some(expected) = &it.width {
            let (now, most) = (first.pcie.width_current.unwrap(), first.pcie.width_max.unwrap());
            assert_eq!(&format!("{now}/{most}"), expected, "{}: lanes", it.file);
        }
        for gpu in &reading.topology.gpus {
            let devices = &gpu.facts.mig_devices;
            let found = devices
                .first()
                .map(|mig| format!("{}: {} {}", gpu.index, devices.len(), mig.profile));
            let expected = it
                .mig
                .split(';')
                .find(|it| it.split_once(':').is_some_and(|it| it.0.parse() == Ok(gpu.index)));
            assert_eq!(found.as_deref(), expected, "{}: MIG", it.file);
        }
    }
}

#[test]
fn every_file_has_its_source() {
    let sources = sources();
    let named: BTreeSet<&str> = sources.iter().map(|it| it.file.as_str()).collect();
    assert_eq!(named.len(), sources.len(), "a file is named twice");
    for it in &sources {
        assert!(!it.what.is_empty() && !it.source.is_empty(), "{}", it.file);
        assert_eq!(it.as_of.len(), 10, "{}", it.file);
    }
    for entry in fs::read_dir(data()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_text = std::path::Path::new(&name).extension().is_some_and(|it| it == "txt");
        assert!(!is_text || named.contains(name.as_str()), "{name} has no source");
    }
}

/// What the program prints, compared with `data/verdicts/NAME.txt`; `TOPO_BLESS=1` writes it anew.
#[test]
fn verdict_of_every_file() {
    let bless = std::env::vars().any(|it| it.0 == "TOPO_BLESS");
    let mut differ = Vec::new();
    for it in sources() {
        let text = judge(&reading(&it.file)).to_string();
        let path = data().join("verdicts").join(&it.file);
        if bless {
            fs::write(&path, &text).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            differ.push(it.file);
        }
    }
    assert!(differ.is_empty(), "another verdict than data/verdicts says: {differ:?}");
}
