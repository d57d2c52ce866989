//! The facts that an expression is evaluated with.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use cel::common::traits::{Container, Iterable, Sizer};
use cel::common::types::{CelBool, CelMap, CelMapKey, Kind, MAP_TYPE, Type};
use cel::common::value::Val;
use cel::objects::Key;
use cel::{Context, Env, ExecutionError, Value};
use jiff::ZonedDateTime;

use super::kind::{TIME, VERIFIED, WEEKDAYS};
use crate::ident::Version;

/// The values of the variables.
pub struct Facts {
    pub(super) context: Context<'static, 'static>,
    /// The changes, with their addresses.
    pub(super) changes: Vec<(String, Value)>,
}

/// A change of a plan, as expressions see it.
#[derive(Debug, Clone, Default)]
pub struct ChangeFacts<'a> {
    /// The address.
    pub address: &'a str,
    /// The word of the action.
    pub action: &'static str,
    /// The live version; its fields are missing if there is none.
    pub before: ImageFacts<'a>,
    /// The version as it will be; its fields are missing if it is deleted.
    pub after: ImageFacts<'a>,
    /// True if the version must pass its verification.
    pub will_verify: bool,
    /// The word of the direction of its succession, if it replaces a version.
    pub succession: Option<&'static str>,
}

/// A version before or after a change, as expressions see it.
#[derive(Debug, Clone, Default)]
pub struct ImageFacts<'a> {
    /// The name.
    pub name: Option<&'a str>,
    /// The version.
    pub version: Option<&'a str>,
    /// The owner.
    pub owner: Option<&'a str>,
    /// The word of the state.
    pub state: Option<&'a str>,
    /// The word of the visibility.
    pub visibility: Option<&'a str>,
    /// The fingerprint of the package.
    pub package: Option<&'a str>,
}

impl ImageFacts<'_> {
    fn value(&self, has_package: bool) -> Value {
        let Self {
            name,
            version,
            owner,
            state,
            visibility,
            package,
        } = self;
        let mut fields = vec![
            ("name", name),
            ("version", version),
            ("owner", owner),
            ("state", state),
            ("visibility", visibility),
        ];
        if has_package {
            fields.push(("package", package));
        }
        let fields = fields
            .into_iter()
            .map(|(name, text)| (name, text_or_null(*text)));
        record(fields)
    }
}

impl ChangeFacts<'_> {
    fn value(&self) -> Value {
        let Self {
            address,
            action,
            before,
            after,
            will_verify,
            succession,
        } = self;
        record([
            ("address", Value::from(*address)),
            ("action", Value::from(*action)),
            ("before", before.value(false)),
            ("after", after.value(true)),
            ("will_verify", Value::Bool(*will_verify)),
            ("succession", text_or_null(*succession)),
        ])
    }
}

fn text_or_null(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}

fn record(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let fields: HashMap<&str, Value> = fields.into_iter().collect();
    Value::from(fields)
}

impl Facts {
    /// Collects the values of the variables.
    pub fn new<'a>(
        changes: impl Iterator<Item = ChangeFacts<'a>>,
        environment: &str,
        now: &ZonedDateTime,
        verified: impl Iterator<Item = &'a str>,
    ) -> Self {
        let changes = changes.map(|change| (change.address.to_owned(), change.value()));
        let changes: Vec<(String, Value)> = changes.collect();
        let mut context = Context::with_env(Arc::new(Env::stdlib()));
        let declared = context.add_function("newer", |left: Arc<String>, right: Arc<String>| {
            is_newer(&left, &right)
        });
        debug_assert!(declared.is_ok(), "the standard library has no `newer`");
        let values = changes.iter().map(|(_, value)| value.clone());
        context.add_variable_from_value("changes", values.collect::<Vec<Value>>());
        context.add_variable_from_value("environment", environment);
        context.add_variable_from_value("now", moment(now));
        context.add_variable_as_val(VERIFIED, Box::new(TextSet::of(verified)));
        Self { context, changes }
    }
}

/// A set of texts. A list would be searched from its start, and a mapping fails for `null in SET`.
#[derive(Debug, Clone)]
struct TextSet(Arc<CelMap<'static>>);

impl TextSet {
    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let keys = texts.map(|text| {
            let value: Box<dyn Val> = Box::new(CelBool::from(true));
            (CelMapKey::from(Key::from(text)), value)
        });
        let keys: HashMap<CelMapKey<'static>, Box<dyn Val>> = keys.collect();
        Self(Arc::new(CelMap::from(keys)))
    }
}

impl Val for TextSet {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        self.0.as_iterable()
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        self.0.as_sizer()
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Container for TextSet {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        let container = self.0.as_container();
        match (value.get_type().kind(), container) {
            (Kind::String, Some(container)) => container.contains(value),
            _ => Ok(false),
        }
    }
}

fn moment(now: &ZonedDateTime) -> Value {
    let weekday = usize::try_from(now.weekday().to_monday_zero_offset()).unwrap_or_default();
    let time = now.time();
    record([
        ("date", Value::from(now.date().to_string())),
        ("time", Value::from(time.strftime(TIME).to_string())),
        ("hour", Value::Int(i64::from(time.hour()))),
        ("weekday", Value::from(WEEKDAYS[weekday % WEEKDAYS.len()])),
    ])
}

/// Returns whether the first version has the higher numbers. A text that is no version is not newer
/// than another one.
fn is_newer(left: &str, right: &str) -> bool {
    let (Ok(left), Ok(right)) = (Version::parse(left), Version::parse(right)) else {
        return false;
    };
    left.numeric_cmp(&right) == Some(Ordering::Greater)
}
