//! What a `package.json` says (api-facts 6.3).

use serde_json::{Map, Value};

use crate::ident::{Owner, SolutionName, Version};
use crate::package::error::Unreadable;

/// What a package says of itself, as far as a deploy depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageInfo {
    /// The solution's name.
    pub name: SolutionName,
    /// The solution's version.
    pub version: Version,
    /// The owner that it is deployed for. The platform requires it; older packages lack it.
    pub owner: Option<Owner>,
    /// The visibility that it is deployed with, in the package's own word.
    pub visibility: Option<String>,
    /// `ibflowbin` for everything that can be deployed.
    pub solution_type: Option<String>,
}

impl PackageInfo {
    /// Reads the text of a `package.json`.
    pub fn parse(json: &[u8]) -> Result<Self, Unreadable> {
        let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
        let fields: Map<String, Value> =
            serde_json::from_slice(json).map_err(|source| Unreadable::BadJson { source })?;
        let name = required(&fields, "name")?;
        let version = required(&fields, "version")?;
        Ok(Self {
            name: SolutionName::parse(&name).map_err(|source| Unreadable::BadField {
                field: "name",
                source,
            })?,
            version: Version::parse(&version).map_err(|source| Unreadable::BadField {
                field: "version",
                source,
            })?,
            owner: optional(&fields, "owner")?
                .map(|owner| Owner::parse(&owner))
                .transpose()
                .map_err(|source| Unreadable::BadField {
                    field: "owner",
                    source,
                })?,
            visibility: optional(&fields, "visibility")?,
            solution_type: optional(&fields, "solution_type")?,
        })
    }
}

fn required(fields: &Map<String, Value>, field: &'static str) -> Result<String, Unreadable> {
    optional(fields, field)?.ok_or(Unreadable::NoField { field })
}

/// A text, or a whole number, which is one without quotes. Any other number has lost the form in
/// which it was written: 1.10 has become 1.1.
fn optional(
    fields: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, Unreadable> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Ok(Some(number.to_string()))
        }
        Some(_) => Err(Unreadable::NoField { field }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_package() {
        let info = PackageInfo::parse(
            br#"{"name": "My Solution Name", "version": "0.0.1", "short_description": "s",
                "long_description": "l", "owner": "thisismyusername", "solution_type": "ibflowbin",
                "visibility": "PRIVATE", "dependencies": {"models": []}}"#,
        )
        .unwrap();
        assert_eq!(info.name.as_str(), "My Solution Name");
        assert_eq!(info.version.as_str(), "0.0.1");
        assert_eq!(info.owner.unwrap().as_str(), "thisismyusername");
        assert_eq!(info.visibility.as_deref(), Some("PRIVATE"));
        assert_eq!(info.solution_type.as_deref(), Some("ibflowbin"));
    }

    #[test]
    fn odd_packages() {
        for (json, expected) in [
            (r#"{"name":"N","version":2}"#, "ok"),
            (
                "\u{feff}{\"name\":\"N\",\"version\":\"1\",\"owner\":null}",
                "ok",
            ),
            (r#"{"name":"N","version":"1","owner":""}"#, "ok"),
            (
                r#"{"name":"N","version":1.10}"#,
                "`version` in its `package.json` is missing, or is not a text",
            ),
            (
                r#"{"version":"1"}"#,
                "`name` in its `package.json` is missing, or is not a text",
            ),
            (
                r#"{"name":"N"}"#,
                "`version` in its `package.json` is missing, or is not a text",
            ),
            (
                r#"{"name":" N","version":"1"}"#,
                "`name` in its `package.json` is not usable",
            ),
            (
                r#"{"name":"N","version":"1","owner":["a"]}"#,
                "`owner` in its `package.json` is missing, or is not a text",
            ),
            ("[]", "its `package.json` is not a JSON object"),
            ("", "its `package.json` is not a JSON object"),
            ("{\"name\":", "its `package.json` is not a JSON object"),
        ] {
            let found = PackageInfo::parse(json.as_bytes())
                .map_or_else(|error| error.to_string(), |_| "ok".to_owned());
            assert_eq!(found, expected, "{json}");
        }
    }
}
