#!/usr/bin/env python3
"""A month's review as a company has it: a budget, what is held, what was decided, an earlier report.

Usage: review.py GPUADVISE FOLDER [--axe AXE_JS] [--shots FOLDER]

The first half of samples/usage.parquet is reported and decided on, the second reported beside it. Every
part that only such a run has must be on the page, and the page is held to what page.py asks of any.
"""

import json
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / "samples"
MORE = """
[budget]
monthly = 60000

[budget.owner.Search]
monthly = 20000

[[commitment]]
id = "train-2025"
provider = "aws"
region = "us-east-1"
gpu = "H100 SXM5"
gpu_count = 8
instances = 1
rate_per_hour = "40.00"
start = "2026-01-01"
end = "2027-01-01"
"""


def reviewed(program, folder):
    """The folder of the second report."""
    def run(*words):
        subprocess.run([program, *words], cwd=folder, check=True, capture_output=True)

    shutil.copy(SAMPLES / "usage.parquet", folder)
    config = (SAMPLES / "gpuadvise.toml").read_text(encoding="utf-8")
    (folder / "gpuadvise.toml").write_text(config + MORE, encoding="utf-8")
    run("analyze", "usage.parquet", "--until", "2026-10-17", "--output", "before")
    run("decide", "before", "old-demo", "--accept", "--owner", "Sales", "--due", "2026-10-20")
    run("decide", "before", "chat-prod", "--reject", "--reason", "no int4")
    run("decide", "before", "support-desk", "--snooze", "2027-01-01")
    cut = ["--since", "2026-10-17", "--until", "2026-11-01"]
    run("analyze", "usage.parquet", *cut, "--previous", "before/report.json", "--output", "after")
    return folder / "after"


def has_all(folder):
    """What only such a run has is there, and says what the JSON says."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    states = {it["name"]: it["advice"]["decision"] for it in report["workloads"]}
    assert states["chat-prod"]["counts_as"] == "rejected" and states["old-demo"]["overdue"]
    assert states["support-desk"]["counts_as"] == "snoozed"
    assert report["budget"]["months"] and report["previous"]["since"]["steps"]
    held = report["held_commitments"][0]
    assert held["id"] == "train-2025" and held["stranded_cost"] != "0.00", held
    for part in ("train-2025", "no int4", "overdue", "favorable", "Spend fell by", "Promises"):
        assert part in page, f"the page lacks {part}"


def main():
    program, folder = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    after = reviewed(program, folder)
    has_all(after)
    subprocess.run([sys.executable, HERE / "page.py", after, *sys.argv[3:]], check=True)


if __name__ == "__main__":
    main()
