//! `skus.toml`, read, checked and made ready to be searched.

use std::collections::BTreeMap;

use regex::{Regex, RegexSet};

use super::alias;
use super::error::{CatalogError, Place};
use super::file::PricingFile;
use super::raw::{RawMachine, RawSkus, RawText};
use super::sku_text;

/// A provider, as an index into [`Skus::providers`].
pub(super) type ProviderIndex = usize;

/// The rules of `skus.toml`.
#[derive(Clone, Debug)]
pub(super) struct Skus {
    /// Words that name a provider on a bill, in the order of the file.
    pub(super) providers: Vec<Vec<String>>,
    /// Finds the names of `machines` in a text.
    pub(super) names: Regex,
    /// Machines by their name in normal form.
    pub(super) machines: BTreeMap<String, Machine>,
    /// Machines that count only as the whole text on a bill of their provider.
    pub(super) strict: BTreeMap<(ProviderIndex, String), Machine>,
    /// Says which of `texts` fit, by index.
    pub(super) patterns: RegexSet,
    /// What the patterns mean, one for each.
    pub(super) texts: Vec<TextRule>,
    /// Says which of `families` fit, by index.
    pub(super) family_patterns: RegexSet,
    /// The provider and GPU of machines whose size is not listed.
    pub(super) families: Vec<(Option<ProviderIndex>, String)>,
    /// MIG compute slices of a whole GPU, by the normal form of its name.
    pub(super) slices: BTreeMap<String, u32>,
    /// The GPU behind a vGPU type and its memory in GB, by the lower case code of the type.
    pub(super) vgpus: BTreeMap<String, (String, f64)>,
}

/// A machine with GPUs.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// Its name as the provider writes it.
    pub(super) name: String,
    /// Whose it is.
    pub(super) provider: Option<ProviderIndex>,
    /// Catalog name, or an alias of several or none.
    pub(super) gpu: String,
    /// GPUs of one machine, perhaps a share of one.
    pub(super) gpus: f64,
    /// GPU, cores and memory are billed on rows of their own.
    pub(super) in_parts: bool,
}

/// What a pattern of a text means.
#[derive(Clone, Debug)]
pub(super) struct TextRule {
    /// Whose bill it is looked for in.
    pub(super) provider: Option<ProviderIndex>,
    /// What the charge is.
    pub(super) says: Says,
    /// The pattern itself where it captures a count or a name.
    pub(super) captures: Option<Regex>,
}

/// What a text says a charge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Part of a machine that counts no GPU hour.
    Companion,
    /// Hours of this GPU.
    Gpu(String),
    /// Hours of a machine with this GPU, or with the one the pattern captures.
    Machine(Option<String>),
    /// Hours of an accelerator that is no GPU.
    Accelerator(String),
}

impl Skus {
    /// The provider a bill names, if it is one of `skus.toml`.
    pub(super) fn provider(&self, name: &str) -> Option<ProviderIndex> {
        let is_there = |word: &String| {
            name.split(|c: char| !c.is_ascii_alphanumeric()).any(|it| it.eq_ignore_ascii_case(word))
        };
        self.providers.iter().position(|words| words.iter().any(is_there))
    }
}

/// Reads the rows; every GPU named must be one of `aliases`, which hold the catalog names too.
pub(super) fn read(
    file: &PricingFile<'_>,
    rows: &RawSkus,
    aliases: &BTreeMap<String, Vec<String>>,
) -> Result<Skus, CatalogError> {
    let mut reader = Reader { file, aliases, providers: Vec::new() };
    let mut providers = Vec::new();
    for row in &rows.provider {
        let (start, raw) = (row.span().start, row.get_ref());
        file.provenance(start, &raw.source, &raw.as_of)?;
        if reader.providers.contains(&raw.name) {
            return Err(reader.twice(start, "name", "the provider", &raw.name));
        }
        file.filled(start, "words", &raw.words.concat())?;
        reader.providers.push(raw.name.clone());
        providers.push(raw.words.clone());
    }
    let machines = reader.machines(rows)?;
    let names = machines.names(file)?;
    let texts = reader.texts(rows)?;
    let patterns: Vec<&str> = texts.iter().map(|(pattern, _)| pattern.as_str()).collect();
    let patterns = RegexSet::new(patterns).map_err(|error| bad(file.place(0), &error))?;
    Ok(Skus {
        providers,
        names,
        patterns,
        texts: texts.into_iter().map(|(_, rule)| rule).collect(),
        family_patterns: RegexSet::new(&machines.family_patterns)
            .map_err(|error| bad(file.place(0), &error))?,
        families: machines.families,
        machines: machines.anywhere,
        strict: machines.strict,
        slices: reader.slices(rows)?,
        vgpus: reader.vgpus(rows)?,
    })
}

