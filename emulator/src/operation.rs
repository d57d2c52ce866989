//! The operations of the API and their addresses.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// The maximum length of a JSON body, in bytes.
pub(crate) const JSON_LIMIT: usize = 1 << 20;

/// The maximum length of a file, in bytes.
pub(crate) const FILE_LIMIT: usize = 8 << 30;

/// The documentation of an operation.
pub(crate) trait Documented {
    /// Returns the lines of the doc comment.
    fn documentation(self) -> &'static [&'static str];
}

/// Declares an enum of operations, each with its documentation, method and address.
macro_rules! operations {
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident {
        $($(#[doc = $doc:literal])* $variant:ident: $method:ident $path:literal,)+
    }) => {
        $(#[$attribute])*
        $visibility enum $name {
            $(
                $(#[doc = $doc])*
                #[doc = concat!("\n`", stringify!($method), " ", $path, "`.")]
                $variant,
            )+
        }

        impl $name {
            /// All operations.
            $visibility const ALL: [Self; [$($path),+].len()] = [$(Self::$variant),+];

            /// Returns the method and the address, with `{id}` or `{*path}` for the part that
            /// varies.
            $visibility fn route(self) -> (Method, &'static str) {
                match self {
                    $(Self::$variant => (Method::$method, $path),)+
                }
            }
        }

        impl $crate::operation::Documented for $name {
            fn documentation(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($doc),*],)+
                }
            }
        }
    };
}

pub(crate) use operations;

operations! {
    /// An operation of the emulated API. Fault rules use its variant in snake case as its name. The
    /// documentation begins with the certainty of the call.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[non_exhaustive]
    pub enum Operation {
        /// Deploy a solution
        ///
        /// STATED. The work is a job. SEEN: the body is JSON. INFERRED: the record can be listed
        /// before the job ends.
        Deploy: POST "/api/v2/solutions/deployed",
        /// List solutions
        ///
        /// STATED. Without the rights of an administrator: public solutions and one's own. UNKNOWN:
        /// order, greatest limit, how filters combine, what unknown words give.
        ListSolutions: GET "/api/v2/solutions/deployed",
        /// Read a solution
        ///
        /// STATED.
        GetSolution: GET "/api/v2/solutions/deployed/{id}",
        /// Change a solution
        ///
        /// STATED: at once, without a job. UNKNOWN: what no parameters and unknown words give; what
        /// a change of visibility does to the owner; who may set PUBLIC.
        PatchSolution: PATCH "/api/v2/solutions/deployed/{id}",
        /// Delete a solution
        ///
        /// STATED: the work is a job. UNKNOWN: what an ACTIVE, a running, a referenced and a
        /// missing solution give.
        DeleteSolution: DELETE "/api/v2/solutions/deployed/{id}",
        /// Share a solution with accounts
        ///
        /// SEEN. UNKNOWN: the answer.
        ShareSolution: PATCH "/api/v2/solutions/deployed/{id}/sharing/orgs",
        /// Run a solution
        ///
        /// STATED.
        RunSolution: POST "/api/v2/solutions/deployed/{id}/run",
        /// Run a solution by name
        ///
        /// STATED.
        RunByName: POST "/api/v2/solutions/deployed/run",
        /// List the runs of a solution
        ///
        /// STATED, without paging keys.
        ListSolutionRuns: GET "/api/v2/solutions/deployed/{id}/jobs",
        /// List runs
        ///
        /// STATED, without paging keys.
        ListRuns: GET "/api/v2/solutions/deployed/jobs",
        /// Read the status of a job
        ///
        /// STATED. Errors are 200 with `status` ERROR. UNKNOWN: what an unknown id gives.
        JobStatus: GET "/api/v1/jobs/status",
        /// Read the state of a file operation
        ///
        /// STATED for the files API. UNKNOWN: whether it serves other jobs; here it does not.
        FileJobStatus: GET "/api/v2/jobs/{id}",
        /// Read a file or list a folder
        ///
        /// STATED for files, SEEN for folders.
        ReadNode: GET "/api/v2/files/{*path}",
        /// Check a file or folder
        ///
        /// STATED: `Content-Type` shows the type; length and time are sent for files only.
        HeadNode: HEAD "/api/v2/files/{*path}",
        /// Write a file
        ///
        /// STATED.
        WriteFile: PUT "/api/v2/files/{*path}",
        /// Write a part of a file
        ///
        /// SEEN.
        WriteChunk: PATCH "/api/v2/files/{*path}",
        /// Make an empty file or a folder
        ///
        /// STATED. INFERRED: 201.
        CreateNode: POST "/api/v2/files/{*path}",
        /// Delete a file or folder
        ///
        /// STATED: 202 whether or not there was one.
        DeleteNode: DELETE "/api/v2/files/{*path}",
        /// Copy a file or folder
        ///
        /// SEEN. UNKNOWN: body and `Location`.
        CopyNode: POST "/api/v2/files/copy",
        /// Move a file or folder
        ///
        /// INFERRED from the copy; that it exists is STATED.
        MoveNode: POST "/api/v2/files/move",
        /// Unpack an archive
        ///
        /// SEEN. UNKNOWN: whether the name must end in .zip; here it need not.
        ExtractNode: POST "/api/v2/files/extract",
        /// Copy a file, the older way
        ///
        /// SEEN: the path ends in `/copy`.
        CopyInDrive: POST "/api/v1/drives/{*path}",
        /// Compile a flow
        ///
        /// STATED without the path in the address; SEEN with it. The work is a job.
        CompileFlow: POST "/api/v1/flow_binary/compile/{*path}",
        /// Pack a folder into an .ibsolution
        ///
        /// STATED.
        CreateSolution: POST "/api/v1/solution/create",
        /// Publish a package to the marketplace
        ///
        /// STATED.
        PublishSolution: POST "/api/v1/marketplace/publish",
    }
}

impl Operation {
    /// Returns the name of the operation, as used in fault rules and in the API description.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => unreachable!("invariant: an operation is written as a word"),
        }
    }

    /// Returns true if the body is a file or a part of one.
    pub(crate) fn takes_file(self) -> bool {
        matches!(self, Self::WriteFile | Self::WriteChunk)
    }

    /// Returns the maximum length of the body, in bytes.
    pub(crate) fn body_limit(self) -> usize {
        if self.takes_file() {
            FILE_LIMIT
        } else {
            JSON_LIMIT
        }
    }
}
