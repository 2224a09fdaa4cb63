//! One user alone, the roles of one user, and the old list of users.

use orgmirror_domain::ids::{AccountId, DirectoryId, ResourceId};
use orgmirror_domain::observation::Account;
use orgmirror_domain::query::{PageQuery, UserFilter};

use crate::client::Client;
use crate::error::ApiError;
use crate::operation::{Operation, Permit};
use crate::organisation::ListPage;
use crate::transport::{Call, malformed};
use crate::users::{UsersPage, users_page};
use crate::wire::filter;
use crate::wire::organisation::Single;
use crate::wire::page::Envelope;
use crate::wire::user::User;
use crate::wire::user_role::WireRoleAssignment;

/// The largest page of role assignments that the API gives.
const PER_PAGE: u32 = 100;

/// What one user may do on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRoles {
    /// The resource's ARI.
    pub resource: ResourceId,
    /// `resourceOwner`: the product, or `platform`.
    pub owner: Option<String>,
    /// The directory by which the user has it; none for platform roles.
    pub directory: Option<DirectoryId>,
    /// Each role, with the ways it comes: `direct`, `group_direct`, `inferred`. No way where the API told only the role.
    pub roles: Vec<(String, Vec<String>)>,
}

impl UserRoles {
    /// Whether the user has the role directly, and not by a group alone.
    pub fn is_direct(&self, role: &str) -> bool {
        // Where no way is told the role itself is all there is to go by.
        let direct = |ways: &[String]| ways.is_empty() || ways.iter().any(|way| way == "direct");
        self.roles.iter().any(|(has, ways)| has == role && direct(ways))
    }
}

impl Client {
    /// One user. Without groups and product access, which this call does not tell: they are empty, and mean nothing.
    pub async fn user(&self, permit: Permit, directory: Option<&DirectoryId>, account: &AccountId) -> Result<Account, ApiError> {
        let operation = Operation::User;
        let directory = directory.map_or("-", DirectoryId::as_str);
        let url = self.url("v2", &["directories", directory, "users", account.as_str()]);
        let Single::<User> { data } = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        data.into_account(0).map_err(malformed(operation))
    }

    /// A page of what a user may do, on one resource or on all.
    pub async fn user_role_assignments(
        &self,
        permit: Permit,
        directory: Option<&DirectoryId>,
        account: &AccountId,
        resource: Option<&ResourceId>,
        cursor: Option<&str>,
    ) -> Result<ListPage<UserRoles>, ApiError> {
        let operation = Operation::UserRoleAssignments;
        let directory = directory.map_or("-", DirectoryId::as_str);
        let mut url = self.url("v2", &["directories", directory, "users", account.as_str(), "role-assignments"]);
        url.query_pairs_mut()
            .append_pair("limit", &PER_PAGE.to_string())
            .extend_pairs(resource.map(|resource| ("resourceIds", resource.as_str())))
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        let envelope: Envelope<WireRoleAssignment> = self.call(permit, Call { operation, url, body: None, cursor }).await?;
        ListPage::read(envelope, PER_PAGE, cursor, WireRoleAssignment::into_roles).map_err(malformed(operation))
    }

    /// One page of the GET list of users. Deprecated by Atlassian, ends after 2027-06-30, and expands nothing: no page of it is
    /// ever [`UsersPage::expanded`] but an empty one.
    pub async fn users_list(&self, permit: Permit, query: &PageQuery<UserFilter>) -> Result<UsersPage, ApiError> {
        let (operation, cursor) = (Operation::UsersList, query.cursor.as_deref());
        let mut url = self.url("v2", &["directories", "-", "users"]);
        filter::users(&mut url, &query.filter);
        filter::list(&mut url, query.limit, cursor, "nick_name", query.direction);
        let envelope: Envelope<User> = self.call(permit, Call { operation, url, body: None, cursor }).await?;
        users_page(envelope, query).map_err(malformed(operation))
    }
}
