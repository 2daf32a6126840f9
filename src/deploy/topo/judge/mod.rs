//! What the connections mean, in plain words.
//!
//! Numbers of bandwidth and time are not here: who has the catalog adds them by [`FabricClass`], the
//! sizes of the groups and [`Verdict::through_host`].

mod connection;
mod groups;
mod log;
mod parallel;
mod peer;
mod settings;

use std::fmt;

use serde::Serialize;

use super::read::Reading;

pub use groups::{FabricClass, Group, Socket};
pub use parallel::Parallelism;
pub use peer::PeerVerdict;
pub use settings::{Advice, Condition};

/// The judgement of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Numbers of the GPUs.
    pub gpus: Vec<u32>,
    /// Different names of the GPUs, where known.
    pub names: Vec<String>,
    /// Groups joined by `NVLink` or Infinity Fabric, two GPUs and more.
    pub islands: Vec<Group>,
    /// Groups joined without the link of the sockets, two GPUs and more; islands count as joined.
    pub near: Vec<Group>,
    /// GPUs by memory node of the CPU.
    pub sockets: Vec<Socket>,
    /// What all GPUs together have to use; none for one GPU.
    pub whole: Option<FabricClass>,
    /// How the GPUs are connected.
    pub connection: Vec<String>,
    /// What parallelism that allows.
    pub parallelism: Parallelism,
    /// Whether GPUs can write into each other's memory.
    pub peer: PeerVerdict,
    /// The same in words, with how to find out what is not known.
    pub peer_text: Vec<String>,
    /// Whether data between GPUs goes through memory of the host; none where not known.
    pub through_host: Option<bool>,
    /// What the log of NCCL shows of the run.
    pub log: Vec<String>,
    /// What to set.
    pub advice: Vec<Advice>,
    /// What to know about the text that was read.
    pub notes: Vec<String>,
}

/// Judges what was read.
pub fn judge(reading: &Reading) -> Verdict {
    let topology = &reading.topology;
    let groups = groups::Groups::of(topology);
    let peer = peer::verdict(topology);
    let through_host = peer::through_host(topology, peer);
    let mut names: Vec<String> = Vec::new();
    for name in topology.gpus.iter().filter_map(|it| it.facts.name.as_ref()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Verdict {
        gpus: topology.gpus.iter().map(|it| it.index).collect(),
        connection: connection::sentences(reading, &groups, &names),
        parallelism: parallel::of(topology, &groups, through_host),
        peer,
        peer_text: peer::sentences(reading, peer),
        through_host,
        log: reading.nccl.as_ref().map(log::sentences).unwrap_or_default(),
        advice: settings::advice(reading, &groups, peer),
        notes: reading.notes.iter().map(ToString::to_string).collect(),
        names,
        islands: groups.islands,
        near: groups.near,
        sockets: groups.sockets,
        whole: groups.whole,
    }
}

/// Sentences under a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// One or two words.
    pub title: &'static str,
    /// One sentence each.
    pub lines: Vec<String>,
}

impl Block {
    /// The block in at most so many columns; nothing without a line.
    pub fn wrapped(&self, columns: usize) -> String {
        let mut text = String::new();
        if self.lines.is_empty() {
            return text;
        }
        text.push_str(self.title);
        text.push('\n');
        for line in &self.lines {
            let mut used = 0;
            for word in line.split(' ') {
                let n = word.chars().count();
                if used == 0 {
                    text.push_str("  ");
                    used = 2;
                } else if used + 1 + n > columns {
                    text.push_str("\n    ");
                    used = 4;
                } else {
                    text.push(' ');
                    used += 1;
                }
                text.push_str(word);
                used += n;
            }
            text.push('\n');
        }
        text
    }
}

impl Verdict {
    /// The verdict in the order it is read.
    pub fn blocks(&self) -> Vec<Block> {
        self.blocks_with("", &[])
    }

    /// The same with one more after what parallelism is allowed.
    pub fn blocks_with(&self, title: &'static str, lines: &[String]) -> Vec<Block> {
        let block = |title, lines: &[String]| Block { title, lines: lines.to_vec() };
        let advice: Vec<String> = self.advice.iter().map(ToString::to_string).collect();
        vec![
            block("connection", &self.connection),
            block("parallelism", &self.parallelism.text),
            block(title, lines),
            block("peer-to-peer", &self.peer_text),
            block("run", &self.log),
            block("settings", &advice),
            block("notes", &self.notes),
        ]
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.blocks().iter().try_for_each(|it| f.write_str(&it.wrapped(usize::MAX)))
    }
}
