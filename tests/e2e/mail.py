"""Mails a report to a real SMTP server on loopback, and counts what arrives.

    pip install aiosmtpd cryptography
    tests/e2e/mail.py PATH_TO_GPUADVISE REPORT_DIR

Each case starts a server of its own, runs the program as a monthly job would, and asserts how many
messages arrived and what is in them, read with Python's own e-mail library.
"""

import datetime
import email
import email.policy
import hashlib
import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# The library warns of servers that take a login without TLS of its own making: these are tests.
warnings.filterwarnings("ignore", module="aiosmtpd")
PASSWORD = "correct-horse-battery"
ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"


def certificate(folder, stem, host):
    """A certificate that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName(host)]
    if host == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / f"{stem}.pem", folder / f"{stem}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return pem, context


class Server:
    """A mail server that keeps what it accepts, and can be told to misbehave."""

    def __init__(self, tls=None, context=None, login=True):
        self.arrived, self.attempts, self.logins = [], 0, []
        self.at_rcpt = self.at_data = self.at_mail = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        words = {"hostname": "127.0.0.1", "port": self.port}
        if tls == "starttls":
            words |= {"tls_context": context, "require_starttls": True}
        if tls == "implicit":
            words |= {"ssl_context": context}
        if login:
            words |= {"authenticator": self.log_in, "auth_required": True}
            words |= {"auth_require_tls": tls == "starttls"}
        self.controller = Controller(self, **words)

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()

    def log_in(self, server, session, envelope, mechanism, data):
        self.logins.append((session.ssl is not None, data.login, data.password))
        good = data.login == b"reports" and data.password == PASSWORD.encode()
        return AuthResult(success=good, handled=good)

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.attempts += 1
        if self.at_mail:
            answer = self.at_mail(server, self.attempts)
            if answer:
                return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.at_rcpt and self.at_rcpt(address, self.attempts)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.at_data and self.at_data(server, self.attempts)
        if answer and not answer.startswith("250"):
            if answer == "keep and drop":
                self.arrived.append(envelope)
                server.transport.abort()
            return answer
        self.arrived.append(envelope)
        return answer or "250 taken"


class Bench:
    """A copy of the report with a config of its own."""

    def __init__(self, program, report, root, name):
        self.program, self.root = program, root
        self.folder = root / name
        self.folder.mkdir()
        for file in report.iterdir():
            if file.is_file():
                shutil.copy(file, self.folder / file.name)
        self.log = ""

    def config(self, port, tls="starttls", to=(ANN,), more="", smtp=""):
        login = 'username = "reports"\npassword_env = "MAIL_PASSWORD"\n'
        text = f"""
