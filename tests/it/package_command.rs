//! `package`: builds that are reproducible, packages that are inspected and compared, and input
//! that is refused.

use std::io::{Cursor, Write as _};
use std::path::Path;

use serde_json::Value;
use solform_emulator::{Operation, Seed};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::support::worlds::{DRIVE, TOKEN, count, env_with, manifest, start};
use crate::support::{CommandOutput, TestEnv, http_client};

const JSON: &str = r#"{
  "name": "Form W-2",
  "version": "0.0.1",
  "owner": "svc",
  "solution_type": "ibflowbin",
  "visibility": "PRIVATE"
}
"#;

const BUILD: [&str; 5] = ["package", "build", "src", "--out", "dist/a.ibsolution"];

/// Returns a folder with the source of a package, and the folder of its output.
fn sources() -> TestEnv {
    let env = TestEnv::new();
    env.write("src/package.json", JSON);
    env.write("src/flow/a.ibflowbin", "flow");
    std::fs::create_dir(env.path().join("dist")).unwrap();
    env
}

/// Asserts the form of an error.
#[track_caller]
fn is_refused(output: CommandOutput, says: &str) {
    let output = output.exits_with(1);
    let errors = output.stderr.matches("Error: ").count();
    assert_eq!(errors, 1, "one error is expected\n{output}");
    assert!(output.stderr.contains("help: "), "no help\n{output}");
    assert!(output.stderr.contains(says), "no `{says}` in\n{output}");
    assert!(output.stdout.is_empty(), "{output}");
}

/// Returns the names in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn document(env: &TestEnv, arguments: &[&str], schema: &str, code: i32) -> Value {
    let output = env.solform(&[arguments, &["--json"]].concat());
    checked(env, &output.exits_with(code), schema)
}

/// Returns a document that conforms to its schema.
fn checked(env: &TestEnv, output: &CommandOutput, schema: &str) -> Value {
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let schema = env.solform(&["schema", schema]).exits_with(0).stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    assert!(validator.is_valid(&document), "{document:#}");
    assert_eq!(document["format_version"], "1.0");
    document
}

#[test]
fn equal_folders_make_equal_bytes() {
    let (left, right) = (sources(), sources());
    let built = left
        .solform(&BUILD)
        .exits_with(0)
        .says("name           Form W-2\n")
        .says("members        2 files\n");
    assert!(built.stderr.is_empty(), "{built}");
    let _ = right.solform(&BUILD).exits_with(0);
    let bytes = |env: &TestEnv| std::fs::read(env.path().join("dist/a.ibsolution")).unwrap();
    assert!(bytes(&left) == bytes(&right));
    assert_eq!(names_in(&left.path().join("dist")), ["a.ibsolution"]);
    // An existing file is replaced.
    let again = document(&left, &BUILD, "package", 0);
    assert!(bytes(&left) == bytes(&right));
    let inspected = left.solform(&["package", "inspect", "dist/a.ibsolution"]);
    let inspected = inspected.exits_with(0);
    assert_eq!(inspected.stdout, built.stdout);
    let digest = solform::ident::Digest::of(&bytes(&left));
    let expected = format!("sha256         {digest}\n");
    assert!(inspected.stdout.ends_with(&expected), "{inspected}");
    let inspect = ["package", "inspect", "dist/a.ibsolution"];
    let shown = document(&left, &inspect, "package", 0);
    assert_eq!(shown, again);
    assert_eq!(shown["sha256"], digest.as_str());
    assert_eq!(shown["members"], 2);
    assert_eq!(shown["size"], bytes(&left).len());
    let quick = [&inspect[..], &["--no-sha256"]].concat();
    let shown = document(&left, &quick, "package", 0);
    assert_eq!(shown["sha256"], Value::Null);
}

