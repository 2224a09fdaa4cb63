//! Bulk operations in a world: asked for, looked at, and counted in the simulator's own record of writes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use orgmirror_domain::action::Action;
use orgmirror_domain::filter::Filter;
use orgmirror_domain::ids::{AccountId, GroupId, OperationKey};
use orgmirror_domain::item::ItemState;
use orgmirror_domain::operation::Limits;
use orgmirror_store::operation::request::{Asked, Wanted, new_id};
use orgmirror_store::operation::view::{ItemView, OperationView};
use serde_json::Value;

use crate::world::{World, until};

/// Who asks in stories.
pub const ASKER: &str = "ann";

/// Limits under which a story's operation runs at once.
pub fn limits() -> Limits {
    Limits {
        max_items: 10_000,
        approval_above: 10_000,
        max_age: Duration::from_secs(900),
        patience: Duration::from_secs(3_600),
        protected_accounts: Vec::new(),
        protected_groups: Vec::new(),
    }
}

impl World {
    /// Asks for an operation over these accounts.
    pub async fn operate(&self, action: Action, accounts: &[String]) -> Result<Asked> {
        self.operate_within(action, accounts, &limits()).await
    }

    /// The same, with limits of its own.
    pub async fn operate_within(&self, action: Action, accounts: &[String], limits: &Limits) -> Result<Asked> {
        let wanted = wanted(action, accounts, None);
        Ok(self.store.request_operation(self.org, &wanted, limits).await?)
    }

    /// Asks for an operation over accounts that a filter chose.
    pub async fn operate_by_filter(&self, action: Action, filter: &str, accounts: &[String]) -> Result<Asked> {
        let wanted = wanted(action, accounts, Some(filter.parse()?));
        Ok(self.store.request_operation(self.org, &wanted, &limits()).await?)
    }

    /// An operation as it is now.
    pub async fn operation(&self, operation: OperationKey) -> Result<OperationView> {
        self.store.operations(self.org, Some(operation), 1).await?.into_iter().next().context("the operation has gone")
    }

    /// Waits until an operation has ended.
    pub async fn operation_ended(&self, asked: Asked) -> Result<OperationView> {
        until("the operation ends", async || {
            let operation = self.operation(asked.operation).await?;
            Ok(operation.state.has_ended().then_some(operation))
        })
        .await
    }

    /// What came of its accounts.
    pub async fn items(&self, asked: Asked) -> Result<BTreeMap<String, ItemView>> {
        let items = self.store.operation_items(asked.operation).await?;
        Ok(items.into_iter().map(|item| (item.account_id.clone(), item)).collect())
    }

    /// Waits until one of its items is in that state.
    pub async fn an_item_is(&self, asked: Asked, state: ItemState) -> Result<()> {
        until(&format!("an item is {state}"), async || {
            Ok(self.items(asked).await?.values().any(|item| item.state == state).then_some(()))
        })
        .await
    }

    /// A group that may be changed, and so many active accounts of the organisation that are not in it and may be.
    pub async fn group_and_strangers(&self, accounts: usize) -> Result<(GroupId, Vec<String>)> {
        let groups = self.sim.truth("groups").await?;
        let group = groups.iter().find(|group| is_writable(group)).context("no group may be changed")?;
        let id = group["id"].as_str().context("a group without id")?.to_owned();
        let people = self.sim.truth("accounts").await?;
        let outside = people.iter().filter(|person| {
            let member = person["groups"].as_array().is_some_and(|groups| groups.iter().any(|other| other == id.as_str()));
            !member && person["membershipStatus"] == "active" && person["accountStatus"] == "active"
        });
        let ids: Vec<String> =
            outside.filter_map(|person| person["accountId"].as_str().map(str::to_owned)).take(accounts).collect();
        ensure!(ids.len() == accounts, "only {} accounts are outside", ids.len());
        Ok((GroupId::parse(&id).context("no id of a group")?, ids))
    }

    /// Writes that reached the service and were begun, by account.
    pub async fn writes_by_account(&self) -> Result<BTreeMap<String, Vec<Value>>> {
        let mut by_account: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for write in self.sim.writes().await? {
            if write["status"].is_null() {
                continue;
            }
            let account = write["target"]["accountId"].as_str().context("a write about no account")?;
            by_account.entry(account.to_owned()).or_default().push(write);
        }
        Ok(by_account)
    }

    /// Every one of these accounts was written to exactly once, and nobody else.
    pub async fn each_was_written_once(&self, accounts: &[String]) -> Result<()> {
        let writes = self.writes_by_account().await?;
        for (account, writes) in &writes {
            ensure!(writes.len() == 1, "{account} was written to {} times: {writes:?}", writes.len());
            ensure!(accounts.contains(account), "nobody asked for {account}");
        }
        ensure!(writes.len() == accounts.len(), "{} of {} accounts were written to", writes.len(), accounts.len());
        Ok(())
    }
}

fn wanted(action: Action, accounts: &[String], filter: Option<Filter>) -> Wanted {
    let accounts = accounts.iter().map(|id| AccountId::from(id.as_str())).collect();
    Wanted { id: new_id(), action, accounts, requested_by: ASKER.to_owned(), filter }
}

/// Whether the API lets the group's members be changed.
pub fn is_writable(group: &Value) -> bool {
    group["externalSynced"] != true && group["managedBy"] == "admins" && group["managementAccess"]["modifiable"] != false
}
