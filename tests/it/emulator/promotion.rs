//! The vendor's promotion toolkit between two emulators, with the requests that it was observed to
//! send: its flow for projects on the file system, and its flow for the solution builder.

use std::collections::VecDeque;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use solform_emulator::{EmulatorOptions, JobPace, Operation, Seed};

use super::{Api, DEPLOYED, options, text};

const DEV: &str = "acme/dev/fs/Instabase Drive";
const PROD: &str = "acme/prod/fs/Instabase Drive";
const MARKET: &str = "system/global/fs/Instabase Drive/Applications/Marketplace/All";

const SOURCE: &str = r#"
files:
  - { path: acme/dev/fs/Instabase Drive/Form W2/icon.png, text: png }
  - { path: acme/dev/fs/Instabase Drive/Form W2/Flow/form.ibflow, text: "{}" }
  - { path: acme/dev/fs/Instabase Drive/Form W2/Flow/modules/a.py, text: "x = 1" }
  - path: acme/dev/fs/Instabase Drive/Form W2/package.json
    text: '{"name": "Form W2", "version": "0.0.2", "owner": "IB_DEPLOYED", "visibility": "PUBLIC", "solution_type": "ibflowbin"}'
  - { path: acme/dev/fs/Instabase Drive/.instabase_projects/Form W2/latest/flows/f/metadata.json, text: '{"name": "main"}' }
  - { path: acme/dev/fs/Instabase Drive/.instabase_projects/Form W2/latest/flows/f/versions/v/flow.ibflow, text: "{}" }
packages:
  - path: system/global/fs/Instabase Drive/Applications/Marketplace/All/model/0.0.1/model-0.0.1.ibsolution
    name: model
    version: 0.0.1
    owner: ann
"#;

/// An environment, and the expected entries of its log.
struct Environment {
    api: Api,
    expected: VecDeque<(Operation, u16)>,
}

impl Environment {
    async fn start(token: &'static str, seed: &str) -> Self {
        let mut api = Api::start(EmulatorOptions {
            seed: Some(Seed::parse(seed).unwrap()),
            token: Some(token.into()),
            ..options(&[], JobPace::Immediate)
        })
        .await;
        api.token = token;
        let expected = VecDeque::new();
        Self { api, expected }
    }

    /// Sends a request, and notes the operation and the status that the log must hold for it.
    async fn send(&mut self, operation: Operation, status: u16, request: RequestBuilder) -> Bytes {
        self.expected.push_back((operation, status));
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{operation:?}");
        response.bytes().await.unwrap()
    }

    fn file(&self, method: Method, path: &str) -> RequestBuilder {
        self.api.request(method, &format!("/api/v2/files/{path}"))
    }

    async fn read(&mut self, path: &str) -> Bytes {
        let request = self.file(Method::GET, path);
        let request = request.query(&[("expect-node-type", "file")]);
        self.send(Operation::ReadNode, 200, request).await
    }

    async fn list(&mut self, path: &str, status: u16) -> Vec<String> {
        let request = self.file(Method::GET, path);
        let request = request.query(&[("expect-node-type", "folder")]);
        let page = self.send(Operation::ReadNode, status, request).await;
        // The toolkit reads the listing of a missing folder too.
        let page: Value = serde_json::from_slice(&page).unwrap();
        let nodes = page["nodes"].as_array().into_iter().flatten();
        nodes.map(|node| text(&node["full_path"])).collect()
    }

