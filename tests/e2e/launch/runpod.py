"""runpod target: shellcheck, dry run with a recording curl, each request body against the REST v2 schemas."""

import json
import re
import shlex

from .common import load_schema, schema_problems, shellcheck
from .dryrun import dry_run
from .vllm import serve_problems, version_of

BASE = "https://api.runpod.io/v2"


def request(call):
    """(method, url, body) of a recorded curl call."""
    argv, method, url, body, spot = call["argv"], None, None, None, 0
    while spot < len(argv):
        a = argv[spot]
        spot += 1
        if a in ("-X", "--request"):
            method, spot = argv[spot], spot + 1
        elif a.startswith("--request="):
            method = a.split("=", 1)[1]
        elif a in ("-d", "--data", "--data-binary", "--data-raw", "--json"):
            body, spot = argv[spot], spot + 1
            body = call["stdin"] if body == "@-" else body
        elif a.startswith(("http://", "https://")):
            url = a
        elif a == "--url":
            url, spot = argv[spot], spot + 1
    return method or ("POST" if body is not None else "GET"), url, body


def matching(table, method, path):
    """The entry of `METHOD /a/*/b` that fits a path."""
    for key in table:
        verb, pattern = key.split(" ", 1)
        if verb == method and re.fullmatch(pattern.replace("*", "[^/]+"), path):
            return key
    return None


def body_problems(key, data, schema, version):
    lines = schema_problems(data, schema, f"{key}: ")
    workers = data.get("workers") or {}
    if workers.get("min", 0) > workers.get("max", 3):
        lines.append(f"{key}: workers.min above workers.max")
    if key == "POST /serverless" and "timeout" not in data:
        lines.append(f"{key}: timeout is not written (the server then takes 0)")
    if "vllm/vllm-openai" in str(data.get("image")) and isinstance(data.get("args"), str):
        lines += [f"{key}: {p}" for p in serve_problems(shlex.split(data["args"]), version)]
    return lines


def check_runpod(path, text):
    calls, lines = dry_run(path, text)
    lines = shellcheck(text) + lines
    if "rest.runpod.io/v1" in text or "api.runpod.io/graphql" in text:
        lines.append("uses the retired REST v1 or GraphQL")
    tables, version, writes = load_schema("runpod_v2.json"), version_of(text), 0
    for call in (c for c in calls if c["cmd"] == "curl"):
        method, url, body = request(call)
        if not url or not url.startswith(BASE):
            continue
        route = url[len(BASE):].split("?")[0].rstrip("/")
        key = matching(tables["bodies"], method, route)
        if key is None:
            if matching(tables["no_body"], method, route) is None:
                lines.append(f"{method} {route}: no such call")
            continue
        writes += 1
        try:
            data = json.loads(body or "")
        except ValueError as error:
            lines.append(f"{key}: body is not JSON ({error})")
            continue
        lines += body_problems(key, data, tables["bodies"][key], version)
        if not any("Authorization: Bearer" in a or a.startswith("@") for a in call["argv"]):
            lines.append(f"{key}: no Authorization header")
    return lines if writes else lines + ["no request with a body was sent"]
