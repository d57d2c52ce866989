//! Settings from the environment variables, read once.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where the environment comes into the program as a value"
)]

use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use secrecy::SecretString;

use super::args::LogLevel;
use super::emulators::Emulators;
use super::error::{CommandError, Result};
use super::invocation::Invocation;
use super::restrictions::Restrictions;
use crate::api::{HostLimiters, Redactor, RequestSink};
use crate::manifest::{self, Problems, SourceFile, VariableRefusal};
use crate::platform;
use crate::store_location::BucketService;

/// The settings from the process environment.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// `SOLFORM_ENVIRONMENT`: the environment, if `-e` is not given.
    pub(super) environment: Option<String>,
    /// `SOLFORM_LOG`: the log level, if `--log` is not given.
    pub(super) log: Option<String>,
    /// `SOLFORM_LOG_FORMAT`: with `json`, one JSON object per log message.
    pub(super) log_format: Option<String>,
    /// `SOLFORM_CLI_ARGS`: options that are inserted after the command's name.
    pub(super) cli_args: Option<String>,
    /// `SOLFORM_STORE`: the store of locks, journals and plans.
    pub(super) store: Option<String>,
    /// `USER` and `HOSTNAME`, or their substitutes: the holder that other processes see in the
    /// lock.
    pub(super) who: String,
    /// The command line.
    pub(super) typed: String,
    /// The restrictions of manifests, if `SOLFORM_ALLOWED_HOSTS` is set, even if it is empty.
    pub(super) restrictions: Option<Restrictions>,
    /// `SOLFORM_ALLOWED_ENV` and `--env`: variables that a manifest may read.
    pub(super) allowed_variables: Vec<String>,
    /// `NO_COLOR`, `TERM=dumb`.
    pub(super) is_plain: bool,
    /// The options of this command that printed commands repeat.
    pub(super) invocation: Invocation,
    /// `GITHUB_STEP_SUMMARY`: the file that a runner shows beside the job.
    pub(super) step_summary: Option<PathBuf>,
    /// `GITHUB_WORKSPACE`: the root of the repository, on a GitHub runner.
    pub(super) workspace: Option<PathBuf>,
    /// `CI`: prompts are not possible.
    pub(super) is_ci: bool,
    /// The embedded emulators, which all sessions of this process share.
    pub(super) emulators: Emulators,
    /// The limiters of concurrent reads, which all clients of this process share.
    pub(super) limiters: HostLimiters,
    /// The sink for the requests of every client, if they are measured.
    pub(super) requests: Option<RequestSink>,
}

impl Settings {
    /// Reads the environment of the process.
    pub(super) fn from_env() -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            environment: variable("SOLFORM_ENVIRONMENT"),
            log: variable("SOLFORM_LOG"),
            log_format: variable("SOLFORM_LOG_FORMAT"),
            cli_args: variable("SOLFORM_CLI_ARGS"),
            store: variable("SOLFORM_STORE"),
            who: who(),
            restrictions: std::env::var_os("SOLFORM_ALLOWED_HOSTS").map(|hosts| {
                let paths = items(variable("SOLFORM_ALLOWED_PATHS"), &[',', ':']);
                Restrictions::new(&hosts.to_string_lossy(), paths)
            }),
            allowed_variables: items(variable("SOLFORM_ALLOWED_ENV"), &[',']),
            is_plain: is_set("NO_COLOR") || variable("TERM").as_deref() == Some("dumb"),
            workspace: variable("GITHUB_WORKSPACE").map(PathBuf::from),
            step_summary: variable("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            is_ci: variable("CI").is_some_and(|value| value != "false" && value != "0"),
            ..Self::default()
        }
    }

    /// Returns the level of the log.
    pub(super) fn log_level(&self, typed: Option<LogLevel>) -> Result<Option<LogLevel>> {
        let Some(text) = self.log.as_deref().filter(|_| typed.is_none()) else {
            return Ok(typed);
        };
        LogLevel::from_str(text, true).map(Some).map_err(|_| {
            CommandError::failed(format!("SOLFORM_LOG is `{text}`, which is not a log level"))
                .hint("Write `trace`, `debug`, `info`, `warn`, `error` or `off`.")
        })
    }

    /// Returns true if the log is written as JSON.
    pub(super) fn is_log_json(&self) -> Result<bool> {
        let text = self.log_format.as_deref().unwrap_or("text");
        match text.to_ascii_lowercase().as_str() {
            "text" => Ok(false),
            "json" => Ok(true),
            _ => {
                let message =
                    format!("SOLFORM_LOG_FORMAT is `{text}`, which is not a format of the log");
                Err(CommandError::failed(message).hint("Write `json` or `text`."))
            }
        }
    }

    /// Returns true if the manifest may read an environment variable.
    pub(super) fn allows_variable(&self, name: &str) -> bool {
        self.restrictions.is_none() || self.allowed_variables.iter().any(|known| known == name)
    }

    /// Returns the reason why a value of the manifest may not contain an environment variable.
    fn refusal(&self, name: &str) -> Option<VariableRefusal> {
        if !self.allows_variable(name) {
            Some(VariableRefusal::NotAllowed)
        } else if self.restrictions.is_some() && name.to_ascii_uppercase().contains("TOKEN") {
            // It is allowed as the source of a token, and a manifest that is not trusted could
            // show it in a plan instead.
            Some(VariableRefusal::Token)
        } else {
            None
        }
    }

    /// Returns a variable for the manifest; none if the manifest may not read it.
    pub(super) fn manifest_variable(&self, name: &str) -> Option<String> {
        variable(name).filter(|_| self.refusal(name).is_none())
    }

    /// Returns the problems of a manifest, with hints about the variables that it may not read.
    pub(super) fn problems(&self, problems: Problems) -> Problems {
        problems.refusing(&|name| self.refusal(name))
    }

    /// Adds the tokens of the manifest's environments to the secrets, because a problem shows lines
    /// of the manifest that may contain one. A variable that is not allowed is not read.
    pub(super) fn hide_tokens(&self, source: &SourceFile, secrets: &Redactor) {
        for name in manifest::token_variables(source) {
            if let Some(token) = variable(&name).filter(|_| self.allows_variable(&name)) {
                secrets.add(&SecretString::from(token));
            }
        }
    }

    /// Returns the path of a file that the manifest in `folder` names.
    pub(super) fn manifest_path(&self, folder: &Path, path: &Path) -> Result<PathBuf> {
        match &self.restrictions {
            Some(restrictions) => restrictions.check_path(folder, path),
            None => Ok(folder.join(path)),
        }
    }
}

