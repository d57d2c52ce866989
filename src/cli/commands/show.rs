//! `show`: shows a saved plan.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{DetailArgs, FormatArgs, Outputs};
use crate::cli::error::{ExitStatus, Result, status_of_all};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::output_files::OutputWriter;
use crate::cli::workflow::{plan, plan_formats, saved_plan, several_plans};
use crate::plan::{PlanFileContent, SavedPlans};
use crate::render::{Content, EnvironmentResult, JSON, PlanResult};

/// Show a saved plan
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform show prod.plan\n  solform show --json prod.plan")]
pub(in crate::cli) struct ShowArgs {
    /// Saved plan to show
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    #[command(flatten)]
    formats: FormatArgs,
    /// Print Terraform's plan document; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    detail: DetailArgs,
    /// Return exit code 2 if the plan has changes
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) fn run(args: &ShowArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let mut outputs = args.formats.outputs();
    if args.json {
        outputs.format = &JSON;
    }
    let saved = match saved_plan::read(&args.plan) {
        Ok(saved) => saved,
        Err(error) => {
            plan_formats::write_errors(&error, outputs, settings, io)?;
            return Err(error);
        }
    };
    let saved = match saved {
        PlanFileContent::One(saved) => *saved,
        PlanFileContent::Several(saved) => return show_several(args, saved, outputs, settings, io),
    };
    let refusals = &saved.refusals;
    let writer = OutputWriter {
        content: Content::Plan(&saved.plan, refusals),
        outputs,
        settings,
    };
    writer.write(args.detail.detail(), io)?;
    if !refusals.is_empty() {
        io.out.flush()?;
        io.refusals(refusals, |_| None)?;
        return Err(plan::blocked(None, refusals, &saved.plan));
    }
    Ok(plan::status_of(&saved.plan, args.detailed_exitcode))
}

/// Shows the saved plans of several environments, in the order of the file.
fn show_several(
    args: &ShowArgs,
    saved: SavedPlans,
    outputs: Outputs<'_>,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    let abandon = settings.invocation.command("abandon");
    let plans: Vec<EnvironmentResult<PlanResult>> = saved
        .plans
        .into_iter()
        .map(|saved| EnvironmentResult {
            name: saved.environment().to_owned(),
            url: Some(saved.plan.subject.url.clone()),
            result: Ok(PlanResult {
                plan: saved.plan,
                refusals: saved.refusals,
                abandon: abandon.to_string(),
            }),
        })
        .collect();
    plan_formats::write_plans(&plans, outputs, args.detail.detail(), settings, io)?;
    several_plans::report_blocked(plans.iter().map(|plan| (plan, None)), io)?;
    let results = plans.iter().filter_map(EnvironmentResult::value);
    let statuses = results.map(|PlanResult { plan, refusals, .. }| {
        if refusals.is_empty() {
            plan::status_of(plan, args.detailed_exitcode)
        } else {
            plan::blocked(None, refusals, plan).kind.exit_status()
        }
    });
    Ok(status_of_all(&statuses.collect::<Vec<_>>()))
}
