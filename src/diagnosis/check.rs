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
    /// The subject of a check. The order is that of the report: each check needs those before it.
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
        /// The presence of the input folders of `verify`.
        Inputs = "inputs",
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

impl Diagnosis {
    /// Returns the number of checks with a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.verdict == verdict).count()
    }
}
