"""Writes schemas/*.json: strict KEDA/Knative/Ray schemas, vLLM flag lists, docker run and sbatch option lists.

Run once:  make_schemas.py VLLM_SDIST_ROOT  (folders v0.19.1 and so on inside it).
"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "schemas"
THIS = sys.executable
RAY = os.environ["GPUADVISE_LAUNCH_TOOLS"] + "/ray/bin/python"


def strict(node, free=frozenset()):
    """Forbids unknown keys in every object that lists its properties."""
    if isinstance(node, dict):
        if "properties" in node and node.get("title") not in free:
            node["additionalProperties"] = False
        for value in node.values():
            strict(value, free)
    elif isinstance(node, list):
        for value in node:
            strict(value, free)
    return node


def model_schema(python, code):
    run = subprocess.run([python, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    return strict(json.loads(run.stdout[run.stdout.index("{"):]))


def field_types(tree, wanted):
    """name -> annotation text of the dataclasses `wanted`."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in wanted:
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    found[item.target.id] = ast.unparse(item.annotation)
    return found


def literal(root, name):
    """The choices of a Literal alias, wherever it is defined."""
    for path in sorted(root.glob("vllm/**/*.py")):
        text = path.read_text(errors="replace")
        if re.search(rf"^{name}\s*(:\s*TypeAlias\s*)?= Literal\[", text, re.M):
            for node in ast.parse(text).body:
                target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
                if isinstance(target, ast.Name) and target.id == name and node.value is not None:
                    return [c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant)]
    return None


def kind_of(annotation, name):
    if name in ("max_model_len", "max_num_batched_tokens"):
        return "size"
    words = set(re.findall(r"[A-Za-z_]+", annotation or ""))
    words -= {"None", "Optional", "Union"}
    if words == {"bool"}:
        return "bool"
    if words == {"int"}:
        return "int"
    if words in ({"float"}, {"float", "int"}):
        return "float"
    return "any"


def vllm_flags(root):
    files = [root / "vllm/engine/arg_utils.py", root / "vllm/entrypoints/openai/cli_args.py",
             root / "vllm/entrypoints/cli/serve.py"]
    flags, types = {}, {}
    for path in files:
        if not path.exists():
            continue
        text = path.read_text()
        tree = ast.parse(text)
        types |= field_types(tree, {"EngineArgs", "AsyncEngineArgs"})
        front = field_types(tree, {"FrontendArgs", "BaseFrontendArgs"})
        types |= front
        for name in front:
            flags["--" + name.replace("_", "-")] = name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
                names = [a.value for a in node.args if isinstance(a, ast.Constant) and str(a.value).startswith("-")]
                long = next((n for n in names if n.startswith("--")), None)
                store = next((k.value.value for k in node.keywords if k.arg == "action"
                              and isinstance(k.value, ast.Constant)), "")
                for n in names:
                    flags[n] = (long or n).lstrip("-").replace("-", "_")
                if store.startswith("store_"):
                    types[flags[names[0]]] = "bool"
    choices = {"quantization": literal(root, "QuantizationMethods"), "kv_cache_dtype": literal(root, "CacheDType"),
               "dtype": literal(root, "ModelDType")}
    table = {}
    for flag, name in sorted(flags.items()):
        entry = {"kind": kind_of(types.get(name, ""), name)}
        if choices.get(name):
            entry["choices"] = choices[name]
        table[flag] = entry
    return table


def docker_flags():
    text = subprocess.run(["docker", "run", "--help"], capture_output=True, text=True, check=True).stdout
    table = {}
    for line in text.splitlines():
        m = re.match(r"\s+(?:(-\w), )?(--[a-z0-9-]+)(?: ([a-z][A-Za-z0-9-]*))?(?:\s{2,}|$)", line)
        if m:
            for name in filter(None, m.groups()[:2]):
                table[name] = bool(m.group(3))
    return table


def main():
    OUT.mkdir(exist_ok=True)
    write = lambda name, data: (OUT / name).write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
    keda = "import json; from cloudcoil.models.keda import v1alpha1 as m; print(json.dumps(m.{}.model_json_schema()))"
    write("keda_scaledobject.json", model_schema(THIS, keda.format("ScaledObject")))
    write("keda_triggerauthentication.json", model_schema(THIS, keda.format("TriggerAuthentication")))
    knative = "import json; from cloudcoil.models.knative_serving.serving import v1 as m; print(json.dumps(m.Service.model_json_schema()))"
    write("knative_service.json", model_schema(THIS, knative))
    write("ray_serve_deploy.json", model_schema(RAY, "import json; from ray.serve.schema import ServeDeploySchema as s; print(json.dumps(s.model_json_schema()))"))
    roots = sorted(p for p in Path(sys.argv[1]).glob("v0.*") if (p / "vllm").is_dir())
    write("vllm_flags.json", {p.name: vllm_flags(p) for p in roots})
    write("docker_run_flags.json", docker_flags())


if __name__ == "__main__":
    main()
