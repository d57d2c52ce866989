//! The reason why a change is not done, as one text for events, reports and comments.

use super::report::{Outcome, SkipReason};
use crate::plan::Difference;

impl Outcome {
    /// Returns the reason why the change is not done, or a remark on one that is done. `None` if
    /// the outcome needs no explanation.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Done(done) => {
                let mut remarks = Vec::new();
                if done.was_already {
                    remarks.push("already up to date");
                }
                if done.visibility_not_known {
                    remarks.push("the visibility was set and cannot be read back");
                }
                (!remarks.is_empty()).then(|| remarks.join(", "))
            }
            Self::Failed(error) => Some(error.chain()),
            Self::Skipped(SkipReason::Because(address)) => Some(format!("{address} is not done")),
            Self::Skipped(SkipReason::SuccessorNotLive { successor, why }) => {
                Some(format!("{successor}: {why}"))
            }
            Self::Skipped(SkipReason::HeldBack { .. }) => Some(
                "the job of its last deploy was abandoned and may still end; --replace deploys it now"
                    .to_owned(),
            ),
            Self::Skipped(SkipReason::OutOfTime) => Some("`timeouts.apply` was over".to_owned()),
            Self::Refused(differences) => {
                let differences: Vec<String> = differences.iter().map(difference).collect();
                Some(format!("changed since the plan was made: {}", differences.join("; ")))
            }
            Self::Cancelled => Some("an interrupt came before anything was sent".to_owned()),
            Self::Unknown { job, said } => {
                let mut text = job.as_ref().map_or_else(
                    || "the server may or may not have accepted the request".to_owned(),
                    |job| format!("job {job} was still in progress"),
                );
                if let Some(said) = said {
                    text.push_str(", it last answered: ");
                    text.push_str(said);
                }
                Some(text)
            }
        }
    }

    /// Returns the fix, if the change failed.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Failed(error) => Some(error.help()),
            Self::Done(_)
            | Self::Skipped(_)
            | Self::Refused(_)
            | Self::Cancelled
            | Self::Unknown { .. } => None,
        }
    }
}

fn difference(difference: &Difference) -> String {
    match difference {
        Difference::Gone { id } => format!("`{id}` is gone"),
        Difference::Appeared { id, state } => format!("`{id}` is live, in state {state:?}"),
        Difference::Orphaned { id } => {
            format!("a failed deploy of this plan left `{id}`; deploy it again with --replace")
        }
        Difference::OtherOwner { identity } => {
            format!(
                "it is live under the owner `{}`, which does not count as the declared one (owner-differs)",
                identity.owner
            )
        }
        Difference::Field {
            field,
            planned,
            live,
        } => format!("{} was {planned:?} and is {live:?}", field.as_str()),
        Difference::OtherIdentity { planned, live } => format!(
            "`{}` is `{}` now",
            planned.full_address(),
            live.full_address()
        ),
        Difference::Declared {
            field,
            planned,
            declared,
        } => format!(
            "{} is {planned:?} in the plan file, and the manifest declares {declared:?}",
            field.as_str()
        ),
        Difference::Package { planned, found } => match found {
            Some(found) => format!("the package was {planned} and is {found}"),
            None => format!("the package {planned} is not there, or cannot be deployed"),
        },
        Difference::PackageProblem { problem } => problem.to_string(),
        Difference::PackageUnreadable { why } => {
            format!("the package could not be inspected: {why}")
        }
        Difference::NotPlanned {
            instead: Some(kind),
        } => {
            format!(
                "a new plan contains another change of it: {}",
                kind.as_str()
            )
        }
        Difference::NotPlanned { instead: None } => "a new plan does not contain it".to_owned(),
        Difference::WaitsFor { address } => {
            format!("it waits for {address}, which is not approved")
        }
        Difference::UsedUp => {
            "an earlier apply of this plan made it, and it was undone since".to_owned()
        }
    }
}
