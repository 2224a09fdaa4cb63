//! The organisation, its directories and its workspaces.

use orgmirror_domain::ids::{DirectoryId, ResourceId};
use orgmirror_domain::observation::{Directory, Workspace};
use serde::Deserialize;

use crate::error::Flaw;

/// One thing under `data`, as single objects come.
#[derive(Deserialize)]
pub(crate) struct Single<T> {
    pub(crate) data: T,
}

#[derive(Deserialize)]
pub(crate) struct Org {
    pub(crate) id: Option<String>,
    pub(crate) attributes: Option<OrgAttributes>,
}

#[derive(Deserialize)]
pub(crate) struct OrgAttributes {
    pub(crate) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireDirectory {
    directory_id: Option<String>,
    name: Option<String>,
}

impl WireDirectory {
    pub(crate) fn into_directory(self, row: usize) -> Result<Directory, Flaw> {
        let id = self.directory_id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "directoryId" })?;
        Ok(Directory { directory_id: DirectoryId(id), name: self.name })
    }
}

#[derive(Deserialize)]
pub(crate) struct WireWorkspace {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    attributes: Option<WorkspaceAttributes>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkspaceAttributes {
    name: Option<String>,
    type_key: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    host_url: Option<String>,
    status: Option<String>,
    capacity: Option<i64>,
    usage: Option<i64>,
}

impl WireWorkspace {
    pub(crate) fn into_workspace(self, row: usize) -> Result<Workspace, Flaw> {
        let unreadable = |field| Flaw::UnreadableId { row, field };
        let attributes = self.attributes.unwrap_or_default();
        let resource = self.id.filter(|id| !id.is_empty()).ok_or(unreadable("id"))?;
        Ok(Workspace {
            resource: ResourceId(resource),
            product: attributes.type_key.or(attributes.kind).or(self.kind).ok_or(unreadable("attributes.typeKey"))?,
            name: attributes.name,
            host_url: attributes.host_url,
            status: attributes.status,
            capacity: attributes.capacity,
            usage: attributes.usage,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_known_by_its_type_key() {
        let body = r#"{"id":"ari:cloud:confluence::site/9c","type":"workspaces","attributes":{"name":"Docs","typeKey":"confluence",
            "type":"Confluence","hostUrl":"https://x.example","status":"online","capacity":null,"usage":7,"sandbox":{"type":"NONE"}}}"#;
        let workspace = serde_json::from_str::<WireWorkspace>(body).unwrap().into_workspace(0).unwrap();
        assert_eq!(workspace.product, "confluence");
        assert_eq!((workspace.capacity, workspace.usage), (None, Some(7)));
        let bare = serde_json::from_str::<WireWorkspace>(r#"{"id":"9c","attributes":{"type":"Jira"}}"#).unwrap();
        assert_eq!(bare.into_workspace(0).unwrap().product, "Jira");
    }

    #[test]
    fn a_directory_needs_its_id() {
        let row: WireDirectory = serde_json::from_str(r#"{"directoryId":null,"name":"Primary"}"#).unwrap();
        assert_eq!(row.into_directory(1), Err(Flaw::UnreadableId { row: 1, field: "directoryId" }));
    }
}
