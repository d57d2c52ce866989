//! `docs/emulator.md`: its examples work, and its tables are complete.

use reqwest::Method;
use serde_json::Value;
use solform_emulator::{EmulatorOptions, Fault, JobPace, Knobs, Operation, Seed};

use super::{Api, answer, options};

const PAGE: &str = include_str!("../../../docs/emulator.md");

/// Returns the code blocks of the page in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    let rest = PAGE.split(&*start).skip(1);
    rest.map(|block| block.split("```").next().unwrap())
        .collect()
}

fn seed() -> Seed {
    let text = blocks("yaml")[0];
    Seed::parse(text).unwrap()
}

#[tokio::test]
async fn calls_on_the_page_work() {
    let api = Api::start(EmulatorOptions {
        seed: Some(Seed {
            knobs: std::collections::BTreeMap::new(),
            faults: Vec::new(),
            ..seed()
        }),
        ..options(&[], JobPace::Immediate)
    })
    .await;
    let lines = blocks("sh").join("\n");
    let calls: Vec<_> = lines
        .lines()
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert!(calls.len() > 15, "{calls:?}");
    let mut printed_id = String::new();
    for call in calls {
        let mut words = shlex::split(call).unwrap().into_iter().skip(1);
        let (mut method, mut url, mut body, mut token) = (None, None, None, None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-X" => method = words.next(),
                "-d" => body = words.next(),
                "-H" => token = words.next(),
                _ => {
                    let word = word.replace("$URL", &api.emulator.url());
                    url = Some(word.replace("/ID", &format!("/{printed_id}")));
                }
            }
        }
        let method = method.map_or(Method::GET, |method| method.parse().unwrap());
        let mut request = api.client.request(method, url.unwrap());
        if let Some(header) = token {
            let token = header.strip_prefix("Authorization: Bearer ").unwrap();
            request = request.bearer_auth(token);
        }
        let (status, reply) = answer(request.body(body.unwrap_or_default())).await;
        assert_eq!(status, 200, "{call}: {reply}");
        assert_ne!(reply["status"], "ERROR", "{call}: {reply}");
        // On the page, `ID` stands for the id that an earlier call printed.
        if call.ends_with("# prints {\"id\": ID}") {
            printed_id = reply["id"].to_string();
        }
    }
}

#[test]
fn fault_rules_on_the_page_parse() {
    let lines = blocks("sh").join("\n");
    let rules: Vec<_> = lines
        .lines()
        .filter_map(|line| line.strip_prefix("--fault "))
        .collect();
    assert!(rules.len() > 5, "{rules:?}");
    for rule in rules {
        let rule = &shlex::split(rule).unwrap()[0];
        rule.parse::<Fault>().unwrap();
    }
    let seed = seed();
    assert_eq!(seed.faults.len(), 1);
    // In the text, code is a fault rule if it names an operation or follows the word `fault`.
    for text in PAGE
        .split('`')
        .filter(|text| text.starts_with("operation="))
    {
        text.parse::<Fault>().unwrap();
    }
    for operation in ["deploy", "list_solutions", "job_status"] {
        assert!(Operation::ALL.iter().any(|known| known.name() == operation));
    }
}

#[test]
fn table_of_knobs_is_complete() {
    let Value::Object(defaults) = serde_json::to_value(Knobs::default()).unwrap() else {
        panic!("knobs are an object");
    };
    // Only this table: some fault settings have the name of a knob.
    let (_, table) = PAGE.split_once("\n## Knobs\n").unwrap();
    for (name, values) in Knobs::choices() {
        let start = format!("| `{name}` | ");
        let row = table.lines().find(|line| line.starts_with(&start));
        let cells: Vec<_> = row
            .unwrap_or_else(|| panic!("no row for {name}"))
            .split(" | ")
            .collect();
        let is_time = |value: &String| value.parse::<u32>().is_err();
        let wanted = match &defaults[name] {
            Value::Number(_) if values.iter().any(is_time) => "a number or a time".to_owned(),
            Value::Number(_) => "a number".to_owned(),
            _ => values
                .iter()
                .map(|value| format!("`{value}`"))
                .collect::<Vec<_>>()
                .join(" "),
        };
        assert_eq!(cells[3], wanted, "{name}");
        let default = defaults[name]
            .as_str()
            .map_or_else(|| defaults[name].to_string(), str::to_owned);
        assert_eq!(cells[4], format!("`{default}` |"), "{name}");
    }
}

#[test]
fn each_unknown_has_a_row_of_existing_knobs() {
    let names = Knobs::names();
    for number in 1..=25 {
        let start = format!("| U{number} ");
        let row = PAGE.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row for U{number}"));
        let (_, ways) = row[2..].split_once(" | ").unwrap();
        // Before the word `fault` there are only knobs.
        let knobs = ways.split("fault").next().unwrap();
        for name in knobs
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| !name.starts_with('-'))
        {
            assert!(names.iter().any(|known| known == name), "U{number}: {name}");
        }
    }
}
