//! The types for the schemas of request bodies and of those answers that are built from parts. The
//! doc comments are the descriptions; their first word is the certainty of the key.

#![expect(dead_code, reason = "only the schemas of these types are used")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use crate::reply::jobs::RunReply;
use crate::reply::records::SolutionReply;

/// The pattern of a node path: parts that are not empty, `.` or `..`, joined by slashes, with an
/// optional slash at either end.
const NODE_PATH: &str = "^/?(?!\\.{1,2}(/|$))[^/\\x00]+(/(?!\\.{1,2}(/|$))[^/\\x00]+)*/?$";
const NODE_PATH_OR_NOTHING: &str =
    "^(/?(?!\\.{1,2}(/|$))[^/\\x00]+(/(?!\\.{1,2}(/|$))[^/\\x00]+)*/?)?$";
/// The pattern of a path in an address. It does not split at slashes, because tools that generate
/// addresses do not either.
pub(super) const PATH_IN_ADDRESS: &str = "^[^\\x00]+$";
const NODE_NAME: &str = "^(?!\\.{1,2}$)[^/\\x00]+$";

/// An error. STATED for v2 calls in general: `message`. UNKNOWN for this API.
#[derive(JsonSchema)]
pub(super) struct Error {
    /// STATED for v2 calls in general.
    message: String,
}

#[derive(JsonSchema)]
pub(super) struct DeployBody {
    /// STATED: the path of an .ibsolution file on the platform's file system.
    #[schemars(length(min = 1))]
    solution_path: String,
    /// SEEN. UNKNOWN: what it changes; the knob `deploy_async` chooses.
    r#async: Option<Value>,
}

/// The id of the job that does the work.
#[derive(JsonSchema)]
pub(super) struct JobStarted {
    /// STATED: poll it with the Job API, type `async`; for runs type `flow`.
    job_id: String,
}

/// STATED: the id of the job. UNKNOWN: whether it may be missing; the knob `delete_answer` chooses.
#[derive(JsonSchema)]
pub(super) struct DeleteStarted {
    #[schemars(required)]
    job_id: Option<String>,
}

#[derive(JsonSchema)]
pub(super) struct SolutionList {
    /// STATED: in a list of one.
    has_more: Option<HasMore>,
    /// STATED: in a list of one; -1 at the end.
    next_offset: Option<NextOffset>,
    /// STATED.
    solutions: Vec<SolutionReply<'static>>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum HasMore {
    /// STATED.
    List(Vec<bool>),
    /// Knob `paging`.
    Bare(bool),
    /// Knob `paging`.
    Text(String),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum NextOffset {
    /// STATED.
    List(Vec<i64>),
    /// Knob `paging`.
    Bare(i64),
    /// Knob `paging`.
    Text(String),
}

#[derive(JsonSchema)]
pub(super) struct SingleSolution {
    /// STATED.
    solution: SolutionReply<'static>,
}

/// SEEN: clients send a body. STATED: the parameters are shown in the query. The knob `patch_style`
/// chooses.
#[derive(JsonSchema)]
pub(super) struct PatchBody {
    /// SEEN: PRODUCTION too, which the knob `patch_states` allows.
    state: Option<PatchState>,
    visibility: Option<PatchVisibility>,
    is_customizable: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "SCREAMING_SNAKE_CASE")]
enum PatchState {
    Active,
    Inactive,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "SCREAMING_SNAKE_CASE")]
enum PatchVisibility {
    Public,
    Private,
    PendingReview,
}

#[derive(JsonSchema)]
pub(super) struct ShareBody {
    /// SEEN: ids of accounts.
    orgs: Vec<String>,
}

#[derive(JsonSchema)]
pub(super) struct RunBody {
    /// STATED: the folder to read from.
    #[schemars(length(min = 1), regex(pattern = NODE_PATH))]
    input_dir: String,
    /// STATED: made within the input folder if it is left out or empty.
    #[schemars(regex(pattern = NODE_PATH_OR_NOTHING))]
    output_dir: Option<String>,
    /// STATED: chosen by the caller. UNKNOWN: what a second run of the same id gives; the knob
    /// `run_repeated_id` chooses.
    #[schemars(length(max = 50))]
    job_id: Option<String>,
    /// STATED: as for a flow binary. INFERRED: it may be left out.
    settings: Option<BTreeMap<String, Value>>,
}

#[derive(JsonSchema)]
pub(super) struct RunByNameBody {
    /// STATED.
    #[schemars(length(min = 1))]
    name: String,
    /// STATED: the most recently created if it is left out.
    version: Option<String>,
    /// STATED: `IB_DEPLOYED` if it is left out.
    owner: Option<String>,
    #[schemars(flatten)]
    run: RunBody,
}

#[derive(JsonSchema)]
pub(super) struct RunList {
    /// STATED. There are no paging keys.
    jobs: Vec<RunReply<'static>>,
}

