//! The stream of audit events: where it stands, and the refreshes that it asks for.
//!
//! Position and refreshes go together in one transaction (protocol, "delta"): an event that was read is served, and one that was not served
//! is read again. A reading that comes late or twice finds another position and changes nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use orgmirror_domain::event::Touched;
use orgmirror_domain::ids::{OrgKey, RunKey};
use orgmirror_domain::run::RunKind;
use serde::Serialize;
use uuid::Uuid;

use crate::request::{join_pending, scoped_run};
use crate::transaction::{Tx, transact};
use crate::{Store, StoreResult};

/// A worker that was asked to read has so long before another one is.
const LEASE: Duration = Duration::from_secs(20);
/// How far back the stream is followed from when there is no position: the API may have taken events in late.
const MARGIN: Duration = Duration::from_secs(120);
/// Accounts and groups of a waiting refresh at most: a full run costs fewer calls than more of them.
const SUBJECTS: i64 = 10_000;

/// Where the stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPosition {
    /// Where it goes on; `None`: from that time on.
    pub cursor: Option<String>,
    /// The time to begin at.
    pub from: DateTime<Utc>,
    /// Events that come once more at this position.
    pub seen_ids: Vec<String>,
}

/// What one page of the stream told.
#[derive(Clone, Debug)]
pub struct EventsRead {
    /// The position that it was read from.
    pub from: EventPosition,
    /// The position behind it.
    pub next: EventPosition,
    /// What is to be read again.
    pub touched: Touched,
    /// Events on it that are new.
    pub events: u64,
    /// When the next page is to be read: at once after a full one.
    pub again_in: Duration,
}

/// Why the stream is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The key may not read it.
    NotPermitted,
    /// Nothing useful answers.
    Unavailable,
}

