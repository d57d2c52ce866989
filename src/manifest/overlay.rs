//! The layers of a manifest, merged for one environment.
//!
//! From the most specific to the least: the environment's version entry, the version entry, the
//! environment's entry, the entry, the environment's defaults, the defaults. Nothing is copied: a
//! layer is a reference, and a value is searched in one layer after the other.

use super::node::{Field, Found, List, Shape, Table, Text};
use super::position::Mark;
use super::raw::{
    RawDefaults, RawDrain, RawEnvironment, RawManifest, RawSolution, RawSource, RawVerifyRun,
    RawVersion,
};

/// Returns the value of an optional field, if it has the right shape.
pub(super) fn value<'a, T: 'a>(field: impl Into<Option<&'a Field<T>>>) -> Option<&'a T> {
    field.into().and_then(Field::value)
}

/// Returns the names and entries of an optional mapping, in the order of the file.
pub(super) fn entries<'a, T: 'a>(
    field: impl Into<Option<&'a Field<Table<T>>>>,
) -> impl Iterator<Item = (&'a str, &'a Field<T>)> {
    let entries = value(field).into_iter().flat_map(|table| &table.entries);
    entries.map(|(name, field)| (&**name, field))
}

/// A value of the environment and the one of the manifest.
pub(super) type Layers<'a, T> = [Option<&'a T>; 2];

/// The layers of one solution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Solution<'a> {
    pub(super) name: &'a str,
    /// The position of the key that declares it, in the most specific layer that has one.
    pub(super) key: Mark,
    shared: Option<&'a Field<Box<RawSolution>>>,
    entries: Layers<'a, RawSolution>,
    defaults: Layers<'a, RawDefaults>,
}

/// The versions that a solution declares.
#[derive(Debug)]
pub(super) enum Declared<'a> {
    /// No version.
    Nothing,
    /// One version, with `version`.
    One(&'a Field<Text>),
    /// Any number of versions, with `versions`.
    Several(Vec<Entry<'a, RawVersion>>),
    /// One layer has both keys, at these positions.
    Both { version: Mark, versions: Mark },
    /// A value of the wrong kind, which was reported.
    Broken,
}

/// The layers of an entry of a mapping.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a, T> {
    pub(super) name: &'a str,
    /// The position of the key in the most specific layer that has one.
    pub(super) key: Mark,
    pub(super) layers: Layers<'a, T>,
}

/// Merges the layers of a solution for one environment. `shared` is the entry of the manifest
/// itself.
pub(super) fn merge_solution<'a>(
    manifest: &'a RawManifest,
    environment: &'a RawEnvironment,
    name: &'a str,
    shared: Option<&'a Field<Box<RawSolution>>>,
) -> Result<Solution<'a>, NoEntry> {
    let over = value(&environment.solutions).and_then(|table| table.entries.get(name));
    let entry = merge_entry(name, [over, shared], true)?;
    Ok(Solution {
        name: entry.name,
        key: entry.key,
        shared,
        entries: entry.layers,
        defaults: [value(&environment.defaults), value(&manifest.defaults)],
    })
}

/// The reason why an entry is in no layer.
pub(super) enum NoEntry {
    /// A `~` removes it.
    Removed,
    /// A `~` removes nothing; the position of its key.
    RemovesNothing(Mark),
    /// A layer has the wrong kind, which was reported.
    Broken,
}

/// Merges the entries of two layers, in the order of the file. If `removes` is true, `~` in the
/// more specific one removes an entry; otherwise it is an entry without settings.
fn merge_tables<'a, T>(
    [over, base]: Layers<'a, Table<Box<T>>>,
    removes: bool,
    removed_nothing: &mut Vec<Mark>,
) -> Vec<Entry<'a, T>> {
    let shared = base.into_iter().flat_map(|table| &table.entries);
    let shared = shared.map(|(name, field)| {
        let over = over.and_then(|over| over.entries.get(name));
        (name, [over, Some(field)])
    });
    let added = over.into_iter().flat_map(|table| &table.entries);
    let added = added
        .filter(|(name, _)| base.is_none_or(|base| !base.entries.contains_key(*name)))
        .map(|(name, field)| (name, [Some(field), None]));
    let mut merged = Vec::new();
    for (name, layers) in shared.chain(added) {
        match merge_entry(name, layers, removes) {
            Ok(entry) => merged.push(entry),
            Err(NoEntry::RemovesNothing(key)) => removed_nothing.push(key),
            Err(NoEntry::Removed | NoEntry::Broken) => {}
        }
    }
    merged
}

