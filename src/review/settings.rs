//! The comparison of the settings of an environment.

use std::path::PathBuf;
use std::time::Duration;

use super::finding::{Finding, Risk, SidePosition};
use super::kind::{Field, Kind};
use crate::manifest::{EmulatorSettings, Environment, Timeouts, Tls, TokenSource};

/// Compares all settings except for protections and limits.
pub(super) fn compare_settings(base: &Environment, head: &Environment) -> Vec<Finding> {
    // Every field is named, so that a new one cannot be forgotten here.
    let Environment {
        name: _,     // Both sides have the same name.
        position: _, // Line numbers are not compared.
        keys: _,
        url,
        token,
        user,
        context,
        store,
        protect: _, // `protection` compares it.
        limits: _,  // `policies` compares them.
        timeouts,
        tls: Tls {
            ca_bundle,
            client_cert,
            client_key,
        },
        emulator: EmulatorSettings { seed },
    } = head;
    let mut settings = Settings {
        base,
        head,
        findings: Vec::new(),
    };
    let text = |text: &str| Some(text.to_owned());
    settings.compare(
        (Kind::UrlChanged, Field::Url),
        text(base.url.as_str()),
        text(url.as_str()),
        vec![Risk::OtherServer],
    );
    let mut risks = risks_of_token(token.as_ref());
    risks.push(Risk::OtherToken);
    settings.compare(
        (Kind::TokenSourceChanged, Field::Token),
        base.token.as_ref().map(token_text),
        token.as_ref().map(token_text),
        risks,
    );
    settings.compare(
        (Kind::UserChanged, Field::User),
        base.user.as_ref().map(ToString::to_string),
        user.as_ref().map(ToString::to_string),
        vec![Risk::OtherAccount],
    );
    settings.compare(
        (Kind::ContextChanged, Field::Context),
        base.context.clone(),
        context.clone(),
        vec![Risk::OtherAccount],
    );
    settings.compare(
        (Kind::StoreChanged, Field::Store),
        base.store.clone(),
        store.clone(),
        vec![Risk::OtherStore],
    );
    for (field, before, after) in [
        (Field::CaBundle, &base.tls.ca_bundle, ca_bundle),
        (Field::ClientCert, &base.tls.client_cert, client_cert),
        (Field::ClientKey, &base.tls.client_key, client_key),
    ] {
        let kind = (Kind::TlsChanged, field);
        settings.compare(
            kind,
            path_text(before.as_ref()),
            path_text(after.as_ref()),
            vec![Risk::OtherTrust],
        );
    }
    let kind = (Kind::EmulatorChanged, Field::EmulatorSeed);
    settings.compare(
        kind,
        path_text(base.emulator.seed.as_ref()),
        path_text(seed.as_ref()),
        Vec::new(),
    );
    settings.compare_timeouts(base.timeouts, *timeouts);
    settings.findings
}

/// Returns the risks of a token source. A token command runs another program on the user's machine.
pub(super) fn risks_of_token(token: Option<&TokenSource>) -> Vec<Risk> {
    match token {
        Some(TokenSource::Command(_)) => vec![Risk::RunsCommand],
        Some(TokenSource::Env(_) | TokenSource::File(_)) | None => Vec::new(),
    }
}

struct Settings<'a> {
    base: &'a Environment,
    head: &'a Environment,
    findings: Vec<Finding>,
}

impl Settings<'_> {
    fn compare(
        &mut self,
        (kind, field): (Kind, Field),
        before: Option<String>,
        after: Option<String>,
        risks: Vec<Risk>,
    ) {
        if before == after {
            return;
        }
        let place = SidePosition::of_setting(field, Some(self.base), self.head);
        let finding = Finding::of_setting(kind, Some(field), before, after, place);
        self.findings.push(Finding { risks, ..finding });
    }

    fn compare_timeouts(&mut self, before: Timeouts, after: Timeouts) {
        let Timeouts {
            deploy,
            delete,
            propagation,
            run,
            apply,
        } = after;
        for (field, before, after) in [
            (Field::DeployTimeout, before.deploy, deploy),
            (Field::DeleteTimeout, before.delete, delete),
            (Field::Propagation, before.propagation, propagation),
            (Field::RunTimeout, before.run, run),
            (Field::ApplyTimeout, before.apply, apply),
        ] {
            let kind = (Kind::TimeoutChanged, field);
            let (before, after) = (duration_text(before), duration_text(after));
            self.compare(kind, Some(before), Some(after), Vec::new());
        }
    }
}

fn token_text(token: &TokenSource) -> String {
    match token {
        TokenSource::Env(name) => format!("env {name}"),
        TokenSource::File(path) => format!("file {}", path.display()),
        // Each word is in quotes, because the word boundaries change the meaning of a command.
        TokenSource::Command(words) => format!("command {words:?}"),
    }
}

fn path_text(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

/// Returns a duration as manifests write it, in the largest unit that divides it exactly.
fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis >= length && millis.is_multiple_of(length) {
            return format!("{}{unit}", millis / length);
        }
    }
    format!("{millis}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_manifests_write_them() {
        for (millis, expected) in [
            (0, "0ms"),
            (1500, "1500ms"),
            (90_000, "90s"),
            (900_000, "15m"),
            (7_200_000, "2h"),
        ] {
            assert_eq!(duration_text(Duration::from_millis(millis)), expected);
        }
    }
}
