//! K19: a partition that is read from both ends.

use anyhow::{Context, Result};
use orgmirror_domain::query::Direction;
use orgmirror_store::attempt::Job;

use crate::counterexamples_stage::{Stage, Truth, truth};

/// Rows on a page of this story.
const PAGE: usize = 2;

/// A rename that carries the first account to the last place, while a partition is read from both ends, leaves no gap: that both
/// ends list her is no meeting, since they list her under two names.
///
/// Method: the ascending end lists ann first; she is renamed to zoe; the descending end lists zoe first. Both read on in turn until
/// nothing is left to read. The API is played by the list of names; a cursor is the name after which a page starts.
#[tokio::test(flavor = "multi_thread")]
async fn k19_a_rename_from_first_to_last_leaves_no_gap() -> Result<()> {
    let stage = Stage::new().await?;
    let mut people = truth(&[("01", "ann")]);
    people.extend((2..=20).map(|number| (format!("{number:02}"), format!("name {number:02}"))));
    // Planned when it was small, so that the ends look for one another from the beginning.
    let run = stage.full(4, true).await?;
    let mut turn = Direction::Ascending;
    let mut pages = 0;
    loop {
        let jobs = stage.pending(run).await?;
        if jobs.is_empty() {
            break;
        }
        let of_turn = jobs.iter().find(|job| job.page.as_ref().is_some_and(|page| page.direction == turn));
        let job = of_turn.or(jobs.first()).context("a job")?;
        let drawn = stage.draw(job).await?;
        let (rows, next) = read(&people, job)?;
        let rows: Vec<(&str, &str)> = rows.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
        stage.commit_page(job, drawn, &rows, next.as_deref()).await?;
        people.insert("01".to_owned(), "zoe".to_owned());
        turn = turn.opposite();
        pages += 1;
    }
    let listed: i64 = stage
        .world
        .count("SELECT count(DISTINCT key) FROM sync_job CROSS JOIN unnest(seen) AS key WHERE kind = 'users_page' AND state = 'done'")
        .await?;
    assert_eq!(listed, 20, "accounts that no page listed");
    assert!(pages <= 20 / PAGE + 4, "{pages} pages: the ends passed each other");
    stage.finish(run, &people).await?;
    assert_eq!(stage.visible().await?, people);
    Ok(())
}

/// Ids with nicknames as listed, and the cursor of the next page.
type ListedPage = (Vec<(String, String)>, Option<String>);

/// A page of the list as it is now, and where the next one starts.
fn read(people: &Truth, job: &Job) -> Result<ListedPage> {
    let page = job.page.as_ref().context("a page")?;
    let mut rows: Vec<(String, String)> = people.iter().map(|(id, name)| (name.clone(), id.clone())).collect();
    rows.sort();
    if page.direction == Direction::Descending {
        rows.reverse();
    }
    if let Some(cursor) = &page.cursor {
        let after = |name: &String| if page.direction == Direction::Ascending { name > cursor } else { name < cursor };
        rows.retain(|(name, _)| after(name));
    }
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|(name, _)| name.clone());
    Ok((rows.into_iter().map(|(name, id)| (id, name)).collect(), next))
}
