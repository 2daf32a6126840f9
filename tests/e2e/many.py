#!/usr/bin/env python3
"""200 workloads, among them names that want to be more than names, through `analyze` into every format.

    pip install playwright openpyxl
    tests/e2e/many.py PATH_TO_GPUADVISE

Nothing executes, nothing is written outside the report folder, nothing is wider than its window, and
no cell of the workbook or the CSV is a formula. How long the page takes to load and to paint is told;
it decides nothing, since the machine may be busy.
"""

import csv
import datetime
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import openpyxl
from page import CHROMIUM, FLAGS
from playwright.sync_api import sync_playwright

N = 200
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3",
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "CON",
    "\U0001f680 launch",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
    "\u05e9\u05dc\u05d5\u05dd \u202etxt.exe",
    "x" * 10_000,
    "a b\tc\nd",
    "{{ name }} {% raw %} ${jndi:ldap://x}",
    "|pipes|and `ticks` *stars* [link](javascript:alert(1))",
]


def write(path):
    """A week of hourly rows for each, with a few requests."""
    names = HOSTILE + [f"workload-{at:03}" for at in range(N - len(HOSTILE))]
    head = "period_start,period_end,workload,owner,provider,region,gpu,gpu_count,gpu_hours,effective_cost"
    head += ",billed_cost,requests,prompt_tokens,completion_tokens,model"
    start = datetime.datetime(2026, 10, 5)
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(head.split(","))
        for at, name in enumerate(names):
            owner = HOSTILE[at % len(HOSTILE)] if at % 3 == 0 else f"team-{at % 7}"
            for hour in range(9 * 24):
                day = start + datetime.timedelta(hours=hour)
                busy = 8 <= day.hour < 18 and day.weekday() < 5
                n = (40 if busy else 2) + (at * 7 + hour) % 5
                cost = f"{2.49 + at / 1000:.4f}"
                rows.writerow(
                    [f"{day:%Y-%m-%dT%H:00:00Z}", f"{day + datetime.timedelta(hours=1):%Y-%m-%dT%H:00:00Z}"]
                    + [name, owner, "runpod", "global", "H100 SXM5", 1, 1, cost, cost]
                    + [n, n * 700, n * 200, "meta-llama/Meta-Llama-3.1-8B"]
                )


def analysed(program, folder):
    """The report, and what lies beside it afterwards."""
    write(folder / "usage.csv")
    (folder / "work/deep/er").mkdir(parents=True)
    inside = folder / "work/deep/er"
    before = {it for it in folder.rglob("*")}
    start = time.time()
    ran = subprocess.run(
        [program, "analyze", str(folder / "usage.csv"), "--output", "report", "--charts", "drawn", "--quiet"],
        cwd=inside,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    took = time.time() - start
    new = {it for it in folder.rglob("*")} - before
    assert all(inside in it.parents for it in new), [it for it in new if inside not in it.parents]
    for it in new:
        assert len(it.name) < 150 and all(32 < ord(c) < 127 for c in it.name), it
    return inside / "report", took


def check_page(browser, url, width, scheme):
    """No dialog, no request, no error, nothing wider than the window."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    faults = []
    page.on("dialog", lambda it: (faults.append(f"dialog {it.message}"), it.dismiss()))
    page.on("console", lambda it: faults.append(it.text) if it.type in ("error", "warning") else None)
    page.on("pageerror", lambda it: faults.append(str(it)))
    page.on("request", lambda it: faults.append(it.url) if it.url != url else None)
    start = time.time()
    page.goto(url)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    took = time.time() - start
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{width} px {scheme}: {wide} px wide"
    assert page.locator("img, iframe, object, embed, script[src]").count() == 0
    assert page.locator("#workloads-table tbody tr").count() == N
    links = page.evaluate("[...document.querySelectorAll('a')].map((it) => it.getAttribute('href'))")
    assert all(it.startswith("#") for it in links), [it for it in links if not it.startswith("#")]
    assert not faults, faults[:3]
    context.close()
    return took


def check_cells(report):
    book = openpyxl.load_workbook(report / "report.xlsx")
    texts = formulas = 0
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    formulas += 1
                    # Ours add up columns and name nothing of the data.
                    assert "cmd" not in str(cell.value) and "|" not in str(cell.value), cell.value
                elif isinstance(cell.value, str):
                    texts += 1
    with open(report / "recommendations.csv", newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            for cell in row:
                assert not cell.startswith(("=", "@", "\t")), cell
                assert not (cell.startswith("-") and not cell[1:].replace(".", "").isdigit()), cell
    return texts, formulas


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        report, took = analysed(program, pathlib.Path(folder))
        file = (report / "report.html").resolve()
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        times = [
            check_page(browser, file.as_uri(), width, scheme)
            for width in (1440, 360)
            for scheme in ("light", "dark")
        ]
        browser.close()
        texts, formulas = check_cells(report)
        print(f"{N} workloads, {len(HOSTILE)} hostile names: analyze {took:.1f} s, all formats and charts")
        print(f"page of {file.stat().st_size:,} bytes loaded and painted in {statistics.median(times):.2f} s (median of 4)")
        print(f"workbook: {texts} texts, {formulas} formulas, none of the data")


if __name__ == "__main__":
    main()
