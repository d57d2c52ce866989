//! The test language: declare a manifest, derive the matching live state, change one side, and list
//! the changes that the plan must contain.
//!
//! Versions are written as addresses. Without an owner, they belong to `svc`.

use std::fmt::{self, Write as _};
use std::num::NonZeroI64;
use std::sync::Arc;

use super::history::ApplyHistory;
use super::{
    Action, ActionKind, AfterImage, Change, ContentDrift, DeployedPackage, DiffError, DiffOptions,
    DriftEvidence, DriftMember, Member, MemberWord, Mode, Note, PackageContents, PackageField,
    PackageInfo, Plan, Reason, RecordedContents, Selector, Upload, UploadSource, diff,
};
use crate::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use crate::ident::{Address, Digest, Identity, Owner, SolutionId, SolutionName, Version};
use crate::live::{Coverage, LiveState, LiveVersion};
use crate::manifest::{
    Desired, EmulatorSettings, Endpoint, Environment, Glob, KeyPositions, Limits, Manifest,
    PlanPolicies, Position, Scope, SolutionPath, Superseded, SupersededPolicy, Timeouts, Tls,
    TokenSource, Undeclared,
};

pub(crate) const SVC: &str = "svc";
pub(crate) const IB: &str = "IB_DEPLOYED";

/// Parses `[owner:]Name@version`.
pub(crate) fn identity(text: &str) -> Identity {
    let (owner, rest) = text.split_once(':').unwrap_or((SVC, text));
    let (name, version) = rest.rsplit_once('@').unwrap();
    Identity {
        name: SolutionName::parse(name).unwrap(),
        version: Version::parse(version).unwrap(),
        owner: Owner::parse(owner).unwrap(),
    }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn position(line: u32) -> Position {
    Position {
        file: Arc::new("solform.yaml".to_owned()),
        line,
        column: 3,
        offset: 0,
        length: 1,
    }
}

fn superseded(policy: SupersededPolicy, retain: Option<usize>) -> Arc<Superseded> {
    Arc::new(Superseded {
        policy,
        retain,
        keys: KeyPositions::default(),
    })
}

/// Returns a declared version, by default `ACTIVE` and without a visibility.
pub(crate) fn declared(text: &str) -> Desired {
    let identity = identity(text);
    Desired {
        source: None,
        verification: None,
        path: Some(SolutionPath {
            text: format!("releases/{}-{}.ibsolution", identity.name, identity.version).into(),
            position: position(2),
        }),
        identity,
        state: State::Active,
        visibility: None,
        superseded: superseded(SupersededPolicy::Deactivate, None),
        drain: None,
        position: position(1),
    }
}

impl Desired {
    pub(crate) fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    pub(crate) fn inactive(self) -> Self {
        self.state(State::Inactive)
    }

    pub(crate) fn absent(self) -> Self {
        self.state(State::Absent)
    }

    pub(crate) fn visible(mut self, visibility: Visibility) -> Self {
        self.visibility = Some(visibility);
        self
    }

    pub(crate) fn pathless(mut self) -> Self {
        self.path = None;
        self
    }

    pub(crate) fn superseding(mut self, policy: SupersededPolicy, retain: Option<usize>) -> Self {
        self.superseded = superseded(policy, retain);
        self
    }
}

/// Returns a live version: in the state `ACTIVE`, `PRIVATE`, published by its owner.
pub(crate) fn live(text: &str) -> LiveVersion {
    let identity = identity(text);
    let id: String = format!("id-{}", identity.full_address())
        .chars()
        .take(512)
        .collect();
    LiveVersion {
        id: SolutionId::parse(&id).unwrap(),
        author: Some(Arc::from(identity.owner.as_str())),
        identity,
        state: LiveStateWord::Active,
        visibility: Some(LiveVisibilityWord::Private),
        created_at_ms: None,
        updated_at_ms: None,
    }
}

impl LiveVersion {
    pub(crate) fn state(mut self, word: &str) -> Self {
        self.state = LiveStateWord::new(word);
        self
    }

    pub(crate) fn inactive(self) -> Self {
        self.state("INACTIVE")
    }

    pub(crate) fn visible(mut self, word: &str) -> Self {
        self.visibility = Some(LiveVisibilityWord::new(word));
        self
    }

    pub(crate) fn visibility_unknown(mut self) -> Self {
        self.visibility = None;
        self
    }

    pub(crate) fn by(mut self, author: &str) -> Self {
        self.author = Some(Arc::from(author));
        self
    }

    pub(crate) fn created(mut self, at_ms: i64) -> Self {
        self.created_at_ms = NonZeroI64::new(at_ms);
        self
    }

    pub(crate) fn id(mut self, id: &str) -> Self {
        self.id = SolutionId::parse(id).unwrap();
        self
    }
}

/// The input of a plan: both sides and the options.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) manifest: Manifest,
    pub(crate) live: Vec<LiveVersion>,
    pub(crate) coverage: Coverage,
    pub(crate) history: ApplyHistory,
    pub(crate) options: DiffOptions,
}

