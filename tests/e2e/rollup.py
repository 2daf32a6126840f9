#!/usr/bin/env python3
"""The table of `rollup` against the engines that its queries are for, and `rollup` under faults.

    pip install pyarrow duckdb pyspark sqlglot chdb    and a Java runtime, 17 or later
    tests/e2e/rollup.py PATH_TO_GPUADVISE

A seeded log with names that want to be more than names, ties, lone requests, failures and rows that are
no requests is rolled up by the program and by DuckDB, Spark and ClickHouse, which run the printed
queries: every row and every column must be the same. Spark runs them on a cluster with executors in
processes of their own, one of which is killed during the job. The queries for Trino and BigQuery are
translated by sqlglot and run in DuckDB: that proves what they mean to sqlglot, and nothing of the
engines. Says a line per check, and ends with 1 at the first that fails.
"""

import datetime
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rollup_spark import Cluster

ROWS = 300_000
BIG_ROWS = 15_000_000
# Two hours with the end of summer time in New York, in which the sessions of the engines are.
START_US = int(datetime.datetime(2026, 11, 1, 5, tzinfo=datetime.UTC).timestamp()) * 1_000_000
MINUTES = 120
NAMES = [
    "chat-70b", "chat-8b", "embed", "it's \"quoted\"", "-- ; DROP TABLE log", "\u6a21\u578b \u00fcn\u00efcode", "\U0001f680 launch",
    "`ticks`", "a\\b", " padded ", "{braces}", "<b>", None, "N/A", "",
]
STATUS = ["200", "200", "200", "500", "499", "429", None]
COLUMNS = [
    "minute", "workload", "requests", "errors", "requests_with_tokens", "prompt_tokens", "completion_tokens",
    "prompt_tokens_sq", "completion_tokens_sq", "first_arrival", "last_arrival", "gap_sum_us", "gap_sum_sq_us2",
    "nonempty_seconds", "second_requests_sq", "first_second_requests", "last_second_requests", "prompt_histogram",
    "completion_histogram",
]
FAILED = "CAST(NULL AS {long}) AS failed"
OF_STATUS = "CASE WHEN status >= 400 THEN 1 WHEN status >= 0 THEN 0 END AS failed"
NO_REFUSED = "FROM log WHERE COALESCE(status, 0) <> 429"


def check(is_so, what):
    if not is_so:
        print(f"FAILED: {what}", flush=True)
        sys.exit(1)
    print(f"ok: {what}", flush=True)


def log():
    """Rows in the order of time: arrival, name, tokens, status."""
    chance = random.Random(9)
    rows = []
    for _ in range(ROWS):
        at = START_US + int(chance.random() * MINUTES * 60e6)
        kind = chance.random()
        # Ties, and crowded seconds.
        at = at // 1_000_000 * 1_000_000 if kind < 0.05 else at // 1000 * 1000 if kind < 0.3 else at
        name = chance.randrange(len(NAMES))
        prompt = chance.choice([0, 1, 63, 64, 65, 127, 128]) if kind > 0.9 else int(20 * 400 ** chance.random())
        completion = int(chance.expovariate(0.02))
        if name == 2 or kind < 0.02:
            completion = None
        elif kind < 0.03:
            prompt = None
        elif kind < 0.05:
            prompt = completion = 0
        rows.append([at, NAMES[name], prompt, completion, chance.choice(STATUS)])
    # Minutes with one request, one of them with the most tokens there are.
    for minute in range(0, MINUTES, 7):
        rows.append([START_US + minute * 60_000_000 + 59_999_999, "rare", 2**31 - 1 if minute == 0 else 5, 0, "200"])
    # No requests: no time, a time before 1970 or after 2100, tokens that are no count.
    rows += [[None, "chat-8b", 1, 1, "200"], [-1, "chat-8b", 1, 1, "200"], [4_133_980_800_000_000, "chat-8b", 1, 1, "200"]]
    rows += [[START_US + 5, "chat-8b", -1, 1, "200"], [START_US + 5, "chat-8b", 1, -2, "200"]]
    rows.sort(key=lambda it: (it[0] is not None, it[0] or 0))
    return rows


def write(path, rows, status=False, **options):
    columns = list(zip(*rows))
    table = {
        # With a zone and without one: both are UTC.
        "timestamp": pa.array(columns[0], pa.timestamp("us", tz="UTC" if status else None)),
        "workload": pa.array(columns[1], pa.string()),
        "prompt_tokens": pa.array(columns[2], pa.int64()),
        "completion_tokens": pa.array(columns[3], pa.int64()),
    }
    if status:
        table["status"] = pa.array([None if it is None else int(it) for it in columns[4]], pa.int32())
    pq.write_table(pa.table(table), path, row_group_size=20_000, **options)


