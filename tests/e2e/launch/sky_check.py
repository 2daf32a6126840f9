"""Run with the SkyPilot environment: parses each task file offline and prints {path: problems}."""

import json
import sys

import sky

verdicts = {}
for path in sys.argv[1:]:
    try:
        sky.Task.from_yaml(path)
        verdicts[path] = []
    except BaseException as error:
        verdicts[path] = ["sky: " + " ".join(str(error).split())[:300]]
print(json.dumps(verdicts))
