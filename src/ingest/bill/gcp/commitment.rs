//! The name of a commitment to resources. Its fee and what it covers are SKUs of their own that share
//! no id; what their descriptions have in common is the resource and the place.

/// Words that only one of the two sides writes, in lower case. Machines of the series N1 are those
/// that a commitment does not name.
const ONE_SIDED: [&str; 10] = [
    "running",
    "instance",
    "predefined",
    "custom",
    "n1",
    "tesla",
    "reserved",
    "attached",
    "to",
    "vms",
];

/// Whether an SKU is the fee of a commitment to resources: `Commitment v1: G2 Cpu in Iowa for 1 Year`,
/// `Commitment: Compute optimized Core running in Iowa for 1 Year`.
pub(super) fn is_fee_for_resources(sku: &str) -> bool {
    sku.starts_with("Commitment v") || sku.starts_with("Commitment: ")
}

/// The name: `G2 Core in Iowa` of `Commitment v1: G2 Cpu in Iowa for 1 Year` and of `G2 Instance Core
/// running in Iowa`. Terms of one and of three years have one name, for credits do not tell them apart.
pub(super) fn name(sku: &str) -> String {
    let words: Vec<&str> = sku.split_whitespace().collect();
    let words = match words.as_slice() {
        ["Commitment:", rest @ ..] => rest,
        ["Commitment", version, rest @ ..] if version.ends_with(':') => rest,
        all => all,
    };
    let words = match words {
        [rest @ .., link, _, years] if is_term(link, years) => rest,
        all => all,
    };
    let kept = words.iter().filter(|it| !ONE_SIDED.contains(&it.to_ascii_lowercase().as_str()));
    let kept: Vec<&str> = kept.map(|it| spelled(it)).collect();
    kept.join(" ").replace("SSD backed Local Storage", "Local SSD")
}

/// `for 1 Year`, `for 3 years`.
fn is_term(link: &str, years: &str) -> bool {
    link.eq_ignore_ascii_case("for") && years.to_ascii_lowercase().starts_with("year")
}

/// Words in one spelling.
fn spelled(word: &str) -> &str {
    match word.to_ascii_lowercase().as_str() {
        "cpu" | "core" => "Core",
        "ram" => "Ram",
        "gpu" => "GPU",
        "in" => "in",
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spellings of the public catalog of SKUs, read 2026-11.
    #[test]
    fn fees_and_what_they_cover_have_one_name() {
        for (fee, used, expected) in [
            (
                "Commitment v1: Nvidia L4 GPU running in Iowa for 1 Year",
                "Nvidia L4 GPU running in Iowa",
                "Nvidia L4 GPU in Iowa",
            ),
            (
                "Commitment v1: Nvidia L4 GPU in Frankfurt for 3 Years",
                "Nvidia L4 GPU attached to VMs running in Frankfurt",
                "Nvidia L4 GPU in Frankfurt",
            ),
            (
                "Commitment v1: Nvidia Tesla T4 GPU running in Americas for 3 Year",
                "Nvidia Tesla T4 GPU running in Americas",
                "Nvidia T4 GPU in Americas",
            ),
            (
                "Commitment v1: A4 Nvidia B200 (1 gpu slice) in Iowa for 1 Year",
                "A4 Nvidia B200 (1 gpu slice) running in Iowa",
                "A4 Nvidia B200 (1 GPU slice) in Iowa",
            ),
            (
                "Commitment v1: RTX 6000 96GB running in Iowa for 1 Year",
                "RTX 6000 96GB running in Iowa",
                "RTX 6000 96GB in Iowa",
            ),
            (
                "Commitment v1: Nvidia H100 80GB Mega GPU running in Iowa for 1 Year",
                "Reserved Nvidia H100 80GB Mega GPU in Iowa",
                "Nvidia H100 80GB Mega GPU in Iowa",
            ),
            (
                "Commitment v1: G2 Cpu in Iowa for 1 Year",
                "G2 Instance Core running in Iowa",
                "G2 Core in Iowa",
            ),
            (
                "Commitment v1: G2 Ram in Berlin for 1 year",
                "G2 Custom Instance Ram running in Berlin",
                "G2 Ram in Berlin",
            ),
            (
                "Commitment v1: Cpu in Montreal for 1 Year",
                "N1 Predefined Instance Core running in Montreal",
                "Core in Montreal",
            ),
            (
                "Commitment: Compute optimized Core running in Iowa for 1 Year",
                "Compute optimized Core running in Iowa",
                "Compute optimized Core in Iowa",
            ),
            (
                "Commitment v1: Local SSD In Iowa for 1 Year",
                "SSD backed Local Storage in Iowa",
                "Local SSD in Iowa",
            ),
        ] {
            assert!(is_fee_for_resources(fee) && !is_fee_for_resources(used));
            assert_eq!([name(fee), name(used)], [expected, expected]);
        }
        assert!(!is_fee_for_resources("Commitment - dollar based v1: GCE for 1 year"));
    }
}
