//! Checks from the connection to the listing: each needs the result of the one before.

use std::error::Error as _;
use std::time::{Duration, UNIX_EPOCH};

use super::checks::{Checks, sentence, within};
use super::{filters, inputs, paths};
use crate::api::{ApiError, ApiErrorKind, ListRequest, Needed, Probe, Question, Sample};
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::io::Io;
use crate::diagnosis::{Check, CheckName};
use crate::live::{Coverage, LiveState};
use crate::manifest::{Endpoint, Environment, TokenSource, entries_of};
use crate::render::words;

/// A clock difference below this is ignored, independent of `propagation`.
const LEAST_SKEW: Duration = Duration::from_secs(10);
/// A clock difference above this is reported, independent of `propagation`.
const MOST_SKEW: Duration = Duration::from_mins(1);

pub(super) async fn look(session: &Session, checks: &mut Checks, io: &mut Io) {
    let environment = &session.manifest().environment;
    let probe = session.probe();
    let has_token = check_token(&probe, environment, checks).await;
    let is_there = check_connection(&probe, environment, checks).await;
    if !has_token || !is_there {
        return;
    }
    let Some(sample) = check_access(session, &probe, checks).await else {
        return;
    };
    checks.push(check_clock(environment, &sample));
    let live = check_listing(session, checks).await;
    if let Some(live) = &live {
        filters::look(&probe, live, checks).await;
    } else {
        checks.skip(
            CheckName::FilterState..=CheckName::FilterVisibility,
            "There is no proven list to compare with.",
        );
    }
    paths::look(session, live.as_ref(), checks, io).await;
    inputs::look(session, checks).await;
}

async fn check_token(probe: &Probe, environment: &Environment, checks: &mut Checks) -> bool {
    let name = CheckName::Token;
    let from = match &environment.token {
        None => {
            checks.push(Check::ok(name, "The embedded emulator needs none."));
            return true;
        }
        Some(TokenSource::Env(variable)) => format!("the variable `{variable}`"),
        Some(TokenSource::File(file)) => format!("the file `{}`", file.display()),
        Some(TokenSource::Command(command)) => {
            let program = command.first().map(String::as_str).unwrap_or_default();
            format!("the command `{program}`")
        }
    };
    let Some(read) = checks.within(name, probe.token()).await else {
        return false;
    };
    let is_there = read.is_ok();
    checks.push(match read {
        Ok(()) => Check::ok(name, format!("It comes from {from}.")),
        // No request was sent, so only the cause is useful.
        Err(error) => {
            let cause = error.source().map_or_else(|| sentence(&error), sentence);
            Check::fail(name, cause, error.help())
        }
    });
    is_there
}

/// Sends a request without a token; the server may refuse it.
async fn check_connection(probe: &Probe, environment: &Environment, checks: &mut Checks) -> bool {
    let (name, tls) = (CheckName::Connection, CheckName::Tls);
    let url = match &environment.url {
        Endpoint::Emulator => {
            checks.push(Check::ok(name, "The embedded emulator runs."));
            checks.push(Check::ok(tls, "The embedded emulator needs none."));
            return true;
        }
        Endpoint::Url(url) => url,
    };
    let bare = match probe.without_token() {
        Ok(bare) => bare,
        Err(error) => {
            checks.push(Check::fail(name, sentence(&error), error.help()));
            return false;
        }
    };
    let Some(answered) = checks.within(name, bare.ask(&Question::Any)).await else {
        return false;
    };
    let error = answered.err();
    let failed = error.as_ref().and_then(|error| failed_by(error.kind()));
    if failed != Some(name) {
        let shown = environment.url.as_str();
        checks.push(Check::ok(name, format!("There is a server at {shown}.")));
    }
    if let (Some(failed), Some(error)) = (failed, error) {
        checks.push(Check::fail(failed, sentence(&error), error.help()));
        return false;
    }
    let text = if url.scheme() != "https" {
        // The manifest allows plain http only for this machine.
        "None: plain http, which does not leave this machine."
    } else if environment.tls.ca_bundle.is_some() {
        "The server's certificate is trusted, with the authorities of `ca_bundle`."
    } else {
        "The server's certificate is trusted."
    };
    checks.push(Check::ok(tls, text));
    true
}

/// Returns the check that a request without an answer fails; none if an answer came.
fn failed_by(kind: &ApiErrorKind) -> Option<CheckName> {
    match kind {
        // A server answered, but its certificate was not valid.
        ApiErrorKind::Tls => Some(CheckName::Tls),
        ApiErrorKind::Token
        | ApiErrorKind::Connect
        | ApiErrorKind::Timeout { .. }
        | ApiErrorKind::Reset => Some(CheckName::Connection),
        _ => None,
    }
}

