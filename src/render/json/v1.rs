//! Version 1 of the documents. Programs read them, so they have separate types: an internal change
//! does not change a document.
//!
//! `format_version` is `MAJOR.MINOR`. A new key raises the minor number, and readers must ignore
//! keys that they do not know. A key that is removed or changes its meaning raises the major
//! number.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZeroI64;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::ident::{Address, SolutionId};
use crate::job::{RunList, RunRecord, RunState};
use crate::live::{Coverage, LiveState, LiveVersion, UnmanageableRecord};
use crate::plan::ApplyHistory;
use crate::run::{JobOutcome, JobReport};

pub(super) const FORMAT_VERSION: &str = "1.1";
/// The output of `list --json` and `get --json`: live solution versions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SolutionsDocument<'a> {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The name of the environment in the manifest.
    environment: String,
    /// The reason why the list may be incomplete; null if it is proven complete.
    incomplete: Option<String>,
    /// The versions, ordered by name, version and owner.
    #[schemars(with = "Vec<SolutionItem>")]
    solutions: SolutionItems<'a>,
    /// Listed records whose names no manifest can declare.
    unmanageable: Vec<UnmanageableItem>,
}

/// The items of versions, each of which is made when it is written.
#[derive(Debug)]
struct SolutionItems<'a> {
    versions: &'a [LiveVersion],
    long_addresses: &'a BTreeMap<SolutionId, Address>,
    history: &'a ApplyHistory,
}

impl Serialize for SolutionItems<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.versions.iter().map(|version| {
            solution_item(version, self.long_addresses.get(&version.id), self.history)
        }))
    }
}

/// A live solution version.
#[derive(Debug, Serialize, JsonSchema)]
struct SolutionItem {
    /// `Name@version`, with the owner or the id if another live version has the same name and
    /// version.
    address: String,
    /// The platform's id.
    id: String,
    /// The solution's name.
    name: String,
    /// The version.
    version: String,
    /// The owner.
    owner: String,
    /// The user who published it.
    author: Option<String>,
    /// The server's word for its state.
    state: String,
    /// The server's word for its visibility; null if no response contains it.
    visibility: Option<String>,
    /// The time of its creation, in milliseconds since 1970.
    created_at_ms: Option<i64>,
    /// The time of its last update, in milliseconds since 1970.
    updated_at_ms: Option<i64>,
    /// True if the failed deploy of an apply left it.
    orphaned: bool,
}

/// A record that cannot be managed.
#[derive(Debug, Serialize, JsonSchema)]
struct UnmanageableItem {
    /// The platform's id.
    id: String,
    /// The owner, name and version, quoted.
    label: String,
    /// The reason why it cannot be managed.
    reason: String,
    /// The name as the server sent it, cut to 512 characters.
    name: String,
    /// The version as the server sent it.
    version: String,
    /// The owner as the server sent it.
    owner: String,
    /// The user who published it.
    author: Option<String>,
    /// The server's word for its state.
    state: Option<String>,
    /// The server's word for its visibility.
    visibility: Option<String>,
}

/// The output of `jobs --json`: runs of solutions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunsDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The name of the environment in the manifest.
    environment: String,
    /// The reason why the list may be incomplete; null if it reached its end or its limit.
    incomplete: Option<String>,
    /// The runs, in the server's order.
    runs: Vec<RunItem>,
}

/// A run of a solution.
#[derive(Debug, Serialize, JsonSchema)]
struct RunItem {
    /// The id.
    id: String,
    /// The server's word for its state.
    state: Option<String>,
    /// The id of the solution.
    solution_id: Option<String>,
    /// The platform's private id of the user who started it.
    account_id: Option<String>,
    /// The start, in milliseconds since 1970.
    started_at_ms: Option<i64>,
    /// The end, in milliseconds since 1970.
    completed_at_ms: Option<i64>,
    /// The duration, in milliseconds.
    time_taken_ms: Option<i64>,
    /// The server's message.
    message: Option<String>,
    /// The folder of the results.
    output_folder: Option<String>,
}

/// The output of `run --json` and `job --json`: the state of a run or job.
#[derive(Debug, Serialize, JsonSchema)]
pub struct JobDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The name of the environment in the manifest.
    environment: String,
    /// The id.
    id: String,
    /// The state.
    outcome: JobOutcomeWord,
    /// The server's word for its state.
    state: Option<String>,
    /// The completed share of a run, 0 to 1; null for a job.
    progress: Option<f64>,
    /// The server's message: the reason of a failure, or the last answer if the outcome is not
    /// known.
    message: Option<String>,
    /// The start, in milliseconds since 1970.
    started_at_ms: Option<i64>,
    /// The duration, in milliseconds.
    time_taken_ms: Option<i64>,
    /// The folder of the results.
    output_folder: Option<String>,
    /// The ids of the solution that ran, or of the solutions that a deploy created.
    solution_ids: Vec<String>,
    /// True if the start was sent twice, because the first answer was lost.
    sent_twice: bool,
}

/// The state of a run or job.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum JobOutcomeWord {
    /// It was started, and its state was not read yet.
    Started,
    /// It is in progress.
    AtWork,
    /// It succeeded.
    Done,
    /// It failed.
    Failed,
    /// No response contains its state.
    NotKnown,
}

