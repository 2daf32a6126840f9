//! The catalog as it ships.

use super::*;
use crate::units::Bytes;

fn shipped() -> Catalog {
    Catalog::embedded().unwrap()
}

#[test]
fn ships_every_row() {
    let catalog = shipped();
    let rows = |name: &str| catalog.file(name).unwrap().rows;
    assert_eq!((catalog.gpus.len(), catalog.models.len()), (41, 109));
    assert_eq!((rows("gpus.toml"), rows("models.toml")), (41, 109));
    for (provider, expected) in [
        ("aws", 90),
        ("azure", 45),
        ("coreweave", 16),
        ("crusoe", 29),
        ("digitalocean", 33),
        ("gcp", 79),
        ("gcp-cloud-run", 2),
        ("hf-endpoints", 28),
        ("hyperstack", 14),
        ("lambda", 95),
        ("modal", 8),
        ("nebius", 7),
        ("oci", 14),
        ("replicate", 14),
        ("runpod", 262),
        ("runpod-serverless", 19),
        ("sagemaker", 13),
        ("vast", 67),
        ("verda", 111),
    ] {
        assert_eq!(rows(&format!("offers/{provider}.toml")), expected, "{provider}");
    }
    assert_eq!(catalog.offers.len(), 506);
    assert_eq!(catalog.files.len(), 27);
    assert!(catalog.files.iter().all(|it| it.sha256.len() == 64 && !it.newest_as_of.is_empty()));
    assert_eq!(catalog.file("offers/aws.toml").unwrap().newest_as_of, "2026-11-09");
}

#[test]
fn memory_is_two_numbers() {
    let catalog = shipped();
    for (name, driver_gib, cuda_gib, estimated) in [
        ("H100 SXM5", 79.65, 79.19, false),
        ("L4", 22.49, 22.07, false),
        ("T4", 15.0, 14.56, false),
        ("A100 80GB SXM4", 80.0, 79.15, false),
        ("A100 40GB SXM4", 40.0, 39.2, true),
        ("MI300X", 186.24, 182.52, true),
        ("GH200 144GB", 139.68, 136.89, true),
    ] {
        let gpu = catalog.gpu(name).unwrap();
        assert!(
            (gpu.driver_total.to_gib() - driver_gib).abs() < 0.006,
            "{name} {}",
            gpu.driver_total.to_gib()
        );
        assert!(
            (gpu.cuda_total.to_gib() - cuda_gib).abs() < 0.006,
            "{name} {}",
            gpu.cuda_total.to_gib()
        );
        assert_eq!(gpu.memory_estimated, estimated, "{name}");
    }
    assert_eq!(catalog.gpu("h100sxm5").unwrap().driver_total, Bytes::from_mib(81_559));
    assert!(catalog.gpus.iter().all(|it| it.cuda_total < it.driver_total));
}

#[test]
fn wiring_and_formats() {
    let catalog = shipped();
    for (name, wiring) in [
        ("H100 SXM5", Wiring::Switched),
        ("A100 80GB PCIe", Wiring::Pairs),
        ("L40S", Wiring::PcieOnly),
        ("RTX 4090", Wiring::PcieOnly),
        ("GH200 96GB", Wiring::PcieOnly),
        ("MI300X", Wiring::Switched),
        ("V100 32GB SXM2", Wiring::Pairs),
    ] {
        assert_eq!(catalog.gpu(name).unwrap().wiring, wiring, "{name}");
    }
    let without_bf16: Vec<&str> =
        catalog.gpus.iter().filter(|it| !it.native_bf16).map(|it| it.name.as_str()).collect();
    assert_eq!(without_bf16.len(), 5);
    assert!(without_bf16.iter().all(|it| it.starts_with("T4") || it.starts_with("V100")));
    assert!((catalog.gpu("A100 80GB PCIe").unwrap().memory_bandwidth_gb_s - 1935.0).abs() < 1e-9);
}

#[test]
fn a_gpu_has_many_names() {
    let catalog = shipped();
    let check = |text: &str, expected: &[&str]| {
        let GpuMatch::Known(found) = catalog.resolve_gpu(text) else {
            panic!("{text} is not known")
        };
        assert_eq!(found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), expected, "{text}");
    };
    for text in ["H100-SXM-80GB", "NVIDIA H100 80GB HBM3", "H100-80GB-SXM", "h100_sxm", "H100 SXM5"]
    {
        check(text, &["H100 SXM5"]);
    }
    for text in ["A100 80GB SXM", "NVIDIA A100-SXM4-80GB", "A100-SXM-80GB", "a100 80gb sxm4"] {
        check(text, &["A100 80GB SXM4"]);
    }
    for (text, gpu) in [
        ("NVIDIA L40S", "L40S"),
        ("Tesla T4", "T4"),
        ("NVIDIA A10G", "A10G"),
        ("nvidia-l4", "L4"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("AMD Instinct MI300X", "MI300X"),
        ("GB200-192GB", "GB200"),
    ] {
        check(text, &[gpu]);
    }
    check("A100-80GB", &["A100 80GB SXM4", "A100 80GB PCIe"]);
    assert_eq!(catalog.resolve_gpu("A100-80GB").slowest().unwrap().name, "A100 80GB PCIe");
    assert_eq!(catalog.resolve_gpu("L4|A5000|RTX3090-24GB").slowest().unwrap().name, "L4");
    assert!(matches!(catalog.resolve_gpu("RTXA5000-24GB"), GpuMatch::Listed));
    assert!(matches!(catalog.resolve_gpu("H1000"), GpuMatch::Unknown));
    assert!(matches!(catalog.resolve_gpu(""), GpuMatch::Unknown));
    assert_eq!(catalog.suggest_gpu("H1OO SXM5"), ["H100 SXM5", "A100 40GB SXM4"][..1]);
    assert!(catalog.suggest_gpu("").is_empty());
}

