//! The description of each operation in the document.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::bodies;
use crate::operation::Operation;
use crate::operations::run_list::RUN_STATES;

/// A function that makes the schema of a body.
type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// The content of a body.
#[derive(Clone, Copy)]
pub(super) enum Content {
    Nothing,
    Json(MakeSchema),
    /// The bytes of a file.
    Bytes,
    /// A page of a folder, or the bytes of a file.
    Either(MakeSchema),
}

/// The description of one operation.
pub(super) struct Described {
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// The certainty of the call, and its peculiarities.
    pub(super) description: &'static str,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Content,
    /// True if the call needs no body.
    pub(super) body_is_optional: bool,
    /// The successful answers: status, description and content.
    pub(super) answers: Vec<(&'static str, &'static str, Content)>,
}

macro_rules! json_of {
    ($name:ident) => {
        Content::Json(SchemaGenerator::subschema_for::<bodies::$name>)
    };
}

const SOLUTIONS: &str = "Deployed Solutions";
const JOBS: &str = "Jobs";
const FILES: &str = "Files";
const PACKAGING: &str = "Packaging";

/// Returns the description of a call that needs its body and has one successful answer.
fn call(
    tag: &'static str,
    summary: &'static str,
    description: &'static str,
    body: Content,
    answer: Content,
) -> Described {
    Described {
        tag,
        summary,
        description,
        parameters: Vec::new(),
        body,
        body_is_optional: false,
        answers: vec![("200", "Done or begun.", answer)],
    }
}

impl Described {
    fn with(mut self, parameters: Vec<Value>) -> Self {
        self.parameters = parameters;
        self
    }

    fn answering(mut self, answers: Vec<(&'static str, &'static str, Content)>) -> Self {
        self.answers = answers;
        self
    }
}

