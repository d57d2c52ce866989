//! The findings of a review: plain data, for renderers.

use std::collections::HashMap;

use super::kind::{Field, Kind};
use crate::ident::Address;
use crate::manifest::{Environment, Position};

/// The effects of a change to a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// The base.
    pub base: ReviewBase,
    /// The manifest under review, as the user named it.
    pub head: String,
    /// The environment that was asked for, where not all were.
    pub only: Option<String>,
    /// Every environment of either side that was compared, changed or not, in the manifest's order.
    pub environments: Vec<String>,
    /// The findings; environments without a finding are one group.
    pub groups: Vec<ReviewGroup>,
}

/// The side that a manifest is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewBase {
    /// A file, or a revision and a path, as git writes them.
    pub name: String,
    /// The commit of a revision.
    pub commit: Option<BaseCommit>,
    /// True if the manifest is there at all; if not, everything is new.
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
    /// Their names, in the manifest's order.
    pub environments: Vec<String>,
    /// The findings, those with a high risk first.
    pub findings: Vec<Finding>,
}

/// One change, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The version that it is about; none where it is about the environment.
    pub address: Option<Address>,
    /// The field or setting that changes; none where a version or an environment comes or goes.
    pub field: Option<Field>,
    /// The kind of change.
    pub kind: Kind,
    /// The value in the base manifest.
    pub before: Option<String>,
    /// The value in the head manifest.
    pub after: Option<String>,
    /// The effects of an apply.
    pub effect: Option<Effect>,
    /// The declared versions that it concerns, where it is about no single one: those that a
    /// removed protection covered and that go with it, or those whose policy changes.
    pub concerned: Vec<Address>,
    /// The risks for a reviewer.
    pub risks: Vec<Risk>,
    /// Where it is written.
    pub place: SidePosition,
}

/// A place in one of the two manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidePosition {
    /// Which one.
    pub side: Side,
    /// Where in it.
    pub position: Position,
}

/// A side of the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that is compared with.
    Base,
    /// The one under review.
    Head,
}

/// The effect of an apply, if the version is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The target.
    pub whom: Whom,
    /// The kind of change.
    pub fate: PolicyEffect,
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
    /// All that the environment declared.
    WholeEnvironment,
}

/// The effect on a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyEffect {
    /// It is deployed, if it is not there, and serves.
    Deployed,
    /// It is deployed, if it is not there, and does not serve.
    DeployedInactive,
    /// It must be there: it has no path.
    Expected,
    /// It is not deployed again.
    NotDeployedAgain,
    /// It stays live, as it is.
    LeftAlone(LeftAlone),
    /// It is taken out of service.
    TakenOut,
    /// It is taken out of service, if the manifest's user published it.
    PerhapsTakenOut,
    /// It is deleted if an apply deployed it, else taken out of service, if the manifest's user
    /// published it.
    PerhapsDeleted,
    /// It is deleted.
    Deleted,
    /// It is deleted, unless it is one of the newest versions that are retained.
    DeletedBeyond(usize),
    /// It should be deleted, but a protection prevents it.
    Blocked,
}

impl PolicyEffect {
    /// The stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::DeployedInactive => "deployed-inactive",
            Self::Expected => "expected",
            Self::NotDeployedAgain => "not-deployed-again",
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

/// Why a version that is not declared any more stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftAlone {
    /// `manage.undeclared` is `ignore`.
    Ignored,
    /// `superseded` is `keep`.
    Kept,
    /// No declared `ACTIVE` version of its owner supersedes it.
    NothingSupersedes,
    /// It is out of the manifest's scope.
    OutOfScope,
    /// It counts as the declared version, whose owner follows its visibility.
    Followed,
    /// Nothing speaks of its environment any more.
    EnvironmentRemoved,
}

impl LeftAlone {
    /// The stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Kept => "kept",
            Self::NothingSupersedes => "nothing-supersedes",
            Self::OutOfScope => "out-of-scope",
            Self::Followed => "followed",
            Self::EnvironmentRemoved => "environment-removed",
        }
    }
}