/// Merges the layers of one entry, of which there is at least one.
fn merge_entry<'a, T>(
    name: &'a str,
    layers: Layers<'a, Field<Box<T>>>,
    removes: bool,
) -> Result<Entry<'a, T>, NoEntry> {
    let [over, base] = layers;
    let key = over.or(base).ok_or(NoEntry::Broken)?.key;
    if removes && over.is_some_and(|over| over.node.found == Found::Nothing) {
        return Err(match base {
            Some(_) => NoEntry::Removed,
            None => NoEntry::RemovesNothing(key),
        });
    }
    // A layer of the wrong kind was reported; the other layer alone would only cause misleading
    // problems.
    if layers.iter().flatten().any(|layer| layer.value().is_none()) {
        return Err(NoEntry::Broken);
    }
    let layers = layers.map(|layer| value(layer).map(|boxed| &**boxed));
    Ok(Entry { name, key, layers })
}

impl<'a> Solution<'a> {
    /// Returns the layers of the same solution for another environment; `None` if it does not have
    /// the solution.
    pub(super) fn beside(
        &self,
        manifest: &'a RawManifest,
        environment: &'a RawEnvironment,
    ) -> Option<Self> {
        merge_solution(manifest, environment, self.name, self.shared).ok()
    }

    /// Returns the declared versions: those of the most specific layer with `version` or
    /// `versions`; two layers with `versions` are merged.
    pub(super) fn declared(&self, removed_nothing: &mut Vec<Mark>) -> Declared<'a> {
        for entry in self.entries.into_iter().flatten() {
            return match (entry.version.as_ref(), entry.versions.as_ref()) {
                (Some(version), Some(versions)) => Declared::Both {
                    version: version.key,
                    versions: versions.key,
                },
                (Some(version), None) if version.value().is_none() => Declared::Broken,
                (Some(version), None) => Declared::One(version),
                (None, Some(versions)) if versions.value().is_none() => Declared::Broken,
                (None, Some(_)) => self.merge_versions(removed_nothing),
                (None, None) => continue,
            };
        }
        Declared::Nothing
    }

    /// Returns whether any layer has an unknown key that is probably a misspelling of this field.
    pub(super) fn misspells(&self, version: Layers<'a, RawVersion>, field: &str) -> bool {
        fn any<T: Shape>(layers: Layers<'_, T>, field: &str) -> bool {
            let mut layers = layers.into_iter().flatten();
            layers.any(|layer| layer.misspells(field))
        }
        any(version, field) || any(self.entries, field) || any(self.defaults, field)
    }

    /// Merges the `versions` of the layers. A `version` of the manifest's entry is ignored: the
    /// environment's `versions` replace it.
    fn merge_versions(&self, removed_nothing: &mut Vec<Mark>) -> Declared<'a> {
        let layers = self
            .entries
            .map(|entry| value(&entry?.versions).map(|table| &**table));
        let removes = layers[1].is_some();
        Declared::Several(merge_tables(layers, removes, removed_nothing))
    }
}

/// The index of a layer, 0 for the most specific one, and its value.
pub(super) type Layered<'a, T = Text> = (usize, &'a Field<T>);

/// The index of the first layer of `defaults`: the last two layers are the least specific ones.
pub(super) const FIRST_DEFAULT: usize = 4;

