//! The description of each operation in the document.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::bodies::{
    CompileBody, CreateNodeBody, CreateSolutionBody, DeleteStarted, DeployBody, DriveCopyBody,
    FileJob, Folder, FromToBody, JobStarted, JobStatus, NodeEntry, PatchBody, PublishBody, RunBody,
    RunByNameBody, RunList, ShareBody, SingleSolution, SolutionList, V1Answer,
};
use crate::operation::Operation;
use crate::operations::run_list::RUN_STATES;

/// A function that makes the schema of a body.
type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// The content of a body.
#[derive(Clone, Copy, Default)]
pub(super) enum BodyContent {
    #[default]
    Nothing,
    Json(MakeSchema),
    /// The bytes of a file.
    Bytes,
    /// A page of a folder, or the bytes of a file.
    Either(MakeSchema),
}

/// A status of an answer, or the name of a header, and its description.
type Status = (&'static str, &'static str);

/// The description of one operation, beside its documentation.
#[derive(Default)]
pub(super) struct Described {
    pub(super) parameters: Vec<Value>,
    pub(super) body: BodyContent,
    /// True if the call needs no body.
    pub(super) body_is_optional: bool,
    /// The successful answers.
    pub(super) answers: Vec<(Status, BodyContent)>,
    /// The statuses that refuse the call, beside the common ones.
    pub(super) refusals: &'static [Status],
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

/// The answer to a call that is a file operation.
const ACCEPTED: &str = "Accepted. `Location` is the address of the job, unless the knob \
                        `location_form` leaves it out.";

fn json<T: JsonSchema>() -> BodyContent {
    BodyContent::Json(SchemaGenerator::subschema_for::<T>)
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
        self.answers("200", "Done or begun.", content)
    }

