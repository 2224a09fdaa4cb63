//! What becomes of a delivery that committed nothing: put back, made smaller, held, split, named as an exception, or given up.

use std::time::Duration;

use apalis::prelude::BoxDynError;
use orgmirror_atlassian::{ApiError, Verdict, backoff};
use orgmirror_domain::ids::JobKey;
use orgmirror_domain::job::{JobKind, JobMessage, smaller_page};
use orgmirror_domain::run::Hold;
use orgmirror_queue::Postpone;
use orgmirror_store::StoreError;
use orgmirror_store::attempt::{Asking, Restarted, Silence};

use crate::env::{Delivered, Env};
use crate::jobs;
use crate::measure::Ended;
use crate::read::Left;

/// Deliveries before a job is given up, split or made smaller.
const DELIVERIES: i16 = 3;
/// Commits of a job that Postgres may refuse before the run is given up.
const COMMITS: i16 = 10;

/// Ends a delivery without a commit, and says how; an error puts it back. The job may be a later page of the chain than the one that was delivered.
pub(crate) async fn settle(env: &Env, job: &Delivered, left: Left) -> Result<Ended, BoxDynError> {
    let key = job.key();
    match left {
        Left::NotWanted => Ok(Ended::Late),
        Left::Stopping { calls } => {
            env.store.put_back(key, calls, Silence::For(Duration::ZERO), false).await?;
            env.publisher.publish(job.lane, &[JobMessage { job: key }]).await?;
            Ok(Ended::Again)
        }
        Left::Budget { wait, calls } => again(env, job, key, calls, wait, false).await,
        Left::Hopeless { reason, calls } => {
            env.store.fail_job(job.run, key, calls, &reason).await?;
            Ok(Ended::Failed)
        }
        Left::Api { error, calls, passage: _until_settled } => refused(env, job, key, error, calls).await,
        Left::Store(error) => refused_by_database(env, job, key, &error).await,
    }
}

/// The database failed, which says nothing about the job: it comes back after a moment, uncounted.
pub(crate) fn database<T>(job: JobKey, error: &StoreError) -> Result<T, BoxDynError> {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        job = job.0,
        "the database failed under a job, which comes back in a second"
    );
    Err(Postpone(Duration::from_secs(1)).into())
}

/// Deliveries are counted by the queue to tell a job that kills its workers: a failure of Postgres or Redis while a delivery is
/// settled is no such thing.
pub(crate) fn uncounted(error: BoxDynError) -> Result<Ended, BoxDynError> {
    if error.is::<Postpone>() {
        return Err(error);
    }
    tracing::warn!(error = &*error as &dyn std::error::Error, "a delivery could not be settled; its job comes back in a second");
    Err(Postpone(Duration::from_secs(1)).into())
}

/// Postgres refused a commit. Most often it is away, and then this cannot be written down either; what it refuses again and again
/// fails the run, with its words.
async fn refused_by_database(env: &Env, job: &Delivered, key: JobKey, error: &StoreError) -> Result<Ended, BoxDynError> {
    let attempts = u32::try_from(job.attempts).unwrap_or_default();
    if error.is_unwritable() {
        return database(key, error);
    }
    if job.attempts + 1 >= COMMITS {
        env.store.fail_job(job.run, key, 0, &in_full(error)).await?;
        return Ok(Ended::Failed);
    }
    tracing::warn!(error = error as &dyn std::error::Error, job = key.0, run = %job.run_id, "a job's commit failed");
    again(env, job, key, 0, backoff(attempts + 3, None, rand::random()), true).await
}

/// The job comes back after `wait`: by the queue's delayed entries, which hold no slot, if the delivery is its own; else, for a later
/// page of a chain, by the coordinator.
async fn again(env: &Env, job: &Delivered, key: JobKey, calls: i32, wait: Duration, counts: bool) -> Result<Ended, BoxDynError> {
    if key == job.delivered() {
        env.store.put_back(key, calls, Silence::For(wait), counts).await?;
        return Err(Postpone(wait).into());
    }
    env.store.put_back(key, calls, Silence::UntilDue { wait, lease: env.lease }, counts).await?;
    Ok(Ended::Again)
}

async fn refused(env: &Env, job: &Delivered, key: JobKey, error: ApiError, calls: i32) -> Result<Ended, BoxDynError> {
    match error.verdict() {
        Verdict::HoldRun => hold(env, job, key, &error, calls).await,
        Verdict::RestartChain => restart(env, job, key, &error, calls).await,
        // A 429 was rejected before anything was done: waiting it out is no attempt.
        Verdict::RetryAfter(told) if matches!(error, ApiError::RateLimited { .. }) => {
            again(env, job, key, calls, backoff(4, told, rand::random()), false).await
        }
        Verdict::Retry => failed(env, job, key, &error, calls, None).await,
        Verdict::RetryAfter(told) => failed(env, job, key, &error, calls, told).await,
        Verdict::GiveUp => give_up(env, job, key, &error, calls).await,
    }
}

