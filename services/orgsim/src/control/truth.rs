//! Reading the truth.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Problem, json};
use crate::state::State;
use crate::truth::{Dump, Snapshot};

/// Lines are sent in pieces of about this size.
const PIECE: usize = 64 * 1024;

/// `GET /_sim/truth/accounts`
pub(super) async fn accounts(Shared(state): Shared<Arc<State>>) -> Response {
    stream(&state, Dump::Accounts)
}

/// `GET /_sim/truth/groups`
pub(super) async fn groups(Shared(state): Shared<Arc<State>>) -> Response {
    stream(&state, Dump::Groups)
}

/// `GET /_sim/truth/grants`
pub(super) async fn grants(Shared(state): Shared<Arc<State>>) -> Response {
    stream(&state, Dump::Grants)
}

/// `GET /_sim/truth/roles`
pub(super) async fn roles(Shared(state): Shared<Arc<State>>) -> Response {
    stream(&state, Dump::Roles)
}

/// `GET /_sim/digest`
pub(super) async fn digest(Shared(state): Shared<Arc<State>>) -> Result<Response, Problem> {
    let snapshot = Snapshot::of(&state.org());
    let digest = tokio::task::spawn_blocking(move || snapshot.digest()).await;
    let digest = digest.map_err(|error| Problem::wrong(format!("the digest failed: {error}")))?;
    Ok(axum::Json(digest).into_response())
}

/// What `GET /_sim/first` may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct First {
    sort: String,
    limit: usize,
}

impl Default for First {
    fn default() -> Self {
        Self { sort: "asc".to_owned(), limit: 10 }
    }
}

/// `GET /_sim/first`: the first account ids in the order of nicknames, as a list.
pub(super) async fn first(Shared(state): Shared<Arc<State>>, Query(wanted): Query<First>) -> Result<Response, Problem> {
    let org = state.org();
    let id = |slot: &u32| org.accounts.get(*slot).map(|account| account.id.to_string());
    let ids: Vec<String> = match wanted.sort.as_str() {
        "asc" => org.accounts_in_order.values().filter_map(id).take(wanted.limit).collect(),
        "desc" => org.accounts_in_order.values().rev().filter_map(id).take(wanted.limit).collect(),
        other => return Err(Problem::wrong(format!("sort is asc or desc, not {other}"))),
    };
    Ok(json(serde_json::json!(ids).to_string()))
}

fn stream(state: &State, dump: Dump) -> Response {
    let snapshot = Snapshot::of(&state.org());
    let (sender, receiver) = mpsc::channel::<Bytes>(8);
    tokio::task::spawn_blocking(move || {
        let mut piece = String::with_capacity(PIECE + 4_096);
        snapshot.write(dump, |line| {
            piece.push_str(line);
            // The reader is gone if sending fails; then the rest needn't be written.
            piece.len() < PIECE || sender.blocking_send(Bytes::from(std::mem::take(&mut piece))).is_ok()
        });
        let _ = sender.blocking_send(Bytes::from(piece));
    });
    let pieces = futures::stream::unfold(receiver, |mut receiver| async {
        let piece = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), receiver))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(pieces)).into_response()
}
