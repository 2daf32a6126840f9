//! `cargo bench --bench size`: how many estimates a second, and how long the whole table takes.
//!
//! An estimate is memory, batch and speed of one model on one GPU in one split and precision. The
//! table is every GPU, 1, 2, 4 and 8 of it, in every candidate precision.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark talks and may panic"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use gpuadvise::catalog::Catalog;
use gpuadvise::size::{Constants, Deployment, Precision, TokenProfile, table};

fn main() {
    let catalog = Catalog::embedded().expect("the built-in catalog is sound");
    let constants = Constants::from(&catalog.assumptions);
    let profile = TokenProfile::new(4_096, 1_536.0, 512.0).unwrap();
    let base = Deployment::new(Precision::Bf16, 1);
    for id in ["meta-llama/Meta-Llama-3.1-8B", "Qwen/Qwen3-30B-A3B", "deepseek-ai/DeepSeek-V3"] {
        let model = catalog.model(id).unwrap();
        let (mut estimates, mut tables) = (0_u64, 0_u32);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            let rows = table(
                black_box(model),
                &catalog.gpus,
                &base,
                &Precision::CANDIDATES,
                &profile,
                constants,
            );
            for row in &rows {
                if let Some(replica) = row.fit.replica() {
                    black_box(replica.serving(replica.slots(replica.max_num_seqs())));
                }
            }
            estimates += rows.len() as u64;
            tables += 1;
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{id}: {:.0} estimates a second, {:.2} ms a table of {} rows",
            estimates as f64 / seconds,
            seconds * 1e3 / f64::from(tables),
            estimates / u64::from(tables)
        );
    }
}