macro_rules! layered {
    (@field $field:ident) => { [None, None] };
    (@field $field:ident $layers:expr) => {
        $layers.map(|layer| layer.and_then(|layer| layer.$field.as_ref()))
    };
    ($( $(#[$meta:meta])* $field:ident($($version:ident)?); )+) => {
        impl<'a> Solution<'a> {
            $( $(#[$meta])*
            pub(super) fn $field(
                &self,
                $( $version: Layers<'a, RawVersion>, )?
            ) -> Option<Layered<'a>> {
                first([
                    layered!(@field $field $($version)?),
                    layered!(@field $field self.entries),
                    layered!(@field $field self.defaults),
                ])
            } )+
        }
    };
}

layered! {
    /// Returns the most specific `path`.
    path(version);
    /// Returns the most specific `overwrite`.
    overwrite(version);
    /// Returns the most specific `redeploy`.
    redeploy(version);
    /// Returns the most specific `owner`.
    owner(version);
    /// Returns the most specific `state`.
    state(version);
    /// Returns the most specific `visibility`.
    visibility(version);
    /// Returns the most specific `superseded`; version entries cannot have one.
    superseded();
    /// Returns the most specific `retain`; version entries cannot have one.
    retain();
    /// Returns the most specific `on_verify_failure`; version entries cannot have one.
    on_verify_failure();
}

impl<'a> Solution<'a> {
    /// Returns the most specific `sha256`; `defaults` cannot have one. That of the manifest's entry
    /// is left out if the version that the entry declares is replaced: it pins the bytes of that
    /// version.
    pub(super) fn sha256(
        &self,
        version: Layers<'a, RawVersion>,
        is_replaced: bool,
    ) -> Option<Layered<'a>> {
        let [over, base] = layered!(@field sha256 self.entries);
        first([
            layered!(@field sha256 version),
            [over, base.filter(|_| !is_replaced)],
            [None, None],
        ])
    }

    /// Returns the most specific `verify`; version entries cannot have one.
    pub(super) fn verify(&self) -> Option<Layered<'a, List<Box<RawVerifyRun>>>> {
        first([
            [None, None],
            layered!(@field verify self.entries),
            layered!(@field verify self.defaults),
        ])
    }

    /// Returns every layer of `drain`; version entries cannot have one.
    pub(super) fn drain(&self) -> DrainLayers<'a> {
        let [over, base] = layered!(@field drain self.entries);
        let [over_default, default] = layered!(@field drain self.defaults);
        numbered([None, None, over, base, over_default, default])
    }

    /// Returns whether the environment's entry replaces the versions of the manifest's entry.
    /// `is_same` decides it for a `version`, which may be declared again.
    pub(super) fn replaces(&self, is_same: impl FnOnce(&'a Field<Text>) -> bool) -> bool {
        let [Some(over), Some(base)] = self.entries else {
            return false;
        };
        let [is_one, are_several] = [
            over.version.as_ref().is_some(),
            over.versions.as_ref().is_some(),
        ];
        match base.version.as_ref() {
            Some(version) => (is_one || are_several) && !is_same(version),
            None => is_one && base.versions.as_ref().is_some(),
        }
    }

    /// Returns the `sha256` of an entry that pins several versions.
    pub(super) fn ambiguous_sha256(&self) -> Option<&'a Field<Text>> {
        let entries = self.entries.into_iter().flatten();
        let versions = entries.clone().filter_map(|entry| value(&entry.versions));
        let are_several = versions.into_iter().any(|table| table.entries.len() > 1);
        let mut pins = entries.filter(|entry| entry.version.as_ref().is_none());
        pins.find_map(|entry| entry.sha256.as_ref().filter(|_| are_several))
    }

    /// Returns the most specific `source`.
    pub(super) fn source(&self, version: Layers<'a, RawVersion>) -> Option<Layered<'a, RawSource>> {
        first([
            layered!(@field source version),
            layered!(@field source self.entries),
            layered!(@field source self.defaults),
        ])
    }
}

/// The layers of `drain`, the most specific one first.
pub(super) type DrainLayers<'a> = [Option<Layered<'a, Box<RawDrain>>>; 6];

/// Returns the layers of `drain` for a name that is not declared.
pub(super) fn default_drain<'a>(
    manifest: &'a RawManifest,
    environment: &'a RawEnvironment,
) -> DrainLayers<'a> {
    let defaults = [value(&environment.defaults), value(&manifest.defaults)];
    let [over, base] = layered!(@field drain defaults);
    numbered([None, None, None, None, over, base])
}

fn numbered<T>(layers: [Option<&Field<T>>; 6]) -> [Option<Layered<'_, T>>; 6] {
    let mut numbers = 0..;
    layers.map(|field| numbers.next().zip(field))
}

