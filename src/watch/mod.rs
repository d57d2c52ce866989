//! What a watch has besides its plans: the webhook and the metrics. Nothing here plans or applies.

mod metrics;
mod metrics_server;
mod undelivered;
mod webhook;

pub use metrics::Metrics;
pub use metrics_server::{MetricsServer, MetricsServerError};
pub use undelivered::Undelivered;
pub use webhook::{Webhook, WebhookError};
