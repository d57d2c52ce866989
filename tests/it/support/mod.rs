//! The support for tests: a folder and the program, an emulator, and assertions on output.

pub(crate) mod bucket;
pub(crate) mod cloud;
pub(crate) mod growth;
pub(crate) mod instance;
pub(crate) mod killing_proxy;
pub(crate) mod pace;
pub(crate) mod plan_file;
pub(crate) mod raw;
pub(crate) mod scripted;
pub(crate) mod sweep;
pub(crate) mod worlds;

use std::collections::HashMap;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::{LazyLock, Mutex, OnceLock};
use std::time::Duration;

use regex::Regex;
use tempfile::TempDir;

/// Returns a client of plain HTTP, which is quick to create. Each request has a connection of its
/// own: on a slow machine, the emulator closes an idle connection just when it is used again.
pub(crate) fn http_client() -> reqwest::Client {
    // Another test of this binary may have installed a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

/// A temporary folder and the program, isolated from the environment.
pub(crate) struct TestEnv {
    folder: TempDir,
    variables: Vec<(String, String)>,
    /// The single file name of all manifests: a plan contains the name of its manifest.
    pace: OnceLock<f64>,
    /// The stretched manifests, and the texts before stretching.
    stretched: Mutex<HashMap<String, String>>,
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
            pace: OnceLock::new(),
            stretched: Mutex::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable for every later command.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file; the time limits of a manifest are adapted to the machine's pace.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, self.stretched(text)).unwrap();
        path
    }

    /// Reads a file; a stretched manifest is returned unstretched.
    pub(crate) fn read(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.path().join(name)).unwrap();
        self.stretched
            .lock()
            .unwrap()
            .get(&text)
            .cloned()
            .unwrap_or(text)
    }

    /// Returns a text as [`write`](Self::write) writes it.
    pub(crate) fn stretched(&self, text: &str) -> String {
        if !text.contains("timeouts: {") {
            return text.to_owned();
        }
        let stretched = pace::stretched(text, self.pace());
        let mut known = self.stretched.lock().unwrap();
        known.insert(stretched.clone(), text.to_owned());
        stretched
    }

    /// Returns a time limit, adapted to the machine's pace, as an option takes it.
    pub(crate) fn limit(&self, limit: Duration) -> String {
        format!("{:.0}ms", limit.as_secs_f64() * 1000.0 * self.pace())
    }

    fn pace(&self) -> f64 {
        *self.pace.get_or_init(pace::factor)
    }

    /// Returns a command that is ready to be started.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("USER", "tester")
            .env("HOSTNAME", "machine")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs `solform` to its end.
    pub(crate) fn solform(&self, arguments: &[&str]) -> CommandOutput {
        let output = self
            .command(env!("CARGO_BIN_EXE_solform"), arguments)
            .output()
            .unwrap();
        CommandOutput::new(output)
    }

    /// Runs `solform` to its end, with a text on its standard input.
    pub(crate) fn solform_reading(&self, arguments: &[&str], text: &str) -> CommandOutput {
        let mut child = self
            .command(env!("CARGO_BIN_EXE_solform"), arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that rejects its arguments does not read its input.
        let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        CommandOutput::new(child.wait_with_output().unwrap())
    }

    /// Runs `solform` to its end on another thread, so that servers in this process can answer.
    pub(crate) async fn solform_beside(&self, arguments: &[&str]) -> CommandOutput {
        let mut command = self.command(env!("CARGO_BIN_EXE_solform"), arguments);
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        CommandOutput::new(output)
    }
}

/// The output of a command, and its exit code, for assertions.
#[must_use = "assert on the status or on the output"]
pub(crate) struct CommandOutput {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    status: ExitStatus,
}

/// The lines that report a slow read; only a slow machine shows them.
static STATUS_LINE: LazyLock<Regex> = LazyLock::new(|| {
    let messages = "(?:Reading |Inspecting packages: |Waiting for the server)";
    Regex::new(&format!(
        r#"(?m)^(?:{messages}|\{{"@level":"info","@message":"{messages}).*\n"#
    ))
    .unwrap()
});

impl CommandOutput {
    /// Returns the output without the status lines of a slow machine.
    pub(crate) fn new(output: Output) -> Self {
        let text_of = |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            STATUS_LINE.replace_all(&text, "").into_owned()
        };
        Self {
            stdout: text_of(output.stdout),
            stderr: text_of(output.stderr),
            status: output.status,
        }
    }

    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Asserts the exit code, and shows the output if it is another one.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "\n{self}");
        self
    }

    /// Asserts that standard output contains this text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no `{text}` in\n{self}");
        self
    }

    /// Asserts that standard error contains this text.
    #[track_caller]
    pub(crate) fn warns(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in\n{self}");
        self
    }
}

impl fmt::Display for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stdout)?;
        writeln!(f, "--- stderr ---")?;
        write!(f, "{}", self.stderr)?;
        writeln!(f, "[exit status: {}]", self.code())?;
        writeln!(f, "[EOF]")
    }
}
