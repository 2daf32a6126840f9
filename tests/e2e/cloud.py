"""Reads logs at s3://, gs:// and az:// from servers on loopback, and compares with the same files on the disk.

    pip install 'moto[s3]' flask flask-cors pyarrow
    tests/e2e/cloud.py PATH_TO_GPUADVISE [--azurite node_modules/.bin/azurite-blob] [--without PATH_TO_GPUADVISE]

The binary has the feature `cloud`; that of `--without` has not. S3 is moto's server behind a proxy
that counts bytes, and that changes, refuses, delays or cuts what a case asks for. GCS is a small server of our
own that knows the two requests we make; Azure is Azurite, where it is given.
"""

import argparse
import base64
import contextlib
import datetime
import gzip
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import pyarrow as pa
import pyarrow.parquet as pq

ACCOUNT = "devstoreaccount1"
# Azurite's own, as its documentation prints it.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SECRET = "correct-horse-battery"


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def wait_for(port):
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    sys.exit(f"nothing answers on port {port}")


def make_logs(folder):
    """Thirty Parquet logs with a wide column that nobody asks for, and logs as texts."""
    folder.mkdir()
    start = datetime.datetime(2026, 10, 1, tzinfo=datetime.timezone.utc)
    for number in range(30):
        rng = random.Random(number)
        n = 4000
        times = sorted(rng.randrange(86_400_000_000) for _ in range(n))
        at = [start + datetime.timedelta(days=number, microseconds=it) for it in times]
        table = pa.table(
            {
                "timestamp": pa.array(at, pa.timestamp("us", tz="UTC")),
                "workload": [rng.choice(["chat", "search", "code"]) for _ in range(n)],
                "prompt_tokens": pa.array([rng.randrange(1, 4000) for _ in range(n)], pa.int32()),
                "completion_tokens": pa.array([rng.randrange(1, 900) for _ in range(n)], pa.int32()),
                "model": ["m"] * n,
                "notes": [rng.randbytes(200).hex() for _ in range(n)],
            }
        )
        pq.write_table(table, folder / f"day-{number:02}.parquet", row_group_size=1500, compression="zstd")
    rng = random.Random(99)
    rows = []
    for minute in range(3000):
        at = (start + datetime.timedelta(seconds=20 * minute)).isoformat().replace("+00:00", "Z")
        rows.append((at, rng.randrange(1, 4000), rng.randrange(1, 900)))
    text = "timestamp,prompt_tokens,completion_tokens\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    (folder / "edge.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    keys = ("timestamp", "prompt_tokens", "completion_tokens")
    lines = [json.dumps(dict(zip(keys, row), workload="lines")) + "\n" for row in rows]
    (folder / "lines.ndjson").write_text("".join(lines))
    (folder / "_SUCCESS").write_text("")


