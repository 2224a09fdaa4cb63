//! Requests that are drawn from the documents, right and wrong, and answers that must stay within the documents whatever was asked.
//!
//! The seed and the number of cases can be set: `ORGSIM_FUZZ_CASES=1000000 ORGSIM_FUZZ_SEED=7`. A failure names the case; the same seed meets it again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Map, Value, json};

use crate::conformance::Cast;
use crate::document::{self, OPERATIONS, Operation};
use crate::world::World;

/// How long an answer may take before it counts as none: a bound for the test, no measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the organisation is made anew, so that it is neither grown nor emptied by what was drawn.
const CASES_A_WORLD: u64 = 2_000;

/// No request, right or wrong, is answered with a 5xx, not at all, or outside of the documents.
#[tokio::test]
async fn nothing_breaks_out_of_the_documents() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (cases, seed) = (number("ORGSIM_FUZZ_CASES", 1_500), number("ORGSIM_FUZZ_SEED", 1));
    let (mut right, mut met) = (0, BTreeMap::<(&str, u16), u64>::new());
    for first in (0..cases).step_by(usize::try_from(CASES_A_WORLD).unwrap()) {
        let world = World::of(80, 30).await;
        let cast = Cast::of(&world).await;
        let mut fuzzer = Fuzzer { rng: ChaCha8Rng::seed_from_u64(seed ^ first), cursors: Vec::new(), world: &world, cast: &cast };
        for case in first..cases.min(first + CASES_A_WORLD) {
            if case % 100 == 0 {
                fuzzer.draw_switches().await;
            }
            if case % 10 == 0 {
                cast.restore(&world).await;
            }
            let (operation, status) = fuzzer.case(case).await;
            *met.entry((operation, status.as_u16())).or_default() += 1;
            right += u64::from(status.is_success());
        }
    }
    for ((operation, status), count) in &met {
        println!("{count:>8} {status} {operation}");
    }
    // Were all requests wrong, or all right, the half of it would not be tested.
    assert!((cases / 10..cases * 9 / 10).contains(&right), "{right} of {cases} requests were answered with success");
    let succeeded: BTreeSet<&str> = met.keys().filter(|(_, status)| *status < 300).map(|(operation, _)| *operation).collect();
    assert!(cases < 1_500 || succeeded.len() > 40, "only these operations ever succeeded: {succeeded:?}");
}

struct Fuzzer<'a> {
    rng: ChaCha8Rng,
    /// Cursors that were answered, of any list.
    cursors: Vec<String>,
    world: &'a World,
    cast: &'a Cast,
}

