//! `revoke`: records that the verification record of a version does not count any more. Sends
//! nothing to the platform.

use std::io::Write as _;

use clap::Args;

use super::decision::DecisionArgs;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::cli::workflow::approval::Approved;
use crate::cli::workflow::cancellation::Cancellation;
use crate::ident::Address;
use crate::plan::Verified;
use crate::render::{Revocation, RevocationDocument, render_json, render_revocation};
use crate::store::{Entry, PastApply, PastStep, Store};

/// Revoke the verification record of a version
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform revoke -e uat 'Form W-2@0.0.2'\n  \
    solform revoke -e uat 'Form W-2@0.0.2' --auto-approve --json")]
pub(in crate::cli) struct RevokeArgs {
    /// Version whose newest verification record does not count any more
    #[arg(value_name = "ADDR", value_parser = Address::parse)]
    address: Address,
    #[command(flatten)]
    decision: DecisionArgs,
}

pub(super) async fn run(args: &RevokeArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let decide =
        async |session: &Session, store: &dyn Store, cancel: &Cancellation, io: &mut Io| {
            revoke(args, session, store, cancel, io).await
        };
    let decision = &args.decision;
    decision
        .with_lock(Approved::Revocation, settings, io, decide)
        .await
}

async fn revoke(
    args: &RevokeArgs,
    session: &Session,
    store: &dyn Store,
    cancel: &Cancellation,
    io: &mut Io,
) -> Result<ExitStatus> {
    let applies = cancel
        .or_interrupted(apply_session::applies_of(store))
        .await?;
    let Some((apply, step, verified)) = newest(&applies, &args.address) else {
        let message = format!("no verification record of `{}` counts", args.address);
        let hint = "Run `solform history` to see the applies that verified versions.";
        return Err(CommandError::failed(message).hint(hint));
    };
    let revocation = Revocation {
        environment: &session.manifest().environment.name,
        apply: &apply.id,
        address: step.address(),
        verified,
    };
    if !args.decision.json {
        render_revocation(&revocation, &mut io.out)?;
        io.out.flush()?;
    }
    let question = format!(
        "Do you really want to revoke the verification record of {}?",
        step.address()
    );
    let decision = &args.decision;
    decision
        .ask(Approved::Revocation, &question, cancel, io)
        .await?;
    let revoke = Entry::Revoke {
        change: step.change.clone(),
        who: session.context.settings.who.clone(),
    };
    apply_session::add_entry(store, apply, revoke).await?;
    if args.decision.json {
        render_json(&RevocationDocument::of(&revocation), io.document())?;
    } else {
        let next = session.context.command("plan");
        writeln!(io.out, "Revoked. Next: {next}")?;
    }
    Ok(ExitStatus::Success)
}

/// Returns the newest verification record of a version, unless it is revoked already.
fn newest<'a>(
    applies: &'a [PastApply],
    address: &Address,
) -> Option<(&'a PastApply, &'a PastStep, &'a Verified)> {
    let steps = applies.iter().rev().flat_map(|apply| {
        let steps = apply.steps.iter().rev();
        steps.map(move |step| (apply, step))
    });
    let mut of_version = steps.filter_map(|(apply, step)| {
        let is_meant = step.address() == address
            || step
                .identity()
                .is_some_and(|identity| address.means(identity));
        let verified = step.verified.as_ref().filter(|_| is_meant)?;
        Some((apply, step, verified))
    });
    of_version
        .next()
        .filter(|(_, step, _)| step.revoked_by.is_none())
}
