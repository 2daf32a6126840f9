//! Each rule both ways: one change to the report of a healthy host, one answer.

use super::super::*;
use super::{H100, answer, needs};
use crate::deploy::check::Verdict;

/// The report of two healthy H100 with one piece of text exchanged wherever it stands.
fn check(name: &str, from: &str, to: &str, verdict: Verdict) {
    assert!(H100.contains(from), "{from}");
    let found = answer(&H100.replace(from, to), &needs(), name);
    assert_eq!(found.verdict, verdict, "{from} -> {to}: {found:?}");
    let says = found.remedy.is_some();
    assert!(says || matches!(verdict, Verdict::Pass | Verdict::NotMeasured), "{found:?}");
}

/// The healthy report against other needs.
fn check_needs(name: &str, change: impl Fn(&mut Needs), verdict: Verdict) {
    let mut needs = needs();
    change(&mut needs);
    let found = answer(H100, &needs, name);
    assert_eq!(found.verdict, verdict, "{found:?}");
}

#[test]
fn a_healthy_host_passes() {
    let checks = super::super::check(&read(H100).unwrap(), &needs());
    let other: Vec<_> = checks.iter().filter(|it| it.verdict != Verdict::Pass).collect();
    assert!(other.is_empty(), "{other:?}");
    assert!(!failed(&checks));
    assert_eq!(checks.len(), 27);
}

#[test]
fn driver_and_image() {
    let pad = " ".repeat(37);
    let line = |driver: &str| format!("Driver Version{pad}: {driver}");
    let driver = |driver, verdict| check("driver", &line("580.95.05"), &line(driver), verdict);
    driver("575.57.08", Verdict::Pass);
    driver("550.90.07", Verdict::Warn);
    driver("525.60.12", Verdict::Fail);
    driver("N/A", Verdict::NotMeasured);
    check("CUDA", ": 13.0\n", ": 12.4\n", Verdict::Warn);
    check("CUDA", ": 13.0\n", ": 11.8\n", Verdict::Fail);
    check_needs("driver", |it| it.image.toolkit = None, Verdict::NotMeasured);
    check_needs("driver", |it| it.image.toolkit = Toolkit::parse("ROCm 7.2.1"), Verdict::Fail);
    let newer = |it: &mut Needs| {
        it.image.toolkit = Toolkit::parse("CUDA 13.2.1");
        it.image.driver = None;
    };
    check_needs("driver", newer, Verdict::Warn);
    check_needs("CUDA", newer, Verdict::Warn);
}

#[test]
fn gpus_and_what_they_run() {
    check("GPUs", "NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe", Verdict::Fail);
    check_needs("GPUs", |it| it.gpu.replicas = 2, Verdict::Fail);
    check_needs("GPUs", |it| it.gpu.per_replica = 1, Verdict::Pass);
    check("compute capability", "0, 9.0\n1, 9.0", "0, 9.0\n1, 8.0", Verdict::Fail);
    check_needs("compute capability", |it| it.gpu.compute_capability = Some(100), Verdict::Fail);
    check("GPU memory", ": 81559 MiB", ": 40960 MiB", Verdict::Fail);
    check("GPU memory", ": 81559 MiB", ": 81000 MiB", Verdict::Pass);
    let unset = "CUDA_VISIBLE_DEVICES: not set";
    check("visible GPUs", unset, "CUDA_VISIBLE_DEVICES: 0,1", Verdict::Pass);
    check("visible GPUs", unset, "CUDA_VISIBLE_DEVICES: 0", Verdict::Warn);
    check("visible GPUs", unset, "CUDA_VISIBLE_DEVICES: set (not shown)", Verdict::Warn);
    let inside = H100
        .replace("container: no", "container: docker")
        .replace(unset, "CUDA_VISIBLE_DEVICES: set (empty)");
    assert_eq!(answer(&inside, &needs(), "visible GPUs").verdict, Verdict::Fail);
}

#[test]
fn memory_that_is_taken() {
    check("free GPU memory", ": 81229 MiB", ": 60000 MiB", Verdict::Fail);
    check("free GPU memory", ": 81229 MiB", ": 73500 MiB", Verdict::Warn);
    check("free GPU memory", ": 81229 MiB", ": 75000 MiB", Verdict::Pass);
    let one = H100.replacen(": 81229 MiB", ": 60000 MiB", 1);
    let mut single = needs();
    single.gpu.per_replica = 1;
    let found = answer(&one, &single, "free GPU memory");
    assert_eq!((found.verdict, found.found.as_str()), (Verdict::Warn, "79.3 GiB on 1"));
    assert!(found.remedy.unwrap().contains("GPU 0"));
    let held = "gpu_bus_id, used_gpu_memory [MiB]\n00000000:19:00.0, 5303 MiB\n";
    let none = "gpu_bus_id, used_gpu_memory [MiB]\n";
    check("GPU processes", none, held, Verdict::Warn);
    let used = format!("Used{}: 2 MiB", " ".repeat(39));
    let more = format!("Used{}: 5000 MiB", " ".repeat(39));
    check("GPU processes", &used, &more, Verdict::Warn);
    let (off, on) = (": Disabled\n        Pending", ": Enabled\n        Pending");
    check("MIG", off, on, Verdict::Fail);
}

