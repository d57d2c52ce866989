use super::super::plan_file::{PlanFileContent, SavedPlans, resealed as resealed_plans};
use super::super::testing::{Scenario, declared, live, scenario};
use super::*;
use crate::attribute::Visibility;
use crate::manifest::{Endpoint, SupersededPolicy, TokenSource};

/// Returns a scenario whose plan has each kind of change, note and field.
fn everything() -> Scenario {
    scenario()
        .protect("Safe@*")
        .declare([
            declared("Form@3")
                .visible(Visibility::Public)
                .superseding(SupersededPolicy::Delete, Some(1)),
            declared("Form@4"),
            declared("Paystub@1").visible(Visibility::Public),
            declared("Paystub@2").visible(Visibility::Private),
            declared("Safe@1").absent(),
            declared("Old@1").absent(),
            declared("Odd@1").visible(Visibility::Public),
        ])
        .live([
            live("Form@1").created(1),
            live("Form@2").created(2),
            live("Form@4"),
            live("Paystub@1").visible("PENDING_REVIEW"),
            live("Paystub@2").visibility_unknown(),
            live("Safe@1"),
            live("Odd@1")
                .state("ODD \u{202e}\u{1f600}\"")
                .visible("ODD"),
        ])
        .replace("Form@4")
}

fn saved() -> SavedPlan {
    let allow = Overrides {
        destroy: Some(3),
        change: None,
    };
    let scenario = everything();
    SavedPlan::new(
        scenario.plan(),
        Vec::new(),
        PlanOptions::new(&scenario.options, allow),
        "5e1f".to_owned(),
        1_700_000_000_000,
    )
}

#[test]
fn a_plan_file_is_read_back_unchanged() {
    let text = saved().to_json();
    assert!(text.ends_with("}\n"));
    let read = SavedPlan::from_json(&text).unwrap();
    assert_eq!(read, saved());
    assert_eq!(read.to_json(), text);
    read.check_against(&everything().manifest).unwrap();
}

/// A change of any value in the file is noticed.
#[test]
fn an_edited_plan_is_refused() {
    let text = saved().to_json();
    let edits = [
        ("\"id\": \"5e1f\"", "\"id\": \"5e1e\""),
        (
            "\"created_at_ms\": 1700000000000",
            "\"created_at_ms\": 1700000000001",
        ),
        ("\"destroy\": 3", "\"destroy\": 30"),
        ("\"environment\": \"prod\"", "\"environment\": \"test\""),
        (
            "\"url\": \"https://ib.example.com\"",
            "\"url\": \"https://evil.example.com\"",
        ),
        ("\"kind\": \"delete\"", "\"kind\": \"no-op\""),
        ("id-svc:Form@2", "id-svc:Form@9"),
        ("releases/Form-3", "releases/Form-4"),
        ("\"coverage\": \"whole\"", "\"coverage\": {\"names\": []}"),
        (
            "\"blocked\": [\n          \"protected\"\n        ]",
            "\"blocked\": []",
        ),
        ("\"live_in_scope\": 7", "\"live_in_scope\": 70"),
        ("\"kind\": \"apply\"", "\"kind\": \"destroy\""),
        ("\"replace\": [\n      \"Form@4\"\n    ]", "\"replace\": []"),
        ("\"ODD\"", "\"EVEN\""),
        ("\"solform_version\": \"", "\"solform_version\": \"9"),
    ];
    for (from, to) in edits {
        assert!(text.contains(from), "{from} in {text}");
        let edited = text.replacen(from, to, 1);
        let error = SavedPlan::from_json(&edited).unwrap_err();
        assert!(matches!(error, SavedPlanError::Edited), "{from}: {error}");
    }
    let unsealed = text.replacen("\"fingerprint\": \"", "\"fingerprint\": null, \"x\": \"", 1);
    assert!(matches!(
        SavedPlan::from_json(&unsealed),
        Err(SavedPlanError::Damaged(_))
    ));
    let fingerprint = text.rsplit('"').nth(1).unwrap();
    let unsealed = text.replace(&format!("\"{fingerprint}\""), "null");
    assert!(matches!(
        SavedPlan::from_json(&unsealed),
        Err(SavedPlanError::Edited)
    ));
}

