//! The reasons for which the server refuses a request. Only `reply` decides which status and body
//! each one gets.

use axum::http::{Method, StatusCode};

use super::faults::FaultError;
use super::knobs::KnobError;
use super::package::PackageError;
use super::path::{NodePath, PathError};

/// A refused request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the request carries no bearer token, or a wrong one")]
    WrongToken,
    #[error("there is no account `{0}` for this token")]
    WrongContext(String),
    #[error("{0} needs the rights of an administrator or of the owner")]
    NotAllowed(&'static str),
    #[error("{0} is not allowed in this account")]
    Forbidden(&'static str),
    #[error("the request has no usable `Host` header")]
    NoHost,
    #[error("the `Host` header does not name this machine")]
    WrongHost,
    #[error("too many requests")]
    TooMany,
    /// The method and the path.
    #[error("there is nothing at {0} {1}")]
    NoSuchRoute(Method, String),
    /// The method and the path.
    #[error("{1} does not take {0}")]
    WrongMethod(Method, String),
    /// The problem of a request that is not well-formed.
    #[error("{0}")]
    Malformed(&'static str),
    #[error("the body is not valid JSON: {0}")]
    BadJson(serde_json::Error),
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("`{0}` is missing")]
    MissingField(&'static str),
    /// The name of a field or parameter, and the values that it takes.
    #[error("`{0}` must be {1}")]
    BadField(&'static str, &'static str),
    #[error("there is no solution `{0}`")]
    NoSuchSolution(String),
    /// The identity of the record, and the status that the knob `duplicate_deploy` asks for.
    #[error("{0} is deployed already")]
    AlreadyDeployed(String, StatusCode),
    /// The id of the solution, and its state that does not allow the call.
    #[error("solution `{0}` {1}")]
    WrongState(String, &'static str),
    #[error("a deployment refers to solution `{0}`")]
    StillReferenced(String),
    #[error("there is no solution {0} to run")]
    NothingToRun(String),
    #[error("there is a job `{0}` already")]
    JobExists(String),
    /// The path of the package, and the problem.
    #[error("there is no valid package at `{0}`: {1}")]
    BadPackage(String, PackageError),
    #[error("there is no job `{0}`")]
    NoSuchJob(String),
    #[error("job `{0}` is over already")]
    JobIsOver(String),
    #[error("{0}")]
    BadPath(#[from] PathError),
    #[error("there is nothing at `{0}`")]
    NoSuchNode(NodePath),
    /// The path of the node, and the type that it does not have.
    #[error("`{0}` is not a {1}")]
    WrongNodeType(NodePath, &'static str),
    #[error("`{0}` exists already")]
    NodeExists(NodePath),
    #[error("`{0}` is a file, so nothing can be inside it")]
    ParentIsFile(NodePath),
    #[error("the file has {length} bytes; the range is outside of it")]
    RangeOutside { length: usize },
    #[error("{0}")]
    BadKnob(#[from] KnobError),
    #[error("{0}")]
    BadFault(#[from] FaultError),
    #[error("there is no fault rule {0}")]
    NoSuchFault(String),
    #[error("the server has an internal error: its disk failed: {0}")]
    Disk(#[from] std::io::Error),
    #[error("the server is stopping")]
    Stopping,
    #[error("the server has an internal error: {0}")]
    Broken(String),
}
