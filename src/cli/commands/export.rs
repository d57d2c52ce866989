//! `export`: writes the live versions as a manifest. Sends GETs only.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::api::{ListRequest, Needed, ReadError};
use crate::cli::args::ManifestArgs;
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::files::{check_writable, folder_of, is_same_file, write_shared};
use crate::cli::io::Io;
use crate::cli::settings::{Settings, variable};
use crate::export::{Exported, Reach, WhyLeft, export};
use crate::live::{Coverage, LiveState};
use crate::manifest::{self, Environment, Selection, SourceFile, TokenSource};
use crate::plan::{ApplyHistory, DiffOptions, Summary, diff};
use crate::render::{render_manifest, words};
use crate::store_location::StoreLocation;

/// Write the live versions as a manifest whose plan is empty
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform export -e prod\n  \
    solform export -e prod --all --out prod.yaml")]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Export all listed versions, not only those that `manage` covers
    #[arg(long)]
    all: bool,
    /// Write the manifest to this file; it must not exist yet, except with --force
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long, requires = "out")]
    force: bool,
}

pub(super) async fn run(args: &ExportArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    if let Some(path) = &args.out {
        if !args.force && path.exists() {
            return Err(out_exists(path));
        }
        check_writable(path).map_err(|source| CommandError::io("write", path, source))?;
    }
    let session = session::open(&args.manifest, settings, io).await?;
    let request = ListRequest {
        needs: Box::new(|_| Needed::Visibility),
        ..ListRequest::default()
    };
    let live = session.read(session.reader().collect(&request)).await?;
    if let Coverage::Unproven(reason) = live.coverage() {
        return Err(session.read_error(ReadError::UnprovenWhole(reason.clone())));
    }
    let reach = if args.all { Reach::All } else { Reach::Managed };
    let manifest = session.manifest();
    let exported = export(&live, manifest, reach);
    let mut text = Vec::new();
    render_manifest(&manifest.environment, &exported, &mut text)?;
    check(&session, &text, &live, io)?;
    match &args.out {
        None => io.document().write_all(&text)?,
        Some(path) => write_shared(path, &text, args.force).map_err(|source| {
            if source.kind() == std::io::ErrorKind::AlreadyExists {
                out_exists(path)
            } else {
                CommandError::io("write", path, source)
            }
        })?,
    }
    io.out.flush()?;
    warn_about_export(&session, args, &live, &exported, io)?;
    Ok(ExitStatus::Success)
}

fn out_exists(path: &Path) -> CommandError {
    CommandError::failed(format!("`{}` already exists", path.display()))
        .hint("Name another file, or add --force to overwrite it.")
}

/// Reads the manifest and plans it as `plan` does: a manifest whose plan is not empty is an error.
fn check(session: &Session, text: &[u8], live: &LiveState, io: &Io) -> Result<()> {
    let unsound = |why: &str| {
        CommandError::failed(format!(
            "internal error: the manifest would not be right, and is not written: {why}; please \
             report it"
        ))
    };
    let shown = String::from_utf8_lossy(text);
    if io.secrets.is_touched(&shown) {
        return Err(unsound(
            "a name on the server holds a token of this command",
        ));
    }
    let source = SourceFile::from_bytes("export", text)?;
    let selection = Selection {
        environment: Some(&session.manifest().environment.name),
    };
    let read = manifest::read(&source, &selection, &variable)?;
    let (history, options) = (ApplyHistory::default(), DiffOptions::default());
    let plan = diff(&read.manifest, live, &history, &options)
        .map_err(|_| unsound("it needs a package that is not known"))?;
    if Summary::of(&plan).has_changes() {
        return Err(unsound("a plan with it would change something"));
    }
    Ok(())
}

/// Writes warnings about the exported manifest.
fn warn_about_export(
    session: &Session,
    args: &ExportArgs,
    live: &LiveState,
    exported: &Exported<'_>,
    io: &mut Io,
) -> Result<()> {
    let declared = exported.declared();
    if declared == 0 && !live.versions().is_empty() && !args.all {
        writeln!(
            io.err,
            "Warning: `manage` covers none of the {} that are live. Use --all, or name owners \
             under `manage.owners`.",
            words::count(live.versions().len(), "version")
        )?;
    }
    let left = exported.left.len();
    if left > 0 {
        writeln!(
            io.err,
            "Warning: {} not declared, and left alone; comments at the end of the manifest say \
             which and why.",
            match left {
                1 => "1 live record is".to_owned(),
                _ => format!("{left} live records are"),
            }
        )?;
    }
    let others = exported
        .left
        .iter()
        .filter(|left| matches!(left.why, WhyLeft::OtherOwner(_)));
    for record in others.take(WARNED) {
        writeln!(
            io.err,
            "Warning: {} is left out: {}.",
            words::quoted(&record.label),
            words::escaped(&record.why.to_string())
        )?;
    }
    let Some(path) = &args.out else {
        return Ok(());
    };
    let environment = &session.manifest().environment;
    let (folder, own) = (folder_of(path), &session.context.folder);
    if names_neighbours(environment) && folder != own && !is_same_file(folder, own) {
        writeln!(
            io.err,
            "Warning: the environment names files relative to its manifest, and `{}` lies in \
             another folder.",
            path.display()
        )?;
    }
    writeln!(
        io.err,
        "Wrote `{}` with {}.",
        path.display(),
        words::count(declared, "version")
    )?;
    Ok(())
}

/// The maximum number of records with a warning of their own.
const WARNED: usize = 10;

/// Returns true if the environment needs anything besides its manifest.
fn names_neighbours(environment: &Environment) -> bool {
    let tls = &environment.tls;
    let files = [&tls.ca_bundle, &tls.client_cert, &tls.client_key];
    files.into_iter().flatten().any(|path| path.is_relative())
        || environment.url == manifest::Endpoint::Emulator
        || matches!(&environment.token, Some(TokenSource::File(path)) if path.is_relative())
        || matches!(&environment.store, Some(StoreLocation::Folder(path)) if path.is_relative())
}
