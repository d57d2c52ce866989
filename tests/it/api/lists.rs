//! Whole lists: every form of paging, every way to hide states, and the proof of completeness.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use solform::api::{Client, ListBounds, ListRequest, Needed, Reader, few_names};
use solform::job::RunFilter;
use solform::live::{Coverage, Unproven};

use super::{ids, name, names, reader, serve, settings, whole};
use crate::support::instance::{Form, Instance, Seen, Stateless};
use crate::support::scripted::{Reply, Scripted};

#[tokio::test]
async fn every_form_of_paging_is_read_to_its_end() {
    for form in Form::ALL {
        for size in [0, 1, 9, 10, 11, 20, 30, 57, 370] {
            let mut instance = Instance::of(size);
            instance.form = form;
            instance.cap = 10;
            let server = serve(&instance).await;
            let live = reader(&server).collect(&whole()).await.unwrap();
            assert_eq!(live.coverage(), &Coverage::Whole, "{form:?} {size}");
            assert_eq!(ids(&live), instance.ids(), "{form:?} {size}");
        }
    }
}

#[tokio::test]
async fn a_limit_that_is_refused_or_ignored_does_no_harm() {
    for greatest in [(500, 400), (50, 400), (500, 422), (500, 200), (0, 200)] {
        let mut instance = Instance::of(130);
        instance.greatest_limit = Some(greatest);
        let server = serve(&instance).await;
        let reader = reader(&server);
        let live = reader.collect(&whole()).await.unwrap();
        assert_eq!(live.coverage(), &Coverage::Whole, "{greatest:?}");
        assert_eq!(ids(&live), instance.ids(), "{greatest:?}");
        let before = server.count();
        reader.collect(&whole()).await.unwrap();
        let again = &server.asked()[before..];
        let limit = again[0].query.get("limit");
        assert!(
            again.iter().all(|asked| asked.query.get("limit") == limit),
            "{greatest:?}: the limit was learned"
        );
    }
}

#[tokio::test]
async fn pages_of_changing_size_are_read_one_by_one() {
    // The server fills its pages by weight: 10, 7, 10, 7 and so on.
    let instance = Instance::of(95);
    let shared = instance.clone();
    let server = Scripted::start(move |asked| {
        let offset: usize = asked
            .query
            .get("offset")
            .map_or(0, |text| text.parse().unwrap());
        let offset = offset.min(95);
        let size = if offset.is_multiple_of(17) { 10 } else { 7 };
        let mut part = shared.clone();
        part.entries = shared.entries[offset..(offset + size).min(95)].to_vec();
        let end = offset + part.entries.len();
        let solutions: Vec<_> = part
            .entries
            .iter()
            .map(|entry| {
                let (id, name, version) = (&entry.id, &entry.name, &entry.version);
                let state = &entry.state;
                json!({"id": id, "name": name, "version": version, "owner": "o", "state": state})
            })
            .collect();
        Reply::json(&shared.page(&solutions, end < 95, end))
    })
    .await;
    let live = reader(&server).collect(&whole()).await.unwrap();
    assert_eq!(live.coverage(), &Coverage::Whole);
    assert_eq!(ids(&live), instance.ids());
}

/// Records that the caller may not see are missing from pages, and one page is empty.
#[tokio::test]
async fn hidden_records_leave_short_pages() {
    // The server removes every third record from each page of ten.
    let server = Scripted::start(|asked| {
        let offset: usize = asked
            .query
            .get("offset")
            .map_or(0, |text| text.parse().unwrap());
        let end = (offset + 10).min(95);
        let solutions: Vec<_> = (offset..end)
            .filter(|index| index % 3 != 0 && !(40..50).contains(index))
            .map(|index| {
                let state = if index % 2 == 0 { "ACTIVE" } else { "INACTIVE" };
                json!({"id": index, "name": "N", "version": index, "owner": "o", "state": state})
            })
            .collect();
        let next = if end < 95 {
            i64::try_from(end).unwrap()
        } else {
            -1
        };
        Reply::json(&json!({"solutions": solutions, "has_more": [end < 95], "next_offset": [next]}))
    })
    .await;
    let live = reader(&server).collect(&whole()).await.unwrap();
    assert_eq!(live.coverage(), &Coverage::Whole);
    assert_eq!(live.versions().len(), 63 - 7);
}

