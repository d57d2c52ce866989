//! `watch`: plans at an interval, and reports drift when it changes.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use secrecy::{ExposeSecret as _, SecretString};

use crate::api::RequestSink;
use crate::cli::args::{ChangeArgs, ManifestArgs, OUTPUT, StoreArgs};
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::files::is_standard_input;
use crate::cli::io::Io;
use crate::cli::settings::{Settings, variable};
use crate::cli::workflow::cancellation::Cancellation;
use crate::cli::workflow::watch::Watch;
use crate::manifest::duration_from;
use crate::render::{WEBHOOK_FORMATS, WebhookFormat};
use crate::watch::{Metrics, MetricsServer, Webhook};

/// The shortest interval.
const SHORTEST: Duration = Duration::from_secs(1);

/// Plan at an interval, and report drift when it changes
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform watch -e prod --interval 10m\n  \
    solform watch -e prod --webhook-env SLACK_WEBHOOK --webhook-format slack\n  \
    solform watch -e prod --metrics 127.0.0.1:9750 --json\n  \
    solform watch -e staging --heal --auto-approve")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(in crate::cli) struct WatchArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Time between the starts of two plans, 1s at least; the signal USR1 starts a plan at once
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = interval)]
    interval: Duration,
    /// End with exit code 2 at the first plan with changes
    #[arg(long, conflicts_with = "heal", help_heading = OUTPUT)]
    exit_on_drift: bool,
    /// Apply each plan with changes that nothing blocks, by the rules of `apply`
    #[arg(long, requires = "auto_approve", help_heading = "Healing options")]
    heal: bool,
    /// Apply without asking for approval
    #[arg(long, requires = "heal", help_heading = "Healing options")]
    auto_approve: bool,
    #[command(flatten)]
    store: StoreArgs,
    /// Post the drift to this URL when it changes; other users of this machine can see it
    #[arg(long, value_name = "URL", help_heading = "Webhook options")]
    webhook: Option<String>,
    /// Read the URL from this environment variable
    #[arg(long, value_name = "NAME", conflicts_with = "webhook")]
    #[arg(help_heading = "Webhook options")]
    webhook_env: Option<String>,
    /// Format of the posts
    #[arg(long, value_name = "FORMAT", default_value = WEBHOOK_FORMATS[0].name)]
    #[arg(value_parser = webhook_format(), help_heading = "Webhook options")]
    webhook_format: &'static WebhookFormat,
    /// Serve metrics for Prometheus at this loopback address and port, such as 127.0.0.1:9750
    #[arg(long, value_name = "ADDR", help_heading = OUTPUT)]
    metrics: Option<SocketAddr>,
    /// Print events instead, one JSON object per line
    #[arg(long, help_heading = OUTPUT)]
    pub(super) json: bool,
}

/// Parses an interval.
fn interval(text: &str) -> std::result::Result<Duration, String> {
    match duration_from(text) {
        Ok(interval) if interval < SHORTEST => Err("the shortest interval is 1s".to_owned()),
        Ok(interval) => Ok(interval),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns the parser of a format of posts.
fn webhook_format() -> impl TypedValueParser<Value = &'static WebhookFormat> {
    let value = |format: &WebhookFormat| PossibleValue::new(format.name).help(format.help);
    PossibleValuesParser::new(WEBHOOK_FORMATS.iter().map(value)).map(|name| {
        let mut formats = WEBHOOK_FORMATS.iter();
        let format = formats.find(|format| format.name == name);
        format.expect("invariant: the parser takes only the names")
    })
}

pub(super) async fn run(args: WatchArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let webhook = webhook(&args, io)?;
    if is_standard_input(&args.manifest.file) {
        let message = "watch reads the manifest before every plan, and standard input only once";
        return Err(CommandError::failed(message).hint("Name the manifest with --file."));
    }
    let cancel = Cancellation::new(io)?;
    let metrics = Metrics::new();
    let server = match args.metrics {
        Some(address) => Some(serve(address, &metrics, io).await?),
        None => None,
    };
    let measured = metrics.clone();
    let settings = Settings {
        requests: Some(RequestSink::new(move |request| measured.requested(request))),
        ..settings.clone()
    };
    let watch = Watch {
        manifest: &args.manifest,
        store: args.store.store.as_deref(),
        interval: args.interval,
        ends_on_drift: args.exit_on_drift,
        heal: (args.heal && args.auto_approve)
            .then(|| ChangeArgs::of_watch(&args.manifest, &args.store, args.json)),
        webhook: webhook.map(|webhook| (webhook, args.webhook_format)),
        metrics,
        cancel: &cancel,
        settings: &settings,
    };
    let ended = watch.run(io).await;
    drop(server);
    ended
}

/// Prepares the webhook, whose URL no output contains.
fn webhook(args: &WatchArgs, io: &Io) -> Result<Option<Webhook>> {
    let url = match (&args.webhook, &args.webhook_env) {
        (Some(url), _) => url.clone(),
        (None, Some(name)) => variable(name).ok_or_else(|| {
            CommandError::failed(format!(
                "the environment variable `{name}` is not set, or is empty"
            ))
            .hint("Set it to the URL of the webhook, or leave out --webhook-env.")
        })?,
        (None, None) => return Ok(None),
    };
    let url = SecretString::from(url);
    let webhook = Webhook::new(url.expose_secret(), &io.secrets);
    Ok(Some(webhook.map_err(|error| {
        let help = error.help();
        CommandError::failed(error).hint(help)
    })?))
}

async fn serve(address: SocketAddr, metrics: &Metrics, io: &mut Io) -> Result<MetricsServer> {
    let server = MetricsServer::start(address, metrics.clone()).await;
    let server = server.map_err(|error| {
        CommandError::failed(error)
            .hint("Give a free port of this machine, such as `--metrics 127.0.0.1:9750`.")
    })?;
    io.note(&format!("Metrics are at {}.", server.url()))?;
    Ok(server)
}
