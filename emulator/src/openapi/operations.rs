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
pub(super) enum BodyContent {
    Nothing,
    Json(MakeSchema),
    /// The bytes of a file.
    Bytes,
    /// A page of a folder, or the bytes of a file.
    Either(MakeSchema),
}

/// A status of an answer, and its description.
type Status = (&'static str, &'static str);

/// The description of one operation.
pub(super) struct Described {
    pub(super) summary: &'static str,
    /// The certainty of the call, and its peculiarities.
    pub(super) description: &'static str,
    pub(super) parameters: Vec<Value>,
    pub(super) body: BodyContent,
    /// True if the call needs no body.
    pub(super) body_is_optional: bool,
    /// The successful answers.
    pub(super) answers: Vec<(Status, BodyContent)>,
    /// The statuses that refuse the call, beside the common ones.
    pub(super) refusals: &'static [Status],
}

macro_rules! json_of {
    ($name:ident) => {
        BodyContent::Json(SchemaGenerator::subschema_for::<bodies::$name>)
    };
}

/// The statuses that refuse any call.
pub(super) const COMMON_REFUSALS: [Status; 5] = [
    (
        "400",
        "STATED for v2 calls in general: 4xx for the client's errors.",
    ),
    (
        "401",
        "STATED: a wrong token, a wrong `IB-Context`, or a missing right.",
    ),
    ("408", "INFERRED: the body did not arrive in time."),
    ("413", "INFERRED: the body is too long."),
    (
        "421",
        "The emulator's own: the `Host` header does not name this machine.",
    ),
];

const NO_SOLUTION: Status = ("404", "INFERRED: there is no such solution.");
const NO_NODE: Status = ("404", "STATED for HEAD, INFERRED here: there is nothing.");
const REPEATED: Status = (
    "409",
    "INFERRED: there is a run of this `job_id`; knob `run_repeated_id`.",
);
const WRONG_NODE: Status = (
    "412",
    "STATED where `If-None-Match: *` finds a file. INFERRED for nodes of the wrong type or in the \
     way.",
);

const DONE: Status = ("200", "Done or begun.");
const WRITTEN: Status = ("204", "Written.");
const ACCEPTED: Status = (
    "202",
    "Accepted. `Location` is the address of the job, unless the knob `location_form` leaves it \
     out.",
);

/// Returns the description of a call without parameters and bodies.
fn call(summary: &'static str, description: &'static str) -> Described {
    Described {
        summary,
        description,
        parameters: Vec::new(),
        body: BodyContent::Nothing,
        body_is_optional: false,
        answers: vec![(DONE, BodyContent::Nothing)],
        refusals: &[],
    }
}

impl Described {
    fn with(mut self, parameters: Vec<Value>) -> Self {
        self.parameters = parameters;
        self
    }

    fn takes(mut self, body: BodyContent) -> Self {
        self.body = body;
        self
    }

    /// Sets the content of the usual successful answer.
    fn gives(self, content: BodyContent) -> Self {
        self.answers(vec![(DONE, content)])
    }

    fn answers(mut self, answers: Vec<(Status, BodyContent)>) -> Self {
        self.answers = answers;
        self
    }

    fn refuses(mut self, refusals: &'static [Status]) -> Self {
        self.refusals = refusals;
        self
    }
}

