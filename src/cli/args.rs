//! The arguments of the command line.

#![expect(
    clippy::doc_markdown,
    reason = "clap shows these comments as help, where backticks are noise"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod export;
mod formats;
mod normalise;
mod review;
mod runs;
mod solutions;

pub(super) use export::{DoctorArgs, ExportArgs};
pub(super) use formats::{
    DocumentFormat, FormatArgs, Output, PlanFormat, ReportFormat, ReportFormatArgs, ReviewFormat,
    SizeArgs,
};
pub(super) use normalise::normalise;
pub(super) use review::ReviewArgs;
pub(super) use runs::{JobArgs, JobsArgs, RunArgs, SortKey, SortOrder, WaitingArgs};
pub(super) use solutions::{GetArgs, ListArgs};

use crate::cli::error::{ExitStatus, detailed_help};
use crate::ident::Address;
use crate::plan::{DiffOptions, Mode, Overrides, Selector};
use crate::render::{PROSE_WIDTH, PlanDetail};
use solform_emulator::{Fault, JobPace, Profile};

/// Terraform for Instabase Deployed Solutions
#[derive(Debug, Parser)]
#[command(name = "solform", version, about, long_about = None, max_term_width = PROSE_WIDTH)]
// Arguments of the command line override those of SOLFORM_CLI_ARGS, which are inserted before them.
#[command(args_override_self = true)]
#[command(after_help = "Example:\n  solform init && solform plan && solform apply")]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

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
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a commented manifest to start from
    #[command(after_help = "Example:\n  solform init\n  solform init --file releases/solform.yaml")]
    Init(InitArgs),
    /// Check the manifest, without network or token
    #[command(after_help = "Example:\n  solform validate\n  solform validate -e prod")]
    Validate(ManifestArgs),
    /// Show what apply would do; sends GETs only
    #[command(
        after_help = "Example:\n  solform plan -e prod --out prod.plan\n  solform plan -e prod --detailed-exitcode --target 'Form W-2'\n  solform plan -e prod --concise --output json=plan.json --output gitlab=counts.json"
    )]
    Plan(PlanArgs),
    /// Change the environment to match the manifest, or execute a saved plan
    #[command(
        after_help = "Example:\n  solform apply -e prod\n  solform apply -e prod prod.plan --output markdown=report.md\n  solform apply -e local --auto-approve --json"
    )]
    Apply(ApplyArgs),
    /// Delete the declared versions that are live
    #[command(
        after_help = "Example:\n  solform destroy -e local\n  solform destroy -e prod --target 'Form W-2@0.0.1'\n  solform plan -e prod --destroy --out prod.plan && solform destroy -e prod prod.plan",
        // The option is hidden, but parsed: its error explains why `destroy` does not support it.
        mut_arg("replace", |arg| arg.hide(true))
    )]
    Destroy(DestroyArgs),
    /// Show a saved plan
    #[command(after_help = "Example:\n  solform show prod.plan\n  solform show --json prod.plan")]
    Show(ShowArgs),
    /// Show the effects of a change to the manifest, without network or token
    #[command(
        after_help = "Example:\n  solform review --base main\n  solform review --base solform.yaml.orig -e prod --detailed-exitcode\n  solform review --base origin/main --output markdown=review.md"
    )]
    Review(ReviewArgs),
    /// List live versions
    #[command(
        after_help = "Example:\n  solform list -e prod\n  solform list -e prod --owner IB_DEPLOYED --state ACTIVE --json"
    )]
    List(ListArgs),
    /// Show one live version, by address or id
    #[command(after_help = "Example:\n  solform get -e prod 'Form W-2@0.0.2'")]
    Get(GetArgs),
    /// Write the live versions as a manifest whose plan is empty
    #[command(
        after_help = "Example:\n  solform export -e prod\n  solform export -e prod --all --out prod.yaml"
    )]
    Export(ExportArgs),
    /// Check the environment with GET requests, and test the locks of its store
    #[command(after_help = "Example:\n  solform doctor -e prod\n  solform doctor -e prod --json")]
    Doctor(DoctorArgs),
    /// Run a solution on a folder of input files
    #[command(
        after_help = "Example:\n  solform run -e prod 'Form W-2@0.0.2' --input-dir 'acme/prod/fs/Instabase Drive/in' --wait\n  solform run -e prod --name 'Form W-2' --owner IB_DEPLOYED --input-dir 'acme/prod/fs/Instabase Drive/in'"
    )]
    Run(RunArgs),
    /// List runs of one solution, or of all solutions
    #[command(
        after_help = "Example:\n  solform jobs -e prod 'Form W-2@0.0.2'\n  solform jobs -e prod --state FAILED --output-repo acme/prod --limit 20"
    )]
    Jobs(JobsArgs),
    /// Show the state of a job or a run
    #[command(
        after_help = "Example:\n  solform job -e prod 5f0c1a52 --wait\n  solform job -e prod my-run --type flow --json"
    )]
    Job(JobArgs),
    /// List earlier applies, or show one
    #[command(
        after_help = "Example:\n  solform history -e prod\n  solform history -e prod show 0192f1c4",
        // Both are also accepted after `show`.
        mut_arg("file", |arg| arg.global(true)),
        mut_arg("environment", |arg| arg.global(true))
    )]
    History(HistoryArgs),
    /// Stop waiting for the job of an earlier apply
    #[command(
        after_help = "Example:\n  solform abandon -e prod 'Form W-2@0.0.2' --apply 0192f1c4\n  solform abandon -e prod 'Form W-2@0.0.2' --apply 0192f1c4 --auto-approve --json"
    )]
    Abandon(AbandonArgs),
    /// Remove the lock, even if another process holds it
    #[command(
        after_help = "Example:\n  solform force-unlock -e prod 6f0c3a52-1c1e-4f65-9a53-2f0a1f5b7a11"
    )]
    ForceUnlock(ForceUnlockArgs),
    /// Print a JSON Schema
    #[command(after_help = "Example:\n  solform schema manifest > manifest.schema.json")]
    Schema(SchemaArgs),
    /// Start an emulator of the platform's API on a loopback port
    #[command(
        after_help = "Example:\n  solform emulator --listen 127.0.0.1:8080 --seed emulator.yaml\n  solform emulator --job-time polls:3 --page-cap 20 --latency 50ms"
    )]
    Emulator(EmulatorArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  solform completions bash > /etc/bash_completion.d/solform")]
    Completions(CompletionsArgs),
    /// Print a manual page
    #[command(
        after_help = "Example:\n  solform man > /usr/local/share/man/man1/solform.1\n  solform man apply | man -l -"
    )]
    Man(ManArgs),
}

