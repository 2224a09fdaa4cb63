//! Answers that say no.

use serde_json::{Value, json};

use crate::operation::{ErrorForm, Operation};

/// Why a call got no answer. How it is written depends on the operation (`response`).
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) detail: String,
    pub(super) kind: Kind,
    /// The whole body, where it has a form that no other operation shares.
    pub(super) body: Option<Value>,
}

/// What a refusal is about, as far as that changes its form.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// An error of the application.
    Application,
    /// Said by the gateway: another form on v1.
    Gateway,
    /// The key lacks a scope.
    Scope,
    /// Said by the layer that routes organisations.
    Routing,
    RateLimit,
    /// A fault that was asked for: half of them come from a proxy, without JSON.
    Fault,
}

impl Refusal {
    fn new(status: u16, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), kind: Kind::Application, body: None }
    }

    pub(super) fn unauthenticated() -> Self {
        Self { kind: Kind::Gateway, ..Self::new(401, "ADMIN-401-2", "Unauthorized", "The request is not authenticated.") }
    }

    pub(super) fn no_scope() -> Self {
        let detail = "forbidden.insufficientScope: the API key lacks a scope that this operation needs.";
        Self { kind: Kind::Scope, ..Self::new(403, "ADMIN-403-3", "Forbidden", detail) }
    }

    pub(super) fn rate_limited() -> Self {
        Self { kind: Kind::RateLimit, ..Self::new(429, "ADMIN-429-1", "Too Many Requests", "The rate limit is exceeded.") }
    }

    pub(super) fn no_route(message: &'static str) -> Self {
        Self { kind: Kind::Routing, ..Self::new(404, "ADMIN-404-2", "Not Found", message) }
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(405, "ADMIN-405-1", "Method Not Allowed", "The method is not supported for this path.")
    }

    /// A fault that was asked for, with the code that the operation would give itself.
    pub(super) fn fault(status: u16, operation: Operation) -> Self {
        let of_v1 = operation.error_form() == ErrorForm::V1;
        let (code, title) = match status {
            400 if operation == Operation::Domain => ("ADMIN-400-2", "Bad Request"),
            400 if of_v1 => ("ADMIN-400-1", "Bad Request"),
            404 if operation == Operation::Domain => ("ADMIN-404-3", "Not Found"),
            404 if operation == Operation::Event => ("ADMIN-404-4", "Not Found"),
            404 if operation == Operation::Policy => ("ADMIN-404-5", "Not Found"),
            404 if of_v1 => ("ADMIN-404-2", "Not Found"),
            400 => ("ADMIN-400-24", "Bad Request"),
            401 => ("ADMIN-401-2", "Unauthorized"),
            403 => ("ADMIN-403-3", "Forbidden"),
            404 => ("ADMIN-404-1", "Not Found"),
            402 => ("ADMIN-UAM-402-1", "Payment Required"),
            409 => ("ADMIN-409-28", "Conflict"),
            429 => ("ADMIN-429-1", "Too Many Requests"),
            502 => ("ADMIN-500-1", "Bad Gateway"),
            503 => ("ADMIN-500-1", "Service Unavailable"),
            _ => ("ADMIN-500-1", "Internal Server Error"),
        };
        let kind = match status {
            401 => Kind::Gateway,
            429 => Kind::RateLimit,
            _ => Kind::Fault,
        };
        Self { kind, ..Self::new(status, code, title, "A fault that was asked for.") }
    }

    /// The call touches something whose calls must fail.
    pub(super) fn broken_by(id: &str) -> Self {
        Self::new(500, "ADMIN-500-1", "Internal Server Error", format!("{id} could not be read."))
    }

    pub(super) fn bad_cursor(detail: &str) -> Self {
        Self::new(400, "ADMIN-400-1", "Bad Request", detail)
    }

    pub(super) fn bad_input(detail: impl Into<String>) -> Self {
        Self::new(400, "ADMIN-400-24", "Bad Request", detail)
    }

    /// A refusal with a code of the user management service.
    pub(super) fn management(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        let title = match status {
            402 => "Payment Required",
            403 => "Forbidden",
            404 => "Not Found",
            409 => "Conflict",
            _ => "Bad Request",
        };
        Self::new(status, code, title, detail)
    }

    /// A refusal of the account lifecycle.
    pub(super) fn lifecycle(status: u16, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(status, "", "", "") }
    }

    pub(super) fn wrong_instant(name: &str) -> Self {
        Self::new(400, "ADMIN-400-3", "Bad Request", format!("{name} must be an instant in milliseconds since 1970."))
    }

    pub(super) fn wrong_syntax(detail: impl Into<String>) -> Self {
        Self::new(400, "ADMIN-400-19", "Bad Request", detail)
    }

    pub(super) fn too_many_terms() -> Self {
        Self::new(400, "ADMIN-400-21", "Bad Request", "The query has too many terms.")
    }

    pub(super) fn bad_domain_id(id: &str) -> Self {
        Self::new(400, "ADMIN-400-2", "Bad Request", format!("{id} is no id of a domain."))
    }

    pub(super) fn no_domain(id: &str) -> Self {
        Self::new(404, "ADMIN-404-3", "Not Found", format!("Domain {id} was not found."))
    }

    pub(super) fn no_event(id: &str) -> Self {
        Self::new(404, "ADMIN-404-4", "Not Found", format!("Event {id} was not found."))
    }

    pub(super) fn no_policy(id: &str) -> Self {
        Self::new(404, "ADMIN-404-5", "Not Found", format!("Policy {id} was not found."))
    }

    pub(super) fn no_directory(id: &str) -> Self {
        Self::new(404, "ADMIN-404-1", "Not Found", format!("Directory {id} was not found."))
    }

    pub(super) fn no_account(id: &str) -> Self {
        Self::new(404, "ADMIN-404-8", "Not Found", format!("User {id} was not found."))
    }

    pub(super) fn no_group(id: &str) -> Self {
        Self::new(404, "ADMIN-404-10", "Not Found", format!("Group {id} was not found."))
    }

    /// The body in the form of the account lifecycle.
    pub(super) fn as_lifecycle(&self) -> Value {
        let key = match self.status {
            401 => "unauthorized",
            403 => "forbidden",
            404 => "notFound",
            409 => {
                let context = json!({"message": self.detail, "accountId": "unknown", "errorCodes": [{"code": "conflict"}]});
                return json!({"key": "conflict.lifecycleErrors", "context": context});
            }
            400 => "badRequest",
            405 => "methodNotAllowed",
            _ => "internalServerError",
        };
        match self.kind {
            Kind::Scope => json!({"key": "forbidden.insufficientScope", "errorDetail": self.detail, "context": "manage:org"}),
            _ => json!({"key": key}),
        }
    }
}
