//! Names of GPUs at smaller providers, in drivers and clusters, and the shares of devices.

use super::*;

/// GPU ids of docs.runpod.io/references/gpu-types, pools of its serverless price table.
#[test]
fn runpod_names_and_pools() {
    check_names(&[
        ("NVIDIA H100 80GB HBM3", "H100 SXM5 x 1 gpu, name"),
        ("NVIDIA A40", "A40 x 1 gpu, name"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090 x 1 gpu, name"),
        ("NVIDIA A100-SXM4-80GB", "A100 80GB SXM4 x 1 gpu, name"),
        ("NVIDIA A100 80GB PCIe", "A100 80GB PCIe x 1 gpu, name"),
        ("NVIDIA H100 NVL", "H100 NVL x 1 gpu, name"),
        ("NVIDIA H200", "H200 SXM x 1 gpu, name"),
        ("NVIDIA B200", "B200 SXM x 1 gpu, name"),
        ("NVIDIA B300 SXM6 AC", "B300 SXM x 1 gpu, name"),
        ("AMD Instinct MI300X OAM", "MI300X x 1 gpu, name"),
        ("NVIDIA RTX A5000", "NVIDIA RTX A5000 x 1 gpu, name"),
        ("NVIDIA GeForce RTX 3080 Ti", "NVIDIA GeForce RTX 3080 Ti x 1 gpu, name"),
        ("Tesla V100-FHHL-16GB", "Tesla V100-FHHL-16GB x 1 gpu, name"),
        ("Tesla V100-SXM2-32GB", "V100 32GB SXM2 x 1 gpu, name"),
        (
            "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb",
            "RTX PRO 6000 Blackwell Server x 0.25 gpu, name",
        ),
        (
            "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
            "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition x 1 gpu, name",
        ),
    ]);
    check_types(
        "RunPod",
        &[
            ("AMPERE_80", "A100-80GB x 1 machine, type"),
            ("ADA_80_PRO", "H100-80GB x 1 machine, type"),
            ("AMPERE_24", "L4|A5000|RTX3090-24GB x 1 machine, type"),
            ("HOPPER_141", "H200 SXM x 1 machine, type"),
            ("1x_A40-48GB_SECURE", "A40 x 1 machine, type"),
        ],
    );
}

/// Instance types of the Lambda Cloud API, CoreWeave Kubernetes Service, Nebius, DigitalOcean and
/// Verda; `gpu.nvidia.com/class` labels of CoreWeave; GPU parameters of modal.com/docs/guide/gpu.
#[test]
fn other_providers() {
    check_types(
        "Lambda",
        &[
            ("gpu_8x_h100_sxm5", "H100 SXM5 x 8 machine, type"),
            ("gpu_1x_h100_pcie", "H100 PCIe x 1 machine, type"),
            ("gpu_8x_a100_80gb_sxm4", "A100 80GB SXM4 x 8 machine, type"),
            ("gpu_1x_a100_sxm4", "A100 40GB SXM4 x 1 machine, type"),
            ("gpu_8x_a100", "A100-40GB x 8 machine, type"),
            ("gpu_4x_a6000", "RTX A6000 x 4 machine, type"),
            ("gpu_8x_v100_n", "V100 16GB SXM2 x 8 machine, type"),
            ("gpu_1x_gh200", "GH200 96GB x 1 machine, type"),
            ("gpu_1x_rtx6000", "QuadroRTX6000-24GB x 1 machine, type"),
        ],
    );
    check_types(
        "CoreWeave",
        &[
            ("gd-8xh100ib-i128", "H100 SXM5 x 8 machine, type"),
            ("gd-8xh200ib-i128", "H200 SXM x 8 machine, type"),
            ("gd-8xb200ib-i128", "B200 SXM x 8 machine, type"),
            ("gd-8xl40-i128", "L40 x 8 machine, type"),
            ("gb200-4x", "GB200 x 4 machine, type"),
            ("nvidia-a100", "A100 80GB SXM4 x 8 machine, type"),
            ("cd-hc-a384ib-genoa", "none"),
        ],
    );
    check_types("Nebius", &[("gpu-h100-sxm 8gpu-128vcpu-1600gb", "H100 SXM5 x 8 machine, type")]);
    check_types(
        "DigitalOcean",
        &[
            ("gpu-h100x8-640gb", "H100 SXM5 x 8 machine, type"),
            ("gpu-mi300x1-192gb", "MI300X x 1 machine, type"),
        ],
    );
    check_types("Verda", &[("8H100.80S.176V", "H100 SXM5 x 8 machine, type")]);
    check_names(&[
        ("H100_NVLINK_80GB", "H100 SXM5 x 1 gpu, name"),
        ("A100_NVLINK_80GB", "A100 80GB SXM4 x 1 gpu, name"),
        ("A100_NVLINK", "A100 40GB SXM4 x 1 gpu, name"),
        ("A100_PCIE_80GB", "A100 80GB PCIe x 1 gpu, name"),
        ("H100_PCIE", "H100 PCIe x 1 gpu, name"),
        ("Quadro_RTX_5000", "Quadro_RTX_5000 x 1 gpu, name"),
        ("RTX_A6000", "RTX A6000 x 1 gpu, name"),
    ]);
    check_types(
        "Modal Labs",
        &[
            ("A10", "A10G x 1 machine, type"),
            ("A100-80GB", "A100-80GB x 1 gpu, name"),
            ("H100", "H100 x 1 gpu, name"),
            ("H100!", "H100 x 1 gpu, name"),
            ("H100:8", "H100 x 8 machine, name"),
            ("B200+", "B200+ x 1 gpu, name"),
            ("RTX-PRO-6000", "RTX-PRO-6000 x 1 gpu, name"),
            ("L40S", "L40S x 1 gpu, name"),
        ],
    );
    check_types("AWS", &[("A10", "A10 x 1 gpu, name")]);
    check_texts(
        "Somebody",
        &[
            ("8x NVIDIA H100 SXM", "H100 SXM5 x 8 machine, text"),
            ("2x Large", "none"),
            ("NVIDIA H100 80GB HBM3", "H100 SXM5 x 1 gpu, name"),
            ("AMD Instinct MI300X", "MI300X x 1 gpu, name"),
        ],
    );
}

/// Texts of bills that are the name of a GPU and nothing else.
#[test]
fn plain_names_in_texts() {
    let cases = [
        ("NVIDIA HGX H100", "H100 SXM5 x 1 gpu, name"),
        ("HGX H100", "H100 SXM5 x 1 gpu, name"),
        ("8x HGX H100", "H100 SXM5 x 8 machine, text"),
        ("8x NVIDIA HGX H100 instance hours", "H100 SXM5 x 8 machine, text"),
        ("H100 SXM", "H100 SXM5 x 1 gpu, name"),
        ("H100 NVL", "H100 NVL x 1 gpu, name"),
        ("NVIDIA H200 NVLink", "H200 SXM x 1 gpu, name"),
        ("GPU H200 NVLink", "H200 SXM x 1 gpu, name"),
        ("NVIDIA® H200 NVLink", "H200 SXM x 1 gpu, name"),
        ("8xH200", "H200 x 8 machine, text"),
        ("8 x H200 GPU", "H200 x 8 machine, text"),
        ("8x NVIDIA H100 GPU", "H100 x 8 machine, text"),
        ("B200", "B200 SXM x 1 gpu, name"),
        ("MI300X", "MI300X x 1 gpu, name"),
        ("AMD MI300X on-demand", "MI300X x 1 gpu, name"),
        ("L40S", "L40S x 1 gpu, name"),
        ("RTX A6000", "RTX A6000 x 1 gpu, name"),
        ("RTX 4090 (spot)", "RTX 4090 x 1 gpu, name"),
        ("A100 80GB PCIe x 4", "A100 80GB PCIe x 4 machine, text"),
        ("H100 SXM x8 reserved", "H100 SXM5 x 8 machine, text"),
        ("H100 GPU hour", "H100 x 1 gpu, name"),
        ("H100 GPU-hours", "H100 x 1 gpu, name"),
        ("On-Demand H100", "H100 x 1 gpu, name"),
        ("L4 GPU hour", "L4 x 1 gpu, name"),
        ("GPU instance T4", "T4 x 1 gpu, name"),
    ];
    for provider in ["CoreWeave", "Nebius", "Together AI"] {
        check_texts(provider, &cases);
    }
    let texts = ["8x HGX H100"];
    check(
        &SkuEvidence { texts: &texts, gpu_count: Some(8.0), ..SkuEvidence::default() },
        "H100 SXM5 x 8 machine, declared",
    );
    let texts = ["NVIDIA H200"];
    check(
        &SkuEvidence { texts: &texts, gpu_count: Some(1.0), ..SkuEvidence::default() },
        "H200 SXM x 1 machine, declared",
    );
}

/// Texts with the word of a GPU that are about something else.
#[test]
fn words_of_gpus_in_other_texts() {
    for text in [
        "H100 support plan",
        "Support for NVIDIA H100",
        "L40S software licence",
        "T4g",
        "T4g instance",
        "t4g.large instance hours",
        "L4 load balancer",
        "L4 instance hours",
        "A10 Networks",
        "A10",
        "P40",
        "P40 instance",
        "Storage for H100 cluster",
        "H100 local NVMe storage",
        "4x P40 Disks",
        "B200 backup",
        "10x storage",
        "GPU 4",
        "GPU hours",
        "RTX",
    ] {
        for provider in ["CoreWeave", "Nebius", "Together AI", "AWS", "Microsoft"] {
            let texts = [text];
            let provider = Some(provider);
            check(&SkuEvidence { provider, texts: &texts, ..SkuEvidence::default() }, "none");
        }
    }
}

/// Names of nvidia-smi, `nvidia.com/gpu.product` of the GPU feature discovery, accelerator types
/// of Google Cloud and GKE, `HAMi` registrations, Karpenter's `instance-gpu-name`, vGPU types of
/// docs.nvidia.com.
#[test]
fn names_of_devices() {
    check_names(&[
        ("NVIDIA-H100-80GB-HBM3", "H100 SXM5 x 1 gpu, name"),
        ("NVIDIA-A100-SXM4-40GB", "A100 40GB SXM4 x 1 gpu, name"),
        ("NVIDIA-A10G", "A10G x 1 gpu, name"),
        ("NVIDIA-L4-SHARED", "L4 x 1 gpu, name"),
        ("Tesla-T4", "T4 x 1 gpu, name"),
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "A100 40GB SXM4 x 0.1429 gpu, name"),
        ("NVIDIA-A100-SXM4-40GB-MIG-3g.20gb-SHARED", "A100 40GB SXM4 x 0.4286 gpu, name"),
        ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", "A100 80GB SXM4 x 0.1429 gpu, name"),
        ("GRID A100D-40C", "A100 80GB PCIe x 0.5 gpu, name"),
        ("GRID A100D-1-20C", "A100 80GB PCIe x 0.1429 gpu, name"),
        ("NVIDIA A100-10C", "A100 40GB PCIe x 0.25 gpu, name"),
        ("NVIDIA H100XM-80C", "H100 SXM5 x 1 gpu, name"),
        ("NVIDIA L4-3Q", "L4 x 0.125 gpu, name"),
        ("NVIDIA-A10-8Q", "A10 x 0.3333 gpu, name"),
        ("nvidia-tesla-t4", "T4 x 1 gpu, name"),
        ("nvidia-l4", "L4 x 1 gpu, name"),
        ("nvidia-tesla-a100", "A100 40GB SXM4 x 1 gpu, name"),
        ("nvidia-tesla-p100", "nvidia-tesla-p100 x 1 gpu, name"),
        ("nvidia-h100-mega-80gb", "H100 SXM5 x 1 gpu, name"),
        ("nvidia-rtx-pro-6000", "nvidia-rtx-pro-6000 x 1 gpu, name"),
        ("NVIDIA-Tesla V100-PCIE-32GB", "V100 32GB PCIe x 1 gpu, name"),
        ("NVIDIA-NVIDIA A100-SXM4-80GB", "A100 80GB SXM4 x 1 gpu, name"),
        ("radeon-pro-v520", "radeon-pro-v520 x 1 gpu, name"),
        ("t4g", "t4g x 1 gpu, name"),
        ("NVIDIA GH200 480GB", "GH200 96GB x 1 gpu, name"),
        ("llvmpipe (LLVM 15.0.7, 256 bits)", "none"),
        ("GRID A100D-160C", "none"),
        ("NVIDIA L4 MIG 1g.6gb", "none"),
        ("CPU physical core", "companion"),
    ]);
}

