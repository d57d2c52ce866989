//! The kinds of values, and the variables with their fields: the check and the reference use the
//! same tables.

use crate::attribute::{State, Visibility};

/// The kind of a single value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Bool,
    Int,
    Text,
    /// A text that is one of these words.
    Word(&'static [&'static str]),
    Null,
    Record(&'static Record),
}

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Type {
    One(Kind),
    List(Kind, Size),
    /// A set of texts, in which a text is found at once.
    Set,
}

/// The number of items of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Size {
    /// At most this number.
    Fixed(u64),
    /// As many as the plan has changes, or as the store has packages.
    OfPlan,
}

/// A value with fields.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    /// The name in messages.
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of a record, or a variable.
#[derive(Debug, PartialEq)]
pub(super) struct Field<T = Kind> {
    pub(super) name: &'static str,
    pub(super) kind: T,
    /// The description for people.
    pub(super) help: &'static str,
}

const fn field<T>(name: &'static str, kind: T, help: &'static str) -> Field<T> {
    Field { name, kind, help }
}

pub(super) const ACTIONS: &[&str] = &["create", "update", "replace", "delete"];
const COURSES: &[&str] = &["upgrade", "downgrade", "incomparable", "handover"];
const STATES: &[&str] = &[State::Active.as_str(), State::Inactive.as_str()];
const VISIBILITIES: &[&str] = &[
    Visibility::Public.as_str(),
    Visibility::Private.as_str(),
    Visibility::PendingReview.as_str(),
];
pub(super) const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The variable with the fingerprints of the packages that passed a verification.
pub(super) const VERIFIED: &str = "verified";

/// The variables.
pub(super) static VARIABLES: &[Field<Type>] = &[
    field(
        "changes",
        Type::List(Kind::Record(&CHANGE), Size::OfPlan),
        "the changes of the plan, without the versions that stay as they are",
    ),
    field(
        "environment",
        Type::One(Kind::Text),
        "the name of the environment",
    ),
    field(
        "now",
        Type::One(Kind::Record(&NOW)),
        "the time of the judgement, in the zone of `policy_timezone`",
    ),
    field(
        VERIFIED,
        Type::Set,
        "the fingerprints of the packages whose newest verification passed, in the stores of all \
         environments",
    ),
];

pub(super) static CHANGE: Record = Record {
    name: "a change",
    fields: &[
        field("address", Kind::Text, "the address, as in the plan"),
        field("action", Kind::Word(ACTIONS), "the action"),
        field(
            "before",
            Kind::Record(&BEFORE),
            "the live version; each field is null if there is none",
        ),
        field(
            "after",
            Kind::Record(&AFTER),
            "the version as it will be; each field is null if it is deleted",
        ),
        field(
            "will_verify",
            Kind::Bool,
            "true if the version must pass its `verify`",
        ),
        field(
            "succession",
            Kind::Word(COURSES),
            "the direction from the versions that this one replaces, by the order of their \
             numbers; null if it replaces none",
        ),
    ],
};

pub(super) static BEFORE: Record = Record {
    name: "`before`",
    fields: &[
        field("name", Kind::Text, "the solution's name"),
        field("version", Kind::Text, "the version"),
        field("owner", Kind::Text, "the owner"),
        field("state", Kind::Text, "the state, in the server's word"),
        field(
            "visibility",
            Kind::Text,
            "the visibility, in the server's word; null if it is not known",
        ),
    ],
};

pub(super) static AFTER: Record = Record {
    name: "`after`",
    fields: &[
        field("name", Kind::Text, "the solution's name"),
        field("version", Kind::Text, "the version"),
        field("owner", Kind::Text, "the owner"),
        field("state", Kind::Word(STATES), "the state"),
        field(
            "visibility",
            Kind::Word(VISIBILITIES),
            "the visibility, from the manifest or else from the package or the live version; null \
             if it is not known",
        ),
        field(
            "package",
            Kind::Text,
            "the fingerprint of the package; null if it is not known",
        ),
    ],
};

pub(super) static NOW: Record = Record {
    name: "`now`",
    fields: &[
        field("date", Kind::Text, "the date, such as \"2026-12-24\""),
        field("time", Kind::Text, "the time of day, such as \"16:30\""),
        field("hour", Kind::Int, "the hour, 0 to 23"),
        field("weekday", Kind::Word(&WEEKDAYS), "the day of the week"),
    ],
};

/// The functions, with their descriptions.
pub(super) static FUNCTIONS: &[(&str, &str)] = &[
    (
        "LIST.exists(x, CONDITION)",
        "true if the condition is true for an item; also `all`, `exists_one`, `filter`, and \
         `map(x, VALUE)`",
    ),
    ("size(LIST)", "the number of items, or of characters"),
    ("TEXT.contains(TEXT)", "also `startsWith` and `endsWith`"),
    ("VALUE in LIST", "true if the list has the value"),
    (
        "newer(VERSION, VERSION)",
        "true if the first version has the higher numbers: 1.10 is newer than 1.9; what follows \
         the numbers does not decide",
    ),
];

impl Kind {
    /// Returns the kind as messages name it.
    pub(super) fn phrase(self) -> &'static str {
        match self {
            Self::Bool => "a condition",
            Self::Int => "a number",
            Self::Text | Self::Word(_) => "a text",
            Self::Null => "null",
            Self::Record(record) => record.name,
        }
    }

    /// Returns whether values of both kinds can be equal.
    pub(super) fn is_comparable(self, other: Self) -> bool {
        match (self, other) {
            // A record is never null: its fields are.
            (Self::Record(_), _) | (_, Self::Record(_)) => false,
            (Self::Null, _)
            | (_, Self::Null)
            | (Self::Text | Self::Word(_), Self::Text | Self::Word(_)) => true,
            (one, other) => one == other,
        }
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Word(_))
    }
}

impl Type {
    pub(super) fn phrase(self) -> &'static str {
        match self {
            Self::One(kind) => kind.phrase(),
            Self::List(..) => "a list",
            Self::Set => "a set",
        }
    }
}