[email]
from = "GPU reports <reports@example.com>"
to = [{", ".join(f'"{it}"' for it in to)}]
{more}
[email.smtp]
host = "localhost"
port = {port}
tls = "{tls}"
timeout_s = 5
retry_s = 0.05
ca_file = "{self.root / 'good.pem'}"
{smtp or login}"""
        (self.folder / "gpuadvise.toml").write_text(text)

    def start(self, *words, password=PASSWORD):
        environment = {key: value for key, value in os.environ.items() if key != "MAIL_PASSWORD"}
        if password is not None:
            environment["MAIL_PASSWORD"] = password
        return subprocess.Popen(
            [self.program, "email", str(self.folder), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def run(self, *words, code=0, password=PASSWORD):
        process = self.start(*words, password=password)
        out, err = process.communicate(timeout=120)
        self.log += out + err
        assert process.returncode == code, f"exit {process.returncode}\n{out}{err}"
        assert PASSWORD not in out + err, "the password is shown"
        return out + err

    def states(self):
        mails = json.loads((self.folder / "mail.json").read_text())["mails"]
        return {it["recipient"]: it["state"] for it in mails}


def parsed(envelope):
    content = envelope.original_content or envelope.content
    return email.message_from_bytes(content, policy=email.policy.default)


def check_parts(message, folder, attached):
    """mixed(alternative(plain, related(html, png*)), files), complete and unharmed."""
    assert not message.defects, message.defects
    assert message.get_content_type() == "multipart/mixed"
    words, *files = message.iter_parts()
    assert words.get_content_type() == "multipart/alternative"
    plain, related = words.iter_parts()
    assert plain.get_content_type() == "text/plain"
    assert related.get_content_type() == "multipart/related"
    html, *pictures = related.iter_parts()
    assert html.get_content_type() == "text/html"
    page = html.get_content()
    used = set(re.findall(r'src="cid:([^"]+)"', page))
    given = {it["Content-ID"].strip("<>") for it in pictures}
    assert used == given, (used, given)
    for it in pictures:
        assert it.get_content_type() == "image/png"
        assert it.get_content().startswith(b"\x89PNG")
        assert it.get_content_disposition() == "inline"
    assert {it.get_filename() for it in files} == set(attached)
    for it in files:
        found = hashlib.sha256(bytes_of(it)).hexdigest()
        kept = hashlib.sha256((folder / it.get_filename()).read_bytes()).hexdigest()
        assert found == kept, it.get_filename()
    for part in message.walk():
        assert not part.defects, part.defects
    return plain.get_content(), page


def bytes_of(part):
    return part.get_payload(decode=True)


def there(folder):
    return [it for it in ["report.html", "report.xlsx"] if (folder / it).exists()]


def starttls(bench, contexts):
    """Two who get it, one copy, one digest; a second run sends nothing, --again the same again."""
    report = json.loads((bench.folder / "report.json").read_text())
    owner = next(it["owner"] for it in report["workloads"] if it["owner"])
    own = {it["name"] for it in report["workloads"] if it["owner"] == owner}
    others = {it["name"] for it in report["workloads"]} - own
    with Server("starttls", contexts["good"]) as server:
        more = f'cc = ["Eve <{EVE}>"]\nreply_to = "cfo@example.com"\n[email.owners]\n"{owner}" = ["{ANN}"]\n'
        bench.config(server.port, to=(ANN, BOB), more=more)
        bench.run()
        assert len(server.arrived) == 4, len(server.arrived)
        assert all(it[0] for it in server.logins), "a login without encryption"
        messages = [parsed(it) for it in server.arrived]
        whole, digest = messages[:3], messages[3]
        for envelope in server.arrived:
            assert len(envelope.rcpt_tos) == 1
        assert [it.rcpt_tos[0] for it in server.arrived] == [ANN, BOB, EVE, ANN]
        for message in whole:
            assert {it.addr_spec for it in message["To"].addresses} == {ANN, BOB}
            assert message["Cc"].addresses[0].addr_spec == EVE
            assert message["Reply-To"].addresses[0].addr_spec == "cfo@example.com"
            assert message["From"].addresses[0].display_name == "GPU reports"
            assert message["Auto-Submitted"] == "auto-generated"
            assert message["Subject"].startswith("GPU spend "), message["Subject"]
            plain, page = check_parts(message, bench.folder, there(bench.folder))
            spend = report["totals"]["effective_cost"]
            assert f"{float(spend):,.2f}" in plain and f"{float(spend):,.2f}" in page
        plain, page = check_parts(digest, bench.folder, [])
        assert all(name in plain for name in own)
        assert not any(name in plain or name in page for name in others), "another owner's workload"
        assert len({it["Message-ID"] for it in messages}) == 4
        said = bench.run()
        assert len(server.arrived) == 4 and said.count("has it already") == 4, said
        bench.run("--again")
        assert len(server.arrived) == 8
        again = [parsed(it)["Message-ID"] for it in server.arrived[4:]]
        assert again == [it["Message-ID"] for it in messages]
        bench.run("--to", "new@example.com")
        assert len(server.arrived) == 9 and server.arrived[8].rcpt_tos == ["new@example.com"]


def implicit_tls(bench, contexts):
    """Encrypted from the first byte; the password from a file."""
    secret = bench.root / "password"
    secret.write_text(PASSWORD + "\n")
    login = f'username = "reports"\npassword_file = "{secret}"\n'
    with Server("implicit", contexts["good"]) as server:
        bench.config(server.port, tls="implicit", smtp=login)
        bench.run(password=None)
        assert len(server.arrived) == 1
        check_parts(parsed(server.arrived[0]), bench.folder, there(bench.folder))


def plain_on_loopback(bench, contexts):
    """Without encryption and login, to this machine only."""
    with Server(login=False) as server:
        bench.config(server.port, tls="none", smtp="# no login")
        bench.run()
        assert len(server.arrived) == 1


def temporary(bench, contexts):
    """451 before and after the mail, then 250: it arrives once."""
    for place in ["at_rcpt", "at_data"]:
        with Server("starttls", contexts["good"]) as server:
            setattr(server, place, lambda _, n: "451 try later" if n == 1 else None)
            bench.config(server.port)
            said = bench.run("--again")
            assert len(server.arrived) == 1 and server.attempts == 2, (place, server.attempts)
            assert "451" in said or "try later" in said, said


def temporary_for_ever(bench, contexts):
    """Always 451: three retries, then exit code 8 with the answer; nobody else has to wait for it."""
    with Server("starttls", contexts["good"]) as server:
        server.at_rcpt = lambda address, n: "451 mailbox busy" if address == ANN else None
        bench.config(server.port, to=(ANN, BOB))
        said = bench.run(code=8)
        assert "mailbox busy" in said and "tried 4 times" in said, said
        assert [it.rcpt_tos for it in server.arrived] == [[BOB]]
        server.at_rcpt = None
        bench.run()
        assert [it.rcpt_tos for it in server.arrived] == [[BOB], [ANN]]


def refused(bench, contexts):
    """550 is final at once, and keeps nobody else from the report."""
    with Server("starttls", contexts["good"]) as server:
        server.at_rcpt = lambda address, n: "550 no such user" if address == ANN else None
        bench.config(server.port, to=(ANN, BOB))
        said = bench.run(code=8)
        assert "550" in said and "no such user" in said and ANN in said, said
        assert "1 of 2 mails refused by the server" in said, said
        assert server.attempts == 2 and [it.rcpt_tos for it in server.arrived] == [[BOB]]
        assert bench.states()[ANN] == "refused"
        # The next run does not try it again, and says why; asked to, it does.
        said = bench.run(code=8)
        assert "no such user" in said and "not tried again" in said and server.attempts == 2, said
    with Server("starttls", contexts["good"]) as server:
        server.at_data = lambda _, n: "552 too large"
        bench.config(server.port, to=(EVE,))
        said = bench.run(code=8)
        assert "too large" in said and server.attempts == 1, said
        assert bench.states()[EVE] == "refused"


def dropped_before(bench, contexts):
    """The connection drops before the mail is sent: tried again, arrives once."""

    def drop(server, n):
        if n == 1:
            server.transport.abort()
        return None

    with Server("starttls", contexts["good"]) as server:
        server.at_mail = drop
        bench.config(server.port)
        bench.run()
        assert len(server.arrived) == 1 and server.attempts == 2, server.attempts


def dropped_after(bench, contexts):
    """It drops after the mail and before the answer: not sent again, and said so, until --again."""
    with Server("starttls", contexts["good"]) as server:
        server.at_data = lambda _, n: "keep and drop" if n == 1 else None
        bench.config(server.port)
        said = bench.run(code=8)
        assert "unknown whether it arrived" in said and "--again" in said, said
        assert len(server.arrived) == 1 and server.attempts == 1
        assert bench.states() == {ANN: "unknown"}
        bench.run(code=8)
        assert len(server.arrived) == 1 and server.attempts == 1
        bench.run("--again")
        assert len(server.arrived) == 2 and bench.states() == {ANN: "sent"}


def crashed(bench, contexts):
    """kill -9 between sending and marker: no second copy."""
    with Server("starttls", contexts["good"]) as server:
        started = threading.Event()
        box = {}

        def kill(_, n):
            started.wait(10)
            box["process"].send_signal(signal.SIGKILL)
            box["process"].wait(10)
            return None

        server.at_data = kill
        bench.config(server.port)
        box["process"] = bench.start()
        started.set()
        assert box["process"].wait(60) == -signal.SIGKILL
        deadline = time.time() + 10
        while not server.arrived and time.time() < deadline:
            time.sleep(0.05)
        assert len(server.arrived) == 1 and bench.states() == {ANN: "sending"}
        server.at_data = None
        said = bench.run(code=8)
        assert "unknown whether it arrived" in said, said
        assert len(server.arrived) == 1, "a second copy"
        # What was not begun is sent.
        bench.config(server.port, to=(ANN, BOB))
        bench.run(code=8)
        assert [it.rcpt_tos for it in server.arrived] == [[ANN], [BOB]]


def two_at_once(bench, contexts):
    """A run that meets another ends with exit code 8 and sends nothing."""
    with Server("starttls", contexts["good"]) as server:
        held, go = threading.Event(), threading.Event()

        def hold(_, n):
            held.set()
            # The server's loop waits here, and so does the first run.
            go.wait(10)
            return None

        server.at_data = hold
        bench.config(server.port)
        first = bench.start()
        assert held.wait(30)
        said = bench.run(code=8)
        assert "another run" in said, said
        go.set()
        assert first.wait(30) == 0
        assert len(server.arrived) == 1


def not_trusted(bench, contexts):
    """A certificate that nobody vouches for, or of another host, or no STARTTLS: nothing is sent."""
    for context in ["unknown", "other-host"]:
        for tls in ["starttls", "implicit"]:
            with Server(tls, contexts[context]) as server:
                bench.config(server.port, tls=tls)
                said = bench.run(code=8)
                assert "ertificate" in said, said
                assert not server.arrived and not server.logins, (context, tls)
    with Server(login=False) as server:
        bench.config(server.port, smtp="# no login")
        said = bench.run(code=8)
        assert "does not offer STARTTLS" in said and not server.arrived, said


def passwords(bench, contexts):
    """A wrong one is final, a missing one an error of the input, and none is ever shown."""
    with Server("starttls", contexts["good"]) as server:
        bench.config(server.port, to=(ANN, BOB))
        said = bench.run(code=8, password="wrong-" + PASSWORD[::-1])
        assert "did not let us in" in said and PASSWORD[::-1] not in said, said
        assert len(server.logins) == 1 and not server.arrived
        said = bench.run(code=3, password=None)
        assert "MAIL_PASSWORD" in said, said
        bench.run(code=3, password="")
        text = (bench.folder / "gpuadvise.toml").read_text()
        text = text.replace('password_env = "MAIL_PASSWORD"', f'password = "{PASSWORD}"')
        (bench.folder / "gpuadvise.toml").write_text(text)
        said = bench.run(code=3)
        assert "does not belong in a config" in said, said
        assert not server.arrived


def unreachable(bench, contexts):
    """Nobody listens, or somebody who never answers: exit code 8 after the retries."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        bench.config(silent.getsockname()[1], to=(ANN, BOB), smtp="# no login")
        text = (bench.folder / "gpuadvise.toml").read_text().replace("timeout_s = 5", "timeout_s = 1")
        (bench.folder / "gpuadvise.toml").write_text(text)
        start = time.time()
        said = bench.run(code=8)
        assert "tried 4 times" in said and time.time() - start < 30, said
        port = silent.getsockname()[1]
    bench.config(port, smtp="# no login")
    said = bench.run(code=8)
    assert f"localhost:{port}" in said and not (bench.folder / "mail.json").exists(), said


