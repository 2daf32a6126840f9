#!/usr/bin/env python3
"""Reads report.xlsx of a report folder with openpyxl and holds it against report.json.

Usage: workbook.py REPORT_FOLDER [--pdf FOLDER]

With --pdf the workbook is opened by LibreOffice, recalculated and printed: its totals must be the
same, and the pages are left as PNG to look at. Needs openpyxl; --pdf needs soffice and pdftoppm.
"""

import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

import openpyxl

SHEETS = [
    "Summary", "Workloads", "Plans", "Advice", "Hourly demand", "Reconciliation", "Assumptions",
]
ERRORS = ("#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#NUM!", "Err:")
# A sum of doubles against one rounded from exact digits: a millionth of a cent on a million.
TOLERANCE = 1e-8


def same(found, expected, what):
    """Two amounts are equal but for what doubles cannot hold."""
    if expected is None:
        assert found is None, f"{what}: {found}, and the report has nothing"
        return
    expected = float(expected)
    assert isinstance(found, (int, float)), f"{what}: {found!r} is no number"
    assert abs(found - expected) <= TOLERANCE * max(1.0, abs(expected)), f"{what}: {found}, not {expected}"


def columns(sheet):
    """The column of each header."""
    return {cell.value: cell.column for cell in sheet[1] if cell.value is not None}


def column(heads, start):
    """The one column whose header begins so."""
    found = [at for head, at in heads.items() if head.startswith(start)]
    assert len(found) == 1, f"{start}: {found} of {list(heads)}"
    return found[0]


def check_form(book):
    """Frozen header, filter, no merged cells, one header row, no error, no link."""
    assert book.sheetnames == SHEETS, book.sheetnames
    for sheet in book:
        assert sheet.freeze_panes and sheet.freeze_panes.endswith("2"), f"{sheet.title}: {sheet.freeze_panes}"
        assert sheet.auto_filter.ref, f"{sheet.title} has no filter"
        assert not sheet.merged_cells.ranges, f"{sheet.title} has merged cells"
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.hyperlink is None, f"{sheet.title}!{cell.coordinate} is a link"
                is_error = isinstance(cell.value, str) and cell.value.startswith(ERRORS)
                assert not is_error, f"{sheet.title}!{cell.coordinate}: {cell.value}"
        widths = [it.width for it in sheet.column_dimensions.values()]
        assert widths and max(widths) <= 62, f"{sheet.title}: {max(widths)} wide"


def check_text(formulas):
    """What is a formula is one of ours; all other text is text."""
    ours = ("=SUBTOTAL(109,", "=SUM(", "=")
    count = 0
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    count += 1
                    is_ours = str(cell.value).startswith(ours[:2]) or len(str(cell.value)) < 14
                    assert is_ours, f"{sheet.title}!{cell.coordinate}: {cell.value}"
    assert count > 0, "no formula"
    return count


def check_numbers(book, report):
    """The cells and the totals are those of report.json."""
    totals, workloads = report["totals"] | report["portfolio"]["savings_by_decision"], report["workloads"]
    sheet = book["Workloads"]
    heads = columns(sheet)
    last = len(workloads) + 2
    for start, key in [
        ("Effective cost", "effective_cost"),
        ("Billed cost", "billed_cost"),
        ("Month of 730 h today", "baseline_monthly_cost"),
        ("Saving found a month", "identified"),
        ("Saving asked for a month", "asked_for"),
        ("Month of 730 h with", "monthly_cost_after"),
        ("GPU-hours", "gpu_hours"),
        ("Requests", "requests"),
        ("Prompt tokens", "prompt_tokens"),
        ("Completion tokens", "completion_tokens"),
    ]:
        at = column(heads, start)
        if workloads:
            same(sheet.cell(last, at).value, totals[key], f"total of {start}")
            cells = [sheet.cell(row, at).value for row in range(2, last)]
            if totals[key] is not None:
                same(sum(it for it in cells if it is not None), totals[key], f"rows of {start}")
    for row, it in enumerate(workloads, 2):
        baseline = it["baseline"]
        same(sheet.cell(row, column(heads, "Effective cost")).value, baseline["effective_cost"], it["name"])
        same(sheet.cell(row, column(heads, "Busy")).value, baseline["busy_fraction"], it["name"])
    plans = book["Plans"]
    heads, row = columns(plans), 2
    for it in workloads:
        for plan in it["plans"]:
            same(plans.cell(row, column(heads, "Month of 730 h")).value, plan["monthly_cost"], plan["id"])
            assert plans.cell(row, column(heads, "Plan id")).value == plan["id"][:32767]
            row += 1
    assert plans.max_row <= max(row - 1, 2), f"{plans.max_row} rows of plans, not {row - 1}"
    advice = book["Advice"]
    same(advice.cell(last, column(columns(advice), "Saving found a month")).value if workloads else 0.0,
         totals["monthly_savings"] if workloads else 0.0, "total of the advice")
    account = book["Reconciliation"]
    same(account.cell(account.max_row, column(columns(account), "Billed cost")).value,
         report["reconciliation"]["billed_total"], "billed total")
    summary = {row[0].value: row[1].value for row in book["Summary"].iter_rows(min_row=2)}
    same(summary["Saving found"], totals["identified"], "summary: saving found")
    same(summary["Saving asked for"], totals["asked_for"], "summary: saving asked for")
    same(summary["Effective cost"], totals["effective_cost"], "summary: cost")
    same(summary["Month with the advice"], totals["monthly_cost_after"], "summary: month")
    same(summary["Difference"], report["reconciliation"]["difference"], "summary: difference")
    assert isinstance(summary["As of"], datetime.datetime), summary["As of"]
    assert len(book["Assumptions"]["A"]) == len(report["provenance"]["assumptions"]) + 1


def printed(path, folder):
    """LibreOffice computes everything again and prints it; returns its workbook."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for form in ("pdf", "xlsx:Calc MS Excel 2007 XML"):
            subprocess.run(
                ["soffice", f"-env:UserInstallation=file://{home}", "--headless", "--convert-to", form,
                 "--outdir", str(folder), str(path)],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300,
            )
    pdf = folder / "report.pdf"
    subprocess.run(["pdftoppm", "-r", "60", "-png", str(pdf), str(folder / "page")], check=True)
    return folder / "report.xlsx"


def main():
    folder = pathlib.Path(sys.argv[1])
    path = folder / "report.xlsx"
    report = json.loads((folder / "report.json").read_text())
    check_form(openpyxl.load_workbook(path))
    count = check_text(openpyxl.load_workbook(path))
    check_numbers(openpyxl.load_workbook(path, data_only=True), report)
    print(f"{path}: {len(report['workloads'])} workloads, {count} formulas, totals as in report.json")
    if "--pdf" in sys.argv:
        out = pathlib.Path(sys.argv[sys.argv.index("--pdf") + 1])
        again = printed(path, out)
        check_numbers(openpyxl.load_workbook(again, data_only=True), report)
        print(f"{again}: the same when LibreOffice computes it")


main()
