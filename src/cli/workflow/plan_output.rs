//! The output of a plan that is not executed: its formats, and its file.

use std::io::Write as _;
use std::path::Path;

use super::{output_files, packages, plan, plan_formats, saved_plan};
use crate::cli::args::Outputs;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::{Plan, PlanOptions, SavedPlan, judge};
use crate::render::{PlanDetail, StreamMessage};

/// The requested outputs of a plan.
#[derive(Clone, Copy)]
pub(in crate::cli) struct PlanOutput<'a> {
    pub(in crate::cli) outputs: Outputs<'a>,
    pub(in crate::cli) detail: PlanDetail,
    /// The file that the plan is saved to.
    pub(in crate::cli) out: Option<&'a Path>,
    pub(in crate::cli) settings: &'a Settings,
}

impl PlanOutput<'_> {
    /// Checks, before anything is read, that the plan can be written.
    pub(in crate::cli) fn check(&self, manifest: &Path, io: &mut Io) -> Result<(), CommandError> {
        let outputs = self.outputs;
        if !outputs.is_text() {
            io.reserve_out();
        }
        let files = outputs.files.iter().map(|output| &*output.path);
        output_files::check(files.chain(self.out), manifest)?;
        if outputs.is_for_github() {
            output_files::check_summary(self.settings)?;
        }
        match self.out {
            Some(path) => saved_plan::check_target(path),
            None => Ok(()),
        }
    }

    /// Writes a plan in every requested format, and saves it. `is_reported` becomes true when it is
    /// written. A plan that cannot be applied is an error.
    pub(in crate::cli) fn write(
        self,
        session: &Session,
        plan: Plan,
        options: PlanOptions,
        is_reported: &mut bool,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        let limits = &session.manifest().environment.limits;
        let refusals = judge(&plan, limits, &options.allow);
        let blocked =
            (!refusals.is_empty()).then(|| plan::blocked(Some(session), &refusals, &plan));
        let (outputs, settings) = (self.outputs, self.settings);
        plan_formats::write_plan(&plan, &refusals, outputs, self.detail, settings, io)?;
        *is_reported = true;
        if let Some(path) = self.out {
            let id = uuid::Uuid::new_v4().to_string();
            let saved = SavedPlan::new(plan, refusals.clone(), options, id, clock::now_ms());
            saved_plan::write(path, |file| saved.write(file))?;
            let next = match saved_plan::command_of(&session.context, &saved, path) {
                Some(command) => format!("Next: {command}"),
                None => "It cannot be applied.".to_owned(),
            };
            let message = format!("The plan is saved in `{}`. {next}", path.display());
            writeln!(io.text(), "{message}")?;
            io.send(|| StreamMessage::log(message));
        } else {
            plan::drop_in_background(plan);
        }
        let Some(blocked) = blocked else {
            return Ok(());
        };
        io.out.flush()?;
        io.refusals(&refusals, |refusal| packages::problem_of(session, refusal))?;
        Err(blocked)
    }

    /// Writes an error in the formats that have errors, unless a plan was written.
    pub(in crate::cli) fn write_error<T>(
        &self,
        result: &Result<T, CommandError>,
        is_reported: bool,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        match result {
            Err(error) if !is_reported => {
                plan_formats::write_errors(error, self.outputs, self.settings, io)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
