//! The only place that counts findings.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Review, Risk};
use super::kind::Kind;

/// The numbers of findings by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewSummary {
    /// All findings; one that several environments share counts once.
    pub findings: usize,
    /// Versions that are new.
    pub added: usize,
    /// Versions that are not declared any more.
    pub removed: usize,
    /// Versions that get a tombstone.
    pub retired: usize,
    /// Higher versions in the place of lower ones.
    pub upgraded: usize,
    /// Lower versions in the place of higher ones.
    pub downgraded: usize,
    /// Every other finding.
    pub other: usize,
    /// Findings with a high risk.
    pub high_risk: usize,
    /// The number of findings for each risk, the high ones first.
    pub risks: BTreeMap<Risk, usize>,
    /// Environments that were compared.
    pub environments: usize,
    /// Environments with findings.
    pub changed_environments: usize,
}

impl ReviewSummary {
    /// Counts a review.
    pub fn of(review: &Review) -> Self {
        let changed = review
            .groups
            .iter()
            .filter(|group| !group.findings.is_empty());
        let changed: BTreeSet<&String> = changed.flat_map(|group| &group.environments).collect();
        let mut summary = Self {
            environments: review.environments.len(),
            changed_environments: changed.len(),
            ..Self::default()
        };
        for finding in review.groups.iter().flat_map(|group| &group.findings) {
            summary.add(finding);
        }
        summary
    }

    /// Returns whether anything changes.
    pub fn has_changes(&self) -> bool {
        self.findings > 0
    }

    fn add(&mut self, finding: &Finding) {
        self.findings += 1;
        let count = match finding.kind {
            Kind::Added => &mut self.added,
            Kind::Removed => &mut self.removed,
            Kind::Retired => &mut self.retired,
            Kind::Upgraded => &mut self.upgraded,
            Kind::Downgraded => &mut self.downgraded,
            _ => &mut self.other,
        };
        *count += 1;
        self.high_risk += usize::from(finding.has_high_risk());
        for risk in &finding.risks {
            *self.risks.entry(*risk).or_default() += 1;
        }
    }
}
