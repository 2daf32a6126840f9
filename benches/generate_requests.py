#!/usr/bin/env python3
"""Writes a month of the request log of a company's inference services as one file; the same seed gives the same rows.

Twenty workloads, the busiest with a fifth of all requests, more by day than by night; four columns (timestamp, workload,
prompt_tokens, completion_tokens) in the order of time, as Parquet or, by the name of the file, as CSV. Needs duckdb.
"""

import argparse
import os
import time

import duckdb

# A request is its number; `md5` is the same in every version of DuckDB, `hash` is not. Of u the share of the day, the
# warp makes afternoons three times as busy as nights.
ROWS = """
SELECT TIMESTAMP '2026-06-01 00:00:00' + to_microseconds((((a % 30) + u + 0.08 * sin(2 * pi() * u)) * 86400e6)::BIGINT)
    AS timestamp,
  ['chat-70b', 'chat-8b', 'embed', 'rerank', 'ocr', 'asr', 'translate', 'summarise', 'guard', 'code', 'search', 'ads',
   'vision', 'risk', 'support', 'research', 'eval', 'tts', 'router', 'agents'][1 + floor(20 * pow(w, 2))::INT] AS workload,
  (20 * exp(5 * p))::INT AS prompt_tokens, (1 + 8 * exp(4.5 * c))::INT AS completion_tokens
FROM (
  SELECT a, ((a >> 8) & 1099511627775) / 1099511627776.0::DOUBLE AS u, (b & 65535) / 65536.0::DOUBLE AS w, ((b >> 16) & 65535) / 65536.0::DOUBLE AS p,
    ((b >> 32) & 65535) / 65536.0::DOUBLE AS c
  FROM (
    SELECT md5_number_lower(concat({seed}, ':', range)) AS a, md5_number_upper(concat({seed}, ':', range)) AS b
    FROM range({rows})
  )
)
ORDER BY ALL
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    began = time.monotonic()
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    rows = ROWS.format(rows=args.rows, seed=args.seed)
    form = "FORMAT csv" if args.output.endswith(".csv") else "FORMAT parquet, COMPRESSION zstd"
    part = args.output + ".part"
    connection.execute(f"COPY ({rows}) TO '{part}' ({form})")
    os.replace(part, args.output)
    print(f"{args.rows} rows, {os.path.getsize(args.output) >> 20} MiB, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
