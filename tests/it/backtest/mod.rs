//! The advice on data it has not seen: given from the first half of a series, charged on the second.
//! `docs/backtest.md` is made here.
//!
//! `GPUADVISE_BLESS=1 GPUADVISE_REFERENCE=DIR cargo test --test it backtest` writes the file; DIR is the
//! reference set with the traces.
//!
//! Two sets of series. Helios: GPUs in use by minute of 8 virtual clusters for 31 days, on nodes of 8
//! H100 of Google that are rented while one of their GPUs is in use. `ServeGen`: requests of 30 clients
//! in two weeks, for Qwen2.5-32B in fp8 on single H100 of `DigitalOcean`, 2,000 tokens in and 300 out,
//! rented as each hour takes them by our sizing, which is (a); Modal's serverless workers may be used
//! beside. A first token may take five minutes: (a) knows each hour before it comes and starts nothing,
//! which nobody can, so the limit must leave time for a start. The same with a limit of two seconds is
//! reported.

mod again;
mod data;
mod line;
mod table;
mod ways;

use rayon::prelude::*;

use crate::support::{reference, root};
use data::{Client, Setting, clients, clusters};
use line::{Line, of_client, of_cluster};
use ways::Shop;

const HELIOS: Setting = Setting {
    provider: "gcp",
    region: "us-central1",
    gpu: "H100 SXM5",
    gpus: 8,
    serverless: None,
    ttft_s: 300.0,
};
const SERVEGEN: Setting = Setting {
    provider: "digitalocean",
    region: "global",
    gpu: "H100 SXM5",
    gpus: 1,
    serverless: Some("modal"),
    ttft_s: 300.0,
};
/// Somebody watches the answer come.
const WATCHED: Setting = Setting { ttft_s: 2.0, ..SERVEGEN };

/// Other providers and GPUs.
const OTHER_NODES: [Setting; 2] = [
    Setting { provider: "azure", region: "eastus", ..HELIOS },
    Setting { provider: "azure", region: "eastus", gpu: "A100 80GB SXM4", ..HELIOS },
];
/// The largest clients are tried in one setting only: replaying them takes most of the time.
const LARGEST_TRIED: usize = 8;

fn helios(clusters: &[data::Cluster], setting: &Setting) -> Vec<Line> {
    let shops = (Shop::new(setting), Shop::without_minimum(setting));
    clusters.par_iter().map(|it| of_cluster(it, setting, (&shops.0, &shops.1))).collect()
}

/// The largest first, so that it does not end last.
fn servegen(clients: &[Client], setting: &Setting) -> Vec<Line> {
    let shops = (Shop::new(setting), Shop::without_minimum(setting));
    let one = |it: &Client| of_client(it, setting, (&shops.0, &shops.1));
    clients.par_iter().with_max_len(1).map(one).collect()
}

#[test]
fn the_advice_on_the_second_half() {
    let Some(folder) = reference() else { return };
    let folder = folder.join("traces");
    let (clusters, clients) = (clusters(&folder), clients(&folder));
    let (nodes, requests) = (helios(&clusters, &HELIOS), servegen(&clients, &SERVEGEN));
    let mut text = table::head();
    text += &table::bars(&nodes, &requests);
    text += &table::section("Helios", &nodes);
    text += &table::section("ServeGen", &requests);
    let watched = servegen(&clients[LARGEST_TRIED..], &WATCHED);
    text += &table::section("ServeGen from rank 33, first token within two seconds", &watched);
    text += table::OTHERS;
    for setting in OTHER_NODES {
        text +=
            &table::totals(&format!("Helios, {}", setting.words()), &helios(&clusters, &setting));
    }
    let path = root().join("docs/backtest.md");
    if std::env::var_os("GPUADVISE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, written, "run GPUADVISE_BLESS=1 cargo test --test it backtest");
    table::hold(&nodes, &requests);
}