/// If the server ignores `offset`, only its own `has_more: false` proves that the list is whole.
#[tokio::test]
async fn an_ignored_offset_needs_a_stated_end() {
    for (has_more, next, proven) in [
        (json!([false]), json!([-1]), true),
        (json!(false), json!(3), true),
        (json!(true), json!(3), false),
        (json!(null), json!(null), false),
        (json!([true]), json!([-1]), false),
    ] {
        let page = json!({"has_more": has_more, "next_offset": next, "solutions": [
            {"id": "a", "name": "A", "version": "1", "owner": "o", "state": "ACTIVE"},
            {"id": "b", "name": "B", "version": "1", "owner": "o", "state": "INACTIVE"},
            {"id": "c", "name": "C", "version": "1", "owner": "o", "state": "PRODUCTION"},
        ]});
        let server = Scripted::start(move |_| Reply::json(&page)).await;
        let live = reader(&server).collect(&whole()).await.unwrap();
        assert_eq!(ids(&live), ["a", "b", "c"]);
        match live.coverage() {
            Coverage::Whole => assert!(proven, "{has_more} {next}"),
            Coverage::Unproven(Unproven::NoCleanEnd { items: 3, .. }) => {
                assert!(!proven, "{has_more} {next}");
            }
            other => panic!("{has_more} {next}: {other:?}"),
        }
        assert!(server.count() < 20);
    }
}

/// The server announces no end and refuses to answer for the next offset.
#[tokio::test]
async fn a_refused_next_page_proves_nothing() {
    let server = Scripted::start(|asked| {
        if asked.query.contains_key("offset") {
            return Reply::text(400, "offset out of range");
        }
        Reply::json(&json!({"solutions": [{"id": "a", "name": "A", "version": "1", "owner": "o"}]}))
    })
    .await;
    let live = reader(&server).collect(&whole()).await.unwrap();
    let Coverage::Unproven(Unproven::NoCleanEnd { items: 1, detail }) = live.coverage() else {
        panic!("{:?}", live.coverage());
    };
    assert!(detail.contains("offset out of range"), "{detail}");
}

/// Serves a list of 25 records in pages of 10. Before the requests that `at` selects, a record is
/// added at the front.
async fn growing(at: fn(usize) -> bool) -> Scripted {
    let added = AtomicUsize::new(0);
    Scripted::start(move |asked| {
        if at(asked.nth) {
            added.fetch_add(1, Ordering::SeqCst);
        }
        let added = i64::try_from(added.load(Ordering::SeqCst)).unwrap();
        let mut instance = Instance::of(0);
        instance.cap = 10;
        instance.entries = (-added..25)
            .map(|index| crate::support::instance::Entry {
                id: format!("id{index}"),
                name: "N".to_owned(),
                version: format!("{index}"),
                state: if index % 2 == 0 { "ACTIVE" } else { "INACTIVE" },
                visibility: "PUBLIC",
            })
            .collect();
        instance.answer(asked)
    })
    .await
}

#[tokio::test]
async fn a_moving_list_is_read_at_most_three_times() {
    let settles = growing(|nth| nth == 1).await;
    let live = reader(&settles).collect(&whole()).await.unwrap();
    assert_eq!(live.coverage(), &Coverage::Whole);
    assert_eq!(live.versions().len(), 26);

    let moves = growing(|_| true).await;
    let live = reader(&moves).collect(&whole()).await.unwrap();
    assert_eq!(
        live.coverage(),
        &Coverage::Unproven(Unproven::Moving { attempts: 3 })
    );
}

