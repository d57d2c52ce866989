//! The same tests for every kind of store: a folder, a bucket in memory, an S3 server in this
//! process, and another S3 server if one is configured.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use solform::ident::{Address, Digest, JobId, SolutionId};
use solform::outcome::{OutcomeKind, WriteKind};
use solform::plan::Subject;
use solform::store::{
    Bucket as AnyBucket, ChangeRef, Entry, Lacking, LocalStore, LockOwner, PastApply, Record,
    RecordedOutcome, RemoteStore, Store, StoreError, StoreKey, lock, open_bucket,
};
use solform::store_location::{BucketService, StoreLocation};

use crate::support::bucket::{BUCKET, Bucket, Quirk, in_memory, variables_of};
use crate::support::cloud::{CLOUDS, Cloud, cloud_variables};

const KEY: StoreKey<'static> = StoreKey {
    environment: "prod",
    url: "https://a.example",
    context: Some("acme"),
};

fn owner(id: &str) -> LockOwner {
    LockOwner {
        id: id.to_owned(),
        who: "ann@runner-1".to_owned(),
        pid: 7,
        command: "solform apply".to_owned(),
        since_ms: 1,
    }
}

fn begin(run: &str, changes: usize) -> Entry {
    Entry::Begin {
        apply: run.to_owned(),
        plan: None,
        subject: Subject {
            environment: "prod".to_owned(),
            url: "https://a.example".to_owned(),
            manifest: Digest::of(b""),
        },
        changes,
        lock: None,
        provenance: None,
        rollback_of: None,
    }
}

fn first(run: &str, changes: usize) -> Record {
    Record::new(1, begin(run, changes))
}

fn change(name: &str) -> ChangeRef {
    ChangeRef {
        address: Address::parse(&format!("{name}@1")).unwrap(),
        identity: None,
        record: None,
    }
}

fn send(name: &str) -> Entry {
    Entry::Send {
        change: change(name),
        call: WriteKind::Deploy,
        attempt: 1,
        patch: None,
        known: None,
    }
}

fn outcome(name: &str, outcome: OutcomeKind) -> Entry {
    Entry::Outcome {
        change: change(name),
        outcome: RecordedOutcome::new(outcome),
    }
}

async fn read(store: &dyn Store, run: &str) -> PastApply {
    let bytes = store.read(run).await.unwrap();
    PastApply::read(run, &store.location(), &bytes).unwrap()
}

/// Checks every guarantee of a store. `store` creates another one over the same location.
async fn check_contract(store: &dyn Fn() -> Box<dyn Store>) {
    check_journals(store).await;
    check_deployed(store).await;
    check_lock(store).await;
}

/// A document is replaced and removed as a whole, and other records are not affected.
async fn check_deployed(store: &dyn Fn() -> Box<dyn Store>) {
    let one = store();
    let ids = ["a", "../b/ü", "A"].map(|id| SolutionId::parse(id).unwrap());
    for id in &ids {
        assert_eq!(one.read_deployed(id).await.unwrap(), None);
        one.remove_deployed(id).await.unwrap();
        one.write_deployed(id, b"old").await.unwrap();
        let new = format!("new {id}");
        one.write_deployed(id, new.as_bytes()).await.unwrap();
    }
    let [first, others @ ..] = &ids;
    one.remove_deployed(first).await.unwrap();
    let other = store();
    assert_eq!(other.read_deployed(first).await.unwrap(), None);
    for id in others {
        let document = other.read_deployed(id).await.unwrap().unwrap();
        assert_eq!(String::from_utf8(document).unwrap(), format!("new {id}"));
    }
    // They are no applies.
    assert_eq!(other.applies().await.unwrap(), ["0002"]);
}

