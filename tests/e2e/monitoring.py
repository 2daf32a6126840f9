#!/usr/bin/env python3
"""Runs the Prometheus rules and the Grafana dashboard of docs/monitoring.

    apt-get install prometheus        (promtool is in it; stop its service)
    pip install pyyaml
    tests/e2e/monitoring.py docs/monitoring

promtool checks the rules and runs their tests. Each alert has a test and a line in the README, each limit
and recorded name that is used exists, and the dashboard has the limits of the rules. Then a Prometheus on
loopback scrapes a vLLM, a dcgm-exporter and the `gpuadvise.prom` of the sample report, which this script
serves: every rule must evaluate, and every query of the dashboard answer, with data where there must be some.
Grafana itself is not started: it is not to be had from the package registries used here.
"""

import concurrent.futures
import contextlib
import http.server
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Panels and types that every Grafana has.
CORE = {"row", "stat", "table", "timeseries"}
# These need a week.
EMPTY_AT_FIRST = ("gpuadvise:cost_month", "gpuadvise:saving_kept_ratio")
NAME = re.compile(r"\bgpuadvise:[a-z0-9_]+(?::[a-z0-9_]+)?")
LIMIT = re.compile(r'gpuadvise:limit\{limit="(\w+)"\}')
LINES = re.compile(r"Lines: ([^.]+(?:\.\d[^.]*)*)\.")


class Faults:
    """One line a check; the number of those that failed."""

    def __init__(self):
        self.n = 0

    def check(self, what, faults):
        faults = [str(it) for it in faults]
        self.n += bool(faults)
        print(f"{'FAULT' if faults else 'ok   '} {what}", flush=True)
        for it in faults:
            print(f"      {it}", flush=True)


def run(*command, cwd=None):
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    said = [it for it in (ran.stdout + ran.stderr).splitlines() if it.strip()]
    return [] if ran.returncode == 0 else said or [f"exit code {ran.returncode}"]


def with_options(text):
    """The rules with every line of the first group that a user may turn on."""
    head, rest = text.split("  - name: gpuadvise-engines", 1)
    head = re.sub(r"^      # (- record:|  labels:|  expr:)", r"      \1", head, flags=re.MULTILINE)
    return f"{head}  - name: gpuadvise-engines{rest}"


class Rules:
    def __init__(self, path):
        self.path = path
        self.text = path.read_text()
        self.all = [it for group in yaml.safe_load(self.text)["groups"] for it in group["rules"]]
        opened = yaml.safe_load(with_options(self.text))["groups"]
        self.optional = {it["record"] for group in opened for it in group["rules"] if "record" in it}
        self.recorded = {it["record"] for it in self.all if "record" in it}
        self.alerts = [it for it in self.all if "alert" in it]
        self.limits = {
            it["labels"]["limit"]: float(it["expr"].removeprefix("vector(").removesuffix(")"))
            for it in self.all
            if it.get("record") == "gpuadvise:limit"
        }
        attainment = next(it for it in self.all if it.get("record") == "gpuadvise:slo_attainment_ratio")
        self.limits["slo_attainment_ratio"] = float(attainment["expr"][7:-1])


def check_rules(faults, rules, folder):
    faults.check("promtool check rules", run("promtool", "check", "rules", rules.path))
    with tempfile.TemporaryDirectory() as scratch:
        opened = pathlib.Path(scratch) / "rules.yml"
        opened.write_text(with_options(rules.text))
        faults.check("the same with every optional line", run("promtool", "check", "rules", opened))
    began = time.monotonic()
    said = run("promtool", "test", "rules", "gpuadvise.rules.test.yml", cwd=folder)
    faults.check(f"promtool test rules ({time.monotonic() - began:.0f} s)", said)

    tested = (folder / "gpuadvise.rules.test.yml").read_text()
    names = [it["alert"] for it in rules.alerts]
    missing = [it for it in names if f'{{alertname="{it}"' not in tested]
    faults.check(f"each of {len(names)} alerts fires in a test", missing)
    said = [f"{it} twice" for it in set(names) if names.count(it) > 1]
    for it in rules.alerts:
        if it["labels"]["severity"] not in ("critical", "warning", "info") and "{{" not in it["labels"]["severity"]:
            said.append(f"{it['alert']}: severity {it['labels']['severity']}")
        said += [f"{it['alert']}: no {key}" for key in ("summary", "description", "action") if key not in it["annotations"]]
    faults.check("each alert has a severity, a summary, a description and an action", said)
    used = set(LIMIT.findall(rules.text))
    unknown = [f"{it} does not exist" for it in used - set(rules.limits)]
    idle = [f"{it} is used by no rule" for it in set(rules.limits) - used - {"slo_attainment_ratio"}]
    faults.check(f"each of {len(used)} limits exists and is used", unknown + idle)
    exprs = " ".join(it["expr"] for it in rules.all)
    faults.check("each recorded name that a rule uses is recorded", sorted(set(NAME.findall(exprs)) - rules.optional))

    report = ROOT / "reports/usage/gpuadvise.prom"
    written = set(re.findall(r"^([a-z_]+)(?:\{| )", report.read_text(), re.MULTILINE))
    wanted = set(re.findall(r"\bgpuadvise_[a-z_]+", exprs))
    # `gpuadvise_monthly_savings_[a-z]{3}` ends before its currency.
    missing = [it for it in wanted if it not in written and f"{it.rstrip('_')}_usd" not in written]
    faults.check(f"each of {len(wanted)} names of gpuadvise.prom is in the sample report", missing)


