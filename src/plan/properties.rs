//! The properties of each plan, for any manifest and any live state.
//!
//! The sets of names, versions and owners are small, so that conflicts are frequent.

use std::collections::BTreeSet;
use std::num::NonZeroI64;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::simulator::{End, Run, Server, reported};
use super::testing::{IB, Scenario, declared, identity, live, scenario};
use super::{Action, Change, DiffOptions, Mode, Note, Plan, PlanOptions, SavedPlan, Selector};
use crate::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use crate::ident::{Address, Identity};
use crate::live::LiveVersion;
use crate::manifest::{Desired, Glob, SupersededPolicy, Undeclared};

const VERSIONS: [&str; 4] = ["1", "2", "10", "1.0"];
const OWNERS: [&str; 4] = ["svc", "me", IB, "stranger"];

/// The texts of a scenario that users choose.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    /// The names of the solutions.
    pub(crate) names: [String; 2],
    /// The owner of unmanaged versions.
    pub(crate) unmanaged: String,
    /// The server's word for a state and for a visibility.
    pub(crate) word: String,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            names: ["Form", "Paystub"].map(str::to_owned),
            unmanaged: OWNERS[3].to_owned(),
            word: "ODD".to_owned(),
        }
    }
}

impl Texts {
    fn owners(&self) -> Vec<String> {
        let known = OWNERS[..3].iter().map(|owner| (*owner).to_owned());
        known.chain([self.unmanaged.clone()]).collect()
    }
}

fn any_identity() -> impl Strategy<Value = String> {
    any_identity_of(&Texts::default())
}

fn any_identity_of(texts: &Texts) -> impl Strategy<Value = String> + use<> {
    (
        select(texts.owners()),
        select(texts.names.to_vec()),
        select(&VERSIONS[..]),
    )
        .prop_map(|(owner, name, version)| format!("{owner}:{name}@{version}"))
}

fn any_visibility() -> impl Strategy<Value = Option<Visibility>> {
    proptest::option::of(select(&Visibility::ALL[..]))
}

fn any_policy() -> impl Strategy<Value = SupersededPolicy> {
    select(vec![
        SupersededPolicy::Keep,
        SupersededPolicy::Deactivate,
        SupersededPolicy::Delete,
    ])
}

fn any_entry(texts: &Texts) -> impl Strategy<Value = Desired> + use<> {
    let state = select(vec![
        State::Active,
        State::Active,
        State::Inactive,
        State::Absent,
    ]);
    let retain = proptest::option::of(0_usize..3);
    (
        any_identity_of(texts),
        state,
        any_visibility(),
        any_policy(),
        retain,
    )
        .prop_map(|(text, state, visibility, policy, retain)| {
            let entry = declared(&text).state(state).superseding(policy, retain);
            Desired {
                visibility,
                ..entry
            }
        })
}

fn any_version(texts: &Texts) -> impl Strategy<Value = LiveVersion> + use<> {
    let words = |known: &[&str]| {
        let known = known.iter().map(|word| (*word).to_owned());
        select(known.chain([texts.word.clone()]).collect::<Vec<_>>())
    };
    let state = words(&[
        "ACTIVE",
        "ACTIVE",
        "ACTIVE",
        "INACTIVE",
        "INACTIVE",
        "PRODUCTION",
    ]);
    let visibility =
        proptest::option::of(words(&["PRIVATE", "PRIVATE", "PUBLIC", "PENDING_REVIEW"]));
    let created = proptest::option::of(1_i64..4);
    (
        any_identity_of(texts),
        state,
        visibility,
        select(texts.owners()),
        created,
    )
        .prop_map(|(text, state, visibility, author, created)| LiveVersion {
            visibility: visibility.as_deref().map(LiveVisibilityWord::new),
            created_at_ms: created.and_then(NonZeroI64::new),
            ..live(&text).state(&state).by(&author)
        })
}

pub(super) fn any_scenario() -> impl Strategy<Value = Scenario> {
    any_scenario_of(&Texts::default())
}

