//! Real texts of bills and the GPUs behind them.

use proptest::prelude::*;

use super::*;

/// What a line is, in one line: label, GPUs of a unit, what a unit is, what decided.
fn said(found: &SkuMatch) -> String {
    match found {
        SkuMatch::Gpu(it) => {
            let counts = match it.counts {
                Counted::Machine => "machine",
                Counted::Gpu => "gpu",
            };
            let evidence = match it.evidence {
                Evidence::Declared { table: None } => "declared".to_owned(),
                Evidence::Declared { table: Some(table) } => format!("declared, table {table}"),
                Evidence::InstanceType => "type".to_owned(),
                Evidence::SkuText => "text".to_owned(),
                Evidence::GpuName => "name".to_owned(),
            };
            let gpus = format!("{:.4}", it.gpus_per_unit);
            let gpus = gpus.trim_end_matches('0').trim_end_matches('.');
            format!("{} x {gpus} {counts}, {evidence}", it.label)
        }
        SkuMatch::Companion => "companion".to_owned(),
        SkuMatch::Accelerator(name) => format!("accelerator {name}"),
        SkuMatch::None => "none".to_owned(),
    }
}

fn check(evidence: &SkuEvidence<'_>, expected: &str) {
    thread_local! {
        static CATALOG: Catalog = Catalog::embedded().unwrap();
    }
    CATALOG.with(|catalog| {
        let found = catalog.match_sku(evidence);
        assert_eq!(said(&found), expected, "{evidence:?}");
        if let SkuMatch::Gpu(it) = &found {
            let known = catalog.resolve_gpu(&it.label);
            assert!(!matches!(known, GpuMatch::Unknown), "{} is no name", it.label);
        }
    });
}

/// Each text alone, from this provider and from nobody in particular.
fn check_texts(provider: &str, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let texts = [*text];
        let line = SkuEvidence { texts: &texts, ..SkuEvidence::default() };
        check(&line, expected);
        check(&SkuEvidence { provider: Some(provider), ..line }, expected);
    }
}

/// Each name as the machine, from this provider.
fn check_types(provider: &str, cases: &[(&str, &str)]) {
    for (name, expected) in cases {
        let line = SkuEvidence {
            provider: Some(provider),
            instance_type: Some(name),
            ..SkuEvidence::default()
        };
        check(&line, expected);
    }
}

/// Each name as the GPU.
fn check_names(cases: &[(&str, &str)]) {
    for (name, expected) in cases {
        check(&SkuEvidence { gpu_name: Some(name), ..SkuEvidence::default() }, expected);
    }
}

/// Usage types and descriptions of the AWS price list, CUR and Cost Explorer; the two FOCUS
/// descriptions of `g5.4xlarge` and `g3.4xlarge` are of the FOCUS sample data.
#[test]
fn aws_texts() {
    check_texts(
        "Amazon Web Services",
        &[
            ("$1.624 per On Demand Linux g5.4xlarge Instance Hour", "A10G x 1 machine, text"),
            ("$1.14 per On Demand Linux g3.4xlarge Instance Hour", "M60 x 1 machine, text"),
            ("$55.04 per On Demand Linux p5.48xlarge Instance Hour", "H100 SXM5 x 8 machine, text"),
            ("BoxUsage:g4dn.xlarge", "T4 x 1 machine, text"),
            ("APS1-SpotUsage:g5.xlarge", "A10G x 1 machine, text"),
            ("USW2-BoxUsage:g4dn.16xlarge", "T4 x 1 machine, text"),
            ("USE1-Host:ml.g5.12xlarge", "A10G x 4 machine, text"),
            ("USE1-AsyncInf:ml.g6e.2xlarge", "L40S x 1 machine, text"),
            ("USE1-Studio:KernelGateway-ml.g4dn.xlarge", "T4 x 1 machine, text"),
            ("ml.p3.2xlarge-Hosting", "V100 16GB SXM2 x 1 machine, text"),
            ("$1.1267 per Hosting ml.g6.xlarge hour in US East (Ohio)", "L4 x 1 machine, text"),
            ("HeavyUsage:p4d.24xlarge", "A100 40GB SXM4 x 8 machine, text"),
            ("UnusedBox:p4de.24xlarge", "A100 80GB SXM4 x 8 machine, text"),
            (
                "g5.4xlarge Linux/UNIX Spot Instance-hour in US East (N. Virginia)",
                "A10G x 1 machine, text",
            ),
            ("stream.graphics.g6f.4xlarge", "L4 x 0.5 machine, text"),
            ("BoxUsage:g6f.large", "L4 x 0.125 machine, text"),
            ("USW2-BoxUsage:gr6.8xlarge", "L4 x 1 machine, text"),
            ("BoxUsage:g5g.16xlarge", "T4G x 2 machine, text"),
            ("BoxUsage:g4ad.16xlarge", "Radeon Pro V520 x 4 machine, text"),
            ("BoxUsage:p2.16xlarge", "K80 x 16 machine, text"),
            ("BoxUsage:p3dn.24xlarge", "V100 32GB SXM2 x 8 machine, text"),
            ("SpotUsage:g7e.12xlarge", "RTX PRO 6000 Blackwell Server x 2 machine, text"),
            ("BoxUsage:g7.24xlarge", "RTXPRO4500-32GB x 4 machine, text"),
            ("BoxUsage:p6-b200.48xlarge", "B200 SXM x 8 machine, text"),
            ("USE1-DFW1-BoxUsage:p6e-gb200.36xlarge", "GB200 x 4 machine, text"),
            ("u-p6e-gb200x72", "GB200 x 72 machine, text"),
        ],
    );
}

