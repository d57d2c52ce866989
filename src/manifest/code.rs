//! The stable codes of the problems that a manifest can have.
//!
//! A code never changes its meaning, and a removed code is never used again. `docs/problems.md`
//! explains each one; a test compares that page with this list. The label at the position and the
//! fix are here too, unless they differ from problem to problem.

use schemars::JsonSchema;
use serde::Serialize;

/// The severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// An error: the request cannot be executed.
    Error,
    /// A warning.
    Warning,
}

/// The severity of a code, and the texts that its problems have in common.
#[derive(Debug, Clone, Copy)]
struct Row {
    severity: Severity,
    label: &'static str,
    help: &'static str,
}

/// The row of an error without texts of its own.
const ERROR: Row = Row {
    severity: Severity::Error,
    label: "",
    help: "",
};

/// The row of a warning without texts of its own.
const WARNING: Row = Row {
    severity: Severity::Warning,
    ..ERROR
};

/// The fix for a URL that is missing or invalid.
const URL: &str = "Write the address like `https://instabase.example.com`, or `emulator:` for the \
    embedded emulator.";

impl Row {
    const fn label(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

word_enum! {
    /// The kind of a problem. The text is stable and in kebab case.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Code -> Row {
        /// The file is larger than a manifest may be.
        TooLarge = "too-large" ERROR
            .help("Check that the file is a manifest; if it is, split it by environment."),
        /// The file is not UTF-8.
        NotUtf8 = "not-utf8" ERROR
            .label("this byte is not UTF-8")
            .help("Save the file as UTF-8."),
        /// The file is not YAML.
        YamlSyntax = "yaml-syntax" ERROR
            .label("here")
            .help("Check indentation, quotes and brackets here and in the lines above."),
        /// The YAML nests too deeply, or its aliases expand to too much.
        YamlTooComplex = "yaml-too-complex" ERROR
            .label("reading stopped here")
            .help("Write the manifest without deep nesting and with fewer aliases."),
        /// The environments together have too many versions and settings.
        TooManyEntries = "too-many-entries" ERROR
            .label("too many versions and settings")
            .help("Name one environment with `--environment`, or split the manifest by \
                environment."),
        /// Too many patterns to compare them with all names.
        TooManyPatterns = "too-many-patterns" ERROR
            .label("too many patterns")
            .help("Use fewer patterns: one `*` can match many names."),
        /// The file holds more than one YAML document.
        SeveralDocuments = "several-documents" ERROR
            .label("the second one begins here")
            .help("Keep one document in the file; one manifest can have several environments."),
        /// The file is empty.
        EmptyFile = "empty-file" ERROR,
        /// A key that is not known at its position.
        UnknownField = "unknown-field" ERROR
            .label("not known here"),
        /// A key that one mapping has twice.
        DuplicateKey = "duplicate-key" ERROR
            .label("here again")
            .help("Merge the two, or remove one."),
        /// A value of another kind than expected.
        WrongType = "wrong-type" ERROR,
        /// A required key that is missing.
        MissingField = "missing-field" ERROR
            .label("`url` is missing")
            .help(URL),
        /// A blank value.
        EmptyValue = "empty-value" ERROR
            .label("empty")
            .help("Write a value, or remove the key."),
        /// The manifest is written for another format version.
        FormatVersion = "format-version" ERROR,
        /// No environment is declared.
        NoEnvironments = "no-environments" ERROR
            .help("Declare at least one environment with its `url` under `environments`."),
        /// An invalid name of an environment.
        BadEnvironmentName = "bad-environment-name" ERROR
            .label("not usable as a name")
            .help("Use at most 64 letters, digits, `.`, `_` and `-`, with a letter or digit \
                first."),
        /// The selected environment is not declared.
        UnknownEnvironment = "unknown-environment" ERROR
            .label("not declared here"),
        /// Several environments are declared, and none is selected.
        EnvironmentNeeded = "environment-needed" ERROR
            .label("declared here")
            .help("Name one with `--environment`, or set `SOLFORM_ENVIRONMENT`."),
        /// An invalid URL.
        BadUrl = "bad-url" ERROR
            .label("this URL")
            .help(URL),
        /// A URL with a user name or a password.
        UrlCredentials = "url-credentials" ERROR
            .label("this URL")
            .help("Remove everything up to the `@` from the URL, and name the source of a token \
                under `token`."),
        /// A URL with which the token would be sent unencrypted.
        InsecureUrl = "insecure-url" ERROR
            .label("this URL")
            .help("Write `https://`; plain `http://` is for loopback addresses only."),
        /// A token that is written into the manifest.
        TokenLiteral = "token-literal" ERROR
            .label("expected the source of a token")
            .help("Never write a token into a manifest: revoke this one if it is real, and name \
                the source of a new one, like `token: { env: NAME }`."),
        /// No token for a server that needs one.
        TokenMissing = "token-missing" ERROR
            .label("`token` is missing")
            .help("Name its source: `token: { env: NAME }`, `{ file: PATH }` or `{ command: \
                [PROGRAM, ..] }`."),
        /// A token source that is invalid or names several sources.
        BadToken = "bad-token" ERROR,
        /// An account that cannot be sent in an HTTP header.
        BadContext = "bad-context" ERROR
            .label("not plain ASCII")
            .help("Write the id of the organization or user, not its display name."),
        /// A store that cannot exist.
        BadStore = "bad-store" ERROR
            .label("not the location of a store"),
        /// A client certificate without its key, or the other way round.
        IncompleteClientCertificate = "incomplete-client-certificate" ERROR,
        /// A limit that is neither a count nor a percentage.
        BadLimit = "bad-limit" ERROR
            .label("neither a count nor a percentage")
            .help("Write a count like `2`, or a percentage from `0%` to `100%`."),
        /// An invalid duration.
        BadDuration = "bad-duration" ERROR
            .label("not a duration")
            .help("Write a whole number and a unit, like `1500ms`, `60s`, `15m` or `2h`, up to one \
                year."),
        /// A timeout of zero.
        ZeroTimeout = "zero-timeout" ERROR
            .label("would expire at once")
            .help("Write how long to wait, or remove the key to use the default."),
        /// An invalid pattern.
        BadGlob = "bad-glob" ERROR
            .label("not a pattern")
            .help(r"Use `*` and `?` as wildcards, and `\` before a literal `*`, `?` or `\`."),
        /// A protection pattern that cannot match any version.
        BadProtect = "bad-protect" ERROR
            .label("no `@` in it"),
        /// An invalid name of a variable.
        BadVariableName = "bad-variable-name" ERROR
            .label("not usable as a variable"),
        /// An invalid `${..}`.
        BadInterpolation = "bad-interpolation" ERROR
            .label("invalid reference")
            .help("Write `${name}` or `${env:NAME}`, or `$${` for a literal `${`."),
        /// A variable that is not declared.
        UnknownVariable = "unknown-variable" ERROR
            .label("not declared"),
        /// Variables that use each other in a cycle.
        VariableCycle = "variable-cycle" ERROR
            .label("the cycle begins here")
            .help("Give one of them a value that does not use the others."),
        /// An environment variable that is not set.
        MissingEnvVariable = "missing-env-variable" ERROR
            .label("used here")
            .help("Set it, or write the value under `vars`."),
        /// An environment variable that the manifest may not read.
        EnvNotAllowed = "env-not-allowed" ERROR,
        /// An environment variable with a token, used in a value.
        TokenInVariable = "token-in-variable" ERROR
            .label("would show the token")
            .help("Use another variable for this value; solform sends the token itself."),
        /// A value that is too long after its variables were replaced.
        ValueTooLong = "value-too-long" ERROR
            .label("too long with its variables replaced")
            .help("Write a shorter value, or use shorter variables in it."),
        /// An invalid name, version or owner.
        BadIdentity = "bad-identity" ERROR
            .label("not usable as a name or version")
            .help("Write names and versions as the platform shows them."),
        /// A solution without a version.
        NoVersion = "no-version" ERROR,
        /// A solution with `version` and `versions`.
        VersionAndVersions = "version-and-versions" ERROR
            .label("`versions` is here")
            .help("Keep one of them: several versions side by side go under `versions`."),
        /// A version without an owner.
        MissingOwner = "missing-owner" ERROR
            .label("`owner` is missing")
            .help("Write `owner` here or under `defaults`: the user name, or `IB_DEPLOYED` for \
                public solutions."),
        /// A path that is not the path of an `.ibsolution` file.
        BadPath = "bad-path" ERROR
            .label("not the path of a package")
            .help("Write the whole path of the `.ibsolution` file on the platform, like \
                `acme/prod/fs/Instabase Drive/W-2.ibsolution`."),
        /// A `source` or `sha256` that cannot be used.
        BadSource = "bad-source" ERROR
            .label("not usable as a source")
            .help("Write the path of an `.ibsolution` file, relative to the manifest, or `{ \
                environment: NAME }`, and the package's SHA-256 as 64 hexadecimal digits."),
        /// A source environment without the package.
        SourceEnvironment = "source-environment" ERROR
            .label("this source"),
        /// A `redeploy` that has no pinned source to compare.
        BadRedeploy = "bad-redeploy" ERROR
            .label("needs `source` and `sha256`")
            .help("Write `sha256`, which `solform package inspect FILE` shows: two builds of one \
                source differ in their bytes, and a version must not be replaced because of that."),
        /// A run of `verify` that cannot be started or checked.
        BadVerify = "bad-verify" ERROR
            .label("this part of `verify`")
            .help("Give each run its own `name` and an `input_dir`, `settings` that are a mapping, \
                1 to 10 `attempts`, and outputs by their paths in the output folder."),
        /// A `drain` whose spaces cannot be used.
        BadDrain = "bad-drain" ERROR
            .label("not usable here")
            .help("Write each space as `OWNER/SPACE`, the beginning of the path to which runs \
                write their results."),
        /// A policy that is not complete.
        BadPolicy = "bad-policy" ERROR
            .label("this policy")
            .help("Give each policy a `name` of its own, either `deny` or `warn`, and a \
                `message`."),
        /// A condition of a policy that cannot be evaluated.
        BadExpression = "bad-expression" ERROR
            .label("here")
            .help("Correct the condition; docs/manifest.md lists what a policy can use."),
        /// A time zone that is not known.
        BadTimezone = "bad-timezone" ERROR
            .label("not known")
            .help("Write a name of the IANA time zone database, such as `Europe/Berlin` or `UTC`."),
        /// A word that is not known at its position.
        UnknownWord = "unknown-word" ERROR
            .label("not known here"),
        /// A `retain` that is not a count.
        BadRetain = "bad-retain" ERROR
            .label("not a count")
            .help("Write how many versions to retain, like `2`."),
        /// A `retain` although `superseded` is `keep`.
        RetainWithKeep = "retain-with-keep" ERROR
            .label("keeps some")
            .help("Remove `retain`, or set `superseded` to `delete`."),
        /// `ABSENT` as a default.
        AbsentByDefault = "absent-by-default" ERROR
            .label("would delete every solution")
            .help("Write `state: ABSENT` at each version to delete."),
        /// A declared version that is out of scope.
        OutOfScope = "out-of-scope" ERROR
            .label("out of scope"),
        /// A policy for undeclared solutions that covers all public ones of the instance.
        UndeclaredTooWide = "undeclared-too-wide" ERROR
            .label("covers `IB_DEPLOYED` with all names")
            .help("Set `manage.names` to patterns of your own solutions, or `undeclared` to \
                `ignore`."),
        /// A policy for undeclared solutions without a declared version that stays.
        NothingDeclared = "nothing-declared" ERROR
            .label("would remove everything in scope")
            .help("Run `solform destroy` to remove everything that was declared, or set \
                `undeclared` to `ignore`."),
        /// A version that is not live and has no package to deploy.
        PathNeeded = "path-needed" ERROR
            .label("is declared here"),
        /// A package that does not exist.
        PackageMissing = "package-missing" ERROR
            .label("no such file"),
        /// A source that is not one readable package.
        SourceUnusable = "source-unusable" ERROR
            .label("this source"),
        /// A source with other bytes than declared.
        SourceDigest = "source-digest" ERROR
            .label("the bytes of this source"),
        /// Another package at the path of an upload.
        PackageExists = "package-exists" ERROR
            .label("this path"),
        /// A package that holds another solution or version than declared.
        PackageMismatch = "package-mismatch" ERROR
            .label("this package"),
        /// A package without a field that the platform requires.
        PackageInvalid = "package-invalid" ERROR
            .label("this package"),
        /// A package whose last deploy did not make the declared version.
        PackageDeployedBefore = "package-deployed-before" ERROR
            .label("this package"),
        /// A policy that denies the plan.
        PolicyDenied = "policy-denied" ERROR
            .label("this condition"),
        /// A policy that warns about the plan.
        PolicyWarned = "policy-warned" WARNING
            .label("this condition"),
        /// A package of another kind than the platform documents.
        PackageType = "package-type" WARNING
            .label("this package")
            .help("Correct the path, or build the package as a deployable solution."),
        /// A package that cannot be inspected.
        PackageUnreadable = "package-unreadable" WARNING
            .label("will be deployed without inspection")
            .help("Correct the package, or allow the token's user to read it, so that solform can \
                inspect it before the deploy."),
        /// A source that changed since the version was deployed.
        ContentDrift = "content-drift" WARNING
            .label("not what was deployed"),
        /// A source of which nothing is known at the deploy.
        ContentUnknown = "content-unknown" WARNING
            .label("not compared")
            .help("Deploy the versions once more with --replace, so that the store knows their \
                contents, or remove `redeploy`."),
        /// A run of `verify` whose input folder is not on the platform.
        VerifyInput = "verify-input" WARNING
            .label("this version cannot be verified")
            .help("Create the folder with the input files, or correct `input_dir`."),
        /// A `drain` that does not see the runs in spaces of other users.
        DrainSpaces = "drain-spaces" WARNING
            .label("has no `spaces`")
            .help("Write the spaces to which runs write their results, such as `spaces: \
                [acme/prod]`: the platform lists runs in other spaces only if they are named."),
        /// An owner that does not match the visibility.
        OwnerVisibility = "owner-visibility" WARNING
            .label("does not match the owner"),
        /// Versions that differ only in notation.
        SimilarVersions = "similar-versions" WARNING
            .label("looks the same as the other")
            .help("Keep the one that the package has; the platform treats them as different \
                versions."),
        /// Names that look the same.
        SimilarNames = "similar-names" WARNING
            .label("looks the same as the other")
            .help("Use one spelling; the platform treats them as different solutions."),
        /// An invisible character.
        InvisibleCharacter = "invisible-character" WARNING
            .label("invisible here")
            .help("Remove it, or write it as an escape such as `\"\\u00A0\"` where it is needed."),
        /// Two versions with one package.
        SharedPath = "shared-path" WARNING
            .label("this path")
            .help("Use `${name}` and `${version}` in the path, or write a path for each version."),
        /// A policy that compares `environment` with the name of no environment.
        PolicyEnvironment = "policy-environment" WARNING
            .label("not declared"),
        /// A policy that compares with a known word of the server in another case.
        PolicyWord = "policy-word" WARNING
            .label("in another case")
            .help("Write the known word, unless the server also has this one."),
        /// A manifest that declares nothing.
        EmptyManifest = "empty-manifest" WARNING
            .label("nothing to deploy here")
            .help("Declare solutions under `solutions`."),
        /// A setting that has no effect.
        UnusedSetting = "unused-setting" WARNING
            .label("has no effect")
            .help("Remove it."),
        /// A `~` that removes nothing.
        NothingRemoved = "nothing-removed" WARNING
            .label("not declared")
            .help("Check the spelling, or remove the line; `{}` declares a version without \
                settings."),
    }
}

impl Code {
    /// Returns the severity, which is always the same for a code.
    pub fn severity(self) -> Severity {
        self.row().severity
    }

    /// Returns the text at the position of a problem; empty if each problem has its own.
    pub(super) fn label(self) -> &'static str {
        self.row().label
    }

    /// Returns the fix; `None` if each problem has its own.
    pub(super) fn help(self) -> Option<&'static str> {
        Some(self.row().help).filter(|help| !help.is_empty())
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
