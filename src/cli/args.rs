//! The arguments that several commands share.

#![expect(
    clippy::doc_markdown,
    reason = "clap shows these comments as help, where backticks are noise"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use indexmap::IndexSet;

mod formats;
mod selector_file;

pub(super) use formats::{
    FormatArgs, Output, Outputs, ReportFormatArgs, SizeArgs, output_parser, parser,
};

use crate::cli::error::{CommandError, ExitStatus, detailed_help};
use crate::ident::Address;
use crate::manifest::{duration_from, is_space};
use crate::plan::{DiffOptions, Mode, Overrides, PlanOptions, Selector};
use crate::render::PlanDetail;

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Change to this folder before anything else
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) chdir: Option<PathBuf>,
    /// Write log messages of this level and above to standard error; also SOLFORM_LOG
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(super) log: Option<LogLevel>,
    /// Allow the manifest to read this environment variable, if reading is restricted; repeatable;
    /// also SOLFORM_ALLOWED_ENV
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) env: Vec<String>,
    /// Disable colors; also NO_COLOR
    #[arg(long, global = true)]
    pub(super) no_color: bool,
}

/// The lowest level of log messages that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    /// Everything.
    Trace,
    /// Requests too.
    Debug,
    /// Progress, warnings and errors.
    Info,
    /// Warnings and errors.
    Warn,
    /// Errors only.
    Error,
    /// Nothing.
    Off,
}

/// The manifest and the environment.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Manifest options")]
pub(super) struct ManifestArgs {
    /// Manifest file; - reads standard input, and paths are then relative to the working directory
    #[arg(short, long, value_name = "FILE", default_value = "solform.yaml")]
    pub(super) file: PathBuf,
    /// Environment to use; required if the manifest has several; also SOLFORM_ENVIRONMENT
    #[arg(short, long, value_name = "NAME")]
    pub(super) environment: Vec<String>,
}

impl ManifestArgs {
    /// Returns the environments that were given, each once.
    pub(super) fn environments(&self) -> Vec<String> {
        let unique: IndexSet<&String> = self.environment.iter().collect();
        unique.into_iter().cloned().collect()
    }
}

/// The option of the commands that take several environments.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Manifest options")]
pub(super) struct SeveralArgs {
    /// Use every environment of the manifest, and show all of them as one table; a repeated -e
    /// does the same for the environments that it names
    #[arg(long, conflicts_with = "environment")]
    all_environments: bool,
}

impl SeveralArgs {
    /// Returns true if several environments are meant. The output then is a table, even if the
    /// manifest has only one environment.
    pub(super) fn are_several(self, manifest: &ManifestArgs) -> bool {
        self.all_environments || manifest.environments().len() > 1
    }

    /// Returns true if every environment of the manifest is meant.
    pub(super) fn are_all(self) -> bool {
        self.all_environments
    }
}

/// The store of locks and journals, and the use of the lock.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store options")]
pub(super) struct StoreArgs {
    /// Keep the lock and the journal in this store, not in the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE")]
    pub(super) store: Option<String>,
    /// Maximum time to wait for the lock
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration_from)]
    pub(super) lock_timeout: Duration,
    /// Acquire the lock; with false, two applies can change the environment at the same time
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(super) lock: bool,
}

/// The default number of concurrent steps.
const PARALLELISM: usize = 5;

