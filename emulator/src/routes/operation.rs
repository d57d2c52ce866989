//! The operations of the API and their addresses. `service` applies the steps that all operations
//! share (log, latency, token, faults) around [`Operation::perform`], so that no operation can omit
//! them.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::{files, jobs, runs, solutions, tasks};
use crate::access::Caller;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::world::World;

/// The maximum length of a JSON body, in bytes.
const JSON_LIMIT: usize = 1 << 20;

/// The maximum length of a file, in bytes. Files are in memory.
pub(super) const FILE_LIMIT: usize = 512 << 20;

/// An operation of the emulated API. Fault rules use its variant in snake case as its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// `POST /api/v2/solutions/deployed`.
    Deploy,
    /// `GET /api/v2/solutions/deployed`.
    ListSolutions,
    /// `GET /api/v2/solutions/deployed/<id>`.
    GetSolution,
    /// `PATCH /api/v2/solutions/deployed/<id>`.
    PatchSolution,
    /// `DELETE /api/v2/solutions/deployed/<id>`.
    DeleteSolution,
    /// `PATCH /api/v2/solutions/deployed/<id>/sharing/orgs`, which is not documented.
    ShareSolution,
    /// `POST /api/v2/solutions/deployed/<id>/run`.
    RunSolution,
    /// `POST /api/v2/solutions/deployed/run`.
    RunByName,
    /// `GET /api/v2/solutions/deployed/<id>/jobs`.
    ListSolutionRuns,
    /// `GET /api/v2/solutions/deployed/jobs`.
    ListRuns,
    /// `GET /api/v1/jobs/status`.
    JobStatus,
    /// `GET /api/v2/jobs/<id>`.
    FileJobStatus,
    /// `GET /api/v2/files/<path>`.
    ReadNode,
    /// `HEAD /api/v2/files/<path>`.
    HeadNode,
    /// `PUT /api/v2/files/<path>`.
    WriteFile,
    /// `PATCH /api/v2/files/<path>`.
    WriteChunk,
    /// `POST /api/v2/files/<path>`.
    CreateNode,
    /// `DELETE /api/v2/files/<path>`.
    DeleteNode,
    /// `POST /api/v2/files/copy`.
    CopyNode,
    /// `POST /api/v2/files/move`.
    MoveNode,
    /// `POST /api/v2/files/extract`.
    ExtractNode,
    /// `POST /api/v1/drives/<path>/copy`.
    CopyInDrive,
    /// `POST /api/v1/flow_binary/compile/<path>`.
    CompileFlow,
    /// `POST /api/v1/solution/create`.
    CreateSolution,
    /// `POST /api/v1/marketplace/publish`.
    PublishSolution,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 25] = [
        Self::Deploy,
        Self::ListSolutions,
        Self::GetSolution,
        Self::PatchSolution,
        Self::DeleteSolution,
        Self::ShareSolution,
        Self::RunSolution,
        Self::RunByName,
        Self::ListSolutionRuns,
        Self::ListRuns,
        Self::JobStatus,
        Self::FileJobStatus,
        Self::ReadNode,
        Self::HeadNode,
        Self::WriteFile,
        Self::WriteChunk,
        Self::CreateNode,
        Self::DeleteNode,
        Self::CopyNode,
        Self::MoveNode,
        Self::ExtractNode,
        Self::CopyInDrive,
        Self::CompileFlow,
        Self::CreateSolution,
        Self::PublishSolution,
    ];

    /// Returns the method and the address, with `{id}` or `{*path}` for the part that varies.
    pub fn route(self) -> (Method, &'static str) {
        match self {
            Self::Deploy => (Method::POST, "/api/v2/solutions/deployed"),
            Self::ListSolutions => (Method::GET, "/api/v2/solutions/deployed"),
            Self::GetSolution => (Method::GET, "/api/v2/solutions/deployed/{id}"),
            Self::PatchSolution => (Method::PATCH, "/api/v2/solutions/deployed/{id}"),
            Self::DeleteSolution => (Method::DELETE, "/api/v2/solutions/deployed/{id}"),
            Self::ShareSolution => (
                Method::PATCH,
                "/api/v2/solutions/deployed/{id}/sharing/orgs",
            ),
            Self::RunSolution => (Method::POST, "/api/v2/solutions/deployed/{id}/run"),
            Self::RunByName => (Method::POST, "/api/v2/solutions/deployed/run"),
            Self::ListSolutionRuns => (Method::GET, "/api/v2/solutions/deployed/{id}/jobs"),
            Self::ListRuns => (Method::GET, "/api/v2/solutions/deployed/jobs"),
            Self::JobStatus => (Method::GET, "/api/v1/jobs/status"),
            Self::FileJobStatus => (Method::GET, "/api/v2/jobs/{id}"),
            Self::ReadNode => (Method::GET, "/api/v2/files/{*path}"),
            Self::HeadNode => (Method::HEAD, "/api/v2/files/{*path}"),
            Self::WriteFile => (Method::PUT, "/api/v2/files/{*path}"),
            Self::WriteChunk => (Method::PATCH, "/api/v2/files/{*path}"),
            Self::CreateNode => (Method::POST, "/api/v2/files/{*path}"),
            Self::DeleteNode => (Method::DELETE, "/api/v2/files/{*path}"),
            Self::CopyNode => (Method::POST, "/api/v2/files/copy"),
            Self::MoveNode => (Method::POST, "/api/v2/files/move"),
            Self::ExtractNode => (Method::POST, "/api/v2/files/extract"),
            Self::CopyInDrive => (Method::POST, "/api/v1/drives/{*path}"),
            Self::CompileFlow => (Method::POST, "/api/v1/flow_binary/compile/{*path}"),
            Self::CreateSolution => (Method::POST, "/api/v1/solution/create"),
            Self::PublishSolution => (Method::POST, "/api/v1/marketplace/publish"),
        }
    }

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
            Self::Deploy
            | Self::ListSolutions
            | Self::GetSolution
            | Self::PatchSolution
            | Self::DeleteSolution
            | Self::JobStatus
            | Self::FileJobStatus
            | Self::ReadNode
            | Self::HeadNode
            | Self::CreateNode
            | Self::DeleteNode
            | Self::ShareSolution
            | Self::RunSolution
            | Self::RunByName
            | Self::ListSolutionRuns
            | Self::ListRuns
            | Self::CopyNode
            | Self::MoveNode
            | Self::ExtractNode
            | Self::CopyInDrive
            | Self::CompileFlow
            | Self::CreateSolution
            | Self::PublishSolution => JSON_LIMIT,
        }
    }

    /// Executes the operation on the world.
    pub(crate) fn perform(
        self,
        world: &mut World,
        caller: &Caller,
        call: &Call,
    ) -> Result<Reply, Refusal> {
        match self {
            Self::Deploy => solutions::deploy(world, caller, call),
            Self::ListSolutions => solutions::list(world, caller, call),
            Self::GetSolution => solutions::get(world, caller, call),
            Self::PatchSolution => solutions::patch(world, caller, call),
            Self::DeleteSolution => solutions::delete(world, caller, call),
            Self::ShareSolution => solutions::share(world, caller, call),
            Self::RunSolution => runs::run(world, caller, call),
            Self::RunByName => runs::run_by_name(world, caller, call),
            Self::ListSolutionRuns => runs::list_of_one(world, caller, call),
            Self::ListRuns => runs::list(world, caller, call),
            Self::JobStatus => jobs::status(world, call),
            Self::FileJobStatus => jobs::file_status(world, call),
            Self::ReadNode => files::read(world, call),
            Self::HeadNode => files::head(world, call),
            Self::WriteFile => files::write(world, call),
            Self::WriteChunk => files::write_chunk(world, call),
            Self::CreateNode => files::create(world, call),
            Self::DeleteNode => files::delete(world, call),
            Self::CopyNode => tasks::copy(world, caller, call),
            Self::MoveNode => tasks::rename(world, caller, call),
            Self::ExtractNode => tasks::extract(world, caller, call),
            Self::CopyInDrive => tasks::copy_in_drive(world, caller, call),
            Self::CompileFlow => tasks::compile(world, caller, call),
            Self::CreateSolution => tasks::create_package(world, caller, call),
            Self::PublishSolution => tasks::publish(world, caller, call),
        }
    }
}
