#!/usr/bin/env python3
"""Compares `gpuadvise rollup` with DuckDB and polars on one log, and prints medians, ratios and peak memory.

The log is made by generate_rollup.py where it is not there yet. All run in turn, so that what else the machine does falls on
all of them. DuckDB runs twice: as it writes the counts and sums of each minute to Parquet, which is what ours does, and as it
only counts its groups. Last `cargo bench --bench rollup` says how far ours is from a bare decode of the four columns, without
start and table. Build first: cargo build --release. Needs duckdb and polars.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
GROUPS = """SELECT workload, date_trunc('minute', timestamp) AS minute, count(*) AS requests,
  sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens
FROM '{log}' GROUP BY ALL"""
DUCKDB = """import duckdb
duckdb.execute("SET threads = {threads}")
duckdb.execute(\"\"\"{query}\"\"\").fetchall()"""
POLARS = """import polars as pl
minute = pl.col("timestamp").dt.truncate("1m").alias("minute")
sums = [pl.len(), pl.col("prompt_tokens").cast(pl.Int64).sum(), pl.col("completion_tokens").cast(pl.Int64).sum()]
pl.scan_parquet("{log}").group_by("workload", minute).agg(sums).collect(engine="streaming")"""


def run(command, threads):
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "POLARS_MAX_THREADS": str(threads)}
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", default="/tmp/rollup-log.parquet")
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--program", default="target/release/gpuadvise")
    parser.add_argument("--no-floor", action="store_true", help="without the bare decode, which builds a benchmark")
    args = parser.parse_args()
    if not os.path.exists(args.log):
        subprocess.run([sys.executable, HERE / "generate_rollup.py", args.log, "--rows", str(args.rows)], check=True)
    groups = GROUPS.format(log=args.log)
    to = f"{args.log}.out.parquet"
    ours = [args.program, "rollup", args.log, "--output", to, "--threads", str(args.threads)]

    def duckdb(query):
        return [sys.executable, "-c", DUCKDB.format(threads=args.threads, query=query)]

    commands = {
        "ours, simple": [*ours, "--simple"],
        "ours, full": ours,
        "DuckDB, to Parquet": duckdb(f"COPY ({groups}) TO '{to}' (FORMAT parquet, COMPRESSION zstd)"),
        "DuckDB, counted": duckdb(f"SELECT count(*), sum(requests) FROM ({groups})"),
        "polars, streaming": [sys.executable, "-c", POLARS.format(log=args.log)],
    }
    found = {name: [] for name in commands}
    for _ in range(args.runs):
        for name, command in commands.items():
            found[name].append(run(command, args.threads))
    for name, runs in found.items():
        wall = statistics.median(it[0] for it in runs)
        cpu = statistics.median(it[1] for it in runs)
        ratio = statistics.median(it[0] / simple[0] for it, simple in zip(runs, found["ours, simple"]))
        print(f"{name:20} {wall:6.2f} s, {cpu:6.2f} s of CPU, {max(it[2] for it in runs):6.0f} MiB, {ratio:5.2f} x simple")
    os.remove(to)
    if not args.no_floor:
        floor = ["cargo", "bench", "--quiet", "--locked", "--bench", "rollup"]
        environment = os.environ | {"ROLLUP_LOG": os.path.abspath(args.log), "RAYON_NUM_THREADS": str(args.threads)}
        subprocess.run(floor, cwd=HERE.parent, env=environment, check=True)


if __name__ == "__main__":
    main()
