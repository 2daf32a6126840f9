#!/usr/bin/env python3
"""Measures `gpuadvise analyze` on very many workloads, and writes what came out to RESULTS.md.

A usage table of 10,000 workloads with a row for each hour of a year is made here, in the order of time: four GPUs, three shapes of
demand, fleets that stand and fleets that follow the demand, the same for the same seed. `--rows` is the number of workloads,
GPUADVISE_DAYS=31 makes a month. The file of the year takes 770 MiB, and the run 2.6 GB beside the report for a while.
Build first: cargo build --release. Needs duckdb (pip install duckdb).
"""

import os
import re
import subprocess
import time

import duckdb
from run import MIB, Run, arguments, machine, write_section

DAYS = int(os.environ.get("GPUADVISE_DAYS", "365"))
# Demand of an hour: by day and night, in office hours, or the same at all times, with some chance.
ROWS = """
COPY (
  SELECT timestamp, workload, provider, region, gpu, gpus AS gpu_count, gpus AS gpu_hours,
    (gpus * rate)::DECIMAL(12, 4) AS effective_cost, asked AS requests, asked * prompt AS prompt_tokens,
    asked * completion AS completion_tokens, model
  FROM (
    SELECT *, CASE WHEN n % 3 = 0 THEN most ELSE greatest(1, ceil(most * level / 1.4)) END::BIGINT AS gpus,
      (level * most * (200 + n % 7 * 300))::BIGINT AS asked, 200 + n % 11 * 150 AS prompt, 50 + n % 5 * 60 AS completion
    FROM (
      SELECT hour AS timestamp, n, printf('team-%02d/model-%04d', n % 40, n) AS workload,
        [{providers}][1 + n % 4] AS provider, [{regions}][1 + n % 4] AS region, [{gpus}][1 + n % 4] AS gpu, [{rates}][1 + n % 4] AS rate,
        ['meta-llama/Meta-Llama-3.1-8B', 'Qwen/Qwen2.5-32B'][1 + n // 4 % 2] AS model,
        1 + (n * 7919 % 97) * (n * 7919 % 97) // 900 AS most,
        CASE n % 5 WHEN 0 THEN 1 WHEN 1 THEN CASE WHEN isodow(hour) < 6 AND hour(hour) BETWEEN 8 AND 17 THEN 1.2 ELSE 0.05 END
          ELSE 0.6 + 0.5 * sin((hour(hour) - 8) / 24 * 2 * pi()) END
          * (0.8 + (md5_number_lower(concat({seed}, ':', n, ':', hour)) & 1023) / 2560.0) AS level
      FROM range({workloads}) AS w(n), range(TIMESTAMP '2025-10-01', TIMESTAMP '2025-10-01' + INTERVAL {days} DAY, INTERVAL 1 HOUR) AS h(hour)
    )
  )
  ORDER BY timestamp, n
) TO '{to}' (FORMAT parquet, COMPRESSION zstd)
"""
GPUS = (
    ("gcp", "us-central1", "A100 80GB SXM4", 5.07), ("aws", "us-east-1", "H100 SXM5", 6.88), ("runpod", "global", "L40S", 0.86),
    ("gcp", "us-central1", "L4", 0.71),
)


def write(to, workloads, seed):
    providers, regions, gpus, rates = (", ".join(map(repr, it)) for it in zip(*GPUS))
    duckdb.execute("SET threads = 2; SET memory_limit = '8GB'; SET preserve_insertion_order = true")
    duckdb.execute(
        ROWS.format(providers=providers, regions=regions, gpus=gpus, rates=rates, seed=seed, workloads=workloads, days=DAYS, to=f"{to}.part")
    )
    os.replace(f"{to}.part", to)


def main():
    args = arguments(__doc__, runs=1, rows=10_000)
    file = os.path.join(args.folder, f"usage-{args.rows}-{DAYS}-{args.seed}.parquet")
    if not os.path.exists(file):
        write(file, args.rows, args.seed)
    version = subprocess.run([args.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    runs = [Run([args.binary, "analyze", file, "--output", f"{file}.report"], args.threads) for _ in range(args.runs)]
    runs.sort(key=lambda it: it.wall)
    it = runs[len(runs) // 2]
    lines = [
        "# Many workloads", "",
        f"{args.rows:,} workloads with a row for each hour of {DAYS} days (seed {args.seed}): {args.rows * DAYS * 24:,} rows, one Parquet "
        f"file of {os.path.getsize(file) / MIB / MIB:.0f} MiB, {args.threads} threads, {args.runs} runs, all files of the report. Written by "
        "`benches/many.py`.", "",
        f"{version}, {machine()}, {time.strftime('%Y-%m-%d', time.gmtime())}.", "",
        f"gpuadvise analyze: {it.wall:.1f} s (median), {it.cpu:.1f} s of processor time, at most {max(it.peak for it in runs) / MIB:.0f} MiB.",
    ]
    text = "\n".join(lines) + "\n"
    write_section(args.results, text)
    print(re.sub(r"\n+", "\n", text))


if __name__ == "__main__":
    main()
