//! The reasons for which the server refuses a request. Only `reply` decides which status and body
//! each one gets.

use super::files::NodePath;
use super::package::PackageError;

/// A refused request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the request carries no bearer token, or a wrong one")]
    WrongToken,
    #[error("there is no account `{context}` for this token")]
    WrongContext { context: String },
    #[error("{action} needs the rights of an administrator or of the owner")]
    NotAllowed { action: &'static str },
    #[error("{action} is not allowed in this account")]
    Forbidden { action: &'static str },
    #[error("the request has no usable `Host` header")]
    NoHost,
    #[error("the `Host` header does not name this machine")]
    WrongHost,
    #[error("too many requests")]
    TooMany,
    #[error("there is nothing at {method} {path}")]
    NoSuchRoute { method: String, path: String },
    #[error("{path} does not take {method}")]
    WrongMethod { method: String, path: String },
    #[error("the address is not well-formed UTF-8 after percent-decoding")]
    BadAddress,
    #[error("the body is not valid JSON: {source}")]
    BadJson { source: serde_json::Error },
    #[error("the body must be a JSON object")]
    NotAnObject,
    #[error("the body is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body broke off")]
    BrokenBody,
    #[error("`{field}` is missing")]
    MissingField { field: &'static str },
    #[error("`{field}` must be {expected}")]
    BadField {
        field: &'static str,
        expected: &'static str,
    },
    #[error("no parameter to change")]
    NothingToChange,
    #[error("there is no solution `{id}`")]
    NoSuchSolution { id: String },
    #[error("`{name}` {version} of {owner} is deployed already")]
    AlreadyDeployed {
        owner: String,
        name: String,
        version: String,
        /// True if this is a conflict, false if it is a bad request.
        conflict: bool,
    },
    #[error("solution `{id}` is ACTIVE; set it INACTIVE before deleting it")]
    StillActive { id: String },
    #[error("solution `{id}` has runs in flight")]
    StillRunning { id: String },
    #[error("a deployment refers to solution `{id}`")]
    StillReferenced { id: String },
    #[error("solution `{id}` is INACTIVE")]
    NotActive { id: String },
    #[error("there is no solution `{name}`{version} of {owner} to run")]
    NothingToRun {
        owner: String,
        name: String,
        version: String,
    },
    #[error("there is a job `{id}` already")]
    JobExists { id: String },
    #[error("there is no valid package at `{path}`: {source}")]
    BadPackage { path: String, source: PackageError },
    #[error("there is no job `{id}`")]
    NoSuchJob { id: String },
    #[error("job `{id}` is over already")]
    JobIsOver { id: String },
    #[error("`{path}` is not a valid path of a file or folder")]
    BadPath { path: String },
    #[error("there is nothing at `{path}`")]
    NoSuchNode { path: NodePath },
    #[error("`{path}` is not a {expected}")]
    WrongNodeType {
        path: NodePath,
        expected: &'static str,
    },
    #[error("`{path}` exists already")]
    NodeExists { path: NodePath },
    #[error("`{path}` is a file, so nothing can be inside it")]
    ParentIsFile { path: NodePath },
    #[error("the file has {length} bytes; the range is outside of it")]
    RangeOutside { length: u64 },
    #[error("{source}")]
    BadKnob { source: super::knobs::KnobError },
    #[error("{source}")]
    BadFault { source: super::faults::FaultError },
    #[error("there is no fault rule {id}")]
    NoSuchFault { id: String },
    #[error("the server is stopping")]
    Stopping,
    #[error("the server has an internal error: {problem}")]
    Broken { problem: String },
}
