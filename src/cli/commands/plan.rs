//! `plan`: shows the changes that apply would make. Sends GETs only.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{FormatArgs, ManifestArgs, OUTPUT, PlanningArgs, SeveralArgs};
use crate::cli::clock;
use crate::cli::environment::early_listing;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, Result, status_of_all};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::plan::Planner;
use crate::cli::workflow::several::{self, ReadEnvironment};
use crate::cli::workflow::{apply_session, output_files, packages, plan, plan_formats, saved_plan};
use crate::plan::{DiffError, Mode, Plan, PlanOptions, Refusal, SavedPlan, judge};
use crate::render::{PlanResult, StreamMessage};

/// Show what apply would do; sends GETs only
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform plan -e prod --out prod.plan\n  \
    solform plan -e prod --detailed-exitcode --target 'Form W-2'\n  \
    solform plan -e prod --concise --output json=plan.json --output gitlab=counts.json\n  \
    solform plan -e dev -e uat -e prod --format markdown")]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    several: SeveralArgs,
    #[command(flatten)]
    planning: PlanningArgs,
    /// Save the plan to this file, for `apply FILE` or `destroy FILE`
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    #[command(flatten)]
    formats: FormatArgs,
    /// Print events instead, one JSON object per line
    #[arg(long, conflicts_with = "format", help_heading = OUTPUT)]
    pub(super) json: bool,
    /// Plan the deletions of `destroy`
    #[arg(long, help_heading = "Planning options")]
    destroy: bool,
    /// Read earlier applies from this store, not from the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE", help_heading = "Store options")]
    store: Option<String>,
}

pub(super) async fn run(args: &PlanArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    if args.out.is_some() && args.several.are_several(&args.manifest) {
        let message = "a saved plan is for one environment, and this plan is for several";
        return Err(CommandError::failed(message).hint(
            "Leave --out out, or save a plan of each environment with `-e NAME --out FILE`.",
        ));
    }
    let outputs = args.formats.outputs();
    if !outputs.is_text() {
        io.reserve_out();
    }
    let files = outputs.files.iter().map(|output| &*output.path);
    output_files::check(files.chain(args.out.as_deref()), &args.manifest.file)?;
    if outputs.is_for_github() {
        output_files::check_summary(settings)?;
    }
    if let Some(path) = &args.out {
        saved_plan::check_target(path)?;
    }
    let mut is_reported = false;
    let done = if args.several.are_several(&args.manifest) {
        make_several(args, settings, &mut is_reported, io).await
    } else {
        make(args, settings, &mut is_reported, io).await
    };
    if let (Err(error), false) = (&done, is_reported) {
        plan_formats::write_errors(error, outputs, settings, io)?;
    }
    done
}

async fn make(
    args: &PlanArgs,
    settings: &Settings,
    is_reported: &mut bool,
    io: &mut Io,
) -> Result<ExitStatus> {
    let mode = mode_of(args)?;
    let (session, look) = early_listing::open(&args.manifest, settings, io).await?;
    let mut options = args.planning.diff_options(mode);
    let overrides = args.planning.overrides();
    let (history, store) = apply_session::read_store(&session, args.store.as_deref(), io).await?;
    options.held_back = apply_session::held_back(&history, &session);
    let planner = Planner {
        session: &session,
        history: &history,
        options: &options,
        store: store.as_deref(),
        contents: None,
    };
    let plan = planner.make_plan(look, &overrides, io).await?;
    let status = plan::status_of(&plan, args.planning.detailed_exitcode);
    let refusals = judge(&plan, &session.manifest().environment.limits, &overrides);
    let blocked = (!refusals.is_empty()).then(|| plan::blocked(Some(&session), &refusals, &plan));
    plan_formats::write_plan(
        &plan,
        &refusals,
        args.formats.outputs(),
        args.planning.detail.detail(),
        settings,
        io,
    )?;
    *is_reported = true;
    if let Some(path) = &args.out {
        let now_ms = clock::now_ms();
        let id = uuid::Uuid::new_v4().to_string();
        let options = PlanOptions::new(&options, overrides);
        let saved = SavedPlan::new(plan, refusals.clone(), options, id, now_ms);
        saved_plan::write(path, &saved)?;
        let next = match saved_plan::command_of(&session.context, &saved, path) {
            Some(command) => format!("Next: {command}"),
            None => "It cannot be applied.".to_owned(),
        };
        let message = format!("The plan is kept in `{}`. {next}", path.display());
        writeln!(io.text(), "{message}")?;
        io.send(|| StreamMessage::log(message));
    } else {
        plan::drop_in_background(plan);
    }
    if let Some(blocked) = blocked {
        io.out.flush()?;
        io.refusals(&refusals, |refusal| packages::problem_of(&session, refusal))?;
        return Err(blocked);
    }
    plan::drop_in_background(session.context);
    Ok(status)
}