impl Command {
    /// Returns true if the command may change the environment.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self, Self::Apply(_) | Self::Destroy(_) | Self::Run(_))
    }

    /// Returns true if the command handles signals itself.
    pub(super) fn handles_signals(&self) -> bool {
        match self {
            Self::Emulator(args) => !args.openapi,
            Self::Job(_) | Self::Abandon(_) => true,
            other => other.is_writing(),
        }
    }

    /// Returns true if standard output is an event stream.
    pub(super) fn has_stream(&self) -> bool {
        match self {
            Self::Plan(args) => args.json,
            Self::Apply(args) => args.change.formats.json,
            Self::Destroy(args) => args.change.formats.json,
            _ => false,
        }
    }

    pub(super) fn has_detailed_exit_code(&self) -> bool {
        match self {
            Self::Plan(args) => args.planning.detailed_exitcode,
            Self::Apply(args) => args.change.planning.detailed_exitcode,
            Self::Destroy(args) => args.change.planning.detailed_exitcode,
            Self::Show(args) => args.detailed_exitcode,
            Self::Review(args) => args.detailed_exitcode,
            Self::Run(args) => args.waiting.detailed_exitcode,
            Self::Job(args) => args.waiting.detailed_exitcode,
            Self::Init(_)
            | Self::Validate(_)
            | Self::List(_)
            | Self::Get(_)
            | Self::Export(_)
            | Self::Doctor(_)
            | Self::Jobs(_)
            | Self::History(_)
            | Self::Abandon(_)
            | Self::ForceUnlock(_)
            | Self::Schema(_)
            | Self::Emulator(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }
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
    pub(super) environment: Option<String>,
}

/// The store of locks and journals, and the use of the lock.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store options")]
pub(super) struct StoreArgs {
    /// Keep the lock and the journal in this store, not in the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE")]
    pub(super) store: Option<String>,
    /// Maximum time to wait for the lock
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    pub(super) lock_timeout: Duration,
    /// Acquire the lock; with false, two applies can change the environment at the same time
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(super) lock: bool,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Manifest file to write; an existing file is not overwritten; - prints the manifest
    #[arg(short, long, value_name = "FILE", default_value = "solform.yaml")]
    pub(super) file: PathBuf,
}

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
    /// Delete this version and deploy it again; repeatable
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub(super) replace: Vec<Address>,
    /// Allow exactly this number of destroys, instead of `max_destroy`
    #[arg(long, value_name = "N")]
    pub(super) allow_destroy: Option<usize>,
    /// Allow exactly this number of versions to stop serving, instead of `max_change`
    #[arg(long, value_name = "N")]
    pub(super) allow_change: Option<usize>,
    /// Maximum number of concurrent steps
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
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
            ..DiffOptions::default()
        }
    }

    /// Returns the counts that replace the limits.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            destroy: self.allow_destroy,
            change: self.allow_change,
        }
    }

    /// Returns the first given option that selects versions: a saved plan has its own selection.
    pub(super) fn selecting(&self) -> Option<&'static str> {
        if !self.target.is_empty() {
            Some("--target")
        } else if !self.exclude.is_empty() {
            Some("--exclude")
        } else {
            None
        }
    }

    /// Returns the first given option that changes a plan.
    pub(super) fn shaping(&self) -> Option<&'static str> {
        if let Some(option) = self.selecting() {
            Some(option)
        } else if !self.replace.is_empty() {
            Some("--replace")
        } else if self.allow_destroy.is_some() {
            Some("--allow-destroy")
        } else if self.allow_change.is_some() {
            Some("--allow-change")
        } else {
            None
        }
    }
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
    #[command(flatten)]
    pub(super) planning: PlanningArgs,
    /// Save the plan to this file, for `apply FILE` or `destroy FILE`
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) formats: FormatArgs,
    /// Print events instead, one JSON object per line
    #[arg(long, conflicts_with = "format", help_heading = OUTPUT)]
    pub(super) json: bool,
    /// Plan the deletions of `destroy`
    #[arg(long, help_heading = "Planning options")]
    pub(super) destroy: bool,
    /// Read earlier applies from this store, not from the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE", help_heading = "Store options")]
    pub(super) store: Option<String>,
}

