//! Checks of the settings of an environment: user, limits, timeouts, TLS and so on.

use std::path::PathBuf;
use std::time::Duration;

use super::super::duration::{parse_duration, parse_limit};
use super::super::glob::Glob;
use super::super::masking::printable;
use super::super::model::{
    EmulatorSettings, Endpoint, Environment, KeyPositions, Limit, Limits, Timeouts, Tls,
};
use super::super::node::{Field, List, Text};
use super::super::overlay::value;
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::raw::RawManage;
use super::super::vars::{Builtins, Reported};
use super::context::{Context, Outcome, Value};
use crate::ident::Owner;

impl<'a> Context<'a> {
    pub(super) fn check_environment(&mut self) -> Result<Environment, Reported> {
        let raw = self.environment;
        let url = self.check_url();
        let token = self.check_token(url.as_ref().ok());
        let user = self.check_owner(raw.user.as_ref(), Builtins::default());
        let context = self.check_account();
        let store = self.text(raw.store.as_ref());
        let protect = self.check_protect();
        let limits = self.check_limits();
        let timeouts = self.check_timeouts();
        let tls = self.check_tls(url.as_ref().ok());
        let emulator = self.check_emulator(url.as_ref().ok());
        Ok(Environment {
            name: self.name.to_owned(),
            position: self.source.position(self.key),
            keys: self.setting_keys(),
            url: url?,
            token: token?,
            user: user?,
            context: context?,
            store: store?.map(|value| value.text.into_owned()),
            protect: protect?,
            limits: limits?,
            timeouts: timeouts?,
            tls: tls?,
            emulator: emulator?,
        })
    }

    /// Returns the positions of the settings. `protect` and `manage` may be at the top of the
    /// manifest, for all environments.
    fn setting_keys(&self) -> KeyPositions {
        fn key<T>(field: Option<&Field<T>>) -> Option<Mark> {
            field.map(|field| field.key)
        }
        let raw = self.environment;
        let limits = value(raw.limits.as_ref());
        let timeouts = value(raw.timeouts.as_ref());
        let emulator = value(raw.emulator.as_ref());
        let manage = [value(raw.manage.as_ref()), value(self.raw.manage.as_ref())];
        let managed =
            |field: fn(&RawManage) -> Option<Mark>| manage.into_iter().flatten().find_map(field);
        let protect = raw.protect.as_ref().or(self.raw.protect.as_ref());
        [
            ("url", key(raw.url.as_ref())),
            ("token", key(raw.token.as_ref())),
            ("user", key(raw.user.as_ref())),
            ("context", key(raw.context.as_ref())),
            ("store", key(raw.store.as_ref())),
            ("ca_bundle", key(raw.ca_bundle.as_ref())),
            ("client_cert", key(raw.client_cert.as_ref())),
            ("client_key", key(raw.client_key.as_ref())),
            ("protect", key(protect)),
            (
                "limits.max_destroy",
                key(limits.and_then(|limits| limits.max_destroy.as_ref())),
            ),
            (
                "limits.max_change",
                key(limits.and_then(|limits| limits.max_change.as_ref())),
            ),
            (
                "timeouts.deploy",
                key(timeouts.and_then(|timeouts| timeouts.deploy.as_ref())),
            ),
            (
                "timeouts.delete",
                key(timeouts.and_then(|timeouts| timeouts.delete.as_ref())),
            ),
            (
                "timeouts.propagation",
                key(timeouts.and_then(|timeouts| timeouts.propagation.as_ref())),
            ),
            (
                "timeouts.run",
                key(timeouts.and_then(|timeouts| timeouts.run.as_ref())),
            ),
            (
                "timeouts.apply",
                key(timeouts.and_then(|timeouts| timeouts.apply.as_ref())),
            ),
            (
                "emulator.seed",
                key(emulator.and_then(|emulator| emulator.seed.as_ref())),
            ),
            (
                "manage.owners",
                managed(|manage| key(manage.owners.as_ref())),
            ),
            ("manage.names", managed(|manage| key(manage.names.as_ref()))),
            (
                "manage.undeclared",
                managed(|manage| key(manage.undeclared.as_ref())),
            ),
        ]
        .into_iter()
        .filter_map(|(name, mark)| Some((name, self.source.position(mark?))))
        .collect()
    }

