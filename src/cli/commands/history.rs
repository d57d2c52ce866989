//! `history`: lists the applies in the store, and shows the outcomes of one apply.

use std::io::Write as _;

use crate::cli::args::{DocumentFormat, HistoryArgs, HistoryCommand};
use crate::cli::clock;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::session;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::render::{
    MarkdownOptions, history_document, render_history, render_json, render_past_run,
    render_past_run_markdown, run_history_document,
};

pub(super) async fn run(
    args: &HistoryArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let place = session::place(&args.manifest, settings, io)?;
    let store = place.store(args.store.as_deref(), &io.secrets)?;
    let mut runs = apply_session::runs_of(&*store).await?;
    for run in runs.iter_mut().filter(|run| run.complete.is_none()) {
        if let Some(lock) = &run.lock
            && store.is_locked_by(lock).await?
        {
            run.running_at_ms = Some(clock::now_ms());
        }
    }
    let environment = &place.loaded.manifest.environment.name;
    match &args.command {
        None if args.json => render_json(&history_document(environment, &runs), io.document())?,
        None if runs.is_empty() => writeln!(io.out, "No runs.")?,
        None => render_history(&runs, &mut io.out)?,
        Some(HistoryCommand::Show { run, format, size }) => {
            let past = apply_session::find_run(&runs, run)?;
            let format = if args.json {
                DocumentFormat::Json
            } else {
                format.unwrap_or_default()
            };
            let options = MarkdownOptions {
                max_bytes: size.max_bytes,
            };
            match format {
                DocumentFormat::Text => render_past_run(past, &mut io.out)?,
                DocumentFormat::Json => {
                    render_json(&run_history_document(environment, past), io.document())?;
                }
                DocumentFormat::Markdown => render_past_run_markdown(past, options, io.document())?,
            }
        }
    }
    Ok(ExitStatus::Success)
}
