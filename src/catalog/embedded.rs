//! The files of `pricing/` inside the binary, so that it works offline and alone.

/// Name relative to `pricing/` and text, in the order of the names.
pub(super) const FILES: [(&str, &str); 27] = [
    ("aliases.toml", include_str!("../../pricing/aliases.toml")),
    ("assumptions.toml", include_str!("../../pricing/assumptions.toml")),
    ("fabrics.toml", include_str!("../../pricing/fabrics.toml")),
    ("gpus.toml", include_str!("../../pricing/gpus.toml")),
    ("launch.toml", include_str!("../../pricing/launch.toml")),
    ("models.toml", include_str!("../../pricing/models.toml")),
    ("offers/aws.toml", include_str!("../../pricing/offers/aws.toml")),
    ("offers/azure.toml", include_str!("../../pricing/offers/azure.toml")),
    ("offers/coreweave.toml", include_str!("../../pricing/offers/coreweave.toml")),
    ("offers/crusoe.toml", include_str!("../../pricing/offers/crusoe.toml")),
    ("offers/digitalocean.toml", include_str!("../../pricing/offers/digitalocean.toml")),
    ("offers/gcp-cloud-run.toml", include_str!("../../pricing/offers/gcp-cloud-run.toml")),
    ("offers/gcp.toml", include_str!("../../pricing/offers/gcp.toml")),
    ("offers/hf-endpoints.toml", include_str!("../../pricing/offers/hf-endpoints.toml")),
    ("offers/hyperstack.toml", include_str!("../../pricing/offers/hyperstack.toml")),
    ("offers/lambda.toml", include_str!("../../pricing/offers/lambda.toml")),
    ("offers/modal.toml", include_str!("../../pricing/offers/modal.toml")),
    ("offers/nebius.toml", include_str!("../../pricing/offers/nebius.toml")),
    ("offers/oci.toml", include_str!("../../pricing/offers/oci.toml")),
    ("offers/replicate.toml", include_str!("../../pricing/offers/replicate.toml")),
    ("offers/runpod-serverless.toml", include_str!("../../pricing/offers/runpod-serverless.toml")),
    ("offers/runpod.toml", include_str!("../../pricing/offers/runpod.toml")),
    ("offers/sagemaker.toml", include_str!("../../pricing/offers/sagemaker.toml")),
    ("offers/vast.toml", include_str!("../../pricing/offers/vast.toml")),
    ("offers/verda.toml", include_str!("../../pricing/offers/verda.toml")),
    ("serverless.toml", include_str!("../../pricing/serverless.toml")),
    ("skus.toml", include_str!("../../pricing/skus.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        // Tests run in the folder of the package, which `file!` is relative to.
        let folder = std::path::Path::new(file!()).with_file_name("../../pricing");
        let mut found = Vec::new();
        for (folder, prefix) in [(folder.clone(), ""), (folder.join("offers"), "offers/")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if name.strip_suffix(".toml").is_some() {
                    found.push(format!("{prefix}{name}"));
                }
            }
        }
        found.sort();
        assert_eq!(found, FILES.map(|(name, _)| name.to_owned()));
    }
}
