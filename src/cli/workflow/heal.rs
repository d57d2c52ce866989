//! The decision whether a watch may apply.

use crate::manifest::Manifest;
use crate::store::PastApply;

/// Returns the newest apply if it is a roll-back that still holds: the manifest has not changed
/// since, so an apply would only repeat what was rolled back.
pub(super) fn holding_rollback<'a>(
    applies: &'a [PastApply],
    manifest: &Manifest,
) -> Option<&'a PastApply> {
    let newest = applies.last()?;
    let subject = newest.subject.as_ref()?;
    (newest.rollback_of.is_some() && subject.manifest == manifest.digest).then_some(newest)
}
