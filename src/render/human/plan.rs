//! The plan as text: destroys first, each change once, the numbers last.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::plan::{
    ActionKind, Block, Change, Decision, FieldChange, Mode, Note, Plan, Reason, Refusal, Summary,
    Undo,
};
use crate::render::styles::{Styles, styled};
use crate::render::words;

/// Width of the longest field name, so that the equal signs stand below one another.
const FIELD_WIDTH: usize = 10;

/// Writes a plan.
pub fn render_plan(plan: &Plan, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::of(plan);
    if summary.has_changes() {
        render_changes(plan, styles, out)?;
        writeln!(
            out,
            "{}",
            styled(
                styles.strong,
                format!(
                    "Plan: {} to add, {} to change, {} to destroy.",
                    summary.add, summary.change, summary.destroy
                )
            )
        )?;
    } else {
        let said = match plan.mode {
            Mode::Converge => "No changes. Your infrastructure matches the configuration.",
            Mode::Destroy => "No changes. Nothing that the manifest declares is live.",
        };
        writeln!(out, "{}", styled(styles.add, said))?;
    }
    render_asides(plan, &summary, styles, out)
}

fn render_changes(plan: &Plan, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    let mut changes: Vec<&Change> = plan
        .changes
        .iter()
        .filter(|change| !change.is_no_op())
        .collect();
    // What is lost stands first; the plan's own order is by name.
    changes.sort_by_key(|change| {
        !matches!(
            change.action.kind(),
            ActionKind::Delete | ActionKind::Replace
        )
    });
    let kinds: BTreeSet<ActionKind> = changes.iter().map(|change| change.action.kind()).collect();
    writeln!(
        out,
        "Environment {} at {}. Actions are shown with these symbols:",
        words::quoted(&plan.subject.environment),
        words::escaped(&plan.subject.url)
    )?;
    for kind in kinds {
        let symbol = styled(styles.of(kind), format!("{:>3}", words::symbol(kind)));
        writeln!(out, "{symbol} {}", words::legend(kind))?;
    }
    writeln!(out)?;
    for change in changes {
        render_change(change, styles, out)?;
    }
    Ok(())
}

fn render_change(change: &Change, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    let kind = change.action.kind();
    let style = styles.of(kind);
    writeln!(
        out,
        "  {}",
        styled(
            styles.strong,
            format!("# {} {}", change.address, words::phrase(kind))
        )
    )?;
    writeln!(out, "  # ({})", because(change))?;
    writeln!(
        out,
        "{} {}",
        styled(style, format!("{:>3}", words::symbol(kind))),
        change.address
    )?;
    for field in &change.fields {
        render_field(field, styles, out)?;
    }
    if let Some(Block::Protected) = change.blocked {
        let said = "! blocked: a `protect` pattern of the environment covers this version";
        writeln!(out, "      {}", styled(styles.warning, said))?;
    }
    for note in &change.notes {
        writeln!(
            out,
            "      {}",
            styled(styles.warning, format!("! {}", said(note, change)))
        )?;
    }
    if change.undo == Undo::Irreversible {
        let said = "! cannot be undone: the record, its id and its job history are lost";
        writeln!(out, "      {}", styled(styles.warning, said))?;
    }
    writeln!(out)
}

fn because(change: &Change) -> String {
    let reason = match &change.reason {
        Reason::Declared => "declared".to_owned(),
        Reason::Superseded { by } => {
            let by: Vec<&str> = by.iter().map(crate::ident::Address::as_str).collect();
            format!("superseded by {}", by.join(", "))
        }
        Reason::Undeclared => {
            "its name is not declared, and `manage.undeclared` says so".to_owned()
        }
        Reason::Tombstone => "declared as ABSENT".to_owned(),
        Reason::Requested => "requested by the command".to_owned(),
    };
    let origin = change.origin.as_ref().map_or_else(String::new, |origin| {
        format!(
            ", {}:{}:{}",
            words::escaped(&origin.file),
            origin.line,
            origin.column
        )
    });
    let waits = if change.waits_for.is_empty() {
        String::new()
    } else {
        let names: Vec<&str> = change
            .waits_for
            .iter()
            .map(crate::ident::Address::as_str)
            .collect();
        format!("; waits for {}", names.join(", "))
    };
    format!("{reason}{origin}{waits}")
}

