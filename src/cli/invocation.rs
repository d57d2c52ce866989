//! The options of the current command that select its environment, and the commands that are
//! printed with them.
//!
//! Every command that solform prints is built here, so that the user can copy it unchanged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use indexmap::IndexSet;

use super::files::has_no_folder;
use crate::manifest::Problem;

/// The options that select the environment of a command, as they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    chdir: Option<PathBuf>,
    /// `--env`.
    env: Vec<String>,
    /// `--file`, if it is not the default.
    file: Option<PathBuf>,
    /// `--environment`, or `SOLFORM_ENVIRONMENT`. Several are printed only for commands that take
    /// several.
    environments: Vec<String>,
    /// `--all-environments`.
    has_all_environments: bool,
    /// `--store`. `SOLFORM_STORE` is not needed: it also applies to the printed command.
    store: Option<String>,
    /// The names of the options of each command.
    options: BTreeMap<String, Vec<String>>,
}

impl Invocation {
    /// Reads the options of the current command. `definition` is the definition of the command
    /// line.
    pub(super) fn new(
        definition: &Command,
        matches: &ArgMatches,
        chdir: Option<PathBuf>,
        env: Vec<String>,
        environment: Option<&str>,
    ) -> Self {
        let options_of = |command: &Command| {
            let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
            let names = shown.filter_map(Arg::get_long);
            let names = names.map(str::to_owned).collect();
            (command.get_name().to_owned(), names)
        };
        Self {
            chdir,
            env,
            file: typed(matches, "file"),
            environments: chosen(matches, environment),
            has_all_environments: is_given(matches, "all_environments"),
            store: typed(matches, "store"),
            options: definition.get_subcommands().map(options_of).collect(),
        }
    }

    /// Returns the same options with the resolved manifest and environment.
    pub(super) fn resolved(&self, file: &Path, environment: &str) -> Self {
        self.for_several(file, [environment])
    }

    /// Returns the same options with the resolved manifest and several environments.
    pub(super) fn for_several<'a>(
        &self,
        file: &Path,
        environments: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            file: Some(file.to_owned()),
            environments: environments.into_iter().map(str::to_owned).collect(),
            has_all_environments: false,
            ..self.clone()
        }
    }

    /// The folder of `--chdir`.
    pub(super) fn chdir(&self) -> Option<&Path> {
        self.chdir.as_deref()
    }

    /// Starts a command with the options that its verb takes.
    pub(super) fn command(&self, verb: &str) -> PrintedCommand {
        let mut printed = PrintedCommand {
            words: vec!["solform".to_owned()],
            behind_verb: 0,
        };
        if let Some(folder) = &self.chdir {
            printed = printed.option("--chdir", folder.display());
        }
        for name in &self.env {
            printed = printed.option("--env", name);
        }
        printed = printed.argument(verb);
        printed.behind_verb = printed.words.len();
        // A descriptor of this process is not valid in the next one.
        let text = |file: &PathBuf| {
            if has_no_folder(file) {
                "-".to_owned()
            } else {
                file.display().to_string()
            }
        };
        let takes = |name: &str| {
            let options = self.options.get(verb);
            options.is_some_and(|options| options.iter().any(|option| option == name))
        };
        if let Some(file) = self.file.as_ref().filter(|_| takes("file")) {
            printed = printed.option("--file", text(file));
        }
        let takes_several = takes("all-environments");
        if takes("environment") && (takes_several || self.environments.len() == 1) {
            printed = printed.options("-e", &self.environments);
        }
        if self.has_all_environments && takes_several {
            printed = printed.argument("--all-environments");
        }
        match &self.store {
            Some(store) if takes("store") => printed.option("--store", store),
            _ => printed,
        }
    }

    /// Returns a problem with the options added to the commands in its help.
    pub(super) fn complete_problem(&self, problem: &Problem) -> Problem {
        let mut problem = problem.clone();
        problem.help = problem.help.map(|help| self.complete(&help));
        problem
    }

    /// Returns a message with the options added to each `` `solform VERB ...` `` in it. A command
    /// that has the manifest or the store already was built by [`Invocation::command`] and stays;
    /// one that has an environment keeps it.
    pub(super) fn complete(&self, message: &str) -> String {
        const START: &str = "`solform ";
        let mut whole = String::with_capacity(message.len());
        let mut rest = message;
        while let Some((before, start)) = rest.split_once(START)
            && let Some((command, behind)) = start.split_once('`')
        {
            let command = self.completed(command);
            whole.extend([before, "`", &command, "`"]);
            rest = behind;
        }
        whole + rest
    }

    /// Returns a command without its first word, with the options.
    fn completed(&self, command: &str) -> String {
        let (verb, arguments) = command.split_once(' ').unwrap_or((command, ""));
        let has = |options: &[&str]| {
            arguments.split(' ').any(|word| {
                // A word with special characters is quoted as a whole.
                let word = word.trim_start_matches(['\'', '"']);
                options.contains(&word.split('=').next().unwrap_or_default())
            })
        };
        let is_complete = has(&["--file", "-f", "--store", "--chdir"]);
        if is_complete || !self.options.contains_key(verb) {
            return format!("solform {command}");
        }
        let mut completed = self.clone();
        if has(&["--environment", "-e", "--all-environments"]) {
            completed.environments.clear();
            completed.has_all_environments = false;
        }
        let mut text = completed.command(verb).to_string();
        if !arguments.is_empty() {
            text.push(' ');
            text.push_str(arguments);
        }
        text
    }
}

