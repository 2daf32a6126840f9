#!/usr/bin/env python3
"""Compares `gpuadvise ingest` with DuckDB on the same Parquet file, and writes what came out to RESULTS.md.

The file is made by generate_focus.py where it is not there yet. The two run in turn, so that what else the machine does
falls on both; what counts is the median of the wall times. DuckDB runs twice: with the cast it does directly, which is the
faster one and is off in the 17th digit, and with the cast that gives exact amounts, whose totals must be ours to the last
digit. Build first: cargo build --release. Needs duckdb and pyarrow (pip install duckdb pyarrow).
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).parent
MIB = 1024


class Run:
    """One run of a command: wall time and CPU time in s, peak memory in KiB, what it printed."""

    def __init__(self, command, threads):
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "POLARS_MAX_THREADS": str(threads)}
        with tempfile.TemporaryFile() as out:
            began = time.perf_counter()
            child = subprocess.Popen(command, stdout=out, env=environment)
            _, status, usage = os.wait4(child.pid, 0)
            self.wall = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
            self.cpu = usage.ru_utime + usage.ru_stime
            self.peak = usage.ru_maxrss
            out.seek(0)
            self.printed = out.read()
        if child.returncode != 0:
            sys.exit(f"{command} ended with {child.returncode}")


def same_totals(ours, duckdb):
    """What differs between the two, as text; nothing when all is the same to the last digit."""
    account = ours["reconciliation"]
    wrong = []
    by_category = {it["charge_category"]: it for it in account["by_charge_category"]}
    for theirs in duckdb["categories"]:
        own = by_category[theirs["category"]]
        for cost in ("billed", "effective"):
            if Decimal(own[f"{cost}_total"]) != Decimal(theirs[cost]):
                wrong.append(f"{theirs['category']} {cost}: {own[f'{cost}_total']} and {theirs[cost]}")
    own = [it for it in account["parts"] if it["part"] in ("assigned", "unassigned")]
    theirs = next(it for it in duckdb["fates"] if it["fate"] == "gpu")
    for cost in ("billed", "effective"):
        total = sum(Decimal(it[cost]) for it in own)
        if total != Decimal(theirs[cost]):
            wrong.append(f"GPU {cost}: {total} and {theirs[cost]}")
    if sum(it["rows"] for it in own) != theirs["rows"]:
        wrong.append(f"GPU rows: {sum(it['rows'] for it in own)} and {theirs['rows']}")
    return wrong


def machine():
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        memory = int(Path("/proc/meminfo").read_text().split()[1]) // MIB // MIB
    except OSError:
        return model
    return f"{model}, {os.cpu_count()} cores, {memory} GiB, {platform.system()} {platform.release()}"


def write_section(file, text):
    """Puts a section, its title first, in the place of the one with that title, or at the end."""
    old = Path(file).read_text() if os.path.exists(file) else ""
    sections = [it for it in re.split(r"^(?=# )", old, flags=re.MULTILINE) if it.strip()]
    title = text.splitlines()[0]
    at = next((at for at, it in enumerate(sections) if it.splitlines()[0] == title), len(sections))
    sections[at:at + 1] = [text]
    Path(file).write_text("\n".join(it.strip() + "\n" for it in sections))


def arguments(doc, runs, rows=10_000_000):
    """What every benchmark takes on the command line; its folder exists."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "gpuadvise-bench"))
    parser.add_argument("--binary", default=str(HERE.parent / "target" / "release" / "gpuadvise"))
    parser.add_argument("--results", default=str(HERE / "RESULTS.md"))
    args = parser.parse_args()
    os.makedirs(args.folder, exist_ok=True)
    return args


def main():
    args = arguments(__doc__, runs=5)
    file = os.path.join(args.folder, f"focus-{args.rows}-{args.seed}.parquet")
    if not os.path.exists(file):
        generate = [sys.executable, str(HERE / "generate_focus.py"), file]
        subprocess.run(generate + ["--rows", str(args.rows), "--seed", str(args.seed)], check=True)
    peer = [sys.executable, str(HERE / "peers" / "duckdb_focus.py"), file, "--threads", str(args.threads), "--cast"]
    commands = {
        "gpuadvise ingest": [args.binary, "ingest", file, "--format", "json"],
        "DuckDB": peer + ["float"],
        "DuckDB, exact casts": peer + ["decimal"],
    }
    # The first run of each fills the page cache and is not counted.
    first = {name: Run(command, args.threads) for name, command in commands.items()}
    ours, duckdb = (json.loads(first[name].printed) for name in ("gpuadvise ingest", "DuckDB, exact casts"))
    wrong = same_totals(ours, duckdb)
    if wrong:
        sys.exit("the totals differ: " + "; ".join(wrong))
    runs = {name: [] for name in commands}
    for _ in range(args.runs):
        for name, command in commands.items():
            runs[name].append(Run(command, args.threads))
    version = subprocess.run([args.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    text = results(args, file, runs, (version, duckdb["duckdb"]))
    write_section(args.results, text)
    print(text)


def results(args, file, runs, versions):
    median = {name: statistics.median(it.wall for it in of) for name, of in runs.items()}
    lines = [
        "# Speed of ingest", "",
        f"{args.rows:,} rows of a generated FOCUS 1.2 bill (seed {args.seed}), one Parquet file of "
        f"{os.path.getsize(file) >> 20} MiB, {args.threads} threads, page cache warm, {args.runs} runs of each in turn. "
        f"Written by `benches/run.py`.", "",
        f"{versions[0]}, DuckDB {versions[1]}, {machine()}, {time.strftime('%Y-%m-%d', time.gmtime())}.", "",
        "| | wall, median | from | to | CPU, median | peak memory | rows/s |", "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, of in runs.items():
        walls = [it.wall for it in of]
        lines.append(
            f"| {name} | {median[name]:.2f} s | {min(walls):.2f} s | {max(walls):.2f} s "
            f"| {statistics.median(it.cpu for it in of):.2f} s | {max(it.peak for it in of) // MIB} MiB "
            f"| {args.rows / median[name] / 1e6:.2f} M |"
        )
    ours = median["gpuadvise ingest"]
    lines += [
        "",
        f"gpuadvise takes {ours / median['DuckDB']:.2f} of DuckDB's time with its direct casts, "
        f"{ours / median['DuckDB, exact casts']:.2f} of it with exact ones.",
        "The billed and effective totals of every charge category and of all GPU rows are the same to the last digit "
        "(exact casts).", "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