/// Prints the scenario in the test language, so that a failed property is readable.
impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Environment { user, protect, .. } = &self.manifest.environment;
        writeln!(f, "user {user:?}, protect {protect:?}")?;
        writeln!(f, "{:?}", self.manifest.scope)?;
        for entry in &self.manifest.desired {
            let address = entry.identity.full_address();
            let (state, superseded) = (entry.state, &entry.superseded);
            writeln!(
                f,
                "declare {address} {state} {:?} {superseded:?}",
                entry.visibility
            )?;
        }
        for version in &self.live {
            let address = version.identity.full_address();
            let LiveVersion {
                id,
                author,
                state,
                visibility,
                created_at_ms,
                ..
            } = version;
            writeln!(
                f,
                "live {id} {address} {state} {visibility:?} by {author:?} at {created_at_ms:?}"
            )?;
        }
        writeln!(f, "{:?} {:?}", self.options, self.coverage)
    }
}

/// Returns a scenario in which nothing is declared or live, and everything of `svc` is in scope.
pub(crate) fn scenario() -> Scenario {
    Scenario {
        manifest: Manifest {
            source_environments: Vec::new(),
            environment: Environment {
                name: "prod".to_owned(),
                position: position(1),
                keys: KeyPositions::default(),
                url: Endpoint::Url("https://ib.example.com".parse().unwrap()),
                token: Some(TokenSource::Env("IB_PROD_TOKEN".to_owned())),
                user: None,
                context: Some("acme".to_owned()),
                store: None,
                protect: Vec::new(),
                require_verified: false,
                limits: Limits {
                    max_destroy: None,
                    max_change: None,
                },
                timeouts: Timeouts::default(),
                tls: Tls::default(),
                emulator: EmulatorSettings::default(),
            },
            scope: Scope {
                owners: vec![Glob::parse(SVC).unwrap()],
                names: vec![Glob::parse("*").unwrap()],
                undeclared: Undeclared::Ignore,
                drain: None,
            },
            policies: PlanPolicies::default(),
            desired: Vec::new(),
            digest: Digest::of(b"manifest"),
        },
        live: Vec::new(),
        coverage: Coverage::Whole,
        history: ApplyHistory::default(),
        options: DiffOptions::default(),
    }
}

impl Scenario {
    /// Declares versions.
    pub(crate) fn declare(mut self, entries: impl IntoIterator<Item = Desired>) -> Self {
        self.manifest.desired.extend(entries);
        self.manifest
            .desired
            .sort_by(|left, right| left.identity.cmp(&right.identity));
        self
    }

    /// Makes the declared versions live, exactly as declared. Tombstones are absent.
    pub(crate) fn converged(mut self) -> Self {
        let matching = |entry: &Desired| {
            let word = entry.visibility.unwrap_or(Visibility::Private);
            live(entry.identity.full_address().as_str())
                .state(entry.state.as_str())
                .visible(word.as_str())
        };
        let present = |entry: &&Desired| entry.state != State::Absent;
        self.live = self
            .manifest
            .desired
            .iter()
            .filter(present)
            .map(matching)
            .collect();
        self
    }