/// Profiles of the MIG user guide; each list is one whole device.
#[test]
fn slices_of_one_device_add_up() {
    let catalog = Catalog::embedded().unwrap();
    let sum = |device: &str, profiles: &[&str]| -> f64 {
        profiles.iter().map(|it| catalog.gpu_fraction(device, Some(it)).unwrap()).sum()
    };
    for (device, profiles) in [
        ("NVIDIA A100-SXM4-40GB", &["1g.5gb"; 7][..]),
        ("NVIDIA A100-SXM4-80GB", &["4g.40gb", "3g.40gb"]),
        ("NVIDIA A100-SXM4-80GB", &["2g.20gb", "2g.20gb", "2g.20gb", "1g.10gb"]),
        ("NVIDIA H100 80GB HBM3", &["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb+me"]),
        ("NVIDIA H200", &["7g.141gb"]),
        ("NVIDIA B200", &["mig-1g.23gb", "1g.23gb", "1g.23gb", "4g.90gb"]),
        ("NVIDIA A30", &["1g.6gb", "1g.6gb+me", "2g.12gb"]),
        (
            "NVIDIA RTX PRO 6000 Blackwell Server Edition",
            &["2g.48gb+me.all", "1g.24gb-me", "1g.24gb+gfx"],
        ),
        ("NVIDIA RTX PRO 5000 Blackwell", &["1g.24gb", "1g.24gb"]),
        ("NVIDIA A100-SXM4-40GB", &["1c.3g.20gb", "2c.3g.20gb", "MIG 4g.20gb"]),
        ("A100", &["MIG1g", "MIG2g", "MIG4g"]),
    ] {
        let total = sum(device, profiles);
        assert!((total - 1.0).abs() < 1e-12, "{device} {profiles:?}: {total}");
    }
    // Memory is used up before compute is: the rest is idle, 1 - 6/7 and 1 - 4/7.
    assert!((sum("NVIDIA A100-SXM4-40GB", &["3g.20gb"; 2]) - 6.0 / 7.0).abs() < 1e-12);
    assert!((sum("NVIDIA A100-SXM4-80GB", &["1g.20gb"; 4]) - 4.0 / 7.0).abs() < 1e-12);
}

