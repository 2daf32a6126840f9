"""Checks `vllm serve` arguments against the flag list of the vLLM version the image names."""

import re

from .common import load_schema

DEFAULT = "v0.19.1"
ANCHORS = {"--max-model-len", "--gpu-memory-utilization", "--tensor-parallel-size", "--max-num-seqs", "--kv-cache-dtype"}
SIZE = re.compile(r"^(-1|auto|\d+(\.\d+)?[kKmMgGtT]?)$")


def version_of(text):
    """The vLLM version in an image tag of the text, else the default of the sizing."""
    found = re.search(r"vllm[\w.-]*/?[\w.-]*:v(\d+\.\d+\.\d+)", text)
    return f"v{found.group(1)}" if found else DEFAULT


def flag_table(version):
    tables = load_schema("vllm_flags.json")
    if version in tables:
        return tables[version]
    minor = version.rsplit(".", 1)[0] + "."
    near = [v for v in tables if v.startswith(minor)]
    if not near:
        raise ValueError(f"no flag list for vLLM {version}")
    return tables[sorted(near)[-1]]


def value_problem(flag, entry, value):
    kind = entry["kind"]
    if "choices" in entry and value not in entry["choices"]:
        return f"{flag} {value}: not one of {', '.join(map(str, entry['choices']))}"
    if kind == "int" and not re.fullmatch(r"-?\d+", value):
        return f"{flag} {value}: not an integer"
    if kind == "size" and not SIZE.match(value):
        return f"{flag} {value}: not a size"
    if kind == "float":
        try:
            number = float(value)
        except ValueError:
            return f"{flag} {value}: not a number"
        if flag == "--gpu-memory-utilization" and not 0 < number <= 1:
            return f"{flag} {value}: not above 0 and at most 1"
    return None


def serve_problems(argv, version):
    """argv = what follows `vllm serve` (model first, or flags only)."""
    table, lines, seen, spot = flag_table(version), [], set(), 0
    argv = [str(a) for a in argv]
    if argv and argv[0].startswith("-") and "--model" not in argv:
        lines.append("vllm serve: no model before the flags")
    while spot < len(argv):
        token = argv[spot]
        spot += 1
        if not token.startswith("-"):
            if spot > 1:
                lines.append(f"vllm serve: stray argument {token!r}")
            continue
        flag, has, value = token.partition("=")
        flag = flag.replace("_", "-")
        plain = "--" + flag[5:] if flag.startswith("--no-") else flag
        name = plain.split(".")[0]
        if name not in table:
            lines.append(f"vllm serve: {version} has no flag {flag}")
            continue
        if flag in seen:
            lines.append(f"vllm serve: {flag} twice")
        seen.add(flag)
        entry = table[name]
        if entry["kind"] == "bool":
            continue
        if not has:
            if spot >= len(argv) or (argv[spot].startswith("--")):
                lines.append(f"vllm serve: {flag} without a value")
                continue
            value = argv[spot]
            spot += 1
            while spot < len(argv) and entry["kind"] == "any" and not argv[spot].startswith("-"):
                spot += 1
        if "$" not in value:
            problem = value_problem(name, entry, value)
            if problem:
                lines.append(f"vllm serve: {problem}")
    return lines


def after_serve(argv):
    """The arguments after `vllm serve` in an argv, or None."""
    for spot in range(len(argv) - 1):
        if str(argv[spot]).rsplit("/", 1)[-1] == "vllm" and argv[spot + 1] == "serve":
            return argv[spot + 2:]
    return None
