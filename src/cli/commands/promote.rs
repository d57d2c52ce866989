//! `promote`: declares for one environment what is in service in another one. Sends GETs only, and
//! changes the manifest.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::api::{ListRequest, Needed, ReadError, few_names};
use crate::cli::args::{Output, Outputs, SizeArgs, output_parser, parser};
use crate::cli::environment::context::{EnvironmentContext, read_source, two_contexts};
use crate::cli::environment::session::{Session, connect};
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::files::has_no_folder;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::cli::workflow::manifest_edit;
use crate::cli::workflow::output_files::{self, OutputWriter};
use crate::ident::SolutionName;
use crate::live::{Coverage, LiveState};
use crate::manifest::{SourceFile, set_versions};
use crate::plan::ApplyHistory;
use crate::promotion::{Promotion, Side, candidates, promote};
use crate::render::{Content, Format, JSON, PlanDetail, Subject, promotion_warnings};
use crate::store::history_of;

/// Declare for one environment the versions that are in service in another one
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform promote --from uat --to prod\n  \
    solform promote --from uat --to prod 'Form W-2' --check\n  \
    solform promote --from uat --to prod --copy-packages\n  \
    solform promote --from uat --to prod --output markdown=promotion.md")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(in crate::cli) struct PromoteArgs {
    /// Solutions to promote; by default all that the manifest declares for the target
    #[arg(value_name = "NAME", value_parser = SolutionName::parse)]
    names: Vec<SolutionName>,
    /// Promote the versions that are in service in this environment
    #[arg(long, value_name = "NAME")]
    from: String,
    /// Change the declaration of this environment
    #[arg(long, value_name = "NAME")]
    to: String,
    /// Manifest file to change
    #[arg(short, long, value_name = "FILE", default_value = "solform.yaml")]
    file: PathBuf,
    /// Also declare the source's packages as `source`: the next apply of the target transfers them
    #[arg(long)]
    copy_packages: bool,
    /// Show the promotion, but do not change the manifest
    #[arg(long)]
    check: bool,
    /// Print the promotion in this format
    #[arg(long, value_name = "FORMAT", value_parser = parser(Subject::Promotion))]
    format: Option<&'static Format>,
    /// Print a JSON document; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Also write the promotion to a file, in the given format; repeatable
    #[arg(long, value_name = "FORMAT=FILE", value_parser = output_parser(Subject::Promotion))]
    output: Vec<Output>,
    #[command(flatten)]
    size: SizeArgs,
    /// Return exit code 2 if the manifest was changed, or would be with --check
    #[arg(long)]
    detailed_exitcode: bool,
}

/// The environment whose live versions are promoted, with a client of its own. It is another type
/// than [`Target`], so that no request can use the token of the other environment.
struct Source(Session);

/// The environment whose declaration changes, with a client of its own.
struct Target(Session);

