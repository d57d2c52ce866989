//! Solutions on the wire.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::Reply;
use crate::knobs::{Knobs, Paging, RecordKeys, TimeForm};
use crate::state::solutions::{Solution, server_folder};

/// A solution. Keys that a call does not show are absent, not null.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Solution")]
pub(crate) struct SolutionReply<'a> {
    /// STATED. One for each version.
    id: &'a str,
    /// STATED.
    name: &'a str,
    /// STATED.
    version: &'a str,
    /// STATED: a user name or `IB_DEPLOYED`. SEEN: other names too.
    owner: &'a str,
    /// STATED: a number of milliseconds. SEEN: a text of digits, and never finer than a second.
    #[serde(rename = "createdAtMs")]
    #[schemars(with = "Time")]
    created_at_ms: Value,
    /// As `createdAtMs`. SEEN: it does not move when the server learns new keys. UNKNOWN: whether
    /// PATCH moves it.
    #[serde(rename = "updatedAtMs")]
    #[schemars(with = "Time")]
    updated_at_ms: Value,
    /// STATED. SEEN: "No summary" when the package gives none.
    summary: &'a str,
    /// STATED, but not in lists. SEEN: "No release notes" when the package gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// STATED: ACTIVE or INACTIVE. SEEN: PRODUCTION.
    state: &'a str,
    /// STATED: who published it.
    author: &'a str,
    /// STATED: JSON in a text, but not in lists. SEEN: with and without spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    /// STATED: the path to the solution's files, though no example shows it. SEEN: a folder of the
    /// server, not the package that was deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    solution_path: Option<String>,
    /// SEEN, though no page lists it: PUBLIC, PRIVATE or `PENDING_REVIEW`.
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    more: Option<MoreKeys<'a>>,
}

/// A time in milliseconds since 1970.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only the schema is used")]
enum Time {
    Number(u64),
    Text(String),
}

/// The keys that captured AI Hub records have beside the documented ones. Those that are not
/// always there are absent when there is nothing to say, not null.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct MoreKeys<'a> {
    /// SEEN.
    app_release_version: &'static str,
    /// SEEN.
    is_customizable: bool,
    /// SEEN.
    link_sharing_mode: &'static str,
    /// SEEN.
    solution_type: &'static str,
    /// SEEN.
    update_mode: &'static str,
    /// SEEN, where there are any.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    shared_accounts: &'a [String],
}

/// The shape of a solution: each call has its own set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Listed,
    Single,
    Patched,
}

impl<'a> SolutionReply<'a> {
    fn new(solution: &'a Solution, shape: Shape, knobs: &Knobs) -> Self {
        let time = |milliseconds: u64| match knobs.times {
            TimeForm::Int => json!(milliseconds),
            TimeForm::String => json!(milliseconds.to_string()),
        };
        let is_aihub = knobs.record_keys == RecordKeys::Aihub;
        let is_full = shape != Shape::Listed;
        let more = MoreKeys {
            app_release_version: "",
            is_customizable: solution.customizable,
            link_sharing_mode: "OFF",
            solution_type: "EXTRACTION",
            update_mode: "AUTO_UPDATE",
            shared_accounts: &solution.shared_accounts,
        };
        Self {
            id: &solution.id,
            name: &solution.name,
            version: &solution.version,
            owner: &solution.owner,
            created_at_ms: time(solution.created_ms),
            updated_at_ms: time(solution.updated_ms),
            summary: &solution.summary,
            description: is_full.then_some(&solution.description),
            state: &solution.state,
            author: &solution.author,
            metadata: is_full.then_some(&solution.metadata),
            solution_path: (shape != Shape::Patched || is_aihub)
                .then(|| server_folder(&solution.id).to_string()),
            visibility: knobs.visibility_in_records.then_some(&solution.visibility),
            more: is_aihub.then_some(more),
        }
    }
}

/// A page of a list, in the form that the knob `paging` asks for.
#[derive(Serialize)]
struct PageReply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    has_more: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<Value>,
    solutions: Vec<SolutionReply<'a>>,
}

/// Returns the answer to a list call: a page, and the offset of the next page, if there is one.
pub(crate) fn solution_page<'a>(
    page: impl Iterator<Item = &'a Solution>,
    next_offset: Option<usize>,
    knobs: &Knobs,
) -> Reply {
    let form = |value: Value| match knobs.paging {
        Paging::Wrapped => Some(json!([value])),
        Paging::Bare => Some(value),
        Paging::Strings => Some(json!(value.to_string())),
        Paging::Missing => None,
    };
    Reply::ok(&PageReply {
        has_more: form(json!(next_offset.is_some())),
        next_offset: form(next_offset.map_or(json!(-1), |offset| json!(offset))),
        solutions: page
            .map(|solution| SolutionReply::new(solution, Shape::Listed, knobs))
            .collect(),
    })
}

/// Returns the answer to a call for one solution.
pub(crate) fn solution(solution: &Solution, shape: Shape, knobs: &Knobs) -> Reply {
    Reply::ok(&json!({ "solution": SolutionReply::new(solution, shape, knobs) }))
}
