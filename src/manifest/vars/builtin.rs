//! The built-in names: they have a value without a declaration.

use super::super::problem::Reported;

/// The values of the built-in names at a position in the manifest.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::manifest) struct Builtins<'k> {
    pub(in crate::manifest) name: BuiltinValue<'k>,
    pub(in crate::manifest) version: BuiltinValue<'k>,
    pub(in crate::manifest) owner: BuiltinValue<'k>,
}

impl<'k> Builtins<'k> {
    /// Returns the values inside of a solution, without those of a version.
    pub(in crate::manifest) fn of_solution(name: &'k str) -> Self {
        Self {
            name: BuiltinValue::Value(name),
            ..Self::default()
        }
    }
}

/// The value of a built-in name.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::manifest) enum BuiltinValue<'k> {
    /// The name has no value at this position.
    #[default]
    Nowhere,
    /// The value is invalid, which was reported.
    Broken,
    /// The value.
    Value(&'k str),
}

impl<'k> BuiltinValue<'k> {
    /// Returns the text of a checked value; `Broken` if the check reported a problem.
    pub(in crate::manifest) fn checked<T>(
        checked: &'k Result<T, Reported>,
        text: impl FnOnce(&'k T) -> &'k str,
    ) -> Self {
        match checked {
            Ok(value) => Self::Value(text(value)),
            Err(Reported) => Self::Broken,
        }
    }
}

word_enum! {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Builtin {
        Name = "name",
        Version = "version",
        Owner = "owner",
        Environment = "environment",
    }
}

impl Builtin {
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::as_str)
    }
}
