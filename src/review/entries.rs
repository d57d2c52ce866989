//! The comparison of the declared versions of both sides.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::fate::{fate_of_undeclared, serving};
use super::finding::{Effect, Finding, PolicyEffect, Risk, Side, SidePosition, Whom};
use super::kind::{Field, Kind};
use super::pairs::Pairs;
use crate::attribute::{State, Visibility};
use crate::ident::{Address, Identity, SolutionName, disambiguate};
use crate::manifest::{Desired, Manifest, SolutionPath, entries_of};

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
            self.compare_path(before, after);
            self.compare_fields(before, after);
        }
        self.first_superseders(base, head, begins_at);
    }

    fn address(&self, identity: &Identity) -> Address {
        let longer = self.alike.get(identity).cloned();
        longer.unwrap_or_else(|| identity.address())
    }

    pub(super) fn finding(&self, kind: Kind, entry: &Desired, side: Side) -> Finding {
        Finding {
            address: Some(self.address(&entry.identity)),
            field: None,
            kind,
            before: None,
            after: None,
            effect: None,
            concerned: Vec::new(),
            risks: Vec::new(),
            place: SidePosition {
                side,
                position: entry.position.clone(),
            },
        }
    }

    /// Returns true if the head declares an active version of this name.
    fn is_served(&self, name: &SolutionName) -> bool {
        serving(entries_of(&self.head.desired, name))
            .next()
            .is_some()
    }

    /// Returns the effect on a version that the head does not declare, and its risks.
    fn effect_on(&self, before: &Desired) -> (Effect, Vec<Risk>) {
        let identity = &before.identity;
        let fate = fate_of_undeclared(self.head, identity);
        let mut risks = risks_of(fate);
        let goes = !matches!(fate, PolicyEffect::LeftAlone(_));
        if goes && before.state == State::Active && !self.is_served(&identity.name) {
            risks.push(Risk::OutOfService);
        }
        let whom = Whom::Version(self.address(identity));
        (Effect { whom, fate }, risks)
    }

    fn removed(&mut self, before: &Desired) {
        let (effect, risks) = self.effect_on(before);
        let finding = self.finding(Kind::Removed, before, Side::Base);
        self.findings.push(Finding {
            before: Some(before.state.to_string()),
            effect: Some(effect),
            risks,
            ..finding
        });
    }

    fn added(&mut self, after: &Desired) {
        if after.state == State::Absent {
            return self.retired(None, after);
        }
        let mut risks = Vec::new();
        if after.visibility == Some(Visibility::Public) {
            risks.push(Risk::BecomesPublic);
        }
        let fate = fate_of_declared(after);
        let finding = self.finding(Kind::Added, after, Side::Head);
        self.findings.push(Finding {
            after: Some(after.state.to_string()),
            effect: Some(Effect {
                whom: Whom::Version(self.address(&after.identity)),
                fate,
            }),
            risks,
            ..finding
        });
    }

    fn moved(&mut self, before: &Desired, after: &Desired) {
        let is_tombstone = before.state == State::Absent && after.state == State::Absent;
        let (effect, risks) = if is_tombstone {
            // The new owner's record is deleted, and no other finding reports that.
            let fate = self.fate_of_retired(after);
            let whom = Whom::Version(after.identity.full_address());
            (Effect { whom, fate }, risks_of(fate))
        } else {
            let (effect, risks) = self.effect_on(before);
            let whom = Whom::Version(before.identity.full_address());
            (Effect { whom, ..effect }, risks)
        };
        let finding = self.finding(Kind::OwnerChanged, after, Side::Head);
        self.findings.push(Finding {
            field: Some(Field::Owner),
            before: Some(before.identity.owner.to_string()),
            after: Some(after.identity.owner.to_string()),
            effect: Some(effect),
            risks,
            ..finding
        });
        self.compare_path(before, after);
        self.compare_fields(before, after);
    }

    fn replaced(&mut self, before: &Desired, after: &Desired) {
        let kind = match before.identity.version.numeric_cmp(&after.identity.version) {
            Some(Ordering::Less) => Kind::Upgraded,
            Some(Ordering::Greater) => Kind::Downgraded,
            Some(Ordering::Equal) | None => Kind::ChangedSideways,
        };
        // If the old version is still declared, another finding reports the effect on it.
        let (effect, mut risks) = if is_declared(&self.head.desired, &before.identity) {
            (None, Vec::new())
        } else {
            let (effect, risks) = self.effect_on(before);
            (Some(effect), risks)
        };
        if kind == Kind::Downgraded && after.state == State::Active {
            risks.insert(0, Risk::GoesDown);
        }
        let finding = self.finding(kind, after, Side::Head);
        self.findings.push(Finding {
            field: Some(Field::Version),
            before: Some(before.identity.version.to_string()),
            after: Some(after.identity.version.to_string()),
            effect,
            risks,
            ..finding
        });
    }

    /// Compares all fields but the path, which normally differs between versions.
    fn compare_fields(&mut self, before: &Desired, after: &Desired) {
        // Every field is named, so that a new one cannot be forgotten here.
        let Desired {
            identity: _,    // `Pairs` compares it.
            path: _,        // `compare_path` compares it.
            policy_keys: _, // Line numbers are not compared.
            state,
            visibility,
            superseded: _, // `superseded` compares it.
            position: _,   // Line numbers are not compared.
        } = after;
        if before.state != *state {
            self.state(before, after);
        }
        if before.visibility != *visibility {
            self.visibility(before, after);
        }
        self.superseded(before, after);
    }

    fn compare_path(&mut self, before: &Desired, after: &Desired) {
        let text = |path: &Option<SolutionPath>| path.as_ref().map(|path| path.text.clone());
        let (from, to) = (text(&before.path), text(&after.path));
        // A tombstone has no path.
        let is_present = before.state != State::Absent && after.state != State::Absent;
        if from == to || !is_present {
            return;
        }
        let risks = if from.is_some() && to.is_some() {
            vec![Risk::SameVersion]
        } else {
            Vec::new()
        };
        let finding = self.finding(Kind::PathChanged, after, Side::Head);
        let place = match (&before.path, &after.path) {
            (Some(removed), None) => SidePosition::in_base(&removed.position),
            _ => finding.place.clone(),
        };
        self.findings.push(Finding {
            place,
            field: Some(Field::Path),
            before: from,
            after: to,
            effect: Some(Effect {
                whom: Whom::Version(self.address(&after.identity)),
                fate: PolicyEffect::NotDeployedAgain,
            }),
            risks,
            ..finding
        });
    }

    fn state(&mut self, before: &Desired, after: &Desired) {
        let was_serving = before.state == State::Active;
        let (kind, fate) = match after.state {
            State::Absent => return self.retired(Some(before), after),
            State::Active => (Kind::Activated, fate_of_declared(after)),
            State::Inactive if was_serving => (Kind::Deactivated, PolicyEffect::TakenOut),
            State::Inactive => (Kind::Revived, fate_of_declared(after)),
        };
        let is_end = was_serving && !self.is_served(&after.identity.name);
        let finding = self.finding(kind, after, Side::Head);
        self.findings.push(Finding {
            field: Some(Field::State),
            before: Some(before.state.to_string()),
            after: Some(after.state.to_string()),
            effect: Some(Effect {
                whom: Whom::Version(self.address(&after.identity)),
                fate,
            }),
            risks: if is_end {
                vec![Risk::OutOfService]
            } else {
                Vec::new()
            },
            ..finding
        });
    }

    fn fate_of_retired(&self, entry: &Desired) -> PolicyEffect {
        if self.head.protects(&entry.identity, self.head.user_name()) {
            PolicyEffect::Blocked
        } else {
            PolicyEffect::Deleted
        }
    }

    fn retired(&mut self, before: Option<&Desired>, after: &Desired) {
        let is_end = before.is_some_and(|before| before.state == State::Active)
            && !self.is_served(&after.identity.name);
        let fate = self.fate_of_retired(after);
        let mut risks = risks_of(fate);
        if is_end {
            risks.push(Risk::OutOfService);
        }
        let finding = self.finding(Kind::Retired, after, Side::Head);
        self.findings.push(Finding {
            field: Some(Field::State),
            before: before.map(|before| before.state.to_string()),
            after: Some(after.state.to_string()),
            effect: Some(Effect {
                whom: Whom::Version(self.address(&after.identity)),
                fate,
            }),
            risks,
            ..finding
        });
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
        let text = |visibility: Option<Visibility>| visibility.map(|word| word.as_str().to_owned());
        let finding = self.finding(kind, after, Side::Head);
        self.findings.push(Finding {
            field: Some(Field::Visibility),
            before: text(from),
            after: text(to),
            risks: if to == Some(Visibility::Public) {
                vec![Risk::BecomesPublic]
            } else {
                Vec::new()
            },
            ..finding
        });
    }
}