def marker(bench, contexts):
    """A changed report is new; a marker that cannot be written or read stops before the mail."""
    with Server("starttls", contexts["good"]) as server:
        bench.config(server.port)
        bench.run()
        path = bench.folder / "report.json"
        path.write_text(path.read_text() + "\n")
        bench.run()
        assert len(server.arrived) == 2
        (bench.folder / "mail.json").write_text("{")
        bench.run(code=8)
        (bench.folder / "mail.json").unlink()
        (bench.folder / "mail.json").mkdir()
        bench.run(code=8)
        assert len(server.arrived) == 2


def only_if_changed(bench, contexts):
    """A report of other days without news is not mailed; news is, and the mail begins with it."""
    path = bench.folder / "report.json"
    with Server("starttls", contexts["good"]) as server:
        bench.config(server.port)
        bench.run("--if-changed")
        assert len(server.arrived) == 1, "the first mail always goes out"
        report = json.loads(path.read_text())
        report["totals"]["window_start"] = "2026-10-02T00:00:00Z"
        report["totals"]["window_end"] = "2026-10-31T00:00:00Z"
        path.write_text(json.dumps(report))
        said = bench.run("--if-changed")
        assert "nothing changed" in said and len(server.arrived) == 1, said
        # Still against what the reader knows, not against the run before.
        known = float(report["totals"]["baseline_monthly_cost"])
        for factor, mails in [(1.06, 1), (1.12, 2)]:
            report["totals"]["baseline_monthly_cost"] = str(known * factor)
            path.write_text(json.dumps(report))
            bench.run("--if-changed")
            assert len(server.arrived) == mails, (factor, len(server.arrived))
        plain, page = check_parts(parsed(server.arrived[1]), bench.folder, there(bench.folder))
        for text in [plain.lower(), page.lower()]:
            assert "changed since the mail before" in text and "a month at this rate was" in text
        # Somebody new knows nothing yet.
        bench.config(server.port, to=(ANN, BOB))
        bench.run("--if-changed")
        assert [it.rcpt_tos for it in server.arrived[2:]] == [[BOB]]


