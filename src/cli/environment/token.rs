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
    #[error("the token command `{program}` {failure}")]
    Failed { program: String, failure: String },
}

pub(in crate::cli) fn token_supplier(
    source: &TokenSource,
    environment: &Environment,
    folder: &Path,
    settings: &Settings,
    io: &Io,
) -> Result<TokenSupplier, CommandError> {
    let source = match source {
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
        // A manifest of an untrusted branch must not choose a program to run.
        TokenSource::Command(_) if settings.restrictions.is_some() => {
            let environment = environment.name.clone();
            return Err(CommandError::failed(TokenCommandRefused { environment })
                .hint("Give the token by `env` or `file` in pipelines that restrict hosts."));
        }
        TokenSource::File(path) => TokenSource::File(settings.manifest_path(folder, path)?),
        TokenSource::Env(_) | TokenSource::Command(_) => source.clone(),
    };
    let inputs = Arc::new((source, folder.to_owned(), Arc::clone(&io.secrets)));
    Ok(TokenSupplier::new(move || {
        let inputs = Arc::clone(&inputs);
        Box::pin(async move {
            let (source, folder, secrets) = &*inputs;
            let token = read_token(source, folder, secrets).await;
            token.map(SecretString::from).map_err(TokenError::from)
        })
    }))
}

async fn read_token(
    source: &TokenSource,
    folder: &Path,
    secrets: &Redactor,
) -> Result<String, NoToken> {
    match source {
        TokenSource::Env(name) => {
            variable(name).ok_or_else(|| NoToken::NoVariable { name: name.clone() })
        }
        TokenSource::File(path) => {
            regular_file::read_text(path, SECRET_LIMIT).map_err(|source| NoToken::File {
                path: path.clone(),
                source,
            })
        }
        TokenSource::Command(command) => run_token_command(command, folder, secrets).await,
    }
}

async fn run_token_command(
    command: &[String],
    folder: &Path,
    secrets: &Redactor,
) -> Result<String, NoToken> {
    let program = command.first().cloned().unwrap_or_default();
    let mut process = tokio::process::Command::new(&program);
    process
        .args(command.get(1..).unwrap_or_default())
        .current_dir(folder);
    let failed = |failure: String| NoToken::Failed {
        program: program.clone(),
        failure,
    };
    let output = match output_of(process, TOKEN_COMMAND_TIMEOUT, SECRET_LIMIT).await {
        Ok(output) => output,
        Err(ProcessError::Io(source)) => return Err(NoToken::Command { program, source }),
        Err(ProcessError::Slow) => return Err(failed("did not end within 30 s".to_owned())),
    };
    if output.status.success() && !output.is_cut {
        return String::from_utf8(output.out).map_err(|_| failed("wrote no text".to_owned()));
    }
    // The output may be a token even if the command failed, and its error may repeat the token.
    let written = String::from_utf8_lossy(&output.out);
    secrets.add(&SecretString::from(written.as_ref()));
    Err(failed(if output.is_cut {
        format!("wrote more than {SECRET_LIMIT} bytes")
    } else {
        let error = String::from_utf8_lossy(&output.err);
        let message: String = secrets.redact(error.trim()).chars().take(200).collect();
        format!("ended with {}: {message}", output.status)
    }))
}
