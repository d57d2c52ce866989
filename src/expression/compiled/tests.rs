use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::check::MAX_LENGTH;
use super::super::facts::{ChangeFacts, ImageFacts};
use super::super::reference::reference;
use super::*;

/// Returns facts: a create of PUBLIC, a downgrade, a delete; Friday, 27 November 2026, 16:30 UTC.
fn facts() -> Facts {
    let image = |version, state, visibility| ImageFacts {
        name: Some("Form"),
        version: Some(version),
        owner: Some("svc"),
        state: Some(state),
        visibility,
        package: None,
    };
    let changes = [
        ChangeFacts {
            address: "Form@1.10",
            action: "create",
            after: ImageFacts {
                package: Some("aa"),
                ..image("1.10", "ACTIVE", Some("PUBLIC"))
            },
            will_verify: true,
            succession: Some("downgrade"),
            ..ChangeFacts::default()
        },
        ChangeFacts {
            address: "Form@2",
            action: "update",
            before: image("2", "ACTIVE", None),
            after: image("2", "INACTIVE", None),
            ..ChangeFacts::default()
        },
        ChangeFacts {
            address: "Form@0.9",
            action: "delete",
            before: image("0.9", "INACTIVE", Some("PRIVATE")),
            ..ChangeFacts::default()
        },
    ];
    let now = Timestamp::from_second(1_795_797_000).unwrap();
    let now = now.to_zoned_datetime(TimeZone::UTC);
    Facts::new(changes.into_iter(), "prod", &now, [VERIFIED].into_iter())
}

/// The fingerprint of the package that was verified.
const VERIFIED: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Evaluates an expression, in which `BB` is the package that was verified, and `CC` another one.
fn evaluate(text: &str) -> Result<Finding, String> {
    let text = text.replace("BB", VERIFIED);
    let text = text.replace("CC", &VERIFIED.replace('b', "c"));
    let expression = Expression::parse(&text).map_err(|error| format!("refused: {error}"))?;
    expression.evaluate(&facts())
}

#[test]
fn expressions_are_evaluated() {
    for (text, expected) in [
        ("true", true),
        ("changes.size() == 3 && size(changes) == 3", true),
        ("changes.exists(c, c.after.visibility == 'PUBLIC')", true),
        ("changes.all(c, c.after.visibility != 'PUBLIC')", false),
        (
            "changes.exists(c, c.after.visibility == 'PUBLIC' && !(c.after.package in verified))",
            true,
        ),
        (
            "changes.exists(c, c.before.version == null && c.will_verify)",
            true,
        ),
        ("changes.exists_one(c, c.action == 'delete')", true),
        (
            "changes.filter(c, c.action in ['delete', 'replace']).size() > 0",
            true,
        ),
        (
            "changes.map(c, c.address).exists(a, a.startsWith('Form@') && a.endsWith('.9'))",
            true,
        ),
        ("changes.exists(c, c.succession == 'downgrade')", true),
        (
            "environment == 'prod' && now.weekday == 'friday' && now.hour >= 16",
            true,
        ),
        ("now.date == '2026-11-27' && now.time >= '16:30'", true),
        (
            "newer('1.10', '1.9') && !newer('1.0-rc', '1.0') && !newer('1', '1')",
            true,
        ),
        ("!(changes[1].after.package in verified)", true),
        ("'BB' in verified && !('CC' in verified)", true),
        (
            "verified.exists(v, v == 'BB') && verified.size() == 1",
            true,
        ),
        ("changes[0].action == 'create'", true),
        ("(changes.size() > 2 ? 1 : 2) + 1 == 2", true),
        (
            "['a', 'b'].exists(x, changes.exists(c, c.after.name == x))",
            false,
        ),
        (
            "changes.exists(c, c.before.state == 'PRODUCTION' || c.address.contains('@2'))",
            true,
        ),
        ("changes.exists(c, c.before.state == 'RETIRED')", false),
        ("changes.exists(c, c.after.visibility == 'SHARED')", false),
        (
            "now.date < '2027' && now.date >= '2026-11' && now.date <= '2026-11-31'",
            true,
        ),
        (
            "now.time > '16' && now.time < '24:00' && '25' > now.time",
            true,
        ),
        ("now.hour < 24 && now.hour > -1 && 24 > now.hour", true),
        (
            "changes.exists(c, c.address > 'M') || now.weekday > 'n'",
            false,
        ),
        (
            "now.time >= '09:00' && now.time < '23:59' && now.date > '2026-02-28'",
            true,
        ),
        (
            "now.hour + 10 == 26 && now.hour in [16, now.hour + 99]",
            true,
        ),
        (
            "'x' in [environment, 'x'] && (true ? 'x' : now.weekday) == 'x'",
            true,
        ),
    ] {
        let found = evaluate(text).map(|finding| finding.holds);
        assert_eq!(found, Ok(expected), "{text}");
    }
}

