//! A server in this process with the protocol of Azure Blob Storage, or that of Google Cloud
//! Storage. It has only the calls that a store needs: there is no call that deletes many objects at
//! once. A page of a list has two names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;
use solform::store_location::BucketService;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::form_urlencoded;

use super::bucket::{BUCKET, Quirk};

pub(crate) const CLOUDS: [BucketService; 2] = [BucketService::Azure, BucketService::Gcs];

/// The secret of each service: the base64 form of a key, and a token.
pub(crate) const ACCOUNT_KEY: &str = "Y2xvdWQtczNjcmV0LW9mLXRoZS10ZXN0cw==";
pub(crate) const BEARER: &str = "cloud-t0ken-of-the-tests";

const PAGE: usize = 2;

pub(crate) struct Cloud {
    pub(crate) service: BucketService,
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

struct State {
    service: BucketService,
    quirk: Quirk,
    /// The objects by their keys, each with its version.
    objects: BTreeMap<String, (Bytes, u64)>,
    puts: u64,
    /// The methods and targets of all requests.
    requests: Vec<String>,
}

impl Cloud {
    pub(crate) async fn start(service: BucketService) -> Self {
        Self::with(service, Quirk::None).await
    }

    pub(crate) async fn with(service: BucketService, quirk: Quirk) -> Self {
        let state = Arc::new(Mutex::new(State {
            service,
            quirk,
            objects: BTreeMap::new(),
            puts: 0,
            requests: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let app = Router::new().fallback(move |request: Request| {
            let state = Arc::clone(&shared);
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let target = head.uri.path_and_query().unwrap().as_str().to_owned();
                let mut state = state.lock().unwrap();
                state.requests.push(format!("{} {target}", head.method));
                state.answer(&head.method, &target, &head.headers, body)
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            service,
            endpoint,
            state,
            serving,
        }
    }

    /// Returns the existing objects, by their keys.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    /// Returns the number of objects written so far.
    pub(crate) fn puts(&self) -> u64 {
        self.state.lock().unwrap().puts
    }

    /// Returns the requests so far whose method is this one.
    pub(crate) fn requests(&self, method: &str) -> Vec<String> {
        let requests = &self.state.lock().unwrap().requests;
        let of_method = requests.iter().filter(|line| line.starts_with(method));
        of_method.cloned().collect()
    }

    /// Returns the URL of a store.
    pub(crate) fn store(&self, prefix: &str) -> String {
        format!("{}://{BUCKET}/{prefix}", self.service.scheme())
    }

    /// Returns the variables with which a client reaches it.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        cloud_variables(self.service, &self.endpoint)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Returns the variables with which a client reaches a server at an endpoint.
pub(crate) fn cloud_variables(service: BucketService, endpoint: &str) -> Vec<(String, String)> {
    let variables: &[(&str, &str)] = match service {
        BucketService::Azure => &[
            ("AZURE_STORAGE_ACCOUNT_NAME", "acme"),
            ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY),
            ("AZURE_STORAGE_ENDPOINT", endpoint),
        ],
        BucketService::Gcs => &[
            ("GOOGLE_BEARER_TOKEN", BEARER),
            ("GOOGLE_BASE_URL", endpoint),
        ],
        BucketService::S3 => unreachable!("the S3 server is `Bucket`"),
    };
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(owned).collect()
}

impl State {
    fn answer(
        &mut self,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_azure = self.service == BucketService::Azure;
        let authorization = header("authorization").unwrap_or_default();
        let expected = if is_azure {
            "SharedKey acme:".to_owned()
        } else {
            format!("Bearer {BEARER}")
        };
        if !authorization.starts_with(&expected) {
            // Some servers repeat what they got.
            return refuse(StatusCode::FORBIDDEN, "AuthenticationFailed", authorization);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = percent_decode_str(path).decode_utf8().unwrap();
        let rest = path.strip_prefix(&format!("/{BUCKET}"));
        let Some(key) = rest.map(|rest| rest.trim_start_matches('/').to_owned()) else {
            return refuse(StatusCode::NOT_FOUND, "NoSuchBucket", "");
        };
        match *method {
            Method::GET if key.is_empty() => self.list(query),
            Method::GET => match self.objects.get(&key) {
                Some((bytes, version)) => {
                    let head = [("last-modified", "Sat, 28 Nov 2026 05:00:00 GMT")];
                    (head, written(*version), bytes.clone()).into_response()
                }
                None => refuse(StatusCode::NOT_FOUND, "NoSuchKey", ""),
            },
            Method::PUT => {
                let old = self.objects.get(&key).map(|(_, version)| *version);
                let (creates, matches) = if is_azure {
                    let version = header("if-match").map(|tag| tag.trim_matches('"'));
                    (header("if-none-match").is_some(), version)
                } else {
                    let generation = header("x-goog-if-generation-match");
                    (
                        generation == Some("0"),
                        generation.filter(|generation| *generation != "0"),
                    )
                };
                self.put(key, body, old, creates, matches)
            }
            Method::DELETE if self.quirk == Quirk::ReadOnly => {
                refuse(StatusCode::FORBIDDEN, "AccessDenied", "")
            }
            Method::DELETE => match self.objects.remove(&key) {
                Some(_) if is_azure => StatusCode::ACCEPTED.into_response(),
                Some(_) => StatusCode::NO_CONTENT.into_response(),
                None => refuse(StatusCode::NOT_FOUND, "NoSuchKey", ""),
            },
            _ => refuse(StatusCode::BAD_REQUEST, "NotSupported", ""),
        }
    }

    fn put(
        &mut self,
        key: String,
        body: Bytes,
        old: Option<u64>,
        creates: bool,
        matches: Option<&str>,
    ) -> Response {
        let has_condition = creates || matches.is_some();
        let status = match self.quirk {
            Quirk::NotImplemented if has_condition => Some(StatusCode::NOT_IMPLEMENTED),
            Quirk::BadRequest if has_condition => Some(StatusCode::BAD_REQUEST),
            Quirk::RefusesMatch if matches.is_some() => Some(StatusCode::BAD_REQUEST),
            Quirk::ReadOnly => Some(StatusCode::FORBIDDEN),
            _ => None,
        };
        if let Some(status) = status {
            return refuse(status, "AccessDenied", "");
        }
        let ignores_match = matches!(self.quirk, Quirk::IgnoresMatch | Quirk::IgnoresConditions);
        if creates && old.is_some() && self.quirk != Quirk::IgnoresConditions {
            return match self.service {
                BucketService::Azure => refuse(StatusCode::CONFLICT, "BlobAlreadyExists", ""),
                _ => refuse(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", ""),
            };
        }
        if let Some(version) = matches
            && old.map(|old| old.to_string()).as_deref() != Some(version)
            && !ignores_match
        {
            return refuse(StatusCode::PRECONDITION_FAILED, "ConditionNotMet", "");
        }
        self.puts += 1;
        // Versions of different objects are unequal too.
        self.objects.insert(key, (body, self.puts));
        (StatusCode::CREATED, written(self.puts)).into_response()
    }

    fn list(&self, query: &str) -> Response {
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let is_azure = self.service == BucketService::Azure;
        let prefix = value("prefix");
        let mut names = BTreeSet::new();
        for key in self.objects.keys() {
            if let Some(rest) = key.strip_prefix(prefix) {
                let length = rest.find('/').map_or(rest.len(), |end| end + 1);
                names.insert(format!("{prefix}{}", &rest[..length]));
            }
        }
        let token = value(if is_azure {
            "marker"
        } else {
            "continuation-token"
        });
        let left: Vec<&String> = names.iter().filter(|name| name.as_str() > token).collect();
        let page = &left[..left.len().min(PAGE)];
        let next = if left.len() > PAGE {
            page.last().map_or("", |name| name.as_str())
        } else {
            ""
        };
        let entries: String = page
            .iter()
            .map(|name| match (is_azure, name.ends_with('/')) {
                (true, true) => format!("<BlobPrefix><Name>{name}</Name></BlobPrefix>"),
                (true, false) => format!(
                    "<Blob><Name>{name}</Name><Properties><Last-Modified>Sat, 28 Nov 2026 05:00:00 \
                     GMT</Last-Modified><Content-Length>1</Content-Length><Content-Type>x/y\
                     </Content-Type></Properties></Blob>"
                ),
                (false, true) => {
                    format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>")
                }
                (false, false) => format!(
                    "<Contents><Key>{name}</Key><Size>1</Size><LastModified>2026-11-28T05:00:00Z\
                     </LastModified></Contents>"
                ),
            })
            .collect();
        let xml = if is_azure {
            format!(
                "<EnumerationResults><Blobs>{entries}</Blobs><NextMarker>{next}</NextMarker>\
                 </EnumerationResults>"
            )
        } else {
            format!(
                "<ListBucketResult>{entries}<NextContinuationToken>{next}</NextContinuationToken>\
                 </ListBucketResult>"
            )
        };
        xml.into_response()
    }
}

/// Returns the headers of a version of an object.
fn written(version: u64) -> [(&'static str, String); 2] {
    [
        ("etag", format!("\"{version}\"")),
        ("x-goog-generation", version.to_string()),
    ]
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let text = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (status, text).into_response()
}
