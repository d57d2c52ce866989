//! The preparation of the command line's words before they are parsed.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command};

use super::error::{CommandError, Result};

/// Puts `SOLFORM_CLI_ARGS` behind the command's name, and gives Terraform's single-dash options
/// their second dash: exact long names only, and only before `--`. Environments of the command
/// line replace those of `SOLFORM_CLI_ARGS`.
pub(super) fn normalise(
    cli: &Command,
    arguments: Vec<OsString>,
    extra: Option<&str>,
) -> Result<Vec<OsString>> {
    let long = long_names(cli);
    let mut arguments = with_double_dashes(arguments, &long);
    if let Some(extra) = extra {
        let extra = shlex::split(extra).ok_or_else(|| {
            CommandError::failed("SOLFORM_CLI_ARGS has a quote that is not closed")
                .hint("Close the quote.")
        })?;
        if let Some(command) = command_position(cli, &arguments) {
            let extra = extra.into_iter().map(OsString::from).collect();
            let mut extra = with_double_dashes(extra, &long);
            let behind = command + 1;
            // An option that can be repeated would add to the environments that were typed.
            if !environment_words(&arguments[behind..]).is_empty() {
                for position in environment_words(&extra).into_iter().rev() {
                    extra.remove(position);
                }
            }
            arguments.splice(behind..behind, extra);
        }
    }
    Ok(arguments)
}

/// Returns the arguments of the command, or of its subcommand.
pub(super) fn innermost(mut matches: &ArgMatches) -> &ArgMatches {
    while let Some((_, nested)) = matches.subcommand() {
        matches = nested;
    }
    matches
}

/// Returns the words in which single-dash options have their second dash.
fn with_double_dashes(arguments: Vec<OsString>, long: &BTreeSet<&str>) -> Vec<OsString> {
    let mut is_open = true;
    arguments
        .into_iter()
        .map(|argument| {
            let Some(text) = argument.to_str() else {
                return argument;
            };
            if text == "--" {
                is_open = false;
            }
            let is_single = is_open && text.starts_with('-') && !text.starts_with("--");
            let name = text.trim_start_matches('-').split('=').next().unwrap_or("");
            if is_single && long.contains(name) {
                OsString::from(format!("-{text}"))
            } else {
                argument
            }
        })
        .collect()
}

/// Returns the positions of the words that choose environments: options and their values.
fn environment_words(words: &[OsString]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut words = words.iter().enumerate();
    while let Some((position, word)) = words.next() {
        let Some(word) = word.to_str() else {
            continue;
        };
        match word {
            "--" => break,
            "-e" | "--environment" => {
                found.push(position);
                found.extend(words.next().map(|(value, _)| value));
            }
            "--all-environments" => found.push(position),
            _ if word.starts_with("--environment=") => found.push(position),
            _ if word.starts_with("-e") => found.push(position),
            _ => {}
        }
    }
    found
}

/// Returns the position of the command's name: the first word that is neither an option of the
/// program nor the value of one. A value may be the name of a command too, as in `--chdir plan`.
fn command_position(cli: &Command, arguments: &[OsString]) -> Option<usize> {
    let takes_value = |option: &str| {
        cli.get_arguments()
            .filter(|argument| argument.get_action().takes_values())
            .any(|argument| {
                let short = argument.get_short().map(String::from);
                argument.get_long() == Some(option) || short.as_deref() == Some(option)
            })
    };
    let mut words = arguments.iter().enumerate().skip(1);
    while let Some((position, word)) = words.next() {
        let word = word.to_str()?;
        if let Some(option) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            if takes_value(option.trim_start_matches('-')) {
                words.next();
            }
            continue;
        }
        return cli
            .get_subcommands()
            .any(|command| command.get_name_and_visible_aliases().contains(&word))
            .then_some(position);
    }
    None
}

fn long_names(cli: &Command) -> BTreeSet<&str> {
    let mut names = BTreeSet::from(["help", "version"]);
    let mut commands = vec![cli];
    while let Some(command) = commands.pop() {
        names.extend(command.get_arguments().filter_map(Arg::get_long));
        commands.extend(command.get_subcommands());
    }
    names
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::commands::Cli;

    fn normalised(arguments: &[&str], extra: Option<&str>) -> Vec<String> {
        let arguments = arguments.iter().map(OsString::from).collect();
        normalise(&Cli::command(), arguments, extra)
            .unwrap()
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_definition_of_the_arguments_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn single_dashes_become_double() {
        assert_eq!(
            normalised(
                &[
                    "solform",
                    "plan",
                    "-out=p",
                    "-e",
                    "prod",
                    "-detailed-exitcode",
                    "-ex"
                ],
                None
            ),
            [
                "solform",
                "plan",
                "--out=p",
                "-e",
                "prod",
                "--detailed-exitcode",
                "-ex"
            ]
        );
        assert_eq!(
            normalised(&["solform", "apply", "--", "-out"], None),
            ["solform", "apply", "--", "-out"]
        );
    }

    #[test]
    fn extra_arguments_follow_the_command() {
        assert_eq!(
            normalised(
                &["solform", "--chdir", "x", "plan", "--out", "p"],
                Some("-e 'the prod'")
            ),
            [
                "solform", "--chdir", "x", "plan", "-e", "the prod", "--out", "p"
            ]
        );
    }

    #[test]
    fn typed_environments_replace_extra_ones() {
        for (typed, extra, expected) in [
            ("plan -e b", "-e a --concise", "plan --concise -e b"),
            ("plan -eb -e c", "--environment a", "plan -eb -e c"),
            ("plan -environment=b", "-e=a", "plan --environment=b"),
            ("plan -all-environments", "-ea", "plan --all-environments"),
            ("plan -e b", "-all-environments", "plan -e b"),
            ("plan", "-e a -e b", "plan -e a -e b"),
            ("plan -exclude A", "-e a", "plan -e a --exclude A"),
            ("apply -- -e", "-e a", "apply -e a -- -e"),
        ] {
            let words: Vec<&str> = ["solform"].into_iter().chain(typed.split(' ')).collect();
            let found = normalised(&words, Some(extra));
            assert_eq!(found[1..].join(" "), expected, "{typed} with {extra}");
        }
    }

    /// The value of an option or an argument may have the name of a command.
    #[test]
    fn values_named_like_commands_are_skipped() {
        for (typed, expected) in [
            ("--chdir plan apply", "--chdir plan apply -e x"),
            ("-chdir plan apply", "--chdir plan apply -e x"),
            ("--chdir=plan apply", "--chdir=plan apply -e x"),
            ("-chdir=plan apply", "--chdir=plan apply -e x"),
            ("--chdir plan plan", "--chdir plan plan -e x"),
            (
                "--log debug --chdir list -no-color --chdir get show plan",
                "--log debug --chdir list --no-color --chdir get show -e x plan",
            ),
            ("plan --chdir apply", "plan -e x --chdir apply"),
            ("show plan", "show -e x plan"),
            // Without a command, no arguments are added.
            ("help plan", "help plan"),
            ("unknown plan", "unknown plan"),
            ("--chdir plan", "--chdir plan"),
            ("--version", "--version"),
            ("--", "--"),
        ] {
            let words: Vec<&str> = ["solform"].into_iter().chain(typed.split(' ')).collect();
            let found = normalised(&words, Some("-e x"));
            assert_eq!(found[1..].join(" "), expected, "{typed}");
        }
    }
}