#[test]
fn changes_that_violate_a_policy_are_found() {
    for (text, expected) in [
        (
            "changes.exists(c, c.action != 'update')",
            &["Form@1.10", "Form@0.9"][..],
        ),
        ("!changes.all(c, c.action != 'update')", &[]),
        ("changes.exists(c, c.action == 'replace')", &[]),
        ("verified.exists(c, true)", &[]),
    ] {
        assert_eq!(evaluate(text).unwrap().because_of, expected, "{text}");
    }
}

#[test]
fn a_missing_value_is_named() {
    for (text, expected) in [
        (
            "changes.exists(c, c.before.visibility.startsWith('X'))",
            "`startsWith` needs a value",
        ),
        (
            "changes.all(c, newer(c.after.version, '0'))",
            "`newer` needs a value",
        ),
        (
            "changes.exists(c, c.before.version < '0')",
            "`<` needs a value",
        ),
        (
            "1 / (changes.size() - 3) == 1",
            "a number is divided by zero",
        ),
        (
            "9223372036854775807 + changes.size() > 0",
            "a number is too big",
        ),
        (
            "changes[7].action == 'create'",
            "a list has no item at this index",
        ),
    ] {
        let found = evaluate(text).unwrap_err();
        assert!(found.contains(expected), "{text}: {found}");
    }
    // A result that does not depend on the missing value is none.
    let text = "changes.exists(c, c.after.visibility == 'PUBLIC' || newer(c.after.version, '9'))";
    assert!(evaluate(text).unwrap().holds);
}

