//! The token of an environment: from a variable, a file or a command.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::api::{Redactor, TokenError, TokenSupplier};
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::cli::process::{ProcessError, output_of};
use crate::cli::settings::{Settings, variable};
use crate::manifest::{Environment, TokenSource};
use crate::regular_file::{self, SECRET_LIMIT};

/// The timeout of a token command.
const TOKEN_COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// The refusal of a token command while hosts are restricted.
#[derive(Debug, thiserror::Error)]
#[error(
    "the token command of environment `{environment}` is not run while SOLFORM_ALLOWED_HOSTS is set"
)]
pub(in crate::cli) struct TokenCommandRefused {
    environment: String,
}

/// The reason why no token could be read. Never contains the text that was read.
#[derive(Debug, thiserror::Error)]
enum NoToken {
    #[error("the environment variable `{name}` is not set, or is empty")]
    NoVariable { name: String },
    #[error("failed to read the token file `{}`", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("failed to run the token command `{program}`")]
    Command {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the token command `{program}` did not end within 30 s")]
    Slow { program: String },
    #[error("the token command `{program}` ended with {status}: {message}")]
    Status {
        program: String,
        status: std::process::ExitStatus,
        message: String,
    },
    #[error("the token command `{program}` wrote more than {SECRET_LIMIT} bytes")]
    TooMuch { program: String },
    #[error("the token command `{program}` wrote no text")]
    NotText { program: String },
}

pub(in crate::cli) fn token_supplier(
    source: &TokenSource,
    environment: &Environment,
    folder: &Path,
    settings: &Settings,
    io: &Io,
) -> Result<TokenSupplier, CommandError> {
    Ok(match source {
        TokenSource::Env(name) if !settings.allows_variable(name) => {
            return Err(CommandError::failed(format!(
                "the token variable `{name}` of environment `{}` is not in SOLFORM_ALLOWED_ENV",
                environment.name
            ))
            .hint(format!(
                "Add `{name}` to SOLFORM_ALLOWED_ENV, or give --env {name}, \
                 if the manifest may read it."
            )));
        }
        TokenSource::Env(name) => {
            let name = name.clone();
            TokenSupplier::new(move || {
                let token = variable(&name).ok_or_else(|| -> TokenError {
                    Box::new(NoToken::NoVariable { name: name.clone() })
                });
                Box::pin(async move { token.map(SecretString::from) })
            })
        }
        TokenSource::File(path) => {
            let path = settings.manifest_path(folder, path)?;
            TokenSupplier::new(move || {
                let token = regular_file::read_text(&path, SECRET_LIMIT);
                let token = token.map_err(|source| -> TokenError {
                    Box::new(NoToken::File {
                        path: path.clone(),
                        source,
                    })
                });
                Box::pin(async move { token.map(SecretString::from) })
            })
        }
        // A manifest of an untrusted branch must not choose a program to run.
        TokenSource::Command(_) if settings.restrictions.is_some() => {
            let environment = environment.name.clone();
            return Err(CommandError::failed(TokenCommandRefused { environment })
                .hint("Give the token by `env` or `file` in pipelines that restrict hosts."));
        }
        TokenSource::Command(command) => {
            let command = command.clone();
            let folder = folder.to_owned();
            let secrets = Arc::clone(&io.secrets);
            TokenSupplier::new(move || {
                let command = command.clone();
                let folder = folder.clone();
                let secrets = Arc::clone(&secrets);
                Box::pin(async move {
                    run_token_command(&command, &folder, &secrets)
                        .await
                        .map_err(|error| -> TokenError { Box::new(error) })
                })
            })
        }
    })
}

async fn run_token_command(
    command: &[String],
    folder: &Path,
    secrets: &Redactor,
) -> Result<SecretString, NoToken> {
    let program = command.first().cloned().unwrap_or_default();
    let mut process = tokio::process::Command::new(&program);
    process
        .args(command.get(1..).unwrap_or_default())
        .current_dir(folder);
    let output = match output_of(process, TOKEN_COMMAND_TIMEOUT, SECRET_LIMIT).await {
        Ok(output) => output,
        Err(ProcessError::Io(source)) => return Err(NoToken::Command { program, source }),
        Err(ProcessError::Slow) => return Err(NoToken::Slow { program }),
    };
    // The output may be a token even if the command failed, and its error may repeat the token.
    let written = SecretString::from(String::from_utf8_lossy(&output.out).into_owned());
    if output.is_cut {
        secrets.add(&written);
        return Err(NoToken::TooMuch { program });
    }
    if !output.status.success() {
        secrets.add(&written);
        let error = String::from_utf8_lossy(&output.err);
        let message = secrets.redact(error.trim()).chars().take(200).collect();
        return Err(NoToken::Status {
            program,
            status: output.status,
            message,
        });
    }
    match String::from_utf8(output.out) {
        Ok(token) => Ok(SecretString::from(token)),
        Err(_) => Err(NoToken::NotText { program }),
    }
}