    /// Adds live versions.
    pub(crate) fn live(mut self, versions: impl IntoIterator<Item = LiveVersion>) -> Self {
        self.live.extend(versions);
        self
    }

    /// Removes a live version.
    pub(crate) fn without(mut self, text: &str) -> Self {
        let gone = identity(text);
        self.live.retain(|version| version.identity != gone);
        self
    }

    pub(crate) fn manage(mut self, owners: &[&str]) -> Self {
        self.manifest.scope.owners = owners.iter().map(|o| Glob::parse(o).unwrap()).collect();
        self
    }

    pub(crate) fn manage_names(mut self, names: &[&str]) -> Self {
        self.manifest.scope.names = names.iter().map(|n| Glob::parse(n).unwrap()).collect();
        self
    }

    pub(crate) fn user(mut self, user: &str) -> Self {
        self.manifest.environment.user = Some(Owner::parse(user).unwrap());
        self
    }

    pub(crate) fn protect(mut self, pattern: &str) -> Self {
        let glob = Glob::parse(pattern).unwrap();
        self.manifest.environment.protect.push(glob);
        self
    }

    pub(crate) fn undeclared(mut self, undeclared: Undeclared) -> Self {
        self.manifest.scope.undeclared = undeclared;
        self
    }

    pub(crate) fn coverage(mut self, coverage: Coverage) -> Self {
        self.coverage = coverage;
        self
    }

    pub(crate) fn destroy(mut self) -> Self {
        self.options.mode = Mode::Destroy;
        self
    }

    pub(crate) fn target(mut self, text: &str) -> Self {
        self.options.targets.push(Selector::new(text));
        self
    }

    pub(crate) fn exclude(mut self, text: &str) -> Self {
        self.options.excludes.push(Selector::new(text));
        self
    }

    pub(crate) fn replace(mut self, text: &str) -> Self {
        self.options.replace.push(address(text));
        self
    }

    /// Records that an apply of the store deployed a record.
    /// Lets the contents of a record differ from its source, which the manifest redeploys.
    pub(crate) fn redeploy(mut self, text: &str, id: &str) -> Self {
        let drift = ContentDrift {
            id: SolutionId::parse(id).unwrap(),
            source: "dist/a.ibsolution".to_owned(),
            evidence: DriftEvidence::Members,
            added: 0,
            removed: 0,
            changed: 1,
            members: vec![DriftMember {
                name: "flow|`x`".to_owned(),
                change: MemberWord::Changed,
                before_size: Some(1),
                after_size: Some(2),
            }],
            package_json: Vec::new(),
        };
        let redeploy = &mut self.options.redeploy;
        redeploy.insert(identity(text), Box::new(drift));
        self
    }

    pub(crate) fn deployed(mut self, version: &LiveVersion) -> Self {
        self.history.deployed.insert(version.id.clone(), None);
        self
    }

    pub(crate) fn live_state(&self) -> LiveState {
        LiveState::new(self.live.clone(), self.coverage.clone())
    }

    pub(crate) fn try_plan(&self) -> Result<Plan, Vec<DiffError>> {
        diff(
            &self.manifest,
            &self.live_state(),
            &self.history,
            &self.options,
        )
    }

    #[track_caller]
    pub(crate) fn plan(&self) -> Plan {
        self.try_plan().unwrap()
    }

    /// Asserts the complete plan, in its order: address, kind, kind of reason.
    #[track_caller]
    pub(crate) fn expect(&self, expected: &[(&str, ActionKind, &str)]) -> Plan {
        let plan = self.plan();
        let planned: Vec<(&str, ActionKind, &str)> = plan
            .changes
            .iter()
            .filter(|change| !change.is_no_op())
            .map(|change| {
                let reason = reason_kind(&change.reason);
                (change.address.as_str(), change.action.kind(), reason)
            })
            .collect();
        assert_eq!(planned, expected, "{}", summarize(&plan));
        plan
    }

