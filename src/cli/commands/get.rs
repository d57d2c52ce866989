//! `get`: shows one live version.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use clap::Args;

use crate::api::ListRequest;
use crate::cli::args::ManifestArgs;
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::ident::{Address, SolutionId, SolutionName};
use crate::live::{Coverage, LiveState, LiveVersion};
use crate::plan::{did_you_mean, near_addresses};
use crate::render::{render_json, render_solution, solutions_document};

/// Show one live version, by address or id
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform get -e prod 'Form W-2@0.0.2'")]
pub(in crate::cli) struct GetArgs {
    /// `Name@version`, `owner:Name@version`, or a solution id
    #[arg(value_name = "ADDR|ID")]
    solution: String,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &GetArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let session = session::open(&args.manifest, settings, io).await?;
    let (versions, long_addresses) = find(&session, &args.solution).await?;
    if versions.is_empty() {
        return Err(not_live(&session, &args.solution).await);
    }
    let history = apply_session::read_history(&session, None, io).await?;
    if args.json {
        let names = versions.iter().map(|live| live.identity.name.clone());
        let coverage = Coverage::Names(names.collect());
        let environment = &session.manifest().environment.name;
        let live = LiveState::new(versions, coverage);
        let document = solutions_document(environment, &live, &long_addresses, &history);
        render_json(&document, io.document())?;
        return Ok(ExitStatus::Success);
    }
    for (index, live) in versions.iter().enumerate() {
        if index > 0 {
            writeln!(io.out)?;
        }
        let address = long_addresses.get(&live.id);
        let orphaned = history.orphaned.get(&live.id);
        render_solution(live, address, orphaned, &mut io.out)?;
    }
    Ok(ExitStatus::Success)
}

/// Returns the error for a text that matches no live version, with similar addresses.
async fn not_live(session: &Session, text: &str) -> CommandError {
    let declared = session.manifest().desired.iter();
    // A name without a version: all its versions are suggested.
    let as_address = if Address::parse(text).is_ok() {
        text.to_owned()
    } else {
        format!("{text}@")
    };
    // Ids have no similar ids, and listing a big instance takes time.
    let near = if uuid::Uuid::try_parse(text).is_ok() {
        Vec::new()
    } else {
        // Without a listing, there are fewer suggestions, but the error is the same.
        match session.reader().collect(&ListRequest::default()).await {
            Ok(live) => {
                let versions = live.versions().iter();
                near_addresses(&as_address, versions.map(|version| &version.identity))
            }
            Err(_) => near_addresses(&as_address, declared.map(|entry| &entry.identity)),
        }
    };
    let hint = if near.is_empty() {
        "Run `solform list` to list the live versions.".to_owned()
    } else {
        did_you_mean(&near)
    };
    CommandError::failed(format!("no live version matches `{text}`")).hint(hint)
}

/// Returns the id of the only record that a text matches.
pub(super) async fn single_id(session: &Session, text: &str) -> Result<SolutionId> {
    if Address::parse(text).is_err()
        && let Ok(id) = SolutionId::parse(text)
    {
        // The request finds out if the solution exists.
        return Ok(id);
    }
    let (found, _) = find(session, text).await?;
    match &found[..] {
        [] => Err(not_live(session, text).await),
        [one] => Ok(one.id.clone()),
        several => {
            let records: Vec<String> = several
                .iter()
                .map(|live| {
                    let address = live.identity.full_address();
                    format!("`{address}` with the id `{}`", live.id)
                })
                .collect();
            let message = format!(
                "{} live records are `{text}`: {}",
                records.len(),
                records.join(", ")
            );
            Err(CommandError::failed(message)
                .hint("Put the owner in front, `owner:Name@version`, or give the id of one."))
        }
    }
}

/// The addresses of the versions whose short address is not unique.
type LongAddresses = BTreeMap<SolutionId, Address>;

/// Returns every possible meaning of the text: an address has an `@`, anything else is an id.
async fn find(session: &Session, text: &str) -> Result<(Vec<LiveVersion>, LongAddresses)> {
    let reader = session.reader();
    let Ok(address) = Address::parse(text) else {
        let found = match SolutionId::parse(text) {
            Ok(id) => session.read(reader.get(&id)).await?,
            Err(_) => None,
        };
        return Ok((found.into_iter().collect(), LongAddresses::new()));
    };
    let (before, _) = text.rsplit_once('@').unwrap_or((text, ""));
    let mut records = Vec::new();
    // `owner:Name` and a name with a colon look the same, so both are searched.
    let names = [Some(before), before.split_once(':').map(|(_, name)| name)];
    let parsed = names.into_iter().flatten().map(SolutionName::parse);
    for name in parsed.filter_map(Result::ok) {
        records.extend(session.read(reader.named(&name)).await?);
    }
    let all = LiveState::new(records, Coverage::Names(BTreeSet::new()));
    let long_addresses = all.long_addresses();
    let is_meant = |live: &LiveVersion| {
        address.means(&live.identity) || long_addresses.get(&live.id) == Some(&address)
    };
    let meant = all.versions().iter().filter(|live| is_meant(live));
    let mut versions: Vec<LiveVersion> = meant.cloned().collect();
    for live in &mut versions {
        if live.visibility.is_none() {
            live.visibility = session.read(reader.visibility_of(live)).await?;
        }
    }
    Ok((versions, long_addresses))
}