/// Texts that are no policy, each with the marked part and a part of the message.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("", "", "the expression ends too early"),
    (
        "changes.exists(c, c.action ==",
        "=",
        "the expression ends too early",
    ),
    ("a b", "b", "unexpected 'b'"),
    ("ä == 1", "ä", "unexpected 'ä'"),
    ("true ? false", "e", "the expression ends too early"),
    ("(true ? false) && true", ")", "unexpected ')'"),
    ("[true", "e", "the expression ends too early"),
    ("1 +", "+", "the expression ends too early"),
    ("|| true", "|", "unexpected '||'"),
    ("'ä' == chnges", "chnges", "unknown variable `chnges`"),
    (
        "changes",
        "changes",
        "a policy is a condition, and this is a list",
    ),
    ("c.action == 'create'", "c", "unknown variable `c`"),
    (
        "changes.exists(c, c.afer.name == 'x')",
        "afer",
        "a change has no field `afer`",
    ),
    (
        "changes.exists(c, c.after.visiblity == 'x')",
        "visiblity",
        "`after` has no field",
    ),
    (
        "changes.exists(c, c.after.state == 'active')",
        "'active'",
        "is never \"active\"",
    ),
    (
        "changes.exists(c, c.action in ['delete', 'destroy'])",
        "'destroy'",
        "never \"destroy\"",
    ),
    (
        "now.weekday == 'Friday'",
        "'Friday'",
        "the value is never \"Friday\"",
    ),
    ("now.hour == 99", "99", "the value is never 99"),
    ("now.hour == -5", "-5", "the value is never -5"),
    ("- 5 != now.hour", "- 5", "the value is never -5"),
    ("now.hour in [16, 61]", "61", "the value is never 61"),
    (
        "now.time >= '9:00'",
        "'9:00'",
        "\"9:00\" has another form than the value",
    ),
    ("'16:30:00' > now.time", "'16:30:00'", "another form"),
    ("now.time < '9'", "'9'", "another form"),
    ("now.date > '2026-1-1'", "'2026-1-1'", "another form"),
    ("now.date <= '2026-1'", "'2026-1'", "another form"),
    ("now.date < '31.12.2026'", "'31.12.2026'", "another form"),
    ("now.date < ''", "''", "another form"),
    ("'24:00' == now.time", "'24:00'", "the value is never"),
    ("now.time == '17'", "'17'", "the value is never"),
    ("now.date == '2026-1-1'", "'2026-1-1'", "the value is never"),
    (
        "now.date != '2026-02-30'",
        "'2026-02-30'",
        "the value is never",
    ),
    (
        "now.date in ['24.12.2026']",
        "'24.12.2026'",
        "the value is never",
    ),
    (
        "'deploy' in changes.map(c, c.action)",
        "'deploy'",
        "the value is never",
    ),
    (
        "changes.exists(c, c.address == 'Form')",
        "'Form'",
        "the value is never",
    ),
    (
        "changes.exists(c, c.after.version == '')",
        "''",
        "the value is never",
    ),
    (
        "'sha256:ab' in verified",
        "'sha256:ab'",
        "the value is never",
    ),
    (
        "changes.exists(c, newer(c.after.version, 'latest'))",
        "'latest'",
        "no version is newer",
    ),
    (
        "now.hour == '16'",
        "==",
        "a number cannot be compared with a text",
    ),
    (
        "changes.exists(c, c.before == null)",
        "==",
        "`before` cannot be compared with null",
    ),
    (
        "changes.exists(c, c.will_verify && c.action)",
        "action",
        "`&&` needs a condition",
    ),
    (
        "environment + 'x' == 'y'",
        "environment",
        "`+` needs a number, and this is a text",
    ),
    (
        "changes + changes == []",
        "changes",
        "`+` needs a number, and this is a list",
    ),
    (
        "changes.map(c, changes).size() == 1",
        "changes",
        "`map` cannot make a list of lists",
    ),
    ("[[1]].size() == 1", "[", "a list cannot be in a list"),
    (
        "changes.exists(c, [c].size() == 1)",
        "c",
        "a change cannot be in a list",
    ),
    (
        "changes.exists(c, changes.exists(d, d.address == c.address))",
        "exists",
        "inside another",
    ),
    (
        "verified.exists(v, changes.exists(d, d.after.package == v))",
        "exists",
        "inside another",
    ),
    (
        "changes.exists(c, c.address in changes.map(d, d.address))",
        "exists",
        "inside another",
    ),
    (
        "changes.exists(changes, true)",
        "changes",
        "`changes` is a variable already",
    ),
    ("changes.exists(1, true)", "1", "the name of a variable"),
    (
        "changes.exists(c)",
        "exists",
        "`exists` is not used like this",
    ),
    ("has(changes)", "has", "`has` is not needed"),
    ("changes.sort()", "sort", "unknown function `sort`"),
    (
        "environment.matches('a')",
        "matches",
        "unknown function `matches`",
    ),
    ("{'a': 1}.a == 1", "{", "mappings are not supported"),
    ("1.5 > 1", "1.5", "only texts, whole numbers"),
    ("99999999999999999999 > 1", "9", "invalid int literal"),
    ("environment.name == 'x'", "name", "a text has no fields"),
    ("environment['x'] == 'x'", "[", "a text has no index"),
    ("size(1) == 1", "1", "a number has no size"),
    (
        "'a'.exists(x, true)",
        "'a'",
        "`exists` needs a list, and this is a text",
    ),
];

#[test]
fn mistakes_are_refused_with_their_positions() {
    let deep = format!("{}true{}", "!(".repeat(50), ")".repeat(50));
    let long = format!("true{}", " ".repeat(MAX_LENGTH));
    let chain = format!("1{} == 2", " + 1".repeat(400));
    let wide = format!(
        "changes.exists(c, c.address in [{}])",
        "'a@1',".repeat(300) + "'a@1'"
    );
    let wider = format!(
        "['a','b','c','d'].exists(x, changes.exists(c, c.address in [{}]))",
        "'a@1',".repeat(300) + "'a@1'"
    );
    let long_ones = [
        (deep.as_str(), "!", "the expression is nested too deeply"),
        (chain.as_str(), "+", "the expression is nested too deeply"),
        (
            long.as_str(),
            long.as_str(),
            "the expression is longer than 2000 bytes",
        ),
        (
            wider.as_str(),
            wider.as_str(),
            "more than 1000 steps for each change",
        ),
    ];
    for (text, at, expected) in MISTAKES.iter().copied().chain(long_ones) {
        let error = Expression::parse(text).unwrap_err();
        let found = error.to_string();
        assert!(found.contains(expected), "{text}: {found}");
        assert_eq!(&text[error.range.clone()], at, "{text}: {found}");
    }
    assert!(Expression::parse(&wide).is_ok());
}

