#!/usr/bin/env python3
"""Opens report.html in Chromium as a reader would, and holds it to what the page promises.

Usage: page.py REPORT_FOLDER [--axe AXE_JS] [--shots FOLDER] [--like FOLDER]

No error and no request leaves the page; it fits 360 and 1440 px in both themes; the table sorts and
filters by keyboard too; the theme toggles; it prints without a cut chart, its first page being that for
who decides; axe-core, where its file is named, finds no serious violation; its top looks like the
pictures of --like. Those are written with GPUADVISE_BLESS=1. Needs playwright, Pillow, pypdf and a
Chromium (CHROMIUM, else /usr/bin/chromium).
"""

import io
import os
import pathlib
import sys

import pypdf
from PIL import Image, ImageChops, ImageFilter, ImageStat
from playwright.sync_api import sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def option(name):
    return pathlib.Path(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else None


def opened(browser, page_url, width, scheme):
    """The page in a window, and what went wrong while it loaded."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    faults = []
    page.on("console", lambda it: faults.append(it.text) if it.type in ("error", "warning") else None)
    page.on("pageerror", lambda it: faults.append(str(it)))
    page.on("request", lambda it: faults.append(it.url) if it.url != page_url else None)
    page.goto(page_url)
    return page, faults


def looks(browser, page_url, shots):
    """Every width and theme: nothing wider than the window, nothing on the console."""
    for width in (360, 1440):
        for scheme in ("light", "dark"):
            page, faults = opened(browser, page_url, width, scheme)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{width} px {scheme}: the page is {wide} px wide"
            assert not faults, f"{width} px {scheme}: {faults}"
            if shots:
                page.screenshot(path=shots / f"page-{width}-{scheme}.png", full_page=True)
            page.context.close()


def alike(browser, page_url, like):
    """The top of the page looks as agreed. Fonts differ a little from machine to machine: compared is
    how the colours lie, an eighth of the size and blurred."""
    for width in (360, 1440):
        for scheme in ("light", "dark"):
            page, _ = opened(browser, page_url, width, scheme)
            shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            path = like / f"page-{width}-{scheme}.png"
            if os.environ.get("GPUADVISE_BLESS") == "1":
                shown.quantize(64).save(path, optimize=True)
            agreed = Image.open(path).convert("RGB")
            assert shown.size == agreed.size, (shown.size, agreed.size)
            small = [it.resize((it.width // 8, it.height // 8), Image.BOX) for it in (shown, agreed)]
            small = [it.filter(ImageFilter.GaussianBlur(2)) for it in small]
            difference = ImageChops.difference(*small)
            mean = max(ImageStat.Stat(difference).mean)
            most = max(it[1] for it in difference.getextrema())
            assert mean < 4 and most < 70, f"{path.name}: differs by {mean:.1f} on average, {most} at most"
            page.context.close()


def names(page):
    rows = page.locator("#workloads-table tbody tr:visible th")
    return [it.strip() for it in rows.all_inner_texts()]


def works(browser, page_url):
    """The table and the theme."""
    page, faults = opened(browser, page_url, 1440, "light")
    before = names(page)
    cost = page.locator("#workloads-table thead button", has_text="Cost,")
    cost.focus()
    page.keyboard.press("Enter")
    falling = names(page)
    page.keyboard.press("Enter")
    rising = names(page)
    assert falling == rising[::-1] and sorted(falling) == sorted(before), (falling, rising)
    assert falling == before, "the report has the dearest first, so has the column"
    page.locator("#workloads-table thead button").first.click()
    assert names(page) == sorted(before, key=str.lower), names(page)
    page.fill("#filter", before[0])
    assert names(page) == [before[0]], names(page)
    assert page.inner_text("#shown").startswith("1 of "), page.inner_text("#shown")
    page.fill("#filter", "no such workload")
    assert names(page) == []
    page.fill("#filter", "")
    assert len(names(page)) == len(before)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("#theme")
    dark = page.evaluate(paper)
    page.click("#theme")
    assert light != dark and page.evaluate(paper) == light, (light, dark)
    for summary in page.locator("details.charts > summary").all()[:2]:
        summary.click()
    assert page.locator("details.charts[open] svg").count() > 0
    assert not faults, faults
    page.context.close()


def without_script(browser, page_url):
    """All of it is there when nothing runs."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(page_url)
    assert page.locator("#workloads-table tbody tr").count() > 0
    assert page.locator("#theme").is_hidden() and page.locator("#filter").is_hidden()
    context.close()


def prints(browser, page_url, shots):
    """On paper the first page asks for decisions, and no chart is cut."""
    page, _ = opened(browser, page_url, 1440, "dark")
    page.emulate_media(media="print")
    height = page.evaluate("Math.max(...[...document.querySelectorAll('figure')].map((it) => it.getBoundingClientRect().height))")
    assert height < 900, f"a chart is {height} px high: it does not fit a page"
    split = page.evaluate("[...document.querySelectorAll('figure')].every((it) => getComputedStyle(it).breakInside === 'avoid')")
    assert split, "a chart may be cut by a page break"
    pdf = page.pdf(format="A4", print_background=True)
    assert pdf.startswith(b"%PDF") and len(pdf) > 20_000
    if shots:
        (shots / "page.pdf").write_bytes(pdf)
    for paper in ("A4", "Letter"):
        pages = pypdf.PdfReader(io.BytesIO(page.pdf(format=paper, print_background=True))).pages[:2]
        first, second = (" ".join(it.extract_text().split()) for it in pages)
        for part in ("Decisions", "The month", "Who", "Reconciled"):
            assert part in first, f"{paper}: the first printed page lacks {part}"
        begins = "GPUs now" not in first and "GPUs now" in second
        assert begins, f"{paper}: the table of workloads begins the second page"
    page.context.close()


def is_accessible(browser, page_url, axe):
    """axe-core finds nothing serious, in either theme."""
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(page_url)
        page.add_script_tag(content=axe.read_text())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [it for it in found["violations"] if it["impact"] in ("serious", "critical")]
        told = [(it["id"], it["nodes"][0]["html"][:160], len(it["nodes"])) for it in serious]
        assert not told, f"{scheme}: {told}"
        context.close()


def main():
    folder = pathlib.Path(sys.argv[1])
    file = (folder / "report.html").resolve()
    size = file.stat().st_size
    n = file.read_text(encoding="utf-8").count("<article")
    assert size < 2_000_000 * max(1.0, n / 50), f"{size} bytes for {n} workloads"
    shots, axe, like = option("--shots"), option("--axe"), option("--like")
    if shots:
        shots.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page_url = file.as_uri()
        looks(browser, page_url, shots)
        works(browser, page_url)
        without_script(browser, page_url)
        prints(browser, page_url, shots)
        if like:
            alike(browser, page_url, like)
        if axe:
            is_accessible(browser, page_url, axe)
        browser.close()
    print(f"{file.name}: {size} bytes, {n} workloads; two widths, two themes, table, theme, print{', axe' if axe else ''}")


if __name__ == "__main__":
    main()
