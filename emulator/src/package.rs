//! The `.ibsolution` package: a zip with a `package.json` at its root.

use std::io::{Cursor, Read, Write};

use bytes::Bytes;
use serde_json::{Map, Value};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::state::content::{Content, ContentReader};

/// The maximum size of a member that the server unpacks: enough for any description or icon, and
/// small enough to stop a zip bomb.
const MEMBER_LIMIT: u64 = 4 << 20;

/// The maximum size and number of files of an archive that the server unpacks.
const UNPACKED_LIMIT: u64 = 512 << 20;
const UNPACKED_FILES: usize = 10_000;

/// The texts of a record whose package has none, as on real servers.
pub(crate) const NO_SUMMARY: &str = "No summary";
pub(crate) const NO_DESCRIPTION: &str = "No release notes";

/// The visibilities that a package may have, PATCH can set and the filter documents.
pub(crate) const VISIBILITIES: [&str; 3] = ["PUBLIC", "PRIVATE", "PENDING_REVIEW"];

/// The member that pads a package to a size.
const PADDING: &str = "demo_data/padding.bin";

/// The contents of `package.json`, and the small members of a package.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) owner: String,
    pub(crate) visibility: Option<String>,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) authors: Option<Value>,
    /// The small members that the server folder shows: name and bytes.
    pub(crate) members: Vec<(String, Bytes)>,
    /// The whole package.
    pub(crate) content: Content,
}

/// The reason why a file is not a valid package.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    #[error("{0}")]
    Invalid(&'static str),
    #[error(
        "it unpacks to more than {UNPACKED_LIMIT} bytes or {UNPACKED_FILES} files, or contains an \
         unsafe path"
    )]
    Swollen,
    #[error("it is not a zip archive ({0})")]
    NotAZip(zip::result::ZipError),
    #[error("it has no readable `package.json` ({0})")]
    NoPackageJson(zip::result::ZipError),
    #[error("its `package.json` is not valid JSON: {0}")]
    BadJson(serde_json::Error),
    #[error("its `package.json` lacks `{0}`")]
    MissingField(&'static str),
    #[error("in its `package.json`, `{0}` must be a text")]
    NotText(&'static str),
    #[error("in its `package.json`, `visibility` must be PUBLIC or PRIVATE, not `{0}`")]
    BadVisibility(String),
}

const UNREADABLE: PackageError = PackageError::Invalid("its `package.json` is too long or damaged");

/// Reads the description and the small members of a package.
pub(crate) fn read_package(content: &Content) -> Result<Package, PackageError> {
    let mut archive = open(content)?;
    let text = read_member(&mut archive, "package.json")?;
    let value: Value = serde_json::from_slice(&text).map_err(PackageError::BadJson)?;
    let Value::Object(fields) = value else {
        return Err(PackageError::Invalid(
            "its `package.json` is not a JSON object",
        ));
    };
    // The page requires these four fields.
    required(&fields, "solution_type")?;
    let visibility = optional(&fields, "visibility")?;
    if let Some(word) = &visibility
        && !VISIBILITIES.contains(&word.as_str())
    {
        return Err(PackageError::BadVisibility(word.clone()));
    }
    let mut members = vec![("package.json".to_owned(), text)];
    // An icon is optional: an unreadable one is left out.
    if let Ok(icon) = read_member(&mut archive, "icon.png") {
        members.push(("icon.png".to_owned(), icon));
    }
    Ok(Package {
        name: required(&fields, "name")?,
        version: required(&fields, "version")?,
        owner: required(&fields, "owner")?,
        visibility,
        summary: optional(&fields, "short_description")?.unwrap_or_else(|| NO_SUMMARY.to_owned()),
        description: optional(&fields, "long_description")?
            .unwrap_or_else(|| NO_DESCRIPTION.to_owned()),
        authors: fields.get("authors").cloned(),
        members,
        content: content.clone(),
    })
}

/// A zip archive in the file system.
type Archive = ZipArchive<ContentReader>;

fn open(content: &Content) -> Result<Archive, PackageError> {
    ZipArchive::new(content.reader()).map_err(PackageError::NotAZip)
}

fn read_member(archive: &mut Archive, name: &str) -> Result<Bytes, PackageError> {
    let member = archive.by_name(name).map_err(PackageError::NoPackageJson)?;
    let mut bytes = Vec::new();
    match member.take(MEMBER_LIMIT + 1).read_to_end(&mut bytes) {
        Ok(count) if count as u64 <= MEMBER_LIMIT => Ok(bytes.into()),
        _ => Err(UNREADABLE),
    }
}

fn required(fields: &Map<String, Value>, field: &'static str) -> Result<String, PackageError> {
    optional(fields, field)?
        .filter(|text| !text.trim().is_empty())
        .ok_or(PackageError::MissingField(field))
}

fn optional(
    fields: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, PackageError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(PackageError::NotText(field)),
    }
}

/// Unpacks an archive. Returns the path of each member, and the bytes of files.
pub(crate) fn unpack(content: &Content) -> Result<Vec<(String, Option<Bytes>)>, PackageError> {
    let mut archive = open(content)?;
    if archive.len() > UNPACKED_FILES {
        return Err(PackageError::Swollen);
    }
    let mut left = UNPACKED_LIMIT;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(PackageError::NotAZip)?;
        // `enclosed_name` is `None` for a path that leads out of the archive.
        let path = member.enclosed_name().ok_or(PackageError::Swollen)?;
        let path = path.to_string_lossy().replace('\\', "/");
        if member.is_dir() {
            members.push((path, None));
            continue;
        }
        let mut bytes = Vec::new();
        let count = member.take(left + 1).read_to_end(&mut bytes);
        let count = count.map_err(|_| UNREADABLE)? as u64;
        left = left.checked_sub(count).ok_or(PackageError::Swollen)?;
        members.push((path, Some(bytes.into())));
    }
    Ok(members)
}

