//! What becomes of the words that were typed before they are parsed.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::CommandFactory as _;

use super::Cli;
use crate::cli::error::CommandError;

/// Puts `SOLFORM_CLI_ARGS` behind the command's name, and gives Terraform's single-dash options
/// their second dash: exact long names only, and only before `--`.
pub(in crate::cli) fn normalise(
    arguments: Vec<OsString>,
    extra: Option<&str>,
) -> Result<Vec<OsString>, CommandError> {
    let mut arguments = arguments;
    if let Some(extra) = extra {
        let extra = shlex::split(extra).ok_or(CommandError::CliArgs)?;
        let names: BTreeSet<String> = Cli::command()
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        let command = arguments
            .iter()
            .position(|argument| argument.to_str().is_some_and(|text| names.contains(text)));
        if let Some(command) = command {
            let behind = command + 1;
            arguments.splice(behind..behind, extra.into_iter().map(OsString::from));
        }
    }
    let long = long_names();
    let mut is_open = true;
    Ok(arguments
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
        .collect())
}

fn long_names() -> BTreeSet<String> {
    let cli = Cli::command();
    let own = cli.get_arguments().filter_map(clap::Arg::get_long);
    let nested = cli
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter_map(clap::Arg::get_long);
    let built_in = ["help", "version"];
    own.chain(nested)
        .chain(built_in)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(arguments: &[&str], extra: Option<&str>) -> Vec<String> {
        normalise(arguments.iter().map(OsString::from).collect(), extra)
            .unwrap()
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_definition_holds() {
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
}
