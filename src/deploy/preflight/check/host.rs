//! Memory of the host, shared memory, the container runtime and the port.

use super::super::facts::{Container, HostFacts};
use super::super::needs::{Needs, Toolkit};
use super::super::text::gib;
use super::Check;

const MEMORY: &str = "host memory";
const SHM: &str = "/dev/shm";
const RUNTIME: &str = "container runtime";
const PORT: &str = "port";

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    let mut out = vec![memory(facts, needs)];
    out.extend(needs.shm_bytes.map(|it| shm(facts, needs, it)));
    if needs.image.container {
        out.push(runtime(facts, needs));
    }
    out.push(port(facts, needs));
    out
}

/// The weights are read through memory; what does not stay there is read again by each worker.
fn memory(facts: &HostFacts, needs: &Needs) -> Check {
    let needed = gib(needs.weights.bytes);
    let Some(usable) = facts.host.usable_bytes() else { return Check::unknown(MEMORY, needed) };
    let answer = Check::pass(MEMORY, gib(usable), needed);
    if usable >= needs.weights.bytes {
        answer
    } else {
        answer.warn(
            "the weights do not stay in memory while they are read: the start is slower, and workers \
             may be killed if a control group limits them",
        )
    }
}

fn shm(facts: &HostFacts, needs: &Needs, wanted: u64) -> Check {
    let needed = gib(wanted);
    let Some(size) = facts.host.shm_bytes else { return Check::unknown(SHM, needed) };
    let free = facts.host.shm_free_bytes.unwrap_or(size);
    let answer = Check::pass(SHM, gib(free), needed);
    if free >= wanted {
        answer
    } else if facts.host.is_container() == Some(true) || !needs.image.container {
        answer.fail(
            "NCCL cannot share memory between workers: start the container with --ipc=host or \
             --shm-size, or `sudo mount -o remount,size=... /dev/shm`",
        )
    } else {
        answer.warn("with --ipc=host the container has no more: pass --shm-size instead")
    }
}

fn runtime(facts: &HostFacts, needs: &Needs) -> Check {
    let is_rocm = matches!(needs.image.toolkit, Some(Toolkit::Rocm(_)));
    let needed = if is_rocm { "Docker, /dev/kfd" } else { "Docker with GPUs" };
    if facts.host.is_container() == Some(true) {
        return Check::unknown(RUNTIME, needed)
            .because("the facts are from inside a container: whoever starts it gives it the GPUs");
    }
    let Some(docker) = facts.containers.docker else { return Check::unknown(RUNTIME, needed) };
    let found = |words: &str| Check::pass(RUNTIME, words, needed);
    let has_runtime = facts.containers.runtimes.iter().any(|it| it == "nvidia");
    match docker {
        Container::Absent => found("no Docker")
            .fail("install Docker and NVIDIA's container toolkit, or start the engine without a container"),
        Container::Silent => found("no daemon").fail("start it: `sudo systemctl start docker`"),
        Container::Denied => found("not allowed")
            .fail("the user may not use Docker: `sudo usermod -aG docker $USER`, then log in again"),
        Container::Answers if is_rocm => match facts.kfd {
            Some(true) => found("Docker, /dev/kfd"),
            Some(false) => found("Docker, no access to /dev/kfd")
                .warn("containers get the device as root; the user is not in the group render"),
            None => found("Docker, no /dev/kfd")
                .fail("the driver of AMD is not loaded: install amdgpu, see driver"),
        },
        Container::Answers if has_runtime => found("Docker, runtime nvidia"),
        Container::Answers if facts.containers.has_cdi => found("Docker, CDI of NVIDIA").warn(
            "by CDI only: `--device nvidia.com/gpu=all` works; `--gpus` needs `sudo nvidia-ctk runtime \
             configure --runtime=docker` and a restart of Docker",
        ),
        Container::Answers if facts.containers.has_toolkit == Some(true) => found("Docker, toolkit not registered")
            .warn(
                "`sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker`",
            ),
        Container::Answers if facts.containers.has_toolkit.is_none() => {
            Check::unknown(RUNTIME, needed)
        }
        Container::Answers => found("Docker without GPUs").fail(
            "install nvidia-container-toolkit, then `sudo nvidia-ctk runtime configure \
             --runtime=docker && sudo systemctl restart docker`",
        ),
    }
}

fn port(facts: &HostFacts, needs: &Needs) -> Check {
    let needed = format!("{} free", needs.port);
    match facts.port {
        Some((port, true)) if port == needs.port => Check::pass(PORT, "free", needed),
        Some((port, false)) if port == needs.port => Check::pass(PORT, "in use", needed)
            .fail("another program listens there: stop it, or publish the server on another port"),
        _ => Check::unknown(PORT, needed),
    }
}
