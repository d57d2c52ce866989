//! The findings of a review, as data for renderers.

use std::cmp::Reverse;
use std::collections::HashMap;

use indexmap::IndexMap;

use super::kind::{Field, Kind};
use super::solutions::ReviewedSolution;
use crate::ident::{Address, Digest};
use crate::manifest::{Environment, KeyPositions, Position};

/// The effects of a change to a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// The side that the manifest is compared with.
    pub base: ReviewBase,
    /// The manifest under review, as the user named it.
    pub head: String,
    /// The selected environments; empty if all environments were compared.
    pub only: Vec<String>,
    /// Every environment of both sides that was compared, in the manifest's order.
    pub environments: Vec<String>,
    /// The findings; environments without a finding are one group.
    pub groups: Vec<ReviewGroup>,
    /// The solutions whose declared versions change.
    pub solutions: Vec<ReviewedSolution>,
}

/// The side that a manifest is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewBase {
    /// The name: a file, or a revision and a path, as git writes them.
    pub name: String,
    /// The commit of a revision; `None` if the base is a file.
    pub commit: Option<BaseCommit>,
    /// True if the base has the manifest; if not, everything is new.
    pub is_present: bool,
}

/// The commit whose manifest is the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseCommit {
    /// The id.
    pub id: String,
    /// True if it is the merge base of the revision with `HEAD`, and not the revision itself.
    pub is_merge_base: bool,
}

/// The changes of one environment, or of several with the same changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewGroup {
    /// The names of the environments, in the manifest's order.
    pub environments: Vec<String>,
    /// The findings, those with a high risk first.
    pub findings: Vec<Finding>,
}

/// A change of the manifest, with its effect and risks.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The affected version; `None` if the finding is about the environment.
    pub address: Option<Address>,
    /// The field or setting that changes; `None` if a version or an environment is added or
    /// removed.
    pub field: Option<Field>,
    /// The kind of change.
    pub kind: Kind,
    /// The value in the base manifest.
    pub before: Option<String>,
    /// The value in the head manifest.
    pub after: Option<String>,
    /// The effects of an apply.
    pub effect: Option<Effect>,
    /// The declared versions that it affects, if it is not about a single one: versions that lose
    /// their protection and are removed in the same change, or versions whose policy changes.
    pub concerned: Vec<Address>,
    /// The package that is uploaded for a version that is deployed.
    pub upload: Option<DeclaredUpload>,
    /// The risks for a reviewer.
    pub risks: Vec<Risk>,
    /// The position in the base or head manifest.
    pub place: SidePosition,
}

/// A package that is uploaded for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredUpload {
    /// The source.
    pub source: String,
    /// The declared digest of its bytes.
    pub sha256: Option<Digest>,
}

/// A position in one of the two manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidePosition {
    /// The side of the manifest.
    pub side: Side,
    /// The position in that manifest.
    pub position: Position,
}

impl SidePosition {
    /// Returns a position in the base manifest.
    pub(super) fn in_base(position: &Position) -> Self {
        Self {
            side: Side::Base,
            position: position.clone(),
        }
    }

    /// Returns a position in the head manifest.
    pub(super) fn in_head(position: &Position) -> Self {
        Self {
            side: Side::Head,
            position: position.clone(),
        }
    }

    /// Returns the position of a key that differs. A removed key has one in the base only; if
    /// neither manifest has the key, the position is that of its subject in the head.
    pub(super) fn of_key(
        field: Field,
        base: &KeyPositions,
        head: &KeyPositions,
        subject: &Position,
    ) -> Self {
        let key = field.as_str();
        match (head.get(key), base.get(key)) {
            (Some(position), _) => Self::in_head(position),
            (None, Some(position)) => Self::in_base(position),
            (None, None) => Self::in_head(subject),
        }
    }
}

word_enum! {
    /// A side of the review.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Side {
        /// The manifest that the head is compared with.
        Base = "base",
        /// The manifest under review.
        Head = "head",
    }
}

/// The effect of an apply, if the version is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The target.
    pub whom: Whom,
    /// The kind of change.
    pub policy: PolicyEffect,
}

/// The target of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// This version.
    Version(Address),
    /// Live versions of the same name and owner that are not declared.
    OtherVersions,
    /// Live names in scope that are not declared.
    UndeclaredNames,
    /// All versions that the environment declared.
    WholeEnvironment,
}

