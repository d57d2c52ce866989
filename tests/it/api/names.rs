//! Lists of a few names on a big instance, and reads of a single name.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use solform::api::{ListRequest, Needed, Patch, PatchStyle, ReadError, Writer};
use solform::ident::{SolutionId, SolutionName};
use solform::live::{Coverage, Unproven};

use super::{ids, name, names, reader, serve, whole};
use crate::support::instance::{ByName, Form, Instance, Seen, Stateless};
use crate::support::scripted::{Asked, Reply, Scripted};

fn ten() -> BTreeSet<SolutionName> {
    (0..10)
        .map(|index| name(&format!("Solution {}", index * 401)))
        .collect()
}

fn expected(instance: &Instance, wanted: &BTreeSet<SolutionName>) -> Vec<String> {
    let mut ids: Vec<String> = instance
        .entries
        .iter()
        .filter(|entry| wanted.contains(entry.name.as_str()))
        .map(|entry| entry.id.clone())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn ten_names_on_a_big_instance_need_few_requests() {
    for (seen, budget) in [(Seen::InRecords, 25), (Seen::ByFilter, 60)] {
        for only_active in [false, true] {
            let mut instance = Instance::of(10_000);
            instance.seen = seen;
            if only_active {
                for entry in &mut instance.entries {
                    entry.state = "ACTIVE";
                }
            }
            let server = serve(&instance).await;
            let request = ListRequest {
                names: Some(ten()),
                needs: Box::new(|_| Needed::Visibility),
                ..ListRequest::default()
            };
            let live = reader(&server).collect(&request).await.unwrap();
            assert_eq!(live.coverage(), &Coverage::Names(ten()));
            assert_eq!(ids(&live), expected(&instance, &ten()));
            assert!(
                live.versions()
                    .iter()
                    .all(|version| version.visibility.is_some())
            );
            assert!(server.count() <= budget, "{seen:?}: {}", server.count());
        }
    }
}

/// An empty list by name counts only after the filter `name=` has found a known record.
#[tokio::test]
async fn missing_names_need_a_proven_filter() {
    let absent = names(&["Nowhere", "Not there"]);
    for (by_name, coverage) in [
        (ByName::Exact, Coverage::Names(absent.clone())),
        (ByName::Prefix, Coverage::Names(absent.clone())),
        (ByName::Ignored, Coverage::Whole),
        (ByName::Broken, Coverage::Whole),
    ] {
        let mut instance = Instance::of(1_000);
        instance.by_name = by_name;
        let server = serve(&instance).await;
        let request = ListRequest {
            names: Some(absent.clone()),
            ..ListRequest::default()
        };
        let live = reader(&server).collect(&request).await.unwrap();
        assert_eq!(live.coverage(), &coverage, "{by_name:?}");
        assert!(live.covers(&name("Nowhere")));
        assert_eq!(live.named(&name("Nowhere")), []);
    }
}

/// A filter whose result has only other names is not proven to work.
#[tokio::test]
async fn a_filter_that_finds_other_names_proves_nothing() {
    let record = |id: &str, name: &str, state: &str| {
        let version = "1";
        json!({"id": id, "name": name, "version": version, "owner": "o", "state": state})
    };
    let server = Scripted::start(move |asked| {
        let all = [
            record("a", "A", "ACTIVE"),
            record("b", "B", "INACTIVE"),
            record("c", "C", "ACTIVE"),
        ];
        let shown = if asked.query.contains_key("name") {
            &all[2..]
        } else {
            &all[..]
        };
        let state = asked.query.get("state");
        let shown: Vec<_> = shown
            .iter()
            .filter(|record| state.is_none_or(|state| record["state"] == **state))
            .collect();
        Reply::json(&json!({"solutions": shown, "has_more": false, "next_offset": -1}))
    })
    .await;
    let found = reader(&server).named(&name("B")).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id.as_str(), "b");
}

#[tokio::test]
async fn a_filter_by_prefix_is_filtered_again() {
    for form in Form::ALL {
        let mut instance = Instance::of(2_000);
        instance.by_name = ByName::Prefix;
        instance.form = form;
        let wanted = names(&["Solution 1", "Solution 99"]);
        let server = serve(&instance).await;
        let request = ListRequest {
            names: Some(wanted.clone()),
            ..ListRequest::default()
        };
        let live = reader(&server).collect(&request).await.unwrap();
        let found: Vec<String> = live
            .versions()
            .iter()
            .filter(|version| wanted.contains(&version.identity.name))
            .map(|version| version.id.to_string())
            .collect();
        assert_eq!(found.len(), 4, "{form:?}");
        assert!(wanted.iter().all(|name| live.covers(name)), "{form:?}");
    }
}

#[tokio::test]
async fn a_small_instance_is_listed_whole() {
    // 60 may be the maximum of a server that computes the end by the requested limit: the page
    // behind it is requested too.
    for (size, requests) in [(57, 1), (60, 2)] {
        let server = serve(&Instance::of(size)).await;
        let request = ListRequest {
            names: Some(ten()),
            ..ListRequest::default()
        };
        let live = reader(&server).collect(&request).await.unwrap();
        assert_eq!(live.coverage(), &Coverage::Whole);
        assert_eq!(server.count(), requests);
    }
}

