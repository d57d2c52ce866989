//! The reference of the variables and functions, for people.

use std::fmt::Write as _;

use super::kind::{CHANGE, FUNCTIONS, Field, Kind, NOW, Record, VARIABLES};

/// Returns the reference of what a policy can use, as plain text.
pub fn reference() -> String {
    let mut text = String::from(
        "The expression of a policy, in the Common Expression Language (CEL), is true or false. \
         A policy\nwith `deny` blocks the plan if it is true, one with `warn` \
         warns.\n\nVariables\n",
    );
    for variable in VARIABLES {
        entry(&mut text, variable.name, variable.help, None);
    }
    for (title, record) in [
        (
            "Fields of a change, such as `changes.exists(c, c.action == \"delete\")`",
            &CHANGE,
        ),
        ("Fields of `now`, such as `now.hour >= 16`", &NOW),
    ] {
        let _ = write!(text, "\n{title}\n");
        fields(&mut text, "", record);
    }
    text.push_str("\nFunctions\n");
    for (name, help) in FUNCTIONS {
        entry(&mut text, name, help, None);
    }
    text.push_str(
        "\nOperators: == != < <= > >= && || ! in ?: + - * / %. Texts are in double or single \
         quotes.\nA comparison with a missing value is written `!= null`. A loop over the changes \
         cannot be\ninside another one.\n",
    );
    text
}

fn fields(text: &mut String, prefix: &str, record: &Record) {
    for Field { name, kind, help } in record.fields {
        let name = format!("{prefix}{name}");
        entry(text, &name, help, kind.words());
        if let Kind::Record(inner) = kind {
            fields(text, &format!("{name}."), inner);
        }
    }
}

/// The width of the column with the names.
const WIDTH: usize = 28;

fn entry(text: &mut String, name: &str, help: &str, words: Option<&[&str]>) {
    let words = words.map(|words| format!(": {}", words.join(", ")));
    let help = format!("{help}{}", words.unwrap_or_default());
    let options = textwrap::Options::new(96 - WIDTH);
    let mut name = name;
    for line in textwrap::wrap(&help, options) {
        let _ = writeln!(text, "  {name:<WIDTH$}{line}");
        name = "";
    }
}
