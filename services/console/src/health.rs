//! Whether the console lives, and whether it can be used.

use axum::extract::State;
use axum::http::StatusCode;

use crate::Console;
use crate::routes::{Access, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/healthz", Access::Open, async || "alive\n").get("/readyz", Access::Open, ready)
}

/// 503 while Postgres does not answer or has another schema than this program's.
async fn ready(State(console): State<Console>) -> (StatusCode, String) {
    match console.store().check_schema().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}
