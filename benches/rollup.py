#!/usr/bin/env python3
"""Compares `gpuadvise rollup`, `describe` and `analyze` on one request log with DuckDB, polars and pandas, and writes what
came out to RESULTS.md.

The log is made by generate_rollup.py where it is not there yet (100,000,000 requests unless --rows says otherwise). All run
in turn, so that what else the machine does falls on all of them. DuckDB runs three times: as it writes the counts and sums of
each minute to Parquet, which is what `rollup --simple` does; as it only counts its groups; and as it scans the four columns
and adds them up, which `describe` is measured against. polars writes too, and once only collects. pandas runs once: it takes many times as long. Last
`cargo bench --bench rollup` says how far ours is from a bare decode of the four columns, without start and table. Build first:
cargo build --release. Needs duckdb, polars, pandas and pyarrow.
"""

import os
import re
import statistics
import subprocess
import sys
import time
from importlib.metadata import version

from run import HERE, MIB, Run, arguments, machine, write_section

GROUPS = """SELECT workload, date_trunc('minute', timestamp) AS minute, count(*) AS requests,
  sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens
FROM '{log}' GROUP BY ALL"""
SCAN = "SELECT count(workload), max(timestamp), sum(prompt_tokens), sum(completion_tokens) FROM '{log}'"
DUCKDB = """import duckdb
duckdb.execute("SET threads = {threads}")
duckdb.execute(\"\"\"{query}\"\"\").fetchall()"""
POLARS = """import polars as pl
minute = pl.col("timestamp").dt.truncate("1m").alias("minute")
sums = [pl.len(), pl.col("prompt_tokens").cast(pl.Int64).sum(), pl.col("completion_tokens").cast(pl.Int64).sum()]
pl.scan_parquet("{log}").group_by("workload", minute).agg(sums).collect(engine="streaming")"""
POLARS_TO = POLARS.replace('.collect(engine="streaming")', '.sink_parquet("{to}", compression="zstd")')
PANDAS = """import pyarrow.parquet as pq
log = pq.read_table("{log}", read_dictionary=["workload"]).to_pandas(self_destruct=True, split_blocks=True)
log["minute"] = log["timestamp"].dt.floor("min")
log.groupby(["workload", "minute"], observed=True)[["prompt_tokens", "completion_tokens"]].agg(["count", "sum"])"""
SIMPLE = "gpuadvise rollup --simple"


def floor(args, log):
    """What `cargo bench` prints of the kernels; GPUADVISE_NO_FLOOR=1 leaves it out, since it builds a benchmark."""
    if os.environ.get("GPUADVISE_NO_FLOOR") == "1":
        return "bare decode: not measured"
    command = ["cargo", "bench", "--quiet", "--locked", "--bench", "rollup"]
    environment = os.environ | {"ROLLUP_LOG": os.path.abspath(log), "RAYON_NUM_THREADS": str(args.threads)}
    told = subprocess.run(command, cwd=HERE.parent, env=environment, check=True, capture_output=True, text=True)
    return told.stdout.strip()


def commands(args, log, to):
    ours = [args.binary, "rollup", log, "--output", to, "--threads", str(args.threads)]
    groups = GROUPS.format(log=log)

    def duckdb(query):
        return [sys.executable, "-c", DUCKDB.format(threads=args.threads, query=query)]

    return {
        SIMPLE: [*ours, "--simple"],
        "gpuadvise rollup": ours,
        "DuckDB, to Parquet": duckdb(f"COPY ({groups}) TO '{to}' (FORMAT parquet, COMPRESSION zstd)"),
        "DuckDB, counted": duckdb(f"SELECT count(*), sum(requests) FROM ({groups})"),
        "polars, streaming, to Parquet": [sys.executable, "-c", POLARS_TO.format(log=log, to=to)],
        "polars, streaming, collected": [sys.executable, "-c", POLARS.format(log=log)],
        "DuckDB, scan of the columns": duckdb(SCAN.format(log=log)),
        "gpuadvise describe": [args.binary, "describe", log, "--format", "json"],
    }


def main():
    args = arguments(__doc__, runs=3, rows=100_000_000)
    log = os.path.join(args.folder, f"requests-{args.rows}-{args.seed}.parquet")
    if not os.path.exists(log):
        generate = [sys.executable, str(HERE / "generate_rollup.py"), log, "--rows", str(args.rows), "--seed", str(args.seed)]
        subprocess.run(generate, check=True)
    to = f"{log}.out.parquet"
    found = {name: [] for name in commands(args, log, to)}
    for _ in range(args.runs):
        for name, command in commands(args, log, to).items():
            found[name].append(Run(command, args.threads))
    found["pandas"] = [Run([sys.executable, "-c", PANDAS.format(log=log)], args.threads)]
    report = f"{log}.report"
    found["gpuadvise analyze"] = [Run([args.binary, "analyze", log, "--output", report], args.threads)]
    os.remove(to)
    lines = [
        "# Speed of rollup",
        "",
        f"{args.rows:,} requests of a generated log (seed {args.seed}) of 200 workloads over 30 days, one Parquet file of "
        f"{os.path.getsize(log) / MIB / MIB:.0f} MiB, {args.threads} threads, {args.runs} runs of each in turn (pandas and analyze "
        "one). Written by `benches/rollup.py`. DuckDB, polars and pandas do what `--simple` does: counts and sums of tokens by "
        "workload and minute.",
        "",
        f"{machine()}, DuckDB {version('duckdb')}, polars {version('polars')}, pandas {version('pandas')}, "
        f"{time.strftime('%Y-%m-%d')}.",
        "",
        "| | wall, median | from | to | CPU, median | peak memory | of simple |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    simple = [it.wall for it in found[SIMPLE]]
    for name, runs in found.items():
        walls = [it.wall for it in runs]
        ratio = statistics.median(wall / base for wall, base in zip(walls, simple))
        cpu = statistics.median(it.cpu for it in runs)
        lines.append(
            f"| {name} | {statistics.median(walls):.2f} s | {min(walls):.2f} s | {max(walls):.2f} s | {cpu:.2f} s | "
            f"{max(it.peak for it in runs) / MIB:.0f} MiB | {ratio:.2f} |"
        )
    scan, describe = (found[it] for it in ("DuckDB, scan of the columns", "gpuadvise describe"))
    ratio = statistics.median(ours.wall / bare.wall for ours, bare in zip(describe, scan))
    lines += ["", f"`describe` takes {ratio:.2f} of the time of the bare scan.", "", "```text", floor(args, log), "```"]
    text = "\n".join(lines) + "\n"
    write_section(args.results, text)
    print(re.sub(r"\n+", "\n", text))


if __name__ == "__main__":
    main()