#[tokio::test]
async fn hidden_states_are_requested_by_name() {
    for stateless in [
        Stateless::ShowsAll,
        Stateless::ShowsActive,
        Stateless::Refused(400),
        Stateless::Refused(422),
    ] {
        for knows_production in [true, false] {
            for size in [0, 1, 5, 64] {
                let mut instance = Instance::of(size);
                instance.cap = 10;
                instance.stateless = stateless;
                instance.knows_production = knows_production;
                if knows_production && size > 4 {
                    instance.entries[3].state = "PRODUCTION";
                }
                let server = serve(&instance).await;
                let reader = reader(&server);
                for _ in 0..2 {
                    let live = reader.collect(&whole()).await.unwrap();
                    assert_eq!(live.coverage(), &Coverage::Whole, "{stateless:?} {size}");
                    assert_eq!(ids(&live), instance.ids(), "{stateless:?} {size}");
                }
            }
        }
    }
}

/// If a list without `state=` shows no INACTIVE version, two lists by state prove that there is
/// none.
#[tokio::test]
async fn an_all_active_instance_costs_two_more_requests() {
    let mut instance = Instance::of(95);
    instance.cap = 10;
    for entry in &mut instance.entries {
        entry.state = "ACTIVE";
    }
    let server = serve(&instance).await;
    let live = reader(&server).collect(&whole()).await.unwrap();
    assert_eq!(live.coverage(), &Coverage::Whole);
    assert_eq!(ids(&live), instance.ids());
    let by_state = server
        .asked()
        .iter()
        .filter(|asked| asked.query.contains_key("state"))
        .count();
    assert_eq!(by_state, 2);
}

#[tokio::test]
async fn a_refusal_of_all_lists_is_the_error_of_the_first() {
    let server = Scripted::start(|asked| Reply::text(400, &format!("nth {}", asked.nth))).await;
    let error = reader(&server).collect(&whole()).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
    assert!(!error.url().contains("state="), "{error}");
}

/// A record without a name or owner makes the list unproven if it may be a requested one. A record
/// whose name no manifest can declare is only counted.
#[tokio::test]
async fn unreadable_records_block_and_odd_names_do_not() {
    let good = json!({"id": "a", "name": "A", "version": "1", "owner": "o", "state": "ACTIVE"});
    let good_too =
        json!({"id": "b", "name": "A", "version": "2", "owner": "o", "state": "INACTIVE"});
    let odd = json!({"id": "c", "name": "B\n", "version": "1", "owner": "o", "state": "ACTIVE"});
    let nameless = json!({"id": "d", "version": "1", "owner": "o"});
    let ownerless = json!({"id": "e", "name": "Z", "version": "1"});
    for (records, wanted, expected, unmanageable) in [
        (vec![&odd], None, "whole", 1),
        (vec![&nameless], None, "bad", 0),
        (vec![&ownerless], None, "bad", 0),
        (vec![&ownerless], Some(["A"]), "whole", 1),
        (vec![&ownerless], Some(["Z"]), "bad", 0),
        (vec![&nameless], Some(["A"]), "bad", 0),
        (vec![&odd, &ownerless], Some(["A"]), "whole", 2),
    ] {
        let mut solutions = vec![good.clone(), good_too.clone()];
        solutions.extend(records.iter().map(|record| (*record).clone()));
        let page = json!({"solutions": solutions, "has_more": [false], "next_offset": [-1]});
        let server = Scripted::start(move |_| Reply::json(&page)).await;
        let wanted = wanted.map(|wanted| names(&wanted));
        // Only some names are requested, or everything, and only some names are declared.
        for request in [
            ListRequest {
                names: wanted.clone(),
                ..ListRequest::default()
            },
            ListRequest {
                needs: Box::new(|name| {
                    let wanted = wanted.as_ref();
                    Needed::records_if(wanted.is_none_or(|wanted| wanted.contains(name)))
                }),
                ..ListRequest::default()
            },
        ] {
            let live = reader(&server).collect(&request).await.unwrap();
            let found = match live.coverage() {
                Coverage::Whole => "whole",
                Coverage::Unproven(Unproven::BadRecords { count: 1, .. }) => "bad",
                other => panic!("{other:?}"),
            };
            assert_eq!(found, expected, "{records:?}");
            assert_eq!(ids(&live), ["a", "b"]);
            assert_eq!(live.unmanageable().len(), unmanageable, "{records:?}");
        }
    }
}

