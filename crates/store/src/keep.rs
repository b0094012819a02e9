//! Keeps a database that may be damaged as it was, while sled opens it and cuts its log.
//!
//! | name | is |
//! |---|---|
//! | `sled.keep.new` | a copy under way; removed at the next start |
//! | `sled.keep` | the database as it was found; as long as it is there, `sled` is only what sled made of it |
//!
//! An open that fails puts it back, and so does the next start when this one
//! died: a refused start leaves everything as it was. An open that rebuilds
//! the database sets it aside under a dated name. An open that finds all
//! records removes it.

use std::path::Path;

use crate::{
    error::StoreError,
    files::{self, Layout},
};

/// Copies the database away when it may be damaged; returns why it may be.
pub(crate) fn keep_suspect(layout: &Layout) -> Result<Option<String>, StoreError> {
    let path = layout.sled();
    let why = crate::sled_log::suspicion(&path)
        .map_err(|source| StoreError::io("look at the database in", &path, source))?;
    if why.is_some() {
        copy(layout, &path)?;
    }
    Ok(why)
}

fn copy(layout: &Layout, path: &Path) -> Result<(), StoreError> {
    let (draft, kept) = (layout.sled_keep_new(), layout.sled_keep());
    let fail = |source| StoreError::io("keep a copy of the damaged database as", &kept, source);
    let needed = files::size_of(path).map_err(fail)?;
    files::require_space(&layout.dir, needed, "keep a copy of the damaged database")?;
    files::copy_dir(path, &draft)
        .and_then(|()| files::sync_all(&draft))
        .map_err(fail)?;
    gtd_fault::point("store.keep-copied");
    std::fs::rename(&draft, &kept)
        .and_then(|()| files::sync_dir(&layout.dir))
        .map_err(fail)?;
    gtd_fault::point("store.keep-made");
    Ok(())
}

/// Puts a kept database back in its place; without one nothing happens.
pub(crate) fn put_back(layout: &Layout) -> Result<(), StoreError> {
    let (path, kept) = (layout.sled(), layout.sled_keep());
    if !kept.exists() {
        return Ok(());
    }
    files::remove(&path)
        .and_then(|()| {
            gtd_fault::point("store.keep-back");
            std::fs::rename(&kept, &path)
        })
        .and_then(|()| files::sync_dir(&layout.dir))
        .map_err(|source| StoreError::io("put the database back at", path, source))
}

/// Removes a kept database that nobody needs.
pub(crate) fn forget(layout: &Layout) -> Result<(), StoreError> {
    let kept = layout.sled_keep();
    if !kept.exists() {
        return Ok(());
    }
    // Half of a copy must never be taken for the database.
    let draft = layout.sled_keep_new();
    std::fs::rename(&kept, &draft)
        .and_then(|()| files::sync_dir(&layout.dir))
        .and_then(|()| files::remove(&draft))
        .map_err(|source| StoreError::io("remove", kept, source))
}
