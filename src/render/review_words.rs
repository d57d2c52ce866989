//! A review in words, for people: one set for text and Markdown.

use super::words::{self, risk};
use crate::review::{
    BaseCommit, Effect, Field, Finding, Kind, LeftAlone, PolicyEffect, ReviewBase, ReviewGroup,
    ReviewSummary, Risk, Whom,
};

/// What a sign before a finding says: something comes, goes, or is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Comes,
    Goes,
    Changes,
}

impl Sign {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::EnvironmentAdded | Kind::Added | Kind::ProtectionAdded => Self::Comes,
            Kind::EnvironmentRemoved
            | Kind::Removed
            | Kind::Retired
            | Kind::LimitRemoved
            | Kind::ProtectionRemoved
            | Kind::ProtectionRemovedWithEntry => Self::Goes,
            Kind::Upgraded
            | Kind::Downgraded
            | Kind::ChangedSideways
            | Kind::OwnerChanged
            | Kind::PathChanged
            | Kind::VisibilityWidened
            | Kind::VisibilityNarrowed
            | Kind::VisibilityReleased
            | Kind::Activated
            | Kind::Deactivated
            | Kind::Revived
            | Kind::PolicyLoosened
            | Kind::PolicyTightened
            | Kind::ScopeWidened
            | Kind::ScopeNarrowed
            | Kind::ScopeChanged
            | Kind::LimitLoosened
            | Kind::LimitTightened
            | Kind::LimitChanged
            | Kind::TimeoutChanged
            | Kind::UrlChanged
            | Kind::TokenSourceChanged
            | Kind::UserChanged
            | Kind::ContextChanged
            | Kind::StoreChanged
            | Kind::TlsChanged
            | Kind::EmulatorChanged => Self::Changes,
        }
    }

    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Comes => "+",
            Self::Goes => "-",
            Self::Changes => "~",
        }
    }
}

/// The kind of change.
pub(super) fn phrase(kind: Kind) -> &'static str {
    match kind {
        Kind::EnvironmentAdded => "environment added",
        Kind::EnvironmentRemoved => "environment removed",
        Kind::Added => "added",
        Kind::Removed => "removed",
        Kind::Upgraded => "version upgraded",
        Kind::Downgraded => "version downgraded",
        Kind::ChangedSideways => "version changed incomparable",
        Kind::OwnerChanged => "owner changed",
        Kind::PathChanged => "path changed, version the same",
        Kind::VisibilityWidened => "visibility widened",
        Kind::VisibilityNarrowed => "visibility narrowed",
        Kind::VisibilityReleased => "visibility not declared any more",
        Kind::Activated => "activated",
        Kind::Deactivated => "deactivated",
        Kind::Retired => "retired: declared as ABSENT",
        Kind::Revived => "declared again, out of service",
        Kind::PolicyLoosened => "policy loosened",
        Kind::PolicyTightened => "policy tightened",
        Kind::ScopeWidened => "scope widened",
        Kind::ScopeNarrowed => "scope narrowed",
        Kind::ScopeChanged => "scope changed",
        Kind::LimitLoosened => "limit loosened",
        Kind::LimitTightened => "limit tightened",
        Kind::LimitChanged => "limit changed",
        Kind::LimitRemoved => "limit removed",
        Kind::ProtectionAdded => "protection added",
        Kind::ProtectionRemoved => "protection removed",
        Kind::ProtectionRemovedWithEntry => "protection removed together with what it covered",
        Kind::TimeoutChanged => "timeout changed",
        Kind::UrlChanged => "URL changed",
        Kind::TokenSourceChanged => "token source changed",
        Kind::UserChanged => "user changed",
        Kind::ContextChanged => "context changed",
        Kind::StoreChanged => "store changed",
        Kind::TlsChanged => "TLS changed",
        Kind::EmulatorChanged => "emulator changed",
    }
}

/// A risk, in the words of the plan where the plan has it.
pub(super) fn risk(found: Risk) -> &'static str {
    match found {
        Risk::ProtectionRemovedWithEntry => "protection removed with what it covered",
        Risk::Blocked => risk::BLOCKED,
        Risk::Deleted => risk::DELETED,
        Risk::BecomesPublic => risk::BECOMES_PUBLIC,
        Risk::GoesDown => risk::GOES_DOWN,
        Risk::OtherServer => "another server",
        Risk::RunsCommand => "runs a command",
        Risk::Irreversible => risk::IRREVERSIBLE,
        Risk::OutOfService => risk::OUT_OF_SERVICE,
        Risk::ProtectionRemoved => "protection removed",
        Risk::Loosened => "loosened",
        Risk::PerhapsLoosened => "perhaps loosened",
        Risk::OtherAccount => "another account",
        Risk::OtherToken => "another token",
        Risk::OtherTrust => "other certificates",
        Risk::OtherStore => "another lock and journal",
        Risk::SameVersion => "same version, another package",
    }
}

/// The names of a group's environments, in one text.
pub(super) fn environments(group: &ReviewGroup) -> String {
    group.environments.join(", ")
}

/// The commit of the base, behind its name.
pub(super) fn commit(base: &ReviewBase) -> String {
    let Some(BaseCommit { id, is_merge_base }) = &base.commit else {
        return String::new();
    };
    let id = id.get(..12).unwrap_or(id);
    if *is_merge_base {
        format!(", at {id}, the merge base with HEAD")
    } else {
        format!(", at {id}")
    }
}

