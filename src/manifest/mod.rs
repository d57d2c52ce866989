//! The manifest: the solutions that an environment must run, read from YAML and checked.
//!
//! ```text
//! bytes --source--> SourceFile --yaml, node--> RawManifest --overlay, vars, check--> Manifest
//! ```
//!
//! Everything here is pure. The input is bytes, the chosen environment and a function that returns
//! environment variables; the output is a [`Manifest`] or all [`Problems`] at once. A [`Manifest`]
//! is valid: identities are unique, variables are replaced, defaults are filled in. This module
//! does not depend on plans or HTTP.
//!
//! `edit` sets versions and sources in the text of a manifest, and keeps its comments and its
//! format.

mod bytes;
mod check;
mod code;
mod digest;
mod drain;
mod duration;
mod edit;
mod equality;
mod glob;
mod invisible;
mod layout;
mod mapping;
mod masking;
mod model;
mod near;
mod node;
mod overlay;
mod owners;
mod placeholder;
mod plan_policy;
mod position;
mod problem;
mod raw;
pub(crate) mod scalar;
mod schema;
mod similar;
mod snippet;
mod source;
mod template;
mod vars;
mod verification;
mod yaml;

pub use check::{
    Checked, CheckedAll, CheckedEach, Selection, environments, read, read_ahead, read_all,
    read_all_as, read_each, token_variables, united,
};
pub use drain::{Drain, DrainMode, is_space};
pub use duration::{DurationError, duration_from, duration_text};
pub use edit::{
    AttributeEdit, AttributeEdits, EditError, EditReason, VersionEdit, VersionEdits,
    set_attributes, set_versions,
};
pub use glob::{Glob, GlobError};
pub use layout::{LayoutError, laid_out_manifest};
pub use model::{
    Desired, EmulatorSettings, Endpoint, Environment, KeyPositions, Limit, Limits, Manifest,
    Redeploy, Scope, SolutionPath, Source, SourceOrigin, Superseded, SupersededPolicy, Timeouts,
    Tls, TokenSource, Undeclared, entries_of,
};
pub use placeholder::Placeholders;
pub use plan_policy::{Enforcement, PlanPolicies, PlanPolicy};
pub(crate) use position::widen;
pub use position::{Label, MAX_BYTES, Position};
pub use problem::{Code, MAX_PROBLEMS, Problem, Problems, Severity};
pub use schema::schema;
pub use similar::{SimilarName, similar_to_live, unmistakable};
pub use snippet::PrimaryLine;
pub use source::SourceFile;
pub use template::template;
pub use vars::VariableRefusal;
pub use verification::{ExpectedOutput, OnVerifyFailure, Verification, VerifyRun};