impl Trouble {
    /// The word in the database and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotPermitted => "not_permitted",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The stream as people see it.
#[derive(Clone, Debug, Serialize)]
pub struct EventStream {
    /// When it was last read to its end.
    pub read_at: Option<DateTime<Utc>>,
    /// `not_permitted` or `unavailable`; null while it is followed.
    pub trouble: Option<String>,
    /// The same, for people.
    pub trouble_reason: Option<String>,
    /// Since when.
    pub trouble_at: Option<DateTime<Utc>>,
    /// Changes from before this moment may not show: until a full sync that begins after it has completed.
    pub gap_at: Option<DateTime<Utc>>,
    /// Events read.
    pub events: i64,
    /// Of these, events that name neither a user nor a group.
    pub unknown_events: i64,
}

impl Store {
    /// Whether a worker is to read the stream now; asking says that it was asked to. The first time the stream begins before the watermark
    /// of the newest full sync that has completed or is under way, so that nothing is missed between that sync and the stream; without one of the last two
    /// days it begins now, and what changed before is a gap.
    pub async fn take_due_events(&self, org: OrgKey) -> StoreResult<bool> {
        let due = sqlx::query!(
            r#"-- events.take_due
            INSERT INTO event_stream AS s (org_key, from_at, gap_at, due_at)
            SELECT $1, coalesce(begun.at, clock_timestamp()) - make_interval(secs => $3),
                CASE WHEN begun.at IS NULL THEN clock_timestamp() END, clock_timestamp() + make_interval(secs => $2)
            FROM (
                SELECT coalesce(org.watermark_at, run.watermark_at) AS at
                FROM org
                LEFT JOIN sync_run AS run
                    ON run.org_key = org.org_key AND run.scope = 'full' AND run.finished_at IS NULL AND run.phase <> 'requested'
                WHERE org.org_key = $1 AND coalesce(org.watermark_at, run.watermark_at) > clock_timestamp() - interval '2 days'
                ORDER BY 1 LIMIT 1
            ) AS sync
            RIGHT JOIN (VALUES (1)) AS one ON true
            CROSS JOIN LATERAL (SELECT sync.at) AS begun
            ON CONFLICT (org_key) DO UPDATE SET due_at = excluded.due_at WHERE s.due_at <= clock_timestamp()"#,
            org.0,
            LEASE.as_secs_f64(),
            MARGIN.as_secs_f64()
        );
        Ok(due.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// Where the stream stands.
    pub async fn event_position(&self, org: OrgKey) -> StoreResult<Option<EventPosition>> {
        let row = sqlx::query!(
            r#"-- events.position
            SELECT cursor, from_at, seen_ids FROM event_stream WHERE org_key = $1"#,
            org.0
        );
        let row = row.fetch_optional(&self.pool).await?;
        Ok(row.map(|row| EventPosition { cursor: row.cursor, from: row.from_at, seen_ids: row.seen_ids }))
    }

    /// Commits a page: the position behind it, and the refreshes that it asks for. False if the stream stands elsewhere meanwhile.
    pub async fn commit_events(&self, org: OrgKey, read: &EventsRead) -> StoreResult<bool> {
        transact!(self, |tx| {
            let moved = sqlx::query!(
                r#"-- events.commit
                UPDATE event_stream
                SET cursor = $4, from_at = $5, seen_ids = $6, due_at = clock_timestamp() + make_interval(secs => $7),
                    read_at = clock_timestamp(), trouble = NULL, trouble_reason = NULL, trouble_at = NULL,
                    events = events + $8, unknown_events = unknown_events + $9
                WHERE org_key = $1 AND cursor IS NOT DISTINCT FROM $2 AND from_at = $3 AND seen_ids = $10"#,
                org.0,
                read.from.cursor,
                read.from.from,
                read.next.cursor,
                read.next.from,
                &read.next.seen_ids,
                read.again_in.as_secs_f64(),
                i64::try_from(read.events).unwrap_or(i64::MAX),
                i64::try_from(read.touched.unknown).unwrap_or(i64::MAX),
                &read.from.seen_ids
            );
            if moved.execute(&mut **tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            refresh(tx, org, &read.touched).await?;
            Ok(true)
        })
    }

    /// Says that the stream could not be read, and when to try again.
    pub async fn events_unread(&self, org: OrgKey, trouble: Trouble, reason: &str, again_in: Duration) -> StoreResult<()> {
        sqlx::query!(
            r#"-- events.unread
            UPDATE event_stream
            SET trouble_at = CASE WHEN trouble = $2 THEN trouble_at ELSE clock_timestamp() END, trouble = $2, trouble_reason = $3,
                due_at = clock_timestamp() + make_interval(secs => $4)
            WHERE org_key = $1"#,
            org.0,
            trouble.as_str(),
            reason,
            again_in.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Waits with the next reading, which nothing is wrong with.
    pub async fn put_events_off(&self, org: OrgKey, wait: Duration) -> StoreResult<()> {
        sqlx::query!(
            r#"-- events.put_off
            UPDATE event_stream SET due_at = clock_timestamp() + make_interval(secs => $2) WHERE org_key = $1"#,
            org.0,
            wait.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The API does not know the position any more: the stream goes on from the time when it was last read, and whether that misses something
    /// nobody knows.
    pub async fn lose_event_position(&self, org: OrgKey, lost: &EventPosition) -> StoreResult<()> {
        sqlx::query!(
            r#"-- events.lost
            UPDATE event_stream
            SET cursor = NULL, seen_ids = '{}', from_at = coalesce(read_at, from_at) - make_interval(secs => $3), gap_at = clock_timestamp(),
                due_at = clock_timestamp()
            WHERE org_key = $1 AND cursor IS NOT DISTINCT FROM $2"#,
            org.0,
            lost.cursor,
            MARGIN.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The stream for people; `None` before it was first asked for. A refresh that failed or was cancelled leaves a gap as well: its events
    /// are behind the position.
    pub async fn event_stream(&self, org: OrgKey) -> StoreResult<Option<EventStream>> {
        let stream = sqlx::query_as!(
            EventStream,
            r#"-- events.view
            SELECT
                s.read_at, s.trouble, s.trouble_reason, s.trouble_at, s.events, s.unknown_events,
                CASE WHEN gap.at >= coalesce(org.watermark_at, '-infinity') THEN gap.at END AS gap_at
            FROM event_stream AS s
            INNER JOIN org ON org.org_key = s.org_key
            CROSS JOIN LATERAL (
                SELECT greatest(s.gap_at, (
                    SELECT max(run.finished_at) FROM sync_run AS run
                    WHERE run.org_key = s.org_key AND run.kind = 'delta' AND run.phase IN ('failed', 'cancelled')
                )) AS at
            ) AS gap
            WHERE s.org_key = $1"#,
            org.0
        );
        Ok(stream.fetch_optional(&self.pool).await?)
    }
}

/// Adds to the waiting refreshes, or makes them: at most one of each kind waits.
async fn refresh(tx: &mut Tx, org: OrgKey, touched: &Touched) -> StoreResult<()> {
    let uuids =
        |groups: &std::collections::BTreeSet<orgmirror_domain::ids::GroupId>| groups.iter().map(|id| id.0).collect::<Vec<Uuid>>();
    let with_members: Vec<String> = touched.with_members.iter().map(ToString::to_string).collect();
    let rows: Vec<Uuid> = uuids(&(&touched.groups - &touched.with_members));
    let accounts: Vec<String> = touched.accounts.iter().map(ToString::to_string).collect();
    if !accounts.is_empty() || !rows.is_empty() {
        let grants = uuids(&(&touched.granting - &touched.with_members));
        let run = waiting_run(tx, org, "accounts").await?;
        add(tx, org, run, &accounts, &rows, &grants).await?;
    }
    if !with_members.is_empty() {
        let run = waiting_run(tx, org, "groups").await?;
        add(tx, org, run, &with_members, &[], &uuids(&touched.with_members)).await?;
    }
    Ok(())
}

/// The refresh of that scope that has not begun, locked; made if there is none.
async fn waiting_run(tx: &mut Tx, org: OrgKey, scope: &str) -> StoreResult<RunKey> {
    let waiting = sqlx::query_scalar!(
        r#"-- events.waiting_run
        SELECT run_key FROM sync_run
        WHERE org_key = $1 AND kind = 'delta' AND scope = $2::text::run_scope AND phase = 'requested'
        ORDER BY run_key LIMIT 1
        FOR UPDATE"#,
        org.0,
        scope
    );
    match waiting.fetch_optional(&mut **tx).await? {
        Some(run) => Ok(RunKey(run)),
        None => Ok(scoped_run(tx, org, RunKind::Delta, scope, &[]).await?.0),
    }
}

async fn add(tx: &mut Tx, org: OrgKey, run: RunKey, ids: &[String], rows: &[Uuid], grants: &[Uuid]) -> StoreResult<()> {
    let subjects = sqlx::query_scalar!(
        r#"-- events.add
        UPDATE sync_run
        SET scope_ids = ARRAY (SELECT DISTINCT id FROM unnest(scope_ids || $2::text[]) AS id),
            group_rows = ARRAY (SELECT DISTINCT id FROM unnest(group_rows || $3::uuid[]) AS id),
            grant_groups = ARRAY (SELECT DISTINCT id FROM unnest(grant_groups || $4::uuid[]) AS id)
        WHERE run_key = $1
        RETURNING (cardinality(scope_ids) + cardinality(group_rows))::bigint AS "subjects!""#,
        run.0,
        ids,
        rows,
        grants
    );
    if subjects.fetch_one(&mut **tx).await? > SUBJECTS {
        join_pending(tx, org, RunKind::Delta).await?;
        sqlx::query!(
            r#"-- events.too_many
            UPDATE sync_run SET phase = 'replaced', watermark = nextval('instant'), watermark_at = clock_timestamp(),
                entered_at = clock_timestamp(), finished_at = clock_timestamp()
            WHERE run_key = $1"#,
            run.0
        )
        .execute(&mut **tx)
        .await?;
    }
    sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
    Ok(())
}
