//! Checks, verdicts, and the whole of them.

/// How a check ended, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not asked, because something that it needs is not there.
    Skipped,
    /// Something to know of; solform works all the same.
    Warn,
    /// solform cannot work like this.
    Fail,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckName {
    /// The program's own version.
    Solform,
    /// What the manifest may reach.
    Restrictions,
    /// The manifest.
    Manifest,
    /// True if anybody answers at the URL.
    Connection,
    /// The server's certificate.
    Tls,
    /// True if there is a token.
    Token,
    /// True if the API answers to the token.
    Access,
    /// True if the account is known.
    Context,
    /// The server's clock and ours.
    Clock,
    /// True if the list is proven complete.
    Listing,
    /// `state=`.
    FilterState,
    /// `name=`.
    FilterName,
    /// `visibility=`.
    FilterVisibility,
    /// True if the declared packages are there.
    Paths,
    /// True if they are what is declared.
    Packages,
    /// The store.
    Store,
    /// The lock.
    Lock,
}

impl CheckName {
    /// The name, in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Solform => "solform",
            Self::Restrictions => "restrictions",
            Self::Manifest => "manifest",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Token => "token",
            Self::Access => "access",
            Self::Context => "context",
            Self::Clock => "clock",
            Self::Listing => "listing",
            Self::FilterState => "filter-state",
            Self::FilterName => "filter-name",
            Self::FilterVisibility => "filter-visibility",
            Self::Paths => "paths",
            Self::Packages => "packages",
            Self::Store => "store",
            Self::Lock => "lock",
        }
    }
}

/// One thing of several that a check looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, as a sentence.
    pub text: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: CheckName,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, as a sentence.
    pub text: String,
    /// What to do about it, in full sentences.
    pub hint: Option<String>,
    /// The single things that it looked at, where there are several.
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

    /// As it should be.
    pub fn ok(name: CheckName, text: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, text)
    }

    /// Something to know of.
    pub fn warn(name: CheckName, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::new(name, Verdict::Warn, text)
        }
    }

    /// What solform cannot work with.
    pub fn fail(name: CheckName, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::new(name, Verdict::Fail, text)
        }
    }

    /// What could not be asked, and why not.
    pub fn skipped(name: CheckName, why: impl Into<String>) -> Self {
        Self::new(name, Verdict::Skipped, why)
    }

    /// The check of several things: as bad as the worst of them.
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

/// All checks, in the order in which they build on each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The environment, where one could be chosen.
    pub environment: Option<String>,
    /// The version of solform.
    pub version: &'static str,
    /// The checks.
    pub checks: Vec<Check>,
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// As it should be.
    pub ok: usize,
    /// To know of.
    pub warn: usize,
    /// Failed.
    pub fail: usize,
    /// Not asked.
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

    /// Returns whether solform cannot work like this.
    pub fn has_failed(&self) -> bool {
        self.counts().fail > 0
    }
}
