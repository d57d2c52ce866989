//! The completion of a half-typed command line, which a shell asks for with `SOLFORM_COMPLETE`.
//!
//! It changes nothing, prints no error, runs no token command, and ends within [`LIMIT`].

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate, complete};
use clap_complete::env::Shells;
use indexmap::IndexSet;
use secrecy::SecretString;
use solform_emulator::{self as emulator, Emulator, EmulatorOptions};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use url::Url;

use super::args::ManifestArgs;
use super::command_line::{innermost, normalise};
use super::environment::context::{EnvironmentContext, read_source, selection};
use super::environment::{embedded_emulator, session};
use super::files::{has_no_folder, manifest_folder};
use super::io::Io;
use super::settings::{Settings, variable};
use crate::api::{Client, ListRequest, Reader};
use crate::live::LiveState;
use crate::manifest::{self, Endpoint, Environment, Manifest, TokenSource};
use crate::render::{Explanation, POLICIES};

/// The variable with the name of the shell that asks.
pub(super) const VARIABLE: &str = "SOLFORM_COMPLETE";
/// The maximum time that a shell waits.
const LIMIT: Duration = Duration::from_secs(2);
/// The maximum size of an emulator's world that is copied, in bytes.
const WORLD_LIMIT: u64 = 64 * 1024 * 1024;

/// The registration in bash. clap's own one neither quotes candidates nor knows that bash splits
/// words at `@` and `:`, so the program gets the line and the word that bash replaces.
const BASH: &str = r#"_solform() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(SOLFORM_COMPLETE=bash solform -- "${COMP_LINE:0:COMP_POINT}" "$2" 2> /dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2> /dev/null
    fi
}
complete -o bashdefault -o nosort -F _solform solform 2> /dev/null ||
    complete -o bashdefault -F _solform solform
"#;

/// The line of clap's registration in PowerShell that inserts a candidate as it is, and the lines
/// instead of it. A word with other characters than these needs quotes.
const POWERSHELL: [&str; 2] = [
    "[System.Management.Automation.CompletionResult]::new($cmd, $cmd, 'ParameterValue', $help)",
    r#"$text = $cmd;
        if ($cmd -notmatch '^[\w./\\:=+~-][\w./\\:=+~@%-]*$') {
            $text = "'" + $cmd.Replace("'", "''") + "'";
        }
        [System.Management.Automation.CompletionResult]::new($text, $cmd, 'ParameterValue', $help)"#,
];

/// What zsh executes when it loads the script from a folder of functions: the first completion.
const ZSH_AUTOLOAD: &str =
    "[[ \"${funcstack[1]}\" == _solform ]] && _clap_dynamic_completer_solform \"$@\"\n";

/// Returns the script that registers the completion in a shell.
pub(super) fn registration(shell: &str) -> io::Result<Vec<u8>> {
    let mut script = Vec::new();
    if shell == "bash" {
        script.extend_from_slice(BASH.as_bytes());
    } else if let Some(adapter) = Shells::builtins().completer(shell) {
        adapter.write_registration(VARIABLE, "solform", "solform", "solform", &mut script)?;
    }
    match shell {
        "zsh" => script.extend_from_slice(ZSH_AUTOLOAD.as_bytes()),
        "powershell" => {
            let [inserted, quoted] = POWERSHELL;
            script = String::from_utf8_lossy(&script)
                .replace(inserted, quoted)
                .into_bytes();
        }
        _ => {}
    }
    Ok(script)
}

/// Returns the answer for a shell: nothing after an error, which no prompt must show.
pub(super) fn answer(
    shell: &str,
    definition: Command,
    arguments: &[OsString],
    settings: &Settings,
) -> Vec<u8> {
    std::panic::set_hook(Box::new(|_| {}));
    let given = arguments.iter().skip_while(|word| *word != "--").skip(1);
    let given: Vec<String> = given
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    candidates(shell, definition, &given, settings).unwrap_or_default()
}

