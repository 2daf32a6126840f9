//! Which charges are GPUs, which GPU and how many: one line of a bill against `skus.toml`.

use regex::SetMatches;

use super::sku_device::Device;
use super::sku_rows::{Machine, ProviderIndex, Says, TextRule};
use super::{Catalog, GpuMatch, sku_text};

/// What a charge says about a machine; every field as the bill writes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SkuEvidence<'a> {
    /// Who sells it: `AWS`, `Google Cloud`, `Microsoft`. It keeps the rules of other providers out.
    pub provider: Option<&'a str>,
    /// The machine: an instance type, a machine type, a shape.
    pub instance_type: Option<&'a str>,
    /// GPUs of one machine as the bill declares them (`GpuCount` of FOCUS); 0 is not declared, for
    /// exporters write it for machines they do not know and for shares of a GPU.
    pub gpu_count: Option<f64>,
    /// The GPU: a driver's name, a Kubernetes label, a `gpuTypeId`.
    pub gpu_name: Option<&'a str>,
    /// Texts about the SKU (description, meter, usage type, service), never names or tags that a
    /// user chose.
    pub texts: &'a [&'a str],
}

/// What a charge is.
#[derive(Clone, Debug, PartialEq)]
pub enum SkuMatch {
    /// Hours of GPUs.
    Gpu(GpuUse),
    /// A part of a machine that counts no GPU hour: cores, memory, a licence or fee on top, the fee
    /// of a commitment. It belongs to GPUs only where a GPU row has the same resource.
    Companion,
    /// Hours of an accelerator that is no GPU, by name.
    Accelerator(String),
    /// Nothing that is known.
    None,
}

/// The GPUs of a charge.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuUse {
    /// A catalog name, or an alias of a pool or of a GPU without specification.
    pub label: String,
    /// Physical GPUs behind one unit of the quantity (machine or GPU, as `counts` says), perhaps a
    /// share of one.
    pub gpus_per_unit: f64,
    /// What a quantity of hours counts.
    pub counts: Counted,
    /// The machine, where the bill names it.
    pub instance_type: Option<String>,
    /// What decided the count.
    pub evidence: Evidence,
}

/// What one unit of a quantity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A machine with all its GPUs.
    Machine,
    /// A GPU, or the share of one that `gpus_per_unit` says.
    Gpu,
}

/// What decided the count, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// The bill declares it. `table` is what `skus.toml` says instead, where it says otherwise.
    Declared {
        /// GPUs of one machine by `skus.toml`.
        table: Option<f64>,
    },
    /// The machine.
    InstanceType,
    /// A text about the SKU.
    SkuText,
    /// The name of a GPU, which counts as one.
    GpuName,
}

/// The label of a GPU that a bill counts and does not name.
const UNNAMED: &str = "unnamed GPU";

impl Catalog {
    /// What a charge is: a declared count before the machine before the texts before the name of a
    /// GPU.
    ///
    /// A declared count that `skus.toml` contradicts is used and the table's kept beside it. Where
    /// one machine is a share of a GPU (`NV6ads A10 v5` = 1/6), providers declare 1: what they
    /// count is virtual, so a declared whole number multiplies the share.
    pub fn match_sku(&self, evidence: &SkuEvidence<'_>) -> SkuMatch {
        let line = Line::new(self, evidence);
        if line.is_companion() {
            return SkuMatch::Companion;
        }
        if let Some(gpus) = line.gpu_row() {
            return SkuMatch::Gpu(gpus);
        }
        let found = line.machine();
        if found.as_ref().is_some_and(|it| line.is_part_of(it)) {
            return SkuMatch::Companion;
        }
        if found.is_none()
            && let Some(name) = line.accelerator()
        {
            return SkuMatch::Accelerator(name.to_owned());
        }
        let found = found.or_else(|| line.device());
        match (found, line.declared) {
            (Some(found), declared) => SkuMatch::Gpu(line.gpus(found, declared)),
            (None, Some(declared)) => SkuMatch::Gpu(GpuUse {
                label: line.family().unwrap_or(UNNAMED).to_owned(),
                gpus_per_unit: declared,
                counts: Counted::Machine,
                instance_type: line.named(),
                evidence: Evidence::Declared { table: None },
            }),
            (None, None) => SkuMatch::None,
        }
    }
}

/// GPUs of one unit by a rule.
struct Found {
    label: String,
    gpus: f64,
    counts: Counted,
    evidence: Evidence,
    /// The machine, where the rule knows its name.
    machine: Option<String>,
    in_parts: bool,
}

/// One text of the line in normal form and the patterns that fit it.
struct Text {
    normal: String,
    hits: Option<SetMatches>,
}