#[expect(clippy::too_many_lines, reason = "a table, one row an operation")]
pub(super) fn describe(operation: Operation) -> Described {
    let visibilities = &["PUBLIC", "PRIVATE", "PENDING_REVIEW"];
    match operation {
        Operation::Deploy => call(
            "Deploy a solution",
            "STATED. The work is a job. SEEN: the body is JSON. INFERRED: the record can be listed \
             before the job ends.",
        )
        .takes(json_of!(DeployBody))
        .gives(json_of!(JobStarted)),
        Operation::ListSolutions => call(
            "List solutions",
            "STATED. Without the rights of an administrator: public solutions and one's own. \
             UNKNOWN: order, greatest limit, how filters combine, what unknown words give.",
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
                visibilities,
                "STATED. UNKNOWN: what other words give; knob `unknown_filter_word`.",
            ),
        ])
        .gives(json_of!(SolutionList)),
        Operation::GetSolution => call("Read a solution", "STATED.")
            .gives(json_of!(SingleSolution))
            .refuses(&[NO_SOLUTION]),
        Operation::PatchSolution => Described {
            body_is_optional: true,
            ..call(
                "Change a solution",
                "STATED: at once, without a job. UNKNOWN: what no parameters and unknown words \
                 give; what a change of visibility does to the owner; who may set PUBLIC.",
            )
        }
        .with(vec![
            words("visibility", visibilities, "STATED."),
            words("state", &["ACTIVE", "INACTIVE"], "STATED."),
        ])
        .takes(json_of!(PatchBody))
        .gives(json_of!(SingleSolution))
        .refuses(&[NO_SOLUTION]),
        Operation::DeleteSolution => call(
            "Delete a solution",
            "STATED: the work is a job. UNKNOWN: what an ACTIVE, a running, a referenced and a \
             missing solution give.",
        )
        .answers(vec![
            (("200", "Begun."), json_of!(DeleteStarted)),
            (
                ("204", "Begun without a job to poll; knob `delete_answer`."),
                BodyContent::Nothing,
            ),
        ])
        .refuses(&[NO_SOLUTION]),
        Operation::ShareSolution => call(
            "Share a solution with accounts",
            "SEEN. UNKNOWN: the answer.",
        )
        .takes(json_of!(ShareBody))
        .gives(json_of!(SingleSolution))
        .refuses(&[NO_SOLUTION]),
        Operation::RunSolution => call("Run a solution", "STATED.")
            .takes(json_of!(RunBody))
            .gives(json_of!(JobStarted))
            .refuses(&[NO_SOLUTION, REPEATED, WRONG_NODE]),
        Operation::RunByName => call("Run a solution by name", "STATED.")
            .takes(json_of!(RunByNameBody))
            .gives(json_of!(JobStarted))
            .refuses(&[NO_SOLUTION, REPEATED, WRONG_NODE]),
        Operation::ListSolutionRuns => call(
            "List the runs of a solution",
            "STATED, without paging keys.",
        )
        .with(run_filters(&[]))
        .gives(json_of!(RunList))
        .refuses(&[NO_SOLUTION]),
        Operation::ListRuns => call("List runs", "STATED, without paging keys.")
            .with(run_filters(&["solution_id", "owner", "name"]))
            .gives(json_of!(RunList)),
        Operation::JobStatus => call(
            "Read the status of a job",
            "STATED. Errors are 200 with `status` ERROR. UNKNOWN: what an unknown id gives.",
        )
        .with(vec![
            required(text("job_id", "STATED.")),
            text(
                "type",
                "STATED: flow, refiner, job, async or group. SEEN: it may be left out.",
            ),
        ])
        .gives(json_of!(JobStatus)),
        Operation::FileJobStatus => call(
            "Read the state of a file operation",
            "STATED for the files API. UNKNOWN: whether it serves other jobs; here it does not.",
        )
        .gives(json_of!(FileJob))
        .refuses(&[("404", "INFERRED: there is no such file operation.")]),
        Operation::ReadNode => call(
            "Read a file or list a folder",
            "STATED for files, SEEN for folders.",
        )
        .with(vec![
            required(one_of("expect-node-type", &["file", "folder"], "STATED.")),
            text(
                "start-token",
                "SEEN: the `next_page_token` of the page before.",
            ),
            header("Range", "STATED: one range, both ends included."),
        ])
        .answers(vec![
            (
                ("200", "The file, or a page of the folder."),
                BodyContent::Either(SchemaGenerator::subschema_for::<bodies::Folder>),
            ),
            (("206", "The range of the file."), BodyContent::Bytes),
        ])
        .refuses(&[
            NO_NODE,
            WRONG_NODE,
            ("416", "INFERRED: the range lies outside of the file."),
        ]),
        Operation::HeadNode => call(
            "Check a file or folder",
            "STATED: `Content-Type` shows the type; length and time are sent for files only.",
        )
        .refuses(&[("404", "STATED: there is nothing.")]),
        Operation::WriteFile => call("Write a file", "STATED.")
            .with(vec![header(
                "If-None-Match",
                "STATED: `*` refuses to overwrite.",
            )])
            .takes(BodyContent::Bytes)
            .answers(vec![
                (
                    (
                        "201",
                        "Made, where `If-None-Match: *` asked for a new file.",
                    ),
                    BodyContent::Nothing,
                ),
                (WRITTEN, BodyContent::Nothing),
            ])
            .refuses(&[WRONG_NODE]),
        Operation::WriteChunk => call("Write a part of a file", "SEEN.")
            .with(vec![cursor()])
            .takes(BodyContent::Bytes)
            .answers(vec![(WRITTEN, BodyContent::Nothing)])
            .refuses(&[NO_NODE, WRONG_NODE]),
        Operation::CreateNode => call("Make an empty file or a folder", "STATED. INFERRED: 201.")
            .takes(json_of!(CreateNodeBody))
            .answers(vec![(("201", "Made."), json_of!(NodeEntry))])
            .refuses(&[WRONG_NODE]),
        Operation::DeleteNode => call(
            "Delete a file or folder",
            "STATED: 202 whether or not there was one.",
        )
        .answers(vec![(ACCEPTED, BodyContent::Nothing)]),
        Operation::CopyNode => from_to(
            "Copy a file or folder",
            "SEEN. UNKNOWN: body and `Location`.",
        ),
        Operation::MoveNode => from_to(
            "Move a file or folder",
            "INFERRED from the copy; that it exists is STATED.",
        ),
        Operation::ExtractNode => from_to(
            "Unpack an archive",
            "SEEN. UNKNOWN: whether the name must end in .zip; here it need not.",
        ),
        Operation::CopyInDrive => call(
            "Copy a file, the older way",
            "SEEN: the path ends in `/copy`.",
        )
        .takes(json_of!(DriveCopyBody))
        .gives(json_of!(V1Answer)),
        Operation::CompileFlow => call(
            "Compile a flow",
            "STATED without the path in the address; SEEN with it. The work is a job.",
        )
        .takes(json_of!(CompileBody))
        .gives(json_of!(V1Answer)),
        Operation::CreateSolution => call("Pack a folder into an .ibsolution", "STATED.")
            .takes(json_of!(CreateSolutionBody))
            .gives(json_of!(V1Answer)),
        Operation::PublishSolution => call("Publish a package to the marketplace", "STATED.")
            .takes(json_of!(PublishBody))
            .gives(json_of!(V1Answer)),
    }
}