/// The effect on a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyEffect {
    /// It is deployed if it is not live, and it serves.
    Deployed,
    /// It is deployed if it is not live, and it does not serve.
    DeployedInactive,
    /// It must already be live, because it has no path.
    Expected,
    /// It is not deployed again.
    NotDeployedAgain,
    /// If its source is not what was deployed, it is deleted and deployed again.
    ReplacedOnChange,
    /// It stays live and unchanged.
    LeftAlone(LeftAlone),
    /// It is taken out of service.
    TakenOut,
    /// It is taken out of service if the manifest's user published it.
    PerhapsTakenOut,
    /// If the manifest's user published it, it is deleted if an apply deployed it, and otherwise
    /// taken out of service.
    PerhapsDeleted,
    /// It is deleted.
    Deleted,
    /// It is deleted, unless it is one of the newest versions that are retained.
    DeletedBeyond(usize),
    /// It should be deleted, but a protection prevents it.
    Blocked,
}

impl PolicyEffect {
    /// Returns the stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::DeployedInactive => "deployed-inactive",
            Self::Expected => "expected",
            Self::NotDeployedAgain => "not-deployed-again",
            Self::ReplacedOnChange => "replaced-on-change",
            Self::LeftAlone(_) => "left-alone",
            Self::TakenOut => "taken-out-of-service",
            Self::PerhapsTakenOut => "perhaps-taken-out-of-service",
            Self::PerhapsDeleted => "perhaps-deleted",
            Self::Deleted => "deleted",
            Self::DeletedBeyond(_) => "deleted-beyond-retained",
            Self::Blocked => "blocked",
        }
    }
}

word_enum! {
    /// The reason why a version that is no longer declared stays as it is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum LeftAlone -> &'static str {
        /// `manage.undeclared` is `ignore`.
        Ignored = "ignored" "`manage.undeclared` is `ignore`",
        /// `superseded` is `keep`.
        Kept = "kept" "`superseded` is `keep`",
        /// No declared `ACTIVE` version of its owner supersedes it.
        NothingSupersedes = "nothing-supersedes"
            "no declared ACTIVE version of its owner supersedes it",
        /// It is out of the manifest's scope.
        OutOfScope = "out-of-scope" "it is not under `manage`",
        /// It counts as the declared version, because both owners are one owner pair.
        Followed = "followed" "it counts as the declared version: both owners are one owner pair",
        /// The environment is no longer declared.
        EnvironmentRemoved = "environment-removed" "no manifest declares the environment any more",
    }
}

word_enum! {
    /// The risks for a reviewer.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Risk -> (bool, &'static str) {
        /// A protection is removed together with a version that it covered.
        ProtectionRemovedWithEntry = "protection-removed-with-entry"
            (true, "protection removed with what it covered"),
        /// The plan will be blocked.
        Blocked = "blocked" (true, "blocked by protection"),
        /// A live version is deleted.
        Deleted = "deleted" (true, "deleted"),
        /// A version becomes public.
        BecomesPublic = "becomes-public" (true, "becomes PUBLIC"),
        /// A lower version replaces a higher one.
        GoesDown = "version-goes-down" (true, "version goes down"),
        /// The requests go to another server.
        OtherServer = "other-server" (true, "another server"),
        /// A command on the user's machine returns the token.
        RunsCommand = "runs-command" (true, "runs a command"),
        /// It cannot be undone.
        Irreversible = "irreversible" (false, "irreversible"),
        /// A name stops serving.
        OutOfService = "out-of-service" (false, "out of service"),
        /// A protection is removed.
        ProtectionRemoved = "protection-removed" (false, "protection removed"),
        /// A plan may delete or deactivate more.
        Loosened = "loosened" (false, "loosened"),
        /// An upload may replace different bytes.
        ReplacesBytes = "replaces-bytes" (false, "may replace different bytes"),
        /// A plan may delete or deactivate other versions, perhaps more.
        PerhapsLoosened = "perhaps-loosened" (false, "perhaps loosened"),
        /// The user or the account changes.
        OtherAccount = "other-account" (false, "another account"),
        /// The source of the token changes.
        OtherToken = "other-token" (false, "another token"),
        /// The certificates change.
        OtherTrust = "other-trust" (false, "other certificates"),
        /// The lock and the journal are in another store.
        OtherStore = "other-store" (false, "another lock and journal"),
        /// The same version comes from another package.
        SameVersion = "same-version" (false, "same version, another package"),
    }
}

