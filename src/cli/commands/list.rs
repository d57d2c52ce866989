//! `list`: what is live.

use std::collections::BTreeSet;

use super::keeping;
use crate::api::{VisibilityOf, Wish};
use crate::attribute::Visibility;
use crate::cli::args::ListArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::session;
use crate::cli::settings::Settings;
use crate::live::{Coverage, LiveVersion};
use crate::render::{render_json, render_solutions, solutions_document, words};

pub(super) async fn run(
    args: &ListArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let session = session::open(&args.manifest, settings, io).await?;
    let wish = Wish {
        names: args.name.clone().map(|name| BTreeSet::from([name])),
        declared: None,
        visibility_of: VisibilityOf::All,
    };
    let live = session
        .reader()
        .collect(&wish)
        .await
        .map_err(|error| session.read_error(error))?;
    let history = keeping::read_history(&session, None, io).await?;
    let offset = usize::try_from(args.offset).unwrap_or(usize::MAX);
    let limit = args.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let shown = live.select(|version| passes(args, version), offset, limit);
    if args.json {
        let environment = &session.manifest().environment.name;
        render_json(
            &solutions_document(environment, &shown, &history),
            &mut io.out,
        )?;
    } else {
        render_solutions(&shown, &mut io.out)?;
    }
    for record in shown
        .versions()
        .iter()
        .filter_map(|version| history.orphaned.get(&version.id))
    {
        let address = words::address(&record.identity.address());
        let warning = format!("orphaned: {}", words::orphaned(record, &address));
        io.warn(&warning, Vec::new())?;
    }
    if let Coverage::Unproven(why) = live.coverage() {
        io.warn_incomplete(&why.to_string())?;
    }
    Ok(ExitStatus::Success)
}

/// Whether a version fits every filter. The server's own filters match by rules that are not known
/// (api-facts 8.25, U13), so that only this side's count.
fn passes(args: &ListArgs, version: &LiveVersion) -> bool {
    let ListArgs {
        manifest: _,
        state,
        name,
        author,
        owner,
        visibility,
        limit: _,
        offset: _,
        json: _,
    } = args;
    let identity = &version.identity;
    state.is_none_or(|state| version.state.as_str() == state.as_str())
        && name.as_ref().is_none_or(|name| identity.name == *name)
        && owner.as_ref().is_none_or(|owner| identity.owner == *owner)
        && author
            .as_deref()
            .is_none_or(|author| version.author.as_deref() == Some(author))
        && visibility.is_none_or(|wanted| {
            let wanted = Visibility::from(wanted);
            let told = version.visibility.as_ref();
            told.is_some_and(|told| told.satisfies(wanted))
        })
}