/// A truncated plan file is refused, and so is any other file.
#[test]
fn a_damaged_plan_is_refused() {
    let text = saved().to_json();
    let end = text.trim_end().len();
    let cuts = text
        .char_indices()
        .map(|(cut, _)| cut)
        .take_while(|cut| *cut < end);
    for cut in cuts.step_by(17).chain([end - 1]) {
        let error = SavedPlan::from_json(&text[..cut]).unwrap_err();
        assert!(
            matches!(error, SavedPlanError::Damaged(_)),
            "{cut}: {error}"
        );
    }
    let twice = format!("{text}{text}");
    let unknown = text.replacen("\"kind\"", "\"mood\": 1, \"kind\"", 1);
    for other in [
        "",
        "{}",
        "[]",
        "null",
        "\u{feff}{}",
        "solform: 1",
        twice.as_str(),
        unknown.as_str(),
    ] {
        assert!(
            matches!(SavedPlan::from_json(other), Err(SavedPlanError::Damaged(_))),
            "{}",
            other.chars().take(40).collect::<String>()
        );
    }
}

/// A file of another format version is reported as such, with any other content.
#[test]
fn another_format_version_is_not_damage() {
    let text = saved().to_json();
    let own = format!("\"format_version\": {FORMAT_VERSION}");
    let newer = text.replacen(&own, "\"format_version\": 99", 1);
    for other in [newer.as_str(), "{\"format_version\": 99, \"plans\": 1}"] {
        let of_one = SavedPlan::from_json(other).map(|_| ());
        let of_any = PlanFileContent::from_json(other).map(|_| ());
        for error in [of_one.unwrap_err(), of_any.unwrap_err()] {
            assert!(
                matches!(error, SavedPlanError::OtherFormat { found: 99 }),
                "{error}"
            );
        }
    }
}

/// Returns the saved plans of several environments.
fn several(names: &[&str]) -> SavedPlans {
    let plan_of = |name: &&str| {
        let mut plan = saved();
        plan.plan.subject.environment = (*name).to_owned();
        plan
    };
    SavedPlans::new(names.iter().map(plan_of).collect(), 1_700_000_000_000)
}

/// Each plan in a file of several environments is a whole file of its own.
#[test]
fn plans_of_several_environments_are_read_back() {
    let text = several(&["dev", "prod"]).to_json();
    let PlanFileContent::Several(read) = PlanFileContent::from_json(&text).unwrap() else {
        panic!("{text}");
    };
    assert_eq!(read, several(&["dev", "prod"]));
    assert_eq!(read.to_json(), text);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["plans"][1]["plan"]["subject"]["environment"], "prod");
    let one = PlanFileContent::from_json(&saved().to_json()).unwrap();
    assert_eq!(one.plans(), [saved()]);
    // The parser of one environment does not take the other form.
    assert!(matches!(
        SavedPlan::from_json(&text),
        Err(SavedPlanError::Damaged(_))
    ));
}

