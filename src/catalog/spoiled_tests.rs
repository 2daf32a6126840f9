//! Every way to spoil a catalog, and what the user is told.

use proptest::prelude::*;

use super::*;

/// The shipped text of a file with one piece replaced.
fn spoiled(name: &str, from: &str, to: &str) -> Vec<(String, String)> {
    let (_, text) = embedded::FILES.into_iter().find(|(it, _)| *it == name).unwrap();
    assert!(text.contains(from), "{name} has no {from:?}");
    vec![(name.to_owned(), text.replacen(from, to, 1))]
}

fn offers(rows: &str) -> Vec<(String, String)> {
    vec![("offers/test.toml".to_owned(), rows.to_owned())]
}

/// An offer in eight lines; later fields of `with` replace the usual ones.
fn row(with: &[(&str, &str)]) -> String {
    let usual = [
        ("instance_type", "\"box\""),
        ("gpu", "\"H100-SXM-80GB\""),
        ("gpu_count", "1"),
        ("region", "\"here\""),
        ("purchase", "\"payg\""),
        ("price_per_hour", "\"2.00\""),
        ("as_of", "\"2026-11-01\""),
        ("source", "\"test\""),
    ];
    let mut lines = vec!["[[offer]]".to_owned()];
    let extra = with.iter().filter(|(key, _)| usual.iter().all(|(it, _)| it != key));
    for (key, value) in usual.iter().chain(extra) {
        let value = with.iter().find(|(it, _)| it == key).map_or(*value, |(_, value)| value);
        lines.push(format!("{key} = {value}"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn check_error(files: &[(String, String)], expected: &str) {
    let error = Catalog::overlaid(files).unwrap_err();
    let found = error.to_string();
    assert!(found.contains(expected), "{found}\nwas expected to contain\n{expected}");
    assert!(!error.hint().is_empty());
}

#[test]
fn the_newest_row_wins() {
    let price = |rows: String| {
        let catalog = Catalog::overlaid(&offers(&rows)).unwrap();
        let found: Vec<String> = catalog
            .offers
            .iter()
            .filter(|it| it.provider == "test")
            .map(|it| it.rate.to_decimal_string())
            .collect();
        found.join(" ")
    };
    let at = |date, price| row(&[("as_of", date), ("price_per_hour", price)]);
    let month = at("\"2026-10\"", "\"3.00\"");
    let day = at("\"2026-10-05\"", "\"2.50\"");
    let year = at("\"2026\"", "\"9.00\"");
    for order in [[&month, &day, &year], [&day, &year, &month], [&year, &month, &day]] {
        assert_eq!(price(order.map(String::as_str).concat()), "2.50");
    }
    assert_eq!(price(format!("{day}{day}")), "2.50");
    assert_eq!(price(String::new()), "");
}

#[test]
fn a_bad_offer_is_found_by_file_and_line() {
    for (with, expected) in [
        (("price_per_hour", "\"\""), "offers/test.toml:7: `price_per_hour` is not a price"),
        (
            ("price_per_hour", "\"two\""),
            "offers/test.toml:7: `price_per_hour` is not a price: `two` is not a decimal amount",
        ),
        (("price_per_hour", "2.0"), "offers/test.toml:7: invalid type: floating point"),
        (("price_per_hour", "\"-1\""), "offers/test.toml:7: `price_per_hour` is -1"),
        (("price_per_hour", "\"0.00\""), "offers/test.toml:7: `price_per_hour` is 0.00"),
        (("source", "\" \""), "offers/test.toml:9: `source` is empty"),
        (("as_of", "\"\""), "offers/test.toml:8: `as_of` is empty"),
        (("as_of", "\"09/11/2026\""), "offers/test.toml:8: `as_of` is not a date"),
        (("purchase", "\"on-demand\""), "offers/test.toml:6: `purchase` is \"on-demand\""),
        (("currency", "\"dollars\""), "offers/test.toml:10: `currency` is \"dollars\""),
        (("colour", "1"), "offers/test.toml:10: unknown field `colour`"),
        (
            ("instance_type", "\"gpu_8x_h100\""),
            "offers/test.toml:4: `gpu_count` is 1, but \"gpu_8x_h100\" says 8",
        ),
        (("reason", "\"\""), "offers/test.toml:10: `reason` is empty"),
        (("withdrawn", "true"), "offers/test.toml:10: `reason` is empty"),
        (("billing_granularity_s", "0"), "offers/test.toml:10: `billing_granularity_s` is 0"),
    ] {
        check_error(&offers(&row(&[with])), expected);
    }
    let without_source = row(&[]).replace("source = \"test\"\n", "");
    check_error(&offers(&without_source), "offers/test.toml:1: missing field `source`");
    let second = row(&[("price_per_hour", "\"2.01\"")]);
    check_error(
        &offers(&format!("{}{second}", row(&[]))),
        "offers/test.toml:10: test/box/H100-SXM-80GB/1/here/payg has two prices of 2026-11-01: 2.00 and 2.01",
    );
}

#[test]
fn spot_is_cheaper_or_says_why() {
    let payg = row(&[]);
    let spot = |price, region| {
        row(&[("purchase", "\"spot\""), ("price_per_hour", price), ("region", region)])
    };
    let load = |spot: String| Catalog::overlaid(&offers(&format!("{payg}{spot}")));
    check_error(
        &offers(&format!("{payg}{}", spot("\"2.00\"", "\"here\""))),
        "offers/test.toml:16: spot at 2.00 is not below pay as you go at 2.00 for \"box\"",
    );
    check_error(&offers(&format!("{payg}{}", spot("\"2.5\"", "\"here/zone-1\""))), "not below");
    assert!(load(spot("\"1.99\"", "\"here\"")).is_ok());
    assert!(load(spot("\"2.50\"", "\"elsewhere\"")).is_ok());
    let said = spot("\"2.00\"", "\"here\"") + "reason = \"withdrawn\"\n";
    let catalog = load(said).unwrap();
    let offer = catalog.offer("test/box/H100-SXM-80GB/1/here/spot").unwrap();
    assert_eq!(catalog.reason(offer), Some("withdrawn"));
}

#[test]
fn an_unknown_gpu_is_listed_and_never_simulated() {
    let catalog = Catalog::overlaid(&offers(&row(&[("gpu", "\"Abacus 3\"")]))).unwrap();
    let offer = catalog.offers.iter().find(|it| it.provider == "test").unwrap();
    assert!(offer.gpus.is_empty() && !catalog.is_simulated(offer));
    assert!(catalog.simulated_gpu(offer).is_none());
}

#[test]
fn fabrics_are_checked_too() {
    for (name, from, to, expected) in [
        (
            "gpus.toml",
            "fabric = \"PCIe 4\"",
            "fabric = \"string\"",
            "`fabric` is \"string\", expected the name of a `fabric` in fabrics.toml",
        ),
        (
            "fabrics.toml",
            "name = \"PCIe 3\"",
            "name = \"InfiniBand HDR\"",
            "the fabric \"InfiniBand HDR\" is there twice",
        ),
        (
            "fabrics.toml",
            "gpus = [2, 4, 8]",
            "gpus = [2, 8, 4]",
            "`gpus` is [2, 8, 4], expected counts from 2 on, the smallest first",
        ),
        (
            "fabrics.toml",
            "latency_us = [6.7, 13, 28]",
            "latency_us = [6.7, 13]",
            "`latency_us` is 2 numbers, expected as many as `gpus`",
        ),
        (
            "fabrics.toml",
            "kernel_latency_us = [6.4]",
            "kernel_latency_us = [6.4, 7]",
            "`kernel_bandwidth_gb_s` is 1 numbers, expected as many as `kernel_latency_us`",
        ),
        (
            "fabrics.toml",
            "measured_gpus = [2, 4, 8]",
            "measured_gpus = [16]",
            "`measured_gpus` is 16, expected a count in `gpus`",
        ),
        (
            "fabrics.toml",
            "bus_bandwidth_gb_s = 9.2",
            "bus_bandwidth_gb_s = 0",
            "`bus_bandwidth_gb_s` is 0, expected a positive number",
        ),
    ] {
        check_error(&spoiled(name, from, to), expected);
    }
}

#[test]
fn gpus_and_aliases_are_checked_too() {
    for (name, from, to, expected) in [
        (
            "gpus.toml",
            "vendor = \"NVIDIA\"",
            "vendor = \"Matrox\"",
            "gpus.toml:11: `vendor` is \"Matrox\", expected NVIDIA, AMD or Intel",
        ),
        ("gpus.toml", "wiring = \"pairs\"", "wiring = \"rope\"", "`wiring` is \"rope\""),
        ("gpus.toml", "as_of = \"2026-11-23\"\n", "", "gpus.toml:9: missing field `as_of`"),
        (
            "gpus.toml",
            "bf16_tflops = 312",
            "bf16_tflops = nan",
            "`bf16_tflops` is NaN, expected a positive number",
        ),
        (
            "gpus.toml",
            "driver_total_mib = 81920\n",
            "driver_total_mib = 80000\n",
            "`cuda_total_mib` is 81049, expected at most driver_total_mib",
        ),
        (
            "gpus.toml",
            "name = \"A100 40GB SXM4\"",
            "name = \"a100-40gb-pcie\"",
            "the GPU \"a100-40gb-pcie\" is there twice",
        ),
        (
            "aliases.toml",
            "gpus = [\"A10\"]",
            "gpus = [\"A11\"]",
            "aliases.toml:8: the alias names the GPU \"A11\"",
        ),
        (
            "aliases.toml",
            "\"A10-24GB\"",
            "\"A10-24GB\", \"a10_24gb\"",
            "aliases.toml:7: the name \"a10_24gb\" is there twice",
        ),
    ] {
        check_error(&spoiled(name, from, to), expected);
    }
}

#[test]
fn models_platforms_and_assumptions_are_checked_too() {
    for (name, from, to, expected) in [
        (
            "models.toml",
            "family = \"llama\"",
            "familly = \"llama\"",
            "models.toml:9: unknown field `familly`",
        ),
        (
            "models.toml",
            "num_hidden_layers = 32",
            "num_hidden_layers = 0",
            "`num_hidden_layers` is 0",
        ),
        (
            "models.toml",
            "num_hidden_layers = 32",
            "num_hidden_layers = -1",
            "invalid value: integer `-1`",
        ),
        (
            "models.toml",
            "id = \"meta-llama/Llama-2-13b-hf\"",
            "id = \"meta-llama/llama-2-7B-HF\"",
            "the model \"meta-llama/llama-2-7B-HF\" is there twice",
        ),
        (
            "serverless.toml",
            "kind = \"queue_delay\"",
            "kind = \"magic\"",
            "unknown variant `magic`",
        ),
        (
            "serverless.toml",
            "idle_timeout_s = 5.0",
            "idle_timeout_s = -5.0",
            "`idle_timeout_s` is -5",
        ),
        (
            "serverless.toml",
            "granularity_s = 60\n",
            "granularity_s = 0\n",
            "`granularity_s` is 0, expected a positive number",
        ),
        ("serverless.toml", "\"allocation\"", "\"alocation\"", "unknown variant `alocation`"),
        ("serverless.toml", "kind = \"in_flight\", ", "", "missing field `kind`"),
        ("serverless.toml", "sells = false", "sell = false", "unknown field `sell`"),
        (
            "serverless.toml",
            "provider = \"modal\"",
            "provider = \"runpod-serverless\"",
            "is there twice",
        ),
        ("assumptions.toml", "[capacity.mbu]", "[capacity.nbu]", "`capacity.mbu` is missing"),
        ("assumptions.toml", "value = 0.82", "value = inf", "`value` is inf"),
        ("assumptions.toml", "[capacity.mbu]", "[capacity.mbu", "assumptions.toml:"),
    ] {
        check_error(&spoiled(name, from, to), expected);
    }
    check_error(
        &[("prices.toml".to_owned(), String::new())],
        "prices.toml: not a file of the catalog",
    );
    check_error(&[("offers/../x.toml".to_owned(), String::new())], "not a file");
}

#[test]
fn rules_for_charges_are_checked_too() {
    let machine = "gpu = \"K520\"\nsizes.\"1\"";
    for (from, to, expected) in [
        ("in_parts = true", "in_part = true", "unknown field `in_part`"),
        ("sizes.\"1/8\"", "sizes.\"1/0\"", "`sizes` is 1/0, expected a count such as 8 or a share"),
        ("sizes.\"72\"", "sizes.\"72.5\"", "`sizes` is 72.5"),
        (
            "\"p2.xlarge\"",
            "\"P2.XLARGE\", \"p2.xlarge\"",
            "the machine \"p2.xlarge\" is there twice",
        ),
        ("\"p2.xlarge\"", "\"\"", "`sizes` is empty"),
        (machine, "gpu = \"K521\"\nsizes.\"1\"", "skus.toml:122: the rule names the GPU \"K521\""),
        (
            "provider = \"aws\"",
            "provider = \"aswan\"",
            "`provider` is \"aswan\", expected the name",
        ),
        ("family = 'p2", "family = '(p2", "not a pattern: regex parse error"),
        ("family = 'p2\\.[0-9a-z-]+'", "family = '.*'", "fits any text"),
        ("says = \"companion\"", "says = \"friend\"", "`says` is \"friend\", expected companion"),
        ("says = \"companion\"", "says = \"gpu\"", "`gpu` is empty"),
        ("says = \"companion\"", "says = \"machine\"", "`gpu` is empty"),
        ("says = \"companion\"", "says = \"accelerator\"", "`name` is empty"),
        ("strict = true\n", "strict = true\nprice = 1\n", "unknown field `price`"),
        ("slices = 7", "slices = 0", "`slices` is 0, expected a positive number"),
        ("slices = 7", "slices = -7", "invalid value: integer `-7`"),
        ("\"A30\", \"RTX", "\"B200 SXM\", \"RTX", "the GPU \"B200 SXM\" is there twice"),
        ("codes = [\"A10\"]", "codes = [\"a30\"]", "the vGPU type \"a30\" is there twice"),
        ("memory_gb = 141", "memory_gb = 0", "`memory_gb` is 0, expected a positive number"),
        ("words = [\"modal\"]", "words = []", "`words` is empty"),
        ("name = \"azure\"", "name = \"aws\"", "the provider \"aws\" is there twice"),
        ("as_of = \"2025-11-30\"\n", "", "missing field `as_of`"),
    ] {
        check_error(&spoiled("skus.toml", from, to), expected);
    }
    let none = [("skus.toml".to_owned(), String::new())];
    let catalog = Catalog::overlaid(&none).unwrap();
    let line = SkuEvidence { instance_type: Some("p5.48xlarge"), ..SkuEvidence::default() };
    assert_eq!(catalog.match_sku(&line), SkuMatch::None);
}

#[test]
fn an_overlay_replaces_a_file_and_adds_others() {
    let mine = "[[offer]]\ninstance_type = \"x\"\ngpu = \"L4\"\ngpu_count = 1\nregion = \"r\"\npurchase = \"reserved_1yr\"\nprice_per_hour = \"0.5\"\nas_of = \"2026-11\"\nsource = \"contract\"\n";
    let catalog = Catalog::overlaid(&[
        ("offers/aws.toml".to_owned(), mine.to_owned()),
        ("offers/own.toml".to_owned(), mine.to_owned()),
    ])
    .unwrap();
    let of = |name: &str| catalog.offers.iter().filter(|it| it.provider == name).count();
    assert_eq!((of("aws"), of("own")), (1, 1));
    assert_eq!(catalog.offer("own/x/L4/1/r/reserved_12mo").unwrap().gpus, ["L4"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_text_panics(text in "\\PC{0,80}", cut in 0_usize..3000) {
        let catalog = Catalog::overlaid(&offers(&text));
        prop_assert!(catalog.is_ok() || !catalog.unwrap_err().to_string().is_empty());
        let rows = row(&[]).repeat(3);
        let cut = cut.min(rows.len());
        let _ = Catalog::overlaid(&offers(&rows[..cut]));
        let _ = model_from_config_json(&text, "x");
    }
}
