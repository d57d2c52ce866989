//! The settings of a bucket in the `AWS_*` variables, checked before any request.

use std::path::Path;

use reqwest::Certificate;

use super::server::S3_ENDPOINTS;
use super::settings::{Credentials, Endpoint, Variables};
use super::settings_error::BucketSettingsError;
use crate::regular_file::{self, SECRET_LIMIT};
use crate::store_location::BucketService;

/// The settings of a bucket.
#[derive(Debug)]
pub(super) struct S3Settings {
    pub(super) endpoint: Endpoint,
    /// The certificates of `AWS_CA_BUNDLE`.
    pub(super) certificates: Vec<Certificate>,
    pub(super) credentials: Credentials,
    pub(super) metadata_endpoint: Option<String>,
}

impl S3Settings {
    /// Reads the variables.
    pub(super) fn read(variables: Variables<'_>) -> Result<Self, BucketSettingsError> {
        Ok(Self {
            endpoint: Endpoint::read(variables, &S3_ENDPOINTS, "AWS_ALLOW_HTTP")?,
            certificates: variables
                .value("AWS_CA_BUNDLE")
                .map(|path| read_bundle(Path::new(path)))
                .transpose()?
                .unwrap_or_default(),
            credentials: credentials(variables)?,
            metadata_endpoint: variables
                .first(&["AWS_METADATA_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT"])
                .map(|(_, endpoint)| endpoint.trim_end_matches('/').to_owned()),
        })
    }
}

fn credentials(variables: Variables<'_>) -> Result<Credentials, BucketSettingsError> {
    const KEY: &str = "AWS_ACCESS_KEY_ID";
    const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
    let has = |name: &str| variables.has(name);
    variables.require(KEY, SECRET)?;
    variables.require(SECRET, KEY)?;
    let is_given = has(KEY)
        || variables.is_true("AWS_SKIP_SIGNATURE")
        || (has("AWS_WEB_IDENTITY_TOKEN_FILE") && has("AWS_ROLE_ARN"))
        || has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        || (has("AWS_CONTAINER_CREDENTIALS_FULL_URI")
            && has("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    if is_given {
        return Ok(Credentials::Given);
    }
    // A user who names a profile does not expect the machine's own role.
    if let Some((variable, _)) = variables.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
        return Err(BucketSettingsError::Profile { variable });
    }
    if variables.is_true("AWS_EC2_METADATA_DISABLED") {
        return Err(BucketSettingsError::NoCredentials(BucketService::S3));
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
        S3Settings::read(Variables(&variables))
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
                .map(|settings| (settings.endpoint.url, settings.endpoint.allows_http))
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
