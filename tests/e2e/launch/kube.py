"""Kubernetes: published schemas (strict), KEDA, HTTP add-on and Knative schemas, and a few rules they cannot say."""

import re
from pathlib import Path

import yaml

from .common import MissingTool, load_schema, schema_problems, shellcheck, walk
from .dryrun import dry_run
from .scripts import call_problems
from .vllm import ANCHORS, after_serve, serve_problems, version_of

VERSIONS = ("1.30", "1.34", "1.37")
CUSTOM = {
    ("keda.sh/v1alpha1", "ScaledObject"): "keda_scaledobject.json",
    ("keda.sh/v1alpha1", "TriggerAuthentication"): "keda_triggerauthentication.json",
    ("http.keda.sh/v1alpha1", "HTTPScaledObject"): "http_scaledobject.json",
    ("http.keda.sh/v1beta1", "InterceptorRoute"): "http_interceptorroute.json",
    ("serving.knative.dev/v1", "Service"): "knative_service.json",
}
TRIGGERS = {
    "cron": ({"timezone", "start", "end", "desiredReplicas"}, set()),
    "prometheus": ({"serverAddress", "query", "threshold"},
                   {"activationThreshold", "namespace", "customHeaders", "ignoreNullValues", "queryParameters", "unsafeSsl", "timeout",
                    "authModes"}),
}
KNATIVE = {"class", "min-scale", "max-scale", "initial-scale", "activation-scale", "metric", "target",
           "target-utilization-percentage", "window", "scale-down-delay", "scale-to-zero-pod-retention-period",
           "panic-window-percentage", "panic-threshold-percentage", "target-burst-capacity"}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds(text):
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    return sum(float(n) * SECONDS[u] for n, u in parts) if parts and "".join(n + u for n, u in parts) == text else None


def keda_rules(spec):
    lines = []
    for trigger in spec.get("triggers", []):
        kind, meta = trigger.get("type"), trigger.get("metadata") or {}
        must, may = TRIGGERS.get(kind, (set(), None))
        lines += [f"trigger {kind}: {k} is missing" for k in sorted(must - set(meta))]
        if may is not None:
            lines += [f"trigger {kind}: unknown {k}" for k in sorted(set(meta) - must - may)]
        if kind == "cron":
            lines += [f"trigger cron: {k} {meta[k]!r} has not five fields" for k in ("start", "end")
                      if k in meta and len(str(meta[k]).split()) != 5]
    low, idle = spec.get("minReplicaCount", 0), spec.get("idleReplicaCount")
    if idle is not None and (idle != 0 or idle >= low):
        lines.append("idleReplicaCount must be 0 and below minReplicaCount")
    if low > spec.get("maxReplicaCount", 100):
        lines.append("minReplicaCount above maxReplicaCount")
    return lines


def knative_rules(document):
    lines, template = [], document.get("spec", {}).get("template", {})
    for key, value in (template.get("metadata", {}).get("annotations") or {}).items():
        name = key.removeprefix("autoscaling.knative.dev/")
        if name == key:
            continue
        if name not in KNATIVE:
            lines.append(f"Knative has no annotation {key}")
        if not isinstance(value, str):
            lines.append(f"annotation {key} is not a string")
        elif name == "window" and not 6 <= (seconds(value) or 0) <= 3600:
            lines.append(f"annotation {key}: {value} is not from 6s to 1h")
        elif name in ("scale-to-zero-pod-retention-period", "scale-down-delay") and seconds(value) is None:
            lines.append(f"annotation {key}: {value} is not a duration")
    spec = template.get("spec", {})
    start, whole = spec.get("responseStartTimeoutSeconds"), spec.get("timeoutSeconds", 300)
    if start is not None and start > whole:
        lines.append("responseStartTimeoutSeconds above timeoutSeconds")
    if whole > 600:
        lines.append("timeoutSeconds above the global maximum of 600")
    return lines


