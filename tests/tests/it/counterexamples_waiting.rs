//! K5 and K6: processes that freeze, cursors that expire while a run is held.

use anyhow::Result;
use orgmirror_domain::run::{Hold, Phase};
use orgmirror_store::attempt::Restarted;
use orgmirror_store::run::Moved;
use orgmirror_tests::{Processes, Size, World, until};
use serde_json::json;

use crate::counterexamples_stage::{Stage, truth};

/// A worker that freezes inside its transaction, with the run's lock and its page, does not block the run for ever: the database
/// ends transactions that are silent.
///
/// Method: worker A stops at a fail point after it has claimed a page and gets SIGSTOP there; worker B does the rest.
#[tokio::test(flavor = "multi_thread")]
async fn k05_a_frozen_transaction_does_not_block_its_run() -> Result<()> {
    let stage = Processes::of(Size::of(230, 20)).await?;
    let _coordinator = stage.start("coordinator", "")?;
    let a = stage.start("worker", "worker::inside_page_transaction=pause")?;
    let ticket = stage.world.request().await?;
    let silent = "SELECT count(*) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid) \
                  WHERE datname = current_database() AND a.state = 'idle in transaction' AND l.locktype = 'advisory' AND l.granted";
    until("A is inside a page's transaction", async || Ok((stage.world.count(silent).await? > 0).then_some(()))).await?;
    a.freeze()?;
    let _b = stage.start("worker", "")?;
    stage.world.completed(ticket).await?;
    assert_eq!(stage.world.count(silent).await?, 0);
    stage.world.assert_mirror_equals_truth().await?;
    a.kill().await
}

/// A run that was held for its key goes on after its cursors have expired: the partition is read again from its beginning.
///
/// Method: answers are let go one by one until the first page is committed; the key expires; when the run has been held for longer
/// than a cursor lives the key is valid again and the run is resumed.
#[tokio::test(flavor = "multi_thread")]
async fn k06_cursors_that_expire_during_a_hold_fail_no_run() -> Result<()> {
    let (world, _services) = World::of(Size::of(640, 10)).await?;
    world.sim.faults(json!({ "hold": { "searchDirectoryUsers": 1_000 } })).await?;
    let ticket = world.request().await?;
    let pages_done = "SELECT count(*) FROM sync_job WHERE kind = 'users_page' AND state = 'done'";
    until("a page is committed and another one is on its way", async || {
        let held = world.sim.held("searchDirectoryUsers").await?;
        if held > 0 && world.count(pages_done).await? > 0 {
            return Ok(Some(()));
        }
        world.sim.release().await?;
        Ok(None)
    })
    .await?;
    world.sim.faults(json!({ "key_state": "expired", "cursor_ttl_s": 2 })).await?;
    world.sim.release().await?;
    let run = world.ended(ticket).await?;
    assert_eq!(run.hold, Some(Hold::KeyRejected));
    let outlived = "SELECT count(*) FROM sync_run WHERE hold IS NOT NULL AND held_at < clock_timestamp() - interval '2 s'";
    until("the cursors have expired", async || Ok((world.count(outlived).await? > 0).then_some(()))).await?;

    world.sim.faults(json!({ "cursor_ttl_s": 2 })).await?;
    assert_eq!(world.store.resume_run(ticket.run, None).await?, Moved::Yes);
    world.completed(ticket).await?;
    let superseded = "SELECT count(*) FROM sync_job WHERE kind = 'users_page' AND state = 'superseded'";
    assert!(world.count(superseded).await? > 0, "no cursor expired: this was another story");
    world.assert_mirror_equals_truth().await
}

/// An expired page and its new beginning are one transaction, and a partition that cannot be read before its cursors expire fails
/// the run in the end, with a reason.
/// Method: the second page of a chain expires again and again.
#[tokio::test(flavor = "multi_thread")]
async fn k06_restarts_that_get_no_further_come_to_an_end() -> Result<()> {
    let stage = Stage::new().await?;
    let run = stage.full(3, false).await?;
    for restart in 0..=3 {
        let first = stage.only_job(run).await?;
        let drawn = stage.draw(&first).await?;
        stage.commit_page(&first, drawn, &[("1", "ann")], Some("after ann")).await?;
        let second = stage.only_job(run).await?;
        let restarted = stage.store.restart_chain(run, second.key, 1).await?;
        if restart == 3 {
            assert_eq!(restarted, Restarted::NoProgress);
            continue;
        }
        assert!(matches!(restarted, Restarted::FromBeginning(_)), "restart {restart}: {restarted:?}");
        assert_eq!(stage.store.advance(run).await?, None, "the barrier opened between two beginnings");
        let again = stage.only_job(run).await?.page.map(|page| (page.page, page.restart, page.cursor));
        assert_eq!(again, Some((0, restart + 1, None)));
    }
    Ok(())
}

/// Where the other end lives it reads on alone, and everybody is read.
/// Method: of two ends the descending one expires at its second page.
#[tokio::test(flavor = "multi_thread")]
async fn k06_the_other_end_reads_on() -> Result<()> {
    let stage = Stage::new().await?;
    let run = stage.full(4, true).await?;
    let jobs = stage.pending(run).await?;
    let [up, down] = jobs.as_slice() else { anyhow::bail!("a partition has two ends") };
    let drawn = stage.draw(down).await?;
    stage.commit_page(down, drawn, &[("4", "dan")], Some("before dan")).await?;
    let expired = stage.pending(run).await?.into_iter().find(|job| job.key != up.key).expect("the second page");
    assert_eq!(stage.store.restart_chain(run, expired.key, 1).await?, Restarted::OtherEndReadsOn);
    let there = truth(&[("1", "ann"), ("2", "ben"), ("3", "cid"), ("4", "dan")]);
    stage.finish(run, &there).await?;
    assert_eq!(stage.visible().await?, there);
    assert_eq!(stage.phase(run).await?, Phase::Completed);
    Ok(())
}