    /// Asserts that HEAD finds nothing. As in the toolkit, only a HEAD of a file asks for retries.
    async fn is_absent(&mut self, path: &str, is_file: bool) {
        let mut request = self.file(Method::HEAD, path);
        if is_file {
            request = request.header("IB-Retry-Config", r#"{"retries": 2, "backoff-seconds": 1}"#);
        }
        self.send(Operation::HeadNode, 404, request).await;
    }

    /// Sends JSON by POST, without a content type.
    async fn post(&mut self, operation: Operation, status: u16, path: &str, body: Value) -> Value {
        let request = self.api.request(Method::POST, path).body(body.to_string());
        let reply = self.send(operation, status, request).await;
        let reply: Value = serde_json::from_slice(&reply).unwrap_or_default();
        assert_ne!(reply["status"], "ERROR", "{path}: {reply}");
        reply
    }

    async fn task(&mut self, operation: Operation, from: &str, to: &str) {
        let path = format!(
            "/api/v2/files/{}",
            if operation == Operation::CopyNode {
                "copy"
            } else {
                "extract"
            }
        );
        let body = json!({ "src_path": from, "dst_path": to });
        self.post(operation, 202, &path, body).await;
    }

    async fn put(&mut self, path: &str, body: impl Into<reqwest::Body>) {
        let request = self.file(Method::PUT, path).body(body);
        self.send(Operation::WriteFile, 204, request).await;
    }

    async fn compile(&mut self, address: &str, root: &str, flow: &str, binary: &str) {
        let path = format!("/api/v1/flow_binary/compile/{address}");
        let settings = json!({ "flow_file": flow, "is_flow_v3": true });
        let body = json!({
            "binary_type": "Single Flow", "flow_project_root": root,
            "predefined_binary_path": binary, "settings": settings,
        });
        self.post(Operation::CompileFlow, 200, &path, body).await;
    }

    async fn pack(&mut self, content: &str, output: &str) {
        let body = json!({ "content_folder": content, "output_folder": output });
        let path = "/api/v1/solution/create";
        self.post(Operation::CreateSolution, 200, path, body).await;
    }

    /// Deploys the one package of a folder and returns its path, without polling the job.
    async fn deploy_from(&mut self, folder: &str) -> String {
        let mut listed = self.list(folder, 200).await;
        listed.retain(|path| path.ends_with(".ibsolution"));
        let [path] = <[String; 1]>::try_from(listed).unwrap();
        let body = json!({ "solution_path": path });
        let reply = self.post(Operation::Deploy, 200, DEPLOYED, body).await;
        assert!(reply["job_id"].is_string(), "{reply}");
        path
    }

    /// Returns the version of the package in the folder: extracts the package to `aside`, reads
    /// it, and deletes `aside`.
    async fn version_in(&mut self, folder: &str, aside: &str) -> String {
        let package = self.list(folder, 200).await.swap_remove(0);
        self.task(Operation::ExtractNode, &package, aside).await;
        let bytes = self.read(&format!("{aside}/package.json")).await;
        let request = self.file(Method::DELETE, aside);
        self.send(Operation::DeleteNode, 202, request).await;
        let package: Value = serde_json::from_slice(&bytes).unwrap();
        text(&package["version"])
    }

    async fn make_folder(&mut self, parent: &str, name: &str) {
        self.is_absent(&format!("{parent}/{name}"), false).await;
        let body = json!({ "name": name, "node_type": "folder" });
        let path = format!("/api/v2/files/{parent}");
        self.post(Operation::CreateNode, 201, &path, body).await;
    }

    /// Asserts that the server recognised each request as the intended operation.
    fn check_log(&self) {
        let log = self.api.emulator.requests();
        let logged = log.iter().map(|record| (record.operation, record.status));
        let expected = self.expected.iter();
        let expected = expected.map(|(operation, status)| (Some(*operation), Some(*status)));
        assert_eq!(logged.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    async fn live(&self) -> Vec<String> {
        self.api.names("owner=IB_DEPLOYED&visibility=PUBLIC").await
    }
}

/// Promotes a dependency of a package from one marketplace to the other: copies it by a job, reads
/// it, and writes it in parts.
async fn promote_dependency(
    source: &mut Environment,
    target: &mut Environment,
    from: &str,
    to: &str,
) {
    let name = "model-0.0.1.ibsolution";
    source.make_folder(from, "source_dependencies").await;
    target.make_folder(to, "target_dependencies").await;
    let copy = format!("{from}/source_dependencies/{name}");
    let upload = format!("{to}/target_dependencies/{name}");
    target.is_absent(&upload, true).await;
    source.is_absent(&copy, true).await;
    let path = format!("/api/v1/drives/{MARKET}/model/0.0.1/{name}/copy?is_v2=true");
    let body = json!({ "new_full_path": copy });
    let reply = source.post(Operation::CopyInDrive, 200, &path, body).await;
    let path = format!(
        "/api/v1/jobs/status?job_id={}&type=job",
        text(&reply["job_id"])
    );
    let request = source.api.request(Method::GET, &path);
    let status = source.send(Operation::JobStatus, 200, request).await;
    let status: Value = serde_json::from_slice(&status).unwrap();
    assert_eq!(
        (&status["status"], &status["state"]),
        (&json!("OK"), &json!("DONE"))
    );
    let package = source.read(&copy).await;
    for (number, part) in package.chunks(package.len().div_ceil(3)).enumerate() {
        let cursor = if number == 0 { "0" } else { "-1" };
        let request = target.file(Method::PATCH, &upload);
        let request = request.header("IB-Cursor", cursor).body(part.to_vec());
        target.send(Operation::WriteChunk, 204, request).await;
    }
    let path = "/api/v1/marketplace/publish";
    let body = json!({ "ibsolution_path": upload });
    target
        .post(Operation::PublishSolution, 200, path, body)
        .await;
}

#[tokio::test]
async fn a_project_is_promoted() {
    let mut source = Environment::start("source", SOURCE).await;
    let mut target = Environment::start("target", "").await;
    let (compiled, work, there) = (
        format!("{DEV}/compiled"),
        format!("{DEV}/cicd/Form W2"),
        format!("{PROD}/cicd"),
    );
    for path in [
        "package.json",
        "icon.png",
        "Flow/form.ibflow",
        "Flow/modules",
    ] {
        let from = format!("{DEV}/Form W2/{path}");
        let to = format!("{work}/{path}");
        source.task(Operation::CopyNode, &from, &to).await;
    }
    let binary = format!("{work}/Flow/form.ibflowbin");
    source
        .compile(&work, &format!("{work}/Flow"), "form.ibflow", &binary)
        .await;
    source.pack(&work, &compiled).await;

    let path = source.deploy_from(&compiled).await;
    assert_eq!(path, format!("{compiled}/Form W2-0.0.2.ibsolution"));
    assert_eq!(source.list(&compiled, 200).await, [path.as_str()]);
    let package = source.read(&path).await;
    target
        .put(
            &format!("{there}/Form W2-0.0.2.ibsolution"),
            package.clone(),
        )
        .await;
    let path = target.deploy_from(&there).await;
    let aside = format!("{PROD}/temp_solution");
    assert_eq!(target.version_in(&there, &aside).await, "0.0.2");
    promote_dependency(&mut source, &mut target, &format!("{DEV}/cicd"), &there).await;
    target.list(&there, 200).await;
    assert_eq!(target.read(&path).await, package);
    // The version again, now with the dependencies in the same folder.
    assert_eq!(target.version_in(&there, &aside).await, "0.0.2");
    // The second deploy finds the version deployed; the toolkit does not read the job.
    target.deploy_from(&there).await;

    source.check_log();
    target.check_log();
    assert_eq!(source.live().await, ["Form W2@0.0.2"]);
    assert_eq!(target.live().await, ["Form W2@0.0.2"]);
    let published = format!("{MARKET}/model/0.0.1/model-0.0.1.ibsolution");
    let there = target.read(&published).await;
    assert_eq!(there, source.read(&published).await);
}

#[tokio::test]
async fn a_solution_builder_project_is_promoted() {
    let mut source = Environment::start("source", SOURCE).await;
    let mut target = Environment::start("target", "").await;
    let (work, there) = (format!("{DEV}/cicd"), format!("{PROD}/cicd"));
    let root = format!("{DEV}/.instabase_projects/Form W2/latest");
    let flow = source
        .list(&format!("{root}/flows"), 200)
        .await
        .swap_remove(0);
    source.read(&format!("{flow}/metadata.json")).await;
    let version = source
        .list(&format!("{flow}/versions"), 200)
        .await
        .swap_remove(0);
    assert_eq!(version, format!("{root}/flows/f/versions/v"));
    // There is no build yet.
    let builds = format!("{version}/builds");
    assert!(source.list(&builds, 404).await.is_empty());
    let binary = format!("{builds}/0.0.1.ibflowbin");
    let flow = format!("{version}/flow.ibflow");
    source
        .compile(&flow, &root, "flows/f/versions/v/flow.ibflow", &binary)
        .await;
    let solution = format!("{builds}/solutions/Form W2-0.0.1");
    source.put(&format!("{solution}/icon.png"), "png").await;
    let package = json!({
        "name": "Form W2", "version": "0.0.1", "owner": "IB_DEPLOYED", "visibility": "PUBLIC",
        "solution_type": "ibflowbin", "short_description": "main v0.0.1", "long_description": " ",
        "authors": ["INSTABASE"],
    });
    source
        .put(&format!("{solution}/package.json"), package.to_string())
        .await;
    let to = format!("{solution}/0.0.1.ibflowbin");
    source.task(Operation::CopyNode, &binary, &to).await;
    // The toolkit packs the folder into itself.
    source.pack(&solution, &solution).await;
    let name = "Form W2-0.0.1.ibsolution";
    let (from, to) = (format!("{solution}/{name}"), format!("{work}/{name}"));
    source.task(Operation::CopyNode, &from, &to).await;

    let path = source.deploy_from(&work).await;
    source.list(&work, 200).await;
    let package = source.read(&path).await;
    target.put(&format!("{there}/{name}"), package).await;
    promote_dependency(&mut source, &mut target, &work, &there).await;
    target.deploy_from(&there).await;
    target.list(&there, 200).await;

    source.check_log();
    target.check_log();
    assert_eq!(source.live().await, ["Form W2@0.0.1"]);
    assert_eq!(target.live().await, ["Form W2@0.0.1"]);
}

#[tokio::test]
async fn a_local_project_is_uploaded_and_built() {
    let mut source = Environment::start("source", SOURCE).await;
    let mut target = Environment::start("target", "").await;
    // Instead of the zip of local files that the toolkit makes, the test uses a packed solution.
    source.pack(&format!("{DEV}/Form W2"), DEV).await;
    let zip = source
        .read(&format!("{DEV}/Form W2-0.0.2.ibsolution"))
        .await;
    let there = format!("{PROD}/cicd");
    target.put(&format!("{there}/local.zip"), zip).await;
    let local = format!("{there}/local");
    target
        .task(Operation::ExtractNode, &format!("{local}.zip"), &local)
        .await;
    let binary = format!("{local}/Flow/form.ibflowbin");
    target
        .compile(&local, &format!("{local}/Flow"), "form.ibflow", &binary)
        .await;
    target.pack(&local, &there).await;
    let path = target.deploy_from(&there).await;
    target.read(&path).await;
    target.check_log();
    assert_eq!(target.live().await, ["Form W2@0.0.2"]);
}
