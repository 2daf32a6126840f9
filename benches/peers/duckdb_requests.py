#!/usr/bin/env python3
"""Scans the four columns of a request log as barely as DuckDB can, and prints what it found as JSON.

`wall` and `cpu` are the seconds of the query alone, the first of a new process: without Python, the import and the
connection.
"""

import argparse
import json
import time

import duckdb

SCAN = """
SELECT count(*)::BIGINT AS rows, min(timestamp)::VARCHAR AS first, max(timestamp)::VARCHAR AS last,
  sum(strlen(workload))::BIGINT AS letters, sum(prompt_tokens)::BIGINT AS prompt,
  sum(completion_tokens)::BIGINT AS completion
FROM '{file}'
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    connection = duckdb.connect()
    connection.execute(f"SET threads = {args.threads}")
    wall, cpu = time.perf_counter(), time.process_time()
    result = connection.execute(SCAN.format(file=args.file.replace("'", "''")))
    rows = result.fetchall()
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    found = dict(zip((it[0] for it in result.description), rows[0]))
    print(json.dumps(found | spent | {"duckdb": duckdb.__version__}, indent=1))


if __name__ == "__main__":
    main()
