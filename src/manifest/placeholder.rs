//! Placeholders for environment variables, to read a manifest without their values.
//!
//! The placeholder of a variable is `${env:NAME}` wherever any text is valid. A URL cannot contain
//! braces, so the placeholder of a variable in a URL is `$NAME`, with `https://` in front if the
//! URL begins with it. There is no placeholder for a word, a number or a duration.

use std::collections::BTreeSet;

use super::check::is_too_big;
use super::node::{Field, Table, Text};
use super::overlay::{entries, value};
use super::source::SourceFile;
use super::vars::{Piece, split};
use super::yaml;

/// The variables in the URLs of the manifests that are compared: all of them get the same
/// placeholders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholders {
    /// The variables that a URL begins with.
    leading: BTreeSet<String>,
    /// The variables inside of a URL.
    inside: BTreeSet<String>,
}

impl Placeholders {
    /// Collects the variables in the URLs of these manifests. A manifest that cannot be read is
    /// skipped: the caller reads it too and reports its problems.
    pub fn of<'s>(sources: impl IntoIterator<Item = &'s SourceFile>) -> Self {
        let mut found = Self::default();
        for source in sources {
            let Ok(raw) = yaml::parse(source) else {
                continue;
            };
            if is_too_big(&raw) {
                continue;
            }
            for (_, field) in entries(&raw.environments) {
                let Some(environment) = field.value() else {
                    continue;
                };
                let layers = [value(&environment.vars), value(&raw.vars)];
                if let Some(url) = environment.url.as_ref() {
                    found.collect(source, url, layers);
                }
            }
        }
        found
    }

    /// Returns the placeholder of a variable.
    pub fn text(&self, name: &str) -> String {
        if self.leading.contains(name) {
            format!("https://${name}")
        } else if self.inside.contains(name) {
            format!("${name}")
        } else {
            format!("${{env:{name}}}")
        }
    }

    fn collect<'s>(
        &mut self,
        source: &'s SourceFile,
        url: &'s Field<Text>,
        layers: [Option<&'s Table<Text>>; 2],
    ) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        // A list instead of recursion: chains of variables may be long.
        let mut open = vec![(url, true)];
        while let Some((field, is_first)) = open.pop() {
            let text = field.node.text(source).unwrap_or_default();
            for (index, piece) in split(text).into_iter().enumerate() {
                let is_leading = is_first && index == 0;
                match piece {
                    Piece::Env { name, .. } if is_leading => {
                        self.leading.insert(name.to_owned());
                    }
                    Piece::Env { name, .. } => {
                        self.inside.insert(name.to_owned());
                    }
                    Piece::Name { name, .. } => {
                        let mut tables = layers.into_iter().flatten();
                        let variable = tables.find_map(|table| table.entries.get(name));
                        open.extend(
                            variable
                                .filter(|_| seen.insert(name))
                                .map(|variable| (variable, is_leading)),
                        );
                    }
                    Piece::Text(_) | Piece::Bad { .. } => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Selection, read};

    #[test]
    fn urls_are_read_without_their_variables() {
        for (url, vars, expected) in [
            ("${env:IB_URL}", "", "https://$ib_url"),
            ("${env:IB_URL}/ib", "", "https://$ib_url/ib"),
            ("https://${env:HOST}/x", "", "https://$host/x"),
            ("${base}", "base: '${env:IB_URL}'", "https://$ib_url"),
            ("${a}", "a: '${b}', b: '${a}'", "variable-cycle"),
            ("https://x.example", "", "https://x.example"),
        ] {
            let text = format!(
                "solform: 1\nenvironments: {{ e: {{ url: '{url}', token: {{ env: T }}, vars: {{ \
                 {vars} }} }} }}\nsolutions: {{ S: {{ version: 1, owner: me, path: \
                 'p/${{env:DRIVE}}.ibsolution' }} }}\n"
            );
            let source = SourceFile::from_bytes("m.yaml", text).unwrap();
            let placeholders = Placeholders::of([&source]);
            let env = |name: &str| Some(placeholders.text(name));
            let found = match read(&source, &Selection::default(), &env) {
                Ok(checked) => {
                    let path = checked.manifest.desired[0].path.as_ref().unwrap();
                    assert_eq!(&*path.text, "p/${env:DRIVE}.ibsolution");
                    checked.manifest.environment.url.as_str().to_owned()
                }
                Err(problems) => problems.iter().next().unwrap().code.to_string(),
            };
            assert_eq!(found, expected, "{url}");
        }
    }
}
