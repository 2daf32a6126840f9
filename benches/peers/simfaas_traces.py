#!/usr/bin/env python3
"""Replays five traces in SimFaaS 0.2.2 and here, one request per replica, and compares cold starts and speed.

    pip install simfaas==0.2.2
    python3 benches/peers/simfaas_traces.py [--trace CSV] [--binary gpuadvise]

The same gaps and constant service times in both. Each trace is seeded; `--trace` adds a log whose first column is a
time. SimFaaS is timed around its own loop, ours around ours, both in processor time of one thread, in turn. With
`--binary` the command line is asked for the cold starts instead, and nothing is timed.
"""

import argparse
import datetime
import json
import math
import pathlib
import random
import subprocess
import tempfile
import time

from simfaas.ServerlessSimulator import ServerlessSimulator
from simfaas.SimProcess import ConstSimProcess, SimProcess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICE_S, COLD_START_S, IDLE_S = 2, 10, 60


class Gaps(SimProcess):
    """The gaps of a trace, then one longer than any run, which ends it with one more cold start."""

    def __init__(self, arrivals_us):
        super().__init__()
        self.gaps = iter(b - a for a, b in zip([0] + arrivals_us, arrivals_us))

    def generate_trace(self):
        gap = next(self.gaps, None)
        return 1e15 if gap is None else gap / 1e6


def renewal(seed, rate, cv, n):
    chance = random.Random(seed)
    shape = 1 / cv**2
    now, arrivals = 0.0, []
    for _ in range(n):
        now += chance.gammavariate(shape, 1 / (shape * rate))
        arrivals.append(round(now * 1e6))
    return arrivals


def day_and_night(seed, mean_rate, n):
    """A Poisson process whose rate goes up and down once a day, by thinning."""
    chance = random.Random(seed)
    now, arrivals = 0.0, []
    while len(arrivals) < n:
        now += chance.expovariate(2 * mean_rate)
        if chance.random() < (1 + math.sin(2 * math.pi * now / 86400)) / 2:
            arrivals.append(round(now * 1e6))
    return arrivals


def from_log(path):
    times = []
    for line in pathlib.Path(path).read_text().splitlines()[1:]:
        whole, _, part = line.split(",")[0].partition(".")
        at = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
        times.append(int(at.timestamp()) * 10**6 + int((part + "000000")[:6]))
    times.sort()
    return [it - times[0] + 1 for it in times]


def without_ties(arrivals):
    """SimFaaS leaves open which of two replicas of the same age serves: no two arrivals at one instant."""
    last, apart = -1, []
    for at in arrivals:
        last = max(at, last + 1)
        apart.append(last)
    return apart


def theirs(arrivals):
    simulator = ServerlessSimulator(
        arrival_process=Gaps(arrivals),
        warm_service_process=ConstSimProcess(rate=1 / SERVICE_S),
        cold_service_process=ConstSimProcess(rate=1 / (SERVICE_S + COLD_START_S)),
        expiration_threshold=IDLE_S,
        max_time=arrivals[-1] / 1e6 + 1e6,
    )
    start = time.thread_time()
    simulator.generate_trace(debug_print=False, progress=False)
    seconds = time.thread_time() - start
    return simulator.total_cold_count - (simulator.total_req_count - len(arrivals)), seconds


def ours(path):
    found = subprocess.run(
        ["cargo", "bench", "--quiet", "--bench", "simulate", "--", "--trace", path]
        + ["--service", str(SERVICE_S), "--cold-start", str(COLD_START_S), "--idle-timeout", str(IDLE_S)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    found = json.loads(found.stdout.splitlines()[-1])
    return found["cold_starts"], found["processor_s"]


def by_command_line(binary, arrivals):
    """The cold starts of `gpuadvise simulate` on the same trace, as a log of requests."""
    zero = datetime.datetime(2026, 1, 1)
    times = (zero + datetime.timedelta(microseconds=at) for at in arrivals)
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "log.csv")
        rows = (f"{it.isoformat(sep=' ', timespec='microseconds')},1,1" for it in times)
        log.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(rows) + "\n")
        found = subprocess.run(
            [binary, "simulate", log, "--policy", "per-request", "--slots", "1", "--max", "1000", "--price", "1"]
            + ["--service", str(SERVICE_S), "--cold-start", str(COLD_START_S), "--idle-timeout", str(IDLE_S)]
            + ["--format", "json"],
            capture_output=True, text=True, check=True,
        )
    return json.loads(found.stdout)["workloads"][0]["cold_starts"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", action="append", default=[])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--binary")
    args = parser.parse_args()
    n = args.requests
    traces = {
        "poisson, 0.5/s": renewal(1, 0.5, 1.0, n),
        "poisson, 10/s": renewal(2, 10.0, 1.0, n),
        "gamma, 1/s, CV 4": renewal(3, 1.0, 4.0, n),
        "gamma, 0.05/s, CV 2": renewal(4, 0.05, 2.0, n),
        "day and night, 2/s": day_and_night(5, 2.0, n),
    }
    traces |= {pathlib.Path(path).parent.name: from_log(path) for path in args.trace}
    equal, ratios = True, []
    for name, arrivals in traces.items():
        arrivals = without_ties(arrivals)
        if args.binary:
            cold, peer_cold = by_command_line(args.binary, arrivals), theirs(arrivals)[0]
            equal &= cold == peer_cold
            print(f"{name:22} {len(arrivals):7} requests: cold starts {cold} and {peer_cold}")
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(map(str, arrivals)))
            file.flush()
            cold, seconds = ours(file.name)
            peer_cold, peer_seconds = theirs(arrivals)
        equal &= cold == peer_cold
        ratios.append(peer_seconds / seconds)
        print(
            f"{name:22} {len(arrivals):7} requests: cold starts {cold} and {peer_cold}, "
            f"{peer_seconds:.3f} s against {seconds * 1e3:.3f} ms, {ratios[-1]:.0f} times as fast"
        )
    print(f"cold starts {'equal' if equal else 'DIFFER'}")
    if ratios:
        ratios.sort()
        print(f"ratio: least {ratios[0]:.0f}, median {ratios[len(ratios) // 2]:.0f}, n = {len(ratios)}")
    raise SystemExit(0 if equal else 1)


if __name__ == "__main__":
    main()
