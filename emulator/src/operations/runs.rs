//! Runs of solutions: the start and the results.

use serde_json::{Value, json};

use crate::access::Caller;
use crate::call::{Call, Fields, filled_field, optional_field, required_field};
use crate::knobs::{RunEnd, RunInactive, RunMissingInput, RunRepeatedId};
use crate::path::NodePath;
use crate::refusal::Refusal;
use crate::reply::{Answer, jobs};
use crate::state::jobs::Job;
use crate::state::solutions::PUBLIC_OWNER;
use crate::state::work::{Ending, Run, Verdict, Work};
use crate::state::world::World;

/// The maximum length of an id that a caller chooses for a run, in characters.
const ID_LIMIT: usize = 50;

/// The parameters of a call that starts a run.
struct RunRequest {
    input_dir: String,
    output_dir: Option<String>,
    job_id: Option<String>,
    settings: Fields,
}

/// `POST /api/v2/solutions/deployed/<id>/run`.
pub(super) fn run(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let request = RunRequest::of(&call.object()?)?;
    let job = world.run_solution(caller, &call.parameter, &request)?;
    Ok(jobs::job_started(&job))
}

/// `POST /api/v2/solutions/deployed/run`: without a version, the most recently created solution
/// with this name runs, which is not always the highest version.
pub(super) fn run_by_name(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let owner = filled_field(&fields, "owner")?;
    let owner = owner.unwrap_or_else(|| PUBLIC_OWNER.to_owned());
    let name = required_field(&fields, "name")?;
    let version = filled_field(&fields, "version")?;
    let request = RunRequest::of(&fields)?;
    let skips_inactive = world.knobs.run_inactive == RunInactive::Hidden;
    let newest = world.solutions.items.values().rev().find(|solution| {
        solution.name == name
            && solution.owner == owner
            && version
                .as_ref()
                .is_none_or(|version| *version == solution.version)
            && solution.is_visible_to(caller)
            && !solution.deploying
            && !(skips_inactive && solution.state == "INACTIVE")
    });
    let Some(solution) = newest.map(|solution| solution.id.clone()) else {
        let version = version.map_or_else(String::new, |version| format!(" {version}"));
        return Err(Refusal::NothingToRun(format!(
            "`{name}`{version} of {owner}"
        )));
    };
    let job = world.run_solution(caller, &solution, &request)?;
    Ok(jobs::job_started(&job))
}

impl RunRequest {
    fn of(fields: &Fields) -> Result<Self, Refusal> {
        let object = |value: &Value| value.as_object().cloned();
        let settings = optional_field(fields, "settings", "a JSON object", object)?;
        Ok(Self {
            input_dir: required_field(fields, "input_dir")?,
            output_dir: filled_field(fields, "output_dir")?,
            job_id: filled_field(fields, "job_id")?,
            settings: settings.unwrap_or_default(),
        })
    }
}

impl World {
    /// Starts a run and returns the id of its job.
    fn run_solution(
        &mut self,
        caller: &Caller,
        id: &str,
        request: &RunRequest,
    ) -> Result<String, Refusal> {
        let solution = self.solution(caller, id)?.clone();
        if solution.state == "INACTIVE" {
            match self.knobs.run_inactive {
                RunInactive::Allowed => {}
                RunInactive::Refused => {
                    return Err(Refusal::WrongState(solution.id, "is INACTIVE"));
                }
                RunInactive::Hidden => return Err(Refusal::NoSuchSolution(id.to_owned())),
            }
        }
        let id = match &request.job_id {
            Some(id) if id.chars().count() > ID_LIMIT => {
                let expected = "no more than 50 characters long";
                return Err(Refusal::BadField("job_id", expected));
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
        // A run without its input folder writes nothing: its output folder would create the other.
        if failure.is_none() {
            self.files.make_folder(&output)?;
        }
        let run = Run {
            solution: solution.id,
            name: solution.name,
            version: solution.version,
            owner: solution.owner,
            input: input.to_string(),
            output: output.to_string(),
            failure,
        };
        Ok(self.start_job_as(id, caller, Work::Run(run), self.pace))
    }

    /// Ends a run. `ending` is the end that a fault or a control route has chosen.
    pub(super) fn end_run(&mut self, id: &str, run: &Run, ending: Option<&Ending>) -> Verdict {
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
        for (name, result) in results {
            let (path, bytes) = (output.child(&name)?, result.to_string());
            self.files.write(&path, bytes.into_bytes().into(), false)?;
        }
        Ok(())
    }

    /// Returns the ids of the pending runs of a solution.
    pub(super) fn runs_in_flight(&self, solution: &str) -> Vec<String> {
        let is_its_run =
            |job: &Job| matches!(&job.work, Work::Run(run) if run.solution == solution);
        let pending = self.jobs.pending_ids().into_iter();
        pending
            .filter(|id| self.jobs.get(id).is_some_and(is_its_run))
            .collect()
    }
}
