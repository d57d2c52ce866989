//! Checks of the settings of an environment: user, limits, timeouts, TLS and so on.

use std::borrow::Cow;
use std::time::Duration;

use super::super::duration::{parse_duration, parse_limit};
use super::super::glob::Glob;
use super::super::masking::printable;
use super::super::model::{
    EmulatorSettings, Endpoint, Environment, KeyPositions, Limit, Limits, Timeouts, Tls,
};
use super::super::node::{Field, List, Shape, Text};
use super::super::overlay::value;
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::vars::{Builtins, Reported};
use super::context::{Context, Outcome};
use super::entry::FLAG;
use crate::ident::Owner;
use crate::store_location::StoreLocation;

impl<'a> Context<'a> {
    pub(super) fn check_environment(&mut self) -> Result<Environment, Reported> {
        let raw = self.environment;
        let url = self.check_url();
        let token = self.check_token(url.as_ref().ok());
        let user = self.check_owner(raw.user.as_ref(), Builtins::default());
        let context = self.check_account();
        let store = self.check_store();
        let protect = self.check_protect();
        let flag = raw.require_verified.as_ref();
        let require_verified = self.word(flag, Builtins::default(), &FLAG);
        let limits = self.check_limits();
        let timeouts = self.check_timeouts();
        let tls = self.check_tls(url.as_ref().ok());
        let emulator = self.check_emulator(url.as_ref().ok());
        Ok(Environment {
            name: self.name.to_owned(),
            position: self.problems.source.position(self.key),
            keys: self.setting_keys(),
            url: url?,
            token: token?,
            user: user?,
            context: context?,
            store: store?,
            protect: protect?,
            require_verified: require_verified?.unwrap_or(false),
            limits: limits?,
            timeouts: timeouts?,
            tls: tls?,
            emulator: emulator?,
        })
    }

    /// Returns the positions of the settings. `protect` and `manage` may be at the top of the
    /// manifest, for all environments; those of the environment have precedence.
    fn setting_keys(&self) -> KeyPositions {
        fn keys<T: Shape>(mapping: Option<&T>) -> Vec<(&'static str, Mark)> {
            mapping.map(Shape::keys).unwrap_or_default()
        }
        let raw = self.environment;
        let protect = self.raw.protect.as_ref();
        let mappings = [
            ("", protect.iter().map(|it| ("protect", it.key)).collect()),
            ("", raw.keys()),
            ("limits.", keys(value(&raw.limits))),
            ("timeouts.", keys(value(&raw.timeouts))),
            ("emulator.", keys(value(&raw.emulator))),
            ("manage.", keys(value(&self.raw.manage))),
            ("manage.", keys(value(&raw.manage))),
        ];
        mappings
            .into_iter()
            .flat_map(|(prefix, keys)| keys.into_iter().map(move |key| (prefix, key)))
            .map(|(prefix, (name, at))| {
                let name = Cow::Owned(format!("{prefix}{name}"));
                (name, self.problems.source.position(at))
            })
            .collect()
    }