/// The risks for a reviewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// A protection goes together with a version that it covered.
    ProtectionRemovedWithEntry,
    /// The plan will be blocked.
    Blocked,
    /// Something live is deleted.
    Deleted,
    /// A version becomes public.
    BecomesPublic,
    /// A lower version takes the place of a higher one.
    GoesDown,
    /// Another server is asked.
    OtherServer,
    /// A program is run to get the token.
    RunsCommand,
    /// It cannot be undone.
    Irreversible,
    /// A name stops serving.
    OutOfService,
    /// A protection is gone.
    ProtectionRemoved,
    /// A plan may take away more.
    Loosened,
    /// A plan may take away something else, perhaps more.
    PerhapsLoosened,
    /// Another user or account.
    OtherAccount,
    /// Another token.
    OtherToken,
    /// Other certificates.
    OtherTrust,
    /// Another lock and another journal.
    OtherStore,
    /// The same version from another package.
    SameVersion,
}

impl Risk {
    /// Returns true if it is shown first.
    pub fn is_high(self) -> bool {
        match self {
            Self::ProtectionRemovedWithEntry
            | Self::Blocked
            | Self::Deleted
            | Self::BecomesPublic
            | Self::GoesDown
            | Self::OtherServer
            | Self::RunsCommand => true,
            Self::Irreversible
            | Self::OutOfService
            | Self::ProtectionRemoved
            | Self::Loosened
            | Self::PerhapsLoosened
            | Self::OtherAccount
            | Self::OtherToken
            | Self::OtherTrust
            | Self::OtherStore
            | Self::SameVersion => false,
        }
    }

    /// The stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProtectionRemovedWithEntry => "protection-removed-with-entry",
            Self::Blocked => "blocked",
            Self::Deleted => "deleted",
            Self::BecomesPublic => "becomes-public",
            Self::GoesDown => "version-goes-down",
            Self::OtherServer => "other-server",
            Self::RunsCommand => "runs-command",
            Self::Irreversible => "irreversible",
            Self::OutOfService => "out-of-service",
            Self::ProtectionRemoved => "protection-removed",
            Self::Loosened => "loosened",
            Self::PerhapsLoosened => "perhaps-loosened",
            Self::OtherAccount => "other-account",
            Self::OtherToken => "other-token",
            Self::OtherTrust => "other-trust",
            Self::OtherStore => "other-store",
            Self::SameVersion => "same-version",
        }
    }
}

impl Finding {
    /// A finding about the environment or one of its settings.
    pub(super) fn of_setting(
        kind: Kind,
        field: Option<Field>,
        before: Option<String>,
        after: Option<String>,
        side: Side,
        environment: &Environment,
    ) -> Self {
        Self {
            address: None,
            field,
            kind,
            before,
            after,
            effect: None,
            concerned: Vec::new(),
            risks: Vec::new(),
            place: SidePosition {
                side,
                position: field
                    .map_or(&environment.position, |field| {
                        environment.position_of(field.as_str())
                    })
                    .clone(),
            },
        }
    }

    /// Returns whether any of its risks is high.
    pub fn has_high_risk(&self) -> bool {
        self.risks.iter().any(|risk| risk.is_high())
    }
}

/// Groups what each environment's comparison found: a finding that several environments share, at
/// one position, stands once, in the group of exactly these environments.
pub fn group_findings(found: Vec<(String, Vec<Finding>)>) -> Vec<ReviewGroup> {
    let mut shared: Vec<(Finding, Vec<String>)> = Vec::new();
    let mut groups: Vec<ReviewGroup> = Vec::new();
    let mut unchanged = Vec::new();
    // A change of many entries makes many findings; those of one position are few.
    let mut at: HashMap<(Side, usize, usize), Vec<usize>> = HashMap::new();
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
    let mut index_of: HashMap<Vec<String>, usize> = HashMap::new();
    for (finding, environments) in shared {
        let index = *index_of.entry(environments.clone()).or_insert_with(|| {
            groups.push(ReviewGroup {
                environments,
                findings: Vec::new(),
            });
            groups.len() - 1
        });
        groups[index].findings.push(finding);
    }
    for group in &mut groups {
        // Findings with a high risk come first; the others keep their order.
        group
            .findings
            .sort_by_key(|finding| !finding.has_high_risk());
    }
    if !unchanged.is_empty() {
        groups.push(ReviewGroup {
            environments: unchanged,
            findings: Vec::new(),
        });
    }
    groups
}
