//! The lister: it lists the versions of an instance, and remembers how the server behaves.

use std::sync::Arc;

use crate::api::http::client::Client;
use crate::api::listing::capabilities::ServerCapabilities;

/// Lists the versions of an instance. Cheap to clone; all clones share what they learn about the
/// server.
#[derive(Debug, Clone)]
pub(in crate::api) struct Lister {
    pub(in crate::api) client: Client,
    pub(in crate::api) capabilities: Arc<ServerCapabilities>,
}

impl Lister {
    /// Creates a lister that knows nothing about the server.
    pub(in crate::api) fn new(client: Client) -> Self {
        Self {
            client,
            capabilities: Arc::default(),
        }
    }
}