/// The status of a job. SEEN: any of the keys may be missing for a moment.
#[derive(JsonSchema)]
pub(super) struct JobStatus {
    /// STATED: OK or ERROR; the status of the request, not of the job.
    status: Option<String>,
    /// STATED: PENDING, DONE or COMPLETE.
    state: Option<String>,
    /// STATED.
    msg: Option<String>,
    /// STATED.
    job_id: Option<String>,
    /// STATED: JSON in a text, whose keys depend on the type of the job. UNKNOWN for `async`.
    cur_status: Option<String>,
    /// STATED: once the job is over. SEEN: a list; a job that failed has `status` ERROR in here.
    results: Option<Results>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum Results {
    /// SEEN.
    List(Vec<JobResult>),
    /// STATED by the wording; knob `job_results`.
    Object(JobResult),
}

#[derive(JsonSchema)]
struct JobResult {
    /// SEEN: OK or ERROR; it may be missing.
    status: Option<String>,
    /// SEEN: what went wrong.
    msg: Option<String>,
    /// STATED: of a run.
    output_folder: Option<String>,
    /// SEEN: of a publish job. UNKNOWN for a deploy job; knob `deploy_result`.
    deployed_solution_id: Option<String>,
    /// SEEN: of a package that was created.
    solution_path: Option<String>,
    /// SEEN: of a flow that was compiled.
    flow_path: Option<String>,
}

#[derive(JsonSchema)]
pub(super) struct FileJob {
    /// STATED: COMPLETE, FAILED, CANCELLED, RUNNING or PENDING.
    state: String,
    /// STATED.
    message: String,
}

#[derive(JsonSchema)]
pub(super) struct Folder {
    /// SEEN.
    nodes: Vec<NodeEntry>,
    /// SEEN.
    has_more: bool,
    /// SEEN: the `start-token` of the next page.
    next_page_token: Option<String>,
}

#[derive(JsonSchema)]
pub(super) struct NodeEntry {
    /// SEEN.
    name: String,
    /// SEEN.
    full_path: String,
    /// STATED for the files of batches; INFERRED here.
    metadata: NodeMetadata,
    /// STATED for the files of batches; INFERRED here.
    perms: NodePerms,
}

#[derive(JsonSchema)]
struct NodeMetadata {
    /// `file` or `folder`.
    node_type: String,
    size: u64,
    /// Seconds since 1970.
    modified_timestamp: u64,
}

#[derive(JsonSchema)]
struct NodePerms {
    can_read: bool,
    can_write: bool,
    can_delete: bool,
}

#[derive(JsonSchema)]
pub(super) struct CreateNodeBody {
    /// STATED.
    #[schemars(length(min = 1), regex(pattern = NODE_NAME))]
    name: String,
    /// STATED: `file` or `folder`.
    node_type: NodeType,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum NodeType {
    File,
    Folder,
}

#[derive(JsonSchema)]
pub(super) struct FromToBody {
    /// SEEN.
    #[schemars(length(min = 1))]
    src_path: String,
    /// SEEN.
    #[schemars(length(min = 1))]
    dst_path: String,
}

#[derive(JsonSchema)]
pub(super) struct DriveCopyBody {
    /// SEEN.
    #[schemars(length(min = 1))]
    new_full_path: String,
}

#[derive(JsonSchema)]
pub(super) struct CompileBody {
    /// STATED.
    #[schemars(length(min = 1))]
    flow_project_root: String,
    /// STATED.
    binary_type: Option<String>,
    /// STATED: under `build/bin/` of the root if it is left out.
    predefined_binary_path: Option<String>,
    /// STATED.
    settings: CompileSettings,
}

#[derive(JsonSchema)]
struct CompileSettings {
    /// STATED: relative to the root.
    #[schemars(length(min = 1))]
    flow_file: String,
    /// SEEN.
    is_flow_v3: Option<bool>,
}

#[derive(JsonSchema)]
pub(super) struct CreateSolutionBody {
    /// STATED.
    #[schemars(length(min = 1))]
    content_folder: String,
    /// STATED.
    #[schemars(length(min = 1))]
    output_folder: String,
    /// SEEN: `"true"` gives a job.
    r#async: Option<Value>,
}

#[derive(JsonSchema)]
pub(super) struct PublishBody {
    /// STATED.
    #[schemars(length(min = 1))]
    ibsolution_path: String,
    /// SEEN: `"true"` gives a job.
    r#async: Option<Value>,
}

/// The answer to a v1 call. Errors of these calls are 200 with `status` ERROR.
#[derive(JsonSchema)]
pub(super) struct V1Answer {
    /// STATED: OK or ERROR; missing beside a job.
    status: Option<String>,
    /// STATED: what went wrong.
    msg: Option<String>,
    /// SEEN: where the work is a job.
    job_id: Option<String>,
    /// SEEN: of a package that was created.
    output_path: Option<String>,
}