fn mode_of(args: &PlanArgs) -> Result<Mode> {
    match (args.destroy, args.planning.replace.is_empty()) {
        (true, false) => Err(plan::replace_with_destroy()),
        (true, true) => Ok(Mode::Destroy),
        (false, _) => Ok(Mode::Converge),
    }
}

/// The plan of one of several environments.
struct Planned {
    plan: Plan,
    refusals: Vec<Refusal>,
    /// The selectors that select nothing in this environment.
    unused: Vec<DiffError>,
}

/// Plans several environments, and shows them as one matrix. Nothing is saved.
async fn make_several(
    args: &PlanArgs,
    settings: &Settings,
    is_reported: &mut bool,
    io: &mut Io,
) -> Result<ExitStatus> {
    let mode = mode_of(args)?;
    let overrides = args.planning.overrides();
    let opened = several::open(&args.manifest, settings, io).await?;
    let planned = several::read(opened, "cannot be planned", io, async |session, io| {
        let mut options = args.planning.diff_options(mode);
        // A version may be declared in some of the environments only.
        options.may_select_nothing = true;
        let (history, store) =
            apply_session::read_store(session, args.store.as_deref(), io).await?;
        options.held_back = apply_session::held_back(&history, session);
        let planner = Planner {
            session,
            history: &history,
            options: &options,
            store: store.as_deref(),
            contents: None,
        };
        let (live, plan) = planner.make_plan_and_live(None, &overrides, io).await?;
        let unused = planner.unused_selectors(&live);
        plan::drop_in_background(live);
        let refusals = judge(&plan, &session.manifest().environment.limits, &overrides);
        Ok(Planned {
            plan,
            refusals,
            unused,
        })
    })
    .await?;
    let unused = unused_everywhere(&planned);
    if !unused.is_empty() {
        return Err(plan::option_error(&unused));
    }
    let (plans, sessions): (Vec<_>, Vec<_>) = planned
        .into_iter()
        .map(|environment| {
            environment.into_parts(io, |session, planned| PlanResult {
                plan: planned.plan,
                refusals: planned.refusals,
                abandon: session.context.command("abandon").to_string(),
            })
        })
        .unzip();
    let detail = args.planning.detail.detail();
    plan_formats::write_plans(&plans, args.formats.outputs(), detail, settings, io)?;
    *is_reported = true;
    let mut statuses = Vec::with_capacity(plans.len());
    for (environment, session) in plans.iter().zip(sessions) {
        statuses.push(match (&environment.result, session) {
            (Ok(result), Ok(session)) if result.refusals.is_empty() => {
                plan::drop_in_background(session.context);
                plan::status_of(&result.plan, args.planning.detailed_exitcode)
            }
            (Ok(result), Ok(session)) => report_blocked(&session, result, io)?,
            (_, Err(error)) => {
                several::report(&environment.name, &error, io)?;
                error.kind.exit_status()
            }
            (Err(_), Ok(_)) => ExitStatus::Error,
        });
    }
    plan::drop_in_background(plans);
    Ok(status_of_all(&statuses))
}

/// Returns the selectors that select nothing in any environment; none if an environment could not
/// be read.
fn unused_everywhere(planned: &[ReadEnvironment<Planned>]) -> Vec<DiffError> {
    let values: Option<Vec<&Planned>> = planned.iter().map(ReadEnvironment::value).collect();
    let Some((first, others)) = values.as_deref().and_then(<[_]>::split_first) else {
        return Vec::new();
    };
    let is_unused = |error: &&DiffError| {
        let is_same = |other: &DiffError| other.is_about_same_selector(error);
        others.iter().all(|other| other.unused.iter().any(is_same))
    };
    first.unused.iter().filter(is_unused).cloned().collect()
}

/// Shows the reasons why the plan of an environment cannot be applied.
fn report_blocked(session: &Session, result: &PlanResult, io: &mut Io) -> Result<ExitStatus> {
    let PlanResult { plan, refusals, .. } = result;
    let name = &session.manifest().environment.name;
    let blocked = plan::blocked(Some(session), refusals, plan);
    io.out.flush()?;
    writeln!(
        io.err,
        "The plan of environment `{name}` cannot be applied:"
    )?;
    io.refusals(refusals, |refusal| packages::problem_of(session, refusal))?;
    several::report(name, &blocked, io)?;
    Ok(blocked.kind.exit_status())
}
