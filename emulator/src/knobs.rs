//! Knobs: one setting for each behaviour that the platform's pages leave open.
//!
//! The default of each knob is the behaviour that the public evidence makes most likely. A knob is
//! set by name, in a seed file (`knobs: { paging: bare }`), on a command line (`paging=bare`) or
//! over the control route; its values are the variants of its type in snake case. The table in
//! `docs/emulator.md` lists the unknown of the platform behind each knob.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::lag::Lag;

mod job_words;
mod words;

pub use job_words::*;
use words::Choices;
pub use words::*;

/// Declares the knobs, each with its default.
macro_rules! knobs {
    ($($(#[$doc:meta])* $name:ident: $kind:ty $(= $default:expr)?,)+) => {
        /// The behaviour of an emulated server where the behaviour of the platform is not known.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Knobs {
            $($(#[$doc])* pub $name: $kind,)+
        }

        impl Default for Knobs {
            fn default() -> Self {
                Self {
                    // The default of the type applies if the table names no other.
                    $($name: [$($default,)? <$kind>::default()][0],)+
                }
            }
        }

        impl Knobs {
            /// Returns every knob with its values, for tests that try each: all words, and for
            /// numbers one value of each kind.
            pub fn choices() -> Vec<(&'static str, Vec<String>)> {
                vec![$((stringify!($name), show(<$kind>::CHOICES)),)+]
            }
        }
    };
}

knobs! {
    /// The form of `has_more` and `next_offset`.
    paging: Paging,
    /// The order of a list.
    list_order: ListOrder,
    /// The number of list calls, or the time, after which lists show a write; 0 by default.
    list_lag: Lag,
    /// The number of reads by id, or the time, after which such reads show a write; 0 by default.
    read_lag: Lag,
    /// The result of a list call without `state`.
    state_filter: StateFilter,
    /// The match of the filter `name`.
    name_filter: Filter,
    /// The match of the filter `author`.
    author_filter: Filter,
    /// The match of the filter `owner`.
    owner_filter: Filter,
    /// The match of the filter `visibility`.
    visibility_filter: Filter,
    /// The combination of several filters.
    filters_combined: FiltersCombined,
    /// The result of a filter with an undocumented word.
    unknown_filter_word: UnknownFilterWord,
    /// The result of a `limit` over the page cap.
    over_limit: OverLimit,
    /// The result of a `limit` of 0.
    limit_zero: LimitZero,
    /// True if records show their visibility; false by default.
    visibility_in_records: bool,
    /// The keys of a record beside the documented ones.
    record_keys: RecordKeys,
    /// The form of `createdAtMs` and `updatedAtMs`.
    times: TimeForm,
    /// The resolution of the times of records; runs have nanoseconds.
    time_resolution: TimeResolution,
    /// The form of error bodies.
    error_body: ErrorBody,
    /// The HTTP status of an error.
    error_status: ErrorStatus,
    /// The number of requests between two that get 429; 0, the default, for no limit.
    rate_limit: u32,
    /// The header `Retry-After` in a 429 of the rate limit.
    retry_after: RetryAfterForm,
    /// The maximum length of a body in KiB; longer ones get 413. 0, the default, means 1 MiB for
    /// JSON and 8 GiB for files.
    body_limit_kib: u32,
    /// The compression of answers.
    compression: Compression,
    /// The result of a slash at the end of the address of the solutions.
    trailing_slash: TrailingSlash,
    /// The source of the parameters of PATCH.
    patch_style: PatchStyle,
    /// The states that PATCH can set.
    patch_states: PatchStates,
    /// The result of a PATCH without any known parameter.
    patch_without_parameters: PatchWithoutParameters,
    /// The result of a PATCH with an unknown word.
    patch_unknown_word: PatchUnknownWord,
    /// The result of a change to PUBLIC.
    publish: Publish,
    /// The effect of a change of visibility on the owner.
    owner_after_visibility: OwnerAfterVisibility,
    /// True if a PATCH changes `updatedAtMs`; true by default.
    patch_touches_updated: bool = true,
    /// The result of a deploy of something that is not a valid package.
    bad_package: BadPackage,
    /// The visibility of a package without the field `visibility`.
    missing_visibility: MissingVisibility,
    /// The effect of the visibility in a package.
    package_visibility: PackageVisibility,
    /// The result of a package whose owner is not the caller.
    package_owner: PackageOwner,
    /// The result of a package whose owner and visibility do not match.
    owner_mismatch: OwnerMismatch,
    /// The time at which the server reads the package.
    package_read: PackageRead,
    /// The result of a second deploy with the same owner, name and version.
    duplicate_deploy: DuplicateDeploy,
    /// The comparison of names and versions: with or without case.
    identity_case: IdentityCase,
    /// The form of the name in a record.
    name_form: NameForm,
    /// The form of the version in a record.
    version_form: VersionForm,
    /// The effect of the field `async: false` of a deploy.
    deploy_async: DeployAsync,
    /// The visibility of a record while its deploy job is pending.
    record_during_job: RecordDuringJob,
    /// The handling of the record of a failed deploy.
    failed_job_record: FailedJobRecord,
    /// The key of the solution id in the result of a deploy job.
    deploy_result: DeployResult,
    /// The result of deleting an ACTIVE solution.
    delete_active: DeleteInUse,
    /// The result of deleting a solution that has pending runs.
    delete_running: DeleteRunning,
    /// The result of deleting a solution that a deployment refers to.
    delete_referenced: DeleteInUse,
    /// The result of deleting an unknown id.
    delete_missing: DeleteMissing,
    /// The result of deleting a solution whose delete job is pending; a job that succeeds by
    /// default.
    delete_repeated: DeleteMissing = DeleteMissing::JobDone,
    /// The answer to DELETE.
    delete_answer: DeleteAnswer,
    /// The status of an unknown job.
    unknown_job: UnknownJob,
    /// The number of status calls after its end that still find a job; later ones report an unknown
    /// job. 0, the default, for no limit.
    job_forgotten_after: u32,
    /// The answer to the first status call of each job.
    job_first_answer: FirstAnswer,
    /// The state of a pending job.
    job_pending_word: PendingWord,
    /// The form of the results of a job that has ended.
    job_results: ResultsForm,
    /// The form in which a job reports its failure.
    job_failure: FailureForm,
    /// The value of `cur_status` of a deploy or delete job.
    job_cur_status: CurStatus,
    /// The word for a job that has ended.
    job_done_word: JobDoneWord,
    /// The maximum page of a folder listing; 100 by default.
    folder_page: u32 = 100,
    /// The number of reads of a new file that do not find it; 0 by default. The retries of
    /// `IB-Retry-Config` count as reads.
    file_lag: u32,
    /// The effect of a first chunk (`IB-Cursor: 0`) on an existing file.
    cursor_zero: CursorZero,
    /// The form of the header `Location` of a file job.
    location_form: LocationForm,
    /// The result of running an INACTIVE solution.
    run_inactive: RunInactive,
    /// The result of a run whose input folder does not exist.
    run_missing_input: RunMissingInput,
    /// The result of a run with the `job_id` of an earlier job.
    run_repeated_id: RunRepeatedId,
    /// The end of runs.
    run_end: RunEnd,
    /// The runs in a job list without `output_repo`.
    run_spaces: RunSpaces,
    /// The order of runs that sort equally.
    run_ties: RunTies,
}

fn show(choices: &[impl Serialize]) -> Vec<String> {
    let text = |choice| match json!(choice) {
        Value::String(text) => text,
        value => value.to_string(),
    };
    choices.iter().map(text).collect()
}

/// An error in a knob setting.
#[derive(Debug, thiserror::Error)]
pub enum KnobError {
    /// The name of the knob is unknown.
    #[error("there is no knob `{name}`; the knobs are {known}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// The names of all knobs.
        known: String,
    },
    /// The value is not valid for the knob.
    #[error("knob `{name}` does not take `{value}`: {reason}")]
    BadValue {
        /// The name of the knob.
        name: String,
        /// The value that was given.
        value: String,
        /// The reason, with the values that the knob accepts.
        reason: String,
    },
    /// The setting has no `=`.
    #[error("`{text}` is not a knob setting; expected `name=value`")]
    NoValue {
        /// The setting that was given.
        text: String,
    },
}

impl Knobs {
    /// Returns the names of all knobs, sorted.
    pub fn names() -> Vec<String> {
        let table = Self::default().table();
        table.into_iter().map(|(name, _)| name).collect()
    }

    /// Sets one knob from a setting of the form `name=value`. Changes nothing on an error.
    pub fn assign(&mut self, setting: &str) -> Result<(), KnobError> {
        match setting.split_once('=') {
            Some((name, value)) => self.set(name.trim(), value.trim()),
            None => Err(KnobError::NoValue {
                text: setting.to_owned(),
            }),
        }
    }

    /// Sets one knob by name. Fails if there is no such knob or it does not take the value, and
    /// changes nothing then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), KnobError> {
        let mut table = self.table();
        let Some(current) = table.get_mut(name) else {
            return Err(KnobError::Unknown {
                name: name.to_owned(),
                known: Self::names().join(", "),
            });
        };
        // The current value shows the type of the knob.
        let wanted = match current {
            Value::Bool(_) => value.parse().map(Value::Bool).ok(),
            Value::Number(_) => value.parse::<u32>().map(Value::from).ok(),
            Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        *current = wanted.unwrap_or_else(|| Value::from(value));
        let changed = serde_json::from_value(Value::Object(table));
        *self = changed.map_err(|error| KnobError::BadValue {
            name: name.to_owned(),
            value: value.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(())
    }

    /// Returns every knob with its current value.
    fn table(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(table)) => table,
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
                "knob `paging` does not take `loose`: unknown variant `loose`, expected one of \
                 `wrapped`, `bare`, ",
            ),
            ("list_lag=-1", "knob `list_lag` does not take `-1`"),
            (
                "visibility_in_records=maybe",
                "knob `visibility_in_records` does not take `maybe`",
            ),
            ("paging", "`paging` is not a knob setting"),
        ];
        for (setting, message) in cases {
            let mut knobs = Knobs::default();
            let error = knobs.assign(setting).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
            assert_eq!(knobs, Knobs::default());
        }
    }
}
