//! What changes from second to second, asked of Postgres once for everybody who looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use orgmirror_store::progress::{RunView, Which};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::Console;
use crate::problem::Problem;

/// For so long what was asked is true enough: people see seconds.
const KEPT: Duration = Duration::from_secs(1);

/// How fresh the mirror is, and what is being done about it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pulse {
    /// Everything that the newest full sync could read is at least as new as this; null before the first.
    pub(crate) fresh_as_of: Option<DateTime<Utc>>,
    /// Runs that have not ended, newest first.
    pub(crate) runs: Vec<RunView>,
}

/// The newest pulse, and when it was asked for.
#[derive(Default)]
pub(crate) struct Newest(Mutex<Option<(Instant, Arc<Pulse>)>>);

impl Console {
    /// How fresh the mirror is, at most a second old. Whoever comes while it is being asked for waits for that answer.
    pub(crate) async fn pulse(&self) -> Result<Arc<Pulse>, Problem> {
        let mut newest = self.newest().0.lock().await;
        if let Some((asked, pulse)) = &*newest
            && asked.elapsed() < KEPT
        {
            return Ok(Arc::clone(pulse));
        }
        let asked = Instant::now();
        let (fresh_as_of, runs) =
            tokio::try_join!(self.store().watermark_at(self.org()), self.store().runs(Which::Open(self.org())))?;
        let pulse = Arc::new(Pulse { fresh_as_of, runs });
        *newest = Some((asked, Arc::clone(&pulse)));
        Ok(pulse)
    }
}
