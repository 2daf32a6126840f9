//! Real texts of bills and the GPUs behind them: how they are compared, and what counts for all.

mod aws;
mod clouds;
mod names;

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

thread_local! {
    static CATALOG: Catalog = Catalog::embedded().unwrap();
}

fn check(evidence: &SkuEvidence<'_>, expected: &str) {
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

/// `GpuCount` of FOCUS `SkuPriceDetails`.
#[test]
fn a_declared_count_wins_and_the_table_stays_visible() {
    let line = |gpu_count, instance_type| SkuEvidence {
        instance_type,
        gpu_count,
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
    // The longest name, and the first that is a machine of its own.
    assert_eq!(named(None, &["a4x-maxgpu-4g-metal"]).as_deref(), Some("a4x-maxgpu-4g-metal"));
    assert_eq!(named(None, &["ecs.g5.xlarge, ml.g6.xlarge"]).as_deref(), Some("g6.xlarge"));
    assert_eq!(named(None, &["BoxUsage:g5.xlarge"]).as_deref(), Some("g5.xlarge"));
    assert_eq!(named(Some("ml.g5.xlarge"), &[]).as_deref(), Some("ml.g5.xlarge"));
    assert_eq!(
        named(Some("g2-standard-8"), &["Nvidia L4 GPU running in Iowa"]).as_deref(),
        Some("g2-standard-8")
    );
    assert_eq!(named(None, &["Nvidia L4 GPU running in Iowa"]), None);
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
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Pieces that the rules look for, put together in any order.
    #[test]
    fn any_line_is_read(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "g5.xlarge", "nvidia", " mig ", "-MIG-", "1g.10gb", "GRID ", "A100D-", "10C",
                "h100", "gpu_", "8x ", "_", ":", "!", "-SHARED", "ü", " gpu running in ", "NC6",
                "0", "\u{1f}",
            ]),
            0..8,
        ),
        gpu_count in prop::option::of(prop::num::f64::ANY),
    ) {
        let text = pieces.concat();
        let texts = [text.as_str()];
        let lines = [
            SkuEvidence { gpu_count, texts: &texts, ..SkuEvidence::default() },
            SkuEvidence { gpu_count, instance_type: Some(&text), ..SkuEvidence::default() },
            SkuEvidence { gpu_count, gpu_name: Some(&text), ..SkuEvidence::default() },
        ];
        CATALOG.with(|catalog| {
            for line in &lines {
                if let SkuMatch::Gpu(found) = catalog.match_sku(line) {
                    prop_assert!(found.gpus_per_unit > 0.0 && found.gpus_per_unit.is_finite());
                    prop_assert!(!matches!(catalog.resolve_gpu(&found.label), GpuMatch::Unknown));
                }
            }
            let share = catalog.gpu_fraction(&text, Some(&text));
            prop_assert!(share.is_none_or(|it| it > 0.0 && it <= 1.0));
            Ok(())
        })?;
    }
}
