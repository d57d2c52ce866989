//! Suggestions for an unknown word: the nearest known one, or a list of them.

use super::masking::printable;

/// The maximum number of known words that are compared: a suggestion must not take longer than the
/// check itself.
const MAX_CANDIDATES: usize = 100;

/// Returns the known word that is nearest to the unknown one; `None` if no word is near enough.
pub(super) fn nearest<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = unknown.chars().count();
    if length > 64 {
        return None;
    }
    let lower = unknown.to_lowercase();
    known
        .into_iter()
        .take(MAX_CANDIDATES)
        .map(|word| {
            let distance = strsim::damerau_levenshtein(&lower, &word.to_lowercase());
            (distance, word)
        })
        .filter(|(distance, word)| *distance <= length.max(word.chars().count()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Returns the words in backticks, with commas between them; a long list is cut.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    head(words, 20, |word| format!("`{}`", printable(word)))
}

/// Returns the texts of the first items, with commas between them, and the number of the others.
pub(super) fn head<T>(
    items: impl IntoIterator<Item = T>,
    limit: usize,
    text: impl Fn(T) -> String,
) -> String {
    let mut items = items.into_iter();
    let mut texts: Vec<String> = items.by_ref().take(limit).map(text).collect();
    match items.count() {
        0 => {}
        more => texts.push(format!("{more} more")),
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["version", "versions", "path", "visibility", "state"];
        assert_eq!(nearest("verison", known), Some("version"));
        assert_eq!(nearest("Path", known), Some("path"));
        assert_eq!(nearest("pth", known), Some("path"));
        assert_eq!(nearest("image", known), None);
        assert_eq!(nearest("", known), None);
    }
}
