//! The output of a plan: one format on standard output, and any number of files.

use std::io;

use super::output_files::OutputWriter;
use crate::cli::args::Outputs;
use crate::cli::error::{CommandError, diagnostics_of};
use crate::cli::io::{Io, Stream};
use crate::cli::settings::Settings;
use crate::plan::{Plan, Refusal};
use crate::render::{
    Content, EnvironmentResult, PlanDetail, PlanResult, StreamMessage, Subject, render_plan_in,
};

/// Writes a plan in every requested format. Files always contain the whole plan.
pub(in crate::cli) fn write_plan(
    plan: &Plan,
    refusals: &[Refusal],
    outputs: Outputs<'_>,
    detail: PlanDetail,
    settings: &Settings,
    io: &mut Io,
) -> Result<(), CommandError> {
    let writer = OutputWriter {
        content: Content::Plan(plan, refusals),
        outputs,
        settings,
    };
    if io.stream.is_none() {
        return writer.write(detail, io);
    }
    stream_plan(plan, refusals.is_empty(), io);
    writer.write_files(io)?;
    writer.add_to_summary(io)
}

/// Writes the plans of several environments in every requested format.
pub(in crate::cli) fn write_plans(
    plans: &[EnvironmentResult<PlanResult>],
    outputs: Outputs<'_>,
    detail: PlanDetail,
    settings: &Settings,
    io: &mut Io,
) -> Result<(), CommandError> {
    let writer = OutputWriter {
        content: Content::Plans(plans),
        outputs,
        settings,
    };
    let Some(stream) = &io.stream else {
        return writer.write(detail, io);
    };
    stream_plans(plans, stream);
    writer.write_files(io)?;
    writer.add_to_summary(io)
}

/// Sends the plans of several environments to the event stream.
pub(super) fn stream_plans(plans: &[EnvironmentResult<PlanResult>], stream: &Stream) {
    for environment in plans {
        if let Some(PlanResult { plan, refusals, .. }) = environment.value() {
            for message in StreamMessage::plan(plan, refusals.is_empty()) {
                stream.send(message.in_environment(&environment.name));
            }
        }
    }
}

/// Prints a plan for people.
pub(in crate::cli) fn print_plan(plan: &Plan, detail: PlanDetail, io: &mut Io) -> io::Result<()> {
    let abandon = io.invocation.command("abandon").to_string();
    render_plan_in(detail, plan, &abandon, &mut io.text())
}

/// Sends a plan to the event stream.
pub(in crate::cli) fn stream_plan(plan: &Plan, is_applyable: bool, io: &Io) {
    if let Some(stream) = &io.stream {
        for message in StreamMessage::plan(plan, is_applyable) {
            stream.send(message);
        }
    }
}

/// Writes the error in the requested formats that have errors.
pub(in crate::cli) fn write_errors(
    error: &CommandError,
    outputs: Outputs<'_>,
    settings: &Settings,
    io: &mut Io,
) -> Result<(), CommandError> {
    let writer = OutputWriter {
        content: Content::Errors(&diagnostics_of(error, &io.invocation)),
        outputs,
        settings,
    };
    if outputs.format.subjects.contains(&Subject::Errors) {
        writer.print(PlanDetail::Verbose, io)?;
    }
    writer.write_files(io)
}