#[test]
fn fractions_of_devices() {
    let catalog = Catalog::embedded().unwrap();
    for (device, profile, expected) in [
        ("NVIDIA H100 80GB HBM3", None, Some(1.0)),
        ("NVIDIA H100 80GB HBM3", Some(""), Some(1.0)),
        ("NVIDIA-L4-SHARED", None, Some(1.0)),
        ("NVIDIA L4-12Q", None, Some(0.5)),
        ("GRID T4-8Q", None, Some(0.5)),
        ("GRID M60-2Q", None, Some(0.25)),
        ("NVIDIA A30", Some("4g.24gb"), Some(1.0)),
        ("NVIDIA A100-SXM4-80GB", Some("2c.4g.40gb"), Some(2.0 / 7.0)),
        // A GPU without MIG, a slice too many, a profile that is none, a device that is none.
        ("NVIDIA L4", Some("1g.6gb"), None),
        ("NVIDIA A30", Some("7g.80gb"), None),
        ("NVIDIA A100-SXM4-80GB", Some("0g.10gb"), None),
        ("NVIDIA A100-SXM4-80GB", Some("5c.4g.40gb"), None),
        ("NVIDIA A100-SXM4-80GB", Some("10gb"), None),
        ("NVIDIA A100-SXM4-80GB", Some("whole"), None),
        ("GRID T4-0Q", None, None),
        ("GRID T4-Q", None, None),
        ("Matrox G400", None, None),
        ("-shared", None, None),
        ("", None, None),
        ("ü-shared", None, None),
    ] {
        assert_eq!(catalog.gpu_fraction(device, profile), expected, "{device} {profile:?}");
    }
}
