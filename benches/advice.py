#!/usr/bin/env python3
"""Measures `gpuadvise analyze` on workloads of 100,000 requests a month each, and writes what came out to RESULTS.md.

The usage rows are made here: hourly rows of October 2026, four shapes of demand on four GPUs, two models, the same for the same
seed. The advice on one workload, on twenty and on two hundred is timed, and of two hundred also the files alone: that is what
`--verbose` says of the stages. Build first: cargo build --release.
"""

import csv
import datetime
import math
import os
import random
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from run import MIB, Run, arguments, machine, write_section

REQUESTS = 100_000
HOURS = 744
SIZES = (1, 20, 200)
SHAPES = ("diurnal", "office", "steady", "bursty")
GPUS = (
    ("gcp", "us-central1", "A100 80GB SXM4", 1, "5.07"),
    ("aws", "us-east-1", "H100 SXM5", 1, "6.88"),
    ("runpod", "global", "L40S", 1, "0.86"),
    ("gcp", "us-central1", "A100 80GB SXM4", 2, "10.14"),
)
MODELS = ("meta-llama/Meta-Llama-3.1-8B", "Qwen/Qwen2.5-32B")
HEADER = (
    "period_start,period_end,workload,provider,region,gpu,gpu_count,gpu_hours,effective_cost,requests,prompt_tokens,"
    "completion_tokens,model"
)


def level(shape, day, dice):
    """Demand of an hour, in any unit."""
    if shape == "diurnal":
        of_day = 1 + math.sin((day.hour - 8) / 24 * 2 * math.pi)
    elif shape == "office":
        of_day = 3 if day.weekday() < 5 and 8 <= day.hour < 18 else 0.05
    elif shape == "bursty":
        of_day = 20 if dice.random() < 0.03 else 0.3
    else:
        of_day = 1
    return of_day * dice.uniform(0.8, 1.2)


def write(path, n, seed):
    dice = random.Random(seed)
    hours = [datetime.datetime(2026, 10, 1) + datetime.timedelta(hours=at) for at in range(HOURS)]
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER.split(","))
        for at in range(n):
            provider, region, gpu, count, rate = GPUS[at // 4 % 4]
            levels = [level(SHAPES[at % 4], it, dice) for it in hours]
            for hour, share in zip(hours, levels):
                asked = round(REQUESTS * share / sum(levels))
                end = hour + datetime.timedelta(hours=1)
                rows.writerow(
                    [f"{hour:%Y-%m-%dT%H:00:00Z}", f"{end:%Y-%m-%dT%H:00:00Z}", f"w{at:03}", provider, region, gpu]
                    + [count, count, rate, asked, asked * 700, asked * 200, MODELS[at // 2 % 2]]
                )


def written_s(args, file):
    """Seconds that the files of a report take, by what the run itself says."""
    command = [args.binary, "analyze", file, "--output", f"{file}.report", "--verbose"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return float(re.search(r"files ([0-9.]+) s", said)[1])


def main():
    args = arguments(__doc__, runs=3)
    version = subprocess.run([args.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    lines = [
        "# Speed of advice", "",
        f"Workloads of {REQUESTS:,} requests in {HOURS} hourly rows each (seed {args.seed}), {args.threads} threads, the catalog in "
        f"the program, all formats written, {args.runs} runs. Written by `benches/advice.py`.", "",
        f"{version}, {machine()}, {time.strftime('%Y-%m-%d', time.gmtime())}.", "",
        "| workloads | wall, median | from | to | each | peak memory |", "| --- | --- | --- | --- | --- | --- |",
    ]
    for n in SIZES:
        file = os.path.join(args.folder, f"advice-{n}-{args.seed}.csv")
        if not os.path.exists(file):
            write(file, n, args.seed)
        command = [args.binary, "analyze", file, "--output", f"{file}.report", "--quiet"]
        runs = [Run(command, args.threads) for _ in range(args.runs)]
        walls = [it.wall for it in runs]
        wall, peak = statistics.median(walls), max(it.peak for it in runs)
        lines.append(
            f"| {n} | {wall:.2f} s | {min(walls):.2f} s | {max(walls):.2f} s | {wall / n:.2f} s | {peak // MIB} MiB |"
        )
    files = [written_s(args, file) for _ in range(args.runs)]
    page = Path(f"{file}.report/report.html").stat().st_size / 1e6
    lines += [
        "", f"The files of the {SIZES[-1]} take {statistics.median(files):.2f} s of it ({min(files):.2f} to {max(files):.2f}); "
        f"the page has {page:.1f} MB.", "",
    ]
    text = "\n".join(lines)
    write_section(args.results, text)
    print(text)


if __name__ == "__main__":
    sys.exit(main())
