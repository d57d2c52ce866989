//! Work of the file system and the packager that the platform does in jobs: copy, move, extract,
//! compile, package, publish. The emulator does the work in the request, and the job only reports
//! the result.

use serde_json::{Map, Value, json};

use crate::access::Caller;
use crate::pace::JobPace;
use crate::package::{PackageError, pack, read_package, unpack};
use crate::path::NodePath;
use crate::refusal::Refusal;
use crate::state::work::{Task, TaskResult, Work};
use crate::state::world::World;

/// The folder of published packages.
const MARKETPLACE: &str = "system/global/fs/Instabase Drive/Applications/Marketplace/All";

impl World {
    /// Starts the job that reports a task. It ends at once unless a fault delays it: clients of
    /// these calls do not poll but sleep for a few seconds.
    pub(crate) fn start_task(&mut self, caller: &Caller, result: TaskResult) -> String {
        self.start_job(caller, Work::Task(Task::of(result)), JobPace::Immediate)
    }

    /// `POST /api/v2/files/copy`: copies a file, or a folder with everything in it.
    pub(crate) fn copy_node(&mut self, from: &str, to: &str) -> TaskResult {
        let (from, to) = (NodePath::parse(from)?, NodePath::parse(to)?);
        self.files.copy(&from, &to, self.time.now_ms())?;
        Ok(Map::new())
    }

    /// `POST /api/v2/files/move`.
    pub(crate) fn move_node(&mut self, from: &str, to: &str) -> TaskResult {
        let result = self.copy_node(from, to)?;
        let from = NodePath::parse(from)?;
        if from != NodePath::parse(to)? {
            self.files.remove(&from);
        }
        Ok(result)
    }

    /// `POST /api/v2/files/extract`: unpacks a zip. The suffix of its name is ignored.
    pub(crate) fn extract(&mut self, from: &str, to: &str) -> TaskResult {
        let (from, to) = (NodePath::parse(from)?, NodePath::parse(to)?);
        let (_, content) = self.files.file(&from)?;
        let members = unpack(content).map_err(|source| bad_package(&from, source))?;
        let now_ms = self.time.now_ms();
        self.files.make_folder(&to, now_ms)?;
        for (name, bytes) in members {
            let path = to.join(&name)?;
            match bytes {
                Some(bytes) => self.files.write(&path, bytes, false, now_ms).map(drop)?,
                None => self.files.make_folder(&path, now_ms)?,
            }
        }
        Ok(Map::new())
    }

    /// `POST /api/v1/flow_binary/compile`: writes a file that looks like a compiled flow. Two
    /// compilations produce different bytes, as on the platform.
    pub(crate) fn compile(&mut self, root: &str, flow: &str, binary: Option<&str>) -> TaskResult {
        let root = NodePath::parse(root)?;
        let source = root.join(flow)?;
        let (_, content) = self.files.file(&source)?;
        let default = || {
            let stem = source.name().strip_suffix(".ibflow");
            format!(
                "{root}/build/bin/{}.ibflowbin",
                stem.unwrap_or(source.name())
            )
        };
        let target = NodePath::parse(&binary.map_or_else(default, str::to_owned))?;
        let manifest = json!({
            "version": "1.1", "type": "ibflowbin", "uuid": self.counters.ids.next_id(),
            "binary_type": "single_flow", "flow_file": source.name(), "is_flow_v3": true,
        });
        let bytes = pack(&[
            ("manifest.json".to_owned(), manifest.to_string().into()),
            (source.name().to_owned(), content.bytes()),
        ]);
        let now_ms = self.time.now_ms();
        self.files.write(&target, bytes.into(), false, now_ms)?;
        Ok(result(&["flow_path"], &target))
    }

    /// `POST /api/v1/solution/create`: packs a folder into `<name>-<version>.ibsolution`.
    pub(crate) fn create_package(
        &mut self,
        content_folder: &str,
        output_folder: &str,
    ) -> TaskResult {
        let from = NodePath::parse(content_folder)?;
        let to = NodePath::parse(output_folder)?;
        let members = self.files.tree(&from)?;
        let description = members.iter().find(|(name, _)| name == "package.json");
        let description = description
            .and_then(|(_, bytes)| serde_json::from_slice::<Value>(bytes).ok())
            .ok_or_else(|| bad_package(&from, PackageError::NoDescription))?;
        let field = |name: &'static str| {
            let text = description[name]
                .as_str()
                .filter(|text| !text.trim().is_empty());
            text.ok_or_else(|| bad_package(&from, PackageError::MissingField(name)))
        };
        let file = format!("{}-{}.ibsolution", field("name")?, field("version")?);
        let path = to.child(&file.replace('/', "_"))?;
        let now_ms = self.time.now_ms();
        self.files
            .write(&path, pack(&members).into(), false, now_ms)?;
        // The synchronous answer and the job use different keys for the path.
        Ok(result(&["output_path", "solution_path"], &path))
    }

    /// `POST /api/v1/marketplace/publish`: writes a package to the folder of the marketplace,
    /// packed and unpacked.
    pub(crate) fn publish(&mut self, path: &str) -> TaskResult {
        let from = NodePath::parse(path)?;
        let (_, content) = self.files.file(&from)?;
        let content = content.clone();
        let package = read_package(&content).map_err(|source| bad_package(&from, source))?;
        let name = package.name.replace('/', "_");
        let version = package.version.replace('/', "_");
        let folder = NodePath::parse(&format!("{MARKETPLACE}/{name}/{version}"))?;
        let file = folder.child(&format!("{name}-{version}.ibsolution"))?;
        self.files.put(&file, Some(content), self.time.now_ms())?;
        self.extract(file.as_str(), &format!("{folder}/content"))
    }
}

/// Returns a result that names a path under these keys.
fn result(keys: &[&str], path: &NodePath) -> Map<String, Value> {
    let entries = keys
        .iter()
        .map(|key| ((*key).to_owned(), json!(path.as_str())));
    entries.collect()
}

fn bad_package(path: &NodePath, error: PackageError) -> Refusal {
    Refusal::BadPackage(path.to_string(), error)
}