/// 401 and 403: every other job would meet the same answer, so the run waits for a person.
async fn hold(env: &Env, job: &Delivered, key: JobKey, error: &ApiError, calls: i32) -> Result<Ended, BoxDynError> {
    let (hold, fingerprint) = match error {
        ApiError::KeyRefused { fingerprint, .. } => (Hold::KeyRejected, fingerprint),
        ApiError::ScopeMissing { fingerprint, .. } => (Hold::ScopeMissing, fingerprint),
        other => return give_up(env, job, key, other, calls).await,
    };
    if env.has_another_key_than(fingerprint).await? {
        return again(env, job, key, calls, Duration::ZERO, false).await;
    }
    env.store.put_back(key, calls, Silence::For(Duration::ZERO), false).await?;
    env.store.hold_run(job.run, hold, Some(fingerprint.as_str()), &in_full(error)).await?;
    Ok(Ended::Held)
}

/// An expired cursor is no failure.
async fn restart(env: &Env, job: &Delivered, key: JobKey, error: &ApiError, calls: i32) -> Result<Ended, BoxDynError> {
    match env.store.restart_chain(job.run, key, calls).await? {
        Restarted::FromBeginning(first) => {
            tracing::info!(run = %job.run_id, job = key.0, "a cursor expired; the partition is read again from its beginning");
            env.publisher.publish(job.lane, &[JobMessage { job: first }]).await?;
        }
        Restarted::OtherEndReadsOn | Restarted::Late => {}
        Restarted::NoProgress => {
            let reason = format!("cursors expire faster than a partition can be read: {}", in_full(error));
            env.store.fail_job(job.run, key, calls, &reason).await?;
            return Ok(Ended::Failed);
        }
    }
    Ok(Ended::Again)
}

/// A failure that may pass: again later, until the attempts are used up. Then, or when nothing has answered for long, a plain call
/// decides whose fault it is: an outage holds the run, which an outage of any length must not fail; else it is the job's own.
async fn failed(
    env: &Env,
    job: &Delivered,
    key: JobKey,
    error: &ApiError,
    calls: i32,
    told: Option<Duration>,
) -> Result<Ended, BoxDynError> {
    // A page that was made smaller has failed often enough at its former size.
    let deliveries = match job.page.as_ref() {
        Some(page) if page.limit < 100 && page.limit > 1 => 1,
        _ => DELIVERIES,
    };
    let used_up = job.attempts + 1 >= deliveries;
    let mut calls = calls;
    if used_up || env.circuit.is_down() {
        match env.is_answered(job.lane).await {
            Ok(true) => calls += 1,
            Ok(false) => {
                env.store.put_back(key, calls + 1, Silence::For(Duration::ZERO), false).await?;
                let reason = format!("the API does not answer, whatever it is asked: {}", in_full(error));
                env.store.hold_run(job.run, Hold::ApiDown, None, &reason).await?;
                return Ok(Ended::Held);
            }
            // Nobody could ask, so nobody knows: the attempt does not count.
            Err(Left::Budget { wait, .. }) => return again(env, job, key, calls, wait, false).await,
            Err(_) => return again(env, job, key, calls, Duration::ZERO, false).await,
        }
    }
    if !used_up {
        let wait = backoff(u32::try_from(job.attempts).unwrap_or_default() + 3, told, rand::random());
        return again(env, job, key, calls, wait, true).await;
    }
    match job.page.as_ref().filter(|_| job.kind.is_page()).and_then(|page| smaller_page(page.limit)) {
        Some(limit) => {
            tracing::warn!(run = %job.run_id, job = key.0, limit, %error, "a page cannot be read and is tried smaller");
            env.store.shrink_page(key, limit, calls).await?;
            again(env, job, key, 0, Duration::ZERO, false).await
        }
        None => give_up(env, job, key, error, calls).await,
    }
}

/// A single group or account that cannot be read is an exception of the run; roles that cannot be read are not known after it; anything
/// else fails the run.
async fn give_up(env: &Env, job: &Delivered, key: JobKey, error: &ApiError, calls: i32) -> Result<Ended, BoxDynError> {
    let reason = in_full(error);
    let named = job.kind.is_lookup() || matches!(job.kind, JobKind::GroupGrants | JobKind::MemberPage);
    if job.kind.is_lookup() && job.subjects.len() > 1 {
        env.store.split_lookup(job, calls).await?;
    } else if named {
        tracing::warn!(run = %job.run_id, kind = %job.kind, subject = job.subjects.first(), %error, "cannot be read: an exception of the run");
        if let Some(drawn) = env.store.draw(Asking::For(key)).await? {
            env.store.commit_exception(job, drawn, calls, &reason).await?;
        }
    } else if matches!(job.kind, JobKind::Roles | JobKind::RolePage) {
        tracing::warn!(run = %job.run_id, kind = %job.kind, resource = job.subjects.first(), %error, "product roles cannot be read");
        jobs::roles::without(env, job, calls).await?;
    } else {
        env.store.fail_job(job.run, key, calls, &reason).await?;
        return Ok(Ended::Failed);
    }
    Ok(Ended::Split)
}

/// An error with its causes, as one sentence.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
