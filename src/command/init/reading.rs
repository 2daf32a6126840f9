//! Reading without a config: what only a config could tell is set aside as a blank, so that it
//! keeps nobody from getting one.

use super::unmapped::Unmapped;
use crate::catalog::Catalog;
use crate::ingest::{self, Config, IngestError, Ingested, ReadOptions, Source};
use crate::report::{Analysed, Blank, BlankKey};
use crate::units::Currency;

/// What was read, and what could not be.
pub(super) struct Reading {
    /// What was read; nothing where no file could be.
    pub(super) ingested: Option<Ingested>,
    /// Files that are logs of unknown columns.
    pub(super) unmapped: Vec<Unmapped>,
    /// Currencies without a rate to that of the report; with any, no amount of `ingested` but
    /// those by currency means anything.
    pub(super) unrated: Vec<Currency>,
    /// Names of the files.
    pub(super) names: Vec<String>,
}

/// Reads all sources but those that need a `[[mapping]]`. Without rates each amount counts as one
/// unit of the report's currency, so that workloads are found at all.
pub(super) fn read(
    mut sources: Vec<Source>,
    catalog: &Catalog,
    options: &ReadOptions,
) -> Result<Reading, IngestError> {
    let names: Vec<String> = sources.iter().map(|it| it.name().to_owned()).collect();
    // Standard input is gone after the first try.
    let repeats = sources.iter().all(|it| it.path().is_some());
    let (mut unmapped, mut unrated) = (Vec::new(), Vec::new());
    let mut config = Config::default();
    loop {
        let error = match ingest::read(&sources, &config, catalog, options) {
            Ok(ingested) => {
                return Ok(Reading { ingested: Some(ingested), unmapped, unrated, names });
            }
            Err(error) => error,
        };
        match &error {
            IngestError::UnknownFormat { file, columns } => {
                let is_it = |it: &Source| it.name() == file;
                // Of two files of one name the error does not say which.
                let only = sources.iter().filter(|it| is_it(it)).count() == 1;
                let Some(log) = Unmapped::of(file, columns).filter(|_| only) else {
                    return Err(error);
                };
                sources.retain(|it| !is_it(it));
                unmapped.push(log);
                if sources.is_empty() {
                    return Ok(Reading { ingested: None, unmapped, unrated, names });
                }
            }
            IngestError::NoRate { from, .. } if !unrated.contains(from) => {
                if config.fx.add(from.as_str(), "1").is_err() {
                    return Err(error);
                }
                unrated.push(*from);
            }
            _ => return Err(error),
        }
        if !repeats {
            return Err(error);
        }
    }
}

/// Takes away amounts that were added over currencies without a rate, and what rests on them.
pub(super) fn forget_amounts(workloads: &mut [Analysed], blanks: &mut Vec<Blank>) {
    for it in workloads {
        it.workload.totals.effective_cost = None;
    }
    // Listed where a plan is cheaper than today.
    blanks.retain(|it| it.key != BlankKey::ColdStartS);
    for it in blanks {
        it.worth = None;
    }
}