fn render_field(field: &FieldChange, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    let name = format!("{:<FIELD_WIDTH$}", field.field.as_str());
    let value = |value: &Option<std::sync::Arc<str>>| {
        value
            .as_deref()
            .map_or_else(|| "(not known)".to_owned(), words::quoted)
    };
    let (sign, style, text) = match (&field.before, &field.after) {
        (None, Some(_)) if field.decision == Decision::Apply => {
            ("+", styles.add, value(&field.after))
        }
        (Some(_), None) => ("-", styles.destroy, value(&field.before)),
        (before, after) => (
            "~",
            styles.change,
            format!("{} -> {}", value(before), value(after)),
        ),
    };
    let left = match field.decision {
        Decision::Apply => "",
        Decision::UnknownWord => " (left alone: not a word that solform sets)",
        Decision::NotKnown => " (left alone: the live value is not known)",
        Decision::WaitsForReview => " (left alone: it waits for review)",
    };
    let sign = if left.is_empty() { sign } else { " " };
    writeln!(out, "      {} {name} = {text}{left}", styled(style, sign))
}

fn said(note: &Note, change: &Change) -> String {
    match note {
        Note::NoSuccessor => {
            "stops serving, and no other version of this name takes its place".to_owned()
        }
        Note::OutOfServiceMeanwhile => "out of service until the new deploy is done".to_owned(),
        Note::VisibilityNotKnown => {
            "the live visibility could not be learned, which is not drift".to_owned()
        }
        Note::WaitsForReview => "waits for somebody to approve that it becomes PUBLIC".to_owned(),
        Note::UnknownWord { word } => {
            format!(
                "the server says {}, a word that solform leaves alone",
                words::quoted(word)
            )
        }
        Note::MoreRecords { ids } => {
            let (bears, stays, goes) = match ids.len() {
                1 => ("record bears", "is left alone", "goes too"),
                _ => ("records bear", "are left alone", "go too"),
            };
            // Where a version is to be gone, every record of it is.
            let fate = match change.action.kind() {
                ActionKind::Delete => goes,
                ActionKind::Create
                | ActionKind::Update
                | ActionKind::Replace
                | ActionKind::NoOp => stays,
            };
            let count = ids.len();
            let ids: Vec<&str> = ids.iter().map(crate::ident::SolutionId::as_str).collect();
            let ids = words::escaped(&ids.join(", "));
            format!("{count} more {bears} this identity, and {fate}: {ids}")
        }
        Note::OtherOwner { owner } => format!(
            "this name and version are live under owner {}: the deploy will be refused",
            words::quoted(owner.as_str())
        ),
        Note::FollowedOwner { owner } => format!(
            "live under owner {}, which its visibility brought about",
            words::quoted(owner.as_str())
        ),
    }
}

/// What is worth knowing besides the changes: notes on versions that stay, and counts.
fn render_asides(
    plan: &Plan,
    summary: &Summary,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    for change in plan.changes.iter().filter(|change| change.is_no_op()) {
        for note in &change.notes {
            let line = format!("Note: {}: {}", change.address, said(note, change));
            writeln!(out, "{}", styled(styles.warning, line))?;
        }
    }
    let mut counts = vec![format!("{} as declared", summary.no_op)];
    if summary.blocked > 0 {
        counts.push(format!("{} blocked", summary.blocked));
    }
    if summary.unmanaged > 0 {
        counts.push(format!("{} unmanaged", summary.unmanaged));
    }
    if summary.left_out > 0 {
        counts.push(format!("{} left out by options", summary.left_out));
    }
    if summary.ends_service > 0 {
        counts.push(format!("{} without a successor", summary.ends_service));
    }
    if summary.irreversible > 0 {
        counts.push(format!("{} that cannot be undone", summary.irreversible));
    }
    let line = format!("Versions: {}.", counts.join(", "));
    writeln!(out, "{}", styled(styles.faint, line))
}

