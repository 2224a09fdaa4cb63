//! The organisation as a whole: its name, its directories, its products with their seats.

use orgmirror_domain::ids::OrgId;
use orgmirror_domain::observation::{Directory, Workspace};
use serde::de::DeserializeOwned;
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

/// The page size of v1 lists is fixed, and unknown.
const ANY_SIZE: u32 = u32::MAX;

fn organisation(org: Org, row: usize) -> Result<Organisation, Flaw> {
    let id = org.id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "id" })?;
    Ok(Organisation { org_id: OrgId(id), name: org.attributes.and_then(|attributes| attributes.name) })
}

impl Client {
    /// A page of a v1 list under the organisation, with `query` beside the cursor.
    pub(crate) async fn v1_list<W: DeserializeOwned, T>(
        &self,
        permit: Permit,
        operation: Operation,
        segments: &[&str],
        query: &[(&str, &str)],
        cursor: Option<&str>,
        row: fn(W, usize) -> Result<T, Flaw>,
    ) -> Result<ListPage<T>, ApiError> {
        let mut url = self.url("v1", segments);
        let pairs = query.iter().copied().chain(cursor.map(|cursor| ("cursor", cursor)));
        if !query.is_empty() || cursor.is_some() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        self.list(permit, operation, url, cursor, row).await
    }

    async fn list<W: DeserializeOwned, T>(
        &self,
        permit: Permit,
        operation: Operation,
        url: reqwest::Url,
        cursor: Option<&str>,
        row: fn(W, usize) -> Result<T, Flaw>,
    ) -> Result<ListPage<T>, ApiError> {
        let envelope: Envelope<W> = self.call(permit, Call { operation, url, body: None, cursor }).await?;
        ListPage::read(envelope, ANY_SIZE, cursor, row).map_err(malformed(operation))
    }

    /// The organisation itself: the cheapest proof that key and organisation belong together.
    pub async fn org(&self, permit: Permit) -> Result<Organisation, ApiError> {
        let operation = Operation::Org;
        let url = self.url("v1", &[]);
        let Single::<Org> { data } = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        organisation(data, 0).map_err(malformed(operation))
    }

    /// A page of the organisations of the key. A scoped key lists none, although it reads its own: empty is no bad key.
    pub async fn orgs(&self, permit: Permit, cursor: Option<&str>) -> Result<ListPage<Organisation>, ApiError> {
        let mut url = self.orgs_url();
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        self.list(permit, Operation::Orgs, url, cursor, organisation).await
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