#[tokio::test]
async fn visibility_lists_are_read_only_if_needed() {
    for (seen, requests, expected) in [
        (Seen::InRecords, 1, ["PUBLIC", "PRIVATE", "PENDING_REVIEW"]),
        (Seen::ByFilter, 4, ["PUBLIC", "PRIVATE", "PENDING_REVIEW"]),
        (Seen::NoPending, 4, ["PUBLIC", "PRIVATE", "unknown"]),
        (Seen::FilterIgnored, 4, ["unknown"; 3]),
    ] {
        let mut instance = Instance::of(8);
        instance.seen = seen;
        let server = serve(&instance).await;
        let reader = reader(&server);
        let mut request = whole();
        let first = names(&["Solution 0", "Solution 1", "Solution 2", "Solution 3"]);
        request.needs = Box::new(move |name| {
            if first.contains(name) {
                Needed::Visibility
            } else {
                Needed::Records
            }
        });
        let live = reader.collect(&request).await.unwrap();
        assert_eq!(server.count(), requests, "{seen:?}");
        let word = |id: &str| {
            let version = live
                .versions()
                .iter()
                .find(|version| version.id.as_str() == id);
            version
                .unwrap()
                .visibility
                .as_ref()
                .map_or("unknown".to_owned(), ToString::to_string)
        };
        assert_eq!(
            [word("id-0"), word("id-1"), word("id-3")],
            expected,
            "{seen:?}"
        );
        // Not requested: the visibility is not read.
        let live = reader.collect(&whole()).await.unwrap();
        assert_eq!(server.count(), requests + 1);
        // A single version.
        let lone = &live.versions()[0];
        assert_eq!(lone.id.as_str(), "id-0");
        let word = reader.visibility_of(lone).await.unwrap();
        assert_eq!(
            word.map_or("unknown".to_owned(), |word| word.to_string()),
            expected[0]
        );
    }
}

#[tokio::test]
async fn a_big_instance_needs_few_extra_requests() {
    let instance = Instance::of(10_000);
    let server = serve(&instance).await;
    let live = reader(&server).collect(&whole()).await.unwrap();
    assert_eq!(live.coverage(), &Coverage::Whole);
    assert_eq!(live.versions().len(), 10_000);
    assert!(server.count() <= 101 + 20, "{}", server.count());
}

#[tokio::test]
async fn a_record_twice_on_one_page_counts_once() {
    let shown =
        |state: &str| json!({"id": "a", "name": "A", "version": "1", "owner": "o", "state": state});
    let other = json!({"id": "b", "name": "B", "version": "1", "owner": "o", "state": "INACTIVE"});
    for (again, expected) in [
        ("ACTIVE", Coverage::Whole),
        // Two states of one record in a single answer contradict each other.
        (
            "INACTIVE",
            Coverage::Unproven(Unproven::Moving { attempts: 3 }),
        ),
    ] {
        let page = json!({
            "has_more": [false], "next_offset": [-1],
            "solutions": [shown("ACTIVE"), other.clone(), shown(again)],
        });
        let server = Scripted::start(move |_| Reply::json(&page)).await;
        let live = reader(&server).collect(&whole()).await.unwrap();
        assert_eq!(live.coverage(), &expected);
        assert_eq!(ids(&live).len(), if again == "ACTIVE" { 2 } else { 0 });
    }
}

