//! T1: somebody asks for a sync.

use chrono::{DateTime, Utc};
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{Instant, OrgKey, RunId, RunKey};
use orgmirror_domain::run::{RunKind, Scope};
use orgmirror_domain::traceparent::Traceparent;
use serde_json::json;
use uuid::Uuid;

use crate::transaction::{Tx, transact};
use crate::{Store, StoreResult, audit};

/// What a requester learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The run that answers the request.
    pub run: RunKey,
    /// The same, for people.
    pub run_id: RunId,
    /// Drawn after the run was locked: everything that the run reads is read later.
    pub instant: Instant,
}

/// Who asked for a run.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The run, for people.
    pub run_id: RunId,
    /// Why it was asked for.
    pub kind: RunKind,
    /// When it was asked for first.
    pub requested_at: DateTime<Utc>,
    /// Where in their own traces those asked who told it.
    pub askers: Vec<Traceparent>,
}

impl Store {
    /// T1. Joins the pending full run, or makes it; a scoped request gets a run of its own. Asking again with the same `request` gives
    /// the same answer.
    ///
    /// A request never joins the active run: that one may have read the rows already.
    pub async fn request_sync(&self, org: OrgKey, request: Uuid, kind: RunKind, scope: &Scope) -> StoreResult<Ticket> {
        self.request_sync_as(org, request, kind, scope, None, None).await
    }

    /// T1 for somebody who asks, which the audit log keeps.
    pub async fn request_sync_by(
        &self,
        org: OrgKey,
        request: Uuid,
        kind: RunKind,
        scope: &Scope,
        by: &Actor,
    ) -> StoreResult<Ticket> {
        self.request_sync_as(org, request, kind, scope, Some(by), None).await
    }

    /// The same, for somebody whose own trace is to be found from the run's.
    pub async fn request_sync_from(
        &self,
        org: OrgKey,
        request: Uuid,
        kind: RunKind,
        scope: &Scope,
        by: &Actor,
        asker: Option<Traceparent>,
    ) -> StoreResult<Ticket> {
        self.request_sync_as(org, request, kind, scope, Some(by), asker).await
    }

    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "request.sync", otel.kind = "client", db.system.name = "postgresql"))]
    async fn request_sync_as(
        &self,
        org: OrgKey,
        request: Uuid,
        kind: RunKind,
        scope: &Scope,
        by: Option<&Actor>,
        asker: Option<Traceparent>,
    ) -> StoreResult<Ticket> {
        let asker = asker.map(|asker| asker.to_string());
        transact!(self, |tx| {
            if let Some(ticket) = earlier_ticket(tx, request).await? {
                return Ok(ticket);
            }
            let (run, run_id) = match scope {
                Scope::Full => join_pending(tx, org, kind).await?,
                Scope::Accounts { ids } => {
                    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                    scoped_run(tx, org, kind, "accounts", &ids).await?
                }
                Scope::Groups { ids } => {
                    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                    scoped_run(tx, org, kind, "groups", &ids).await?
                }
            };
            // A statement of its own, after the lock: the run's watermark will be greater.
            let stored = sqlx::query!(
                r#"-- request.store
                INSERT INTO sync_request (request_id, org_key, run_key, instant, traceparent) VALUES ($1, $2, $3, nextval('instant'), $4)
                ON CONFLICT (request_id) DO NOTHING
                RETURNING instant"#,
                request,
                org.0,
                run.0,
                asker.as_deref()
            );
            match stored.fetch_optional(&mut **tx).await? {
                Some(row) => {
                    sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
                    if let Some(by) = by {
                        let detail = json!({ "request": request, "kind": kind, "scope": scope, "instant": row.instant });
                        audit::append(tx, org, by, Event::SyncRequested, run_id, &detail).await?;
                    }
                    Ok(Ticket { run, run_id, instant: Instant(row.instant) })
                }
                // The same request, by another connection, a moment ago.
                None => earlier_ticket(tx, request).await?.ok_or_else(|| sqlx::Error::RowNotFound.into()),
            }
        })
    }

    /// Whether there is or was a full sync of the organisation.
    pub async fn was_ever_asked_to_sync(&self, org: OrgKey) -> StoreResult<bool> {
        let asked = sqlx::query_scalar!(
            r#"-- request.ever
            SELECT watermark IS NOT NULL OR EXISTS (SELECT FROM sync_run WHERE org_key = $1 AND scope = 'full') AS "asked!"
            FROM org WHERE org_key = $1"#,
            org.0
        );
        Ok(asked.fetch_one(&self.pool).await?)
    }

    /// Who asked for a run, and when.
    pub async fn origin(&self, run: RunKey) -> StoreResult<Origin> {
        let row = sqlx::query!(
            r#"-- request.origin
            SELECT run.run_id, run.kind::text AS "kind!", run.requested_at,
                ARRAY(SELECT r.traceparent FROM sync_request AS r WHERE r.run_key = run.run_key AND r.traceparent IS NOT NULL) AS "askers!"
            FROM sync_run AS run WHERE run.run_key = $1"#,
            run.0
        );
        let row = row.fetch_one(&self.pool).await?;
        let askers = row.askers.iter().filter_map(|text| text.parse().ok()).collect();
        Ok(Origin { run_id: RunId(row.run_id), kind: row.kind.parse()?, requested_at: row.requested_at, askers })
    }

    /// When the newest completed full sync began, on the clock, if there was one.
    pub async fn watermark_at(&self, org: OrgKey) -> StoreResult<Option<DateTime<Utc>>> {
        let at = sqlx::query_scalar!("SELECT watermark_at FROM org WHERE org_key = $1", org.0);
        Ok(at.fetch_one(&self.pool).await?)
    }

    /// The database's clock, the only one that watermarks are compared with.
    pub async fn now(&self) -> StoreResult<DateTime<Utc>> {
        let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#);
        Ok(now.fetch_one(&self.pool).await?)
    }
}

