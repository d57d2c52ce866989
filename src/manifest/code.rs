//! The stable names of everything that can be wrong with a manifest.
//!
//! A code never changes its meaning and is never used again. `docs/problems.md` explains each one;
//! a test proves that the page and this list are equal.

use std::fmt;

/// True if a problem keeps the manifest from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The manifest cannot be used.
    Error,
    /// The manifest can be used, and somebody should look.
    Warning,
}

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $text:literal $severity:ident, )+) => {
        /// What kind of problem it is. The text is stable and in kebab case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl Code {
            /// Every code, in the order of `docs/problems.md`.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Returns whether it is an error or a warning: always the same for one code.
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
    /// Environments times entries are more than is checked.
    TooManyEntries = "too-many-entries" Error,
    /// Patterns times names are more than is compared.
    TooManyPatterns = "too-many-patterns" Error,
    /// The file holds more than one YAML document.
    SeveralDocuments = "several-documents" Error,
    /// The file holds nothing.
    EmptyFile = "empty-file" Error,
    /// A key that nobody knows at its place.
    UnknownField = "unknown-field" Error,
    /// A key that a later version of solform will know.
    ReservedField = "reserved-field" Error,
    /// A key that is there twice.
    DuplicateKey = "duplicate-key" Error,
    /// A value of another kind than expected.
    WrongType = "wrong-type" Error,
    /// A key that must be there and is not.
    MissingField = "missing-field" Error,
    /// A value without any text.
    EmptyValue = "empty-value" Error,
    /// The manifest is written for another format version.
    FormatVersion = "format-version" Error,
    /// No environment is declared.
    NoEnvironments = "no-environments" Error,
    /// A name that no environment can have.
    BadEnvironmentName = "bad-environment-name" Error,
    /// The environment that was asked for is not declared.
    UnknownEnvironment = "unknown-environment" Error,
    /// Several environments are declared, and none was asked for.
    EnvironmentNeeded = "environment-needed" Error,
    /// A URL that cannot be used.
    BadUrl = "bad-url" Error,
    /// A URL with a user name or a password.
    UrlCredentials = "url-credentials" Error,
    /// A token would travel unencrypted.
    InsecureUrl = "insecure-url" Error,
    /// A token that is written into the manifest.
    TokenLiteral = "token-literal" Error,
    /// No token for a server that needs one.
    TokenMissing = "token-missing" Error,
    /// A token source that names no single source.
    BadToken = "bad-token" Error,
    /// An account that no HTTP header can carry.
    BadContext = "bad-context" Error,
    /// A client certificate without its key, or the other way round.
    IncompleteClientCertificate = "incomplete-client-certificate" Error,
    /// A limit that is neither a count nor a share.
    BadLimit = "bad-limit" Error,
    /// A duration that cannot be read.
    BadDuration = "bad-duration" Error,
    /// A timeout of nothing.
    ZeroTimeout = "zero-timeout" Error,
    /// A pattern that cannot be read.
    BadGlob = "bad-glob" Error,
    /// A protection pattern that can match no version.
    BadProtect = "bad-protect" Error,
    /// A variable's name that cannot be used.
    BadVariableName = "bad-variable-name" Error,
    /// A `${..}` that cannot be read.
    BadInterpolation = "bad-interpolation" Error,
    /// A variable that is not declared.
    UnknownVariable = "unknown-variable" Error,
    /// Variables that need each other.
    VariableCycle = "variable-cycle" Error,
    /// An environment variable that is not set.
    MissingEnvVariable = "missing-env-variable" Error,
    /// An environment variable that the manifest may not read.
    EnvNotAllowed = "env-not-allowed" Error,
    /// A token that would become part of a value.
    TokenInVariable = "token-in-variable" Error,
    /// A value that grew too long when its variables were replaced.
    ValueTooLong = "value-too-long" Error,
    /// A name, version or owner that cannot be one.
    BadIdentity = "bad-identity" Error,
    /// A solution without a version.
    NoVersion = "no-version" Error,
    /// A solution with `version` and `versions`.
    VersionAndVersions = "version-and-versions" Error,
    /// A version without an owner.
    MissingOwner = "missing-owner" Error,
    /// A path that is not that of an `.ibsolution` file.
    BadPath = "bad-path" Error,
    /// A word that is none of those that are known at its place.
    UnknownWord = "unknown-word" Error,
    /// A `retain` that is no count.
    BadRetain = "bad-retain" Error,
    /// A `retain` where everything is kept anyway.
    RetainWithKeep = "retain-with-keep" Error,
    /// `ABSENT` as a default.
    AbsentByDefault = "absent-by-default" Error,
    /// A declared version that the manifest may not touch.
    OutOfScope = "out-of-scope" Error,
    /// A policy for undeclared solutions that covers everybody's public ones.
    UndeclaredTooWide = "undeclared-too-wide" Error,
    /// A policy for undeclared solutions, and no declared version that stays.
    NothingDeclared = "nothing-declared" Error,
    /// A version that is not live and has no package to deploy.
    PathNeeded = "path-needed" Error,
    /// A package that is not there.
    PackageMissing = "package-missing" Error,
    /// A package that is another solution than declared.
    PackageMismatch = "package-mismatch" Error,
    /// A package without a field that the platform requires.
    PackageInvalid = "package-invalid" Error,
    /// A package of another kind than the platform documents.
    PackageType = "package-type" Warning,
    /// A package that cannot be inspected.
    PackageUnreadable = "package-unreadable" Warning,
    /// An owner that does not go with the visibility.
    OwnerVisibility = "owner-visibility" Warning,
    /// Versions that differ only by form.
    SimilarVersions = "similar-versions" Warning,
    /// Names that look the same.
    SimilarNames = "similar-names" Warning,
    /// A character that nobody sees.
    InvisibleCharacter = "invisible-character" Warning,
    /// Two versions with one package.
    SharedPath = "shared-path" Warning,
    /// A manifest that declares nothing.
    EmptyManifest = "empty-manifest" Warning,
    /// A setting that has no effect.
    UnusedSetting = "unused-setting" Warning,
    /// A removal of what is not there.
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
            assert!(seen.insert(text), "{text} is there twice");
            let is_kebab =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(text.bytes().all(is_kebab), "{text}");
        }
    }
}
