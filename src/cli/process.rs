//! External programs, with limits for their time and their output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
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
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let out = async {
            let bytes = read(out, limit + 1).await?;
            let is_cut = bytes.len() as u64 > limit;
            if is_cut {
                child.start_kill()?;
            }
            Ok::<_, io::Error>((bytes, is_cut))
        };
        let ((out, is_cut), err) = tokio::try_join!(out, read_all(err, ERROR_LIMIT))?;
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

async fn read(from: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(limit).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Reads everything and keeps the first `limit` bytes, so that a full pipe does not block the
/// writer.
async fn read_all(from: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(limit).read_to_end(&mut bytes).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}
