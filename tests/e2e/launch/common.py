"""Paths of the tools, the JSON schema runner and the checks that hold for every file (images, secrets)."""

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema

HERE = Path(__file__).resolve().parent
SCHEMAS = HERE / "schemas"
# Three environments of Python, because what they need does not go together: sky, ray and compose.
TOOLS = Path(os.environ.get("GPUADVISE_LAUNCH_TOOLS", "target/ci/launch-tools")).resolve()
SKY_PYTHON = TOOLS / "sky/bin/python"
RAY_PYTHON = TOOLS / "ray/bin/python"
COMPOSE = next(TOOLS.glob("compose/lib/python3*/site-packages/compose/docker-compose"), TOOLS / "compose/docker-compose")
SHELLCHECK = "shellcheck"

# A token that could be an image: [registry/]name with a slash, then a tag or a digest or neither.
IMAGE_START = r"(?:nvcr\.io|docker\.io|ghcr\.io|quay\.io|vllm|rocm|rayproject|lmsysorg|runpod|nvidia)/"
IMAGE = re.compile(rf"(?:(?<=docker:)|(?<![\w/.@:-])){IMAGE_START}[a-z0-9][a-z0-9._/-]*(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?")
LITERAL_SECRETS = re.compile(r"\b(hf_[A-Za-z0-9]{16,}|rpa_[A-Z0-9]{16,}|nvapi-[\w-]{16,}|AKIA[0-9A-Z]{16}|sk-[A-Za-z0-9]{20,})")
SECRET_NAMES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "VLLM_API_KEY", "RUNPOD_API_KEY", "NGC_API_KEY", "AWS_SECRET_ACCESS_KEY")
REFERENCE = re.compile(r"\$\{?[A-Z_]+|\{\{\s*RUNPOD_SECRET_\w+|^/run/secrets/")


class MissingTool(Exception):
    """A checker is not installed: never a silent pass."""


def run(argv, **more):
    try:
        return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120, **more)
    except FileNotFoundError as error:
        raise MissingTool(f"{argv[0]} is not installed") from error


def load_schema(name):
    path = SCHEMAS / name
    if not path.exists():
        raise MissingTool(f"{path} is missing: run the make_*.py scripts")
    return json.loads(path.read_text())


def schema_problems(data, schema, where=""):
    """The deepest errors of a JSON schema, one line each."""
    lines = []
    for error in jsonschema.Draft202012Validator(schema).iter_errors(data):
        best = jsonschema.exceptions.best_match([error])
        while best.context:
            deeper = jsonschema.exceptions.best_match(best.context)
            if deeper is None:
                break
            best = deeper
        place = "/".join(str(p) for p in best.absolute_path) or "top level"
        lines.append(f"{where}{place}: {best.message.splitlines()[0][:300]}")
    return lines


def without_comments(text):
    """Drops `# ...` comments that begin a line or follow a blank (good enough for shell, YAML and Python)."""
    return "\n".join(re.sub(r"(^|\s)#.*$", "", line) if not line.startswith("#!") else "" for line in text.splitlines())


def image_problems(text):
    lines = []
    for found in sorted(set(IMAGE.findall(without_comments(text)))):
        digest = "@sha256:" in found
        if digest and not re.search(r"@sha256:[0-9a-f]{64}$", found):
            lines.append(f"image {found}: digest has not 64 hex digits")
        tag = re.search(r":([\w.-]+)(?:@|$)", found)
        if not digest and not tag and not is_a_model(found):
            lines.append(f"image {found}: neither tag nor digest")
        if tag and re.search(r"^(latest|nightly|main|dev)|-latest$", tag.group(1)):
            lines.append(f"image {found}: moving tag")
    return lines


def is_a_model(name):
    """nvidia/NAME without a tag is as likely a Hugging Face model id."""
    return name.startswith("nvidia/")


def secret_problems(text):
    lines = [f"literal secret {m[:8]}..." for m in LITERAL_SECRETS.findall(text)]
    for name in SECRET_NAMES:
        for value in re.findall(rf"\b{name}\b[\"']?\s*[=:][ \t]*([^\n,}}]*)", without_comments(text)):
            value = value.strip().strip("\"',")
            if value and value not in ("null", "~", "{}") and not REFERENCE.search(value) and not value.startswith("?"):
                lines.append(f"{name} has a literal value ({value[:20]})")
    if re.search(r"--hf-token\b", without_comments(text)):
        lines.append("--hf-token shows the token in the process list")
    return lines


def walk(node):
    """Every mapping, list and scalar of a document."""
    yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(value)


def shellcheck(text, shell="bash"):
    done = run([SHELLCHECK, "-s", shell, "-S", "style", "-f", "gcc", "-"], input=text)
    return [line.replace("-:", "shellcheck ", 1) for line in done.stdout.splitlines()] if done.returncode else []
