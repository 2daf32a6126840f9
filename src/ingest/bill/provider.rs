//! The names that bills give to providers, as the catalog spells them.

use super::columns::plain;

/// Names without case and punctuation, and the catalog's name: its own files, the names of consoles
/// and the legal names that FOCUS exports carry.
const NAMES: &[(&str, &str)] = &[
    ("amazon", "aws"),
    ("amazonwebservices", "aws"),
    ("aws", "aws"),
    ("awsmarketplace", "aws"),
    ("azure", "azure"),
    ("microsoft", "azure"),
    ("microsoftazure", "azure"),
    ("microsoftcloud", "azure"),
    ("gcp", "gcp"),
    ("google", "gcp"),
    ("googlecloud", "gcp"),
    ("googlecloudplatform", "gcp"),
    ("oci", "oci"),
    ("oracle", "oci"),
    ("oraclecloud", "oci"),
    ("oraclecloudinfrastructure", "oci"),
    ("coreweave", "coreweave"),
    ("crusoe", "crusoe"),
    ("crusoecloud", "crusoe"),
    ("crusoeenergy", "crusoe"),
    ("datacrunch", "verda"),
    ("verda", "verda"),
    ("digitalocean", "digitalocean"),
    ("paperspace", "digitalocean"),
    ("huggingface", "hf-endpoints"),
    ("hyperstack", "hyperstack"),
    ("nexgencloud", "hyperstack"),
    ("lambda", "lambda"),
    ("lambdacloud", "lambda"),
    ("lambdalabs", "lambda"),
    ("modal", "modal"),
    ("modallabs", "modal"),
    ("nebius", "nebius"),
    ("nebiusai", "nebius"),
    ("replicate", "replicate"),
    ("runpod", "runpod"),
    ("runpodio", "runpod"),
    ("vast", "vast"),
    ("vastai", "vast"),
];

/// Endings of company names that say nothing about which company it is.
const LEGAL_FORMS: &[&str] = &[
    "incorporated",
    "corporation",
    "limited",
    "emeasarl",
    "gmbh",
    "corp",
    "sarl",
    "inc",
    "llc",
    "ltd",
    "bv",
];

/// The catalog's name of a provider: `Amazon Web Services, Inc.` is `aws`. A name that is not known
/// is given back in lower case without blanks around it.
pub(in crate::ingest) fn provider_name(text: &str) -> String {
    let key = plain(text);
    known(&key)
        .or_else(|| LEGAL_FORMS.iter().find_map(|form| known(key.strip_suffix(form)?)))
        .map_or_else(|| text.trim().to_lowercase(), str::to_owned)
}

fn known(key: &str) -> Option<&'static str> {
    NAMES.iter().find(|(name, _)| *name == key).map(|(_, catalog)| *catalog)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_one_provider() {
        for (text, name) in [
            ("Amazon Web Services, Inc.", "aws"),
            ("Amazon Web Services EMEA SARL", "aws"),
            ("AWS", "aws"),
            ("Amazon Web Services", "aws"),
            ("Microsoft", "azure"),
            ("Microsoft Corporation", "azure"),
            ("microsoft azure", "azure"),
            ("Google Cloud", "gcp"),
            ("Google LLC", "gcp"),
            ("Google Cloud Platform", "gcp"),
            ("Oracle", "oci"),
            ("Oracle Cloud Infrastructure", "oci"),
            ("Oracle Corporation", "oci"),
            ("RunPod", "runpod"),
            ("Vast.ai", "vast"),
            ("Lambda Labs", "lambda"),
            ("DigitalOcean, LLC", "digitalocean"),
            ("Modal Labs", "modal"),
            ("Hugging Face", "hf-endpoints"),
            // Not in the catalog: the bill's own word.
            (" Acme GPU Cloud ", "acme gpu cloud"),
            ("Zinc", "zinc"),
        ] {
            assert_eq!(provider_name(text), name, "{text}");
        }
    }
}
