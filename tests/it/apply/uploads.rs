//! Packages on this machine that are uploaded before their deploy.

use std::io::{Cursor, Write as _};

use serde_json::{Value, json};
use solform_emulator::{Emulator, Operation};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::support::worlds::{
    DRIVE, TOKEN, Version, count, env_with, manifest, path_of, seed, start,
};
use crate::support::{TestEnv, http_client};

const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];
const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];

/// The entry of a version whose package is uploaded.
const FORM: &str = "  Form:
    version: 1
    path: '${drive}/${name}-${version}.ibsolution'
    source: dist/*-${version}.ibsolution
";

/// Returns a package of a version, with a member of this content.
pub(crate) fn package(name: &str, version: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let fields = json!({
        "name": name,
        "version": version,
        "owner": "svc",
        "solution_type": "ibflowbin",
        "visibility": "PRIVATE",
    });
    zip.start_file("package.json", stored).unwrap();
    zip.write_all(fields.to_string().as_bytes()).unwrap();
    zip.start_file("flow.ibflowbin", stored).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Writes files of packages to a folder with this manifest.
fn env_of(emulator: &Emulator, solutions: &str, files: &[(&str, &[u8])]) -> TestEnv {
    let env = env_with(&manifest(&emulator.url(), solutions));
    std::fs::create_dir(env.path().join("dist")).unwrap();
    for (name, bytes) in files {
        std::fs::write(env.path().join("dist").join(name), bytes).unwrap();
    }
    env
}

pub(crate) fn url_of(emulator: &Emulator, path: &str) -> String {
    format!("{}/api/v2/files/{path}", emulator.url())
}

pub(crate) async fn put(emulator: &Emulator, path: &str, bytes: Vec<u8>) {
    put_as(TOKEN, emulator, path, bytes).await;
}

/// Writes a file with another token.
pub(crate) async fn put_as(token: &str, emulator: &Emulator, path: &str, bytes: Vec<u8>) {
    let request = http_client().put(url_of(emulator, path)).bearer_auth(token);
    let answer = request.body(bytes).send().await.unwrap();
    assert!(answer.status().is_success());
}

/// Returns the bytes at a path; `None` if there is no file.
pub(crate) async fn get(emulator: &Emulator, path: &str) -> Option<Vec<u8>> {
    let url = format!("{}?expect-node-type=file", url_of(emulator, path));
    let answer = http_client().get(url).bearer_auth(TOKEN).send().await;
    let answer = answer.unwrap();
    if answer.status() == 404 {
        return None;
    }
    Some(answer.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_uploaded_before_the_deploy() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let bytes = package("Form", "1", b"flow");
    let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
    let plan = env
        .solform_beside(&PLAN)
        .await
        .exits_with(2)
        .says("+ source     = \"dist/Form-1.ibsolution\"")
        .says("+ sha256     = \"")
        .says("Plan: 1 to add, 0 to change, 0 to destroy.");
    assert!(!plan.stdout.contains("overwrite"), "{plan}");
    let _ = env
        .solform_beside(&["doctor"])
        .await
        .exits_with(0)
        .says(", 0 failed");
    assert_eq!(count(&emulator, Operation::WriteFile), 0);

    let apply = [&APPLY[..], &["--output", "json=report.json"]].concat();
    let _ = env
        .solform_beside(&apply)
        .await
        .exits_with(2)
        .says(" uploaded\n")
        .warns("Form@1: Uploading ")
        .warns("Form@1: Upload complete ");
    let report: Value = serde_json::from_str(&env.read("report.json")).unwrap();
    let upload = json!({ "bytes": bytes.len(), "was_already": false });
    assert_eq!(report["changes"][0]["upload"], upload, "{report:#}");
    assert_eq!(get(&emulator, &path_of("Form", "1")).await, Some(bytes));
    let requests = emulator.requests();
    let writes = requests
        .iter()
        .filter_map(|request| match request.operation {
            Some(operation @ (Operation::WriteFile | Operation::Deploy)) => Some(operation),
            _ => None,
        });
    let writes: Vec<Operation> = writes.collect();
    assert_eq!(writes, [Operation::WriteFile, Operation::Deploy]);

    let _ = env.solform_beside(&APPLY).await.exits_with(0);
    assert_eq!(count(&emulator, Operation::WriteFile), 1);
}

/// What is proven to be there is not sent again, also for a replace, whose package must be there
/// before the old version is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_are_not_sent_again() {
    let live = [Version::active("Form", "1")];
    let emulator = start(seed(&live, &[]), &[]).await;
    let bytes = package("Form", "1", b"flow");
    put(&emulator, &path_of("Form", "1"), bytes.clone()).await;
    let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
    let replace = [&APPLY[..], &["--replace", "Form@1"]].concat();
    let _ = env
        .solform_beside(&replace)
        .await
        .exits_with(2)
        .says("was uploaded before");
    assert_eq!(count(&emulator, Operation::WriteFile), 1);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_are_replaced_only_if_declared() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let path = path_of("Form", "1");
    let (old, new) = (package("Form", "1", b"old"), package("Form", "1", b"new"));
    put(&emulator, &path, old.clone()).await;
    let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &new)]);
    for command in [&PLAN[..], &APPLY] {
        let _ = env
            .solform_beside(command)
            .await
            .exits_with(4)
            .says("! blocked: another package is at `")
            .warns("[package-exists]")
            .warns("solform.yaml:12:");
    }
    assert_eq!(get(&emulator, &path).await, Some(old));

    let overwrite = format!("{FORM}    overwrite: true\n");
    env.write("solform.yaml", &manifest(&emulator.url(), &overwrite));
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(2)
        .says("+ overwrite  = \"true\"");
    assert_eq!(get(&emulator, &path).await, Some(new));
}

/// An upload that was cut left the beginning of the file under its name.
#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_of_the_file_is_completed() {
    let bytes = package("Form", "1", b"flow");
    for length in [0, 1, bytes.len() - 1] {
        let emulator = start(seed(&[], &[]), &[]).await;
        let path = path_of("Form", "1");
        put(&emulator, &path, bytes[..length].to_vec()).await;
        let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
        let _ = env.solform_beside(&APPLY).await.exits_with(2);
        assert_eq!(get(&emulator, &path).await.as_ref(), Some(&bytes));
    }
}

/// Another program finishes a file of its own at the path while the parts are sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_appears_during_an_upload_stays() {
    let (bytes, other) = (package("Form", "1", b"flow"), package("Form", "1", b"else"));
    for (during, code) in [(&other, 5), (&bytes, 2)] {
        let emulator = start(seed(&[], &[]), &[]).await;
        let path = path_of("Form", "1");
        put(&emulator, &path, bytes[..1].to_vec()).await;
        let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
        let full = "operation=write_chunk,status=429";
        emulator.add_fault(full.parse().unwrap());
        let apply = env.solform_beside(&APPLY);
        let write = async {
            while count(&emulator, Operation::WriteChunk) == 0 {
                tokio::task::yield_now().await;
            }
            put(&emulator, &path, during.clone()).await;
            emulator.clear_faults();
        };
        let (apply, ()) = tokio::join!(apply, write);
        let _ = apply.exits_with(code);
        assert_eq!(get(&emulator, &path).await.as_ref(), Some(during));
        assert_eq!(count(&emulator, Operation::Deploy), usize::from(code == 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_source_blocks_its_change_only() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let good = package("Good", "1", b"flow");
    let solution = |name: &str, rest: &str| {
        let path = "path: '${drive}/${name}.ibsolution'";
        format!("  {name}: {{ version: 1, {path}, source: {rest} }}\n")
    };
    let other = "0".repeat(64);
    let text = [
        solution("Good", "dist/good.ibsolution"),
        solution("None", "dist/none*.ibsolution"),
        solution("Two", "'dist/?ood.ibsolution'"),
        solution("Text", "dist/text.ibsolution"),
        solution(
            "Digest",
            &format!("dist/good.ibsolution, sha256: '{other}'"),
        ),
        solution("Name", "dist/good.ibsolution"),
    ];
    let files: [(&str, &[u8]); 3] = [
        ("good.ibsolution", &good),
        ("food.ibsolution", &good),
        ("text.ibsolution", b"no zip"),
    ];
    let env = env_of(&emulator, &text.concat(), &files);
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(4)
        .says("Plan: 6 to add, 0 to change, 0 to destroy.")
        .says("5 blocked")
        .warns("the source `dist/none*.ibsolution` matches no file [source-unusable]")
        .warns("matches 2 files, such as `dist/food.ibsolution` and `dist/good.ibsolution`")
        .warns("the source `dist/text.ibsolution` is no package: ")
        .warns(&format!("and {other} is declared [source-digest]"))
        .warns(
            "the `name` of the source `dist/good.ibsolution` is `Good`, and `Name` is declared \
             [package-mismatch]",
        )
        .warns("help: Correct `source` or the entry; ")
        .warns("solform.yaml:12:");
    let _ = env.solform_beside(&APPLY).await.exits_with(4);
    assert_eq!(count(&emulator, Operation::WriteFile), 0);
}

/// The problem of a package that is uploaded is at the line of its source.
#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_is_at_the_line_of_the_source() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let good = package("Good", "1", b"flow");
    let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &good)]);
    let lines = env.read("solform.yaml");
    let line = lines.lines().position(|line| line.contains("source:"));
    let line = line.unwrap() + 1;
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(4)
        .says("the `name` of the source `dist/Form-1.ibsolution` is `Good`")
        .warns(&format!("solform.yaml:{line}:"));
}

/// A source that cannot be read when the saved plan is applied: the report says why, and the plan
/// shows nothing that is skipped because of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_source_of_a_saved_plan_is_named() {
    let emulator = start(seed(&[Version::active("Form", "0")], &[]), &[]).await;
    let bytes = package("Form", "1", b"flow");
    let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0)
        .says("Plan: 1 to add, 1 to change, 0 to destroy.");
    std::fs::remove_file(env.path().join("dist/Form-1.ibsolution")).unwrap();
    let applied = env
        .solform_beside(&["apply", "the.plan", "--output", "json=report.json"])
        .await
        .exits_with(1)
        .says("+ the source `dist/*-1.ibsolution` matches no file\n")
        .says("skipped     ~ Form@0")
        .says("No approved change is left to execute.\n");
    for wrong in ["no package", "sha256", "coexisting", "will be updated"] {
        assert!(!applied.stdout.contains(wrong), "{wrong}: {applied}");
    }
    let report: Value = serde_json::from_str(&env.read("report.json")).unwrap();
    let detail = report["changes"][1]["detail"].as_str().unwrap();
    assert!(detail.ends_with("matches no file"), "{report:#}");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

/// A part that cannot be deleted is named in every format.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_stays_is_named() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let (old, new) = (package("Form", "1", b"old"), package("Form", "1", b"newer"));
    put(&emulator, &path_of("Form", "1"), old).await;
    let solutions = format!("{FORM}    overwrite: true\n");
    let env = env_of(&emulator, &solutions, &[("Form-1.ibsolution", &new)]);
    for fault in [
        "operation=read_node,address=*.part*,status=404",
        "operation=delete_node,status=403",
    ] {
        emulator.add_fault(fault.parse().unwrap());
    }
    let files = [
        "json=report.json",
        "markdown=report.md",
        "github=report.cmd",
    ];
    let outputs = files.iter().flat_map(|file| ["--output", file]);
    let apply: Vec<&str> = APPLY.into_iter().chain(outputs).collect();
    let applied = env.solform_beside(&apply).await.exits_with(5);
    let report: Value = serde_json::from_str(&env.read("report.json")).unwrap();
    let left = report["changes"][0]["left_file"].as_str().unwrap();
    let path = path_of("Form", "1");
    let digest = left.strip_prefix(&format!("{path}.solform-"));
    let digest = digest.and_then(|rest| rest.strip_suffix(".part"));
    assert_eq!(digest.map(str::len), Some(16), "{left}");
    let sentence = format!(
        "Form@1 may have left an incomplete file at `{left}`; delete it unless the next apply \
         continues it."
    );
    let line = format!("Left file: {sentence}");
    assert!(applied.stdout.contains(&line), "{applied}");
    let markdown = env.read("report.md");
    assert!(markdown.contains(&line), "{markdown}");
    let commands = env.read("report.cmd");
    assert!(commands.contains(&sentence), "{commands}");
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_pins_the_bytes() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let (old, new) = (package("Form", "1", b"old"), package("Form", "1", b"new"));
    let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &old)]);
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let file = env.path().join("dist/Form-1.ibsolution");
    std::fs::write(&file, &new).unwrap();
    let _ = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(3)
        .says("sha256");
    assert_eq!(count(&emulator, Operation::WriteFile), 0);
    std::fs::write(&file, &old).unwrap();
    let _ = env
        .solform_beside(&["apply", "the.plan"])
        .await
        .exits_with(0);
    assert_eq!(get(&emulator, &path_of("Form", "1")).await, Some(old));
}

/// The server executes the upload, and its answer is lost; or it answers that it did not.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_survives_faults() {
    for fault in [
        "operation=write_file,times=1,status=500",
        "operation=write_file,times=1,when=after,connection=drop",
        "operation=write_file,times=1,connection=drop",
        "operation=write_file,times=2,status=429",
    ] {
        let emulator = start(seed(&[], &[]), &[]).await;
        let bytes = package("Form", "1", b"flow");
        let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
        emulator.add_fault(fault.parse().unwrap());
        let _ = env.solform_beside(&APPLY).await.exits_with(2);
        let there = get(&emulator, &path_of("Form", "1")).await;
        assert_eq!(there.as_ref(), Some(&bytes), "{fault}");
        assert_eq!(count(&emulator, Operation::Deploy), 1, "{fault}");
    }
}

/// A drive that is full, and a proxy that refuses the size, end the upload at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_drive_is_a_clear_error() {
    for (status, help) in [
        (507, "free space on the drive"),
        (413, "refuses requests of this size"),
    ] {
        let emulator = start(seed(&[], &[]), &[]).await;
        let bytes = package("Form", "1", b"flow");
        let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
        let fault = format!("operation=write_file,status={status}");
        emulator.add_fault(fault.parse().unwrap());
        let _ = env
            .solform_beside(&APPLY)
            .await
            .exits_with(5)
            .says("the server refused the upload")
            .says(help);
        assert_eq!(get(&emulator, &path_of("Form", "1")).await, None);
        assert_eq!(count(&emulator, Operation::WriteFile), 1);
        assert_eq!(count(&emulator, Operation::Deploy), 0);
    }
}

/// What was sent and whose answer was lost is read back once.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_needs_no_second_look() {
    let reads = async |fault: Option<&str>| {
        let emulator = start(seed(&[], &[]), &[]).await;
        let bytes = package("Form", "1", b"flow");
        let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
        if let Some(fault) = fault {
            emulator.add_fault(fault.parse().unwrap());
        }
        let _ = env.solform_beside(&APPLY).await.exits_with(2);
        count(&emulator, Operation::ReadNode)
    };
    let usual = reads(None).await;
    let lost = "operation=write_file,times=1,when=after,connection=drop";
    assert_eq!(reads(Some(lost)).await, usual);
}

/// A file above 64 MiB is sent in parts to another path, where an interrupted upload is continued.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_sent_in_parts() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let mut content = vec![0; 65 << 20];
    fastrand::Rng::with_seed(1).fill(&mut content);
    let bytes = package("Form", "1", &content);
    let env = env_of(&emulator, FORM, &[("Form-1.ibsolution", &bytes)]);
    let sent = |emulator: &Emulator| {
        let requests = emulator.requests();
        let chunk = Some(Operation::WriteChunk);
        requests
            .iter()
            .filter(|request| request.operation == chunk)
            .count()
    };
    // The fourth part is refused.
    emulator.add_fault("operation=write_chunk,skip=3,status=413".parse().unwrap());
    let _ = env.solform_beside(&APPLY).await.exits_with(5);
    assert_eq!(get(&emulator, &path_of("Form", "1")).await, None);
    emulator.clear_faults();
    let before = sent(&emulator);
    let apply = env.solform_beside(&APPLY).await.exits_with(2);
    assert_eq!(apply.stderr.matches("Upload complete").count(), 1);
    assert_eq!(sent(&emulator) - before, 4);
    assert!(get(&emulator, &path_of("Form", "1")).await == Some(bytes));
    let folder = format!("{}?expect-node-type=folder", url_of(&emulator, DRIVE));
    let listed = http_client().get(folder).bearer_auth(TOKEN).send().await;
    let listed = listed.unwrap().text().await.unwrap();
    assert!(!listed.contains(".part"), "{listed}");
}
