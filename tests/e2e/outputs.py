#!/usr/bin/env python3
"""Reads the other machine outputs of a report folder with libraries of others.

Usage: outputs.py REPORT_FOLDER [docs/report.schema.json]

gpuadvise.prom is parsed by prometheus_client, recommendations.csv by csv, recommendations.parquet by
pyarrow, and report.json is held against the schema by jsonschema. Their sums must be the report's.
"""

import csv
import decimal
import json
import pathlib
import sys

import jsonschema
import pyarrow.parquet
from prometheus_client.parser import text_string_to_metric_families


def metrics(folder, report):
    """Every family is a gauge with help, and the sums are those of the report."""
    text = (folder / "gpuadvise.prom").read_text()
    families = {it.name: it for it in text_string_to_metric_families(text)}
    assert len(families) > 20, list(families)
    for it in families.values():
        assert it.type == "gauge" and it.documentation.endswith("."), it
    currency = report["currency"].lower()
    saved = sum(it.value for it in families[f"gpuadvise_monthly_savings_{currency}"].samples)
    assert abs(saved - float(report["totals"]["monthly_savings"])) < 1e-6, saved
    of_workloads = families[f"gpuadvise_workload_monthly_savings_{currency}"].samples
    assert len(of_workloads) == len(report["workloads"])
    assert abs(sum(it.value for it in of_workloads) - saved) < 1e-6
    return len(families)


def recommendations(folder, report):
    """The same rows in both forms, and their savings are the report's."""
    table = pyarrow.parquet.read_table(folder / "recommendations.parquet")
    rows = list(csv.DictReader((folder / "recommendations.csv").open(newline="")))
    changes = [it for it in report["workloads"] if it["advice"]["action"] not in ("keep", "not_enough_data")]
    assert len(rows) == table.num_rows == len(changes), (len(rows), table.num_rows, len(changes))
    assert list(rows[0] if rows else table.column_names) == table.column_names
    saved = sum((decimal.Decimal(it["estimated_monthly_savings_after_discount"]) for it in rows), decimal.Decimal(0))
    assert saved == decimal.Decimal(report["totals"]["monthly_savings"]), saved
    for row, other in zip(rows, table.to_pylist()):
        name = other["workload"]
        assert row["workload"] in (name, "'" + name), row["workload"]
        assert not row["workload"].startswith(("=", "+", "-", "@")), row["workload"]
        json.loads(other["current_resource_details"])
        assert other["account_id"] is None and row["account_id"] == ""
    return len(rows)


def main():
    folder = pathlib.Path(sys.argv[1])
    report = json.loads((folder / "report.json").read_text())
    families = metrics(folder, report)
    rows = recommendations(folder, report)
    said = f"{families} metrics, {rows} recommendations"
    if len(sys.argv) > 2:
        schema = json.loads(pathlib.Path(sys.argv[2]).read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(report)
        said += ", report.json fits its schema"
    print(f"{folder}: {said}")


main()
