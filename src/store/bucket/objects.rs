//! Buckets: the requests that a store sends to one.
//!
//! A bucket is on another computer: its lists and objects are read within limits.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{Error, GetResult, ObjectStore, ObjectStoreExt as _, PutMode, UpdateVersion};

use super::error::{BoundError, MAX_NAME_BYTES, MAX_NAMES, MAX_PAGES};
use crate::ident::Digest;

/// The objects of a bucket, and their names page by page.
#[derive(Clone)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    pages: Arc<dyn PaginatedListStore>,
    /// Deletes an object, if the client of the objects cannot delete a single one.
    removal: Option<Arc<dyn Removal>>,
}

/// The deletion of single objects.
#[async_trait]
pub(in crate::store) trait Removal: Send + Sync {
    /// Deletes an object.
    async fn remove(&self, path: &Path) -> Result<(), Error>;
}

/// The names below a folder.
#[derive(Debug, Default)]
pub(in crate::store) struct Names {
    pub(in crate::store) objects: Vec<Path>,
    pub(in crate::store) folders: Vec<Path>,
}

impl Bucket {
    /// A bucket of any kind.
    pub fn new(objects: Arc<dyn ObjectStore>, pages: Arc<dyn PaginatedListStore>) -> Self {
        Self {
            objects,
            pages,
            removal: None,
        }
    }

    /// Returns the bucket with another deletion of objects.
    #[cfg(feature = "azure")]
    pub(in crate::store) fn removing(self, removal: Arc<dyn Removal>) -> Self {
        Self {
            removal: Some(removal),
            ..self
        }
    }

    /// Lists the objects right below a folder, and the folders there.
    pub(in crate::store) async fn list(&self, folder: &Path) -> Result<Names, Error> {
        let prefix = format!("{folder}/");
        let mut names = Names::default();
        let mut name_bytes = 0;
        let mut tokens = BTreeSet::new();
        let mut page_token = None;
        loop {
            let options = PaginatedListOptions {
                delimiter: Some("/".into()),
                page_token,
                ..PaginatedListOptions::default()
            };
            let page = self.pages.list_paginated(Some(&prefix), options).await?;
            let objects = page.result.objects.into_iter();
            let objects: Vec<Path> = objects.map(|object| object.location).collect();
            let folders = page.result.common_prefixes;
            name_bytes += objects
                .iter()
                .chain(&folders)
                .map(|name| name.as_ref().len())
                .sum::<usize>();
            names.objects.extend(objects);
            names.folders.extend(folders);
            if names.objects.len() + names.folders.len() > MAX_NAMES || name_bytes > MAX_NAME_BYTES
            {
                return Err(BoundError::Names(folder.clone()).into());
            }
            let Some(token) = page.page_token.filter(|token| !token.is_empty()) else {
                return Ok(names);
            };
            if !tokens.insert(Digest::of(token.as_bytes()).as_str().to_owned()) {
                return Err(BoundError::Token(folder.clone()).into());
            }
            if tokens.len() >= MAX_PAGES {
                return Err(BoundError::Pages(folder.clone()).into());
            }
            page_token = Some(token);
        }
    }

    /// Reads an object that is not longer than `limit`, if it exists.
    pub(in crate::store) async fn read(
        &self,
        path: &Path,
        limit: u64,
    ) -> Result<Option<Object>, Error> {
        let found = match self.objects.get(path).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let version = UpdateVersion {
            e_tag: found.meta.e_tag.clone(),
            version: found.meta.version.clone(),
        };
        let bytes = bytes_of(found, limit).await?;
        Ok(Some(Object { bytes, version }))
    }

    /// Writes an object, and returns its version.
    pub(in crate::store) async fn put(
        &self,
        path: &Path,
        bytes: impl Into<Bytes>,
        mode: PutMode,
    ) -> Result<UpdateVersion, Error> {
        let payload = bytes.into().into();
        let done = self.objects.put_opts(path, payload, mode.into()).await?;
        Ok(done.into())
    }

    /// Removes an object, if it exists.
    pub(in crate::store) async fn remove(&self, path: &Path) -> Result<(), Error> {
        let removed = match &self.removal {
            Some(removal) => removal.remove(path).await,
            None => self.objects.delete(path).await,
        };
        match removed {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// An object that was read, and its version.
pub(in crate::store) struct Object {
    pub(in crate::store) bytes: Bytes,
    pub(in crate::store) version: UpdateVersion,
}

async fn bytes_of(found: GetResult, limit: u64) -> Result<Bytes, Error> {
    let path = found.meta.location.clone();
    let too_large = || Error::from(BoundError::Object { path, limit });
    if found.meta.size > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut pieces = found.into_stream();
    while let Some(piece) = pieces.try_next().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
    }
    Ok(bytes.into())
}
