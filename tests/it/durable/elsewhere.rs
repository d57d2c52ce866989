//! Lock, journal and plan in a bucket: a second machine finishes the apply of the first one.

use solform::store_location::BucketService;
use solform_emulator::{Emulator, JobPace, Operation};

use super::{finish_all, killed_at_work};
use crate::support::TestEnv;
use crate::support::bucket::{BUCKET, Bucket, Quirk, SECRET_KEY};
use crate::support::cloud::{ACCOUNT_KEY, BEARER, CLOUDS, Cloud};
use crate::support::worlds::{self, Version, count, env_with, manifest, manifest_with, seed};

const SOLUTIONS: &str = "
  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
";

async fn emulator() -> Emulator {
    let live = [Version::active("A", "1")];
    let packages = [Version::active("A", "2")];
    let knobs = ["record_during_job=hidden", "duplicate_deploy=second_record"];
    worlds::start_with(seed(&live, &packages), &knobs, JobPace::Manual).await
}

/// Creates the folder of a machine whose store is the bucket.
fn machine(emulator: &Emulator, bucket: &Bucket, host: &str) -> TestEnv {
    let mut env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    for (name, value) in bucket.variables() {
        env.set(&name, &value);
    }
    env.set("SOLFORM_STORE", &format!("s3://{BUCKET}/solform"));
    env.set("HOSTNAME", host);
    env.set("USER", "ann");
    env
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_finishes_an_apply() {
    let (emulator, bucket) = (emulator().await, Bucket::start().await);
    let here = machine(&emulator, &bucket, "runner-1");
    let there = machine(&emulator, &bucket, "runner-2");
    let program = env!("CARGO_BIN_EXE_solform");
    killed_at_work(here.command(program, &["apply", "--auto-approve"]), 1).await;
    assert!(
        !here.path().join(".solform").exists(),
        "nothing is stored on the machine"
    );
    // The lock of a runner that has disappeared is held for up to a minute.
    let output = there
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(9)
        .warns("is held by ann@runner-1");
    let (_, rest) = output.stderr.split_once("solform force-unlock ").unwrap();
    let id = rest.split(' ').next().unwrap();
    let _ = there
        .solform_beside(&["force-unlock", id])
        .await
        .exits_with(0);
    let _ = there
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .says("In flight: the deploy of A@2, job ");
    finish_all(&emulator);
    let _ = there
        .solform_beside(&["apply", "--resume"])
        .await
        .exits_with(0)
        .warns("A@2: done")
        .says("Apply complete!");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
    let _ = here
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0);
    let history = here.solform_beside(&["history"]).await.exits_with(0);
    assert_eq!(history.stdout.lines().count(), 1 + 2, "{history}");
    // The lock was released.
    let _ = here
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(0);
}

/// The error names the cause, and no secret.
#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_bucket_is_reported_before_any_write() {
    let (emulator, bucket) = (emulator().await, Bucket::start().await);
    let by_name = bucket.endpoint.replace("127.0.0.1", "localhost");
    for (changes, expected) in [
        (
            vec![("AWS_SECRET_ACCESS_KEY", "wrong-s3cret")],
            "failed to lock `s3://releases/solform/",
        ),
        (
            vec![("AWS_ENDPOINT_URL", "http://127.0.0.1:1")],
            "failed to lock `s3://releases/solform/",
        ),
        (
            vec![("SOLFORM_STORE", "ftp://somewhere/x")],
            "unsupported store URL `ftp://somewhere/x`",
        ),
        // A pasted address may have its credentials.
        (
            vec![("SOLFORM_STORE", "https://me:pw@a.example/c?sig=x#y")],
            "unsupported store URL `https://a.example/c`",
        ),
        (
            vec![
                ("SOLFORM_ALLOWED_HOSTS", "127.0.0.1"),
                ("SOLFORM_ALLOWED_ENV", "TEST_TOKEN"),
                ("AWS_ENDPOINT_URL", &by_name),
            ],
            "is at the host `localhost`, which SOLFORM_ALLOWED_HOSTS does not name",
        ),
    ] {
        let mut env = machine(&emulator, &bucket, "runner-1");
        for (name, value) in &changes {
            env.set(name, value);
        }
        let output = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .warns(expected);
        for secret in [SECRET_KEY, "wrong-s3cret", worlds::TOKEN] {
            assert!(!output.stderr.contains(secret), "{output}");
        }
        assert!(output.stderr.matches("because ").count() <= 2, "{output}");
        assert!(output.stdout.is_empty(), "{output}");
    }
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

