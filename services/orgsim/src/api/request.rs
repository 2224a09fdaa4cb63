//! A call, taken apart: which operation it is and what its path, query and body say.

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri, header};

use super::refusal::Refusal;
use super::route::Route;
use crate::operation::Operation;

/// A call to the API.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: Operation,
    pub(super) path: String,
    pub(super) org_id: Option<String>,
    /// The directory of the path; `-` and absent are `None`.
    pub(super) directory_id: Option<String>,
    /// The account, group, domain, policy or event of the path.
    pub(super) id: String,
    /// The account of a membership.
    pub(super) member_id: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Body,
    /// Where the caller reached the service, for links: scheme and host.
    pub(super) base: String,
    /// The path has an operation, though not for this method.
    wrong_method: bool,
}

/// The body of a call.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Bytes),
    /// More than the service reads.
    TooLarge,
}

impl Request {
    pub(super) fn parse(method: &Method, uri: &Uri, headers: &HeaderMap, body: Body) -> Self {
        let route = Route::of(method, uri.path());
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(query)| query).unwrap_or_default();
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("api.example.com");
        Self {
            operation: route.found.unwrap_or(Operation::Unknown),
            path: uri.path().to_owned(),
            org_id: route.org_id,
            directory_id: route.directory_id.filter(|id| *id != "-"),
            id: route.id,
            member_id: route.member_id,
            query,
            body,
            base: format!("http://{host}"),
            wrong_method: route.wrong_method,
        }
    }

    pub(super) fn is_v1(&self) -> bool {
        self.path.starts_with("/admin/v1/")
    }

    pub(super) fn has_no_body(&self) -> bool {
        matches!(&self.body, Body::Whole(body) if body.is_empty())
    }

    /// Why there is no operation to do.
    pub(super) fn refused_as(&self) -> Option<Refusal> {
        match (self.operation, self.wrong_method) {
            (Operation::Unknown, true) => Some(Refusal::wrong_method()),
            (Operation::Unknown, false) => Some(Refusal::no_route("No message available")),
            _ => None,
        }
    }

    /// The first value of a query parameter.
    pub(super) fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
