//! `plan`: shows the changes that apply would make. Sends GETs only.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{FormatArgs, ManifestArgs, OUTPUT, PlanningArgs};
use crate::cli::clock;
use crate::cli::environment::early_listing;
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::plan::Planner;
use crate::cli::workflow::{apply_session, output_files, packages, plan, plan_formats, saved_plan};
use crate::plan::{Mode, PlanOptions, SavedPlan, judge};
use crate::render::StreamMessage;

/// Show what apply would do; sends GETs only
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform plan -e prod --out prod.plan\n  \
    solform plan -e prod --detailed-exitcode --target 'Form W-2'\n  \
    solform plan -e prod --concise --output json=plan.json --output gitlab=counts.json")]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
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
    let done = make(args, settings, &mut is_reported, io).await;
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
    let mode = if args.destroy {
        Mode::Destroy
    } else {
        Mode::Converge
    };
    if args.destroy && !args.planning.replace.is_empty() {
        return Err(plan::replace_with_destroy());
    }
    let (session, look) = early_listing::open(&args.manifest, settings, io).await?;
    let mut options = args.planning.diff_options(mode);
    let overrides = args.planning.overrides();
    let history = apply_session::read_history(&session, args.store.as_deref(), io).await?;
    options.held_back = apply_session::held_back(&history, &session);
    let planner = Planner {
        session: &session,
        history: &history,
        options: &options,
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
