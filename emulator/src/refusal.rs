//! The reasons for which the server refuses a request. Only `reply` decides which status and body
//! each one gets.

use axum::http::Method;

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
    #[error("the address is not well-formed UTF-8 after percent-decoding")]
    BadAddress,
    #[error("the body is not valid JSON: {0}")]
    BadJson(serde_json::Error),
    #[error("the body must be a JSON object")]
    NotAnObject,
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body broke off")]
    BrokenBody,
    #[error("`{0}` is missing")]
    MissingField(&'static str),
    /// The name of a field or parameter, and the values that it takes.
    #[error("`{0}` must be {1}")]
    BadField(&'static str, &'static str),
    #[error("no parameter to change")]
    NothingToChange,
    #[error("there is no solution `{0}`")]
    NoSuchSolution(String),
    #[error("`{name}` {version} of {owner} is deployed already")]
    AlreadyDeployed {
        owner: String,
        name: String,
        version: String,
        /// True if this is a conflict, false if it is a bad request.
        conflict: bool,
    },
    #[error("solution `{0}` is ACTIVE; set it INACTIVE before deleting it")]
    StillActive(String),
    #[error("solution `{0}` has runs in flight")]
    StillRunning(String),
    #[error("a deployment refers to solution `{0}`")]
    StillReferenced(String),
    #[error("solution `{0}` is INACTIVE")]
    NotActive(String),
    #[error("there is no solution `{name}`{version} of {owner} to run")]
    NothingToRun {
        owner: String,
        name: String,
        version: String,
    },
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
    RangeOutside { length: u64 },
    #[error("{0}")]
    BadKnob(#[from] KnobError),
    #[error("{0}")]
    BadFault(#[from] FaultError),
    #[error("there is no fault rule {0}")]
    NoSuchFault(String),
    #[error("the server is stopping")]
    Stopping,
    #[error("the server has an internal error: {0}")]
    Broken(String),
}