#[test]
fn health_and_fabric() {
    let pad = |key: &str, indent: usize| format!("{key}{}", " ".repeat(51 - indent - key.len()));
    let yes = |name: &str, key: &str, indent: usize, verdict: Verdict| {
        let key = pad(key, indent);
        check(name, &format!("{key}: No"), &format!("{key}: Yes"), verdict);
    };
    yes("GPU health", "Remapping Failure Occurred", 8, Verdict::Fail);
    yes("GPU health", "Unrepairable Memory", 8, Verdict::Fail);
    yes("GPU health", "SRAM Threshold Exceeded", 12, Verdict::Fail);
    yes("GPU health", "TPC Repair Pending", 8, Verdict::Warn);
    yes("GPU health", "Pending", 8, Verdict::Warn);
    let recovery = pad("GPU Recovery Action", 4);
    check(
        "GPU health",
        &format!("{recovery}: None"),
        &format!("{recovery}: Reboot"),
        Verdict::Fail,
    );
    let errors = pad("DRAM Uncorrectable", 12);
    // The other counter is of the card's life.
    check("GPU health", &format!("{errors}: 0"), &format!("{errors}: 3"), Verdict::Warn);
    check("GPU health", &format!("{errors}: 5"), &format!("{errors}: 900"), Verdict::Pass);
    check("GPU health", ": 33 C", ": Unknown Error", Verdict::Fail);
    let brake = pad("HW Power Brake Slowdown", 12);
    check("clocks", &format!("{brake}: Not Active"), &format!("{brake}: Active"), Verdict::Warn);
    check("NVLink fabric", ": Completed", ": In Progress", Verdict::Fail);
    check(
        "peer access",
        "GPU0\tX\tOK\t\n GPU1\tOK\tX",
        "GPU0\tX\tGNS\t\n GPU1\tGNS\tX",
        Verdict::Warn,
    );
    let lost = "dmesg: read\n[ 9.1] NVRM: Xid (PCI:0000:19:00): 79, GPU has fallen off the bus.\n";
    check("kernel messages", "dmesg: read\n", lost, Verdict::Warn);
    check("kernel messages", "dmesg: read\n", "-- dmesg: not permitted\n", Verdict::NotMeasured);
}

#[test]
fn modes_lanes_and_power() {
    let line = |key: &str, indent: usize, value: &str| {
        format!("{key}{}: {value}\n", " ".repeat(51 - indent - key.len()))
    };
    let check = |name, key, indent, from, to, verdict| {
        check(name, &line(key, indent, from), &line(key, indent, to), verdict);
    };
    check("persistence mode", "Persistence Mode", 4, "Enabled", "Disabled", Verdict::Warn);
    check("persistence mode", "Persistence Mode", 4, "Enabled", "N/A", Verdict::NotMeasured);
    check("compute mode", "Compute Mode", 4, "Default", "Exclusive_Process", Verdict::Warn);
    check("compute mode", "Compute Mode", 4, "Default", "Prohibited", Verdict::Fail);
    check("PCIe lanes", "Current", 16, "16x", "8x", Verdict::Warn);
    check("PCIe lanes", "Current", 16, "5", "1", Verdict::Pass);
    check("power limit", "Current Power Limit", 8, "700.00 W", "500.00 W", Verdict::Warn);
    check("power limit", "Current Power Limit", 8, "700.00 W", "N/A", Verdict::NotMeasured);
}

#[test]
fn disk_and_weights() {
    let df = "402653184 1519071424 21%";
    check("disk space", df, "402653184 80000000 21%", Verdict::Warn);
    check("disk space", df, "402653184 60000000 21%", Verdict::Fail);
    let model = "cached: no\n";
    let whole = "cached KiB: 68945400\nincomplete: no\n";
    check("weights on disk", model, whole, Verdict::Pass);
    check("download", model, whole, Verdict::Pass);
    check("weights on disk", model, "cached KiB: 20000000\nincomplete: yes\n", Verdict::Warn);
    check("weights on disk", "HF_HUB_OFFLINE: not set", "HF_HUB_OFFLINE: 1", Verdict::Fail);
    let full = H100.replace(model, whole).replace("HF_HUB_OFFLINE: not set", "HF_HUB_OFFLINE: 1");
    assert_eq!(answer(&full, &needs(), "weights on disk").verdict, Verdict::Pass);
    // 64 MiB in 0.0247 s are 2.7 GB/s; 0.16 s are 420 MB/s and 168 s, 0.5 s are 134 MB/s and 526 s.
    check("disk read", "copied, 0.0247 s", "copied, 0.16 s", Verdict::Warn);
    check("disk read", "copied, 0.0247 s", "copied, 0.5 s", Verdict::Fail);
    check("disk read", "method: direct", "method: cache not dropped", Verdict::NotMeasured);
    check("disk read", "kind: xfs", "kind: zfs", Verdict::NotMeasured);
    check("disk read", "file: written for this\n", "-- dd: not found\n", Verdict::Pass);
}

