"""Writes schemas/http_addon.json: HTTPScaledObject v1alpha1 and InterceptorRoute v1beta1 (FACTS.md 3.2), by hand."""

import json
from pathlib import Path

from make_runpod_schema import TEXT, TEXTS, obj, whole

PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
DURATION = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"}
HEADERS = {"type": "array", "items": obj({"name": TEXT, "value": {"type": "string"}}, ["name"])}
METRIC = obj({"concurrency": obj({"targetValue": whole(1)}),
              "requestRate": obj({"targetValue": whole(1), "window": DURATION, "granularity": DURATION})}, maxProperties=1)
ONE_PORT = {"not": {"required": ["port", "portName"]}, "anyOf": [{"required": ["port"]}, {"required": ["portName"]}]}
META = {"type": "object", "required": ["name"]}


def kind(api, name, spec):
    return obj({"apiVersion": {"const": api}, "kind": {"const": name}, "metadata": META, "spec": spec},
               ["apiVersion", "kind", "metadata", "spec"])


SCALED = obj({
    "hosts": TEXTS, "pathPrefixes": TEXTS, "headers": HEADERS, "replicas": obj({"min": whole(0), "max": whole(0)}),
    "scaleTargetRef": obj({"apiVersion": TEXT, "kind": TEXT, "name": TEXT, "service": TEXT, "port": PORT,
                           "portName": TEXT}, ["service"], **ONE_PORT),
    "scaledownPeriod": whole(0), "initialCooldownPeriod": whole(0), "scalingMetric": METRIC,
    "timeouts": obj({"conditionWait": DURATION, "responseHeader": DURATION}), "targetPendingRequests": whole(1),
    "coldStartTimeoutFailoverRef": obj({"service": TEXT, "port": PORT, "portName": TEXT, "timeoutSeconds": whole(1)},
                                       ["service"]),
}, ["scaleTargetRef"])
ROUTE = obj({
    "target": obj({"service": TEXT, "port": PORT, "portName": TEXT}, ["service"], **ONE_PORT), "scalingMetric": METRIC,
    "rules": {"type": "array", "items": obj({"hosts": TEXTS, "headers": HEADERS,
                                             "paths": {"type": "array", "items": obj({"value": TEXT}, ["value"])}})},
    "timeouts": obj({"readiness": DURATION, "request": DURATION, "responseHeader": DURATION}),
    "coldStart": obj({"fallback": obj({"service": TEXT, "port": PORT, "portName": TEXT}, ["service"])}),
    "proxyMode": {"enum": ["Service", "Endpoint"]},
}, ["target", "scalingMetric"])

if __name__ == "__main__":
    here = Path(__file__).resolve().parent / "schemas"
    (here / "http_scaledobject.json").write_text(json.dumps(kind("http.keda.sh/v1alpha1", "HTTPScaledObject", SCALED), indent=1) + "\n")
    (here / "http_interceptorroute.json").write_text(json.dumps(kind("http.keda.sh/v1beta1", "InterceptorRoute", ROUTE), indent=1) + "\n")
