//! A call, taken apart: which operation it is and what its path, query and body say.

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{Method, Uri};

use super::refusal::Refusal;
use crate::operation::Operation;

/// A call to the API.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: Operation,
    pub(super) path: String,
    pub(super) org_id: Option<String>,
    /// The directory of the path; `-` and absent are `None`.
    pub(super) directory_id: Option<String>,
    /// The account or group of the path.
    pub(super) id: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// The path has an operation, though not for this method.
    wrong_method: bool,
}

impl Request {
    pub(super) fn parse(method: &Method, uri: &Uri, body: Bytes) -> Self {
        let decoded: Vec<String> = uri.path().trim_start_matches('/').split('/').map(decode).collect();
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(query)| query).unwrap_or_default();
        let (found, org_id, directory_id, id) = route(&segments);
        let (operation, wrong_method) = match found {
            Some((expected, operation)) if expected == *method => (operation, false),
            Some(_) => (Operation::Unknown, true),
            None => (Operation::Unknown, false),
        };
        Self {
            operation,
            path: uri.path().to_owned(),
            org_id: org_id.map(str::to_owned),
            directory_id: directory_id.filter(|id| *id != "-").map(str::to_owned),
            id: id.unwrap_or_default().to_owned(),
            query,
            body,
            wrong_method,
        }
    }

    pub(super) fn is_v1(&self) -> bool {
        self.path.starts_with("/admin/v1/")
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

/// An operation with its method.
type Endpoint = (Method, Operation);

/// What a path stands for: the operation, the organisation, the directory, the account or group.
fn route<'a>(segments: &[&'a str]) -> (Option<Endpoint>, Option<&'a str>, Option<&'a str>, Option<&'a str>) {
    let get = |operation| Some((Method::GET, operation));
    let post = |operation| Some((Method::POST, operation));
    let ["admin", version, "orgs", rest @ ..] = segments else { return (None, None, None, None) };
    match (*version, rest) {
        ("v1", []) => (get(Operation::Orgs), None, None, None),
        ("v1", [org]) => (get(Operation::OrgById), Some(org), None, None),
        ("v2", [org, "directories"]) => (get(Operation::Directories), Some(org), None, None),
        ("v2", [org, "workspaces"]) => (post(Operation::Workspaces), Some(org), None, None),
        ("v2", [org, "directories", directory, in_directory @ ..]) => {
            let (found, id) = match in_directory {
                ["users", "search"] => (post(Operation::UsersSearch), None),
                ["users", "count"] => (get(Operation::UsersCount), None),
                ["users", "stats"] => (get(Operation::UsersStats), None),
                ["users", id] => (get(Operation::User), Some(*id)),
                ["users", id, "role-assignments"] => (get(Operation::UserRoles), Some(*id)),
                ["groups", "search"] => (post(Operation::GroupsSearch), None),
                ["groups", "count"] => (get(Operation::GroupsCount), None),
                ["groups", "stats"] => (get(Operation::GroupsStats), None),
                ["groups", id] => (get(Operation::Group), Some(*id)),
                ["groups", id, "role-assignments"] => (get(Operation::GroupRoles), Some(*id)),
                _ => (None, None),
            };
            (found, Some(org), Some(directory), id)
        }
        _ => (None, None, None, None),
    }
}

/// A path segment without its percent signs: an account id's colon comes raw or as `%3A`.
fn decode(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex_digit(*high).zip(hex_digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, path: &'static str) -> Request {
        Request::parse(method, &Uri::from_static(path), Bytes::new())
    }

    #[test]
    fn a_colon_may_come_in_either_form() {
        for path in ["/admin/v2/orgs/o/directories/-/users/712020:ab", "/admin/v2/orgs/o/directories/-/users/712020%3aab"] {
            let request = parse(&Method::GET, path);
            assert_eq!((request.operation, request.id.as_str(), request.directory_id), (Operation::User, "712020:ab", None));
        }
    }

    #[test]
    fn a_known_path_with_another_method_is_told_apart() {
        assert_eq!(parse(&Method::GET, "/admin/v2/orgs/o/workspaces").refused_as().unwrap().status, 405);
        assert_eq!(parse(&Method::GET, "/admin/v2/orgs/o/nothing").refused_as().unwrap().status, 404);
        assert_eq!(decode("100%"), "100%");
    }
}
