//! The client of Azure Blob Storage.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::azure::{
    AzureAuthorizer, AzureConfigKey, AzureCredentialProvider, MicrosoftAzureBuilder,
};
use object_store::client::{
    HttpClient, HttpConnector as _, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
};
use object_store::path::Path;
use object_store::{Error, Result};
use reqwest::{Method, StatusCode};
use url::Url;

use super::azure_settings::AzureSettings;
use super::credentials::MetadataCredentials;
use super::error::Refused;
use super::objects::{Bucket, Removal};
use super::opening::{Opening, Transport};
use super::server::own_server;
use super::settings::Credentials;
use crate::store_location::BucketService;

/// The pauses before a delete is sent again.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1_600),
    Duration::from_millis(6_400),
];

/// Creates the client of a container.
pub(super) fn open(opening: &Opening<'_>, settings: &AzureSettings) -> Result<Bucket> {
    let server = match &settings.endpoint.url {
        Some(endpoint) => endpoint.clone(),
        None => own_server(opening.url, opening.variables),
    };
    let transport = opening.transport(&[], settings.endpoint.allows_http);
    let mut builder = configured(opening, settings, &server, &transport);
    if settings.credentials == Credentials::Metadata {
        let client = configured(opening, settings, &server, &transport.to_metadata()).build()?;
        let credentials = MetadataCredentials::new(BucketService::Azure, client.credentials());
        builder = builder.with_credentials(credentials);
    }
    let blobs = Arc::new(builder.build()?);
    let mut container = Url::parse(&server).map_err(generic)?;
    if let Ok(mut segments) = container.path_segments_mut() {
        segments.pop_if_empty().push(opening.url.bucket());
    }
    let removal = BlobRemoval {
        client: transport.connector.connect(&transport.options)?,
        credentials: (!opening.variables.is_true("AZURE_SKIP_SIGNATURE"))
            .then(|| Arc::clone(blobs.credentials())),
        account: settings.account.clone(),
        container,
    };
    Ok(Bucket::new(Arc::clone(&blobs) as _, blobs).removing(Arc::new(removal)))
}

fn configured(
    opening: &Opening<'_>,
    settings: &AzureSettings,
    server: &str,
    transport: &Transport,
) -> MicrosoftAzureBuilder {
    let mut builder = MicrosoftAzureBuilder::new().with_http_connector(transport.connector.clone());
    for (name, value) in opening.variables.0 {
        let name = match name.as_str() {
            "IDENTITY_ENDPOINT" => "azure_identity_endpoint".to_owned(),
            _ => name.to_ascii_lowercase(),
        };
        if let Ok(key) = name.parse()
            && is_credential(key)
        {
            builder = builder.with_config(key, value.trim_end_matches('/'));
        }
    }
    builder
        .with_account(&settings.account)
        .with_container_name(opening.url.bucket())
        .with_endpoint(server.trim_end_matches('/').to_owned())
        .with_retry(transport.retry.clone())
        .with_client_options(transport.options.clone())
}

/// Returns whether a setting is one of the credentials. The others would replace what this program
/// decides, or execute the program `az`.
fn is_credential(key: AzureConfigKey) -> bool {
    matches!(
        key,
        AzureConfigKey::AccessKey
            | AzureConfigKey::ClientId
            | AzureConfigKey::ClientSecret
            | AzureConfigKey::AuthorityId
            | AzureConfigKey::AuthorityHost
            | AzureConfigKey::SasKey
            | AzureConfigKey::Token
            | AzureConfigKey::MsiEndpoint
            | AzureConfigKey::ObjectId
            | AzureConfigKey::MsiResourceId
            | AzureConfigKey::FederatedTokenFile
            | AzureConfigKey::SkipSignature
    )
}

/// Deletes blobs one at a time: the client of `object_store` knows only the call that deletes many,
/// which not every service and not every permission allows.
#[derive(Debug)]
struct BlobRemoval {
    client: HttpClient,
    /// The credentials, unless requests are not signed.
    credentials: Option<AzureCredentialProvider>,
    account: String,
    container: Url,
}

#[async_trait]
impl Removal for BlobRemoval {
    async fn remove(&self, path: &Path) -> Result<()> {
        let mut url = self.container.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path.parts());
        }
        let mut pauses = PAUSES.iter();
        loop {
            let answer = self.client.execute(self.request(&url).await?).await;
            let (is_transient, error) = match answer {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => {
                    let status = answer.status();
                    let is_transient =
                        status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                    let refused = Refused::read(answer).await.map_err(generic)?;
                    (is_transient, error_of(path, refused))
                }
                // A delete may be sent twice.
                Err(error) => (is_transient(&error), generic(error)),
            };
            match pauses.next().filter(|_| is_transient) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(error),
            }
        }
    }
}

impl BlobRemoval {
    async fn request(&self, url: &Url) -> Result<HttpRequest> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = Method::DELETE;
        *request.uri_mut() = url.as_str().parse().map_err(generic)?;
        if let Some(credentials) = &self.credentials {
            let credential = credentials.get_credential().await?;
            AzureAuthorizer::new(&credential, &self.account).try_authorize(&mut request)?;
        }
        Ok(request)
    }
}

fn is_transient(error: &HttpError) -> bool {
    match error.kind() {
        HttpErrorKind::Connect
        | HttpErrorKind::Request
        | HttpErrorKind::Timeout
        | HttpErrorKind::Interrupted => true,
        HttpErrorKind::Decode | HttpErrorKind::Unknown | _ => false,
    }
}

fn error_of(path: &Path, refused: Refused) -> Error {
    match refused.status {
        StatusCode::NOT_FOUND => Error::NotFound {
            path: path.to_string(),
            source: refused.into(),
        },
        _ => generic(refused),
    }
}

fn generic(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic {
        store: "MicrosoftAzure",
        source: Box::new(source),
    }
}
