#!/bin/sh
# Prints the facts `gpuadvise preflight` checks, as plain text with sections. It prints no secret,
# no name of a process, no serial number, changes nothing and removes the one file it writes.
# Run it on the GPU host:   MODEL=org/name PORT=8000 sh collect.sh > facts.txt
#   MODEL     the model on Hugging Face, or the folder that holds it; without it nothing is downloaded
#   PORT      the port the server is to listen on
#   OFFLINE=1 measure no download
#   MIB       size of the file to measure the disk with, at most (256)
set +x
set -u
umask 077
LC_ALL=C
export LC_ALL
newline='
'
model=${MODEL-}
hub=${HF_ENDPOINT:-https://huggingface.co}
hub=${hub%/}

# The token leaves the environment, so no program started here has it in its own.
token=${HF_TOKEN-}
token_from='not set'
[ -z "$token" ] || token_from='set'
if [ -z "$token" ] && [ -n "${HUGGING_FACE_HUB_TOKEN-}" ]; then
    token=$HUGGING_FACE_HUB_TOKEN
    token_from='set as HUGGING_FACE_HUB_TOKEN'
fi
unset HF_TOKEN HUGGING_FACE_HUB_TOKEN

home=${HF_HOME:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/huggingface}
cache=${HF_HUB_CACHE:-${HUGGINGFACE_HUB_CACHE:-$home/hub}}
token_file=${HF_TOKEN_PATH:-$home/token}
if [ -z "$token" ] && [ -r "$token_file" ]; then
    IFS= read -r token <"$token_file" || :
    [ -z "$token" ] || token_from='in a file'
fi
case $token in
*[!A-Za-z0-9_-]*)
    token=''
    token_from="$token_from, malformed"
    ;;
esac

probe=''
cleanup() {
    [ -z "$probe" ] || rm -f -- "$probe"
    probe=''
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 131' QUIT
trap 'exit 141' PIPE
trap 'exit 143' TERM

has() { command -v "$1" >/dev/null 2>&1; }
section() { printf '== %s\n' "$1"; }
fact() { printf '%s: %s\n' "$1" "$2"; }
missing() { printf -- '-- %s: %s\n' "$1" "${2:-not found}"; }
now() { date +%s 2>/dev/null || echo 0; }

# limit SECONDS COMMAND...: stops a command that hangs, and leaves no process behind.
limit() (
    seconds=$1
    shift
    "$@" </dev/null &
    pid=$!
    watch "$seconds" "$pid" >/dev/null 2>&1 &
    dog=$!
    # shellcheck disable=SC2064 # both are known now
    trap "kill $pid $dog 2>/dev/null; wait; exit 143" INT TERM HUP
    wait "$pid"
    code=$?
    kill "$dog" 2>/dev/null
    wait "$dog" 2>/dev/null
    exit "$code"
)

# watch SECONDS PID: runs beside the command.
watch() {
    nap=''
    trap - EXIT
    trap 'kill $nap 2>/dev/null; wait; exit 0' INT TERM HUP
    left=$1
    while [ "$left" -gt 0 ]; do
        sleep 1 &
        nap=$!
        wait "$nap" || exit 0
        kill -0 "$2" || exit 0
        left=$((left - 1))
    done
    kill "$2"
    sleep 1
    kill -9 "$2"
}

# run SECONDS COMMAND...: its output, without what could tell more than the facts. A command that did
# not answer once is not asked again.
hung=' '
run() {
    if ! has "$2"; then
        missing "$2"
        return
    fi
    case $hung in *" $2 "*) missing "$2" 'no answer before' && return ;; esac
    output=$(limit "$@" 2>&1)
    code=$?
    [ -z "$output" ] || printf '%s\n' "$output" | hide
    case $code in
    0) ;;
    137 | 143)
        missing "$2" "no answer in $1 s"
        hung="$hung$2 "
        ;;
    *) missing "$2" "exit $code" ;;
    esac
}

hide() {
    if ! has sed; then
        missing sed
        cat >/dev/null 2>&1 || while read -r _; do :; done
        return
    fi
    sed -e 's/^\( *Name  *: \).*/\1(not shown)/' \
        -e 's/^\( *Serial Number  *: \).*/\1(not shown)/' \
        -e 's/^\( *[GM][PI][UG] UUID  *: \).*/\1(not shown)/' \
        -e 's/(UUID: [^)]*)/(UUID: not shown)/' \
        -e 's/^\( *ASIC_SERIAL: \).*/\1(not shown)/' \
        -e 's/^\( *UUID: \).*/\1(not shown)/' \
        -e 's/\(Unique ID: *\).*/\1(not shown)/' \
        -e 's/\(Xid.*\), *name=.*, \(Ch \)/\1, \2/' \
        -e 's/hf_[A-Za-z0-9]*/(not shown)/g'
}

