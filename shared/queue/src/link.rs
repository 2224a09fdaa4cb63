//! A connection to Redis that opens at the first command and again after every failure, for ever.
//!
//! A failed command is not repeated here: only its sender knows whether that is safe.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value};
use tokio::sync::Mutex;

use crate::config::QueueConfig;
use crate::outage::Outage;

/// Clones share one connection. Blocking reads need a link of their own, since answers come in the order of the commands.
#[derive(Clone)]
pub(crate) struct Link(Arc<Inner>);

struct Inner {
    url: String,
    /// Host and port alone, for the log.
    server: String,
    purpose: &'static str,
    options: AsyncConnectionConfig,
    outage: Outage,
    current: Mutex<Option<Open>>,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// Tells this connection from the one that may have replaced it before a failure is noticed.
    token: Arc<()>,
}

impl Link {
    pub(crate) fn new(config: &QueueConfig, purpose: &'static str, outage: &Outage) -> Self {
        Self::open(&config.url, config.connect_timeout, config.response_timeout, purpose, outage)
    }

    pub(crate) fn open(url: &str, connect: Duration, response: Duration, purpose: &'static str, outage: &Outage) -> Self {
        let server = Client::open(url)
            .map(|client| client.get_connection_info().addr().to_string())
            .unwrap_or_else(|_| "(address that can't be read)".into());
        let options = AsyncConnectionConfig::new().set_connection_timeout(Some(connect)).set_response_timeout(Some(response));
        Self(Arc::new(Inner { url: url.to_owned(), server, purpose, options, outage: outage.clone(), current: Mutex::new(None) }))
    }

    async fn connection(&self) -> RedisResult<Open> {
        let mut current = self.0.current.lock().await;
        if let Some(open) = &*current {
            return Ok(open.clone());
        }
        let client = Client::open(self.0.url.as_str())?;
        let connection = client.get_multiplexed_async_connection_with_config(&self.0.options).await?;
        Ok(current.insert(Open { connection, token: Arc::new(()) }).clone())
    }

    async fn discard(&self, broken: &Open) {
        let mut current = self.0.current.lock().await;
        if current.as_ref().is_some_and(|open| Arc::ptr_eq(&open.token, &broken.token)) {
            *current = None;
        }
    }

    async fn opened(&self) -> RedisResult<Open> {
        let Inner { server, purpose, outage, .. } = &*self.0;
        self.connection().await.inspect_err(|error| outage.failed(purpose, server, error))
    }

    /// Draws the conclusions from how a command ended.
    async fn conclude(&self, open: &Open, failure: Option<&RedisError>) {
        let Inner { server, purpose, outage, .. } = &*self.0;
        match failure {
            None => outage.answered(purpose, server),
            Some(error) => {
                outage.failed(purpose, server, error);
                // Also after a refusal: a replica's or a starting server's successor may have another address.
                self.discard(open).await;
            }
        }
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async move {
            let mut open = self.opened().await?;
            let answer = open.connection.req_packed_command(cmd).await;
            let refusal = answer.as_ref().ok().and_then(refused);
            self.conclude(&open, refusal.as_ref().or(answer.as_ref().err())).await;
            answer
        }
        .boxed()
    }

    fn req_packed_commands<'a>(&'a mut self, pipeline: &'a Pipeline, offset: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        async move {
            let mut open = self.opened().await?;
            let answer = open.connection.req_packed_commands(pipeline, offset, count).await;
            let refusal = answer.as_ref().ok().and_then(|values| values.iter().find_map(refused));
            self.conclude(&open, refusal.as_ref().or(answer.as_ref().err())).await;
            answer
        }
        .boxed()
    }

    fn get_db(&self) -> i64 {
        0 // Only asked by commands that this crate doesn't use.
    }
}

/// The error in an answer that counts as an outage, which is any but those that the queue puts right by itself.
fn refused(answer: &Value) -> Option<RedisError> {
    match answer {
        Value::ServerError(error) if !matches!(error.code(), "NOGROUP" | "NOSCRIPT" | "BUSYGROUP") => Some(error.clone().into()),
        Value::Array(answers) => answers.iter().find_map(|inner| match inner {
            Value::ServerError(_) => refused(inner),
            _ => None,
        }),
        _ => None,
    }
}
