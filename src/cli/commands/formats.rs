//! A plan in the formats that were asked for: one on standard output, and any number in files.

use std::io::{self, Write};

use crate::cli::args::{FormatArgs, PlanFormat, PlanOutput};
use crate::cli::error::CommandError;
use crate::cli::files::write_whole;
use crate::cli::io::Io;
use crate::plan::{Plan, Refusal};
use crate::render::{
    MarkdownOptions, Styles, gitlab_document, plan_document, render_concise_plan, render_json,
    render_markdown, render_plan,
};

/// Writes a plan in every format that was asked for. Files hold all of it, whatever is printed.
pub(super) fn write_plan(
    plan: &Plan,
    refusals: &[Refusal],
    args: &FormatArgs,
    is_concise: bool,
    io: &mut Io,
) -> Result<(), CommandError> {
    let styles = io.out_styles;
    if is_concise && args.is_text() {
        render_concise_plan(plan, &styles, &mut io.out)?;
    } else {
        render(plan, refusals, args.format(), args, &styles, &mut io.out)?;
    }
    for PlanOutput { format, path } in &args.output {
        let mut text = Vec::new();
        render(plan, refusals, *format, args, &Styles::default(), &mut text)?;
        let text = io
            .secrets
            .redact(&String::from_utf8_lossy(&text))
            .into_owned();
        write_whole(path, text.as_bytes())
            .map_err(|error| CommandError::io("write", path, error))?;
    }
    Ok(())
}

fn render(
    plan: &Plan,
    refusals: &[Refusal],
    format: PlanFormat,
    args: &FormatArgs,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        PlanFormat::Text => render_plan(plan, styles, out),
        PlanFormat::Json => {
            let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            render_json(&plan_document(plan, &refusals), out)
        }
        PlanFormat::Markdown => {
            let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            let options = MarkdownOptions {
                max_bytes: args.max_bytes,
            };
            render_markdown(plan, &refusals, options, out)
        }
        PlanFormat::Gitlab => render_json(&gitlab_document(plan), out),
    }
}
