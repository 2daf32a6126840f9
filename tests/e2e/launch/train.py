"""Ray Train scripts: they compile, pyflakes is silent, and the Ray classes get only arguments they have."""

import ast
import sys

from .common import run

KEYWORDS = {
    "TorchTrainer": "train_loop_per_worker train_loop_config torch_config scaling_config run_config datasets dataset_config validation_config",
    "ScalingConfig": "trainer_resources num_workers use_gpu resources_per_worker placement_strategy accelerator_type label_selector use_tpu topology elastic_resize_monitor_interval_s",
    "RunConfig": "name storage_path storage_filesystem failure_config checkpoint_config callbacks worker_runtime_env logging_config",
    "FailureConfig": "max_failures controller_failure_limit max_preemption_failures relax_collectives_on_preemption preemption_grace_s",
    "CheckpointConfig": "num_to_keep checkpoint_score_attribute checkpoint_score_order",
    "TorchConfig": "backend init_method timeout_s",
}
NUMBERS = {"num_workers", "max_failures", "num_to_keep", "controller_failure_limit", "max_preemption_failures"}


def call_problems(tree):
    lines, seen = [], set()
    for node in ast.walk(tree):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if name not in KEYWORDS:
            continue
        seen.add(name)
        for keyword in node.keywords:
            if keyword.arg and keyword.arg not in KEYWORDS[name].split():
                lines.append(f"line {node.lineno}: {name} has no argument {keyword.arg}")
            value = keyword.value
            if keyword.arg in NUMBERS and isinstance(value, ast.Constant) and not (type(value.value) is int):
                lines.append(f"line {node.lineno}: {name}({keyword.arg}={value.value!r}) is not an integer")
    return lines + ([] if "TorchTrainer" in seen else ["no TorchTrainer"])


def check_ray_train(path, text):
    try:
        compile(text, str(path), "exec")
    except SyntaxError as error:
        return [f"does not compile: line {error.lineno}: {error.msg}"]
    flakes = run([sys.executable, "-m", "pyflakes", path])
    return [line.split(":", 1)[1] for line in flakes.stdout.splitlines()] + call_problems(ast.parse(text))
