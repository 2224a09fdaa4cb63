//! The address that every service tells its metrics and its health at: `/metrics`, `/healthz`, `/readyz`.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exposition::Exposition;
use crate::health::{self, Health};

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}, which ORGMIRROR_METRICS__LISTEN names; another process may have it")]
pub struct ListenError {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

/// Serves until `stop` is cancelled. Returns the address, whose port was chosen by the system if it was 0.
pub async fn serve(
    address: SocketAddr,
    exposition: Exposition,
    health: Health,
    stop: CancellationToken,
) -> Result<SocketAddr, ListenError> {
    let refused = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    let metrics = Router::new().route("/metrics", get(metrics)).with_state((exposition, health.clone()));
    let served = axum::serve(listener, metrics.merge(health::routes(health)));
    tokio::spawn(async move {
        if let Err(error) = served.with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::warn!(%error, "metrics and health are served no more");
        }
    });
    Ok(bound)
}

async fn metrics(State((exposition, health)): State<(Exposition, Health)>) -> Response {
    // Tells whether the parts work, as of this scrape.
    health.readiness().await;
    match exposition.text() {
        Ok(text) => ([("content-type", prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("metrics cannot be written: {error}\n")).into_response(),
    }
}
