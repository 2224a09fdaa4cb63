//! The audit log: appended by the transaction that does what an entry records, and never changed.
//!
//! Invariants
//! - Numbers of an organisation have no gap, and each entry carries the hash of the one before: entries are appended under a lock.
//! - That lock is the last that a transaction takes, whatever it locks besides; so two that append never wait for each other in a circle.
//! - `detail` holds ids, counts and what people typed; no names and addresses of accounts.
//!
//! What came of each account of an operation is kept with the operation; the log has one entry for its end, with the counts and a digest of
//! all results. An entry for each account would make every call wait for the organisation's lock.
//!
//! Absent: the form that is hashed (`orgmirror_domain::audit`).

use chrono::{DateTime, Utc};
use orgmirror_domain::audit::{Actor, Entry, Event, Hash};
use orgmirror_domain::ids::OrgKey;
use serde::Serialize;
use serde_json::Value;

use crate::transaction::Tx;
use crate::{Store, StoreResult};

/// An entry as people see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// 1, 2, 3 ... for each organisation.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// `person`, `program`, `schedule` or `system`.
    pub actor_kind: String,
    /// The person's or program's name; empty if there is none.
    pub actor: String,
    /// A word of [`Event`]. As text: a later version may have written what this one does not know.
    pub event: String,
    /// Id or name of what it happened to.
    pub subject: String,
    /// More of it.
    pub detail: Value,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

/// Which entries are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// At this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Of this event.
    pub event: Option<Event>,
    /// By whoever has this name.
    pub actor: Option<&'a str>,
    /// About this.
    pub subject: Option<&'a str>,
    /// Those before this number: the next page of a list.
    pub before: Option<i64>,
}

/// What a check of the whole chain found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Entries read.
    pub entries: i64,
    /// Number and hash of the newest, to be kept elsewhere and given to the next check.
    pub head: Option<Head>,
    /// What is wrong, at most [`FAULTS_MAX`]; empty if nothing is.
    pub faults: Vec<Fault>,
}

/// An entry by number and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number.
    pub number: i64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

/// A place where the chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The entry's number.
    pub number: i64,
    /// What is wrong, for people.
    pub what: &'static str,
}

/// A check names so many faults.
pub const FAULTS_MAX: usize = 100;
/// Entries that a check reads at once.
const PAGE: i64 = 5_000;