class Proxy(http.server.BaseHTTPRequestHandler):
    """Before a store: counts what it serves, and does what a case asks for."""

    protocol_version = "HTTP/1.1"
    port = 0
    served, n_requests, most_at_once, at_once = 0, 0, 0, 0
    conditions = []
    # Called with the handler; true where it has answered.
    trick = None
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    @classmethod
    def reset(cls, trick=None):
        cls.served, cls.n_requests, cls.most_at_once, cls.conditions = 0, 0, 0, []
        cls.trick = trick

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        if not any(key.lower() == "content-length" for key, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forward(self):
        cls = type(self)
        with cls.lock:
            cls.n_requests += 1
            cls.at_once += 1
            cls.most_at_once = max(cls.most_at_once, cls.at_once)
            if "Range" in self.headers:
                cls.conditions.append(self.headers.get("If-Match"))
        try:
            if cls.trick and cls.trick(self):
                return
            length = int(self.headers.get("Content-Length") or 0)
            upstream = http.client.HTTPConnection("127.0.0.1", cls.port)
            upstream.request(self.command, self.path, self.rfile.read(length), dict(self.headers))
            reply = upstream.getresponse()
            body = reply.read()
            skip = {"transfer-encoding", "connection"}
            headers = [it for it in reply.getheaders() if it[0].lower() not in skip]
            if self.command != "HEAD":
                headers = [it for it in headers if it[0].lower() != "content-length"]
            with cls.lock:
                cls.served += len(body)
            self.answer(reply.status, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with cls.lock:
                cls.at_once -= 1

    do_GET = do_HEAD = do_PUT = do_POST = forward


class Gcs(http.server.BaseHTTPRequestHandler):
    """The two requests of Google's XML interface that a reader makes."""

    protocol_version = "HTTP/1.1"
    folder = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        parts = urllib.parse.unquote(url.path).strip("/").split("/", 1)
        files = {f"logs/{it.name}": it.read_bytes() for it in type(self).folder.iterdir()}
        tag = lambda body: '"' + hashlib.md5(body).hexdigest() + '"'
        if parts[0] != "bucket":
            return self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        if len(parts) == 1 or not parts[1]:
            prefix = query.get("prefix", "")
            listed = "".join(
                f"<Contents><Key>{key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>"
                f"<ETag>{tag(body)}</ETag><Size>{len(body)}</Size></Contents>"
                for key, body in sorted(files.items())
                if key.startswith(prefix)
            )
            return self.answer(200, f"<ListBucketResult>{listed}</ListBucketResult>".encode())
        body = files.get(parts[1])
        if body is None:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        headers = [("ETag", tag(body)), ("Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT")]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if self.headers.get("If-Match", tag(body)) != tag(body):
            return self.answer(412)
        if not asked:
            return self.answer(200, body, headers)
        first, last = int(asked[1]), min(int(asked[2]), len(body) - 1)
        headers.append(("Content-Range", f"bytes {first}-{last}/{len(body)}"))
        return self.answer(206, body[first : last + 1], headers)

    do_HEAD = do_GET
    answer = Proxy.answer


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Case:
    def __init__(self, binary, work, environment):
        self.binary, self.work = binary, work
        keep = {key: value for key, value in os.environ.items() if not re.match("AWS_|GOOGLE_|AZURE_", key)}
        self.temporary = work / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.environment = {**keep, "TMPDIR": str(self.temporary), "NO_PROXY": "*", "HOME": str(work), **environment}

    def run(self, *words, expect=0, environment=None, binary=None):
        env = {**self.environment, **(environment or {})}
        env = {key: value for key, value in env.items() if value is not None}
        done = subprocess.run(
            [binary or self.binary, *map(str, words)], env=env, cwd=self.work, capture_output=True, text=True, timeout=180
        )
        said = done.stdout + done.stderr
        assert done.returncode == expect, f"{words}: exit code {done.returncode}, not {expect}: {said}"
        assert SECRET not in said, f"{words}: a secret is shown: {said}"
        left = list(self.temporary.iterdir())
        assert not left, f"{words}: left behind: {left}"
        strays = [it.name for it in self.work.iterdir() if it.name.startswith(".gpuadvise")]
        assert not strays, f"{words}: left behind: {strays}"
        return done

    def fails(self, *words, says=(), environment=None, binary=None):
        done = self.run(*words, expect=3, environment=environment, binary=binary)
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 2 and lines[0].startswith("error: ") and lines[1].startswith("hint: "), done.stderr
        for word in says:
            assert word in done.stderr, f"{words}: `{word}` is not in: {done.stderr}"
        print(f"    {lines[0][7:]}")
        return done


def same_tables(case, logs, at):
    """Every form of a log gives the same bytes from a store as from the disk."""
    for name, flags, here, there in [
        ("thirty Parquet files", [], sorted(logs.glob("day-*.parquet")), [f"{at}/day-*.parquet"]),
        ("the same, simple", ["--simple"], sorted(logs.glob("day-*.parquet")), [f"{at}/day-*.parquet"]),
        ("CSV.gz, its name the workload", [], [logs / "edge.csv.gz"], [f"{at}/edge.csv.gz"]),
        ("NDJSON", [], [logs / "lines.ndjson"], [f"{at}/lines.ndjson"]),
        ("a prefix with all of them", [], [logs], [f"{at}/"]),
        ("here and there", [], [logs / "day-00.parquet", logs / "edge.csv.gz"], [logs / "day-00.parquet", f"{at}/edge.csv.gz"]),
    ]:
        case.run("rollup", *here, *flags, "--output", "here.parquet")
        case.run("rollup", *there, *flags, "--output", "there.parquet")
        same = (case.work / "here.parquet").read_bytes() == (case.work / "there.parquet").read_bytes()
        assert same, f"{at}: {name}: the tables differ"
        print(f"  {at}: {name}: the same bytes")


def ranges(case, logs, at):
    """Only what is needed is read, each time of the version that was listed."""
    size = sum(it.stat().st_size for it in logs.glob("day-*.parquet"))
    Proxy.reset()
    case.run("rollup", f"{at}/day-*.parquet", "--simple", "--output", "there.parquet")
    share = Proxy.served / size
    print(f"  {Proxy.n_requests} requests, {Proxy.served} of {size} bytes ({share:.1%}), {Proxy.most_at_once} at once")
    assert share < 0.25, "more was read than the columns that are needed"
    assert 1 < Proxy.most_at_once <= 16
    assert Proxy.conditions and all(Proxy.conditions), "a range without If-Match"


def other_commands(case, logs, at):
    """Bills, logs and tables anywhere an input goes, named by their address."""
    done = case.run("ingest", f"{at}/edge.csv.gz", "--format", "json")
    files = json.loads(done.stdout)["files"]
    assert [it["file"] for it in files] == [f"{at}/edge.csv.gz"], files
    here = json.loads(case.run("ingest", logs / "edge.csv.gz", "--format", "json").stdout)["files"]
    assert here[0]["sha256"] == files[0]["sha256"] and here[0]["rows"] == files[0]["rows"]
    for words in (["describe", "--format", "json"], ["simulate", "--service", "exp:2", "--slots", "1", "--policy", "fixed:2", "--price", "1.2", "--format", "json"]):
        outputs = []
        for log in (logs / "edge.csv.gz", f"{at}/edge.csv.gz"):
            text = case.run(words[0], log, *words[1:]).stdout
            outputs.append(text.replace(f"{at}/", ""))
        assert outputs[0] == outputs[1], f"{words[0]} differs"
    case.run("analyze", f"{at}/usage.parquet", "--output", "report")
    report = json.loads((case.work / "report/report.json").read_text())
    inputs = report["provenance"]["inputs"]
    assert [it["file"] for it in inputs] == [f"{at}/usage.parquet"], inputs
    case.run("analyze", f"{at}/usage.parquet", "--redact", "--output", "redacted")
    for path in (case.work / "redacted").rglob("*"):
        assert path.is_dir() or b"usage.parquet" not in path.read_bytes(), f"{path} names the object"
    # A table that was rolled up before is merged with one that is here.
    case.run("rollup", logs / "day-00.parquet", "--output", "one.parquet")
    case.run("rollup", "one.parquet", f"{at}/rolled.parquet", "--output", "merged.parquet")
    case.run("rollup", "one.parquet", case.work / "rolled.parquet", "--output", "other.parquet")
    assert (case.work / "merged.parquet").read_bytes() == (case.work / "other.parquet").read_bytes()
    print("  ingest, describe, simulate, analyze and a merge: as from the disk, named by address")


def only_day(number, then):
    """Does something at the nth request for bytes of a log."""
    count = [0]

    def trick(handler):
        if "Range" in handler.headers and ".parquet" in handler.path:
            count[0] += 1
            if count[0] > number:
                return then(handler)
        return False

    return trick


def faults(case, logs, at, put):
    out = ("--output", "bad.parquet")
    refused = lambda code: lambda it: it.answer(403, f"<Error><Code>{code}</Code><Key>{SECRET}</Key></Error>".encode()) or True
    Proxy.reset(refused("AccessDenied"))
    case.fails("rollup", f"{at}/day-*.parquet", *out, says=["access denied (AccessDenied)", "right to read"])
    case.fails("analyze", f"{at}/edge.csv.gz", says=[f"{at}/edge.csv.gz: access denied"])
    Proxy.reset(only_day(40, refused("ExpiredToken")))
    case.fails("rollup", f"{at}/day-*.parquet", *out, says=["day-", "access denied (ExpiredToken)", "renew"])
    Proxy.reset()
    case.fails("rollup", f"{at}/none.parquet", *out, says=[f"{at}/none.parquet: no such object or bucket"])
    case.fails("ingest", f"{at}/none.csv", says=["no such object or bucket"])
    case.fails("rollup", "s3://no-such-bucket/*.parquet", *out, says=["no such object or bucket (NoSuchBucket)"])
    case.fails("rollup", f"{at}/none-*.parquet", *out, says=[f"{at}/none-*.parquet: no object matches"])
    case.fails("rollup", f"{at}/no/folder/", *out, says=["no object is there"])
    case.fails("rollup", f"{at}/day-00.parquet", f"{at}/day-0*.parquet", *out, says=["named twice"])
    case.fails("ingest", f"s3://key:{SECRET}@bucket/a.csv", says=["a password or a query"])
    case.fails("ingest", f"s3://bucket/a.csv?sig={SECRET}", says=["a password or a query"])

    # Another version of the object, while its ranges are read and while it is copied.
    changed = []

    def change(handler):
        with Proxy.lock:
            if not changed:
                changed.append(True)
                put("day-29.parquet", (logs / "day-28.parquet").read_bytes())
        return False

    Proxy.reset(only_day(30, change))
    case.fails("rollup", f"{at}/day-*.parquet", *out, says=["day-29.parquet: the file changed while it was read"])
    Proxy.reset()
    put("day-29.parquet", (logs / "day-29.parquet").read_bytes())

    def change_text(handler):
        with Proxy.lock:
            if "Range" in handler.headers:
                put("edge.csv.gz", gzip.compress(b"timestamp\n"))
        return False

    Proxy.reset(change_text)
    case.fails("analyze", f"{at}/edge.csv.gz", says=["edge.csv.gz: the object changed while it was read"])
    Proxy.reset()
    put("edge.csv.gz", (logs / "edge.csv.gz").read_bytes())

    # Connections that are cut are tried again, and not for ever.
    cut = [0]

    def cut_some(handler):
        if "Range" in handler.headers and cut[0] < 5:
            cut[0] += 1
            handler.connection.shutdown(socket.SHUT_RDWR)
            return True
        return False

    Proxy.reset(cut_some)
    case.run("rollup", f"{at}/day-0*.parquet", "--output", "there.parquet")
    assert cut[0] == 5
    Proxy.reset(lambda it: it.answer(503, b"<Error><Code>SlowDown</Code></Error>") or True)
    began = time.monotonic()
    case.fails("rollup", f"{at}/day-*.parquet", *out, says=["SlowDown"])
    assert Proxy.n_requests <= 6 and time.monotonic() - began < 100
    Proxy.reset()

    nobody = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    case.fails("rollup", f"{at}/day-*.parquet", *out, says=["cannot be reached", "refused", "AWS_ENDPOINT_URL"], environment=nobody)
    case.fails("rollup", f"{at}/day-*.parquet", *out, says=["not encrypted"], environment={"AWS_ALLOW_HTTP": None})
    nameless = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_METADATA_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    case.fails("rollup", f"{at}/day-*.parquet", *out, says=["no credentials were found", "AWS_ACCESS_KEY_ID"], environment=nameless)
    case.fails("rollup", "az://container/*.parquet", *out, says=["AZURE_STORAGE_ACCOUNT_NAME"])
    broken = {"GOOGLE_SERVICE_ACCOUNT": str(case.work / "no-such-key.json")}
    case.fails("rollup", "gs://bucket/*.parquet", *out, says=["GOOGLE_APPLICATION_CREDENTIALS"], environment=broken)
    assert not (case.work / "bad.parquet").exists()

    # A file that ends as Parquet does and is none.
    put("damaged.parquet", (logs / "day-00.parquet").read_bytes()[:5000] + b"\x10\0\0\0PAR1")
    case.fails("rollup", f"{at}/damaged.parquet", *out, says=["damaged.parquet"])


def interrupts(case, at):
    """Ctrl-C while a store does not answer: nothing stays, and it does not wait for the store."""
    for words in (["rollup", f"{at}/day-*.parquet", "--output", "bad.parquet"], ["analyze", f"{at}/edge.csv.gz", "--output", "bad"]):
        reached = threading.Event()

        def hang(handler):
            if "Range" in handler.headers:
                reached.set()
                time.sleep(20)
                return True
            return False

        Proxy.reset(hang)
        process = subprocess.Popen([case.binary, *words], env=case.environment, cwd=case.work, stderr=subprocess.PIPE, text=True)
        assert reached.wait(30)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=15)[1]
        assert process.returncode == 130 and "interrupted" in said, (process.returncode, said)
        assert time.monotonic() - began < 5
        assert not list(case.temporary.iterdir()) and not (case.work / words[-1]).exists()
    Proxy.reset()
    print("  interrupts: exit code 130, nothing left")


def azure_put(port, path, body=b"", headers=None):
    """A request that Azurite accepts: signed with its own key."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": now, "x-ms-version": "2021-08-06", **(headers or {})}
    url = urllib.parse.urlsplit(path)
    canonical = "".join(f"{key}:{headers[key]}\n" for key in sorted(headers))
    resource = f"/{ACCOUNT}/{ACCOUNT}{url.path}"
    resource += "".join(f"\n{key}:{value}" for key, value in sorted(urllib.parse.parse_qsl(url.query)))
    text = "PUT\n\n\n" + (str(len(body)) if body else "") + "\n\n\n\n\n\n\n\n\n" + canonical + resource
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{ACCOUNT}{path}", body, headers, method="PUT")
    request.add_header("Authorization", f"SharedKey {ACCOUNT}:{signature}")
    request.add_unredirected_header("Content-Type", "")
    urllib.request.urlopen(request).read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--azurite", type=pathlib.Path)
    parser.add_argument("--without", type=pathlib.Path)
    arguments = parser.parse_args()
    binary = arguments.binary.resolve()
    work = pathlib.Path(tempfile.mkdtemp(prefix="gpuadvise-cloud-"))
    processes = []
    try:
        logs = work / "logs"
        make_logs(logs)
        Proxy.port = free_port()
        log = open(work / "servers.log", "w")
        processes.append(subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(Proxy.port)], stdout=log, stderr=log))
        wait_for(Proxy.port)
        endpoint = serve(Proxy)
        at = "s3://bucket/logs"

        def put(name, body, bucket="bucket/logs"):
            it = http.client.HTTPConnection("127.0.0.1", Proxy.port)
            it.request("PUT", f"/{bucket}/{name}", body, {"Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request"})
            reply = it.getresponse()
            assert reply.status == 200, reply.read()

        put("", b"", "bucket")
        for it in logs.iterdir():
            put(it.name, it.read_bytes())
        sample = pathlib.Path(__file__).resolve().parents[2] / "samples/usage.parquet"
        put("other/usage.parquet", sample.read_bytes(), "bucket")
        case = Case(
            binary,
            work,
            {
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{endpoint}",
                "AWS_ALLOW_HTTP": "true",
            },
        )
        same_tables(case, logs, at)
        ranges(case, logs, at)
        case.run("rollup", logs / "day-01.parquet", "--output", "rolled.parquet")
        for name, body in [("edge.csv.gz", None), ("rolled.parquet", work / "rolled.parquet")]:
            put(f"other/{name}", (body or logs / name).read_bytes(), "bucket")
        other_commands(case, logs, "s3://bucket/other")
        faults(case, logs, at, put)
        interrupts(case, at)

        Gcs.folder = logs
        google = {"GOOGLE_BASE_URL": f"http://127.0.0.1:{serve(Gcs)}", "GOOGLE_SKIP_SIGNATURE": "true", "GOOGLE_ALLOW_HTTP": "true"}
        same_tables(Case(binary, work, google), logs, "gs://bucket/logs")
        if arguments.azurite:
            port = free_port()
            words = [arguments.azurite.resolve(), "--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort", str(port)]
            processes.append(subprocess.Popen(words, stdout=log, stderr=log, cwd=work))
            wait_for(port)
            azure_put(port, "/bucket?restype=container")
            for it in logs.iterdir():
                azure_put(port, f"/bucket/logs/{it.name}", it.read_bytes(), {"x-ms-blob-type": "BlockBlob"})
            azure = {
                "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": KEY,
                "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
                "AZURE_ALLOW_HTTP": "true",
            }
            same_tables(Case(binary, work, azure), logs, "az://bucket/logs")
        else:
            print("  az://: not run, no Azurite was given")
        if arguments.without:
            without = arguments.without.resolve()
            for command in ("rollup", "analyze", "describe", "ingest"):
                output = ("--output", "bad.parquet") if command == "rollup" else ()
                case.fails(command, f"s3://key:{SECRET}@bucket/a.csv", *output, says=["--features cloud"], binary=without)
    finally:
        for it in processes:
            it.terminate()
            it.wait(10)
        shutil.rmtree(work, ignore_errors=True)
    print("cloud: all as it should be")


main()
