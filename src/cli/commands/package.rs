//! `package`: builds, inspects and compares packages. Sends only GETs to the platform.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::apply::PlatformPackage;
use crate::cli::args::ManifestArgs;
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{CommandError, ErrorKind, ExitStatus, Result};
use crate::cli::files::{NewFile, folder_of};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::cancellation::Cancellation;
use crate::ident::Digest;
use crate::package::{
    BuildError, LocalPackage, PACKAGE_SUFFIX, PackageError, RangeSource, build, read_contents,
    read_whole,
};
use crate::plan::{PackageContents, PackageDiff, PackageProblem};
use crate::render::{
    PackageDiffDocument, PackageDocument, PackageView, render_json, render_package,
    render_package_diff,
};

/// Build, inspect and compare packages
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform package build src/form-w2 --out 'dist/Form W-2-0.0.2.ibsolution'\n  \
    solform package inspect 'dist/Form W-2-0.0.2.ibsolution'")]
pub(in crate::cli) struct PackageArgs {
    #[command(subcommand)]
    command: PackageCommand,
}

impl PackageArgs {
    /// Returns true if the command writes a file.
    pub(super) fn is_build(&self) -> bool {
        matches!(self.command, PackageCommand::Build(_))
    }
}

/// The subcommands of `package`.
#[derive(Debug, Subcommand)]
enum PackageCommand {
    Build(BuildArgs),
    Inspect(InspectArgs),
    Diff(DiffArgs),
}

/// Make a package from a folder; equal folders make equal bytes
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform package build src/form-w2 --out 'dist/Form W-2-0.0.2.ibsolution'")]
struct BuildArgs {
    /// Folder with package.json and the other files of the solution
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Write the package to this file, NAME.ibsolution outside of FOLDER; an existing file is
    /// replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Show name, version, owner and SHA-256 of a package
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform package inspect 'dist/Form W-2-0.0.2.ibsolution'\n  \
    solform package inspect -e prod 'acme/prod/fs/Instabase Drive/Form W-2-0.0.2.ibsolution'")]
struct InspectArgs {
    /// Package: a local file, or with -e a path on the environment's file system
    #[arg(value_name = "FILE")]
    package: String,
    /// Do not compute the SHA-256, for which the whole file is read
    #[arg(long)]
    no_sha256: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Show the differences between two packages
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform package diff dist/old.ibsolution dist/new.ibsolution\n  \
    solform package diff -e prod 'acme/prod/fs/Instabase Drive/W-2.ibsolution' ./W-2.ibsolution")]
struct DiffArgs {
    /// First package: a local file, or with -e a path on the environment's file system
    #[arg(value_name = "A")]
    before: String,
    /// Second package, in the same form
    #[arg(value_name = "B")]
    after: String,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    /// Return exit code 2 if the packages differ
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// The environment whose file system has the packages.
#[derive(Debug, Args)]
#[command(
    mut_arg("file", |arg| arg.requires("environment")),
    mut_arg("environment", |arg| arg.help(
        "Environment whose file system has the package; with it, a local path begins with ./ or /"
    ))
)]
struct PlaceArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
}

pub(super) async fn run(
    args: &PackageArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    match &args.command {
        PackageCommand::Build(args) => run_build(args, io).await,
        PackageCommand::Inspect(args) => run_inspect(args, settings, io).await,
        PackageCommand::Diff(args) => run_diff(args, settings, io).await,
    }
}

