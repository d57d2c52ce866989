//! One knob for each thing that the platform's pages leave open.
//!
//! The default of each knob is the behaviour that the public evidence makes most likely. A knob is
//! set by name, in a seed file (`knobs: { paging: bare }`), on a command line (`paging=bare`) or
//! over the control route; the words of each are its variants in snake case. The table in
//! `docs/emulator.md` says which unknown of the platform each stands for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lag::Lag;

mod job_words;
mod words;

pub use job_words::{
    CurStatus, FailureForm, FirstAnswer, JobDoneWord, PendingWord, ResultsForm, RunEnd,
    RunInactive, RunMissingInput, RunRepeatedId, RunSpaces, RunTies, UnknownJob,
};
pub use words::{
    BadPackage, CursorZero, DeleteActive, DeleteAnswer, DeleteMissing, DeleteReferenced,
    DeleteRunning, DeployAsync, DeployResult, DuplicateDeploy, ErrorBody, ErrorStatus,
    FailedJobRecord, Filter, FiltersCombined, IdentityCase, LimitZero, ListOrder, LocationForm,
    MissingVisibility, NameForm, OverLimit, OwnerAfterVisibility, OwnerMismatch, PackageOwner,
    PackageRead, PackageVisibility, Paging, PatchStates, PatchStyle, PatchUnknownWord,
    PatchWithoutParameters, Publish, RecordDuringJob, RecordKeys, RetryAfterForm, StateFilter,
    TimeForm, TimeResolution, TrailingSlash, UnknownFilterWord, VersionForm,
};

/// What a knob can be set to.
trait Choices {
    /// Every word; of numbers, those that differ in kind.
    fn choices() -> Vec<Value>;
}

impl Choices for bool {
    fn choices() -> Vec<Value> {
        vec![false.into(), true.into()]
    }
}

impl Choices for u32 {
    fn choices() -> Vec<Value> {
        vec![0.into(), 2.into()]
    }
}

impl Choices for Lag {
    fn choices() -> Vec<Value> {
        vec![0.into(), 2.into(), "2s".into()]
    }
}

