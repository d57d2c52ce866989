//! The output of a plan: one format on standard output, and any number of files.

use std::io::{self, Write as _};

use super::output_files;
use crate::cli::args::{FormatArgs, Output, PlanFormat};
use crate::cli::error::{CommandError, diagnostics_of};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::{Plan, Refusal};
use crate::render::{
    MarkdownOptions, PlanDetail, StreamMessage, Styles, gitlab_document, plan_document,
    render_github_errors, render_github_plan, render_json, render_markdown, render_plan,
    render_plan_in,
};

/// Writes a plan in every requested format. Files always contain the whole plan.
pub(in crate::cli) fn write_plan(
    plan: &Plan,
    refusals: &[Refusal],
    args: &FormatArgs,
    detail: PlanDetail,
    settings: &Settings,
    io: &mut Io,
) -> Result<(), CommandError> {
    let max_bytes = args.size.max_bytes;
    if io.stream.is_some() {
        stream_plan(plan, refusals.is_empty(), io);
    } else if args.is_text() {
        print_plan(plan, detail, io)?;
    } else {
        let text = rendered(plan, refusals, args.format(), max_bytes, settings)?;
        if args.format() == PlanFormat::Github {
            io.commands(&text)?;
        } else {
            io.document().write_all(&text)?;
        }
    }
    for Output { format, path } in &args.output {
        let text = rendered(plan, refusals, *format, max_bytes, settings)?;
        output_files::write_file(path, &text, *format == PlanFormat::Github, io)?;
    }
    if args.is_for_github() {
        output_files::add_to_summary(settings, io, |room| {
            rendered(plan, refusals, PlanFormat::Markdown, room, settings)
        })?;
    }
    Ok(())
}

/// Prints a plan for people.
pub(in crate::cli) fn print_plan(plan: &Plan, detail: PlanDetail, io: &mut Io) -> io::Result<()> {
    let (out, styles) = io.text();
    render_plan_in(detail, plan, &styles, out)
}

/// Sends a plan to the event stream.
pub(in crate::cli) fn stream_plan(plan: &Plan, is_applyable: bool, io: &Io) {
    if let Some(stream) = &io.stream {
        for message in StreamMessage::plan(plan, is_applyable) {
            stream.send(message);
        }
    }
}

/// Writes the error as an annotation, if annotations were requested.
pub(in crate::cli) fn write_errors(
    error: &CommandError,
    args: &FormatArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<(), CommandError> {
    if !args.is_for_github() {
        return Ok(());
    }
    let mut text = Vec::new();
    let folder = output_files::folder_in_repository(settings);
    render_github_errors(&diagnostics_of(error, &io.invocation), &folder, &mut text)?;
    if args.format() == PlanFormat::Github {
        io.commands(&text)?;
    }
    for output in &args.output {
        if output.format == PlanFormat::Github {
            output_files::write_file(&output.path, &text, true, io)?;
        }
    }
    Ok(())
}

fn rendered(
    plan: &Plan,
    refusals: &[Refusal],
    format: PlanFormat,
    max_bytes: usize,
    settings: &Settings,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let texts = || -> Vec<String> { refusals.iter().map(ToString::to_string).collect() };
    match format {
        PlanFormat::Text => render_plan(plan, &Styles::default(), &mut out),
        PlanFormat::Json => render_json(&plan_document(plan, &texts()), &mut out),
        PlanFormat::Markdown => {
            render_markdown(plan, &texts(), MarkdownOptions { max_bytes }, &mut out)
        }
        PlanFormat::Gitlab => render_json(&gitlab_document(plan), &mut out),
        PlanFormat::Github => {
            let folder = output_files::folder_in_repository(settings);
            render_github_plan(plan, refusals, &folder, &mut out)
        }
    }?;
    Ok(out)
}
