//! The settings of a bucket in the `AWS_*` variables, checked before any request.

use std::path::{Path, PathBuf};

use reqwest::Certificate;
use url::{Host, Url};

use crate::regular_file::{self, SECRET_LIMIT};

/// The variables of a bucket's endpoint, the most specific first.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// The settings of a bucket.
#[derive(Debug)]
pub(super) struct S3Settings {
    /// The endpoint, if it is not Amazon's own.
    pub(super) endpoint: Option<String>,
    pub(super) allows_http: bool,
    /// The certificates of `AWS_CA_BUNDLE`.
    pub(super) certificates: Vec<Certificate>,
    pub(super) credentials: Credentials,
    pub(super) metadata_endpoint: Option<String>,
}

/// The source of the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    /// The variables contain the credentials or their location.
    Given,
    /// Only the metadata service of a cloud machine may provide credentials.
    Metadata,
}

/// The reason why the variables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BucketSettingsError {
    /// An endpoint that is not a URL.
    #[error("the endpoint `{endpoint}` in {variable} is not an http or https URL")]
    Endpoint {
        /// The endpoint.
        endpoint: String,
        /// The variable.
        variable: &'static str,
    },
    /// An endpoint without encryption: others on the network could read the requests.
    #[error("the endpoint `{endpoint}` in {variable} is plain http")]
    PlainHttp {
        /// The endpoint.
        endpoint: String,
        /// The variable.
        variable: &'static str,
    },
    /// A key of two variables, of which only one is set.
    #[error("{set} is set without {missing}")]
    HalfKey {
        /// The variable that is set.
        set: &'static str,
        /// The variable that is not set.
        missing: &'static str,
    },
    /// A profile without other credentials.
    #[error("no credentials found: {variable} is set, but profiles are not read")]
    Profile {
        /// The variable.
        variable: &'static str,
    },
    /// No source of credentials.
    #[error("no credentials found")]
    NoCredentials,
    /// A bundle that cannot be read.
    #[error("failed to read the AWS_CA_BUNDLE `{}`", path.display())]
    Bundle {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A bundle without certificates.
    #[error("the AWS_CA_BUNDLE `{}` holds no PEM certificates", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
    },
}

impl BucketSettingsError {
    /// Returns this error if an error of the bucket's client contains it.
    pub(super) fn in_chain(error: &object_store::Error) -> Option<Self> {
        let first: &(dyn std::error::Error + 'static) = error;
        std::iter::successors(Some(first), |cause| cause.source())
            .any(|cause| matches!(cause.downcast_ref(), Some(Self::NoCredentials)))
            .then_some(Self::NoCredentials)
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Endpoint { .. } => "Write a whole URL, such as `https://s3.example.com`.",
            Self::PlainHttp { .. } => {
                "Use https. To send requests unencrypted all the same, set AWS_ALLOW_HTTP=true."
            }
            Self::HalfKey { .. } => "Set both, or none.",
            Self::Profile { .. } | Self::NoCredentials => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; export those of a profile, for \
                 example by `aws configure export-credentials --format env`. Profiles and config \
                 files are not read."
            }
            Self::Bundle { .. } | Self::Certificates { .. } => {
                "Name a file of PEM certificates (`-----BEGIN CERTIFICATE-----`)."
            }
        }
    }
}

