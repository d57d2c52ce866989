//! Content drift: the source of a live version is not what was deployed.

use serde_json::Value;
use solform_emulator::{Emulator, JobPace, Operation};

use super::uploads::package;
use crate::support::TestEnv;
use crate::support::worlds::{
    TOKEN, Version, count, env_with, knobs_of, manifest_with, seed, start, start_with,
};

const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];
const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];

/// The folder of the documents of the only environment of a test.
fn documents(env: &TestEnv) -> Vec<std::path::PathBuf> {
    let stores = std::fs::read_dir(env.path().join(".solform")).unwrap();
    let folders = stores.map(|entry| entry.unwrap().path().join("deployed"));
    let files = folders.filter(|folder| folder.is_dir()).flat_map(|folder| {
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|entry| entry.unwrap().path())
    });
    files.collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("{:x}", sha2::Sha256::digest(bytes))
}

/// An environment with a version `Form@1`, and the file of its source.
struct World {
    emulator: Emulator,
    env: TestEnv,
    is_on_change: bool,
    /// More keys of the environment, and of the manifest.
    more: [&'static str; 2],
}

impl World {
    async fn new(is_on_change: bool, knobs: &[&str]) -> Self {
        let emulator = start_with(seed(&[], &[]), knobs, JobPace::Immediate).await;
        let env = env_with("");
        std::fs::create_dir(env.path().join("dist")).unwrap();
        Self {
            emulator,
            env,
            is_on_change,
            more: ["", ""],
        }
    }

    /// Does the same, and deploys the first contents.
    async fn deployed(is_on_change: bool) -> Self {
        let world = Self::new(is_on_change, &[]).await;
        world.build(b"old");
        let _ = world.env.solform_beside(&APPLY).await.exits_with(2);
        world
    }

    /// Writes the package, and the manifest that pins it.
    fn build(&self, content: &[u8]) {
        self.write(&package("Form", "1", content));
    }

