//! The comparison of the settings of an environment.

use std::path::PathBuf;

use super::finding::{Finding, Risk};
use super::kind::{Field, Kind};
use crate::ident::Owner;
use crate::manifest::{EmulatorSettings, Environment, Timeouts, Tls, TokenSource, duration_text};

/// A setting of an environment: its value, and the risks if it changes to that value.
type Setting = (Kind, Field, Option<String>, Vec<Risk>);

/// Compares all settings except for protections and limits.
pub(super) fn compare_settings(base: &Environment, head: &Environment) -> Vec<Finding> {
    let settings = settings_of(base).into_iter().zip(settings_of(head));
    let findings = settings.filter_map(|((kind, field, before, _), (_, _, after, risks))| {
        let is_changed = before != after;
        is_changed.then(|| {
            Finding::of_setting(kind, field, (before, after), Some(base), head).risks(risks)
        })
    });
    findings.collect()
}

fn settings_of(environment: &Environment) -> [Setting; 15] {
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
        require_verified,
        limits: _, // `policies` compares them.
        timeouts:
            Timeouts {
                deploy,
                delete,
                propagation,
                run,
                apply,
            },
        tls: Tls {
            ca_bundle,
            client_cert,
            client_key,
        },
        emulator: EmulatorSettings { seed },
    } = environment;
    let text = |kind, field, value: Option<&str>, risk| {
        (kind, field, value.map(str::to_owned), vec![risk])
    };
    let path = |kind, field, path: Option<&PathBuf>, risk: Option<Risk>| {
        let path = path.map(|path| path.display().to_string());
        (kind, field, path, risk.into_iter().collect())
    };
    let tls = |field, file| path(Kind::TlsChanged, field, file, Some(Risk::OtherTrust));
    let timeout = |field, time| {
        let time = Some(duration_text(time));
        (Kind::TimeoutChanged, field, time, Vec::new())
    };
    let user = user.as_ref().map(Owner::as_str);
    let store = store.as_ref().map(ToString::to_string);
    let mut token_risks = risks_of_token(token.as_ref());
    token_risks.push(Risk::OtherToken);
    [
        text(
            Kind::UrlChanged,
            Field::Url,
            Some(url.as_str()),
            Risk::OtherServer,
        ),
        (
            Kind::TokenSourceChanged,
            Field::Token,
            token.as_ref().map(token_text),
            token_risks,
        ),
        text(Kind::UserChanged, Field::User, user, Risk::OtherAccount),
        text(
            Kind::ContextChanged,
            Field::Context,
            context.as_deref(),
            Risk::OtherAccount,
        ),
        text(
            Kind::StoreChanged,
            Field::Store,
            store.as_deref(),
            Risk::OtherStore,
        ),
        (
            Kind::RequireVerifiedChanged,
            Field::RequireVerified,
            require_verified.then(|| "true".to_owned()),
            if *require_verified {
                Vec::new()
            } else {
                vec![Risk::ProtectionRemoved]
            },
        ),
        tls(Field::CaBundle, ca_bundle.as_ref()),
        tls(Field::ClientCert, client_cert.as_ref()),
        tls(Field::ClientKey, client_key.as_ref()),
        path(
            Kind::EmulatorChanged,
            Field::EmulatorSeed,
            seed.as_ref(),
            None,
        ),
        timeout(Field::DeployTimeout, *deploy),
        timeout(Field::DeleteTimeout, *delete),
        timeout(Field::Propagation, *propagation),
        timeout(Field::RunTimeout, *run),
        timeout(Field::ApplyTimeout, *apply),
    ]
}

/// Returns the risks of a token source. A token command runs another program on the user's machine.
pub(super) fn risks_of_token(token: Option<&TokenSource>) -> Vec<Risk> {
    match token {
        Some(TokenSource::Command(_)) => vec![Risk::RunsCommand],
        Some(TokenSource::Env(_) | TokenSource::File(_)) | None => Vec::new(),
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