#[expect(clippy::too_many_lines, reason = "a table, one row an operation")]
pub(super) fn describe(operation: Operation) -> Described {
    match operation {
        Operation::Deploy => call(
            SOLUTIONS,
            "Deploy a solution",
            "STATED. The work is a job. SEEN: the body is JSON. INFERRED: the record can be listed \
             before the job ends.",
            json_of!(DeployBody),
            json_of!(JobStarted),
        ),
        Operation::ListSolutions => call(
            SOLUTIONS,
            "List solutions",
            "STATED. Without the rights of an administrator: public solutions and one's own. \
             UNKNOWN: order, greatest limit, how filters combine, what unknown words give.",
            Content::Nothing,
            json_of!(SolutionList),
        )
        .with(vec![
            number("limit", 1, "STATED: 20 if it is left out."),
            number("offset", 0, "STATED."),
            words(
                "state",
                &["ACTIVE", "INACTIVE"],
                "STATED. In release 23.04 it was required. UNKNOWN: what other words give; knob \
                 `unknown_filter_word`.",
            ),
            text("name", "STATED. UNKNOWN: whether it matches exactly."),
            text("author", "STATED."),
            text("owner", "STATED."),
            words(
                "visibility",
                &["PUBLIC", "PRIVATE", "PENDING_REVIEW"],
                "STATED. UNKNOWN: what other words give; knob `unknown_filter_word`.",
            ),
        ]),
        Operation::GetSolution => call(
            SOLUTIONS,
            "Read a solution",
            "STATED.",
            Content::Nothing,
            json_of!(SingleSolution),
        ),
        Operation::PatchSolution => Described {
            body_is_optional: true,
            ..call(
                SOLUTIONS,
                "Change a solution",
                "STATED: at once, without a job. UNKNOWN: what no parameters and unknown words \
                 give; what a change of visibility does to the owner; who may set PUBLIC.",
                json_of!(PatchBody),
                json_of!(SingleSolution),
            )
        }
        .with(vec![
            words(
                "visibility",
                &["PUBLIC", "PRIVATE", "PENDING_REVIEW"],
                "STATED.",
            ),
            words("state", &["ACTIVE", "INACTIVE"], "STATED."),
        ]),
        Operation::DeleteSolution => call(
            SOLUTIONS,
            "Delete a solution",
            "STATED: the work is a job. UNKNOWN: what an ACTIVE, a running, a referenced and a \
             missing solution give.",
            Content::Nothing,
            json_of!(DeleteStarted),
        )
        .answering(vec![
            ("200", "Begun.", json_of!(DeleteStarted)),
            (
                "204",
                "Begun without a job to poll; knob `delete_answer`.",
                Content::Nothing,
            ),
        ]),
        Operation::ShareSolution => call(
            SOLUTIONS,
            "Share a solution with accounts",
            "SEEN. UNKNOWN: the answer.",
            json_of!(ShareBody),
            json_of!(SingleSolution),
        ),
        Operation::RunSolution => call(
            SOLUTIONS,
            "Run a solution",
            "STATED.",
            json_of!(RunBody),
            json_of!(JobStarted),
        ),
        Operation::RunByName => call(
            SOLUTIONS,
            "Run a solution by name",
            "STATED.",
            json_of!(RunByNameBody),
            json_of!(JobStarted),
        ),
        Operation::ListSolutionRuns => call(
            SOLUTIONS,
            "List the runs of a solution",
            "STATED, without paging keys.",
            Content::Nothing,
            json_of!(RunList),
        )
        .with(run_filters(&[])),
        Operation::ListRuns => call(
            SOLUTIONS,
            "List runs",
            "STATED, without paging keys.",
            Content::Nothing,
            json_of!(RunList),
        )
        .with(run_filters(&["solution_id", "owner", "name"])),
        Operation::JobStatus => call(
            JOBS,
            "Read the status of a job",
            "STATED. Errors are 200 with `status` ERROR. UNKNOWN: what an unknown id gives.",
            Content::Nothing,
            json_of!(JobStatus),
        )
        .with(vec![
            required(text("job_id", "STATED.")),
            text(
                "type",
                "STATED: flow, refiner, job, async or group. SEEN: it may be left out.",
            ),
        ]),
        Operation::FileJobStatus => call(
            JOBS,
            "Read the state of a file operation",
            "STATED for the files API. UNKNOWN: whether it serves other jobs; here it does not.",
            Content::Nothing,
            json_of!(FileJob),
        ),
        Operation::ReadNode => Described {
            answers: vec![
                (
                    "200",
                    "The file, or a page of the folder.",
                    Content::Either(SchemaGenerator::subschema_for::<bodies::Folder>),
                ),
                ("206", "The range of the file.", Content::Bytes),
            ],
            ..call(
                FILES,
                "Read a file or list a folder",
                "STATED for files, SEEN for folders.",
                Content::Nothing,
                Content::Bytes,
            )
        }
        .with(vec![
            required(one_of("expect-node-type", &["file", "folder"], "STATED.")),
            text(
                "start-token",
                "SEEN: the `next_page_token` of the page before.",
            ),
            header("Range", "STATED: one range, both ends included."),
        ]),
        Operation::HeadNode => call(
            FILES,
            "Check a file or folder",
            "STATED: `Content-Type` shows the type; length and time are sent for files only.",
            Content::Nothing,
            Content::Nothing,
        ),
        Operation::WriteFile => Described {
            answers: vec![
                (
                    "201",
                    "Made, where `If-None-Match: *` asked for a new file.",
                    Content::Nothing,
                ),
                ("204", "Written.", Content::Nothing),
            ],
            ..call(
                FILES,
                "Write a file",
                "STATED.",
                Content::Bytes,
                Content::Nothing,
            )
        }
        .with(vec![header(
            "If-None-Match",
            "STATED: `*` refuses to overwrite.",
        )]),
        Operation::WriteChunk => Described {
            answers: vec![("204", "Written.", Content::Nothing)],
            ..call(
                FILES,
                "Write a part of a file",
                "SEEN.",
                Content::Bytes,
                Content::Nothing,
            )
        }
        .with(vec![cursor()]),
        Operation::CreateNode => call(
            FILES,
            "Make an empty file or a folder",
            "STATED. INFERRED: 201.",
            json_of!(CreateNodeBody),
            Content::Nothing,
        )
        .answering(vec![("201", "Made.", json_of!(NodeEntry))]),
        Operation::DeleteNode => accepted(
            "Delete a file or folder",
            "STATED: 202 whether or not there was one.",
            Content::Nothing,
        ),
        Operation::CopyNode => accepted(
            "Copy a file or folder",
            "SEEN. UNKNOWN: body and `Location`.",
            json_of!(FromToBody),
        ),
        Operation::MoveNode => accepted(
            "Move a file or folder",
            "INFERRED from the copy; that it exists is STATED.",
            json_of!(FromToBody),
        ),
        Operation::ExtractNode => accepted(
            "Unpack an archive",
            "SEEN. UNKNOWN: whether the name must end in .zip; here it need not.",
            json_of!(FromToBody),
        ),
        Operation::CopyInDrive => call(
            FILES,
            "Copy a file, the older way",
            "SEEN: the path ends in `/copy`.",
            json_of!(DriveCopyBody),
            json_of!(V1Answer),
        ),
        Operation::CompileFlow => call(
            PACKAGING,
            "Compile a flow",
            "STATED without the path in the address; SEEN with it. The work is a job.",
            json_of!(CompileBody),
            json_of!(V1Answer),
        ),
        Operation::CreateSolution => call(
            PACKAGING,
            "Pack a folder into an .ibsolution",
            "STATED.",
            json_of!(CreateSolutionBody),
            json_of!(V1Answer),
        ),
        Operation::PublishSolution => call(
            PACKAGING,
            "Publish a package to the marketplace",
            "STATED.",
            json_of!(PublishBody),
            json_of!(V1Answer),
        ),
    }
}