/// A plan reads the store too: a location that no store has is not only a warning.
#[tokio::test(flavor = "multi_thread")]
async fn impossible_stores_are_refused_first() {
    let emulator = emulator().await;
    let plain = manifest(&emulator.url(), SOLUTIONS);
    for (store, expected) in [
        ("file:x", "unsupported store URL `file:x`"),
        ("abc://x", "unsupported store URL `abc://x`"),
        ("az://", "`` cannot be the name of an Azure container"),
        ("gs://b?x=1", "the store URL `gs://b` has a user, a port"),
        ("az://me:pa55@c/x", "the store URL `az://c/x` has a user"),
        ("az://Releases/x", "`Releases` cannot be the name of"),
        (
            "az://releases/../x",
            "has a prefix that a bucket cannot have",
        ),
    ] {
        let mut env = env_with(&plain);
        let typed = env.solform_beside(&["plan", "--store", store]).await;
        env.set("SOLFORM_STORE", store);
        let set = env.solform_beside(&["history"]).await;
        for (output, origin) in [(typed, "--store"), (set, "SOLFORM_STORE")] {
            let output = output.exits_with(1).warns(expected).warns("help: ");
            let output = output.warns(&format!("{origin} names no usable store"));
            assert!(!output.stderr.contains("pa55"), "{output}");
        }
        let store = format!("    store: '{store}'\n");
        let env = env_with(&manifest_with(&emulator.url(), &store, "", SOLUTIONS));
        for command in ["validate", "plan"] {
            let output = env.solform_beside(&[command]).await.exits_with(1);
            let output = output.warns(expected).warns("bad-store");
            assert!(output.stderr.contains("solform.yaml:"), "{output}");
        }
    }
    // An empty variable is unset, an empty option is a mistake.
    let mut env = env_with(&plain);
    env.set("SOLFORM_STORE", "");
    let _ = env.solform_beside(&["history"]).await.exits_with(0);
    for command in ["plan", "history", "apply"] {
        let output = env.solform_beside(&[command, "--store", ""]).await;
        let _ = output
            .exits_with(1)
            .warns("the location of the store is empty");
    }
    assert!(emulator.requests().is_empty());
}

