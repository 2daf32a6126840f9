//! What goes in and comes out of a model, as far as the data show it.

use serde::Serialize;

use super::evidence::grouped;
use crate::catalog::Catalog;
use crate::workload::{Modality, Workload};

/// A modality with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModalityVerdict {
    /// What goes in and comes out.
    pub modality: Modality,
    /// One sentence.
    pub evidence: String,
}

/// What the calls of the log ask for, else what the model of the catalog is made for. A model that can
/// take images may get text only, and the sentence says so.
pub fn modality(workload: &Workload, catalog: &Catalog) -> ModalityVerdict {
    let told = |modality, evidence| ModalityVerdict { modality, evidence };
    if let Some((offered, images)) = workload.offered.as_ref().and_then(|it| Some((it, it.images?)))
        && images > 0
    {
        // A service that answers most calls with text got images as well.
        let modality =
            if images * 2 >= offered.requests { Modality::Image } else { Modality::Multimodal };
        let (images, all) = (grouped(images as f64), grouped(offered.requests as f64));
        let evidence =
            format!("{images} of {all} requests ask for an image, by the type of the call.");
        return told(modality, evidence);
    }
    let Some(id) = workload.deployment.model.as_deref() else {
        return told(Modality::Unknown, "Modality unknown: the model is not known.".to_owned());
    };
    let Some(model) = catalog.model(id) else {
        let evidence = format!("Modality unknown: the model {id} is not in the catalog.");
        return told(Modality::Unknown, evidence);
    };
    if model.diffusion.is_some() {
        return told(Modality::Image, format!("{id} makes images."));
    }
    // Of one model the source says that it has a tower, and not which.
    if model.vision.is_some() || model.notes.contains("vision tower") {
        let evidence = format!("{id} can take images; the data do not say whether it got any.");
        return told(Modality::Multimodal, evidence);
    }
    told(Modality::Text, format!("{id} takes and makes text only."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Period, Timestamp};
    use crate::workload::{Demand, Deployment, Offered};

    #[test]
    fn a_model_tells_what_it_can_and_a_log_what_it_did() {
        let catalog = Catalog::embedded().unwrap();
        let window = Period::new(Timestamp::from_s(0), Timestamp::from_s(3600)).unwrap();
        let id = |pick: &dyn Fn(&crate::catalog::ModelArch) -> bool| {
            catalog.models.iter().find(|it| pick(it)).map(|it| it.id.clone()).unwrap()
        };
        let check =
            |model: Option<String>, images: Option<u64>, modality_: Modality, says: &str| {
                let workload = Workload {
                    deployment: Deployment { model, ..Deployment::default() },
                    offered: Some(Offered { requests: 1_500, images, ..Offered::default() }),
                    ..Workload::of_demand(Demand::Unknown, window)
                };
                let found = modality(&workload, &catalog);
                assert_eq!(found.modality, modality_, "{}", found.evidence);
                assert!(found.evidence.contains(says), "{}", found.evidence);
            };
        let text = id(&|it| it.vision.is_none() && it.diffusion.is_none());
        check(Some(text.clone()), None, Modality::Text, "text only");
        check(Some(id(&|it| it.vision.is_some())), None, Modality::Multimodal, "do not say");
        check(Some(id(&|it| it.diffusion.is_some())), None, Modality::Image, "makes images");
        check(Some("acme/unheard-of".to_owned()), None, Modality::Unknown, "not in the catalog");
        check(None, None, Modality::Unknown, "not known");
        check(Some("google/gemma-4-31B".to_owned()), None, Modality::Multimodal, "can take");
        check(Some(text.clone()), Some(30), Modality::Multimodal, "30 of 1,500 requests");
        check(Some(text), Some(1_200), Modality::Image, "1,200 of 1,500 requests");
    }
}
