//! Checks of the access to an environment: its URL and the source of its token.

use std::path::PathBuf;

use url::{Host, Url};

use super::super::masking::printable;
use super::super::model::{Endpoint, TokenSource};
use super::super::node::{Field, List, Shape as _, Text};
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::raw::{RawToken, RawTokenSource};
use super::super::vars::{Builtins, Reported, is_env_name};
use super::context::{Context, Outcome, Value};

impl<'a> Context<'a> {
    pub(super) fn check_url(&mut self) -> Result<Endpoint, Reported> {
        let Some(value) = self.text(self.environment.url.as_ref())? else {
            if self.environment.misspells("url") {
                return Err(Reported);
            }
            let message = format!("the environment `{}` has no `url`", printable(self.name));
            return Err(self.problems.report(Code::MissingField, message, self.key));
        };
        if value.text == "emulator:" {
            return Ok(Endpoint::Emulator);
        }
        let refuse = |this: &mut Self, code, message: &str| {
            Err(this.problems.report(code, message, value.at))
        };
        // Messages never quote the URL: it may hold a password.
        let mut url = match Url::parse(&value.text) {
            Ok(url) => url,
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                return refuse(self, Code::BadUrl, "the URL does not begin with `https://`");
            }
            Err(error) => {
                return refuse(self, Code::BadUrl, &format!("the URL is invalid: {error}"));
            }
        };
        if !matches!(url.scheme(), "https" | "http") {
            let message = "the URL is neither `https://` nor `emulator:`";
            return refuse(self, Code::BadUrl, message);
        }
        if !url.username().is_empty() || url.password().is_some() {
            let message = "the URL holds a user name or a password";
            return refuse(self, Code::UrlCredentials, message);
        }
        if url.query().is_some() || url.fragment().is_some() {
            let message = "the URL has a query or a fragment";
            let problem = self.problems.problem(Code::BadUrl, message, value.at);
            let problem = problem.help("Remove the `?` or `#` and everything after it.");
            return Err(self.problems.add(problem));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return refuse(
                self,
                Code::InsecureUrl,
                "the token would be sent unencrypted",
            );
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Endpoint::Url(url))
    }

    pub(super) fn check_token(&mut self, url: Option<&Endpoint>) -> Outcome<TokenSource> {
        let is_emulator = url == Some(&Endpoint::Emulator);
        let Some(field) = self.environment.token.as_ref() else {
            if url.is_none() || is_emulator {
                return Ok(None);
            }
            if self.environment.misspells("token") {
                return Err(Reported);
            }
            let message = format!("the environment `{}` has no `token`", printable(self.name));
            return Err(self.problems.report(Code::TokenMissing, message, self.key));
        };
        let source = match field.value() {
            None => return Err(Reported),
            Some(RawToken::Literal) => {
                let message = "the token is written into the manifest";
                return Err(self.problems.report(Code::TokenLiteral, message, field.key));
            }
            Some(RawToken::Source(source)) => source,
        };
        let token = self.check_token_source(source, field.key)?;
        if is_emulator {
            self.unused(field.key, "`token`", "the embedded emulator needs none");
            return Ok(None);
        }
        Ok(Some(token))
    }

    fn check_token_source(
        &mut self,
        raw: &'a RawTokenSource,
        key: Mark,
    ) -> Result<TokenSource, Reported> {
        match (raw.env.as_ref(), raw.file.as_ref(), raw.command.as_ref()) {
            (Some(env), None, None) => {
                let name = self.plain(env)?;
                if is_env_name(&name.text) {
                    return Ok(TokenSource::Env(name.text.into_owned()));
                }
                Err(self.refuse_token(
                    "`env` does not hold the name of an environment variable",
                    name.at,
                    "not a name",
                    "Write the name of the variable that holds the token, never the token.",
                ))
            }
            (None, Some(file), None) => {
                Ok(TokenSource::File(PathBuf::from(&*self.plain(file)?.text)))
            }
            (None, None, Some(command)) => self.check_token_command(command),
            (env, file, command) => {
                let sources = [env.is_some(), file.is_some(), command.is_some()];
                let count = sources.into_iter().filter(|is_named| *is_named).count();
                let message = format!("`token` names {count} sources");
                Err(self.refuse_token(
                    &message,
                    key,
                    "expected one source",
                    "Name exactly one source: `env`, `file` or `command`.",
                ))
            }
        }
    }

    fn check_token_command(
        &mut self,
        command: &'a Field<List<Text>>,
    ) -> Result<TokenSource, Reported> {
        let items = command.value().ok_or(Reported)?;
        let mut words = Vec::with_capacity(items.0.len());
        for node in &items.0 {
            let text = node.text(self.problems.source).ok_or(Reported)?;
            self.refuse_interpolation(text, node.used)?;
            words.push(text.to_owned());
        }
        if words
            .first()
            .is_none_or(|program| program.trim().is_empty())
        {
            return Err(self.refuse_token(
                "the token command names no program",
                command.key,
                "no program",
                "Write the program and its arguments: `command: [vault, read, ..]`.",
            ));
        }
        Ok(TokenSource::Command(words))
    }

    /// Returns a text under `token`, where `${..}` is not allowed.
    fn plain(&mut self, field: &'a Field<Text>) -> Result<Value<'a>, Reported> {
        let text = field.node.text(self.problems.source).ok_or(Reported)?;
        self.refuse_interpolation(text, field.node.used)?;
        // Without `${`, no built-in name is needed to resolve the text.
        self.value(&field.node, Builtins::default())
    }

    fn refuse_interpolation(&mut self, text: &str, at: Mark) -> Result<(), Reported> {
        if !text.contains("${") {
            return Ok(());
        }
        Err(self.refuse_token(
            "`${..}` is not allowed in `token`",
            at,
            "variables are not replaced here",
            "Write the value itself; each environment can have its own.",
        ))
    }

    fn refuse_token(&mut self, message: &str, at: Mark, label: &str, help: &str) -> Reported {
        let problem = self.problems.problem(Code::BadToken, message, at);
        self.problems.add(problem.label(label).help(help))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback()
                || address
                    .to_ipv4_mapped()
                    .is_some_and(|four| four.is_loopback())
        }
        None => false,
    }
}
