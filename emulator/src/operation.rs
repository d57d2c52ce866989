//! The operations of the API and their addresses.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// The maximum length of a JSON body, in bytes.
pub(crate) const JSON_LIMIT: usize = 1 << 20;

/// The maximum length of a file, in bytes. Files are in memory.
pub(crate) const FILE_LIMIT: usize = 512 << 20;

/// Declares an enum of operations, each with its method and address.
macro_rules! operations {
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident {
        $($(#[$doc:meta])* $variant:ident: $method:ident $path:literal,)+
    }) => {
        $(#[$attribute])*
        $visibility enum $name {
            $(
                #[doc = concat!("`", stringify!($method), " ", $path, "`.")]
                $(#[$doc])*
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
    };
}

pub(crate) use operations;

operations! {
    /// An operation of the emulated API. Fault rules use its variant in snake case as its name.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[non_exhaustive]
    pub enum Operation {
        Deploy: POST "/api/v2/solutions/deployed",
        ListSolutions: GET "/api/v2/solutions/deployed",
        GetSolution: GET "/api/v2/solutions/deployed/{id}",
        PatchSolution: PATCH "/api/v2/solutions/deployed/{id}",
        DeleteSolution: DELETE "/api/v2/solutions/deployed/{id}",
        /// The platform does not document this call.
        ShareSolution: PATCH "/api/v2/solutions/deployed/{id}/sharing/orgs",
        RunSolution: POST "/api/v2/solutions/deployed/{id}/run",
        RunByName: POST "/api/v2/solutions/deployed/run",
        ListSolutionRuns: GET "/api/v2/solutions/deployed/{id}/jobs",
        ListRuns: GET "/api/v2/solutions/deployed/jobs",
        JobStatus: GET "/api/v1/jobs/status",
        FileJobStatus: GET "/api/v2/jobs/{id}",
        ReadNode: GET "/api/v2/files/{*path}",
        HeadNode: HEAD "/api/v2/files/{*path}",
        WriteFile: PUT "/api/v2/files/{*path}",
        WriteChunk: PATCH "/api/v2/files/{*path}",
        CreateNode: POST "/api/v2/files/{*path}",
        DeleteNode: DELETE "/api/v2/files/{*path}",
        CopyNode: POST "/api/v2/files/copy",
        MoveNode: POST "/api/v2/files/move",
        ExtractNode: POST "/api/v2/files/extract",
        /// Only addresses that end in `/copy`.
        CopyInDrive: POST "/api/v1/drives/{*path}",
        CompileFlow: POST "/api/v1/flow_binary/compile/{*path}",
        CreateSolution: POST "/api/v1/solution/create",
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

    /// Returns the maximum length of the body, in bytes.
    pub(crate) fn body_limit(self) -> usize {
        match self {
            Self::WriteFile | Self::WriteChunk => FILE_LIMIT,
            _ => JSON_LIMIT,
        }
    }
}
