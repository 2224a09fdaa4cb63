//! Groups as `groups/search` lists them, and what they grant.

use orgmirror_domain::ids::{DirectoryId, GroupId, ResourceId};
use orgmirror_domain::observation::{Grant, Group};
use orgmirror_domain::query::Listed;
use serde::Deserialize;

use super::lenient;
use crate::error::Flaw;

/// One group with its counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireGroup {
    #[serde(default, deserialize_with = "lenient::group_id")]
    id: Option<GroupId>,
    name: Option<String>,
    description: Option<String>,
    directory_id: Option<String>,
    external_synced: Option<bool>,
    managed_by: Option<String>,
    management_access: Option<ManagementAccess>,
    counts: Option<Counts>,
}

#[derive(Default, Deserialize)]
struct ManagementAccess {
    deletable: Option<bool>,
    modifiable: Option<bool>,
    readable: Option<bool>,
}

#[derive(Default, Deserialize)]
struct Counts {
    users: Option<i32>,
    resources: Option<i32>,
}

impl WireGroup {
    /// The group, with a hash of the name it is sorted by.
    pub(crate) fn into_listed(self, row: usize) -> Result<Listed<Group>, Flaw> {
        let access = self.management_access.unwrap_or_default();
        let counts = self.counts.unwrap_or_default();
        let sort_hash = self.name.as_deref().map(super::sort_hash);
        let group = Group {
            group_id: self.id.ok_or(Flaw::UnreadableId { row, field: "id" })?,
            name: self.name,
            description: self.description,
            directory_id: self.directory_id.map(DirectoryId),
            external_synced: self.external_synced,
            managed_by: self.managed_by,
            deletable: access.deletable,
            modifiable: access.modifiable,
            readable: access.readable,
            member_count: counts.users,
            resource_count: counts.resources,
        };
        Ok(Listed { row: group, sort_hash })
    }
}

/// What a group grants on one resource.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleAssignment {
    resource_id: Option<String>,
    resource_owner: Option<String>,
    roles: Option<Vec<String>>,
    default_role: Option<String>,
}

impl RoleAssignment {
    /// The grant, its roles in order.
    pub(crate) fn into_grant(self, row: usize) -> Result<Grant, Flaw> {
        let resource = self.resource_id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "resourceId" })?;
        let mut roles = self.roles.unwrap_or_default();
        roles.sort_unstable();
        roles.dedup();
        Ok(Grant { resource: ResourceId(resource), owner: self.resource_owner, roles, default_role: self.default_role })
    }
}

/// `groups/stats`.
#[derive(Deserialize)]
pub(crate) struct Stats {
    #[serde(default)]
    pub(crate) totals: Totals,
    #[serde(default)]
    pub(crate) types: Vec<TypeCount>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Totals {
    pub(crate) all: Option<u64>,
    pub(crate) managed: Option<u64>,
    pub(crate) synced: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct TypeCount {
    #[serde(rename = "type")]
    pub(crate) word: String,
    pub(crate) count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6a1e0b2c-0000-4000-8000-000000000001";

    #[test]
    fn a_group_is_read_with_all_it_has() {
        let body = format!(
            r#"{{"id":"ari:cloud:identity::group/{ID}","name":"eng","description":null,"directoryId":"d1","externalSynced":true,
            "managedBy":"someone-new","managementAccess":{{"deletable":false,"readable":null}},"counts":{{"users":812,"resources":1}},"links":{{}}}}"#
        );
        let listed = serde_json::from_str::<WireGroup>(&body).unwrap().into_listed(0).unwrap();
        let group = listed.row;
        assert_eq!(Some(group.group_id), GroupId::parse(ID));
        assert_eq!(listed.sort_hash, Some(xxhash_rust::xxh3::xxh3_64(b"eng") as i64));
        assert_eq!((group.description, group.managed_by.as_deref()), (None, Some("someone-new")));
        assert_eq!((group.deletable, group.modifiable, group.readable), (Some(false), None, None));
        assert_eq!((group.member_count, group.resource_count), (Some(812), Some(1)));
    }

    #[test]
    fn a_group_needs_nothing_but_its_id() {
        let bare = serde_json::from_str::<WireGroup>(&format!(r#"{{"id":"{ID}","counts":null}}"#)).unwrap();
        assert_eq!(bare.into_listed(0).unwrap().sort_hash, None);
        let nameless = serde_json::from_str::<WireGroup>(r#"{"id":"eng","name":"eng"}"#).unwrap();
        assert_eq!(nameless.into_listed(3), Err(Flaw::UnreadableId { row: 3, field: "id" }));
    }

    #[test]
    fn a_grant_has_its_roles_in_order() {
        let body = r#"{"resourceId":"ari:cloud:confluence::site/9c","resourceOwner":"confluence","roles":["b","a","b"],"defaultRole":null}"#;
        let grant = serde_json::from_str::<RoleAssignment>(body).unwrap().into_grant(0).unwrap();
        assert_eq!(grant.roles, ["a", "b"]);
        assert_eq!((grant.owner.as_deref(), grant.default_role), (Some("confluence"), None));
    }
}
