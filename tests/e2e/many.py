#!/usr/bin/env python3
"""200 workloads, among them names that want to be more than names, through `analyze` into every format; then 1,100, whose
report is paged.

    pip install playwright openpyxl
    tests/e2e/many.py PATH_TO_GPUADVISE

Nothing executes, nothing is written outside the report folder, nothing is wider than its window, and
no cell of the workbook or the CSV is a formula. Of the 1,100 each has a row on one of the pages, which link to each other, and
the pages go when the report has fewer again. How long the page takes to load and to paint is told; it decides nothing, since the
machine may be busy.
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
N_PAGED = 1_100
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


def write(path, n_all=N, hours=9 * 24):
    """A week and more of hourly rows for each, with a few requests."""
    names = HOSTILE + [f"workload-{at:03}" for at in range(n_all - len(HOSTILE))]
    head = "period_start,period_end,workload,owner,provider,region,gpu,gpu_count,gpu_hours,effective_cost"
    head += ",billed_cost,requests,prompt_tokens,completion_tokens,model"
    start = datetime.datetime(2026, 10, 5)
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(head.split(","))
        for at, name in enumerate(names):
            owner = HOSTILE[at % len(HOSTILE)] if at % 3 == 0 else f"team-{at % 7}"
            for hour in range(hours):
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


def opened(browser, width, scheme):
    """A window, and the faults that it will have."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    faults = []
    page.on("dialog", lambda it: (faults.append(f"dialog {it.message}"), it.dismiss()))
    page.on("console", lambda it: faults.append(it.text) if it.type in ("error", "warning") else None)
    page.on("pageerror", lambda it: faults.append(str(it)))
    return page, faults


def check_page(browser, url, width, scheme):
    """No dialog, no request, no error, nothing wider than the window."""
    page, faults = opened(browser, width, scheme)
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
    page.context.close()
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


def check_pages(program, browser, folder):
    """A report of very many workloads, and the same folder with fewer again."""
    folder.mkdir()

    def analyse(n):
        write(folder / "usage.csv", n, 48)
        words = [program, "analyze", str(folder / "usage.csv"), "--output", "report", "--quiet", "--full-search", "2"]
        ran = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    said = analyse(N_PAGED)
    assert "--full-search" in said and max(map(len, said.splitlines())) <= 80, said
    report = folder / "report"
    pages = sorted(it.name for it in report.glob("workloads-*.html"))
    assert pages == ["workloads-001.html", "workloads-002.html", "workloads-003.html"], pages
    names = []
    for file in ["report.html", *pages]:
        for width, scheme in ((360, "dark"), (1440, "light")):
            page, faults = opened(browser, width, scheme)
            page.goto((report / file).resolve().as_uri())
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{file}, {width} px: {wide} px wide"
            links = set(page.evaluate("[...document.querySelectorAll('a')].map((it) => it.getAttribute('href'))"))
            others = {it for it in links if not it.startswith("#")}
            expected = set(pages) if file == "report.html" else {"report.html", *pages} - {file}
            assert others == expected, (file, others)
            anchors = {it[1:] for it in links if it.startswith("#")}
            missing = [it for it in anchors if page.locator(f"[id='{it}']").count() != 1]
            assert not missing, (file, missing[:3])
            assert not faults, (file, faults[:3])
            if file != "report.html" and width == 1440:
                rows = page.locator("#workloads-table tbody tr th").all_inner_texts()
                names += rows
                page.fill("#filter", next(it for it in rows if it.startswith("workload-")))
                shown = page.locator("#workloads-table tbody tr:visible").count()
                assert 0 < shown < len(rows), (file, shown)
            page.context.close()
    assert len(names) == len(set(names)) == N_PAGED, (len(names), len(set(names)))
    size = sum((report / it).stat().st_size for it in ["report.html", *pages])
    analyse(N)
    assert not list(report.glob("workloads-*.html")), "pages of a report that has none are left"
    print(f"{N_PAGED} workloads: {len(pages)} further pages, {size:,} bytes of HTML in all, each workload once")


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
        check_pages(program, browser, pathlib.Path(folder) / "paged")
        browser.close()
        texts, formulas = check_cells(report)
        print(f"{N} workloads, {len(HOSTILE)} hostile names: analyze {took:.1f} s, all formats and charts")
        print(f"page of {file.stat().st_size:,} bytes loaded and painted in {statistics.median(times):.2f} s (median of 4)")
        print(f"workbook: {texts} texts, {formulas} formulas, none of the data")


if __name__ == "__main__":
    main()
