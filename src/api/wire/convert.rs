//! The conversion of answers into values: the only module that normalises quirks.
//!
//! A record belongs to one of three classes. *Understood*: it becomes a [`LiveVersion`].
//! *Unmanageable*: it is complete, but its name, version or owner breaks the rules of
//! [`crate::ident`], so no manifest can declare it; it is counted and reported, and blocks nothing.
//! *Bad*: a part of its identity is missing or is not a text. Such a record cannot be identified,
//! so the list that holds it proves nothing, unless the record has a name that does not matter.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::num::NonZeroI64;
use std::sync::{Arc, LazyLock};

use crate::api::http::excerpt::capped;
use crate::api::wire::bodies::SolutionBody;
use crate::api::wire::loose::Loose;
use crate::attribute::{LiveStateWord, LiveVisibilityWord};
use crate::ident::{IdentError, Identity, Owner, SolutionId, SolutionName, Version};
use crate::live::{LiveVersion, RecordTexts, UnmanageableRecord};

/// A record of a list.
#[derive(Debug)]
pub(in crate::api) enum Record {
    Understood(LiveVersion),
    Unmanageable(UnmanageableRecord),
    Bad(BadRecord),
}

/// A record that cannot be identified.
#[derive(Debug, Clone)]
pub(in crate::api) struct BadRecord {
    pub(in crate::api) id: Option<SolutionId>,
    /// The name, if it is known.
    pub(in crate::api) name: Option<SolutionName>,
    pub(in crate::api) detail: String,
}

/// A pool of texts: owners and authors repeat in every record, and each text is kept once.
#[derive(Default)]
pub(in crate::api) struct Interner {
    owners: HashMap<String, Owner>,
    versions: HashSet<Version>,
    authors: HashMap<String, Arc<str>>,
}

static UNSTATED: LazyLock<LiveStateWord> = LazyLock::new(|| LiveStateWord::new("unstated"));

/// Returns whether the record came without a state. Such a record shows an unknown word, which is
/// never corrected, until a list by state shows its state.
pub(in crate::api) fn is_unstated(version: &LiveVersion) -> bool {
    version.state == *UNSTATED
}

/// The state of a record that came without a state.
pub(in crate::api) fn unstated() -> LiveStateWord {
    UNSTATED.clone()
}

/// Converts a record and returns its class.
pub(in crate::api) fn record(body: SolutionBody<'_>, interner: &mut Interner) -> Record {
    if body.is_odd {
        return bad(None, None, "a record is not an object".to_owned());
    }
    let Some(id) = body.id.text() else {
        return bad(None, None, "a record has no `id`".to_owned());
    };
    let id = match SolutionId::parse(&id) {
        Ok(id) if !matches!(id.as_str(), "." | "..") => id,
        _ => return bad(None, None, "a record's `id` is not usable".to_owned()),
    };
    let name = match required(body.name, "name") {
        Ok(name) => name,
        Err(detail) => return bad(Some(id), None, detail),
    };
    let name_parsed = SolutionName::parse(&name);
    let pair = required(body.version, "version")
        .and_then(|version| Ok((version, required(body.owner, "owner")?)));
    let (version, owner) = match pair {
        Ok(pair) => pair,
        Err(detail) => return bad(Some(id), name_parsed.ok(), detail),
    };
    let identity = name_parsed.and_then(|name| {
        Ok(Identity {
            name,
            version: interner.version(&version)?,
            owner: interner.owner(&owner)?,
        })
    });
    let identity = match identity {
        Ok(identity) => identity,
        Err(error) => {
            let word = |value: Loose<'_>| value.word().map(|word| capped(&word).into_owned());
            let texts = RecordTexts {
                name: capped(&name).into_owned(),
                version: capped(&version).into_owned(),
                owner: capped(&owner).into_owned(),
                author: word(body.author),
                state: word(body.state),
                visibility: word(body.visibility),
            };
            return Record::Unmanageable(UnmanageableRecord {
                label: format!("{:?}:{:?}@{:?}", texts.owner, texts.name, texts.version),
                id,
                reason: error.to_string(),
                texts,
            });
        }
    };
    Record::Understood(LiveVersion {
        id,
        identity,
        author: body.author.word().map(|author| interner.author(&author)),
        state: body
            .state
            .word()
            .map_or_else(unstated, |word| LiveStateWord::new(&capped(&word))),
        visibility: body
            .visibility
            .word()
            .map(|word| LiveVisibilityWord::new(&capped(&word))),
        created_at_ms: body.created.int().and_then(NonZeroI64::new),
        updated_at_ms: body.updated.int().and_then(NonZeroI64::new),
    })
}

fn required<'a>(value: Loose<'a>, key: &str) -> Result<Cow<'a, str>, String> {
    let absent = value.is_absent();
    value.text().ok_or_else(|| {
        if absent {
            format!("a record has no `{key}`")
        } else {
            format!("a record's `{key}` is not a text")
        }
    })
}

fn bad(id: Option<SolutionId>, name: Option<SolutionName>, detail: String) -> Record {
    let detail = match &id {
        Some(id) => format!("{detail} (id `{id}`)"),
        None => detail,
    };
    Record::Bad(BadRecord { id, name, detail })
}

impl Interner {
    fn owner(&mut self, text: &str) -> Result<Owner, IdentError> {
        if let Some(owner) = self.owners.get(text) {
            return Ok(owner.clone());
        }
        let owner = Owner::parse(text)?;
        self.owners.insert(text.to_owned(), owner.clone());
        Ok(owner)
    }

    fn version(&mut self, text: &str) -> Result<Version, IdentError> {
        if let Some(version) = self.versions.get(text) {
            return Ok(version.clone());
        }
        let version = Version::parse(text)?;
        self.versions.insert(version.clone());
        Ok(version)
    }

