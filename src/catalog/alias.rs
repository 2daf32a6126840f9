//! The many names of one GPU: price lists, drivers and people write each its own.

use std::collections::BTreeMap;

use super::error::CatalogError;
use super::file::PricingFile;
use super::gpu::GpuSpec;
use super::raw::RawAliases;

/// Words a driver or vendor puts before the name of a GPU.
const PREFIXES: [&str; 6] = ["nvidia", "tesla", "geforce", "amd", "instinct", "intel"];

/// The name without case, blanks, `-` and `_`: what two spellings of one name share.
pub(super) fn normal(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// From the normal form of a name to the catalog names it can mean: several for a pool, none for
/// a name that is known but has no specification.
pub(super) fn read(
    file: &PricingFile<'_>,
    rows: &RawAliases,
    gpus: &[GpuSpec],
) -> Result<BTreeMap<String, Vec<String>>, CatalogError> {
    let mut names: BTreeMap<String, Vec<String>> =
        gpus.iter().map(|gpu| (normal(&gpu.name), vec![gpu.name.clone()])).collect();
    for row in &rows.alias {
        let start = row.span().start;
        let raw = row.get_ref();
        file.provenance(start, &raw.source, &raw.as_of)?;
        if let Some(note) = &raw.note {
            file.filled(start, "note", note)?;
        }
        if raw.names.is_empty() {
            return Err(CatalogError::Empty { at: file.place_of(start, "names"), column: "names" });
        }
        if let Some(gpu) = raw.gpus.iter().find(|name| gpus.iter().all(|it| it.name != **name)) {
            let at = file.place_of(start, "gpus");
            return Err(CatalogError::AliasUnknownGpu { at, gpu: gpu.clone() });
        }
        for name in &raw.names {
            file.filled(start, "names", name)?;
            if names.insert(normal(name), raw.gpus.clone()).is_some() {
                let at = file.place_of(start, "names");
                return Err(CatalogError::Duplicate { at, what: "the name", name: name.clone() });
            }
        }
    }
    Ok(names)
}

/// The catalog names `text` can mean, as it stands or without the vendor's words before it.
pub(super) fn resolve<'a>(
    names: &'a BTreeMap<String, Vec<String>>,
    text: &str,
) -> Option<&'a [String]> {
    let mut name = normal(text);
    loop {
        if let Some(gpus) = names.get(&name) {
            return Some(gpus);
        }
        name = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?.to_owned();
    }
}
