//! Reads a `package.json` (docs/platform.md, "Packages").

use serde_json::{Map, Value};

use crate::ident::Digest;
use crate::package::error::Unreadable;
use crate::plan::{PackageField, PackageInfo};

/// A character that some editors put before a text. JSON does not allow it.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads the text of a `package.json`.
///
/// Every JSON object is readable: the plan judges what its fields hold.
pub(super) fn parse(json: &[u8], fingerprint: Digest) -> Result<PackageInfo, Unreadable> {
    let json = std::str::from_utf8(json).map_err(Unreadable::NotUtf8)?;
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    let fields: Map<String, Value> = serde_json::from_str(json)
        // The error about another value contains the whole value.
        .map_err(|error| Unreadable::BadJson(Some(error).filter(|error| !error.is_data())))?;
    Ok(PackageInfo {
        name: field(&fields, "name"),
        version: field(&fields, "version"),
        owner: field(&fields, "owner"),
        solution_type: field(&fields, "solution_type"),
        visibility: match field(&fields, "visibility") {
            PackageField::Text(word) => Some(word),
            PackageField::Missing | PackageField::NotText => None,
        },
        fingerprint,
    })
}

/// A whole number counts as its text. Any other number has lost the form in which it was written:
/// 1.10 has become 1.1.
fn field(fields: &Map<String, Value>, key: &str) -> PackageField {
    match fields.get(key) {
        None | Some(Value::Null) => PackageField::Missing,
        Some(Value::String(text)) if text.trim().is_empty() => PackageField::Missing,
        Some(Value::String(text)) => PackageField::Text(text.clone()),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
            PackageField::Text(number.to_string())
        }
        Some(_) => PackageField::NotText,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<PackageInfo, Unreadable> {
        parse(json.as_bytes(), Digest::of(b""))
    }

    fn text(text: &str) -> PackageField {
        PackageField::Text(text.to_owned())
    }

    #[test]
    fn the_documented_package() {
        let info = read(
            r#"{"name": "My Solution Name", "version": "0.0.1", "short_description": "s",
                "long_description": "l", "owner": "thisismyusername", "solution_type": "ibflowbin",
                "visibility": "PRIVATE", "dependencies": {"models": []}}"#,
        )
        .unwrap();
        assert_eq!(info.name, text("My Solution Name"));
        assert_eq!(info.version, text("0.0.1"));
        assert_eq!(info.owner, text("thisismyusername"));
        assert_eq!(info.visibility.as_deref(), Some("PRIVATE"));
        assert_eq!(info.solution_type, text("ibflowbin"));
    }

    #[test]
    fn fields_of_every_kind_are_read() {
        for (version, expected) in [
            (r#""1.10""#, text("1.10")),
            (r#"" 1\n""#, text(" 1\n")),
            ("2", text("2")),
            ("1.10", PackageField::NotText),
            (r#"["1"]"#, PackageField::NotText),
            ("null", PackageField::Missing),
            (r#""""#, PackageField::Missing),
            (r#""  ""#, PackageField::Missing),
        ] {
            let info = read(&format!("\u{feff}{{\"version\":{version}}}")).unwrap();
            assert_eq!(info.version, expected, "{version}");
            assert_eq!(info.name, PackageField::Missing);
        }
    }

    #[test]
    fn what_is_no_object_is_not_repeated() {
        let long = format!("\"{}\"", "x".repeat(1_000));
        for (json, source) in [
            ("[]", None),
            (long.as_str(), None),
            ("", Some("EOF while parsing a value at line 1 column 0")),
            (
                "{\"name\":",
                Some("EOF while parsing a value at line 1 column 8"),
            ),
        ] {
            let error = read(json).unwrap_err();
            assert_eq!(error.to_string(), "its `package.json` is not a JSON object");
            let found = std::error::Error::source(&error).map(ToString::to_string);
            assert_eq!(found.as_deref(), source, "{json}");
        }
        for json in [&b"{\"name\": \"\xff\"}"[..], b"\xff\xfe{\0}\0"] {
            let error = parse(json, Digest::of(b"")).unwrap_err();
            assert_eq!(error.to_string(), "its `package.json` is not UTF-8");
        }
    }
}
