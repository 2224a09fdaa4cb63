//! Where the service is known to differ from its documents, and nothing else may.
//!
//! Each entry names the section of the reference and the mark of its certainty: R measured, D another official page, C seen in clients,
//! I inferred by us.

use serde_json::{Map, Value, json};

/// An answer to be judged.
pub(crate) struct Answer<'a> {
    /// The operationId; `None` for a path or method without an operation.
    operation: Option<&'a str>,
    status: u16,
    pub(crate) body: Body,
}

/// The body of an answer.
pub(crate) enum Body {
    Empty,
    Json(Value),
    Text(String),
}

/// One way in which the service differs.
struct Deviation {
    /// Where that is known from.
    #[expect(dead_code, reason = "the reason is for people")]
    why: &'static str,
    allows: fn(&Answer<'_>) -> bool,
}

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        why: "section 5 [R]: writes of v2 document no error bodies, real ones carry errors[]",
        allows: |answer| answer.is_of(V2_WRITES) && answer.is_documented_error() && answer.has_errors(),
    },
    Deviation {
        why: "section 5 [R]: the layer that routes organisations answers 404 in a form of its own, for every operation",
        allows: |answer| answer.status == 404 && answer.is_routed() && !answer.is_of(LIFECYCLE),
    },
    Deviation {
        why: "section 1 [R]: a missing scope is 403, also where no 403 is documented; on domains in the documented form",
        allows: |answer| answer.status == 403 && answer.is_refused_as("ADMIN-403-3") && !answer.is_of(LIFECYCLE),
    },
    Deviation {
        why: "section 1 [R]: a scoped key on the account lifecycle",
        allows: |answer| answer.status == 403 && answer.is_of(LIFECYCLE) && answer.has_key("forbidden.insufficientScope"),
    },
    Deviation {
        why: "section 6 [S]: 429 is possible everywhere; section 8 item 7 [I]: as ProxyError, errors[] or without a body",
        allows: |answer| {
            let known = answer.is_proxy_error() || answer.is_refused_as("ADMIN-429-1") || matches!(answer.body, Body::Empty);
            answer.status == 429 && known
        },
    },
    Deviation {
        why: "section 8 item 9 [I]: the status inside an error may be a number",
        allows: |answer| {
            let Body::Json(body) = &answer.body else { return false };
            let errors = body["errors"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
            errors.iter().all(|error| error["status"] == answer.status && error["code"].is_string())
        },
    },
    Deviation {
        why: "section 8 item 14 [I]: a garbage cursor is 400, which policies don't document",
        allows: |answer| answer.is_of(&["getPolicies"]) && answer.status == 400 && answer.is_refused_as("ADMIN-400-1"),
    },
    Deviation {
        why: "section 4.11 [S] wants a body with an object and documents no 400; nor does it document a 500",
        allows: |answer| {
            answer.is_of(LIFECYCLE)
                && match answer.status {
                    400 => answer.has_key("badRequest"),
                    500 => answer.has_key("internalServerError"),
                    _ => false,
                }
        },
    },
    Deviation {
        why: "section 5 [C]: proxies answer in HTML, with statuses of their own",
        allows: |answer| {
            matches!(answer.status, 502 | 503) && matches!(&answer.body, Body::Text(text) if text.starts_with("<html>"))
        },
    },
    Deviation {
        why: "section 5 [S] has ADMIN-405-1 and no operation that documents it: a wrong method is no operation",
        allows: |answer| answer.operation.is_none() && answer.status == 405 && answer.is_refused_as("ADMIN-405-1"),
    },
    Deviation {
        why: "a path without an operation is answered by the gateway, before or after the key is looked at",
        allows: |answer| {
            let before = answer.status == 401 && (answer.is_proxy_error() || answer.is_refused_as("ADMIN-401-2"));
            answer.operation.is_none() && before
        },
    },
];

const V2_WRITES: &[&str] = &[
    "removeUserFromDirectory",
    "suspendUserInDirectory",
    "restoreUserInDirectory",
    "createGroup",
    "deleteGroup",
    "addUserToGroup",
    "removeUserFromGroup",
    "assignGroupRole",
    "revokeGroupRole",
];
const LIFECYCLE: &[&str] =
    &["getManagementPermissions", "getProfile", "disableUser", "enableUser", "deleteUser", "cancelDeleteUser"];

/// Whether the answer differs from the documents in a known way.
pub(crate) fn allow(answer: &Answer<'_>) -> bool {
    DEVIATIONS.iter().any(|deviation| (deviation.allows)(answer))
}

/// Corrects a schema where answers that succeed are known to differ.
pub(crate) fn correct(schema: &mut Map<String, Value>) {
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    // Sections 4.2 and 4.9 [S]: the keys of products are to be treated as open.
    if let Some(key) = fields.get_mut("key").filter(|key| key["enum"].to_string().contains("jira-software")) {
        *key = json!({"type": "string"});
    }
    // Section 4.4 [R]: fields of the profile may be null; a nickname is one of them.
    if fields.contains_key("membershipStatus") && fields.contains_key("nickname") {
        fields.insert("nickname".to_owned(), json!({"type": ["string", "null"]}));
    }
}

impl<'a> Answer<'a> {
    pub(crate) fn new(operation: Option<&'a str>, status: u16, body: &str) -> Self {
        let body = match serde_json::from_str(body) {
            _ if body.is_empty() => Body::Empty,
            Ok(value) => Body::Json(value),
            Err(_) => Body::Text(body.to_owned()),
        };
        Self { operation, status, body }
    }

    fn is_of(&self, operations: &[&str]) -> bool {
        self.operation.is_some_and(|operation| operations.contains(&operation))
    }

    fn is_documented_error(&self) -> bool {
        [400, 401, 403, 404, 409, 429, 500].contains(&self.status)
    }

    fn fields(&self) -> Vec<&str> {
        let Body::Json(Value::Object(fields)) = &self.body else { return Vec::new() };
        fields.keys().map(String::as_str).collect()
    }

    /// `errors[]` with whole errors in it.
    fn has_errors(&self) -> bool {
        let Body::Json(body) = &self.body else { return false };
        let whole = |error: &Value| {
            let texts = ["id", "status", "code", "title", "detail"];
            error.as_object().is_some_and(|fields| fields.len() == 5) && texts.iter().all(|name| error[*name].is_string())
        };
        self.fields() == ["errors"]
            && body["errors"].as_array().is_some_and(|errors| !errors.is_empty() && errors.iter().all(whole))
    }

    /// An error with this code, in `errors[]` or bare.
    fn is_refused_as(&self, code: &str) -> bool {
        let Body::Json(body) = &self.body else { return false };
        (self.has_errors() && body["errors"][0]["code"] == code) || (self.fields().len() == 5 && body["code"] == code)
    }

    fn is_routed(&self) -> bool {
        let Body::Json(body) = &self.body else { return false };
        let mut fields = self.fields();
        fields.sort_unstable();
        fields == ["error", "message", "path", "requestId", "status", "timestamp"] && body["status"] == self.status
    }

    fn is_proxy_error(&self) -> bool {
        let Body::Json(body) = &self.body else { return false };
        self.fields().len() == 2 && body["code"] == self.status && body["message"].is_string()
    }

    fn has_key(&self, key: &str) -> bool {
        matches!(&self.body, Body::Json(body) if body["key"] == key)
    }
}
