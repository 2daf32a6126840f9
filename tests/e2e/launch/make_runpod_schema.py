"""Writes schemas/runpod_v2.json from the facts of FACTS.md section 4 (REST v2; unknown fields are refused there)."""

import json
from pathlib import Path

GPUS = """NVIDIA L40S;NVIDIA L40;NVIDIA L4;NVIDIA RTX 6000 Ada Generation;NVIDIA A40;NVIDIA RTX A6000;NVIDIA RTX A5000;
NVIDIA RTX A4500;NVIDIA RTX A4000;NVIDIA RTX 4000 Ada Generation;NVIDIA RTX 5000 Ada Generation;NVIDIA RTX 2000 Ada Generation;
NVIDIA GeForce RTX 4090;NVIDIA GeForce RTX 3090;NVIDIA GeForce RTX 5090;NVIDIA A100 80GB PCIe;NVIDIA A100-SXM4-80GB;
NVIDIA H100 80GB HBM3;NVIDIA H100 PCIe;NVIDIA H100 NVL;NVIDIA H200;NVIDIA B200;NVIDIA B300 SXM6 AC;
NVIDIA RTX PRO 6000 Blackwell Server Edition;NVIDIA RTX PRO 4500 Blackwell;NVIDIA A30;AMD Instinct MI300X OAM;
Tesla V100-SXM2-16GB;Tesla V100-PCIE-16GB""".replace("\n", "").split(";")
POOLS = "AMPERE_16 AMPERE_24 ADA_24 ADA_32_PRO AMPERE_48 ADA_48_PRO AMPERE_80 ADA_80_PRO HOPPER_141 BLACKWELL_96 BLACKWELL_180".split()


def obj(props, required=(), **more):
    return {"type": "object", "properties": props, "required": list(required), "additionalProperties": False, **more}


def whole(low, high=None):
    return {"type": "integer", "minimum": low} | ({"maximum": high} if high else {})


TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
FLAG = {"type": "boolean"}
ENV = {"type": "object", "additionalProperties": {"type": "string"}}
PORTS = {"type": "array", "items": {"type": "string", "pattern": r"^\d{1,5}/(http|tcp)$"}}
CUDA = {"type": "string", "pattern": r"^\d+\.\d+$"}
CUDAS = {"type": "array", "items": CUDA, "minItems": 1}
GPU = {"enum": GPUS}
ONE_CUDA = {"not": {"required": ["minCudaVersion", "allowedCudaVersions"]}}
CONTAINER = {"image": TEXT, "args": {"type": "string"}, "disk": whole(1), "env": ENV, "ports": PORTS,
             "registry": {"type": ["string", "null"]}}
NETWORK = {"type": "array", "maxItems": 1, "items": obj({"volumeId": TEXT, "path": TEXT}, ["volumeId"])}
PERSISTENT = obj({"size": whole(10), "path": TEXT}, ["size"])
IMAGE_OR_TEMPLATE = {"anyOf": [{"required": ["image"]}, {"required": ["templateId"]}]}

SCALING = {"oneOf": [
    obj({"type": {"const": "QUEUE_DELAY"}, "queueDelay": {"type": "number", "minimum": 0.5}}, ["type", "queueDelay"]),
    obj({"type": {"const": "REQUEST_COUNT"}, "requestCount": whole(1)}, ["type", "requestCount"])]}
WORKERS = obj({"min": whole(0), "max": whole(0), "idleTimeout": whole(1, 3600)})
ENDPOINT = {
    "name": TEXT, "type": {"enum": ["QUEUE", "LOAD_BALANCER"]}, **CONTAINER, "templateId": TEXT,
    "gpu": obj({"pools": {"type": "array", "items": {"enum": POOLS}, "minItems": 1}, "count": whole(1),
                "excludedTypes": {"type": "array", "items": GPU}, "minCudaVersion": CUDA,
                "allowedCudaVersions": CUDAS}, ["pools"], **ONE_CUDA),
    "workers": WORKERS, "scaling": SCALING, "timeout": whole(0),
    "flashboot": {"enum": ["OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"]}, "networkVolumes": TEXTS, "dataCenterIds": TEXTS}
