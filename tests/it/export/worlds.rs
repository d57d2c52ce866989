//! Random live states with unusual texts.

use std::num::NonZeroI64;
use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use solform::attribute::{LiveStateWord, LiveVisibilityWord};
use solform::ident::{Identity, Owner, SolutionId, SolutionName, Version};
use solform::live::{Coverage, LiveState, LiveVersion};
use solform_emulator::{Seed, SeedSolution};

/// A record of a random live state.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) owner: String,
    pub(super) author: String,
    pub(super) state: &'static str,
    pub(super) visibility: Option<&'static str>,
    pub(super) created_at_s: u64,
}

/// Texts that a reader of YAML, variables, patterns or addresses could misread.
const TEXTS: [&str; 44] = [
    "Form W-2",
    "Form W-2",
    "Form W-2",
    "yes",
    "No",
    "null",
    "~",
    "true",
    "1.0",
    "1e3",
    "0x10",
    "1_000",
    ".5",
    "2024-01-01",
    "12:30:45",
    "- x",
    "-",
    "? x",
    "a: b",
    "a:",
    "#x",
    "a #b",
    "${drive}",
    "$${",
    "$$${x}",
    "${env:HOME}",
    "Pay@stub",
    "svc:Form",
    "say \"hi\"",
    "it's",
    "back\\slash",
    "{a}",
    "[a, b]",
    "a, b",
    "*",
    "*a",
    "&a",
    "!tag",
    "|",
    "%TAG",
    "@at",
    "`tick`",
    "<<",
    "Ünïcode 🦀",
];

const VERSIONS: [&str; 14] = [
    "1.9",
    "1.10",
    "2.0",
    "1.10",
    "0.0.1",
    "1e3",
    "0x10",
    "yes",
    "~",
    "1.0",
    "${version}",
    "1.0: 2",
    "<<",
    "1@2",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => prop::sample::select(&TEXTS[..]).prop_map(str::to_owned),
        1 => Just("long ".repeat(90) + "end"),
        // Each of these takes ten characters as an escape, and the length of a key is limited.
        1 => Just("\u{e0001}".repeat(500)),
        2 => any::<String>().prop_map(|text| valid_name(&text)),
        1 => "[ -~]{1,12}".prop_map(|text| valid_name(&text)),
    ]
}

/// Returns the text, changed so that it is a valid name.
fn valid_name(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|char| !char.is_control())
        .take(500)
        .collect();
    let text = text.trim();
    if text.is_empty() { "x" } else { text }.to_owned()
}

fn version() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(&VERSIONS[..]).prop_map(str::to_owned),
        1 => text(),
    ]
}

fn owner() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("svc".to_owned()),
        3 => Just("IB_DEPLOYED".to_owned()),
        2 => Just("stranger".to_owned()),
        1 => text(),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let state = prop_oneof![
        4 => Just("ACTIVE"),
        3 => Just("INACTIVE"),
        2 => Just("PRODUCTION"),
        1 => Just("DEPRECATED"),
    ];
    let visibility = prop_oneof![
        4 => Just(Some("PRIVATE")), 3 => Just(Some("PUBLIC")), 1 => Just(Some("PENDING_REVIEW")),
        1 => Just(Some("SECRET")), 1 => Just(None),
    ];
    let author = prop_oneof![Just("svc".to_owned()), Just("stranger".to_owned())];
    (
        text(),
        version(),
        owner(),
        author,
        state,
        visibility,
        0..4_u64,
    )
        .prop_map(
            |(name, version, owner, author, state, visibility, created_at_s)| Record {
                name,
                version,
                owner,
                author,
                state,
                visibility,
                created_at_s,
            },
        )
}

/// Generates fewer than `most` records. Half of the names repeat another record's name, so that
/// names have several versions and owners.
pub(super) fn world(most: usize) -> impl Strategy<Value = Vec<Record>> {
    let shares = prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), most);
    (prop::collection::vec(record(), 0..most), shares).prop_map(|(mut records, shares)| {
        for index in 1..records.len() {
            let (is_shared, other) = &shares[index];
            if *is_shared {
                let name = records[other.index(index)].name.clone();
                records[index].name = name;
            }
        }
        records
    })
}

fn id(index: usize) -> String {
    format!("00000000-0000-4000-8000-{index:012}")
}

/// Returns the seed that loads these records into an emulator.
pub(super) fn seed(records: &[Record]) -> Seed {
    let solutions = records
        .iter()
        .enumerate()
        .map(|(index, record)| SeedSolution {
            name: record.name.clone(),
            version: record.version.clone(),
            owner: record.owner.clone(),
            author: Some(record.author.clone()),
            state: Some(record.state.to_owned()),
            visibility: Some(record.visibility.unwrap_or("PRIVATE").to_owned()),
            created_at_ms: Some(1_500_000_000_000 + record.created_at_s * 1000),
            id: Some(id(index)),
            ..SeedSolution::default()
        })
        .collect();
    Seed {
        solutions,
        ..Seed::default()
    }
}

/// Returns the live state that these records make up.
pub(super) fn live(records: &[Record]) -> LiveState {
    let versions = records
        .iter()
        .enumerate()
        .map(|(index, record)| LiveVersion {
            id: SolutionId::parse(&id(index)).unwrap(),
            identity: Identity {
                name: SolutionName::parse(&record.name).unwrap(),
                version: Version::parse(&record.version).unwrap(),
                owner: Owner::parse(&record.owner).unwrap(),
            },
            author: Some(Arc::from(&*record.author)),
            state: LiveStateWord::new(record.state),
            visibility: record.visibility.map(LiveVisibilityWord::new),
            created_at_ms: NonZeroI64::new(1000 * i64::try_from(record.created_at_s).unwrap()),
            updated_at_ms: None,
        })
        .collect();
    LiveState::new(versions, Coverage::Whole)
}
