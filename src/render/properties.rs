//! Properties of every plan in every format: the counts are equal, and no name or word from outside
//! changes the structure of the text.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::select;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;
use serde_json::Value;

use super::html::render_plan_html;
use super::human::plan_text;
use super::words;
use super::{ABANDON, PlanDetail, gitlab_document, plan_document, render_json, render_markdown};
use crate::escape::is_hidden;
use crate::ident::SolutionName;
use crate::plan::properties::{Texts, any_scenario_of, replacing};
use crate::plan::testing::{Scenario, declared, live, scenario};
use crate::plan::{ActionKind, Overrides, Plan, Refusal, SUMMARISED_ABOVE, Summary, judge};

/// Hostile names of solutions, which look like markup, commands or output.
const NAMES: &[&str] = &[
    "Form",
    "a|b||c",
    r"a\|b\\|c\",
    "`",
    "``x`",
    "``` x",
    "<img src=x onerror=alert(1)>",
    "</details></table>",
    "<!-- x",
    "--> x",
    "<script>",
    "&lt;b&gt;",
    "@team",
    "#1",
    "https://evil.example/x",
    "www.evil.example",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "*b* _i_ ~~s~~ **b**",
    "# heading",
    "- [ ] task",
    "> quote",
    "| x | y |",
    "1. x",
    "::error file=x::y",
    "##[error]x",
    "%0A::error::x",
    "\u{202e}gnp\u{202c}",
    "\u{2066}x\u{2069}",
    "a\u{200b}b",
    "\u{feff}x\u{ad}",
    "x\u{2028}y\u{2029}z",
    "e\u{301}\u{34f}x",
    "日本語 🚀",
    "x will be destroyed",
    "x@1 will be created",
    "Plan: 9 to add, 9 to change, 9 to destroy.",
    "No changes.",
    "Error: x",
    "\"; rm -rf / #",
    "$(x) ${x} `x`",
    r"\u{200b} \n",
    "a:b@c",
];

/// Hostile texts that a server could return instead of a known word, or a manifest could contain as
/// a file name.
const WORDS: &[&str] = &[
    "ODD",
    "",
    "\u{1b}[31mred\u{1b}[0m\u{9b}2J\u{7}\u{8}",
    "x\nPlan: 7 to add, 7 to change, 7 to destroy.",
    "x\r\n  # Form@1 will be created",
    "x\n\n</details>\n\n# heading\n\n@team",
    "x\n::error::y",
    "x\n| `-` | x | x | x | x |",
    "ACTIVE\u{200b}",
    "ACTIVE ",
    "|`<b>",
];

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(NAMES).prop_map(str::to_owned),
        1 => (select(NAMES), 2..400_usize).prop_map(|(name, times)| {
            name.repeat(times).chars().take(512).collect::<String>()
        }),
        1 => any::<String>(),
    ]
    .prop_map(|text| text.trim().to_owned())
    .prop_filter("the name is valid", |text| {
        SolutionName::parse(text).is_ok()
    })
}

fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(WORDS).prop_map(str::to_owned),
        1 => (select(WORDS), 2..300_usize).prop_map(|(word, times)| word.repeat(times)),
        1 => any::<String>(),
    ]
}

/// Returns scenarios in which every text is hostile.
fn any_world() -> impl Strategy<Value = Scenario> {
    let texts =
        ([any_name(), any_name()], any_name(), any_word()).prop_map(|(names, unmanaged, word)| {
            Texts {
                names,
                // Test identities are split at the first colon.
                unmanaged: format!("o{}", unmanaged.replace(':', ""))
                    .chars()
                    .take(500)
                    .collect::<String>()
                    .trim()
                    .to_owned(),
                word,
            }
        });
    (texts, any_word(), any::<usize>(), any::<bool>()).prop_flat_map(
        |(texts, word, choice, is_destroy)| {
            any_scenario_of(&texts).prop_map(move |mut made| {
                made.manifest.environment.name.clone_from(&word);
                for entry in &mut made.manifest.desired {
                    entry.position.file = Arc::new(word.clone());
                    if let Some(path) = &mut entry.path {
                        path.text = format!("{}{word}", path.text).into();
                    }
                }
                if is_destroy {
                    made.destroy()
                } else {
                    replacing(made, choice)
                }
            })
        },
    )
}