# The value of a variable when it is plain, else only whether it is set.
plain() {
    case $1 in
    *[!A-Za-z0-9_.,:/=^-]* | *@* | *hf_*) echo 'set (not shown)' ;;
    '') echo 'set (empty)' ;;
    *) if [ "${#1}" -le 200 ]; then printf '%s\n' "$1"; else echo 'set (not shown)'; fi ;;
    esac
}

variable() {
    eval "given=\${$1+given}; value=\${$1-}"
    # shellcheck disable=SC2154 # set by eval
    if [ -z "$given" ]; then fact "$1" 'not set'; else fact "$1" "$(plain "$value")"; fi
}

gpus() {
    section 'nvidia-smi -q'
    run 25 nvidia-smi -q
    section 'nvidia-smi --query-gpu'
    run 20 nvidia-smi --query-gpu=index,compute_cap --format=csv
    section 'nvidia-smi --query-compute-apps'
    run 20 nvidia-smi --query-compute-apps=gpu_bus_id,used_memory --format=csv
    section 'nvidia-smi topo'
    run 20 nvidia-smi topo -m
    ! has nvidia-smi || run 20 nvidia-smi topo -p2p r
    section 'amd-smi'
    run 20 amd-smi static --asic --driver --vram
    ! has amd-smi || run 20 amd-smi metric --mem-usage
    section 'rocm-smi'
    run 20 rocm-smi --showproductname --showdriverversion --showmeminfo vram
    for file in /opt/rocm/.info/version /sys/module/amdgpu/version; do
        value=''
        [ ! -r "$file" ] || read -r value <"$file" || :
        [ -z "$value" ] || fact "$file" "$(plain "$value")"
    done
    if [ -e /dev/kfd ]; then
        if [ -r /dev/kfd ] && [ -w /dev/kfd ]; then fact /dev/kfd usable; else fact /dev/kfd 'no access'; fi
    fi
}

host() {
    section 'host'
    ! has uname || fact kernel "$(uname -srm)"
    if has nproc; then fact cpus "$(nproc)"; elif has getconf; then fact cpus "$(getconf _NPROCESSORS_ONLN)"; fi
    if [ -r /proc/meminfo ]; then
        while read -r key value unit; do
            case $key in MemTotal: | MemAvailable:) printf '%s %s %s\n' "$key" "$value" "$unit" ;; esac
        done </proc/meminfo
    fi
    for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        value=''
        [ ! -r "$file" ] || read -r value <"$file" 2>/dev/null || :
        [ -z "$value" ] || fact "${file##*/}" "$(plain "$value")"
    done
    if [ -e /.dockerenv ]; then
        fact container docker
    elif [ -n "${KUBERNETES_SERVICE_HOST-}" ]; then
        fact container kubernetes
    elif [ -e /run/.containerenv ]; then
        fact container podman
    else
        fact container no
    fi
    value=''
    [ ! -r /sys/class/dmi/id/product_name ] || read -r value </sys/class/dmi/id/product_name || :
    case $value in '' | *[!A-Za-z0-9\ ._,\(\)+-]*) ;; *) fact machine "$value" ;; esac
    # shellcheck disable=SC3045 # in dash, bash and busybox; elsewhere nothing is said
    value=$(ulimit -l 2>/dev/null) || value=''
    [ -z "$value" ] || fact 'memlock KiB' "$value"
    section 'df -P -k /dev/shm'
    run 10 df -P -k /dev/shm
}

# Messages of the driver about failing GPUs, without the names of the programs they hit.
kernel() {
    section 'kernel'
    if ! has dmesg || ! has grep; then
        missing dmesg
        return
    fi
    messages=$(limit 10 dmesg 2>/dev/null) || {
        missing dmesg 'not permitted'
        return
    }
    fact dmesg read
    printf '%s\n' "$messages" |
        grep -E 'NVRM.*(Xid|fallen off the bus)|amdgpu.*(GPU reset|ring .* timeout|uncorrectable)' |
        if has tail; then tail -n 20; else cat; fi | hide
}

port() {
    section 'port'
    case ${PORT-} in
    '') missing port 'PORT is not given' && return ;;
    *[!0-9]* | ??????*) missing port 'PORT is no number' && return ;;
    esac
    if [ ! -r /proc/net/tcp ]; then
        missing port 'no /proc/net/tcp'
        return
    fi
    hex=$(printf '%04X' "$PORT")
    state=free
    for file in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$file" ] || continue
        # 0A is LISTEN.
        while read -r _ local _ status _; do
            case "${local##*:} $status" in "$hex 0A") state='in use' ;; esac
        done <"$file"
    done
    fact "$PORT" "$state"
}