def dry_run(bench, contexts):
    """Nothing is sent, no marker written, and the same report gives the same bytes."""
    with Server("starttls", contexts["good"]) as server:
        bench.config(server.port, to=(ANN, BOB))
        one, two = bench.root / "one", bench.root / "two"
        bench.run("--dry-run", str(one), password=None)
        bench.run("--dry-run", str(two), password=None)
        names = sorted(it.name for it in one.iterdir())
        assert names == ["01-ann-example.com.eml", "02-bob-example.com.eml"], names
        for name in names:
            content = (one / name).read_bytes()
            assert content == (two / name).read_bytes()
            message = email.message_from_bytes(content, policy=email.policy.default)
            check_parts(message, bench.folder, there(bench.folder))
        assert not server.arrived and not (bench.folder / "mail.json").exists()


CASES = [
    starttls,
    implicit_tls,
    plain_on_loopback,
    temporary,
    temporary_for_ever,
    refused,
    dropped_before,
    dropped_after,
    crashed,
    two_at_once,
    not_trusted,
    passwords,
    unreachable,
    marker,
    only_if_changed,
    dry_run,
]


def main():
    program, report = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        contexts = {
            "good": certificate(root, "good", "localhost")[1],
            "unknown": certificate(root, "unknown", "localhost")[1],
        }
        other, contexts["other-host"] = certificate(root, "other", "mail.example.org")
        # Trusted, and still not the host that was asked for.
        with open(root / "good.pem", "ab") as pem:
            pem.write(other.read_bytes())
        for case in CASES:
            bench = Bench(program, report, root, case.__name__)
            start = time.time()
            try:
                case(bench, contexts)
                outcome = "ok"
            except Exception as error:  # every case is told, also after one that fails
                failed += 1
                outcome = f"FAILED: {type(error).__name__}: {error}"
            print(f"{case.__name__:20} {time.time() - start:5.1f} s  {outcome}", flush=True)
    print(f"mail: {len(CASES) - failed} of {len(CASES)} cases passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