/// Returns the environments of a command, each once. `default` is used if none is given.
fn chosen(command: &ArgMatches, default: Option<&str>) -> Vec<String> {
    let given = command.try_get_many::<String>("environment").ok().flatten();
    let given: IndexSet<&String> = given.into_iter().flatten().collect();
    if given.is_empty() && !is_given(command, "all_environments") {
        return default.map(str::to_owned).into_iter().collect();
    }
    given.into_iter().cloned().collect()
}

/// Returns true if a flag is given; false if the command does not have it.
fn is_given(command: &ArgMatches, name: &str) -> bool {
    matches!(command.try_get_one::<bool>(name), Ok(Some(true)))
}

/// Returns the given value of an option; none if it has its default or the command does not have
/// the option.
fn typed<T: Clone + Send + Sync + 'static>(command: &ArgMatches, name: &str) -> Option<T> {
    // clap panics if the command does not have the option.
    let value = command.try_get_one::<T>(name).ok()??;
    let is_typed = command.value_source(name) == Some(ValueSource::CommandLine);
    is_typed.then(|| value.clone())
}

/// A command to be printed: its words, quoted for a shell when they are displayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrintedCommand {
    words: Vec<String>,
    behind_verb: usize,
}

impl PrintedCommand {
    /// Adds a word.
    pub(super) fn argument(mut self, word: impl std::fmt::Display) -> Self {
        self.words.push(word.to_string());
        self
    }

    /// Inserts a word after the verb.
    pub(super) fn first_argument(mut self, word: impl std::fmt::Display) -> Self {
        self.words.insert(self.behind_verb, word.to_string());
        self
    }

    /// Adds an option with its value.
    pub(super) fn option(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let value = value.to_string();
        // clap would parse a value that begins with a dash as an option.
        if value.starts_with('-') && value != "-" {
            self.words.push(format!("{name}={value}"));
        } else {
            self.words.extend([name.to_owned(), value]);
        }
        self
    }

    /// Adds an option once for each value.
    pub(super) fn options(
        self,
        name: &str,
        values: impl IntoIterator<Item = impl std::fmt::Display>,
    ) -> Self {
        values
            .into_iter()
            .fold(self, |command, value| command.option(name, value))
    }