/// The options that change a plan, shared by plan, apply and destroy.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Planning options")]
pub(super) struct PlanningArgs {
    /// Plan only this version, or all versions of this name, with their dependencies; repeatable
    #[arg(long, value_name = "ADDR")]
    pub(super) target: Vec<String>,
    /// Leave out this version, or all versions of this name, with their dependents; repeatable
    #[arg(long, value_name = "ADDR")]
    pub(super) exclude: Vec<String>,
    /// Read more targets from this file, one per line; lines that begin with # are comments; -
    /// reads standard input; repeatable
    #[arg(long, value_name = "FILE")]
    target_file: Vec<PathBuf>,
    /// Read more versions to leave out from this file, in the form of --target-file; repeatable
    #[arg(long, value_name = "FILE")]
    exclude_file: Vec<PathBuf>,
    /// Delete this version and deploy it again; repeatable
    #[arg(long, value_name = "ADDR", value_parser = Address::parse)]
    pub(super) replace: Vec<Address>,
    /// Verify this version again, although its verification passed or failed before; repeatable
    #[arg(long, value_name = "ADDR", value_parser = Address::parse)]
    pub(super) reverify: Vec<Address>,
    /// Allow exactly this number of destroys, instead of `max_destroy`
    #[arg(long, value_name = "N")]
    pub(super) allow_destroy: Option<usize>,
    /// Allow exactly this number of versions to stop serving, instead of `max_change`
    #[arg(long, value_name = "N")]
    pub(super) allow_change: Option<usize>,
    /// Maximum number of concurrent steps
    #[arg(long, value_name = "N", default_value_t = PARALLELISM)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub(super) parallelism: usize,
    #[arg(long, help = detailed_help(is_detailed), help_heading = OUTPUT)]
    pub(super) detailed_exitcode: bool,
    /// Disable interactive prompts
    #[arg(long)]
    pub(super) no_input: bool,
    #[command(flatten)]
    pub(super) detail: DetailArgs,
}

/// Returns true if only a detailed exit code shows the status.
fn is_detailed(status: ExitStatus) -> bool {
    !matches!(status, ExitStatus::Success | ExitStatus::Error)
}

/// The options for the detail of a printed plan.
#[derive(Debug, Clone, Args)]
pub(super) struct DetailArgs {
    /// Print two lines for each change, but destroys, blocked changes and warnings in full
    #[arg(long, help_heading = OUTPUT, conflicts_with = "verbose")]
    concise: bool,
    /// Print every change in full; by default, more than 100 changes are summarised in groups
    #[arg(long, help_heading = OUTPUT)]
    verbose: bool,
}

impl DetailArgs {
    /// Returns the detail that the options select.
    pub(super) fn detail(&self) -> PlanDetail {
        match (self.verbose, self.concise) {
            (true, _) => PlanDetail::Verbose,
            (false, true) => PlanDetail::Concise,
            (false, false) => PlanDetail::Summarised,
        }
    }
}

impl PlanningArgs {
    /// Returns the options for the planner.
    pub(super) fn diff_options(&self, mode: Mode) -> DiffOptions {
        let selectors = |texts: &[String]| texts.iter().map(|text| Selector::new(text)).collect();
        DiffOptions {
            mode,
            targets: selectors(&self.target),
            excludes: selectors(&self.exclude),
            replace: self.replace.clone(),
            reverify: self.reverify.clone(),
            parallelism: self.parallelism,
            ..DiffOptions::default()
        }
    }

    /// Returns the options of the plan, as typed.
    pub(super) fn plan_options(&self) -> PlanOptions {
        PlanOptions::new(&self.diff_options(Mode::Converge), self.overrides())
    }

    /// Returns the counts that replace the limits.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            destroy: self.allow_destroy,
            change: self.allow_change,
        }
    }

    /// Adds the selectors of the files to those of the options.
    pub(super) fn read_files(&mut self) -> Result<(), CommandError> {
        for file in &self.target_file {
            let targets = selector_file::read(file)?;
            // Without a target, everything would be planned.
            if targets.is_empty() {
                let message = format!("`{}` names no target", file.display());
                let hint = "Write one name or address per line, or leave out --target-file.";
                return Err(CommandError::failed(message).hint(hint));
            }
            self.target.extend(targets);
        }
        for file in &self.exclude_file {
            self.exclude.extend(selector_file::read(file)?);
        }
        Ok(())
    }

    /// Returns the first given option that selects versions: a saved plan has its own selection.
    pub(super) fn selecting(&self) -> Option<&'static str> {
        [
            ("--target-file", self.target_file.is_empty()),
            ("--exclude-file", self.exclude_file.is_empty()),
            ("--target", self.target.is_empty()),
            ("--exclude", self.exclude.is_empty()),
        ]
        .into_iter()
        .find_map(|(option, is_missing)| (!is_missing).then_some(option))
    }

    /// Returns the first given option that changes a plan.
    pub(super) fn shaping(&self) -> Option<&'static str> {
        (self.selecting())
            .or((!self.replace.is_empty()).then_some("--replace"))
            .or((!self.reverify.is_empty()).then_some("--reverify"))
            .or(self.allow_destroy.map(|_| "--allow-destroy"))
            .or(self.allow_change.map(|_| "--allow-change"))
    }
}

