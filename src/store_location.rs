//! The location of a store: a folder, or a prefix in a bucket of a service.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::escape::credentials;

/// The location of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// A folder.
    Folder(PathBuf),
    /// A prefix in a bucket.
    Bucket(Box<BucketUrl>),
}

/// The URL of a prefix in a bucket. It has no user, port, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUrl {
    text: String,
    service: BucketService,
    bucket: String,
    prefix: String,
    url: Url,
}

/// A service that has buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketService {
    /// Amazon S3, and every other service with its protocol.
    S3,
    /// Azure Blob Storage, where a bucket is called a container.
    Azure,
    /// Google Cloud Storage.
    Gcs,
}

/// The reason why a text is not the location of a store. It shows no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreLocationError {
    /// A blank text.
    #[error("the location of the store is empty")]
    Empty,
    /// A URL of another kind.
    #[error("unsupported store URL `{0}`")]
    Unsupported(String),
    /// A user, a port, a query or a fragment.
    #[error("the store URL `{0}` has a user, a port, a query or a fragment")]
    NotOnlyPrefix(String),
    /// A name that no bucket of the service can have.
    #[error("`{name}` cannot be the name of {}", service.bucket())]
    BucketName {
        /// The service.
        service: BucketService,
        /// The name.
        name: String,
    },
    /// A prefix that would be another one in the bucket.
    #[error("the store URL `{0}` has a prefix that a bucket cannot have")]
    Prefix(String),
}

impl StoreLocationError {
    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Empty | Self::Unsupported(_) => {
                "Give a folder, `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or \
                 `gs://BUCKET/PREFIX`."
            }
            Self::NotOnlyPrefix(_) => {
                "Write the bucket and a prefix only: credentials and endpoints are in environment \
                 variables, which docs/stores.md lists."
            }
            Self::BucketName { service, .. } => service.name_rule(),
            Self::Prefix(_) => {
                "Write names between single `/`, without `.`, `..` and control characters, and \
                 without white space at the ends."
            }
        }
    }
}

impl StoreLocation {
    /// Parses the text of `store:` or `--store`.
    pub fn parse(text: &str) -> Result<Self, StoreLocationError> {
        if text.trim().is_empty() {
            return Err(StoreLocationError::Empty);
        }
        let is_url = text.contains("://")
            || text
                .split_once(':')
                .is_some_and(|(scheme, _)| is_scheme(scheme));
        if !is_url {
            return Ok(Self::Folder(PathBuf::from(text)));
        }
        Ok(Self::Bucket(Box::new(BucketUrl::parse(text)?)))
    }

    /// Returns the URL of a bucket.
    pub fn bucket(&self) -> Option<&BucketUrl> {
        match self {
            Self::Folder(_) => None,
            Self::Bucket(url) => Some(url),
        }
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Bucket(url) => f.write_str(&url.text),
        }
    }
}