/// A listing that was started early serves a request for everything or for many names. A request
/// for a few names is answered by lists by name.
#[tokio::test]
async fn a_prefetched_listing_serves_a_whole_request() {
    let instance = Instance::of(1_300);
    let few = names(&["Solution 1", "Solution 7"]);
    let many = (0..650).map(|number| name(&format!("Solution {number}")));
    for (requested, expected) in [
        (None, instance.ids().len()),
        (few_names(many), instance.ids().len()),
        (Some(few.clone()), 4),
    ] {
        let server = serve(&instance).await;
        let reader = reader(&server);
        let pending = reader.start_listing();
        // The listing starts before `collect_from` requests it.
        while server.count() == 0 {
            tokio::task::yield_now().await;
        }
        let request = ListRequest {
            names: requested,
            ..whole()
        };
        let early = reader.collect_from(pending, &request).await.unwrap();
        let live = early.confirmed().await.unwrap().unwrap();
        assert_eq!(ids(&live).len(), expected);
        let openings = |asked: &&crate::support::scripted::Asked| {
            !asked.query.contains_key("offset") && !asked.query.contains_key("name")
        };
        let count = server.asked().iter().filter(openings).count();
        if expected == 4 {
            assert_eq!(live.coverage(), &Coverage::Names(few.clone()));
        } else {
            assert_eq!(live.coverage(), &Coverage::Whole);
            // The first page is read at the beginning, and again for the proof.
            assert_eq!(count, 2);
        }
    }
}

/// The listing is confirmed only if a second read of its first page shows the same records.
#[tokio::test]
async fn a_prefetched_listing_is_confirmed_by_page_one() {
    for moves in [false, true] {
        let openings = AtomicUsize::new(0);
        let server = Scripted::start(move |asked| {
            if !asked.query.contains_key("offset") {
                openings.fetch_add(1, Ordering::SeqCst);
            }
            // A record is added before the second read of the first page.
            let is_later = moves && openings.load(Ordering::SeqCst) > 1;
            let mut instance = Instance::of(if is_later { 26 } else { 25 });
            instance.cap = 10;
            if is_later {
                instance.entries.rotate_right(1);
            }
            instance.answer(asked)
        })
        .await;
        let reader = reader(&server);
        let early = reader
            .collect_from(reader.start_listing(), &whole())
            .await
            .unwrap();
        assert_eq!(early.unconfirmed().versions().len(), 25);
        let confirmed = early.confirmed().await.unwrap();
        assert_eq!(confirmed.is_some(), !moves);
        let live = reader.collect(&whole()).await.unwrap();
        assert_eq!(live.coverage(), &Coverage::Whole);
        assert_eq!(live.versions().len(), if moves { 26 } else { 25 });
    }
}

/// The number of declared names suggests many pages, but the server announces none: none is read
/// ahead.
#[tokio::test]
async fn a_list_without_paging_keys_is_not_overread() {
    let record = json!({"id": "a", "name": "A", "version": "1", "owner": "o", "state": "ACTIVE"});
    let page = json!({"solutions": [record]});
    let server = Scripted::start(move |_| Reply::json(&page)).await;
    let request = ListRequest {
        expected: Some(1_000),
        ..whole()
    };
    let live = reader(&server).collect(&request).await.unwrap();
    assert!(matches!(live.coverage(), Coverage::Unproven(_)));
    // Each read requests one page beyond the end.
    assert!(server.count() <= 6, "{}", server.count());
}

/// A page: its records, `has_more` and `next_offset`.
type Paged = (std::ops::Range<usize>, Value, Value);

/// A server of 130 records with its own way of paging.
struct Pager {
    what: &'static str,
    /// The page from an offset with a limit, for the nth request: its records, `has_more` and
    /// `next_offset`.
    page: fn(usize, usize, usize) -> Paged,
    /// True if the list is proven, with all records.
    is_whole: bool,
    /// The maximum number of requests.
    most: usize,
}

/// Returns the page of a server that accepts a limit of at most 50.
fn clamped(offset: usize) -> std::ops::Range<usize> {
    offset.min(130)..(offset + 50).min(130)
}

