//! K13 to K18: watermarks, requests, cancelled and held runs, approval, keys.

use std::collections::BTreeSet;

use anyhow::Result;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::run::{Hold, Phase, RunKind, Scope};
use orgmirror_domain::sweep::SweepLimits;
use orgmirror_store::lookup::Committed;
use orgmirror_store::run::Moved;
use orgmirror_store::sweep::Swept;
use orgmirror_tests::until;
use uuid::Uuid;

use crate::counterexamples_stage::{Stage, truth};

/// One row may go without a person, not two.
const ONE: SweepLimits = SweepLimits { max_rows: 1, max_percent: 0.0 };

/// Lets a request and the start of its run meet: the request is frozen after it has chosen its run and before it draws its instant.
/// Returns whether the run started, the request's instant and the watermark of its run, if that has one.
async fn request_meets_start(stage: &Stage) -> Result<(bool, i64, Option<i64>)> {
    let run = stage.request().await?.run;
    let freeze = stage.freeze_writers_of("sync_request").await?;
    let (store, org) = (stage.another_store().await?, stage.org);
    let joiner = tokio::spawn(async move { store.request_sync(org, Uuid::new_v4(), RunKind::Manual, &Scope::Full).await });
    stage.until_stuck(&joiner).await?;
    let store = stage.another_store().await?;
    let starter = tokio::spawn(async move { store.start_run(org, run).await });
    until("the start waits for the request or is through", async || {
        Ok((starter.is_finished() || stage.waiting().await? > 1).then_some(()))
    })
    .await?;
    freeze.rollback().await?;
    let (ticket, started) = (joiner.await??, starter.await??);
    let watermark = sqlx::query_scalar("SELECT watermark FROM sync_run WHERE run_key = $1").bind(ticket.run.0);
    Ok((started, ticket.instant.0, watermark.fetch_one(&stage.pool).await?))
}

/// A run's watermark is greater than the instant of every request that joined it, also of one that was joining while it started.
/// Method: the start waits for the request's lock on the run.
#[tokio::test(flavor = "multi_thread")]
async fn k13_a_watermark_is_drawn_after_the_lock() -> Result<()> {
    let stage = Stage::new().await?;
    let (started, instant, watermark) = request_meets_start(&stage).await?;
    assert!(started, "the run of the request must start, or this is another story");
    assert!(watermark.is_some_and(|watermark| watermark > instant), "request {instant}, watermark {watermark:?}");
    Ok(())
}

/// A request never joins a run that starts while it looks: it would wait for ever.
/// Method: the same meeting; whatever run the request got, that has not started or starts after the request.
#[tokio::test(flavor = "multi_thread")]
async fn k14_a_request_does_not_join_a_run_that_starts_meanwhile() -> Result<()> {
    let stage = Stage::new().await?;
    let (_, instant, watermark) = request_meets_start(&stage).await?;
    assert!(watermark.is_none_or(|watermark| watermark > instant), "request {instant}, watermark {watermark:?}");
    Ok(())
}

/// A thousand requests while runs start: each is served by a run that reads after it, none waits for ever.
/// Method: requests from many connections; each pending run is started at once and ends at once; then the last one is started too.
#[tokio::test(flavor = "multi_thread")]
async fn k14_a_thousand_requests_against_starting_runs() -> Result<()> {
    let stage = Stage::new().await?;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let (store, org) = (stage.store.clone(), stage.org);
        requests.spawn(async move { store.request_sync(org, Uuid::new_v4(), RunKind::Manual, &Scope::Full).await });
    }
    let starter = stage.another_store().await?;
    let mut open = true;
    while open {
        open = !requests.is_empty();
        while let Some(answer) = requests.try_join_next() {
            answer??;
        }
        for (org, run) in starter.startable_runs().await? {
            assert!(starter.start_run(org, run).await?);
            starter.cancel_run(run, &Actor::system()).await?;
        }
    }
    let statement = "SELECT count(*) FROM sync_request AS q JOIN sync_run AS r USING (run_key) \
                     WHERE r.watermark IS NULL OR r.watermark <= q.instant";
    assert_eq!(stage.world.count(statement).await?, 0, "requests wait for ever");
    assert_eq!(stage.world.count("SELECT count(*) FROM sync_request").await?, 1_000);
    assert!(stage.world.count("SELECT count(*) FROM sync_run").await? > 3, "no run started among the requests");
    Ok(())
}

