//! The parts that several documents share: positions, unfinished writes, modes and times.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::escape::escaped;
use crate::ident::Identity;
use crate::manifest::widen;
use crate::outcome::WriteKind;
use crate::plan::{Adjustment, InFlight, Origin, OrphanedRecord, Plan, Unrestored};
use crate::render::words::time;

/// A position in the manifest.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct PositionItem {
    /// The file.
    pub(in crate::render) file: String,
    /// The line, from 1.
    pub(in crate::render) line: usize,
    /// The column, from 1.
    pub(in crate::render) column: usize,
}

impl PositionItem {
    pub(in crate::render) fn of(origin: &Origin) -> Self {
        Self {
            file: origin.file.to_string(),
            line: widen(origin.line),
            column: widen(origin.column),
        }
    }
}

/// A write of an earlier apply whose outcome is not known.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct InFlightItem {
    /// The version that it is for.
    pub(in crate::render) address: String,
    /// The write: `deploy`, `patch` or `delete`.
    write: &'static str,
    /// The job; null if the server returned none.
    pub(in crate::render) job: Option<String>,
    /// The id of the apply that sent it.
    apply: String,
    /// The time when it was sent, as RFC 3339.
    sent_at: Option<String>,
}

impl InFlightItem {
    pub(in crate::render) fn all(plan: &Plan, writes: &[InFlight]) -> Vec<Self> {
        let item = |write: &InFlight| Self {
            address: plan.address_of(&write.identity).to_string(),
            write: write.write.as_str(),
            job: write.job.as_ref().map(ToString::to_string),
            apply: write.apply.clone(),
            sent_at: time(write.sent_at_ms),
        };
        writes.iter().map(item).collect()
    }

    /// Returns the fact as a sentence without a full stop; `show` escapes the address.
    pub(in crate::render) fn sentence(&self, show: impl Fn(&str) -> String) -> String {
        let job = match &self.job {
            Some(job) => format!(", job {}", escaped(job)),
            // A PATCH has no job.
            None if self.write == WriteKind::Patch.as_str() => String::new(),
            None => ", whose job is not known".to_owned(),
        };
        format!(
            "the {} of {}{job}, sent by apply {}; the next apply waits until it ends, then plans",
            self.write,
            show(&self.address),
            self.apply
        )
    }
}

/// A live record that a failed deploy left.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct OrphanedItem {
    /// The version that the deploy was for.
    pub(in crate::render) address: String,
    /// The address of the record, if it is not that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::render) made: Option<String>,
    /// The id of the record.
    pub(in crate::render) id: String,
    /// The id of the apply whose deploy failed.
    apply: String,
}

impl OrphanedItem {
    pub(in crate::render) fn all(plan: &Plan) -> Vec<Self> {
        let address_of = |identity: &_| plan.address_of(identity).to_string();
        let records = plan.orphaned.iter();
        records.map(|record| Self::of(record, address_of)).collect()
    }

    pub(in crate::render) fn of(
        record: &OrphanedRecord,
        address_of: impl Fn(&Identity) -> String,
    ) -> Self {
        Self {
            address: address_of(&record.identity),
            made: record.made.as_ref().map(address_of),
            id: record.id.to_string(),
            apply: record.apply.clone(),
        }
    }

    /// Returns the fact as a sentence without a full stop, with the possible fixes; `show` escapes
    /// an address, and `quote` quotes a command. `abandon` is the start of the command that clears
    /// the record.
    pub(in crate::render) fn sentence(
        &self,
        abandon: &str,
        show: impl Fn(&str) -> String,
        quote: impl Fn(&str) -> String,
    ) -> String {
        let Self {
            address,
            made,
            id,
            apply,
        } = self;
        let id = escaped(id);
        let live = show(made.as_ref().unwrap_or(address));
        let declared = show(address);
        let (cause, fix) = match made {
            None => (
                format!("the deploy by apply {apply} failed and left it"),
                "deploy it again with --replace",
            ),
            Some(_) => (
                format!("the deploy of {declared} by apply {apply} made it instead"),
                "delete it on the platform",
            ),
        };
        let address = shlex::try_quote(address).unwrap_or_default();
        let abandon = quote(&format!("{abandon} {address} --apply {apply}"));
        format!("{live}, record {id}: {cause}; {fix}, or clear it with {abandon}")
    }
}

/// A version that a roll-back does not restore, or not completely.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct UnrestoredItem {
    /// The version.
    pub(in crate::render) address: String,
    /// The reason: `id`, `contents`, `no-package`, `package`, `changed-since`, `unknown`,
    /// `found-done`, `made-other`, `state`, `visibility`, `not-managed`, `older-record` or `kept`.
    reason: &'static str,
    /// The reason as a text that continues the address.
    pub(in crate::render) detail: String,
}

