//! Answers that say no.

/// Why a call got no answer. How it is written depends on the operation (`response`).
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) detail: String,
    pub(super) kind: Kind,
}

/// What a refusal is about, as far as that changes its form.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// An error of the application.
    Application,
    /// Said by the gateway: another form on v1.
    Gateway,
    /// Said by the layer that routes organisations.
    Routing,
    RateLimit,
    /// A fault that was asked for: half of them come from a proxy, without JSON.
    Fault,
}

impl Refusal {
    fn new(status: u16, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), kind: Kind::Application }
    }

    pub(super) fn unauthenticated() -> Self {
        Self { kind: Kind::Gateway, ..Self::new(401, "ADMIN-401-2", "Unauthorized", "The request is not authenticated.") }
    }

    pub(super) fn no_scope() -> Self {
        let detail = "forbidden.insufficientScope: the API key lacks a scope that this operation needs.";
        Self::new(403, "ADMIN-403-3", "Forbidden", detail)
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

    pub(super) fn fault(status: u16) -> Self {
        let (code, title) = match status {
            400 => ("ADMIN-400-24", "Bad Request"),
            401 => ("ADMIN-401-2", "Unauthorized"),
            403 => ("ADMIN-403-3", "Forbidden"),
            404 => ("ADMIN-404-1", "Not Found"),
            409 => ("ADMIN-409-28", "Conflict"),
            429 => ("ADMIN-429-1", "Too Many Requests"),
            502 => ("ADMIN-500-1", "Bad Gateway"),
            503 => ("ADMIN-500-1", "Service Unavailable"),
            _ => ("ADMIN-500-1", "Internal Server Error"),
        };
        Self { kind: Kind::Fault, ..Self::new(status, code, title, "A fault that was asked for.") }
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

    pub(super) fn no_directory(id: &str) -> Self {
        Self::new(404, "ADMIN-404-1", "Not Found", format!("Directory {id} was not found."))
    }

    pub(super) fn no_account(id: &str) -> Self {
        Self::new(404, "ADMIN-404-8", "Not Found", format!("User {id} was not found."))
    }

    pub(super) fn no_group(id: &str) -> Self {
        Self::new(404, "ADMIN-404-10", "Not Found", format!("Group {id} was not found."))
    }
}
