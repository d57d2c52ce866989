//! Random instances and manifests, through the whole program and over the socket: after an apply
//! the plan is empty, unmanaged versions are unchanged, and no protected version is missing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use solform_emulator::Emulator;

use crate::support::TestEnv;
use crate::support::sweep::hold_for_seeds;
use crate::support::worlds::{Version, env_with, manifest_with, path_of, seed, start};

/// A random live version, from a few names, versions and owners.
#[derive(Debug, Clone)]
struct Drawn {
    name: usize,
    version: usize,
    owner: usize,
    is_active: bool,
    is_public: bool,
}

/// A declared version.
#[derive(Debug, Clone)]
struct Wanted {
    state: &'static str,
    visibility: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct Case {
    live: Vec<Drawn>,
    wanted: BTreeMap<(usize, usize), Wanted>,
    superseded: &'static str,
    undeclared: &'static str,
    protects: bool,
    knob: &'static str,
}

const NAMES: [&str; 3] = ["Form W-2", "Pay@stub", "Ünïcode"];
const VERSIONS: [&str; 3] = ["1.9", "1.10", "2.0"];
const OWNERS: [&str; 2] = ["svc", "stranger"];

fn drawn() -> impl Strategy<Value = Drawn> {
    (
        0..3_usize,
        0..3_usize,
        0..4_usize,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(name, version, owner, is_active, is_public)| Drawn {
            name,
            version,
            // One in four is unmanaged.
            owner: usize::from(owner == 3),
            is_active,
            is_public,
        })
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let state = prop_oneof![3 => Just("ACTIVE"), 1 => Just("INACTIVE"), 1 => Just("ABSENT")];
    let visibility = prop_oneof![Just(None), Just(Some("PRIVATE")), Just(Some("PUBLIC"))];
    (state, visibility).prop_map(|(state, visibility)| Wanted { state, visibility })
}

fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(drawn(), 0..8),
        prop::collection::btree_map((0..3_usize, 0..3_usize), wanted(), 0..5),
        prop_oneof![Just("keep"), Just("deactivate"), Just("delete")],
        prop_oneof![Just("ignore"), Just("deactivate"), Just("delete")],
        any::<bool>(),
        prop_oneof![
            Just("paging=bare"),
            Just("visibility_in_records=true"),
            Just("patch_style=body"),
            Just("delete_active=refused"),
            Just("package_visibility=private"),
            Just("deploy_result=nothing"),
            Just("state_filter=active_only"),
            Just("list_order=oldest_first"),
        ],
    )
        .prop_map(
            |(live, wanted, superseded, undeclared, protects, knob)| Case {
                // One record of each identity, and no version under two owners: other tests
                // cover these.
                live: unique(live),
                wanted,
                superseded,
                undeclared,
                protects,
                knob,
            },
        )
}

fn unique(live: Vec<Drawn>) -> Vec<Drawn> {
    let by_version: BTreeMap<(usize, usize), Drawn> = live
        .into_iter()
        .map(|drawn| ((drawn.name, drawn.version), drawn))
        .collect();
    by_version.into_values().collect()
}

impl Case {
    fn solutions(&self) -> String {
        let mut text = String::new();
        for (name, text_of_name) in NAMES.iter().enumerate() {
            let versions: Vec<_> = self
                .wanted
                .iter()
                .filter(|(key, _)| key.0 == name)
                .collect();
            if versions.is_empty() {
                continue;
            }
            writeln!(text, "  {text_of_name:?}:\n    versions:").unwrap();
            for ((_, version), wanted) in versions {
                let visibility = wanted
                    .visibility
                    .map_or_else(String::new, |word| format!(", visibility: {word}"));
                writeln!(
                    text,
                    "      {:?}: {{ state: {}, path: {:?}{visibility} }}",
                    VERSIONS[*version],
                    wanted.state,
                    path_of(text_of_name, VERSIONS[*version])
                )
                .unwrap();
            }
        }
        if text.is_empty() {
            text.push_str("  {}\n");
        }
        text
    }

    fn manifest(&self, url: &str) -> String {
        let mut environment = "    limits: { max_destroy: 100% }\n".to_owned();
        if self.protects {
            environment.push_str("    protect: [\"*@1.9\"]\n");
        }
        // A policy for undeclared names needs a version that stays.
        let stays = |wanted: &Wanted| wanted.state != "ABSENT";
        let undeclared = if self.wanted.values().any(stays) {
            self.undeclared
        } else {
            "ignore"
        };
        let top = format!("manage: {{ owners: [svc], undeclared: {undeclared} }}\n");
        manifest_with(url, &environment, &top, &self.solutions()).replace(
            "defaults: { owner: svc }",
            &format!(
                "defaults: {{ owner: svc, superseded: {} }}",
                self.superseded
            ),
        )
    }

    async fn start(&self) -> Emulator {
        let live: Vec<Version<'_>> = self
            .live
            .iter()
            .map(|drawn| Version {
                name: NAMES[drawn.name],
                version: VERSIONS[drawn.version],
                owner: OWNERS[drawn.owner],
                state: if drawn.is_active {
                    "ACTIVE"
                } else {
                    "INACTIVE"
                },
                visibility: if drawn.is_public { "PUBLIC" } else { "PRIVATE" },
            })
            .collect();
        let packages: Vec<Version<'_>> = self
            .wanted
            .keys()
            .map(|(name, version)| Version::active(NAMES[*name], VERSIONS[*version]))
            .collect();
        start(seed(&live, &packages), &[self.knob]).await
    }
}

/// Returns the rows of `list` that contain this text.
async fn rows_with(env: &TestEnv, text: &str) -> Vec<String> {
    let list = env.solform_beside(&["list"]).await.exits_with(0);
    let rows = list.stdout.lines().filter(|row| row.contains(text));
    // Columns are as wide as their widest cell.
    rows.map(|row| row.split_whitespace().collect::<Vec<&str>>().join(" "))
        .collect()
}

async fn holds(case: &Case) {
    let emulator = case.start().await;
    let env = env_with(&case.manifest(&emulator.url()));
    let unmanaged = rows_with(&env, "stranger").await;
    let protected = rows_with(&env, " 1.9 ").await.len();
    let planned = env.solform_beside(&["plan"]).await;
    let twice = env.solform_beside(&["plan"]).await;
    assert_eq!(planned.stdout, twice.stdout, "{case:?}");
    let is_blocked = planned.stdout.contains("! blocked");
    let applied = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await;
    let expected: &[i32] = if is_blocked { &[4] } else { &[0, 2] };
    assert!(
        expected.contains(&applied.code()),
        "{case:?}\n{planned}\n{applied}"
    );
    if !is_blocked {
        let again = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
        assert_eq!(again.code(), 0, "{case:?}\n{applied}\n{again}");
    }
    assert_eq!(rows_with(&env, "stranger").await, unmanaged, "{case:?}");
    if case.protects {
        assert!(
            rows_with(&env, " 1.9 ").await.len() >= protected,
            "{case:?}"
        );
    }
}

#[test]
fn random_worlds_converge() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    hold_for_seeds("random_worlds_converge", &case(), |case| {
        runtime.block_on(holds(&case));
    });
}