async fn check_journals(store: &dyn Fn() -> Box<dyn Store>) {
    let one = store();
    assert!(one.applies().await.unwrap().is_empty());
    for run in ["0002", "0001"] {
        let journal = one
            .begin(run, run.as_bytes(), &first(run, 2))
            .await
            .unwrap();
        journal.record(2, send("A")).await.unwrap();
        journal.record(3, send("B")).await.unwrap();
        journal
            .record(
                4,
                Entry::Job {
                    change: change("B"),
                    call: WriteKind::Deploy,
                    job: JobId::parse("j-1").unwrap(),
                },
            )
            .await
            .unwrap();
        journal
            .record(5, outcome("A", OutcomeKind::Done))
            .await
            .unwrap();
        // Another process sees the entries at once, before and after the journal is closed.
        let run_now = read(&*store(), run).await;
        assert_eq!(run_now.open_steps().count(), 1);
        if run == "0001" {
            one.close(run, journal).await.unwrap();
        }
    }
    let other = store();
    assert_eq!(other.applies().await.unwrap(), ["0001", "0002"]);
    assert_eq!(other.plan("0001").await.unwrap().unwrap(), b"0001");
    let again = other.begin("0001", b"", &first("0001", 2)).await;
    assert!(again.is_err(), "a run begins once");

    for run in ["0001", "0002"] {
        let before = read(&*other, run).await;
        assert_eq!(
            (before.changes, before.complete, before.is_torn),
            (2, None, false)
        );
        let open: Vec<_> = before.open_steps().collect();
        assert_eq!(open.len(), 1, "{run}");
        assert_eq!(open[0].sendings[0].job.as_ref().unwrap().as_str(), "j-1");
        // The journal is opened again, twice.
        for (entry, at_ms) in [
            (outcome("B", OutcomeKind::Done), 6),
            (Entry::End { complete: true }, 7),
        ] {
            let journal = other.reopen(run).await.unwrap();
            journal.record(at_ms, entry).await.unwrap();
            other.close(run, journal).await.unwrap();
        }
        let after = read(&*store(), run).await;
        assert_eq!(
            (after.complete, after.needs_recovery()),
            (Some(true), false)
        );
        assert_eq!((after.began_at_ms, after.last_at_ms), (Some(1), Some(7)));
    }
    other.remove("0001").await.unwrap();
    other.remove("0001").await.unwrap();
    assert_eq!(store().applies().await.unwrap(), ["0002"]);
}

async fn check_lock(store: &dyn Fn() -> Box<dyn Store>) {
    let (first, second) = (store(), store());
    first.prove_locks().await.unwrap();
    assert_eq!(first.lock_owner().await.unwrap(), None);
    let lease = first.try_lock(&owner("one")).await.unwrap().unwrap();
    assert!(lease.is_held());
    let held = second.try_lock(&owner("two")).await.unwrap().unwrap_err();
    assert_eq!(held.owner, owner("one"));
    assert_eq!(second.lock_owner().await.unwrap(), Some(owner("one")));
    let waited = lock(&*second, &owner("two"), Duration::ZERO, &|_| {})
        .await
        .unwrap();
    assert_eq!(waited.unwrap_err().id, "one");
    lease.release().await;
    assert_eq!(second.lock_owner().await.unwrap(), None);
    let lease = second.try_lock(&owner("two")).await.unwrap().unwrap();
    assert!(!first.force_unlock("one").await.unwrap());
    assert!(first.force_unlock("two").await.unwrap());
    let third = first.try_lock(&owner("three")).await.unwrap().unwrap();
    assert!(third.is_held());
    // The previous holder releases only its own lock.
    lease.release().await;
    assert!(third.is_held());
    assert_eq!(second.lock_owner().await.unwrap(), Some(owner("three")));
    third.release().await;
}

fn remote(bucket: &AnyBucket) -> RemoteStore {
    let prefix = Path::from("solform");
    RemoteStore::new(
        bucket.clone(),
        &prefix,
        "memory",
        KEY,
        Arc::new(|| 1_000_000),
    )
}

#[tokio::test]
async fn store_contract_over_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    check_contract(&|| Box::new(LocalStore::new(&root, KEY))).await;
}

#[tokio::test]
async fn store_contract_over_a_bucket_in_memory() {
    let objects = in_memory();
    check_contract(&|| Box::new(remote(&objects))).await;
}

/// Returns a store in a bucket, and creates another one each time.
fn opened(
    service: BucketService,
    prefix: &str,
    variables: &[(String, String)],
) -> impl Fn() -> RemoteStore + use<> {
    let url = format!("{}://{BUCKET}/{prefix}", service.scheme());
    let StoreLocation::Bucket(url) = StoreLocation::parse(&url).unwrap() else {
        unreachable!("the URL is that of a bucket");
    };
    let (bucket, prefix) = open_bucket(&url, variables, None).unwrap();
    move || {
        RemoteStore::new(
            bucket.clone(),
            &prefix,
            url.as_str(),
            KEY,
            Arc::new(|| 1_000_000),
        )
    }
}

async fn check_contract_over(service: BucketService, variables: &[(String, String)]) {
    let store = opened(service, "a%20prefix/of ours", variables);
    check_contract(&|| Box::new(store())).await;
}

#[tokio::test]
async fn store_contract_over_an_s3_server() {
    let bucket = Bucket::start().await;
    check_contract_over(BucketService::S3, &bucket.variables()).await;
}

