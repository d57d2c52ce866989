//! Work of the file system and the packager that the platform does in jobs: copy, move, extract,
//! compile, package, publish, as far as the vendor's own toolkit uses them. The emulator does the
//! work in the request, and the job only reports the result.

use axum::http::{StatusCode, header};
use serde_json::{Map, Value, json};

use crate::access::Caller;
use crate::call::{Call, Fields, flag_field, required_field, text_field};
use crate::knobs::LocationForm;
use crate::pace::JobPace;
use crate::package::{PackageError, pack, read_package, unpack};
use crate::path::NodePath;
use crate::refusal::Refusal;
use crate::reply::{self, Answer, Reply, jobs};
use crate::state::work::{Task, TaskResult, Work};
use crate::state::world::World;

const NO_DESCRIPTION: PackageError = PackageError::Invalid("it has no readable `package.json`");

/// The folder of published packages.
const MARKETPLACE: &str = "system/global/fs/Instabase Drive/Applications/Marketplace/All";

/// Handles a call from `src_path` to `dst_path`. It is always accepted; the job reports the result.
pub(super) fn file_task(
    world: &mut World,
    caller: &Caller,
    call: &Call,
    work: impl FnOnce(&mut World, &str, &str) -> TaskResult,
) -> Answer {
    let fields = call.object()?;
    let from = required_field(&fields, "src_path")?;
    let to = required_field(&fields, "dst_path")?;
    let result = world.work_of_job(|world| work(world, &from, &to));
    let job = world.start_task(caller, result);
    Ok(accepted(world, call, &job))
}

/// Returns 202 with the address of the job, in the form that the knob asks for.
pub(super) fn accepted(world: &World, call: &Call, job: &str) -> Reply {
    let path = format!("/api/v2/jobs/{job}");
    let reply = Reply::empty(StatusCode::ACCEPTED);
    match world.knobs.location_form {
        LocationForm::Path => reply.with(header::LOCATION, &path),
        LocationForm::Url => {
            let host = call.header("host").unwrap_or("localhost");
            reply.with(header::LOCATION, &format!("http://{host}{path}"))
        }
        LocationForm::Missing => reply,
    }
}

/// `POST /api/v1/drives/<path>/copy`, the older way to copy. Other actions on drives are not
/// emulated.
pub(super) fn copy_in_drive(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let Some(from) = call.parameter.strip_suffix("/copy") else {
        return Err(call.no_such_route());
    };
    let to = required_field(&call.object()?, "new_full_path")?;
    let result = world.work_of_job(|world| world.copy_node(from, &to));
    Ok(v1_job(world, caller, result))
}

pub(super) fn compile(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let root = required_field(&fields, "flow_project_root")?;
    let binary = text_field(&fields, "predefined_binary_path")?;
    text_field(&fields, "binary_type")?;
    let settings = fields.get("settings").and_then(Value::as_object);
    let settings = settings.ok_or(Refusal::MissingField("settings"))?;
    flag_field(settings, "is_flow_v3")?;
    let flow = required_field(settings, "flow_file")?;
    let result = world.work_of_job(|world| world.compile(&root, &flow, binary.as_deref()));
    Ok(v1_job(world, caller, result))
}

fn v1_job(world: &mut World, caller: &Caller, result: TaskResult) -> Reply {
    Reply::ok(&json!({ "status": "OK", "job_id": world.start_task(caller, result) }))
}

pub(super) fn create_package(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let content = required_field(&fields, "content_folder")?;
    let output = required_field(&fields, "output_folder")?;
    let result = world.create_package(&content, &output);
    Ok(v1_task(world, caller, &fields, result))
}

pub(super) fn publish(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let result = world.publish(&required_field(&fields, "ibsolution_path")?);
    Ok(v1_task(world, caller, &fields, result))
}

/// Returns the answer to a v1 call that waits for its work, unless `async` asks for a job. Errors
/// of a v1 call are 200 with `ERROR` in the body.
fn v1_task(world: &mut World, caller: &Caller, fields: &Fields, result: TaskResult) -> Reply {
    let wants_job = match fields.get("async") {
        Some(Value::String(text)) => text == "true",
        value => value == Some(&Value::Bool(true)),
    };
    if wants_job {
        return jobs::job_started(&world.start_task(caller, result));
    }
    match result {
        Ok(mut body) => {
            body.remove("solution_path");
            body.insert("status".to_owned(), json!("OK"));
            Reply::ok(&body)
        }
        Err(refusal) => reply::v1_error(&refusal.to_string()),
    }
}

impl World {
    /// Does the work of a job, unless a fault makes the job fail: the job reports the fault.
    fn work_of_job(&mut self, work: impl FnOnce(&mut Self) -> TaskResult) -> TaskResult {
        if self.fault.prevents_work() {
            Ok(Map::new())
        } else {
            work(self)
        }
    }

