//! `list`: lists live versions.

use std::collections::BTreeSet;

use crate::api::{ListRequest, VisibilityOf};
use crate::attribute::{LiveVisibilityWord, Visibility};
use crate::cli::args::ListArgs;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::session;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::ident::Identity;
use crate::live::{Coverage, LiveVersion, RecordTexts};
use crate::render::{render_json, render_solutions, solutions_document, words};

pub(super) async fn run(
    args: &ListArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let session = session::open(&args.manifest, settings, io).await?;
    let request = ListRequest {
        names: args.name.clone().map(|name| BTreeSet::from([name])),
        declared: None,
        visibility_of: VisibilityOf::All,
    };
    let live = session
        .reader()
        .collect(&request)
        .await
        .map_err(|error| session.read_error(error))?;
    let history = apply_session::read_history(&session, None, io).await?;
    let offset = usize::try_from(args.offset).unwrap_or(usize::MAX);
    let limit = args.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let shown = live.select(
        |version| passes(args, &Texts::of(version)),
        |record| passes(args, &Texts::of_unmanageable(&record.texts)),
        offset,
        limit,
    );
    if args.json {
        let environment = &session.manifest().environment.name;
        let addresses = live.long_addresses();
        let document = solutions_document(environment, &shown, &addresses, &history);
        render_json(&document, io.document())?;
    } else {
        render_solutions(&shown, &mut io.out)?;
    }
    for version in shown.versions() {
        let Some(record) = history.orphaned.get(&version.id) else {
            continue;
        };
        let other_owner = session.manifest().other_owner(&record.identity.owner);
        let record = record.seen_as(&version.identity, other_owner.as_ref());
        let address_of = |identity: &Identity| words::address(&identity.address());
        let warning = format!("orphaned: {}", words::orphaned(&record, address_of));
        io.warn(&warning, Vec::new())?;
    }
    if let Coverage::Unproven(why) = live.coverage() {
        io.warn_incomplete(&why.to_string())?;
    }
    Ok(ExitStatus::Success)
}

/// The values that filters compare.
struct Texts<'a> {
    name: &'a str,
    owner: &'a str,
    author: Option<&'a str>,
    state: Option<&'a str>,
    visibility: Option<LiveVisibilityWord>,
}

impl<'a> Texts<'a> {
    fn of(version: &'a LiveVersion) -> Self {
        Self {
            name: version.identity.name.as_str(),
            owner: version.identity.owner.as_str(),
            author: version.author.as_deref(),
            state: Some(version.state.as_str()),
            visibility: version.visibility.clone(),
        }
    }

    fn of_unmanageable(texts: &'a RecordTexts) -> Self {
        Self {
            name: &texts.name,
            owner: &texts.owner,
            author: texts.author.as_deref(),
            state: texts.state.as_deref(),
            visibility: texts.visibility.as_deref().map(LiveVisibilityWord::new),
        }
    }
}

/// Returns true if a record passes every filter. The rules of the server's filters are not known
/// (`docs/platform.md`), so only solform's own count.
fn passes(args: &ListArgs, texts: &Texts<'_>) -> bool {
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
    state.is_none_or(|state| texts.state == Some(state.as_str()))
        && name.as_ref().is_none_or(|name| texts.name == name.as_str())
        && owner
            .as_ref()
            .is_none_or(|owner| texts.owner == owner.as_str())
        && author
            .as_deref()
            .is_none_or(|author| texts.author == Some(author))
        && visibility.is_none_or(|wanted| {
            let wanted = Visibility::from(wanted);
            let found = texts.visibility.as_ref();
            found.is_some_and(|found| found.satisfies(wanted))
        })
}