/// Returns the document of a live state; `long_addresses` replace addresses that are not unique.
pub fn solutions_document<'a>(
    environment: &str,
    live: &'a LiveState,
    long_addresses: &'a BTreeMap<SolutionId, Address>,
    history: &'a ApplyHistory,
) -> SolutionsDocument<'a> {
    SolutionsDocument {
        format_version: FORMAT_VERSION,
        environment: environment.to_owned(),
        incomplete: match live.coverage() {
            Coverage::Whole | Coverage::Names(_) => None,
            Coverage::Unproven(why) => Some(why.to_string()),
        },
        solutions: SolutionItems {
            versions: live.versions(),
            long_addresses,
            history,
        },
        unmanageable: live.unmanageable().iter().map(unmanageable_item).collect(),
    }
}

fn unmanageable_item(record: &UnmanageableRecord) -> UnmanageableItem {
    let UnmanageableRecord {
        id,
        label,
        reason,
        texts,
    } = record;
    let texts = texts.clone();
    UnmanageableItem {
        id: id.to_string(),
        label: label.clone(),
        reason: reason.clone(),
        name: texts.name,
        version: texts.version,
        owner: texts.owner,
        author: texts.author,
        state: texts.state,
        visibility: texts.visibility,
    }
}

fn solution_item(
    live: &LiveVersion,
    address: Option<&Address>,
    history: &ApplyHistory,
) -> SolutionItem {
    let LiveVersion {
        id,
        identity,
        author,
        state,
        visibility,
        created_at_ms,
        updated_at_ms,
    } = live;
    SolutionItem {
        address: address.map_or_else(|| identity.address().to_string(), ToString::to_string),
        id: id.to_string(),
        name: identity.name.to_string(),
        version: identity.version.to_string(),
        owner: identity.owner.to_string(),
        author: author.as_deref().map(str::to_owned),
        state: state.to_string(),
        visibility: visibility.as_ref().map(ToString::to_string),
        created_at_ms: created_at_ms.map(NonZeroI64::get),
        updated_at_ms: updated_at_ms.map(NonZeroI64::get),
        orphaned: history.orphaned.contains_key(id),
    }
}

/// Returns the document of a list of runs.
pub fn runs_document(environment: &str, list: &RunList) -> RunsDocument {
    RunsDocument {
        format_version: FORMAT_VERSION,
        environment: environment.to_owned(),
        incomplete: list.incomplete.clone(),
        runs: list.runs.iter().map(run_item).collect(),
    }
}

fn run_item(run: &RunRecord) -> RunItem {
    let RunRecord {
        id,
        solution_id,
        account_id,
        state,
        started_at_ms,
        completed_at_ms,
        time_taken_ms,
        message,
        output_folder,
    } = run;
    RunItem {
        id: id.to_string(),
        state: state.as_ref().map(RunState::as_str).map(str::to_owned),
        solution_id: solution_id.as_ref().map(ToString::to_string),
        account_id: account_id.clone(),
        started_at_ms: *started_at_ms,
        completed_at_ms: *completed_at_ms,
        time_taken_ms: *time_taken_ms,
        message: message.clone(),
        output_folder: output_folder.clone(),
    }
}

/// Returns the document of one run or job.
pub fn job_document(environment: &str, report: &JobReport) -> JobDocument {
    let JobReport {
        id,
        outcome,
        state,
        progress,
        message,
        started_at_ms,
        time_taken_ms,
        output_folder,
        solution_ids,
        sent_twice,
    } = report;
    JobDocument {
        format_version: FORMAT_VERSION,
        environment: environment.to_owned(),
        id: id.to_string(),
        outcome: match outcome {
            JobOutcome::Started => JobOutcomeWord::Started,
            JobOutcome::InProgress => JobOutcomeWord::AtWork,
            JobOutcome::Done => JobOutcomeWord::Done,
            JobOutcome::Failed { .. } => JobOutcomeWord::Failed,
            JobOutcome::NotKnown { .. } => JobOutcomeWord::NotKnown,
        },
        state: state.clone(),
        progress: *progress,
        message: outcome.reason().or(message.as_ref()).cloned(),
        started_at_ms: *started_at_ms,
        time_taken_ms: *time_taken_ms,
        output_folder: output_folder.clone(),
        solution_ids: solution_ids.iter().map(ToString::to_string).collect(),
        sent_twice: *sent_twice,
    }
}

/// Writes a document as indented JSON.
pub fn render_json(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// Returns the JSON Schema (draft 2020-12) of a document. It forbids keys that it does not list.
pub fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    if let Some(types) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        types.values_mut().for_each(forbid_other_keys);
    }
    forbid_other_keys(&mut schema);
    schema
}

/// Forbids other keys in an object. A line of the event stream stays open: it also has the keys of
/// its event, which are in a `oneOf` or an `anyOf`.
fn forbid_other_keys(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut()
        && schema.contains_key("properties")
        && !schema.contains_key("oneOf")
        && !schema.contains_key("anyOf")
    {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}
