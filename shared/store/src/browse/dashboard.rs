//! Where money goes to people who don't come, what changed, and what needs a person.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::ids::{OperationId, OrgKey, RunId};
use orgmirror_domain::listing::{ChangeWord, Direction, GroupSort};
use orgmirror_domain::operation::OperationState;
use orgmirror_domain::run::Hold;
use serde::Serialize;

use super::groups::{GroupQuery, GroupRow};
use super::remembered::Weight;
use super::{Place, trend};
use crate::licence::Licence;
use crate::{Store, StoreResult};

/// Numbers that cost a look at every account.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Seats of each product on each site.
    pub licences: Vec<Licence>,
    /// Users by a filter each; the list of the filter has exactly so many.
    pub doors: Vec<Door>,
    /// What changed since the last full sync.
    pub changes: Vec<(ChangeWord, i64)>,
    /// The ten largest.
    pub largest_groups: Vec<GroupRow>,
}

/// A number that opens the list that it counts.
#[derive(Clone, Debug, Serialize)]
pub struct Door {
    /// Whom it counts.
    pub filter: Filter,
    /// How many they are.
    pub users: i64,
}

impl Weight for std::sync::Arc<Figures> {
    fn weight(&self) -> usize {
        1
    }
}

/// Something that goes on only when a person acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "need", rename_all = "snake_case")]
pub enum Need {
    /// A run waits.
    Held {
        /// Which.
        run: RunId,
        /// Why.
        hold: Hold,
        /// What happened and what to do.
        reason: String,
    },
    /// The API key's last day is near or past.
    KeyExpires {
        /// That day.
        on: NaiveDate,
    },
    /// The last full sync found what it could not repair.
    Discrepancies {
        /// The run.
        run: RunId,
        /// How many.
        count: i64,
    },
    /// An operation waits for a second person.
    Approval {
        /// Which.
        operation: OperationId,
        /// Who asked.
        requested_by: String,
    },
    /// An operation of the last week ended otherwise than it was meant.
    Unsettled {
        /// Which.
        operation: OperationId,
        /// Items that failed.
        failed: i64,
        /// Items that the API shows otherwise.
        differing: i64,
    },
}

/// Days before its last day from which on the key is spoken of.
const KEY_DAYS: i64 = 30;

impl Store {
    /// The figures of an organisation, and of when they are. `doors` are counted in one look.
    pub async fn figures(&self, org: OrgKey, doors: Vec<Filter>) -> StoreResult<(std::sync::Arc<Figures>, DateTime<Utc>)> {
        let question = doors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let make = move |store: Store| async move { store.count_figures(org, doors).await.map(std::sync::Arc::new) };
        let answer = self.memory.figures.get(self, org, question, make).await?;
        Ok((answer.value.clone(), answer.as_of))
    }

    async fn count_figures(&self, org: OrgKey, doors: Vec<Filter>) -> StoreResult<Figures> {
        let now = Utc::now();
        let mut selections = Vec::with_capacity(doors.len());
        for filter in &doors {
            selections.push(self.select(org, filter, now).await?);
        }
        let counts = self.count_each(&selections).await?;
        let largest = GroupQuery {
            name: String::new(),
            scim: None,
            grants: None,
            sort: GroupSort::Members,
            direction: Direction::Descending,
        };
        Ok(Figures {
            licences: self.licences(org, now - TimeDelta::days(trend::INACTIVE_DAYS)).await?,
            doors: doors.into_iter().zip(counts).map(|(filter, users)| Door { filter, users }).collect(),
            changes: self.change_counts(org, None).await?,
            largest_groups: self.group_list(org, &largest, &Place::Start, 10).await?.groups,
        })
    }

    /// What needs a person, the most urgent first.
    pub async fn needs(&self, org: OrgKey) -> StoreResult<Vec<Need>> {
        let mut needs = Vec::new();
        let held = sqlx::query!(
            r#"-- dashboard.held
            SELECT run_id, hold::text AS "hold!", hold_reason AS "reason!" FROM sync_run
            WHERE org_key = $1 AND finished_at IS NULL AND hold IS NOT NULL ORDER BY run_key"#,
            org.0
        );
        for row in held.fetch_all(&self.pool).await? {
            needs.push(Need::Held { run: RunId(row.run_id), hold: row.hold.parse()?, reason: row.reason });
        }
        let state = sqlx::query!(
            r#"-- dashboard.state
            SELECT o.key_expires_on, r.run_id AS "run_id?", jsonb_array_length(r.discrepancies)::bigint AS discrepancies
            FROM org AS o LEFT JOIN sync_run AS r ON r.run_key = o.watermark_run_key
            WHERE o.org_key = $1"#,
            org.0
        );
        let state = state.fetch_one(&self.pool).await?;
        let soon = Utc::now().date_naive() + TimeDelta::days(KEY_DAYS);
        needs.extend(state.key_expires_on.filter(|on| *on <= soon).map(|on| Need::KeyExpires { on }));
        if let (Some(run), Some(count @ 1..)) = (state.run_id, state.discrepancies) {
            needs.push(Need::Discrepancies { run: RunId(run), count });
        }
        let operations = sqlx::query!(
            r#"-- dashboard.operations
            SELECT
                o.operation_id, o.state::text AS "state!", o.requested_by,
                (SELECT count(*) FROM operation_item AS i WHERE i.operation_key = o.operation_key AND i.state = 'failed') AS "failed!",
                (SELECT count(*) FROM operation_item AS i WHERE i.operation_key = o.operation_key AND i.difference IS NOT NULL) AS "differing!"
            FROM operation AS o
            WHERE o.org_key = $1 AND (o.state = 'approval' OR o.finished_at > now() - interval '7 days')
            ORDER BY o.operation_key DESC LIMIT 20"#,
            org.0
        );
        for row in operations.fetch_all(&self.pool).await? {
            let operation = OperationId(row.operation_id);
            match row.state.parse()? {
                OperationState::Approval => needs.push(Need::Approval { operation, requested_by: row.requested_by }),
                _ if row.failed + row.differing > 0 => {
                    needs.push(Need::Unsettled { operation, failed: row.failed, differing: row.differing });
                }
                _ => {}
            }
        }
        Ok(needs)
    }
}