def overlaps(panels):
    taken = {}
    for panel in panels:
        at = panel["gridPos"]
        if at["x"] + at["w"] > 24:
            yield f"{panel['title']}: wider than 24 columns"
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other is not panel["title"]:
                    yield f"{panel['title']} lies on {other}"
                    return


def steps_of(panel):
    """The values at which something is drawn or coloured."""
    config = panel["fieldConfig"]
    found = [config["defaults"].get("thresholds", {})]
    for override in config["overrides"]:
        found += [it["value"] for it in override["properties"] if it["id"] == "thresholds"]
    return {it["value"] for thresholds in found for it in thresholds.get("steps", []) if it["value"] is not None}


def wrong_lines(panel, rules):
    """Lines of a panel that are not the limits it names, or no limits of the rules."""
    named = {}
    if said := LINES.search(panel["description"]):
        named = {name: float(value) for name, value in re.findall(r"(\w+) ([\d.]+)", said[1])}
    for name, value in named.items():
        if rules.limits.get(name) != value:
            yield f"{panel['title']}: {name} is {rules.limits.get(name)} in the rules, {value} here"
    steps = steps_of(panel)
    # 1 alert is one too many; that is no limit.
    if panel["title"].startswith("Alerts that fire"):
        steps -= {1}
    if steps != set(named.values()):
        yield f"{panel['title']}: lines at {sorted(steps)}, named are {sorted(named.values())}"


