//! Names replaced by stable pseudonyms, for a report that leaves the house.
//!
//! A pseudonym is the kind of name and the first digits of its HMAC-SHA-256 (RFC 2104) under
//! `redact_key` of the config, so the same name is the same pseudonym in every run and file with
//! that key. Without a key it hides names from readers, and somebody who can guess a name can test
//! the guess. Models, GPUs, providers and regions are public words and stay.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{HeldCommitment, Ingested};
use crate::usage::UsageTable;
use crate::workload::Workload;

/// Hexadecimal digits of a pseudonym.
const DIGITS: usize = 8;
/// Names shorter than this are replaced where they stand alone only, not inside sentences.
const LEAST_IN_TEXT: usize = 3;

/// The names of a run and their pseudonyms.
#[derive(Default)]
struct Names {
    known: BTreeMap<String, String>,
    key: String,
}

impl Names {
    fn add(&mut self, kind: &str, name: Option<&str>) {
        let Some(name) = name.filter(|it| !it.is_empty()) else { return };
        if !self.known.contains_key(name) {
            self.known.insert(name.to_owned(), self.pseudonym(kind, name));
        }
    }

    /// `production` stays; what else an environment is called may be a name.
    fn add_environment(&mut self, name: Option<&str>) {
        match name.filter(|it| is_stage(it)) {
            Some(stage) => {
                self.known.entry(stage.to_owned()).or_insert_with(|| stage.to_owned());
            }
            None => self.add("environment", name),
        }
    }

    fn of(&self, name: &str) -> String {
        self.known.get(name).cloned().unwrap_or_else(|| self.pseudonym("name", name))
    }

    fn replace(&self, name: &mut Option<String>) {
        if let Some(name) = name {
            *name = self.of(name);
        }
    }

    /// A sentence without names: longer ones first, since one may be part of another; what stands
    /// between back-quotes came from a file.
    fn sentence(&self, text: &str) -> String {
        let mut names: Vec<(&String, &String)> =
            self.known.iter().filter(|(name, _)| name.len() >= LEAST_IN_TEXT).collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut text = text.to_owned();
        for (at, (name, _)) in names.iter().enumerate() {
            // Marks first: a pseudonym must not be searched for shorter names.
            text = text.replace(name.as_str(), &format!("\u{1}{at}\u{2}"));
        }
        for (at, (_, pseudonym)) in names.iter().enumerate() {
            text = text.replace(&format!("\u{1}{at}\u{2}"), pseudonym);
        }
        text
    }