/// Generates scenarios with these names and words.
pub(crate) fn any_scenario_of(texts: &Texts) -> impl Strategy<Value = Scenario> + use<> {
    let first = Glob::literal(&texts.names[0]).to_string();
    let environment = (
        proptest::option::of(select(vec!["me", "svc"])),
        subsequence(OWNERS[..3].to_vec(), 1..=3),
        select(vec![
            Undeclared::Ignore,
            Undeclared::Deactivate,
            Undeclared::Delete,
        ]),
        proptest::option::weighted(
            0.3,
            select(vec![
                format!("{first}@1"),
                format!("{first}@*"),
                format!("me:{first}@2"),
                "IB_DEPLOYED:*".to_owned(),
            ]),
        ),
        select(vec!["*".to_owned(), "*".to_owned(), first]),
    );
    let entries = proptest::collection::vec(any_entry(texts), 0..6);
    let versions =
        proptest::collection::vec((any_version(texts), proptest::bool::weighted(0.2)), 0..9);
    (environment, entries, versions).prop_map(|(environment, entries, versions)| {
        let (user, owners, undeclared, protect, names) = environment;
        let mut made = scenario()
            .manage(&owners)
            .manage_names(&[&names])
            .undeclared(undeclared);
        if let Some(user) = user {
            made = made.user(user);
        }
        if let Some(pattern) = protect {
            made = made.protect(&pattern);
        }
        let mut seen = BTreeSet::new();
        let scope = made.manifest.scope.clone();
        let entries: Vec<Desired> = entries
            .into_iter()
            .filter(|entry| scope.contains(&entry.identity))
            // A manifest contains one owner for each version.
            .filter(|entry| {
                let Identity { name, version, .. } = &entry.identity;
                seen.insert((name.clone(), version.clone()))
            })
            .collect();
        // The ids do not follow the order of the identities.
        let versions = versions
            .into_iter()
            .enumerate()
            .map(|(number, (version, is_deployed))| {
                let version = version.id(&format!("{}-{number}", (number * 7) % 10));
                (version, is_deployed)
            });
        versions.fold(made.declare(entries), |made, (version, is_deployed)| {
            let made = if is_deployed {
                made.deployed(&version)
            } else {
                made
            };
            made.live([version])
        })
    })
}

pub(super) fn any_server() -> impl Strategy<Value = Server> {
    (any::<[bool; 3]>(), select(&Visibility::ALL[..])).prop_map(
        |([hides_visibility, reviews, moves_owner], deploys)| Server {
            hides_visibility,
            reviews,
            moves_owner,
            deploys,
        },
    )
}

/// Returns the scenario as the server reports it, without blocked versions.
fn seen_by(mut scenario: Scenario, server: Server) -> Scenario {
    if server.hides_visibility {
        scenario.live = scenario
            .live
            .iter()
            .map(|live| reported(server, live))
            .collect();
    }
    scenario
}

pub(super) fn is_blocked(plan: &Plan) -> bool {
    plan.changes.iter().any(|change| !change.blocked.is_empty())
}

/// Returns whether a delete leaves a record of the other owner: the next plan shows it, blocked.
fn leaves_records(plan: &Plan) -> bool {
    let is_left = |note: &Note| matches!(note, Note::RecordsOfOtherOwner { .. });
    plan.to_do().any(|change| change.notes.iter().any(is_left))
}

fn to_do(plan: &Plan) -> Vec<&Change> {
    plan.changes
        .iter()
        .filter(|change| !change.is_no_op())
        .collect()
}

/// Returns the same scenario with only known words, and without pending reviews.
fn plain(mut scenario: Scenario) -> Scenario {
    for version in &mut scenario.live {
        match version.visibility {
            Some(LiveVisibilityWord::Public | LiveVisibilityWord::Private) => {}
            Some(LiveVisibilityWord::PendingReview | LiveVisibilityWord::Other(_)) | None => {
                version.visibility = Some(LiveVisibilityWord::Private);
            }
        }
        if let LiveStateWord::Other(_) = version.state {
            version.state = LiveStateWord::Inactive;
        }
    }
    scenario
}