async fn run_build(args: &BuildArgs, io: &mut Io) -> Result<ExitStatus> {
    let cancel = Cancellation::new(io)?;
    let out = &args.out;
    check_out(&args.folder, out)?;
    let not_written = |source| CommandError::io("write", out, source);
    let new = NewFile::create(out).map_err(not_written)?;
    let (handle, folder) = (new.handle().map_err(not_written)?, args.folder.clone());
    let token = cancel.interrupt().clone();
    // The build blocks its thread; signals must still be handled.
    let building =
        tokio::task::spawn_blocking(move || build(&folder, handle, &|| !token.is_raised()));
    let built = building.await;
    let built = built.map_err(|error| CommandError::runtime(std::io::Error::other(error)))?;
    built.map_err(|error| not_built(&args.folder, error))?;
    // A package that cannot be read again is not given its name.
    let package = LocalPackage::of(new.handle().map_err(not_written)?);
    let unreadable = |error| not_read(&out.display().to_string(), None, error);
    let reading = read_whole(&package);
    let (contents, sha256) = cancel
        .or_interrupted(async { reading.await.map_err(unreadable) })
        .await?;
    new.commit(true).map_err(not_written)?;
    let file = out.display().to_string();
    show(
        &PackageView {
            file: &file,
            environment: None,
            contents: &contents,
            sha256: Some(&sha256),
        },
        args.json,
        io,
    )?;
    Ok(ExitStatus::Success)
}

/// Checks the name of the package, and that it would not become a part of itself.
fn check_out(folder: &Path, out: &Path) -> Result<()> {
    if out
        .extension()
        .is_none_or(|ending| ending != PACKAGE_SUFFIX)
    {
        let message = format!(
            "the name of the package `{}` does not end in `.{PACKAGE_SUFFIX}`",
            out.display()
        );
        return Err(CommandError::failed(message)
            .hint("Name a file such as `NAME.ibsolution`: the platform deploys no other files."));
    }
    let canonical = |path: &Path| path.canonicalize().ok();
    let inside = canonical(folder).filter(|folder| {
        let places = [canonical(folder_of(out)), canonical(out)];
        places
            .iter()
            .flatten()
            .any(|place| place.starts_with(folder))
    });
    if inside.is_some() {
        let message = format!(
            "the package `{}` would be in the folder that it is made from",
            out.display()
        );
        return Err(CommandError::failed(message).hint("Name a file in another folder."));
    }
    Ok(())
}

fn not_built(folder: &Path, error: BuildError) -> CommandError {
    if matches!(error, BuildError::Cancelled) {
        return CommandError::new(ErrorKind::Cancelled, error);
    }
    let hint = error.help();
    CommandError::failed(error)
        .context(format!(
            "failed to build a package from `{}`",
            folder.display()
        ))
        .hint(hint)
}

async fn run_inspect(args: &InspectArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let place = Place::of(&args.package, &args.place);
    let session = open(&[&place], &args.place, settings, io).await?;
    let with_digest = !args.no_sha256;
    let (contents, sha256) = read(&place, session.as_ref(), with_digest).await?;
    let view = view(&place, session.as_ref(), &contents, sha256.as_ref());
    show(&view, args.json, io)?;
    let problems = contents.info.invalid_fields();
    let Some(help) = problems.first().map(PackageProblem::help) else {
        return Ok(ExitStatus::Success);
    };
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let message = format!(
        "`{}` cannot be deployed: {}",
        args.package,
        problems.join(", ")
    );
    Err(CommandError::failed(message).hint(help))
}

