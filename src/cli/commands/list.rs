//! `list`: what is live.

use std::io::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use crate::api::Wish;
use crate::cli::args::ManifestArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::session;
use crate::cli::settings::Settings;
use crate::live::Coverage;
use crate::render::words;

pub(super) async fn run(
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let session = session::open(args, settings, io).await?;
    let live = session
        .reader()
        .collect(&Wish::default())
        .await
        .map_err(|error| session.read_error(error))?;
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["NAME", "VERSION", "OWNER", "STATE", "VISIBILITY", "ID"]);
    for version in live.versions() {
        let visibility = version
            .visibility
            .as_ref()
            .map_or_else(|| "-".to_owned(), |word| words::escaped(word.as_str()));
        table.add_row([
            words::escaped(version.identity.name.as_str()),
            words::escaped(version.identity.version.as_str()),
            words::escaped(version.identity.owner.as_str()),
            words::escaped(version.state.as_str()),
            visibility,
            words::escaped(version.id.as_str()),
        ]);
    }
    for line in table.lines() {
        writeln!(io.out, "{}", line.trim())?;
    }
    if let Coverage::Unproven(why) = live.coverage() {
        writeln!(
            io.err,
            "Warning: the list may be incomplete: {}",
            words::escaped(&why.to_string())
        )?;
    }
    Ok(ExitStatus::Success)
}