/// Returns the description of a file operation from one path to another, which is a job.
fn from_to(summary: &'static str, description: &'static str) -> Described {
    call(summary, description)
        .takes(json_of!(FromToBody))
        .answers(vec![(ACCEPTED, BodyContent::Nothing)])
}

/// Returns the headers that a successful answer always has, with their meaning.
pub(super) fn answer_headers(operation: Operation, status: &str) -> &'static [Status] {
    match (operation, status) {
        (Operation::WriteFile, "201") => &[("Location", "STATED: the address of the file.")],
        (Operation::ReadNode, "206") => &[("Content-Range", "STATED: the range that was read.")],
        (_, "202") => &[(
            "Location",
            "STATED for deletions, INFERRED for the others: the address of the job; knob \
             `location_form`.",
        )],
        _ => &[],
    }
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

fn parameter(place: &str, name: &str, schema: &Value, description: &str) -> Value {
    json!({ "name": name, "in": place, "description": description, "schema": schema })
}

fn text(name: &str, description: &str) -> Value {
    parameter("query", name, &json!({ "type": "string" }), description)
}

fn number(name: &str, least: u32, description: &str) -> Value {
    let schema = json!({ "type": "integer", "minimum": least, "maximum": i64::MAX });
    parameter("query", name, &schema, description)
}

fn one_of(name: &str, words: &[&str], description: &str) -> Value {
    let schema = json!({ "type": "string", "enum": words });
    parameter("query", name, &schema, description)
}

/// Returns a parameter with a fixed set of words; an empty text counts as absent.
fn words(name: &str, words: &[&str], description: &str) -> Value {
    one_of(name, &with_nothing(words), description)
}

fn with_nothing<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words.iter().copied().chain([""]).collect()
}

fn header(name: &str, description: &str) -> Value {
    parameter("header", name, &json!({ "type": "string" }), description)
}

fn cursor() -> Value {
    let schema = json!({ "type": "integer", "minimum": -1, "maximum": i64::MAX });
    required(parameter(
        "header",
        "IB-Cursor",
        &schema,
        "SEEN: 0 for the first part, -1 for each further one. UNKNOWN: other places, and whether 0 \
         truncates; knob `cursor_zero`.",
    ))
}

fn required(mut parameter: Value) -> Value {
    parameter["required"] = json!(true);
    parameter
}
