//! The comparison of the declared versions of both sides.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::finding::{DeclaredUpload, Finding, PolicyEffect, Risk, Side, SidePosition, Whom};
use super::kind::{Field, Kind};
use super::pairs::Pairs;
use super::policy_effect::{effect_of_undeclared, risks_of, serving};
use crate::attribute::{State, Visibility};
use crate::ident::{Address, Identity, SolutionName, disambiguate};
use crate::manifest::{Desired, Manifest, Redeploy, entries_of};

/// The comparison of the base's entries with the head manifest, whose policies apply.
pub(super) struct Comparison<'a> {
    base: &'a [Desired],
    pub(super) head: &'a Manifest,
    /// Longer addresses of the entries whose short addresses are equal on one side.
    alike: BTreeMap<&'a Identity, Address>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(base: &'a [Desired], head: &'a Manifest) -> Self {
        let mut alike: BTreeMap<&Identity, Address> = BTreeMap::new();
        for side in [base, &head.desired] {
            let items: Vec<_> = side.iter().map(|entry| (&entry.identity, None)).collect();
            for ((identity, _), address) in items.iter().zip(disambiguate(&items)) {
                let known = alike.get(*identity).map_or(0, |known| known.as_str().len());
                if address != identity.address() && address.as_str().len() > known {
                    alike.insert(identity, address);
                }
            }
        }
        Self {
            base,
            head,
            alike,
            findings: Vec::new(),
        }
    }

    /// Compares the entries name by name, and returns the findings.
    pub(super) fn findings(mut self) -> Vec<Finding> {
        let (base, head) = (self.base, self.head.desired.as_slice());
        let names: BTreeSet<&SolutionName> = base
            .iter()
            .chain(head)
            .map(|entry| &entry.identity.name)
            .collect();
        for name in names {
            self.compare_name(entries_of(base, name), entries_of(head, name));
        }
        self.merge_policies();
        self.findings
    }

    fn compare_name(&mut self, base: &'a [Desired], head: &'a [Desired]) {
        let begins_at = self.findings.len();
        let pairs = Pairs::of(base, head);
        for (before, after) in pairs.moved {
            self.moved(before, after);
        }
        for (before, after) in pairs.replaced {
            self.replaced(before, after);
            // A version that the base also declares is compared with itself below.
            if !is_declared(base, &after.identity) {
                self.compare_fields(before, after);
            }
        }
        for before in pairs.removed {
            self.removed(before);
        }
        for after in pairs.added {
            self.added(after);
        }
        for (before, after) in pairs.same {
            self.compare_package(before, after);
            self.compare_fields(before, after);
        }
        self.first_superseders(base, head, begins_at);
    }

    fn address(&self, identity: &Identity) -> Address {
        let longer = self.alike.get(identity).cloned();
        longer.unwrap_or_else(|| identity.address())
    }

    pub(super) fn finding(&self, kind: Kind, entry: &Desired, side: Side) -> Finding {
        let position = entry.position.clone();
        Finding {
            address: Some(self.address(&entry.identity)),
            ..Finding::new(kind, SidePosition { side, position })
        }
    }

    /// Returns an entry as the target of an effect.
    fn version(&self, entry: &Desired) -> Whom {
        Whom::Version(self.address(&entry.identity))
    }

    /// Returns true if the head declares an active version of this name.
    fn is_served(&self, name: &SolutionName) -> bool {
        serving(entries_of(&self.head.desired, name))
            .next()
            .is_some()
    }

    /// Returns the effect on a version that the head does not declare, and its risks.
    fn effect_on(&self, before: &Desired) -> (PolicyEffect, Vec<Risk>) {
        let policy = effect_of_undeclared(self.head, &before.identity);
        let goes = !matches!(policy, PolicyEffect::LeftAlone(_));
        let is_end =
            goes && before.state == State::Active && !self.is_served(&before.identity.name);
        let mut risks = risks_of(policy);
        risks.extend(is_end.then_some(Risk::OutOfService));
        (policy, risks)
    }

    fn removed(&mut self, before: &Desired) {
        let (policy, risks) = self.effect_on(before);
        let finding = self
            .finding(Kind::Removed, before, Side::Base)
            .values(Some(before.state), None)
            .effect(self.version(before), policy);
        self.findings.push(finding.risks(risks));
    }

    fn added(&mut self, after: &Desired) {
        if after.state == State::Absent {
            return self.retired(None, after);
        }
        let mut finding = self
            .finding(Kind::Added, after, Side::Head)
            .values(None, Some(after.state))
            .effect(self.version(after), effect_of_declared(after));
        finding.upload = upload_of(after);
        let replaces = replaces_bytes(after).then_some(Risk::ReplacesBytes);
        self.findings
            .push(finding.risks(exposure(after)).risks(replaces));
    }

    fn moved(&mut self, before: &Desired, after: &Desired) {
        let is_tombstone = before.state == State::Absent && after.state == State::Absent;
        let (entry, (policy, risks)) = if is_tombstone {
            // The new owner's record is deleted, and no other finding reports that.
            let policy = self.effect_of_retired(after);
            (after, (policy, risks_of(policy)))
        } else {
            (before, self.effect_on(before))
        };
        let (from, to) = (&before.identity.owner, &after.identity.owner);
        let finding = self
            .finding(Kind::OwnerChanged, after, Side::Head)
            .field(Field::Owner, Some(from), Some(to))
            .effect(Whom::Version(entry.identity.full_address()), policy);
        self.findings.push(finding.risks(risks));
        self.compare_package(before, after);
        self.compare_fields(before, after);
    }

    fn replaced(&mut self, before: &Desired, after: &Desired) {
        let (from, to) = (&before.identity.version, &after.identity.version);
        let kind = match from.numeric_cmp(to) {
            Some(Ordering::Less) => Kind::Upgraded,
            Some(Ordering::Greater) => Kind::Downgraded,
            Some(Ordering::Equal) | None => Kind::ChangedSideways,
        };
        let goes_down = kind == Kind::Downgraded && after.state == State::Active;
        let mut finding = self
            .finding(kind, after, Side::Head)
            .field(Field::Version, Some(from), Some(to))
            .risks(goes_down.then_some(Risk::GoesDown));
        finding.upload = upload_of(after);
        // If the old version is still declared, another finding reports the effect on it.
        if !is_declared(&self.head.desired, &before.identity) {
            let (policy, risks) = self.effect_on(before);
            finding = finding.effect(self.version(before), policy).risks(risks);
        }
        self.findings.push(finding);
        // A version that the base also declares is compared with itself below.
        if !is_declared(self.base, &after.identity) {
            self.overwrite(before, after);
        }
    }

    /// Compares the permission to replace different bytes. Without a source, nothing is uploaded.
    fn overwrite(&mut self, before: &Desired, after: &Desired) {
        let kind = match (replaces_bytes(before), replaces_bytes(after)) {
            (false, true) => Kind::OverwriteAllowed,
            (true, false) if after.source.is_some() => Kind::OverwriteForbidden,
            (true, true | false) | (false, false) => return,
        };
        let value = |entry: &Desired| entry.source.as_deref().map(|source| source.overwrite);
        let finding = self
            .finding(kind, after, Side::Head)
            .field(Field::Overwrite, value(before), value(after))
            .risks((kind == Kind::OverwriteAllowed).then_some(Risk::ReplacesBytes));
        self.findings.push(finding);
    }

    /// Compares all fields but those of the package, which normally differ between versions.
    fn compare_fields(&mut self, before: &Desired, after: &Desired) {
        // Every field is named, so that a new one cannot be forgotten here.
        let Desired {
            identity: _, // `Pairs` compares it.
            path: _,     // `compare_package` compares it.
            source: _,   // `compare_package` compares it.
            verification,
            drain: _, // `drain` compares it.
            state,
            visibility,
            superseded: _, // `superseded` compares it.
            position: _,   // Line numbers are not compared.
        } = after;
        if before.verification != *verification && after.state == State::Active {
            self.verification(before, after);
        }
        self.drain(before, after);
        if before.state != *state {
            self.state(before, after);
        }
        if before.visibility != *visibility {
            self.visibility(before, after);
        }
        self.superseded(before, after);
    }

    /// Compares the fields that name the package.
    fn compare_package(&mut self, before: &Desired, after: &Desired) {
        // A tombstone has no package.
        if before.state == State::Absent || after.state == State::Absent {
            return;
        }
        let fields = |entry: &Desired| {
            let source = entry.source.as_deref();
            let path = entry.path.as_ref().map(|path| path.text.to_string());
            let sha256 = source.and_then(|source| source.sha256.as_ref());
            let redeploy = source.map(|source| source.redeploy.as_str().to_owned());
            [
                (Field::Path, path),
                (
                    Field::Source,
                    source.map(|source| source.origin.to_string()),
                ),
                (Field::Sha256, sha256.map(ToString::to_string)),
                (Field::Redeploy, redeploy),
            ]
        };
        let redeploys = |entry: &Desired| {
            let source = entry.source.as_deref();
            source.is_some_and(|source| source.redeploy == Redeploy::OnChange)
        };
        for ((field, from), (_, to)) in fields(before).into_iter().zip(fields(after)) {
            if from == to {
                continue;
            }
            let is_policy = field == Field::Redeploy;
            let kind = match (is_policy, redeploys(after)) {
                (false, _) if field == Field::Path => Kind::PathChanged,
                (false, _) => Kind::SourceChanged,
                (true, true) => Kind::PolicyLoosened,
                // A version that never had a source is not redeployed by default.
                (true, false) if !redeploys(before) => continue,
                (true, false) => Kind::PolicyTightened,
            };
            let is_compared = matches!(field, Field::Source | Field::Sha256 | Field::Redeploy);
            let policy = if is_compared && redeploys(after) {
                PolicyEffect::ReplacedOnChange
            } else {
                PolicyEffect::NotDeployedAgain
            };
            let is_other = from.is_some() && to.is_some() && !is_policy;
            let mut finding = self
                .finding(kind, after, Side::Head)
                .field(field, from, to)
                .effect(self.version(after), policy)
                .risks(is_other.then_some(Risk::SameVersion))
                .risks(risks_of(policy));
            if field == Field::Path
                && let (Some(removed), None) = (&before.path, &after.path)
            {
                finding.place = SidePosition::in_base(&removed.position);
            }
            self.findings.push(finding);
        }
        self.overwrite(before, after);
    }

    fn verification(&mut self, before: &Desired, after: &Desired) {
        let texts = |digits: usize| {
            [before, after].map(|entry| {
                let verification = entry.verification.as_ref()?;
                let digest = &verification.digest().to_string()[..digits];
                Some(format!("{verification} {digest}").trim_end().to_owned())
            })
        };
        let [mut from, mut to] = texts(0);
        if from == to {
            // Only values that the names do not show are different.
            [from, to] = texts(8);
        }
        let kind = match &to {
            Some(_) => Kind::VerificationChanged,
            None => Kind::VerificationRemoved,
        };
        let mut finding = self
            .finding(kind, after, Side::Head)
            .field(Field::Verify, from, to);
        if kind == Kind::VerificationRemoved {
            finding.place = SidePosition::in_base(&before.position);
        }
        self.findings.push(finding);
    }

    fn state(&mut self, before: &Desired, after: &Desired) {
        let was_serving = before.state == State::Active;
        let (kind, policy) = match after.state {
            State::Absent => return self.retired(Some(before), after),
            State::Active => (Kind::Activated, effect_of_declared(after)),
            State::Inactive if was_serving => (Kind::Deactivated, PolicyEffect::TakenOut),
            State::Inactive => (Kind::Revived, effect_of_declared(after)),
        };
        let is_end = was_serving && !self.is_served(&after.identity.name);
        let finding = self
            .finding(kind, after, Side::Head)
            .field(Field::State, Some(before.state), Some(after.state))
            .effect(self.version(after), policy)
            .risks(is_end.then_some(Risk::OutOfService));
        self.findings.push(finding);
    }

    fn effect_of_retired(&self, entry: &Desired) -> PolicyEffect {
        if self.head.protects(&entry.identity, self.head.user_name()) {
            PolicyEffect::Blocked
        } else {
            PolicyEffect::Deleted
        }
    }

    fn retired(&mut self, before: Option<&Desired>, after: &Desired) {
        let is_end = before.is_some_and(|before| before.state == State::Active)
            && !self.is_served(&after.identity.name);
        let policy = self.effect_of_retired(after);
        let finding = self
            .finding(Kind::Retired, after, Side::Head)
            .field(
                Field::State,
                before.map(|before| before.state),
                Some(after.state),
            )
            .effect(self.version(after), policy)
            .risks(risks_of(policy))
            .risks(is_end.then_some(Risk::OutOfService));
        self.findings.push(finding);
    }

    fn visibility(&mut self, before: &Desired, after: &Desired) {
        let reach = |visibility: Visibility| match visibility {
            Visibility::Private => 0,
            Visibility::PendingReview => 1,
            Visibility::Public => 2,
        };
        let (from, to) = (before.visibility, after.visibility);
        let kind = match (from.map(reach), to.map(reach)) {
            (_, None) => Kind::VisibilityReleased,
            // Without a declaration the visibility is not known. `PRIVATE` is never wider, so it is
            // reported as narrowed.
            (None, Some(0)) => Kind::VisibilityNarrowed,
            (Some(from), Some(to)) if from > to => Kind::VisibilityNarrowed,
            (None | Some(_), Some(_)) => Kind::VisibilityWidened,
        };
        let finding = self
            .finding(kind, after, Side::Head)
            .field(Field::Visibility, from, to)
            .risks(exposure(after));
        self.findings.push(finding);
    }
}

