//! A listing that starts while a big manifest is still being read.
//!
//! Reading ten thousand entries takes about half as long as listing ten thousand versions. If the
//! head of a manifest names the environment, the listing starts at once. It is used only if the
//! whole manifest is valid and gives the same environment. Until then, only GETs are sent and no
//! program is run, because the manifest may be invalid.

use super::context;
use super::session::{self, Session};
use crate::api::{PendingListing, Reader};
use crate::cli::args::ManifestArgs;
use crate::cli::error::CommandError;
use crate::cli::files::manifest_folder;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::manifest::{self, Endpoint, Environment, SourceFile, TokenSource};

/// Reads the manifest and prepares the client, as [`session::open`] does. A listing of the whole
/// instance may already be in progress, while the store is read and the versions are compared.
pub(in crate::cli) async fn open(
    args: &ManifestArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<(Session, Option<PendingListing>), CommandError> {
    let source = context::read_source(&args.file)?;
    let early = begin(&source, args, settings, io);
    // This is the main thread. The listing continues on the threads of the runtime.
    let context = context::context_of(source, args, settings, io)?;
    let environment = &context.manifest.environment;
    if let Some((_, reader, listing)) = early.filter(|(early, ..)| early == environment) {
        return Ok((Session::with(context, reader), Some(listing)));
    }
    let session = session::connect(context, settings, io, |_| {}).await?;
    let listing = session.reader().start_listing_of(session.count_names());
    Ok((session, listing))
}

/// Starts the listing if the head of the manifest names the environment. It is cancelled on drop.
/// Errors are ignored here: they are reported after the whole manifest was read.
fn begin(
    source: &SourceFile,
    args: &ManifestArgs,
    settings: &Settings,
    io: &Io,
) -> Option<(Environment, Reader, PendingListing)> {
    let selection = context::selection(args, settings).ok()?;
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
    let reader = Reader::new(client);
    let listing = reader.start_listing();
    Some((environment, reader, listing))
}
