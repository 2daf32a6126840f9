//! Finding things in a catalog by the names people and price lists use.

use std::num::NonZeroU32;

use super::alias;
use super::gpu::GpuSpec;
use super::model::ModelArch;
use super::model_name::{base, name_of};
use super::offer::{Offer, PastPrice, Purchase};
use super::platform::ServerlessPlatform;
use super::{Catalog, CatalogFile};

/// What a text that names a GPU can mean.
#[derive(Clone, Debug)]
pub enum GpuMatch<'a> {
    /// One GPU, or the members of a pool.
    Known(Vec<&'a GpuSpec>),
    /// A name that is known but has no specification: listed, never simulated.
    Listed,
    /// No known name.
    Unknown,
}

impl<'a> GpuMatch<'a> {
    /// The GPU to calculate with: the only one, or the slowest of a pool.
    pub fn slowest(&self) -> Option<&'a GpuSpec> {
        match self {
            GpuMatch::Known(gpus) => slowest(gpus.iter().copied()),
            GpuMatch::Listed | GpuMatch::Unknown => None,
        }
    }
}

/// The member of a pool with the least bandwidth, then the least memory, then the least compute:
/// whichever GPU is delivered, it is at least about this fast.
fn slowest<'a>(gpus: impl Iterator<Item = &'a GpuSpec>) -> Option<&'a GpuSpec> {
    gpus.min_by(|a, b| {
        a.memory_bandwidth_gb_s
            .total_cmp(&b.memory_bandwidth_gb_s)
            .then(a.cuda_total.cmp(&b.cuda_total))
            .then(a.bf16_tflops.total_cmp(&b.bf16_tflops))
            .then(a.name.cmp(&b.name))
    })
}

impl Catalog {
    /// The GPU of this catalog name, whatever its case, blanks, `-` and `_`.
    pub fn gpu(&self, name: &str) -> Option<&GpuSpec> {
        if let Some(gpu) = self.gpus.iter().find(|gpu| gpu.name == name) {
            return Some(gpu);
        }
        let wanted = alias::normal(name);
        self.gpus.iter().find(|gpu| alias::normal(&gpu.name) == wanted)
    }

