//! The organisation as a whole: its name, its directories, its products with their seats.

use orgmirror_domain::ids::OrgId;
use orgmirror_domain::observation::{Directory, Workspace};
use serde_json::json;

use crate::client::Client;
use crate::error::{ApiError, Flaw};
use crate::operation::{Operation, Permit};
use crate::transport::{Call, malformed};
use crate::wire::organisation::{Org, Single, WireDirectory, WireWorkspace};
use crate::wire::page::Envelope;

/// The largest page of directories that the API gives. It would give 1,000 workspaces, but those are large and few.
const PER_PAGE: u32 = 100;

/// The organisation that the key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// As the API writes it.
    pub org_id: OrgId,
    /// Its name.
    pub name: Option<String>,
}

/// A page of a list that is read from one end only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    /// The rows, in the order listed.
    pub rows: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

impl<T> ListPage<T> {
    pub(crate) fn read<W>(
        envelope: Envelope<W>,
        limit: u32,
        cursor: Option<&str>,
        row: fn(W, usize) -> Result<T, Flaw>,
    ) -> Result<Self, Flaw> {
        let (data, next) = envelope.into_parts(limit, cursor)?;
        let rows = data.into_iter().enumerate().map(|(at, wire)| row(wire, at)).collect::<Result<_, _>>()?;
        Ok(Self { rows, next })
    }
}

impl Client {
    /// The organisation itself: the cheapest proof that key and organisation belong together.
    pub async fn org(&self, permit: Permit) -> Result<Organisation, ApiError> {
        let operation = Operation::Org;
        let url = self.url("v1", &[]);
        let Single::<Org> { data } = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        let id = data
            .id
            .filter(|id| !id.is_empty())
            .ok_or(Flaw::UnreadableId { row: 0, field: "id" })
            .map_err(malformed(operation))?;
        Ok(Organisation { org_id: OrgId(id), name: data.attributes.and_then(|attributes| attributes.name) })
    }

    /// A page of directories.
    pub async fn directories(&self, permit: Permit, cursor: Option<&str>) -> Result<ListPage<Directory>, ApiError> {
        let operation = Operation::Directories;
        let mut url = self.url("v2", &["directories"]);
        url.query_pairs_mut().append_pair("limit", &PER_PAGE.to_string()).extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        let envelope: Envelope<WireDirectory> = self.call(permit, Call { operation, url, body: None, cursor }).await?;
        ListPage::read(envelope, PER_PAGE, cursor, WireDirectory::into_directory).map_err(malformed(operation))
    }

    /// A page of workspaces: products on sites, with their seats.
    pub async fn workspaces(&self, permit: Permit, cursor: Option<&str>) -> Result<ListPage<Workspace>, ApiError> {
        let operation = Operation::Workspaces;
        let url = self.url("v2", &["workspaces"]);
        // With a cursor the API accepts no other property, not even the limit.
        let body = cursor.map_or_else(|| json!({ "limit": PER_PAGE }), |cursor| json!({ "cursor": cursor }));
        let body = Some(body.to_string().into_bytes());
        let envelope: Envelope<WireWorkspace> = self.call(permit, Call { operation, url, body, cursor }).await?;
        ListPage::read(envelope, PER_PAGE, cursor, WireWorkspace::into_workspace).map_err(malformed(operation))
    }
}
