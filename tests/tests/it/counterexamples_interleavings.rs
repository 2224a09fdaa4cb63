//! Random interleavings of runs over a tiny world that changes all the time.
//!
//! What must hold after every step, also between runs: what the mirror says of an account was true at some moment not before
//! Fresh(account), the greater of its row's instant and the watermark of the newest completed full run. A gate that opens on Fresh
//! therefore never opens on anything older.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use orgmirror_domain::audit::Actor;
use orgmirror_domain::freshness::fresh;
use orgmirror_domain::ids::{AccountId, GroupId, Instant, OrgId, RunKey};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::query::Direction;
use orgmirror_domain::run::{Phase, RunKind, Scope};
use orgmirror_domain::sweep::SweepLimits;
use orgmirror_store::attempt::{Drawn, Job};
use orgmirror_store::sweep::Swept;
use orgmirror_tests::until;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use sqlx::Row as _;
use uuid::Uuid;

use crate::counterexamples_stage::{ANY_NUMBER, Stage, Truth};
use crate::counterexamples_steps::{Step, step};

const PEOPLE: [&str; 5] = ["a", "b", "c", "d", "e"];
const NAMES: [&str; 3] = ["x", "y", "z"];
/// Accounts on a page.
const PAGE: usize = 2;

struct Reader {
    job: Job,
    drawn: Drawn,
    answer: Option<Truth>,
}

struct Story<'a> {
    stage: &'a Stage,
    now: Truth,
    /// What was true of each account from which instant on; `None`: not there.
    past: HashMap<&'static str, Vec<(i64, Option<String>)>>,
    runs: Vec<RunKey>,
    readers: Vec<Reader>,
    completed: u32,
}

fn chosen<T>(from: &[T], number: u8) -> Option<usize> {
    (!from.is_empty()).then(|| usize::from(number) % from.len())
}

