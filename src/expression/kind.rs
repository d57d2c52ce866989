//! The kinds of values, and the variables with their fields: the check and the reference use the
//! same tables.

use jiff::civil::{Date, Time};

use crate::attribute::{LiveStateWord, State, Visibility};
use crate::ident::{Address, Digest, Owner, SolutionName, Version};

/// The kind of a single value, which defines the values that it can have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Bool,
    Int,
    /// A number from 0 to 23.
    Hour,
    Text,
    /// A text that is one of these words.
    Word(&'static [&'static str]),
    /// A word of the server. These are known, and others are possible.
    ServerWord(&'static [&'static str]),
    /// A text of this form.
    Form(Form),
    /// The name of an environment. The names are in the manifest, which compares them.
    Environment,
    Null,
    Record(&'static Record),
}

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    Date,
    Time,
    Address,
    Name,
    Version,
    Owner,
    Package,
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
const SERVER_STATES: &[&str] = &[
    State::Active.as_str(),
    State::Inactive.as_str(),
    LiveStateWord::PRODUCTION,
];
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

/// The form of `now.time`.
pub(super) const TIME: &str = "%H:%M";

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
        Type::One(Kind::Environment),
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
        field(
            "address",
            Kind::Form(Form::Address),
            "the address, as in the plan",
        ),
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
        field("name", Kind::Form(Form::Name), "the solution's name"),
        field("version", Kind::Form(Form::Version), "the version"),
        field("owner", Kind::Form(Form::Owner), "the owner"),
        field(
            "state",
            Kind::ServerWord(SERVER_STATES),
            "the state, in the server's word, which can be another one",
        ),
        field(
            "visibility",
            Kind::ServerWord(VISIBILITIES),
            "the visibility, in the server's word, which can be another one; null if it is not \
             known",
        ),
    ],
};

pub(super) static AFTER: Record = Record {
    name: "`after`",
    fields: &[
        field("name", Kind::Form(Form::Name), "the solution's name"),
        field("version", Kind::Form(Form::Version), "the version"),
        field("owner", Kind::Form(Form::Owner), "the owner"),
        field("state", Kind::Word(STATES), "the state"),
        field(
            "visibility",
            Kind::ServerWord(VISIBILITIES),
            "the visibility, from the manifest or else from the package, or in the server's word \
             from the live version, which can be another one; null if it is not known",
        ),
        field(
            "package",
            Kind::Form(Form::Package),
            "the fingerprint of the package; null if it is not known",
        ),
    ],
};

pub(super) static NOW: Record = Record {
    name: "`now`",
    fields: &[
        field(
            "date",
            Kind::Form(Form::Date),
            "the date, such as \"2026-12-24\"",
        ),
        field(
            "time",
            Kind::Form(Form::Time),
            "the time of day, such as \"16:30\"",
        ),
        field("hour", Kind::Hour, "the hour, 0 to 23"),
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
            Self::Null => "null",
            Self::Record(record) => record.name,
            kind if kind.is_number() => "a number",
            _ => "a text",
        }
    }

    /// Returns whether values of both kinds can be equal.
    pub(super) fn is_comparable(self, other: Self) -> bool {
        match (self, other) {
            // A record is never null: its fields are.
            (Self::Record(_), _) | (_, Self::Record(_)) => false,
            (Self::Null, _) | (_, Self::Null) => true,
            (one, other) => one.is_like(other),
        }
    }

    /// Returns the kind of a value that has one of these two kinds, which are comparable.
    pub(super) fn either(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (kind, _) if kind.is_number() => Self::Int,
            _ => Self::Text,
        }
    }

    /// Returns whether both kinds have the same operators.
    pub(super) fn is_like(self, other: Self) -> bool {
        self == other
            || (self.is_text() && other.is_text())
            || (self.is_number() && other.is_number())
    }

    pub(super) fn is_text(self) -> bool {
        match self {
            Self::Text
            | Self::Word(_)
            | Self::ServerWord(_)
            | Self::Form(_)
            | Self::Environment => true,
            Self::Bool | Self::Int | Self::Hour | Self::Null | Self::Record(_) => false,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Hour)
    }

    /// Returns whether a value can be this text.
    pub(super) fn can_be(self, text: &str) -> bool {
        match self {
            Self::Word(words) => words.contains(&text),
            Self::Form(form) => form.fits(text),
            _ => true,
        }
    }

    /// Returns the known word of the server that differs from this text only in its case.
    pub(super) fn in_other_case(self, text: &str) -> Option<&'static str> {
        let Self::ServerWord(words) = self else {
            return None;
        };
        let mut alike = words.iter().filter(|word| word.eq_ignore_ascii_case(text));
        alike.next().copied().filter(|word| *word != text)
    }

    /// Returns the words that a value is one of.
    pub(super) fn words(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Word(words) | Self::ServerWord(words) => Some(words),
            _ => None,
        }
    }

    /// Returns whether a value can be this number.
    pub(super) fn can_be_number(self, number: i64) -> bool {
        self != Self::Hour || (0..24).contains(&number)
    }
}

impl Form {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Date => text.parse().is_ok_and(|it: Date| it.to_string() == text),
            Self::Time => {
                let time = Time::strptime(TIME, text);
                time.is_ok_and(|it| it.strftime(TIME).to_string() == text)
            }
            Self::Address => Address::parse(text).is_ok(),
            Self::Name => SolutionName::parse(text).is_ok(),
            Self::Version => Version::parse(text).is_ok(),
            Self::Owner => Owner::parse(text).is_ok(),
            Self::Package => Digest::parse(text).is_ok_and(|it| it.as_str() == text),
        }
    }

    /// Returns whether the values are ordered around this text as the dates or times that they are:
    /// it has the form of a value, or of the first parts of one, such as a year.
    pub(super) fn is_bound(self, text: &str) -> bool {
        let shape = match self {
            Self::Date => "0000-00-00",
            Self::Time => "00:00",
            _ => return true,
        };
        let written = text.replace(|letter: char| letter.is_ascii_digit(), "0");
        let rest = shape.strip_prefix(&*written);
        rest.is_some_and(|rest| !rest.starts_with('0'))
    }

    /// Returns the fix for a text that has another form, as a sentence.
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Date => "Write the date like \"2026-12-24\".",
            Self::Time => "Write the time with two digits for hour and minute, like \"09:30\".",
            Self::Address => "Write the address like \"Form W-2@0.0.2\".",
            Self::Name | Self::Version | Self::Owner => {
                "Write it as the platform shows it, and write `null` for a missing one."
            }
            Self::Package => "Write the SHA-256 of the package as 64 hexadecimal digits.",
        }
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
