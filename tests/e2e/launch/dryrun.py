"""Runs a launch script with stubs in place of every tool that would do something, and records each call."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

REAL = """bash sh cat sed grep awk head tail cut tr sort uniq date mktemp printf echo test true false env dirname basename
jq rm mkdir wc seq tee id nproc expr tac readlink realpath ls cp mv chmod touch stat comm paste xargs""".split()
STUBS = """docker curl vllm torchrun srun scontrol sbatch runpodctl kubectl nvidia-smi rocm-smi sky ray serve hf
huggingface-cli wget ssh sudo python python3 sleep timeout nvidia-container-cli hostname ip apptainer singularity module
systemctl kill wait-for-it openssl git""".split()
STUB = '''#!/usr/bin/python3 -S
import json, os, sys
argv, name = sys.argv[1:], os.path.basename(sys.argv[0])
body = sys.stdin.read() if name == "curl" and any(a.lstrip("-d").startswith("@-") or a == "@-" for a in argv) else None
with open(os.environ["STUB_LOG"], "a") as log:
    log.write(json.dumps({"cmd": name, "argv": argv, "stdin": body}) + "\\n")
if name == "curl":
    print('{"id":"stub123","status":"RUNNING","name":"stub","requestUrls":{"base":"https://stub","health":"https://stub/ping"}}')
elif name == "scontrol":
    print("node1\\nnode2")
elif name == "docker":
    print("running" if argv[:1] == ["inspect"] else "stub123")
elif name == "nvidia-smi":
    print("580.95.05" if any("driver" in a for a in argv) else "NVIDIA Stub")
elif name in ("sudo", "timeout", "srun") :
    real = [a for a in argv if not a.startswith("-")]
    if name == "timeout": real = real[1:]
    if real and os.path.basename(real[0]) in ("docker", "vllm", "torchrun", "bash", "sh"):
        start = argv.index(real[0]); os.execvp(argv[start], argv[start:])
'''
SKYPILOT = {"SKYPILOT_NODE_RANK": "0", "SKYPILOT_NODE_IPS": "10.0.0.1\n10.0.0.2", "SKYPILOT_NUM_NODES": "2",
            "SKYPILOT_NUM_GPUS_PER_NODE": "8", "SKYPILOT_TASK_ID": "stub-1"}
SLURM = {"SLURM_JOB_ID": "42", "SLURM_NNODES": "2", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_NODEID": "0",
         "SLURM_PROCID": "0", "SLURM_CPUS_PER_TASK": "32", "SLURM_SUBMIT_DIR": ".", "SLURM_GPUS_PER_NODE": "8",
         "SLURM_JOB_NAME": "stub", "SLURM_NTASKS": "2", "SLURM_GPUS_ON_NODE": "8"}


def dummies(text):
    """A dummy for every upper-case variable the script demands, and for the usual secrets."""
    names = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*):?\?", text)) | {"HF_TOKEN", "RUNPOD_API_KEY", "VLLM_API_KEY"}
    return {name: f"dummy-{name}" for name in names}


def dry_run(path, text, extra=None):
    """(calls, problems): the recorded calls of the script and what went wrong while it ran; `extra` is added to its environment."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        tools, log, home = folder / "bin", folder / "log", folder / "home"
        tools.mkdir()
        home.mkdir()
        log.touch()
        for name in REAL:
            if found := shutil.which(name):
                (tools / name).symlink_to(found)
        for name in STUBS:
            stub = tools / name
            stub.write_text(STUB)
            stub.chmod(0o755)
        given = dummies(text)
        env = {"PATH": str(tools), "HOME": str(home), "STUB_LOG": str(log), "LANG": "C.UTF-8", "USER": "user"}
        env |= given | (extra or {})
        script = folder / path.name
        script.write_text(text)
        try:
            done = subprocess.run([shutil.which("bash"), str(script)], cwd=home, env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=30)
            problems = [] if done.returncode == 0 else [
                f"dry run: exit {done.returncode}: {(done.stderr.strip().splitlines() or ['no message'])[-1][:200]}"]
        except subprocess.TimeoutExpired:
            problems = ["dry run: not finished after 30 s"]
        calls = [json.loads(line) for line in log.read_text().splitlines()]
    for call in calls:
        leaked = [n for n, v in given.items() for a in call["argv"] if v in a and call["cmd"] != "curl"]
        problems += [f"dry run: the value of {n} is on the command line of {call['cmd']}" for n in sorted(set(leaked))]
        if call["cmd"] == "curl":
            body = (call["stdin"] or "") + " ".join(a for a in call["argv"] if a.lstrip().startswith("{"))
            problems += [f"dry run: the value of {n} is in a request body" for n, v in given.items() if v in body]
    return calls, problems
