"""Run with the Ray environment: builds every LLMConfig and AutoscalingConfig of each file, prints {path: problems}."""

import json
import os
import sys

os.environ.setdefault("RAY_LOG_TO_STDERR", "0")
import yaml
from ray.llm._internal.serve.core.configs.llm_config import LLMConfig
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import ServeDeploySchema

verdicts = {}
for path in sys.argv[1:]:
    lines = []
    try:
        data = yaml.safe_load(open(path))
        ServeDeploySchema.model_validate(data)
        for app in data.get("applications", []):
            configs = app.get("args", {}).get("llm_configs", [])
            if not configs:
                lines.append("ray: no llm_configs")
            for config in configs:
                LLMConfig(**config)
                scaling = (config.get("deployment_config") or {}).get("autoscaling_config")
                if isinstance(scaling, dict):
                    AutoscalingConfig(**scaling)
    except Exception as error:
        lines.append("ray: " + " ".join(str(error).split())[:300])
    verdicts[path] = lines
print(json.dumps(verdicts))