/// The rows of `machine` while they are read.
#[derive(Default)]
struct Machines {
    anywhere: BTreeMap<String, Machine>,
    strict: BTreeMap<(ProviderIndex, String), Machine>,
    family_patterns: Vec<String>,
    families: Vec<(Option<ProviderIndex>, String)>,
}

impl Machines {
    /// One pattern for all names, the longest first, so that `a4x-maxgpu-4g-metal` is not read as
    /// `a4x-maxgpu-4g`.
    fn names(&self, file: &PricingFile<'_>) -> Result<Regex, CatalogError> {
        let mut names: Vec<&str> = self.anywhere.keys().map(String::as_str).collect();
        names.sort_by_key(|it| (std::cmp::Reverse(it.len()), *it));
        let names: Vec<String> = names.into_iter().map(regex::escape).collect();
        let pattern = if names.is_empty() { NOTHING.to_owned() } else { names.join("|") };
        Regex::new(&anchored(&pattern)).map_err(|error| bad(file.place(0), &error))
    }
}

/// A pattern that fits no text, for a file without names.
const NOTHING: &str = "[^\\x00-\\x{10FFFF}]";

/// The pattern between the edges of words.
fn anchored(pattern: &str) -> String {
    format!("(?-u:\\b{{start-half}})(?:{pattern})(?-u:\\b{{end-half}})")
}

/// What every row is checked with.
struct Reader<'a> {
    file: &'a PricingFile<'a>,
    aliases: &'a BTreeMap<String, Vec<String>>,
    providers: Vec<String>,
}