#[test]
fn bad_folders_make_no_file() {
    let missing = r#"{"name": "A", "version": 1.5}"#;
    for (json, says) in [
        (
            missing.as_bytes(),
            "the package's `version` is not a text, the package's `owner` is missing, the \
             package's `solution_type` is missing",
        ),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        (b"{\"name\": \"\xff\"}", "is not UTF-8"),
        (b"{", "is not a JSON object"),
    ] {
        let env = sources();
        std::fs::write(env.path().join("src/package.json"), json).unwrap();
        let old = env.write("dist/a.ibsolution", "old");
        is_refused(env.solform(&BUILD), says);
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "old");
        assert_eq!(names_in(&env.path().join("dist")), ["a.ibsolution"]);
    }
    let env = sources();
    let file = std::fs::File::create(env.path().join("src/package.json")).unwrap();
    file.set_len(100_000_000).unwrap();
    is_refused(env.solform(&BUILD), "over the limit of 1048576");
    std::fs::remove_file(env.path().join("src/package.json")).unwrap();
    is_refused(env.solform(&BUILD), "there is no `src/package.json`");
    let env = sources();
    std::os::unix::fs::symlink("/etc/hostname", env.path().join("src/link")).unwrap();
    is_refused(
        env.solform(&BUILD),
        "is a symbolic link to `/etc/hostname`, outside of the folder",
    );
    assert!(names_in(&env.path().join("dist")).is_empty());
}

#[test]
fn bad_outputs_are_refused() {
    let env = sources();
    std::fs::create_dir(env.path().join("dist/f.ibsolution")).unwrap();
    for (out, says) in [
        ("dist/a.zip", "does not end in `.ibsolution`"),
        ("dist/.ibsolution", "does not end in `.ibsolution`"),
        ("src/a.ibsolution", "in the folder that it is made from"),
        (
            "src/flow/a.ibsolution",
            "in the folder that it is made from",
        ),
        (
            "dist/../src/a.ibsolution",
            "in the folder that it is made from",
        ),
        ("none/a.ibsolution", "there is no folder `none`"),
        ("dist/f.ibsolution", "it is a folder, not a file"),
    ] {
        is_refused(
            env.solform(&["package", "build", "src", "--out", out]),
            says,
        );
    }
    assert_eq!(names_in(&env.path().join("dist")), ["f.ibsolution"]);
    assert_eq!(names_in(&env.path().join("src/flow")), ["a.ibflowbin"]);
    for folder in ["none", "src/package.json"] {
        let out = ["--out", "dist/a.ibsolution"];
        is_refused(
            env.solform(&[&["package", "build", folder], &out[..]].concat()),
            folder,
        );
    }
}

/// Returns an archive with these members.
fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Replaces a name in an archive by another one of the same length.
fn renamed(mut archive: Vec<u8>, name: &str, other: &str) -> Vec<u8> {
    let (name, other) = (name.as_bytes(), other.as_bytes());
    assert_eq!(name.len(), other.len());
    for start in 0..archive.len() - name.len() {
        let part = &mut archive[start..start + name.len()];
        if part == name {
            part.copy_from_slice(other);
        }
    }
    archive
}

/// Sets the flag of encryption of each member.
fn encrypted(mut archive: Vec<u8>) -> Vec<u8> {
    for start in 0..archive.len() - 4 {
        match &archive[start..start + 4] {
            b"PK\x03\x04" => archive[start + 6] |= 1,
            b"PK\x01\x02" => archive[start + 8] |= 1,
            _ => {}
        }
    }
    archive
}