/// The heading of the options that choose formats and exit codes.
const OUTPUT: &str = "Output options";

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// Saved plan of `plan --out`; only its changes are applied
    #[arg(value_name = "PLAN")]
    pub(super) plan: Option<PathBuf>,
    /// Finish the interrupted apply, and change nothing else
    #[arg(long, conflicts_with = "plan")]
    pub(super) resume: bool,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

/// Arguments of `destroy`.
#[derive(Debug, Args)]
pub(super) struct DestroyArgs {
    /// Saved plan of `plan --destroy --out`; only its changes are applied
    #[arg(value_name = "PLAN")]
    pub(super) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

/// The options of the commands that change the environment.
#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
    #[command(flatten)]
    pub(super) planning: PlanningArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Apply without asking for approval
    #[arg(long, help_heading = "Planning options")]
    pub(super) auto_approve: bool,
    #[command(flatten)]
    pub(super) formats: ReportFormatArgs,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Saved plan to show
    #[arg(value_name = "PLAN")]
    pub(super) plan: PathBuf,
    #[command(flatten)]
    pub(super) formats: FormatArgs,
    /// Print Terraform's plan document; short for --format json
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) detail: DetailArgs,
    /// Return exit code 2 if the plan has changes
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
}

impl ShowArgs {
    /// Returns the formats, with `--json` taken as `--format json`.
    pub(super) fn formats(&self) -> FormatArgs {
        if self.json {
            self.formats.clone().in_json()
        } else {
            self.formats.clone()
        }
    }
}

/// Arguments of `history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
    /// Read this store, not the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE", global = true)]
    pub(super) store: Option<String>,
    /// Print a JSON document
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Option<HistoryCommand>,
}