fn candidates(
    shell: &str,
    definition: Command,
    given: &[String],
    settings: &Settings,
) -> Option<Vec<u8>> {
    let typed = if shell == "bash" {
        words_of(given.first()?)
    } else {
        let index = variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok());
        let last = index
            .unwrap_or(given.len().saturating_sub(1))
            .min(given.len());
        // zsh gives words as they are typed, and so does fish for the last one.
        let is_raw = |index| shell == "zsh" || shell == "fish" && index == last;
        let given = given.iter().take(last + 1).enumerate();
        let mut words: Vec<Word> = given
            .map(|(index, text)| {
                if is_raw(index) {
                    return word(text);
                }
                Word {
                    value: text.clone(),
                    ..Word::default()
                }
            })
            .collect();
        words.resize_with(last + 1, Word::default);
        words
    };
    let (last, before) = typed.split_last()?;
    let before = before.iter().map(|word| word.value.clone().into());
    let mut words = normalise(&definition, before.collect(), None).ok()?;
    let line = Line::of(&definition, &words, settings);
    let mut definition = match line {
        Some(line) => with_candidates(definition, &Arc::new(line)),
        None => definition,
    };
    words.push(last.value.clone().into());
    let folder = std::env::current_dir().ok();
    let mut text = Vec::new();
    if shell == "bash" {
        let (line, replaced) = (given.first()?, given.get(1)?);
        let kept = line.strip_suffix(replaced.as_str()).unwrap_or_default();
        let kept = word(kept.get(last.start..).unwrap_or_default()).value;
        let index = words.len() - 1;
        for found in complete(&mut definition, words, index, folder.as_deref()).ok()? {
            let found = found.get_value().to_string_lossy();
            let inserted = found.strip_prefix(&kept).unwrap_or(&found);
            writeln!(text, "{}", quoted(inserted, last.quote)).ok()?;
        }
    } else {
        let adapter = Shells::builtins();
        let adapter = adapter.completer(shell)?;
        adapter
            .write_complete(&mut definition, words, folder.as_deref(), &mut text)
            .ok()?;
    }
    Some(text)
}

/// A word as a shell reads it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Word {
    value: String,
    /// The index of its first byte in the line.
    start: usize,
    /// The quote that is still open.
    quote: Option<char>,
}

/// Splits a half-typed line. The last word is the one that is typed; it may be empty.
fn words_of(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut characters = line.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        let quote = word.as_ref().and_then(|word| word.quote);
        if quote.is_none() && character.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let current = word.get_or_insert_with(|| Word {
            start,
            ..Word::default()
        });
        match (quote, character) {
            (None, '\'' | '"') => current.quote = Some(character),
            (Some(open), _) if open == character => current.quote = None,
            (None | Some('"'), '\\') => {
                current
                    .value
                    .extend(characters.next().map(|(_, next)| next));
            }
            _ => current.value.push(character),
        }
    }
    words.push(word.unwrap_or_else(|| Word {
        start: line.len(),
        ..Word::default()
    }));
    words
}

/// Returns the only word of a text, without its quotes.
fn word(raw: &str) -> Word {
    words_of(raw).pop().unwrap_or_default()
}

/// Returns a text as it is typed behind an open quote, or outside of quotes.
fn quoted(text: &str, quote: Option<char>) -> String {
    let is_plain = |character: char| match quote {
        Some('"') => !matches!(character, '"' | '\\' | '$' | '`'),
        Some(_) => character != '\'',
        None => {
            !character.is_ascii()
                || character.is_alphanumeric()
                || "_-./,:=@+%~".contains(character)
        }
    };
    let mut typed = String::new();
    for character in text.chars() {
        match quote {
            _ if is_plain(character) => typed.push(character),
            Some('\'') => typed.push_str(r"'\''"),
            _ => typed.extend(['\\', character]),
        }
    }
    typed
}

/// The subject of an argument whose values are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Environments,
    Declared,
    DeclaredOrLive,
    DeclaredNames,
    DeclaredOrLiveNames,
    Applies,
    Codes,
}

fn subject_of(command: &str, argument: &Arg) -> Option<Subject> {
    Some(match (command, argument.get_id().as_str()) {
        (_, "environment") | ("promote", "from" | "to") => Subject::Environments,
        (_, "target" | "exclude" | "reverify") | ("abandon" | "revoke", "address") => {
            Subject::Declared
        }
        (_, "replace") | ("get" | "run" | "jobs", "solution") => Subject::DeclaredOrLive,
        ("promote", "names") => Subject::DeclaredNames,
        ("list" | "run" | "jobs", "name") => Subject::DeclaredOrLiveNames,
        ("rollback", "subject") | ("abandon" | "show", "apply") => Subject::Applies,
        ("explain", "code") => Subject::Codes,
        _ => return None,
    })
}

