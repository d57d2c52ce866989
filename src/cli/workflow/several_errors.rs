//! The errors of several environments. The event stream has those of each environment; on standard
//! error, equal ones are shown once, with the names of their environments.

use std::io::Write as _;

use indexmap::IndexMap;

use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ErrorKind, Result};
use crate::cli::io::Io;
use crate::manifest::{self, Problem};
use crate::render::{EnvironmentResult, words};

/// The text in place of the environment with its name. No message contains a control character.
const ENVIRONMENT: &str = "\u{1}";
/// The text in place of the URL of the environment.
const URL: &str = "\u{2}";

/// An environment with its URL, if it is known.
type Named<'a> = (&'a str, Option<&'a str>);

/// An error without the name and the URL of its environment.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ErrorText {
    message: String,
    causes: Vec<String>,
    help: Option<String>,
}

/// Shows the errors of the environments that could not be read.
pub(in crate::cli) fn report<T>(
    environments: &[EnvironmentResult<T>],
    sessions: &[Result<Session>],
    io: &mut Io,
) -> Result<()> {
    io.out.flush()?;
    let mut problems: Vec<(&str, Vec<Problem>)> = Vec::new();
    let mut texts: IndexMap<ErrorText, Vec<Named<'_>>> = IndexMap::new();
    for (environment, session) in environments.iter().zip(sessions) {
        let named = (environment.name.as_str(), environment.url.as_deref());
        let mut own = Vec::new();
        if let Err(error) = session {
            io.send_error(error, Some(named.0));
            match &error.kind {
                ErrorKind::Manifest(found) => own.extend(found.iter().map(without_environment)),
                // The refusals are shown with the plan.
                ErrorKind::Closed | ErrorKind::Blocked(_) | ErrorKind::Unproven(_) => {}
                _ => {
                    let text = ErrorText::of(error, named);
                    texts.entry(text).or_default().push(named);
                }
            }
        }
        problems.push((named.0, own));
    }
    io.problems(&manifest::united(problems))?;
    for (text, environments) in texts {
        let ErrorText {
            message,
            causes,
            help,
        } = text.about(&environments);
        io.print_error_text(&message, &causes, help.as_deref())?;
    }
    Ok(())
}

fn without_environment(problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    problem.environments.clear();
    problem
}

impl ErrorText {
    fn of(error: &CommandError, (name, url): Named<'_>) -> Self {
        let own = words::environments(&[name]);
        let text = |text: &str| {
            let text = text.replace(&own, ENVIRONMENT);
            let url = url.map(|url| url.trim_end_matches('/'));
            match url.filter(|url| !url.is_empty()) {
                Some(url) => text.replace(url, URL),
                None => text,
            }
        };
        let causes = error.causes();
        Self {
            message: text(&error.to_string()),
            causes: causes.iter().map(|cause| text(cause)).collect(),
            help: error.help().map(text),
        }
    }

    /// Returns the error about all of these environments. The message names them, with their URLs
    /// if the causes are about different ones.
    fn about(&self, environments: &[Named<'_>]) -> Self {
        let mut urls = environments.iter().filter_map(|(_, url)| *url);
        let first = urls.next().map_or("", |url| url.trim_end_matches('/'));
        let is_same = urls.all(|url| url.trim_end_matches('/') == first);
        let url = if is_same { first } else { "URL" };
        let names_urls = !is_same && self.causes.iter().any(|cause| cause.contains(URL));
        let names = environments.iter().map(|(name, url)| match url {
            Some(url) if names_urls => format!("`{name}` (URL `{url}`)"),
            _ => format!("`{name}`"),
        });
        let names = names.collect::<Vec<_>>().join(", ");
        let (all, each) = match environments {
            [_] => (
                format!("environment {names}"),
                format!("environment {names}"),
            ),
            _ => (
                format!("environments {names}"),
                "each environment".to_owned(),
            ),
        };
        let causes = self.causes.iter();
        let causes = causes.map(|cause| cause.replace(ENVIRONMENT, &each).replace(URL, url));
        let help = self.help.as_ref();
        Self {
            message: self.message.replace(ENVIRONMENT, &all).replace(URL, url),
            causes: causes.collect(),
            help: help.map(|help| help.replace(ENVIRONMENT, &each).replace(URL, url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the error of an environment that cannot be reached.
    fn error((name, url): Named<'_>) -> ErrorText {
        let error = CommandError::failed("refused")
            .context(format!("`GET {}/x`", url.unwrap()))
            .context(format!("failed to read environment `{name}`"))
            .context(format!("environment `{name}` cannot be planned"))
            .hint("Wait.");
        ErrorText::of(&error, (name, url))
    }

    #[test]
    fn equal_errors_name_their_environments() {
        let (dev, uat) = (("dev", Some("http://a")), ("uat", Some("http://a/")));
        let prod = ("prod", Some("http://b"));
        assert_eq!(error(dev), error(prod));
        for (environments, message, causes) in [
            (
                &[prod][..],
                "environment `prod` cannot be planned",
                &[
                    "failed to read environment `prod`",
                    "`GET http://b/x`",
                    "refused",
                ][..],
            ),
            (
                &[dev, uat],
                "environments `dev`, `uat` cannot be planned",
                &[
                    "failed to read each environment",
                    "`GET http://a/x`",
                    "refused",
                ],
            ),
            (
                &[dev, prod],
                "environments `dev` (URL `http://a`), `prod` (URL `http://b`) cannot be planned",
                &["failed to read each environment", "`GET URL/x`", "refused"],
            ),
        ] {
            let shown = error(dev).about(environments);
            assert_eq!(shown.message, message);
            assert_eq!(shown.causes, causes);
            assert_eq!(shown.help.as_deref(), Some("Wait."));
        }
    }
}
