//! The plan: the changes that converge the live state to the manifest.
//!
//! Pure functions. [`diff()`] compares both sides and orders the changes,
//! [`Plan::with_inspections`] adds the inspections of packages, [`approve`] refuses plans that the
//! manifest's limits and protection do not allow, [`SavedPlan`] stores a plan for a later apply,
//! and the `check_` functions check each change again right before its write. No function reads a
//! clock, a file or a server, and equal inputs give equal plans.

mod action;
mod approval;
mod change;
mod content_drift;
mod deployed;
mod diff;
mod diff_error;
mod drain;
mod drift;
mod drift_digest;
mod durations;
mod expected;
mod field;
mod guard;
mod history;
mod inspection;
mod judgement;
mod line_diff;
mod loss;
mod name;
mod options;
mod order;
mod origin;
mod own_writes;
mod ownership;
mod package;
mod package_contents;
mod past_apply;
mod plan_file;
mod policy;
mod policy_facts;
mod precondition;
mod progress;
#[cfg(test)]
pub(crate) mod properties;
mod propose;
mod rollback;
mod running_runs;
mod saved;
#[cfg(test)]
mod simulator;
mod succession;
mod summary;
#[cfg(test)]
pub(crate) mod testing;
mod upload;
mod verification;
mod verified;

pub use action::{Action, ActionKind, AfterImage, DeployTarget, LiveImage, Patch, Reason};
pub use approval::{Decided, NarrowedPlan, narrow};
pub use change::{Block, Change, Mode, Note, Plan, Subject, Successor, Undo};
pub use content_drift::{ContentDrift, DriftCause, DriftEvidence, DriftMember, MemberWord};
pub use deployed::{DeployedPackage, RecordedContents};
pub use diff::diff;
pub use diff_error::{DiffError, did_you_mean};
pub use drift::{Comparison, SourceContents, compare_folder};
pub use drift_digest::drift_digest;
pub use durations::{ExpectedTime, PastDurations};
pub use expected::{ShortTimeout, TimeLimits};
pub use field::{Decision, Field, FieldChange};
pub use guard::{ApprovedPlan, Refusal, Refused, approve, judge, needs_whole_listing};
pub use history::{ApplyHistory, Deploying, InFlight, OrphanedRecord, OtherMade};
pub use inspection::entry_of;
pub use judgement::{Judgement, Violation};
pub use line_diff::{DiffLine, LineKind, line_diff};
pub use loss::{Loss, RollbackOf, Unrestored};
pub use name::live_record;
pub use options::{
    DiffOptions, Overrides, PlanOptions, Selector, near_addresses, repeated_options,
};
pub use origin::Origin;
pub use own_writes::OwnWrites;
pub use ownership::OwnerConflict;
pub use package::{
    Inspection, Inspections, PackageField, PackageInfo, PackageKey, PackageProblem, SOLUTION_TYPE,
    SourcePackage,
};
pub use package_contents::{Member, MemberChange, PACKAGE_JSON, PackageContents, PackageDiff};
pub use past_apply::{KnownPackage, Rollback, UndoStep};
pub use plan_file::{PlanFileContent, SavedPlans};
pub use policy_facts::JudgementInputs;
pub use precondition::{Difference, PreconditionResult, check_delete, check_update};
pub use progress::{PastWrite, PlanProgress, Spent};
pub use rollback::{AdjustedKey, Adjustment, adjustments};
pub use running_runs::RunningRuns;
pub use saved::{PlanKind, SavedPlan, SavedPlanError};
pub use succession::{Course, Succession, Successions};
pub use summary::{SUMMARISED_ABOVE, Summary};
pub use upload::{Upload, UploadSource};
pub use verified::{FailedVerification, Verdict, VerificationRecord, Verified, VerifiedRun};