#[test]
fn download_and_token() {
    let line = "http bytes first total: 206 268435456 0.412000 1.484000";
    let slow = "http bytes first total: 206 9000000 0.412000 20.000000";
    check("download", line, slow, Verdict::Warn);
    check("download", line, "access: 000", Verdict::Fail);
    check("download", line, "access: 404", Verdict::Fail);
    check("download", line, "access: 429", Verdict::Warn);
    check("download", line, "-- download: skipped (offline)", Verdict::NotMeasured);
    check("HF_TOKEN", line, "access: 403", Verdict::Fail);
    check("HF_TOKEN", line, "access: 401", Verdict::Fail);
    check("HF_TOKEN", line, "-- curl: not found", Verdict::Pass);
    check("HF_TOKEN", "HF_TOKEN: set", "HF_TOKEN: not set", Verdict::Fail);
    check("HF_TOKEN", "HF_TOKEN: set", "HF_TOKEN: in a file", Verdict::Warn);
    check("HF_TOKEN", "HF_TOKEN: set", "HF_TOKEN: set, malformed", Verdict::Fail);
    check("HF_TOKEN", "HF_TOKEN: set", "HF_TOKEN: set as HUGGING_FACE_HUB_TOKEN", Verdict::Warn);
    check_needs("HF_TOKEN", |it| it.weights.gate = Gate::Open, Verdict::Pass);
    let without = H100.replace("HF_TOKEN: set", "HF_TOKEN: not set").replace(line, "");
    let mut open = needs();
    open.weights.gate = Gate::Open;
    assert_eq!(answer(&without, &open, "HF_TOKEN").verdict, Verdict::Pass);
    open.weights.gate = Gate::Perhaps;
    assert_eq!(answer(&without, &open, "HF_TOKEN").verdict, Verdict::Warn);
}

#[test]
fn host_and_containers() {
    check("host memory", "memory.max: max", "memory.max: 34359738368", Verdict::Warn);
    check("host memory", "MemAvailable: 2028875612 kB", "MemAvailable: 900000 kB", Verdict::Warn);
    check("/dev/shm", "tmpfs 1056706048 0 1056706048", "tmpfs 65536 0 65536", Verdict::Warn);
    let inside = H100.replace("container: no", "container: docker");
    let small = inside.replace("tmpfs 1056706048 0 1056706048", "tmpfs 65536 0 65536");
    assert_eq!(answer(&small, &needs(), "/dev/shm").verdict, Verdict::Fail);
    assert_eq!(answer(&inside, &needs(), "container runtime").verdict, Verdict::NotMeasured);
    let runtimes = "runtimes: io.containerd.runc.v2 nvidia runc\n";
    let runc = "runtimes: runc\n";
    check("container runtime", runtimes, runc, Verdict::Warn);
    let plain = H100.replace(runtimes, runc).replace("cdi: /etc/cdi/nvidia.yaml\n", "");
    assert_eq!(answer(&plain, &needs(), "container runtime").verdict, Verdict::Warn);
    let bare = plain.replace("nvidia-ctk: found", "-- nvidia-ctk: not found").replace(
        "nvidia-container-runtime-hook: found",
        "-- nvidia-container-runtime-hook: not found",
    );
    assert_eq!(answer(&bare, &needs(), "container runtime").verdict, Verdict::Fail);
    let server = "server: 28.3.0\n";
    check("container runtime", server, "-- docker info: permission denied\n", Verdict::Fail);
    check(
        "container runtime",
        server,
        "-- docker info: no answer from the daemon\n",
        Verdict::Fail,
    );
    check("port", "8000: free", "8000: in use", Verdict::Fail);
    check("port", "8000: free", "8001: free", Verdict::NotMeasured);
}

#[test]
fn what_is_told_apart() {
    let line = "http bytes first total: 206 268435456 0.412000 1.484000";
    let says = |to: &str, words: &str| {
        let found = answer(&H100.replace(line, to), &needs(), "HF_TOKEN");
        assert!(found.remedy.as_deref().unwrap().contains(words), "{found:?}");
    };
    says("access: 403", "has not accepted");
    says("access: 401", "does not know this token");
    let enough = "cached KiB: 68945400\nincomplete: yes\n";
    check("weights on disk", "cached: no\n", enough, Verdict::Warn);
    let slow = H100.replace("copied, 0.0247 s", "copied, 0.7 s");
    let mut patient = needs();
    patient.start_budget_s = None;
    assert_eq!(answer(&slow, &patient, "disk read").verdict, Verdict::Warn);
    assert_eq!(answer(H100, &patient, "disk read").verdict, Verdict::Pass);
}
