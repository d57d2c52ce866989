//! The variables of the services that have buckets, and the fixes of their errors.

use crate::store_location::BucketService;

impl BucketService {
    /// Returns whether an environment variable is a setting of its client.
    pub fn has_variable(self, name: &str) -> bool {
        match self {
            Self::S3 => name.starts_with("AWS_"),
            // The names of App Service and Azure Functions have no prefix.
            Self::Azure => {
                name.starts_with("AZURE_") || matches!(name, "IDENTITY_ENDPOINT" | IDENTITY_HEADER)
            }
            Self::Gcs => name.starts_with("GOOGLE_") || name.starts_with("GCE_METADATA_"),
        }
    }

    /// Returns whether the value of a variable is a secret. A variable that ends with `_FILE`
    /// contains the path of a secret.
    pub fn is_secret(name: &str) -> bool {
        let words = ["SECRET", "TOKEN"];
        name == IDENTITY_HEADER
            || (words.iter().any(|word| name.contains(word)) && !name.ends_with("_FILE"))
            || name.ends_with("_KEY")
    }

    /// Returns whether a variable contains the path of a file with secrets, which the client reads
    /// whole.
    pub fn is_secret_file(name: &str) -> bool {
        matches!(
            name,
            "AWS_WEB_IDENTITY_TOKEN_FILE"
                | "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
                | "AZURE_FEDERATED_TOKEN_FILE"
        ) || GOOGLE_FILES.contains(&name)
    }

    /// Returns the fix of missing or wrong credentials, as a sentence.
    pub(in crate::store) fn credentials_help(self) -> &'static str {
        match self {
            Self::S3 => {
                "Check the credentials in the AWS_* variables, and the rights that they give: to \
                 list, read, write and delete."
            }
            Self::Azure => {
                "Check the credentials in the AZURE_* variables, and the rights that they give: to \
                 list, read, write and delete blobs (`Storage Blob Data Contributor`)."
            }
            Self::Gcs => {
                "Check the credentials in the GOOGLE_* variables, and the rights that they give: \
                 to list, read, write and delete objects (`Storage Object User`)."
            }
        }
    }

    /// Returns the fix of a bucket that is not found, as a sentence.
    pub(in crate::store) fn name_help(self) -> &'static str {
        match self {
            Self::S3 => "Check the bucket's name, and AWS_REGION.",
            Self::Azure => "Check the container's name, and AZURE_STORAGE_ACCOUNT_NAME.",
            Self::Gcs => "Check the bucket's name.",
        }
    }

    /// Returns the fix of a service that is not reached, as a sentence.
    pub(in crate::store) fn network_help(self) -> &'static str {
        match self {
            Self::S3 => {
                "Check the bucket's name, AWS_REGION and AWS_ENDPOINT_URL, the network and the \
                 proxy."
            }
            Self::Azure => {
                "Check AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ENDPOINT, the network and the \
                 proxy."
            }
            Self::Gcs => "Check the bucket's name, GOOGLE_BASE_URL, the network and the proxy.",
        }
    }
}

/// The secret of the service that gives App Service and Azure Functions their tokens.
const IDENTITY_HEADER: &str = "IDENTITY_HEADER";

/// The variables that contain the path of a file with Google credentials, the most specific first.
pub(super) const GOOGLE_FILES: [&str; 3] = [
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_APPLICATION_CREDENTIALS",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for (name, is_secret, is_file) in [
            ("AWS_ACCESS_KEY_ID", false, false),
            ("AWS_SECRET_ACCESS_KEY", true, false),
            ("AWS_SESSION_TOKEN", true, false),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", false, true),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", false, true),
            ("AZURE_STORAGE_ACCOUNT_NAME", false, false),
            ("AZURE_STORAGE_ACCOUNT_KEY", true, false),
            ("AZURE_STORAGE_ACCESS_KEY", true, false),
            ("AZURE_STORAGE_SAS_KEY", true, false),
            ("AZURE_STORAGE_SAS_TOKEN", true, false),
            ("AZURE_STORAGE_TOKEN", true, false),
            ("AZURE_CLIENT_SECRET", true, false),
            ("AZURE_CLIENT_ID", false, false),
            ("AZURE_FEDERATED_TOKEN_FILE", false, true),
            ("IDENTITY_HEADER", true, false),
            ("IDENTITY_ENDPOINT", false, false),
            ("GOOGLE_BEARER_TOKEN", true, false),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", true, false),
            ("GOOGLE_SERVICE_ACCOUNT", false, true),
            ("GOOGLE_APPLICATION_CREDENTIALS", false, true),
            ("GOOGLE_BASE_URL", false, false),
        ] {
            assert_eq!(BucketService::is_secret(name), is_secret, "{name}");
            assert_eq!(BucketService::is_secret_file(name), is_file, "{name}");
        }
    }
}
