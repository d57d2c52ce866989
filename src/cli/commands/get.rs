//! `get`: one live version.

use std::io::Write as _;

use crate::cli::args::GetArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::session::{self, Session};
use crate::cli::settings::Settings;
use crate::ident::{Address, SolutionId, SolutionName};
use crate::live::LiveVersion;
use crate::render::words;

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
    for (index, live) in found.iter().enumerate() {
        if index > 0 {
            writeln!(io.out)?;
        }
        write_version(live, &mut io.out)?;
    }
    Ok(ExitStatus::Success)
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

fn write_version(live: &LiveVersion, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let time = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let rows = [
        ("address", live.identity.address().to_string()),
        ("id", live.id.to_string()),
        ("name", live.identity.name.to_string()),
        ("version", live.identity.version.to_string()),
        ("owner", live.identity.owner.to_string()),
        ("author", live.author.as_deref().unwrap_or("-").to_owned()),
        ("state", live.state.to_string()),
        (
            "visibility",
            live.visibility
                .as_ref()
                .map_or_else(|| "-".to_owned(), ToString::to_string),
        ),
        ("created_at_ms", time(live.created_at_ms)),
        ("updated_at_ms", time(live.updated_at_ms)),
    ];
    for (key, value) in rows {
        writeln!(out, "{key:<14} {}", words::escaped(&value))?;
    }
    Ok(())
}