    /// What a name from a bill, a driver or a person can mean.
    pub fn resolve_gpu(&self, text: &str) -> GpuMatch<'_> {
        match alias::resolve(&self.aliases, text) {
            None => GpuMatch::Unknown,
            Some([]) => GpuMatch::Listed,
            Some(names) => GpuMatch::Known(names.iter().filter_map(|it| self.gpu(it)).collect()),
        }
    }

    /// The GPU an offer is simulated with: the slowest it can be. Nothing when it has no GPU or
    /// one without specification; such an offer is listed, never simulated.
    pub fn simulated_gpu(&self, offer: &Offer) -> Option<&GpuSpec> {
        if offer.gpu_count == 0 {
            return None;
        }
        let members = || offer.gpus.iter().filter_map(|name| self.gpu(name));
        // One GPU stands for a pool only where all can run the same precisions.
        let with_fp8 = members().filter(|it| it.fp8_tflops.is_some()).count();
        if with_fp8 != 0 && with_fp8 != members().count() {
            return None;
        }
        slowest(members())
    }

    /// What an offer cost before, oldest first.
    pub fn earlier_prices(&self, offer_id: &str) -> &[PastPrice] {
        let start = self.before.partition_point(|it| it.offer_id.as_str() < offer_id);
        let rest = self.before.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|it| it.offer_id == offer_id)).unwrap_or_default()
    }

    /// The offers that can be simulated and are with the GPU of this catalog name, in the order of their ids.
    pub fn offers_for<'a>(&'a self, gpu: &str) -> impl Iterator<Item = &'a Offer> {
        let wanted = self.gpu(gpu).map(|it| it.name.as_str());
        self.offers
            .iter()
            .filter(move |offer| wanted.is_some_and(|name| offer.gpus.iter().any(|it| it == name)))
            .filter(move |offer| self.simulated_gpu(offer).map(|it| it.name.as_str()) == wanted)
            .filter(|offer| self.is_simulated(offer))
    }

    /// Pay-as-you-go instances that host a replica of `gpus` of this GPU, each with how many; community
    /// clouds are left out.
    pub fn payg_hosts<'a>(
        &'a self,
        gpu: &str,
        gpus: NonZeroU32,
    ) -> impl Iterator<Item = (&'a Offer, NonZeroU32)> {
        self.offers_for(gpu)
            .filter(|it| it.purchase == Purchase::PayAsYouGo && !it.community)
            .filter_map(move |it| Some((it, NonZeroU32::new(it.gpu_count / gpus)?)))
    }

    /// All offers by GPU label, purchase, price and id: the order of a price list.
    pub fn price_list(&self) -> impl Iterator<Item = &Offer> {
        let mut offers: Vec<&Offer> = self.offers.iter().collect();
        offers.sort_by_cached_key(|it| {
            (it.gpu_label.clone(), it.purchase, it.rate.currency(), it.rate.nano(), it.id.clone())
        });
        offers.into_iter()
    }

    /// The offer of this id.
    pub fn offer(&self, id: &str) -> Option<&Offer> {
        self.offers.iter().find(|it| it.id == id)
    }

    /// Why the price of an offer is odd, where its row says so.
    pub fn reason(&self, offer: &Offer) -> Option<&str> {
        self.reasons.get(&offer.id).map(String::as_str)
    }

    /// How the serverless platform of this provider bills and scales, as far as that is known.
    pub fn platform(&self, provider: &str) -> Option<&ServerlessPlatform> {
        self.platforms.iter().find(|it| it.provider == provider)
    }

    /// True when the simulator has what it needs for an offer: a public price that still stands, a
    /// GPU with a specification and, for serverless, every rule of the platform that is needed.
    /// The other offers are listed only.
    pub fn is_simulated(&self, offer: &Offer) -> bool {
        let serverless =
            matches!(offer.purchase, Purchase::ServerlessFlex | Purchase::ServerlessActive);
        !self.withdrawn.contains(&offer.id)
            && self.simulated_gpu(offer).is_some()
            && (!serverless
                || self.platform(&offer.provider).is_some_and(ServerlessPlatform::is_complete))
    }

    /// Whether its provider still sells an offer at a public price.
    pub fn is_sold(&self, offer: &Offer) -> bool {
        !self.withdrawn.contains(&offer.id)
    }

    /// The model of this Hugging Face id, in any case, or of which it is a tuned, quantized or
    /// re-uploaded checkpoint: `RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic` and `Llama 3.3 70B`
    /// are `meta-llama/Llama-3.3-70B-Instruct`. A name that several models fit is none of them.
    /// [`quantization_of`](super::quantization_of) says what the id adds to the architecture.
    pub fn model(&self, id: &str) -> Option<&ModelArch> {
        let wanted = id.trim();
        let called =
            |by: &dyn Fn(&str) -> bool| only(self.models.iter().filter(|it| it.names().any(by)));
        called(&|it| it.eq_ignore_ascii_case(wanted))
            .or_else(|| called(&|it| name_of(it).eq_ignore_ascii_case(wanted)))
            .or_else(|| {
                let wanted = base(wanted);
                called(&|it| base(it) == wanted)
            })
    }

    /// The file of this name.
    pub fn file(&self, name: &str) -> Option<&CatalogFile> {
        self.files.iter().find(|it| it.name == name)
    }

    /// Up to three GPU names near to `text`, the nearest first.
    pub fn suggest_gpu(&self, text: &str) -> Vec<&str> {
        suggest(&alias::normal(text), self.gpus.iter().map(|it| it.name.as_str()), alias::normal)
    }

    /// Up to three platform names near to `text`, the nearest first.
    pub fn suggest_platform(&self, text: &str) -> Vec<&str> {
        suggest(
            &alias::normal(text),
            self.platforms.iter().map(|it| it.provider.as_str()),
            alias::normal,
        )
    }

    /// Up to three model ids near to `text`, the nearest first.
    pub fn suggest_model(&self, text: &str) -> Vec<&str> {
        let form = |id: &str| name_of(id).to_ascii_lowercase();
        suggest(&form(text), self.models.iter().map(|it| it.id.as_str()), form)
    }
}

fn only<'a>(mut found: impl Iterator<Item = &'a ModelArch>) -> Option<&'a ModelArch> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// ` (near are a, b)`: up to three of some names near to one, in any case of letters; nothing where none is.
pub(crate) fn near_names<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    match suggest(&name.to_lowercase(), names, str::to_lowercase).as_slice() {
        [] => String::new(),
        near => format!(" (near are {})", near.join(", ")),
    }
}

/// Up to three names within reach of `wanted`, the nearest first: one contains the other, or few
/// letters differ.
pub(crate) fn suggest<'a>(
    wanted: &str,
    names: impl Iterator<Item = &'a str>,
    form: fn(&str) -> String,
) -> Vec<&'a str> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let reach = (wanted.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let candidate = form(name);
            let contained = candidate.contains(wanted) || wanted.contains(&candidate);
            let distance = edit_distance(wanted, &candidate);
            (contained || distance <= reach).then_some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(3).collect()
}

/// Letters to insert, delete or replace to make one text the other: `h10` and `h100` are 1 apart.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            left = replaced.min(diagonal + 1).min(left + 1);
            row[j + 1] = left;
        }
        row[0] = i + 1;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("h10", "h100", 1),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("l4", "l4", 0),
        ] {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
        }
    }
}