/// Instance types of EC2 and SageMaker with their GPUs by the Karpenter documentation.
#[test]
fn aws_types() {
    check_types(
        "AWS",
        &[
            ("p5.4xlarge", "H100 SXM5 x 1 machine, type"),
            ("p5e.48xlarge", "H200 SXM x 8 machine, type"),
            ("p5en.48xlarge", "H200 SXM x 8 machine, type"),
            ("ml.p6-b300.48xlarge", "B300 SXM x 8 machine, type"),
            ("g3s.xlarge", "M60 x 1 machine, type"),
            ("g4dn.metal", "T4 x 8 machine, type"),
            ("g6.48xlarge", "L4 x 8 machine, type"),
            ("G6E.24XLARGE", "L40S x 4 machine, type"),
            ("trn1.32xlarge", "accelerator AWS Trainium"),
            ("ml.trn2.48xlarge", "accelerator AWS Trainium"),
            ("ml.inf2.xlarge", "accelerator AWS Inferentia"),
            ("dl1.24xlarge", "accelerator Intel Gaudi HL-205"),
            // A size that is not listed is not guessed.
            ("g5.96xlarge", "none"),
        ],
    );
}

/// Not GPUs, though letters, digits or words say so: families of the EC2 price list, Azure disks
/// and database tiers, ECS types of Alibaba Cloud, plans of Linode, FOCUS sample data.
#[test]
fn not_gpus() {
    check_texts(
        "AWS",
        &[
            ("BoxUsage:m7g.4xlarge", "none"),
            ("BoxUsage:c6gn.16xlarge", "none"),
            ("BoxUsage:t4g.xlarge", "none"),
            ("BoxUsage:r8g.48xlarge", "none"),
            ("BoxUsage:x2gd.metal", "none"),
            ("BoxUsage:im4gn.4xlarge", "none"),
            ("BoxUsage:xg5.xlarge", "none"),
            ("InstanceUsage:db.g5.xlarge", "none"),
            ("NodeUsage:cache.r6g.large", "none"),
            ("EBS:VolumeUsage.gp3", "none"),
            ("$0.08 per GB-month of General Purpose (gp3) provisioned storage, GPU volume", "none"),
            ("SageMaker Studio notebook without GPU", "none"),
            ("GPUA3E29X6GJVE.JRTCKXETXF.6YS6EN2CT7", "none"),
            ("EKS-EC2-GPU-Hours", "none"),
            ("AWS Lambda - Total Compute - US West (Oregon)-Tier-1", "none"),
            ("NVIDIA GPU-Optimized AMI", "none"),
            ("Refund p5 hour", "none"),
            ("g5", "none"),
            ("", "none"),
        ],
    );
    check_texts(
        "Microsoft",
        &[
            ("Premium SSD Managed Disks - P40 LRS - US East", "none"),
            ("P4 DTUs", "none"),
            ("P40", "none"),
            ("Virtual Machines Dv2/DSv2 Series - D11 v2/DS11 v2 - US East 2", "none"),
            ("NVv4 Series", "none"),
            ("vm-nc6-test", "none"),
        ],
    );
    for (provider, name) in [
        ("Alibaba Cloud", "ecs.g6.xlarge"),
        ("Alibaba Cloud", "g7.2xlarge"),
        ("Linode", "g4-standard-12"),
        ("Google Cloud", "n2-standard-8"),
        ("Google Cloud", "g1-small"),
        ("Oracle", "VM.Standard.E4.Flex"),
        ("Oracle", "VM.Notgpu.A10"),
        ("DigitalOcean", "s-2vcpu-4gb"),
        ("Lambda", "cpu_4x_general"),
        ("AWS", "a2-highgpu-8g"),
    ] {
        check_types(provider, &[(name, "none")]);
    }
    check_texts("Alibaba Cloud", &[("ecs.g6.xlarge", "none"), ("ecs.gn7i-c8g1.2xlarge", "none")]);
}