/// The subcommands of `history`.
#[derive(Debug, Subcommand)]
pub(super) enum HistoryCommand {
    /// Show one apply with its changes
    #[command(after_help = "Example:\n  solform history -e prod show 0192f1c4 --format markdown")]
    Show {
        /// Id of the apply, or its first characters
        #[arg(value_name = "RUN")]
        run: String,
        /// Print the apply in this format
        #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "json")]
        format: Option<DocumentFormat>,
        #[command(flatten)]
        size: SizeArgs,
    },
}

/// Arguments of `abandon`.
#[derive(Debug, Args)]
pub(super) struct AbandonArgs {
    /// Version whose job does not end, or whose failed deploy left a record
    #[arg(value_name = "ADDR", value_parser = parse_address)]
    pub(super) address: Address,
    /// Id of the apply that sent the write, or its first characters
    #[arg(long, value_name = "ID")]
    pub(super) apply: String,
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Continue without asking for approval
    #[arg(long)]
    pub(super) auto_approve: bool,
    /// Disable interactive prompts
    #[arg(long)]
    pub(super) no_input: bool,
    /// Print a JSON document; needs --auto-approve
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of `force-unlock`.
#[derive(Debug, Args)]
pub(super) struct ForceUnlockArgs {
    /// Id of the lock, from the error message of the command that could not acquire it
    #[arg(value_name = "ID")]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
    /// Remove the lock of this store, not of the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE")]
    pub(super) store: Option<String>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Document whose schema is printed
    #[arg(value_enum)]
    pub(super) document: SchemaDocument,
}

/// Documents that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaDocument {
    /// The manifest, `solform.yaml`.
    Manifest,
    /// The output of `list --json` and `get --json`.
    Solutions,
    /// The output of `jobs --json`.
    Runs,
    /// The output of `run --json` and `job --json`.
    Job,
    /// The output of `plan --format json` and `show --json`.
    Plan,
    /// The output of `review --json`.
    Review,
    /// The output of `history --json`.
    History,
    /// The output of `history show --json`.
    RunHistory,
    /// The output of `abandon --json`.
    Abandon,
    /// The output of `doctor --json`.
    Doctor,
    /// The output of `apply --format json` and `destroy --format json`.
    Report,
    /// A line of the output of `plan --json`, `apply --json` and `destroy --json`.
    Events,
}

/// Arguments of `emulator`.
#[derive(Debug, Args)]
pub(super) struct EmulatorArgs {
    /// Loopback address and port to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// Accept only this bearer token; by default, any is accepted; also SOLFORM_EMULATOR_TOKEN
    #[arg(long, value_name = "TOKEN")]
    pub(super) token: Option<String>,
    /// Accept only the bearer token in this file
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub(super) token_file: Option<PathBuf>,
    /// Load this file into a new world
    #[arg(long, value_name = "FILE")]
    pub(super) seed: Option<PathBuf>,
    /// Keep the world in this folder; by default, it is kept in memory
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Set when a job ends: after a time such as 2s, after polls:N, by manual control, or never
    #[arg(long, value_name = "PACE", default_value = "500ms")]
    pub(super) job_time: JobPace,
    /// Maximum number of records in one page of a list
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) page_cap: usize,
    /// Delay of every response
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = parse_duration)]
    pub(super) latency: Duration,
    /// Format of the responses: docs or aihub
    #[arg(long, value_name = "NAME", default_value = "docs")]
    pub(super) profile: Profile,
    /// Choose a behaviour where the platform's behaviour is not known; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) knob: Vec<String>,
    /// Inject this fault; repeatable; docs/emulator.md lists the rules
    #[arg(long, value_name = "RULE")]
    pub(super) fault: Vec<Fault>,
    /// Print the OpenAPI document of the emulator, and exit
    #[arg(long)]
    pub(super) openapi: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell that runs the script
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Command to describe; by default, the page is about solform itself
    #[arg(value_name = "COMMAND")]
    pub(super) command: Option<String>,
}

fn parse_address(text: &str) -> Result<Address, crate::ident::IdentError> {
    Address::parse(text)
}

fn parse_duration(text: &str) -> Result<Duration, crate::manifest::DurationError> {
    crate::manifest::duration_from(text)
}