    /// Starts the job that reports a task. It ends at once unless a fault delays it: clients of
    /// these calls do not poll but sleep for a few seconds.
    fn start_task(&mut self, caller: &Caller, result: TaskResult) -> String {
        self.start_job(caller, Work::Task(Task::of(result)), JobPace::Immediate)
    }

    /// `POST /api/v2/files/copy`: copies a file, or a folder with everything in it.
    pub(super) fn copy_node(&mut self, from: &str, to: &str) -> TaskResult {
        let (from, to) = (NodePath::parse(from)?, NodePath::parse(to)?);
        self.files.copy(&from, &to)?;
        Ok(Map::new())
    }

    /// `POST /api/v2/files/move`.
    pub(super) fn move_node(&mut self, from: &str, to: &str) -> TaskResult {
        let result = self.copy_node(from, to)?;
        let from = NodePath::parse(from)?;
        if from != NodePath::parse(to)? {
            self.files.remove(&from);
        }
        Ok(result)
    }

    /// `POST /api/v2/files/extract`: unpacks a zip. The suffix of its name is ignored.
    pub(super) fn extract(&mut self, from: &str, to: &str) -> TaskResult {
        let (from, to) = (NodePath::parse(from)?, NodePath::parse(to)?);
        let (_, content) = self.files.file(&from)?;
        let members = unpack(content).map_err(|source| bad_package(&from, source))?;
        self.files.make_folder(&to)?;
        for (name, bytes) in members {
            let path = to.join(&name)?;
            match bytes {
                Some(bytes) => self.files.write(&path, bytes.into(), false)?,
                None => self.files.make_folder(&path)?,
            }
        }
        Ok(Map::new())
    }

    /// `POST /api/v1/flow_binary/compile`: writes a file that looks like a compiled flow. Two
    /// compilations produce different bytes, as on the platform.
    fn compile(&mut self, root: &str, flow: &str, binary: Option<&str>) -> TaskResult {
        let root = NodePath::parse(root)?;
        let source = root.join(flow)?;
        let (_, content) = self.files.file(&source)?;
        let stem = source.name().strip_suffix(".ibflow");
        let stem = stem.unwrap_or(source.name());
        let default = || format!("{root}/build/bin/{stem}.ibflowbin");
        let target = NodePath::parse(&binary.map_or_else(default, str::to_owned))?;
        let manifest = json!({
            "version": "1.1", "type": "ibflowbin", "uuid": self.counters.ids.next_id(),
            "binary_type": "single_flow", "flow_file": source.name(), "is_flow_v3": true,
        });
        let bytes = pack(&[
            ("manifest.json".to_owned(), manifest.to_string().into()),
            (source.name().to_owned(), content.bytes()?),
        ]);
        self.files.write(&target, bytes.into(), false)?;
        Ok(result(&["flow_path"], &target))
    }

    /// `POST /api/v1/solution/create`: packs a folder into `<name>-<version>.ibsolution`.
    fn create_package(&mut self, from: &str, to: &str) -> TaskResult {
        let (from, to) = (NodePath::parse(from)?, NodePath::parse(to)?);
        let members = self.files.tree(&from)?;
        let description = members.iter().find(|(name, _)| name == "package.json");
        let description = description
            .and_then(|(_, bytes)| serde_json::from_slice::<Value>(bytes).ok())
            .ok_or_else(|| bad_package(&from, NO_DESCRIPTION))?;
        let field = |name: &'static str| {
            let text = description[name]
                .as_str()
                .filter(|text| !text.trim().is_empty());
            text.ok_or_else(|| bad_package(&from, PackageError::MissingField(name)))
        };
        let file = format!("{}-{}.ibsolution", field("name")?, field("version")?);
        let path = to.child(&file.replace('/', "_"))?;
        self.files.write(&path, pack(&members).into(), false)?;
        // The synchronous answer and the job use different keys for the path.
        Ok(result(&["output_path", "solution_path"], &path))
    }

    /// `POST /api/v1/marketplace/publish`: writes a package to the folder of the marketplace,
    /// packed and unpacked.
    fn publish(&mut self, path: &str) -> TaskResult {
        let from = NodePath::parse(path)?;
        let (_, content) = self.files.file(&from)?;
        let package = read_package(content).map_err(|source| bad_package(&from, source))?;
        let name = package.name.replace('/', "_");
        let version = package.version.replace('/', "_");
        let folder = NodePath::parse(&format!("{MARKETPLACE}/{name}/{version}"))?;
        let file = folder.child(&format!("{name}-{version}.ibsolution"))?;
        self.files.put(&file, Some(package.content))?;
        self.extract(file.as_str(), &format!("{folder}/content"))
    }
}

/// Returns a result that names a path under these keys.
fn result(keys: &[&str], path: &NodePath) -> Map<String, Value> {
    let entry = |key: &&str| ((*key).to_owned(), json!(path.as_str()));
    keys.iter().map(entry).collect()
}

fn bad_package(path: &NodePath, error: PackageError) -> Refusal {
    Refusal::BadPackage(path.to_string(), error)
}
