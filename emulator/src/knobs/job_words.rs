//! The values of the knobs for jobs and runs. The first of each is the default.

use serde::{Deserialize, Serialize};

use super::words::{Choices as _, words};

words! {
    /// The status of an unknown job.
    UnknownJob {
        /// 200 with `{"status": "ERROR", "msg": text}`.
        Error,
        /// 404.
        NotFound,
        /// 200 with `{}`.
        EmptyObject,
        /// Pending at every call.
        Pending,
    }
    /// The word for a job that has ended.
    JobDoneWord {
        /// `DONE`.
        Done,
        /// `COMPLETE`.
        Complete,
    }
    /// The answer to the first status call of each job.
    FirstAnswer {
        /// The real status.
        Normal,
        /// 200 without a body.
        EmptyBody,
        /// 200 with `{}`.
        EmptyObject,
        /// The real status without `state`.
        MissingState,
        /// `{"status": "ERROR", "msg": text}`.
        Error,
        /// A state that is not documented.
        UnknownWord,
    }
    /// The state of a pending job.
    PendingWord {
        /// `PENDING`.
        Pending,
        /// `RUNNING`.
        Running,
        /// `QUEUED`.
        Queued,
        /// A word that is not documented.
        Unknown,
        /// The key is missing.
        Missing,
    }
    /// The form of the results of a job that has ended.
    ResultsForm {
        /// A list of one object.
        List,
        /// The object alone.
        Object,
        /// An empty list, unless the job has failed.
        Empty,
        /// The key is missing, unless the job has failed.
        Missing,
    }
    /// The form in which a job reports its failure.
    FailureForm {
        /// `ERROR` and the message in `results`.
        Results,
        /// The same, and the message contains `UNAVAILABLE`.
        Unavailable,
        /// The state `FAILED`.
        State,
        /// `ERROR` in the top-level `status`, with the state of a job that has ended.
        TopError,
        /// `ERROR` in the top-level `status`, without `state`.
        TopErrorWithoutState,
    }
    /// The value of `cur_status` of a deploy or delete job.
    CurStatus {
        /// `"{}"`.
        EmptyObject,
        /// `""`.
        EmptyText,
        /// Text that is not JSON.
        FreeText,
        /// The key is missing.
        Missing,
    }
    /// The result of running an INACTIVE solution.
    RunInactive {
        /// 404, as for an unknown solution.
        Hidden,
        /// 400.
        Refused,
        /// The solution runs.
        Allowed,
    }
    /// The result of a run whose input folder does not exist.
    RunMissingInput {
        /// A run that fails.
        Failed,
        /// 400.
        Refused,
        /// A run without input files, which succeeds.
        Accepted,
    }
    /// The result of a run with the `job_id` of an earlier job.
    RunRepeatedId {
        /// 409.
        Conflict,
        /// The id of the earlier run, and no other run.
        SameRun,
    }
    /// The end of runs.
    RunEnd {
        /// `COMPLETE`.
        Complete,
        /// `FAILED`.
        Failed,
        /// `CANCELLED`.
        Cancelled,
        /// `STOPPED_AT_CHECKPOINT`.
        StoppedAtCheckpoint,
    }
    /// The runs in a job list without `output_repo`.
    RunSpaces {
        /// The runs that write to any space.
        All,
        /// The runs that write to spaces of the caller or of the account in `IB-Context`.
        Own,
        /// The call is refused with 400, as for callers with very many spaces.
        Required,
    }
    /// The order of runs that sort equally.
    RunTies {
        /// The youngest first.
        NewestFirst,
        /// The oldest first.
        OldestFirst,
    }
}

impl RunEnd {
    /// Returns the word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::StoppedAtCheckpoint => "STOPPED_AT_CHECKPOINT",
        }
    }

    /// Parses the word on the wire.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::CHOICES.iter().copied().find(|end| end.word() == word)
    }
}
