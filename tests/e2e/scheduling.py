"""Runs what docs/scheduling.md tells to schedule.

    pip install aiosmtpd cryptography kubernetes-validate check-jsonschema pyyaml
    tests/e2e/scheduling.py PATH_TO_GPUADVISE docs/scheduling.md

The units are checked by systemd, the CronJob and the workflow by their published schemas. Every
`gpuadvise` line in them is run as it stands, on the sample, against a mail server on loopback.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml
from mail import PASSWORD, Bench, Server, certificate, parsed

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "samples"
IMAGE = re.compile(r"\S*gpuadvise(?::[\d.]+)? (analyze .*)")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def check_units(text, folder):
    """systemd's own check, with a docker that is there and a user that exists."""
    service, timer = blocks(text, "ini")
    for unit, name in [(service, "gpuadvise.service"), (timer, "gpuadvise.timer")]:
        unit = unit.replace("/usr/bin/docker", "/bin/true").replace("User=gpu", "User=daemon")
        unit = unit.replace("SupplementaryGroups=docker", "SupplementaryGroups=daemon")
        (folder / name).write_text(unit)
    if shutil.which("systemd-analyze") is None:
        sys.exit("error: systemd-analyze is missing: apt-get install systemd")
    for name in ["gpuadvise.service", "gpuadvise.timer"]:
        ran = subprocess.run(
            ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", folder / name],
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0 and not ran.stderr, ran.stderr
    when = re.search(r"OnCalendar=(.*)", timer)[1]
    ran = subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return re.search(r"ExecStart=(.*)", service)[1]


def check_cronjob(text):
    job = yaml.safe_load(next(it for it in blocks(text, "yaml") if "CronJob" in it))
    kubernetes_validate.validate(job, "1.29", strict=True)
    # What the job names is made before it, under the same names and keys.
    claim = yaml.safe_load(next(it for it in blocks(text, "yaml") if "kind: PersistentVolumeClaim" in it))
    kubernetes_validate.validate(claim, "1.29", strict=True)
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    secret = pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]
    made = f"kubectl create secret generic {secret['name']} --from-file={secret['key']}="
    assert any(made in it for it in blocks(text, "sh")), made
    container = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    return "gpuadvise " + shlex.join(container["args"])


def check_workflow(text, folder):
    workflow = next(it for it in blocks(text, "yaml") if "upload-artifact" in it)
    path = folder / "workflow.yaml"
    path.write_text(workflow)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    steps = yaml.safe_load(workflow)["jobs"]["report"]["steps"]
    return next(it["run"] for it in steps if "run" in it)


def check_cron(text):
    line = next(it for it in blocks(text, "text") if "0 6 * * 1" in it)
    assert "%" not in line, "cron cuts a line at a percent sign"
    return line


def run(program, command, folder, code):
    """The words behind the name of the image, in a folder with exports."""
    words = IMAGE.search(command)[1]
    words = shlex.split(re.split(r" >+", words)[0])
    ran = subprocess.run(
        [program, *words],
        cwd=folder,
        env={**os.environ, "MAIL_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == code, f"{words}: exit {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return words, ran


def at_once(program, folder):
    """Two runs on one folder: one writes, the other ends with exit code 8."""
    command = [program, "analyze", "exports", "--output", "reports/both", "--quiet"]
    started = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [it.communicate()[1] for it in started]
    codes = sorted(it.returncode for it in started)
    assert codes == [0, 8], (codes, errors)
    assert any("another run" in it for it in errors), errors
    left = [it.name for it in (folder / "reports/both").iterdir() if it.name.startswith(".")]
    assert not left, left


def main():
    program = os.path.abspath(sys.argv[1])
    text = pathlib.Path(sys.argv[2]).read_text()
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        good = certificate(root, "good", "localhost")[1]
        commands = {
            "cron": (check_cron(text), 0),
            "systemd": (check_units(text, root), 0),
            "Kubernetes": (check_cronjob(text), 0),
            "GitHub Actions": (check_workflow(text, root), 5),
        }
        for name, (command, code) in commands.items():
            empty = root / "empty"
            empty.mkdir(exist_ok=True)
            bench = Bench(program, empty, root, name.replace(" ", "-"))
            (bench.folder / "exports").mkdir()
            shutil.copy(SAMPLE / "usage.parquet", bench.folder / "exports")
            with Server("starttls", good) as server:
                bench.config(server.port)
                sample = (SAMPLE / "gpuadvise.toml").read_text()
                own = (bench.folder / "gpuadvise.toml").read_text()
                (bench.folder / "gpuadvise.toml").write_text(sample + own)
                mails = 1 if "--email" in command else 0
                for _ in range(2 if mails else 1):
                    words, ran = run(program, command, bench.folder, code)
                    assert len(server.arrived) == mails, (name, len(server.arrived), ran.stderr)
                if mails:
                    parsed(server.arrived[0])
            folder = bench.folder / words[words.index("--output") + 1]
            assert (folder / "report.html").stat().st_size > 100_000
            lines = ran.stderr.splitlines()
            if "json" in words:
                assert lines and all(json.loads(it)["level"] for it in lines), ran.stderr
            print(f"{name}: {shlex.join(words)}: exit code {code}, {mails} mail", flush=True)
        at_once(program, bench.folder)
        print("two at once: one report, one exit code 8")
        print(f"scheduling: {len(commands)} ways, run and checked")


if __name__ == "__main__":
    main()
