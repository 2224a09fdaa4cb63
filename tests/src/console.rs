//! A console of a world, and visitors of it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use orgmirror_console::{Console, ConsoleSettings, PublicUrl, SeatPrices};
use orgmirror_domain::access::{Rights, Role, Sites};
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::{OrgId, OrgKey};
use orgmirror_domain::operation::Limits;
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// A console that serves; dropping it ends it.
pub struct ServedConsole {
    /// The console itself.
    pub console: Console,
    address: String,
    stop: CancellationToken,
    _serving: JoinHandle<()>,
}

/// Somebody who asks a console.
#[derive(Clone, Debug)]
pub struct Caller {
    address: String,
    http: Client,
    token: Option<String>,
    cookie: Option<String>,
    from_page: bool,
}

impl World {
    /// Starts a console of this world's organisation.
    pub async fn console(&self) -> Result<ServedConsole> {
        self.console_of(self.org, self.sim.org_id()).await
    }

    /// Starts a console of any organisation of this world's database.
    pub async fn console_of(&self, org: OrgKey, org_id: &str) -> Result<ServedConsole> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let settings = ConsoleSettings {
            org,
            org_id: OrgId::from(org_id),
            public_url: PublicUrl::read(None, listener.local_addr()?)?,
            session_idle: Duration::from_secs(3_600),
            session_life: Duration::from_secs(7_200),
            link_life: Duration::from_secs(3_600),
            limits: Limits { max_items: 1_000, approval_above: 50, ..crate::operate::limits() },
            prices: SeatPrices::default(),
            schedule: None,
        };
        let address = settings.public_url.to_string();
        let console = Console::new(self.store.clone(), self.publisher(), settings);
        let stop = CancellationToken::new();
        let (serving, token) = (console.clone(), stop.clone());
        let serving = tokio::spawn(async move {
            if let Err(error) = serving.serve(listener, token).await {
                eprintln!("a console ended: {error}");
            }
        });
        Ok(ServedConsole { console, address, stop, _serving: serving })
    }
}

impl Drop for ServedConsole {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl ServedConsole {
    /// Nobody in particular.
    pub fn stranger(&self) -> Result<Caller> {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build()?;
        Ok(Caller { address: self.address.clone(), http, token: None, cookie: None, from_page: false })
    }

    /// A program with a token of these rights.
    pub async fn program(&self, role: Role, sites: Sites) -> Result<Caller> {
        let token = self
            .console
            .make_token("a test", &Rights { role, sites }, Duration::from_secs(3_600), &Actor::person("a test"))
            .await?;
        Ok(Caller { token: Some(token), ..self.stranger()? })
    }

    /// A person who has chosen a password by their link, and is signed in by it.
    pub async fn person(&self, name: &str, role: Role, sites: Sites) -> Result<Caller> {
        let link = self.console.add_person(name, &Rights { role, sites }, &Actor::person("a test")).await?;
        self.by_link(&link, name).await
    }

    /// Follows a one-time link and chooses [`PASSWORD`].
    pub async fn by_link(&self, link: &str, name: &str) -> Result<Caller> {
        let (_, code) = link.split_once("?code=").context("a link has a code")?;
        let stranger = self.stranger()?;
        let form = [("code", code), ("name", name), ("password", PASSWORD)];
        let answer = stranger.form("/welcome", &form).send().await?;
        ensure!(answer.status() == 303, "{}: {}", answer.status(), answer.text().await?);
        stranger.with_session(&answer)
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// What everybody here has as a password.
pub const PASSWORD: &str = "correct horse battery staple";

impl Caller {
    /// A request by this caller.
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address));
        let request = if self.from_page { request.header("sec-fetch-site", "same-origin") } else { request };
        match (&self.token, &self.cookie) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some(cookie)) => request.header("cookie", cookie),
            (None, None) => request,
        }
    }

    /// A form that a page of the console sent.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
        self.of_this_page().ask(Method::POST, path).header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// A JSON document that must be there.
    pub async fn json(&self, path: &str) -> Result<Value> {
        let answer = self.ask(Method::GET, path).send().await?;
        ensure!(answer.status().is_success(), "{path}: {} {}", answer.status(), answer.text().await?);
        Ok(answer.json().await?)
    }

    /// Sends a JSON document; the status and the answer, null for none.
    pub async fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        let answer = self.ask(Method::POST, path).json(body).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or(Value::Null)))
    }

    /// The same caller, asking another console.
    #[must_use]
    pub fn at(&self, console: &ServedConsole) -> Self {
        Self { address: console.address.clone(), ..self.clone() }
    }

    /// The same caller with a token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same caller by a page of the console, which its browser tells.
    #[must_use]
    pub fn of_this_page(&self) -> Self {
        Self { from_page: true, ..self.clone() }
    }

    /// The same caller with the session that an answer opened.
    pub fn with_session(&self, answer: &Response) -> Result<Self> {
        let cookie = answer.headers().get("set-cookie").context("no session was opened")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Self { cookie: Some(cookie), ..self.clone() })
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