#[test]
fn bad_packages_are_refused() {
    let json = JSON.as_bytes();
    let member = |name: &str| zipped(&[("package.json", json), (name, b"x")]);
    let huge = vec![b' '; 100_000_000];
    for (bytes, says) in [
        (Vec::new(), "not a proper zip archive"),
        (b"no package".to_vec(), "not a proper zip archive"),
        (zipped(&[("a", b"x")]), "no `package.json` at its root"),
        (renamed(member("QQ/a"), "QQ/a", "../a"), "its member `../a`"),
        (renamed(member("Q/a"), "Q/a", "//a"), "its member `//a`"),
        (
            renamed(member("QQ\u{7}a"), "QQ\u{7}a", "..\\a"),
            "its member `..\\a`",
        ),
        (
            renamed(
                zipped(&[("package.json", json), ("qackage.json", b"{}")]),
                "qack",
                "pack",
            ),
            "several members of the same name",
        ),
        (
            zipped(&[("package.json", &huge)]),
            "over the limit of 1048576",
        ),
        (
            zipped(&[("package.json", &huge[..1_000_000])]),
            "the compression ratio of its `package.json`",
        ),
        (
            zipped(&[("package.json", b"{\"name\": \"\xff\"}")]),
            "is not UTF-8",
        ),
        (zipped(&[("package.json", b"[1]")]), "is not a JSON object"),
        (encrypted(member("a")), "`package.json` is encrypted"),
    ] {
        let env = TestEnv::new();
        std::fs::write(env.path().join("a.ibsolution"), bytes).unwrap();
        is_refused(env.solform(&["package", "inspect", "a.ibsolution"]), says);
        let diff = ["package", "diff", "a.ibsolution", "a.ibsolution", "--json"];
        is_refused(env.solform(&diff), says);
    }
    let env = TestEnv::new();
    is_refused(
        env.solform(&["package", "inspect", "none.ibsolution"]),
        "none",
    );
    is_refused(
        env.solform(&["package", "inspect", "/dev/zero"]),
        "it is a device",
    );
}

#[test]
fn an_undeployable_package_is_shown_and_fails() {
    let env = TestEnv::new();
    let json = "\u{feff}{\"name\": \"A\", \"version\": \"1\", \"solution_type\": \"pypkg\"}";
    let bytes = zipped(&[("package.json", json.as_bytes())]);
    std::fs::write(env.path().join("a.ibsolution"), bytes).unwrap();
    let _ = env
        .solform(&["package", "inspect", "a.ibsolution"])
        .exits_with(1)
        .says("owner          -\n")
        .warns("Warning: the package's `package.json` begins with a byte order mark")
        .warns("Warning: the package's `solution_type` is `pypkg`")
        .warns("Error: `a.ibsolution` cannot be deployed: the package's `owner` is missing");
    let shown = document(&env, &["package", "inspect", "a.ibsolution"], "package", 1);
    assert_eq!(shown["owner"], Value::Null);
}

#[test]
fn differences_are_shown_by_member_and_line() {
    let env = sources();
    env.write("src/old.txt", "old");
    let build = |out| env.solform(&["package", "build", "src", "--out", out]);
    let _ = build("1.ibsolution").exits_with(0);
    std::fs::remove_file(env.path().join("src/old.txt")).unwrap();
    env.write("src/flow/a.ibflowbin", "a flow");
    env.write("src/new\u{7}.txt", "new");
    is_refused(build("2.ibsolution"), "has a control character");
    std::fs::remove_file(env.path().join("src/new\u{7}.txt")).unwrap();
    env.write("src/new.txt", "new");
    env.write("src/package.json", &JSON.replace("0.0.1", "0.0.2"));
    let _ = build("2.ibsolution").exits_with(0);
    let diff = ["package", "diff", "1.ibsolution", "2.ibsolution"];
    let output = env.solform(&diff).exits_with(0);
    assert_eq!(
        output.stdout,
        "--- 1.ibsolution (Form W-2@0.0.1)\n\
         +++ 2.ibsolution (Form W-2@0.0.2)\n\
         \n\
         ~ flow/a.ibflowbin (4 -> 6 bytes)\n\
         + new.txt (3 bytes)\n\
         - old.txt (3 bytes)\n\
         ~ package.json (124 bytes)\n\
         \x20     {\n\
         \x20       \"name\": \"Form W-2\",\n\
         \x20   -   \"version\": \"0.0.1\",\n\
         \x20   +   \"version\": \"0.0.2\",\n\
         \x20       \"owner\": \"svc\",\n\
         \x20       \"solution_type\": \"ibflowbin\",\n\
         \x20       \"visibility\": \"PRIVATE\"\n\
         \n\
         1 member added, 1 removed, 2 changed.\n"
    );
    let detailed = [&diff[..], &["--detailed-exitcode"]].concat();
    let _ = env.solform(&detailed).exits_with(2);
    let shown = document(&env, &detailed, "package-diff", 2);
    assert_eq!(shown["differs"], true);
    assert_eq!(shown["members"].as_array().unwrap().len(), 4);
    assert_eq!(shown["package_json"][2]["kind"], "removed");
    assert_eq!(shown["package_json"][3]["after"], 3);
    // The same members in another order.
    let members: [(&str, &[u8]); 2] = [("package.json", JSON.as_bytes()), ("a", b"a")];
    let mut reversed = members;
    reversed.reverse();
    std::fs::write(env.path().join("3.ibsolution"), zipped(&members)).unwrap();
    std::fs::write(env.path().join("4.ibsolution"), zipped(&reversed)).unwrap();
    let equal = [
        "package",
        "diff",
        "3.ibsolution",
        "4.ibsolution",
        "--detailed-exitcode",
    ];
    let _ = env
        .solform(&equal)
        .exits_with(0)
        .says("No differences: the contents are equal (2 members).")
        .says("The archives differ in the order");
    let shown = document(&env, &equal, "package-diff", 0);
    assert_eq!(shown["differs"], false);
    assert_eq!(shown["same_archive"], false);
    assert_eq!(shown["package_json"], Value::Null);
}

