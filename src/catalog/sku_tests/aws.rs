//! The bills of AWS, what is no GPU on any bill, and charges on top of a machine.

use super::*;

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

/// Instance types of EC2 and `SageMaker` with their GPUs by the Karpenter documentation.
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