/// Returns the package that is uploaded for an entry, if it is deployed.
fn upload_of(entry: &Desired) -> Option<DeclaredUpload> {
    let source = entry.source.as_deref();
    let source = source.filter(|_| entry.state != State::Absent)?;
    Some(DeclaredUpload {
        source: source.origin.to_string(),
        sha256: source.sha256.clone(),
    })
}

/// Returns true if the upload of an entry may replace different bytes.
fn replaces_bytes(entry: &Desired) -> bool {
    let source = entry.source.as_deref();
    source.is_some_and(|source| source.overwrite)
}

/// Returns the risk of an entry that is declared as public.
fn exposure(entry: &Desired) -> Option<Risk> {
    (entry.visibility == Some(Visibility::Public)).then_some(Risk::BecomesPublic)
}

/// Returns true if `entries`, which are ordered by identity, contain this identity.
fn is_declared(entries: &[Desired], identity: &Identity) -> bool {
    entries
        .binary_search_by(|entry| entry.identity.cmp(identity))
        .is_ok()
}

fn effect_of_declared(entry: &Desired) -> PolicyEffect {
    match (&entry.path, entry.state) {
        (None, _) => PolicyEffect::Expected,
        (Some(_), State::Active) => PolicyEffect::Deployed,
        (Some(_), State::Inactive | State::Absent) => PolicyEffect::DeployedInactive,
    }
}