#[test]
fn an_edited_file_of_several_plans_is_refused() {
    let text = several(&["dev", "prod"]).to_json();
    for (from, to) in [
        ("\"environment\": \"prod\"", "\"environment\": \"uat\""),
        (
            "\"created_at_ms\": 1700000000000",
            "\"created_at_ms\": 1700000000001",
        ),
        ("\"id\": \"5e1f\"", "\"id\": \"5e1e\""),
        ("releases/Form-3", "releases/Form-4"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let edited = text.replacen(from, to, 1);
        let error = PlanFileContent::from_json(&edited).unwrap_err();
        assert!(matches!(error, SavedPlanError::Edited), "{from}: {error}");
    }
    let unknown = text.replacen("\"plans\"", "\"mood\": 1, \"plans\"", 1);
    for other in [&text[..text.len() / 2], &unknown] {
        let error = PlanFileContent::from_json(other).unwrap_err();
        assert!(matches!(error, SavedPlanError::Damaged(_)), "{error}");
    }
}

/// A fingerprint that fits proves nothing: each plan is checked by itself.
#[test]
fn a_forged_file_of_several_plans_is_refused() {
    let of = |name: &str| several(&[name]).plans[0].to_json();
    let edited = of("prod").replacen("\"live_in_scope\": 7", "\"live_in_scope\": 70", 1);
    for (plans, expected) in [
        (vec![of("dev"), of("prod")], "read"),
        (Vec::new(), "Damaged"),
        (vec![of("dev"), of("dev")], "Damaged"),
        (vec![of("dev"), "{}".to_owned()], "Damaged"),
        (vec![of("dev"), "7".to_owned()], "Damaged"),
        // A file in a file.
        (vec![several(&["dev"]).to_json()], "Damaged"),
        (vec![of("dev"), edited], "Edited"),
    ] {
        let text = resealed_plans(&plans);
        let answer = match PlanFileContent::from_json(&text) {
            Ok(_) => "read",
            Err(SavedPlanError::Damaged(_)) => "Damaged",
            Err(SavedPlanError::Edited) => "Edited",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(answer, expected, "{plans:?}");
    }
}

#[test]
fn a_plan_is_for_one_environment_and_manifest() {
    type Change = fn(&mut Manifest);
    let cases: [(Change, &str); 4] = [
        (|_| {}, "applies"),
        (
            |manifest| "test".clone_into(&mut manifest.environment.name),
            "OtherEnvironment",
        ),
        (
            |manifest| manifest.environment.url = Endpoint::Emulator,
            "OtherUrl",
        ),
        (
            |manifest| manifest.digest = Digest::of(b"another"),
            "OtherManifest",
        ),
    ];
    for (change, expected) in cases {
        let mut manifest = everything().manifest;
        change(&mut manifest);
        let answer = match saved().check_against(&manifest) {
            Ok(()) => "applies",
            Err(SavedPlanError::OtherEnvironment { .. }) => "OtherEnvironment",
            Err(SavedPlanError::OtherUrl { .. }) => "OtherUrl",
            Err(SavedPlanError::OtherManifest) => "OtherManifest",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(answer, expected);
    }
}

/// The file holds no connection settings of the environment, except its URL for comparison.
#[test]
fn no_secret_is_in_the_file() {
    let mut scenario = everything();
    let environment = &mut scenario.manifest.environment;
    environment.token = Some(TokenSource::Command(vec![
        "pass".to_owned(),
        "h0pscotch".to_owned(),
    ]));
    environment.context = Some("c0ntext".to_owned());
    environment.tls.client_key = Some("k3y.pem".into());
    let text = SavedPlan::new(
        scenario.plan(),
        Vec::new(),
        PlanOptions::default(),
        "id".to_owned(),
        0,
    )
    .to_json();
    for secret in ["h0pscotch", "c0ntext", "k3y", "token"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn each_error_has_a_fix() {
    let text = || String::from("x");
    for error in [
        SavedPlan::from_json("").unwrap_err(),
        SavedPlanError::OtherFormat { found: 2 },
        SavedPlanError::Edited,
        SavedPlanError::OtherEnvironment {
            planned: text(),
            chosen: text(),
        },
        SavedPlanError::NoSuchEnvironment {
            planned: text(),
            chosen: text(),
        },
        SavedPlanError::OtherUrl {
            planned: text(),
            current: text(),
        },
        SavedPlanError::OtherManifest,
        SavedPlanError::Contradiction(Contradiction {
            address: Address::parse("Form@1").unwrap(),
            what: "it is in the plan twice",
        }),
        SavedPlanError::OtherKind {
            kind: PlanKind::Rollback(text()),
            command: "apply",
        },
        SavedPlanError::OtherOptions {
            planned: text(),
            given: text(),
        },
    ] {
        assert!(error.help().contains("new plan"), "{error}");
        assert!(!error.to_string().ends_with('.'), "{error}");
        assert!(error.help().ends_with('.'), "{error}");
    }
}