impl Story<'_> {
    async fn play(&mut self, step: &Step) -> Result<()> {
        let (stage, store) = (self.stage, &self.stage.store);
        match *step {
            Step::Put(who, name) => {
                let (who, name) = (PEOPLE[usize::from(who) % PEOPLE.len()], NAMES[usize::from(name) % NAMES.len()]);
                self.change(who, Some(name)).await?;
            }
            Step::Leave(who) => self.change(PEOPLE[usize::from(who) % PEOPLE.len()], None).await?,
            Step::Full => {
                let run = stage.request().await?.run;
                if store.start_run(stage.org, run).await? {
                    stage.plan(run, u64::try_from(self.now.len())?, self.completed % 2 == 1).await?;
                    store.advance(run).await?;
                    self.runs.push(run);
                }
            }
            Step::Scoped(one, other) => {
                let ids = [one, other].map(|who| AccountId::from(PEOPLE[usize::from(who) % PEOPLE.len()]));
                let scope = Scope::Accounts { ids: ids.to_vec() };
                let run = store.request_sync(stage.org, Uuid::new_v4(), RunKind::Manual, &scope).await?.run;
                store.start_run(stage.org, run).await?;
                self.runs.push(run);
            }
            Step::Group => {
                let scope = Scope::Groups { ids: vec![GroupId(Uuid::from_u128(1))] };
                let run = store.request_sync(stage.org, Uuid::new_v4(), RunKind::Manual, &scope).await?.run;
                store.start_run(stage.org, run).await?;
                self.runs.push(run);
            }
            Step::Draw(number) => {
                let mut jobs = Vec::new();
                for run in &self.runs {
                    jobs.extend(stage.pending(*run).await?);
                }
                if let Some(index) = chosen(&jobs, number) {
                    let job = jobs.swap_remove(index);
                    let drawn = stage.draw(&job).await?;
                    self.readers.push(Reader { job, drawn, answer: None });
                }
            }
            Step::Read(number) => {
                let waiting: Vec<usize> = (0..self.readers.len()).filter(|at| self.readers[*at].answer.is_none()).collect();
                if let Some(index) = chosen(&waiting, number) {
                    self.readers[waiting[index]].answer = Some(self.now.clone());
                }
            }
            Step::Commit(number) => {
                let ready: Vec<usize> = (0..self.readers.len()).filter(|at| self.readers[*at].answer.is_some()).collect();
                if let Some(index) = chosen(&ready, number) {
                    let reader = self.readers.swap_remove(ready[index]);
                    commit(stage, reader).await?;
                }
            }
            Step::Die(number) => {
                if let Some(index) = chosen(&self.readers, number) {
                    self.readers.swap_remove(index);
                }
            }
            Step::Expire(number) => {
                let with_cursor = |reader: &&Reader| reader.job.page.as_ref().is_some_and(|page| page.cursor.is_some());
                let readers: Vec<&Reader> = self.readers.iter().filter(with_cursor).collect();
                if let Some(index) = chosen(&readers, number) {
                    store.restart_chain(readers[index].job.run, readers[index].job.key, 1).await?;
                }
            }
            Step::Advance(number) => {
                if let Some(index) = chosen(&self.runs, number) {
                    self.advance(self.runs[index]).await?;
                }
            }
            Step::Approve(number) => {
                if let Some(index) = chosen(&self.runs, number) {
                    store.approve_run(self.runs[index], 1, &Actor::system()).await?;
                }
            }
            Step::Cancel(number) => {
                if let Some(index) = chosen(&self.runs, number) {
                    store.cancel_run(self.runs[index], &Actor::system()).await?;
                }
            }
        }
        Ok(())
    }

    async fn change(&mut self, who: &'static str, name: Option<&str>) -> Result<()> {
        match name {
            Some(name) => self.now.insert(who.to_owned(), name.to_owned()),
            None => self.now.remove(who),
        };
        let instant: i64 = sqlx::query_scalar("SELECT nextval('instant')").fetch_one(&self.stage.pool).await?;
        self.past.entry(who).or_default().push((instant, name.map(str::to_owned)));
        Ok(())
    }

    async fn advance(&mut self, run: RunKey) -> Result<()> {
        if self.stage.phase(run).await? != Phase::Sweeping {
            self.stage.store.advance(run).await?;
            return Ok(());
        }
        // Now and then a person must be asked.
        let limits = if run.0 % 2 == 0 { ANY_NUMBER } else { SweepLimits { max_rows: 1, max_percent: 0.0 } };
        if self.stage.store.sweep(run, limits).await? == Swept::Completed {
            self.completed += 1;
        }
        Ok(())
    }

    /// Whatever the mirror says of an account was true at some moment not before Fresh(account).
    async fn check(&self) -> Result<()> {
        let watermark: Option<i64> = sqlx::query_scalar("SELECT watermark FROM org WHERE org_key = $1")
            .bind(self.stage.org.0)
            .fetch_one(&self.stage.pool)
            .await?;
        let statement = "SELECT k.account_id, a.observed, CASE WHEN NOT a.missing THEN a.name END AS name \
                         FROM account AS a JOIN account_key AS k USING (account_key) WHERE a.org_key = $1";
        let mut rows: BTreeMap<String, (i64, Option<String>)> = BTreeMap::new();
        for row in sqlx::query(statement).bind(self.stage.org.0).fetch_all(&self.stage.pool).await? {
            rows.insert(row.try_get("account_id")?, (row.try_get("observed")?, row.try_get("name")?));
        }
        for who in PEOPLE {
            let (observed, said) = rows.remove(who).map_or((None, None), |(observed, name)| (Some(Instant(observed)), name));
            // Nobody vouches for an account that was never observed before a first full run.
            let Some(Instant(fresh)) = fresh(observed, watermark.map(Instant)) else { continue };
            let past = self.past.get(who).map(Vec::as_slice).unwrap_or_default();
            let ended = past.iter().map(|(instant, _)| *instant).chain([i64::MAX]);
            let states = std::iter::once(&None).chain(past.iter().map(|(_, state)| state)).zip(ended);
            let true_since: Vec<_> = states.filter(|(_, until)| *until > fresh).map(|(state, _)| state.clone()).collect();
            ensure!(
                true_since.contains(&said),
                "{who} is {said:?} as of {fresh} (row {observed:?}, watermark {watermark:?}); \
                    since then {true_since:?} were true, in all {past:?}"
            );
        }
        Ok(())
    }

    /// All that is under way goes on in peace until it ends; a last full run finds the truth.
    async fn end(&mut self) -> Result<()> {
        for reader in std::mem::take(&mut self.readers) {
            if reader.answer.is_some() {
                commit(self.stage, reader).await?;
                self.check().await?;
            }
        }
        for run in self.runs.clone() {
            until("a run ends", async || {
                self.stage.store.approve_run(run, 1, &Actor::system()).await?;
                for job in self.stage.pending(run).await? {
                    if job.kind == JobKind::Plan {
                        self.stage.plan(run, 0, false).await?;
                    } else {
                        self.stage.work(&job, &self.now).await?;
                    }
                }
                self.advance(run).await?;
                Ok(self.stage.phase(run).await?.has_ended().then_some(()))
            })
            .await?;
            self.check().await?;
        }
        let pending = self.stage.request().await?.run;
        ensure!(self.stage.store.start_run(self.stage.org, pending).await?, "an ended story leaves an active run");
        self.stage.plan(pending, u64::try_from(self.now.len())?, false).await?;
        self.stage.finish(pending, &self.now).await?;
        self.check().await?;
        let statement = "SELECT k.account_id, a.name FROM account AS a JOIN account_key AS k USING (account_key) \
                         WHERE a.org_key = $1 AND a.hidden_at IS NULL AND a.known_alive";
        let rows: Vec<(String, String)> = sqlx::query_as(statement).bind(self.stage.org.0).fetch_all(&self.stage.pool).await?;
        ensure!(rows.iter().cloned().collect::<Truth>() == self.now, "the mirror has {rows:?}, the truth is {:?}", self.now);
        Ok(())
    }
}