/// Returns `user@host`, as far as the variables give them. Pipeline runners have their own names.
fn who() -> String {
    let users = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME"];
    let user = users.into_iter().find_map(variable);
    let host = variable("HOSTNAME").or_else(|| {
        let name = std::fs::read_to_string("/etc/hostname").ok()?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    });
    let user = user.as_deref().unwrap_or("somebody");
    format!("{user}@{}", host.as_deref().unwrap_or("unknown"))
}

/// Returns the path of the file in which `gcloud` keeps the login of its user.
fn gcloud_login() -> Option<PathBuf> {
    let (home, below) = platform::CONFIG_FOLDER;
    let folder = Path::new(&variable(home)?).join(below);
    Some(folder.join("gcloud/application_default_credentials.json"))
}

/// Returns the variables that configure the client of a service's buckets. The file in which
/// `gcloud` keeps the login of its user counts as a variable.
pub(super) fn bucket_variables(service: BucketService) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, value)| service.has_variable(name) && !value.is_empty())
        .collect();
    let is_given =
        |name: &str| BucketService::is_secret(name) || BucketService::is_secret_file(name);
    if service == BucketService::Gcs
        && !variables.iter().any(|(name, _)| is_given(name))
        && let Some(login) = gcloud_login().filter(|path| path.is_file())
    {
        let path = login.to_string_lossy().into_owned();
        variables.push(("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), path));
    }
    variables
}

/// Returns a variable of the process; none if it is unset, empty, or not valid Unicode.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the items of a variable that is a list.
fn items(list: Option<String>, separators: &[char]) -> Vec<String> {
    let text = list.unwrap_or_default();
    let items = text.split(separators).map(str::trim);
    let items = items.filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_several_separators() {
        let list = || Some(" a,b:c,, ".to_owned());
        assert_eq!(items(list(), &[',', ':']), ["a", "b", "c"]);
        assert_eq!(items(list(), &[',']), ["a", "b:c"]);
        assert_eq!(items(None, &[',']), [""; 0]);
    }

    #[test]
    fn only_named_variables_are_read() {
        let settings = Settings {
            restrictions: Some(Restrictions::new("", Vec::new())),
            allowed_variables: vec!["DRIVE".to_owned(), "IB_TOKEN".to_owned()],
            ..Settings::default()
        };
        for (name, as_token, in_value) in [
            ("DRIVE", true, None),
            ("drive", false, Some(VariableRefusal::NotAllowed)),
            ("HOME", false, Some(VariableRefusal::NotAllowed)),
            ("IB_TOKEN", true, Some(VariableRefusal::Token)),
        ] {
            assert_eq!(settings.allows_variable(name), as_token, "{name}");
            assert_eq!(settings.refusal(name), in_value, "{name}");
            assert!(Settings::default().allows_variable(name), "{name}");
            assert_eq!(Settings::default().refusal(name), None, "{name}");
        }
    }
}
