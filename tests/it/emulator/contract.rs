//! The life of one solution, for each profile and each setting of each knob: absent, created, read
//! back, patched, run, its run listed, deleted, absent. The test sends no request that a knob may
//! refuse, and it repeats reads for the settings that delay what reads show.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::{EmulatorOptions, JobPace, Knobs, Profile, start};

use super::{Api, DEPLOYED, DRIVE, answer, options};

/// Sends a request again until its answer is not 429; fails after four requests.
async fn send_until_accepted(
    api: &Api,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    for _ in 0..4 {
        let (status, reply) = api.call(method.clone(), path, body.clone()).await;
        if status != 429 {
            return (status, reply);
        }
    }
    panic!("{method} {path} is always answered with 429");
}

/// Returns the ids of all records, from one list for each state: no knob changes this form.
async fn ids(api: &Api, repeats: usize) -> Vec<String> {
    let mut shown = Vec::new();
    for _ in 0..repeats {
        shown.clear();
        for state in ["ACTIVE", "INACTIVE"] {
            let path = format!("{DEPLOYED}?state={state}&limit=50");
            let (status, body) = send_until_accepted(api, Method::GET, &path, None).await;
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

/// Takes one solution through its life, and asserts what each request returns.
async fn run_case(client: reqwest::Client, profile: Profile, setting: &str) {
    // A lag counts at most this number of reads.
    let repeats = if setting.contains("_lag=") { 3 } else { 1 };
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
    assert!(ids(&api, repeats).await.is_empty());

    let path = format!("{DRIVE}/B-1.ibsolution");
    let body = Some(json!({ "solution_path": path }));
    let (status, started) = send_until_accepted(&api, Method::POST, DEPLOYED, body).await;
    assert_eq!(status, 200, "{started}");
    assert!(started["job_id"].is_string(), "{started}");
    let found = ids(&api, repeats).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let one = format!("{DEPLOYED}/{}", found[0]);
    for _ in 1..repeats {
        send_until_accepted(&api, Method::GET, &one, None).await;
    }
    let (status, read) = send_until_accepted(&api, Method::GET, &one, None).await;
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
    let (status, reply) =
        send_until_accepted(&api, Method::POST, &format!("{one}/run"), Some(body)).await;
    assert_eq!((status, reply), (200, json!({ "job_id": "r" })));
    let jobs = format!("{one}/jobs?output_repo=acme/prod");
    let (_, listed) = send_until_accepted(&api, Method::GET, &jobs, None).await;
    assert_eq!(listed["jobs"][0]["id"], "r", "{listed}");

    // By query and by body: the server reads at least one of the two.
    let body = Some(json!({ "state": "INACTIVE" }));
    let both_ways = format!("{one}?state=INACTIVE");
    let (status, reply) = send_until_accepted(&api, Method::PATCH, &both_ways, body).await;
    assert_eq!(
        (status, &reply["solution"]["state"]),
        (200, &json!("INACTIVE"))
    );

    let (status, reply) = send_until_accepted(&api, Method::DELETE, &one, None).await;
    assert!([200, 204].contains(&status), "{reply}");
    api.emulator.advance_clock(Duration::from_secs(1));
    assert!(ids(&api, repeats).await.is_empty());
    let mut last = 0;
    for _ in 0..repeats {
        last = send_until_accepted(&api, Method::GET, &one, None).await.0;
    }
    assert!(last == 404 || setting == "error_status=ok", "{last}");
}

#[tokio::test]
async fn every_knob_setting_serves_the_life_of_a_solution() {
    // Creating a client takes longer than running a case.
    let client = Api::with(&[], JobPace::Immediate).await.client;
    let mut failed = Vec::new();
    for profile in Profile::ALL {
        for (knob, values) in Knobs::choices() {
            for value in values {
                let setting = format!("{knob}={value}");
                let case = format!("{profile} {setting}");
                let client = client.clone();
                let run = async move { run_case(client, profile, &setting).await };
                if tokio::spawn(run).await.is_err() {
                    failed.push(case);
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
