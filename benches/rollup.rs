//! Rolls up a log: the bare decode of its columns, counts and sums, everything.
//!
//! `ROLLUP_LOG=log.parquet cargo bench --bench rollup`; `benches/generate_rollup.py` makes such a log.
//! Without one there is nothing to measure.

#![expect(clippy::print_stdout, reason = "this is what a benchmark prints")]

use std::path::Path;
use std::time::Instant;

use gpuadvise::ingest::{PlainColumns, PlainLog};
use gpuadvise::rollup::{Detail, Rollup, RollupError};

fn main() -> Result<(), RollupError> {
    let Some(path) = std::env::var_os("ROLLUP_LOG") else { return Ok(()) };
    let name = |it: &str| it.to_owned();
    let columns = PlainColumns {
        time: name("timestamp"),
        workload: Some(name("workload")),
        prompt: name("prompt_tokens"),
        completion: name("completion_tokens"),
        status: None,
    };
    let log = PlainLog { path: path.into(), name: name("log.parquet"), columns };
    let folder = std::env::temp_dir();
    let open = |folder: &Path| {
        let mut rollup = Rollup::new(folder);
        rollup.add_log(&log).map(|_| ())?;
        rollup.floor()
    };
    for _ in 0..5 {
        let began = Instant::now();
        let rows = open(&folder)?;
        let floor = began.elapsed().as_secs_f64();
        print!("{rows} rows: decode {floor:.2} s");
        for (what, detail) in [("simple", Detail::Simple), ("full", Detail::Full)] {
            let mut rollup = Rollup::new(&folder);
            rollup.add_log(&log)?;
            let began = Instant::now();
            rollup.write(std::io::sink(), detail, &|_| true)?;
            let took = began.elapsed().as_secs_f64();
            print!(", {what} {took:.2} s = {:.2} x", took / floor);
        }
        println!();
    }
    Ok(())
}
