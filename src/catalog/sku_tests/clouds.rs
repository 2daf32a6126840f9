//! The bills of Azure, Google Cloud and Oracle.

use super::*;

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
                "Nvidia H100 Mega 80GB GPU attached to DWS Defined Duration VMs running in Iowa",
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