impl Fuzzer<'_> {
    async fn draw_switches(&mut self) {
        let mut choose = |words: &[&str]| (*words.choose(&mut self.rng).unwrap()).to_owned();
        let switches = json!({
            "events_per_minute": null, "events_stream_per_minute": null, "last_active_per_minute": null,
            "duplicate_membership": choose(&["no_content", "conflict", "conflict_text"]),
            "missing_membership": choose(&["not_found", "no_content"]),
            "suspend_org_admin": choose(&["reject", "accept"]),
            "repeated_suspend": choose(&["reject", "accept"]),
            "synced_group_write": choose(&["forbidden", "bad_request"]),
            "last_page_next": choose(&["absent", "null", "empty"]),
            "error_status": choose(&["string", "string", "number"]),
            "write_error_body": choose(&["errors", "empty"]),
            "empty_arrays": choose(&["reject", "accept"]),
            "unknown_properties": choose(&["reject", "accept"]),
            "unknown_expand": choose(&["reject", "accept"]),
            "cursor_position": choose(&["keyset", "offset"]),
            "workspaces_next": choose(&["token", "url"]),
            "sort_object": choose(&["reject", "accept"]),
            "dash_in_writes": choose(&["reject", "accept"]),
            "stream_end": choose(&["next", "absent"]),
            "v1_page_size": self.rng.random_range(1..50),
            "paid": self.rng.random_bool(0.9),
            "scoped_key": self.rng.random_bool(0.05),
            "lag": {"membership_ms": self.rng.random_range(0..3), "group_ms": self.rng.random_range(0..3)},
        });
        self.world.faults(json!({"switches": switches})).await;
    }

    /// Makes one request and judges its answer.
    async fn case(&mut self, case: u64) -> (&'static str, StatusCode) {
        let operation = OPERATIONS.choose(&mut self.rng).unwrap();
        let wild = self.rng.random_bool(0.5);
        let path = self.path(operation, wild);
        let method = if wild && self.rng.random_bool(0.06) { self.wrong_method() } else { operation.method.clone() };
        let mut url = Url::parse(&format!("{}{path}", self.world.simulator.base_url())).unwrap();
        self.query(operation, wild, &mut url);
        let body = self.body(operation, wild);
        let told = format!("case {case}: {method} {url}\n{}", String::from_utf8_lossy(&body[..body.len().min(2_000)]));
        let path = url.path().to_owned();
        let mut request = self.world.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url).timeout(PATIENCE);
        if !(wild && self.rng.random_bool(0.03)) {
            request = request.bearer_auth(&self.world.config.api_key);
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{told}\nno answer: {error:?}"));
        let status = response.status();
        let text = response.text().await.unwrap_or_else(|error| panic!("{told}\nno whole answer: {error:?}"));
        assert!(!status.is_server_error(), "{told}\n{status} {text}");
        if method == "HEAD" {
            return (&operation.id, status);
        }
        document::check_told(&told, &method, &path, status.as_u16(), &text);
        self.learn(&text);
        (&operation.id, status)
    }

    /// Keeps the cursors of an answer for later requests.
    fn learn(&mut self, text: &str) {
        let Ok(answer) = serde_json::from_str::<Value>(text) else { return };
        for pointer in ["/links/next", "/links/self", "/meta/next"] {
            let Some(cursor) = answer.pointer(pointer).and_then(Value::as_str) else { continue };
            let of_url = Url::parse(cursor).ok().and_then(|url| url.query_pairs().next().map(|(_, token)| token.into_owned()));
            let cursor = of_url.unwrap_or_else(|| cursor.to_owned());
            if self.cursors.len() < 200 {
                self.cursors.push(cursor);
            } else {
                let at = self.rng.random_range(0..200);
                self.cursors[at] = cursor;
            }
        }
    }

    fn path(&mut self, operation: &Operation, wild: bool) -> String {
        let org_id = self.world.config.org_id.clone();
        let mut parts: Vec<String> = operation.path.split('/').map(str::to_owned).collect();
        for part in parts.iter_mut().filter(|part| part.starts_with('{')) {
            let good = self.cast.path(part, &org_id);
            *part = match part.as_str() {
                "{orgId}" if !wild || self.rng.random_bool(0.95) => good,
                "{directoryId}" if self.rng.random_bool(0.3) => "-".to_owned(),
                _ if wild && self.rng.random_bool(0.25) => self.garbage_segment(),
                "{groupId}" if self.rng.random_bool(0.2) => self.cast.synced_group.clone(),
                "{userId}" | "{accountId}" | "{account_id}" if self.rng.random_bool(0.3) => self.cast.stranger.clone(),
                _ => good,
            };
        }
        if wild && self.rng.random_bool(0.04) {
            let at = self.rng.random_range(1..parts.len());
            match self.rng.random_range(0..3) {
                0 => parts.truncate(at),
                1 => parts.insert(at, "more".to_owned()),
                _ => parts[at] = String::new(),
            }
        }
        parts.join("/")
    }

    fn garbage_segment(&mut self) -> String {
        let long = "x".repeat(self.rng.random_range(1..3_000));
        let words =
            ["-", "%00", "%ff%fe", "..%2f..", "null", "0", "%F0%9F%A6%80", "search", "a%20b", "%25", "ari:cloud:x::y", &long];
        (*words.choose(&mut self.rng).unwrap()).to_owned()
    }

    fn wrong_method(&mut self) -> String {
        (*["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"].choose(&mut self.rng).unwrap()).to_owned()
    }

    fn query(&mut self, operation: &Operation, wild: bool, url: &mut Url) {
        for parameter in operation.parameters.iter().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            if !self.rng.random_bool(if name == "cursor" { 0.15 } else { 0.2 }) {
                continue;
            }
            let json_text = parameter.get("content").is_some();
            let schema = parameter.pointer("/content/application~1json/schema").unwrap_or(&parameter["schema"]);
            let value = self.value(name, schema, wild, 0);
            match value {
                _ if json_text => {
                    url.query_pairs_mut().append_pair(name, &value.to_string());
                }
                Value::Array(items) if parameter["explode"] == false => {
                    let joined: Vec<String> = items.iter().map(as_text).collect();
                    url.query_pairs_mut().append_pair(name, &joined.join(","));
                }
                Value::Array(items) => {
                    for item in &items {
                        url.query_pairs_mut().append_pair(name, &as_text(item));
                    }
                }
                other => {
                    url.query_pairs_mut().append_pair(name, &as_text(&other));
                }
            }
        }
        if wild && self.rng.random_bool(0.1) {
            url.query_pairs_mut().append_pair("unknown", "\u{1F980}");
        }
    }

    fn body(&mut self, operation: &Operation, wild: bool) -> Vec<u8> {
        let Some(schema) = &operation.body else {
            return if wild && self.rng.random_bool(0.1) { b"{\"not\": \"wanted\"}".to_vec() } else { Vec::new() };
        };
        if wild && self.rng.random_bool(0.3) {
            return self.garbage_body();
        }
        if !wild && self.rng.random_bool(0.5) {
            return self.cast.body(&operation.id).map_or_else(Vec::new, |body| body.to_string().into_bytes());
        }
        self.value("", schema, wild, 0).to_string().into_bytes()
    }

    fn garbage_body(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..9) {
            0 => Vec::new(),
            1 => b"{".to_vec(),
            2 => b"null".to_vec(),
            3 => b"[]".to_vec(),
            4 => vec![0xff, 0xfe, 0],
            5 => format!("{{\"name\": \"{}\"}}", "x".repeat(1_200_000)).into_bytes(),
            6 => format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)).into_bytes(),
            7 => b"{\"limit\": 1e400, \"limit\": -0}".to_vec(),
            _ => b"\"text\"".to_vec(),
        }
    }

    /// A value of the schema, or somewhere in it one that is not.
    fn value(&mut self, name: &str, schema: &Value, wild: bool, depth: usize) -> Value {
        if wild && self.rng.random_bool(0.12) {
            return self.garbage_value(schema);
        }
        if let Some(known) = self.known(name) {
            return known;
        }
        if let Some(words) = schema["enum"].as_array() {
            return words.choose(&mut self.rng).unwrap().clone();
        }
        for choices in ["anyOf", "oneOf", "allOf"] {
            if let Some(parts) = schema[choices].as_array() {
                let part = parts.choose(&mut self.rng).unwrap().clone();
                return if depth > 6 { json!({}) } else { self.value(name, &part, wild, depth + 1) };
            }
        }
        match schema["type"].as_str() {
            Some("object") => self.object(schema, wild, depth),
            Some("array") => {
                let (least, most) = (schema["minItems"].as_u64().unwrap_or(0), schema["maxItems"].as_u64().unwrap_or(4));
                let length = if depth > 6 { 0 } else { self.rng.random_range(least..=most.min(least + 3)) };
                (0..length).map(|_| self.value(name.trim_end_matches('s'), &schema["items"], wild, depth + 1)).collect()
            }
            Some("integer") => {
                let (least, most) = (schema["minimum"].as_i64().unwrap_or(0), schema["maximum"].as_i64().unwrap_or(100));
                json!(self.rng.random_range(least..=most))
            }
            Some("boolean") => json!(self.rng.random_bool(0.5)),
            _ => json!(*["a", "e", "Team", "example", "atlassian/user"].choose(&mut self.rng).unwrap()),
        }
    }

    fn object(&mut self, schema: &Value, wild: bool, depth: usize) -> Value {
        let empty = Map::new();
        let fields = schema["properties"].as_object().unwrap_or(&empty);
        let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|own| own == name));
        let mut object = Map::new();
        for (name, field) in fields {
            let wanted = if required(name) {
                !wild || self.rng.random_bool(0.9)
            } else {
                self.rng.random_bool(if depth == 0 { 0.25 } else { 0.7 })
            };
            if wanted {
                object.insert(name.clone(), self.value(name, field, wild, depth + 1));
            }
        }
        if wild && self.rng.random_bool(0.1) {
            object.insert("unknownField".to_owned(), json!({"deep": [1, null]}));
        }
        Value::Object(object)
    }

    /// A value that means something in the organisation, for names that need one.
    fn known(&mut self, name: &str) -> Option<Value> {
        let cast = self.cast;
        let text = match name {
            "accountId" => [&cast.account, &cast.stranger][self.rng.random_range(0..2)].clone(),
            "directoryId" => cast.directory.clone(),
            "groupId" | "additionalGroup" => [&cast.group, &cast.synced_group][self.rng.random_range(0..2)].clone(),
            "resourceId" | "resource" => cast.resource.clone(),
            "email" => format!("drawn.{}@example.com", self.rng.random_range(0..50)),
            "name" if self.rng.random_bool(0.5) => format!("drawn {}", self.rng.random_range(0..30)),
            "from" | "to" => self.rng.random_range(0..4_000_000_000_000_i64).to_string(),
            "cursor" => self.cursors.choose(&mut self.rng)?.clone(),
            "product" => "jira".to_owned(),
            _ => return None,
        };
        Some(json!(text))
    }

    fn garbage_value(&mut self, schema: &Value) -> Value {
        let most = schema["maximum"].as_i64().or(schema["maxItems"].as_i64()).unwrap_or(100);
        match self.rng.random_range(0..12) {
            0 => Value::Null,
            1 => json!(-1),
            2 => json!(most + 1),
            3 => json!(1.5),
            4 => json!(true),
            5 => json!([]),
            6 => json!({}),
            7 => json!(vec!["x"; usize::try_from(most).unwrap().min(600) + 1]),
            8 => json!("unknown value \u{0} \u{202e} '\"\\"),
            9 => json!("x".repeat(10_000)),
            10 => json!([[1]]),
            // A cursor that is one, of an operation that does not exist.
            _ => json!("eyJsaXN0Ijoibm90aGluZyIsInNvcnRfYnkiOm51bGx9"),
        }
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
