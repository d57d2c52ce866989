//! The comparison of two texts of a manifest, environment by environment.

use super::super::model::Manifest;
use super::super::problem::{Problem, Problems};
use super::super::source::SourceFile;
use super::file::File;

/// Returns the first environment that two texts of a manifest declare differently, as `is_same`
/// compares them; `None` if all are the same. An environment that has errors in both texts is the
/// same if the errors are. If only the second text has errors, they are returned.
pub(in crate::manifest) fn find_difference(
    before: &SourceFile,
    after: &SourceFile,
    env: &dyn Fn(&str) -> Option<String>,
    is_same: &dyn Fn(&str, &Manifest, &Manifest) -> bool,
) -> Result<Option<String>, Problems> {
    let (before, after) = (File::open(before)?, File::open(after)?);
    if let Some(problems) = Problems::from_errors(after.problems.clone()) {
        return Err(problems);
    }
    if !before.names().eq(after.names()) {
        return Ok(before.names().next().map(str::to_owned));
    }
    let (tokens, tokens_after) = (before.tokens(), after.tokens());
    // One environment at a time: a manifest with many of them would need much memory.
    for name in before.names() {
        let (old, old_problems) = before.check(name, env, &tokens);
        let (new, new_problems) = after.check(name, env, &tokens_after);
        let is_equal = match (old, new) {
            (Some(old), Some(new)) => is_same(name, &old, &new),
            (None, None) => messages(&old_problems).eq(messages(&new_problems)),
            (Some(_), None) => match Problems::from_errors(new_problems) {
                Some(problems) => return Err(problems),
                None => false,
            },
            (None, Some(_)) => false,
        };
        if !is_equal {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

fn messages(problems: &[Problem]) -> impl Iterator<Item = (&'static str, &str)> {
    let problems = problems.iter();
    problems.map(|problem| (problem.code.as_str(), problem.message.as_str()))
}
