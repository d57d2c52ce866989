//! The content of a plan file, of one environment or of several. The plan of each of several is a
//! whole plan file of its own, with the same checks.

use std::io::{self, Write};

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::saved::{
    FORMAT_VERSION, PlanFile, SavedPlan, SavedPlanError, WrittenChange, fingerprint_of, text_of,
    write_json,
};
use crate::ident::Digest;

/// The content of a plan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanFileContent {
    /// The plan of one environment.
    One(Box<SavedPlan>),
    /// The plans of several environments.
    Several(SavedPlans),
}

/// The plans of several environments that are saved in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPlans {
    /// The version of solform that wrote the file.
    pub solform_version: String,
    /// The creation time, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// The plans: at least one, and each of another environment.
    pub plans: Vec<SavedPlan>,
}

/// The keys that distinguish a newer file from a damaged one, and both forms of a file.
#[derive(Deserialize)]
struct Header {
    format_version: u32,
    #[serde(default)]
    plans: Option<IgnoredAny>,
}

/// The file, in the order of its keys.
#[derive(Serialize)]
struct SeveralFile<'a> {
    format_version: u32,
    solform_version: &'a str,
    created_at_ms: u64,
    plans: Vec<PlanFile<WrittenChange<'a>>>,
    fingerprint: Option<Digest>,
}

/// The file as it is read: each plan is parsed as a file of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadFile<'a> {
    #[serde(rename = "format_version")]
    _format_version: u32,
    solform_version: String,
    created_at_ms: u64,
    #[serde(borrow)]
    plans: Vec<&'a RawValue>,
    fingerprint: Option<Digest>,
}

impl PlanFileContent {
    /// Parses a file, and refuses a content that differs from the written one.
    pub fn from_json(text: &str) -> Result<Self, SavedPlanError> {
        let header: Header = serde_json::from_str(text).map_err(SavedPlanError::Damaged)?;
        if header.format_version != FORMAT_VERSION {
            return Err(SavedPlanError::OtherFormat {
                found: header.format_version,
            });
        }
        match header.plans {
            Some(_) => Ok(Self::Several(SavedPlans::from_json(text)?)),
            None => Ok(Self::One(Box::new(SavedPlan::from_json(text)?))),
        }
    }

    /// Returns the plans, in the order of the file.
    pub fn plans(&self) -> &[SavedPlan] {
        match self {
            Self::One(plan) => std::slice::from_ref(plan),
            Self::Several(several) => &several.plans,
        }
    }
}

impl SavedPlans {
    /// Saves plans of different environments. `created_at_ms` is passed in as a value.
    pub fn new(plans: Vec<SavedPlan>, created_at_ms: u64) -> Self {
        Self {
            solform_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at_ms,
            plans,
        }
    }

    /// Returns the text of the file.
    pub fn to_json(&self) -> String {
        text_of(|text| self.write(text))
    }

    /// Writes the file.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let plans: Vec<_> = self.plans.iter().map(SavedPlan::sealed).collect();
        let values = (
            FORMAT_VERSION,
            &self.solform_version,
            self.created_at_ms,
            &plans,
        );
        let file = SeveralFile {
            format_version: FORMAT_VERSION,
            solform_version: &self.solform_version,
            created_at_ms: self.created_at_ms,
            fingerprint: Some(Digest::of_json(&values)?),
            plans,
        };
        write_json(&file, out)
    }

    fn from_json(text: &str) -> Result<Self, SavedPlanError> {
        let file: ReadFile<'_> = serde_json::from_str(text).map_err(SavedPlanError::Damaged)?;
        let fingerprint = fingerprint_of(text).map_err(SavedPlanError::Damaged)?;
        if file.fingerprint != Some(fingerprint) {
            return Err(SavedPlanError::Edited);
        }
        let plans = file.plans.into_iter();
        let plans: Vec<SavedPlan> = plans
            .map(|plan| SavedPlan::from_json(plan.get()))
            .collect::<Result<_, _>>()?;
        let damaged = |what: String| Err(SavedPlanError::Damaged(serde_json::Error::custom(what)));
        if plans.is_empty() {
            return damaged("it has no plan".to_owned());
        }
        for (index, plan) in plans.iter().enumerate() {
            let name = plan.environment();
            if plans[..index]
                .iter()
                .any(|other| other.environment() == name)
            {
                return damaged(format!("it has two plans for environment `{name}`"));
            }
        }
        Ok(Self {
            solform_version: file.solform_version,
            created_at_ms: file.created_at_ms,
            plans,
        })
    }
}

/// Returns a file of these plans with a fingerprint that fits.
#[cfg(test)]
pub(super) fn resealed(plans: &[String]) -> String {
    let of_plans = |fingerprint: &str| {
        let plans = plans.join(",");
        format!(
            "{{\"format_version\":{FORMAT_VERSION},\"solform_version\":\"1\",\"created_at_ms\":7,\
             \"plans\":[{plans}],\"fingerprint\":{fingerprint}}}"
        )
    };
    let fingerprint = fingerprint_of(&of_plans("null")).expect("JSON");
    of_plans(&format!("\"{fingerprint}\""))
}