fn accepted(summary: &'static str, description: &'static str, body: Content) -> Described {
    call(FILES, summary, description, body, Content::Nothing).answering(vec![(
        "202",
        "Accepted. `Location` is the address of the job, unless the knob `location_form` leaves it \
         out.",
        Content::Nothing,
    )])
}

fn run_filters(of_many: &[&'static str]) -> Vec<Value> {
    let mut parameters: Vec<Value> = of_many
        .iter()
        .chain(&["user", "job_id", "state", "output_repo"])
        .map(|name| {
            let mut items = json!({ "type": "string" });
            if *name == "state" {
                items["enum"] = json!(with_nothing(&RUN_STATES));
            }
            json!({
                "name": name, "in": "query", "explode": true,
                "description": "STATED: it may be repeated.",
                "schema": { "type": "array", "items": items },
            })
        })
        .collect();
    let keys = [
        "startTimeNs",
        "name",
        "version",
        "username",
        "timeTakenNs",
        "state",
    ];
    parameters.extend([
        number("limit", 1, "STATED: 20 if it is left out."),
        number("offset", 0, "STATED."),
        words("sort_by", &keys, "STATED: startTimeNs if it is left out."),
        words(
            "order",
            &["ASCENDING", "DESCENDING"],
            "STATED: DESCENDING if it is left out.",
        ),
    ]);
    parameters
}

fn text(name: &str, description: &str) -> Value {
    let schema = json!({ "type": "string" });
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn number(name: &str, least: u32, description: &str) -> Value {
    let schema = json!({ "type": "integer", "minimum": least, "maximum": i64::MAX });
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn one_of(name: &str, words: &[&str], description: &str) -> Value {
    let schema = json!({ "type": "string", "enum": words });
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

/// Returns a parameter with a fixed set of words; an empty text counts as absent.
fn words(name: &str, words: &[&str], description: &str) -> Value {
    one_of(name, &with_nothing(words), description)
}

fn with_nothing<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words.iter().copied().chain([""]).collect()
}

fn header(name: &str, description: &str) -> Value {
    let schema = json!({ "type": "string" });
    json!({ "name": name, "in": "header", "description": description, "schema": schema })
}

fn cursor() -> Value {
    let mut cursor = required(header(
        "IB-Cursor",
        "SEEN: 0 for the first part, -1 for each further one. UNKNOWN: other places, and whether 0 \
         truncates; knob `cursor_zero`.",
    ));
    cursor["schema"] = json!({ "type": "integer", "minimum": -1, "maximum": i64::MAX });
    cursor
}

fn required(mut parameter: Value) -> Value {
    parameter["required"] = json!(true);
    parameter
}