/// Returns the definition with the candidates of each argument.
fn with_candidates(definition: Command, line: &Arc<Line>) -> Command {
    let command = definition.get_name().to_owned();
    let definition = definition.mut_args(|argument| match subject_of(&command, &argument) {
        Some(subject) => {
            let line = Arc::clone(line);
            argument.add(ArgValueCandidates::new(move || line.values(subject)))
        }
        None => argument,
    });
    definition.mut_subcommands(|command| with_candidates(command, line))
}

/// What the words before the typed one choose.
struct Line {
    manifest: ManifestArgs,
    store: Option<String>,
    settings: Settings,
}

impl Line {
    /// Reads the words, and enters the folder of `--chdir`; none if this is not possible.
    fn of(definition: &Command, words: &[OsString], settings: &Settings) -> Option<Self> {
        let words = normalise(definition, words.to_vec(), settings.cli_args.as_deref()).ok()?;
        let definition = definition.clone().ignore_errors(true);
        let matches = definition.try_get_matches_from(words).ok()?;
        let matches = innermost(&matches);
        if let Some(folder) = one::<PathBuf>(matches, "chdir") {
            std::env::set_current_dir(folder).ok()?;
        }
        let mut settings = settings.clone();
        settings.allowed_variables.extend(many(matches, "env"));
        let file = one(matches, "file").unwrap_or_else(|| PathBuf::from("solform.yaml"));
        Some(Self {
            manifest: ManifestArgs {
                file,
                environment: many(matches, "environment"),
            },
            store: one(matches, "store"),
            settings,
        })
    }

    /// Returns the values of a subject that are known within the limit.
    fn values(self: &Arc<Self>, subject: Subject) -> Vec<CompletionCandidate> {
        let mut found = IndexSet::new();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        // It is removed here even if the limit has ended the reading.
        if let (Ok(runtime), Ok(copy)) = (runtime, tempfile::tempdir()) {
            let (sender, mut receiver) = unbounded_channel();
            let (line, path) = (Arc::clone(self), copy.path().to_owned());
            runtime.spawn(async move { line.collect(subject, &path, &sender).await });
            let receiving = async {
                while let Some(value) = receiver.recv().await {
                    found.insert(value);
                }
            };
            // What is found until then is better than nothing.
            let _ = runtime.block_on(async { tokio::time::timeout(LIMIT, receiving).await });
            runtime.shutdown_background();
        }
        let is_shown = |value: &String| !value.contains(char::is_control);
        let found = found.into_iter().filter(is_shown);
        found.map(CompletionCandidate::new).collect()
    }

    /// Sends the values of a subject, those of the manifest first.
    async fn collect(
        &self,
        subject: Subject,
        copy: &Path,
        found: &UnboundedSender<String>,
    ) -> Option<()> {
        let send = |value: &str| found.send(value.to_owned()).ok();
        if subject == Subject::Codes {
            send(POLICIES)?;
            return Explanation::all().iter().try_for_each(|it| send(it.code));
        }
        if has_no_folder(&self.manifest.file) {
            return None;
        }
        let source = read_source(&self.manifest.file).ok()?;
        let variable = |name: &str| self.settings.manifest_variable(name);
        let all = manifest::read_each(&source, None, &variable)
            .ok()?
            .environments;
        if subject == Subject::Environments {
            return all.iter().try_for_each(|(name, _)| send(name));
        }
        let chosen = selection(&self.manifest, &self.settings).ok()?.environment;
        let is_chosen = |name: &String| chosen.is_none_or(|chosen| chosen == name);
        let chosen = all.into_iter().filter(|(name, _)| is_chosen(name));
        let manifests: Vec<Manifest> = chosen.filter_map(|(_, manifest)| manifest).collect();
        let are_names = matches!(
            subject,
            Subject::DeclaredNames | Subject::DeclaredOrLiveNames
        );
        if subject != Subject::Applies {
            for entry in manifests.iter().flat_map(|manifest| &manifest.desired) {
                let identity = &entry.identity;
                if are_names {
                    send(identity.name.as_str())?;
                } else {
                    send(identity.address().as_str())?;
                }
            }
        }
        // Without a choice, there is one environment, or only what is declared is known.
        let [manifest] = <[Manifest; 1]>::try_from(manifests).ok()?;
        let file = &self.manifest.file;
        let context = EnvironmentContext::new(source, manifest, 0, file, &self.settings);
        match subject {
            Subject::Applies => {
                let typed = self.store.as_deref();
                if context.has_remote_store(typed) {
                    return None;
                }
                let store = context.store(typed, &Io::new(&self.settings, false).secrets);
                let applies = store.ok()?.applies().await.ok()?;
                applies.iter().rev().try_for_each(|id| send(id))
            }
            Subject::DeclaredOrLive | Subject::DeclaredOrLiveNames => {
                let live = self.live(&context.manifest.environment, copy).await?;
                let mut versions = live.versions().iter();
                if are_names {
                    return versions.try_for_each(|version| send(version.identity.name.as_str()));
                }
                let long = live.long_addresses();
                versions.try_for_each(|version| match long.get(&version.id) {
                    Some(address) => send(address.as_str()),
                    None => send(version.identity.address().as_str()),
                })
            }
            _ => Some(()),
        }
    }

