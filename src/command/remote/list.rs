//! What objects an address means.

use std::sync::Arc;

use futures_util::TryStreamExt;
use glob::MatchOptions;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::address::Address;
use super::client::{store, wait};
use super::fault::Fault;
use super::object::Object;
use crate::command::failure::Failure;

/// As on a disk: a star stays in its folder.
const MATCH: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The objects of an address in the order of their keys: those that a pattern matches, those of a
/// folder, or the one.
pub(super) fn list(address: &Address) -> Result<Vec<Arc<Object>>, Failure> {
    let shown = address.to_string();
    let pattern = address.pattern()?;
    let found = store(address).and_then(|store| {
        let mut metas = wait(metas(&*store, address, pattern.as_ref()))?;
        metas.sort_by(|a, b| a.location.cmp(&b.location));
        Ok((store, metas))
    });
    let (store, metas) = found.map_err(|it| it.of(&shown))?;
    let object = |meta| Arc::new(Object::new(Arc::clone(&store), address, meta));
    Ok(metas.into_iter().map(object).collect())
}

async fn metas(
    store: &dyn ObjectStore,
    address: &Address,
    pattern: Option<&glob::Pattern>,
) -> Result<Vec<ObjectMeta>, Fault> {
    let said = |error| Fault::of_store(&error, address.scheme);
    let path = |key: &str| Path::parse(key).map_err(|it| said(it.into()));
    if let Some(pattern) = pattern {
        let folder = path(address.folder())?;
        let all: Vec<ObjectMeta> = if address.goes_deeper() {
            store.list(Some(&folder)).try_collect().await.map_err(said)?
        } else {
            store.list_with_delimiter(Some(&folder)).await.map_err(said)?.objects
        };
        let fits = |it: &ObjectMeta| pattern.matches_with(it.location.as_ref(), MATCH);
        let found: Vec<ObjectMeta> = all.into_iter().filter(fits).collect();
        return if found.is_empty() { Err(Fault::none_matches()) } else { Ok(found) };
    }
    let is_folder = address.key.is_empty() || address.key.ends_with('/');
    if !is_folder {
        match store.head(&path(&address.key)?).await.map_err(said) {
            Ok(meta) => return Ok(vec![meta]),
            Err(fault) if !fault.is_missing() => return Err(fault),
            // A prefix without its slash, or nothing.
            Err(fault) => {
                let found = folder(store, address, &path(&address.key)?).await;
                return found.and_then(|it| if it.is_empty() { Err(fault) } else { Ok(it) });
            }
        }
    }
    let found = folder(store, address, &path(address.key.trim_end_matches('/'))?).await?;
    if found.is_empty() { Err(Fault::empty_prefix()) } else { Ok(found) }
}

/// The objects right below a prefix: no hidden ones and no marks of a writer such as `_SUCCESS`, as of
/// a folder on a disk.
async fn folder(
    store: &dyn ObjectStore,
    address: &Address,
    prefix: &Path,
) -> Result<Vec<ObjectMeta>, Fault> {
    let listed = store.list_with_delimiter(Some(prefix)).await;
    let mut found = listed.map_err(|it| Fault::of_store(&it, address.scheme))?.objects;
    found.retain(|it| {
        let is_mark = it.location.filename().is_none_or(|it| it.starts_with(['.', '_']));
        !is_mark && it.location != *prefix
    });
    Ok(found)
}
