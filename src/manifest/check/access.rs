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
        const HELP: &str = "Write the address like `https://instabase.example.com`, or \
            `emulator:` for the embedded emulator.";
        let Some(value) = self.text(self.environment.url.as_ref())? else {
            if self.environment.misspells("url") {
                return Err(Reported);
            }
            let message = format!("the environment `{}` has no `url`", printable(self.name));
            let problem = self
                .problem(Code::MissingField, message, self.key, "`url` is missing")
                .help(HELP);
            return Err(self.report(problem));
        };
        let refuse = |this: &mut Self, code, why: &str, help: &str| {
            let problem = this.problem(code, why, value.at, "this URL").help(help);
            Err(this.report(problem))
        };
        if value.text == "emulator:" {
            return Ok(Endpoint::Emulator);
        }
        // Messages never quote the URL: it may hold a password.
        let mut url = match Url::parse(&value.text) {
            Ok(url) => url,
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                return refuse(
                    self,
                    Code::BadUrl,
                    "the URL does not begin with `https://`",
                    HELP,
                );
            }
            Err(error) => {
                return refuse(
                    self,
                    Code::BadUrl,
                    &format!("the URL is invalid: {error}"),
                    HELP,
                );
            }
        };
        if !matches!(url.scheme(), "https" | "http") {
            return refuse(
                self,
                Code::BadUrl,
                "the URL is neither `https://` nor `emulator:`",
                HELP,
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            let help = "Remove everything up to the `@` from the URL, and name the source of a \
                token under `token`.";
            return refuse(
                self,
                Code::UrlCredentials,
                "the URL holds a user name or a password",
                help,
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse(
                self,
                Code::BadUrl,
                "the URL has a query or a fragment",
                "Remove the `?` or `#` and everything after it.",
            );
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            let help = "Write `https://`; plain `http://` is for loopback addresses only.";
            return refuse(
                self,
                Code::InsecureUrl,
                "the token would be sent unencrypted",
                help,
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
            let problem = self
                .problem(Code::TokenMissing, message, self.key, "`token` is missing")
                .help(
                    "Name its source: `token: { env: NAME }`, `{ file: PATH }` or \
                     `{ command: [PROGRAM, ..] }`.",
                );
            return Err(self.report(problem));
        };
        let source = match field.value() {
            None => return Err(Reported),
            Some(RawToken::Literal) => {
                let problem = self
                    .problem(
                        Code::TokenLiteral,
                        "the token is written into the manifest",
                        field.key,
                        "expected the source of a token",
                    )
                    .help(
                        "Never write a token into a manifest: revoke this one if it is real, and \
                         name the source of a new one, like `token: { env: NAME }`.",
                    );
                return Err(self.report(problem));
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
        const HELP: &str = "Name exactly one source: `env`, `file` or `command`.";
        match (&raw.env, &raw.file, &raw.command) {
            (Some(env), None, None) => {
                let name = self.plain(env)?;
                if is_env_name(&name.text) {
                    return Ok(TokenSource::Env(name.text.into_owned()));
                }
                let problem = self
                    .problem(
                        Code::BadToken,
                        "`env` does not hold the name of an environment variable",
                        name.at,
                        "not a name",
                    )
                    .help("Write the name of the variable that holds the token, never the token.");
                Err(self.report(problem))
            }
            (None, Some(file), None) => {
                Ok(TokenSource::File(PathBuf::from(&*self.plain(file)?.text)))
            }
            (None, None, Some(command)) => self.check_token_command(command),
            (env, file, command) => {
                let count = usize::from(env.is_some())
                    + usize::from(file.is_some())
                    + usize::from(command.is_some());
                let message = format!("`token` names {count} sources");
                let problem = self
                    .problem(Code::BadToken, message, key, "expected one source")
                    .help(HELP);
                Err(self.report(problem))
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
            let text = node.text(self.source).ok_or(Reported)?;
            self.refuse_interpolation(text, node.used)?;
            words.push(text.to_owned());
        }
        if words
            .first()
            .is_none_or(|program| program.trim().is_empty())
        {
            let problem = self
                .problem(
                    Code::BadToken,
                    "the token command names no program",
                    command.key,
                    "no program",
                )
                .help("Write the program and its arguments: `command: [vault, read, ..]`.");
            return Err(self.report(problem));
        }
        Ok(TokenSource::Command(words))
    }

    /// Returns a text under `token`, where `${..}` is not allowed.
    fn plain(&mut self, field: &'a Field<Text>) -> Result<Value<'a>, Reported> {
        let text = field.node.text(self.source).ok_or(Reported)?;
        self.refuse_interpolation(text, field.node.used)?;
        // Without `${`, no built-in name is needed to resolve the text.
        self.value(&field.node, Builtins::default())
    }

    fn refuse_interpolation(&mut self, text: &str, at: Mark) -> Result<(), Reported> {
        if !text.contains("${") {
            return Ok(());
        }
        let problem = self
            .problem(
                Code::BadToken,
                "`${..}` is not allowed in `token`",
                at,
                "variables are not replaced here",
            )
            .help("Write the value itself; each environment can have its own.");
        Err(self.report(problem))
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