/// Builds a package in the layout of the vendor's packager: `package.json` and a flow binary,
/// without folder entries. Adds incompressible bytes until the package has `size` bytes.
pub(crate) fn build_package(description: &Map<String, Value>, size: usize) -> Vec<u8> {
    let name = description
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("solution");
    let text = Value::Object(description.clone()).to_string();
    let flow = format!("{}.ibflowbin", name.replace(['/', '\\'], "_"));
    let mut members = vec![
        ("package.json".to_owned(), text.into()),
        (flow, Bytes::from_static(b"flow of a seeded package")),
    ];
    let plain = pack(&members);
    // The headers of the padding need space too.
    let missing = size.saturating_sub(plain.len() + 2 * (46 + PADDING.len()));
    if missing == 0 {
        return plain;
    }
    let mut padding = vec![0; missing];
    fastrand::Rng::with_seed(7).fill(&mut padding);
    members.push((PADDING.to_owned(), padding.into()));
    pack(&members)
}

/// Packs files into an archive, without folder entries.
pub(crate) fn pack(members: &[(String, Bytes)]) -> Vec<u8> {
    // The time and method are fixed, so that equal seeds give equal bytes.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(name, options)
            .and_then(|()| Ok(zip.write_all(bytes)?))
            .expect("invariant: a small zip in memory can be written");
    }
    zip.finish()
        .expect("invariant: a small zip in memory can be written")
        .into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::content::{Chunk, ChunkBytes};
    use std::sync::Arc;

    use serde_json::json;

    fn content(bytes: Vec<u8>) -> Content {
        let mut content = Content::default();
        content.append(Arc::new(Chunk {
            id: 0,
            bytes: ChunkBytes::Memory(bytes.into()),
        }));
        content
    }

    fn description(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            _ => panic!("not an object"),
        }
    }

    fn write_zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let owned =
            |(name, bytes): &(&str, &[u8])| ((*name).to_owned(), Bytes::copy_from_slice(bytes));
        pack(&members.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_built_package_reads_back() {
        let fields = description(json!({
            "name": "Form W-2", "version": "0.0.1", "owner": "IB_DEPLOYED",
            "solution_type": "ibflowbin", "visibility": "PUBLIC", "short_description": "short",
        }));
        let plain = build_package(&fields, 0);
        let package = read_package(&content(plain.clone())).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("Form W-2", "0.0.1")
        );
        assert_eq!(package.visibility.as_deref(), Some("PUBLIC"));
        assert_eq!(package.summary, "short");
        assert_eq!(package.description, NO_DESCRIPTION);
        assert_eq!(plain, build_package(&fields, 0));
        let padded = build_package(&fields, 100_000);
        assert!(
            (99_900..100_200).contains(&padded.len()),
            "{}",
            padded.len()
        );
        assert!(read_package(&content(padded)).is_ok());
    }

    #[test]
    fn archives_unpack_to_what_was_packed_and_stay_inside() {
        let members = [
            ("package.json".to_owned(), Bytes::from_static(b"{}")),
            ("deep/er/x".to_owned(), Bytes::from_static(b"x")),
        ];
        let unpacked = unpack(&content(pack(&members))).unwrap();
        let members = members.map(|(name, bytes)| (name, Some(bytes)));
        assert_eq!(unpacked, members);
        for path in ["../x", "/x", "a/../../x"] {
            let error = unpack(&content(write_zip(&[(path, b"x")]))).map(|members| {
                let is_inside = |name: &str| !name.starts_with('/') && !name.contains("..");
                members.iter().all(|(name, _)| is_inside(name))
            });
            assert!(
                matches!(error, Err(PackageError::Swollen) | Ok(true)),
                "{path}: {error:?}"
            );
        }
    }

    #[test]
    fn a_bad_package_says_what_is_wrong() {
        let whole =
            json!({"name": "A", "version": "1", "owner": "o", "solution_type": "ibflowbin"});
        let with = |field: &str, value: Value| {
            let mut fields = description(whole.clone());
            fields.insert(field.to_owned(), value);
            write_zip(&[("package.json", Value::Object(fields).to_string().as_bytes())])
        };
        let cases = [
            (b"no zip".to_vec(), "it is not a zip archive"),
            (
                write_zip(&[("a", b"b")]),
                "it has no readable `package.json`",
            ),
            (
                write_zip(&[("package.json", b"{")]),
                "its `package.json` is not valid JSON",
            ),
            (
                write_zip(&[("package.json", b"[]")]),
                "its `package.json` is not a JSON object",
            ),
            (
                with("owner", Value::Null),
                "its `package.json` lacks `owner`",
            ),
            (
                with("solution_type", json!(" ")),
                "its `package.json` lacks `solution_type`",
            ),
            (
                with("version", json!(1)),
                "in its `package.json`, `version` must be a text",
            ),
            (
                with("visibility", json!("X")),
                "in its `package.json`, `visibility` must be PUBLIC",
            ),
            (
                write_zip(&[("package.json", &vec![b' '; 5 << 20])]),
                "its `package.json` is too long",
            ),
        ];
        for (bytes, message) in cases {
            let error = read_package(&content(bytes)).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
    }
}