BALANCED = {"if": {"properties": {"type": {"const": "LOAD_BALANCER"}}, "required": ["type"]},
            "then": {"properties": {"scaling": {"properties": {"type": {"const": "REQUEST_COUNT"}}}}}}
QUEUE_COUNT = {"if": {"properties": {"type": {"const": "QUEUE"},
                                     "scaling": {"properties": {"type": {"const": "REQUEST_COUNT"}}}},
                      "required": ["type", "scaling"]},
               "then": {"properties": {"workers": {"not": {"required": ["idleTimeout"]}}}}}
POD = {
    "name": TEXT, **CONTAINER, "templateId": TEXT, "cloud": {"enum": ["SECURE", "COMMUNITY"]}, "dataCenterIds": TEXTS,
    "gpu": obj({"id": GPU, "count": whole(1), "minCudaVersion": CUDA, "allowedCudaVersions": CUDAS,
                "minRamPerGpu": whole(1), "minVcpuCountPerGpu": whole(1)}, ["id"], **ONE_CUDA),
    "cpu": {"type": "object"}, "mounts": obj({"persistent": PERSISTENT, "network": NETWORK}, maxProperties=1),
    "globalNetworking": FLAG, "startSsh": FLAG, "startJupyter": FLAG}
TEMPLATE = {"name": TEXT, **CONTAINER, "mounts": obj({"persistent": PERSISTENT}), "serverless": FLAG, "public": FLAG,
            "category": {"enum": ["CPU", "NVIDIA", "AMD"]}, "allowedCudaVersions": CUDAS, "startSsh": FLAG,
            "startJupyter": FLAG}
CLUSTER = {"name": TEXT, "type": {"enum": ["APPLICATION", "TRAINING", "SLURM", "RAY"]},
           "compute": obj({"gpuTypeId": GPU, "gpuCountPerPod": whole(1), "podCount": whole(2, 250)},
                          ["gpuTypeId", "gpuCountPerPod", "podCount"]),
           **{k: v for k, v in CONTAINER.items() if k != "registry"}, "templateId": TEXT, "dataCenterIds": TEXTS,
           "mounts": obj({"persistent": PERSISTENT, "network": NETWORK})}
SCHEMAS = {
    "POST /serverless": obj(ENDPOINT, ["name", "type", "scaling"], allOf=[IMAGE_OR_TEMPLATE, BALANCED, QUEUE_COUNT]),
    "PATCH /serverless/*": obj({k: v for k, v in ENDPOINT.items() if k != "type"}),
    "POST /pods": obj(POD, ["name"], allOf=[IMAGE_OR_TEMPLATE], oneOf=[{"required": ["gpu"]}, {"required": ["cpu"]}]),
    "PATCH /pods/*": obj(POD),
    "POST /pods/*/action": obj({"action": {"enum": ["start", "stop", "restart", "terminate"]}}, ["action"]),
    "POST /templates": obj(TEMPLATE, ["name", "image"]),
    "POST /network-volumes": obj({"name": TEXT, "size": whole(10, 4096), "dataCenter": TEXT,
                                  "type": {"enum": ["STANDARD", "HIGH_PERFORMANCE"]}}, ["name", "size", "dataCenter"]),
    "POST /clusters": obj(CLUSTER, ["name", "type", "compute"]),
}
NO_BODY = ["GET /serverless", "GET /serverless/*", "GET /serverless/*/workers", "DELETE /serverless/*", "GET /pods",
           "GET /pods/*", "DELETE /pods/*", "GET /pods/*/logs", "GET /catalog/gpus", "GET /templates", "DELETE /templates/*"]

if __name__ == "__main__":
    out = Path(__file__).resolve().parent / "schemas" / "runpod_v2.json"
    out.write_text(json.dumps({"bodies": SCHEMAS, "no_body": NO_BODY}, indent=1) + "\n")
