//! T4 for jobs that are no pages: look-ups by id, what a group grants, counts.
//!
//! A look-up always writes all its subjects, changed or not, there or "not there", also ids that the mirror does not know: its
//! instant is what a waiting gate looks for.

use std::collections::HashSet;

use orgmirror_domain::ids::{AccountId, GroupId, GroupKey, Instant, JobKey, OrgKey, RunKey};
use orgmirror_domain::observation::{Account, Grant, Group};
use orgmirror_domain::query::Listed;

use crate::account::AccountFacts;
use crate::attempt::{Drawn, Job, lock_pending};
use crate::exception::{self, Incomplete};
use crate::group::{self, GroupFacts};
use crate::observe::{Mirrored, Tally, Writer, write_rows};
use crate::transaction::{Tx, transact};
use crate::{Store, StoreResult, lock};

/// Whether a job's effect was committed by this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Yes.
    Now,
    /// The job was not pending any more, or its run has ended: nothing was written.
    Refused,
}

/// What a job that is no page writes.
enum Effect<'a> {
    Accounts(Found<AccountFacts>),
    Groups(Found<GroupFacts>),
    Grants(GroupKey, &'a [Grant]),
    Count(i64),
    Exception { kind: &'static str, keys: Vec<i32>, reason: &'a str },
}

impl Effect<'_> {
    /// The kind of rows that it writes.
    fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Accounts(_) => Some(AccountFacts::KIND),
            Self::Groups(_) | Self::Grants(..) => Some(GroupFacts::KIND),
            Self::Count(_) | Self::Exception { .. } => None,
        }
    }

    /// Writes it; returns the rows written, and the answer of a count.
    async fn apply(&self, tx: &mut Tx, writer: Writer, drawn: Drawn) -> StoreResult<(Tally, Option<i64>)> {
        Ok(match self {
            Self::Accounts(found) => (found.write(tx, writer).await?, None),
            Self::Groups(found) => (found.write(tx, writer).await?, None),
            Self::Grants(group, grants) => {
                let changed = group::write_grants(tx, writer.org, *group, drawn.instant, grants).await?;
                // Grants are read apart from the group's row; the first reading is no change of it.
                (Tally { added: 0, changed: i32::from(changed && writer.logged) }, None)
            }
            Self::Count(answer) => (Tally::default(), Some(*answer)),
            Self::Exception { kind, keys, reason } => {
                exception::name_unreadable(tx, writer.run, kind, keys, reason).await?;
                (Tally::default(), None)
            }
        })
    }
}

/// Rows that a look-up asked for, there or absent.
struct Found<F> {
    facts: Vec<F>,
    incomplete: Vec<Incomplete>,
}

impl<F: Mirrored> Found<F> {
    fn new(facts: Vec<F>, untold: &[Vec<&'static str>]) -> Self {
        let incomplete = facts.iter().zip(untold).filter_map(|(fact, untold)| Incomplete::of(fact.key(), untold)).collect();
        Self { facts, incomplete }
    }

    fn keys(&self) -> Vec<i32> {
        self.facts.iter().map(F::key).collect()
    }

    async fn write(&self, tx: &mut Tx, writer: Writer) -> StoreResult<Tally> {
        let tally = write_rows(tx, writer, self.facts.iter().collect()).await?;
        exception::take_back(tx, writer.run, F::KIND, &self.keys()).await?;
        exception::name_incomplete(tx, writer.run, F::KIND, self.incomplete.iter().collect()).await?;
        Ok(tally)
    }
}

impl Store {
    /// Commits a look-up of accounts. Subjects that `found` does not have are absent.
    pub async fn commit_account_lookup(
        &self,
        job: &Job,
        drawn: Drawn,
        calls: i32,
        found: Vec<Listed<Account>>,
    ) -> StoreResult<Committed> {
        let asked: Vec<AccountId> = job.subjects.iter().map(|id| AccountId::from(id.as_str())).collect();
        let asked: HashSet<&AccountId> = asked.iter().collect();
        let found = found.into_iter().filter(|listed| asked.contains(&listed.row.account_id));
        let (found, untold): (Vec<Account>, Vec<_>) = found.map(|listed| (listed.row, listed.untold)).unzip();
        let there: HashSet<AccountId> = found.iter().map(|account| account.account_id.clone()).collect();
        let mut facts = self.account_facts(job.org, found, drawn.instant, drawn.at).await?;
        let absent: Vec<&AccountId> = asked.into_iter().filter(|id| !there.contains(*id)).collect();
        let absent = self.account_keys(job.org, &absent).await?;
        facts.extend(absent.into_iter().map(|key| AccountFacts::absent(key, drawn.instant, drawn.at)));
        let found = Found::new(facts, &untold);
        self.commit_effect(job, drawn, calls, &found.keys(), &Effect::Accounts(found)).await
    }

