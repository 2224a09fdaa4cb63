//! What the mirror knows about accounts and a group, as the gate and the actions want it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use orgmirror_domain::action::{AccountView, GroupView};
use orgmirror_domain::freshness::{Freshness, fresh};
use orgmirror_domain::gate::OwnWrite;
use orgmirror_domain::ids::{AccountId, DirectoryId, Instant, ResourceId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::StoreResult;

/// An account, as one statement saw it.
#[derive(Clone, Debug)]
pub(crate) struct AccountState {
    pub(crate) id: AccountId,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) fresh: Option<Freshness>,
    pub(crate) view: AccountView,
    /// Our newest write to it.
    pub(crate) own_write: Option<OwnWrite>,
}

/// A group, as one statement saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupState {
    pub(crate) name: Option<String>,
    pub(crate) fresh: Option<Freshness>,
    pub(crate) view: GroupView,
}

/// Accounts by key. Gates treat a missing row as gone.
pub(crate) async fn accounts(
    connection: &mut PgConnection,
    keys: &[i32],
    group: Option<i32>,
    protected: &[String],
) -> StoreResult<HashMap<i32, AccountState>> {
    let rows = sqlx::query!(
        r#"-- operation.accounts
        SELECT
            k.account_key, k.account_id, a.name AS "name?", a.email AS "email?",
            a.observed AS "observed?", a.observed_at AS "observed_at?", o.watermark, o.watermark_at,
            EXISTS (
                SELECT FROM run_exception AS e
                WHERE e.run_key = o.watermark_run_key AND e.kind = 'account' AND e.entity_key = k.account_key
            ) AS "excepted!",
            coalesce(a.known_alive AND NOT a.missing, false) AS "present!",
            a.membership_status AS "membership_status?", a.account_status AS "account_status?", a.claim_status AS "claim_status?",
            coalesce(a.platform_roles, '{}') AS "platform_roles!",
            coalesce($2 = ANY (a.group_keys), false) AS "in_group!",
            ARRAY (
                SELECT DISTINCT p.resource_id FROM access_key AS p WHERE p.access_key = ANY (a.access_keys) ORDER BY p.resource_id
            ) AS "resources!",
            k.account_id = ANY ($3) AS "protected!",
            (SELECT count(*) > 1 FROM directory AS d WHERE d.org_key = k.org_key) AS "several_directories!",
            own.write_instant, coalesce(own.unsettled, false) AS "unsettled!"
        FROM unnest($1::integer[]) AS asked (key)
        INNER JOIN account_key AS k ON k.account_key = asked.key
        INNER JOIN org AS o ON o.org_key = k.org_key
        LEFT JOIN account AS a ON a.account_key = k.account_key
        CROSS JOIN LATERAL (
            SELECT max(w.write_instant) AS write_instant, bool_or(w.state = 'done' AND w.settled_at IS NULL) AS unsettled
            FROM operation_item AS w
            WHERE w.account_key = k.account_key AND w.write_instant IS NOT NULL
        ) AS own"#,
        keys,
        group,
        protected
    );
    let rows = rows.fetch_all(connection).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let watermark = freshness(row.watermark, row.watermark_at).filter(|_| !row.excepted);
            let state = AccountState {
                id: AccountId::from(row.account_id),
                name: row.name,
                email: row.email,
                fresh: fresh(freshness(row.observed, row.observed_at), watermark),
                view: AccountView {
                    present: row.present,
                    membership_status: row.membership_status,
                    account_status: row.account_status,
                    claim_status: row.claim_status,
                    platform_roles: row.platform_roles,
                    in_group: row.in_group,
                    resources: row.resources.into_iter().map(ResourceId::from).collect(),
                    protected: row.protected,
                    several_directories: row.several_directories,
                },
                own_write: row.write_instant.map(|instant| OwnWrite { instant: Instant(instant), unsettled: row.unsettled }),
            };
            (row.account_key, state)
        })
        .collect())
}

/// A group by key.
pub(crate) async fn group(connection: &mut PgConnection, key: i32, protected: &[Uuid]) -> StoreResult<GroupState> {
    let row = sqlx::query!(
        r#"-- operation.group
        SELECT
            g.name AS "name?", g.observed AS "observed?", g.observed_at AS "observed_at?", o.watermark, o.watermark_at,
            EXISTS (
                SELECT FROM run_exception AS e
                WHERE e.run_key = o.watermark_run_key AND e.kind = 'group' AND e.entity_key = k.group_key
            ) AS "excepted!",
            coalesce(g.known_alive AND NOT g.missing, false) AS "present!",
            g.directory_id AS "directory_id?",
            -- Read-only by whatever says so; what says nothing is writable.
            coalesce(g.external_synced, false) OR coalesce(g.managed_by = 'external', false) OR coalesce(NOT g.modifiable, false)
                AS "read_only!",
            k.group_id = ANY ($2) AS "protected!"
        FROM group_key AS k
        INNER JOIN org AS o ON o.org_key = k.org_key
        LEFT JOIN org_group AS g ON g.group_key = k.group_key
        WHERE k.group_key = $1"#,
        key,
        protected
    );
    let Some(row) = row.fetch_optional(connection).await? else { return Ok(GroupState::default()) };
    let watermark = freshness(row.watermark, row.watermark_at).filter(|_| !row.excepted);
    Ok(GroupState {
        name: row.name,
        fresh: fresh(freshness(row.observed, row.observed_at), watermark),
        view: GroupView {
            present: row.present,
            directory: row.directory_id.map(DirectoryId::from),
            read_only: row.read_only,
            protected: row.protected,
        },
    })
}

fn freshness(instant: Option<i64>, at: Option<DateTime<Utc>>) -> Option<Freshness> {
    Some(Freshness { instant: Instant(instant?), at: at? })
}
