//! The resource usage of a process. The process is the only child of a process that does nothing
//! else, because the system only reports the peak memory of all finished children together.

use std::fs::File;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Failure;

/// The resource usage of a process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) exit_code: i32,
    pub(crate) wall_ms: f64,
    pub(crate) user_ms: f64,
    pub(crate) system_ms: f64,
    pub(crate) peak_kib: u64,
}

/// The resource usage and the output of a process.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) usage: Usage,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns a command that is executed in a folder, with an empty environment.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("BENCH_TOKEN", "bench")
        .stdin(Stdio::null());
    command
}

/// Executes a command in a folder with an empty environment, and measures it.
pub(crate) fn measure(
    program: &Path,
    arguments: &[String],
    folder: &Path,
) -> Result<Finished, Failure> {
    let output = command(&std::env::current_exe()?, folder)
        .arg("--measure")
        .arg(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("`{}` could not be measured", program.display()).into());
    }
    Ok(Finished {
        usage: serde_json::from_slice(&output.stdout)?,
        stdout: std::fs::read_to_string(folder.join(STDOUT))?,
        stderr: std::fs::read_to_string(folder.join(STDERR))?,
    })
}

/// Returns the time from the start of a command to its first connection, in milliseconds. The
/// command is killed then.
pub(crate) fn connect_ms(
    program: &Path,
    arguments: &[String],
    folder: &Path,
    listener: &TcpListener,
) -> Result<f64, Failure> {
    listener.set_nonblocking(true)?;
    let start = Instant::now();
    let mut process = command(program, folder)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let connected = loop {
        match listener.accept() {
            Ok(_) => break Ok(start.elapsed().as_secs_f64() * 1e3),
            Err(error) if error.kind() != ErrorKind::WouldBlock => break Err(error.into()),
            Err(_) if process.try_wait()?.is_some() => {
                break Err("the program did not connect".into());
            }
            Err(_) => std::thread::sleep(Duration::from_micros(50)),
        }
    };
    process.kill()?;
    process.wait()?;
    connected
}

/// The files for the output of the measured command.
const STDOUT: &str = "stdout.txt";
const STDERR: &str = "stderr.txt";

/// Executes the command as the only child of this process, and prints its resource usage.
pub(crate) fn child(command: &[String]) -> Result<(), Failure> {
    let (program, arguments) = command.split_first().ok_or("there is no command")?;
    let mut command = Command::new(PathBuf::from(program));
    command
        .args(arguments)
        .stdout(File::create(STDOUT)?)
        .stderr(File::create(STDERR)?);
    let start = Instant::now();
    let status = command.status()?;
    let wall = start.elapsed();
    let used = used_by_children()?;
    let usage = Usage {
        exit_code: status.code().ok_or("the command was ended by a signal")?,
        wall_ms: wall.as_secs_f64() * 1e3,
        ..used
    };
    println!("{}", serde_json::to_string(&usage)?);
    Ok(())
}

#[cfg(unix)]
fn used_by_children() -> Result<Usage, Failure> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::{TimeVal, TimeValLike as _};

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let milliseconds = |time: TimeVal| {
        let microseconds = u32::try_from(time.num_microseconds()).unwrap_or(u32::MAX);
        f64::from(microseconds) / 1e3
    };
    let peak = u64::try_from(usage.max_rss())?;
    Ok(Usage {
        exit_code: 0,
        wall_ms: 0.0,
        user_ms: milliseconds(usage.user_time()),
        system_ms: milliseconds(usage.system_time()),
        // macOS counts bytes, other systems count KiB.
        peak_kib: if cfg!(target_os = "macos") {
            peak / 1_024
        } else {
            peak
        },
    })
}

#[cfg(not(unix))]
fn used_by_children() -> Result<Usage, Failure> {
    Err("the resource usage of a process cannot be measured on this system".into())
}
