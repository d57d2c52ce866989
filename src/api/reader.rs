//! The reader: every request that changes nothing.
//!
//! `plan` holds a reader and nothing else, so it cannot write. Reads are retried according to
//! [`crate::api::RetryPolicy`]. The methods are next to the meaning of their answers: lists in
//! `listing`, single records in `records`, jobs in `jobs`, runs in `runs`.

use std::sync::Arc;

use crate::api::capabilities::ServerCapabilities;
use crate::api::http::client::Client;

/// A reader of a platform. Cheap to clone; all clones share what they learn about the server.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(in crate::api) client: Client,
    pub(in crate::api) capabilities: Arc<ServerCapabilities>,
}

impl Reader {
    /// Creates a reader that knows nothing about the server.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            capabilities: Arc::default(),
        }
    }

    /// Returns the client, for other kinds of requests.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Raises the maximum number of concurrent reads to the number of concurrent steps, if that is
    /// more than the default: a step that waits for the reads of others keeps the permit of its
    /// job.
    pub fn serve_steps(&self, at_once: usize) {
        self.client.0.limiter.widen_reads(at_once);
    }
}
