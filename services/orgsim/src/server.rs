//! A running simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::SimulatorConfig;
use crate::connection::{Cut, CuttableListener};
use crate::state::State;
use crate::{api, control, generate};

/// How long `stop` waits for answers on their way before it gives them up.
const PATIENCE: Duration = Duration::from_secs(2);

/// A simulated organisation that answers on an address of its own until it is stopped or dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    state: Arc<State>,
    ending: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}; choose another address, or port 0 for a free one")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The configuration can't be simulated.
    #[error("{0}")]
    Config(String),
    /// The generator ended without an organisation.
    #[error("the generator of the organisation failed; this is a fault of the simulator")]
    Generator(#[source] tokio::task::JoinError),
}

impl Simulator {
    /// Generates the organisation and begins to answer.
    ///
    /// # Errors
    /// If the configuration is impossible or the address can't be had.
    pub async fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        check(&config)?;
        let listen_error = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let mut address = listener.local_addr().map_err(listen_error)?;
        if address.ip().is_unspecified() {
            // Every address is listened on; this one can be called.
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let generated = tokio::task::spawn_blocking(move || {
            let org = generate::organisation(&config);
            State::new(config, org)
        });
        let state = Arc::new(generated.await.map_err(StartError::Generator)?);
        let ending = watch::Sender::new(false);
        let server = tokio::spawn(serve(listener, Arc::clone(&state), ending.subscribe()));
        Ok(Self { address, state, ending, server })
    }

    /// Where it answers, scheme and host only: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it: no new connections, the answers on their way are given a moment.
    pub async fn stop(mut self) {
        self.end();
        if tokio::time::timeout(PATIENCE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }

    fn end(&self) {
        self.ending.send_replace(true);
        self.state.churn.set_rate(0.0);
        self.state.holds.release();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.end();
    }
}

fn check(config: &SimulatorConfig) -> Result<(), StartError> {
    let most = crate::catalog::MAX_DIRECTORIES;
    if !(1..=most).contains(&config.directories) {
        return Err(StartError::Config(format!("directories must be 1 to {most}, not {}", config.directories)));
    }
    if !(0.0..=100.0).contains(&config.directory_overlap_percent) {
        return Err(StartError::Config(format!(
            "directory overlap must be 0 to 100 percent, not {}",
            config.directory_overlap_percent
        )));
    }
    config.switches.check().map_err(StartError::Config)
}

async fn serve(listener: TcpListener, state: Arc<State>, mut ending: watch::Receiver<bool>) {
    let ended = {
        let mut ending = ending.clone();
        async move {
            // An error means that the simulator was dropped.
            let _ = ending.wait_for(|ended| *ended).await;
        }
    };
    let churning = tokio::spawn({
        let state = Arc::clone(&state);
        async move {
            tokio::select! {
                () = crate::churn::run(state) => {}
                _ = ending.wait_for(|ended| *ended) => {}
            }
        }
    });
    let router = Router::new().nest("/_sim", control::router()).fallback(api::serve).with_state(state);
    let service = router.into_make_service_with_connect_info::<Cut>();
    if let Err(error) = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(ended).await {
        tracing::error!(%error, "the simulator stopped answering");
    }
    churning.abort();
}
