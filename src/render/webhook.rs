//! The bodies of posts to webhooks, one format for each service.

use serde_json::{Value, json};

use super::json::DriftDocument;
use super::view::{DriftReport, Unreported};

/// A format of posts.
#[derive(Debug, Clone, Copy)]
pub struct WebhookFormat {
    /// The name, for options.
    pub name: &'static str,
    /// The help of the option.
    pub help: &'static str,
    body: fn(&DriftReport, &Unreported) -> Value,
}

/// The formats, the default first.
pub const WEBHOOK_FORMATS: [WebhookFormat; 3] = [
    WebhookFormat {
        name: "json",
        help: "The document that `solform schema drift` describes",
        body: |report, unreported| {
            let document = DriftDocument::new(report, unreported);
            serde_json::to_value(document).expect("invariant: the keys of a document are strings")
        },
    },
    WebhookFormat {
        name: "slack",
        help: "A message for an incoming webhook of Slack",
        body: slack,
    },
    WebhookFormat {
        name: "teams",
        help: "An Adaptive Card for a webhook of Microsoft Teams",
        body: teams,
    },
];

impl WebhookFormat {
    /// Returns the body of a post.
    pub fn body(&self, report: &DriftReport, unreported: &Unreported) -> Value {
        (self.body)(report, unreported)
    }
}

/// The maximum length of the text of a block of Slack is 3,000 characters.
const SLACK_LIMIT: usize = 2_900;

/// Returns a message with plain text: Slack interprets no markup in it, and only three characters
/// are escaped.
fn slack(report: &DriftReport, unreported: &Unreported) -> Value {
    let escape = |text: &str| {
        let text = text.replace('&', "&amp;");
        text.replace('<', "&lt;").replace('>', "&gt;")
    };
    let plain = |text: &str| json!({ "type": "plain_text", "text": text, "emoji": false });
    let headline = escape(&report.headline());
    let mut blocks = vec![json!({ "type": "section", "text": plain(&headline) })];
    let mut text = String::new();
    for line in report.details().into_iter().chain(unreported.remark()) {
        let line = escape(&line);
        if text.chars().count() + line.chars().count() < SLACK_LIMIT {
            text.push_str(&line);
            text.push('\n');
        }
    }
    if !text.is_empty() {
        blocks.push(json!({ "type": "section", "text": plain(text.trim_end()) }));
    }
    json!({ "text": headline, "mrkdwn": false, "blocks": blocks })
}

/// Returns a message with an Adaptive Card. Its text is in text runs, which have no markup.
fn teams(report: &DriftReport, unreported: &Unreported) -> Value {
    let block = |text: String, is_strong: bool| {
        let weight = if is_strong { "Bolder" } else { "Default" };
        let run = json!({ "type": "TextRun", "text": text, "weight": weight });
        json!({ "type": "RichTextBlock", "inlines": [run] })
    };
    let lines = report.details().into_iter().chain(unreported.remark());
    let lines = lines.map(|line| block(line, false));
    let body: Vec<Value> = std::iter::once(block(report.headline(), true))
        .chain(lines)
        .collect();
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": body,
    });
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{declared, live, scenario};

    fn report() -> DriftReport {
        let names = (0..12).map(|nth| format!("<!channel> *A* & {nth:02}@1"));
        let live: Vec<_> = names.map(|name| live(&name)).collect();
        let declared = live.iter().map(|live| {
            let identity = &live.identity;
            declared(&format!("{}@{}", identity.name, identity.version)).absent()
        });
        let plan = scenario()
            .protect("*11@*")
            .declare(declared)
            .live(live.clone())
            .plan();
        DriftReport::new(&plan, &[], None, 1_000)
    }

    fn body(name: &str, changes: u64) -> Value {
        let unreported = Unreported {
            changes,
            since_ms: Some(500),
        };
        let mut formats = WEBHOOK_FORMATS.iter();
        let format = formats.find(|format| format.name == name);
        format.unwrap().body(&report(), &unreported)
    }

    #[test]
    fn a_document_has_the_first_changes() {
        let body = body("json", 2);
        assert_eq!(body["drifted"], true);
        assert_eq!(body["summary"]["destroy"], 12);
        assert_eq!(body["changes"].as_array().unwrap().len(), 10);
        assert_eq!(body["more_changes"], 2);
        assert_eq!(body["changes"][0]["address"], "<!channel> *A* & 00@1");
        assert_eq!(body["changes"][0]["action"], "delete");
        assert_eq!(body["planned_at"], "1970-01-01T00:00:01Z");
        assert_eq!(body["unreported_changes"], 2);
        assert_eq!(body["first_change_at"], "1970-01-01T00:00:00.5Z");
    }

    /// A name must not notify a channel.
    #[test]
    fn slack_interprets_no_name() {
        let body = body("slack", 3);
        let text = body.to_string();
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
        assert!(text.contains("&lt;!channel&gt; *A* &amp; 00@1"), "{text}");
        for block in body["blocks"].as_array().unwrap() {
            assert_eq!(block["text"]["type"], "plain_text");
            assert!(block["text"]["text"].as_str().unwrap().chars().count() <= 3_000);
        }
        let details = body["blocks"][1]["text"]["text"].as_str().unwrap();
        assert!(details.contains("and 2 more"), "{details}");
        assert!(details.ends_with("changed 3 times since the last message."));
        assert_eq!(body["mrkdwn"], false);
    }

    #[test]
    fn teams_gets_text_runs_only() {
        let body = body("teams", 1);
        let card = &body["attachments"][0]["content"];
        let blocks = card["body"].as_array().unwrap();
        assert_eq!(blocks.len(), 12);
        for block in blocks {
            assert_eq!(block["type"], "RichTextBlock");
            assert_eq!(block["inlines"][0]["type"], "TextRun");
        }
        assert!(!body.to_string().contains("since the last message"));
    }
}
