//! The `OpenAPI` 3.1 document of the emulated API.
//!
//! schemars makes the schemas from types; the manifest's schema needs it too. utoipa would need a
//! second set of derives for the same types, and one handler function for each operation, which
//! this server does not have. Every description begins with its certainty: STATED by the platform's
//! pages, SEEN in captured answers or public clients, INFERRED, or UNKNOWN. The control routes are
//! not part of the platform, so they are not in the document.

mod bodies;
mod operations;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use self::operations::{
    BodyContent, COMMON_REFUSALS, answer_headers, describe, header, parameter, required,
};
use super::operation::{Documented as _, Operation};

/// Returns the `OpenAPI` document of the emulator with its default knobs and without faults.
pub fn openapi() -> Value {
    // The schemas for reading fit requests too: a key that may be absent is an `Option` in the
    // types.
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for operation in Operation::ALL {
        let (method, template) = operation.route();
        let path = match operation {
            // The router does not allow text after a part that may contain slashes.
            Operation::CopyInDrive => "/api/v1/drives/{path}/copy".to_owned(),
            _ => template.replace("{*path}", "{path}"),
        };
        let body = operation_object(&mut generator, operation, &path);
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[method.as_str().to_ascii_lowercase()] = body;
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The emulated platform",
            "version": "1.0.0",
            "description": "The Deployed Solutions API, the Job API and what releases need of the \
                            Filesystem and packaging APIs, as the emulator serves them. Each \
                            description begins with how certain the thing is: STATED by the \
                            platform's pages, SEEN in captured answers or public clients, \
                            INFERRED, or UNKNOWN. Knobs change the answers; the document holds for \
                            their defaults.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "STATED. A wrong token, a wrong `IB-Context` and a missing \
                                    right all give 401.",
                },
            },
        },
    })
}

fn operation_object(generator: &mut SchemaGenerator, operation: Operation, path: &str) -> Value {
    let described = describe(operation);
    let mut parameters = described.parameters;
    for name in ["id", "path"] {
        if path.contains(&format!("{{{name}}}")) {
            let description = match name {
                "id" => "STATED: the id of the solution or job.",
                _ => "STATED: `<owner>/<space>/fs/<drive>/<path>`; slashes need no encoding.",
            };
            let mut schema = json!({ "type": "string", "minLength": 1 });
            if name == "path" && path.starts_with("/api/v2/files/") {
                schema["pattern"] = json!(bodies::PATH_IN_ADDRESS);
            }
            parameters.push(required(parameter("path", name, &schema, description)));
        }
    }
    let description = "STATED: the account that the call is for.";
    parameters.push(header("IB-Context", description));
    let mut responses: Map<String, Value> = Map::new();
    for ((status, description), content) in described.answers {
        let mut response = json!({ "description": description });
        if let Some(content) = content_object(generator, content) {
            response["content"] = content;
        }
        let headers = answer_headers(operation, status);
        if !headers.is_empty() {
            response["headers"] = headers.iter().map(header_object).collect();
        }
        responses.insert(status.to_owned(), response);
    }
    let others = "STATED: 4xx for the client's errors, 401 for a missing right, 5xx for the \
                  server's. UNKNOWN for this API: the form; knobs `error_body` and `error_status`. \
                  Faults and other knobs give these.";
    let refusals = COMMON_REFUSALS.iter().chain(described.refusals);
    for (status, description) in refusals.chain(&[("default", others)]) {
        let mut refused = json!({ "description": description });
        if operation != Operation::HeadNode {
            let error = generator.subschema_for::<bodies::Error>();
            refused["content"] = json!({ "application/json": { "schema": error } });
        }
        responses.insert((*status).to_owned(), refused);
    }
    // The first line of the documentation is the summary, and an empty line follows it.
    let documentation: Vec<&str> = operation.documentation().iter().map(|l| l.trim()).collect();
    let mut object = json!({
        "operationId": operation.name(),
        "tags": [tag(path)],
        "summary": documentation[0],
        "description": documentation[2..].join(" "),
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(content) = content_object(generator, described.body) {
        object["requestBody"] = json!({
            "required": !described.body_is_optional, "content": content,
        });
    }
    object
}

/// Returns the group of the operations at an address.
fn tag(path: &str) -> &'static str {
    match path.split('/').nth(3) {
        Some("solutions") => "Deployed Solutions",
        Some("jobs") => "Jobs",
        Some("files" | "drives") => "Files",
        _ => "Packaging",
    }
}

fn header_object((name, description): &(&str, &str)) -> (String, Value) {
    let header = json!({
        "description": description, "required": true,
        "schema": { "type": "string", "minLength": 1 },
    });
    ((*name).to_owned(), header)
}

fn content_object(generator: &mut SchemaGenerator, content: BodyContent) -> Option<Value> {
    let bytes = json!({ "schema": {} });
    match content {
        BodyContent::Nothing => None,
        BodyContent::Json(make) => {
            Some(json!({ "application/json": { "schema": make(generator) } }))
        }
        BodyContent::Bytes => Some(json!({ "application/octet-stream": bytes })),
        BodyContent::Either(make) => Some(json!({
            "application/json": { "schema": make(generator) },
            "application/octet-stream": bytes,
        })),
    }
}