impl Reader<'_> {
    fn machines(&self, rows: &RawSkus) -> Result<Machines, CatalogError> {
        let mut all = Machines::default();
        for row in &rows.machine {
            let (start, raw) = (row.span().start, row.get_ref());
            self.file.provenance(start, &raw.source, &raw.as_of)?;
            let provider = self.provider(start, raw.provider.as_deref())?;
            let gpu = self.gpu(start, &raw.gpu)?;
            if let Some(family) = &raw.family {
                let pattern = self.pattern(start, "family", family)?;
                all.family_patterns.push(pattern.as_str().to_owned());
                all.families.push((provider, gpu.clone()));
            }
            self.sizes(start, raw, &(provider, gpu), &mut all)?;
        }
        Ok(all)
    }

    fn sizes(
        &self,
        start: usize,
        raw: &RawMachine,
        (provider, gpu): &(Option<ProviderIndex>, String),
        all: &mut Machines,
    ) -> Result<(), CatalogError> {
        if raw.sizes.is_empty() {
            return Err(self.empty(start, "sizes"));
        }
        for (count, names) in &raw.sizes {
            let gpus = sku_text::count(count).ok_or_else(|| CatalogError::OutOfRange {
                at: self.file.place_of(start, "sizes"),
                column: "sizes",
                found: count.clone(),
                expected: "a count such as 8 or a share such as 1/6",
            })?;
            for name in names {
                self.file.filled(start, "sizes", name)?;
                let machine = Machine {
                    name: name.clone(),
                    provider: *provider,
                    gpu: gpu.clone(),
                    gpus,
                    in_parts: raw.in_parts,
                };
                let key = sku_text::normal(name);
                let known = match (raw.strict, provider) {
                    (false, _) => all.anywhere.insert(key, machine).is_some(),
                    (true, Some(provider)) => {
                        all.strict.insert((*provider, key), machine).is_some()
                    }
                    (true, None) => return Err(self.empty(start, "provider")),
                };
                if known {
                    return Err(self.twice(start, "sizes", "the machine", name));
                }
            }
        }
        Ok(())
    }

    fn texts(&self, rows: &RawSkus) -> Result<Vec<(String, TextRule)>, CatalogError> {
        let mut all = Vec::new();
        for row in &rows.text {
            let (start, raw) = (row.span().start, row.get_ref());
            self.file.provenance(start, &raw.source, &raw.as_of)?;
            let provider = self.provider(start, raw.provider.as_deref())?;
            let says = self.says(start, raw)?;
            if raw.patterns.is_empty() {
                return Err(self.empty(start, "patterns"));
            }
            for pattern in &raw.patterns {
                let pattern = self.pattern(start, "patterns", pattern)?;
                let captures_name = pattern.capture_names().flatten().any(|it| it == "gpu");
                if says == Says::Machine(None) && !captures_name {
                    return Err(self.empty(start, "gpu"));
                }
                let text = pattern.as_str().to_owned();
                let captures = (pattern.captures_len() > 1).then_some(pattern);
                all.push((text, TextRule { provider, says: says.clone(), captures }));
            }
        }
        Ok(all)
    }

    fn says(&self, start: usize, raw: &RawText) -> Result<Says, CatalogError> {
        let gpu = || raw.gpu.as_deref().map(|it| self.gpu(start, it)).transpose();
        Ok(match raw.says.as_str() {
            "companion" => Says::Companion,
            "gpu" => Says::Gpu(gpu()?.ok_or_else(|| self.empty(start, "gpu"))?),
            "machine" => Says::Machine(gpu()?),
            "accelerator" => {
                Says::Accelerator(raw.name.clone().ok_or_else(|| self.empty(start, "name"))?)
            }
            other => {
                return Err(CatalogError::UnknownWord {
                    at: self.file.place_of(start, "says"),
                    column: "says",
                    found: other.to_owned(),
                    expected: "companion, gpu, machine or accelerator",
                });
            }
        })
    }

    fn slices(&self, rows: &RawSkus) -> Result<BTreeMap<String, u32>, CatalogError> {
        let mut all = BTreeMap::new();
        for row in &rows.mig {
            let (start, raw) = (row.span().start, row.get_ref());
            self.file.provenance(start, &raw.source, &raw.as_of)?;
            self.file.positive(start, "slices", Some(f64::from(raw.slices)))?;
            for gpu in &raw.gpus {
                let gpu = self.gpu(start, gpu)?;
                if all.insert(alias::normal(&gpu), raw.slices).is_some() {
                    return Err(self.twice(start, "gpus", "the GPU", &gpu));
                }
            }
        }
        Ok(all)
    }

    fn vgpus(&self, rows: &RawSkus) -> Result<BTreeMap<String, (String, f64)>, CatalogError> {
        let mut all = BTreeMap::new();
        for row in &rows.vgpu {
            let (start, raw) = (row.span().start, row.get_ref());
            self.file.provenance(start, &raw.source, &raw.as_of)?;
            self.file.positive(start, "memory_gb", Some(raw.memory_gb))?;
            let gpu = self.gpu(start, &raw.gpu)?;
            for code in &raw.codes {
                self.file.filled(start, "codes", code)?;
                let of = (gpu.clone(), raw.memory_gb);
                if all.insert(code.to_ascii_lowercase(), of).is_some() {
                    return Err(self.twice(start, "codes", "the vGPU type", code));
                }
            }
        }
        Ok(all)
    }

    /// The name of a GPU, as its catalog name where it means one GPU only.
    fn gpu(&self, start: usize, name: &str) -> Result<String, CatalogError> {
        match alias::resolve(self.aliases, name) {
            Some([gpu]) => Ok(gpu.clone()),
            Some(_) => Ok(name.to_owned()),
            None => Err(CatalogError::SkuUnknownGpu {
                at: self.file.place_of(start, "gpu"),
                gpu: name.to_owned(),
            }),
        }
    }

    fn provider(
        &self,
        start: usize,
        name: Option<&str>,
    ) -> Result<Option<ProviderIndex>, CatalogError> {
        let Some(name) = name else { return Ok(None) };
        let index = self.providers.iter().position(|it| it == name);
        index.map(Some).ok_or_else(|| CatalogError::UnknownWord {
            at: self.file.place_of(start, "provider"),
            column: "provider",
            found: name.to_owned(),
            expected: "the name of a [[provider]]",
        })
    }

    fn pattern(&self, start: usize, column: &str, text: &str) -> Result<Regex, CatalogError> {
        let at = || self.file.place_of(start, column);
        let pattern = Regex::new(&anchored(text)).map_err(|error| bad(at(), &error))?;
        if pattern.is_match("") || pattern.is_match("a b") {
            let message = format!("`{text}` fits any text");
            return Err(CatalogError::BadPattern { at: at(), message });
        }
        Ok(pattern)
    }

    fn empty(&self, start: usize, column: &'static str) -> CatalogError {
        CatalogError::Empty { at: self.file.place_of(start, column), column }
    }

    fn twice(&self, start: usize, column: &str, what: &'static str, name: &str) -> CatalogError {
        let at = self.file.place_of(start, column);
        CatalogError::Duplicate { at, what, name: name.to_owned() }
    }
}

/// What is wrong with a pattern, on one line.
fn bad(at: Place, error: &regex::Error) -> CatalogError {
    let message = error.to_string();
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    CatalogError::BadPattern { at, message: lines.join("; ") }
}
