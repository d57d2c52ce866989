//! The settings of a bucket in the `GOOGLE_*` variables, checked before any request.

use std::path::Path;

use serde::Deserialize;

use super::server::GCS_ENDPOINTS;
use super::service::GOOGLE_FILES;
use super::settings::{Endpoint, Variables};
use super::settings_error::BucketSettingsError;
use crate::regular_file::{self, SECRET_LIMIT};

/// The variable of a service account's key itself.
const KEY: &str = "GOOGLE_SERVICE_ACCOUNT_KEY";

/// The settings of a bucket.
#[derive(Debug)]
pub(super) struct GcsSettings {
    pub(super) endpoint: Endpoint,
    pub(super) credentials: GcsCredentials,
}

/// The credentials, in the order of their precedence.
#[derive(PartialEq, Eq)]
pub(super) enum GcsCredentials {
    /// A token that was issued already.
    Token(String),
    /// The key of a service account, as JSON.
    ServiceAccount(String),
    /// The path of a file with the login of a user.
    User(String),
    /// The metadata service of a cloud machine.
    Metadata,
}

impl std::fmt::Debug for GcsCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token",
            Self::ServiceAccount(_) => "ServiceAccount",
            Self::User(_) => "User",
            Self::Metadata => "Metadata",
        })
    }
}

impl GcsSettings {
    /// Reads the variables, and the file that they name.
    pub(super) fn read(variables: Variables<'_>) -> Result<Self, BucketSettingsError> {
        Ok(Self {
            endpoint: Endpoint::read(variables, &GCS_ENDPOINTS, "GOOGLE_ALLOW_HTTP")?,
            credentials: credentials(variables)?,
        })
    }
}

/// The part of Google credentials that decides about their kind.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: Option<String>,
    private_key: Option<serde::de::IgnoredAny>,
}

fn credentials(variables: Variables<'_>) -> Result<GcsCredentials, BucketSettingsError> {
    if let Some(token) = variables.value("GOOGLE_BEARER_TOKEN") {
        return Ok(GcsCredentials::Token(token.to_owned()));
    }
    if let Some(key) = variables.value(KEY) {
        return of_kind(KEY, key.to_owned(), None);
    }
    let Some((variable, path)) = variables.first(&GOOGLE_FILES) else {
        return Ok(GcsCredentials::Metadata);
    };
    let text = regular_file::read_text(Path::new(path), SECRET_LIMIT).map_err(|source| {
        let path = path.into();
        BucketSettingsError::CredentialFile {
            variable,
            path,
            source,
        }
    })?;
    of_kind(variable, text, Some(path))
}

/// Returns credentials by the kind that they name. Only a file may have the login of a user.
fn of_kind(
    variable: &'static str,
    text: String,
    path: Option<&str>,
) -> Result<GcsCredentials, BucketSettingsError> {
    let refused = |kind: String| BucketSettingsError::CredentialKind { variable, kind };
    let kind: Kind = serde_json::from_str(&text).map_err(|_| refused("damaged".to_owned()))?;
    match (kind.name.as_deref(), path) {
        (Some("service_account"), _) => Ok(GcsCredentials::ServiceAccount(text)),
        (None, _) if kind.private_key.is_some() => Ok(GcsCredentials::ServiceAccount(text)),
        (Some("authorized_user"), Some(path)) => Ok(GcsCredentials::User(path.to_owned())),
        (Some(name), _) => Err(refused(format!(
            "of the kind `{name}`, which is not supported"
        ))),
        (None, _) => Err(refused("without a kind".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests are an edge")]

    use super::*;

    #[test]
    fn credentials_are_read_by_their_kind() {
        let folder = tempfile::tempdir().unwrap();
        let account = r#"{"type":"service_account","private_key":"k"}"#;
        for (name, text) in [
            ("account", account),
            ("user", r#"{"type":"authorized_user"}"#),
            ("federated", r#"{"type":"external_account"}"#),
            ("damaged", "{"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        for (name, value, expected) in [
            ("BEARER_TOKEN", "t".to_owned(), "Token"),
            ("SERVICE_ACCOUNT_KEY", account.to_owned(), "ServiceAccount"),
            ("SERVICE_ACCOUNT", path("account"), "ServiceAccount"),
            ("APPLICATION_CREDENTIALS", path("account"), "ServiceAccount"),
            ("APPLICATION_CREDENTIALS", path("user"), "User"),
            (
                "APPLICATION_CREDENTIALS",
                path("federated"),
                "the credentials in GOOGLE_APPLICATION_CREDENTIALS are of the kind \
                 `external_account`, which is not supported",
            ),
            (
                "APPLICATION_CREDENTIALS",
                path("damaged"),
                "the credentials in GOOGLE_APPLICATION_CREDENTIALS are damaged",
            ),
            (
                "SERVICE_ACCOUNT_KEY",
                "{}".to_owned(),
                "the credentials in GOOGLE_SERVICE_ACCOUNT_KEY are without a kind",
            ),
            ("IGNORED", String::new(), "Metadata"),
        ] {
            let variables = [(format!("GOOGLE_{name}"), value)];
            let found = GcsSettings::read(Variables(&variables));
            let found = found.map(|settings| format!("{:?}", settings.credentials));
            let found = found.unwrap_or_else(|error| error.to_string());
            assert_eq!(found, expected, "{name}");
        }
        for (name, expected) in [
            (
                "SERVICE_ACCOUNT_KEY",
                "Set GOOGLE_SERVICE_ACCOUNT_KEY to the whole JSON key of",
            ),
            (
                "SERVICE_ACCOUNT",
                "Set GOOGLE_SERVICE_ACCOUNT to the path of the key file of",
            ),
        ] {
            let value = match name {
                "SERVICE_ACCOUNT" => path("damaged"),
                _ => "{".to_owned(),
            };
            let variables = [(format!("GOOGLE_{name}"), value)];
            let error = GcsSettings::read(Variables(&variables)).unwrap_err();
            assert!(error.help().starts_with(expected), "{}", error.help());
        }
        let variables = [("GOOGLE_SERVICE_ACCOUNT".to_owned(), "/dev/zero".to_owned())];
        let error = GcsSettings::read(Variables(&variables)).unwrap_err();
        assert!(error.to_string().contains("failed to read"), "{error}");
    }
}