/// The server has no call that deletes several objects.
#[tokio::test]
async fn store_contract_over_other_clouds() {
    for service in CLOUDS {
        let cloud = Cloud::start(service).await;
        check_contract_over(service, &cloud.variables()).await;
        assert!(!cloud.requests("DELETE").is_empty(), "{service:?}");
        assert_eq!(cloud.requests("POST"), [""; 0], "{service:?}");
    }
}

#[tokio::test]
#[ignore = "needs the server that `.ci/run` starts"]
async fn store_contract_over_another_s3_server() {
    let endpoint = std::env::var("SOLFORM_TEST_S3").unwrap();
    check_contract_over(BucketService::S3, &variables_of(&endpoint)).await;
}

/// The server checks the signature of each request. It is used by an account key, then by a shared
/// access signature.
#[tokio::test]
#[ignore = "needs the server that `.ci/run` starts"]
async fn store_contract_over_another_azure_server() {
    let variable = |name: &str| (name.to_owned(), std::env::var(name).unwrap());
    let names = ["ACCOUNT_NAME", "ENDPOINT"].map(|name| format!("AZURE_STORAGE_{name}"));
    let mut variables: Vec<_> = names.iter().map(|name| variable(name)).collect();
    variables.push(variable("AZURE_STORAGE_ACCOUNT_KEY"));
    check_contract_over(BucketService::Azure, &variables).await;
    let _ = variables.pop();
    variables.push(variable("AZURE_STORAGE_SAS_TOKEN"));
    let store = opened(BucketService::Azure, "another", &variables);
    check_contract(&|| Box::new(store())).await;
}

#[tokio::test]
async fn stores_of_two_servers_are_apart() {
    let folder = tempfile::tempdir().unwrap();
    let of = |url| LocalStore::new(folder.path(), StoreKey { url, ..KEY });
    let (here, there) = (of("https://a.example"), of("https://b.example"));
    let journal = here.begin("0001", b"", &first("0001", 1)).await.unwrap();
    here.close("0001", journal).await.unwrap();
    assert_eq!(here.applies().await.unwrap().len(), 1);
    assert!(there.applies().await.unwrap().is_empty());
}