fn first<T>(layers: [Layers<'_, Field<T>>; 3]) -> Option<Layered<'_, T>> {
    layers
        .into_iter()
        .flatten()
        .enumerate()
        .find_map(|(layer, field)| field.map(|field| (layer, field)))
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Desired, Selection, SourceFile, read};

    /// Returns the declared versions of the environment `e`.
    fn checked(text: &str) -> Vec<Desired> {
        let text = format!("solform: 1\n{text}");
        let source = SourceFile::from_bytes("m.yaml", text).unwrap();
        let selection = Selection {
            environment: Some("e"),
        };
        let checked = read(&source, &selection, &|_| None).unwrap_or_else(|problems| {
            panic!(
                "{:#?}",
                problems.iter().map(ToString::to_string).collect::<Vec<_>>()
            )
        });
        checked.manifest.desired
    }

    /// Returns the declared versions of the environment `e`, one a line, with the fields that
    /// layers can change.
    fn merged(text: &str) -> String {
        let desired = checked(text);
        let lines = desired.iter().map(|desired| {
            let visibility = desired
                .visibility
                .map_or("-", |visibility| visibility.as_str());
            let path = desired.path.as_ref().map_or("-", |path| &path.text);
            let retain = desired
                .superseded
                .retain
                .map_or("-".to_owned(), |count| count.to_string());
            format!(
                "{} {} {} {visibility} {path} {:?} {retain}\n",
                desired.identity.address(),
                desired.identity.owner,
                desired.state,
                desired.superseded.policy,
            )
        });
        lines.collect()
    }

    /// Returns a manifest with an environment `e` that has these keys, and the rest of the
    /// manifest.
    fn environment(inside: &str, rest: &str) -> String {
        format!("environments: {{ e: {{ url: \"emulator:\", {inside} }} }}\n{rest}")
    }

    #[test]
    fn the_most_specific_layer_wins() {
        let defaults = "defaults: { owner: d, visibility: PUBLIC, path: d.ibsolution, state: \
            INACTIVE, superseded: keep }";
        let cases = [
            // From the least specific layer to the most specific one.
            (
                "",
                "S: { version: 1 }",
                "S@1 d INACTIVE PUBLIC d.ibsolution Keep -\n",
            ),
            (
                "defaults: { owner: ed, superseded: delete }",
                "S: { version: 1 }",
                "S@1 ed INACTIVE PUBLIC d.ibsolution Delete -\n",
            ),
            (
                "defaults: { owner: ed }",
                "S: { version: 1, owner: s, retain: 0, superseded: delete }",
                "S@1 s INACTIVE PUBLIC d.ibsolution Delete 0\n",
            ),
            (
                "solutions: { S: { owner: es, superseded: deactivate, retain: 3 } }",
                "S: { version: 1, owner: s, superseded: delete }",
                "S@1 es INACTIVE PUBLIC d.ibsolution Deactivate 3\n",
            ),
            (
                "solutions: { S: { owner: es, state: INACTIVE } }",
                "S: { owner: s, versions: { 1: { owner: v, state: ACTIVE } } }",
                "S@1 v ACTIVE PUBLIC d.ibsolution Keep -\n",
            ),
            (
                "solutions: { S: { owner: es, versions: { 1: { owner: ev } } } }",
                "S: { owner: s, versions: { 1: { owner: v, state: ABSENT } } }",
                "S@1 ev ABSENT PUBLIC - Keep -\n",
            ),
        ];
        for (inside, solution, expected) in cases {
            let rest = format!("{defaults}\nsolutions: {{ {solution} }}\n");
            assert_eq!(
                merged(&environment(inside, &rest)),
                expected,
                "{inside} {solution}"
            );
        }
    }

    /// A digest pins the bytes of the version that its layer declares.
    #[test]
    fn a_digest_is_that_of_its_version() {
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(64));
        let shared = format!("version: 1, sha256: {one}");
        let unversioned = format!("sha256: {one}");
        let several = format!("versions: {{ 1: }}, sha256: {one}");
        let by_variable = format!("version: '${{v}}', sha256: {one}");
        let own = format!("version: 2, sha256: {two}");
        let pinned = format!("versions: {{ 1: , 2: {{ sha256: {two} }} }}");
        for (over, base, expected) in [
            ("owner: o", &shared, vec![Some(&one)]),
            ("version: 2", &shared, vec![None]),
            ("version: 1", &shared, vec![Some(&one)]),
            ("version: '${v}'", &shared, vec![Some(&one)]),
            ("version: 1", &by_variable, vec![Some(&one)]),
            ("version: 2", &by_variable, vec![None]),
            (&own, &shared, vec![Some(&two)]),
            (&pinned, &shared, vec![Some(&one), Some(&two)]),
            ("version: 2", &unversioned, vec![Some(&one)]),
            ("version: 2", &several, vec![None]),
            (
                "versions: { 1: { state: INACTIVE } }",
                &several,
                vec![Some(&one)],
            ),
        ] {
            let inside = format!("vars: {{ v: 1 }}, solutions: {{ S: {{ {over} }} }}");
            let rest = format!("solutions: {{ S: {{ owner: o, source: a.ibsolution, {base} }} }}");
            let found = checked(&environment(&inside, &rest));
            let found: Vec<Option<String>> = found
                .iter()
                .map(|desired| Some(desired.source.as_ref()?.sha256.as_ref()?.to_string()))
                .collect();
            let found: Vec<Option<&String>> = found.iter().map(Option::as_ref).collect();
            assert_eq!(found, expected, "{over} | {base}");
        }
    }

    #[test]
    fn versions_replace_or_merge() {
        let one = "S: { version: 1 }";
        let two = "S: { versions: { 1: , 2: { state: INACTIVE } } }";
        let cases = [
            // `version` replaces either key, together with all entries of `versions`.
            (one, "S: { version: 2 }", "S@2 ACTIVE"),
            (two, "S: { version: 2 }", "S@2 ACTIVE"),
            // `versions` replaces `version`, and is merged with `versions`.
            (
                one,
                "S: { versions: { 2: , 3: } }",
                "S@2 ACTIVE, S@3 ACTIVE",
            ),
            (
                two,
                "S: { versions: { 3: {} } }",
                "S@1 ACTIVE, S@2 INACTIVE, S@3 ACTIVE",
            ),
            (
                two,
                "S: { versions: { 2: { owner: x } } }",
                "S@1 ACTIVE, S@2 INACTIVE",
            ),
            (two, "S: { versions: { 1: ~ } }", "S@2 INACTIVE"),
            // `~` removes the whole solution; a new name adds one.
            (one, "S: ~", ""),
            (one, "T: { version: 5 }", "S@1 ACTIVE, T@5 ACTIVE"),
            (
                "S: { path: a.ibsolution }",
                "S: { version: 1 }",
                "S@1 ACTIVE",
            ),
            ("S:", "S: { version: 1 }", "S@1 ACTIVE"),
            (one, "S: {}", "S@1 ACTIVE"),
        ];
        for (base, over, expected) in cases {
            let inside = format!("solutions: {{ {over} }}");
            let rest = format!("defaults: {{ owner: d }}\nsolutions: {{ {base} }}\n");
            let merged = merged(&environment(&inside, &rest));
            let lines = merged.lines().map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                format!("{} {}", words[0], words[2])
            });
            assert_eq!(
                lines.collect::<Vec<_>>().join(", "),
                expected,
                "{base} {over}"
            );
        }
    }

    #[test]
    fn versions_stay_as_they_are_written() {
        let rest = "defaults: { owner: 007 }\nsolutions: { S: { versions: { 1.10: , 0x10: , 1e3: , \
            1_0: , \"1.0\": , yes: } } }\n";
        let merged = merged(&environment("", rest));
        let versions: Vec<&str> = merged
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(
            versions,
            ["S@0x10", "S@1.0", "S@1.10", "S@1_0", "S@1e3", "S@yes"]
        );
        assert!(merged.contains(" 007 "));
    }

    #[test]
    fn lists_replace_and_protection_adds() {
        let text = environment(
            "protect: [\"A@*\"], manage: { names: [\"B*\"] }",
            "protect: [\"C@*\"]\nmanage: { owners: [o], names: [\"D*\"], undeclared: delete }\n\
             solutions: { B: { version: 1, owner: o } }\n",
        );
        let source = SourceFile::from_bytes("m.yaml", format!("solform: 1\n{text}")).unwrap();
        let checked = read(&source, &Selection::default(), &|_| None).unwrap();
        let manifest = checked.manifest;
        let protect: Vec<_> = manifest
            .environment
            .protect
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(protect, ["A@*", "C@*"]);
        assert_eq!(format!("{:?}", manifest.scope.names), r#"["B*"]"#);
        assert_eq!(format!("{:?}", manifest.scope.owners), r#"["o"]"#);
        assert_eq!(format!("{:?}", manifest.scope.undeclared), "Delete");
    }
}