impl Risk {
    /// Returns true if the risk is high; such findings are shown first.
    pub fn is_high(self) -> bool {
        self.row().0
    }

    /// Returns the mark for people.
    pub fn mark(self) -> &'static str {
        self.row().1
    }
}

impl LeftAlone {
    /// Returns the reason as a clause.
    pub fn reason(self) -> &'static str {
        self.row()
    }
}

impl Finding {
    /// Returns a finding about the environment, without values, an effect or risks.
    pub(super) fn new(kind: Kind, place: SidePosition) -> Self {
        Self {
            address: None,
            field: None,
            kind,
            before: None,
            after: None,
            effect: None,
            concerned: Vec::new(),
            upload: None,
            risks: Vec::new(),
            place,
        }
    }

    /// Returns a finding about a setting of an environment that both sides may have.
    pub(super) fn of_setting<T: ToString>(
        kind: Kind,
        field: Field,
        (before, after): (Option<T>, Option<T>),
        base: Option<&Environment>,
        head: &Environment,
    ) -> Self {
        let none = KeyPositions::default();
        let base = base.map_or(&none, |base| &base.keys);
        let place = SidePosition::of_key(field, base, &head.keys, &head.position);
        Self::new(kind, place).field(field, before, after)
    }

    /// Sets the field, and its values on both sides.
    pub(super) fn field<T: ToString>(
        self,
        field: Field,
        before: Option<T>,
        after: Option<T>,
    ) -> Self {
        let field = Some(field);
        Self { field, ..self }.values(before, after)
    }

    /// Sets the values on both sides.
    pub(super) fn values<T: ToString>(self, before: Option<T>, after: Option<T>) -> Self {
        Self {
            before: before.map(|value| value.to_string()),
            after: after.map(|value| value.to_string()),
            ..self
        }
    }

    /// Sets the effect of an apply.
    pub(super) fn effect(self, whom: Whom, policy: PolicyEffect) -> Self {
        let effect = Some(Effect { whom, policy });
        Self { effect, ..self }
    }

    /// Adds risks.
    pub(super) fn risks(mut self, risks: impl IntoIterator<Item = Risk>) -> Self {
        self.risks.extend(risks);
        self
    }

    /// Returns true if any risk is high.
    pub fn has_high_risk(&self) -> bool {
        self.risks.iter().any(|risk| risk.is_high())
    }
}

/// Groups the findings of all environments. If several environments have the same finding at the
/// same position, it is listed once, in the group of exactly these environments.
pub fn group_findings(found: Vec<(String, Vec<Finding>)>) -> Vec<ReviewGroup> {
    let mut shared: Vec<(Finding, Vec<String>)> = Vec::new();
    let mut unchanged = Vec::new();
    let order: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
    // A large change has many findings, but each position has only a few.
    let mut at: HashMap<(Side, u32, u32), Vec<usize>> = HashMap::new();
    for (name, findings) in found {
        if findings.is_empty() {
            unchanged.push(name.clone());
        }
        for finding in findings {
            let position = &finding.place.position;
            let key = (finding.place.side, position.line, position.column);
            let known = at.entry(key).or_default();
            let same = known.iter().find(|index| shared[**index].0 == finding);
            if let Some(index) = same {
                shared[*index].1.push(name.clone());
            } else {
                known.push(shared.len());
                shared.push((finding, vec![name.clone()]));
            }
        }
    }
    let mut groups: IndexMap<Vec<String>, Vec<Finding>> = IndexMap::new();
    for (finding, environments) in shared {
        groups.entry(environments).or_default().push(finding);
    }
    for findings in groups.values_mut() {
        // Findings with a high risk come first; the others keep their order.
        findings.sort_by_key(|finding| !finding.has_high_risk());
    }
    if !unchanged.is_empty() {
        groups.insert(unchanged, Vec::new());
    }
    // The order is that of the environments; findings that several share come first.
    let index = |name: &String| order.iter().position(|other| other == name);
    groups.sort_by_cached_key(|environments, _| {
        let indexes: Vec<_> = environments.iter().map(index).collect();
        (indexes.first().copied(), Reverse(indexes.len()), indexes)
    });
    let group = |(environments, findings)| ReviewGroup {
        environments,
        findings,
    };
    groups.into_iter().map(group).collect()
}
