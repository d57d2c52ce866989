//! The phrases of a review, shared by text, Markdown and GitHub annotations.

use crate::render::words;
use crate::review::{
    BaseCommit, DeclaredUpload, Effect, Field, Finding, Kind, PolicyEffect, ReviewBase,
    ReviewGroup, ReviewSummary, Whom,
};

/// Returns the names of a group's environments, with commas.
pub(in crate::render) fn environments(group: &ReviewGroup) -> String {
    group.environments.join(", ")
}

/// Returns the commit of the base, to be written after its name; empty if the base is a file.
pub(in crate::render) fn commit(base: &ReviewBase) -> String {
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

/// Returns the subject of a finding: a version, a setting, or the environment.
pub(in crate::render) fn subject<'a>(finding: &'a Finding, environment: &'a str) -> &'a str {
    match (&finding.address, finding.field) {
        (Some(address), _) => address.as_str(),
        (None, Some(field)) => field.as_str(),
        (None, None) => environment,
    }
}

/// Returns the key whose values differ. For an added or removed environment this is `url`, and for
/// an added or removed version `state`.
pub(in crate::render) fn key(finding: &Finding) -> &'static str {
    match (finding.field, finding.kind) {
        (Some(field), _) => field.as_str(),
        (None, Kind::EnvironmentAdded | Kind::EnvironmentRemoved) => Field::Url.as_str(),
        (None, _) => Field::State.as_str(),
    }
}

/// Returns the effect of a finding, the package that is uploaded, and the first `limit` versions
/// that it affects; `quote` escapes a text.
pub(in crate::render) fn consequences(
    finding: &Finding,
    limit: usize,
    quote: impl Fn(&str) -> String,
) -> Vec<String> {
    let predicate = match finding.kind {
        Kind::ProtectionRemovedWithEntry => "is removed in the same change",
        _ => "is affected",
    };
    let listed = finding.concerned.iter().take(limit);
    let listed = listed.map(|address| format!("{} {predicate}", quote(address.as_str())));
    let more = finding.concerned.len().saturating_sub(limit);
    let more = (more > 0).then(|| format!("and {more} more"));
    let effect = finding.effect.as_ref().map(|found| effect(found, &quote));
    let upload = finding.upload.as_ref().map(|it| upload(it, &quote));
    let facts = effect.into_iter().chain(upload);
    facts.chain(listed).chain(more).collect()
}

fn upload(upload: &DeclaredUpload, quote: impl Fn(&str) -> String) -> String {
    let DeclaredUpload { source, sha256 } = upload;
    let digest = sha256
        .as_ref()
        .map(|sha256| format!(", SHA-256 {}", quote(sha256.as_str())));
    let source = quote(source);
    format!(
        "its package is uploaded from {source}{}",
        digest.unwrap_or_default()
    )
}

/// Returns the effect of an apply as a sentence; `quote` escapes an address.
pub(in crate::render) fn effect(effect: &Effect, quote: impl Fn(&str) -> String) -> String {
    let Effect { whom, policy } = effect;
    let who = match whom {
        Whom::Version(address) => return effect_on_version(&quote(address.as_str()), *policy),
        Whom::OtherVersions => "live versions of the same name and owner that are not declared",
        Whom::UndeclaredNames => "live names in scope that are not declared",
        Whom::WholeEnvironment => "the live versions that it declared",
    };
    match policy {
        PolicyEffect::LeftAlone(why) => format!("{who} stay as they are: {}", why.reason()),
        PolicyEffect::DeletedBeyond(newest) => format!(
            "{who} will be deleted, except for the {}",
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
        | PolicyEffect::ReplacedOnChange
        | PolicyEffect::Blocked => format!("{who} are listed separately"),
    }
}

fn effect_on_version(who: &str, policy: PolicyEffect) -> String {
    match policy {
        PolicyEffect::Deployed => format!("{who} will serve, and is deployed if it is not live"),
        PolicyEffect::DeployedInactive => {
            format!("{who} will be out of service, and is deployed if it is not live")
        }
        PolicyEffect::Expected => format!("{who} has no path, so it must already be live"),
        PolicyEffect::NotDeployedAgain => format!("if {who} is live, it is not deployed again"),
        PolicyEffect::ReplacedOnChange => format!(
            "if {who} is live, and its source is not what was deployed, it will be deleted and \
             deployed again"
        ),
        PolicyEffect::LeftAlone(why) => {
            format!(
                "if {who} is live, it stays live, unchanged: {}",
                why.reason()
            )
        }
        PolicyEffect::TakenOut => format!("if {who} is live, it will be taken out of service"),
        PolicyEffect::PerhapsTakenOut => {
            format!("if {who} is live, it will be taken out of service if `user` published it")
        }
        PolicyEffect::PerhapsDeleted => format!(
            "if {who} is live and `user` published it, it will be deleted if an apply of this \
             store deployed it, and otherwise taken out of service"
        ),
        PolicyEffect::Deleted => format!("if {who} is live, it will be deleted"),
        PolicyEffect::DeletedBeyond(newest) => format!(
            "if {who} is live, it will be deleted, unless it is one of the newest {newest} \
             superseded versions"
        ),
        PolicyEffect::Blocked => {
            format!("if {who} is live, the plan is blocked: a protection covers it")
        }
    }
}

/// Returns the counts in one line, without a full stop.
pub(in crate::render) fn counts(summary: &ReviewSummary) -> String {
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
pub(in crate::render) const NO_CHANGES: &str = "No changes. Both manifests mean the same.";

/// Returns the number of findings for each risk.
pub(in crate::render) fn risks(summary: &ReviewSummary) -> String {
    let risks: Vec<String> = summary
        .risks
        .iter()
        .map(|(found, count)| format!("{count} {}", found.mark()))
        .collect();
    risks.join(", ")
}