impl BucketUrl {
    fn parse(text: &str) -> Result<Self, StoreLocationError> {
        let shown = || without_credentials(text);
        let Some(service) = BucketService::of(text) else {
            return Err(StoreLocationError::Unsupported(shown()));
        };
        let rest = &text[service.scheme().len() + "://".len()..];
        // The text identifies the location, so that it has one spelling of the scheme.
        let text = format!("{}://{rest}", service.scheme());
        let (bucket, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_name = service.can_name(bucket);
        // A key may contain a `/`: then the bucket's name is after the `@`.
        let has_user = bucket.contains(['@', ':']) || (!is_name && rest.contains('@'));
        if has_user || rest.contains(['?', '#']) {
            return Err(StoreLocationError::NotOnlyPrefix(shown()));
        }
        if !is_name {
            let name = bucket.to_owned();
            return Err(StoreLocationError::BucketName { service, name });
        }
        let prefix = percent_decode_str(path).decode_utf8().ok();
        let prefix = prefix.filter(|prefix| is_prefix(prefix));
        // `Url` would change other texts silently.
        let (Some(prefix), Ok(url)) = (prefix, Url::parse(&text)) else {
            return Err(StoreLocationError::Prefix(shown()));
        };
        Ok(Self {
            text,
            service,
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            url,
        })
    }

    /// Returns the text that was parsed, with the scheme in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the service.
    pub fn service(&self) -> BucketService {
        self.service
    }

    /// Returns the name of the bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the prefix in the bucket, without `/` at its ends.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the URL.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// Returns whether the path of a URL, decoded, is a prefix in every service.
fn is_prefix(path: &str) -> bool {
    let prefix = path.strip_prefix('/').unwrap_or(path);
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
    prefix.trim() == prefix && (prefix.is_empty() || prefix.split('/').all(is_part))
}

/// Returns whether a text with this scheme and without `//` is not meant as a folder.
fn is_scheme(scheme: &str) -> bool {
    let services = BucketService::ALL.map(BucketService::scheme);
    let mut known = services.into_iter().chain(["file", "http", "https"]);
    known.any(|known| known.eq_ignore_ascii_case(scheme))
}

/// Returns a URL without the parts that may be credentials.
fn without_credentials(url: &str) -> String {
    let [user, query] = credentials(url);
    let scheme = &url[..user.start];
    let shown = url.get(user.end..query.start).unwrap_or_default();
    let shown = shown.strip_prefix('@').unwrap_or(shown);
    format!("{scheme}{}", shown.trim_end_matches(['?', '#']))
}

impl BucketService {
    /// All services.
    pub const ALL: [Self; 3] = [Self::S3, Self::Azure, Self::Gcs];

    /// Returns the service of the URL of a bucket.
    pub fn of(url: &str) -> Option<Self> {
        let (scheme, _) = url.split_once("://")?;
        Self::ALL
            .into_iter()
            .find(|service| service.scheme().eq_ignore_ascii_case(scheme))
    }

    /// Returns the scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Gcs => "gs",
        }
    }