def files(folder, rows, n, **options):
    """The rows in files one after the other in time, each of them a little out of order."""
    folder.mkdir()
    chance = random.Random(n)
    for at in range(n):
        part = rows[len(rows) * at // n : len(rows) * (at + 1) // n]
        for _ in range(len(part) // 10):
            a = chance.randrange(len(part) - 20)
            b = a + chance.randrange(20)
            part[a], part[b] = part[b], part[a]
        # `log` is the workload of rows that name none.
        write(folder / f"log.{at:02}.parquet", part, **options)
    return folder


def same(native, other, what):
    """All rows and columns of a table are those of the native one, in the same order."""
    if not isinstance(other, pa.Table):
        other = pa.concat_tables([pq.read_table(it) for it in sorted(other.glob("*.parquet"))])
    native = pq.read_table(native)
    check(native.column_names == COLUMNS == other.column_names, f"{what}: 19 columns of the same names")
    check(native.num_rows == other.num_rows > 0, f"{what}: {native.num_rows:,} rows")
    for name in COLUMNS:
        ours, theirs = ([plain(it) for it in leaves(table[name])] for table in (native, other))
        if all(a.equals(b) for a, b in zip(ours, theirs)):
            continue
        for at, (a, b) in enumerate(zip(native[name].to_pylist(), other[name].to_pylist())):
            if a != b:
                check(False, f"{what}: {name} of row {at} is {b}, not {a}")
        check(False, f"{what}: {name} is not the same")
    check(True, f"{what}: every value of every column is the same")


def leaves(column):
    column = column.combine_chunks()
    column = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_list(column.type) and not pa.types.is_large_list(column.type):
        return [column]
    entries = pc.list_flatten(column)
    return [pc.list_value_length(column), pc.struct_field(entries, "bucket"), pc.struct_field(entries, "n")]


def plain(column):
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", tz=column.type.tz)).cast(pa.int64())
    return column.cast(pa.string() if pa.types.is_large_string(column.type) or pa.types.is_string(column.type) else pa.int64())


class Program:
    """The program in a folder, with the folder's rests."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def start(self, *words, **options):
        words = [self.binary, *map(str, words)]
        return subprocess.Popen(words, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run(self, *words, code=0, **options):
        child = self.start(*words, **options)
        out, err = child.communicate()
        if child.returncode != code:
            check(False, f"{words} ended with {child.returncode}, not {code}: {err}")
        return out if code == 0 else err

    def rollup(self, inputs, output, *words):
        inputs = inputs if isinstance(inputs, list) else [inputs]
        self.run("rollup", *inputs, "--output", output, *words)
        return self.folder / output

    def rests(self, folder=None):
        return [it.name for it in (folder or self.folder).iterdir() if it.name.startswith(".gpuadvise")]

    def query(self, engine, status=False):
        text = self.run("rollup", "--emit-sql", engine)
        if status:
            was = next(line.strip() for line in text.splitlines() if line.strip().endswith("AS failed"))
            check(text.count(was) == 1 and text.count("FROM log\n") == 1, f"{engine}: a status is two places of the query")
            text = text.replace(was, OF_STATUS).replace("FROM log\n", NO_REFUSED + "\n")
        return text


def engines(program, native, logs):
    """DuckDB, ClickHouse, and by translation Trino and BigQuery."""
    folder = program.folder
    for kind, from_log in logs.items():
        status = kind == "with a status"
        duck = duckdb.connect()
        duck.execute("SET TimeZone = 'America/New_York'")
        duck.execute(f"CREATE VIEW log AS FROM '{from_log}/*.parquet'")
        to = folder / f"duckdb-{status}"
        to.mkdir()
        duck.execute(f"COPY ({program.query('duckdb', status)}) TO '{to}/table.parquet' (FORMAT parquet)")
        same(native[kind], to, f"DuckDB {duckdb.__version__}, log {kind}")
        again = program.rollup(to / "table.parquet", "again.parquet")
        check(again.read_bytes() == native[kind].read_bytes(), "DuckDB's table, rolled up again, is the native one to the byte")
    translated(program, native["with a status"], duck)
    clickhouse(program, native["with a status"], logs["with a status"])


def translated(program, native, duck):
    import sqlglot

    duck.execute("CREATE MACRO bitwise_right_shift(x, n) AS x >> n")
    for engine in ("trino", "bigquery"):
        query = sqlglot.transpile(program.query(engine, True), read=engine, write="duckdb", error_level=sqlglot.ErrorLevel.RAISE)
        table = duck.sql(query[0]).to_arrow_table()
        same(native, table, f"{engine}, translated by sqlglot {sqlglot.__version__} and run in DuckDB")


def clickhouse(program, native, logs):
    import chdb

    query = program.query("clickhouse", True).replace("FROM log", f"FROM file('{logs}/*.parquet', Parquet)")
    to = program.folder / "clickhouse"
    to.mkdir()
    chdb.query(f"INSERT INTO FUNCTION file('{to}/table.parquet', Parquet) {query}")
    same(native, to, f"ClickHouse {chdb.engine_version} (chdb)")
    again = program.rollup(to / "table.parquet", "again.parquet")
    check(again.read_bytes() == native.read_bytes(), "ClickHouse's table, rolled up again, is the native one to the byte")


def spark(program, native, logs, scratch):
    """Spark, undisturbed and with an executor killed."""
    with Cluster(scratch) as cluster:
        check(len(cluster.executors()) == 2, f"Spark {cluster.version}: 2 executors, each a process of its own")
        for kind, instants, kill in (("of four columns", "INT96", False), ("with a status", "TIMESTAMP_MICROS", True)):
            to = program.folder / f"spark-{instants}"
            query = program.query("spark", kind == "with a status")
            cluster.log(logs[kind])
            refused = cluster.refuses(query, "America/New_York")
            check(refused, f"Spark, log {kind}: a session that is not in UTC is refused, not counted wrong")
            lost = cluster.write(query, to, instants, kill)
            what = f"Spark, log {kind}, {instants}" + (", an executor killed" if kill else "")
            if kill:
                check(lost is not None, f"Spark: executor {lost} was killed while it ran tasks of the job")
            same(native[kind], to, what)
            again = program.rollup(to, "again.parquet")
            check(again.read_bytes() == native[kind].read_bytes(), f"{what}: rolled up again, the table is the native one to the byte")
    check(*cluster.proof())


def laws(program, native, logs, rows):
    """One table whatever the threads, the files and the parts."""
    for kind, from_log in logs.items():
        for threads in (1, 2, 8):
            again = program.rollup(from_log, "again.parquet", "--threads", threads)
            check(again.read_bytes() == native[kind].read_bytes(), f"log {kind}: the same bytes on {threads} threads")
        parts = []
        for at, file in enumerate(sorted(from_log.iterdir())):
            parts.append(program.rollup(file, f"part-{at}.parquet"))
        merged = program.rollup(parts[::-1], "merged.parquet")
        check(merged.read_bytes() == native[kind].read_bytes(), f"log {kind}: {len(parts)} parts merged are the whole to the byte")
    old = files(program.folder / "int96", rows, 6, use_deprecated_int96_timestamps=True)
    again = program.rollup(old, "again.parquet")
    check(again.read_bytes() == native["of four columns"].read_bytes(), "a log with times of 12 bytes gives the same bytes")


def big(folder):
    """A log in no order that is sorted through a file: time enough to be disturbed."""
    path = folder / "big.parquet"
    duckdb.execute(f"""COPY (SELECT make_timestamp({START_US} + (range * 7919000003) % 86400000000) AS timestamp, 'w' || range % 50 AS workload,
        range % 1000 AS prompt_tokens, range % 77 AS completion_tokens, 200 AS status FROM range({BIG_ROWS})) TO '{path}' (FORMAT parquet)""")
    return path


def until(is_so, child, what):
    end = time.monotonic() + 60
    while not is_so():
        if child.poll() is not None or time.monotonic() > end:
            check(False, f"the run ended before {what}: {child.communicate()}")
        time.sleep(0.001)


def interrupts(program, log_file):
    folder = program.folder / "interrupts"
    folder.mkdir()
    words = ("rollup", log_file, "--output", folder / "t.parquet", "--quiet")
    child = program.start(*words)
    until(lambda: any(folder.glob(".gpuadvise-rollup-*/sorted")), child, "it put rows aside")
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    check(child.returncode == 130 and len(err.splitlines()) == 1, f"Ctrl-C: exit code 130 and one line ({err.strip()})")
    check(not list(folder.iterdir()), "Ctrl-C: no table and no folder is left")
    child = program.start(*words)
    until(lambda: any(folder.glob(".gpuadvise-rollup-*/sorted")), child, "it put rows aside")
    child.kill()
    child.communicate()
    check(len(program.rests(folder)) == 1 and not (folder / "t.parquet").exists(), "killed: no table, and the folder of the run is there")
    program.run(*words)
    check([it.name for it in folder.iterdir()] == ["t.parquet"], "run again: the table is there, and what was left is gone")


def full_disks(program, logs, log_file):
    folder = program.folder / "full"
    folder.mkdir()

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    def refused(input_file, what, **options):
        err = program.run("rollup", input_file, "--output", folder / "t.parquet", "--quiet", code=8, **options)
        check(err.startswith("error: ") and err.count("\nhint: ") == 1, f"{what}: exit code 8 and one error ({err.splitlines()[0]})")
        check(not list(folder.iterdir()), f"{what}: nothing is left")

    # Python ignores the signal of a file that grows too long, and the program must do as it would by itself.
    refused(logs["of four columns"], "a table longer than a file may be", preexec_fn=limited, restore_signals=False)
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        print("SKIPPED: a full disk, which needs the right to mount", flush=True)
        return
    try:
        refused(logs["of four columns"], "a full disk while the table is written")
        subprocess.run(["mount", "-o", "remount,size=40m", str(folder)], check=True)
        refused(log_file, "a full disk while rows are put aside")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def many_rows(program):
    """A usage table of more rows than are kept in memory: `analyze` puts them aside beside the report."""
    folder = program.folder / "many"
    folder.mkdir()
    file = program.folder / "many.parquet"
    query = """SELECT TIMESTAMP '2026-06-01' + INTERVAL (h) HOUR AS timestamp, 'w' || n AS workload, 'gcp' AS provider,
      'us-central1' AS region, 'L4' AS gpu, 1 AS gpu_count, 1 AS gpu_hours, 0.71 AS effective_cost
    FROM range(720) AS h(h), range(6000) AS w(n)"""
    duckdb.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
    words = ("analyze", file, "--output", folder / "report", "--full-search", 0, "--quiet")
    child = program.start(*words)
    # The file has no name, so that only the list of what the process has open shows it.
    opened = pathlib.Path(f"/proc/{child.pid}/fd")

    def is_aside():
        try:
            links = [os.readlink(it) for it in opened.iterdir()]
        except OSError:  # What was open is closed by now.
            return False
        return any(it.startswith(f"{folder}/") and it.endswith(" (deleted)") for it in links)

    until(is_aside, child, "it put rows aside")
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    check(child.returncode == 130 and len(err.splitlines()) == 1, f"analyze, Ctrl-C while rows are aside: exit code 130 ({err.strip()})")
    check(not list(folder.iterdir()), "analyze, Ctrl-C while rows are aside: nothing is left")
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        print("SKIPPED: a full disk while rows are aside, which needs the right to mount", flush=True)
        return
    try:
        err = program.run(*words, code=8)
        check(err.startswith("error: ") and err.count("\nhint: ") == 1, f"analyze, a full disk: exit code 8 and one error ({err.splitlines()[0]})")
        check(not list(folder.iterdir()), "analyze, a full disk: nothing is left")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def bad_files(program, rows):
    logs = files(program.folder / "thirty", rows, 30)
    good = (logs / "log.17.parquet").read_bytes()
    flawed = {"cut short": good[: len(good) // 2], "damaged inside": good[:4] + bytes(2000) + good[2004:]}
    for what, bytes_now in flawed.items():
        (logs / "log.17.parquet").write_bytes(bytes_now)
        err = program.run("rollup", logs, "--output", "thirty.parquet", "--quiet", code=3)
        check("log.17.parquet" in err and err.count("error: ") == 1, f"one of thirty files {what}: {err.splitlines()[0]}")
        check(not (program.folder / "thirty.parquet").exists() and not program.rests(), f"one of thirty files {what}: no table is left")
    (logs / "log.17.parquet").write_bytes(good)
    program.rollup(logs, "thirty.parquet")
    check(True, "thirty good files: a table")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gpuadvise-rollup-e2e-"))
    try:
        program = Program(os.path.abspath(sys.argv[1]), folder)
        rows = log()
        logs = {
            "of four columns": files(folder / "plain", rows, 6),
            "with a status": files(folder / "status", rows, 6, status=True),
        }
        native = {kind: program.rollup(it, f"native-{at}.parquet") for at, (kind, it) in enumerate(logs.items())}
        engines(program, native, logs)
        laws(program, native, logs, rows)
        bad_files(program, rows)
        log_file = big(folder)
        interrupts(program, log_file)
        full_disks(program, logs, log_file)
        many_rows(program)
        spark(program, native, logs, folder / "scratch")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