/// Charges on top of a machine: EKS and EBS usage types of the AWS price lists, the marketplace
/// line of the FOCUS sample data, licences of the Oracle price list (B111824 ff.) and Azure.
#[test]
fn companions() {
    check_texts(
        "AWS",
        &[
            ("APN1-EKS-Auto:g6.xlarge-management-hours", "companion"),
            ("EBSOptimized:p2.xlarge", "companion"),
            ("$0.00 for 4245 Mbps per g3.4xlarge instance-hour (or partial hour)", "companion"),
            ("AWS Marketplace hourly software usage|us-east-1|g4dn.xlarge", "companion"),
            ("USW2-SoftwareUsage:g5.xlarge", "companion"),
        ],
    );
    let texts = ["ElasticMapReduce", "BoxUsage:g5.xlarge"];
    check(&SkuEvidence { texts: &texts, ..SkuEvidence::default() }, "companion");
    check_texts(
        "Oracle",
        &[
            ("OCI - NVIDIA AI Enterprise - H100", "companion"),
            ("Standard - E3 - Memory", "companion"),
            ("Compute - Standard - E4 - OCPU", "companion"),
            ("OCI - Compute - Standard - E6 Ax - OCPU", "companion"),
        ],
    );
    let texts = ["Virtual Machines Licenses", "8 vCPU VM License"];
    let licence = SkuEvidence {
        provider: Some("Microsoft"),
        instance_type: Some("Standard_NC40ads_H100_v5"),
        gpu_count: Some(1.0),
        texts: &texts,
        ..SkuEvidence::default()
    };
    check(&licence, "companion");
    check_types("Modal", &[("cpu-core", "companion")]);
}

