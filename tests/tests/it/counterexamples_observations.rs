//! K7 to K10 and K12: which observation an account's row holds, and who is asked for by id.
//!
//! S, T are scoped runs (one look-up each), F is a full run. A read is split in two: its instant is drawn, then, maybe much later, its
//! answer is committed.

use anyhow::Result;
use chrono::TimeDelta;
use orgmirror_domain::query::Listed;
use orgmirror_store::lookup::Committed;
use orgmirror_store::page::PageOutcome;
use orgmirror_store::sweep::Swept;

use crate::counterexamples_stage::{ANY_NUMBER, Stage, truth};

/// A look-up that comes late does not overwrite what a full run has seen since, although the run found nothing to change.
///
/// Method: S reads "not there" and stalls; the account is created again as it was; F's page lists it unchanged; S commits; F completes.
/// Its watermark opens the gate, so the account must be there.
#[tokio::test(flavor = "multi_thread")]
async fn k07_a_late_absence_loses_to_an_unchanged_page() -> Result<()> {
    let stage = Stage::new().await?;
    let there = truth(&[("1", "ann")]);
    stage.mirror(&there).await?;
    let (s, look_up) = stage.scoped(&["1"]).await?;
    let absent = stage.draw(&look_up).await?;

    let f = stage.full(1, false).await?;
    let job = stage.only_job(f).await?;
    stage.work(&job, &there).await?;
    assert_eq!(stage.commit_lookup(&look_up, absent, &[]).await?, Committed::Now);
    stage.finish(f, &there).await?;
    stage.finish(s, &there).await?;
    let row = stage.row("1").await?.expect("a row");
    assert!(!row.missing && !row.hidden, "the mirror says {row:?}");
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// The same with contents: what a look-up read before the watermark loses to the page that came after, word for word.
/// Method: as above; S reads another name, which is changed back before F reads.
#[tokio::test(flavor = "multi_thread")]
async fn k07_a_late_name_loses_to_an_unchanged_page() -> Result<()> {
    let stage = Stage::new().await?;
    let there = truth(&[("1", "ann")]);
    stage.mirror(&there).await?;
    let (s, look_up) = stage.scoped(&["1"]).await?;
    let other_name = stage.draw(&look_up).await?;
    let f = stage.full(1, false).await?;
    stage.work(&stage.only_job(f).await?, &there).await?;
    stage.commit_lookup(&look_up, other_name, &[("1", "anna")]).await?;
    stage.finish(f, &there).await?;
    stage.finish(s, &there).await?;
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// A look-up by id always leaves its instant, also where it found nothing to change: else an older page would win.
/// Method: F reads another name and stalls; it is changed back; S finds the row as mirrored; F commits.
#[tokio::test(flavor = "multi_thread")]
async fn k07_an_unchanged_look_up_beats_an_older_page() -> Result<()> {
    let stage = Stage::new().await?;
    let there = truth(&[("1", "ann")]);
    stage.mirror(&there).await?;
    let f = stage.full(1, false).await?;
    let job = stage.only_job(f).await?;
    let other_name = stage.draw(&job).await?;
    let (s, look_up) = stage.scoped(&["1"]).await?;
    let now = stage.draw(&look_up).await?;
    stage.commit_lookup(&look_up, now, &[("1", "ann")]).await?;
    stage.finish(s, &there).await?;
    stage.commit_page(&job, other_name, &[("1", "anna")], None).await?;
    let row = stage.row("1").await?.expect("a row");
    assert_eq!((row.observed, row.name.as_deref()), (now.instant.0, Some("ann")));
    stage.finish(f, &there).await?;
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// A page of a group's members that comes late does not overwrite what a full run has seen since either.
///
/// Method: S, a run over a group, reads the group's members, one under another name, and stalls; the name is changed back; F's page
/// lists it unchanged; S commits before F completes, or after.
#[tokio::test(flavor = "multi_thread")]
async fn k07_a_late_member_page_loses_to_an_unchanged_page() -> Result<()> {
    for before_completion in [true, false] {
        let stage = Stage::new().await?;
        let there = truth(&[("1", "ann"), ("2", "ben")]);
        stage.mirror(&there).await?;
        let (s, members) = stage.scoped_group().await?;
        let other_name = stage.draw(&members).await?;
        let f = stage.full(2, false).await?;
        stage.work(&stage.only_job(f).await?, &there).await?;
        let listed = [("1", "anna"), ("2", "ben")];
        if before_completion {
            stage.commit_page(&members, other_name, &listed, None).await?;
        }
        stage.finish(f, &there).await?;
        if !before_completion {
            stage.commit_page(&members, other_name, &listed, None).await?;
        }
        let row = stage.row("1").await?.expect("a row");
        assert_eq!(row.name.as_deref(), Some("ann"), "the watermark is a lie, before completion: {before_completion}, {row:?}");
        stage.finish(s, &there).await?;
        assert_eq!(stage.visible().await?, there);
    }
    Ok(())
}

/// A stamp writes the whole observation, never the instant alone: the row that was compared may be another one by the time it is
/// written.
///
/// Method: an older reading of another name is being written, its row locked, when S's look-up, which found the account as it is
/// mirrored, comes to the row.
#[tokio::test(flavor = "multi_thread")]
async fn k07_a_stamp_writes_the_whole_observation() -> Result<()> {
    let stage = Stage::new().await?;
    let there = truth(&[("1", "ann")]);
    stage.mirror(&there).await?;
    let (s, look_up) = stage.scoped(&["1"]).await?;
    let mut older = stage.pool.begin().await?;
    sqlx::query("UPDATE account SET name = 'anna', nickname = 'anna', observed = nextval('instant') WHERE org_key = $1")
        .bind(stage.org.0)
        .execute(&mut *older)
        .await?;
    let now = stage.draw(&look_up).await?;
    let (store, job) = (stage.another_store().await?, look_up.clone());
    let ann = crate::counterexamples_stage::person("1", "ann");
    let writer = tokio::spawn(async move { store.commit_account_lookup(&job, now, 1, vec![Listed::whole(ann)]).await });
    stage.until_stuck(&writer).await?;
    assert!(!writer.is_finished(), "the look-up must meet the other writer");
    older.commit().await?;
    assert_eq!(writer.await??, Committed::Now);
    let row = stage.row("1").await?.expect("a row");
    assert_eq!((row.observed, row.name.as_deref()), (now.instant.0, Some("ann")));
    stage.finish(s, &there).await
}

/// An older page does not bring an account back that a newer look-up proved gone and a sweep has hidden.
/// Method: F reads ann and stalls; ann leaves; S proves it and sweeps; F commits.
#[tokio::test(flavor = "multi_thread")]
async fn k08_an_older_page_brings_nobody_back() -> Result<()> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[("1", "ann"), ("2", "ben")])).await?;
    let f = stage.full(2, false).await?;
    let job = stage.only_job(f).await?;
    let before = stage.draw(&job).await?;
    let there = truth(&[("2", "ben")]);
    let (s, _) = stage.scoped(&["1"]).await?;
    stage.finish(s, &there).await?;
    assert_eq!(stage.visible().await?, there);

    stage.commit_page(&job, before, &[("1", "ann"), ("2", "ben")], None).await?;
    assert_eq!(stage.visible().await?, there, "an older page won over a proof");
    stage.finish(f, &there).await?;
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// The same for an account that the mirror never knew: its absence is remembered too.
/// Method: as above, on an empty mirror.
#[tokio::test(flavor = "multi_thread")]
async fn k08_an_unknown_id_leaves_a_tombstone_too() -> Result<()> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[])).await?;
    let f = stage.full(1, false).await?;
    let job = stage.only_job(f).await?;
    let before = stage.draw(&job).await?;
    let (s, _) = stage.scoped(&["1"]).await?;
    stage.finish(s, &truth(&[])).await?;
    assert!(stage.row("1").await?.is_some_and(|row| row.hidden && !row.known_alive));
    stage.commit_page(&job, before, &[("1", "ann")], None).await?;
    stage.finish(f, &truth(&[])).await?;
    assert_eq!(stage.visible().await?, truth(&[]));
    Ok(())
}