#[test]
fn names_in_packages_are_escaped() {
    let env = TestEnv::new();
    let json = JSON.replace("Form W-2", "A\\u001b[31m");
    let bytes = zipped(&[("package.json", json.as_bytes()), ("a\u{1b}[2J", b"")]);
    std::fs::write(env.path().join("a.ibsolution"), bytes).unwrap();
    let bytes = zipped(&[("package.json", JSON.as_bytes())]);
    std::fs::write(env.path().join("b.ibsolution"), bytes).unwrap();
    for arguments in [
        &["package", "inspect", "a.ibsolution"][..],
        &["package", "diff", "a.ibsolution", "b.ibsolution"],
    ] {
        let output = env.solform(arguments).exits_with(0).says("\\u{1b}[31m");
        assert!(!output.stdout.contains('\u{1b}'), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_a_platform_are_inspected_and_compared() {
    let seed = Seed::parse("solutions: []\n").unwrap();
    let emulator = start(seed, &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    env.write("src/package.json", JSON);
    // More than one read of the digest.
    let mut random = fastrand::Rng::with_seed(1);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
        .take(9_000_000)
        .collect();
    std::fs::write(env.path().join("src/noise"), noise).unwrap();
    let build = ["package", "build", "src", "--out", "a.ibsolution"];
    let _ = env.solform(&build).exits_with(0);
    let bytes = std::fs::read(env.path().join("a.ibsolution")).unwrap();
    let digest = solform::ident::Digest::of(&bytes);
    let path = format!("{DRIVE}/a.ibsolution");
    let url = format!("{}/api/v2/files/{path}", emulator.url());
    let put = http_client().put(url).bearer_auth(TOKEN).body(bytes);
    assert!(put.send().await.unwrap().status().is_success());

    let inspect = ["package", "inspect", "-e", "test", &path];
    let _ = env
        .solform_beside(&inspect)
        .await
        .exits_with(0)
        .says("version        0.0.1\n")
        .says(&format!("sha256         {digest}\n"));
    let json = [&inspect[..], &["--json", "--no-sha256"]].concat();
    let before = count(&emulator, Operation::ReadNode);
    let shown = checked(
        &env,
        &env.solform_beside(&json).await.exits_with(0),
        "package",
    );
    assert_eq!(shown["environment"], "test");
    let reads = count(&emulator, Operation::ReadNode) - before;
    assert!(reads <= 3, "{reads}");
    let local = ["package", "diff", "-e", "test", &path, "./a.ibsolution"];
    let _ = env
        .solform_beside(&local)
        .await
        .exits_with(0)
        .says("No differences: the contents are equal (2 members).\n");
    // A local path that does not begin like one.
    let _ = env
        .solform_beside(&["package", "inspect", "-e", "test", "a.ibsolution"])
        .await
        .exits_with(1)
        .warns("there is no package `a.ibsolution` in environment `test`")
        .warns("Write `./a.ibsolution` for the local file of this name.");
    let _ = env
        .solform(&["package", "inspect", "-f", "solform.yaml", "a.ibsolution"])
        .exits_with(1)
        .warns("--environment <NAME>");
}