/// A line of a bill while it is looked at.
struct Line<'a> {
    catalog: &'a Catalog,
    evidence: &'a SkuEvidence<'a>,
    provider: Option<ProviderIndex>,
    declared: Option<f64>,
    instance_type: Option<Text>,
    gpu_name: Option<Text>,
    texts: Vec<Text>,
}

impl<'a> Line<'a> {
    fn new(catalog: &'a Catalog, evidence: &'a SkuEvidence<'a>) -> Line<'a> {
        let text = |raw: &str| {
            let normal = sku_text::normal(raw);
            let patterns = &catalog.skus.patterns;
            let hits = patterns.is_match(&normal).then(|| patterns.matches(&normal));
            Text { normal, hits }
        };
        let filled = |raw: &&str| !raw.trim().is_empty();
        Line {
            catalog,
            evidence,
            provider: evidence.provider.and_then(|it| catalog.skus.provider(it)),
            declared: evidence.gpu_count.filter(|it| *it > 0.0 && it.is_finite()),
            instance_type: evidence.instance_type.filter(filled).map(text),
            gpu_name: evidence.gpu_name.filter(filled).map(text),
            texts: evidence.texts.iter().copied().filter(filled).map(text).collect(),
        }
    }

    /// The machine's name as the bill writes it.
    fn named(&self) -> Option<String> {
        let name = self.evidence.instance_type.map(str::trim);
        name.filter(|it| !it.is_empty()).map(str::to_owned)
    }

    fn applies(&self, provider: Option<ProviderIndex>) -> bool {
        provider.is_none() || self.provider.is_none() || provider == self.provider
    }

    /// The rules of texts that fit, in the order of the file.
    fn rules<'t>(&'t self, text: &'t Text) -> impl Iterator<Item = &'t TextRule> {
        let hits = text.hits.iter().flat_map(SetMatches::iter);
        hits.filter_map(|it| self.catalog.skus.texts.get(it)).filter(|it| self.applies(it.provider))
    }

    fn machine_and_texts(&self) -> impl Iterator<Item = &Text> {
        self.instance_type.iter().chain(&self.texts)
    }

    fn is_companion(&self) -> bool {
        let companion = |text: &Text| self.rules(text).any(|it| matches!(it.says, Says::Companion));
        self.machine_and_texts().chain(&self.gpu_name).any(companion)
    }

    /// A row that counts GPUs. Where its text leaves the model open, the machine may say it.
    fn gpu_row(&self) -> Option<GpuUse> {
        let label = self.texts.iter().find_map(|text| {
            let gpu = self.rules(text).find_map(|it| match &it.says {
                Says::Gpu(gpu) => Some(gpu),
                _ => None,
            })?;
            // `8x NVIDIA H100 GPU` of a stranger is a machine, though it ends as a row of Google.
            self.described_machine(text, Evidence::SkuText).is_none().then_some(gpu)
        })?;
        let listed = matches!(self.catalog.resolve_gpu(label), GpuMatch::Listed);
        let machine = if listed { self.machine() } else { None };
        Some(GpuUse {
            label: machine.map_or_else(|| label.clone(), |it| it.label),
            gpus_per_unit: 1.0,
            counts: Counted::Gpu,
            instance_type: self.named(),
            evidence: Evidence::SkuText,
        })
    }

    /// The machine, from its own field or from the first text that names one.
    fn machine(&self) -> Option<Found> {
        let of = |text: &Text, evidence| {
            self.known_machine(text, evidence).or_else(|| self.described_machine(text, evidence))
        };
        self.instance_type
            .as_ref()
            .and_then(|text| of(text, Evidence::InstanceType))
            .or_else(|| self.texts.iter().find_map(|text| of(text, Evidence::SkuText)))
    }

    /// A machine listed by name.
    fn known_machine(&self, text: &Text, evidence: Evidence) -> Option<Found> {
        let skus = &self.catalog.skus;
        let found = |machine: &Machine| Found {
            label: machine.gpu.clone(),
            gpus: machine.gpus,
            counts: Counted::Machine,
            evidence,
            machine: Some(machine.name.clone()),
            in_parts: machine.in_parts,
        };
        if !skus.strict.is_empty()
            && let Some(provider) = self.provider
        {
            let key = (provider, text.normal.clone());
            if let Some(machine) = skus.strict.get(&key) {
                return Some(found(machine));
            }
        }
        let mut from = 0;
        while let Some(hit) = skus.names.find_at(&text.normal, from) {
            let machine = skus.machines.get(hit.as_str()).filter(|it| self.applies(it.provider));
            if let Some(machine) = machine
                && sku_text::begins_machine(&text.normal, hit.start())
            {
                return Some(found(machine));
            }
            from = hit.end();
        }
        None
    }

    /// A machine whose name holds the count and perhaps the GPU.
    fn described_machine(&self, text: &Text, evidence: Evidence) -> Option<Found> {
        self.rules(text).find_map(|rule| {
            let Says::Machine(gpu) = &rule.says else { return None };
            let captured = rule.captures.as_ref().and_then(|it| it.regex().captures(&text.normal));
            let part = |name: &str| captured.as_ref().and_then(|it| it.name(name));
            let label = match (gpu, part("gpu")) {
                (Some(gpu), _) => gpu.clone(),
                (None, Some(name)) => self.captured(name.as_str())?,
                (None, None) => return None,
            };
            let gpus = part("n").map_or(Some(1.0), |it| sku_text::count(it.as_str()))?;
            let counts = Counted::Machine;
            Some(Found { label, gpus, counts, evidence, machine: None, in_parts: false })
        })
    }

    /// Whether the machine's name stands on a row that is about something else: a disk, say, of a
    /// machine whose GPUs have rows of their own.
    fn is_part_of(&self, found: &Found) -> bool {
        let named = |name: &String| {
            let name = sku_text::normal(name);
            self.texts.iter().any(|it| it.normal.contains(&name))
        };
        found.in_parts
            && found.evidence == Evidence::InstanceType
            && !self.texts.is_empty()
            && !found.machine.as_ref().is_some_and(named)
    }

    fn accelerator(&self) -> Option<&str> {
        self.machine_and_texts().find_map(|text| {
            self.rules(text).find_map(|it| match &it.says {
                Says::Accelerator(name) => Some(name.as_str()),
                _ => None,
            })
        })
    }

    /// The label of a GPU by its name in normal form: where it stays as written, in upper case, so
    /// that `h100` of a text and `H100` of a field are one.
    fn captured(&self, name: &str) -> Option<String> {
        let label = self.catalog.label(name)?;
        Some(if label == name { label.to_ascii_uppercase() } else { label })
    }

    /// A text that as a whole is the name of one GPU, by the rules of texts.
    fn plain_name(&self, text: &Text) -> Option<Device> {
        self.rules(text).filter(|it| it.says == Says::Name).find_map(|rule| {
            let captured = rule.captures.as_ref()?.regex().captures(&text.normal)?;
            let label = self.captured(captured.name("gpu")?.as_str())?;
            Some(Device { label, share: 1.0, count: None })
        })
    }

    /// The GPU that is named: in its own field, as the machine, or as a whole text that begins
    /// with the word of a vendor or that a rule knows (`P40` alone is a disk of Azure, `A10` a cell
    /// of a spreadsheet).
    fn device(&self) -> Option<Found> {
        const VENDORS: [&str; 8] =
            ["nvidia", "tesla", "geforce", "quadro", "grid", "amd", "instinct", "radeon"];
        let vendor = |it: &&&str| {
            let word = it.trim_start().split([' ', '-', '_']).next().unwrap_or_default();
            VENDORS.iter().any(|vendor| vendor.eq_ignore_ascii_case(word))
        };
        let texts = self.evidence.texts.iter().filter(vendor).copied();
        let named = self.evidence.gpu_name.into_iter().chain(self.evidence.instance_type);
        let Device { label, share, count } = named
            .chain(texts)
            .find_map(|it| self.catalog.device(it))
            .or_else(|| self.machine_and_texts().find_map(|it| self.plain_name(it)))?;
        Some(Found {
            label,
            gpus: share * count.unwrap_or(1.0),
            counts: if count.is_some() { Counted::Machine } else { Counted::Gpu },
            evidence: Evidence::GpuName,
            machine: None,
            in_parts: false,
        })
    }

    /// The GPU of a machine whose size is not listed.
    fn family(&self) -> Option<&str> {
        let skus = &self.catalog.skus;
        self.machine_and_texts().find_map(|text| {
            let hits = skus.family_patterns.matches(&text.normal);
            let families = hits.iter().filter_map(|it| skus.families.get(it));
            let mut known = families.filter(|(provider, _)| self.applies(*provider));
            known.next().map(|(_, gpu)| gpu.as_str())
        })
    }

    fn gpus(&self, found: Found, declared: Option<f64>) -> GpuUse {
        let instance_type = self.named().or(found.machine);
        let Some(declared) = declared else {
            return GpuUse {
                label: found.label,
                gpus_per_unit: found.gpus,
                counts: found.counts,
                instance_type,
                evidence: found.evidence,
            };
        };
        let is_virtual = found.gpus < 1.0 && declared >= 1.0;
        let gpus_per_unit = if is_virtual { declared * found.gpus } else { declared };
        // The name of a GPU says nothing about how many a machine has.
        let says_count = found.evidence != Evidence::GpuName || found.counts == Counted::Machine;
        let differs = says_count && (gpus_per_unit - found.gpus).abs() > 1e-9;
        GpuUse {
            label: found.label,
            gpus_per_unit,
            counts: Counted::Machine,
            instance_type,
            evidence: Evidence::Declared { table: differs.then_some(found.gpus) },
        }
    }
}