    fn check_store(&mut self) -> Outcome<StoreLocation> {
        let Some(value) = self.text(self.environment.store.as_ref())? else {
            return Ok(None);
        };
        StoreLocation::parse(&value.text)
            .map(Some)
            .map_err(|error| {
                let message = printable(&error.to_string());
                let problem = self.problems.problem(Code::BadStore, message, value.at);
                self.problems.add(problem.help(error.help()))
            })
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
        let message = "`context` cannot be sent in an HTTP header";
        Err(self.problems.report(Code::BadContext, message, value.at))
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
        let problem = self.problems.problem(Code::BadProtect, message, at);
        let help = format!("Write `{text}@*` to protect every version.");
        Err(self.problems.add(problem.help(help)))
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
        let Some(field) = field else {
            return Ok(None);
        };
        let items = field.value().ok_or(Reported)?;
        let mut globs = Vec::with_capacity(items.0.len());
        for node in &items.0 {
            let glob = self.value(node, Builtins::default()).and_then(|value| {
                let glob = Glob::parse(&value.text).map_err(|error| {
                    let problems = &mut self.problems;
                    problems.report(Code::BadGlob, error.to_string(), value.at)
                })?;
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
        let Some(field) = self.environment.limits.as_ref() else {
            return Ok(Limits::default());
        };
        let raw = field.value().ok_or(Reported)?;
        let max_destroy = self.check_limit(raw.max_destroy.as_ref());
        let max_change = self.check_limit(raw.max_change.as_ref());
        Ok(Limits {
            max_destroy: max_destroy?,
            max_change: max_change?,
        })
    }

    fn check_limit(&mut self, field: Option<&Field<Text>>) -> Outcome<Limit> {
        self.parsed(field, parse_limit, Code::BadLimit, "limit")
    }

    fn check_timeouts(&mut self) -> Result<Timeouts, Reported> {
        let default = Timeouts::default();
        let Some(field) = self.environment.timeouts.as_ref() else {
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

    pub(super) fn check_duration(
        &mut self,
        field: Option<&Field<Text>>,
        zero: bool,
    ) -> Outcome<Duration> {
        let duration = self.parsed(field, parse_duration, Code::BadDuration, "duration")?;
        match (field, duration) {
            (Some(field), Some(duration)) if duration.is_zero() && !zero => {
                let (message, at) = ("the timeout is zero", field.node.used);
                Err(self.problems.report(Code::ZeroTimeout, message, at))
            }
            _ => Ok(duration),
        }
    }

    fn check_tls(&mut self, url: Option<&Endpoint>) -> Result<Tls, Reported> {
        let raw = self.environment;
        let ca_bundle = self.path(raw.ca_bundle.as_ref());
        let client_cert = self.path(raw.client_cert.as_ref());
        let client_key = self.path(raw.client_key.as_ref());
        let lone = match (raw.client_cert.as_ref(), raw.client_key.as_ref()) {
            (Some(cert), None) => Some((cert.key, "client_cert", "client_key")),
            (None, Some(key)) => Some((key.key, "client_key", "client_cert")),
            (Some(_), Some(_)) | (None, None) => None,
        };
        if let Some((at, present, missing)) = lone {
            let message = format!("`{present}` needs `{missing}`");
            let problem = self
                .problems
                .problem(Code::IncompleteClientCertificate, message, at)
                .label(format!("`{missing}` is missing"))
                .help(format!("Add `{missing}`, or remove `{present}`."));
            return Err(self.problems.add(problem));
        }
        let is_tls = url.is_none_or(|url| url.as_str().starts_with("https:"));
        let settings = [
            (raw.ca_bundle.as_ref(), "`ca_bundle`"),
            (raw.client_cert.as_ref(), "`client_cert`"),
            (raw.client_key.as_ref(), "`client_key`"),
        ];
        for (field, name) in settings.into_iter().filter(|_| !is_tls) {
            if let Some(field) = field {
                self.unused(field.key, name, "the URL is not `https://`");
            }
        }
        Ok(Tls {
            ca_bundle: ca_bundle?,
            client_cert: client_cert?,
            client_key: client_key?,
        })
    }

    fn check_emulator(&mut self, url: Option<&Endpoint>) -> Result<EmulatorSettings, Reported> {
        let Some(field) = self.environment.emulator.as_ref() else {
            return Ok(EmulatorSettings::default());
        };
        if url.is_some_and(|url| *url != Endpoint::Emulator) {
            self.unused(field.key, "`emulator`", "the URL is not `emulator:`");
        }
        let raw = field.value().ok_or(Reported)?;
        Ok(EmulatorSettings {
            seed: self.path(raw.seed.as_ref())?,
        })
    }

    pub(super) fn unused(&mut self, at: Mark, what: &str, why: &str) {
        let message = format!("{what} has no effect: {why}");
        self.problems.report(Code::UnusedSetting, message, at);
    }

    /// Checks an owner or a user.
    pub(super) fn check_owner(
        &mut self,
        field: Option<&Field<Text>>,
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
        let owner = Owner::parse(&value.text).map_err(|error| {
            let problems = &mut self.problems;
            let problem = problems.problem(Code::BadIdentity, error.to_string(), value.at);
            problems.add(problem.label("not usable as an owner").help(help))
        })?;
        self.owners.insert(owner.as_str().to_owned(), owner.clone());
        Ok(Some(owner))
    }
}
