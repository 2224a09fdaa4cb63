//! The console: pages for people, an HTTP API for programs, over one organisation's mirror.
//!
//! A request passes, in this order: compression and headers ([`security`]), the guard that asks each route's need of its visitor
//! ([`guard`]), the handler. Pages live in [`pages`], one file a place; the API's resources in [`api`].
//!
//! Invariants
//! - A route that is not in the table of [`routes`] is refused, so none can be added without saying what it needs.
//! - Nothing that the API or a person sent reaches a page but through maud, which escapes it; no page has inline script or style.
//! - One console serves one organisation; what belongs to another is not there.
//!
//! Absent: calls to Atlassian, SQL, and any state that another console of the same organisation would not see.

mod api;
mod assets;
mod export;
mod filter;
mod frame;
mod guard;
mod health;
mod layout;
mod live;
mod pages;
mod password;
mod people;
mod problem;
mod query;
mod routes;
pub mod rows;
mod secret;
mod security;
mod settings;
mod visitor;
mod words;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use orgmirror_domain::access::Rights;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::OrgKey;
use orgmirror_queue::Publisher;
use orgmirror_store::{Store, StoreResult};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use password::Passwords;
pub use problem::Problem;
pub use routes::{Access, Route};
pub use settings::{ConsoleSettings, PublicUrl, SeatPrices, UnsafeAddress};

/// What every handler may touch. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    parts: Arc<Parts>,
}

struct Parts {
    store: Store,
    queue: Publisher,
    settings: ConsoleSettings,
    passwords: Passwords,
    newest: live::Newest,
    stopping: CancellationToken,
}

/// The routes of the console and its API, as they are served.
pub fn route_table() -> Vec<Route> {
    all_routes().table()
}

fn all_routes() -> routes::Routes {
    api::routes(frame::routes(pages::routes(health::routes(assets::routes(routes::Routes::default())))))
}

impl Console {
    /// Connects nothing: it works on what it is given.
    pub fn new(store: Store, queue: Publisher, settings: ConsoleSettings) -> Self {
        let parts = Parts {
            store,
            queue,
            settings,
            passwords: Passwords::default(),
            newest: live::Newest::default(),
            stopping: CancellationToken::new(),
        };
        Self { parts: Arc::new(parts) }
    }

    /// A link that makes the first administrator, if there is none yet. Only its hash is kept, so it can be told once.
    pub async fn set_up_link(&self) -> StoreResult<Option<String>> {
        if self.store().has_admin(self.org()).await? {
            return Ok(None);
        }
        let code = secret::Secret::random();
        self.store().save_first_link(self.org(), code.hash(), self.settings().link_life).await?;
        Ok(Some(pages::welcome::address(&self.settings().public_url, &code)))
    }

    /// Adds a person; the link is for them, to choose a password by it once.
    pub async fn add_person(&self, name: &str, rights: &Rights, by: &Actor) -> Result<String, Problem> {
        people::add(self, name, rights, by).await
    }

    /// A link by which a person chooses another password, once.
    pub async fn password_link(&self, name: &str, by: &Actor) -> Result<String, Problem> {
        people::link(self, name, by).await
    }

    /// A token that belongs to no person: for whoever has the database anyway.
    pub async fn make_token(&self, name: &str, rights: &Rights, life: Duration, by: &Actor) -> Result<String, Problem> {
        let (_, secret) = people::new_token(self, name, None, rights, life, by).await?;
        Ok(secret.reveal().to_owned())
    }

    /// Serves until told to stop; requests under way are answered first.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let stopping = self.stopping();
        let stopped = async move {
            stop.cancelled().await;
            // Streams of events would never end by themselves.
            stopping.cancel();
        };
        let app = self.router().into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, app).with_graceful_shutdown(stopped).await
    }

    fn router(self) -> Router {
        security::layered(all_routes().guarded(&self), &self).with_state(self)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    /// The queue that workers take jobs from, to tell how full it is.
    pub(crate) fn queue(&self) -> &Publisher {
        &self.parts.queue
    }

    pub(crate) fn org(&self) -> OrgKey {
        self.parts.settings.org
    }

    pub(crate) fn settings(&self) -> &ConsoleSettings {
        &self.parts.settings
    }

    pub(crate) fn newest(&self) -> &live::Newest {
        &self.parts.newest
    }

    /// Cancelled when no more requests are taken.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.parts.stopping.clone()
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.parts.passwords
    }
}