/// ARM names and meters of the Azure retail price API; shares by the accelerator tables of
/// MicrosoftDocs/azure-compute-docs.
#[test]
fn azure_meters_and_types() {
    check_texts(
        "Microsoft",
        &[
            ("ND96isr H100 v5", "H100 SXM5 x 8 machine, text"),
            ("NC24ads A100 v4", "A100 80GB PCIe x 1 machine, text"),
            ("NC24ads A100 v4 Spot", "A100 80GB PCIe x 1 machine, text"),
            ("NC6s v3 Low Priority", "V100-PCIe-16GB x 1 machine, text"),
            (
                "Virtual Machines NDisrH100v5 Series - ND96isr H100 v5 - US East",
                "H100 SXM5 x 8 machine, text",
            ),
            (
                "Reserved VM Instance, Standard_ND96isr_H200_v5, US East, 1 Year",
                "H200 SXM x 8 machine, text",
            ),
            ("NV6ads A10 v5", "A10 x 0.1667 machine, text"),
            ("NV12ads A10 v5 Spot", "A10 x 0.3333 machine, text"),
            ("NV18ads A10 v5", "A10 x 0.5 machine, text"),
            ("NV36adms A10 v5", "A10 x 1 machine, text"),
            ("NV72ads A10 v5", "A10 x 2 machine, text"),
            ("NC64as T4 v3", "T4 x 4 machine, text"),
            ("ND96asr A100 v4", "A100 40GB SXM4 x 8 machine, text"),
            ("NV48s v3", "M60 x 4 machine, text"),
        ],
    );
    check_types(
        "Microsoft Azure",
        &[
            ("Standard_NC80adis_H100_v5", "H100 NVL x 2 machine, type"),
            ("Standard_NC40ADS_H100_V5", "H100 NVL x 1 machine, type"),
            ("Standard_ND96amsr_A100_v4", "A100 80GB SXM4 x 8 machine, type"),
            ("Standard_ND96asr_v4", "A100 40GB SXM4 x 8 machine, type"),
            ("Standard_ND96isr_MI300X_v5", "MI300X x 8 machine, type"),
            ("Standard_ND128isr_NDR_GB200_v6", "GB200 x 4 machine, type"),
            ("Standard_ND128isr_GB300_v6", "GB300 x 4 machine, type"),
            ("Standard_ND40rs_v2", "V100 32GB SXM2 x 8 machine, type"),
            ("Standard_NC24rs_v3", "V100-PCIe-16GB x 4 machine, type"),
            ("Standard_NC6", "K80 x 1 machine, type"),
            ("Standard_NC6s_v2", "P100 x 1 machine, type"),
            ("NC24r Promo", "K80 x 4 machine, type"),
            ("Standard_NV12ads_V710_v5", "Radeon Pro V710 x 0.5 machine, type"),
            ("Standard_NG8ads_V620_v1", "Radeon Pro V620 x 0.25 machine, type"),
            ("Standard_NV4as_v4", "MI25 x 0.125 machine, type"),
            (
                "Standard_NC36lds_xl_RTXPRO6000BSE_v6",
                "RTX PRO 6000 Blackwell Server x 0.25 machine, type",
            ),
            // Documented as GPUs without a count.
            ("Standard_NC16ads_A10_v4", "none"),
        ],
    );
}

/// SKU descriptions of the Cloud Billing catalog of Compute Engine (service 6F81-5844-456A).
#[test]
fn gcp_texts() {
    check_texts(
        "Google Cloud",
        &[
            ("Nvidia L4 GPU running in Iowa", "L4 x 1 gpu, text"),
            ("Nvidia L4 GPU attached to VMs running in Americas", "L4 x 1 gpu, text"),
            (
                "Nvidia L4 GPU attached to Spot Preemptible VMs running in Virginia",
                "L4 x 1 gpu, text",
            ),
            ("NVIDIA L4 GPU with no zonal redundancy in us-central1", "L4 x 1 gpu, text"),
            ("Nvidia Tesla T4 GPU running in Americas", "T4 x 1 gpu, text"),
            ("Nvidia Tesla T4 GPU attached to VMs", "T4 x 1 gpu, text"),
            ("Nvidia Tesla A100 GPU running in Americas", "A100 40GB SXM4 x 1 gpu, text"),
            (
                "Nvidia Tesla A100 80GB GPU attached to Spot Preemptible VMs running in Americas",
                "A100 80GB SXM4 x 1 gpu, text",
            ),
            ("Nvidia H100 80GB GPU running in us-central1", "H100 SXM5 x 1 gpu, text"),
            ("Nvidia H100 80GB Plus GPU running in Americas", "H100 SXM5 x 1 gpu, text"),
            ("Nvidia H100 80GB Mega GPU running in Frankfurt", "H100 SXM5 x 1 gpu, text"),
            (
                "Nvidia H100 Mega 80GB GPU attached to DWS Defined Duration VMs running in Americas",
                "H100 SXM5 x 1 gpu, text",
            ),
            ("H200 141GB GPU running in Belgium", "H200 SXM x 1 gpu, text"),
            ("A4 Nvidia B200 (1 gpu slice) running in Netherlands", "B200 SXM x 1 gpu, text"),
            (
                "Spot Preemptible A4 Nvidia B200 (1 gpu slice) running in Americas",
                "B200 SXM x 1 gpu, text",
            ),
            ("RTX 6000 96GB running in Oregon", "RTX PRO 6000 Blackwell Server x 1 gpu, text"),
            ("Nvidia Tesla V100 GPU running in europe-west3", "V100 16GB SXM2 x 1 gpu, text"),
            ("Nvidia Tesla P100 GPU running in us-east1", "P100 x 1 gpu, text"),
            (
                "Nvidia Tesla K80 GPU attached to Spot Preemptible VMs running in Warsaw",
                "K80 x 1 gpu, text",
            ),
            ("G2 Instance Core running in Columbus", "companion"),
            ("Spot Preemptible G2 Instance Ram running in Las Vegas", "companion"),
            ("A3Plus Instance Ram running in Tokyo", "companion"),
            ("Compute optimized Core running in Japan", "companion"),
            ("Commitment v1: Nvidia Tesla T4 GPU running in Americas for 3 Years", "companion"),
            ("Commitment v1: A4 Nvidia B200 (1 gpu slice) in Americas for 1 Year", "companion"),
            ("Licensing Fee for Windows Server 2019 on g2-standard-8 (GPU cost)", "companion"),
            // Whether this holds the GPU or the licence only is not known.
            ("Nvidia L4 Virtual Workstation GPU running in Netherlands", "none"),
            ("Nvidia L40 GPU running in Netherlands", "none"),
            ("Network Internet Egress Americas to China", "none"),
            ("Balanced PD Capacity", "none"),
            ("TpuV5e running in Iowa", "accelerator Google TPU"),
        ],
    );
}

