//! The handler of each operation. `service` applies the steps that all operations share (log,
//! latency, token, faults) around [`Operation::perform`], so that no operation can omit them.

use super::{delete, deploy, files, job_status, listing, run_list, runs, solutions, tasks};
use crate::access::Caller;
use crate::call::Call;
use crate::operation::Operation;
use crate::reply::Answer;
use crate::state::world::World;

impl Operation {
    /// Executes the operation on the world.
    pub(crate) fn perform(self, world: &mut World, caller: &Caller, call: &Call) -> Answer {
        match self {
            Self::Deploy => deploy::deploy(world, caller, call),
            Self::ListSolutions => listing::list(world, caller, call),
            Self::GetSolution => solutions::get(world, caller, call),
            Self::PatchSolution => solutions::patch(world, caller, call),
            Self::DeleteSolution => delete::delete(world, caller, call),
            Self::ShareSolution => solutions::share(world, caller, call),
            Self::RunSolution => runs::run(world, caller, call),
            Self::RunByName => runs::run_by_name(world, caller, call),
            Self::ListSolutionRuns => run_list::list_of_one(world, caller, call),
            Self::ListRuns => run_list::list(world, caller, call),
            Self::JobStatus => job_status::status(world, call),
            Self::FileJobStatus => job_status::file_status(world, call),
            Self::ReadNode => files::read(world, call),
            Self::HeadNode => files::head(world, call),
            Self::WriteFile => files::write(world, call),
            Self::WriteChunk => files::write_chunk(world, call),
            Self::CreateNode => files::create(world, call),
            Self::DeleteNode => files::delete(world, call),
            Self::CopyNode => tasks::file_task(world, caller, call, World::copy_node),
            Self::MoveNode => tasks::file_task(world, caller, call, World::move_node),
            Self::ExtractNode => tasks::file_task(world, caller, call, World::extract),
            Self::CopyInDrive => tasks::copy_in_drive(world, caller, call),
            Self::CompileFlow => tasks::compile(world, caller, call),
            Self::CreateSolution => tasks::create_package(world, caller, call),
            Self::PublishSolution => tasks::publish(world, caller, call),
        }
    }
}