/// A tombstone stays while a run is active that began before it: that run may still hold an older sighting.
/// Method: T reads ann and stalls; S proves ann gone; two full runs start and end; T commits; only after T has ended the tombstone
/// goes to the archive.
#[tokio::test(flavor = "multi_thread")]
async fn k08_a_tombstone_outlives_every_older_run() -> Result<()> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[("1", "ann"), ("2", "ben")])).await?;
    let there = truth(&[("2", "ben")]);
    let (t, late) = stage.scoped(&["1"]).await?;
    let before = stage.draw(&late).await?;
    let (s, _) = stage.scoped(&["1"]).await?;
    stage.finish(s, &there).await?;
    let f = stage.full(1, false).await?;
    stage.commit_lookup(&late, before, &[("1", "ann")]).await?;
    assert_eq!(stage.visible().await?, there, "an older look-up won over a proof");
    stage.finish(f, &there).await?;
    assert!(stage.row("1").await?.is_some(), "the tombstone went while T was active");
    stage.finish(t, &there).await?;
    stage.mirror(&there).await?;
    assert_eq!(stage.row("1").await?, None);
    assert_eq!(stage.world.count("SELECT count(*) FROM departed WHERE name = 'ann'").await?, 1);
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// Whoever was created again between the proof and the sweep stays.
/// Method: F proves ann's absence; she comes back and T sees her; F sweeps.
#[tokio::test(flavor = "multi_thread")]
async fn k09_created_again_between_proof_and_sweep() -> Result<()> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[("1", "ann"), ("2", "ben")])).await?;
    let f = stage.full(2, false).await?;
    stage.until_sweeping(f, &truth(&[("2", "ben")])).await?;
    assert!(stage.row("1").await?.is_some_and(|row| row.missing), "F must have proved her absence");
    let there = truth(&[("1", "ann"), ("2", "ben")]);
    let (t, look_up) = stage.scoped(&["1"]).await?;
    stage.work(&look_up, &there).await?;
    assert_eq!(stage.store.sweep(f, ANY_NUMBER).await?, Swept::Completed);
    assert_eq!(stage.visible().await?, there);
    stage.finish(t, &there).await?;
    assert_eq!(stage.visible().await?, there);
    Ok(())
}

