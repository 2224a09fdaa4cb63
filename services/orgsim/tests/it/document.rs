//! The OpenAPI documents, against which every answer in these tests is held.
//!
//! The documents require almost nothing, so they are read more strictly than they are written: no field that they don't name, and the fields of
//! an error and the rows of a page are required.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::deviations::{self, Answer};

/// One operation as the documents describe it.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Of the path and the query, references resolved.
    pub(crate) parameters: Vec<Value>,
    /// The schema of the body, references resolved as deep as they don't repeat.
    pub(crate) body: Option<Value>,
    /// By status; `None` is an answer without a body.
    pub(crate) answers: BTreeMap<u16, Option<Validator>>,
}

/// Every operation of both documents.
pub(crate) static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let organisation = include_str!("../openapi/org-api.openapi.json");
    let management = include_str!("../openapi/user-management.openapi.json");
    [("/admin", organisation), ("", management)].iter().flat_map(|(base, text)| read(base, text)).collect()
});

/// Panics unless the documents, or the list of deviations from them, allow the answer.
pub(crate) fn check(method: &str, path: &str, status: u16, body: &str) {
    check_told("", method, path, status, body);
}

/// The same; `told` is what the panic says besides.
pub(crate) fn check_told(told: &str, method: &str, path: &str, status: u16, body: &str) {
    let path = path.split('?').next().unwrap();
    let operation = find(method, path);
    let answer = Answer::new(operation.map(|operation| operation.id.as_str()), status, body);
    let complaint = match operation {
        None => "there is no such operation".to_owned(),
        Some(operation) => match (operation.answers.get(&status), &answer.body) {
            (None, _) => format!("{} has no status {status}", operation.id),
            (Some(None), deviations::Body::Empty) => return,
            (Some(None), _) => format!("{} has no body with {status}", operation.id),
            (Some(Some(validator)), deviations::Body::Json(value)) => {
                let errors: Vec<String> =
                    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
                if errors.is_empty() {
                    return;
                }
                errors.join("; ")
            }
            (Some(Some(_)), _) => format!("{} has a JSON body with {status}", operation.id),
        },
    };
    if !deviations::allow(&answer) {
        let body: String = body.chars().take(2_000).collect();
        panic!("{told}\n{method} {path} answered outside of the document: {complaint}\n{status} {body}");
    }
}

/// The operation of a path, a literal segment before a parameter.
pub(crate) fn find(method: &str, path: &str) -> Option<&'static Operation> {
    let fits = |operation: &&Operation| {
        let (mut parts, mut segments) = (operation.path.split('/'), path.split('/'));
        loop {
            match (parts.next(), segments.next()) {
                (None, None) => return true,
                (Some(part), Some(segment)) if part == segment || (part.starts_with('{') && !segment.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let parameters = |operation: &&Operation| operation.path.matches('{').count();
    // The same parameter has several names.
    let shape = |operation: &Operation| -> Vec<bool> { operation.path.split('/').map(|part| part.starts_with('{')).collect() };
    let nearest = shape(OPERATIONS.iter().filter(fits).min_by_key(parameters)?);
    OPERATIONS.iter().find(|operation| fits(operation) && shape(operation) == nearest && operation.method == method)
}

fn read(base: &str, text: &str) -> Vec<Operation> {
    let document: Value = serde_json::from_str(text).unwrap();
    let mut strict = document["components"].clone();
    tighten(&mut strict, &document);
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let answers = operation["responses"].as_object().unwrap().iter().map(|(status, answer)| {
                let schema = resolve(answer, &document)["content"]["application/json"]["schema"].clone();
                (status.parse().unwrap(), (!schema.is_null()).then(|| validator(schema, &document, &strict)))
            });
            operations.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: format!("{base}{path}"),
                parameters: parameters.iter().map(|parameter| inlined(parameter, &document, 0)).collect(),
                body: operation
                    .pointer("/requestBody/content/application~1json/schema")
                    .map(|schema| inlined(schema, &document, 0)),
                answers: answers.collect(),
            });
        }
    }
    operations
}

fn validator(mut schema: Value, document: &Value, strict: &Value) -> Validator {
    tighten(&mut schema, document);
    let whole = json!({"allOf": [schema], "components": strict});
    jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).build(&whole).unwrap()
}

/// What a reference stands for.
fn resolve<'a>(value: &'a Value, document: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolve(document.pointer(reference.trim_start_matches('#')).unwrap(), document),
        None => value,
    }
}

/// The value with its references replaced by what they stand for, to a depth.
fn inlined(value: &Value, document: &Value, depth: usize) -> Value {
    let value = resolve(value, document);
    match value {
        _ if depth > 24 => json!({}),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, field)| (name.clone(), inlined(field, document, depth + 1))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| inlined(item, document, depth + 1)).collect()),
        other => other.clone(),
    }
}

/// Makes JSON schema out of OpenAPI's, and requires what the document leaves open.
fn tighten(value: &mut Value, document: &Value) {
    if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(|item| tighten(item, document));
    }
    let Some(schema) = value.as_object_mut() else { return };
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array).filter(|parts| parts.len() > 1).cloned() {
        schema.remove("allOf");
        for part in &parts {
            merge(schema, resolve(part, document).as_object().unwrap(), document);
        }
    }
    deviations::correct(schema);
    for field in schema.values_mut() {
        tighten(field, document);
    }
    let is_schema =
        schema.get("properties").is_some_and(Value::is_object) && schema.get("type").is_none_or(|kind| kind == "object");
    if is_schema {
        let names: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        schema.entry("additionalProperties").or_insert(json!(false));
        let always = ["errors", "data", "id", "status", "code", "title", "detail", "message"];
        let is_error = ["code", "title", "detail"].iter().all(|name| names.iter().any(|own| own == name))
            || names == ["code", "message"]
            || names.iter().any(|name| name == "errors");
        let is_page =
            names.iter().any(|name| name == "data") && names.iter().all(|name| ["data", "links", "meta"].contains(&&**name));
        let required = schema.entry("required").or_insert(json!([])).as_array_mut().unwrap();
        for name in names.iter().filter(|name| (is_error || is_page) && always.contains(&name.as_str())) {
            if !required.contains(&json!(name)) {
                required.push(json!(name));
            }
        }
    }
    if schema.remove("nullable") == Some(json!(true)) {
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
        match schema.get("type").cloned() {
            Some(kind) => {
                schema.insert("type".to_owned(), json!([kind, "null"]));
            }
            None => {
                let own = Value::Object(std::mem::take(schema));
                schema.insert("anyOf".to_owned(), json!([own, {"type": "null"}]));
            }
        }
    }
}

/// Adds the fields of one part of an `allOf`; where both name a field, both must hold.
fn merge(into: &mut Map<String, Value>, part: &Map<String, Value>, document: &Value) {
    for inner in part.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        merge(into, resolve(inner, document).as_object().unwrap(), document);
    }
    for (name, field) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let fields = into.entry("properties").or_insert(json!({})).as_object_mut().unwrap();
        let both = match fields.remove(name) {
            Some(known) => json!({"anyOf": [known], "allOf": [field]}),
            None => field.clone(),
        };
        fields.insert(name.clone(), both);
    }
    for name in part.get("required").and_then(Value::as_array).into_iter().flatten() {
        into.entry("required").or_insert(json!([])).as_array_mut().unwrap().push(name.clone());
    }
}
