//! Progress as it happens: server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use orgmirror_domain::access::{Need, Role};

use crate::Console;
use crate::live::Pulse;
use crate::routes::Routes;

/// How often it is looked whether something has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/events", Need::whole(Role::Viewer), events)
}

/// An event `pulse` at once and at each change: freshness, and the runs that have not ended.
#[utoipa::path(get, path = "/api/v1/events", tag = "status", responses((status = 200, description = "Server-sent events `pulse`, each a JSON document", content_type = "text/event-stream", body = Pulse)))]
pub(super) async fn events(State(console): State<Console>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = futures::stream::unfold((console, None::<String>), async |(console, told)| {
        loop {
            if told.is_some() {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = console.stopping().cancelled_owned() => return None,
                }
            }
            // While Postgres does not answer there is nothing to tell; the log has it.
            let Ok(pulse) = console.pulse().await else {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            };
            let Ok(now) = serde_json::to_string(&*pulse) else { return None };
            if told.as_ref() != Some(&now) {
                return Some((Ok(Event::default().event("pulse").data(&now)), (console, Some(now))));
            }
        }
    });
    Sse::new(changes).keep_alive(KeepAlive::default())
}
