//! The reasons why the variables of a bucket cannot be used.

use std::path::PathBuf;

use crate::store_location::BucketService;

/// The reason why the variables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BucketSettingsError {
    /// This program was built without the client of the service.
    #[error("this solform was built without the feature `{0}`")]
    Feature(&'static str),
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
        /// The variable that allows it.
        permission: &'static str,
    },
    /// Several variables that belong together, of which one is not set.
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
    NoCredentials(BucketService),
    /// A container without its storage account.
    #[error("the storage account is not known: AZURE_STORAGE_ACCOUNT_NAME is not set")]
    NoAccount,
    /// An account key that is not one.
    #[error("the account key in {variable} is not base64")]
    AccountKey {
        /// The variable.
        variable: &'static str,
    },
    /// A file of Google credentials that cannot be read.
    #[error("failed to read the {variable} `{}`", path.display())]
    CredentialFile {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Google credentials of a kind that is not supported, or that are damaged.
    #[error("the credentials in {variable} are {kind}")]
    CredentialKind {
        /// The variable.
        variable: &'static str,
        /// The kind, as a noun phrase.
        kind: String,
    },
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

/// Returns the fix of missing or wrong Google credentials in a variable.
fn google_help(variable: &str) -> String {
    let what = if BucketService::is_secret_file(variable) {
        "the path of the key file"
    } else {
        "the whole JSON key"
    };
    format!(
        "Set {variable} to {what} of a service account. For a login of `gcloud`, or a federated \
         identity, set GOOGLE_BEARER_TOKEN to what `gcloud auth print-access-token` prints."
    )
}

impl BucketSettingsError {
    /// Returns this error if an error of the bucket's client contains it.
    pub(in crate::store) fn in_chain(error: &object_store::Error) -> Option<Self> {
        let first: &(dyn std::error::Error + 'static) = error;
        std::iter::successors(Some(first), |cause| cause.source()).find_map(|cause| {
            match cause.downcast_ref() {
                Some(Self::NoCredentials(service)) => Some(Self::NoCredentials(*service)),
                _ => None,
            }
        })
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> String {
        let help = match self {
            Self::Feature(feature) => {
                return format!(
                    "Use a released solform, or build one with `cargo install solform --features \
                     {feature}`."
                );
            }
            Self::PlainHttp { permission, .. } => {
                return format!(
                    "Use https. To send requests unencrypted all the same, set {permission}=true."
                );
            }
            Self::Endpoint { .. } => "Write a whole URL, such as `https://s3.example.com`.",
            Self::HalfKey { .. } => "Set both, or none.",
            Self::Profile { .. } | Self::NoCredentials(BucketService::S3) => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; export those of a profile, for \
                 example by `aws configure export-credentials --format env`. Profiles and config \
                 files are not read."
            }
            Self::NoCredentials(BucketService::Azure) => {
                "Set AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, or AZURE_CLIENT_ID and \
                 AZURE_TENANT_ID with AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE. For a \
                 login of `az`, set AZURE_STORAGE_TOKEN to what `az account get-access-token \
                 --resource https://storage.azure.com --query accessToken --output tsv` prints."
            }
            Self::NoCredentials(BucketService::Gcs) => {
                return google_help("GOOGLE_APPLICATION_CREDENTIALS");
            }
            Self::CredentialKind { variable, .. } => return google_help(variable),
            Self::NoAccount => {
                "Set AZURE_STORAGE_ACCOUNT_NAME to the storage account that has the container."
            }
            Self::AccountKey { .. } => {
                "Copy the whole key of the storage account, for example from `az storage account \
                 keys list`."
            }
            Self::CredentialFile { .. } => "Name a readable file of Google credentials.",
            Self::Bundle { .. } | Self::Certificates { .. } => {
                "Name a file of PEM certificates (`-----BEGIN CERTIFICATE-----`)."
            }
        };
        help.to_owned()
    }
}