/// Machine types of cloud.google.com/compute/docs/gpus, alone and on the rows of a detailed
/// export, where `machine_spec` stands on every row of the machine.
#[test]
fn gcp_machines_are_billed_in_parts() {
    check_types(
        "Google Cloud",
        &[
            ("a2-megagpu-16g", "A100 40GB SXM4 x 16 machine, type"),
            ("a2-ultragpu-2g", "A100 80GB SXM4 x 2 machine, type"),
            ("a3-highgpu-4g", "H100 SXM5 x 4 machine, type"),
            ("a3-ultragpu-8g", "H200 SXM x 8 machine, type"),
            ("a4x-highgpu-4g", "GB200 x 4 machine, type"),
            ("a4x-maxgpu-4g-metal", "GB300 x 4 machine, type"),
            ("g2-standard-96", "L4 x 8 machine, type"),
            ("g4-standard-6", "RTX PRO 6000 Blackwell Server x 0.125 machine, type"),
            ("g4-standard-384", "RTX PRO 6000 Blackwell Server x 8 machine, type"),
            ("ct6e-standard-4t", "accelerator Google TPU"),
        ],
    );
    for (text, expected) in [
        ("Nvidia L4 GPU attached to VMs running in Americas", "L4 x 1 gpu, text"),
        ("G2 Instance Core running in Americas", "companion"),
        ("G2 Instance Ram running in Americas", "companion"),
        ("Balanced PD Capacity", "companion"),
        ("Network Inter Zone Data Transfer Out", "companion"),
        ("4 machines g2-standard-8", "L4 x 1 machine, type"),
    ] {
        let texts = [text];
        let line = SkuEvidence {
            provider: Some("Google Cloud"),
            instance_type: Some("g2-standard-8"),
            texts: &texts,
            ..SkuEvidence::default()
        };
        check(&line, expected);
    }
}