    /// Returns the live state of an environment, with a token that no program must print.
    async fn live(&self, environment: &Environment, copy: &Path) -> Option<LiveState> {
        if matches!(environment.token, Some(TokenSource::Command(_))) {
            return None;
        }
        let (base, token, _emulator) = match &environment.url {
            Endpoint::Url(url) => (url.clone(), None, None),
            Endpoint::Emulator => {
                let token = uuid::Uuid::new_v4().to_string();
                let running = self.emulator(environment, copy, &token).await?;
                let url = Url::parse(&running.url()).ok()?;
                (url, Some(SecretString::from(token)), Some(running))
            }
        };
        let reader = Reader::new(self.client(environment, base, token)?);
        reader.collect(&ListRequest::default()).await.ok()
    }

    fn client(
        &self,
        environment: &Environment,
        base: Url,
        token: Option<SecretString>,
    ) -> Option<Client> {
        let folder = manifest_folder(&self.manifest.file);
        let settings = &self.settings;
        let io = Io::new(settings, false).quiet_branch();
        session::client(environment, base, token, folder, settings, &io, |_| {}).ok()
    }

    /// Starts the embedded emulator with a copy of its world: the world itself does not change, and
    /// may be in use.
    async fn emulator(
        &self,
        environment: &Environment,
        copy: &Path,
        token: &str,
    ) -> Option<Emulator> {
        let folder = manifest_folder(&self.manifest.file);
        let path = |path: &Path| self.settings.manifest_path(folder, path).ok();
        let data = embedded_emulator::data_folder(Path::new(".solform"), &environment.name);
        let world = path(&data.join(emulator::WORLD_FILE))?;
        if let Ok(found) = std::fs::metadata(&world) {
            if !found.is_file() || found.len() > WORLD_LIMIT {
                return None;
            }
            std::fs::copy(&world, copy.join(emulator::WORLD_FILE)).ok()?;
        }
        let seed = match &environment.emulator.seed {
            Some(seed) => Some(session::read_seed(&path(seed)?).ok()?),
            None => None,
        };
        let options = EmulatorOptions {
            seed,
            token: Some(token.into()),
            data: Some(copy.to_owned()),
            ..EmulatorOptions::default()
        };
        emulator::start(options).await.ok()
    }
}

/// Returns the value of an option; none if the command does not have it.
fn one<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.try_get_one::<T>(name).ok().flatten().cloned()
}

/// Returns the values of an option that can be repeated.
fn many(matches: &ArgMatches, name: &str) -> Vec<String> {
    let values = matches.try_get_many::<String>(name).ok().flatten();
    values.into_iter().flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_typed_words_are_split() {
        for (line, value, start, quote) in [
            ("solform ", "", 8, None),
            (r"solform get Form\ W-2@0", "Form W-2@0", 12, None),
            ("solform get 'Form W", "Form W", 12, Some('\'')),
            ("solform get \"Ta\\\"rm W", "Ta\"rm W", 12, Some('"')),
            ("solform get 'Form W'-2", "Form W-2", 12, None),
        ] {
            let expected = Word {
                value: value.to_owned(),
                start,
                quote,
            };
            assert_eq!(words_of(line).pop(), Some(expected), "{line}");
        }
    }

    #[test]
    fn candidates_are_quoted_as_typed() {
        for (quote, expected) in [
            (None, r"It\'s\ \$1@2"),
            (Some('\''), r"It'\''s $1@2"),
            (Some('"'), r"It's \$1@2"),
        ] {
            assert_eq!(quoted("It's $1@2", quote), expected);
        }
    }
}