environment() {
    section 'environment'
    fact HF_TOKEN "$token_from"
    for name in HF_HOME HF_HUB_CACHE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE HF_ENDPOINT \
        CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES \
        NCCL_DEBUG NCCL_P2P_DISABLE NCCL_P2P_LEVEL NCCL_IB_DISABLE NCCL_SHM_DISABLE \
        NCCL_SOCKET_IFNAME; do
        variable "$name"
    done
    if [ -n "${LD_LIBRARY_PATH-}" ]; then fact LD_LIBRARY_PATH set; else fact LD_LIBRARY_PATH 'not set'; fi
    if ! has env || ! has sed; then
        missing env
        return
    fi
    env | sed -n -e 's/^\(NCCL_[A-Z0-9_]*\)=.*/\1: set/p' -e 's/^\(RCCL_[A-Z0-9_]*\)=.*/\1: set/p' \
        -e 's/^\(VLLM_[A-Z0-9_]*\)=.*/\1: set/p'
}

containers() {
    section 'docker'
    if has docker; then
        limit 10 docker --version 2>&1
        # The answer of a daemon, or one line that says why there is none.
        # shellcheck disable=SC2016 # the dollar is docker's
        if answer=$(limit 10 docker info --format \
            'server: {{.ServerVersion}}{{"\n"}}runtimes:{{range $name, $_ := .Runtimes}} {{$name}}{{end}}' 2>&1); then
            printf '%s\n' "$answer"
        else
            case $answer in
            *ermission\ denied*) missing 'docker info' 'permission denied' ;;
            *) missing 'docker info' 'no answer from the daemon' ;;
            esac
        fi
    else
        missing docker
    fi
    for file in /etc/cdi/*nvidia*.yaml /etc/cdi/*nvidia*.json /var/run/cdi/*nvidia*.yaml \
        /var/run/cdi/*nvidia*.json; do
        [ ! -e "$file" ] || fact cdi "$file"
    done
    for name in nvidia-ctk nvidia-container-runtime-hook podman apptainer; do
        if has "$name"; then fact "$name" found; else missing "$name"; fi
    done
}

# The folder the weights go to, or its nearest parent that is there.
existing() {
    it=$1
    while [ ! -d "$it" ]; do
        case $it in
        */*) it=${it%/*} ;;
        *) it=. ;;
        esac
        [ -n "$it" ] || it=/
    done
    printf '%s\n' "$it"
}

repository() {
    case $model in
    '' | *[!A-Za-z0-9._/-]* | *..*) return ;;
    */*) printf '%s/models--%s--%s\n' "$cache" "${model%%/*}" "${model#*/}" ;;
    esac
}

