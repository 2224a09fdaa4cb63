//! One user: everything known, with the source of each access, and what operations did.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{AccountId, OperationId, OrgKey};
use orgmirror_domain::item::ItemState;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::operation::request::action_of;
use crate::{Store, StoreError, StoreResult};

/// A user as the API describes it. Null is what the API hides or did not tell.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "named as in the API's reference, section 2")]
pub struct UserDetail {
    #[serde(skip)]
    pub account_key: i32,
    pub account_id: String,
    pub name: Option<String>,
    pub nickname: Option<String>,
    pub email: Option<String>,
    pub email_verified: Option<bool>,
    pub account_type: Option<String>,
    /// Composite status, in the API's word.
    pub status: Option<String>,
    pub account_status: Option<String>,
    pub membership_status: Option<String>,
    pub claim_status: Option<String>,
    pub management_source: Option<String>,
    pub mfa_enabled: Option<bool>,
    pub added_to_org_at: Option<DateTime<Utc>>,
    pub deactivated_at: Option<DateTime<Utc>>,
    pub for_deletion: Option<bool>,
    pub job_title: Option<String>,
    pub department: Option<String>,
    pub organization: Option<String>,
    pub location: Option<String>,
    pub time_zone: Option<String>,
    pub platform_roles: Vec<String>,
    /// When it was hidden, for one that has left; its facts are those of the last reading.
    pub left_at: Option<DateTime<Utc>>,
    /// The row was true at this time or later.
    pub fresh_as_of: DateTime<Utc>,
}

/// A product that a user may use.
#[derive(Clone, Debug, Serialize)]
pub struct AccessDetail {
    /// The API's word.
    pub product: String,
    /// Name of the site, or its id.
    pub site: String,
    /// The resource's ARI.
    pub resource_id: String,
    /// Null for never, or not known.
    pub last_active_at: Option<DateTime<Utc>>,
    /// Groups of the user that grant a role there, each with the role. None: the access is direct.
    pub by_groups: Vec<GrantedBy>,
}

/// A group that gives a role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantedBy {
    /// The bare UUID.
    pub group_id: String,
    /// Its name.
    pub name: Option<String>,
    /// The API's word.
    pub role: String,
}

/// A group that a user is a member of.
#[derive(Clone, Debug, Serialize)]
pub struct MemberOf {
    /// The bare UUID.
    pub group_id: String,
    /// Its name.
    pub name: Option<String>,
    /// Kept by the identity provider.
    pub scim_managed: bool,
    /// Members, as the API reports them.
    pub members: Option<i32>,
    /// On how many resources it grants a role.
    pub resources: Option<i32>,
}

/// An operation that touched a user.
#[derive(Clone, Debug, Serialize)]
pub struct Touched {
    /// Which.
    pub operation_id: OperationId,
    /// What it does.
    pub action: orgmirror_domain::action::Action,
    /// Name of the action's group.
    pub group: Option<String>,
    /// What came of this user.
    pub state: ItemState,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: DateTime<Utc>,
}

impl Store {
    /// One user, also one that has left but is still remembered; [`StoreError::NotFound`] for any other id.
    pub async fn user_detail(&self, org: OrgKey, id: &AccountId) -> StoreResult<UserDetail> {
        let row = sqlx::query_as!(
            UserDetail,
            r#"-- browse.user
            SELECT
                a.account_key, k.account_id, a.name, a.nickname, a.email, a.email_verified, a.account_type, a.status, a.account_status,
                a.membership_status, a.claim_status, a.management_source, a.mfa_enabled, a.added_to_org_at, a.deactivated_at,
                a.for_deletion, a.job_title, a.department, a.organization, a.location, a.time_zone, a.platform_roles,
                a.hidden_at AS left_at, coalesce(f.fresh_at, a.observed_at) AS "fresh_as_of!"
            FROM account_key AS k
            INNER JOIN account AS a ON a.account_key = k.account_key AND a.known_alive
            INNER JOIN account_freshness AS f ON f.account_key = k.account_key
            WHERE k.org_key = $1 AND k.account_id = $2"#,
            org.0,
            id.as_str()
        );
        row.fetch_optional(&self.pool).await?.ok_or_else(|| StoreError::NotFound { what: "user", id: id.to_string() })
    }