/// Display names of the Oracle price list (products API, 2026-08-14) and compute shapes.
#[test]
fn oci_texts_and_shapes() {
    check_texts(
        "Oracle",
        &[
            ("OCI - Compute - GPU - H100", "H100 SXM5 x 1 gpu, text"),
            ("Oracle Cloud Infrastructure - Compute - GPU - B300", "B300 SXM x 1 gpu, text"),
            ("OCI - Compute - GPU - H200", "H200 SXM x 1 gpu, text"),
            ("OCI - Compute - GPU - GB200", "GB200 x 1 gpu, text"),
            ("OCI- Compute - GPU - MI355X", "MI355X x 1 gpu, text"),
            ("Compute  - GPU - A10", "A10 x 1 gpu, text"),
            ("Compute - GPU - A100 - v2", "A100 80GB SXM4 x 1 gpu, text"),
            ("Compute - GPU - L40S", "L40S x 1 gpu, text"),
            ("OCI - Compute - GPU - RTX PRO 6000", "RTX PRO 6000 Blackwell Server x 1 gpu, text"),
            ("Compute - GPU - E3", "unnamed GPU x 1 gpu, text"),
            ("OCI - Compute - GPU - H100T", "unnamed GPU x 1 gpu, text"),
        ],
    );
    check_types(
        "OCI",
        &[
            ("BM.GPU.H100.8", "H100 SXM5 x 8 machine, type"),
            ("BM.GPU4.8", "A100 40GB SXM4 x 8 machine, type"),
            ("BM.GPU.A100-v2.8", "A100 80GB SXM4 x 8 machine, type"),
            ("BM.GPU.A10.4", "A10 x 4 machine, type"),
            ("VM.GPU.A10.2", "A10 x 2 machine, type"),
            ("VM.GPU3.4", "V100 16GB SXM2 x 4 machine, type"),
            ("BM.GPU2.2", "P100 x 2 machine, type"),
            ("BM.GPU.MI300X.8", "MI300X x 8 machine, type"),
            ("BM.GPU.GB200.4 (NVL72)", "GB200 x 4 machine, type"),
            ("BM.GPU.A10.64", "none"),
        ],
    );
    // The shape names the GPU that the text leaves open; the quantity still counts GPUs.
    let texts = ["Compute - GPU - E3"];
    let line = SkuEvidence {
        provider: Some("Oracle"),
        instance_type: Some("BM.GPU4.8"),
        texts: &texts,
        ..SkuEvidence::default()
    };
    check(&line, "A100 40GB SXM4 x 1 gpu, text");
}

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

/// Names of nvidia-smi, `nvidia.com/gpu.product` of the GPU feature discovery, accelerator types
/// of Google Cloud and GKE, HAMi registrations, Karpenter's `instance-gpu-name`, vGPU types of
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

/// `GpuCount` of FOCUS `SkuPriceDetails`.
#[test]
fn a_declared_count_wins_and_the_table_stays_visible() {
    let line = |gpu_count, instance_type| SkuEvidence {
        gpu_count,
        instance_type,
        ..SkuEvidence::default()
    };
    for (count, instance_type, expected) in [
        (8.0, Some("Standard_ND96isr_H100_v5"), "H100 SXM5 x 8 machine, declared"),
        (4.0, Some("p5.48xlarge"), "H100 SXM5 x 4 machine, declared, table 8"),
        // What the provider counts is a virtual GPU: a sixth of an A10.
        (1.0, Some("Standard_NV6ads_A10_v5"), "A10 x 0.1667 machine, declared"),
        (0.5, Some("NV12ads_A10_v5"), "A10 x 0.5 machine, declared, table 0.3333333333333333"),
        // A size without a count has a GPU, once somebody counts.
        (2.0, Some("g5.96xlarge"), "A10G x 2 machine, declared"),
        (16.0, Some("zz9.large"), "unnamed GPU x 16 machine, declared"),
        (3.0, None, "unnamed GPU x 3 machine, declared"),
        (0.0, Some("p5.48xlarge"), "H100 SXM5 x 8 machine, type"),
        (0.0, Some("m7i.large"), "none"),
        (-1.0, None, "none"),
        (f64::NAN, None, "none"),
        (f64::INFINITY, None, "none"),
    ] {
        check(&line(Some(count), instance_type), expected);
    }
    let named = SkuEvidence { gpu_name: Some("NVIDIA A40"), ..line(Some(4.0), None) };
    check(&named, "A40 x 4 machine, declared");
    let vgpu = SkuEvidence { gpu_name: Some("GRID A100D-20C"), ..line(Some(2.0), None) };
    check(&vgpu, "A100 80GB PCIe x 0.5 machine, declared");
    // The count of the machine does not multiply a quantity that counts GPUs already.
    let texts = ["OCI - Compute - GPU - H100"];
    let row = SkuEvidence { texts: &texts, ..line(Some(8.0), Some("BM.GPU.H100.8")) };
    check(&row, "H100 SXM5 x 1 gpu, text");
    // The machine's field is stronger than words about another one.
    let texts = ["migrated from g5.xlarge"];
    let row = SkuEvidence { texts: &texts, ..line(None, Some("p5.48xlarge")) };
    check(&row, "H100 SXM5 x 8 machine, type");
}