weights() {
    section 'weights'
    if [ -z "$model" ]; then
        missing weights 'MODEL is not given'
        return
    fi
    if [ -d "$model" ]; then
        fact model 'a folder'
        folder=$model
    else
        fact model "$(plain "$model")"
        folder=$(repository)/blobs
    fi
    if [ ! -d "$folder" ]; then
        fact cached no
        return
    fi
    if ! has du; then
        missing du
        return
    fi
    size=$(limit 10 du -skL "$folder" 2>/dev/null) || size=''
    fact 'cached KiB' "${size%%[!0-9]*}"
    incomplete=no
    for file in "$folder"/*.incomplete; do
        [ ! -e "$file" ] || incomplete=yes
    done
    fact incomplete "$incomplete"
}

# A file of the weights to read, if one of more than 256 MiB is there.
weight_file() {
    has find && has head || return
    if [ -d "$model" ]; then folder=$model; else folder=$(repository)/snapshots; fi
    [ ! -d "$folder" ] ||
        limit 10 find -L "$folder" -type f -name '*.safetensors' -size +524288 2>/dev/null | head -n 1
}

last_line() { printf '%s\n' "${1##*"$newline"}"; }

write_probe() {
    file=$dir/.gpuadvise-preflight.$$
    # Known to the clean-up before it is there, and made only if nothing of that name is.
    probe=$file
    (set -C && : >"$file") 2>/dev/null || {
        probe=''
        missing 'disk read' 'the folder is not writable'
        return 1
    }
    written=0
    started=$(now)
    while [ "$written" -lt "$mib" ] && [ $(($(now) - started)) -lt 8 ]; do
        for conv in fdatasync fsync; do
            # Random bytes, for file systems that compress.
            if answer=$(dd if=/dev/urandom "of=$probe" bs=1048576 count=32 seek="$written" \
                conv="notrunc,$conv" 2>&1); then
                break
            fi
            answer=''
        done
        if [ -z "$answer" ]; then
            missing 'disk read' 'a file of 32 MiB could not be written'
            return 1
        fi
        fact write "$(last_line "$answer")"
        written=$((written + 32))
    done
}

# read_file FILE MIB: in pieces of 64 MiB, for 10 s at most; the parser adds them up.
read_file() {
    flag=iflag=direct
    if dd "if=$1" of=/dev/null bs=4194304 count=1 "$flag" >/dev/null 2>&1; then
        fact method direct
    elif dd "if=$1" iflag=nocache count=0 >/dev/null 2>&1; then
        fact method 'cache dropped'
        flag=iflag=fullblock
    else
        fact method 'cache not dropped'
        flag=bs=4194304
    fi
    done=0
    started=$(now)
    while [ "$done" -lt "$2" ] && [ $(($(now) - started)) -lt 10 ]; do
        answer=$(dd "if=$1" of=/dev/null bs=4194304 count=16 skip=$((done / 4)) "$flag" 2>&1) || {
            missing 'disk read' 'the file could not be read'
            return
        }
        fact read "$(last_line "$answer")"
        done=$((done + 64))
    done
}

# A network file system names its server.
without_device() {
    if has sed; then
        sed -e '/^--/b' -e '/^Filesystem/b' -e 's/^[^ ][^ ]* /disk /'
    else
        missing sed
    fi
}

disk() {
    section 'df -P -k DIR'
    dir=$(existing "$cache")
    [ ! -d "$model" ] || dir=$model
    fact dir "$(plain "$dir")"
    if has stat && kind=$(limit 10 stat -f -c %T "$dir" 2>/dev/null); then fact kind "$(plain "$kind")"; fi
    run 10 df -P -k "$dir" | without_device
    section 'disk read'
    if ! has dd || ! has rm; then
        missing dd
        return
    fi
    file=$(weight_file)
    if [ -n "$file" ]; then
        fact file 'the weights'
        read_file "$file" 256
        return
    fi
    mib=${MIB:-256}
    case $mib in '' | *[!0-9]* | ?????*) mib=256 ;; esac
    fact file 'written for this'
    ! write_probe || read_file "$probe" "$written"
    cleanup
}

# fetch URL OPTION...: the token goes in over stdin, and only to the hub itself.
fetch() {
    url=$1
    shift
    {
        printf 'url = "%s"\n' "$url"
        case $url in
        "$hub"/*) [ -z "$token" ] || printf 'header = "Authorization: Bearer %s"\n' "$token" ;;
        esac
    } | curl --config - -sS "$@" 2>/dev/null
}

# The first file of weights the hub lists.
first_file() {
    list=$(fetch "$hub/api/models/$model" -m 15 -w '\n%{redirect_url}')
    # A model that was renamed.
    case $list in *"$newline$hub"/*) list=$(fetch "${list##*"$newline"}" -m 15) ;; esac
    printf '%s\n' "$list" | tr ',' '\n' |
        sed -n -e 's/.*"rfilename" *: *"\([A-Za-z0-9._/-]*\.safetensors\)".*/\1/p' | head -n 1
}

download() {
    section 'download'
    case $model in
    '') missing download 'MODEL is not given' && return ;;
    *[!A-Za-z0-9._/-]* | *..* | /*) missing download 'MODEL is no name of the hub' && return ;;
    */*) ;;
    *) missing download 'MODEL is no name of the hub' && return ;;
    esac
    case ${OFFLINE:-0}${HF_HUB_OFFLINE:-0} in 00) ;; *) missing download 'skipped (offline)' && return ;; esac
    case $hub in
    *[!A-Za-z0-9._:/-]*) missing download 'HF_ENDPOINT is no plain address' && return ;;
    http://*) token='' ;;
    esac
    for name in curl sed tr head; do
        has "$name" || {
            missing "$name"
            return
        }
    done
    # A printf that is a program of its own would show the token in its arguments.
    case $(command -v printf) in */*) token='' ;; esac
    if [ -n "$token" ]; then fact token used; else fact token none; fi
    file=$(first_file)
    if [ -z "$file" ]; then
        code=$(fetch "$hub/api/models/$model" -m 15 -o /dev/null -w '%{http_code}')
        fact list "${code:-000}"
        file=config.json
    fi
    url=$hub/$model/resolve/main/$file
    hops=0
    while [ "$hops" -lt 5 ]; do
        # At most 256 MiB, for at most 20 s; a redirect is followed without the token.
        answer=$(fetch "$url" -r 0-268435455 -m 20 -o /dev/null \
            -w '%{http_code} %{size_download} %{time_starttransfer} %{time_total} %{redirect_url}')
        code=${answer%% *}
        url=${answer##* }
        case $code in 30[1278]) [ -n "$url" ] || break ;; *) break ;; esac
        hops=$((hops + 1))
    done
    answer=${answer% *}
    case $file in
    config.json) fact access "${answer%% *}" ;;
    *) fact 'http bytes first total' "$answer" ;;
    esac
}

section 'gpuadvise preflight 1'
gpus
host
kernel
port
environment
containers
weights
disk
download
section 'end'
