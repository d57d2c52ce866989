//! The arguments of `doctor`, its sequence of checks, and the checks without the platform.

use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::checks::{Checks, hasten, sentence};
use super::{platform, store};
use crate::api::SettingsError;
use crate::cli::args::ManifestArgs;
use crate::cli::environment::context::{self, EnvironmentContext};
use crate::cli::environment::session;
use crate::cli::environment::token::TokenCommandRefused;
use crate::cli::error::{CommandError, ErrorKind, ExitStatus, Result};
use crate::cli::files::manifest_folder;
use crate::cli::io::{Io, stdout_width};
use crate::cli::restrictions::{Restrictions, working_tree};
use crate::cli::settings::Settings;
use crate::diagnosis::{Check, CheckName, Diagnosis, Verdict};
use crate::manifest::duration_from;
use crate::render::{doctor_document, render_doctor, render_json, words};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The checks that need the platform.
const PLATFORM: RangeInclusive<CheckName> = CheckName::Connection..=CheckName::Inputs;

/// Check the environment with GET requests, and test the locks of its store
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform doctor -e prod\n  solform doctor -e prod --json")]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Check this store, not the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Maximum duration of one check
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration_from)]
    timeout: Duration,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

pub(in crate::cli::commands) async fn run(
    args: &DoctorArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    let diagnosis = diagnose(args, settings, io).await;
    if args.json {
        render_json(&doctor_document(&diagnosis), io.document())?;
    } else {
        render_doctor(&diagnosis, stdout_width(), &mut io.text())?;
    }
    io.out.flush()?;
    match diagnosis.count(Verdict::Fail) {
        0 => Ok(ExitStatus::Success),
        failed => {
            let checks = diagnosis.checks.len();
            let message = format!("{failed} of {checks} checks failed");
            Err(CommandError::failed(message).hint("Each failed check has a hint."))
        }
    }
}

async fn diagnose(args: &DoctorArgs, settings: &Settings, io: &mut Io) -> Diagnosis {
    let mut checks = Checks::new(args.timeout);
    let text = format!("This is solform {VERSION}, for manifests of format 1.");
    checks.push(Check::ok(CheckName::Solform, text));
    if let Some(restrictions) = &settings.restrictions {
        let folder = manifest_folder(&args.manifest.file);
        let variables = &settings.allowed_variables;
        checks.push(restrictions_check(restrictions, variables, folder));
    }
    let chosen = context::selection(&args.manifest, settings).ok();
    let mut environment = chosen.and_then(|chosen| chosen.environment.map(str::to_owned));
    match context::read_context(&args.manifest, settings, io) {
        Ok(context) => {
            environment = Some(context.manifest.environment.name.clone());
            checks.push(manifest_check(&context));
            let store = store::look(&context, args.store.as_deref(), args.timeout, io).await;
            checks.made.extend(store);
            check_platform(context, settings, io, &mut checks).await;
        }
        Err(error) => {
            if matches!(error.kind, ErrorKind::Manifest(_)) {
                // Each problem is shown with its location, which a check cannot contain.
                io.report(&error);
            }
            checks.push(broken_manifest(&error));
            let names = CheckName::Connection..=CheckName::Lock;
            checks.skip(names, "There is no usable manifest.");
        }
    }
    let mut checks = checks.made;
    for check in &mut checks {
        let hint = check.hint.take();
        check.hint = hint.map(|hint| io.invocation.complete(&hint));
    }
    // The checks were made in the order of their cost.
    checks.sort_by_key(|check| check.name);
    Diagnosis {
        environment,
        version: VERSION,
        checks,
    }
}

/// Checks the restrictions of the manifest while `SOLFORM_ALLOWED_HOSTS` is set.
fn restrictions_check(restrictions: &Restrictions, variables: &[String], folder: &Path) -> Check {
    let quoted = |names: &[String]| {
        if names.is_empty() {
            return "none".to_owned();
        }
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    let tree = working_tree(folder).map(|tree| tree.display().to_string());
    let paths = restrictions
        .paths
        .iter()
        .map(|path| path.display().to_string());
    let paths: Vec<String> = tree.into_iter().chain(paths).collect();
    let text = format!(
        "The manifest may reach only these hosts: {}; variables: {}; files under: {}. No token \
         command runs.",
        restrictions.hosts,
        quoted(variables),
        quoted(&paths),
    );
    if restrictions.hosts.is_empty() {
        let hint = "Name the hosts that may be asked in SOLFORM_ALLOWED_HOSTS, or unset it.";
        Check::warn(CheckName::Restrictions, text, hint)
    } else {
        Check::ok(CheckName::Restrictions, text)
    }
}

fn manifest_check(context: &EnvironmentContext) -> Check {
    let declared = words::count(context.manifest.desired.len(), "version");
    let text = format!(
        "`{}` declares {declared} for the environment.",
        context.source.name()
    );
    match context.warnings {
        0 => Check::ok(CheckName::Manifest, text),
        count => Check::warn(
            CheckName::Manifest,
            format!("{text} It has {}.", words::count(count, "warning")),
            "Run `solform validate` to see them with their places.",
        ),
    }
}

fn broken_manifest(error: &CommandError) -> Check {
    let name = CheckName::Manifest;
    match &error.kind {
        ErrorKind::Manifest(problems) => {
            let first = problems.iter().next();
            let first = first.map(ToString::to_string).unwrap_or_default();
            let count = words::count(problems.errors(), "problem");
            Check::fail(
                name,
                format!("The manifest has {count}; the first: {first}."),
                "Run `solform validate` to see all of them with their places.",
            )
        }
        _ => Check::fail(name, sentence(error), error.help().unwrap_or_default()),
    }
}

async fn check_platform(
    context: EnvironmentContext,
    settings: &Settings,
    io: &mut Io,
    checks: &mut Checks,
) {
    let limit = checks.limit;
    let connected = session::connect(context, settings, io, |client_settings| {
        hasten(client_settings, limit);
    })
    .await;
    match connected {
        Ok(session) => platform::look(&session, checks, io).await,
        Err(error) => {
            let is_about_tls = error.cause().map_or_else(
                || error.cause::<io::Error>().is_some(),
                SettingsError::is_about_tls,
            );
            let name = if error.is::<TokenCommandRefused>() {
                CheckName::Token
            } else if is_about_tls {
                CheckName::Tls
            } else {
                CheckName::Connection
            };
            let help = error.help().unwrap_or_default();
            checks.push(Check::fail(name, sentence(&error), help));
        }
    }
    let mut made = checks.made.iter();
    let failed =
        made.find(|check| PLATFORM.contains(&check.name) && check.verdict == Verdict::Fail);
    let why = failed.map_or_else(String::new, |failed| {
        format!("It needs `{}`, which failed.", failed.name.as_str())
    });
    checks.skip(PLATFORM, &why);
}
