//! `list`: lists live versions.

use std::collections::BTreeSet;

use clap::Args;

use crate::api::{ListRequest, Needed};
use crate::attribute::LiveVisibilityWord;
use crate::cli::args::{ManifestArgs, SeveralArgs, Word, word_parser};
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{ExitStatus, Result, status_of_all};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::{apply_session, several, several_errors};
use crate::ident::{Identity, Owner, SolutionName};
use crate::live::{Coverage, LiveVersion, RecordTexts};
use crate::render::{
    ListResult, list_matrix_document, orphaned_sentence, render_json, render_list_matrix,
    render_solutions, solutions_document, words,
};

/// List live versions
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform list -e prod\n  \
    solform list -e prod --owner IB_DEPLOYED --state ACTIVE --json\n  \
    solform list --all-environments --name 'Form W-2'")]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    several: SeveralArgs,
    /// List only versions in this state
    #[arg(long, value_name = "STATE", value_parser = word_parser(&STATES), ignore_case = true)]
    state: Option<&'static str>,
    /// List only versions with exactly this name
    #[arg(long, value_name = "NAME", value_parser = SolutionName::parse)]
    name: Option<SolutionName>,
    /// List only versions that this user published
    #[arg(long, value_name = "USER")]
    author: Option<String>,
    /// List only versions of this owner: a username, or IB_DEPLOYED
    #[arg(long, value_name = "OWNER", value_parser = Owner::parse)]
    owner: Option<Owner>,
    /// List only versions with this visibility
    #[arg(long, value_name = "VISIBILITY", ignore_case = true)]
    #[arg(value_parser = word_parser(&VISIBILITIES))]
    visibility: Option<&'static str>,
    /// Maximum number of results (solutions, if several environments are listed); the whole list is
    /// read anyway, to check that it is complete
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Number of results to skip
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// The states that filter a list.
const STATES: [Word; 3] = [
    ("ACTIVE", "In service"),
    ("INACTIVE", "Out of service"),
    (
        "PRODUCTION",
        "In service; an undocumented word of some servers",
    ),
];

/// The visibilities that filter a list.
const VISIBILITIES: [Word; 3] = [
    ("PUBLIC", "Visible to every user of the instance"),
    ("PRIVATE", "Visible to the owner"),
    ("PENDING_REVIEW", "Waiting for approval"),
];

pub(super) async fn run(args: &ListArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let offset = usize::try_from(args.offset).unwrap_or(usize::MAX);
    let limit = args.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    if args.several.are_several(&args.manifest) {
        return list_several(args, (offset, limit), settings, io).await;
    }
    let session = session::open(&args.manifest, settings, io).await?;
    let listed = read(args, (offset, limit), &session, io).await?;
    let ListResult {
        live: shown,
        addresses,
        history,
    } = &listed;
    if args.json {
        let environment = &session.manifest().environment.name;
        let document = solutions_document(environment, shown, addresses, history);
        render_json(&document, io.document())?;
    } else {
        render_solutions(shown, &mut io.out)?;
    }
    warn(&listed, &session, io)?;
    Ok(ExitStatus::Success)
}

/// Lists several environments, and shows them as one matrix. `offset` and `limit` count solutions.
async fn list_several(
    args: &ListArgs,
    (offset, limit): (usize, usize),
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    let opened = several::open(&args.manifest, settings, io).await?;
    let listed = several::read(opened, "cannot be listed", io, async |session, io| {
        let listed = read(args, (0, usize::MAX), session, io).await?;
        warn(&listed, session, io)?;
        Ok(listed)
    })
    .await?;
    let (lists, sessions): (Vec<_>, Vec<_>) = listed
        .into_iter()
        .map(|environment| environment.into_parts(io, |_, listed| listed))
        .unzip();
    if args.json {
        let document = list_matrix_document(&lists, (offset, limit));
        render_json(&document, io.document())?;
    } else {
        render_list_matrix(&lists, (offset, limit), &mut io.text())?;
    }
    several_errors::report(&lists, &sessions, io)?;
    let errors = sessions.iter().filter_map(|session| session.as_ref().err());
    let statuses: Vec<_> = errors.map(|error| error.kind.exit_status()).collect();
    Ok(status_of_all(&statuses))
}

/// Reads the versions that pass the filters.
async fn read(
    args: &ListArgs,
    (offset, limit): (usize, usize),
    session: &Session,
    io: &mut Io,
) -> Result<ListResult> {
    let request = ListRequest {
        names: args.name.clone().map(|name| BTreeSet::from([name])),
        needs: Box::new(|_| Needed::Visibility),
        ..ListRequest::default()
    };
    let live = session.read(session.reader().collect(&request)).await?;
    let history = apply_session::read_history(session, None, io).await?;
    let addresses = live.long_addresses();
    let shown = live.select(
        |version| passes(args, &Texts::of(version)),
        |record| passes(args, &Texts::of_unmanageable(&record.texts)),
        offset,
        limit,
    );
    Ok(ListResult {
        live: shown,
        addresses,
        history,
    })
}

/// Warns about orphaned records, and about an incomplete list.
fn warn(listed: &ListResult, session: &Session, io: &mut Io) -> Result<()> {
    let ListResult { live, history, .. } = listed;
    let abandon = session.context.command("abandon").to_string();
    for version in live.versions() {
        let Some(record) = history.orphaned.get(&version.id) else {
            continue;
        };
        let other_owner = session.manifest().other_owner(&record.identity.owner);
        let record = record.seen_as(&version.identity, other_owner.as_ref());
        let address_of = |identity: &Identity| words::address(&identity.address());
        let warning = format!(
            "orphaned: {}",
            words::escaped(&orphaned_sentence(&record, &abandon, address_of))
        );
        io.warn(&warning, Vec::new())?;
    }
    if let Coverage::Unproven(why) = live.coverage() {
        io.warn_incomplete(&why.to_string())?;
    }
    Ok(())
}

/// The values that filters compare.
struct Texts<'a> {
    name: &'a str,
    owner: &'a str,
    author: Option<&'a str>,
    state: Option<&'a str>,
    visibility: Option<&'a str>,
}

impl<'a> Texts<'a> {
    fn of(version: &'a LiveVersion) -> Self {
        Self {
            name: version.identity.name.as_str(),
            owner: version.identity.owner.as_str(),
            author: version.author.as_deref(),
            state: Some(version.state.as_str()),
            visibility: version.visibility.as_ref().map(LiveVisibilityWord::as_str),
        }
    }

    fn of_unmanageable(texts: &'a RecordTexts) -> Self {
        Self {
            name: &texts.name,
            owner: &texts.owner,
            author: texts.author.as_deref(),
            state: texts.state.as_deref(),
            visibility: texts.visibility.as_deref(),
        }
    }
}

/// Returns true if a record passes every filter. The rules of the server's filters are not known
/// (`docs/platform.md`), so only solform's own count.
fn passes(args: &ListArgs, texts: &Texts<'_>) -> bool {
    let ListArgs {
        manifest: _,
        several: _,
        state,
        name,
        author,
        owner,
        visibility,
        limit: _,
        offset: _,
        json: _,
    } = args;
    state.is_none_or(|state| texts.state == Some(state))
        && name.as_ref().is_none_or(|name| texts.name == name.as_str())
        && owner
            .as_ref()
            .is_none_or(|owner| texts.owner == owner.as_str())
        && author
            .as_deref()
            .is_none_or(|author| texts.author == Some(author))
        && visibility.is_none_or(|visibility| texts.visibility == Some(visibility))
}