/// A look-up of a cancelled run commits nothing: nobody stamps for it any more.
/// Method: S reads "not there" and stalls; the account is created again; S is cancelled; F sees it unchanged and completes; S commits.
#[tokio::test(flavor = "multi_thread")]
async fn k15_a_look_up_of_a_cancelled_run_commits_nothing() -> Result<()> {
    let stage = Stage::new().await?;
    let there = truth(&[("1", "ann")]);
    stage.mirror(&there).await?;
    let (s, look_up) = stage.scoped(&["1"]).await?;
    let absent = stage.draw(&look_up).await?;
    assert_eq!(stage.store.cancel_run(s, &Actor::system()).await?, Moved::Yes);
    stage.mirror(&there).await?;
    assert_eq!(stage.commit_lookup(&look_up, absent, &[]).await?, Committed::Refused);
    assert!(stage.row("1").await?.is_some_and(|row| !row.missing));
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// The same when both happen at once: the write sees what it waited for.
/// Method: the look-up comes to the run's lock while the run is being cancelled.
#[tokio::test(flavor = "multi_thread")]
async fn k15_a_write_that_waited_for_a_cancellation_is_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let there = truth(&[("1", "ann")]);
    stage.mirror(&there).await?;
    let (s, look_up) = stage.scoped(&["1"]).await?;
    let absent = stage.draw(&look_up).await?;
    let mut cancelling = stage.pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(s.0).execute(&mut *cancelling).await?;
    let (store, job) = (stage.another_store().await?, look_up.clone());
    let writer = tokio::spawn(async move { store.commit_account_lookup(&job, absent, 1, vec![]).await });
    stage.until_stuck(&writer).await?;
    sqlx::query("UPDATE sync_run SET phase = 'cancelled', finished_at = now() WHERE run_key = $1")
        .bind(s.0)
        .execute(&mut *cancelling)
        .await?;
    cancelling.commit().await?;
    assert_eq!(writer.await??, Committed::Refused);
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// A run that waits for a person's approval gives way to the next one, and an approval that comes then does nothing.
/// Method: a run is held at its sweep; another is requested and started; the first is approved; the second completes.
#[tokio::test(flavor = "multi_thread")]
async fn k16_a_run_held_for_approval_gives_way() -> Result<()> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[("1", "ann"), ("2", "ben"), ("3", "cid")])).await?;
    let there = truth(&[("3", "cid")]);
    let held = stage.full(3, false).await?;
    stage.until_sweeping(held, &there).await?;
    assert_eq!(stage.store.sweep(held, ONE).await?, Swept::Held);

    let next = stage.request().await?.run;
    let startable: BTreeSet<_> = stage.store.startable_runs().await?.into_iter().map(|(_, run)| run).collect();
    assert!(startable.contains(&next), "the next run waits for a person");
    assert!(stage.store.start_run(stage.org, next).await?);
    assert_eq!(stage.phase(held).await?, Phase::Replaced);
    assert_eq!(stage.store.approve_run(held, 1, &Actor::system()).await?, Moved::TooLate);
    assert_eq!(stage.store.sweep(held, ONE).await?, Swept::TooLate);
    stage.plan(next, 1, false).await?;
    // ben is back before the next run asks for him.
    let there = truth(&[("2", "ben"), ("3", "cid")]);
    stage.finish(next, &there).await?;
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// An approved sweep hides who was on the list and is still missing: not who came back, and not who disappeared since.
/// Method: a list of three is shown; a scoped run sees one of them again and misses a fourth; the list is approved. The fourth is the
/// scoped run's own to sweep.
#[tokio::test(flavor = "multi_thread")]
async fn k17_an_approval_covers_the_list_and_who_is_still_missing() -> Result<()> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[("1", "ann"), ("2", "ben"), ("3", "cid"), ("4", "dan"), ("5", "eve")])).await?;
    let f = stage.full(5, false).await?;
    stage.until_sweeping(f, &truth(&[("4", "dan"), ("5", "eve")])).await?;
    assert_eq!(stage.store.sweep(f, ONE).await?, Swept::Held);
    assert_eq!(stage.world.count("SELECT count(*) FROM sweep_list").await?, 3);

    let (s, look_up) = stage.scoped(&["1", "4"]).await?;
    let there = truth(&[("1", "ann"), ("5", "eve")]);
    stage.work(&look_up, &there).await?;

    assert_eq!(stage.store.approve_run(f, 1, &Actor::system()).await?, Moved::Yes);
    assert_eq!(stage.store.sweep(f, ONE).await?, Swept::Completed);
    let approved = truth(&[("1", "ann"), ("4", "dan"), ("5", "eve")]);
    assert_eq!(stage.visible().await?, approved, "ann came back, dan was on no list");
    assert!(stage.row("4").await?.is_some_and(|row| row.missing && !row.hidden), "dan stays marked");
    stage.finish(s, &there).await?;
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// An approval names the revision of the list that was shown. Any other one does nothing, and so does a second one.
/// Method: a held run is approved with the revisions before and after its own.
#[tokio::test(flavor = "multi_thread")]
async fn k17_a_stale_approval_does_nothing() -> Result<()> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[("1", "ann"), ("2", "ben"), ("3", "cid")])).await?;
    let f = stage.full(3, false).await?;
    stage.until_sweeping(f, &truth(&[("3", "cid")])).await?;
    assert_eq!(stage.store.sweep(f, ONE).await?, Swept::Held);
    for stale in [0, 2] {
        assert_eq!(stage.store.approve_run(f, stale, &Actor::system()).await?, Moved::TooLate, "revision {stale}");
    }
    assert_eq!(stage.store.sweep(f, ONE).await?, Swept::TooLate);
    assert_eq!(stage.visible().await?.len(), 3);
    assert_eq!(stage.store.approve_run(f, 1, &Actor::system()).await?, Moved::Yes);
    assert_eq!(stage.store.approve_run(f, 1, &Actor::system()).await?, Moved::TooLate, "approved twice");
    assert_eq!(stage.store.sweep(f, ONE).await?, Swept::Completed);
    assert_eq!(stage.visible().await?, truth(&[("3", "cid")]));
    Ok(())
}