#[tokio::test]
async fn hidden_states_are_found_by_name_too() {
    for stateless in [
        Stateless::ShowsAll,
        Stateless::ShowsActive,
        Stateless::Refused(400),
    ] {
        let mut instance = Instance::of(4_000);
        instance.stateless = stateless;
        let wanted = names(&["Solution 3", "Solution 9", "Solution 10"]);
        let server = serve(&instance).await;
        let request = ListRequest {
            names: Some(wanted.clone()),
            ..ListRequest::default()
        };
        let reader = reader(&server);
        let live = reader.collect(&request).await.unwrap();
        assert_eq!(
            live.coverage(),
            &Coverage::Names(wanted.clone()),
            "{stateless:?}"
        );
        assert_eq!(ids(&live), expected(&instance, &wanted), "{stateless:?}");
        assert!(server.count() < 40, "{stateless:?}: {}", server.count());
        let one = reader.named(&name("Solution 9")).await.unwrap();
        assert_eq!(one.len(), 2, "{stateless:?}");
    }
}

#[tokio::test]
async fn reading_one_name_after_a_listing_is_one_request() {
    for only_active in [false, true] {
        let mut instance = Instance::of(30);
        if only_active {
            for entry in &mut instance.entries {
                entry.state = "ACTIVE";
            }
        }
        let server = serve(&instance).await;
        let reader = reader(&server);
        reader.collect(&whole()).await.unwrap();
        assert_eq!(reader.named(&name("Solution 3")).await.unwrap().len(), 2);
        let before = server.count();
        assert_eq!(reader.named(&name("Solution 4")).await.unwrap().len(), 2);
        assert_eq!(reader.named(&name("Solution 40")).await.unwrap().len(), 0);
        assert_eq!(server.count(), before + 2, "{only_active}");
    }
}

#[tokio::test]
async fn reading_one_name_without_a_listing_works() {
    for by_name in [
        ByName::Exact,
        ByName::Prefix,
        ByName::Ignored,
        ByName::Broken,
    ] {
        for stateless in [
            Stateless::ShowsAll,
            Stateless::ShowsActive,
            Stateless::Refused(400),
        ] {
            let mut instance = Instance::of(130);
            instance.by_name = by_name;
            instance.stateless = stateless;
            for (text, count) in [("Solution 3", 2), ("Solution 64", 2), ("Nowhere", 0)] {
                let server = serve(&instance).await;
                let found = reader(&server).named(&name(text)).await.unwrap();
                assert_eq!(found.len(), count, "{by_name:?} {stateless:?} {text}");
            }
        }
    }
}

#[tokio::test]
async fn one_name_is_read_on_an_empty_instance() {
    let server = serve(&Instance::of(0)).await;
    let reader = reader(&server);
    assert_eq!(reader.named(&name("First")).await.unwrap(), []);
    reader.collect(&whole()).await.unwrap();
    let before = server.count();
    assert_eq!(reader.named(&name("First")).await.unwrap(), []);
    assert!(server.count() <= before + 3, "{}", server.count() - before);
}

/// Reads of names at the same time share the proof that the filter can be trusted.
#[tokio::test(start_paused = true)]
async fn names_at_the_same_time_need_few_proofs() {
    for (records, at_most) in [(0, 2), (30, 1)] {
        let instance = Instance::of(records);
        let server = Scripted::start(move |asked| {
            let latency = Duration::from_millis(50);
            instance.answer(asked).after(latency)
        })
        .await;
        let reader = reader(&server);
        let absent: Vec<_> = (0..50).map(|nth| name(&format!("Absent {nth}"))).collect();
        let reads = absent.iter().map(|name| reader.named(name));
        let found = futures_util::future::try_join_all(reads).await.unwrap();
        assert!(found.iter().all(Vec::is_empty));
        let is_proof = |asked: &&Asked| {
            !asked.raw_query.contains("name=") && !asked.raw_query.contains("state=")
        };
        let proofs = server.asked().iter().filter(is_proof).count();
        assert!((1..=at_most).contains(&proofs), "{records}: {proofs}");
    }
}

#[tokio::test]
async fn an_unproven_reading_of_one_name_is_an_error() {
    let server = Scripted::start(|_| {
        Reply::json(&json!({"has_more": [false], "solutions": [
            {"id": "a", "name": "A", "version": "1", "owner": "o", "state": "ACTIVE"},
            {"id": "b", "name": "A", "owner": "o", "state": "INACTIVE"},
        ]}))
    })
    .await;
    let error = reader(&server).named(&name("A")).await.unwrap_err();
    assert!(
        matches!(
            &error,
            ReadError::Unproven {
                reason: Unproven::BadRecords { count: 1, .. },
                ..
            }
        ),
        "{error}"
    );
}

/// No version is INACTIVE at first, and lists without `state=` hide INACTIVE versions. After a
/// PATCH to INACTIVE the reader must list that state too.
#[tokio::test]
async fn versions_deactivated_by_this_apply_are_found() {
    let instance = {
        let mut instance = Instance::of(6);
        instance.stateless = Stateless::ShowsActive;
        for entry in &mut instance.entries {
            entry.state = "ACTIVE";
        }
        std::sync::Arc::new(std::sync::Mutex::new(instance))
    };
    let shared = std::sync::Arc::clone(&instance);
    let server = Scripted::start(move |asked| {
        let mut instance = shared.lock().unwrap();
        if asked.method == "PATCH" {
            instance.entries[0].state = "INACTIVE";
            return Reply::json(&json!({}));
        }
        instance.answer(asked)
    })
    .await;
    let reader = reader(&server);
    reader.collect(&whole()).await.unwrap();
    let patch = Patch {
        state: Some("INACTIVE"),
        visibility: None,
    };
    let id = SolutionId::parse("id-0").unwrap();
    Writer::new(&reader)
        .patch(&id, patch, PatchStyle::Query)
        .await
        .unwrap();
    assert_eq!(reader.named(&name("Solution 0")).await.unwrap().len(), 2);
}
