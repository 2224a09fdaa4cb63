//! Rows of accounts: compare a batch with what stands there, then write only what must change.

use chrono::{DateTime, Utc};
use orgmirror_domain::diff::{added_and_removed, changed_fields};
use orgmirror_domain::ids::{Instant, OrgKey};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::observation::Account;
use serde_json::{Map, Value, json};

use crate::change_log::{Change, Entry};
use crate::fingerprint::Fingerprint;
use crate::observe::{Differing, Mirrored, Standing};
use crate::transaction::Tx;
use crate::{Store, StoreResult};

/// An account's observation with keys for ids; the composite type of the same name, field by field.
#[derive(Clone, Debug, Default, PartialEq, sqlx::Type)]
#[sqlx(type_name = "account_facts")]
pub(crate) struct AccountFacts {
    pub(crate) account_key: i32,
    account_type: Option<String>,
    status: Option<String>,
    account_status: Option<String>,
    membership_status: Option<String>,
    claim_status: Option<String>,
    management_source: Option<String>,
    mfa_enabled: Option<bool>,
    email_verified: Option<bool>,
    added_to_org_at: Option<DateTime<Utc>>,
    name: Option<String>,
    nickname: Option<String>,
    email: Option<String>,
    picture: Option<String>,
    avatar: Option<String>,
    job_title: Option<String>,
    department: Option<String>,
    organization: Option<String>,
    location: Option<String>,
    time_zone: Option<String>,
    deactivated_at: Option<DateTime<Utc>>,
    for_deletion: Option<bool>,
    platform_roles: Vec<String>,
    access_keys: Vec<i32>,
    access_active_at: Vec<Option<DateTime<Utc>>>,
    /// Sorted.
    pub(crate) group_keys: Vec<i32>,
    pub(crate) observed: i64,
    observed_at: Option<DateTime<Utc>>,
    pub(crate) missing: bool,
    /// Of all the above but the key and the observation's time.
    pub(crate) fingerprint: i64,
}

impl AccountFacts {
    /// The observation "not there".
    pub(crate) fn absent(account_key: i32, observed: Instant, observed_at: DateTime<Utc>) -> Self {
        Self { account_key, observed: observed.0, observed_at: Some(observed_at), missing: true, ..Self::default() }
    }

    fn fingerprinted(mut self) -> Self {
        let mut of = Fingerprint::default();
        for text in [
            &self.account_type,
            &self.status,
            &self.account_status,
            &self.membership_status,
            &self.claim_status,
            &self.management_source,
            &self.name,
            &self.nickname,
            &self.email,
            &self.picture,
            &self.avatar,
            &self.job_title,
            &self.department,
            &self.organization,
            &self.location,
            &self.time_zone,
        ] {
            of.text(text.as_deref());
        }
        of.flag(self.mfa_enabled).flag(self.email_verified).flag(self.for_deletion);
        of.time(self.added_to_org_at).time(self.deactivated_at);
        of.list(&self.platform_roles, |of, role| of.text(Some(role)));
        of.list(&self.access_keys, |of, key| of.number(Some(i64::from(*key))));
        of.list(&self.access_active_at, |of, at| of.time(*at));
        of.list(&self.group_keys, |of, key| of.number(Some(i64::from(*key))));
        self.fingerprint = of.finish();
        self
    }