    fn bucket(self) -> &'static str {
        match self {
            Self::S3 => "an S3 bucket",
            Self::Azure => "an Azure container",
            Self::Gcs => "a Google Cloud bucket",
        }
    }

    /// Returns whether a bucket can have this name.
    fn can_name(self, name: &str) -> bool {
        if self == Self::Azure && ["$web", "$root", "$logs"].contains(&name) {
            return true;
        }
        let (most, others) = match self {
            // Old buckets, and those of other services, are named more freely than new ones.
            Self::S3 => (255, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._"),
            Self::Azure => (63, "-"),
            Self::Gcs => (222, "-._"),
        };
        let is_plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
        let is_known = |char| is_plain(char) || others.contains(char);
        let is_end = |char: char| is_plain(char) || (self == Self::S3 && is_known(char));
        (3..=most).contains(&name.len())
            && name.chars().all(is_known)
            && name.starts_with(is_end)
            && name.ends_with(is_end)
            && !(self == Self::Azure && name.contains("--"))
    }

    fn name_rule(self) -> &'static str {
        match self {
            Self::S3 => {
                "Write the name of the bucket: at least 3 letters, digits, `-`, `.` and `_`."
            }
            Self::Azure => {
                "Write the name of the container: 3 to 63 lower-case letters, digits and single \
                 `-`, with a letter or digit at both ends, or `$web`, `$root` or `$logs`."
            }
            Self::Gcs => {
                "Write the name of the bucket: at least 3 lower-case letters, digits, `-`, `.` and \
                 `_`, with a letter or digit at both ends."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_folders_or_prefixes() {
        for (text, service, bucket, prefix) in [
            (
                "s3://releases/solform",
                BucketService::S3,
                "releases",
                "solform",
            ),
            (
                "s3://Old_Releases.x",
                BucketService::S3,
                "Old_Releases.x",
                "",
            ),
            ("az://releases", BucketService::Azure, "releases", ""),
            ("az://$web/x", BucketService::Azure, "$web", "x"),
            ("az://$root", BucketService::Azure, "$root", ""),
            ("az://$logs", BucketService::Azure, "$logs", ""),
            ("az://my-releases/", BucketService::Azure, "my-releases", ""),
            (
                "gs://my_releases/a/b c/",
                BucketService::Gcs,
                "my_releases",
                "a/b c",
            ),
            ("gs://releases/a%20b", BucketService::Gcs, "releases", "a b"),
            ("s3://releases/${x}", BucketService::S3, "releases", "${x}"),
        ] {
            let location = StoreLocation::parse(text).unwrap();
            let url = location.bucket().unwrap();
            let found = (url.service(), url.bucket(), url.prefix(), url.as_str());
            assert_eq!(found, (service, bucket, prefix, text));
            assert_eq!(url.url().host_str(), Some(bucket), "{text}");
            let path = percent_decode_str(url.url().path()).decode_utf8().unwrap();
            assert_eq!(path.trim_matches('/'), prefix, "{text}");
        }
        let upper = StoreLocation::parse("S3://releases/X");
        assert_eq!(upper, StoreLocation::parse("s3://releases/X"));
        assert_eq!(BucketService::of("Az://x"), Some(BucketService::Azure));
        for text in [".solform", "/var/lib/solform", r"C:\solform", "a:b"] {
            let folder = StoreLocation::Folder(PathBuf::from(text));
            assert_eq!(StoreLocation::parse(text), Ok(folder));
        }
    }

    #[test]
    fn impossible_locations_are_refused() {
        let unsupported = "unsupported store URL `";
        let more = "a user, a port, a query or a fragment";
        let (bucket, prefix) = (
            "cannot be the name of",
            "a prefix that a bucket cannot have",
        );
        for (text, expected) in [
            ("abc://x", unsupported),
            ("ftp://releases", unsupported),
            ("s3:releases", unsupported),
            ("S3:/releases", unsupported),
            ("AZ:releases", unsupported),
            ("file:releases", unsupported),
            ("FILE:///releases", unsupported),
            ("", "is empty"),
            (" ", "is empty"),
            ("az://SEC/key@releases/x", more),
            ("az://releases@acme.blob.core.windows.net/x", more),
            ("az://user:key@releases/x", more),
            ("gs://releases:80/x", more),
            ("gs://b?x=1", more),
            ("s3://releases/x?versionId=1", more),
            ("s3://releases/x#y", more),
            ("az://", bucket),
            ("az:///releases", bucket),
            ("s3://ab", bucket),
            ("s3://a b c", bucket),
            ("s3://rele%20ases", bucket),
            ("az://Releases", bucket),
            ("az://my--releases", bucket),
            ("az://-releases", bucket),
            ("az://$other", bucket),
            ("s3://$web", bucket),
            ("az://my_releases", bucket),
            ("gs://Releases", bucket),
            ("gs://releases-", bucket),
            ("az://releases/../x", prefix),
            ("az://releases/%2e%2e/x", prefix),
            ("s3://releases/.", prefix),
            ("s3://releases//x", prefix),
            ("s3://releases/x//", prefix),
            ("s3://releases/x ", prefix),
            ("s3://releases/a\tb", prefix),
            ("s3://releases/%00", prefix),
            ("s3://releases/%ff", prefix),
        ] {
            let error = StoreLocation::parse(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(!error.to_string().contains("key@"), "{text}: {error}");
        }
    }

    #[test]
    fn errors_show_no_credentials() {
        for (text, shown) in [
            ("https://me:SECRET@h/c?sig=SECRET#y", "https://h/c"),
            ("https://h/c?sv=1&sig=SECRET", "https://h/c"),
            ("https://h/c#SECRET", "https://h/c"),
            ("https://SEC?RET@h/c", "https://"),
            ("x?sig=SECRET://y", "x"),
            ("SECRET@x://y", "x://y"),
            ("az://cont/p?sv=1&sig=SECRET", "az://cont/p"),
            ("s3:AKIA:SECRET@bucket", "s3:bucket"),
            ("s3:/u:SECRET@b", "s3:/b"),
            ("S3:/AKIA:SECRET@bucket", "S3:/bucket"),
            ("s3://k:SEC/RET@bucket/x", "s3://bucket/x"),
            ("s3://k:SEC@RET@bucket/x", "s3://bucket/x"),
            ("az:/u:SECRET@cont", "az:/cont"),
            ("az://SEC/RET@cont", "az://cont"),
        ] {
            let error = StoreLocation::parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("`{shown}`")), "{text}: {error}");
            assert!(!error.contains("SEC") && !error.contains("RET"), "{error}");
        }
    }
}
