//! Checks from the connection to the listing: each needs the result of the one before.

use std::time::{Duration, UNIX_EPOCH};

use super::answer::{sentence, skip, too_slow, within};
use super::{filters, paths};
use crate::api::{ApiError, ApiErrorKind, ListRequest, Probe, Question, Sample, VisibilityOf};
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::diagnosis::{Check, CheckName, Verdict};
use crate::live::{Coverage, LiveState};
use crate::manifest::{Endpoint, Environment, TokenSource};
use crate::render::words;

/// A clock difference below this is ignored, independent of `propagation`.
const LEAST_SKEW: Duration = Duration::from_secs(10);
/// A clock difference above this is reported, independent of `propagation`.
const MOST_SKEW: Duration = Duration::from_mins(1);

pub(super) async fn look(session: &Session, limit: Duration, checks: &mut Vec<Check>) {
    let environment = &session.manifest().environment;
    let probe = session.probe();
    let has_token = check_token(&probe, environment, limit, checks).await;
    let is_there = check_connection(&probe, environment, limit, checks).await;
    if !has_token || !is_there {
        return;
    }
    let Some(sample) = check_access(session, &probe, limit, checks).await else {
        return;
    };
    checks.push(check_clock(environment, &sample));
    let live = check_listing(session, limit, checks).await;
    if let Some(live) = &live {
        filters::look(&probe, live, limit, checks).await;
    } else {
        let names = [
            CheckName::FilterState,
            CheckName::FilterName,
            CheckName::FilterVisibility,
        ];
        skip(checks, &names, "There is no proven list to compare with.");
    }
    paths::look(session, live.as_ref(), limit, checks).await;
}

async fn check_token(
    probe: &Probe,
    environment: &Environment,
    limit: Duration,
    checks: &mut Vec<Check>,
) -> bool {
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
    let check = match within(limit, probe.token()).await {
        None => too_slow(name, limit),
        Some(Ok(())) => Check::ok(name, format!("It comes from {from}.")),
        // No request was sent, so only the cause is useful.
        Some(Err(error)) => {
            let cause =
                std::error::Error::source(&error).map_or_else(|| sentence(&error), sentence);
            Check::fail(name, cause, error.help())
        }
    };
    let is_there = check.verdict == Verdict::Ok;
    checks.push(check);
    is_there
}