    fn pseudonym(&self, kind: &str, name: &str) -> String {
        let keyed = Hmac::<Sha256>::new_from_slice(self.key.as_bytes());
        let hash = match keyed.ok().filter(|_| !self.key.is_empty()) {
            Some(keyed) => keyed.chain_update(name.as_bytes()).finalize().into_bytes(),
            None => Sha256::digest(name.as_bytes()),
        };
        let mut name = format!("{kind}-");
        for byte in hash.iter().take(DIGITS / 2) {
            use std::fmt::Write;
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// Stages of a system as everybody calls them: no names.
const STAGES: [&str; 13] = [
    "beta",
    "demo",
    "dev",
    "development",
    "live",
    "prod",
    "production",
    "qa",
    "sandbox",
    "stage",
    "staging",
    "test",
    "testing",
];

fn is_stage(name: &str) -> bool {
    STAGES.iter().any(|it| name.eq_ignore_ascii_case(it))
}

/// A message without the names of these files, and without what it quotes.
pub fn without_names(message: &str, files: &[String]) -> String {
    let mut files: Vec<&String> = files.iter().filter(|it| it.len() >= LEAST_IN_TEXT).collect();
    files.sort_by_key(|it| std::cmp::Reverse(it.len()));
    let hidden = files.iter().fold(message.to_owned(), |text, it| text.replace(it.as_str(), "…"));
    without_excerpts(&hidden)
}

/// Text between back-quotes replaced by dots.
fn without_excerpts(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { "`…`".to_owned() } else { part.to_owned() }).collect()
}

/// Replaces every name of a run in what was read and in the workloads made of it. `key` may be empty.
pub fn redact(ingested: &mut Ingested, workloads: &mut [Workload], key: &str) {
    let names = names(ingested, workloads, key);
    ingested.usage = table(&ingested.usage, &names);
    ingested.before = table(&ingested.before, &names);
    for log in &mut ingested.requests {
        log.workload = names.of(&log.workload);
        names.replace(&mut log.owner);
    }
    let engine = std::mem::take(&mut ingested.engine);
    ingested.engine = engine.into_iter().map(|(name, bins)| (names.of(&name), bins)).collect();
    let facts = std::mem::take(&mut ingested.facts);
    ingested.facts = facts
        .into_iter()
        .map(|(name, mut facts)| {
            names.replace(&mut facts.owner);
            names.replace(&mut facts.environment);
            (names.of(&name), facts)
        })
        .collect();
    for it in &mut ingested.reconciliation.by_commitment {
        it.id = names.of(&it.id);
    }
    for it in &mut ingested.reconciliation.unmatched {
        names.replace(&mut it.what);
        names.replace(&mut it.owner);
    }
    for row in &mut ingested.rejected {
        row.file = names.of(&row.file);
        row.reason = without_excerpts(&row.reason);
    }
    for file in &mut ingested.files {
        file.name = names.of(&file.name);
    }
    for rule in &mut ingested.rules {
        rule.rule = names.pseudonym("rule", &rule.rule);
    }
    for notice in &mut ingested.notices {
        *notice = names.sentence(&without_excerpts(notice));
    }
    for workload in workloads {
        workload.name = names.of(&workload.name);
        names.replace(&mut workload.owner);
        workload.settings.future.migrates_to = None;
        names.replace(&mut workload.environment);
        if let Some(unit) = &mut workload.settings.unit {
            "unit".clone_into(&mut unit.name);
        }
    }
}

/// Replaces the names of the commitments of the config; one that the bill has is called alike there.
pub fn redact_held(held: &mut [HeldCommitment], key: &str) {
    let names = Names { key: key.to_owned(), ..Names::default() };
    for it in held {
        it.id = names.pseudonym("commitment", &it.id);
    }
}

fn names(ingested: &Ingested, workloads: &[Workload], key: &str) -> Names {
    let mut names = Names { key: key.to_owned(), ..Names::default() };
    let table = &ingested.usage;
    let columns = [&table.workload, &table.owner, &table.sub_account, &table.environment];
    let mut seen = columns.map(|it| vec![false; it.n_codes()]);
    for at in 0..table.len() {
        let codes = columns.map(|it| it.code(at) as usize);
        let is_new = |it: (&mut Vec<bool>, usize)| !std::mem::replace(&mut it.0[it.1], true);
        // Every column is marked, so no short way out.
        if seen.iter_mut().zip(codes).map(is_new).fold(false, |a, b| a | b) {
            names.add("workload", table.workload.get(at));
            names.add("owner", table.owner.get(at));
            names.add("account", table.sub_account.get(at));
            names.add_environment(table.environment.get(at));
        }
    }
    for log in &ingested.requests {
        names.add("workload", Some(&log.workload));
        names.add("owner", log.owner.as_deref());
    }
    for name in ingested.engine.keys() {
        names.add("workload", Some(name));
    }
    for workload in workloads {
        names.add("workload", Some(&workload.name));
        names.add("owner", workload.owner.as_deref());
        names.add_environment(workload.environment.as_deref());
    }
    for (name, facts) in &ingested.facts {
        names.add("workload", Some(name));
        names.add("owner", facts.owner.as_deref());
        names.add_environment(facts.environment.as_deref());
    }
    for it in &ingested.reconciliation.by_commitment {
        names.add("commitment", Some(&it.id));
    }
    for it in &ingested.reconciliation.unmatched {
        names.add("owner", it.owner.as_deref());
        // The service of spend that is no GPU is a word of the provider.
        if it.fate == super::Fate::Unassigned {
            names.add("resource", it.what.as_deref());
        } else if let Some(what) = &it.what {
            names.known.entry(what.clone()).or_insert_with(|| what.clone());
        }
    }
    for file in &ingested.files {
        names.add("file", Some(&file.name));
    }
    names
}

fn table(table: &UsageTable, names: &Names) -> UsageTable {
    let of = |name: &str| names.of(name);
    UsageTable {
        workload: table.workload.mapped(of),
        owner: table.owner.mapped(of),
        sub_account: table.sub_account.mapped(of),
        environment: table.environment.mapped(of),
        ..table.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_leave_sentences_whole() {
        let mut names = Names::default();
        names.add("workload", Some("chat"));
        names.add("workload", Some("chat-prod"));
        names.add("owner", Some("x"));
        let text = names.sentence("chat-prod, chat: x rows");
        assert_eq!(text, format!("{}, {}: x rows", names.of("chat-prod"), names.of("chat")));
        assert_eq!(names.of("chat").len(), "workload-".len() + DIGITS);
        assert_eq!(names.pseudonym("workload", "chat"), names.of("chat"));
        // RFC 4231, test case 2: 5bdcc146bf60754e6a042426089575c7...
        let keyed = Names { key: "Jefe".to_owned(), ..Names::default() };
        assert_eq!(keyed.pseudonym("a", "what do ya want for nothing?"), "a-5bdcc146");
        assert_eq!(without_excerpts("`secret` is no number"), "`…` is no number");
    }
}