    /// Commits a look-up of groups. Subjects that `found` does not have are absent.
    pub async fn commit_group_lookup(
        &self,
        job: &Job,
        drawn: Drawn,
        calls: i32,
        found: Vec<Listed<Group>>,
    ) -> StoreResult<Committed> {
        let asked: HashSet<GroupId> = job.subjects.iter().filter_map(|id| GroupId::parse(id)).collect();
        let found = found.into_iter().filter(|listed| asked.contains(&listed.row.group_id));
        let (found, untold): (Vec<Group>, Vec<_>) = found.map(|listed| (listed.row, listed.untold)).unzip();
        let there: HashSet<GroupId> = found.iter().map(|group| group.group_id).collect();
        let mut facts = self.group_facts(job.org, found, drawn.instant, drawn.at).await?;
        let absent: Vec<GroupId> = asked.into_iter().filter(|id| !there.contains(id)).collect();
        let absent = self.group_keys(job.org, &absent).await?;
        facts.extend(absent.into_values().map(|key| GroupFacts::absent(key, drawn.instant, drawn.at)));
        let found = Found::new(facts, &untold);
        self.commit_effect(job, drawn, calls, &found.keys(), &Effect::Groups(found)).await
    }

    /// Commits what a group grants.
    pub async fn commit_grants(
        &self,
        job: &Job,
        drawn: Drawn,
        calls: i32,
        group: GroupId,
        grants: &[Grant],
    ) -> StoreResult<Committed> {
        let keys = self.group_keys(job.org, &[group]).await?;
        let Some(key) = keys.get(&group).copied() else { return Ok(Committed::Refused) };
        self.commit_effect(job, drawn, calls, &[key], &Effect::Grants(GroupKey(key), grants)).await
    }

    /// Commits what the API counted.
    pub async fn commit_count(&self, job: &Job, drawn: Drawn, calls: i32, count: u64) -> StoreResult<Committed> {
        let answer = i64::try_from(count).unwrap_or(i64::MAX);
        self.commit_effect(job, drawn, calls, &[], &Effect::Count(answer)).await
    }

    /// Commits that an account or group cannot be read, for ever: an exception of the run, named; nothing of it is removed, and it
    /// is not made fresh.
    pub async fn commit_exception(&self, job: &Job, drawn: Drawn, calls: i32, reason: &str) -> StoreResult<Committed> {
        let kind = match job.kind {
            orgmirror_domain::job::JobKind::AccountLookup => "account",
            _ => "group",
        };
        let keys = if kind == "account" {
            let ids: Vec<AccountId> = job.subjects.iter().map(|id| AccountId::from(id.as_str())).collect();
            self.account_keys(job.org, &ids.iter().collect::<Vec<_>>()).await?
        } else {
            let ids: Vec<GroupId> = job.subjects.iter().filter_map(|id| GroupId::parse(id)).collect();
            self.group_keys(job.org, &ids).await?.into_values().collect()
        };
        self.commit_effect(job, drawn, calls, &[], &Effect::Exception { kind, keys, reason }).await
    }

