//! The packages that passed a verification in any environment of the manifest, for policies.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::apply_session::applies_in_time;
use crate::cli::environment::context::EnvironmentContext;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::ident::Digest;
use crate::plan::ApplyHistory;
use crate::store::history_of;

/// Returns the fingerprints of the packages whose newest verification passed, in the stores of all
/// environments. A store that cannot be read is a warning: its packages count as not verified.
pub(super) async fn of_all(
    context: &EnvironmentContext,
    history: &ApplyHistory,
    typed_store: Option<&str>,
    io: &mut Io,
) -> Result<BTreeSet<Digest>, CommandError> {
    let mut verified = history.verified_packages();
    let others = context.others();
    let reading = others.into_iter().map(async |(name, context)| {
        let read = match context {
            Some(context) => read(&context, typed_store, io).await,
            None => Err(CommandError::failed(
                "its declaration cannot be resolved here",
            )),
        };
        (name, read)
    });
    let read = join_all(reading).await;
    for (name, read) in read {
        match read {
            Ok(packages) => verified.extend(packages),
            Err(error) => {
                let warning = format!("the verified packages of environment `{name}` are unknown");
                let mut causes = vec![error.to_string()];
                causes.extend(error.causes());
                io.warn(&warning, causes)?;
            }
        }
    }
    Ok(verified)
}

async fn read(
    context: &EnvironmentContext,
    typed_store: Option<&str>,
    io: &Io,
) -> Result<BTreeSet<Digest>, CommandError> {
    let (applies, _) = applies_in_time(context, typed_store, io).await?;
    Ok(history_of(&applies).verified_packages())
}
