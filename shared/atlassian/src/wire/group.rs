//! Groups as `groups/search` lists them, and what they grant.

use orgmirror_domain::ids::{DirectoryId, GroupId, ResourceId};
use orgmirror_domain::observation::{Grant, Group};
use orgmirror_domain::query::Listed;
use serde::Deserialize;

use super::lenient;
use super::told::{Expected, Told, untold};
use crate::error::Flaw;

/// One group with its counts.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireGroup {
    #[serde(deserialize_with = "lenient::group_id")]
    id: Option<GroupId>,
    name: Told<String>,
    description: Told<String>,
    directory_id: Told<String>,
    external_synced: Told<bool>,
    managed_by: Told<String>,
    management_access: Option<ManagementAccess>,
    counts: Option<Counts>,
}

/// What a row should tell, in the order of [`WireGroup::told`]. Counts were asked for.
const PROPERTIES: [(&str, Expected); 10] = [
    ("name", Expected::Always),
    ("description", Expected::OrNull),
    ("directoryId", Expected::Always),
    ("externalSynced", Expected::OrNull),
    ("managedBy", Expected::OrNull),
    ("managementAccess.deletable", Expected::OrNull),
    ("managementAccess.modifiable", Expected::OrNull),
    ("managementAccess.readable", Expected::OrNull),
    ("counts.users", Expected::Always),
    ("counts.resources", Expected::Always),
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct ManagementAccess {
    deletable: Told<bool>,
    modifiable: Told<bool>,
    readable: Told<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    users: Told<i64>,
    resources: Told<i64>,
}

impl WireGroup {
    /// The groups of a page, in order, each with a hash of the name it is sorted by and with what its row left out.
    pub(crate) fn into_listed(page: Vec<Self>) -> Result<Vec<Listed<Group>>, Flaw> {
        let untold = untold(&PROPERTIES, &page.iter().map(Self::told).collect::<Vec<_>>());
        let rows = page.into_iter().zip(untold).enumerate();
        rows.map(|(row, (group, untold))| {
            let row = group.into_group(row)?;
            let sort_hash = row.name.as_deref().map(super::sort_hash);
            Ok(Listed { row, sort_hash, untold })
        })
        .collect()
    }

    fn told(&self) -> [Told<()>; PROPERTIES.len()] {
        let access = |of: fn(&ManagementAccess) -> &Told<bool>| {
            self.management_access.as_ref().map_or(Told::Absent, |all| of(all).whether())
        };
        let counts = |of: fn(&Counts) -> &Told<i64>| self.counts.as_ref().map_or(Told::Absent, |all| of(all).whether());
        [
            self.name.whether(),
            self.description.whether(),
            self.directory_id.whether(),
            self.external_synced.whether(),
            self.managed_by.whether(),
            access(|all| &all.deletable),
            access(|all| &all.modifiable),
            access(|all| &all.readable),
            counts(|all| &all.users),
            counts(|all| &all.resources),
        ]
    }

    /// The group of row `row` of its page.
    pub(crate) fn into_group(self, row: usize) -> Result<Group, Flaw> {
        let access = self.management_access.unwrap_or_default();
        let counts = self.counts.unwrap_or_default();
        let small = |count: Told<i64>| count.value().and_then(|count| i32::try_from(count).ok());
        Ok(Group {
            group_id: self.id.ok_or(Flaw::UnreadableId { row, field: "id" })?,
            name: self.name.value(),
            description: self.description.value(),
            directory_id: self.directory_id.value().map(DirectoryId),
            external_synced: self.external_synced.value(),
            managed_by: self.managed_by.value(),
            deletable: access.deletable.value(),
            modifiable: access.modifiable.value(),
            readable: access.readable.value(),
            member_count: small(counts.users),
            resource_count: small(counts.resources),
        })
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
    /// The grant, its roles in order. A row without them is no grant of nothing.
    pub(crate) fn into_grant(self, row: usize) -> Result<Grant, Flaw> {
        let resource = self.resource_id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "resourceId" })?;
        let mut roles = self.roles.ok_or(Flaw::Untold { row, field: "roles" })?;
        roles.sort_unstable();
        roles.dedup();
        // Nothing is required, so the owner may be missing: the ARI has it too.
        let owner = self.resource_owner.or_else(|| resource.split(':').nth(2).map(str::to_owned));
        Ok(Grant { resource: ResourceId(resource), owner, roles, default_role: self.default_role })
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
            "managedBy":"someone-new","managementAccess":{{"deletable":false,"readable":null}},"counts":{{"users":812,"resources":"1"}},"links":{{}}}}"#
        );
        let listed = WireGroup::into_listed(vec![serde_json::from_str(&body).unwrap()]).unwrap().remove(0);
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
        let listed = WireGroup::into_listed(vec![bare]).unwrap().remove(0);
        assert_eq!((listed.sort_hash, listed.untold), (None, vec!["name", "directoryId", "counts.users", "counts.resources"]));
        let nameless = serde_json::from_str::<WireGroup>(r#"{"id":"eng","name":"eng"}"#).unwrap();
        assert_eq!(nameless.into_group(3), Err(Flaw::UnreadableId { row: 3, field: "id" }));
    }

    #[test]
    fn a_grant_has_its_roles_in_order() {
        let body = r#"{"resourceId":"ari:cloud:confluence::site/9c","resourceOwner":"confluence","roles":["b","a","b"],"defaultRole":null}"#;
        let grant = serde_json::from_str::<RoleAssignment>(body).unwrap().into_grant(0).unwrap();
        assert_eq!(grant.roles, ["a", "b"]);
        assert_eq!((grant.owner.as_deref(), grant.default_role), (Some("confluence"), None));
        let rootless = r#"{"resourceId":"ari:cloud:confluence::site/9c","resourceOwner":"confluence"}"#;
        let grant = serde_json::from_str::<RoleAssignment>(rootless).unwrap().into_grant(4);
        assert_eq!(grant, Err(Flaw::Untold { row: 4, field: "roles" }));
    }
}
