//! The checks of `doctor`, their verdicts, and the complete report.

/// The verdict of a check, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything is as expected.
    Ok,
    /// The check was skipped, because a precondition is missing.
    Skipped,
    /// A warning: solform works, but the user should know this.
    Warn,
    /// A failure: solform cannot work.
    Fail,
}

word_enum! {
    /// The subject of a check.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum CheckName {
        /// The program's own version.
        Solform = "solform",
        /// The scope of the manifest.
        Restrictions = "restrictions",
        /// The manifest.
        Manifest = "manifest",
        /// The connection to the URL.
        Connection = "connection",
        /// The server's certificate.
        Tls = "tls",
        /// The presence of a token.
        Token = "token",
        /// The API's answer to the token.
        Access = "access",
        /// The context with the account.
        Context = "context",
        /// The difference between the server's clock and the local one.
        Clock = "clock",
        /// The completeness of the list.
        Listing = "listing",
        /// The filter `state=`.
        FilterState = "filter-state",
        /// The filter `name=`.
        FilterName = "filter-name",
        /// The filter `visibility=`.
        FilterVisibility = "filter-visibility",
        /// The presence of the declared packages.
        Paths = "paths",
        /// The contents of the declared packages.
        Packages = "packages",
        /// The store.
        Store = "store",
        /// The lock.
        Lock = "lock",
    }
}

/// A single result of a check with several subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The subject.
    pub subject: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The result, as a sentence.
    pub text: String,
}

/// A check with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The subject.
    pub name: CheckName,
    /// The verdict.
    pub verdict: Verdict,
    /// The result, as a sentence.
    pub text: String,
    /// The fix, in full sentences.
    pub hint: Option<String>,
    /// The single results, if the check has several subjects.
    pub findings: Vec<Finding>,
}

impl Check {
    fn new(name: CheckName, verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            name,
            verdict,
            text: text.into(),
            hint: None,
            findings: Vec::new(),
        }
    }

    /// Returns a check that passed.
    pub fn ok(name: CheckName, text: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, text)
    }

    /// Returns a check with a warning.
    pub fn warn(name: CheckName, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::new(name, Verdict::Warn, text)
        }
    }

    /// Returns a check that failed.
    pub fn fail(name: CheckName, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::new(name, Verdict::Fail, text)
        }
    }

    /// Returns a check that was skipped, with the reason.
    pub fn skipped(name: CheckName, why: impl Into<String>) -> Self {
        Self::new(name, Verdict::Skipped, why)
    }

    /// Returns a check of several subjects. The worst finding decides the verdict.
    pub fn of_findings(
        name: CheckName,
        text: impl Into<String>,
        hint: impl Into<String>,
        findings: Vec<Finding>,
    ) -> Self {
        let worst = findings.iter().map(|finding| finding.verdict).max();
        let verdict = worst.unwrap_or(Verdict::Ok);
        Self {
            hint: (verdict > Verdict::Skipped).then(|| hint.into()),
            findings,
            ..Self::new(name, verdict, text)
        }
    }
}

/// The report: all checks, in the order of their dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The environment, if one could be chosen.
    pub environment: Option<String>,
    /// The version of solform.
    pub version: &'static str,
    /// The checks.
    pub checks: Vec<Check>,
}

/// The number of checks for each verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// The checks that passed.
    pub ok: usize,
    /// The checks with a warning.
    pub warn: usize,
    /// The checks that failed.
    pub fail: usize,
    /// The checks that were skipped.
    pub skipped: usize,
}

impl Diagnosis {
    /// Counts the checks.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for check in &self.checks {
            match check.verdict {
                Verdict::Ok => counts.ok += 1,
                Verdict::Warn => counts.warn += 1,
                Verdict::Fail => counts.fail += 1,
                Verdict::Skipped => counts.skipped += 1,
            }
        }
        counts
    }

    /// Returns whether a check failed.
    pub fn has_failed(&self) -> bool {
        self.counts().fail > 0
    }
}