    fn write(&self, bytes: &[u8]) {
        std::fs::write(self.env.path().join("dist/Form-1.ibsolution"), bytes).unwrap();
        let mut form = "  Form:
    version: 1
    path: '${drive}/${name}-${version}.ibsolution'
    source: dist/*-${version}.ibsolution
    overwrite: true
"
        .to_owned();
        if self.is_on_change {
            form += "    redeploy: on_change\n    sha256: ";
            form += &sha256(bytes);
            form.push('\n');
        }
        let [environment, top] = self.more;
        let text = manifest_with(&self.emulator.url(), environment, top, &form);
        self.env.write("solform.yaml", &text);
    }

    fn remove_documents(&self) {
        for document in documents(&self.env) {
            std::fs::remove_file(document).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_source_is_a_warning() {
    let world = World::deployed(false).await;
    assert_eq!(documents(&world.env).len(), 1);
    let same = world.env.solform_beside(&PLAN).await.exits_with(0);
    assert!(!same.stderr.contains("content-drift"), "{same}");

    world.build(b"newer");
    let _ = world
        .env
        .solform_beside(&PLAN)
        .await
        .exits_with(0)
        .says("No changes.")
        .warns("`dist/Form-1.ibsolution` is not what was deployed as `Form@1` [content-drift]")
        .warns("solform.yaml:13:13")
        .warns("0 members added, 0 removed, 1 changed")
        .warns("~ flow.ibflowbin (3 -> 5 bytes)")
        .warns("--replace");
    // An apply warns too, and sends nothing.
    let before = count(&world.emulator, Operation::Deploy);
    let _ = world
        .env
        .solform_beside(&APPLY)
        .await
        .exits_with(0)
        .warns("[content-drift]");
    assert_eq!(count(&world.emulator, Operation::Deploy), before);

    // After another deploy, the new contents are the deployed ones.
    let replace = [&APPLY[..], &["--replace", "Form@1"]].concat();
    let _ = world.env.solform_beside(&replace).await.exits_with(2);
    let same = world.env.solform_beside(&PLAN).await.exits_with(0);
    assert!(!same.stderr.contains("content-drift"), "{same}");
    assert_eq!(documents(&world.env).len(), 1, "the old document is gone");
}

/// Two archives of the same members are no drift.
#[tokio::test(flavor = "multi_thread")]
async fn another_archive_of_the_same_members_is_no_drift() {
    let world = World::deployed(true).await;
    let mut bytes = package("Form", "1", b"old");
    let comment = b"built again";
    let end = bytes.len() - 2;
    bytes.splice(end.., u16::try_from(comment.len()).unwrap().to_le_bytes());
    bytes.extend(comment);
    world.write(&bytes);
    let plan = world.env.solform_beside(&PLAN).await.exits_with(0);
    assert!(!plan.stderr.contains("[content-"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_source_is_replaced_on_change() {
    let world = World::deployed(true).await;
    let same = world.env.solform_beside(&PLAN).await.exits_with(0);
    assert!(!same.stderr.contains("[content-"), "{same}");
    world.build(b"newer");
    let plan = [
        &PLAN[..],
        &["--output", "json=plan.json", "--output", "markdown=plan.md"],
    ];
    let plan = world
        .env
        .solform_beside(&plan.concat())
        .await
        .exits_with(2)
        .says("# Form@1 must be replaced")
        .says("(content changed, solform.yaml:")
        .says("~ contents   = 0 members added, 0 removed, 1 changed")
        .says("~ flow.ibflowbin (3 -> 5 bytes)")
        .says("Plan: 1 to add, 0 to change, 1 to destroy.");
    assert!(!plan.stderr.contains("[content-"), "{plan}");
    let document: Value = serde_json::from_str(&world.env.read("plan.json")).unwrap();
    let change = &document["resource_changes"][0]["x_solution"];
    assert_eq!(change["reason"], "content-changed");
    let drift = &change["content_drift"];
    assert_eq!(
        (&drift["evidence"], &drift["changed"]),
        (&"members".into(), &1.into())
    );
    assert_eq!(drift["members"][0]["name"], "flow.ibflowbin");
    let markdown = world.env.read("plan.md");
    assert!(markdown.contains("content changed"), "{markdown}");
    assert!(
        markdown.contains("`~ flow.ibflowbin (3 -> 5 bytes)`"),
        "{markdown}"
    );

    let _ = world
        .env
        .solform_beside(&APPLY)
        .await
        .exits_with(2)
        .says("Apply complete! Resources: 1 added, 0 changed, 1 destroyed.");
    let _ = world
        .env
        .solform_beside(&PLAN)
        .await
        .exits_with(0)
        .says("No changes.");
    assert_eq!(count(&world.emulator, Operation::Deploy), 2);
}

/// The next plan makes the same replace without an option: the printed command has none, and works.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_command_of_a_changed_source_needs_no_option() {
    let world = World::deployed(true).await;
    world.build(b"newer");
    for (fault, is_deleted) in [
        ("operation=delete_solution,status=400", false),
        ("operation=deploy,status=400", true),
    ] {
        world.emulator.add_fault(fault.parse().unwrap());
        let failed = world.env.solform_beside(&APPLY).await.exits_with(5);
        world.emulator.clear_faults();
        let next = "To go on, run: solform apply --file solform.yaml -e test\n";
        assert!(failed.stdout.ends_with(next), "{fault}: {failed}");
        let says_deleted = failed.stdout.contains("Deleted: Form@1 ");
        assert_eq!(says_deleted, is_deleted, "{fault}: {failed}");
    }
    let next = ["apply", "--file", "solform.yaml", "-e", "test"];
    let next = [&next[..], &["--auto-approve"]].concat();
    let _ = world.env.solform_beside(&next).await.exits_with(0);
    let _ = world.env.solform_beside(&PLAN).await.exits_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_protection_count_a_changed_source() {
    for (environment, top, expected) in [
        ("    limits: { max_destroy: 0 }\n", "", "1 version"),
        ("", "protect: ['Form@*']\n", "protect"),
    ] {
        let mut world = World::deployed(true).await;
        world.more = [environment, top];
        world.build(b"newer");
        let _ = world
            .env
            .solform_beside(&APPLY)
            .await
            .exits_with(4)
            .says("must be replaced")
            .warns(expected);
        assert_eq!(
            count(&world.emulator, Operation::DeleteSolution),
            0,
            "{top}"
        );
    }
}

/// A saved plan approves the replace, and only with the bytes that were reviewed.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_replaces_the_reviewed_contents() {
    for is_changed in [false, true] {
        let world = World::deployed(true).await;
        world.build(b"newer");
        let save = ["plan", "--out", "the.plan"];
        let _ = world.env.solform_beside(&save).await.exits_with(0);
        let _ = world
            .env
            .solform_beside(&["show", "the.plan"])
            .await
            .exits_with(0)
            .says("~ flow.ibflowbin (3 -> 5 bytes)");
        let apply = ["apply", "the.plan", "--detailed-exitcode"];
        if is_changed {
            let file = world.env.path().join("dist/Form-1.ibsolution");
            std::fs::write(file, package("Form", "1", b"newest")).unwrap();
            let _ = world.env.solform_beside(&apply).await.exits_with(3);
            assert_eq!(count(&world.emulator, Operation::DeleteSolution), 0);
            continue;
        }
        let _ = world.env.solform_beside(&apply).await.exits_with(2);
        assert_eq!(count(&world.emulator, Operation::Deploy), 2);
        // It is used up.
        let _ = world.env.solform_beside(&apply).await.exits_with(0);
        assert_eq!(count(&world.emulator, Operation::Deploy), 2);
        let _ = world.env.solform_beside(&PLAN).await.exits_with(0);
    }
}

/// If the source is again what was deployed, an approved replace is not planned any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_replace_needs_the_drift() {
    let world = World::deployed(true).await;
    let old = world.env.read("solform.yaml");
    world.build(b"newer");
    let save = ["plan", "--out", "the.plan"];
    let _ = world.env.solform_beside(&save).await.exits_with(0);
    // The record says that the new contents were deployed.
    let [document] = &documents(&world.env)[..] else {
        panic!("one document is expected");
    };
    let text = std::fs::read_to_string(document).unwrap();
    let deployed = sha256(&package("Form", "1", b"old"));
    assert!(text.contains(&deployed), "{text}");
    let now = sha256(&package("Form", "1", b"newer"));
    std::fs::write(document, text.replace(&deployed, &now)).unwrap();
    let _ = world
        .env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(3);
    assert_eq!(count(&world.emulator, Operation::DeleteSolution), 0);
    assert!(old.contains(&deployed));
}

/// Without the document of the store, an equal `package.json` in the deployed folder shows nothing
/// about the other members.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_replaced_without_knowledge() {
    let refused = |status: u16| {
        let address = "address=*/Applications/Deployed/*";
        format!("operation=read_node,{address},status={status}")
    };
    for fault in [
        None,
        Some(refused(404)),
        Some(refused(403)),
        Some(refused(401)),
    ] {
        for is_on_change in [true, false] {
            let world = World::deployed(is_on_change).await;
            world.remove_documents();
            let case = format!("{fault:?} {is_on_change}");
            if let Some(fault) = &fault {
                world.emulator.add_fault(fault.parse().unwrap());
            }
            // The members differ, and `package.json` does not.
            world.build(b"newer");
            let plan = world.env.solform_beside(&PLAN).await.exits_with(0);
            let is_unknown = plan.stderr.contains("[content-unknown]");
            assert_eq!(is_unknown, is_on_change, "{case}: {plan}");
            assert!(!plan.stderr.contains("[content-drift]"), "{case}: {plan}");
        }
    }
}

/// Returns a package whose `package.json` has another description.
fn described(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let json = format!(
        "{{\n  \"name\": \"Form\",\n  \"version\": \"1\",\n  \"owner\": \"svc\",\n  \
         \"solution_type\": \"ibflowbin\",\n  \"visibility\": \"PRIVATE\",\n  \
         \"short_description\": \"{text}\"\n}}\n"
    );
    zip.start_file("package.json", stored).unwrap();
    zip.write_all(json.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_folder_shows_a_drift() {
    for is_on_change in [false, true] {
        let world = World::new(is_on_change, &[]).await;
        world.write(&described("one"));
        let _ = world.env.solform_beside(&APPLY).await.exits_with(2);
        world.remove_documents();
        world.write(&described("two"));
        let plan = world.env.solform_beside(&PLAN).await;
        let _ = plan
            .exits_with(0)
            .says("No changes.")
            .warns("[content-drift]")
            .warns("the deployed folder has another `package.json` than")
            .warns("-   \"short_description\": \"one\"")
            .warns("+   \"short_description\": \"two\"");
    }
}

/// The same bytes would lead to the same folder again, so a replace would never end.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_differs_from_its_record_is_only_a_warning() {
    let world = World::new(true, &[]).await;
    world.write(&described("one"));
    let _ = world.env.solform_beside(&APPLY).await.exits_with(2);
    // Another program deploys other contents, and the server keeps the record.
    let knobs = knobs_of(&["duplicate_deploy=replace_same_id"]);
    world.emulator.change_knobs(|current| *current = knobs);
    let http = crate::support::http_client();
    let path = format!("{}/other.ibsolution", crate::support::worlds::DRIVE);
    let url = format!("{}/api/v2/files/{path}", world.emulator.url());
    let put = http.put(url).bearer_auth(TOKEN).body(described("two"));
    assert!(put.send().await.unwrap().status().is_success());
    let url = format!("{}/api/v2/solutions/deployed", world.emulator.url());
    let body = serde_json::json!({ "solution_path": path });
    let deploy = http.post(url).bearer_auth(TOKEN).json(&body);
    assert!(deploy.send().await.unwrap().status().is_success());
    let _ = world
        .env
        .solform_beside(&PLAN)
        .await
        .exits_with(0)
        .says("No changes.")
        .warns("and the deployed folder has another `package.json` [content-drift]")
        .warns("\"short_description\": \"two\"");
}

/// The document of another record is no knowledge about this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_about_one_record() {
    let world = World::deployed(true).await;
    let folder = "operation=read_node,address=*/Applications/Deployed/*,status=404";
    world.emulator.add_fault(folder.parse().unwrap());
    let [document] = &documents(&world.env)[..] else {
        panic!("one document is expected");
    };
    let text = std::fs::read_to_string(document).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let id = json["id"].as_str().unwrap();
    for damaged in [text.replace(id, "another"), "{".to_owned(), String::new()] {
        std::fs::write(document, damaged).unwrap();
        world.build(b"newer");
        let _ = world
            .env
            .solform_beside(&PLAN)
            .await
            .exits_with(0)
            .warns("nothing is known about what was deployed as Form@1, so that")
            .warns("[content-unknown]");
    }
}

/// A manifest without a source sends the same requests as before, and its deploys are recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_from_the_platform_is_recorded() {
    let emulator = start(seed(&[], &[Version::active("Form", "1")]), &[]).await;
    let form = "  Form: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }\n";
    let env = env_with(&manifest_with(&emulator.url(), "", "", form));
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    let [document] = &documents(&env)[..] else {
        panic!("one document is expected");
    };
    let text = std::fs::read_to_string(document).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert!(json.get("sha256").is_none(), "{json:#}");
    let members = json["contents"]["members"].as_array().unwrap();
    assert!(
        members
            .iter()
            .any(|member| member["name"] == "package.json")
    );
    let reads = count(&emulator, Operation::ReadNode);
    let gets = count(&emulator, Operation::GetSolution);
    let _ = env.solform_beside(&PLAN).await.exits_with(0);
    assert_eq!(count(&emulator, Operation::ReadNode), reads);
    assert_eq!(count(&emulator, Operation::GetSolution), gets);
    // A deleted version has no document.
    let gone = "  Form: { version: 1, state: ABSENT }\n";
    env.write(
        "solform.yaml",
        &manifest_with(&emulator.url(), "", "", gone),
    );
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    assert!(documents(&env).is_empty());
}

/// An apply whose process ends after the deploy was sent is recovered by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_recovered_deploy_is_recorded() {
    let world = World::new(true, &[]).await;
    world.build(b"old");
    // The job never ends for the first apply.
    let stuck = "operation=deploy,job=stuck";
    world.emulator.add_fault(stuck.parse().unwrap());
    let mut text = world.env.read("solform.yaml");
    text = text.replace("deploy: 20s", "deploy: 1s");
    world.env.write("solform.yaml", &text);
    let _ = world.env.solform_beside(&APPLY).await.exits_with(6);
    assert!(documents(&world.env).is_empty());
    world.emulator.clear_faults();
    for job in world.emulator.pending_jobs() {
        world.emulator.finish_job(&job, None);
    }
    let _ = world.env.solform_beside(&APPLY).await;
    let [document] = &documents(&world.env)[..] else {
        panic!("one document is expected");
    };
    let text = std::fs::read_to_string(document).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let deployed = sha256(&package("Form", "1", b"old"));
    assert_eq!(json["sha256"], deployed);
    assert_eq!(json["contents"]["members"].as_array().unwrap().len(), 2);
    let plan = world.env.solform_beside(&PLAN).await.exits_with(0);
    assert!(!plan.stderr.contains("[content-"), "{plan}");
}

/// A store that cannot be written fails no deploy.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_record_is_a_warning() {
    let world = World::deployed(false).await;
    let [document] = &documents(&world.env)[..] else {
        panic!("one document is expected");
    };
    let folder = document.parent().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    std::fs::write(folder, "").unwrap();
    let replace = [&APPLY[..], &["--replace", "Form@1"]].concat();
    let _ = world
        .env
        .solform_beside(&replace)
        .await
        .exits_with(2)
        .warns("the contents of 1 deployed version could not be recorded");
    let _ = world
        .env
        .solform_beside(&PLAN)
        .await
        .exits_with(0)
        .warns("what was deployed is not known: the store could not be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changed_sources_are_one_group() {
    let emulator = start_with(seed(&[], &[]), &[], JobPace::Immediate).await;
    let names: Vec<String> = (0..8).map(|number| format!("Form {number}")).collect();
    let entry = |name: &String| {
        let path = "path: '${drive}/${name}.ibsolution', source: 'dist/${name}.ibsolution'";
        format!("  {name}: {{ version: 1, {path} }}\n")
    };
    let solutions: String = names.iter().map(entry).collect();
    let env = env_with(&manifest_with(&emulator.url(), "", "", &solutions));
    std::fs::create_dir(env.path().join("dist")).unwrap();
    let build = |content: &[u8]| {
        for name in &names {
            let path = env.path().join(format!("dist/{name}.ibsolution"));
            std::fs::write(path, package(name, "1", content)).unwrap();
        }
    };
    build(b"old");
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    build(b"new");
    let plan = env.solform_beside(&PLAN).await.exits_with(0);
    assert_eq!(
        plan.stderr.matches("is not what was deployed as").count(),
        3,
        "{plan}"
    );
    let _ = plan.warns("5 more of the same kind [content-drift]");
}