/// Declares the knobs, each with its default.
macro_rules! knobs {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr,)+) => {
        /// The behaviour of an emulated server where the platform's own is not known.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Knobs {
            $($(#[$doc])* pub $name: $kind,)+
        }

        impl Default for Knobs {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Knobs {
            /// Every knob with what it can be set to, for tests that turn each: all words, and of
            /// numbers those that differ in kind.
            pub fn choices() -> Vec<(&'static str, Vec<String>)> {
                vec![$((stringify!($name), show(<$kind as Choices>::choices())),)+]
            }
        }
    };
}

knobs! {
    /// The form of `has_more` and `next_offset`.
    paging: Paging = Paging::default(),
    /// The order of a list.
    list_order: ListOrder = ListOrder::default(),
    /// The number of list calls, or the time, after which lists show a write.
    list_lag: Lag = Lag::default(),
    /// The number of reads by id, or the time, after which they show a write.
    read_lag: Lag = Lag::default(),
    /// What a list does without `state`.
    state_filter: StateFilter = StateFilter::default(),
    /// What the filter `name` matches.
    name_filter: Filter = Filter::default(),
    /// What the filter `author` matches.
    author_filter: Filter = Filter::default(),
    /// What the filter `owner` matches.
    owner_filter: Filter = Filter::default(),
    /// What the filter `visibility` matches.
    visibility_filter: Filter = Filter::default(),
    /// What several filters together match.
    filters_combined: FiltersCombined = FiltersCombined::default(),
    /// What a filter with a word outside the documented ones gives.
    unknown_filter_word: UnknownFilterWord = UnknownFilterWord::default(),
    /// What a `limit` over the page cap gives.
    over_limit: OverLimit = OverLimit::default(),
    /// What a `limit` of 0 gives.
    limit_zero: LimitZero = LimitZero::default(),
    /// Whether records show their visibility.
    visibility_in_records: bool = false,
    /// Which keys a record has beside the documented ones.
    record_keys: RecordKeys = RecordKeys::default(),
    /// The form of `createdAtMs` and `updatedAtMs`.
    times: TimeForm = TimeForm::default(),
    /// How finely the times of records are kept; runs have nanoseconds.
    time_resolution: TimeResolution = TimeResolution::default(),
    /// The form of error bodies.
    error_body: ErrorBody = ErrorBody::default(),
    /// The HTTP status of an error.
    error_status: ErrorStatus = ErrorStatus::default(),
    /// How many requests pass between two that get 429; 0 for no limit.
    rate_limit: u32 = 0,
    /// Whether a 429 of the rate limit says when to come again.
    retry_after: RetryAfterForm = RetryAfterForm::default(),
    /// The longest body in KiB before 413; 0 for the usual limits.
    body_limit_kib: u32 = 0,
    /// What a slash at the end of the address of the solutions gives.
    trailing_slash: TrailingSlash = TrailingSlash::default(),
    /// Where PATCH takes its parameters from.
    patch_style: PatchStyle = PatchStyle::default(),
    /// Which states PATCH sets.
    patch_states: PatchStates = PatchStates::default(),
    /// What a PATCH without any known parameter gives.
    patch_without_parameters: PatchWithoutParameters = PatchWithoutParameters::default(),
    /// What a PATCH with an unknown word gives.
    patch_unknown_word: PatchUnknownWord = PatchUnknownWord::default(),
    /// What becomes of the wish for PUBLIC.
    publish: Publish = Publish::default(),
    /// What a change of visibility does to the owner.
    owner_after_visibility: OwnerAfterVisibility = OwnerAfterVisibility::default(),
    /// Whether a PATCH moves `updatedAtMs`.
    patch_touches_updated: bool = true,
    /// What a deploy of something that is not a good package gives.
    bad_package: BadPackage = BadPackage::default(),
    /// The visibility of a package that names none.
    missing_visibility: MissingVisibility = MissingVisibility::default(),
    /// What becomes of the visibility that a package names.
    package_visibility: PackageVisibility = PackageVisibility::default(),
    /// What becomes of an owner in the package who is not the caller.
    package_owner: PackageOwner = PackageOwner::default(),
    /// What a package gives whose owner and visibility do not go together.
    owner_mismatch: OwnerMismatch = OwnerMismatch::default(),
    /// When the server reads the package.
    package_read: PackageRead = PackageRead::default(),
    /// What a second deploy of one owner, name and version gives.
    duplicate_deploy: DuplicateDeploy = DuplicateDeploy::default(),
    /// Whether upper and lower case make two names or versions.
    identity_case: IdentityCase = IdentityCase::default(),
    /// How a record writes the name of its package.
    name_form: NameForm = NameForm::default(),
    /// How a record writes the version of its package.
    version_form: VersionForm = VersionForm::default(),
    /// What the field `async: false` of a deploy does.
    deploy_async: DeployAsync = DeployAsync::default(),
    /// Whether the record of a running deploy can be seen.
    record_during_job: RecordDuringJob = RecordDuringJob::default(),
    /// What becomes of the record of a deploy that fails.
    failed_job_record: FailedJobRecord = FailedJobRecord::default(),
    /// Under which key a deploy job's result names the solution id.
    deploy_result: DeployResult = DeployResult::default(),
    /// What deleting an ACTIVE solution gives.
    delete_active: DeleteActive = DeleteActive::default(),
    /// What deleting a solution with runs in flight gives.
    delete_running: DeleteRunning = DeleteRunning::default(),
    /// What deleting a solution gives that a deployment refers to.
    delete_referenced: DeleteReferenced = DeleteReferenced::default(),
    /// What deleting an unknown id gives.
    delete_missing: DeleteMissing = DeleteMissing::default(),
    /// What deleting a solution whose deletion is under way gives.
    delete_repeated: DeleteMissing = DeleteMissing::JobDone,
    /// What DELETE answers.
    delete_answer: DeleteAnswer = DeleteAnswer::default(),
    /// What the status of an unknown job is.
    unknown_job: UnknownJob = UnknownJob::default(),
    /// After how many status calls that found it over a job is unknown; 0 for never.
    job_forgotten_after: u32 = 0,
    /// What the first status call of each job gets.
    job_first_answer: FirstAnswer = FirstAnswer::default(),
    /// The state of a job that is not over.
    job_pending_word: PendingWord = PendingWord::default(),
    /// The form of the results of a job that is over.
    job_results: ResultsForm = ResultsForm::default(),
    /// How a failed job shows that it has failed.
    job_failure: FailureForm = FailureForm::default(),
    /// What `cur_status` of a deploy or delete job is.
    job_cur_status: CurStatus = CurStatus::default(),
    /// The word for a job that is over.
    job_done_word: JobDoneWord = JobDoneWord::default(),
    /// The greatest page of a folder listing.
    folder_page: u32 = 100,
    /// How many reads of a new file find nothing; the retries of `IB-Retry-Config` count.
    file_lag: u32 = 0,
    /// What a first chunk (`IB-Cursor: 0`) does to the file that is there.
    cursor_zero: CursorZero = CursorZero::default(),
    /// What `Location` of a file job is.
    location_form: LocationForm = LocationForm::default(),
    /// What running an INACTIVE solution gives.
    run_inactive: RunInactive = RunInactive::default(),
    /// What a run without its input folder gives.
    run_missing_input: RunMissingInput = RunMissingInput::default(),
    /// What a run with the `job_id` of an earlier one gives.
    run_repeated_id: RunRepeatedId = RunRepeatedId::default(),
    /// How runs end.
    run_end: RunEnd = RunEnd::default(),
    /// Whose runs a job list without `output_repo` shows.
    run_spaces: RunSpaces = RunSpaces::default(),
    /// The order of runs that sort equally.
    run_ties: RunTies = RunTies::default(),
}

fn show(values: Vec<Value>) -> Vec<String> {
    let text = |value: Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    values.into_iter().map(text).collect()
}

/// A setting that names no knob, or a word that the knob does not know.
#[derive(Debug, thiserror::Error)]
pub enum KnobError {
    /// There is no knob of this name.
    #[error("there is no knob `{name}`; the knobs are {known}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The knob does not take this value.
    #[error("knob `{name}` does not take `{value}`: {reason}")]
    BadValue {
        /// The knob.
        name: String,
        /// The value that was given.
        value: String,
        /// What the knob takes instead.
        reason: String,
    },
    /// A setting without `=`.
    #[error("`{text}` is no knob setting; expected `name=value`")]
    NoValue {
        /// The setting that was given.
        text: String,
    },
}

impl Knobs {
    /// The names of all knobs, sorted.
    pub fn names() -> Vec<String> {
        Self::default()
            .table()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    /// Turns one knob by a setting of the form `name=value`.
    pub fn assign(&mut self, setting: &str) -> Result<(), KnobError> {
        match setting.split_once('=') {
            Some((name, value)) => self.set(name.trim(), value.trim()),
            None => Err(KnobError::NoValue {
                text: setting.to_owned(),
            }),
        }
    }

    /// Turns one knob by name. On an error nothing has changed.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), KnobError> {
        let table = self.table();
        let Some((_, present)) = table.iter().find(|(known, _)| known == name) else {
            return Err(KnobError::Unknown {
                name: name.to_owned(),
                known: Self::names().join(", "),
            });
        };
        // The present value says which kind of value the knob takes.
        let wanted = match present {
            Value::Bool(_) => value.parse().map(Value::Bool).ok(),
            Value::Number(_) => value.parse::<u32>().map(Value::from).ok(),
            Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        let wanted = wanted.unwrap_or_else(|| Value::from(value));
        let turned = table
            .into_iter()
            .map(|(known, present)| {
                let value = if known == name {
                    wanted.clone()
                } else {
                    present
                };
                (known, value)
            })
            .collect();
        *self =
            serde_json::from_value(Value::Object(turned)).map_err(|error| KnobError::BadValue {
                name: name.to_owned(),
                value: value.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(())
    }

    /// Every knob with its present value.
    fn table(&self) -> Vec<(String, Value)> {
        match serde_json::to_value(self) {
            Ok(Value::Object(table)) => table.into_iter().collect(),
            _ => unreachable!("invariant: knobs are a struct of words, flags and numbers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knobs_are_turned_by_name() {
        let mut knobs = Knobs::default();
        knobs.assign("paging=bare").unwrap();
        knobs.assign("visibility_in_records = true").unwrap();
        knobs.assign("list_lag=3").unwrap();
        assert_eq!(
            knobs,
            Knobs {
                paging: Paging::Bare,
                visibility_in_records: true,
                list_lag: Lag::Reads(3),
                ..Knobs::default()
            }
        );
    }

    #[test]
    fn a_bad_setting_names_what_is_wrong_and_changes_nothing() {
        let cases = [
            (
                "colour=red",
                "there is no knob `colour`; the knobs are author_filter, ",
            ),
            (
                "paging=loose",
                "knob `paging` does not take `loose`: unknown variant `loose`, expected one of `wrapped`, `bare`, ",
            ),
            ("list_lag=-1", "knob `list_lag` does not take `-1`"),
            (
                "visibility_in_records=maybe",
                "knob `visibility_in_records` does not take `maybe`",
            ),
            ("paging", "`paging` is no knob setting"),
        ];
        for (setting, message) in cases {
            let mut knobs = Knobs::default();
            let error = knobs.assign(setting).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
            assert_eq!(knobs, Knobs::default());
        }
    }
}