impl S3Settings {
    /// Reads the variables; an empty one counts as not set.
    pub(super) fn read(variables: &[(String, String)]) -> Result<Self, BucketSettingsError> {
        let value = |name: &str| value_of(variables, name);
        let is_true = |name: &str| value(name).is_some_and(is_true);
        let mut allows_http = is_true("AWS_ALLOW_HTTP");
        let endpoint = endpoint_in(variables);
        if let Some((variable, endpoint)) = endpoint {
            allows_http |= is_loopback_http(variable, endpoint, allows_http)?;
        }
        Ok(Self {
            endpoint: endpoint.map(|(_, endpoint)| endpoint.to_owned()),
            allows_http,
            certificates: value("AWS_CA_BUNDLE")
                .map(|path| read_bundle(Path::new(path)))
                .transpose()?
                .unwrap_or_default(),
            credentials: credentials(&value, &is_true)?,
            metadata_endpoint: value("AWS_METADATA_ENDPOINT")
                .or_else(|| value("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
                .map(|endpoint| endpoint.trim_end_matches('/').to_owned()),
        })
    }
}

/// Returns the URL of the server that the variables choose for a bucket.
pub fn server_of(bucket: &Url, variables: &[(String, String)]) -> Url {
    let value = |name: &str| value_of(variables, name);
    let endpoint = endpoint_in(variables).and_then(|(_, text)| Url::parse(text).ok());
    if let Some(endpoint) = endpoint {
        return endpoint;
    }
    let region = value("AWS_REGION").or_else(|| value("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or("us-east-1");
    let is_virtual = value("AWS_VIRTUAL_HOSTED_STYLE_REQUEST") == Some("true");
    let name = match bucket.host_str().filter(|_| is_virtual) {
        Some(name) => format!("{name}."),
        None => String::new(),
    };
    Url::parse(&format!("https://{name}s3.{region}.amazonaws.com"))
        .unwrap_or_else(|_| bucket.clone())
}

fn value_of<'v>(variables: &'v [(String, String)], name: &str) -> Option<&'v str> {
    let found = variables.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Returns the endpoint, and the variable that contains it.
fn endpoint_in(variables: &[(String, String)]) -> Option<(&'static str, &str)> {
    ENDPOINTS
        .into_iter()
        .find_map(|name| Some((name, value_of(variables, name)?)))
}

fn is_true(value: &str) -> bool {
    ["1", "true", "on", "yes", "y"].contains(&value.to_ascii_lowercase().as_str())
}

/// Returns whether an endpoint is plain http on this machine, where no other machine can listen.
fn is_loopback_http(
    variable: &'static str,
    endpoint: &str,
    allows_http: bool,
) -> Result<bool, BucketSettingsError> {
    let url = Url::parse(endpoint)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return Err(BucketSettingsError::Endpoint {
            endpoint: endpoint.to_owned(),
            variable,
        });
    };
    if url.scheme() == "https" {
        return Ok(false);
    }
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !is_loopback && !allows_http {
        return Err(BucketSettingsError::PlainHttp {
            endpoint: endpoint.to_owned(),
            variable,
        });
    }
    Ok(is_loopback)
}

fn credentials<'v>(
    value: &impl Fn(&str) -> Option<&'v str>,
    is_true: &impl Fn(&str) -> bool,
) -> Result<Credentials, BucketSettingsError> {
    const KEY: &str = "AWS_ACCESS_KEY_ID";
    const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
    let has = |name: &str| value(name).is_some();
    for (set, missing) in [(KEY, SECRET), (SECRET, KEY)] {
        if has(set) && !has(missing) {
            return Err(BucketSettingsError::HalfKey { set, missing });
        }
    }
    let is_given = has(KEY)
        || is_true("AWS_SKIP_SIGNATURE")
        || (has("AWS_WEB_IDENTITY_TOKEN_FILE") && has("AWS_ROLE_ARN"))
        || has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        || (has("AWS_CONTAINER_CREDENTIALS_FULL_URI")
            && has("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    if is_given {
        return Ok(Credentials::Given);
    }
    // A user who names a profile does not expect the machine's own role.
    if let Some(variable) = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
        .into_iter()
        .find(|variable| has(variable))
    {
        return Err(BucketSettingsError::Profile { variable });
    }
    if is_true("AWS_EC2_METADATA_DISABLED") {
        return Err(BucketSettingsError::NoCredentials);
    }
    Ok(Credentials::Metadata)
}

fn read_bundle(path: &Path) -> Result<Vec<Certificate>, BucketSettingsError> {
    let pem = regular_file::read(path, SECRET_LIMIT).map_err(|source| {
        let path = path.to_owned();
        BucketSettingsError::Bundle { path, source }
    })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(BucketSettingsError::Certificates {
            path: path.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<S3Settings, BucketSettingsError> {
        let variables: Vec<(String, String)> = text
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (format!("AWS_{name}"), value.to_owned()))
            .collect();
        S3Settings::read(&variables)
    }

    const KEYS: &str = "ACCESS_KEY_ID=k SECRET_ACCESS_KEY=s";

    #[test]
    fn credentials_are_given_or_named() {
        for (text, expected) in [
            (KEYS, Ok(Credentials::Given)),
            (
                "ACCESS_KEY_ID=k SECRET_ACCESS_KEY=s PROFILE=p",
                Ok(Credentials::Given),
            ),
            ("SKIP_SIGNATURE=true", Ok(Credentials::Given)),
            (
                "WEB_IDENTITY_TOKEN_FILE=f ROLE_ARN=r",
                Ok(Credentials::Given),
            ),
            (
                "CONTAINER_CREDENTIALS_RELATIVE_URI=/c",
                Ok(Credentials::Given),
            ),
            ("", Ok(Credentials::Metadata)),
            ("WEB_IDENTITY_TOKEN_FILE=f", Ok(Credentials::Metadata)),
            ("EC2_METADATA_DISABLED=true", Err("no credentials found")),
            (
                "ACCESS_KEY_ID=k",
                Err("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"),
            ),
            (
                "SECRET_ACCESS_KEY=s",
                Err("AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID"),
            ),
            (
                "PROFILE=prod",
                Err("no credentials found: AWS_PROFILE is set, but profiles are not read"),
            ),
            (
                "DEFAULT_PROFILE=prod",
                Err("no credentials found: AWS_DEFAULT_PROFILE is set, but profiles are not read"),
            ),
        ] {
            let found = read(text).map(|settings| settings.credentials);
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn plain_http_needs_localhost_or_a_setting() {
        for (text, expected) in [
            ("", Ok((None, false))),
            ("ENDPOINT_URL=https://a", Ok((Some("https://a"), false))),
            (
                "ENDPOINT_URL=http://127.0.0.1:9",
                Ok((Some("http://127.0.0.1:9"), true)),
            ),
            (
                "ENDPOINT_URL=http://[::1]:9",
                Ok((Some("http://[::1]:9"), true)),
            ),
            (
                "ENDPOINT_URL=http://localhost:9",
                Ok((Some("http://localhost:9"), true)),
            ),
            (
                "ENDPOINT_URL=http://a ALLOW_HTTP=true",
                Ok((Some("http://a"), true)),
            ),
            (
                "ENDPOINT_URL=https://a ENDPOINT_URL_S3=https://b ENDPOINT=https://c",
                Ok((Some("https://b"), false)),
            ),
            (
                "ENDPOINT_URL_S3=http://a",
                Err("the endpoint `http://a` in AWS_ENDPOINT_URL_S3 is plain http"),
            ),
            (
                "ENDPOINT=http://a ALLOW_HTTP=false",
                Err("the endpoint `http://a` in AWS_ENDPOINT is plain http"),
            ),
            (
                "ENDPOINT=minio:9000",
                Err("the endpoint `minio:9000` in AWS_ENDPOINT is not an http or https URL"),
            ),
        ] {
            let found = read(&format!("{KEYS} {text}"))
                .map(|settings| (settings.endpoint, settings.allows_http))
                .map_err(|error| error.to_string());
            let expected = expected
                .map(|(endpoint, allows)| (endpoint.map(str::to_owned), allows))
                .map_err(str::to_owned);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_bundle_must_hold_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let empty = tempfile::NamedTempFile::new().unwrap();
        for (path, expected) in [
            (empty.path(), "holds no PEM certificates"),
            (
                Path::new("/dev/zero"),
                "failed to read the AWS_CA_BUNDLE `/dev/zero`",
            ),
            (folder.path(), "failed to read the AWS_CA_BUNDLE"),
            (
                Path::new("/no/such/file"),
                "failed to read the AWS_CA_BUNDLE",
            ),
        ] {
            let error = read(&format!("{KEYS} CA_BUNDLE={}", path.display())).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