async fn earlier_ticket(tx: &mut Tx, request: Uuid) -> StoreResult<Option<Ticket>> {
    let row = sqlx::query!(
        r#"-- request.earlier
        SELECT request.run_key, run.run_id, request.instant
        FROM sync_request AS request INNER JOIN sync_run AS run ON run.run_key = request.run_key
        WHERE request.request_id = $1"#,
        request
    );
    let row = row.fetch_optional(&mut **tx).await?;
    Ok(row.map(|row| Ticket { run: RunKey(row.run_key), run_id: RunId(row.run_id), instant: Instant(row.instant) }))
}

/// Locks the pending full run, or makes it. Both can fail to find one in the face of others: the run found may start while the lock
/// is waited for, and an insert finds another's. Then it looks again.
pub(crate) async fn join_pending(tx: &mut Tx, org: OrgKey, kind: RunKind) -> StoreResult<(RunKey, RunId)> {
    loop {
        let pending = sqlx::query!(
            r#"-- request.join
            SELECT run_key, run_id FROM sync_run
            WHERE org_key = $1 AND scope = 'full' AND phase = 'requested'
            FOR UPDATE"#,
            org.0
        );
        if let Some(run) = pending.fetch_optional(&mut **tx).await? {
            return Ok((RunKey(run.run_key), RunId(run.run_id)));
        }
        let made = sqlx::query!(
            r#"-- request.make
            INSERT INTO sync_run (run_id, org_key, kind, scope) VALUES ($1, $2, $3::text::run_kind, 'full')
            ON CONFLICT (org_key) WHERE scope = 'full' AND phase = 'requested' DO NOTHING
            RETURNING run_key, run_id"#,
            Uuid::now_v7(),
            org.0,
            kind.as_str()
        );
        if let Some(run) = made.fetch_optional(&mut **tx).await? {
            return Ok((RunKey(run.run_key), RunId(run.run_id)));
        }
    }
}

/// A scoped run of its own: nothing that began before may answer.
pub(crate) async fn scoped_run(
    tx: &mut Tx,
    org: OrgKey,
    kind: RunKind,
    scope: &str,
    ids: &[String],
) -> StoreResult<(RunKey, RunId)> {
    let run = sqlx::query!(
        r#"-- request.scoped
        INSERT INTO sync_run (run_id, org_key, kind, scope, scope_ids)
        VALUES ($1, $2, $3::text::run_kind, $4::text::run_scope, (SELECT coalesce(array_agg(DISTINCT id), '{}') FROM unnest($5::text[]) AS id))
        RETURNING run_key, run_id"#,
        Uuid::now_v7(),
        org.0,
        kind.as_str(),
        scope,
        ids
    );
    let run = run.fetch_one(&mut **tx).await?;
    Ok((RunKey(run.run_key), RunId(run.run_id)))
}