#[test]
fn the_machine_is_named_where_the_text_names_it() {
    let catalog = Catalog::embedded().unwrap();
    let named = |instance_type, texts: &[&str]| {
        let line = SkuEvidence { instance_type, texts, ..SkuEvidence::default() };
        match catalog.match_sku(&line) {
            SkuMatch::Gpu(it) => it.instance_type,
            _ => None,
        }
    };
    assert_eq!(named(None, &["NC24ads A100 v4 Spot"]).as_deref(), Some("NC24ads_A100_v4"));
    assert_eq!(named(None, &["BoxUsage:g5.xlarge"]).as_deref(), Some("g5.xlarge"));
    assert_eq!(named(Some("ml.g5.xlarge"), &[]).as_deref(), Some("ml.g5.xlarge"));
    assert_eq!(
        named(Some("g2-standard-8"), &["Nvidia L4 GPU running in Iowa"]).as_deref(),
        Some("g2-standard-8")
    );
    assert_eq!(named(None, &["Nvidia L4 GPU running in Iowa"]), None);
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

#[test]
fn every_machine_with_a_price_is_recognised() {
    let catalog = Catalog::embedded().unwrap();
    let mut checked = 0;
    for offer in catalog.offers.iter().filter(|it| it.gpu_count > 0) {
        // The marketplace lists GPUs under names such as `cheapest-verified-offer`.
        let nameless = offer.provider == "vast";
        let line = SkuEvidence {
            provider: Some(&offer.provider),
            instance_type: Some(&offer.instance_type),
            gpu_name: nameless.then_some(offer.gpu_label.as_str()),
            ..SkuEvidence::default()
        };
        let SkuMatch::Gpu(found) = catalog.match_sku(&line) else {
            panic!("{} is not recognised", offer.id)
        };
        let gpus = found.gpus_per_unit;
        assert!((gpus - f64::from(offer.gpu_count)).abs() < 1e-9, "{}: {gpus}", offer.id);
        match catalog.resolve_gpu(&found.label) {
            GpuMatch::Known(pool) => {
                let has = |gpu: &String| pool.iter().any(|it| it.name == *gpu);
                assert!(
                    !offer.gpus.is_empty() && offer.gpus.iter().all(has),
                    "{}: {}",
                    offer.id,
                    found.label
                );
            }
            GpuMatch::Listed => assert!(offer.gpus.is_empty(), "{}: {}", offer.id, found.label),
            GpuMatch::Unknown => panic!("{}: {}", offer.id, found.label),
        }
        checked += 1;
    }
    assert!(checked > 480, "{checked}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pieces that the rules look for, put together in any order.
    #[test]
    fn any_line_is_read(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "g5.xlarge", "nvidia", " mig ", "-MIG-", "1g.10gb", "GRID ", "A100D-", "10C", "h100",
                "gpu_", "8x ", "_", ":", "!", "-SHARED", "ü", " gpu running in ", "NC6", "0", "\u{1f}",
            ]),
            0..8,
        ),
        gpu_count in prop::option::of(prop::num::f64::ANY),
    ) {
        let text = pieces.concat();
        let catalog = Catalog::embedded().unwrap();
        let texts = [text.as_str()];
        for line in [
            SkuEvidence { gpu_count, texts: &texts, ..SkuEvidence::default() },
            SkuEvidence { gpu_count, instance_type: Some(&text), ..SkuEvidence::default() },
            SkuEvidence { gpu_count, gpu_name: Some(&text), ..SkuEvidence::default() },
        ] {
            if let SkuMatch::Gpu(found) = catalog.match_sku(&line) {
                prop_assert!(found.gpus_per_unit > 0.0 && found.gpus_per_unit.is_finite());
                prop_assert!(!matches!(catalog.resolve_gpu(&found.label), GpuMatch::Unknown));
            }
        }
        let share = catalog.gpu_fraction(&text, Some(&text));
        prop_assert!(share.is_none_or(|it| it > 0.0 && it <= 1.0));
    }
}
