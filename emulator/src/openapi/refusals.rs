//! The rest of the answers in the document: the statuses of refusals, and the headers of successful
//! answers, both with the default knobs and without faults.

use crate::operation::Operation;

/// Returns the statuses that refuse the operation, with the reasons.
pub(super) fn refusals(operation: Operation) -> impl Iterator<Item = (&'static str, &'static str)> {
    let common = [
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
    common.into_iter().chain(own(operation).iter().copied())
}

const NO_SOLUTION: (&str, &str) = ("404", "INFERRED: there is no such solution.");
const NO_NODE: (&str, &str) = ("404", "STATED for HEAD, INFERRED here: there is nothing.");
const REPEATED: (&str, &str) = (
    "409",
    "INFERRED: there is a run of this `job_id`; knob `run_repeated_id`.",
);
const WRONG_NODE: (&str, &str) = (
    "412",
    "STATED where `If-None-Match: *` finds a file. INFERRED for nodes of the wrong type or in the \
     way.",
);

/// Returns the statuses of the operation beside the common ones.
fn own(operation: Operation) -> &'static [(&'static str, &'static str)] {
    match operation {
        Operation::GetSolution
        | Operation::PatchSolution
        | Operation::DeleteSolution
        | Operation::ShareSolution
        | Operation::ListSolutionRuns => &[NO_SOLUTION],
        Operation::RunSolution | Operation::RunByName => &[NO_SOLUTION, REPEATED, WRONG_NODE],
        Operation::FileJobStatus => &[("404", "INFERRED: there is no such file operation.")],
        Operation::ReadNode => &[
            NO_NODE,
            WRONG_NODE,
            ("416", "INFERRED: the range lies outside of the file."),
        ],
        Operation::HeadNode => &[("404", "STATED: there is nothing.")],
        Operation::WriteChunk => &[NO_NODE, WRONG_NODE],
        Operation::WriteFile | Operation::CreateNode => &[WRONG_NODE],
        Operation::Deploy
        | Operation::ListSolutions
        | Operation::ListRuns
        | Operation::JobStatus
        | Operation::DeleteNode
        | Operation::CopyNode
        | Operation::MoveNode
        | Operation::ExtractNode
        | Operation::CopyInDrive
        | Operation::CompileFlow
        | Operation::CreateSolution
        | Operation::PublishSolution => &[],
    }
}

/// Returns the headers that a successful answer always has, with their meaning.
pub(super) fn answer_headers(
    operation: Operation,
    status: &str,
) -> &'static [(&'static str, &'static str)] {
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
