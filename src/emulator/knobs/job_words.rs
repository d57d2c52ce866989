//! The words that the knobs of jobs and runs take. The first of each is its default.

use serde::{Deserialize, Serialize};

use super::words::words;

words! {
    /// What the status of an unknown job is.
    UnknownJob {
        /// 200 with `{"status": "ERROR", "msg": text}`.
        Error,
        /// 404.
        NotFound,
        /// 200 with `{}`.
        EmptyObject,
        /// Pending, for ever.
        Pending,
    }
    /// The word for a job that is over.
    JobDoneWord {
        /// `DONE`.
        Done,
        /// `COMPLETE`.
        Complete,
    }
    /// What the first status call of each job gets.
    FirstAnswer {
        /// The truth.
        Normal,
        /// 200 without a body.
        EmptyBody,
        /// 200 with `{}`.
        EmptyObject,
        /// The truth without `state`.
        MissingState,
        /// `{"status": "ERROR", "msg": text}`.
        Error,
        /// A state that nobody knows.
        UnknownWord,
    }
    /// The state of a job that is not over.
    PendingWord {
        /// `PENDING`.
        Pending,
        /// `RUNNING`.
        Running,
        /// `QUEUED`.
        Queued,
        /// A word that nobody knows.
        Unknown,
        /// The key is missing.
        Missing,
    }
    /// The form of the results of a job that is over.
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
    /// How a failed job shows that it has failed.
    FailureForm {
        /// `ERROR` and the message in its results.
        Results,
        /// The same, and the message says `UNAVAILABLE`.
        Unavailable,
        /// The state `FAILED`.
        State,
        /// `ERROR` at the top beside a state that is over.
        TopError,
        /// `ERROR` at the top and no state.
        TopErrorWithoutState,
    }
    /// What `cur_status` of a deploy or delete job is.
    CurStatus {
        /// `"{}"`.
        EmptyObject,
        /// `""`.
        EmptyText,
        /// Text that is no JSON.
        FreeText,
        /// The key is missing.
        Missing,
    }
    /// What running an INACTIVE solution gives.
    RunInactive {
        /// 404, as if it were not there.
        Hidden,
        /// 400.
        Refused,
        /// A run.
        Allowed,
    }
    /// What a run without its input folder gives.
    RunMissingInput {
        /// A run that fails.
        Failed,
        /// 400.
        Refused,
        /// A run over nothing.
        Accepted,
    }
    /// What a run with the `job_id` of an earlier one gives.
    RunRepeatedId {
        /// 409.
        Conflict,
        /// The id of the earlier run, and no other run.
        SameRun,
    }
    /// How runs end.
    RunEnd {
        /// COMPLETE.
        Complete,
        /// FAILED.
        Failed,
        /// CANCELLED.
        Cancelled,
        /// `STOPPED_AT_CHECKPOINT`.
        StoppedAtCheckpoint,
    }
    /// Whose runs a job list without `output_repo` shows.
    RunSpaces {
        /// Those that write to any space.
        All,
        /// Those that write to spaces of the caller or of the account that the call is for.
        Own,
        /// None: 400, as for callers with very many spaces.
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
