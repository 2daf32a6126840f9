//! Imports point one way, and what must be absent from a layer is absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::root;

/// The layers, lowest first; layers of one number do not import each other.
const LAYERS: &[(&str, u32)] = &[
    ("units", 0),
    ("catalog", 1),
    ("usage", 2),
    ("workload", 3),
    ("ingest", 4),
    ("size", 4),
    ("classify", 5),
    ("rollup", 5),
    ("simulate", 6),
    ("commitment", 7),
    ("recommend", 8),
    ("bridge", 8),
    ("report", 9),
    ("deploy", 10),
    ("cli", 11),
    ("command", 12),
    ("main", 13),
];

/// What only some layers may name: the word and who.
const FENCES: &[(&str, &[&str])] = &[
    ("polars::", &["usage", "ingest", "classify", "rollup", "report", "command"]),
    ("lettre::", &["ingest", "command"]),
    ("object_store::", &["command"]),
    ("tokio::", &["command"]),
    ("futures_util::", &["command"]),
    ("safetensors::", &["catalog"]),
    ("rust_xlsxwriter", &["report"]),
    ("rayon::", &["ingest", "rollup", "simulate", "recommend", "command"]),
    ("std::fs", &["ingest", "rollup", "command"]),
    ("std::env::", &["command", "main"]),
    ("SystemTime", &["command", "main"]),
    ("Utc::now", &["command", "main"]),
    ("std::thread", &["command"]),
    ("serde_json::from_", &["report", "catalog", "ingest", "deploy"]),
    ("HashMap", &[]),
    ("HashSet", &[]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The layer a file belongs to; `lib.rs` is the map and belongs to none.
fn layer_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    let name = first.trim_end_matches(".rs");
    (name != "lib").then(|| name.to_owned())
}

/// Lines of code: no comments, nothing from the test module on.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let is_test_file = path.components().any(|it| it.as_os_str() == "tests")
        || path.file_stem().is_some_and(|it| it.to_string_lossy().contains("tests"));
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if is_test_file
            || line.trim() == "#[cfg(test)]" && !text.contains("#[cfg(test)]\nmod tests;")
        {
            break;
        }
        if !line.trim_start().starts_with("//") {
            lines.push((number, line.to_owned()));
        }
    }
    lines
}

#[test]
fn imports_point_one_way() {
    let rank: BTreeMap<&str, u32> = LAYERS.iter().copied().collect();
    let mut n_imports = 0;
    for path in sources(&root().join("src")) {
        let Some(layer) = layer_of(&path) else { continue };
        let own = rank.get(layer.as_str()).unwrap_or_else(|| panic!("{layer} has no layer"));
        for (number, line) in code(&path) {
            for part in line.split("crate::").skip(1) {
                let to: String =
                    part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(other) = rank.get(to.as_str()) else { continue };
                n_imports += 1;
                assert!(
                    to == layer || other < own,
                    "{}:{number}: {layer} imports {to}, which is not below it",
                    path.display()
                );
            }
        }
    }
    assert!(n_imports > 100, "the scan found only {n_imports} imports");
}

#[test]
fn what_must_be_absent_is_absent() {
    for path in sources(&root().join("src")) {
        let Some(layer) = layer_of(&path) else { continue };
        for (number, line) in code(&path) {
            for (word, allowed) in FENCES {
                assert!(
                    !line.contains(word) || allowed.contains(&layer.as_str()),
                    "{}:{number}: `{word}` in {layer}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_product_stands_alone() {
    let mut files = sources(&root().join("src"));
    files.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|it| root().join(it)));
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("../shared"), "{} names a folder outside", path.display());
    }
}
