//! `get`: one live version.

use std::io::Write as _;

use super::keeping;
use crate::cli::args::GetArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::session::{self, Session};
use crate::cli::settings::Settings;
use crate::ident::{Address, SolutionId, SolutionName};
use crate::live::{Coverage, LiveState, LiveVersion};
use crate::render::{render_json, render_solution, solutions_document};

pub(super) async fn run(
    args: &GetArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let session = session::open(&args.manifest, settings, io).await?;
    let found = find(&session, &args.solution).await?;
    if found.is_empty() {
        return Err(CommandError::NotLive {
            text: args.solution.clone(),
        });
    }
    let history = keeping::read_history(&session, None, io).await?;
    if args.json {
        let names = found.iter().map(|live| live.identity.name.clone());
        let coverage = Coverage::Names(names.collect());
        let environment = &session.manifest().environment.name;
        let document = solutions_document(environment, &LiveState::new(found, coverage), &history);
        render_json(&document, &mut io.out)?;
        return Ok(ExitStatus::Success);
    }
    for (index, live) in found.iter().enumerate() {
        if index > 0 {
            writeln!(io.out)?;
        }
        render_solution(live, history.orphaned.get(&live.id), &mut io.out)?;
    }
    Ok(ExitStatus::Success)
}

/// The id of the one record that a text means.
pub(super) async fn the_one(session: &Session, text: &str) -> Result<SolutionId, CommandError> {
    if Address::parse(text).is_err()
        && let Ok(id) = SolutionId::parse(text)
    {
        // Whether there is such a solution is for the call to say.
        return Ok(id);
    }
    let found = find(session, text).await?;
    match &found[..] {
        [] => Err(CommandError::NotLive {
            text: text.to_owned(),
        }),
        [one] => Ok(one.id.clone()),
        several => Err(CommandError::SeveralLive {
            text: text.to_owned(),
            found: several
                .iter()
                .map(|live| (live.identity.full_address(), live.id.clone()))
                .collect(),
        }),
    }
}

/// Everything that the text can mean: an address has an `@`, anything else is an id.
async fn find(session: &Session, text: &str) -> Result<Vec<LiveVersion>, CommandError> {
    let reader = session.reader();
    let not_live = || CommandError::NotLive {
        text: text.to_owned(),
    };
    let Ok(address) = Address::parse(text) else {
        let id = SolutionId::parse(text).map_err(|_| not_live())?;
        return Ok(reader
            .get(&id)
            .await
            .map_err(|error| session.read_error(error))?
            .into_iter()
            .collect());
    };
    let (before, _) = text.rsplit_once('@').unwrap_or((text, ""));
    let mut found = Vec::new();
    // `owner:Name` and a name with a colon look alike, so that both are looked for.
    let names = [Some(before), before.split_once(':').map(|(_, name)| name)];
    for name in names.into_iter().flatten() {
        let Ok(name) = SolutionName::parse(name) else {
            continue;
        };
        let records = reader
            .named(&name)
            .await
            .map_err(|error| session.read_error(error))?;
        found.extend(
            records
                .into_iter()
                .filter(|live| address.means(&live.identity)),
        );
    }
    for live in &mut found {
        if live.visibility.is_none() {
            live.visibility = reader
                .visibility_of(live)
                .await
                .map_err(|error| session.read_error(error))?;
        }
    }
    Ok(found)
}
