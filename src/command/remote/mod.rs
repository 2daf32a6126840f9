//! Inputs at an address: `s3://`, `gs://` and `az://`, in builds that can read them.
//!
//! Logs that are Parquet are rolled up by ranges of their bytes. All else is copied to a private
//! temporary folder first, which is removed at every end of a run.

#[cfg(feature = "cloud")]
mod address;
#[cfg(feature = "cloud")]
mod client;
#[cfg(feature = "cloud")]
mod copy;
#[cfg(feature = "cloud")]
mod fault;
#[cfg(feature = "cloud")]
mod list;
#[cfg(feature = "cloud")]
mod object;

use chrono_tz::Tz;

use super::failure::Failure;
use super::talk::Talk;
use crate::ingest::{Config, Source};
use crate::rollup::{LogFile, Part};

/// What addresses mean to a rollup.
#[derive(Default)]
pub(super) struct Found {
    /// Tables that were rolled up before.
    pub(super) tables: Vec<Part>,
    /// Logs whose columns can be read as they are.
    pub(super) logs: Vec<LogFile>,
    /// All else, copied here.
    pub(super) copies: Vec<Source>,
}

/// The inputs that words on the command line mean.
#[cfg(not(feature = "cloud"))]
pub(super) fn expand(words: &[String], _: Talk) -> Result<Vec<Source>, Failure> {
    Ok(crate::ingest::expand(words)?)
}

/// Words that name files here, and those that are addresses.
#[cfg(not(feature = "cloud"))]
pub(super) fn split(words: &[String]) -> (Vec<String>, Vec<String>) {
    (words.to_vec(), Vec::new())
}

/// What addresses mean to a rollup.
#[cfg(not(feature = "cloud"))]
#[expect(clippy::unnecessary_wraps, reason = "the same with and without the feature")]
pub(super) fn find(_: &[String], _: (&Config, Tz), _: Talk) -> Result<Found, Failure> {
    Ok(Found::default())
}

/// What addresses stood for, to be hidden where names are.
#[cfg(not(feature = "cloud"))]
pub(super) const fn names() -> Vec<String> {
    Vec::new()
}

/// Removes what was copied here.
#[cfg(not(feature = "cloud"))]
pub(super) const fn clean() {}

#[cfg(feature = "cloud")]
pub(super) use with_feature::{expand, find, names, split};

#[cfg(feature = "cloud")]
pub(super) use copy::clean;

#[cfg(feature = "cloud")]
mod with_feature {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::address::Address;
    use super::object::Object;
    use super::{Config, Failure, Found, LogFile, Part, Source, Talk, Tz, copy, list, object};
    use crate::command::output;
    use crate::ingest::{self, IngestError};

    /// The copies of what each word means: a command asks more than once, and a bucket is read once.
    static COPIED: Mutex<BTreeMap<String, Vec<Source>>> = Mutex::new(BTreeMap::new());
    /// What addresses stood for.
    static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());

    /// A word, and the objects that it means.
    type Listed = (String, Vec<Arc<Object>>);

    /// The inputs that words on the command line mean, all of them here.
    pub(in crate::command) fn expand(words: &[String], talk: Talk) -> Result<Vec<Source>, Failure> {
        let mut copied = COPIED.lock().unwrap_or_else(PoisonError::into_inner);
        let (here, there) = split(words);
        if there.is_empty() {
            return Ok(ingest::expand(words)?);
        }
        // A word of its own each, so that they keep their order; all together tell what is named twice.
        ingest::expand(&here)?;
        let missing: Vec<String> =
            there.into_iter().filter(|it| !copied.contains_key(it)).collect();
        if !missing.is_empty() {
            output::while_interrupts_wait(|| -> Result<(), Failure> {
                for (word, objects) in listed(&missing)? {
                    copied.insert(word, copy::all(&objects, talk)?);
                }
                Ok(())
            })?;
        }
        let mut sources = Vec::new();
        for word in words {
            match copied.get(word) {
                Some(found) => sources.extend(found.iter().cloned()),
                None => sources.extend(ingest::expand(std::slice::from_ref(word))?),
            }
        }
        Ok(sources)
    }

    /// Words that name files here, and those that are addresses.
    pub(in crate::command) fn split(words: &[String]) -> (Vec<String>, Vec<String>) {
        words.iter().cloned().partition(|it| !Address::is_one(it))
    }

    /// What addresses mean to a rollup.
    pub(in crate::command) fn find(
        words: &[String],
        (config, zone): (&Config, Tz),
        talk: Talk,
    ) -> Result<Found, Failure> {
        output::while_interrupts_wait(|| {
            let mut found = Found::default();
            let mut others = Vec::new();
            for (_, objects) in listed(words)? {
                object::look_at_ends(&objects)?;
                for it in objects {
                    if !take(&it, (config, zone), &mut found)? {
                        others.push(Arc::clone(&it));
                    }
                    it.forget_end();
                }
            }
            found.copies = copy::all(&others, talk)?;
            Ok(found)
        })
    }

    /// Takes an object that can be read by ranges.
    fn take(
        object: &Arc<Object>,
        (config, zone): (&Config, Tz),
        found: &mut Found,
    ) -> Result<bool, Failure> {
        let name = object.name();
        let Some(footer) = object.footer()? else { return Ok(false) };
        if let Some(table) = Part::of(Arc::clone(object) as _, name)? {
            found.tables.push(table);
            return Ok(true);
        }
        let Some(columns) = ingest::plain_columns(footer, name, config, zone)? else {
            return Ok(false);
        };
        let log = LogFile::open(Arc::clone(object) as _, name, &columns)?;
        let is_taken = log.is_some();
        found.logs.extend(log);
        Ok(is_taken)
    }

    /// The objects of each word.
    fn listed(words: &[String]) -> Result<Vec<Listed>, Failure> {
        let mut all = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for word in words {
            let address = Address::parse(word)?;
            let objects = list::list(&address)?;
            for it in &objects {
                let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
                names.push(it.name().to_owned());
                names.push(ingest::file_name(it.name()).to_owned());
                if !seen.insert(it.name().to_owned()) {
                    return Err(IngestError::Pattern {
                        pattern: it.name().to_owned(),
                        reason: "the file is named twice".to_owned(),
                    }
                    .into());
                }
            }
            all.push((word.clone(), objects));
        }
        Ok(all)
    }

    /// What addresses stood for, to be hidden where names are.
    pub(in crate::command) fn names() -> Vec<String> {
        NAMES.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
