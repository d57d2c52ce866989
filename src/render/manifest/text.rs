//! The whole manifest: access, defaults, scope, solutions, and comments for records that are left
//! out.

use std::io::{self, Write};
use std::time::Duration;

use super::yaml::{key, list, scalar, value};
use crate::attribute::{State, Visibility};
use crate::export::{Exported, ExportedSolution, ExportedVersion};
use crate::ident::Owner;
use crate::manifest::{
    EmulatorSettings, Environment, Glob, Limit, Limits, Timeouts, Tls, TokenSource,
};
use crate::render::words;

/// Writes an export as a manifest for this environment.
pub fn render_manifest(
    environment: &Environment,
    exported: &Exported<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(
        out,
        "# The live versions in the environment `{}`, as `solform export` found them.",
        environment.name
    )?;
    writeln!(
        out,
        "# No solution has a `path`, because the package of a live version is not known. Add a \
         `path`"
    )?;
    writeln!(out, "# to every version that solform must deploy.")?;
    writeln!(out, "solform: 1\n\nenvironments:")?;
    writeln!(out, "  {}:", scalar(&environment.name))?;
    render_environment(environment, out)?;
    if exported.owner.is_some() || exported.visibility.is_some() {
        writeln!(out, "\ndefaults:")?;
        settings(exported.owner, None, exported.visibility, "  ", out)?;
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
    let path = |path: &std::path::Path| value(&path.display().to_string());
    writeln!(out, "    url: {}", value(url.as_str()))?;
    match token {
        Some(TokenSource::Env(name)) => writeln!(out, "    token: {{ env: {} }}", scalar(name))?,
        Some(TokenSource::File(file)) => {
            writeln!(
                out,
                "    token: {{ file: {} }}",
                scalar(&file.display().to_string())
            )?;
        }
        Some(TokenSource::Command(command)) => {
            let command = list(command.iter().map(String::as_str));
            writeln!(out, "    token: {{ command: {command} }}")?;
        }
        None => {}
    }
    let texts = [
        ("user", user.as_ref().map(|user| value(user.as_str()))),
        ("context", context.as_deref().map(value)),
        ("store", store.as_deref().map(value)),
        ("ca_bundle", ca_bundle.as_deref().map(path)),
        ("client_cert", client_cert.as_deref().map(path)),
        ("client_key", client_key.as_deref().map(path)),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            writeln!(out, "    {key}: {text}")?;
        }
    }
    if !protect.is_empty() {
        globs("protect", protect, "    ", out)?;
    }
    let limits = [("max_destroy", max_destroy), ("max_change", max_change)];
    let limits =
        limits.map(|(key, limit)| limit.map(|limit| format!("{key}: {}", limit_text(limit))));
    in_braces("limits", limits, out)?;
    let default = Timeouts::default();
    let timeouts = [
        ("deploy", timeouts.deploy, default.deploy),
        ("delete", timeouts.delete, default.delete),
        ("propagation", timeouts.propagation, default.propagation),
        ("run", timeouts.run, default.run),
        ("apply", timeouts.apply, default.apply),
    ];
    let timeouts = timeouts.map(|(key, time, default)| {
        (time != default).then(|| format!("{key}: {}", duration_text(time)))
    });
    in_braces("timeouts", timeouts, out)?;
    let seed = seed.as_deref().map(|seed| format!("seed: {}", path(seed)));
    in_braces("emulator", [seed], out)
}

fn in_braces<const N: usize>(
    key: &str,
    entries: [Option<String>; N],
    out: &mut dyn Write,
) -> io::Result<()> {
    let entries: Vec<String> = entries.into_iter().flatten().collect();
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "    {key}: {{ {} }}", entries.join(", "))
}

fn limit_text(limit: Limit) -> String {
    match limit {
        Limit::Count(count) => count.to_string(),
        Limit::Percent(percent) => format!("{percent}%"),
    }
}

/// Returns a duration in the largest unit that divides it exactly.
fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units
        .into_iter()
        .find(|(length, _)| millis > 0 && millis.is_multiple_of(*length));
    match unit {
        Some((length, unit)) => format!("{}{unit}", millis / length),
        None => format!("{millis}ms"),
    }
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
    settings(
        solution.owner,
        solution.state,
        solution.visibility,
        INDENT,
        out,
    )?;
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
        let settings: Vec<String> = entries(*owner, *state, *visibility)
            .into_iter()
            .flatten()
            .collect();
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
    indent: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    for entry in entries(owner, state, visibility).into_iter().flatten() {
        writeln!(out, "{indent}{entry}")?;
    }
    Ok(())
}

fn entries(
    owner: Option<&Owner>,
    state: Option<State>,
    visibility: Option<Visibility>,
) -> [Option<String>; 3] {
    [
        owner.map(|owner| format!("owner: {}", value(owner.as_str()))),
        state.map(|state| format!("state: {state}")),
        visibility.map(|visibility| format!("visibility: {visibility}")),
    ]
}