/// Checks that the API accepts the token and the account. A 401 has several possible reasons
/// (docs/platform.md, "Conventions"), so further requests find the actual one.
async fn check_access(session: &Session, probe: &Probe, checks: &mut Checks) -> Option<Sample> {
    let environment = &session.manifest().environment;
    let name = CheckName::Access;
    let error = match checks.within(name, sample(probe)).await? {
        Ok(sample) => {
            checks.push(Check::ok(name, "The API answers to the token."));
            let text = match &environment.context {
                Some(context) => format!("The account `{context}` is accepted."),
                None => "None is set: calls are for the token's own account.".to_owned(),
            };
            checks.push(Check::ok(CheckName::Context, text));
            return Some(sample);
        }
        Err(error) => error,
    };
    if error.status() != Some(401) {
        checks.push(Check::fail(name, sentence(&error), error.help()));
        return None;
    }
    if let Some(context) = &environment.context
        && let Ok(bare) = probe.without_context()
        && let Some(Ok(_)) = within(checks.limit, sample(&bare)).await
    {
        let text = "The API answers to the token without `context`.";
        checks.push(Check::ok(name, text));
        checks.push(Check::fail(
            CheckName::Context,
            format!("The server answers 401 for the account `{context}`, and not without it."),
            "Write the id of an organization or user that the token's user belongs to, not its \
             display name.",
        ));
        return None;
    }
    // Tests the token with another API of the platform.
    let mut declared = session.manifest().desired.iter();
    if let Some(path) = declared.find_map(|entry| entry.path.as_ref())
        && let Some(read) = within(checks.limit, session.files().read(&path.text, 0..1)).await
        && (read.err()).is_none_or(|error| error.status().is_some_and(|status| status != 401))
    {
        checks.push(Check::ok(name, "The API answers to the token, for files."));
        checks.push(Check::fail(
            CheckName::Listing,
            sentence(&error),
            "Give the token's user the right to list deployed solutions: the same token is \
             accepted for files.",
        ));
        return None;
    }
    checks.push(Check::fail(name, sentence(&error), error.help()));
    None
}

/// Reads one page of a list; only of active versions if the list requires a state.
async fn sample(probe: &Probe) -> Result<Sample, ApiError> {
    match probe.ask(&Question::Any).await {
        Err(error) if error.is_refused_request() => probe.ask(&Question::Active).await,
        answered => answered,
    }
}

fn check_clock(environment: &Environment, sample: &Sample) -> Check {
    let name = CheckName::Clock;
    let now_ms = clock::now_ms();
    let since = sample
        .date
        .and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    let Some(theirs) = since.and_then(|since| u64::try_from(since.as_millis()).ok()) else {
        return Check::skipped(name, "The server does not send its time.");
    };
    // The server sends whole seconds, and the response took some time.
    let skew = Duration::from_millis(now_ms.abs_diff(theirs).saturating_sub(1000));
    let propagation = environment.timeouts.propagation;
    if skew <= propagation.clamp(LEAST_SKEW, MOST_SKEW) {
        return Check::ok(name, "The server's clock and ours agree.");
    }
    let skew = words::duration(skew);
    let direction = if theirs > now_ms {
        "ahead of"
    } else {
        "behind"
    };
    Check::warn(
        name,
        format!("The server's clock is {skew} {direction} ours."),
        "Set the clocks by NTP. solform compares times of the server with its own where it waits \
         `timeouts.propagation` for a version that is new.",
    )
}

async fn check_listing(session: &Session, checks: &mut Checks) -> Option<LiveState> {
    let name = CheckName::Listing;
    let desired = &session.manifest().desired;
    let request = ListRequest {
        needs: Box::new(|name| Needed::records_if(!entries_of(desired, name).is_empty())),
        expected: Some(session.count_names() as u64),
        names: None,
    };
    let live = match within(checks.limit, session.reader().collect(&request)).await {
        None => {
            let limit = words::duration(checks.limit);
            checks.push(Check::warn(
                name,
                format!("The list did not end within {limit}."),
                "Give it longer with --timeout. If it never ends, look at the server.",
            ));
            return None;
        }
        Some(Err(error)) => {
            checks.push(Check::fail(name, sentence(&error), error.help()));
            return None;
        }
        Some(Ok(live)) => live,
    };
    if let Coverage::Unproven(reason) = live.coverage() {
        checks.push(Check::fail(
            name,
            sentence(reason),
            "Run it again. If it stays, nothing can be planned: look at the server, and at the \
             records that it lists.",
        ));
        return None;
    }
    let versions = words::count(live.versions().len(), "version");
    let strange = live.unmanageable().len();
    checks.push(if strange > 0 {
        Check::warn(
            name,
            format!(
                "The list is proven complete: {versions}, and {} that no manifest can declare.",
                words::count(strange, "record")
            ),
            "They are left alone: `solform list --json` shows them.",
        )
    } else if live.versions().is_empty() {
        Check::warn(
            name,
            "The list is proven complete, and empty.",
            "If something should be live: the token's user sees what is public and what is its \
             own, unless it is an administrator, and `context` says in which account.",
        )
    } else {
        Check::ok(name, format!("The list is proven complete: {versions}."))
    });
    Some(live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_show_how_far_a_request_got() {
        for (kind, expected) in [
            (ApiErrorKind::Connect, Some(CheckName::Connection)),
            (ApiErrorKind::Reset, Some(CheckName::Connection)),
            (
                ApiErrorKind::Timeout {
                    after: Duration::from_secs(1),
                },
                Some(CheckName::Connection),
            ),
            // A server with an expired or unknown certificate is reachable.
            (ApiErrorKind::Tls, Some(CheckName::Tls)),
            (ApiErrorKind::Status, None),
            (ApiErrorKind::NotJson { html: true }, None),
            (
                ApiErrorKind::Redirect {
                    location: "x".to_owned(),
                },
                None,
            ),
        ] {
            assert_eq!(failed_by(&kind), expected, "{kind:?}");
        }
    }
}