    /// Adds the path of a file, so that shells and option parsers read it only as a path.
    pub(super) fn file(self, path: &Path) -> Self {
        let is_option = path.as_os_str().as_encoded_bytes().starts_with(b"-");
        let folder = if is_option { "./" } else { "" };
        self.argument(format!("{folder}{}", path.display()))
    }
}

impl std::fmt::Display for PrintedCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.words.iter().map(String::as_str);
        match shlex::try_join(words) {
            Ok(text) => f.write_str(&text),
            // Shells do not accept NUL, and no argument can contain it.
            Err(_) => f.write_str(&self.words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::*;
    use crate::cli::commands::Cli;

    fn invocation(words: &[&str]) -> Invocation {
        let definition = Cli::command();
        let matches = definition.clone().try_get_matches_from(words).unwrap();
        let cli = Cli::from_arg_matches(&matches).unwrap();
        let (_, command) = matches.subcommand().unwrap();
        Invocation::new(&definition, command, cli.global.chdir, cli.global.env, None)
    }

    #[test]
    fn printed_commands_keep_the_options() {
        for (typed, verb, expected) in [
            (&["solform", "plan"][..], "apply", "solform apply"),
            (
                &["solform", "plan", "-f", "a b.yaml", "-e", "prod"],
                "apply",
                "solform apply --file 'a b.yaml' -e prod",
            ),
            (
                &["solform", "--chdir", "x", "plan", "--store", "s"],
                "apply",
                "solform --chdir x apply --store s",
            ),
            (
                &["solform", "plan", "--chdir", "x", "--store", "s", "-e=-p"],
                "list",
                "solform --chdir x list '-e=-p'",
            ),
            (
                &["solform", "plan", "-f", "solform.yaml", "-e", "prod"],
                "show",
                "solform show",
            ),
            (
                &["solform", "history", "-f", "o.yaml", "show", "id"],
                "list",
                "solform list --file o.yaml",
            ),
            (&["solform", "schema", "manifest"], "init", "solform init"),
            (
                &["solform", "plan", "-e", "dev", "-e", "dev"],
                "list",
                "solform list -e dev",
            ),
            // Several environments are printed for commands that take several.
            (
                &["solform", "plan", "-e", "dev", "-e", "prod"],
                "list",
                "solform list -e dev -e prod",
            ),
            (
                &["solform", "plan", "-e", "dev", "-e", "prod"],
                "abandon",
                "solform abandon",
            ),
            (
                &["solform", "plan", "--all-environments"],
                "list",
                "solform list --all-environments",
            ),
        ] {
            let printed = invocation(typed).command(verb).to_string();
            assert_eq!(printed, expected, "{typed:?}");
        }
    }

    #[test]
    fn commands_in_messages_are_completed() {
        let invocation = invocation(&["solform", "plan", "-f", "o.yaml", "-e", "prod"]);
        for (message, expected) in [
            ("no command", "no command"),
            (
                "Run `solform list`, or `solform plan --out FILE`.",
                "Run `solform list --file o.yaml -e prod`, or \
                 `solform plan --file o.yaml -e prod --out FILE`.",
            ),
            ("Run `solform show FILE`.", "Run `solform show FILE`."),
            (
                "Run `solform apply --file b.yaml -e c`.",
                "Run `solform apply --file b.yaml -e c`.",
            ),
            // An environment in the message stays.
            (
                "Run `solform validate -e=uat`.",
                "Run `solform validate --file o.yaml -e=uat`.",
            ),
            (
                "Run `solform validate '-e=a b'`.",
                "Run `solform validate --file o.yaml '-e=a b'`.",
            ),
            ("an open `solform list", "an open `solform list"),
            ("the word `solform nonsense`", "the word `solform nonsense`"),
        ] {
            assert_eq!(invocation.complete(message), expected);
        }
        assert_eq!(
            Invocation::default().complete("Run `solform list`."),
            "Run `solform list`."
        );
    }
}
