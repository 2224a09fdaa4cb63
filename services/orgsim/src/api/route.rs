//! Which operation a path and method stand for.

use axum::http::Method;

use crate::operation::Operation;

/// Every operation with its method and path. Of two paths that fit, the one with the literal segment comes first.
const ROUTES: &[(Method, &str, Operation)] = {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const DELETE: Method = Method::DELETE;
    use Operation as O;
    &[
        (GET, "admin/v1/orgs", O::Orgs),
        (GET, "admin/v1/orgs/{org}", O::OrgById),
        (GET, "admin/v1/orgs/{org}/users", O::ManagedAccounts),
        (GET, "admin/v1/orgs/{org}/domains", O::Domains),
        (GET, "admin/v1/orgs/{org}/domains/{id}", O::Domain),
        (GET, "admin/v1/orgs/{org}/policies", O::Policies),
        (GET, "admin/v1/orgs/{org}/policies/{id}", O::Policy),
        (GET, "admin/v1/orgs/{org}/events", O::Events),
        (GET, "admin/v1/orgs/{org}/events/{id}", O::Event),
        (GET, "admin/v1/orgs/{org}/events-stream", O::EventsStream),
        (GET, "admin/v1/orgs/{org}/event-actions", O::EventActions),
        (GET, "admin/v1/orgs/{org}/directory/users/{id}/last-active-dates", O::LastActiveDates),
        (POST, "admin/v1/orgs/{org}/users/{id}/roles/assign", O::AssignUserRole),
        (POST, "admin/v1/orgs/{org}/users/{id}/roles/revoke", O::RevokeUserRole),
        (POST, "admin/v1/orgs/{org}/users/{id}/role-assignments/assign", O::AssignOrgRole),
        (POST, "admin/v1/orgs/{org}/users/{id}/role-assignments/revoke", O::RevokeOrgRole),
        (POST, "admin/v2/orgs/{org}/users/invite", O::Invite),
        (POST, "admin/v2/orgs/{org}/workspaces", O::Workspaces),
        (GET, "admin/v2/orgs/{org}/directories", O::Directories),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/users", O::Users),
        (POST, "admin/v2/orgs/{org}/directories/{dir}/users/search", O::UsersSearch),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/users/count", O::UsersCount),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/users/stats", O::UsersStats),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/users/{id}", O::User),
        (DELETE, "admin/v2/orgs/{org}/directories/{dir}/users/{id}", O::RemoveUser),
        (POST, "admin/v2/orgs/{org}/directories/{dir}/users/{id}/suspend", O::SuspendUser),
        (POST, "admin/v2/orgs/{org}/directories/{dir}/users/{id}/restore", O::RestoreUser),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/users/{id}/role-assignments", O::UserRoles),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/groups", O::Groups),
        (POST, "admin/v2/orgs/{org}/directories/{dir}/groups", O::CreateGroup),
        (POST, "admin/v2/orgs/{org}/directories/{dir}/groups/search", O::GroupsSearch),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/groups/count", O::GroupsCount),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/groups/stats", O::GroupsStats),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/groups/{id}", O::Group),
        (DELETE, "admin/v2/orgs/{org}/directories/{dir}/groups/{id}", O::DeleteGroup),
        (POST, "admin/v2/orgs/{org}/directories/{dir}/groups/{id}/memberships", O::AddMember),
        (DELETE, "admin/v2/orgs/{org}/directories/{dir}/groups/{id}/memberships/{member}", O::RemoveMember),
        (GET, "admin/v2/orgs/{org}/directories/{dir}/groups/{id}/role-assignments", O::GroupRoles),
        (POST, "admin/v2/orgs/{org}/directories/{dir}/groups/{id}/role-assignments/assign", O::AssignGroupRole),
        (POST, "admin/v2/orgs/{org}/directories/{dir}/groups/{id}/role-assignments/revoke", O::RevokeGroupRole),
        (GET, "users/{id}/manage", O::ManagePermissions),
        (GET, "users/{id}/manage/profile", O::ManagedProfile),
        (POST, "users/{id}/manage/lifecycle/disable", O::DisableAccount),
        (POST, "users/{id}/manage/lifecycle/enable", O::EnableAccount),
        (POST, "users/{id}/manage/lifecycle/delete", O::DeleteAccount),
        (POST, "users/{id}/manage/lifecycle/cancel-delete", O::CancelDeletion),
    ]
};

/// What a path says, its escapes resolved.
#[derive(Debug, Default)]
pub(super) struct Route {
    pub(super) found: Option<Operation>,
    /// The path has operations, though not for this method.
    pub(super) wrong_method: bool,
    pub(super) org_id: Option<String>,
    /// The directory of the path, `-` included.
    pub(super) directory_id: Option<String>,
    /// The account, group, domain, policy or event of the path.
    pub(super) id: String,
    /// The account of a membership.
    pub(super) member_id: String,
}

impl Route {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let segments: Vec<String> = path.trim_start_matches('/').split('/').map(decode).collect();
        let Some((_, template, _)) = ROUTES.iter().find(|(_, template, _)| fits(template, &segments)) else {
            return Self::default();
        };
        let found = ROUTES.iter().find(|(expected, other, _)| expected == method && other == template);
        let mut route =
            Self { found: found.map(|(_, _, operation)| *operation), wrong_method: found.is_none(), ..Self::default() };
        for (part, segment) in template.split('/').zip(segments) {
            match part {
                "{org}" => route.org_id = Some(segment),
                "{dir}" => route.directory_id = Some(segment),
                "{id}" => route.id = segment,
                "{member}" => route.member_id = segment,
                _ => {}
            }
        }
        route
    }
}

fn fits(template: &str, segments: &[String]) -> bool {
    let mut parts = template.split('/');
    let all = segments.iter().all(|segment| {
        parts.next().is_some_and(|part| if part.starts_with('{') { !segment.is_empty() } else { part == segment })
    });
    all && parts.next().is_none()
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

    #[test]
    fn a_colon_may_come_in_either_form() {
        for path in ["/admin/v2/orgs/o/directories/-/users/712020:ab", "/admin/v2/orgs/o/directories/-/users/712020%3aab"] {
            let route = Route::of(&Method::GET, path);
            assert_eq!(
                (route.found, route.id.as_str(), route.directory_id.as_deref()),
                (Some(Operation::User), "712020:ab", Some("-"))
            );
        }
    }

    #[test]
    fn a_literal_segment_wins_over_an_id() {
        let route = Route::of(&Method::GET, "/admin/v2/orgs/o/directories/d/users/search");
        assert!(route.found.is_none() && route.wrong_method);
        let path = "/admin/v2/orgs/o/directories/d/groups/g/memberships/a%7Cb";
        let route = Route::of(&Method::DELETE, path);
        assert_eq!((route.found, &*route.id, &*route.member_id), (Some(Operation::RemoveMember), "g", "a|b"));
    }

    #[test]
    fn a_known_path_with_another_method_is_told_apart() {
        assert!(Route::of(&Method::GET, "/admin/v2/orgs/o/workspaces").wrong_method);
        assert!(!Route::of(&Method::GET, "/admin/v2/orgs/o/nothing").wrong_method);
        assert!(Route::of(&Method::GET, "/admin/v1/orgs/").found.is_none());
        assert_eq!(decode("100%"), "100%");
    }

    #[test]
    fn every_operation_has_one_route() {
        let mut ids: Vec<&str> = ROUTES.iter().map(|(_, _, operation)| operation.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), ROUTES.len()), (46, 46));
    }
}
