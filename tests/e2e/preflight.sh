#!/bin/bash
# Runs the collector for real in several shells: without a GPU, with false tools, with a secret, on a
# full disk, interrupted. Needs dash, busybox, bash, shellcheck, python3, curl, openssl; root for tmpfs.
[ $# -eq 1 ] || { echo "usage: preflight.sh BINARY" >&2; exit 2; }
binary=$(realpath "$1")
cd "$(dirname "$0")/../.." || exit 2
here=$PWD
script=$here/src/deploy/preflight/collect.sh
work=$(mktemp -d)
trap 'umount "$work/full" 2>/dev/null; [ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
fails=0
n=0
ok() { # ok NAME CONDITION...
    n=$((n + 1))
    local name=$1
    shift
    if "$@"; then :; else
        fails=$((fails + 1))
        echo "FAILED: $name"
    fi
}
in_it() { grep -qF -- "$2" "$1"; }
not_in_it() { ! grep -qF -- "$2" "$1"; }
nothing_left() { [ -z "$(find "$1" -name '.gpuadvise-preflight*' 2>/dev/null)" ]; }
shells=(dash "busybox sh" bash)
secret=hf_SeCrEtSeCrEtSeCrEtSeCrEtSeCrEtSeCr
show() { "$binary" preflight reports/usage office-assistant --checkpoint org/model --from -; }

ok shellcheck shellcheck -s sh "$script"

for shell in "${shells[@]}"; do
    home=$work/home; rm -rf "$home"; mkdir "$home"
    out=$work/out
    # --- as it is here
    started=$(date +%s)
    HF_HOME=$home MODEL=org/model PORT=8000 OFFLINE=1 MIB=64 $shell "$script" >"$out" 2>"$work/err"
    ok "$shell: exit" [ $? -eq 0 ]
    ok "$shell: quick" [ $(($(date +%s) - started)) -lt 60 ]
    ok "$shell: no stderr" [ ! -s "$work/err" ]
    ok "$shell: header" [ "$(head -n 1 "$out")" = '== gpuadvise preflight 1' ]
    ok "$shell: end" [ "$(tail -n 1 "$out")" = '== end' ]
    ok "$shell: no nvidia-smi" in_it "$out" '-- nvidia-smi: not found'
    ok "$shell: disk is measured" grep -qE '^read: [0-9]+ bytes.*copied' "$out"
    ok "$shell: from the disk" grep -qE '^method: (direct|cache dropped)' "$out"
    ok "$shell: offline" in_it "$out" '-- download: skipped (offline)'
    ok "$shell: nothing left" [ -z "$(ls -A "$home")" ]
    show <"$out" >"$work/table"
    ok "$shell: no driver" grep -q '^fail  driver' "$work/table"
    ok "$shell: disk read passes" grep -q '^pass  disk read' "$work/table"
    ok "$shell: port passes" grep -q '^pass  port' "$work/table"
    # --- by stdin, as the command runs it
    HF_HOME=$home OFFLINE=1 MIB=32 $shell -s <"$script" >"$out" 2>"$work/err"
    ok "$shell: over stdin" [ "$(tail -n 1 "$out")" = '== end' ]
    # --- without any tool
    (PATH=/nonexistent HF_HOME=$home MODEL=org/model PORT=8000 MIB=32 $(command -v "${shell%% *}") ${shell#"${shell%% *}"} "$script" >"$out" 2>"$work/err" </dev/null)
    ok "$shell: no tool: exit" [ $? -eq 0 ]
    ok "$shell: no tool: end" [ "$(tail -n 1 "$out")" = '== end' ]
    ok "$shell: no tool: stderr" [ ! -s "$work/err" ]
    ok "$shell: no tool: nothing left" nothing_left "$home"
    show <"$out" >"$work/table"
    ok "$shell: no tool: table" grep -q 'not measured\.$' "$work/table"
    # --- each tool missing in turn
    mkdir -p "$work/bin"
    for tool in sed dd df date du find head tr curl env grep uname stat rm nproc sleep dmesg docker; do
        rm -rf "$work/bin"; mkdir "$work/bin"
        for it in sed dd df date du find head tr curl env grep uname stat rm nproc sleep dmesg docker cat; do
            [ "$it" = "$tool" ] || ln -s "$(command -v "$it")" "$work/bin/$it" 2>/dev/null
        done
        PATH=$work/bin HF_HOME=$home MODEL=org/model OFFLINE=1 MIB=32 $(command -v "${shell%% *}") ${shell#"${shell%% *}"} "$script" >"$out" 2>"$work/err" </dev/null
        ok "$shell: without $tool" [ "$(tail -n 1 "$out")" = '== end' ]
        ok "$shell: without $tool: stderr" [ ! -s "$work/err" ]
        ok "$shell: without $tool: nothing left" nothing_left "$home"
    done
    # --- a false nvidia-smi
    rm -rf "$work/bin"; mkdir "$work/bin"
    cat >"$work/bin/nvidia-smi" <<END
#!/bin/bash
case "\$*" in
-q) sed 's/(not shown)/VERY-PRIVATE-1234/' "$here/tests/data/hosts/smi-q-4090-r565.txt" ;;
*compute_cap*) printf 'index, compute_cap\n0, 8.9\n' ;;
*compute-apps*) printf 'gpu_bus_id, used_gpu_memory [MiB]\n00000000:01:00.0, 5200 MiB\n' ;;
*) echo "topology"; exit 3 ;;
esac
END
    chmod +x "$work/bin/nvidia-smi"
    PATH=$work/bin:$PATH HF_HOME=$home OFFLINE=1 MIB=32 $shell "$script" >"$out" 2>&1
    ok "$shell: serial, uuid and names are hidden" not_in_it "$out" VERY-PRIVATE
    ok "$shell: exit code is told" in_it "$out" '-- nvidia-smi: exit 3'
    show <"$out" >"$work/table"
    ok "$shell: GPU is read" grep -q '1 x NVIDIA GeForce RTX' "$work/table"
    ok "$shell: capability is read" grep -q '^fail  compute capability  8.9' "$work/table"
    # --- one that hangs
    printf '#!/bin/sh\nexec sleep 300\n' >"$work/bin/nvidia-smi"
    started=$(date +%s)
    PATH=$work/bin:$PATH HF_HOME=$home OFFLINE=1 MIB=32 $shell "$script" >"$out" 2>&1
    ok "$shell: hangs" in_it "$out" '-- nvidia-smi: no answer in 25 s'
    ok "$shell: hangs: in time" [ $(($(date +%s) - started)) -lt 60 ]
    sleep 1.5
    ok "$shell: hangs: no process left" [ -z "$(pgrep -f 'sleep 300')" ]
    rm -rf "$work/bin"; mkdir "$work/bin"
    # --- a full disk
    mkdir -p "$work/full"
    if mount -t tmpfs -o size=8m tmpfs "$work/full" 2>/dev/null; then
        HF_HOME=$work/full OFFLINE=1 $shell "$script" >"$out" 2>"$work/err"
        ok "$shell: full disk" in_it "$out" 'a file of 32 MiB could not be written'
        ok "$shell: full disk: end" [ "$(tail -n 1 "$out")" = '== end' ]
        ok "$shell: full disk: nothing left" [ -z "$(ls -A "$work/full")" ]
        umount "$work/full"
    else
        echo "SKIPPED: no tmpfs"
    fi
    (ulimit -f 40000; HF_HOME=$home OFFLINE=1 $shell "$script" >"$out" 2>/dev/null)
    ok "$shell: file too large: nothing left" nothing_left "$home"
    # --- interrupted
    for how in INT TERM HUP PIPE INT-shell TERM-shell; do
        HOW=$how HF_HOME=$home python3 - "$shell" "$script" "$home" <<'PY'