    /// Splits a look-up that cannot be read into one job for each subject. The subjects stay awaited all the time.
    pub async fn split_lookup(&self, job: &Job, calls: i32) -> StoreResult<Committed> {
        transact!(self, |tx| {
            lock::shared(tx, job.run).await?;
            if !lock_pending(tx, job.key).await? {
                return Ok(Committed::Refused);
            }
            sqlx::query!(
                r#"-- lookup.split
                INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
                SELECT job.run_key, job.kind, ARRAY[subject.id], ARRAY[subject.key]
                FROM sync_job AS job
                CROSS JOIN LATERAL unnest(job.subjects, job.subject_keys) AS subject (id, key)
                WHERE job.job_key = $1"#,
                job.key.0
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!(
                r#"-- lookup.split_parent
                UPDATE sync_job SET state = 'superseded', finished_at = clock_timestamp(), calls = calls + $2 WHERE job_key = $1"#,
                job.key.0,
                calls
            )
            .execute(&mut **tx)
            .await?;
            Ok(Committed::Now)
        })
    }

    /// Claims a job, applies its effect, and marks it done, in one transaction.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "lookup.commit", otel.kind = "client", db.system.name = "postgresql"))]
    async fn commit_effect(
        &self,
        job: &Job,
        drawn: Drawn,
        calls: i32,
        seen: &[i32],
        effect: &Effect<'_>,
    ) -> StoreResult<Committed> {
        let (committed, tally) = transact!(self, |tx| {
            lock::shared(tx, job.run).await?;
            if !lock_pending(tx, job.key).await? {
                return Ok((Committed::Refused, Tally::default()));
            }
            let writer = writer(tx, job.org, job.run).await?;
            let (tally, answer) = effect.apply(tx, writer, drawn).await?;
            mark_done(tx, job.key, drawn, calls, seen, tally, answer).await?;
            sqlx::query!("SELECT notify_run($1)", job.run.0).execute(&mut **tx).await?;
            Ok((Committed::Now, tally))
        })?;
        if let Some(kind) = effect.kind() {
            tally.count(kind);
        }
        Ok(committed)
    }
}

async fn writer(tx: &mut Tx, org: OrgKey, run: RunKey) -> StoreResult<Writer> {
    let row = sqlx::query!(
        r#"-- lookup.writer
        SELECT run.watermark AS "watermark!", org.watermark IS NOT NULL AS "logged!"
        FROM sync_run AS run INNER JOIN org ON org.org_key = run.org_key
        WHERE run.run_key = $1"#,
        run.0
    );
    let row = row.fetch_one(&mut **tx).await?;
    let (watermark, writes_from) = (Instant(row.watermark), Instant(i64::MIN));
    Ok(Writer { org, run, watermark, logged: row.logged, lookup: true, writes_from })
}

/// Registers look-ups of accounts, ten a job, with their subjects, before any instant is drawn for them.
pub(crate) async fn register_accounts(tx: &mut Tx, run: RunKey, keys: &[i32]) -> StoreResult<()> {
    sqlx::query!(
        r#"-- lookup.register_accounts
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, 'account_lookup', array_agg(k.account_id ORDER BY position), array_agg(k.account_key ORDER BY position)
        FROM unnest($2::integer[]) WITH ORDINALITY AS asked (key, position)
        INNER JOIN account_key AS k ON k.account_key = asked.key
        GROUP BY (position - 1) / 10"#,
        run.0,
        keys
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn mark_done(
    tx: &mut Tx,
    job: JobKey,
    drawn: Drawn,
    calls: i32,
    seen: &[i32],
    tally: Tally,
    answer: Option<i64>,
) -> StoreResult<()> {
    sqlx::query!(
        r#"-- lookup.mark_done
        UPDATE sync_job
        SET state = 'done', finished_at = clock_timestamp(), instant = $2, seen = $3, calls = calls + $4, rows_added = $5,
            rows_changed = $6, answer = $7
        WHERE job_key = $1 AND state = 'pending'"#,
        job.0,
        drawn.instant.0,
        seen,
        calls,
        tally.added,
        tally.changed,
        answer
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