/// The work grows with the number of changes, not with its square.
#[test]
fn many_changes_are_judged() {
    let addresses: Vec<String> = (0..10_000).map(|number| format!("Form@{number}")).collect();
    let changes = addresses.iter().map(|address| ChangeFacts {
        address,
        action: "create",
        ..ChangeFacts::default()
    });
    let now = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    let facts = Facts::new(changes, "prod", &now, addresses.iter().map(String::as_str));
    let text = "changes.exists(c, c.action == 'delete' && !(c.address in verified))";
    let found = Expression::parse(text).unwrap().evaluate(&facts).unwrap();
    assert!(!found.holds);
}

#[test]
fn compared_environments_are_named() {
    let text = "environment == 'prod' || environment in ['a'] || 'uat' != environment || \
                environment < 'q'";
    let expression = Expression::parse(text).unwrap();
    let named = expression.environments().iter();
    let named: Vec<(&str, &str)> = named
        .map(|(name, at)| (&**name, &text[at.clone()]))
        .collect();
    let expected = [("prod", "'prod'"), ("a", "'a'"), ("uat", "'uat'")];
    assert_eq!(named, expected);
}

#[test]
fn words_of_the_server_in_another_case_are_known() {
    let text = "changes.exists(c, c.before.state == 'active' || c.after.visibility in ['Public', \
                'PUBLIC', 'SHARED'] || 'private' != c.before.visibility || c.before.state > 'a')";
    let expression = Expression::parse(text).unwrap();
    let found = expression.miswritten().iter();
    let found: Vec<(&str, &str)> = found
        .map(|(known, at)| (*known, &text[at.clone()]))
        .collect();
    let expected = [
        ("ACTIVE", "'active'"),
        ("PUBLIC", "'Public'"),
        ("PRIVATE", "'private'"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_comparison_of_lists_names_size() {
    let error = Expression::parse("changes != []").unwrap_err();
    assert!(error.help.unwrap().contains("`size(changes) > 0`"));
}

#[test]
fn the_reference_names_every_variable() {
    insta::assert_snapshot!(reference());
}

/// Writes expressions of parts that fit together, and of parts that do not.
fn texts() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "changes",
        "environment",
        "now",
        "verified",
        "c",
        "d",
        "1",
        "'a'",
        "null",
        "true",
        "[]",
        "c.after",
        "c.before.version",
        "now.hour",
        "c.action",
        "9223372036854775807",
        "\u{e4}",
        "'",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let of_two = prop::sample::select(vec![
            "{} == {}",
            "{} && {}",
            "{} || {}",
            "{} + {}",
            "{} / {}",
            "{} < {}",
            "{} in {}",
            "[{}, {}]",
            "newer({}, {})",
            "{}.contains({})",
            "{}[{}]",
            "{} ? {} : true",
            "{}{}",
            "{}.exists(c, {})",
            "{}.map(d, {})",
            "{}.filter(c, {})",
            "{}.exists_one(d, {})",
        ]);
        let of_one = prop::sample::select(vec![
            "!{}",
            "-{}",
            "({})",
            "size({})",
            "{}.after",
            "{}.name",
            "[{}]",
            "{",
            "{}.all(c, c)",
        ]);
        let two = (of_two, inner.clone(), inner.clone())
            .prop_map(|(form, one, other)| form.replacen("{}", &one, 1).replacen("{}", &other, 1));
        let one = (of_one, inner).prop_map(|(form, one)| form.replacen("{}", &one, 1));
        prop_oneof![two, one]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![texts(), ".{0,60}", "[-!.+()\\[\\]?:a1\"']{0,80}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// No text makes the parser, the check or the evaluation panic, and whatever passes the check
    /// is true, false, or lacks a value.
    #[test]
    fn no_text_breaks_an_evaluation(text in any_text()) {
        match Expression::parse(&text) {
            Ok(expression) => {
                let found = expression.evaluate(&facts());
                let is_aborted = found == Err("the evaluation was aborted".to_owned());
                prop_assert!(!is_aborted, "{text}");
            }
            Err(error) => {
                prop_assert!(text.get(error.range.clone()).is_some(), "{text}: {error:?}");
                let is_lost = error.to_string() == "the expression could not be parsed";
                prop_assert!(!is_lost, "{text}");
            }
        }
    }
}
