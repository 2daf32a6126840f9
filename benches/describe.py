#!/usr/bin/env python3
"""Compares `gpuadvise describe` with a bare scan of the same columns by DuckDB, and writes what came out to RESULTS.md.

The request logs, one as Parquet and one as CSV, are made by generate_requests.py where they are not there yet. The two run
in turn, each in a new process. DuckDB only reads and adds up, so two of its times are told: that of the whole process, as
for gpuadvise, and that of the query alone, which is the stricter one.

Where GPUADVISE_REFERENCE names the folder of reference data, its trace of 162 clients over 14 days (servegen_m_large) is
described too, as a usage table. Build first: cargo build --release. Needs duckdb (pip install duckdb).
"""

import csv
import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from run import HERE, MIB, Run, arguments, machine, write_section


def same_counts(ours, duckdb):
    """Fails where a row was lost: every row is a request of one workload."""
    rows = sum(it["n"] for it in json.loads(ours))
    if rows != json.loads(duckdb)["rows"]:
        sys.exit(f"{rows} requests are described and {json.loads(duckdb)['rows']} are in the file")


def compared(args, file):
    """The runs of both on a file; the first of each fills the page cache and is not counted."""
    peer = [sys.executable, str(HERE / "peers" / "duckdb_requests.py"), file, "--threads", str(args.threads)]
    commands = {"gpuadvise describe": [args.binary, "describe", file, "--format", "json"], "DuckDB": peer}
    first = {name: Run(command, args.threads) for name, command in commands.items()}
    same_counts(first["gpuadvise describe"].printed, first["DuckDB"].printed)
    runs = {name: [] for name in commands}
    for _ in range(args.runs):
        for name, command in commands.items():
            runs[name].append(Run(command, args.threads))
    return runs


HEADER = [
    "| | wall, median | from | to | CPU, median | peak memory |", "| --- | --- | --- | --- | --- | --- |",
]


def row(name, times, peak):
    """A row of a table: of each run the wall and the CPU time, s; the peak in KiB."""
    walls, cpus = zip(*times)
    return (
        f"| {name} | {statistics.median(walls):.2f} s | {min(walls):.2f} s | {max(walls):.2f} s "
        f"| {statistics.median(cpus):.2f} s | {f'{peak // MIB} MiB' if peak else ''} |"
    )


def of_process(runs):
    return [(it.wall, it.cpu) for it in runs], max(it.peak for it in runs)


def table(file, runs):
    (ours, our_peak), (process, its_peak) = (of_process(runs[name]) for name in ("gpuadvise describe", "DuckDB"))
    query = [(it["wall"], it["cpu"]) for it in (json.loads(it.printed) for it in runs["DuckDB"])]
    kind = "CSV" if file.endswith(".csv") else "Parquet"
    times = lambda of, which: statistics.median(it[which] for it in ours) / statistics.median(it[which] for it in of)
    return [
        f"{kind}, {os.path.getsize(file) >> 20} MiB:", "",
        *HEADER,
        row("gpuadvise describe", ours, our_peak), row("DuckDB, whole process", process, its_peak),
        row("DuckDB, query alone", query, None), "",
        f"gpuadvise takes {times(process, 0):.2f} of the time of DuckDB's process and {times(query, 0):.2f} of that of its "
        f"query alone; of CPU time {times(process, 1):.2f} and {times(query, 1):.2f}.", "",
    ]


def usage_table(trace, file):
    """The trace as a usage table: the clients of each ten minutes with their requests and the CV of the gaps."""
    zero = datetime(2026, 6, 1)
    with gzip.open(trace, "rt") as source, open(file, "w") as out:
        out.write("period_start,period_end,workload,requests,interarrival_cv\n")
        for it in csv.DictReader(source):
            start = zero + timedelta(seconds=int(it["ts_s"]))
            end, requests = start + timedelta(seconds=600), round(float(it["rate_rps"]) * 600)
            client = f"client-{int(it['client']):03}"
            out.write(f"{start.isoformat()}Z,{end.isoformat()}Z,{client},{requests},{it['cv']}\n")


def of_reference(args):
    """The section on the reference trace; nothing where it is not there."""
    trace = Path(os.environ.get("GPUADVISE_REFERENCE", ""), "traces", "servegen_m_large", "servegen_m_large.csv.gz")
    if not trace.exists():
        print("skipped: GPUADVISE_REFERENCE names no folder with traces", file=sys.stderr)
        return []
    file = os.path.join(args.folder, "servegen_m_large.csv")
    usage_table(trace, file)
    command = [args.binary, "describe", file, "--format", "json"]
    described = json.loads(Run(command, args.threads).printed)
    runs = [Run(command, args.threads) for _ in range(args.runs)]
    with open(file) as lines:
        rows = sum(1 for _ in lines) - 1
    return [
        f"servegen_m_large as a usage table: {rows:,} rows, {sum(it['n'] for it in described):,} requests of "
        f"{len(described)} workloads.", "",
        *HEADER, row("gpuadvise describe", *of_process(runs)), "",
    ]


def main():
    args = arguments(__doc__, runs=7)
    tables, duckdb = [], None
    for kind in ("parquet", "csv"):
        file = os.path.join(args.folder, f"requests-{args.rows}-{args.seed}.{kind}")
        if not os.path.exists(file):
            generate = [sys.executable, str(HERE / "generate_requests.py"), file]
            subprocess.run(generate + ["--rows", str(args.rows), "--seed", str(args.seed)], check=True)
        runs = compared(args, file)
        duckdb = json.loads(runs["DuckDB"][0].printed)["duckdb"]
        tables += table(file, runs)
    version = subprocess.run([args.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    lines = [
        "# Speed of describe", "",
        f"{args.rows:,} requests of a generated log (seed {args.seed}) of 20 workloads over 30 days, {args.threads} threads, "
        f"page cache warm, {args.runs} runs of each in turn. Written by `benches/describe.py`. DuckDB reads the same four "
        "columns and adds them up.", "",
        f"{version}, DuckDB {duckdb}, {machine()}, {time.strftime('%Y-%m-%d', time.gmtime())}.", "",
    ]
    text = "\n".join(lines + tables + of_reference(args))
    write_section(args.results, text)
    print(text)


if __name__ == "__main__":
    main()
