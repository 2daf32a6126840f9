//! Outputs of tools as they are pasted, of several drivers and of AMD.

use super::super::*;
use super::{H100, answer, needs};
use crate::deploy::check::{Verdict, table};

const H100_R550: &str = include_str!("../../../../tests/data/hosts/smi-q-h100-r550.txt");
const SICK: &str = include_str!("../../../../tests/data/hosts/smi-q-h100-sick-r580.txt");
const L40S: &str = include_str!("../../../../tests/data/hosts/smi-q-l40s-r535.txt");
const A100_R510: &str = include_str!("../../../../tests/data/hosts/smi-q-a100-r510.txt");
const V100: &str = include_str!("../../../../tests/data/hosts/smi-q-v100-r450.txt");
const MIG: &str = include_str!("../../../../tests/data/hosts/smi-q-a100-mig-r550.txt");
const RTX4090: &str = include_str!("../../../../tests/data/hosts/smi-q-4090-r565.txt");
const BOARD: &str = include_str!("../../../../tests/data/hosts/table-h100-r560.txt");
const MI300X: &str = include_str!("../../../../tests/data/hosts/report-mi300x.txt");
const MI325X: &str = include_str!("../../../../tests/data/hosts/amd-smi-mi325x.txt");

fn needs_of(product: &str, toolkit: &str, count: u32) -> Needs {
    let mut it = needs();
    it.gpu = GpuNeed {
        name: product.to_owned(),
        products: vec![product.to_owned()],
        per_replica: count,
        tensor_parallel: count,
        free_bytes: 20 << 30,
        total_bytes: None,
        ..it.gpu
    };
    it.image.toolkit = Toolkit::parse(toolkit);
    it.image.driver = None;
    it
}

#[test]
fn outputs_of_drivers() {
    let check = |text: &str, product: &str, expected: &[(&str, Verdict, &str)]| {
        let needs = needs_of(product, "CUDA 12.9.1", 2);
        for (name, verdict, found) in expected {
            let it = answer(text, &needs, name);
            assert_eq!((it.verdict, it.found.as_str()), (*verdict, *found), "{product}: {name}");
        }
    };
    let (pass, warn, fail) = (Verdict::Pass, Verdict::Warn, Verdict::Fail);
    check(
        H100_R550,
        "NVIDIA H100 80GB HBM3",
        &[
            ("driver", warn, "550.90.07"),
            ("GPUs", pass, "2 x NVIDIA H100 80GB HBM3"),
            ("GPU health", pass, "no errors"),
            ("NVLink fabric", pass, "Completed, Success"),
            ("compute capability", pass, "9.0"),
        ],
    );
    check(
        L40S,
        "NVIDIA L40S",
        &[
            ("PCIe lanes", warn, "8, GPU 1"),
            ("power limit", warn, "300 W, GPU 1"),
            ("compute capability", pass, "8.9"),
            ("MIG", pass, "off"),
        ],
    );
    check(
        A100_R510,
        "NVIDIA A100-SXM4-80GB",
        &[
            ("driver", fail, "510.73.08"),
            ("GPU health", warn, "repair pending, GPU 0"),
            ("persistence mode", warn, "off, GPU 1"),
            ("power limit", pass, "400 W"),
        ],
    );
    check(
        V100,
        "Tesla V100-SXM2-32GB",
        &[
            ("CUDA", fail, "11.0"),
            ("GPU health", warn, "repair pending, GPU 0"),
            ("compute mode", warn, "Exclusive_Process, GPU 0"),
            ("PCIe lanes", pass, "16"),
        ],
    );
    check(
        RTX4090,
        "NVIDIA GeForce RTX 4090",
        &[
            ("driver", fail, "565.57.01"),
            ("GPUs", fail, "1 x NVIDIA GeForce RTX 4090"),
            ("GPU processes", warn, "2 processes, 5.1 GiB"),
        ],
    );
    check(
        BOARD,
        "NVIDIA H100 80GB HBM3",
        &[
            ("GPUs", pass, "4 x NVIDIA H100 80GB HBM3"),
            ("GPU processes", pass, "none"),
            ("GPU health", Verdict::NotMeasured, "not measured"),
            ("report", warn, "output of a tool"),
        ],
    );
}