const PAGERS: &[Pager] = &[
    Pager {
        what: "clamps and announces by the requested limit",
        page: |offset, limit, _| {
            let more = offset + 50 < 130;
            (
                clamped(offset),
                json!([more]),
                json!([if more { offset + limit } else { 0 }]),
            )
        },
        is_whole: true,
        most: 12,
    },
    Pager {
        what: "clamps and always announces by the limit",
        page: |offset, limit, _| {
            (
                clamped(offset),
                json!(offset + 50 < 130),
                json!(offset + limit),
            )
        },
        is_whole: true,
        most: 12,
    },
    Pager {
        what: "clamps and computes everything by the requested limit",
        page: |offset, limit, _| {
            let more = offset + limit < 130;
            let next = if more {
                json!(offset + limit)
            } else {
                json!(-1)
            };
            (clamped(offset), json!(more), next)
        },
        is_whole: true,
        most: 12,
    },
    Pager {
        what: "clamps, announces by the limit, and never ends",
        page: |offset, limit, _| (clamped(offset), json!(true), json!(offset + limit)),
        is_whole: false,
        most: 150,
    },
    Pager {
        what: "clamps and announces no offset",
        page: |offset, _, _| (clamped(offset), json!(offset + 50 < 130), json!(null)),
        is_whole: true,
        most: 12,
    },
    Pager {
        what: "says nothing but a huge offset",
        page: |offset, _, _| (clamped(offset), json!(null), json!(i64::MAX)),
        is_whole: true,
        most: 14,
    },
    Pager {
        what: "announces a number without a meaning",
        page: |offset, _, _| (clamped(offset), json!("true"), json!([1e300])),
        is_whole: true,
        most: 14,
    },
    Pager {
        what: "announces an offset behind the page, as a text",
        page: |offset, _, _| {
            let more = offset + 50 < 130;
            (
                clamped(offset),
                json!([more.to_string()]),
                json!(offset.to_string()),
            )
        },
        is_whole: true,
        most: 14,
    },
    Pager {
        what: "announces pages that overlap",
        page: |offset, _, _| {
            (
                clamped(offset),
                json!(offset + 50 < 130),
                json!(offset + 45),
            )
        },
        is_whole: true,
        most: 14,
    },
    Pager {
        what: "shows more than it counts",
        page: |offset, limit, _| {
            let end = (offset + limit + 7).min(130);
            (
                offset.min(130)..end,
                json!(end < 130),
                json!(offset + limit),
            )
        },
        is_whole: true,
        most: 14,
    },
    Pager {
        what: "ignores the offset and counts by the limit",
        page: |offset, limit, _| (clamped(0), json!(true), json!(offset + limit)),
        is_whole: false,
        most: 20,
    },
    Pager {
        what: "has an empty page in the middle once",
        page: |offset, _, nth| {
            let more = json!(offset + 50 < 130);
            if nth == 1 {
                return (0..0, json!(true), json!(offset + 50));
            }
            (clamped(offset), more, json!(offset + 50))
        },
        is_whole: true,
        most: 14,
    },
];

#[tokio::test]
async fn no_way_of_paging_loses_records() {
    for pager in PAGERS {
        for (size, reads) in [(1000, 10), (1000, 1)] {
            let page = pager.page;
            let server = Scripted::start(move |asked| {
                let number = |key: &str| asked.query.get(key).map(|text| text.parse().unwrap());
                let limit: usize = number("limit").unwrap_or(20);
                let offset: usize = number("offset").unwrap_or(0);
                let (records, has_more, next_offset) = page(offset, limit, asked.nth);
                let solutions: Vec<Value> = records.map(record_of).collect();
                Reply::json(&json!({
                    "solutions": solutions, "has_more": has_more, "next_offset": next_offset,
                }))
            })
            .await;
            let mut settings = settings(&server);
            settings.reads_at_once = reads;
            let reader = Reader::new(Client::new(settings).unwrap());
            let live = reader.collect(&whole()).await.unwrap();
            let what = format!("{}, {size}, {reads}: {:?}", pager.what, live.coverage());
            let is_whole = live.coverage() == &Coverage::Whole;
            assert_eq!(is_whole, pager.is_whole, "{what}");
            if is_whole {
                assert_eq!(live.versions().len(), 130, "{what}");
            }
            assert!(
                server.count() <= pager.most + 2 * reads,
                "{what}: {}",
                server.count()
            );
        }
    }
}