    /// Checks `context`: it is sent in an HTTP header, which allows visible ASCII only.
    fn check_account(&mut self) -> Outcome<String> {
        let Some(value) = self.text(self.environment.context.as_ref())? else {
            return Ok(None);
        };
        let is_sound = value.text.trim() == value.text
            && value.text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if is_sound {
            return Ok(Some(value.text.into_owned()));
        }
        let problem = self
            .problem(
                Code::BadContext,
                "`context` cannot be sent in an HTTP header",
                value.at,
                "not plain ASCII",
            )
            .help("Write the id of the organization or user, not its display name.");
        Err(self.report(problem))
    }

    /// Returns the patterns of the environment and those of the manifest together.
    fn check_protect(&mut self) -> Result<Vec<Glob>, Reported> {
        let mut globs = Vec::new();
        let mut outcome = Ok(());
        for field in [&self.environment.protect, &self.raw.protect] {
            match self.checked_globs(field.as_ref(), Self::check_protection) {
                Ok(more) => globs.extend(more.into_iter().flatten()),
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome.map(|()| globs)
    }

    fn check_protection(&mut self, glob: Glob, at: Mark) -> Result<Glob, Reported> {
        if glob.can_match('@') {
            return Ok(glob);
        }
        let text = printable(glob.as_str());
        let message = format!("`{text}` protects no version");
        let problem = self
            .problem(Code::BadProtect, message, at, "no `@` in it")
            .help(format!("Write `{text}@*` to protect every version."));
        Err(self.report(problem))
    }

    /// Returns the patterns of a list.
    pub(super) fn globs(&mut self, field: Option<&'a Field<List<Text>>>) -> Outcome<Vec<Glob>> {
        self.checked_globs(field, |_, glob, _| Ok(glob))
    }

    fn checked_globs(
        &mut self,
        field: Option<&'a Field<List<Text>>>,
        check: impl Fn(&mut Self, Glob, Mark) -> Result<Glob, Reported>,
    ) -> Outcome<Vec<Glob>> {
        const HELP: &str =
            r"Use `*` and `?` as wildcards, and `\` before a literal `*`, `?` or `\`.";
        let Some(field) = field else {
            return Ok(None);
        };
        let items = field.value().ok_or(Reported)?;
        let mut globs = Vec::with_capacity(items.0.len());
        for node in &items.0 {
            let glob = self.value(node, Builtins::default()).and_then(|value| {
                let glob =
                    self.parsed(&value, Code::BadGlob, "not a pattern", HELP, Glob::parse)?;
                check(self, glob, value.at)
            });
            globs.extend(glob);
        }
        if globs.len() < items.0.len() {
            return Err(Reported);
        }
        Ok(Some(globs))
    }

    fn check_limits(&mut self) -> Result<Limits, Reported> {
        let Some(field) = &self.environment.limits else {
            return Ok(Limits {
                max_destroy: None,
                max_change: None,
            });
        };
        let raw = field.value().ok_or(Reported)?;
        let max_destroy = self.check_limit(raw.max_destroy.as_ref());
        let max_change = self.check_limit(raw.max_change.as_ref());
        Ok(Limits {
            max_destroy: max_destroy?,
            max_change: max_change?,
        })
    }

    fn check_limit(&mut self, field: Option<&'a Field<Text>>) -> Outcome<Limit> {
        let Some(value) = self.text(field)? else {
            return Ok(None);
        };
        parse_limit(&value.text).map(Some).ok_or_else(|| {
            let message = format!("`{}` is not a limit", printable(&value.text));
            let problem = self
                .problem(
                    Code::BadLimit,
                    message,
                    value.at,
                    "neither a count nor a percentage",
                )
                .help("Write a count like `2`, or a percentage from `0%` to `100%`.");
            self.report(problem)
        })
    }

    fn check_timeouts(&mut self) -> Result<Timeouts, Reported> {
        let default = Timeouts::default();
        let Some(field) = &self.environment.timeouts else {
            return Ok(default);
        };
        let raw = field.value().ok_or(Reported)?;
        let deploy = self.check_duration(raw.deploy.as_ref(), false);
        let delete = self.check_duration(raw.delete.as_ref(), false);
        // Zero is allowed here: some servers show every change at once.
        let propagation = self.check_duration(raw.propagation.as_ref(), true);
        let run = self.check_duration(raw.run.as_ref(), false);
        let apply = self.check_duration(raw.apply.as_ref(), false);
        Ok(Timeouts {
            deploy: deploy?.unwrap_or(default.deploy),
            delete: delete?.unwrap_or(default.delete),
            propagation: propagation?.unwrap_or(default.propagation),
            run: run?.unwrap_or(default.run),
            apply: apply?.unwrap_or(default.apply),
        })
    }

    fn check_duration(&mut self, field: Option<&'a Field<Text>>, zero: bool) -> Outcome<Duration> {
        let Some(value) = self.text(field)? else {
            return Ok(None);
        };
        let Some(duration) = parse_duration(&value.text) else {
            let message = format!("`{}` is not a duration", printable(&value.text));
            let problem = self
                .problem(Code::BadDuration, message, value.at, "not a duration")
                .help(
                    "Write a whole number and a unit, like `1500ms`, `60s`, `15m` or `2h`, \
                     up to one year.",
                );
            return Err(self.report(problem));
        };
        if duration.is_zero() && !zero {
            let problem = self
                .problem(
                    Code::ZeroTimeout,
                    "the timeout is zero",
                    value.at,
                    "would expire at once",
                )
                .help("Write how long to wait, or remove the key to use the default.");
            return Err(self.report(problem));
        }
        Ok(Some(duration))
    }

    fn check_tls(&mut self, url: Option<&Endpoint>) -> Result<Tls, Reported> {
        let raw = self.environment;
        let ca_bundle = self.text(raw.ca_bundle.as_ref());
        let client_cert = self.text(raw.client_cert.as_ref());
        let client_key = self.text(raw.client_key.as_ref());
        let lone = match (&raw.client_cert, &raw.client_key) {
            (Some(cert), None) => Some((cert.key, "client_cert", "client_key")),
            (None, Some(key)) => Some((key.key, "client_key", "client_cert")),
            (Some(_), Some(_)) | (None, None) => None,
        };
        if let Some((at, present, missing)) = lone {
            let problem = self
                .problem(
                    Code::IncompleteClientCertificate,
                    format!("`{present}` needs `{missing}`"),
                    at,
                    format!("`{missing}` is missing"),
                )
                .help(format!("Add `{missing}`, or remove `{present}`."));
            return Err(self.report(problem));
        }
        let is_tls = url.is_none_or(|url| url.as_str().starts_with("https:"));
        let settings = [
            (&raw.ca_bundle, "`ca_bundle`"),
            (&raw.client_cert, "`client_cert`"),
            (&raw.client_key, "`client_key`"),
        ];
        for (field, name) in settings {
            if let Some(field) = field
                && !is_tls
            {
                self.unused(field.key, name, "the URL is not `https://`");
            }
        }
        let path = |value: Option<Value<'_>>| value.map(|value| PathBuf::from(&*value.text));
        Ok(Tls {
            ca_bundle: path(ca_bundle?),
            client_cert: path(client_cert?),
            client_key: path(client_key?),
        })
    }

    fn check_emulator(&mut self, url: Option<&Endpoint>) -> Result<EmulatorSettings, Reported> {
        let Some(field) = &self.environment.emulator else {
            return Ok(EmulatorSettings::default());
        };
        if url.is_some_and(|url| *url != Endpoint::Emulator) {
            self.unused(field.key, "`emulator`", "the URL is not `emulator:`");
        }
        let raw = field.value().ok_or(Reported)?;
        let seed = self.text(raw.seed.as_ref())?;
        Ok(EmulatorSettings {
            seed: seed.map(|value| PathBuf::from(&*value.text)),
        })
    }

    pub(super) fn unused(&mut self, at: Mark, what: &str, why: &str) {
        let message = format!("{what} has no effect: {why}");
        let problem = self
            .problem(Code::UnusedSetting, message, at, "has no effect")
            .help("Remove it.");
        self.report(problem);
    }

    /// Checks an owner or a user.
    pub(super) fn check_owner(
        &mut self,
        field: Option<&'a Field<Text>>,
        known: Builtins<'_>,
    ) -> Outcome<Owner> {
        let Some(value) = self.text_with(field, known)? else {
            return Ok(None);
        };
        if let Some(owner) = self.owners.get(&*value.text) {
            return Ok(Some(owner.clone()));
        }
        let help =
            "Write the user name as the platform shows it, or `IB_DEPLOYED` for public solutions.";
        let owner = self.parsed(
            &value,
            Code::BadIdentity,
            "not usable as an owner",
            help,
            Owner::parse,
        )?;
        self.owners.insert(owner.as_str().to_owned(), owner.clone());
        Ok(Some(owner))
    }
}
