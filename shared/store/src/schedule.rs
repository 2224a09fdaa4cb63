//! Up to which moment an organisation's schedule was handled, by the database's clock.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::OrgKey;

use crate::{Store, StoreResult};

/// Where a schedule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleState {
    /// What was planned up to then has been started or was never to be.
    pub handled: DateTime<Utc>,
    /// The database's clock.
    pub now: DateTime<Utc>,
}

impl Store {
    /// Where the organisation's schedule stands. One that was never looked at begins now: what was planned before is not caught up.
    pub async fn schedule_state(&self, org: OrgKey) -> StoreResult<ScheduleState> {
        let state = sqlx::query!(
            r#"-- schedule.state
            SELECT schedule_handled_at, clock_timestamp() AS "now!" FROM org WHERE org_key = $1"#,
            org.0
        );
        let state = state.fetch_one(&self.pool).await?;
        if state.schedule_handled_at.is_none() {
            self.schedule_was_handled(org, state.now).await?;
        }
        Ok(ScheduleState { handled: state.schedule_handled_at.unwrap_or(state.now), now: state.now })
    }

    /// Nothing planned up to that moment is to be started any more. It never goes back.
    pub async fn schedule_was_handled(&self, org: OrgKey, until: DateTime<Utc>) -> StoreResult<()> {
        sqlx::query!(
            r#"-- schedule.handled
            UPDATE org SET schedule_handled_at = $2
            WHERE org_key = $1 AND (schedule_handled_at IS NULL OR schedule_handled_at < $2)"#,
            org.0,
            until
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