/// In a bucket without conditional writes two applies could hold the lock at once, and deploy
/// twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_without_conditions_is_refused() {
    let emulator = emulator().await;
    for (quirk, expected) in [
        (
            Quirk::IgnoresConditions,
            "ignores the condition that no object is there",
        ),
        (
            Quirk::IgnoresMatch,
            "ignores the condition that the object has a known version",
        ),
        (
            Quirk::NotImplemented,
            "refuses a write with the condition that no object is there",
        ),
        (
            Quirk::BadRequest,
            "refuses a write with the condition that no object is there",
        ),
    ] {
        let bucket = Bucket::with(quirk).await;
        let env = machine(&emulator, &bucket, "runner-1");
        let output = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .warns(expected)
            .warns("The lock needs a service with conditional writes")
            .warns("docs/stores.md");
        assert!(!output.stderr.contains("bucket's name"), "{output}");
        let doctor = env.solform_beside(&["doctor"]).await.exits_with(1);
        // The lines are wrapped at the width of the terminal.
        let words: Vec<&str> = doctor.stdout.split_whitespace().collect();
        assert!(words.join(" ").contains(expected), "{doctor}");
        // A plan only reads.
        let _ = env.solform_beside(&["plan"]).await.exits_with(0);
        assert_eq!(bucket.keys(), [""; 0], "{quirk:?}");
    }
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tries_the_bucket_and_leaves_nothing() {
    let (emulator, bucket) = (emulator().await, Bucket::start().await);
    let env = machine(&emulator, &bucket, "runner-1");
    let _ = env
        .solform_beside(&["doctor"])
        .await
        .exits_with(0)
        .says("The lock is free.");
    assert!(bucket.puts() > 0);
    assert_eq!(bucket.keys(), [""; 0]);
    // Read access is enough to plan.
    let bucket = Bucket::with(Quirk::ReadOnly).await;
    let env = machine(&emulator, &bucket, "runner-1");
    let _ = env
        .solform_beside(&["doctor"])
        .await
        .exits_with(0)
        .says("AccessDenied");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_are_named_at_once() {
    let emulator = emulator().await;
    for (variables, expected) in [
        (
            // The address of the metadata service of a cloud machine; no server listens there.
            &[("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")][..],
            "because no credentials found\n",
        ),
        (
            &[("AWS_EC2_METADATA_DISABLED", "true")],
            "because no credentials found\n",
        ),
        (
            &[("AWS_PROFILE", "prod")],
            "because no credentials found: AWS_PROFILE is set, but profiles are not read\n",
        ),
        (
            &[("AWS_ACCESS_KEY_ID", "key")],
            "because AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY\n",
        ),
        // The path of a token is not a secret.
        (
            &[
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/token"),
                ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
            ],
            "Error: failed to read the AWS_WEB_IDENTITY_TOKEN_FILE `/no/such/token`\n",
        ),
        (
            &[
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "pipe"),
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x"),
            ],
            "Error: failed to read the AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE `pipe`\n",
        ),
    ] {
        let mut env = env_with(&manifest(&emulator.url(), SOLUTIONS));
        env.set("SOLFORM_STORE", &format!("s3://{BUCKET}/solform"));
        for (name, value) in variables {
            env.set(name, value);
        }
        let output = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .warns(expected);
        assert!(!output.stderr.contains("169.254"), "{output}");
        assert!(!output.stderr.contains("127.0.0.1:1"), "{output}");
        assert!(output.stderr.matches("because ").count() <= 2, "{output}");
    }
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_settings_are_used_or_reported() {
    let (emulator, bucket) = (emulator().await, Bucket::start().await);
    for (variable, value, expected) in [
        (
            "AWS_ENDPOINT_URL",
            "http://bucket.example",
            "the endpoint `http://bucket.example` in AWS_ENDPOINT_URL is plain http",
        ),
        (
            "AWS_CA_BUNDLE",
            "/no/such/bundle.pem",
            "failed to read the AWS_CA_BUNDLE `/no/such/bundle.pem`",
        ),
    ] {
        let mut env = machine(&emulator, &bucket, "runner-1");
        env.set("AWS_ALLOW_HTTP", "false").set(variable, value);
        let _ = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .warns(expected);
    }
    // Plain http to this machine needs no permission.
    let mut env = machine(&emulator, &bucket, "runner-1");
    env.set("AWS_ALLOW_HTTP", "false");
    let _ = env.solform_beside(&["history"]).await.exits_with(0);
}

/// Creates the folder of a machine whose store is in another cloud.
fn in_cloud(emulator: &Emulator, cloud: &Cloud) -> TestEnv {
    let mut env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    for (name, value) in cloud.variables() {
        env.set(&name, &value);
    }
    env.set("SOLFORM_STORE", &cloud.store("solform"));
    env
}

/// An apply keeps its journal in the bucket, and releases its lock there.
#[tokio::test(flavor = "multi_thread")]
async fn other_clouds_keep_lock_and_journal() {
    for service in CLOUDS {
        let (emulator, cloud) = (emulator().await, Cloud::start(service).await);
        let env = in_cloud(&emulator, &cloud);
        killed_at_work(
            env.command(env!("CARGO_BIN_EXE_solform"), &["apply", "--auto-approve"]),
            1,
        )
        .await;
        let output = env
            .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
            .await
            .exits_with(9)
            .warns("solform force-unlock ");
        let (_, rest) = output.stderr.split_once("solform force-unlock ").unwrap();
        let id = rest.split(' ').next().unwrap();
        let _ = env
            .solform_beside(&["force-unlock", id])
            .await
            .exits_with(0);
        finish_all(&emulator);
        let _ = env
            .solform_beside(&["apply", "--resume"])
            .await
            .exits_with(0)
            .says("Apply complete!");
        assert_eq!(count(&emulator, Operation::Deploy), 1);
        let history = env.solform_beside(&["history"]).await.exits_with(0);
        assert_eq!(history.stdout.lines().count(), 1 + 2, "{history}");
        let keys = cloud.keys();
        let is_journal = |key: &String| key.contains("/runs/") && key.contains("/whole-");
        assert!(keys.iter().any(is_journal), "{keys:?}");
        assert!(
            !keys.iter().any(|key| key.ends_with("lock.json")),
            "{keys:?}"
        );
        assert_eq!(cloud.requests("POST"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_clouds_without_conditions_are_refused() {
    for service in CLOUDS {
        let emulator = emulator().await;
        let cloud = Cloud::with(service, Quirk::IgnoresMatch).await;
        let env = in_cloud(&emulator, &cloud);
        let _ = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .warns("ignores the condition that the object has a known version");
        let doctor = env.solform_beside(&["doctor"]).await.exits_with(1);
        let words: Vec<&str> = doctor.stdout.split_whitespace().collect();
        assert!(
            words.join(" ").contains("ignores the condition"),
            "{doctor}"
        );
        assert_eq!(count(&emulator, Operation::Deploy), 0);
        let cloud = Cloud::start(service).await;
        let _ = in_cloud(&emulator, &cloud)
            .solform_beside(&["doctor"])
            .await
            .exits_with(0)
            .says("The lock is free.");
        assert!(cloud.puts() > 0);
        assert_eq!(cloud.keys(), [""; 0]);
    }
}

/// A service, the variables that make it unusable, and the message.
type Unusable = (
    BucketService,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const UNUSABLE: &[Unusable] = &[
    (
        BucketService::Azure,
        &[("AZURE_STORAGE_TOKEN", "wrong-t0ken")],
        "AZURE_* variables",
    ),
    (
        BucketService::Azure,
        &[
            ("AZURE_STORAGE_ACCOUNT_KEY", ""),
            ("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=wrong%2Bt0ken"),
        ],
        "AZURE_* variables",
    ),
    (
        BucketService::Azure,
        &[("AZURE_STORAGE_ACCOUNT_KEY", "wrong-t0ken")],
        "the account key in AZURE_STORAGE_ACCOUNT_KEY is not base64",
    ),
    (
        BucketService::Azure,
        &[("AZURE_STORAGE_ACCOUNT_NAME", "")],
        "AZURE_STORAGE_ACCOUNT_NAME is not set",
    ),
    (
        BucketService::Azure,
        &[
            ("AZURE_STORAGE_ACCOUNT_KEY", ""),
            // No server listens there.
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:1"),
        ],
        "because no credentials found\n",
    ),
    (
        BucketService::Azure,
        &[
            ("AZURE_STORAGE_ACCOUNT_KEY", ""),
            ("AZURE_CLIENT_ID", "id"),
            ("AZURE_TENANT_ID", "id"),
            ("AZURE_FEDERATED_TOKEN_FILE", "/no/such/token"),
        ],
        "failed to read the AZURE_FEDERATED_TOKEN_FILE `/no/such/token`",
    ),
    (
        BucketService::Azure,
        &[("AZURE_STORAGE_ENDPOINT", "http://blobs.example")],
        "set AZURE_ALLOW_HTTP=true",
    ),
    (
        BucketService::Gcs,
        &[("GOOGLE_BEARER_TOKEN", "wrong-t0ken")],
        "GOOGLE_* variables",
    ),
    (
        BucketService::Gcs,
        &[
            ("GOOGLE_BEARER_TOKEN", ""),
            ("GCE_METADATA_HOST", "127.0.0.1:1"),
            ("GCE_METADATA_IP", "127.0.0.1:1"),
        ],
        "because no credentials found\n",
    ),
    (
        BucketService::Gcs,
        &[
            ("GOOGLE_BEARER_TOKEN", ""),
            ("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file"),
        ],
        "failed to read the GOOGLE_APPLICATION_CREDENTIALS `/no/such/file`",
    ),
    (
        BucketService::Gcs,
        &[
            ("GOOGLE_BEARER_TOKEN", ""),
            (
                "GOOGLE_SERVICE_ACCOUNT_KEY",
                "{\"type\":\"external_account\"}",
            ),
        ],
        "of the kind `external_account`, which is not supported",
    ),
];

/// The server repeats the credentials in its answer.
#[tokio::test(flavor = "multi_thread")]
async fn unusable_clouds_are_reported_without_secrets() {
    let emulator = emulator().await;
    for (service, changes, expected) in UNUSABLE {
        let cloud = Cloud::start(*service).await;
        let mut env = in_cloud(&emulator, &cloud);
        for (name, value) in *changes {
            env.set(name, value);
        }
        let output = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .warns(expected);
        for secret in [
            ACCOUNT_KEY,
            BEARER,
            "wrong-t0ken",
            "wrong+t0ken",
            "wrong%2Bt0ken",
        ] {
            assert!(!output.stderr.contains(secret), "{output}");
        }
        assert!(output.stderr.matches("because ").count() <= 2, "{output}");
        assert!(!output.stderr.contains("127.0.0.1:1\n"), "{output}");
    }
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

/// The file in which `gcloud` keeps the login of its user.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_gcloud_is_the_last_choice() {
    let (emulator, cloud) = (emulator().await, Cloud::start(BucketService::Gcs).await);
    let mut env = in_cloud(&emulator, &cloud);
    let login = ".config/gcloud/application_default_credentials.json";
    env.write(
        login,
        r#"{"type":"external_account","refresh_token":"r3fresh"}"#,
    );
    let _ = env.solform_beside(&["history"]).await.exits_with(0);
    env.set("GOOGLE_BEARER_TOKEN", "");
    let output = env
        .solform_beside(&["history"])
        .await
        .exits_with(1)
        .warns("the credentials in GOOGLE_APPLICATION_CREDENTIALS are of the kind");
    assert!(!output.stderr.contains("r3fresh"), "{output}");
}

/// A manifest of an untrusted branch chooses neither its store nor the server that issues tokens.
#[tokio::test(flavor = "multi_thread")]
async fn other_clouds_ask_allowed_hosts_only() {
    let emulator = emulator().await;
    for service in CLOUDS {
        let cloud = Cloud::start(service).await;
        let by_name = cloud.endpoint.replace("127.0.0.1", "localhost");
        let mut env = in_cloud(&emulator, &cloud);
        env.set("SOLFORM_ALLOWED_HOSTS", "127.0.0.1")
            .set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN")
            .set("AZURE_STORAGE_ENDPOINT", &by_name)
            .set("GOOGLE_BASE_URL", &by_name);
        let _ = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .warns("is at the host `localhost`, which SOLFORM_ALLOWED_HOSTS does not name");
        assert_eq!(cloud.requests(""), [""; 0]);
    }
    // Without an endpoint, the cloud's own server is asked.
    for (url, host) in [
        ("az://releases/x", "acme.blob.core.windows.net"),
        ("gs://releases/x", "storage.googleapis.com"),
    ] {
        let mut env = env_with(&manifest(&emulator.url(), SOLUTIONS));
        env.set("SOLFORM_ALLOWED_HOSTS", "127.0.0.1")
            .set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN")
            .set("AZURE_STORAGE_ACCOUNT_NAME", "acme")
            .set("SOLFORM_STORE", url);
        let _ = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .warns(&format!("is at the host `{host}`"));
    }
    let cloud = Cloud::start(BucketService::Azure).await;
    let mut env = in_cloud(&emulator, &cloud);
    env.set("SOLFORM_ALLOWED_HOSTS", "127.0.0.1")
        .set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN")
        .set("AZURE_STORAGE_ACCOUNT_KEY", "")
        .set("AZURE_CLIENT_ID", "id")
        .set("AZURE_TENANT_ID", "id")
        .set("AZURE_CLIENT_SECRET", "client-s3cret");
    let output = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(1)
        .warns("the host `login.microsoftonline.com` is not in SOLFORM_ALLOWED_HOSTS");
    assert!(!output.stderr.contains("client-s3cret"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_the_machine_warns_in_a_pipeline() {
    let emulator = emulator().await;
    let mut env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n",
    ));
    env.set("CI", "true");
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0)
        .warns("Warning: the journal lies on this machine");
    // A path that cannot be a folder.
    env.write("taken", "a file");
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--store", "taken"])
        .await
        .exits_with(1)
        .warns("the store cannot be used")
        .warns("help: ");
    let bucket = Bucket::start().await;
    for (name, value) in bucket.variables() {
        env.set(&name, &value);
    }
    let store = format!("s3://{BUCKET}");
    let output = env
        .solform_beside(&["apply", "--auto-approve", "--store", &store])
        .await
        .exits_with(0);
    assert!(
        !output.stderr.contains("the journal lies on this machine"),
        "{output}"
    );
}
