//! The read of one solution, the patch and the sharing.

use axum::http::{StatusCode, header};
use serde_json::Value;

use crate::access::Caller;
use crate::call::{Call, flag_field, text_field};
use crate::knobs::{
    OwnerAfterVisibility, PatchStates, PatchStyle, PatchUnknownWord, PatchWithoutParameters,
    Publish, RecordDuringJob, TrailingSlash,
};
use crate::package::VISIBILITIES;
use crate::refusal::Refusal;
use crate::reply::records::{self, Shape};
use crate::reply::{Answer, Reply};
use crate::state::solutions::{PUBLIC_OWNER, STATES, Solution};
use crate::state::world::World;

/// The action that the knob `publish` may refuse.
const PUBLISHING: &str = "making a solution PUBLIC";

/// `GET /api/v2/solutions/deployed/<id>`, with the lag of the knob `read_lag`.
pub(super) fn get(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let id = &call.parameter;
    let stale = world.read_lag.count_read(id, world.time.now_ms());
    let mut solution = match stale.map(|stale| stale.before.clone()) {
        None => world.solution(caller, id)?.clone(),
        Some(before) => before
            .filter(|solution| solution.is_visible_to(caller))
            .ok_or_else(|| Refusal::NoSuchSolution(id.clone()))?,
    };
    world.hide_unfinished(&mut solution);
    Ok(records::solution(&solution, Shape::Single, &world.knobs))
}

/// `PATCH /api/v2/solutions/deployed/<id>`.
pub(super) fn patch(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let id = &call.parameter;
    let style = world.knobs.patch_style;
    let (mut state, mut visibility, mut customizable) = (None, None, None);
    if style != PatchStyle::Body {
        state = call.query.text("state");
        visibility = call.query.text("visibility");
    }
    if style != PatchStyle::Query && !call.body.is_empty() {
        let fields = call.object()?;
        // The body takes precedence, but the query is checked too.
        state = world.patch_word("state", state)?;
        visibility = world.patch_word("visibility", visibility)?;
        state = text_field(&fields, "state")?.or(state);
        visibility = text_field(&fields, "visibility")?.or(visibility);
        customizable = flag_field(&fields, "is_customizable")?;
    }
    let before = world
        .own_solution(caller, id, "changing a solution")?
        .clone();
    let state = world.patch_word("state", state)?;
    let visibility = world.patch_word("visibility", visibility)?;
    if state.is_none()
        && visibility.is_none()
        && customizable.is_none()
        && world.knobs.patch_without_parameters == PatchWithoutParameters::Refused
    {
        return Err(Refusal::Malformed("no parameter to change"));
    }
    let mut after = before.clone();
    after.state = state.unwrap_or(after.state);
    if let Some(visibility) = visibility {
        world.change_visibility(&mut after, &visibility)?;
    }
    after.customizable = customizable.unwrap_or(after.customizable);
    if after != before {
        if world.knobs.patch_touches_updated {
            after.updated_ms = world.stamp();
        }
        world.change_solution(id, |solution| solution.clone_from(&after));
    }
    Ok(records::solution(&after, Shape::Patched, &world.knobs))
}

/// Shares a solution with accounts, as the vendor's newer toolkit does. The answer of the platform
/// is not known.
pub(super) fn share(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let id = &call.parameter;
    let fields = call.object()?;
    let accounts = fields.get("orgs").and_then(Value::as_array);
    let accounts: Option<Vec<String>> = accounts.and_then(|accounts| {
        let names = accounts.iter().map(|name| name.as_str().map(str::to_owned));
        names.collect()
    });
    let accounts = accounts.ok_or(Refusal::BadField("orgs", "a list of account ids"))?;
    world.own_solution(caller, id, "sharing a solution")?;
    let now_ms = world.stamp();
    world.change_solution(id, |solution| {
        solution.shared_accounts = accounts;
        solution.updated_ms = now_ms;
    });
    let solution = world.solution(caller, id)?;
    Ok(records::solution(solution, Shape::Patched, &world.knobs))
}