    /// What the change log compares: everything but memberships, which it keeps apart, and activity, which changes daily.
    fn logged_fields(&self) -> Map<String, Value> {
        let fields = json!({
            "account_type": self.account_type, "status": self.status, "account_status": self.account_status,
            "membership_status": self.membership_status, "claim_status": self.claim_status,
            "management_source": self.management_source, "mfa_enabled": self.mfa_enabled,
            "email_verified": self.email_verified, "added_to_org_at": self.added_to_org_at, "name": self.name,
            "nickname": self.nickname, "email": self.email, "picture": self.picture, "avatar": self.avatar,
            "job_title": self.job_title, "department": self.department, "organization": self.organization,
            "location": self.location, "time_zone": self.time_zone, "deactivated_at": self.deactivated_at,
            "for_deletion": self.for_deletion, "platform_roles": self.platform_roles, "product_access": self.access_keys,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

impl Mirrored for AccountFacts {
    const KIND: &'static str = "account";
    const LOOKUP: JobKind = JobKind::AccountLookup;

    fn key(&self) -> i32 {
        self.account_key
    }

    fn observed(&self) -> Instant {
        Instant(self.observed)
    }

    fn is_absent(&self) -> bool {
        self.missing
    }

    fn memberships(&self) -> i32 {
        i32::try_from(self.group_keys.len()).unwrap_or(i32::MAX)
    }

    fn changed_entry(&self, old: &Self) -> Option<Entry> {
        let fields = changed_fields(&old.logged_fields(), &self.logged_fields());
        let (joined, departed) = added_and_removed(&old.group_keys, &self.group_keys);
        let something = !fields.is_empty() || !joined.is_empty() || !departed.is_empty();
        something.then_some(Entry { key: self.account_key, change: Change::Changed, fields, joined, departed })
    }

    fn fingerprint(&self) -> i64 {
        self.fingerprint
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let (observed, observed_at, fingerprint) = (other.observed, other.observed_at, other.fingerprint);
        Self { observed, observed_at, fingerprint, ..self.clone() } == *other
    }

    async fn differing(
        tx: &mut Tx,
        org: OrgKey,
        (keys, fingerprints): (&[i32], &[i64]),
        stamp_from: Instant,
        awaited_by: Option<JobKind>,
    ) -> StoreResult<Vec<Differing>> {
        let rows = sqlx::query_as!(
            Differing,
            r#"-- account.differing
            SELECT
                incoming.key AS "key!",
                stored.account_key IS NULL AS "rowless!",
                coalesce(incoming.key = ANY (awaited.keys), false) AS "awaited!"
            FROM awaited_keys($1, $5::text::job_kind) AS awaited (keys)
            CROSS JOIN unnest($2::integer[], $3::bigint[]) AS incoming (key, fingerprint)
            LEFT JOIN account AS stored ON stored.account_key = incoming.key
            WHERE stored.account_key IS NULL
                OR stored.missing
                OR stored.fingerprint <> incoming.fingerprint
                OR stored.observed >= $4
                OR incoming.key = ANY (awaited.keys)"#,
            org.0,
            keys,
            fingerprints,
            stamp_from.0,
            awaited_by.map(JobKind::as_str),
        );
        Ok(rows.fetch_all(&mut **tx).await?)
    }

    async fn locked(tx: &mut Tx, keys: &[i32]) -> StoreResult<Vec<Standing<Self>>> {
        let rows = sqlx::query_as!(
            Standing::<AccountFacts>,
            r#"-- account.locked
            SELECT
                ROW(
                    account_key, account_type, status, account_status, membership_status, claim_status, management_source, mfa_enabled,
                    email_verified, added_to_org_at, name, nickname, email, picture, avatar, job_title, department, organization,
                    location, time_zone, deactivated_at, for_deletion, platform_roles, access_keys, access_active_at, group_keys,
                    observed, observed_at, missing, fingerprint
                )::account_facts AS "facts!: AccountFacts",
                hidden_at IS NOT NULL AS "hidden!",
                known_alive
            FROM account
            WHERE account_key = ANY ($1)
            ORDER BY account_key
            FOR NO KEY UPDATE"#,
            keys,
        );
        Ok(rows.fetch_all(&mut **tx).await?)
    }

    async fn write_seen(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<Vec<i32>> {
        let written = sqlx::query!(
            r#"-- account.write_seen
            INSERT INTO account AS a (
                account_key, org_key, observed, observed_at, known_alive, account_type, status, account_status, membership_status,
                claim_status, management_source, mfa_enabled, email_verified, added_to_org_at, name, nickname, email, picture, avatar,
                job_title, department, organization, location, time_zone, deactivated_at, for_deletion, platform_roles, access_keys,
                access_active_at, group_keys, fingerprint
            )
            SELECT
                account_key, $2, observed, observed_at, true, account_type, status, account_status, membership_status,
                claim_status, management_source, mfa_enabled, email_verified, added_to_org_at, name, nickname, email, picture, avatar,
                job_title, department, organization, location, time_zone, deactivated_at, for_deletion, platform_roles, access_keys,
                access_active_at, group_keys, fingerprint
            FROM unnest($1::account_facts[])
            ON CONFLICT (account_key) DO UPDATE SET
                observed = excluded.observed,
                observed_at = excluded.observed_at,
                missing = false,
                hidden_at = NULL,
                hidden_instant = NULL,
                known_alive = true,
                account_type = excluded.account_type,
                status = excluded.status,
                account_status = excluded.account_status,
                membership_status = excluded.membership_status,
                claim_status = excluded.claim_status,
                management_source = excluded.management_source,
                mfa_enabled = excluded.mfa_enabled,
                email_verified = excluded.email_verified,
                added_to_org_at = excluded.added_to_org_at,
                name = excluded.name,
                nickname = excluded.nickname,
                email = excluded.email,
                picture = excluded.picture,
                avatar = excluded.avatar,
                job_title = excluded.job_title,
                department = excluded.department,
                organization = excluded.organization,
                location = excluded.location,
                time_zone = excluded.time_zone,
                deactivated_at = excluded.deactivated_at,
                for_deletion = excluded.for_deletion,
                platform_roles = excluded.platform_roles,
                access_keys = excluded.access_keys,
                access_active_at = excluded.access_active_at,
                group_keys = excluded.group_keys,
                fingerprint = excluded.fingerprint
            WHERE a.observed < excluded.observed
            -- A row that this statement inserted has never been locked or updated.
            RETURNING account_key AS "key!", xmax = 0 AS "inserted!""#,
            facts as &[&Self],
            org.0,
        )
        .fetch_all(&mut **tx)
        .await?;
        // With an access the role goes that was held on it.
        sqlx::query!(
            r#"-- account.forget_roles
            DELETE FROM direct_role AS d
            USING unnest($1::account_facts[]) AS facts
            WHERE d.account_key = facts.account_key AND NOT d.access_key = ANY (facts.access_keys)"#,
            facts as &[&Self],
        )
        .execute(&mut **tx)
        .await?;
        Ok(written.into_iter().filter(|row| row.inserted).map(|row| row.key).collect())
    }

    async fn write_absent(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<()> {
        sqlx::query!(
            r#"-- account.write_absent
            INSERT INTO account AS a (account_key, org_key, observed, observed_at, missing, known_alive)
            SELECT account_key, $2, observed, observed_at, true, false
            FROM unnest($1::account_facts[])
            ON CONFLICT (account_key) DO UPDATE SET observed = excluded.observed, observed_at = excluded.observed_at, missing = true
            WHERE a.observed < excluded.observed"#,
            facts as &[&Self],
            org.0,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}

impl Store {
    /// Turns observations into facts, drawing keys for ids. Runs before the transaction that writes them.
    pub(crate) async fn account_facts(
        &self,
        org: OrgKey,
        accounts: Vec<Account>,
        observed: Instant,
        observed_at: DateTime<Utc>,
    ) -> StoreResult<Vec<AccountFacts>> {
        let ids: Vec<_> = accounts.iter().map(|account| &account.account_id).collect();
        let keys = self.account_keys(org, &ids).await?;
        let mut groups: Vec<_> = accounts.iter().flat_map(|account| account.groups.iter().copied()).collect();
        groups.sort_unstable();
        groups.dedup();
        let groups = self.group_keys(org, &groups).await?;
        let pairs: Vec<_> = accounts
            .iter()
            .flat_map(|account| &account.access)
            .map(|access| (&access.resource, access.product.as_str()))
            .collect();
        let access = self.access_keys(org, &pairs).await?;
        let facts = accounts.into_iter().zip(keys).map(|(account, account_key)| {
            let mut group_keys: Vec<i32> = account.groups.iter().filter_map(|id| groups.get(id).copied()).collect();
            group_keys.sort_unstable();
            let (access_keys, access_active_at) = account
                .access
                .into_iter()
                .filter_map(|one| access.get(&(one.resource, one.product)).map(|key| (*key, one.last_active_at)))
                .unzip();
            AccountFacts {
                account_key,
                account_type: storable(account.account_type),
                status: storable(account.status),
                account_status: storable(account.account_status),
                membership_status: storable(account.membership_status),
                claim_status: storable(account.claim_status),
                management_source: storable(account.management_source),
                mfa_enabled: account.mfa_enabled,
                email_verified: account.email_verified,
                added_to_org_at: account.added_to_org_at,
                name: storable(account.name),
                nickname: storable(account.nickname),
                email: storable(account.email),
                picture: storable(account.picture),
                avatar: storable(account.avatar),
                job_title: storable(account.job_title),
                department: storable(account.department),
                organization: storable(account.organization),
                location: storable(account.location),
                time_zone: storable(account.time_zone),
                deactivated_at: account.deactivated_at,
                for_deletion: account.for_deletion,
                platform_roles: account.platform_roles.into_iter().filter_map(|role| storable(Some(role))).collect(),
                access_keys,
                access_active_at,
                group_keys,
                observed: observed.0,
                observed_at: Some(observed_at),
                missing: false,
                fingerprint: 0,
            }
            .fingerprinted()
        });
        Ok(facts.collect())
    }
}

/// Text as Postgres can hold it: everything but NUL, which becomes the replacement character.
pub(crate) fn storable(text: Option<String>) -> Option<String> {
    text.map(|text| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text })
}
