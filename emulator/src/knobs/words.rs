//! The values of knobs. The first of each is the default.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lag::Lag;

/// The type of a knob.
pub(super) trait Choices: Serialize + Sized + 'static {
    /// Every word; for numbers, one value of each kind.
    const CHOICES: &[Self];
}

impl Choices for bool {
    const CHOICES: &[Self] = &[false, true];
}

impl Choices for u32 {
    const CHOICES: &[Self] = &[0, 2];
}

impl Choices for Lag {
    const CHOICES: &[Self] = &[
        Self::Reads(0),
        Self::Reads(2),
        Self::Time(Duration::from_secs(2)),
    ];
}

/// Declares the enums; the first variant is the default.
macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $(#[$first_doc:meta])*
            $first:ident,
            $($(#[$variant_doc:meta])* $variant:ident,)+
        }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
            #[serde(rename_all = "snake_case")]
            pub enum $name {
                $(#[$first_doc])*
                #[default]
                $first,
                $($(#[$variant_doc])* $variant,)+
            }

            impl $crate::knobs::words::Choices for $name {
                const CHOICES: &[Self] = &[Self::$first, $(Self::$variant,)+];
            }
        )+
    };
}

pub(super) use words;

words! {
    /// The form of `has_more` and `next_offset`.
    Paging {
        /// `[true]`, `[20]`, as documented.
        Wrapped,
        /// `true`, `20`.
        Bare,
        /// `"true"`, `"20"`.
        Strings,
        /// Both keys are missing.
        Missing,
    }
    /// The order of a list.
    ListOrder {
        /// The youngest record first.
        NewestFirst,
        /// The oldest record first.
        OldestFirst,
        /// By name, then by version.
        ByName,
        /// A different, pseudo-random order at each call.
        Shuffled,
    }
    /// The result of a list call without `state`.
    StateFilter {
        /// The list shows every state.
        Optional,
        /// The call is refused with 400.
        Required,
        /// The list shows ACTIVE records only.
        ActiveOnly,
    }
    /// The match of a text filter.
    Filter {
        /// Equal text.
        Exact,
        /// Equal text, compared without case.
        IgnoreCase,
        /// Text with this prefix.
        Prefix,
        /// Everything: the server does not know the filter.
        Ignored,
    }
    /// The result of a filter with an undocumented word.
    UnknownFilterWord {
        /// The records that have exactly this word, usually none.
        Compared,
        /// 400.
        Refused,
    }
    /// The result of a `limit` over the page cap.
    OverLimit {
        /// A page as large as the cap.
        Clamped,
        /// The same, but `next_offset` is computed from the requested limit.
        ClampedAnnounced,
        /// 400.
        Refused,
    }
    /// The form of times in milliseconds.
    TimeForm {
        /// A number.
        Int,
        /// A string of digits.
        String,
    }
    /// The resolution of the times of records; runs have nanoseconds.
    TimeResolution {
        /// Seconds: times end in `000`.
        Second,
        /// Milliseconds.
        Millisecond,
    }
    /// The form of error bodies.
    ErrorBody {
        /// `{"message": text}`.
        Message,
        /// `{"msg": text}`.
        Msg,
        /// `{"error": text}`.
        Error,
        /// `{"status": "ERROR", "msg": text}`.
        StatusMsg,
        /// A page of HTML, as from a proxy.
        Html,
        /// No body at all.
        Empty,
    }
    /// The source of the parameters of PATCH.
    PatchStyle {
        /// The query string.
        Query,
        /// A JSON body.
        Body,
        /// Both; the body takes precedence.
        Both,
    }
    /// The result of a PATCH without any known parameter.
    PatchWithoutParameters {
        /// 200 with the unchanged record.
        Unchanged,
        /// 400.
        Refused,
    }
    /// The result of a PATCH with an unknown word.
    PatchUnknownWord {
        /// 400.
        Refused,
        /// The parameter is ignored.
        Ignored,
    }
    /// The result of a change to PUBLIC.
    Publish {
        /// The record is PUBLIC.
        Allowed,
        /// The record is `PENDING_REVIEW`.
        PendingReview,
        /// 200, and nothing changes.
        Unchanged,
        /// 401.
        Unauthorized,
        /// 403.
        Forbidden,
    }
    /// The effect of a change of visibility on the owner.
    OwnerAfterVisibility {
        /// PUBLIC sets the owner to `IB_DEPLOYED`, PRIVATE sets it to the author. A deploy does the
        /// same.
        Follows,
        /// No effect.
        Unchanged,
        /// A PATCH to PUBLIC sets the owner to `IB_DEPLOYED`.
        IbDeployed,
        /// A PATCH to PRIVATE sets the owner to the author.
        Username,
    }
    /// The result of a deploy of something that is not a valid package.
    BadPackage {
        /// A job that fails.
        JobError,
        /// 400.
        Refused,
    }
    /// The visibility of a package without the field `visibility`.
    MissingVisibility {
        /// PRIVATE.
        Private,
        /// PUBLIC.
        Public,
    }
    /// The effect of the visibility in a package.
    PackageVisibility {
        /// The value in the package is used.
        Honoured,
        /// Every deployed record is PRIVATE.
        Private,
        /// Every deployed record is PUBLIC.
        Public,
        /// PUBLIC becomes `PENDING_REVIEW`.
        PendingReview,
    }
    /// The result of a package whose owner is not the caller.
    PackageOwner {
        /// The value in the package is used.
        Honoured,
        /// The job fails, unless the owner is the caller or `IB_DEPLOYED`.
        CallerOnly,
        /// The caller becomes the owner.
        Replaced,
    }
    /// The result of a second deploy with the same owner, name and version.
    DuplicateDeploy {
        /// A job that fails.
        JobError,
        /// 409.
        Conflict,
        /// A second record; the first stays.
        SecondRecord,
        /// The first record, updated in place.
        ReplaceSameId,
        /// A new record, which replaces the first.
        ReplaceNewId,
        /// 400.
        BadRequest,
    }
    /// The visibility of a record while its deploy job is pending.
    RecordDuringJob {
        /// The record is visible from the start of the job.
        Visible,
        /// The record is visible only after the end of the job.
        Hidden,
        /// The record is visible from the start, but INACTIVE and without texts until the end of
        /// the job.
        HalfMade,
    }
    /// The handling of the record of a failed deploy.
    FailedJobRecord {
        /// The record is removed.
        Removed,
        /// The record stays.
        Left,
    }
    /// The key of the solution id in the result of a deploy job.
    DeployResult {
        /// `deployed_solution_id`.
        DeployedSolutionId,
        /// `solution_id`.
        SolutionId,
        /// `id`.
        Id,
        /// The result has no id.
        Nothing,
    }
    /// The result of deleting a solution that is ACTIVE, or that a deployment refers to.
    DeleteInUse {
        /// A job that deletes the solution.
        Allowed,
        /// 400.
        Refused,
        /// A job that fails.
        JobError,
    }
    /// The result of deleting a solution that does not exist or whose delete job is pending.
    DeleteMissing {
        /// 404.
        NotFound,
        /// A job that succeeds.
        JobDone,
        /// A job that fails.
        JobError,
    }
    /// The answer to DELETE.
    DeleteAnswer {
        /// `{"job_id": id}`.
        JobId,
        /// `{}`.
        EmptyObject,
        /// 204.
        NoContent,
    }
    /// The effect of a first chunk (`IB-Cursor: 0`) on an existing file.
    CursorZero {
        /// The chunk replaces the file.
        Truncates,
        /// The chunk overwrites the beginning of the file; a longer file keeps its tail.
        Overwrites,
    }
    /// The combination of several filters.
    FiltersCombined {
        /// The records that match every filter.
        All,
        /// The records that match at least one filter.
        Any,
        /// The records that match the first filter, in the order of the documentation.
        First,
    }
    /// The result of a `limit` of 0.
    LimitZero {
        /// 400.
        Refused,
        /// A page of the default size.
        Default,
        /// An empty page that announces more records.
        Empty,
    }
    /// The keys of a record beside the documented ones.
    RecordKeys {
        /// No other keys.
        Docs,
        /// The keys of captured AI Hub records, in all answers.
        Aihub,
    }
    /// The HTTP status of an error.
    ErrorStatus {
        /// The status that fits the error.
        Http,
        /// 200, with a body that reports the error.
        Ok,
    }
    /// The header `Retry-After` in a 429 of the rate limit.
    RetryAfterForm {
        /// In seconds.
        Seconds,
        /// As a date.
        Date,
        /// No header.
        Missing,
    }
    /// The compression of answers.
    Compression {
        /// None.
        Off,
        /// gzip for JSON, if the request accepts it.
        Gzip,
    }
    /// The result of a slash at the end of the address of the solutions.
    TrailingSlash {
        /// The same result as without the slash.
        Accepted,
        /// 308 to the address without the slash.
        Redirected,
        /// 302 to the address without the slash, which turns other methods into GET.
        Found,
        /// 404.
        NotFound,
    }
    /// The states that PATCH can set.
    PatchStates {
        /// ACTIVE and INACTIVE.
        Documented,
        /// ACTIVE, INACTIVE and PRODUCTION.
        Production,
    }
    /// The result of a package whose owner and visibility do not match: `IB_DEPLOYED` with PRIVATE,
    /// or a user with PUBLIC.
    OwnerMismatch {
        /// A record with both values unchanged.
        Accepted,
        /// A job that fails.
        JobError,
    }
    /// The time at which the server reads the package.
    PackageRead {
        /// The server reads it when the call arrives.
        AtStart,
        /// The server reads it again when the job ends. A package that was replaced meanwhile is
        /// deployed as it is then; one that was removed makes the job fail.
        AtEnd,
    }
    /// The comparison of names and versions: with or without case.
    IdentityCase {
        /// Case matters.
        Sensitive,
        /// Case does not matter.
        Insensitive,
    }
    /// The form of the name in a record.
    NameForm {
        /// As in the package.
        AsGiven,
        /// Without spaces at the start and the end.
        Trimmed,
    }
    /// The form of the version in a record.
    VersionForm {
        /// As in the package.
        AsGiven,
        /// With at least three parts: 1.0 becomes 1.0.0.
        ThreeParts,
    }
    /// The effect of the field `async: false` of a deploy.
    DeployAsync {
        /// No effect.
        Ignored,
        /// The answer comes when the work is done, and has no job id.
        Honoured,
    }
    /// The result of deleting a solution that has pending runs.
    DeleteRunning {
        /// A job that deletes the solution; its runs continue.
        Allowed,
        /// A job that deletes the solution; its runs are CANCELLED.
        Cascade,
        /// 400.
        Refused,
        /// A job that fails.
        JobError,
    }
    /// The form of the header `Location` of a file job.
    LocationForm {
        /// The path of the status of the job.
        Path,
        /// The URL of the status of the job.
        Url,
        /// No header.
        Missing,
    }
}
