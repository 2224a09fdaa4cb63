//! Which product roles are held directly: one call for the roles that occur, then counts by product, and only then lists.

use std::sync::Arc;

use orgmirror_atlassian::{ApiError, Client, Operation, Permit};
use orgmirror_domain::direct_role::{Answer, Question, UnitRoles, decide, follow_ups, questions, role_calls, units};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::query::UserFilter;
use orgmirror_store::StoreResult;
use orgmirror_store::attempt::{Asking, Drawn};
use orgmirror_store::lookup::Committed;
use tokio::sync::Semaphore;

use crate::env::{Delivered, Env};
use crate::read::{Left, PATIENCE};

/// Counts at once: the run may have little else to do by then.
const AT_ONCE: usize = 4;

/// Counts, decides, and registers the lists that are read.
pub(crate) async fn roles(env: &Env, job: &Delivered) -> Result<Committed, Left> {
    let Some(drawn) = env.store.draw(Asking::For(job.key())).await? else { return Err(Left::NotWanted) };
    let units = units(env.store.product_resources(job.org).await?);
    let counting = Counting { env, job, slots: Semaphore::new(AT_ONCE), calls: 0.into() };
    if units.is_empty() {
        return commit(&counting, drawn, &[]).await;
    }
    let counted = async {
        let stats =
            counting.read(Operation::UsersStats, |client, permit| async move { client.users_stats(permit).await }).await?;
        let (mut open, mut answers) = (questions(&units, &stats.roles), Vec::new());
        while !open.is_empty() {
            let answered = counting.ask(open).await?;
            open = answered.iter().flat_map(|answer| follow_ups(&units, answer)).collect();
            answers.extend(answered);
        }
        Ok(answers)
    };
    let answers: Vec<Answer> = counted.await.map_err(|left: Left| left.with_calls(counting.calls()))?;
    let allowed = role_calls(env.store.expected_pages(job.run).await?);
    let decided = decide(units, &answers, allowed.saturating_sub(u64::from(counting.calls().unsigned_abs())));
    commit(&counting, drawn, &decided).await
}

async fn commit(counting: &Counting<'_>, drawn: Drawn, decided: &[UnitRoles]) -> Result<Committed, Left> {
    let (env, job) = (counting.env, counting.job);
    for unit in decided.iter().filter(|unit| !unit.not_read.is_empty()) {
        tracing::info!(run = %job.run_id, product = unit.product, roles = ?unit.not_read, "too many hold these roles to be listed");
    }
    Ok(env.store.commit_roles(job, drawn, counting.calls(), decided).await?)
}

/// Goes on without what this job would have told: nothing is known of direct roles then, or nothing on the product that the list is about.
pub(crate) async fn without(env: &Env, job: &Delivered, calls: i32) -> StoreResult<()> {
    if job.kind == JobKind::RolePage {
        env.store.abandon_role_list(job, calls).await?;
    } else if let Some(drawn) = env.store.draw(Asking::For(job.key())).await? {
        let unread: Vec<UnitRoles> =
            units(env.store.product_resources(job.org).await?).into_iter().map(UnitRoles::unread).collect();
        env.store.commit_roles(job, drawn, calls, &unread).await?;
    }
    Ok(())
}

struct Counting<'a> {
    env: &'a Env,
    job: &'a Delivered,
    slots: Semaphore,
    calls: std::sync::atomic::AtomicI32,
}

impl Counting<'_> {
    fn calls(&self) -> i32 {
        self.calls.load(std::sync::atomic::Ordering::Relaxed)
    }

    async fn ask(&self, questions: Vec<Question>) -> Result<Vec<Answer>, Left> {
        let counts = questions.iter().map(|question| self.count(question));
        let counts = futures::future::try_join_all(counts).await?;
        // After the counts: who joined a group meanwhile is then in both, more often than not.
        let by_group = self.env.store.held_by_groups(self.job.org, &questions).await?;
        let answers = questions.into_iter().zip(counts).zip(by_group);
        Ok(answers.map(|((question, counted), by_group)| Answer { question, counted, by_group }).collect())
    }

    async fn count(&self, question: &Question) -> Result<u64, Left> {
        let filter = UserFilter {
            resource_ids: question.resources.clone(),
            role_ids: vec![question.role.clone()],
            ..UserFilter::default()
        };
        self.read(Operation::UsersCount, |client, permit| {
            let filter = filter.clone();
            async move { client.users_count(permit, &filter).await }
        })
        .await
    }

    async fn read<T, F: Future<Output = Result<T, ApiError>> + Send>(
        &self,
        operation: Operation,
        call: impl Fn(Arc<Client>, Permit) -> F + Send + Sync,
    ) -> Result<T, Left> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let read = self.env.read_within(PATIENCE, Asking::For(self.job.key()), self.job.lane, operation, call).await?;
        self.calls.fetch_add(read.calls, std::sync::atomic::Ordering::Relaxed);
        Ok(read.answer)
    }
}
