#!/usr/bin/env python3
"""Runs ingest_focus.sql on a file and prints its totals as JSON.

`--cast float` casts the costs as DuckDB does it directly, which is fast and off by the binary error of a float in the 17th
digit of most amounts. `--cast decimal` casts their shortest decimal texts, which gives the amounts that the file means and
that gpuadvise adds up.
"""

import argparse
import json
import re
from pathlib import Path

import duckdb

CASTS = {"float": r"CAST(\1 AS DECIMAL(38,18))", "decimal": r"CAST(CAST(\1 AS VARCHAR) AS DECIMAL(38,18))"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--cast", choices=CASTS, default="float")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    sql = (Path(__file__).parent / "ingest_focus.sql").read_text()
    sql = re.sub(r"\{amount:(\w+)\}", CASTS[args.cast], sql).replace("{file}", args.file.replace("'", "''"))
    connection = duckdb.connect()
    connection.execute(f"SET threads = {args.threads}")
    connection.execute("SET preserve_insertion_order = false")
    answers = []
    for statement in duckdb.extract_statements(sql):
        result = connection.execute(statement)
        names = [it[0] for it in result.description or []]
        answers.append([dict(zip(names, row)) for row in result.fetchall()])
    categories, fates, _services = answers[-3:]
    print(json.dumps({"categories": categories, "fates": fates, "duckdb": duckdb.__version__}, indent=1))


if __name__ == "__main__":
    main()
