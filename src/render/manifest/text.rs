//! The whole manifest: access, defaults, scope, solutions, and comments for records that are left
//! out.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::attribute::{State, Visibility};
use crate::export::{Exported, ExportedSolution, ExportedVersion};
use crate::ident::Owner;
use crate::manifest::scalar::{key, list, scalar, value};
use crate::manifest::{
    EmulatorSettings, Environment, Glob, Limit, Limits, Timeouts, Tls, TokenSource, duration_text,
};
use crate::render::words;

/// Writes an export as a manifest for this environment.
pub fn render_manifest(
    environment: &Environment,
    exported: &Exported<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(
        out,
        "# The live versions in the environment `{}`, as `solform export` found them.\n\
         # No solution has a `path`, because the package of a live version is not known. Add a \
         `path`\n\
         # to every version that solform must deploy.\n\
         solform: 1\n\nenvironments:\n",
        environment.name
    )?;
    writeln!(out, "  {}:", scalar(&environment.name))?;
    render_environment(environment, out)?;
    if exported.owner.is_some() || exported.visibility.is_some() {
        writeln!(out, "\ndefaults:")?;
        for setting in settings(exported.owner, None, exported.visibility) {
            writeln!(out, "  {setting}")?;
        }
    }
    writeln!(out, "\nmanage:")?;
    globs("owners", &exported.owners, "  ", out)?;
    if !exported.names.is_empty() {
        globs("names", &exported.names, "  ", out)?;
    }
    if exported.solutions.is_empty() {
        writeln!(out, "\nsolutions: {{}}")?;
    } else {
        writeln!(out, "\nsolutions:")?;
    }
    for solution in &exported.solutions {
        render_solution(solution, out)?;
    }
    if !exported.left.is_empty() {
        writeln!(out, "\n# Live as well, not declared, and left alone:")?;
    }
    for record in &exported.left {
        writeln!(
            out,
            "# - {}, id {}: {}",
            comment(&record.label),
            comment(&record.id),
            comment(&record.why.to_string())
        )?;
    }
    Ok(())
}

/// Escapes a text for a comment, so that it never ends its line.
fn comment(text: &str) -> String {
    let escaped = words::escaped(text);
    let is_break = |char: char| {
        matches!(
            char,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
    };
    escaped.replace(is_break, "?")
}

fn render_environment(environment: &Environment, out: &mut dyn Write) -> io::Result<()> {
    let Environment {
        name: _, // The key above.
        keys: _,
        url,
        token,
        user,
        context,
        store,
        protect,
        require_verified,
        limits: Limits {
            max_destroy,
            max_change,
        },
        timeouts,
        tls: Tls {
            ca_bundle,
            client_cert,
            client_key,
        },
        emulator: EmulatorSettings { seed },
        position: _, // An export has its own lines.
    } = environment;
    let path = |path: &PathBuf| value(&path.display().to_string());
    let token = token.as_ref().map(|token| match token {
        TokenSource::Env(name) => format!("{{ env: {} }}", scalar(name)),
        TokenSource::File(file) => format!("{{ file: {} }}", scalar(&file.display().to_string())),
        TokenSource::Command(command) => {
            let command = list(command.iter().map(String::as_str));
            format!("{{ command: {command} }}")
        }
    });
    let texts = [
        ("url", Some(value(url.as_str()))),
        ("token", token),
        ("user", user.as_ref().map(|user| value(user.as_str()))),
        ("context", context.as_deref().map(value)),
        (
            "store",
            store.as_ref().map(|store| value(&store.to_string())),
        ),
        ("ca_bundle", ca_bundle.as_ref().map(path)),
        ("client_cert", client_cert.as_ref().map(path)),
        ("client_key", client_key.as_ref().map(path)),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            writeln!(out, "    {key}: {text}")?;
        }
    }
    if !protect.is_empty() {
        globs("protect", protect, "    ", out)?;
    }
    if *require_verified {
        writeln!(out, "    require_verified: true")?;
    }
    let limit = |limit: &Option<Limit>| limit.as_ref().map(ToString::to_string);
    let limits = [
        ("max_destroy", limit(max_destroy)),
        ("max_change", limit(max_change)),
    ];
    in_braces("limits", limits, out)?;
    let default = Timeouts::default();
    let timeouts = [
        ("deploy", timeouts.deploy, default.deploy),
        ("delete", timeouts.delete, default.delete),
        ("propagation", timeouts.propagation, default.propagation),
        ("run", timeouts.run, default.run),
        ("apply", timeouts.apply, default.apply),
    ];
    let timeouts =
        timeouts.map(|(key, time, default)| (key, (time != default).then(|| duration_text(time))));
    in_braces("timeouts", timeouts, out)?;
    in_braces("emulator", [("seed", seed.as_ref().map(path))], out)
}

fn in_braces<const N: usize>(
    key: &str,
    entries: [(&str, Option<String>); N],
    out: &mut dyn Write,
) -> io::Result<()> {
    let entries = entries.into_iter();
    let entries = entries.filter_map(|(key, text)| Some(format!("{key}: {}", text?)));
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "    {key}: {{ {} }}", entries.join(", "))
}

fn globs(name: &str, globs: &[Glob], indent: &str, out: &mut dyn Write) -> io::Result<()> {
    if globs.is_empty() {
        return writeln!(out, "{indent}{name}: []");
    }
    writeln!(out, "{indent}{name}:")?;
    for glob in globs {
        writeln!(out, "{indent}  - {}", value(glob.as_str()))?;
    }
    Ok(())
}

fn render_solution(solution: &ExportedSolution<'_>, out: &mut dyn Write) -> io::Result<()> {
    const INDENT: &str = "    ";
    writeln!(out, "{}", key("  ", solution.name.as_str()))?;
    let only = match &solution.versions[..] {
        [only] => Some(only),
        _ => None,
    };
    if let Some(only) = only {
        let live = beside(only);
        writeln!(
            out,
            "{INDENT}version: {}{live}",
            value(only.version.as_str())
        )?;
    }
    for setting in settings(solution.owner, solution.state, solution.visibility) {
        writeln!(out, "{INDENT}{setting}")?;
    }
    if solution.keeps_the_rest {
        writeln!(
            out,
            "{INDENT}superseded: keep # Not all of its live versions are declared: see the end."
        )?;
    }
    if only.is_some() {
        return Ok(());
    }
    writeln!(out, "{INDENT}versions:")?;
    for version in &solution.versions {
        let ExportedVersion {
            version: text,
            owner,
            state,
            visibility,
            live_words: _, // `beside` writes them.
        } = version;
        let settings: Vec<String> = settings(*owner, *state, *visibility).collect();
        let settings = if settings.is_empty() {
            "{}".to_owned()
        } else {
            format!("{{ {} }}", settings.join(", "))
        };
        let live = beside(version);
        writeln!(out, "{} {settings}{live}", key("      ", text.as_str()))?;
    }
    Ok(())
}

/// Returns a comment with the live values that differ from the declared ones.
fn beside(version: &ExportedVersion<'_>) -> String {
    if version.live_words.is_empty() {
        return String::new();
    }
    format!(" # live: {}", comment(&version.live_words.join(", ")))
}

fn settings(
    owner: Option<&Owner>,
    state: Option<State>,
    visibility: Option<Visibility>,
) -> impl Iterator<Item = String> {
    let settings = [
        owner.map(|owner| format!("owner: {}", value(owner.as_str()))),
        state.map(|state| format!("state: {state}")),
        visibility.map(|visibility| format!("visibility: {visibility}")),
    ];
    settings.into_iter().flatten()
}
