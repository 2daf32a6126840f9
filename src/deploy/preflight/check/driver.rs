//! The driver and its CUDA or `ROCm` against the image.

mod nvidia;

use self::nvidia::Nvidia;
use super::super::facts::{GpuState, HostFacts, Maker, Report, SmiFailure};
use super::super::needs::{Needs, Toolkit};
use super::super::version::Version;
use super::Check;

const DRIVER: &str = "driver";

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    if let Some(failure) = facts.smi_failure {
        return vec![Check::pass(DRIVER, found(failure), "answers").fail(remedy(failure))];
    }
    let (maker, other) = match needs.image.toolkit {
        Some(Toolkit::Rocm(_)) => (Maker::Amd, "of NVIDIA"),
        _ => (Maker::Nvidia, "of AMD"),
    };
    let of_maker: Vec<&GpuState> = facts.gpus.iter().filter(|it| it.maker == maker).collect();
    if of_maker.is_empty() {
        return vec![no_gpu(facts, needs, other)];
    }
    let text = of_maker.iter().find_map(|it| it.facts.driver_version.as_deref());
    let driver = text.and_then(Version::parse);
    match &needs.image.toolkit {
        Some(Toolkit::Cuda(toolkit)) => {
            let cuda = of_maker.iter().find_map(|it| it.facts.cuda_version.as_deref());
            let host = Nvidia {
                driver,
                cuda: cuda.and_then(Version::parse),
                is_geforce: of_maker.iter().any(|it| is_geforce(it)),
                container: needs.image.container,
            };
            vec![host.driver(toolkit, needs.image.driver.clone()), host.cuda(toolkit)]
        }
        Some(Toolkit::Rocm(toolkit)) => vec![amd(facts, driver, toolkit)],
        None => {
            let found = text.unwrap_or("not measured").to_owned();
            vec![Check { found, ..Check::unknown(DRIVER, "not known for this image") }]
        }
    }
}

fn found(failure: SmiFailure) -> &'static str {
    match failure {
        SmiFailure::NoDriver => "does not answer",
        SmiFailure::Mismatch => "module and library differ",
        SmiFailure::NoDevices => "sees no GPU",
        SmiFailure::GpuLost => "lost a GPU",
        SmiFailure::Other => "NVML does not start",
        SmiFailure::Hangs => "nvidia-smi hangs",
    }
}

fn remedy(failure: SmiFailure) -> &'static str {
    match failure {
        SmiFailure::NoDriver => {
            "the module is not loaded: install the driver for the running kernel (DKMS, Secure Boot), \
             then `sudo modprobe nvidia`"
        }
        SmiFailure::Mismatch => {
            "the driver was updated under a loaded module: reboot, or stop all GPU programs and reload \
             the nvidia modules"
        }
        SmiFailure::NoDevices => {
            "no GPU is bound to the driver: look for it in `lspci`, and for errors in `dmesg | grep NVRM`"
        }
        SmiFailure::GpuLost => {
            "a GPU does not answer (fallen off the bus): reboot the host, and have it replaced if that \
             comes again"
        }
        SmiFailure::Other => {
            "in a container, start it again with --gpus (it lost its devices); on a host, reload the driver"
        }
        SmiFailure::Hangs => "a GPU or the driver hangs: see `dmesg | grep Xid`, reboot the host",
    }
}

/// No GPU of the maker the image is for.
fn no_gpu(facts: &HostFacts, needs: &Needs, other: &str) -> Check {
    let needed = match &needs.image.toolkit {
        Some(Toolkit::Cuda(it)) => format!("for CUDA {it}"),
        Some(Toolkit::Rocm(it)) => format!("for ROCm {it}"),
        None => "of the GPUs".to_owned(),
    };
    if !facts.gpus.is_empty() {
        return Check::pass(DRIVER, other, needed).fail(
            "the image is for GPUs of another maker: take the image for these, or another host",
        );
    }
    let tools = ["nvidia-smi", "amd-smi", "rocm-smi"];
    if facts.report != Report::Pasted && tools.iter().all(|it| facts.is_absent(it)) {
        return Check::pass(DRIVER, "none (no nvidia-smi, amd-smi)", needed).fail(
            "this host has no GPU driver: run this on the GPU host, or in a container started with its \
             GPUs",
        );
    }
    Check::unknown(DRIVER, needed)
}

fn is_geforce(gpu: &GpuState) -> bool {
    let name = gpu.facts.name.as_deref().unwrap_or_default();
    name.contains("GeForce") || name.contains("TITAN")
}

/// amdgpu 30.x carries `ROCm` 7.0 to 7.2, 6.4 and 6.3 (AMD GPU driver documentation, compatibility
/// matrix of 30.30.2); drivers of `ROCm` 6 have numbers of 6.x, and so has the kernel's own.
fn amd(facts: &HostFacts, driver: Option<Version>, toolkit: &Version) -> Check {
    let needed = format!("amdgpu for ROCm {toolkit}");
    if facts.kfd == Some(false) {
        return Check::pass(DRIVER, "no access to /dev/kfd", needed).fail(
            "add the user to the groups render and video: `sudo usermod -aG render,video $USER`",
        );
    }
    let Some(driver) = driver else { return Check::unknown(DRIVER, needed) };
    let answer = Check::pass(DRIVER, format!("amdgpu {driver}"), needed);
    let is_known = toolkit.major() == 7 || matches!(toolkit.major_minor(), (6, 3..));
    match (driver.major(), toolkit.major()) {
        (30.., _) if is_known => answer,
        (6, 6) => answer.warn("drivers and ROCm are tested two releases apart at most"),
        (6, 7..) => answer.warn(
            "a driver of ROCm 6 or of the kernel itself: install amdgpu 30.x, which is tested with \
             ROCm 7",
        ),
        _ => {
            answer.warn("not in the maker's table of tested pairs: look it up before relying on it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn amd_drivers() {
        let check = |driver: &str, toolkit: &str, kfd, verdict| {
            let facts = HostFacts { kfd, ..HostFacts::default() };
            let toolkit = Version::parse(toolkit).unwrap();
            assert_eq!(amd(&facts, Version::parse(driver), &toolkit).verdict, verdict, "{driver}");
        };
        check("30.30.2", "7.2.1", Some(true), Verdict::Pass);
        check("30.10.1", "6.3.1", None, Verdict::Pass);
        check("30.10.1", "6.2", None, Verdict::Warn);
        check("6.10.5", "7.2.1", Some(true), Verdict::Warn);
        check("6.10.5", "6.3.1", Some(true), Verdict::Warn);
        check("30.30.2", "7.2.1", Some(false), Verdict::Fail);
        check("", "7.2.1", Some(true), Verdict::NotMeasured);
    }
}