def queries(dashboard):
    """Title and expression of all that asks Prometheus, with nothing chosen."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$workload", ".*")
    for it in dashboard["annotations"]["list"]:
        if "expr" in it:
            yield it["name"], it["expr"].replace("$workload", ".*")


def check_dashboard(faults, rules, path):
    dashboard = json.loads(path.read_text())
    panels = dashboard["panels"]
    shown = [it for it in panels if it["type"] != "row"]
    ids = [it["id"] for it in panels]
    faults.check("dashboard: ids are unique", [it for it in set(ids) if ids.count(it) > 1])
    faults.check("dashboard: no panel lies on another", overlaps(panels))
    faults.check("dashboard: panels of Grafana itself only", {it["type"] for it in panels} - CORE)
    said = []
    for panel in shown:
        said += [f"{panel['title']}: no {key}" for key in ("title", "description") if not panel.get(key)]
        if panel["type"] != "table" and not panel["fieldConfig"]["defaults"].get("unit"):
            said.append(f"{panel['title']}: no unit")
        for target in [panel, *panel["targets"]]:
            if target["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
                said.append(f"{panel['title']}: another data source")
    variables = {it["name"] for it in dashboard["templating"]["list"]}
    said += [f"no variable {it}" for it in {"datasource", "workload"} - variables]
    text = json.dumps([it["targets"] for it in shown])
    said += [f"unknown variable ${it}" for it in set(re.findall(r"\$\{?(\w+)", text)) - variables]
    faults.check("dashboard: titles, descriptions, units, data source, variables", said)
    faults.check("dashboard: its lines are the limits of the rules", (it for panel in shown for it in wrong_lines(panel, rules)))
    used = {name for _, expr in queries(dashboard) for name in NAME.findall(expr)}
    faults.check(f"dashboard: each of {len(used)} recorded names exists", sorted(used - rules.optional))
    exprs = list(queries(dashboard))
    with tempfile.TemporaryDirectory() as scratch:
        asked = pathlib.Path(scratch) / "queries.yml"
        as_rules = [{"record": f"query:{at}", "expr": expr} for at, (_, expr) in enumerate(exprs)]
        asked.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": as_rules}]}))
        faults.check(f"dashboard: promtool reads its {len(exprs)} queries", run("promtool", "check", "rules", asked))
    return exprs


def check_readme(faults, rules, folder):
    text = (folder / "README.md").read_text()
    told = set(re.findall(r"\bGpuadvise\w+", text))
    names = {it["alert"] for it in rules.alerts}
    said = [f"{it} is not told" for it in sorted(names - told)] + [f"{it} does not exist" for it in sorted(told - names)]
    faults.check("README: its alerts are those of the rules", said)
    said = [f"{it} does not exist" for it in sorted(set(NAME.findall(text)) - rules.optional)]
    cells = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+)", text, re.MULTILINE))
    for name, value in rules.limits.items():
        if name not in cells:
            said.append(f"{name} has no line")
        elif float(cells[name]) != value:
            said.append(f"{name} is {value} in the rules, {cells[name]} here")
    said += [f"{it} is no limit" for it in set(cells) - set(rules.limits) - {"ttft", "tpot"}]
    faults.check("README: its limits are those of the rules", said)

    block = next(it for it in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if "kind: PrometheusRule" in it)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(rules.path, scratch)
        said = run("sh", "-eu", "-c", block, cwd=scratch)
        made = list(pathlib.Path(scratch).glob("*.yaml"))
        if not said:
            wrapped = yaml.safe_load(made[0].read_text())
            same = wrapped["spec"] == yaml.safe_load(rules.text)
            said = [] if same and wrapped["kind"] == "PrometheusRule" else ["it is not what the rules are"]
    faults.check("README: the line for the operator makes a PrometheusRule of the same rules", said)


def histogram(name, labels, bounds, rate, seconds):
    """`rate` requests a second, spread evenly up to the last bound but one."""
    last = bounds[-1]
    for bound in bounds:
        yield f'{name}_bucket{{{labels},le="{bound}"}} {rate * seconds * min(1, bound / last * 1.02):.0f}'
    yield f'{name}_bucket{{{labels},le="+Inf"}} {rate * seconds:.0f}'


class Exporter(http.server.BaseHTTPRequestHandler):
    """Engines, GPUs and a report, as their exporters write them."""

    began = time.time()

    def vllm(self):
        seconds = time.time() - self.began
        labels = 'model_name="org/model",engine="0"'
        yield f"vllm:num_requests_running{{{labels}}} 6"
        yield f"vllm:num_requests_waiting{{{labels}}} 1"
        yield f"vllm:kv_cache_usage_perc{{{labels}}} 0.42"
        yield f'vllm:request_success_total{{{labels},finished_reason="stop"}} {20 * seconds:.0f}'
        yield f"vllm:num_preemptions_total{{{labels}}} {0.1 * seconds:.0f}"
        yield f"vllm:prompt_tokens_total{{{labels}}} {9000 * seconds:.0f}"
        yield f"vllm:generation_tokens_total{{{labels}}} {3000 * seconds:.0f}"
        yield from histogram("vllm:time_to_first_token_seconds", labels, [0.25, 0.5, 1.0, 2.5], 20, seconds)
        yield from histogram("vllm:inter_token_latency_seconds", labels, [0.05, 0.1, 0.2, 0.3], 3000, seconds)
        yield f"process_start_time_seconds {self.began - 90:.0f}"

    def dcgm(self):
        chat = 'gpu="0",UUID="GPU-1",modelName="NVIDIA L4",Hostname="n1",pod="chat-prod-7f9c4d5b6d-x2x4z"'
        train = 'gpu="1",UUID="GPU-2",modelName="NVIDIA L4",Hostname="n1",pod="trainer-0"'
        piece = 'gpu="2",UUID="GPU-3",modelName="NVIDIA A100",GPU_I_ID="1",GPU_I_PROFILE="1g.10gb",Hostname="n1",pod="slice-0"'
        yield f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{{{chat}}} 0.8"
        yield f"DCGM_FI_DEV_GPU_UTIL{{{chat}}} 99"
        yield f"DCGM_FI_DEV_GPU_UTIL{{{train}}} 55"
        yield f"DCGM_FI_DEV_GPU_UTIL{{{piece}}} 0"
        for labels in (chat, train, piece):
            yield f"DCGM_FI_DEV_FB_USED{{{labels}}} 12000"
            yield f"DCGM_FI_DEV_FB_FREE{{{labels}}} 11000"
            yield f"DCGM_FI_DEV_XID_ERRORS{{{labels}}} {31 if labels is train else 0}"

    def report(self):
        yield (ROOT / "reports/usage/gpuadvise.prom").read_text().rstrip("\n")

    def do_GET(self):
        lines = {"/vllm": self.vllm, "/dcgm": self.dcgm, "/report": self.report}[self.path]
        body = ("\n".join(lines()) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


@contextlib.contextmanager
def prometheus(rules, scratch):
    """A server on loopback that scrapes the exporter each second, and evaluates every 2 seconds."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (scratch / "rules.yml").write_text(re.sub(r"interval: [12]m", "interval: 2s", with_options(rules.text)))
    # dcgm-exporter with its labels honoured; the pod of an engine from discovery.
    pod = {"pod": "chat-prod-7f9c4d5b6d-x2x4z"}
    jobs = [
        {"job_name": name, "metrics_path": f"/{name}", "honor_labels": name == "dcgm",
         "static_configs": [{"targets": [f"127.0.0.1:{server.server_port}"], "labels": labels}]}
        for name, labels in (("vllm", pod), ("dcgm", {}), ("report", {}))
    ]
    config = {"global": {"scrape_interval": "1s"}, "rule_files": ["rules.yml"], "scrape_configs": jobs}
    (scratch / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    with open(scratch / "log", "w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={scratch}/prometheus.yml", f"--storage.tsdb.path={scratch}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        )
    try:
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)
        server.shutdown()


def ask(address, path, **query):
    with urllib.request.urlopen(f"{address}/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
        return json.load(answer)


def wait(done, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if done():
                return True
        time.sleep(1)
    return False


def check_live(faults, rules, exprs):
    with tempfile.TemporaryDirectory() as scratch, prometheus(rules, pathlib.Path(scratch)) as address:
        ready = wait(lambda: ask(address, "query", query="gpuadvise:burn_rate:1h")["data"]["result"], 60)
        log = (pathlib.Path(scratch) / "log").read_text().splitlines()[-5:]
        faults.check("live: Prometheus scrapes and evaluates", [] if ready else log)
        if not ready:
            return

        def empty():
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda it: ask(address, "query", query=it[1]), exprs))
            return [(title, expr) for (title, expr), it in zip(exprs, answers) if not it["data"]["result"]]

        def needed():
            """Without what needs a week, and the critical alerts, of which there are none."""
            return [it for it in empty() if not any(name in it[1] for name in EMPTY_AT_FIRST) and it[0] != "Critical alerts"]

        wait(lambda: not needed(), 60)
        faults.check(f"live: {len(exprs)} queries of the dashboard answer, with data but where a week is needed", needed())
        groups = ask(address, "rules")["data"]["groups"]
        live = [it for group in groups for it in group["rules"]]
        bad = [f"{it['name']}: {it.get('lastError') or it['health']}" for it in live if it["health"] != "ok"]
        faults.check(f"live: {len(live)} rules evaluate without a fault", bad)
        slow = max(groups, key=lambda it: it["evaluationTime"])
        print(f"      slowest group: {slow['name']}, {slow['evaluationTime'] * 1000:.0f} ms")
        said = []
        for query, wanted in (
            ('gpuadvise:gpus{workload="chat-prod"}', 1),
            ('gpuadvise:engines{workload="chat-prod"}', 1),
            # 1 s is a bound of the buckets and 2.5 s the next; 0.2 s is one, and nothing is above 0.3 s.
            ('round(gpuadvise:attainment:ratio_1h{workload="chat-prod",of="ttft"}, 0.1)', 0.4),
            ('round(gpuadvise:attainment:ratio_1h{workload="chat-prod",of="tpot"}, 0.1)', 0.7),
            ('gpuadvise:cold_start_seconds{workload="chat-prod"} >= bool 90', 1),
            ('gpuadvise:cost_per_hour{workload="chat-prod"}', 2.49),
            ('count(ALERTS{alertname="GpuadviseXidError",alertstate="firing"})', 1),
            ('count(ALERTS{alertname="GpuadviseNotReconciled"}) or vector(0)', 0),
        ):
            found = [float(it["value"][1]) for it in ask(address, "query", query=query)["data"]["result"]]
            if found != [wanted]:
                said.append(f"{query}: {found}, not {wanted}")
        faults.check("live: numbers are those that were served", said)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    for program in ("promtool", "prometheus"):
        if shutil.which(program) is None:
            sys.exit(f"error: {program} is missing: apt-get install prometheus")
    faults = Faults()
    rules = Rules(folder / "gpuadvise.rules.yml")
    check_rules(faults, rules, folder)
    exprs = check_dashboard(faults, rules, folder / "grafana-dashboard.json")
    check_readme(faults, rules, folder)
    check_live(faults, rules, exprs)
    if faults.n:
        sys.exit(f"monitoring: {faults.n} faults")
    print(f"monitoring: {len(rules.all)} rules, {len(exprs)} queries, checked and run")


if __name__ == "__main__":
    main()