pub(super) async fn run(
    args: &PromoteArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    check_arguments(args)?;
    let file = &args.file;
    let source = read_source(file)?;
    let names = [args.from.as_str(), args.to.as_str()];
    let [from, to] = two_contexts(&source, file, names, settings, io)?;
    let wanted: BTreeSet<SolutionName> = args.names.iter().cloned().collect();
    let mut promotion = choose(from, to, &wanted, args.copy_packages, settings, io).await?;
    let edited = promotion
        .has_changes()
        .then(|| edit(&source, &promotion, settings))
        .transpose()?;
    if let Some(text) = edited.filter(|_| !args.check) {
        manifest_edit::replace_manifest(file, &source, &text, "Run the command again.")?;
        promotion.is_written = true;
    }
    let format = if args.json { Some(&JSON) } else { args.format };
    let writer = OutputWriter {
        content: Content::Promotion(&promotion),
        outputs: Outputs::new(format, &args.output, &args.size),
        settings,
    };
    writer.write(PlanDetail::Verbose, io)?;
    report(args, &promotion, settings, io)?;
    Ok(if promotion.has_changes() {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

/// Checks everything that can be checked before the manifest is read.
fn check_arguments(args: &PromoteArgs) -> Result<()> {
    if args.from == args.to {
        let message = format!("`{}` cannot be promoted to itself", args.from);
        return Err(CommandError::failed(message).hint("Name two environments."));
    }
    output_files::check(args.output.iter().map(|output| &*output.path), &args.file)?;
    if args.check && !has_no_folder(&args.file) {
        return Ok(());
    }
    manifest_edit::check(&args.file)
}

/// Reads both environments, and chooses what is promoted.
async fn choose(
    from: EnvironmentContext,
    to: EnvironmentContext,
    wanted: &BTreeSet<SolutionName>,
    copies_packages: bool,
    settings: &Settings,
    io: &mut Io,
) -> Result<Promotion> {
    let file = from.source.name().to_owned();
    let (from_manifest, to_manifest) = (from.manifest.clone(), to.manifest.clone());
    let names = if wanted.is_empty() {
        candidates(&from_manifest, &to_manifest)
    } else {
        wanted.clone()
    };
    let list = from.command("list").to_string();
    // The progress of each read names its environment.
    let [mut from_io, mut to_io] =
        [&from, &to].map(|it| io.branch(&it.manifest.environment.name, &it.settings.invocation));
    let history = verified_by(&from, &to, &from_io).await;
    let read = read_both(from, to, &names, settings, [&mut from_io, &mut to_io]).await;
    io.release(vec![from_io, to_io])?;
    let (live, target) = read?;
    let history = history?;
    if let Err(error) = &target {
        let message = format!(
            "the live versions of `{}` are not shown: {error}",
            to_manifest.environment.name
        );
        io.warn(&message, error.causes())?;
    }
    let from = Side {
        manifest: &from_manifest,
        live: Some(&live),
        history: history.as_ref(),
    };
    let to = Side {
        manifest: &to_manifest,
        live: target.as_ref().ok(),
        history: None,
    };
    promote(from, to, &file, wanted, copies_packages).map_err(|errors| {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let hint = errors.first().map(|error| error.help(&list));
        CommandError::failed(texts.join("; ")).hint(hint.unwrap_or_default())
    })
}

/// Reads what earlier applies of the source found, if the target takes only verified versions.
async fn verified_by(
    from: &EnvironmentContext,
    to: &EnvironmentContext,
    io: &Io,
) -> Result<Option<ApplyHistory>> {
    if !to.manifest.environment.require_verified {
        return Ok(None);
    }
    let store = from.store(None, &io.secrets)?;
    let applies = apply_session::applies_of(&*store).await?;
    Ok(Some(history_of(&applies)))
}

/// Reads both environments at the same time. An error of the source is the error of both.
async fn read_both(
    from: EnvironmentContext,
    to: EnvironmentContext,
    names: &BTreeSet<SolutionName>,
    settings: &Settings,
    [from_io, to_io]: [&mut Io; 2],
) -> Result<(LiveState, Result<LiveState>)> {
    let source = Source(connect(from, settings, from_io, |_| {}).await?);
    let target = connect(to, settings, to_io, |_| {}).await;
    let read_target = async { Target(target?).read(names).await };
    let (live, target) = tokio::join!(source.read(names), read_target);
    Ok((live?, target))
}

impl Source {
    async fn read(&self, names: &BTreeSet<SolutionName>) -> Result<LiveState> {
        read(&self.0, names).await
    }
}

impl Target {
    async fn read(&self, names: &BTreeSet<SolutionName>) -> Result<LiveState> {
        read(&self.0, names).await
    }
}

/// Reads the live versions of these names; an error if the list is not proven complete.
async fn read(session: &Session, names: &BTreeSet<SolutionName>) -> Result<LiveState> {
    let request = ListRequest {
        names: few_names(names.iter().cloned()),
        needs: Box::new(|name| Needed::records_if(names.contains(name))),
        expected: None,
    };
    let live = session.read(session.reader().collect(&request)).await?;
    match live.coverage() {
        Coverage::Unproven(reason) => {
            Err(session.read_error(ReadError::UnprovenWhole(reason.clone())))
        }
        Coverage::Whole | Coverage::Names(_) => Ok(live),
    }
}

/// Returns the new text of the manifest.
fn edit(source: &SourceFile, promotion: &Promotion, settings: &Settings) -> Result<String> {
    let variable = |name: &str| settings.manifest_variable(name);
    set_versions(source, &promotion.to, &promotion.edits(), &variable).map_err(|error| {
        let hint = error.help().to_owned();
        CommandError::failed(error).hint(hint)
    })
}

/// Writes warnings, and what was done.
fn report(
    args: &PromoteArgs,
    promotion: &Promotion,
    settings: &Settings,
    io: &mut Io,
) -> Result<()> {
    for (_, warning) in promotion_warnings(promotion) {
        io.warn(&warning, Vec::new())?;
    }
    if promotion.is_written {
        let invocation = settings.invocation.resolved(&args.file, &promotion.to);
        let note = format!(
            "Wrote `{}`. Review the change, commit it, then run `{}`.",
            args.file.display(),
            invocation.command("plan")
        );
        io.note(&note)?;
    }
    Ok(())
}
