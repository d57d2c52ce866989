//! `explain`: prints the text about a code, offline.

use std::io::Write as _;

use clap::Args;

use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::expression::reference;
use crate::plan::did_you_mean;
use crate::render::{
    Explanation, ExplanationsDocument, POLICIES, near_codes, render_codes, render_explanations,
    render_json,
};

/// Explain a code of a problem, a block, a note or a finding
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform explain bad-url\n  solform explain policies")]
pub(in crate::cli) struct ExplainArgs {
    /// Code to explain, or `policies` for what the expression of a policy can use; without it, all
    /// codes are listed
    code: Option<String>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ExplainArgs, io: &mut Io) -> Result<ExitStatus> {
    if args.code.as_deref() == Some(POLICIES) {
        if args.json {
            let message = format!("`explain {POLICIES}` is only text");
            return Err(CommandError::failed(message).hint("Leave --json out."));
        }
        io.text().write_all(reference().as_bytes())?;
        return Ok(ExitStatus::Success);
    }
    let explanations = match &args.code {
        Some(code) => of_code(code)?,
        None => Explanation::all(),
    };
    if args.json {
        let document = ExplanationsDocument::of(&explanations);
        render_json(&document, io.document())?;
    } else if args.code.is_some() {
        render_explanations(&explanations, &mut io.text())?;
    } else {
        render_codes(&mut io.text())?;
    }
    Ok(ExitStatus::Success)
}

fn of_code(code: &str) -> Result<Vec<Explanation>> {
    let found = Explanation::of_code(code);
    if !found.is_empty() {
        return Ok(found);
    }
    let near = near_codes(code);
    let hint = if near.is_empty() {
        "Run `solform explain` to list all codes.".to_owned()
    } else {
        did_you_mean(&near)
    };
    Err(CommandError::failed(format!("unknown code `{code}`")).hint(hint))
}
