//! An S3 server in this process, with one bucket.

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const ACCESS_KEY: &str = "key-of-the-tests";
pub(crate) const SECRET_KEY: &str = "bucket-s3cret-of-the-tests";
pub(crate) const BUCKET: &str = "releases";

pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    _folder: TempDir,
    serving: JoinHandle<()>,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
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
                    // A client that leaves is no concern of the server's.
                    let _ = connection.await;
                });
            }
        });
        Self {
            endpoint,
            _folder: folder,
            serving,
        }
    }

    /// The variables by which a client finds it.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        variables_of(&self.endpoint)
    }
}

/// The variables by which a client finds a server at an endpoint.
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