#[test]
fn every_simulated_offer_names_a_gpu_of_the_catalog() {
    let catalog = shipped();
    let simulated: Vec<&Offer> =
        catalog.offers.iter().filter(|it| catalog.is_simulated(it)).collect();
    assert!(simulated.len() > 350, "{}", simulated.len());
    for offer in &simulated {
        assert!(offer.gpu_count > 0 && !offer.gpus.is_empty(), "{}", offer.id);
        assert!(offer.gpus.iter().all(|it| catalog.gpu(it).is_some()), "{}", offer.id);
    }
    // Every label is a known name, with or without a specification.
    for offer in &catalog.offers {
        assert!(
            !matches!(catalog.resolve_gpu(&offer.gpu_label), GpuMatch::Unknown),
            "{}",
            offer.id
        );
    }
    let pooled = catalog.offers_for("A100 80GB PCIe").filter(|it| it.gpus.len() > 1).count();
    assert!(pooled > 0);
    assert!(catalog.offers_for("A100 80GB SXM4").all(|it| it.gpus.len() == 1));
    assert_eq!(catalog.offers_for("no such GPU").count(), 0);
}

#[test]
fn prices_of_a_list() {
    let catalog = shipped();
    let offer = catalog.offer("aws/p5.48xlarge/H100-SXM-80GB/8/us-east-1/payg").unwrap();
    assert_eq!(
        (offer.rate.to_decimal_string().as_str(), offer.as_of.as_str()),
        ("55.04", "2026-11-09")
    );
    let list: Vec<&Offer> = catalog.price_list().collect();
    assert_eq!(list.len(), catalog.offers.len());
    assert!(list.is_sorted_by_key(|it| (&it.gpu_label, it.purchase, it.rate.nano())));
    assert_eq!(catalog.offers.iter().filter(|it| it.derived).count(), 47);
    let spot = catalog
        .offers
        .iter()
        .find(|it| it.provider == "runpod" && it.purchase == Purchase::Spot)
        .unwrap();
    assert!(catalog.reason(spot).unwrap().contains("2026-05-06"));
    assert!(!catalog.is_simulated(spot));
    let active = |it: &&Offer| it.purchase == Purchase::ServerlessActive;
    assert_eq!(catalog.offers.iter().filter(active).count(), 9);
    assert!(catalog.offers.iter().filter(active).all(|it| !catalog.is_simulated(it)));
}

#[test]
fn a_model_is_found_by_what_people_write() {
    let catalog = shipped();
    for (text, expected) in [
        ("META-LLAMA/meta-llama-3.1-8b", Some("meta-llama/Meta-Llama-3.1-8B")),
        ("Meta-Llama-3.1-8B", Some("meta-llama/Meta-Llama-3.1-8B")),
        ("meta-llama/Llama-3.1-8B-Instruct", Some("meta-llama/Meta-Llama-3.1-8B")),
        ("Qwen/Qwen2.5-7B-Instruct", Some("Qwen/Qwen2.5-7B")),
        ("meta-llama/Llama-2-7b-chat-hf", Some("meta-llama/Llama-2-7b-hf")),
        ("other/Meta-Llama-3.1-8B", Some("meta-llama/Meta-Llama-3.1-8B")),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", Some("meta-llama/Llama-3.3-70B-Instruct")),
        ("Llama 2 7 B", Some("meta-llama/Llama-2-7b-hf")),
        ("moonshotai/Kimi-Dev-72B", Some("Qwen/Qwen2.5-72B")),
        ("nvidia/DeepSeek-V3.1-NVFP4", Some("deepseek-ai/DeepSeek-V3")),
        ("Qwen/Qwen-1_8B-Chat", Some("Qwen/Qwen-1_8B")),
        ("Mixtral-8x7B-Instruct", Some("mistralai/Mixtral-8x7B-v0.1")),
        ("Qwen/Qwen3-4B-Instruct-2507", None),
        ("Llama-2-27b", None),
        ("Qwen3-VL", None),
        ("", None),
    ] {
        assert_eq!(catalog.model(text).map(|it| it.id.as_str()), expected, "{text}");
    }
    assert_eq!(catalog.suggest_model("Qwen2.5-7")[0], "Qwen/Qwen2.5-7B");
}

#[test]
fn every_name_of_a_model_leads_to_it_with_and_without_its_organization() {
    let catalog = shipped();
    for model in &catalog.models {
        for name in model.names() {
            let short = name.rsplit_once('/').map_or(name, |(_, it)| it);
            for text in [name, short, &format!("unsloth/{short}-FP8")] {
                let found = catalog.model(text).map(|it| it.id.as_str());
                assert_eq!(found, Some(model.id.as_str()), "{text}");
            }
        }
    }
}

#[test]
fn every_gpu_has_a_fabric() {
    let catalog = shipped();
    for (name, fabric, link) in [
        ("H100 SXM5", "NVLink4 switch", 900.0),
        ("L40S", "PCIe 4", 64.0),
        ("A100 80GB PCIe", "NVLink3 bridge", 600.0),
        ("MI300X", "Infinity Fabric", 896.0),
    ] {
        let found = &catalog.gpu(name).unwrap().fabric;
        assert_eq!((found.name.as_str(), found.link_gb_s.to_bits()), (fabric, f64::to_bits(link)));
    }
    for gpu in &catalog.gpus {
        let pcie = gpu.wiring == Wiring::PcieOnly;
        assert_eq!(gpu.fabric.name.starts_with("PCIe"), pcie, "{}", gpu.name);
    }
    assert_eq!(catalog.networks.len(), 5);
}
