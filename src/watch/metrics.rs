//! The metrics of a watch, in the text format of Prometheus. Their number is bounded.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::api::SentRequest;
use crate::apply::ApplyReport;
use crate::plan::{ActionKind, Plan};

/// The upper limits of the duration of requests, in seconds.
const REQUEST_SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The upper limits of the duration of jobs, in seconds.
const JOB_SECONDS: [f64; 10] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0,
];

/// Labels: each has a name and a value.
type Labels<const N: usize> = [(&'static str, String); N];

type Counters = Family<Labels<1>, Counter>;
type Seconds = Gauge<f64, AtomicU64>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// The metrics of a watch. Clones count in the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    plans: Counter,
    plan_failures: Counter,
    last_plan_success: Gauge,
    last_plan_time: Seconds,
    last_success_time: Seconds,
    last_plan_duration: Seconds,
    drift: Family<Labels<1>, Gauge>,
    applies: Counters,
    changes: Counters,
    posts: Counters,
    jobs: Histograms<1>,
    requests: Histograms<2>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Creates metrics that count nothing yet.
    pub fn new() -> Self {
        let job_histogram: fn() -> Histogram = || Histogram::new(JOB_SECONDS);
        let request_histogram: fn() -> Histogram = || Histogram::new(REQUEST_SECONDS);
        let mut metrics = Self {
            registry: Arc::default(),
            plans: Counter::default(),
            plan_failures: Counter::default(),
            last_plan_success: Gauge::default(),
            last_plan_time: Gauge::default(),
            last_success_time: Gauge::default(),
            last_plan_duration: Gauge::default(),
            drift: Family::default(),
            applies: Family::default(),
            changes: Family::default(),
            posts: Family::default(),
            jobs: Family::new_with_constructor(job_histogram),
            requests: Family::new_with_constructor(request_histogram),
        };
        metrics.registry = Arc::new(metrics.register());
        metrics
    }

    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("solform");
        registry.register("plans", "Plans, failed ones included", self.plans.clone());
        registry.register(
            "plan_failures",
            "Plans that failed",
            self.plan_failures.clone(),
        );
        registry.register(
            "last_plan_success",
            "1 if the last plan succeeded, 0 if it failed",
            self.last_plan_success.clone(),
        );
        registry.register_with_unit(
            "last_plan_timestamp",
            "Time of the last plan, since 1970",
            Unit::Seconds,
            self.last_plan_time.clone(),
        );
        registry.register_with_unit(
            "last_plan_success_timestamp",
            "Time of the last plan that succeeded, since 1970",
            Unit::Seconds,
            self.last_success_time.clone(),
        );
        registry.register_with_unit(
            "last_plan_duration",
            "Duration of the last plan",
            Unit::Seconds,
            self.last_plan_duration.clone(),
        );
        registry.register(
            "drift",
            "Changes in the last plan that succeeded, by kind",
            self.drift.clone(),
        );
        registry.register("applies", "Applies, by exit status", self.applies.clone());
        registry.register(
            "apply_changes",
            "Changes of applies, by outcome",
            self.changes.clone(),
        );
        registry.register(
            "webhook_posts",
            "Posts to the webhook, by result",
            self.posts.clone(),
        );
        registry.register_with_unit(
            "job_duration",
            "Duration of jobs, by write",
            Unit::Seconds,
            self.jobs.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Duration of requests to the platform, by method and path",
            Unit::Seconds,
            self.requests.clone(),
        );
        registry
    }

    /// Counts a plan that succeeded.
    pub fn planned(&self, plan: &Plan, at_ms: u64, took: Duration) {
        self.count_plan(at_ms, took);
        self.last_plan_success.set(1);
        self.last_success_time.set(seconds(at_ms));
        for kind in ActionKind::ALL {
            if kind != ActionKind::NoOp {
                let of_kind = plan.to_do().filter(|change| change.action.kind() == kind);
                self.set_drift(kind.as_str(), of_kind.count());
            }
        }
        let blocked = plan.to_do().filter(|change| !change.blocked.is_empty());
        self.set_drift("blocked", blocked.count());
    }

    /// Counts a plan that failed. The drift of the last plan that succeeded stays.
    pub fn failed(&self, at_ms: u64, took: Duration) {
        self.count_plan(at_ms, took);
        self.plan_failures.inc();
        self.last_plan_success.set(0);
    }

    fn count_plan(&self, at_ms: u64, took: Duration) {
        self.plans.inc();
        self.last_plan_time.set(seconds(at_ms));
        self.last_plan_duration.set(took.as_secs_f64());
    }

    fn set_drift(&self, kind: &str, number: usize) {
        let labels = [("kind", kind.to_owned())];
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.drift.get_or_create(&labels).set(number);
    }

    /// Counts an apply by the word of its end.
    pub fn applied(&self, status: &str) {
        self.applies
            .get_or_create(&[("status", status.to_owned())])
            .inc();
    }

    /// Counts the changes of an apply, and the durations of its jobs.
    pub fn reported(&self, report: &ApplyReport) {
        for step in &report.steps {
            let outcome = step.outcome.word().as_str().to_owned();
            self.changes.get_or_create(&[("outcome", outcome)]).inc();
            for job in &step.jobs {
                let Some(ended_at_ms) = job.ended_at_ms else {
                    continue;
                };
                let took = Duration::from_millis(ended_at_ms.saturating_sub(job.began_at_ms));
                let labels = [("write", job.write.as_str().to_owned())];
                self.jobs.get_or_create(&labels).observe(took.as_secs_f64());
            }
        }
    }

    /// Counts a post to the webhook.
    pub fn posted(&self, is_delivered: bool) {
        let result = if is_delivered { "delivered" } else { "failed" };
        self.posts
            .get_or_create(&[("result", result.to_owned())])
            .inc();
    }

    /// Counts a request to the platform.
    pub fn requested(&self, request: SentRequest<'_>) {
        let labels = [
            ("method", request.method.to_owned()),
            ("path", request.path.to_owned()),
        ];
        let took = request.took.as_secs_f64();
        self.requests.get_or_create(&labels).observe(took);
    }

    /// Returns all metrics as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("invariant: writing to a String cannot fail");
        text
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a time is exact to the millisecond"
)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{declared, live, scenario};

    #[test]
    fn drift_is_counted_by_kind() {
        let metrics = Metrics::new();
        let base = scenario().live([live("Form@1"), live("Old@1")]);
        let drifted = base
            .clone()
            .protect("Old@1")
            .declare([declared("Form@2"), declared("Old@1").absent()]);
        metrics.planned(&drifted.plan(), 1_500, Duration::from_millis(250));
        for line in [
            "solform_plans_total 1",
            "solform_plan_failures_total 0",
            "solform_last_plan_success 1",
            "solform_last_plan_timestamp_seconds 1.5",
            "solform_last_plan_duration_seconds 0.25",
            r#"solform_drift{kind="create"} 1"#,
            r#"solform_drift{kind="update"} 1"#,
            r#"solform_drift{kind="delete"} 1"#,
            r#"solform_drift{kind="replace"} 0"#,
            r#"solform_drift{kind="blocked"} 1"#,
        ] {
            let text = metrics.text();
            assert!(
                text.lines().any(|has| has == line),
                "no `{line}` in\n{text}"
            );
        }
        metrics.planned(&base.plan(), 3_000, Duration::ZERO);
        metrics.failed(4_000, Duration::ZERO);
        let text = metrics.text();
        assert!(text.contains("solform_plan_failures_total 1"), "{text}");
        assert!(text.contains("solform_last_plan_success 0"), "{text}");
        assert!(
            text.contains("solform_last_plan_success_timestamp_seconds 3.0"),
            "{text}"
        );
        assert!(text.contains(r#"solform_drift{kind="create"} 0"#), "{text}");
    }
}
