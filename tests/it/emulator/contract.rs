//! One story over every profile and every setting of every knob: absent, created, read back,
//! patched, run, its run listed, deleted, absent. The story asks for nothing that a knob may
//! refuse; it looks at the world from within where a knob makes the answers odd.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use solform::emulator::{EmulatorOptions, JobPace, Knobs, Profile, start};

use super::{Api, DEPLOYED, DRIVE, answer, options};

/// Sends a request until it is not sent away for its rate.
async fn insist(api: &Api, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    for _ in 0..4 {
        let (status, told) = api.call(method.clone(), path, body.clone()).await;
        if status != 429 {
            return (status, told);
        }
    }
    panic!("{method} {path} is always sent away");
}

/// The records of the one solution, as the oldest and surest of ways shows them.
async fn ids(api: &Api, looks: usize) -> Vec<String> {
    let mut shown = Vec::new();
    for _ in 0..looks {
        shown.clear();
        for state in ["ACTIVE", "INACTIVE"] {
            let path = format!("{DEPLOYED}?state={state}&limit=50");
            let (status, body) = insist(api, Method::GET, &path, None).await;
            assert_eq!(status, 200, "{body}");
            let solutions = body["solutions"].as_array().unwrap();
            shown.extend(
                solutions
                    .iter()
                    .map(|s| s["id"].as_str().unwrap().to_owned()),
            );
        }
    }
    shown
}

async fn story(client: reqwest::Client, profile: Profile, setting: &str) {
    // As often as an answer may lag.
    let looks = if setting.contains("_lag=") { 3 } else { 1 };
    let mut knobs = profile.knobs();
    knobs.assign(setting).unwrap();
    let options = EmulatorOptions {
        profile,
        knobs: Some(knobs),
        ..options(&[], JobPace::Immediate)
    };
    let api = Api {
        emulator: start(options).await.unwrap(),
        client,
        token: "t",
    };
    assert!(ids(&api, looks).await.is_empty());

    let path = format!("{DRIVE}/B-1.ibsolution");
    let body = Some(json!({ "solution_path": path }));
    let (status, started) = insist(&api, Method::POST, DEPLOYED, body).await;
    assert_eq!(status, 200, "{started}");
    assert!(started["job_id"].is_string(), "{started}");
    let found = ids(&api, looks).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let one = format!("{DEPLOYED}/{}", found[0]);
    for _ in 1..looks {
        insist(&api, Method::GET, &one, None).await;
    }
    let (status, read) = insist(&api, Method::GET, &one, None).await;
    assert_eq!(
        (status, &read["solution"]["name"]),
        (200, &json!("B")),
        "{read}"
    );

    let upload = || answer(api.file(Method::PUT, "in/a.txt").body("a"));
    if upload().await.0 == 429 {
        assert_eq!(upload().await.0, 204);
    }
    let body = json!({ "input_dir": format!("{DRIVE}/in"), "settings": {}, "job_id": "r" });
    let (status, told) = insist(&api, Method::POST, &format!("{one}/run"), Some(body)).await;
    assert_eq!((status, told), (200, json!({ "job_id": "r" })));
    let jobs = format!("{one}/jobs?output_repo=acme/prod");
    let (_, listed) = insist(&api, Method::GET, &jobs, None).await;
    assert_eq!(listed["jobs"][0]["id"], "r", "{listed}");

    // By query and by body: one of the two is the server's way.
    let body = Some(json!({ "state": "INACTIVE" }));
    let both_ways = format!("{one}?state=INACTIVE");
    let (status, told) = insist(&api, Method::PATCH, &both_ways, body).await;
    assert_eq!(
        (status, &told["solution"]["state"]),
        (200, &json!("INACTIVE"))
    );

    let (status, told) = insist(&api, Method::DELETE, &one, None).await;
    assert!([200, 204].contains(&status), "{told}");
    api.emulator.advance_clock(Duration::from_secs(1));
    assert!(ids(&api, looks).await.is_empty());
    let mut last = 0;
    for _ in 0..looks {
        last = insist(&api, Method::GET, &one, None).await.0;
    }
    assert!(last == 404 || setting == "error_status=ok", "{last}");
}

#[tokio::test]
async fn every_setting_of_every_knob_serves_a_whole_story() {
    // A client takes longer to make than a story to tell.
    let client = Api::with(&[], JobPace::Immediate).await.client;
    let mut failed = Vec::new();
    for profile in Profile::ALL {
        for (knob, values) in Knobs::choices() {
            for value in values {
                let setting = format!("{knob}={value}");
                let told = format!("{profile} {setting}");
                let client = client.clone();
                let story = async move { story(client, profile, &setting).await };
                if tokio::spawn(story).await.is_err() {
                    failed.push(told);
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn choices_name_every_knob_once_and_can_be_set() {
    let choices = Knobs::choices();
    let mut names: Vec<_> = choices.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    assert_eq!(names, Knobs::names());
    for (name, values) in choices {
        assert!(values.len() > 1, "{name}");
        for value in values {
            Knobs::default().set(name, &value).unwrap();
        }
    }
}