/// Sends a request without a token; the server may refuse it.
async fn check_connection(
    probe: &Probe,
    environment: &Environment,
    limit: Duration,
    checks: &mut Vec<Check>,
) -> bool {
    let name = CheckName::Connection;
    let url = match &environment.url {
        Endpoint::Emulator => {
            checks.push(Check::ok(name, "The embedded emulator runs."));
            checks.push(Check::ok(
                CheckName::Tls,
                "The embedded emulator needs none.",
            ));
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
    let answered = within(limit, bare.ask(&Question::Any)).await;
    let error = match &answered {
        None => {
            checks.push(too_slow(name, limit));
            return false;
        }
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(error),
    };
    let reach = error.map_or(Reach::Answer, |error| reach(error.kind()));
    let shown = environment.url.as_str();
    let check = match (reach, error) {
        (Reach::Nobody, Some(error)) => Check::fail(name, sentence(error), error.help()),
        (Reach::Nobody | Reach::NoTrust | Reach::Answer, _) => {
            Check::ok(name, format!("There is a server at {shown}."))
        }
    };
    checks.push(check);
    let tls = CheckName::Tls;
    let check = match (reach, error) {
        (Reach::Nobody, _) => return false,
        (Reach::NoTrust, Some(error)) => Check::fail(tls, sentence(error), error.help()),
        (Reach::NoTrust | Reach::Answer, _) if url.scheme() == "https" => {
            let more = if environment.tls.ca_bundle.is_some() {
                ", with the authorities of `ca_bundle`"
            } else {
                ""
            };
            Check::ok(tls, format!("The server's certificate is trusted{more}."))
        }
        // The manifest allows plain http only for this machine.
        (Reach::NoTrust | Reach::Answer, _) => {
            Check::ok(tls, "None: plain http, which does not leave this machine.")
        }
    };
    checks.push(check);
    reach == Reach::Answer
}

/// The progress of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// No server answered.
    Nobody,
    /// A server answered, but its certificate was not valid.
    NoTrust,
    /// A response arrived.
    Answer,
}

fn reach(kind: &ApiErrorKind) -> Reach {
    match kind {
        ApiErrorKind::Tls => Reach::NoTrust,
        ApiErrorKind::Token
        | ApiErrorKind::Connect
        | ApiErrorKind::Timeout { .. }
        | ApiErrorKind::Reset => Reach::Nobody,
        _ => Reach::Answer,
    }
}

/// Checks that the API accepts the token and the account. A 401 has several possible reasons
/// (docs/platform.md, "Conventions"), so further requests find the actual one.
async fn check_access(
    session: &Session,
    probe: &Probe,
    limit: Duration,
    checks: &mut Vec<Check>,
) -> Option<Sample> {
    let environment = &session.manifest().environment;
    let name = CheckName::Access;
    let error = match within(limit, sample(probe)).await {
        None => {
            checks.push(too_slow(name, limit));
            return None;
        }
        Some(Ok(sample)) => {
            checks.push(Check::ok(name, "The API answers to the token."));
            checks.push(Check::ok(
                CheckName::Context,
                match &environment.context {
                    Some(context) => format!("The account `{context}` is accepted."),
                    None => "None is set: calls are for the token's own account.".to_owned(),
                },
            ));
            return Some(sample);
        }
        Some(Err(error)) => error,
    };
    if error.status() != Some(401) {
        checks.push(Check::fail(name, sentence(&error), error.help()));
        return None;
    }
    if let Some(context) = &environment.context
        && let Ok(bare) = probe.without_context()
        && let Some(Ok(_)) = within(limit, sample(&bare)).await
    {
        checks.push(Check::ok(
            name,
            "The API answers to the token without `context`.",
        ));
        checks.push(Check::fail(
            CheckName::Context,
            format!("The server answers 401 for the account `{context}`, and not without it."),
            "Write the id of an organization or user that the token's user belongs to, not its \
             display name.",
        ));
        return None;
    }
    // Tests the token with another API of the platform.
    let path = session
        .manifest()
        .desired
        .iter()
        .find_map(|entry| entry.path.as_ref());
    let is_known = match path {
        None => false,
        Some(path) => match within(limit, session.files().read(&path.text, 0..1)).await {
            Some(Ok(_)) => true,
            Some(Err(error)) => error.status().is_some_and(|status| status != 401),
            None => false,
        },
    };
    if is_known {
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
    let theirs = sample
        .date
        .and_then(|date| date.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| u64::try_from(since.as_millis()).ok());
    let Some(theirs) = theirs else {
        return Check::skipped(name, "The server does not send its time.");
    };
    // The server sends whole seconds, and the response took some time.
    let skew = Duration::from_millis(now_ms.abs_diff(theirs).saturating_sub(1000));
    let limit = environment
        .timeouts
        .propagation
        .clamp(LEAST_SKEW, MOST_SKEW);
    if skew <= limit {
        return Check::ok(name, "The server's clock and ours agree.");
    }
    let direction = if theirs > now_ms {
        "ahead of"
    } else {
        "behind"
    };
    Check::warn(
        name,
        format!(
            "The server's clock is {} {direction} ours.",
            words::duration(skew)
        ),
        "Set the clocks by NTP. solform compares times of the server with its own where it waits \
         `timeouts.propagation` for a version that is new.",
    )
}

async fn check_listing(
    session: &Session,
    limit: Duration,
    checks: &mut Vec<Check>,
) -> Option<LiveState> {
    let name = CheckName::Listing;
    let declared = session.manifest().desired.iter();
    let request = ListRequest {
        names: None,
        declared: Some(declared.map(|entry| entry.identity.name.clone()).collect()),
        visibility_of: VisibilityOf::default(),
    };
    let live = match within(limit, session.reader().collect(&request)).await {
        None => {
            checks.push(Check::warn(
                name,
                format!("The list did not end within {}.", words::duration(limit)),
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
            (ApiErrorKind::Connect, Reach::Nobody),
            (ApiErrorKind::Reset, Reach::Nobody),
            (
                ApiErrorKind::Timeout {
                    after: Duration::from_secs(1),
                },
                Reach::Nobody,
            ),
            // A server with an expired or unknown certificate is reachable.
            (ApiErrorKind::Tls, Reach::NoTrust),
            (ApiErrorKind::Status, Reach::Answer),
            (ApiErrorKind::NotJson { html: true }, Reach::Answer),
            (
                ApiErrorKind::Redirect {
                    location: "x".to_owned(),
                },
                Reach::Answer,
            ),
        ] {
            assert_eq!(reach(&kind), expected, "{kind:?}");
        }
    }
}