/// The heading of the options that choose formats and exit codes.
pub(super) const OUTPUT: &str = "Output options";

/// The options of the commands that change the environment.
#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
    #[command(flatten)]
    pub(super) several: SeveralArgs,
    #[command(flatten)]
    pub(super) planning: PlanningArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Apply without asking for approval
    #[arg(long, help_heading = "Planning options")]
    pub(super) auto_approve: bool,
    /// Text to record in the history, such as the reason of the release
    #[arg(long, value_name = "TEXT", value_parser = message)]
    pub(super) message: Option<String>,
    #[command(flatten)]
    pub(super) formats: ReportFormatArgs,
}

impl ChangeArgs {
    /// Returns the options of an approved apply of the whole manifest, as `watch` starts it.
    pub(super) fn of_watch(manifest: &ManifestArgs, store: &StoreArgs, json: bool) -> Self {
        Self {
            manifest: manifest.clone(),
            several: SeveralArgs {
                all_environments: false,
            },
            planning: PlanningArgs {
                target: Vec::new(),
                exclude: Vec::new(),
                target_file: Vec::new(),
                exclude_file: Vec::new(),
                replace: Vec::new(),
                reverify: Vec::new(),
                allow_destroy: None,
                allow_change: None,
                parallelism: PARALLELISM,
                detailed_exitcode: false,
                no_input: true,
                detail: DetailArgs {
                    concise: false,
                    verbose: false,
                },
            },
            store: store.clone(),
            auto_approve: true,
            message: Some("watch --heal".to_owned()),
            formats: ReportFormatArgs::of_events(json),
        }
    }
}

/// The maximum length of a message, in characters.
const MESSAGE_LIMIT: usize = 2_000;

/// Parses the text of `--message`.
fn message(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("the message is empty".to_owned()),
        text if text.chars().count() > MESSAGE_LIMIT => Err(format!(
            "the message has more than {MESSAGE_LIMIT} characters"
        )),
        text => Ok(text.to_owned()),
    }
}

/// The options of the commands that can wait for a run or job.
#[derive(Debug, Args)]
pub(super) struct WaitingArgs {
    /// Wait until the run or job ends
    #[arg(long)]
    pub(super) wait: bool,
    /// Maximum time to wait; the default is the environment's `timeouts.run`
    #[arg(long, value_name = "DURATION", value_parser = duration_from, requires = "wait")]
    pub(super) timeout: Option<Duration>,
    /// Print a JSON document
    #[arg(long)]
    pub(super) json: bool,
    #[arg(long, help = detailed_help(is_of_runs))]
    pub(super) detailed_exitcode: bool,
}

/// Returns true if a command about a run or job can end with the status.
fn is_of_runs(status: ExitStatus) -> bool {
    use ExitStatus::{Cancelled, InFlight, Partial};
    matches!(status, Partial | InFlight | Cancelled)
}

/// Parses a space, OWNER/SPACE.
pub(super) fn parse_space(text: &str) -> Result<String, String> {
    if is_space(text) {
        Ok(text.to_owned())
    } else {
        Err("a space is written OWNER/SPACE".to_owned())
    }
}

/// A word that is the value of an option, with its help.
pub(super) type Word = (&'static str, &'static str);

/// Returns the parser of an option whose value is one of these words. An option with `ignore_case`
/// takes them in any case.
pub(super) fn word_parser(words: &'static [Word]) -> impl TypedValueParser<Value = &'static str> {
    let value = |(word, help): &Word| PossibleValue::new(*word).help(*help);
    PossibleValuesParser::new(words.iter().map(value)).map(|given| {
        let mut words = words.iter().map(|(word, _)| *word);
        let word = words.find(|word| word.eq_ignore_ascii_case(&given));
        word.expect("invariant: the parser takes only the words")
    })
}
