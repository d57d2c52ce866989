//! The handler of each operation. `service` applies the steps that all operations share (log,
//! latency, token, faults) around [`Operation::perform`], so that no operation can omit them.

use super::{files, jobs, runs, solutions, tasks};
use crate::access::Caller;
use crate::call::Call;
use crate::operation::Operation;
use crate::reply::Answer;
use crate::state::world::World;

impl Operation {
    /// Executes the operation on the world.
    pub(crate) fn perform(self, world: &mut World, caller: &Caller, call: &Call) -> Answer {
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
