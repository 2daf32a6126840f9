#!/usr/bin/env python3
"""Checks that a bill gives one account however Parquet stores it.

A bill of generate_focus.py is written again by pyarrow: without dictionaries, with dictionaries that are full half-way, in
pages of version 2, with texts by their differences, with other units of time, with objects as maps and structs. gpuadvise reads the usual ways by their pages
and leaves the rest to polars, so this compares the two. Needs pyarrow (pip install pyarrow).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent


def texts(table):
    return [it.name for it in table.schema if pa.types.is_string(it.type) or pa.types.is_large_string(it.type)]


def in_unit(table, unit):
    for at, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            cast = table.column(at).cast(pa.timestamp(unit, field.type.tz))
            table = table.set_column(at, pa.field(field.name, cast.type), cast)
    return table


def with_objects(table, name, kind):
    """The JSON objects of a column as maps, or as structs with a field for each key."""
    texts = [it and json.loads(it) for it in table.column(name).to_pylist()]
    objects = [it and {key: str(value) for key, value in it.items()} for it in texts]
    if kind == "maps":
        column = pa.array([it if it is None else list(it.items()) for it in objects], pa.map_(pa.string(), pa.string()))
    else:
        keys = sorted({key for it in objects for key in it or {}})
        column = pa.array(objects, pa.struct([(key, pa.string()) for key in keys]))
    at = table.schema.get_field_index(name)
    return table.set_column(at, pa.field(name, column.type), column)


def ways(table):
    for kind in ("maps", "structs"):
        yield f"tags as {kind}", with_objects(table, "Tags", kind), {}
    yield "details as structs", with_objects(table, "SkuPriceDetails", "structs"), {}
    yield "plain", table, {"use_dictionary": False}
    yield "mixed", table, {"dictionary_pagesize_limit": 2000, "data_page_size": 10_000}
    yield "pages of version 2", table, {"data_page_version": "2.0", "compression": "snappy"}
    yield "differences", table, {"use_dictionary": False, "column_encoding": {it: "DELTA_BYTE_ARRAY" for it in texts(table)}}
    yield "milliseconds", in_unit(table, "ms"), {"compression": "none"}
    yield "nanoseconds", in_unit(table, "ns"), {"compression": "gzip"}


def account(binary, file):
    run = subprocess.run([binary, "ingest", file, "--format", "json"], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{file}: {run.stderr}")
    return json.loads(run.stdout)["reconciliation"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=str(HERE.parent / "target" / "release" / "gpuadvise"))
    parser.add_argument("--rows", type=int, default=50_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first = os.path.join(folder, "focus.parquet")
        subprocess.run([sys.executable, str(HERE / "generate_focus.py"), first, "--rows", str(args.rows)], check=True)
        table = pq.read_table(first)
        expected = account(args.binary, first)
        for name, changed, how in ways(table):
            file = os.path.join(folder, "again.parquet")
            pq.write_table(changed, file, row_group_size=args.rows // 3, **how)
            if account(args.binary, file) != expected:
                sys.exit(f"{name}: the account is another one")
            print(f"{name}: the same account")


if __name__ == "__main__":
    main()