import os, signal, subprocess, sys, time, glob
shell, script, home = sys.argv[1:]
how = os.environ['HOW']
env = dict(os.environ, OFFLINE='1', MIB='1024', HF_HOME=home)
def reset():
    for s in (signal.SIGINT, signal.SIGPIPE): signal.signal(s, signal.SIG_DFL)
p = subprocess.Popen(shell.split() + [script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, start_new_session=True, preexec_fn=reset)
seen = False
for _ in range(2000):
    if glob.glob(home + '/.gpuadvise-preflight.*'): seen = True; break
    time.sleep(0.005)
if not seen: sys.exit('the file was never seen')
if how == 'PIPE': p.stdout.close()
elif how.endswith('-shell'): os.kill(p.pid, getattr(signal, 'SIG' + how[:-6]))
else: os.killpg(p.pid, getattr(signal, 'SIG' + how))
started = time.time()
try: code = p.wait(timeout=20)
except subprocess.TimeoutExpired: os.killpg(p.pid, 9); sys.exit('did not end')
took = time.time() - started
left = glob.glob(home + '/.gpuadvise-preflight.*')
if left: sys.exit(f'left {left}')
if code == 0 and how != 'PIPE': sys.exit('ended as if nothing had happened')
if took > 15: sys.exit(f'took {took:.0f} s')
# Nobody of the session is left.
time.sleep(1.2)
for it in os.listdir('/proc'):
    if it.isdigit():
        try: stat = open(f'/proc/{it}/stat').read().rsplit(')', 1)[1].split()
        except OSError: continue
        # A dead one that nobody asks for is init's to bury.
        if int(stat[3]) == p.pid and stat[0] != 'Z': sys.exit(f'a process is left: {it} {stat[:4]}')
PY
        ok "$shell: $how" [ $? -eq 0 ]
        rm -f "$home"/.gpuadvise-preflight.*
    done
    sleep 1.5
    dead=$(ps -eo stat= | grep -c '^Z')
    OFFLINE=1 MIB=32 HF_HOME=$home $shell "$script" >/dev/null
    sleep 1.5
    ok "$shell: leaves no dead processes" [ "$(ps -eo stat= | grep -c '^Z')" -le "$dead" ]
done

# --- a secret, a hub with https, a redirect to another host
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout "$work/key" -out "$work/crt" 2>/dev/null
cat >"$work/hub.py" <<'PY'
import http.server, ssl, sys, threading, json
work, log = sys.argv[1], open(sys.argv[1] + '/hub.log', 'a', buffering=1)
cdn_port = [0]
class Hub(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_GET(self):
        log.write(f"hub {self.path} token={self.headers.get('Authorization')} range={self.headers.get('Range')}\n")
        gated = self.headers.get('Authorization') is None
        if self.path == '/api/models/org/model':
            body = json.dumps({'id': 'org/model', 'siblings': [{'rfilename': '.gitattributes'}, {'rfilename': 'model-00001-of-00002.safetensors'}, {'rfilename': 'model-00002-of-00002.safetensors'}]}).encode()
            self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
        elif gated: self.send_response(401); self.send_header('Content-Length', '0'); self.end_headers()
        elif self.path.endswith('.safetensors'):
            self.send_response(302); self.send_header('Location', f'https://127.0.0.1:{cdn_port[0]}/file?Signature=PRESIGNED-SECRET'); self.send_header('Content-Length', '0'); self.end_headers()
        else: self.send_response(404); self.send_header('Content-Length', '0'); self.end_headers()
class Cdn(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_GET(self):
        log.write(f"cdn {self.path} token={self.headers.get('Authorization')} range={self.headers.get('Range')}\n")
        size = 64 << 20
        self.send_response(206); self.send_header('Content-Length', str(size)); self.end_headers()
        block = b'x' * (1 << 20)
        try:
            for _ in range(64): self.wfile.write(block)
        except OSError: pass
def serve(handler):
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(work + '/crt', work + '/key')
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]
cdn_port[0] = serve(Cdn)
open(work + '/port', 'w').write(str(serve(Hub)))
threading.Event().wait()
PY
python3 "$work/hub.py" "$work" &
server=$!
for _ in $(seq 50); do [ -s "$work/port" ] && break; sleep 0.1; done
hub=https://localhost:$(cat "$work/port")
cat >"$work/bin/curl" <<END
#!/bin/bash
tr '\0' '\n' </proc/\$\$/cmdline >>"$work/argv"
tr '\0' '\n' </proc/\$\$/environ >>"$work/environ"
exec /usr/bin/curl -k "\$@"
END
chmod +x "$work/bin/curl"
# Looks at the arguments and environments of every process while the collector runs.
cat >"$work/watch.py" <<'PY'
import os, sys, time
secrets, shell_pid = [it.encode() for it in sys.argv[2].split(',')], None
out, me = open(sys.argv[1], 'w', buffering=1), os.getpid()
while True:
    for it in os.listdir('/proc'):
        if not it.isdigit() or int(it) in (me, os.getppid()): continue
        try:
            line = open(f'/proc/{it}/cmdline', 'rb').read()
            if b'watch.py' in line: continue
            if any(s in line for s in secrets): out.write(f'argv {line}\n')
            if line.startswith(b'/usr/bin/curl') and any(s in open(f'/proc/{it}/environ', 'rb').read() for s in secrets): out.write(f'environ {line}\n')
        except OSError: pass
    time.sleep(0.001)
PY
for shell in "${shells[@]}"; do
    home=$work/home2; rm -rf "$home"; mkdir "$home"
    : >"$work/hub.log"; : >"$work/argv"; : >"$work/environ"; : >"$work/seen"
    python3 "$work/watch.py" "$work/seen" "$secret,PRESIGNED-SECRET" & watcher=$!
    env "HF_TOKEN=$secret" VLLM_API_KEY=sk-ANOTHER NCCL_DEBUG=INFO "NCCL_NET_PLUGIN=x y" \
        HF_ENDPOINT="$hub" PATH="$work/bin:$PATH" HF_HOME="$home" MODEL=org/model MIB=32 \
        $shell -x "$script" >"$out" 2>"$work/err"
    kill $watcher; wait $watcher 2>/dev/null
    ok "$shell: secret: measured" grep -qE '^http bytes first total: 206 67108864 ' "$out"
    ok "$shell: secret: token went to the hub" grep -q "^hub .*token=Bearer $secret" "$work/hub.log"
    ok "$shell: secret: and not to the other host" grep -q '^cdn .*token=None range=bytes=0-268435455' "$work/hub.log"
    ok "$shell: secret: not printed" not_in_it "$out" "$secret"
    ok "$shell: secret: not traced" not_in_it "$work/err" "$secret"
    ok "$shell: secret: not the signed address" not_in_it "$out" PRESIGNED
    ok "$shell: secret: curl was seen" [ -s "$work/argv" ]
    ok "$shell: secret: not in argv of curl" not_in_it "$work/argv" "$secret"
    ok "$shell: secret: signed address not in argv" not_in_it "$work/argv" PRESIGNED
    ok "$shell: secret: not in the environment of curl" not_in_it "$work/environ" "$secret"
    ok "$shell: secret: seen nowhere" [ ! -s "$work/seen" ]
    ok "$shell: other keys are names" grep -qx 'VLLM_API_KEY: set' "$out"
    ok "$shell: other keys are not printed" not_in_it "$out" ANOTHER
    ok "$shell: harmless value" grep -qx 'NCCL_DEBUG: INFO' "$out"
    ok "$shell: token is set" grep -qx 'HF_TOKEN: set' "$out"
    show <"$out" >"$work/table"
    ok "$shell: token passes" grep -q '^pass  HF_TOKEN            set, the hub grants it' "$work/table"
    ok "$shell: download passes" grep -q '^pass  download' "$work/table"
    # --- without a token, gated
    HF_ENDPOINT=$hub PATH=$work/bin:$PATH HF_HOME=$home MODEL=org/model MIB=32 $shell "$script" >"$out" 2>&1
    ok "$shell: gated: 401" grep -qE '^http bytes first total: 401 ' "$out"
    show <"$out" >"$work/table"
    ok "$shell: gated: fails" grep -q '^fail  HF_TOKEN            refused (401)' "$work/table"
    # --- token in the file of the cache
    printf '%s\n' "$secret" >"$home/token"
    HF_ENDPOINT=$hub PATH=$work/bin:$PATH HF_HOME=$home MODEL=org/model MIB=32 $shell "$script" >"$out" 2>&1
    ok "$shell: token file" grep -qx 'HF_TOKEN: in a file' "$out"
    ok "$shell: token file: used" grep -qE '^http bytes first total: 206 ' "$out"
    ok "$shell: token file: not printed" not_in_it "$out" "$secret"
    rm "$home/token"
    # --- a token with a line end, a quote
    : >"$work/hub.log"
    HF_TOKEN="$secret
output = $work/written" HF_ENDPOINT=$hub PATH=$work/bin:$PATH HF_HOME=$home MODEL=org/model MIB=32 $shell "$script" >"$out" 2>&1
    ok "$shell: malformed token" grep -qx 'HF_TOKEN: set, malformed' "$out"
    ok "$shell: malformed token: not sent" not_in_it "$work/hub.log" SeCrEt
    ok "$shell: malformed token: not printed" not_in_it "$out" SeCrEt
    ok "$shell: malformed token: nothing written" [ ! -e "$work/written" ]
    # --- an address and a model that are no such thing
    HF_TOKEN=$secret HF_ENDPOINT='https://user:pass@hub.example' PATH=$work/bin:$PATH HF_HOME=$home MODEL=org/model MIB=32 $shell "$script" >"$out" 2>&1
    ok "$shell: address with a password" in_it "$out" 'HF_ENDPOINT is no plain address'
    ok "$shell: address with a password: not printed" not_in_it "$out" pass@
    for model in '$(touch x)/y' 'a/b"' '../../etc/x' 'a b/c' 'gpt2' "a/b
url=x"; do
        HF_ENDPOINT=$hub PATH=$work/bin:$PATH HF_HOME=$home MODEL=$model MIB=32 $shell "$script" >"$out" 2>"$work/err"
        ok "$shell: model $model" in_it "$out" '-- download: MODEL is no name of the hub'
        ok "$shell: model $model: stderr" [ ! -s "$work/err" ]
    done
    # --- weights in the cache
    repo=$home/hub/models--org--model; mkdir -p "$repo/blobs" "$repo/snapshots/abc"
    dd if=/dev/urandom of="$repo/blobs/aa" bs=1M count=300 2>/dev/null
    ln -s ../../blobs/aa "$repo/snapshots/abc/model.safetensors"
    HF_HOME=$home OFFLINE=1 MODEL=org/model $shell "$script" >"$out" 2>&1
    ok "$shell: cached" grep -qE '^cached KiB: 30[67]' "$out"
    ok "$shell: cached: read" grep -qx 'file: the weights' "$out"
    ok "$shell: cached: not written" [ -z "$(grep '^write:' "$out")" ]
    : >"$repo/blobs/bb.incomplete"
    HF_HOME=$home OFFLINE=1 MODEL=org/model $shell "$script" >"$out" 2>&1
    ok "$shell: incomplete" grep -qx 'incomplete: yes' "$out"
    # --- a folder as model
    HF_HOME=$home MODEL=$repo/snapshots/abc $shell "$script" >"$out" 2>&1
    ok "$shell: folder" grep -qx 'model: a folder' "$out"
    ok "$shell: folder: size" grep -qE '^cached KiB: 30[67]' "$out"
    ok "$shell: folder: no download" in_it "$out" '-- download: MODEL is no name of the hub'
    # --- a port in use
    PORT=$(cat "$work/port") HF_HOME=$home OFFLINE=1 MIB=32 $shell "$script" >"$out" 2>&1
    ok "$shell: port in use" grep -qx "$(cat "$work/port"): in use" "$out"
    PORT='80;x' HF_HOME=$home OFFLINE=1 MIB=32 $shell "$script" >"$out" 2>&1
    ok "$shell: no port" in_it "$out" '-- port: PORT is no number'
    # --- a folder that is not writable, for a user who is not root
    if command -v setpriv >/dev/null; then
        mkdir -p "$work/closed"; chmod 755 "$work" "$work/closed"
        HF_HOME=$work/closed OFFLINE=1 setpriv --reuid=65534 --regid=65534 --clear-groups $shell -s <"$script" >"$out" 2>"$work/err"
        ok "$shell: not writable" in_it "$out" '-- disk read: the folder is not writable'
        ok "$shell: not writable: stderr" [ ! -s "$work/err" ]
    fi
done
# --- a daemon of Docker, as far as `docker info` asks
cat >"$work/daemon.py" <<'PY'
import http.server, json, sys
class Daemon(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_HEAD(self): self.send_response(200); self.send_header('Api-Version', '1.48'); self.end_headers()
    def do_GET(self):
        body = json.dumps({'ServerVersion': '28.3.0', 'Runtimes': {'nvidia': {'path': 'x'}, 'runc': {'path': 'runc'}}, 'Name': 'PRIVATE-NAME'}).encode()
        self.send_response(200); self.send_header('Api-Version', '1.48'); self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
it = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Daemon)
open(sys.argv[1], 'w').write(str(it.server_address[1]))
it.serve_forever()
PY
if command -v docker >/dev/null; then
    python3 "$work/daemon.py" "$work/dport" & daemon=$!
    for _ in $(seq 50); do [ -s "$work/dport" ] && break; sleep 0.1; done
    DOCKER_HOST=tcp://127.0.0.1:$(cat "$work/dport") OFFLINE=1 MIB=32 sh "$script" >"$out" 2>&1
    kill $daemon
    ok "docker: server" grep -qx 'server: 28.3.0' "$out"
    ok "docker: runtimes" grep -qx 'runtimes: nvidia runc' "$out"
    ok "docker: no more than asked" not_in_it "$out" PRIVATE
fi
echo "$n checks, $fails failed"
[ "$fails" -eq 0 ]