async fn run_diff(args: &DiffArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let places = [&args.before, &args.after].map(|text| Place::of(text, &args.place));
    let [before, after] = &places;
    let session = open(&[before, after], &args.place, settings, io).await?;
    let session = session.as_ref();
    let (old, _) = read(before, session, false).await?;
    let (new, _) = read(after, session, false).await?;
    let diff = PackageDiff::of(&old, &new);
    let views = [
        &view(before, session, &old, None),
        &view(after, session, &new, None),
    ];
    if args.json {
        render_json(&PackageDiffDocument::of(views, &diff), io.document())?;
    } else {
        render_package_diff(views, &diff, &mut io.text())?;
    }
    Ok(if diff.is_different() {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

/// Writes the facts about a package, and the warnings about it.
fn show(package: &PackageView<'_>, is_json: bool, io: &mut Io) -> Result<()> {
    if is_json {
        render_json(&PackageDocument::of(package), io.document())?;
    } else {
        render_package(package, &mut io.out)?;
    }
    io.out.flush()?;
    let contents = package.contents;
    if let Some(warning) = contents.info.type_warning() {
        io.warn(&warning, Vec::new())?;
    }
    if contents.has_byte_order_mark() {
        let warning = "the package's `package.json` begins with a byte order mark, which the \
                       platform may refuse";
        io.warn(warning, Vec::new())?;
    }
    Ok(())
}

/// The place of a package.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    /// On this machine.
    Local(&'a str),
    /// On the file system of the environment.
    Platform(&'a str),
}

impl<'a> Place<'a> {
    /// With an environment, only a path that begins like one of this machine is local.
    fn of(text: &'a str, args: &PlaceArgs) -> Self {
        let starts = ["/", "./", "../"];
        let is_local = starts.iter().any(|start| text.starts_with(start));
        if !args.manifest.environment.is_empty() && !is_local {
            Self::Platform(text)
        } else {
            Self::Local(text)
        }
    }

    fn text(self) -> &'a str {
        match self {
            Self::Local(text) | Self::Platform(text) => text,
        }
    }
}

/// Opens the environment, if a package is on its file system.
async fn open(
    places: &[&Place<'_>],
    args: &PlaceArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<Option<Session>> {
    let is_needed = places
        .iter()
        .any(|place| matches!(place, Place::Platform(_)));
    if !is_needed {
        return Ok(None);
    }
    session::open(&args.manifest, settings, io).await.map(Some)
}

/// Returns the package for the renderers.
fn view<'a>(
    place: &Place<'a>,
    session: Option<&'a Session>,
    contents: &'a PackageContents,
    sha256: Option<&'a Digest>,
) -> PackageView<'a> {
    let session = session.filter(|_| matches!(place, Place::Platform(_)));
    PackageView {
        file: place.text(),
        environment: session.map(|session| session.manifest().environment.name.as_str()),
        contents,
        sha256,
    }
}

/// Reads a package, and computes its digest if it is wanted.
async fn read(
    place: &Place<'_>,
    session: Option<&Session>,
    with_digest: bool,
) -> Result<(PackageContents, Option<Digest>)> {
    match (place, session) {
        (Place::Platform(path), Some(session)) => {
            let files = session.files();
            let package = PlatformPackage {
                files: &files,
                path,
            };
            let read = read_source(&package, with_digest).await;
            read.map_err(|error| not_read(path, Some(session), error))
        }
        (Place::Local(path) | Place::Platform(path), _) => {
            let opened = LocalPackage::open(Path::new(path));
            let package =
                opened.map_err(|source| CommandError::io("read", Path::new(path), source))?;
            let read = read_source(&package, with_digest).await;
            read.map_err(|error| not_read(path, None, error))
        }
    }
}

async fn read_source(
    source: &impl RangeSource,
    with_digest: bool,
) -> Result<(PackageContents, Option<Digest>), PackageError> {
    Ok(if with_digest {
        let (contents, sha256) = read_whole(source).await?;
        (contents, Some(sha256))
    } else {
        (read_contents(source).await?, None)
    })
}

fn not_read(path: &str, session: Option<&Session>, error: PackageError) -> CommandError {
    let place = session.map_or_else(String::new, |session| {
        format!(" in environment `{}`", session.manifest().environment.name)
    });
    match error {
        PackageError::Missing => {
            let hint = if Path::new(path).exists() {
                format!("Write `./{path}` for the local file of this name.")
            } else {
                "Correct the path, or upload the package.".to_owned()
            };
            CommandError::failed(format!("there is no package `{path}`{place}")).hint(hint)
        }
        PackageError::Unreadable(reason) => {
            let hint = reason.help();
            CommandError::failed(reason)
                .context(format!("the package `{path}`{place} cannot be used"))
                .hint(hint)
        }
    }
}
