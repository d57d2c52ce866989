//! The stable codes of the problems that a manifest can have.
//!
//! A code never changes its meaning, and a removed code is never used again. `docs/problems.md`
//! explains each one; a test compares that page with this list.

use std::fmt;

/// The severity of a problem: an error or a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The manifest cannot be used.
    Error,
    /// The manifest can be used, but it may contain a mistake.
    Warning,
}

word_enum! {
    /// The kind of a problem. The text is stable and in kebab case.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Code -> Severity {
        /// The file is larger than a manifest may be.
        TooLarge = "too-large" Severity::Error,
        /// The file is not UTF-8.
        NotUtf8 = "not-utf8" Severity::Error,
        /// The file is not YAML.
        YamlSyntax = "yaml-syntax" Severity::Error,
        /// The YAML nests too deeply, or its aliases expand to too much.
        YamlTooComplex = "yaml-too-complex" Severity::Error,
        /// The environments together have too many versions and settings.
        TooManyEntries = "too-many-entries" Severity::Error,
        /// Too many patterns to compare them with all names.
        TooManyPatterns = "too-many-patterns" Severity::Error,
        /// The file holds more than one YAML document.
        SeveralDocuments = "several-documents" Severity::Error,
        /// The file is empty.
        EmptyFile = "empty-file" Severity::Error,
        /// A key that is not known at its position.
        UnknownField = "unknown-field" Severity::Error,
        /// A key that a later version of solform will know.
        ReservedField = "reserved-field" Severity::Error,
        /// A key that one mapping has twice.
        DuplicateKey = "duplicate-key" Severity::Error,
        /// A value of another kind than expected.
        WrongType = "wrong-type" Severity::Error,
        /// A required key that is missing.
        MissingField = "missing-field" Severity::Error,
        /// A blank value.
        EmptyValue = "empty-value" Severity::Error,
        /// The manifest is written for another format version.
        FormatVersion = "format-version" Severity::Error,
        /// No environment is declared.
        NoEnvironments = "no-environments" Severity::Error,
        /// An invalid name of an environment.
        BadEnvironmentName = "bad-environment-name" Severity::Error,
        /// The selected environment is not declared.
        UnknownEnvironment = "unknown-environment" Severity::Error,
        /// Several environments are declared, and none is selected.
        EnvironmentNeeded = "environment-needed" Severity::Error,
        /// An invalid URL.
        BadUrl = "bad-url" Severity::Error,
        /// A URL with a user name or a password.
        UrlCredentials = "url-credentials" Severity::Error,
        /// A URL with which the token would be sent unencrypted.
        InsecureUrl = "insecure-url" Severity::Error,
        /// A token that is written into the manifest.
        TokenLiteral = "token-literal" Severity::Error,
        /// No token for a server that needs one.
        TokenMissing = "token-missing" Severity::Error,
        /// A token source that is invalid or names several sources.
        BadToken = "bad-token" Severity::Error,
        /// An account that cannot be sent in an HTTP header.
        BadContext = "bad-context" Severity::Error,
        /// A client certificate without its key, or the other way round.
        IncompleteClientCertificate = "incomplete-client-certificate" Severity::Error,
        /// A limit that is neither a count nor a percentage.
        BadLimit = "bad-limit" Severity::Error,
        /// An invalid duration.
        BadDuration = "bad-duration" Severity::Error,
        /// A timeout of zero.
        ZeroTimeout = "zero-timeout" Severity::Error,
        /// An invalid pattern.
        BadGlob = "bad-glob" Severity::Error,
        /// A protection pattern that cannot match any version.
        BadProtect = "bad-protect" Severity::Error,
        /// An invalid name of a variable.
        BadVariableName = "bad-variable-name" Severity::Error,
        /// An invalid `${..}`.
        BadInterpolation = "bad-interpolation" Severity::Error,
        /// A variable that is not declared.
        UnknownVariable = "unknown-variable" Severity::Error,
        /// Variables that use each other in a cycle.
        VariableCycle = "variable-cycle" Severity::Error,
        /// An environment variable that is not set.
        MissingEnvVariable = "missing-env-variable" Severity::Error,
        /// An environment variable that the manifest may not read.
        EnvNotAllowed = "env-not-allowed" Severity::Error,
        /// An environment variable with a token, used in a value.
        TokenInVariable = "token-in-variable" Severity::Error,
        /// A value that is too long after its variables were replaced.
        ValueTooLong = "value-too-long" Severity::Error,
        /// An invalid name, version or owner.
        BadIdentity = "bad-identity" Severity::Error,
        /// A solution without a version.
        NoVersion = "no-version" Severity::Error,
        /// A solution with `version` and `versions`.
        VersionAndVersions = "version-and-versions" Severity::Error,
        /// A version without an owner.
        MissingOwner = "missing-owner" Severity::Error,
        /// A path that is not the path of an `.ibsolution` file.
        BadPath = "bad-path" Severity::Error,
        /// A word that is not known at its position.
        UnknownWord = "unknown-word" Severity::Error,
        /// A `retain` that is not a count.
        BadRetain = "bad-retain" Severity::Error,
        /// A `retain` although `superseded` is `keep`.
        RetainWithKeep = "retain-with-keep" Severity::Error,
        /// `ABSENT` as a default.
        AbsentByDefault = "absent-by-default" Severity::Error,
        /// A declared version that is out of scope.
        OutOfScope = "out-of-scope" Severity::Error,
        /// A policy for undeclared solutions that covers all public ones of the instance.
        UndeclaredTooWide = "undeclared-too-wide" Severity::Error,
        /// A policy for undeclared solutions without a declared version that stays.
        NothingDeclared = "nothing-declared" Severity::Error,
        /// A version that is not live and has no package to deploy.
        PathNeeded = "path-needed" Severity::Error,
        /// A package that does not exist.
        PackageMissing = "package-missing" Severity::Error,
        /// A package that holds another solution or version than declared.
        PackageMismatch = "package-mismatch" Severity::Error,
        /// A package without a field that the platform requires.
        PackageInvalid = "package-invalid" Severity::Error,
        /// A package whose last deploy did not make the declared version.
        PackageDeployedBefore = "package-deployed-before" Severity::Error,
        /// A package of another kind than the platform documents.
        PackageType = "package-type" Severity::Warning,
        /// A package that cannot be inspected.
        PackageUnreadable = "package-unreadable" Severity::Warning,
        /// An owner that does not match the visibility.
        OwnerVisibility = "owner-visibility" Severity::Warning,
        /// Versions that differ only in notation.
        SimilarVersions = "similar-versions" Severity::Warning,
        /// Names that look the same.
        SimilarNames = "similar-names" Severity::Warning,
        /// An invisible character.
        InvisibleCharacter = "invisible-character" Severity::Warning,
        /// Two versions with one package.
        SharedPath = "shared-path" Severity::Warning,
        /// A manifest that declares nothing.
        EmptyManifest = "empty-manifest" Severity::Warning,
        /// A setting that has no effect.
        UnusedSetting = "unused-setting" Severity::Warning,
        /// A `~` that removes nothing.
        NothingRemoved = "nothing-removed" Severity::Warning,
    }
}

impl Code {
    /// Returns the severity, which is always the same for a code.
    pub fn severity(self) -> Severity {
        self.row()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_kebab_case() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            let text = code.as_str();
            assert!(seen.insert(text), "duplicate code {text}");
            let is_kebab =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(text.bytes().all(is_kebab), "{text}");
        }
    }
}