    /// Asserts that the plan does nothing.
    #[track_caller]
    pub(crate) fn expect_nothing(&self) -> Plan {
        self.expect(&[])
    }
}

/// Shortens a plan for a failed assertion.
fn summarize(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        writeln!(text, "{} {:?}", change.address, change.action).unwrap();
    }
    text
}

pub(crate) fn reason_kind(reason: &Reason) -> &'static str {
    match reason {
        Reason::Declared => "declared",
        Reason::Superseded { .. } => "superseded",
        Reason::Undeclared => "undeclared",
        Reason::Tombstone => "tombstone",
        Reason::Requested => "requested",
        Reason::ContentChanged { .. } => "content-changed",
        Reason::RolledBack { .. } => "rolled-back",
    }
}

impl Plan {
    /// Returns the change at an address.
    #[track_caller]
    pub(crate) fn at(&self, text: &str) -> &Change {
        self.changes
            .iter()
            .find(|change| change.address.as_str() == text)
            .unwrap_or_else(|| panic!("no `{text}` in\n{}", summarize(self)))
    }
}

impl Change {
    /// Returns the changes that it waits for, as text.
    pub(crate) fn waits(&self) -> Vec<&str> {
        self.waits_for.iter().map(Address::as_str).collect()
    }

    /// Returns the successors, as text.
    pub(crate) fn succeeded_by(&self) -> Vec<&str> {
        self.successors
            .iter()
            .map(|successor| successor.address.as_str())
            .collect()
    }

    pub(crate) fn has(&self, note: &Note) -> bool {
        self.notes.contains(note)
    }

    /// Returns the patched fields of an update, as `state=..` and `visibility=..`.
    pub(crate) fn patches(&self) -> String {
        match &self.action {
            Action::Update { patch, .. } => {
                let state = patch.state().map(|state| format!("state={state}"));
                let visibility = patch.visibility().map(|word| format!("visibility={word}"));
                let fields: Vec<String> = state.into_iter().chain(visibility).collect();
                fields.join(" ")
            }
            other @ (Action::Create { .. }
            | Action::Replace { .. }
            | Action::Delete { .. }
            | Action::NoOp { .. }) => panic!("not an update: {other:?}"),
        }
    }
}

/// Returns a member of a package.
pub(crate) fn member(name: &str, crc32: u32) -> Member {
    Member {
        name: name.to_owned(),
        size: 4,
        packed_size: 4,
        crc32,
        is_encrypted: false,
    }
}

/// Returns the contents of a package of `A@1`.
pub(crate) fn contents(members: Vec<Member>, json: &str) -> PackageContents {
    let text = |text: &str| PackageField::Text(text.to_owned());
    PackageContents {
        info: PackageInfo {
            name: text("A"),
            version: text("1"),
            owner: text("svc"),
            solution_type: text("ibflowbin"),
            visibility: None,
            fingerprint: Digest::of(format!("{members:?}{json}").as_bytes()),
        },
        package_json: json.to_owned(),
        size: 100,
        members,
    }
}

/// Returns the document of a record that was deployed from a package.
pub(crate) fn deployed_package(
    contents: &PackageContents,
    sha256: Option<&Digest>,
) -> DeployedPackage {
    let upload = sha256.map(|sha256| Upload {
        source: UploadSource::File {
            path: "a.ibsolution".to_owned(),
            sha256: sha256.clone(),
        },
        size: contents.size,
        overwrite: false,
    });
    let after = AfterImage {
        identity: identity("A@1"),
        state: State::Active,
        visibility: None,
        package: Some(contents.info.fingerprint.clone()),
        upload: upload.map(Box::new),
        verification: None,
    };
    let id = SolutionId::parse("seven").unwrap();
    DeployedPackage::new(id, &after, Some(RecordedContents::of(contents)), 1)
}