    fn author(&mut self, text: &str) -> Arc<str> {
        if let Some(author) = self.authors.get(text) {
            return Arc::clone(author);
        }
        let author: Arc<str> = Arc::from(capped(text));
        self.authors.insert(text.to_owned(), Arc::clone(&author));
        author
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Record {
        record(
            serde_json::from_str(json).unwrap(),
            &mut Interner::default(),
        )
    }

    fn understood(json: &str) -> LiveVersion {
        match read(json) {
            Record::Understood(version) => version,
            other => panic!("{json} became {other:?}"),
        }
    }

    #[test]
    fn the_documented_record() {
        let version = understood(
            r#"{"id": "example-uuid-1", "name": "My Solution", "version": "0.0.1",
                "owner": "example-owner", "createdAtMs": 12345, "updatedAtMs": 12346,
                "summary": "A short description", "state": "ACTIVE", "author": "user1"}"#,
        );
        assert_eq!(
            version.identity.full_address().as_str(),
            "example-owner:My Solution@0.0.1"
        );
        assert_eq!(version.state, LiveStateWord::Active);
        assert_eq!(version.visibility, None);
        assert_eq!(version.author.as_deref(), Some("user1"));
        assert_eq!(
            (version.created_at_ms, version.updated_at_ms),
            (NonZeroI64::new(12345), NonZeroI64::new(12346))
        );
    }

    #[test]
    fn the_captured_record() {
        // docs/platform.md, "Records": string times, visibility, extra keys, a server folder as
        // solution_path.
        let version = understood(
            r#"{"aiMajorVersion": "1", "appReleaseVersion": "", "author": "svc",
                "createdAtMs": "1739432044000",
                "description": "No release notes\n", "id": "0b0c", "isCustomizable": true,
                "linkSharingMode": "OFF",
                "metadata": "{\"authors\":[\"a\"],\"icon\":\"icon.png\"}", "name": "Joe's - App",
                "owner": "Instabase",
                "sharedAccounts": [], "solutionType": "EXTRACTION", "state": "PRODUCTION",
                "summary": "No summary",
                "solution_path": "system/global/fs/Instabase Drive/Applications/Deployed/All/0b0c",
                "updatedAtMs": "1739432049000", "updateMode": "AUTO_UPDATE", "version": "1.10",
                "visibility": "PUBLIC"}"#,
        );
        assert_eq!(version.state, LiveStateWord::Production);
        assert_eq!(version.visibility, Some(LiveVisibilityWord::Public));
        assert_eq!(version.created_at_ms, NonZeroI64::new(1_739_432_044_000));
        assert_eq!(version.identity.version.as_str(), "1.10");
    }

    #[test]
    fn missing_fields_are_not_guessed() {
        let version = understood(
            r#"{"id": "a", "name": "N", "version": 2, "owner": "o",
                "visibility": "", "state": null, "author": null, "createdAtMs": "soon",
                "updatedAtMs": 0}"#,
        );
        assert!(is_unstated(&version));
        assert_eq!(version.state.as_str(), "unstated");
        assert_eq!(version.visibility, None);
        assert_eq!(version.author, None);
        assert_eq!((version.created_at_ms, version.updated_at_ms), (None, None));
        assert_eq!(version.identity.version.as_str(), "2");
        let odd = understood(
            r#"{"id": "a", "name": "N", "version": "1", "owner": "o", "visibility": "SECRET",
                "state": "active"}"#,
        );
        assert_eq!(odd.state, LiveStateWord::new("active"));
        assert_eq!(odd.visibility, Some(LiveVisibilityWord::new("SECRET")));
    }

    #[test]
    fn odd_texts_are_unmanageable() {
        for (json, expected) in [
            (
                r#"{"id": "a", "name": " N", "version": "1", "owner": "o"}"#,
                "unmanageable",
            ),
            (
                r#"{"id": "a", "name": "N", "version": "", "owner": "o"}"#,
                "unmanageable",
            ),
            (
                r#"{"id": "a", "name": "N", "version": "1\n", "owner": "o"}"#,
                "unmanageable",
            ),
            (
                r#"{"id": "a", "name": "N", "version": "1", "owner": "\u001b[2J"}"#,
                "unmanageable",
            ),
            (r#"{"id": "a", "name": "N", "version": "1"}"#, "bad N"),
            (r#"{"id": "a", "name": "N", "owner": "o"}"#, "bad N"),
            (
                r#"{"id": "a", "name": "N", "version": 1.10, "owner": "o"}"#,
                "bad N",
            ),
            (
                r#"{"id": "a", "name": null, "version": "1", "owner": "o"}"#,
                "bad",
            ),
            (r#"{"name": "N", "version": "1", "owner": "o"}"#, "bad"),
            (
                r#"{"id": "", "name": "N", "version": "1", "owner": "o"}"#,
                "bad",
            ),
            (
                r#"{"id": "..", "name": "N", "version": "1", "owner": "o"}"#,
                "bad",
            ),
            ("{}", "bad"),
            ("null", "bad"),
            ("[]", "bad"),
        ] {
            let found = match read(json) {
                Record::Understood(_) => "understood".to_owned(),
                Record::Unmanageable(record) => {
                    assert!(!record.label.contains('\u{1b}'), "{record:?}");
                    "unmanageable".to_owned()
                }
                Record::Bad(BadRecord {
                    name: Some(name), ..
                }) => format!("bad {name}"),
                Record::Bad(_) => "bad".to_owned(),
            };
            assert_eq!(found, expected, "{json}");
        }
    }
}