/// A proof leaves its instant also where the row is a tombstone already; else somebody who read in between brings the account back
/// for ever.
/// Method: T starts; S hides an id; T sees it and stalls; it leaves again; F, which keeps the tombstone since T is older, proves that;
/// F completes; T commits.
#[tokio::test(flavor = "multi_thread")]
async fn k09_a_second_proof_leaves_its_instant() -> Result<()> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[])).await?;
    let nobody = truth(&[]);
    let (t, look_up) = stage.scoped(&["1"]).await?;
    let (s, _) = stage.scoped(&["1"]).await?;
    stage.finish(s, &nobody).await?;
    let in_between = stage.draw(&look_up).await?;
    let f = stage.full(0, false).await?;
    stage.finish(f, &nobody).await?;
    assert_eq!(stage.commit_lookup(&look_up, in_between, &[("1", "ann")]).await?, Committed::Now);
    assert_eq!(stage.visible().await?, nobody);
    stage.finish(t, &nobody).await?;
    assert_eq!(stage.visible().await?, nobody);
    Ok(())
}

/// A slow look-up of an account that the mirror does not know brings nobody in behind a full run's watermark.
/// Method: S reads ann and stalls; ann leaves; F reads everything and verifies; S commits before F completes, or after.
#[tokio::test(flavor = "multi_thread")]
async fn k10_an_unknown_account_does_not_slip_in_behind_a_watermark() -> Result<()> {
    for before_completion in [true, false] {
        let stage = Stage::new().await?;
        let there = truth(&[("2", "ben")]);
        stage.mirror(&there).await?;
        let (s, look_up) = stage.scoped(&["1"]).await?;
        let slow = stage.draw(&look_up).await?;
        let f = stage.full(1, false).await?;
        stage.until_sweeping(f, &there).await?;
        if before_completion {
            stage.commit_lookup(&look_up, slow, &[("1", "ann")]).await?;
        }
        assert_eq!(stage.store.sweep(f, ANY_NUMBER).await?, Swept::Completed);
        if !before_completion {
            stage.commit_lookup(&look_up, slow, &[("1", "ann")]).await?;
        }
        assert_eq!(stage.visible().await?, there, "the watermark is a lie");
        stage.finish(s, &there).await?;
        assert_eq!(stage.visible().await?, there);
    }
    Ok(())
}

/// Rows that others wrote since the watermark, yet before the newest page of the run that listed them, are looked up again.
/// Method: S sees another name after F began and before F's page; F's page, read before S committed, shows it unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn k10_a_row_written_behind_a_page_is_asked_for_again() -> Result<()> {
    let stage = Stage::new().await?;
    let there = truth(&[("1", "ann")]);
    stage.mirror(&there).await?;
    let f = stage.full(1, false).await?;
    let page = stage.only_job(f).await?;
    let (s, look_up) = stage.scoped(&["1"]).await?;
    let early = stage.draw(&look_up).await?;
    let later = stage.draw(&page).await?;
    // The page found nothing to change, left no instant: S is cancelled and asks nobody, so its subject is not awaited.
    sqlx::query("UPDATE sync_job SET subject_keys = '{}' WHERE job_key = $1").bind(look_up.key.0).execute(&stage.pool).await?;
    assert!(matches!(stage.commit_page(&page, later, &[("1", "ann")], None).await?, PageOutcome::Committed { .. }));
    stage.commit_lookup(&look_up, early, &[("1", "anna")]).await?;
    assert_eq!(stage.row("1").await?.and_then(|row| row.name).as_deref(), Some("anna"));
    stage.finish(f, &there).await?;
    assert_eq!(stage.visible().await?, there);
    stage.finish(s, &there).await
}

/// Clocks decide nothing: instants come from the sequence.
/// Method: a newer observation carries a time an hour behind the older one's, by look-ups and by pages, and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn k12_a_skewed_clock_changes_nothing() -> Result<()> {
    for hours in [-1, 1] {
        let stage = Stage::new().await?;
        stage.mirror(&truth(&[("1", "ann"), ("2", "ben")])).await?;
        let (f, (s, look_up)) = (stage.full(2, false).await?, stage.scoped(&["1"]).await?);
        let page = stage.only_job(f).await?;
        let (mut older, mut newer) = (stage.draw(&page).await?, stage.draw(&look_up).await?);
        older.at -= TimeDelta::hours(hours);
        newer.at += TimeDelta::hours(hours);
        stage.commit_lookup(&look_up, newer, &[("1", "ann, newer")]).await?;
        stage.commit_page(&page, older, &[("1", "ann, older"), ("2", "ben, newer")], None).await?;
        let there = truth(&[("1", "ann, newer"), ("2", "ben, newer")]);
        assert_eq!(stage.visible().await?, there, "clocks {hours} h apart");
        stage.finish(f, &there).await?;
        stage.finish(s, &there).await?;
        assert_eq!(stage.visible().await?, there, "clocks {hours} h apart");
    }
    Ok(())
}
