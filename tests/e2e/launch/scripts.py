"""docker, shell and slurm targets: shellcheck, dry run, then the arguments of each recorded call."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .common import MissingTool, load_schema, run, shellcheck
from .dryrun import SLURM, dry_run
from .vllm import after_serve, serve_problems, version_of

TORCHRUN = """nnodes nproc-per-node rdzv-backend rdzv-endpoint rdzv-id rdzv-conf standalone max-restarts monitor-interval
start-method event-log-handler role module no-python run-path log-dir redirects tee local-ranks-filter node-rank
master-addr master-port local-addr logs-specs numa-binding signals-to-handle duplicate-stdout-filters
duplicate-stderr-filters virtual-local-rank""".split()
NO_VALUE = {"standalone", "module", "no-python", "run-path", "virtual-local-rank"}
SRUN_EXTRA = {"label", "kill-on-bad-exit", "container-image", "container-mounts", "container-workdir", "container-env",
              "unbuffered", "mpi", "overlap", "nodelist", "cpu-bind", "multi-prog", "no-container-mount-home", "exact", "het-group",
              "container-name", "container-writable", "wait"}
SBATCH_EXTRA = {"open-mode", "prefer", "hint", "tres-per-task", "tres-bind", "segment", "stepmgr", "container-id", "comment"}


def torchrun_problems(argv):
    lines, spot = [], 0
    while spot < len(argv):
        token = argv[spot]
        spot += 1
        if not token.startswith("--"):
            return lines if token.endswith(".py") or "module" in lines else lines + (
                [] if re.search(r"\.py$|^[\w.]+$", token) else [f"torchrun: script {token!r}"])
        name, has, value = token[2:].partition("=")
        name = name.replace("_", "-")
        if name not in TORCHRUN:
            lines.append(f"torchrun has no flag {token}")
        elif name not in NO_VALUE and not has:
            value = argv[spot] if spot < len(argv) else ""
            spot += 1
        if name in ("nproc-per-node", "node-rank", "max-restarts", "master-port") and not re.fullmatch(r"\d+|gpu|auto", value):
            lines.append(f"torchrun: --{name}={value} is not a number")
        if name == "nnodes" and not re.fullmatch(r"\d+(:\d+)?", value):
            lines.append(f"torchrun: --nnodes={value} is not N or MIN:MAX")
        if name == "rdzv-endpoint" and not re.fullmatch(r"[\w.-]+(:\d+)?", value):
            lines.append(f"torchrun: --rdzv-endpoint={value} is not HOST:PORT")
    return lines + ["torchrun: no script"]


def docker_run_problems(argv, version):
    """Lets the real docker client parse the options, then looks at the image and what follows it."""
    done = run(["docker", *argv], env={"PATH": os.environ["PATH"], "DOCKER_HOST": "unix:///nonexistent", "HOME": "/tmp"})
    if "Cannot connect" not in done.stderr and "failed to connect" not in done.stderr:
        return [f"docker {argv[0]}: {(done.stderr.strip().splitlines() or ['refused'])[0][:200]}"]
    if argv[0] not in ("run", "create"):
        return []
    flags, spot, lines = load_schema("docker_run_flags.json"), 1, []
    while spot < len(argv) and argv[spot].startswith("-"):
        name, has, _ = argv[spot].partition("=")
        spot += 2 if flags.get(name, name.startswith("--")) and not has else 1
    image, rest = argv[spot] if spot < len(argv) else "", argv[spot + 1:]
    if not re.search(r":[\w.-]+(@sha256:[0-9a-f]{64})?$|@sha256:[0-9a-f]{64}$", image):
        lines.append(f"docker run: image {image!r} has no tag or digest")
    if "--ipc=host" in argv[:spot] and any(a.startswith("--shm-size") for a in argv[:spot]):
        lines.append("docker run: --ipc=host and --shm-size together")
    if rest[:1] == ["torchrun"]:
        return lines + torchrun_problems(rest[1:])
    served = after_serve(rest)
    if served is None and "vllm" in image and rest[:1] != ["bash"]:
        served = rest
    return lines + (serve_problems(served, version) if served is not None else [])


def call_problems(calls, text):
    version, lines = version_of(text), []
    for call in calls:
        if call["cmd"] == "vllm" and call["argv"][:1] == ["serve"]:
            lines += serve_problems(call["argv"][1:], version)
        elif call["cmd"] == "torchrun":
            lines += torchrun_problems(call["argv"])
        elif call["cmd"] == "docker" and call["argv"]:
            lines += docker_run_problems(call["argv"], version)
    return lines


def script_problems(path, text, needs):
    calls, lines = dry_run(path, text)
    names = {c["cmd"] for c in calls}
    if not names & needs:
        lines.append(f"dry run: none of {', '.join(sorted(needs))} was called")
    return shellcheck(text) + lines + call_problems(calls, text)


def check_docker(path, text):
    return script_problems(path, text, {"docker"})


def check_shell(path, text):
    return script_problems(path, text, {"vllm", "torchrun", "python"})


class Slurm:
    """A slurmctld on loopback with eight nodes of each GPU type, for `sbatch --test-only`."""

    GPUS = "h100 h200 b200 a100 l40s l40 a40 l4 rtx6000ada a6000 mi300x".split()

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.conf = Path(self.folder.name) / "slurm.conf"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        root = self.folder.name
        nodes = [f"NodeName={g}-[1-64] NodeAddr=127.0.0.1 CPUs=256 RealMemory=2000000 Gres=gpu:{g}:8 State=CLOUD" for g in self.GPUS]
        names = ",".join(f"{g}-[1-64]" for g in self.GPUS)
        self.conf.write_text("\n".join([
            "ClusterName=check", f"SlurmctldHost={socket.gethostname()}(127.0.0.1)", f"SlurmctldPort={port}", f"SlurmdPort={port + 1}",
            "AuthType=auth/none", "CryptoType=crypto/none", "SlurmUser=root", f"StateSaveLocation={root}", f"SlurmdSpoolDir={root}",
            f"SlurmctldPidFile={root}/ctld.pid", f"SlurmctldLogFile={root}/ctld.log", "ProctrackType=proctrack/pgid",
            "SelectType=select/cons_tres", "SelectTypeParameters=CR_Core", "GresTypes=gpu", "MpiDefault=none", "ReturnToService=1",
            "TaskPlugin=task/none", "AccountingStorageType=accounting_storage/none", "JobAcctGatherType=jobacct_gather/none",
            "SchedulerType=sched/backfill", *nodes, f"PartitionName=gpu Nodes={names} Default=YES MaxTime=30-00:00:00 State=UP", ""]))
        (Path(root) / "gres.conf").write_text("")
        try:
            self.server = subprocess.Popen(["slurmctld", "-D", "-f", self.conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except FileNotFoundError as error:
            raise MissingTool("slurmctld is not installed (apt-get install slurmctld slurm-client)") from error
        for _ in range(50):
            time.sleep(0.2)
            if "UP" in self.call(["scontrol", "ping"]).stdout:
                return
        self.close()
        raise MissingTool("slurmctld did not come up")

    def call(self, argv):
        return run(argv, env={"PATH": os.environ["PATH"], "SLURM_CONF": str(self.conf)})

    def options(self):
        text = self.call(["sbatch", "--help"]).stdout + self.call(["sbatch", "--usage"]).stdout
        return set(re.findall(r"--([a-z][a-z-]+)", text)) | SBATCH_EXTRA

    def close(self):
        self.server.send_signal(signal.SIGTERM)
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.folder.cleanup()


def check_slurm(path, text, slurm):
    lines, known = shellcheck(text), slurm.options()
    head = re.findall(r"^#SBATCH\s+(\S+)(.*)$", text, re.M)
    if not head:
        lines.append("no #SBATCH line")
    for option, _ in head:
        name = option.lstrip("-").split("=")[0]
        if option.startswith("--") and name not in known:
            lines.append(f"sbatch has no option --{name}")
    late = re.search(r"^(?!#|\s*$).*\n(?:.*\n)*?#SBATCH", text, re.M)
    if late:
        lines.append("#SBATCH after the first command is ignored by sbatch")
    done = slurm.call(["sbatch", "--test-only", path])
    if done.returncode:
        said = [line.removeprefix("sbatch: ")[:200] for line in done.stderr.splitlines() if line.strip()]
        lines += [f"sbatch: {line}" for line in said if "Try \"sbatch" not in line][:3] or ["sbatch refused it"]
    calls, more = dry_run(path, text, SLURM)
    if not any(c["cmd"] == "srun" for c in calls):
        lines.append("dry run: srun was not called")
    for call in calls:
        if call["cmd"] == "srun":
            for token in call["argv"]:
                if not token.startswith("-"):
                    break
                name = token.lstrip("-").split("=")[0]
                if token.startswith("--") and name not in known | SRUN_EXTRA:
                    lines.append(f"srun has no option --{name}")
    return lines + more + call_problems(calls, text)