/// A refusal of the old key that comes late holds nothing after a new key is current.
/// Method: a run is held for its key; the new key is stored, the run resumed; the old key's second 401 arrives; then one of the new key.
#[tokio::test(flavor = "multi_thread")]
async fn k18_a_late_refusal_of_the_old_key_holds_nothing() -> Result<()> {
    let stage = Stage::new().await?;
    stage.store.set_current_key(stage.org, "old", None).await?;
    let f = stage.full(1, false).await?;
    assert_eq!(stage.store.hold_run(f, Hold::KeyRejected, Some("old"), "401").await?, Moved::Yes);
    stage.store.set_current_key(stage.org, "new", None).await?;
    assert_eq!(stage.store.resume_run(f, None).await?, Moved::Yes);

    assert_eq!(stage.store.hold_run(f, Hold::KeyRejected, Some("old"), "401, late").await?, Moved::TooLate);
    let there = truth(&[("1", "ann")]);
    stage.work(&stage.only_job(f).await?, &there).await?;
    assert_eq!(stage.store.hold_run(f, Hold::KeyRejected, Some("new"), "401").await?, Moved::Yes);
    assert_eq!(stage.store.advance(f).await?, None, "a refusal of the current key holds the run");
    assert_eq!(stage.store.resume_run(f, None).await?, Moved::Yes);
    stage.finish(f, &there).await?;
    assert_eq!(stage.visible().await?, there);
    Ok(())
}