/// Returns true if `entries`, which are ordered by identity, contain this identity.
fn is_declared(entries: &[Desired], identity: &Identity) -> bool {
    entries
        .binary_search_by(|entry| entry.identity.cmp(identity))
        .is_ok()
}

fn fate_of_declared(entry: &Desired) -> PolicyEffect {
    match (&entry.path, entry.state) {
        (None, _) => PolicyEffect::Expected,
        (Some(_), State::Active) => PolicyEffect::Deployed,
        (Some(_), State::Inactive | State::Absent) => PolicyEffect::DeployedInactive,
    }
}

pub(super) fn risks_of(fate: PolicyEffect) -> Vec<Risk> {
    match fate {
        PolicyEffect::Deleted | PolicyEffect::DeletedBeyond(_) | PolicyEffect::PerhapsDeleted => {
            vec![Risk::Deleted, Risk::Irreversible]
        }
        PolicyEffect::Blocked => vec![Risk::Blocked],
        PolicyEffect::Deployed
        | PolicyEffect::DeployedInactive
        | PolicyEffect::Expected
        | PolicyEffect::NotDeployedAgain
        | PolicyEffect::LeftAlone(_)
        | PolicyEffect::TakenOut
        | PolicyEffect::PerhapsTakenOut => Vec::new(),
    }
}