#[test]
fn sick_gpus_are_told_apart() {
    let facts = read(SICK).unwrap();
    let health: Vec<&Health> = facts.gpus.iter().map(|it| &it.health).collect();
    assert_eq!(health[0].recovery.as_deref(), Some("Reset"));
    assert_eq!(health[1].repair_failed, Some(true));
    assert_eq!(health[2].fabric, Some(("In Progress".to_owned(), String::new())));
    assert_eq!(health[3].slowdowns, ["HW Slowdown", "HW Power Brake Slowdown"]);
    // Of the volatile counters, not those of the card's life.
    assert_eq!((health[3].uncorrected, health[0].uncorrected), (Some(3), Some(0)));
    let it = answer(SICK, &needs(), "GPU health");
    assert_eq!((it.verdict, it.found.as_str()), (Verdict::Fail, "asks for recovery, GPU 0"));
    assert_eq!(answer(SICK, &needs(), "NVLink fabric").verdict, Verdict::Fail);
}

#[test]
fn slices() {
    let check = |per_replica, free_gib: u64, verdict| {
        let mut needs = needs_of("NVIDIA A100-SXM4-80GB", "CUDA 12.9.1", per_replica);
        needs.gpu.free_bytes = free_gib << 30;
        let it = answer(MIG, &needs, "MIG");
        assert_eq!((it.verdict, it.found.as_str()), (verdict, "on, slices up to 39.2 GiB"));
        assert_eq!(answer(MIG, &needs, "free GPU memory").verdict, Verdict::NotMeasured);
    };
    check(1, 30, Verdict::Warn);
    check(1, 60, Verdict::Fail);
    check(2, 30, Verdict::Fail);
    let listed =
        "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-0)\n  MIG 3g.40gb     Device  0: (UUID: MIG-0)\n";
    let needs = needs_of("NVIDIA A100-SXM4-80GB", "CUDA 12.9.1", 1);
    assert_eq!(answer(listed, &needs, "MIG").found, "on, slices up to 38.0 GiB");
}

#[test]
fn hosts_of_amd() {
    let needs = needs_of("AMD Instinct MI300X OAM", "ROCm 7.2.1", 2);
    let checks = check(&read(MI300X).unwrap(), &needs);
    assert!(!failed(&checks), "{checks:?}");
    let it = answer(MI300X, &needs, "driver");
    assert_eq!((it.verdict, it.found.as_str()), (Verdict::Pass, "amdgpu 30.30.2"));
    assert_eq!(answer(MI300X, &needs, "free GPU memory").found, "191.7 GiB on 2");
    assert_eq!(answer(MI300X, &needs, "container runtime").found, "Docker, /dev/kfd");
    assert!(checks.iter().all(|it| it.name != "MIG" && it.name != "compute capability"));
    let closed = MI300X.replace("/dev/kfd: usable", "/dev/kfd: no access");
    assert_eq!(answer(&closed, &needs, "driver").verdict, Verdict::Fail);
    let mut needs = needs_of("AMD Instinct MI325X", "ROCm 7.2.1", 2);
    needs.gpu.free_bytes = 200 << 30;
    assert_eq!(answer(MI325X, &needs, "driver").verdict, Verdict::Warn);
    let it = answer(MI325X, &needs, "free GPU memory");
    assert_eq!((it.verdict, it.found.as_str()), (Verdict::Fail, "60.7 GiB on 2"));
}

#[test]
fn what_stands_instead_of_an_output() {
    let check = |text: &str, expected: SmiFailure| {
        assert_eq!(read(text).unwrap().smi_failure, Some(expected), "{text}");
        assert_eq!(answer(text, &needs(), "driver").verdict, Verdict::Fail);
        assert_eq!(answer(text, &needs(), "GPUs").verdict, Verdict::Fail);
    };
    check("Failed to initialize NVML: Driver/library version mismatch\n", SmiFailure::Mismatch);
    check("Failed to initialize NVML: Unknown Error\n", SmiFailure::Other);
    check("No devices were found\n", SmiFailure::NoDevices);
    check(
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure",
        SmiFailure::NoDriver,
    );
    check(
        "Unable to determine the device handle for GPU0000:65:00.0: Unknown Error\n",
        SmiFailure::GpuLost,
    );
}

