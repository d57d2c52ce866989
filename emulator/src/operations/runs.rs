//! Runs of solutions: the start and the results.

use serde_json::{Map, Value, json};

use crate::access::Caller;
use crate::knobs::{RunEnd, RunInactive, RunMissingInput, RunRepeatedId};
use crate::path::NodePath;
use crate::refusal::Refusal;
use crate::state::jobs::Job;
use crate::state::solutions::Solution;
use crate::state::work::{Ending, Run, Verdict, Work};
use crate::state::world::World;

/// The maximum length of an id that a caller chooses for a run, in characters.
const ID_LIMIT: usize = 50;

/// The parameters of a call that starts a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunRequest {
    pub(crate) input_dir: String,
    pub(crate) output_dir: Option<String>,
    pub(crate) job_id: Option<String>,
    pub(crate) settings: Map<String, Value>,
}

/// The solution that a call by name runs.
#[derive(Debug, Clone)]
pub(crate) struct RunTarget {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) owner: String,
}

impl World {
    /// `POST /api/v2/solutions/deployed/<id>/run`: starts a run and returns the id of its job.
    pub(crate) fn run_solution(
        &mut self,
        caller: &Caller,
        id: &str,
        request: &RunRequest,
    ) -> Result<String, Refusal> {
        let solution = self.solution(caller, id)?.clone();
        if solution.state == "INACTIVE" {
            match self.knobs.run_inactive {
                RunInactive::Allowed => {}
                RunInactive::Refused => return Err(Refusal::NotActive(id.to_owned())),
                RunInactive::Hidden => return Err(Refusal::NoSuchSolution(id.to_owned())),
            }
        }
        self.start_run(caller, &solution, request)
    }

    /// `POST /api/v2/solutions/deployed/run`: without a version, the most recently created solution
    /// with this name runs, which is not always the highest version.
    pub(crate) fn run_by_name(
        &mut self,
        caller: &Caller,
        target: &RunTarget,
        request: &RunRequest,
    ) -> Result<String, Refusal> {
        let skips_inactive = self.knobs.run_inactive == RunInactive::Hidden;
        let newest = self.solutions.iter().rev().find(|solution| {
            solution.name == target.name
                && solution.owner == target.owner
                && target
                    .version
                    .as_ref()
                    .is_none_or(|version| *version == solution.version)
                && solution.is_visible_to(caller)
                && !solution.deploying
                && !(skips_inactive && solution.state == "INACTIVE")
        });
        let Some(solution) = newest.map(|solution| solution.id.clone()) else {
            let version = target.version.as_ref();
            return Err(Refusal::NothingToRun {
                owner: target.owner.clone(),
                name: target.name.clone(),
                version: version.map_or_else(String::new, |version| format!(" {version}")),
            });
        };
        self.run_solution(caller, &solution, request)
    }

    fn start_run(
        &mut self,
        caller: &Caller,
        solution: &Solution,
        request: &RunRequest,
    ) -> Result<String, Refusal> {
        let id = match &request.job_id {
            Some(id) if id.chars().count() > ID_LIMIT => {
                return Err(Refusal::BadField(
                    "job_id",
                    "no more than 50 characters long",
                ));
            }
            Some(id) => match (self.jobs.get(id), self.knobs.run_repeated_id) {
                (None, _) => id.clone(),
                (Some(_), RunRepeatedId::SameRun) => return Ok(id.clone()),
                (Some(_), RunRepeatedId::Conflict) => return Err(Refusal::JobExists(id.clone())),
            },
            None => self.counters.ids.next_id(),
        };
        let input = NodePath::parse(&request.input_dir)?;
        let mut output = match &request.output_dir {
            Some(path) => NodePath::parse(path)?,
            None => input.child("out")?,
        };
        let is_set = |name: &str| request.settings.get(name) == Some(&Value::Bool(true));
        if is_set("output_has_run_id") {
            let name = id.replace('/', "_");
            output = output.child(&name)?;
        }
        let input_node = self.files.node(&input);
        let has_input = input_node.is_ok_and(|node| node.content.is_none());
        let failure = match self.knobs.run_missing_input {
            RunMissingInput::Refused if !has_input => return Err(Refusal::NoSuchNode(input)),
            RunMissingInput::Failed if !has_input => {
                Some(format!("there is no input folder `{input}`"))
            }
            RunMissingInput::Accepted | RunMissingInput::Failed | RunMissingInput::Refused => None,
        };
        if is_set("delete_out_dir") && !output.holds(&input) {
            self.files.remove(&output);
        }
        self.files.make_folder(&output, self.time.now_ms())?;
        let run = Run {
            solution: solution.id.clone(),
            name: solution.name.clone(),
            version: solution.version.clone(),
            owner: solution.owner.clone(),
            input: input.to_string(),
            output: output.to_string(),
            failure,
        };
        Ok(self.start_job_as(id, caller, Work::Run(run), self.pace))
    }

    /// Ends a run. `ending` is the end that a fault or a control route has chosen.
    pub(crate) fn end_run(&mut self, id: &str, run: &Run, ending: Option<&Ending>) -> Verdict {
        let end = match (ending, &run.failure) {
            (Some(Ending::Failed(message)), _) | (None, Some(message)) => {
                return Verdict::failed(message);
            }
            (Some(Ending::Run(end)), _) => *end,
            (None, None) => self.knobs.run_end,
        };
        match end {
            RunEnd::Complete => match self.write_results(id, run) {
                Ok(()) => Verdict::Done { solution: None },
                Err(refusal) => Verdict::failed(refusal.to_string()),
            },
            RunEnd::Failed => Verdict::failed("the flow has failed"),
            RunEnd::Cancelled | RunEnd::StoppedAtCheckpoint => Verdict::Stopped { end },
        }
    }

    /// Writes a result for each input file, and a summary.
    fn write_results(&mut self, id: &str, run: &Run) -> Result<(), Refusal> {
        let (input, output) = (NodePath::parse(&run.input)?, NodePath::parse(&run.output)?);
        let names = self.files.file_names(&input);
        let solution = json!({ "id": run.solution, "name": run.name, "version": run.version });
        let result = |name: &String| {
            let result = json!({ "file": name, "solution": solution, "fields": {} });
            (format!("{name}.json"), result)
        };
        let mut results: Vec<(String, Value)> = names.iter().map(result).collect();
        let summary = json!({ "job_id": id, "solution": solution, "files": names });
        results.push(("summary.json".to_owned(), summary));
        let now_ms = self.time.now_ms();
        for (name, result) in results {
            let (path, bytes) = (output.child(&name)?, result.to_string().into());
            self.files.write(&path, bytes, false, now_ms)?;
        }
        Ok(())
    }

    /// Returns the ids of the pending runs of a solution.
    pub(crate) fn runs_in_flight(&self, solution: &str) -> Vec<String> {
        let is_its_run =
            |job: &Job| matches!(&job.work, Work::Run(run) if run.solution == solution);
        let pending = self.jobs.pending_ids().into_iter();
        pending
            .filter(|id| self.jobs.get(id).is_some_and(is_its_run))
            .collect()
    }
}
