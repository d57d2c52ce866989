//! The words that knobs take. The first of each is its default.

use serde::{Deserialize, Serialize};

/// Declares the word enums; the first variant is the default.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident, $($(#[$variant_doc:meta])* $variant:ident,)+ })+) => {
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

            impl $crate::emulator::knobs::Choices for $name {
                fn choices() -> Vec<serde_json::Value> {
                    [Self::$first, $(Self::$variant,)+]
                        .iter()
                        .map(|word| serde_json::json!(word))
                        .collect()
                }
            }
        )+
    };
}

pub(super) use words;

words! {
    /// The form of `has_more` and `next_offset`.
    Paging {
        /// `[true]`, `[20]`, as the page says.
        Wrapped,
        /// `true`, `20`.
        Bare,
        /// `"true"`, `"20"`.
        Strings,
        /// Neither key is there.
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
        /// Another order with each call.
        Shuffled,
    }
    /// What a list does without `state`.
    StateFilter {
        /// It shows every state.
        Optional,
        /// It refuses the call with 400.
        Required,
        /// It shows ACTIVE records only.
        ActiveOnly,
    }
    /// What a text filter matches.
    Filter {
        /// Equal text.
        Exact,
        /// Equal text, upper and lower case being the same.
        IgnoreCase,
        /// Text that begins so.
        Prefix,
        /// Everything: the server does not know the filter.
        Ignored,
    }
    /// What a filter with a word outside the documented ones gives.
    UnknownFilterWord {
        /// The records that have this very word, so mostly none.
        Compared,
        /// 400.
        Refused,
    }
    /// What a `limit` over the page cap gives.
    OverLimit {
        /// A page as large as the cap.
        Clamped,
        /// The same, and `next_offset` counts by the limit that was asked for.
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
    /// How finely the times of records are kept; runs have nanoseconds.
    TimeResolution {
        /// Times end in `000`.
        Second,
        /// Full milliseconds.
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
        /// A page of HTML, as a proxy would give.
        Html,
        /// No body at all.
        Empty,
    }
    /// Where PATCH takes its parameters from.
    PatchStyle {
        /// The query string.
        Query,
        /// A JSON body.
        Body,
        /// Both; the body wins.
        Both,
    }
    /// What a PATCH without any known parameter gives.
    PatchWithoutParameters {
        /// 200 with the record as it is.
        Unchanged,
        /// 400.
        Refused,
    }
    /// What a PATCH with an unknown word gives.
    PatchUnknownWord {
        /// 400.
        Refused,
        /// As if the parameter were not there.
        Ignored,
    }
    /// What becomes of the wish for PUBLIC.
    Publish {
        /// The record is PUBLIC.
        Allowed,
        /// The record is `PENDING_REVIEW`.
        PendingReview,
        /// 200, and nothing has changed.
        Unchanged,
        /// 401.
        Unauthorized,
        /// 403.
        Forbidden,
    }
    /// What a change of visibility does to the owner.
    OwnerAfterVisibility {
        /// PUBLIC gives it to `IB_DEPLOYED`, PRIVATE gives it back to the author; at a deploy too.
        Follows,
        /// Nothing.
        Unchanged,
        /// A PATCH to PUBLIC gives it to `IB_DEPLOYED`.
        IbDeployed,
        /// A PATCH to PRIVATE gives it back to the author.
        Username,
    }
    /// What a deploy of something that is not a good package gives.
    BadPackage {
        /// A job that ends with an error.
        JobError,
        /// 400.
        Refused,
    }
    /// The visibility of a package that names none.
    MissingVisibility {
        /// PRIVATE.
        Private,
        /// PUBLIC.
        Public,
    }
    /// What becomes of the visibility that a package names.
    PackageVisibility {
        /// It holds.
        Honoured,
        /// Every deployed record is PRIVATE.
        Private,
        /// Every deployed record is PUBLIC.
        Public,
        /// PUBLIC becomes `PENDING_REVIEW`.
        PendingReview,
    }
    /// What becomes of an owner in the package who is not the caller.
    PackageOwner {
        /// It holds.
        Honoured,
        /// The job ends with an error, unless the owner is the caller or `IB_DEPLOYED`.
        CallerOnly,
        /// The caller takes its place.
        Replaced,
    }
    /// What a second deploy of one owner, name and version gives.
    DuplicateDeploy {
        /// A job that ends with an error.
        JobError,
        /// 409.
        Conflict,
        /// A second record beside the first.
        SecondRecord,
        /// The first record, renewed.
        ReplaceSameId,
        /// A new record in place of the first.
        ReplaceNewId,
        /// 400.
        BadRequest,
    }
    /// Whether the record of a running deploy can be seen.
    RecordDuringJob {
        /// From the start of the job.
        Visible,
        /// Only after its end.
        Hidden,
        /// From the start, but INACTIVE and without texts until the end.
        HalfMade,
    }
    /// What becomes of the record of a deploy that fails.
    FailedJobRecord {
        /// It goes.
        Removed,
        /// It stays.
        Left,
    }
    /// Under which key a deploy job's result names the solution id.
    DeployResult {
        /// `deployed_solution_id`.
        DeployedSolutionId,
        /// `solution_id`.
        SolutionId,
        /// `id`.
        Id,
        /// It does not.
        Nothing,
    }
    /// What deleting an ACTIVE solution gives.
    DeleteActive {
        /// A job that deletes it.
        Allowed,
        /// 400.
        Refused,
        /// A job that ends with an error.
        JobError,
    }
    /// What deleting something that is not there, or is on its way out, gives.
    DeleteMissing {
        /// 404.
        NotFound,
        /// A job that ends well.
        JobDone,
        /// A job that ends with an error.
        JobError,
    }
    /// What DELETE answers.
    DeleteAnswer {
        /// `{"job_id": id}`.
        JobId,
        /// `{}`.
        EmptyObject,
        /// 204.
        NoContent,
    }
    /// What a first chunk (`IB-Cursor: 0`) does to the file that is there.
    CursorZero {
        /// It takes its place.
        Truncates,
        /// It is written over its beginning; a longer file keeps its tail.
        Overwrites,
    }
    /// What several filters together match.
    FiltersCombined {
        /// What each of them matches.
        All,
        /// What one of them matches.
        Any,
        /// What the first matches, in the order of the page.
        First,
    }
    /// What a `limit` of 0 gives.
    LimitZero {
        /// 400.
        Refused,
        /// A page of the default size.
        Default,
        /// An empty page that says that there is more.
        Empty,
    }
    /// Which keys a record has beside the documented ones.
    RecordKeys {
        /// None.
        Docs,
        /// Those of captured AI Hub records, in all answers.
        Aihub,
    }
    /// The HTTP status of an error.
    ErrorStatus {
        /// HTTP's own.
        Http,
        /// 200, and the body says that it is an error.
        Ok,
    }
    /// Whether a 429 of the rate limit says when to come again.
    RetryAfterForm {
        /// In seconds.
        Seconds,
        /// As a date.
        Date,
        /// Not at all.
        Missing,
    }
    /// What a slash at the end of the address of the solutions gives.
    TrailingSlash {
        /// The same as without it.
        Accepted,
        /// 308 to the address without it.
        Redirected,
        /// 302 to the address without it, which turns other calls into GET.
        Found,
        /// 404.
        NotFound,
    }
    /// Which states PATCH sets.
    PatchStates {
        /// ACTIVE and INACTIVE.
        Documented,
        /// PRODUCTION too.
        Production,
    }
    /// What a package gives whose owner and visibility do not go together: `IB_DEPLOYED` and
    /// PRIVATE, or a user and PUBLIC.
    OwnerMismatch {
        /// A record with both as they are.
        Accepted,
        /// A job that ends with an error.
        JobError,
    }
    /// When the server reads the package.
    PackageRead {
        /// When the call comes.
        AtStart,
        /// When the job ends: what lies there then counts, and nothing may.
        AtEnd,
    }
    /// Whether upper and lower case make two names or versions.
    IdentityCase {
        /// They do.
        Sensitive,
        /// They do not.
        Insensitive,
    }
    /// How a record writes the name of its package.
    NameForm {
        /// To the letter.
        AsGiven,
        /// Without spaces at its ends.
        Trimmed,
    }
    /// How a record writes the version of its package.
    VersionForm {
        /// To the letter.
        AsGiven,
        /// With three parts: 1.0 becomes 1.0.0.
        ThreeParts,
    }
    /// What the field `async: false` of a deploy does.
    DeployAsync {
        /// Nothing.
        Ignored,
        /// The answer comes when the work is done, and names no job.
        Honoured,
    }
    /// What deleting a solution with runs in flight gives.
    DeleteRunning {
        /// A job that deletes it; its runs go on.
        Allowed,
        /// A job that deletes it; its runs are CANCELLED.
        Cascade,
        /// 400.
        Refused,
        /// A job that ends with an error.
        JobError,
    }
    /// What deleting a solution gives that a deployment refers to.
    DeleteReferenced {
        /// A job that deletes it.
        Allowed,
        /// 400.
        Refused,
        /// A job that ends with an error.
        JobError,
    }
    /// What `Location` of a file job is.
    LocationForm {
        /// The path of its status.
        Path,
        /// The whole URL of its status.
        Url,
        /// It is missing.
        Missing,
    }
}
