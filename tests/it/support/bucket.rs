//! An S3 server in this process, with one bucket. It has only the calls that a store needs: there
//! is no call that deletes many objects at once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::rt::TokioIo;
use object_store::ObjectStore;
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::memory::InMemory;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, GetObjectInput, GetObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, PutObjectInput, PutObjectOutput,
};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use solform::store;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const ACCESS_KEY: &str = "key-of-the-tests";
pub(crate) const SECRET_KEY: &str = "bucket-s3cret-of-the-tests";
pub(crate) const BUCKET: &str = "releases";

/// A deviation of a server from the behaviour that a store needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    /// No deviation.
    None,
    /// `If-None-Match` and `If-Match` are ignored.
    IgnoresConditions,
    /// `If-Match` is ignored.
    IgnoresMatch,
    /// Writes with either header are refused as not implemented (501).
    NotImplemented,
    /// Writes with either header are refused as bad requests (400).
    BadRequest,
    /// Writes with `If-Match` are refused.
    RefusesMatch,
    /// Nothing is written.
    ReadOnly,
    /// Each page of a list points to the same next page.
    RepeatsToken,
    /// Each page of a list is full, and points to another one.
    EndlessList,
}

pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    folder: TempDir,
    puts: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        Self::with(Quirk::None).await
    }

    pub(crate) async fn with(quirk: Quirk) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let puts = Arc::default();
        let server = Server {
            files: s3s_fs::FileSystem::new(folder.path()).unwrap(),
            quirk,
            puts: Arc::clone(&puts),
        };
        let mut builder = S3ServiceBuilder::new(server);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else {
                    continue;
                };
                let service = service.clone();
                tokio::spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service);
                    // A client that disconnects is not an error of the server.
                    let _ = connection.await;
                });
            }
        });
        Self {
            endpoint,
            folder,
            puts,
            serving,
        }
    }

    /// Returns the existing objects, by their keys.
    pub(crate) fn keys(&self) -> Vec<String> {
        fn add(folder: &Path, root: &Path, keys: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    add(&path, root, keys);
                } else {
                    let key = path.strip_prefix(root).unwrap().display().to_string();
                    keys.push(key);
                }
            }
        }
        let root = self.folder.path().join(BUCKET);
        let mut keys = Vec::new();
        add(&root, &root, &mut keys);
        keys.sort();
        keys
    }

    /// Returns the number of objects written so far.
    pub(crate) fn puts(&self) -> usize {
        self.puts.load(Ordering::Relaxed)
    }

    /// Returns the variables with which a client reaches it.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        variables_of(&self.endpoint)
    }
}

/// Returns the variables with which a client reaches a server at an endpoint.
pub(crate) fn variables_of(endpoint: &str) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Server {
    files: s3s_fs::FileSystem,
    quirk: Quirk,
    puts: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl S3 for Server {
    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.files.get_object(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.files.delete_object(request).await
    }

    async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = &mut request.input;
        let has_match = input.if_match.is_some();
        let has_condition = has_match || input.if_none_match.is_some();
        match self.quirk {
            Quirk::NotImplemented if has_condition => {
                return Err(s3_error!(NotImplemented, "A header implies functionality"));
            }
            Quirk::BadRequest if has_condition => return Err(s3_error!(InvalidRequest)),
            Quirk::RefusesMatch if has_match => return Err(S3ErrorCode::InvalidRequest.into()),
            Quirk::ReadOnly => return Err(s3_error!(AccessDenied)),
            Quirk::IgnoresConditions => {
                input.if_match = None;
                input.if_none_match = None;
            }
            Quirk::IgnoresMatch => input.if_match = None,
            _ => {}
        }
        self.puts.fetch_add(1, Ordering::Relaxed);
        self.files.put_object(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let page: usize = request
            .input
            .continuation_token
            .as_ref()
            .and_then(|token| token.parse().ok())
            .unwrap_or(0);
        let (next, count) = match self.quirk {
            Quirk::RepeatsToken => (1, 1),
            Quirk::EndlessList => (page + 1, 1_000),
            _ => return self.files.list_objects_v2(request).await,
        };
        let prefix = request.input.prefix.unwrap_or_default();
        let object = |nth| Object {
            key: Some(format!("{prefix}{page:08}-{nth:04}.jsonl")),
            size: Some(1),
            last_modified: Some(std::time::SystemTime::UNIX_EPOCH.into()),
            ..Object::default()
        };
        Ok(S3Response::new(ListObjectsV2Output {
            contents: Some((0..count).map(object).collect()),
            is_truncated: Some(true),
            next_continuation_token: Some(next.to_string()),
            ..ListObjectsV2Output::default()
        }))
    }
}

/// Creates a bucket in memory, whose lists have one page.
pub(crate) fn in_memory() -> store::Bucket {
    let objects = Arc::new(InMemory::new());
    store::Bucket::new(Arc::clone(&objects) as _, Arc::new(OnePage(objects)))
}

struct OnePage(Arc<InMemory>);

#[async_trait::async_trait]
impl PaginatedListStore for OnePage {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        _: PaginatedListOptions,
    ) -> object_store::Result<PaginatedListResult> {
        let prefix = prefix.map(object_store::path::Path::from);
        Ok(PaginatedListResult {
            result: self.0.list_with_delimiter(prefix.as_ref()).await?,
            page_token: None,
        })
    }
}
