//! `skus.toml`, read, checked and made ready to be searched.

use std::collections::BTreeMap;
use std::sync::OnceLock;

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
    pub(super) captures: Option<Capturing>,
}

/// A pattern that is made ready when it is first needed: a bill needs few of them.
#[derive(Clone, Debug)]
pub(super) struct Capturing {
    pattern: String,
    ready: OnceLock<Regex>,
}

impl Capturing {
    /// The pattern, ready to be searched for.
    pub(super) fn regex(&self) -> &Regex {
        self.ready.get_or_init(|| {
            Regex::new(&self.pattern).expect("the set of all patterns was made of it before")
        })
    }
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
    /// The name of one GPU, which the pattern captures.
    Name,
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
    let (sources, texts): (Vec<Pattern>, Vec<TextRule>) = reader.texts(rows)?.into_iter().unzip();
    Ok(Skus {
        providers,
        names: machines.names(file)?,
        patterns: reader.set(&sources)?,
        texts,
        family_patterns: reader.set(&machines.family_patterns)?,
        families: machines.families,
        machines: machines.anywhere,
        strict: machines.strict,
        slices: reader.slices(rows)?,
        vgpus: reader.vgpus(rows)?,
    })
}

/// A pattern between the edges of words, and where it stands.
struct Pattern {
    text: String,
    start: usize,
    column: &'static str,
}

/// The rows of `machine` while they are read.
#[derive(Default)]
struct Machines {
    anywhere: BTreeMap<String, Machine>,
    strict: BTreeMap<(ProviderIndex, String), Machine>,
    family_patterns: Vec<Pattern>,
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
                let text = anchored(family);
                all.family_patterns.push(Pattern { text, start, column: "family" });
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

    fn texts(&self, rows: &RawSkus) -> Result<Vec<(Pattern, TextRule)>, CatalogError> {
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
                let captures_gpu = matches!(says, Says::Machine(None) | Says::Name);
                if captures_gpu && !pattern.contains("(?<gpu>") {
                    return Err(self.empty(start, "gpu"));
                }
                let text = anchored(pattern);
                let captures = pattern
                    .contains("(?<")
                    .then(|| Capturing { pattern: text.clone(), ready: OnceLock::new() });
                let rule = TextRule { provider, says: says.clone(), captures };
                all.push((Pattern { text, start, column: "patterns" }, rule));
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
            "name" => Says::Name,
            "accelerator" => {
                Says::Accelerator(raw.name.clone().ok_or_else(|| self.empty(start, "name"))?)
            }
            other => {
                return Err(CatalogError::UnknownWord {
                    at: self.file.place_of(start, "says"),
                    column: "says",
                    found: other.to_owned(),
                    expected: "companion, gpu, machine, name or accelerator",
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

    /// All patterns as one, or the place of the first that is none or that fits any text.
    fn set(&self, patterns: &[Pattern]) -> Result<RegexSet, CatalogError> {
        let at = |it: &Pattern| self.file.place_of(it.start, it.column);
        let set = RegexSet::new(patterns.iter().map(|it| &it.text)).map_err(|error| {
            let each =
                patterns.iter().find_map(|it| Some(bad(at(it), &Regex::new(&it.text).err()?)));
            each.unwrap_or_else(|| bad(self.file.place(0), &error))
        })?;
        let mut hits = set.matches("a b").into_iter().chain(set.matches(""));
        if let Some(pattern) = hits.find_map(|it| patterns.get(it)) {
            let message = format!("`{}` fits any text", pattern.text);
            return Err(CatalogError::BadPattern { at: at(pattern), message });
        }
        Ok(set)
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