/// What a finding is about: a version, a setting, or the environment.
pub(super) fn subject<'a>(finding: &'a Finding, environment: &'a str) -> &'a str {
    match (&finding.address, finding.field) {
        (Some(address), _) => address.as_str(),
        (None, Some(field)) => field.as_str(),
        (None, None) => environment,
    }
}

/// The key whose values differ; that of what comes or goes is told by one that it has.
pub(super) fn key(finding: &Finding) -> &'static str {
    match (finding.field, finding.kind) {
        (Some(field), _) => field.as_str(),
        (None, Kind::EnvironmentAdded | Kind::EnvironmentRemoved) => Field::Url.as_str(),
        (None, _) => Field::State.as_str(),
    }
}

/// What is said of one version that a finding concerns.
pub(super) fn concerned(kind: Kind) -> &'static str {
    match kind {
        Kind::ProtectionRemovedWithEntry => "goes in the same change",
        _ => "is concerned",
    }
}

/// What an apply makes of it; `quote` makes an address harmless.
pub(super) fn effect(effect: &Effect, quote: impl Fn(&str) -> String) -> String {
    let Effect { whom, fate } = effect;
    let who = match whom {
        Whom::Version(address) => return effect_on_version(&quote(address.as_str()), *fate),
        Whom::OtherVersions => "live versions of the same name and owner that are not declared",
        Whom::UndeclaredNames => "live names in scope that are not declared",
        Whom::WholeEnvironment => "the live versions that it declared",
    };
    match fate {
        PolicyEffect::LeftAlone(why) => format!("{who} stay as they are: {}", because(*why)),
        PolicyEffect::DeletedBeyond(newest) => format!(
            "{who} will be deleted, but for the {}",
            words::count(*newest, "newest one")
        ),
        PolicyEffect::Deleted => format!("{who} will be deleted"),
        PolicyEffect::TakenOut => format!("{who} will be taken out of service"),
        PolicyEffect::PerhapsTakenOut => format!("{who} may be taken out of service"),
        PolicyEffect::PerhapsDeleted => format!("{who} may be deleted"),
        PolicyEffect::Deployed
        | PolicyEffect::DeployedInactive
        | PolicyEffect::Expected
        | PolicyEffect::NotDeployedAgain
        | PolicyEffect::Blocked => format!("{who} are listed separately"),
    }
}

fn effect_on_version(who: &str, fate: PolicyEffect) -> String {
    match fate {
        PolicyEffect::Deployed => format!("{who} will serve, and is deployed if it is not live"),
        PolicyEffect::DeployedInactive => {
            format!("{who} will be out of service, and is deployed if it is not live")
        }
        PolicyEffect::Expected => format!("{who} has no path, so that it must be live already"),
        PolicyEffect::NotDeployedAgain => format!("if {who} is live, it is not deployed again"),
        PolicyEffect::LeftAlone(why) => {
            format!(
                "if {who} is live, it is left alone, still live: {}",
                because(why)
            )
        }
        PolicyEffect::TakenOut => format!("if {who} is live, it will be taken out of service"),
        PolicyEffect::PerhapsTakenOut => format!(
            "if {who} is live, it will be taken out of service where `user` has published it"
        ),
        PolicyEffect::PerhapsDeleted => format!(
            "if {who} is live and `user` has published it, it will be deleted where an apply of this store deployed it, and else taken out of service"
        ),
        PolicyEffect::Deleted => format!("if {who} is live, it will be deleted"),
        PolicyEffect::DeletedBeyond(newest) => format!(
            "if {who} is live, it will be deleted, unless it is among the newest {newest} of those superseded"
        ),
        PolicyEffect::Blocked => {
            format!("if {who} is live, the plan is blocked: a protection covers it")
        }
    }
}

fn because(why: LeftAlone) -> &'static str {
    match why {
        LeftAlone::Ignored => "`manage.undeclared` is `ignore`",
        LeftAlone::Kept => "`superseded` is `keep`",
        LeftAlone::NothingSupersedes => "no declared ACTIVE version of its owner supersedes it",
        LeftAlone::OutOfScope => "it is not under `manage`",
        LeftAlone::Followed => "it counts as the declared version: its owners are one owner pair",
        LeftAlone::EnvironmentRemoved => "no manifest speaks of the environment any more",
    }
}

/// The numbers, in one line without an end.
pub(super) fn counts(summary: &ReviewSummary) -> String {
    format!(
        "Review: {} added, {} removed, {} retired, {} upgraded, {} downgraded, {}",
        summary.added,
        summary.removed,
        summary.retired,
        summary.upgraded,
        summary.downgraded,
        words::count(summary.other, "other change")
    )
}

/// The text for a review without changes.
pub(super) const NO_CHANGES: &str = "No changes. Both manifests mean the same.";

/// Returns the number of findings for each risk.
pub(super) fn risks(summary: &ReviewSummary) -> String {
    let risks: Vec<String> = summary
        .risks
        .iter()
        .map(|(found, count)| format!("{count} {}", risk(*found)))
        .collect();
    risks.join(", ")
}