#[test]
fn texts_that_are_refused() {
    let check = |text: &str, expected: &str| {
        assert_eq!(read(text).unwrap_err().to_string(), expected);
    };
    let nothing = "nothing in the 1 lines is a report of the collector or an output of nvidia-smi";
    check("hello\n", nothing);
    check(&nothing.replace('1', "0")[..0], &nothing.replace('1', "0"));
    check(
        &H100.replace("preflight 1", "preflight 2"),
        "line 1: the facts are of format 2, this reads format 1",
    );
    check(
        &format!("{H100}{H100}"),
        &format!("two reports in one text, at lines 1 and {}", H100.lines().count() + 1),
    );
    check(
        &format!("{BOARD}{BOARD}"),
        &format!(
            "two tables of nvidia-smi in one text, at lines 3 and {}",
            BOARD.lines().count() + 3
        ),
    );
    let twice = "GPU 00000000:19:00.0 is in the text twice: the outputs of two runs or two hosts \
                 are mixed";
    check(&format!("{H100_R550}{H100_R550}"), twice);
    check(
        &format!("{H100_R550}{L40S}"),
        "the GPUs have two drivers, 550.90.07 and 535.216.03: the outputs of two hosts are mixed",
    );
}

#[test]
fn what_surrounds_a_paste_is_left_out() {
    let facts = read(H100).unwrap();
    let terminal = format!(
        "user@host:~$ sh collect.sh\n\u{1b}[0m{}\nuser@host:~$ \n",
        H100.trim_end().replace('\n', "\r\n")
    );
    assert_eq!(read(&terminal).unwrap(), facts);
    let banner = H100.replace("== host\n", "== CUDA ==\n== host\n");
    assert_eq!(read(&banner).unwrap(), facts);
}

#[test]
fn a_cut_list_is_not_taken_for_the_whole() {
    let second = H100_R550.find("GPU 00000000:3B").unwrap();
    let cut = &H100_R550[..second];
    let it = answer(cut, &needs(), "report");
    assert_eq!((it.verdict, it.found.as_str()), (Verdict::Warn, "1 of 2 GPUs"));
    assert_eq!(answer(cut, &needs(), "GPUs").verdict, Verdict::NotMeasured);
}

#[test]
fn a_host_without_gpus() {
    let text = "== gpuadvise preflight 1\n== nvidia-smi -q\n-- nvidia-smi: not found\n== amd-smi\n\
                -- amd-smi: not found\n== rocm-smi\n-- rocm-smi: not found\n== end\n";
    let it = answer(text, &needs(), "driver");
    assert_eq!((it.verdict, it.found.as_str()), (Verdict::Fail, "none (no nvidia-smi, amd-smi)"));
    assert_eq!(answer(text, &needs(), "GPUs").verdict, Verdict::Fail);
}

#[test]
fn the_table() {
    let text = table(&check(&read(RTX4090).unwrap(), &needs()));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "      check               found                       needed");
    let at = lines.iter().position(|it| it.starts_with("fail  GPUs")).unwrap();
    assert_eq!(lines[at], "fail  GPUs                1 x NVIDIA GeForce RTX      2 x H100 SXM5");
    assert_eq!(lines[at + 1], "                          4090");
    assert_eq!(lines[at + 2].trim_start().len() + 6, lines[at + 2].len());
    assert_eq!(lines.last(), Some(&"26 checks: 6 pass, 4 warn, 4 fail, 12 not measured."));
}

#[test]
fn each_gpu_has_its_own_facts() {
    let text = H100.replace("0, 9.0\n1, 9.0", "0, 8.0\n1, 9.0");
    let capabilities: Vec<_> = read(&text).unwrap().gpus.iter().map(|it| it.capability).collect();
    assert_eq!(capabilities, [Some((80, 80)), Some((90, 90))]);
    // Only the total of the double-bit errors since the driver was loaded.
    assert_eq!(read(V100).unwrap().gpus[0].health.uncorrected, Some(2));
    let mixed = H100_R550.replacen("NVIDIA H100 80GB HBM3", "NVIDIA L4", 1);
    let mut single = needs();
    single.gpu.per_replica = 1;
    let it = answer(&mixed, &single, "GPUs");
    assert_eq!(it.verdict, Verdict::Warn);
    assert_eq!(it.found, "1 x NVIDIA L4, 1 x NVIDIA H100 80GB HBM3");
}