    /// What a user may use, the newest activity first.
    pub async fn user_access(&self, user: &UserDetail) -> StoreResult<Vec<AccessDetail>> {
        let rows = sqlx::query!(
            r#"-- browse.user_access
            SELECT
                p.product, p.resource_id, coalesce(w.name, regexp_replace(p.resource_id, '^.*site/', '')) AS "site!",
                access.active_at,
                coalesce((
                    SELECT jsonb_agg(DISTINCT jsonb_build_object('group_id', gk.group_id, 'name', g.name, 'role', role.value))
                    FROM group_grants AS r
                    INNER JOIN org_group AS g ON g.group_key = r.group_key AND g.known_alive AND g.hidden_at IS NULL
                    INNER JOIN group_key AS gk ON gk.group_key = r.group_key
                    CROSS JOIN LATERAL jsonb_array_elements(r.grants) AS item
                    CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role
                    WHERE r.group_key = ANY (a.group_keys) AND item ->> 'resource' = p.resource_id
                ), '[]') AS "by_groups!"
            FROM account AS a
            CROSS JOIN LATERAL unnest(a.access_keys, a.access_active_at) AS access (access_key, active_at)
            INNER JOIN access_key AS p ON p.access_key = access.access_key
            LEFT JOIN workspace AS w ON w.org_key = p.org_key AND w.resource_id = p.resource_id AND w.product = p.product
            WHERE a.account_key = $1
            ORDER BY access.active_at DESC NULLS LAST, p.product, 3"#,
            user.account_key
        );
        rows.fetch_all(&self.pool)
            .await?
            .into_iter()
            .map(|row| {
                Ok(AccessDetail {
                    product: row.product,
                    site: row.site,
                    resource_id: row.resource_id,
                    last_active_at: row.active_at,
                    by_groups: granted_by(row.by_groups)?,
                })
            })
            .collect()
    }

    /// Groups of a user, those that grant something first; at most `limit`.
    pub async fn user_groups(&self, user: &UserDetail, limit: i64) -> StoreResult<Vec<MemberOf>> {
        let rows = sqlx::query_as!(
            MemberOf,
            r#"-- browse.user_groups
            SELECT
                k.group_id::text AS "group_id!", g.name, coalesce(g.external_synced, false) AS "scim_managed!",
                g.member_count AS members, g.resource_count AS resources
            FROM account AS a
            CROSS JOIN LATERAL unnest(a.group_keys) AS member (group_key)
            INNER JOIN org_group AS g ON g.group_key = member.group_key AND g.known_alive AND g.hidden_at IS NULL
            INNER JOIN group_key AS k ON k.group_key = g.group_key
            WHERE a.account_key = $1
            ORDER BY coalesce(g.resource_count, 0) > 0 DESC, g.name COLLATE "und-x-icu", g.group_key
            LIMIT $2"#,
            user.account_key,
            limit
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// Operations that touched a user, the newest first; at most 50.
    pub async fn user_operations(&self, user: &UserDetail) -> StoreResult<Vec<Touched>> {
        let rows = sqlx::query!(
            r#"-- browse.user_operations
            SELECT o.operation_id, o.action, g.name AS "group?", i.state::text AS "state!", o.requested_by, o.requested_at
            FROM operation_item AS i
            INNER JOIN operation AS o ON o.operation_key = i.operation_key
            LEFT JOIN org_group AS g ON g.group_key = o.group_key
            WHERE i.account_key = $1
            ORDER BY o.operation_key DESC
            LIMIT 50"#,
            user.account_key
        );
        rows.fetch_all(&self.pool)
            .await?
            .into_iter()
            .map(|row| {
                Ok(Touched {
                    operation_id: OperationId(row.operation_id),
                    action: action_of(row.action)?,
                    group: row.group,
                    state: row.state.parse()?,
                    requested_by: row.requested_by,
                    requested_at: row.requested_at,
                })
            })
            .collect()
    }
}

fn granted_by(json: Value) -> StoreResult<Vec<GrantedBy>> {
    serde_json::from_value(json).map_err(|source| StoreError::Json { column: "group_grants.grants", source })
}