fn record_of(index: usize) -> Value {
    let state = if index.is_multiple_of(2) {
        "ACTIVE"
    } else {
        "INACTIVE"
    };
    let id = format!("id-{index}");
    json!({"id": id, "name": "N", "version": index, "owner": "o", "state": state})
}

/// States and times may change while a list is read; the records and their order may not.
#[tokio::test]
async fn the_first_page_read_again_must_show_the_same_ids() {
    for (second, is_whole) in [
        (json!([["a", "INACTIVE"], ["b", "ACTIVE"]]), true),
        (json!([["b", "ACTIVE"], ["a", "ACTIVE"]]), false),
        (json!([["a", "ACTIVE"]]), false),
        (json!([["a", "ACTIVE"], ["c", "ACTIVE"]]), false),
    ] {
        let show = |records: &Value, offset: usize| {
            let solutions: Vec<Value> = records
                .as_array()
                .unwrap()
                .iter()
                .map(|record| {
                    json!({"id": record[0], "name": "N", "version": record[0], "owner": "o",
                        "state": record[1], "updatedAtMs": offset})
                })
                .collect();
            Reply::json(&json!({"solutions": solutions, "has_more": offset == 0, "next_offset": 2}))
        };
        let again = second.clone();
        let server = Scripted::start(move |asked| {
            let offset = asked
                .query
                .get("offset")
                .map_or(0, |text| text.parse().unwrap());
            match (offset, asked.nth) {
                (0, 0) => show(&json!([["a", "ACTIVE"], ["b", "ACTIVE"]]), 0),
                (0, _) => show(&again, 0),
                _ => show(&json!([["z", "INACTIVE"]]), offset),
            }
        })
        .await;
        let mut settings = settings(&server);
        settings.reads_at_once = 1;
        let reader = Reader::new(Client::new(settings).unwrap());
        let live = reader.collect(&whole()).await.unwrap();
        if is_whole {
            assert_eq!(live.coverage(), &Coverage::Whole, "{second}");
        }
        let firsts = server.asked();
        let firsts = firsts
            .iter()
            .filter(|asked| !asked.query.contains_key("offset"));
        assert_eq!(firsts.count() == 2, is_whole, "{second}: it is read again");
    }
}

#[tokio::test]
async fn an_endless_list_is_an_error_that_names_the_bound() {
    for (records, bytes, bound) in [
        (500, u64::MAX, "the list is longer than 500 records"),
        (u64::MAX, 20_000, "the list is longer than 20000 bytes"),
    ] {
        let server = Scripted::start(move |asked| {
            let offset = asked
                .query
                .get("offset")
                .map_or(0, |text| text.parse().unwrap());
            let solutions: Vec<Value> = (offset..offset + 50).map(record_of).collect();
            let jobs: Vec<Value> = (offset..offset + 50)
                .map(|nth| json!({ "id": nth }))
                .collect();
            Reply::json(&json!({
                "solutions": solutions, "jobs": jobs, "has_more": true, "next_offset": offset + 50,
            }))
        })
        .await;
        let mut settings = settings(&server);
        settings.list_bounds = ListBounds { records, bytes };
        let reader = Reader::new(Client::new(settings).unwrap());
        let error = reader.collect(&whole()).await.unwrap_err().to_string();
        assert!(error.contains(bound), "{error}");
        assert!(server.count() < 40, "{}", server.count());
        let error = reader
            .runs(&RunFilter::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(bound), "{error}");
    }
    assert_eq!(
        (ListBounds::default().records, ListBounds::default().bytes),
        (2_000_000, 4 << 30)
    );
}
