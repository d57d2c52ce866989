//! The servers of the services.

use url::Url;

use super::settings::Variables;
use crate::store_location::{BucketService, BucketUrl};

/// The variables of the endpoint of an S3 service, the most specific first.
pub(super) const S3_ENDPOINTS: [&str; 3] =
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// The variables of the endpoint of a storage account.
pub(super) const AZURE_ENDPOINTS: [&str; 2] = ["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"];

/// The variable of the name of a storage account.
pub(super) const AZURE_ACCOUNT: &str = "AZURE_STORAGE_ACCOUNT_NAME";

/// The variables of the endpoint of Google Cloud Storage.
pub(super) const GCS_ENDPOINTS: [&str; 1] = ["GOOGLE_BASE_URL"];

/// Returns the URL of the server that the variables choose for a bucket.
pub fn server_of(bucket: &BucketUrl, variables: &[(String, String)]) -> Url {
    let variables = Variables(variables);
    let endpoints: &[&str] = match bucket.service() {
        BucketService::S3 => &S3_ENDPOINTS,
        BucketService::Azure => &AZURE_ENDPOINTS,
        BucketService::Gcs => &GCS_ENDPOINTS,
    };
    let endpoint = variables.first(endpoints).map(|(_, text)| text);
    endpoint
        .and_then(|text| Url::parse(text).ok())
        .or_else(|| Url::parse(&own_server(bucket, variables)).ok())
        .unwrap_or_else(|| bucket.url().clone())
}

/// Returns the cloud's own server for a bucket.
pub(super) fn own_server(bucket: &BucketUrl, variables: Variables<'_>) -> String {
    match bucket.service() {
        BucketService::S3 => {
            let region = variables.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
            let region = region.map_or("us-east-1", |(_, region)| region);
            let is_virtual = variables.value("AWS_VIRTUAL_HOSTED_STYLE_REQUEST") == Some("true");
            let name = if is_virtual {
                format!("{}.", bucket.bucket())
            } else {
                String::new()
            };
            format!("https://{name}s3.{region}.amazonaws.com")
        }
        BucketService::Azure => {
            let account = variables.value(AZURE_ACCOUNT).unwrap_or_default();
            format!("https://{account}.blob.core.windows.net")
        }
        BucketService::Gcs => "https://storage.googleapis.com".to_owned(),
    }
}
