//! `plan`: shows the changes that apply would make. Sends GETs only.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::args::{FormatArgs, ManifestArgs, OUTPUT, PlanningArgs, SeveralArgs};
use crate::cli::clock;
use crate::cli::environment::early_listing;
use crate::cli::error::{ExitStatus, Result, status_of_all};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::known_applies::KnownApplies;
use crate::cli::workflow::plan_output::PlanOutput;
use crate::cli::workflow::{plan, plan_formats, saved_plan, several_plans};
use crate::plan::{Mode, Plan, PlanOptions, SavedPlan, SavedPlans};
use crate::render::{EnvironmentResult, PlanResult, StreamMessage};

/// Show what apply would do; sends GETs only
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform plan -e prod --out prod.plan\n  \
    solform plan -e prod --detailed-exitcode --target 'Form W-2'\n  \
    solform plan -e prod --concise --output json=plan.json --output gitlab=counts.json\n  \
    solform plan -e dev -e uat -e prod --format markdown\n  \
    solform plan --all-environments --out release.plan")]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    several: SeveralArgs,
    #[command(flatten)]
    pub(super) planning: PlanningArgs,
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
    if args.destroy && args.out.is_some() && args.several.are_several(&args.manifest) {
        let hint = "Save a plan of each environment: `destroy` works on one at a time.";
        return Err(several_plans::one_only("--destroy with --out", hint));
    }
    let output = PlanOutput {
        outputs: args.formats.outputs(),
        detail: args.planning.detail.detail(),
        out: args.out.as_deref(),
        settings,
    };
    output.check(&args.manifest.file, io)?;
    let mut is_reported = false;
    let done = if args.several.are_several(&args.manifest) {
        make_several(args, settings, &mut is_reported, io).await
    } else {
        make(args, output, &mut is_reported, io).await
    };
    output.write_error(&done, is_reported, io)?;
    done
}

async fn make(
    args: &PlanArgs,
    output: PlanOutput<'_>,
    is_reported: &mut bool,
    io: &mut Io,
) -> Result<ExitStatus> {
    let mode = mode_of(args)?;
    let (session, look) = early_listing::open(&args.manifest, output.settings, io).await?;
    let mut options = args.planning.diff_options(mode);
    let overrides = args.planning.overrides();
    let store = args.store.as_deref();
    let known = KnownApplies::read(&session, store, io).await?;
    options.held_back.clone_from(&known.held_back);
    let planner = known.planner(&session, &options);
    let plan = planner.make_plan(look, &overrides, io).await?;
    let status = plan::status_of(&plan, args.planning.detailed_exitcode);
    let options = PlanOptions::new(&options, overrides);
    output.write(&session, plan, options, is_reported, io)?;
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

/// Plans several environments, shows them as one matrix, and saves them in one file.
async fn make_several(
    args: &PlanArgs,
    settings: &Settings,
    is_reported: &mut bool,
    io: &mut Io,
) -> Result<ExitStatus> {
    let mode = mode_of(args)?;
    let (manifest, planning) = (&args.manifest, &args.planning);
    let store = args.store.as_deref();
    let planned = several_plans::make(manifest, planning, mode, store, settings, io).await?;
    let mut options = Vec::with_capacity(planned.len());
    let (plans, sessions): (Vec<_>, Vec<_>) = planned
        .into_iter()
        .map(|environment| {
            environment.into_parts(io, |session, planned| {
                options.push(PlanOptions::new(&planned.options, planning.overrides()));
                PlanResult {
                    plan: planned.plan,
                    refusals: planned.refusals,
                    abandon: session.context.command("abandon").to_string(),
                }
            })
        })
        .unzip();
    let detail = planning.detail.detail();
    plan_formats::write_plans(&plans, args.formats.outputs(), detail, settings, io)?;
    *is_reported = true;
    if let Some(path) = &args.out {
        save_several(path, &plans, options, args, settings, io)?;
    }
    let is_detailed = planning.detailed_exitcode;
    let status_of_plan = |plan: &Plan| plan::status_of(plan, is_detailed);
    let statuses = several_plans::report(&plans, &sessions, status_of_plan, io)?;
    plan::drop_in_background(plans);
    for session in sessions.into_iter().flatten() {
        plan::drop_in_background(session.context);
    }
    Ok(status_of_all(&statuses))
}

/// Saves the plans of several environments in one file. If one of them has no plan, nothing is
/// saved.
fn save_several(
    path: &Path,
    plans: &[EnvironmentResult<PlanResult>],
    options: Vec<PlanOptions>,
    args: &PlanArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<()> {
    let now_ms = clock::now_ms();
    let mut saved = Vec::with_capacity(plans.len());
    for (environment, options) in plans.iter().zip(options) {
        let Some(PlanResult { plan, refusals, .. }) = environment.value() else {
            break;
        };
        let id = uuid::Uuid::new_v4().to_string();
        saved.push(SavedPlan::new(
            plan.clone(),
            refusals.clone(),
            options,
            id,
            now_ms,
        ));
    }
    let file = path.display();
    let message = if saved.len() == plans.len() {
        let saved = SavedPlans::new(saved, now_ms);
        saved_plan::write(path, |file| saved.write(file))?;
        let next =
            match saved_plan::command_of_several(&args.manifest, &saved.plans, path, settings) {
                Some(command) => format!("Next: {command}"),
                None => "They cannot be applied.".to_owned(),
            };
        format!("The plans are saved in `{file}`. {next}")
    } else {
        format!("The plans are not saved in `{file}`, because an environment has no plan.")
    };
    writeln!(io.text(), "{message}")?;
    io.send(|| StreamMessage::log(message));
    Ok(())
}
