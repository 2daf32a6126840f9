#!/usr/bin/env python3
"""Runs every benchmark against its peers, one after the other, and writes what came out to RESULTS.md.

Data is generated (seeded) in the folder for temporary files; it takes about an hour on 2 cores, most of it to make 100 million
requests. Nothing else should run beside it. Build first: cargo build --release. Needs duckdb, polars, pandas and pyarrow (pip
install duckdb polars pandas pyarrow).
"""

import subprocess
import sys

from run import HERE

for name in ("run.py", "describe.py", "rollup.py", "advice.py", "many.py"):
    print(f"==> benches/{name}", flush=True)
    # Of many.py --rows are workloads.
    options = sys.argv[1:] if name != "many.py" else []
    subprocess.run([sys.executable, str(HERE / name), *options], check=True)
