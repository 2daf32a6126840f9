#!/usr/bin/env python3
"""Writes a month of the request log of a large fleet as one file; the same seed gives the same rows.

Two hundred workloads, the busiest with 1.3 % of all requests and the least with a fifth of that, more by day than by night;
four columns (timestamp, workload, prompt_tokens, completion_tokens) in the order of time, as Parquet. The rows are made day by
day, so that the order needs no memory for the whole. Needs duckdb.
"""

import argparse
import os
import time

import duckdb

# A request is its number; `md5` is the same in every version of DuckDB, `hash` is not. Of u the share of the day, the
# warp makes afternoons three times as busy as nights.
ROWS = """
SELECT TIMESTAMP '2026-06-01 00:00:00' + to_microseconds((({day} + u + 0.08 * sin(2 * pi() * u)) * 86400e6)::BIGINT)
    AS timestamp,
  printf('%s-%02d', ['chat-70b', 'chat-8b', 'embed', 'rerank', 'ocr', 'asr', 'translate', 'summarise', 'guard', 'code', 'search',
    'ads', 'vision', 'risk', 'support', 'research', 'eval', 'tts', 'router', 'agents'][1 + (n % 20)], n // 20) AS workload,
  (20 * exp(5 * p))::INT AS prompt_tokens, (1 + 8 * exp(4.5 * c))::INT AS completion_tokens
FROM (
  SELECT ((a >> 8) & 1099511627775) / 1099511627776.0::DOUBLE AS u,
    floor(200 * pow((b & 65535) / 65536.0::DOUBLE, 1.3))::BIGINT AS n, ((b >> 16) & 65535) / 65536.0::DOUBLE AS p,
    ((b >> 32) & 65535) / 65536.0::DOUBLE AS c
  FROM (
    SELECT md5_number_lower(concat({seed}, ':', range)) AS a, md5_number_upper(concat({seed}, ':', range)) AS b
    FROM range({first}, {end})
  )
)
ORDER BY ALL
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    began = time.monotonic()
    part = args.output + ".part"
    scratch = args.output + ".days"
    os.makedirs(scratch, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    edges = [day * args.rows // args.days for day in range(args.days + 1)]
    days = []
    for day in range(args.days):
        rows = ROWS.format(day=day, seed=args.seed, first=edges[day], end=edges[day + 1])
        days.append(f"{scratch}/{day:03}.parquet")
        connection.execute(f"COPY ({rows}) TO '{days[-1]}' (FORMAT parquet, COMPRESSION lz4)")
    # One file with row groups of the usual size, in the order of time.
    connection.execute(f"COPY (FROM read_parquet({days})) TO '{part}' (FORMAT parquet, COMPRESSION zstd)")
    os.replace(part, args.output)
    for day in days:
        os.remove(day)
    os.rmdir(scratch)
    print(f"{args.rows} rows, {os.path.getsize(args.output) >> 20} MiB, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