def env_rules(document):
    """A secret must come from a Secret; a value beside valueFrom is refused by the server."""
    lines = []
    for node in walk(document):
        if isinstance(node, dict) and re.search("TOKEN|KEY|SECRET|PASSWORD", str(node.get("name", ""))) and "value" in node:
            if not str(node["value"]).startswith("/"):
                lines.append(f"env {node['name']}: a literal value, not a secretKeyRef")
        if isinstance(node, dict) and node.get("kind") == "Secret" and (node.get("data") or node.get("stringData")):
            lines.append("a Secret with contents in the plan")
    return lines


def command_rules(document, version):
    lines = []
    for node in walk(document):
        if isinstance(node, dict) and ("command" in node or "args" in node) and "image" in node:
            words = [str(w) for w in (node.get("command") or []) + (node.get("args") or [])]
            if words[:2] in (["bash", "-c"], ["sh", "-c"], ["/bin/sh", "-c"], ["/bin/bash", "-c"]) or "-ec" in words[:3]:
                script = words[-1]
                given = {str(e.get("name")): str(e.get("value", "dummy")) for e in node.get("env") or []}
                calls, more = dry_run(Path("args.sh"), script, {"JOB_COMPLETION_INDEX": "0"} | given)
                lines += shellcheck(script, "bash" if "bash" in words[0] else "sh") + more
                lines += call_problems(calls, f"{node['image']}\n{script}")
                continue
            tail = after_serve(words)
            if tail is None and "vllm" in str(node["image"]) and (ANCHORS & {w.split("=")[0] for w in words} or not node.get("command")):
                tail = words
            if tail is not None:
                lines += serve_problems(tail, version)
    return lines


def references(documents):
    """Selectors, scale targets and claims must name something of the same file."""
    lines, names = [], {(d.get("kind"), d.get("metadata", {}).get("name")) for d in documents}
    for d in documents:
        spec = d.get("spec") or {}
        if d.get("kind") in ("ScaledObject", "HTTPScaledObject"):
            target = spec.get("scaleTargetRef", {})
            if (target.get("kind", "Deployment"), target.get("name")) not in names:
                lines.append(f"{d['kind']} scales {target.get('name')!r}, which is not in the file")
            if target.get("service") and ("Service", target["service"]) not in names:
                lines.append(f"{d['kind']} routes to Service {target['service']!r}, which is not in the file")
        for node in walk(spec):
            if isinstance(node, dict) and set(node) >= {"claimName"} and ("PersistentVolumeClaim", node["claimName"]) not in names:
                lines.append(f"claim {node['claimName']!r} is not in the file")
    return lines


def check_kubernetes(path, text):
    try:
        import kubernetes_validate
    except ImportError as error:
        raise MissingTool("kubernetes-validate is not installed") from error
    try:
        documents = [d for d in yaml.safe_load_all(text) if d is not None]
    except yaml.YAMLError as error:
        return [f"YAML: {str(error).splitlines()[0]}"]
    lines, version = [] if documents else ["no document"], version_of(text)
    for number, d in enumerate(documents, 1):
        where = f"document {number} ({d.get('kind')}) " if isinstance(d, dict) else f"document {number} "
        if not isinstance(d, dict) or "apiVersion" not in d or "kind" not in d:
            lines.append(where + "has no apiVersion or kind")
            continue
        custom = CUSTOM.get((d["apiVersion"], d["kind"]))
        if custom:
            lines += schema_problems(d, load_schema(custom), where)
        else:
            for kubernetes in VERSIONS:
                try:
                    kubernetes_validate.validate(d, kubernetes, strict=True)
                except kubernetes_validate.ValidationError as error:
                    place = "/".join(map(str, getattr(error, "path", []) or [])) or "top level"
                    lines.append(f"{where}{place}: {error.message[:300]} (Kubernetes {kubernetes})")
                    break
                except Exception as error:
                    lines.append(f"{where}no schema of {d['apiVersion']} {d['kind']} for {kubernetes} ({type(error).__name__})")
                    break
        if any(line.startswith(where) for line in lines):
            continue
        if d["kind"] == "ScaledObject":
            lines += [where + p for p in keda_rules(d.get("spec") or {})]
        if d["apiVersion"].startswith("serving.knative.dev"):
            lines += [where + p for p in knative_rules(d)]
        lines += [where + p for p in env_rules(d) + command_rules(d, version)]
    return lines + references([d for d in documents if isinstance(d, dict)])
