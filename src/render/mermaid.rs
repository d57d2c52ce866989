//! The order of changes as a Mermaid flowchart, without a fence around it.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::escape::escaped;
use crate::plan::{ActionKind, Plan};
use crate::render::view::order::{MAX_NODES, NO_ORDER, Order};
use crate::render::words;

/// The maximum length of an address, in characters.
const MAX_ADDRESS: usize = 60;

/// Writes the order of a plan.
pub(super) fn render_order(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    render_groups(plan, "c", "  ", out)?;
    render_classes(out)
}

/// Writes the orders of several plans, each in a box with the name of its environment. An
/// environment without a plan has an empty box.
pub(super) fn render_orders<'a>(
    plans: impl Iterator<Item = (&'a str, Option<&'a Plan>)>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    for (index, (name, plan)) in plans.enumerate() {
        writeln!(
            out,
            "  subgraph e{index}[\"{}\"]",
            label(&words::shortened(name, MAX_ADDRESS))
        )?;
        match plan {
            Some(plan) => render_groups(plan, &format!("e{index}c"), "    ", out)?,
            None => writeln!(out, "    e{index}n[\"No plan.\"]")?,
        }
        writeln!(out, "  end")?;
    }
    render_classes(out)
}

/// Writes the changes of a plan and their order. The ids of the nodes begin with `prefix`.
fn render_groups(plan: &Plan, prefix: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let order = Order::of(plan, MAX_NODES);
    if order.groups.is_empty() {
        return writeln!(out, "{indent}{prefix}[\"{}\"]", label(NO_ORDER));
    }
    let mut first = 0;
    for group in &order.groups {
        for (index, node) in group.nodes.iter().enumerate() {
            let kind = node.change.action.kind();
            let id = first + index;
            let class = class(kind);
            let address = words::shortened(node.change.address.as_str(), MAX_ADDRESS);
            let text = format!("{address}: {}", kind.legend());
            writeln!(out, "{indent}{prefix}{id}[\"{}\"]:::{class}", label(&text))?;
        }
        for (before, after) in &group.edges {
            let (before, after) = (first + before, first + after);
            writeln!(out, "{indent}{prefix}{before} --> {prefix}{after}")?;
        }
        first += group.nodes.len();
    }
    match order.cut() {
        Some(cut) => writeln!(out, "{indent}{prefix}[\"{}\"]", label(&cut)),
        None => Ok(()),
    }
}

fn class(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Create => "add",
        ActionKind::Update => "change",
        ActionKind::Delete | ActionKind::Replace => "loss",
        ActionKind::NoOp => "same",
    }
}

fn render_classes(out: &mut dyn Write) -> io::Result<()> {
    for (class, style) in [
        ("add", "fill:#dafbe1,stroke:#116329,color:#0b3d1a"),
        ("change", "fill:#fff4cf,stroke:#7d4e00,color:#4d3000"),
        ("loss", "fill:#ffebe9,stroke:#a40e26,color:#67060c"),
    ] {
        writeln!(out, "  classDef {class} {style}")?;
    }
    Ok(())
}

/// Returns a text as the content of a label in quotes. Characters that Mermaid or its Markdown
/// interprets become entities.
fn label(text: &str) -> String {
    let escaped = escaped(text);
    let mut letters = escaped.chars().peekable();
    let mut label = String::new();
    while let Some(letter) = letters.next() {
        // A dot or a dash before a space can begin a list.
        let is_inside = letters.peek().is_some_and(|next| !next.is_whitespace());
        let is_plain = letter.is_alphanumeric()
            || letter == ' '
            || !letter.is_ascii()
            || (!label.is_empty()
                && ".-@:,/".contains(letter)
                && (is_inside || ":,".contains(letter)));
        if is_plain {
            label.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(label, "#{};", u32::from(letter));
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{Scenario, declared, live, scenario};

    fn flowchart(scenario: &Scenario) -> String {
        let mut text = Vec::new();
        render_order(&scenario.plan(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn an_upgrade_is_a_flowchart() {
        let scenario = scenario()
            .declare([declared("Form W-2@2.0"), declared("- [x] \"a\" #1;@1")])
            .live([live("Form W-2@1.0"), live("- [x] \"a\" #1;@0")]);
        insta::assert_snapshot!(flowchart(&scenario), @r##"
        flowchart LR
          c0["#45; #91;x#93; #34;a#34; #35;1#59;@1: create"]:::add
          c1["#45; #91;x#93; #34;a#34; #35;1#59;@0: update in-place"]:::change
          c0 --> c1
          c2["Form W-2@2.0: create"]:::add
          c3["Form W-2@1.0: update in-place"]:::change
          c2 --> c3
          classDef add fill:#dafbe1,stroke:#116329,color:#0b3d1a
          classDef change fill:#fff4cf,stroke:#7d4e00,color:#4d3000
          classDef loss fill:#ffebe9,stroke:#a40e26,color:#67060c
        "##);
    }

    #[test]
    fn a_plan_without_an_order_says_so() {
        let scenario = scenario().declare([declared("Form@1")]);
        let text = flowchart(&scenario);
        assert!(
            text.contains("  c[\"No change waits for another one#46;\"]\n"),
            "{text}"
        );
    }

    #[test]
    fn big_orders_are_cut() {
        let names: Vec<String> = (0..100).map(|nth| format!("Form {nth}")).collect();
        let scenario = scenario()
            .declare(names.iter().map(|name| declared(&format!("{name}@2"))))
            .live(names.iter().map(|name| live(&format!("{name}@1"))));
        let text = flowchart(&scenario);
        assert_eq!(text.matches("]:::").count(), MAX_NODES);
        assert!(
            text.contains("  c[\"60 of 200 changes with an order are shown#59; "),
            "{text}"
        );
    }

    #[test]
    fn several_plans_are_boxes() {
        let plan = scenario().declare([declared("Form@1")]).plan();
        let mut text = Vec::new();
        render_orders([("a\"]", Some(&plan)), ("b", None)].into_iter(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        insta::assert_snapshot!(text, @r##"
        flowchart LR
          subgraph e0["a#34;#93;"]
            e0c["No change waits for another one#46;"]
          end
          subgraph e1["b"]
            e1n["No plan."]
          end
          classDef add fill:#dafbe1,stroke:#116329,color:#0b3d1a
          classDef change fill:#fff4cf,stroke:#7d4e00,color:#4d3000
          classDef loss fill:#ffebe9,stroke:#a40e26,color:#67060c
        "##);
    }
}
