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
    let mut took = [const { Vec::new() }; 3];
    for _ in 0..3 {
        let began = Instant::now();
        open(&folder)?;
        took[0].push(began.elapsed().as_secs_f64());
        for (took, detail) in took[1..].iter_mut().zip([Detail::Simple, Detail::Full]) {
            let began = Instant::now();
            let mut rollup = Rollup::new(&folder);
            rollup.add_log(&log)?;
            rollup.write(std::io::sink(), detail, &|_| true)?;
            took.push(began.elapsed().as_secs_f64());
        }
    }
    let [floor, simple, full] = took.map(|mut it| {
        it.sort_by(f64::total_cmp);
        it[1]
    });
    println!("bare decode of the columns  {floor:6.2} s");
    for (what, took) in [("simple", simple), ("full", full)] {
        println!("{what:27} {took:6.2} s, {:5.2} x the bare decode", took / floor);
    }
    Ok(())
}