/// Appends an entry. The last statement of its transaction that locks anything.
pub(crate) async fn append(
    tx: &mut Tx,
    org: OrgKey,
    actor: &Actor,
    event: Event,
    subject: impl ToString,
    detail: &Value,
) -> StoreResult<()> {
    sqlx::query!("SELECT lock_audit($1)", org.0).execute(&mut **tx).await?;
    // A statement of its own, after the lock: the entry before is the one that the last holder committed.
    let head = sqlx::query!(
        r#"-- audit.head
        SELECT o.org_id, clock_timestamp() AS "now!", h.number AS "number?", h.hash AS "hash?"
        FROM org AS o LEFT JOIN audit_head AS h ON h.org_key = o.org_key
        WHERE o.org_key = $1"#,
        org.0
    );
    let head = head.fetch_one(&mut **tx).await?;
    let (subject, detail) = (subject.to_string(), detail.to_string());
    let entry = Entry {
        previous: head.hash.as_deref().map_or(Hash::NONE, hash_of),
        org: &head.org_id,
        number: head.number.unwrap_or_default() + 1,
        at: head.now,
        actor_kind: actor.kind.as_str(),
        actor: &actor.name,
        event: event.as_str(),
        subject: &subject,
        detail: &detail,
    };
    sqlx::query!(
        r#"-- audit.append
        WITH head AS (
            INSERT INTO audit_head (org_key, number, hash) VALUES ($1, $2, $10)
            ON CONFLICT (org_key) DO UPDATE SET number = excluded.number, hash = excluded.hash
        )
        INSERT INTO audit_entry (org_key, number, at, actor_kind, actor, event, subject, detail, previous, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"#,
        org.0,
        entry.number,
        entry.at,
        entry.actor_kind,
        entry.actor,
        entry.event,
        entry.subject,
        entry.detail,
        &entry.previous.0,
        &entry.hash().0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// At most `limit` entries, newest first.
    pub async fn audit(&self, org: OrgKey, wanted: &Wanted<'_>, limit: u16) -> StoreResult<Vec<AuditEntry>> {
        let rows = sqlx::query!(
            r#"-- audit.list
            SELECT number, at, actor_kind, actor, event, subject, detail::jsonb AS "detail!", encode(hash, 'hex') AS "hash!"
            FROM audit_entry
            WHERE org_key = $1
                AND ($2::timestamptz IS NULL OR at >= $2)
                AND ($3::text IS NULL OR event = $3)
                AND ($4::text IS NULL OR lower(actor) = lower($4))
                AND ($5::text IS NULL OR subject = $5)
                AND ($6::bigint IS NULL OR number < $6)
            ORDER BY number DESC
            LIMIT $7"#,
            org.0,
            wanted.since,
            wanted.event.map(Event::as_str),
            wanted.actor,
            wanted.subject,
            wanted.before,
            i64::from(limit)
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows
            .map(|row| AuditEntry {
                number: row.number,
                at: row.at,
                actor_kind: row.actor_kind,
                actor: row.actor,
                event: row.event,
                subject: row.subject,
                detail: row.detail,
                hash: row.hash,
            })
            .collect())
    }

    /// Computes the whole chain anew. `known` is an entry that was the newest at an earlier check: it must still be there as it was.
    pub async fn verify_audit(&self, org: OrgKey, known: Option<&Head>) -> StoreResult<Verified> {
        let (mut verified, mut last) = (Verified::default(), (0, Hash::NONE));
        let mut known_met = known.is_none();
        loop {
            let rows = sqlx::query!(
                r#"-- audit.chain
                SELECT o.org_id, e.number, e.at, e.actor_kind, e.actor, e.event, e.subject, e.detail, e.previous, e.hash
                FROM audit_entry AS e INNER JOIN org AS o ON o.org_key = e.org_key
                WHERE e.org_key = $1 AND e.number > $2
                ORDER BY e.number
                LIMIT $3"#,
                org.0,
                last.0,
                PAGE
            );
            let rows = rows.fetch_all(&self.pool).await?;
            let read = rows.len();
            for row in rows {
                let (previous, hash) = (hash_of(&row.previous), hash_of(&row.hash));
                let entry = Entry {
                    previous,
                    org: &row.org_id,
                    number: row.number,
                    at: row.at,
                    actor_kind: &row.actor_kind,
                    actor: &row.actor,
                    event: &row.event,
                    subject: &row.subject,
                    detail: &row.detail,
                };
                if row.number != last.0 + 1 {
                    verified.fault(last.0 + 1, "it and perhaps more after it were removed");
                } else if previous != last.1 {
                    verified.fault(row.number, "the entry before it is not the one that it was written after");
                }
                if entry.hash() != hash {
                    verified.fault(row.number, "it does not say what was written");
                }
                known_met |= known.is_some_and(|known| known.number == row.number && known.hash == hash.to_string());
                // What follows is judged by what is stored here, so that one change is one fault.
                last = (row.number, hash);
                verified.entries += 1;
            }
            if read < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                break;
            }
        }
        self.verify_head(org, last, &mut verified).await?;
        if let Some(known) = known.filter(|_| !known_met) {
            verified.fault(known.number, "it is not there as it was at the earlier check");
        }
        verified.head = (last.0 > 0).then(|| Head { number: last.0, hash: last.1.to_string() });
        Ok(verified)
    }

    /// Whether the newest entry that was read is the newest that was written.
    async fn verify_head(&self, org: OrgKey, last: (i64, Hash), verified: &mut Verified) -> StoreResult<()> {
        let head = sqlx::query!(
            r#"-- audit.verify_head
            SELECT h.number AS "number?", h.hash AS "hash?", newest.number AS "newest?"
            FROM org AS o
            LEFT JOIN audit_head AS h ON h.org_key = o.org_key
            LEFT JOIN LATERAL (SELECT number FROM audit_entry WHERE org_key = o.org_key ORDER BY number DESC LIMIT 1) AS newest ON true
            WHERE o.org_key = $1"#,
            org.0
        );
        let head = head.fetch_one(&self.pool).await?;
        // Entries may have been appended since the chain was read; those are seen by this statement, whole.
        let appended_since = head.newest.unwrap_or_default() > last.0;
        if !appended_since && (head.number.unwrap_or_default(), head.hash.as_deref().map_or(Hash::NONE, hash_of)) != last {
            verified.fault(last.0 + 1, "entries were removed from the end, or added past the program");
        }
        Ok(())
    }
}

impl Verified {
    fn fault(&mut self, number: i64, what: &'static str) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { number, what });
        }
    }
}

/// The column's constraint says that it has 32 bytes.
fn hash_of(bytes: &[u8]) -> Hash {
    Hash(bytes.try_into().unwrap_or_default())
}
