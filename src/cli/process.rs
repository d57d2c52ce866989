//! External programs, with limits for their time and their output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

/// The maximum size of a program's standard error, in bytes; the rest is dropped.
const ERROR_LIMIT: u64 = 16 * 1024;

/// The output and the exit status of a program.
pub(super) struct ProcessOutput {
    pub(super) status: ExitStatus,
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
    /// True if the program was killed because it wrote more than the limit.
    pub(super) is_cut: bool,
}

/// The reason why a program has no output.
#[derive(Debug)]
pub(super) enum ProcessError {
    Io(io::Error),
    /// The program exceeded the timeout, and was killed.
    Slow,
}

/// Executes a program without standard input, and kills it if it takes longer than `timeout` or
/// writes more than `limit` bytes.
pub(super) async fn output_of(
    mut command: Command,
    timeout: Duration,
    limit: u64,
) -> Result<ProcessOutput, ProcessError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let running = async {
        let mut child = command.spawn()?;
        let piped = "invariant: both streams are piped";
        let out = child.stdout.take().expect(piped);
        let mut err = child.stderr.take().expect(piped);
        let out = async {
            let mut bytes = Vec::new();
            out.take(limit + 1).read_to_end(&mut bytes).await?;
            let is_cut = bytes.len() as u64 > limit;
            if is_cut {
                child.start_kill()?;
            }
            Ok::<_, io::Error>((bytes, is_cut))
        };
        let err = async {
            let mut bytes = Vec::new();
            (&mut err).take(ERROR_LIMIT).read_to_end(&mut bytes).await?;
            // The rest is read too, so that a full pipe does not block the program.
            tokio::io::copy(&mut err, &mut tokio::io::sink()).await?;
            Ok(bytes)
        };
        let ((out, is_cut), err) = tokio::try_join!(out, err)?;
        let status = child.wait().await?;
        Ok(ProcessOutput {
            status,
            out,
            err,
            is_cut,
        })
    };
    match tokio::time::timeout(timeout, running).await {
        Ok(result) => result.map_err(ProcessError::Io),
        Err(_) => Err(ProcessError::Slow),
    }
}