/// Returns the answer to an address with a slash at its end, if the knob does not accept the slash.
pub(super) fn trailing_slash(world: &World, call: &Call) -> Result<Option<Reply>, Refusal> {
    let Some(path) = call.parts.uri.path().strip_suffix('/') else {
        return Ok(None);
    };
    let status = match world.knobs.trailing_slash {
        TrailingSlash::Accepted => return Ok(None),
        TrailingSlash::NotFound => return Err(call.no_such_route()),
        TrailingSlash::Redirected => StatusCode::PERMANENT_REDIRECT,
        TrailingSlash::Found => StatusCode::FOUND,
    };
    let query = call.parts.uri.query().unwrap_or_default();
    let mark = if query.is_empty() { "" } else { "?" };
    let address = format!("{path}{mark}{query}");
    Ok(Some(Reply::empty(status).with(header::LOCATION, &address)))
}

impl World {
    /// Changes the view of a record whose deploy job is pending, as the knob `record_during_job`
    /// asks for.
    pub(super) fn hide_unfinished(&self, solution: &mut Solution) {
        if solution.deploying && self.knobs.record_during_job == RecordDuringJob::HalfMade {
            "INACTIVE".clone_into(&mut solution.state);
            solution.summary.clear();
            solution.description.clear();
        }
    }

    /// Returns the record, if the caller may see it.
    pub(super) fn solution(&self, caller: &Caller, id: &str) -> Result<&Solution, Refusal> {
        let hidden = self.knobs.record_during_job == RecordDuringJob::Hidden;
        self.solutions
            .get(id)
            .filter(|solution| solution.is_visible_to(caller) && !(hidden && solution.deploying))
            .ok_or_else(|| Refusal::NoSuchSolution(id.to_owned()))
    }

    /// Returns the record, if the caller may change it.
    pub(super) fn own_solution(
        &self,
        caller: &Caller,
        id: &str,
        action: &'static str,
    ) -> Result<&Solution, Refusal> {
        let solution = self.solution(caller, id)?;
        if solution.belongs_to(caller) {
            Ok(solution)
        } else {
            Err(Refusal::NotAllowed(action))
        }
    }

    /// Returns the word of a parameter of PATCH. Unknown words are handled by the knob
    /// `patch_unknown_word`.
    fn patch_word(
        &self,
        field: &'static str,
        word: Option<String>,
    ) -> Result<Option<String>, Refusal> {
        let is_known = self.knobs.patch_states == PatchStates::Production
            && (field, word.as_deref()) == ("state", Some("PRODUCTION"));
        match check_word(field, word.as_deref()) {
            Err(_) if is_known => Ok(word),
            Err(_) if self.knobs.patch_unknown_word == PatchUnknownWord::Ignored => Ok(None),
            checked => checked.map(|()| word),
        }
    }

    fn change_visibility(&self, after: &mut Solution, wanted: &str) -> Result<(), Refusal> {
        let visibility = match (wanted, self.knobs.publish) {
            ("PUBLIC", Publish::PendingReview) if after.visibility != "PUBLIC" => "PENDING_REVIEW",
            ("PUBLIC", Publish::Unchanged) => return Ok(()),
            ("PUBLIC", Publish::Unauthorized) => return Err(Refusal::NotAllowed(PUBLISHING)),
            ("PUBLIC", Publish::Forbidden) => return Err(Refusal::Forbidden(PUBLISHING)),
            (wanted, _) => wanted,
        };
        match (visibility, self.knobs.owner_after_visibility) {
            ("PUBLIC", OwnerAfterVisibility::IbDeployed | OwnerAfterVisibility::Follows) => {
                PUBLIC_OWNER.clone_into(&mut after.owner);
            }
            ("PRIVATE", OwnerAfterVisibility::Username | OwnerAfterVisibility::Follows) => {
                after.owner.clone_from(&after.author);
            }
            _ => {}
        }
        visibility.clone_into(&mut after.visibility);
        Ok(())
    }
}

/// Fails if the word of a field is not a documented one.
pub(super) fn check_word(field: &'static str, word: Option<&str>) -> Result<(), Refusal> {
    let (known, expected) = match field {
        "state" => (&STATES[..], "ACTIVE or INACTIVE"),
        _ => (&VISIBILITIES[..], "PUBLIC, PRIVATE or PENDING_REVIEW"),
    };
    match word {
        Some(word) if !known.contains(&word) => Err(Refusal::BadField(field, expected)),
        _ => Ok(()),
    }
}
