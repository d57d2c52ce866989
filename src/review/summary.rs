//! The counts of findings. No other module counts them.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Review, Risk};
use super::kind::Kind;

/// The counts of findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewSummary {
    /// All findings; a finding that several environments share is counted once.
    pub findings: usize,
    /// Versions that are new.
    pub added: usize,
    /// Versions that are no longer declared.
    pub removed: usize,
    /// Versions that get a tombstone.
    pub retired: usize,
    /// Versions that replace a lower version.
    pub upgraded: usize,
    /// Versions that replace a higher version.
    pub downgraded: usize,
    /// Every other finding.
    pub other: usize,
    /// Findings with a high risk.
    pub high_risk: usize,
    /// The number of findings for each risk, high risks first.
    pub risks: BTreeMap<Risk, usize>,
    /// Environments that were compared.
    pub environments: usize,
    /// Environments with findings.
    pub changed_environments: usize,
}

impl ReviewSummary {
    /// Counts the findings of a review.
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

    /// Returns true if there is a finding.
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
