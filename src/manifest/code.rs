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

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $text:literal $severity:ident, )+) => {
        /// The kind of a problem. The text is stable and in kebab case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl Code {
            /// Every code, in the order of `docs/problems.md`.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the stable text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Returns the severity, which is always the same for a code.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)+
                }
            }
        }
    };
}

codes! {
    /// The file is larger than a manifest may be.
    TooLarge = "too-large" Error,
    /// The file is not UTF-8.
    NotUtf8 = "not-utf8" Error,
    /// The file is not YAML.
    YamlSyntax = "yaml-syntax" Error,
    /// The YAML nests too deeply, or its aliases expand to too much.
    YamlTooComplex = "yaml-too-complex" Error,
    /// The environments together have too many versions and settings.
    TooManyEntries = "too-many-entries" Error,
    /// Too many patterns to compare them with all names.
    TooManyPatterns = "too-many-patterns" Error,
    /// The file holds more than one YAML document.
    SeveralDocuments = "several-documents" Error,
    /// The file is empty.
    EmptyFile = "empty-file" Error,
    /// A key that is not known at its position.
    UnknownField = "unknown-field" Error,
    /// A key that a later version of solform will know.
    ReservedField = "reserved-field" Error,
    /// A key that one mapping has twice.
    DuplicateKey = "duplicate-key" Error,
    /// A value of another kind than expected.
    WrongType = "wrong-type" Error,
    /// A required key that is missing.
    MissingField = "missing-field" Error,
    /// A blank value.
    EmptyValue = "empty-value" Error,
    /// The manifest is written for another format version.
    FormatVersion = "format-version" Error,
    /// No environment is declared.
    NoEnvironments = "no-environments" Error,
    /// An invalid name of an environment.
    BadEnvironmentName = "bad-environment-name" Error,
    /// The selected environment is not declared.
    UnknownEnvironment = "unknown-environment" Error,
    /// Several environments are declared, and none is selected.
    EnvironmentNeeded = "environment-needed" Error,
    /// An invalid URL.
    BadUrl = "bad-url" Error,
    /// A URL with a user name or a password.
    UrlCredentials = "url-credentials" Error,
    /// A URL with which the token would be sent unencrypted.
    InsecureUrl = "insecure-url" Error,
    /// A token that is written into the manifest.
    TokenLiteral = "token-literal" Error,
    /// No token for a server that needs one.
    TokenMissing = "token-missing" Error,
    /// A token source that is invalid or names several sources.
    BadToken = "bad-token" Error,
    /// An account that cannot be sent in an HTTP header.
    BadContext = "bad-context" Error,
    /// A client certificate without its key, or the other way round.
    IncompleteClientCertificate = "incomplete-client-certificate" Error,
    /// A limit that is neither a count nor a percentage.
    BadLimit = "bad-limit" Error,
    /// An invalid duration.
    BadDuration = "bad-duration" Error,
    /// A timeout of zero.
    ZeroTimeout = "zero-timeout" Error,
    /// An invalid pattern.
    BadGlob = "bad-glob" Error,
    /// A protection pattern that cannot match any version.
    BadProtect = "bad-protect" Error,
    /// An invalid name of a variable.
    BadVariableName = "bad-variable-name" Error,
    /// An invalid `${..}`.
    BadInterpolation = "bad-interpolation" Error,
    /// A variable that is not declared.
    UnknownVariable = "unknown-variable" Error,
    /// Variables that use each other in a cycle.
    VariableCycle = "variable-cycle" Error,
    /// An environment variable that is not set.
    MissingEnvVariable = "missing-env-variable" Error,
    /// An environment variable that the manifest may not read.
    EnvNotAllowed = "env-not-allowed" Error,
    /// An environment variable with a token, used in a value.
    TokenInVariable = "token-in-variable" Error,
    /// A value that is too long after its variables were replaced.
    ValueTooLong = "value-too-long" Error,
    /// An invalid name, version or owner.
    BadIdentity = "bad-identity" Error,
    /// A solution without a version.
    NoVersion = "no-version" Error,
    /// A solution with `version` and `versions`.
    VersionAndVersions = "version-and-versions" Error,
    /// A version without an owner.
    MissingOwner = "missing-owner" Error,
    /// A path that is not the path of an `.ibsolution` file.
    BadPath = "bad-path" Error,
    /// A word that is not known at its position.
    UnknownWord = "unknown-word" Error,
    /// A `retain` that is not a count.
    BadRetain = "bad-retain" Error,
    /// A `retain` although `superseded` is `keep`.
    RetainWithKeep = "retain-with-keep" Error,
    /// `ABSENT` as a default.
    AbsentByDefault = "absent-by-default" Error,
    /// A declared version that is out of scope.
    OutOfScope = "out-of-scope" Error,
    /// A policy for undeclared solutions that covers all public ones of the instance.
    UndeclaredTooWide = "undeclared-too-wide" Error,
    /// A policy for undeclared solutions without a declared version that stays.
    NothingDeclared = "nothing-declared" Error,
    /// A version that is not live and has no package to deploy.
    PathNeeded = "path-needed" Error,
    /// A package that does not exist.
    PackageMissing = "package-missing" Error,
    /// A package that holds another solution or version than declared.
    PackageMismatch = "package-mismatch" Error,
    /// A package without a field that the platform requires.
    PackageInvalid = "package-invalid" Error,
    /// A package of another kind than the platform documents.
    PackageType = "package-type" Warning,
    /// A package that cannot be inspected.
    PackageUnreadable = "package-unreadable" Warning,
    /// An owner that does not match the visibility.
    OwnerVisibility = "owner-visibility" Warning,
    /// Versions that differ only in notation.
    SimilarVersions = "similar-versions" Warning,
    /// Names that look the same.
    SimilarNames = "similar-names" Warning,
    /// An invisible character.
    InvisibleCharacter = "invisible-character" Warning,
    /// Two versions with one package.
    SharedPath = "shared-path" Warning,
    /// A manifest that declares nothing.
    EmptyManifest = "empty-manifest" Warning,
    /// A setting that has no effect.
    UnusedSetting = "unused-setting" Warning,
    /// A `~` that removes nothing.
    NothingRemoved = "nothing-removed" Warning,
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