/// A plan in all formats, and its refusals.
struct Formats {
    text: String,
    concise: String,
    json: Value,
    gitlab: Value,
    markdown: String,
    page: String,
    refusals: Vec<String>,
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn markdown(plan: &Plan, refusals: &[String], max_bytes: usize) -> String {
    written(|out| render_markdown(plan, refusals, ABANDON, max_bytes, out))
}

fn formats(scenario: &Scenario, plan: &Plan) -> Formats {
    let limits = &scenario.manifest.environment.limits;
    let refused = judge(plan, limits, &Overrides::default());
    let refusals: Vec<String> = refused.iter().map(ToString::to_string).collect();
    let json = written(|out| render_json(&plan_document(plan, &refusals), out));
    Formats {
        text: plan_text(PlanDetail::Verbose, plan),
        concise: plan_text(PlanDetail::Concise, plan),
        json: serde_json::from_str(&json).unwrap(),
        gitlab: serde_json::to_value(gitlab_document([plan])).unwrap(),
        markdown: markdown(plan, &refusals, 1_000_000),
        page: html(plan, &refused),
        refusals,
    }
}

// In a debug build, compiling a pattern takes longer than making a plan.

/// The line with the counts of a plan, in text or Markdown.
static COUNTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:\*\*)?(?:Plan: (\d+) to add, (\d+) to change, (\d+) to destroy\.|No changes\.|Nothing to change, )",
    )
    .unwrap()
});

/// The possible beginnings of a line in the text of a plan.
static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"^(Environment ".*" at .*|  [-~+]|-/\+| {1,3}\S|      ([-+~!] | {2}(state|visibility) )|Plan: \d|No changes\.|Nothing to change, |Note: |Versions: \d|\d+ coexisting versions? |To keep )"#,
    )
    .unwrap()
});

/// The HTML that the Markdown renderer writes itself.
static OURS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(<!-- solform environment=[\w.-]* id=[0-9a-f]{12} -->|<details><summary>\d+ more changes?</summary>|</details>|<br>|</?sub>)$",
    )
    .unwrap()
});

/// The numbers of added, changed and destroyed versions.
type Counts = [usize; 3];

/// Returns the counts of the only line that contains them.
fn counts_of_text(text: &str) -> Counts {
    let found: Vec<_> = text
        .lines()
        .filter_map(|line| COUNTED.captures(line))
        .collect();
    assert_eq!(found.len(), 1, "{text}");
    [1, 2, 3].map(|nth| {
        let number = found[0].get(nth);
        number.map_or(0, |number| number.as_str().parse().unwrap())
    })
}

/// Returns the counts as GitLab computes them: it flattens the actions and counts them.
fn counts_of_json(document: &Value) -> Counts {
    let changes = document["resource_changes"].as_array().unwrap();
    let actions: Vec<&str> = changes
        .iter()
        .flat_map(|change| change["change"]["actions"].as_array().unwrap())
        .map(|action| action.as_str().unwrap())
        .collect();
    ["create", "update", "delete"]
        .map(|word| actions.iter().filter(|action| **action == word).count())
}

/// Returns the counts of the lines above the changes, by their phrases.
fn counts_of_items(text: &str) -> Counts {
    let count = |phrase: &str| {
        let is_item = |line: &&str| line.starts_with("  # ") && line.ends_with(phrase);
        text.lines().filter(is_item).count()
    };
    let replaced = count(" must be replaced");
    [
        count(" will be created") + replaced,
        count(" will be updated in-place"),
        count(" will be destroyed") + replaced,
    ]
}

/// Asserts that a text has no hidden characters, no commands and only lines of known shapes.
fn check_text(text: &str) {
    let hidden: Vec<char> = text
        .chars()
        .filter(|letter| *letter != '\n' && is_hidden(*letter))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?} in {text:?}");
    for line in text.lines() {
        assert!(
            line.is_empty() || SHAPE.is_match(line),
            "{line:?} in {text}"
        );
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
        assert!(!line.contains("##["), "{line:?}");
    }
}

