//! The settings of a container in the `AZURE_*` variables, checked before any request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::server::{AZURE_ACCOUNT, AZURE_ENDPOINTS};
use super::settings::{Credentials, Endpoint, Variables};
use super::settings_error::BucketSettingsError;

/// The variables of the key of the storage account.
pub(super) const KEYS: [&str; 3] = [
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
];

/// The variables of a shared access signature.
const SIGNATURES: [&str; 2] = ["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"];

/// The variables of the application that gets a token, the most specific first.
const CLIENT_IDS: [&str; 2] = ["AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID"];
const TENANT_IDS: [&str; 4] = [
    "AZURE_STORAGE_TENANT_ID",
    "AZURE_STORAGE_AUTHORITY_ID",
    "AZURE_TENANT_ID",
    "AZURE_AUTHORITY_ID",
];
const CLIENT_SECRETS: [&str; 2] = ["AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"];

/// The settings of a container.
#[derive(Debug)]
pub(super) struct AzureSettings {
    pub(super) account: String,
    pub(super) endpoint: Endpoint,
    pub(super) credentials: Credentials,
}

impl AzureSettings {
    /// Reads the variables.
    pub(super) fn read(variables: Variables<'_>) -> Result<Self, BucketSettingsError> {
        let account = variables.value(AZURE_ACCOUNT);
        Ok(Self {
            account: account.ok_or(BucketSettingsError::NoAccount)?.to_owned(),
            endpoint: Endpoint::read(variables, &AZURE_ENDPOINTS, "AZURE_ALLOW_HTTP")?,
            credentials: credentials(variables)?,
        })
    }
}

fn credentials(variables: Variables<'_>) -> Result<Credentials, BucketSettingsError> {
    let first = |names: &[&'static str]| variables.first(names);
    let key = first(&KEYS);
    if let Some((variable, key)) = key
        && STANDARD.decode(key).is_err()
    {
        return Err(BucketSettingsError::AccountKey { variable });
    }
    let federated = "AZURE_FEDERATED_TOKEN_FILE";
    let proof = first(&CLIENT_SECRETS).or_else(|| first(&[federated]));
    if let Some((set, _)) = proof {
        for (names, missing) in [
            (&CLIENT_IDS[..], "AZURE_CLIENT_ID"),
            (&TENANT_IDS[..], "AZURE_TENANT_ID"),
        ] {
            if first(names).is_none() {
                return Err(BucketSettingsError::HalfKey { set, missing });
            }
        }
    }
    let is_given = proof.is_some()
        || key.is_some()
        || first(&SIGNATURES).is_some()
        || variables.has("AZURE_STORAGE_TOKEN")
        || variables.is_true("AZURE_SKIP_SIGNATURE");
    Ok(if is_given {
        Credentials::Given
    } else {
        Credentials::Metadata
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_given_or_named() {
        for (text, expected) in [
            ("STORAGE_ACCOUNT_KEY=a2V5", Ok(Credentials::Given)),
            ("STORAGE_ACCESS_KEY=a2V5", Ok(Credentials::Given)),
            (
                "STORAGE_ACCOUNT_KEY=a-key",
                Err("the account key in AZURE_STORAGE_ACCOUNT_KEY is not base64"),
            ),
            ("STORAGE_SAS_TOKEN=sig=x", Ok(Credentials::Given)),
            ("STORAGE_TOKEN=t", Ok(Credentials::Given)),
            (
                "CLIENT_ID=c TENANT_ID=t CLIENT_SECRET=s",
                Ok(Credentials::Given),
            ),
            (
                "CLIENT_ID=c TENANT_ID=t FEDERATED_TOKEN_FILE=f",
                Ok(Credentials::Given),
            ),
            (
                "CLIENT_ID=c CLIENT_SECRET=s",
                Err("AZURE_CLIENT_SECRET is set without AZURE_TENANT_ID"),
            ),
            (
                "FEDERATED_TOKEN_FILE=f",
                Err("AZURE_FEDERATED_TOKEN_FILE is set without AZURE_CLIENT_ID"),
            ),
            // An identity that is assigned to the machine.
            ("CLIENT_ID=c", Ok(Credentials::Metadata)),
            ("", Ok(Credentials::Metadata)),
        ] {
            let text = format!("STORAGE_ACCOUNT_NAME=acme {text}");
            let variables: Vec<(String, String)> = text
                .split_whitespace()
                .filter_map(|word| word.split_once('='))
                .map(|(name, value)| (format!("AZURE_{name}"), value.to_owned()))
                .collect();
            let found = AzureSettings::read(Variables(&variables));
            let found = found.map(|settings| settings.credentials);
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        }
        let error = AzureSettings::read(Variables(&[])).unwrap_err();
        assert!(error.to_string().contains("AZURE_STORAGE_ACCOUNT_NAME"));
    }
}