/// Two processes write the same journal: the second one fails, and accepts no further entry.
#[tokio::test]
async fn a_second_writer_of_one_journal_fails() {
    let objects = in_memory();
    let (here, there) = (remote(&objects), remote(&objects));
    let first = here.begin("0001", b"", &first("0001", 1)).await.unwrap();
    let second = there.reopen("0001").await.unwrap();
    first.record(2, send("A")).await.unwrap();
    let error = second.record(2, send("B")).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("somebody else writes this journal"),
        "{cause}"
    );
    // After a failure no further line is accepted.
    assert!(second.record(3, send("C")).await.is_err());
    assert_eq!(read(&here, "0001").await.steps.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_its_holder_lives() {
    let objects = in_memory();
    let (here, there) = (remote(&objects), remote(&objects));
    let lease = here.try_lock(&owner("one")).await.unwrap().unwrap();
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(lease.is_held());
        assert!(there.try_lock(&owner("two")).await.unwrap().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn an_unrenewed_lease_ends_after_a_minute() {
    let objects = in_memory();
    let (here, there) = (remote(&objects), remote(&objects));
    let lease = here.try_lock(&owner("one")).await.unwrap().unwrap();
    // The process of the lease has ended without releasing it.
    drop(lease);
    assert!(there.try_lock(&owner("two")).await.unwrap().is_err());
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(there.try_lock(&owner("two")).await.unwrap().is_err());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let lease = there.try_lock(&owner("two")).await.unwrap().unwrap();
    assert!(lease.is_held());
    assert_eq!(here.lock_owner().await.unwrap(), Some(owner("two")));
}

#[tokio::test(start_paused = true)]
async fn a_fast_clock_takes_no_lock_away() {
    let objects = in_memory();
    let here = remote(&objects);
    let ahead = RemoteStore::new(
        objects.clone(),
        &Path::from("solform"),
        "memory",
        KEY,
        Arc::new(|| 999_000_000),
    );
    let lease = here.try_lock(&owner("one")).await.unwrap().unwrap();
    // By the fast clock the lock is days old, but it is renewed while it is watched.
    let waited = lock(&ahead, &owner("two"), Duration::ZERO, &|_| {})
        .await
        .unwrap();
    assert_eq!(waited.unwrap_err().id, "one");
    assert!(lease.is_held());
    drop(lease);
    // A lock that is not renewed is taken over after a short time.
    let begun = tokio::time::Instant::now();
    let taken = lock(&ahead, &owner("two"), Duration::ZERO, &|_| {})
        .await
        .unwrap();
    assert!(taken.unwrap().is_held());
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_removed_lease_is_seen_at_the_next_renewal() {
    let objects = in_memory();
    let (here, there) = (remote(&objects), remote(&objects));
    let lease = here.try_lock(&owner("one")).await.unwrap().unwrap();
    assert!(there.force_unlock("one").await.unwrap());
    let other = there.try_lock(&owner("two")).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(!lease.is_held());
    lease.release().await;
    assert!(other.is_held());
}

async fn over(quirk: Quirk) -> (Bucket, RemoteStore) {
    let bucket = Bucket::with(quirk).await;
    let store = opened(BucketService::S3, "p", &bucket.variables())();
    (bucket, store)
}

const FINDINGS: [(Quirk, Option<Lacking>); 6] = [
    (Quirk::None, None),
    (Quirk::IgnoresConditions, Some(Lacking::CreateIgnored)),
    (Quirk::IgnoresMatch, Some(Lacking::MatchIgnored)),
    (Quirk::NotImplemented, Some(Lacking::CreateRefused)),
    (Quirk::BadRequest, Some(Lacking::CreateRefused)),
    (Quirk::RefusesMatch, Some(Lacking::MatchRefused)),
];

async fn finding_of(store: &RemoteStore) -> Option<Lacking> {
    match store.prove_locks().await {
        Ok(()) => None,
        Err(StoreError::Unfit { lacking, .. }) => Some(lacking),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_finds_what_a_bucket_lacks() {
    for (quirk, expected) in FINDINGS {
        let (bucket, store) = over(quirk).await;
        assert_eq!(finding_of(&store).await, expected, "{quirk:?}");
        assert_eq!(bucket.keys(), [""; 0], "{quirk:?} leaves something behind");
        // The result stays the same for this command.
        let puts = bucket.puts();
        assert_eq!(store.prove_locks().await.is_ok(), expected.is_none());
        assert_eq!(bucket.puts(), puts, "{quirk:?}");
    }
    let (_bucket, store) = over(Quirk::ReadOnly).await;
    let error = store.prove_locks().await.unwrap_err();
    assert!(error.is_denied(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_finds_what_other_clouds_lack() {
    for service in CLOUDS {
        for (quirk, expected) in FINDINGS {
            let cloud = Cloud::with(service, quirk).await;
            let store = opened(service, "p", &cloud.variables())();
            assert_eq!(finding_of(&store).await, expected, "{service:?} {quirk:?}");
            assert_eq!(cloud.keys(), [""; 0], "{service:?} {quirk:?}");
        }
        let cloud = Cloud::with(service, Quirk::ReadOnly).await;
        let error = opened(service, "p", &cloud.variables())()
            .prove_locks()
            .await;
        assert!(error.unwrap_err().is_denied(), "{service:?}");
    }
}

/// Clients report a refused list in different ways.
#[tokio::test]
async fn a_list_without_permission_is_denied() {
    for service in CLOUDS {
        let cloud = Cloud::start(service).await;
        let mut variables = cloud_variables(service, &cloud.endpoint);
        for (name, value) in &mut variables {
            match name.as_str() {
                "AZURE_STORAGE_ACCOUNT_NAME" => *value = "another".to_owned(),
                "GOOGLE_BEARER_TOKEN" => *value = "an-old-token".to_owned(),
                _ => {}
            }
        }
        let error = opened(service, "p", &variables)()
            .applies()
            .await
            .unwrap_err();
        assert!(error.is_denied(), "{error:?}");
        assert!(error.help().contains("Check the credentials"), "{error:?}");
    }
}

/// Several applies that start at once check the same bucket, each with an object of its own.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_probes_do_not_collide() {
    let bucket = Bucket::start().await;
    let store = opened(BucketService::S3, "p", &bucket.variables());
    let proofs = (0..8).map(|_| {
        let store = store();
        tokio::spawn(async move { store.prove_locks().await })
    });
    for proof in proofs.collect::<Vec<_>>() {
        proof.await.unwrap().unwrap();
    }
    assert_eq!(bucket.keys(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_lists_end() {
    let is_about = |error: StoreError, message: &str| {
        let cause = std::error::Error::source(&error).unwrap();
        assert!(cause.to_string().contains(message), "{cause}");
        assert!(cause.source().is_none(), "{cause:?}");
    };
    let (_bucket, store) = over(Quirk::RepeatsToken).await;
    for error in [
        store.applies().await.unwrap_err(),
        store.read("0001").await.unwrap_err(),
        store.remove("0001").await.unwrap_err(),
    ] {
        is_about(error, "repeats a continuation token");
    }
    let (_bucket, store) = over(Quirk::EndlessList).await;
    is_about(
        store.applies().await.unwrap_err(),
        "lists more than 100000 names",
    );
}