/// Returns the number of bars of a row, as counted by readers that do not interpret pairs of
/// backslashes, and by readers that do.
fn cells(row: &str) -> [usize; 2] {
    let mut bars = [0, 0];
    let mut backslashes = 0;
    for letter in row.chars() {
        if letter == '|' {
            bars[0] += usize::from(backslashes == 0);
            bars[1] += usize::from(backslashes % 2 == 0);
        }
        backslashes = if letter == '\\' { backslashes + 1 } else { 0 };
    }
    bars
}

/// Parses Markdown as a viewer does. Asserts that only our own markup is markup, that rows are
/// complete and that each opened element is closed. Returns the second cell of each row.
fn check_markdown(text: &str) -> Vec<String> {
    let is_plain = |text: &str| {
        text.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || " ,.:;()'→-".contains(letter))
    };
    let mut open = 0_usize;
    let mut rows = Vec::new();
    let (mut cell, mut items) = (0, 0);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let html = html.trim_end();
                assert!(OURS.is_match(html), "{html:?} in {text}");
                open += usize::from(html.starts_with("<details>"));
                open = open
                    .checked_sub(usize::from(html == "</details>"))
                    .unwrap_or_else(|| panic!("closed too often: {text}"));
            }
            Event::Text(plain) => assert!(is_plain(&plain), "{plain:?} in {text}"),
            Event::Code(code) if cell == 2 => rows.push(code.into_string()),
            Event::Start(Tag::TableRow) | Event::End(TagEnd::Table) => cell = 0,
            Event::Start(Tag::TableCell) => cell += 1,
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_)) => {
                panic!("{event:?} in {text}")
            }
            Event::Start(Tag::Item) => items += 1,
            _ => {}
        }
    }
    assert_eq!(open, 0, "{text}");
    let is_ours = |line: &&str| line.starts_with("- `") || line.starts_with("- and ");
    assert_eq!(items, text.lines().filter(is_ours).count(), "{text}");
    for row in text.lines().filter(|line| line.starts_with('|')) {
        assert_eq!(cells(row), [6, 6], "{row}");
        assert!(row.ends_with('|'), "{row}");
    }
    assert!(
        !text
            .chars()
            .any(|letter| letter != '\n' && is_hidden(letter))
    );
    rows
}

/// The elements of our pages.
static ELEMENTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(html|head|title|style|body|header|main|footer|section|article|nav|details|summary|h[1-5]|p|div|span|strong|code|bdi|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|th|td|a|svg|g|path|rect|text|line)$",
    )
    .unwrap()
});

/// The attributes of our elements.
static ATTRIBUTES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"^( (aria-hidden|aria-label|class|d|height|href|id|lang|open|role|rx|scope|style|tabindex|text-anchor|viewBox|width|x|x1|x2|y|y1|y2)(="[^"<>]*")?)*$"#,
    )
    .unwrap()
});