impl UnrestoredItem {
    /// Returns everything that the plan of a roll-back does not restore.
    pub(in crate::render) fn all(plan: &Plan) -> Vec<Self> {
        let rollback = plan.rollback.iter();
        let unrestored = rollback.flat_map(|rollback| &rollback.unrestored);
        let item = |found: &Unrestored| Self {
            address: plan.address_of(&found.identity).to_string(),
            reason: found.loss.code(),
            detail: found.loss.to_string(),
        };
        unrestored.map(item).collect()
    }

    /// Returns the same; `None` for a plan that is no roll-back.
    pub(in crate::render) fn of_rollback(plan: &Plan) -> Option<Vec<Self>> {
        plan.rollback.as_ref().map(|_| Self::all(plan))
    }

    /// Returns the fact as a sentence without a full stop; `show` escapes the address.
    pub(in crate::render) fn sentence(&self, show: impl Fn(&str) -> String) -> String {
        format!("{} {}", show(&self.address), escaped(&self.detail))
    }
}

/// An edit of the manifest, after which it declares what a roll-back restored.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct ManifestEditItem {
    /// The declared version, or one that is not declared.
    pub(in crate::render) address: String,
    /// The key: `version`, `state`, `visibility` or `versions`.
    key: &'static str,
    /// The new value.
    value: String,
    /// The position of the declaration; null if there is none.
    position: Option<PositionItem>,
    /// True if the command wrote it.
    written: bool,
}

impl ManifestEditItem {
    pub(in crate::render) fn of(edit: &Adjustment, is_written: bool) -> Self {
        Self {
            address: edit.address.to_string(),
            key: edit.key.name(),
            value: edit.key.value(),
            position: edit.origin.as_ref().map(PositionItem::of),
            written: is_written,
        }
    }

    /// Returns the fact as a sentence without a full stop, which continues the address.
    pub(in crate::render) fn sentence(&self) -> String {
        let Self { key, value, .. } = self;
        let place = match &self.position {
            Some(position) => format!("{}:{}", position.file, position.line),
            None => "the manifest".to_owned(),
        };
        if self.written {
            format!("is declared with `{key}: {value}` now")
        } else {
            format!("in {place}: declare `{key}: {value}`")
        }
    }
}

/// Returns a command in backticks.
pub(in crate::render) fn in_backticks(command: &str) -> String {
    format!("`{command}`")
}

/// Returns the writes in flight and the orphaned records of a plan as lines; the other arguments
/// are those of [`OrphanedItem::sentence`].
pub(in crate::render) fn leftovers(
    plan: &Plan,
    abandon: &str,
    show: impl Fn(&str) -> String,
    quote: impl Fn(&str) -> String,
) -> Vec<String> {
    let in_flight = InFlightItem::all(plan, &plan.in_flight).into_iter();
    let in_flight = in_flight.map(|item| format!("In flight: {}.", item.sentence(&show)));
    let orphaned = OrphanedItem::all(plan).into_iter();
    let orphaned =
        orphaned.map(|item| format!("Orphaned: {}.", item.sentence(abandon, &show, &quote)));
    in_flight.chain(orphaned).collect()
}

/// Returns the text for a record that a failed deploy left, with the possible fixes. `abandon` is
/// the start of the command that clears the record.
pub fn orphaned_sentence(
    record: &OrphanedRecord,
    abandon: &str,
    address_of: impl Fn(&Identity) -> String,
) -> String {
    OrphanedItem::of(record, address_of).sentence(abandon, str::to_owned, in_backticks)
}

/// Writes a time, given in milliseconds since 1970, as RFC 3339.
#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
pub(super) fn rfc3339<S: Serializer>(ms: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    ms.and_then(time).serialize(serializer)
}

/// Returns a duration in seconds, rounded to milliseconds.
pub(super) fn seconds(took: std::time::Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_in_flight_has_no_job() {
        for (write, job, expected) in [
            (
                WriteKind::Deploy,
                Some("j"),
                "the deploy of A@1, job j, sent",
            ),
            (
                WriteKind::Deploy,
                None,
                "the deploy of A@1, whose job is not known, sent",
            ),
            (WriteKind::Patch, None, "the patch of A@1, sent"),
        ] {
            let item = InFlightItem {
                address: "A@1".to_owned(),
                write: write.as_str(),
                job: job.map(str::to_owned),
                apply: "0192f1c4".to_owned(),
                sent_at: None,
            };
            let expected = format!(
                "{expected} by apply 0192f1c4; the next apply waits until it ends, then plans"
            );
            assert_eq!(item.sentence(str::to_owned), expected);
        }
    }
}
