//! A look that begins while a big manifest is still being read.
//!
//! To read ten thousand entries takes about half as long as to list ten thousand versions. So where
//! the head of a manifest tells which environment is meant, the listing begins with it; it is used
//! only if the whole manifest is sound and says the same of the environment. Nothing but GETs is
//! sent, and no program is run, for a manifest that may yet turn out to be wrong.

use super::args::ManifestArgs;
use super::error::CommandError;
use super::files::manifest_folder;
use super::io::Io;
use super::session::{self, Session};
use super::settings::Settings;
use crate::api::{Client, PendingListing, Reader};
use crate::manifest::{self, Endpoint, Environment, SourceFile, TokenSource};

/// What was begun. It is broken off when it is dropped.
struct Begun {
    environment: Environment,
    client: Client,
    look: PendingListing,
}

/// Reads the manifest and prepares the client, as [`session::open`] does; a look at the whole
/// instance may be under way.
pub(super) async fn open(
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<(Session, Option<PendingListing>), CommandError> {
    let source = session::read_source(&args.file)?;
    let begun = begin(&source, args, settings, io);
    if begun.is_some() {
        step_aside();
    }
    // This is the main thread, and the look goes on meanwhile on those of the runtime.
    let place = session::place_of(source, args, settings, io)?;
    let environment = &place.loaded.manifest.environment;
    match begun.filter(|begun| begun.environment == *environment) {
        Some(begun) => Ok((Session::with(place, begun.client), Some(begun.look))),
        None => Ok((session::connect(place, settings, io, |_| {}).await?, None)),
    }
}

/// How far the main thread steps back, in the system's steps of niceness.
#[cfg(target_os = "linux")]
const BACK: i32 = 10;

/// From here on, what waits for answers goes before the main thread: a request that is sent late
/// costs more than an entry that is read late. It holds to the end of the plan, as only a
/// privileged process could take it back. Linux alone counts niceness by threads.
fn step_aside() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(BACK) {
        tracing::debug!(%error, "the main thread stays where it is");
    }
}

/// Begins to look, where the head of the manifest tells where. What stands in the way is told once
/// the whole manifest was read, as it is without a beginning.
fn begin(source: &SourceFile, args: &ManifestArgs, settings: &Settings, io: &Io) -> Option<Begun> {
    let selection = session::selection(args, settings);
    let environment =
        manifest::read_ahead(source, &selection, &|name| settings.manifest_variable(name))?;
    let Endpoint::Url(url) = &environment.url else {
        return None;
    };
    if matches!(environment.token, Some(TokenSource::Command(_))) {
        return None;
    }
    let (base, folder) = (url.clone(), manifest_folder(&args.file));
    let client = session::client(&environment, base, None, folder, settings, io, |_| {}).ok()?;
    Some(Begun {
        look: Reader::new(client.clone()).look(),
        environment,
        client,
    })
}