/// Asserts that a page has only our own elements, each closed, and no hidden characters. Returns
/// its texts without the style sheet, with a line for each block.
pub(super) fn outline(page: &str) -> String {
    const INLINE: &[&str] = &["code", "span", "strong", "bdi", "a"];
    let rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    let mut open: Vec<&str> = Vec::new();
    let mut texts = String::new();
    for part in rest.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        let (name, attributes) = tag.split_at(tag.find(' ').unwrap_or(tag.len()));
        let name = if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{page}");
            name
        } else {
            if name != "meta" {
                assert!(ELEMENTS.is_match(name), "{tag}");
                assert!(ATTRIBUTES.is_match(attributes), "{tag}");
                let mut links = attributes.split(" href=").skip(1);
                assert!(links.all(|to| to.starts_with("\"#")), "{tag}");
                open.push(name);
            }
            name
        };
        if !INLINE.contains(&name) {
            texts.push('\n');
        }
        if open.last() != Some(&"style") {
            let text = text.trim_end_matches('\n');
            assert!(!text.contains(is_hidden), "{text:?}");
            let entities = [
                ("&lt;", "<"),
                ("&gt;", ">"),
                ("&quot;", "\""),
                ("&amp;", "&"),
            ];
            let text = entities
                .iter()
                .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
            texts.push_str(&text);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let lines = texts.lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn html(plan: &Plan, refusals: &[Refusal]) -> String {
    written(|out| render_plan_html(plan, refusals, ABANDON, out))
}

/// Asserts that a page has the counts and all changes.
fn check_html(page: &str, plan: &Plan, expected: Counts) {
    let text = outline(page);
    // A name may look like a verdict; the first one is ours.
    let counted = text.lines().find_map(|line| COUNTED.captures(line));
    let counted = counted.unwrap();
    let counts = [1, 2, 3].map(|nth| {
        let number = counted.get(nth);
        number.map_or(0, |number| number.as_str().parse().unwrap())
    });
    assert_eq!(counts, expected);
    let number = plan.to_do().count();
    assert_eq!(page.matches("<article ").count(), number);
}

fn check(scenario: &Scenario) {
    let plan = scenario.plan();
    let summary = Summary::of(&plan);
    let expected = [summary.add, summary.change, summary.destroy];
    let Formats {
        text,
        concise,
        json,
        gitlab,
        markdown: whole,
        page,
        refusals,
    } = formats(scenario, &plan);
    assert_eq!(counts_of_json(&json), expected);
    let of_gitlab = ["create", "update", "delete"].map(|word| gitlab[word].as_u64().unwrap());
    assert_eq!(
        of_gitlab.map(|count| usize::try_from(count).unwrap()),
        expected
    );
    for text in [&text, &concise] {
        check_text(text);
        assert_eq!(counts_of_text(text), expected);
        assert_eq!(counts_of_items(text), expected);
    }
    check_html(&page, &plan, expected);
    assert!(concise.lines().count() <= text.lines().count() + 1);
    let rows = check_markdown(&whole);
    assert_eq!(counts_of_text(&whole), expected);
    let is_loss = |kind| matches!(kind, ActionKind::Delete | ActionKind::Replace);
    let changes = || plan.changes.iter().filter(|change| !change.is_no_op());
    let losses = changes().filter(|change| is_loss(change.action.kind()));
    let others = changes().filter(|change| !is_loss(change.action.kind()));
    let shown: Vec<String> = losses
        .chain(others)
        .map(|change| words::address(&change.address))
        .collect();
    // A bar after a backslash is written as an escape.
    let rows: Vec<String> = rows.iter().map(|row| row.replace(r"\u{7c}", "|")).collect();
    assert_eq!(
        rows,
        shown
            .iter()
            .map(|row| row.replace(r"\u{7c}", "|"))
            .collect::<Vec<_>>()
    );
    for budget in [2_000, 5_000] {
        let cut = markdown(&plan, &refusals, budget);
        assert!(cut.len() <= budget, "{} > {budget}: {cut}", cut.len());
        check_markdown(&cut);
        assert_eq!(counts_of_text(&cut), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn all_formats_agree_and_no_text_breaks_out(scenario in any_world()) {
        check(&scenario);
    }
}

/// Returns many changes with long hostile names; one of each `share` changes is a destroy.
fn many(number: usize, share: usize) -> Scenario {
    let name = |nth: usize, what: &str| {
        let hostile = NAMES[nth % NAMES.len()];
        let text = format!("{what} {nth} {hostile}");
        let long = text.repeat(1 + nth % 12);
        let short: String = long.chars().take(512).collect();
        format!("svc:{}@1", short.trim())
    };
    let is_gone = |nth: &usize| nth.is_multiple_of(share);
    let gone: Vec<String> = (0..number)
        .filter(is_gone)
        .map(|nth| name(nth, "gone"))
        .collect();
    let made = (0..number)
        .filter(|nth| !is_gone(nth))
        .map(|nth| name(nth, "made"));
    scenario()
        .declare(made.map(|name| declared(&name)))
        .declare(gone.iter().map(|name| declared(name).absent()))
        .live(gone.iter().map(|name| live(name)))
        .protect("svc:gone 0*")
}

/// Returns the number of cut rows, from the row or sentence that contains it.
fn cut(text: &str, what: &str) -> usize {
    let sentence = Regex::new(&format!(
        r"\*(\d+) {what}s? cut: the whole plan is in the job's output\*"
    ));
    sentence
        .unwrap()
        .captures(text)
        .map_or(0, |found| found[1].parse().unwrap())
}

#[test]
fn budgets_hold_and_destroys_are_cut_last() {
    for (number, share) in [(1_000, 200), (1_000, 1), (10_000, 2_000), (10_000, 3)] {
        let scenario = many(number, share);
        let plan = scenario.plan();
        let summary = Summary::of(&plan);
        let refusals: Vec<String> = (0..number)
            .map(|nth| format!("`{nth}|` is protected"))
            .collect();
        let summarised = plan_text(PlanDetail::Summarised, &plan);
        let most = if summary.destroy > SUMMARISED_ABOVE {
            2 * summary.destroy
        } else {
            14 * summary.destroy
        };
        assert!(summarised.lines().count() < most + 40);
        assert_eq!(counts_of_text(&summarised)[0], summary.add);
        assert_eq!(counts_of_items(&summarised)[2], summary.destroy);
        let is_hidden = |letter: char| letter != '\n' && is_hidden(letter);
        assert!(!summarised.contains(is_hidden));
        for budget in [2_000, 60_000, 65_536] {
            let text = markdown(&plan, &refusals, budget);
            assert!(
                text.len() <= budget,
                "{number} {share} {budget}: {}",
                text.len()
            );
            let rows = check_markdown(&text);
            assert_eq!(
                counts_of_text(&text),
                [summary.add, summary.change, summary.destroy]
            );
            let destroys_cut = cut(&text, "destroyed version");
            let others_cut = cut(&text, "change");
            assert_eq!(rows.len() + destroys_cut + others_cut, number, "{text}");
            if share < 200 || budget > 2_000 {
                assert_eq!(destroys_cut > 0, share < 200, "{number} {share} {budget}");
            }
            // Destroys are cut only if all other changes are cut.
            assert!(destroys_cut == 0 || others_cut == summary.add, "{text}");
            assert!(text.contains(" more*"), "{text}");
            if budget > 2_000 {
                assert!(
                    text.len() > budget / 2,
                    "{number} {share} {budget}: {}",
                    text.len()
                );
            }
        }
    }
}

/// A page of a big plan has each loss in full or in a line, and the other changes in groups.
#[test]
fn big_pages_are_summarised() {
    for (number, share, articles) in [(100, 2, 100), (1_000, 200, 5), (10_000, 3, 0)] {
        let plan = many(number, share).plan();
        let summary = Summary::of(&plan);
        let page = html(&plan, &[]);
        outline(&page);
        assert_eq!(
            page.matches("<article ").count(),
            articles,
            "{number} {share}"
        );
        let verdict = format!("<strong>{}</strong>", summary_line(&summary));
        assert_eq!(page.matches(&verdict).count(), 1);
        let group = format!("<strong>{} to create</strong>, declared", summary.add);
        assert_eq!(page.matches(&group).count(), usize::from(number > 100));
        let more = format!(
            "<li>and {} more changes</li>",
            summary.add.saturating_sub(1_000)
        );
        assert_eq!(page.contains(&more), summary.add > 1_000);
        let lines = page.matches(" will be destroyed<span").count();
        assert_eq!(lines, if articles == 0 { summary.destroy } else { 0 });
    }
}

fn summary_line(summary: &Summary) -> String {
    format!(
        "Plan: {} to add, {} to change, {} to destroy.",
        summary.add, summary.change, summary.destroy
    )
}

#[test]
fn broken_rows_and_texts_are_detected() {
    assert_eq!(cells("| a | b\\| | c |"), [4, 4]);
    assert_eq!(cells("| a | b\\\\| | c |"), [4, 5]);
    let broken = std::panic::catch_unwind(|| check_markdown("a <b>x</b>"));
    assert!(broken.is_err());
    let broken = std::panic::catch_unwind(|| check_text("x\n::error::y"));
    assert!(broken.is_err());
}
