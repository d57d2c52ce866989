//! `list`: lists live versions.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};

use crate::api::{ListRequest, VisibilityOf};
use crate::attribute::{LiveVisibilityWord, Visibility};
use crate::cli::args::ManifestArgs;
use crate::cli::environment::session;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::ident::{IdentError, Identity, Owner, SolutionName};
use crate::live::{Coverage, LiveVersion, RecordTexts};
use crate::render::{orphaned_sentence, render_json, render_solutions, solutions_document, words};

/// List live versions
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform list -e prod\n  \
    solform list -e prod --owner IB_DEPLOYED --state ACTIVE --json")]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// List only versions in this state
    #[arg(long, value_name = "STATE", value_enum, ignore_case = true)]
    state: Option<StateWord>,
    /// List only versions with exactly this name
    #[arg(long, value_name = "NAME", value_parser = SolutionName::parse)]
    name: Option<SolutionName>,
    /// List only versions that this user published
    #[arg(long, value_name = "USER")]
    author: Option<String>,
    /// List only versions of this owner: a username, or IB_DEPLOYED
    #[arg(long, value_name = "OWNER", value_parser = parse_owner)]
    owner: Option<Owner>,
    /// List only versions with this visibility
    #[arg(long, value_name = "VISIBILITY", value_enum, ignore_case = true)]
    visibility: Option<VisibilityWord>,
    /// Maximum number of results; the whole list is read anyway, to check that it is complete
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum StateWord {
    /// In service.
    Active,
    /// Out of service.
    Inactive,
    /// In service; an undocumented word of some servers.
    Production,
}

impl StateWord {
    /// The platform's word.
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Production => "PRODUCTION",
        }
    }
}

/// The visibilities that filter a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum VisibilityWord {
    /// Visible to every user of the instance.
    Public,
    /// Visible to the owner.
    Private,
    /// Waiting for approval.
    PendingReview,
}

impl From<VisibilityWord> for Visibility {
    fn from(word: VisibilityWord) -> Self {
        match word {
            VisibilityWord::Public => Self::Public,
            VisibilityWord::Private => Self::Private,
            VisibilityWord::PendingReview => Self::PendingReview,
        }
    }
}

fn parse_owner(text: &str) -> Result<Owner, IdentError> {
    Owner::parse(text)
}

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
    let live = session.read(session.reader().collect(&request)).await?;
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
    let abandon = session.context.command("abandon").to_string();
    for version in shown.versions() {
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
