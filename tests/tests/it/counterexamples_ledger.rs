//! K1 to K4: pages, barrier and transitions.

use anyhow::{Context, Result};
use orgmirror_domain::run::Phase;
use orgmirror_store::page::PageOutcome;

use crate::counterexamples_stage::{ANY_NUMBER, Stage, page, truth};
use orgmirror_store::page::PageCommit;

/// A page that is delivered twice in a changing world leaves no gap: the page that follows is the one that the committed reading
/// named, whatever another reading of the same page has seen.
///
/// Method: W1 reads page 0 = [ann] and dies in its commit, at the run's lock. ben joins before ann. W2 has the page again, reads
/// [ben], commits. The chain goes on where W2's reading says, and finds ann.
#[tokio::test(flavor = "multi_thread")]
async fn k01_a_page_delivered_twice_leaves_no_gap() -> Result<()> {
    let stage = Stage::new().await?;
    let run = stage.full(1, false).await?;
    let first = stage.only_job(run).await?;

    let drawn = stage.draw(&first).await?;
    let mut lock = stage.pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(run.0).execute(&mut *lock).await?;
    let (w1, org, pages) = (
        stage.another_store().await?,
        stage.org,
        vec![PageCommit { job: first.key, drawn, page: page(&[("1", "ann")], Some("after ann")), calls: 1 }],
    );
    let w1 = tokio::spawn(async move { w1.commit_account_pages(org, run, pages).await });
    stage.until_stuck(&w1).await?;
    stage.kill_who_waits().await?;
    assert!(w1.await?.is_err(), "W1 must die before its commit, or this is another story");
    lock.rollback().await?;

    let drawn = stage.draw(&first).await?;
    stage.commit_page(&first, drawn, &[("2", "ben")], Some("after ben")).await?;
    let second = stage.only_job(run).await?;
    let cursor = second.page.as_ref().and_then(|page| page.cursor.clone());
    assert_eq!(cursor.as_deref(), Some("after ben"));
    let rest: &[(&str, &str)] = if cursor.as_deref() == Some("after ben") { &[("1", "ann")] } else { &[] };
    let drawn = stage.draw(&second).await?;
    stage.commit_page(&second, drawn, rest, None).await?;

    let there = truth(&[("1", "ann"), ("2", "ben")]);
    stage.finish(run, &there).await?;
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// The same, when nobody dies: of two readings of a page one is committed, and only that one says where the chain goes on.
/// Method: both read, the later reading commits first.
#[tokio::test(flavor = "multi_thread")]
async fn k01_only_the_committed_reading_names_the_next_page() -> Result<()> {
    let stage = Stage::new().await?;
    let run = stage.full(1, false).await?;
    let first = stage.only_job(run).await?;
    let (w1, w2) = (stage.draw(&first).await?, stage.draw(&first).await?);
    stage.commit_page(&first, w2, &[("2", "ben")], Some("after ben")).await?;
    assert_eq!(stage.commit_page(&first, w1, &[("1", "ann")], Some("after ann")).await?, PageOutcome::Refused);
    let second = stage.only_job(run).await?;
    assert_eq!(second.page.and_then(|page| page.cursor).as_deref(), Some("after ben"));
    assert_eq!(stage.row("1").await?, None, "nothing claimed, nothing written");
    Ok(())
}

/// A worker whose page was committed by another registers no page into a run that verifies or has ended.
/// Method: W1 reads page 0 and sees a second page; the second leaves; W2 reads page 0 as the last one and commits; W1 tries to commit
/// in each later phase.
#[tokio::test(flavor = "multi_thread")]
async fn k02_a_zombie_registers_nothing_in_a_run_that_went_on() -> Result<()> {
    let stage = Stage::new().await?;
    let run = stage.full(1, false).await?;
    let first = stage.only_job(run).await?;
    let (zombie, drawn) = (stage.draw(&first).await?, stage.draw(&first).await?);
    stage.commit_page(&first, drawn, &[("1", "ann")], None).await?;

    let there = truth(&[("1", "ann")]);
    loop {
        for job in stage.pending(run).await? {
            stage.work(&job, &there).await?;
        }
        let phase = stage.phase(run).await?;
        let outcome = stage.commit_page(&first, zombie, &[("1", "ann as she was")], Some("after ann")).await?;
        assert_eq!(outcome, PageOutcome::Refused, "in {phase}");
        assert!(stage.pending(run).await?.is_empty(), "a page was registered in {phase}");
        match phase {
            Phase::Completed => break,
            Phase::Sweeping => drop(stage.store.sweep(run, ANY_NUMBER).await?),
            _ => drop(stage.store.advance(run).await?),
        }
    }
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// Whoever moves a run on may die between any two statements: the next coordinator finds the run where it stood, and no phase ever
/// looks finished because its jobs were not there yet.
///
/// Method: for each step of a run and each table that a step writes, coordinator A is frozen at its first write to that table and
/// killed; nothing may have changed. Then B takes the step.
#[tokio::test(flavor = "multi_thread")]
async fn k03_a_coordinator_may_die_anywhere_in_a_transition() -> Result<()> {
    let stage = Stage::new().await?;
    let there = truth(&[("1", "ann"), ("2", "ben")]);
    let gone = truth(&[("1", "ann"), ("2", "ben"), ("3", "cid")]);
    stage.mirror(&gone).await?;
    let ticket = stage.request().await?;
    let run = ticket.run;
    assert!(stage.store.start_run(stage.org, run).await?);
    stage.plan(run, 2, false).await?;
    let mut deaths = 0;
    while stage.phase(run).await? != Phase::Completed {
        for job in stage.pending(run).await? {
            stage.work(&job, &there).await?;
        }
        let before = ledger(&stage, run).await?;
        let sweeping = stage.phase(run).await? == Phase::Sweeping;
        let tables: &[&str] = if sweeping { &["account", "group_grants", "sync_run", "org"] } else { &["sync_job", "sync_run"] };
        for table in tables {
            let freeze = stage.freeze_writers_of(table).await?;
            let a = stage.another_store().await?;
            let a = tokio::spawn(async move { step(&a, run, sweeping).await });
            stage.until_stuck(&a).await?;
            stage.kill_who_waits().await?;
            let died = a.await?.is_err();
            freeze.rollback().await?;
            if !died {
                break; // This step writes nothing there, and is done.
            }
            deaths += 1;
            assert_eq!(ledger(&stage, run).await?, before, "died at {table}");
        }
        if ledger(&stage, run).await? == before {
            step(&stage.store, run, sweeping).await?;
        }
    }
    assert!(deaths >= 12, "only {deaths} deaths: this was another story");
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

async fn step(store: &orgmirror_store::Store, run: orgmirror_domain::ids::RunKey, sweeping: bool) -> Result<()> {
    if sweeping {
        store.sweep(run, ANY_NUMBER).await?;
    } else {
        store.advance(run).await?;
    }
    Ok(())
}

/// All that a transition may change.
async fn ledger(stage: &Stage, run: orgmirror_domain::ids::RunKey) -> Result<(String, i64, i64)> {
    let statement = "SELECT phase::text || verify_round, (SELECT count(*) FROM sync_job WHERE run_key = $1), \
                     (SELECT count(*) FROM account WHERE hidden_at IS NOT NULL) FROM sync_run WHERE run_key = $1";
    Ok(sqlx::query_as(statement).bind(run.0).fetch_one(&stage.pool).await?)
}

/// A job that failed never counts as finished, however often the barrier is asked.
/// Method: of two chains one is done; the other's job is marked failed by hand, its run is not.
#[tokio::test(flavor = "multi_thread")]
async fn k04_a_failed_job_keeps_the_barrier_shut() -> Result<()> {
    let stage = Stage::new().await?;
    let run = stage.full(2_500, true).await?;
    let jobs = stage.pending(run).await?;
    let [done, failed] = jobs.as_slice() else { anyhow::bail!("a partition has two ends") };
    let drawn = stage.draw(done).await?;
    sqlx::query("UPDATE sync_job SET state = 'failed', finished_at = now() WHERE job_key = $1")
        .bind(failed.key.0)
        .execute(&stage.pool)
        .await?;
    stage.commit_page(done, drawn, &[("1", "ann")], None).await?;
    assert!(!stage.store.seems_drained(run).await?);
    assert_eq!(stage.store.advance(run).await?, None);
    assert_eq!(stage.phase(run).await?, Phase::Scanning);
    Ok(())
}

/// A job and its run fail together: a crash between the two leaves neither failed, and the run goes on.
/// Method: a worker gives its job up and is killed at the run's row; another one reads the page.
#[tokio::test(flavor = "multi_thread")]
async fn k04_job_and_run_fail_together() -> Result<()> {
    let stage = Stage::new().await?;
    let run = stage.full(1, false).await?;
    let job = stage.only_job(run).await?;
    let freeze = stage.freeze_writers_of("sync_run").await?;
    let (worker, key) = (stage.another_store().await?, job.key);
    let worker = tokio::spawn(async move { worker.fail_job(run, key, 1, "cannot be read").await });
    stage.until_stuck(&worker).await?;
    stage.kill_who_waits().await?;
    assert!(worker.await?.is_err(), "the worker must die in between");
    freeze.rollback().await?;
    stage.only_job(run).await.context("the job is not pending any more")?;
    stage.finish(run, &truth(&[("1", "ann")])).await?;

    let run = stage.full(1, false).await?;
    let job = stage.only_job(run).await?;
    stage.store.fail_job(run, job.key, 1, "cannot be read").await?;
    assert_eq!(stage.phase(run).await?, Phase::Failed);
    Ok(())
}