/// Adds `--replace` of one declared version, if possible.
pub(crate) fn replacing(mut scenario: Scenario, choice: usize) -> Scenario {
    let count = scenario.manifest.desired.len();
    if count > 0 {
        let entry = &scenario.manifest.desired[choice % count];
        let other = &scenario.manifest.desired[(choice / 7) % count];
        scenario.options.replace =
            vec![entry.identity.full_address(), other.identity.full_address()];
        if scenario.try_plan().is_err() {
            scenario.options.replace.pop();
        }
        if scenario.try_plan().is_err() {
            scenario.options.replace.clear();
        }
    }
    scenario
}

fn json_of(plan: Plan) -> String {
    SavedPlan::new(plan, Vec::new(), PlanOptions::default(), "id".to_owned(), 0).to_json()
}

// 256 cases each, unless `PROPTEST_CASES` is set.
proptest! {
    #![proptest_config(ProptestConfig {
        max_global_rejects: 1_000_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_plan_accounts_for_everything_once(
        scenario in any_scenario(),
        destroy: bool,
        choice: usize,
    ) {
        let scenario = if destroy { scenario.destroy() } else { replacing(scenario, choice) };
        let plan = scenario.plan();
        let changes = plan.changes.iter();
        let addresses: BTreeSet<&Address> = changes.map(|change| &change.address).collect();
        prop_assert_eq!(addresses.len(), plan.changes.len(), "addresses are unique");
        let changes = plan.changes.iter();
        let records: Vec<_> = changes.filter_map(|change| change.action.before()).collect();
        let ids: BTreeSet<_> = records.iter().map(|before| &before.id).collect();
        prop_assert_eq!(ids.len(), records.len(), "a record is in one change");
        prop_assert_eq!(plan.unmanaged + records.len(), scenario.live.len());
        for change in &plan.changes {
            prop_assert!(change.waits_for.iter().all(|address| addresses.contains(address)));
            let waits: BTreeSet<&Address> = change.waits_for.iter().collect();
            prop_assert_eq!(waits.len(), change.waits_for.len(), "each wait once");
            prop_assert!(!change.waits_for.contains(&change.address));
            if change.action.kind() == super::ActionKind::Update {
                prop_assert!(change.patches() != "");
            }
        }
        if plan.mode == Mode::Converge {
            let version = |identity: &Identity| (identity.name.clone(), identity.version.clone());
            let changes = plan.changes.iter();
            let planned: BTreeSet<_> = changes.map(|change| version(&change.identity)).collect();
            let mut desired = scenario.manifest.desired.iter();
            prop_assert!(desired.all(|entry| planned.contains(&version(&entry.identity))));
        } else {
            let desired = &scenario.manifest.desired;
            let is_declared = |change: &Change| desired.iter().any(|entry| {
                entry.identity.name == change.identity.name
                    && entry.identity.version == change.identity.version
            });
            prop_assert!(to_do(&plan).into_iter().all(is_declared));
        }
    }

    #[test]
    fn equal_inputs_give_equal_bytes(
        (scenario, shuffled) in any_scenario().prop_flat_map(|scenario| {
            let live = Just(scenario.live.clone()).prop_shuffle();
            (Just(scenario), live)
        }),
        choice: usize,
    ) {
        let scenario = replacing(scenario, choice);
        let other = Scenario { live: shuffled, ..scenario.clone() };
        let (left, right) = (scenario.plan(), other.plan());
        prop_assert_eq!(format!("{left:?}"), format!("{right:?}"));
        prop_assert_eq!(json_of(left), json_of(right));
    }

    #[test]
    fn a_saved_plan_is_read_back_unchanged(scenario in any_scenario(), choice: usize) {
        let plan = replacing(scenario, choice).plan();
        let saved = SavedPlan::new(plan, Vec::new(), PlanOptions::default(), "id".to_owned(), 7);
        let read = SavedPlan::from_json(&saved.to_json()).unwrap();
        prop_assert_eq!(read, saved);
    }

    /// No protected version is changed and no name goes out of service, with any faults in any
    /// order. The simulator asserts both.
    #[test]
    fn each_intermediate_state_is_safe(
        scenario in any_scenario(),
        server in any_server(),
        (seed, faults, choice) in (any::<u64>(), 0_u8..8, any::<usize>()),
    ) {
        let scenario = replacing(seen_by(scenario, server), choice);
        let plan = scenario.plan();
        prop_assume!(!is_blocked(&plan));
        let (ends, _) = Run::new(&scenario, &plan, server, seed).failing(faults).finish();
        prop_assert_eq!(ends.len(), to_do(&plan).len(), "every change has one end");
    }

    #[test]
    fn destroying_is_safe_and_complete(scenario in any_scenario(), seed: u64) {
        let scenario = scenario.destroy();
        let plan = scenario.plan();
        prop_assume!(!is_blocked(&plan) && !leaves_records(&plan));
        let (ends, live) = Run::new(&scenario, &plan, Server::PLAIN, seed).finish();
        prop_assert!(ends.values().all(|end| *end == End::Done), "{:?}", ends);
        Scenario { live, ..scenario }.expect_nothing();
    }

    /// If nothing is hidden, the whole plan is done, and the next plan is empty.
    #[test]
    fn a_plan_after_its_apply_is_empty(
        scenario in any_scenario(),
        deploys in select(&Visibility::ALL[..]),
        (seed, choice) in (any::<u64>(), any::<usize>()),
    ) {
        let scenario = replacing(plain(scenario), choice);
        let plan = scenario.plan();
        prop_assume!(!is_blocked(&plan) && !leaves_records(&plan));
        let server = Server { deploys, ..Server::PLAIN };
        let (ends, live) = Run::new(&scenario, &plan, server, seed).finish();
        prop_assert!(ends.values().all(|end| *end == End::Done), "{:?} of {:#?}", ends, plan);
        Scenario { live, options: DiffOptions::default(), ..scenario }.expect_nothing();
    }

    /// On any server, a change that is done is not planned again.
    #[test]
    fn done_changes_are_not_planned_again(
        scenario in any_scenario(),
        server in any_server(),
        (seed, choice) in (any::<u64>(), any::<usize>()),
    ) {
        // A manifest in which two owners' versions would exchange owners gets a warning.
        let server = Server { moves_owner: false, ..server };
        let scenario = replacing(seen_by(scenario, server), choice);
        let plan = scenario.plan();
        prop_assume!(!is_blocked(&plan));
        let (ends, live) = Run::new(&scenario, &plan, server, seed).finish();
        let options = DiffOptions::default();
        let again = seen_by(Scenario { live, options, ..scenario }, server).plan();
        // After a delete, the short address may name another record of the version. Only a deploy
        // makes a new record.
        let is_same = |first: &Change, second: &Change| {
            let is_other = match (&first.action, second.action.before()) {
                (Action::Delete { before } | Action::Update { before, .. }, Some(now)) => {
                    now.id != before.id
                }
                _ => false,
            };
            first.identity == second.identity && !is_other
        };
        for change in to_do(&again) {
            let before = plan.changes.iter().filter(|first| is_same(first, change));
            let mut ends = before.filter_map(|first| ends.get(&first.address));
            prop_assert!(ends.all(|end| *end != End::Done), "{:?}", change);
        }
    }

    /// A change of visibility that also changes the owner is followed, and the next plan is empty.
    #[test]
    fn a_moved_owner_is_followed(
        scenario in any_scenario(),
        user in select(vec!["me", "svc"]),
        seed: u64,
    ) {
        let mut scenario = plain(scenario).user(user).manage(&["svc", "me", IB]);
        for version in &mut scenario.live {
            version.author = Some(user.into());
        }
        // For each version, one of the two owners is declared and live.
        let mut taken = BTreeSet::new();
        let other = if user == "me" { "svc" } else { "me" };
        let is_first = |identity: &Identity, taken: &mut BTreeSet<_>| {
            let key = (identity.name.clone(), identity.version.clone());
            identity.owner.as_str() != other && taken.insert(key)
        };
        scenario.live.retain(|version| is_first(&version.identity, &mut taken));
        taken.clear();
        scenario.manifest.desired.retain(|entry| is_first(&entry.identity, &mut taken));
        let plan = scenario.plan();
        prop_assume!(!is_blocked(&plan));
        let server = Server { moves_owner: true, ..Server::PLAIN };
        let (ends, live) = Run::new(&scenario, &plan, server, seed).finish();
        prop_assert!(ends.values().all(|end| *end == End::Done), "{:?} of {:#?}", ends, plan);
        Scenario { live, ..scenario }.expect_nothing();
    }

    /// Faults cause delays. A later apply can always finish the rest.
    #[test]
    fn repeated_applies_end(
        scenario in any_scenario(),
        server in any_server(),
        (seed, faults) in (any::<u64>(), 1_u8..9),
    ) {
        let mut scenario = seen_by(scenario, server);
        let mut rounds = 0;
        loop {
            let plan = scenario.plan();
            prop_assume!(!is_blocked(&plan));
            let faults = if rounds < 2 { faults } else { 0 };
            let run = Run::new(&scenario, &plan, server, seed ^ rounds).failing(faults);
            let (ends, live) = run.finish();
            if rounds >= 2 && ends.values().all(|end| *end != End::Done && *end != End::Failed) {
                break;
            }
            rounds += 1;
            prop_assert!(rounds < 12, "no end: {:#?}", plan);
            scenario = seen_by(Scenario { live, ..scenario }, server);
        }
    }

    #[test]
    fn a_selection_is_a_closed_part_of_the_plan(
        scenario in any_scenario(),
        choice: usize,
        targets in proptest::collection::vec(any_identity(), 0..3),
        excludes in proptest::collection::vec(any_identity(), 0..2),
        (server, seed, faults) in (any_server(), any::<u64>(), 0_u8..4),
    ) {
        let scenario = replacing(seen_by(scenario, server), choice);
        let whole = scenario.plan();
        let is_known = |text: &String| {
            let wanted = identity(text);
            scenario.manifest.desired.iter().any(|entry| entry.identity == wanted)
                || scenario.live.iter().any(|version| version.identity == wanted)
        };
        let selectors = |texts: &[String]| -> Vec<Selector> {
            texts.iter().filter(|text| is_known(text)).map(|text| Selector::new(text)).collect()
        };
        let mut chosen = scenario.clone();
        chosen.options.targets = selectors(&targets);
        chosen.options.excludes = selectors(&excludes);
        let part = chosen.plan();
        prop_assert_eq!(part.left_out + part.changes.len(), whole.changes.len());
        let kept: BTreeSet<&Address> = part.changes.iter().map(|change| &change.address).collect();
        for change in &part.changes {
            let same = whole.at(change.address.as_str());
            prop_assert_eq!(change, same, "a selection changes nothing");
            prop_assert!(change.waits_for.iter().all(|address| kept.contains(address)));
            prop_assert!(!chosen.options.excludes.iter().any(|one| one.selects(&change.identity)));
        }
        if chosen.options.excludes.is_empty() {
            for change in &whole.changes {
                let mut targets = chosen.options.targets.iter();
                let is_asked = targets.any(|one| one.selects(&change.identity));
                prop_assert!(!is_asked || kept.contains(&change.address));
            }
        }
        prop_assume!(!is_blocked(&part));
        Run::new(&chosen, &part, server, seed).failing(faults).finish();
    }

    /// Sorting the plan would panic if the order were not total.
    #[test]
    fn versions_are_totally_ordered(texts in proptest::collection::vec("[0-9a.-]{1,4}", 3)) {
        use std::cmp::Ordering;
        let versions: Vec<_> = texts
            .iter()
            .map(|text| crate::ident::Version::parse(text).unwrap())
            .collect();
        let [a, b, c] = &versions[..] else { unreachable!() };
        prop_assert_eq!(a.natural_cmp(b), b.natural_cmp(a).reverse());
        if a.natural_cmp(b) != Ordering::Greater && b.natural_cmp(c) != Ordering::Greater {
            prop_assert!(a.natural_cmp(c) != Ordering::Greater, "{:?}", texts);
        }
    }
}