/// Writes what stands against a plan.
pub fn render_refusals(
    refusals: &[Refusal],
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    for refusal in refusals {
        let head = styled(styles.destroy, "Error:");
        writeln!(out, "{head} {}", words::escaped(&refusal.to_string()))?;
        let mut source = std::error::Error::source(refusal);
        while let Some(cause) = source {
            writeln!(out, "  because {}", words::escaped(&cause.to_string()))?;
            source = cause.source();
        }
        writeln!(out, "  help: {}", refusal.help())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Visibility;
    use crate::manifest::{SupersededPolicy, Undeclared};
    use crate::plan::testing::{Scenario, declared, live, scenario};

    fn text_of(scenario: &Scenario) -> String {
        let mut text = Vec::new();
        render_plan(&scenario.plan(), &Styles::default(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn every_kind_of_change() {
        let text = text_of(
            &scenario()
                .declare([
                    declared("Upgrade@2.0").visible(Visibility::Public),
                    declared("Gone@1.0").absent(),
                    declared("Again@1.0"),
                    declared("Same@1.0"),
                ])
                .live([
                    live("Upgrade@1.0"),
                    live("Gone@1.0").visible("PUBLIC"),
                    live("Again@1.0"),
                    live("Same@1.0"),
                    live("other:Stranger@1.0"),
                ])
                .replace("Again@1.0"),
        );
        insta::assert_snapshot!(text, @r#"
        Environment "prod" at https://ib.example.com. Actions are shown with these symbols:
          - destroy
        -/+ destroy and then create replacement
          ~ update in-place
          + create

          # Again@1.0 must be replaced
          # (requested by the command, solform.yaml:1:3)
        -/+ Again@1.0
              + path       = "releases/Again-1.0.ibsolution"
              ! out of service until the new deploy is done
              ! cannot be undone: the record, its id and its job history are lost

          # Gone@1.0 will be destroyed
          # (declared as ABSENT, solform.yaml:1:3)
          - Gone@1.0
              - owner      = "svc"
              - state      = "ACTIVE"
              - visibility = "PUBLIC"
              ! stops serving, and no other version of this name takes its place
              ! cannot be undone: the record, its id and its job history are lost

          # Upgrade@1.0 will be updated in-place
          # (superseded by Upgrade@2.0, solform.yaml:1:3; waits for Upgrade@2.0)
          ~ Upgrade@1.0
              ~ state      = "ACTIVE" -> "INACTIVE"

          # Upgrade@2.0 will be created
          # (declared, solform.yaml:1:3)
          + Upgrade@2.0
              + owner      = "svc"
              + path       = "releases/Upgrade-2.0.ibsolution"
              + state      = "ACTIVE"
              + visibility = "PUBLIC"

        Plan: 2 to add, 1 to change, 2 to destroy.
        Versions: 1 as declared, 1 unmanaged, 1 without a successor, 2 that cannot be undone.
        "#);
    }

    #[test]
    fn what_is_left_alone_is_told() {
        let text = text_of(
            &scenario()
                .declare([
                    declared("Review@1.0").visible(Visibility::Public),
                    declared("Odd@1.0"),
                    declared("Unseen@1.0").visible(Visibility::Private),
                ])
                .live([
                    live("Review@1.0").visible("PENDING_REVIEW"),
                    live("Odd@1.0").state("EMBARGOED\u{1b}[2J"),
                    live("Unseen@1.0").visibility_unknown(),
                ]),
        );
        insta::assert_snapshot!(text, @r#"
        No changes. Your infrastructure matches the configuration.
        Note: Odd@1.0: the server says "EMBARGOED\u{1b}[2J", a word that solform leaves alone
        Note: Review@1.0: waits for somebody to approve that it becomes PUBLIC
        Note: Unseen@1.0: the live visibility could not be learned, which is not drift
        Versions: 3 as declared.
        "#);
    }

    #[test]
    fn a_blocked_change_stays_in_the_plan() {
        let text = text_of(
            &scenario()
                .declare([declared("Kept@1.0").absent()])
                .live([live("Kept@1.0")])
                .protect("Kept@*"),
        );
        insta::assert_snapshot!(text, @r#"
        Environment "prod" at https://ib.example.com. Actions are shown with these symbols:
          - destroy

          # Kept@1.0 will be destroyed
          # (declared as ABSENT, solform.yaml:1:3)
          - Kept@1.0
              - owner      = "svc"
              - state      = "ACTIVE"
              - visibility = "PRIVATE"
              ! blocked: a `protect` pattern of the environment covers this version
              ! stops serving, and no other version of this name takes its place
              ! cannot be undone: the record, its id and its job history are lost

        Plan: 0 to add, 0 to change, 1 to destroy.
        Versions: 0 as declared, 1 blocked, 1 without a successor, 1 that cannot be undone.
        "#);
    }

    #[test]
    fn policies_name_their_reason() {
        let text = text_of(
            &scenario()
                .declare([declared("New@2.0").superseding(SupersededPolicy::Delete, None)])
                .live([live("New@2.0"), live("New@1.0"), live("Nobodys@1.0")])
                .undeclared(Undeclared::Deactivate),
        );
        insta::assert_snapshot!(text, @r#"
        Environment "prod" at https://ib.example.com. Actions are shown with these symbols:
          - destroy
          ~ update in-place

          # New@1.0 will be destroyed
          # (superseded by New@2.0, solform.yaml:1:3)
          - New@1.0
              - owner      = "svc"
              - state      = "ACTIVE"
              - visibility = "PRIVATE"
              ! cannot be undone: the record, its id and its job history are lost

          # Nobodys@1.0 will be updated in-place
          # (its name is not declared, and `manage.undeclared` says so)
          ~ Nobodys@1.0
              ~ state      = "ACTIVE" -> "INACTIVE"
              ! stops serving, and no other version of this name takes its place

        Plan: 0 to add, 1 to change, 1 to destroy.
        Versions: 1 as declared, 1 without a successor, 1 that cannot be undone.
        "#);
    }

    #[test]
    fn nothing_to_do() {
        let text = text_of(&scenario().declare([declared("Same@1.0")]).converged());
        insta::assert_snapshot!(text, @r"
        No changes. Your infrastructure matches the configuration.
        Versions: 1 as declared.
        ");
    }
}