    /// Adds a successful answer.
    fn answers(
        mut self,
        status: &'static str,
        description: &'static str,
        content: BodyContent,
    ) -> Self {
        self.answers.push(((status, description), content));
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
    let call = Described::default();
    match operation {
        Operation::Deploy => call.takes(json::<DeployBody>()).gives(json::<JobStarted>()),
        Operation::ListSolutions => call
            .with(vec![
                number("limit", 1, "STATED: 20 if it is left out."),
                number("offset", 0, "STATED."),
                words(
                    "state",
                    &["ACTIVE", "INACTIVE"],
                    "STATED. In release 23.04 it was required. UNKNOWN: what other words give; \
                     knob `unknown_filter_word`.",
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
            .gives(json::<SolutionList>()),
        Operation::GetSolution => call.gives(json::<SingleSolution>()).refuses(&[NO_SOLUTION]),
        Operation::PatchSolution => Described {
            body_is_optional: true,
            ..call
        }
        .with(vec![
            words("visibility", visibilities, "STATED."),
            words("state", &["ACTIVE", "INACTIVE"], "STATED."),
        ])
        .takes(json::<PatchBody>())
        .gives(json::<SingleSolution>())
        .refuses(&[NO_SOLUTION]),
        Operation::DeleteSolution => call
            .answers("200", "Begun.", json::<DeleteStarted>())
            .answers(
                "204",
                "Begun without a job to poll; knob `delete_answer`.",
                BodyContent::Nothing,
            )
            .refuses(&[NO_SOLUTION]),
        Operation::ShareSolution => call
            .takes(json::<ShareBody>())
            .gives(json::<SingleSolution>())
            .refuses(&[NO_SOLUTION]),
        Operation::RunSolution => call
            .takes(json::<RunBody>())
            .gives(json::<JobStarted>())
            .refuses(&[NO_SOLUTION, REPEATED, WRONG_NODE]),
        Operation::RunByName => call
            .takes(json::<RunByNameBody>())
            .gives(json::<JobStarted>())
            .refuses(&[NO_SOLUTION, REPEATED, WRONG_NODE]),
        Operation::ListSolutionRuns => call
            .with(run_filters(&[]))
            .gives(json::<RunList>())
            .refuses(&[NO_SOLUTION]),
        Operation::ListRuns => call
            .with(run_filters(&["solution_id", "owner", "name"]))
            .gives(json::<RunList>()),
        Operation::JobStatus => call
            .with(vec![
                required(text("job_id", "STATED.")),
                text(
                    "type",
                    "STATED: flow, refiner, job, async or group. SEEN: it may be left out.",
                ),
            ])
            .gives(json::<JobStatus>()),
        Operation::FileJobStatus => call
            .gives(json::<FileJob>())
            .refuses(&[("404", "INFERRED: there is no such file operation.")]),
        Operation::ReadNode => call
            .with(vec![
                required(one_of("expect-node-type", &["file", "folder"], "STATED.")),
                text(
                    "start-token",
                    "SEEN: the `next_page_token` of the page before.",
                ),
                header("Range", "STATED: one range, both ends included."),
            ])
            .answers(
                "200",
                "The file, or a page of the folder.",
                BodyContent::Either(SchemaGenerator::subschema_for::<Folder>),
            )
            .answers("206", "The range of the file.", BodyContent::Bytes)
            .refuses(&[
                NO_NODE,
                WRONG_NODE,
                ("416", "INFERRED: the range lies outside of the file."),
            ]),
        Operation::HeadNode => call
            .gives(BodyContent::Nothing)
            .refuses(&[("404", "STATED: there is nothing.")]),
        Operation::WriteFile => call
            .with(vec![header(
                "If-None-Match",
                "STATED: `*` refuses to overwrite.",
            )])
            .takes(BodyContent::Bytes)
            .answers(
                "201",
                "Made, where `If-None-Match: *` asked for a new file.",
                BodyContent::Nothing,
            )
            .answers("204", "Written.", BodyContent::Nothing)
            .refuses(&[WRONG_NODE]),
        Operation::WriteChunk => call
            .with(vec![required(parameter(
                "header",
                "IB-Cursor",
                &json!({ "type": "integer", "minimum": -1, "maximum": i64::MAX }),
                "SEEN: 0 for the first part, -1 for each further one. UNKNOWN: other places, and \
                 whether 0 truncates; knob `cursor_zero`.",
            ))])
            .takes(BodyContent::Bytes)
            .answers("204", "Written.", BodyContent::Nothing)
            .refuses(&[NO_NODE, WRONG_NODE]),
        Operation::CreateNode => call
            .takes(json::<CreateNodeBody>())
            .answers("201", "Made.", json::<NodeEntry>())
            .refuses(&[WRONG_NODE]),
        Operation::DeleteNode => call.answers("202", ACCEPTED, BodyContent::Nothing),
        Operation::CopyNode | Operation::MoveNode | Operation::ExtractNode => call
            .takes(json::<FromToBody>())
            .answers("202", ACCEPTED, BodyContent::Nothing),
        Operation::CopyInDrive => call
            .takes(json::<DriveCopyBody>())
            .gives(json::<V1Answer>()),
        Operation::CompileFlow => call.takes(json::<CompileBody>()).gives(json::<V1Answer>()),
        Operation::CreateSolution => call
            .takes(json::<CreateSolutionBody>())
            .gives(json::<V1Answer>()),
        Operation::PublishSolution => call.takes(json::<PublishBody>()).gives(json::<V1Answer>()),
    }
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
    let filter = |name: &&str| {
        let items = match *name {
            "state" => json!({ "type": "string", "enum": with_nothing(&RUN_STATES) }),
            _ => json!({ "type": "string" }),
        };
        json!({
            "name": name, "in": "query", "explode": true,
            "description": "STATED: it may be repeated.",
            "schema": { "type": "array", "items": items },
        })
    };
    let names = of_many.iter();
    let names = names.chain(&["user", "job_id", "state", "output_repo"]);
    let mut parameters: Vec<Value> = names.map(filter).collect();
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

pub(super) fn parameter(place: &str, name: &str, schema: &Value, description: &str) -> Value {
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

pub(super) fn header(name: &str, description: &str) -> Value {
    parameter("header", name, &json!({ "type": "string" }), description)
}

pub(super) fn required(mut parameter: Value) -> Value {
    parameter["required"] = json!(true);
    parameter
}
