//! Every setting of every knob, in both profiles, and every kind of fault, each with a plan, an
//! apply and another plan. Afterwards the instance is as declared, or the report shows the outcome
//! of every change; then the faults are removed, and the next apply converges.

mod run_case;
mod world;

use solform_emulator::{Knobs, Profile};

use run_case::{CONVERGES, Case, End, partly, run_cases};

/// Returns the end of the apply for a setting of a knob. Most settings converge.
fn end_of(profile: Profile, setting: &str) -> End {
    match setting {
        "publish=pending_review" => partly("waits for review before it becomes PUBLIC"),
        "publish=unchanged" => partly("the patch of visibility to PUBLIC had no effect"),
        "publish=unauthorized" => partly("answered 401 Unauthorized"),
        "publish=forbidden" => partly("answered 403 Forbidden"),
        "version_form=three_parts" => partly("the deploy made `svc:New@1.10.0`"),
        "delete_running=refused" | "delete_referenced=refused" => {
            partly("the server refused the delete")
        }
        "delete_running=job_error" | "delete_referenced=job_error" => partly("the delete job"),
        // The visibility cannot be read, and without it the old version is not released.
        "visibility_filter=ignored" if profile == Profile::Docs => {
            partly("because of Form@2.0.0: its visibility is not known")
        }
        _ => CONVERGES,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_knob_setting_under_plan_apply_plan() {
    let mut cases = Vec::new();
    for profile in Profile::ALL {
        cases.push(Case::plain(profile, CONVERGES));
        for (knob, values) in Knobs::choices() {
            for value in values {
                let mut setting = format!("{knob}={value}");
                if setting == "rate_limit=2" {
                    // A limit of two requests would take minutes.
                    setting = "rate_limit=8".to_owned();
                }
                let usual = profile.knobs();
                let mut turned = usual.clone();
                turned.assign(&setting).unwrap();
                // A setting of the profile itself is the plain case.
                if turned != usual {
                    cases.push(Case::knob(profile, &setting, end_of(profile, &setting)));
                }
            }
        }
    }
    for setting in ["retry_after=date", "retry_after=missing"] {
        cases.push(Case::knob(Profile::Docs, "rate_limit=8", CONVERGES).with(setting));
    }
    for form in ["msg", "error", "status_msg", "html", "empty"] {
        let body = format!("error_body={form}");
        cases.push(Case::knob(Profile::Docs, "error_status=ok", CONVERGES).with(&body));
    }
    run_cases("every_knob_setting_under_plan_apply_plan", cases).await;
}

/// The statuses that a server may answer, with header or body.
const ANSWERS: [&str; 13] = [
    "status=400",
    "status=401",
    "status=403",
    "status=404",
    "status=409",
    "status=413",
    "status=429",
    "status=429,retry_after=1",
    "status=500",
    "status=502,body=html",
    "status=503",
    "status=503,retry_after=1",
    "status=504",
];

/// The ways in which an answer is lost, cut off or late.
const CONNECTIONS: [&str; 4] = [
    "connection=drop",
    "connection=truncate",
    "connection=endless",
    "delay=300ms",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_on_a_write_under_plan_apply_plan() {
    let mut cases = Vec::new();
    for write in [
        "operation=deploy,request=*Form-2*",
        "operation=patch_solution,address=*/form-1",
        "operation=delete_solution",
    ] {
        for what in ANSWERS.iter().chain(&CONNECTIONS) {
            for when in ["before", "after"] {
                let rule = format!("{write},when={when},times=1,{what}");
                cases.push(Case::fault(rule, end_of_write(write, when, what)));
            }
        }
        cases.push(Case::fault(format!("{write},list_lag=4"), CONVERGES));
    }
    run_cases("every_fault_on_a_write_under_plan_apply_plan", cases).await;
}

/// Returns the end of the apply for a fault on a write. A refusal is believed, even if it is false.
/// A request that was surely not accepted is sent again.
fn end_of_write(write: &str, when: &str, what: &str) -> End {
    let is_no = ["400", "403", "404", "409", "413"]
        .iter()
        .any(|status| what == format!("status={status}"));
    let is_answered = what.starts_with("status=");
    let is_sure = what.contains("401") || what.contains("429") || what.contains("retry_after");
    match (write.split(['=', ',']).nth(1), when) {
        (Some("deploy"), _) if is_no => partly("the server refused the deploy"),
        (Some("deploy"), "before") if is_answered || what == "connection=drop" => {
            End::Converges { deploys: 3 }
        }
        // The server accepted the first deploy although it answered otherwise, so the second one
        // fails because of the record that the first one made.
        (Some("deploy"), "after") if is_sure => End::Partly {
            code: 5,
            says: "`Form` 2.0.0 of svc is deployed already",
            recover: &["--replace", "Form@2.0.0"],
        },
        // The other form of PATCH is tried: without effect, or after the first was executed.
        (Some("patch_solution"), "before") if what == "status=400" => partly("had no effect"),
        (Some("patch_solution"), "after") if what == "status=400" => CONVERGES,
        (Some("patch_solution"), _) if is_no => partly("the server refused the patch"),
        (Some("delete_solution"), _) if what == "status=404" => partly("the version is still live"),
        // A token without the permission to delete deactivates nothing either.
        (Some("delete_solution"), _) if what == "status=403" || what == "status=413" => {
            partly("the server refused the delete")
        }
        // After any other refusal the version is set INACTIVE, and the delete is sent again.
        _ => CONVERGES,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_on_a_read_under_plan_apply_plan() {
    let mut cases = Vec::new();
    for read in [
        "operation=list_solutions",
        "operation=list_solutions,address=*name=Form",
        "operation=get_solution,address=*/form-1",
        "operation=get_solution,address=*/gone-1",
        "operation=job_status",
        "operation=read_node",
    ] {
        for what in ANSWERS.iter().chain(&CONNECTIONS) {
            let rule = format!("{read},times=1,{what}");
            cases.push(Case::fault(rule, end_of_read(read, what)));
        }
    }
    run_cases("every_fault_on_a_read_under_plan_apply_plan", cases).await;
}

/// Returns the end of the apply for a fault on a read. A refused read is not retried, and an
/// endless body is cut at the limit of size.
fn end_of_read(read: &str, what: &str) -> End {
    if what == "connection=endless" {
        End::SizeOrTime(Box::new(end_of_whole_read(read, what)))
    } else {
        end_of_whole_read(read, what)
    }
}

fn end_of_whole_read(read: &str, what: &str) -> End {
    let is = |whats: &[&str]| whats.contains(&what);
    let no_list = is(&["status=403", "status=404", "connection=endless"]);
    let no_record = is(&[
        "status=400",
        "status=403",
        "status=409",
        "status=413",
        "connection=endless",
    ]);
    match read {
        "operation=list_solutions" if no_list => End::Stops {
            code: 1,
            says: "failed to read the live state",
        },
        "operation=list_solutions,address=*name=Form"
            if no_list || is(&["status=409", "status=413"]) =>
        {
            partly("the live state could not be read")
        }
        "operation=read_node" if what == "status=404" => End::Stops {
            code: 4,
            says: "package-missing",
        },
        _ if read.contains("get_solution") && no_record => {
            partly("the live state could not be read")
        }
        _ => CONVERGES,
    }
}

const IN_FLIGHT: End = End::Partly {
    code: 6,
    says: "was still in progress",
    recover: &[],
};
/// The end of an apply whose failed deploy left a record: the record counts as orphaned.
const ORPHANED: End = End::Partly {
    code: 5,
    says: "The failed job left record",
    recover: &["--replace", "Form@2.0.0"],
};

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_job_under_plan_apply_plan() {
    let deploy = |job: &str, end| {
        let rule = format!("operation=deploy,request=*Form-2*,times=1,job={job}");
        Case::fault(rule, end).impatient()
    };
    let delete = |job: &str, end| {
        let rule = format!("operation=delete_solution,times=1,job={job}");
        Case::fault(rule, end).impatient()
    };
    let failed = || partly("the deploy job");
    let not_live = || partly("the version is not live");
    let cases = vec![
        deploy("fail", failed()),
        deploy("fail", ORPHANED).with("failed_job_record=left"),
        deploy("fail", failed()).with("job_failure=unavailable"),
        deploy("fail", failed()).with("job_failure=state"),
        deploy("fail", failed()).with("job_failure=top_error"),
        // An error without a state is ignored, and the last valid state was PENDING.
        deploy("fail", IN_FLIGHT).with("job_failure=top_error_without_state"),
        deploy("leave_record", ORPHANED),
        deploy("lost", not_live()),
        deploy("lost", not_live()).with("unknown_job=not_found"),
        deploy("lost", not_live()).with("unknown_job=empty_object"),
        deploy("lost", IN_FLIGHT).with("unknown_job=pending"),
        deploy("forgotten", CONVERGES),
        deploy("forgotten", CONVERGES).with("unknown_job=not_found"),
        deploy("forgotten", CONVERGES).with("unknown_job=empty_object"),
        deploy("forgotten", IN_FLIGHT).with("unknown_job=pending"),
        deploy("slow,pace=1000m", IN_FLIGHT),
        deploy("slow,pace=polls:3", CONVERGES),
        deploy("stuck", IN_FLIGHT),
        // A delete that fails is tried once more with the version out of service.
        delete("fail", CONVERGES),
        delete("leave_record", CONVERGES),
        delete("lost", partly("the version is still live")),
        delete("forgotten", CONVERGES),
        delete("slow,pace=1000m", IN_FLIGHT),
        delete("slow,pace=polls:3", CONVERGES),
        delete("stuck", IN_FLIGHT),
    ];
    run_cases("every_fault_of_a_job_under_plan_apply_plan", cases).await;
}