/// Commits what a reader has read. Pages are read by id, two accounts each; a cursor is the id after which a page starts.
async fn commit(stage: &Stage, reader: Reader) -> Result<()> {
    let Reader { job, drawn, answer } = reader;
    let answer = answer.context("the reader has not read")?;
    let mut all: Vec<(&str, &str)> = answer.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    match (job.kind, &job.page) {
        (JobKind::UsersPage | JobKind::MemberPage, Some(page)) => {
            if page.direction == Direction::Descending {
                all.reverse();
            }
            if let Some(cursor) = page.cursor.as_deref() {
                let ascending = page.direction == Direction::Ascending;
                all.retain(|(id, _)| if ascending { *id > cursor } else { *id < cursor });
            }
            let next = (all.len() > PAGE).then(|| all[PAGE - 1].0);
            all.truncate(PAGE);
            stage.commit_page(&job, drawn, &all, next).await?;
        }
        (JobKind::AccountLookup, _) => drop(stage.commit_lookup(&job, drawn, &all).await?),
        (JobKind::GroupLookup, _) => stage.commit_groups(&job, drawn).await?,
        (JobKind::Count, _) => {
            let count = if job.subjects[0] == "users" { all.len() } else { 0 };
            stage.store.commit_count(&job, drawn, 1, u64::try_from(count)?).await?;
        }
        // A plan of a run that was started by hand is made at once.
        _ => {}
    }
    Ok(())
}

/// Method: random lists of steps, a fresh organisation for each; a failing list shrinks and is printed. The lists are the same each
/// time; `PROPTEST_CASES=1000` tries so many others.
#[test]
fn whatever_happens_in_whatever_order_freshness_never_lies() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stage = RefCell::new(runtime.block_on(Stage::new()).unwrap());
    let completed = Cell::new(0);
    let config = |cases| Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let mut runner = match std::env::var("PROPTEST_CASES") {
        Ok(cases) => TestRunner::new(config(cases.parse().unwrap())),
        Err(_) => TestRunner::new_with_rng(config(24), TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let outcome = runner.run(&proptest::collection::vec(step(), 40..160), |steps| {
        let story = runtime.block_on(tell(&mut stage.borrow_mut(), &steps));
        completed.set(completed.get() + story.map_err(|error| TestCaseError::fail(format!("{error:#}")))?);
        Ok(())
    });
    outcome.unwrap();
    assert!(completed.get() > 24, "only {} runs completed: nothing was tried", completed.get());
}

/// Plays the steps on a fresh organisation; returns how many runs completed.
async fn tell(stage: &mut Stage, steps: &[Step]) -> Result<u32> {
    stage.org = stage.store.ensure_org(&OrgId::from(Uuid::new_v4().to_string().as_str())).await?;
    let (past, runs, readers) = (HashMap::new(), Vec::new(), Vec::new());
    let mut story = Story { stage, now: Truth::new(), past, runs, readers, completed: 0 };
    for (number, step) in steps.iter().enumerate() {
        story.play(step).await.with_context(|| format!("step {number}, {step:?}"))?;
        story.check().await.with_context(|| format!("after step {number}, {step:?}"))?;
    }
    story.end().await?;
    Ok(story.completed)
}
